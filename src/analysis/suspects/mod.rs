//! Finds the sites that leak, and the ones that only look like it.
//!
//! Each process is judged separately: `evolution` computes the change of every record from its
//! first snapshot to its last; `contexts` adds it up for each site and for the callers above it;
//! `judged` follows growth beyond sampling error through time, judges it, and blames a frame of the
//! program's own code. `explanation` describes the result.

mod candidate_stacks;
mod contexts;
mod explanation;
mod families;
mod follow;
mod goroutines;
mod judged;
mod parked;
mod verdict;

pub use verdict::{Limit, LimitOutcome, LimitQuery, Needed, ProcessMemory, Verdict};

use super::entries::Entries;
use super::estimates::{CHURN, Class, Estimate, Share};
use super::evolution::{Evolution, RecordChange};
use super::spans::nearest;
use super::turnover::judge_line;
use super::{Measured, Place};
use crate::model::history::History;
use crate::model::recording::{Lack, Recording, Span, Track};
use crate::model::series::Series;
use crate::model::site::{Frame, Owners};
use crate::patterns::{Catalog, Confidence, Matcher, Pattern, PatternEvidence, PatternId};
use crate::stats::LEVEL;
use crate::stats::class::{Growth, LEAST};
use candidate_stacks::CandidateStack;
use contexts::{Contexts, frames_of};
use hashbrown::HashMap;
use judged::{Candidate, Histories};
use parked::Parked;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;

/// A site that may leak, with the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Suspect {
    /// Its rank; 1 is the worst.
    pub rank: usize,
    /// The line of the program's own code that is to blame; for goroutines the function that started them.
    pub site: Place,
    /// How it behaves through time.
    pub class: Class,
    /// How strong the evidence for the class is: what it keeps, what its goroutines do, how exactly
    /// its pattern fits.
    pub confidence: Confidence,
    /// Sample type of the values: `inuse_space`, or `goroutine`.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// Ids of the leak patterns that its stacks match, the most specific first.
    pub patterns: Vec<String>,
    /// How much it grew from the first snapshot of its process to the last.
    pub growth: Estimate,
    /// How fast it grows now; absent if the snapshots have no times, or are too few.
    pub slope_per_hour: Option<Estimate>,
    /// Its growth, corrected for the number of sites that were tested; absent if no test was
    /// needed.
    pub q_value: Option<f64>,
    /// The share it kept of what it allocated.
    pub retention: Option<Share>,
    /// The share of the intervals between snapshots in which it grew.
    pub persistence: f64,
    /// The stack that grew most, root first.
    pub path: Vec<String>,
    /// The first frame on that stack, below the site, that isn't own code.
    pub mechanism: Option<String>,
    /// Other lines that are part of it.
    pub places: Vec<Place>,
    /// By how much the load of the whole program rose, if that explains the growth.
    pub load_factor: Option<f64>,
    /// Goroutines that wait on its stacks, or that the suspect consists of.
    pub goroutines: Option<Goroutines>,
    /// What its value does, and what that means.
    pub explanation: String,
    /// How to fix it; empty if no action is needed.
    pub fix: String,
    /// The process it was seen in, by its position in the verdict.
    pub process: usize,
    /// The snapshot in which its growth begins, by its position in `values`.
    pub since: usize,
    /// Its value in each judged snapshot of its process.
    pub values: Vec<i64>,
}

impl Suspect {
    /// Whether its values are numbers of goroutines.
    pub fn is_of_goroutines(&self) -> bool {
        self.sample_type == "goroutine"
    }
}

/// Goroutines that go with a suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Goroutines {
    /// How many there were in the first goroutine profile.
    pub before: i64,
    /// How many in the last.
    pub after: i64,
    /// What they wait for: `chan send`, `select`, `IO wait`.
    pub state: String,
    /// The function that started them; empty if the name of their first function doesn't reveal it.
    pub started_by: String,
    /// The function that they wait in.
    pub parked_in: String,
}

/// A question about leaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaksQuery {
    /// Leak patterns.
    pub catalog: Arc<Catalog>,
    /// A limit on the memory of the process.
    pub limit: Option<LimitQuery>,
}

/// A suspect with the value that ranks it within its class: bytes per hour, or bytes if there are
/// no times.
struct Ranked {
    bound: f64,
    suspect: Suspect,
    /// Whether its site is own code.
    is_own: bool,
}

