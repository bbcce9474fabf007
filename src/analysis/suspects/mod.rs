//! Finds the sites that leak, and the ones that only look like it.
//!
//! Each process is judged separately: `evolution` computes the change of every record from its
//! first snapshot to its last; `contexts` adds it up for each site and for the callers above it;
//! `judged` follows growth beyond sampling error through time, judges it, and blames a frame of the
//! program's own code. `explanation` describes the result.

mod candidate_stacks;
mod causes;
mod confidence;
mod contexts;
mod descriptors;
mod exchange;
mod explanation;
mod families;
mod follow;
mod goroutines;
mod judged;
mod parked;
#[cfg(test)]
mod planted;
mod shown;
mod stack_memory;
mod suspect;
mod verdict;
mod whole;

pub use stack_memory::{StackBasis, StackMemory};
pub use suspect::{Goroutines, Part, Replaced, ShownBy, Suspect};
pub use verdict::{Limit, LimitBasis, LimitOutcome, LimitQuery, Needed, ProcessMemory, Verdict};
pub use whole::{Agreement, WholeProcess};

use super::beside::Beside;
use super::entries::Entries;
use super::estimates::{Class, Estimate, Share};
use super::evolution::{Evolution, RecordChange};
use super::spans::nearest;
use super::turnover::{goes_on, judge_line};
use super::{Measured, frames_of, place_at};
use crate::model::history::History;
use crate::model::origin::{self, Owner};
use crate::model::recording::{Lack, Recording, Span, Track};
use crate::model::site::{Frame, Owners};
use crate::patterns::{Catalog, Confidence, Matcher, Pattern, PatternEvidence, PatternId};
use crate::stats::LEVEL;
use crate::stats::class::{Growth, Judgement, LEAST};
use crate::stats::trend::{Slope, correlation};
use candidate_stacks::CandidateStack;
use contexts::Contexts;
use goroutines::Group;
use hashbrown::HashMap;
use judged::{Candidate, Histories};
use parked::Parked;
use rustc_hash::FxBuildHasher;
use stack_memory::Modelled;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

/// A question about leaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaksQuery {
    /// Leak patterns.
    pub catalog: Arc<Catalog>,
    /// A limit on the memory of the process.
    pub limit: Option<LimitQuery>,
}

/// The correlation from which memory goes with the number of goroutines.
const ALIKE: f64 = 0.7;

/// A suspect with the value that ranks it within its class: bytes per hour, or bytes if there are
/// no times.
struct Ranked {
    bound: f64,
    suspect: Suspect,
    /// Whether its site is own code.
    is_own: bool,
    /// Its records, of its process.
    records: Vec<u32>,
    /// Whether it is what a parser made: others may keep it.
    is_payload: bool,
    /// By how many objects its heaviest stack grew; 0 for goroutines.
    objects: f64,
    /// The functions of its heaviest stack from where it grew to the root, and those of its parts.
    trail: Vec<String>,
}

/// What a recording shows.
pub(crate) struct Findings {
    /// The suspects, the worst first.
    pub(crate) suspects: Vec<Suspect>,
    /// The verdict on them.
    pub(crate) verdict: Verdict,
    /// The class of the suspect that each record of the main process is part of.
    pub(crate) classes: Vec<Option<Class>>,
}

