//! The card of an incident: what the answer about leaks shows, what it rules out, what is missing, who
//! to ask, and what it was read from.
//!
//! The verdict and the suspects are those of the answer, as they are. What the card adds is a selection
//! of moments, the growth that isn't a leak, and facts about the files that only the caller knows.

use super::{Input, InputKind, LeaksAnswer, Report, WarningCode};

pub use super::incident_facts::{
    CapturedRecording, Evidence, LineAuthor, Reproduced, ReproducedWhat, Surroundings, SuspectOwner,
};

use crate::analysis::beside::{TimelineTrack, TrackClock, TrackKind};
use crate::analysis::estimates::Class;
use crate::analysis::rfc3339;
use crate::analysis::suspects::{Suspect, Verdict};
use crate::analysis::timeline::{Timeline, TimelineRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.incident/v1";

/// Most moments of the timeline.
const MOMENTS: usize = 16;
/// Most starts of processes, and beginnings of growth, that are marked.
const STARTS: usize = 5;
const BEGINNINGS: usize = 3;
/// Fewest snapshots that can rule a leak out.
pub const DECISIVE: usize = 8;
/// Growth within noise is ruled out if it is less than one part of so many of the whole growth.
const SHARE: i64 = 10;

/// The card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IncidentReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What happened, in short.
    pub what: What,
    /// Moments of the recording, in order of time.
    pub timeline: Vec<CardMoment>,
    /// What was recorded beside the profiles.
    pub beside: Vec<CardTrack>,
    /// The verdict, as `leaks` has it.
    pub verdict: Verdict,
    /// The suspects, as `leaks` has them.
    pub suspects: Vec<Suspect>,
    /// What grew and isn't taken for a leak.
    pub ruled_out: Vec<RuledOut>,
    /// What the caller knows about the inputs, the code and the machine.
    #[serde(flatten)]
    pub around: Surroundings,
    /// Warnings about the snapshots, as `leaks` has them.
    pub warnings: Vec<String>,
    /// Files that were skipped, or read for a part only, as `leaks` says so.
    pub skipped: Vec<String>,
}

/// What happened, in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct What {
    /// The program, if the profiles name it.
    pub program: Option<String>,
    /// The builds, in the order in which they ran.
    pub builds: Vec<String>,
    /// When the first snapshot was taken (RFC 3339).
    pub from: Option<String>,
    /// When the last was taken (RFC 3339).
    pub to: Option<String>,
    /// Snapshots.
    pub snapshots: usize,
    /// Processes that they are of.
    pub processes: usize,
    /// The sample type that is judged, and its unit.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// Its value in the first and the last snapshot of the judged process.
    pub before: i64,
    /// Its value in the last.
    pub after: i64,
}

/// A moment of the timeline: a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardMoment {
    /// The number of the snapshot, from 1.
    pub snapshot: usize,
    /// When it was taken (RFC 3339).
    pub time: Option<String>,
    /// Its process, from 1.
    pub process: usize,
    /// The sum of its values.
    pub total: i64,
    /// The resident set nearest in time, in bytes.
    pub resident_set: Option<i64>,
    /// The number of goroutines nearest in time.
    pub goroutines: Option<i64>,
    /// Why it is here.
    pub marks: Vec<Mark>,
}

/// Why a moment is in the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The first snapshot of another process: a restart, or a replica.
    ProcessStarts,
    /// The growth of the suspect of this rank begins.
    GrowthBegins(usize),
    /// The most memory of all snapshots.
    Most,
}

/// Something beside the profiles over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardTrack {
    /// What it is about.
    pub kind: TrackKind,
    /// What it is called where it comes from.
    pub field: String,
    /// The unit of its values.
    pub unit: String,
    /// Number of values.
    pub samples: usize,
    /// Its first value in the judged process.
    pub first: i64,
    /// Its last.
    pub last: i64,
    /// Its highest.
    pub highest: i64,
    /// When that was (RFC 3339), if its times are known.
    pub highest_at: Option<String>,
}

/// Growth that isn't taken for a leak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuledOut {
    /// The function.
    pub name: String,
    /// Its file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<i64>,
    /// How it behaves through time; `steady` is growth within sampling error.
    pub class: Class,
    /// Whether the evidence is enough to rule it out. Otherwise it isn't decided.
    pub is_ruled_out: bool,
    /// By how much it grew.
    pub growth: i64,
    /// Its unit.
    pub unit: String,
    /// The snapshots that say so.
    pub snapshots: usize,
}

