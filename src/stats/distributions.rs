//! The few distributions that the tests and intervals are based on.
//!
//! `statrs` has the special functions (incomplete gamma, error function). It lacks a mid-p binomial
//! tail that stays exact for small counts and cheap for large ones, Garwood's limits for a
//! fractional number of samples, and the tail of a Skellam variable. Each function is total:
//! arguments outside its range are clamped.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::{gamma_lr, ln_gamma};

/// Trials up to which a binomial tail is summed term by term. Above, the saddlepoint formula is
/// just as good (relative error below 1e-5 in any tail that matters) and doesn't grow with n.
const SUMMED_TRIALS: f64 = 10_000.0;

/// Samples up to which Garwood's limits are solved for; above, Wilson and Hilferty's cube is within
/// 0.002 samples.
const SOLVED_SAMPLES: f64 = 30.0;

/// Mean number of lost samples above which a Skellam variable is treated as normal.
const SKELLAM_MEAN: f64 = 100.0;

/// P(Z > z) for a standard normal Z.
pub(super) fn normal_tail(z: f64) -> f64 {
    if z.is_nan() { 1.0 } else { (0.5 * erfc(z / std::f64::consts::SQRT_2)).clamp(0.0, 1.0) }
}

/// The z with P(|Z| ≤ z) = `level`, for levels of 0 to 1 − 1e-12.
pub(super) fn two_sided_quantile(level: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(outside(level))
}

/// The probability outside an interval of this level; an invalid level counts as 95 %.
fn outside(level: f64) -> f64 {
    if level.is_nan() { 0.05 } else { (1.0 - level).clamp(1e-12, 1.0) }
}

/// P(X ≥ hits) for X ~ Bin(trials, share) if `hits` = `trials`: every sample fell on one side. A
/// separate function because it is exact for any number of trials: share^trials.
pub(super) fn binomial_all(trials: f64, share: f64) -> f64 {
    (trials * share.ln()).exp().clamp(0.0, 1.0)
}

/// Mid-p tail of a binomial: P(X > hits) + ½·P(X = hits) for X ~ Bin(trials, share)
/// (Lancaster 1961). 0 ≤ hits ≤ trials, 0 < share < 1.
pub(super) fn binomial_mid_p(hits: f64, trials: f64, share: f64) -> f64 {
    if trials < 1.0 {
        return 1.0;
    }
    let hits = hits.clamp(0.0, trials);
    if trials > SUMMED_TRIALS {
        return binomial_saddlepoint(hits, trials, share);
    }
    // The shorter tail is summed, so that 1 − (nearly 1) loses no digits.
    if hits >= trials * share {
        half_tail(hits, trials, share)
    } else {
        1.0 - half_tail(trials - hits, trials, 1.0 - share)
    }
}

/// ½·P(X = hits) + P(X > hits), summed upward from `hits` ≥ the mean.
fn half_tail(hits: f64, trials: f64, share: f64) -> f64 {
    let ln_first = ln_gamma(trials + 1.0) - ln_gamma(hits + 1.0) - ln_gamma(trials - hits + 1.0)
        + hits * share.ln()
        + (trials - hits) * (1.0 - share).ln();
    let first = ln_first.exp();
    let odds = share / (1.0 - share);
    let (mut term, mut sum, mut k) = (first, 0.5 * first, hits);
    while k < trials {
        term *= (trials - k) / (k + 1.0) * odds;
        k += 1.0;
        sum += term;
        if term <= sum * 1e-16 {
            break;
        }
    }
    sum.clamp(0.0, 1.0)
}

/// The same tail for many trials: the signed root r of the likelihood ratio, corrected to
/// r* = r + ln(u/r)/r (Lugannani and Rice 1980, in Barndorff-Nielsen's form).
fn binomial_saddlepoint(hits: f64, trials: f64, share: f64) -> f64 {
    let seen = hits / trials;
    let z = (seen - share) * (trials / (share * (1.0 - share))).sqrt();
    let part = |x: f64, expected: f64| if x > 0.0 { x * (x / expected).ln() } else { 0.0 };
    let deviance = 2.0 * trials * (part(seen, share) + part(1.0 - seen, 1.0 - share));
    let r = deviance.max(0.0).sqrt().copysign(z);
    // Near the middle r and u cancel to noise, and the plain normal is accurate enough.
    if z.abs() < 0.01 {
        return normal_tail(z);
    }
    // u is Wald's statistic in the natural parameter θ = Δ logit, which steps of a whole sample
    // turn into 2·tanh(θ/2): the mean of what the tails with and without the step at x require.
    let logit = |x: f64| (x / (1.0 - x)).ln();
    let theta = logit(seen) - logit(share);
    let u = 2.0 * (0.5 * theta).tanh() * (trials * seen * (1.0 - seen)).sqrt();
    let corrected = r + (u / r).ln() / r;
    normal_tail(if corrected.is_finite() { corrected } else { r })
}

