//! Findings in words: what happens, what shows it, and what to do. JSON has them as well.

use super::SHORT;
use super::found::{Burst, CollectorFinding, CollectorRule, Fact, Seen, Severity, mebibytes};
use super::trends::CollectorTrend;
use super::windows::Sums;
use crate::model::collections::{Collection, LogClock, LogTime, Queues};
use crate::rules::collector::CollectorLimits;
use crate::units::MIB;
use crate::units::{Bytes, Nanoseconds};
use jiff::{Timestamp, tz::TimeZone};

/// A finding in words.
pub(super) fn finding(
    rule: CollectorRule,
    severity: Severity,
    (from, to): (f64, f64),
    fact: &Fact<'_>,
    seen: &Seen<'_>,
    limits: &CollectorLimits,
) -> CollectorFinding {
    let Words { message, evidence, advice, command } = match fact {
        Fact::Leak(trend) => leak(trend, (from, to), seen),
        Fact::Stacks(trend) => stacks(trend, (from, to)),
        Fact::Churn(sums) => churn(sums, seen, to - from),
        Fact::Thrash(sums) => thrash(sums, seen, to - from),
        Fact::Forced(forced, all, every) => self::forced(*forced, *all, *every),
        Fact::Assists(sums) => assists(sums, to - from),
        Fact::Overshoot(over, all, worst) => overshoot(*over, *all, worst),
        Fact::Stops(long, all, longest) => stops(*long, *all, longest, limits),
        Fact::Burst(burst) => self::burst(burst),
        Fact::Finalizers(queues) => finalizers(*queues),
    };
    CollectorFinding {
        rule,
        id: rule.id().to_owned(),
        severity,
        from_nanos: (from * 1e9) as u64,
        to_nanos: (to * 1e9) as u64,
        message,
        evidence,
        advice: advice.to_owned(),
        command: command.map(str::to_owned),
    }
}

/// What a finding says.
struct Words {
    message: String,
    evidence: Vec<String>,
    advice: &'static str,
    command: Option<&'static str>,
}

/// A size in MiB, which records have without decimals.
fn size(mebibytes: f64) -> String {
    if mebibytes < 1024.0 {
        format!("{mebibytes:.0} MiB")
    } else {
        Bytes(mebibytes * MIB).to_string()
    }
}

fn duration(seconds: f64) -> String {
    Nanoseconds(seconds * 1e9).to_string().replace(".00 s", " s")
}

fn milliseconds(value: f64) -> String {
    Nanoseconds(value * 1e6).to_string()
}

