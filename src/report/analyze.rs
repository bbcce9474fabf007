//! A series and a query in, a report out.

use super::caveats;
use super::{
    Comparison, Input, InputKind, Query, Question, Report, SCHEMA, Sort, Total, Warning,
    WarningCode,
};
use crate::analysis::{
    Measured, NoAnswer, NoMatch, Order, Process, Subject, Wanted, call_graph, check, diff, flame,
    list, matches, peek, refs, rfc3339, stacks, tags, top, traces,
};
use crate::filter::{self, Applied, Filter, Spec};
use crate::graph::frames::Frames;
use crate::graph::tree::TooLarge;
use crate::model::measures::{self, Kind};
use crate::model::profile::SampleType;
use crate::model::series::{Series, Snapshot};
use crate::model::symbols::{Symbols, base_name};
use crate::parallel;
use regex::Regex;

/// Why a question can't be answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A filter can't be used.
    #[error(transparent)]
    Filter(#[from] filter::Error),
    /// The sample type asked for is not there.
    #[error("there is no sample type {asked:?}; the profiles have: {known}")]
    SampleType {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The profiles measure nothing.
    #[error("{name} has no sample types; a profile without any holds no values")]
    NoSampleTypes {
        /// Name of the input.
        name: String,
    },
    /// A pattern matches nothing.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// There is no answer about rows.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The stacks take too much memory.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Not the number of snapshots that the question is about.
    #[error("a comparison needs two profiles, found {0}")]
    NotTwo(usize),
    /// More snapshots than the question is about.
    #[error("one profile or two can be asked about, found {0}")]
    NotOneOrTwo(usize),
    /// The question is asked of something else.
    #[error("timelines and leaks are asked of histories, and rules of runs")]
    NoHistory,
    /// Rules can't be checked.
    #[error(transparent)]
    Check(#[from] check::Unanswerable),
    /// Patterns are looked for in what has none.
    #[error(
        "{0} holds neither memory nor goroutines: patterns are looked for in heap profiles and in goroutine profiles"
    )]
    NoPatterns(String),
    /// Leaks are looked for where there can be none.
    #[error("{0}")]
    CannotLeak(String),
    /// A pattern does not compile.
    #[error("the pattern does not compile: {0}")]
    Pattern(#[from] regex::Error),
    /// Sums do not fit in 64 bits.
    #[error(
        "the values of {sample_type} in {name} add up to more than 64 bits hold; the profile is damaged"
    )]
    Overflow {
        /// The sample type.
        sample_type: String,
        /// Name of the input.
        name: String,
    },
}

/// Answers a query about a series, whose filter is `spec`.
pub fn analyze(mut series: Series, query: &Query, spec: &Spec) -> Result<Report, Error> {
    let is_comparison = is_comparison(&series, query)?;
    if series.sample_types.is_empty() {
        let name = series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
        return Err(Error::NoSampleTypes { name });
    }
    let filter = Filter::new(spec)?;
    let columns = matches::Columns::of(&series);
    let column = match (&query.question, columns) {
        (Question::Matches(_), Some(columns)) => columns.main(),
        (Question::Matches(_), None) => {
            return Err(Error::NoPatterns(series.snapshots[0].name.clone()));
        }
        _ => {
            let names = series.snapshots.iter().map(|s| s.header.default_sample_type.as_str());
            column(&series.sample_types, names, query.sample_type.as_deref())?
        }
    };
    let measured = Measured::new(&series.sample_types, column);
    let mut sums = check_sums(&series)?;
    let inputs = series.snapshots.iter().zip(&sums).map(|(snapshot, sums)| {
        let has_negative = sums.iter().any(|sum| sum.signed != sum.absolute);
        let samples = snapshot.samples.len();
        input(&series.symbols, &series.sample_types, snapshot, samples, has_negative)
    });
    let inputs = inputs.collect();
    let mut warnings = caveats::of_series(&series, is_comparison);
    let mut known = None;
    if query.normalize && is_comparison {
        // Scaled counters tell nothing about the process any more.
        known = Some(diff::Comparison::new(&series, None, measured, Order::Flat, None).process());
        warnings.push(normalize(&mut series, &sums));
        sums = check_sums(&series)?;
    }
    let is_diff = query.question == Question::Diff;
    let (sort, order) = settle_order(query, !is_diff);
    let wanted = Wanted { nodecount: query.nodecount, all: query.all };
    let frames = |series: &Series| Frames::new(series, query.granularity, spec.noinlines);
    let mut report = new_report(query, &series.sample_types[column], sort);
    report.inputs = inputs;
    let mut process = None;
    if is_comparison {
        // Totals are of the whole, and so is the question whether it is one process.
        let is_plain = is_diff && filter.changes_nothing(&series);
        if is_plain {
            series.trim_file_names(&query.trim_path);
        }
        let plain = is_plain.then(|| frames(&series));
        let whole = diff::Comparison::new(&series, plain.as_ref(), measured, order, known);
        report.totals = diff_totals(&whole, &series, &sums);
        let found = known.unwrap_or_else(|| whole.process());
        process = Some(found);
        report.comparison = Some(Comparison {
            apart_nanos: apart(&series),
            same_process: found != Process::Different,
        });
        report.diff = plain.map(|frames| whole.diff(&frames, wanted));
    } else {
        report.totals = top_totals(&series, &sums);
    }
    if report.diff.is_some() {
        report.warnings = warnings;
        return Ok(report);
    }
    let Applied { mut series, unmatched } = filter.apply(series)?;
    warnings.extend(unmatched.into_iter().map(no_match));
    series.trim_file_names(&query.trim_path);
    let frames = frames(&series);
    let whole = sums.iter().map(|sums| sums[column].absolute).sum();
    let subject = Subject { series: &series, frames: &frames, measured, process, whole };
    match &query.question {
        Question::Diff => {
            let part = diff::Comparison::new(&series, Some(&frames), measured, order, process);
            report.diff = Some(part.diff(&frames, wanted));
        }
        Question::Top => report.top = Some(top::top(&subject, order, wanted)),
        Question::Refs(asked) => {
            let regex = Regex::new(&asked.pattern)?;
            report.refs = Some(refs::refs(&subject, asked, &regex)?);
        }
        Question::Stacks(order) => {
            report.stacks = Some(stacks::stacks(&subject, query.granularity, *order)?);
        }
        Question::Graph(limits) => report.graph = Some(call_graph::graph(&subject, *limits)?),
        Question::Peek(pattern) => {
            let regex = pattern.as_deref().map(Regex::new).transpose()?;
            report.peek = Some(peek::peek(&subject, regex.as_ref(), order, query.nodecount)?);
        }
        Question::List { pattern } => {
            let regex = Regex::new(pattern)?;
            report.list = Some(list::list(&subject, &regex, wanted)?);
        }
        Question::Traces => report.traces = Some(traces::traces(&subject, wanted)?),
        Question::Tags => report.tags = Some(tags::tags(&subject, wanted)),
        Question::Matches(asked) => {
            report.matches = columns
                .map(|columns| matches::matches(&series, &frames, columns, asked, query.nodecount));
        }
        Question::Flame(wanted) => report.flame = Some(flame::flame(&subject, *wanted)?),
        Question::Timeline | Question::Leaks(_) | Question::Check(_) => {
            return Err(Error::NoHistory);
        }
    }
    report.warnings = warnings;
    Ok(report)
}

