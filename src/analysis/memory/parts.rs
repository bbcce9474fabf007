//! Divides the memory of a moment into parts that add up.
//!
//! Go's statistics divide what the runtime has (`Sys − HeapReleased`), the kernel's what is resident
//! (anonymous pages and pages of files), and a cgroup's files what it is charged for. Each part is a
//! field, or a difference of two. What is left after all known parts has a name if only one thing can
//! be in it; otherwise it is unknown, and the part says what to record. A remainder below zero means
//! that the numbers contradict one another, and is shown as such.

use super::moments::{LARGEST, Moment, Statistics};
use crate::model::gauges::Gauge;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// Bytes of stack that a goroutine usually has.
const STACK: u64 = 4096;
/// The smallest heap at which a collection begins, with GOGC=100.
const LEAST_GOAL: u64 = 4 << 20;

pub(super) const STATISTICS: &str = "curl -s 'http://HOST/debug/pprof/heap?debug=1' > heap.txt";
pub(super) const ROLLUP: &str = "cat /proc/PID/smaps_rollup > smaps_rollup";
const CGROUP: &str = "grep -H . /sys/fs/cgroup/memory.current /sys/fs/cgroup/memory.max \
                      /sys/fs/cgroup/memory.stat > cgroup.txt";
pub(super) const GCTRACE: &str = "GODEBUG=gctrace=1 ./server 2> server.log";
const PMAP: &str = "pmap -x PID";

/// What the parts of memory add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemoryTotal {
    /// The resident set of the process.
    Rss,
    /// What the cgroup is charged for: `memory.current`.
    Cgroup,
    /// What Go's runtime has taken from the system and not returned.
    Runtime,
    /// The live heap alone: nothing else is known.
    Heap,
}

/// A part of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemoryPart {
    /// Objects that are in use.
    Live,
    /// Objects that the next collection frees.
    Garbage,
    /// Both, if they can't be told apart.
    Objects,
    /// Room in parts of the heap that are in use, between objects.
    Fragmentation,
    /// Parts of the heap that nothing uses and that were not returned.
    Idle,
    /// Stacks of goroutines.
    Stacks,
    /// What the runtime needs for itself.
    Runtime,
    /// What Go has returned, and the system has not taken back yet.
    LazyFree,
    /// Memory that isn't Go's: from C or from `mmap`.
    Outside,
    /// Pages of files in the process: the program, libraries, mapped files.
    Files,
    /// What nothing tells apart.
    Unknown,
    /// Other processes in the cgroup.
    OtherProcesses,
    /// Pages of files that the cgroup is charged for.
    PageCache,
    /// Shared memory and files in memory.
    Shared,
    /// Memory of the kernel.
    Kernel,
    /// The difference between the total and its parts.
    NotExplained,
}

impl MemoryPart {
    /// Its name, as people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live heap",
            Self::Garbage => "garbage until the next GC",
            Self::Objects => "live heap and garbage",
            Self::Fragmentation => "fragmentation",
            Self::Idle => "idle, not returned",
            Self::Stacks => "stacks",
            Self::Runtime => "runtime structures",
            Self::LazyFree => "returned, still counted",
            Self::Outside => "C memory and mmap",
            Self::Files => "file pages",
            Self::Unknown => "unknown",
            Self::OtherProcesses => "other processes",
            Self::PageCache => "page cache",
            Self::Shared => "shared memory",
            Self::Kernel => "kernel",
            Self::NotExplained => "not explained (±)",
        }
    }

    /// Its name, as in JSON and CSV.
    pub fn key(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Garbage => "garbage",
            Self::Objects => "objects",
            Self::Fragmentation => "fragmentation",
            Self::Idle => "idle",
            Self::Stacks => "stacks",
            Self::Runtime => "runtime",
            Self::LazyFree => "lazy-free",
            Self::Outside => "outside",
            Self::Files => "files",
            Self::Unknown => "unknown",
            Self::OtherProcesses => "other-processes",
            Self::PageCache => "page-cache",
            Self::Shared => "shared",
            Self::Kernel => "kernel",
            Self::NotExplained => "not-explained",
        }
    }
}

