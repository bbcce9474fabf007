//! Sums by a dense id, for pieces of work that see few of the ids: a slot for each id, a sum only
//! for those seen.
//!
//! A piece has its own sums of every row, site and leaf. Full tables would take megabytes per piece
//! that are touched once and added up once.

use crate::graph::frames::{RowId, SiteId};
use crate::model::ids::LocationId;

/// A dense id.
pub(super) trait Id: Copy {
    /// The id as an index.
    fn index(self) -> usize;
}

impl Id for RowId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Id for SiteId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Id for LocationId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Sums by id.
#[derive(Debug)]
pub(super) struct Sparse<K, T> {
    slots: Vec<u32>,
    met: Vec<(K, T)>,
}

const UNMET: u32 = u32::MAX;

impl<K: Id, T: Default> Sparse<K, T> {
    /// Empty sums, for ids below `ids`.
    pub(super) fn new(ids: usize) -> Self {
        Self { slots: vec![UNMET; ids], met: Vec::new() }
    }

    /// The sum of an id.
    #[inline]
    pub(super) fn at(&mut self, id: K) -> &mut T {
        let slot = &mut self.slots[id.index()];
        if *slot == UNMET {
            *slot = self.met.len() as u32;
            self.met.push((id, T::default()));
        }
        &mut self.met[*slot as usize].1
    }

    /// The sum of an id, if it was seen.
    pub(super) fn get(&self, id: K) -> Option<&T> {
        let slot = *self.slots.get(id.index())?;
        self.met.get(slot as usize).map(|(_, sum)| sum)
    }

    /// The ids that were seen, in that order, with their sums.
    pub(super) fn met(&self) -> &[(K, T)] {
        &self.met
    }
}
