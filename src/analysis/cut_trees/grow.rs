//! Grows a tree of paths, the one with the highest score first, until it has as many as a page can hold.

use super::ahead::{self, Follow};
use super::weights::{Space, Weights};
use crate::graph::frames::{Frames, RowId};
use crate::graph::walk::{From, Groups, Paths};
use crate::parallel;
use std::collections::BinaryHeap;
use std::ops::Range;

/// A stack that holds nothing.
pub(super) const NONE: u32 = u32::MAX;

/// A tree, its nodes in order: each directly before its children.
#[derive(Default)]
pub(super) struct Grown {
    pub(super) nodes: Vec<Node>,
    /// The node above each.
    pub(super) parents: Vec<Option<u32>>,
    /// Values of the stacks that end in each node: before and after of every sample type.
    pub(super) flat: Vec<Box<[i64]>>,
    /// Errors of the nodes, by sample type; empty if they are unknown.
    pub(super) errors: Vec<Vec<u64>>,
    /// The node in which each stack ends, or [`NONE`].
    pub(super) of_stack: Vec<u32>,
}

pub(super) struct Node {
    pub(super) depth: u32,
    /// The last frame; `None` if the node represents further stacks.
    pub(super) row: Option<RowId>,
    /// Number of stacks it represents.
    pub(super) paths: u32,
}

impl Grown {
    /// Sums of a sample type over each node and everything beneath it.
    pub(super) fn cum(&self, column: usize) -> Vec<[i64; 2]> {
        let own = self.flat.iter().map(|flat| [flat[2 * column], flat[2 * column + 1]]);
        let mut cum: Vec<[i64; 2]> = own.collect();
        for node in (0..cum.len()).rev() {
            if let Some(parent) = self.parents[node] {
                let own = cum[node];
                let above = &mut cum[parent as usize];
                *above = [0, 1].map(|side| above[side].wrapping_add(own[side]));
            }
        }
        cum
    }
}

/// Paths that share their beginning.
struct Item {
    row: RowId,
    /// Number of their frames in common.
    depth: u32,
    stacks: Range<usize>,
    score: f64,
    /// What follows it, if that was found ahead.
    next: Option<ahead::Next>,
    /// Once it is kept: where its stacks that end here begin, and its children.
    kept: Option<(usize, Range<u32>)>,
}

