//! Decides what a series of snapshots shows: a leak, or something that only looks like one.
//!
//! [`judge`] asks three questions about a site that grew. Does it rise throughout (`trend`)? Does
//! it still rise in the late half? Is a line, or a curve that doesn't level off, the best
//! description (`shape`)? A leak answers yes to all three. No single question is enough: a cache
//! that fills and a load that doubles nearly always pass the first.
//!
//! A leak may begin late, so windows that end at the last snapshot are tested as well, with p-values
//! corrected for their number. [`judge`] is total: values and times that aren't numbers are left
//! out, snapshots are sorted by time, and long series are thinned to [`MOST`] means of neighbours.

use super::additions;
pub use super::points::MOST;
use super::points::Points;
use super::shape::{self, Fit, Shape};
use super::trend::Slope;

/// The level at which a trend counts as one.
pub const ALPHA: f64 = 0.05;

/// With fewer snapshots there is no verdict on a trend.
pub const LEAST: usize = 4;

/// Least number of snapshots in a window that begins late: p can be as low as 1/720.
const WINDOW: usize = 6;

/// Share of [`ALPHA`] for the test of the whole series; the windows that begin late share the rest.
const WHOLE: f64 = 0.8;

/// The BIC of a curve that levels off must be below that of the line by this much. There are two
/// such curves, and the better of two wins by chance more often than one.
const REST_OVER_LINE: f64 = 3.0;

/// A bend must beat all curves that level off by this much.
const BEND_OVER_REST: f64 = 3.0;

/// Stairs must win by this much, because they fit anything.
const STAIRS_OVER_REST: f64 = 8.0;

/// A line must beat the constant by this much: BIC's own margin lets noise rise too often.
const LINE_OVER_CONSTANT: f64 = 2.0;

/// Share of a window's rise that a curve that levels off may still explain, if the rest is to be a
/// leak.
const UNEXPLAINED: f64 = 0.25;

/// The level for a window that begins after a curve has levelled off: the curve has already been
/// accepted.
const AFTER_REST: f64 = 0.01;

/// Share of its rise that a curve may have left in the late half and still count as level there.
const AT_REST: f64 = 0.1;

/// A curve that levels off has surely done so if its BIC is below that of the line by this much,
const SURELY_LEVEL: f64 = 14.0;

/// or if the late half surely rises at less than this share of the pace from first to last.
const LEVEL: f64 = 0.5;

/// The smallest step of stairs, as a share of the largest. A second step below that is noise on one
/// step.
const LEAST_STEP: f64 = 0.35;

/// What a series shows. Whether a site churns isn't decided here, because that needs what was
/// allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It rises, has not stopped, and no curve that levels off describes it better.
    Leak,
    /// It levels off like a cache that fills, but still rises, or may.
    GrowingDecelerating,
    /// It rose once, to a new level.
    Step,
    /// It rose, and levelled off.
    WarmUp,
    /// It is larger than before; there is too little data to tell how it grew.
    Grew,
    /// It did not grow.
    Steady,
}

/// Whether the growth from first to last is more than sampling explains, as tested elsewhere across
/// all sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// It is more.
    Proven,
    /// It isn't, so the class is [`Class::Steady`].
    Unproven,
}

/// The result of [`judge`].
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The class.
    pub class: Class,
    /// One-sided p-value of the trend, corrected for the number of windows; 1 with fewer than four snapshots.
    pub p_value: f64,
    /// Slope of the whole series, per hour.
    pub slope: Slope,
    /// Slope of the late half, or of the late half of the window in which it rises, per hour. With
    /// few snapshots it covers more than half, so that it rests on five.
    pub late: Slope,
    /// The curve that the class is based on, over the whole series; `None` with fewer than four
    /// snapshots.
    pub shape: Option<Shape>,
    /// Index of the first snapshot of the window in which it rises; 0 if that is the whole series.
    pub since: usize,
    /// Share of the intervals between neighbours in which it rose, 0 to 1.
    pub persistence: f64,
}

