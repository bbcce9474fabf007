//! Reads inputs of all kinds into one recording: profiles, goroutine profiles, logs of the collector,
//! and gauges such as the resident set.
//!
//! What doesn't say when it was taken gets its time from `--at`, else from the name of its file. A
//! gauge without either gets the time of its file's last change: it is a copy of a file of the system
//! that was most likely made at that moment.

use super::CommandError;
use super::gauge_logs::{named, statistics};
use super::inputs::first_few;
use super::load::inflate;
use super::process::{self, fail};
use super::progress::Progress;
use super::times::{AtArgs, Times};
use crate::analysis;
use crate::input::{self, Content, InputError};
use crate::model::collections::CollectorLog;
use crate::model::gauges::GaugeLog;
use crate::model::history::Gather;
use crate::model::profile::{Profile, TimeSource};
use crate::model::recording::Recording;
use crate::report::memory::MemoryInput;
use crate::source;
use crate::source::expand::{Found, Origin};
use clap::Args;

/// Options of questions about a whole recording.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Inputs")]
pub(super) struct WholeArgs {
    /// Read a list of times and resident sets: CSV, or two columns
    #[arg(long, value_name = "FILE")]
    pub(super) rss: Vec<String>,
    #[command(flatten)]
    at: AtArgs,
}

impl WholeArgs {
    /// Reads the times.
    pub(super) fn times(&self) -> Result<Times, CommandError> {
        self.at.times()
    }
}

/// What was read.
pub(super) struct Whole {
    pub(super) recording: Recording,
    pub(super) inputs: Vec<MemoryInput>,
    /// The warning about skipped files.
    pub(super) skipped: Option<String>,
    /// Warnings about what was read.
    pub(super) warnings: Vec<String>,
}

/// Reads all inputs, and those of `--rss`.
pub(super) fn load(
    inputs: &[Found],
    rss: &[String],
    times: Times,
    progress: &Progress,
) -> Result<Whole, CommandError> {
    let mut gathering = Gathering::default();
    let skipped = gather(&mut gathering, inputs, rss, times, progress)?;
    let skipped = skipped.unless_all(&gathering)?;
    gathering.finish(skipped)
}

/// Files that were skipped.
pub(super) struct Skipped {
    /// The warning about them.
    pub(super) warning: Option<String>,
    /// What is wrong with the first.
    error: Option<CommandError>,
}

impl Skipped {
    /// Returns the warning. If nothing else was read, what is wrong with the first is the error.
    pub(super) fn unless_all(self, gathering: &Gathering) -> Result<Option<String>, CommandError> {
        match self.error {
            Some(error) if gathering.inputs.is_empty() => Err(error),
            _ => Ok(self.warning),
        }
    }
}

/// Adds all inputs, and those of `--rss`, to what was read. Returns what was skipped.
pub(super) fn gather(
    gathering: &mut Gathering,
    inputs: &[Found],
    rss: &[String],
    mut times: Times,
    progress: &Progress,
) -> Result<Skipped, CommandError> {
    let results = process::read_each(inputs, rss, "input", progress, |reader, budget, inflate| {
        input::read_any(reader, budget, inflate)
    })?;
    let mut aside = Vec::new();
    let mut refused = None;
    for (Found { name, origin }, result) in inputs.iter().zip(results) {
        let name = &*source::shown(name);
        let skip = match result? {
            Ok(Content::Other(refusal)) => (refusal.to_string(), refusal.what),
            Err(error @ InputError::Empty) => (error.to_string(), "empty".to_owned()),
            Ok(Content::Gauges(log)) => match named(log, name) {
                Ok(log) => {
                    gathering.gauges(log, name, &mut times);
                    continue;
                }
                Err(why) => (why, "a number alone".to_owned()),
            },
            Ok(content) => {
                gathering.add(content, name, &mut times)?;
                continue;
            }
            Err(error) => return Err(fail(name, &error.to_string())),
        };
        let (why, what) = skip;
        if *origin != Origin::Found {
            return Err(fail(name, &why));
        }
        refused.get_or_insert_with(|| fail(name, &why));
        aside.push(format!("{} ({what})", process::short(name)));
    }
    for name in rss {
        let reader = progress.open(name).map_err(|error| fail(name, &error.to_string()))?;
        let log = input::read_rss(reader, progress.budget(), inflate(inputs.len()));
        gathering.gauges(
            log.map_err(|error| fail(name, &error.to_string()))?,
            &source::shown(name),
            &mut times,
        );
    }
    // If nothing was read, the error is about the files.
    if refused.is_none() || !gathering.inputs.is_empty() {
        times.left()?;
    }
    Ok(Skipped { warning: skipped(aside), error: refused })
}

