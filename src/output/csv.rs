//! The rows of a report as CSV: a header and one line per row.
//!
//! Values are the raw integers of the report, and names are written as they are, even where one starts
//! with `=`, `+`, `-` or `@` and a spreadsheet would take it for a formula: a script that reads the
//! file must get back the very name that JSON and `go tool pprof` print. Function names come from the
//! profiled program; who opens a stranger's profile in a spreadsheet should import the columns as text. Only characters
//! that do not print are spelled out, since a CSV may be read in a terminal, and a record is a line. Several names
//! in a cell have semicolons between them. The addresses behind a row without symbols are in JSON only, so that a column adds up.

mod baseline_records;
mod check_records;
mod pattern_records;
mod suspect_records;
mod timeline_records;

pub(super) use {baseline_records::write as write_baselines, pattern_records::write_patterns};

use super::{escape, joinable};
use crate::analysis::calls::Weight;
use crate::analysis::list::{Line, Listing};
use crate::analysis::stacks::{Sides, Stacks};
use crate::analysis::tags::Tag;
use crate::analysis::traces::Trace;
use crate::analysis::{Amount, LabelValue, Place, diff, peek, refs, top};
use crate::report::{Answer, Report};
use std::fmt::Display;
use std::io;

const DIFF_COLUMNS: [&str; 24] = [
    "name",
    "file",
    "line",
    "before_flat",
    "after_flat",
    "delta_flat",
    "before_cum",
    "after_cum",
    "delta_cum",
    "delta_percent",
    "objects_before",
    "objects_after",
    "objects_delta",
    "kept",
    "error_lower",
    "error_upper",
    "q_value",
    "status",
    "via_function",
    "via_file",
    "via_line",
    "moved_from",
    "moved_to",
    "unit",
];

const TOP_COLUMNS: [&str; 14] = [
    "name",
    "file",
    "line",
    "flat",
    "cum",
    "flat_percent",
    "cum_percent",
    "objects",
    "error_lower",
    "error_upper",
    "via_function",
    "via_file",
    "via_line",
    "unit",
];

const REFS_COLUMNS: [&str; 17] = [
    "site",
    "depth",
    "function",
    "folded",
    "before",
    "after",
    "delta",
    "share_percent",
    "objects_before",
    "objects_after",
    "objects_delta",
    "error_lower",
    "error_upper",
    "ends",
    "omitted_branches",
    "omitted",
    "unit",
];

const COMPARED_STACK_COLUMNS: [&str; 8] = [
    "stack",
    "before",
    "after",
    "delta",
    "objects_before",
    "objects_after",
    "objects_delta",
    "unit",
];

const STACK_COLUMNS: [&str; 4] = ["stack", "value", "objects", "unit"];

const PEEK_COLUMNS: [&str; 13] = [
    "row",
    "relation",
    "name",
    "before",
    "after",
    "delta",
    "before_flat",
    "after_flat",
    "delta_flat",
    "error_lower",
    "error_upper",
    "inline",
    "unit",
];

const LIST_COLUMNS: [&str; 14] = [
    "function",
    "file",
    "line",
    "before_flat",
    "after_flat",
    "delta_flat",
    "flat_error_lower",
    "flat_error_upper",
    "before_cum",
    "after_cum",
    "delta_cum",
    "cum_error_lower",
    "cum_error_upper",
    "unit",
];

const TRACE_COLUMNS: [&str; 8] =
    ["before", "after", "delta", "error_lower", "error_upper", "unit", "labels", "frames"];

