//! The rows of a report as CSV: a header and one line per row.
//!
//! Values are the raw integers of the report. Names are written as they are, even if one starts
//! with `=`, `+`, `-` or `@` and a spreadsheet would take it for a formula: a script that reads the
//! file must get exactly the name that JSON and `go tool pprof` print. Function names come from the
//! profiled program, so import columns as text if you open an untrusted profile in a spreadsheet.
//! Only characters that don't print are escaped, since a CSV may be read in a terminal and a record
//! is one line. Several names in a cell are separated by semicolons. The addresses behind a row
//! without symbols are only in JSON, so that a column adds up.

mod baseline_records;
mod check_records;
mod columns;
mod pattern_records;
mod suspect_records;
mod timeline_records;

pub(super) use {baseline_records::write as write_baselines, pattern_records::write_patterns};

use crate::analysis::LabelValue;
use crate::analysis::diff::DiffRow;
use crate::analysis::list::{ListLine, Listing};
use crate::analysis::peek::{Neighbor, PeekRow};
use crate::analysis::refs::{RefsLine, RefsSite};
use crate::analysis::stacks::{ValuedStack, ValuedStacks};
use crate::analysis::tags::{Tag, TagValue};
use crate::analysis::top::TopRow;
use crate::analysis::traces::Trace;
use crate::model::change::Change;
use crate::report::{Answer, Report};
use columns::{Columns, joined, pairs, scientific, word};
use std::io;

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let unit = &report.unit;
    match &report.answer {
        Answer::Diff(diff) => diff_columns(unit).write(&diff.rows, out),
        Answer::Top(top) => top_columns(unit).write(&top.rows, out),
        Answer::Stacks(stacks) => stack_columns(stacks, unit).write(&stacks.stacks, out),
        Answer::Refs(refs) => refs_columns(unit).write(pairs(&refs.sites, |site| &site.lines), out),
        Answer::Peek(peek) => peek_columns(unit).write(peek.rows.iter().flat_map(calls), out),
        Answer::List(list) => {
            list_columns(unit).write(pairs(&list.functions, |listing| &listing.lines), out)
        }
        Answer::Traces(traces) => trace_columns(unit).write(&traces.rows, out),
        Answer::Tags(tags) => tag_columns(unit).write(pairs(&tags.keys, |tag| &tag.values), out),
        Answer::Check(answer) => check_records::columns().write(&answer.check.rules, out),
        Answer::Leaks(answer) => suspect_records::columns().write(&answer.suspects, out),
        Answer::Timeline(timeline) => timeline_records::write(report, timeline, out),
        Answer::Matches(matches) => pattern_records::match_columns().write(&matches.rows, out),
        // Graphs and flame graphs have no rows.
        Answer::Graph(_) | Answer::Flame(_) => Ok(()),
    }
}

fn diff_columns(unit: &str) -> Columns<'_, &DiffRow> {
    Columns::<&DiffRow>::new()
        .column("name", |row| &row.name)
        .optional("file", |row| row.file.as_ref())
        .optional("line", |row| row.line)
        .column("before_flat", |row| row.before.flat)
        .column("after_flat", |row| row.after.flat)
        .column("delta_flat", |row| row.delta.flat)
        .column("before_cum", |row| row.before.cum)
        .column("after_cum", |row| row.after.cum)
        .column("delta_cum", |row| row.delta.cum)
        .optional("delta_percent", |row| row.delta_percent)
        .optional("objects_before", |row| Some(row.objects?.before))
        .optional("objects_after", |row| Some(row.objects?.after))
        .optional("objects_delta", |row| Some(row.objects?.delta))
        .optional("kept", |row| row.kept)
        .bounds(["error_lower", "error_upper"], |row| row.error)
        .optional("q_value", |row| row.q_value.map(scientific))
        .optional("status", |row| word(row.status))
        .via(|row| row.via.as_ref())
        .optional("via_share", |row| row.via_share)
        .optional("moved_from", |row| row.moved_from.as_ref())
        .optional("moved_to", |row| row.moved_to.as_ref())
        .column("unit", move |_| unit)
}

