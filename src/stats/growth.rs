//! Decides whether a row grew between two snapshots, or whether only other objects were sampled.
//!
//! Each bucket (one stack, one object size) becomes a [`Pair`] of opposing raw samples: x₁ for
//! "before", x₂ for "after". In two processes these are the samples themselves. In one process at
//! two times, an object that lives through both snapshots was sampled once for both, so it cancels,
//! and only what was freed (x₁) is compared with what was added (x₂). [`GrowthEvidence`] adds pairs
//! up to a row and answers: how certain is the growth, how wide is the interval of the difference,
//! is it worth a test?
//!
//! Building the evidence of a bucket costs a few divisions; merging it into a row costs additions
//! only. A row of a cumulative value merges the buckets of everything it calls, so merging is the
//! hot path.

use super::distributions::{
    Garwood, binomial_all, binomial_mid_p, poisson_distances, skellam_tail,
};
use super::sampling::{Part, SamplingWeight, effective};
use super::{Interval, RANKING_QUANTILE};

/// Up to this inclusion probability all samples weigh nearly the same (w = R·(1 + p/2) to first
/// order), so counts can be pooled: the exact test needs no more.
const POOLED_PROBABILITY: f64 = 0.1;

/// Least number of samples on both sides for which a test is worthwhile.
const TESTED_SAMPLES: f64 = 6.0;

/// The best p-value that [`TESTED_SAMPLES`] can reach, 2⁻⁶, required of rows with few but certain
/// samples.
const TESTED_P: f64 = 0.015_625;

/// Most samples a pair can hold: slightly more than `u64::MAX`.
const LARGEST_COUNT: f64 = 2e19;

/// Raw samples of one bucket that count for "before" and for "after". Whole numbers ≥ 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pair {
    /// Samples that only the first snapshot has.
    pub x1: f64,
    /// Samples that only the second snapshot has.
    pub x2: f64,
}

impl Pair {
    /// Two processes (or two runs, builds, machines): x₁ = n₁, x₂ = n₂. A negative number, as in
    /// delta profiles, counts for the other side.
    pub fn independent(n1: i64, n2: i64) -> Self {
        let positive = |n: i64| n.max(0) as f64;
        let negative = |n: i64| n.min(0).unsigned_abs() as f64;
        Self { x1: positive(n1) + negative(n2), x2: positive(n2) + negative(n1) }
    }

    /// One process at two times. `alloc_delta` is the number of raw samples allocated in between:
    /// the increase of `alloc_objects`, converted to raw samples on each side.
    ///
    /// f = `alloc_delta` − (n₂ − n₁) samples were freed in between, and at most n₁ of them can have
    /// been there before: x₁ = min(f, n₁), x₂ = x₁ + (n₂ − n₁). Samples allocated and freed again
    /// between the snapshots drop out. If the counters contradict each other (f < 0), f counts as
    /// 0, or as whatever the fall from n₁ to n₂ requires.
    ///
    /// For a value that only ever rises (`alloc_space`) every sample of before is still counted
    /// after: pass n₂ − n₁ as `alloc_delta`.
    pub fn same_process(n1: i64, n2: i64, alloc_delta: i64) -> Self {
        if n1 < 0 || n2 < 0 {
            return Self::independent(n1, n2);
        }
        let change = n2 - n1;
        let freed = alloc_delta.saturating_sub(change).clamp((-change).max(0), n1);
        Self { x1: freed as f64, x2: freed.saturating_add(change) as f64 }
    }
}

/// The evidence that the samples of two snapshots give about one row.
///
/// [`GrowthEvidence::of`] builds the evidence of one bucket, which is merged into every row that
/// the bucket counts for. The default is empty. Values are in the unit of the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GrowthEvidence {
    before: Side,
    after: Side,
    /// Variance of after − before if nothing changed, with the floor of [`GrowthEvidence::of`].
    null_variance: f64,
    /// Σ w³(1−p) over all samples; over Σ w²(1−p) it is the size of a typical lost sample.
    null_third: f64,
    /// Σ w over all samples of both sides.
    total: f64,
    /// Σ (x₁ + x₂)·π with π = p₂/(p₁ + p₂), the share of samples that "after" has if nothing
    /// changed.
    share: f64,
    /// Largest inclusion probability of any bucket.
    probability: f64,
    /// Largest error of one sample of any bucket, including buckets whose samples all survived.
    unit: f64,
}

