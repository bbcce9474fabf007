//! Compares two snapshots: how they relate, and what a record that both may contain weighs on each
//! side.

use super::{Measured, RawSamples, Records};
use crate::model::ids::{LabelSetId, LocationId};
use crate::model::series::{Series, Snapshot};
use crate::stats::growth::{GrowthEvidence, Pair};
use crate::stats::sampling::SamplingWeight;

/// How the samples of two snapshots relate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Process {
    /// The same process, in the right order.
    InOrder,
    /// The same process, in the wrong order.
    Swapped,
    /// Two processes, or what may be two.
    #[default]
    Different,
}

/// Whether two snapshots hold the same samples, apart from those that are all zero.
pub(crate) fn identical(before: &Snapshot, after: &Snapshot) -> bool {
    non_zero(before).eq(non_zero(after))
}

/// Stack, labels and values of each sample that is not all zero.
fn non_zero(snapshot: &Snapshot) -> impl Iterator<Item = (u64, LabelSetId, &[i64])> {
    let samples = &snapshot.samples;
    let width = samples.values.len().checked_div(samples.len()).unwrap_or(0).max(1);
    let rows = samples.values.chunks_exact(width);
    let keys = samples.stack_hashes.iter().zip(&samples.labels);
    let all = keys.zip(rows).map(|((&stack, &labels), values)| (stack, labels, values));
    all.filter(|(_, _, values)| values.iter().any(|&value| value != 0))
}

/// A sample before and after; `None` on a side where it is absent.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

/// The raw samples of a record in one group of columns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw {
    pub(super) before: i64,
    pub(super) after: i64,
}

/// Two snapshots, their raw samples, and how they relate.
pub(super) struct SnapshotPair<'a> {
    pub(super) process: Process,
    pub(super) before: RawSamples<'a>,
    pub(super) after: RawSamples<'a>,
    /// What the samples of each side are scaled by, if they are.
    pub(super) factors: Option<[f64; 2]>,
}

impl<'a> SnapshotPair<'a> {
    /// The first two snapshots of a series.
    pub(super) fn new(series: &'a Series, process: Process) -> Self {
        Self {
            process,
            before: RawSamples::new(series, &series.snapshots[0]),
            after: RawSamples::new(series, &series.snapshots[1]),
            factors: None,
        }
    }

    /// Whether both record how they were sampled.
    pub(super) fn known(&self) -> bool {
        self.before.known() && self.after.known()
    }

    /// Whether a change between them has an error worth stating.
    pub(super) fn has_error(&self) -> bool {
        self.before.has_error() && self.after.has_error()
    }

    /// The stack of a record, leaf first.
    pub(super) fn stack(
        &self,
        record: Record,
    ) -> Option<impl Iterator<Item = LocationId> + Clone + use<'a>> {
        match record {
            Record { after: Some(sample), .. } => Some(self.after.stack(sample)),
            Record { before: Some(sample), .. } => Some(self.before.stack(sample)),
            Record { .. } => None,
        }
    }

    /// The labels of a record.
    pub(super) fn set(&self, record: Record) -> Option<LabelSetId> {
        match record {
            Record { after: Some(sample), .. } => Some(self.after.set(sample)),
            Record { before: Some(sample), .. } => Some(self.before.set(sample)),
            Record { .. } => None,
        }
    }

    /// The values of a record in a column, before and after.
    pub(super) fn values(&self, record: Record, column: usize) -> (i64, i64) {
        (
            record.before.map_or(0, |sample| self.before.values(sample)[column]),
            record.after.map_or(0, |sample| self.after.values(sample)[column]),
        )
    }

    pub(super) fn raw(&self, record: Record, records: &Records) -> Raw {
        Raw {
            before: record.before.map_or(0, |sample| self.before.raw(sample, records)),
            after: record.after.map_or(0, |sample| self.after.raw(sample, records)),
        }
    }

    /// What one raw sample represents on each side. A sample that is absent on one side is assumed
    /// to weigh there what it weighs on the other.
    pub(super) fn weights(
        &self,
        record: Record,
        measured: &Measured,
    ) -> (SamplingWeight, SamplingWeight) {
        let before = record.before.map(|b| (self.before.set(b), self.before.values(b)));
        let after = record.after.map(|a| (self.after.set(a), self.after.values(a)));
        let weight = |side: &RawSamples<'_>, own: Option<_>, other: Option<_>| {
            let sample: Option<(LabelSetId, &[i64])> = own.or(other);
            sample.map_or(SamplingWeight::default(), |(set, values)| {
                side.weight(set, values, measured)
            })
        };
        let weights = (weight(&self.before, before, after), weight(&self.after, after, before));
        let Some([b, a]) = self.factors else { return weights };
        (weights.0.scaled(b), weights.1.scaled(a))
    }

    pub(super) fn pair(&self, raw: Raw, allocated: i64) -> Pair {
        match self.process {
            Process::Different => Pair::independent(raw.before, raw.after),
            Process::InOrder => Pair::same_process(raw.before, raw.after, allocated),
            Process::Swapped => {
                let pair = Pair::same_process(raw.after, raw.before, allocated.wrapping_neg());
                Pair { x1: pair.x2, x2: pair.x1 }
            }
        }
    }

    /// Whether a record gives no evidence about a sample type.
    pub(super) fn is_idle(&self, record: Record, measured: &Measured) -> bool {
        let (b, a) = self.values(record, measured.column);
        if a != 0 || b != 0 {
            return false;
        }
        let allocated = measured.allocated_records.as_ref();
        let allocated = allocated.map(|records| self.raw(record, records)).unwrap_or_default();
        self.process == Process::Different || allocated.before == allocated.after
    }

    /// The samples of a record that isn't idle, and its labels, if these alone tell its weights.
    pub(super) fn kind(&self, record: Record, measured: &Measured) -> Option<(Pair, LabelSetId)> {
        let set = self.set(record)?;
        let is_sized = |side: &RawSamples<'_>| side.scale.sized[set.index()].is_some();
        if !is_sized(&self.before) || !is_sized(&self.after) || measured.records.count.is_none() {
            return None;
        }
        let allocated = measured.allocated_records.as_ref();
        let allocated = allocated.map(|records| self.raw(record, records)).unwrap_or_default();
        let own = self.raw(record, &measured.records);
        let change = if measured.records.cumulative { own } else { allocated };
        Some((self.pair(own, change.after.wrapping_sub(change.before)), set))
    }

    /// The evidence a record gives about the change of a sample type; `None` if it is empty on both
    /// sides.
    pub(super) fn evidence(&self, record: Record, measured: &Measured) -> Option<GrowthEvidence> {
        let (b, a) = self.values(record, measured.column);
        let allocated = measured.allocated_records.as_ref();
        let allocated = allocated.map(|records| self.raw(record, records)).unwrap_or_default();
        let idle = self.process == Process::Different || allocated.before == allocated.after;
        if a == 0 && b == 0 && idle {
            return None;
        }
        let own = self.raw(record, &measured.records);
        let change = if measured.records.cumulative { own } else { allocated };
        let pair = self.pair(own, change.after.wrapping_sub(change.before));
        let (w1, w2) = self.weights(record, measured);
        Some(GrowthEvidence::of(pair, w1, w2))
    }
}