fn top_columns(unit: &str) -> Columns<'_, &TopRow> {
    Columns::<&TopRow>::new()
        .column("name", |row| &row.name)
        .optional("file", |row| row.file.as_ref())
        .optional("line", |row| row.line)
        .column("flat", |row| row.flat)
        .column("cum", |row| row.cum)
        .optional("flat_percent", |row| row.flat_percent)
        .optional("cum_percent", |row| row.cum_percent)
        .optional("objects", |row| row.objects)
        .bounds(["error_lower", "error_upper"], |row| row.error)
        .via(|row| row.via.as_ref())
        .optional("via_share", |row| row.via_share)
        .column("unit", move |_| unit)
}

/// One line per stack: the names of its frames, root first.
fn stack_columns<'a>(stacks: &'a ValuedStacks, unit: &'a str) -> Columns<'a, &'a ValuedStack> {
    let frames = |stack: &ValuedStack| {
        let mut path = Vec::new();
        stacks.path(stack, &mut path);
        joined(path.iter().map(|&frame| &stacks.frames[frame as usize].name))
    };
    let columns = Columns::<&ValuedStack>::new().column("stack", frames);
    if stacks.is_comparison {
        columns
            .column("before", |stack| stack.value.before)
            .column("after", |stack| stack.value.after)
            .column("delta", |stack| stack.value.delta)
            .optional("objects_before", |stack| Some(stack.objects?.before))
            .optional("objects_after", |stack| Some(stack.objects?.after))
            .optional("objects_delta", |stack| Some(stack.objects?.delta))
    } else {
        columns
            .column("value", |stack| stack.value.after)
            .optional("objects", |stack| Some(stack.objects?.after))
    }
    .column("unit", move |_| unit)
}

/// A line of a tree. `ends` and `omitted` are changes in a comparison, values in a single profile.
fn refs_columns(unit: &str) -> Columns<'_, (&RefsSite, &RefsLine)> {
    Columns::<(&RefsSite, &RefsLine)>::new()
        .optional("site", |(site, _)| Some(&site.lines.first()?.frames.first()?.name))
        .column("depth", |(_, line)| line.depth)
        .optional("function", |(_, line)| Some(&line.frames.first()?.name))
        .column("folded", |(_, line)| joined(line.frames.iter().skip(1).map(|frame| &frame.name)))
        .optional("before", |(_, line)| line.values.before)
        .column("after", |(_, line)| line.values.after)
        .optional("delta", |(_, line)| line.values.delta)
        .optional("share_percent", |(_, line)| line.share)
        .optional("objects_before", |(_, line)| line.objects?.before)
        .optional("objects_after", |(_, line)| Some(line.objects?.after))
        .optional("objects_delta", |(_, line)| line.objects?.delta)
        .bounds(["error_lower", "error_upper"], |(_, line)| line.error)
        .optional("ends", |(_, line)| Some(line.ends?.delta_or_value()))
        .optional("omitted_branches", |(_, line)| Some(line.omitted?.count))
        .optional("omitted", |(_, line)| Some(line.omitted?.values.delta_or_value()))
        .column("unit", move |_| unit)
}

fn list_columns(unit: &str) -> Columns<'_, (&Listing, &ListLine)> {
    Columns::<(&Listing, &ListLine)>::new()
        .column("function", |(listing, _)| &listing.function)
        .optional("file", |(listing, _)| listing.file.as_ref())
        .optional("line", |(_, line)| line.line)
        .optional("before_flat", |(_, line)| Some(line.values.before?.flat))
        .column("after_flat", |(_, line)| line.values.after.flat)
        .optional("delta_flat", |(_, line)| Some(line.values.delta?.flat))
        .bounds(["flat_error_lower", "flat_error_upper"], |(_, line)| Some(line.error?.flat))
        .optional("before_cum", |(_, line)| Some(line.values.before?.cum))
        .column("after_cum", |(_, line)| line.values.after.cum)
        .optional("delta_cum", |(_, line)| Some(line.values.delta?.cum))
        .bounds(["cum_error_lower", "cum_error_upper"], |(_, line)| Some(line.error?.cum))
        .column("unit", move |_| unit)
}

