//! Finds and names the subtrees that surely grew: of calls from the roots, or from the leaves.
//!
//! A subtree is named after the function to blame: of the functions that all its stacks have in
//! common, the program's own nearest to the leaf, or else that of a dependency.

use super::entries::{self, Entries};
use super::matched_samples::MatchedSamples;
use super::pairing::NONE;
use super::snapshot_pair::{Process, Record, SnapshotPair};
use super::{Bounds, Measured, Place, RawSamples};
use crate::graph::distinct_stacks::StackId;
use crate::graph::frames::{Frames, RowId, SiteId, Unsymbolized};
use crate::graph::walk::{From, Groups, Rows, Walks};
use crate::model::change::Change;
use crate::model::origin::Owner;
use crate::model::series::Series;
use crate::parallel;
use crate::stats;
use crate::stats::growth::Pair;
use crate::stats::scan::{Cause, Items, Scan, Sure, Tree};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The trees that are scanned: of calls from the roots, and from the leaves.
const TREES: [From; 2] = [From::Root, From::Leaf];

/// Stacks that are looked at for the line of a function.
const LINES_FROM: usize = 250;

/// The end of the stacks that a subtree's path starts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// The outermost caller: the subtree is all that the last function of the path calls there.
    Root,
    /// The function that allocates: the subtree is all that leads to the last function of the path.
    Leaf,
}

/// A subtree of the calls that surely grew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrownSubtree {
    /// The function to blame: of those that all its stacks have in common, the program's own nearest
    /// to the leaf; without one, that of a dependency.
    #[serde(flatten)]
    pub place: Place,
    /// What it calls, if all its stacks have more functions in common: the one nearest to the leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callee: Option<String>,
    /// The caller on the path nearest to the function, own code if there is some, if what the
    /// function itself allocates changed elsewhere as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Where `path` starts.
    pub from: Start,
    /// The functions from there to the subtree.
    pub path: Vec<String>,
    /// Value before, value after, and the difference.
    #[serde(flatten)]
    pub value: Change<i64, i64>,
    /// 95 % interval of the growth.
    pub error: Bounds,
    /// Probability of so much growth in this subtree alone if nothing grew. All subtrees together
    /// are wrong in at most 5 % of comparisons in which nothing grew.
    pub p_value: f64,
    /// Its growth as a share of that of all samples; absent if those didn't grow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl GrownSubtree {
    /// Whether it is named after the function of a place, or calls it.
    pub fn names(&self, place: &Place) -> bool {
        self.place.function == place.function || self.callee.as_ref() == Some(&place.function)
    }

    /// The function to ask about: the one to blame if it is on the path, else the last of the path.
    pub fn on_path(&self) -> Option<&str> {
        let blamed = self.path.iter().find(|function| **function == self.place.function);
        blamed.or(self.path.last()).map(String::as_str)
    }
}

/// A record with its opposing samples: what a pass over the records knows anyway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opposed {
    before: u32,
    after: u32,
    x1: f32,
    x2: f32,
    /// Its labels if they name the size of its objects, else [`NONE`].
    sized: u32,
    /// The row of its leaf.
    leaf: RowId,
    values: (i64, i64),
}

impl Opposed {
    pub(super) fn new(
        sides: &SnapshotPair<'_>,
        record: Record,
        (pair, values): (Pair, (i64, i64)),
        leaf: RowId,
    ) -> Self {
        let number = |sample: Option<usize>| sample.map_or(NONE, |sample| sample as u32);
        let set = sides.set(record).filter(|set| {
            let is_sized = |side: &RawSamples<'_>| side.scale.sized[set.index()].is_some();
            is_sized(&sides.before) && is_sized(&sides.after)
        });
        Self {
            before: number(record.before),
            after: number(record.after),
            x1: pair.x1 as f32,
            x2: pair.x2 as f32,
            sized: set.map_or(NONE, |set| set.0),
            leaf,
            values,
        }
    }

    fn record(self) -> Record {
        let sample = |number: u32| (number != NONE).then_some(number as usize);
        Record { before: sample(self.before), after: sample(self.after) }
    }

    /// Whether its samples are all the same in both snapshots.
    pub(super) fn is_survivor(&self) -> bool {
        self.pair() == Pair::default() && self.values.0 == self.values.1
    }

    fn pair(self) -> Pair {
        Pair { x1: f64::from(self.x1), x2: f64::from(self.x2) }
    }

    fn value(self) -> Change<i64, i64> {
        Change::new(self.values.0, self.values.1)
    }

