//! The tree of the stacks that pass through one row: from the row out to its callers and on to the
//! roots, or in to its callees and on to the leaves.
//!
//! Recursion is folded: if a walk returns to a row it has passed, it continues from there, and the
//! rows in between become part of that row (loop erasure). So no row occurs twice on a path, each
//! path ends where its stack does, and each sample counts once.
//!
//! Paths part seldom: far from the row nearly every stack is alone. So a node is a **step** of
//! several rows, as many as no path ends at or leaves in between, and nodes are as many as ends and
//! branches, not as rows on paths. Parents come before their children, and steps in the order in
//! which the stacks first took them.

use super::distinct_stacks::{StackId, Stacks};
use super::frames::RowId;
use super::row_table::RowTable;
use crate::parallel;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::convert::Infallible;
use std::ops::Range;

/// Which way a tree grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the row to the roots.
    Callers,
    /// From the row to the leaves.
    Callees,
}

/// A row on a path, and whether some path returns to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed(u32);

impl Passed {
    fn new(row: RowId) -> Self {
        // Rows are fewer than locations, and those take several bytes each.
        Self(row.0 << 1)
    }

    /// The row.
    pub fn row(self) -> RowId {
        RowId(self.0 >> 1)
    }

    /// Whether some path returns to the row.
    pub fn is_recursive(self) -> bool {
        self.0 & 1 != 0
    }

    fn is_same_row(self, other: Self) -> bool {
        self.0 >> 1 == other.0 >> 1
    }
}

/// The paths through one row.
#[derive(Clone, Debug)]
pub struct Inverted {
    steps: Vec<Step>,
    rows: Vec<Passed>,
    /// The stacks that pass through the row, in order, and the last step of each.
    ends: Vec<(StackId, u32)>,
}

/// A node of the tree.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The parent: the step nearer to the starting row. The first one is its own parent.
    previous: u32,
    /// Its rows: where they begin and end.
    start: u32,
    end: u32,
    /// The first stack that took it, and the number of rows before it.
    first: u32,
    depth: u32,
}

/// Bytes of the stacks whose paths are found at once, unless one has more; number of those stacks, at
/// most; and how many times as many are ahead of those that are added to the tree.
const PIECE_BYTES: usize = 1 << 16;
const PIECE: usize = 512;
const AHEAD: usize = 16;

impl Inverted {
    /// Builds the tree of those of some stacks, given in order, that pass through `row`.
    pub fn new(
        stacks: &Stacks<'_>,
        rows: &RowTable<'_>,
        (row, direction): (RowId, Direction),
        some: &[StackId],
    ) -> Self {
        let paths = Paths::new(stacks, rows, (row, direction));
        let pieces = pieces(stacks, some);
        let mut growing = Growing::new(row);
        let mut ends = Vec::new();
        // While paths are added to the tree, the next ones are found.
        let add = |found: Found| {
            let mut start = 0;
            for (stack, end) in found.ends {
                ends.push((stack, growing.insert(stack, &found.rows[start..end])));
                start = end;
            }
            Ok::<(), Infallible>(())
        };
        let find = |piece: usize| paths.of(&some[pieces[piece].clone()]);
        let Ok(()) = parallel::ahead((pieces.len(), AHEAD), find, add);
        growing.finish(ends)
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step, which is never the case.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step before one, nearer to the starting row; the first one is its own.
    pub fn previous(&self, step: u32) -> u32 {
        self.steps[step as usize].previous
    }

    /// The rows of a step, the nearest to the starting row first; that row is the first step.
    pub fn rows(&self, step: u32) -> &[Passed] {
        let Step { start, end, .. } = self.steps[step as usize];
        &self.rows[start as usize..end as usize]
    }

    /// The stacks that pass through the row, in order, and the last step of each.
    pub fn ends(&self) -> &[(StackId, u32)] {
        &self.ends
    }

    /// The last step of a stack; `None` if the stack doesn't pass through the row.
    pub fn of_stack(&self, stack: StackId) -> Option<u32> {
        let at = self.ends.binary_search_by_key(&stack, |&(own, _)| own).ok()?;
        Some(self.ends[at].1)
    }

    /// The steps from one back to the first, both included.
    pub fn back(&self, step: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(step), |&step| {
            (step != 0).then(|| self.steps[step as usize].previous)
        })
    }

