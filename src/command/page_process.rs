//! What a page says of the process besides its profiles: the answers of `gc` and `memory` to what was read with
//! these, and their own pages.

use super::advised::Profiles;
use super::catalog;
use super::gauge_logs::statistics;
use crate::analysis::memory::MemoryAsked;
use crate::model::collections::CollectorLog;
use crate::model::gauges::GaugeLog;
use crate::model::history::Moment;
use crate::model::profile::TimeSource;
use crate::model::recording::{Recording, Track};
use crate::report::collector::CollectorReport;
use crate::report::memory::{MemoryInput, MemoryReport};
use crate::rules::collector::CollectorLimits;
use crate::rules::memory::MemoryLimits;
use crate::source::expand::natural;
use crate::toml_file::TomlError;

/// The answers about the process of a recording, and notes about those that can't be given.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) collector: Option<CollectorReport>,
    pub(super) memory: Option<MemoryReport>,
    pub(super) notes: Vec<String>,
}

/// Answers what the collector did and where the memory is, if what was read says so. `limit` is that of the
/// memory.
pub(super) fn answers(recording: &Recording, limit: Option<u64>) -> Answers {
    let mut notes = Vec::new();
    let collector = collector(recording, &mut notes);
    let gauges = gauges(recording);
    let memory = (!gauges.is_empty()).then(|| {
        let limits = limits(MemoryLimits::read, &mut notes);
        let whole = Recording { gauges, ..recording.clone() };
        memory(&whole, inputs(recording), limit, &limits)
    });
    let memory = memory.flatten();
    notes.dedup();
    Answers { collector, memory, notes }
}

/// Where the memory is, if what was read says so.
pub(super) fn memory(
    recording: &Recording,
    inputs: Vec<MemoryInput>,
    limit: Option<u64>,
    limits: &MemoryLimits,
) -> Option<MemoryReport> {
    let asked = MemoryAsked { limit };
    let mut report = MemoryReport::new(recording, inputs, asked, limits, Vec::new());
    let profiles = Profiles::of(&report.inputs);
    let findings = report.memory.iter_mut().flat_map(|memory| &mut memory.findings);
    findings.for_each(|finding| profiles.name_in(&mut finding.command));
    report.memory.is_some().then_some(report)
}

/// What the collector did.
pub(super) fn collector(recording: &Recording, notes: &mut Vec<String>) -> Option<CollectorReport> {
    let logs = &recording.collections;
    (!logs.is_empty()).then(|| {
        CollectorReport::new(logs.clone(), &limits(CollectorLimits::read, notes), Vec::new())
    })
}

/// The thresholds of the settings. The answer that was asked for doesn't need them, so what is wrong with them
/// is a note.
fn limits<T: Default>(
    read: impl Fn(&str, &str) -> Result<T, TomlError>,
    notes: &mut Vec<String>,
) -> T {
    let settings = catalog::settings(None).map_err(|error| error.to_string());
    let limits = settings.and_then(|settings| {
        let read = settings.map(|file| read(&file.name, &file.text).map_err(|e| e.to_string()));
        read.transpose()
    });
    match limits {
        Ok(limits) => limits.unwrap_or_default(),
        Err(why) => {
            notes.push(format!("The thresholds of the settings aren't used: {why}"));
            T::default()
        }
    }
}

fn moments(track: &Track) -> impl Iterator<Item = &Moment> {
    track.history.moments.iter()
}

/// What the system and the runtime say: beside the profiles, and at the end of those in text.
fn gauges(recording: &Recording) -> Vec<GaugeLog> {
    let of_profiles = moments(&recording.profiles).chain(moments(&recording.goroutines));
    let of_profiles = of_profiles.filter_map(|moment| {
        let header = &moment.header;
        statistics(&moment.name, header, (header.time_nanos, header.time_source))
    });
    recording.gauges.iter().cloned().chain(of_profiles).collect()
}

/// What was read, as `memory` names it.
fn inputs(recording: &Recording) -> Vec<MemoryInput> {
    let of = |kind: &'static str| {
        move |moment: &Moment| MemoryInput {
            name: moment.name.clone(),
            kind: kind.to_owned(),
            samples: 1,
            time_source: source(moment.header.time_source, moment.header.time_nanos),
        }
    };
    let mut inputs: Vec<MemoryInput> = moments(&recording.profiles)
        .map(of("profile"))
        .chain(moments(&recording.goroutines).map(of("goroutine profile")))
        .collect();
    inputs.extend(recording.collections.iter().map(of_log));
    inputs.extend(recording.gauges.iter().map(|log| MemoryInput {
        name: log.name.clone(),
        kind: "memory samples".to_owned(),
        samples: log.samples.len(),
        time_source: source(log.time_source, 1),
    }));
    inputs.sort_by(|a, b| natural(&a.name, &b.name));
    inputs
}

fn of_log((name, log): &(String, CollectorLog)) -> MemoryInput {
    let samples = log.processes.iter().map(|process| process.collections.len()).sum();
    MemoryInput { name: name.clone(), kind: "gctrace log".to_owned(), samples, time_source: None }
}

/// Where a time comes from, unless the input says it.
fn source(source: TimeSource, nanos: i64) -> Option<TimeSource> {
    Some(source).filter(|source| *source != TimeSource::Profile && nanos != 0)
}
