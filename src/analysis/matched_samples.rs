//! The samples of one snapshot, or of two matched snapshots, as records: a stack with its labels,
//! its weight, and its evidence about the error of every sum it is part of.
//!
//! A question adds up the values of its rows first, and the evidence only of the rows it keeps: a
//! value takes a few bytes, evidence more than a hundred.

use super::pairing::{NONE, Pairs};
use super::shared::SharedPairs;
use super::snapshot_pair::{Process, Record, SnapshotPair};
use super::{Bounds, Measured, RawSamples, Subject};
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::model::series::Series;
use crate::parallel;
use crate::stats::growth::GrowthEvidence;
use crate::stats::sampling::SampleEvidence;
use crate::stats::{self, Garwood};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::convert::Infallible;
use std::sync::Arc;

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
    Two(SnapshotPair<'a>, Arc<Pairs>),
}

impl<'a> MatchedSamples<'a> {
    /// The records of the first snapshot, or of the first two, which relate as `process` states.
    pub(super) fn new(series: &'a Series, measured: Measured, process: Option<Process>) -> Self {
        Self::with(series, measured, process, &SharedPairs::default())
    }

    /// The records of a subject.
    pub(super) fn shared(subject: &Subject<'a>) -> Self {
        let Subject { series, measured, process, shared, .. } = *subject;
        Self::with(series, measured, process, &shared.pairs)
    }

