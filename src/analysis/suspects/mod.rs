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
mod explanation;
mod families;
mod follow;
mod goroutines;
mod judged;
mod parked;
mod shown;
mod verdict;

pub use verdict::{Limit, LimitOutcome, LimitQuery, Needed, ProcessMemory, Verdict};

use super::entries::Entries;
use super::estimates::{Class, Estimate, Share};
use super::evolution::{Evolution, RecordChange};
use super::spans::nearest;
use super::turnover::{goes_on, judge_line};
use super::{Measured, Place};
use crate::model::history::History;
use crate::model::recording::{Lack, Recording, Span, Track};
use crate::model::series::Series;
use crate::model::site::{Frame, Owners};
use crate::patterns::{Catalog, Confidence, Matcher, Pattern, PatternEvidence, PatternId};
use crate::stats::LEVEL;
use crate::stats::class::{Growth, Judgement, LEAST};
use crate::stats::trend::correlation;
use candidate_stacks::CandidateStack;
use contexts::{Contexts, frames_of};
use goroutines::Group;
use hashbrown::HashMap;
use judged::{Candidate, Histories};
use parked::Parked;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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
    /// What the cause consists of, if that is more than one place: memory, and goroutines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
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
    /// What shows its growth; of leaks, and of what grew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_by: Option<ShownBy>,
}

/// The functions and the profiles whose call paths show the growth of a suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownBy {
    /// The function to blame, or if less than half of the growth goes through it, another one, or
    /// several that together show more.
    pub functions: Vec<String>,
    /// The first and the last profile of its process, by position among the inputs.
    pub inputs: [usize; 2],
    /// The profile in which the growth begins, likewise.
    pub since: usize,
}

impl Suspect {
    /// Puts its patterns in order, and explains it by them. Where another pattern fits, there is no
    /// advice about containers in general.
    fn settle(&mut self, catalog: &Catalog) {
        let find = |id: &String| catalog.find(id);
        let pattern_of = |id: &String| find(id).is_none_or(|pattern| !pattern.is_fallback());
        if self.patterns.iter().any(pattern_of) {
            self.patterns.retain(pattern_of);
        }
        self.patterns
            .sort_by_key(|id| find(id).map(|pattern| (is_any(pattern), pattern.confidence)));
        let snapshots = self.values.len();
        (self.explanation, self.fix) = explanation::explain(self, catalog, snapshots);
    }

    /// Whether its values are numbers of goroutines.
    pub fn is_of_goroutines(&self) -> bool {
        self.sample_type == "goroutine"
    }
}

/// A part of a suspect: one place whose memory, or whose goroutines, it leaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// The place that is to blame for this part alone.
    pub site: Place,
    /// Sample type of its growth: `inuse_space`, or `goroutine`.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// How much it grew from the first snapshot of its process to the last.
    pub growth: Estimate,
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

/// The correlation from which memory goes with the number of goroutines.
const ALIKE: f64 = 0.7;

/// A suspect with the value that ranks it within its class: bytes per hour, or bytes if there are
/// no times.
struct Ranked {
    bound: f64,
    suspect: Suspect,
    /// Whether its site is own code.
    is_own: bool,
    /// Whether it is what a parser made: others may keep it.
    is_payload: bool,
    /// By how many objects its heaviest stack grew; 0 for goroutines.
    objects: f64,
    /// The functions of its heaviest stack from where it grew to the root, and those of its parts.
    trail: Vec<String>,
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
    causes::blame_on_own(&mut found);
    let found = once_each(found);
    let parts: Vec<&Suspect> = found.iter().map(|one| &one.suspect).collect();
    let mut verdict = verdict::verdict(track, measured, &parts, asked.limit);
    let mut found = causes::join(found);
    for (id, function) in parked.present(&asked.catalog) {
        if let Some(one) = causes::kept_by(&mut found, function) {
            one.suspect.patterns.insert(0, asked.catalog[id].id.clone());
            let rises = one.suspect.slope_per_hour.is_none_or(|slope| slope.lower > 0);
            one.suspect.confidence = if rises { Confidence::High } else { Confidence::Med };
        }
    }
    for Ranked { suspect, .. } in &mut found {
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
    let certainty = |one: &Ranked| (one.suspect.class, one.suspect.confidence, !one.is_own);
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
        let slope = late.or_whole(whole);
        let mut class = candidate.class;
        let is_mark = |id: &PatternId| catalog[*id].evidence == PatternEvidence::Highwater;
        if class != Class::Churn && stack.patterns.first().is_some_and(is_mark) {
            // A cumulative value never falls, so it shows nothing about memory in use.
            class = Class::Grew;
        }
        let has_goroutines = !track.lacks(Lack::Goroutines);
        let mut patterns = stack.patterns.clone();
        // A pattern that expects goroutines needs them, if there are goroutine profiles.
        let expects = |id: PatternId| catalog[id].goroutine.is_some() && !is_any(&catalog[id]);
        patterns
            .retain(|&id| !has_goroutines || !expects(id) || self.parked.has_those_of(id, catalog));
        let held = self.parked.of(&name(&candidate.frame), &stack.patterns, catalog);
        let piles_up = held.as_ref().is_some_and(|(_, group, _)| group.is_leak());
        if let Some((_, _, of_goroutines)) = held.as_ref().filter(|_| piles_up) {
            let named = of_goroutines.iter().filter(|&&id| !is_any(&catalog[id]));
            patterns.extend(named.filter(|id| !stack.patterns.contains(id)));
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
        let goroutines = held.map(|(facts, ..)| facts);
        let sample_type = &history.sample_types[measured.column];
        let mut suspect = Suspect {
            rank: 0,
            site: place(series, keeper.or(entry).unwrap_or(candidate.frame)),
            class,
            confidence: Confidence::Med,
            sample_type: sample_type.name.clone(),
            unit: sample_type.unit.clone(),
            patterns: ids(catalog, &patterns, class),
            growth: Estimate::new(candidate.delta(), interval),
            slope_per_hour: (track.is_timed() && is_trend).then(|| late.into()),
            q_value: candidate.q_value,
            retention: candidate.tally.retention().map(Share::from),
            persistence: candidate.judgement.persistence,
            path: frames.iter().rev().map(name).collect(),
            mechanism: mechanism.map(name),
            places: candidate.places.iter().map(|&frame| place(series, frame)).collect(),
            parts: Vec::new(),
            load_factor: candidate.load,
            goroutines,
            explanation: String::new(),
            fix: String::new(),
            process,
            since: candidate.judgement.since,
            values: candidate.line.values.clone(),
            shown_by: None,
        };
        // What hasn't certainly risen of late is less sure to be a leak, however it rose before.
        suspect.confidence = confidence::of(&suspect, &patterns, catalog, piles_up);
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
        Ranked { bound, suspect, is_own, is_payload, objects: stack.objects, trail }
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

fn place(series: &Series, frame: Frame) -> Place {
    let symbols = &series.symbols;
    let file = symbols.text(symbols.function(frame.function).filename);
    Place {
        function: symbols.name(frame.function).to_owned(),
        file: (!file.is_empty()).then(|| file.to_owned()),
        line: (frame.line != 0).then_some(frame.line),
    }
}
