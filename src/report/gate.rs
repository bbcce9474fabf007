//! Answers `check`: whether the runs before and after pass the rules.

use super::draft::{Draft, ReportError, input, settle_order, total};
use super::snapshots::{Sum, apart, check_sums, diff_totals, negative};
use super::through_time::{LeaksAlone, leaks_alone};
use super::{
    Answer, CheckAnswer, Comparison, Input, Query, Question, Report, Runs, Total, Warning,
    WarningCode, caveats, gate_types,
};
use crate::analysis::check::drift::DriftMeasure;
use crate::analysis::check::{self, Check, Demand, Judgement, Outcome};
use crate::analysis::check::{CheckQuery, CheckSubject};
use crate::analysis::suspects::LeaksQuery;
use crate::analysis::{Measured, Order, Process, diff};
use crate::filter::{Applied, Filter, Spec};
use crate::model::change::Change;
use crate::model::profile::{Header, SampleType};
use crate::model::recording::Recording;
use crate::model::series::{Series, Snapshot, trimmed};
use crate::rules::{Rule, Scope};
use std::sync::Arc;

/// Judges runs by rules.
pub(super) fn check(
    runs: Runs,
    asked: &CheckQuery,
    query: &Query,
    spec: &Spec,
) -> Result<Report, ReportError> {
    let Runs { mut series, recording, snapshots, drift } = runs;
    let found = recording.map(|recording| leaks(recording, asked, query, spec)).transpose()?;
    if series.sample_types.is_empty() {
        let name = series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
        return Err(ReportError::NoSampleTypes { name });
    }
    let filter = Filter::new(spec)?;
    let types = series.sample_types.clone();
    let files = gate_types::files(&series);
    let at = gate_types::column(&files, &types, query.sample_type.as_deref(), None)?;
    let mut asked = asked.clone();
    let skipped = if found.is_none() { skip_leaks(&mut asked) } else { Vec::new() };
    let columns = gate_types::of_rules(&files, &types, &asked.rules.rules)?;
    let compares = asked.rules.rules.iter().any(|rule| rule.scope != Scope::Leak);
    let repeated = take_repeats_out(&mut series, &mut asked.before);
    let asked = &asked;
    let measured = Measured::new(&types, at);
    let sums = check_sums(&series)?;
    let (sort, _) = settle_order(query, true);
    let mut draft = Draft::new(query, &types[at], sort);
    let of_input = |(snapshot, sums): (&Arc<Snapshot>, &Vec<Sum>)| {
        input(&series.symbols, &types, snapshot, snapshot.samples.len(), negative(&series, sums))
    };
    draft.inputs = series.snapshots.iter().zip(&sums).map(of_input).collect();
    let is_pair = asked.before == 1 && series.snapshots.len() == 2;
    draft.warnings = caveats::of_series(&series, is_pair);
    let mut process = None;
    if is_pair {
        let whole = diff::Comparison::new(&series, None, measured, Order::Flat, None, None);
        draft.totals = diff_totals(&whole, &series, &sums);
        let found = whole.process();
        process = Some(found);
        if found == Process::Different {
            draft.warnings.push(single_runs());
        }
        draft.comparison = Some(Comparison::new(apart(&series), whole.relation(), None));
    } else if asked.before > 0 {
        let mean = |runs: &[Vec<Sum>], i: usize| {
            let sum: i128 = runs.iter().map(|sums| i128::from(sums[i].signed)).sum();
            (sum / runs.len().max(1) as i128) as i64
        };
        let (before, after) = sums.split_at(asked.before);
        let mean_total = |(i, sample_type): (usize, &SampleType)| -> Total {
            total(sample_type, Change::new(Some(mean(before, i)), mean(after, i)))
        };
        draft.totals = types.iter().enumerate().map(mean_total).collect();
    }
    draft.warnings.extend(repeated);
    draft.warnings.extend(same_on_both_sides(&series, asked.before));
    refuse_empty(&series, asked)?;
    let is_difference = |input: &&Input| {
        let codes = input.warnings.iter().map(|warning| warning.code);
        let mut codes = codes
            .filter(|code| matches!(code, WarningCode::DeltaProfile | WarningCode::NegativeValues));
        codes.next().is_some()
    };
    if let Some(input) = draft.inputs.iter().find(is_difference).filter(|_| !asked.missing.states) {
        return Err(ReportError::Check(check::Unanswerable::Difference(input.name.clone())));
    }
    let holds_nothing = sums.iter().all(|sums| sums[at].absolute == 0);
    if holds_nothing && asked.before > 0 {
        let message = format!(
            "no profile has any {}; if you meant another sample type, name it",
            types[at].name
        );
        draft.warnings.push(Warning { code: WarningCode::EmptyProfile, message });
    }
    let has_samples = !series.snapshots.iter().all(is_empty);
    draft.warnings.extend(caveats::another_program(&series, asked.before));
    let Applied { series, unmatched, .. } = filter.apply(series)?;
    // A filter that removes everything would leave nothing to judge.
    if let (Some(option), false) = (unmatched.first(), asked.missing.matches) {
        return Err(ReportError::Check(check::Unanswerable::Filter(option)));
    }
    if has_samples && series.snapshots.iter().all(is_empty) && !asked.missing.matches {
        return Err(ReportError::Check(check::Unanswerable::Filtered));
    }
    for warning in found.iter().flat_map(|found| &found.warnings) {
        if !draft.warnings.contains(warning) {
            draft.warnings.push(warning.clone());
        }
    }
    let processes = found.iter().flat_map(|found| &found.verdict.processes);
    let processes: Vec<usize> = processes.map(|process| process.snapshots).collect();
    let leaks = found.as_ref().map(|LeaksAlone { suspects, evidence, .. }| check::Leaks {
        suspects,
        processes: &processes,
        works_more: &evidence.works_more,
        could_show: evidence.could_show.as_ref(),
        in_use: evidence.in_use,
    });
    let subject = CheckSubject {
        series: &series,
        own: &query.own,
        noinlines: spec.noinlines,
        process,
        column: at,
        leaks,
    };
    let position = |name: &str| columns.get(name).copied();
    let mut check = check::check(subject, asked, &position).map_err(ReportError::Check)?;
    let places = check.rules.iter_mut();
    for offender in places.flat_map(|rule| rule.offenders.iter_mut().chain(&mut rule.let_pass)) {
        let file = offender.place.file.as_deref().map(|file| trimmed(file, &query.trim_path));
        offender.place.file = file.map(str::to_owned);
    }
    for granted in check.allowances.iter().filter(|granted| !granted.is_used) {
        let message = format!(
            "the allow-list entry at {} ({}) has no effect; remove it if it is no longer needed",
            granted.place, granted.scope
        );
        draft.warnings.push(Warning { code: WarningCode::NoMatch, message });
    }
    add_drift(&mut check, drift);
    check.taken_for = asked.inconclusive.filter(|_| check.outcome == Outcome::Inconclusive);
    draft.warnings.extend(skipped.iter().map(|name| not_judged(name)));
    if let ([first, last], 3.., true) = (draft.inputs.as_slice(), snapshots, compares) {
        let message = format!(
            "comparing {} and {}, the first and last of {snapshots} snapshots",
            first.name, last.name
        );
        draft.warnings.push(Warning { code: WarningCode::Other, message });
    }
    let (suspects, verdict) = found.map(|found| (found.suspects, found.verdict)).unzip();
    Ok(draft.answered(Answer::Check(CheckAnswer { suspects, verdict, check })))
}

