//! The rows of a report as CSV: a header and one line per row.
//!
//! Values are the raw integers of the report. Names are written as they are, even if one starts
//! with `=`, `+`, `-` or `@` and a spreadsheet would take it for a formula: a script that reads the
//! file must get exactly the name that JSON and `go tool pprof` print. Function names come from the
//! profiled program, so `--csv-safe` writes cells that a spreadsheet takes for text ([`Cells`]).
//! Only characters that don't print are escaped, since a CSV may be read in a terminal and a record
//! is one line. Several names in a cell are separated by semicolons. The addresses behind a row
//! without symbols are only in JSON, so that a column adds up.

mod check_records;
mod collector_records;
mod doctor_records;
mod memory_records;
mod pattern_records;
mod suspect_records;
mod timeline_records;

pub(super) use collector_records::write_collector;
pub(super) use doctor_records::write_doctor;
pub(super) use memory_records::write_memory;
pub(super) use pattern_records::write_patterns;

use super::Style;
use super::columns::cells::joined;
use super::columns::diff::DiffLine;
use super::columns::list::SourceLine;
use super::columns::peek::PeekLine;
use super::columns::refs::TreeLine;
use super::columns::tags::TagLine;
use super::columns::top::TopLine;
use super::columns::{
    Columns, Named, View, baselines, diff, goroutines, list, matches, peek, refs, tags, top, traces,
};
use super::escape::csv::Cells;
use super::escape::lines::{self, Medium};
use crate::analysis::stacks::{ValuedStack, ValuedStacks};
use crate::report::baselines::Shelf;
use crate::report::{Answer, Report};
use std::io;

/// Where rows go, and what their cells are for.
struct Sheet<'a> {
    cells: Cells,
    out: &'a mut dyn io::Write,
}

pub(super) fn write(
    report: &Report,
    style: &Style,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let out = &mut Sheet { cells, out };
    let unit = &report.unit;
    let view = View { report, style };
    match &report.answer {
        Answer::Diff(diff) => {
            let lines = diff.rows.iter().map(|row| DiffLine::new(row, None));
            write_rows(diff::columns(view), lines, out)
        }
        Answer::Top(top) => {
            let lines = top.rows.iter().map(|row| TopLine { row, part: None, place: None });
            write_rows(top::columns(view), lines, out)
        }
        Answer::Stacks(stacks) => write_rows(stack_columns(stacks, unit), &stacks.stacks, out),
        Answer::Refs(refs) => {
            let lines = pairs(&refs.sites, |site| &site.lines).map(|(site, line)| TreeLine {
                site,
                values: line.values,
                line: Some(line),
            });
            write_rows(refs::columns(view, ""), lines, out)
        }
        Answer::Peek(peek) => {
            let lines = peek.rows.iter().flat_map(|row| {
                let itself = [PeekLine::itself(row)];
                PeekLine::callers(row).chain(itself).chain(PeekLine::callees(row))
            });
            write_rows(peek::columns(view), lines, out)
        }
        Answer::List(list) => {
            let lines = pairs(&list.functions, |listing| &listing.lines);
            let lines = lines.map(|(listing, line)| SourceLine::new(listing, line));
            write_rows(list::columns(view), lines, out)
        }
        Answer::Goroutines(answer) => {
            write_rows(goroutines::columns(view), &answer.goroutines.rows, out)
        }
        Answer::Traces(traces) => write_rows(traces::columns(view), &traces.rows, out),
        Answer::Tags(tags) => {
            let values = pairs(&tags.keys, |tag| &tag.values);
            let lines = values.map(|(tag, value)| TagLine::value(tag, value));
            write_rows(tags::columns(view), lines, out)
        }
        Answer::Check(answer) => write_rows(check_records::columns(), &answer.check.rules, out),
        Answer::Leaks(answer) => write_rows(suspect_records::columns(), &answer.suspects, out),
        Answer::Timeline(timeline) => timeline_records::write(report, timeline, out),
        Answer::Matches(matches) => write_rows(matches::columns(view, matches), &matches.rows, out),
        // Graphs and flame graphs have no rows.
        Answer::Graph(_) | Answer::Flame(_) | Answer::CutTrees(_) => Ok(()),
    }
}

/// The drift of a branch is only in JSON.
pub(super) fn write_baselines(
    shelf: &Shelf,
    style: &Style,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let out = &mut Sheet { cells, out };
    let lines = shelf.branches.iter().flat_map(baselines::lines);
    write_rows(baselines::columns(style), lines, out)
}

/// Writes the column names and the rows. Their text can neither control a terminal nor split a
/// line.
fn write_rows<R>(
    columns: Columns<'_, R>,
    rows: impl IntoIterator<Item = R>,
    sheet: &mut Sheet<'_>,
) -> io::Result<()> {
    let cells = sheet.cells;
    lines::write(Medium::Csv, sheet.out, |out| write_records(&columns.named(), rows, cells, out))
}

fn write_records<R>(
    columns: &[Named<'_, R>],
    rows: impl IntoIterator<Item = R>,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name)).map_err(io_error)?;
    let mut text = String::new();
    for row in rows {
        for column in columns {
            text.clear();
            (column.cell)(&row, &mut text);
            writer.write_field(&*cells.cell(&text)).map_err(io_error)?;
        }
        writer.write_record(None::<&[u8]>).map_err(io_error)?;
    }
    writer.flush()
}

/// The error of the underlying writer, whose kind callers check.
fn io_error(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Pairs each of `groups` with each of its items.
fn pairs<'a, G, T: 'a>(
    groups: &'a [G],
    within: impl Fn(&G) -> &[T],
) -> impl Iterator<Item = (&'a G, &'a T)> {
    groups.iter().flat_map(move |group| within(group).iter().map(move |one| (group, one)))
}

/// One line per stack: the names of its frames, root first.
fn stack_columns<'a>(stacks: &'a ValuedStacks, unit: &'a str) -> Columns<'a, &'a ValuedStack> {
    let frames = |stack: &&ValuedStack| {
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
