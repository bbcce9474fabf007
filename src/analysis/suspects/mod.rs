//! Which sites leak, and which only look like it.
//!
//! For each process on its own: what changed in every record from its first snapshot to its last (`evolution`), added up
//! for each site and for the callers above it (`contexts`); growth that is more than sampling error is followed through
//! time and judged, and blamed on a frame of the program's own code (`judged`). What is said of it stands in `words`.

mod contexts;
mod families;
mod goroutines;
mod judged;
mod verdict;
mod words;

pub use verdict::{Asked as LimitAsked, Limit, Needed, Outcome, Process, Verdict};

use super::estimates::{Class, Estimate, Share};
use super::evolution::{Change, Evolution};
use super::spans::{Span, Spans, spans};
use super::timeline::CHURN;
use super::{Measured, Place};
use crate::model::history::History;
use crate::model::origin::Own;
use crate::model::series::Series;
use crate::patterns::{Catalog, Confidence, Evidence, Matcher, PatternId};
use crate::stats::LEVEL;
use crate::stats::class::LEAST;
use crate::stats::retention::retention;
use contexts::{Contexts, Frame, Owners, frames_of};
use goroutines::{Group, LEAST_BYTES};
use hashbrown::HashMap;
use judged::{Candidate, Histories};
use rustc_hash::FxBuildHasher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A site that may leak, with the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// 1 is the worst.
    pub rank: usize,
    /// The line of the program's own code that is to blame; for goroutines the function that started them.
    pub site: Place,
    /// What it does through time.
    pub class: Class,
    /// How much speaks for the class: what it keeps, what its goroutines do, how exactly its pattern fits.
    pub confidence: Confidence,
    /// Sample type of the values: `inuse_space`, or `goroutine`.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// Ids of the leak patterns that its stacks match, the most telling first.
    pub patterns: Vec<String>,
    /// How much it grew from the first snapshot of its process to the last.
    pub growth: Estimate,
    /// How fast it grows now; absent where the snapshots bear no times, or are too few.
    pub slope_per_hour: Option<Estimate>,
    /// Its growth, corrected for the number of sites that were tested; absent where nothing had to be tested.
    pub q_value: Option<f64>,
    /// The share that it kept of what it allocated.
    pub retention: Option<Share>,
    /// The share of the intervals between snapshots in which it grew.
    pub persistence: f64,
    /// The stack that grew most, root first.
    pub path: Vec<String>,
    /// The first frame on that stack, beneath the site, that is not the program's own.
    pub mechanism: Option<String>,
    /// Other lines that are part of it.
    pub places: Vec<Place>,
    /// Goroutines that wait on its stacks, or that it is.
    pub goroutines: Option<Goroutines>,
    /// What it does, and what that means.
    pub explanation: String,
    /// What to do about it; empty where nothing has to be done.
    pub fix: String,
    /// The process that it was seen in, by its position in the verdict.
    pub process: usize,
    /// The snapshot in which its growth begins, by its position in `values`.
    pub since: usize,
    /// Its value in each snapshot of its process that was judged.
    pub values: Vec<i64>,
}

/// Goroutines that go with a suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Goroutines {
    /// How many there were in the first goroutine profile.
    pub before: i64,
    /// How many in the last.
    pub after: i64,
    /// What they wait for: `chan send`, `select`, `IO wait`.
    pub state: String,
    /// The function that started them.
    pub started_by: String,
    /// The function that they wait in.
    pub parked_in: String,
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Which code is the program's own.
    pub own: Own,
    /// Leak patterns.
    pub catalog: Arc<Catalog>,
    /// A limit on the memory of the process.
    pub limit: Option<LimitAsked>,
}

/// A suspect with what it is ranked by inside its class: bytes per hour, or bytes where there are no times.
struct Ranked {
    bound: f64,
    suspect: Suspect,
}

/// The suspects of a history and of the goroutine profiles that came with it, the worst first, and the verdict.
pub(crate) fn suspects(
    history: &History,
    spans: &Spans,
    goroutines: Option<&History>,
    measured: &Measured,
    asked: &Asked,
) -> (Vec<Suspect>, Verdict) {
    let parked = Parked::new(goroutines, asked);
    let owners = Owners::new(&history.records, &asked.own);
    let symbols = &history.records.symbols;
    let names = symbols.functions.iter().map(|function| symbols.text(function.name));
    let case = Case {
        history,
        measured,
        owners: &owners,
        asked,
        matcher: &Matcher::new(&asked.catalog, names),
        parked: &parked,
        timed: spans.timed,
    };
    let mut found: Vec<Ranked> = Vec::new();
    for (process, span) in spans.processes.iter().enumerate() {
        if span.moments.len() > 1 {
            found.extend(case.of_span(process, span));
        }
    }
    found.extend(parked.suspects(asked));
    let mut found = once_each(found);
    found.sort_by(|a, b| {
        let by_class = a.suspect.class.cmp(&b.suspect.class);
        let by_bound = by_class.then(b.bound.total_cmp(&a.bound));
        by_bound.then_with(|| a.suspect.path.cmp(&b.suspect.path))
    });
    let ranked = found.into_iter().zip(1..);
    let suspects: Vec<Suspect> =
        ranked.map(|(Ranked { suspect, .. }, rank)| Suspect { rank, ..suspect }).collect();
    let verdict = verdict::verdict(history, measured, spans, &suspects, asked.limit);
    (suspects, verdict)
}

