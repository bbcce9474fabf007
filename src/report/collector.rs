//! The report on Go's collector: what was read, and what it says of each process.

use crate::analysis::collector::{CollectorRow, judge};
use crate::model::collections::CollectorLog;
use crate::rules::collector::CollectorLimits;
use serde::{Deserialize, Serialize};

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
        Self { schema: SCHEMA.to_owned(), inputs, processes, warnings }
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
