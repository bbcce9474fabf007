//! What questions about the same snapshots have in common: kept between the questions of a session, worked out anew for
//! a single one.

use super::kept::Kept;
use super::{Comparison, Query, Question, ReportError, Total};
use crate::analysis::cut_trees::{CutTrees, CutTreesQuery, cut_trees};
use crate::analysis::{Process, Shared, SharedPairs, Subject};
use crate::filter::{self, Applied, Filter, Spec};
use crate::graph::frames::Frames;
use crate::model::series::Series;
use crate::model::site::Owners;
use std::convert::Infallible;
use std::sync::Arc;

/// What is kept.
#[derive(Debug)]
pub(super) struct Memo {
    /// Facts about the whole, by sample type, whether it is scaled, and whether it is compared per second.
    wholes: Kept<(usize, bool, bool), Whole>,
    /// Filtered snapshots, by filter.
    filtered: Kept<String, Filtered>,
}

/// Two snapshots before a filter.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) totals: Vec<Total>,
    pub(super) process: Process,
    pub(super) comparison: Comparison,
}

/// Snapshots after a filter.
#[derive(Debug)]
struct Filtered {
    applied: Applied,
    pairs: SharedPairs,
    /// Their rows, by what tells rows apart: those of all samples if the filter changes none.
    views: Arc<Kept<String, View>>,
    /// The bytes that they take without their rows.
    bytes: usize,
}

/// Snapshots after a filter, with their rows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) series: Series,
    pub(super) frames: Frames,
    pub(super) shared: Shared,
    /// Their trees, by what was asked.
    trees: Kept<CutTreesQuery, CutTrees>,
}

/// The bytes of trees that are kept for a view: those of one page, which are much fewer.
const TREES: usize = 32 << 20;

impl View {
    /// The trees of a subject, which is about this view.
    pub(super) fn trees(
        &self,
        subject: &Subject<'_>,
        asked: CutTreesQuery,
    ) -> Result<CutTrees, ReportError> {
        let trees = self.trees.get(&asked, || {
            let trees = cut_trees(subject, asked)?;
            let bytes = trees.bytes();
            Ok::<_, ReportError>((trees, bytes))
        })?;
        let mut trees = Arc::unwrap_or_clone(trees.ok_or(ReportError::Cancelled)?);
        trees.about(subject.measured.column);
        Ok(trees)
    }
}

/// The bytes that are kept at most, as a multiple of the bytes of the snapshots, and in any case.
const MOST: usize = 3;
const LEAST: usize = 64 << 20;

/// Views of a filter that are kept.
const VIEWS: usize = 3;

impl Memo {
    /// Keeps nothing.
    pub(super) fn none() -> Self {
        Self { wholes: Kept::new(0), filtered: Kept::new(0) }
    }

    /// Keeps some of what is worked out about a series.
    pub(super) fn new(series: &Series) -> Self {
        let samples: usize = series.snapshots.iter().map(|one| one.samples.bytes()).sum();
        Self::of((MOST * (samples + symbol_bytes(series))).max(LEAST))
    }

    /// Keeps up to so many bytes.
    pub(super) fn of(most: usize) -> Self {
        Self { wholes: Kept::new(LEAST), filtered: Kept::new(most) }
    }

