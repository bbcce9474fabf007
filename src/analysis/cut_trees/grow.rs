//! Grows a tree of paths, the one with the highest score first, until it has as many as a page can hold.

use super::TreeType;
use super::ahead::{self, Follow};
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

/// Tasks that the values of stacks are added up in, at most: each looks at all samples.
const TASKS_OF_VALUES: usize = 4;

/// What the values of some stacks add up to.
struct Whole {
    /// For each sample type the sums of |value| before and after, and of |Δ|.
    sizes: Vec<[u128; 3]>,
    /// Sums before and after of each sample type.
    totals: Vec<[i64; 2]>,
    /// Number of stacks that hold anything.
    held: usize,
}

impl Whole {
    fn of(values: &[i64], types: usize) -> Self {
        let mut whole = Self { sizes: vec![[0; 3]; types], totals: vec![[0; 2]; types], held: 0 };
        for values in values.chunks_exact((2 * types).max(1)) {
            if values.iter().all(|&value| value == 0) {
                continue;
            }
            whole.held += 1;
            let of_types = whole.sizes.iter_mut().zip(&mut whole.totals);
            for ((sum, total), sides) in of_types.zip(values.chunks_exact(2)) {
                let size = sizes_of(sides[0], sides[1]).map(u128::from);
                *sum = [0, 1, 2].map(|i| sum[i] + size[i]);
                *total = [0, 1].map(|side| total[side].wrapping_add(sides[side]));
            }
        }
        whole
    }

    fn plus(mut self, other: Self) -> Self {
        self.held += other.held;
        for (sum, own) in self.sizes.iter_mut().zip(other.sizes) {
            *sum = [0, 1, 2].map(|i| sum[i] + own[i]);
        }
        for (total, own) in self.totals.iter_mut().zip(other.totals) {
            *total = [0, 1].map(|side| total[side].wrapping_add(own[side]));
        }
        self
    }
}

/// Up to here every whole number is a floating-point number.
const EXACT: f64 = (1_u64 << 53) as f64;

impl Weights {
    pub(super) fn new(subject: &Subject<'_>, stacks: &Stacks<'_>) -> Self {
        let types = subject.series.sample_types.len();
        let width = 2 * types;
        let mut values = vec![0_i64; stacks.len() * width];
        // A task has some stacks, whose samples it looks for among all.
        let some = stacks.len().div_ceil(TASKS_OF_VALUES).max(PIECE);
        let wholes = parallel::map_chunks_mut(&mut values, some * width.max(1), |task, values| {
            let first = task * some;
            for (number, snapshot) in subject.series.snapshots.iter().enumerate() {
                if parallel::is_cancelled() {
                    break;
                }
                let side = subject.side(number);
                let rows = snapshot.samples.values.chunks_exact(types.max(1));
                for (stack, row) in stacks.of_samples(number).iter().zip(rows) {
                    let own = stack.index().wrapping_sub(first);
                    if own >= some {
                        continue;
                    }
                    let Some(values) = values.get_mut(own * width..(own + 1) * width) else {
                        continue;
                    };
                    for (sum, value) in values.chunks_exact_mut(2).zip(row) {
                        sum[side] = sum[side].wrapping_add(*value);
                    }
                }
            }
            Whole::of(values, types)
        });
        let whole = wholes.into_iter().fold(Whole::of(&[], types), Whole::plus);
        let sums = whole.sizes.iter().map(|sizes| sizes.map(|size| size as f64));
        let mut sizes: Vec<[f64; 3]> = sums.collect();
        if sizes.iter().flatten().any(|&sum| sum >= EXACT) {
            // The sum depends on its order.
            sizes.fill([0.0; 3]);
            for values in values.chunks_exact(width.max(1)) {
                for (sum, sides) in sizes.iter_mut().zip(values.chunks_exact(2)) {
                    let size = sizes_of(sides[0], sides[1]).map(|size| size as f64);
                    *sum = [0, 1, 2].map(|i| sum[i] + size[i]);
                }
            }
        }
        let Whole { totals, held, .. } = whole;
        let is_exact = sizes.iter().flatten().all(|&sum: &f64| sum < EXACT);
        Self { values, width, sizes, totals, is_exact, held }
    }

    fn of(&self, stack: StackId) -> &[i64] {
        &self.values[stack.index() * self.width..(stack.index() + 1) * self.width]
    }

