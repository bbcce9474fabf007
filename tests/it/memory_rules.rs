//! The rules of `memory` on simulated processes: for each of M1 to M8 ten different kinds in which it has to fire and ten
//! neighbours of these in which it must not, and thirty kinds of healthy processes in which no rule may fire. Each kind is
//! simulated several times, with noise of its own.
//!
//! A process has a live heap, a collector that lets garbage grow up to its goal, a scavenger that returns what the goal
//! doesn't need, fragmentation, stacks, structures of the runtime, C memory and pages of files. Samples of it are `MemStats`,
//! `smaps_rollup`, `status` or a resident set alone, a cgroup's files, and a log of the collector, at times that jitter.

use super::random::Random;
use heapdiff::analysis::memory::{MemoryAnswer, MemoryAsked};
use heapdiff::input::{Budget, Content, Inflate, read_any};
use heapdiff::model::recording::Recording;
use heapdiff::report::memory::MemoryReport;
use heapdiff::rules::memory::MemoryLimits;
use std::f64::consts::PI;
use std::fmt::Write as _;

const MIB: f64 = 1_048_576.0;
/// Seconds since the epoch at which samples begin.
const START: f64 = 1_795_836_379.0;

/// What the system says of a process.
#[derive(Clone, Copy, PartialEq)]
enum Kernel {
    /// `smaps_rollup`: anonymous pages, lazily freed pages, huge pages.
    Rollup,
    /// `status`: anonymous pages.
    Status,
    /// A resident set alone.
    Rss,
    /// Nothing.
    Nothing,
}

/// A process through time: `x` goes from 0 to 1. Sizes are in MiB.
#[derive(Clone, Copy)]
struct Process {
    /// Samples, and seconds between them.
    count: usize,
    every: f64,
    live: fn(f64) -> f64,
    /// All sizes of the heap are multiplied by it.
    scale: f64,
    gogc: f64,
    /// What a heap in use has beside its objects, as a share of them.
    fragmentation: fn(f64) -> f64,
    /// What the scavenger leaves although the goal doesn't need it, in MiB.
    kept: fn(f64) -> f64,
    /// Whether the heap that the kernel has is what the scavenger says: returned pages that are still counted.
    lazy: fn(f64) -> f64,
    /// What the heap has returned, at least.
    released: f64,
    huge: f64,
    outside: fn(f64) -> f64,
    files: f64,
    stacks: fn(f64) -> f64,
    buckets: f64,
    /// Page cache of the cgroup.
    cache: fn(f64) -> f64,
    /// Its limit, and whether there is a cgroup at all.
    cgroup: Option<f64>,
    asked: Option<f64>,
    kernel: Kernel,
    /// Whether there are `MemStats`, and a log of the collector.
    statistics: bool,
    log: bool,
    /// Noise, as a share of the live heap.
    noise: f64,
}

const HEALTHY: Process = Process {
    count: 24,
    every: 60.0,
    live: |_| 100.0,
    scale: 1.0,
    gogc: 100.0,
    fragmentation: |_| 0.08,
    kept: |_| 0.0,
    lazy: |_| 0.0,
    released: 0.0,
    huge: 0.0,
    outside: |_| 6.0,
    files: 25.0,
    stacks: |_| 3.0,
    buckets: 1.5,
    cache: |_| 20.0,
    cgroup: None,
    asked: None,
    kernel: Kernel::Rollup,
    statistics: true,
    log: false,
    noise: 0.03,
};

