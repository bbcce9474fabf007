//! Which sample of before is which sample of after: the same stack with the same labels.
//!
//! Within one process the runtime keeps one record for each stack and object size, and writes it into both
//! snapshots. Records are matched by the hash of their stack and their label set, in partitions that are
//! worked on side by side; the number of partitions is fixed, so that sums come out the same on every
//! machine.

use crate::model::series::Snapshot;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;

/// No sample.
pub(super) const NONE: u32 = u32::MAX;

const PARTITION_BITS: u32 = 3;

/// A record: its sample before and after, [`NONE`] where it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) before: u32,
    pub(super) after: u32,
}

/// The records of two snapshots. Where several samples of a snapshot have the same stack and labels, the first
/// of before goes with the first of after, and so on.
pub(super) fn records(before: &Snapshot, after: &Snapshot) -> Vec<Vec<Record>> {
    let partitions = 1_u64 << PARTITION_BITS;
    let work = |partition| partition_records(before, after, partition);
    (0..partitions).into_par_iter().map(work).collect()
}

fn partition_records(before: &Snapshot, after: &Snapshot, partition: u64) -> Vec<Record> {
    let expected = before.samples.len().max(after.samples.len()) >> PARTITION_BITS;
    // The first and the last record of each key that have no sample of after yet.
    let mut index: HashMap<u64, (u32, u32), FxBuildHasher> =
        HashMap::with_capacity_and_hasher(expected + expected / 4, FxBuildHasher);
    // The record of the same key that follows, for the few that have one.
    let mut following: HashMap<u32, u32, FxBuildHasher> = HashMap::default();
    let mut records: Vec<Record> = Vec::with_capacity(expected + expected / 4);
    for (sample, key) in keys(before, partition) {
        let record = records.len() as u32;
        records.push(Record { before: sample, after: NONE });
        match index.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert((record, record));
            }
            Entry::Occupied(mut entry) => {
                following.insert(entry.get().1, record);
                entry.get_mut().1 = record;
            }
        }
    }
    for (sample, key) in keys(after, partition) {
        match index.get_mut(&key) {
            Some((first, _)) if *first != NONE => {
                records[*first as usize].after = sample;
                *first = following.get(first).copied().unwrap_or(NONE);
            }
            _ => records.push(Record { before: NONE, after: sample }),
        }
    }
    records
}

/// Samples of a partition with their keys.
fn keys(snapshot: &Snapshot, partition: u64) -> impl Iterator<Item = (u32, u64)> {
    let sets = snapshot.samples.labels.iter();
    let hashes = snapshot.stack_hashes.iter().zip(sets).zip(0..);
    hashes.filter_map(move |((&stack, set), sample)| {
        // The low bits choose the partition, the hash table takes the key whole.
        let in_partition = stack & ((1 << PARTITION_BITS) - 1) == partition;
        let mixed = u64::from(set.0).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        in_partition.then_some((sample, stack ^ mixed))
    })
}
