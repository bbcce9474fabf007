//! The call tree of a series: every distinct path down from a root, once, with the samples that end
//! there.
//!
//! It is for questions that need all paths: a graph of callers and callees folds it, and other
//! tools' formats list it. (Code that looks at the heaviest paths only walks along the stacks
//! instead, see [`super::walk`].) It holds no values: those of any sample type and snapshot are
//! added up on demand, in one pass over the samples.
//!
//! Parents always come before their children, so that sums over everything beneath a node need one
//! backward pass.

use super::distinct_stacks::{StackId, Stacks, TooLarge};
use super::frames::{Frames, RowId, Unsymbolized};
use super::row_table::RowTable;
use super::walk::{From, Groups, Rows, Walks};
use crate::model::series::Series;
use crate::parallel;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A node of a [`Tree`]: a path from a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The empty path, the ancestor of all others.
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
    /// The last frame; for the root it means nothing.
    pub row: RowId,
    /// Whether the last frame was inlined into the one before it on every such path.
    pub is_inlined: bool,
}

/// No real program has more nodes than this, and they would take gigabytes.
const MAX_NODES: usize = 1 << 26;

/// The call tree of all snapshots of a series.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Where each sample of each snapshot ends.
    ends: Vec<Vec<NodeId>>,
}

impl Tree {
    /// Builds the tree of a series, with one node for each row of `frames` on a path. An address
    /// without symbols is a node of its own, or, with [`Unsymbolized::Binary`], one of its binary,
    /// as in pprof.
    pub fn new(
        series: &Series,
        frames: &Frames,
        unsymbolized: Unsymbolized,
    ) -> Result<Self, TooLarge> {
        let stacks = Stacks::new(series);
        let mut walks = Walks::new(&stacks, frames, unsymbolized, Rows::All, From::Root);
        Self::along(&stacks, frames.len(), |stack| walks.next(stack))
    }

    /// Builds the tree of stacks with a node for each row that `is_kept` marks, by number. A run of
    /// other rows is one node, with the id one past the last row.
    pub fn of_kept(
        (stacks, rows): (&Stacks<'_>, &RowTable<'_>),
        (frames, unsymbolized): (&Frames, Unsymbolized),
        is_kept: &[bool],
    ) -> Result<Self, TooLarge> {
        // One more for the rows that aren't kept.
        let n = frames.len() + 1;
        if let Some(kept) = Kept::new(stacks, rows, is_kept) {
            let (nodes, end_of) = kept.grow(n)?;
            return Ok(Self::with_ends(stacks, nodes, &end_of));
        }
        let mut walks = Walks::new(stacks, frames, unsymbolized, Rows::Only(is_kept), From::Root);
        Self::along(stacks, n, |stack| walks.next(stack))
    }

    /// Builds a tree of `rows` rows by taking the next step of each stack.
    fn along(
        stacks: &Stacks<'_>,
        rows: usize,
        next: impl FnMut(StackId) -> Option<(RowId, bool)>,
    ) -> Result<Self, TooLarge> {
        let mut growing = Growing::new(stacks.len(), rows, next);
        growing.grow(vec![(NodeId::ROOT, 0..stacks.len())], 0)?;
        Ok(Self::with_ends(stacks, growing.nodes, &growing.end_of))
    }

    /// The tree of these nodes, given the node where each stack ends.
    fn with_ends(stacks: &Stacks<'_>, nodes: Vec<Node>, end_of: &[NodeId]) -> Self {
        let ends = stacks.series().snapshots.iter().enumerate().map(|(number, snapshot)| {
            let samples = 0..snapshot.samples.len();
            samples.map(|sample| end_of[stacks.of(number, sample).index()]).collect()
        });
        Self { nodes, ends: ends.collect() }
    }

    /// Number of nodes, including the root.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the root is the only node.
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

    /// The nodes from one up to, but not including, the root of the tree.
    pub fn up(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let some = |id: NodeId| (id != NodeId::ROOT).then_some(id);
        std::iter::successors(some(id), move |&id| some(self.node(id).parent))
    }

