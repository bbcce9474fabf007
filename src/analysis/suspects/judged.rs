//! From contexts that grew to candidates: each judged through time, and the frame that is to blame.
//!
//! A site is to blame, unless callers compete for it: where one of them leaks and another does not, the blame goes to
//! the caller, and so on upwards. Candidates of one function are one.

use super::contexts::{Context, ContextId, Contexts, Frame};
use crate::analysis::SIGNIFICANT;
use crate::analysis::estimates::Class;
use crate::analysis::evolution::{Evolution, Groups, Line};
use crate::analysis::timeline::CHURN;
use crate::parallel;
use crate::stats::class::{self, Growth, Judgement, judge};
use crate::stats::growth::Evidence;
use crate::stats::load::Factor;
use crate::stats::retention::retention;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Contexts that are followed through time at most: those that surely grew most.
const JUDGED: usize = 1000;

/// Series that one piece of work judges.
const PIECE: usize = 8;

/// Callers exchange what they hold where the others lose so much of what some gain.
const EXCHANGED: f64 = 0.5;

/// A caller that holds less than this of a site, and allocates less there, does not compete for it.
const COMPETES: f64 = 0.1;

/// One or several contexts that are blamed together.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The heaviest first.
    pub(super) contexts: Vec<ContextId>,
    /// What is to blame.
    pub(super) frame: Frame,
    /// Other frames that are part of it.
    pub(super) places: Vec<Frame>,
    pub(super) class: Class,
    /// By how much the load rose, where that explains the growth.
    pub(super) load: Option<f64>,
    pub(super) judgement: Judgement,
    pub(super) line: Line,
    pub(super) evidence: Evidence,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) q_value: Option<f64>,
    pub(super) kept: i64,
    pub(super) allocated: i64,
}

impl Candidate {
    pub(super) fn delta(&self) -> i64 {
        self.last.wrapping_sub(self.first)
    }
}

/// Surely less than this share is kept of what comes and goes in a working set.
const REBUILT: f64 = 0.15;

/// What keeps less than this share loses as well.
const KEEPS: f64 = 0.8;

/// The level at which growth in the late half is asked of what loses as well.
const STOPPED: f64 = 0.01;

/// Snapshots with which a trend may show what the first and the last alone do not.
const MANY: usize = 8;

/// P-values of a rise through time, of sites all of whose objects are new in each snapshot. A small leak among many
/// objects that come and go is lost between the noise of two snapshots, and stands out from that of many. Where objects
/// stay, the snapshots are not independent, and a trend alone proves nothing.
pub(super) fn trends(
    evolution: &Evolution<'_>,
    contexts: &Contexts,
) -> HashMap<ContextId, f64, FxBuildHasher> {
    if evolution.span.moments.len() < MANY {
        return HashMap::default();
    }
    let is_asked = |id: &ContextId| {
        let context = contexts.get(*id);
        context.delta() > 0 && context.evidence.testable() && renews(context, evolution)
    };
    let mut asked: Vec<ContextId> = contexts.sites().filter(is_asked).collect();
    asked.sort_by_key(|&id| (std::cmp::Reverse(contexts.get(id).last), id));
    asked.truncate(JUDGED);
    let lines = lines(evolution, contexts, &asked);
    let p = parallel::map_items(&lines, PIECE, |line| judge_line(evolution, line).p_value);
    asked.into_iter().zip(p).collect()
}

/// Whether what a context holds is mostly new in each snapshot: half as much and more is allocated in between.
fn renews(context: &Context, evolution: &Evolution<'_>) -> bool {
    let most = context.raw.0.max(context.raw.1);
    most > 0 && 2 * (context.allocated / evolution.span.moments.len() as i64) >= most
}

/// Whether a context is a working set that is built anew all the time: it renews itself, and keeps less than a buffer
/// does that grows by copies of itself.
fn is_rebuilt(context: &Context, evolution: &Evolution<'_>) -> bool {
    let share = retention(context.kept as f64, context.allocated as f64);
    renews(context, evolution) && share.is_some_and(|share| share.interval.upper <= REBUILT)
}

