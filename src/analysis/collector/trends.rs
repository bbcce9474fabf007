//! The trend of a size that records have: the live heap, or stacks.
//!
//! Collections crowd where much is allocated, and the first second of a process may have more of
//! them than the hour after it. So the size is taken at points of equal distance in time: the
//! median of the collections there. The points are judged as snapshots are (`stats::class`).

use super::windows::{seconds, start_up};
use crate::analysis::estimates::{Class, Estimate};
use crate::model::collections::Collection;
use crate::stats::class::{self, Growth};
use crate::stats::medians::{median, over_time};
use crate::units::MIB;
use serde::{Deserialize, Serialize};

/// Fewest points in time to judge by: p can be as low as 1/720.
const POINTS: usize = 6;
/// Shortest part of the time that has a point, in seconds.
const SHORTEST: f64 = 1e-3;

/// How a size changes over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorTrend {
    /// Bytes at the beginning, after the start-up phase: the median of the first quarter.
    pub before: u64,
    /// Bytes at the end: the median of the last quarter.
    pub after: u64,
    /// Its class; absent if there are too few collections for one.
    pub class: Option<Class>,
    /// Bytes per hour.
    pub slope_per_hour: Option<Estimate>,
    /// One-sided p-value of the rise.
    pub p_value: Option<f64>,
    /// Points in time that it was judged by.
    pub points: usize,
    /// Nanoseconds since the start of the process from which on it rises.
    pub since_nanos: u64,
}

/// What a trend takes at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    /// Growth in MiB, and in percent.
    pub(super) growth: f64,
    pub(super) percent: f64,
    /// Collections, and the seconds between the first and the last point in time.
    pub(super) collections: usize,
    pub(super) seconds: f64,
}

/// The trend of a size in MiB; `None` if no record has it.
pub(super) fn trend(
    collections: &[Collection],
    size: impl Fn(&Collection) -> Option<u32>,
    least: Least,
) -> Option<CollectorTrend> {
    let sized = |one: &Collection| Some((seconds(one), f64::from(size(one)?)));
    let all: Vec<(f64, f64)> = collections.iter().filter_map(sized).collect();
    let settled = start_up(collections).unwrap_or(f64::NEG_INFINITY);
    let late: Vec<(f64, f64)> = all.iter().copied().filter(|&(at, _)| at >= settled).collect();
    let points = over_time(&late, SHORTEST);
    let points = if points.len() < POINTS { over_time(&all, SHORTEST) } else { points };
    let quarter = (points.len() / 4).max(2).min(points.len());
    let values: Vec<f64> = points.iter().map(|&(_, value)| value).collect();
    let before = median(values.get(..quarter)?)?;
    let after = median(&values[values.len() - quarter..])?;
    let grew = after - before;
    let is_growth = grew >= least.growth && grew * 100.0 >= before * least.percent;
    let mut trend = CollectorTrend {
        before: (before * MIB) as u64,
        after: (after * MIB) as u64,
        class: None,
        slope_per_hour: None,
        p_value: None,
        points: points.len(),
        since_nanos: points.first().map_or(0, |&(at, _)| (at * 1e9) as u64),
    };
    let lasted = points.last().zip(points.first()).map_or(0.0, |(last, first)| last.0 - first.0);
    if points.len() >= POINTS && all.len() >= least.collections && lasted >= least.seconds {
        let hours: Vec<f64> = points.iter().map(|&(at, _)| at / 3600.0).collect();
        let bytes: Vec<f64> = values.iter().map(|value| value * MIB).collect();
        let growth = if is_growth { Growth::Proven } else { Growth::Unproven };
        let judged = class::judge(&hours, &bytes, &[], growth);
        let slope = judged.late.or_whole(judged.slope);
        // Collections come close together where the heap is small, so a step can look like a line.
        trend.class = Some(match judged.class {
            class::Class::Leak if slope.inner.lower <= 0.0 => Class::Grew,
            class => class.into(),
        });
        trend.slope_per_hour = Some(slope.into());
        trend.p_value = Some(judged.p_value);
        trend.since_nanos = (points[judged.since].0 * 1e9) as u64;
    }
    Some(trend)
}