    /// The snapshot and the sample that hold its stack.
    fn sample(self) -> (usize, usize) {
        if self.after == NONE { (0, self.before as usize) } else { (1, self.after as usize) }
    }
}

/// What is scanned: the records of two snapshots.
pub(super) struct Scanned<'a> {
    pub(super) series: &'a Series,
    pub(super) frames: &'a Frames,
    pub(super) measured: &'a Measured,
    pub(super) process: Process,
    /// Records with opposing samples, in pieces.
    pub(super) records: &'a [Vec<Opposed>],
    /// Records whose samples are all the same in both snapshots, in pieces.
    pub(super) survivors: &'a [Vec<Opposed>],
    /// What all of them grew by.
    pub(super) whole: i64,
}

/// The subtrees that surely grew among the wanted records of two snapshots, as [`grown`].
pub(super) fn grown_among(
    series: &Series,
    frames: &Frames,
    measured: &Measured,
    process: Process,
    is_wanted: impl Fn((usize, usize)) -> bool,
) -> Vec<GrownSubtree> {
    let sides = SnapshotPair::new(series, process);
    if !sides.known() {
        return Vec::new();
    }
    let matched = MatchedSamples::new(series, *measured, Some(process));
    let opposed = matched.records().filter_map(|record| {
        let evidence = sides.evidence(record, measured)?;
        let leaf = *frames.leaf(sides.stack(record)?.next()?).first()?;
        let values = sides.values(record, measured.column);
        let opposed = Opposed::new(&sides, record, (evidence.samples(), values), leaf);
        is_wanted(opposed.sample()).then_some(opposed)
    });
    let (records, survivors): (Vec<Opposed>, Vec<Opposed>) =
        opposed.partition(|opposed| !opposed.is_survivor());
    let whole = records.iter().map(|record| record.value().delta).fold(0, i64::wrapping_add);
    let (records, survivors) = (&[records], &[survivors]);
    grown(&Scanned { series, frames, measured, process, records, survivors, whole }).0
}

/// The subtrees that surely grew, those that grew most first, and the growth they explain together.
pub(super) fn grown(scanned: &Scanned<'_>) -> (Vec<GrownSubtree>, i64) {
    let sides = SnapshotPair::new(scanned.series, scanned.process);
    let items = scanned.items(&sides);
    let scan = Scan::new(&items, TREES.len());
    let explored = parallel::map(TREES.len(), |number| {
        let mut side = scanned.side(&items, TREES[number], scan.least());
        (scan.explore(number, &mut side), side.groups)
    });
    let (sure, groups): (Vec<_>, Vec<_>) = explored.into_iter().unzip();
    let sure = sure.concat();
    if sure.is_empty() {
        return (Vec::new(), 0);
    }
    let sure = sure.as_slice();
    let blamed = scanned.blamed(sure);
    let cause = |blamed: &Blamed| {
        // Sites and rows are numbered on their own.
        let name = blamed.entry.map_or(blamed.function.0, |site| u32::MAX - site.0);
        Cause { rank: blamed.rank, name }
    };
    let causes: Vec<Cause> = blamed.iter().map(cause).collect();
    let items_of = |node: &Sure| groups[node.tree].of(node.set.clone()).iter().map(|id| id.0);
    let chosen = scan.explanation(sure, &causes, items_of);
    let nodes: Vec<&Sure> = chosen.iter().map(|&number| &sure[number]).collect();
    let mut sums = vec![Change::new(0, 0); nodes.len()];
    let mut explained = 0_i64;
    let mut is_told = vec![false; items.len()];
    for (node, sum) in nodes.iter().zip(&mut sums) {
        for item in items_of(node) {
            let Some(value) = scanned.record(item).map(Opposed::value) else { continue };
            *sum = sum.plus(value);
            if !std::mem::replace(&mut is_told[item as usize], true) {
                explained = explained.wrapping_add(value.delta);
            }
        }
    }
    scanned.add_survivors(&nodes, &mut sums);
    let named = chosen.iter().zip(sums).map(|(&number, sum)| {
        let (node, blamed) = (&sure[number], &blamed[number]);
        let place = match blamed.entry {
            Some(site) => super::place_of(scanned.series, scanned.frames, site),
            None => scanned.place(blamed.function, items_of(node)),
        };
        let is_part = scanned.changes_elsewhere(blamed.function, items_of(node));
        let caller = blamed.caller.filter(|_| is_part);
        scanned.named(node, Blamed { caller, ..*blamed }, place, sum)
    });
    (named.collect(), explained)
}

