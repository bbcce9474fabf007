//! Simulations of heaps with call trees: how often is a subtree named if nothing grew, and how often
//! is the caller named whose callees grew?
//!
//! As in `simulation`, each test checks figures given in `docs/statistics.md`, with room for
//! chance, and seeds are fixed. To see the figures:
//! `cargo test --release stats::scan_simulation -- --nocapture --test-threads 1`.

use super::growth::{GrowthEvidence, Pair};
use super::multiple::benjamini_hochberg;
use super::sampling::{SamplingWeight, inclusion_probability};
use super::scan::{Cause, Items, Scan, Sure, Tree};
use super::simulation::Random;
use std::ops::Range;

const MIB: f64 = 1_048_576.0;
/// The default period of Go's heap profiles, in bytes.
const R: f64 = 524_288.0;

/// Paths of items, walked step by step.
struct Walked {
    stacks: Vec<Vec<u32>>,
    at: Vec<usize>,
    order: Vec<u32>,
}

impl Walked {
    fn new(stacks: Vec<Vec<u32>>) -> Self {
        let items = stacks.len();
        Self { stacks, at: vec![0; items], order: (0..items as u32).collect() }
    }
}

impl Tree for Walked {
    fn items(&self, set: Range<usize>) -> impl Iterator<Item = u32> {
        self.order[set].iter().copied()
    }

    fn split(&mut self, set: Range<usize>) -> Vec<(u32, Range<usize>)> {
        let mut named: Vec<(u32, u32)> = self.order[set.clone()]
            .iter()
            .map(|&item| {
                let at = &mut self.at[item as usize];
                *at += 1;
                (self.stacks[item as usize].get(*at - 1).copied().unwrap_or(u32::MAX), item)
            })
            .collect();
        named.sort_unstable();
        let mut groups: Vec<(u32, Range<usize>)> = Vec::new();
        for (at, (name, item)) in set.zip(named) {
            self.order[at] = item;
            match groups.last_mut() {
                Some((last, group)) if *last == name => group.end = at + 1,
                _ => groups.push((name, at..at + 1)),
            }
        }
        groups.retain(|(name, _)| *name != u32::MAX);
        groups
    }
}

/// How the two snapshots relate.
#[derive(Clone, Copy, Debug)]
enum Capture {
    /// Two processes with the same load.
    Independent,
    /// One process that replaces this share of its objects in between.
    Churn(f64),
}

/// A program: stacks from the root, what each holds in bytes, and the size of its objects.
#[derive(Clone, Default)]
struct Program {
    stacks: Vec<Vec<u32>>,
    held: Vec<f64>,
    size: Vec<f64>,
    /// What each holds more after.
    more: Vec<f64>,
}

/// The caller whose callees grow, and their number.
const CALLER: u32 = 9000;
const CALLEES: u32 = 20;

impl Program {
    /// A program whose handlers call helpers, which call a library that allocates: 600 stacks whose
    /// weights are lognormal, as those of services are.
    fn new(random: &mut Random, bytes: f64, sizes: &[f64]) -> Self {
        let mut program = Self::default();
        let mut pick = |of: u32| (random.next() % u64::from(of)) as u32;
        for _ in 0..600 {
            let (root, handler) = (pick(3), pick(12));
            let mut stack = vec![root, 100 + 12 * root + handler];
            stack.extend((0..pick(6)).map(|depth| 1000 + 40 * depth + pick(40)));
            stack.extend([5000 + pick(30), 6000 + pick(40)]);
            program.stacks.push(stack);
            program.size.push(sizes[pick(sizes.len() as u32) as usize]);
        }
        let weights: Vec<f64> = (0..600).map(|_| (2.0 * random.normal()).exp()).collect();
        let whole: f64 = weights.iter().sum();
        program.held = weights.iter().map(|weight| bytes * weight / whole).collect();
        program.more = vec![0.0; 600];
        program
    }

    /// Adds a caller of 20 functions that hold 20 KiB each and grow by `growth` together.
    fn with_caller(mut self, growth: f64) -> Self {
        for callee in 0..CALLEES {
            self.stacks.push(vec![0, 100, 1001, CALLER, CALLER + 1 + callee]);
            self.held.push(20.0 * 1024.0);
            self.size.push(64.0);
            self.more.push(growth / f64::from(CALLEES));
        }
        self
    }

    /// The samples of each stack in both snapshots.
    fn sampled(&self, random: &mut Random, period: f64, capture: Capture) -> Vec<Pair> {
        let one = |i: usize| {
            let p = inclusion_probability(self.size[i], period);
            let mut sampled = |bytes: f64| {
                let objects = bytes / self.size[i];
                // Few large objects are a whole number, each sampled or not.
                if p > 0.05 && objects < 1e4 {
                    random.binomial(objects.round() as u32, p)
                } else {
                    random.poisson(objects * p)
                }
            };
            let (held, more) = (self.held[i], self.more[i]);
            match capture {
                Capture::Independent => Pair::independent(sampled(held), sampled(held + more)),
                Capture::Churn(churn) => {
                    let (stays, freed) = (sampled(held * (1.0 - churn)), sampled(held * churn));
                    let come = sampled(held * churn + more);
                    Pair::same_process(stays + freed, stays + come, come)
                }
            }
        };
        (0..self.stacks.len()).map(one).collect()
    }

    fn weight(&self, stack: usize, period: f64) -> SamplingWeight {
        let p = inclusion_probability(self.size[stack], period);
        SamplingWeight::new(self.size[stack] / p, p)
    }

