//! Finds when each process in the logs of the collector started. Its records count from then.
//!
//! In this order: the times in the lines of the log; statistics that say when one of the collections
//! ended (`LastGC` with `NumGC`); forced collections right before the snapshots, as `?gc=1` makes
//! them; statistics that say how many collections there were at some time. A start that the evidence
//! doesn't determine stays unknown.

use super::TrackClock;
use crate::model::collections::{Cause, CollectorProcess, LogClock, LogTime};
use crate::model::gauges::{GaugeSample, GaugeTime};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Nanoseconds by which two ways to find a start may differ.
const AGREE: i64 = 1_000_000_000;
/// Most nanoseconds from a forced collection to the snapshot that asked for it.
const LAG: i64 = 500_000_000;
/// Fewest snapshots that forced collections have to explain, and the share of all of them.
const SNAPSHOTS: usize = 3;
const SHARE: f64 = 0.8;
/// Most forced collections that are compared with the snapshots.
const FORCED: usize = 4096;
/// How many times more the time between collections and snapshots varies if they are of two processes,
/// and the least nanoseconds that it varies by.
const WORSE: f64 = 4.0;
const LEAST_SPREAD: f64 = 1e6;
/// Statistics have to bound a start this well, as a share of the time of the snapshots.
const BOUND: f64 = 0.1;

/// What statistics say about the collections so far.
#[derive(Clone, Copy, Debug)]
pub(in crate::analysis) struct Anchor {
    /// When they were read, in nanoseconds since the epoch; 0 if unknown.
    at: i64,
    /// The number of the last collection.
    number: u32,
    /// When it ended; 0 if unknown.
    ended: i64,
}

impl Anchor {
    pub(in crate::analysis) fn of(sample: &GaugeSample) -> Option<Self> {
        let statistics = sample.statistics.as_ref()?;
        let number = u32::try_from(*statistics.numbers.get("NumGC")?).ok()?;
        let at = match sample.time {
            GaugeTime::Utc(at) => at,
            _ => 0,
        };
        Some(Self { at, number, ended: statistics.last_collection.max(0) })
    }
}

/// What is known of the times around the logs.
#[derive(Clone, Copy, Debug)]
pub(in crate::analysis) struct Around<'a> {
    /// What statistics say about the collections.
    pub(in crate::analysis) anchors: &'a [Anchor],
    /// When the snapshots of each process were taken, in order of time.
    pub(in crate::analysis) taken: &'a [Vec<i64>],
    /// The first and the last time of anything that isn't in a log.
    pub(in crate::analysis) span: Option<(i64, i64)>,
}

/// The start of each process in nanoseconds since the epoch, and how it is known.
pub(in crate::analysis) fn starts(
    processes: &[&CollectorProcess],
    around: Around<'_>,
) -> Vec<Option<(i64, TrackClock)>> {
    let Around { anchors, taken, span } = around;
    let has = |process: &CollectorProcess, number: u32| place(process, number).is_some();
    let is_of_one = |anchor: &Anchor| {
        processes.iter().filter(|process| has(process, anchor.number)).count() == 1
    };
    let clear: Vec<Anchor> = anchors.iter().copied().filter(is_of_one).collect();
    let forced = by_forced(processes, taken);
    let start = |(process, forced): (&&CollectorProcess, Option<i64>)| {
        let own = || Some((by_log(process, span)?, TrackClock::Own));
        let ended = || Some((by_ends(process, &clear)?, TrackClock::Statistics));
        let forced = || Some((forced?, TrackClock::ForcedCollections));
        let counted = || {
            let is_alone = processes.len() == 1;
            let start = is_alone.then(|| by_numbers(process, anchors, span)).flatten()?;
            Some((start, TrackClock::Statistics))
        };
        own().or_else(ended).or_else(forced).or_else(counted)
    };
    processes.iter().zip(forced).map(start).collect()
}

fn place(process: &CollectorProcess, number: u32) -> Option<usize> {
    process.collections.binary_search_by_key(&number, |one| one.number).ok()
}

/// The end of a collection in nanoseconds since the start of its process.
fn end(process: &CollectorProcess, place: usize) -> Option<i64> {
    let one = process.collections.get(place)?;
    i64::try_from(one.at.saturating_add(one.nanos())).ok()
}

