//! `heapdiff capture URL...`: takes snapshots of services at intervals, keeps them, and says what
//! they show.

use super::options::ReadingArgs;
use super::recorder::Recorder;
use super::recorder::clock::SystemClock;
use super::recorder::manifest::Manifest;
use super::recorder::rounds::{self, LEAST, Plan};
use super::recorder::screen::Screen;
use super::recorder::service::{self, Asked, LeftOutArgs};
use super::recorder::so_far;
use super::recorder::stop::Stop;
use super::values::duration;
use super::{CommandError, Console, run};
use crate::analysis::suspects::LeaksQuery;
use crate::patterns::Catalog;
use crate::printable::escape;
use crate::units::{self, Bytes};
use clap::{Args, FromArgMatches};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The usual interval.
const EVERY: Duration = Duration::from_secs(30);
/// The usual number of snapshots.
const COUNT: usize = 20;
/// Most snapshots that a verdict so far is about, so that a round of a long recording costs no more than one
/// of a short recording. The report is about all.
const MOST: usize = 200;
/// Why there is nothing of a service that was asked.
pub(super) const NOTHING: &str = "stopped before the first snapshot was whole";
/// Most reasons of failures that are printed.
const FAILURES: usize = 8;
/// The usual bound with `--until-sure`.
const UNTIL_SURE: usize = 120;

/// Take snapshots of running services, and say what they show
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff capture [OPTIONS] URL...",
    after_help = "\
Examples:
  heapdiff capture http://localhost:6060             20 snapshots in 10 minutes, then what leaks
  heapdiff capture host:6060 --every 5m --for 8h     through the night
  heapdiff capture host:6060 --until-sure            until the verdict has settled
  heapdiff capture --pid 4711 localhost:6060         with what the system says about its memory
  heapdiff capture a:6060 b:6060 -o case-12          two services, each in a folder of its own

Each snapshot is the heap after a collection, the goroutines and the memory statistics, in files \
named by their time. None is ever replaced, and manifest.json says what was taken and what failed. \
Ctrl-C ends the recording; what there is by then is judged."
)]
pub(super) struct CaptureArgs {
    /// Services: http://HOST:PORT, HOST:PORT, a socket as `unix:///run/app.sock`, or a path below /debug/pprof
    #[arg(value_name = "URL")]
    services: Vec<String>,
    /// Time between two snapshots; never less than ten times what a snapshot takes [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    /// Number of snapshots [default: 20; 120 with --until-sure; no limit with --for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// How long to record
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    length: Option<Duration>,
    /// Stop as soon as the verdict has settled: the same leaks in five verdicts in a row, of high
    /// confidence, or of medium confidence from twelve snapshots on
    #[arg(long)]
    until_sure: bool,
    #[command(flatten)]
    left_out: LeftOutArgs,
    /// Record the memory of this process of this machine as well: RSS, `smaps_rollup` and cgroup
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Only record: leave the snapshots to another command
    #[arg(long)]
    no_report: bool,
    /// Folder for the files; each service has its own in it if there are several [default: a new
    /// one, named by the service and the time]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// How the services are asked, and what is printed
    #[command(flatten)]
    reading: ReadingArgs,
}

impl CaptureArgs {
    fn plan(&self) -> Plan {
        let usual = match (self.length, self.until_sure) {
            (Some(_), _) => usize::MAX,
            (None, true) => UNTIL_SURE,
            (None, false) => COUNT,
        };
        Plan {
            every: self.every.unwrap_or(EVERY),
            count: self.count.map_or(usual, |count| count as usize),
            length: self.length,
            until_sure: self.until_sure,
            asked: LeaksQuery { catalog: Arc::new(Catalog::builtin()), limit: None },
        }
    }
}

/// What was recorded of a service.
pub(super) struct Recorded {
    /// Its address, without secrets.
    pub(super) service: String,
    /// The profiles to judge.
    pub(super) inputs: Vec<String>,
    /// What else was recorded of its process.
    pub(super) beside: Vec<String>,
}

impl CaptureArgs {
    /// How much is read, and whether that is reported.
    pub(super) fn reading(&self) -> &ReadingArgs {
        &self.reading
    }
}

impl CaptureArgs {
    /// The arguments of a recording that is part of another command, which says how a service is asked.
    pub(super) fn part(words: &[String], reading: &ReadingArgs) -> Result<Self, CommandError> {
        let command = clap::Command::new("capture").no_binary_name(true);
        let matches = Self::augment_args(command).try_get_matches_from(words)?;
        Ok(Self { reading: reading.clone(), ..Self::from_arg_matches(&matches)? })
    }
}