const TAG_COLUMNS: [&str; 10] = [
    "key",
    "value",
    "value_unit",
    "before",
    "after",
    "delta",
    "percent",
    "error_lower",
    "error_upper",
    "unit",
];

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut writer = Records(::csv::Writer::from_writer(out));
    match &report.answer {
        Answer::Diff(diff) => {
            writer.write(DIFF_COLUMNS)?;
            for row in &diff.rows {
                writer.write(diff_record(row, &report.unit))?;
            }
        }
        Answer::Top(top) => {
            writer.write(TOP_COLUMNS)?;
            for row in &top.rows {
                writer.write(top_record(row, &report.unit))?;
            }
        }
        Answer::Stacks(stacks) => write_stacks(stacks, &report.unit, &mut writer)?,
        Answer::Refs(refs) => {
            writer.write(REFS_COLUMNS)?;
            for (site, line) in refs.sites.iter().flat_map(|s| s.lines.iter().map(move |l| (s, l)))
            {
                writer.write(refs_record(site, line, &report.unit))?;
            }
        }
        Answer::Peek(peek) => write_peek(peek, &report.unit, &mut writer)?,
        Answer::List(list) => {
            writer.write(LIST_COLUMNS)?;
            let all = list.functions.iter();
            for (listing, line) in all.flat_map(|f| f.lines.iter().map(move |line| (f, line))) {
                writer.write(list_record(listing, line, &report.unit))?;
            }
        }
        Answer::Traces(traces) => {
            writer.write(TRACE_COLUMNS)?;
            for row in &traces.rows {
                writer.write(trace_record(row, &report.unit))?;
            }
        }
        Answer::Tags(tags) => {
            writer.write(TAG_COLUMNS)?;
            for (tag, value) in tags.keys.iter().flat_map(|t| t.values.iter().map(move |v| (t, v)))
            {
                writer.write(tag_record(tag, value, &report.unit))?;
            }
        }
        Answer::Check(answer) => check_records::write(&answer.check, &mut writer)?,
        Answer::Leaks(answer) => suspect_records::write(&answer.suspects, &mut writer)?,
        Answer::Timeline(timeline) => timeline_records::write(report, timeline, &mut writer)?,
        Answer::Matches(matches) => pattern_records::write_matches(matches, &mut writer)?,
        // Pictures have no rows.
        Answer::Graph(_) | Answer::Flame(_) => {}
    }
    writer.0.flush()
}

/// Lines of a row, of those that call it and of those that it calls.
fn write_peek<W: io::Write>(
    peek: &peek::Peek,
    unit: &str,
    writer: &mut Records<W>,
) -> io::Result<()> {
    writer.write(PEEK_COLUMNS)?;
    for row in &peek.rows {
        let call = |relation: &'static str, neighbor: &peek::Neighbor| {
            call_record(row, relation, neighbor, unit)
        };
        let callers = row.callers.iter().map(|caller| call("caller", caller));
        let callees = row.callees.iter().map(|callee| call("callee", callee));
        let itself = std::iter::once(peek_record(row, unit));
        for record in callers.chain(itself).chain(callees) {
            writer.write(record)?;
        }
    }
    Ok(())
}

/// A line for each stack: the names of its frames from the root on with semicolons between them, so that one in a name
/// becomes a colon.
fn write_stacks<W: io::Write>(
    stacks: &Stacks,
    unit: &str,
    writer: &mut Records<W>,
) -> io::Result<()> {
    if stacks.is_comparison {
        writer.write(COMPARED_STACK_COLUMNS)?;
    } else {
        writer.write(STACK_COLUMNS)?;
    }
    let names: Vec<_> = stacks.frames.iter().map(|frame| joinable(&frame.name)).collect();
    let mut path = Vec::new();
    for stack in &stacks.stacks {
        stacks.path(stack, &mut path);
        let frames: Vec<&str> = path.iter().map(|&frame| &*names[frame as usize]).collect();
        let (frames, value, objects) = (frames.join(";"), stack.value, stack.objects);
        let unit = unit.to_owned();
        if stacks.is_comparison {
            writer.write([
                frames,
                value.before.to_string(),
                value.after.to_string(),
                value.delta().to_string(),
                cell(objects.map(|objects| objects.before)),
                cell(objects.map(|objects| objects.after)),
                cell(objects.map(Sides::delta)),
                unit,
            ])?;
        } else {
            let objects = cell(objects.map(|objects| objects.after));
            writer.write([frames, value.after.to_string(), objects, unit])?;
        }
    }
    Ok(())
}

/// Records whose text can neither steer a terminal nor break a line in two.
struct Records<W: io::Write>(::csv::Writer<W>);