/// By the time of the first record, which is written when its collection ends.
fn by_log(process: &CollectorProcess, span: Option<(i64, i64)>) -> Option<i64> {
    let LogTime { nanos, clock } = process.first?;
    let ends = process.collections.len().checked_sub(1).and_then(|last| end(process, last))?;
    let start = |nanos: i64| nanos.checked_sub(end(process, 0)?);
    if clock == LogClock::Utc {
        return start(nanos);
    }
    // A clock whose zone is unknown counts only if it fits everything else.
    let (first, last) = span?;
    let fits = |start: i64| start <= last && start.saturating_add(ends) >= first;
    match clock {
        LogClock::Utc => None,
        LogClock::Local => start(nanos).filter(|&start| fits(start)),
        LogClock::WithoutYear => {
            let around = Timestamp::from_nanosecond(i128::from(first)).ok()?;
            let year = around.to_zoned(TimeZone::UTC).year();
            let written = Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
            let written = written.to_zoned(TimeZone::UTC).datetime();
            let in_year = |year: i16| {
                let date = written.with().year(year).build().ok()?.to_zoned(TimeZone::UTC).ok()?;
                start(i64::try_from(date.timestamp().as_nanosecond()).ok()?)
            };
            let starts = [year - 1, year, year + 1].into_iter().filter_map(in_year);
            starts.filter(|&start| fits(start)).min_by_key(|start| start.abs_diff(first))
        }
    }
}

/// By statistics that say when a collection ended. All that are known have to agree.
fn by_ends(process: &CollectorProcess, anchors: &[Anchor]) -> Option<i64> {
    let start = |anchor: &Anchor| {
        let at = place(process, anchor.number).filter(|_| anchor.ended > 0)?;
        anchor.ended.checked_sub(end(process, at)?)
    };
    let mut starts: Vec<i64> = anchors.iter().filter_map(start).collect();
    starts.sort_unstable();
    let (first, last) = (*starts.first()?, *starts.last()?);
    (last.saturating_sub(first) <= AGREE).then_some(starts[starts.len() / 2])
}

/// A start that forced collections give a process: each snapshot of a process was taken right after one.
#[derive(Clone, Copy, Debug)]
struct Fit {
    /// The process in the logs.
    process: usize,
    /// The process of the snapshots.
    snapshots: usize,
    start: i64,
    /// Mean nanoseconds from a collection to its snapshot beyond the least.
    spread: f64,
}

/// By the snapshots, if each of one process was taken right after a forced collection. A process in the
/// logs and one of the snapshots are the same only if no other fits either of them nearly as well.
fn by_forced(processes: &[&CollectorProcess], taken: &[Vec<i64>]) -> Vec<Option<i64>> {
    let mut fits = Vec::new();
    for (process, one) in processes.iter().enumerate() {
        let forced = forced(one);
        if forced.len() > FORCED {
            continue;
        }
        for (snapshots, taken) in taken.iter().enumerate() {
            let found = fit(&forced, taken);
            fits.extend(found.map(|(start, spread)| Fit { process, snapshots, start, spread }));
        }
    }
    let is_sure = |fit: &Fit| {
        let least = WORSE * fit.spread.max(LEAST_SPREAD);
        fits.iter().all(|other| {
            let is_same = other.process == fit.process && other.snapshots == fit.snapshots;
            // Two logs of one process say the same.
            let is_copy =
                other.snapshots == fit.snapshots && other.start.abs_diff(fit.start) <= AGREE as u64;
            let is_rival = other.process == fit.process || other.snapshots == fit.snapshots;
            is_same || is_copy || !is_rival || other.spread > least
        })
    };
    let mut starts = vec![None; processes.len()];
    fits.iter().filter(|fit| is_sure(fit)).for_each(|fit| starts[fit.process] = Some(fit.start));
    starts
}

/// When forced collections ended, in nanoseconds since the start of the process.
fn forced(process: &CollectorProcess) -> Vec<i64> {
    let all = 0..process.collections.len();
    let forced = all.filter(|&at| process.collections[at].cause == Cause::Forced);
    forced.filter_map(|at| end(process, at)).take(FORCED + 1).collect()
}

