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

    /// Adds those of another set; returns whether all are new. If any isn't, none is added.
    pub(super) fn add(&mut self, other: &Self) -> bool {
        let is_known =
            |(word, bits): (&u64, &u64)| self.words.get(word).is_some_and(|own| own & bits != 0);
        if other.words.iter().any(is_known) {
            return false;
        }
        for (&word, bits) in &other.words {
            *self.words.entry(word).or_default() |= bits;
        }
        self.len += other.len;
        true
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

    #[test]
    fn sets_that_overlap_are_not_joined() {
        let of = |all: &[u64]| {
            let mut ids = Ids::default();
            all.iter().for_each(|&id| assert!(ids.insert(id)));
            ids
        };
        let mut ids = of(&[1, 64]);
        assert!(ids.add(&of(&[2, 65, 200])));
        assert!(!ids.add(&of(&[3, 65])));
        assert!(ids.insert(3) && !ids.insert(200));
        assert_eq!(ids.len(), 6);
    }
}
