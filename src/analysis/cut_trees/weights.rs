//! What stacks weigh in every sample type.

use super::TreeType;
use crate::analysis::Subject;
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::graph::walk::Groups;
use crate::parallel;
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

    /// Number of stacks.
    pub(super) fn stacks(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Number of sample types.
    pub(super) fn types(&self) -> usize {
        self.sizes.len()
    }

    /// Whether a stack holds anything.
    pub(super) fn holds(&self, stack: StackId) -> bool {
        self.of(stack).iter().any(|&value| value != 0)
    }

    fn of(&self, stack: StackId) -> &[i64] {
        &self.values[stack.index() * self.width..(stack.index() + 1) * self.width]
    }

    /// Adds up the values of groups of stacks.
    pub(super) fn sums(&self, groups: &Groups, of: &[Range<usize>]) -> Box<[i64]> {
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
