//! From stacks to the frames of a picture: a frame is expanded only where it is wide enough, so that what it costs
//! depends on what is drawn and not on how many paths there are.
//!
//! A frame stands for a group of stacks that came to it, and is expanded by one step along each of them. A parent always
//! stands before its children, and is never narrower than one of them.

use super::{FlameOptions, Values};
use crate::analysis::matched_samples::SumEvidence;
use crate::analysis::{Measure, Omitted};
use crate::graph::distinct_stacks::StackId;
use crate::graph::frames::RowId;
use crate::graph::walk::{Groups, Walks};
use std::ops::Range;

/// Frames of a picture: an SVG of all of them has a few MB.
const MAX_FRAMES: usize = 10_000;
/// Levels of a picture, at 16 pixels each.
const MAX_DEPTH: u32 = 250;

/// What an item stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// Frames of a row, so many in a row where the run is longest.
    Row(RowId, u32),
    /// Several frames that are too narrow for one each.
    Narrow(u32),
    /// What is deeper than a picture goes: so many levels.
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
    /// Whether it is drawn; what stands under one that is not, is not drawn either.
    pub(super) is_kept: bool,
    /// Frames under it that are too narrow.
    narrow: Omitted,
    stacks: Range<usize>,
}

/// The frames of a picture.
pub(super) struct Grown {
    pub(super) items: Vec<Item>,
    pub(super) evidence: Vec<SumEvidence>,
    /// The deepest frame that each stack goes through.
    of_stack: Vec<u32>,
}

/// A stack of another picture.
const NONE: u32 = u32::MAX;

impl Grown {
    /// The deepest frame drawn that a stack goes through.
    pub(super) fn item_of(&self, stack: StackId) -> Option<usize> {
        let mut item = self.of_stack[stack.index()];
        while item != NONE && !self.items[item as usize].is_kept {
            item = self.items[item as usize].parent;
        }
        (item != NONE).then_some(item as usize)
    }

    /// What is too narrow to draw.
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

    /// Keeps the widest frames, as many as a picture holds.
    fn keep_widest(&mut self, most: usize) {
        if self.items.len() <= most {
            return;
        }
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        // A parent is as wide as its child at least and stands before it, so it stays where the child does.
        order.sort_by_key(|&i| (std::cmp::Reverse(self.items[i].width), i));
        for &i in &order[most..] {
            self.items[i].is_kept = false;
        }
    }
}

/// The frames of stacks with these values, along which `walks` go; `whole` is what widths are a share of.
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
    // What holds nothing on any side is not there.
    let all = growing.groups.split(0..n, |stack| {
        (values.before(stack) != 0 || values.after(stack) != 0).then_some(RowId(0))
    });
    let stacks = all.into_iter().next().map_or(0..0, |(_, stacks)| stacks);
    let root = growing.item(0, What::Row(RowId(0), 1), stacks);
    growing.items.push(Item { depth: 0, ..root });
    let mut waiting = vec![0_u32];
    while let Some(item) = waiting.pop() {
        if let What::Row(row, _) = growing.items[item as usize].what {
            growing.expand(item, row);
            waiting.extend(growing.items[item as usize].children.clone());
        }
    }
    let mut grown =
        Grown { items: growing.items, evidence: Vec::new(), of_stack: growing.of_stack };
    grown.keep_widest(MAX_FRAMES);
    grown
}

struct Growing<'a> {
    walks: Walks<'a>,
    groups: Groups,
    values: &'a Values,
    /// Least width, times a million.
    least: i128,
    items: Vec<Item>,
    of_stack: Vec<u32>,
    /// How often each stack of the frame under way has its row in a row.
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
        // Those that end here stand last.
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

    /// Hangs groups of stacks under an item, and what is too narrow of them as one.
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

    /// Hangs one item for all stacks that go on from an item which is as deep as a picture goes.
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