/// Distances of Garwood's (1936) limits of a Poisson mean below and above `n` observed samples: (n
/// − χ²(2n, α/2)/2, χ²(2n+2, 1−α/2)/2 − n). `n` ≥ 0 may be fractional (an effective number).
pub(super) fn poisson_distances(n: f64, level: f64) -> (f64, f64) {
    let n = n.max(0.0);
    let alpha = outside(level);
    let z = two_sided_quantile(level);
    let lower = if n > 0.0 { gamma_quantile(n, 0.5 * alpha, -z) } else { 0.0 };
    let upper = gamma_quantile(n + 1.0, 1.0 - 0.5 * alpha, z);
    ((n - lower).clamp(0.0, n), (upper - n).max(0.0))
}

/// Garwood's limits at one level, each solved for once: many sums have the same number of samples.
#[derive(Clone, Debug)]
pub struct Garwood {
    level: f64,
    /// By the bits of the number of samples.
    known: HashMap<u64, (f64, f64), FxBuildHasher>,
}

impl Garwood {
    /// Limits at a two-sided `level` of 0 to 1.
    pub fn new(level: f64) -> Self {
        Self { level, known: HashMap::default() }
    }

    /// The same as [`poisson_distances`].
    pub(super) fn distances(&mut self, n: f64) -> (f64, f64) {
        let level = self.level;
        *self.known.entry(n.to_bits()).or_insert_with(|| poisson_distances(n, level))
    }
}

/// The quantile of a gamma variable of this shape and scale 1; `z` is the normal quantile of
/// `probability`. Starts from Wilson and Hilferty (1931) and, for small shapes, refines it by
/// Newton's steps inside a bracket.
fn gamma_quantile(shape: f64, probability: f64, z: f64) -> f64 {
    let ninth = 1.0 / (9.0 * shape);
    let guess = shape * (1.0 - ninth + z * ninth.sqrt()).max(0.0).powi(3);
    if shape > SOLVED_SAMPLES {
        // The cube of a huge shape rounds away the distance that matters; there the normal is
        // accurate.
        return if shape > 1e8 { shape + z * shape.sqrt() } else { guess };
    }
    let (mut low, mut high) = (0.0, shape + 60.0 + 10.0 * shape.sqrt());
    let ln_scale = ln_gamma(shape);
    let mut x = guess.clamp(1e-12, high);
    for _ in 0..80 {
        let miss = gamma_lr(shape, x) - probability;
        if miss > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = ((shape - 1.0) * x.ln() - x - ln_scale).exp();
        let newton = x - miss / density;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-12 * x {
            return next;
        }
        x = next.max(1e-300);
    }
    x
}