    /// Turns values of single steps into values that include everything beyond each step.
    pub fn cumulate(&self, values: &mut [i64]) {
        for step in (1..self.steps.len()).rev() {
            let previous = self.steps[step].previous as usize;
            values[previous] = values[previous].wrapping_add(values[step]);
        }
    }
}

/// The places of the stacks whose paths are found at once.
fn pieces(stacks: &Stacks<'_>, some: &[StackId]) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (number, &stack) in some.iter().enumerate() {
        let own = stacks.packed(stack).len();
        match pieces.last_mut() {
            Some(piece) if piece.len() < PIECE && bytes + own <= PIECE_BYTES => {
                piece.end += 1;
                bytes += own;
            }
            _ => {
                pieces.push(number..number + 1);
                bytes = own;
            }
        }
    }
    pieces
}

/// Finds the paths of stacks.
struct Paths<'a> {
    stacks: &'a Stacks<'a>,
    rows: &'a RowTable<'a>,
    row: RowId,
    direction: Direction,
    /// Whether each unit has the row.
    has_row: Vec<bool>,
}

/// Paths, one after the other.
struct Found {
    rows: Vec<Passed>,
    /// Each stack, and where its path ends.
    ends: Vec<(StackId, usize)>,
}

impl<'a> Paths<'a> {
    fn new(
        stacks: &'a Stacks<'a>,
        rows: &'a RowTable<'a>,
        (row, direction): (RowId, Direction),
    ) -> Self {
        let has_row = rows.all().map(|unit| rows.rows(unit).contains(&row)).collect();
        Self { stacks, rows, row, direction, has_row }
    }

    /// The paths of those stacks that pass through the row.
    fn of(&self, stacks: &[StackId]) -> Found {
        let mut found = Found { rows: Vec::new(), ends: Vec::new() };
        let mut erasure = Erasure { seen: Vec::new() };
        let mut whole: Vec<RowId> = Vec::new();
        for &stack in stacks {
            let mut units = self.rows.units(self.stacks.first(stack));
            if !units.clone().any(|unit| self.has_row[unit as usize]) {
                continue;
            }
            whole.clear();
            match self.direction {
                Direction::Callers => units.for_each(|unit| whole.extend(self.rows.rows(unit))),
                Direction::Callees => {
                    while let Some(unit) = units.next_back() {
                        whole.extend(self.rows.rows(unit).iter().rev());
                    }
                }
            }
            let start = whole.iter().position(|&row| row == self.row).unwrap_or_default();
            erasure.add(&whole[start..], &mut found.rows);
            found.ends.push((stack, found.rows.len()));
        }
        found
    }
}

/// Cuts the loops out of paths.
struct Erasure {
    /// The place of each row on the current path, by its number; places are those in all paths, so
    /// what earlier ones left lies before the current one or holds another row.
    seen: Vec<u32>,
}

impl Erasure {
    /// Appends a path without its loops.
    fn add(&mut self, path: &[RowId], rows: &mut Vec<Passed>) {
        let start = rows.len();
        for &row in path {
            if self.seen.len() <= row.0 as usize {
                self.seen.resize(row.0 as usize + 1, 0);
            }
            let seen = &mut self.seen[row.0 as usize];
            let at = *seen as usize;
            if at >= start && rows.get(at).is_some_and(|known| known.row() == row) {
                rows[at].0 |= 1;
                rows.truncate(at + 1);
            } else {
                *seen = rows.len() as u32;
                rows.push(Passed::new(row));
            }
        }
    }
}

