//! What a page in one file carries: the answer that was asked for, and the answers to what its reader
//! asks next.

use super::collector::CollectorReport;
use super::incident::IncidentReport;
use super::memory::MemoryReport;
use super::{Answer, Report, SCHEMA, Sort};
use crate::analysis::cut_trees::CutTrees;
use crate::filter::Granularity;
use serde::Serialize;

/// Version of the data of a page.
pub const PAGE: u32 = 1;
/// Most values of rows through time.
pub const VALUES: usize = 60_000;
/// Clusters of goroutines beside an answer about something else.
pub const CLUSTERS: usize = 40;

/// A page. What is serialized is its data; the rest is written in other forms.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// Always [`PAGE`].
    pub report: u32,
    /// The command: `diff`.
    pub command: String,
    /// The version of heapdiff.
    pub version: String,
    /// The command line that makes the answer again, if all of it prints.
    pub command_line: Option<String>,
    /// The answer, with all rows.
    pub answer: Report,
    /// The same answer in the other sample types, for questions about one moment or two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_type: Vec<OfType>,
    /// The call paths to what the answer names first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refs: Option<Report>,
    /// The lines of these functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Report>,
    /// The goroutines, if the inputs have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goroutines: Option<Report>,
    /// What Go's collector did, if a log of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector: Option<CollectorReport>,
    /// Where the memory of the process is, if something besides stacks says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryReport>,
    /// The two snapshots that the trees compare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<String>,
    /// The exit code of a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// What the page leaves out.
    pub notes: Vec<String>,
    /// What a reader without scripts gets.
    #[serde(skip)]
    pub shown: Shown,
}

impl Page {
    /// A page of an answer alone, with what a reader without scripts gets.
    pub fn alone(
        command: &str,
        command_line: Option<String>,
        answer: Report,
        shown: Shown,
    ) -> Self {
        Self {
            report: PAGE,
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command_line,
            answer,
            by_type: Vec::new(),
            refs: None,
            source: None,
            goroutines: None,
            collector: None,
            memory: None,
            compared: Vec::new(),
            exit_code: None,
            notes: Vec::new(),
            shown,
        }
    }

    /// A page of what the collector did, or of where the memory is. No question is asked about
    /// profiles, so the answer is about no input.
    pub fn of_process(command: &str, command_line: Option<String>, shown: Shown) -> Self {
        let answer = Report {
            schema: SCHEMA.to_owned(),
            inputs: Vec::new(),
            comparison: None,
            sample_type: String::new(),
            unit: "bytes".to_owned(),
            granularity: Granularity::Functions,
            sort: Sort::Flat,
            totals: Vec::new(),
            answer: Answer::CutTrees(CutTrees::default()),
            warnings: Vec::new(),
        };
        Self::alone(command, command_line, answer, shown)
    }
}

/// What a page has for a reader without scripts.
#[derive(Clone, Debug)]
pub enum Shown {
    /// The answer, with as many rows as fit.
    Answer(Box<Report>),
    /// The card of an incident, whose answer about leaks is that of the page.
    Card(Box<IncidentReport>),
    /// What the collector did.
    Collector,
    /// Where the memory is.
    Memory,
}

/// An answer in a sample type.
#[derive(Clone, Debug, Serialize)]
pub struct OfType {
    /// The sample type.
    pub sample_type: String,
    /// The answer.
    pub answer: Report,
}
