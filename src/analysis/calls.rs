//! What the answers about callers and callees share: values before and after, the tree of the paths, and the error of
//! the rows that are shown.

use super::matched::Evidence;
use super::{Bounds, Measure, Subject};
use crate::graph::frames::RowId;
use crate::graph::tree::{NodeId, TooLarge, Tree, Unsymbolized};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value in one snapshot, or before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

    /// What they are about: the change of two, the values of one.
    pub fn main(&self) -> Measure {
        self.delta.unwrap_or(self.after)
    }
}

/// The paths of a subject, addresses without symbols as pprof has them.
pub(super) fn tree(subject: &Subject<'_>) -> Result<Tree, TooLarge> {
    Tree::new(subject.series, subject.frames, Unsymbolized::Binary)
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

/// The size of each path: |after − before|, or |value| of a single snapshot.
pub(super) fn sizes(of_paths: &[Vec<i64>]) -> Vec<i64> {
    match of_paths {
        [before, after] => {
            let changes = before.iter().zip(after).map(|(&b, &a)| a.wrapping_sub(b));
            changes.map(i64::saturating_abs).collect()
        }
        [one] => one.iter().map(|value| value.saturating_abs()).collect(),
        _ => Vec::new(),
    }
}

/// The error of some rows, in their order, each with the flat and cum that it is the error of; nothing where the
/// profiles don't say how they were sampled.
pub(super) fn errors(
    subject: &Subject<'_>,
    tree: &Tree,
    rows: &[(RowId, Measure)],
) -> Vec<Option<Errors>> {
    const NONE: u32 = u32::MAX;
    let matched = subject.matched();
    let Some(nothing) = matched.no_evidence() else { return vec![None; rows.len()] };
    let mut position = vec![NONE; subject.frames.len()];
    for (i, (row, _)) in rows.iter().enumerate() {
        position[row.0 as usize] = i as u32;
    }
    // The next node up, itself included, whose row is asked about.
    let mut nearest = vec![NodeId::ROOT; tree.len()];
    for id in tree.ids().skip(1) {
        let node = tree.node(id);
        let is_asked = position[node.row.0 as usize] != NONE;
        nearest[id.index()] = if is_asked { id } else { nearest[node.parent.index()] };
    }
    let mut found: Vec<(Evidence, Evidence)> = vec![(nothing, nothing); rows.len()];
    let mut last = vec![usize::MAX; rows.len()];
    for (number, record) in matched.records().enumerate() {
        let Some(evidence) = matched.evidence(record) else { continue };
        let end = match (record.after, record.before, snapshots(subject)) {
            (Some(sample), _, snapshots) => tree.end(snapshots - 1, sample),
            (None, Some(sample), _) => tree.end(0, sample),
            (None, None, _) => continue,
        };
        let mut id = nearest[end.index()];
        if id == end && id != NodeId::ROOT {
            found[position[tree.node(id).row.0 as usize] as usize].0.merge(&evidence);
        }
        while id != NodeId::ROOT {
            let node = tree.node(id);
            let row = position[node.row.0 as usize] as usize;
            if std::mem::replace(&mut last[row], number) != number {
                found[row].1.merge(&evidence);
            }
            id = nearest[node.parent.index()];
        }
    }
    let bounds = found.iter().zip(rows).map(|((flat, cum), (_, value))| {
        Some(Errors { flat: flat.bounds(value.flat), cum: cum.bounds(value.cum) })
    });
    bounds.collect()
}
