//! What questions about the same snapshots have in common: kept between the questions of a session, worked out anew for
//! a single one.

use super::kept::Kept;
use super::{Comparison, Query, Question, ReportError, Total};
use crate::analysis::cut_trees::{CutTrees, CutTreesQuery, cut_trees};
use crate::analysis::{Process, Shared, SharedPairs, Subject};
use crate::filter::{Applied, Filter, Spec};
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
    /// Their rows, by what tells rows apart.
    views: Kept<String, View>,
}

/// Snapshots after a filter, with their rows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) series: Series,
    pub(super) frames: Frames,
    pub(super) unmatched: Vec<&'static str>,
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

    /// The snapshots after a filter, with their rows.
    pub(super) fn view(
        &self,
        series: Series,
        (filter, spec): (&Filter, &Spec),
        owners: &Owners,
        query: &Query,
    ) -> Result<Arc<View>, ReportError> {
        let noinlines = spec.noinlines;
        let key = filter_key(&Spec { noinlines: false, ..spec.clone() }, query);
        let whole = filter_key(&Spec::default(), query);
        // What a filter that drops samples alone keeps of what is known of all.
        let whole = (key != whole).then(|| self.filtered.known(&whole)).flatten();
        let filtered = self.filtered.get(&key, || {
            let known: Vec<_> = series.snapshots.iter().map(Arc::as_ptr).collect();
            let applied = filter.apply(series)?;
            let series = &applied.series;
            let new = series.snapshots.iter().filter(|one| !known.contains(&Arc::as_ptr(one)));
            let of_views = VIEWS * view_bytes(series);
            let bytes = new.map(|one| one.samples.bytes()).sum::<usize>()
                + SharedPairs::most_bytes(series)
                + applied.kept.iter().flatten().map(|kept| size_of_val(&kept[..])).sum::<usize>()
                + of_views;
            let views = Kept::new(if self.filtered.keeps(bytes) { of_views } else { 0 });
            let pairs = match (&whole, &applied.kept) {
                (Some(whole), Some(kept)) => whole.pairs.of_kept(kept),
                _ => SharedPairs::default(),
            };
            let filtered = Filtered { applied, pairs, views };
            Ok::<_, ReportError>((filtered, bytes))
        })?;
        let filtered = filtered.ok_or(ReportError::Cancelled)?;
        // Source files are found by their whole names.
        let has_text = matches!(query.question, Question::List { .. });
        let trimmed: &[String] = if has_text { &[] } else { &query.trim_path };
        let key = format!("{:?}", (query.granularity, noinlines, trimmed, &query.own));
        let make = |applied: Applied, pairs, most_trees| {
            let Applied { mut series, unmatched, kept } = applied;
            series.trim_file_names(trimmed);
            let frames = Frames::new(&series, owners, query.granularity, noinlines);
            let bytes = view_bytes(&series);
            let trees = Kept::new(most_trees);
            let whole = whole.as_ref().and_then(|whole| whole.views.known(&key));
            let shared = match (whole, kept) {
                (Some(whole), Some(kept)) => Shared::of_kept(&whole.shared, &kept, pairs),
                _ => Shared::with(pairs),
            };
            (View { series, frames, unmatched, shared, trees }, bytes)
        };
        match Arc::try_unwrap(filtered) {
            // It is ours alone: nothing is copied.
            Ok(Filtered { applied, pairs, .. }) => Ok(make(applied, pairs, 0).0.into()),
            Err(kept) => {
                let (applied, pairs) = (&kept.applied, &kept.pairs);
                let most = trees_bytes(&applied.series);
                let made = || Ok::<_, ReportError>(make(applied.clone(), pairs.clone(), most));
                kept.views.get(&key, made)?.ok_or(ReportError::Cancelled)
            }
        }
    }
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
