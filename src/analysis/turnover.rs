//! Separates growth from turnover: memory that comes and goes, and only looks like a leak.
//!
//! The trend of a value ignores allocations. A site that keeps next to nothing of what it
//! allocates, or whose objects come and go, can rise without leaking. This module checks the class
//! that the trend suggests against what the site allocates.

use super::SIGNIFICANT;
use super::estimates::{CHURN, Class};
use super::evolution::{Evolution, GroupValues, Groups, Tally};
use crate::stats::class::{self, Growth, Judgement, judge};
use crate::stats::workload::Factor;
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;
use std::hash::Hash;

/// A working set that comes and goes keeps less than this share, with 95 % confidence.
const REBUILT: f64 = 0.15;

/// A group that keeps less than this share also loses memory.
const KEEPS: f64 = 0.8;

/// The significance level at which a group that also loses memory must grow in the late half.
const STOPPED: f64 = 0.01;

/// Judges how a value that grew behaves through time.
pub(super) fn judge_line(
    evolution: &Evolution<'_>,
    line: &GroupValues,
    growth: Growth,
) -> Judgement {
    let values: Vec<f64> = line.values.iter().map(|&value| value as f64).collect();
    judge(&evolution.span.hours, &values, &line.noise, growth)
}

/// Returns the class of a group that grew, given its trend.
pub(super) fn class_of(
    evolution: &Evolution<'_>,
    tally: &Tally,
    line: &GroupValues,
    judgement: &Judgement,
) -> Class {
    match judgement.class.into() {
        _ if turns_over(evolution, tally) => Class::Churn,
        Class::Leak | Class::GrowingDecelerating if follows_its_rate(evolution, tally, line) => {
            Class::Grew
        }
        Class::Leak | Class::Step
            if is_rebuilt(evolution, tally) && !holds(evolution, line, judgement.class) =>
        {
            Class::Grew
        }
        class => class,
    }
}

/// Whether a group keeps next to nothing of what it allocates, with 95 % confidence.
pub(super) fn keeps_little(tally: &Tally) -> bool {
    keeps_less(tally, CHURN)
}

/// Whether a group keeps at most this share of the objects that it allocates, with 95 % confidence,
/// and of the bytes: a buffer that is copied whenever it grows leaves one object, but a large one.
fn keeps_less(tally: &Tally, most: f64) -> bool {
    // The upper bound is never below the share itself, and is slow to compute.
    (tally.kept as f64) <= most * tally.allocated as f64
        && tally.delta() as f64 <= most * tally.allocated_value as f64
        && tally.retention().is_some_and(|share| share.interval.upper <= most)
}

/// Whether most of the memory is new in each snapshot: at least half as much is allocated in
/// between.
pub(super) fn renews(evolution: &Evolution<'_>, tally: &Tally) -> bool {
    let most = tally.raw.0.max(tally.raw.1);
    let snapshots = evolution.span.moments.len().max(1) as i64;
    most > 0 && (tally.allocated / snapshots).saturating_mul(2) >= most
}

/// Whether growth is only garbage that comes and goes. Memory allocated while the collector marks
/// counts as in use until the next cycle, and a larger heap takes longer to mark. So a group that
/// keeps next to nothing, holds no more than was allocated of late, and grew no faster than the rest
/// of the heap, reflects the growth of the others and has none of its own.
fn turns_over(evolution: &Evolution<'_>, tally: &Tally) -> bool {
    let column = evolution.measured.column;
    let rest = |moment: Option<&usize>, own: i64| {
        let total = moment.map_or(0, |&i| evolution.history.moments[i].totals[column]);
        total.saturating_sub(own).max(0) as f64
    };
    let moments = &evolution.span.moments;
    let (before, after) = (rest(moments.first(), tally.first), rest(moments.last(), tally.last));
    if !keeps_little(tally) || !renews(evolution, tally) || after <= before {
        return false;
    }
    let as_the_rest = Factor { factor: after / before.max(1.0), sites: 1 };
    as_the_rest.p_beyond(tally.raw.0 as f64, tally.raw.1 as f64) > SIGNIFICANT
}

/// Of a relative rise of a value, the share that a rise of its allocation rate must explain.
const BY_RATE: f64 = 2.0 / 3.0;

/// A rise of the allocation rate below this share is chance.
const FASTER: f64 = 0.2;

/// Whether a group that renews itself holds more only because it is allocated faster. What is held is the rate times
/// the time for which an object lives (Little 1961): more work raises the rate and leaves that time as it is; a leak
/// holds more at the same rate.
fn follows_its_rate(evolution: &Evolution<'_>, tally: &Tally, line: &GroupValues) -> bool {
    let (hours, last) = (&evolution.span.hours, line.values.len().saturating_sub(1));
    if !renews(evolution, tally) || last < 3 || line.allocated.len() != line.values.len() {
        return false;
    }
    // The values that belong to the rate of some intervals are those at their ends.
    let part = |from: usize, to: usize| {
        let allocated = line.allocated[to].saturating_sub(line.allocated[from]);
        let values = &line.values[from + 1..=to];
        let sum = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
        let error = line.noise[from + 1..=to].iter().fold(0.0_f64, |sum, noise| sum.hypot(*noise));
        (allocated as f64 / (hours[to] - hours[from]), sum as f64, error, (to - from) as f64)
    };
    let (early_rate, early, early_error, before) = part(0, last / 2);
    let (late_rate, late, late_error, after) = part(last / 2, last);
    let rise = |early: f64, late: f64| if early > 0.0 { late / early - 1.0 } else { f64::INFINITY };
    let by_rate = rise(early_rate, late_rate);
    // The least rise within the error of both.
    let whole = rise((early + early_error) / before, (late - late_error) / after);
    by_rate.is_finite() && by_rate >= FASTER && by_rate >= BY_RATE * whole
}

