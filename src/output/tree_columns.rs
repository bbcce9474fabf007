//! A tree of paths in the format `hdt1`, which a page reads.
//!
//! A head in JSON, a zero byte, and columns of numbers, each column whole before the next. A number is LEB128, a signed one
//! zigzag first. Nodes are in the order of [`CutTree`], so the depths give the tree. The columns are:
//!
//! 1. the depth, as its difference from the depth before, signed;
//! 2. the name: 0 if the node represents other paths, else one more than its position in `names`;
//! 3. for each sample type the values before (of a comparison) and after of the stacks that end in the node, signed if
//!    the head says so, then the error, see [`Codes`];
//! 4. for each node that represents other paths, how many stacks these are.
//!
//! The value of a node with all beneath it is the sum upwards, so a reader can't get it wrong. docs/tree-format.md
//! describes the format for other programs.

use crate::analysis::cut_trees::{CutTree, CutTrees, TreeNode, TreePath, TreeType, TreeValues};
use crate::filter::Granularity;
use crate::graph::walk::From;
use crate::model::origin::Owner;
use serde::Serialize;
use std::io;

/// The head.
#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    order: &'static str,
    granularity: Granularity,
    names: Vec<&'a str>,
    /// Whose code each name is.
    kinds: Vec<u8>,
    types: Vec<HeadType<'a>>,
    snapshots: u8,
    signed: bool,
    nodes: usize,
    others: usize,
    paths: usize,
    totals: Vec<Vec<i64>>,
    steps: Vec<[i64; 4]>,
}

#[derive(Serialize)]
struct HeadType<'a> {
    name: &'a str,
    unit: &'a str,
    index: usize,
    default: bool,
}

/// The tree whose paths begin there, as bytes.
pub fn encode(trees: &CutTrees, from: From, granularity: Granularity) -> io::Result<Vec<u8>> {
    let tree = trees.tree(from);
    let mut bytes = serde_json::to_vec(&head(trees, tree, from, granularity))?;
    bytes.push(0);
    let mut above = 0;
    for node in &tree.nodes {
        unsigned(zigzag(i64::from(node.depth) - above), &mut bytes);
        above = i64::from(node.depth);
    }
    for node in &tree.nodes {
        let name = match node.what {
            TreePath::Frame(name) => u64::from(name) + 1,
            TreePath::Others(_) => 0,
        };
        unsigned(name, &mut bytes);
    }
    let (is_signed, codes) = (is_signed(tree), Codes::new());
    for values in &tree.values {
        for side in [&values.before, &values.after] {
            for &value in side {
                let number = if is_signed { zigzag(value) } else { value.cast_unsigned() };
                unsigned(number, &mut bytes);
            }
        }
        for node in 0..tree.nodes.len() {
            unsigned(codes.of(values.errors.get(node).copied()), &mut bytes);
        }
    }
    for node in &tree.nodes {
        if let TreePath::Others(paths) = node.what {
            unsigned(u64::from(paths), &mut bytes);
        }
    }
    Ok(bytes)
}

/// The same as JSON, for readers without a decoder: the columns as lists, with what a decoder would add up.
#[derive(Serialize)]
struct Columns<'a> {
    head: Head<'a>,
    depth: Vec<u32>,
    name: Vec<u32>,
    /// For each sample type and snapshot, what ends in each node.
    flat: Vec<Vec<&'a [i64]>>,
    /// For each sample type the error of each node: `None` is unknown.
    error: Vec<Vec<Option<f64>>>,
    /// How many stacks each node represents that is for other paths.
    paths: Vec<u32>,
    /// For each sample type and snapshot, each node with all beneath it.
    cum: Vec<Vec<Vec<i64>>>,
}

