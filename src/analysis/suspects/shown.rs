//! Finds the function whose call paths show the growth of a suspect.
//!
//! The function to blame isn't always on the stacks that grew: it may only have started a goroutine,
//! called a library that allocates in one of its own, or keep what another function made. Then the
//! growth shows at a function of these stacks.

use super::{Ranked, ShownBy};
use crate::analysis::estimates::Class;
use crate::analysis::evolution::RecordChange;
use crate::model::history::History;
use crate::model::recording::Span;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;

/// The most functions that together show a suspect.
const MOST: usize = 3;
/// One part of so many is hardly more.
const HARDLY: i64 = 20;

/// Adds to each suspect of a process what shows it: those of goroutines, or those of memory.
/// `first_input` is the position of the history's first snapshot among the inputs.
pub(super) fn add_to<'c>(
    found: &mut [Ranked],
    (process, of_goroutines): (usize, bool),
    (history, first_input): (&History, usize),
    span: &Span,
    changes: impl FnOnce() -> Cow<'c, [RecordChange]>,
) {
    let is_asked = |one: &&mut Ranked| {
        let suspect = &one.suspect;
        suspect.process == process
            && suspect.is_of_goroutines() == of_goroutines
            && matches!(suspect.class, Class::Leak | Class::Grew)
    };
    let mut asked: Vec<&mut Ranked> = found.iter_mut().filter(is_asked).collect();
    let (Some(&first), Some(&last)) = (span.moments.first(), span.moments.last()) else { return };
    if asked.is_empty() {
        return;
    }
    let changes = changes();
    let names: Vec<String> =
        asked.iter().flat_map(|one| functions(one)).map(str::to_owned).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let deltas = deltas(history, &changes, &names, &[]);
    let chosen: Vec<Vec<String>> = asked
        .iter()
        .map(|one| match best(one, |name| deltas.get(name).copied().unwrap_or_default()) {
            Some(function) => vec![function.to_owned()],
            None => several(one, history, &changes),
        })
        .collect();
    for (one, functions) in asked.iter_mut().zip(chosen) {
        let inputs = [first_input + first, first_input + last];
        let since = span.moments.get(one.suspect.since).copied().unwrap_or(first);
        one.suspect.shown_by = Some(ShownBy { functions, inputs, since: first_input + since });
    }
}

/// The functions that may show a suspect: the one to blame first.
fn functions(one: &Ranked) -> impl Iterator<Item = &str> {
    let site = &one.suspect.site.function;
    std::iter::once(site).chain(&one.trail).map(String::as_str)
}

/// The function to blame if at least half of the growth goes through it; else the one with the least
/// growth of which that is true, or one before it with hardly more: what ends elsewhere in the same time
/// makes a common function such as `runtime.gopark` look narrower than it is.
fn best(one: &Ranked, delta: impl Fn(&str) -> i64) -> Option<&str> {
    let is_enough = |name: &&str| delta(name) >= half(one);
    let site = functions(one).next().filter(is_enough);
    site.or_else(|| {
        let least = functions(one).filter(is_enough).map(&delta).min()?;
        let is_narrow = |name: &&str| delta(name) <= least.saturating_add(least / HARDLY);
        functions(one).filter(is_enough).find(is_narrow)
    })
}

/// Half of the growth of a suspect, rounded up.
fn half(one: &Ranked) -> i64 {
    let growth = one.suspect.growth.estimate;
    growth - growth / 2
}

/// The functions that together show a suspect whose growth has several roots.
fn several(one: &Ranked, history: &History, changes: &[RecordChange]) -> Vec<String> {
    let names: Vec<&str> = functions(one).collect();
    let mut chosen: Vec<String> = Vec::new();
    let mut sum = 0_i64;
    while chosen.len() < MOST && sum < half(one) {
        let more = deltas(history, changes, &names, &chosen);
        let of = |name: &&str| more.get(*name).copied().unwrap_or_default();
        // The last one is the narrowest that is enough.
        let enough = names.iter().filter(|name| sum.saturating_add(of(name)) >= half(one));
        let narrow = enough.min_by_key(|name| of(name));
        let wide = || names.iter().rev().max_by_key(|name| of(name));
        let Some(name) = narrow.or_else(wide).filter(|name| of(name) > 0) else { break };
        sum = sum.saturating_add(of(name));
        chosen.push((*name).to_owned());
    }
    if chosen.is_empty() {
        chosen.push(one.suspect.site.function.clone());
    }
    chosen
}

/// By how much what goes through each of these functions, and through none of `others`, grew.
fn deltas<'n>(
    history: &'n History,
    changes: &[RecordChange],
    names: &[&'n str],
    others: &[String],
) -> HashMap<&'n str, i64, FxBuildHasher> {
    let series = &history.records;
    let symbols = &series.symbols;
    let mut deltas: HashMap<&str, i64, FxBuildHasher> =
        names.iter().map(|&name| (name, 0)).collect();
    let Some(snapshot) = series.snapshots.first() else { return deltas };
    let is_asked: Vec<bool> =
        symbols.functions.iter().map(|f| deltas.contains_key(symbols.text(f.name))).collect();
    let mut on_stack: Vec<&str> = Vec::new();
    for sample in 0..snapshot.samples.len() {
        let delta = changes[history.record(sample)].delta();
        if delta == 0 {
            continue;
        }
        on_stack.clear();
        let lines = snapshot.stack(sample).flat_map(|location| symbols.locations.lines(location));
        let asked = lines.filter(|line| is_asked[line.function.index()]);
        on_stack.extend(asked.map(|line| symbols.name(line.function)));
        on_stack.sort_unstable();
        on_stack.dedup();
        if others.iter().any(|other| on_stack.contains(&other.as_str())) {
            continue;
        }
        for name in &on_stack {
            if let Some(sum) = deltas.get_mut(name) {
                *sum = sum.saturating_add(delta);
            }
        }
    }
    deltas
}

#[cfg(test)]
mod tests {
    use super::super::planted::parked;
    use super::best;

    #[test]
    fn a_common_function_is_no_narrower_because_others_end() {
        let mut one =
            parked(&["main.serve.func1", "runtime.gopark"], "main.serve", &[5, 505, 1005]);
        one.suspect.site.function = "main.serve".to_owned();
        one.trail =
            ["main.serve.func1", "runtime.chanrecv", "runtime.gopark"].map(str::to_owned).into();
        let of = |gopark: i64| {
            best(&one, |name| match name {
                "main.serve.func1" | "runtime.chanrecv" => 1000,
                "runtime.gopark" => gopark,
                _ => 0,
            })
        };
        assert_eq!(of(996), Some("main.serve.func1"));
        assert_eq!(of(1500), Some("main.serve.func1"));
        assert_eq!(of(700), Some("runtime.gopark"), "a part of it");
        assert_eq!(best(&one, |_| 10), None);
    }
}
