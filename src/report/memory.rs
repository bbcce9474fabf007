//! The report on where the memory is: what was read, and the parts.

use crate::analysis::memory::{MemoryAnswer, MemoryAsked, judge};
use crate::model::profile::TimeSource;
use crate::model::recording::Recording;
use crate::rules::memory::MemoryLimits;
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.memory/v1";

/// An input that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryInput {
    /// Its name.
    pub name: String,
    /// What it is: `heap profile`, `gctrace log`, `memory samples`.
    pub kind: String,
    /// Samples, collections, or 1 for a profile.
    pub samples: usize,
    /// Where its times come from, unless they are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_source: Option<TimeSource>,
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The inputs, in the order of their names.
    pub inputs: Vec<MemoryInput>,
    /// Where the memory is; absent if no input says anything about that.
    pub memory: Option<MemoryAnswer>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl MemoryReport {
    /// Divides the memory of a recording. `warnings` are about other files.
    pub fn new(
        recording: &Recording,
        inputs: Vec<MemoryInput>,
        asked: MemoryAsked,
        limits: &MemoryLimits,
        mut warnings: Vec<String>,
    ) -> Self {
        let (memory, more) = judge(recording, asked, limits);
        warnings.extend(more);
        Self { schema: SCHEMA.to_owned(), inputs, memory, warnings }
    }
}
