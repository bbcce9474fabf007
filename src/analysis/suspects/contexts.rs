//! Sites and the callers above them, each with what changed there.
//!
//! A site is the frame to blame for a stack (`model::site`). A helper may serve a healthy caller and a leaking
//! one, so the own frames above a site are distinguished too, a few levels up. A **context** is a site, or a
//! site under one of its callers, and so on. Contexts form a tree whose roots are the sites.

use crate::analysis::evolution::{RecordChange, Tally};
use crate::analysis::frames_of;
use crate::model::history::History;
use crate::model::ids::FunctionId;
use crate::model::site::{Frame, Owners};
use crate::parallel;
use crate::patterns::PatternId;
use crate::stats::multiple::benjamini_hochberg;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// How many own frames above the leaf are distinguished.
const DEPTH: usize = 5;

/// A context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ContextId(pub(super) u32);

impl ContextId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A site, or a site under a caller, and what changed in all its records together.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The context without its last caller; `None` for a site.
    pub(super) parent: Option<ContextId>,
    /// The site, or its last caller.
    pub(super) frame: Frame,
    /// Whether its frame is the program's own.
    pub(super) is_own: bool,
    pub(super) depth: usize,
    pub(super) tally: Tally,
    /// P-value of its growth; `None` if it isn't worth a test.
    pub(super) p_value: Option<f64>,
    /// The p-value corrected for the number of tests; `None` if it isn't worth one.
    pub(super) q_value: Option<f64>,
    pub(super) callers: Vec<ContextId>,
    /// All lines of its function together, if this is the site of one of several.
    whole: Option<ContextId>,
    kind: Kind,
}

/// What a context sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A site, or a site under its callers.
    Site,
    /// All lines of a function.
    Whole,
    /// What one function, or what it calls, makes that nothing limits.
    Mechanism,
}

impl Context {
    /// A context without parts and without records.
    fn new(kind: Kind, frame: Frame, is_own: bool, depth: usize) -> Self {
        Self {
            parent: None,
            frame,
            is_own,
            depth,
            tally: Tally::default(),
            p_value: None,
            q_value: None,
            callers: Vec::new(),
            whole: None,
            kind,
        }
    }

    pub(super) fn delta(&self) -> i64 {
        self.tally.delta()
    }
}

/// All contexts of a history.
pub(super) struct Contexts {
    pub(super) all: Vec<Context>,
    /// The deepest context of each record; `None` if a filter removed it or it is the profiler's own.
    of_record: Vec<Option<ContextId>>,
    /// The mechanism of each record, if it has one.
    mechanism_of: Vec<Option<ContextId>>,
}

/// The own frames of a stack, leaf first, each function once; without any, the site.
fn chain(owners: &Owners, stack: &[Frame], chain: &mut Vec<Frame>) {
    chain.clear();
    for frame in stack.iter().filter(|frame| owners.is_own(frame.function)) {
        let is_known = chain.iter().any(|known| known.function == frame.function);
        if !is_known {
            chain.push(*frame);
        }
        if chain.len() == DEPTH {
            return;
        }
    }
    if chain.is_empty() {
        chain.extend(owners.site(stack));
    }
}

impl Contexts {
    /// The contexts of a history whose records changed so. `mechanism` finds the pattern of a stack whose
    /// objects nothing limits, and the frame to blame for it.
    pub(super) fn new(
        history: &History,
        owners: &Owners,
        changes: &[RecordChange],
        mechanism: impl Fn(&[Frame]) -> Option<(PatternId, Frame)>,
    ) -> Self {
        let series = &history.records;
        let mut contexts = Self {
            all: Vec::new(),
            of_record: vec![None; history.len()],
            mechanism_of: vec![None; history.len()],
        };
        let mut mechanisms: HashMap<(PatternId, FunctionId), ContextId, FxBuildHasher> =
            HashMap::default();
        let mut index: HashMap<(Option<ContextId>, Frame), ContextId, FxBuildHasher> =
            HashMap::default();
        let (mut frames, mut chain) = (Vec::new(), Vec::new());
        let Some(snapshot) = series.snapshots.first() else { return contexts };
        for sample in 0..snapshot.samples.len() {
            frames_of(series, snapshot.stack(sample), &mut frames);
            if owners.is_profiler(&frames) {
                continue;
            }
            self::chain(owners, &frames, &mut chain);
            let record = history.record(sample);
            let change = &changes[record];
            let mut parent = None;
            for (depth, &frame) in chain.iter().enumerate() {
                let id = *index.entry((parent, frame)).or_insert_with(|| {
                    let is_own = owners.is_own(frame.function);
                    contexts
                        .add(Context { parent, ..Context::new(Kind::Site, frame, is_own, depth) })
                });
                contexts.all[id.index()].tally.add(change);
                parent = Some(id);
            }
            contexts.of_record[record] = parent;
            if change.raw != (0, 0)
                && let Some((pattern, frame)) = mechanism(&frames)
            {
                let id = *mechanisms.entry((pattern, frame.function)).or_insert_with(|| {
                    let is_own = owners.is_own(frame.function);
                    contexts.add(Context::new(Kind::Mechanism, frame, is_own, DEPTH + 1))
                });
                contexts.all[id.index()].tally.add(change);
                contexts.mechanism_of[record] = Some(id);
            }
        }
        contexts.add_wholes();
        contexts.test();
        contexts
    }

