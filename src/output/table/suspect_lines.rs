//! Suspects: leaks in full, and one line for each other suspect, under a heading that explains why
//! it isn't a leak.
//!
//! A leak starts with its location, then its growth, then the evidence and the fix: the first lines
//! are enough to know which file to open.

use super::super::{Style, Width};
use super::closing::write_next;
use super::grid::Kind::{Mixed, Number, Text, Word};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::rows::file_and_line;
use super::sparkline::sparkline;
use super::{counted, escape::escape, facts, name, suspect_next, suspect_path, wrap};
use crate::analysis::Place;
use crate::analysis::estimates::{Class, Share};
use crate::analysis::suspects::{Goroutines, Part, Suspect, Verdict};
use crate::analysis::timeline::Timeline;
use crate::patterns::Confidence;
use crate::report::{LeaksAnswer, Report};
use anstyle::{AnsiColor, Style as Ansi};
use std::io;
use unicode_width::UnicodeWidthStr;

/// Leaks that a terminal shows in full.
const LEAKS_SHOWN: usize = 10;
/// Suspects shown in full if growth is all that is known.
const GROWN_SHOWN: usize = 3;
/// Further places that a suspect names.
const PLACES_SHOWN: usize = 4;

/// Indent of the facts of a suspect.
const INDENT: usize = 4;
/// Width of the words that name the facts.
const WORDS: usize = 9;
/// A wider sparkline shows no more.
const SPARK_AT_MOST: usize = 40;

pub(super) fn write(
    report: &Report,
    answer: &LeaksAnswer,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let LeaksAnswer { suspects, verdict, .. } = answer;
    let limit = |full: usize| match style.width {
        Width::Columns(_) => full,
        Width::Unlimited => usize::MAX,
    };
    // A few snapshots can show only growth, so growth is shown in full.
    let in_full = |suspect: &&Suspect| match suspect.class {
        Class::Leak => true,
        Class::Grew => verdict.needed.is_some(),
        _ => false,
    };
    let (full, brief): (Vec<&Suspect>, Vec<&Suspect>) = suspects.iter().partition(in_full);
    let has_leak = full.iter().any(|suspect| suspect.class == Class::Leak);
    let shown = limit(if has_leak { LEAKS_SHOWN } else { GROWN_SHOWN });
    for suspect in full.iter().take(shown) {
        writeln!(out)?;
        write_suspect(report, verdict, suspect, style, out)?;
    }
    let rest = full.get(shown.min(full.len())..).unwrap_or_default();
    if !rest.is_empty() {
        let what = if has_leak { "Further leaks" } else { "Also grew" };
        write_brief(what, rest, report, style, out)?;
    }
    for (class, heading) in HEADINGS {
        let of_class: Vec<&Suspect> =
            brief.iter().copied().filter(|suspect| suspect.class == class).collect();
        if !of_class.is_empty() {
            write_brief(heading, &of_class, report, style, out)?;
        }
    }
    if full.iter().take(shown).any(|suspect| suspect.q_value.is_some()) {
        writeln!(out)?;
        let text = "q: of what grew with a q this low or lower, at most this share only seems to have grown";
        wrap::write("", text, Ansi::new().dimmed(), style, out)?;
    }
    let omitted = (verdict.omitted > 0).then(|| {
        ("not shown: ", format!("{} (-n 0 shows them)", counted(verdict.omitted, "suspects")))
    });
    wrap::remarks(omitted, style, out)
}

/// Why a class isn't a leak.
const HEADINGS: [(Class, &str); 6] = [
    (
        Class::GrowingDecelerating,
        "Growing more and more slowly, but not level yet: more snapshots will tell",
    ),
    (Class::Grew, "Grew, but not the way a leak does"),
    (Class::Step, "Grew once and stayed: a step"),
    (Class::WarmUp, "Warmed up: grew and levelled off, like a cache that is full"),
    (Class::Churn, "Churns: allocates a lot and keeps next to nothing"),
    (Class::Steady, "Steady"),
];

