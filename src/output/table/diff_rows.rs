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
use super::part_lines::{self, PartLine, Parts};
use super::{counted, is_heap, rows, rows_word, wrap};
use crate::analysis::diff::{Diff, DiffRow, Status};
use crate::analysis::parts::PartValue;
use crate::analysis::{Bounds, Measure, OmittedRows, Place};
use crate::report::{Report, Sort};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

pub(super) fn write(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Lines { entries, others, addresses, cut } = lines(report, diff);
    if !entries.is_empty() {
        writeln!(out)?;
        grid(report, entries, style).write(style, 0, out)?;
    }
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let of = if report.sort == Sort::Cum { "Δ cum" } else { "Δ" };
    let left_out = |first, omitted: OmittedRows, option: &str| {
        let what = counted(omitted.rows, rows_word(report));
        let sum = scale.omitted(omitted, of);
        (omitted.rows > 0).then(|| (first, format!("{what}, {sum} ({option} shows them)")))
    };
    let hidden = rows::hidden_remark(addresses, &scale.omitted(addresses, of));
    let mut omitted = diff.omitted;
    cut.into_iter().for_each(|delta| omitted.add(delta));
    let omitted = left_out("not shown: ", omitted, "-n 0");
    let within_noise = left_out("within noise: ", diff.within_noise, "--all");
    let others = part_lines::remark(others, &scale.omitted(others, of));
    let remarks = hidden.into_iter().chain(others).chain(omitted).chain(within_noise);
    wrap::remarks(remarks, style, out)
}

/// One line of the table: a row, a part of it, or the two rows of a function that moved.
struct Entry<'a> {
    row: &'a DiffRow,
    /// The row before, if the function moved and both are in the report.
    moved: Option<&'a DiffRow>,
    part: Option<&'a PartValue>,
    /// The caller that the label names.
    place: Option<&'a Place>,
    label: RowLabel,
    before: Measure,
    after: Measure,
    error: Option<Bounds>,
    at_most: u64,
}

impl<'a> Entry<'a> {
    /// The line of a row or a part of it.
    fn new(row: &'a DiffRow, of: PartLine<'a>) -> Self {
        let PartLine { part, place, label, at_most } = of;
        // Rows sorted by cum are split only if both values are the same.
        let both = |value| Measure { flat: value, cum: value };
        Entry {
            row,
            moved: None,
            part,
            place,
            label,
            before: part.map_or(row.before, |part| both(part.value.before.unwrap_or_default())),
            after: part.map_or(row.after, |part| both(part.value.after)),
            error: part.map_or(row.error, |part| part.error),
            at_most,
        }
    }

    fn delta(&self) -> Measure {
        Measure {
            flat: self.after.flat.saturating_sub(self.before.flat),
            cum: self.after.cum.saturating_sub(self.before.cum),
        }
    }

    fn status(&self) -> Status {
        self.part.and_then(|part| part.status).unwrap_or(self.row.status)
    }

    fn group(&self, value: Value) -> Group {
        match value.of(self.delta()) {
            _ if !self.status().is_real() => Group::Rest,
            1.. => Group::Grew,
            0 => Group::Rest,
            _ => Group::Shrank,
        }
    }

    /// What lines are sorted by: the certain part of a change, or its size.
    fn rank(&self, report: &Report) -> i64 {
        let delta = value(report).of(self.delta());
        let error = self.error.filter(|_| report.sort == Sort::Bound);
        sure(delta, error).min(i64::try_from(self.at_most).unwrap_or(i64::MAX))
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

/// The lines of a diff, and what they leave out.
struct Lines<'a> {
    entries: Vec<(Group, Entry<'a>)>,
    /// Callers without a line of their own.
    others: OmittedRows,
    /// Addresses beyond those shown.
    addresses: OmittedRows,
    /// The changes of rows that made room for parts of larger ones.
    cut: Vec<i64>,
}

fn parts(row: &DiffRow) -> Parts<'_> {
    let DiffRow { name, via, via_share, callers, others, .. } = row;
    Parts { name, via: via.as_ref(), via_share: *via_share, callers, others: others.as_ref() }
}

fn lines<'a>(report: &Report, diff: &'a Diff) -> Lines<'a> {
    let value = value(report);
    let (rows, moved) = moves(diff);
    let limit = if diff.omitted.rows > 0 { rows.len() + moved.len() } else { usize::MAX };
    let counts = rows.iter().map(|row| parts(row).count(report));
    let fitting = part_lines::fitting(counts, limit.saturating_sub(moved.len()));
    let (shown, cut) = rows.split_at(fitting);
    let sizes = shown.iter().map(|row| value.of(row.delta).unsigned_abs());
    let least = sizes.min().unwrap_or(0);
    let mut others = OmittedRows::default();
    let mut entries: Vec<(Group, Entry<'a>)> = Vec::new();
    let mut parted = Vec::new();
    for &row in shown {
        if row.addresses.is_empty() {
            for line in parts(row).lines(report, least, &mut others) {
                let is_part = line.part.is_some();
                let entry = Entry::new(row, line);
                if is_part {
                    parted.push(entry);
                } else {
                    entries.push((entry.group(value), entry));
                }
            }
        } else {
            let shown = rows::shown(row, &row.addresses).iter();
            let shown = shown.map(|row| Entry::new(row, parts(row).whole(report)));
            entries.extend(shown.map(|entry| (entry.group(value), entry)));
        }
    }
    entries.sort_by_key(|&(group, _)| group);
    for entry in parted {
        let group = entry.group(value);
        insert(&mut entries, group, entry, report);
    }
    for (row, before) in moved {
        // Its callers before and after are not compared.
        let label = rows::name(report, &row.name);
        let line = PartLine { part: None, place: None, label, at_most: u64::MAX };
        let error = row.error.zip(before.error).map(|(a, b)| sum_of(a, b));
        let entry =
            Entry { moved: Some(before), before: before.before, error, ..Entry::new(row, line) };
        let delta = value.of(entry.delta());
        let group = match delta {
            _ if sure(delta, entry.error) <= 0 => Group::Rest,
            1.. => Group::Grew,
            _ => Group::Shrank,
        };
        insert(&mut entries, group, entry, report);
    }
    let cut = cut.iter().map(|row| value.of(row.delta)).collect();
    let delta = |row: &DiffRow| value.of(row.delta);
    let beneath = |row: &DiffRow| row.addresses.iter().map(delta).collect();
    let addresses = rows::hidden(report, shown.iter().map(|row| (delta(row), beneath(row))));
    Lines { entries, others, addresses, cut }
}

