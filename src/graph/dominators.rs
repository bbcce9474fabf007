//! Dominators: the rows that every path to a row has to pass.
//!
//! Real call graphs have a trickle of samples on side paths, and one of them is enough to leave a
//! row without a dominator. So the caller leaves out the lightest paths, and reports the share that
//! the dominator holds.

use super::frames::RowId;
use hashbrown::HashMap;
use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxBuildHasher;

/// The rows that every path from a root to `row` passes, nearest first. A call is a caller and its
/// callee, and each row counts once for all of its calls; the caller of a root is `None`.
pub fn dominators(
    row: RowId,
    calls: impl IntoIterator<Item = (Option<RowId>, RowId)>,
) -> Vec<RowId> {
    let mut graph: DiGraph<Option<RowId>, ()> = DiGraph::new();
    // Above all roots.
    let top = graph.add_node(None);
    let mut nodes: HashMap<RowId, NodeIndex, FxBuildHasher> = HashMap::default();
    let mut node = |graph: &mut DiGraph<_, _>, row: RowId| {
        *nodes.entry(row).or_insert_with(|| graph.add_node(Some(row)))
    };
    let target = node(&mut graph, row);
    for (caller, callee) in calls {
        let caller = caller.map_or(top, |row| node(&mut graph, row));
        let callee = node(&mut graph, callee);
        graph.add_edge(caller, callee, ());
    }
    let found = simple_fast(&graph, top);
    let strict = found.strict_dominators(target).into_iter().flatten();
    strict.filter_map(|node| graph[node]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_paths_pass_dominates() {
        let rows = |path: &[u32]| path.iter().map(|&row| RowId(row)).collect::<Vec<_>>();
        let dominate = |paths: &[&[u32]]| {
            let calls = paths.iter().flat_map(|path| {
                let callers = path[1..].iter().map(|&row| Some(RowId(row))).chain([None]);
                callers.zip(rows(path))
            });
            dominators(RowId(0), calls)
        };
        // 3 calls 1 and 2, both call 0; 4 calls 3.
        assert_eq!(dominate(&[&[0, 1, 3, 4], &[0, 2, 3, 4]]), rows(&[3, 4]));
        assert_eq!(dominate(&[&[0, 1, 3, 4], &[0, 2, 5]]), rows(&[]));
        assert_eq!(dominate(&[&[0, 1, 3], &[0, 1, 4]]), rows(&[1]));
        assert_eq!(dominate(&[&[0]]), rows(&[]));
        assert_eq!(dominate(&[]), rows(&[]));
    }
}