/// A suspect in full.
fn write_suspect(
    report: &Report,
    verdict: &Verdict,
    suspect: &Suspect,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    write_title(verdict, suspect, style, out)?;
    let scale = scale(report, suspect, style);
    write_growth(report, suspect, &scale, style, out)?;
    if let Some(goroutines) = &suspect.goroutines {
        write_goroutines(suspect, goroutines, style, out)?;
    }
    let path = suspect_path::line(
        &suspect.path,
        &suspect.site.function,
        suspect.mechanism.as_deref(),
        style.width,
        INDENT + WORDS,
    );
    write_fact("path", &path, style, out)?;
    write_places(suspect, style, out)?;
    let dim = Ansi::new().dimmed();
    for (word, text) in [("why", &suspect.explanation), ("fix", &suspect.fix)] {
        if !text.is_empty() {
            wrap::write(&word_column(word), &escape(text), dim, style, out)?;
        }
    }
    if let Some(pattern) = suspect.patterns.first() {
        let mut facts: Vec<String> =
            suspect.patterns.iter().map(|id| escape(id).into_owned()).collect();
        if let (Width::Columns(_), more @ 1..) = (style.width, facts.len() - 1) {
            facts.truncate(1);
            facts.push(format!("and {more} more"));
        }
        facts.push(format!("(heapdiff patterns {})", escape(pattern)));
        write_facts("pattern", &facts, style, out)?;
    }
    if let Some(command) = suspect_next::command(report, suspect) {
        write!(out, "{:INDENT$}", "")?;
        write_next("next", &command, style, out)?;
    }
    Ok(())
}

/// ` 1  leak  main.newRequestLimiter  limiter.go:28`.
fn write_title(
    verdict: &Verdict,
    suspect: &Suspect,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let rank = format!("{:>2}", suspect.rank);
    let class = match (suspect.class, suspect.sample_type.as_str()) {
        (Class::Leak, "goroutine") => "goroutine leak",
        (_, "goroutine") => "goroutines",
        (class, _) => class_word(class),
    };
    let place = file_and_line(&suspect.site, style.file_names);
    let mut remarks = vec![
        match suspect.confidence {
            Confidence::High => "confidence high",
            Confidence::Med => "confidence medium",
            Confidence::Low => "confidence low",
        }
        .to_owned(),
    ];
    if verdict.processes.len() > 1 {
        remarks.push(format!("process {}", suspect.process + 1));
    }
    let head = rank.width() + 2 + class.width() + 2;
    let columns = match style.width {
        Width::Columns(columns) => columns,
        Width::Unlimited => usize::MAX,
    };
    // The location may include all folders of a file.
    let place = name::fit(&place, columns.saturating_sub(head) / 2);
    let gap = if place.is_empty() { 0 } else { 2 };
    let function = escape(&suspect.site.function);
    let room = columns.saturating_sub(head + gap + place.width());
    let function = name::fit(&function, room);
    let mut used = head + function.width() + gap + place.width();
    let bold = Ansi::new().bold();
    let red = AnsiColor::Red.on_default().bold();
    let paint = if suspect.class == Class::Leak { red } else { bold };
    if style.color {
        write!(out, "{rank}  {paint}{class}{paint:#}  {bold}{function}{bold:#}")?;
    } else {
        write!(out, "{rank}  {class}  {function}")?;
    }
    write!(out, "{:gap$}{place}", "")?;
    for remark in remarks {
        if used.saturating_add(remark.width() + 2) <= columns {
            used += remark.width() + 2;
            write!(out, "  {remark}")?;
        }
    }
    writeln!(out)
}

/// Writes the sparkline and the numbers of the growth.
fn write_growth(
    report: &Report,
    suspect: &Suspect,
    scale: &Scale<'_>,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
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
    write_facts("values", &shape, style, out)?;
    let per_hour = |slope| number::estimate(|value| scale.value(value), slope, "/h");
    if let Some(slope) = &suspect.slope_per_hour {
        write_facts("slope", &in_two(&per_hour(slope)), style, out)?;
    }
    let growth = &suspect.growth;
    let mut facts = if growth.lower == growth.upper {
        vec![scale.change(growth.estimate)]
    } else {
        in_two(&number::estimate(|value| scale.change(value), growth, ""))
    };
    facts.extend(suspect.q_value.filter(|q| q.is_finite()).map(q_value));
    let intervals = suspect.values.len().saturating_sub(1);
    if intervals > 1 && suspect.persistence.is_finite() {
        let rose = (suspect.persistence.clamp(0.0, 1.0) * intervals as f64).round();
        facts.push(format!("in {rose} of {intervals} intervals"));
    }
    write_facts("growth", &facts, style, out)?;
    if let Some(share) = suspect.retention {
        let [kept, bounds] = retention(share);
        let facts = [kept, format!("{bounds} of what it allocated")];
        write_facts("kept", &facts, style, out)?;
    }
    Ok(())
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

/// Writes the goroutines: how many, what they wait for, and what started them.
fn write_goroutines(
    suspect: &Suspect,
    goroutines: &Goroutines,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
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
    write_facts("waiting", &facts, style, out)
}

/// Writes the parts of the suspect, or further places of its only part.
fn write_places(suspect: &Suspect, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
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
        let mut words = std::iter::once(word).chain(std::iter::repeat(""));
        return facts
            .iter()
            .try_for_each(|fact| write_fact(words.next().unwrap_or_default(), fact, style, out));
    }
    if facts.is_empty() { Ok(()) } else { write_facts(word, &facts, style, out) }
}

