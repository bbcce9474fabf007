//! Flat and cumulative values of every row of one snapshot, in one pass over its samples.
//!
//! Flat belongs to the leaf alone. Cum counts once per sample however often a row occurs in its
//! stack: each row remembers the last sample that counted for it.

use super::frames::{Frames, RowId};
use crate::model::series::{Series, Snapshot};
use crate::parallel;

/// Values of one row in one snapshot: of the requested sample type, and the number of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Value of samples whose leaf this row is.
    pub flat: i64,
    /// Value of samples with this row in their stack.
    pub cum: i64,
    /// Objects of samples whose leaf this row is; 0 without a count.
    pub flat_objects: i64,
    /// Objects of samples with this row in their stack; 0 without a count.
    pub cum_objects: i64,
}

/// The values of a snapshot, by row and by leaf location.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Values of each row.
    pub rows: Vec<Sum>,
    /// Value of the samples with this leaf, for each location.
    pub leaves: Vec<i64>,
}

impl Sums {
    /// The values of a row.
    pub fn row(&self, id: RowId) -> Sum {
        self.rows[id.0 as usize]
    }

    /// Adds two of them.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (a, b) in self.rows.iter_mut().zip(&other.rows) {
            a.flat = a.flat.wrapping_add(b.flat);
            a.cum = a.cum.wrapping_add(b.cum);
            a.flat_objects = a.flat_objects.wrapping_add(b.flat_objects);
            a.cum_objects = a.cum_objects.wrapping_add(b.cum_objects);
        }
        for (a, b) in self.leaves.iter_mut().zip(&other.leaves) {
            *a = a.wrapping_add(*b);
        }
        self
    }
}

/// Least number of samples in a piece of work, and largest number of pieces per snapshot: each
/// piece has a table of all rows.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 4;
/// Samples after which it is asked whether the answer is still wanted.
const ASKED: usize = 4 * 1024;

/// Sums up `column` (and `objects`) of each snapshot for each row.
pub fn sums(series: &Series, frames: &Frames, column: usize, objects: Option<usize>) -> Vec<Sums> {
    let tasks: Vec<Task<'_>> = series
        .snapshots
        .iter()
        .map(|snapshot| {
            let only = snapshot.locations.iter().map(|&location| frames.only(location));
            Task { series, snapshot, frames, only: only.collect(), column, objects }
        })
        .collect();
    let mut pieces = Vec::new();
    for (i, task) in tasks.iter().enumerate() {
        let n = task.snapshot.samples.len();
        let size = n.div_ceil(PIECES).max(PIECE);
        pieces.extend((0..n.div_ceil(size)).map(|p| (i, p * size..n.min((p + 1) * size))));
    }
    let done = parallel::map(pieces.len(), |i| tasks[pieces[i].0].piece(pieces[i].1.clone()));
    let mut sums: Vec<Option<Sums>> = tasks.iter().map(|_| None).collect();
    for ((i, _), piece) in pieces.into_iter().zip(done) {
        sums[i] = Some(match sums[i].take() {
            None => piece,
            Some(sum) => sum.plus(&piece),
        });
    }
    let empty = || Sums {
        rows: vec![Sum::default(); frames.len()],
        leaves: vec![0; series.symbols.locations.len()],
    };
    sums.into_iter().map(|sum| sum.unwrap_or_else(empty)).collect()
}

struct Task<'a> {
    series: &'a Series,
    snapshot: &'a Snapshot,
    frames: &'a Frames,
    /// The row of each location of the profile, if it has only one.
    only: Vec<u32>,
    column: usize,
    objects: Option<usize>,
}

impl Task<'_> {
    fn piece(&self, range: std::ops::Range<usize>) -> Sums {
        let Self { series, snapshot, frames, only, .. } = self;
        let mut rows = vec![Sum::default(); frames.len()];
        let mut leaves = vec![0_i64; series.symbols.locations.len()];
        let unmet = Cumulative { last_sample: u32::MAX, ..Default::default() };
        let mut cumulative = vec![unmet; frames.len()];
        for sample in range {
            if sample % ASKED == 0 && parallel::is_cancelled() {
                break;
            }
            let values = series.values(snapshot, sample);
            let value = values[self.column];
            let count = self.objects.map_or(0, |objects| values[objects]);
            if value == 0 && count == 0 {
                continue;
            }
            let Some(leaf) = snapshot.stack(sample).next() else { continue };
            leaves[leaf.index()] = leaves[leaf.index()].wrapping_add(value);
            for row in frames.leaf(leaf) {
                let sum = &mut rows[row.0 as usize];
                sum.flat = sum.flat.wrapping_add(value);
                sum.flat_objects = sum.flat_objects.wrapping_add(count);
            }
            let stamp = sample as u32;
            for own in snapshot.samples.stack(sample) {
                if let Some(sum) = cumulative.get_mut(only[own.index()] as usize) {
                    sum.add(stamp, value, count);
                    continue;
                }
                // No row, or several.
                for row in frames.of(snapshot.locations[own.index()]) {
                    cumulative[row.0 as usize].add(stamp, value, count);
                }
            }
        }
        for (row, sum) in rows.iter_mut().zip(&cumulative) {
            (row.cum, row.cum_objects) = (sum.value, sum.objects);
        }
        Sums { rows, leaves }
    }
}

/// A running cumulative value.
#[derive(Clone, Copy, Debug, Default)]
struct Cumulative {
    value: i64,
    objects: i64,
    last_sample: u32,
}

impl Cumulative {
    /// Counts a sample, unless it was the last one counted.
    #[inline]
    fn add(&mut self, sample: u32, value: i64, objects: i64) {
        if self.last_sample != sample {
            self.last_sample = sample;
            self.value = self.value.wrapping_add(value);
            self.objects = self.objects.wrapping_add(objects);
        }
    }
}