    /// The bytes that are kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.filtered.bytes()
    }

    /// Facts about two snapshots before a filter.
    pub(super) fn whole(
        &self,
        (column, query): (usize, &Query),
        find: impl FnOnce() -> Whole,
    ) -> Result<Arc<Whole>, ReportError> {
        // Only a diff compares values per second.
        let key = (column, query.normalize, query.question == Question::Diff);
        let Ok(whole) = self.wholes.get(&key, || Ok::<_, Infallible>((find(), size_of::<Whole>())));
        whole.ok_or(ReportError::Cancelled)
    }

    /// The snapshots after a filter, with their rows, and the options that matched nothing.
    pub(super) fn view(
        &self,
        series: Series,
        (filter, spec): (&Filter, &Spec),
        owners: &Owners,
        query: &Query,
    ) -> Result<(Arc<View>, Vec<&'static str>), ReportError> {
        let noinlines = spec.noinlines;
        let key = filter_key(&Spec { noinlines: false, ..spec.clone() }, query);
        let whole = filter_key(&Spec::default(), query);
        // What a filter that drops samples alone keeps of what is known of all.
        let whole = (key != whole).then(|| self.filtered.known(&whole)).flatten();
        let has_all =
            |whole: &Arc<Filtered>| whole.applied.kept.as_ref().is_none_or(|kept| kept.are_all);
        let whole = whole.filter(has_all);
        let filtered = self.filtered.get(&key, || {
            let known: Vec<_> = series.snapshots.iter().map(Arc::as_ptr).collect();
            let applied = filter.apply(series)?;
            let series = &applied.series;
            let new = series.snapshots.iter().filter(|one| !known.contains(&Arc::as_ptr(one)));
            let bytes = new.map(|one| one.samples.bytes()).sum::<usize>()
                + SharedPairs::most_bytes(series)
                + applied.kept.as_ref().map_or(0, kept_bytes);
            let of_views = VIEWS * view_bytes(series);
            let most = if self.filtered.keeps(bytes + of_views) { of_views } else { 0 };
            let own = || Arc::new(Kept::new(most));
            let (pairs, views) = match (&whole, &applied.kept) {
                (Some(whole), Some(kept)) if kept.are_all && kept.are_whole => {
                    (whole.pairs.clone(), Arc::clone(&whole.views))
                }
                // Samples are matched by the stacks that the file holds.
                (Some(whole), Some(kept)) => (whole.pairs.of_kept(&kept.samples), own()),
                _ => (SharedPairs::default(), own()),
            };
            Ok::<_, ReportError>((Filtered { applied, pairs, views, bytes }, bytes))
        })?;
        let filtered = filtered.ok_or(ReportError::Cancelled)?;
        // Source files are found by their whole names.
        let has_text = matches!(query.question, Question::List { .. });
        let trimmed: &[String] = if has_text { &[] } else { &query.trim_path };
        let of_view = format!("{:?}", (query.granularity, noinlines, trimmed, &query.own));
        let make = |applied: Applied, pairs, most_trees| {
            let Applied { mut series, kept, .. } = applied;
            series.trim_file_names(trimmed);
            let frames = Frames::new(&series, owners, query.granularity, noinlines);
            let bytes = view_bytes(&series);
            let trees = Kept::new(most_trees);
            let whole = whole.as_ref().and_then(|whole| whole.views.known(&of_view));
            let shared = match (whole, kept.filter(|kept| kept.are_whole)) {
                (Some(whole), Some(kept)) => Shared::of_kept(&whole.shared, &kept.samples, pairs),
                _ => Shared::with(pairs),
            };
            (View { series, frames, shared, trees }, bytes)
        };
        match Arc::try_unwrap(filtered) {
            // It is ours alone: nothing is copied.
            Ok(Filtered { mut applied, pairs, .. }) => {
                let unmatched = std::mem::take(&mut applied.unmatched);
                Ok((make(applied, pairs, 0).0.into(), unmatched))
            }
            Err(kept) => {
                let (applied, pairs) = (&kept.applied, &kept.pairs);
                let most = trees_bytes(&applied.series);
                let made = || Ok::<_, ReportError>(make(applied.clone(), pairs.clone(), most));
                let view = kept.views.get(&of_view, made)?.ok_or(ReportError::Cancelled)?;
                self.filtered.weigh(&key, kept.bytes + kept.views.bytes());
                Ok((view, applied.unmatched.clone()))
            }
        }
    }
}

/// The bytes of what a filter kept.
fn kept_bytes(kept: &filter::Kept) -> usize {
    kept.samples.iter().map(|samples| samples.capacity() * size_of::<u32>()).sum()
}

/// Tells filters of a question apart.
fn filter_key(spec: &Spec, query: &Query) -> String {
    format!("{spec:?} {}", query.normalize)
}

/// The bytes of a view of a series at most.
fn view_bytes(series: &Series) -> usize {
    symbol_bytes(series) + Shared::most_bytes(series) + trees_bytes(series)
}

/// The bytes of trees that are kept for a view. Few samples have small trees.
fn trees_bytes(series: &Series) -> usize {
    let samples: usize = series.snapshots.iter().map(|one| one.samples.bytes()).sum();
    TREES.min(16 * samples)
}

/// The bytes of the symbols of a series, roughly.
fn symbol_bytes(series: &Series) -> usize {
    const LOCATION: usize = 100;
    let symbols = &series.symbols;
    symbols.strings.bytes() + (symbols.functions.len() + symbols.locations.len()) * LOCATION
}
