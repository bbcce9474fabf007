//! Finds samples with equal stacks: by their hashes, or because they were matched.

use crate::model::series::{Series, Snapshot};
use crate::parallel;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The samples of all snapshots of a series, numbered one snapshot after the other.
pub(super) struct Samples<'a> {
    series: &'a Series,
    /// The number of the first sample of each snapshot.
    starts: Vec<usize>,
    len: usize,
}

/// Samples of the second snapshot that have the stack of one of the first, known without their hashes.
pub(super) struct Partners(Vec<u32>);

impl Partners {
    /// The partner of a sample.
    #[inline]
    pub(super) fn of(&self, (snapshot, sample): (usize, usize)) -> Option<u32> {
        self.0.get(sample).copied().filter(|&partner| snapshot == 1 && partner != u32::MAX)
    }

    /// The samples with their partners, by their numbers among all.
    pub(super) fn pairs(&self, all: &Samples<'_>) -> Vec<(u32, u32)> {
        let Some(&start) = all.starts.get(1) else { return Vec::new() };
        let samples = (start as u32..).zip(&self.0).filter(|(_, partner)| **partner != u32::MAX);
        samples.map(|(sample, &partner)| (sample, partner)).collect()
    }
}

/// Samples whose stacks are hashed at once.
const PIECE: usize = 8 * 1024;
/// Parts of the samples that are merged on their own, each with hashes of its own: a power of two.
/// With more of them, samples that are compared lie further apart in memory.
const PARTS: u64 = 2;

/// A sample, and part of its hash: enough to tell most stacks of a part of the samples apart.
pub(super) type Hashed = (u32, u32);

impl<'a> Samples<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        let mut len = 0;
        let starts = series.snapshots.iter().map(|snapshot| {
            let start = len;
            len += snapshot.samples.len();
            start
        });
        Self { series, starts: starts.collect(), len }
    }

    /// The snapshot of a sample, and its position there.
    #[inline]
    pub(super) fn at(&self, sample: u32) -> (usize, usize) {
        let sample = sample as usize;
        let snapshot = match self.starts[..] {
            [_, second] => usize::from(sample >= second),
            _ => self.starts.partition_point(|&start| start <= sample) - 1,
        };
        (snapshot, sample - self.starts[snapshot])
    }

    /// Whether two samples have the same bytes in the same snapshot.
    pub(super) fn is_copy(&self, a: (usize, usize), b: (usize, usize)) -> bool {
        let packed = |(snapshot, sample): (usize, usize)| {
            self.series.snapshots[snapshot].samples.stack(sample).packed()
        };
        a.0 == b.0 && packed(a) == packed(b)
    }

    /// Which of the partners that samples of the second snapshot may have are the `same`.
    pub(super) fn partners(
        &self,
        partners: Option<&[u32]>,
        same: impl Fn((usize, usize), (usize, usize)) -> bool + Sync + Send,
    ) -> Partners {
        let [before, after] = self.series.snapshots.as_slice() else { return Partners(Vec::new()) };
        let known = partners.filter(|partners| partners.len() == after.samples.len());
        let mut known = known.unwrap_or_default().to_vec();
        parallel::map_chunks_mut(&mut known, PIECE, |piece, known| {
            let is_cancelled = parallel::is_cancelled();
            for (sample, partner) in (piece * PIECE..).zip(known) {
                let is_there = !is_cancelled && (*partner as usize) < before.samples.len();
                if !is_there || !same((0, *partner as usize), (1, sample)) {
                    *partner = u32::MAX;
                }
            }
        });
        Partners(known)
    }

    /// A hash of each sample of each snapshot, and the sum of a number that comes with it.
    pub(super) fn hashes(
        &self,
        hash: impl Fn((usize, usize)) -> (u64, usize) + Sync + Send,
    ) -> (Vec<Vec<u64>>, usize) {
        let sum = AtomicUsize::new(0);
        let of = |(snapshot, one): (usize, &Arc<Snapshot>)| {
            let mut hashes = vec![0; one.samples.len()];
            parallel::map_chunks_mut(&mut hashes, PIECE, |piece, hashes| {
                if parallel::is_cancelled() {
                    return false;
                }
                let mut own = 0_usize;
                for (sample, out) in (piece * PIECE..).zip(hashes) {
                    let (hash, number) = hash((snapshot, sample));
                    *out = hash;
                    own = own.saturating_add(number);
                }
                let add = |sum: usize| Some(sum.saturating_add(own));
                sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
            });
            hashes
        };
        let hashes = self.series.snapshots.iter().enumerate().map(of).collect();
        (hashes, sum.into_inner())
    }

    /// Splits the samples by the hashes of their stacks, given for each snapshot, and merges each
    /// part. Those with partners are left out.
    pub(super) fn merge<'h, T: Send>(
        &self,
        hashes: impl Fn(usize) -> &'h [u64],
        partners: Option<&Partners>,
        merge: impl Fn(&[Hashed]) -> T + Sync + Send,
    ) -> Vec<T> {
        let parts = if self.len < parallel::WORTH { 1 } else { PARTS };
        let part = |hash: u64| ((hash >> 32) & (parts - 1)) as usize;
        let all = || {
            let hashes = (0..self.starts.len()).flat_map(|snapshot| hashes(snapshot).iter());
            let is_alone = |sample: u32| {
                partners.is_none_or(|partners| partners.of(self.at(sample)).is_none())
            };
            (0..).zip(hashes.copied()).filter(move |&(sample, _)| is_alone(sample))
        };
        let mut starts = vec![0_usize; parts as usize + 1];
        all().for_each(|(_, hash)| starts[part(hash) + 1] += 1);
        for part in 1..starts.len() {
            starts[part] += starts[part - 1];
        }
        let mut next = starts.clone();
        let mut split: Vec<Hashed> = vec![(0, 0); starts[parts as usize]];
        for (sample, hash) in all() {
            let at = &mut next[part(hash)];
            split[*at] = (sample, hash as u32);
            *at += 1;
        }
        parallel::map(parts as usize, |part| merge(&split[starts[part]..starts[part + 1]]))
    }
}

/// Finds the samples that are the `same` as an earlier one, and returns each with the first of
/// them. Stops where `is_new`, called for each of the others, returns false.
pub(super) fn merge(
    samples: &[Hashed],
    same: impl Fn(u32, u32) -> bool,
    is_new: impl Fn(u32) -> bool,
) -> Vec<(u32, u32)> {
    let mut known: HashTable<Hashed> = HashTable::with_capacity(samples.len());
    let mut found = Vec::new();
    for (number, &(sample, short)) in samples.iter().enumerate() {
        if number.is_multiple_of(PIECE) && parallel::is_cancelled() {
            break;
        }
        let is_same = |&(other, known): &Hashed| known == short && same(other, sample);
        match known.entry(spread(short), is_same, |&(_, known)| spread(known)) {
            Entry::Occupied(first) => found.push((sample, first.get().0)),
            Entry::Vacant(place) => {
                place.insert((sample, short));
                if !is_new(sample) {
                    break;
                }
            }
        }
    }
    found
}

/// Spreads 32 bits over the bits that a hash table uses.
fn spread(short: u32) -> u64 {
    u64::from(short).wrapping_mul(FACTOR)
}

/// An odd number of random bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes every bit depend on all others.
#[inline]
pub(super) fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(FACTOR);
    (hash ^ (hash >> 29)).wrapping_mul(FACTOR) ^ (hash >> 32)
}
