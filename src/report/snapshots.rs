//! Answers questions about snapshots: one, two that are compared, or several that are added up.

use super::draft::{Draft, ReportError, column, input, no_match, settle_order, total, warn_of_own};
use super::memo::{Memo, View, Whole};
use super::question::{ask, pattern_columns};
use super::{
    Answer, Comparison, Query, Question, Report, Snapshots, Sources, SubjectKind, Total, Warning,
    WarningCode, caveats,
};
use crate::analysis::rates::Rates;
use crate::analysis::{Measured, Order, RowOptions, SharedPairs, Subject, diff, top};
use crate::filter::{Filter, Spec};
use crate::graph::frames::Frames;
use crate::model::change::Change;
use crate::model::measures::{self, Negative};
use crate::model::series::{Series, trimmed};
use crate::model::site::Owners;
use crate::parallel;
use crate::units::Nanoseconds;
use std::sync::Arc;

/// Answers a query about snapshots, whose filter is `spec`.
pub(super) fn answer(
    snapshots: Snapshots,
    sources: Option<&dyn Sources>,
    (query, spec): (&Query, &Spec),
    memo: &Memo,
) -> Result<Report, ReportError> {
    let Snapshots { mut series, given } = snapshots;
    let is_comparison = is_comparison(&series, query)?;
    if series.sample_types.is_empty() {
        let name = series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
        return Err(ReportError::NoSampleTypes { name });
    }
    let filter = Filter::new(spec)?;
    let column = column_of(&series, query)?;
    let measured = Measured::new(&series.sample_types, column);
    let mut sums = check_sums(&series)?;
    let by_flat = query.question != Question::Diff;
    let (sort, order) = settle_order(query, by_flat);
    let mut draft = Draft::new(query, &series.sample_types[column], sort);
    let inputs = series.snapshots.iter().zip(&sums).map(|(snapshot, sums)| {
        let samples = snapshot.samples.len();
        input(&series.symbols, &series.sample_types, snapshot, samples, negative(&series, sums))
    });
    draft.inputs = inputs.collect();
    draft.warnings = caveats::of_series(&series, is_comparison);
    let rates = rates(&series, column, query).filter(|_| is_comparison);
    draft.warnings.extend(rates.filter(|_| query.question != Question::Diff).map(of_whole));
    let rates = rates.filter(|_| query.question == Question::Diff);
    let mut known = None;
    if query.normalize && is_comparison {
        // Scaled counters no longer identify the process.
        let plain = diff::Comparison::new(&series, None, measured, Order::Flat, None, None);
        known = Some((plain.process(), plain.relation().clone()));
        draft.warnings.push(normalize(&mut series, &sums));
        sums = check_sums(&series)?;
    }
    let wanted = RowOptions { nodecount: query.nodecount, all: query.all };
    series.name_empty_stacks();
    // File names are whole here: folders are what tells modules apart.
    let owners = Owners::new(&series.symbols, &query.own);
    draft.warnings.extend(warn_of_own(&owners));
    let frames = |series: &Series| Frames::new(series, &owners, query.granularity, spec.noinlines);
    let mut process = None;
    if is_comparison {
        // Totals cover the whole, and so does the test for one process.
        let is_plain = query.question == Question::Diff && filter.changes_nothing(&series);
        if is_plain {
            series.trim_file_names(&query.trim_path);
        }
        let plain = is_plain.then(|| frames(&series));
        let nothing = SharedPairs::default();
        let found = known.as_ref().map(|(process, _)| (*process, &nothing));
        let compare =
            || diff::Comparison::new(&series, plain.as_ref(), measured, order, found, rates);
        let facts = |whole: &diff::Comparison<'_>| {
            let relation =
                known.as_ref().map_or_else(|| whole.relation(), |(_, relation)| relation);
            Whole {
                totals: diff_totals(whole, &series, &sums),
                process: found.map_or_else(|| whole.process(), |(process, _)| process),
                comparison: Comparison::new(apart(&series), relation, rates),
            }
        };
        if let Some(frames) = &plain {
            let whole = compare();
            let Whole { totals, comparison, .. } = facts(&whole);
            (draft.totals, draft.comparison) = (totals, Some(comparison));
            return Ok(draft.answered(Answer::Diff(whole.diff(frames, wanted))));
        }
        let whole = memo.whole((column, query), || facts(&compare()))?;
        (draft.totals, draft.comparison) = (whole.totals.clone(), Some(whole.comparison.clone()));
        process = Some(whole.process);
    } else {
        draft.totals = top_totals(&series, &sums);
    }
    let (view, unmatched) = memo.view(series, (&filter, spec), &owners, query)?;
    let View { series, frames, shared, .. } = &*view;
    draft.warnings.extend(unmatched.into_iter().map(no_match));
    let whole = sums.iter().map(|sums| sums[column].absolute).sum();
    let subject = Subject { series, frames, measured, process, whole, shared };
    let mut answer = match &query.question {
        Question::CutTrees(asked) => Answer::CutTrees(view.trees(&subject, *asked)?),
        _ => ask(&subject, order, query, rates)?,
    };
    if let Answer::List(list) = &mut answer {
        // Source files are found by their whole names: names are trimmed afterwards.
        sources.into_iter().for_each(|sources| sources.fill(list, &draft.inputs));
        for file in list.functions.iter_mut().filter_map(|function| function.file.as_mut()) {
            *file = trimmed(file, &query.trim_path).to_owned();
        }
    }
    draft.warnings.extend(left_out(&draft, given, query));
    Ok(draft.answered(answer))
}

