//! The report on Go's collector: what was read, and what it says of each process.

use super::memory::MemoryInput;
use super::{Answer, Query, Question, analyze};
use crate::analysis::Place;
use crate::analysis::collector::{Allocated, CollectorRow, CollectorRule, allocated, judge};
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::memory::{self, MemoryAsked, MemoryFinding};
use crate::analysis::suspects::LeaksQuery;
use crate::filter::Spec;
use crate::model::collections::CollectorLog;
use crate::model::recording::{Recording, Track};
use crate::patterns::{Catalog, Confidence};
use crate::rules::collector::CollectorLimits;
use crate::rules::memory::MemoryLimits;
use crate::stats::class::LEAST;
use crate::units;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.gc/v1";

/// A log that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorInput {
    /// Its name.
    pub name: String,
    /// Always `gctrace`.
    pub kind: String,
    /// Its lines, of any kind.
    pub lines: u64,
    /// Records of collections in it.
    pub collections: usize,
    /// Records that break off.
    pub broken: u64,
    /// The first few of those.
    pub broken_records: Vec<BrokenLine>,
    /// Records that repeat the one before.
    pub repeated: u64,
}

/// A record that breaks off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokenLine {
    /// Its line, from 1.
    pub line: u64,
    /// Its place in the line, in bytes from 1.
    pub column: u64,
    /// What was expected where it breaks off.
    pub expected: String,
}

/// What other inputs say of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BesideCollector {
    /// These inputs.
    pub inputs: Vec<MemoryInput>,
    /// What allocates; absent if no profile says.
    pub allocated: Option<Allocated>,
    /// What leaks, as `leaks` says; absent without heap profiles that can tell.
    pub leaks: Option<Vec<CollectorLeak>>,
    /// What is worth attention about the memory of the process, as `memory` says.
    pub memory: Vec<MemoryFinding>,
}

/// A leak that the profiles show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorLeak {
    /// The line to blame.
    #[serde(flatten)]
    pub place: Place,
    /// How sure that is.
    pub confidence: Confidence,
    /// The unit of its growth: `bytes`, or `count` for goroutines.
    pub unit: String,
    /// How much it grew.
    pub growth: Estimate,
    /// How fast.
    pub slope_per_hour: Option<Estimate>,
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The logs, in the order of their names.
    pub inputs: Vec<CollectorInput>,
    /// The processes in them.
    pub processes: Vec<CollectorRow>,
    /// What other inputs say of the process, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<BesideCollector>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl CollectorReport {
    /// Judges some logs, each with its name. `warnings` are about other files.
    pub fn new(
        logs: Vec<(String, CollectorLog)>,
        limits: &CollectorLimits,
        mut warnings: Vec<String>,
    ) -> Self {
        let inputs: Vec<CollectorInput> =
            logs.iter().map(|(name, log)| CollectorInput::new(name, log)).collect();
        warnings.extend(inputs.iter().filter_map(CollectorInput::warning));
        let processes = judge(logs, limits);
        warnings.extend(processes.iter().filter_map(|process| missing(process, processes.len())));
        Self { schema: SCHEMA.to_owned(), inputs, processes, beside: None, warnings }
    }

    /// Adds what other inputs of the process say. Findings about what it allocates and what leaks then name the code.
    #[must_use]
    pub fn beside(
        mut self,
        recording: Recording,
        inputs: Vec<MemoryInput>,
        (limits, catalog): (&MemoryLimits, Arc<Catalog>),
    ) -> Self {
        let (memory, warnings) = memory::judge(&recording, MemoryAsked::default(), limits);
        self.warnings.extend(warnings);
        let allocated = allocated(&recording);
        let leaks = leaks(recording, catalog);
        for finding in self.processes.iter_mut().flat_map(|process| &mut process.findings) {
            match finding.rule {
                CollectorRule::Churn => finding.evidence.extend(allocated.as_ref().map(most)),
                CollectorRule::Leak => {
                    finding.evidence.extend(leaks.iter().flatten().take(NAMED).map(leaking));
                }
                _ => {}
            }
        }
        let memory = memory.map(|memory| memory.findings).unwrap_or_default();
        self.beside = Some(BesideCollector { inputs, allocated, leaks, memory });
        self
    }
}

