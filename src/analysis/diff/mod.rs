//! Compares two snapshots: what changed between them.
//!
//! Every row is judged by its raw samples: `evidence` adds up the matched records into `findings`
//! for rows, sites and totals, and `rows` turns the sums into the rows shown. `moved` finds
//! functions that two builds name differently.

mod blame;
mod evidence;
mod findings;
mod moved;
mod rows;
mod sparse;

use super::snapshot_pair::Process;
use super::{Bounds, Measure, Measured, Omitted, Order, Place, RowOptions};
use crate::graph::frames::Frames;
use crate::model::change::Change;
use crate::model::series::Series;
use crate::stats;
use evidence::Question;
use findings::Findings;
use serde::{Deserialize, Serialize};

/// What happened to a row between the two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Absent before, and the growth is more than sampling error.
    New,
    /// Absent after, and the loss is more than sampling error.
    Gone,
    /// Grew by more than sampling error explains.
    Grown,
    /// Shrank by more than sampling error explains.
    Shrunk,
    /// Equal before and after.
    Same,
    /// Changed, but no more than sampling error explains.
    WithinNoise,
}

/// One function (or file, line, package, address) in two snapshots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiffRow {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Source file of the heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Values before.
    pub before: Measure,
    /// Values after.
    pub after: Measure,
    /// `after − before`.
    pub delta: Measure,
    /// Δ / before of the value the rows are sorted by, in percent; absent where before is 0.
    pub delta_percent: Option<f64>,
    /// Objects, if the profile counts them next to the sample type.
    pub objects: Option<Change<i64, i64>>,
    /// Share (0 to 1) of the memory allocated between the snapshots that is still in use: Δ in use
    /// / Δ allocated. Absent if nothing was allocated, in different processes, or without both
    /// sample types.
    pub kept: Option<f64>,
    /// 95 % interval of Δ flat (of Δ cum if the rows are sorted by cum). Absent if the profile
    /// doesn't record how it was sampled.
    pub error: Option<Bounds>,
    /// Benjamini–Hochberg q of "grew" if Δ ≥ 0, of "shrank" if Δ < 0. Absent if the row has too few
    /// samples to test it.
    pub q_value: Option<f64>,
    /// What happened.
    pub status: Status,
    /// The place to blame for most of this row's change, if that is not the row itself: the nearest
    /// caller in own code, or else in a dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Place>,
    /// On the row of the after side: the name this function had before (a renumbered closure).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// On the row of the before side: the name this function has after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// The addresses behind a row without symbols, each named `mapping+0xaddr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<DiffRow>,
}

/// A place that is to blame, and that grew by more than sampling error explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiffSite {
    /// The frame of the program's own code nearest to the leaf; without one, that of a dependency.
    #[serde(flatten)]
    pub place: Place,
    /// The leaf function that allocates most for it, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// Value before.
    pub before: i64,
    /// Value after.
    pub after: i64,
    /// `after − before`.
    pub delta: i64,
    /// 95 % interval of the growth.
    pub error: Bounds,
    /// Benjamini–Hochberg q over all tested sites.
    pub q_value: f64,
    /// 90 % lower confidence bound of the growth, by which the sites are ranked.
    pub lower_bound: i64,
}

/// The answer to "what changed".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diff {
    /// Rows, the most important first.
    pub rows: Vec<DiffRow>,
    /// Rows whose change is within sampling error and that were left out (`--all` shows them).
    pub within_noise: Omitted,
    /// Further rows left out by `--nodecount`.
    pub omitted: Omitted,
    /// Sites of the program's own code that grew, by the lower confidence bound of their growth; no more than
    /// `--nodecount` of them.
    pub sites: Vec<DiffSite>,
}

/// Of two different processes, fewer than one pair in a hundred has this many counters that all
/// move in one direction.
const SURE_COUNTERS: usize = 8;

/// The comparison of two snapshots: how they relate, their totals, and the rows if requested.
pub struct Comparison<'a> {
    series: &'a Series,
    measured: Measured,
    order: Order,
    found: Findings,
    same_build: bool,
}

impl<'a> Comparison<'a> {
    /// Compares the first two snapshots of a series. Without `frames` only totals are judged.
    /// `known` is how the snapshots relate, if that was determined before a filter removed samples.
    pub fn new(
        series: &'a Series,
        frames: Option<&Frames>,
        measured: Measured,
        order: Order,
        known: Option<Process>,
    ) -> Self {
        let same_build = series.snapshots[0].same_build(&series.snapshots[1]);
        let by_cum = order == Order::Cum;
        let question = Question { series, frames, measured: &measured, by_cum };
        let found = evidence::findings(question, known);
        Self { series, measured, order, found, same_build }
    }

    /// How the two relate; pass it on when the same snapshots are filtered.
    pub fn process(&self) -> Process {
        self.found.process
    }

    /// Like [`Comparison::process`], for callers that must not mistake two processes for one:
    /// counters of two processes move independently, and a few may all have moved in one direction
    /// by chance.
    pub fn sure_process(&self) -> Process {
        match self.found.moved {
            1..SURE_COUNTERS if !self.found.exact => Process::Different,
            _ => self.found.process,
        }
    }

    /// 95 % interval of the change of the total of a sample type, by its position; `None` if the
    /// profiles don't record how they were sampled.
    pub fn total_error(&self, column: usize, delta: i64) -> Option<Bounds> {
        let evidence = &self.found.totals[column];
        self.found.sampled.then(|| Bounds::of(evidence.interval(delta as f64, stats::LEVEL)))
    }

    /// Rows and sites, at the granularity of the frames that were compared.
    pub fn diff(&self, frames: &Frames, wanted: RowOptions) -> Diff {
        rows::diff(self, frames, wanted)
    }
}
