//! The distinct stacks of a series: each once, however many samples and snapshots share it.
//!
//! A stack recurs in every snapshot, and within one for each object size. Code that follows paths
//! adds up the values of the samples first and then follows each distinct stack once.

use super::equal_stacks::{Samples, merge, mixed};
use super::frames::{Frames, RowId, Unsymbolized};
use super::row_table::RowTable;
use super::runs::Run;
use crate::model::ids::LocationId;
use crate::model::series::Series;
use crate::parallel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// What a row holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowSum {
    /// Sum over the stacks that end in the row.
    pub flat: i64,
    /// Sum over the stacks with the row.
    pub cum: i64,
    /// Whether any of those is held.
    pub is_held: bool,
}

impl RowSum {
    fn add(&mut self, other: Self) {
        self.flat = self.flat.wrapping_add(other.flat);
        self.cum = self.cum.wrapping_add(other.cum);
        self.is_held |= other.is_held;
    }
}

/// Stacks whose values are added up at once, if rows are few.
const SUMMED: usize = 64 * 1024;

/// No real program has more frames on distinct stacks than this, and following them would take
/// minutes.
const MAX_FRAMES: usize = 1 << 30;

/// The distinct stacks of all snapshots of a series, in the order in which they were met.
#[derive(Clone, Debug)]
pub struct Stacks<'a> {
    series: &'a Series,
    of: Arc<Numbers>,
}

/// The distinct stacks of a series without the series, to be kept.
#[derive(Debug)]
pub struct Numbers {
    /// The snapshot and sample that first had each stack.
    first: Vec<(u32, u32)>,
    /// The stack of each sample of each snapshot.
    of: Vec<Vec<StackId>>,
    /// Whether samples of one stack have the same frames, inlined in the same places.
    has_same_frames: bool,
    /// No fewer frames than all stacks have together, if they were counted.
    frames: usize,
}

impl Numbers {
    /// The stacks of those samples whose numbers are given for each snapshot, in order.
    #[must_use]
    pub fn of_kept(&self, kept: &[Vec<u32>]) -> Self {
        let mut number = vec![None; self.first.len()];
        let mut first = Vec::new();
        let of = self.of.iter().zip(kept).enumerate().map(|(snapshot, (of, kept))| {
            let stack = |(at, &sample): (usize, &u32)| {
                *number[of[sample as usize].index()].get_or_insert_with(|| {
                    first.push((snapshot as u32, at as u32));
                    StackId(first.len() as u32 - 1)
                })
            };
            kept.iter().enumerate().map(stack).collect()
        });
        let of = of.collect();
        first.shrink_to_fit();
        Self { first, of, has_same_frames: self.has_same_frames, frames: self.frames }
    }

    /// The bytes that they take.
    pub fn bytes(&self) -> usize {
        let of: usize = self.of.iter().map(|of| size_of_val(of.as_slice())).sum();
        size_of_val(self.first.as_slice()) + of
    }
}

impl<'a> Stacks<'a> {
    /// The stacks of a series whose numbers were kept.
    pub fn again(series: &'a Series, of: &Arc<Numbers>) -> Self {
        Self { series, of: Arc::clone(of) }
    }

    /// What to keep of them.
    pub fn numbers(&self) -> &Arc<Numbers> {
        &self.of
    }

    /// No fewer frames than all stacks have together; the most there can be if they weren't counted.
    pub(super) fn frames(&self) -> usize {
        self.of.frames
    }

    /// The stacks of a series, each of other locations.
    pub fn new(series: &'a Series) -> Self {
        let all = Samples::new(series);
        let hashes = |snapshot: usize| series.snapshots[snapshot].samples.stack_hashes.as_slice();
        let stack = |(snapshot, sample): (usize, usize)| series.snapshots[snapshot].stack(sample);
        // A filter may cut stacks of the same hash differently, and hashes may collide.
        let same = |a: u32, b: u32| {
            let (a, b) = (all.at(a), all.at(b));
            all.is_copy(a, b) || stack(a).eq(stack(b))
        };
        let merged = all.merge(hashes, None, |part| merge(part, same, |_| true));
        Self::merged(series, merged, (true, usize::MAX))
    }