fn word_column(word: &str) -> String {
    format!("{:INDENT$}{word:WORDS$}", "")
}

/// Writes a fact that already fits the line.
fn write_fact(word: &str, text: &str, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    write_facts(word, &[text.to_owned()], style, out)
}

/// Writes facts after the word that names them.
fn write_facts(
    word: &str,
    facts: &[String],
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    facts::write(&word_column(word), facts, style, out)
}

/// Writes suspects, one line each.
fn write_brief(
    heading: &str,
    suspects: &[&Suspect],
    report: &Report,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    wrap::title(&wrap::lines(heading, style), style, out)?;
    let spark = match style.width {
        Width::Columns(columns) => (columns / 6).clamp(8, 24),
        Width::Unlimited => SPARK_AT_MOST,
    };
    let mut grid = Grid::new()
        .name_at_least(28)
        .column(Word, "", Some(1), |suspect: &Suspect| sparkline(&suspect.values, spark))
        .column(Number, "", None, |suspect| {
            scale(report, suspect, style).change(suspect.growth.estimate)
        })
        .column(Mixed, "", Some(0), |suspect| {
            let moves = matches!(suspect.class, Class::Leak | Class::GrowingDecelerating);
            let slope = suspect.slope_per_hour.filter(|_| moves)?;
            Some(format!("{}/h", scale(report, suspect, style).change(slope.estimate)))
        })
        .column(Text, "", Some(2), |suspect| file_and_line(&suspect.site, style.file_names))
        .name("");
    for &suspect in suspects {
        let mut label = RowLabel::new(&suspect.site.function);
        if let Some(mechanism) = &suspect.mechanism {
            label = label.into_callee(mechanism);
        }
        if let Some(load) = suspect.load_factor.filter(|load| load.is_finite()) {
            label = label.remark(&format!("load × {load:.1}"));
        }
        if let Some(replaced) = &suspect.replaces {
            label = label.remark(&format!("replaces {}", replaced.site.function));
        }
        let tone = if suspect.class == Class::Leak { Tone::Growth } else { Tone::Plain };
        grid.push(suspect, label, tone);
    }
    grid.write(style, 1, out)
}

/// The words that JSON uses.
pub(in crate::output) fn class_word(class: Class) -> &'static str {
    match class {
        Class::Leak => "leak",
        Class::GrowingDecelerating => "growing-decelerating",
        Class::Grew => "grew",
        Class::Step => "step",
        Class::WarmUp => "warm-up",
        Class::Churn => "churn",
        Class::Steady => "steady",
    }
}

fn scale<'a>(report: &'a Report, suspect: &'a Suspect, style: &'a Style) -> Scale<'a> {
    let wanted = style.unit.as_deref().filter(|_| suspect.unit == report.unit);
    Scale::new(&suspect.unit, wanted)
}

/// Writes the line of the whole heap, and of what else was read.
pub(super) fn write_total(
    report: &Report,
    timeline: &Timeline,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let about = report.totals.iter().find(|total| total.sample_type == report.sample_type);
    let Some(total) = about else { return Ok(()) };
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let of_judged = timeline.total.values.iter().zip(&timeline.processes);
    let values: Vec<i64> = of_judged
        .filter(|(_, process)| **process == timeline.judged)
        .map(|(value, _)| *value)
        .collect();
    let room = match style.width {
        Width::Columns(columns) => columns.saturating_sub(48).clamp(8, SPARK_AT_MOST),
        Width::Unlimited => SPARK_AT_MOST,
    };
    let before = total.value.before.unwrap_or_default();
    let name = escape(&total.sample_type);
    let mut parts = vec![
        format!("{name} {}", sparkline(&values, room)),
        format!("{} → {}", scale.value(before), scale.value(total.value.after)),
        scale.change(total.value.delta.unwrap_or_default()),
    ];
    if timeline.processes.iter().any(|process| *process != timeline.judged) {
        parts.push(format!(
            "(process {}, {})",
            timeline.judged + 1,
            counted(values.len(), "snapshots")
        ));
    }
    wrap::write("", &parts.join("  "), Ansi::new(), style, out)
}