/// How a part is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemoryBasis {
    /// Its source says so, or the difference of two fields.
    Measured,
    /// It follows from an assumption, which the evidence names.
    Estimated,
    /// It is what is left of a total.
    Remainder,
    /// It is what is left, and several things may be in it.
    Unknown,
}

/// A part of a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) kind: MemoryPart,
    /// Below zero only if it is not explained.
    pub(super) bytes: i64,
    pub(super) basis: MemoryBasis,
    pub(super) evidence: String,
    /// What to record to know it, or to know it better.
    pub(super) record: Option<&'static str>,
}

/// What says how large the live heap is, the most exact first. Values of two sources aren't of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LiveSource {
    /// The last collection.
    Collected,
    /// The goal of the next one.
    Goal,
    /// A heap profile.
    Profile,
}

/// The parts of a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waterfall {
    pub(super) total: u64,
    /// Where the total comes from.
    pub(super) source: String,
    pub(super) parts: Vec<Part>,
    /// What Go's runtime has taken and not returned, as far as it is known.
    pub(super) go: Option<u64>,
    /// The live heap, if it is known or estimated, and by what.
    pub(super) live: Option<(u64, LiveSource)>,
    /// Anonymous memory that isn't Go's, if that is known.
    pub(super) outside: Option<i64>,
    /// Whether all parts of Go's memory are known.
    pub(super) is_whole: bool,
}

/// What the parts of all these moments can add up to.
pub(super) fn kind(moments: &[&Moment]) -> MemoryTotal {
    let all = |has: fn(&Moment) -> bool| moments.iter().all(|moment| has(moment));
    if all(|moment| moment.gauge(Gauge::CgroupCurrent).is_some()) {
        MemoryTotal::Cgroup
    } else if all(|moment| moment.gauge(Gauge::Rss).is_some()) {
        MemoryTotal::Rss
    } else if all(|moment| moment.statistic("HeapInuse").is_some()) {
        MemoryTotal::Runtime
    } else {
        MemoryTotal::Heap
    }
}

/// Divides a moment. `None` if it lacks its total.
pub(super) fn divide(moment: &Moment, kind: MemoryTotal) -> Option<Waterfall> {
    let mut all = Vec::new();
    let live = of_go(moment, &mut all);
    let counted: u64 = all.iter().map(|part: &Part| part.bytes.max(0) as u64).sum();
    let has = |kind: MemoryPart| all.iter().any(|part| part.kind == kind);
    let is_whole = [MemoryPart::Fragmentation, MemoryPart::Idle, MemoryPart::Runtime].map(has);
    let is_whole = is_whole == [true; 3];
    let go = (counted > 0 && moment.statistic("HeapInuse").is_some()).then_some(counted);
    let left = Left { moment, counted, is_whole };
    let named = |gauge: Gauge| {
        moment.gauges.get(&gauge).map(|known| (known.value, said(&known.input, &known.field)))
    };
    let (total, source) = match kind {
        MemoryTotal::Rss => named(Gauge::Rss)?,
        MemoryTotal::Cgroup => named(Gauge::CgroupCurrent)?,
        MemoryTotal::Runtime => (counted, "what Go has taken and not returned".to_owned()),
        MemoryTotal::Heap => (counted, "the live heap alone".to_owned()),
    };
    let mut outside = None;
    match kind {
        MemoryTotal::Rss => outside = left.of_process(total, &mut all),
        MemoryTotal::Cgroup => outside = left.of_cgroup(total, &mut all),
        MemoryTotal::Runtime | MemoryTotal::Heap => {}
    }
    let sum: i64 = all.iter().map(|part| part.bytes).sum();
    let rest = total as i64 - sum;
    if rest != 0 {
        let evidence = if rest < 0 {
            "the parts are more than the total: memory that was taken and never touched, or numbers of \
             different moments"
        } else {
            "the total has more than the parts that are measured"
        };
        all.push(part(MemoryPart::NotExplained, rest, MemoryBasis::Remainder, evidence, None));
    }
    Some(Waterfall { total, source, parts: all, go, live, outside, is_whole })
}

