//! What the card of an incident has from its caller: facts about the files, the code and the machine.

use crate::analysis::gaps::Diagnosis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who to ask about a suspect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SuspectOwner {
    /// The rank of the suspect.
    pub rank: usize,
    /// The file of its site, as the profile has it.
    pub file: Option<String>,
    /// The line.
    pub line: Option<i64>,
    /// Where the file is in the checkout; absent if it isn't there.
    pub path: Option<String>,
    /// Its owners, as CODEOWNERS has them.
    pub owners: Vec<String>,
    /// The CODEOWNERS file; absent if the checkout has none that GitHub reads: up to 3 MB.
    pub rule_file: Option<String>,
    /// The line of the rule in that file that says so; absent if none does.
    pub rule_line: Option<usize>,
    /// The pattern of the rule.
    pub rule_pattern: Option<String>,
    /// Who changed the line last, by git.
    pub author: Option<LineAuthor>,
}

/// Who changed a line last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineAuthor {
    /// The name.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// Its day: `2026-11-28`.
    pub day: String,
}

/// A command that gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reproduced {
    /// What it writes.
    pub what: ReproducedWhat,
    /// The command, quoted for a shell; absent if a name in it has no safe spelling.
    pub command: Option<String>,
}

/// What a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReproducedWhat {
    /// This card.
    Card,
    /// The verdict and the suspects, with all numbers.
    Leaks,
    /// Every row through time.
    Timeline,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// Its name in the folder.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// When it was taken (RFC 3339), if that is known.
    pub time: Option<String>,
    /// Its size in bytes, as it is stored.
    pub bytes: u64,
    /// The SHA-256 of these bytes.
    pub sha256: String,
}

/// How a recording went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CapturedRecording {
    /// Its manifest.
    pub manifest: String,
    /// The service.
    pub target: String,
    /// Snapshots that were taken.
    pub shots: usize,
    /// What failed, each with the number of times.
    pub failed: BTreeMap<String, usize>,
    /// What the snapshots show about the service: restarts, several processes behind one address.
    pub faults: Vec<String>,
    /// Why it ended; absent if it was killed, or goes on.
    pub ended: Option<String>,
}

/// What the caller knows about the inputs, the code and the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Surroundings {
    /// What evidence is missing, and what is there.
    pub evidence: Diagnosis,
    /// Who to ask about each suspect that is a leak, or grew.
    pub owners: Vec<SuspectOwner>,
    /// Commands that give the same answer.
    pub reproduce: Vec<Reproduced>,
    /// The folder that all inputs are in; empty for the working directory.
    pub folder: String,
    /// What was read, in the order of the names.
    pub inputs: Vec<Evidence>,
    /// The SHA-256 of the list that `sha256sum` writes about all inputs in this order, in that folder.
    pub inputs_sha256: String,
    /// How the recordings went that `heapdiff capture` made.
    pub recordings: Vec<CapturedRecording>,
}
