//! Simulations with a known truth: heaps whose objects are generated, sampled and judged, over and
//! over.
//!
//! The formulas of this module come from papers; whether they are combined correctly shows only if
//! the truth is known. Each test here checks a figure given in `docs/statistics.md`, with room for
//! chance. Seeds are fixed, so a test that passes once always passes. To see the figures:
//! `cargo test stats::simulation -- --nocapture --test-threads 1`.

use super::LEVEL;
use super::growth::{GrowthEvidence, Pair};
use super::multiple::benjamini_hochberg;
use super::sampling::{SampleEvidence, SamplingWeight, inclusion_probability};

/// The default period of Go's heap profiles, in bytes.
const R: f64 = 524_288.0;

/// Bytes per megabyte for the sizes of planted leaks.
const MB: f64 = 1e6;

/// A small random number generator: splitmix64 (Steele, Lea and Flood 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    /// Standard normal (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(super) fn poisson(&mut self, mean: f64) -> i64 {
        if mean > 400.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as i64;
        }
        // Inversion by products (Knuth), in pieces short enough not to underflow.
        let (mut left, mut count) = (mean, 0);
        while left > 0.0 {
            let (limit, mut product) = ((-left.min(100.0)).exp(), self.uniform());
            while product > limit {
                product *= self.uniform();
                count += 1;
            }
            left -= 100.0;
        }
        count
    }

    pub(super) fn binomial(&mut self, trials: u32, p: f64) -> i64 {
        (0..trials).filter(|_| self.uniform() < p).count() as i64
    }
}

/// The share of `runs` in which `event` happens.
pub(super) fn rate(runs: u32, mut event: impl FnMut() -> bool) -> f64 {
    f64::from((0..runs).map(|_| u32::from(event())).sum::<u32>()) / f64::from(runs)
}

fn small_weight() -> SamplingWeight {
    let p = inclusion_probability(64.0, R);
    SamplingWeight::new(64.0 / p, p)
}

fn sized_weight(p: f64) -> SamplingWeight {
    SamplingWeight::new(-R * (1.0 - p).ln() / p, p)
}

/// A row of small objects with `mean` samples in each snapshot on average, in two processes, or in
/// one that replaces `churn` of them in between.
fn unchanged_small(random: &mut Random, mean: f64, churn: Option<f64>) -> GrowthEvidence {
    let n1 = random.poisson(mean);
    let pair = match churn {
        None => Pair::independent(n1, random.poisson(mean)),
        Some(churn) => {
            let freed = random.binomial(n1 as u32, churn);
            let come = random.poisson(mean * churn);
            Pair::same_process(n1, n1 - freed + come, come)
        }
    };
    GrowthEvidence::of(pair, small_weight(), small_weight())
}

/// A row of `objects` large objects on both sides, each sampled with probability `p`.
fn unchanged_large(random: &mut Random, objects: u32, p: f64) -> GrowthEvidence {
    let pair = Pair::independent(random.binomial(objects, p), random.binomial(objects, p));
    GrowthEvidence::of(pair, sized_weight(p), sized_weight(p))
}

#[test]
fn small_objects_that_did_not_change_are_seldom_called_grown() {
    let mut random = Random(1);
    for mean in [1.0, 2.0, 5.0, 10.0, 30.0, 100.0] {
        for churn in [None, Some(0.2), Some(1.0)] {
            let (mut wrong, mut tested) = (0, 0);
            let runs = 12_000;
            let found = rate(runs, || {
                let row = unchanged_small(&mut random, mean, churn);
                if row.testable() {
                    tested += 1;
                    wrong += i32::from(row.p_growth() <= 0.05);
                }
                row.p_growth() <= 0.05
            });
            println!(
                "{mean:5} expected samples, churn {churn:?}: {found:.4}, tested {tested}: {wrong}"
            );
            assert!(found <= 0.057, "{mean} samples, churn {churn:?}: {found}");
            assert!(mean < 100.0 || found >= 0.04, "{mean} samples, churn {churn:?}: {found}");
        }
    }
}

#[test]
fn large_objects_that_did_not_change_are_seldom_called_grown() {
    let mut random = Random(2);
    for p in [0.2, 0.5, 0.865, 0.95, 0.99] {
        for objects in [1, 2, 5, 10, 30, 100] {
            let mut at = [0; 2];
            let runs = 4000;
            for _ in 0..runs {
                let p = unchanged_large(&mut random, objects, p).p_growth();
                at[0] += i32::from(p <= 0.05);
                at[1] += i32::from(p <= 0.005);
            }
            let [five, half] = at.map(|count| f64::from(count) / f64::from(runs));
            println!("{objects:4} objects, p {p}: {five:.4} at .05, {half:.4} at .005");
            assert!(five <= 0.06, "{objects} objects, p {p}: {five}");
            assert!(half <= 0.01, "{objects} objects, p {p}: {half}");
        }
    }
}