impl IncidentReport {
    /// Makes the card from a report about leaks. `warnings` are those of the report, in words.
    pub fn new(
        report: &Report,
        answer: &LeaksAnswer,
        around: Surroundings,
        mut warnings: Vec<String>,
    ) -> Self {
        let skipped = report.warnings.iter().filter(|one| one.code == WarningCode::SetAside);
        let skipped: Vec<String> = skipped.map(|warning| warning.message.clone()).collect();
        warnings.retain(|warning| !skipped.contains(warning));
        let LeaksAnswer { timeline, suspects, verdict } = answer;
        Self {
            schema: SCHEMA.to_owned(),
            what: what(report, timeline),
            timeline: moments(timeline, suspects),
            beside: tracks(timeline),
            verdict: verdict.clone(),
            suspects: suspects.clone(),
            ruled_out: ruled_out(report, answer),
            around,
            warnings,
            skipped,
        }
    }
}

/// Whether a suspect is shown in full: it leaks, or growth is all that can be known.
pub fn is_in_full(suspect: &Suspect, verdict: &Verdict) -> bool {
    match suspect.class {
        Class::Leak => true,
        Class::Grew => verdict.needed.is_some(),
        _ => false,
    }
}

fn what(report: &Report, timeline: &Timeline) -> What {
    let of_snapshots = || timeline.inputs.iter().filter_map(|&at| report.inputs.get(at));
    let mut seen = BTreeSet::new();
    let builds = of_snapshots().filter_map(|input| input.build_id.clone());
    let builds = builds.filter(|build| !build.is_empty() && seen.insert(build.clone())).collect();
    let total = report.totals.iter().find(|total| total.sample_type == report.sample_type);
    let time = |at: Option<&Option<String>>| at.cloned().flatten();
    What {
        program: of_snapshots().filter_map(|input| input.program.clone()).next_back(),
        builds,
        from: time(timeline.times.first()),
        to: time(timeline.times.last()),
        snapshots: timeline.inputs.len(),
        processes: timeline.processes.iter().max().map_or(0, |last| last + 1),
        sample_type: report.sample_type.clone(),
        unit: report.unit.clone(),
        before: total.and_then(|total| total.value.before).unwrap_or_default(),
        after: total.map_or(0, |total| total.value.after),
    }
}

/// The moments to show: those with a mark, the first and the last, and others evenly in between.
fn moments(timeline: &Timeline, suspects: &[Suspect]) -> Vec<CardMoment> {
    let count = timeline.inputs.len();
    let mut marks: BTreeMap<usize, Vec<Mark>> = BTreeMap::new();
    let starts = (1..count).filter(|&at| {
        let process = timeline.processes[at];
        !timeline.processes[..at].contains(&process)
    });
    for at in starts.take(STARTS) {
        marks.entry(at).or_default().push(Mark::ProcessStarts);
    }
    let leaks = suspects.iter().filter(|suspect| suspect.class == Class::Leak);
    for suspect in leaks.filter(|suspect| suspect.since > 0).take(BEGINNINGS) {
        let since = suspect.shown_by.as_ref().map(|shown| shown.since);
        if let Some(at) = timeline.inputs.iter().position(|&input| Some(input) == since) {
            marks.entry(at).or_default().push(Mark::GrowthBegins(suspect.rank));
        }
    }
    let values = &timeline.total.values;
    let most = (0..count.min(values.len())).rev().max_by_key(|&at| values[at]);
    if let Some(at) = most.filter(|&at| at > 0 && at + 1 < count) {
        marks.entry(at).or_default().push(Mark::Most);
    }
    let mut shown: BTreeSet<usize> = marks.keys().copied().collect();
    shown.extend([0, count.saturating_sub(1)].into_iter().filter(|&at| at < count));
    let free = MOMENTS.saturating_sub(shown.len()).min(count);
    if count <= MOMENTS {
        shown.extend(0..count);
    } else {
        shown.extend((1..=free).map(|step| step * (count - 1) / (free + 1)));
    }
    let near = Nearest::new(timeline);
    let moment = |at: usize| CardMoment {
        snapshot: at + 1,
        time: timeline.times.get(at).cloned().flatten(),
        process: timeline.processes.get(at).map_or(1, |process| process + 1),
        total: values.get(at).copied().unwrap_or_default(),
        resident_set: near.value(TrackKind::ResidentSet, at),
        goroutines: near.value(TrackKind::Goroutines, at),
        marks: marks.get(&at).cloned().unwrap_or_default(),
    };
    shown.into_iter().map(moment).collect()
}

/// Finds the value of a track that is nearest to a snapshot.
struct Nearest<'a> {
    timeline: &'a Timeline,
    /// The farthest that a value may be away, in nanoseconds.
    most: u64,
}

