//! Finds the stacks of candidates: the one that grew most, and the patterns that they match.

use super::Case;
use super::contexts::Contexts;
use super::judged::Candidate;
use crate::analysis::estimates::Class;
use crate::analysis::evolution::RecordChange;
use crate::analysis::frames_of;
use crate::model::ids::FunctionId;
use crate::model::site::Frame;
use crate::patterns::PatternId;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The stacks of a candidate.
#[derive(Clone, Debug, Default)]
pub(super) struct CandidateStack {
    /// The frames of the stack that grew most, leaf first.
    pub(super) heaviest: Vec<Frame>,
    /// By how many objects that stack grew.
    pub(super) objects: f64,
    /// The stack on which something beneath the function keeps what grew, leaf first; empty if no
    /// pattern shows it.
    pub(super) keeper: Vec<Frame>,
    /// The records of its contexts.
    pub(super) records: Vec<u32>,
    /// Patterns that match a good part of the growth.
    pub(super) patterns: Vec<PatternId>,
}

/// A pattern must match at least this share of a suspect's growth to explain it, in bytes or in
/// objects: a timer is small, and so is the context that keeps a large value.
const EXPLAINS: f64 = 0.2;

/// A pattern whose objects nothing bounds explains a leak beneath whose function they stay, one for
/// each of its objects: at least this share of them,
const ONE_FOR_EACH: f64 = 0.5;

/// this share of what was allocated,
const STAYS: f64 = 0.5;

/// and this many raw samples.
const SAMPLES: i64 = 2;

/// Objects of a pattern beneath a function that leaks.
#[derive(Clone, Default)]
struct Beneath {
    objects: f64,
    kept: i64,
    allocated: i64,
    /// One of their stacks.
    stack: Vec<Frame>,
}

/// Growth that patterns match, or all of it: its value, and objects.
type Growth = (i64, f64);

/// The stacks of all candidates.
pub(super) fn of(
    case: &Case<'_>,
    contexts: &Contexts,
    candidates: &[Candidate],
    changes: &[RecordChange],
) -> Vec<CandidateStack> {
    let Case { track, matcher, .. } = *case;
    let history = &track.history;
    let mut of_context = vec![None; contexts.all.len()];
    for (number, candidate) in candidates.iter().enumerate() {
        candidate.contexts.iter().for_each(|id| of_context[id.index()] = Some(number));
    }
    let mut of = vec![CandidateStack::default(); candidates.len()];
    let mut best = vec![i64::MIN; candidates.len()];
    let mut matched: Vec<HashMap<PatternId, Growth, FxBuildHasher>> =
        vec![HashMap::default(); candidates.len()];
    let mut wholes: Vec<Growth> = vec![(0, 0.0); candidates.len()];
    let leaks = candidates.iter().zip(0..).filter(|(one, _)| one.class == Class::Leak);
    let leaking: HashMap<FunctionId, usize, FxBuildHasher> =
        leaks.map(|(one, number)| (one.frame.function, number)).collect();
    let mut beneath: HashMap<(usize, PatternId), Beneath, FxBuildHasher> = HashMap::default();
    let mut frames = Vec::new();
    let snapshot = &history.records.snapshots[0];
    for sample in 0..snapshot.samples.len() {
        let record = history.record(sample);
        let found = contexts.of_record(record).find_map(|id| of_context[id.index()]);
        let change = &changes[record];
        let objects = |value: i64| {
            let size = history.records.object_size(snapshot.samples.labels[sample]);
            value as f64 / size.unwrap_or(1).max(1) as f64
        };
        let is_leak = found.is_some_and(|number| candidates[number].class == Class::Leak);
        let may_be_beneath = !is_leak && change.raw != (0, 0) && !leaking.is_empty();
        if found.is_none() && !may_be_beneath {
            continue;
        }
        frames_of(&history.records, snapshot.stack(sample), &mut frames);
        let names = || frames.iter().map(|frame| frame.function.index());
        if may_be_beneath {
            let above = frames.iter().find_map(|frame| leaking.get(&frame.function));
            if let Some(&number) = above {
                let matching = matcher.matching(names()).into_iter();
                for id in matching.filter(|&id| case.asked.catalog[id].has_no_bound()) {
                    let sum = beneath.entry((number, id)).or_default();
                    sum.objects += objects(change.delta());
                    sum.kept += change.raw.1 - change.raw.0;
                    sum.allocated += change.allocated;
                    sum.stack.clone_from(&frames);
                }
            }
        }
        let Some(number) = found else { continue };
        of[number].records.push(record as u32);
        // A churning site doesn't grow, so it is weighed by what it allocates.
        let weight = match candidates[number].class {
            Class::Churn => change.allocated_value,
            _ => change.delta(),
        };
        if weight > 0 {
            let grown = objects(weight);
            let add = |sum: &mut Growth| *sum = (sum.0.saturating_add(weight), sum.1 + grown);
            add(&mut wholes[number]);
            for id in matcher.matching(names()) {
                add(matched[number].entry(id).or_default());
            }
        }
        if weight > best[number] {
            best[number] = weight;
            of[number].objects = objects(weight);
            of[number].heaviest.clone_from(&frames);
        }
    }
    for ((stack, matched), whole) in of.iter_mut().zip(matched).zip(wholes) {
        let explains = |(value, objects): Growth| {
            value as f64 >= EXPLAINS * whole.0 as f64 || objects >= EXPLAINS * whole.1
        };
        let found = matched.into_iter().filter(|(_, sum)| explains(*sum));
        stack.patterns = found.map(|(id, _)| id).collect();
        stack.patterns.sort_unstable();
    }
    let mut beneath: Vec<_> = beneath.into_iter().collect();
    beneath.sort_unstable_by_key(|(key, _)| *key);
    for ((number, id), sum) in beneath {
        let stays = sum.kept >= SAMPLES && sum.kept as f64 >= STAYS * sum.allocated as f64;
        let is_one = sum.objects >= ONE_FOR_EACH * of[number].objects;
        if stays && is_one && !of[number].patterns.contains(&id) {
            of[number].patterns.push(id);
            of[number].patterns.sort_unstable();
            of[number].keeper = sum.stack;
        }
    }
    of
}
