//! Patterns, one line each.

use super::{Sheet, write_rows};
use crate::output::columns::{Columns, cells::word};
use crate::output::escape::csv::Cells;
use crate::patterns::{Listing, Page};
use std::io;

/// The texts of patterns. Their expressions and examples are only in JSON.
pub(in crate::output) fn write_patterns(
    page: &Page,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let columns = Columns::<&Listing>::new()
        .column("id", |pattern| &pattern.id)
        .optional("confidence", |pattern| word(pattern.confidence))
        .optional("evidence", |pattern| word(pattern.evidence))
        .optional("metric", |pattern| word(pattern.metric))
        .column("title", |pattern| &pattern.title)
        .column("meaning", |pattern| &pattern.meaning)
        .column("look_for", |pattern| &pattern.look_for)
        .column("fix", |pattern| &pattern.fix)
        .column("seen_on", |pattern| &pattern.seen_on);
    write_rows(columns, &page.patterns, &mut Sheet { cells, out })
}
