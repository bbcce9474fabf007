//! Which sample of before is which sample of after: the same stack with the same labels.
//!
//! Within one process the runtime keeps one record for each stack and object size and writes it into both
//! snapshots, in nearly the same order. So the samples of after are walked in their own order, which finds those
//! of before nearly in theirs, and memory is read from front to back.

use crate::model::series::Snapshot;
use crate::parallel;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};

/// No sample.
pub(super) const NONE: u32 = u32::MAX;

/// The hash tables are built side by side, each for the keys with its own low bits; a power of two.
const PARTITIONS: u64 = 2;

/// Samples that one piece of work looks up.
const PIECE: usize = 8 * 1024;

/// Below this, threads cost more than they save.
const PARALLEL: usize = 16 * 1024;

/// The samples of two snapshots, matched.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The sample of before of each sample of after; [`NONE`] where it is new.
    pub(super) of_after: Vec<u32>,
    /// Samples of before that after does not have.
    pub(super) only_before: Vec<u32>,
}

impl Pairs {
    /// No sample of one is one of the other.
    pub(super) fn none(before: &Snapshot, after: &Snapshot) -> Self {
        Self {
            of_after: vec![NONE; after.samples.len()],
            only_before: (0..before.samples.len() as u32).collect(),
        }
    }
}

type Index = HashMap<u64, u32, FxBuildHasher>;

/// Matches two snapshots. Where several samples of a snapshot have the same stack and labels, the first of before
/// goes with the first of after, and so on.
pub(super) fn pairs(before: &Snapshot, after: &Snapshot) -> Pairs {
    let partitions =
        if before.samples.len() + after.samples.len() < PARALLEL { 1 } else { PARTITIONS };
    let build = |partition: u64| {
        let mut index = Index::default();
        index.reserve(before.samples.len() / partitions as usize * 9 / 8);
        let mut repeated = false;
        for (sample, key) in keys(before, 0..before.samples.len()) {
            if key & (partitions - 1) == partition {
                repeated |= index.insert(key, sample).is_some();
            }
        }
        (index, repeated)
    };
    let built: Vec<(Index, bool)> =
        parallel::map(partitions as usize, |partition| build(partition as u64));
    if built.iter().any(|(_, repeated)| *repeated) {
        return with_repeats(before, after);
    }
    let matched: Vec<AtomicBool> =
        std::iter::repeat_with(AtomicBool::default).take(before.samples.len()).collect();
    let repeated = AtomicBool::new(false);
    let n = after.samples.len();
    let mut of_after = vec![NONE; n];
    parallel::map_chunks_mut(&mut of_after, PIECE, |piece, out| {
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
        return with_repeats(before, after);
    }
    let only_before = (0..).zip(&matched).filter(|(_, matched)| !matched.load(Ordering::Relaxed));
    Pairs { only_before: only_before.map(|(sample, _)| sample).collect(), of_after }
}

/// The slow way, for profiles that repeat a stack with the same labels.
fn with_repeats(before: &Snapshot, after: &Snapshot) -> Pairs {
    // The first and the last sample of before of each key that have no match yet.
    let mut index: HashMap<u64, (u32, u32), FxBuildHasher> = HashMap::default();
    // The sample with the same key that follows.
    let mut following: HashMap<u32, u32, FxBuildHasher> = HashMap::default();
    for (sample, key) in keys(before, 0..before.samples.len()) {
        match index.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert((sample, sample));
            }
            Entry::Occupied(mut entry) => {
                following.insert(entry.get().1, sample);
                entry.get_mut().1 = sample;
            }
        }
    }
    let mut matched = vec![false; before.samples.len()];
    let of_after = keys(after, 0..after.samples.len()).map(|(_, key)| match index.get_mut(&key) {
        Some((first, _)) if *first != NONE => {
            let sample = *first;
            *first = following.get(first).copied().unwrap_or(NONE);
            matched[sample as usize] = true;
            sample
        }
        _ => NONE,
    });
    let of_after = of_after.collect();
    let only_before = (0..).zip(&matched).filter(|(_, matched)| !**matched);
    Pairs { only_before: only_before.map(|(sample, _)| sample).collect(), of_after }
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