/// The contexts of class leak that lose as well as gain, and did not surely grow in the late half: what a full cache
/// holds goes up and down, and may be up in the end.
fn stopped(
    evolution: &Evolution<'_>,
    contexts: &Contexts,
    judged: &HashMap<ContextId, Judged, FxBuildHasher>,
) -> Vec<ContextId> {
    let loses = |id: &ContextId| {
        let context = contexts.get(*id);
        let share = retention(context.kept as f64, context.allocated as f64);
        !renews(context, evolution) && share.is_some_and(|share| share.interval.upper <= KEEPS)
    };
    let leaks = judged.iter().filter(|(_, judged)| judged.class == Class::Leak);
    let mut asked: Vec<ContextId> = leaks.map(|(&id, _)| id).filter(loses).collect();
    if asked.is_empty() || !evolution.known() {
        return Vec::new();
    }
    asked.sort_unstable();
    let mut late: HashMap<ContextId, Evidence, FxBuildHasher> =
        asked.iter().map(|&id| (id, Evidence::default())).collect();
    let changes = evolution.changes_since(evolution.span.moments.len() / 2);
    for (record, change) in changes.iter().enumerate() {
        let Some(evidence) = &change.evidence else { continue };
        for id in contexts.of_record(record) {
            late.entry(id).and_modify(|sum| sum.merge(evidence));
        }
    }
    asked.retain(|id| late.get(id).is_none_or(|evidence| evidence.p_growth() > STOPPED));
    asked
}

/// Whether a leak is one without its first snapshot as well, and without its last. What is made anew all the time
/// counts twice where a collection is under way, and a single such snapshot bends a step into a line.
fn holds(evolution: &Evolution<'_>, line: &Line) -> bool {
    let values: Vec<f64> = line.values.iter().map(|&value| value as f64).collect();
    let last = values.len() - 1;
    [0..last, 1..values.len()].into_iter().all(|part| {
        let hours = &evolution.span.hours[part.clone()];
        let noise = &line.noise[part.clone()];
        judge(hours, &values[part], noise, Growth::Proven).class == class::Class::Leak
    })
}

/// Contexts through time.
fn lines(evolution: &Evolution<'_>, contexts: &Contexts, asked: &[ContextId]) -> Vec<Line> {
    let position: HashMap<ContextId, u32, FxBuildHasher> =
        asked.iter().zip(0..).map(|(&id, i)| (id, i)).collect();
    let groups = Groups::new(asked.len(), evolution.history.len(), |record, groups| {
        groups.extend(contexts.of_record(record).filter_map(|id| position.get(&id).copied()));
    });
    if asked.is_empty() { Vec::new() } else { evolution.lines(&groups) }
}

/// A context through time.
pub(super) struct Judged {
    pub(super) line: Line,
    pub(super) judgement: Judgement,
    pub(super) class: Class,
}

/// Contexts through time, by id.
pub(super) struct Histories<'a> {
    pub(super) contexts: &'a Contexts,
    judged: HashMap<ContextId, Judged, FxBuildHasher>,
    /// By how much the load rose, where it did.
    load: Option<Factor>,
}

pub(super) fn judge_line(evolution: &Evolution<'_>, line: &Line) -> Judgement {
    let values: Vec<f64> = line.values.iter().map(|&value| value as f64).collect();
    judge(&evolution.span.hours, &values, &line.noise, Growth::Proven)
}

/// Sites that are named for what they allocate without keeping.
const CHURNING: usize = 5;

/// Such a site allocates at least this share of all, and so many times what it holds.
const CHURN_SHARE: f64 = 0.1;
const CHURN_TIMES: i64 = 10;

/// The sites that allocated most, did not grow, and kept next to nothing.
fn churning(contexts: &Contexts) -> Vec<ContextId> {
    let whole: i64 =
        contexts.sites().map(|id| contexts.get(id).allocated_value).fold(0, i64::saturating_add);
    let mut found: Vec<ContextId> = contexts
        .sites()
        .filter(|&id| {
            let context = contexts.get(id);
            let allocated = context.allocated_value;
            let grew = context.delta() > 0 && context.q_value.is_some_and(|q| q <= SIGNIFICANT);
            !grew
                && context.is_own
                && allocated as f64 >= CHURN_SHARE * whole as f64
                && allocated / CHURN_TIMES > context.first.max(context.last)
                && keeps_little(context)
        })
        .collect();
    found.sort_by_key(|&id| (std::cmp::Reverse(contexts.get(id).allocated_value), id));
    found.truncate(CHURNING);
    found
}