#[test]
fn rows_of_mixed_sizes_that_did_not_change_are_seldom_called_grown() {
    let mut random = Random(3);
    for mean in [1.0, 5.0, 20.0] {
        for (objects, p) in [(1, 0.865), (5, 0.4), (3, 0.99)] {
            let found = rate(8000, || {
                let mut row = unchanged_small(&mut random, mean, None);
                row.merge(&unchanged_large(&mut random, objects, p));
                row.p_growth() <= 0.05
            });
            println!("{mean:3} small samples and {objects} objects with p {p}: {found:.4}");
            assert!(found <= 0.06, "{mean} and {objects} with {p}: {found}");
        }
    }
}

#[test]
fn intervals_of_a_change_cover_the_truth() {
    let mut random = Random(4);
    let w = small_weight();
    let p = inclusion_probability(64.0, R);
    for (before, after) in [(1, 1), (2, 2), (1, 5), (5, 5), (3, 20), (20, 20), (50, 50), (50, 5)] {
        let truth = f64::from(after - before) * 64.0 / p;
        let covered = rate(2000, || {
            let n1 = random.poisson(f64::from(before));
            let n2 = random.poisson(f64::from(after));
            let row = GrowthEvidence::of(Pair::independent(n1, n2), w, w);
            let interval = row.interval(row.estimate(), LEVEL);
            interval.lower <= truth && truth <= interval.upper
        });
        println!("{before} to {after} expected samples: {covered:.4}");
        assert!(covered >= 0.94, "{before} to {after}: {covered}");
        assert!(before + after < 40 || covered <= 0.975, "{before} to {after}: {covered}");
    }
    for p in [0.3, 0.6, 0.865, 0.95] {
        for (before, after) in [(1, 2), (5, 5), (20, 30)] {
            let size = -R * (1.0_f64 - p).ln();
            let truth = (f64::from(after) - f64::from(before)) * size;
            let covered = rate(2000, || {
                let n1 = random.binomial(before, p);
                let n2 = random.binomial(after, p);
                let w = sized_weight(p);
                let row = GrowthEvidence::of(Pair::independent(n1, n2), w, w);
                let interval = row.interval(row.estimate(), LEVEL);
                interval.lower <= truth + 1.0 && truth <= interval.upper + 1.0
            });
            println!("{before} to {after} objects, p {p}: {covered:.4}");
            assert!(covered >= 0.93, "{before} to {after}, p {p}: {covered}");
        }
    }
}

#[test]
fn intervals_of_one_snapshot_cover_the_truth() {
    let mut random = Random(5);
    for mean in [1.0, 2.0, 5.0, 20.0, 50.0] {
        let w = small_weight();
        let truth = mean * 64.0 / inclusion_probability(64.0, R);
        let covered = rate(2000, || {
            let mut row = SampleEvidence::default();
            row.add(random.poisson(mean), w);
            // Objects that no sample hit are in no row, and so in no interval either.
            let interval = row.interval(row.estimate(), LEVEL);
            row.samples() < 1.0 || (interval.lower <= truth && truth <= interval.upper)
        });
        println!("{mean} expected samples: {covered:.4}");
        assert!(covered >= 0.94, "{mean}: {covered}");
    }
    for p in [0.3, 0.6, 0.865, 0.95] {
        for objects in [2, 5, 20, 100] {
            let w = sized_weight(p);
            let truth = f64::from(objects) * -R * (1.0_f64 - p).ln();
            let covered = rate(2000, || {
                let mut row = SampleEvidence::default();
                row.add(random.binomial(objects, p), w);
                let interval = row.interval(row.estimate(), LEVEL);
                row.samples() < 1.0
                    || (interval.lower <= truth + 1.0 && truth <= interval.upper + 1.0)
            });
            println!("{objects} objects, p {p}: {covered:.4}");
            assert!(covered >= 0.93, "{objects} objects, p {p}: {covered}");
        }
    }
}

/// How the two snapshots of a planted heap relate.
#[derive(Clone, Copy, Debug)]
enum Capture {
    /// Two processes with the same load.
    Independent,
    /// One process that allocates this share of every stack's bytes in between; each allocation
    /// replaces a random object, old or new: e^−share of the objects survive.
    Churn(f64),
}

