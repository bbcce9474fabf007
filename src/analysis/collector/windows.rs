//! Cuts the time of a process into windows of equal length, and sums up what happens in each.
//!
//! The percentage of a record counts from the start of the process, so a collector that works
//! harder now hardly changes it after some hours. Sums over windows show what happens when. A
//! collection counts where it begins; its CPU time and what was allocated are spread over the
//! time that they took.

use super::goal::Goals;
use crate::model::collections::{Cause, Collection};

/// Most windows of a process.
const MOST: usize = 48;
/// Least length of a window in seconds.
const SHORTEST: f64 = 0.5;
/// Longest start-up phase in seconds, and its longest share of the log.
const START: f64 = 10.0;
const START_SHARE: f64 = 0.1;
/// Share of the windows that something has to last to be more than a moment, unless it lasts still.
const LASTING: f64 = 0.1;
/// Share of the windows that something has to last if it ends after the start.
const AFTER_START: f64 = 0.5;
/// Share of the windows in between that must show it as well.
const MOSTLY: f64 = 2.0 / 3.0;

/// What happened in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    /// Its length.
    pub(super) seconds: f64,
    /// Collections that began.
    pub(super) collections: usize,
    /// Those that began because the heap had grown.
    pub(super) by_heap: usize,
    /// Those that the program asked for.
    pub(super) forced: usize,
    /// CPU time in milliseconds that there was, on all processors.
    capacity: f64,
    /// CPU time of the collector in milliseconds.
    pub(super) cpu: f64,
    /// That of goroutines that allocated.
    pub(super) assist: f64,
    /// That of the collector's workers.
    pub(super) background: f64,
    /// Seconds in which the collector ran.
    running: f64,
    /// MiB that were allocated, and the seconds for which that is known.
    allocated: f64,
    allocated_in: f64,
    /// Sums of MiB over the collections: live after them, and their goals.
    live: f64,
    goals: f64,
    /// Collections whose goal is below the formula.
    pub(super) limited: usize,
    /// Collections in which the heap exceeded its goal.
    pub(super) over: usize,
    /// The longest stop in milliseconds.
    pub(super) longest_stop: f64,
    /// MiB: the live heap after the last collection, the largest, the last goal, and the largest heap.
    pub(super) last_live: f64,
    pub(super) most_live: f64,
    pub(super) last_goal: f64,
    pub(super) peak: f64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.collections += other.collections;
        self.by_heap += other.by_heap;
        self.forced += other.forced;
        self.capacity += other.capacity;
        self.cpu += other.cpu;
        self.assist += other.assist;
        self.background += other.background;
        self.running += other.running;
        self.allocated += other.allocated;
        self.allocated_in += other.allocated_in;
        self.live += other.live;
        self.goals += other.goals;
        self.limited += other.limited;
        self.over += other.over;
        self.longest_stop = self.longest_stop.max(other.longest_stop);
        self.most_live = self.most_live.max(other.most_live);
        self.peak = self.peak.max(other.peak);
        (self.last_live, self.last_goal) = (other.last_live, other.last_goal);
    }

    /// Collections per second.
    pub(super) fn per_second(&self) -> f64 {
        ratio(self.collections as f64, self.seconds)
    }

    /// CPU share of the collector, in percent of all processors.
    pub(super) fn cpu_percent(&self) -> f64 {
        (100.0 * ratio(self.cpu, self.capacity)).min(100.0)
    }

    /// CPU share of goroutines that had to mark, in percent of all processors.
    pub(super) fn assist_cpu_percent(&self) -> f64 {
        (100.0 * ratio(self.assist, self.capacity)).min(100.0)
    }

    /// Percent of the marking that goroutines had to do.
    pub(super) fn assist_percent(&self) -> f64 {
        100.0 * ratio(self.assist, self.assist + self.background)
    }

    /// Percent of the time in which the collector ran.
    pub(super) fn running_percent(&self) -> f64 {
        (100.0 * ratio(self.running, self.seconds)).min(100.0)
    }

    /// Percent of the goal that was live after a collection.
    pub(super) fn live_percent(&self) -> f64 {
        100.0 * ratio(self.live, self.goals)
    }

    /// MiB allocated per second, if known.
    pub(super) fn allocated_per_second(&self) -> Option<f64> {
        (self.allocated_in > 0.0).then(|| self.allocated / self.allocated_in)
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The time of a process in windows.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Seconds since the start of the process at which the first window begins.
    pub(super) start: f64,
    /// Seconds of a window.
    pub(super) width: f64,
    pub(super) all: Vec<Sums>,
    /// The first window after the start-up phase.
    pub(super) settled: usize,
    /// Whether the start of the process is in the log.
    has_start: bool,
}

