//! Counts goroutines that differ in nothing but arguments.

use super::goroutine::Key;
use hashbrown::{HashMap, HashTable};
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// Distinct goroutines, in the order in which they came, and how many there are of each.
#[derive(Default)]
pub(super) struct Samples {
    all: Vec<(Key, i64)>,
    index: HashTable<u32>,
    /// Those that differ from another one in how long they have waited.
    by_minutes: HashMap<(u32, i64), u32, FxBuildHasher>,
    /// Frames of all of them.
    steps: usize,
}

impl Samples {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Frames of all of them.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// All of them, and how many goroutines each has.
    pub(super) fn all(&self) -> &[(Key, i64)] {
        &self.all
    }

    /// What the goroutines of one have in common.
    pub(super) fn key(&self, number: u32) -> &Key {
        &self.all[number as usize].0
    }

    /// Counts a goroutine.
    pub(super) fn count(&mut self, number: u32) {
        self.all[number as usize].1 += 1;
    }

    /// The number of the one with a key.
    pub(super) fn number(&mut self, key: &Key) -> u32 {
        let Self { all, index, .. } = self;
        let hash = FxBuildHasher.hash_one(key);
        let is_same = |&number: &u32| all[number as usize].0 == *key;
        if let Some(&number) = index.find(hash, is_same) {
            return number;
        }
        self.steps += key.stack.len();
        let number = all.len() as u32;
        all.push((key.clone(), 0));
        let rehash = |&number: &u32| FxBuildHasher.hash_one(&all[number as usize].0);
        index.insert_unique(hash, number, rehash);
        number
    }

    /// The number of the one like another, but for how long it has waited.
    pub(super) fn waiting(&mut self, like: u32, minutes: Option<i64>) -> u32 {
        let key = self.key(like);
        let Some(minutes) = minutes.filter(|&minutes| minutes != key.minutes) else { return like };
        if let Some(&number) = self.by_minutes.get(&(like, minutes)) {
            return number;
        }
        let number = self.number(&Key { minutes, ..key.clone() });
        self.by_minutes.insert((like, minutes), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_minutes_may_differ() {
        let key =
            Key { stack: vec![1, 2], minutes: 5, state: b"select".to_vec(), ..Key::default() };
        let mut samples = Samples::default();
        let five = samples.number(&key);
        let seven = samples.waiting(five, Some(7));
        assert_eq!((samples.waiting(five, None), samples.waiting(five, Some(5))), (five, five));
        assert_eq!(samples.waiting(five, Some(7)), seven);
        assert_eq!(samples.number(&Key { minutes: 7, ..key.clone() }), seven);
        assert_eq!(samples.waiting(seven, Some(5)), five);
        assert_eq!((samples.len(), samples.steps()), (2, 4));
        assert_eq!(samples.key(seven), &Key { minutes: 7, ..key });
    }
}
