//! `heapdiff capture URL...`: takes snapshots of services at intervals, keeps them, and says what
//! they show.

use super::options::ReadingArgs;
use super::recorder::manifest::{Manifest, SCHEMA};
use super::recorder::screen::Screen;
use super::recorder::shot::{Taker, Wanted};
use super::recorder::so_far::{self, Settling};
use super::recorder::stop::Stop;
use super::recorder::store::{Store, stamp};
use super::recorder::{Recorder, SHARE, next};
use super::values::duration;
use super::{CommandError, Console, run};
use crate::parallel;
use crate::patterns::Catalog;
use crate::printable::escape;
use crate::source::http::{Address, Client};
use crate::units::{self, Bytes};
use clap::{Args, FromArgMatches};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The usual interval.
const EVERY: Duration = Duration::from_secs(30);
/// The usual number of snapshots.
const COUNT: usize = 20;
/// The usual bound with `--until-sure`.
const UNTIL_SURE: usize = 120;
/// Fewest snapshots that show a trend.
const LEAST: usize = 3;

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

/// What a snapshot leaves out.
#[derive(Clone, Copy, Debug, Args)]
struct LeftOutArgs {
    /// Don't ask for a collection before each snapshot: the heap is that of the last one
    #[arg(long)]
    no_gc: bool,
    /// Don't record goroutines
    #[arg(long)]
    no_goroutines: bool,
    /// Don't record memory statistics
    #[arg(long)]
    no_memstats: bool,
}

/// When a recording ends.
#[derive(Clone, Copy, Debug)]
struct Plan {
    every: Duration,
    count: usize,
    length: Option<Duration>,
    until_sure: bool,
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
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Answer(Box::new(error))
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
    let mut recorders = recorders(args, plan, &stop)?;
    let mut screen = Screen::new(console.stderr_is_terminal, args.reading.quiet, recorders.len());
    let recorded = record(&mut recorders, plan, &stop, &mut screen, console);
    screen.clear();
    let ended = recorded?;
    for recorder in &mut recorders {
        recorder.manifest.ended = Some(ended);
        recorder.note().map_err(failed)?;
    }
    summarize(&recorders, args.reading.quiet, console);
    if args.no_report {
        return Ok(Vec::new());
    }
    Ok(recorders.iter().map(recorded_inputs).collect())
}

/// The profiles of a recording that the report is about: with goroutines if there are enough snapshots for
/// a trend.
fn recorded_inputs(recorder: &Recorder) -> Recorded {
    let folder = recorder.taker.store.folder();
    let mut inputs = so_far::inputs(&recorder.manifest, folder);
    let heaps = recorder.heaps();
    if heaps < LEAST {
        inputs.truncate(heaps);
    }
    let beside = so_far::beside(&recorder.manifest.shots, folder);
    Recorded { service: recorder.manifest.target.clone(), inputs, beside }
}

/// Makes a recorder for each service.
fn recorders(args: &CaptureArgs, plan: Plan, stop: &Stop) -> Result<Vec<Recorder>, CommandError> {
    let addresses =
        args.services.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    if args.pid.is_some() && addresses.len() > 1 {
        return Err(CommandError::Usage(
            "--pid is the process of one service; give one URL with it".to_owned(),
        ));
    }
    if let Some(pid) = args.pid.filter(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
        return Err(CommandError::Usage(format!("--pid {pid}: this machine has no such process")));
    }
    let usage = CommandError::Usage;
    let client = args.reading.access.access().and_then(Client::new).map_err(usage)?;
    stop.with_client(client.clone());
    let started = stamp(Timestamp::now());
    let mut folders = BTreeSet::new();
    let mut recorders = Vec::new();
    for address in addresses {
        let name = address.folder_name();
        let mut folder = match &args.output {
            Some(folder) if args.services.len() == 1 => folder.clone(),
            Some(folder) => folder.join(&name),
            None => PathBuf::from(format!("{name}-{started}")),
        };
        // Two paths of one host.
        while !folders.insert(folder.clone()) {
            folder = PathBuf::from(format!("{}-2", folder.display()));
        }
        let store = Store::open(&folder).map_err(|error| {
            CommandError::Usage(format!("-o {}: {error}", escape(&folder.to_string_lossy())))
        })?;
        let wanted = Wanted {
            gc: !args.left_out.no_gc,
            goroutines: !args.left_out.no_goroutines,
            memory_statistics: !args.left_out.no_memstats,
            pid: args.pid,
            budget: args.reading.budget(),
        };
        let manifest = Manifest {
            schema: SCHEMA,
            heapdiff: env!("CARGO_PKG_VERSION"),
            target: address.to_string(),
            pid: args.pid,
            gc: wanted.gc,
            every_seconds: plan.every.as_secs_f64(),
            shots: Vec::new(),
            faults: Vec::new(),
            ended: None,
        };
        let taker = Taker::new(client.clone(), address, store, wanted);
        recorders.push(Recorder { taker, manifest, slowest: Duration::ZERO });
    }
    Ok(recorders)
}

