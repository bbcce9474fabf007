//! Turns contexts that grew into candidates: judges each through time, and finds the frame to
//! blame.
//!
//! A site is to blame unless callers compete for it: if one of them leaks and another doesn't, the
//! blame moves to the caller, and so on upwards. Candidates of one function are merged.

use super::contexts::{ContextId, Contexts};
use super::follow::{Followed, PIECE, churning, follow};
use crate::analysis::SIGNIFICANT;
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::evolution::{Evolution, GroupValues, Tally};
use crate::analysis::turnover::{class_of, goes_on, judge_line, stopped};
use crate::model::site::Frame;
use crate::parallel;
use crate::stats::class::{Growth, Judgement, LEAST};
use crate::stats::workload::Factor;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Callers exchange memory if the losses of some are at least this share of the gains of others.
const EXCHANGED: f64 = 0.5;

/// A caller with less than this share of a site's memory and allocations doesn't compete for it.
const COMPETES: f64 = 0.1;

/// What nothing limits stands for a whole leak if it is at least this share of its growth.
const STANDS_FOR: f64 = 0.8;

/// One or several contexts that are blamed together.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The contexts, the heaviest first.
    pub(super) contexts: Vec<ContextId>,
    /// The frame to blame.
    pub(super) frame: Frame,
    /// Other frames that are part of it.
    pub(super) places: Vec<Frame>,
    pub(super) class: Class,
    /// By how much the load rose, if that explains the growth.
    pub(super) load: Option<f64>,
    pub(super) judgement: Judgement,
    pub(super) line: GroupValues,
    pub(super) tally: Tally,
    pub(super) q_value: Option<f64>,
    /// Whether the sampling is known.
    pub(super) is_sampled: bool,
    /// Whether only the pattern of its stacks made it worth a test.
    pub(super) is_by_pattern: bool,
    /// The site that loses what it gains, and what changed in both together.
    pub(super) replaces: Option<(Frame, Estimate)>,
    /// The same, if there are too few samples to tell.
    pub(super) may_replace: Option<(Frame, Estimate)>,
}

impl Candidate {
    pub(super) fn delta(&self) -> i64 {
        self.tally.delta()
    }
}

/// A context through time.
struct Judged {
    line: GroupValues,
    judgement: Judgement,
    class: Class,
}

/// Contexts through time, by id.
pub(super) struct Histories<'a> {
    contexts: &'a Contexts,
    judged: HashMap<ContextId, Judged, FxBuildHasher>,
    /// Contexts that may have grown and were not followed.
    pub(super) left_out: usize,
    known: bool,
    /// The class that callers are blamed for: the worst that this number of snapshots can show.
    worst: Class,
    /// By how much the load rose, if it did.
    load: Option<Factor>,
}

/// A rise of the allocation rate counts only if it is at least this part of the load's rise.
const RATE: f64 = 0.25;

/// By how much the load of the program rose. If whole sessions leak, all their sites grow alike,
/// just as with more work; but only more work allocates more in the same time.
fn load(evolution: &Evolution<'_>, contexts: &Contexts) -> Option<Factor> {
    let sites = contexts.sites().map(|id| contexts.get(id)).filter(|context| context.is_own);
    let raw: Vec<(f64, f64)> =
        sites.map(|context| (context.tally.raw.0 as f64, context.tally.raw.1 as f64)).collect();
    let factor = Factor::of(&raw)?;
    let last = evolution.span.moments.len() - 1;
    let (early, late) = evolution.rate(0, last / 2).zip(evolution.rate(last / 2, last))?;
    let rises = last >= 2 && late >= early * (1.0 + RATE * (factor.factor - 1.0));
    rises.then_some(factor)
}