    /// Adds up values of stacks at the node where each ends.
    pub fn at_ends(&self, stacks: &Stacks<'_>, values: &[i64]) -> Vec<i64> {
        let mut sums = vec![0_i64; self.nodes.len()];
        for (id, value) in stacks.ids().zip(values) {
            let (snapshot, sample) = stacks.first(id);
            let sum = &mut sums[self.end(snapshot, sample).index()];
            *sum = sum.wrapping_add(*value);
        }
        sums
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

    /// Turns values of single nodes into values that include everything beneath each node.
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

/// The kept rows of each stack, found ahead on all threads.
struct Kept {
    /// The paths of some stacks, one after the other: from the root, each row times two, plus one
    /// if it was inlined into the one before.
    paths: Vec<Vec<u32>>,
    /// Where the next step of each stack is, and where its path ends.
    next: Vec<(u32, u32)>,
}

/// Stacks whose kept rows are found at once.
const PIECE: usize = 4096;
/// The stacks beneath a node.
type Beneath<'a> = (NodeId, &'a [StackId]);

/// Parts of the stacks whose trees are grown at once.
const PARTS: usize = 32;
/// Paths of more rows in all are not kept in memory.
const MAX_KEPT: usize = 1 << 26;

impl Kept {
    /// The kept rows of stacks; `None` if there are too many.
    fn new(stacks: &Stacks<'_>, rows: &RowTable<'_>, is_kept: &[bool]) -> Option<Self> {
        let other = is_kept.len() as u32 - 1;
        let has_kept = |unit| rows.rows(unit).iter().any(|row| is_kept[row.0 as usize]);
        let has_kept: Vec<bool> = rows.all().map(has_kept).collect();
        let total = AtomicUsize::new(0);
        let piece = |piece: usize| {
            let mut path: Vec<u32> = Vec::new();
            let mut ends = Vec::with_capacity(PIECE);
            let stacks_of = piece * PIECE..stacks.len().min((piece + 1) * PIECE);
            for stack in stacks_of.map(|stack| StackId(stack as u32)) {
                let start = path.len() as u32;
                let mut is_other = false;
                for unit in rows.units(stacks.first(stack)).rev() {
                    if has_kept[unit as usize] {
                        for (inner, row) in rows.rows(unit).iter().rev().enumerate() {
                            if is_kept[row.0 as usize] {
                                path.push(row.0 << 1 | u32::from(inner > 0));
                                is_other = false;
                            } else if !std::mem::replace(&mut is_other, true) {
                                path.push(other << 1);
                            }
                        }
                    } else if !std::mem::replace(&mut is_other, true) {
                        path.push(other << 1);
                    }
                }
                ends.push((start, path.len() as u32));
                if path.len() > MAX_KEPT {
                    return None;
                }
            }
            let total = total.fetch_add(path.len(), Ordering::Relaxed) + path.len();
            (total <= MAX_KEPT).then_some((path, ends))
        };
        let pieces = parallel::map(stacks.len().div_ceil(PIECE), piece);
        let mut kept = Self {
            paths: Vec::with_capacity(pieces.len()),
            next: Vec::with_capacity(stacks.len()),
        };
        for piece in pieces {
            let (path, ends) = piece?;
            kept.paths.push(path);
            kept.next.extend(ends);
        }
        Some(kept)
    }

