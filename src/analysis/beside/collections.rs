//! Tracks of what Go's collector logs: the live heap, stops and stacks.

use super::align::{self, Anchor, Around};
use super::{Beside, Draft, GCTRACE, MIB, Sample, Snapshots, TrackClock, TrackKind, draft};
use crate::model::collections::{Collection, CollectorProcess};
use crate::model::gauges::GaugeLog;
use crate::model::recording::Recording;

/// Places the logs of the collector, and takes what they say.
pub(super) fn add(
    recording: &Recording,
    logs: &[GaugeLog],
    snapshots: &Snapshots,
    drafts: &mut Vec<Draft>,
    beside: &mut Beside,
) {
    let anchors: Vec<Anchor> =
        logs.iter().flat_map(|log| &log.samples).filter_map(Anchor::of).collect();
    let of = |process: usize| {
        let own = snapshots.taken.iter().filter(move |one| one.1 == process);
        own.map(|one| one.0).collect()
    };
    let taken: Vec<Vec<i64>> = (0..snapshots.spans.len()).map(of).collect();
    let ends = snapshots.taken.first().zip(snapshots.taken.last());
    let span = ends.map(|(first, last)| (first.0, last.0));
    let processes: Vec<(&String, &CollectorProcess)> = recording
        .collections
        .iter()
        .flat_map(|(name, log)| log.processes.iter().map(move |process| (name, process)))
        .collect();
    let all: Vec<&CollectorProcess> = processes.iter().map(|one| one.1).collect();
    let placed = align::starts(&all, Around { anchors: &anchors, taken: &taken, span });
    let is_alone = processes.len() == 1 && snapshots.spans.len() == 1;
    for ((name, process), placed) in processes.iter().zip(placed) {
        if placed.is_none() && !beside.unplaced.contains(*name) {
            beside.unplaced.push((*name).clone());
        }
        let unknown = is_alone.then_some((0, TrackClock::Unknown));
        let Some((start, clock)) = placed.or(unknown) else { continue };
        let end = |one: &Collection| {
            let nanos = i64::try_from(one.at.saturating_add(one.nanos())).unwrap_or(i64::MAX);
            start.saturating_add(nanos)
        };
        let ends: Vec<i64> = process.collections.iter().map(end).collect();
        let of = match clock {
            TrackClock::Unknown => 0,
            _ => most(ends.iter().map(|&at| snapshots.process_at(at)), snapshots.spans.len()),
        };
        let mut add = |kind: TrackKind, values: Vec<Option<f64>>| {
            let draft = draft(drafts, (kind, GCTRACE, clock));
            if !draft.inputs.contains(*name) {
                draft.inputs.push((*name).clone());
            }
            let known = ends.iter().zip(values).filter_map(|(&at, value)| Some((at, value?)));
            draft.samples.extend(known.map(|(at, value)| Sample {
                at,
                value: value.round() as i64,
                process: of,
            }));
        };
        let each = |value: fn(&Collection) -> Option<f64>| -> Vec<Option<f64>> {
            process.collections.iter().map(value).collect()
        };
        add(TrackKind::LiveHeap, each(|one| Some(f64::from(one.kept()) * MIB)));
        add(TrackKind::Stops, each(|one| Some(one.longest_stop() * 1e6)));
        if process.collections.iter().any(|one| one.stacks.is_some_and(|stacks| stacks > 0)) {
            add(TrackKind::Stacks, each(|one| Some(f64::from(one.stacks?) * MIB)));
        }
        if clock != TrackClock::Unknown {
            match beside.ends.iter_mut().find(|(own, _)| *own == of) {
                Some((_, known)) => known.extend(ends),
                None => beside.ends.push((of, ends)),
            }
        }
    }
    beside.ends.iter_mut().for_each(|(_, ends)| ends.sort_unstable());
}

/// The number below `count` that occurs most; the first in a tie.
fn most(numbers: impl Iterator<Item = usize>, count: usize) -> usize {
    let mut times = vec![0_usize; count.max(1)];
    numbers.filter(|&number| number < count).for_each(|number| times[number] += 1);
    let best = times.iter().copied().max().unwrap_or(0);
    times.iter().position(|&one| one == best).unwrap_or(0)
}
