//! Walks along stacks, frame by frame, many at a time: from root to leaf, or from leaf to root.
//!
//! To build a tree of paths, take one step in all stacks that are at the same place, sort them by
//! the row they reached, and continue with each group. Frames that aren't visited are never read.

use super::distinct_stacks::{StackId, Stacks};
use super::frames::{Frames, RowId, Unsymbolized};
use super::row_table::RowTable;
use crate::model::ids::LocationId;
use crate::model::profile::Stack;
use crate::model::series::Series;
use crate::parallel;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::ops::Range;

/// Which end of a stack comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum From {
    /// The outermost caller.
    Root,
    /// The function that allocated.
    Leaf,
}

/// Which rows are distinguished.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// All of them.
    All,
    /// Those marked here, by number. A run of other rows is one step, with the id one past the last
    /// row.
    Only(&'a [bool]),
}

/// Walks along all stacks of a series.
#[derive(Clone)]
pub struct Walks<'a> {
    series: &'a Series,
    frames: &'a Frames,
    unsymbolized: Unsymbolized,
    rows: Rows<'a>,
    from: From,
    rest: Vec<Rest<'a>>,
}

/// The rest of a stack.
#[derive(Clone)]
struct Rest<'a> {
    locations: Stack<'a>,
    snapshot: u32,
    /// Whether a row of the current location was met: further ones were inlined into it, or it into
    /// them.
    is_inner: bool,
    /// Whether the last row met isn't distinguished.
    is_other: bool,
    /// Remaining rows of the current location, innermost first.
    rows: &'a [RowId],
}

impl<'a> Walks<'a> {
    /// Creates walks that have not begun.
    pub fn new(
        stacks: &Stacks<'a>,
        frames: &'a Frames,
        unsymbolized: Unsymbolized,
        rows: Rows<'a>,
        from: From,
    ) -> Self {
        let samples = stacks.ids().map(|id| Some(stacks.first(id)));
        Self::of_samples((stacks.series(), samples), frames, unsymbolized, rows, from)
    }

    /// Creates walks along the stacks of samples, given by snapshot and position; a stack's id is
    /// the number of its sample. Where there is no sample, the walk is at its end.
    pub fn of_samples(
        (series, samples): (&'a Series, impl Iterator<Item = Option<(usize, usize)>>),
        frames: &'a Frames,
        unsymbolized: Unsymbolized,
        rows: Rows<'a>,
        from: From,
    ) -> Self {
        let rest = samples.map(|sample| {
            let stack = |(snapshot, sample): (usize, usize)| {
                series.snapshots[snapshot].samples.stack(sample)
            };
            let locations = sample.map(stack).unwrap_or_default();
            let snapshot = sample.unwrap_or_default().0 as u32;
            Rest { locations, snapshot, is_inner: false, is_other: false, rows: &[] }
        });
        Self { series, frames, unsymbolized, rows, from, rest: rest.collect() }
    }

    /// Takes one step along a stack. Returns the row and, when walking from the root, whether it
    /// was inlined into the one before; `None` at the end of the stack.
    #[inline]
    pub fn next(&mut self, stack: StackId) -> Option<(RowId, bool)> {
        let rest = &mut self.rest[stack.index()];
        loop {
            while rest.rows.is_empty() {
                let own: LocationId = match self.from {
                    From::Root => rest.locations.next_back()?,
                    From::Leaf => rest.locations.next()?,
                };
                let shared = self.series.snapshots[rest.snapshot as usize].locations[own.index()];
                rest.rows = self.frames.frames_of(shared, self.unsymbolized);
                rest.is_inner = false;
            }
            let (&row, left) = match self.from {
                From::Root => rest.rows.split_last()?,
                From::Leaf => rest.rows.split_first()?,
            };
            rest.rows = left;
            let is_inlined = std::mem::replace(&mut rest.is_inner, true);
            let is_told = match self.rows {
                Rows::All => true,
                Rows::Only(told) => told[row.0 as usize],
            };
            if is_told {
                rest.is_other = false;
                return Some((row, is_inlined));
            }
            if !std::mem::replace(&mut rest.is_other, true) {
                return Some((RowId(self.frames.len() as u32), false));
            }
        }
    }

    /// Number of frames left of a stack.
    pub fn left(&self, stack: StackId) -> usize {
        let rest = &self.rest[stack.index()];
        let snapshot = &self.series.snapshots[rest.snapshot as usize];
        let of = |own: LocationId| {
            self.frames.frames_of(snapshot.locations[own.index()], self.unsymbolized).len()
        };
        rest.rows.len() + rest.locations.clone().map(of).sum::<usize>()
    }
}

/// Frames that are unpacked at most: they take four bytes each.
const UNPACKED: usize = 1 << 27;

/// Stacks whose rows are unpacked at once.
const PIECE: usize = 8 * 1024;

/// The rows of all stacks, to be walked along from both ends at any depth.
pub struct Paths<'a> {
    stacks: &'a Stacks<'a>,
    frames: &'a Frames,
    unsymbolized: Unsymbolized,
    /// The rows of each piece of the stacks, leaf first; none if they would take too much.
    pieces: Vec<Vec<RowId>>,
    /// Where the rows of each stack begin and end in its piece.
    places: Vec<(u32, u32)>,
}

