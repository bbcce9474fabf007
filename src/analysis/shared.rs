//! What several questions about the same snapshots need, found by the first of them. No lock is held while something is
//! found: the thread that waits for its tasks may take one of another question.

use super::Subject;
use super::pairing::{Pairs, pairs};
use super::snapshot_pair::Process;
use crate::graph::distinct_stacks::{Numbers, Stacks, TooLarge};
use crate::graph::frames::Unsymbolized;
use crate::graph::row_table::RowTable;
use crate::model::series::Series;
use crate::parallel;
use std::sync::{Arc, Mutex, PoisonError};

/// The matched samples of two snapshots.
#[derive(Clone, Debug, Default)]
pub struct SharedPairs(Arc<Found<Option<usize>, Pairs>>);

/// What is known of filtered snapshots and their rows.
#[derive(Debug, Default)]
pub struct Shared {
    /// The matched samples, which don't depend on rows.
    pub pairs: SharedPairs,
    /// The distinct stacks by their rows.
    stacks: Found<Unsymbolized, Numbers>,
}

impl SharedPairs {
    /// Those of the samples whose numbers are given for each snapshot.
    #[must_use]
    pub fn of_kept(&self, kept: &[Vec<u32>]) -> Self {
        let [before, after] = kept else { return Self::default() };
        Self(Arc::new(of_kept(&self.0, |pairs| pairs.of_kept(before, after))))
    }

    /// The bytes that they take for a series, when all are found.
    pub fn most_bytes(series: &Series) -> usize {
        let samples: usize = series.snapshots.iter().map(|snapshot| snapshot.samples.len()).sum();
        2 * samples * size_of::<u32>()
    }

    /// The matched samples of the first two snapshots of a series, which relate as `process` states; column
    /// `allocated` counts what was ever allocated.
    pub(super) fn of(
        &self,
        series: &Series,
        process: Process,
        allocated: Option<usize>,
    ) -> Arc<Pairs> {
        let allocated = allocated.filter(|_| process != Process::Different);
        if let Some(pairs) = find(&self.0, &allocated) {
            return pairs;
        }
        let (before, after) = (&series.snapshots[0], &series.snapshots[1]);
        let found = Arc::new(match allocated {
            Some(column) => pairs(before, after, series.sample_types.len(), column),
            None => Pairs::none(before, after),
        });
        keep(&self.0, allocated, &found);
        found
    }
}

impl Shared {
    /// With samples that were matched for other rows.
    pub fn with(pairs: SharedPairs) -> Self {
        Self { pairs, stacks: Mutex::default() }
    }

    /// What `whole` has, for those samples whose numbers are given for each snapshot, with their pairs.
    #[must_use]
    pub fn of_kept(whole: &Self, kept: &[Vec<u32>], pairs: SharedPairs) -> Self {
        Self { pairs, stacks: of_kept(&whole.stacks, |stacks| stacks.of_kept(kept)) }
    }

    /// The bytes that the rest takes for a series, when all is found.
    pub fn most_bytes(series: &Series) -> usize {
        let samples: usize = series.snapshots.iter().map(|snapshot| snapshot.samples.len()).sum();
        samples * 3 * size_of::<u32>()
    }
}

impl<'a> Subject<'a> {
    /// The distinct stacks by their rows.
    pub(super) fn stacks(
        &self,
        rows: &RowTable<'_>,
        unsymbolized: Unsymbolized,
    ) -> Result<Stacks<'a>, TooLarge> {
        let Subject { series, shared, .. } = *self;
        if let Some(numbers) = find(&shared.stacks, &unsymbolized) {
            return Ok(Stacks::again(series, &numbers));
        }
        // Matched samples have the same stack.
        let matched = self.matched();
        let stacks = Stacks::with_same_rows(series, rows, matched.partners())?;
        keep(&shared.stacks, unsymbolized, stacks.numbers());
        Ok(stacks)
    }
}

/// What was found, by what it was found for.
type Found<K, T> = Mutex<Vec<(K, Arc<T>)>>;

/// What was found, made into what it is for some of the samples.
fn of_kept<K: Clone, T>(found: &Found<K, T>, of: impl Fn(&T) -> T) -> Found<K, T> {
    let known = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Mutex::new(known.into_iter().map(|(key, found)| (key, Arc::new(of(&found)))).collect())
}

fn find<K: PartialEq, T>(found: &Found<K, T>, of: &K) -> Option<Arc<T>> {
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found.iter().find(|(known, _)| known == of).map(|(_, found)| Arc::clone(found))
}

/// Keeps what was found, unless the search ended early or another thread was quicker.
fn keep<K: PartialEq, T>(found: &Found<K, T>, of: K, new: &Arc<T>) {
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    if !parallel::is_cancelled() && found.iter().all(|(known, _)| *known != of) {
        found.push((of, Arc::clone(new)));
    }
}
