//! Runs before and after, and rules, in; a report out.

use super::analyze::{
    Error, Sum, apart, change_of_total, check_sums, column, diff_totals, input, new_report,
    settle_order,
};
use super::caveats;
use super::{Comparison, Query, Question, Report, Total, Warning, WarningCode};
use crate::analysis::check;
use crate::analysis::check::drift::Measure;
use crate::analysis::{Measured, Order, Process, diff};
use crate::filter::{Applied, Filter, Spec};
use crate::model::profile::SampleType;
use crate::model::series::{Series, Snapshot, trimmed};

/// What a gate is about where nobody says: what kills a process, and not what it ever allocated, which depends on how long it ran.
const IN_USE: &str = "inuse_space";

/// The sample type of a gate where nobody names one, if it is among these; else it is the profiles' own.
pub(crate) fn in_use(types: &[SampleType]) -> Option<&'static str> {
    types.iter().any(|t| t.name == IN_USE).then_some(IN_USE)
}

/// Judges the runs of a series by its rules. `leaks` is the answer to what leaks, of how many snapshots, where that was asked.
pub fn analyze_check(
    series: Series,
    leaks: Option<(Report, usize)>,
    query: &Query,
    spec: &Spec,
) -> Result<Report, Error> {
    if series.sample_types.is_empty() {
        let name = series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
        return Err(Error::NoSampleTypes { name });
    }
    let Question::Check(asked) = &query.question else { return Err(Error::NoHistory) };
    let filter = Filter::new(spec)?;
    let types = series.sample_types.clone();
    let at = gate_column(&series, query)?;
    let measured = Measured::new(&types, at);
    let sums = check_sums(&series)?;
    let (sort, _) = settle_order(query, true);
    let mut report = new_report(query, &types[at], sort);
    let of_input = |(snapshot, sums): (&Snapshot, &Vec<Sum>)| {
        let has_negative = sums.iter().any(|sum| sum.signed != sum.absolute);
        input(&series.symbols, &types, snapshot, snapshot.samples.len(), has_negative)
    };
    report.inputs = series.snapshots.iter().zip(&sums).map(of_input).collect();
    let is_pair = asked.before == 1 && series.snapshots.len() == 2;
    report.warnings = caveats::of_series(&series, is_pair);
    let mut process = None;
    if is_pair {
        let whole = diff::Comparison::new(&series, None, measured, Order::Flat, None);
        report.totals = diff_totals(&whole, &series, &sums);
        let found = whole.sure_process();
        process = Some(found);
        report.comparison = Some(Comparison {
            apart_nanos: apart(&series),
            same_process: found != Process::Different,
        });
    } else if asked.before > 0 {
        let mean = |runs: &[Vec<Sum>], i: usize| {
            let sum: i128 = runs.iter().map(|sums| i128::from(sums[i].signed)).sum();
            (sum / runs.len().max(1) as i128) as i64
        };
        let (before, after) = sums.split_at(asked.before);
        let total = |(i, sample_type): (usize, &SampleType)| -> Total {
            change_of_total(sample_type, mean(before, i), mean(after, i))
        };
        report.totals = types.iter().enumerate().map(total).collect();
    }
    report.warnings.extend(repeated(&series, asked.before));
    refuse_empty(&series, asked)?;
    let has_samples = !series.snapshots.iter().all(is_empty);
    report.warnings.extend(caveats::another_program(&series, asked.before));
    let Applied { series, unmatched } = filter.apply(series)?;
    // Who filters everything away would judge nothing.
    if let (Some(option), false) = (unmatched.first(), asked.missing.matches) {
        return Err(Error::Check(check::Unanswerable::Filter(option)));
    }
    if has_samples && series.snapshots.iter().all(is_empty) && !asked.missing.matches {
        return Err(Error::Check(check::Unanswerable::Filtered));
    }
    let (suspects, snapshots) = match leaks {
        Some((leaks, snapshots)) => {
            report.verdict = leaks.verdict;
            report.suspects = leaks.suspects;
            for warning in leaks.warnings {
                if !report.warnings.contains(&warning) {
                    report.warnings.push(warning);
                }
            }
            (report.suspects.as_deref(), snapshots)
        }
        None => (None, series.snapshots.len()),
    };
    let subject = check::Subject {
        series: &series,
        noinlines: spec.noinlines,
        process,
        column: at,
        suspects,
        snapshots,
    };
    let position = |name: &str| super::position(&types, name).ok();
    let mut check = check::check(subject, asked, &position).map_err(Error::Check)?;
    for offender in check.rules.iter_mut().flat_map(|rule| &mut rule.offenders) {
        let file = offender.place.file.as_deref().map(|file| trimmed(file, &query.trim_path));
        offender.place.file = file.map(str::to_owned);
    }
    for granted in check.allowances.iter().filter(|granted| !granted.is_used) {
        let message = format!(
            "the allow-list takes nothing out at {} ({}): take it out, if it is no longer needed",
            granted.place, granted.scope
        );
        report.warnings.push(Warning { code: WarningCode::NoMatch, message });
    }
    report.check = Some(check);
    Ok(report)
}

