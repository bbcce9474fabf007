//! The verdict over all suspects: how fast they leak together, how long until a limit, and which
//! data is missing.

use super::Suspect;
use super::stack_memory::{self, Modelled, StackMemory};
use super::whole::{self, Agreement, WholeProcess};
use crate::analysis::beside::{Beside, KnownLimit, TrackKind};
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::{CouldShow, Measured, rfc3339};
use crate::model::recording::{Lack, Span, Track};
use crate::stats::Interval;
use crate::stats::class::{self, Growth, LEAST};
use crate::stats::limit::{self, TimeToLimit};
use crate::units;
use serde::{Deserialize, Serialize};

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// Number of suspects of class `leak`.
    pub leaks: usize,
    /// How fast all memory leaks of the process seen last grow together; absent if there is none,
    /// or there are no times.
    pub slope_per_hour: Option<Estimate>,
    /// Nanoseconds from the first to the last snapshot of the process seen last, if they have times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_span_nanos: Option<i64>,
    /// Snapshots that were judged: without repeats, copies and delta profiles.
    pub snapshots: usize,
    /// Nanoseconds from the first to the last snapshot, if all record when they were taken.
    pub span_nanos: Option<i64>,
    /// The processes of the snapshots, in the order in which they were found.
    pub processes: Vec<ProcessMemory>,
    /// Present if no process has enough snapshots to tell a leak from a cache that fills: how many
    /// more, how far apart, would decide.
    pub needed: Option<Needed>,
    /// If there is a trend and nothing leaks: what would have shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub could_show: Option<CouldShow>,
    /// How long until the process seen last reaches a limit, if one was given.
    pub limit: Option<Limit>,
    /// Suspects beyond the requested number; the verdict includes them.
    pub omitted: usize,
    /// Sites that grew and were not followed through time because too many did: the ones with the
    /// least certain growth.
    pub not_followed: usize,
    /// The live heap of the process seen last after its collections, if that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_heap: Option<WholeProcess>,
    /// Its resident set, if that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_set: Option<WholeProcess>,
    /// How these agree with the leaks; absent if that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// Limits that the inputs have, the lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_limits: Vec<KnownLimit>,
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

/// The data that would decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Needed {
    /// How many more snapshots of one process complete the recommended eight; the minimum is four
    /// in all.
    pub snapshots: usize,
    /// How many nanoseconds apart: the time in which the fastest suspect grows by its error. Absent
    /// if the snapshots have no times, or nothing grew.
    pub apart_nanos: Option<i64>,
}

/// A limit, and how long until it is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limit {
    /// The limit on the memory of the process, in bytes.
    pub limit: i64,
    /// The collector's target, in percent; absent if it is off.
    pub gogc: Option<f64>,
    /// Live memory in the heap now.
    pub live: i64,
    /// The most live memory before the limit is reached.
    pub live_max: i64,
    /// When the limit is reached.
    pub outcome: LimitOutcome,
    /// Hours until then at the fastest growth consistent with the data.
    pub earliest_hours: Option<f64>,
    /// Hours until then at the slowest; absent if that never reaches the limit, or only much later
    /// than the observed time.
    pub latest_hours: Option<f64>,
    /// What grows towards it.
    #[serde(default)]
    pub basis: LimitBasis,
    /// The resident set at the end, if that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<i64>,
    /// Stacks of goroutines at the end, which need memory beside the heap, as far as they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacks: Option<i64>,
    /// How these are known, and how they grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_memory: Option<StackMemory>,
    /// Growth per hour that the prediction is made with, of what `basis` says. That of stacks is apart,
    /// unless they are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope_per_hour: Option<Estimate>,
}

/// What is compared with a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LimitBasis {
    /// The heap that leaks, with what the collector lets it grow by, and stacks.
    #[default]
    Heap,
    /// The live heap after collections, with the same.
    LiveHeap,
    /// The resident set as it was measured.
    ResidentSet,
    /// The stacks of goroutines alone: nothing says how large the heap is.
    Stacks,
}

