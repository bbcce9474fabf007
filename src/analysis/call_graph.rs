//! The call graph to draw: the rows and calls that matter most, and everything else as one node.
//!
//! For every node, and for the part left out, `entered` + Σ edges in = flat + Σ edges out +
//! `repeats`, before, after and in their difference, so the numbers of a drawing always add up.

use super::calls::{self, errors, of_paths, of_same_rows, sizes};
use super::{Context, Measure, MeasureBounds, Subject, percent};
use crate::graph::call::{CallGraph, Weights};
use crate::graph::distinct_stacks::{StackId, Stacks, TooLarge};
use crate::graph::frames::Unsymbolized;
use crate::graph::row_table::RowTable;
use crate::graph::tree::NodeId;
use crate::graph::trim::{TrimLimits, Trimmed, trim};
use crate::model::change::{Change, Value};
use crate::model::series::Series;
use crate::parallel;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

/// One function (or file, line, package, address).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Node {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Source file of the heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Flat and cum.
    #[serde(flatten)]
    pub value: Change<Measure>,
    /// Flat (its change) as a share of `whole`, in percent.
    pub flat_percent: Option<f64>,
    /// Cum (its change) as a share of `whole`, in percent.
    pub cum_percent: Option<f64>,
    /// Samples whose stack begins here.
    pub entered: Change<i64>,
    /// The deficit of the edges out of it minus that of the edges into it: recursion passes an edge
    /// several times, but a sample counts once for an edge. 0 without recursion.
    pub repeats: Change<i64>,
    /// 95 % intervals of the sampling error.
    pub error: Option<MeasureBounds>,
    /// The values of each other sample type.
    pub others: Vec<OfType>,
}

/// A row in another sample type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OfType {
    /// The sample type.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// Flat and cum.
    #[serde(flatten)]
    pub value: Change<Measure>,
}

/// One row that called another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Edge {
    /// The caller, as its position among the nodes; absent for the part left out.
    pub from: Option<usize>,
    /// The callee, as its position among the nodes; absent for the part left out.
    pub to: Option<usize>,
    /// Samples that went this way, each counted once.
    #[serde(flatten)]
    pub value: Change<i64>,
    /// Sum of |Δ| (of |value| for a single profile) over the paths that went this way, by which
    /// edges are chosen.
    pub size: i64,
    /// Whether the callee was inlined into the caller wherever it was called.
    pub inline: bool,
    /// Whether rows between the two are left out.
    pub residual: bool,
}

/// The part that is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Other {
    /// Rows that are left out.
    pub nodes: usize,
    /// Calls between the shown rows that are left out.
    pub edges: usize,
    /// Flat covers samples that end in a row that is left out, cum samples that pass one.
    #[serde(flatten)]
    pub value: Change<Measure>,
    /// The growth within flat, path by path; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grew: Option<i64>,
    /// The shrinkage within flat, path by path, negative; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrank: Option<i64>,
    /// Samples whose stack begins in a row that is left out.
    pub entered: Change<i64>,
    /// As for a node.
    pub repeats: Change<i64>,
}

/// The call graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Graph {
    /// The whole that percentages refer to: the sum of |Δ| over all paths, of |value| for a single
    /// profile.
    pub whole: i64,
    /// The rows shown, the heaviest first.
    pub nodes: Vec<Node>,
    /// The calls shown, the heaviest first.
    pub edges: Vec<Edge>,
    /// The part left out, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Other>,
}

