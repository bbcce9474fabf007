//! The distinct stacks of a series: each once, however many samples and snapshots share it.
//!
//! A stack recurs in every snapshot, and within one for each object size. Code that follows paths
//! adds up the values of the samples first and then follows each distinct stack once.

use super::frames::{Frames, RowId, Unsymbolized};
use crate::model::ids::LocationId;
use crate::model::series::Series;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::{FxBuildHasher, FxHasher};
use std::hash::{Hash, Hasher};

/// The paths would take gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the samples have too many distinct call paths; keep fewer of them with -focus, or group \
     them by package with -packages"
)]
pub struct TooLarge;

/// A distinct stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

impl StackId {
    /// The id as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// No real program has more frames on distinct stacks than this, and following them would take
/// minutes.
const MAX_FRAMES: usize = 1 << 30;

/// The distinct stacks of all snapshots of a series, in the order in which they were met.
#[derive(Clone, Debug)]
pub struct Stacks<'a> {
    series: &'a Series,
    /// The snapshot and sample that first had each stack.
    first: Vec<(u32, u32)>,
    /// The stack of each sample of each snapshot.
    of: Vec<Vec<StackId>>,
}

impl<'a> Stacks<'a> {
    /// The stacks of a series.
    pub fn new(series: &'a Series) -> Self {
        let samples = series.snapshots.iter().map(|snapshot| snapshot.samples.len()).max();
        let mut stacks = Self { series, first: Vec::new(), of: Vec::new() };
        let mut met: HashMap<u64, StackId, FxBuildHasher> = HashMap::default();
        met.reserve(samples.unwrap_or_default());
        for (number, snapshot) in series.snapshots.iter().enumerate() {
            let mut of = Vec::with_capacity(snapshot.samples.len());
            for (sample, &hash) in snapshot.samples.stack_hashes.iter().enumerate() {
                let next = StackId(stacks.first.len() as u32);
                let id = match met.entry(hash) {
                    // A filter may cut stacks of the same hash differently, and hashes may collide.
                    Entry::Occupied(known)
                        if snapshot.stack(sample).eq(stacks.locations(*known.get())) =>
                    {
                        *known.get()
                    }
                    entry => {
                        entry.insert(next);
                        stacks.first.push((number as u32, sample as u32));
                        next
                    }
                };
                of.push(id);
            }
            stacks.of.push(of);
        }
        stacks
    }

    /// For each stack, the first stack with the same rows: lines and addresses move between builds,
    /// and a report may not distinguish them.
    pub fn same_rows(
        &self,
        frames: &Frames,
        unsymbolized: Unsymbolized,
    ) -> Result<Vec<StackId>, TooLarge> {
        let mut left = MAX_FRAMES;
        let mut met: HashMap<u64, StackId, FxBuildHasher> = HashMap::default();
        met.reserve(self.len());
        let mut hash = |id: StackId| {
            let mut hasher = FxHasher::default();
            for location in self.locations(id) {
                let rows = frames.frames_of(location, unsymbolized);
                left = left.checked_sub(rows.len()).ok_or(TooLarge)?;
                rows.iter().for_each(|row| row.0.hash(&mut hasher));
            }
            let mut key = hasher.finish();
            loop {
                let known = *met.entry(key).or_insert(id);
                let rows = |id| self.rows(id, frames, unsymbolized);
                if known == id || rows(known).eq(rows(id)) {
                    return Ok(known);
                }
                // Other stacks with the same hash follow it.
                key = key.wrapping_add(1);
            }
        };
        self.ids().map(&mut hash).collect()
    }

    /// Returns the same with stacks of equal rows merged into one.
    pub fn by_rows(self, frames: &Frames, unsymbolized: Unsymbolized) -> Result<Self, TooLarge> {
        let same = self.same_rows(frames, unsymbolized)?;
        let mut number = vec![StackId(0); self.len()];
        let mut first = Vec::new();
        for id in self.ids() {
            number[id.index()] = if same[id.index()] == id {
                first.push(self.first[id.index()]);
                StackId(first.len() as u32 - 1)
            } else {
                number[same[id.index()].index()]
            };
        }
        let of =
            self.of.into_iter().map(|of| of.into_iter().map(|id| number[id.index()]).collect());
        Ok(Self { series: self.series, first, of: of.collect() })
    }

    /// Flat and cum of each row, from values of the stacks.
    pub fn of_rows(
        &self,
        frames: &Frames,
        unsymbolized: Unsymbolized,
        values: &[i64],
    ) -> Vec<(i64, i64)> {
        let mut sums = vec![(0_i64, 0_i64); frames.len()];
        let mut last = vec![u32::MAX; frames.len()];
        for (id, &value) in self.ids().zip(values).filter(|(_, value)| **value != 0) {
            for (i, row) in self.rows(id, frames, unsymbolized).enumerate() {
                let row = row.0 as usize;
                if i == 0 {
                    sums[row].0 = sums[row].0.wrapping_add(value);
                }
                if std::mem::replace(&mut last[row], id.0) != id.0 {
                    sums[row].1 = sums[row].1.wrapping_add(value);
                }
            }
        }
        sums
    }

    /// The series that holds the stacks.
    pub fn series(&self) -> &'a Series {
        self.series
    }

    /// Number of stacks.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether there are no stacks.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// All stacks.
    pub fn ids(&self) -> impl Iterator<Item = StackId> + use<> {
        (0..self.first.len() as u32).map(StackId)
    }

    /// The stack of a sample.
    #[inline]
    pub fn of(&self, snapshot: usize, sample: usize) -> StackId {
        self.of[snapshot][sample]
    }

    /// The first sample with a stack: the position of its snapshot, and its own.
    #[inline]
    pub fn first(&self, id: StackId) -> (usize, usize) {
        let (snapshot, sample) = self.first[id.index()];
        (snapshot as usize, sample as usize)
    }

    /// The locations of a stack, leaf first.
    #[inline]
    pub fn locations(&self, id: StackId) -> impl Iterator<Item = LocationId> + Clone + use<'a> {
        let (snapshot, sample) = self.first(id);
        let series = self.series;
        series.snapshots[snapshot].stack(sample)
    }

    /// The rows of a stack, leaf first, one for each frame.
    pub fn rows<'f>(
        &self,
        id: StackId,
        frames: &'f Frames,
        unsymbolized: Unsymbolized,
    ) -> impl Iterator<Item = RowId> + use<'a, 'f> {
        let locations = self.locations(id);
        locations.flat_map(move |at| frames.frames_of(at, unsymbolized)).copied()
    }

    /// The value of each stack in one snapshot and one column.
    pub fn sums(&self, snapshot: usize, column: usize) -> Vec<i64> {
        let mut sums = vec![0_i64; self.first.len()];
        let width = self.series.sample_types.len();
        let values = self.series.snapshots[snapshot].samples.values.chunks_exact(width.max(1));
        for (id, row) in self.of[snapshot].iter().zip(values) {
            let sum = &mut sums[id.index()];
            *sum = sum.wrapping_add(row[column]);
        }
        sums
    }
}
