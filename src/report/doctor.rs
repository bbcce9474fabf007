//! The report on what evidence is missing: for each service, or for the recording in the inputs.

use crate::analysis::gaps::{Diagnosis, GapId, GapsAsked, Known, diagnose};
use crate::model::recording::Recording;
use crate::report::memory::MemoryInput;
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.doctor/v1";

/// What is diagnosed: a service, or a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DoctorSubject {
    /// The address of the service without secrets, or what the inputs are called.
    pub name: String,
    /// What was read about it.
    pub inputs: Vec<MemoryInput>,
    /// What is missing, and what is there.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,
    /// What is required and not known to be there.
    pub lacking: Vec<GapId>,
}

impl DoctorSubject {
    /// Diagnoses a recording.
    pub fn new(
        (name, inputs): (String, Vec<MemoryInput>),
        (recording, known): (&Recording, &Known),
        asked: GapsAsked,
        required: &[GapId],
    ) -> Self {
        let diagnosis = diagnose(recording, known, asked);
        Self { name, inputs, lacking: diagnosis.lacking(required), diagnosis }
    }
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DoctorReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What was diagnosed.
    pub subjects: Vec<DoctorSubject>,
    /// What has to be there.
    pub required: Vec<GapId>,
    /// Whether all of it is, everywhere.
    pub is_met: bool,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl DoctorReport {
    /// Puts the subjects together.
    pub fn new(subjects: Vec<DoctorSubject>, required: Vec<GapId>, warnings: Vec<String>) -> Self {
        let is_met = subjects.iter().all(|subject| subject.lacking.is_empty());
        Self { schema: SCHEMA.to_owned(), subjects, required, is_met, warnings }
    }
}