/// Most leaks that a finding names, and most sites.
const NAMED: usize = 3;

/// What `leaks` finds in a recording; `None` if it can't tell.
fn leaks(recording: Recording, catalog: Arc<Catalog>) -> Option<Vec<CollectorLeak>> {
    let can_tell = |track: &Track| track.sizes().any(|snapshots| snapshots >= LEAST);
    if !can_tell(recording.main()) {
        return None;
    }
    let query = Query::new(Question::Leaks(LeaksQuery { catalog, limit: None }));
    let report = analyze(recording, &query, &Spec::default()).ok()?;
    let Answer::Leaks(answer) = report.answer else { return None };
    let leaks = answer.suspects.into_iter().filter(|suspect| suspect.class == Class::Leak);
    let leaks = leaks.map(|suspect| CollectorLeak {
        place: suspect.site,
        confidence: suspect.confidence,
        unit: suspect.unit,
        growth: suspect.growth,
        slope_per_hour: suspect.slope_per_hour,
    });
    Some(leaks.collect())
}

/// `main.parse (parse.go:44) allocates 62 %, main.encode (encode.go:12) 20 %`.
fn most(allocated: &Allocated) -> String {
    let sites = allocated.sites.iter().take(NAMED).enumerate().map(|(number, site)| {
        let allocates = if number == 0 { " allocates" } else { "" };
        format!("{}{allocates} {:.0} %", place(&site.place), 100.0 * site.share)
    });
    let when = if allocated.since_start { "since the start" } else { "between the profiles" };
    format!("{when}, {}", sites.collect::<Vec<_>>().join(", "))
}

fn leaking(leak: &CollectorLeak) -> String {
    let grows = leak.slope_per_hour.map_or_else(
        || format!("grew by {}", units::display(leak.growth.estimate as f64, &leak.unit)),
        |slope| format!("grows by {}/h", units::display(slope.estimate as f64, &leak.unit)),
    );
    format!("{} {grows}, by the profiles", place(&leak.place))
}

/// `main.parse parse.go:44`.
fn place(Place { function, file, line }: &Place) -> String {
    let file = file.as_deref().map(|file| file.rsplit(['/', '\\']).next().unwrap_or(file));
    match (file, line) {
        (Some(file), Some(line)) => format!("{function} {file}:{line}"),
        (Some(file), None) => format!("{function} {file}"),
        (None, _) => function.clone(),
    }
}

impl CollectorInput {
    fn new(name: &str, log: &CollectorLog) -> Self {
        Self {
            name: name.to_owned(),
            kind: "gctrace".to_owned(),
            lines: log.lines,
            collections: log.processes.iter().map(|process| process.collections.len()).sum(),
            broken: log.broken.count,
            broken_records: log
                .broken
                .first
                .iter()
                .map(|record| BrokenLine {
                    line: record.line,
                    column: record.column,
                    expected: record.expected.to_owned(),
                })
                .collect(),
            repeated: log.repeated,
        }
    }

    fn warning(&self) -> Option<String> {
        let BrokenLine { line, column, expected } = self.broken_records.first()?;
        let (count, are) = match self.broken {
            1 => ("1 record of gctrace breaks off and isn't".to_owned(), "it is"),
            count => (format!("{count} records of gctrace break off and aren't"), "the first is"),
        };
        Some(format!(
            "{}: {count} counted: {are} in line {line}, column {column}, where {expected} was \
             expected",
            self.name
        ))
    }
}

/// The warning about collections without a record.
fn missing(process: &CollectorRow, processes: usize) -> Option<String> {
    let of = if processes == 1 { String::new() } else { format!(" of process {}", process.number) };
    match process.missing {
        0 => None,
        1 => Some(format!("1 collection{of} has no record: lines of the log are lost")),
        count => Some(format!("{count} collections{of} have no record: lines of the log are lost")),
    }
}