/// Blames goroutines of a library on the site of own code whose memory leaks in the same way: their
/// most specific patterns are equal.
fn blame_on_own(found: &mut [Ranked]) {
    let owners: Vec<(String, Place)> = found
        .iter()
        .filter(|one| one.is_own && one.suspect.class == Class::Leak)
        .filter(|one| !one.suspect.is_of_goroutines())
        .filter_map(|one| Some((one.suspect.patterns.first()?.clone(), one.suspect.site.clone())))
        .collect();
    for one in found.iter_mut().filter(|one| !one.is_own && one.suspect.is_of_goroutines()) {
        let Some(pattern) = one.suspect.patterns.first() else { continue };
        let mut of = owners.iter().filter(|(known, _)| known == pattern);
        // If two sites match, the right one is unknown.
        if let (Some((_, site)), None) = (of.next(), of.next()) {
            one.suspect.site = site.clone();
        }
    }
}

/// Finds the suspects of a recording, the worst first, and the verdict.
pub(crate) fn suspects(
    recording: &Recording,
    measured: &Measured,
    (owners, asked): (&Owners, &LeaksQuery),
) -> (Vec<Suspect>, Verdict) {
    let track = recording.main();
    let history = &track.history;
    let goroutines = &recording.goroutines;
    // Goroutine profiles alone describe goroutines, not memory.
    let alone = recording.is_of_goroutines();
    let parked = if alone && track.is_timed() {
        // Profiles of the same time go to the process of the first of them.
        Parked::new(goroutines, &nearest(goroutines, goroutines), (owners, asked))
    } else {
        Parked::new(goroutines, &goroutines.processes, (owners, asked))
    };
    let symbols = &history.records.symbols;
    let names = symbols.functions.iter().map(|function| symbols.text(function.name));
    let changes = |span: &Span| Evolution { history, measured, span }.changes();
    let main = track.main_process();
    let of_main = changes(&track.processes.get(main).cloned().unwrap_or_default());
    let entries = entries(history, owners, &of_main);
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
    let place_of_memory = |frame| place(&history.records, frame);
    found.extend(parked.suspects(asked, &entries, &place_of_memory));
    blame_on_own(&mut found);
    let mut found = once_each(found);
    found.sort_by(|a, b| {
        let by_class = a.suspect.class.cmp(&b.suspect.class);
        let by_bound = by_class.then(b.bound.total_cmp(&a.bound));
        by_bound.then_with(|| a.suspect.path.cmp(&b.suspect.path))
    });
    let ranked = found.into_iter().zip(1..);
    let suspects: Vec<Suspect> =
        ranked.map(|(Ranked { suspect, .. }, rank)| Suspect { rank, ..suspect }).collect();
    let mut verdict = verdict::verdict(track, measured, &suspects, asked.limit);
    verdict.not_followed = left_out;
    (suspects, verdict)
}

