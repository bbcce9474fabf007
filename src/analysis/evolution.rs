//! Follows the values of groups of records through a span of snapshots, with the evidence about
//! each change.
//!
//! A group is anything a question needs sums of: a site, a site under one of its callers, a row. A
//! record may be in several. Columns are unpacked once, in parallel, and only the sums of the
//! groups are kept.

use super::raw_samples::Scale;
use super::{Measured, Records, sampling};
use crate::model::history::{History, Moment};
use crate::model::ids::LocationId;
use crate::model::recording::Span;
use crate::parallel;
use crate::stats::growth::{GrowthEvidence, Pair};
use crate::stats::retention::{Retention, retention};
use crate::stats::sampling::SampleEvidence;

/// The groups that each record is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// Number of groups.
    pub(super) count: usize,
    ends: Vec<u32>,
    flat: Vec<u32>,
}

impl Groups {
    /// The groups of each of `records` records, as `of` appends them.
    pub(super) fn new(
        count: usize,
        records: usize,
        mut of: impl FnMut(usize, &mut Vec<u32>),
    ) -> Self {
        let mut groups = Self { count, ..Self::default() };
        for record in 0..records {
            of(record, &mut groups.flat);
            groups.ends.push(groups.flat.len() as u32);
        }
        groups
    }

    /// Number of records.
    pub(super) fn records(&self) -> usize {
        self.ends.len()
    }

    /// The groups of a record.
    #[inline]
    pub(super) fn of(&self, record: usize) -> &[u32] {
        let start = record.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.flat[start..self.ends[record] as usize]
    }
}

/// A group through time.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupValues {
    /// Its value in each snapshot.
    pub(super) values: Vec<i64>,
    /// The standard error of each.
    pub(super) noise: Vec<f64>,
    /// Total allocated up to each snapshot, in the same unit; empty if the profiles don't record
    /// it.
    pub(super) allocated: Vec<i64>,
}

impl GroupValues {
    /// The values in some of the snapshots, by position.
    pub(super) fn at(&self, positions: &[usize]) -> Self {
        fn pick<T: Copy>(all: &[T], positions: &[usize]) -> Vec<T> {
            positions.iter().filter_map(|&i| all.get(i).copied()).collect()
        }
        Self {
            values: pick(&self.values, positions),
            noise: pick(&self.noise, positions),
            allocated: pick(&self.allocated, positions),
        }
    }

    /// Adds another group whose records are disjoint from its own.
    pub(super) fn add(&mut self, other: &Self) {
        let sums = self.values.iter_mut().zip(&other.values);
        sums.for_each(|(sum, value)| *sum = sum.wrapping_add(*value));
        self.noise.iter_mut().zip(&other.noise).for_each(|(a, b)| *a = a.hypot(*b));
        let sums = self.allocated.iter_mut().zip(&other.allocated);
        sums.for_each(|(sum, value)| *sum = sum.wrapping_add(*value));
    }
}

/// What changed in a record from the first snapshot of a span to the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordChange {
    /// Value in the first snapshot.
    pub(super) first: i64,
    /// Value in the last.
    pub(super) last: i64,
    /// Raw samples in the first and in the last.
    pub(super) raw: (i64, i64),
    /// Raw samples allocated in between.
    pub(super) allocated: i64,
    /// Amount allocated in between, in the unit of the values.
    pub(super) allocated_value: i64,
    /// Objects in the first snapshot and in the last; 0 if the profiles don't count them.
    pub(super) objects: (i64, i64),
    /// The evidence about the growth.
    pub(super) evidence: Option<GrowthEvidence>,
}

impl RecordChange {
    /// Value in the last snapshot − value in the first.
    pub(super) fn delta(&self) -> i64 {
        self.last.wrapping_sub(self.first)
    }
}

/// What changed in several records together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Value in the first snapshot.
    pub(super) first: i64,
    /// Value in the last.
    pub(super) last: i64,
    /// Raw samples in use in the first and in the last.
    pub(super) raw: (i64, i64),
    /// Raw samples allocated, and the increase of raw samples in use.
    pub(super) allocated: i64,
    pub(super) kept: i64,
    /// Amount allocated, in the unit of the values.
    pub(super) allocated_value: i64,
    /// Objects in the first snapshot and in the last.
    pub(super) objects: (i64, i64),
    pub(super) evidence: GrowthEvidence,
}

impl Tally {
    pub(super) fn add(&mut self, change: &RecordChange) {
        self.first = self.first.wrapping_add(change.first);
        self.last = self.last.wrapping_add(change.last);
        self.raw.0 = self.raw.0.saturating_add(change.raw.0);
        self.raw.1 = self.raw.1.saturating_add(change.raw.1);
        self.allocated = self.allocated.saturating_add(change.allocated);
        self.kept = self.kept.saturating_add(change.raw.1.saturating_sub(change.raw.0));
        self.allocated_value = self.allocated_value.saturating_add(change.allocated_value);
        self.objects.0 = self.objects.0.saturating_add(change.objects.0);
        self.objects.1 = self.objects.1.saturating_add(change.objects.1);
        if let Some(evidence) = &change.evidence {
            self.evidence.merge(evidence);
        }
    }