/// The recording, as it is read.
#[derive(Default)]
pub(super) struct Gathering {
    profiles: Gather,
    goroutines: Gather,
    collections: Vec<(String, CollectorLog)>,
    gauges: Vec<GaugeLog>,
    inputs: Vec<MemoryInput>,
    warnings: Vec<String>,
}

impl Gathering {
    /// Adds what was read, which has no time from the command line.
    pub(super) fn read(&mut self, content: Content, name: &str) -> Result<(), CommandError> {
        let content = match content {
            Content::Gauges(log) => {
                Content::Gauges(named(log, name).map_err(|why| fail(name, &why))?)
            }
            content => content,
        };
        self.add(content, name, &mut Times::default())
    }

    /// Adds the statistics that a profile in text ends with, without its stacks.
    #[cfg(feature = "http")]
    pub(super) fn statistics(&mut self, name: &str, profile: &Profile) {
        let header = &profile.header;
        let log = statistics(name, header, (header.time_nanos, header.time_source));
        if log.is_some() {
            self.input(name, "memory statistics", 1, None);
        }
        self.gauges.extend(log);
    }

    fn add(&mut self, content: Content, name: &str, times: &mut Times) -> Result<(), CommandError> {
        match content {
            Content::Profile(profile) => self.profile(profile, name, times, "profile"),
            Content::Goroutines(profile) => self.profile(profile, name, times, "goroutine profile"),
            Content::Collections(log) => {
                let count = log.processes.iter().map(|one| one.collections.len()).sum();
                self.input(name, "gctrace log", count, None);
                if log.broken.count > 0 {
                    self.warnings.push(format!(
                        "{name}: {} records of gctrace break off and aren't counted",
                        log.broken.count
                    ));
                }
                self.collections.push((name.to_owned(), log));
                Ok(())
            }
            Content::Gauges(log) => {
                self.gauges(log, name, times);
                Ok(())
            }
            Content::GcTrace(refusal) | Content::Other(refusal) => {
                Err(fail(name, &refusal.to_string()))
            }
        }
    }

    fn input(&mut self, name: &str, kind: &str, samples: usize, time_source: Option<TimeSource>) {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        self.inputs.push(MemoryInput { name, kind, samples, time_source });
    }

    fn profile(
        &mut self,
        mut profile: Profile,
        name: &str,
        times: &mut Times,
        kind: &str,
    ) -> Result<(), CommandError> {
        let header = &mut profile.header;
        header.take_time(|| times.of(name));
        self.gauges.extend(statistics(name, header, (header.time_nanos, header.time_source)));
        let source = Some(header.time_source)
            .filter(|source| *source != TimeSource::Profile && header.time_nanos != 0);
        self.input(name, kind, 1, source);
        let place = self.inputs.len();
        let into = if kind == "profile" { &mut self.profiles } else { &mut self.goroutines };
        into.add_at(place, name, &profile).map_err(|error| fail(name, &error.to_string()))
    }

    fn gauges(&mut self, mut log: GaugeLog, name: &str, times: &mut Times) {
        name.clone_into(&mut log.name);
        let mut source = None;
        if log.is_untimed() {
            let changed = || Some((source::changed(name)?, TimeSource::FileChanged));
            let found = times.of(name).or_else(changed);
            if let Some((nanos, of)) = found.filter(|_| log.samples.len() == 1) {
                log.taken(nanos, of);
                source = Some(of);
            }
        }
        if log.skipped > 0 {
            let lines = if log.skipped == 1 { "line isn't" } else { "lines aren't" };
            self.warnings.push(format!("{name}: {} {lines} used", log.skipped));
        }
        self.input(name, "memory samples", log.samples.len(), source);
        self.gauges.push(log);
    }

    /// Puts together what was read.
    pub(super) fn finish(self, skipped: Option<String>) -> Result<Whole, CommandError> {
        let finish =
            |gather: Gather| gather.finish().map_err(|error| CommandError::Answer(Box::new(error)));
        let recording = Recording {
            collections: self.collections,
            gauges: self.gauges,
            ..analysis::recording(finish(self.profiles)?, finish(self.goroutines)?)
        };
        Ok(Whole { recording, inputs: self.inputs, skipped, warnings: self.warnings })
    }
}

/// The warning about skipped files.
fn skipped(aside: Vec<String>) -> Option<String> {
    let files = match aside.len() {
        0 => return None,
        1 => "file that says",
        _ => "files that say",
    };
    let (count, list) = (aside.len(), first_few(aside.into_iter()));
    Some(format!("skipped {count} {files} nothing about memory: {list}"))
}