/// When a limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LimitOutcome {
    /// No leak grows.
    #[default]
    Never,
    /// It is reached within ten times the observed time.
    Within,
    /// Later than ten times the observed time, which is too far to predict.
    BeyondHorizon,
    /// The limit is exceeded already.
    AlreadyOver,
    /// Unknown: the snapshots have no times, or are too few.
    Unknown,
}

/// The limit in question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitQuery {
    /// Bytes.
    pub limit: i64,
    /// The collector's target in percent; `None` if it is off.
    pub gogc: Option<f64>,
}

/// Recommended number of snapshots.
const ADVISED: usize = 8;

/// Builds the verdict on suspects, before those of one cause are joined.
pub(super) fn verdict(
    track: &Track,
    measured: &Measured,
    suspects: &[&Suspect],
    asked: Option<LimitQuery>,
    (beside, modelled): (&Beside, Option<&Modelled>),
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
    let unit = &track.history.sample_types[measured.column].unit;
    let has_memory = units::classify(unit).0 == units::Kind::Bytes;
    let [live_heap, resident_set] = [TrackKind::LiveHeap, TrackKind::ResidentSet]
        .map(|kind| has_memory.then(|| whole::of(beside, kind, latest)).flatten());
    let hours = judged.and_then(|span| span.hours.last().copied()).unwrap_or(0.0);
    let sizes = (live_heap.as_ref(), resident_set.as_ref());
    let total = judged.and_then(|span| total_slope(track, measured, span));
    let agreement = whole::agreement(sizes, slope, total, hours);
    Verdict {
        leaks: leaks.count(),
        slope_per_hour: slope,
        latest_span_nanos: track.is_timed().then_some((hours * 3.6e12) as i64),
        snapshots: track.sizes().sum(),
        span_nanos: span_nanos(track),
        processes: track.processes.iter().map(|span| process(track, span)).collect(),
        needed: track.lacks(Lack::Snapshots).then(|| Needed {
            snapshots: ADVISED - most,
            apart_nanos: judged.and_then(|span| apart(track, span, suspects)),
        }),
        could_show: None,
        limit: asked.map(|asked| {
            let known = track.is_timed() && judged.is_some_and(|span| span.moments.len() >= LEAST);
            let slope = slope.or(known.then(Estimate::default));
            let stacks = stack_memory::of(beside, latest, modelled);
            let last = judged.and_then(|span| span.moments.last());
            let total = |&i: &usize| track.history.moments[i].totals[measured.column];
            let in_profile = last.filter(|_| has_memory).map(total);
            limit(in_profile, hours, slope, asked, (sizes, stacks, agreement))
        }),
        omitted: 0,
        not_followed: 0,
        agreement,
        live_heap,
        resident_set,
        known_limits: beside.limits.clone(),
    }
}

