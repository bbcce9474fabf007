//! Output formats: one file per format.
//!
//! A format reads a [`Report`] and nothing else: no profile, no file, no environment, no clock.
//! [`Style`] carries the differences between a terminal and a pipe, so the same report and style
//! always give the same bytes. A new format is its own file, plus a variant and a line in
//! [`write()`].

mod benchmark;
mod chart;
mod check_wording;
mod collector_wording;
mod columns;
mod csv;
mod doctor_wording;
mod dot;
mod escape;
mod flamegraph;
mod folded;
mod github;
mod html;
mod incident_wording;
mod json;
mod junit;
mod markdown;
mod memory_wording;
mod number;
mod rich;
mod sarif;
mod speedscope;
mod table;
mod track_wording;
mod tree_columns;

use chart::Site as ChartSite;
pub(crate) use escape::escape;
pub(crate) use escape::lines::plain as plain_line;
pub(crate) use github::error as github_error;
pub use html::{LOOK, PackedPage, SCRIPT, write as write_page, write_data as write_page_data};
use table::closing::{self, command_on};
use table::heading::{parts as what_it_was, seconds as whole_seconds};
pub(crate) use table::shell;
use table::shown::shown as as_shown;
use table::suspect_facts;
use table::suspect_lines::HEADINGS as CLASS_HEADINGS;
use table::suspect_next::command as next_about;
use table::verdict_line::more as more_verdicts;

pub use tree_columns::{columns as tree_columns, encode as tree_bytes};

use crate::analysis::Place;
use crate::analysis::timeline::Timeline;
use crate::filter::Granularity;
use crate::patterns::Page;
use crate::report::baselines::Shelf;
use crate::report::collector::CollectorReport;
use crate::report::doctor::DoctorReport;
use crate::report::incident::IncidentReport;
use crate::report::memory::MemoryReport;
use crate::report::{Answer, InputKind, LeaksAnswer, Report};
use escape::csv::Cells;
use escape::lines::{self, Medium};
use std::borrow::Cow;
use std::io;

/// Rows in the chart of a page.
const CHART: usize = 10;

/// Output format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, in a terminal.
    #[default]
    Table,
    /// For scripts: the whole report, as docs/schema/report.v1.json describes it.
    Json,
    /// For spreadsheets: one line per row, raw integers.
    Csv,
    /// CSV whose cells no spreadsheet takes for a formula.
    #[value(skip)]
    SafeCsv,
    /// For a browser: a page in one file, of diff, top, leaks, timeline, goroutines and check.
    Html,
    /// For Graphviz: the call graph.
    #[value(skip)]
    Dot,
    /// The report as SVG, if it has a picture: its flame graph, or the chart of its timeline.
    #[value(skip)]
    Svg,
    /// Lines of `root;leaf value`, and of `root;leaf before after` for a comparison.
    #[value(skip)]
    Folded,
    /// A speedscope file.
    #[value(skip)]
    Speedscope,
    /// A check for a job summary or a comment on a pull request, or the collector for a ticket.
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
    /// No limit, for pipes and files: nothing is left out or shortened, so that `grep` finds
    /// everything.
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

/// How a table looks. JSON and CSV ignore this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// How wide lines may be.
    pub width: Width,
    /// Whether to colour with ANSI escapes.
    pub color: bool,
    /// Print values in this unit (`MB`, `bytes`, `ms`) if it fits their kind; without it, each
    /// value uses the unit that fits its size.
    pub unit: Option<String>,
    /// How source files are named.
    pub file_names: FileNames,
}

