//! The rules about memory, M1 to M8: what takes it that shouldn't, and what to do.
//!
//! A healthy process has idle memory and room between objects, since its heap falls with every
//! collection and grows until the next. So rules about those count only what the heap doesn't need
//! until then. What is true of one moment may pass; such rules look at the median of the later half
//! of the moments as well.

use super::found::{MemoryFinding, MemoryRule};
use super::moments::Statistics;
use super::parts::{LiveSource, MemoryPart, MemoryTotal};
use super::trends::{MemoryTrend, trend};
use super::{Divided, MemoryLimit, size};
use crate::analysis::estimates::{Class, Severity};
use crate::model::gauges::Gauge;
use crate::rules::memory::MemoryLimits;
use crate::stats::medians::median;
use crate::units::MIB;

/// How far the heap may be above its goal.
const ABOVE_GOAL: f64 = 1.1;

/// Applies all rules. The most important finding is the first.
pub(super) fn find(
    divided: &[Divided<'_>],
    kind: MemoryTotal,
    limit: Option<&MemoryLimit>,
    total: Option<&MemoryTrend>,
    live: Option<&MemoryTrend>,
    limits: &MemoryLimits,
) -> Vec<MemoryFinding> {
    let Some(last) = divided.last() else { return Vec::new() };
    let seen = Seen { divided, late: &divided[divided.len() / 2..], last, limits };
    let mut found: Vec<MemoryFinding> = [
        live_grows(total, live),
        seen.idle_kept(live),
        seen.returned_lazily(),
        seen.fragmented(),
        seen.goal_beyond_limit(limit, live),
        seen.outside_grows(),
        seen.profiler_buckets(),
        seen.page_cache_counted(kind, limit),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.sort_by_key(|finding| (finding.severity, finding.rule));
    found
}

/// What the rules look at.
struct Seen<'a> {
    divided: &'a [Divided<'a>],
    /// The later half.
    late: &'a [Divided<'a>],
    last: &'a Divided<'a>,
    limits: &'a MemoryLimits,
}

fn finding(
    rule: MemoryRule,
    severity: Severity,
    message: String,
    evidence: Vec<String>,
    advice: &str,
    command: Option<&str>,
) -> MemoryFinding {
    MemoryFinding {
        rule,
        id: rule.id().to_owned(),
        severity,
        message,
        evidence,
        advice: advice.to_owned(),
        command: command.map(str::to_owned),
    }
}

fn live_grows(total: Option<&MemoryTrend>, live: Option<&MemoryTrend>) -> Option<MemoryFinding> {
    let (total, live) = (total?, live?);
    // A total that has levelled off has room for what grows.
    if !live.grows() || !total.grew() || total.class == Class::WarmUp {
        return None;
    }
    let change = |trend: &MemoryTrend| {
        format!("{} → {}", size(trend.before as f64), size(trend.after as f64))
    };
    Some(finding(
        MemoryRule::LiveGrows,
        Severity::Problem,
        format!("the live heap grows, and the total with it: {}", change(live)),
        vec![format!("live heap {}", change(live)), format!("total {}", change(total))],
        "The program keeps more and more objects, unless its load grows as well. Find who allocates what \
         stays: take heap profiles some minutes apart.",
        Some("heapdiff leaks heap-*.pb.gz"),
    ))
}

