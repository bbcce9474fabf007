//! The rules: what a process does that is worth attention.
//!
//! Rules explain one another: a heap that fills a memory limit makes the collector run, so there is
//! no churn beside it. So a rule that names a cause suppresses those that name its effects.

use super::found::{Burst, CollectorFinding, CollectorRule, Fact, Seen, Severity};
use super::trends::CollectorTrend;
use super::windows::{Sums, Windows, seconds, start_up};
use super::wording;
use crate::analysis::estimates::Class;
use crate::model::collections::{Cause, Collection};
use crate::rules::collector::CollectorLimits;
use crate::stats::medians::median;

/// Of the usual live heap, the share above which a burst isn't over.
const OVER: f64 = 1.25;
/// Share of the time from which on something is usual.
const USUAL: f64 = 0.5;
/// Fewest collections that a rule about their share needs.
const SHARE_AT_LEAST: usize = 3;
/// So many times the least rate of churn counts whatever it costs.
const EXTREME: f64 = 10.0;
/// A single stop counts if it is so many times as long, and if it is one of very many.
const SINGLE_STOP: f64 = 2.0;
const EXTREME_STOP: f64 = 10.0;

/// Applies all rules. The most important finding is the first.
pub(super) fn find(seen: &Seen<'_>, limits: &CollectorLimits) -> Vec<CollectorFinding> {
    let mut found = Vec::new();
    let mut add = |rule, severity, (from, to): (f64, f64), fact: &Fact<'_>| {
        found.push(wording::finding(rule, severity, (from, to), fact, seen, limits));
    };
    let whole = (seen.windows.start, seen.windows.begin(seen.windows.all.len()));
    let is_leak = |trend: &&CollectorTrend| trend.class == Some(Class::Leak);
    let since = |trend: &CollectorTrend| (trend.since_nanos as f64 / 1e9, whole.1);
    let leak = seen.live.as_ref().filter(is_leak);
    if let Some(trend) = leak {
        add(CollectorRule::Leak, Severity::Problem, since(trend), &Fact::Leak(trend));
    }
    if let Some(trend) = seen.stacks.as_ref().filter(is_leak) {
        add(CollectorRule::StacksGrow, Severity::Problem, since(trend), &Fact::Stacks(trend));
    }
    let thrash = thrash(seen, limits);
    if let Some((time, sums)) = thrash {
        add(CollectorRule::LimitThrash, Severity::Problem, time, &Fact::Thrash(sums));
    }
    let burst = burst(seen, limits).filter(|_| leak.is_none() && thrash.is_none());
    if let Some(burst) = burst {
        add(CollectorRule::Burst, Severity::Note, (burst.from, burst.to), &Fact::Burst(burst));
    }
    if thrash.is_none() {
        let class = seen.live.as_ref().and_then(|trend| trend.class);
        let grew = matches!(class, Some(Class::Grew | Class::GrowingDecelerating));
        let churn = churn(seen, limits).filter(|(time, sums)| {
            let is_costly = sums.cpu_percent() > limits.churn_cpu_percent;
            // A burst explains what happens in it.
            let is_burst = burst.is_some_and(|burst| is_mostly_in(*time, burst));
            leak.is_none() && !is_burst && (is_costly || !grew)
        });
        if let Some((time, sums)) = churn {
            let is_costly = sums.cpu_percent() > limits.churn_cpu_percent;
            let severity = if is_costly { Severity::Problem } else { Severity::Note };
            add(CollectorRule::Churn, severity, time, &Fact::Churn(sums));
        }
        if let Some((time, sums)) = assists(seen, limits) {
            add(CollectorRule::Assists, Severity::Problem, time, &Fact::Assists(sums));
        } else if let Some((time, over, all, worst)) = overshoot(seen, limits) {
            let fact = Fact::Overshoot(over, all, worst);
            add(CollectorRule::Assists, Severity::Note, time, &fact);
        }
    }
    if let Some((forced, all, every)) = forced(seen, limits) {
        let cpu = seen.windows.total().cpu_percent();
        let is_costly = cpu > limits.churn_cpu_percent;
        let severity = if is_costly { Severity::Problem } else { Severity::Note };
        add(CollectorRule::Forced, severity, whole, &Fact::Forced(forced, all, every));
    }
    if let Some((time, long, all, longest)) = stops(seen, limits) {
        let fact = Fact::Stops(long, all, longest);
        add(CollectorRule::LongStops, Severity::Problem, time, &fact);
    }
    if let Some(queues) = seen.process.queues {
        let most = queues.finalizers.max(queues.cleanups) as f64;
        if most > limits.finalizers {
            let fact = Fact::Finalizers(queues);
            add(CollectorRule::Finalizers, Severity::Problem, whole, &fact);
        }
    }
    found.sort_by_key(|finding| (finding.severity, finding.rule));
    found
}

