//! Which rows and calls of a graph are worth drawing.
//!
//! The measure is the **size** of what passes through: the sum of |Δ| over the distinct paths of
//! two snapshots, or of |value| over those of one. Sums of signed changes would drop a row whose
//! callees grew by 100 MiB and shrank by just as much; sizes never cancel.
//!
//! The limits are pprof's. Rows and calls below their fraction of the whole are left out first. If
//! more rows than wanted remain, the most informative ones stay: rows where much ends and rows
//! where paths part or meet come before a row that passes everything from one caller on to one
//! callee.

use super::call::{CallGraph, Weights};
use super::distinct_stacks::{StackId, Stacks, TooLarge};
use super::frames::{Frames, RowId, Unsymbolized};
use super::row_table::RowTable;
use super::tree::Tree;
use petgraph::Direction;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fraction(f64);

// A fraction is never NaN.
impl Eq for Fraction {}

impl Fraction {
    /// Makes a fraction; `None` for a number outside 0 to 1.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The fraction as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Limits on what is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrimLimits {
    /// Number of rows; 0 is no limit.
    pub nodecount: usize,
    /// Draw rows with at least this part of the whole in or beneath them.
    pub nodefraction: Fraction,
    /// Draw calls with at least this part of the whole.
    pub edgefraction: Fraction,
}

/// pprof's limits.
impl Default for TrimLimits {
    fn default() -> Self {
        Self { nodecount: 80, nodefraction: Fraction(0.005), edgefraction: Fraction(0.001) }
    }
}

/// A graph cut down to what is worth drawing.
#[derive(Clone, Debug)]
pub struct Trimmed {
    /// The paths; rows that were left out early are one row in them.
    pub tree: Tree,
    /// The graph; its other node holds what was left out.
    pub graph: CallGraph,
    /// The sizes of its nodes and edges.
    pub sizes: Weights,
    /// Number of rows left out, among those with a value.
    pub rows: usize,
    /// Number of calls left out between the rows that stayed.
    pub calls: usize,
}

/// Trims a call graph to `limits`, by the sizes of the stacks; `table` has their rows, with a binary
/// for addresses without symbols, and `is_held` tells which have any value.
pub fn trim(
    (stacks, table): (&Stacks<'_>, &RowTable<'_>),
    frames: &Frames,
    sizes: &[i64],
    is_held: impl Fn(StackId) -> bool + Sync + Send,
    limits: TrimLimits,
) -> Result<Trimmed, TooLarge> {
    let whole: i64 = sizes.iter().fold(0, |sum, &size| sum.saturating_add(size));
    let cutoff = |fraction: Fraction| (whole as f64 * fraction.get()) as i64;
    let all = stacks.of_rows(table, |stack| (sizes[stack.index()], is_held(stack)));
    let known = all.iter().filter(|sum| sum.is_held).count();
    let sums = all.into_iter().map(|sum| (sum.flat, sum.cum));
    let mut rows: Vec<(RowId, (i64, i64))> =
        (0..).map(RowId).zip(sums).filter(|(_, (_, cum))| *cum != 0).collect();
    let least = cutoff(limits.nodefraction);
    rows.retain(|(_, (_, cum))| *cum >= least);
    preselect(&mut rows, limits.nodecount);
    let mut rows: Vec<RowId> = rows.into_iter().map(|(row, _)| row).collect();
    let marked = |rows: &[RowId]| {
        let mut marks = vec![false; frames.len() + 1];
        rows.iter().for_each(|row| marks[row.0 as usize] = true);
        marks
    };
    // From here on all other rows count as one: they make up most of a large tree.
    let is_kept = marked(&rows);
    let tree = Tree::of_kept((stacks, table), (frames, Unsymbolized::Binary), &is_kept)?;
    let sizes = tree.at_ends(stacks, sizes);
    let graph_of =
        |is_kept: &[bool]| CallGraph::new(&tree, frames.len() + 1, |row| is_kept[row.0 as usize]);
    let mut graph = graph_of(&is_kept);
    if limits.nodecount > 0 && rows.len() > limits.nodecount {
        let sizes = graph.weigh(&tree, &sizes);
        let nodes = graph.graph.node_indices();
        let mut scored: Vec<(f64, RowId)> = nodes
            .filter_map(|node| Some((interest(&graph, &sizes, node), graph.row(node)?)))
            .collect();
        scored.sort_by(|a, b| {
            b.0.total_cmp(&a.0).then_with(|| frames.name(a.1).cmp(frames.name(b.1)))
        });
        scored.truncate(limits.nodecount);
        rows = scored.into_iter().map(|(_, row)| row).collect();
        graph = graph_of(&marked(&rows));
    }
    let of_kept = graph.weigh(&tree, &sizes);
    let least = cutoff(limits.edgefraction);
    let is_small = |edge: usize| of_kept.edges[edge] < least;
    let between_rows = |&edge: &petgraph::graph::EdgeIndex| {
        let ends = graph.graph.edge_endpoints(edge);
        ends.is_some_and(|(a, b)| graph.row(a).is_some() && graph.row(b).is_some())
    };
    let small = graph.graph.edge_indices().filter(between_rows).filter(|e| is_small(e.index()));
    let calls = small.filter(|e| of_kept.edges[e.index()] != 0).count();
    let graph = graph.without(|edge| is_small(edge.index()));
    let sizes = graph.weigh(&tree, &sizes);
    Ok(Trimmed { tree, graph, sizes, rows: known - rows.len(), calls })
}

/// Rows examined closely for each wanted row: a graph of thousands of rows has hundreds of
/// thousands of edges, and rows that are light both by themselves and in what they call would not
/// be drawn anyway.
const CANDIDATES: usize = 2;

/// Keeps the rows with the largest flat, and as many with the largest cum.
fn preselect(rows: &mut Vec<(RowId, (i64, i64))>, nodecount: usize) {
    let wanted = nodecount.saturating_mul(CANDIDATES);
    if nodecount == 0 || rows.len() <= wanted {
        return;
    }
    let least = |of: fn(&(RowId, (i64, i64))) -> i64| {
        let mut sizes: Vec<i64> = rows.iter().map(of).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        // A row without flat is never among the largest.
        sizes[wanted - 1].max(1)
    };
    let (flat, cum) = (least(|row| row.1.0), least(|row| row.1.1));
    rows.retain(|row| row.1.0 >= flat || row.1.1 >= cum);
}

/// How much a drawing would lose without a node: what ends there, and the paths that part and meet
/// there.
fn interest(graph: &CallGraph, sizes: &Weights, node: NodeIndex) -> f64 {
    let flat = sizes.flat[node.index()] as f64;
    let parts = |direction: Direction, own: f64| {
        let edges = graph.graph.edges_directed(node, direction);
        let from_root = |node| node == CallGraph::root();
        // Edges from the root are where paths begin, not where they meet.
        let edges = edges.filter(|edge| !from_root(edge.source()));
        let edges = edges.map(|edge| sizes.edges[edge.id().index()] as f64);
        spread(edges.chain([own]).filter(|&part| part > 0.0))
    };
    let spread = parts(Direction::Incoming, 0.0) + parts(Direction::Outgoing, flat);
    spread * sizes.cum[node.index()] as f64 + flat
}

/// How evenly something splits: the entropy of the parts in bits, 0 for a single part, and 1
/// without any, as at the first and the last row of a path.
fn spread(parts: impl Iterator<Item = f64> + Clone) -> f64 {
    let whole: f64 = parts.clone().sum();
    if whole <= 0.0 {
        return 1.0;
    }
    parts.map(|part| part / whole).map(|share| -share * share.log2()).sum()
}
