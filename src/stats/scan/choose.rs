//! Picks the few of many overlapping sets that explain what surely grew.
//!
//! Sets of a better rank come first, then small ones, and the first to cover an item explains it. A
//! later set replaces those in it if it grew as a whole: what they leave of it surely grew too, or
//! there are more than a few of them. It doesn't if a few carry more than half of its growth, or the
//! largest few of many nearly all. Two that would be told by its own name it replaces in any case.
//! The sets of both trees are treated alike, so a set that merely overlaps others is judged by what
//! they leave of it as well; of equal sets, that of the later tree is chosen.

use super::explore::Sure;
use super::{Cause, Items};
use std::cmp::Reverse;

/// How many sets may take the place of one.
const FEW: usize = 3;
/// The share of its growth that they must carry.
const MOST: f64 = 0.5;
/// The share that the largest few of more must carry.
const NEARLY_ALL: f64 = 0.8;

/// No set.
const NONE: u32 = u32::MAX;

/// Returns the numbers of the chosen sets.
pub(super) fn choose<I: Iterator<Item = u32>>(
    items: &Items,
    sure: &[Sure],
    causes: &[Cause],
    items_of: impl Fn(&Sure) -> I,
) -> Vec<usize> {
    let growth = |item: u32| {
        let turnover = items.turnover(item);
        turnover.added - turnover.lost
    };
    let mut order: Vec<usize> = (0..sure.len()).collect();
    order.sort_by_key(|&set| (causes[set].rank, sure[set].set.len(), Reverse(sure[set].tree), set));
    let mut owner = vec![NONE; if sure.is_empty() { 0 } else { items.len() }];
    // The growth of the items that each chosen set explains.
    let mut chosen: Vec<Option<f64>> = vec![None; sure.len()];
    for set in order {
        let mut parts = vec![0.0; sure.len()];
        for item in items_of(&sure[set]) {
            if let Some(part) = parts.get_mut(owner[item as usize] as usize) {
                *part += growth(item);
            }
        }
        let mut carried: Vec<(f64, usize)> = parts
            .into_iter()
            .zip(0..)
            .filter(|(part, set)| *part > 0.0 && chosen[*set].is_some())
            .collect();
        carried.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let is_inside = |&&(part, other): &&(f64, usize)| {
            chosen[other].is_some_and(|growth| part > MOST * growth)
        };
        let mut inside: Vec<usize> = carried.iter().filter(is_inside).map(|one| one.1).collect();
        let is_alike = |other: &usize| causes[*other].name == causes[set].name;
        let is_one_cause = inside.iter().filter(|other| is_alike(other)).count() > 1;
        let few: f64 = carried.iter().take(FEW).map(|(part, _)| part).sum();
        let enough = if carried.len() > FEW { NEARLY_ALL } else { MOST };
        if is_one_cause {
            inside.retain(is_alike);
        } else if few > enough * sure[set].evidence.estimate() {
            continue;
        }
        // What a set explained that was replaced since is free again.
        let is_free = |owner: u32, chosen: &[Option<f64>]| {
            chosen.get(owner as usize).is_none_or(Option::is_none)
        };
        let rest = items_of(&sure[set]).filter(|&item| is_free(owner[item as usize], &chosen));
        let rest = items.evidence(rest);
        let rest_grew = rest.estimate() > 0.0 && rest.p_growth() <= sure[set].level;
        if !is_one_cause && !rest_grew && inside.len() <= FEW {
            continue;
        }
        for other in inside {
            chosen[other] = None;
        }
        let mut own = 0.0;
        for item in items_of(&sure[set]) {
            let owner = &mut owner[item as usize];
            if is_free(*owner, &chosen) {
                *owner = set as u32;
                own += growth(item);
            }
        }
        chosen[set] = Some(own);
    }
    (0..sure.len()).filter(|&set| chosen[set].is_some()).collect()
}
