//! What the answers about callers and callees share: values before and after, of rows and of stacks, and the error of the
//! rows that are shown.

use super::matched::Evidence;
use super::{Bounds, Measure, Subject};
use crate::graph::frames::RowId;
use crate::graph::stacks::Stacks;
use crate::graph::tree::{TooLarge, Tree};
use crate::graph::walk::Unsymbolized;
use serde::{Deserialize, Serialize};

/// A value in one snapshot, or before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Weight {
    /// Before; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// After, or in the single profile.
    pub after: i64,
    /// `after − before`; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<i64>,
}

/// Flat and cum in one snapshot, or before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Measures {
    /// Before; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Measure>,
    /// After, or in the single profile.
    pub after: Measure,
    /// `after − before`; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Measure>,
}

/// The sampling error of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Errors {
    /// 95 % interval of flat, or of its change.
    pub flat: Bounds,
    /// 95 % interval of cum, or of its change.
    pub cum: Bounds,
}

impl Weight {
    /// From a value of each snapshot, the only one or before and after.
    pub(super) fn of(values: &[i64]) -> Self {
        match *values {
            [before, after] => {
                Self { before: Some(before), after, delta: Some(after.wrapping_sub(before)) }
            }
            [after] => Self { after, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// What it is about: the change of two, the value of one.
    pub fn main(&self) -> i64 {
        self.delta.unwrap_or(self.after)
    }

    /// The sum of two of a kind.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let sum = |a: Option<i64>, b: Option<i64>| Some(a?.wrapping_add(b?));
        Self {
            before: sum(self.before, other.before),
            after: self.after.wrapping_add(other.after),
            delta: sum(self.delta, other.delta),
        }
    }

    /// Whether nothing was there at any time.
    pub(super) fn is_zero(&self) -> bool {
        self.before.unwrap_or(0) == 0 && self.after == 0
    }
}

impl Measures {
    /// From flat and cum.
    pub(super) fn of(flat: Weight, cum: Weight) -> Self {
        let both = |flat: Option<i64>, cum: Option<i64>| Some(Measure { flat: flat?, cum: cum? });
        Self {
            before: both(flat.before, cum.before),
            after: Measure { flat: flat.after, cum: cum.after },
            delta: both(flat.delta, cum.delta),
        }
    }

    /// Whether nothing was there at any time.
    pub(super) fn is_zero(&self) -> bool {
        let zero = Measure::default();
        self.before.unwrap_or(zero) == zero && self.after == zero
    }

    /// Cum alone.
    pub fn cum(&self) -> Weight {
        let cum = |measure: Measure| measure.cum;
        Weight { before: self.before.map(cum), after: self.after.cum, delta: self.delta.map(cum) }
    }

    /// What they are about: the change of two, the values of one.
    pub fn main(&self) -> Measure {
        self.delta.unwrap_or(self.after)
    }
}

/// The snapshots that are asked about: one, or before and after.
pub(super) fn snapshots(subject: &Subject<'_>) -> usize {
    let wanted = if subject.is_comparison() { 2 } else { 1 };
    subject.series.snapshots.len().min(wanted)
}

/// The value of each path where it ends, for each snapshot.
pub(super) fn of_paths(subject: &Subject<'_>, tree: &Tree, column: usize) -> Vec<Vec<i64>> {
    (0..snapshots(subject)).map(|i| tree.flat(subject.series, i, column)).collect()
}

/// Before and after of each stack; nothing before where there is one snapshot.
pub(super) fn changes(subject: &Subject<'_>, stacks: &Stacks<'_>) -> Vec<(i64, i64)> {
    let of = |snapshot| stacks.sums(snapshot, subject.measured.column);
    match snapshots(subject) {
        0 => Vec::new(),
        1 => of(0).into_iter().map(|value| (0, value)).collect(),
        _ => of(0).into_iter().zip(of(1)).collect(),
    }
}

/// Of the changes of stacks those of paths: what stacks of the same rows come to stands at the first of them.
pub(super) fn of_same_rows(
    subject: &Subject<'_>,
    stacks: &Stacks<'_>,
    changes: &[(i64, i64)],
) -> Result<Vec<(i64, i64)>, TooLarge> {
    let same = stacks.same_rows(subject.frames, Unsymbolized::Binary)?;
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

/// The error of some rows, in their order, each with the flat and cum that it is the error of; nothing where the
/// profiles don't say how they were sampled.
pub(super) fn errors(
    subject: &Subject<'_>,
    stacks: &Stacks<'_>,
    rows: &[(RowId, Measure)],
) -> Vec<Option<Errors>> {
    const NONE: u32 = u32::MAX;
    let matched = subject.matched();
    let Some(nothing) = matched.no_evidence() else { return vec![None; rows.len()] };
    let frames = subject.frames;
    let mut position = vec![NONE; frames.len()];
    for (i, (row, _)) in rows.iter().enumerate() {
        position[row.0 as usize] = i as u32;
    }
    let mut found: Vec<(Evidence, Evidence)> = vec![(nothing, nothing); rows.len()];
    let mut last = vec![usize::MAX; rows.len()];
    for (number, record) in matched.records().enumerate() {
        let Some(evidence) = matched.evidence(record) else { continue };
        let Some(stack) = matched.stack(stacks, record) else { continue };
        for (i, row) in stacks.rows(stack, frames, Unsymbolized::Binary).enumerate() {
            let row = position[row.0 as usize];
            if row == NONE {
                continue;
            }
            if i == 0 {
                found[row as usize].0.merge(&evidence);
            }
            if std::mem::replace(&mut last[row as usize], number) != number {
                found[row as usize].1.merge(&evidence);
            }
        }
    }
    let bounds = found.iter().zip(rows).map(|((flat, cum), (_, value))| {
        Some(Errors { flat: flat.bounds(value.flat), cum: cum.bounds(value.cum) })
    });
    bounds.collect()
}
