//! Joins growing children of a growing parent into one suspect.
//!
//! An object rarely leaks alone: code that keeps a session also keeps its buffers, its context and
//! its entry in a map, and each of them grows at a line of its own. If a leaking function also
//! leaks through the functions it calls, they are one family. The same holds for several children
//! of one caller that keeps everything allocated beneath it.

use super::contexts::Contexts;
use super::judged::Candidate;
use crate::analysis::estimates::Class;
use crate::model::ids::FunctionId;
use crate::model::site::Frame;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::cmp::Reverse;

/// A child's growth comes through one caller if that caller holds this share of it; a child that
/// holds this share of its family represents it.
const MOST: f64 = 0.8;

/// A parent grows itself if it has this share of the family's growth.
const PARENT: f64 = 0.1;

/// At least this many leaking children of a caller that doesn't leak itself are one family,
const SIBLINGS: usize = 4;

/// if it keeps this share of what is allocated beneath it.
const KEEPS: f64 = 0.5;

/// Joins the leaks of a family into one.
pub(super) fn join(
    candidates: &[Candidate],
    contexts: &Contexts,
    is_entry: impl Fn(FunctionId) -> bool,
) -> Vec<Candidate> {
    let leaks: Vec<usize> =
        (0..candidates.len()).filter(|&i| candidates[i].class == Class::Leak).collect();
    let callers: Vec<Option<Frame>> =
        leaks.iter().map(|&i| caller(&candidates[i], contexts)).collect();
    let at: HashMap<FunctionId, usize, FxBuildHasher> =
        leaks.iter().map(|&i| (candidates[i].frame.function, i)).collect();
    // The head of each family: a leak through which others leak.
    let mut head: Vec<usize> = (0..candidates.len()).collect();
    for (&i, caller) in leaks.iter().zip(&callers) {
        let parent = caller.and_then(|frame| at.get(&frame.function));
        let Some(&parent) = parent.filter(|&&parent| parent != i) else { continue };
        let (own, other) = (candidates[parent].delta() as f64, candidates[i].delta() as f64);
        if own >= PARENT * (own + other) && root(&head, parent) != i {
            head[i] = parent;
        }
    }
    // Children of one caller that doesn't leak itself.
    let mut siblings: HashMap<FunctionId, Vec<usize>, FxBuildHasher> = HashMap::default();
    for (&i, caller) in leaks.iter().zip(&callers) {
        if let Some(frame) = caller.filter(|_| head[i] == i) {
            siblings.entry(frame.function).or_default().push(i);
        }
    }
    let mut callers_of: HashMap<usize, Frame, FxBuildHasher> = HashMap::default();
    for (&i, caller) in leaks.iter().zip(&callers) {
        let Some(frame) = caller.filter(|_| head[i] == i) else { continue };
        let Some(children) = siblings.get(&frame.function) else { continue };
        let keeps = || keeps(contexts, frame.function);
        if children.len() >= SIBLINGS && !is_entry(frame.function) && keeps() {
            head[i] = children[0];
            callers_of.entry(children[0]).or_insert(frame);
        }
    }
    let roots: Vec<usize> = (0..candidates.len()).map(|i| root(&head, i)).collect();
    let mut joined: Vec<Option<Candidate>> = vec![None; candidates.len()];
    // The members of each family, its head first.
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&i| (roots[i], i != roots[i], i));
    for i in order {
        let own = candidates[i].clone();
        match &mut joined[roots[i]] {
            None => joined[i] = Some(own),
            Some(family) => {
                family.join(&own, contexts);
                family.places.push(own.frame);
            }
        }
    }
    for (i, family) in joined.iter_mut().enumerate() {
        let Some(family) = family.as_mut().filter(|family| !family.places.is_empty()) else {
            continue;
        };
        if let Some(frame) = callers_of.get(&i) {
            family.places.push(family.frame);
            family.frame = *frame;
        }
        let whole = family.delta() as f64;
        let speaks = |&j: &usize| roots[j] == i && candidates[j].delta() as f64 >= MOST * whole;
        if let Some(child) = (0..candidates.len()).find(speaks)
            && candidates[child].frame != family.frame
        {
            family.places.push(family.frame);
            family.frame = candidates[child].frame;
            family.places.retain(|frame| *frame != candidates[child].frame);
        }
    }
    joined.into_iter().flatten().collect()
}

fn root(head: &[usize], mut i: usize) -> usize {
    while head[i] != i {
        i = head[i];
    }
    i
}

/// The caller that most of a candidate's growth comes through.
fn caller(candidate: &Candidate, contexts: &Contexts) -> Option<Frame> {
    let mut sums: HashMap<FunctionId, (i64, Frame), FxBuildHasher> = HashMap::default();
    for id in &candidate.contexts {
        for &caller in &contexts.get(*id).callers {
            let context = contexts.get(caller);
            let sum = sums.entry(context.frame.function).or_insert((0, context.frame));
            sum.0 = sum.0.saturating_add(context.delta());
        }
    }
    let whole = candidate.delta() as f64;
    let most = sums.into_values().max_by_key(|&(delta, frame)| (delta, Reverse(frame)));
    most.filter(|(delta, _)| *delta as f64 >= MOST * whole).map(|(_, frame)| frame)
}

/// Whether a function keeps most of what is allocated beneath it.
fn keeps(contexts: &Contexts, function: FunctionId) -> bool {
    // A function occurs once in a chain of contexts.
    let of = contexts.all.iter().filter(|context| context.frame.function == function);
    let (kept, allocated) = of.fold((0_i64, 0_i64), |(kept, allocated), context| {
        (kept.saturating_add(context.tally.kept), allocated.saturating_add(context.tally.allocated))
    });
    kept as f64 >= KEEPS * allocated as f64
}
