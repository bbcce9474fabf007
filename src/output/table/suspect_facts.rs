//! The facts of a suspect, each with the word that names it: what its values do, what it keeps, what its
//! goroutines wait for, and where it is. The table and Markdown write the same facts.

use super::super::{Style, Width};
use super::number::{self, Scale};
use super::rows::file_and_line;
use super::sparkline::sparkline;
use super::{escape::escape, name, suspect_path};
use crate::analysis::Place;
use crate::analysis::estimates::{Class, Share};
use crate::analysis::suspects::{Goroutines, Part, Suspect};
use crate::model::origin;
use crate::patterns::Confidence;
use crate::report::Report;
use unicode_width::UnicodeWidthStr;

/// Further places that a suspect names.
const PLACES_SHOWN: usize = 4;

/// Indent of the facts of a suspect.
pub(super) const INDENT: usize = 4;
/// Width of the words that name the facts.
pub(super) const WORDS: usize = 9;
/// A wider sparkline shows no more.
pub(super) const SPARK_AT_MOST: usize = 40;

/// A line about a suspect.
pub(in crate::output) struct Fact {
    /// What it is about; empty if it goes on with that of the line before.
    pub(in crate::output) word: &'static str,
    /// What there is to say. A part in parentheses belongs to the one before it.
    pub(in crate::output) parts: Vec<String>,
}

impl Fact {
    fn new(word: &'static str, parts: Vec<String>) -> Self {
        Self { word, parts }
    }
}

/// The class of a suspect in words.
pub(in crate::output) fn class(suspect: &Suspect) -> &'static str {
    match (suspect.class, suspect.sample_type.as_str()) {
        (Class::Leak, "goroutine") => "goroutine leak",
        (_, "goroutine") => "goroutines",
        (class, _) => class.name(),
    }
}

/// How sure the class is.
pub(in crate::output) fn confidence(confidence: Confidence) -> String {
    format!("confidence {}", confidence.word())
}

/// What its values do.
pub(in crate::output) fn growth(report: &Report, suspect: &Suspect, style: &Style) -> Vec<Fact> {
    let scale = scale(report, suspect, style);
    let room = match style.width {
        Width::Columns(columns) => columns.saturating_sub(INDENT + WORDS).clamp(8, SPARK_AT_MOST),
        Width::Unlimited => SPARK_AT_MOST,
    };
    let mut shape = vec![sparkline(&suspect.values, room)];
    if let (Some(&first), Some(&last)) = (suspect.values.first(), suspect.values.last()) {
        shape.push(format!("{} → {}", scale.value(first), scale.value(last)));
    }
    if suspect.since > 0 {
        shape.push(since(report, suspect));
    }
    let mut facts = vec![Fact::new("values", shape)];
    let per_hour = |slope| number::estimate(|value| scale.value(value), slope, "/h");
    if let Some(slope) = &suspect.slope_per_hour {
        facts.push(Fact::new("slope", in_two(&per_hour(slope))));
    }
    let growth = &suspect.growth;
    let mut parts = if growth.lower == growth.upper {
        vec![scale.change(growth.estimate)]
    } else {
        in_two(&number::estimate(|value| scale.change(value), growth, ""))
    };
    parts.extend(suspect.q_value.filter(|q| q.is_finite()).map(q_value));
    let intervals = suspect.values.len().saturating_sub(1);
    if intervals > 1 && suspect.persistence.is_finite() {
        let rose = (suspect.persistence.clamp(0.0, 1.0) * intervals as f64).round();
        parts.push(format!("in {rose} of {intervals} intervals"));
    }
    facts.push(Fact::new("growth", parts));
    if let Some(share) = suspect.retention {
        let [kept, bounds] = retention(share);
        facts.push(Fact::new("kept", vec![kept, format!("{bounds} of what it allocated")]));
    }
    facts
}

/// What its goroutines wait for, if it has any.
pub(in crate::output) fn goroutines(suspect: &Suspect, style: &Style) -> Option<Fact> {
    suspect.goroutines.as_ref().map(|goroutines| waiting(suspect, goroutines, style))
}

/// The call path to it; `None` if there is none.
pub(in crate::output) fn path(suspect: &Suspect, width: Width) -> Option<Fact> {
    let (site, mechanism) = (&suspect.site.function, suspect.mechanism.as_deref());
    let path = suspect_path::line(&suspect.path, site, mechanism, width, INDENT + WORDS);
    (!path.is_empty()).then(|| Fact::new("path", vec![path]))
}

/// The patterns that its stacks match.
pub(in crate::output) fn patterns(suspect: &Suspect, width: Width) -> Option<Fact> {
    let pattern = suspect.patterns.first()?;
    let mut parts: Vec<String> =
        suspect.patterns.iter().map(|id| escape(id).into_owned()).collect();
    if let (Width::Columns(_), more @ 1..) = (width, parts.len() - 1) {
        parts.truncate(1);
        parts.push(format!("and {more} more"));
    }
    parts.push(format!("(heapdiff patterns {})", escape(pattern)));
    Some(Fact::new("pattern", parts))
}