/// Whether surely next to nothing is kept of what a context allocates.
fn keeps_little(context: &Context) -> bool {
    let share = retention(context.kept as f64, context.allocated as f64);
    share.is_some_and(|share| share.interval.upper <= CHURN)
}

/// Whether growth is only garbage that comes and goes. What is made while the collector marks counts as in use until
/// the next cycle, and the larger the heap the longer that takes. So a site that keeps next to nothing, and grew no faster
/// than all the rest together, shows the growth of the others and none of its own.
fn turns_over(context: &Context, evolution: &Evolution<'_>) -> bool {
    let column = evolution.measured.column;
    let rest = |moment: Option<&usize>, own: i64| {
        let total = moment.map_or(0, |&i| evolution.history.moments[i].totals[column]);
        total.saturating_sub(own).max(0) as f64
    };
    let moments = &evolution.span.moments;
    let (before, after) =
        (rest(moments.first(), context.first), rest(moments.last(), context.last));
    if !keeps_little(context) || after <= before {
        return false;
    }
    let as_the_rest = Factor { factor: after / before.max(1.0), sites: 1 };
    as_the_rest.p_beyond(context.raw.0 as f64, context.raw.1 as f64) > SIGNIFICANT
}

/// Rises of the rate of allocation below this part of the load's are none.
const RATE: f64 = 0.25;

/// By how much the load of the program rose. A leak of whole sessions grows at all their sites alike, and so does more
/// work; but only with more work is more allocated in the same time.
fn load(evolution: &Evolution<'_>, contexts: &Contexts) -> Option<Factor> {
    let sites = contexts.sites().map(|id| contexts.get(id)).filter(|context| context.is_own);
    let raw: Vec<(f64, f64)> =
        sites.map(|context| (context.raw.0 as f64, context.raw.1 as f64)).collect();
    let factor = Factor::of(&raw)?;
    let column = evolution.measured.allocated?;
    let span = evolution.span;
    let allocated = |i: usize| evolution.history.moments[span.moments[i]].totals[column] as f64;
    let last = span.moments.len() - 1;
    let rate = |from: usize, to: usize| {
        (allocated(to) - allocated(from)) / (span.hours[to] - span.hours[from])
    };
    let (early, late) = (rate(0, last / 2), rate(last / 2, last));
    let rises = last >= 2 && late >= early * (1.0 + RATE * (factor.factor - 1.0));
    rises.then_some(factor)
}

impl<'a> Histories<'a> {
    /// Follows all contexts that grew, and the sites that only allocate.
    pub(super) fn new(evolution: &Evolution<'_>, contexts: &'a Contexts) -> Self {
        let known = evolution.known();
        let grew = |id: &ContextId| {
            let context = contexts.get(*id);
            let proven = context.q_value.is_some_and(|q| q <= SIGNIFICANT);
            context.delta() > 0 && (proven || !known)
        };
        let mut asked: Vec<ContextId> =
            (0..contexts.all.len() as u32).map(ContextId).filter(grew).collect();
        if asked.len() > JUDGED {
            let bound = |id: &ContextId| {
                let context = contexts.get(*id);
                if known { context.evidence.lower_bound() } else { context.delta() as f64 }
            };
            asked.sort_by(|a, b| bound(b).total_cmp(&bound(a)).then(a.cmp(b)));
            asked.truncate(JUDGED);
            asked.sort_unstable();
        }
        asked.extend(churning(contexts));
        let lines = lines(evolution, contexts, &asked);
        let judgements = parallel::map_items(&lines, PIECE, |line| judge_line(evolution, line));
        let judged = asked.into_iter().zip(lines.into_iter().zip(judgements));
        let judged = judged.map(|(id, (line, judgement))| {
            let context = contexts.get(id);
            let class = match judgement.class.into() {
                _ if !grew(&id) => Class::Churn,
                _ if turns_over(context, evolution) => Class::Churn,
                Class::Leak if is_rebuilt(context, evolution) && !holds(evolution, &line) => {
                    Class::Grew
                }
                class => class,
            };
            (id, Judged { line, judgement, class })
        });
        let mut judged: HashMap<ContextId, Judged, FxBuildHasher> = judged.collect();
        for id in stopped(evolution, contexts, &judged) {
            judged.entry(id).and_modify(|judged| judged.class = Class::Grew);
        }
        Self { contexts, judged, load: load(evolution, contexts) }
    }