/// The order asked for, as it was typed and as it is meant; `flat` is the one of questions without one of their own.
pub(super) fn settle_order(query: &Query, by_flat: bool) -> (Sort, Order) {
    let sort = query.sort.unwrap_or(if by_flat { Sort::Flat } else { Sort::Bound });
    let order = match sort {
        Sort::Bound if !by_flat => Order::Bound,
        Sort::Cum => Order::Cum,
        Sort::Bound | Sort::Delta | Sort::Flat => Order::Flat,
    };
    (sort, order)
}

/// A report without an answer yet.
pub(super) fn new_report(query: &Query, sample_type: &SampleType, sort: Sort) -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        inputs: Vec::new(),
        comparison: None,
        sample_type: sample_type.name.clone(),
        unit: sample_type.unit.clone(),
        granularity: query.granularity,
        sort,
        totals: Vec::new(),
        diff: None,
        top: None,
        refs: None,
        stacks: None,
        graph: None,
        peek: None,
        list: None,
        traces: None,
        tags: None,
        flame: None,
        matches: None,
        check: None,
        timeline: None,
        suspects: None,
        verdict: None,
        warnings: Vec::new(),
    }
}

/// Whether two snapshots are compared: always by a diff, never by a top, and otherwise where there are two.
fn is_comparison(series: &Series, query: &Query) -> Result<bool, Error> {
    let snapshots = series.snapshots.len();
    match query.question {
        Question::Diff if snapshots != 2 => Err(Error::NotTwo(snapshots)),
        Question::Diff => Ok(true),
        Question::Top | Question::Matches(_) => Ok(false),
        Question::Timeline | Question::Leaks(_) | Question::Check(_) => Err(Error::NoHistory),
        _ => match snapshots {
            1 => Ok(false),
            2 => Ok(true),
            _ => Err(Error::NotOneOrTwo(snapshots)),
        },
    }
}

pub(super) fn no_match(option: &'static str) -> Warning {
    Warning {
        code: WarningCode::NoMatch,
        message: format!("--{option} matches nothing in these profiles"),
    }
}

/// The column of a sample type by name or position; that of the newest profile that names a default where none is asked for.
pub(super) fn column<'d>(
    types: &[SampleType],
    defaults: impl DoubleEndedIterator<Item = &'d str>,
    asked: Option<&str>,
) -> Result<usize, Error> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        let default = defaults.rev().find(|default| !default.is_empty()).unwrap_or("");
        return Ok(measures::default_position(types, default).unwrap_or_default());
    };
    position(types, asked)
}

