//! Helpers for questions about callers and callees: values of stacks before and after, and the
//! error of the rows shown.

use super::matched_samples::SumEvidence;
use super::{Measure, MeasureBounds, Subject};
use crate::graph::distinct_stacks::{StackId, Stacks, TooLarge};
use crate::graph::frames::RowId;
use crate::graph::row_table::RowTable;
use crate::graph::tree::Tree;

/// Number of snapshots in question: one, or before and after.
pub(super) fn snapshots(subject: &Subject<'_>) -> usize {
    let wanted = if subject.is_comparison() { 2 } else { 1 };
    subject.series.snapshots.len().min(wanted)
}

/// The value of the paths that end at each step, for each snapshot.
pub(super) fn of_paths(subject: &Subject<'_>, tree: &Tree, column: usize) -> Vec<Vec<i64>> {
    (0..snapshots(subject)).map(|i| tree.flat(subject.series, i, column)).collect()
}

/// Before and after of each stack; before is 0 if there is one snapshot.
pub(super) fn changes(subject: &Subject<'_>, stacks: &Stacks<'_>) -> Vec<(i64, i64)> {
    let of = |snapshot| stacks.sums(snapshot, subject.measured.column);
    match snapshots(subject) {
        0 => Vec::new(),
        1 => of(0).into_iter().map(|value| (0, value)).collect(),
        _ => of(0).into_iter().zip(of(1)).collect(),
    }
}

/// Merges the changes of stacks with the same rows: their sum is at the first of them.
pub(super) fn of_same_rows(
    (stacks, rows): (&Stacks<'_>, &RowTable<'_>),
    changes: &[(i64, i64)],
) -> Result<Vec<(i64, i64)>, TooLarge> {
    let same = stacks.same_rows(rows)?;
    let mut sums = vec![(0_i64, 0_i64); changes.len()];
    for (first, &(before, after)) in same.into_iter().zip(changes) {
        let sum = &mut sums[first.index()];
        *sum = (sum.0.wrapping_add(before), sum.1.wrapping_add(after));
    }
    Ok(sums)
}

/// The size of each change: |after − before|, or |value| of a single snapshot.
pub(super) fn sizes(changes: &[(i64, i64)]) -> Vec<i64> {
    changes.iter().map(|&(b, a)| a.wrapping_sub(b).saturating_abs()).collect()
}

/// The rows that a stack passes, by their positions among those asked for.
struct Passed {
    /// The row it ends in.
    leaf: u32,
    /// A bit for each of the first rows.
    few: u128,
    /// The others.
    many: Vec<u32>,
}

impl Passed {
    fn add(&mut self, row: u32) {
        if row < u128::BITS {
            self.few |= 1 << row;
        } else {
            self.many.push(row);
        }
    }
}

/// The error of some rows, in order, each given with its flat and cum; `None` if the profiles don't
/// record how they were sampled.
pub(super) fn errors(
    subject: &Subject<'_>,
    (stacks, table): (&Stacks<'_>, &RowTable<'_>),
    rows: &[(RowId, Measure)],
) -> Vec<Option<MeasureBounds>> {
    const NONE: u32 = u32::MAX;
    let matched = subject.matched();
    let Some(nothing) = matched.no_evidence() else { return vec![None; rows.len()] };
    let frames = subject.frames;
    let mut position = vec![NONE; frames.len()];
    for (i, (row, _)) in rows.iter().enumerate() {
        position[row.0 as usize] = i as u32;
    }
    let mut found: Vec<(SumEvidence, SumEvidence)> = vec![(nothing, nothing); rows.len()];
    let passed = |stack: StackId| {
        let mut passed = Passed { leaf: NONE, few: 0, many: Vec::new() };
        let rows = table.units(stacks.first(stack)).flat_map(|unit| table.rows(unit));
        for (i, row) in rows.enumerate() {
            let row = position[row.0 as usize];
            if row != NONE {
                passed.add(row);
                if i == 0 {
                    passed.leaf = row;
                }
            }
        }
        passed.many.sort_unstable();
        passed.many.dedup();
        (passed.few != 0 || !passed.many.is_empty()).then_some(passed)
    };
    matched.each(stacks, passed, |passed, evidence| {
        if passed.leaf != NONE {
            found[passed.leaf as usize].0.merge(evidence);
        }
        let mut few = passed.few;
        while few != 0 {
            found[few.trailing_zeros() as usize].1.merge(evidence);
            few &= few - 1;
        }
        for &row in &passed.many {
            found[row as usize].1.merge(evidence);
        }
    });
    let bounds = found.iter().zip(rows).map(|((flat, cum), (_, value))| {
        Some(MeasureBounds { flat: flat.bounds(value.flat), cum: cum.bounds(value.cum) })
    });
    bounds.collect()
}
