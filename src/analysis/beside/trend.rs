//! Judges how a value of the whole process changes: the live heap, the resident set, stacks.
//!
//! Such values are exact, and often many: they are taken at points of equal distance in time, the
//! median of the values there, and judged as snapshots are (`stats::class`).

use super::TrackTrend;
use crate::analysis::estimates::Class;
use crate::stats::class::{self, Growth};

/// Fewest points to judge by: p can be as low as 1/720.
const POINTS: usize = 6;
/// Percent of the value by which it has to grow.
const PERCENT: f64 = 5.0;

/// How values with their times in hours change, which have to grow by at least so much. `None` if
/// there are none.
pub(super) fn of(values: &[(f64, f64)], least: f64) -> Option<TrackTrend> {
    let points = points(values);
    let quarter = (points.len() / 4).max(1);
    let sizes: Vec<f64> = points.iter().map(|&(_, value)| value).collect();
    let before = median(sizes.get(..quarter)?)?;
    let after = median(&sizes[sizes.len() - quarter..])?;
    let mut trend = TrackTrend {
        process: 0,
        before: before as i64,
        after: after as i64,
        class: None,
        slope_per_hour: None,
        points: points.len(),
    };
    if points.len() >= POINTS {
        let grew = after - before;
        let is_part = grew * 100.0 >= before * PERCENT;
        let is_growth = grew >= least && is_part;
        let growth = if is_growth { Growth::Proven } else { Growth::Unproven };
        let hours: Vec<f64> = points.iter().map(|&(hours, _)| hours).collect();
        let judged = class::judge(&hours, &sizes, &[], growth);
        let slope = judged.late.or_whole(judged.slope);
        trend.class = match judged.class {
            // It grew by too little to be judged, and it isn't level either.
            _ if is_part && grew > 0.0 && !is_growth => None,
            class::Class::Leak if slope.inner.lower <= 0.0 => Some(Class::Grew),
            class => Some(class.into()),
        };
        trend.slope_per_hour = Some(slope.into());
    }
    Some(trend)
}

/// The medians of the values in at most as many equal parts of the time as a trend is judged by.
fn points(values: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if values.len() <= class::MOST {
        return values.to_vec();
    }
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return Vec::new() };
    let width = ((last.0 - first.0) / class::MOST as f64).max(f64::MIN_POSITIVE);
    let part = |at: f64| (((at - first.0) / width) as usize).min(class::MOST - 1);
    let groups = values.chunk_by(|a, b| part(a.0) == part(b.0));
    let point = |group: &[(f64, f64)]| {
        let sizes: Vec<f64> = group.iter().map(|&(_, value)| value).collect();
        let time = group.iter().map(|&(at, _)| at).sum::<f64>() / group.len() as f64;
        Some((time, median(&sizes)?))
    };
    groups.filter_map(point).collect()
}

/// The median; `None` of nothing.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted[sorted.len() / 2]);
    Some(f64::midpoint(*low, high))
}
