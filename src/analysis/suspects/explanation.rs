//! Explains a suspect: one sentence on what its value does, and what its pattern means.

use super::{Replaced, Suspect, confidence, is_any};
use crate::analysis::estimates::Class;
use crate::model::goroutine_states::explained;
use crate::patterns::{Catalog, Confidence, Pattern, PatternEvidence};
use crate::units;

/// Returns the explanation of a suspect, and the advice.
pub(super) fn explain(suspect: &Suspect, catalog: &Catalog, snapshots: usize) -> (String, String) {
    let patterns = suspect.patterns.iter().filter_map(|id| catalog.find(id));
    let pattern = patterns.clone().next();
    let mut text = class(suspect, pattern, snapshots);
    if suspect.class == Class::Leak {
        text.push_str(&limit(suspect, pattern));
    }
    match pattern.filter(|pattern| !pattern.is_fallback()) {
        // The catalogue describes a high-water mark in the heap; goroutines aren't one.
        Some(pattern) if suspect.is_of_goroutines() && is_any(pattern) => {
            text.push_str(&state(suspect));
        }
        Some(pattern) => {
            text.push(' ');
            text.push_str(&pattern.meaning);
        }
        None => {}
    }
    if let Some(function) = &suspect.one_for_each {
        text.extend([format!(
            " {function} makes one object for each of them, which they may keep. If its memory stays \
             when they end, it is a leak of its own."
        )]);
    }
    let by_dependency = dependency(suspect, pattern);
    let advice = match suspect.class {
        // A value that stays level needs no action.
        Class::Step | Class::WarmUp | Class::Steady => String::new(),
        _ if suspect.replaces.is_some() => String::new(),
        Class::Churn => pattern
            .filter(|pattern| !pattern.is_fallback())
            .map(|pattern| pattern.fix.clone())
            .unwrap_or_default(),
        _ => by_dependency.unwrap_or_else(|| {
            let pattern = pattern.or(catalog.fallback());
            pattern.map(|pattern| pattern.fix.clone()).unwrap_or_default()
        }),
    };
    (text, advice)
}

/// What is usual if many goroutines stay in their state, or what is true of all that stay.
fn state(suspect: &Suspect) -> String {
    let state = suspect.goroutines.as_ref().map(|goroutines| goroutines.state.as_str());
    let Some((state, known)) = state.and_then(|state| Some((state, explained(state)?))) else {
        return " Goroutines that never end keep their stacks and everything they refer to."
            .to_owned();
    };
    format!(" In {state}: {}", known.usual)
}

/// The advice about what a dependency allocates or starts, where no pattern knows better: the container may be
/// one that the program can't see.
fn dependency(suspect: &Suspect, pattern: Option<&Pattern>) -> Option<String> {
    let package = suspect.dependency.as_ref()?;
    if suspect.is_of_goroutines() {
        return pattern.is_none_or(is_any).then(|| {
            format!(
                "{package} started these goroutines. Create what needs them once and share it, or close, stop \
                 or cancel it when you are done. If you do, look for a leak in the issues of {package}, and \
                 for a newer version."
            )
        });
    }
    pattern.is_none_or(Pattern::is_fallback).then(|| {
        format!(
            "Find out who keeps it: your code keeps what {package} returns, or {package} registers each \
             one and keeps it itself. Create it once and share it, or close, stop or unregister it when \
             you are done. If you do, look for a leak in the issues of {package}, and for a newer version."
        )
    })
}

/// What else a leak may be: something with a limit that isn't full yet.
fn limit(suspect: &Suspect, pattern: Option<&Pattern>) -> String {
    let last = suspect.values.last().copied().unwrap_or_default();
    let holds = units::display(last as f64, &suspect.unit);
    if suspect.is_of_goroutines() || suspect.confidence == Confidence::High {
        String::new()
    } else if let Some(name) = confidence::bounded_by(suspect) {
        format!(
            " {name} is named like something with a limit. It holds {holds} now: if that is below its \
             limit, it isn't full yet and doesn't leak."
        )
    } else if pattern.is_none_or(Pattern::is_fallback) {
        format!(
            " Either it leaks, or it has a limit and isn't full yet: it holds {holds} now. If that is more \
             than it should ever hold, look here."
        )
    } else {
        String::new()
    }
}

fn class(suspect: &Suspect, pattern: Option<&Pattern>, snapshots: usize) -> String {
    let what =
        if suspect.is_of_goroutines() { "The number of these goroutines" } else { "Its value" };
    if let Some(Replaced { site, together }) = &suspect.replaces {
        let most = units::display(together.upper as f64, &suspect.unit);
        let grew = if together.upper > 0 {
            format!("Together they grew by {most} at most.")
        } else {
            "Together they shrank.".to_owned()
        };
        let moved = if suspect.is_of_goroutines() {
            "as many ended as began"
        } else {
            "one replaces what the other made"
        };
        return format!(
            "{what} grew, and that of {} fell in the same time: {moved}. {grew}",
            site.function
        );
    }
    let rose = (suspect.persistence * snapshots.saturating_sub(1) as f64).round();
    let of = snapshots.saturating_sub(1);
    match suspect.class {
        Class::Leak => {
            let stairs = if rose < 0.5 * of as f64 { ", in stairs," } else { "" };
            format!(
                "{what} rose in {rose} of {of} intervals{stairs} and shows no sign of leveling off."
            )
        }
        Class::GrowingDecelerating => format!(
            "{what} rises ever more slowly, like a cache that fills, but hasn't leveled off: take \
             more snapshots to tell."
        ),
        Class::Grew
            if !suspect.is_of_goroutines()
                && pattern
                    .is_some_and(|pattern| pattern.evidence == PatternEvidence::Highwater) =>
        {
            "This is a high-water mark: it shows that more existed at one time than ever before, \
             and it never falls."
                .to_owned()
        }
        Class::Grew if snapshots < crate::stats::class::LEAST => {
            format!("{what} grew; {snapshots} snapshots can't tell a leak from a cache that fills.")
        }
        Class::Grew if suspect.load_factor.is_some() => format!(
            "{what} grew as the whole program did, which also allocates faster: load explains it \
             (a factor of {:.1}).",
            suspect.load_factor.unwrap_or(1.0)
        ),
        Class::Grew => {
            format!("{what} grew, but not the way a leak does.")
        }
        Class::Step => format!("{what} rose once and has stayed there since."),
        Class::WarmUp => {
            format!("{what} rose at first and then leveled off, like a cache that is full.")
        }
        Class::Churn => "It allocates a lot and keeps next to nothing: work for the garbage \
                         collector, not a leak."
            .to_owned(),
        Class::Steady => format!("{what} did not grow."),
    }
}