/// The share of samples that "after" has if nothing changed. Of a Poisson process, the side whose
/// samples weigh less has more of them.
fn share(before: SamplingWeight, after: SamplingWeight) -> f64 {
    let (p1, p2) = (before.probability, after.probability);
    let (w1, w2) = (before.amount, after.amount);
    match (p1 + p2 > 0.0, w1 + w2 > 0.0) {
        (true, _) => p2 / (p1 + p2),
        (false, true) => w1 / (w1 + w2),
        (false, false) => 0.5,
    }
}

/// Sums over the samples of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Side {
    samples: f64,
    estimate: f64,
    /// Σ w·√(1−p).
    noise: f64,
    /// Σ w²(1−p).
    variance: f64,
}

impl Side {
    fn of(x: f64, weight: SamplingWeight) -> Self {
        Self {
            samples: x,
            estimate: x * weight.amount,
            noise: x * weight.noise,
            variance: x * weight.noise * weight.noise,
        }
    }

    #[inline]
    fn merge(&mut self, other: &Self) {
        self.samples += other.samples;
        self.estimate += other.estimate;
        self.noise += other.noise;
        self.variance += other.variance;
    }
}

impl GrowthEvidence {
    /// The evidence of one bucket. `before` and `after` are the weight of one sample on each side;
    /// they differ if the profiles were sampled at different periods.
    ///
    /// If nothing changed, the variance of the difference is Σ w²(1−p)(x₁ + x₂). This is too small
    /// if large objects happen to be missing on one side, since an object that was not sampled adds
    /// nothing to it. But both sides must have as many objects as the fuller side has samples,
    /// which puts a floor under the variance: max(x₁, x₂)·Σ w²p(1−p) over both sides.
    pub fn of(pair: Pair, before: SamplingWeight, after: SamplingWeight) -> Self {
        let sane = |x: f64| if x.is_nan() { 0.0 } else { x.clamp(0.0, LARGEST_COUNT) };
        let (x1, x2) = (sane(pair.x1), sane(pair.x2));
        let (p1, p2) = (before.probability, after.probability);
        let (unit1, unit2) = (before.noise * before.noise, after.noise * after.noise);
        let floor = x1.max(x2) * (unit1 * p1 + unit2 * p2);
        Self {
            before: Side::of(x1, before),
            after: Side::of(x2, after),
            null_variance: (unit1 * x1 + unit2 * x2).max(floor),
            null_third: unit1 * before.amount * x1 + unit2 * after.amount * x2,
            total: before.amount * x1 + after.amount * x2,
            share: (x1 + x2) * share(before, after),
            probability: p1.max(p2),
            unit: before.noise.max(after.noise),
        }
    }

