//! What was recorded beside the profiles, on their clock: goroutines, collections, the resident set
//! and limits.
//!
//! A [`TimelineTrack`] is one of these over time. Its times count from the first snapshot. A log of
//! the collector counts from the start of its process; `align` finds when that was. A sample belongs
//! to the process of the snapshot nearest in time, and a log to the one of most of its records.
//!
//! Tracks are evidence about a whole process. They never change the class of a row or a suspect.

mod align;
mod collections;
mod stacks;
mod trend;

pub(super) use align::{Anchor, Around, starts};
pub use stacks::ScannedStacks;

use super::estimates::{Class, Estimate};
use super::rfc3339;
use crate::model::gauges::{Gauge, GaugeLog, GaugeSample, GaugeTime};
use crate::model::memory_statistics::MemoryStatistics;
use crate::model::profile::TimeSource;
use crate::model::recording::{Recording, Track};
use crate::units::MIB;
use serde::{Deserialize, Serialize};

/// Most values of a track; one with more has a value for each of so many parts of its time.
const MOST: usize = 480;
/// Growth of the heap or of the resident set in bytes below which it isn't judged, and of stacks.
const LEAST: f64 = 4.0 * MIB;
const LEAST_STACKS: f64 = 2.0 * MIB;

/// What the values of a log of the collector are called.
const GCTRACE: &str = "gctrace";

/// What a track is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TrackKind {
    /// The number of goroutines.
    Goroutines,
    /// The live heap right after each collection, without what was allocated while it marked.
    LiveHeap,
    /// The heap as Go's statistics have it: live memory, and garbage that wasn't collected yet.
    HeapAlloc,
    /// The longest stop of the world in each collection.
    Stops,
    /// The memory of stacks.
    Stacks,
    /// The pages of the process that are in memory.
    ResidentSet,
    /// What its cgroup is charged for.
    Cgroup,
    /// The limit of its cgroup.
    CgroupLimit,
    /// The limit of Go's runtime (`GOMEMLIMIT`).
    GoLimit,
}

/// How the times of a track are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TrackClock {
    /// Its samples or its lines have them, or the name of the file.
    Own,
    /// Statistics say when one of the collections ended, or how many had by then.
    Statistics,
    /// Each snapshot was taken right after a forced collection (`?gc=1`).
    ForcedCollections,
    /// They aren't: times count from the start of the process or of the sampling.
    Unknown,
}

/// Something over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineTrack {
    /// What it is about.
    pub kind: TrackKind,
    /// The unit of its values: `bytes`, `count`, `nanoseconds`.
    pub unit: String,
    /// What its values are called where they come from: `gctrace`, `VmRSS`, `HeapAlloc`.
    pub field: String,
    /// The inputs that it comes from.
    pub inputs: Vec<String>,
    /// How its times are known.
    pub clock: TrackClock,
    /// Nanoseconds from the first snapshot to each value.
    pub elapsed_nanos: Vec<i64>,
    /// The values. Of more than 480, the median of each part of the time; of stops the longest.
    pub values: Vec<i64>,
    /// The process of each value, as in the timeline.
    pub processes: Vec<usize>,
    /// Number of values before they were thinned.
    pub samples: usize,
    /// How it changes in each process, if that is judged.
    pub trends: Vec<TrackTrend>,
}

/// How a track changes in one process, between its first and its last snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackTrend {
    /// The process: 0 is the first.
    pub process: usize,
    /// The median of the first quarter.
    pub before: i64,
    /// The median of the last quarter.
    pub after: i64,
    /// Its class; absent if there are too few values for one.
    pub class: Option<Class>,
    /// Its growth per hour, with the class.
    pub slope_per_hour: Option<Estimate>,
    /// Values that it was judged by.
    pub points: usize,
}

/// A limit on the memory of the process that an input has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KnownLimit {
    /// What it is called: `memory.max`, `GOMEMLIMIT`.
    pub field: String,
    /// The input.
    pub input: String,
    /// Bytes.
    pub limit: i64,
}

/// What was recorded beside the profiles.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The tracks, in the order of their kinds.
    pub tracks: Vec<TimelineTrack>,
    /// Limits that were found, the lowest first.
    pub limits: Vec<KnownLimit>,
    /// Logs of the collector whose times are unknown.
    pub unplaced: Vec<String>,
    /// When the collections of each process ended, in nanoseconds since the epoch.
    ends: Vec<(usize, Vec<i64>)>,
    /// The stacks that the collector of each process scanned.
    scanned: Vec<(usize, ScannedStacks)>,
    /// When the first snapshot was taken, in nanoseconds since the epoch.
    zero: i64,
}

