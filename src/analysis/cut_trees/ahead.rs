//! Follows paths of many stacks ahead, on all threads. Which paths a tree has is found one by one, but what follows a path
//! of many stacks is nearly always wanted.
//!
//! What is found depends on the stacks alone, not on the threads.

use super::weights::{Space, Weights};
use crate::graph::distinct_stacks::StackId;
use crate::graph::frames::RowId;
use crate::graph::walk::{From, Paths, Splitter, split_many};
use crate::parallel;
use std::ops::Range;

/// A path that is one frame longer than another.
pub(super) struct Longer {
    pub(super) row: RowId,
    /// Its stacks: where they begin and end.
    pub(super) stacks: (u32, u32),
    pub(super) score: f64,
    pub(super) next: Option<Next>,
}

/// The paths that are one frame longer than one, and where its stacks that end there begin.
#[derive(Clone, Copy)]
pub(super) struct Next {
    part: u32,
    first: u32,
    end: u32,
    pub(super) ended: u32,
}

/// What was found ahead.
#[derive(Default)]
pub(super) struct Ahead {
    parts: Vec<Vec<Longer>>,
}

/// Stacks of a path that are split on all threads.
const MANY: usize = 64 * 1024;
/// Stacks whose paths are followed by one thread.
const SOME: usize = 16 * 1024;
/// Least number of stacks of a path that is followed ahead.
const FEW: usize = 64;

/// Paths to follow from one end.
pub(super) struct Follow<'a> {
    pub(super) paths: &'a Paths<'a>,
    pub(super) from: From,
    /// Number of rows.
    pub(super) rows: usize,
    pub(super) weights: &'a Weights,
}

/// A path that is to be followed: its place in its part, its stacks, the number of its frames, and its score unless it is
/// the root.
struct Waiting {
    at: Option<usize>,
    stacks: Range<usize>,
    depth: u32,
    score: Option<f64>,
}

impl Ahead {
    /// The paths that are one frame longer.
    pub(super) fn of(&self, next: Next) -> &[Longer] {
        &self.parts[next.part as usize][next.first as usize..next.end as usize]
    }
}

impl Follow<'_> {
    /// Follows the paths of stacks as far as a tree of `most` paths may need them, and puts the stacks into their order.
    /// Returns what follows the root too.
    pub(super) fn ahead(&self, order: &mut [StackId], most: usize) -> (Ahead, Option<Next>) {
        if order.len() < parallel::WORTH || !self.paths.is_unpacked() {
            return (Ahead::default(), None);
        }
        let least = FEW.max(order.len() / most.max(1) * 2);
        let (mut first, mut small, mut root) = (Vec::new(), Vec::new(), None);
        let mut waiting = vec![Waiting { at: None, stacks: 0..order.len(), depth: 0, score: None }];
        while let Some(path) = waiting.pop().filter(|_| !parallel::is_cancelled()) {
            let group = &mut order[path.stacks.clone()];
            let found =
                split_many(group, self.rows, |stack| self.paths.at(stack, self.from, path.depth));
            let groups: Vec<&[StackId]> =
                found.iter().map(|(_, own)| &group[own.clone()]).collect();
            let scores = match (path.score, groups.as_slice()) {
                (Some(score), [all]) if all.len() == group.len() => vec![score],
                _ => self.weights.scores(&groups),
            };
            let next = add((0, &path), (found, scores), &mut first, |path| {
                if path.stacks.len() >= MANY {
                    waiting.push(path);
                } else if path.stacks.len() >= least {
                    small.push(path);
                }
            });
            match path.at {
                None => root = Some(next),
                Some(at) => first[at].next = Some(next),
            }
        }
        let mut ahead = Ahead { parts: vec![first] };
        small.sort_unstable_by_key(|path| path.stacks.start);
        let batches = batches(small);
        let ranges: Vec<Range<usize>> = batches.iter().map(|(range, _)| range.clone()).collect();
        let found = parallel::map_ranges_mut(order, &ranges, |batch, order| {
            self.batch(batch as u32 + 1, &batches[batch], order, least)
        });
        for ((_, paths), (part, next)) in batches.iter().zip(found) {
            for (path, next) in paths.iter().zip(next) {
                if let Some(at) = path.at {
                    ahead.parts[0][at].next = Some(next);
                }
            }
            ahead.parts.push(part);
        }
        (ahead, root)
    }

    /// Follows paths, given the stacks of all. Returns what follows each of them first.
    fn batch(
        &self,
        part: u32,
        (range, paths): &Batch,
        order: &mut [StackId],
        least: usize,
    ) -> (Vec<Longer>, Vec<Next>) {
        let (mut found, mut first) = (Vec::new(), Vec::with_capacity(paths.len()));
        let (mut splitter, mut space) = (Splitter::new(self.rows), Space::default());
        let mut waiting = Vec::new();
        for path in paths {
            waiting.push(Waiting { at: None, stacks: path.stacks.clone(), ..*path });
            while let Some(path) = waiting.pop() {
                if parallel::is_cancelled() {
                    return (found, first);
                }
                let own = path.stacks.start - range.start..path.stacks.end - range.start;
                let group = &mut order[own];
                let longer =
                    splitter.split(group, |stack| self.paths.at(stack, self.from, path.depth));
                let scores = longer.iter().map(|(_, own)| match path.score {
                    Some(score) if own.len() == group.len() => score,
                    _ => self.weights.score(&group[own.clone()], &mut space),
                });
                let scores: Vec<f64> = scores.collect();
                let next = add((part, &path), (longer, scores), &mut found, |path| {
                    if path.stacks.len() >= least {
                        waiting.push(path);
                    }
                });
                match path.at {
                    None => first.push(next),
                    Some(at) => found[at].next = Some(next),
                }
            }
        }
        (found, first)
    }
}

/// The stacks of some paths, and those.
type Batch = (Range<usize>, Vec<Waiting>);

/// Puts paths together whose stacks are side by side.
fn batches(paths: Vec<Waiting>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for path in paths {
        let Range { start, end } = path.stacks;
        match batches.last_mut() {
            Some((range, paths)) if range.len() < SOME => {
                range.end = end;
                paths.push(path);
            }
            _ => batches.push((start..end, vec![path])),
        }
    }
    batches
}

/// Adds the paths that are one frame longer than one, with their scores, to a part, and passes them on.
fn add(
    (part, path): (u32, &Waiting),
    (found, scores): (Vec<(RowId, Range<usize>)>, Vec<f64>),
    to: &mut Vec<Longer>,
    mut pass: impl FnMut(Waiting),
) -> Next {
    let (first, start) = (to.len() as u32, path.stacks.start);
    let ended = start + found.last().map_or(0, |(_, last)| last.end);
    for ((row, own), score) in found.into_iter().zip(scores) {
        let stacks = start + own.start..start + own.end;
        let places = (stacks.start as u32, stacks.end as u32);
        let (at, depth) = (Some(to.len()), path.depth + 1);
        pass(Waiting { at, stacks, depth, score: Some(score) });
        to.push(Longer { row, stacks: places, score, next: None });
    }
    Next { part, first, end: to.len() as u32, ended: ended as u32 }
}