/// Seconds since the start of the process at which a collection began.
pub(super) fn seconds(collection: &Collection) -> f64 {
    collection.at as f64 / 1e9
}

/// When the start-up phase of a process ends, in seconds; `None` if the log doesn't have it.
pub(super) fn start_up(collections: &[Collection]) -> Option<f64> {
    let (first, last) = (collections.first()?, collections.last()?);
    let span = seconds(last) - seconds(first);
    (first.number <= 2).then(|| seconds(first) + START.min(START_SHARE * span))
}

impl Windows {
    /// Cuts the time of a process that has at least one collection; `overshoot` is the share by
    /// which a heap exceeds its goal if that counts.
    pub(super) fn of(collections: &[Collection], goals: &Goals, overshoot: f64) -> Self {
        let start = collections.first().map_or(0.0, seconds);
        let end = collections.iter().map(|one| seconds(one) + one.nanos() as f64 / 1e9);
        let span = (end.fold(start, f64::max) - start).max(1e-3);
        let count = ((span / SHORTEST) as usize).clamp(1, MOST);
        let width = span / count as f64;
        let mut windows = Self {
            start,
            width,
            all: vec![Sums { seconds: width, ..Sums::default() }; count],
            settled: 0,
            has_start: false,
        };
        for (at, collection) in collections.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &collections[before]);
            windows.add(collection, before, goals.is_limited(at), overshoot);
        }
        windows.fill(collections);
        if let Some(settled) = start_up(collections).filter(|_| count >= 3) {
            windows.has_start = true;
            windows.settled = (((settled - start) / width).ceil() as usize).min(count - 1);
        }
        windows
    }

    fn add(
        &mut self,
        collection: &Collection,
        before: Option<&Collection>,
        is_limited: bool,
        overshoot: f64,
    ) {
        let from = seconds(collection);
        let taken = collection.nanos() as f64 / 1e9;
        let (live, goal) = (f64::from(collection.live), f64::from(collection.goal));
        let end = f64::from(collection.heap_end);
        let window = self.at(from);
        let sums = &mut self.all[window];
        sums.collections += 1;
        sums.by_heap += usize::from(collection.cause == Cause::Heap);
        sums.forced += usize::from(collection.cause == Cause::Forced);
        sums.live += live;
        sums.goals += goal;
        sums.limited += usize::from(is_limited);
        // Both are rounded down.
        sums.over += usize::from(end > (goal + 1.0) * (1.0 + overshoot) && end >= goal + 2.0);
        sums.longest_stop = sums.longest_stop.max(collection.longest_stop());
        sums.most_live = sums.most_live.max(live);
        sums.peak = sums.peak.max(end).max(f64::from(collection.heap_start));
        self.spread(from, from + taken, |sums, share| {
            sums.cpu += share * collection.cpu();
            sums.assist += share * f64::from(collection.assist);
            sums.background += share * f64::from(collection.background);
            sums.running += share * taken;
        });
        let before = before.filter(|before| collection.follows(before));
        if let Some(before) = before {
            // What was allocated while the collector marked is a part of what it left.
            let marking = f64::from(before.heap_end) - f64::from(before.heap_start);
            let since_end = f64::from(collection.heap_start) - f64::from(before.live);
            let allocated = since_end.max(0.0) + marking.max(0.0);
            let since = seconds(before);
            self.spread(since, from, |sums, share| {
                sums.allocated += share * allocated;
                sums.allocated_in += share * (from - since);
            });
        }
    }

    /// Fills in what lasts from one collection to the next.
    fn fill(&mut self, collections: &[Collection]) {
        let mut next = collections.iter().peekable();
        let mut last = None;
        for (at, sums) in self.all.iter_mut().enumerate() {
            let end = self.start + self.width * (at + 1) as f64;
            while let Some(collection) = next.next_if(|one| seconds(one) < end) {
                last = Some(collection);
            }
            if let Some(last) = last {
                sums.last_live = f64::from(last.live);
                sums.last_goal = f64::from(last.goal);
                sums.most_live = sums.most_live.max(sums.last_live);
                sums.capacity = sums.seconds * 1e3 * f64::from(last.procs.max(1));
            }
        }
        // The last one may begin at the very end.
        if let (Some(sums), Some(last)) = (self.all.last_mut(), collections.last()) {
            (sums.last_live, sums.last_goal) = (f64::from(last.live), f64::from(last.goal));
        }
    }

    /// The window of a time.
    fn at(&self, seconds: f64) -> usize {
        (((seconds - self.start) / self.width) as usize).min(self.all.len() - 1)
    }

    /// Spreads something over the windows of a time: calls `add` with the share of each.
    fn spread(&mut self, from: f64, to: f64, mut add: impl FnMut(&mut Sums, f64)) {
        let (first, last) = (self.at(from), self.at(to));
        for window in first..=last {
            let begin = self.start + self.width * window as f64;
            let common = to.min(begin + self.width) - from.max(begin);
            let share = if first == last { 1.0 } else { common.max(0.0) / (to - from) };
            add(&mut self.all[window], share);
        }
    }

    /// The sums over some windows.
    pub(super) fn sum(&self, from: usize, to: usize) -> Sums {
        let mut sums = Sums::default();
        self.all[from..to].iter().for_each(|window| sums.add(window));
        sums
    }

    /// The sums over all windows.
    pub(super) fn total(&self) -> Sums {
        self.sum(0, self.all.len())
    }

    /// The longest time in which something holds, on the whole and in most of its windows: from a
    /// window to another. What ends soon after the start of the process is a part of its start,
    /// and what was over after a moment says nothing of the process.
    pub(super) fn sustained(&self, holds: impl Fn(&Sums) -> bool) -> Option<(usize, usize)> {
        let shows: Vec<bool> = self.all.iter().map(&holds).collect();
        let count = self.all.len();
        let lasts = |from: usize, to: usize| {
            let share = (to - from) as f64 / count as f64;
            let is_start = self.has_start && from == self.settled && to < count;
            to - from >= 2
                && (to == count || share >= LASTING)
                && (!is_start || share >= AFTER_START)
        };
        let mut best: Option<(usize, usize)> = None;
        for from in (self.settled..count).filter(|&from| shows[from]) {
            for to in (from + 1..=count).rev().filter(|&to| shows[to - 1]) {
                if best.is_some_and(|(start, end)| to - from < end - start) {
                    break;
                }
                let showing = shows[from..to].iter().filter(|&&shows| shows).count();
                let mostly = showing as f64 >= MOSTLY * (to - from) as f64;
                if mostly && lasts(from, to) && holds(&self.sum(from, to)) {
                    best = Some((from, to));
                    break;
                }
            }
        }
        best
    }

    /// When a window begins, in seconds since the start of the process.
    pub(super) fn begin(&self, window: usize) -> f64 {
        self.start + self.width * window as f64
    }
}
