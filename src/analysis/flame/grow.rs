//! Turns stacks into the frames of a picture. A frame is expanded only if it is wide enough, so the
//! cost depends on what is drawn and not on the number of paths.
//!
//! A frame represents a group of stacks that share a path, and is expanded by one step along each
//! of them. A parent always comes before its children, and is never narrower than one of them.

use super::{FlameOptions, Values};
use crate::analysis::matched_samples::SumEvidence;
use crate::analysis::{Measure, Omitted};
use crate::graph::distinct_stacks::StackId;
use crate::graph::frames::RowId;
use crate::graph::walk::{Groups, Walks};
use std::collections::BinaryHeap;
use std::ops::Range;

/// Maximum number of frames in a picture: an SVG with all of them has a few MB.
const MAX_FRAMES: usize = 10_000;
/// Maximum number of levels in a picture, at 16 pixels each.
const MAX_DEPTH: u32 = 250;

/// What an item represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// Frames of a row, and how many of them follow each other in the longest run.
    Row(RowId, u32),
    /// Several frames that are each too narrow to draw.
    Narrow(u32),
    /// Frames below the deepest level of a picture: the number of levels.
    Deeper(u32),
}

/// A frame with the frames under it.
pub(super) struct Item {
    pub(super) parent: u32,
    pub(super) depth: u32,
    pub(super) what: What,
    pub(super) width: i64,
    pub(super) before: Measure,
    pub(super) after: Measure,
    pub(super) children: Range<u32>,
    /// Whether it is drawn; the frames under one that isn't drawn aren't drawn either.
    pub(super) is_kept: bool,
    /// Frames under it that are too narrow to draw.
    narrow: Omitted,
    stacks: Range<usize>,
}

/// The frames of a picture.
pub(super) struct Grown {
    pub(super) items: Vec<Item>,
    pub(super) evidence: Vec<SumEvidence>,
    /// The deepest drawn frame on each stack, or [`NONE`].
    pub(super) of_stack: Vec<u32>,
}

/// A stack that isn't in this picture.
pub(super) const NONE: u32 = u32::MAX;

impl Grown {
    /// The frames that are too narrow to draw.
    pub(super) fn narrow(&self) -> Omitted {
        let mut narrow = Omitted::default();
        for item in &self.items {
            let parent = &self.items[item.parent as usize];
            if item.is_kept {
                narrow.rows += item.narrow.rows;
                narrow.sum += item.narrow.sum;
            } else if parent.is_kept && !matches!(item.what, What::Narrow(_)) {
                narrow.rows += 1;
                narrow.sum += item.width;
            }
        }
        narrow
    }
}

/// Builds the frames of stacks with these values, along their `walks`; widths are shares of
/// `whole`. The widest are built first, so the cost depends on what a picture holds.
pub(super) fn grow(
    walks: Walks<'_>,
    rows: usize,
    values: &Values,
    wanted: FlameOptions,
    whole: i64,
) -> Grown {
    let n = values.width.len();
    let least = i128::from(whole) * i128::from(wanted.min_width);
    let mut growing = Growing {
        walks,
        groups: Groups::new(n, rows.max(1)),
        values,
        least,
        items: Vec::new(),
        of_stack: vec![NONE; n],
        runs: vec![0; n],
    };
    // Stacks that hold nothing on any side are left out.
    let all = growing.groups.split(0..n, |stack| {
        (values.before(stack) != 0 || values.after(stack) != 0).then_some(RowId(0))
    });
    let stacks = all.into_iter().next().map_or(0..0, |(_, stacks)| stacks);
    let root = growing.item(0, What::Row(RowId(0), 1), stacks);
    growing.items.push(Item { depth: 0, ..root });
    // Of the same width, the newest comes first, so that paths are drawn to their ends.
    let widest_first = |(i, item): (u32, &Item)| (item.width, i);
    let mut waiting = BinaryHeap::from([widest_first((0, &growing.items[0]))]);
    for _ in 0..MAX_FRAMES {
        let Some((_, item)) = waiting.pop() else { break };
        if let What::Row(row, _) = growing.items[item as usize].what {
            growing.expand(item, row);
            let children = growing.items[item as usize].children.clone();
            let items = &growing.items[children.start as usize..children.end as usize];
            waiting.extend(children.zip(items).map(widest_first));
        }
    }
    waiting.into_iter().for_each(|(_, item)| growing.items[item as usize].is_kept = false);
    Grown { items: growing.items, evidence: Vec::new(), of_stack: growing.of_stack }
}