    /// Adds another whose records are disjoint from its own.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first = self.first.wrapping_add(other.first);
        self.last = self.last.wrapping_add(other.last);
        self.raw.0 = self.raw.0.saturating_add(other.raw.0);
        self.raw.1 = self.raw.1.saturating_add(other.raw.1);
        self.allocated = self.allocated.saturating_add(other.allocated);
        self.kept = self.kept.saturating_add(other.kept);
        self.allocated_value = self.allocated_value.saturating_add(other.allocated_value);
        self.objects.0 = self.objects.0.saturating_add(other.objects.0);
        self.objects.1 = self.objects.1.saturating_add(other.objects.1);
        self.evidence.merge(&other.evidence);
    }

    /// Value in the last snapshot − value in the first.
    pub(super) fn delta(&self) -> i64 {
        self.last.wrapping_sub(self.first)
    }

    /// The share kept of what was allocated.
    pub(super) fn retention(&self) -> Option<Retention> {
        retention(self.kept as f64, self.allocated as f64)
    }

    /// One-sided p-value of its growth.
    pub(super) fn p_growth(&self) -> f64 {
        if self.delta() > 0 { self.evidence.p_growth() } else { 1.0 }
    }
}

/// A sample type of a history over one span of it.
#[derive(Clone, Copy)]
pub(super) struct Evolution<'a> {
    pub(super) history: &'a History,
    pub(super) measured: &'a Measured,
    pub(super) span: &'a Span,
}

impl<'a> Evolution<'a> {
    fn scale(&self, moment: &'a Moment) -> Scale<'a> {
        let Self { history, .. } = self;
        Scale::new(&history.records, &history.sample_types, sampling(&moment.header))
    }

    fn moment(&self, i: usize) -> &'a Moment {
        &self.history.moments[self.span.moments[i]]
    }

    /// Whether all snapshots record how they were sampled.
    pub(super) fn known(&self) -> bool {
        (0..self.span.moments.len()).all(|i| self.scale(self.moment(i)).known())
    }

    /// What the program allocated per hour between two snapshots of the span; `None` if the profiles don't
    /// record it.
    pub(super) fn rate(&self, from: usize, to: usize) -> Option<f64> {
        let column = self.measured.allocated?;
        let allocated = |i: usize| self.moment(i).totals[column] as f64;
        let hours = self.span.hours[to] - self.span.hours[from];
        Some((allocated(to) - allocated(from)) / hours)
    }

    /// What a sample that was never seen represents, at the coarsest rate of the snapshots.
    pub(super) fn unit(&self) -> f64 {
        let units =
            (0..self.span.moments.len()).map(|i| self.scale(self.moment(i)).unit(self.measured));
        units.fold(0.0, f64::max)
    }

    /// The largest size of each group in any snapshot.
    pub(super) fn peaks(&self, groups: &Groups) -> Vec<u64> {
        let n = self.span.moments.len();
        // A few pieces, to avoid a table of all groups and snapshots.
        let pieces = n.min(PIECES);
        let peaks = parallel::map(pieces, |piece| {
            let mut peaks = vec![0_u64; groups.count];
            for i in (piece..n).step_by(pieces) {
                let sums = self.sums(i, groups);
                peaks
                    .iter_mut()
                    .zip(sums)
                    .for_each(|(peak, sum)| *peak = (*peak).max(sum.unsigned_abs()));
            }
            peaks
        });
        let mut largest = vec![0_u64; groups.count];
        for peaks in peaks {
            largest.iter_mut().zip(peaks).for_each(|(all, peak)| *all = (*all).max(peak));
        }
        largest
    }

    /// The values of each group in one snapshot.
    fn sums(&self, i: usize, groups: &Groups) -> Vec<i64> {
        let mut sums = vec![0_i64; groups.count];
        self.history.each(self.moment(i), |record, values| {
            for &group in groups.of(record) {
                let sum = &mut sums[group as usize];
                *sum = sum.wrapping_add(values[self.measured.column]);
            }
        });
        sums
    }

    /// The values of each group in each snapshot, without errors.
    pub(super) fn values(&self, groups: &Groups) -> Vec<Vec<i64>> {
        let columns = parallel::map(self.span.moments.len(), |i| self.sums(i, groups));
        (0..groups.count).map(|group| columns.iter().map(|sums| sums[group]).collect()).collect()
    }

    /// Each group in each snapshot.
    pub(super) fn lines(&self, groups: &Groups) -> Vec<GroupValues> {
        if groups.count == 0 {
            return Vec::new();
        }
        let n = self.span.moments.len();
        let columns = parallel::map(n, |i| self.column(self.moment(i), groups));
        let has_counter = self.measured.allocated.is_some();
        (0..groups.count)
            .map(|group| GroupValues {
                values: columns.iter().map(|column| column[group].value).collect(),
                noise: columns.iter().map(|column| column[group].variance.sqrt()).collect(),
                allocated: columns
                    .iter()
                    .filter(|_| has_counter)
                    .map(|column| column[group].allocated)
                    .collect(),
            })
            .collect()
    }