/// The tree whose paths begin there, as columns in JSON.
pub fn columns(trees: &CutTrees, from: From, granularity: Granularity) -> io::Result<Vec<u8>> {
    let tree = trees.tree(from);
    let codes = Codes::new();
    let sides = |values| sides_of(values, trees.is_comparison);
    let others = tree.nodes.iter().filter_map(|node| match node.what {
        TreePath::Others(paths) => Some(paths),
        TreePath::Frame(_) => None,
    });
    let columns = Columns {
        head: head(trees, tree, from, granularity),
        depth: tree.nodes.iter().map(|node| node.depth).collect(),
        name: (tree.nodes.iter())
            .map(|node| match node.what {
                TreePath::Frame(name) => name + 1,
                TreePath::Others(_) => 0,
            })
            .collect(),
        flat: tree.values.iter().map(sides).collect(),
        error: (tree.values.iter())
            .map(|values| {
                let errors = (0..tree.nodes.len()).map(|node| values.errors.get(node).copied());
                errors.map(|error| codes.value(codes.of(error))).collect()
            })
            .collect(),
        paths: others.collect(),
        cum: (tree.values.iter())
            .map(|values| {
                sides(values).into_iter().map(|side| sums_upwards(&tree.nodes, side)).collect()
            })
            .collect(),
    };
    Ok(serde_json::to_vec(&columns)?)
}

/// The values before, of a comparison, and after.
fn sides_of(values: &TreeValues, is_comparison: bool) -> Vec<&[i64]> {
    let before = Some(values.before.as_slice()).filter(|_| is_comparison);
    before.into_iter().chain([values.after.as_slice()]).collect()
}

/// The value of each node with all beneath it.
fn sums_upwards(nodes: &[TreeNode], flat: &[i64]) -> Vec<i64> {
    let mut sums = flat.to_vec();
    let mut way: Vec<usize> = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        way.truncate(node.depth as usize);
        way.iter().for_each(|&above| sums[above] = sums[above].wrapping_add(flat[i]));
        way.push(i);
    }
    sums
}

fn head<'a>(trees: &'a CutTrees, tree: &CutTree, from: From, granularity: Granularity) -> Head<'a> {
    let sides =
        |of: &TreeType| if trees.is_comparison { of.totals.to_vec() } else { vec![of.totals[1]] };
    let others = tree.nodes.iter().filter(|node| matches!(node.what, TreePath::Others(_)));
    Head {
        format: "hdt1",
        order: match from {
            From::Root => "root-first",
            From::Leaf => "leaf-first",
        },
        granularity,
        names: trees.names.iter().map(|name| name.name.as_str()).collect(),
        kinds: trees.names.iter().map(|name| kind(name.owner)).collect(),
        types: (trees.types.iter().enumerate())
            .map(|(index, of)| HeadType {
                name: &of.name,
                unit: &of.unit,
                index,
                default: of.is_main,
            })
            .collect(),
        snapshots: if trees.is_comparison { 2 } else { 1 },
        signed: is_signed(tree),
        nodes: tree.nodes.len(),
        others: others.count(),
        paths: trees.paths,
        totals: trees.types.iter().map(sides).collect(),
        steps: trees.types.iter().map(|of| of.steps).collect(),
    }
}

/// Whose code a frame is: 0 is unknown.
fn kind(owner: Owner) -> u8 {
    match owner {
        Owner::Unknown => 0,
        Owner::Own => 1,
        Owner::Dependency | Owner::Generated => 2,
        Owner::StandardLibrary
        | Owner::Runtime
        | Owner::Descriptor
        | Owner::Profiler
        | Owner::ProfileServer => 3,
    }
}

fn is_signed(tree: &CutTree) -> bool {
    let mut sides = tree.values.iter().flat_map(|values| [&values.before, &values.after]);
    sides.any(|side| side.iter().any(|&value| value < 0))
}

/// The factor from one code of an error to the next.
const STEP: f64 = 1.02;

/// Errors as codes: 0 is exact, 1 unknown, and k stands for 1.02^(k − 2), rounded up. The powers are made by repeated
/// multiplication, so that a reader can make the same ones.
struct Codes {
    powers: Vec<f64>,
}

impl Codes {
    fn new() -> Self {
        let next = |power: &f64| Some(power * STEP).filter(|&power| power < 2.0 * u64::MAX as f64);
        Self { powers: std::iter::successors(Some(1.0), next).collect() }
    }

    /// The error that a code stands for; `None` is unknown.
    fn value(&self, code: u64) -> Option<f64> {
        match code {
            0 => Some(0.0),
            1 => None,
            code => self.powers.get(code as usize - 2).map(|power| power.ceil()),
        }
    }

    /// The least code that stands for at least this error.
    fn of(&self, error: Option<u64>) -> u64 {
        match error {
            None => 1,
            Some(0) => 0,
            Some(error) => {
                self.powers.partition_point(|power| power.ceil() < error as f64) as u64 + 2
            }
        }
    }
}

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

fn unsigned(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
