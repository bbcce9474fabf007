//! Reads what is next to the profiles of a process and says more about it: logs of the collector,
//! samples of its memory, and profiles in text whose moments those in protobuf have as well.
//!
//! The answer doesn't depend on any of these, so one that can't be read is a warning.

use super::gauge_logs::{named, statistics};
use super::known::Fact;
use super::progress::Progress;
use crate::input::{self, Content, Inflate};
use crate::model::collections::CollectorLog;
#[cfg(feature = "http")]
use crate::model::gauges::Gauge;
use crate::model::gauges::GaugeLog;
use crate::model::profile::{Profile, TimeSource};
use crate::model::recording::Recording;
use crate::parallel;
use crate::printable::escape;
use crate::report::{Warning, WarningCode};
use crate::source;

/// What was read.
#[derive(Clone, Default)]
pub(super) struct Facts {
    collections: Vec<(String, CollectorLog)>,
    gauges: Vec<GaugeLog>,
    /// Profiles of goroutines in text with a time, if there are none in protobuf.
    pub(super) goroutines: Vec<(String, Profile)>,
    warnings: Vec<Warning>,
}

/// Reads the inputs, in the order of their names. Goroutines in text are read only if they are
/// wanted.
pub(super) fn read(names: &[String], wants_goroutines: bool, progress: &Progress) -> Facts {
    let read = parallel::map_items(names, 1, |name| known(name, wants_goroutines, progress));
    let mut facts = Facts::default();
    for (name, fact) in names.iter().zip(read) {
        let time = || progress.time_of(name);
        match fact {
            Ok(Fact::Collections(log)) => facts.collections.push((name.clone(), log)),
            Ok(Fact::Gauges(mut log)) => {
                if log.is_untimed()
                    && let Some((nanos, source)) = time()
                {
                    log.taken(nanos, source);
                }
                facts.gauges.push(log);
            }
            Ok(Fact::Goroutines(mut profile)) => {
                if let Some(taken) = time() {
                    (profile.header.time_nanos, profile.header.time_source) = taken;
                    facts.goroutines.push((name.clone(), *profile));
                }
            }
            Ok(Fact::Nothing) => {}
            Err(why) => facts.warnings.push(Warning {
                code: WarningCode::SetAside,
                message: format!("skipped {}, which {why}", escape(name)),
            }),
        }
    }
    facts
}

impl Facts {
    /// Adds what was read later.
    #[cfg(feature = "http")]
    pub(super) fn add(&mut self, later: Self) {
        let Self { collections, gauges, goroutines, warnings } = later;
        self.collections.extend(collections);
        self.gauges.extend(gauges);
        self.goroutines.extend(goroutines);
        self.warnings.extend(warnings);
    }

    /// The resident set that the last of them has, in bytes.
    #[cfg(feature = "http")]
    pub(super) fn resident(&self) -> Option<i64> {
        let samples = self.gauges.iter().flat_map(|log| &log.samples);
        let read = samples.rev().find_map(|sample| sample.get(Gauge::Rss))?;
        i64::try_from(read.value).ok()
    }

    /// Drops what was read from other inputs.
    #[cfg(feature = "http")]
    pub(super) fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.collections.retain(|(name, _)| is_kept(name));
        self.gauges.retain(|log| is_kept(&log.name));
        self.goroutines.retain(|(name, _)| is_kept(name));
    }

    /// Adds them to a recording, except for the goroutines. Returns the warnings as well.
    pub(super) fn beside(self, recording: Recording) -> (Recording, Vec<Warning>) {
        let Self { collections, gauges, warnings, .. } = self;
        (Recording { collections, gauges, ..recording }, warnings)
    }
}

/// Reads an input unless it is known.
fn known(name: &str, wants_goroutines: bool, progress: &Progress) -> Result<Fact, String> {
    match progress.known() {
        // Goroutines are kept with the profiles, if at all.
        Some(known) if !wants_goroutines => {
            known.fact(name, || one(name, false, progress)).map(|fact| (*fact).clone())
        }
        _ => one(name, wants_goroutines, progress),
    }
}

fn one(name: &str, wants_goroutines: bool, progress: &Progress) -> Result<Fact, String> {
    let reader = source::open(name).map_err(|error| format!("can't be read: {error}"))?;
    let content = input::read_any(reader, progress.budget(), Inflate::Here);
    Ok(match content.map_err(|error| error.to_string())? {
        Content::Collections(log) => Fact::Collections(log),
        Content::Gauges(log) => {
            let mut log = named(log, name)?;
            name.clone_into(&mut log.name);
            Fact::Gauges(log)
        }
        Content::Profile(profile) => of_text(name, &profile).map_or(Fact::Nothing, Fact::Gauges),
        Content::Goroutines(profile) if wants_goroutines => Fact::Goroutines(Box::new(profile)),
        Content::Goroutines(_) => Fact::Nothing,
        Content::GcTrace(refusal) | Content::Other(refusal) => return Err(refusal.to_string()),
    })
}

/// The statistics at the end of a profile in text.
fn of_text(name: &str, profile: &Profile) -> Option<GaugeLog> {
    let header = &profile.header;
    let by_name = source::times::in_name(name).map(|nanos| (nanos, TimeSource::FileName));
    let time = by_name.unwrap_or((header.time_nanos, header.time_source));
    statistics(name, header, time)
}