/// What to blame for a subtree.
#[derive(Clone, Copy)]
struct Blamed {
    function: RowId,
    /// What it calls on all paths of the subtree.
    callee: Option<RowId>,
    /// What calls it on all paths: the nearest own code, or else the nearest of all.
    caller: Option<RowId>,
    /// The function of the program that is to blame for what a library does in its own goroutines.
    entry: Option<SiteId>,
    /// How well it can be changed: 0 for own code, 1 for a dependency.
    rank: u8,
}

impl<'a> Scanned<'a> {
    /// The items, those of a size in one class.
    fn items(&self, sides: &SnapshotPair<'_>) -> Items {
        let mut items = Items::with_capacity(self.records.iter().map(Vec::len).sum());
        let mut classes: Vec<Option<u32>> = vec![None; sides.before.scale.sized.len()];
        for opposed in self.records.iter().flatten() {
            let mut class = || {
                let (before, after) = sides.weights(opposed.record(), self.measured);
                items.class(before, after)
            };
            let class = match classes.get_mut(opposed.sized as usize) {
                Some(known) if self.measured.count.is_some() => *known.get_or_insert_with(class),
                _ => class(),
            };
            items.push(opposed.pair(), class);
        }
        items
    }

    /// The record of an item.
    fn record(&self, item: u32) -> Option<Opposed> {
        let mut at = item as usize;
        self.records.iter().find_map(|piece| {
            let record = piece.get(at).copied();
            at = at.saturating_sub(piece.len());
            record
        })
    }

