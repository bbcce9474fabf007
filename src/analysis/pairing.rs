//! Matches the samples of two snapshots: the same stack with the same labels.
//!
//! Within one process the runtime keeps one record for each stack and object size and writes it
//! into both snapshots, in nearly the same order. So the samples of after are visited in their own
//! order, which visits those of before nearly in theirs, and memory is read from front to back.

use crate::model::series::Snapshot;
use crate::parallel;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};

/// No sample.
pub(super) const NONE: u32 = u32::MAX;

/// Number of hash tables built in parallel, each for the keys with its own low bits; a power of
/// two.
const PARTITIONS: u64 = 2;

/// Number of samples that one piece of work looks up.
const PIECE: usize = 8 * 1024;

/// The samples of two snapshots, matched.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The matching sample before of each sample after; [`NONE`] if it is new.
    pub(super) of_after: Vec<u32>,
    /// Samples of before that are absent after.
    pub(super) only_before: Vec<u32>,
}

impl Pairs {
    /// Matches no samples at all.
    pub(super) fn none(before: &Snapshot, after: &Snapshot) -> Self {
        Self {
            of_after: vec![NONE; after.samples.len()],
            only_before: (0..before.samples.len() as u32).collect(),
        }
    }

    /// The pairs of those samples whose numbers are given for each snapshot, in order: both samples of a pair are among
    /// them, or neither.
    pub(super) fn of_kept(&self, before: &[u32], after: &[u32]) -> Self {
        let all = self.of_after.iter().chain(&self.only_before).filter(|&&sample| sample != NONE);
        let mut number = vec![NONE; all.max().map_or(0, |&most| most as usize + 1)];
        (0..).zip(before).for_each(|(new, &old)| number[old as usize] = new);
        let mut is_matched = vec![false; before.len()];
        let of_after = after.iter().map(|&sample| {
            let before = self.of_after[sample as usize];
            let before = number.get(before as usize).copied().unwrap_or(NONE);
            if let Some(is_matched) = is_matched.get_mut(before as usize) {
                *is_matched = true;
            }
            before
        });
        let of_after = of_after.collect();
        let only_before = (0..).zip(is_matched).filter(|(_, is_matched)| !is_matched);
        Self { of_after, only_before: only_before.map(|(sample, _)| sample).collect() }
    }
}

type Index = HashMap<u64, u32, FxBuildHasher>;

/// Matches two snapshots whose samples have `width` values each; column `allocated` counts what was
/// ever allocated.
pub(super) fn pairs(before: &Snapshot, after: &Snapshot, width: usize, allocated: usize) -> Pairs {
    let partitions =
        if before.samples.len() + after.samples.len() < parallel::WORTH { 1 } else { PARTITIONS };
    let build = |partition: u64| {
        let mut index = Index::default();
        index.reserve(before.samples.len() / partitions as usize * 9 / 8);
        let mut repeated = false;
        for (sample, key) in keys(before, 0..before.samples.len()) {
            if (sample as usize).is_multiple_of(PIECE) && parallel::is_cancelled() {
                break;
            }
            if key & (partitions - 1) == partition {
                repeated |= index.insert(key, sample).is_some();
            }
        }
        (index, repeated)
    };
    let built: Vec<(Index, bool)> =
        parallel::map(partitions as usize, |partition| build(partition as u64));
    if built.iter().any(|(_, repeated)| *repeated) {
        return with_repeats(before, after, width, allocated);
    }
    let matched: Vec<AtomicBool> =
        std::iter::repeat_with(AtomicBool::default).take(before.samples.len()).collect();
    let repeated = AtomicBool::new(false);
    let n = after.samples.len();
    let mut of_after = vec![NONE; n];
    parallel::map_chunks_mut(&mut of_after, PIECE, |piece, out| {
        if parallel::is_cancelled() {
            return;
        }
        let start = piece * PIECE;
        for ((_, key), out) in keys(after, start..start + out.len()).zip(out) {
            if let Some(&sample) = built[(key & (partitions - 1)) as usize].0.get(&key) {
                *out = sample;
                if matched[sample as usize].swap(true, Ordering::Relaxed) {
                    repeated.store(true, Ordering::Relaxed);
                }
            }
        }
    });
    if repeated.into_inner() {
        return with_repeats(before, after, width, allocated);
    }
    let only_before = (0..).zip(&matched).filter(|(_, matched)| !matched.load(Ordering::Relaxed));
    Pairs { only_before: only_before.map(|(sample, _)| sample).collect(), of_after }
}

/// The slow path, for profiles that repeat a stack with the same labels: Go keeps a record for each
/// stack of addresses, and two of them may have the same lines. Within one process the allocations
/// of a record only grow, so the largest record before is matched with the largest after, and so
/// on.
fn with_repeats(before: &Snapshot, after: &Snapshot, width: usize, allocated: usize) -> Pairs {
    let sorted = |snapshot: &Snapshot| {
        let value = |sample: u32| snapshot.samples.values[sample as usize * width + allocated];
        let all = keys(snapshot, 0..snapshot.samples.len());
        let mut all: Vec<_> =
            all.map(|(sample, key)| (key, std::cmp::Reverse(value(sample)), sample)).collect();
        all.sort_unstable();
        all
    };
    let mut left = sorted(before).into_iter().peekable();
    let mut pairs = Pairs { of_after: vec![NONE; after.samples.len()], only_before: Vec::new() };
    for (key, _, sample) in sorted(after) {
        while let Some((_, _, gone)) = left.next_if(|(other, ..)| *other < key) {
            pairs.only_before.push(gone);
        }
        if let Some((_, _, same)) = left.next_if(|(other, ..)| *other == key) {
            pairs.of_after[sample as usize] = same;
        }
    }
    pairs.only_before.extend(left.map(|(_, _, gone)| gone));
    pairs.only_before.sort_unstable();
    pairs
}

/// Samples with their keys.
fn keys(
    snapshot: &Snapshot,
    range: std::ops::Range<usize>,
) -> impl Iterator<Item = (u32, u64)> + '_ {
    let sets = &snapshot.samples.labels[range.clone()];
    let hashes = &snapshot.samples.stack_hashes[range.clone()];
    (range.start as u32..).zip(hashes.iter().zip(sets)).map(|(sample, (&stack, set))| {
        let mixed = u64::from(set.0).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (sample, stack ^ mixed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_kept_samples_have_their_new_numbers() {
        let pairs = Pairs { of_after: vec![2, NONE, 0, 3, NONE], only_before: vec![1, 4] };
        let kept = pairs.of_kept(&[0, 1, 3], &[1, 2, 3]);
        assert_eq!((kept.of_after, kept.only_before), (vec![NONE, 0, 2], vec![1]));
        let none = pairs.of_kept(&[], &[4]);
        assert_eq!((none.of_after, none.only_before), (vec![NONE], vec![]));
        // A sample whose partner isn't kept has none.
        let alone = pairs.of_kept(&[2, 4], &[2]);
        assert_eq!((alone.of_after, alone.only_before), (vec![NONE], vec![0, 1]));
    }
}
