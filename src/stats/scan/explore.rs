//! Tests the nodes of a tree for growth, from its start on.
//!
//! Each node gets a part of the level, its budget, by a graphical procedure (Bretz, Maurer, Brannath
//! and Posch 2009). It tests itself with a quarter of it and passes the rest on to its children, in
//! proportion to their samples; if the test succeeds, the children get all of it. So where a node
//! and all its callers grew, it is tested at its share of the samples (Meinshausen 2008), and where
//! a caller didn't grow, because something else in it shrank, at a part of that. Nodes of the same
//! items are one hypothesis.
//!
//! Only nodes that matter, by what was added in them, are tested and split: most of a tree is never
//! built. That leaves out tests and adds none, so it costs nothing but power for small subtrees.

use super::{Items, Tree};
use crate::stats::growth::GrowthEvidence;
use std::ops::Range;

/// The part of its budget that a node tests itself with.
const OWN_PART: f64 = 0.25;

/// A node that surely grew.
#[derive(Clone, Debug)]
pub struct Sure {
    /// Which tree it is of.
    pub tree: usize,
    /// The names from the start of the tree on.
    pub path: Vec<u32>,
    /// How many of the last names have the same items.
    pub same: usize,
    /// The set of its items in its tree.
    pub set: Range<usize>,
    /// The evidence of its items.
    pub evidence: GrowthEvidence,
    /// Probability of so much growth in this node alone if nothing grew.
    pub p: f64,
    /// The level it was tested at.
    pub(super) level: f64,
}

/// A node that waits to be split.
struct Waiting {
    path: Vec<u32>,
    set: Range<usize>,
    budget: f64,
}

/// Returns the nodes of a tree that surely grew, except its start. `least` is the growth that
/// matters.
pub(super) fn explore(
    items: &Items,
    (number, tree): (usize, &mut impl Tree),
    budget: f64,
    least: f64,
) -> Vec<Sure> {
    let mut waiting = vec![Waiting { path: Vec::new(), set: 0..items.len(), budget }];
    let mut found = Vec::new();
    while let Some(Waiting { mut path, set, budget }) = waiting.pop() {
        let evidence = items.evidence(tree.items(set.clone()));
        let (p, level) = (evidence.p_growth(), budget * OWN_PART);
        let is_sure = p <= level && evidence.estimate() >= least;
        let first = path.len();
        let children = split(tree, &set, &mut path);
        let budget = if is_sure { budget } else { budget - level };
        let samples = evidence.samples();
        for (name, set) in children {
            let turnover = items.turnovers(tree.items(set.clone()));
            if turnover.added >= least {
                let path = path.iter().copied().chain([name]).collect();
                let budget = budget * turnover.samples / (samples.x1 + samples.x2);
                waiting.push(Waiting { path, set, budget });
            }
        }
        if is_sure && !path.is_empty() {
            let same = path.len() - first.saturating_sub(1);
            found.push(Sure { tree: number, path, same, set, evidence, p, level });
        }
    }
    found
}

/// Splits a set into its children; while it is its only child, its path grows.
fn split(
    tree: &mut impl Tree,
    set: &Range<usize>,
    path: &mut Vec<u32>,
) -> Vec<(u32, Range<usize>)> {
    loop {
        let children = tree.split(set.clone());
        match children.as_slice() {
            [(name, child)] if child == set => path.push(*name),
            _ => return children,
        }
    }
}
