//! `heapdiff gc LOG...`: what Go's collector does, by the lines of `GODEBUG=gctrace=1` in some logs.
//!
//! The logs are no profiles, so nothing here goes through the requests of the other commands.

use super::catalog;
use super::load::inflate;
use super::options::{Color, DestinationArgs, DressArgs, ReadingArgs, width};
use super::symbols::SymbolArgs;
use super::{CommandError, Console, request, run};
use crate::input::{self, InputError};
use crate::model::collections::CollectorLog;
use crate::output::{self, Format};
use crate::parallel;
use crate::printable::escape;
use crate::report::collector::CollectorReport;
use crate::rules::collector::CollectorLimits;
use crate::source::expand::{Found, Origin, expand, natural};
use crate::source::{self, STDIN};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Most skipped files that the warning names.
const NAMED: usize = 3;

/// Show what Go's garbage collector does, from the gctrace lines in logs
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff gc [OPTIONS] LOG...",
    after_help = "\
Examples:
  GODEBUG=gctrace=1 ./server 2>server.log     write the lines
  heapdiff gc server.log                      what is wrong, and what to do
  kubectl logs POD --previous | heapdiff gc - the process that was killed
  heapdiff gc app.log.2.gz app.log.1 app.log  rotated logs are joined
  heapdiff gc --format json app.log           for scripts

The lines may be anywhere in a log, behind the prefixes of docker, journald and Kubernetes, and of \
several processes. It looks for: G1 leak, G2 churn, G3 limit-thrash, G4 forced, G5 assists, G6 \
long-stops, G7 stacks-grow, G8 burst and F1 finalizers. Their thresholds are keys of [gc] in \
heapdiff.toml (see docs/guide.md)."
)]
pub(super) struct GcArgs {
    /// Logs in any order, also packed with gzip, zstd or bzip2. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "LOG")]
    logs: Vec<String>,
    /// Read thresholds from FILE [default: heapdiff.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: GcOutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct GcOutputArgs {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = GcFormat::Table)]
    format: GcFormat,
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
enum GcFormat {
    /// For people, in a terminal.
    Table,
    /// For scripts: the whole report, as docs/schema/gc.v1.json describes it.
    Json,
    /// For spreadsheets: a line per window of time, raw integers.
    Csv,
    /// For a ticket.
    Markdown,
}

impl From<GcFormat> for Format {
    fn from(format: GcFormat) -> Self {
        match format {
            GcFormat::Table => Self::Table,
            GcFormat::Json => Self::Json,
            GcFormat::Csv => Self::Csv,
            GcFormat::Markdown => Self::Markdown,
        }
    }
}

pub(super) fn answer(args: GcArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let GcArgs { logs, config, output } = args;
    if logs.is_empty() {
        return Err(CommandError::Usage(
            "gc needs logs: heapdiff gc LOG..., or - for standard input".to_owned(),
        ));
    }
    let settings = catalog::settings(config.as_deref())?;
    let limits = settings.map(|file| CollectorLimits::read(&file.name, &file.text)).transpose();
    let limits = limits.map_err(|error| CommandError::Usage(error.to_string()))?;
    let GcOutputArgs { format, destination, csv_safe, color, width, reading } = output;
    let dress = DressArgs {
        destination,
        csv_safe,
        color,
        width,
        reading: reading.clone(),
        ..DressArgs::default()
    };
    let output = request::dressed(format.into(), dress)?;
    let mut expanded = expand(&logs).map_err(|error| CommandError::Answer(Box::new(error)))?;
    expanded.inputs.sort_by(|a, b| natural(&a.name, &b.name));
    let names: Vec<String> = expanded.inputs.iter().map(|found| found.name.clone()).collect();
    let config = config.iter().map(PathBuf::as_path);
    run::check_destination(output.file.as_deref(), output.force, &names, config)?;
    let (read, skipped) = read(&expanded.inputs, &reading, console)?;
    let mut warnings: Vec<String> = skipped.into_iter().collect();
    if !reading.quiet {
        warnings.extend(expanded.nested.iter().map(|(folder, folders)| {
            let is = if *folders == 1 { "folder" } else { "folders" };
            format!("skipped {folders} {is} in {folder}; use a ** glob to include the files there")
        }));
    }
    let report = CollectorReport::new(read, &limits.unwrap_or_default(), warnings);
    let style = run::style(&output, console);
    run::write_to(output.file.as_deref(), console, |out| {
        output::write_collector(output.format, &report, &style, out)
    })?;
    if matches!(output.format, Format::Csv | Format::SafeCsv) && !reading.quiet {
        report.warnings.iter().for_each(|message| run::say_warning(message, console));
    }
    Ok(())
}

/// The logs with their names, and the warning about files that were skipped.
type Read = (Vec<(String, CollectorLog)>, Option<String>);

/// Reads all logs. A file of a folder or a glob that has no records is skipped.
fn read(
    inputs: &[Found],
    reading: &ReadingArgs,
    console: &Console<'_>,
) -> Result<Read, CommandError> {
    if inputs.iter().filter(|found| found.name == STDIN).count() > 1 {
        return Err(CommandError::Usage(
            "standard input (-) can be read only once; give the other log as a file".to_owned(),
        ));
    }
    let progress = run::progress(console, reading, &SymbolArgs::default())?;
    progress.expect_all(inputs.iter().map(|found| source::size(&found.name)));
    let inflate = inflate(inputs.len());
    let results = parallel::map_items(inputs, 1, |found| {
        let reader = progress.open(&found.name).map_err(|error| error.to_string())?;
        let log = input::read_collections(reader, progress.budget(), inflate);
        progress.file_done();
        Ok::<_, String>(log)
    });
    progress.finish();
    let mut logs = Vec::new();
    let mut aside = Vec::new();
    let mut refused = None;
    for (Found { name, origin }, result) in inputs.iter().zip(results) {
        let shown = if name == STDIN { "standard input".into() } else { escape(name) };
        let fail = |why: String| CommandError::Answer(format!("{shown}: {why}").into());
        match result.map_err(&fail)? {
            Ok(log) => logs.push((name.clone(), log)),
            Err(
                error @ (InputError::Empty
                | InputError::NoRecords { .. }
                | InputError::Unrecognized(_)),
            ) if *origin == Origin::Found => {
                refused.get_or_insert(fail(error.to_string()));
                aside.push(name);
            }
            Err(error) => return Err(fail(error.to_string())),
        }
    }
    if let (Some(error), true) = (refused, logs.is_empty()) {
        return Err(error);
    }
    Ok((logs, skipped(&aside).filter(|_| !reading.quiet)))
}

/// The warning about skipped files.
fn skipped(aside: &[&String]) -> Option<String> {
    let name = |name: &&&String| {
        let file = Path::new(name.as_str()).file_name().and_then(|name| name.to_str());
        escape(file.unwrap_or(name)).into_owned()
    };
    let some: Vec<String> = aside.iter().take(NAMED).map(|own| name(&own)).collect();
    let more = match aside.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match aside.len() {
        0 => None,
        1 => Some(format!("skipped 1 file without gctrace lines: {}", some[0])),
        n => Some(format!("skipped {n} files without gctrace lines: {}{more}", some.join(", "))),
    }
}
