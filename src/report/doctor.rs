//! The report on what evidence is missing: for each service, or for the recording in the inputs.

use crate::analysis::gaps::{Diagnosis, GapId, GapsAsked, Known, diagnose};
use crate::model::recording::Recording;
use crate::report::memory::MemoryInput;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.doctor/v1";

/// What has to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// These.
    pub ids: Vec<GapId>,
    /// And everything that can be known from the inputs.
    pub is_all: bool,
}

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
        required: &Requirement,
    ) -> Self {
        let diagnosis = diagnose(recording, known, asked);
        let mut lacking = diagnosis.lacking(&required.ids);
        if required.is_all {
            lacking.extend(diagnosis.gaps.iter().map(|gap| gap.id));
            lacking.sort_unstable();
            lacking.dedup();
        }
        Self { name, inputs, diagnosis, lacking }
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
    pub fn new(
        subjects: Vec<DoctorSubject>,
        required: &Requirement,
        warnings: Vec<String>,
    ) -> Self {
        let required: BTreeSet<GapId> = {
            let is_all = required.is_all;
            let known = subjects.iter().filter(|_| is_all).map(|subject| &subject.diagnosis);
            let known = known
                .flat_map(|one| one.fine.iter().copied().chain(one.gaps.iter().map(|gap| gap.id)));
            required.ids.iter().copied().chain(known).collect()
        };
        let required: Vec<GapId> = required.into_iter().collect();
        let is_met = subjects.iter().all(|subject| subject.lacking.is_empty());
        Self { schema: SCHEMA.to_owned(), subjects, required, is_met, warnings }
    }
}
