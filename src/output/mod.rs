//! Ways to say a report: one file per format.
//!
//! A format reads a [`Report`] and nothing else: no profile, no file, no environment, no clock. What
//! differs between a terminal and a pipe is told by [`Style`], so the same report and the same style
//! always give the same bytes. A new format is its file, a variant and a line in [`write()`].

mod csv;
mod dot;
mod folded;
mod json;
mod speedscope;
mod table;

use table::number;
pub(crate) use table::{escape::escape, shell};

use crate::report::Report;
use std::borrow::Cow;
use std::io;

/// How a report is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, in a terminal.
    #[default]
    Table,
    /// For scripts: the whole report, as docs/schema/report.v1.json describes it.
    Json,
    /// For spreadsheets: one line per row, raw integers.
    Csv,
    /// For Graphviz: the call graph.
    #[value(skip)]
    Dot,
}

/// How wide lines may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Columns of a terminal: less important columns are left out and names are shortened to fit.
    Columns(usize),
    /// No limit, for pipes and files: nothing is left out or shortened, so that `grep` finds it.
    Unlimited,
}

impl Width {
    /// The column at which prose is wrapped.
    fn prose(self) -> usize {
        match self {
            Width::Columns(columns) => columns.clamp(20, 100),
            Width::Unlimited => 160,
        }
    }
}

/// How source files are named in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileNames {
    /// Without their folders: `limiter.go:54`.
    Short,
    /// As the report has them.
    Whole,
}

/// What the table may use. JSON and CSV look the same whatever stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// How wide lines may be.
    pub width: Width,
    /// Whether to colour with ANSI escapes.
    pub color: bool,
    /// Print values in this unit (`MB`, `bytes`, `ms`) where it fits their kind; each in the unit that
    /// fits its size where absent.
    pub unit: Option<String>,
    /// How source files are named.
    pub file_names: FileNames,
}

/// Says `report` in `format` to `out`.
///
/// # Errors
///
/// Only those of `out`.
pub fn write(
    format: Format,
    report: &Report,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(report, style, out),
        Format::Json => json::write(report, out),
        Format::Csv => csv::write(report, out),
        Format::Dot => dot::write(report, style, out),
    }
}

/// Formats of other tools, which hold the stacks of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackFormat {
    /// Lines of `root;leaf value`, and of `root;leaf before after` for a comparison.
    Folded,
    /// A file of speedscope.
    Speedscope,
    /// One line per stack, raw integers.
    Csv,
}

/// Says the stacks of `report` in `format` to `out`; nothing where it has none.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_stacks(
    format: StackFormat,
    report: &Report,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(stacks) = &report.stacks else { return Ok(()) };
    match format {
        StackFormat::Folded => folded::write(stacks, out),
        StackFormat::Speedscope => speedscope::write(report, stacks, out),
        StackFormat::Csv => csv::write(report, out),
    }
}

/// A name that may stand between semicolons.
fn joinable(name: &str) -> Cow<'_, str> {
    if name.contains(';') { Cow::Owned(name.replace(';', ":")) } else { Cow::Borrowed(name) }
}
