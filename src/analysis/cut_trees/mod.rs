//! The paths of one snapshot, or of two, as trees that a page can hold: from the roots and from the leaves, with all
//! sample types at once.
//!
//! A profile has millions of paths. The score of a path is the largest share that it has of any sample type: of the
//! values before, after, or of all that changed. It never rises towards the end of a path, so the paths with the highest
//! scores form a tree. What else is beneath a node is one more child, which says how many stacks it stands for. All
//! values are exact, so that a node is the sum of its own and of its children.

mod ahead;
mod grow;
mod weights;

use super::{Measured, Subject};
use crate::analysis::matched_samples::{KindsOfEvidence, SumEvidence};
use crate::graph::distinct_stacks::{StackId, Stacks, TooLarge};
use crate::graph::frames::{RowId, Unsymbolized};
use crate::graph::row_table::RowTable;
use crate::graph::walk::{From, Paths};
use crate::model::origin::Owner;
use crate::parallel;
use crate::stats::{Garwood, LEVEL};
use grow::{Grown, NONE, grow};
use weights::Weights;

/// Which paths are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CutTreesQuery {
    /// Most paths of a tree.
    pub most: usize,
    /// Whether two snapshots are compared; otherwise all are added up.
    pub is_comparison: bool,
    /// The end that paths begin with; `None` asks for both trees.
    pub from: Option<From>,
}

/// The paths of one snapshot, or of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutTrees {
    /// Whether there is a before.
    pub is_comparison: bool,
    /// The sample types, in the order of the profile.
    pub types: Vec<TreeType>,
    /// The frames of both trees.
    pub names: Vec<TreeName>,
    /// The tree whose paths begin with the outermost caller; empty if it wasn't asked for.
    pub root_first: CutTree,
    /// The tree whose paths begin with the function that allocated; empty if it wasn't asked for.
    pub leaf_first: CutTree,
    /// Number of distinct stacks.
    pub paths: usize,
}

impl CutTrees {
    /// The same trees for a report about another sample type, by its position: they are of all.
    pub fn about(&mut self, column: usize) {
        for (at, of_type) in self.types.iter_mut().enumerate() {
            of_type.is_main = at == column;
        }
    }

    /// The bytes they take, roughly.
    pub fn bytes(&self) -> usize {
        const NODE: usize = 16;
        const VALUES: usize = 24;
        let nodes = self.root_first.nodes.len() + self.leaf_first.nodes.len();
        let names: usize = self.names.iter().map(|name| name.name.len() + NODE).sum();
        nodes * (NODE + VALUES * self.types.len()) + names
    }

    /// The tree whose paths begin there.
    pub fn tree(&self, from: From) -> &CutTree {
        match from {
            From::Root => &self.root_first,
            From::Leaf => &self.leaf_first,
        }
    }
}

/// A sample type of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeType {
    /// Its name: `inuse_space`.
    pub name: String,
    /// Its unit: `bytes`.
    pub unit: String,
    /// Whether the report is about it.
    pub is_main: bool,
    /// The sums before and after; a single snapshot is the second.
    pub totals: [i64; 2],
    /// The least |Δ|, or |value| of a single snapshot, of each step of colour. They depend on the totals alone.
    pub steps: [i64; 4],
}

/// A frame of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeName {
    /// Its name.
    pub name: String,
    /// Whose code it is.
    pub owner: Owner,
}

/// A tree of the paths with the highest scores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutTree {
    /// The nodes, each directly before its children, the highest score first and the node that represents others last.
    pub nodes: Vec<TreeNode>,
    /// Values of the nodes, by sample type.
    pub values: Vec<TreeValues>,
}

impl CutTree {
    /// Number of stacks that aren't among others.
    pub fn stacks_shown(&self, of: usize) -> usize {
        let others = self.nodes.iter().map(|node| match node.what {
            TreePath::Frame(_) => 0,
            TreePath::Others(stacks) => stacks as usize,
        });
        of.saturating_sub(others.sum())
    }
}

/// A node of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeNode {
    /// Number of nodes above it.
    pub depth: u32,
    /// What it represents.
    pub what: TreePath,
}

/// What a node represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreePath {
    /// A path: position of the name of its last frame.
    Frame(u32),
    /// So many further stacks beneath its parent.
    Others(u32),
}

/// The values of all nodes in one sample type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeValues {
    /// Sums before over the stacks that end in each node; empty for a single snapshot.
    pub before: Vec<i64>,
    /// Sums after.
    pub after: Vec<i64>,
    /// Half the width of the 95 % interval of the node with all beneath it: of Δ, or of the value of a single snapshot.
    /// Empty if it is unknown, or if the profile counts everything.
    pub errors: Vec<u64>,
}