/// Grows the tree of stacks along their `paths` from one end.
pub(super) fn grow(
    (paths, from): (&Paths<'_>, From),
    frames: &Frames,
    weights: &Weights,
    most: usize,
) -> Grown {
    let mut steps = paths.steps(from);
    let stacks = weights.stacks();
    let mut groups = Groups::new(stacks, frames.len().max(1));
    let held = groups.split(0..stacks, |stack| weights.holds(stack).then_some(RowId(0)));
    let held = held.into_iter().next().map_or(0..0, |(_, held)| held);
    let follow = Follow { paths, from, rows: frames.len().max(1), weights };
    let (ahead, next) = follow.ahead(groups.of_mut(held.clone()), most);
    let root = Item { row: RowId(0), depth: 0, stacks: held, score: 1.0, next, kept: None };
    let (mut items, mut space) = (vec![root], Space::default());
    // Scores are never negative, so their bits have their order. Of the same score, the newest comes first, so that
    // paths are whole.
    let highest_first = |(i, item): (u32, &Item)| (item.score.to_bits(), i);
    let mut waiting = BinaryHeap::from([highest_first((0, &items[0]))]);
    // The root is no path.
    for _ in 0..=most {
        let Some((_, i)) = waiting.pop().filter(|_| !parallel::is_cancelled()) else { break };
        let Item { depth, stacks: ref all, score, next, .. } = items[i as usize];
        let first = items.len() as u32;
        let ended;
        if let Some(next) = next {
            ended = next.ended as usize;
            items.extend(ahead.of(next).iter().map(|longer| Item {
                row: longer.row,
                depth: depth + 1,
                stacks: longer.stacks.0 as usize..longer.stacks.1 as usize,
                score: longer.score,
                next: longer.next,
                kept: None,
            }));
        } else {
            let all = all.clone();
            let found = groups.split(all.clone(), |stack| steps.next(stack, depth));
            // Stacks that end here come last.
            ended = found.last().map_or(all.start, |(_, last)| last.end);
            for (row, stacks) in found {
                // All of an item have its score.
                let is_all = i > 0 && stacks == all;
                let score = if is_all {
                    score
                } else {
                    weights.score(groups.of(stacks.clone()), &mut space)
                };
                items.push(Item { row, depth: depth + 1, stacks, score, next: None, kept: None });
            }
        }
        let children = first..items.len() as u32;
        waiting.extend(children.clone().zip(&items[first as usize..]).map(highest_first));
        items[i as usize].kept = Some((ended, children));
    }
    listed(&items, &groups, frames, weights)
}

/// What is next in order: an item, or a node for other stacks, which are several groups.
enum Next {
    Item(u32),
    Others(Vec<Range<usize>>),
}

/// Nodes whose values are added up at once.
const NODES: usize = 512;

/// Puts the kept items in order, and adds a node for the others beneath each.
fn listed(items: &[Item], groups: &Groups, frames: &Frames, weights: &Weights) -> Grown {
    let mut grown = Grown {
        nodes: Vec::new(),
        parents: Vec::new(),
        flat: Vec::new(),
        errors: vec![Vec::new(); weights.types()],
        of_stack: vec![NONE; groups.len()],
    };
    // The stacks of each node.
    let mut stacks: Vec<Vec<Range<usize>>> = Vec::new();
    let mut waiting = vec![(Next::Item(0), None, 0)];
    while let Some((next, parent, depth)) = waiting.pop() {
        let node = grown.nodes.len() as u32;
        let mut push = |row, own: Vec<Range<usize>>| {
            let paths: usize = own.iter().map(Range::len).sum();
            grown.nodes.push(Node { depth, row, paths: paths as u32 });
            grown.parents.push(parent);
            stacks.push(own);
        };
        let i = match next {
            Next::Item(i) => i,
            Next::Others(stacks) => {
                push(None, stacks);
                continue;
            }
        };
        let item = &items[i as usize];
        let Some((ended, children)) = item.kept.clone() else { continue };
        let own = ended..item.stacks.end;
        let all = items[children.start as usize..children.end as usize].iter();
        let others = all.filter(|item| item.kept.is_none()).map(|item| item.stacks.clone());
        let mut others: Vec<Range<usize>> = others.collect();
        let (below, parent) = if i == 0 {
            // A stack without frames has no other place.
            others.extend(Some(own).filter(|own| !own.is_empty()));
            (0, None)
        } else {
            push(Some(item.row), vec![own]);
            (depth + 1, Some(node))
        };
        if !others.is_empty() {
            waiting.push((Next::Others(others), parent, below));
        }
        let mut kept: Vec<u32> =
            children.filter(|&child| items[child as usize].kept.is_some()).collect();
        let by_score = |&a: &u32, &b: &u32| {
            let (a, b) = (&items[a as usize], &items[b as usize]);
            let by_name = || frames.name(a.row).cmp(frames.name(b.row));
            a.score.total_cmp(&b.score).then_with(|| by_name().reverse())
        };
        // The first is taken from the end.
        kept.sort_by(by_score);
        waiting.extend(kept.into_iter().map(|child| (Next::Item(child), parent, below)));
    }
    let sums = |own: &Vec<Range<usize>>| weights.sums(groups, own);
    grown.flat = parallel::map_items(&stacks, NODES, sums);
    for (node, own) in (0..).zip(&stacks) {
        for stack in own.iter().flat_map(|own| groups.of(own.clone())) {
            grown.of_stack[stack.index()] = node;
        }
    }
    grown
}
