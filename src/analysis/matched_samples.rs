//! The samples of one snapshot, or of two matched snapshots, as records: a stack with its labels,
//! its weight, and its evidence about the error of every sum it is part of.
//!
//! A question adds up the values of its rows first, and the evidence only of the rows it keeps: a
//! value takes a few bytes, evidence more than a hundred.

use super::pairing::{NONE, Pairs, pairs};
use super::snapshot_pair::{Process, Record, SnapshotPair};
use super::{Bounds, Measured, RawSamples};
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::model::series::Series;
use crate::parallel;
use crate::stats::growth::GrowthEvidence;
use crate::stats::sampling::SampleEvidence;
use crate::stats::{self, Garwood};
use std::convert::Infallible;

/// Records whose evidence is put together at once, and how many times as many are ahead of those
/// that are added up.
const PIECE: usize = 500;
const AHEAD: usize = 8;

/// Evidence about a sum of records.
#[derive(Clone, Copy, Debug)]
pub(super) enum SumEvidence {
    /// For one snapshot: about the sum itself.
    Sum(SampleEvidence),
    /// For two snapshots: about the change of the sum.
    Change(GrowthEvidence),
}

impl SumEvidence {
    /// Adds another piece of evidence of the same kind.
    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sum(own), Self::Sum(other)) => own.merge(other),
            (Self::Change(own), Self::Change(other)) => own.merge(other),
            // Evidence of one series is always of one kind.
            (Self::Sum(_) | Self::Change(_), _) => {}
        }
    }

    /// The same as [`SumEvidence::bounds`] for one of many sums, which share `limits`.
    pub(super) fn bounds_of(&self, value: i64, limits: &mut Garwood) -> Bounds {
        Bounds::of(match self {
            Self::Sum(evidence) => evidence.interval_of(value as f64, limits),
            Self::Change(evidence) => evidence.interval_of(value as f64, limits),
        })
    }

    /// 95 % interval of the sum (of its change) whose value is `value`.
    pub(super) fn bounds(&self, value: i64) -> Bounds {
        Bounds::of(match self {
            Self::Sum(evidence) => evidence.interval(value as f64, stats::LEVEL),
            Self::Change(evidence) => evidence.interval(value as f64, stats::LEVEL),
        })
    }
}

/// The records of a series of one or two snapshots.
pub(super) struct MatchedSamples<'a> {
    measured: Measured,
    of: Of<'a>,
}

enum Of<'a> {
    Nothing,
    One(RawSamples<'a>),
    Two(SnapshotPair<'a>, Pairs),
}

impl<'a> MatchedSamples<'a> {
    /// The records of the first snapshot, or of the first two, which relate as `process` states.
    pub(super) fn new(series: &'a Series, measured: Measured, process: Option<Process>) -> Self {
        let of = match (series.snapshots.as_slice(), process) {
            ([], _) => Of::Nothing,
            ([one], _) | ([one, ..], None) => Of::One(RawSamples::new(series, one)),
            ([before, after, ..], Some(process)) => {
                let pairs = match (process, measured.allocated) {
                    (Process::InOrder | Process::Swapped, Some(allocated)) => {
                        pairs(before, after, series.sample_types.len(), allocated)
                    }
                    _ => Pairs::none(before, after),
                };
                Of::Two(SnapshotPair::new(series, process), pairs)
            }
        };
        Self { measured, of }
    }

    /// Empty evidence; `None` if the profiles don't record how they were sampled, or count everything.
    pub(super) fn no_evidence(&self) -> Option<SumEvidence> {
        match &self.of {
            Of::One(raw) if raw.has_error() => Some(SumEvidence::Sum(SampleEvidence::default())),
            Of::Two(sides, _) if sides.has_error() => {
                Some(SumEvidence::Change(GrowthEvidence::default()))
            }
            _ => None,
        }
    }

    /// The records. A single snapshot is the "after" of its records.
    pub(super) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.len()).map(|number| self.record(number))
    }

    /// Number of records.
    fn len(&self) -> usize {
        match &self.of {
            Of::Nothing => 0,
            Of::One(raw) => raw.len(),
            Of::Two(_, pairs) => pairs.of_after.len() + pairs.only_before.len(),
        }
    }

    /// A record by its number: first those with an after, in its order.
    fn record(&self, number: usize) -> Record {
        let Of::Two(_, pairs) = &self.of else {
            return Record { before: None, after: Some(number) };
        };
        if let Some(&before) = pairs.of_after.get(number) {
            let before = (before != NONE).then_some(before as usize);
            return Record { before, after: Some(number) };
        }
        let gone = pairs.only_before[number - pairs.of_after.len()];
        Record { before: Some(gone as usize), after: None }
    }

    /// Passes the evidence of each record on, in order, with the `places` of its stack; records
    /// whose stack has none are left out. Both are found ahead, on the threads that are free.
    pub(super) fn each<T: Send + Sync>(
        &self,
        stacks: &Stacks<'_>,
        places: impl Fn(StackId) -> Option<T> + Sync + Send,
        mut take: impl FnMut(&T, &SumEvidence) + Send,
    ) {
        let of = |number: usize| {
            let record = self.record(number);
            let places = places(self.stack(stacks, record)?)?;
            Some((places, self.evidence(record)?))
        };
        let all = self.len();
        let piece = |piece: usize| {
            let start = piece * PIECE;
            (start..all.min(start + PIECE)).filter_map(of).collect::<Vec<_>>()
        };
        let take_all = |found: Vec<(T, SumEvidence)>| {
            found.iter().for_each(|(places, evidence)| take(places, evidence));
            Ok::<(), Infallible>(())
        };
        let Ok(()) = parallel::ahead((all.div_ceil(PIECE), AHEAD), piece, take_all);
    }

    /// The stack of a record.
    pub(super) fn stack(&self, stacks: &Stacks<'_>, record: Record) -> Option<StackId> {
        let after = usize::from(matches!(self.of, Of::Two(..)));
        match record {
            Record { after: Some(sample), .. } => Some(stacks.of(after, sample)),
            Record { before: Some(sample), .. } => Some(stacks.of(0, sample)),
            Record { .. } => None,
        }
    }

    /// The evidence a record gives about sums it is part of; `None` if it gives none.
    pub(super) fn evidence(&self, record: Record) -> Option<SumEvidence> {
        match (&self.of, record.after) {
            (Of::One(raw), Some(sample)) => {
                let values = raw.values(sample);
                let mut evidence = SampleEvidence::default();
                if values[self.measured.column] == 0 {
                    return None;
                }
                let weight = raw.weight(raw.set(sample), values, &self.measured);
                evidence.add(raw.raw(sample, &self.measured.records), weight);
                Some(SumEvidence::Sum(evidence))
            }
            (Of::Two(sides, _), _) => {
                sides.evidence(record, &self.measured).map(SumEvidence::Change)
            }
            _ => None,
        }
    }
}
