//! A recording: what was seen of a service through time, as tracks on one clock, and the processes that it shows.
//!
//! A track is one kind of input: profiles, goroutine profiles. Every snapshot of a track belongs to one process, and in all
//! tracks that bear times process `n` is the same one. So a question about a process looks at its snapshots in whichever
//! tracks it needs. A track that bears no times has processes of its own, since nothing relates them to those of others.
//!
//! A new kind of input is one more track beside these. This file holds facts only: which snapshots are of one process is for
//! `analysis::spans` to say.

use super::history::History;

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Profiles of anything but goroutines: of the heap, as a rule. Where they are there, they tell processes apart.
    pub profiles: Track,
    /// Goroutine profiles. Without profiles of another kind they are what questions are about.
    pub goroutines: Track,
}

/// One kind of snapshots through time. A track without snapshots is one that was not recorded.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// The snapshots with their values.
    pub history: History,
    /// All snapshots that are states, each once, in order of time: positions in [`History::moments`].
    pub order: Vec<usize>,
    /// The snapshots of each process; where that was not seen in this track, none.
    pub processes: Vec<Span>,
    /// Snapshots that are there twice.
    pub copies: Vec<usize>,
    /// Differences between two states, which are no state.
    pub differences: Vec<usize>,
    /// What there would have to be to say more.
    pub lacks: Vec<Lack>,
}

/// Snapshots of one process in a track.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Positions in [`History::moments`], in order of time.
    pub moments: Vec<usize>,
    /// Hours since the first of them; their numbers where the snapshots bear no times.
    pub hours: Vec<f64>,
    /// Snapshots that show the same collection as one of these, though taken later.
    pub repeats: Vec<usize>,
}

/// What a track lacks, and what can't be said without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Its snapshots don't all say when they were taken, or all say the same: how fast anything grows.
    Times,
    /// No process has as many snapshots as a trend takes: what leaks.
    Snapshots,
    /// No goroutine profiles came with it: what goroutines hold its memory.
    Goroutines,
}

impl Recording {
    /// The track that questions are about.
    pub fn main(&self) -> &Track {
        if self.is_of_goroutines() { &self.goroutines } else { &self.profiles }
    }

    /// Whether there are goroutine profiles and nothing else.
    pub fn is_of_goroutines(&self) -> bool {
        self.profiles.is_empty() && !self.goroutines.is_empty()
    }

    /// The tracks that were recorded, that which questions are about first.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        [&self.profiles, &self.goroutines].into_iter().filter(|track| !track.is_empty())
    }

    /// As [`Recording::tracks`].
    pub fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        [&mut self.profiles, &mut self.goroutines].into_iter().filter(|track| !track.is_empty())
    }
}

impl Track {
    /// Whether it was not recorded.
    pub fn is_empty(&self) -> bool {
        self.history.moments.is_empty()
    }

    /// Whether something is lacking.
    pub fn lacks(&self, lack: Lack) -> bool {
        self.lacks.contains(&lack)
    }

    /// Whether its snapshots say when they were taken.
    pub fn is_timed(&self) -> bool {
        !self.lacks(Lack::Times)
    }

    /// When a snapshot was taken, in nanoseconds since the epoch; 0 where it does not say.
    pub fn time(&self, moment: usize) -> i64 {
        self.history.moments[moment].header.time_nanos
    }

    /// The process of which there are most snapshots; of equals the last.
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

    /// The process that was seen last.
    pub fn latest_process(&self) -> usize {
        let place = |span: &Span| {
            let last = span.moments.last().copied();
            self.order.iter().position(|&i| Some(i) == last)
        };
        let places = self.processes.iter().map(place).enumerate();
        places.max_by_key(|&(_, place)| place).map_or(0, |(number, _)| number)
    }

    /// How many snapshots each process has.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.processes.iter().map(|span| span.moments.len())
    }

    /// Snapshots that show the same collection as the one before.
    pub fn repeats(&self) -> impl Iterator<Item = usize> + '_ {
        self.processes.iter().flat_map(|span| span.repeats.iter().copied())
    }

    /// All states in order of time, as if they were of one process.
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
