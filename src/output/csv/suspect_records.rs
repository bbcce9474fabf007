//! Suspects, a line for each with all that is known of it. Of several names or values in a cell those of a path stand root
//! first, and those of a series in the order of time.

use super::pattern_records::word;
use super::{Records, cell, joined, scientific};
use crate::analysis::Place;
use crate::analysis::estimates::{Estimate, Share};
use crate::analysis::suspects::Suspect;
use std::io;

const COLUMNS: [&str; 36] = [
    "rank",
    "class",
    "confidence",
    "function",
    "file",
    "line",
    "sample_type",
    "unit",
    "growth",
    "growth_lower",
    "growth_upper",
    "slope_per_hour",
    "slope_lower",
    "slope_upper",
    "q_value",
    "retention",
    "retention_lower",
    "retention_upper",
    "persistence",
    "load_factor",
    "patterns",
    "mechanism",
    "path",
    "places",
    "goroutines_before",
    "goroutines_after",
    "goroutines_state",
    "goroutines_started_by",
    "goroutines_parked_in",
    "explanation",
    "fix",
    "process",
    "since",
    "first",
    "last",
    "values",
];

pub(super) fn write<W: io::Write>(suspects: &[Suspect], writer: &mut Records<W>) -> io::Result<()> {
    writer.write(COLUMNS)?;
    for suspect in suspects {
        writer.write(record(suspect)?)?;
    }
    Ok(())
}

fn record(suspect: &Suspect) -> io::Result<[String; COLUMNS.len()]> {
    let [growth, growth_lower, growth_upper] = estimate(Some(suspect.growth));
    let [slope, slope_lower, slope_upper] = estimate(suspect.slope_per_hour);
    let [kept, kept_lower, kept_upper] = share(suspect.retention);
    let goroutines = suspect.goroutines.as_ref();
    let names = |names: &[String]| joined(names.iter().map(String::as_str));
    let places: Vec<String> = suspect.places.iter().map(place).collect();
    let values: Vec<String> = suspect.values.iter().map(ToString::to_string).collect();
    Ok([
        suspect.rank.to_string(),
        word(&suspect.class)?,
        word(&suspect.confidence)?,
        suspect.site.function.clone(),
        cell(suspect.site.file.as_ref()),
        cell(suspect.site.line),
        suspect.sample_type.clone(),
        suspect.unit.clone(),
        growth,
        growth_lower,
        growth_upper,
        slope,
        slope_lower,
        slope_upper,
        suspect.q_value.filter(|q| q.is_finite()).map(scientific).unwrap_or_default(),
        kept,
        kept_lower,
        kept_upper,
        number(suspect.persistence),
        suspect.load_factor.map(number).unwrap_or_default(),
        names(&suspect.patterns),
        cell(suspect.mechanism.as_ref()),
        names(&suspect.path),
        names(&places),
        cell(goroutines.map(|g| g.before)),
        cell(goroutines.map(|g| g.after)),
        cell(goroutines.map(|g| &g.state)),
        cell(goroutines.map(|g| &g.started_by)),
        cell(goroutines.map(|g| &g.parked_in)),
        suspect.explanation.clone(),
        suspect.fix.clone(),
        suspect.process.to_string(),
        suspect.since.to_string(),
        cell(suspect.values.first()),
        cell(suspect.values.last()),
        values.join(";"),
    ])
}

/// An estimate and the ends of its interval; nothing where there is none.
pub(super) fn estimate(estimate: Option<Estimate>) -> [String; 3] {
    [
        cell(estimate.map(|of| of.estimate)),
        cell(estimate.map(|of| of.lower)),
        cell(estimate.map(|of| of.upper)),
    ]
}

/// A share and the ends of its interval.
pub(super) fn share(share: Option<Share>) -> [String; 3] {
    let one = |of: fn(Share) -> f64| share.map(|share| number(of(share))).unwrap_or_default();
    [one(|of| of.estimate), one(|of| of.lower), one(|of| of.upper)]
}

/// What is no number is nothing: `NaN` in a column makes text of it.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

/// `main.serve chat.go:31`.
fn place(place: &Place) -> String {
    let Place { function, file, line } = place;
    match (file, line) {
        (Some(file), Some(line)) => format!("{function} {file}:{line}"),
        (Some(file), None) => format!("{function} {file}"),
        (None, _) => function.clone(),
    }
}