/// P(D ≥ k) for the difference D of two Poisson variables of mean `mean`/2 each (Skellam 1946),
/// continued to fractional `k` through the incomplete gamma function; normal, with a correction of
/// half a step, if the mean is above 100. `mean` ≥ 0.
pub(super) fn skellam_tail(k: f64, mean: f64) -> f64 {
    if mean > SKELLAM_MEAN {
        return normal_tail((k - 0.5) / mean.sqrt());
    }
    if k <= 0.0 {
        // P(D ≥ k) = 1 − P(D ≤ k − 1), and D is symmetric.
        return 1.0 - skellam_tail(1.0 - k, mean);
    }
    let half = 0.5 * mean;
    if half <= 0.0 || k > 1e4 {
        return 0.0;
    }
    let (mut weight, mut sum, mut j) = ((-half).exp(), 0.0, 0.0);
    loop {
        let tail = gamma_lr(k + j, half);
        sum += weight * tail;
        j += 1.0;
        weight *= half / j;
        // Past the mode, the remaining sum is below the last term.
        if j > half && (weight * tail <= 1e-17 * sum || tail <= 0.0 || weight <= 1e-17) {
            return sum.clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "got {got:e}, want {want:e}");
    }

    #[test]
    fn mid_p_of_small_counts_is_exact() {
        // P(X > 7) + ½·P(X = 7), X ~ Bin(10, ½) = (45 + 10 + 1 + 60) / 1024
        close(binomial_mid_p(7.0, 10.0, 0.5), 116.0 / 1024.0, 1e-12);
        close(binomial_mid_p(10.0, 10.0, 0.5), 0.5 / 1024.0, 1e-12);
        close(binomial_mid_p(0.0, 10.0, 0.5), 1.0 - 0.5 / 1024.0, 1e-12);
        close(binomial_mid_p(5.0, 10.0, 0.5), 0.5, 1e-12);
        close(binomial_mid_p(3.0, 10.0, 0.5), 1.0 - 116.0 / 1024.0, 1e-12);
        // Bin(3, ¼): P(X > 1) + ½·P(X = 1) = 10/64 + 27/128
        close(binomial_mid_p(1.0, 3.0, 0.25), 47.0 / 128.0, 1e-12);
    }

    /// The expected values come from exact rational arithmetic.
    #[test]
    fn mid_p_of_medium_counts_is_exact() {
        close(binomial_mid_p(60.0, 100.0, 0.5), 0.023_022_033_464_671_403, 1e-11);
        close(binomial_mid_p(40.0, 60.0, 0.5), 0.004_926_724_097_629_632, 1e-11);
        close(binomial_mid_p(70.0, 100.0, 2.0 / 3.0), 0.242_911_776_719_800_22, 1e-11);
        close(binomial_mid_p(2000.0, 9000.0, 0.2), 9.801_397_818_771_998e-8, 1e-9);
        close(binomial_mid_p(5200.0, 10_000.0, 0.5), 3.163_109_340_365_126e-5, 1e-9);
    }

    #[test]
    fn mid_p_of_large_counts_keeps_its_digits_in_the_tail() {
        close(binomial_mid_p(5100.0, 10_001.0, 0.5), 0.023_303_725_544_044_66, 1e-6);
        close(binomial_mid_p(5300.0, 10_001.0, 0.5), 1.041_852_957_946_001_2e-9, 1e-5);
        close(binomial_mid_p(10_400.0, 20_000.0, 0.5), 7.682_203_348_225_034e-9, 1e-5);
        close(binomial_mid_p(9800.0, 20_000.0, 0.5), 0.997_661_218_644_772_8, 1e-6);
        close(binomial_mid_p(6900.0, 20_000.0, 1.0 / 3.0), 2.408_240_841_075_699_2e-4, 1e-5);
    }

    #[test]
    fn mid_p_of_a_billion_is_quick_and_total() {
        close(binomial_mid_p(5e8, 1e9, 0.5), 0.5, 1e-9);
        // z = 2
        close(binomial_mid_p(5e8 + 31_622.776_6, 1e9, 0.5), 0.022_750_131_948_179_2, 1e-6);
        for (hits, trials) in [(0.0, 1e18), (1e18, 1e18), (9e18, 1.8e19), (3.0, 2.0), (-1.0, 4.0)] {
            let p = binomial_mid_p(hits, trials, 0.5);
            assert!((0.0..=1.0).contains(&p), "{hits} of {trials}: {p}");
        }
    }

    /// Limits as printed in tables of the Poisson distribution (Garwood 1936; Ulm 1990).
    #[test]
    fn garwood_agrees_with_the_tables() {
        for (n, lower, upper) in [
            (0.0, 0.0, 3.6889),
            (1.0, 0.0253, 5.5716),
            (5.0, 1.6235, 11.6683),
            (20.0, 12.2165, 30.8884),
            (100.0, 81.3639, 121.6272),
        ] {
            let (down, up) = poisson_distances(n, 0.95);
            assert!((n - down - lower).abs() < 2e-3, "lower limit of {n}: {}", n - down);
            assert!((n + up - upper).abs() < 2e-3, "upper limit of {n}: {}", n + up);
        }
    }

    #[test]
    fn garwood_is_total_and_widens_with_the_level() {
        for n in [0.0, 1e-9, 0.3, 1.0, 29.9, 30.1, 1e4, 1e8, 1e9, 9e18, f64::NAN] {
            let mut before = 0.0;
            for level in [0.0, 0.5, 0.8, 0.95, 0.999, 1.0] {
                let (down, up) = poisson_distances(n, level);
                assert!(down >= 0.0 && up >= 0.0, "{n} at {level}: {down}, {up}");
                assert!(up >= before, "{n} at {level}: {up} after {before}");
                before = up;
            }
        }
    }

    /// The expected values are sums of Poisson probabilities, added up term by term.
    #[test]
    fn skellam_agrees_with_the_sum_of_its_terms() {
        close(skellam_tail(1.0, 0.02), 0.009_851_652_187_695_056, 1e-10);
        close(skellam_tail(2.0, 0.934), 0.053_990_975_179_844_88, 1e-10);
        close(skellam_tail(3.0, 10.0), 0.211_239_849_147_292_6, 1e-10);
        close(skellam_tail(10.0, 40.0), 0.066_189_646_552_757_12, 1e-10);
        close(skellam_tail(-2.0, 10.0), 1.0 - 0.211_239_849_147_292_6, 1e-10);
        // P(D ≥ 0) + P(D ≥ 1) = 1, approached from above for P(D ≥ 0).
        close(skellam_tail(0.0, 5.0) + skellam_tail(1.0, 5.0), 1.0, 1e-12);
        close(skellam_tail(1e-9, 5.0), skellam_tail(0.0, 5.0), 1e-6);
    }

    #[test]
    fn skellam_meets_the_normal_where_it_hands_over() {
        for z in [0.5, 1.645, 3.0] {
            let k = z * 10.0;
            close(skellam_tail(k, 100.0), skellam_tail(k, 100.000_01), 0.05);
        }
    }
}