    fn column(&self, moment: &'a Moment, groups: &Groups) -> Vec<Cell> {
        let Self { history, measured, .. } = self;
        let scale = self.scale(moment);
        let labels = history.labels();
        let mut cells = vec![Cell::default(); groups.count];
        history.each(moment, |record, values| {
            let of = groups.of(record);
            if of.is_empty() {
                return;
            }
            let value = values[measured.column];
            let allocated = measured.allocated.map_or(0, |column| values[column]);
            let mut evidence = SampleEvidence::default();
            if value != 0 {
                let set = labels[record];
                let raw = scale.raw(set, values, &measured.records);
                evidence.add(raw, scale.weight(set, values, measured));
            }
            for &group in of {
                let cell = &mut cells[group as usize];
                cell.value = cell.value.wrapping_add(value);
                cell.allocated = cell.allocated.wrapping_add(allocated);
                cell.variance += evidence.variance();
            }
        });
        cells
    }

    /// What changed in each record from the first snapshot to the last.
    pub(super) fn changes(&self) -> Vec<RecordChange> {
        self.changes_since(0)
    }

    /// What changed in each record from one snapshot of the span to the last.
    pub(super) fn changes_since(&self, first: usize) -> Vec<RecordChange> {
        let Self { history, measured, span } = self;
        let Some(last) = span.moments.len().checked_sub(1) else {
            return vec![RecordChange::default(); history.len()];
        };
        let (before, after) = (self.moment(first), self.moment(last));
        let sides = parallel::map(2, |i| history.dense([before, after][i]));
        let (before_scale, after_scale) = (self.scale(before), self.scale(after));
        let known = before_scale.known() && after_scale.known();
        let types = &history.sample_types;
        let counter = measured.allocated.map(|column| Records::new(types, column));
        let width = types.len();
        let labels = history.labels();
        let one = |record: usize| {
            let (b, a) =
                (&sides[0][record * width..][..width], &sides[1][record * width..][..width]);
            let allocated = |row: &[i64]| measured.allocated.map_or(0, |column| row[column]);
            let objects = |row: &[i64]| measured.records.count.map_or(0, |column| row[column]);
            let mut change = RecordChange {
                first: b[measured.column],
                last: a[measured.column],
                allocated_value: allocated(a).wrapping_sub(allocated(b)),
                objects: (objects(b), objects(a)),
                ..RecordChange::default()
            };
            if !known || (a.iter().all(|&v| v == 0) && b.iter().all(|&v| v == 0)) {
                return change;
            }
            let set = labels[record];
            let raw = |records: &Records| {
                (before_scale.raw(set, b, records), after_scale.raw(set, a, records))
            };
            change.raw = raw(&measured.records);
            let (n1, n2) = change.raw;
            let pair = match &counter {
                Some(records) => {
                    let (c1, c2) = raw(records);
                    change.allocated = c2.saturating_sub(c1);
                    let cumulative = measured.records.cumulative;
                    let allocated = if cumulative { n2 - n1 } else { change.allocated };
                    Pair::same_process(n1, n2, allocated)
                }
                None => Pair::independent(n1, n2),
            };
            if pair.x1 > 0.0 || pair.x2 > 0.0 {
                // Absent values weigh as much as the others.
                let weigh = |scale: &Scale<'_>, own: &[i64], other| {
                    let is_absent = own.iter().all(|&value| value == 0);
                    scale.weight(set, if is_absent { other } else { own }, measured)
                };
                let weights = (weigh(&before_scale, b, a), weigh(&after_scale, a, b));
                change.evidence = Some(GrowthEvidence::of(pair, weights.0, weights.1));
            }
            change
        };
        let records: Vec<usize> = (0..history.len()).collect();
        parallel::map_items(&records, PIECE, |&record| one(record))
    }
}

/// Pieces of work that each hold a table of all groups.
const PIECES: usize = 32;

/// Records that one piece of work looks at.
const PIECE: usize = 8 * 1024;

/// A group in one snapshot.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    value: i64,
    allocated: i64,
    variance: f64,
}

/// How much each location matters as a leaf.
pub(super) fn leaf_weights(
    history: &History,
    changes: &[RecordChange],
) -> impl Fn(LocationId) -> u64 + use<> {
    let mut weights = vec![0_u64; history.records.symbols.locations.len()];
    for (record, sample) in history.samples().into_iter().enumerate() {
        let leaf = sample.and_then(|sample| history.records.snapshots[0].stack(sample).next());
        if let Some(leaf) = leaf {
            let change = &changes[record];
            let weight = &mut weights[leaf.index()];
            *weight = weight
                .saturating_add(change.delta().unsigned_abs().saturating_mul(4))
                .saturating_add(change.last.unsigned_abs().max(change.first.unsigned_abs()) / 4);
        }
    }
    move |location| weights[location.index()]
}