/// Finds the suspects of a recording.
pub(crate) fn suspects(
    recording: &Recording,
    measured: &Measured,
    (owners, asked): (&Owners, &LeaksQuery),
    beside: &Beside,
) -> Findings {
    let track = recording.main();
    let history = &track.history;
    let goroutines = &recording.goroutines;
    // Goroutine profiles alone describe goroutines, not memory.
    let alone = recording.is_of_goroutines();
    let spans_of_goroutines: Cow<'_, [Span]> = if alone && track.is_timed() {
        // Profiles of the same time go to the process of the first of them.
        nearest(goroutines, goroutines).into()
    } else {
        Cow::Borrowed(&goroutines.processes)
    };
    let parked = Parked::new(goroutines, &spans_of_goroutines, (owners, asked));
    let symbols = &history.records.symbols;
    let names = symbols.functions.iter().map(|function| symbols.text(function.name));
    let changes = |span: &Span| Evolution { history, measured, span }.changes();
    let main = track.main_process();
    let of_main = changes(&track.processes.get(main).cloned().unwrap_or_default());
    let entries = entries((history, owners), &of_main, &parked);
    let case = Case {
        track,
        measured,
        owners,
        asked,
        matcher: &Matcher::new(&asked.catalog, names),
        parked: &parked,
        entries: &entries,
    };
    let mut found: Vec<Ranked> = Vec::new();
    let mut left_out = 0;
    for (process, span) in track.processes.iter().enumerate() {
        if span.moments.len() > 1 && !alone {
            let (suspects, more) = if process == main {
                case.of_span(process, span, &of_main)
            } else {
                case.of_span(process, span, &changes(span))
            };
            found.extend(suspects);
            left_out += more;
        }
    }
    let place_of_memory = |frame| place_at(&history.records, frame);
    found.extend(parked.suspects(asked, &entries, &place_of_memory));
    causes::blame_on_own(&mut found);
    causes::level_off_together(&mut found);
    let found = once_each(found);
    let parts: Vec<&Suspect> = found.iter().map(|one| &one.suspect).collect();
    let stacks = asked.limit.and_then(|_| {
        let latest = track.latest_process();
        let leaks = found.iter().filter(|one| {
            let suspect = &one.suspect;
            suspect.is_of_goroutines() && suspect.class == Class::Leak && suspect.process == latest
        });
        let leaking: Vec<u32> = leaks.flat_map(|one| one.records.iter().copied()).collect();
        Modelled::new(goroutines, spans_of_goroutines.get(latest)?, &leaking)
    });
    let mut verdict =
        verdict::verdict(track, measured, &parts, asked.limit, (beside, stacks.as_ref()));
    let mut classes = vec![None; history.len()];
    for one in found.iter().filter(|one| one.suspect.process == main) {
        if one.suspect.is_of_goroutines() == alone {
            one.records.iter().for_each(|&i| classes[i as usize] = Some(one.suspect.class));
        }
    }
    let mut found = causes::join(found, &entries);
    descriptors::join(&mut found);
    for (id, function) in parked.present(&asked.catalog) {
        if let Some(one) = causes::kept_by(&mut found, function) {
            one.suspect.patterns.insert(0, asked.catalog[id].id.clone());
            let rises = one.suspect.slope_per_hour.is_none_or(|slope| slope.lower > 0);
            one.suspect.confidence = if rises { Confidence::High } else { Confidence::Med };
        }
    }
    for Ranked { suspect, .. } in &mut found {
        suspect.confidence = confidence::settled(suspect);
        suspect.settle(&asked.catalog);
    }
    for (process, span) in track.processes.iter().enumerate().filter(|_| !alone) {
        shown::add_to(&mut found, (process, false), (history, 0), span, || {
            if process == main { Cow::Borrowed(&of_main) } else { changes(span).into() }
        });
    }
    let first_input = if alone { 0 } else { history.moments.len() };
    for (process, span) in spans_of_goroutines.iter().enumerate() {
        let counted = || parked.changes(span).into();
        let of = (&goroutines.history, first_input);
        shown::add_to(&mut found, (process, true), of, span, counted);
    }
    let certainty = |one: &Ranked| {
        let suspect = &one.suspect;
        let is_bounded = confidence::bounded_by(suspect).is_some();
        (suspect.class, suspect.confidence, is_bounded, !one.is_own)
    };
    found.sort_by(|a, b| {
        let by_certainty = certainty(a).cmp(&certainty(b));
        let by_bound = by_certainty.then(b.bound.total_cmp(&a.bound));
        by_bound.then_with(|| a.suspect.path.cmp(&b.suspect.path))
    });
    let ranked = found.into_iter().zip(1..);
    let suspects: Vec<Suspect> =
        ranked.map(|(Ranked { suspect, .. }, rank)| Suspect { rank, ..suspect }).collect();
    verdict.leaks = suspects.iter().filter(|suspect| suspect.class == Class::Leak).count();
    verdict.not_followed = left_out;
    Findings { suspects, verdict, classes }
}

