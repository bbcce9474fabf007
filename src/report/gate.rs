//! Runs before and after, and rules, in; a report out.

use super::analyze::{
    Error, Sum, apart, change_of_total, check_sums, column, diff_totals, input, new_report,
    settle_order,
};
use super::caveats;
use super::{Comparison, Input, Query, Question, Report, Total, Warning, WarningCode};
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

/// Judges the runs of a series by its rules. `leaks` is the answer to what leaks, where that was asked.
pub fn analyze_check(
    mut series: Series,
    leaks: Option<Report>,
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
    let mut asked = asked.clone();
    let repeated = take_repeats_out(&mut series, &mut asked.before);
    let asked = &asked;
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
        if found == Process::Different {
            report.warnings.push(single_runs());
        }
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
    report.warnings.extend(repeated);
    report.warnings.extend(same_on_both_sides(&series, asked.before));
    refuse_empty(&series, asked)?;
    let is_difference = |input: &&Input| {
        let codes = input.warnings.iter().map(|warning| warning.code);
        let mut codes = codes
            .filter(|code| matches!(code, WarningCode::DeltaProfile | WarningCode::NegativeValues));
        codes.next().is_some()
    };
    if let Some(input) = report.inputs.iter().find(is_difference).filter(|_| !asked.missing.states)
    {
        return Err(Error::Check(check::Unanswerable::Difference(input.name.clone())));
    }
    let holds_nothing = sums.iter().all(|sums| sums[at].absolute == 0);
    if holds_nothing && asked.before > 0 {
        let message = format!(
            "no profile holds anything of {}: judge another sample type, if this one was not meant",
            types[at].name
        );
        report.warnings.push(Warning { code: WarningCode::EmptyProfile, message });
    }
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
    let mut processes = Vec::new();
    if let Some(leaks) = leaks {
        let of_verdict = leaks.verdict.iter().flat_map(|verdict| &verdict.processes);
        processes = of_verdict.map(|process| process.snapshots).collect();
        report.verdict = leaks.verdict;
        report.suspects = leaks.suspects;
        for warning in leaks.warnings {
            if !report.warnings.contains(&warning) {
                report.warnings.push(warning);
            }
        }
    }
    let leaks = report.suspects.as_deref();
    let leaks = leaks.map(|suspects| check::Leaks { suspects, processes: &processes });
    let subject =
        check::Subject { series: &series, noinlines: spec.noinlines, process, column: at, leaks };
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
        leaks: None,
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

/// Takes out runs that hold what another run of their side holds: they say nothing about the spread, and would make the
/// error look smaller than it is.
fn take_repeats_out(series: &mut Series, before: &mut usize) -> Option<Warning> {
    let is_same = |a: &Snapshot, b: &Snapshot| {
        a.header.time_nanos == b.header.time_nanos
            && a.samples.values == b.samples.values
            && a.main == b.main
    };
    let runs = &series.snapshots;
    let is_repeat = |i: usize| {
        let side = if i < *before { 0..i } else { *before..i };
        runs[side].iter().any(|run| is_same(run, &runs[i]))
    };
    let repeats: Vec<bool> = (0..runs.len()).map(is_repeat).collect();
    let count = repeats.iter().filter(|&&repeat| repeat).count();
    *before -= repeats[..*before].iter().filter(|&&repeat| repeat).count();
    let mut is_repeat = repeats.into_iter();
    series.snapshots.retain(|_| !is_repeat.next().unwrap_or_default());
    (count > 0).then(|| Warning {
        code: WarningCode::IdenticalData,
        message: format!(
            "{count} of the profiles hold the same data as another of their side: they are no runs of their own, and \
             are left out"
        ),
    })
}

/// That the same runs stand on both sides, where each has several; of a single pair the comparison says so.
fn same_on_both_sides(series: &Series, before: usize) -> Option<Warning> {
    let (first, last) = series.snapshots.split_at(before);
    let is_there = |run: &Snapshot| {
        first.iter().any(|other| {
            other.header.time_nanos == run.header.time_nanos
                && other.samples.values == run.samples.values
        })
    };
    let same = last.iter().filter(|run| is_there(run)).count();
    (same > 0 && series.snapshots.len() > 2).then(|| Warning {
        code: WarningCode::IdenticalData,
        message: format!(
            "{same} of the {} runs after hold the same data as a run before: check that the right files are compared",
            last.len()
        ),
    })
}

/// What bounds of a single pair are about.
fn single_runs() -> Warning {
    Warning {
        code: WarningCode::Other,
        message: "one run of each side: the bounds are about sampling alone, and how much runs differ by themselves \
                  nobody knows; several runs of each side would tell"
            .to_owned(),
    }
}
