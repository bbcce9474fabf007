//! The call graph of a series (which row calls which), folded from the call tree.
//!
//! A node is a row; an edge is a call from one row to another. The root of all stacks is a node
//! too, with an edge to the first row of each stack, so the graph has one entry and the edges into
//! a node account for all its samples. All rows that are left out form one node, [`Vertex::Other`],
//! which holds what begins and ends among them. A stack that only passes through such rows gets an
//! edge that skips them, from the last kept row before to the next kept row after; that edge is
//! `residual`.
//!
//! A sample counts once for a node and once for an edge, however often its stack passes it, and a
//! row that calls itself has no edge to itself: pprof's rules. So for every node but the root, and
//! for values of every kind,
//!
//! > weights in = flat + weights out + repeats,
//!
//! where `repeats` is what recursion removes from one side only: 0 unless a stack walks along an
//! edge twice. Leaving out rows or edges changes no term of a row that stays.
//!
//! The graph holds the shape, and [`CallGraph::weigh`] adds up values of any kind: for each sample
//! type and snapshot, or sizes of changes. All samples beneath a node of the tree share the path to
//! it, so one pass over the nodes is enough.

use super::frames::RowId;
use super::tree::{NodeId, Tree};
use hashbrown::HashMap;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;
use rustc_hash::FxBuildHasher;

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vertex {
    /// Where every stack begins.
    Root,
    /// A row.
    Row(RowId),
    /// All rows that are left out.
    Other,
}

/// An edge of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whether the callee was inlined into the caller wherever it was called.
    pub is_inlined: bool,
    /// Whether rows between the two were left out.
    pub is_residual: bool,
}

/// Values of the nodes and edges of a graph, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Sum over the samples that end in a node.
    pub flat: Vec<i64>,
    /// Sum over the samples with a node in their stack.
    pub cum: Vec<i64>,
    /// What the edges out of a node lack, minus what the edges into it lack, because stacks pass
    /// them more than once.
    pub repeats: Vec<i64>,
    /// Sum over the samples whose stack passes along an edge.
    pub edges: Vec<i64>,
}

/// The call graph.
#[derive(Clone, Debug)]
pub struct CallGraph {
    /// Nodes and edges.
    pub graph: DiGraph<Vertex, Call>,
    /// The node of all rows that are left out, if there are any.
    pub other: Option<NodeIndex>,
    /// The node and edges that each node of the tree adds to.
    steps: Vec<Step>,
    /// The edges of the tree.
    raw: Vec<(u32, u32)>,
    /// The edges of the graph that each of those is part of: one, or two if it is left out.
    routes: Vec<[u32; 2]>,
}

/// The node where every stack begins.
const ROOT: u32 = 0;
/// No node or edge.
const NONE: u32 = u32::MAX;

/// The node and edges that a node of the tree adds to.
#[derive(Clone, Copy, Debug)]
struct Step {
    vertex: u32,
    /// The edge to it, for all samples beneath it.
    edge: u32,
    /// The edge into the left-out rows, for samples that end here.
    end: u32,
    /// Whether its vertex appears here first on the path.
    is_first: bool,
    /// Whether its edge appears further up on the path.
    is_repeat: bool,
}

impl CallGraph {
    /// Where every stack begins.
    pub fn root() -> NodeIndex {
        NodeIndex::new(ROOT as usize)
    }

    /// Builds the graph of the rows that `is_kept` accepts.
    pub fn new(tree: &Tree, rows: usize, is_kept: impl Fn(RowId) -> bool) -> Self {
        let mut folding = Folding::new(tree.len(), rows);
        let children = tree.children();
        // Enter a node, then everything beneath it, then leave it.
        let mut path = vec![(NodeId::ROOT, ROOT, Turn::Enter)];
        while let Some((id, from, turn)) = path.pop() {
            let step = folding.steps[id.index()];
            if turn == Turn::Leave {
                folding.close(step);
                continue;
            }
            let mut below = from;
            if id != NodeId::ROOT {
                let node = tree.node(id);
                let is_direct = node.parent == NodeId::ROOT || is_kept(tree.node(node.parent).row);
                let call = Call {
                    is_inlined: node.is_inlined && is_direct,
                    is_residual: !is_direct && from != ROOT,
                };
                below = if is_kept(node.row) {
                    folding.enter_row(id, node.row, from, call)
                } else {
                    folding.enter_other(id, node.parent == NodeId::ROOT, from)
                };
                path.push((id, from, Turn::Leave));
            }
            path.extend(children.of(id).iter().rev().map(|&id| (id, below, Turn::Enter)));
        }
        folding.finish()
    }

