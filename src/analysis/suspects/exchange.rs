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
use crate::stats::{Interval, LEVEL};
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

/// What gains and what loses together certainly grow by less than this share of the gain,
const AT_MOST: f64 = 0.4;

/// and possibly by no more than this share.
pub(super) const NOTHING: f64 = 0.1;

/// In each third of the time, they grow by less than this share of the gain.
const IN_PART: f64 = 0.7;

/// Parts of the time.
const PARTS: usize = 3;

/// Of objects of their sizes, some sites certainly lost at least this share of the gain.
const LOST: f64 = 0.5;

/// A site that loses what another gains loses at most this multiple of it.
pub(super) const LOSES: f64 = 1.5;

/// The numbers of objects that a site loses and another gains differ by at most this share.
const AS_MANY: f64 = 0.15;

/// Number of sites, or of groups of goroutines, that lose and are compared one by one: those that lose most.
pub(super) const LOSERS: usize = 16;

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
    let mut found = exchange.by_size(&leaking, &losers);
    // What has been accounted for accounts for nothing else.
    losers.retain(|id| {
        !found.iter().any(|one| one.as_ref().is_some_and(|m| m.is_sure && m.from == *id))
    });
    let is_left = |one: &Option<Moved>| one.as_ref().is_none_or(|moved| !moved.is_sure);
    let left: Vec<usize> = (0..leaks.len()).filter(|&i| is_left(&found[i])).collect();
    let of_left: Vec<&Candidate> = left.iter().map(|&i| leaking[i]).collect();
    for (i, moved) in left.into_iter().zip(exchange.in_pairs(&of_left, &losers)) {
        found[i] = moved.or(found[i].take());
    }
    for (i, moved) in leaks.into_iter().zip(found) {
        let Some(Moved { from, together, is_sure }) = moved else { continue };
        let together = Estimate::new(together.delta(), interval(&together));
        let replaced = Some((contexts.get(from).frame, together));
        if is_sure {
            candidates[i].class = Class::Grew;
            candidates[i].replaces = replaced;
        } else {
            candidates[i].may_replace = replaced;
        }
    }
}

/// Where the memory of a leak came from, and what changed in both together.
#[derive(Clone)]
struct Moved {
    from: ContextId,
    together: Tally,
    /// Whether more samples wouldn't show that both together grow.
    is_sure: bool,
}

struct Exchange<'a> {
    evolution: &'a Evolution<'a>,
    contexts: &'a Contexts,
    changes: &'a [RecordChange],
}

fn delta(line: &GroupValues, from: usize, to: usize) -> f64 {
    line.values[to].saturating_sub(line.values[from]) as f64
}

/// The first and the last snapshot of each part of the time, by position.
fn parts(line: &GroupValues) -> impl Iterator<Item = (usize, usize)> {
    let last = line.values.len().saturating_sub(1);
    (0..PARTS).map(move |part| (last * part / PARTS, last * (part + 1) / PARTS))
}

/// Whether what gains and what loses together grow by at most this share of the gain in each part of the time.
pub(super) fn is_even(gains: &GroupValues, together: &GroupValues, in_part: f64) -> bool {
    parts(gains).all(|(from, to)| {
        let gain = delta(gains, from, to);
        gain <= 0.0 || delta(together, from, to) <= in_part * gain
    })
}

/// Of pairs, those of which neither side is in another pair.
pub(super) fn only(pairs: &[(usize, usize)]) -> impl Iterator<Item = (usize, usize)> {
    let mut counts = HashMap::<_, usize, FxBuildHasher>::default();
    for &(gains, loses) in pairs {
        *counts.entry((true, gains)).or_default() += 1;
        *counts.entry((false, loses)).or_default() += 1;
    }
    let is_only = move |&&(gains, loses): &&(usize, usize)| {
        counts[&(true, gains)] == 1 && counts[&(false, loses)] == 1
    };
    pairs.iter().filter(is_only).copied()
}

fn interval(tally: &Tally) -> Interval {
    tally.evidence.interval(tally.delta() as f64, LEVEL)
}

/// Whether a change of what gains and loses together may be none.
fn may_stay(together: &Tally, gain: f64) -> bool {
    interval(together).lower <= NOTHING * gain
}

