//! What evidence about a process is missing, what each gap hides, and how to close it.
//!
//! A gap is a fact about the evidence, never about the program's memory. What can't be known from
//! the inputs is neither a gap nor fine: it is left out.

mod process;
mod reach;
mod tracks;

pub use reach::{Reach, ReachAfter};

use crate::analysis::estimates::Severity;
use crate::model::recording::Recording;
use serde::{Deserialize, Serialize};

/// What may be missing. The order is that of the report among gaps that are equally severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GapId {
    /// A heap profile.
    Heap,
    /// A sampling rate that shows the leak in question in time.
    Rate,
    /// Profiles that are complete.
    Whole,
    /// The time of each snapshot.
    Times,
    /// Snapshots of the heap right after a collection.
    Gc,
    /// Enough snapshots.
    Snapshots,
    /// Enough time between the first and the last.
    Span,
    /// Snapshots of one process.
    OneProcess,
    /// What was allocated, beside what is in use.
    Allocations,
    /// Names of functions.
    Names,
    /// Goroutine profiles.
    Goroutines,
    /// Memory statistics of the runtime.
    Memstats,
    /// The resident set.
    Rss,
    /// A log of the collector.
    Gctrace,
    /// The limit at which the process is killed.
    Limit,
    /// A memory limit of the runtime below that one.
    Gomemlimit,
    /// A goal of the collector below that limit.
    Gogc,
    /// Profiles that not everyone on the internet can ask for.
    Closed,
    /// Whole paths of source files.
    Paths,
    /// The id of the build.
    Build,
    /// Labels of goroutines.
    Labels,
}

impl GapId {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Heap,
        Self::Rate,
        Self::Whole,
        Self::Times,
        Self::Gc,
        Self::Snapshots,
        Self::Span,
        Self::OneProcess,
        Self::Allocations,
        Self::Names,
        Self::Goroutines,
        Self::Memstats,
        Self::Rss,
        Self::Gctrace,
        Self::Limit,
        Self::Gomemlimit,
        Self::Gogc,
        Self::Closed,
        Self::Paths,
        Self::Build,
        Self::Labels,
    ];

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Rate => "rate",
            Self::Whole => "whole",
            Self::Times => "times",
            Self::Gc => "gc",
            Self::Snapshots => "snapshots",
            Self::Span => "span",
            Self::OneProcess => "one-process",
            Self::Allocations => "allocations",
            Self::Names => "names",
            Self::Goroutines => "goroutines",
            Self::Memstats => "memstats",
            Self::Rss => "rss",
            Self::Gctrace => "gctrace",
            Self::Limit => "limit",
            Self::Gomemlimit => "gomemlimit",
            Self::Gogc => "gogc",
            Self::Closed => "closed",
            Self::Paths => "paths",
            Self::Build => "build",
            Self::Labels => "labels",
        }
    }
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// What it is.
    pub id: GapId,
    /// A problem hides answers that heapdiff exists for; a note makes them less sure.
    pub severity: Severity,
    /// What is missing.
    pub message: String,
    /// What that hides, or what it leads to.
    pub effect: String,
    /// How to close it.
    pub remedy: String,
    /// The command, or the line of code, that does.
    pub command: Option<String>,
}

/// What is asked about the evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapsAsked {
    /// The leak that has to show, in bytes per hour.
    pub leak: Option<f64>,
    /// The hours in which it has to show.
    pub within: f64,
    /// The size at which the process is killed, in bytes.
    pub limit: Option<u64>,
}

/// What is known of a process beside its recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The service that was asked just now: one moment of it.
    pub service: Option<ServiceFacts>,
    /// Whether a collection was asked for before each snapshot.
    pub collects: Option<bool>,
    /// The variables of the environment that the collector heeds.
    pub environment: Option<Environment>,
    /// The part of each kind that could not be had, and why.
    pub failed: Vec<(GapId, String)>,
}

/// Facts about a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its address, as it is typed.
    pub address: String,
    /// Whether the address is one of the internet.
    pub is_public: bool,
    /// Whether heapdiff identified itself.
    pub is_guarded: bool,
}

/// Variables of the environment; absent if they aren't set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `GOGC`
    pub gogc: Option<String>,
    /// `GOMEMLIMIT`
    pub gomemlimit: Option<String>,
}

/// What is missing about one process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diagnosis {
    /// The gaps, the worst first.
    pub gaps: Vec<Gap>,
    /// What is there.
    pub fine: Vec<GapId>,
    /// Which leaks the heap profiles show, and when; absent without a heap profile whose sampling is known.
    pub reach: Option<Reach>,
}

impl Diagnosis {
    /// Which of these isn't known to be there.
    pub fn lacking(&self, required: &[GapId]) -> Vec<GapId> {
        required.iter().copied().filter(|id| !self.fine.contains(id)).collect()
    }
}

/// Collects gaps and what is fine.
#[derive(Default)]
struct Found {
    gaps: Vec<Gap>,
    fine: Vec<GapId>,
}

/// What a gap says: the message, the effect, how to close it, and the command.
type Texts<'t> = (String, &'t str, &'t str, Option<String>);

impl Found {
    fn fine(&mut self, id: GapId) {
        self.fine.push(id);
    }

    fn gap(
        &mut self,
        id: GapId,
        severity: Severity,
        (message, effect, remedy, command): Texts<'_>,
    ) {
        let (effect, remedy) = (effect.to_owned(), remedy.to_owned());
        self.gaps.push(Gap { id, severity, message, effect, remedy, command });
    }

    /// A gap if there are texts about it, else fine.
    fn check(&mut self, id: GapId, severity: Severity, gap: Option<Texts<'_>>) {
        match gap {
            Some(texts) => self.gap(id, severity, texts),
            None => self.fine(id),
        }
    }
}

/// Finds what is missing in a recording.
pub fn diagnose(recording: &Recording, known: &Known, asked: GapsAsked) -> Diagnosis {
    let mut found = Found::default();
    let limit = process::limit(recording, asked);
    let reach = reach::of(recording, known, asked, limit, &mut found);
    tracks::check(recording, known, &mut found);
    process::check(recording, known, limit, &mut found);
    for (id, why) in &known.failed {
        for gap in found.gaps.iter_mut().filter(|gap| gap.id == *id) {
            gap.message = format!("{}: {why}", gap.message);
        }
    }
    found.gaps.sort_by_key(|gap| (gap.severity, gap.id));
    found.fine.sort_unstable();
    Diagnosis { gaps: found.gaps, fine: found.fine, reach }
}

/// Whether the program is written in Go: by its functions, or by what only its runtime says.
fn is_go(recording: &Recording) -> bool {
    let has_runtime = |track: &crate::model::recording::Track| {
        let symbols = &track.history.records.symbols;
        let mut names = symbols.functions.iter().map(|function| symbols.text(function.name));
        names.any(|name| name.starts_with("runtime."))
    };
    let mut samples = recording.gauges.iter().flat_map(|log| &log.samples);
    !recording.collections.is_empty()
        || samples.any(|sample| sample.statistics.is_some())
        || recording.tracks().any(has_runtime)
}

/// What a command calls the service or the recording.
fn url(known: &Known, path: &str) -> String {
    let address = known.service.as_ref().map_or("http://HOST:6060", |service| &*service.address);
    match address.split_once("/debug/pprof") {
        Some((base, _)) => format!("'{base}{path}'"),
        None => format!("'{}{path}'", address.trim_end_matches('/')),
    }
}