/// How fast the profiles' total grows in a process.
fn total_slope(track: &Track, measured: &Measured, span: &Span) -> Option<Estimate> {
    if !track.is_timed() || span.moments.len() < LEAST {
        return None;
    }
    let total = |&i: &usize| track.history.moments[i].totals[measured.column] as f64;
    let totals: Vec<f64> = span.moments.iter().map(total).collect();
    let judged = class::judge(&span.hours, &totals, &[], Growth::Proven);
    Some(judged.slope.into())
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

/// How far apart snapshots must be for the fastest suspect to grow by its error in between.
fn apart(track: &Track, span: &Span, suspects: &[&Suspect]) -> Option<i64> {
    let hours = span.hours.last().copied().filter(|&hours| track.is_timed() && hours > 0.0)?;
    let of_memory = suspects.iter().filter(|suspect| !suspect.is_of_goroutines());
    let fastest = of_memory.max_by_key(|suspect| suspect.growth.lower)?;
    let Estimate { estimate, lower, .. } = fastest.growth;
    // A 95 % interval spans two standard errors on each side.
    let error = estimate.saturating_sub(lower) as f64 / 2.0;
    let nanos = hours * 3.6e12 * error / (estimate.max(1) as f64);
    (estimate > 0).then_some(nanos.max(1e9) as i64)
}

/// Sizes of the whole process: the live heap, the resident set, and stacks; and how they agree.
type Sizes<'a> =
    ((Option<&'a WholeProcess>, Option<&'a WholeProcess>), Option<StackMemory>, Option<Agreement>);

/// When a limit is reached. `in_profile` is the heap in the last profile, if there are any.
fn limit(
    in_profile: Option<i64>,
    hours: f64,
    slope: Option<Estimate>,
    asked: LimitQuery,
    ((live_heap, resident), stacks, agreement): Sizes<'_>,
) -> Limit {
    // What is exact for the whole process says more than the sum of what leaks in the profiles.
    let grows = live_heap.and_then(WholeProcess::growth);
    let heap = live_heap.filter(|_| grows.is_some()).map(|heap| heap.trend.after);
    let live = heap.or(in_profile).unwrap_or_default();
    let of_heap = |of: fn(&Estimate) -> i64| {
        let part = |of_stacks: fn(&StackMemory) -> &Estimate| {
            stacks.as_ref().map_or(0.0, |stacks| of(of_stacks(stacks)).max(0) as f64)
        };
        limit::Memory {
            limit: asked.limit as f64,
            gogc: asked.gogc,
            live: live as f64,
            overhead: part(|stacks| &stacks.bytes),
            roots: part(|stacks| &stacks.scanned),
        }
    };
    let (least, most) = (of_heap(|size| size.lower), of_heap(|size| size.upper));
    let of_stacks = stacks.and_then(|stacks| stacks.slope_per_hour);
    // A resident set also rises when the load does, and then stays: it counts if there is a reason.
    let has_reason = grows.is_some()
        || slope.is_some_and(|slope| slope.lower > 0)
        || of_stacks.is_some_and(|slope| slope.lower > 0)
        || agreement == Some(Agreement::ResidentSetAlone);
    let measured_growth = resident.and_then(|set| Some((set, set.growth()?)));
    let measured_growth = measured_growth.filter(|_| has_reason);
    let (memory, slope, basis) = match (measured_growth, grows) {
        (Some((set, growth)), _) => {
            // Stacks are part of it.
            let live = set.trend.after as f64;
            let memory = limit::Memory { live, gogc: None, overhead: 0.0, roots: 0.0, ..most };
            ([memory; 2], Some(growth), LimitBasis::ResidentSet)
        }
        (None, Some(growth)) => ([least, most], Some(growth), LimitBasis::LiveHeap),
        (None, None) if in_profile.is_none() => ([least, most], of_stacks, LimitBasis::Stacks),
        (None, None) => ([least, most], slope, LimitBasis::Heap),
    };
    let as_live =
        |bytes: i64, share: f64| limit::in_live(bytes as f64, bytes as f64 * share, asked.gogc);
    let interval = slope.map_or_else(Interval::default, |slope| match (basis, of_stacks) {
        (LimitBasis::Heap | LimitBasis::LiveHeap, Some(stacks)) => {
            // How much of new stacks is scanned is as uncertain as of those that are there.
            let share = |memory: &limit::Memory| memory.roots / memory.overhead.max(1.0);
            Interval {
                lower: slope.lower as f64 + as_live(stacks.lower, share(&least).min(1.0)),
                upper: slope.upper as f64 + as_live(stacks.upper, share(&most).min(1.0)),
            }
        }
        _ => Interval { lower: slope.lower as f64, upper: slope.upper as f64 },
    });
    let (outcome, earliest_hours, latest_hours) =
        match limit::time_between([&memory[0], &memory[1]], interval, hours) {
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
        live_max: limit::live_max(&of_heap(|size| size.estimate)) as i64,
        outcome,
        earliest_hours,
        latest_hours,
        basis,
        resident: resident.map(|set| set.trend.after),
        stacks: stacks.map(|stacks| stacks.bytes.estimate),
        stack_memory: stacks,
        slope_per_hour: slope,
    }
}