/// The snapshot in which the growth begins, counted like in the heading.
fn since(report: &Report, suspect: &Suspect) -> String {
    let shown = report.answer.timeline().zip(suspect.shown_by.as_ref());
    let place = shown.and_then(|(timeline, shown_by)| {
        let at = timeline.inputs.iter().position(|input| *input == shown_by.since)?;
        Some((at, timeline.inputs.len()))
    });
    let (since, all) = place.unwrap_or((suspect.since, suspect.values.len()));
    let what = if place.is_none() && suspect.is_of_goroutines() {
        "goroutine profile"
    } else {
        "snapshot"
    };
    format!("since {what} {} of {all}", since + 1)
}

fn q_value(q: f64) -> String {
    if q == 0.0 {
        "q < 1e-300".to_owned()
    } else if q < 1e-4 {
        format!("q {q:.0e}")
    } else {
        format!("q {q:.4}")
    }
}

/// `84 %`, `(72 … 92)`.
fn retention(share: Share) -> [String; 2] {
    let percent = |share: f64| (share.clamp(0.0, 1.0) * 100.0).round();
    [
        format!("{} %", percent(share.estimate)),
        format!("({} … {})", percent(share.lower), percent(share.upper)),
    ]
}

/// An estimate and its interval: a line may break between them.
fn in_two(text: &str) -> Vec<String> {
    match text.split_once(" (") {
        Some((value, interval)) => vec![value.to_owned(), format!("({interval}")],
        None => vec![text.to_owned()],
    }
}

/// The goroutines: how many, what they wait for, and what started them.
fn waiting(suspect: &Suspect, goroutines: &Goroutines, style: &Style) -> Fact {
    let Goroutines { before, after, state, started_by, parked_in } = goroutines;
    let of_its_own = suspect.sample_type == "goroutine";
    let number = crate::units::Grouped;
    let mut facts = Vec::new();
    if !of_its_own {
        facts.push(format!("{} → {} goroutines", number(*before), number(*after)));
    }
    if !state.is_empty() {
        facts.push(format!("in {}", escape(state)));
    }
    let room = match style.width {
        Width::Columns(columns) => columns.saturating_sub(INDENT + WORDS),
        Width::Unlimited => usize::MAX,
    };
    let named = |what: &str, name: &str| {
        format!("{what} {}", name::fit(&escape(name), room.saturating_sub(what.width() + 1)))
    };
    if !parked_in.is_empty() {
        facts.push(named("at", parked_in));
    }
    if !started_by.is_empty() && (!of_its_own || *started_by != suspect.site.function) {
        facts.push(named("started by", started_by));
    }
    Fact::new("waiting", facts)
}

/// The parts of the suspect, one in each line, or further places of its only part.
pub(in crate::output) fn places(suspect: &Suspect, style: &Style) -> Vec<Fact> {
    let shown = match style.width {
        Width::Columns(_) => PLACES_SHOWN,
        Width::Unlimited => usize::MAX,
    };
    let room = match style.width {
        Width::Columns(columns) => columns.saturating_sub(INDENT + WORDS),
        Width::Unlimited => usize::MAX,
    };
    let text = |place: &Place, room: usize| {
        let line = file_and_line(place, style.file_names);
        let line = name::fit(&line, room / 2);
        let function = name::fit(&escape(&place.function), room.saturating_sub(line.width() + 1));
        if line.is_empty() { function } else { format!("{function} {line}") }
    };
    let part = |part: &Part| {
        let of_goroutines = if part.sample_type == "goroutine" { " goroutines" } else { "" };
        let growth = Scale::new(&part.unit, None).change(part.growth.estimate);
        let growth = format!("{growth}{of_goroutines}");
        let room = room.saturating_sub(growth.width() + 2);
        if part.site.function == origin::DESCRIPTOR {
            // A line of the runtime leads nowhere.
            return format!("{growth}  goroutine descriptors ({})", origin::DESCRIPTOR);
        }
        format!("{growth}  {}", text(&part.site, room))
    };
    let (word, all): (_, Vec<String>) = if suspect.parts.is_empty() {
        ("also", suspect.places.iter().map(|place| text(place, room)).collect())
    } else {
        ("parts", suspect.parts.iter().map(part).collect())
    };
    let (facts, rest) = all.split_at(all.len().min(shown));
    let more = (!rest.is_empty()).then(|| format!("{} more", rest.len()));
    let facts: Vec<String> = facts.iter().cloned().chain(more).collect();
    if !suspect.parts.is_empty() {
        let words = std::iter::once(word).chain(std::iter::repeat(""));
        return words.zip(facts).map(|(word, fact)| Fact::new(word, vec![fact])).collect();
    }
    if facts.is_empty() { Vec::new() } else { vec![Fact::new(word, facts)] }
}

/// How its values print.
pub(super) fn scale<'a>(report: &'a Report, suspect: &'a Suspect, style: &'a Style) -> Scale<'a> {
    let wanted = style.unit.as_deref().filter(|_| suspect.unit == report.unit);
    Scale::new(&suspect.unit, wanted)
}
