//! Rates: what profiles measured per second of the time they cover.
//!
//! A profile of 30 s holds more CPU time than one of 10 s, whatever the program does. So two that
//! cover different times are compared per second: that decides what grew, and by how much. Their
//! own values stay as they are, because those are what pprof prints.

use super::Bounds;
use crate::model::measures::{self, Kind};
use crate::model::profile::SampleType;
use crate::model::series::Snapshot;
use serde::{Deserialize, Serialize};

/// Times that differ by less than this share are the same: profilers stop a little early or late.
const SAME: f64 = 0.01;

/// The times that two profiles cover.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Seconds before and after.
    pub seconds: [f64; 2],
}

/// A value before and after, per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PerSecond {
    /// Value before, per second.
    pub before: f64,
    /// Value after, per second.
    pub after: f64,
    /// `after − before`.
    pub delta: f64,
    /// 95 % interval of Δ, if the profiles record how they were sampled.
    pub error: Option<RateBounds>,
}

/// A 95 % interval of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateBounds {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Rates {
    /// The times of two profiles whose values of a sample type add up over time, if they differ.
    pub fn of(before: &Snapshot, after: &Snapshot, sample_type: &SampleType) -> Option<Self> {
        let adds_up = match measures::kind(&after.header) {
            Kind::Cpu | Kind::Contention | Kind::Threads | Kind::Other => true,
            Kind::Heap => measures::is_cumulative(sample_type),
            Kind::Goroutine => false,
        };
        let seconds = [before, after].map(|it| it.header.duration_nanos as f64 / 1e9);
        let [b, a] = seconds;
        let differs = b > 0.0 && a > 0.0 && (b - a).abs() > SAME * b.max(a);
        (adds_up && differs).then_some(Self { seconds })
    }

    /// The longer of the two times, to which values are scaled: so they lose no digits.
    fn longer(&self) -> f64 {
        let [before, after] = self.seconds;
        before.max(after)
    }

    /// What makes the values of each side those of the longer time.
    pub(super) fn factors(&self) -> [f64; 2] {
        self.seconds.map(|seconds| self.longer() / seconds)
    }

    /// The change of a value, if both profiles covered the longer time.
    pub(super) fn change(&self, before: i64, after: i64) -> i64 {
        let [b, a] = self.factors();
        // The cast saturates.
        (after as f64 * a - before as f64 * b).round() as i64
    }

    /// A value before and after, with an interval of [`Rates::change`].
    pub(super) fn per_second(&self, before: i64, after: i64, error: Option<Bounds>) -> PerSecond {
        let [b, a] = self.seconds;
        let (before, after) = (before as f64 / b, after as f64 / a);
        let per_second = |end: i64| end as f64 / self.longer();
        let error = error.map(|Bounds { lower, upper }| RateBounds {
            lower: per_second(lower),
            upper: per_second(upper),
        });
        PerSecond { before, after, delta: after - before, error }
    }
}