/// One suspect of each site, however many processes it was seen in: of the worst class, and of those the last.
fn once_each(found: Vec<Ranked>) -> Vec<Ranked> {
    let mut kept: Vec<Ranked> = Vec::new();
    let mut index: HashMap<(String, bool), usize, FxBuildHasher> = HashMap::default();
    for one in found {
        let Suspect { site, unit, process, .. } = &one.suspect;
        let key = (site.function.clone(), unit == "count");
        match index.get(&key).copied() {
            Some(at) if kept[at].suspect.process != *process => {
                if one.suspect.class <= kept[at].suspect.class {
                    kept[at] = one;
                }
            }
            _ => {
                index.insert(key, kept.len());
                kept.push(one);
            }
        }
    }
    kept
}

/// What all suspects of a history have in common.
struct Case<'a> {
    history: &'a History,
    measured: &'a Measured,
    owners: &'a Owners,
    asked: &'a Asked,
    matcher: &'a Matcher,
    parked: &'a Parked<'a>,
    timed: bool,
}

impl Case<'_> {
    /// The suspects of one process.
    fn of_span(&self, process: usize, span: &Span) -> Vec<Ranked> {
        let Self { history, measured, owners, .. } = *self;
        let evolution = Evolution { history, measured, span };
        let changes = evolution.changes();
        let contexts = Contexts::new(history, owners, &changes);
        let histories = Histories::new(&evolution, &contexts);
        let series = &history.records;
        let is_entry = |function| series.symbols.name(function) == "main.main";
        let candidates = families::join(histories.candidates(&evolution), &contexts, is_entry);
        let stacks = Stacks::new(self, &contexts, &candidates, &changes);
        let all = candidates.into_iter().zip(stacks.of);
        all.map(|(candidate, stack)| self.suspect(process, span, candidate, &stack)).collect()
    }

    fn suspect(
        &self,
        process: usize,
        span: &Span,
        candidate: Candidate,
        stack: &CandidateStack,
    ) -> Ranked {
        let Self { history, measured, owners, asked, .. } = *self;
        let series = &history.records;
        let catalog = &asked.catalog;
        let name = |frame: &Frame| series.symbols.name(frame.function).to_owned();
        let frames = &stack.heaviest;
        let at = frames.iter().position(|frame| *frame == candidate.frame).unwrap_or_default();
        let mechanism = frames[..at].iter().rev().find(|frame| !owners.is_own(frame.function));
        let interval = candidate.evidence.interval(candidate.delta() as f64, LEVEL);
        let is_trend = span.moments.len() >= LEAST;
        let late = candidate.judgement.late;
        let mut class = candidate.class;
        let is_mark = |id: &PatternId| catalog[*id].evidence == Evidence::Highwater;
        if class != Class::Churn && stack.patterns.first().is_some_and(is_mark) {
            // It never falls, and so it says nothing about what lives.
            class = Class::Grew;
        }
        let goroutines = self.parked.of(&name(&candidate.frame), &stack.patterns, catalog);
        let sample_type = &history.sample_types[measured.column];
        let mut suspect = Suspect {
            rank: 0,
            site: place(series, candidate.frame),
            class,
            confidence: Confidence::Med,
            sample_type: sample_type.name.clone(),
            unit: sample_type.unit.clone(),
            patterns: stack.patterns.iter().map(|&id| catalog[id].id.clone()).collect(),
            growth: Estimate::new(candidate.delta(), interval),
            slope_per_hour: (self.timed && is_trend).then(|| late.into()),
            q_value: candidate.q_value,
            retention: retention(candidate.kept as f64, candidate.allocated as f64)
                .map(Share::from),
            persistence: candidate.judgement.persistence,
            path: frames.iter().rev().map(name).collect(),
            mechanism: mechanism.map(name),
            places: candidate.places.iter().map(|&frame| place(series, frame)).collect(),
            goroutines,
            explanation: String::new(),
            fix: String::new(),
            process,
            since: candidate.judgement.since,
            values: candidate.line.values,
        };
        suspect.confidence = self.confidence(&suspect, &stack.patterns);
        (suspect.explanation, suspect.fix) = words::explain(&suspect, catalog, span.moments.len());
        let bound = if is_trend && self.timed {
            late.interval.lower
        } else {
            candidate.evidence.lower_bound()
        };
        Ranked { bound, suspect }
    }

    /// How much speaks for a suspect.
    fn confidence(&self, suspect: &Suspect, patterns: &[PatternId]) -> Confidence {
        let catalog = &self.asked.catalog;
        let keeps = suspect.retention.is_some_and(|share| share.lower >= 0.5);
        let loses = suspect.retention.is_some_and(|share| share.upper <= CHURN);
        let fits = patterns.first().is_some_and(|&id| catalog[id].confidence == Confidence::High);
        let rises = suspect.goroutines.as_ref().is_some_and(|g| g.after > g.before);
        // Its goroutines should be there, and are not.
        let wanted = patterns.first().is_some_and(|&id| {
            catalog[id].goroutine.as_ref().is_some_and(|regex| regex.as_str() != ".")
        });
        let misses = wanted && self.parked.is_there() && !rises;
        match (keeps || fits || rises, loses || misses) {
            (true, false) => Confidence::High,
            (false, true) => Confidence::Low,
            (true, true) | (false, false) => Confidence::Med,
        }
    }
}