    /// The nodes of a tree of `rows` rows, and the node where each stack ends: first those that many
    /// stacks pass, then the rest on all threads.
    fn grow(&self, rows: usize) -> Result<(Vec<Node>, Vec<NodeId>), TooLarge> {
        let all = self.next.len();
        let few = if all < parallel::WORTH { 0 } else { all / PARTS };
        let mut at = self.next.clone();
        let mut top =
            Growing::new(all, rows, |stack: StackId| self.step(stack, &mut at[stack.index()]));
        let aside = top.grow(vec![(NodeId::ROOT, 0..all)], few)?;
        let Growing { groups, mut nodes, mut end_of, .. } = top;
        let mut bundles: Vec<(usize, Vec<Beneath<'_>>)> = Vec::new();
        for (node, group) in aside {
            let stacks = groups.of(group);
            match bundles.last_mut() {
                Some((size, bundle)) if *size < few => {
                    *size += stacks.len();
                    bundle.push((node, stacks));
                }
                _ => bundles.push((stacks.len(), vec![(node, stacks)])),
            }
        }
        let grown = parallel::map(bundles.len(), |bundle| {
            let (size, groups) = &bundles[bundle];
            let stacks: Vec<StackId> =
                groups.iter().flat_map(|(_, stacks)| stacks.iter().copied()).collect();
            let mut at: Vec<(u32, u32)> = stacks.iter().map(|stack| at[stack.index()]).collect();
            let next = |own: StackId| self.step(stacks[own.index()], &mut at[own.index()]);
            let mut growing = Growing::new(*size, rows, next);
            // The nodes that the groups are beneath come first.
            growing.nodes = groups.iter().map(|(node, _)| nodes[node.index()]).collect();
            let mut start = 0;
            let waiting = (0..).zip(groups).map(|(node, (_, stacks))| {
                start += stacks.len();
                (NodeId(node), start - stacks.len()..start)
            });
            growing.grow(waiting.collect(), 0)?;
            Ok((growing.nodes, growing.end_of))
        });
        for (bundle, (_, groups)) in grown.into_iter().zip(&bundles) {
            let (own_nodes, own_ends) = bundle?;
            let start = (nodes.len() - groups.len()) as u32;
            let shared =
                |own: NodeId| groups.get(own.index()).map_or(NodeId(start + own.0), |g| g.0);
            if start as usize + own_nodes.len() > MAX_NODES {
                return Err(TooLarge);
            }
            let beneath = own_nodes.into_iter().skip(groups.len());
            nodes.extend(beneath.map(|node| Node { parent: shared(node.parent), ..node }));
            let stacks = groups.iter().flat_map(|(_, stacks)| stacks.iter());
            for (stack, end) in stacks.zip(own_ends) {
                end_of[stack.index()] = shared(end);
            }
        }
        Ok((nodes, end_of))
    }

    /// Takes one step along a stack, as [`Walks::next`]; `at` is where it is.
    #[inline]
    fn step(&self, stack: StackId, at: &mut (u32, u32)) -> Option<(RowId, bool)> {
        let (next, end) = at;
        if next == end {
            return None;
        }
        let step = self.paths[stack.index() / PIECE][*next as usize];
        *next += 1;
        Some((RowId(step >> 1), step & 1 != 0))
    }
}

/// A tree under construction.
///
/// The stacks beneath a node are sorted into its children by their next row, like a radix sort from
/// the root on. So it needs no table of all nodes, and a stack that is alone, as most are some
/// levels down, is followed to its end at once.
struct Growing<N> {
    /// Takes the next step of a stack: the row, and whether it was inlined into the one before.
    next: N,
    groups: Groups,
    nodes: Vec<Node>,
    end_of: Vec<NodeId>,
    /// Whether the row that each stack has reached was inlined into the one before.
    is_inlined: Vec<bool>,
}

impl<N: FnMut(StackId) -> Option<(RowId, bool)>> Growing<N> {
    /// A tree of the root alone.
    fn new(stacks: usize, rows: usize, next: N) -> Self {
        Self {
            next,
            groups: Groups::new(stacks, rows),
            nodes: vec![Node { parent: NodeId::ROOT, row: RowId(0), is_inlined: false }],
            end_of: vec![NodeId::ROOT; stacks],
            is_inlined: vec![false; stacks],
        }
    }

