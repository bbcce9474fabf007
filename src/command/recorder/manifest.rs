//! What was recorded from where, how long it took and what failed: `manifest.json` in the folder of
//! a recording.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub(in crate::command) use crate::command::inputs::{CAPTURE as SCHEMA, MANIFEST as NAME};

/// A recording of one service.
#[derive(Clone, Debug, Serialize)]
pub(in crate::command) struct Manifest {
    pub(in crate::command) schema: &'static str,
    /// The version of heapdiff.
    pub(in crate::command) heapdiff: &'static str,
    /// The service, without secrets.
    pub(in crate::command) target: String,
    /// The local process whose memory is recorded too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) pid: Option<u32>,
    /// Whether each snapshot asks for a collection first.
    pub(in crate::command) gc: bool,
    /// The interval that was asked for, in seconds.
    pub(in crate::command) every_seconds: f64,
    pub(in crate::command) shots: Vec<Shot>,
    /// What earlier recordings left in the folder, while it isn't too old.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::command) earlier: Vec<Earlier>,
    /// What was taken and has been removed since.
    #[serde(skip_serializing_if = "Removed::is_nothing")]
    pub(in crate::command) removed: Removed,
    /// What the snapshots show about the service: restarts, several processes behind one address.
    pub(in crate::command) faults: Vec<String>,
    /// Why it ended; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) ended: Option<&'static str>,
}

/// A shot of an earlier recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::command) struct Earlier {
    /// When it began (RFC 3339).
    pub(in crate::command) time: String,
    /// The names of its files.
    pub(in crate::command) files: Vec<String>,
}

/// How much was removed, and until when.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::command) struct Removed {
    pub(in crate::command) shots: u64,
    pub(in crate::command) files: u64,
    /// When the newest of these shots began (RFC 3339).
    pub(in crate::command) last: Option<String>,
}

impl Removed {
    fn is_nothing(&self) -> bool {
        self.shots == 0
    }

    /// Adds a shot.
    pub(in crate::command) fn add(&mut self, time: &str, files: usize) {
        self.shots += 1;
        self.files += files as u64;
        if self.last.as_deref().is_none_or(|last| last < time) {
            self.last = Some(time.to_owned());
        }
    }
}

/// What was taken at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::command) struct Shot {
    /// Its number, from 1.
    pub(in crate::command) number: usize,
    /// When it began (RFC 3339).
    pub(in crate::command) time: String,
    pub(in crate::command) files: Vec<Taken>,
    pub(in crate::command) failed: Vec<Failure>,
    /// What it adds up to.
    #[serde(skip)]
    pub(in crate::command) totals: Totals,
    /// When it was taken, for its age.
    #[serde(skip)]
    pub(in crate::command) taken_at: Option<Instant>,
    /// Its place among the shots with files, from 0.
    #[serde(skip)]
    pub(in crate::command) ordinal: usize,
}

/// What a process has at one moment, as far as it was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::command) struct Totals {
    /// Bytes in use in the heap.
    pub(in crate::command) live: Option<i64>,
    pub(in crate::command) goroutines: Option<i64>,
    /// Bytes of the resident set.
    pub(in crate::command) resident: Option<i64>,
}

/// A file that was taken.
#[derive(Clone, Debug, Serialize)]
pub(in crate::command) struct Taken {
    pub(in crate::command) kind: &'static str,
    /// Its name in the folder.
    pub(in crate::command) file: String,
    pub(in crate::command) bytes: u64,
    /// How long the service took.
    pub(in crate::command) seconds: f64,
    /// Why earlier tries failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::command) retries: Vec<String>,
}

/// What wasn't taken, and why.
#[derive(Clone, Debug, Serialize)]
pub(in crate::command) struct Failure {
    pub(in crate::command) kind: &'static str,
    pub(in crate::command) error: String,
    /// Whether the service refuses it, so that asking again is in vain.
    #[serde(skip)]
    pub(in crate::command) is_refused: bool,
}

impl Shot {
    /// Whether anything was taken, or failed.
    pub(in crate::command) fn is_something(&self) -> bool {
        !self.files.is_empty() || !self.failed.is_empty()
    }

    /// Whether it has a file of this kind.
    pub(in crate::command) fn has(&self, kind: &str) -> bool {
        self.files.iter().any(|file| file.kind == kind)
    }
}

impl Manifest {
    /// A recording that begins.
    pub(in crate::command) fn of(target: String, every: Duration) -> Self {
        Self {
            schema: SCHEMA,
            heapdiff: env!("CARGO_PKG_VERSION"),
            target,
            pid: None,
            gc: false,
            every_seconds: every.as_secs_f64(),
            shots: Vec::new(),
            earlier: Vec::new(),
            removed: Removed::default(),
            faults: Vec::new(),
            ended: None,
        }
    }

    /// The text of the file.
    pub(in crate::command) fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// The names of files of this kind, in order of time.
    pub(in crate::command) fn files(&self, kind: &str) -> Vec<&str> {
        let files = self.shots.iter().flat_map(|shot| &shot.files);
        files.filter(|file| file.kind == kind).map(|file| file.file.as_str()).collect()
    }

    /// What failed, each reason once.
    pub(in crate::command) fn failures(&self) -> BTreeSet<String> {
        let failed = self.shots.iter().flat_map(|shot| &shot.failed);
        failed.map(|failure| format!("{}: {}", failure.kind, failure.error)).collect()
    }
}
