//! Reads what a round shows into metrics, and into the facts of an alarm.

use super::channel::Channel;
use super::metrics::{Interval, Reading, SuspectReading};
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::suspects::{LimitOutcome, ProcessMemory, Suspect, Verdict};
use crate::command::recorder::manifest::Shot;
use crate::command::recorder::rounds::Seen;
use crate::patterns::Confidence;
use crate::printable::escape;
use crate::report::LeaksAnswer;
use crate::units;
use jiff::Timestamp;

/// Seconds of an hour.
const HOUR: f64 = 3600.0;
/// What snapshots consist of; each has a count of errors from the start.
const PARTS: [&str; 3] = ["heap", "goroutine", "memstats"];

/// Whether a suspect is a leak that is at least so sure.
pub(super) fn is_leak(suspect: &Suspect, least: Confidence) -> bool {
    // The surest comes first.
    suspect.class == Class::Leak && suspect.confidence <= least
}

/// The environment of a command about a suspect. Names are those of the profile, with what doesn't
/// print spelled out.
pub(super) fn facts(seen: &Seen<'_>, suspect: &Suspect) -> Vec<(&'static str, String)> {
    let text = |text: &str| escape(text).into_owned();
    let slope = suspect.slope_per_hour.map(|slope| slope.estimate.to_string());
    vec![
        ("HEAPDIFF_SERVICE", text(seen.target())),
        ("HEAPDIFF_FOLDER", text(&seen.folder().to_string_lossy())),
        ("HEAPDIFF_SITE", text(&suspect.site.function)),
        ("HEAPDIFF_FILE", suspect.site.file.as_deref().map(text).unwrap_or_default()),
        ("HEAPDIFF_LINE", suspect.site.line.map(|line| line.to_string()).unwrap_or_default()),
        ("HEAPDIFF_CLASS", suspect.class.name().to_owned()),
        ("HEAPDIFF_CONFIDENCE", suspect.confidence.word().to_owned()),
        ("HEAPDIFF_PATTERN", suspect.patterns.first().map(|one| text(one)).unwrap_or_default()),
        ("HEAPDIFF_UNIT", text(&suspect.unit)),
        ("HEAPDIFF_GROWTH", suspect.growth.estimate.to_string()),
        ("HEAPDIFF_SLOPE_PER_HOUR", slope.unwrap_or_default()),
    ]
}

/// What is counted over all rounds, and the newest reading.
pub(super) struct Readings {
    pub(super) reading: Reading,
    /// The number of the last shot that was counted.
    counted: usize,
    /// Restarts that the newest verdict shows.
    restarts: usize,
}

impl Readings {
    pub(super) fn new(channels: &[Channel]) -> Self {
        let both = |channel: &Channel| ["done", "failed"].map(|outcome| (channel.name, outcome));
        let alarms = channels.iter().flat_map(both).map(|both| (both, 0)).collect();
        let errors = PARTS.into_iter().map(|part| (part, 0)).collect();
        let reading = Reading { errors, alarms, ..Reading::default() };
        Self { reading, counted: 0, restarts: 0 }
    }

    /// Counts a delivery.
    pub(super) fn count(&mut self, channel: &'static str, is_done: bool) {
        let outcome = if is_done { "done" } else { "failed" };
        *self.reading.alarms.entry((channel, outcome)).or_default() += 1;
    }

