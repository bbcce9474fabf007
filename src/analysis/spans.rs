//! Which snapshots of a history can be judged together: one process each, in order of time, without repeats.
//!
//! A counter of allocations never falls within a process. So a snapshot belongs to the newest process of the same build
//! of which no counter would fall with it, and where there is none it starts a process of its own: a restart, or
//! another replica. A snapshot that holds what the one before held shows the same collection again, and is no evidence
//! of anything; one that was given twice even less.

use super::sampling;
use crate::model::history::{History, Moment};
use crate::model::measures;
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
    /// The counters of its last snapshot.
    counters: Vec<i64>,
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
        let first = time(span.moments[0]);
        let hours = |(number, &i): (usize, &usize)| {
            if found.timed {
                (i128::from(time(i)) - i128::from(first)) as f64 / HOUR
            } else {
                number as f64
            }
        };
        span.hours = span.moments.iter().enumerate().map(hours).collect();
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
        // The newest stand last.
        for at in (open.len().saturating_sub(OPEN)..open.len()).rev() {
            let process = &mut open[at];
            let Some(&last) = process.span.moments.last() else { continue };
            if !may_follow(&history.moments[last], moment)
                || process.counters.iter().zip(&counters).any(|(before, after)| before > after)
            {
                continue;
            }
            if history.are_equal(&history.moments[last], moment) {
                if same_time(last) {
                    self.copies.push(i);
                } else {
                    process.span.repeats.push(i);
                    self.order.push(i);
                }
                return;
            }
            process.span.moments.push(i);
            process.counters = counters;
            let process = open.remove(at);
            open.push(process);
            self.order.push(i);
            return;
        }
        self.order.push(i);
        let span = Span { moments: vec![i], ..Span::default() };
        open.push(Process { span, counters });
    }
}

/// Whether both could be of one process, going by what they say about themselves.
fn may_follow(before: &Moment, after: &Moment) -> bool {
    let start = |moment: &Moment| moment.main.map(|main| main.start);
    before.as_snapshot().same_build(&after.as_snapshot())
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