/// The texts that samples of a process leave behind.
fn texts(process: &Process, random: &mut Random) -> Vec<String> {
    let mut uniform = || random.below(1 << 20) as f64 / f64::from(1 << 20);
    let (mut statistics, mut kernel, mut cgroup, mut log) =
        (String::new(), String::new(), String::new(), String::new());
    // What the heap has taken from the system so far.
    let mut taken: f64 = 0.0;
    let origin = START - 300.0;
    for number in 0..process.count {
        let x = number as f64 / (process.count - 1).max(1) as f64;
        let time = START + process.every * (number as f64 + 0.2 * (uniform() - 0.5));
        let live =
            process.scale * (process.live)(x) * (1.0 + process.noise * 2.0 * (uniform() - 0.5));
        let stacks = (process.stacks)(x) * (1.0 + 0.02 * (uniform() - 0.5));
        let goal = (live + (live + stacks) * process.gogc / 100.0).max(4.0);
        // Somewhere between two collections.
        let phase = 0.05 + 0.9 * uniform();
        let objects = live + phase * (goal - live);
        let inuse = objects.max(live * 1.02)
            * (1.0 + (process.fragmentation)(x) * (0.95 + 0.1 * uniform()));
        // The scavenger leaves a tenth more than the goal needs.
        let kept = (process.kept)(x) * (0.97 + 0.06 * uniform());
        let needed = goal.max(inuse) * 1.1 + kept;
        taken = taken.max(needed + process.released);
        let idle = taken - inuse;
        let released = (idle - (needed - inuse)).max(0.0);
        let (runtime, sys_stacks) = (8.0 + 0.01 * taken, stacks * 1.05);
        let sys = taken + sys_stacks + runtime + process.buckets;
        let lazy = (process.lazy)(x);
        let outside = (process.outside)(x) * (0.98 + 0.04 * uniform());
        // Of what the runtime has taken, some was never touched.
        let anonymous = (sys - released) * (0.975 + 0.02 * uniform()) + lazy + outside;
        let rss = anonymous + process.files;
        let bytes = |mib: f64| (mib * MIB) as u64;
        if process.statistics {
            writeln!(
                statistics,
                "{{\"ts\":{time:.3},\"HeapAlloc\":{},\"HeapInuse\":{},\"HeapIdle\":{},\"HeapReleased\":{},\"HeapSys\":{},\
                 \"StackInuse\":{},\"StackSys\":{},\"BuckHashSys\":{},\"NextGC\":{},\"Sys\":{},\"NumGC\":{}}}",
                bytes(objects), bytes(inuse), bytes(idle), bytes(released), bytes(taken), bytes(stacks),
                bytes(sys_stacks), bytes(process.buckets), bytes(goal), bytes(sys), number + 1
            ).unwrap();
        }
        let kib = |mib: f64| (mib * 1024.0) as u64;
        match process.kernel {
            Kernel::Rollup => writeln!(
                kernel,
                "{time:.3}\nRss: {} kB\nAnonymous: {} kB\nLazyFree: {} kB\nAnonHugePages: {} kB",
                kib(rss),
                kib(anonymous),
                kib(lazy),
                kib(process.huge)
            )
            .unwrap(),
            Kernel::Status => writeln!(
                kernel,
                "{time:.3}\nVmRSS: {} kB\nRssAnon: {} kB\nRssFile: {} kB",
                kib(rss),
                kib(anonymous),
                kib(process.files)
            )
            .unwrap(),
            Kernel::Rss => writeln!(kernel, "{time:.3} {}", bytes(rss)).unwrap(),
            Kernel::Nothing => {}
        }
        if let Some(limit) = process.cgroup {
            let cache = (process.cache)(x) * (0.98 + 0.04 * uniform());
            writeln!(
                cgroup,
                "{time:.3}\n/sys/fs/cgroup/memory.current:{}\n/sys/fs/cgroup/memory.max:{}\n\
                 /sys/fs/cgroup/memory.stat:anon {}\n/sys/fs/cgroup/memory.stat:file {}\n\
                 /sys/fs/cgroup/memory.stat:kernel {}",
                bytes(anonymous + cache + 6.0),
                bytes(limit),
                bytes(anonymous),
                bytes(cache),
                bytes(6.0)
            )
            .unwrap();
        }
        if process.log {
            // A collection a little before the sample.
            let at = time - 2.0;
            writeln!(
                log,
                "{} gc {} @{:.3}s 1%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, {g:.0}->{g:.0}->{:.0} MB, {:.0} MB \
                 goal, {:.0} MB stacks, 0 MB globals, 4 P",
                jiff::Timestamp::from_nanosecond((at * 1e9) as i128).unwrap(),
                number + 1, at - origin, live, goal, stacks, g = live + 0.9 * (goal - live)
            ).unwrap();
        }
    }
    [statistics, kernel, cgroup, log].into_iter().filter(|text| !text.is_empty()).collect()
}

fn answer(process: &Process, random: &mut Random) -> MemoryAnswer {
    let mut recording = Recording::default();
    for (number, text) in texts(process, random).into_iter().enumerate() {
        let name = format!("{number}.txt");
        match read_any(text.as_bytes(), Budget::default(), Inflate::Here).unwrap() {
            Content::Gauges(mut log) => {
                log.name = name;
                recording.gauges.push(log);
            }
            Content::Collections(log) => recording.collections.push((name, log)),
            other => panic!("{other:?}: {text}"),
        }
    }
    let asked = MemoryAsked { limit: process.asked.map(|limit| (limit * MIB) as u64) };
    let report =
        MemoryReport::new(&recording, Vec::new(), asked, &MemoryLimits::default(), Vec::new());
    report.memory.unwrap()
}

