//! Compares two snapshots: what changed between them.
//!
//! Every row is judged by its raw samples: `evidence` adds up the matched records into `findings`
//! for rows, sites and totals, and `rows` turns the sums into the rows shown. `moved` finds
//! functions that the two sides name differently, and `renamed` links their rows.

mod blame;
mod callers;
mod evidence;
mod findings;
mod moved;
mod renamed;
mod rows;
mod sparse;

pub use super::Status;
use super::parts::{CallerPart, OtherCallers};
use super::places::PlaceCounts;
use super::rates::{PerSecond, Rates};
use super::snapshot_pair::Process;
use super::subtrees::{self, GrownSubtree, Scanned};
use super::{
    Bounds, Measure, Measured, OmittedRows, Order, Place, Relation, RowOptions, SharedPairs,
};
use crate::graph::frames::Frames;
use crate::model::change::Change;
use crate::model::ids::FunctionId;
use crate::model::origin;
use crate::model::series::Series;
use crate::parallel;
use crate::stats;
use crate::stats::growth::GrowthEvidence;
use evidence::Question;
use findings::Findings;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

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
    /// doesn't record how it was sampled, or if the profiles are compared per second.
    pub error: Option<Bounds>,
    /// Flat (cum if the rows are sorted by cum) per second, if the profiles cover different times:
    /// then this is what `q_value`, `status` and the order are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<PerSecond>,
    /// Benjamini–Hochberg q of "grew" if Δ ≥ 0, of "shrank" if Δ < 0. Absent if the row has too few
    /// samples to test it.
    pub q_value: Option<f64>,
    /// What happened.
    pub status: Status,
    /// The caller behind the largest part of this row in the direction of its Δ, if that is not the row itself: the
    /// nearest function in own code, or else in a dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Place>,
    /// The share (0 to 1) of the row that `via` is behind, as in its part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_share: Option<f64>,
    /// The parts of the row by caller that are worth a line: those in the direction of the row first, the largest first.
    /// Empty if the row itself is to blame for all of it, and for rows sorted by cum of which a part is allocated
    /// further down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<CallerPart>,
    /// The other parts of the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<OtherCallers>,
    /// On the row of the after side: the name this function had before (a renumbered closure, or a
    /// generic function whose type arguments are named otherwise).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// On the row of the before side: the name this function has after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// On the row with `moved_from`: all names of the function together. The values of each row are
    /// those of its own name; `status` and `q_value` are those of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
    /// The addresses behind a row without symbols, each named `mapping+0xaddr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<DiffRow>,
}

/// A function with several names, or closures that got other numbers, added up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Together {
    /// The other names.
    pub names: Vec<String>,
    /// Values before.
    pub before: Measure,
    /// Values after.
    pub after: Measure,
    /// `after − before`.
    pub delta: Measure,
    /// 95 % interval of the Δ the rows are sorted by.
    pub error: Option<Bounds>,
    /// The value the rows are sorted by per second, if the profiles cover different times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<PerSecond>,
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
    /// The name that the function had before, if it was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// The share (0 to 1) of what changed through the site that `leaf` is behind; opposite changes don't cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_share: Option<f64>,
    /// Value before, value after, and the difference.
    #[serde(flatten)]
    pub value: Change<i64, i64>,
    /// 95 % interval of the growth; of the growth per second times the longer of both times if the
    /// profiles cover different ones.
    pub error: Bounds,
    /// The growth per second, if the profiles cover different times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<PerSecond>,
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
    /// Samples without a stack, which pprof leaves out: with this row the rows add up to the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_stack: Option<Box<DiffRow>>,
    /// Rows whose change is within sampling error and that were left out (`--all` shows them).
    pub within_noise: OmittedRows,
    /// Further rows left out by `--nodecount`.
    pub omitted: OmittedRows,
    /// Goroutines by the place they are in, for goroutine profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<PlaceCounts>,
    /// Sites of the program's own code that grew, by the lower confidence bound of their growth; no more than
    /// `--nodecount` of them.
    pub sites: Vec<DiffSite>,
    /// The fewest subtrees of the calls that explain what surely grew, at the granularity of functions.
    #[serde(default)]
    pub grown: Vec<GrownSubtree>,
    /// What these subtrees together grew by.
    #[serde(default)]
    pub explained: i64,
    /// What all rows together did; absent if the profiles don't record how they were sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall: Option<Status>,
}

/// The comparison of two snapshots: how they relate, their totals, and the rows if requested.
pub struct Comparison<'a> {
    series: &'a Series,
    measured: Measured,
    order: Order,
    found: Findings,
    same_build: bool,
    rates: Option<Rates>,
}