/// Writes `report` in `format` to `out`.
///
/// # Errors
///
/// Returns the errors of `out`, and an error if the format can't express the report.
pub fn write(
    format: Format,
    report: &Report,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match (format, &report.answer) {
        (Format::Table, _) => {
            lines::write(text(style), out, |out| table::write(report, style, out))
        }
        (Format::Json, _) => json::write(report, out),
        (Format::Csv, _) => csv::write(report, style, Cells::Exact, out),
        (Format::SafeCsv, _) => csv::write(report, style, Cells::Safe, out),
        (Format::Dot, _) => dot::write(report, style, out),
        (Format::Svg, Answer::Flame(flame)) => {
            lines::write(Medium::Markup, out, |out| flamegraph::write(report, flame, out))
        }
        (Format::Svg, answer) => answer.timeline().map_or(Ok(()), |timeline| {
            lines::write(Medium::Markup, out, |out| {
                chart::write(report, timeline, (style, chart::MOST), out)
            })
        }),
        (Format::Folded, Answer::Stacks(stacks)) => {
            lines::write(Medium::Plain, out, |out| folded::write(stacks, out))
        }
        (Format::Speedscope, Answer::Stacks(stacks)) => speedscope::write(report, stacks, out),
        (Format::Markdown, Answer::Check(answer)) => {
            lines::write(Medium::Markup, out, |out| markdown::write(report, &answer.check, out))
        }
        (Format::Junit, Answer::Check(answer)) => {
            lines::write(Medium::Markup, out, |out| junit::write(report, &answer.check, out))
        }
        (Format::Sarif, Answer::Check(answer)) => sarif::write(report, &answer.check, out),
        (Format::Github, Answer::Check(answer)) => github::write(report, &answer.check, out),
        (Format::Benchmark, Answer::Check(answer)) => benchmark::write(report, &answer.check, out),
        // The format can't express this answer.
        _ => Ok(()),
    }
}

/// The sites of the chart of a timeline, for a page.
fn chart_sites(report: &Report, timeline: &Timeline) -> Vec<ChartSite> {
    chart::sites(report, timeline, CHART)
}

/// The chart of a timeline for a page, as SVG.
fn write_chart(
    report: &Report,
    timeline: &Timeline,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    lines::write(Medium::Markup, out, |out| chart::write(report, timeline, (style, CHART), out))
}

/// The verdict about leaks in one line, without colour.
pub fn verdict(report: &Report, answer: &LeaksAnswer) -> String {
    table::verdict(report, answer)
}

/// A name of a function shortened to so many columns: its folders first, then its middle.
pub fn fit_name(name: &str, columns: usize) -> String {
    table::fit_name(name, columns)
}

/// A file without its folders, and the line: `limiter.go:54`.
pub fn file_and_line(place: &Place) -> String {
    columns::cells::file_and_line(place, FileNames::Short)
}

/// Values through time as a row of at most `width` blocks.
pub fn sparkline(values: &[i64], width: usize) -> String {
    table::sparkline(values, width)
}

/// Describes what `format` leaves out of a report, if anything.
pub fn left_out(format: Format, report: &Report) -> Option<String> {
    match (format, &report.answer) {
        (Format::Folded, Answer::Stacks(stacks)) => folded::left_out(stacks),
        _ => None,
    }
}

/// Writes in `format` that a check could not run, and why. Writes nothing if the format can't
/// express that.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_failure(format: Format, message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Markdown => {
            lines::write(Medium::Markup, out, |out| markdown::write_failure(message, out))
        }
        Format::Junit => {
            lines::write(Medium::Markup, out, |out| junit::write_failure(message, out))
        }
        Format::Html => lines::write(Medium::Markup, out, |out| html::write_failure(message, out)),
        Format::Sarif => sarif::write_failure(message, out),
        Format::Github => github::write_failure(message, out),
        _ => Ok(()),
    }
}

/// How patterns are shown in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternView {
    /// One line per pattern.
    List,
    /// Each in full.
    Whole,
}

/// Writes patterns in `format` to `out`; graph and stack formats can't show them.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_patterns(
    format: Format,
    page: &Page,
    view: PatternView,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => {
            lines::write(text(style), out, |out| table::write_patterns(page, view, style, out))
        }
        Format::Json => json::write(page, out),
        Format::Csv => csv::write_patterns(page, Cells::Exact, out),
        Format::SafeCsv => csv::write_patterns(page, Cells::Safe, out),
        _ => Ok(()),
    }
}