impl<W: io::Write> Records<W> {
    fn write<T: AsRef<str>>(&mut self, record: impl IntoIterator<Item = T>) -> io::Result<()> {
        for field in record {
            self.0.write_field(&*escape(field.as_ref())).map_err(io_error)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(io_error)
    }
}

/// The error of the writer below, whose kind callers look at.
fn io_error(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A probability as spreadsheets and scripts read it, small ones as `4.5e-105`.
fn scientific(p: f64) -> String {
    if p != 0.0 && p.abs() < 1e-4 { format!("{p:e}") } else { p.to_string() }
}

/// Names in one cell, semicolons between them: one in a name becomes a colon.
fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(joinable).collect::<Vec<_>>().join(";")
}

fn cell<T: Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn place(place: Option<&Place>) -> [String; 3] {
    [
        cell(place.map(|place| &place.function)),
        cell(place.and_then(|place| place.file.as_ref())),
        cell(place.and_then(|place| place.line)),
    ]
}

fn diff_record(row: &diff::Row, unit: &str) -> [String; DIFF_COLUMNS.len()] {
    let [via_function, via_file, via_line] = place(row.via.as_ref());
    [
        row.name.clone(),
        cell(row.file.as_ref()),
        cell(row.line),
        row.before.flat.to_string(),
        row.after.flat.to_string(),
        row.delta.flat.to_string(),
        row.before.cum.to_string(),
        row.after.cum.to_string(),
        row.delta.cum.to_string(),
        cell(row.delta_percent),
        cell(row.objects.map(|objects| objects.before)),
        cell(row.objects.map(|objects| objects.after)),
        cell(row.objects.map(|objects| objects.delta)),
        cell(row.kept),
        cell(row.error.map(|error| error.lower)),
        cell(row.error.map(|error| error.upper)),
        row.q_value.map(scientific).unwrap_or_default(),
        status(row.status).to_owned(),
        via_function,
        via_file,
        via_line,
        cell(row.moved_from.as_ref()),
        cell(row.moved_to.as_ref()),
        unit.to_owned(),
    ]
}

fn top_record(row: &top::Row, unit: &str) -> [String; TOP_COLUMNS.len()] {
    let [via_function, via_file, via_line] = place(row.via.as_ref());
    [
        row.name.clone(),
        cell(row.file.as_ref()),
        cell(row.line),
        row.flat.to_string(),
        row.cum.to_string(),
        cell(row.flat_percent),
        cell(row.cum_percent),
        cell(row.objects),
        cell(row.error.map(|error| error.lower)),
        cell(row.error.map(|error| error.upper)),
        via_function,
        via_file,
        via_line,
        unit.to_owned(),
    ]
}

/// A line of a tree. What ends at it and what was left out is their change, or their value in a single profile.
fn refs_record(site: &refs::Site, line: &refs::Line, unit: &str) -> [String; REFS_COLUMNS.len()] {
    let name = |line: &refs::Line| line.frames.first().map(|frame| frame.name.clone());
    let folded = line.frames.iter().skip(1).map(|frame| frame.name.as_str());
    let objects = |of: fn(&Weight) -> Option<i64>| cell(line.objects.as_ref().and_then(of));
    [
        cell(site.lines.first().and_then(name)),
        line.depth.to_string(),
        cell(name(line)),
        joined(folded),
        cell(line.values.before),
        line.values.after.to_string(),
        cell(line.values.delta),
        cell(line.share),
        objects(|values| values.before),
        objects(|values| Some(values.after)),
        objects(|values| values.delta),
        cell(line.error.map(|error| error.lower)),
        cell(line.error.map(|error| error.upper)),
        cell(line.ends.map(|values| values.main())),
        cell(line.omitted.map(|rest| rest.count)),
        cell(line.omitted.map(|rest| rest.values.main())),
        unit.to_owned(),
    ]
}

fn list_record(listing: &Listing, line: &Line, unit: &str) -> [String; LIST_COLUMNS.len()] {
    let values = &line.values;
    let (flat, cum) = (values.error.map(|e| e.flat), values.error.map(|e| e.cum));
    [
        listing.function.clone(),
        cell(listing.file.as_ref()),
        cell(line.line),
        cell(values.before.map(|before| before.flat)),
        values.after.flat.to_string(),
        cell(values.delta.map(|delta| delta.flat)),
        cell(flat.map(|error| error.lower)),
        cell(flat.map(|error| error.upper)),
        cell(values.before.map(|before| before.cum)),
        values.after.cum.to_string(),
        cell(values.delta.map(|delta| delta.cum)),
        cell(cum.map(|error| error.lower)),
        cell(cum.map(|error| error.upper)),
        unit.to_owned(),
    ]
}

/// A row itself: its cum, then its flat, then the interval of cum.
fn peek_record(row: &peek::Row, unit: &str) -> [String; PEEK_COLUMNS.len()] {
    let (before, delta) = (row.value.before, row.value.delta);
    [
        row.name.clone(),
        "self".to_owned(),
        row.name.clone(),
        cell(before.map(|measure| measure.cum)),
        row.value.after.cum.to_string(),
        cell(delta.map(|measure| measure.cum)),
        cell(before.map(|measure| measure.flat)),
        row.value.after.flat.to_string(),
        cell(delta.map(|measure| measure.flat)),
        cell(row.error.map(|error| error.cum.lower)),
        cell(row.error.map(|error| error.cum.upper)),
        String::new(),
        unit.to_owned(),
    ]
}

/// A call from or to a row.
fn call_record(
    row: &peek::Row,
    relation: &str,
    neighbor: &peek::Neighbor,
    unit: &str,
) -> [String; PEEK_COLUMNS.len()] {
    let Weight { before, after, delta } = neighbor.weight;
    let empty = String::new;
    [
        row.name.clone(),
        relation.to_owned(),
        neighbor.name.clone(),
        cell(before),
        after.to_string(),
        cell(delta),
        empty(),
        empty(),
        empty(),
        empty(),
        empty(),
        neighbor.inline.to_string(),
        unit.to_owned(),
    ]
}

/// Before, after, Δ and the ends of the interval.
fn amount(amount: &Amount) -> [String; 5] {
    [
        cell(amount.before),
        amount.after.to_string(),
        cell(amount.delta),
        cell(amount.error.map(|error| error.lower)),
        cell(amount.error.map(|error| error.upper)),
    ]
}

fn label_value(value: &LabelValue) -> (String, String) {
    match value {
        LabelValue::Text { text } => (text.clone(), String::new()),
        LabelValue::Number { number, number_unit } => (number.to_string(), number_unit.clone()),
    }
}

fn trace_record(row: &Trace, unit: &str) -> [String; TRACE_COLUMNS.len()] {
    let [before, after, delta, lower, upper] = amount(&row.amount);
    let labels = row.labels.iter().map(|label| {
        let (value, unit) = label_value(&label.value);
        format!("{}={value}{unit}", label.key)
    });
    let labels: Vec<String> = labels.collect();
    let labels = joined(labels.iter().map(String::as_str));
    let frames = joined(row.frames.iter().map(|frame| &**frame));
    [before, after, delta, lower, upper, unit.to_owned(), labels, frames]
}

fn tag_record(
    tag: &Tag,
    value: &crate::analysis::tags::Value,
    unit: &str,
) -> [String; TAG_COLUMNS.len()] {
    let [before, after, delta, lower, upper] = amount(&value.amount);
    let (text, value_unit) = label_value(&value.value);
    let percent = cell(value.percent);
    let (key, unit) = (tag.key.clone(), unit.to_owned());
    [key, text, value_unit, before, after, delta, percent, lower, upper, unit]
}

/// The words JSON uses.
fn status(status: diff::Status) -> &'static str {
    match status {
        diff::Status::New => "new",
        diff::Status::Gone => "gone",
        diff::Status::Grown => "grown",
        diff::Status::Shrunk => "shrunk",
        diff::Status::Same => "same",
        diff::Status::WithinNoise => "within-noise",
    }
}
