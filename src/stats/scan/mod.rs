//! Finds the subtrees of call trees that surely grew, and the few of them that explain it.
//!
//! Growth that is spread over many functions shows in none of them, but it does in what calls them
//! all, or in what they all call. So every node of two trees is a hypothesis, "nothing beneath it
//! grew": of the tree of calls from the roots, and of that from the leaves. This is the tree-based
//! scan statistic (Kulldorff, Fang and Walsh 2003), whose many overlapping tests are controlled here
//! by `explore` down the tree and not by random replicas; `choose` picks what to report.
//!
//! An item is one record of two snapshots: a stack and an object size. What always holds: with
//! nothing grown, a subtree is reported with probability [`LEVEL`] at most; how strictly a set is
//! tested depends on how many samples it has on both sides together, never on which side has them.

mod choose;
mod explore;

pub use explore::Sure;

use super::growth::{GrowthEvidence, Pair};
use super::sampling::SamplingWeight;
use std::ops::Range;

/// The probability that any subtree is reported if nothing grew.
pub const LEVEL: f64 = 0.05;

/// A subtree that carries less than this share of the growth explains nothing.
const LEAST_SHARE: f64 = 0.02;

/// The same as a share of everything that was added, which counts if little of it is growth.
const LEAST_TURNOVER: f64 = 0.005;

/// The opposing samples of all items. Items are numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Items {
    items: Vec<Item>,
    weights: Vec<(SamplingWeight, SamplingWeight)>,
}

/// Samples before and after, as small as they can be: there may be a million of these.
#[derive(Clone, Copy, Debug)]
struct Item {
    x1: f32,
    x2: f32,
    class: u32,
}

impl Items {
    /// Room for this many items.
    pub fn with_capacity(items: usize) -> Self {
        Self { items: Vec::with_capacity(items), weights: Vec::new() }
    }

    /// Adds a class of items whose samples weigh the same: what one represents before and after.
    pub fn class(&mut self, before: SamplingWeight, after: SamplingWeight) -> u32 {
        self.weights.push((before, after));
        self.weights.len() as u32 - 1
    }

    /// Adds an item of a class.
    pub fn push(&mut self, pair: Pair, class: u32) {
        self.items.push(Item { x1: pair.x1 as f32, x2: pair.x2 as f32, class });
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What was added to an item.
    pub fn added(&self, item: u32) -> f64 {
        self.turnover(item).added
    }

    /// Estimates of what an item lost and gained, and its samples on both sides together.
    fn turnover(&self, item: u32) -> Turnover {
        let Item { x1, x2, class } = self.items[item as usize];
        let (before, after) = self.weights[class as usize];
        let (x1, x2) = (f64::from(x1), f64::from(x2));
        Turnover { lost: before.amount * x1, added: after.amount * x2, samples: x1 + x2 }
    }

    fn turnovers(&self, items: impl Iterator<Item = u32>) -> Turnover {
        items.map(|item| self.turnover(item)).fold(Turnover::default(), |sum, own| Turnover {
            lost: sum.lost + own.lost,
            added: sum.added + own.added,
            samples: sum.samples + own.samples,
        })
    }

    fn evidence(&self, items: impl Iterator<Item = u32>) -> GrowthEvidence {
        // Items of a class weigh the same, so their samples are added up first.
        let mut sums = vec![Pair::default(); self.weights.len()];
        for item in items {
            let Item { x1, x2, class } = self.items[item as usize];
            let sum = &mut sums[class as usize];
            sum.x1 += f64::from(x1);
            sum.x2 += f64::from(x2);
        }
        let mut evidence = GrowthEvidence::default();
        for (pair, (before, after)) in sums.into_iter().zip(&self.weights) {
            if pair != Pair::default() {
                evidence.add(pair, *before, *after);
            }
        }
        evidence
    }
}

/// What one or more items lost and gained.
#[derive(Clone, Copy, Debug, Default)]
struct Turnover {
    lost: f64,
    added: f64,
    samples: f64,
}

/// A tree of the items' paths, walked from its start on.
pub trait Tree {
    /// The items of a set.
    fn items(&self, set: Range<usize>) -> impl Iterator<Item = u32>;

    /// Takes one step along the path of each item of a set and groups them by what they reach: the
    /// names of the groups, and the sets. Paths that end leave the set; each set is split once.
    fn split(&mut self, set: Range<usize>) -> Vec<(u32, Range<usize>)>;
}

/// What a sure node would be told as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Nodes of a lower rank are preferred.
    pub rank: u8,
    /// Its name: two of one name in a larger node of that name are told as that one.
    pub name: u32,
}

/// A scan of items in several trees.
pub struct Scan<'a> {
    items: &'a Items,
    /// The level of each tree, and the growth that matters; `None` if nothing can be sure.
    bar: Option<(f64, f64)>,
}

impl<'a> Scan<'a> {
    /// A scan of items in this many trees.
    pub fn new(items: &'a Items, trees: usize) -> Self {
        let whole = items.evidence(0..items.len() as u32);
        let level = LEVEL / trees.max(1) as f64;
        let least = (LEAST_SHARE * whole.estimate()).max(LEAST_TURNOVER * whole.added());
        let bar = (whole.least_p() <= level && least > 0.0).then_some((level, least));
        Self { items, bar }
    }

    /// How much must be added in a node for it to matter; infinite if nothing can be sure.
    pub fn least(&self) -> f64 {
        self.bar.map_or(f64::INFINITY, |(_, least)| least)
    }

    /// Finds the nodes of the tree with this number that surely grew. It holds all items as the set
    /// `0..items.len()`.
    pub fn explore(&self, number: usize, tree: &mut impl Tree) -> Vec<Sure> {
        self.bar.map_or_else(Vec::new, |(level, least)| {
            explore::explore(self.items, (number, tree), level, least)
        })
    }

    /// Returns the smallest set of sure nodes, of all trees, that explains what surely grew, those
    /// that grew most first: their numbers. `causes` are what they would be told as.
    pub fn explanation<I: Iterator<Item = u32>>(
        &self,
        sure: &[Sure],
        causes: &[Cause],
        items_of: impl Fn(&Sure) -> I,
    ) -> Vec<usize> {
        let mut chosen = choose::choose(self.items, sure, causes, items_of);
        let key = |node: usize| (sure[node].evidence.lower_bound(), &sure[node].path);
        chosen.sort_by(|&a, &b| key(b).0.total_cmp(&key(a).0).then_with(|| key(a).1.cmp(key(b).1)));
        chosen
    }
}
