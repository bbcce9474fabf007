//! Which snapshots of a history can be judged together: one process each, in order of time, without repeats.
//!
//! A counter of allocations never falls within a process. So a snapshot belongs to a process of the same build of which no
//! counter would fall with it (of several to that which would have allocated as much as it does usually), and where
//! there is none it starts a process of its own: a restart, or another replica. A snapshot that holds what the one
//! before held shows the same collection again, and is no evidence of anything; one that was given twice even less.

use super::sampling;
use crate::model::history::{History, Moment};
use crate::model::measures;
use crate::model::series::same_build;
use crate::parallel;
use crate::stats::sampling::Sampling;

/// Snapshots of one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// Positions in [`History::moments`], in order of time.
    pub(super) moments: Vec<usize>,
    /// Hours since the first of them; their numbers where the snapshots bear no times.
    pub(super) hours: Vec<f64>,
    /// Snapshots that show the same collection as one of these, though taken later.
    pub(super) repeats: Vec<usize>,
}

impl Span {
    /// Snapshots that bear times, in order of these.
    pub(super) fn of(history: &History, mut moments: Vec<usize>) -> Self {
        moments.sort_by_key(|&i| history.moments[i].header.time_nanos);
        let hours = hours(history, &moments, true);
        Self { moments, hours, ..Self::default() }
    }
}

/// Hours since the first of some snapshots; their numbers where they bear no times.
fn hours(history: &History, moments: &[usize], timed: bool) -> Vec<f64> {
    let time = |i: usize| i128::from(history.moments[i].header.time_nanos);
    let first = moments.first().map_or(0, |&i| time(i));
    let hours = |(number, &i): (usize, &usize)| {
        if timed { (time(i) - first) as f64 / HOUR } else { number as f64 }
    };
    moments.iter().enumerate().map(hours).collect()
}

/// The snapshots of a history, sorted out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    /// All that are states, each once, in order of time.
    pub(crate) order: Vec<usize>,
    /// The processes, in the order in which they were met.
    pub(super) processes: Vec<Span>,
    /// Whether the snapshots say when they were taken.
    pub(crate) timed: bool,
    /// Snapshots that are there twice.
    pub(crate) copies: Vec<usize>,
    /// Differences between two states, which are no state.
    pub(crate) differences: Vec<usize>,
}

/// Processes that a snapshot may belong to. More replicas than that are not watched at once.
const OPEN: usize = 64;

/// Snapshots whose counters are unpacked at once.
const BATCH: usize = 8;

/// A process under way.
struct Process {
    span: Span,
    /// The counters of its last snapshot; none where it is no longer open.
    counters: Option<Vec<i64>>,
    /// When its first and its last snapshot were taken, in any unit.
    seen: (f64, f64),
    /// What was allocated in between.
    allocated: f64,
}

impl Process {
    /// How far off a gain is, until some time, from what it allocates usually: the logarithm of the ratio. Of a process
    /// that was seen once nothing is known, and the `least` gain of any is the most likely.
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

/// Sorts out the snapshots of a history.
pub(crate) fn spans(history: &History) -> Spans {
    let moments = &history.moments;
    let mut found = Spans::default();
    let (states, differences): (Vec<usize>, Vec<usize>) = (0..moments.len()).partition(|&i| {
        let is_heap = measures::kind(&moments[i].header) == measures::Kind::Heap;
        !(is_heap && (moments[i].header.duration_nanos > 0 || falls_below_zero(history, i)))
    });
    found.differences = differences;
    let mut order = states;
    let time = |i: usize| moments[i].header.time_nanos;
    let has_times = order.iter().all(|&i| time(i) != 0);
    found.timed = has_times && order.iter().any(|&i| time(i) != time(order[0]));
    if found.timed {
        order.sort_by_key(|&i| time(i));
    }
    let counted = counted(history);
    let mut open: Vec<Process> = Vec::new();
    for batch in order.chunks(BATCH) {
        let counters = parallel::map(batch.len(), |i| counters(history, batch[i], counted));
        for (&i, counters) in batch.iter().zip(counters) {
            found.sort_in(history, i, counters, &mut open);
        }
    }
    found.processes = open.into_iter().map(|process| process.span).collect();
    for span in &mut found.processes {
        span.hours = hours(history, &span.moments, found.timed);
    }
    found
}

impl Spans {
    /// The process of which there are most snapshots; of equals the last.
    pub(crate) fn main(&self) -> usize {
        let sizes = self.processes.iter().map(|span| span.moments.len()).enumerate();
        sizes.max_by_key(|&(number, size)| (size, number)).map_or(0, |(number, _)| number)
    }

