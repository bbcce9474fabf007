//! Decides whether a site grew, or whether the whole program had more to do.
//!
//! Twice the requests need twice the memory, at most sites at once. [`Factor`] is the growth of the
//! typical site, and [`Factor::p_beyond`] tests one site against that instead of against no growth.
//! If a site is then no longer significant, the load explains its growth.
//!
//! If all sites follow the load, 19 in 20 are explained, and a leak among them is still found
//! (`series_simulation`). If only half of them follow, the median is somewhere between and explains
//! what it shouldn't; if many of few sites leak, they are the median. So [`Factor::of`] returns
//! none unless [`LEAST_SITES`] can be measured, the median is above 1 with 95 % confidence, and
//! [`AGREEING`] of them agree with it.

use super::distributions::{binomial_mid_p, two_sided_quantile};

/// Least number of sites with enough samples: two leaks among ten don't move the median far, but
/// two among three are the median.
pub const LEAST_SITES: usize = 10;

/// Least number of samples for a ratio, in both snapshots together.
pub const LEAST_SAMPLES: f64 = 20.0;

/// The share of sites that must agree with the factor.
pub const AGREEING: f64 = 0.8;

/// The growth of the program as a whole, as a factor above 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor {
    /// The median of n₂/n₁ over sites.
    pub factor: f64,
    /// Number of sites that it is the median of.
    pub sites: usize,
}

impl Factor {
    /// The factor of sites with `n1` and `n2` raw samples in the first and the last snapshot (all
    /// in use, including survivors). `None` if growth must not be attributed to load.
    ///
    /// The lower end of the 95 % interval of the median, from order statistics, must be above 1.
    pub fn of(sites: &[(f64, f64)]) -> Option<Self> {
        let measured: Vec<(f64, f64)> =
            sites.iter().copied().map(sane).filter(|(n1, n2)| n1 + n2 >= LEAST_SAMPLES).collect();
        let count = measured.len();
        if count < LEAST_SITES {
            return None;
        }
        // Half a sample keeps the ratio finite for a site that was empty.
        let mut ratios: Vec<f64> = measured.iter().map(|(n1, n2)| n2 / n1.max(0.5)).collect();
        ratios.sort_by(f64::total_cmp);
        let factor = f64::midpoint(ratios[(count - 1) / 2], ratios[count / 2]);
        let reach = 0.5 * two_sided_quantile(super::LEVEL) * (count as f64).sqrt();
        let lower = ratios[(0.5 * count as f64 - reach).max(0.0) as usize];
        let this = Self { factor, sites: count };
        let agrees = |&&(n1, n2): &&(f64, f64)| {
            let p = this.p_beyond(n1, n2);
            (0.025..=0.975).contains(&p)
        };
        let agreeing = measured.iter().filter(agrees).count();
        let enough = agreeing as f64 >= AGREEING * count as f64;
        (lower > 1.0 && factor.is_finite() && enough).then_some(this)
    }

    /// One-sided p-value of "this site grew by more than the factor": the mid-p tail of n₂ out of
    /// n₁ + n₂ with π = f/(1 + f) (Przyborowski and Wilenski 1940).
    ///
    /// `n1` and `n2` are all raw samples in use, as in [`Factor::of`]: survivors don't cancel here,
    /// because memory that follows the load grows in proportion to what is there. Within one
    /// process that makes the test cautious.
    pub fn p_beyond(&self, n1: f64, n2: f64) -> f64 {
        let (n1, n2) = sane((n1, n2));
        let share = (self.factor / (1.0 + self.factor)).clamp(1e-12, 1.0 - 1e-12);
        binomial_mid_p(n2, n1 + n2, share)
    }
}

fn sane((n1, n2): (f64, f64)) -> (f64, f64) {
    let sane = |n: f64| if n.is_nan() { 0.0 } else { n.clamp(0.0, 1e18).floor() };
    (sane(n1), sane(n2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_site_is_the_load() {
        let mut sites = vec![(40.0, 80.0); 12];
        sites.push((10.0, 400.0));
        let factor = Factor::of(&sites).unwrap();
        assert!((factor.factor - 2.0).abs() < 1e-12 && factor.sites == 13);
        assert!(factor.p_beyond(40.0, 80.0) > 0.4);
        assert!(factor.p_beyond(10.0, 400.0) < 1e-6);
    }

    #[test]
    fn few_sites_no_growth_and_disagreement_give_no_factor() {
        assert_eq!(Factor::of(&[(40.0, 80.0); 9]), None);
        assert_eq!(Factor::of(&[(40.0, 40.0); 20]), None);
        assert_eq!(Factor::of(&[(5.0, 9.0); 40]), None);
        let mut half = vec![(100.0, 100.0); 9];
        half.extend([(100.0, 300.0); 11]);
        assert_eq!(Factor::of(&half), None);
    }

    #[test]
    fn absurd_counts_get_an_answer() {
        let odd = [f64::NAN, f64::INFINITY, -5.0, 0.0, 1e300];
        let sites: Vec<(f64, f64)> =
            odd.iter().flat_map(|&n1| odd.iter().map(move |&n2| (n1, n2))).collect();
        let _ = Factor::of(&sites);
        for &(n1, n2) in &sites {
            let p = Factor { factor: 2.0, sites: 10 }.p_beyond(n1, n2);
            assert!((0.0..=1.0).contains(&p), "{n1}, {n2}: {p}");
        }
    }
}
