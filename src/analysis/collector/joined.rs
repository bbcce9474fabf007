//! Joins the records of one process that are in several logs, as rotated logs are.
//!
//! A log continues another if its first record of a process is the next one after the last record
//! of a process there, by number and by time. The order of the logs doesn't matter.

use crate::model::collections::{CollectorLog, CollectorProcess};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A process, and the logs that have its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Joined {
    pub(super) process: CollectorProcess,
    pub(super) logs: Vec<usize>,
}

/// Joins the processes of some logs. They are in the order of their times, if all have one, else in
/// that of the logs.
pub(super) fn join(logs: Vec<CollectorLog>) -> Vec<Joined> {
    let of_log = |(log, read): (usize, CollectorLog)| {
        read.processes.into_iter().map(move |process| Joined { process, logs: vec![log] })
    };
    let pieces: Vec<Joined> = logs.into_iter().enumerate().flat_map(of_log).collect();
    let mut next: Vec<Option<usize>> = vec![None; pieces.len()];
    let mut is_later = vec![false; pieces.len()];
    let mut by_first: HashMap<u32, Vec<usize>, FxBuildHasher> = HashMap::default();
    for (at, piece) in pieces.iter().enumerate() {
        if let Some(first) = piece.process.collections.first() {
            by_first.entry(first.number).or_default().push(at);
        }
    }
    for (at, piece) in pieces.iter().enumerate() {
        let Some(last) = piece.process.collections.last() else { continue };
        let follows = |&other: &usize| {
            let first = pieces[other].process.collections.first();
            !is_later[other]
                && pieces[other].logs != piece.logs
                && first.is_some_and(|first| first.at >= last.at)
        };
        let later = last
            .number
            .checked_add(1)
            .and_then(|next| by_first.get(&next))
            .into_iter()
            .flatten()
            .copied();
        let gap = |other: usize| pieces[other].process.collections.first().map_or(0, |one| one.at);
        if let Some(other) = later.filter(follows).min_by_key(|&other| gap(other)) {
            next[at] = Some(other);
            is_later[other] = true;
        }
    }
    let mut pieces: Vec<Option<Joined>> = pieces.into_iter().map(Some).collect();
    let mut joined = Vec::new();
    for start in (0..pieces.len()).filter(|&at| !is_later[at]) {
        let Some(mut whole) = pieces[start].take() else { continue };
        let mut at = start;
        while let Some(more) = next[at].and_then(|other| pieces[other].take()) {
            append(&mut whole, more);
            at = next[at].unwrap_or(at);
        }
        joined.push(whole);
    }
    if joined.iter().all(|one| one.process.first.is_some()) {
        joined.sort_by_key(|one| one.process.first.map_or(0, |first| first.nanos));
    }
    joined
}

/// Adds the records of a later piece of the same process.
fn append(whole: &mut Joined, more: Joined) {
    let Joined { process, logs } = more;
    whole.logs.extend(logs);
    let own = &mut whole.process;
    own.collections.extend(process.collections);
    own.last = process.last.or(own.last);
    own.scavenger.lines += process.scavenger.lines;
    own.scavenger.returned = own.scavenger.returned.saturating_add(process.scavenger.returned);
    if let Some(later) = process.queues {
        let queues = own.queues.get_or_insert_default();
        queues.finalizers = queues.finalizers.max(later.finalizers);
        queues.cleanups = queues.cleanups.max(later.cleanups);
        queues.last = later.last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::collections::Collection;

    fn log(processes: &[&[u32]]) -> CollectorLog {
        let process = |numbers: &&[u32]| {
            let collection = |&number: &u32| Collection {
                number,
                at: u64::from(number),
                ..Collection::default()
            };
            let collections = numbers.iter().map(collection).collect();
            CollectorProcess { collections, ..CollectorProcess::default() }
        };
        CollectorLog {
            processes: processes.iter().map(process).collect(),
            ..CollectorLog::default()
        }
    }

    #[test]
    fn rotated_logs_are_joined_in_any_order() {
        let (old, middle, new) = (log(&[&[1, 2]]), log(&[&[3], &[1]]), log(&[&[2, 3], &[1, 2]]));
        let numbers = |joined: &[Joined]| {
            let of = |one: &Joined| one.process.collections.iter().map(|one| one.number).collect();
            let mut all: Vec<Vec<u32>> = joined.iter().map(of).collect();
            all.sort();
            all
        };
        let joined = join(vec![old.clone(), middle.clone(), new.clone()]);
        assert_eq!(numbers(&joined), [vec![1, 2], vec![1, 2, 3], vec![1, 2, 3]]);
        assert_eq!(joined[0].logs, [0, 1]);
        assert_eq!(numbers(&join(vec![new, middle, old])), numbers(&joined));
        // The processes of one log were told apart by its reader.
        assert_eq!(join(vec![log(&[&[1, 2], &[3]])]).len(), 2);
        assert_eq!(join(Vec::new()), []);
    }
}
