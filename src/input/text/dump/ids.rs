//! A set of goroutines, by their numbers.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Goroutines, 64 numbers to a word: most dumps have nearly all numbers up to the largest.
#[derive(Debug, Default)]
pub(super) struct Ids {
    words: HashMap<u64, u64, FxBuildHasher>,
    len: usize,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a number; returns whether it is new.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        let word = self.words.entry(id / 64).or_default();
        let bit = 1 << (id % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        self.len += usize::from(is_new);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn a_number_is_new_once() {
        let mut ids = Ids::default();
        assert!(ids.is_empty());
        for id in [0, 1, 63, 64, 65, 1 << 40, u64::MAX] {
            assert!(ids.insert(id) && !ids.insert(id), "{id}");
        }
        assert_eq!(ids.len(), 7);
    }
}
