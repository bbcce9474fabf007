//! What the logs of the collector say of each moment: the last collection before it.
//!
//! A log that counts from the start of its process gets the clock of the rest as beside other questions
//! (`analysis::beside`). If nothing tells that start, Go's statistics tell the number of the last
//! collection.

use super::moments::{Collected, Moment, Said, Stream, What, apart, nanos};
use crate::analysis::beside::{Anchor, Around, TrackClock, starts};
use crate::model::collections::{Collection, CollectorProcess};
use crate::model::gauges::GaugeTime;
use crate::model::recording::{Recording, Track};
use std::sync::Arc;

const MIB: u64 = 1 << 20;

/// What each log says, of the process that the moments are of. `span` are the first and the last time of
/// everything else.
pub(super) fn streams<'a>(
    recording: &Recording,
    span: Option<(i64, i64)>,
    short: impl Fn(&str) -> Arc<str>,
) -> Vec<Stream<'a>> {
    let samples = recording.gauges.iter().flat_map(|log| &log.samples);
    let anchors: Vec<Anchor> = samples.filter_map(Anchor::of).collect();
    let taken = taken(recording.main());
    let logs = &recording.collections;
    let all: Vec<&CollectorProcess> = logs.iter().flat_map(|(_, log)| &log.processes).collect();
    let mut starts = starts(&all, Around { anchors: &anchors, taken: &taken, span }).into_iter();
    let mut streams = Vec::new();
    for (name, log) in logs {
        let placed: Vec<Option<(i64, TrackClock)>> =
            starts.by_ref().take(log.processes.len()).collect();
        let placed = placed.into_iter().map(|placed| placed.map(|(start, _)| start));
        let all = log.processes.iter().zip(placed);
        // The one that ran while the rest was recorded; of several, the one with the most to say.
        let best = all.max_by_key(|(process, start)| {
            (start.map(|start| overlap(process, start, span)), process.collections.len())
        });
        streams.extend(best.map(|(process, start)| stream(&short(name), process, start)));
    }
    streams
}

/// When the snapshots of each process were taken.
fn taken(track: &Track) -> Vec<Vec<i64>> {
    if !track.is_timed() {
        return Vec::new();
    }
    let processes = track.process_of_each();
    let mut taken = vec![Vec::new(); track.processes.len()];
    track.order.iter().for_each(|&at| taken[processes[at]].push(track.time(at)));
    taken
}

/// Nanoseconds from the start of the process to the end of a collection.
fn end(one: &Collection) -> i64 {
    i64::try_from(one.at.saturating_add(one.nanos())).unwrap_or(i64::MAX)
}

/// Nanoseconds of the time of everything else in which a process ran.
fn overlap(process: &CollectorProcess, start: i64, span: Option<(i64, i64)>) -> i64 {
    let (Some((first, last)), Some(ended)) = (span, process.collections.last()) else { return 0 };
    let ended = start.saturating_add(end(ended));
    last.min(ended).saturating_sub(first.max(start)).max(0)
}

fn stream<'a>(name: &Arc<str>, process: &CollectorProcess, start: Option<i64>) -> Stream<'a> {
    let said = process.collections.iter().map(|one| {
        let since = end(one);
        let time = match start {
            Some(start) => GaugeTime::Utc(start.saturating_add(since)),
            None => GaugeTime::SinceStart(since),
        };
        let collected = Collected {
            number: one.number,
            live: u64::from(one.kept()) * MIB,
            goal: u64::from(one.goal) * MIB,
            input: Arc::clone(name),
        };
        Said { input: Arc::clone(name), time, what: What::Collected(collected) }
    });
    let said = said.collect();
    Stream { name: name.to_string(), said }
}

/// Adds the last collection before each moment: by time, else by its number. False if neither is known.
pub(super) fn assign(moments: &mut [Moment], stream: &Stream<'_>) -> bool {
    let collected = |said: &Said<'_>| match &said.what {
        What::Collected(collected) => Some(collected.clone()),
        _ => None,
    };
    let mut is_used = false;
    for moment in moments {
        let has_clock =
            stream.said.first().is_some_and(|first| apart(first.time, moment.time).is_some());
        let last = if has_clock {
            let after = stream.said.partition_point(|said| nanos(said.time) <= nanos(moment.time));
            after.checked_sub(1).and_then(|at| collected(stream.said.get(at)?))
        } else {
            moment.statistic("NumGC").and_then(|number| {
                let mut all = stream.said.iter().filter_map(collected);
                all.find(|one| u64::from(one.number) == number)
            })
        };
        is_used |= has_clock || last.is_some();
        moment.collected = last.or(moment.collected.take());
    }
    is_used
}