fn rules(process: &Process, random: &mut Random) -> Vec<String> {
    answer(process, random).findings.into_iter().map(|finding| finding.id).collect()
}

/// A rule with the kinds in which it has to fire, and those in which it must not.
struct Cases {
    rule: &'static str,
    fire: [Process; 10],
    quiet: [Process; 10],
}

fn wave(x: f64) -> f64 {
    (2.0 * PI * x).sin()
}

fn cases() -> Vec<Cases> {
    use Kernel::{Nothing, Rss, Status};
    let h = HEALTHY;
    let m1 = {
        let leak = Process { live: |x| 100.0 + 300.0 * x, ..h };
        Cases {
            rule: "M1",
            fire: [
                leak,
                Process { scale: 20.0, ..leak },
                Process { kernel: Rss, ..leak },
                Process { kernel: Nothing, ..leak },
                Process { log: true, kernel: Status, ..leak },
                Process { live: |x| 300.0 + 150.0 * x, noise: 0.06, ..h },
                Process { live: |x| 50.0 + 400.0 * (x - 0.4).max(0.0), ..h },
                Process { live: |x| 60.0 + 120.0 * x + 15.0 * wave(3.0 * x), count: 48, ..h },
                Process { count: 8, noise: 0.01, ..leak },
                Process { gogc: 30.0, log: true, statistics: false, kernel: Rss, ..leak },
            ],
            quiet: [
                h,
                Process { live: |x| 200.0 + 100.0 * wave(x * 2.0), ..h },
                Process { live: |x| 400.0 - 200.0 * x, ..h },
                Process { live: |x| 100.0 + 3.0 * x, ..h },
                Process { live: |x| 20.0 + 230.0 * (x * 6.0).min(1.0), ..h },
                Process { live: |x| if x < 0.5 { 100.0 } else { 220.0 }, ..h },
                Process { outside: |x| 20.0 + 600.0 * x, ..h },
                Process { cgroup: Some(8192.0), cache: |x| 100.0 + 2000.0 * x, ..h },
                Process { noise: 0.4, ..h },
                Process { count: 5, ..leak },
            ],
        }
    };
    let m2 = {
        let kept = Process { kept: |_| 400.0, ..h };
        Cases {
            rule: "M2",
            fire: [
                kept,
                Process { kernel: Rss, ..kept },
                Process { kernel: Nothing, ..kept },
                Process { kernel: Status, ..kept },
                Process { live: |_| 1000.0, kept: |_| 3000.0, ..h },
                Process { live: |_| 20.0, kept: |_| 120.0, ..h },
                Process { kept: |x| if x < 0.3 { 0.0 } else { 500.0 }, ..h },
                Process { gogc: 50.0, kept: |_| 250.0, ..h },
                Process { live: |x| 100.0 + 40.0 * wave(4.0 * x), kept: |_| 500.0, ..h },
                Process { cgroup: Some(2048.0), kept: |_| 700.0, ..h },
            ],
            quiet: [
                h,
                Process { kept: |_| 60.0, ..h },
                // It needs that until the next collection.
                Process { gogc: 400.0, ..h },
                Process { live: |x| 100.0 + 300.0 * x, kept: |_| 300.0, ..h },
                Process { released: 500.0, ..h },
                Process { live: |_| 5.0, kept: |_| 12.0, ..h },
                // For some moments after a peak.
                Process { kept: |x| if (0.6..0.75).contains(&x) { 500.0 } else { 0.0 }, ..h },
                Process { live: |_| 2000.0, kept: |_| 900.0, ..h },
                Process { statistics: false, kept: |_| 400.0, ..h },
                Process { outside: |_| 500.0, ..h },
            ],
        }
    };
    let m3 = {
        let lazy = Process { released: 400.0, lazy: |_| 350.0, ..h };
        Cases {
            rule: "M3",
            fire: [
                lazy,
                Process { lazy: |_| 150.0, ..lazy },
                Process { scale: 10.0, released: 4000.0, lazy: |_| 3000.0, ..h },
                // LazyFree isn't known, but more is resident than Go has.
                Process { kernel: Status, ..lazy },
                Process { kernel: Rss, ..lazy },
                Process { lazy: |x| 250.0 + 60.0 * wave(2.0 * x), ..lazy },
                Process { huge: 500.0, lazy: |_| 0.0, outside: |_| 350.0, released: 400.0, ..h },
                Process { live: |_| 30.0, released: 120.0, lazy: |_| 100.0, ..h },
                Process { cgroup: Some(2048.0), ..lazy },
                Process { count: 1, ..lazy },
            ],
            quiet: [
                h,
                Process { lazy: |_| 20.0, ..lazy },
                Process { released: 400.0, ..h },
                // C memory: Go has returned nothing.
                Process { outside: |_| 350.0, kernel: Status, ..h },
                Process { outside: |_| 350.0, kernel: Rss, ..h },
                // C memory that grows, although Go has returned some.
                Process { outside: |x| 20.0 + 350.0 * x, released: 400.0, kernel: Status, ..h },
                // With LazyFree known to be 0, it isn't that.
                Process { outside: |_| 350.0, released: 400.0, ..h },
                Process { live: |_| 2000.0, released: 400.0, lazy: |_| 300.0, ..h },
                Process { huge: 500.0, released: 400.0, ..h },
                Process { live: |_| 4.0, lazy: |_| 12.0, released: 20.0, ..h },
            ],
        }
    };
    let m4 = {
        let fragmented = Process { fragmentation: |_| 2.6, live: |_| 60.0, ..h };
        Cases {
            rule: "M4",
            fire: [
                fragmented,
                Process { kernel: Nothing, ..fragmented },
                Process { kernel: Rss, ..fragmented },
                Process { scale: 20.0, ..fragmented },
                Process { log: true, ..fragmented },
                Process { fragmentation: |x| (6.0 * x).min(3.0), ..fragmented },
                Process { gogc: 25.0, fragmentation: |_| 1.4, live: |_| 100.0, ..h },
                Process { live: |_| 15.0, fragmentation: |_| 4.0, ..h },
                Process { gogc: 300.0, fragmentation: |_| 6.0, ..fragmented },
                Process { live: |x| 80.0 + 25.0 * wave(3.0 * x), fragmentation: |_| 3.0, ..h },
            ],
            quiet: [
                h,
                Process { fragmentation: |_| 0.3, ..h },
                Process { fragmentation: |_| 0.45, ..h },
                Process { fragmentation: |_| 0.2, gogc: 300.0, ..h },
                // Of few MiB.
                Process { fragmentation: |_| 2.0, live: |_| 3.0, ..h },
                Process {
                    fragmentation: |x| if (0.6..0.75).contains(&x) { 4.0 } else { 0.1 },
                    ..h
                },
                Process { statistics: false, ..fragmented },
                Process { fragmentation: |x| (2.6 * (1.0 - 3.0 * x)).max(0.1), ..fragmented },
                Process { live: |x| 200.0 + 150.0 * wave(3.0 * x), ..h },
                Process { kept: |_| 400.0, ..h },
            ],
        }
    };
    let m5 = {
        let beyond = Process { gogc: 400.0, asked: Some(450.0), live: |_| 110.0, ..h };
        Cases {
            rule: "M5",
            fire: [
                beyond,
                Process { asked: None, cgroup: Some(450.0), ..beyond },
                Process { kernel: Nothing, ..beyond },
                Process { kernel: Rss, ..beyond },
                Process { log: true, ..beyond },
                Process { scale: 20.0, asked: Some(9000.0), ..beyond },
                Process { gogc: 900.0, live: |_| 30.0, asked: Some(200.0), ..h },
                Process { gogc: 200.0, live: |_| 100.0, asked: Some(290.0), ..h },
                Process { count: 1, log: true, ..beyond },
                Process { log: true, statistics: false, kernel: Rss, ..beyond },
            ],
            quiet: [
                h,
                Process { asked: Some(450.0), ..h },
                Process { asked: Some(700.0), ..beyond },
                // Most of the limit is live: no setting helps.
                Process { live: |_| 300.0, asked: Some(450.0), gogc: 100.0, ..h },
                Process { asked: None, ..beyond },
                Process { asked: None, cgroup: Some(4096.0), ..beyond },
                Process { gogc: 400.0, live: |_| 250.0, asked: Some(450.0), ..h },
                Process { gogc: 20.0, asked: Some(200.0), ..h },
                Process { statistics: false, ..beyond },
                Process { gogc: 200.0, live: |_| 90.0, asked: Some(300.0), ..h },
            ],
        }
    };
    let m6 = {
        let grows = Process { outside: |x| 30.0 + 400.0 * x, ..h };
        Cases {
            rule: "M6",
            fire: [
                grows,
                Process { kernel: Status, ..grows },
                Process { kernel: Rss, ..grows },
                Process { scale: 10.0, outside: |x| 100.0 + 2500.0 * x, ..h },
                Process { cgroup: Some(4096.0), ..grows },
                Process { cgroup: Some(4096.0), kernel: Nothing, ..grows },
                Process { outside: |x| 10.0 + 300.0 * (x - 0.5).max(0.0), ..h },
                Process { outside: |x| 60.0 + 350.0 * x + 25.0 * wave(3.0 * x), ..h },
                Process { count: 2, ..grows },
                Process { live: |_| 20.0, outside: |x| 5.0 + 60.0 * x, ..h },
            ],
            quiet: [
                h,
                Process { outside: |_| 400.0, ..h },
                Process { outside: |x| 200.0 + 60.0 * wave(2.0 * x), ..h },
                Process { live: |x| 100.0 + 400.0 * x, ..h },
                Process { outside: |x| 400.0 - 300.0 * x, ..h },
                Process { outside: |x| 6.0 + 12.0 * x, ..h },
                Process { live: |_| 1500.0, outside: |x| 20.0 + 150.0 * x, ..h },
                Process { statistics: false, ..grows },
                Process { lazy: |x| 300.0 * x, released: 400.0, ..h },
                Process { stacks: |x| 3.0 + 200.0 * x, ..h },
            ],
        }
    };
    let m7 = {
        let buckets = Process { buckets: 60.0, ..h };
        Cases {
            rule: "M7",
            fire: [
                buckets,
                Process { kernel: Nothing, ..buckets },
                Process { kernel: Rss, ..buckets },
                Process { count: 1, ..buckets },
                Process { buckets: 20.0, live: |_| 40.0, ..h },
                Process { buckets: 400.0, live: |_| 1000.0, ..h },
                Process { buckets: 200.0, live: |_| 3.0, ..h },
                Process { cgroup: Some(4096.0), ..buckets },
                Process { log: true, ..buckets },
                Process { count: 2, kernel: Status, ..buckets },
            ],
            quiet: [
                h,
                Process { buckets: 6.0, ..h },
                Process { buckets: 14.0, live: |_| 10.0, ..h },
                Process { buckets: 60.0, live: |_| 1000.0, ..h },
                Process { buckets: 60.0, kept: |_| 1200.0, ..h },
                Process { statistics: false, ..buckets },
                Process { count: 1, ..h },
                Process { kernel: Nothing, ..h },
                Process { buckets: 90.0, scale: 12.0, ..h },
                Process { buckets: 12.0, live: |_| 60.0, ..h },
            ],
        }
    };
    let m8 = {
        let cache = Process { cgroup: Some(1000.0), cache: |_| 620.0, ..h };
        Cases {
            rule: "M8",
            fire: [
                cache,
                Process { kernel: Nothing, ..cache },
                Process { kernel: Status, ..cache },
                Process { statistics: false, ..cache },
                Process { count: 1, ..cache },
                Process { scale: 8.0, cgroup: Some(8000.0), cache: |_| 5200.0, ..h },
                // No limit is near, but the growth is of page cache.
                Process { cgroup: Some(16000.0), cache: |x| 100.0 + 800.0 * x, ..h },
                Process {
                    cgroup: Some(16000.0),
                    cache: |x| 100.0 + 800.0 * x,
                    kernel: Nothing,
                    ..h
                },
                Process {
                    cgroup: Some(16000.0),
                    cache: |x| 50.0 + 900.0 * x,
                    live: |x| 100.0 + 60.0 * x,
                    ..h
                },
                Process { cgroup: Some(600.0), cache: |_| 360.0, live: |_| 70.0, ..h },
            ],
            quiet: [
                h,
                Process { cgroup: Some(4096.0), cache: |_| 620.0, ..h },
                Process { cgroup: Some(300.0), cache: |_| 10.0, ..h },
                Process { cgroup: None, cache: |_| 900.0, ..h },
                Process { cgroup: Some(16000.0), live: |x| 100.0 + 500.0 * x, ..h },
                Process {
                    cgroup: Some(16000.0),
                    cache: |x| 50.0 + 50.0 * x,
                    live: |x| 100.0 + 500.0 * x,
                    ..h
                },
                Process { cgroup: Some(16000.0), cache: |x| 900.0 - 700.0 * x, ..h },
                Process { cgroup: Some(16000.0), cache: |x| 300.0 + 100.0 * wave(x), ..h },
                Process { cgroup: Some(1000.0), cache: |_| 250.0, live: |_| 280.0, ..h },
                Process { cgroup: Some(16000.0), outside: |x| 20.0 + 400.0 * x, ..h },
            ],
        }
    };
    vec![m1, m2, m3, m4, m5, m6, m7, m8]
}