/// Who calls the libraries whose goroutines allocate, by what was allocated.
fn entries<'a>(
    (history, owners): (&'a History, &'a Owners),
    changes: &[RecordChange],
    parked: &Parked<'_>,
) -> Entries<'a> {
    let series = &history.records;
    let mut entries = Entries::new(&series.symbols, owners);
    entries.ask_above(&parked.starters());
    let mut frames = Vec::new();
    for snapshot in series.snapshots.iter().take(1) {
        for sample in 0..snapshot.samples.len() {
            frames_of(series, snapshot.stack(sample), &mut frames);
            entries.add(&frames, changes[history.record(sample)].allocated_value.max(0));
        }
    }
    entries
}

/// Keeps the suspects of each function in one process only, however many it was seen in: the
/// process in which its class is the worst, or the last of several.
fn once_each(found: Vec<Ranked>) -> Vec<Ranked> {
    let key = |one: &Ranked| (one.suspect.site.function.clone(), one.suspect.is_of_goroutines());
    let mut best: HashMap<(String, bool), (Class, Reverse<usize>), FxBuildHasher> =
        HashMap::default();
    for one in &found {
        let rank = (one.suspect.class, Reverse(one.suspect.process));
        best.entry(key(one)).and_modify(|best| *best = rank.min(*best)).or_insert(rank);
    }
    let is_best = |one: &Ranked| {
        best.get(&key(one)).is_some_and(|(_, Reverse(process))| *process == one.suspect.process)
    };
    found.into_iter().filter(is_best).collect()
}

/// Data that all suspects of a track share.
struct Case<'a> {
    track: &'a Track,
    measured: &'a Measured,
    owners: &'a Owners,
    asked: &'a LeaksQuery,
    matcher: &'a Matcher,
    parked: &'a Parked<'a>,
    entries: &'a Entries<'a>,
}