/// Starts of the windows tested in addition to the whole series: the last three quarters, half and
/// third, if they have [`WINDOW`] points.
fn windows(n: usize) -> Vec<usize> {
    let mut starts: Vec<usize> = [n / 4, n / 2, n - n / 3].into();
    starts.retain(|&start| start > 0 && n - start >= WINDOW);
    starts
}

/// Judges a series: `times` in hours, `values` in any unit, and the standard error of each value
/// (`noise`, 0 if it is exact). If the slices differ in length, entries without a partner are left
/// out; values without noise count as exact.
pub fn judge(times: &[f64], values: &[f64], noise: &[f64], growth: Growth) -> Judgement {
    let points = Points::of(times, values, noise);
    let n = points.len();
    let mut judgement = Judgement {
        class: if growth == Growth::Proven { Class::Grew } else { Class::Steady },
        p_value: 1.0,
        slope: points.slope(0),
        late: points.slope(points.late(0)),
        shape: None,
        since: 0,
        persistence: points.persistence,
    };
    // The deviation from rounding to whole samples.
    let resolution = points.unit() / 12.0_f64.sqrt();
    let fits = shape::fits(&points.times, &points.values, resolution);
    if n < LEAST || fits.is_empty() {
        return judgement;
    }
    let starts = windows(n);
    let price = if starts.is_empty() { 1.0 } else { WHOLE };
    let whole = (points.p_rise(0) / price).min(1.0);
    let late_price = (1.0 - WHOLE) / starts.len().max(1) as f64;
    let late: Vec<(usize, f64)> =
        starts.iter().map(|&start| (start, (points.p_rise(start) / late_price).min(1.0))).collect();
    judgement.p_value = late.iter().fold(whole, |p, &(_, late)| p.min(late));
    let Some((shape, class, since)) = decide(&fits, &points, whole, &late) else {
        return judgement;
    };
    judgement.shape = Some(shape);
    if growth == Growth::Proven {
        judgement.class = class;
        judgement.since = points.origin[since];
        judgement.late = points.rising_tail(since);
    }
    judgement
}

/// The verdict of the best fit that is accepted.
fn decide(
    fits: &[Fit],
    points: &Points,
    whole: f64,
    late: &[(usize, f64)],
) -> Option<(Shape, Class, usize)> {
    let least = |wanted: fn(&Shape) -> bool| {
        fits.iter()
            .filter(|fit| wanted(&fit.shape))
            .map(|fit| fit.bic)
            .fold(f64::INFINITY, f64::min)
    };
    let constant = least(|shape| matches!(shape, Shape::Constant));
    let line = least(|shape| matches!(shape, Shape::Linear));
    let resting = least(Shape::rests);
    let price = (points.len() as f64).ln();
    // The gain of an extra parameter over the line counts only as far as the values are independent.
    let lead = |fit: &Fit| {
        let news = (1.0 - fit.memory) / (1.0 + fit.memory);
        (line - fit.bic + price) * news - price
    };
    let Points { times, values, .. } = points;
    let keeps_on = additions::only_added(values) && !additions::slows(times, values, points.unit());
    fits.iter()
        .filter(|fit| match fit.shape {
            Shape::Saturating { .. } | Shape::Knee(_) if keeps_on => false,
            Shape::Saturating { .. } | Shape::Knee(_) => lead(fit) >= REST_OVER_LINE,
            Shape::Bend(_) => resting - fit.bic >= BEND_OVER_REST,
            Shape::Stairs(_) => resting - fit.bic >= STAIRS_OVER_REST,
            Shape::Linear => constant - fit.bic >= LINE_OVER_CONSTANT,
            Shape::Constant | Shape::Step(_) => true,
        })
        .find_map(|fit| {
            let (class, since) = verdict(fit, lead(fit), points, whole, late)?;
            Some((fit.shape.clone(), class, since))
        })
}

