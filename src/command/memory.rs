//! `heapdiff memory INPUT...`: where the resident memory of a process is, from whatever there is.

use super::options::{Color, DestinationArgs, DressArgs, ReadingArgs, width};
use super::symbols::SymbolArgs;
use super::values::size;
use super::whole::{self, WholeArgs};
use super::{CommandError, Console, catalog, request, run};
use crate::analysis::memory::MemoryAsked;
use crate::output::{self, Format};
use crate::report::memory::MemoryReport;
use crate::rules::memory::MemoryLimits;
use crate::source::expand::{expand, natural};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Show where the resident memory is: a waterfall that adds up
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff memory [OPTIONS] INPUT...",
    after_help = "\
Examples:
  heapdiff memory heap-debug1.txt smaps_rollup    one moment: each part of the resident set
  heapdiff memory memstats.json server.log        the live heap from the collector's log
  heapdiff memory --rss rss.csv heap-*.txt        several moments: where the growth went
  heapdiff memory --limit 2GiB cgroup.txt         how far the limit is
  heapdiff memory incident/                       whatever is in a folder

Inputs are heap profiles (those with ?debug=1 have Go's statistics), runtime.MemStats or /debug/vars \
as JSON, logs with gctrace lines, goroutine profiles, /proc/PID/smaps_rollup and status, a cgroup's \
memory.current, memory.max, memory.stat and memory.events, and lists of times and resident sets. A \
file may have many samples of these, each after a line with its time. What is missing is named with \
the command that records it. It looks for: M1 live-grows, M2 idle-kept, M3 returned-lazily, M4 \
fragmented, M5 goal-beyond-limit, M6 outside-grows, M7 profiler-buckets and M8 page-cache-counted. \
Their thresholds are keys of [memory] in heapdiff.toml (see docs/guide.md)."
)]
pub(super) struct MemoryArgs {
    /// Inputs of one process, in any order, also packed. Files, folders or globs; `-` reads standard input
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    whole: WholeArgs,
    /// Say how far SIZE is [default: the limit in the inputs]
    #[arg(long, value_name = "SIZE", value_parser = size::<u64>, allow_negative_numbers = true)]
    limit: Option<u64>,
    /// Read thresholds from FILE [default: heapdiff.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: MemoryOutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct MemoryOutputArgs {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MemoryFormat::Table)]
    format: MemoryFormat,
    #[command(flatten)]
    destination: DestinationArgs,
    /// Make CSV safe for a spreadsheet: no name becomes a formula
    #[arg(long)]
    csv_safe: bool,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
    /// Fit the text into N columns [default: the width of the terminal; no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    width: Option<usize>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MemoryFormat {
    /// For people, in a terminal.
    Table,
    /// For scripts: the whole report, as docs/schema/memory.v1.json describes it.
    Json,
    /// For spreadsheets: a line per moment and part, raw integers.
    Csv,
    /// For a ticket.
    Markdown,
}

impl From<MemoryFormat> for Format {
    fn from(format: MemoryFormat) -> Self {
        match format {
            MemoryFormat::Table => Self::Table,
            MemoryFormat::Json => Self::Json,
            MemoryFormat::Csv => Self::Csv,
            MemoryFormat::Markdown => Self::Markdown,
        }
    }
}

pub(super) fn answer(args: MemoryArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let MemoryArgs { inputs, whole, limit, config, output } = args;
    if inputs.is_empty() && whole.rss.is_empty() {
        return Err(CommandError::Usage(
            "memory needs inputs: heapdiff memory INPUT..., or - for standard input".to_owned(),
        ));
    }
    let times = whole.times()?;
    let settings = catalog::settings(config.as_deref())?;
    let limits = settings.map(|file| MemoryLimits::read(&file.name, &file.text)).transpose();
    let limits = limits.map_err(|error| CommandError::Usage(error.to_string()))?;
    let MemoryOutputArgs { format, destination, csv_safe, color, width, reading } = output;
    let dress = DressArgs {
        destination,
        csv_safe,
        color,
        width,
        reading: reading.clone(),
        ..DressArgs::default()
    };
    let output = request::dressed(format.into(), dress)?;
    let mut expanded = expand(&inputs).map_err(|error| CommandError::Answer(Box::new(error)))?;
    expanded.inputs.sort_by(|a, b| natural(&a.name, &b.name));
    let names = expanded.inputs.iter().map(|found| found.name.clone()).chain(whole.rss.clone());
    let names: Vec<String> = names.collect();
    let config = config.iter().map(PathBuf::as_path);
    run::check_destination(output.file.as_deref(), output.force, &names, config)?;
    let progress = run::progress(console, &reading, &SymbolArgs::default())?;
    let read = whole::load(&expanded.inputs, &whole.rss, times, &progress)?;
    let mut warnings = read.warnings;
    warnings.extend(read.skipped);
    warnings.extend(expanded.nested.iter().map(|(folder, folders)| {
        let is = if *folders == 1 { "folder" } else { "folders" };
        format!("skipped {folders} {is} in {folder}; use a ** glob to include the files there")
    }));
    let asked = MemoryAsked { limit };
    let limits = limits.unwrap_or_default();
    let mut report = MemoryReport::new(&read.recording, read.inputs, asked, &limits, warnings);
    if report.memory.is_none() {
        return Err(CommandError::Answer(
            "no input says how much memory the process has; record it: curl -s \
             'http://HOST/debug/pprof/heap?debug=1' > heap.txt; cat /proc/PID/smaps_rollup > \
             smaps_rollup"
                .into(),
        ));
    }
    if reading.quiet {
        report.warnings.clear();
    }
    let style = run::style(&output, console);
    run::write_to(output.file.as_deref(), console, |out| {
        output::write_memory(output.format, &report, &style, out)
    })?;
    if matches!(output.format, Format::Csv | Format::SafeCsv) {
        report.warnings.iter().for_each(|message| run::say_warning(message, console));
    }
    Ok(())
}