    /// The stacks of a series, each of other rows, or of frames that were inlined elsewhere.
    pub fn with_same_frames(series: &'a Series, rows: &RowTable<'_>) -> Self {
        let all = Samples::new(series);
        let (hashes, _) = all.hashes(|at| (mixed(rows.units(at).fold(0, Run::one)), 0));
        let same = |a: u32, b: u32| {
            let (a, b) = (all.at(a), all.at(b));
            all.is_copy(a, b) || rows.units(a).eq(rows.units(b))
        };
        let hashes = |snapshot: usize| hashes[snapshot].as_slice();
        let merged = all.merge(hashes, None, |part| merge(part, same, |_| true));
        Self::merged(series, merged, (true, usize::MAX))
    }

    /// The stacks of a series, each of other rows: lines and addresses move between builds, and a
    /// report may not distinguish them. `partners` are samples of the first snapshot that those of the second probably
    /// share their stacks with; a number beyond the last means none.
    pub fn with_same_rows(
        series: &'a Series,
        rows: &RowTable<'_>,
        partners: Option<&[u32]>,
    ) -> Result<Self, TooLarge> {
        let all = Samples::new(series);
        let partners = all.partners(partners, |a, b| rows.units(a).eq(rows.units(b)));
        let single = rows.single().len() as u32;
        let lists = single..rows.len();
        let lists: Vec<Run> = lists.map(|unit| Run::of(rows.rows(unit))).collect();
        let (hashes, frames) = all.hashes(|at| {
            if partners.of(at).is_some() {
                return (0, 0);
            }
            let after = |(hash, frames): (u64, usize), unit: u32| match unit.checked_sub(single) {
                None => (Run::one(hash, unit), frames.saturating_add(1)),
                Some(list) => {
                    let run = lists[list as usize];
                    (run.after(hash), frames.saturating_add(run.frames))
                }
            };
            let (hash, frames) = rows.units(at).fold((0, 0), after);
            (mixed(hash), frames)
        });
        // Only if all samples have too many, those of distinct stacks may.
        let is_counted = frames > MAX_FRAMES;
        let flat = |at| rows.units(at).flat_map(|unit| rows.rows(unit));
        let has_same_frames = AtomicBool::new(true);
        let same = |a: u32, b: u32| {
            let (a, b) = (all.at(a), all.at(b));
            if all.is_copy(a, b) || rows.units(a).eq(rows.units(b)) {
                return true;
            }
            let is_same = !rows.is_single() && flat(a).eq(flat(b));
            has_same_frames.fetch_and(!is_same, Ordering::Relaxed);
            is_same
        };
        let too_large = AtomicBool::new(false);
        let left = AtomicUsize::new(MAX_FRAMES);
        let is_small = |sample: u32| {
            let units = rows.units(all.at(sample)).filter(|_| is_counted);
            let own = units.map(|unit| rows.rows(unit).len()).fold(0, usize::saturating_add);
            let fits = |left: usize| left.checked_sub(own);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
        };
        let hashes = |snapshot: usize| hashes[snapshot].as_slice();
        let merged = all.merge(hashes, Some(&partners), |part| {
            merge(part, same, |sample| {
                let is_small = is_small(sample);
                too_large.fetch_or(!is_small, Ordering::Relaxed);
                is_small
            })
        });
        if too_large.into_inner() {
            return Err(TooLarge);
        }
        let same = merged.into_iter().chain([partners.pairs(&all)]).collect();
        Ok(Self::merged(series, same, (has_same_frames.into_inner(), frames)))
    }

    /// Numbers the stacks, given each sample that has the stack of an earlier one, and that one.
    fn merged(
        series: &'a Series,
        same: Vec<Vec<(u32, u32)>>,
        (has_same_frames, frames): (bool, usize),
    ) -> Self {
        let samples: usize = series.snapshots.iter().map(|snapshot| snapshot.samples.len()).sum();
        let mut of: Vec<StackId> = (0..samples as u32).map(StackId).collect();
        let repeated: usize = same.iter().map(Vec::len).sum();
        for (sample, earlier) in same.into_iter().flatten() {
            of[sample as usize] = StackId(earlier);
        }
        let first = Vec::with_capacity(samples - repeated);
        let mut stacks = Numbers { first, of: Vec::new(), has_same_frames, frames };
        let mut at = 0;
        for (number, snapshot) in series.snapshots.iter().enumerate() {
            for sample in 0..snapshot.samples.len() {
                let earlier = of[at].index();
                of[at] = if earlier == at {
                    stacks.first.push((number as u32, sample as u32));
                    StackId(stacks.first.len() as u32 - 1)
                } else {
                    of[earlier]
                };
                at += 1;
            }
        }
        for snapshot in &series.snapshots {
            let rest = of.split_off(snapshot.samples.len().min(of.len()));
            stacks.of.push(std::mem::replace(&mut of, rest));
        }
        Self { series, of: Arc::new(stacks) }
    }

