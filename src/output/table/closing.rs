//! The last lines: what the numbers can't show, and the next command.
//!
//! Two snapshots only show growth: a cache that fills up looks like a leak. The table repeats this
//! each time, because it is read in a hurry. A suggested command exists, is quoted for a shell, and
//! asks about the site that grew most.

use super::super::Style;
use super::words::{elsewhere, nothing_to_show, words};
use super::{escape::escape, is_heap, shell, wrap};
use crate::analysis::ProcessVerdict;
use crate::analysis::diff::{Diff, DiffRow, Status};
use crate::analysis::refs::{Refs, Relation};
use crate::analysis::top::Top;
use crate::filter::Granularity;
use crate::model::series::NO_STACK;
use crate::report::WarningCode::{self, IdenticalData};
use crate::report::{Input, InputKind, Report};
use anstyle::Style as Ansi;
use std::io;

/// Whether the rows count everything ever allocated, which can only grow in one process.
fn is_allocation(report: &Report) -> bool {
    is_heap(report) && report.sample_type.starts_with("alloc_")
}

pub(super) fn write_diff(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if let Some(text) = of_diff(report, diff) {
        wrap::write("", &text, Ansi::new(), style, out)?;
    }
    if let Some(command) = after_diff(report, diff) {
        write_next(PATHS, &command, style, out)?;
    }
    Ok(())
}

/// What the next command of a comparison is about.
pub(in crate::output) const PATHS: &str = "Call paths";

/// What a comparison can't show, or why it shows nothing.
pub(in crate::output) fn of_diff(report: &Report, diff: &Diff) -> Option<String> {
    let grew = !diff.grown.is_empty() || !diff.sites.is_empty() || first_grown(diff).is_some();
    if !grew {
        Some(nothing_grew(report, diff))
    } else if is_allocation(report) {
        let text =
            "Allocated memory is work done, not memory held: -inuse_space shows what was kept.";
        Some(text.to_owned())
    } else {
        is_heap(report).then(|| two_snapshots(report))
    }
}

/// The command that asks about what grew most.
pub(in crate::output) fn after_diff(report: &Report, diff: &Diff) -> Option<String> {
    function_to_ask(report, diff).and_then(|name| command(report, "refs", name))
}

/// Writes the next command.
pub(super) fn write_next(
    lead: &str,
    command: &str,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let bold = Ansi::new().bold();
    // A command is never wrapped, so that it can be copied.
    if style.color {
        writeln!(out, "{lead}: {bold}{command}{bold:#}")
    } else {
        writeln!(out, "{lead}: {command}")
    }
}

/// What two snapshots can't show.
fn two_snapshots(report: &Report) -> String {
    const GROWTH: &str = "Two snapshots show growth, not a leak: a cache that fills up looks the \
                          same. With four or more, heapdiff leaks tells them apart.";
    let comparison = report.comparison.as_ref();
    match comparison.map(|comparison| comparison.process) {
        Some(ProcessVerdict::Different) => {
            "Two processes of different age or load differ without a leak. Two snapshots of the \
             same process, some time apart, are better evidence."
                .to_owned()
        }
        Some(ProcessVerdict::Unknown) => {
            let why =
                comparison.and_then(|it| it.process_reasons.last()).map_or("", String::as_str);
            format!(
                "{GROWTH} Whether both are of one process is unknown ({}), so ± is that of two.",
                escape(why)
            )
        }
        Some(ProcessVerdict::Same) | None => GROWTH.to_owned(),
    }
}

/// The first row that grew by more than sampling error explains.
fn first_grown(diff: &Diff) -> Option<&DiffRow> {
    let grew = |status: Status| matches!(status, Status::New | Status::Grown);
    diff.rows.iter().find(|row| grew(row.status) && row.moved_from.is_none())
}

/// The function to ask about next: of the subtree or the site that grew most, or else of the row.
fn function_to_ask<'a>(report: &Report, diff: &'a Diff) -> Option<&'a str> {
    if let Some(places) = &diff.places {
        let grew = places.counts.iter().find(|one| one.value.delta > Some(0));
        return grew.map(|one| one.at.place.function.as_str());
    }
    if let Some(grown) = diff.grown.first() {
        return grown.on_path();
    }
    if let Some(site) = diff.sites.first() {
        return Some(&site.place.function);
    }
    let row = first_grown(diff)?;
    match &row.via {
        Some(via) => Some(&via.function),
        None if report.granularity == Granularity::Functions && row.addresses.is_empty() => {
            Some(&row.name)
        }
        None => None,
    }
}

