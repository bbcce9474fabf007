//! Reads what is next to the profiles of a process and says more about it: logs of the collector,
//! samples of its memory, and profiles in text whose moments those in protobuf have as well.
//!
//! The answer doesn't depend on any of these, so one that can't be read is a warning.

use super::progress::Progress;
use crate::input::{self, Content, Inflate};
use crate::model::collections::CollectorLog;
use crate::model::gauges::{Gauge, GaugeLog, GaugeSample, GaugeTime};
use crate::model::profile::{Profile, TimeSource};
use crate::model::recording::Recording;
use crate::parallel;
use crate::printable::escape;
use crate::report::{Warning, WarningCode};
use crate::source;

/// Files with a single number, by how their names begin, and what it is.
const UNNAMED: [(&str, Gauge, &str); 2] = [
    ("memory.current", Gauge::CgroupCurrent, "memory.current"),
    ("memory.max", Gauge::CgroupLimit, "memory.max"),
];

/// What was read.
#[derive(Default)]
pub(super) struct Facts {
    collections: Vec<(String, CollectorLog)>,
    gauges: Vec<GaugeLog>,
    /// Profiles of goroutines in text with a time, if there are none in protobuf.
    pub(super) goroutines: Vec<(String, Profile)>,
    warnings: Vec<Warning>,
}

/// What one input holds.
enum Fact {
    Collections(CollectorLog),
    Gauges(GaugeLog),
    Goroutines(Box<Profile>),
    Nothing,
}

/// Reads the inputs, in the order of their names. Goroutines in text are read only if they are
/// wanted.
pub(super) fn read(names: &[String], wants_goroutines: bool, progress: &Progress) -> Facts {
    let read = parallel::map_items(names, 1, |name| one(name, wants_goroutines, progress));
    let mut facts = Facts::default();
    for (name, fact) in names.iter().zip(read) {
        match fact {
            Ok(Fact::Collections(log)) => facts.collections.push((name.clone(), log)),
            Ok(Fact::Gauges(log)) => facts.gauges.push(log),
            Ok(Fact::Goroutines(profile)) => facts.goroutines.push((name.clone(), *profile)),
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
    /// Adds them to a recording, except for the goroutines. Returns the warnings as well.
    pub(super) fn beside(self, recording: Recording) -> (Recording, Vec<Warning>) {
        let Self { collections, gauges, warnings, .. } = self;
        (Recording { collections, gauges, ..recording }, warnings)
    }
}

fn one(name: &str, wants_goroutines: bool, progress: &Progress) -> Result<Fact, String> {
    let reader = source::open(name).map_err(|error| format!("can't be read: {error}"))?;
    let content = input::read_any(reader, progress.budget(), Inflate::Here);
    Ok(match content.map_err(|error| error.to_string())? {
        Content::Collections(log) => Fact::Collections(log),
        Content::Gauges(mut log) => {
            name.clone_into(&mut log.name);
            by_name(&mut log);
            Fact::Gauges(log)
        }
        Content::Profile(profile) => of_text(name, &profile).map_or(Fact::Nothing, Fact::Gauges),
        Content::Goroutines(mut profile) => match source::times::in_name(name) {
            Some(nanos) if wants_goroutines => {
                profile.header.time_nanos = nanos;
                profile.header.time_source = TimeSource::FileName;
                Fact::Goroutines(Box::new(profile))
            }
            _ => Fact::Nothing,
        },
        Content::GcTrace(refusal) | Content::Other(refusal) => return Err(refusal.to_string()),
    })
}

/// Takes from the name of a file what the file doesn't say: what its only number is, and when it was
/// written.
fn by_name(log: &mut GaugeLog) {
    let file = log.name.rsplit(std::path::is_separator).next().unwrap_or_default();
    let known = UNNAMED.into_iter().find(|(start, ..)| file.starts_with(start));
    for reading in log.samples.iter_mut().flat_map(|sample| &mut sample.readings) {
        if let (Gauge::Unnamed, Some((_, gauge, field))) = (reading.gauge, known) {
            (reading.gauge, reading.field) = (gauge, field);
        }
    }
    if log.is_untimed()
        && let Some(nanos) = source::times::in_name(&log.name)
    {
        log.taken(nanos, TimeSource::FileName);
    }
}

/// The statistics at the end of a profile in text.
fn of_text(name: &str, profile: &Profile) -> Option<GaugeLog> {
    let header = &profile.header;
    let statistics = header.memory_statistics.clone()?;
    let (nanos, source) = match source::times::in_name(name) {
        Some(nanos) => (nanos, TimeSource::FileName),
        None => (header.time_nanos, header.time_source),
    };
    let time = if nanos == 0 { GaugeTime::Unknown } else { GaugeTime::Utc(nanos) };
    let sample = GaugeSample { time, statistics: Some(statistics), ..GaugeSample::default() };
    Some(GaugeLog { name: name.to_owned(), samples: vec![sample], time_source: source, skipped: 0 })
}
