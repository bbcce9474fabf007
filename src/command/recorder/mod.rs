//! Records services: takes their profiles at intervals, keeps them in a folder with a manifest, and
//! says what they show so far.

pub(super) mod manifest;
pub(super) mod screen;
pub(super) mod shot;
pub(super) mod so_far;
pub(super) mod stop;
pub(super) mod store;

use manifest::Manifest;
use shot::{NoRoom, Taker};
use std::time::{Duration, Instant};

/// A snapshot may cost a service this share of its time: one of ten.
pub(super) const SHARE: u32 = 10;

/// A service that is recorded.
pub(super) struct Recorder {
    pub(super) taker: Taker,
    pub(super) manifest: Manifest,
    /// How long the slowest shot took.
    pub(super) slowest: Duration,
}

impl Recorder {
    /// Takes the next shot, and notes it.
    pub(super) fn shoot(&mut self) -> Result<(), NoRoom> {
        let number = self.manifest.shots.len() + 1;
        let (shot, took) = self.taker.take(number)?;
        if !shot.files.is_empty() {
            self.slowest = self.slowest.max(took);
        }
        // A shot that was stopped before anything came is none.
        if !shot.files.is_empty() || !shot.failed.is_empty() {
            self.manifest.shots.push(shot);
        }
        self.note()
    }

    /// Writes the manifest.
    pub(super) fn note(&self) -> Result<(), NoRoom> {
        let store = &self.taker.store;
        let written = store.replace(manifest::NAME, &self.manifest.text());
        written.map_err(|source| NoRoom { folder: store.folder().to_owned(), source })
    }

    /// The number of whole snapshots of the heap.
    pub(super) fn heaps(&self) -> usize {
        self.manifest.files("heap").len()
    }
}

/// When the next shot is due: after the interval, and never sooner than ten times what the last one
/// took.
pub(super) fn next(started: Instant, every: Duration, slowest: Duration) -> Instant {
    started + every.max(slowest * SHARE)
}
