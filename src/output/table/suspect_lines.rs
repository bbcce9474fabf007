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
use super::number::Scale;
use super::rows::file_and_line;
use super::sparkline::sparkline;
use super::suspect_facts::{self, Fact, INDENT, SPARK_AT_MOST, WORDS, scale};
use super::{counted, escape::escape, facts, name, suspect_next, wrap};
use crate::analysis::estimates::Class;
use crate::analysis::suspects::{Suspect, Verdict};
use crate::analysis::timeline::Timeline;
use crate::report::{LeaksAnswer, Report};
use anstyle::{AnsiColor, Style as Ansi};
use std::io;
use unicode_width::UnicodeWidthStr;

/// Leaks that a terminal shows in full.
const LEAKS_SHOWN: usize = 10;
/// Suspects shown in full if growth is all that is known.
const GROWN_SHOWN: usize = 3;

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
pub(in crate::output) const HEADINGS: [(Class, &str); 6] = [
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
    let facts = suspect_facts::growth(report, suspect, style)
        .into_iter()
        .chain(suspect_facts::goroutines(suspect, style))
        .chain(suspect_facts::path(suspect, style.width))
        .chain(suspect_facts::places(suspect, style));
    for fact in facts {
        write_fact(&fact, style, out)?;
    }
    let dim = Ansi::new().dimmed();
    for (word, text) in [("why", &suspect.explanation), ("fix", &suspect.fix)] {
        if !text.is_empty() {
            wrap::write(&word_column(word), &escape(text), dim, style, out)?;
        }
    }
    if let Some(fact) = suspect_facts::patterns(suspect, style.width) {
        write_fact(&fact, style, out)?;
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
    let class = suspect_facts::class(suspect);
    let place = file_and_line(&suspect.site, style.file_names);
    let mut remarks = vec![suspect_facts::confidence(suspect.confidence)];
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

fn word_column(word: &str) -> String {
    format!("{:INDENT$}{word:WORDS$}", "")
}

/// Writes a fact after the word that names it.
fn write_fact(fact: &Fact, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    facts::write(&word_column(fact.word), &fact.parts, style, out)
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
            let together = scale(report, suspect, style).change(replaced.together.estimate);
            let site = &replaced.site.function;
            label = label.remark(&format!("replaces {site}, together {together}"));
        }
        let tone = if suspect.class == Class::Leak { Tone::Growth } else { Tone::Plain };
        grid.push(suspect, label, tone);
    }
    grid.write(style, 1, out)
}

/// Writes the line of the whole heap, and of what else was read.
pub(super) fn write_total(
    report: &Report,
    timeline: &Timeline,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match total(report, timeline, style) {
        Some(text) => wrap::write("", &text, Ansi::new(), style, out),
        None => Ok(()),
    }
}

/// What the whole heap of the judged process does.
pub(in crate::output) fn total(
    report: &Report,
    timeline: &Timeline,
    style: &Style,
) -> Option<String> {
    let total = report.totals.iter().find(|total| total.sample_type == report.sample_type)?;
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
    Some(parts.join("  "))
}
