//! Splits the snapshots of a recording into spans that can be judged together: one process each, in
//! order of time, without repeats.
//!
//! A counter of allocations never falls within a process. So a snapshot belongs to a process of the
//! same build whose counters wouldn't fall with it. If several qualify, it is the one whose gain is
//! most usual; if none does, the snapshot starts a new process: a restart, or another replica. A
//! snapshot with the same values as the one before shows the same collection again and adds no
//! evidence, and neither does a snapshot that was given twice.
//!
//! One split serves all tracks. Goroutine profiles have no counters, so each belongs to the process
//! of the profile nearest in time. Without such a profile, or without times, only builds tell their
//! processes apart.

use super::sampling;
use crate::model::address_space::Addresses;
use crate::model::history::{History, Moment};
use crate::model::measures::{self, Negative};
use crate::model::profile::TimeSource;
use crate::model::recording::{Lack, Recording, Span, Track};
use crate::model::series::same_build;
use crate::parallel;
use crate::stats::class::LEAST;
use crate::stats::sampling::Sampling;

/// Puts histories on one clock and splits them into processes. A history without snapshots is a
/// track that was not recorded.
pub fn recording(profiles: History, goroutines: History) -> Recording {
    let (mut profiles, mut goroutines) = (track(profiles), track(goroutines));
    if profiles.is_timed() && goroutines.is_timed() {
        goroutines.processes = nearest(&goroutines, &profiles);
    }
    for track in [&mut profiles, &mut goroutines] {
        if track.sizes().max().unwrap_or(0) < LEAST {
            track.lacks.push(Lack::Snapshots);
        }
    }
    if goroutines.is_empty() {
        profiles.lacks.push(Lack::Goroutines);
    }
    Recording { profiles, goroutines, ..Recording::default() }
}

/// Assigns the snapshots of a track to the processes of another. Both tracks have times.
pub(super) fn nearest(track: &Track, other: &Track) -> Vec<Span> {
    let process_of_each = other.process_of_each();
    let mut processes = vec![Vec::new(); other.processes.len()];
    for &i in track.processes.iter().flat_map(|span| &span.moments) {
        // In order of time, so the nearest is one of the two neighbors.
        let at = track.time(i);
        let after = other.order.partition_point(|&j| other.time(j) < at);
        let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let around = around.filter_map(|place| other.order.get(place).copied());
        if let Some(nearest) = around.min_by_key(|&j| other.time(j).abs_diff(at)) {
            processes[process_of_each[nearest]].push(i);
        }
    }
    let span = |mut moments: Vec<usize>| {
        moments.sort_by_key(|&i| track.time(i));
        let hours = hours(&track.history, &moments, true);
        Span { moments, hours, ..Span::default() }
    };
    processes.into_iter().map(span).collect()
}

/// Hours since the first of the given snapshots, or their positions if they have no times.
fn hours(history: &History, moments: &[usize], timed: bool) -> Vec<f64> {
    let time = |i: usize| i128::from(history.moments[i].header.time_nanos);
    let first = moments.first().map_or(0, |&i| time(i));
    let hours = |(number, &i): (usize, &usize)| {
        if timed { (time(i) - first) as f64 / HOUR } else { number as f64 }
    };
    moments.iter().enumerate().map(hours).collect()
}

/// Maximum number of processes that a snapshot may belong to: more replicas are not watched at
/// once.
const OPEN: usize = 64;

/// Snapshots whose counters are unpacked at a time.
const BATCH: usize = 8;

/// A process that snapshots are still being assigned to.
struct Process {
    span: Span,
    /// The counters of its last snapshot; `None` once it is closed.
    counters: Option<Vec<i64>>,
    /// When its first and its last snapshot were taken, in any unit.
    seen: (f64, f64),
    /// How much was allocated in between.
    allocated: f64,
}

impl Process {
    /// How far a gain by time `now` is from what the process usually allocates: the logarithm of
    /// the ratio. A process that was seen once has no usual rate; the smallest gain of all,
    /// `least`, is the most likely there.
    fn surprise(&self, gain: f64, now: f64, least: f64) -> f64 {
        let (first, last) = self.seen;
        let usual = match self.span.moments.len() {
            1 => least,
            _ => self.allocated / (last - first).max(f64::MIN_POSITIVE) * (now - last),
        };
        ((gain + 1.0) / (usual + 1.0)).ln().abs()
    }
}

/// Nanoseconds in an hour.
const HOUR: f64 = 3.6e12;

