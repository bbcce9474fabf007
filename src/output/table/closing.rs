//! The last lines: what the numbers can't show, and the next command.
//!
//! Two snapshots only show growth: a cache that fills up looks like a leak. The table repeats this
//! each time, because it is read in a hurry. A suggested command exists, is quoted for a shell, and
//! asks about the site that grew most.

use super::super::Style;
use super::{escape::escape, is_heap, shell, wrap};
use crate::analysis::diff::{Diff, DiffRow, Status};
use crate::analysis::refs::{Refs, Relation};
use crate::analysis::top::Top;
use crate::filter::Granularity;
use crate::report::WarningCode::{self, IdenticalData};
use crate::report::{Input, Report};
use anstyle::Style as Ansi;
use std::io;

/// Whether the rows count everything ever allocated, which can only grow in one process.
pub(super) fn is_allocation(report: &Report) -> bool {
    is_heap(report) && report.sample_type.starts_with("alloc_")
}

pub(super) fn write_diff(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    let say = |text: &str, out: &mut dyn io::Write| wrap::write("", text, Ansi::new(), style, out);
    let grew = !diff.sites.is_empty() || first_grown(diff).is_some();
    if !grew {
        say(nothing_grew(report, diff), out)?;
    } else if is_allocation(report) {
        say(
            "Allocated memory is work done, not memory held: -inuse_space shows what was kept.",
            out,
        )?;
    } else if is_heap(report) {
        say(two_snapshots(report), out)?;
    }
    let next = function_to_ask(report, diff).and_then(|name| command(report, "refs", name));
    if let Some(command) = next {
        write_next("Call paths", &command, style, out)?;
    }
    Ok(())
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
fn two_snapshots(report: &Report) -> &'static str {
    if report.comparison.is_some_and(|comparison| comparison.same_process) {
        "Two snapshots show growth, not a leak: a cache that fills up looks the same. With four \
         or more, heapdiff leaks tells them apart."
    } else {
        "Two processes of different age or load differ without a leak. Two snapshots of the same \
         process, some time apart, are better evidence."
    }
}

/// The first row that grew by more than sampling error explains.
fn first_grown(diff: &Diff) -> Option<&DiffRow> {
    let grew = |status: Status| matches!(status, Status::New | Status::Grown);
    diff.rows.iter().find(|row| grew(row.status) && row.moved_from.is_none())
}

/// The function to ask about next: the site that grew most, or else the function of the row.
fn function_to_ask<'a>(report: &Report, diff: &'a Diff) -> Option<&'a str> {
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
fn nothing_grew(report: &Report, diff: &Diff) -> &'static str {
    let warned = |code: WarningCode| {
        let of_inputs = report.inputs.iter().flat_map(|input| &input.warnings);
        report.warnings.iter().chain(of_inputs).any(|warning| warning.code == code)
    };
    if warned(IdenticalData) {
        "Nothing changed: the two profiles hold the same data."
    } else if warned(WarningCode::NoMatch) {
        "Nothing to compare: the filters left no samples."
    } else if warned(WarningCode::EmptyProfile) && diff.rows.is_empty() {
        "Nothing to compare: there are no samples."
    } else if diff.rows.iter().all(|row| row.error.is_none()) && diff.within_noise.rows == 0 {
        if diff.rows.iter().any(|row| row.status != Status::Same) {
            "Nothing grew."
        } else {
            "Nothing changed."
        }
    } else if diff.rows.iter().any(|row| row.status == Status::Shrunk || row.status == Status::Gone)
    {
        "Nothing grew by more than sampling error explains."
    } else {
        "Nothing grew or shrank by more than sampling error explains."
    }
}

/// The command that asks `question` about `function` in the inputs of the report.
fn command(report: &Report, question: &str, function: &str) -> Option<String> {
    let inputs: Vec<&Input> = report.inputs.iter().collect();
    command_on(&report.sample_type, question, Some(function), &inputs)
}

/// The command that asks `question` in some inputs, about `function` if one is given.
pub(in crate::output) fn command_on(
    sample_type: &str,
    question: &str,
    function: Option<&str>,
    inputs: &[&Input],
) -> Option<String> {
    // Standard input can't be read again, and a control character has no safe spelling.
    let unusable = |name: &str| name == "-" || matches!(escape(name), std::borrow::Cow::Owned(_));
    if inputs.iter().any(|input| unusable(&input.name)) || function.is_some_and(unusable) {
        return None;
    }
    let pattern = function.map(|function| {
        let exactly = shell::exactly(function);
        format!(" {}", shell::quote(&exactly))
    });
    let default = inputs.last().and_then(|input| input.default_sample_type.as_deref());
    let sample_type = if default == Some(sample_type) {
        String::new()
    } else {
        format!(" -sample_index={}", shell::quote(sample_type))
    };
    let inputs: Vec<_> = inputs.iter().map(|input| shell::file(&input.name)).collect();
    let pattern = pattern.unwrap_or_default();
    Some(format!("heapdiff {question}{pattern}{sample_type} {}", inputs.join(" ")))
}

pub(super) fn write_top(top: &Top, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if !top.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    wrap::write("", "Nothing to show: there are no samples.", Ansi::new(), style, out)
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