/// Who calls the libraries whose goroutines allocate, by what was allocated.
fn entries<'a>(history: &'a History, owners: &'a Owners, changes: &[RecordChange]) -> Entries<'a> {
    let series = &history.records;
    let mut entries = Entries::new(&series.symbols, owners);
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
        let mut contexts = Contexts::new(history, owners, changes);
        let histories = Histories::new(&evolution, &mut contexts);
        let left_out = histories.left_out;
        let series = &history.records;
        let is_entry = |function| series.symbols.name(function) == "main.main";
        let mut candidates = families::join(&histories.candidates(), &contexts, is_entry);
        for candidate in candidates.iter_mut().filter(|candidate| candidate.contexts.len() > 1) {
            // Its parts have been judged; the sum shows how fast it grows and since when.
            candidate.judgement = judge_line(&evolution, &candidate.line, Growth::Proven);
        }
        let stacks = candidate_stacks::of(self, &contexts, &candidates, changes);
        let all = candidates.into_iter().zip(stacks);
        let suspects =
            all.map(|(candidate, stack)| self.suspect(process, span, &candidate, &stack));
        (suspects.collect(), left_out)
    }

    fn suspect(
        &self,
        process: usize,
        span: &Span,
        candidate: &Candidate,
        stack: &CandidateStack,
    ) -> Ranked {
        let Self { track, measured, owners, asked, .. } = *self;
        let history = &track.history;
        let series = &history.records;
        let catalog = &asked.catalog;
        let name = |frame: &Frame| series.symbols.name(frame.function).to_owned();
        let frames = &stack.heaviest;
        let at = frames.iter().position(|frame| *frame == candidate.frame).unwrap_or_default();
        let foreign = |frame: &&Frame| !owners.is_own(frame.function);
        let mechanism = frames[..at].iter().rev().find(foreign);
        // For a library's own goroutine, blame the caller of its type.
        let is_foreign = foreign(&&candidate.frame);
        let entry = self.entries.of(&name(&candidate.frame)).filter(|_| is_foreign);
        let mechanism = entry.map_or(mechanism, |_| Some(&candidate.frame));
        let interval = candidate.tally.evidence.interval(candidate.delta() as f64, LEVEL);
        let is_trend = span.moments.len() >= LEAST;
        let late = candidate.judgement.late;
        let mut class = candidate.class;
        let is_mark = |id: &PatternId| catalog[*id].evidence == PatternEvidence::Highwater;
        if class != Class::Churn && stack.patterns.first().is_some_and(is_mark) {
            // A cumulative value never falls, so it shows nothing about memory in use.
            class = Class::Grew;
        }
        let goroutines = self.parked.of(&name(&candidate.frame), &stack.patterns, catalog);
        let sample_type = &history.sample_types[measured.column];
        let mut suspect = Suspect {
            rank: 0,
            site: place(series, entry.unwrap_or(candidate.frame)),
            class,
            confidence: Confidence::Med,
            sample_type: sample_type.name.clone(),
            unit: sample_type.unit.clone(),
            patterns: ids(catalog, &stack.patterns, class),
            growth: Estimate::new(candidate.delta(), interval),
            slope_per_hour: (track.is_timed() && is_trend).then(|| late.into()),
            q_value: candidate.q_value,
            retention: candidate.tally.retention().map(Share::from),
            persistence: candidate.judgement.persistence,
            path: frames.iter().rev().map(name).collect(),
            mechanism: mechanism.map(name),
            places: candidate.places.iter().map(|&frame| place(series, frame)).collect(),
            load_factor: candidate.load,
            goroutines,
            explanation: String::new(),
            fix: String::new(),
            process,
            since: candidate.judgement.since,
            values: candidate.line.values.clone(),
        };
        suspect.confidence = self.confidence(&suspect, &stack.patterns);
        (suspect.explanation, suspect.fix) =
            explanation::explain(&suspect, catalog, span.moments.len());
        let bound = if is_trend && track.is_timed() {
            late.inner.lower
        } else if candidate.is_sampled {
            candidate.tally.evidence.lower_bound()
        } else {
            candidate.delta() as f64
        };
        Ranked { bound, suspect, is_own: entry.is_some() || !is_foreign }
    }

    /// How strong the evidence for a suspect is.
    fn confidence(&self, suspect: &Suspect, patterns: &[PatternId]) -> Confidence {
        let catalog = &self.asked.catalog;
        let keeps = suspect.retention.is_some_and(|share| share.lower >= 0.5);
        let loses = suspect.retention.is_some_and(|share| share.upper <= CHURN);
        let fits = patterns.first().is_some_and(|&id| catalog[id].confidence == Confidence::High);
        let rises = suspect.goroutines.as_ref().is_some_and(|g| g.after > g.before);
        // A pattern expects goroutines, and there are none.
        let wanted = patterns
            .first()
            .is_some_and(|&id| catalog[id].goroutine.is_some() && !is_any(&catalog[id]));
        let misses = wanted && !self.track.lacks(Lack::Goroutines) && !rises;
        match (keeps || fits || rises, loses || misses) {
            (true, false) => Confidence::High,
            (false, true) => Confidence::Low,
            (true, true) | (false, false) => Confidence::Med,
        }
    }
}

/// Ids of patterns, the most specific first and the one that fits any goroutine last. If it grows
/// and matches none, returns the fallback pattern.
fn ids(catalog: &Catalog, patterns: &[PatternId], class: Class) -> Vec<String> {
    let mut patterns: Vec<&Pattern> = patterns.iter().map(|&id| &catalog[id]).collect();
    patterns.sort_by_key(|pattern| is_any(pattern));
    let grows = matches!(class, Class::Leak | Class::GrowingDecelerating | Class::Grew);
    let fallback = catalog.fallback().filter(|_| patterns.is_empty() && grows);
    patterns.into_iter().chain(fallback).map(|pattern| pattern.id.clone()).collect()
}

/// Whether a pattern fits any goroutine at all.
fn is_any(pattern: &Pattern) -> bool {
    pattern.goroutine.as_ref().is_some_and(|regex| regex.as_str() == ".")
}

fn place(series: &Series, frame: Frame) -> Place {
    let symbols = &series.symbols;
    let file = symbols.text(symbols.function(frame.function).filename);
    Place {
        function: symbols.name(frame.function).to_owned(),
        file: (!file.is_empty()).then(|| file.to_owned()),
        line: (frame.line != 0).then_some(frame.line),
    }
}
