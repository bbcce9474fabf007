//! What the table and Markdown say of missing evidence in words.

use crate::analysis::estimates::Severity;
use crate::analysis::gaps::{GapId, Reach};
use crate::report::doctor::{DoctorReport, DoctorSubject};
use crate::units::{self, Bytes};
use std::fmt::Write as _;

/// `2 problems, 5 notes`, and whether there is a problem.
pub(super) fn verdict(subject: &DoctorSubject) -> (String, bool) {
    let of =
        |severity| subject.diagnosis.gaps.iter().filter(|gap| gap.severity == severity).count();
    let (problems, notes) = (of(Severity::Problem), of(Severity::Note));
    let many = |count: usize, one: &str| {
        let ending = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {one}{ending}"))
    };
    let parts: Vec<String> =
        [many(problems, "problem"), many(notes, "note")].into_iter().flatten().collect();
    let text = if parts.is_empty() { "nothing is missing".to_owned() } else { parts.join(", ") };
    (format!("{}: {text}", subject.name), problems > 0)
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Problem => "problem",
        Severity::Note => "note",
    }
}

/// `heap, rate, goroutines`.
pub(super) fn names(ids: &[GapId]) -> String {
    ids.iter().map(|id| id.name()).collect::<Vec<_>>().join(", ")
}

/// Which leaks show after which time.
pub(super) fn reach(reach: &Reach) -> String {
    let after = reach
        .after
        .iter()
        .map(|one| format!("{}/h after {}", Bytes(one.slope_per_hour as f64), hours(one.hours)));
    let after = after.collect::<Vec<_>>().join(", ");
    let like = if reach.is_planned { "" } else { " like these" };
    let mut text = format!(
        "one sample stands for {}; with {} snapshots{like}, a leak is found in {:.0} of 100 cases once it has added {}: {after}",
        Bytes(reach.period as f64),
        reach.snapshots,
        reach.power * 100.0,
        Bytes(reach.growth as f64),
    );
    if let (Some(leak), Some(shows)) = (reach.leak, reach.leak_shows_after) {
        let _ = write!(text, "; one of {}/h after {}", Bytes(leak), hours(shows));
    }
    text
}

fn hours(hours: f64) -> String {
    units::display(hours * 3.6e12, "nanoseconds")
}

/// What is required, and what of it is missing where.
pub(super) fn required(report: &DoctorReport) -> Option<String> {
    if report.required.is_empty() {
        return None;
    }
    let asked = names(&report.required);
    let lacking: Vec<String> = report
        .subjects
        .iter()
        .filter(|subject| !subject.lacking.is_empty())
        .map(|subject| format!("{} lacks {}", subject.name, names(&subject.lacking)))
        .collect();
    Some(if lacking.is_empty() {
        format!("required, and there: {asked}")
    } else {
        format!("required: {asked}; {}", lacking.join("; "))
    })
}
