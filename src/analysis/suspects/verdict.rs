//! The verdict over all suspects: how fast it all leaks, how long that can go on, and what is missing to say more.

use super::Suspect;
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::{Measured, rfc3339};
use crate::model::recording::{Lack, Span, Track};
use crate::stats::Interval;
use crate::stats::class::LEAST;
use crate::stats::limit::{self, TimeToLimit};
use serde::{Deserialize, Serialize};

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// Number of suspects of class `leak`.
    pub leaks: usize,
    /// How fast all leaks of memory of the process that was seen last grow together; absent where there is none, or no
    /// times.
    pub slope_per_hour: Option<Estimate>,
    /// Snapshots that were judged: without repeats, copies and differences.
    pub snapshots: usize,
    /// Nanoseconds from the first to the last snapshot, where all say when they were taken.
    pub span_nanos: Option<i64>,
    /// The processes that the snapshots are of, in the order in which they were met.
    pub processes: Vec<ProcessMemory>,
    /// The most snapshots that any process has are too few to tell a leak from a cache that fills: so many more, so far
    /// apart, would decide.
    pub needed: Option<Needed>,
    /// How long until the process that was seen last reaches a limit, where one was given.
    pub limit: Option<Limit>,
    /// Suspects beyond the number that was asked for; the verdict is about them too.
    pub omitted: usize,
    /// Sites that grew and were not followed through time, since too many did: those that grew least for sure.
    pub not_followed: usize,
}

/// The snapshots of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessMemory {
    /// Snapshots that differ.
    pub snapshots: usize,
    /// Snapshots that show the same collection as the one before.
    pub repeats: usize,
    /// When the first was taken (RFC 3339).
    pub first: Option<String>,
    /// When the last was taken (RFC 3339).
    pub last: Option<String>,
    /// Build id of its main binary.
    pub build_id: Option<String>,
}

/// What would decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Needed {
    /// So many snapshots more of one process make the eight that are advised; four in all are the least.
    pub snapshots: usize,
    /// So many nanoseconds apart: in that time the fastest suspect grows by as much as its error. Absent where the
    /// snapshots bear no times, or nothing grew.
    pub apart_nanos: Option<i64>,
}

/// A limit, and how long until it is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limit {
    /// The limit on the memory of the process, in bytes.
    pub limit: i64,
    /// The collector's target, in percent; absent where it is off.
    pub gogc: Option<f64>,
    /// What lives in the heap now.
    pub live: i64,
    /// The most that may live before the limit is reached.
    pub live_max: i64,
    /// When.
    pub outcome: LimitOutcome,
    /// Hours until then at the fastest growth that the data allow.
    pub earliest_hours: Option<f64>,
    /// Hours until then at the slowest; absent where that does not reach it, or only much later than was observed.
    pub latest_hours: Option<f64>,
}

/// When a limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LimitOutcome {
    /// No leak grows.
    #[default]
    Never,
    /// It is reached within ten times the time that was observed.
    Within,
    /// Later than ten times the time that was observed: nothing is said of that.
    BeyondHorizon,
    /// There is more already than it allows.
    AlreadyOver,
    /// It can't be said: the snapshots bear no times, or are too few.
    Unknown,
}

/// The limit that was asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitQuery {
    /// Bytes.
    pub limit: i64,
    /// The collector's target in percent; `None` where it is off.
    pub gogc: Option<f64>,
}

/// Snapshots that are advised.
const ADVISED: usize = 8;

/// The verdict on suspects that stand in their order.
pub(super) fn verdict(
    track: &Track,
    measured: &Measured,
    suspects: &[Suspect],
    asked: Option<LimitQuery>,
) -> Verdict {
    let latest = track.latest_process();
    let leaks = suspects.iter().filter(|suspect| suspect.class == Class::Leak);
    let slopes: Vec<Estimate> = leaks
        .clone()
        .filter(|leak| leak.process == latest && !leak.is_of_goroutines())
        .filter_map(|leak| leak.slope_per_hour)
        .collect();
    let slope = sum(&slopes);
    let most = track.sizes().max().unwrap_or(0);
    let judged = track.processes.get(latest);
    Verdict {
        leaks: leaks.count(),
        slope_per_hour: slope,
        snapshots: track.sizes().sum(),
        span_nanos: span_nanos(track),
        processes: track.processes.iter().map(|span| process(track, span)).collect(),
        needed: track.lacks(Lack::Snapshots).then(|| Needed {
            snapshots: ADVISED - most,
            apart_nanos: judged.and_then(|span| apart(track, span, suspects)),
        }),
        limit: asked.map(|asked| {
            let known = track.is_timed() && judged.is_some_and(|span| span.moments.len() >= LEAST);
            limit(track, measured, judged, slope.or(known.then(Estimate::default)), asked)
        }),
        omitted: 0,
        not_followed: 0,
    }
}