impl<'a> Nearest<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        const LEAST: u64 = 60_000_000_000;
        let span = timeline.elapsed_nanos.as_ref().and_then(|all| Some(all.last()? - all.first()?));
        let apart = span.map_or(0, i64::unsigned_abs) / timeline.inputs.len().max(2) as u64;
        Self { timeline, most: apart.max(LEAST) }
    }

    fn value(&self, kind: TrackKind, at: usize) -> Option<i64> {
        let own = *self.timeline.elapsed_nanos.as_ref()?.get(at)?;
        let process = self.timeline.processes.get(at);
        let track = self.timeline.tracks.iter().find(|track| track.kind == kind)?;
        let of_process = (0..track.values.len()).filter(|&i| track.processes.get(i) == process);
        let away = |i: &usize| track.elapsed_nanos[*i].abs_diff(own);
        let nearest = of_process.min_by_key(away).filter(|i| away(i) <= self.most)?;
        Some(track.values[nearest])
    }
}

fn tracks(timeline: &Timeline) -> Vec<CardTrack> {
    let begin = timeline.times.first().and_then(|time| time.as_ref()?.parse::<Timestamp>().ok());
    let time = |elapsed: i64| {
        let nanos = i64::try_from(begin?.as_nanosecond()).ok()?.checked_add(elapsed)?;
        rfc3339(nanos)
    };
    let one = |track: &TimelineTrack| {
        let of_judged =
            (0..track.values.len()).filter(|&at| track.processes.get(at) == Some(&timeline.judged));
        let own: Vec<i64> = of_judged.clone().map(|at| track.values[at]).collect();
        let highest_at = of_judged.rev().max_by_key(|&at| track.values[at])?;
        let is_placed = track.clock != TrackClock::Unknown;
        Some(CardTrack {
            kind: track.kind,
            field: track.field.clone(),
            unit: track.unit.clone(),
            samples: track.samples,
            first: *own.first()?,
            last: *own.last()?,
            highest: track.values[highest_at],
            highest_at: is_placed.then(|| time(track.elapsed_nanos[highest_at]))?,
        })
    };
    timeline.tracks.iter().filter_map(one).collect()
}

/// Suspects of other classes than a leak, and rows that grew within sampling error.
fn ruled_out(report: &Report, answer: &LeaksAnswer) -> Vec<RuledOut> {
    let LeaksAnswer { timeline, suspects, verdict } = answer;
    let of_suspect = |suspect: &Suspect| RuledOut {
        name: suspect.site.function.clone(),
        file: suspect.site.file.clone(),
        line: suspect.site.line,
        class: suspect.class,
        is_ruled_out: decides(suspect.class, suspect.values.len(), verdict),
        growth: suspect.growth.estimate,
        unit: suspect.unit.clone(),
        snapshots: suspect.values.len(),
    };
    let total = report.totals.iter().find(|total| total.sample_type == report.sample_type);
    let whole = total.and_then(|total| total.value.delta).unwrap_or_default();
    // Noise can hide a leak, but none that explains the growth of the whole.
    let is_small = |growth: i64| growth.saturating_mul(SHARE) < whole;
    let others = suspects.iter().filter(|suspect| !is_in_full(suspect, verdict));
    let mut all: Vec<RuledOut> = others.map(of_suspect).collect();
    let known: BTreeSet<&str> = suspects
        .iter()
        .flat_map(|suspect| suspect.path.iter().chain([&suspect.site.function]))
        .map(String::as_str)
        .collect();
    let judged = timeline.processes.iter().filter(|process| **process == timeline.judged).count();
    let of_row = |row: &TimelineRow| RuledOut {
        name: row.name.clone(),
        file: row.file.clone(),
        line: row.line,
        class: row.class,
        is_ruled_out: decides(row.class, judged, verdict) && is_small(row.delta.flat),
        growth: row.delta.flat,
        unit: report.unit.clone(),
        snapshots: judged,
    };
    // Every growth that is more than sampling error is a suspect: other rows have the same bytes.
    let grew = |row: &&TimelineRow| row.delta.flat > 0 && row.class == Class::Steady;
    let rows = timeline.rows.iter().filter(grew);
    all.extend(rows.filter(|row| !known.contains(row.name.as_str())).map(of_row));
    // What isn't decided may still be the cause; noise is hardly ever.
    let is_noise = |one: &RuledOut| one.class == Class::Steady;
    all.sort_by_key(|one| (is_noise(one), one.is_ruled_out, std::cmp::Reverse(one.growth)));
    all
}

/// Whether a class rules a leak out. It takes as many snapshots as tell a leak from a cache.
fn decides(class: Class, snapshots: usize, verdict: &Verdict) -> bool {
    let is_other = matches!(class, Class::Step | Class::WarmUp | Class::Churn | Class::Steady);
    is_other && snapshots >= DECISIVE && verdict.needed.is_none()
}

/// What a profile among the inputs is called.
pub fn kind(input: &Input) -> &'static str {
    match input.kind {
        InputKind::Heap => "heap profile",
        InputKind::Reference => "profile of references",
        InputKind::Goroutine => "goroutine profile",
        InputKind::Cpu => "CPU profile",
        InputKind::Contention => "contention profile",
        InputKind::Threadcreate => "threadcreate profile",
        InputKind::Other => "profile",
    }
}