impl<'a> Histories<'a> {
    /// Judges all contexts that grew, and the sites that only allocate.
    pub(super) fn new(evolution: &Evolution<'_>, contexts: &'a mut Contexts) -> Self {
        let known = evolution.known();
        let Followed { lines, trends, left_out } = follow(evolution, contexts, known);
        contexts.correct(&trends);
        let contexts = &*contexts;
        let grew = |id: &ContextId| {
            let context = contexts.get(*id);
            let proven = context.q_value.is_some_and(|q| q <= SIGNIFICANT);
            context.delta() > 0 && (proven || !known)
        };
        let churn = churning(contexts, |id| grew(&id));
        let asked: Vec<(ContextId, GroupValues)> =
            lines.into_iter().filter(|(id, _)| grew(id) || churn.contains(id)).collect();
        let judgements = parallel::map_items(&asked, PIECE, |(id, line)| {
            let judgement = judge_line(evolution, line, Growth::Proven);
            let class = if grew(id) {
                class_of(evolution, &contexts.get(*id).tally, line, &judgement)
            } else {
                Class::Churn
            };
            (judgement, class)
        });
        let judged = asked.into_iter().zip(judgements);
        let judged =
            judged.map(|((id, line), (judgement, class))| (id, Judged { line, judgement, class }));
        let mut judged: HashMap<ContextId, Judged, FxBuildHasher> = judged.collect();
        let leaks = judged.iter().filter(|(_, judged)| {
            judged.class == Class::Leak && !goes_on(&judged.judgement, &judged.line.values)
        });
        let leaks = leaks.map(|(&id, _)| (id, contexts.get(id).tally));
        for id in stopped(evolution, leaks, |record| contexts.of_record(record)) {
            judged.entry(id).and_modify(|judged| judged.class = Class::Grew);
        }
        let worst = if evolution.span.moments.len() < LEAST { Class::Grew } else { Class::Leak };
        Self { contexts, judged, left_out, known, worst, load: load(evolution, contexts) }
    }

    fn class(&self, id: ContextId) -> Option<Class> {
        self.judged.get(&id).map(|judged| judged.class)
    }

    /// Finds the contexts to blame for a site, none of which is part of another.
    fn blamed(&self, id: ContextId, found: &mut Vec<ContextId>) {
        let own = self.class(id);
        let callers = self.contexts.competing(id);
        let leaks = |caller: &&ContextId| self.class(**caller) == Some(self.worst);
        let leaking: Vec<ContextId> = callers.iter().filter(leaks).copied().collect();
        let function = |caller: &ContextId| self.contexts.get(*caller).frame.function;
        // Two lines of one function don't compete: one may have filled what the other adds to.
        let is_rival = |caller: &&ContextId| {
            let is_same = leaking.iter().any(|leak| function(leak) == function(caller));
            !is_same && self.competes(id, **caller)
        };
        let has_rival = callers.iter().any(|caller| is_rival(&caller));
        match own {
            // All callers leak, or the others don't matter: the site itself leaks.
            Some(class) if class == self.worst && (leaking.is_empty() || !has_rival) => {
                found.push(id);
            }
            Some(class) if class == self.worst => {
                leaking.into_iter().for_each(|id| self.blamed(id, found));
            }
            _ if self.is_exchange(callers) => found.extend(own.map(|_| id)),
            Some(_) if leaking.is_empty() => found.push(id),
            // A caller may leak even if the whole doesn't.
            Some(_) => leaking.into_iter().for_each(|id| self.blamed(id, found)),
            None => callers.iter().for_each(|&caller| self.blamed(caller, found)),
        }
    }

    /// Whether some callers gain what others lose: a cache that one fills and another renews.
    fn is_exchange(&self, callers: &[ContextId]) -> bool {
        let deltas = callers.iter().map(|&caller| self.contexts.get(caller).delta());
        let (gained, lost) = deltas.fold((0_i64, 0_i64), |(gained, lost), delta| {
            (gained.saturating_add(delta.max(0)), lost.saturating_sub(delta.min(0)))
        });
        gained > 0 && lost as f64 >= EXCHANGED * gained as f64
    }

