//! The rows of a diff: what grew, then what shrank, then what did not surely do either.
//!
//! A function that moved (a closure the compiler renumbered) stands in a report as two rows, gone here
//! and new there. The table shows the pair as one line, because nothing was allocated or freed by a new
//! name. A row without symbols is shown as the addresses behind it.

use super::super::{FileNames, Style};
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{self, Scale};
use super::{counted, escape::escape, is_heap, name_title, names_functions, rows_word, wrap};
use crate::analysis::diff::{Diff, Row, Status};
use crate::analysis::{Bounds, Measure, Omitted};
use crate::filter::Granularity;
use crate::report::{Report, Sort};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// At most so many addresses are shown in the place of one row without symbols.
const ADDRESSES_SHOWN: usize = 20;

pub(super) fn write(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let entries = entries(report, diff);
    if !entries.is_empty() {
        writeln!(out)?;
        grid(report, &entries, style).write(style.width, style.color, 0, out)?;
    }
    let hidden: usize = diff.rows.iter().map(addresses_left_out).sum();
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let left_out = |omitted: Omitted, option: &str| {
        let what = counted(omitted.rows, rows_word(report));
        format!("{what}, sum of |Δ| {} ({option} shows them)", scale.value(omitted.sum))
    };
    let mut remarks = Vec::new();
    if hidden > 0 {
        let what = counted(hidden, "addresses");
        remarks.push(("without symbols: ", format!("{what} more (--format json lists them)")));
    }
    if diff.omitted.rows > 0 {
        remarks.push(("not shown: ", left_out(diff.omitted, "-n 0")));
    }
    if diff.within_noise.rows > 0 {
        remarks.push(("within noise: ", left_out(diff.within_noise, "--all")));
    }
    if !remarks.is_empty() {
        writeln!(out)?;
    }
    for (what, remark) in remarks {
        wrap::write(what, &remark, anstyle::Style::new().dimmed(), style, out)?;
    }
    Ok(())
}

/// One line to be: a row, or the two rows of a function that moved.
struct Entry<'a> {
    row: &'a Row,
    /// The row before, where the function moved and both are in the report.
    moved: Option<&'a Row>,
    before: Measure,
    error: Option<Bounds>,
}

impl Entry<'_> {
    fn delta(&self) -> Measure {
        Measure {
            flat: self.row.after.flat.saturating_sub(self.before.flat),
            cum: self.row.after.cum.saturating_sub(self.before.cum),
        }
    }
}

/// Which group a line stands in, in the order of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Grew,
    Shrank,
    Rest,
}

/// What the rows are sorted by: the other value stands beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Flat,
    Cum,
}

impl Value {
    fn of(self, measure: Measure) -> i64 {
        match self {
            Value::Flat => measure.flat,
            Value::Cum => measure.cum,
        }
    }
}

fn value(report: &Report) -> Value {
    if report.sort == Sort::Cum { Value::Cum } else { Value::Flat }
}

fn addresses_left_out(row: &Row) -> usize {
    row.addresses.len().saturating_sub(ADDRESSES_SHOWN)
}

