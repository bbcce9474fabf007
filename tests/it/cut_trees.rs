//! Trees of paths for a page: their sums are those of the profile, however few paths they hold.

use super::ask::series;
use super::properties::pairs;
use heapdiff::analysis::cut_trees::{CutTree, CutTrees, CutTreesQuery, TreeNode, TreePath};
use heapdiff::analysis::flame::{FlameDirection, FlameOptions, FlamePart, FlameWidth};
use heapdiff::filter::Spec;
use heapdiff::graph::walk::From;
use heapdiff::report::{Answer, Query, Question, Report, analyze};
use std::collections::{BTreeMap, BTreeSet};

fn trees(profiles: &[&[u8]], sample_type: &str, most: usize) -> Report {
    let is_comparison = profiles.len() == 2;
    let question = Question::CutTrees(CutTreesQuery { most, is_comparison, from: None });
    let query = Query { sample_type: Some(sample_type.to_owned()), ..Query::new(question) };
    analyze(series(profiles).unwrap(), &query, &Spec::default()).unwrap()
}

fn of(report: &Report) -> &CutTrees {
    match &report.answer {
        Answer::CutTrees(trees) => trees,
        other => panic!("not trees: {other:?}"),
    }
}

/// The sums over each node and everything beneath it.
fn cum(tree: &CutTree, flat: &[i64]) -> Vec<i64> {
    let mut cum = flat.to_vec();
    let mut above: Vec<usize> = Vec::new();
    let parents: Vec<Option<usize>> = (tree.nodes.iter().enumerate())
        .map(|(i, node)| {
            above.truncate(node.depth as usize);
            assert_eq!(above.len(), node.depth as usize, "a node lacks its parent");
            let parent = above.last().copied();
            above.push(i);
            parent
        })
        .collect();
    for i in (0..cum.len()).rev() {
        if let Some(parent) = parents[i] {
            cum[parent] += cum[i];
        }
    }
    cum
}

/// The cum of each path, by the names on it; of what isn't shown there is one sum.
fn by_path(trees: &CutTrees, tree: &CutTree, flat: &[i64]) -> BTreeMap<Vec<String>, i64> {
    let mut path = Vec::new();
    let sums = cum(tree, flat);
    let paths = tree.nodes.iter().zip(sums).map(|(node, sum)| {
        path.truncate(node.depth as usize);
        path.push(match node.what {
            TreePath::Frame(name) => trees.names[name as usize].name.clone(),
            TreePath::Others(_) => "…".to_owned(),
        });
        (path.clone(), sum)
    });
    let all: Vec<_> = paths.collect();
    let number = all.len();
    let by_path: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(by_path.len(), number, "a name repeats among siblings");
    by_path
}

