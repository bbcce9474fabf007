//! Tells growth from memory that moves: one function makes the entries of a cache anew that another
//! one had made. What the one gains, the other loses, and together they don't grow.
//!
//! Objects of one size that replace each other show it best: all sites together hold as many of them
//! as before. Where the new objects have another size, one site has to lose what another gains, in
//! the same time.

use super::contexts::{ContextId, Contexts};
use super::judged::Candidate;
use crate::analysis::SIGNIFICANT;
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::evolution::{Evolution, GroupValues, Groups, RecordChange, Tally};
use crate::model::origin;
use crate::stats::LEVEL;
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

/// What gains and what loses together certainly grow by less than this share of the gain,
const AT_MOST: f64 = 0.4;

/// and possibly by no more than this share.
const NOTHING: f64 = 0.1;

/// In each third of the time, they grow by less than this share of the gain.
const IN_PART: f64 = 0.7;

/// Parts of the time.
const PARTS: usize = 3;

/// A site that loses what another gains loses at most this multiple of it.
const LOSES: f64 = 1.5;

/// The numbers of objects that a site loses and another gains differ by at most this share.
const AS_MANY: f64 = 0.15;

/// Number of sites that lose memory and are compared one by one: those that lose most.
const LOSERS: usize = 16;

/// Turns leaks whose memory only moved into growth, and notes where it came from.
pub(super) fn release(
    evolution: &Evolution<'_>,
    contexts: &Contexts,
    changes: &[RecordChange],
    candidates: &mut [Candidate],
) {
    let leaks: Vec<usize> =
        (0..candidates.len()).filter(|&i| candidates[i].class == Class::Leak).collect();
    if leaks.is_empty() || !evolution.known() {
        return;
    }
    let exchange = Exchange { evolution, contexts, changes };
    let mut losers = exchange.losers();
    if losers.is_empty() {
        return;
    }
    let leaking: Vec<&Candidate> = leaks.iter().map(|&i| &candidates[i]).collect();
    let mut moved = exchange.by_size(&leaking, &losers);
    // What has been accounted for accounts for nothing else.
    let used: HashSet<ContextId, FxBuildHasher> = moved.iter().flatten().map(|m| m.from).collect();
    losers.retain(|id| !used.contains(id));
    let left: Vec<usize> = (0..leaks.len()).filter(|&i| moved[i].is_none()).collect();
    let of_left: Vec<&Candidate> = left.iter().map(|&i| leaking[i]).collect();
    for (i, from) in left.into_iter().zip(exchange.in_pairs(&of_left, &losers)) {
        moved[i] = from;
    }
    for (i, moved) in leaks.into_iter().zip(moved) {
        if let Some(Moved { from, together }) = moved {
            candidates[i].class = Class::Grew;
            let interval = together.evidence.interval(together.delta() as f64, LEVEL);
            let together = Estimate::new(together.delta(), interval);
            candidates[i].replaces = Some((contexts.get(from).frame, together));
        }
    }
}

/// Where the memory of a leak came from, and what changed in both together.
#[derive(Clone, Copy)]
struct Moved {
    from: ContextId,
    together: Tally,
}

struct Exchange<'a> {
    evolution: &'a Evolution<'a>,
    contexts: &'a Contexts,
    changes: &'a [RecordChange],
}

/// What gains, and what gains and loses together.
struct Balance<'a> {
    gain: (f64, &'a GroupValues),
    together: (&'a Tally, &'a GroupValues),
}

impl Balance<'_> {
    /// Whether what gains and what loses together don't grow, neither in the whole time nor in a part of it.
    fn is_even(&self) -> bool {
        let (gain, line) = self.gain;
        let (together, of_both) = self.together;
        if !stays(together, gain) {
            return false;
        }
        let last = line.values.len().saturating_sub(1);
        let delta = |line: &GroupValues, from: usize, to: usize| {
            line.values[to].wrapping_sub(line.values[from]) as f64
        };
        (0..PARTS).all(|part| {
            let (from, to) = (last * part / PARTS, last * (part + 1) / PARTS);
            let gain = delta(line, from, to);
            gain <= 0.0 || delta(of_both, from, to) <= IN_PART * gain
        })
    }
}