/// Builds the trees of one snapshot, or of two.
///
/// # Errors
///
/// Fails if the stacks are too long to follow.
pub fn cut_trees(subject: &Subject<'_>, asked: CutTreesQuery) -> Result<CutTrees, TooLarge> {
    let Subject { series, frames, .. } = *subject;
    let rows = RowTable::new(series, frames, Unsymbolized::Address);
    let stacks = subject.stacks(&rows, Unsymbolized::Address)?;
    let weights = Weights::new(subject, &stacks);
    let types = series.sample_types.len();
    let of_types: Vec<Subject<'_>> = (0..types)
        .map(|column| Subject { measured: Measured::new(&series.sample_types, column), ..*subject })
        .collect();
    let trees = || {
        let paths = Paths::new(&stacks, &rows, frames, Unsymbolized::Address);
        let of = |from| match asked.from {
            Some(other) if other != from => Grown::default(),
            _ => grow((&paths, from), frames, &weights, asked.most),
        };
        parallel::join(|| of(From::Root), || of(From::Leaf))
    };
    // The errors of a sum of snapshots aren't those of its stacks.
    let has_errors = subject.is_comparison() || series.snapshots.len() <= 1;
    let evidence = || has_errors.then(|| KindsOfEvidence::new(&of_types));
    let ((root_first, leaf_first), evidence) = parallel::join(trees, evidence);
    let mut grown = [root_first, leaf_first];
    if let Some(evidence) = evidence {
        add_errors(&of_types, (&stacks, &evidence), &mut grown);
    }
    let mut names = Names { names: Vec::new(), of_row: vec![None; frames.len()] };
    let [root_first, leaf_first] = grown.map(|grown| names.name(subject, grown, types));
    Ok(CutTrees {
        is_comparison: subject.is_comparison(),
        types: (0..types).map(|column| weights.tree_type(subject, column)).collect(),
        names: names.names,
        root_first,
        leaf_first,
        paths: weights.held,
    })
}

/// Adds up the evidence of the records for each node, and finds the errors of all sample types, each of which is a
/// subject.
fn add_errors(
    of_types: &[Subject<'_>],
    (stacks, evidence): (&Stacks<'_>, &KindsOfEvidence<'_>),
    trees: &mut [Grown; 2],
) {
    parallel::map_chunks_mut(trees, 1, |_, trees| {
        for tree in trees.iter_mut().filter(|tree| !tree.nodes.is_empty()) {
            let node = |stack: StackId| Some(tree.of_stack[stack.index()]).filter(|&n| n != NONE);
            let mut sums = evidence.sums(stacks, tree.nodes.len(), node);
            for ((column, subject), sums) in of_types.iter().enumerate().zip(&mut sums) {
                if sums.is_empty() {
                    continue;
                }
                for node in (0..tree.nodes.len()).rev() {
                    if let Some(parent) = tree.parents[node] {
                        let own = sums[node];
                        sums[parent as usize].merge(&own);
                    }
                }
                tree.errors[column] = errors(subject, &tree.cum(column), sums);
            }
        }
    });
}

/// Nodes whose errors are computed at once.
const PIECE: usize = 1000;

/// Half the width of each interval.
fn errors(subject: &Subject<'_>, cum: &[[i64; 2]], sums: &[SumEvidence]) -> Vec<u64> {
    let all: Vec<(&[i64; 2], &SumEvidence)> = cum.iter().zip(sums).collect();
    let pieces: Vec<_> = all.chunks(PIECE).collect();
    let errors = parallel::map(pieces.len(), |piece| {
        let mut limits = Garwood::new(LEVEL);
        let half = |&(&sides, evidence): &(&[i64; 2], &SumEvidence)| {
            let value = subject.change(sides).delta_or_value();
            let bounds = evidence.bounds_of(value, &mut limits);
            (bounds.upper.abs_diff(bounds.lower)).div_ceil(2)
        };
        pieces[piece].iter().map(half).collect::<Vec<_>>()
    });
    errors.concat()
}

/// The names of frames, each once.
struct Names {
    names: Vec<TreeName>,
    of_row: Vec<Option<u32>>,
}

impl Names {
    /// Turns rows into names.
    fn name(&mut self, subject: &Subject<'_>, grown: Grown, types: usize) -> CutTree {
        let nodes = grown.nodes.iter().map(|node| TreeNode {
            depth: node.depth,
            what: match node.row {
                Some(row) => TreePath::Frame(self.of(row, subject)),
                None => TreePath::Others(node.paths),
            },
        });
        let nodes = nodes.collect();
        let mut errors = grown.errors;
        let values = (0..types).map(|column| {
            let side = |side: usize| grown.flat.iter().map(move |flat| flat[2 * column + side]);
            TreeValues {
                before: side(0).filter(|_| subject.is_comparison()).collect(),
                after: side(1).collect(),
                errors: errors.get_mut(column).map(std::mem::take).unwrap_or_default(),
            }
        });
        CutTree { values: values.collect(), nodes }
    }

    fn of(&mut self, row: RowId, subject: &Subject<'_>) -> u32 {
        *self.of_row[row.0 as usize].get_or_insert_with(|| {
            let owner = subject.frames.row(row).owner;
            self.names.push(TreeName { name: subject.frames.name(row).to_owned(), owner });
            self.names.len() as u32 - 1
        })
    }
}