/// A number with as many decimals as help.
fn short(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// How fast a size grows, in a unit that fits the time.
fn speed(trend: &CollectorTrend, seconds: f64) -> Option<String> {
    let slope = trend.slope_per_hour?;
    let (unit, hours) = match seconds {
        ..120.0 => ("s", 1.0 / 3600.0),
        ..7200.0 => ("min", 1.0 / 60.0),
        _ => ("h", 1.0),
    };
    let bytes = |value: i64| Bytes(value as f64 * hours);
    let (middle, low, high) = (bytes(slope.estimate), bytes(slope.lower), bytes(slope.upper));
    Some(format!("+{middle}/{unit} (95 %: {low} to {high})"))
}

/// The figures of a trend, as evidence.
fn rise(what: &str, trend: &CollectorTrend, (from, to): (f64, f64)) -> Vec<String> {
    let mut evidence = Vec::new();
    if let Some(speed) = speed(trend, to - from) {
        evidence.push(format!("{what} {speed}"));
    }
    if let Some(p) = trend.p_value {
        let p = if p < 0.001 { "< 0.001".to_owned() } else { format!("= {p:.3}") };
        let points = trend.points;
        evidence.push(format!(
            "it rises throughout and in the late half, and no curve that levels off fits better \
             ({points} points in time, p {p})"
        ));
    }
    if to - from < SHORT as f64 / 1e9 {
        evidence.push(format!(
            "this is {} of a log: the start of a program looks the same, so look again later",
            duration(to - from)
        ));
    }
    evidence
}

fn leak(trend: &CollectorTrend, time: (f64, f64), seen: &Seen<'_>) -> Words {
    let (before, after) = mebibytes(trend);
    let mut evidence = rise("the live heap grows by", trend, time);
    if let Some(last) = seen.process.collections.last().filter(|last| last.goal > 0) {
        evidence.push(format!(
            "the goal follows it: the heap is {} now, and {} at the next collection",
            size(f64::from(last.live)),
            seen.goals.gogc.map_or_else(
                || "more".to_owned(),
                |gogc| format!("about {}", size(f64::from(last.live) * (1.0 + gogc / 100.0)))
            )
        ));
    }
    Words {
        message: format!(
            "the live heap grows and doesn't stop: {} → {} in {}",
            size(before),
            size(after),
            duration(time.1 - time.0)
        ),
        evidence,
        advice: "Fetch /debug/pprof/heap a few times, some minutes apart: leaks names what grows. A \
                 log of the collector can't.",
        command: Some("heapdiff leaks heap-*.pb.gz"),
    }
}

fn stacks(trend: &CollectorTrend, time: (f64, f64)) -> Words {
    let (before, after) = mebibytes(trend);
    Words {
        message: format!(
            "stacks grow and don't stop: {} → {} in {}",
            size(before),
            size(after),
            duration(time.1 - time.0)
        ),
        evidence: rise("stacks grow by", trend, time),
        advice: "Stacks are those of goroutines, so there are more and more of them, or they recurse \
                 deeper. Fetch /debug/pprof/goroutine a few times: leaks names where they are parked.",
        command: Some("heapdiff leaks goroutine-*.pb.gz"),
    }
}

/// The live heap, allocation and CPU time of some time.
fn work(sums: &Sums) -> Vec<String> {
    let mut evidence = vec![format!(
        "{} collections per second, {} % of all CPU time",
        short(sums.per_second()),
        short(sums.cpu_percent())
    )];
    if let Some(rate) = sums.allocated_per_second() {
        evidence.push(format!(
            "{}/s allocated, and {} live at the end",
            Bytes(rate * MIB),
            size(sums.last_live)
        ));
    }
    evidence
}

fn churn(sums: &Sums, seen: &Seen<'_>, seconds: f64) -> Words {
    let mut evidence = work(sums);
    if let Some(trend) = seen.live {
        let (before, after) = mebibytes(trend);
        evidence.push(format!("the live heap doesn't leak: {} → {}", size(before), size(after)));
    }
    Words {
        message: format!(
            "much is allocated and little kept: {} collections per second for {}, which take {} % of \
             all CPU time",
            short(sums.per_second()),
            duration(seconds),
            short(sums.cpu_percent())
        ),
        evidence,
        advice: "Rank what allocates, and reuse buffers there or allocate less. If memory is left, a \
                 higher GOGC with a GOMEMLIMIT makes collections rarer.",
        command: Some("heapdiff top -alloc_space heap.pb.gz"),
    }
}

fn thrash(sums: &Sums, seen: &Seen<'_>, seconds: f64) -> Words {
    let mut evidence = work(sums);
    evidence.push(format!(
        "{} % of the goal of {} is live right after a collection",
        short(sums.live_percent()),
        size(sums.last_goal)
    ));
    let (limited, all) = (sums.limited, sums.collections);
    evidence.push(match seen.goals.gogc {
        Some(gogc) => {
            format!("{limited} of {all} goals are below what GOGC={gogc:.0} gives: a limit is at work")
        }
        None => format!(
            "{limited} of {all} goals leave less than a fifth of the live heap as room: a limit is at \
             work, or a very low GOGC"
        ),
    });
    evidence.push(format!("the collector runs {} % of the time", short(sums.running_percent())));
    Words {
        message: format!(
            "the memory limit is too low for the live heap: the collector takes {} % of all CPU time \
             for {}, and frees next to nothing",
            short(sums.cpu_percent()),
            duration(seconds)
        ),
        evidence,
        advice: "Raise GOMEMLIMIT (and the limit of the container, with some 10 % to spare), or keep \
                 less: top names what is live. Without either, requests wait for the collector until \
                 the process is killed.",
        command: Some("heapdiff top heap.pb.gz"),
    }
}

fn forced(forced: usize, all: usize, every: f64) -> Words {
    Words {
        message: format!("the program asks for {forced} of {all} collections"),
        evidence: vec![format!(
            "they are marked (forced), {} % of all, usually {} apart",
            short(100.0 * forced as f64 / all.max(1) as f64),
            duration(every)
        )],
        advice: "Look for runtime.GC and debug.FreeOSMemory in the code and its dependencies, and for \
                 what fetches /debug/pprof/heap?gc=1: each call marks the whole heap, and waits for it. \
                 The collector needs no help.",
        command: None,
    }
}

fn assists(sums: &Sums, seconds: f64) -> Words {
    Words {
        message: format!(
            "goroutines do {} % of the marking when they allocate, for {}",
            short(sums.assist_percent()),
            duration(seconds)
        ),
        evidence: vec![
            format!(
                "that is {} % of all CPU time, and requests wait for it",
                short(sums.assist_cpu_percent())
            ),
            work(sums).join("; "),
        ],
        advice: "Allocation is faster than the collector's workers. Allocate less where most is \
                 allocated, or leave it more room: a higher GOGC, or more processors.",
        command: Some("heapdiff top -alloc_space heap.pb.gz"),
    }
}

fn overshoot(over: usize, all: usize, worst: &Collection) -> Words {
    Words {
        message: format!("the heap exceeds its goal in {over} of {all} collections"),
        evidence: vec![format!(
            "at {}, gc {} ended with {} and a goal of {}",
            duration(worst.at as f64 / 1e9),
            worst.number,
            size(f64::from(worst.heap_end)),
            size(f64::from(worst.goal))
        )],
        advice: "While the collector marks, more is allocated than it expects: large objects, or \
                 bursts. So the process needs more memory than its goal says; leave room in its limit.",
        command: Some("heapdiff top -alloc_space heap.pb.gz"),
    }
}

fn stops(long: usize, all: usize, longest: &Collection, limits: &CollectorLimits) -> Words {
    let [sweep, _, end] = longest.stops.map(f64::from);
    let place = if sweep >= end {
        "before marking: a goroutine was slow to stop, or spans were still to be swept, as with many \
         finalizers"
    } else {
        "at the end of marking: a goroutine was slow to stop, or there was no CPU time"
    };
    Words {
        message: format!(
            "the world stood still for {}, and for more than {} in {long} of {all} collections",
            milliseconds(longest.longest_stop()),
            milliseconds(limits.stop_ms)
        ),
        evidence: vec![format!(
            "the longest is in gc {}, {} after the start, {place}",
            longest.number,
            duration(longest.at as f64 / 1e9)
        )],
        advice: "Usual causes: the CPU limit of the container (see nr_throttled in cpu.stat), a machine \
                 that is overloaded or swaps, long loops in assembly or cgo. An execution trace shows \
                 who is slow: /debug/pprof/trace?seconds=5.",
        command: None,
    }
}

fn burst(burst: &Burst) -> Words {
    let bursts = match burst.count {
        1 => String::new(),
        count => format!(", {count} times"),
    };
    Words {
        message: format!(
            "the live heap rose to {} and came back to {}{bursts}",
            size(burst.peak),
            size(burst.usual)
        ),
        evidence: vec![format!(
            "it was {} times as large as usual, from {} to {} after the start",
            short(burst.peak / burst.usual.max(1.0)),
            duration(burst.from),
            duration(burst.to)
        )],
        advice: "That is no leak. Look at what ran at that time (a batch, a large request, a reload): \
                 the limit of the process has to cover twice the peak, or the work has to be done in \
                 pieces.",
        command: Some("heapdiff before.pb.gz during.pb.gz"),
    }
}

fn finalizers(queues: Queues) -> Words {
    Words {
        message: format!(
            "up to {} finalizers and {} cleanups waited to be run",
            queues.finalizers, queues.cleanups
        ),
        evidence: vec![format!("{} wait at the end", queues.last)],
        advice: "All finalizers run in one goroutine, and what they hold lives until the collection \
                 after. Look for runtime.SetFinalizer on many objects, and for a finalizer that blocks; \
                 close what has to be closed instead.",
        command: Some("heapdiff refs runtime.SetFinalizer heap.pb.gz"),
    }
}

/// The time `at` nanoseconds before a time, as the log has times.
pub(super) fn time(written: LogTime, at: u64) -> Option<String> {
    let nanos = i128::from(written.nanos) - i128::from(at);
    let start = Timestamp::from_nanosecond(nanos / 1_000_000 * 1_000_000).ok()?;
    let clock = || start.to_zoned(TimeZone::UTC).datetime();
    Some(match written.clock {
        LogClock::Utc => start.to_string(),
        LogClock::Local => clock().to_string(),
        LogClock::WithoutYear => clock().strftime("%b %e %H:%M:%S").to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_in_the_words_of_the_log() {
        let nanos = 1_795_823_387_250_000_000;
        let at = |clock| time(LogTime { nanos, clock }, 2_000_000_000).unwrap();
        assert_eq!(at(LogClock::Utc), "2026-11-27T23:49:45.25Z");
        assert_eq!(at(LogClock::Local), "2026-11-27T23:49:45.25");
        assert_eq!(at(LogClock::WithoutYear), "Nov 27 23:49:45");
    }
}
