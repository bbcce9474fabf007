//! `gc`: what Go's collector does in each process of some logs, and what that means.
//!
//! Records are facts (`model::collections`). `joined` puts together a process whose records are in
//! several logs, `windows` sums up what happens when, `goal` finds GOGC and limits, `trends` judges
//! what grows, and `findings` applies the rules. Every rule looks at a time that lasts, apart from
//! the start of a process: collections are frequent while a heap is small.

mod allocators;
mod findings;
mod found;
mod goal;
mod joined;
mod trends;
mod windows;
mod wording;

pub use allocators::{Allocated, Allocator, allocated};
pub use found::{CollectorFinding, CollectorRule, Severity};
pub use trends::CollectorTrend;

use crate::model::collections::{Cause, CollectorLog, LogTime};
use crate::rules::collector::CollectorLimits;
use crate::units::MIB;
use goal::Goals;
use joined::Joined;
use serde::{Deserialize, Serialize};
use trends::{Least, trend};
use windows::{Sums, Windows};

/// What the collector did in a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorRow {
    /// Its number among the processes of the logs, from 1.
    pub number: usize,
    /// The logs with its records.
    pub inputs: Vec<String>,
    /// The line of its first record in the first of them, from 1.
    pub line: u64,
    /// When it started, by the times in the log; absent if those are incomplete.
    pub started: Option<String>,
    /// The number of its first collection in the log, from 1.
    pub first_collection: u32,
    /// Collections without a record, by the numbers of the others.
    pub missing: u64,
    /// Processors that it may use.
    pub procs: u32,
    /// GOGC in percent, if the goals agree about it.
    pub gogc: Option<u32>,
    /// Collections whose goal is below what GOGC gives, or below any GOGC that is likely: a memory
    /// limit is at work.
    pub limited: usize,
    /// Collections after two minutes without any.
    pub periodic: usize,
    /// What the scavenger returned to the system in bytes, if the log says so.
    pub returned: Option<u64>,
    /// All of its time.
    pub total: CollectorWindow,
    /// The live heap after each collection, without what was allocated while it marked.
    pub live: Option<CollectorTrend>,
    /// Stacks, since Go 1.18.
    pub stacks: Option<CollectorTrend>,
    /// What is worth attention, the most important first.
    pub findings: Vec<CollectorFinding>,
    /// Its time in windows of equal length.
    pub windows: Vec<CollectorWindow>,
}

/// A log shorter than this, in nanoseconds, may show nothing but the start of a process.
const SHORT: u64 = 60_000_000_000;
/// Fewer collections than this say little about a trend or a rate.
const FEW: usize = 8;

impl CollectorRow {
    /// How long the log of the process is in nanoseconds.
    pub fn span_nanos(&self) -> u64 {
        self.total.to_nanos.saturating_sub(self.total.from_nanos)
    }

    /// Whether that is so short that trends and rates mean little.
    pub fn is_short(&self) -> bool {
        self.span_nanos() < SHORT
    }

    /// Whether there are so few collections that they do.
    pub fn has_few(&self) -> bool {
        self.total.collections < FEW
    }
}

/// What the collector did in some time. Percentages of CPU are of all processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorWindow {
    /// Its start in nanoseconds since the start of the process.
    pub from_nanos: u64,
    /// Its end.
    pub to_nanos: u64,
    /// Collections that began.
    pub collections: usize,
    /// Those that the program asked for.
    pub forced: usize,
    /// Collections per second.
    pub per_second: f64,
    /// CPU share of the collector in percent.
    pub cpu_percent: f64,
    /// Percent of the marking that goroutines had to do when they allocated.
    pub assist_percent: f64,
    /// Bytes that were live after the last collection.
    pub live: u64,
    /// The goal of the last collection in bytes.
    pub goal: u64,
    /// The largest heap in bytes.
    pub peak: u64,
    /// Bytes allocated per second; absent if unknown.
    pub allocated_per_second: Option<u64>,
    /// The longest stop of the world in nanoseconds.
    pub longest_stop_nanos: u64,
}

impl CollectorWindow {
    fn new(from: f64, sums: &Sums) -> Self {
        let bytes = |mebibytes: f64| (mebibytes * MIB) as u64;
        let short = |value: f64| (value * 1000.0).round() / 1000.0;
        Self {
            from_nanos: (from * 1e9) as u64,
            to_nanos: ((from + sums.seconds) * 1e9) as u64,
            collections: sums.collections,
            forced: sums.forced,
            per_second: short(sums.per_second()),
            cpu_percent: short(sums.cpu_percent()),
            assist_percent: short(sums.assist_percent()),
            live: bytes(sums.last_live),
            goal: bytes(sums.last_goal),
            peak: bytes(sums.peak),
            allocated_per_second: sums.allocated_per_second().map(bytes),
            longest_stop_nanos: (sums.longest_stop * 1e6).round() as u64,
        }
    }
}

/// Judges the processes of some logs, each with its name.
pub fn judge(logs: Vec<(String, CollectorLog)>, limits: &CollectorLimits) -> Vec<CollectorRow> {
    let (names, logs): (Vec<String>, Vec<CollectorLog>) = logs.into_iter().unzip();
    let joined = joined::join(logs);
    (1..).zip(&joined).map(|(number, one)| row(number, one, &names, limits)).collect()
}

fn row(
    number: usize,
    Joined { process, logs }: &Joined,
    names: &[String],
    limits: &CollectorLimits,
) -> CollectorRow {
    let collections = process.collections.as_slice();
    let goals = Goals::of(collections);
    let windows = Windows::of(collections, &goals, limits.overshoot_percent / 100.0);
    let least = Least {
        growth: limits.leak_growth,
        percent: limits.leak_growth_percent,
        collections: limits.least_collections as usize,
        seconds: limits.least_seconds,
    };
    let live = trend(collections, |one| Some(one.kept()), least);
    let of_stacks = Least { growth: limits.stacks_growth, ..least };
    let stacks = trend(collections, |one| one.stacks, of_stacks);
    let total = windows.total();
    let seen =
        found::Seen { process, goals: &goals, windows: &windows, live: &live, stacks: &stacks };
    let findings = findings::find(&seen, limits);
    let window = |(at, sums)| CollectorWindow::new(windows.begin(at), sums);
    CollectorRow {
        number,
        inputs: logs.iter().filter_map(|&log| names.get(log).cloned()).collect(),
        line: process.line,
        started: started(process.first, collections.first().map_or(0, |first| first.at)),
        first_collection: collections.first().map_or(0, |first| first.number),
        missing: missing(collections.iter().map(|one| one.number)),
        procs: collections.last().map_or(0, |last| last.procs),
        gogc: goals.gogc.map(|gogc| gogc.round() as u32),
        limited: total.limited,
        periodic: collections.iter().filter(|one| one.cause == Cause::Periodic).count(),
        returned: (process.scavenger.lines > 0)
            .then(|| process.scavenger.returned.saturating_mul(1024)),
        total: CollectorWindow::new(windows.start, &total),
        live,
        stacks,
        findings,
        windows: windows.all.iter().enumerate().map(window).collect(),
    }
}

/// Numbers between the first and the last that are left out.
fn missing(numbers: impl Iterator<Item = u32> + Clone) -> u64 {
    let next = numbers.clone().skip(1);
    numbers.zip(next).map(|(a, b)| u64::from(b.saturating_sub(a).saturating_sub(1))).sum()
}

/// The start of a process, given when its first record was written.
fn started(written: Option<LogTime>, at: u64) -> Option<String> {
    wording::time(written?, at)
}
