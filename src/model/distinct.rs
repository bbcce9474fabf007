//! Distinct samples over shared tables: each stack with its labels once, however many profiles
//! contain it.
//!
//! They are found by the hash of a stack's meaning. A merge also compares stacks in full; a
//! history, which meets the same stacks hundreds of times, relies on the 64 bits.

use super::ids::{LabelSetId, LocationId};
use super::profile::{Profile, Samples};
use super::shared_tables::Rows;
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// Distinct samples, in the order in which they were met. The caller keeps their values in its own
/// table, or in `samples.values`.
#[derive(Clone, Default)]
pub(super) struct Distinct {
    /// Stacks of shared locations, and shared label sets.
    pub(super) samples: Samples,
    index: HashTable<u32>,
}

impl Distinct {
    /// The row of a profile's sample, given where the profile's tables are in the shared ones
    /// (`rows`): the next row if it is new. `None` if the stacks take more than 4 GiB.
    #[inline]
    pub(super) fn row(&mut self, profile: &Profile, sample: usize, rows: &Rows) -> Option<usize> {
        let labels = rows.labels[profile.samples.labels[sample].index()];
        let meaning = profile.samples.stack_hashes[sample];
        let own = profile.samples.stack(sample);
        let stack = || own.clone().map(|location| rows.locations[location.index()]);
        let Self { samples, index } = &*self;
        let known = index.find(hash(meaning, labels), |&row| {
            let row = row as usize;
            samples.labels[row] == labels && samples.stack(row).eq(stack())
        });
        match known {
            Some(&row) => Some(row as usize),
            None => self.push(meaning, labels, stack()),
        }
    }

    /// The row of a stack with this hash and these labels; only the hash is compared.
    #[inline]
    pub(super) fn known(&self, meaning: u64, labels: LabelSetId) -> Option<usize> {
        let Self { samples, index } = self;
        let found = index.find(hash(meaning, labels), |&row| {
            let row = row as usize;
            samples.stack_hashes[row] == meaning && samples.labels[row] == labels
        });
        found.map(|&row| row as usize)
    }

    /// Adds a new sample. `None` if the stacks take more than 4 GiB.
    pub(super) fn push(
        &mut self,
        meaning: u64,
        labels: LabelSetId,
        stack: impl Iterator<Item = LocationId>,
    ) -> Option<usize> {
        let Self { samples, index } = self;
        let row = u32::try_from(samples.len()).ok()?;
        for location in stack {
            samples.push_id(u64::from(location.0) + 1);
        }
        if !samples.end_stack() {
            return None;
        }
        samples.labels.push(labels);
        samples.stack_hashes.push(meaning);
        let samples = &*samples;
        index.insert_unique(hash(meaning, labels), row, |&row| {
            hash(samples.stack_hashes[row as usize], samples.labels[row as usize])
        });
        Some(row as usize)
    }
}

fn hash(stack: u64, labels: LabelSetId) -> u64 {
    let mut hasher = FxHasher::default();
    (stack, labels).hash(&mut hasher);
    hasher.finish()
}