/// Whether a change of what gains and loses is certainly small beside the gain, and may be none.
fn stays(together: &Tally, gain: f64) -> bool {
    let interval = together.evidence.interval(together.delta() as f64, LEVEL);
    interval.upper <= AT_MOST * gain && interval.lower <= NOTHING * gain
}

impl Exchange<'_> {
    /// The sites that certainly lost memory, those that lost most first.
    fn losers(&self) -> Vec<ContextId> {
        let lost = |id: &ContextId| {
            let tally = &self.contexts.get(*id).tally;
            tally.delta() < 0 && tally.evidence.p_shrink() <= SIGNIFICANT
        };
        let mut losers: Vec<ContextId> = self.contexts.sites().filter(lost).collect();
        losers.sort_by_key(|&id| (self.contexts.get(id).delta(), id));
        losers
    }

    /// The size of the objects of each record, if it is known.
    fn sizes(&self) -> Vec<Option<i64>> {
        let history = self.evolution.history;
        history.labels().iter().map(|&set| history.records.object_size(set)).collect()
    }

    /// For each leak whose objects are as many as before if those of the same sizes at all sites are counted: the site
    /// that lost most of them.
    fn by_size(&self, leaks: &[&Candidate], losers: &[ContextId]) -> Vec<Option<Moved>> {
        let mut found = vec![None; leaks.len()];
        let sizes = self.sizes();
        if sizes.iter().all(Option::is_none) {
            return found;
        }
        let mut of_context = vec![None; self.contexts.all.len()];
        for (number, leak) in leaks.iter().enumerate() {
            leak.contexts.iter().for_each(|id| of_context[id.index()] = Some(number));
        }
        // The leaks that objects of each size are part of.
        let mut with: HashMap<i64, Vec<usize>, FxBuildHasher> = HashMap::default();
        for (record, size) in sizes.iter().enumerate() {
            let own = self.contexts.of_record(record).find_map(|id| of_context[id.index()]);
            if let (Some(number), Some(size)) = (own, size)
                && self.changes[record].delta() > 0
            {
                let leaks = with.entry(*size).or_default();
                if !leaks.contains(&number) {
                    leaks.push(number);
                }
            }
        }
        let of =
            |record: usize| sizes[record].and_then(|size| with.get(&size)).into_iter().flatten();
        let mut together = vec![Tally::default(); leaks.len()];
        for (record, change) in self.changes.iter().enumerate() {
            of(record).for_each(|&number| together[number].add(change));
        }
        let gain = |number: usize| leaks[number].delta() as f64;
        let asked: Vec<usize> =
            (0..leaks.len()).filter(|&number| stays(&together[number], gain(number))).collect();
        let position: HashMap<usize, u32, FxBuildHasher> =
            asked.iter().zip(0..).map(|(&number, i)| (number, i)).collect();
        let groups = Groups::new(asked.len(), sizes.len(), |record, groups| {
            groups.extend(of(record).filter_map(|number| position.get(number)));
        });
        let lines = self.evolution.lines(&groups);
        let loser: HashSet<ContextId, FxBuildHasher> = losers.iter().copied().collect();
        for (&number, line) in asked.iter().zip(&lines) {
            let balance = Balance {
                gain: (gain(number), &leaks[number].line),
                together: (&together[number], line),
            };
            if !balance.is_even() {
                continue;
            }
            let mut lost: HashMap<ContextId, i64, FxBuildHasher> = HashMap::default();
            for (record, change) in self.changes.iter().enumerate() {
                let site = self.contexts.of_record(record).find(|id| loser.contains(id));
                if let Some(site) = site.filter(|_| of(record).any(|&one| one == number)) {
                    let sum = lost.entry(site).or_default();
                    *sum = sum.saturating_add(change.delta());
                }
            }
            let most = lost.into_iter().min_by_key(|&(id, delta)| (delta, id));
            found[number] = most.map(|(from, _)| Moved { from, together: together[number] });
        }
        found
    }

    /// For each leak that one site of the same package makes up for, and that alone: this site.
    fn in_pairs(&self, leaks: &[&Candidate], losers: &[ContextId]) -> Vec<Option<Moved>> {
        let losers = &losers[..losers.len().min(LOSERS)];
        if leaks.is_empty() || losers.is_empty() {
            return vec![None; leaks.len()];
        }
        let position: HashMap<ContextId, u32, FxBuildHasher> =
            losers.iter().zip(0..).map(|(&id, i)| (id, i)).collect();
        let groups = Groups::new(losers.len(), self.evolution.history.len(), |record, groups| {
            groups.extend(self.contexts.of_record(record).filter_map(|id| position.get(&id)));
        });
        let lines = self.evolution.lines(&groups);
        let pairs: Vec<(usize, usize)> = (0..leaks.len())
            .flat_map(|leak| (0..losers.len()).map(move |loser| (leak, loser)))
            .filter(|&(leak, loser)| self.is_pair(leaks[leak], losers[loser], &lines[loser]))
            .collect();
        let is_only = |&(leak, loser): &(usize, usize)| {
            pairs.iter().filter(|pair| pair.0 == leak || pair.1 == loser).count() == 1
        };
        let mut found = vec![None; leaks.len()];
        for &(leak, loser) in pairs.iter().filter(|pair| is_only(pair)) {
            let mut together = leaks[leak].tally;
            together.merge(&self.contexts.get(losers[loser]).tally);
            found[leak] = Some(Moved { from: losers[loser], together });
        }
        found
    }

    /// Whether a site loses what a leak gains: as many bytes, or as many objects.
    fn is_pair(&self, leak: &Candidate, loser: ContextId, line: &GroupValues) -> bool {
        let symbols = &self.evolution.history.records.symbols;
        let package = |function| origin::package(symbols.name(function));
        let context = self.contexts.get(loser);
        if package(context.frame.function) != package(leak.frame.function) {
            return false;
        }
        let mut together = leak.tally;
        together.merge(&context.tally);
        let mut of_both = leak.line.clone();
        of_both.add(line);
        let gain = leak.delta() as f64;
        let balance = Balance { gain: (gain, &leak.line), together: (&together, &of_both) };
        let as_much = -(context.delta() as f64) <= LOSES * gain;
        as_much && balance.is_even() || is_as_many(leak, &context.tally, line)
    }
}

/// Whether a site loses as many objects as a leak gains, in the same time.
fn is_as_many(leak: &Candidate, lost: &Tally, line: &GroupValues) -> bool {
    let objects = |tally: &Tally| (tally.objects.1 - tally.objects.0) as f64;
    let (gained, lost_objects) = (objects(&leak.tally), -objects(lost));
    let raw = |tally: &Tally| (tally.raw.1 - tally.raw.0).unsigned_abs().max(1) as f64;
    let noise = (1.0 / raw(&leak.tally) + 1.0 / raw(lost)).sqrt();
    if gained <= 0.0 || noise > AS_MANY || (lost_objects / gained - 1.0).abs() > AS_MANY + noise {
        return false;
    }
    let last = line.values.len().saturating_sub(1);
    let share = |line: &GroupValues, part: usize| {
        let at = |part: usize| line.values[last * part / PARTS] as f64;
        (at(part + 1) - at(part)) / (line.values[last] - line.values[0]) as f64
    };
    (0..PARTS).all(|part| (share(&leak.line, part) - share(line, part)).abs() <= AS_MANY + noise)
}