/// A row itself, or a call from or to it.
#[derive(Clone, Copy)]
struct Call<'a> {
    row: &'a PeekRow,
    /// Relation of the neighbor to the row.
    relation: &'static str,
    neighbor: Option<&'a Neighbor>,
}

impl<'a> Call<'a> {
    /// Weight of the call, or cum of the row.
    fn value(self) -> Change<i64> {
        let cum = || self.row.value.map(|measure| measure.cum);
        self.neighbor.map_or_else(cum, |neighbor| neighbor.value)
    }

    /// The row, on its own line.
    fn itself(self) -> Option<&'a PeekRow> {
        self.neighbor.is_none().then_some(self.row)
    }
}

fn calls(row: &PeekRow) -> impl Iterator<Item = Call<'_>> {
    let call = move |relation, neighbor| Call { row, relation, neighbor };
    let callers = row.callers.iter().map(move |caller| call("caller", Some(caller)));
    let callees = row.callees.iter().map(move |callee| call("callee", Some(callee)));
    callers.chain([call("self", None)]).chain(callees)
}

fn peek_columns(unit: &str) -> Columns<'_, Call<'_>> {
    Columns::<Call<'_>>::new()
        .column("row", |call| &call.row.name)
        .column("relation", |call| call.relation)
        .column("name", |call| call.neighbor.map_or(&call.row.name, |neighbor| &neighbor.name))
        .optional("before", |call| call.value().before)
        .column("after", |call| call.value().after)
        .optional("delta", |call| call.value().delta)
        .optional("before_flat", |call| Some(call.itself()?.value.before?.flat))
        .optional("after_flat", |call| Some(call.itself()?.value.after.flat))
        .optional("delta_flat", |call| Some(call.itself()?.value.delta?.flat))
        .bounds(["error_lower", "error_upper"], |call| Some(call.itself()?.error?.cum))
        .optional("inline", |call| Some(call.neighbor?.inline))
        .column("unit", move |_| unit)
}

fn trace_columns(unit: &str) -> Columns<'_, &Trace> {
    Columns::<&Trace>::new()
        .optional("before", |row| row.amount.before)
        .column("after", |row| row.amount.after)
        .optional("delta", |row| row.amount.delta)
        .bounds(["error_lower", "error_upper"], |row| row.error)
        .column("unit", move |_| unit)
        .column("labels", |row| {
            joined(row.labels.iter().map(|label| match &label.value {
                LabelValue::Text { text } => format!("{}={text}", label.key),
                LabelValue::Number { number, number_unit } => {
                    format!("{}={number}{number_unit}", label.key)
                }
            }))
        })
        .column("frames", |row| joined(&row.frames))
}

fn tag_columns(unit: &str) -> Columns<'_, (&Tag, &TagValue)> {
    Columns::<(&Tag, &TagValue)>::new()
        .column("key", |(tag, _)| &tag.key)
        .column("value", |(_, value)| match &value.value {
            LabelValue::Text { text } => text.clone(),
            LabelValue::Number { number, .. } => number.to_string(),
        })
        .optional("value_unit", |(_, value)| match &value.value {
            LabelValue::Text { .. } => None,
            LabelValue::Number { number_unit, .. } => Some(number_unit),
        })
        .optional("before", |(_, value)| value.amount.before)
        .column("after", |(_, value)| value.amount.after)
        .optional("delta", |(_, value)| value.amount.delta)
        .optional("percent", |(_, value)| value.percent)
        .bounds(["error_lower", "error_upper"], |(_, value)| value.error)
        .column("unit", move |_| unit)
}
