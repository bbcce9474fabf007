//! A set that is only added to: does it grow more slowly than before?
//!
//! What enters a leaking set in one interval is independent of what entered before. Its values,
//! however, are sums of all that, so they remember: a run of rich intervals early on bends the
//! curve, and a curve that levels off fits better than a line by chance alone. So the additions
//! have to be compared: early against late, as counts.

use super::distributions::binomial_mid_p;

/// Falls of up to this share of the rise count as none.
const FALLS: f64 = 0.03;

/// The level of each of the two tests for slowing down, with [`AMPLE`] values or more. With fewer
/// it is higher, by the square of the missing share: few values show a slowdown badly, and an
/// unseen slowdown must not count as none.
const SLOWER: f64 = 0.025;
const AMPLE: f64 = 12.0;

/// With fewer values there is no verdict.
const FEWEST: usize = 8;

/// Whether values, if there are enough, hardly ever fall: as far as the data show, the set is only
/// added to.
pub(super) fn only_added(values: &[f64]) -> bool {
    let falls: f64 = values.windows(2).map(|pair| (pair[0] - pair[1]).max(0.0)).sum();
    let rise = values.last().unwrap_or(&0.0) - values.first().unwrap_or(&0.0);
    values.len() >= FEWEST && rise > 0.0 && falls <= FALLS * rise
}

/// Whether such a set grows more slowly than before, in the late half or in the last third. `unit`
/// is the value of one sample; additions may vary more than samples do, and then that variation is
/// measured.
///
/// With k₁ units added before and k₂ after, in spans T₁ and T₂, each test treats k₁ as binomial
/// with π = T₁/(T₁ + T₂) (Przyborowski and Wilenski 1940), at .025 with twelve values.
pub(super) fn slows(times: &[f64], values: &[f64], unit: f64) -> bool {
    let n = values.len();
    let looks = [n / 2, n - n.div_ceil(3)];
    looks.iter().any(|&at| slows_at(times, values, unit, at))
}

fn level(n: usize) -> f64 {
    let missing = (AMPLE / n as f64).max(1.0);
    SLOWER * missing * missing
}

fn slows_at(times: &[f64], values: &[f64], unit: f64, at: usize) -> bool {
    let last = values.len() - 1;
    if at == 0 || at >= last {
        return false;
    }
    let (early, late) = (values[at] - values[0], values[last] - values[at]);
    let (before, after) = (times[at] - times[0], times[last] - times[at]);
    if !(before > 0.0 && after > 0.0) {
        return false;
    }
    // Pearson's dispersion of the additions, around the rate of their part.
    let rates = [early / before, late / after];
    let squares = (0..last).filter_map(|i| {
        let expected = rates[usize::from(i >= at)] * (times[i + 1] - times[i]);
        let off = values[i + 1] - values[i] - expected;
        (expected > 0.0).then(|| off * off / expected)
    });
    let dispersion = squares.sum::<f64>() / last.saturating_sub(2).max(1) as f64;
    let unit = unit.max(if dispersion.is_finite() { dispersion } else { 0.0 });
    // Exact and even: any slower rate is slower.
    let (early, late) = if unit > 0.0 { (early / unit, late / unit) } else { (early, late) };
    if unit <= 0.0 {
        return late * before < 0.9 * early * after;
    }
    let (early, late) = (early.max(0.0).round(), late.max(0.0).round());
    binomial_mid_p(early, early + late, before / (before + after)) <= level(values.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    #[test]
    fn falls_tell_a_set_that_also_loses() {
        let line = hours(12);
        assert!(only_added(&line));
        let with = |value: f64| [&line[..5], &[value], &line[6..]].concat();
        let (dip, fall) = (with(3.8), with(1.0));
        assert!(only_added(&dip));
        assert!(!only_added(&fall));
        assert!(!only_added(&hours(7)));
        assert!(!only_added(&[3.0, 3.0]));
        assert!(!only_added(&[]));
    }

    #[test]
    fn a_rich_beginning_is_not_a_slowing_down() {
        // Forty samples, slightly more of them early.
        let values = [3.0, 8.0, 15.0, 21.0, 21.0, 26.0, 29.0, 32.0, 37.0, 38.0, 40.0, 46.0];
        assert!(!slows(&hours(12), &values, 1.0));
        // Just as many, but levelling off.
        let values = [3.0, 14.0, 23.0, 30.0, 35.0, 39.0, 41.0, 43.0, 44.0, 45.0, 45.0, 46.0];
        assert!(slows(&hours(12), &values, 1.0));
    }

    #[test]
    fn a_ring_that_is_full_has_slowed_down() {
        let ring: Vec<f64> = hours(12).iter().map(|t| (10.0 * t).min(70.0)).collect();
        assert!(slows(&hours(12), &ring, 1.0));
        assert!(slows(&hours(12), &ring, 0.0));
        let line: Vec<f64> = hours(12).iter().map(|t| 10.0 * t).collect();
        assert!(!slows(&hours(12), &line, 0.0));
    }

    #[test]
    fn absurd_input_slows_nothing() {
        assert!(!slows(&[0.0; 5], &hours(5), 1.0));
        assert!(!slows(&hours(2), &hours(2), f64::NAN));
        assert!(!slows(&hours(4), &[0.0; 4], 1.0));
    }
}