/// Whether it is a working set that is rebuilt all the time: it renews itself, and keeps less than
/// a buffer that grows by copying itself.
fn is_rebuilt(evolution: &Evolution<'_>, tally: &Tally) -> bool {
    renews(evolution, tally) && keeps_less(tally, REBUILT)
}

/// Whether a leak or a step remains one without its first snapshot, and without its last. A working
/// set that is constantly recreated counts twice during a collection, and a single such snapshot
/// bends a step into a line.
fn holds(evolution: &Evolution<'_>, line: &GroupValues, class: class::Class) -> bool {
    let values: Vec<f64> = line.values.iter().map(|&value| value as f64).collect();
    let last = values.len().saturating_sub(1);
    [0..last, 1..values.len()].into_iter().all(|part| {
        let hours = &evolution.span.hours[part.clone()];
        let noise = &line.noise[part.clone()];
        judge(hours, &values[part], noise, Growth::Proven).class == class
    })
}

/// Returns the leaks that may have stopped and did not certainly grow in the late half. `of` lists
/// the leaks that a record is part of.
pub(super) fn stopped<K: Copy + Eq + Hash, I: Iterator<Item = K>>(
    evolution: &Evolution<'_>,
    leaks: impl Iterator<Item = (K, Tally)>,
    of: impl Fn(usize) -> I + Copy,
) -> Vec<K> {
    let asked = leaks.filter(|(_, tally)| may_have_stopped(evolution, tally));
    let mut late: HashMap<K, Tally, FxBuildHasher> =
        asked.map(|(key, _)| (key, Tally::default())).collect();
    if late.is_empty() || !evolution.known() {
        return Vec::new();
    }
    let half = evolution.span.moments.len() / 2;
    for (record, change) in evolution.changes_since(half).iter().enumerate() {
        for key in of(record) {
            late.entry(key).and_modify(|tally| tally.add(change));
        }
    }
    late.retain(|_, tally| tally.p_growth() > STOPPED);
    let adds = only_add(evolution, &late, of);
    late.into_keys().filter(|key| !adds.contains(key)).collect()
}

/// The groups whose stacks, each by itself, rose six times or more in all, some of them lately, and never
/// fell: in the sum, a fall of one stack hides behind the rise of another, and two rises count as one.
fn only_add<K: Copy + Eq + Hash, T, I: Iterator<Item = K>>(
    evolution: &Evolution<'_>,
    asked: &HashMap<K, T, FxBuildHasher>,
    of: impl Fn(usize) -> I,
) -> HashSet<K, FxBuildHasher> {
    let mut keys: Vec<K> = Vec::new();
    let mut of_record: Vec<Vec<u32>> = vec![Vec::new(); evolution.history.len()];
    for (record, numbers) in of_record.iter_mut().enumerate() {
        for key in of(record).filter(|key| asked.contains_key(key)) {
            numbers.push(keys.len() as u32);
            keys.push(key);
        }
    }
    if keys.is_empty() || keys.len() > STACKS {
        return HashSet::default();
    }
    let groups = Groups::new(keys.len(), of_record.len(), |record, groups| {
        groups.extend(&of_record[record]);
    });
    // Rises, late rises, and falls.
    let mut counts: HashMap<K, [usize; 3], FxBuildHasher> = HashMap::default();
    for (key, line) in keys.into_iter().zip(evolution.lines(&groups)) {
        let count = counts.entry(key).or_default();
        let late = line.values.len() * 2 / 3;
        for (i, pair) in line.values.windows(2).enumerate() {
            let rises = pair[1] > pair[0];
            count[0] += usize::from(rises);
            count[1] += usize::from(rises && i >= late);
            count[2] += usize::from(pair[1] < pair[0]);
        }
    }
    let adds = |count: &[usize; 3]| count[0] >= RISES && count[1] > 0 && count[2] == 0;
    counts.into_iter().filter(|(_, count)| adds(count)).map(|(key, _)| key).collect()
}

/// With more stacks than this, a group isn't asked whether each of them only rose.
const STACKS: usize = 4096;

/// Share of the intervals with growth from which the growth alone is strong.
pub(super) const PERSISTS: f64 = 0.8;

/// A value that never falls rises this often without stopping: a full cache does so once in 2⁶.
const RISES: usize = 6;

/// Whether a leak hasn't stopped: it rises nearly all the time and certainly still does, or it has
/// risen often and never fallen. The contents of a full cache go up and down.
pub(super) fn goes_on(judgement: &Judgement, values: &[i64]) -> bool {
    let steps = values.windows(2);
    let never_falls = steps.clone().all(|pair| pair[1] >= pair[0]);
    let rises = |from: usize| steps.clone().skip(from).filter(|pair| pair[1] > pair[0]).count();
    judgement.persistence >= PERSISTS && judgement.late.interval.lower > 0.0
        || never_falls && rises(0) >= RISES && rises(values.len() * 2 / 3) > 0
}

/// Whether a leak must be checked for growth in its late half: it loses memory as well as gaining
/// it, and what it holds stays for a while. The contents of a full cache go up and down, and may
/// end high.
fn may_have_stopped(evolution: &Evolution<'_>, tally: &Tally) -> bool {
    !renews(evolution, tally)
        && tally.retention().is_some_and(|share| share.interval.upper <= KEEPS)
}
