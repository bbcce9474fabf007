//! Reports and lists of patterns as JSON.
//!
//! It is the type of [`crate::report::Report`], or of [`crate::patterns::Page`], field for field, so there is nothing to keep in step by hand: the schema
//! in `docs/schema` is made from the same type. Keys stand in the order of the fields, and the text
//! ends with a newline. A character that does not print is spelled `\u009b`, which means the same to
//! who parses it and nothing to a terminal.

use super::escape::Printable;
use serde::Serialize;
use std::io;

pub(super) fn write(report: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    // serde_json wraps an error of the writer; scripts that close the pipe need its kind back.
    serde_json::to_writer_pretty(Printable(&mut *out), report).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
