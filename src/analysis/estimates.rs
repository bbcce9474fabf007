//! Describes a value that changes through time: its class, and estimates with their intervals.

use super::Bounds;
use crate::stats::Interval;
use crate::stats::class;
use crate::stats::retention;
use crate::stats::trend;
use serde::{Deserialize, Serialize};

/// A site or row keeps next to nothing if at most this share of what it allocates is left.
pub(super) const CHURN: f64 = 0.1;

/// How a row or a site behaves through time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It rises, has not stopped, and no curve that levels off describes it better.
    Leak,
    /// It is leveling off like a cache that fills, but still rises.
    GrowingDecelerating,
    /// It is larger than before; how it grew is unknown.
    Grew,
    /// It rose once, to a new level.
    Step,
    /// It rose, and leveled off.
    WarmUp,
    /// It allocates without keeping.
    Churn,
    /// It did not grow.
    Steady,
}

impl Class {
    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::GrowingDecelerating => "growing-decelerating",
            Self::Grew => "grew",
            Self::Step => "step",
            Self::WarmUp => "warm-up",
            Self::Churn => "churn",
            Self::Steady => "steady",
        }
    }
}

impl From<class::Class> for Class {
    fn from(class: class::Class) -> Self {
        match class {
            class::Class::Leak => Self::Leak,
            class::Class::GrowingDecelerating => Self::GrowingDecelerating,
            class::Class::Step => Self::Step,
            class::Class::WarmUp => Self::WarmUp,
            class::Class::Grew => Self::Grew,
            class::Class::Steady => Self::Steady,
        }
    }
}

/// An estimate with its 95 % interval, in the unit of the value it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// The estimate.
    pub estimate: i64,
    /// Lower end.
    pub lower: i64,
    /// Upper end.
    pub upper: i64,
}

impl Estimate {
    /// A known value with an interval around it.
    pub(super) fn new(estimate: i64, interval: Interval) -> Self {
        let Bounds { lower, upper } = Bounds::of(interval);
        Self { estimate, lower: lower.min(estimate), upper: upper.max(estimate) }
    }
}

impl From<trend::Slope> for Estimate {
    fn from(slope: trend::Slope) -> Self {
        Self::new(slope.estimate.round() as i64, slope.interval)
    }
}

/// A share from 0 to 1 with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Share {
    /// The share.
    pub estimate: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl From<retention::Retention> for Share {
    fn from(retention: retention::Retention) -> Self {
        let Interval { lower, upper } = retention.interval;
        Self { estimate: retention.share, lower, upper }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It costs memory, time or the process.
    Problem,
    /// It explains something, and costs little by itself.
    Note,
}