    /// Whether a caller has a notable share of a context.
    fn competes(&self, id: ContextId, caller: ContextId) -> bool {
        let (whole, part) = (self.contexts.get(id).tally, self.contexts.get(caller).tally);
        let share = |part: i64, whole: i64| part as f64 >= COMPETES * whole as f64 && part > 0;
        share(part.last, whole.last)
            || share(part.first, whole.first)
            || share(part.allocated, whole.allocated)
    }

    /// All candidates for growth; those of one function and one class are merged.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let mut blamed = Vec::new();
        for site in self.contexts.sites() {
            self.blamed(site, &mut blamed);
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut index = HashMap::<_, usize, FxBuildHasher>::default();
        for id in blamed {
            let Some(judged) = self.judged.get(&id) else { continue };
            let frame = self.contexts.get(id).frame;
            let one = self.candidate(id, judged);
            let at = *index.entry((frame.function, judged.class)).or_insert(candidates.len());
            match candidates.get_mut(at) {
                Some(known) => known.join(&one, self.contexts),
                None => candidates.push(one),
            }
        }
        // Lines of a function that leaks as a whole, although none of them shows it, and what nothing limits.
        let wholes = self.contexts.wholes().map(|id| (id, false));
        for (id, is_by_pattern) in wholes.chain(self.contexts.mechanisms().map(|id| (id, true))) {
            let Some(judged) = self.judged.get(&id).filter(|judged| judged.class == self.worst)
            else {
                continue;
            };
            let context = self.contexts.get(id);
            let function = context.frame.function;
            let is_of = |one: &Candidate| one.frame.function == function;
            let told = candidates.iter_mut().find(|one| is_of(one) && one.class == self.worst);
            let Some(told) = told else {
                candidates.retain(|one| !is_of(one) || one.class == Class::Churn);
                candidates.push(Candidate { is_by_pattern, ..self.candidate(id, judged) });
                continue;
            };
            if is_by_pattern && context.delta() as f64 >= STANDS_FOR * told.delta() as f64 {
                // The rest of what the function allocates comes and goes.
                let (q_value, places) = (told.q_value, std::mem::take(&mut told.places));
                *told = Candidate { places, q_value, ..self.candidate(id, judged) };
            }
        }
        for candidate in candidates.iter_mut().filter(|candidate| candidate.load.is_some()) {
            if matches!(candidate.class, Class::Leak | Class::GrowingDecelerating) {
                candidate.class = Class::Grew;
            }
        }
        candidates
    }

    fn candidate(&self, id: ContextId, judged: &Judged) -> Candidate {
        let context = self.contexts.get(id);
        let (n1, n2) = (context.tally.raw.0 as f64, context.tally.raw.1 as f64);
        let follows = |load: &Factor| load.p_beyond(n1, n2) > SIGNIFICANT;
        Candidate {
            contexts: vec![id],
            frame: context.frame,
            places: Vec::new(),
            class: judged.class,
            load: self.load.filter(follows).map(|load| load.factor),
            judgement: judged.judgement.clone(),
            line: judged.line.clone(),
            tally: context.tally,
            q_value: context.q_value,
            is_sampled: self.known,
            is_by_pattern: false,
            replaces: None,
            may_replace: None,
        }
    }
}

impl Candidate {
    /// Merges another candidate whose contexts are disjoint from its own.
    pub(super) fn join(&mut self, other: &Self, contexts: &Contexts) {
        self.contexts.extend(&other.contexts);
        self.contexts.sort_by_key(|&id| (std::cmp::Reverse(contexts.get(id).delta()), id));
        if other.frame.function == self.frame.function {
            // The heaviest line represents the function.
            let heaviest = contexts.get(self.contexts[0]).frame;
            let lighter = if heaviest == self.frame { other.frame } else { self.frame };
            self.places.push(lighter);
            self.frame = heaviest;
        }
        self.load = self.load.and(other.load);
        self.may_replace = self.may_replace.filter(|_| other.may_replace.is_some());
        self.line.add(&other.line);
        self.tally.merge(&other.tally);
        // If one part has grown for certain, so has the whole.
        self.q_value = match (self.q_value, other.q_value) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