    /// Adds a context, to its parent as well.
    fn add(&mut self, context: Context) -> ContextId {
        let id = ContextId(self.all.len() as u32);
        if let Some(parent) = context.parent {
            self.all[parent.index()].callers.push(id);
        }
        self.all.push(context);
        id
    }

    /// Adds a context for all lines together of each function that has several: each of them may be
    /// too small to show anything.
    fn add_wholes(&mut self) {
        let mut lines: HashMap<FunctionId, Vec<ContextId>, FxBuildHasher> = HashMap::default();
        let mut order = Vec::new();
        for id in self.sites() {
            let function = self.get(id).frame.function;
            let lines = lines.entry(function).or_default();
            if lines.is_empty() {
                order.push(function);
            }
            lines.push(id);
        }
        for lines in order.iter().filter_map(|function| lines.get(function)) {
            let heaviest = lines.iter().copied().max_by_key(|&id| (self.get(id).delta(), id));
            let Some(heaviest) = heaviest.filter(|_| lines.len() > 1) else { continue };
            let Context { frame, is_own, .. } = *self.get(heaviest);
            let whole = self.add(Context::new(Kind::Whole, frame, is_own, DEPTH));
            for id in lines {
                let tally = self.get(*id).tally;
                self.all[whole.index()].tally.merge(&tally);
                self.all[id.index()].whole = Some(whole);
            }
        }
    }

    /// Whether a context is tested. The only caller of a context would repeat its test.
    fn is_asked(&self, context: &Context) -> bool {
        let competes =
            context.parent.is_none_or(|parent| self.all[parent.index()].callers.len() > 1);
        competes && context.tally.evidence.testable()
    }

    /// Tests the growth of all sites, and that of the callers of each.
    fn test(&mut self) {
        let asked: Vec<usize> =
            (0..self.all.len()).filter(|&i| self.is_asked(&self.all[i])).collect();
        let p = parallel::map_items(&asked, TESTS, |&i| self.all[i].tally.p_growth());
        for (i, p) in asked.into_iter().zip(p) {
            self.all[i].p_value = Some(p);
        }
    }

    /// Corrects for the number of tests; tests of one depth form one family. `trends` are p-values of a rise over
    /// time. A context that has one gets twice the smaller of its two p-values.
    pub(super) fn correct(&mut self, trends: &HashMap<ContextId, f64, FxBuildHasher>) {
        for depth in 0..=DEPTH + 1 {
            let of_depth = (0..self.all.len()).filter(|&i| self.all[i].depth == depth);
            let tested: Vec<(usize, f64)> =
                of_depth.filter_map(|i| Some((i, self.all[i].p_value?))).collect();
            let p = tested.iter().map(|&(i, growth)| {
                let trend = trends.get(&ContextId(i as u32));
                trend.map_or(growth, |trend| (2.0 * growth.min(*trend)).min(1.0))
            });
            let q = benjamini_hochberg(&p.collect::<Vec<_>>());
            for ((i, _), q) in tested.into_iter().zip(q) {
                self.all[i].q_value = Some(q);
            }
        }
    }

    pub(super) fn get(&self, id: ContextId) -> &Context {
        &self.all[id.index()]
    }

    /// The callers that compete for a context. A single caller is skipped in favor of its own callers.
    pub(super) fn competing(&self, id: ContextId) -> &[ContextId] {
        let mut callers = &self.get(id).callers;
        while let [only] = callers.as_slice() {
            callers = &self.get(*only).callers;
        }
        callers
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = ContextId> + '_ {
        let ids = (0..self.all.len() as u32).map(ContextId);
        ids.filter(move |&id| self.get(id).kind == kind)
    }

    /// The sites.
    pub(super) fn sites(&self) -> impl Iterator<Item = ContextId> + '_ {
        self.of_kind(Kind::Site).filter(|&id| self.get(id).parent.is_none())
    }

    /// The contexts that are all lines of a function together.
    pub(super) fn wholes(&self) -> impl Iterator<Item = ContextId> + '_ {
        self.of_kind(Kind::Whole)
    }

    /// The contexts that are objects that nothing limits.
    pub(super) fn mechanisms(&self) -> impl Iterator<Item = ContextId> + '_ {
        self.of_kind(Kind::Mechanism)
    }

    /// A record's contexts, from its deepest up to its site, all lines of its function, and its mechanism.
    pub(super) fn of_record(&self, record: usize) -> impl Iterator<Item = ContextId> + '_ {
        let by_site = std::iter::successors(self.of_record[record], |&id| {
            let context = self.get(id);
            context.parent.or(context.whole)
        });
        by_site.chain(self.mechanism_of[record])
    }
}

/// Tests per piece of work.
const TESTS: usize = 256;
