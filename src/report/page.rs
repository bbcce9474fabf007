//! What a page in one file carries: the answer that was asked for, and the answers to what its reader
//! asks next.

use super::Report;
use crate::analysis::cut_trees::CutTrees;
use serde::Serialize;

/// Version of the data of a page.
pub const PAGE: u32 = 1;

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
    /// The two snapshots that the trees compare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<String>,
    /// The exit code of a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// What the page leaves out.
    pub notes: Vec<String>,
    /// The answer with as many rows as a reader without scripts gets.
    #[serde(skip)]
    pub shown: Report,
    /// The paths, cut to what fits.
    #[serde(skip)]
    pub trees: Option<CutTrees>,
}

impl Page {
    /// A page of an answer alone, with as many rows for a reader without scripts as `shown` has.
    pub fn alone(
        command: &str,
        command_line: Option<String>,
        answer: Report,
        shown: Report,
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
            compared: Vec::new(),
            exit_code: None,
            notes: Vec::new(),
            shown,
            trees: None,
        }
    }
}

/// An answer in a sample type.
#[derive(Clone, Debug, Serialize)]
pub struct OfType {
    /// The sample type.
    pub sample_type: String,
    /// The answer.
    pub answer: Report,
}