    /// The first and the last snapshot of that process.
    pub(crate) fn ends(&self) -> (Option<usize>, Option<usize>) {
        let main = self.processes.get(self.main());
        let moments = main.map(|span| span.moments.as_slice()).unwrap_or_default();
        (moments.first().copied(), moments.last().copied())
    }

    /// The process that was seen last.
    pub(super) fn latest(&self) -> usize {
        let place = |span: &Span| {
            let last = span.moments.last().copied();
            self.order.iter().position(|&i| Some(i) == last)
        };
        let places = self.processes.iter().map(place).enumerate();
        places.max_by_key(|&(_, place)| place).map_or(0, |(number, _)| number)
    }

    /// Number of processes.
    pub(crate) fn count(&self) -> usize {
        self.processes.len()
    }

    /// How many snapshots each process has.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.processes.iter().map(|span| span.moments.len())
    }

    /// Snapshots that show the same collection as the one before.
    pub(crate) fn repeats(&self) -> impl Iterator<Item = usize> + '_ {
        self.processes.iter().flat_map(|span| span.repeats.iter().copied())
    }

    /// All states in order of time, as if they were of one process.
    pub(super) fn all(&self) -> Span {
        Span { moments: self.order.clone(), ..Span::default() }
    }

    /// The process of each snapshot of a history of so many.
    pub(super) fn of_moments(&self, moments: usize) -> Vec<usize> {
        let mut processes = vec![0; moments];
        for (number, span) in self.processes.iter().enumerate() {
            span.moments.iter().chain(&span.repeats).for_each(|&i| processes[i] = number);
        }
        processes
    }

    fn sort_in(
        &mut self,
        history: &History,
        i: usize,
        counters: Vec<i64>,
        open: &mut Vec<Process>,
    ) {
        let moment = &history.moments[i];
        let same_time = |other: usize| {
            let other = &history.moments[other];
            self.timed && other.header.time_nanos == moment.header.time_nanos
        };
        let time = moment.header.time_nanos as f64;
        let now = if self.timed { time } else { self.order.len() as f64 };
        // Of those that it could be of, the one that would have allocated as much as it does usually; of equals the
        // newest, which stand last.
        let fitting = open.iter().enumerate().skip(open.len().saturating_sub(OPEN));
        let fitting: Vec<(usize, f64)> = fitting
            .filter_map(|(at, process)| {
                let &last = process.span.moments.last()?;
                let follows = may_follow(&history.moments[last], moment);
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
        // As many goroutines as before are evidence, and as much memory is none.
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

/// How much was allocated between two snapshots, if they can be of one process: no counter falls.
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

/// Whether both could be of one process, going by what they say about themselves.
fn may_follow(before: &Moment, after: &Moment) -> bool {
    let start = |moment: &Moment| moment.main.map(|main| main.start);
    same_build(before.main.as_ref(), after.main.as_ref())
        && start(before) == start(after)
        && before.header.period == after.header.period
}

/// Whether values are below zero: those of a state never are.
fn falls_below_zero(history: &History, i: usize) -> bool {
    let moment = &history.moments[i];
    moment.has_negative && sampling(&moment.header) != Sampling::Unknown
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
