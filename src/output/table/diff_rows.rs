//! The rows of a diff: first those that grew, then those that shrank, then those within noise.
//!
//! A function that moved (a closure the compiler renumbered) is two rows in a report, gone here and
//! new there. The table shows the pair as one line, because a new name neither allocates nor frees
//! anything. A row without symbols is shown as the addresses behind it.

use super::super::Style;
use super::grid::Kind::{Number, Text};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::{counted, is_heap, rows, rows_word, wrap};
use crate::analysis::diff::{Diff, DiffRow, Status};
use crate::analysis::{Bounds, Measure, Omitted};
use crate::report::{Report, Sort};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

pub(super) fn write(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let entries = entries(report, diff);
    if !entries.is_empty() {
        writeln!(out)?;
        grid(report, &entries, style).write(style, 0, out)?;
    }
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let left_out = |first, omitted: Omitted, option: &str| {
        let what = counted(omitted.rows, rows_word(report));
        let sum = scale.value(omitted.sum);
        (omitted.rows > 0)
            .then(|| (first, format!("{what}, sum of |Δ| {sum} ({option} shows them)")))
    };
    let hidden = rows::hidden(diff.rows.iter().map(|row| row.addresses.len()));
    let omitted = left_out("not shown: ", diff.omitted, "-n 0");
    let within_noise = left_out("within noise: ", diff.within_noise, "--all");
    wrap::remarks(hidden.into_iter().chain(omitted).chain(within_noise), style, out)
}

/// One line of the table: a row, or the two rows of a function that moved.
struct Entry<'a> {
    row: &'a DiffRow,
    /// The row before, if the function moved and both are in the report.
    moved: Option<&'a DiffRow>,
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

/// The group of a line, in the order of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Grew,
    Shrank,
    Rest,
}

/// The value the rows are sorted by: the other one is shown next to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Flat,
    Cum,
}

impl Value {
    fn title(self) -> &'static str {
        match self {
            Value::Flat => "Δ flat",
            Value::Cum => "Δ cum",
        }
    }

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
            for row in rows::shown(row, &row.addresses) {
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

fn group(row: &DiffRow, delta: i64) -> Group {
    match row.status {
        Status::Same | Status::WithinNoise => Group::Rest,
        _ if delta > 0 => Group::Grew,
        _ if delta < 0 => Group::Shrank,
        _ => Group::Rest,
    }
}

/// The certain part of a change: its size minus its error.
fn sure(delta: i64, error: Option<Bounds>) -> i64 {
    let size = i64::try_from(delta.unsigned_abs()).unwrap_or(i64::MAX);
    size.saturating_sub(error.map_or(0, number::half_width))
}

/// Moves a function that moved to where the size of its change belongs.
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

/// The interval of the sum of two changes. A function moves between two builds, so the two were
/// sampled independently and their variances add up.
fn sum_of(a: Bounds, b: Bounds) -> Bounds {
    let centre = |bounds: Bounds| bounds.lower as f64 / 2.0 + bounds.upper as f64 / 2.0;
    let half = |bounds: Bounds| number::half_width(bounds) as f64;
    let (middle, margin) = (centre(a) + centre(b), half(a).hypot(half(b)));
    Bounds { lower: (middle - margin) as i64, upper: (middle + margin) as i64 }
}

/// The numbers are the order in which columns make room for names.
fn columns<'a>(report: &'a Report, style: &'a Style) -> Grid<'a, Entry<'a>> {
    let value = value(report);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let (is_heap, counts_objects) = (is_heap(report), rows::counts_objects(report));
    let change = move |entry: &Entry<'_>| value.of(entry.delta());
    Grid::new()
        .column(Number, value.title(), None, move |entry: &Entry<'_>| scale.change(change(entry)))
        .column(Number, "± 95 %", Some(7), move |entry| {
            let delta = change(entry);
            // A function that moved is judged by its interval alone.
            let is_sure = entry.moved.is_none() && group(entry.row, delta) != Group::Rest;
            entry.error.map(|error| {
                if is_sure {
                    scale.sure_margin(error, delta)
                } else {
                    scale.change_margin(error, delta)
                }
            })
        })
        .column(Number, "Δ %", Some(0), move |entry| percent(entry, value))
        .column(Number, "before", Some(3), move |entry| scale.value(value.of(entry.before)))
        .column(Number, "after", Some(6), move |entry| scale.value(value.of(entry.row.after)))
        .column(Number, "Δ flat", Some(4), move |entry| {
            (value == Value::Cum).then(|| scale.change(entry.delta().flat))
        })
        .column(Number, "Δ objects", Some(2), move |entry| {
            objects_change(entry).filter(|_| counts_objects).map(number::count_change)
        })
        .column(Number, "kept", Some(1), move |entry| entry.row.kept.filter(|_| is_heap).map(kept))
        .name(rows::title(report))
        .column(Text, "where", Some(5), move |Entry { row, .. }| {
            rows::place(report, row.via.as_ref(), (row.file.as_ref(), row.line), style)
        })
}

fn grid<'a>(
    report: &'a Report,
    entries: &[(Group, Entry<'a>)],
    style: &'a Style,
) -> Grid<'a, Entry<'a>> {
    let mut grid = columns(report, style);
    let mut previous = None;
    for (group, entry) in entries {
        if previous.is_some_and(|previous| previous != *group) {
            grid.gap();
        }
        previous = Some(*group);
        let tone = match group {
            Group::Grew => Tone::Growth,
            Group::Shrank => Tone::Shrink,
            Group::Rest => Tone::Dim,
        };
        let mut label = label(report, entry);
        label.status = status_word(entry)
            .map(|word| (word, ["Δ %", if word == "new" { "before" } else { "after" }]));
        grid.push(entry, label, tone);
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

fn percent(entry: &Entry<'_>, value: Value) -> Option<String> {
    if let Some(word) = status_word(entry) {
        return Some(word.to_owned());
    }
    if entry.moved.is_none() {
        return entry.row.delta_percent.map(number::percent_change);
    }
    // The percentage of the row would be that of one half of the pair.
    let (delta, before) = (value.of(entry.delta()), value.of(entry.before));
    let percent = delta as f64 / before.unsigned_abs() as f64 * 100.0;
    (before != 0).then(|| number::percent_change(percent))
}

fn objects_change(entry: &Entry<'_>) -> Option<i64> {
    let after = entry.row.objects?;
    match entry.moved {
        None => Some(after.delta),
        Some(before) => Some(after.after.saturating_sub(before.objects?.before)),
    }
}

/// The share that is still in use. Below 0 or above 1 it is sampling error, which a percentage
/// would hide.
fn kept(share: f64) -> String {
    number::whole_percent(share.clamp(0.0, 1.0) * 100.0)
}

fn label(report: &Report, entry: &Entry<'_>) -> RowLabel {
    let row = entry.row;
    let label = rows::label(report, &row.name, row.via.as_ref());
    match (entry.moved, &row.moved_from, &row.moved_to) {
        (Some(before), _, _) => label.remark(&format!("was {}", before.name)),
        (None, Some(name), _) => label.remark(&format!("was {name}")),
        (None, None, Some(name)) => label.remark(&format!("now {name}")),
        (None, None, None) => label,
    }
}