struct Growing<'a> {
    walks: Walks<'a>,
    groups: Groups,
    values: &'a Values,
    /// Least width, times a million.
    least: i128,
    items: Vec<Item>,
    of_stack: Vec<u32>,
    /// For each stack of the current frame, how often its row repeats in succession.
    runs: Vec<u32>,
}

impl Growing<'_> {
    fn expand(&mut self, index: u32, row: RowId) {
        let Self { walks, groups, of_stack, runs, .. } = self;
        let item = &mut self.items[index as usize];
        let stacks = item.stacks.clone();
        let found = groups.split(stacks.clone(), |stack| {
            of_stack[stack.index()] = index;
            let run = &mut runs[stack.index()];
            *run = 1;
            while let Some((next, _)) = walks.next(stack) {
                if next != row || index == 0 {
                    return Some(next);
                }
                *run += 1;
            }
            None
        });
        let all = groups.of(stacks.clone());
        let run = all.iter().map(|stack| runs[stack.index()]).max().unwrap_or(1);
        item.what = What::Row(row, run);
        // Stacks that end here come last.
        let ended = found.last().map_or(stacks.start, |(_, last)| last.end)..stacks.end;
        for &stack in groups.of(ended.clone()) {
            item.before.flat = item.before.flat.wrapping_add(self.values.before(stack));
            item.after.flat = item.after.flat.wrapping_add(self.values.after(stack));
        }
        if item.depth >= MAX_DEPTH {
            self.cut(index, stacks.start..ended.start);
        } else {
            self.hang(index, found);
        }
    }

    /// An item under another, of some stacks.
    fn item(&self, parent: u32, what: What, stacks: Range<usize>) -> Item {
        let sum = |of: &dyn Fn(StackId) -> i64| {
            let stacks = self.groups.of(stacks.clone()).iter();
            stacks.fold(0_i64, |sum, &stack| sum.wrapping_add(of(stack)))
        };
        Item {
            parent,
            depth: self.items.get(parent as usize).map_or(0, |parent| parent.depth + 1),
            what,
            width: sum(&|stack| self.values.width(stack)),
            before: Measure { flat: 0, cum: sum(&|stack| self.values.before(stack)) },
            after: Measure { flat: 0, cum: sum(&|stack| self.values.after(stack)) },
            children: 0..0,
            is_kept: true,
            narrow: Omitted::default(),
            stacks,
        }
    }

    /// Adds groups of stacks under an item; the ones that are too narrow become one item.
    fn hang(&mut self, parent: u32, found: Vec<(RowId, Range<usize>)>) {
        let start = self.items.len() as u32;
        let least = self.least;
        let is_wide = |width: i64| i128::from(width) * 1_000_000 >= least;
        let mut narrow: Vec<Item> = Vec::new();
        for (row, stacks) in found {
            let item = self.item(parent, What::Row(row, 1), stacks);
            if item.width > 0 {
                let items = if is_wide(item.width) { &mut self.items } else { &mut narrow };
                items.push(item);
            }
        }
        let width = narrow.iter().map(|item| item.width).sum();
        self.items[parent as usize].narrow = Omitted { rows: narrow.len(), sum: width };
        if width > 0 && is_wide(width) {
            let sum = |of: fn(&Item) -> i64| {
                narrow.iter().fold(0_i64, |sum, item| sum.wrapping_add(of(item)))
            };
            let own = self.items.len() as u32;
            let mut all = self.item(parent, What::Narrow(narrow.len() as u32), 0..0);
            (all.width, all.before.cum, all.after.cum) =
                (width, sum(|item| item.before.cum), sum(|item| item.after.cum));
            self.items.push(all);
            for item in narrow {
                self.set_item(item.stacks, own);
            }
        }
        self.items[parent as usize].children = start..self.items.len() as u32;
    }

    /// Adds one item for all stacks that continue beyond the deepest level.
    fn cut(&mut self, parent: u32, stacks: Range<usize>) {
        let left = self.groups.of(stacks.clone()).iter().map(|&stack| self.walks.left(stack) + 1);
        let levels = left.max().unwrap_or_default() as u32;
        let item = self.item(parent, What::Deeper(levels), stacks.clone());
        if item.width > 0 {
            let own = self.items.len() as u32;
            self.items.push(item);
            self.items[parent as usize].children = own..own + 1;
            self.set_item(stacks, own);
        }
    }

    fn set_item(&mut self, stacks: Range<usize>, item: u32) {
        for stack in self.groups.of(stacks) {
            self.of_stack[stack.index()] = item;
        }
    }
}