fn entries<'a>(report: &Report, diff: &'a Diff) -> Vec<(Group, Entry<'a>)> {
    let mut entries: Vec<(Group, Entry<'a>)> = Vec::new();
    let mut moved = Vec::new();
    // Both halves of a move, by the name before and the name after.
    let (mut left, mut arrived) = (BTreeMap::new(), BTreeSet::new());
    for row in &diff.rows {
        if let Some(name) = &row.moved_from {
            arrived.insert((name.as_str(), row.name.as_str()));
        }
        if let Some(name) = &row.moved_to {
            left.insert((row.name.as_str(), name.as_str()), row);
        }
    }
    for row in &diff.rows {
        let name = row.name.as_str();
        let before = row.moved_from.as_deref().and_then(|from| left.get(&(from, name)));
        if let Some(&before) = before {
            let error = row.error.zip(before.error).map(|(a, b)| sum_of(a, b));
            moved.push(Entry { row, moved: Some(before), before: before.before, error });
        } else if !row.moved_to.as_deref().is_some_and(|to| arrived.contains(&(name, to))) {
            let shown = if row.addresses.is_empty() {
                std::slice::from_ref(row)
            } else {
                &row.addresses[..row.addresses.len().min(ADDRESSES_SHOWN)]
            };
            for row in shown {
                let entry = Entry { row, moved: None, before: row.before, error: row.error };
                entries.push((group(row, value(report).of(row.delta)), entry));
            }
        }
    }
    entries.sort_by_key(|&(group, _)| group);
    for entry in moved {
        insert_moved(&mut entries, entry, value(report));
    }
    entries
}

fn group(row: &Row, delta: i64) -> Group {
    match row.status {
        Status::Same | Status::WithinNoise => Group::Rest,
        _ if delta > 0 => Group::Grew,
        _ if delta < 0 => Group::Shrank,
        _ => Group::Rest,
    }
}

/// What is sure of a change: its size less its error.
fn sure(delta: i64, error: Option<Bounds>) -> i64 {
    let size = i64::try_from(delta.unsigned_abs()).unwrap_or(i64::MAX);
    size.saturating_sub(error.map_or(0, number::half_width))
}

/// Puts a function that moved where the size of its change belongs.
fn insert_moved<'a>(entries: &mut Vec<(Group, Entry<'a>)>, entry: Entry<'a>, value: Value) {
    let delta = value.of(entry.delta());
    let certain = sure(delta, entry.error);
    let group = match delta {
        _ if certain <= 0 => Group::Rest,
        1.. => Group::Grew,
        _ => Group::Shrank,
    };
    let at = entries.iter().position(|(other_group, other)| {
        *other_group > group
            || (*other_group == group && sure(value.of(other.delta()), other.error) < certain)
    });
    entries.insert(at.unwrap_or(entries.len()), (group, entry));
}

/// The interval of the sum of two changes. A function moves between two builds, so the two were sampled
/// independently and their variances add up.
fn sum_of(a: Bounds, b: Bounds) -> Bounds {
    let centre = |bounds: Bounds| bounds.lower as f64 / 2.0 + bounds.upper as f64 / 2.0;
    let half = |bounds: Bounds| number::half_width(bounds) as f64;
    let (middle, margin) = (centre(a) + centre(b), half(a).hypot(half(b)));
    Bounds { lower: (middle - margin) as i64, upper: (middle + margin) as i64 }
}