    fn scanned(&self, pairs: &[Pair], period: f64) -> Vec<Sure> {
        let mut items = Items::default();
        for (stack, pair) in pairs.iter().enumerate() {
            let weight = self.weight(stack, period);
            let class = items.class(weight, weight);
            items.push(*pair, class);
        }
        let inverted = self.stacks.iter().map(|stack| stack.iter().rev().copied().collect());
        let mut trees = [Walked::new(self.stacks.clone()), Walked::new(inverted.collect())];
        let scan = Scan::new(&items, trees.len());
        let mut sure = Vec::new();
        for (number, tree) in trees.iter_mut().enumerate() {
            sure.extend(scan.explore(number, tree));
        }
        let cause = |node: &Sure| Cause { rank: 0, name: node.path.last().copied().unwrap_or(0) };
        let causes: Vec<Cause> = sure.iter().map(cause).collect();
        let chosen =
            scan.explanation(&sure, &causes, |node| trees[node.tree].items(node.set.clone()));
        chosen.into_iter().map(|node| sure[node].clone()).collect()
    }

    /// Whether any function that allocates for the caller is called grown by the test per function.
    fn found_by_function(&self, pairs: &[Pair], period: f64) -> bool {
        let mut functions: Vec<(u32, GrowthEvidence)> = Vec::new();
        for (stack, pair) in pairs.iter().enumerate() {
            let Some(&leaf) = self.stacks[stack].last() else { continue };
            let weight = self.weight(stack, period);
            let evidence = GrowthEvidence::of(*pair, weight, weight);
            match functions.iter_mut().find(|(function, _)| *function == leaf) {
                Some((_, sum)) => sum.merge(&evidence),
                None => functions.push((leaf, evidence)),
            }
        }
        functions.retain(|(_, evidence)| evidence.testable());
        let p = |(_, evidence): &(u32, GrowthEvidence)| {
            if evidence.estimate() > 0.0 { evidence.p_growth() } else { 1.0 }
        };
        let q = benjamini_hochberg(&functions.iter().map(p).collect::<Vec<_>>());
        let mut found = functions.iter().zip(q);
        found.any(|((leaf, _), q)| *leaf > CALLER && q <= 0.05)
    }
}

/// The number of runs: few without optimizations.
fn runs(release: u32) -> u32 {
    if cfg!(debug_assertions) { release / 20 } else { release }
}

#[test]
fn nothing_is_named_if_nothing_grew() {
    let mut random = Random(11);
    let (mut all, mut wrong) = (0, 0);
    let small: &[f64] = &[16.0, 64.0, 512.0];
    let mixed: &[f64] = &[64.0, 1024.0, 65_536.0, 2.0 * MIB];
    for (kind, sizes) in [("small", small), ("mixed", mixed)] {
        for (period, heap) in [(R, 30.0), (R, 300.0), (R, 3000.0), (65_536.0, 100.0)] {
            for capture in [Capture::Independent, Capture::Churn(0.2), Capture::Churn(1.0)] {
                let runs = runs(400);
                let mut named = 0;
                for _ in 0..runs {
                    let program = Program::new(&mut random, heap * MIB, sizes);
                    let pairs = program.sampled(&mut random, period, capture);
                    named += u32::from(!program.scanned(&pairs, period).is_empty());
                }
                println!(
                    "{kind}, {heap} MiB, R {period}, {capture:?}: {:.4}",
                    f64::from(named) / f64::from(runs)
                );
                (all, wrong) = (all + runs, wrong + named);
            }
        }
    }
    let rate = f64::from(wrong) / f64::from(all);
    println!("{wrong} of {all}: {rate:.4}");
    assert!(rate <= 0.05, "{rate}");
}

#[test]
fn the_caller_of_what_grew_is_named() {
    let mut random = Random(12);
    for (capture, heap, least) in [
        (Capture::Churn(0.0), 100.0, [0.95, 0.97, 0.99, 0.99]),
        (Capture::Churn(0.2), 100.0, [0.9, 0.97, 0.97, 0.97]),
        (Capture::Independent, 100.0, [0.7, 0.95, 0.97, 0.97]),
    ] {
        for (growth, least) in [10.0, 20.0, 40.0, 80.0].into_iter().zip(least) {
            let runs = runs(400);
            let (mut named, mut exact, mut by_function, mut others) = (0, 0, 0, 0);
            for _ in 0..runs {
                let program = Program::new(&mut random, heap * MIB, &[16.0, 64.0, 512.0]);
                let program = program.with_caller(growth * MIB);
                let pairs = program.sampled(&mut random, R, capture);
                let found = program.scanned(&pairs, R);
                let is_caller = |subtree: &&Sure| {
                    subtree.path[subtree.path.len() - subtree.same..].contains(&CALLER)
                };
                named += u32::from(found.iter().any(|subtree| is_caller(&subtree)));
                exact += u32::from(found.len() == 1 && is_caller(&&found[0]));
                others += found.iter().filter(|subtree| !subtree.path.contains(&CALLER)).count();
                by_function += u32::from(program.found_by_function(&pairs, R));
            }
            let share = |count: u32| f64::from(count) / f64::from(runs);
            println!(
                "{capture:?}, {heap} MiB + {growth} MiB: caller {:.3}, alone {:.3}, others per run \
                 {:.3}; a callee by function {:.3}",
                share(named),
                share(exact),
                others as f64 / f64::from(runs),
                share(by_function)
            );
            assert!(share(named) >= least, "{capture:?} + {growth}: {}", share(named));
        }
    }
}