/// Why there is nothing to investigate.
fn nothing_grew(report: &Report, diff: &Diff) -> String {
    let warned = |code: WarningCode| {
        let of_inputs = report.inputs.iter().flat_map(|input| &input.warnings);
        report.warnings.iter().chain(of_inputs).any(|warning| warning.code == code)
    };
    let words = words(report);
    let is_empty = diff.rows.is_empty() && diff.within_noise.rows == 0;
    if warned(IdenticalData) {
        "No change: the two profiles hold the same data.".to_owned()
    } else if warned(WarningCode::NoMatch) {
        "Nothing to compare: the filters left no samples.".to_owned()
    } else if let Some(advice) = elsewhere(report).filter(|_| is_empty) {
        advice
    } else if is_empty && report.inputs.iter().all(|input| input.samples == 0) {
        format!("Nothing to compare: {}.", words.nothing)
    } else if diff.rows.iter().all(|row| row.error.is_none()) && diff.within_noise.rows == 0 {
        if diff.rows.iter().any(|row| row.status != Status::Same) {
            format!("Nothing {}.", words.grew)
        } else {
            "Nothing changed.".to_owned()
        }
    } else if diff.overall == Some(Status::Grown) {
        let grew = words.grew;
        match (report.granularity, is_heap(report)) {
            (Granularity::Functions, true) => format!(
                "The total {grew}, but no function or caller{}; take snapshots further apart or record \
                 at a finer rate (runtime.MemProfileRate).",
                words.beyond
            ),
            (Granularity::Functions, false) => {
                format!("The total {grew}, but no function or caller{}.", words.beyond)
            }
            _ => format!("The total {grew}, but no row{}.", words.beyond),
        }
    } else if diff.overall == Some(Status::Shrunk)
        && !diff.rows.iter().any(|row| matches!(row.status, Status::Shrunk | Status::Gone))
    {
        format!("The total fell, but no row{}.", words.beyond)
    } else {
        let shrank = |row: &DiffRow| matches!(row.status, Status::Shrunk | Status::Gone);
        let changed = if diff.rows.iter().any(shrank) { words.grew } else { words.changed };
        format!("Nothing {changed}{}.", words.beyond)
    }
}

/// The command that asks `question` about `function` in the inputs of the report.
fn command(report: &Report, question: &str, function: &str) -> Option<String> {
    let inputs: Vec<&Input> = report.inputs.iter().collect();
    command_on(&report.sample_type, question, &[function], &inputs)
}

/// The command that asks `question` in some inputs, about `functions` if any are given.
pub(in crate::output) fn command_on(
    sample_type: &str,
    question: &str,
    functions: &[&str],
    inputs: &[&Input],
) -> Option<String> {
    // Standard input can't be read again, and a control character has no safe spelling.
    let unusable = |name: &str| name == "-" || matches!(escape(name), std::borrow::Cow::Owned(_));
    if inputs.iter().any(|input| unusable(&input.name))
        || functions.iter().any(|name| unusable(name))
    {
        return None;
    }
    let pattern = (!functions.is_empty()).then(|| {
        let exactly = shell::exactly_one_of(functions);
        format!(" {}", shell::quote(&exactly))
    });
    let default = inputs.last().and_then(|input| input.default_sample_type.as_deref());
    let sample_type = if default == Some(sample_type) {
        String::new()
    } else {
        format!(" -sample_index={}", shell::quote(sample_type))
    };
    // All of them were named with the same options, or had names.
    let named = inputs.iter().find(|input| !input.named_with.is_empty());
    let named = named.map_or(&[][..], |input| &input.named_with);
    if named.iter().any(|word| unusable(word)) {
        return None;
    }
    let named = named.iter().map(|word| shell::quote(word));
    let inputs: Vec<_> = inputs.iter().map(|input| shell::file(&input.name)).chain(named).collect();
    let pattern = pattern.unwrap_or_default();
    Some(format!("heapdiff {question}{pattern}{sample_type} {}", inputs.join(" ")))
}

pub(super) fn write_top(
    report: &Report,
    top: &Top,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(text) = of_top(report, top) else { return Ok(()) };
    writeln!(out)?;
    wrap::write("", &text, Ansi::new(), style, out)
}

/// What the rows of a profile can't show, or why there are none.
pub(in crate::output) fn of_top(report: &Report, top: &Top) -> Option<String> {
    let is_of_threads = report.inputs.iter().all(|one| one.kind == InputKind::Threadcreate);
    if is_of_threads && top.rows.iter().any(|row| row.name == NO_STACK) {
        let text = "Go counts threads, and records for most of them no stack that created them.";
        return Some(text.to_owned());
    }
    top.rows.is_empty().then(|| nothing_to_show(report))
}

pub(super) fn write_refs(
    report: &Report,
    refs: &Refs,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    // Lists the function that all of it comes through, or else the allocating one.
    let site = refs.sites.first();
    let dominator = site.and_then(|site| site.dominator.as_ref()).map(|d| d.function.as_str());
    let itself = || Some(site?.lines.first()?.frames.first()?.name.as_str());
    let is_call =
        refs.relation == Relation::AllocatedThrough && report.granularity == Granularity::Functions;
    let function = dominator.or_else(itself).filter(|_| is_call);
    if let Some(command) = function.and_then(|name| command(report, "list", name)) {
        writeln!(out)?;
        write_next("Line by line", &command, style, out)?;
    }
    Ok(())
}