    /// Adds up values of paths, one per node of the tree, for every node and edge.
    pub fn weigh(&self, tree: &Tree, of_paths: &[i64]) -> Weights {
        let nodes = self.graph.node_count();
        let mut weights = Weights {
            flat: vec![0; nodes],
            cum: vec![0; nodes],
            repeats: vec![0; nodes],
            edges: vec![0; self.graph.edge_count()],
        };
        let mut raw = vec![0_i64; self.raw.len()];
        let add = |sum: &mut i64, value: i64| *sum = sum.wrapping_add(value);
        let cumulated = tree.cumulate(of_paths.to_vec());
        weights.cum[ROOT as usize] = cumulated[NodeId::ROOT.index()];
        let values = of_paths.iter().zip(&cumulated);
        for (step, (&flat, &value)) in self.steps.iter().zip(values).skip(1) {
            // Few nodes of the tree end a path, and few paths have a value other than zero.
            if flat != 0 {
                add(&mut weights.flat[step.vertex as usize], flat);
                if step.end != NONE {
                    add(&mut raw[step.end as usize], flat);
                }
            }
            if value == 0 {
                continue;
            }
            if step.is_first {
                add(&mut weights.cum[step.vertex as usize], value);
            }
            if step.edge == NONE {
                continue;
            }
            if step.is_repeat {
                let (from, to) = self.raw[step.edge as usize];
                add(&mut weights.repeats[from as usize], value);
                add(&mut weights.repeats[to as usize], value.wrapping_neg());
            } else {
                add(&mut raw[step.edge as usize], value);
            }
        }
        for (routes, value) in self.routes.iter().zip(raw) {
            for &edge in routes.iter().filter(|&&edge| edge != NONE) {
                add(&mut weights.edges[edge as usize], value);
            }
        }
        weights
    }

    /// The row of a node; `None` for the root and for the left-out rows.
    pub fn row(&self, node: NodeIndex) -> Option<RowId> {
        match self.graph[node] {
            Vertex::Row(row) => Some(row),
            Vertex::Root | Vertex::Other => None,
        }
    }

    /// The node for each node of the tree; the entry of the tree's root means nothing.
    pub fn node_of(&self, id: NodeId) -> NodeIndex {
        NodeIndex::new(self.steps[id.index()].vertex as usize)
    }

    /// Leaves out edges between rows: their samples go from the caller into [`Vertex::Other`], and
    /// from there to the callee.
    #[must_use]
    pub fn without(self, is_left_out: impl Fn(EdgeIndex) -> bool) -> Self {
        let Self { graph, mut other, steps, raw, routes } = self;
        let is_row = |node: NodeIndex| matches!(graph[node], Vertex::Row(_));
        let mut edges = Edges::default();
        edges.vertices.extend(graph.node_weights());
        let mut replaced = Vec::with_capacity(graph.edge_count());
        for edge in graph.edge_references() {
            let [from, to] = [edge.source(), edge.target()].map(|node| node.index() as u32);
            let between_rows = is_row(edge.source()) && is_row(edge.target());
            replaced.push(if between_rows && is_left_out(edge.id()) {
                let other = other.map_or_else(
                    || edges.vertex(Vertex::Other),
                    |other: NodeIndex| other.index() as u32,
                );
                [edges.edge(from, other, OVER), edges.edge(other, to, OVER)]
            } else {
                [edges.edge(from, to, *edge.weight()), NONE]
            });
            let is_new = other.is_none() && edges.vertices.len() > graph.node_count();
            other = if is_new { Some(NodeIndex::new(graph.node_count())) } else { other };
        }
        let routes = routes.into_iter().map(|[edge, more]| match more {
            NONE => replaced[edge as usize],
            // An edge with the left-out rows at one end stays one edge.
            more => [replaced[edge as usize][0], replaced[more as usize][0]],
        });
        let routes = routes.collect();
        Self { graph: edges.graph(), other, steps, raw, routes }
    }
}

/// An edge into or out of the left-out rows.
const OVER: Call = Call { is_inlined: false, is_residual: true };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Enter,
    Leave,
}

/// A graph under construction, each edge once.
#[derive(Default)]
struct Edges {
    vertices: Vec<Vertex>,
    ends: Vec<(u32, u32)>,
    live: Vec<Live>,
    index: HashMap<u64, u32, FxBuildHasher>,
}