/// The results of ranking one kind of planted heap.
#[derive(Debug)]
struct Ranking {
    /// Share of planted leaks among the first ten by |Δ|.
    raw: f64,
    /// Share of planted leaks among the first ten by the lower bound.
    bound: f64,
    /// Mean share of stacks called grown at q ≤ .05 that did not grow.
    false_discoveries: f64,
    /// Share of planted leaks called grown at q ≤ .05.
    found: f64,
}

const STACKS: usize = 2000;
const PLANTED: usize = 10;

/// Median retained bytes of a stack, and the spread of their natural logarithm: a heap of 5.8 GB on
/// average, in which the ten heaviest stacks hold about a quarter.
const MEDIAN: f64 = 393_216.0;
const SPREAD: f64 = 2.0;

fn rank(seed: u64, runs: u32, capture: Capture, leak: f64) -> Ranking {
    let mut random = Random(seed);
    let w = small_weight();
    let mut sum = Ranking { raw: 0.0, bound: 0.0, false_discoveries: 0.0, found: 0.0 };
    for _ in 0..runs {
        let mut rows = Vec::with_capacity(STACKS);
        for stack in 0..STACKS {
            let mean = MEDIAN * (SPREAD * random.normal()).exp() / R;
            let more = if stack < PLANTED { leak / R } else { 0.0 };
            let pair = match capture {
                Capture::Independent => {
                    Pair::independent(random.poisson(mean), random.poisson(mean + more))
                }
                Capture::Churn(churn) => {
                    // Each allocation of the turnover replaces a random object, old or new.
                    let lives = (-churn).exp();
                    let stays = random.poisson(mean * lives);
                    let freed = random.poisson(mean * (1.0 - lives));
                    let come = random.poisson(mean * (1.0 - lives) + more);
                    let passed = random.poisson(mean * (churn - (1.0 - lives)));
                    Pair::same_process(stays + freed, stays + come, come + passed)
                }
            };
            rows.push(GrowthEvidence::of(pair, w, w));
        }
        sum.raw += precision(&rows, |row| row.estimate().abs());
        sum.bound += precision(&rows, GrowthEvidence::lower_bound);
        let tested: Vec<usize> = (0..STACKS).filter(|&stack| rows[stack].testable()).collect();
        let p: Vec<f64> = tested.iter().map(|&stack| rows[stack].p_growth()).collect();
        let q = benjamini_hochberg(&p);
        let grown: Vec<usize> =
            tested.iter().zip(&q).filter(|&(_, &q)| q <= 0.05).map(|(&stack, _)| stack).collect();
        let right = grown.iter().filter(|&&stack| stack < PLANTED).count();
        sum.false_discoveries += (grown.len() - right) as f64 / grown.len().max(1) as f64;
        sum.found += right as f64 / PLANTED as f64;
    }
    let mean = |x: f64| x / f64::from(runs);
    Ranking {
        raw: mean(sum.raw),
        bound: mean(sum.bound),
        false_discoveries: mean(sum.false_discoveries),
        found: mean(sum.found),
    }
}

/// The share of planted leaks among the ten rows with the highest key.
fn precision(rows: &[GrowthEvidence], key: impl Fn(&GrowthEvidence) -> f64) -> f64 {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| key(&rows[b]).total_cmp(&key(&rows[a])).then(b.cmp(&a)));
    order[..PLANTED].iter().filter(|&&stack| stack < PLANTED).count() as f64 / PLANTED as f64
}

#[test]
fn the_lower_bound_ranks_planted_leaks_above_noise() {
    for (capture, leak, most_raw, least_bound) in [
        (Capture::Independent, 5.0, 0.15, 0.38),
        (Capture::Churn(0.2), 5.0, 0.62, 0.72),
        (Capture::Independent, 10.0, 0.45, 0.72),
        (Capture::Churn(1.0), 10.0, 0.65, 0.83),
        (Capture::Independent, 20.0, 0.88, 0.92),
    ] {
        let found = rank(7, 16, capture, leak * MB);
        println!("{leak} MB, {capture:?}: {found:.3?}");
        assert!(found.raw <= most_raw, "{leak} MB, {capture:?}: {found:?}");
        assert!(found.bound >= least_bound, "{leak} MB, {capture:?}: {found:?}");
        assert!(found.bound >= found.raw + 0.1, "{leak} MB, {capture:?}: {found:?}");
        assert!(found.false_discoveries <= 0.06, "{leak} MB, {capture:?}: {found:?}");
        assert!(leak < 20.0 || found.found >= 0.9, "{leak} MB, {capture:?}: {found:?}");
    }
}
