//! The report on stored baselines: each one, its totals, and their drift over time.

use crate::stats::drift::{self, Point};
use crate::stats::threshold::{Among, Limits};
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.baselines/v1";

/// The normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.96;

/// The total of one sample type over the runs of a baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineTotal {
    /// Sample type: `inuse_space`.
    pub sample_type: String,
    /// Its unit: `bytes`.
    pub unit: String,
    /// The mean of the runs.
    pub value: i64,
    /// Its standard error, from sampling or from the spread of the runs, whichever is larger;
    /// absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

impl BaselineTotal {
    /// Half of the 95 % interval.
    pub fn margin(&self) -> Option<i64> {
        self.standard_error.map(|error| (Z * error).round() as i64)
    }

    fn point(&self) -> Point {
        let error = self.standard_error.filter(|error| error.is_finite()).unwrap_or(0.0);
        Point { value: self.value as f64, variance: error * error }
    }
}

/// One stored baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineRow {
    /// Its folder.
    pub folder: String,
    /// When the newest of its profiles was taken (RFC 3339).
    pub time: String,
    /// The build.
    pub build: Option<String>,
    /// File name of the program.
    pub program: Option<String>,
    /// Number of runs.
    pub runs: usize,
    /// Sampling period.
    pub period: i64,
    /// `whole` or `scopes`.
    pub kept: String,
    /// Its total of the sample type shown; absent if that wasn't measured.
    pub total: Option<BaselineTotal>,
    /// Its total minus that of the one before it.
    pub change: Option<i64>,
}

/// The drift of the baselines of a window, from the first to the last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rise {
    /// Number of baselines.
    pub baselines: usize,
    /// The rise over all of them: Theil and Sen's slope times the steps.
    pub value: i64,
    /// In percent of the start.
    pub percent: Option<f64>,
    /// Lower 95 % bound, one-sided.
    pub lower: i64,
    /// Upper 95 % bound.
    pub upper: i64,
    /// The probability of a rise this steady if nothing rises.
    pub p: f64,
}

/// The baselines of one branch and one platform, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Branch {
    /// The branch.
    pub branch: String,
    /// The platform: `linux/amd64`.
    pub platform: String,
    /// The baselines.
    pub baselines: Vec<BaselineRow>,
    /// The drift of the last ones, if there are enough.
    pub drift: Option<Rise>,
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shelf {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The sample type of the totals.
    pub sample_type: String,
    /// Branches and platforms, in the order of their names.
    pub branches: Vec<Branch>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl Branch {
    /// Fills in the change of each baseline from the one before it, and the drift of the last
    /// `window` of them.
    #[must_use]
    pub fn new(
        branch: String,
        platform: String,
        mut baselines: Vec<BaselineRow>,
        window: usize,
    ) -> Self {
        for at in (1..baselines.len()).rev() {
            let value = |row: &BaselineRow| row.total.as_ref().map(|total| total.value);
            let pair = value(&baselines[at]).zip(value(&baselines[at - 1]));
            baselines[at].change = pair.map(|(own, before)| own.saturating_sub(before));
        }
        let last = &baselines[baselines.len().saturating_sub(window)..];
        let points = last.iter().map(|row| row.total.as_ref().map(BaselineTotal::point));
        let points: Vec<Point> = points.collect::<Option<_>>().unwrap_or_default();
        let drift = drift::judge(&points, Limits { most: Some(0.0), percent: None }, Among::ALONE);
        let drift = drift.map(|found| Rise {
            baselines: points.len(),
            value: found.value.round() as i64,
            percent: (found.start > 0.0).then(|| found.value / found.start * 100.0),
            lower: found.bounds.lower.round() as i64,
            upper: found.bounds.upper.round() as i64,
            p: found.p,
        });
        Self { branch, platform, baselines, drift }
    }
}