/// Everything read when an edge is met, kept together.
#[derive(Clone, Copy)]
struct Live {
    call: Call,
    /// How often the edge occurs on the current path.
    open: u32,
}

impl Edges {
    fn edge(&mut self, from: u32, to: u32, call: Call) -> u32 {
        let edge = *self.index.entry(u64::from(from) << 32 | u64::from(to)).or_insert_with(|| {
            self.ends.push((from, to));
            self.live.push(Live { call, open: 0 });
            self.ends.len() as u32 - 1
        });
        let known = &mut self.live[edge as usize].call;
        known.is_inlined &= call.is_inlined;
        known.is_residual |= call.is_residual;
        edge
    }

    fn vertex(&mut self, vertex: Vertex) -> u32 {
        self.vertices.push(vertex);
        self.vertices.len() as u32 - 1
    }

    fn graph(&self) -> DiGraph<Vertex, Call> {
        let mut graph = DiGraph::with_capacity(self.vertices.len(), self.ends.len());
        for &vertex in &self.vertices {
            graph.add_node(vertex);
        }
        for (&(from, to), live) in self.ends.iter().zip(&self.live) {
            graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), live.call);
        }
        graph
    }
}

/// The state of folding a tree.
struct Folding {
    edges: Edges,
    steps: Vec<Step>,
    /// The node of each row.
    vertices: Vec<u32>,
    other: Option<u32>,
    /// How often each node occurs on the current path.
    open: Vec<u32>,
}

impl Folding {
    fn new(tree: usize, rows: usize) -> Self {
        let unmet = Step { vertex: NONE, edge: NONE, end: NONE, is_first: false, is_repeat: false };
        let mut folding = Self {
            edges: Edges::default(),
            steps: vec![unmet; tree],
            vertices: vec![NONE; rows],
            other: None,
            open: Vec::new(),
        };
        folding.vertex(Vertex::Root);
        folding
    }

    fn vertex(&mut self, vertex: Vertex) -> u32 {
        self.open.push(0);
        self.edges.vertex(vertex)
    }

    fn other(&mut self) -> u32 {
        let other = self.other.unwrap_or_else(|| self.vertex(Vertex::Other));
        self.other = Some(other);
        other
    }

    /// Enters a row from the last node before it; what is beneath is entered from this row.
    fn enter_row(&mut self, id: NodeId, row: RowId, from: u32, call: Call) -> u32 {
        let mut vertex = self.vertices[row.0 as usize];
        if vertex == NONE {
            vertex = self.vertex(Vertex::Row(row));
            self.vertices[row.0 as usize] = vertex;
        }
        let mut step = self.step(vertex);
        if from != vertex {
            step.edge = self.edges.edge(from, vertex, call);
            step.is_repeat = self.edges.live[step.edge as usize].open > 0;
        }
        self.open(id, step);
        vertex
    }

    /// Enters a row that is left out. What is beneath is entered from the last kept row before it,
    /// or from the left-out rows if there is none.
    fn enter_other(&mut self, id: NodeId, is_outermost: bool, from: u32) -> u32 {
        let other = self.other();
        let mut step = self.step(other);
        let mut below = from;
        if is_outermost {
            step.edge = self.edges.edge(from, other, OVER);
            below = other;
        } else if from != other {
            step.end = self.edges.edge(from, other, OVER);
        }
        self.open(id, step);
        below
    }

    fn step(&self, vertex: u32) -> Step {
        let is_first = self.open[vertex as usize] == 0;
        Step { vertex, edge: NONE, end: NONE, is_first, is_repeat: false }
    }

    fn open(&mut self, id: NodeId, step: Step) {
        self.open[step.vertex as usize] += 1;
        if step.edge != NONE {
            self.edges.live[step.edge as usize].open += 1;
        }
        self.steps[id.index()] = step;
    }

    fn close(&mut self, step: Step) {
        self.open[step.vertex as usize] -= 1;
        if step.edge != NONE {
            self.edges.live[step.edge as usize].open -= 1;
        }
    }

    fn finish(self) -> CallGraph {
        let raw = self.edges.ends.clone();
        CallGraph {
            other: self.other.map(|other| NodeIndex::new(other as usize)),
            steps: self.steps,
            routes: (0..raw.len() as u32).map(|edge| [edge, NONE]).collect(),
            raw,
            graph: self.edges.graph(),
        }
    }
}