impl<'a> Comparison<'a> {
    /// Compares the first two snapshots of a series. Without `frames` only totals are judged.
    /// `known` is how the snapshots relate, if that was determined before a filter removed samples, and
    /// what was matched since; with `rates` they are compared per second.
    pub fn new(
        series: &'a Series,
        frames: Option<&Frames>,
        measured: Measured,
        order: Order,
        known: Option<(Process, &SharedPairs)>,
        rates: Option<Rates>,
    ) -> Self {
        let by_cum = order == Order::Cum;
        let question = Question { series, frames, measured: &measured, by_cum, rates };
        let found = evidence::findings(question, known);
        let same_build = series.snapshots[0].same_build(&series.snapshots[1])
            && (found.process != Process::Different || !is_contradicted(series));
        Self { series, measured, order, found, same_build, rates }
    }

    /// How the samples of the two relate; pass it on when the same snapshots are filtered.
    pub fn process(&self) -> Process {
        self.found.process
    }

    /// How the two relate, and why it is thought so; empty if that was known.
    pub fn relation(&self) -> &Relation {
        &self.found.relation
    }

    /// 95 % interval of the change of the total of a sample type, by its position; `None` if the
    /// profiles don't record how they were sampled, or if they are compared per second.
    pub fn total_error(&self, column: usize, delta: i64) -> Option<Bounds> {
        self.absolute_error(&self.found.totals[column], delta)
    }

    /// The change of the total of a sample type per second, if the profiles cover different times.
    pub fn total_per_second(&self, column: usize, [before, after]: [i64; 2]) -> Option<PerSecond> {
        self.per_second(&self.found.totals[column], [before, after])
    }

    /// The Δ that decides: of the values, or of those of equal times.
    fn change(&self, before: i64, after: i64) -> i64 {
        match self.rates {
            Some(rates) => rates.change(before, after),
            None => after.wrapping_sub(before),
        }
    }

    /// The interval of a change. Of different times it is that of [`Comparison::per_second`].
    fn absolute_error(&self, evidence: &GrowthEvidence, delta: i64) -> Option<Bounds> {
        let is_known = self.found.has_error && self.rates.is_none();
        is_known.then(|| Bounds::of(evidence.interval(delta as f64, stats::LEVEL)))
    }

    fn per_second(
        &self,
        evidence: &GrowthEvidence,
        [before, after]: [i64; 2],
    ) -> Option<PerSecond> {
        let rates = self.rates?;
        let interval = evidence.interval(rates.change(before, after) as f64, stats::LEVEL);
        let error = self.found.sampled.then(|| Bounds::of(interval));
        Some(rates.per_second(before, after, error))
    }

    /// Rows and sites, at the granularity of the frames that were compared.
    pub fn diff(&self, frames: &Frames, wanted: RowOptions) -> Diff {
        let Self { series, measured, found, .. } = self;
        let (process, whole) = (found.process, found.delta);
        let is_scanned = found.sampled && self.rates.is_none();
        let scanned = Scanned {
            series,
            frames,
            measured,
            process,
            records: &found.records,
            survivors: &found.survivors,
            whole,
        };
        let ((mut diff, moved), (grown, explained)) = parallel::join(
            || rows::diff(self, frames, wanted),
            || if is_scanned { subtrees::grown(&scanned) } else { Default::default() },
        );
        if !is_scanned {
            return diff;
        }
        let interval = found.totals[measured.column].interval(whole as f64, stats::LEVEL);
        diff.overall = Some(match whole {
            0 => Status::Same,
            _ if interval.lower > 0.0 => Status::Grown,
            _ if interval.upper < 0.0 => Status::Shrunk,
            _ => Status::WithinNoise,
        });
        (diff.grown, diff.explained) = (grown, explained);
        // A subtree goes by one name of a function; rows and sites have both. And the descriptors of
        // goroutines are no place to look at.
        diff.grown.retain(|one| {
            !moved.contains(&one.place.function)
                && !one.path.iter().any(|function| function == origin::DESCRIPTOR)
        });
        if wanted.nodecount > 0 {
            diff.grown.truncate(wanted.nodecount);
        }
        diff
    }
}

/// Whether the symbols show that two profiles with one build id are of two builds: an address holds
/// another function. A build id that is set by hand is easily left unchanged.
fn is_contradicted(series: &Series) -> bool {
    let symbols = &series.symbols;
    let mut seen: HashMap<_, FunctionId, FxBuildHasher> = HashMap::default();
    symbols.locations.ids().any(|id| {
        let place = (symbols.locations.mapping[id.index()], symbols.locations.address[id.index()]);
        let is_known = place.0.is_some() && place.1 != 0;
        let is_folded = symbols.locations.is_folded[id.index()];
        // Inlined frames depend on who symbolized the profile.
        let Some(outermost) = symbols.locations.lines(id).last() else { return false };
        if !is_known || is_folded {
            return false;
        }
        let other = *seen.entry(place).or_insert(outermost.function);
        other != outermost.function
            && !moved::is_one_function(symbols.name(other), symbols.name(outermost.function))
    })
}
