//! Finds the stacks of candidates: the one that grew most, and the patterns that they match.

use super::Case;
use super::contexts::{Contexts, frames_of};
use super::judged::Candidate;
use crate::analysis::estimates::Class;
use crate::analysis::evolution::RecordChange;
use crate::model::site::Frame;
use crate::patterns::PatternId;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The stacks of a candidate.
#[derive(Clone, Debug, Default)]
pub(super) struct CandidateStack {
    /// The frames of the stack that grew most, leaf first.
    pub(super) heaviest: Vec<Frame>,
    /// Patterns that match a good part of the growth.
    pub(super) patterns: Vec<PatternId>,
}

/// A pattern must match at least this share of a suspect's growth to explain it.
const EXPLAINS: f64 = 0.2;

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
        // A churning site doesn't grow, so it is weighed by what it allocates.
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
    of
}