/// The sum of estimates, whose errors are independent.
fn sum(slopes: &[Estimate]) -> Option<Estimate> {
    if slopes.is_empty() {
        return None;
    }
    let estimate = slopes.iter().fold(0_i64, |sum, slope| sum.saturating_add(slope.estimate));
    let reach = |end: fn(&Estimate) -> i64| {
        let squares = slopes.iter().map(|slope| {
            let far = (end(slope) as f64 - slope.estimate as f64).abs();
            far * far
        });
        squares.sum::<f64>().sqrt()
    };
    let (down, up) = (reach(|slope| slope.lower), reach(|slope| slope.upper));
    let value = estimate as f64;
    Some(Estimate::new(estimate, Interval { lower: value - down, upper: value + up }))
}

fn span_nanos(track: &Track) -> Option<i64> {
    let time = |&i: &usize| track.time(i);
    let (first, last) = (track.order.first().map(time)?, track.order.last().map(time)?);
    track.is_timed().then(|| last.saturating_sub(first))
}

fn process(track: &Track, span: &Span) -> ProcessMemory {
    let history = &track.history;
    let time = |i: Option<&usize>| i.and_then(|&i| rfc3339(track.time(i)));
    let main = span.moments.first().and_then(|&i| history.moments[i].main);
    let build_id = main.map(|main| history.records.symbols.text(main.build_id).to_owned());
    ProcessMemory {
        snapshots: span.moments.len(),
        repeats: span.repeats.len(),
        first: time(span.moments.first()),
        last: time(span.moments.last()),
        build_id: build_id.filter(|id| !id.is_empty()),
    }
}

/// How far apart snapshots have to be for the fastest suspect to grow by its error in between.
fn apart(track: &Track, span: &Span, suspects: &[Suspect]) -> Option<i64> {
    let hours = span.hours.last().copied().filter(|&hours| track.is_timed() && hours > 0.0)?;
    let of_memory = suspects.iter().filter(|suspect| !suspect.is_of_goroutines());
    let fastest = of_memory.max_by_key(|suspect| suspect.growth.lower)?;
    let Estimate { estimate, lower, .. } = fastest.growth;
    // A 95 % interval reaches two standard errors.
    let error = estimate.saturating_sub(lower) as f64 / 2.0;
    let nanos = hours * 3.6e12 * error / (estimate.max(1) as f64);
    (estimate > 0).then_some(nanos.max(1e9) as i64)
}

fn limit(
    track: &Track,
    measured: &Measured,
    span: Option<&Span>,
    slope: Option<Estimate>,
    asked: LimitQuery,
) -> Limit {
    let last = span.and_then(|span| span.moments.last());
    let live = last.map_or(0, |&i| track.history.moments[i].totals[measured.column]);
    let memory = limit::Memory {
        limit: asked.limit as f64,
        gogc: asked.gogc,
        live: live as f64,
        ..limit::Memory::default()
    };
    let interval = slope.map_or_else(Interval::default, |slope| Interval {
        lower: slope.lower as f64,
        upper: slope.upper as f64,
    });
    let hours = span.and_then(|span| span.hours.last().copied()).unwrap_or(0.0);
    let (outcome, earliest_hours, latest_hours) =
        match limit::time_to_limit(&memory, interval, hours) {
            TimeToLimit::AlreadyOver => (LimitOutcome::AlreadyOver, None, None),
            TimeToLimit::Within { .. } | TimeToLimit::BeyondHorizon | TimeToLimit::Never
                if slope.is_none() =>
            {
                (LimitOutcome::Unknown, None, None)
            }
            TimeToLimit::Within { earliest, latest } => {
                (LimitOutcome::Within, Some(earliest), latest)
            }
            TimeToLimit::BeyondHorizon => (LimitOutcome::BeyondHorizon, None, None),
            TimeToLimit::Never => (LimitOutcome::Never, None, None),
        };
    Limit {
        limit: asked.limit,
        gogc: asked.gogc,
        live,
        live_max: limit::live_max(&memory) as i64,
        outcome,
        earliest_hours,
        latest_hours,
    }
}
