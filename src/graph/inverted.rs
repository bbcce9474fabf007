//! The tree of the stacks that pass through one row: from the row out to its callers and on to the
//! roots, or in to its callees and on to the leaves.
//!
//! Recursion is folded: if a walk returns to a row it has passed, it continues from there, and the
//! rows in between become part of that row (loop erasure). So no row occurs twice on a path, each
//! path ends where its stack does, and each sample counts once. Parents come before their children.

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

/// A node of an inverted tree. The first one is the starting row.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The parent: the node one step nearer to the starting row. The first node is its own parent.
    pub previous: u32,
    /// Its row.
    pub row: RowId,
    /// Whether some path returns to this row.
    pub is_recursive: bool,
}

/// The paths through one row.
#[derive(Clone, Debug)]
pub struct Inverted {
    steps: Vec<Step>,
    /// The last node of each distinct stack, or [`NOT_THROUGH`].
    of_stack: Vec<u32>,
}

/// The stack doesn't pass through the row.
const NOT_THROUGH: u32 = u32::MAX;

impl Inverted {
    /// Builds the tree of those stacks through `row` that `counts` accepts.
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

    /// All nodes, the starting row first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The last node of a stack; `None` if the stack doesn't pass through the row.
    #[inline]
    pub fn of_stack(&self, stack: StackId) -> Option<u32> {
        Some(self.of_stack[stack.index()]).filter(|&step| step != NOT_THROUGH)
    }

    /// The nodes from one back to the starting row, both included.
    pub fn back(&self, step: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(step), |&step| {
            (step != 0).then(|| self.steps[step as usize].previous)
        })
    }

    /// Turns values of single nodes into values that include everything beyond each node.
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
    /// The current path without its loops, and the position of each row in it, or [`NOWHERE`].
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