/// The stacks of a candidate.
#[derive(Clone, Debug, Default)]
struct CandidateStack {
    /// The frames of the one that grew most, leaf first.
    heaviest: Vec<Frame>,
    /// Patterns that match a good part of the growth.
    patterns: Vec<PatternId>,
}

/// The stacks of all candidates.
struct Stacks {
    of: Vec<CandidateStack>,
}

/// A pattern that matches less of a suspect's growth than this does not explain it.
const EXPLAINS: f64 = 0.2;

impl Stacks {
    fn new(
        case: &Case<'_>,
        contexts: &Contexts,
        candidates: &[Candidate],
        changes: &[Change],
    ) -> Self {
        let Case { history, matcher, .. } = *case;
        let mut of_context = vec![None; contexts.all.len()];
        for (number, candidate) in candidates.iter().enumerate() {
            candidate.contexts.iter().for_each(|id| of_context[id.index()] = Some(number));
        }
        let mut of = vec![CandidateStack::default(); candidates.len()];
        let mut best = vec![i64::MIN; candidates.len()];
        let mut matched: Vec<HashMap<PatternId, i64, FxBuildHasher>> =
            vec![HashMap::default(); candidates.len()];
        let mut wholes = vec![0_i64; candidates.len()];
        let mut frames = Vec::new();
        let snapshot = &history.records.snapshots[0];
        for sample in 0..snapshot.samples.len() {
            let record = history.record(sample);
            let found = contexts.of_record(record).find_map(|id| of_context[id.index()]);
            let Some(number) = found else { continue };
            let change = &changes[record];
            // What churns does not grow, and is weighed by what it allocates.
            let weight = match candidates[number].class {
                Class::Churn => change.allocated_value,
                _ => change.delta(),
            };
            frames_of(&history.records, snapshot.stack(sample), &mut frames);
            if weight > 0 {
                let names = frames.iter().map(|frame| frame.function.index());
                wholes[number] = wholes[number].saturating_add(weight);
                for id in matcher.matching(names) {
                    let sum = matched[number].entry(id).or_default();
                    *sum = sum.saturating_add(weight);
                }
            }
            if weight > best[number] {
                best[number] = weight;
                of[number].heaviest.clone_from(&frames);
            }
        }
        for ((stack, matched), whole) in of.iter_mut().zip(matched).zip(wholes) {
            let explains = |sum: i64| sum as f64 >= EXPLAINS * whole as f64;
            let found = matched.into_iter().filter(|(_, sum)| explains(*sum));
            stack.patterns = found.map(|(id, _)| id).collect();
            stack.patterns.sort_unstable();
        }
        Self { of }
    }
}

/// The goroutines that came with a history.
struct Parked<'a> {
    history: Option<&'a History>,
    timed: bool,
    /// With the process that each group is of.
    groups: Vec<(usize, Group)>,
    /// Patterns whose goroutines each group are.
    patterns: Vec<Vec<PatternId>>,
}

