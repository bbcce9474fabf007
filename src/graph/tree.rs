//! The call tree of a series: every distinct path down from a root stands in it once, with the samples that end
//! there.
//!
//! It is what every question about paths starts from: a flame graph draws it, a graph of callers and callees folds
//! it, an inverted tree reads it from its ends. It holds no values: those of any sample type and any snapshot are
//! added up where they are asked for, in one pass over the samples.
//!
//! A parent always stands before its children, so that sums over what is beneath a node need one pass backwards.

use super::frames::{Frames, RowId};
use super::stacks::Stacks;
use crate::model::profile::Stack;
use crate::model::series::Series;
use std::ops::Range;

/// A node of a [`Tree`]: a path from a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The empty path: what every root stands beneath.
    pub const ROOT: Self = Self(0);

    /// The id as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The path without its last frame; the root is its own parent.
    pub parent: NodeId,
    /// The last frame; that of the root means nothing.
    pub row: RowId,
    /// Whether the last frame was inlined into the one before it, wherever the path was met.
    pub is_inlined: bool,
}

/// More nodes than this are no program's, and would take gigabytes.
const MAX_NODES: usize = 1 << 26;

/// The paths would take gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the samples have more than {MAX_NODES} distinct call paths; keep fewer of them with -focus, or \
     take coarser rows with -packages"
)]
pub struct TooLarge;

/// The call tree of all snapshots of a series.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Where each sample of each snapshot ends.
    ends: Vec<Vec<NodeId>>,
}

impl Tree {
    /// The tree of a series, one node for each row of `frames` on a path. An address without symbols is a node of its
    /// own, or, with [`Unsymbolized::Binary`], one of its binary, as in pprof.
    pub fn new(
        series: &Series,
        frames: &Frames,
        unsymbolized: Unsymbolized,
    ) -> Result<Self, TooLarge> {
        let stacks = Stacks::new(series);
        let (nodes, end_of) = Growing::new(&stacks, series, frames, unsymbolized).grow()?;
        let ends = series.snapshots.iter().enumerate().map(|(number, snapshot)| {
            let samples = 0..snapshot.samples.len();
            samples.map(|sample| end_of[stacks.of(number, sample).index()]).collect()
        });
        Ok(Self { nodes, ends: ends.collect() })
    }

    /// Number of nodes, the root among them.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// All nodes, parents before children, the root first.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// A node.
    #[inline]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Where a sample ends.
    #[inline]
    pub fn end(&self, snapshot: usize, sample: usize) -> NodeId {
        self.ends[snapshot][sample]
    }

    /// The nodes from one up to its root, the root of the tree left out.
    pub fn up(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let some = |id: NodeId| (id != NodeId::ROOT).then_some(id);
        std::iter::successors(some(id), move |&id| some(self.node(id).parent))
    }

    /// The value of the samples that end at each node, in one snapshot and one column.
    pub fn flat(&self, series: &Series, snapshot: usize, column: usize) -> Vec<i64> {
        let mut sums = vec![0_i64; self.nodes.len()];
        let width = series.sample_types.len();
        let values = series.snapshots[snapshot].samples.values.chunks_exact(width.max(1));
        for (end, row) in self.ends[snapshot].iter().zip(values) {
            let sum = &mut sums[end.index()];
            *sum = sum.wrapping_add(row[column]);
        }
        sums
    }

    /// From values of nodes alone to those of nodes with all that is beneath them.
    pub fn cumulate(&self, mut flat: Vec<i64>) -> Vec<i64> {
        for id in self.ids().skip(1).rev() {
            let parent = self.node(id).parent.index();
            flat[parent] = flat[parent].wrapping_add(flat[id.index()]);
        }
        flat
    }