/// A value with its time in nanoseconds since the epoch, and its process.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: i64,
    value: i64,
    process: usize,
}

/// A track while its values are collected.
struct Draft {
    kind: TrackKind,
    field: &'static str,
    clock: TrackClock,
    inputs: Vec<String>,
    samples: Vec<Sample>,
}

/// The clock of the snapshots: when each was taken, and its process.
struct Snapshots {
    /// In order of time.
    taken: Vec<(i64, usize)>,
    /// The first and the last of each process.
    spans: Vec<(i64, i64)>,
    /// Processes that ran at the same time, which samples of one can't be told from another.
    are_replicas: bool,
}

impl Snapshots {
    fn new(track: &Track) -> Self {
        let processes = track.process_of_each();
        let taken: Vec<(i64, usize)> =
            track.order.iter().map(|&i| (track.time(i), processes[i])).collect();
        let of = |process: usize| {
            let mut times = taken.iter().filter(move |one| one.1 == process).map(|one| one.0);
            let first = times.next();
            first.map_or((0, 0), |first| (first, times.next_back().unwrap_or(first)))
        };
        let turns = 1 + taken.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        let spans: Vec<(i64, i64)> = (0..track.processes.len()).map(of).collect();
        Self { are_replicas: turns > spans.len().max(1), spans, taken }
    }

    /// The process of the snapshot nearest in time.
    fn process_at(&self, at: i64) -> usize {
        let after = self.taken.partition_point(|&(time, _)| time < at);
        let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let around = around.filter_map(|place| self.taken.get(place));
        around.min_by_key(|(time, _)| time.abs_diff(at)).map_or(0, |&(_, process)| process)
    }
}

/// Puts what was recorded beside the snapshots on their clock. Without times of these, there is none.
pub fn beside(recording: &Recording) -> Beside {
    let main = recording.main();
    if !main.is_timed() || main.order.is_empty() {
        return Beside::default();
    }
    let snapshots = Snapshots::new(main);
    let logs = with_profiles(recording);
    let mut drafts = Vec::new();
    let mut beside = Beside { limits: limits(&logs), ..Beside::default() };
    of_goroutines(recording, &snapshots, &mut drafts);
    // Statistics that bear the time of the last collection are from some time after it.
    let is_late = |log: &GaugeLog| log.time_source == TimeSource::LastCollection;
    let has_exact = logs
        .iter()
        .any(|log| !is_late(log) && log.samples.iter().any(|one| one.statistics.is_some()));
    for log in logs.iter().filter(|log| !(has_exact && is_late(log))) {
        of_gauges(log, &snapshots, &mut drafts);
    }
    collections::add(recording, &logs, &snapshots, &mut drafts, &mut beside);
    let zero = snapshots.taken.first().map_or(0, |one| one.0);
    (beside.zero, beside.scanned) = (zero, stacks::scanned(&drafts, &snapshots));
    beside.tracks = settled(drafts).into_iter().map(|one| one.finish(&snapshots, zero)).collect();
    beside
}

impl Beside {
    /// The trend of a kind of track in a process, with the track.
    pub fn trend(&self, kind: TrackKind, process: usize) -> Option<(&TimelineTrack, &TrackTrend)> {
        let mut tracks = self.tracks.iter().filter(|track| track.kind == kind);
        tracks.find_map(|track| Some((track, track.trend(process)?)))
    }

    /// How many collections of a process ended after one time and before another, if its log covers
    /// the time in between.
    pub fn collections_between(&self, process: usize, from: i64, to: i64) -> Option<usize> {
        let (_, ends) = self.ends.iter().find(|(own, _)| *own == process)?;
        let begins = ends.first().is_some_and(|&first| first <= from);
        begins.then(|| ends.iter().filter(|&&end| from < end && end <= to).count())
    }
}

impl TimelineTrack {
    /// How it changes in a process.
    pub fn trend(&self, process: usize) -> Option<&TrackTrend> {
        self.trends.iter().find(|trend| trend.process == process)
    }
}