/// The verdict of a fit if it is the best one: the class, and where the rise begins. `None` if it
/// has none, so that the next best decides. `lead` is how far its BIC is below that of the line.
fn verdict(
    fit: &Fit,
    lead: f64,
    points: &Points,
    whole: f64,
    late: &[(usize, f64)],
) -> Option<(Class, usize)> {
    let n = points.len();
    match &fit.shape {
        Shape::Linear if whole <= ALPHA && fit.rise > 0.0 && points.rises(points.late(0)) => {
            Some((Class::Leak, 0))
        }
        Shape::Saturating { .. } | Shape::Knee(_) if fit.rise > 0.0 => {
            let ahead = |from: usize| fit.shape.ahead(&points.times, from) * fit.rise;
            // A leak after a warm-up: a window rises by more than the curve has left there.
            let leak = late.iter().find(|&&(start, p)| {
                let rise = points.rise(start);
                p <= AFTER_REST
                    && ahead(start) <= UNEXPLAINED * rise
                    && rise >= points.sampled(start)
            });
            let slope = points.slope(n / 2);
            // If the curve has already levelled off, a late half rises by chance in one of ten
            // cases.
            let at_rest = ahead(n / 2) <= AT_REST * fit.rise;
            let lower = if at_rest { slope.interval.lower } else { slope.inner.lower };
            // Noise can hide a rise that goes on.
            let pace = fit.rise / (points.times[n - 1] - points.times[0]);
            let may_go_on = lead < SURELY_LEVEL && slope.inner.upper > LEVEL * pace;
            match leak {
                Some(&(start, _)) => Some((Class::Leak, start)),
                None if lower > 0.0 || may_go_on => Some((Class::GrowingDecelerating, 0)),
                None => Some((Class::WarmUp, 0)),
            }
        }
        Shape::Step(_) if fit.rise > 0.0 => Some((Class::Step, 0)),
        Shape::Constant
        | Shape::Linear
        | Shape::Saturating { .. }
        | Shape::Knee(_)
        | Shape::Step(_) => Some((Class::Grew, 0)),
        Shape::Bend(at) => {
            let found = late.iter().any(|&(start, p)| start + 2 >= *at && p <= ALPHA);
            let rises = fit.rise > 0.0 && (whole <= ALPHA || found);
            if rises && points.rises(*at) && tops(points, *at) {
                Some((Class::Leak, *at))
            } else {
                Some((Class::Grew, 0))
            }
        }
        Shape::Stairs(at) => {
            let levels: Vec<f64> = std::iter::once(0)
                .chain(at.iter().copied())
                .zip(at.iter().copied().chain([n]))
                .map(|(from, to)| points.values[from..to].iter().sum::<f64>() / (to - from) as f64)
                .collect();
            let steps = levels.windows(2).map(|pair| pair[1] - pair[0]);
            let largest = steps.clone().fold(f64::NEG_INFINITY, f64::max);
            let even = steps.fold(f64::INFINITY, f64::min) >= LEAST_STEP * largest;
            let recent = at.last().is_some_and(|&last| last >= n / 2);
            (whole <= ALPHA && largest > 0.0 && even && recent).then_some((Class::Leak, 0))
        }
    }
}