/// Finds the leaks in the snapshots of a check, in the sample type of the check.
fn leaks(
    recording: Recording,
    asked: &CheckQuery,
    query: &Query,
    spec: &Spec,
) -> Result<LeaksAlone, ReportError> {
    let about = LeaksQuery { catalog: Arc::clone(&asked.catalog), limit: None };
    let history = &recording.main().history;
    let files: Vec<(&str, &Header)> =
        history.moments.iter().map(|m| (m.name.as_str(), &m.header)).collect();
    let types = &history.sample_types;
    let sample_type = if types.is_empty() {
        query.sample_type.clone()
    } else {
        let at = gate_types::column(&files, types, query.sample_type.as_deref(), None)?;
        Some(types[at].name.clone())
    };
    leaks_alone(recording, &about, &Query { sample_type, ..query.clone() }, spec)
}

/// Removes the rules about leaks, which need snapshots over time, unless there is no other rule.
/// Returns their names.
fn skip_leaks(asked: &mut CheckQuery) -> Vec<String> {
    let is_leak = |rule: &Rule| rule.scope == Scope::Leak;
    let rules = &asked.rules.rules;
    if rules.iter().all(is_leak) || !rules.iter().any(is_leak) {
        return Vec::new();
    }
    let skipped = Arc::make_mut(&mut asked.rules).rules.extract_if(.., |rule| is_leak(rule));
    skipped.map(|rule| rule.name).collect()
}