/// The gauges, and the statistics at the end of profiles in text as such.
fn with_profiles(recording: &Recording) -> Vec<GaugeLog> {
    let of_profiles = recording.profiles.history.moments.iter().filter_map(|moment| {
        let statistics = moment.header.memory_statistics.clone()?;
        let time = match moment.header.time_nanos {
            0 => GaugeTime::Unknown,
            nanos => GaugeTime::Utc(nanos),
        };
        let sample = GaugeSample { time, statistics: Some(statistics), ..GaugeSample::default() };
        let time_source = moment.header.time_source;
        let name = moment.name.clone();
        Some(GaugeLog { name, samples: vec![sample], time_source, ..GaugeLog::default() })
    });
    recording.gauges.iter().cloned().chain(of_profiles).collect()
}

/// The limits in gauges, each once.
fn limits(logs: &[GaugeLog]) -> Vec<KnownLimit> {
    let mut limits: Vec<KnownLimit> = Vec::new();
    for log in logs {
        for kind in [Gauge::CgroupLimit, Gauge::GoLimit] {
            let last = log.samples.iter().rev().find_map(|sample| sample.get(kind));
            let Some(last) = last.filter(|last| last.value != u64::MAX) else { continue };
            let limit = i64::try_from(last.value).unwrap_or(i64::MAX);
            if limits.iter().all(|known| known.field != last.field || known.limit != limit) {
                let (field, input) = (last.field.to_owned(), log.name.clone());
                limits.push(KnownLimit { field, input, limit });
            }
        }
    }
    limits.sort_by(|a, b| (a.limit, &a.field).cmp(&(b.limit, &b.field)));
    limits
}

/// Goroutine profiles beside others.
fn of_goroutines(recording: &Recording, snapshots: &Snapshots, drafts: &mut Vec<Draft>) {
    let track = &recording.goroutines;
    if recording.is_of_goroutines() || track.is_empty() || !track.is_timed() {
        return;
    }
    let total = |&i: &usize| {
        let at = track.time(i);
        let value = track.history.moments[i].totals.first().copied().unwrap_or_default();
        Sample { at, value, process: snapshots.process_at(at) }
    };
    let inputs = track.order.iter().map(|&i| track.history.moments[i].name.clone()).collect();
    drafts.push(Draft {
        kind: TrackKind::Goroutines,
        field: "goroutine profiles",
        clock: TrackClock::Own,
        inputs,
        samples: track.order.iter().map(total).collect(),
    });
}

/// What a sample of gauges says about each kind of track.
fn readings(sample: &GaugeSample) -> Vec<(TrackKind, &'static str, u64)> {
    let gauges = [
        (TrackKind::Goroutines, Gauge::Goroutines),
        (TrackKind::ResidentSet, Gauge::Rss),
        (TrackKind::Cgroup, Gauge::CgroupCurrent),
        (TrackKind::CgroupLimit, Gauge::CgroupLimit),
        (TrackKind::GoLimit, Gauge::GoLimit),
    ];
    let known = gauges.into_iter().filter_map(|(kind, gauge)| {
        let reading = sample.get(gauge).filter(|reading| reading.value != u64::MAX)?;
        Some((kind, reading.field, reading.value))
    });
    let number = |name: &str| {
        let statistics: &MemoryStatistics = sample.statistics.as_ref()?;
        u64::try_from(*statistics.numbers.get(name)?).ok()
    };
    let of_go = [
        (TrackKind::HeapAlloc, "HeapAlloc"),
        (TrackKind::Stacks, "StackInuse"),
        (TrackKind::Stacks, "Stack"),
    ];
    let of_go = of_go.into_iter().filter_map(|(kind, name)| Some((kind, name, number(name)?)));
    known.chain(of_go).collect()
}

fn of_gauges(log: &GaugeLog, snapshots: &Snapshots, drafts: &mut Vec<Draft>) {
    for sample in &log.samples {
        let (at, clock) = match sample.time {
            GaugeTime::Utc(at) => (at, TrackClock::Own),
            GaugeTime::SinceStart(at) => (at, TrackClock::Unknown),
            GaugeTime::Unknown => continue,
        };
        let process = match clock {
            TrackClock::Unknown => 0,
            _ => snapshots.process_at(at),
        };
        for (kind, field, value) in readings(sample) {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            let draft = draft(drafts, (kind, field, clock));
            if draft.inputs.last() != Some(&log.name) {
                draft.inputs.push(log.name.clone());
            }
            draft.samples.push(Sample { at, value, process });
        }
    }
}

