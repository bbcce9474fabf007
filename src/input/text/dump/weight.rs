//! What a dump weighs, while it is read.

use super::Dump;
use crate::model::builder::Share;

/// What a frame weighs here, besides its names.
const FRAME: u64 = 160;
/// What a distinct stack weighs here, besides its frames.
const STACK: u64 = 128;
/// What each of its frames weighs.
const STEP: u64 = 4;
/// What a goroutine weighs here.
const GOROUTINE: u64 = 16;
/// What a lock that goroutines wait for weighs here.
const LOCK: u64 = 256;
/// What an object that a goroutine is in weighs here.
const OBJECT: u64 = 32;

impl Dump {
    /// What it weighs.
    pub(super) fn shares(&self) -> [Share; 6] {
        [
            Share::new("frames", self.frames.len(), FRAME),
            Share::new("stacks", self.samples.len(), STACK),
            Share::new("frames of stacks", self.samples.steps(), STEP),
            Share::new("goroutines", self.known.len(), GOROUTINE),
            Share::new("locks", self.locks.len(), LOCK),
            Share::new("objects with methods", self.locks.inside(), OBJECT),
        ]
    }
}
