//! Records processes: takes the profiles of a service at intervals and keeps them in a folder with a
//! manifest, or takes what another program puts into a folder, and says what they show so far.

#![cfg_attr(not(feature = "watch"), expect(dead_code, reason = "some of it is for `watch` alone"))]

pub(super) mod clock;
#[cfg(test)]
pub(super) mod day;
pub(super) mod earlier;
pub(super) mod filled;
pub(super) mod manifest;
pub(super) mod rounds;
pub(super) mod screen;
pub(super) mod service;
pub(super) mod shot;
pub(super) mod so_far;
pub(super) mod stop;
pub(super) mod store;
mod tail;
pub(super) mod thinning;

use crate::input::Budget;
use clock::Clock;
use filled::Filled;
use jiff::Timestamp;
use manifest::{Manifest, Shot};
use shot::{NoRoom, Taker};
use so_far::Recorded;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};
use thinning::Thinning;

/// Where snapshots come from.
pub(super) enum Source {
    /// A service that is asked for them.
    Service(Box<Taker>),
    /// A folder that another program fills.
    Folder(Filled),
}

/// Latest shots whose time decides how often the next ones may be.
const LATEST: usize = 8;

/// A process that is recorded.
pub(super) struct Recorder {
    pub(super) source: Source,
    pub(super) manifest: Manifest,
    /// What was taken, for the verdict so far.
    pub(super) recorded: Recorded,
    /// How long the latest shots took: one that stalled once doesn't count for ever.
    latest: VecDeque<Duration>,
    /// What could not be taken, in all.
    pub(super) failed: usize,
    /// Snapshots that were taken, in all.
    pub(super) taken: usize,
    has_heaps: bool,
    /// Shots that were dropped since what stays was read again.
    dropped: usize,
    /// Which of them stay; all without it.
    thinning: Option<Thinning>,
    /// Which of them are for the verdict so far, if all stay.
    judging: Option<Thinning>,
    /// How long they stay.
    keep: Option<Duration>,
    /// When the first look was: the date may be set later, and ages don't follow it.
    begun: Option<(Instant, Timestamp)>,
}

impl Recorder {
    pub(super) fn new(source: Source, manifest: Manifest) -> Self {
        Self {
            source,
            manifest,
            recorded: Recorded::default(),
            latest: VecDeque::new(),
            failed: 0,
            taken: 0,
            has_heaps: false,
            dropped: 0,
            thinning: None,
            judging: None,
            keep: None,
            begun: None,
        }
    }

    /// Keeps at most so many shots, those that [`Thinning`] says. The files of others are removed if
    /// this recorder wrote them.
    pub(super) fn at_most(self, shots: usize) -> Self {
        Self { thinning: Some(Thinning::at_most(shots)), ..self }
    }

    /// Judges at most so many shots, those that [`Thinning`] says. The files of all stay.
    pub(super) fn judging_at_most(self, shots: usize) -> Self {
        Self { judging: Some(Thinning::at_most(shots)), ..self }
    }

    /// Removes what is older, also of earlier recordings in the same folder: only files that their
    /// manifest lists.
    pub(super) fn for_so_long(mut self, keep: Option<Duration>) -> Self {
        self.keep = keep;
        self
    }

    /// The folder with the files.
    pub(super) fn folder(&self) -> &Path {
        match &self.source {
            Source::Service(taker) => taker.store.folder(),
            Source::Folder(filled) => filled.folder(),
        }
    }

    fn budget(&self) -> Budget {
        match &self.source {
            Source::Service(taker) => taker.wanted.budget,
            Source::Folder(filled) => filled.budget(),
        }
    }

    /// How long the slowest of the latest shots took.
    pub(super) fn slowest(&self) -> Duration {
        self.latest.iter().copied().max().unwrap_or_default()
    }

    /// Takes the next shot, or what is new in the folder, and notes it. Returns whether anything was
    /// taken, or failed.
    pub(super) fn shoot(&mut self, clock: &dyn Clock) -> Result<bool, NoRoom> {
        let number = self.manifest.shots.last().map_or(0, |shot| shot.number) + 1;
        let now = clock.now();
        self.begun.get_or_insert_with(|| (now, clock.time()));
        let shots = match &mut self.source {
            Source::Service(taker) => {
                let (shot, took) = taker.take(number, clock, &mut self.recorded)?;
                if !shot.files.is_empty() {
                    self.latest.truncate(LATEST - 1);
                    self.latest.push_front(took);
                }
                vec![shot]
            }
            Source::Folder(filled) => filled.look(number, clock, &mut self.recorded),
        };
        let mut is_new = false;
        // A shot that was stopped before anything came is none.
        for mut shot in shots.into_iter().filter(Shot::is_something) {
            is_new = true;
            self.failed += shot.failed.len();
            // Files that come one by one: what follows a heap belongs to it.
            self.has_heaps |= shot.has("heap");
            let is_next = shot.has("heap") || !self.has_heaps && !shot.files.is_empty();
            self.taken += usize::from(is_next);
            shot.ordinal = self.taken.saturating_sub(1);
            shot.taken_at = Some(now);
            self.manifest.shots.push(shot);
        }
        self.thin(now, clock.time());
        self.note()?;
        Ok(is_new)
    }

