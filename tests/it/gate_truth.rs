//! Checks pairs of profiles with known growth, from the bytes to the outcome: growth within its limit fails, and growth
//! above it passes, in at most 5 of 100 cases. `src/stats/threshold_simulation.rs` tests the same promise for many more
//! heaps, without profiles.

use crate::ask::series;
use crate::dsl::{bytes, heap, stack};
use crate::random::Random;
use heapdiff::analysis::check::{Check, CheckQuery, Missing, Outcome};
use heapdiff::filter::Spec;
use heapdiff::patterns::Catalog;
use heapdiff::report::{Query, Question, Runs, analyze};
use heapdiff::rules::Rules;
use std::sync::Arc;

/// Sites with the size and number of their objects.
const SITES: [(&str, i64, i64); 6] = [
    ("main.tree;main.node", 64, 200_000),
    ("main.cache;main.entry", 512, 20_000),
    ("main.load;bytes.growSlice", 8192, 900),
    ("main.read;bufio.NewReaderSize", 65_536, 60),
    ("main.blob", 1_048_576, 6),
    ("main.index;main.grow", 262_144, 12),
];

/// The number of objects sampled, as Go writes it: divided by the probability, and truncated to
/// whole numbers.
fn sampled(random: &mut Random, objects: i64, size: i64, period: i64) -> (i64, i64) {
    let p = 1.0 - (-(size as f64) / period as f64).exp();
    let uniform = |random: &mut Random| ((random.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    // The distance from one sampled object to the next is geometric.
    let (mut n, mut at) = (0, 0.0);
    loop {
        at += if p < 1.0 { (uniform(random).ln() / (-p).ln_1p()).floor() + 1.0 } else { 1.0 };
        if at > objects as f64 {
            break;
        }
        n += 1;
    }
    ((n as f64 / p) as i64, ((n * size) as f64 / p) as i64)
}

/// A profile of the program, with this many more objects at one site.
fn profile(random: &mut Random, period: i64, grown: (usize, i64)) -> Vec<u8> {
    let stacks: Vec<_> = SITES
        .iter()
        .enumerate()
        .map(|(site, &(frames, size, objects))| {
            let more = if site == grown.0 { grown.1 } else { 0 };
            let (count, space) = sampled(random, objects + more, size, period);
            let frames = format!("main.main;{frames}");
            // Total allocations distinguish two processes.
            let ever = count + (random.next() % 1000) as i64;
            stack(&frames).alloc(ever, ever * size).inuse_only(count, space).sized(size)
        })
        .collect();
    let mut profile = heap(&stacks);
    profile.period = period;
    bytes(&profile)
}

fn check(profiles: &[Vec<u8>], before: usize, rules: &str) -> Check {
    let rules = Rules::read("rules.toml", rules, &|_| Ok(())).unwrap();
    let asked = CheckQuery {
        rules: Arc::new(rules),
        catalog: Arc::new(Catalog::default()),
        before,
        today: "2026-01-01".parse().unwrap(),
        missing: Missing::default(),
        inconclusive: None,
    };
    let query = Query::new(Question::Check(asked));
    let profiles: Vec<&[u8]> = profiles.iter().map(Vec::as_slice).collect();
    let runs = Runs { series: series(&profiles).unwrap(), ..Runs::default() };
    let report = analyze(runs, &query, &Spec::default()).unwrap();
    answer!(report.answer, Check).check
}

#[test]
fn at_the_limit_a_pair_neither_fails_nor_passes_more_often_than_promised() {
    const PAIRS: usize = 400;
    let mut random = Random(5);
    // Growth of 2 MiB, in small objects and in large ones.
    for (site, more) in [(1, 4096), (5, 8)] {
        for period in [524_288, 65_536, 8192] {
            let mut counts = [0; 2];
            for _ in 0..PAIRS {
                let before = profile(&mut random, period, (site, 0));
                let after = profile(&mut random, period, (site, more));
                let check = check(&[before, after], 1, "[[rule]]\nmax_growth = '2MiB'");
                counts[0] += usize::from(check.outcome == Outcome::Fail);
                counts[1] += usize::from(check.outcome == Outcome::Pass);
            }
            println!("{} at {period}: {counts:?} of {PAIRS} fail and pass", SITES[site].0);
            // 5 of 100, plus two standard errors.
            assert!(counts.iter().all(|&count| count <= PAIRS * 72 / 1000), "{counts:?}");
        }
    }
}

#[test]
fn far_from_the_limit_every_pair_is_decided_and_the_site_is_named() {
    let mut random = Random(6);
    let rules = "[[rule]]\nmax_growth = '2MiB'\nmax_growth_percent = 5";
    for _ in 0..50 {
        let before = profile(&mut random, 1024, (1, 0));
        let grown = check(&[before.clone(), profile(&mut random, 1024, (1, 12_000))], 1, rules);
        assert_eq!(grown.outcome, Outcome::Fail);
        assert_eq!(grown.rules[0].offenders[0].place.function, "main.entry");
        let same = check(&[before, profile(&mut random, 1024, (1, 0))], 1, rules);
        assert_eq!(same.outcome, Outcome::Pass);
        assert!(same.rules[0].offenders.is_empty());
    }
}

#[test]
fn several_runs_decide_what_one_does_not() {
    let mut random = Random(7);
    let rules = "[[rule]]\nmax_growth = '2MiB'";
    let mut runs = |n: usize, more: i64| -> Vec<Vec<u8>> {
        (0..n).map(|_| profile(&mut random, 16_384, (1, more))).collect()
    };
    let mut open = [0; 2];
    for _ in 0..20 {
        for (slot, n) in [1, 8].into_iter().enumerate() {
            let profiles = [runs(n, 0), runs(n, 0)].concat();
            let found = check(&profiles, n, rules);
            assert_ne!(found.outcome, Outcome::Fail);
            open[slot] += usize::from(found.outcome == Outcome::Inconclusive);
            assert_eq!((found.before_runs, found.after_runs), (n, n));
        }
    }
    println!("{open:?} of 20 open with one run and with eight");
    assert!(open[0] >= 5 && open[1] <= 1, "{open:?}");
}