    /// Grows what is beneath the `waiting` nodes, given the stacks that pass each. Sets groups of
    /// up to `few` stacks aside, and returns them.
    fn grow(
        &mut self,
        mut waiting: Vec<(NodeId, Range<usize>)>,
        few: usize,
    ) -> Result<Vec<(NodeId, Range<usize>)>, TooLarge> {
        let mut aside = Vec::new();
        while let Some((node, group)) = waiting.pop() {
            if group.len() <= few {
                aside.push((node, group));
                continue;
            }
            if let [only] = *self.groups.of(group.clone()) {
                self.follow(node, only);
            } else {
                self.split(node, group, &mut waiting);
            }
            if self.nodes.len() > MAX_NODES {
                return Err(TooLarge);
            }
        }
        Ok(aside)
    }

    /// Adds the rest of a stack that is alone beneath a node.
    fn follow(&mut self, mut parent: NodeId, stack: StackId) {
        while let Some((row, is_inlined)) = (self.next)(stack)
            && self.nodes.len() <= MAX_NODES
        {
            self.nodes.push(Node { parent, row, is_inlined });
            parent = NodeId(self.nodes.len() as u32 - 1);
        }
        self.end_of[stack.index()] = parent;
    }

    /// Sorts the stacks beneath a node into its children.
    fn split(
        &mut self,
        parent: NodeId,
        group: Range<usize>,
        waiting: &mut Vec<(NodeId, Range<usize>)>,
    ) {
        let Self { next, groups, nodes, end_of, is_inlined } = self;
        let found = groups.split(group, |stack| {
            let Some((row, inlined)) = next(stack) else {
                end_of[stack.index()] = parent;
                return None;
            };
            is_inlined[stack.index()] = inlined;
            Some(row)
        });
        for (row, group) in found {
            let is_inlined = groups.of(group.clone()).iter().all(|s| is_inlined[s.index()]);
            nodes.push(Node { parent, row, is_inlined });
            waiting.push((NodeId(nodes.len() as u32 - 1), group));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Granularity;
    use crate::model::builder::{Builder, RawFunction, RawLine, RawLocation, RawType};
    use crate::model::origin::Own;
    use crate::model::profile::Profile;
    use crate::model::rebase::Rebase;
    use crate::model::site::Owners;
    use std::collections::BTreeMap;

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
        let owners = Owners::new(&series.symbols, &Own::default());
        let frames = Frames::new(&series, &owners, Granularity::Functions, false);
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

    /// Everything about a tree that others can see, but the numbers of its nodes: each path in the
    /// order of its children, whether its last frame is inlined, and the samples that end there.
    fn drawn(tree: &Tree, samples: usize) -> Vec<(Vec<RowId>, bool, usize)> {
        let mut ends = vec![0; tree.len()];
        (0..samples).for_each(|sample| ends[tree.end(0, sample).index()] += 1);
        let children = tree.children();
        let mut drawn = Vec::new();
        let mut waiting = vec![NodeId::ROOT];
        while let Some(id) = waiting.pop() {
            assert!(id == NodeId::ROOT || tree.node(id).parent < id);
            let path = tree.up(id).map(|id| tree.node(id).row).collect();
            drawn.push((path, tree.node(id).is_inlined, ends[id.index()]));
            waiting.extend(children.of(id).iter().rev());
        }
        drawn
    }

    /// A profile of many stacks, some of whose functions are inlined into others.
    fn large() -> Profile {
        let mut builder = Builder::default();
        for string in ["", "space", "bytes"].into_iter().map(str::to_owned) {
            builder.string(string.as_bytes()).unwrap();
        }
        builder.sample_type(RawType { name: 1, unit: 2 }).unwrap();
        let functions = 40;
        for id in 1..=functions {
            builder.string(format!("f{id}").as_bytes()).unwrap();
            let name = id as i64 + 2;
            builder.function(RawFunction { id, name, ..Default::default() }).unwrap();
        }
        for id in 1..=functions {
            let line = |function: u64| RawLine { function, line: 7, column: 0 };
            let inlined = [line(id), line(id % functions + 1)];
            let lines = if id % 5 == 0 { &inlined[..] } else { &inlined[..1] };
            builder.location(RawLocation { id, ..Default::default() }, lines).unwrap();
            // The same function called from elsewhere.
            if id % 5 == 0 {
                let called = RawLocation { id: functions + id / 5, ..Default::default() };
                builder.location(called, &inlined[..1]).unwrap();
            }
        }
        let labels = builder.label_set(&[]);
        let mut state = 3_u64;
        for _ in 0..2 * parallel::WORTH {
            let mut random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state >> 33
            };
            for _ in 0..=random() % 12 {
                builder.sample_location(1 + random() % (functions * 6 / 5));
            }
            builder.sample_value(1);
            builder.end_sample(labels).unwrap();
        }
        builder.finish().unwrap()
    }

    #[test]
    fn a_tree_of_kept_rows_is_the_same_however_it_is_grown() {
        let mut rebase = Rebase::default();
        rebase.add("large", large());
        let series = rebase.finish().unwrap();
        let owners = Owners::new(&series.symbols, &Own::default());
        let frames = Frames::new(&series, &owners, Granularity::Functions, false);
        let rows = RowTable::new(&series, &frames, Unsymbolized::Binary);
        let stacks = Stacks::with_same_frames(&series, &rows);
        assert!(stacks.len() > parallel::WORTH, "{}", stacks.len());
        let samples = series.snapshots[0].samples.len();
        for every in [1, 2, 7, 100] {
            let is_kept: Vec<bool> = (0..=frames.len()).map(|row| row % every == 0).collect();
            let only = Rows::Only(&is_kept);
            let mut walks = Walks::new(&stacks, &frames, Unsymbolized::Binary, only, From::Root);
            let plain = Tree::along(&stacks, frames.len() + 1, |stack| walks.next(stack)).unwrap();
            for threads in [1, 3] {
                let grown = parallel::limited(threads, || {
                    let of = (&frames, Unsymbolized::Binary);
                    Tree::of_kept((&stacks, &rows), of, &is_kept).unwrap()
                });
                assert!(drawn(&grown, samples) == drawn(&plain, samples), "1 in {every}");
            }
        }
    }

    #[test]
    fn stacks_are_distinct_by_rows_or_by_frames() {
        let mut rebase = Rebase::default();
        rebase.add("large", large());
        rebase.add("again", large());
        let series = rebase.finish().unwrap();
        let owners = Owners::new(&series.symbols, &Own::default());
        let frames = Frames::new(&series, &owners, Granularity::Functions, false);
        let table = RowTable::new(&series, &frames, Unsymbolized::Binary);
        let by_rows = Stacks::with_same_rows(&series, &table, None).unwrap();
        let by_frames = Stacks::with_same_frames(&series, &table);
        let by_locations = Stacks::new(&series);
        let row_list = |stacks: &Stacks<'_>, id| -> Vec<RowId> {
            stacks.rows(id, &frames, Unsymbolized::Binary).collect()
        };
        let mut met: BTreeMap<Vec<RowId>, StackId> = BTreeMap::new();
        for snapshot in 0..2 {
            for sample in 0..series.snapshots[snapshot].samples.len() {
                let id = by_rows.of(snapshot, sample);
                let rows: Vec<RowId> = series.snapshots[snapshot]
                    .stack(sample)
                    .flat_map(|at| frames.frames_of(at, Unsymbolized::Binary))
                    .copied()
                    .collect();
                // Numbered in the order in which they were met.
                let next = StackId(met.len() as u32);
                assert_eq!(*met.entry(rows.clone()).or_insert(next), id);
                assert_eq!(row_list(&by_rows, id), rows);
                let of = by_frames.of(snapshot, sample);
                assert!(series.snapshots[snapshot].stack(sample).eq(by_frames.locations(of)));
                assert_eq!(of, by_locations.of(snapshot, sample));
            }
        }
        assert_eq!(by_rows.len(), met.len());
        // Rows that are inlined in one stack call each other in another.
        assert!(!by_rows.has_same_frames() && by_rows.len() < by_frames.len());
        let same = by_frames.same_rows(&table).unwrap();
        let merged = by_frames.ids().filter(|id| same[id.index()] == *id).count();
        assert_eq!(merged, by_rows.len());
    }
}