/// The column of the sample type that a question is about.
fn column_of(series: &Series, query: &Query) -> Result<usize, ReportError> {
    if matches!(query.question, Question::Matches(_)) {
        return Ok(pattern_columns(series)?.main());
    }
    let names = series.snapshots.iter().map(|s| s.header.default_sample_type.as_str());
    column(&series.sample_types, names, query.sample_type.as_deref())
}

/// The times to compare two snapshots by.
fn rates(series: &Series, column: usize, query: &Query) -> Option<Rates> {
    let [before, after] = series.snapshots.as_slice() else { return None };
    Rates::of(before, after, &series.sample_types[column]).filter(|_| !query.normalize)
}

/// Warns that values of different times are compared.
fn of_whole(Rates { seconds }: Rates) -> Warning {
    let [before, after] = seconds.map(|seconds| Nanoseconds(seconds * 1e9).to_string());
    Warning {
        code: WarningCode::Other,
        message: format!(
            "the profiles cover {before} and {after}, and these values are of the whole profiles; \
             heapdiff diff compares them per second"
        ),
    }
}

/// Warns that not all snapshots are compared.
fn left_out(draft: &Draft, given: usize, query: &Query) -> Option<Warning> {
    let [first, last] = draft.inputs.as_slice() else { return None };
    let is_of_ends = query.question.subject() == SubjectKind::Ends;
    let has_times = first.time.is_some() && last.time.is_some();
    (is_of_ends && given > 2).then(|| Warning {
        code: WarningCode::Other,
        message: format!(
            "comparing {} and {}, the first and last of {given} profiles {}",
            first.name,
            last.name,
            if has_times { "by time" } else { "in the order given, because one has no time" },
        ),
    })
}

/// Whether two snapshots are compared: always for a diff, never for a top, otherwise if there are
/// two.
fn is_comparison(series: &Series, query: &Query) -> Result<bool, ReportError> {
    let snapshots = series.snapshots.len();
    let is_of_ends = query.question.subject() == SubjectKind::Ends;
    match (&query.question, snapshots) {
        (Question::Diff, 2) => Ok(true),
        (Question::Diff, _) => Err(ReportError::NotTwo(snapshots)),
        (_, 1 | 2) if is_of_ends => Ok(snapshots == 2),
        _ if is_of_ends => Err(ReportError::NotOneOrTwo(snapshots)),
        _ => Ok(false),
    }
}

/// Sums of one sample type of one snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) signed: i64,
    pub(super) absolute: i64,
}

/// Which values of a snapshot with these sums are below zero.
pub(super) fn negative(series: &Series, sums: &[Sum]) -> Negative {
    measures::negative(&series.sample_types, |column| sums[column].signed != sums[column].absolute)
}

/// Samples that one task sums up.
const SUMMED: usize = 32 * 1024;