#[test]
fn every_cut_adds_up_to_the_whole_and_agrees_with_every_other() {
    let (mut cut, mut whole_trees) = (0, 0);
    for [a, b] in pairs() {
        for profiles in [vec![a.as_slice(), &b], vec![b.as_slice()]] {
            for sample_type in series(&profiles).unwrap().sample_types {
                let whole = trees(&profiles, &sample_type.name, usize::MAX);
                let whole = of(&whole);
                for most in [0, 1, 7, 40] {
                    let report = trees(&profiles, &sample_type.name, most);
                    let part = of(&report);
                    assert_eq!(part.paths, whole.paths);
                    for from in [From::Root, From::Leaf] {
                        let (all, few) = (whole.tree(from), part.tree(from));
                        let is_frame = |node: &&_| matches!(node, TreePath::Frame(_));
                        let whats = || few.nodes.iter().map(|node| node.what);
                        assert!(whats().filter(|what| is_frame(&what)).count() <= most);
                        cut += usize::from(few.nodes.len() < all.nodes.len());
                        whole_trees += usize::from(few.nodes.len() == all.nodes.len());
                        for (i, of_type) in part.types.iter().enumerate() {
                            let sides = [
                                (&all.values[i].before, &few.values[i].before, of_type.totals[0]),
                                (&all.values[i].after, &few.values[i].after, of_type.totals[1]),
                            ];
                            for (all_flat, flat, total) in sides {
                                if flat.is_empty() {
                                    assert!(few.nodes.is_empty() || profiles.len() == 1);
                                    continue;
                                }
                                assert_eq!(flat.iter().sum::<i64>(), total);
                                let exact = by_path(whole, all, all_flat);
                                for (path, sum) in by_path(part, few, flat) {
                                    let is_shown = path.last().is_some_and(|name| name != "…");
                                    assert!(!is_shown || exact[&path] == sum, "{path:?}");
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(cut > 500 && whole_trees > 100, "{cut} {whole_trees}");
}

#[test]
fn a_tree_alone_is_the_one_of_both() {
    let named = |trees: &CutTrees, tree: &CutTree| -> Vec<_> {
        let node = |node: &TreeNode| match node.what {
            TreePath::Frame(name) => (node.depth, Ok(trees.names[name as usize].clone())),
            TreePath::Others(stacks) => (node.depth, Err(stacks)),
        };
        tree.nodes.iter().map(node).collect()
    };
    let mut compared = 0;
    for [a, b] in pairs() {
        for profiles in [vec![a.as_slice(), &b], vec![b.as_slice()]] {
            let series = || series(&profiles).unwrap();
            let is_comparison = profiles.len() == 2;
            let ask = |from| {
                let asked = CutTreesQuery { most: 40, is_comparison, from };
                let query = Query::new(Question::CutTrees(asked));
                analyze(series(), &query, &Spec::default()).unwrap()
            };
            let both = ask(None);
            let both = of(&both);
            for (from, other) in [(From::Root, From::Leaf), (From::Leaf, From::Root)] {
                let alone = ask(Some(from));
                let alone = of(&alone);
                let (tree, expected) = (alone.tree(from), both.tree(from));
                assert_eq!(named(alone, tree), named(both, expected));
                assert_eq!(tree.values, expected.values);
                assert!(alone.tree(other).nodes.is_empty());
                assert_eq!((&alone.types, alone.paths), (&both.types, both.paths));
                // It names its own frames, and no others.
                let used: BTreeSet<_> = (tree.nodes.iter())
                    .filter_map(|node| match node.what {
                        TreePath::Frame(name) => Some(name as usize),
                        TreePath::Others(_) => None,
                    })
                    .collect();
                assert!(used.into_iter().eq(0..alone.names.len()));
                compared += usize::from(!tree.nodes.is_empty());
            }
        }
    }
    assert!(compared > 50, "only {compared} trees");
}

#[test]
fn the_totals_and_the_errors_are_those_of_the_report_and_of_flame() {
    let mut compared = 0;
    for [a, b] in pairs() {
        for profiles in [vec![a.as_slice(), &b], vec![b.as_slice()]] {
            for sample_type in series(&profiles).unwrap().sample_types {
                let report = trees(&profiles, &sample_type.name, usize::MAX);
                let trees = of(&report);
                for (of_type, total) in trees.types.iter().zip(&report.totals) {
                    let value = total.value;
                    assert_eq!(of_type.totals, [value.before.unwrap_or_default(), value.after]);
                    assert!(of_type.steps.is_sorted_by(|a, b| a < b), "{:?}", of_type.steps);
                }
                let main = trees.types.iter().position(|of_type| of_type.is_main).unwrap();
                for (direction, from) in [
                    (FlameDirection::RootFirst, From::Root),
                    (FlameDirection::LeafFirst, From::Leaf),
                ] {
                    let options = FlameOptions {
                        width: FlameWidth::Delta,
                        direction,
                        min_width: 0,
                        part: FlamePart::Whole,
                    };
                    let query = Query {
                        sample_type: Some(sample_type.name.clone()),
                        ..Query::new(Question::Flame(options))
                    };
                    let flame =
                        analyze(series(&profiles).unwrap(), &query, &Spec::default()).unwrap();
                    let flame = answer!(&flame.answer, Flame);
                    let tree = trees.tree(from);
                    let values = &tree.values[main];
                    let before = if profiles.len() == 2 {
                        by_path(trees, tree, &values.before)
                    } else {
                        BTreeMap::new()
                    };
                    let after = by_path(trees, tree, &values.after);
                    let errors = &values.errors;
                    let half = |error: heapdiff::analysis::Bounds| {
                        error.upper.abs_diff(error.lower).div_ceil(2)
                    };
                    let mut in_order = BTreeMap::new();
                    let mut path: Vec<String> = Vec::new();
                    for (i, node) in tree.nodes.iter().enumerate() {
                        path.truncate(node.depth as usize);
                        let TreePath::Frame(name) = node.what else { continue };
                        path.push(trees.names[name as usize].name.clone());
                        in_order.insert(path.clone(), i);
                    }
                    let mut path: Vec<String> = Vec::new();
                    for frame in flame.frames.iter().skip(1) {
                        path.truncate(frame.depth as usize - 1);
                        path.push(flame.names[frame.name as usize].clone());
                        // A picture shows a function that calls itself once.
                        if frame.run > 1 || frame.deeper.is_some() || frame.several.is_some() {
                            break;
                        }
                        let node = in_order[&path];
                        assert_eq!(frame.value.after.cum, after[&path], "{path:?}");
                        assert_eq!(
                            frame.value.before.map(|side| side.cum),
                            before.get(&path).copied()
                        );
                        assert_eq!(frame.error.map(half), errors.get(node).copied(), "{path:?}");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 1000, "only {compared} frames");
}