    /// The tree of the items' stacks from one end. What isn't added to enough to matter ends at once
    /// in that from the leaves.
    fn side(&self, items: &Items, from: From, least: f64) -> Side<'a> {
        let records = || self.records.iter().flatten();
        let mut added = vec![0.0; self.frames.len()];
        if from == From::Leaf {
            for (item, record) in (0..).zip(records()) {
                added[record.leaf.0 as usize] += items.added(item);
            }
        }
        let matters =
            |record: &Opposed| from == From::Root || added[record.leaf.0 as usize] >= least;
        let samples = records().map(|record| matters(record).then(|| record.sample()));
        let groups = Groups::new(items.len(), self.frames.len() + 1);
        Side { walks: self.walks(samples, from), groups }
    }

    fn walks(
        &self,
        samples: impl Iterator<Item = Option<(usize, usize)>>,
        from: From,
    ) -> Walks<'a> {
        let of = (self.series, samples);
        Walks::of_samples(of, self.frames, Unsymbolized::Binary, Rows::All, from)
    }

    /// Adds the values of survivors to the subtrees they are in.
    fn add_survivors(&self, nodes: &[&Sure], sums: &mut [Change<i64, i64>]) {
        for (number, from) in TREES.into_iter().enumerate() {
            let of_tree: Vec<usize> =
                (0..nodes.len()).filter(|&node| nodes[node].tree == number).collect();
            if of_tree.is_empty() {
                continue;
            }
            let survivors = || self.survivors.iter().flatten();
            let mut walks = self.walks(survivors().map(|record| Some(record.sample())), from);
            let mut on_path = Vec::new();
            for (stack, record) in (0..).map(StackId).zip(survivors()) {
                on_path.clone_from(&of_tree);
                for depth in 0.. {
                    let Some((row, _)) = walks.next(stack) else { break };
                    on_path.retain(|&node| {
                        let path = &nodes[node].path;
                        let is_on = path[depth] == row.0;
                        if is_on && path.len() == depth + 1 {
                            sums[node] = sums[node].plus(record.value());
                        }
                        is_on && path.len() > depth + 1
                    });
                    if on_path.is_empty() {
                        break;
                    }
                }
            }
        }
    }

    fn blamed(&self, sure: &[Sure]) -> Vec<Blamed> {
        let Self { series, frames, measured, process, .. } = *self;
        let mut blamed: Vec<Blamed> = sure.iter().map(|node| self.nearest(node)).collect();
        let name = |blamed: &Blamed| frames.name(blamed.function);
        let is_asked =
            |blamed: &Blamed| entries::is_asked(name(blamed), frames.row(blamed.function).owner);
        let asked: Vec<&str> = blamed.iter().filter(|one| is_asked(one)).map(name).collect();
        if asked.is_empty() {
            return blamed;
        }
        let runs = (1, Some(process));
        let entries = Entries::of_runs(series, frames.owners(), measured, runs, asked);
        for one in &mut blamed {
            let entry = entries.of(name(one)).filter(|_| is_asked(one));
            if let Some(site) = entry.and_then(|entry| frames.find_site(entry)) {
                (one.entry, one.callee, one.rank) =
                    (Some(site), one.callee.or(Some(one.function)), 0);
            }
        }
        blamed
    }

    /// The function to blame of those that all stacks of a node have in common.
    fn nearest(&self, node: &Sure) -> Blamed {
        // Leaf first.
        let common: Vec<RowId> = if TREES[node.tree] == From::Root {
            node.path.iter().rev().map(|row| RowId(*row)).collect()
        } else {
            node.path.iter().map(|row| RowId(*row)).collect()
        };
        let owner = |row: &RowId| self.frames.row(*row).owner;
        let first = |wanted| common.iter().copied().find(|row| owner(row) == wanted);
        let nearest = common.first().copied().unwrap_or(RowId(0));
        let own = first(Owner::Own).map(|row| (row, 0));
        let dependency = || first(Owner::Dependency).map(|row| (row, 1));
        let (function, rank) = own.or_else(dependency).unwrap_or((nearest, 2));
        let callee = (nearest != function).then_some(nearest);
        let calling = || common.iter().skip_while(|row| **row != function).skip(1).copied();
        let caller = calling().find(|row| owner(row) == Owner::Own).or_else(|| calling().next());
        Blamed { function, callee, caller, entry: None, rank }
    }

    /// Whether what a function itself allocates changed by other than in these items.
    fn changes_elsewhere(&self, row: RowId, items: impl Iterator<Item = u32>) -> bool {
        let delta = |record: Opposed| if record.leaf == row { record.value().delta } else { 0 };
        let here = items.filter_map(|item| self.record(item)).map(delta);
        let all = self.records.iter().flatten().copied().map(delta);
        all.fold(0, i64::wrapping_add) != here.fold(0, i64::wrapping_add)
    }

    fn named(
        &self,
        node: &Sure,
        blamed: Blamed,
        place: Place,
        value: Change<i64, i64>,
    ) -> GrownSubtree {
        let whole = self.whole;
        let name = |row: RowId| self.frames.name(row).to_owned();
        let interval = node.evidence.interval(value.delta as f64, stats::LEVEL);
        GrownSubtree {
            place,
            callee: blamed.callee.map(name),
            caller: blamed.caller.map(name),
            from: if TREES[node.tree] == From::Root { Start::Root } else { Start::Leaf },
            path: node.path.iter().map(|row| name(RowId(*row))).collect(),
            value,
            error: Bounds::of(interval),
            p_value: node.p,
            share: (whole > 0).then(|| value.delta as f64 / whole as f64),
        }
    }

    /// A function and its line that grew most in some records.
    fn place(&self, row: RowId, items: impl ExactSizeIterator<Item = u32>) -> Place {
        let (symbols, frames) = (&self.series.symbols, self.frames);
        let mut sums: HashMap<(u32, i64), i64, FxBuildHasher> = HashMap::default();
        let step = items.len().div_ceil(LINES_FROM).max(1);
        for item in items.step_by(step) {
            let Some(record) = self.record(item) else { continue };
            let (snapshot, sample) = record.sample();
            let mut stack = self.series.snapshots[snapshot].stack(sample);
            let line = stack.find_map(|location| {
                let at = frames.of(location).iter().position(|other| *other == row)?;
                let lines = symbols.locations.lines(location);
                if frames.noinlines() { lines.last() } else { lines.get(at) }
            });
            if let Some(line) = line {
                let file = symbols.function(line.function).filename;
                let sum = sums.entry((file.0, line.line)).or_default();
                *sum = sum.wrapping_add(record.value().delta);
            }
        }
        let most = sums.into_iter().max_by_key(|&(at, sum)| (sum, std::cmp::Reverse(at)));
        let (file, line) = most.map_or((None, 0), |((file, line), _)| {
            let file = symbols.text(crate::model::ids::StringId(file));
            ((!file.is_empty()).then(|| file.to_owned()), line)
        });
        let function = frames.name(row).to_owned();
        Place { function, file, line: (line != 0).then_some(line) }
    }
}

/// The tree of the records' stacks from one end.
struct Side<'a> {
    walks: Walks<'a>,
    groups: Groups,
}

impl Tree for Side<'_> {
    fn items(&self, set: Range<usize>) -> impl Iterator<Item = u32> {
        self.groups.of(set).iter().map(|stack| stack.0)
    }

    fn split(&mut self, set: Range<usize>) -> Vec<(u32, Range<usize>)> {
        let Self { walks, groups } = self;
        let found = groups.split(set, |stack| walks.next(stack).map(|(row, _)| row));
        found.into_iter().map(|(row, set)| (row.0, set)).collect()
    }
}