fn draft<'a>(
    drafts: &'a mut Vec<Draft>,
    (kind, field, clock): (TrackKind, &'static str, TrackClock),
) -> &'a mut Draft {
    let is_own = |draft: &Draft| (draft.kind, draft.field, draft.clock) == (kind, field, clock);
    let at = drafts.iter().position(is_own).unwrap_or_else(|| {
        drafts.push(Draft { kind, field, clock, inputs: Vec::new(), samples: Vec::new() });
        drafts.len() - 1
    });
    &mut drafts[at]
}

/// One track of each kind: the one with the most precise source, and of those the one with the most
/// values.
fn settled(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let precision = |draft: &Draft| match (draft.kind, draft.field) {
        (TrackKind::Goroutines, "goroutine profiles") | (TrackKind::Stacks, "StackInuse") => 0,
        (TrackKind::Stacks, "Stack") => 1,
        _ => 2,
    };
    let key = |draft: &Draft| {
        let is_lost = draft.clock == TrackClock::Unknown;
        (draft.kind, is_lost, precision(draft), std::cmp::Reverse(draft.samples.len()))
    };
    drafts.retain(|draft| !draft.samples.is_empty());
    drafts.sort_by_key(key);
    drafts.dedup_by_key(|draft| draft.kind);
    drafts
}

impl Draft {
    fn finish(mut self, snapshots: &Snapshots, zero: i64) -> TimelineTrack {
        self.samples.sort_by_key(|sample| sample.at);
        let is_lost = self.clock == TrackClock::Unknown;
        let trends = if snapshots.are_replicas { Vec::new() } else { self.trends(snapshots) };
        let count = self.samples.len();
        let origin = if is_lost { 0 } else { zero };
        let kept = thinned(&self.samples, self.kind);
        let unit = match self.kind {
            TrackKind::Goroutines => "count",
            TrackKind::Stops => "nanoseconds",
            _ => "bytes",
        };
        TimelineTrack {
            kind: self.kind,
            unit: unit.to_owned(),
            field: self.field.to_owned(),
            inputs: self.inputs,
            clock: self.clock,
            elapsed_nanos: kept.iter().map(|one| one.at.saturating_sub(origin)).collect(),
            values: kept.iter().map(|one| one.value).collect(),
            processes: kept.iter().map(|one| one.process).collect(),
            samples: count,
            trends,
        }
    }

    /// How it changes in each process.
    fn trends(&self, snapshots: &Snapshots) -> Vec<TrackTrend> {
        let least = match self.kind {
            TrackKind::LiveHeap | TrackKind::ResidentSet | TrackKind::Cgroup => LEAST,
            TrackKind::Stacks => LEAST_STACKS,
            _ => return Vec::new(),
        };
        let of = |(process, &(first, last)): (usize, &(i64, i64))| {
            // A sample of the moment of a snapshot may be a little before or after it.
            let margin = last.saturating_sub(first) / 20;
            let is_within = |sample: &&Sample| {
                self.clock == TrackClock::Unknown
                    || (first.saturating_sub(margin)..=last.saturating_add(margin))
                        .contains(&sample.at)
            };
            let own = self.samples.iter().filter(|sample| sample.process == process);
            let own: Vec<(f64, f64)> = own
                .filter(is_within)
                .map(|sample| {
                    let since = sample.at.saturating_sub(first);
                    (since as f64 / 3.6e12, sample.value as f64)
                })
                .collect();
            trend::of(&own, least).map(|trend| TrackTrend { process, ..trend })
        };
        snapshots.spans.iter().enumerate().filter_map(of).collect()
    }
}

/// At most [`MOST`] samples: the median of each part of the time, or the largest of stops. Samples of
/// several processes don't mix.
fn thinned(samples: &[Sample], kind: TrackKind) -> Vec<Sample> {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Vec::new() };
    if samples.len() <= MOST {
        return samples.to_vec();
    }
    let span = (last.at.saturating_sub(first.at) as f64).max(1.0);
    let part = |one: &Sample| {
        let share = one.at.saturating_sub(first.at) as f64 / span;
        (((share * MOST as f64) as usize).min(MOST - 1), one.process)
    };
    let groups = samples.chunk_by(|a, b| part(a) == part(b));
    let middle = |group: &[Sample]| {
        let mut sorted = group.to_vec();
        sorted.sort_by_key(|sample| sample.value);
        let place = if kind == TrackKind::Stops { sorted.len() - 1 } else { sorted.len() / 2 };
        sorted[place]
    };
    groups.map(middle).collect()
}

/// When a snapshot was taken, for people.
pub fn clock_time(nanos: i64) -> Option<String> {
    let text = rfc3339(nanos)?;
    Some(text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z")))
}
