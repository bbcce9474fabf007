//! Judges how a value of the whole process changes: the live heap, the resident set, stacks.
//!
//! Such values are exact, and often many: they are taken at points of equal distance in time, the
//! median of the values there, and judged as snapshots are (`stats::class`).

use super::TrackTrend;
use crate::analysis::estimates::Class;
use crate::stats::class::{self, Growth};
use crate::stats::medians::{median, over_time};

/// Fewest points to judge by: p can be as low as 1/720.
const POINTS: usize = 6;
/// Percent of the value by which it has to grow.
const PERCENT: f64 = 5.0;

/// How values with their times in hours change, which have to grow by at least so much. `None` if
/// there are none.
pub(super) fn of(values: &[(f64, f64)], least: f64) -> Option<TrackTrend> {
    // Few values need no medians.
    let points = match values.len() {
        ..=class::MOST => values.to_vec(),
        _ => over_time(values, f64::MIN_POSITIVE),
    };
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