    /// Takes a round.
    pub(super) fn take(&mut self, seen: &Seen<'_>) {
        let manifest = &seen.recorder.manifest;
        let reading = &mut self.reading;
        seen.target().clone_into(&mut reading.service);
        reading.interval_seconds = manifest.every_seconds;
        reading.snapshots = seen.taken() as u64;
        let new = manifest.shots.iter().filter(|shot| shot.number > self.counted);
        for failure in new.flat_map(|shot| &shot.failed) {
            *reading.errors.entry(failure.kind).or_default() += 1;
        }
        self.counted = seen.shot().map_or(self.counted, |shot| shot.number);
        let whole = manifest.shots.iter().rev().find(|shot| !shot.files.is_empty());
        reading.last_snapshot_seconds = whole.and_then(seconds);
        let totals = seen.totals();
        let number = |value: Option<i64>| value.map(|value| value as f64);
        reading.heap_bytes = number(totals.live);
        reading.goroutines = number(totals.goroutines);
        reading.resident_bytes = number(totals.resident);
        let restarts = seen.so_far.map_or(0, |so_far| so_far.restarts);
        reading.restarts += restarts.saturating_sub(self.restarts) as u64;
        self.restarts = restarts;
        let answer = seen.so_far.and_then(|so_far| so_far.leaks());
        reading.seconds_to_limit = answer.and_then(|answer| to_limit(&answer.verdict));
        reading.suspects = answer.map(suspects).unwrap_or_default();
        let count = |confidence: Confidence| {
            let word = confidence.word();
            let of = |one: &&SuspectReading| one.class == "leak" && one.confidence == word;
            (word, reading.suspects.iter().filter(of).count() as u64)
        };
        reading.leaks = [Confidence::High, Confidence::Med, Confidence::Low].map(count);
    }
}

fn seconds(shot: &Shot) -> Option<f64> {
    let time: Timestamp = shot.time.parse().ok()?;
    Some(time.as_millisecond() as f64 / 1000.0)
}

/// Until the limit: at the fastest and at the slowest growth. None if nobody knows.
fn to_limit(verdict: &Verdict) -> Option<[f64; 2]> {
    let limit = verdict.limit.as_ref()?;
    match limit.outcome {
        LimitOutcome::Unknown => None,
        LimitOutcome::AlreadyOver => Some([0.0; 2]),
        LimitOutcome::Never => Some([f64::INFINITY; 2]),
        LimitOutcome::Within | LimitOutcome::BeyondHorizon => {
            let seconds = |hours: Option<f64>| hours.map_or(f64::INFINITY, |hours| hours * HOUR);
            Some([limit.earliest_hours, limit.latest_hours].map(seconds))
        }
    }
}

/// The process whose last snapshot is the newest.
fn newest(processes: &[ProcessMemory]) -> usize {
    let last = |process: &ProcessMemory| -> Option<Timestamp> {
        process.last.as_deref().and_then(|time| time.parse().ok())
    };
    let newest = processes.iter().enumerate().max_by_key(|(_, process)| last(process));
    newest.map_or(0, |(place, _)| place)
}

/// The suspects of the newest process: what an earlier one leaked has ended with it.
fn suspects(answer: &LeaksAnswer) -> Vec<SuspectReading> {
    let newest = newest(&answer.verdict.processes);
    let own = answer.suspects.iter().filter(|one| one.process == newest);
    own.filter_map(suspect).collect()
}

/// A suspect in bytes or goroutines; none if its unit is another one.
fn suspect(of: &Suspect) -> Option<SuspectReading> {
    let is_of_goroutines = of.is_of_goroutines();
    let factor = if is_of_goroutines { 1.0 } else { units::conversion(&of.unit, "bytes")? };
    let interval = |estimate: Estimate, per: f64| Interval {
        estimate: estimate.estimate as f64 * factor / per,
        lower: estimate.lower as f64 * factor / per,
        upper: estimate.upper as f64 * factor / per,
    };
    Some(SuspectReading {
        function: of.site.function.clone(),
        file: of.site.file.clone().unwrap_or_default(),
        line: of.site.line.map(|line| line.to_string()).unwrap_or_default(),
        class: of.class.name(),
        pattern: of.patterns.first().cloned().unwrap_or_default(),
        confidence: of.confidence.word(),
        is_of_goroutines,
        value: of.values.last().copied().unwrap_or_default() as f64 * factor,
        growth: interval(of.growth, 1.0),
        slope: of.slope_per_hour.map(|slope| interval(slope, HOUR)),
    })
}
