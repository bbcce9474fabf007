//! The next command for a suspect, with two inputs of its process.

use super::closing::command_on;
use crate::analysis::suspects::Suspect;
use crate::report::Report;

/// The next command: the call paths that show its growth, between the first and the last profile of
/// its process.
pub(in crate::output) fn command(report: &Report, suspect: &Suspect) -> Option<String> {
    let shown_by = suspect.shown_by.as_ref()?;
    let [first, last] = shown_by.inputs.map(|at| report.inputs.get(at));
    let functions: Vec<&str> = shown_by.functions.iter().map(String::as_str).collect();
    command_on(&suspect.sample_type, "refs", &functions, &[first?, last?])
}