/// A time in seconds, and what happened in it.
type Lasting = ((f64, f64), Sums);

fn lasting(windows: &Windows, holds: impl Fn(&Sums) -> bool) -> Option<Lasting> {
    let (from, to) = windows.sustained(holds)?;
    Some(((windows.begin(from), windows.begin(to)), windows.sum(from, to)))
}

/// The collector works without end, since a limit leaves hardly any room above the live heap.
fn thrash(seen: &Seen<'_>, limits: &CollectorLimits) -> Option<Lasting> {
    lasting(seen.windows, |sums| {
        let works = sums.cpu_percent() > limits.thrash_cpu_percent
            || sums.running_percent() > limits.thrash_running_percent;
        // Collections that take long may begin in none of the windows.
        let is_full = sums.live_percent() > limits.thrash_live_percent
            && 2 * sums.limited >= sums.collections;
        works && (is_full || sums.collections == 0)
    })
    .filter(|(_, sums)| sums.limited >= SHARE_AT_LEAST)
}

/// There are many collections, or they cost much, although little is kept.
fn churn(seen: &Seen<'_>, limits: &CollectorLimits) -> Option<Lasting> {
    // Checks of finalizers cost more than the collections themselves.
    let is_checked = seen.process.queues.is_some();
    lasting(seen.windows, |sums| {
        let by_heap = sums.by_heap as f64 / sums.seconds;
        let cost = if is_checked { 0.0 } else { sums.cpu / sums.seconds };
        let is_often = by_heap > limits.churn_per_second
            && (cost >= limits.churn_least_cpu_ms || by_heap > EXTREME * limits.churn_per_second);
        let is_costly = cost > 0.0
            && sums.cpu_percent() > limits.churn_cpu_percent
            && 2 * sums.forced <= sums.collections;
        is_often || is_costly
    })
    .filter(|(_, sums)| sums.by_heap >= SHARE_AT_LEAST)
    // What costs little has to be usual, or else it is a busy moment.
    .filter(|((from, to), sums)| {
        let settled = seen.windows.width * (seen.windows.all.len() - seen.windows.settled) as f64;
        sums.cpu_percent() > limits.churn_cpu_percent || to - from >= USUAL * settled
    })
}

/// Goroutines do the work of the collector, enough to be noticed.
fn assists(seen: &Seen<'_>, limits: &CollectorLimits) -> Option<Lasting> {
    lasting(seen.windows, |sums| {
        sums.assist_percent() > limits.assist_percent
            && sums.assist_cpu_percent() >= limits.assist_least_cpu_percent
    })
    .filter(|(_, sums)| sums.collections >= SHARE_AT_LEAST)
}

/// Collections after the start of the process.
fn settled(collections: &[Collection]) -> &[Collection] {
    let settled = start_up(collections).unwrap_or(0.0);
    &collections[collections.partition_point(|one| seconds(one) < settled)..]
}

/// A time in seconds, the number of collections that show something, that of all, and the worst.
type Shown<'a> = ((f64, f64), usize, usize, &'a Collection);

/// The collections that show something, out of some.
fn those(
    all: &[Collection],
    shows: impl Fn(&Collection) -> bool,
    size: impl Fn(&Collection) -> f64,
) -> Option<Shown<'_>> {
    let those: Vec<&Collection> = all.iter().filter(|one| shows(one)).collect();
    let worst = those.iter().copied().max_by(|a, b| size(a).total_cmp(&size(b)))?;
    let (first, last) = (those.first()?, those.last()?);
    let end = seconds(last) + last.nanos() as f64 / 1e9;
    Some(((seconds(first), end), those.len(), all.len(), worst))
}