/// The only start by which most snapshots were taken right after a forced collection, and how much
/// the time in between varies.
fn fit(forced: &[i64], taken: &[i64]) -> Option<(i64, f64)> {
    if forced.len() < SNAPSHOTS || taken.len() < SNAPSHOTS {
        return None;
    }
    let gap = taken.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min()?;
    let lag = LAG.min(gap / 4);
    let lags =
        |start: i64| taken.iter().filter_map(move |&at| Some((start, at.checked_sub(start)?)));
    // How many snapshots a start explains, and by how long after their collections.
    let explained = |start: i64| {
        let after = lags(start).filter_map(|(_, since)| {
            let last = forced.partition_point(|&end| end <= since).checked_sub(1)?;
            let late = since - forced[last];
            (late <= lag).then_some(late)
        });
        after.fold((0_usize, 0_i64), |(count, sum), late| (count + 1, sum.saturating_add(late)))
    };
    // The first of the snapshots, or the next if that one was taken otherwise.
    let candidates = taken.iter().take(2).flat_map(|&at| forced.iter().map(move |end| at - end));
    let mut starts: Vec<(usize, i64, i64)> = candidates
        .map(|start| {
            let (count, sum) = explained(start);
            (count, sum, start)
        })
        .collect();
    starts.sort_by_key(|&(count, sum, start)| (std::cmp::Reverse(count), sum, start));
    let &(count, _, best) = starts.first()?;
    let rival = starts.iter().find(|other| other.2.abs_diff(best) > lag.unsigned_abs());
    let is_clear = rival.is_none_or(|rival| rival.0 < count);
    let least = ((taken.len() as f64 * SHARE).ceil() as usize).max(SNAPSHOTS);
    if count < least || !is_clear {
        return None;
    }
    // The shortest way from a collection to its snapshot is the best estimate.
    let close = starts
        .iter()
        .filter(|other| other.0 == count && other.2.abs_diff(best) <= lag.unsigned_abs());
    let &(_, sum, start) = close.min_by_key(|other| other.2)?;
    Some((start, sum as f64 / count as f64))
}