fn healthy() -> [Process; 30] {
    use Kernel::{Nothing, Rss, Status};
    let h = HEALTHY;
    [
        h,
        Process { kernel: Status, ..h },
        Process { kernel: Rss, ..h },
        Process { kernel: Nothing, ..h },
        Process { log: true, ..h },
        Process { log: true, statistics: false, kernel: Rss, ..h },
        Process { statistics: false, ..h },
        Process { count: 1, ..h },
        Process { count: 2, ..h },
        Process { count: 6, ..h },
        Process { count: 240, every: 5.0, ..h },
        Process { scale: 0.05, ..h },
        Process { scale: 0.2, ..h },
        Process { scale: 30.0, ..h },
        Process { gogc: 25.0, ..h },
        Process { gogc: 300.0, ..h },
        Process { gogc: 800.0, ..h },
        Process { noise: 0.2, ..h },
        Process { noise: 0.5, count: 60, ..h },
        // A day and a night.
        Process { live: |x| 200.0 + 120.0 * wave(x), count: 96, ..h },
        Process { live: |x| 200.0 + 80.0 * wave(6.0 * x), ..h },
        // It warms up.
        Process { live: |x| 20.0 + 200.0 * (1.0 - (-12.0 * x).exp()), ..h },
        Process { live: |x| if x < 0.3 { 100.0 } else { 150.0 }, ..h },
        Process { live: |x| 300.0 - 150.0 * x, ..h },
        Process { fragmentation: |_| 0.3, ..h },
        Process { outside: |_| 120.0, ..h },
        Process { stacks: |_| 80.0, ..h },
        Process { cgroup: Some(1024.0), ..h },
        Process { cgroup: Some(1024.0), kernel: Nothing, cache: |_| 300.0, ..h },
        Process { cgroup: Some(2048.0), asked: Some(1024.0), released: 200.0, ..h },
    ]
}

