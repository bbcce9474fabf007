//! A recording of a service over time, as tracks on one clock, with the processes it contains.
//!
//! A track is one kind of input: profiles, or goroutine profiles. Every snapshot of a track belongs
//! to one process, and process `n` is the same one in all tracks with times. So a question about a
//! process reads its snapshots in whichever tracks it needs. A track without times has processes of
//! its own, since nothing relates them to those of other tracks.
//!
//! Beside the tracks are facts without stacks: collections of Go's collector, and gauges such as the
//! resident set. They have types of their own, since a record of them is a few numbers.
//!
//! A new kind of input with stacks is one more track next to these. This file holds facts only:
//! `analysis::spans` decides which snapshots belong to the same process.

use super::collections::CollectorLog;
use super::gauges::GaugeLog;
use super::history::History;

/// Everything that was recorded.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Profiles other than goroutine profiles, usually of the heap. If there are any, they tell
    /// processes apart.
    pub profiles: Track,
    /// Goroutine profiles. Without other profiles, they are what questions are about.
    pub goroutines: Track,
    /// The collections in each log, by its name.
    pub collections: Vec<(String, CollectorLog)>,
    /// What the system and the runtime say of the process's memory, one for each input.
    pub gauges: Vec<GaugeLog>,
}

/// Snapshots of one kind over time. A track without snapshots wasn't recorded.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// The snapshots with their values.
    pub history: History,
    /// All true snapshots, each once, in order of time: positions in [`History::moments`].
    pub order: Vec<usize>,
    /// The snapshots of each process; none if it wasn't recorded in this track.
    pub processes: Vec<Span>,
    /// Snapshots that are duplicates.
    pub copies: Vec<usize>,
    /// Delta profiles, which aren't snapshots.
    pub differences: Vec<usize>,
    /// Snapshots in text, which don't say when they were taken, next to others that do: left out.
    pub in_text: Vec<usize>,
    /// Missing data that would allow more conclusions.
    pub lacks: Vec<Lack>,
}

/// Snapshots of one process in a track.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Positions in [`History::moments`], in order of time.
    pub moments: Vec<usize>,
    /// Hours since the first of them, or their numbers if the snapshots have no times.
    pub hours: Vec<f64>,
    /// Snapshots that show the same collection as one of these, although taken later.
    pub repeats: Vec<usize>,
}

/// What a track lacks, and so which question can't be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Its snapshots don't all have a time, or all have the same: how fast anything grows.
    Times,
    /// No process has enough snapshots for a trend: what leaks.
    Snapshots,
    /// It has no goroutine profiles: which goroutines hold its memory.
    Goroutines,
    /// There is no log of the collector: how much memory is live right after a collection.
    Collections,
    /// There is neither a resident set nor any statistics: what the memory is beside the live heap.
    Gauges,
}

impl Recording {
    /// The track that questions are about.
    pub fn main(&self) -> &Track {
        if self.is_of_goroutines() { &self.goroutines } else { &self.profiles }
    }

    /// Whether there are only goroutine profiles.
    pub fn is_of_goroutines(&self) -> bool {
        self.profiles.is_empty() && !self.goroutines.is_empty()
    }

    /// Leaves goroutines alone, if there are any, in the processes that the profiles have told apart.
    pub fn set_profiles_aside(&mut self) {
        if !self.goroutines.is_empty() {
            self.profiles = Track::default();
        }
    }

    /// The recorded tracks, starting with the one that questions are about.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        [&self.profiles, &self.goroutines].into_iter().filter(|track| !track.is_empty())
    }

    /// What it lacks: what the main track does, and kinds of facts that were not recorded.
    pub fn lacks(&self) -> Vec<Lack> {
        let mut lacks = self.main().lacks.clone();
        let kinds = [
            (self.collections.is_empty(), Lack::Collections),
            (self.gauges.is_empty(), Lack::Gauges),
        ];
        lacks.extend(kinds.into_iter().filter(|&(is_missing, _)| is_missing).map(|(_, lack)| lack));
        lacks
    }

    /// Mutable [`Recording::tracks`].
    pub fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        [&mut self.profiles, &mut self.goroutines].into_iter().filter(|track| !track.is_empty())
    }
}

impl Track {
    /// Whether it wasn't recorded.
    pub fn is_empty(&self) -> bool {
        self.history.moments.is_empty()
    }

    /// Whether it lacks something.
    pub fn lacks(&self, lack: Lack) -> bool {
        self.lacks.contains(&lack)
    }

    /// Whether its snapshots have times.
    pub fn is_timed(&self) -> bool {
        !self.lacks(Lack::Times)
    }

    /// When a snapshot was taken, in nanoseconds since the epoch; 0 if unknown.
    pub fn time(&self, moment: usize) -> i64 {
        self.history.moments[moment].header.time_nanos
    }

    /// The process with the most snapshots; the last one in a tie.
    pub fn main_process(&self) -> usize {
        let sizes = self.sizes().enumerate();
        sizes.max_by_key(|&(number, size)| (size, number)).map_or(0, |(number, _)| number)
    }

    /// The first and the last snapshot of that process.
    pub fn ends(&self) -> (Option<usize>, Option<usize>) {
        let main = self.processes.get(self.main_process());
        let moments = main.map(|span| span.moments.as_slice()).unwrap_or_default();
        (moments.first().copied(), moments.last().copied())
    }

    /// The last process recorded.
    pub fn latest_process(&self) -> usize {
        let place = |span: &Span| {
            let last = span.moments.last().copied();
            self.order.iter().position(|&i| Some(i) == last)
        };
        let places = self.processes.iter().map(place).enumerate();
        places.max_by_key(|&(_, place)| place).map_or(0, |(number, _)| number)
    }

    /// Number of snapshots of each process.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.processes.iter().map(|span| span.moments.len())
    }

    /// Snapshots that show the same collection as the one before.
    pub fn repeats(&self) -> impl Iterator<Item = usize> + '_ {
        self.processes.iter().flat_map(|span| span.repeats.iter().copied())
    }

    /// All true snapshots in order of time, as if they came from one process.
    pub fn all(&self) -> Span {
        Span { moments: self.order.clone(), ..Span::default() }
    }

    /// The process of each snapshot.
    pub fn process_of_each(&self) -> Vec<usize> {
        let mut processes = vec![0; self.history.moments.len()];
        for (number, span) in self.processes.iter().enumerate() {
            span.moments.iter().chain(&span.repeats).for_each(|&i| processes[i] = number);
        }
        processes
    }
}
