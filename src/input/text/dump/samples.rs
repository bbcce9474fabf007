//! Counts goroutines that differ in nothing but arguments.

use super::goroutine::Key;
use hashbrown::{HashMap, HashTable};
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// Distinct goroutines, in the order in which they came, and how many there are of each.
#[derive(Clone, Default)]
pub(super) struct Samples {
    all: Vec<(Kind, i64)>,
    index: HashTable<u32>,
    /// Those that differ from another one in how long they have waited.
    by_minutes: HashMap<(u32, i64), u32, FxBuildHasher>,
    /// Frames of all of them.
    steps: usize,
    /// Those that have any goroutine.
    counted: Vec<u32>,
    is_of_part: bool,
}

/// What the goroutines of a sample have in common.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    As(Key),
    /// The same as another sample, which is of the first kind, but for the minutes that they have waited. Another sample may
    /// be the same.
    Like(u32, i64),
}

impl Samples {
    /// Those of a part, which are cheaper to make but may be the same as others.
    pub(super) fn of_part(self) -> Self {
        Self { is_of_part: true, ..self }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Frames of all of them.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// All of them, and how many goroutines each has.
    pub(super) fn all(&self) -> &[(Kind, i64)] {
        &self.all
    }

    /// What the goroutines of one have in common, but for the minutes if it is of a part.
    pub(super) fn key(&self, mut number: u32) -> &Key {
        loop {
            match &self.all[number as usize].0 {
                Kind::As(key) => return key,
                Kind::Like(other, _) => number = *other,
            }
        }
    }

    /// Counts a goroutine.
    pub(super) fn count(&mut self, number: u32) {
        self.add(number, 1);
    }

    /// Counts so many goroutines, at least one.
    pub(super) fn add(&mut self, number: u32, goroutines: i64) {
        let count = &mut self.all[number as usize].1;
        if *count == 0 {
            self.counted.push(number);
        }
        *count += goroutines;
    }

    /// Takes the counts of all that have any goroutine, and begins again at 0.
    pub(super) fn take_counts(&mut self) -> Vec<(u32, i64)> {
        let take = |number| (number, std::mem::take(&mut self.all[number as usize].1));
        self.counted.drain(..).map(take).collect()
    }

    /// The number of the one with a key.
    pub(super) fn number(&mut self, key: &Key) -> u32 {
        let hash = FxBuildHasher.hash_one(key);
        self.find(hash, key).unwrap_or_else(|| self.push(hash, key.clone()))
    }

    fn find(&self, hash: u64, key: &Key) -> Option<u32> {
        let is_same = |&number: &u32| self.key(number) == key;
        self.index.find(hash, is_same).copied()
    }

    fn push(&mut self, hash: u64, key: Key) -> u32 {
        self.steps += key.stack.len();
        let number = self.all.len() as u32;
        self.all.push((Kind::As(key), 0));
        let mut index = std::mem::take(&mut self.index);
        index.insert_unique(hash, number, |&number| FxBuildHasher.hash_one(self.key(number)));
        self.index = index;
        number
    }

    /// The number of the one like another, but for how long it has waited.
    pub(super) fn waiting(&mut self, like: u32, minutes: Option<i64>) -> u32 {
        let key = self.key(like);
        let Some(minutes) = minutes.filter(|&minutes| minutes != key.minutes) else { return like };
        if let Some(&number) = self.by_minutes.get(&(like, minutes)) {
            return number;
        }
        let number = if self.is_of_part {
            self.all.push((Kind::Like(like, minutes), 0));
            self.all.len() as u32 - 1
        } else {
            let key = Key { minutes, ..key.clone() };
            let hash = FxBuildHasher.hash_one(&key);
            self.find(hash, &key).unwrap_or_else(|| self.push(hash, key))
        };
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

    #[test]
    fn those_of_a_part_are_like_others() {
        let key = Key { stack: vec![1, 2], minutes: 5, ..Key::default() };
        let mut samples = Samples::default();
        let five = samples.number(&key);
        samples.add(five, 3);
        let mut part = samples.clone().of_part();
        assert_eq!(part.take_counts(), [(five, 3)]);
        let seven = part.waiting(five, Some(7));
        assert_eq!((seven, part.waiting(five, Some(7)), part.len()), (1, seven, 2));
        assert!(matches!(part.all()[1].0, Kind::Like(like, 7) if like == five));
        assert_eq!(part.key(seven), &key);
        part.count(seven);
        assert_eq!(part.take_counts(), [(seven, 1)]);
        assert_eq!(part.take_counts(), []);
    }
}