fn grid(report: &Report, entries: &[(Group, Entry<'_>)], style: &Style) -> Grid {
    let value = value(report);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let objects = is_heap(report) && !report.sample_type.ends_with("_objects");
    let (title, other) = match value {
        Value::Flat => ("Δ flat", None),
        Value::Cum => ("Δ cum", Some("Δ flat")),
    };
    // The numbers are the order in which columns make room for names.
    let mut columns = vec![Column::number(title, None), Column::number("± 95 %", Some(7))];
    columns.push(Column::number("Δ %", Some(0)));
    columns.push(Column::number("before", Some(3)));
    columns.push(Column::number("after", Some(6)));
    columns.push(Column::number(other.unwrap_or(""), Some(4)));
    columns.push(Column::number("Δ objects", Some(2)));
    columns.push(Column::number("kept", Some(1)));
    columns.push(Column::name(name_title(report)));
    columns.push(Column::text("where", Some(5)));
    let mut grid = Grid::new(columns, Header::Titles);
    let mut previous = None;
    for (group, entry) in entries {
        if previous.is_some_and(|previous| previous != *group) {
            grid.gap();
        }
        previous = Some(*group);
        let delta = entry.delta();
        let row = entry.row;
        let status = status_word(entry);
        let percent = match (status, entry.moved) {
            (Some(word), _) => word.to_owned(),
            // The percent of the row is that of one half of the pair.
            (None, Some(_)) => percent_of(value.of(delta), value.of(entry.before)),
            (None, None) => row.delta_percent.map(number::percent_change).unwrap_or_default(),
        };
        let tone = match group {
            Group::Grew => Tone::Growth,
            Group::Shrank => Tone::Shrink,
            Group::Rest => Tone::Dim,
        };
        let mut label = label(report, entry);
        label.status =
            status.map(|word| (word, ["Δ %", if word == "new" { "before" } else { "after" }]));
        grid.push(Line {
            cells: vec![
                scale.change(value.of(delta)),
                entry.error.map(|error| scale.margin(error, value.of(delta))).unwrap_or_default(),
                percent,
                scale.value(value.of(entry.before)),
                scale.value(value.of(row.after)),
                if other.is_some() { scale.change(delta.flat) } else { String::new() },
                if objects { objects_change(entry) } else { String::new() },
                row.kept.filter(|_| is_heap(report)).map(kept).unwrap_or_default(),
                String::new(),
                place(report, row, style.file_names),
            ],
            label,
            tone,
        });
    }
    grid
}

fn status_word(entry: &Entry<'_>) -> Option<&'static str> {
    match entry.row.status {
        _ if entry.moved.is_some() => None,
        Status::New => Some("new"),
        Status::Gone => Some("gone"),
        _ => None,
    }
}

fn percent_of(delta: i64, before: i64) -> String {
    if before == 0 {
        return String::new();
    }
    number::percent_change(delta as f64 / before.unsigned_abs() as f64 * 100.0)
}

fn objects_change(entry: &Entry<'_>) -> String {
    let delta = match entry.moved {
        None => entry.row.objects.map(|objects| objects.delta),
        Some(before) => entry
            .row
            .objects
            .zip(before.objects)
            .map(|(after, before)| after.after.saturating_sub(before.before)),
    };
    delta.map(number::count_change).unwrap_or_default()
}

/// The share that is still in use. Beyond 0 to 1 it is sampling error, which a percent would hide.
fn kept(share: f64) -> String {
    number::whole_percent(share.clamp(0.0, 1.0) * 100.0)
}

fn label(report: &Report, entry: &Entry<'_>) -> Label {
    let row = entry.row;
    let new = if names_functions(report) { Label::new } else { Label::path };
    let mut label = new(&row.name);
    // At the granularity of files or packages a function beside the name would compare unlike things.
    if let Some(via) = row.via.as_ref().filter(|_| names_functions(report)) {
        label = label.under(&via.function);
    }
    match (entry.moved, &row.moved_from, &row.moved_to) {
        (Some(before), _, _) => label.remark(&format!("was {}", before.name)),
        (None, Some(name), _) => label.remark(&format!("was {name}")),
        (None, None, Some(name)) => label.remark(&format!("now {name}")),
        (None, None, None) => label,
    }
}

/// `file.go:line` of the last name of the line: the caller where one is named, else the row itself.
/// Empty where the names say it themselves.
fn place(report: &Report, row: &Row, names: FileNames) -> String {
    match &row.via {
        Some(via) if names_functions(report) => file_and_line(via.file.as_deref(), via.line, names),
        _ if matches!(report.granularity, Granularity::Functions | Granularity::Packages) => {
            file_and_line(row.file.as_deref(), row.line, names)
        }
        _ => String::new(),
    }
}

/// `limiter.go:54`.
pub(super) fn file_and_line(file: Option<&str>, line: Option<i64>, names: FileNames) -> String {
    let Some(file) = file.filter(|file| !file.is_empty()) else { return String::new() };
    let file = match names {
        FileNames::Short => file.rsplit(['/', '\\']).next().unwrap_or(file),
        FileNames::Whole => file,
    };
    match line.filter(|&line| line > 0) {
        Some(line) => format!("{}:{line}", escape(file)),
        None => escape(file).into_owned(),
    }
}
