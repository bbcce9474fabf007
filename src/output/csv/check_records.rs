//! What is said of each rule, a line for each. The places behind it share a cell, the surest first.

use super::pattern_records::word;
use super::{Records, cell, joined};
use crate::analysis::check::{Check, Offender};
use crate::output::check_words as words;
use std::io;

const COLUMNS: [&str; 19] = [
    "rule",
    "outcome",
    "level",
    "demand",
    "scope",
    "sample_type",
    "unit",
    "limit",
    "limit_percent",
    "before",
    "after",
    "value",
    "value_percent",
    "lower",
    "upper",
    "allowed",
    "message",
    "advice",
    "offenders",
];

pub(super) fn write<W: io::Write>(check: &Check, writer: &mut Records<W>) -> io::Result<()> {
    writer.write(COLUMNS)?;
    for rule in &check.rules {
        let offenders: Vec<String> = rule.offenders.iter().map(place).collect();
        writer.write([
            rule.rule.clone(),
            word(&rule.outcome)?,
            word(&rule.level)?,
            word(&rule.demand)?,
            rule.scope.clone(),
            rule.sample_type.clone(),
            rule.unit.clone(),
            cell(rule.limit),
            cell(rule.limit_percent),
            cell(rule.before),
            cell(rule.after),
            cell(rule.value),
            cell(rule.value_percent.filter(|percent| percent.is_finite())),
            cell(rule.lower),
            cell(rule.upper),
            rule.allowed.to_string(),
            rule.message.clone(),
            cell(rule.advice.as_ref()),
            joined(offenders.iter().map(String::as_str)),
        ])?;
    }
    Ok(())
}

/// `main.serve chat.go:31`.
fn place(offender: &Offender) -> String {
    let place = words::place(offender);
    format!("{} {place}", offender.place.function).trim_end().to_owned()
}