impl<'a> Parked<'a> {
    fn new(history: Option<&'a History>, asked: &Asked) -> Self {
        let mut parked = Self { history, timed: false, groups: Vec::new(), patterns: Vec::new() };
        let Some(history) = history else { return parked };
        let spans = spans(history);
        parked.timed = spans.timed;
        let owners = Owners::new(&history.records, &asked.own);
        for (process, span) in spans.processes.iter().enumerate() {
            if span.moments.len() > 1 {
                let groups = goroutines::groups(history, &owners, span);
                parked.groups.extend(groups.into_iter().map(|group| (process, group)));
            }
        }
        let symbols = &history.records.symbols;
        let names = symbols.functions.iter().map(|function| symbols.text(function.name));
        let matcher = Matcher::new(&asked.catalog, names);
        let of = |group: &Group| matcher.parked(group.stack.iter().map(|f| f.index()));
        parked.patterns = parked.groups.iter().map(|(_, group)| of(group)).collect();
        parked
    }

    fn is_there(&self) -> bool {
        self.history.is_some()
    }

    fn facts(&self, group: &Group) -> Goroutines {
        let parked = self.history.map(|h| h.records.symbols.name(group.frame.function));
        Goroutines {
            before: group.before(),
            after: group.after(),
            state: group.state.to_owned(),
            started_by: group.started.clone(),
            parked_in: parked.unwrap_or_default().to_owned(),
        }
    }

    /// The goroutines that go with a site: those that wait beneath it, those it started, or those that one of its patterns
    /// is known by. Of several the ones that multiplied most.
    fn of(&self, function: &str, patterns: &[PatternId], catalog: &Catalog) -> Option<Goroutines> {
        let symbols = &self.history?.records.symbols;
        let is_named = |id: &PatternId| {
            let regex = catalog[*id].goroutine.as_ref();
            regex.is_some_and(|regex| regex.as_str() != ".")
        };
        let goes_with = |(_, group): &&(usize, Group), own: &[PatternId]| {
            group.started == function
                || group.stack.iter().any(|&frame| symbols.name(frame) == function)
                || patterns.iter().filter(|id| is_named(id)).any(|id| own.contains(id))
        };
        let groups = self.groups.iter().zip(&self.patterns);
        let fitting = groups.filter(|(group, own)| goes_with(group, own));
        let ((_, most), _) =
            fitting.max_by_key(|((_, group), _)| group.after().saturating_sub(group.before()))?;
        Some(self.facts(most))
    }

    /// The groups that pile up, as suspects of their own.
    fn suspects(&self, asked: &Asked) -> Vec<Ranked> {
        let Some(history) = self.history else { return Vec::new() };
        let series = &history.records;
        let catalog = &asked.catalog;
        let name = |&function: &crate::model::ids::FunctionId| series.symbols.name(function);
        let suspect = |(process, group): &(usize, Group), own: &[PatternId]| {
            let late = group.judgement.late;
            let growth = group.after() - group.before();
            let started = series
                .symbols
                .functions
                .iter()
                .position(|f| series.symbols.text(f.name) == group.started);
            let site = match started {
                Some(_) if group.started == name(&group.frame.function) => {
                    place(series, group.frame)
                }
                _ => Place { function: group.started.clone(), ..place(series, group.first) },
            };
            let mut suspect = Suspect {
                rank: 0,
                site,
                class: group.class,
                confidence: Confidence::High,
                sample_type: "goroutine".to_owned(),
                unit: "count".to_owned(),
                patterns: own.iter().map(|&id| catalog[id].id.clone()).collect(),
                growth: Estimate { estimate: growth, lower: growth, upper: growth },
                slope_per_hour: (self.timed && group.line.values.len() >= LEAST)
                    .then(|| late.into()),
                q_value: None,
                retention: None,
                persistence: group.judgement.persistence,
                path: group.stack.iter().rev().map(|f| name(f).to_owned()).collect(),
                mechanism: None,
                places: Vec::new(),
                goroutines: Some(self.facts(group)),
                explanation: String::new(),
                fix: String::new(),
                process: *process,
                since: group.judgement.since,
                values: group.line.values.clone(),
            };
            (suspect.explanation, suspect.fix) =
                words::explain(&suspect, catalog, group.line.values.len());
            let per_hour = if self.timed { late.interval.lower } else { growth as f64 };
            Ranked { bound: per_hour * LEAST_BYTES as f64, suspect }
        };
        let groups = self.groups.iter().zip(&self.patterns);
        // What only comes and goes with the load is no suspect.
        let rises = |group: &Group| matches!(group.class, Class::Leak | Class::GrowingDecelerating);
        let few = |group: &Group| group.line.values.len() < LEAST;
        groups
            .filter(|((_, group), _)| rises(group) || few(group))
            .map(|(group, own)| suspect(group, own))
            .collect()
    }
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