/// Whether the rise since `from` ends above everything before it, by half of the rise: a wave comes
/// back to where it was.
fn tops(points: &Points, from: usize) -> bool {
    let highest = points.values[..from].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let last = points.values.last().copied().unwrap_or(0.0);
    let first = points.values[from];
    last - highest >= 0.5 * (last - first)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers come out exactly")]
mod tests {
    use super::*;

    fn hours(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    fn class(values: &[f64]) -> Class {
        judge(&hours(values.len()), values, &[], Growth::Proven).class
    }

    #[test]
    fn the_clear_cases() {
        let line: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(class(&line), Class::Leak);
        assert_eq!(
            class(&[1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]),
            Class::Step
        );
        assert_eq!(
            class(&[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0]),
            Class::Leak
        );
        assert_eq!(
            class(&[0.0, 5.0, 8.0, 9.0, 9.5, 9.4, 9.6, 9.5, 9.6, 9.4, 9.6, 9.5]),
            Class::WarmUp
        );
        assert_eq!(class(&[4.0; 12]), Class::Grew);
    }

    #[test]
    fn what_did_not_grow_is_steady_whatever_its_trend() {
        let line = hours(12);
        let judgement = judge(&line, &line, &[], Growth::Unproven);
        assert_eq!(judgement.class, Class::Steady);
        assert!(judgement.p_value < 1e-3);
        assert_eq!(judgement.slope.estimate, 1.0);
    }

    #[test]
    fn fewer_than_four_snapshots_have_no_trend() {
        for n in 0..4 {
            let judgement = judge(&hours(n), &hours(n), &[], Growth::Proven);
            assert_eq!(judgement.class, Class::Grew);
            assert_eq!((judgement.p_value, judgement.shape), (1.0, None));
        }
        assert_eq!(class(&hours(4)), Class::Leak);
    }

    #[test]
    fn a_leak_that_begins_late() {
        let late = [5.0, 5.1, 4.9, 5.0, 5.1, 5.0, 6.0, 7.1, 7.9, 9.0, 10.1, 11.0];
        let judgement = judge(&hours(12), &late, &[], Growth::Proven);
        assert_eq!(judgement.class, Class::Leak);
        assert!((4..=6).contains(&judgement.since), "{judgement:?}");
        assert!((judgement.late.estimate - 1.0).abs() < 0.1);
    }

    #[test]
    fn absurd_input_gets_an_answer() {
        let odd = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN,
            0.0,
            -0.0,
            1.0,
            f64::MIN_POSITIVE,
        ];
        let mut series = vec![(vec![3.0; 9], hours(9)), (hours(9), vec![3.0; 9])];
        for turn in 0..odd.len() {
            let mut turned = odd.to_vec();
            turned.rotate_left(turn);
            series.push((odd.to_vec(), turned.clone()));
            series.push((hours(9), turned.clone()));
            series.push((turned, hours(9)));
        }
        let decades: Vec<f64> = (0..9).map(|i| 1e5 * f64::from(i)).collect();
        series.push((decades, hours(9)));
        series.push((vec![1e-300, 2e-300, 3e-300, 4e-300, 5e-300], hours(5)));
        for (times, values) in series {
            let j = judge(&times, &values, &values, Growth::Proven);
            for slope in [j.slope, j.late] {
                for interval in [slope.interval, slope.inner] {
                    assert!(interval.lower.is_finite() && interval.upper.is_finite(), "{j:?}");
                    assert!(interval.lower <= interval.upper, "{j:?}");
                }
                assert!(slope.estimate.is_finite(), "{j:?}");
            }
            assert!((0.0..=1.0).contains(&j.p_value) && (0.0..=1.0).contains(&j.persistence));
            assert!(j.since < times.len());
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let values = [1.0, 2.0, 2.5, 4.0, 5.2, 6.0, 6.8, 8.0];
        let straight = judge(&hours(8), &values, &[], Growth::Proven);
        let times: Vec<f64> = hours(8).into_iter().rev().collect();
        let turned: Vec<f64> = values.iter().copied().rev().collect();
        let other = judge(&times, &turned, &[], Growth::Proven);
        assert_eq!((other.class, other.p_value), (straight.class, straight.p_value));
        assert_eq!(other.slope, straight.slope);
    }

    #[test]
    fn long_series_are_thinned() {
        let times = hours(10_000);
        let values: Vec<f64> = times.iter().map(|t| t + 500.0 * (t * 0.7).sin()).collect();
        let judgement = judge(&times, &values, &[], Growth::Proven);
        assert_eq!(judgement.class, Class::Leak);
        assert!((judgement.slope.estimate - 1.0).abs() < 0.05, "{judgement:?}");
    }
}
