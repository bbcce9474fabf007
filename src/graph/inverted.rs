//! The tree of the stacks that lead through one row: from the row out to its callers and on to
//! the roots, or in to its callees and on to the leaves.
//!
//! Recursion is folded: where a walk comes back to a row that it passed, it goes on from there, and what lay between
//! becomes part of that row (loop erasure). So no row stands twice on a path, each path ends where its stack does,
//! and each sample counts once. A parent stands before its children.

use super::distinct_stacks::{StackId, Stacks};
use super::frames::{Frames, RowId, Unsymbolized};
use crate::model::ids::LocationId;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Which way a tree grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the row to the roots.
    Callers,
    /// From the row to the leaves.
    Callees,
}

/// A node of an inverted tree. The first one is the row itself.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The step before it: nearer to the row. The first one is its own.
    pub previous: u32,
    /// Its row.
    pub row: RowId,
    /// Whether some path comes back to this row.
    pub is_recursive: bool,
}

/// The paths through one row.
#[derive(Clone, Debug)]
pub struct Inverted {
    steps: Vec<Step>,
    /// The last step of each distinct stack, or [`NOT_THROUGH`].
    of_stack: Vec<u32>,
}

/// The stack does not lead through the row.
const NOT_THROUGH: u32 = u32::MAX;

impl Inverted {
    /// The paths through `row` of the stacks that `counts` says matter.
    pub fn new(
        stacks: &Stacks<'_>,
        frames: &Frames,
        locations: usize,
        (row, direction): (RowId, Direction),
        counts: impl Fn(StackId) -> bool,
    ) -> Self {
        let all = (0..locations).map(LocationId::from_index);
        let rows = |location| frames.frames_of(location, Unsymbolized::Address);
        let has_row: Vec<bool> = all.map(|location| rows(location).contains(&row)).collect();
        let mut walk = Walk::new(row, frames.len());
        let mut path = Vec::new();
        let last_step = |id: StackId| {
            let mut at = stacks.locations(id);
            if !at.any(|location| has_row[location.index()]) || !counts(id) {
                return NOT_THROUGH;
            }
            path.clear();
            path.extend(stacks.rows(id, frames, Unsymbolized::Address));
            if direction == Direction::Callees {
                path.reverse();
            }
            let start = path.iter().position(|&r| r == row).unwrap_or_default();
            walk.insert(&path[start..])
        };
        let of_stack = stacks.ids().map(last_step).collect();
        Self { steps: walk.steps, of_stack }
    }

    /// All steps, the row itself first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The last step of a stack; `None` where it does not lead through the row.
    #[inline]
    pub fn of_stack(&self, stack: StackId) -> Option<u32> {
        Some(self.of_stack[stack.index()]).filter(|&step| step != NOT_THROUGH)
    }

    /// The steps from one back to the row, both included.
    pub fn back(&self, step: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(step), |&step| {
            (step != 0).then(|| self.steps[step as usize].previous)
        })
    }

    /// From values of steps alone to those of steps with all that lies beyond them.
    pub fn cumulate(&self, values: &mut [i64]) {
        for step in (1..self.steps.len()).rev() {
            let previous = self.steps[step].previous as usize;
            values[previous] = values[previous].wrapping_add(values[step]);
        }
    }
}

/// An inverted tree under construction.
struct Walk {
    steps: Vec<Step>,
    index: HashMap<(u32, RowId), u32, FxBuildHasher>,
    /// The path under way without its loops, and where each row stands in it, or [`NOWHERE`].
    erased: Vec<(RowId, bool)>,
    position: Vec<u32>,
}

/// The row is not on the path.
const NOWHERE: u32 = u32::MAX;

impl Walk {
    fn new(row: RowId, rows: usize) -> Self {
        Self {
            steps: vec![Step { previous: 0, row, is_recursive: false }],
            index: HashMap::default(),
            erased: Vec::new(),
            position: vec![NOWHERE; rows],
        }
    }

    /// Adds a path that starts with the row, and returns its last step.
    fn insert(&mut self, path: &[RowId]) -> u32 {
        for &row in path {
            let at = self.position[row.0 as usize];
            if at == NOWHERE {
                self.position[row.0 as usize] = self.erased.len() as u32;
                self.erased.push((row, false));
            } else {
                let at = at as usize;
                self.erased[at].1 = true;
                for (erased, _) in self.erased.drain(at + 1..) {
                    self.position[erased.0 as usize] = NOWHERE;
                }
            }
        }
        let mut step = 0;
        for (at, (row, is_recursive)) in self.erased.drain(..).enumerate() {
            self.position[row.0 as usize] = NOWHERE;
            if at > 0 {
                let steps = &mut self.steps;
                step = *self.index.entry((step, row)).or_insert_with(|| {
                    steps.push(Step { previous: step, row, is_recursive: false });
                    steps.len() as u32 - 1
                });
            }
            self.steps[step as usize].is_recursive |= is_recursive;
        }
        step
    }
}
