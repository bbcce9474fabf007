//! Chooses the contexts to follow through time.
//!
//! Snapshots are unpacked once for all of them: contexts that may have grown, and contexts that are
//! followed for other reasons.

use super::contexts::{ContextId, Contexts};
use crate::analysis::SIGNIFICANT;
use crate::analysis::evolution::{Evolution, GroupValues, Groups};
use crate::analysis::turnover::{judge_line, keeps_little, renews};
use crate::parallel;
use crate::stats::class::Growth;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::cmp::Reverse;

/// Maximum number of contexts to follow: the ones with the largest certain growth.
const MOST: usize = 1000;

/// Number of series that one piece of work judges.
pub(super) const PIECE: usize = 8;

/// From this many snapshots on, a trend may show growth that the first and the last alone don't.
const MANY: usize = 8;

/// Maximum number of sites reported because they allocate without keeping.
const CHURNING: usize = 5;

/// Such a site allocates at least this share of everything, and this multiple of what it holds.
const CHURN_SHARE: f64 = 0.1;
const CHURN_TIMES: i64 = 10;

/// Contexts through time.
pub(super) struct Followed {
    pub(super) lines: Vec<(ContextId, GroupValues)>,
    /// P-values of a rise, for sites that renew themselves. A small leak among many short-lived
    /// objects is lost in the noise of two snapshots, but visible over many. If objects stay, the
    /// snapshots aren't independent, and a trend alone proves nothing.
    pub(super) trends: HashMap<ContextId, f64, FxBuildHasher>,
    /// Number of contexts that may have grown and are not followed.
    pub(super) left_out: usize,
}

/// Follows all contexts that may have grown or churn. `known` is whether the sampling is known.
pub(super) fn follow(evolution: &Evolution<'_>, contexts: &Contexts, known: bool) -> Followed {
    let ids = || (0..contexts.all.len() as u32).map(ContextId);
    let bound = |id: ContextId| {
        let context = contexts.get(id);
        if known { context.tally.evidence.lower_bound() } else { context.delta() as f64 }
    };
    // Correcting for the number of tests never makes a p-value smaller.
    let may_have_grown = |id: &ContextId| {
        let context = contexts.get(*id);
        context.delta() > 0 && (!known || context.p_value.is_some_and(|p| p <= SIGNIFICANT))
    };
    let mut asked: Vec<ContextId> = ids().filter(may_have_grown).collect();
    asked.sort_by(|&a, &b| bound(b).total_cmp(&bound(a)).then(a.cmp(&b)));
    let left_out = asked.len().saturating_sub(MOST);
    asked.truncate(MOST);
    let is_trend = evolution.span.moments.len() >= MANY;
    let renewing = |id: &ContextId| {
        let context = contexts.get(*id);
        is_trend
            && context.delta() > 0
            && context.p_value.is_some()
            && renews(evolution, &context.tally)
    };
    let mut renewed: Vec<ContextId> = contexts.sites().filter(renewing).collect();
    renewed.sort_by_key(|&id| (Reverse(contexts.get(id).tally.last), id));
    renewed.truncate(MOST);
    asked.extend(&renewed);
    asked.extend(churning(contexts, |_| false));
    asked.sort_unstable();
    asked.dedup();
    let position: HashMap<ContextId, u32, FxBuildHasher> =
        asked.iter().zip(0..).map(|(&id, i)| (id, i)).collect();
    let groups = Groups::new(asked.len(), evolution.history.len(), |record, groups| {
        groups.extend(contexts.of_record(record).filter_map(|id| position.get(&id).copied()));
    });
    let lines = evolution.lines(&groups);
    let p = parallel::map_items(&renewed, PIECE, |id| {
        let line = &lines[position[id] as usize];
        judge_line(evolution, line, Growth::Unproven).p_value
    });
    let trends = renewed.into_iter().zip(p).collect();
    Followed { lines: asked.into_iter().zip(lines).collect(), trends, left_out }
}

/// The sites that allocated most, did not grow, and kept next to nothing.
pub(super) fn churning(contexts: &Contexts, grew: impl Fn(ContextId) -> bool) -> Vec<ContextId> {
    let allocated = |id: ContextId| contexts.get(id).tally.allocated_value;
    let whole: i64 = contexts.sites().map(allocated).fold(0, i64::saturating_add);
    let mut found: Vec<ContextId> = contexts
        .sites()
        .filter(|&id| {
            let context = contexts.get(id);
            let held = context.tally.first.max(context.tally.last);
            !grew(id)
                && context.is_own
                && allocated(id) as f64 >= CHURN_SHARE * whole as f64
                && allocated(id) / CHURN_TIMES > held
                && keeps_little(&context.tally)
        })
        .collect();
    found.sort_by_key(|&id| (Reverse(allocated(id)), id));
    found.truncate(CHURNING);
    found
}
