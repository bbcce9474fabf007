//! Which snapshots stay in a recording that goes on for days: the first, the newest ones, and every
//! so many in between.
//!
//! The distance is a power of two, and doubles when the snapshots get too many. So those that stay
//! are spread evenly, one that was dropped is never missed later, and a doubling drops every other
//! one. `docs/statistics.md` says what this does to verdicts.

/// Snapshots at the end that all stay: what starts now shows as soon as without thinning.
pub(in crate::command) const NEWEST: usize = 24;

/// The rule, with the distance so far.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Thinning {
    most: usize,
    distance: usize,
}

impl Thinning {
    /// Keeps at most so many.
    pub(in crate::command) fn at_most(most: usize) -> Self {
        Self { most: most.max(2), distance: 1 }
    }

    fn newest(self) -> usize {
        NEWEST.min(self.most / 2)
    }

    /// The most that stay.
    pub(in crate::command) fn most(self) -> usize {
        self.most
    }

    /// Makes room for that many snapshots.
    pub(in crate::command) fn make_room(&mut self, count: usize) {
        if count > self.most {
            let spread = self.most - self.newest();
            while count.div_ceil(self.distance) > spread {
                self.distance *= 2;
            }
        }
    }

    /// Whether a snapshot stays: its place from 0 among so many.
    pub(in crate::command) fn keeps(self, place: usize, count: usize) -> bool {
        place.is_multiple_of(self.distance) || self.is_newest(count - place - 1)
    }

    /// Whether what has so many after it is among the newest.
    pub(in crate::command) fn is_newest(self, after: usize) -> bool {
        after < self.newest()
    }
}

#[cfg(test)]
mod tests {
    use super::{NEWEST, Thinning};

    /// What is left of each count of snapshots that came one after another.
    fn left(most: usize, counts: usize) -> Vec<Vec<usize>> {
        let mut thinning = Thinning::at_most(most);
        let mut kept: Vec<usize> = Vec::new();
        let steps = (1..=counts).map(|count| {
            kept.push(count - 1);
            thinning.make_room(count);
            kept.retain(|&place| thinning.keeps(place, count));
            kept.clone()
        });
        steps.collect()
    }

    #[test]
    fn the_first_and_the_newest_stay_and_the_rest_is_spread_evenly() {
        for most in [2, 3, 10, 50, 200] {
            let newest = NEWEST.min(most / 2);
            for (count, kept) in left(most, 3000).iter().enumerate().map(|(i, k)| (i + 1, k)) {
                assert!(kept.len() <= most, "{} of {count} stay, at most {most}", kept.len());
                assert_eq!(kept.first(), Some(&0));
                assert!((count - newest.min(count)..count).all(|place| kept.contains(&place)));
                let old: Vec<usize> =
                    kept.iter().copied().filter(|place| place + newest < count).collect();
                let gaps: Vec<usize> = old.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert!(gaps.iter().all(|&gap| gap == gaps[0]), "{gaps:?}");
            }
        }
        assert_eq!(left(200, 200)[199].len(), 200, "nothing is dropped before");
        let shares: Vec<usize> = left(200, 100_000).iter().skip(201).map(Vec::len).collect();
        assert!(*shares.iter().min().unwrap() >= 100, "more than half of what fits");
    }
}