    /// Adds everything in `other`.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.before.merge(&other.before);
        self.after.merge(&other.after);
        self.null_variance += other.null_variance;
        self.null_third += other.null_third;
        self.total += other.total;
        self.share += other.share;
        self.probability = self.probability.max(other.probability);
        self.unit = self.unit.max(other.unit);
    }

    /// Adds one bucket: [`GrowthEvidence::of`] and [`GrowthEvidence::merge`] in one.
    pub fn add(&mut self, pair: Pair, before: SamplingWeight, after: SamplingWeight) {
        self.merge(&Self::of(pair, before, after));
    }

    /// Samples that count for "before" and for "after".
    pub fn samples(&self) -> Pair {
        Pair { x1: self.before.samples, x2: self.after.samples }
    }

    /// The Horvitz–Thompson estimate of the change: Σ w₂x₂ − Σ w₁x₁.
    pub fn estimate(&self) -> f64 {
        self.after.estimate - self.before.estimate
    }

    /// The variance of [`GrowthEvidence::estimate`]: Σ w₁²(1−p₁)x₁ + Σ w₂²(1−p₂)x₂, in squared units.
    pub fn variance(&self) -> f64 {
        self.before.variance + self.after.variance
    }

    /// The uncertain part of each side.
    pub(super) fn parts(&self) -> (Part, Part) {
        let part = |side: &Side| Part::new(side.noise, side.variance);
        (part(&self.before), part(&self.after))
    }

    /// One-sided p-value of "the row grew", within 0 to 1: the probability of so much growth if
    /// nothing grew.
    ///
    /// - All objects small (p ≤ 0.1): the samples are pooled, X ~ Bin(x₁ + x₂, π), and p is the mid-p
    ///   P(X > x₂) + ½·P(X = x₂) (Przyborowski and Wilenski 1940; Lancaster 1961).
    /// - With no sample against it (x₁ = 0) p is P(X = x₂) = π^x₂ in full: for d samples added in
    ///   one process, and none freed, exactly 2⁻ᵈ whatever the baseline. Half of it would claim
    ///   more than the samples can show.
    /// - Otherwise the change is measured in typical lost samples b = Σw³(1−p)/Σw²(1−p), and
    ///   compared with the difference of two Poisson variables of the same variance (Skellam 1946).
    ///   That is the normal z-test if there are many samples, and stays honest if there are few:
    ///   the tail counts in full, since with large objects the mid-p rejects up to .08 at α = .05.
    /// - Exact data: 0 if the change is above 0, 1 otherwise. Without samples 1.
    pub fn p_growth(&self) -> f64 {
        let share = self.pooled_share();
        self.p_value(self.before.samples, self.after.samples, share, self.estimate())
    }

    /// One-sided p-value of "the row shrank"; as [`GrowthEvidence::p_growth`] with the sides swapped.
    pub fn p_shrink(&self) -> f64 {
        let share = 1.0 - self.pooled_share();
        self.p_value(self.after.samples, self.before.samples, share, -self.estimate())
    }

    fn p_value(&self, against: f64, favor: f64, share: f64, estimate: f64) -> f64 {
        let trials = against + favor;
        if trials < 1.0 {
            return 1.0;
        }
        if self.probability <= POOLED_PROBABILITY {
            return if against < 1.0 {
                binomial_all(favor, share)
            } else {
                binomial_mid_p(favor, trials, share)
            };
        }
        let Some((unit, lost)) = self.lost() else {
            return if estimate > 0.0 { 0.0 } else { 1.0 };
        };
        skellam_tail(estimate / unit, lost)
    }

    /// Size of a typical lost sample, and how many are lost on both sides if nothing changed.
    /// `None` if nothing can be lost.
    fn lost(&self) -> Option<(f64, f64)> {
        let unit = self.null_third / self.variance();
        let lost = self.null_variance / (unit * unit);
        (unit > 0.0 && unit.is_finite() && lost > 0.0 && lost.is_finite()).then_some((unit, lost))
    }

    /// π over all samples; ½ without samples.
    fn pooled_share(&self) -> f64 {
        let share = self.share / (self.before.samples + self.after.samples);
        // Kept off 0 and 1, where a logarithm would not be finite.
        if share.is_nan() { 0.5 } else { share.clamp(1e-12, 1.0 - 1e-12) }
    }

    /// The least p-value that so many samples can reach: that of all of them on the side in favour.
    /// It depends on x₁ + x₂ alone as long as all objects are small, and hardly on the difference
    /// otherwise.
    pub fn least_p(&self) -> f64 {
        let trials = self.before.samples + self.after.samples;
        if trials < 1.0 {
            return 1.0;
        }
        if self.probability <= POOLED_PROBABILITY {
            return binomial_all(trials, self.pooled_share());
        }
        self.lost().map_or(0.0, |(unit, lost)| {
            // With all on one side, the floor under the variance would be at most twice the present
            // one.
            let lost = (2.0 * self.variance() / (unit * unit)).max(lost);
            skellam_tail(self.total / unit, lost)
        })
    }

    /// What the samples of "after" represent.
    pub fn added(&self) -> f64 {
        self.after.estimate
    }

    /// Whether the row is worth a test: x₁ + x₂ ≥ 6, or its samples are so certain that they could
    /// reach the p of six small ones (2⁻⁶) if they were all on one side. One object of 64 MiB
    /// could, one of 64 bytes couldn't.
    ///
    /// Rows that can't be significant only raise the price for the others (Tarone 1990). Leaving
    /// them out is fair because the choice depends on x₁ + x₂ alone and not on the difference
    /// (Bourgon, Gentleman and Huber 2010). A row whose samples are all unchanged isn't worth a
    /// test either.
    pub fn testable(&self) -> bool {
        let trials = self.before.samples + self.after.samples;
        if trials >= TESTED_SAMPLES {
            return true;
        }
        if trials < 1.0 || self.probability <= POOLED_PROBABILITY {
            return false;
        }
        self.least_p() <= TESTED_P
    }

    /// The interval around `delta` (the change as in the profiles) at a two-sided `level` of 0 to
    /// 1.
    ///
    /// Each side has Garwood's limits l to u of its effective number of samples, as in
    /// [`super::sampling::SampleEvidence::interval`]. They combine by the method of variance estimates
    /// recovery (MOVER; Zou and Donner 2008; Li, Tang and Wong 2014 for Poisson rates):
    /// lower = Δ − √((x̂₂ − l₂)² + (u₁ − x̂₁)²), upper = Δ + √((u₂ − x̂₂)² + (x̂₁ − l₁)²).
    ///
    /// A side without samples may still hold objects that no sample hit: up to 3.7 samples at 95 %.
    /// So a row whose samples all survived has an interval although its delta is 0. Only exact data
    /// and the empty evidence have an interval of no width: a stack that is absent from both
    /// snapshots is in no row.
    pub fn interval(&self, delta: f64, level: f64) -> Interval {
        self.interval_by(delta, |samples| poisson_distances(samples, level))
    }

    /// The same for one of many sums, which share `limits`.
    pub fn interval_of(&self, delta: f64, limits: &mut Garwood) -> Interval {
        self.interval_by(delta, |samples| limits.distances(samples))
    }

    fn interval_by(&self, delta: f64, mut distances: impl FnMut(f64) -> (f64, f64)) -> Interval {
        let before = effective(self.before.noise, self.before.variance);
        let after = effective(self.after.noise, self.after.variance);
        // Objects missed on a side without samples would look like the other side's samples or,
        // without any, like the largest of a surviving bucket.
        let unit = before.or(after).map_or(self.unit, |(_, unit)| unit);
        let unit2 = after.or(before).map_or(self.unit, |(_, unit)| unit);
        let mut reach = |side: Option<(f64, f64)>, unit: f64| {
            let (samples, unit) = side.unwrap_or((0.0, unit));
            let (down, up) = distances(samples);
            (down * unit, up * unit)
        };
        let ((down1, up1), (down2, up2)) = (reach(before, unit), reach(after, unit2));
        Interval::around(delta, down2.hypot(up1), up2.hypot(down1))
    }

    /// The one-sided 90 % lower bound of the growth, Σ w(x₂−x₁) − 1.2816·√(Σ w²(1−p)(x₁+x₂)), which
    /// ranks growing rows. It is a rank, not a test: for few samples it promises too much.
    pub fn lower_bound(&self) -> f64 {
        self.estimate() - RANKING_QUANTILE * self.variance().sqrt()
    }

    /// The mirrored upper bound, Σ w(x₂−x₁) + 1.2816·√(…), which ranks shrinking rows, the most
    /// negative first.
    pub fn upper_bound(&self) -> f64 {
        self.estimate() + RANKING_QUANTILE * self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampling::inclusion_probability;

    const R: f64 = 524_288.0;
    const MIB: f64 = 1_048_576.0;

    fn weight(size: f64) -> SamplingWeight {
        let p = inclusion_probability(size, R);
        SamplingWeight::new(size / p, p)
    }

    fn row(buckets: &[(Pair, f64)]) -> GrowthEvidence {
        let mut row = GrowthEvidence::default();
        for &(pair, size) in buckets {
            row.add(pair, weight(size), weight(size));
        }
        row
    }

    fn small(x1: f64, x2: f64) -> GrowthEvidence {
        row(&[(Pair { x1, x2 }, 64.0)])
    }

    #[test]
    fn survivors_cancel() {
        // 100 before, 110 after, 15 allocated in between: 5 were freed.
        assert_eq!(Pair::same_process(100, 110, 15), Pair { x1: 5.0, x2: 15.0 });
        // Nothing freed.
        assert_eq!(Pair::same_process(100, 110, 10), Pair { x1: 0.0, x2: 10.0 });
        // Far more allocated and freed than existed before: no survivor.
        assert_eq!(Pair::same_process(100, 110, 90_000), Pair { x1: 100.0, x2: 110.0 });
        // The alloc counter lags behind.
        assert_eq!(Pair::same_process(100, 110, 3), Pair { x1: 0.0, x2: 10.0 });
        assert_eq!(Pair::same_process(100, 90, 0), Pair { x1: 10.0, x2: 0.0 });
        assert_eq!(Pair::same_process(100, 90, -7), Pair { x1: 10.0, x2: 0.0 });
        // A counter that only rises.
        assert_eq!(Pair::same_process(100, 108, 8), Pair { x1: 0.0, x2: 8.0 });
    }

    #[test]
    fn negative_counts_stand_on_the_other_side() {
        assert_eq!(Pair::independent(-3, 5), Pair { x1: 0.0, x2: 8.0 });
        assert_eq!(Pair::independent(4, -2), Pair { x1: 6.0, x2: 0.0 });
        assert_eq!(Pair::same_process(4, -2, 1), Pair { x1: 6.0, x2: 0.0 });
    }

    #[test]
    fn growth_with_nothing_freed_is_a_power_of_two_whatever_the_baseline() {
        for baseline in [0, 10, 1_000_000] {
            for d in [1, 5, 6, 20] {
                let row = row(&[(Pair::same_process(baseline, baseline + d, d), 64.0)]);
                let want = 0.5_f64.powi(d as i32);
                assert!((row.p_growth() - want).abs() < 1e-9 * want, "{baseline} + {d}");
                assert!(row.p_shrink() > 0.99 - want);
            }
        }
    }

    #[test]
    fn small_objects_have_the_mid_p_of_the_pooled_counts() {
        // P(X > 7) + ½·P(X = 7), X ~ Bin(10, ½)
        assert!((small(3.0, 7.0).p_growth() - 116.0 / 1024.0).abs() < 1e-9);
        assert!((small(7.0, 3.0).p_shrink() - 116.0 / 1024.0).abs() < 1e-9);
        assert!((small(3.0, 7.0).p_shrink() - 908.0 / 1024.0).abs() < 1e-9);
        assert!((small(9.0, 9.0).p_growth() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn more_against_never_lowers_p_and_more_in_favor_never_raises_it() {
        for size in [64.0, R, 3.0 * R] {
            for x1 in 0..12 {
                for x2 in i32::from(x1 == 0)..12 {
                    let p = |x1: i32, x2: i32| {
                        row(&[(Pair { x1: x1.into(), x2: x2.into() }, size)]).p_growth()
                    };
                    let here = p(x1, x2);
                    assert!(p(x1 + 1, x2) >= here - 1e-12, "{size}: {x1}, {x2} against");
                    assert!(p(x1, x2 + 1) <= here + 1e-12, "{size}: {x1}, {x2} in favor");
                }
            }
        }
    }

    #[test]
    fn different_periods_shift_the_expected_share() {
        // After is sampled four times as densely: 10 samples before and 40 after are no growth, 40
        // and 40 a fall.
        let weight = |period: f64| {
            let p = inclusion_probability(64.0, period);
            SamplingWeight::new(64.0 / p, p)
        };
        let row = |x1, x2| GrowthEvidence::of(Pair { x1, x2 }, weight(R), weight(R / 4.0));
        assert!((row(10.0, 40.0).p_growth() - 0.5).abs() < 0.06);
        assert!(row(10.0, 40.0).estimate().abs() < 0.01 * R);
        assert!(row(40.0, 40.0).p_shrink() < 1e-6);
        assert!(row(0.0, 20.0).p_growth() > 0.8_f64.powi(20) * 0.99);
    }

    #[test]
    fn one_huge_object_is_certain_and_tested() {
        let row = row(&[(Pair { x1: 0.0, x2: 1.0 }, 64.0 * MIB)]);
        assert!(row.testable());
        assert!(row.p_growth() < 1e-12);
        assert!((row.lower_bound() - 64.0 * MIB).abs() < 1.0);
        let interval = row.interval(64.0 * MIB, 0.95);
        assert!(interval.upper - interval.lower < 1.0, "{interval:?}");
    }

    #[test]
    fn one_large_object_may_just_have_been_missed() {
        // An object of 1 MiB is missed with probability e⁻² = .135, and one that is always there
        // appears on the after side alone with .135 · .865 = .117.
        let one = row(&[(Pair { x1: 0.0, x2: 1.0 }, MIB)]);
        assert!(!one.testable());
        assert!((0.09..0.13).contains(&one.p_growth()), "{}", one.p_growth());
        // Three that came at once are another matter.
        let three = row(&[(Pair { x1: 0.0, x2: 3.0 }, 1.5 * MIB)]);
        assert!(three.testable());
        assert!(three.p_growth() < 1e-3, "{}", three.p_growth());
    }

    #[test]
    fn a_huge_object_stands_out_of_a_noisy_row() {
        let noisy = [(Pair { x1: 50.0, x2: 50.0 }, 64.0), (Pair { x1: 0.0, x2: 1.0 }, 64.0 * MIB)];
        assert!(row(&noisy).p_growth() < 1e-9);
        assert!((row(&noisy[..1]).p_growth() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn exact_data_is_certain() {
        let exact = SamplingWeight::new(48.0, 1.0);
        let row = |x1, x2| GrowthEvidence::of(Pair { x1, x2 }, exact, exact);
        assert_eq!((row(3.0, 4.0).p_growth(), row(3.0, 4.0).p_shrink()), (0.0, 1.0));
        assert_eq!((row(4.0, 3.0).p_growth(), row(4.0, 3.0).p_shrink()), (1.0, 0.0));
        assert_eq!((row(4.0, 4.0).p_growth(), row(4.0, 4.0).p_shrink()), (1.0, 1.0));
        assert!(row(0.0, 1.0).testable());
        assert_eq!(row(3.0, 4.0).interval(48.0, 0.95), Interval { lower: 48.0, upper: 48.0 });
    }

    #[test]
    fn six_small_samples_are_tested_and_five_are_not() {
        assert!(small(3.0, 3.0).testable());
        assert!(small(0.0, 6.0).testable());
        assert!(!small(0.0, 5.0).testable());
        assert!(!GrowthEvidence::default().testable());
    }

    #[test]
    fn rows_without_change_still_have_an_interval() {
        assert_eq!(
            GrowthEvidence::default().interval(0.0, 0.95),
            Interval { lower: 0.0, upper: 0.0 }
        );
        let survived = row(&[(Pair::same_process(50, 50, 0), 64.0)]);
        let interval = survived.interval(0.0, 0.95);
        assert!((interval.upper / R - 3.689).abs() < 0.01, "{interval:?}");
        assert!((interval.lower + interval.upper).abs() < 1e-6, "{interval:?}");
        assert_eq!((survived.p_growth(), survived.testable()), (1.0, false));
    }

    #[test]
    fn interval_and_test_agree_on_few_samples() {
        // Two-sided 5 % is one-sided 2.5 %: five samples are not enough, six are.
        assert!(small(0.0, 5.0).interval(5.0 * R, 0.95).lower <= 0.0);
        assert!(small(0.0, 6.0).interval(6.0 * R, 0.95).lower > 0.0);
    }

    #[test]
    fn order_of_merging_does_not_matter() {
        let a = GrowthEvidence::of(Pair { x1: 3.0, x2: 9.0 }, weight(64.0), weight(64.0));
        let b = GrowthEvidence::of(Pair { x1: 1.0, x2: 2.0 }, weight(MIB), weight(MIB));
        let (mut ab, mut ba) = (a, b);
        ab.merge(&b);
        ba.merge(&a);
        assert_eq!(ab, ba);
        assert!(std::mem::size_of::<GrowthEvidence>() <= 128);
    }

    #[test]
    fn absurd_input_gives_finite_answers() {
        let counts = [0, -1, 7, i64::MAX, i64::MIN];
        let amounts = [0.0, -4.0, R, 1e300, f64::NAN];
        let chances = [0.0, 0.05, 0.5, 1.0 - 1e-16, 1.0, -1.0, f64::NAN];
        for n1 in counts {
            for n2 in counts {
                for alloc in [5, i64::MAX, i64::MIN] {
                    for amount in amounts {
                        for p in chances {
                            let w = SamplingWeight::new(amount, p);
                            for pair in
                                [Pair::independent(n1, n2), Pair::same_process(n1, n2, alloc)]
                            {
                                assert!(pair.x1 >= 0.0 && pair.x2 >= 0.0, "{n1} {n2} {alloc}");
                                let row =
                                    GrowthEvidence::of(pair, w, SamplingWeight::new(1.0, 0.3));
                                sane(&row);
                                sane(&GrowthEvidence::of(pair, w, w));
                            }
                        }
                    }
                }
            }
        }
        let nan = Pair { x1: f64::NAN, x2: f64::INFINITY };
        sane(&GrowthEvidence::of(nan, SamplingWeight::new(R, 0.01), SamplingWeight::new(R, 0.01)));
    }

    fn sane(row: &GrowthEvidence) {
        for p in [row.p_growth(), row.p_shrink()] {
            assert!((0.0..=1.0).contains(&p), "{p} of {row:?}");
        }
        assert!(row.lower_bound() <= row.upper_bound(), "{row:?}");
        assert!(row.lower_bound().is_finite() && row.upper_bound().is_finite(), "{row:?}");
        let Interval { lower, upper } = row.interval(row.estimate(), 0.95);
        assert!(lower <= upper && lower.is_finite() && upper.is_finite(), "{row:?}");
        let _ = row.testable();
    }
}