/// Whether it is certainly small beside the gain, and may be none.
fn stays(together: &Tally, gain: f64) -> bool {
    may_stay(together, gain) && interval(together).upper <= AT_MOST * gain
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
        let of = |record: usize| {
            let leaks = sizes[record].and_then(|size| with.get(&size));
            leaks.map_or(&[][..], Vec::as_slice)
        };
        let mut together = vec![Tally::default(); leaks.len()];
        for (record, change) in self.changes.iter().enumerate() {
            of(record).iter().for_each(|&number| together[number].add(change));
        }
        let gain = |number: usize| leaks[number].delta() as f64;
        let open: Vec<usize> =
            (0..leaks.len()).filter(|&number| may_stay(&together[number], gain(number))).collect();
        if open.is_empty() {
            return found;
        }
        let lost = self.lost(losers, leaks.len(), of);
        let asked: Vec<(usize, ContextId)> = open
            .into_iter()
            .filter_map(|number| {
                let sites = &lost[number];
                let whole = sites.values().fold(0_i64, |sum, delta| sum.saturating_add(*delta));
                let most = sites.iter().min_by_key(|&(&id, &delta)| (delta, id));
                let (&from, _) = most.filter(|_| -(whole as f64) >= LOST * gain(number))?;
                Some((number, from))
            })
            .collect();
        let position: HashMap<usize, u32, FxBuildHasher> =
            asked.iter().zip(0..).map(|(&(number, _), i)| (number, i)).collect();
        let groups = Groups::new(asked.len(), sizes.len(), |record, groups| {
            groups.extend(of(record).iter().filter_map(|number| position.get(number)));
        });
        for (&(number, from), line) in asked.iter().zip(&self.evolution.lines(&groups)) {
            if is_even(&leaks[number].line, line, IN_PART) {
                let is_sure = stays(&together[number], gain(number));
                found[number] = Some(Moved { from, together: together[number], is_sure });
            }
        }
        found
    }

    /// What each of some sites lost of the records of each group.
    fn lost<'g>(
        &self,
        losers: &[ContextId],
        groups: usize,
        of: impl Fn(usize) -> &'g [usize],
    ) -> Vec<HashMap<ContextId, i64, FxBuildHasher>> {
        let losers: HashSet<ContextId, FxBuildHasher> = losers.iter().copied().collect();
        let mut lost = vec![HashMap::default(); groups];
        for (record, change) in self.changes.iter().enumerate() {
            if let Some(site) = self.contexts.of_record(record).find(|id| losers.contains(id)) {
                for &number in of(record) {
                    let sum: &mut i64 = lost[number].entry(site).or_default();
                    *sum = sum.saturating_add(change.delta());
                }
            }
        }
        lost
    }

    /// For each leak that one site of the same package makes up for, and that alone: this site.
    fn in_pairs(&self, leaks: &[&Candidate], losers: &[ContextId]) -> Vec<Option<Moved>> {
        let mut found = vec![None; leaks.len()];
        let losers = &losers[..losers.len().min(LOSERS)];
        let all =
            (0..leaks.len()).flat_map(|leak| (0..losers.len()).map(move |loser| (leak, loser)));
        let in_whole: Vec<_> = all
            .filter_map(|(leak, loser)| {
                Some((leak, loser, self.in_whole(leaks[leak], losers[loser])?))
            })
            .collect();
        if in_whole.is_empty() {
            return found;
        }
        let position: HashMap<ContextId, u32, FxBuildHasher> =
            losers.iter().zip(0..).map(|(&id, i)| (id, i)).collect();
        let groups = Groups::new(losers.len(), self.evolution.history.len(), |record, groups| {
            groups.extend(self.contexts.of_record(record).filter_map(|id| position.get(&id)));
        });
        let lines = self.evolution.lines(&groups);
        let is_pair = |&(leak, loser, ref whole): &(usize, usize, InWhole)| {
            whole.holds_in_parts(&leaks[leak].line, &lines[loser])
        };
        let pairs =
            in_whole.iter().filter(|one| is_pair(one)).map(|&(leak, loser, _)| (leak, loser));
        for (leak, loser) in only(&pairs.collect::<Vec<_>>()) {
            let together = self.together(leaks[leak], losers[loser]);
            found[leak] = Some(Moved { from: losers[loser], together, is_sure: true });
        }
        found
    }

    fn together(&self, leak: &Candidate, loser: ContextId) -> Tally {
        let mut together = leak.tally;
        together.merge(&self.contexts.get(loser).tally);
        together
    }

    /// Whether a site of the same package loses what a leak gains, over the whole time.
    fn in_whole(&self, leak: &Candidate, loser: ContextId) -> Option<InWhole> {
        let symbols = &self.evolution.history.records.symbols;
        let package = |function| origin::package(symbols.name(function));
        let context = self.contexts.get(loser);
        if package(context.frame.function) != package(leak.frame.function) {
            return None;
        }
        let gain = leak.delta() as f64;
        let as_much =
            -(context.delta() as f64) <= LOSES * gain && stays(&self.together(leak, loser), gain);
        let as_many = as_many(&leak.tally, &context.tally);
        (as_much || as_many.is_some()).then_some(InWhole { as_much, as_many })
    }
}

/// What a site loses of what a leak gains, over the whole time.
struct InWhole {
    /// Whether it is as many bytes.
    as_much: bool,
    /// If it is as many objects, the share by which the shares of each part of the time may differ.
    as_many: Option<f64>,
}

impl InWhole {
    /// Whether it does so in each part of the time.
    fn holds_in_parts(&self, gains: &GroupValues, loses: &GroupValues) -> bool {
        let mut together = gains.clone();
        together.add(loses);
        let last = gains.values.len().saturating_sub(1);
        let share = |line: &GroupValues, (from, to)| delta(line, from, to) / delta(line, 0, last);
        let is_alike = |part: (usize, usize), most: f64| {
            (share(gains, part) - share(loses, part)).abs() <= most
        };
        self.as_much && is_even(gains, &together, IN_PART)
            || self.as_many.is_some_and(|most| parts(gains).all(|part| is_alike(part, most)))
    }
}

/// If one loses as many objects as the other gains, within their error: the share by which these may differ.
fn as_many(gains: &Tally, loses: &Tally) -> Option<f64> {
    let objects = |tally: &Tally| tally.objects.1.saturating_sub(tally.objects.0) as f64;
    let (gained, lost) = (objects(gains), -objects(loses));
    let raw = |tally: &Tally| tally.raw.1.saturating_sub(tally.raw.0).unsigned_abs().max(1) as f64;
    let noise = (1.0 / raw(gains) + 1.0 / raw(loses)).sqrt();
    let is_near = (lost / gained - 1.0).abs() <= AS_MANY + noise;
    (gained > 0.0 && noise <= AS_MANY && is_near).then_some(AS_MANY + noise)
}
