//! `heapdiff gc LOG...`: what Go's collector does, by the lines of `GODEBUG=gctrace=1` in some logs.

use super::advised::Profiles;
use super::inputs::first_few;
use super::process::{self, ProcessArgs};
use super::progress::Progress;
use super::symbols::SymbolArgs;
use super::whole::{self, Gathering, Whole, WholeArgs};
use super::{CommandError, Console, page_process, run};
use crate::input::{self, Beginning, Holds, InputError};
use crate::model::collections::CollectorLog;
use crate::output::{self, Format};
use crate::patterns::Catalog;
use crate::report::collector::{BesideCollector, CollectorReport};
use crate::report::page::{Page, Shown};
use crate::rules::collector::CollectorLimits;
use crate::rules::memory::MemoryLimits;
use crate::source::expand::{Found, Origin};
use crate::source::{self, STDIN};
use clap::Args;
use std::sync::Arc;

/// Show what Go's garbage collector does, from the gctrace lines in logs
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff gc [OPTIONS] LOG... [INPUT...]",
    after_help = "\
Examples:
  GODEBUG=gctrace=1 ./server 2>server.log     write the lines
  heapdiff gc server.log                      what is wrong, and what to do
  kubectl logs POD --previous | heapdiff gc - the process that was killed
  heapdiff gc app.log.2.gz app.log.1 app.log  rotated logs are joined
  heapdiff gc app.log heap-*.pb.gz            what allocates, and what leaks
  heapdiff gc --format json app.log           for scripts
  heapdiff gc app.log -o gc.html              a page for a browser

The lines may be anywhere in a log, behind the prefixes of docker, journald and Kubernetes, and of \
several processes. heapdiff gc looks for: G1 leak, G2 churn, G3 limit-thrash, G4 forced, G5 assists, G6 \
long-stops, G7 stacks-grow, G8 burst and F1 finalizers. Their thresholds are keys of [gc] in \
heapdiff.toml (see docs/guide.md). With other inputs of the process, it also names what allocates and what \
leaks, and applies the rules M1 to M8 of heapdiff memory. CSV has a line per window of time, and docs/schema/gc.v1.json \
describes the JSON."
)]
pub(super) struct GcArgs {
    /// Logs, and inputs of the same process beside them: profiles, samples of its memory. In any order, also packed with
    /// gzip, zstd or bzip2. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "LOG|INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    whole: WholeArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn answer(
    args: GcArgs,
    typed: Option<String>,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let GcArgs { inputs, whole, process } = args;
    if inputs.is_empty() {
        return Err(CommandError::Usage(
            "gc needs logs: heapdiff gc LOG..., or - for standard input".to_owned(),
        ));
    }
    let times = whole.times()?;
    process.check_page("gc", console)?;
    let asked = process.settle(|name, text| {
        let collector = CollectorLimits::read(name, text)?;
        Ok(Limits { collector, memory: MemoryLimits::read(name, text)? })
    })?;
    let expanded = asked.inputs(&inputs, &whole.rss)?;
    let reading = &asked.output.reading;
    let progress = run::progress(console, reading, &SymbolArgs::default())?;
    let Read { logs, skipped, others } = read(&expanded.inputs, &progress)?;
    let is_page = asked.output.format == Format::Html;
    let mut memory = None;
    let about_files = skipped.into_iter().chain(process::nested(&expanded));
    let has_others = !others.is_empty() || !whole.rss.is_empty();
    let collections = if has_others { logs.clone() } else { Vec::new() };
    let mut report = CollectorReport::new(logs, &asked.limits.collector, Vec::new());
    if has_others {
        let mut gathering = Gathering::default();
        let aside = whole::gather(&mut gathering, &others, &whole.rss, times, &progress)?.warning;
        let Whole { mut recording, inputs, skipped, warnings } = gathering.finish(aside)?;
        if !inputs.is_empty() {
            recording.collections = collections;
            let catalog = Arc::new(Catalog::builtin());
            if is_page {
                memory =
                    page_process::memory(&recording, inputs.clone(), None, &asked.limits.memory);
            }
            report = report.beside(recording, inputs, (&asked.limits.memory, catalog));
            name_inputs(&mut report);
        }
        report.warnings.extend(warnings.into_iter().chain(skipped));
    } else {
        times.left()?;
    }
    report.warnings.extend(about_files);
    if reading.quiet {
        report.warnings.clear();
    }
    if is_page {
        let page = Page {
            collector: Some(report),
            memory,
            ..Page::of_process("gc", typed, Shown::Collector)
        };
        return asked.write_page(&page, console);
    }
    asked.write(&report.warnings, console, |format, style, out| {
        output::write_collector(format, &report, style, out)
    })
}

/// Names the profiles that were given in the commands that findings advise.
fn name_inputs(report: &mut CollectorReport) {
    let Some(BesideCollector { inputs, memory, .. }) = &mut report.beside else { return };
    let profiles = Profiles::of(inputs);
    let of_collector = report.processes.iter_mut().flat_map(|process| &mut process.findings);
    let commands = of_collector.map(|finding| &mut finding.command);
    let of_memory = memory.iter_mut().map(|finding| &mut finding.command);
    commands.chain(of_memory).for_each(|command| profiles.name_in(command));
}

/// What was read.
struct Read {
    /// The logs with their names.
    logs: Vec<(String, CollectorLog)>,
    /// The warning about files that were skipped.
    skipped: Option<String>,
    /// Inputs of other kinds.
    others: Vec<Found>,
}

/// Reads all logs. A file of a folder or a glob that has no records is skipped.
fn read(inputs: &[Found], progress: &Progress) -> Result<Read, CommandError> {
    let results = process::read_each(inputs, &[], "log", progress, |reader, budget, inflate| {
        input::read_collections(reader, budget, inflate)
    })?;
    let (mut logs, mut others, mut aside) = (Vec::new(), Vec::new(), Vec::new());
    let mut refused = None;
    for (found, result) in inputs.iter().zip(results) {
        let Found { name, origin } = found;
        let mut refuse = |error: &InputError| {
            refused.get_or_insert_with(|| process::fail(name, &error.to_string()));
        };
        match result? {
            Ok(log) => logs.push((source::shown(name).into_owned(), log)),
            // Of another kind, and read as that. Standard input has been read.
            Err(error @ InputError::Unrecognized(_)) if name != STDIN => {
                refuse(&error);
                others.push(found.clone());
            }
            Err(InputError::NoRecords { .. }) if name != STDIN && has_gauges(name, progress) => {
                others.push(found.clone());
            }
            Err(error @ (InputError::Empty | InputError::NoRecords { .. }))
                if *origin == Origin::Found =>
            {
                refuse(&error);
                aside.push(process::short(name));
            }
            Err(error) => return Err(process::fail(name, &error.to_string())),
        }
    }
    match refused {
        Some(error) if logs.is_empty() => Err(error),
        _ => Ok(Read { logs, skipped: skipped(aside), others }),
    }
}

/// Whether an input has samples of memory.
fn has_gauges(name: &str, progress: &Progress) -> bool {
    let look = |reader| input::look(reader).ok();
    let beginning = progress.open(name).ok().and_then(look);
    matches!(beginning, Some(Beginning::Known(format)) if format.holds == Holds::Gauges)
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

/// Thresholds of both kinds of rules.
#[derive(Default)]
struct Limits {
    collector: CollectorLimits,
    memory: MemoryLimits,
}