/// By how many collections there were at some times: the start is after one bound and before another.
fn by_numbers(
    process: &CollectorProcess,
    anchors: &[Anchor],
    span: Option<(i64, i64)>,
) -> Option<i64> {
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    for anchor in anchors.iter().filter(|anchor| anchor.at > 0) {
        let Some(at) = place(process, anchor.number) else { continue };
        high = high.min(anchor.at.checked_sub(end(process, at)?)?);
        if let Some(next) = end(process, at + 1) {
            low = low.max(anchor.at.checked_sub(next)?);
        }
    }
    let (first, last) = span?;
    let span = last.saturating_sub(first);
    // Statistics are read a little before or after the time that they are given.
    let width = high.checked_sub(low).filter(|_| low > i64::MIN)?;
    let is_narrow = width >= -AGREE / 20 && (width as f64) <= span as f64 * BOUND;
    is_narrow.then(|| low + width / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::collections::Collection;

    const SECOND: i64 = 1_000_000_000;
    /// When the process starts.
    const START: i64 = 1_795_300_000 * SECOND;

    /// A process with collections at these seconds; those at whole seconds are forced.
    fn process(seconds: &[f64]) -> CollectorProcess {
        let collections = seconds.iter().zip(1..).map(|(&at, number)| Collection {
            number,
            at: (at * 1e9) as u64,
            cause: if at.fract() == 0.0 { Cause::Forced } else { Cause::Heap },
            ..Collection::default()
        });
        CollectorProcess { collections: collections.collect(), ..CollectorProcess::default() }
    }

    fn taken(seconds: &[f64]) -> Vec<i64> {
        seconds.iter().map(|at| START + (at * 1e9) as i64).collect()
    }

    fn around<'a>(anchors: &'a [Anchor], taken: &'a [Vec<i64>]) -> Around<'a> {
        let all = || taken.iter().flatten().copied();
        Around { anchors, taken, span: all().min().zip(all().max()) }
    }

    fn found(
        one: &CollectorProcess,
        anchors: &[Anchor],
        taken: &[i64],
    ) -> Option<(f64, TrackClock)> {
        let start = starts(&[one], around(anchors, &[taken.to_vec()]))[0]?;
        Some(((start.0 - START) as f64 / 1e9, start.1))
    }

    #[test]
    fn forced_collections_before_the_snapshots_tell_the_start() {
        let log = process(&[1.0, 1.5, 2.0, 2.7, 3.0, 4.0, 4.4, 5.0]);
        let all = taken(&[1.02, 2.01, 3.05, 4.01, 5.02]);
        let (start, clock) = found(&log, &[], &all).unwrap();
        assert!((0.0..0.02).contains(&start), "{start}");
        assert_eq!(clock, TrackClock::ForcedCollections);
        // A program that forces collections itself, more often than it was asked, fits anywhere.
        let busy: Vec<f64> = (1..60).map(f64::from).collect();
        assert_eq!(found(&process(&busy), &[], &taken(&[20.0, 25.0, 30.0, 35.0])), None);
        // Snapshots without a collection each.
        assert_eq!(found(&log, &[], &taken(&[1.5, 2.9, 3.5, 4.7, 5.5])), None);
        assert_eq!(found(&process(&[]), &[], &all), None);
    }

    #[test]
    fn of_several_processes_each_gets_its_own_snapshots_if_that_is_sure() {
        // Two processes, with a snapshot about every three seconds: the times between them tell.
        let logs = [
            process(&[1.0, 4.0, 7.0, 9.5, 10.0, 13.0]),
            process(&[4.0, 7.0, 7.5, 10.0, 13.0, 16.0]),
        ];
        let (one, other) = (
            taken(&[1.001, 4.002, 7.001, 10.003, 13.002]),
            taken(&[61.001, 64.102, 67.221, 70.303, 73.422]),
        );
        let all = [&logs[0], &logs[1]];
        let starts_of = |taken: &[Vec<i64>]| {
            let found = starts(&all, around(&[], taken));
            found.into_iter().map(|one| one.map(|one| one.0)).collect::<Vec<_>>()
        };
        // Both logs fit the first equally well.
        assert_eq!(starts_of(std::slice::from_ref(&one)), [None, None]);
        // A log whose collections are as far apart as the snapshots of the second.
        let late = process(&[1.0, 4.0, 5.5, 7.0, 10.0, 13.0]);
        let shifted = [0, 100, 218, 300, 419].into_iter();
        let mut second = late.clone();
        let forced = second.collections.iter_mut().filter(|one| one.cause == Cause::Forced);
        forced.zip(shifted).for_each(|(one, by)| one.at += by * 1_000_000);
        let found = starts(&[&logs[0], &second], around(&[], &[one.clone(), other.clone()]));
        let found: Vec<i64> = found.iter().map(|one| (one.unwrap().0 - START) / SECOND).collect();
        assert_eq!(found, [0, 60]);
        // One of the logs alone, and the snapshots of both.
        let found = starts(&[&second], around(&[], &[one, other]));
        assert_eq!((found[0].unwrap().0 - START) / SECOND, 60);
    }

    #[test]
    fn statistics_tell_the_start() {
        let log = process(&[0.1, 1.1, 2.1, 3.1]);
        let all = taken(&[0.5, 9.5]);
        let ended =
            |number, seconds: f64| Anchor { at: 0, number, ended: START + (seconds * 1e9) as i64 };
        let found_at = found(&log, &[ended(2, 1.1), ended(4, 3.1)], &all).unwrap();
        assert!(found_at.0.abs() < 1e-6, "{found_at:?}");
        assert_eq!(found_at.1, TrackClock::Statistics);
        // They contradict each other: of another process.
        assert_eq!(found(&log, &[ended(2, 1.1), ended(4, 300.0)], &all), None);
        let counted =
            |number, seconds: f64| Anchor { at: START + (seconds * 1e9) as i64, number, ended: 0 };
        // Number 2 ended before 1.2 and number 3 after 2.05: a start from -0.05 to 0.1.
        let found_at = found(&log, &[counted(2, 1.2), counted(2, 2.05)], &all).unwrap();
        assert!((found_at.0 - 0.025).abs() < 1e-6, "{found_at:?}");
        assert_eq!(found(&log, &[counted(2, 1.5)], &all), None, "it bounds too little");
        // In two processes, a number alone says nothing.
        let two = starts(&[&log, &log], around(&[ended(2, 1.1)], &[all]));
        assert_eq!(two, [None, None]);
    }

    #[test]
    fn times_in_the_log_count_if_they_can() {
        let mut log = process(&[1.0, 2.5]);
        let all = taken(&[1.5, 2.0]);
        let mut start = |clock, nanos| {
            log.first = Some(LogTime { nanos, clock });
            found(&log, &[], &all)
        };
        let written = START + SECOND;
        assert_eq!(start(LogClock::Utc, written), Some((0.0, TrackClock::Own)));
        assert_eq!(start(LogClock::Local, written), Some((0.0, TrackClock::Own)));
        assert_eq!(start(LogClock::Local, written + 3600 * SECOND), None, "another zone");
        // 2026-11-22 in 1972, which has a February 29 before.
        let zoned =
            Timestamp::from_nanosecond(i128::from(written)).unwrap().to_zoned(TimeZone::UTC);
        let old = zoned.datetime().with().year(1972).build().unwrap();
        let old = old.to_zoned(TimeZone::UTC).unwrap().timestamp().as_nanosecond();
        let found = start(LogClock::WithoutYear, i64::try_from(old).unwrap());
        assert_eq!(found, Some((0.0, TrackClock::Own)));
    }
}
