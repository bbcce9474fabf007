//! `heapdiff watch URL|DIR`: takes snapshots for as long as it runs, and shows what they show.

mod draw;
mod leaks_table;
mod lines;
mod pages;
mod paint;
mod sentinel;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod ui;
mod words;

use super::catalog::catalog;
use super::console::is_drawable;
use super::limit::LimitArgs;
use super::options::{Color, PatternArgs, ReadingArgs};
use super::recorder::clock::SystemClock;
use super::recorder::filled::Filled;
use super::recorder::manifest::Manifest;
use super::recorder::rounds::{self, Plan};
use super::recorder::service::{self, Asked, LeftOutArgs};
use super::recorder::stop::Stop;
use super::recorder::{Recorder, Source};
use super::values::duration;
use super::{CommandError, Console};
use crate::analysis::suspects::LeaksQuery;
use crate::output::shell;
use crate::printable::escape;
use clap::Args;
use paint::Paint;
use sentinel::{Beside, SentinelArgs};
use state::State;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The usual interval of a service.
const EVERY: Duration = Duration::from_secs(30);
/// How often a folder is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Most snapshots that stay.
const MOST: usize = 200;

/// Watch a service, or a folder that another program fills, until you stop it
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff watch [OPTIONS] URL|DIR",
    after_help = "\
Examples:
  heapdiff watch http://localhost:6060               the heap now, and what leaks, in the terminal
  heapdiff watch host:6060 --every 5m -o case-12     through the night, with the files in case-12
  heapdiff watch --pid 4711 --limit 2GiB host:6060   with the resident set, and when memory runs out
  heapdiff watch snapshots/                          what another program puts into a folder
  heapdiff watch host:6060 --no-ui >> watch.log      a line for each snapshot
  heapdiff watch host:6060 -o out --keep 24h --metrics :9188 --webhook @url-file   as a sentinel

Keys: arrows or j k select a leak, Enter shows every call path to it, g the goroutines, ? all keys, \
q ends. At most 200 snapshots stay: the first, the newest 24, and the others spread evenly."
)]
pub(super) struct WatchArgs {
    /// A service, as for `heapdiff capture`, or a folder
    #[arg(value_name = "URL|DIR")]
    target: String,
    /// Time between two snapshots of a service, or looks at a folder [default: 30s; 2s for a folder]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    /// End after N snapshots of a service, or looks at a folder
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    length: Option<Duration>,
    #[command(flatten)]
    left_out: LeftOutArgs,
    /// Record the memory of this process of this machine as well: RSS, `smaps_rollup` and cgroup
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Folder for the files of a service [default: a new one, named by the service and the time]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Remove snapshots of this folder that are older, but for the newest 24; also those of earlier watches
    #[arg(long, value_name = "TIME", value_parser = duration)]
    keep: Option<Duration>,
    /// Print a line for each snapshot instead of drawing [default without a terminal]
    #[arg(long)]
    no_ui: bool,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    sentinel: SentinelArgs,
}

/// Watches until it is stopped.
pub(super) fn watch(args: &WatchArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let limit = args.limit.query();
    let asked = LeaksQuery { catalog: Arc::new(catalog(&PatternArgs::default())?), limit };
    let folder = Path::new(&args.target);
    let is_folder = folder.is_dir();
    if !is_folder && is_path(&args.target) {
        return Err(CommandError::Usage(format!(
            "{}: no such folder; a service is http://HOST:PORT",
            escape(&args.target)
        )));
    }
    let plan = Plan {
        every: args.every.unwrap_or(if is_folder { LOOK } else { EVERY }),
        count: args.count.map_or(usize::MAX, |count| count as usize),
        length: args.length,
        until_sure: false,
        asked,
    };
    let stop = Stop::on_signals()
        .map_err(|e| CommandError::Answer(format!("can't listen for Ctrl-C: {e}").into()))?;
    let mut sentinel = args.sentinel.begin(&args.reading, console)?;
    let recorder =
        if is_folder { of_folder(args, &plan)? } else { of_service(args, &plan, &stop)? };
    if let Some(sentinel) = sentinel.as_mut().filter(|_| !is_folder) {
        sentinel.remember_in(recorder.folder())?;
    }
    let mut recorders = [recorder.at_most(MOST).for_so_long(args.keep)];
    let ended = if args.no_ui || !is_drawable() {
        let mut lines = lines::Lines::new(console, args.reading.quiet);
        let mut both = Beside { shown: &mut lines, sentinel: sentinel.as_mut() };
        rounds::take(&mut recorders, &plan, &stop, &SystemClock, &mut both)
    } else {
        let color = match args.color {
            Color::Auto => console.color,
            Color::Always => true,
            Color::Never => false,
        };
        let [recorder] = &recorders;
        let target = recorder.manifest.target.clone();
        let state = State::new(target, args.pid, plan.every, is_folder);
        ui::watch(&mut recorders, &plan, &stop, (state, Paint { color }), sentinel.as_mut())
    };
    if let Some(sentinel) = &mut sentinel {
        let why = ended.as_ref().copied().unwrap_or("interrupted");
        sentinel.end(why, &stop, args.reading.quiet, console);
    }
    rounds::end(&mut recorders, ended?)?;
    let [recorder] = &recorders;
    say_where(recorder, console)
}

/// Whether this can only be meant as a path.
fn is_path(target: &str) -> bool {
    let looks_so = target.starts_with(['/', '.']) || target.ends_with('/');
    !target.contains(':') && looks_so || Path::new(target).exists()
}

/// A recorder of a folder.
fn of_folder(args: &WatchArgs, plan: &Plan) -> Result<Recorder, CommandError> {
    let refused = [
        (args.output.is_some(), "-o"),
        (args.pid.is_some(), "--pid"),
        (args.keep.is_some(), "--keep"),
        (args.left_out.no_gc, "--no-gc"),
        (args.left_out.no_goroutines, "--no-goroutines"),
        (args.left_out.no_memstats, "--no-memstats"),
    ];
    if let Some((_, option)) = refused.iter().find(|(given, _)| *given) {
        return Err(CommandError::Usage(format!(
            "{option} is about the snapshots of a service, and {} is a folder that another program \
             fills: leave it out",
            escape(&args.target)
        )));
    }
    let manifest = Manifest::of(args.target.clone(), plan.every);
    let filled = Filled::new(PathBuf::from(&args.target), args.reading.budget());
    Ok(Recorder::new(Source::Folder(filled), manifest))
}

/// A recorder of a service.
fn of_service(args: &WatchArgs, plan: &Plan, stop: &Stop) -> Result<Recorder, CommandError> {
    let asked = Asked {
        services: std::slice::from_ref(&args.target),
        output: args.output.as_deref(),
        every: plan.every,
        pid: args.pid,
        left_out: args.left_out,
        reading: &args.reading,
    };
    let recorder = service::recorders(&asked, stop)?.pop();
    recorder.ok_or_else(|| CommandError::Usage("watch needs a service or a folder".to_owned()))
}

/// Says where the files are, and how to see the report again.
fn say_where(recorder: &Recorder, console: &mut Console<'_>) -> Result<(), CommandError> {
    let folder = recorder.folder().to_string_lossy();
    let count = recorder.snapshots();
    let many = if count == 1 { "" } else { "s" };
    let command = match count {
        0 => String::new(),
        _ => format!("; to see the report again: heapdiff leaks {}", shell::file(&escape(&folder))),
    };
    writeln!(console.stdout, "{count} snapshot{many} in {}{command}", escape(&folder))
        .map_err(CommandError::Stdout)
}
