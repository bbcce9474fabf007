//! The next command for a suspect, with two inputs of its process.

use super::closing::command_on;
use crate::analysis::suspects::Suspect;
use crate::report::{Input, InputKind, Report};

/// The next command: the call paths to the allocating function between the first and the last
/// snapshot of its process, or for goroutines the paths to where they wait.
pub(super) fn command(report: &Report, suspect: &Suspect) -> Option<String> {
    let (function, ends) = if suspect.sample_type == "goroutine" {
        let parked = suspect.goroutines.as_ref().map(|goroutines| &goroutines.parked_in);
        (parked.unwrap_or(&suspect.site.function), goroutine_ends(report)?)
    } else {
        (&suspect.site.function, ends(report, suspect.process)?)
    };
    command_on(&suspect.sample_type, "refs", Some(function), &ends)
}

/// The first and the last input of a process.
fn ends(report: &Report, process: usize) -> Option<[&Input; 2]> {
    let timeline = report.answer.timeline()?;
    let of_process = timeline.inputs.iter().zip(&timeline.processes);
    let mut inputs = of_process.filter(|(_, of)| **of == process).map(|(&input, _)| input);
    let first = inputs.next()?;
    let last = inputs.next_back()?;
    Some([report.inputs.get(first)?, report.inputs.get(last)?])
}

/// The first and the last goroutine profile.
fn goroutine_ends(report: &Report) -> Option<[&Input; 2]> {
    let mut all: Vec<&Input> =
        report.inputs.iter().filter(|input| input.kind == InputKind::Goroutine).collect();
    // Fractions of a second have any number of digits, and the Z after them sorts after each digit.
    all.sort_by_key(|input| input.time.as_deref().map(|time| time.trim_end_matches('Z')));
    match all.as_slice() {
        [first, .., last] => Some([first, last]),
        _ => None,
    }
}