/// What each rule holds in the snapshots of a series, which are the runs of one baseline.
pub fn measure_check(series: Series, query: &Query, spec: &Spec) -> Result<Vec<Measure>, Error> {
    let Question::Check(asked) = &query.question else { return Err(Error::NoHistory) };
    let types = series.sample_types.clone();
    if types.is_empty() {
        let name = series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
        return Err(Error::NoSampleTypes { name });
    }
    let at = gate_column(&series, query)?;
    check_sums(&series)?;
    refuse_empty(&series, asked)?;
    let Applied { series, .. } = Filter::new(spec)?.apply(series)?;
    let subject = check::Subject {
        series: &series,
        noinlines: spec.noinlines,
        process: None,
        column: at,
        suspects: None,
        snapshots: series.snapshots.len(),
    };
    let position = |name: &str| super::position(&types, name).ok();
    check::drift::measure(subject, asked, &position).map_err(Error::Check)
}

/// The sample type of rules that name none.
fn gate_column(series: &Series, query: &Query) -> Result<usize, Error> {
    let types = &series.sample_types;
    let defaults = series.snapshots.iter().map(|s| s.header.default_sample_type.as_str());
    column(types, defaults, query.sample_type.as_deref().or(in_use(types)))
}

fn is_empty(snapshot: &Snapshot) -> bool {
    snapshot.samples.is_empty()
}

/// Refuses profiles without samples, unless they may be. This comes before filters: what they take away was there.
fn refuse_empty(series: &Series, asked: &check::Asked) -> Result<(), Error> {
    let empty = series.snapshots.iter().find(|snapshot| is_empty(snapshot));
    match empty.filter(|_| !asked.missing.samples) {
        Some(empty) => Err(Error::Check(check::Unanswerable::Empty(empty.name.clone()))),
        None => Ok(()),
    }
}

/// That profiles are no runs of their own.
fn repeated(series: &Series, before: usize) -> Option<Warning> {
    let (first, last) = series.snapshots.split_at(before.min(series.snapshots.len()));
    let repeats = |runs: &[Snapshot]| {
        let same = |a: &Snapshot, b: &Snapshot| {
            a.header.time_nanos == b.header.time_nanos
                && a.samples.values == b.samples.values
                && a.main == b.main
        };
        (1..runs.len()).filter(|&i| runs[..i].iter().any(|run| same(run, &runs[i]))).count()
    };
    let repeats = repeats(first) + repeats(last);
    (repeats > 0).then(|| Warning {
        code: WarningCode::IdenticalData,
        message: format!(
            "{repeats} of the profiles hold the same data as another: they are no runs of their own, and say \
             nothing about the spread"
        ),
    })
}