impl Seen<'_> {
    fn least(&self) -> f64 {
        self.limits.least * MIB
    }

    /// The resident set, or the best there is, that shares are of.
    fn whole(one: &Divided<'_>) -> f64 {
        one.moment.gauge(Gauge::Rss).unwrap_or(one.waterfall.total) as f64
    }

    /// The usual size in the later half, and the one at the end, whichever is smaller.
    fn lasting(&self, of: impl Fn(&Divided<'_>) -> Option<f64>) -> Option<f64> {
        let usual = median(&self.late.iter().filter_map(&of).collect::<Vec<_>>())?;
        Some(usual.min(of(self.last)?))
    }

    /// The largest value of a statistic over all moments.
    fn most(&self, name: &str) -> f64 {
        let values = self.divided.iter().filter_map(|one| one.moment.statistic(name));
        values.max().unwrap_or(0) as f64
    }

    /// The heap at which the next collection is due; `usual` if nothing says.
    fn goal(one: &Divided<'_>, usual: f64) -> f64 {
        let goal = one.moment.statistic("NextGC");
        let goal = goal.or_else(|| Some(one.moment.collected.as_ref()?.goal));
        goal.map_or(usual, |goal| goal as f64)
    }

    fn idle_kept(&self, live: Option<&MemoryTrend>) -> Option<MemoryFinding> {
        if live.is_some_and(MemoryTrend::grows) {
            return None;
        }
        // Without a goal, what the heap has used before it may use again; but one moment tells
        // nothing of that.
        let usual = self.most("HeapInuse");
        let excess = |one: &Divided<'_>| {
            let statistic = |name| Some(one.moment.statistic(name)? as f64);
            let idle = statistic("HeapIdle")? - statistic("HeapReleased")?;
            let goal = Self::goal(one, usual);
            let known = one.moment.statistic("NextGC").is_some() || self.divided.len() > 2;
            let room = (goal * ABOVE_GOAL - statistic("HeapInuse")?).max(0.0);
            known.then_some((idle - room).max(0.0))
        };
        let share = |one: &Divided<'_>| Some(100.0 * excess(one)? / Self::whole(one).max(1.0));
        let (bytes, percent) = (self.lasting(excess)?, self.lasting(share)?);
        if bytes < self.least() || percent <= self.limits.idle_percent {
            return None;
        }
        let idle = self.last.moment.statistic("HeapIdle")?;
        let released = self.last.moment.statistic("HeapReleased")?;
        Some(finding(
            MemoryRule::IdleKept,
            Severity::Problem,
            format!(
                "{} is idle and not returned to the system, beyond what the heap needs until the next \
                 collection: {percent:.0} % of {}",
                size(bytes),
                size(Self::whole(self.last))
            ),
            vec![
                format!(
                    "HeapIdle {} − HeapReleased {} = {}",
                    size(idle as f64),
                    size(released as f64),
                    size(idle.saturating_sub(released) as f64)
                ),
                format!(
                    "the heap in use is {}",
                    size(self.last.moment.statistic("HeapInuse")? as f64)
                ),
            ],
            "The heap was larger and Go returns the rest slowly. Lower the peak (smaller batches), set \
             GOMEMLIMIT so that the scavenger works harder near it, or call debug.FreeOSMemory once after \
             a rare peak. Go before 1.13 and a heap ballast keep more.",
            None,
        ))
    }

    /// Anonymous memory that isn't Go's, or all resident memory that isn't if that is unknown.
    fn beside_go(one: &Divided<'_>) -> Option<f64> {
        let gap = || {
            let go = one.waterfall.go.filter(|_| one.waterfall.is_whole)?;
            Some(one.moment.gauge(Gauge::Rss)? as f64 - go as f64)
        };
        one.waterfall.outside.map(|bytes| bytes as f64).or_else(gap)
    }

    fn returned_lazily(&self) -> Option<MemoryFinding> {
        let one = self.last;
        let released = one.moment.statistic("HeapReleased")? as f64;
        let whole = Self::whole(one);
        let lazy = one.moment.gauge(Gauge::LazyFree).map(|bytes| bytes as f64);
        let is_much =
            |bytes: f64| bytes >= self.least() && 100.0 * bytes > self.limits.lazy_percent * whole;
        let advice = "Go up to 1.15 returns memory with MADV_FREE, which counts until the system needs it: \
                      set GODEBUG=madvdontneed=1, or update Go. The limit of a container counts it too.";
        if let Some(lazy) = lazy.filter(|&lazy| is_much(lazy)) {
            return Some(finding(
                MemoryRule::ReturnedLazily,
                Severity::Note,
                format!("Go has returned {}, and the system still counts it", size(lazy)),
                vec![
                    format!("LazyFree {} of {}", size(lazy), size(whole)),
                    format!("HeapReleased {}", size(released)),
                ],
                advice,
                None,
            ));
        }
        let gap = self.lasting(Self::beside_go)?;
        if !is_much(gap) || released < gap || self.outside_grew().is_some() {
            return None;
        }
        let pages = one.moment.gauge(Gauge::HugePages).map_or(0.0, |bytes| bytes as f64);
        let (message, evidence, advice) = if pages >= gap {
            (
                format!("{} that Go has returned is still resident, in huge pages", size(gap)),
                format!("AnonHugePages {}", size(pages)),
                "The system gives the process whole huge pages although parts of them were returned. \
                 Set transparent huge pages to madvise (/sys/kernel/mm/transparent_hugepage), or update \
                 Go: 1.21.1 and later leave them to the system.",
            )
        } else if lazy.is_none() {
            (
                format!(
                    "{} more is resident than Go has, and Go has returned that much",
                    size(gap)
                ),
                "LazyFree is unknown: smaps_rollup would prove it".to_owned(),
                advice,
            )
        } else {
            return None;
        };
        Some(finding(
            MemoryRule::ReturnedLazily,
            Severity::Note,
            message,
            vec![evidence, format!("HeapReleased {}", size(released))],
            advice,
            Some("cat /proc/PID/smaps_rollup"),
        ))
    }

    fn fragmented(&self) -> Option<MemoryFinding> {
        let usual = self.most("HeapAlloc");
        let between = |one: &Divided<'_>| {
            let statistic = |name| Some(one.moment.statistic(name)? as f64);
            let (inuse, objects) = (statistic("HeapInuse")?, statistic("HeapAlloc")?);
            let known = one.moment.statistic("NextGC").is_some() || self.divided.len() > 2;
            // Up to the goal, objects to come fill it.
            let is_beyond = inuse > ABOVE_GOAL * Self::goal(one, usual).max(objects);
            known.then_some(if is_beyond { inuse - objects } else { 0.0 })
        };
        let share = |one: &Divided<'_>| {
            Some(100.0 * between(one)? / (one.moment.statistic("HeapInuse")? as f64).max(1.0))
        };
        let (bytes, percent) = (self.lasting(between)?, self.lasting(share)?);
        if bytes < self.least() || percent <= self.limits.fragmentation_percent {
            return None;
        }
        let inuse = self.last.moment.statistic("HeapInuse")? as f64;
        Some(finding(
            MemoryRule::Fragmented,
            Severity::Problem,
            format!(
                "{percent:.0} % of the heap in use holds no object: {} of {}",
                size(bytes),
                size(inuse)
            ),
            vec![
                format!(
                    "HeapInuse {} − HeapAlloc {}",
                    size(inuse),
                    size(self.last.moment.statistic("HeapAlloc")? as f64)
                ),
                "a few objects that live long keep whole spans of 8 KiB and more".to_owned(),
            ],
            "Objects that live long were allocated among many that didn't. Copy what stays out of large \
             buffers, allocate it together (one slice instead of many pointers), or build it anew now and \
             then.",
            Some("heapdiff top -inuse_objects heap.pb.gz"),
        ))
    }

    fn goal_beyond_limit(
        &self,
        limit: Option<&MemoryLimit>,
        trend: Option<&MemoryTrend>,
    ) -> Option<MemoryFinding> {
        let limit = limit?;
        let goal = Self::goal(self.last, 0.0);
        let (live, source) = self.last.waterfall.live?;
        // Half of the goal is live only with GOGC=100; but no more is live than there are objects.
        let moments = if trend.is_some_and(MemoryTrend::grows) { self.late } else { self.divided };
        let objects = moments.iter().filter_map(|one| one.moment.statistic("HeapAlloc")).min();
        let objects = objects.filter(|_| source != LiveSource::Collected);
        let live = objects.map_or(live, |objects| objects.min(live)) as f64;
        let most = limit.bytes as f64;
        if goal <= most || 100.0 * live >= self.limits.goal_live_percent * most {
            return None;
        }
        Some(finding(
            MemoryRule::GoalBeyondLimit,
            Severity::Problem,
            format!(
                "the next collection is due at {}, beyond the limit of {}, although only {} is live",
                size(goal),
                size(most),
                size(live)
            ),
            vec![format!("NextGC {}", size(goal)), format!("the limit is {}", limit.source)],
            "The process is killed before its collector runs. Set GOMEMLIMIT to about 90 % of the limit of \
             the container, or lower GOGC.",
            None,
        ))
    }

    /// How memory that isn't Go's grew: from, to, and whether a trend shows it.
    fn outside_grew(&self) -> Option<(f64, f64, bool)> {
        let outside = |one: &Divided<'_>| Some(Self::beside_go(one)?.max(0.0) as u64);
        if let Some(trend) = trend(self.divided, outside, self.limits) {
            let (before, after) = (trend.before as f64, trend.after as f64);
            return trend.grew().then_some((before, after, trend.grows()));
        }
        let first = self.divided.first().filter(|_| self.divided.len() > 1)?;
        let (before, after) = (outside(first)? as f64, outside(self.last)? as f64);
        let grew = after - before;
        let is_growth = grew >= self.least() && grew * 100.0 >= before * self.limits.growth_percent;
        is_growth.then_some((before, after, false))
    }

    fn outside_grows(&self) -> Option<MemoryFinding> {
        let outside = Self::beside_go(self.last)?;
        let (before, after, is_trend) = self.outside_grew()?;
        let anonymous = self.last.moment.gauge(Gauge::Anonymous);
        let anonymous = anonymous.or_else(|| self.last.moment.gauge(Gauge::CgroupAnonymous));
        let whole = anonymous.map_or_else(|| Self::whole(self.last), |bytes| bytes as f64);
        let is_much = outside >= self.least()
            && 100.0 * outside > self.limits.outside_percent * whole
            && after - before >= self.least();
        if !is_much {
            return None;
        }
        let severity = if is_trend { Severity::Problem } else { Severity::Note };
        let what = match anonymous {
            Some(bytes) => {
                format!("anonymous memory {} − (Sys − HeapReleased)", size(bytes as f64))
            }
            None => {
                "resident set − (Sys − HeapReleased); it may have pages of files in it: record \
                     smaps_rollup"
                    .to_owned()
            }
        };
        Some(finding(
            MemoryRule::OutsideGrows,
            severity,
            format!(
                "memory that isn't Go's grows: {} → {}; no heap profile shows it",
                size(before),
                size(after)
            ),
            vec![what, format!("{:.0} % of it", 100.0 * outside / whole.max(1.0))],
            "Memory from C (cgo) or from mmap isn't freed. Look for C libraries, for syscall.Mmap without \
             Munmap, and for databases and image codecs with buffers of their own; profile C with \
             jemalloc's or gperftools' profiler. Many threads count too: look at Threads in \
             /proc/PID/status.",
            Some("pmap -x PID | sort -k3 -n | tail"),
        ))
    }

    fn profiler_buckets(&self) -> Option<MemoryFinding> {
        let of = |set: &Statistics| {
            Some((set.get("BuckHashSys")?.value as f64, set.get("Sys")?.value as f64))
        };
        let (buckets, sys) = self.last.moment.sets().find_map(of)?;
        if buckets < self.least() || 100.0 * buckets <= self.limits.buckets_percent * sys {
            return None;
        }
        Some(finding(
            MemoryRule::ProfilerBuckets,
            Severity::Note,
            format!("profiling itself takes {}: it has seen very many stacks", size(buckets)),
            vec![format!("BuckHashSys {} of Sys {}", size(buckets), size(sys))],
            "Each different stack that allocates, blocks or contends is kept for good. Look for generated \
             code and deep recursion; lower runtime.MemProfileRate, or turn off the block and mutex \
             profiles.",
            None,
        ))
    }

    /// How much the total grew, and how much of that is page cache, if it is half or more.
    fn grew_by_cache(
        &self,
        current: f64,
        cache: impl Fn(&Divided<'_>) -> f64,
    ) -> Option<(f64, f64)> {
        let trends = trend(self.divided, |one| Some(one.waterfall.total), self.limits).zip(trend(
            self.divided,
            |one| Some(cache(one) as u64),
            self.limits,
        ));
        let (before, grew, by) = if let Some((total, cache)) = trends {
            let grew = |trend: &MemoryTrend| trend.after as f64 - trend.before as f64;
            let is_growth = total.grew() && cache.grew();
            (total.before as f64, if is_growth { grew(&total) } else { 0.0 }, grew(&cache))
        } else {
            let first = self.divided.first().filter(|_| self.divided.len() > 1)?;
            let before = first.waterfall.total as f64;
            (before, current - before, cache(self.last) - cache(first))
        };
        let is_much = grew >= self.least() && grew * 100.0 >= before * self.limits.growth_percent;
        (is_much && by >= 0.5 * grew).then_some((grew, by))
    }

    fn page_cache_counted(
        &self,
        kind: MemoryTotal,
        limit: Option<&MemoryLimit>,
    ) -> Option<MemoryFinding> {
        let moment = self.last.moment;
        let anonymous = moment.gauge(Gauge::CgroupAnonymous)? as f64;
        if kind != MemoryTotal::Cgroup {
            return None;
        }
        let current = self.last.waterfall.total as f64;
        let part = |one: &Divided<'_>| {
            let own = one.waterfall.parts.iter().find(|own| own.kind == MemoryPart::PageCache);
            own.map_or(0.0, |own| own.bytes as f64)
        };
        let cache = part(self.last);
        let message = if let Some(limit) = limit
            && current * 100.0 > self.limits.charged_percent * limit.bytes as f64
            && anonymous * 100.0 < self.limits.anonymous_percent * limit.bytes as f64
            && cache >= self.least()
        {
            format!(
                "memory.current is {} of {}, but only {} of it is the processes' own; {} is page cache",
                size(current),
                size(limit.bytes as f64),
                size(anonymous),
                size(cache)
            )
        } else {
            let (grew, by) = self.grew_by_cache(current, part)?;
            format!("memory.current grew by {}, of which {} is page cache", size(grew), size(by))
        };
        Some(finding(
            MemoryRule::PageCacheCounted,
            Severity::Note,
            message,
            vec![
                format!("anon {}", size(anonymous)),
                format!("file {}", size(moment.gauge(Gauge::CgroupFile).unwrap_or(0) as f64)),
            ],
            "The system takes page cache back before it kills anything. Watch anon of memory.stat (or the \
             working set), not memory.current.",
            None,
        ))
    }
}