    /// The children of every node.
    pub fn children(&self) -> Children {
        let mut starts = vec![0_u32; self.nodes.len() + 1];
        for node in &self.nodes[1..] {
            starts[node.parent.index() + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut all = vec![NodeId::ROOT; self.nodes.len() - 1];
        for id in self.ids().skip(1) {
            let at = &mut next[self.node(id).parent.index()];
            all[*at as usize] = id;
            *at += 1;
        }
        Children { starts, all }
    }
}

/// What stands for an address without symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsymbolized {
    /// The row of its binary, as pprof has it.
    Binary,
    /// A row of its own.
    Address,
}

/// The children of the nodes of a tree.
#[derive(Clone, Debug)]
pub struct Children {
    starts: Vec<u32>,
    all: Vec<NodeId>,
}

impl Children {
    /// The children of a node, in the order in which they were met.
    pub fn of(&self, id: NodeId) -> &[NodeId] {
        &self.all[self.starts[id.index()] as usize..self.starts[id.index() + 1] as usize]
    }
}

/// A tree under construction.
///
/// The stacks beneath a node stand side by side in `order` and are sorted into its children by their next row, as
/// a radix sort does it from the root on. So no table of all nodes is needed, and a stack that is alone, as most are
/// some levels down, is followed to its end at once.
struct Growing<'a> {
    rows: NextRow<'a>,
    nodes: Vec<Node>,
    /// What is left of each stack.
    rest: Vec<Rest<'a>>,
    end_of: Vec<NodeId>,
    /// Stacks, those beneath one node side by side.
    order: Vec<u32>,
    /// The child that a row is of the node under way; an older node means none.
    child_of_row: Vec<u32>,
    /// Of the stacks of the node under way the child of each, and room to sort them.
    child_of: Vec<u32>,
    sorted: Vec<u32>,
    /// Number of stacks of each child of the node under way.
    counts: Vec<u32>,
}

/// The stack ends.
const ENDS: u32 = u32::MAX;

impl<'a> Growing<'a> {
    fn new(
        stacks: &Stacks<'a>,
        series: &'a Series,
        frames: &'a Frames,
        unsymbolized: Unsymbolized,
    ) -> Self {
        let n = stacks.len();
        let rest = stacks.ids().map(|id| {
            let (snapshot, sample) = stacks.first(id);
            let locations = series.snapshots[snapshot].samples.stack(sample);
            Rest { locations, snapshot: snapshot as u32, is_inner: false, rows: &[] }
        });
        Self {
            rows: NextRow { series, frames, unsymbolized },
            nodes: vec![Node { parent: NodeId::ROOT, row: RowId(0), is_inlined: false }],
            rest: rest.collect(),
            end_of: vec![NodeId::ROOT; n],
            order: (0..n as u32).collect(),
            child_of_row: vec![0; frames.len()],
            child_of: vec![0; n],
            sorted: vec![0; n],
            counts: Vec::new(),
        }
    }

    /// The nodes, and the one at which each stack ends.
    fn grow(mut self) -> Result<(Vec<Node>, Vec<NodeId>), TooLarge> {
        let mut waiting = vec![(NodeId::ROOT, 0..self.order.len())];
        while let Some((node, range)) = waiting.pop() {
            if let [only] = self.order[range.clone()] {
                self.follow(node, only);
            } else {
                self.split(node, range, &mut waiting);
            }
            if self.nodes.len() > MAX_NODES {
                return Err(TooLarge);
            }
        }
        Ok((self.nodes, self.end_of))
    }

    /// The rest of a stack that is alone beneath a node.
    fn follow(&mut self, mut parent: NodeId, stack: u32) {
        let rest = &mut self.rest[stack as usize];
        while let Some((row, is_inlined)) = self.rows.next(rest)
            && self.nodes.len() <= MAX_NODES
        {
            self.nodes.push(Node { parent, row, is_inlined });
            parent = NodeId(self.nodes.len() as u32 - 1);
        }
        self.end_of[stack as usize] = parent;
    }

    /// Sorts the stacks beneath a node into its children.
    fn split(
        &mut self,
        parent: NodeId,
        range: Range<usize>,
        waiting: &mut Vec<(NodeId, Range<usize>)>,
    ) {
        let first = self.nodes.len() as u32;
        self.counts.clear();
        for i in range.clone() {
            let stack = self.order[i] as usize;
            let Some((row, is_inlined)) = self.rows.next(&mut self.rest[stack]) else {
                self.end_of[stack] = parent;
                self.child_of[i] = ENDS;
                continue;
            };
            let mut child = self.child_of_row[row.0 as usize];
            if child < first {
                child = self.nodes.len() as u32;
                self.child_of_row[row.0 as usize] = child;
                self.nodes.push(Node { parent, row, is_inlined });
                self.counts.push(0);
            }
            self.nodes[child as usize].is_inlined &= is_inlined;
            self.counts[(child - first) as usize] += 1;
            self.child_of[i] = child - first;
        }
        let mut start = range.start;
        for (child, count) in (first..).zip(&mut self.counts) {
            let end = start + *count as usize;
            waiting.push((NodeId(child), start..end));
            *count = start as u32;
            start = end;
        }
        for i in range.clone() {
            if self.child_of[i] != ENDS {
                let at = &mut self.counts[self.child_of[i] as usize];
                self.sorted[*at as usize] = self.order[i];
                *at += 1;
            }
        }
        self.order[range.start..start].copy_from_slice(&self.sorted[range.start..start]);
    }
}

