//! Reports and lists of patterns as JSON.
//!
//! The JSON is [`crate::report::Report`] or [`crate::patterns::Page`], field for field, and the
//! schema in `docs/schema` is made from the same types, so nothing has to be kept in step by hand.
//! Keys are in the order of the fields, and the text ends with a newline. A character that doesn't
//! print is written as `\u009b`: parsers read the same character, and a terminal isn't affected.

use super::escape::json::write_pretty;
use serde::Serialize;
use std::io;

pub(super) fn write(report: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    write_pretty(report, out)
}