fn overshoot<'a>(seen: &Seen<'a>, limits: &CollectorLimits) -> Option<Shown<'a>> {
    let share = 1.0 + limits.overshoot_percent / 100.0;
    let over = |one: &Collection| {
        let (end, goal) = (f64::from(one.heap_end), f64::from(one.goal));
        // Both are rounded down.
        end > (goal + 1.0) * share && end >= goal + 2.0
    };
    let size = |one: &Collection| f64::from(one.heap_end) / f64::from(one.goal.max(1));
    let found = those(settled(&seen.process.collections), over, size)?;
    let (_, count, all, _) = found;
    (count >= SHARE_AT_LEAST && count * 10 >= all).then_some(found)
}

fn stops<'a>(seen: &Seen<'a>, limits: &CollectorLimits) -> Option<Shown<'a>> {
    // Checks of finalizers are made while the world stands still at the end.
    let is_checked = seen.process.queues.is_some();
    let stop = |one: &Collection| {
        if is_checked { f64::from(one.stops[0]) } else { one.longest_stop() }
    };
    let found = those(&seen.process.collections, |one| stop(one) > limits.stop_ms, stop)?;
    let (_, count, all, longest) = found;
    let is_often = count as f64 * 100.0 >= limits.stop_share_percent * all as f64;
    // A machine that is busy for a moment stops a program once.
    let is_long = count >= 2 || stop(longest) > SINGLE_STOP * limits.stop_ms;
    (is_often && is_long || stop(longest) > EXTREME_STOP * limits.stop_ms).then_some(found)
}

/// Collections that the program asks for, all of them, and the usual time between the former.
fn forced(seen: &Seen<'_>, limits: &CollectorLimits) -> Option<(usize, usize, f64)> {
    let collections = &seen.process.collections;
    let times: Vec<f64> =
        collections.iter().filter(|one| one.cause == Cause::Forced).map(seconds).collect();
    let (count, all) = (times.len(), collections.len());
    let apart: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let every = median(&apart)?;
    let is_many = count as f64 * 100.0 > limits.forced_percent * all as f64;
    let per_hour = 3600.0 / every.max(1e-3);
    (count >= SHARE_AT_LEAST && is_many && per_hour > limits.forced_per_hour)
        .then_some((count, all, every))
}

/// Times in which the live heap was much larger than usual, and after which it was as before.
fn burst(seen: &Seen<'_>, limits: &CollectorLimits) -> Option<Burst> {
    let all = settled(&seen.process.collections);
    if (all.len() as f64) < limits.least_collections {
        return None;
    }
    let usual = usual_live(all)?;
    let least = (limits.burst_factor * usual).max(usual + limits.burst_least);
    let live = |one: &Collection| f64::from(one.kept());
    let mut bursts: Vec<(f64, f64, f64)> = Vec::new();
    let mut open: Option<(f64, f64)> = None;
    for one in all {
        if live(one) > least {
            let (from, peak) = open.unwrap_or((seconds(one), 0.0));
            open = Some((from, peak.max(live(one))));
        } else if live(one) <= OVER * usual + 1.0
            && let Some((from, peak)) = open.take()
        {
            bursts.push((from, seconds(one), peak));
        }
    }
    // One that isn't over may be a new level.
    let (first, last) = (bursts.first()?, bursts.last()?);
    let peak = bursts.iter().fold(0.0, |most: f64, burst| most.max(burst.2));
    open.is_none().then_some(Burst { from: first.0, to: last.1, peak, usual, count: bursts.len() })
}

/// The live heap that half of the time has at most, in MiB.
fn usual_live(collections: &[Collection]) -> Option<f64> {
    let lasted =
        collections.windows(2).map(|pair| (pair[0].live, seconds(&pair[1]) - seconds(&pair[0])));
    let mut lasted: Vec<(u32, f64)> = lasted.collect();
    lasted.sort_by_key(|&(live, _)| live);
    let half = lasted.iter().map(|&(_, time)| time).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    lasted
        .iter()
        .find(|&&(_, time)| {
            sum += time;
            sum >= half
        })
        .map(|&(live, _)| f64::from(live))
}

/// Whether most of a time is in that of a burst.
fn is_mostly_in((from, to): (f64, f64), burst: Burst) -> bool {
    let common = to.min(burst.to) - from.max(burst.from);
    burst.count == 1 && common > 0.5 * (to - from)
}