fn part(
    kind: MemoryPart,
    bytes: i64,
    basis: MemoryBasis,
    evidence: impl Into<String>,
    record: Option<&'static str>,
) -> Part {
    Part { kind, bytes, basis, evidence: evidence.into(), record }
}

fn said(input: &str, field: &str) -> String {
    format!("{field} of {input}")
}

/// The parts that Go's runtime knows of. Returns the live heap.
fn of_go(moment: &Moment, all: &mut Vec<Part>) -> Option<(u64, LiveSource)> {
    use MemoryBasis::{Estimated, Measured};
    let field = |name: &str| moment.statistics.get(name);
    let objects = field("HeapAlloc").or_else(|| field("Alloc"));
    let (live, source) = live(moment).unzip();
    match (objects, &live) {
        (Some(objects), Some((bytes, basis, evidence, record))) => {
            // An estimate may be off; what is allocated isn't.
            let live = (*bytes).min(objects.value);
            all.push(part(MemoryPart::Live, live as i64, *basis, evidence, *record));
            let evidence = format!("{} − live heap", said(&objects.input, &objects.field));
            let garbage = (objects.value - live) as i64;
            all.push(part(MemoryPart::Garbage, garbage, *basis, evidence, None));
        }
        (Some(objects), None) => {
            let evidence = said(&objects.input, &objects.field);
            let bytes = objects.value as i64;
            all.push(part(MemoryPart::Objects, bytes, Measured, evidence, Some(GCTRACE)));
        }
        (None, Some((bytes, basis, evidence, record))) => {
            all.push(part(MemoryPart::Live, *bytes as i64, *basis, evidence, *record));
        }
        (None, None) => {}
    }
    let difference = |part_of: MemoryPart, more: &str, less: &str, all: &mut Vec<Part>| {
        if let (Some(more), Some(less)) = (field(more), field(less)) {
            let bytes = more.value.saturating_sub(less.value) as i64;
            let evidence = format!("{} − {} of {}", more.field, less.field, more.input);
            all.push(part(part_of, bytes, Measured, evidence, None));
        }
    };
    let allocated = if field("HeapAlloc").is_some() { "HeapAlloc" } else { "Alloc" };
    difference(MemoryPart::Fragmentation, "HeapInuse", allocated, all);
    difference(MemoryPart::Idle, "HeapIdle", "HeapReleased", all);
    let of_any = |name: &str| moment.sets().find_map(|set| set.get(name));
    let stacks = field("StackSys").or_else(|| field("StackInuse"));
    let stacks = stacks.or_else(|| of_any("StackSys")).or_else(|| of_any("StackInuse"));
    if let Some(stacks) = stacks {
        let evidence = said(&stacks.input, &stacks.field);
        all.push(part(MemoryPart::Stacks, stacks.value as i64, Measured, evidence, None));
    } else if let Some(count) = moment.gauges.get(&Gauge::Goroutines) {
        let evidence = format!(
            "{} goroutines in {}, about {} each",
            count.value,
            count.input,
            Bytes(STACK as f64)
        );
        let bytes = count.value.saturating_mul(STACK).min(LARGEST) as i64;
        all.push(part(MemoryPart::Stacks, bytes, Estimated, evidence, Some(STATISTICS)));
    }
    if let Some((bytes, input, list)) = moment.sets().find_map(runtime) {
        let with = if list.is_empty() { String::new() } else { format!(": {}", list.join(", ")) };
        let evidence = format!("Sys − HeapSys − StackSys of {input}{with}");
        // It changes little, so that of another moment nearby will do.
        let is_own = field("Sys").is_some() && field("HeapSys").is_some();
        let basis = if is_own { Measured } else { Estimated };
        all.push(part(MemoryPart::Runtime, bytes, basis, evidence, None));
    }
    let live = live.map(|(bytes, ..)| objects.map_or(bytes, |objects| bytes.min(objects.value)));
    live.zip(source)
}

