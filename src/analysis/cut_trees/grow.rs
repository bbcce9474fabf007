//! Grows a tree of paths, the one with the highest score first, until it has as many as a page can hold.

use super::TreeType;
use crate::analysis::Subject;
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::graph::frames::{Frames, RowId};
use crate::graph::walk::{From, Groups, Paths};
use crate::parallel;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Values of each distinct stack in every sample type.
pub(super) struct Weights {
    /// For each stack, before and after of every sample type.
    values: Vec<i64>,
    /// Numbers per stack: twice the number of sample types.
    width: usize,
    /// For each sample type the sums of |value| before and after, and of |Δ|.
    sizes: Vec<[f64; 3]>,
    /// Sums before and after of each sample type.
    totals: Vec<[i64; 2]>,
    /// Whether sums of sizes are whole numbers that floating point holds exactly.
    is_exact: bool,
    /// Number of stacks that hold anything.
    pub(super) held: usize,
}

/// Up to here every whole number is a floating-point number.
const EXACT: f64 = (1_u64 << 53) as f64;

impl Weights {
    pub(super) fn new(subject: &Subject<'_>, stacks: &Stacks<'_>) -> Self {
        let types = subject.series.sample_types.len();
        let width = 2 * types;
        let mut values = vec![0_i64; stacks.len() * width];
        for (number, snapshot) in subject.series.snapshots.iter().enumerate() {
            let side = subject.side(number);
            let rows = snapshot.samples.values.chunks_exact(types.max(1));
            for (sample, row) in rows.enumerate() {
                let at = stacks.of(number, sample).index() * width;
                let sums = values[at..at + width].chunks_exact_mut(2);
                for (sum, value) in sums.zip(row) {
                    sum[side] = sum[side].wrapping_add(*value);
                }
            }
        }
        let (mut sizes, mut totals) = (vec![[0.0; 3]; types], vec![[0_i64; 2]; types]);
        let mut held = 0;
        for values in values.chunks_exact(width.max(1)) {
            if values.iter().all(|&value| value == 0) {
                continue;
            }
            held += 1;
            let of_types = sizes.iter_mut().zip(&mut totals);
            for ((sum, total), sides) in of_types.zip(values.chunks_exact(2)) {
                let size = sizes_of(sides[0], sides[1]).map(|size| size as f64);
                *sum = [0, 1, 2].map(|i| sum[i] + size[i]);
                *total = [0, 1].map(|side| total[side].wrapping_add(sides[side]));
            }
        }
        let is_exact = sizes.iter().flatten().all(|&sum: &f64| sum < EXACT);
        Self { values, width, sizes, totals, is_exact, held }
    }

    fn of(&self, stack: StackId) -> &[i64] {
        &self.values[stack.index() * self.width..(stack.index() + 1) * self.width]
    }

    /// Adds up the values of stacks.
    fn sums(&self, stacks: &[StackId]) -> Box<[i64]> {
        let mut sums = vec![0_i64; self.width].into_boxed_slice();
        for &stack in stacks {
            for (sum, value) in sums.iter_mut().zip(self.of(stack)) {
                *sum = sum.wrapping_add(*value);
            }
        }
        sums
    }

    /// The largest share of any sample type that stacks have, from 0 to 1. `space` is for the sums.
    fn score(&self, stacks: &[StackId], space: &mut Space) -> f64 {
        let Space { whole, parts } = space;
        if self.is_exact {
            match self.sizes.len() {
                1 => return self.exact::<1>(stacks),
                2 => return self.exact::<2>(stacks),
                4 => return self.exact::<4>(stacks),
                _ => {}
            }
            whole.clear();
            whole.resize(self.sizes.len(), [0; 3]);
            for &stack in stacks {
                for (sum, sides) in whole.iter_mut().zip(self.of(stack).chunks_exact(2)) {
                    let size = sizes_of(sides[0], sides[1]);
                    *sum = [0, 1, 2].map(|i| sum[i].wrapping_add(size[i]));
                }
            }
            return self.share(whole.iter().map(|sum| sum.map(|sum| sum as f64)));
        }
        parts.clear();
        parts.resize(self.sizes.len(), [0.0; 3]);
        for &stack in stacks {
            for (sum, sides) in parts.iter_mut().zip(self.of(stack).chunks_exact(2)) {
                let size = sizes_of(sides[0], sides[1]).map(|size| size as f64);
                *sum = [0, 1, 2].map(|i| sum[i] + size[i]);
            }
        }
        self.share(parts.iter().copied())
    }

    /// The same for `N` sample types whose sums are exact.
    fn exact<const N: usize>(&self, stacks: &[StackId]) -> f64 {
        let mut sums = [[0_u64; 3]; N];
        for &stack in stacks {
            let (sides, _) = self.of(stack).as_chunks::<2>();
            let Some(sides) = sides.first_chunk::<N>() else { continue };
            for (sum, [before, after]) in sums.iter_mut().zip(sides) {
                let size = sizes_of(*before, *after);
                *sum = [0, 1, 2].map(|i| sum[i].wrapping_add(size[i]));
            }
        }
        self.share(sums.iter().map(|sum| sum.map(|sum| sum as f64)))
    }

    /// The largest share that sums of sizes are of the whole.
    fn share(&self, sums: impl Iterator<Item = [f64; 3]>) -> f64 {
        let shares = sums.zip(&self.sizes).flat_map(|(sum, whole)| {
            [0, 1, 2].map(|i| if whole[i] > 0.0 { sum[i] / whole[i] } else { 0.0 })
        });
        shares.fold(0.0, f64::max)
    }

