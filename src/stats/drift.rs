//! Does a value drift? Measures the change from the first of many baselines to the last when no
//! single step is large enough to be seen.
//!
//! Baselines count as evenly spaced, whatever their dates: a commit changes memory, time alone
//! doesn't. A drift is above its limits if the values rise (Mann and Kendall, one-sided, 5 %) and
//! the lower bound of the rise over all of them is above every limit; it is within them if the
//! upper bound is within one. The rise is Theil and Sen's slope times the number of steps, with
//! Sen's interval.
//!
//! The scatter of the baselines contains both the sampling noise of each and the spread of its
//! runs. If a few baselines happen to agree, the scatter is too small, so an interval is never
//! narrower than the known noise of its values. A value without samples isn't known to be 0: each
//! value gets, on top of the noise of its samples, the noise of one more. And if most values are
//! one sample or none, the median of slopes is 0 even though they rise; so no drift counts as
//! within a limit if the rise by least squares plus that noise exceeds it.

use super::Interval;
use super::distributions::two_sided_quantile;
use super::threshold::{Among, Decision, HALVED, Limits, mean, variance};
use super::trend::{Rise, mann_kendall};

/// The level of the two-sided interval whose ends are one-sided 95 % bounds. A single growth leaves
/// out 4 % on each side (`threshold`), since limits combined from several parts are wrong more
/// often than they promise. Here no reserve is needed: the bound is the wider of Sen's and that of
/// the known noise, and a failure also requires the test of Mann and Kendall, so that in
/// simulations (`drift_simulation`) no more than 5 % are wrong.
const ONE_SIDED: f64 = 0.90;

/// With fewer values no rise can be shown: 1/4! is the first probability below 5 %.
pub const LEAST: usize = 4;

/// The p-value at which values count as rising.
const SIGNIFICANT: f64 = 0.05;

/// A value in the series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// The mean of its runs.
    pub value: f64,
    /// Its known variance, in squared units; 0 if unknown.
    pub variance: f64,
}

impl Point {
    /// Makes the mean of some runs, with `sampling` as its sampling variance, in squared units.
    /// `unit` is the weight of one further sample of a run, in case none was met.
    pub fn new(runs: &[f64], sampling: f64, unit: f64) -> Self {
        let n = runs.len().max(1) as f64;
        let spread = variance(runs).map_or(0.0, |variance| variance / n);
        let sane = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
        let value = mean(runs);
        Self {
            value: if value.is_finite() { value } else { 0.0 },
            variance: sane(sampling).max(sane(spread)) + sane(unit * unit / n),
        }
    }
}

/// The result for a drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// The outcome.
    pub decision: Decision,
    /// The limit, in the unit of the values. A share of the start has been converted to a number.
    pub limit: f64,
    /// The value at the first baseline, along the slope.
    pub start: f64,
    /// The rise from the first to the last, along the slope.
    pub value: f64,
    /// Its one-sided 95 % bounds.
    pub bounds: Interval,
    /// The p-value: the probability of values that rise so steadily if nothing rises.
    pub p: f64,
}

/// The quantity compared with a limit: end − (1 + share)·start.
#[derive(Clone, Copy)]
struct Contrast {
    share: f64,
    limit: f64,
    upper: f64,
    among: Among,
}

/// Judges values in order of time, by a limit that is one `among` several; `None` for fewer than
/// [`LEAST`].
pub fn judge(points: &[Point], limits: Limits, among: Among) -> Option<Drift> {
    if points.len() < LEAST {
        return None;
    }
    let row = Fit::new(points);
    let share = limits.percent.map(|percent| percent.max(0.0) / 100.0);
    let most = limits.most.or(share.is_none().then_some(0.0));
    let upper = if most.is_some() && share.is_some() { HALVED } else { ONE_SIDED };
    let absolute = most.map(|limit| row.against(Contrast { share: 0.0, limit, upper, among }));
    let relative = share.map(|share| row.against(Contrast { share, limit: 0.0, upper, among }));
    let both = [absolute, relative].into_iter().flatten();
    let of = |decision| both.clone().filter(move |drift: &Drift| drift.decision == decision);
    // One limit that is met is enough to pass; otherwise the larger limit counts.
    let larger = |a: &Drift, b: &Drift| a.limit.total_cmp(&b.limit);
    of(Decision::Within)
        .max_by(larger)
        .or(of(Decision::Open).max_by(larger))
        .or(of(Decision::Above).max_by(larger))
}

/// The values, and what is known of their rise.
struct Fit {
    steps: f64,
    times: Vec<f64>,
    values: Vec<f64>,
    slope: f64,
    start: f64,
    p: f64,
    /// The rise by least squares.
    least: f64,
    /// Standard error of the rise by the known noise of each value.
    known: f64,
    /// Standard error of the middle of the series.
    middle: f64,
}

impl Fit {
    fn new(points: &[Point]) -> Self {
        let n = points.len() as f64;
        let times: Vec<f64> = (0..points.len()).map(|i| i as f64).collect();
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        let steps = n - 1.0;
        let slope = Rise::of(&times, &values).slope().estimate;
        let mut rest: Vec<f64> = times.iter().zip(&values).map(|(t, v)| v - slope * t).collect();
        let lever = |t: &f64| (t - 0.5 * steps).powi(2);
        let square: f64 = times.iter().map(lever).sum();
        let least: f64 = times.iter().zip(&values).map(|(t, v)| (t - 0.5 * steps) * v).sum();
        let least = least / square * steps;
        // By least squares; the median of slopes is about as precise.
        let known: f64 = times.iter().zip(points).map(|(t, p)| lever(t) * p.variance).sum();
        let known = known.sqrt() / square * steps;
        let noise = variance(&rest).unwrap_or(0.0) / n;
        let noise = noise.max(points.iter().map(|point| point.variance).sum::<f64>() / (n * n));
        let p = mann_kendall(&values);
        rest.sort_by(f64::total_cmp);
        let start = f64::midpoint(rest[(rest.len() - 1) / 2], rest[rest.len() / 2]);
        Self { steps, times, values, slope, start, p, least, known, middle: noise.sqrt() }
    }