/// A row after, and that of the same function before.
type Move<'a> = (&'a DiffRow, &'a DiffRow);

/// The rows that stay rows, and those of functions that moved.
fn moves(diff: &Diff) -> (Vec<&DiffRow>, Vec<Move<'_>>) {
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
    let (mut rows, mut moved) = (Vec::new(), Vec::new());
    for row in &diff.rows {
        let name = row.name.as_str();
        let before = row.moved_from.as_deref().and_then(|from| left.get(&(from, name)));
        if let Some(&before) = before {
            moved.push((row, before));
        } else if !row.moved_to.as_deref().is_some_and(|to| arrived.contains(&(name, to))) {
            rows.push(row);
        }
    }
    (rows, moved)
}

/// The certain part of a change: its size minus its error.
fn sure(delta: i64, error: Option<Bounds>) -> i64 {
    let size = i64::try_from(delta.unsigned_abs()).unwrap_or(i64::MAX);
    size.saturating_sub(error.map_or(0, number::half_width))
}

/// Puts a line where the size of its change belongs in its group.
fn insert<'a>(
    entries: &mut Vec<(Group, Entry<'a>)>,
    group: Group,
    entry: Entry<'a>,
    report: &Report,
) {
    let rank = entry.rank(report);
    let at = entries.iter().position(|(other_group, other)| {
        *other_group > group || (*other_group == group && other.rank(report) < rank)
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
            let is_sure = entry.moved.is_none() && entry.group(value) != Group::Rest;
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
        .column(Number, "after", Some(6), move |entry| scale.value(value.of(entry.after)))
        .column(Number, "Δ flat", Some(4), move |entry| {
            (value == Value::Cum).then(|| scale.change(entry.delta().flat))
        })
        .column(Number, "Δ objects", Some(2), move |entry| {
            objects_change(entry).filter(|_| counts_objects).map(number::count_change)
        })
        .column(Number, "kept", Some(1), move |entry| {
            let share = entry.part.map_or(entry.row.kept, |part| part.kept);
            share.filter(|_| is_heap).map(kept)
        })
        .name(rows::title(report))
        .column(Text, "where", Some(5), move |Entry { row, place, .. }| {
            rows::place(report, *place, (row.file.as_ref(), row.line), style)
        })
}

fn grid<'a>(
    report: &'a Report,
    entries: Vec<(Group, Entry<'a>)>,
    style: &'a Style,
) -> Grid<'a, Entry<'a>> {
    let mut grid = columns(report, style);
    let mut previous = None;
    for (group, entry) in entries {
        if previous.is_some_and(|previous| previous != group) {
            grid.gap();
        }
        previous = Some(group);
        let tone = match group {
            Group::Grew => Tone::Growth,
            Group::Shrank => Tone::Shrink,
            Group::Rest => Tone::Dim,
        };
        let mut label = label(&entry);
        label.status = status_word(&entry)
            .map(|word| (word, ["Δ %", if word == "new" { "before" } else { "after" }]));
        grid.push(&entry, label, tone);
    }
    grid
}

fn status_word(entry: &Entry<'_>) -> Option<&'static str> {
    match entry.status() {
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
    if entry.moved.is_none() && entry.part.is_none() {
        return entry.row.delta_percent.map(number::percent_change);
    }
    // The percentage of the row would be that of one half of a pair, or of all parts.
    let (delta, before) = (value.of(entry.delta()), value.of(entry.before));
    let percent = delta as f64 / before.unsigned_abs() as f64 * 100.0;
    (before != 0).then(|| number::percent_change(percent))
}

fn objects_change(entry: &Entry<'_>) -> Option<i64> {
    if let Some(part) = entry.part {
        return part.objects?.delta;
    }
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

fn label(entry: &Entry<'_>) -> RowLabel {
    let (row, label) = (entry.row, entry.label.clone());
    match (&row.moved_from, &row.moved_to) {
        (Some(name), _) => label.remark(&format!("was {name}")),
        (None, Some(name)) => label.remark(&format!("now {name}")),
        (None, None) => label,
    }
}