/// A tree under construction.
struct Growing {
    steps: Vec<Step>,
    rows: Vec<Passed>,
    /// The step that follows another with a row.
    index: HashMap<(u32, RowId), u32, FxBuildHasher>,
}

impl Growing {
    fn new(row: RowId) -> Self {
        Self {
            steps: vec![Step { previous: 0, start: 0, end: 1, first: 0, depth: 0 }],
            rows: vec![Passed::new(row)],
            index: HashMap::default(),
        }
    }

    /// Adds a path that starts with the row, and returns its last step.
    fn insert(&mut self, stack: StackId, path: &[Passed]) -> u32 {
        let (mut step, mut done) = (0, 1);
        if let Some(row) = path.first() {
            self.rows[0].0 |= row.0 & 1;
        }
        while let Some(next) = path.get(done) {
            let Some(&known) = self.index.get(&(step, next.row())) else {
                return self.add(step, stack, path, done);
            };
            let Step { start, end, .. } = self.steps[known as usize];
            let known_rows = &mut self.rows[start as usize..end as usize];
            let mut common = 0;
            for (known, row) in known_rows.iter_mut().zip(&path[done..]) {
                if !known.is_same_row(*row) {
                    break;
                }
                known.0 |= row.0;
                common += 1;
            }
            let is_whole = common == known_rows.len();
            step = if is_whole { known } else { self.split(known, common as u32) };
            done += common;
        }
        step
    }

    /// Adds the rest of a path after a step.
    fn add(&mut self, previous: u32, stack: StackId, path: &[Passed], done: usize) -> u32 {
        let start = self.rows.len() as u32;
        self.rows.extend(&path[done..]);
        let end = self.rows.len() as u32;
        self.push(Step { previous, start, end, first: stack.0, depth: done as u32 })
    }

    fn push(&mut self, step: Step) -> u32 {
        let number = self.steps.len() as u32;
        self.steps.push(step);
        self.index.insert((step.previous, self.rows[step.start as usize].row()), number);
        number
    }

    /// Splits a step after some of its rows, and returns the one with those.
    fn split(&mut self, step: u32, rows: u32) -> u32 {
        let whole = self.steps[step as usize];
        let middle = whole.start + rows;
        let before = self.push(Step { end: middle, ..whole });
        let after = &mut self.steps[step as usize];
        *after = Step { previous: before, start: middle, depth: whole.depth + rows, ..whole };
        self.index.insert((before, self.rows[middle as usize].row()), step);
        before
    }