/// What the runtime needs for itself, the input that says so, and what most of it is.
fn runtime(set: &Statistics) -> Option<(i64, &str, Vec<String>)> {
    let (sys, heap) = (set.get("Sys")?, set.get("HeapSys")?);
    let stacks = set.get("StackSys").or_else(|| set.get("StackInuse")).map_or(0, |one| one.value);
    let bytes = sys.value.saturating_sub(heap.value).saturating_sub(stacks) as i64;
    let names = ["MSpanSys", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys"];
    let known = names.iter().filter_map(|name| set.get(*name)).filter(|one| one.value >= 1 << 20);
    let list = known.map(|one| format!("{} {}", one.field, Bytes(one.value as f64)));
    Some((bytes, &sys.input, list.collect()))
}

/// The live heap, how it is known, and from what.
type Live = (u64, MemoryBasis, String, Option<&'static str>);

fn live(moment: &Moment) -> Option<(Live, LiveSource)> {
    if let Some(last) = &moment.collected {
        let evidence = format!("heap after collection {} in {}", last.number, last.input);
        return Some(((last.live, MemoryBasis::Measured, evidence, None), LiveSource::Collected));
    }
    // goal = live + (live + stacks + globals) · GOGC/100, since Go 1.18.
    let goal = moment.statistics.get("NextGC").filter(|goal| goal.value > LEAST_GOAL);
    let by_goal = goal.map(|goal| {
        let stacks = moment.statistic("StackInuse").unwrap_or(0);
        let evidence = format!("{}, with GOGC=100", said(&goal.input, "half of NextGC"));
        (goal.value.saturating_sub(stacks) / 2, MemoryBasis::Estimated, evidence, Some(GCTRACE))
    });
    let by_profile = moment.profiled.as_ref().map(|profiled| {
        let evidence = format!(
            "inuse_space of {}, ± {} at most",
            profiled.input,
            Bytes(profiled.error as f64)
        );
        (profiled.value, MemoryBasis::Estimated, evidence, Some(GCTRACE))
    });
    match (by_goal, by_profile, &moment.profiled) {
        // Another GOGC, or a memory limit: the goal says nothing.
        (Some(goal), Some(profile), Some(profiled))
            if goal.0.abs_diff(profiled.value) > profiled.error.max(profiled.value / 4) =>
        {
            Some((profile, LiveSource::Profile))
        }
        (Some(goal), ..) => Some((goal, LiveSource::Goal)),
        (None, profile, _) => profile.map(|profile| (profile, LiveSource::Profile)),
    }
}

/// What is left after the parts of Go.
struct Left<'a> {
    moment: &'a Moment,
    /// Bytes of the parts of Go.
    counted: u64,
    /// Whether these are all there are.
    is_whole: bool,
}

impl Left<'_> {
    fn known(&self, gauge: Gauge) -> Option<(i64, String)> {
        let known = self.moment.gauges.get(&gauge)?;
        Some((i64::try_from(known.value).unwrap_or(i64::MAX), said(&known.input, &known.field)))
    }

    /// What Go has returned and the system still counts.
    fn lazy(&self, all: &mut Vec<Part>) -> i64 {
        let Some((bytes, evidence)) = self.known(Gauge::LazyFree).filter(|lazy| lazy.0 > 0) else {
            return 0;
        };
        all.push(part(MemoryPart::LazyFree, bytes, MemoryBasis::Measured, evidence, None));
        bytes
    }

    /// Adds what is anonymous and not Go's.
    fn anonymous(&self, anonymous: i64, evidence: &str, all: &mut Vec<Part>) -> Option<i64> {
        let lazy = self.lazy(all);
        let rest = anonymous - lazy - self.counted as i64;
        if self.is_whole {
            let evidence = format!("{evidence} − (Sys − HeapReleased)");
            let bytes = rest.max(0);
            all.push(part(
                MemoryPart::Outside,
                bytes,
                MemoryBasis::Remainder,
                evidence,
                Some(PMAP),
            ));
            return Some(rest);
        }
        if rest > 0 {
            let what = if self.moment.statistic("HeapInuse").is_some() {
                "runtime structures, C memory and mmap"
            } else {
                "the rest of the heap, stacks, runtime structures, C memory and mmap"
            };
            let evidence = format!("{what}: {evidence} − the parts above");
            let basis = MemoryBasis::Unknown;
            all.push(part(MemoryPart::Unknown, rest, basis, evidence, Some(STATISTICS)));
        }
        None
    }

    /// Divides the rest of a resident set.
    fn of_process(&self, rss: u64, all: &mut Vec<Part>) -> Option<i64> {
        let rss = i64::try_from(rss).unwrap_or(i64::MAX);
        if let Some((anonymous, evidence)) = self.known(Gauge::Anonymous) {
            let outside = self.anonymous(anonymous, &evidence, all);
            let files = (rss - anonymous).max(0);
            let evidence = match self.known(Gauge::File) {
                Some((_, field)) => field,
                None => format!("resident − {evidence}"),
            };
            all.push(part(MemoryPart::Files, files, MemoryBasis::Measured, evidence, None));
            return outside;
        }
        let lazy = self.lazy(all);
        let rest = rss - lazy - self.counted as i64;
        if rest > 0 {
            let (what, record) = if self.is_whole {
                ("file pages, C memory and mmap", ROLLUP)
            } else if self.moment.statistic("HeapInuse").is_some() {
                ("runtime structures, file pages, C memory and mmap", STATISTICS)
            } else {
                (
                    "the rest of the heap, stacks, runtime structures, file pages, C memory",
                    STATISTICS,
                )
            };
            let evidence = format!("{what}: the total − the parts above");
            let basis = MemoryBasis::Unknown;
            all.push(part(MemoryPart::Unknown, rest, basis, evidence, Some(record)));
        }
        None
    }

    /// Divides the rest of what a cgroup is charged for.
    fn of_cgroup(&self, current: u64, all: &mut Vec<Part>) -> Option<i64> {
        let current = i64::try_from(current).unwrap_or(i64::MAX);
        let Some((charged, charged_evidence)) = self.known(Gauge::CgroupAnonymous) else {
            let lazy = self.lazy(all);
            let rest = current - lazy - self.counted as i64;
            if rest > 0 {
                let evidence = "page cache, kernel memory and all that isn't Go's heap: the total − the \
                                parts above";
                let basis = MemoryBasis::Unknown;
                all.push(part(MemoryPart::Unknown, rest, basis, evidence, Some(CGROUP)));
            }
            return None;
        };
        let own = self.known(Gauge::Anonymous).filter(|own| own.0 <= charged);
        let (anonymous, evidence) = own.clone().unwrap_or((charged, charged_evidence.clone()));
        let outside = self.anonymous(anonymous, &evidence, all);
        if let Some((own, own_evidence)) = own
            && charged > own
        {
            let evidence = format!("{charged_evidence} − {own_evidence}");
            let basis = MemoryBasis::Remainder;
            all.push(part(MemoryPart::OtherProcesses, charged - own, basis, evidence, None));
        }
        let shared = self.known(Gauge::CgroupShared);
        if let Some((files, mut evidence)) = self.known(Gauge::CgroupFile) {
            let of_shared = shared.as_ref().map_or(0, |shared| shared.0).min(files);
            if of_shared > 0 {
                evidence = format!("{evidence} − shmem");
            }
            for (gauge, what) in
                [(Gauge::CgroupMapped, "mapped"), (Gauge::CgroupInactive, "not used lately")]
            {
                if let Some((bytes, _)) = self.known(gauge) {
                    evidence = format!("{evidence}; {} of it {what}", Bytes(bytes as f64));
                }
            }
            let files = files - of_shared;
            all.push(part(MemoryPart::PageCache, files, MemoryBasis::Measured, evidence, None));
        }
        if let Some((bytes, evidence)) = shared.filter(|shared| shared.0 > 0) {
            all.push(part(MemoryPart::Shared, bytes, MemoryBasis::Measured, evidence, None));
        }
        if let Some((bytes, mut evidence)) = self.known(Gauge::CgroupKernel) {
            let sockets = self.known(Gauge::CgroupSockets).map_or(0, |sockets| sockets.0);
            if sockets > 0 {
                evidence = format!("{evidence} + sock");
            }
            let bytes = bytes.saturating_add(sockets);
            all.push(part(MemoryPart::Kernel, bytes, MemoryBasis::Measured, evidence, None));
        }
        outside
    }
}