/// Position of a sample type by name, or by position as pprof takes it. `inuse_space` finds `space` as well.
pub fn position(types: &[SampleType], asked: &str) -> Result<usize, Error> {
    let by_position = asked.parse().ok().filter(|&position: &usize| position < types.len());
    let named = |name: &str| types.iter().position(|t| t.name == name);
    let short = asked.strip_prefix("inuse_").unwrap_or(asked);
    by_position.or_else(|| named(asked)).or_else(|| named(short)).ok_or_else(|| {
        let known = types.iter().zip(0..).map(|(t, i)| format!("{} ({i})", t.name));
        Error::SampleType { asked: asked.to_owned(), known: known.collect::<Vec<_>>().join(", ") }
    })
}

/// Sums of one sample type of one snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) signed: i64,
    pub(super) absolute: i64,
}

/// Samples that one piece of work sums up.
const SUMMED: usize = 32 * 1024;

/// The sums of each snapshot and sample type, which fit, also where all snapshots are added up.
pub(super) fn check_sums(series: &Series) -> Result<Vec<Vec<Sum>>, Error> {
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
        // Half of the range, so that the difference of two snapshots fits as well.
        let fits = |sum: i128| i64::try_from(sum).ok().filter(|&s| s < i64::MAX / 4);
        let sums_so_far = wide.iter().zip(&mut together);
        let narrow = sums_so_far.zip(&series.sample_types).map(|((sum, together), sample_type)| {
            *together += sum.1;
            let absolute = fits(sum.1).filter(|_| *together < i128::from(i64::MAX) / 2);
            let absolute = absolute.ok_or_else(|| Error::Overflow {
                sample_type: sample_type.name.clone(),
                name: snapshot.name.clone(),
            })?;
            Ok(Sum { signed: sum.0 as i64, absolute })
        });
        sums.push(narrow.collect::<Result<_, Error>>()?);
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
    let snapshot = &mut series.snapshots[1];
    for row in snapshot.samples.values.chunks_exact_mut(ratios.len()) {
        for (value, &ratio) in row.iter_mut().zip(&ratios) {
            // Exact where nothing is scaled: a ratio of 1 must not round through f64.
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
            "--normalize scaled the second profile to the totals of the first; there are no error \
                  bars for scaled values"
                .to_owned(),
    }
}

/// How a total changed, without its error.
pub(super) fn change_of_total(sample_type: &SampleType, before: i64, after: i64) -> Total {
    let delta = after - before;
    Total {
        sample_type: sample_type.name.clone(),
        unit: sample_type.unit.clone(),
        before: Some(before),
        after,
        delta: Some(delta),
        delta_percent: (before != 0).then(|| delta as f64 / before as f64 * 100.0),
        error: None,
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
            let (before, after) = (sums[0][i].signed, sums[1][i].signed);
            let error = comparison.total_error(i, after - before);
            Total { error, ..change_of_total(sample_type, before, after) }
        })
        .collect()
}

fn top_totals(series: &Series, sums: &[Vec<Sum>]) -> Vec<Total> {
    let types = series.sample_types.iter().enumerate();
    types
        .map(|(i, sample_type)| {
            let after = sums.iter().map(|sums| sums[i].signed).fold(0, i64::saturating_add);
            let measured = Measured::new(&series.sample_types, i);
            Total {
                sample_type: sample_type.name.clone(),
                unit: sample_type.unit.clone(),
                before: None,
                after,
                delta: None,
                delta_percent: None,
                error: top::total_error(series, &measured, after),
            }
        })
        .collect()
}

/// Nanoseconds from the first snapshot to the second, where both say when they were taken.
pub(super) fn apart(series: &Series) -> Option<i64> {
    let [before, after] = series.snapshots.as_slice() else { return None };
    let (before, after) = (before.header.time_nanos, after.header.time_nanos);
    (before != 0 && after != 0).then(|| after.saturating_sub(before))
}

/// An input as the report has it. `types` are those of the series that the snapshot, which has so many samples, is in.
pub(super) fn input(
    symbols: &Symbols,
    types: &[SampleType],
    snapshot: &Snapshot,
    samples: usize,
    has_negative: bool,
) -> Input {
    let header = &snapshot.header;
    let text = |id| symbols.text(id);
    let default = measures::default_position(&header.sample_types, &header.default_sample_type);
    let build_id = snapshot.main.map(|main| text(main.build_id).to_owned());
    let program = snapshot.main.map(|main| base_name(text(main.file)).to_owned());
    Input {
        name: snapshot.name.clone(),
        kind: match measures::kind(header) {
            _ if snapshot.is_of_references => InputKind::Reference,
            Kind::Heap => InputKind::Heap,
            Kind::Goroutine => InputKind::Goroutine,
            Kind::Cpu => InputKind::Cpu,
            Kind::Contention => InputKind::Contention,
            Kind::Other => InputKind::Other,
        },
        time: rfc3339(header.time_nanos),
        duration_nanos: header.duration_nanos,
        build_id: build_id.filter(|id| !id.is_empty()),
        program: program.filter(|program| !program.is_empty()),
        period: header.period,
        sample_types: header.sample_types.iter().map(ToString::to_string).collect(),
        default_sample_type: default.map(|position| header.sample_types[position].name.clone()),
        samples,
        warnings: caveats::of_snapshot(types, snapshot, samples, has_negative),
    }
}
