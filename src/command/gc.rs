//! `heapdiff gc LOG...`: what Go's collector does, by the lines of `GODEBUG=gctrace=1` in some logs.

use super::inputs::first_few;
use super::options::ReadingArgs;
use super::process::{self, ProcessArgs};
use super::symbols::SymbolArgs;
use super::{CommandError, Console, run};
use crate::input::{self, InputError};
use crate::model::collections::CollectorLog;
use crate::output;
use crate::report::collector::CollectorReport;
use crate::rules::collector::CollectorLimits;
use crate::source;
use crate::source::expand::{Found, Origin};
use clap::Args;

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
heapdiff.toml (see docs/guide.md). CSV has a line per window of time, and docs/schema/gc.v1.json \
describes the JSON."
)]
pub(super) struct GcArgs {
    /// Logs in any order, also packed with gzip, zstd or bzip2. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "LOG")]
    logs: Vec<String>,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn answer(args: GcArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let GcArgs { logs, process } = args;
    if logs.is_empty() {
        return Err(CommandError::Usage(
            "gc needs logs: heapdiff gc LOG..., or - for standard input".to_owned(),
        ));
    }
    let asked = process.settle(CollectorLimits::read)?;
    let expanded = asked.inputs(&logs, &[])?;
    let reading = &asked.output.reading;
    let (read, skipped) = read(&expanded.inputs, reading, console)?;
    let about_files = skipped.into_iter().chain(process::nested(&expanded));
    let warnings = about_files.filter(|_| !reading.quiet).collect();
    let report = CollectorReport::new(read, &asked.limits, warnings);
    asked.write(&report.warnings, console, |format, style, out| {
        output::write_collector(format, &report, style, out)
    })
}

/// The logs with their names, and the warning about files that were skipped.
type Read = (Vec<(String, CollectorLog)>, Option<String>);

/// Reads all logs. A file of a folder or a glob that has no records is skipped.
fn read(
    inputs: &[Found],
    reading: &ReadingArgs,
    console: &Console<'_>,
) -> Result<Read, CommandError> {
    let progress = run::progress(console, reading, &SymbolArgs::default())?;
    let results = process::read_each(inputs, &[], "log", &progress, |reader, budget, inflate| {
        input::read_collections(reader, budget, inflate)
    })?;
    let mut logs = Vec::new();
    let mut aside = Vec::new();
    let mut refused = None;
    for (Found { name, origin }, result) in inputs.iter().zip(results) {
        match result? {
            Ok(log) => logs.push((source::shown(name).into_owned(), log)),
            Err(
                error @ (InputError::Empty
                | InputError::NoRecords { .. }
                | InputError::Unrecognized(_)),
            ) if *origin == Origin::Found => {
                refused.get_or_insert_with(|| process::fail(name, &error.to_string()));
                aside.push(process::short(name));
            }
            Err(error) => return Err(process::fail(name, &error.to_string())),
        }
    }
    if let (Some(error), true) = (refused, logs.is_empty()) {
        return Err(error);
    }
    Ok((logs, skipped(aside)))
}

/// The warning about skipped files.
fn skipped(aside: Vec<String>) -> Option<String> {
    let files = match aside.len() {
        0 => return None,
        1 => "file",
        _ => "files",
    };
    let (count, list) = (aside.len(), first_few(aside.into_iter()));
    Some(format!("skipped {count} {files} without gctrace lines: {list}"))
}