/// Records services. Returns what there is to judge.
pub(super) fn capture(
    args: &CaptureArgs,
    console: &mut Console<'_>,
) -> Result<Vec<Recorded>, CommandError> {
    let plan = args.plan();
    if args.services.is_empty() {
        return Err(CommandError::Usage(
            "capture needs a service: heapdiff capture http://HOST:PORT".to_owned(),
        ));
    }
    let stop = Stop::on_signals()
        .map_err(|e| CommandError::Answer(format!("can't listen for Ctrl-C: {e}").into()))?;
    let asked = Asked {
        services: &args.services,
        output: args.output.as_deref(),
        every: plan.every,
        pid: args.pid,
        left_out: args.left_out,
        reading: &args.reading,
    };
    let recorders = service::recorders(&asked, &stop)?;
    let mut recorders: Vec<Recorder> =
        recorders.into_iter().map(|one| one.judging_at_most(MOST)).collect();
    let mut screen = Screen::new(console, args.reading.quiet, recorders.len());
    let recorded = rounds::take(&mut recorders, &plan, &stop, &SystemClock, &mut screen);
    screen.clear();
    rounds::end(&mut recorders, recorded?)?;
    recorders.iter().filter(|one| one.taken == 0).for_each(Recorder::give_up);
    summarize(&recorders, args.reading.quiet, console);
    if args.no_report {
        return Ok(Vec::new());
    }
    let recorded = recorders.iter().filter(|recorder| recorder.snapshots() > 0);
    Ok(recorded.map(recorded_inputs).collect())
}

/// The profiles of a recording that the report is about: with goroutines if there are enough snapshots for
/// a trend.
fn recorded_inputs(recorder: &Recorder) -> Recorded {
    let folder = recorder.folder();
    let mut inputs = so_far::inputs(&recorder.manifest, folder);
    let heaps = recorder.heaps();
    if heaps < LEAST {
        inputs.truncate(heaps);
    }
    let beside = so_far::beside(&recorder.manifest.shots, folder);
    Recorded { service: recorder.manifest.target.clone(), inputs, beside }
}

/// Says what was taken, what it cost and what failed.
fn summarize(recorders: &[Recorder], is_quiet: bool, console: &mut Console<'_>) {
    if is_quiet {
        return;
    }
    for recorder in recorders {
        let Manifest { shots, target, .. } = &recorder.manifest;
        let files = || shots.iter().flat_map(|shot| &shot.files);
        let bytes: u64 = files().map(|file| file.bytes).sum();
        let heaps = files().filter(|file| file.kind == "heap");
        let longest = heaps.map(|file| file.seconds).fold(0.0, f64::max);
        let asked: f64 = files().map(|file| file.seconds).sum();
        let count = shots.iter().filter(|shot| !shot.files.is_empty()).count();
        if count == 0 {
            let message = format!("{}: {NOTHING}", escape(target));
            run::say_warning(&message, console);
            continue;
        }
        let mean = asked / count.max(1) as f64;
        let many = if count == 1 { "" } else { "s" };
        let _ = writeln!(
            console.stderr,
            "{}: {count} snapshot{many}, {} in {}; a snapshot took {} of the service, {} at most for the heap",
            escape(target),
            Bytes(bytes as f64),
            escape(&recorder.folder().to_string_lossy()),
            units::display(mean * 1e9, "nanoseconds"),
            units::display(longest * 1e9, "nanoseconds"),
        );
        let retries: usize = files().map(|file| file.retries.len()).sum();
        let failures = recorder.manifest.failures();
        for failure in failures.iter().take(FAILURES) {
            run::say_warning(&format!("{}: {failure}", escape(target)), console);
        }
        if failures.len() > FAILURES {
            let more = failures.len() - FAILURES;
            let message = format!("{}: {more} more reasons are in manifest.json", escape(target));
            run::say_warning(&message, console);
        }
        if retries > 0 {
            let times = if retries == 1 { "once" } else { "several times" };
            let message =
                format!("{}: had to be asked again {times}; see manifest.json", escape(target));
            run::say_warning(&message, console);
        }
        for fault in &recorder.manifest.faults {
            run::say_warning(&format!("{}: {fault}", escape(target)), console);
        }
    }
}