impl Case<'_> {
    /// The suspects of one process, and the number of sites that grew and were not followed.
    fn of_span(
        &self,
        process: usize,
        span: &Span,
        changes: &[RecordChange],
    ) -> (Vec<Ranked>, usize) {
        let Self { track, measured, owners, .. } = *self;
        let history = &track.history;
        let evolution = Evolution { history, measured, span };
        let mut contexts = Contexts::new(history, owners, changes, |frames| self.mechanism(frames));
        let histories = Histories::new(&evolution, &mut contexts);
        let left_out = histories.left_out;
        let series = &history.records;
        let is_entry = |function| series.symbols.name(function) == "main.main";
        let mut candidates = histories.candidates();
        exchange::release(&evolution, &contexts, changes, &mut candidates);
        let mut candidates = families::join(&candidates, &contexts, is_entry);
        for candidate in candidates.iter_mut().filter(|candidate| candidate.contexts.len() > 1) {
            // Its parts have been judged; the sum shows how fast it grows and since when.
            candidate.judgement = judge_line(&evolution, &candidate.line, Growth::Proven);
        }
        let stacks = candidate_stacks::of(self, &contexts, &candidates, changes);
        let all = candidates.into_iter().zip(stacks);
        let suspects = all.map(|(candidate, stack)| self.suspect(process, span, &candidate, stack));
        (suspects.collect(), left_out)
    }

    /// The pattern that a stack matches and whose objects nothing limits, and the frame to blame for
    /// them: that of own code, or else the one that calls the package that the pattern is about.
    fn mechanism(&self, frames: &[Frame]) -> Option<(PatternId, Frame)> {
        let Self { track, matcher, owners, asked, .. } = *self;
        let symbols = &track.history.records.symbols;
        let matching = matcher.matching(frames.iter().map(|frame| frame.function.index()));
        let id = matching.into_iter().find(|&id| asked.catalog[id].has_no_bound())?;
        let own = frames.iter().find(|frame| owners.is_own(frame.function));
        let caller = || {
            let name = |frame: &Frame| symbols.name(frame.function);
            let is_of_pattern = |frame: &Frame| matcher.names(id, frame.function.index());
            let outermost = frames.iter().rposition(is_of_pattern)?;
            let package = origin::package(name(&frames[outermost]));
            let outside = |frame: &&Frame| origin::package(name(frame)) != package;
            frames[outermost..].iter().find(outside).or(frames.last())
        };
        Some((id, *own.or_else(caller)?))
    }

    fn suspect(
        &self,
        process: usize,
        span: &Span,
        candidate: &Candidate,
        stack: CandidateStack,
    ) -> Ranked {
        let Self { track, measured, owners, asked, .. } = *self;
        let history = &track.history;
        let series = &history.records;
        let catalog = &asked.catalog;
        let name = |frame: &Frame| series.symbols.name(frame.function).to_owned();
        let is_payload = |id: &PatternId| catalog[*id].evidence == PatternEvidence::Churn;
        let is_payload = stack.patterns.iter().any(is_payload);
        let keeper = stack.keeper.iter().find(|frame| owners.is_own(frame.function));
        let keeper = keeper.filter(|_| is_payload).copied();
        let frames = if keeper.is_some() { &stack.keeper } else { &stack.heaviest };
        let at = frames.iter().position(|frame| *frame == candidate.frame).unwrap_or_default();
        let foreign = |frame: &&Frame| !owners.is_own(frame.function);
        let mechanism = frames[..at].iter().rev().find(foreign);
        // For a library's own goroutine, blame the caller of its type.
        let is_foreign = foreign(&&candidate.frame);
        let entry = self.entries.of(&name(&candidate.frame)).filter(|_| is_foreign);
        let mechanism = entry.map_or(mechanism, |_| Some(&candidate.frame));
        let interval = candidate.tally.evidence.interval(candidate.delta() as f64, LEVEL);
        let is_trend = span.moments.len() >= LEAST;
        let Judgement { late, slope: whole, .. } = candidate.judgement;
        let hours = span.hours.last().copied().filter(|&hours| hours > 0.0);
        let slope = late.or_whole(whole).or_whole(hours.map_or(whole, |hours| {
            let values = &candidate.line.values;
            Slope::average(candidate.delta() as f64, interval, values, hours)
        }));
        let mut class = candidate.class;
        let is_mark = |id: &PatternId| catalog[*id].evidence == PatternEvidence::Highwater;
        if class != Class::Churn && stack.patterns.first().is_some_and(is_mark) {
            // A cumulative value never falls, so it shows nothing about memory in use.
            class = Class::Grew;
        }
        let has_goroutines = !track.lacks(Lack::Goroutines);
        let mut patterns = stack.patterns.clone();
        // A pattern that expects goroutines needs them, if there are goroutine profiles.
        let expects = |id: PatternId| {
            let pattern = &catalog[id];
            pattern.goroutine.is_some() && !pattern.optional && !is_any(pattern)
        };
        patterns
            .retain(|&id| !has_goroutines || !expects(id) || self.parked.has_those_of(id, catalog));
        let held = self.parked.of(&name(&candidate.frame), &stack.patterns, catalog);
        let piles_up = held.as_ref().is_some_and(|(_, group, _)| group.is_leak());
        if let Some((_, _, of_goroutines)) = held.as_ref().filter(|_| piles_up) {
            let named = of_goroutines.iter().filter(|&&id| !is_any(&catalog[id]));
            patterns.extend(named.filter(|id| !stack.patterns.contains(id)));
        }
        // The memory of goroutines that replace others, whose number is exact.
        let has_replacing = held.as_ref().is_some_and(|(_, group, _)| group.replaces.is_some());
        let by_goroutines = candidate.may_replace.filter(|_| has_replacing);
        let replaces = candidate.replaces.or(by_goroutines);
        if replaces.is_some() {
            class = Class::Grew;
        }
        let goes_on = goes_on(&candidate.judgement, &candidate.line.values);
        class = match (class, &held) {
            // It holds as much for each goroutine as before, and these level off.
            (Class::Leak, Some((_, group, _)))
                if !goes_on && levels_off_with(group, &candidate.line.values) =>
            {
                Class::GrowingDecelerating
            }
            // What only a call releases has no size at which it would be full.
            (Class::GrowingDecelerating, _)
                if is_trend && goes_on && patterns.iter().any(|&id| catalog[id].has_no_bound()) =>
            {
                Class::Leak
            }
            (class, _) => class,
        };
        if class == Class::Leak && track.is_timed() && slope.interval.lower <= 0.0 {
            // It may have stopped: no slope is certainly above 0, neither of late nor of the whole.
            class = Class::Grew;
        }
        let goroutines = held.filter(|(_, group, _)| group.piles_up()).map(|(facts, ..)| facts);
        let sample_type = &history.sample_types[measured.column];
        let mut suspect = Suspect {
            rank: 0,
            site: place_at(series, keeper.or(entry).unwrap_or(candidate.frame)),
            class,
            confidence: Confidence::Med,
            sample_type: sample_type.name.clone(),
            unit: sample_type.unit.clone(),
            patterns: if replaces.is_some() { Vec::new() } else { ids(catalog, &patterns, class) },
            growth: Estimate::new(candidate.delta(), interval),
            slope_per_hour: (track.is_timed() && is_trend).then(|| late.into()),
            q_value: candidate.q_value,
            retention: candidate.tally.retention().map(Share::from),
            persistence: candidate.judgement.persistence,
            path: frames.iter().rev().map(name).collect(),
            mechanism: mechanism.map(name),
            dependency: mechanism
                .filter(|frame| owners.of(frame.function) == Owner::Dependency)
                .map(|frame| origin::package(series.symbols.name(frame.function)).to_owned()),
            places: candidate.places.iter().map(|&frame| place_at(series, frame)).collect(),
            parts: Vec::new(),
            load_factor: candidate.load,
            replaces: replaces
                .map(|(frame, together)| Replaced { site: place_at(series, frame), together }),
            goroutines,
            explanation: String::new(),
            fix: String::new(),
            process,
            since: candidate.judgement.since,
            values: candidate.line.values.clone(),
            shown_by: None,
            one_for_each: None,
        };
        // What hasn't certainly risen of late is less sure to be a leak, however it rose before.
        suspect.confidence =
            confidence::of(&suspect, &span.hours, candidate, &patterns, catalog, piles_up);
        if candidate.is_by_pattern {
            // The pattern can't prove the growth that it was asked about.
            suspect.confidence = suspect.confidence.max(Confidence::Med);
        }
        suspect.slope_per_hour = suspect.slope_per_hour.map(|_| slope.into());
        let bound = if is_trend && track.is_timed() {
            slope.inner.lower
        } else if candidate.is_sampled {
            candidate.tally.evidence.lower_bound()
        } else {
            candidate.delta() as f64
        };
        let is_own = entry.is_some() || !is_foreign;
        let heaviest = &stack.heaviest;
        let grown = heaviest.iter().position(|frame| *frame == candidate.frame).unwrap_or_default();
        let trail = heaviest[grown..].iter().map(name).collect();
        Ranked {
            bound,
            suspect,
            is_own,
            is_payload,
            records: stack.records,
            objects: stack.objects,
            trail,
        }
    }
}