/// Returns the sums of each snapshot and sample type. They fit in 64 bits, even if all snapshots
/// are added up.
pub(super) fn check_sums(series: &Series) -> Result<Vec<Vec<Sum>>, ReportError> {
    let width = series.sample_types.len();
    let mut sums = Vec::new();
    let mut together = vec![0_i128; width];
    for snapshot in &series.snapshots {
        let pieces: Vec<&[i64]> = snapshot.samples.values.chunks(width * SUMMED).collect();
        let pieces = parallel::map(pieces.len(), |i| {
            let mut sums = vec![(0_i128, 0_i128); width];
            for row in pieces[i].chunks_exact(width) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    sum.0 += i128::from(value);
                    sum.1 += i128::from(value.unsigned_abs());
                }
            }
            sums
        });
        let mut wide = vec![(0_i128, 0_i128); width];
        for piece in &pieces {
            for (sum, piece) in wide.iter_mut().zip(piece) {
                sum.0 += piece.0;
                sum.1 += piece.1;
            }
        }
        // A fraction of the range, so that the difference of two snapshots fits as well.
        let fits = |sum: i128| i64::try_from(sum).ok().filter(|&s| s < i64::MAX / 4);
        let sums_so_far = wide.iter().zip(&mut together);
        let narrow = sums_so_far.zip(&series.sample_types).map(|((sum, together), sample_type)| {
            *together += sum.1;
            let absolute = fits(sum.1).filter(|_| *together < i128::from(i64::MAX) / 2);
            let absolute = absolute.ok_or_else(|| ReportError::Overflow {
                sample_type: sample_type.name.clone(),
                name: snapshot.name.clone(),
            })?;
            Ok(Sum { signed: sum.0 as i64, absolute })
        });
        sums.push(narrow.collect::<Result<_, ReportError>>()?);
    }
    Ok(sums)
}

/// Scales the second snapshot to the totals of the first.
fn normalize(series: &mut Series, sums: &[Vec<Sum>]) -> Warning {
    let ratio = |(b, a): (&Sum, &Sum)| match a.signed {
        0 => 0.0,
        total => b.signed as f64 / total as f64,
    };
    let ratios: Vec<f64> = sums[0].iter().zip(&sums[1]).map(ratio).collect();
    let snapshot = Arc::make_mut(&mut series.snapshots[1]);
    for row in snapshot.samples.values.chunks_exact_mut(ratios.len()) {
        for (value, &ratio) in row.iter_mut().zip(&ratios) {
            // Exact if nothing is scaled: a ratio of 1 must not round through f64.
            #[expect(clippy::float_cmp, reason = "1.0 is what equal totals give, exactly")]
            if ratio != 1.0 {
                *value = (*value as f64 * ratio).round() as i64;
            }
        }
    }
    snapshot.is_scaled = true;
    Warning {
        code: WarningCode::Other,
        message:
            "--normalize scaled the second profile to the totals of the first; scaled values have \
             no error bars"
                .to_owned(),
    }
}

pub(super) fn diff_totals(
    comparison: &diff::Comparison<'_>,
    series: &Series,
    sums: &[Vec<Sum>],
) -> Vec<Total> {
    let types = series.sample_types.iter().enumerate();
    types
        .map(|(i, sample_type)| {
            let value = Change::new(Some(sums[0][i].signed), sums[1][i].signed);
            let error = comparison.total_error(i, value.delta_or_value());
            let per_second = comparison.total_per_second(i, [sums[0][i].signed, sums[1][i].signed]);
            Total { error, per_second, ..total(sample_type, value) }
        })
        .collect()
}

fn top_totals(series: &Series, sums: &[Vec<Sum>]) -> Vec<Total> {
    let types = series.sample_types.iter().enumerate();
    types
        .map(|(i, sample_type)| {
            let after = sums.iter().map(|sums| sums[i].signed).fold(0, i64::saturating_add);
            let measured = Measured::new(&series.sample_types, i);
            let error = top::total_error(series, &measured, after);
            Total { error, ..total(sample_type, Change::new(None, after)) }
        })
        .collect()
}

/// Nanoseconds from the first snapshot to the second, if both record when they were taken.
pub(super) fn apart(series: &Series) -> Option<i64> {
    let [before, after] = series.snapshots.as_slice() else { return None };
    let (before, after) = (before.header.time_nanos, after.header.time_nanos);
    (before != 0 && after != 0).then(|| after.saturating_sub(before))
}