    fn against(&self, contrast: Contrast) -> Drift {
        let Contrast { share, limit, upper, among } = contrast;
        let value = self.slope * self.steps;
        // The rise follows from the slope alone; the start from the middle of the series and half
        // of the rise, so that rise − share·start is (1 + share/2)·rise − share·middle.
        let reach = |level: f64| {
            let slope = Rise::of(&self.times, &self.values).interval(level);
            let z = two_sided_quantile(level);
            let known = z * self.known;
            let down = (value - slope.lower * self.steps).max(known);
            let up = (slope.upper * self.steps - value).max(known).max(self.least - value + known);
            let wide = |reach: f64| (reach * (1.0 + 0.5 * share)).hypot(share * z * self.middle);
            (wide(down), wide(up))
        };
        let bounds = Interval::around(value, reach(among.level(ONE_SIDED)).0, reach(upper).1);
        let limit = limit + share * self.start.max(0.0);
        let decision = if bounds.upper <= limit {
            Decision::Within
        } else if bounds.lower > limit && self.p <= SIGNIFICANT / among.0.max(1) as f64 {
            Decision::Above
        } else {
            Decision::Open
        };
        Drift { decision, limit, start: self.start, value, bounds, p: self.p }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        values.iter().map(|&value| Point { value, variance: 0.0 }).collect()
    }

    fn limits(most: f64) -> Limits {
        Limits { most: Some(most), percent: None }
    }

    #[test]
    fn what_stays_is_within_any_limit() {
        let drift = judge(&points(&[7.0; 6]), limits(0.0), Among::ALONE).unwrap();
        assert_eq!(drift.decision, Decision::Within);
        assert_eq!((drift.value, drift.bounds), (0.0, Interval::default()));
    }

    #[test]
    fn a_steady_rise_is_its_slope_times_its_steps() {
        let rise: Vec<f64> = (0..8).map(|i| 100.0 + 2.0 * f64::from(i)).collect();
        let drift = judge(&points(&rise), limits(13.0), Among::ALONE).unwrap();
        assert_eq!((drift.decision, drift.value, drift.start), (Decision::Above, 14.0, 100.0));
        assert_eq!(
            judge(&points(&rise), limits(14.0), Among::ALONE).unwrap().decision,
            Decision::Within
        );
        let percent = |percent| Limits { most: None, percent: Some(percent) };
        let by_share = judge(&points(&rise), percent(13.0), Among::ALONE).unwrap();
        assert_eq!((by_share.decision, by_share.limit), (Decision::Above, 13.0));
        // Both have to be exceeded.
        let both = Limits { most: Some(1.0), percent: Some(20.0) };
        assert_eq!(judge(&points(&rise), both, Among::ALONE).unwrap().decision, Decision::Within);
    }

    #[test]
    fn known_noise_widens_what_happens_to_agree() {
        let noisy: Vec<Point> =
            (0..6).map(|i| Point { value: f64::from(i), variance: 100.0 }).collect();
        let drift = judge(&noisy, limits(1.0), Among::ALONE).unwrap();
        assert_eq!(drift.decision, Decision::Open);
        assert!(drift.bounds.lower < -5.0 && drift.bounds.upper > 15.0, "{drift:?}");
    }

    #[test]
    fn what_no_sample_met_is_not_known_to_be_nothing() {
        let unit = 512.0 * 1024.0;
        let nothing = [Point::new(&[0.0], 0.0, unit); 6];
        let drift = judge(&nothing, limits(1024.0), Among::ALONE).unwrap();
        assert_eq!((drift.decision, drift.value), (Decision::Open, 0.0));
        assert!(drift.bounds.upper > unit, "{drift:?}");
        // Four runs without a sample show more than one, and a complete recording shows everything.
        let runs = [Point::new(&[0.0; 4], 0.0, unit); 6];
        let half = judge(&runs, limits(1024.0), Among::ALONE).unwrap().bounds.upper;
        assert!((half - 0.5 * drift.bounds.upper).abs() < 1.0, "{half}");
        let full = [Point::new(&[0.0], 0.0, 0.0); 6];
        assert_eq!(judge(&full, limits(1024.0), Among::ALONE).unwrap().decision, Decision::Within);
    }

    #[test]
    fn one_step_that_was_let_pass_is_no_drift() {
        let step: Vec<f64> = (0..12).map(|i| if i < 6 { 100.0 } else { 150.0 }).collect();
        let drift = judge(&points(&step), limits(5.0), Among::ALONE).unwrap();
        assert_ne!(drift.decision, Decision::Above, "{drift:?}");
    }

    #[test]
    fn absurd_values_are_no_panic() {
        for value in [f64::NAN, f64::INFINITY, f64::MAX, -0.0] {
            let row = [Point::new(&[value], value, value); 5];
            let drift =
                judge(&row, Limits { most: Some(value), percent: Some(value) }, Among::ALONE)
                    .unwrap();
            assert!(drift.bounds.lower <= drift.bounds.upper, "{drift:?}");
        }
        assert_eq!(judge(&points(&[1.0; 3]), limits(1.0), Among::ALONE), None);
    }
}