/// Whether a value rises with the number of goroutines that it belongs to, which level off.
fn levels_off_with(group: &Group, values: &[i64]) -> bool {
    let levels_off =
        matches!(group.class, Class::GrowingDecelerating | Class::WarmUp | Class::Step);
    let counts = &group.line.values;
    levels_off && counts.len() == values.len() && correlation(counts, values) >= ALIKE
}

/// Ids of patterns, the most specific first and the one that fits any goroutine last. If it grows
/// and matches none, returns the fallback pattern.
fn ids(catalog: &Catalog, patterns: &[PatternId], class: Class) -> Vec<String> {
    let grows = matches!(class, Class::Leak | Class::GrowingDecelerating | Class::Grew);
    let mut patterns: Vec<&Pattern> = patterns.iter().map(|&id| &catalog[id]).collect();
    // What is said of garbage is false of what is kept.
    patterns.retain(|pattern| !grows || pattern.evidence != PatternEvidence::Churn);
    patterns.sort_by_key(|pattern| is_any(pattern));
    let fallback = catalog.fallback().filter(|_| patterns.is_empty() && grows);
    patterns.into_iter().chain(fallback).map(|pattern| pattern.id.clone()).collect()
}

/// Whether a pattern fits any goroutine at all.
fn is_any(pattern: &Pattern) -> bool {
    pattern.goroutine.as_ref().is_some_and(|regex| regex.as_str() == ".")
}
