//! The trend of a part of the memory over the moments, judged as snapshots are (`stats::class`).

use super::Divided;
use crate::analysis::estimates::{Class, Estimate};
use crate::model::gauges::GaugeTime;
use crate::rules::memory::MemoryLimits;
use crate::stats::class::{self, Growth};
use crate::stats::medians::{self, median};
use crate::units::MIB;
use serde::{Deserialize, Serialize};

/// How a size changes over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryTrend {
    /// Bytes at the beginning: the median of the first quarter.
    pub before: u64,
    /// Bytes at the end: the median of the last quarter.
    pub after: u64,
    /// Its class.
    pub class: Class,
    /// Bytes per hour; absent without times.
    pub slope_per_hour: Option<Estimate>,
    /// Moments, or groups of moments, that it was judged by.
    pub points: usize,
}

impl MemoryTrend {
    /// Whether it grows and hasn't stopped.
    pub(super) fn grows(&self) -> bool {
        matches!(self.class, Class::Leak | Class::GrowingDecelerating)
    }

    /// Whether it is larger than before, in whatever way.
    pub(super) fn grew(&self) -> bool {
        !matches!(self.class, Class::Steady | Class::Churn)
    }
}

/// Fewest moments to judge a trend by.
pub(super) fn least(limits: &MemoryLimits) -> usize {
    class::LEAST.max(limits.least_moments as usize)
}

/// Whether a size grew by enough to look at.
pub(super) fn is_growth(before: f64, after: f64, limits: &MemoryLimits) -> bool {
    let grew = after - before;
    grew >= limits.least * MIB / 4.0 && grew * 100.0 >= before * limits.growth_percent
}

/// The trend of a size; `None` if too few moments have it.
pub(super) fn trend(
    divided: &[Divided<'_>],
    size: impl Fn(&Divided<'_>) -> Option<u64>,
    limits: &MemoryLimits,
) -> Option<MemoryTrend> {
    let sized = |one: &Divided<'_>| Some((one.seconds / 3600.0, size(one)? as f64));
    let all: Vec<(f64, f64)> = divided.iter().filter_map(sized).collect();
    if all.len() < least(limits) {
        return None;
    }
    // Medians of neighbors, so that a long series costs little and a peak moves nothing.
    let together = all.len().div_ceil(class::MOST);
    let points: Vec<(f64, f64)> = all.chunks(together).filter_map(medians::point).collect();
    let (hours, values): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let quarter = (values.len() / 4).max(2).min(values.len());
    let before = median(&values[..quarter])?;
    let after = median(&values[values.len() - quarter..])?;
    let growth = if is_growth(before, after, limits) { Growth::Proven } else { Growth::Unproven };
    let judged = class::judge(&hours, &values, &[], growth);
    let is_timed = divided.iter().all(|one| one.moment.time != GaugeTime::Unknown);
    let slope = judged.late.or_whole(judged.slope);
    Some(MemoryTrend {
        before: before as u64,
        after: after as u64,
        class: judged.class.into(),
        slope_per_hour: is_timed.then(|| slope.into()),
        points: points.len(),
    })
}
