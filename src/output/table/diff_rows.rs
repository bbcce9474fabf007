//! The rows of a diff: first those that grew, then those that shrank, then those within noise.
//!
//! A function that moved (a closure the compiler renumbered) is two rows in a report, gone here and
//! new there. The table shows the pair as one line, because a new name neither allocates nor frees
//! anything. A row without symbols is shown as the addresses behind it.

use super::super::Style;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::part_lines::{self, PartLine, Parts};
use super::{counted, rows, rows_word, wrap};
use crate::analysis::diff::{Diff, DiffRow};
use crate::analysis::{Bounds, Measure, OmittedRows};
use crate::output::columns::View;
use crate::output::columns::diff::{DiffLine, columns, main_value};
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

/// One line of the table.
struct Entry<'a> {
    line: DiffLine<'a>,
    label: RowLabel,
    at_most: u64,
}

impl<'a> Entry<'a> {
    /// The line of a row or a part of it.
    fn new(row: &'a DiffRow, of: PartLine<'a>) -> Self {
        let PartLine { part, place, label, at_most } = of;
        Entry { line: DiffLine { place, ..DiffLine::new(row, part) }, label, at_most }
    }

    fn group(&self, value: Value) -> Group {
        match value(self.line.delta()) {
            _ if !self.line.status().is_real() => Group::Rest,
            1.. => Group::Grew,
            0 => Group::Rest,
            _ => Group::Shrank,
        }
    }

    /// What lines are sorted by: the certain part of a change, or its size.
    fn rank(&self, report: &Report) -> i64 {
        let delta = main_value(report)(self.line.delta());
        let error = self.line.error.filter(|_| report.sort == Sort::Bound);
        sure(delta, error).min(i64::try_from(self.at_most).unwrap_or(i64::MAX))
    }
}

/// The value the rows are sorted by.
type Value = fn(Measure) -> i64;

/// The group of a line, in the order of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Grew,
    Shrank,
    Rest,
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
    let value = main_value(report);
    let (rows, moved) = moves(diff);
    let limit = if diff.omitted.rows > 0 { rows.len() + moved.len() } else { usize::MAX };
    let counts = rows.iter().map(|row| parts(row).count(report));
    let fitting = part_lines::fitting(counts, limit.saturating_sub(moved.len()));
    let (shown, cut) = rows.split_at(fitting);
    let sizes = shown.iter().map(|row| value(row.delta).unsigned_abs());
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
        let mut entry = Entry::new(row, line);
        let of = entry.line;
        entry.line = DiffLine { moved: Some(before), before: before.before, error, ..of };
        let delta = value(entry.line.delta());
        let group = match delta {
            _ if sure(delta, error) <= 0 => Group::Rest,
            1.. => Group::Grew,
            _ => Group::Shrank,
        };
        insert(&mut entries, group, entry, report);
    }
    let cut = cut.iter().map(|row| value(row.delta)).collect();
    let delta = |row: &DiffRow| value(row.delta);
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

fn grid<'a>(
    report: &'a Report,
    entries: Vec<(Group, Entry<'a>)>,
    style: &'a Style,
) -> Grid<'a, DiffLine<'a>> {
    let mut grid = Grid::of(columns(View { report, style }));
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
        let Entry { line, label, .. } = entry;
        let mut label = match (&line.row.moved_from, &line.row.moved_to) {
            (Some(name), _) => label.remark(&format!("was {name}")),
            (None, Some(name)) => label.remark(&format!("now {name}")),
            (None, None) => label,
        };
        label.status = line
            .status_word()
            .map(|word| (word, ["Δ %", if word == "new" { "before" } else { "after" }]));
        grid.push(&line, label, tone);
    }
    grid
}
