//! One level around rows: for each row whose name matches, who calls it and whom it calls, with what goes along each
//! call.

use super::calls::{Errors, Measures, Weight, errors, of_paths, tree};
use super::{Measure, NoMatch, Order, Subject, percent};
use crate::graph::call::{CallGraph, Weights};
use crate::graph::frames::RowId;
use crate::graph::tree::TooLarge;
use petgraph::Direction;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A row that calls, or is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbor {
    /// Its name.
    pub name: String,
    /// Of samples that went along this call, each counted once.
    #[serde(flatten)]
    pub weight: Weight,
    /// Whether the callee was inlined into the caller wherever it was called.
    pub inline: bool,
}

/// A row and one level around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Flat and cum.
    #[serde(flatten)]
    pub value: Measures,
    /// Flat (its change) as a share of all that changed, or of the total of a single profile, in percent.
    pub flat_percent: Option<f64>,
    /// Cum (its change) as a share of the same, in percent.
    pub cum_percent: Option<f64>,
    /// 95 % intervals of the sampling error.
    pub error: Option<Errors>,
    /// Rows that call it, the heaviest call first.
    pub callers: Vec<Neighbor>,
    /// Rows that it calls, the heaviest call first.
    pub callees: Vec<Neighbor>,
}

/// The answer to "who calls it, and whom does it call".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peek {
    /// The regular expression that names match; absent where all rows were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The rows, heaviest first.
    pub rows: Vec<Row>,
    /// Further rows left out by `--nodecount`.
    pub omitted: usize,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// No name matches.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// Too many paths.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// The rows that match `pattern`, or all of them; at most `nodecount`, where that is not 0.
pub fn peek(
    subject: &Subject<'_>,
    pattern: Option<&Regex>,
    order: Order,
    nodecount: usize,
) -> Result<Peek, Error> {
    let &Subject { frames, ref measured, .. } = subject;
    let tree = tree(subject)?;
    let rows = (0..frames.len() as u32).map(RowId);
    let is_match = |row| pattern.is_none_or(|regex| regex.is_match(frames.name(row)));
    let is_match: Vec<bool> = rows.map(is_match).collect();
    let graph = CallGraph::around(&tree, frames.len(), |row| is_match[row.0 as usize]);
    let paths = of_paths(subject, &tree, measured.column);
    let sizes = super::calls::sizes(&paths);
    let whole = sizes.iter().fold(0, |sum: i64, &size| sum.saturating_add(size));
    let weights: Vec<Weights> = paths.iter().map(|paths| graph.weigh(&tree, paths)).collect();
    let weight =
        |of: &dyn Fn(&Weights) -> i64| Weight::of(&weights.iter().map(of).collect::<Vec<_>>());
    let measures = |node: NodeIndex| {
        let i = node.index();
        Measures::of(weight(&|weights| weights.flat[i]), weight(&|weights| weights.cum[i]))
    };
    let named = |node: NodeIndex| graph.row(node).map(|row| frames.name(row));
    // What a filter took away, or was never there in this sample type, is no row.
    let present: Vec<(NodeIndex, RowId, Measures)> = graph
        .graph
        .node_indices()
        .filter_map(|node| Some((node, graph.row(node)?, measures(node))))
        .filter(|(_, _, value)| !value.is_zero())
        .collect();
    let mut matching: Vec<(NodeIndex, &str, Measures)> = present
        .iter()
        .filter(|(_, row, _)| is_match[row.0 as usize])
        .map(|&(node, row, value)| (node, frames.name(row), value))
        .collect();
    if let (Some(pattern), true) = (pattern, matching.is_empty()) {
        let names = present.iter().map(|&(_, row, _)| frames.name(row));
        return Err(NoMatch::new(
            if frames.by_function_name() { "function" } else { "row" },
            pattern.as_str(),
            names,
        )
        .into());
    }
    matching.sort_by(|(_, a, left), (_, b, right)| {
        let size = |value: &Measures| {
            let Measure { flat, cum } = value.main();
            if order == Order::Cum { cum.unsigned_abs() } else { flat.unsigned_abs() }
        };
        size(right).cmp(&size(left)).then_with(|| a.cmp(b))
    });
    let shown = if nodecount == 0 { matching.len() } else { nodecount.min(matching.len()) };
    let omitted = matching.len() - shown;
    matching.truncate(shown);
    let asked: Vec<_> = matching
        .iter()
        .filter_map(|(node, _, value)| Some((graph.row(*node)?, value.main())))
        .collect();
    let errors = errors(subject, &tree, &asked);
    let neighbors = |node: NodeIndex, direction: Direction| {
        let mut found: Vec<Neighbor> = graph
            .graph
            .edges_directed(node, direction)
            .filter_map(|edge| {
                let other =
                    if direction == Direction::Incoming { edge.source() } else { edge.target() };
                Some(Neighbor {
                    name: named(other)?.to_owned(),
                    weight: weight(&|weights| weights.edges[edge.id().index()]),
                    inline: edge.weight().is_inlined,
                })
            })
            .filter(|neighbor| !neighbor.weight.is_zero())
            .collect();
        found.sort_by(|a, b| {
            let size = |neighbor: &Neighbor| neighbor.weight.main().unsigned_abs();
            size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name))
        });
        found
    };
    let rows = matching.iter().zip(errors).map(|((node, name, value), error)| Row {
        name: (*name).to_owned(),
        value: *value,
        flat_percent: percent(value.main().flat, whole),
        cum_percent: percent(value.main().cum, whole),
        error,
        callers: neighbors(*node, Direction::Incoming),
        callees: neighbors(*node, Direction::Outgoing),
    });
    Ok(Peek {
        pattern: pattern.map(|pattern| pattern.as_str().to_owned()),
        rows: rows.collect(),
        omitted,
    })
}