    /// Drops the shots that don't stay.
    fn thin(&mut self, now: Instant, date: Timestamp) {
        let keep = self.keep;
        if let (Source::Service(taker), Some(keep), Some((begin, begun))) =
            (&self.source, keep, self.begun)
        {
            let passed = begun.checked_add(now.duration_since(begin)).unwrap_or(date);
            if let Ok(oldest) = passed.min(date).checked_sub(keep) {
                earlier::remove(&mut self.manifest, &taker.store, oldest);
            }
        }
        if let Some(judging) = self.judging {
            self.judge_fewer(judging);
        }
        let Some(mut thinning) = self.thinning else { return };
        let is_young = |shot: &Shot| {
            let age = shot.taken_at.map(|at| now.duration_since(at)).unwrap_or_default();
            keep.is_none_or(|keep| age <= keep)
        };
        let (taken, last) = (self.taken, self.manifest.shots.len());
        // Only the time that stays is spread out.
        let whole = self.manifest.shots.iter().filter(|shot| !shot.files.is_empty());
        let begin = whole.filter(|shot| is_young(shot)).map(|shot| shot.ordinal).min();
        thinning.make_room(taken - begin.unwrap_or(taken).min(taken));
        self.thinning = Some(thinning);
        let mut place = 0;
        let (kept, gone) = std::mem::take(&mut self.manifest.shots).into_iter().partition(|shot| {
            place += 1;
            if shot.files.is_empty() {
                return thinning.is_newest(last - place);
            }
            // A verdict needs snapshots, however old they are.
            thinning.keeps(shot.ordinal, taken)
                && (is_young(shot) || thinning.is_newest(taken - 1 - shot.ordinal))
        });
        self.manifest.shots = kept;
        let mut gone: Vec<Shot> = gone;
        gone.retain(|shot| !shot.files.is_empty());
        if gone.is_empty() {
            return;
        }
        let files: Vec<&str> =
            gone.iter().flat_map(|shot| &shot.files).map(|file| file.file.as_str()).collect();
        if let Source::Service(taker) = &self.source {
            files.iter().for_each(|file| taker.store.remove(file));
            for shot in &gone {
                self.manifest.removed.add(&shot.time, shot.files.len());
            }
        }
        let paths: BTreeSet<String> =
            files.iter().map(|file| so_far::named(self.folder(), file)).collect();
        self.forget(&paths, gone.len(), thinning.most());
    }

    /// Drops the shots that aren't judged any more.
    fn judge_fewer(&mut self, mut judging: Thinning) {
        let taken = self.taken;
        judging.make_room(taken);
        self.judging = Some(judging);
        if taken <= judging.most() {
            return;
        }
        let held = self.recorded.held();
        let whole = self.manifest.shots.iter().filter(|shot| !shot.files.is_empty());
        let gone = whole.filter(|shot| !judging.keeps(shot.ordinal, taken));
        let mut paths = BTreeSet::new();
        let mut shots = 0;
        for shot in gone {
            let names = shot.files.iter().map(|file| so_far::named(self.folder(), &file.file));
            let names: Vec<String> = names.collect();
            if names.iter().any(|name| held.contains(name.as_str())) {
                shots += 1;
                paths.extend(names);
            }
        }
        if shots > 0 {
            self.forget(&paths, shots, judging.most());
        }
    }

    /// Drops what was read from these files of so many shots. Now and then the rest is read again.
    fn forget(&mut self, paths: &BTreeSet<String>, shots: usize, most: usize) {
        self.recorded.keep(|name| !paths.contains(name));
        self.dropped += shots;
        if self.dropped >= most {
            self.dropped = 0;
            self.recorded.compact(self.budget());
        }
    }

    /// Writes the manifest. A folder that another program fills has none.
    pub(super) fn note(&self) -> Result<(), NoRoom> {
        let Source::Service(taker) = &self.source else { return Ok(()) };
        let store = &taker.store;
        let written = store.replace(manifest::NAME, &self.manifest.text());
        written.map_err(|source| NoRoom { folder: store.folder().to_owned(), source })
    }

    /// Removes the folder if there is nothing but the manifest in it, and this recording made it.
    pub(super) fn give_up(&self) {
        if let Source::Service(taker) = &self.source {
            taker.store.give_up();
        }
    }

    /// The number of snapshots to judge: of the heap, or of goroutines alone.
    pub(super) fn snapshots(&self) -> usize {
        self.heaps().max(self.manifest.files("goroutine").len())
    }

    /// The number of whole snapshots of the heap that stay.
    pub(super) fn heaps(&self) -> usize {
        self.manifest.files("heap").len()
    }
}