    fn class(&self, id: ContextId) -> Option<Class> {
        self.judged.get(&id).map(|judged| judged.class)
    }

    /// The contexts to blame for what happens at a site, none of which is part of another.
    fn blamed(&self, id: ContextId, found: &mut Vec<ContextId>) {
        let own = self.class(id);
        let callers = self.contexts.competing(id);
        let leaks = |caller: &&ContextId| self.class(**caller) == Some(Class::Leak);
        let leaking: Vec<ContextId> = callers.iter().filter(leaks).copied().collect();
        let is_rival = |caller: &&ContextId| !leaks(caller) && self.competes(id, **caller);
        let has_rival = callers.iter().any(|caller| is_rival(&caller));
        match own {
            // All that calls it leaks, or what doesn't is of no account: it leaks itself.
            Some(Class::Leak) if leaking.is_empty() || !has_rival => found.push(id),
            Some(Class::Leak) => leaking.into_iter().for_each(|id| self.blamed(id, found)),
            _ if self.is_exchange(callers) => found.extend(own.map(|_| id)),
            Some(_) if leaking.is_empty() => found.push(id),
            // A caller may leak where the whole does not.
            Some(_) => leaking.into_iter().for_each(|id| self.blamed(id, found)),
            None => callers.iter().for_each(|&caller| self.blamed(caller, found)),
        }
    }

    /// Whether what some callers gain is what others lose: a cache that one fills and another renews.
    fn is_exchange(&self, callers: &[ContextId]) -> bool {
        let deltas = callers.iter().map(|&caller| self.contexts.get(caller).delta());
        let (gained, lost) = deltas.fold((0_i64, 0_i64), |(gained, lost), delta| {
            (gained.saturating_add(delta.max(0)), lost.saturating_sub(delta.min(0)))
        });
        gained > 0 && lost as f64 >= EXCHANGED * gained as f64
    }

    /// Whether a caller has a notable part in a context.
    fn competes(&self, id: ContextId, caller: ContextId) -> bool {
        let (whole, part) = (self.contexts.get(id), self.contexts.get(caller));
        let share = |part: i64, whole: i64| part as f64 >= COMPETES * whole as f64 && part > 0;
        share(part.last, whole.last)
            || share(part.first, whole.first)
            || share(part.allocated, whole.allocated)
    }

    /// All that is to blame for growth, candidates of one function and one class together.
    pub(super) fn candidates(&self, evolution: &Evolution<'_>) -> Vec<Candidate> {
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
        for candidate in candidates.iter_mut().filter(|candidate| candidate.contexts.len() > 1) {
            // Its parts are judged; the sum says how fast and since when.
            candidate.judgement = judge_line(evolution, &candidate.line);
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
        let (n1, n2) = (context.raw.0 as f64, context.raw.1 as f64);
        let follows = |load: &Factor| load.p_beyond(n1, n2) > SIGNIFICANT;
        Candidate {
            contexts: vec![id],
            frame: context.frame,
            places: Vec::new(),
            class: judged.class,
            load: self.load.filter(follows).map(|load| load.factor),
            judgement: judged.judgement.clone(),
            line: judged.line.clone(),
            evidence: context.evidence,
            first: context.first,
            last: context.last,
            q_value: context.q_value,
            kept: context.kept,
            allocated: context.allocated,
        }
    }
}

impl Candidate {
    /// Takes another in, whose contexts are none of its own.
    pub(super) fn join(&mut self, other: &Self, contexts: &Contexts) {
        self.contexts.extend(&other.contexts);
        self.contexts.sort_by_key(|&id| (std::cmp::Reverse(contexts.get(id).delta()), id));
        if other.frame.function == self.frame.function {
            // The heaviest line speaks for the function.
            let heaviest = contexts.get(self.contexts[0]).frame;
            let lighter = if heaviest == self.frame { other.frame } else { self.frame };
            self.places.push(lighter);
            self.frame = heaviest;
        }
        self.load = self.load.and(other.load);
        self.line.add(&other.line);
        self.evidence.merge(&other.evidence);
        self.first = self.first.wrapping_add(other.first);
        self.last = self.last.wrapping_add(other.last);
        self.kept = self.kept.saturating_add(other.kept);
        self.allocated = self.allocated.saturating_add(other.allocated);
        // What is sure of one part is sure of the whole.
        self.q_value = match (self.q_value, other.q_value) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