/// What is left of a stack.
struct Rest<'a> {
    locations: Stack<'a>,
    snapshot: u32,
    /// Whether a row of the location under way was met: the next one was inlined into it.
    is_inner: bool,
    /// Rows left of the location under way, innermost first.
    rows: &'a [RowId],
}

/// Walks from roots to leaves.
#[derive(Clone, Copy)]
struct NextRow<'a> {
    series: &'a Series,
    frames: &'a Frames,
    unsymbolized: Unsymbolized,
}

impl<'a> NextRow<'a> {
    /// The next row of a stack, and whether it was inlined into the one before.
    #[inline]
    fn next(&self, rest: &mut Rest<'a>) -> Option<(RowId, bool)> {
        while rest.rows.is_empty() {
            let own = rest.locations.next_back()?;
            let shared = self.series.snapshots[rest.snapshot as usize].locations[own.index()];
            rest.rows = self.frames.frames_of(shared, self.unsymbolized);
            rest.is_inner = false;
        }
        let (&row, inner) = rest.rows.split_last()?;
        rest.rows = inner;
        Some((row, std::mem::replace(&mut rest.is_inner, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Granularity;
    use crate::model::builder::{Builder, RawFunction, RawLine, RawLocation, RawType};
    use crate::model::profile::Profile;
    use crate::model::rebase::Rebase;

    /// A profile of stacks, their functions from the root to the leaf, each worth 1.
    fn profile(stacks: &[&str]) -> Profile {
        let mut builder = Builder::default();
        for string in ["", "space", "bytes", "a", "b"] {
            builder.string(string.as_bytes()).unwrap();
        }
        builder.sample_type(RawType { name: 1, unit: 2 }).unwrap();
        for id in [1, 2] {
            builder
                .function(RawFunction { id, name: id as i64 + 2, ..Default::default() })
                .unwrap();
            let line = RawLine { function: id, line: 7, column: 0 };
            builder.location(RawLocation { id, ..Default::default() }, &[line]).unwrap();
        }
        let labels = builder.label_set(&[]);
        for stack in stacks {
            for frame in stack.split(';').rev() {
                builder.sample_location(if frame == "a" { 1 } else { 2 });
            }
            builder.sample_value(1);
            builder.end_sample(labels).unwrap();
        }
        builder.finish().unwrap()
    }

    fn series() -> Series {
        let mut rebase = Rebase::default();
        rebase.add("before", profile(&["a", "a;b", "a"]));
        rebase.add("after", profile(&["a;b", "a;b;a"]));
        rebase.finish().unwrap()
    }

    #[test]
    fn every_path_stands_once_and_its_values_where_it_ends() {
        let series = series();
        let frames = Frames::new(&series, Granularity::Functions, false);
        let tree = Tree::new(&series, &frames, Unsymbolized::Address).unwrap();
        let path = |id: NodeId| -> Vec<&str> {
            tree.up(id).map(|id| frames.name(tree.node(id).row)).collect()
        };
        let paths: Vec<_> = tree.ids().map(path).collect();
        assert_eq!(paths, [&[][..], &["a"], &["b", "a"], &["a", "b", "a"]]);
        assert_eq!(tree.flat(&series, 0, 0), [0, 2, 1, 0]);
        assert_eq!(tree.flat(&series, 1, 0), [0, 0, 1, 1]);
        assert_eq!(tree.cumulate(tree.flat(&series, 0, 0)), [3, 3, 1, 0]);
        let children = tree.children();
        assert_eq!(children.of(NodeId::ROOT), [NodeId(1)]);
        assert_eq!(children.of(NodeId(2)), [NodeId(3)]);
        assert_eq!(children.of(NodeId(3)), []);
        assert_eq!(tree.end(1, 1), NodeId(3));
    }
}