/// Splits one history: which of its profiles are snapshots rather than deltas, in which order, and
/// of which process.
fn track(history: History) -> Track {
    let moments = &history.moments;
    let (mut order, differences): (Vec<usize>, Vec<usize>) = (0..moments.len()).partition(|&i| {
        let is_heap = measures::kind(&moments[i].header) == measures::Kind::Heap;
        !(is_heap && (moments[i].header.duration_nanos > 0 || falls_below_zero(&history, i)))
    });
    let time = |i: usize| moments[i].header.time_nanos;
    let says_when = |i: usize| !moments[i].header.is_text();
    let mut in_text = Vec::new();
    if order.iter().any(|&i| says_when(i) && time(i) != 0) {
        (order, in_text) = order.into_iter().partition(|&i| says_when(i));
    }
    let has_times = order.iter().all(|&i| time(i) != 0);
    let timed = has_times && order.iter().any(|&i| time(i) != time(order[0]));
    if timed {
        order.sort_by_key(|&i| time(i));
    }
    let counted = counted(&history);
    let mut sorting = Sorting {
        history: &history,
        timed,
        order: Vec::new(),
        copies: Vec::new(),
        open: Vec::new(),
    };
    for batch in order.chunks(BATCH) {
        let counters = parallel::map(batch.len(), |i| counters(&history, batch[i], counted));
        for (&i, counters) in batch.iter().zip(counters) {
            sorting.add(i, counters);
        }
    }
    let Sorting { order, copies, open, .. } = sorting;
    let mut processes: Vec<Span> = open.into_iter().map(|process| process.span).collect();
    for span in &mut processes {
        span.hours = hours(&history, &span.moments, timed);
    }
    let lacks = if timed { Vec::new() } else { vec![Lack::Times] };
    Track { history, order, processes, copies, differences, in_text, lacks }
}

/// Assigns the snapshots of a history to processes, in order of time.
struct Sorting<'a> {
    history: &'a History,
    timed: bool,
    order: Vec<usize>,
    copies: Vec<usize>,
    /// All processes, the one seen last at the end.
    open: Vec<Process>,
}

impl Sorting<'_> {
    /// Adds the next snapshot to the process it belongs to.
    fn add(&mut self, i: usize, counters: Vec<i64>) {
        let Self { history, open, .. } = self;
        let moment = &history.moments[i];
        let same_time = |other: usize| {
            let other = &history.moments[other];
            self.timed
                && other.header.time_nanos == moment.header.time_nanos
                && moment.header.time_source != TimeSource::LastCollection
        };
        let time = moment.header.time_nanos as f64;
        let now = if self.timed { time } else { self.order.len() as f64 };
        // Of the processes that fit, the one whose usual rate fits best; on a tie the newest, which
        // is last.
        let fitting = open.iter().enumerate().skip(open.len().saturating_sub(OPEN));
        let fitting: Vec<(usize, f64)> = fitting
            .filter_map(|(at, process)| {
                let &last = process.span.moments.last()?;
                let follows = may_follow(history, &history.moments[last], moment);
                Some((at, gain(process.counters.as_ref().filter(|_| follows)?, &counters)?))
            })
            .collect();
        let least = fitting.iter().map(|&(_, gain)| gain).fold(f64::INFINITY, f64::min);
        let surprise = |&(at, gain): &(usize, f64)| open[at].surprise(gain, now, least);
        let found =
            fitting.iter().min_by(|a, b| surprise(a).total_cmp(&surprise(b)).then(b.0.cmp(&a.0)));
        let Some(&(at, gain)) = found else {
            self.order.push(i);
            let span = Span { moments: vec![i], ..Span::default() };
            let seen = (now, now);
            open.push(Process { span, counters: Some(counters), seen, allocated: 0.0 });
            if let Some(closed) = open.len().checked_sub(OPEN + 1) {
                open[closed].counters = None;
            }
            return;
        };
        let mut process = open.remove(at);
        let last = process.span.moments[process.span.moments.len() - 1];
        let is_equal = history.are_equal(&history.moments[last], moment);
        // An equal number of goroutines is evidence; equal memory isn't.
        let repeats = is_equal && measures::kind(&moment.header) != measures::Kind::Goroutine;
        if is_equal && same_time(last) {
            self.copies.push(i);
        } else if repeats {
            process.span.repeats.push(i);
            self.order.push(i);
        } else {
            process.span.moments.push(i);
            process.counters = Some(counters);
            process.seen.1 = now;
            process.allocated += gain;
            self.order.push(i);
        }
        open.push(process);
    }
}

/// Returns how much was allocated between two snapshots if they can be of the same process: no
/// counter falls.
fn gain(before: &[i64], after: &[i64]) -> Option<f64> {
    let mut sum = 0_i128;
    for (before, after) in before.iter().zip(after) {
        let gain = i128::from(*after) - i128::from(*before);
        if gain < 0 {
            return None;
        }
        sum += gain;
    }
    Some(sum as f64)
}

/// Whether both could be of the same process, judging by their headers and addresses.
fn may_follow(history: &History, before: &Moment, after: &Moment) -> bool {
    let addresses =
        before.addresses.compare(&after.addresses, |id| history.records.symbols.text(id));
    same_build(before.main.as_ref(), after.main.as_ref())
        && !matches!(addresses, Addresses::Different(_))
        && before.header.period == after.header.period
}

/// Whether any count is below zero, which never happens in a snapshot.
fn falls_below_zero(history: &History, i: usize) -> bool {
    let moment = &history.moments[i];
    moment.negative == Negative::Counts && sampling(&moment.header) != Sampling::Unknown
}

/// The column of a counter that only rises: objects allocated.
fn counted(history: &History) -> Option<usize> {
    let types = &history.sample_types;
    let rising = (0..types.len()).find(|&i| measures::is_cumulative(&types[i]))?;
    measures::count_of(types, rising).or(Some(rising))
}

fn counters(history: &History, i: usize, counted: Option<usize>) -> Vec<i64> {
    let Some(column) = counted else { return Vec::new() };
    let mut counters = vec![0_i64; history.len()];
    history.each(&history.moments[i], |record, values| {
        counters[record] = counters[record].wrapping_add(values[column]);
    });
    counters
}