    /// The tree, its steps in the order in which they were first taken.
    fn finish(self, mut ends: Vec<(StackId, u32)>) -> Inverted {
        let Self { steps, rows, index } = self;
        drop(index);
        let mut order: Vec<u32> = (0..steps.len() as u32).collect();
        let taken = |&step: &u32| {
            let Step { first, depth, .. } = steps[step as usize];
            // The first step comes before all others.
            (step != 0, first, depth)
        };
        order.sort_unstable_by_key(taken);
        let mut number = vec![0; steps.len()];
        for (new, &old) in (0..).zip(&order) {
            number[old as usize] = new;
        }
        for (_, step) in &mut ends {
            *step = number[*step as usize];
        }
        let renumbered = order.iter().map(|&old| {
            let step = steps[old as usize];
            Step { previous: number[step.previous as usize], ..step }
        });
        Inverted { steps: renumbered.collect(), rows, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Granularity;
    use crate::graph::frames::{Frames, Unsymbolized};
    use crate::model::builder::{Builder, RawFunction, RawLine, RawLocation, RawType};
    use crate::model::origin::Own;
    use crate::model::rebase::Rebase;
    use crate::model::series::Series;
    use crate::model::site::Owners;

    /// A series of stacks, each from the leaf to the root; functions are numbers from 1 on.
    fn series(stacks: &[Vec<u64>]) -> Series {
        let mut builder = Builder::default();
        let functions = stacks.iter().flatten().max().copied().unwrap_or_default();
        for string in ["", "space", "bytes"] {
            builder.string(string.as_bytes()).unwrap();
        }
        builder.sample_type(RawType { name: 1, unit: 2 }).unwrap();
        for id in 1..=functions {
            builder.string(format!("f{id}").as_bytes()).unwrap();
            let name = id as i64 + 2;
            builder.function(RawFunction { id, name, ..Default::default() }).unwrap();
            let line = RawLine { function: id, line: 7, column: 0 };
            builder.location(RawLocation { id, ..Default::default() }, &[line]).unwrap();
        }
        let labels = builder.label_set(&[]);
        for stack in stacks {
            stack.iter().for_each(|&location| builder.sample_location(location));
            builder.sample_value(1);
            builder.end_sample(labels).unwrap();
        }
        let mut rebase = Rebase::default();
        rebase.add("one", builder.finish().unwrap());
        rebase.finish().unwrap()
    }

    /// Rows, and whether each was returned to.
    type Path = Vec<(u64, bool)>;

    /// A tree, and the path to the last step of each stack: rows, and which of them are recursive.
    fn tree(stacks: &[Vec<u64>], direction: Direction) -> (Inverted, Vec<Option<Path>>) {
        let series = series(stacks);
        let owners = Owners::new(&series.symbols, &Own::default());
        let frames = Frames::new(&series, &owners, Granularity::Functions, false);
        let number = |row: RowId| frames.name(row)[1..].parse::<u64>().unwrap();
        let row = (0..frames.len() as u32).map(RowId).find(|&row| number(row) == 1).unwrap();
        let rows = RowTable::new(&series, &frames, Unsymbolized::Address);
        let distinct = Stacks::with_same_rows(&series, &rows, None).unwrap();
        let all: Vec<StackId> = distinct.ids().collect();
        let tree = Inverted::new(&distinct, &rows, (row, direction), &all);
        let path = |sample: usize| {
            let mut steps: Vec<u32> = tree.back(tree.of_stack(distinct.of(0, sample))?).collect();
            steps.reverse();
            let rows = steps.iter().flat_map(|&step| tree.rows(step));
            Some(rows.map(|passed| (number(passed.row()), passed.is_recursive())).collect())
        };
        let paths = (0..stacks.len()).map(path).collect();
        (tree, paths)
    }

    /// The path of a stack without its loops, and whether each row was returned to.
    fn erased(stack: &[u64], direction: Direction) -> Option<Path> {
        let mut stack = stack.to_vec();
        if direction == Direction::Callees {
            stack.reverse();
        }
        let start = stack.iter().position(|&row| row == 1)?;
        let mut path: Path = Vec::new();
        for &row in &stack[start..] {
            match path.iter().position(|known| known.0 == row) {
                Some(at) => {
                    path.truncate(at + 1);
                    path[at].1 = true;
                }
                None => path.push((row, false)),
            }
        }
        Some(path)
    }

    fn check(stacks: &[Vec<u64>], direction: Direction) {
        let (tree, paths) = tree(stacks, direction);
        let alone: Vec<_> = stacks.iter().map(|stack| erased(stack, direction)).collect();
        for (path, own) in paths.iter().zip(&alone) {
            let rows = |path: &Option<Path>| -> Option<Vec<u64>> {
                Some(path.as_ref()?.iter().map(|row| row.0).collect())
            };
            assert_eq!(rows(path), rows(own));
            // A row is recursive if any stack with the same path up to it returns to it.
            for (at, &(_, recursive)) in path.iter().flatten().enumerate() {
                let begins = |other: &&Path| {
                    let path = path.as_ref().unwrap();
                    other.len() > at && (0..=at).all(|i| other[i].0 == path[i].0)
                };
                let mut same = alone.iter().flatten().filter(begins);
                assert_eq!(recursive, same.any(|other| other[at].1));
            }
        }
        let mut below = vec![0; tree.len()];
        let mut ends = vec![0; tree.len()];
        tree.ends().iter().for_each(|&(_, step)| ends[step as usize] += 1);
        let mut first_rows = Vec::new();
        for step in 1..tree.len() as u32 {
            assert!(tree.previous(step) < step);
            below[tree.previous(step) as usize] += 1;
            first_rows.push((tree.previous(step), tree.rows(step)[0].row()));
        }
        // Every step but the first is needed: a path ends with it, or paths part there.
        assert!((1..tree.len()).all(|step| ends[step] > 0 || below[step] > 1));
        let branches = first_rows.len();
        first_rows.sort_unstable();
        first_rows.dedup();
        assert_eq!(first_rows.len(), branches, "two branches begin with one row");
        // Steps are in the order in which stacks first took them.
        let mut met = vec![false; tree.len()];
        let mut order = Vec::new();
        for &(_, end) in tree.ends() {
            let mut steps: Vec<u32> = tree.back(end).collect();
            steps.reverse();
            order.extend(
                steps.into_iter().filter(|&s| !std::mem::replace(&mut met[s as usize], true)),
            );
        }
        assert!(order.is_sorted() && (order.len() == tree.len() || order.is_empty()));
    }

    #[test]
    fn steps_are_as_long_as_nothing_ends_or_branches() {
        let stacks = [vec![1, 2, 3, 4], vec![1, 2, 3, 5], vec![1, 2], vec![6, 1, 2, 3, 4, 7]];
        let (tree, paths) = tree(&stacks, Direction::Callers);
        let steps: Vec<usize> = (0..tree.len() as u32).map(|step| tree.rows(step).len()).collect();
        // f1; f2; f3; f4; f5; f7.
        assert_eq!(steps, [1, 1, 1, 1, 1, 1]);
        assert_eq!(
            paths[3].as_ref().unwrap().iter().map(|r| r.0).collect::<Vec<_>>(),
            [1, 2, 3, 4, 7]
        );
        let (tree, _) = super::tests::tree(&stacks[..1], Direction::Callers);
        assert_eq!((tree.len(), tree.rows(1).len()), (2, 3));
        let mut values = vec![1, 2];
        tree.cumulate(&mut values);
        assert_eq!(values, [3, 2]);
    }

    #[test]
    fn paths_are_those_of_the_stacks_without_their_loops() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for round in 0..60 {
            let functions = 2 + random(6);
            let n = 1 + random(if round % 10 == 0 { 300 } else { 40 });
            let mut stacks: Vec<Vec<u64>> =
                (0..n).map(|_| (0..=random(9)).map(|_| 1 + random(functions)).collect()).collect();
            // Stacks that begin like others.
            for i in 0..stacks.len() / 3 {
                let mut longer = stacks[i].clone();
                longer.extend((0..random(4)).map(|_| 1 + random(functions)));
                stacks.push(longer);
            }
            stacks.push(vec![1]);
            check(&stacks, Direction::Callers);
            check(&stacks, Direction::Callees);
        }
    }

    #[test]
    fn a_deep_stack_is_one_step() {
        let deep: Vec<u64> = (1..=100_000).collect();
        let recursive: Vec<u64> = (0..100_000).map(|i| 1 + i % 3).collect();
        let (tree, paths) = tree(&[deep.clone(), recursive], Direction::Callers);
        assert_eq!(paths[0].as_ref().unwrap().len(), 100_000);
        // Loops end where they began: at f1, the last of 100 000 frames in turns of three.
        assert_eq!(paths[1].as_ref().unwrap().iter().map(|row| row.0).collect::<Vec<_>>(), [1]);
        assert_eq!(tree.len(), 2);
    }
}