    /// Adds up the values of groups of stacks.
    fn sums(&self, groups: &Groups, of: &[Range<usize>]) -> Box<[i64]> {
        let mut sums = vec![0_i64; self.width].into_boxed_slice();
        for stack in of.iter().flat_map(|own| groups.of(own.clone())) {
            for (sum, value) in sums.iter_mut().zip(self.of(*stack)) {
                *sum = sum.wrapping_add(*value);
            }
        }
        sums
    }

    /// The largest share of any sample type that stacks have, from 0 to 1. `space` is for the sums.
    pub(super) fn score(&self, stacks: &[StackId], space: &mut Space) -> f64 {
        let Space { whole, parts } = space;
        if self.is_exact {
            whole.clear();
            whole.resize(self.sizes.len(), [0; 3]);
            self.add_sizes(stacks, whole);
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

    /// The scores of groups of many stacks, on all threads.
    pub(super) fn scores(&self, groups: &[&[StackId]]) -> Vec<f64> {
        if !self.is_exact {
            let at_once = groups.len() / TASKS + 1;
            let score = |group: &&[StackId]| self.score(group, &mut Space::default());
            return parallel::map_items(groups, at_once, score);
        }
        // Exact sums don't depend on their order.
        let pieces: Vec<(usize, &[StackId])> = (groups.iter().enumerate())
            .flat_map(|(group, stacks)| stacks.chunks(PIECE).map(move |piece| (group, piece)))
            .collect();
        let sums = parallel::map_items(&pieces, pieces.len() / TASKS + 1, |(_, stacks)| {
            let mut sums = vec![[0; 3]; self.sizes.len()];
            self.add_sizes(stacks, &mut sums);
            sums
        });
        let mut whole = vec![vec![[0_u64; 3]; self.sizes.len()]; groups.len()];
        for ((group, _), sums) in pieces.iter().zip(sums) {
            whole[*group].iter_mut().zip(&sums).for_each(|(sum, own)| add(sum, own));
        }
        let share = |sums: Vec<[u64; 3]>| self.share(sums.iter().map(|sum| sum.map(|s| s as f64)));
        whole.into_iter().map(share).collect()
    }

    /// Adds the sizes of stacks, which are exact, to the sums of each sample type.
    fn add_sizes(&self, stacks: &[StackId], sums: &mut [[u64; 3]]) {
        match sums.len() {
            1 => return self.add_sizes_of::<1>(stacks, sums),
            2 => return self.add_sizes_of::<2>(stacks, sums),
            4 => return self.add_sizes_of::<4>(stacks, sums),
            _ => {}
        }
        for &stack in stacks {
            for (sum, sides) in sums.iter_mut().zip(self.of(stack).chunks_exact(2)) {
                add(sum, &sizes_of(sides[0], sides[1]));
            }
        }
    }

    /// The same for `N` sample types.
    fn add_sizes_of<const N: usize>(&self, stacks: &[StackId], to: &mut [[u64; 3]]) {
        let mut sums = [[0_u64; 3]; N];
        for &stack in stacks {
            let (sides, _) = self.of(stack).as_chunks::<2>();
            let Some(sides) = sides.first_chunk::<N>() else { continue };
            for (sum, [before, after]) in sums.iter_mut().zip(sides) {
                add(sum, &sizes_of(*before, *after));
            }
        }
        to.iter_mut().zip(&sums).for_each(|(sum, own)| add(sum, own));
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

/// Stacks whose values are added up at once, and about how many such tasks there are for groups of few.
const PIECE: usize = 16 * 1024;
const TASKS: usize = 64;

/// Adds sizes to sums.
fn add(sums: &mut [u64; 3], sizes: &[u64; 3]) {
    *sums = [0, 1, 2].map(|i| sums[i].wrapping_add(sizes[i]));
}

/// Space for sums of sizes, as whole numbers and as others.
#[derive(Default)]
pub(super) struct Space {
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
    let stacks = weights.values.len() / weights.width.max(1);
    let mut groups = Groups::new(stacks, frames.len().max(1));
    let holds = |stack: StackId| weights.of(stack).iter().any(|&value| value != 0);
    let held = groups.split(0..stacks, |stack| holds(stack).then_some(RowId(0)));
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
        errors: vec![Vec::new(); weights.sizes.len()],
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
