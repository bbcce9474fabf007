//! What a leak must add for the data to show it: the smallest growth that is called a leak in four
//! of five windows like this one.
//!
//! A test that finds nothing says little without its power. Three things limit it, which add up like
//! errors, since all have to be overcome at once: the growth must be more than sampling explains, at a level that is shared by all sites;
//! its samples must be spread over the snapshots as a leak's are; and it must stand out from what
//! the site's values vary anyway. `docs/statistics.md` has the formula and how often it holds.

use super::distributions::two_sided_quantile;
use statrs::function::gamma::gamma_lr;

/// The probability with which a leak of the stated size is found.
pub const POWER: f64 = 0.8;

/// Level of the growth test over all sites (false discovery rate), and least number of samples that
/// are tested.
const LEVEL: f64 = 0.05;
const LEAST_SAMPLES: f64 = 6.0;

/// How much more than least squares the trend needs, with all its conditions (order, late half,
/// shape), with few snapshots and with more. By simulation.
const TREND: [f64; 2] = [3.2, 2.2];

/// Points of the late half, at least.
const LATE: usize = 5;

/// What is known of a site before anything leaks there, in the unit of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// What one unseen sample represents: the sampling period, for small objects in bytes.
    pub sample: f64,
    /// Variance of the growth from the first snapshot to the last, by sampling of what came and went.
    pub variance: f64,
    /// Standard deviation of a snapshot's value around its trend.
    pub scatter: f64,
}

/// The least growth over all snapshots, taken at `times` (in any unit, ascending), that is found at
/// a site with this noise with a probability of [`POWER`], if `tests` sites are tested. In the unit
/// of the noise. `None` for fewer than four snapshots or none that differ in time.
pub fn detectable(times: &[f64], noise: &Noise, tests: usize) -> Option<f64> {
    let (first, last) = (times.first()?, times.last()?);
    let span = last - first;
    if times.len() < super::class::LEAST || span.is_nan() || span <= 0.0 {
        return None;
    }
    let level = LEVEL / tests.max(1) as f64;
    let sane = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
    let (u, v, sigma) = (sane(noise.sample), sane(noise.variance), sane(noise.scatter));
    let spread = u * expected(-level.log2()).max(samples(times.len()));
    // x = a·√(v + u·x): the growth x is sampled too.
    let a = one_sided(1.0 - level) + one_sided(POWER);
    let grown = if v > 0.0 {
        f64::midpoint(a * a * u, (a.powi(4) * u * u + 4.0 * a * a * v).sqrt())
    } else {
        0.0
    };
    let late = &times[times.len() - times.len().div_ceil(2).max(LATE).min(times.len())..];
    let mean = late.iter().sum::<f64>() / late.len() as f64;
    let squares: f64 = late.iter().map(|time| (time - mean) * (time - mean)).sum();
    let factor = TREND[usize::from(times.len() > LATE)];
    let trend = factor * (one_sided(0.9) + one_sided(POWER)) * sigma / squares.sqrt() * span;
    let least = spread.hypot(grown).hypot(trend);
    Some(if least.is_finite() { least } else { f64::MAX })
}

/// The least growth in a number of goroutines, likewise, from `before` on: they are counted and not
/// sampled, but start at random, so they have to be spread over the snapshots as samples have.
pub fn detectable_count(snapshots: usize, before: f64) -> f64 {
    let before = if before.is_finite() { before.max(0.0) } else { 0.0 };
    // x = 2·√(2·before + x).
    let above = 2.0 + (4.0 + 8.0 * before).sqrt();
    samples(snapshots).max(above).ceil()
}

/// Samples that have to be added over the whole time for a leak to look like one in [`POWER`] of all
/// cases, by simulation (`power_simulation`).
fn samples(snapshots: usize) -> f64 {
    match snapshots {
        0..=4 => 20.0,
        5 => 17.0,
        6 => 14.0,
        7 => 12.0,
        _ => 10.0,
    }
}

/// The expected number of samples of which at least `least` (at least [`LEAST_SAMPLES`], rounded up) are seen with a
/// probability of [`POWER`]; a growth of d samples without losses has p = 2⁻ᵈ.
fn expected(least: f64) -> f64 {
    let least = least.ceil().clamp(LEAST_SAMPLES, 1e4);
    // P(X ≥ d) for a Poisson X of mean μ is the incomplete gamma function P(d, μ).
    let (mut low, mut high) = (0.0, 4.0 * least + 20.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if gamma_lr(least, middle) < POWER { low = middle } else { high = middle }
    }
    high
}

fn one_sided(level: f64) -> f64 {
    two_sided_quantile((2.0 * level - 1.0).clamp(0.0, 1.0 - 1e-15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_noise_and_more_sites_hide_more() {
        let times: Vec<f64> = (0..8).map(f64::from).collect();
        let of = |noise: Noise, tests| detectable(&times, &noise, tests).unwrap();
        let quiet = Noise { sample: 1.0, ..Noise::default() };
        assert!(of(quiet, 1) >= 10.0 && of(quiet, 1) < 12.0, "{}", of(quiet, 1));
        assert!(of(quiet, 1000) > 1.5 * of(quiet, 1));
        assert!(of(Noise { variance: 200.0, ..quiet }, 20) > 1.5 * of(quiet, 20));
        assert!(of(Noise { scatter: 40.0, ..quiet }, 20) > 3.0 * of(quiet, 20));
        // Nothing is sampled and nothing varies: everything shows.
        assert!(of(Noise::default(), 20) <= 0.0);
    }

    #[test]
    fn absurd_input_is_cautious() {
        assert_eq!(detectable(&[], &Noise::default(), 0), None);
        assert_eq!(detectable(&[1.0; 8], &Noise::default(), 1), None);
        let absurd = Noise { sample: f64::NAN, variance: f64::INFINITY, scatter: -1.0 };
        assert!(detectable(&[0.0, 1.0, 2.0, 3.0], &absurd, usize::MAX).unwrap().is_finite());
        assert!(detectable_count(0, f64::NAN) >= 4.0);
    }
}