    fn with(
        series: &'a Series,
        measured: Measured,
        process: Option<Process>,
        known: &SharedPairs,
    ) -> Self {
        let of = match (series.snapshots.as_slice(), process) {
            ([], _) => Of::Nothing,
            ([one], _) | ([one, ..], None) => Of::One(RawSamples::new(series, one)),
            ([_, _, ..], Some(process)) => {
                let pairs = known.of(series, process, measured.allocated);
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

    /// For each sample after, the matching sample before; [`NONE`] if it is new.
    pub(super) fn partners(&self) -> Option<&[u32]> {
        match &self.of {
            Of::Two(_, pairs) => Some(&pairs.of_after),
            Of::Nothing | Of::One(_) => None,
        }
    }

    /// The records. A single snapshot is the "after" of its records.
    pub(super) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.len()).map(|number| self.record(number))
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
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
        take: impl FnMut(&T, &SumEvidence) + Send,
    ) {
        self.each_of(None, stacks, places, take);
    }

    /// The same for the records with these numbers, if there are any.
    pub(super) fn each_of<T: Send + Sync>(
        &self,
        numbers: Option<&[u32]>,
        stacks: &Stacks<'_>,
        places: impl Fn(StackId) -> Option<T> + Sync + Send,
        mut take: impl FnMut(&T, &SumEvidence) + Send,
    ) {
        let of = |at: usize| {
            let record = self.record(numbers.map_or(at, |numbers| numbers[at] as usize));
            let places = places(self.stack(stacks, record)?)?;
            Some((places, self.evidence(record)?))
        };
        let all = numbers.map_or_else(|| self.len(), <[u32]>::len);
        let piece = |piece: usize| {
            let start = if parallel::is_cancelled() { all } else { piece * PIECE };
            (start..all.min(start.saturating_add(PIECE))).filter_map(of).collect::<Vec<_>>()
        };
        let take_all = |found: Vec<(T, SumEvidence)>| {
            found.iter().for_each(|(places, evidence)| take(places, evidence));
            Ok::<(), Infallible>(())
        };
        let Ok(()) = parallel::ahead((all.div_ceil(PIECE), AHEAD), piece, take_all);
    }

    /// The stack of the record with a number.
    pub(super) fn stack_of(&self, stacks: &Stacks<'_>, number: usize) -> Option<StackId> {
        self.stack(stacks, self.record(number))
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

    /// What the evidence of a record depends on, if it is the same for many records: its samples, and its labels, which
    /// name the size of its objects.
    fn kind(&self, record: Record) -> Option<Kind> {
        match (&self.of, record.after) {
            (Of::One(raw), Some(sample)) => {
                let set = raw.set(sample);
                let is_sized =
                    raw.scale.sized[set.index()].is_some() && self.measured.records.count.is_some();
                let samples = is_sized.then(|| raw.raw(sample, &self.measured.records))?;
                Some((set.0, [samples as u64, 0]))
            }
            (Of::Two(sides, _), _) => {
                let (pair, set) = sides.kind(record, &self.measured)?;
                Some((set.0, [pair.x1.to_bits(), pair.x2.to_bits()]))
            }
            _ => None,
        }
    }

    /// Whether a record gives any evidence.
    fn gives(&self, record: Record) -> bool {
        match (&self.of, record.after) {
            (Of::One(raw), Some(sample)) => raw.values(sample)[self.measured.column] != 0,
            (Of::Two(sides, _), _) => !sides.is_idle(record, &self.measured),
            _ => false,
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

/// Labels and samples.
type Kind = (u32, [u64; 2]);

/// No evidence.
const NOTHING: u32 = u32::MAX;

/// Records whose kinds of evidence are found at once, each piece with a table of its own.
const KINDS_OF: usize = 64 * 1024;

/// The evidence of all records about several sample types. Most records have evidence of few kinds, so that each kind
/// is worked out once, and a record has a number.
pub(super) struct KindsOfEvidence<'a> {
    /// The sample types with their records, and empty evidence; none for one without errors.
    types: Vec<Option<(MatchedSamples<'a>, SumEvidence)>>,
    pieces: Vec<Kinds>,
    /// Number of records.
    len: usize,
}

/// The kinds of evidence of some records.
struct Kinds {
    /// For each record, the number of its kind in each sample type.
    of_record: Vec<u32>,
    /// The kinds of each sample type.
    kinds: Vec<Vec<SumEvidence>>,
}

impl<'a> KindsOfEvidence<'a> {
    /// The evidence about each subject, which differ in their sample type alone.
    pub(super) fn new(subjects: &[Subject<'a>]) -> Self {
        let types = subjects.iter().map(|subject| {
            let matched = MatchedSamples::shared(subject);
            let nothing = matched.no_evidence()?;
            Some((matched, nothing))
        });
        let types: Vec<_> = types.collect();
        let len = types.iter().flatten().next().map_or(0, |(matched, _)| matched.len());
        let pieces = parallel::map(len.div_ceil(KINDS_OF), |piece| {
            let records = piece * KINDS_OF..len.min((piece + 1) * KINDS_OF);
            Kinds::new(&types, records)
        });
        Self { types, pieces, len }
    }

    /// The sums of evidence over the records of each of so many nodes, for each sample type: in the order of the
    /// records. `node` is that of a stack. There are none for a sample type without errors.
    pub(super) fn sums(
        &self,
        stacks: &Stacks<'_>,
        nodes: usize,
        node: impl Fn(StackId) -> Option<u32> + Sync,
    ) -> Vec<Vec<SumEvidence>> {
        let none = || self.types.iter().map(|_| Vec::new()).collect();
        let Some((matched, _)) = self.types.iter().flatten().next() else { return none() };
        // The records in the order of their nodes; what is in none comes last.
        let node_of = parallel::map(self.pieces.len(), |piece| {
            let records = piece * KINDS_OF..self.len.min((piece + 1) * KINDS_OF);
            let of = |number: usize| {
                let stack = matched.stack(stacks, matched.record(number));
                stack.and_then(&node).unwrap_or(nodes as u32)
            };
            records.map(of).collect::<Vec<u32>>()
        });
        let all = || node_of.iter().flatten().map(|&node| node as usize);
        let mut starts = vec![0_u32; nodes + 2];
        all().for_each(|node| starts[node + 1] += 1);
        for node in 1..starts.len() {
            starts[node] += starts[node - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![0_u32; self.len];
        for (record, node) in (0..).zip(all()) {
            sorted[next[node] as usize] = record;
            next[node] += 1;
        }
        let pieces = parallel::map(nodes.div_ceil(NODES), |piece| {
            let nodes = piece * NODES..nodes.min((piece + 1) * NODES);
            let mut sums: Vec<Vec<SumEvidence>> = none();
            let is_cancelled = parallel::is_cancelled();
            for node in nodes {
                let records = starts[node] as usize..starts[node + 1] as usize;
                self.sum(if is_cancelled { &[] } else { &sorted[records] }, &mut sums);
            }
            sums
        });
        let mut sums: Vec<Vec<SumEvidence>> = none();
        for piece in pieces {
            sums.iter_mut().zip(piece).for_each(|(sums, piece)| sums.extend(piece));
        }
        sums
    }

    /// Appends the sum over some records to those of each sample type.
    fn sum(&self, records: &[u32], sums: &mut [Vec<SumEvidence>]) {
        let width = self.types.len();
        for ((at, of_type), sums) in self.types.iter().enumerate().zip(sums) {
            let Some((_, nothing)) = of_type else { continue };
            let mut sum = *nothing;
            for &record in records {
                let piece = &self.pieces[record as usize / KINDS_OF];
                let kind = piece.of_record[record as usize % KINDS_OF * width + at];
                if let Some(evidence) = piece.kinds[at].get(kind as usize) {
                    sum.merge(evidence);
                }
            }
            sums.push(sum);
        }
    }
}

/// Nodes whose evidence is added up at once.
const NODES: usize = 4 * 1024;

impl Kinds {
    fn new(
        types: &[Option<(MatchedSamples<'_>, SumEvidence)>],
        records: std::ops::Range<usize>,
    ) -> Self {
        let mut known: Vec<HashMap<Kind, u32, FxBuildHasher>> =
            vec![HashMap::default(); types.len()];
        let mut kinds: Vec<Vec<SumEvidence>> = vec![Vec::new(); types.len()];
        let mut of_record = Vec::with_capacity(records.len() * types.len());
        if parallel::is_cancelled() {
            of_record.resize(records.len() * types.len(), NOTHING);
            return Self { of_record, kinds };
        }
        for number in records {
            for ((of_type, known), kinds) in types.iter().zip(&mut known).zip(&mut kinds) {
                let number = of_type.as_ref().and_then(|(matched, _)| {
                    let record = matched.record(number);
                    let mut new = || {
                        kinds.push(matched.evidence(record)?);
                        Some(kinds.len() as u32 - 1)
                    };
                    if !matched.gives(record) {
                        return None;
                    }
                    let Some(kind) = matched.kind(record) else { return new() };
                    if let Some(&number) = known.get(&kind) {
                        return Some(number);
                    }
                    let number = new()?;
                    known.insert(kind, number);
                    Some(number)
                });
                of_record.push(number.unwrap_or(NOTHING));
            }
        }
        Self { of_record, kinds }
    }
}