/// Steps along stacks from one end, each given how many were taken.
pub enum Steps<'a> {
    /// In rows that are unpacked.
    Unpacked(&'a Paths<'a>, From),
    /// Along walks.
    Walks(Walks<'a>),
}

impl<'a> Paths<'a> {
    /// The rows of all stacks.
    pub fn new(
        stacks: &'a Stacks<'a>,
        table: &RowTable<'_>,
        frames: &'a Frames,
        unsymbolized: Unsymbolized,
    ) -> Self {
        let mut paths =
            Self { stacks, frames, unsymbolized, pieces: Vec::new(), places: Vec::new() };
        if stacks.frames() > UNPACKED {
            return paths;
        }
        paths.places = vec![(0, 0); stacks.len()];
        paths.pieces = parallel::map_chunks_mut(&mut paths.places, PIECE, |piece, places| {
            let mut rows = Vec::new();
            for (id, place) in (piece * PIECE..).map(|id| StackId(id as u32)).zip(places) {
                let start = rows.len() as u32;
                for unit in table.units(stacks.first(id)) {
                    rows.extend_from_slice(table.rows(unit));
                }
                *place = (start, rows.len() as u32);
            }
            rows
        });
        paths
    }

    /// Whether a step can be taken without those before it.
    pub fn is_unpacked(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// The row of an unpacked stack after `taken` others from one end; `None` beyond the other end.
    #[inline]
    pub fn at(&self, stack: StackId, from: From, taken: u32) -> Option<RowId> {
        let (start, end) = self.places[stack.index()];
        if taken >= end - start {
            return None;
        }
        let at = match from {
            From::Root => end - 1 - taken,
            From::Leaf => start + taken,
        };
        Some(self.pieces[stack.index() / PIECE][at as usize])
    }

    /// Steps from one end.
    pub fn steps(&'a self, from: From) -> Steps<'a> {
        if self.pieces.is_empty() {
            let Self { stacks, frames, unsymbolized, .. } = *self;
            return Steps::Walks(Walks::new(stacks, frames, unsymbolized, Rows::All, from));
        }
        Steps::Unpacked(self, from)
    }
}

impl Steps<'_> {
    /// Takes the next step along a stack after `taken` steps; `None` at its end.
    #[inline]
    pub fn next(&mut self, stack: StackId, taken: u32) -> Option<RowId> {
        match self {
            Self::Unpacked(paths, from) => paths.at(stack, *from, taken),
            Self::Walks(walks) => walks.next(stack).map(|(row, _)| row),
        }
    }
}

/// Stacks in groups; those of a group are adjacent.
pub struct Groups {
    order: Vec<StackId>,
    splitter: Splitter,
}

impl Groups {
    /// Puts all stacks in one group; `rows` is the number of rows.
    pub fn new(stacks: usize, rows: usize) -> Self {
        let order = (0..stacks as u32).map(StackId).collect();
        Self { order, splitter: Splitter::new(rows) }
    }