#[test]
fn each_rule_fires_in_its_kinds_and_in_no_neighbour() {
    let is_long = std::env::var_os("HEAPDIFF_LONG").is_some_and(|long| long == "1");
    let times = if is_long { 100 } else { 4 };
    let mut wrong = Vec::new();
    let mut count = |rule: &str, kind: &str, number: usize, process: &Process, has_to: bool| {
        let mut fired = 0;
        let mut others = std::collections::BTreeMap::new();
        for seed in 0..times {
            let mut random = Random(seed * 1000 + number as u64);
            let found = rules(process, &mut random);
            fired += u64::from(found.iter().any(|id| id == rule || rule.is_empty()));
            found.into_iter().for_each(|id| *others.entry(id).or_insert(0) += 1);
        }
        let share = if has_to { times - fired } else { fired };
        if is_long || share > 0 {
            println!("{rule:3} {kind} {number:2}: {fired} of {times} {others:?}");
        }
        if share * 50 > times {
            wrong.push(format!("{rule} {kind} {number}: {fired} of {times} {others:?}"));
        }
        share
    };
    for Cases { rule, fire, quiet } in cases() {
        let missed: u64 =
            (0..10).map(|number| count(rule, "fires", number, &fire[number], true)).sum();
        let false_ones: u64 =
            (0..10).map(|number| count(rule, "quiet", number, &quiet[number], false)).sum();
        println!("{rule}: missed {missed} of {}, false {false_ones} of {}", 10 * times, 10 * times);
    }
    let false_ones: u64 = healthy()
        .iter()
        .enumerate()
        .map(|(number, process)| count("", "healthy", number, process, false))
        .sum();
    println!("healthy: false {false_ones} of {}", 30 * times);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
