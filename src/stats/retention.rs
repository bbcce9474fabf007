//! Estimates what share of its allocations a site kept.
//!
//! A leak keeps nearly everything, a churning site nearly nothing. The share is shown next to the
//! trend and never multiplied into it: a cache that fills keeps everything, too.

use super::distributions::two_sided_quantile;
use super::{Interval, LEVEL};
use statrs::function::beta::beta_reg;

/// A share of 0 to 1 with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retention {
    /// kept / allocated, within 0 to 1.
    pub share: f64,
    /// Jeffreys' interval.
    pub interval: Interval,
}

/// Samples above which Wilson's interval replaces it: both then end within a sample of each other.
const MANY: f64 = 1e6;

/// The kept share of `allocated` raw samples, with Jeffreys' interval: the quantiles of Beta(kept +
/// ½, freed + ½), with 0 if none were kept and 1 if all were (Brown, Cai and `DasGupta` 2001).
///
/// `None` if nothing was allocated. Kept below 0 (more was freed than allocated) counts as 0, above
/// `allocated` (counters that contradict each other) as all.
pub fn retention(kept: f64, allocated: f64) -> Option<Retention> {
    if !(allocated > 0.0 && allocated.is_finite()) {
        return None;
    }
    let kept = if kept.is_nan() { 0.0 } else { kept.clamp(0.0, allocated) };
    let share = kept / allocated;
    let Interval { lower, upper } =
        if allocated > MANY { wilson(share, allocated) } else { jeffreys(kept, allocated - kept) };
    let lower = if kept <= 0.0 { 0.0 } else { lower.clamp(0.0, share) };
    let upper = if kept >= allocated { 1.0 } else { upper.clamp(share, 1.0) };
    Some(Retention { share, interval: Interval { lower, upper } })
}

fn jeffreys(kept: f64, freed: f64) -> Interval {
    // Bisection is slow but always ends; the inverse in statrs doesn't, for extreme parameters.
    let quantile = |p: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if beta_reg(kept + 0.5, freed + 0.5, middle) < p {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    };
    let tail = 0.5 * (1.0 - LEVEL);
    Interval { lower: quantile(tail), upper: quantile(1.0 - tail) }
}

fn wilson(share: f64, allocated: f64) -> Interval {
    let z = two_sided_quantile(LEVEL);
    let pull = z * z / allocated;
    let middle = (share + 0.5 * pull) / (1.0 + pull);
    let reach =
        z * (share * (1.0 - share) / allocated + pull / (4.0 * allocated)).sqrt() / (1.0 + pull);
    Interval { lower: middle - reach, upper: middle + reach }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers come out exactly")]
mod tests {
    use super::*;

    fn close(got: Interval, lower: f64, upper: f64) {
        assert!((got.lower - lower).abs() < 5e-4 && (got.upper - upper).abs() < 5e-4, "{got:?}");
    }

    /// The expected values come from integrating the beta density.
    #[test]
    fn jeffreys_are_the_quantiles_of_a_beta() {
        let of = |kept, allocated| retention(kept, allocated).unwrap().interval;
        close(of(0.0, 7.0), 0.0, 0.292);
        close(of(1.0, 7.0), 0.016, 0.501);
        close(of(5.0, 10.0), 0.224, 0.776);
        close(of(12.0, 12.0), 0.8147, 1.0);
    }

    #[test]
    fn contradictions_are_pulled_into_range() {
        assert_eq!(retention(5.0, 0.0), None);
        assert_eq!(retention(5.0, f64::NAN), None);
        assert_eq!(retention(-3.0, 10.0).unwrap().share, 0.0);
        assert_eq!(retention(30.0, 10.0).unwrap().share, 1.0);
        assert_eq!(retention(f64::NAN, 10.0).unwrap().share, 0.0);
        for allocated in [1e-9, 0.3, 1e3, 1e6, 1e7, 2e7, 1e18] {
            for part in [0.0, 1e-6, 0.5, 0.999_999, 1.0] {
                let Retention { share, interval } = retention(allocated * part, allocated).unwrap();
                assert!(interval.lower >= 0.0 && interval.lower <= share, "{part} of {allocated}");
                assert!(interval.upper <= 1.0 && interval.upper >= share, "{part} of {allocated}");
            }
        }
    }
}
