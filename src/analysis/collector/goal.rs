//! Compares the goals of collections with the formula of the pacer, and so finds GOGC, and a memory
//! limit at work.
//!
//! Since Go 1.18 the goal is `live + (live + stacks + globals) · GOGC/100`, with what was live after
//! the collection before; until then it was `live · (1 + GOGC/100)`, and records had no stacks. A
//! memory limit (GOMEMLIMIT) only ever lowers it. Each record gives a range for GOGC, since sizes
//! are rounded down, and GOGC is the value that most ranges hold.

use crate::model::collections::Collection;

/// The least live heap in MiB that says something: below it, rounding hides the difference, and the
/// goal is at least 4 MiB · GOGC/100.
const LEAST: u32 = 4;
/// Share of the ranges that must hold the value.
const CONSISTENT: f64 = 0.6;
/// Fewest ranges that say that GOGC is 100 although most don't: a limit lowers the others.
const USUAL_AT_LEAST: usize = 3;
/// The value that most programs have.
const USUAL: f64 = 100.0;
/// A goal is below the formula if it implies less than this share of GOGC.
const BELOW: f64 = 0.9;
/// GOGC is set to a multiple of one of these.
const ROUND: [f64; 5] = [100.0, 50.0, 25.0, 10.0, 5.0];
/// GOGC is hardly ever set below this, in percent: a limit does it.
const UNLIKELY: f64 = 20.0;

/// What the goals of a process say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Goals {
    /// GOGC in percent, if the goals agree about it.
    pub(super) gogc: Option<f64>,
    /// The range of GOGC that each collection implies.
    ranges: Vec<Option<(f64, f64)>>,
}

impl Goals {
    pub(super) fn of(collections: &[Collection]) -> Self {
        let pairs = collections.windows(2).map(|pair| range(&pair[0], &pair[1]));
        let ranges: Vec<_> = [None].into_iter().chain(pairs).take(collections.len()).collect();
        let known: Vec<(f64, f64)> = ranges.iter().copied().flatten().collect();
        Self { gogc: gogc(&known), ranges }
    }

    /// Whether the goal of a collection is below the formula.
    pub(super) fn is_limited(&self, at: usize) -> bool {
        let range = self.ranges.get(at).copied().flatten();
        let least = self.gogc.map_or(0.0, |gogc| BELOW * gogc).max(UNLIKELY);
        range.is_some_and(|(_, most)| most < least)
    }
}

/// The range of GOGC in percent that a goal implies.
fn range(before: &Collection, collection: &Collection) -> Option<(f64, f64)> {
    if !collection.follows(before) || before.live < LEAST || collection.goal <= LEAST {
        return None;
    }
    let (live, goal) = (f64::from(before.live), f64::from(collection.goal));
    let parts = [before.stacks, before.globals];
    let roots: f64 = parts.iter().flatten().map(|&size| f64::from(size)).sum();
    let unknown = 1.0 + parts.iter().flatten().count() as f64;
    let most = 100.0 * (goal + 1.0 - live) / (live + roots);
    let least = 100.0 * (goal - live - 1.0) / (live + roots + unknown);
    Some((least.max(0.0), most.max(0.0)))
}

/// The value that most ranges hold.
fn gogc(ranges: &[(f64, f64)]) -> Option<f64> {
    let mut ends: Vec<(f64, bool)> =
        ranges.iter().flat_map(|&(least, most)| [(least, false), (most, true)]).collect();
    // Of equal ends the lower ones first.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut open, mut best, mut common) = (0_usize, 0_usize, (0.0, 0.0));
    for (place, &(value, closes)) in ends.iter().enumerate() {
        if closes {
            open -= 1;
            continue;
        }
        open += 1;
        if open > best {
            best = open;
            common = (value, ends.get(place + 1).map_or(value, |end| end.0));
        }
    }
    let holds = |value: f64| {
        ranges.iter().filter(|&&(least, most)| (least..=most).contains(&value)).count()
    };
    let share = best as f64 / ranges.len().max(1) as f64;
    if best >= 2 && share >= CONSISTENT {
        return round(common.0, common.1);
    }
    let above = ranges.iter().filter(|&&(least, _)| least > USUAL).count();
    let usual = holds(USUAL) >= USUAL_AT_LEAST && above * 10 <= ranges.len();
    usual.then_some(USUAL)
}

/// The roundest value from one to another; `None` if none of them is likely to be set.
fn round(from: f64, to: f64) -> Option<f64> {
    let values = ROUND.into_iter().map(|step| (from / step).ceil() * step);
    values.into_iter().find(|&value| value <= to && value > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collections with these sizes in MiB: live after one, and its goal.
    fn collections(sizes: &[(u32, u32)], roots: u32) -> Vec<Collection> {
        let of = |(number, &(live, goal)): (u32, &(u32, u32))| Collection {
            number,
            live,
            goal,
            stacks: (roots > 0).then_some(roots),
            globals: (roots > 0).then_some(0),
            ..Collection::default()
        };
        (1..).zip(sizes).map(of).collect()
    }

    /// Collections whose goals follow the formula.
    fn paced(lives: &[u32], gogc: u32, roots: u32) -> Vec<Collection> {
        let mut before = lives[0];
        let size = |live: &u32| {
            let goal = before + (before + roots) * gogc / 100;
            before = *live;
            (*live, goal)
        };
        let sizes: Vec<_> = lives.iter().map(size).collect();
        collections(&sizes, roots)
    }

    #[test]
    fn gogc_is_found_and_no_limit() {
        let lives = [30, 33, 41, 38, 29, 52, 61, 60, 44, 47];
        for (gogc, roots) in [(100, 0), (100, 9), (50, 3), (200, 0), (400, 1), (25, 0), (75, 20)] {
            let goals = Goals::of(&paced(&lives, gogc, roots));
            let found = goals.gogc.unwrap();
            assert!((found - f64::from(gogc)).abs() < 3.0, "{gogc} {roots}: {found}");
            assert!((0..lives.len()).all(|at| !goals.is_limited(at)), "{gogc} {roots}");
        }
    }

    #[test]
    fn a_limit_lowers_the_goals() {
        // It follows the formula until 100 MiB.
        let lives = [10_u32, 20, 30, 40, 60, 80, 90, 92, 94, 95, 93, 94];
        let sizes = [20, 20, 40, 60, 80, 100, 100, 100, 100, 100, 100, 100];
        let both: Vec<(u32, u32)> = lives.into_iter().zip(sizes).collect();
        let goals = Goals::of(&collections(&both, 0));
        assert_eq!(goals.gogc, Some(100.0));
        let limited: Vec<bool> = (0..both.len()).map(|at| goals.is_limited(at)).collect();
        assert_eq!(
            limited,
            [false, false, false, false, false, true, true, true, true, true, true, true]
        );
        // Only the end of it is in the log.
        let goals = Goals::of(&collections(&both[6..], 0));
        assert!((1..6).all(|at| goals.is_limited(at)), "{goals:?}");
    }

    #[test]
    fn little_says_nothing() {
        for sizes in [&[][..], &[(3, 4)], &[(2, 4), (2, 4), (3, 4), (2, 4)], &[(9, 4)]] {
            let goals = Goals::of(&collections(sizes, 0));
            assert_eq!(goals.gogc, None, "{sizes:?}");
            assert!((0..9).all(|at| !goals.is_limited(at)), "{sizes:?}");
        }
    }
}