    /// Number of stacks.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no stacks.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The stacks of a group.
    pub fn of(&self, group: Range<usize>) -> &[StackId] {
        &self.order[group]
    }

    /// The stacks of a group, to be put into an order of smaller groups.
    pub fn of_mut(&mut self, group: Range<usize>) -> &mut [StackId] {
        &mut self.order[group]
    }

    /// Splits a group by the row that `row` returns for each stack, as [`Splitter::split`] does.
    pub fn split(
        &mut self,
        group: Range<usize>,
        row: impl FnMut(StackId) -> Option<RowId>,
    ) -> Vec<(RowId, Range<usize>)> {
        let start = group.start;
        let mut found = self.splitter.split(&mut self.order[group], row);
        for (_, own) in &mut found {
            *own = start + own.start..start + own.end;
        }
        found
    }
}

/// Splits groups of stacks.
pub struct Splitter {
    /// The group of a row in the current split; a number below `first` means none.
    of_row: Vec<u32>,
    first: u32,
    /// The group of each stack in the current split, and space to sort them.
    group_of: Vec<u32>,
    sorted: Vec<StackId>,
    /// Rows and sizes of the groups from the last split.
    met: Vec<(RowId, u32)>,
}

/// The stack is in no group.
const NONE: u32 = u32::MAX;

impl Splitter {
    /// One for stacks of so many rows.
    pub fn new(rows: usize) -> Self {
        let (group_of, sorted, met) = (Vec::new(), Vec::new(), Vec::new());
        Self { of_row: vec![0; rows], first: 1, group_of, sorted, met }
    }