/// Builds the call graph of a subject within limits.
pub fn graph(subject: &Subject<'_>, limits: TrimLimits) -> Result<Graph, TooLarge> {
    let &Subject { series, frames, ref measured, .. } = subject;
    let rows = RowTable::new(series, frames, Unsymbolized::Binary);
    let mut stacks = subject.stacks(&rows, Unsymbolized::Binary)?;
    let mut changes = calls::changes(subject, &stacks);
    if !stacks.has_same_frames() {
        // Rows are inlined into each other in one stack and call each other in another.
        stacks = Stacks::with_same_frames(series, &rows);
        changes = of_same_rows((&stacks, &rows), &calls::changes(subject, &stacks))?;
    }
    let sizes = sizes(&changes);
    let whole: i64 = sizes.iter().fold(0, |sum, &size| sum.saturating_add(size));
    let is_held = |stack: StackId| changes[stack.index()] != (0, 0);
    let trim = || trim((&stacks, &rows), frames, &sizes, is_held, limits);
    let (trimmed, leaves) = parallel::join(trim, || leaves(series, measured.column));
    let trimmed = trimmed?;
    let tree = &trimmed.tree;
    let paths = of_paths(subject, tree, measured.column);
    let call_graph = &trimmed.graph;
    let context = Context::new(series, frames, |location| leaves[location.index()]);
    let weights: Vec<Weights> = paths.iter().map(|paths| call_graph.weigh(tree, paths)).collect();
    let columns: Vec<usize> =
        (0..series.sample_types.len()).filter(|&column| column != measured.column).collect();
    let of_columns = parallel::map(columns.len(), |i| {
        let paths = of_paths(subject, tree, columns[i]);
        paths.iter().map(|paths| call_graph.weigh(tree, paths)).collect()
    });
    let other_types: Vec<(usize, Vec<Weights>)> = columns.into_iter().zip(of_columns).collect();
    let entered = entered(call_graph, &weights);
    let mut shown: Vec<_> = call_graph
        .graph
        .node_indices()
        .filter_map(|node| Some((node, call_graph.row(node)?)))
        .collect();
    let size = |node: NodeIndex| {
        let sizes = &trimmed.sizes;
        (sizes.flat[node.index()], sizes.cum[node.index()])
    };
    shown.sort_by(|(a, row), (b, other)| {
        size(*b).cmp(&size(*a)).then_with(|| frames.name(*row).cmp(frames.name(*other)))
    });
    let values: Vec<_> =
        shown.iter().map(|&(node, row)| (row, measures(&weights, node).delta_or_value())).collect();
    let errors = errors(subject, (&stacks, &rows), &values);
    let nodes = shown.iter().zip(errors).map(|(&(node, row), error)| {
        let value = measures(&weights, node);
        let (file, line) = context.place(row);
        Node {
            name: frames.name(row).to_owned(),
            file,
            line,
            value,
            flat_percent: percent(value.delta_or_value().flat, whole),
            cum_percent: percent(value.delta_or_value().cum, whole),
            entered: entered[node.index()],
            repeats: change(&weights, |weights| weights.repeats[node.index()]),
            error,
            others: other_types
                .iter()
                .map(|(column, weights)| OfType {
                    sample_type: series.sample_types[*column].name.clone(),
                    unit: series.sample_types[*column].unit.clone(),
                    value: measures(weights, node),
                })
                .collect(),
        }
    });
    let nodes = nodes.collect();
    let mut position = vec![None; call_graph.graph.node_count()];
    for (i, (node, _)) in shown.iter().enumerate() {
        position[node.index()] = Some(i);
    }
    let mut edges: Vec<Edge> = call_graph
        .graph
        .edge_references()
        .filter(|edge| edge.source() != CallGraph::root())
        .map(|edge| Edge {
            from: position[edge.source().index()],
            to: position[edge.target().index()],
            value: change(&weights, |weights| weights.edges[edge.id().index()]),
            size: trimmed.sizes.edges[edge.id().index()],
            inline: edge.weight().is_inlined,
            residual: edge.weight().is_residual,
        })
        .filter(|edge| edge.size != 0 || !edge.value.is_zero())
        .collect();
    edges.sort_by_key(|edge| (std::cmp::Reverse(edge.size), edge.from, edge.to));
    let other = other(&trimmed, &weights, &entered, &stacks, &changes);
    Ok(Graph { whole, nodes, edges, other })
}

/// The sum of |value| in a column of the samples with each leaf.
fn leaves(series: &Series, column: usize) -> Vec<u64> {
    let mut leaves = vec![0_u64; series.symbols.locations.len()];
    for snapshot in &series.snapshots {
        for sample in 0..snapshot.samples.len() {
            if let Some(leaf) = snapshot.stack(sample).next() {
                let value = series.values(snapshot, sample)[column];
                let sum = &mut leaves[leaf.index()];
                *sum = sum.wrapping_add(value.unsigned_abs());
            }
        }
    }
    leaves
}

/// The part left out; `None` if it holds nothing.
fn other(
    trimmed: &Trimmed,
    weights: &[Weights],
    entered: &[Change<i64>],
    stacks: &Stacks<'_>,
    changes: &[(i64, i64)],
) -> Option<Other> {
    let node = trimmed.graph.other?;
    let ends_here = |id: &StackId| {
        let (snapshot, sample) = stacks.first(*id);
        let end = trimmed.tree.end(snapshot, sample);
        end != NodeId::ROOT && trimmed.graph.node_of(end) == node
    };
    let ends_here = stacks.ids().filter(ends_here);
    let changes: Vec<i64> = ends_here
        .map(|id| {
            let (before, after) = changes[id.index()];
            after.wrapping_sub(before)
        })
        .collect();
    let is_comparison = weights.len() == 2;
    let sum = |parts: &mut dyn Iterator<Item = i64>| {
        is_comparison.then(|| parts.fold(0, i64::wrapping_add))
    };
    let other = Other {
        nodes: trimmed.rows,
        edges: trimmed.calls,
        value: measures(weights, node),
        grew: sum(&mut changes.iter().copied().filter(|&change| change > 0)),
        shrank: sum(&mut changes.iter().copied().filter(|&change| change < 0)),
        entered: entered[node.index()],
        repeats: change(weights, |weights| weights.repeats[node.index()]),
    };
    // If the records left out hold nothing, there is nothing to draw.
    let is_empty = other.nodes == 0 && other.edges == 0 && other.value.is_zero();
    (!is_empty).then_some(other)
}

/// The samples whose stack begins in each node.
fn entered(graph: &CallGraph, weights: &[Weights]) -> Vec<Change<i64>> {
    let mut entered = vec![change(weights, |_| 0); graph.graph.node_count()];
    for edge in graph.graph.edges(CallGraph::root()) {
        entered[edge.target().index()] =
            change(weights, |weights| weights.edges[edge.id().index()]);
    }
    entered
}

/// Builds the change from the weights of each snapshot: the only one, or before and after.
fn change<T: Value>(weights: &[Weights], of: impl Fn(&Weights) -> T) -> Change<T> {
    match weights {
        [before, after] => Change::new(Some(of(before)), of(after)),
        [after] => Change::new(None, of(after)),
        _ => Change::default(),
    }
}

fn measures(weights: &[Weights], node: NodeIndex) -> Change<Measure> {
    change(weights, |weights| Measure {
        flat: weights.flat[node.index()],
        cum: weights.cum[node.index()],
    })
}

impl Graph {
    /// The flat and cum of each node, as shown in a drawing.
    pub fn main(&self) -> impl Iterator<Item = Measure> + '_ {
        self.nodes.iter().map(|node| node.value.delta_or_value())
    }
}