/// Writes baselines in `format` to `out`; graph and stack formats can't show them.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_baselines(
    format: Format,
    shelf: &Shelf,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => {
            lines::write(text(style), out, |out| table::write_baselines(shelf, style, out))
        }
        Format::Json => json::write(shelf, out),
        Format::Csv => csv::write_baselines(shelf, style, Cells::Exact, out),
        Format::SafeCsv => csv::write_baselines(shelf, style, Cells::Safe, out),
        _ => Ok(()),
    }
}

/// Writes what the collector did in `format` to `out`; graph and stack formats can't show it.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_collector(
    format: Format,
    report: &CollectorReport,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => {
            lines::write(text(style), out, |out| table::write_collector(report, style, out))
        }
        Format::Json => json::write(report, out),
        Format::Csv => csv::write_collector(report, Cells::Exact, out),
        Format::SafeCsv => csv::write_collector(report, Cells::Safe, out),
        Format::Markdown => {
            lines::write(Medium::Markup, out, |out| markdown::write_collector(report, out))
        }
        _ => Ok(()),
    }
}

/// Writes what evidence is missing in `format` to `out`; graph and stack formats can't show it.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_doctor(
    format: Format,
    report: &DoctorReport,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => {
            lines::write(text(style), out, |out| table::write_doctor(report, style, out))
        }
        Format::Json => json::write(report, out),
        Format::Csv => csv::write_doctor(report, Cells::Exact, out),
        Format::SafeCsv => csv::write_doctor(report, Cells::Safe, out),
        Format::Markdown => {
            lines::write(Medium::Markup, out, |out| markdown::write_doctor(report, out))
        }
        _ => Ok(()),
    }
}

/// Writes where the memory is in `format` to `out`; graph and stack formats can't show it.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_memory(
    format: Format,
    report: &MemoryReport,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => {
            lines::write(text(style), out, |out| table::write_memory(report, style, out))
        }
        Format::Json => json::write(report, out),
        Format::Csv => csv::write_memory(report, Cells::Exact, out),
        Format::SafeCsv => csv::write_memory(report, Cells::Safe, out),
        Format::Markdown => {
            lines::write(Medium::Markup, out, |out| markdown::write_memory(report, out))
        }
        _ => Ok(()),
    }
}

/// Writes the card of an incident in `format` to `out`: JSON, or Markdown. `report` is the one about
/// leaks that the card was made from.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_incident(
    format: Format,
    card: &IncidentReport,
    (report, answer): (&Report, &LeaksAnswer),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Json => json::write(card, out),
        Format::Markdown => lines::write(Medium::Markup, out, |out| {
            markdown::write_incident(card, report, answer, out)
        }),
        _ => Ok(()),
    }
}

/// The warnings of a report in words: those about all inputs, then those of single ones, each once.
pub fn warnings(report: &Report) -> Vec<String> {
    table::heading::warnings(report)
}

/// The lines of a table.
fn text(style: &Style) -> Medium {
    if style.color { Medium::Colored } else { Medium::Plain }
}

/// A name that is safe between semicolons.
fn joinable(name: &str) -> Cow<'_, str> {
    if name.contains(';') { Cow::Owned(name.replace(';', ":")) } else { Cow::Borrowed(name) }
}

/// Whether heap terms apply: every input is a heap profile.
fn is_heap(report: &Report) -> bool {
    report.inputs.iter().all(|input| input.kind == InputKind::Heap)
}

/// Whether a row is named after a function: a file or a package next to the function it is listed
/// under would compare unlike things.
fn names_functions(report: &Report) -> bool {
    !matches!(report.granularity, Granularity::Files | Granularity::Packages)
}