    /// For each stack, the first stack with the same rows.
    pub fn same_rows(&self, rows: &RowTable<'_>) -> Result<Vec<StackId>, TooLarge> {
        let by_rows = Self::with_same_rows(self.series, rows, None)?;
        let mut first = vec![None; by_rows.len()];
        let same = self.ids().map(|id| {
            let (snapshot, sample) = self.first(id);
            *first[by_rows.of(snapshot, sample).index()].get_or_insert(id)
        });
        Ok(same.collect())
    }

    /// Flat and cum of each row from values of the stacks, and whether any stack with the row is
    /// held: `value` returns both.
    pub fn of_rows(
        &self,
        rows: &RowTable<'_>,
        value: impl Fn(StackId) -> (i64, bool) + Sync + Send,
    ) -> Vec<RowSum> {
        let n = rows.single().len();
        // Sums of all rows for each piece take no more memory than the stacks.
        let piece = SUMMED.max(8 * n);
        let pieces = parallel::map(self.len().div_ceil(piece), |number| {
            let mut sums = vec![RowSum::default(); n];
            let mut last = vec![u32::MAX; n];
            for id in (number * piece..self.len().min((number + 1) * piece)).map(|i| i as u32) {
                let (value, is_held) = value(StackId(id));
                if value == 0 && !is_held {
                    continue;
                }
                let mut is_leaf = true;
                for row in rows.units(self.first(StackId(id))).flat_map(|unit| rows.rows(unit)) {
                    let row = row.0 as usize;
                    let flat = if std::mem::take(&mut is_leaf) { value } else { 0 };
                    if std::mem::replace(&mut last[row], id) != id {
                        sums[row].add(RowSum { flat, cum: value, is_held });
                    }
                }
            }
            sums
        });
        let mut sums = vec![RowSum::default(); n];
        for piece in pieces {
            sums.iter_mut().zip(piece).for_each(|(sum, own)| sum.add(own));
        }
        sums
    }

    /// Whether samples of one stack have the same frames, inlined in the same places.
    pub fn has_same_frames(&self) -> bool {
        self.of.has_same_frames
    }

    /// The series that holds the stacks.
    pub fn series(&self) -> &'a Series {
        self.series
    }

    /// Number of stacks.
    pub fn len(&self) -> usize {
        self.of.first.len()
    }

    /// Whether there are no stacks.
    pub fn is_empty(&self) -> bool {
        self.of.first.is_empty()
    }

    /// All stacks.
    pub fn ids(&self) -> impl Iterator<Item = StackId> + use<> {
        (0..self.of.first.len() as u32).map(StackId)
    }

    /// The stack of a sample.
    #[inline]
    pub fn of(&self, snapshot: usize, sample: usize) -> StackId {
        self.of.of[snapshot][sample]
    }

    /// The stacks of the samples of a snapshot, in order.
    pub fn of_samples(&self, snapshot: usize) -> &[StackId] {
        &self.of.of[snapshot]
    }

    /// The first sample with a stack: the position of its snapshot, and its own.
    #[inline]
    pub fn first(&self, id: StackId) -> (usize, usize) {
        let (snapshot, sample) = self.of.first[id.index()];
        (snapshot as usize, sample as usize)
    }

    /// The locations of a stack as its profile packs them.
    pub(super) fn packed(&self, id: StackId) -> &'a [u8] {
        let (snapshot, sample) = self.first(id);
        self.series.snapshots[snapshot].samples.stack(sample).packed()
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
        let mut sums = vec![0_i64; self.of.first.len()];
        let width = self.series.sample_types.len();
        let values = self.series.snapshots[snapshot].samples.values.chunks_exact(width.max(1));
        for (id, row) in self.of.of[snapshot].iter().zip(values) {
            let sum = &mut sums[id.index()];
            *sum = sum.wrapping_add(row[column]);
        }
        sums
    }
}