    /// Splits a group by the row that `row` returns for each stack; stacks without one come last.
    /// Returns the new groups in the order in which their rows were met; stacks keep their order.
    pub fn split(
        &mut self,
        group: &mut [StackId],
        mut row: impl FnMut(StackId) -> Option<RowId>,
    ) -> Vec<(RowId, Range<usize>)> {
        if parallel::is_cancelled() {
            return Vec::new();
        }
        // Numbers continue from split to split, so that earlier ones need no clearing.
        if self.first > NONE / 2 {
            self.of_row.fill(0);
            self.first = 1;
        }
        if self.sorted.len() < group.len() {
            self.sorted.resize(group.len(), StackId(0));
        }
        self.met.clear();
        self.group_of.clear();
        let mut left = 0;
        for &stack in &*group {
            let Some(row) = row(stack) else {
                self.group_of.push(NONE);
                left += 1;
                continue;
            };
            let known = &mut self.of_row[row.0 as usize];
            if *known < self.first {
                *known = self.first + self.met.len() as u32;
                self.met.push((row, 0));
            }
            let number = *known - self.first;
            self.met[number as usize].1 += 1;
            self.group_of.push(number);
        }
        self.first += self.met.len() as u32;
        if let ([(row, _)], 0) = (self.met.as_slice(), left) {
            return vec![(*row, 0..group.len())];
        }
        let mut start = 0;
        let mut found = Vec::with_capacity(self.met.len());
        for (row, size) in &mut self.met {
            let end = start + *size as usize;
            found.push((*row, start..end));
            *size = start as u32;
            start = end;
        }
        let mut last = group.len() - left;
        for (&stack, &number) in group.iter().zip(&self.group_of) {
            let at = match number {
                NONE => {
                    last += 1;
                    last - 1
                }
                number => {
                    let next = &mut self.met[number as usize].1;
                    *next += 1;
                    *next as usize - 1
                }
            };
            self.sorted[at] = stack;
        }
        let size = group.len();
        group.copy_from_slice(&self.sorted[..size]);
        found
    }
}

/// Stacks that are split at once.
const SPLIT: usize = 32 * 1024;

/// Splits a group of many stacks as [`Splitter::split`] does, on all threads.
pub fn split_many(
    group: &mut [StackId],
    rows: usize,
    row: impl Fn(StackId) -> Option<RowId> + Sync + Send,
) -> Vec<(RowId, Range<usize>)> {
    let pieces =
        parallel::map_chunks_mut(group, SPLIT, |_, piece| Splitter::new(rows).split(piece, &row));
    let mut numbers: HashMap<RowId, usize, FxBuildHasher> = HashMap::default();
    // The groups, each with its parts.
    let mut met: Vec<(RowId, Vec<Range<usize>>)> = Vec::new();
    let mut rest = Vec::new();
    for (piece, found) in pieces.into_iter().enumerate() {
        let start = piece * SPLIT;
        let mut end = start;
        for (row, own) in found {
            let number = *numbers.entry(row).or_insert_with(|| {
                met.push((row, Vec::new()));
                met.len() - 1
            });
            end = start + own.end;
            met[number].1.push(start + own.start..end);
        }
        rest.push(end..group.len().min(start + SPLIT));
    }
    let is_whole = rest.iter().all(Range::is_empty);
    if let ([(row, _)], true) = (met.as_slice(), is_whole) {
        return vec![(*row, 0..group.len())];
    }
    let mut sorted: Vec<StackId> = Vec::with_capacity(group.len());
    let mut found = Vec::with_capacity(met.len());
    for (row, parts) in met {
        let start = sorted.len();
        parts.into_iter().for_each(|part| sorted.extend_from_slice(&group[part]));
        found.push((row, start..sorted.len()));
    }
    rest.into_iter().for_each(|part| sorted.extend_from_slice(&group[part]));
    group.copy_from_slice(&sorted);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_side_by_side_in_the_order_they_were_met() {
        let mut groups = Groups::new(6, 10);
        let rows = [Some(7), None, Some(3), Some(7), Some(3), Some(9)];
        let found = groups.split(0..6, |stack| rows[stack.index()].map(RowId));
        assert_eq!(found, [(RowId(7), 0..2), (RowId(3), 2..4), (RowId(9), 4..5)]);
        let order = |range| groups.of(range).iter().map(|stack| stack.0).collect::<Vec<_>>();
        assert_eq!(order(0..6), [0, 3, 2, 4, 5, 1]);
        let found = groups.split(2..4, |stack| (stack.0 == 4).then_some(RowId(7)));
        assert_eq!(found, [(RowId(7), 2..3)]);
        assert_eq!(groups.of(2..4), [StackId(4), StackId(2)]);
    }

    #[test]
    fn many_stacks_are_split_as_few_are() {
        type Row<'a> = &'a (dyn Fn(StackId) -> Option<RowId> + Sync);
        let n = 3 * SPLIT + 7;
        let mut state = 1_u64;
        let mut rows: Vec<Option<RowId>> = Vec::new();
        for _ in 0..n {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (state >> 40) as u32;
            rows.push((!random.is_multiple_of(11)).then_some(RowId(random % 900)));
        }
        let only = |_| Some(RowId(5));
        let of = |stack: StackId| rows[stack.index()];
        let few = |stack: StackId| of(stack).filter(|row| row.0 < 2);
        for (row, parts) in [
            (&of as Row<'_>, 900),
            (&few as Row<'_>, 2),
            (&only as Row<'_>, 1),
            (&(|_| None) as Row<'_>, 0),
        ] {
            for threads in [1, 3] {
                let mut expected = Groups::new(n, 900);
                let found = expected.split(0..n, row);
                let mut many: Vec<StackId> = (0..n as u32).map(StackId).collect();
                let split = || split_many(&mut many, 900, row);
                assert_eq!(parallel::limited(threads, split), found);
                assert_eq!((many.as_slice(), found.len()), (expected.of(0..n), parts));
            }
        }
    }
}
