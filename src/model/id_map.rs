//! Maps the ids of a file to rows.
//!
//! Ids are dense in every profile that matters for speed, so an array maps ids to rows; ids far
//! outside it go to a hash map, so a huge id costs no memory.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A map from the ids of a file to rows.
#[derive(Debug, Default)]
pub(super) struct IdMap {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32, FxBuildHasher>,
    len: usize,
}

/// Marks an id without a row.
const NO_ROW: u32 = u32::MAX;

impl IdMap {
    /// Records that `id` is the next row; returns false if the id is taken.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        if self.get(id).is_some() {
            return false;
        }
        let row = self.len as u32;
        self.len += 1;
        // The array may be a few times as long as the number of ids, but never as long as the
        // largest id.
        if id < 1024 + 4 * self.len as u64 {
            let id = id as usize;
            if self.dense.len() <= id {
                self.dense.resize((id + 1).max(self.dense.len() * 2), NO_ROW);
            }
            self.dense[id] = row;
        } else {
            self.sparse.insert(id, row);
        }
        true
    }

    /// Whether there are no row numbers left.
    pub(super) fn is_full(&self) -> bool {
        self.len >= NO_ROW as usize - 1
    }

    /// The row of an id.
    pub(super) fn get(&self, id: u64) -> Option<u32> {
        match self.dense.get(id as usize) {
            Some(&row) if row != NO_ROW && u32::try_from(id).is_ok() => Some(row),
            _ => self.sparse.get(&id).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IdMap;

    #[test]
    fn rows_follow_the_order_of_insertion() {
        let mut map = IdMap::default();
        for id in [7, 1, 1 << 63, 2, u64::MAX, 5000, 1 << 32] {
            assert!(map.insert(id), "{id}");
        }
        let rows = [7, 1, 1 << 63, 2, u64::MAX, 5000, 1 << 32].map(|id| map.get(id));
        assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6].map(Some));
        assert_eq!([0, 3, (1 << 32) + 7, u64::MAX - 1].map(|id| map.get(id)), [None; 4]);
    }

    #[test]
    fn an_id_is_taken_once_also_where_the_array_grew_past_it() {
        let mut map = IdMap::default();
        assert!(map.insert(6000), "far outside: in the hash map");
        (1..5000).for_each(|id| assert!(map.insert(id), "{id}"));
        assert_eq!(map.get(6000), Some(0));
        assert!(!map.insert(6000));
        assert_eq!(map.get(4999), Some(4999));
    }

    #[test]
    fn a_huge_id_costs_no_memory() {
        let mut map = IdMap::default();
        (0..1000).for_each(|i| assert!(map.insert(u64::MAX - i * 1_000_003)));
        assert!(map.dense.is_empty());
    }
}