fn address(text: &str) -> Result<Address, CommandError> {
    let address = Address::parse(text).map_err(|error| {
        let shown = crate::source::http::address::hidden(text);
        CommandError::Usage(format!("{shown}: {error}"))
    })?;
    if address.parameter("seconds").is_some() {
        return Err(CommandError::Usage(format!(
            "{address}: ?seconds= asks for the difference of two moments, and a recording needs \
             whole snapshots: leave it out"
        )));
    }
    Ok(address)
}

/// Takes snapshots until the plan is done or the run is stopped. Returns why it ended.
fn record(
    recorders: &mut [Recorder],
    plan: Plan,
    stop: &Stop,
    screen: &mut Screen,
    console: &mut Console<'_>,
) -> Result<&'static str, CommandError> {
    let begin = Instant::now();
    let catalog = Arc::new(Catalog::builtin());
    let mut settling: Vec<Settling> = recorders.iter().map(|_| Settling::default()).collect();
    let mut is_slow = false;
    for number in 1.. {
        let started = Instant::now();
        let results = parallel::map_chunks_mut(recorders, 1, |_, one| {
            one.iter_mut().try_for_each(Recorder::shoot)
        });
        for result in results {
            result.map_err(failed)?;
        }
        if number == 1 {
            first(recorders)?;
        }
        let verdicts = parallel::map(recorders.len(), |i| {
            let recorder = &recorders[i];
            (recorder.heaps() >= LEAST)
                .then(|| so_far::judge(&recorder.taker.recorded, &catalog))?
        });
        let mut is_sure = true;
        for ((recorder, so_far), settling) in recorders.iter_mut().zip(&verdicts).zip(&mut settling)
        {
            if let Some(so_far) = so_far {
                recorder.manifest.faults.clone_from(&so_far.faults);
            }
            is_sure &= so_far.as_ref().is_some_and(|so_far| settling.add(so_far));
        }
        screen.show(recorders, &verdicts, (number, plan.count), console);
        let slowest = recorders.iter().map(|recorder| recorder.slowest).max().unwrap_or_default();
        let due = next(started, plan.every, slowest);
        if stop.is_set() {
            return Ok("interrupted");
        }
        if plan.until_sure && is_sure {
            return Ok("sure");
        }
        if number >= plan.count {
            return Ok("count");
        }
        if plan.length.is_some_and(|length| due.duration_since(begin) > length) {
            return Ok("for");
        }
        if due > started + plan.every && !is_slow {
            is_slow = true;
            screen.say(
                &format!(
                    "a snapshot takes {}: one every {} instead of {}, so that this costs the \
                     service at most a tenth of its time",
                    units::display(slowest.as_nanos() as f64, "nanoseconds"),
                    units::display((slowest * SHARE).as_nanos() as f64, "nanoseconds"),
                    units::display(plan.every.as_nanos() as f64, "nanoseconds"),
                ),
                console,
            );
        }
        if stop.wait_until(due, |left| screen.wait(left)) {
            return Ok("interrupted");
        }
    }
    Ok("count")
}

/// Nothing of the first snapshot is a mistake in the command; a part of it that is missing isn't asked
/// for again.
fn first(recorders: &mut [Recorder]) -> Result<(), CommandError> {
    for recorder in recorders {
        let Manifest { target, shots, .. } = &recorder.manifest;
        let Some(shot) = shots.first() else { continue };
        if !shot.files.iter().any(|file| file.kind == "heap") {
            recorder.taker.store.give_up();
            let why = shot.failed.first().map_or("nothing was sent", |failure| &failure.error);
            return Err(CommandError::Answer(format!("{}: {why}", escape(target)).into()));
        }
        let has_failed =
            |kind: &str| shot.failed.iter().any(|one| one.kind == kind && one.is_refused);
        let wanted = &mut recorder.taker.wanted;
        wanted.goroutines &= !has_failed("goroutine");
        wanted.memory_statistics &= !has_failed("memstats");
    }
    Ok(())
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
        let mean = asked / count.max(1) as f64;
        let many = if count == 1 { "" } else { "s" };
        let _ = writeln!(
            console.stderr,
            "{}: {count} snapshot{many}, {} in {}; a snapshot took {} of the service, {} at most for the heap",
            escape(target),
            Bytes(bytes as f64),
            escape(&recorder.taker.store.folder().to_string_lossy()),
            units::display(mean * 1e9, "nanoseconds"),
            units::display(longest * 1e9, "nanoseconds"),
        );
        let retries: usize = files().map(|file| file.retries.len()).sum();
        let failures = recorder.manifest.failures();
        for failure in &failures {
            run::say_warning(&format!("{}: {failure}", escape(target)), console);
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
