//! Ways to say a report: one file per format.
//!
//! A format reads a [`Report`] and nothing else: no profile, no file, no environment, no clock. What
//! differs between a terminal and a pipe is told by [`Style`], so the same report and the same style
//! always give the same bytes. A new format is its file, a variant and a line in [`write()`].

mod benchmark;
mod chart;
mod check_wording;
mod csv;
mod dot;
mod escape;
mod flamegraph;
mod folded;
mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
mod speedscope;
mod table;

pub(crate) use escape::escape;
pub(crate) use github::error as github_error;
use table::closing::command_on;
use table::number;
pub(crate) use table::shell;

use crate::patterns::Page;
use crate::report::baselines::Shelf;
use crate::report::{Answer, Report};
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
    /// The picture of a report that has one, as SVG: its flame graph, or the chart of its timeline.
    #[value(skip)]
    Svg,
    /// Lines of `root;leaf value`, and of `root;leaf before after` for a comparison.
    #[value(skip)]
    Folded,
    /// A file of speedscope.
    #[value(skip)]
    Speedscope,
    /// A check for a job summary or a comment on a pull request.
    #[value(skip)]
    Markdown,
    /// A check as a `JUnit` test report.
    #[value(skip)]
    Junit,
    /// A check as SARIF 2.1.0.
    #[value(skip)]
    Sarif,
    /// A check as workflow commands of GitHub Actions.
    #[value(skip)]
    Github,
    /// A check for github-action-benchmark.
    #[value(skip)]
    Benchmark,
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
/// Those of `out`, and that the report has nothing which the format could say.
pub fn write(
    format: Format,
    report: &Report,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match (format, &report.answer) {
        (Format::Table, _) => table::write(report, style, out),
        (Format::Json, _) => json::write(report, out),
        (Format::Csv, _) => csv::write(report, out),
        (Format::Dot, _) => dot::write(report, style, out),
        (Format::Svg, Answer::Flame(flame)) => flamegraph::write(report, flame, out),
        (Format::Svg, answer) => {
            answer.timeline().map_or(Ok(()), |timeline| chart::write(report, timeline, style, out))
        }
        (Format::Folded, Answer::Stacks(stacks)) => folded::write(stacks, out),
        (Format::Speedscope, Answer::Stacks(stacks)) => speedscope::write(report, stacks, out),
        (Format::Markdown, Answer::Check(answer)) => markdown::write(report, &answer.check, out),
        (Format::Junit, Answer::Check(answer)) => junit::write(report, &answer.check, out),
        (Format::Sarif, Answer::Check(answer)) => sarif::write(report, &answer.check, out),
        (Format::Github, Answer::Check(answer)) => github::write(report, &answer.check, out),
        (Format::Benchmark, Answer::Check(answer)) => benchmark::write(report, &answer.check, out),
        // The format has no words for the answer.
        _ => Ok(()),
    }
}

/// What `format` can't say of a report and leaves out, where it leaves out anything.
pub fn left_out(format: Format, report: &Report) -> Option<String> {
    match (format, &report.answer) {
        (Format::Folded, Answer::Stacks(stacks)) => folded::left_out(stacks),
        _ => None,
    }
}

/// Says in `format` that a check could not be judged, and why. Where a format has no words for that, nothing is written.
///
/// # Errors
///
/// Those of `out`.
pub fn write_failure(format: Format, message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Markdown => markdown::write_failure(message, out),
        Format::Junit => junit::write_failure(message, out),
        Format::Sarif => sarif::write_failure(message, out),
        Format::Github => github::write_failure(message, out),
        _ => Ok(()),
    }
}

/// How patterns are shown in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternView {
    /// A line for each.
    List,
    /// Each in full.
    Whole,
}

/// Says patterns in `format` to `out`; formats of graphs and stacks have no place for them.
///
/// # Errors
///
/// Those of `out`.
pub fn write_patterns(
    format: Format,
    page: &Page,
    view: PatternView,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write_patterns(page, view, style, out),
        Format::Json => json::write(page, out),
        Format::Csv => csv::write_patterns(page, out),
        _ => Ok(()),
    }
}

/// Says what is known of baselines in `format` to `out`; formats of graphs and stacks have no place for them.
///
/// # Errors
///
/// Those of `out`.
pub fn write_baselines(
    format: Format,
    shelf: &Shelf,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write_baselines(shelf, style, out),
        Format::Json => json::write(shelf, out),
        Format::Csv => csv::write_baselines(shelf, out),
        _ => Ok(()),
    }
}

/// A name that may stand between semicolons.
fn joinable(name: &str) -> Cow<'_, str> {
    if name.contains(';') { Cow::Owned(name.replace(';', ":")) } else { Cow::Borrowed(name) }
}
