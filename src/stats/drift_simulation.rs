//! Simulations of baselines with a known drift: how often does a drift at the limit fail, how often
//! does one pass, and how soon is a slow one found?
//!
//! As in `simulation`, each test checks figures given in `docs/statistics.md`, with room for
//! chance, and seeds are fixed. To see the figures:
//! `cargo test --release stats::drift_simulation -- --nocapture --test-threads 1`.

use super::drift::{Point, judge};
use super::simulation::{Random, rate};
use super::threshold::{Among, Decision, Growth, Limits};

/// The first baseline, in MiB.
const BASE: f64 = 100.0;
/// The value of one raw sample at Go's default rate.
const SAMPLE: f64 = 0.5;

/// How a baseline is made.
#[derive(Clone, Copy, Debug)]
struct Noise {
    /// Number of runs.
    runs: usize,
    /// How much runs differ, as a share of their value.
    spread: f64,
    /// The value of one raw sample; 0 if everything is recorded.
    sample: f64,
}

/// From the default rate to complete recordings.
const NOISES: [Noise; 4] = [
    Noise { runs: 1, spread: 0.0, sample: SAMPLE },
    Noise { runs: 3, spread: 0.01, sample: SAMPLE / 128.0 },
    Noise { runs: 3, spread: 0.03, sample: SAMPLE / 16.0 },
    Noise { runs: 1, spread: 0.01, sample: 0.0 },
];

fn baseline(random: &mut Random, truth: f64, noise: Noise) -> Point {
    let runs: Vec<f64> = (0..noise.runs)
        .map(|_| {
            let held = truth * (1.0 + noise.spread * random.normal());
            if noise.sample > 0.0 {
                random.poisson(held / noise.sample) as f64 * noise.sample
            } else {
                held
            }
        })
        .collect();
    let sampling = runs.iter().map(|run| run * noise.sample).sum::<f64>();
    Point::new(&runs, sampling / (noise.runs * noise.runs) as f64, noise.sample)
}

/// Shares of fail and of pass at a true drift of this many MiB over all of `n` baselines.
fn rates(n: usize, drift: f64, noise: Noise, limits: Limits) -> (f64, f64) {
    rates_from(BASE, n, drift, noise, limits)
}

/// The same for baselines that begin at this many MiB.
fn rates_from(base: f64, n: usize, drift: f64, noise: Noise, limits: Limits) -> (f64, f64) {
    let mut random = Random(n as u64);
    let runs = if cfg!(debug_assertions) { 400 } else { 10_000 };
    let mut passed = 0;
    let failed = rate(runs, || {
        let at = |i: usize| base + drift * i as f64 / (n - 1) as f64;
        let row: Vec<Point> = (0..n).map(|i| baseline(&mut random, at(i), noise)).collect();
        let decision = judge(&row, limits, Among::ALONE).map(|drift| drift.decision);
        passed += u32::from(decision == Some(Decision::Within));
        decision == Some(Decision::Above)
    });
    (failed, f64::from(passed) / f64::from(runs))
}

fn most(most: f64) -> Limits {
    Limits { most: Some(most), percent: None }
}

/// A rate of 5 % with room for chance.
fn room() -> f64 {
    if cfg!(debug_assertions) { 0.08 } else { 0.056 }
}

#[test]
fn no_drift_and_a_drift_of_the_limit_seldom_fail() {
    for noise in NOISES {
        let all: &[usize] = if cfg!(debug_assertions) { &[4, 13] } else { &[4, 5, 6, 8, 13, 25] };
        for &n in all {
            let (none, _) = rates(n, 0.0, noise, most(0.0));
            let (usual, _) = rates(n, 0.0, noise, most(5.0));
            let (at, passed) = rates(n, 5.0, noise, most(5.0));
            let share = Limits { most: None, percent: Some(5.0) };
            let (by_share, passed_share) = rates(n, 5.0, noise, share);
            let double = Limits { most: None, percent: Some(100.0) };
            let (by_double, passed_double) = rates(n, 100.0, noise, double);
            let both = Limits { most: Some(5.0), percent: Some(5.0) };
            let (by_both, passed_both) = rates(n, 5.0, noise, both);
            println!(
                "{noise:?}, {n}: no drift, no limit {none:.4}; limit of 5 % {usual:.4}; at it {at:.4}, \
                 passed {passed:.4}; as a share {by_share:.4}, {passed_share:.4}; double \
                 {by_double:.4}, {passed_double:.4}; both {by_both:.4}, {passed_both:.4}"
            );
            for failed in [none, usual, at, by_share, by_double, by_both] {
                assert!(failed <= room(), "{noise:?}, {n}: {failed}");
            }
            for passed in [passed, passed_share, passed_double, passed_both] {
                assert!(passed <= room(), "{noise:?}, {n}: {passed} pass at the limit");
            }
        }
    }
}

/// Sites with a sample or two, or none: what no run met may still be there.
#[test]
fn a_few_samples_or_none_seldom_decide_wrongly() {
    let (mut worst_fail, mut worst_pass) = (0.0_f64, 0.0_f64);
    for runs in [1, 3] {
        let noise = Noise { runs, spread: 0.0, sample: SAMPLE };
        let all: &[usize] = if cfg!(debug_assertions) { &[4, 13] } else { &[4, 5, 6, 8, 13, 25] };
        for &n in all {
            for base in [0.0, 0.25, 0.5, 1.0, 2.0] {
                let limits = [1.0 / 1024.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0];
                let rates = limits.map(|limit| rates_from(base, n, limit, noise, most(limit)));
                let failed = rates.iter().fold(0.0_f64, |worst, rate| worst.max(rate.0));
                let passed = rates.iter().fold(0.0_f64, |worst, rate| worst.max(rate.1));
                println!(
                    "{runs} runs, {n} of {base} MiB: at limits failed {failed:.4}, passed {passed:.4} {rates:?}"
                );
                (worst_fail, worst_pass) = (worst_fail.max(failed), worst_pass.max(passed));
            }
        }
    }
    println!("at most {worst_fail:.4} fail, {worst_pass:.4} pass");
    assert!(worst_fail <= room() && worst_pass <= room(), "{worst_fail} fail, {worst_pass} pass");
}

/// A program that grows by 1 % a week, and a limit of 5 % from one baseline to the next and over the window.
#[test]
fn what_no_step_shows_is_found_over_twelve_weeks() {
    for (noise, least) in [(NOISES[1], 0.95), (NOISES[3], 0.85), (NOISES[2], 0.6)] {
        let (found, _) = rates(13, 12.0, noise, most(5.0));
        let mut random = Random(1);
        let runs = if cfg!(debug_assertions) { 200 } else { 2000 };
        let any_step = rate(runs, || {
            let at = |i: usize| BASE + i as f64;
            let row: Vec<f64> =
                (0..13).map(|i| baseline(&mut random, at(i), noise).value).collect();
            row.windows(2).any(|pair| {
                let growth = Growth { before: vec![pair[0]], after: vec![pair[1]], blur: None };
                let blind = growth.judge(Limits { most: Some(5.0), percent: None }, Among::ALONE);
                // Even single steps without any error bar.
                blind.value > 5.0
            })
        });
        println!("{noise:?}: found {found:.4}; a delta above 5 % at any step {any_step:.4}");
        assert!(found >= least, "{noise:?}: {found}");
    }
    for weeks in [4, 6, 8, 10, 12] {
        let (found, _) = rates(weeks + 1, weeks as f64, NOISES[1], most(5.0));
        println!("1 % a week for {weeks} weeks, limit 5 %: found {found:.4}");
    }
}
