//! Patterns, and what matches them, a line for each.

use super::{Records, cell, joined};
use crate::analysis::matches::Matches;
use crate::patterns::Page;
use serde::Serialize;
use std::io;

const MATCH_COLUMNS: [&str; 6] =
    ["function", "file", "patterns", "inuse_space", "alloc_space", "goroutines"];

const PATTERN_COLUMNS: [&str; 9] =
    ["id", "confidence", "evidence", "metric", "title", "meaning", "look_for", "fix", "seen_on"];

pub(super) fn write_matches<W: io::Write>(
    matches: &Matches,
    writer: &mut Records<W>,
) -> io::Result<()> {
    writer.write(MATCH_COLUMNS)?;
    for row in &matches.rows {
        writer.write([
            row.function.clone(),
            cell(row.file.as_ref()),
            joined(row.patterns.iter().map(String::as_str)),
            cell(row.inuse_space),
            cell(row.alloc_space),
            cell(row.goroutines),
        ])?;
    }
    Ok(())
}

/// The words of patterns. Their expressions and examples are in JSON.
pub(in crate::output) fn write_patterns(page: &Page, out: &mut dyn io::Write) -> io::Result<()> {
    let mut writer = Records(::csv::Writer::from_writer(out));
    writer.write(PATTERN_COLUMNS)?;
    for pattern in &page.patterns {
        writer.write([
            pattern.id.as_str(),
            &word(&pattern.confidence)?,
            &word(&pattern.evidence)?,
            &word(&pattern.metric)?,
            &pattern.title,
            &pattern.meaning,
            &pattern.look_for,
            &pattern.fix,
            &pattern.seen_on,
        ])?;
    }
    writer.0.flush()
}

/// The word for a value, as JSON has it.
pub(super) fn word(value: &impl Serialize) -> io::Result<String> {
    let value = serde_json::to_value(value)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}
