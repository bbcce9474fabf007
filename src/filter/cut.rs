//! Cuts stacks by the marks of their locations. A stack keeps its packed bytes: what is cut off or hidden is left out,
//! and nothing is packed again.

use crate::model::ids::LabelSetId;
use crate::model::profile::{Kept, varint};
use crate::model::series::Snapshot;
use crate::parallel;
use std::ops::Range;
use std::sync::Arc;

/// What a filter does at a location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    /// This location and all frames below it are uninteresting.
    pub(super) const DROP: Self = Self(1);
    /// The frames below this location are uninteresting.
    pub(super) const DROP_BENEATH: Self = Self(2);
    pub(super) const FOCUSED: Self = Self(4);
    pub(super) const IGNORED: Self = Self(8);
    pub(super) const HIDDEN: Self = Self(16);
    pub(super) const SHOW_FROM: Self = Self(32);
    pub(super) const PRUNE_BENEATH: Self = Self(64);
    /// A stack without these is kept as it is.
    const CUTTING: Self = Self(1 | 2 | 16 | 32 | 64);

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether any of the other's marks is set.
    #[inline]
    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What is cut.
pub(super) struct Cut {
    /// The marks of each shared location.
    pub(super) marks: Vec<Marks>,
    /// Whether samples with each label set are kept.
    pub(super) labels: Vec<bool>,
    /// Whether samples are kept or dropped by the names in their stack.
    pub(super) by_names: bool,
    /// Whether only those with a focused name are kept.
    pub(super) is_focused: bool,
    /// Whether all above a shown location is cut off.
    pub(super) is_shown_from: bool,
    /// Number of values of a sample.
    pub(super) width: usize,
}

/// What is left of a snapshot.
pub(super) struct Left {
    pub(super) snapshot: Arc<Snapshot>,
    /// The numbers of the samples that are kept, in order.
    pub(super) kept: Vec<u32>,
    /// Whether nothing was cut off or hidden.
    pub(super) is_whole: bool,
}

/// Samples that are cut at once.
const PIECE: usize = 16 * 1024;

/// A frame of a stack: its marks, and where its bytes end.
type Frame = (Marks, usize);

impl Cut {
    /// Cuts the stacks of a snapshot and drops the samples that the filter drops.
    pub(super) fn snapshot(&self, snapshot: &Arc<Snapshot>) -> Left {
        let marks: Vec<Marks> =
            snapshot.locations.iter().map(|location| self.marks[location.index()]).collect();
        let all = snapshot.samples.len();
        let pieces = parallel::map(all.div_ceil(PIECE), |piece| {
            let range = piece * PIECE..all.min((piece + 1) * PIECE);
            self.piece(snapshot, &marks, range)
        });
        let (pieces, whole): (Vec<Kept>, Vec<bool>) = pieces.into_iter().unzip();
        let is_whole = whole.iter().all(|&is_whole| is_whole);
        let mut kept = Vec::with_capacity(pieces.iter().map(|piece| piece.samples.len()).sum());
        pieces.iter().for_each(|piece| kept.extend_from_slice(&piece.samples));
        if is_whole && kept.len() == all {
            return Left { snapshot: Arc::clone(snapshot), kept, is_whole };
        }
        let cut = Snapshot {
            name: snapshot.name.clone(),
            header: snapshot.header.clone(),
            main: snapshot.main,
            addresses: snapshot.addresses.clone(),
            samples: snapshot.samples.kept(&pieces, self.width),
            locations: snapshot.locations.clone(),
            is_scaled: snapshot.is_scaled,
            is_of_references: snapshot.is_of_references,
        };
        Left { snapshot: Arc::new(cut), kept, is_whole }
    }

    /// What is kept of some samples, and whether all their stacks are whole.
    fn piece(&self, snapshot: &Snapshot, marks: &[Marks], range: Range<usize>) -> (Kept, bool) {
        let (mut kept, mut is_whole) = (Kept::default(), true);
        let mut frames = Vec::new();
        if parallel::is_cancelled() {
            return (kept, false);
        }
        for sample in range {
            let set: LabelSetId = snapshot.samples.labels[sample];
            if !self.labels[set.index()] {
                continue;
            }
            let packed = snapshot.samples.stack(sample).packed();
            let mut all = Marks::default();
            for own in snapshot.samples.stack(sample) {
                all.add(marks[own.index()]);
            }
            if all.has(Marks::CUTTING) {
                frames.clear();
                let mut left = packed.iter();
                while let Some(id) = varint(&mut left) {
                    let end = packed.len() - left.as_slice().len();
                    frames.push((marks[(id as u32).wrapping_sub(1) as usize], end));
                }
                let Some(left) = self.left_of(&frames) else { continue };
                let start = left.start.checked_sub(1).map_or(0, |before| frames[before].1);
                push(&mut kept.packed, packed, (&frames[left], start));
                is_whole = false;
            } else if self.keeps(all, packed.is_empty()) && !self.is_shown_from {
                kept.packed.extend_from_slice(packed);
            } else {
                continue;
            }
            kept.samples.push(sample as u32);
            kept.ends.push(kept.packed.len() as u32);
        }
        (kept, is_whole)
    }

    /// Whether a sample is kept by the names in its stack, which has these marks.
    fn keeps(&self, all: Marks, is_empty: bool) -> bool {
        !self.by_names
            || !all.has(Marks::IGNORED)
                && (!self.is_focused || all.has(Marks::FOCUSED))
                && !is_empty
    }

    /// The part of a stack that is left, with frames that are hidden; `None` if the sample is dropped.
    fn left_of(&self, stack: &[Frame]) -> Option<Range<usize>> {
        let mut first = interesting(stack);
        let mut end = stack.len();
        let whole = &stack[first..];
        let mut all = Marks::default();
        whole.iter().for_each(|(marks, _)| all.add(*marks));
        if !self.keeps(all, whole.is_empty()) {
            return None;
        }
        let is_shown = |(marks, _): &Frame| !marks.has(Marks::HIDDEN);
        if !whole.is_empty() && !whole.iter().any(is_shown) {
            return None;
        }
        if self.is_shown_from {
            let is_highest = |frame: &Frame| is_shown(frame) && frame.0.has(Marks::SHOW_FROM);
            end = first + stack[first..end].iter().rposition(is_highest)? + 1;
        }
        let is_lowest = |frame: &Frame| is_shown(frame) && frame.0.has(Marks::PRUNE_BENEATH);
        first += stack[first..end].iter().position(is_lowest).unwrap_or(0);
        Some(first..end)
    }
}

/// Appends the bytes of frames that aren't hidden; those of the first begin at `start`.
fn push(to: &mut Vec<u8>, packed: &[u8], (frames, mut start): (&[Frame], usize)) {
    let mut end = start;
    for &(marks, own) in frames {
        if marks.has(Marks::HIDDEN) {
            to.extend_from_slice(&packed[start..end]);
            start = own;
        }
        end = own;
    }
    to.extend_from_slice(&packed[start..end]);
}

/// Where the interesting part of a stack begins. From the root down, everything below the first
/// marked frame is cut, but only after the first unmarked frame, so that no stack vanishes.
fn interesting(stack: &[Frame]) -> usize {
    let mut found_user = false;
    for (i, (marks, _)) in stack.iter().enumerate().rev() {
        if !marks.has(Marks::DROP_BENEATH) {
            found_user = true;
        } else if found_user {
            return if marks.has(Marks::DROP) { i + 1 } else { i };
        }
    }
    0
}