/// Warns that a rule about leaks is skipped.
fn not_judged(name: &str) -> Warning {
    let message = format!(
        "rule `{name}` is about leaks, which need snapshots over time, so it is skipped here; use \
         heapdiff check --no-leaks SNAPSHOT..."
    );
    Warning { code: WarningCode::Other, message }
}

/// Adds judgements of drift after those of the rules.
fn add_drift(check: &mut Check, drift: Vec<Judgement>) {
    let end = check.rules.iter().position(|judgement| judgement.demand == Demand::Allowance);
    let end = end.unwrap_or(check.rules.len());
    check.rules.splice(end..end, drift);
    check.outcome = Check::overall(check.rules.iter());
}

/// Measures the scope of each rule in the snapshots of a series, which are the runs of one
/// baseline.
pub fn measure(
    series: Series,
    query: &Query,
    spec: &Spec,
) -> Result<Vec<DriftMeasure>, ReportError> {
    let Question::Check(asked) = &query.question else {
        return Err(ReportError::OtherSubject(query.question.subject()));
    };
    let types = series.sample_types.clone();
    if types.is_empty() {
        let name = series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
        return Err(ReportError::NoSampleTypes { name });
    }
    let files = gate_types::files(&series);
    let at = gate_types::column(&files, &types, query.sample_type.as_deref(), None)?;
    let columns = gate_types::of_rules(&files, &types, &asked.rules.rules)?;
    check_sums(&series)?;
    refuse_empty(&series, asked)?;
    let Applied { series, .. } = Filter::new(spec)?.apply(series)?;
    let subject = CheckSubject {
        series: &series,
        own: &query.own,
        noinlines: spec.noinlines,
        process: None,
        column: at,
        leaks: None,
    };
    let position = |name: &str| columns.get(name).copied();
    check::drift::measure(subject, asked, &position).map_err(ReportError::Check)
}

fn is_empty(snapshot: &Arc<Snapshot>) -> bool {
    snapshot.samples.is_empty()
}

/// Refuses profiles without samples, unless they are allowed. This happens before filtering, since
/// a filter may remove samples that exist.
fn refuse_empty(series: &Series, asked: &CheckQuery) -> Result<(), ReportError> {
    let empty = series.snapshots.iter().find(|snapshot| is_empty(snapshot));
    match empty.filter(|_| !asked.missing.samples) {
        Some(empty) => Err(ReportError::Check(check::Unanswerable::Empty(empty.name.clone()))),
        None => Ok(()),
    }
}

/// Removes runs with the same data as another run on their side: they add nothing to the spread,
/// and would make the error look smaller than it is.
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
            "{count} of the profiles hold the same data as another on the same side: they aren't \
             separate runs and are left out"
        ),
    })
}

/// Warns if the same runs are on both sides, if a side has several; for a single pair the
/// comparison warns itself.
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
            "{same} of the {} runs after hold the same data as a run before: check that you \
             compare the right files",
            last.len()
        ),
    })
}

/// Warns what the bounds of a single pair cover.
fn single_runs() -> Warning {
    Warning {
        code: WarningCode::Other,
        message: "one run per side: the bounds cover sampling error only; use several runs per \
                  side to include the spread between runs"
            .to_owned(),
    }
}
