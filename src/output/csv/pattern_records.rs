//! Patterns and their matches, one line each.

use super::columns::{Columns, joined, word};
use crate::analysis::matches::Match;
use crate::patterns::{Listing, Page};
use std::io;

pub(super) fn match_columns<'a>() -> Columns<'a, &'a Match> {
    Columns::<&Match>::new()
        .column("function", |row| &row.function)
        .optional("file", |row| row.file.as_ref())
        .column("patterns", |row| joined(&row.patterns))
        .optional("inuse_space", |row| row.inuse_space)
        .optional("alloc_space", |row| row.alloc_space)
        .optional("goroutines", |row| row.goroutines)
}

/// The texts of patterns. Their expressions and examples are only in JSON.
pub(in crate::output) fn write_patterns(page: &Page, out: &mut dyn io::Write) -> io::Result<()> {
    Columns::<&Listing>::new()
        .column("id", |pattern| &pattern.id)
        .optional("confidence", |pattern| word(pattern.confidence))
        .optional("evidence", |pattern| word(pattern.evidence))
        .optional("metric", |pattern| word(pattern.metric))
        .column("title", |pattern| &pattern.title)
        .column("meaning", |pattern| &pattern.meaning)
        .column("look_for", |pattern| &pattern.look_for)
        .column("fix", |pattern| &pattern.fix)
        .column("seen_on", |pattern| &pattern.seen_on)
        .write(&page.patterns, out)
}