    pub(super) fn tree_type(&self, subject: &Subject<'_>, column: usize) -> TreeType {
        let of_type = &subject.series.sample_types[column];
        let totals = self.totals[column];
        let whole = totals[0].unsigned_abs().max(totals[1].unsigned_abs());
        TreeType {
            name: of_type.name.clone(),
            unit: of_type.unit.clone(),
            is_main: column == subject.measured.column,
            totals,
            steps: steps(whole, of_type.unit == "bytes"),
        }
    }
}

/// Space for sums of sizes, as whole numbers and as others.
#[derive(Default)]
struct Space {
    whole: Vec<[u64; 3]>,
    parts: Vec<[f64; 3]>,
}

/// What the sums of sizes add up: |before|, |after| and |Δ|.
fn sizes_of(before: i64, after: i64) -> [u64; 3] {
    [before, after, after.wrapping_sub(before)].map(i64::unsigned_abs)
}

/// Parts of the whole at which the steps of colour begin.
const STEPS: [u64; 4] = [8192, 512, 32, 4];

/// The least values of the steps of colour: round numbers, each greater than the one before.
fn steps(whole: u64, is_binary: bool) -> [i64; 4] {
    let mut least = 1;
    STEPS.map(|part| {
        let step = round(whole / part, is_binary).max(least);
        least = step + 1;
        step
    })
}

/// The largest round number that isn't above this: a power of two, or 1, 2 or 5 times a power of ten.
fn round(value: u64, is_binary: bool) -> i64 {
    let Some(digits) = value.checked_ilog10() else { return 0 };
    let power = 10_i64.pow(digits.min(18));
    let fits = |times: i64| (power.saturating_mul(times) as u64) <= value;
    match () {
        () if is_binary => 1 << value.ilog2().min(62),
        () if fits(5) => 5 * power,
        () if fits(2) => 2 * power,
        () => power,
    }
}

/// A stack that holds nothing.
pub(super) const NONE: u32 = u32::MAX;

/// A tree, its nodes in order: each directly before its children.
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
    let stacks = weights.values.len() / weights.width.max(1);
    let mut groups = Groups::new(stacks, frames.len().max(1));
    let holds = |stack: StackId| weights.of(stack).iter().any(|&value| value != 0);
    let held = groups.split(0..stacks, |stack| holds(stack).then_some(RowId(0)));
    let held = held.into_iter().next().map_or(0..0, |(_, held)| held);
    let root = Item { row: RowId(0), depth: 0, stacks: held, score: 1.0, kept: None };
    let (mut items, mut space) = (vec![root], Space::default());
    // Scores are never negative, so their bits have their order. Of the same score, the newest comes first, so that
    // paths are whole.
    let highest_first = |(i, item): (u32, &Item)| (item.score.to_bits(), i);
    let mut waiting = BinaryHeap::from([highest_first((0, &items[0]))]);
    // The root is no path.
    for _ in 0..=most {
        let Some((_, i)) = waiting.pop().filter(|_| !parallel::is_cancelled()) else { break };
        let Item { depth, stacks: ref all, score, .. } = items[i as usize];
        let all = all.clone();
        let found = groups.split(all.clone(), |stack| steps.next(stack, depth));
        // Stacks that end here come last.
        let ended = found.last().map_or(all.start, |(_, last)| last.end);
        let first = items.len() as u32;
        for (row, stacks) in found {
            // All of an item have its score.
            let is_all = i > 0 && stacks == all;
            let score =
                if is_all { score } else { weights.score(groups.of(stacks.clone()), &mut space) };
            items.push(Item { row, depth: depth + 1, stacks, score, kept: None });
        }
        let children = first..items.len() as u32;
        waiting.extend(children.clone().zip(&items[first as usize..]).map(highest_first));
        items[i as usize].kept = Some((ended, children));
    }
    listed(&items, &groups, frames, weights)
}

/// What is next in order: an item, or a node for other stacks.
enum Next {
    Item(u32),
    Others(Vec<StackId>),
}

/// Puts the kept items in order, and adds a node for the others beneath each.
fn listed(items: &[Item], groups: &Groups, frames: &Frames, weights: &Weights) -> Grown {
    let mut grown = Grown {
        nodes: Vec::new(),
        parents: Vec::new(),
        flat: Vec::new(),
        errors: vec![Vec::new(); weights.sizes.len()],
        of_stack: vec![NONE; groups.len()],
    };
    let mut waiting = vec![(Next::Item(0), None, 0)];
    while let Some((next, parent, depth)) = waiting.pop() {
        let node = grown.nodes.len() as u32;
        let mut push = |row, own: &[StackId]| {
            own.iter().for_each(|stack| grown.of_stack[stack.index()] = node);
            grown.nodes.push(Node { depth, row, paths: own.len() as u32 });
            grown.parents.push(parent);
            grown.flat.push(weights.sums(own));
        };
        let i = match next {
            Next::Item(i) => i,
            Next::Others(stacks) => {
                push(None, &stacks);
                continue;
            }
        };
        let item = &items[i as usize];
        let Some((ended, children)) = item.kept.clone() else { continue };
        let own = groups.of(ended..item.stacks.end);
        let all = items[children.start as usize..children.end as usize].iter();
        let others =
            all.filter(|item| item.kept.is_none()).flat_map(|item| groups.of(item.stacks.clone()));
        let mut others: Vec<StackId> = others.copied().collect();
        let (below, parent) = if i == 0 {
            // A stack without frames has no other place.
            others.extend(own);
            (0, None)
        } else {
            push(Some(item.row), own);
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
    grown
}
