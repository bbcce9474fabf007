//! A report in progress: the parts that all questions share (sample type, order, inputs, totals),
//! and why a question can fail.

use super::{
    Answer, Comparison, Input, InputKind, Query, Report, SCHEMA, Sort, SubjectKind, Total, Warning,
    WarningCode, caveats,
};
use crate::analysis::{NoAnswer, NoMatch, Order, check, rfc3339};
use crate::filter::{FilterError, Granularity};
use crate::graph::distinct_stacks::TooLarge;
use crate::model::change::Change;
use crate::model::measures::{self, Negative};
use crate::model::profile::{SampleType, TimeSource};
use crate::model::series::Snapshot;
use crate::model::site::Owners;
use crate::model::symbols::{Symbols, program_name};

/// Why a question can't be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A filter can't be used.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The requested sample type doesn't exist.
    #[error("there is no sample type {asked:?}; the profiles have: {known}")]
    SampleType {
        /// The requested sample type.
        asked: String,
        /// The existing sample types.
        known: String,
    },
    /// The profiles measure nothing.
    #[error("{name} has no sample types, so it contains no values")]
    NoSampleTypes {
        /// Name of the input.
        name: String,
    },
    /// A pattern matches nothing.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// The question can't be answered for these rows.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The stacks take too much memory.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The wrong number of snapshots for the question.
    #[error("a comparison needs two profiles, found {0}")]
    NotTwo(usize),
    /// More snapshots than the question takes.
    #[error("this question takes one or two profiles, found {0}")]
    NotOneOrTwo(usize),
    /// The question takes another kind of subject.
    #[error("this question takes {0:?}")]
    OtherSubject(SubjectKind),
    /// Rules can't be checked.
    #[error(transparent)]
    Check(#[from] check::Unanswerable),
    /// The profiles have no sample type that patterns match.
    #[error(
        "{0} measures neither memory nor goroutines; patterns need a heap or goroutine profile"
    )]
    NoPatterns(String),
    /// The profiles aren't of goroutines.
    #[error(
        "{0} isn't about goroutines; give a dump (/debug/pprof/goroutine?debug=2, or what SIGQUIT \
         writes) or a goroutine profile"
    )]
    NotGoroutines(String),
    /// The sample type can't leak.
    #[error("{0}")]
    CannotLeak(String),
    /// A regular expression does not compile.
    #[error("the regular expression does not compile: {0}")]
    Pattern(#[from] regex::Error),
    /// The answer isn't wanted any more.
    #[error("the question was cancelled")]
    Cancelled,
    /// Sums do not fit in 64 bits.
    #[error(
        "the values of {sample_type} in {name} add up to more than 64 bits; the profile is damaged"
    )]
    Overflow {
        /// The sample type.
        sample_type: String,
        /// Name of the input.
        name: String,
    },
}

/// A report without its answer.
pub(super) struct Draft {
    pub(super) inputs: Vec<Input>,
    pub(super) comparison: Option<Comparison>,
    pub(super) totals: Vec<Total>,
    pub(super) warnings: Vec<Warning>,
    sample_type: SampleType,
    granularity: Granularity,
    sort: Sort,
}

impl Draft {
    /// Starts a report from its query.
    pub(super) fn new(query: &Query, sample_type: &SampleType, sort: Sort) -> Self {
        Self {
            inputs: Vec::new(),
            comparison: None,
            totals: Vec::new(),
            warnings: Vec::new(),
            sample_type: sample_type.clone(),
            granularity: query.granularity,
            sort,
        }
    }

    /// The report with its answer.
    pub(super) fn answered(self, answer: Answer) -> Report {
        Report {
            schema: SCHEMA.to_owned(),
            inputs: self.inputs,
            comparison: self.comparison,
            sample_type: self.sample_type.name,
            unit: self.sample_type.unit,
            granularity: self.granularity,
            sort: self.sort,
            totals: self.totals,
            answer,
            warnings: self.warnings,
        }
    }
}

/// The requested order, as typed and as applied; `flat` is for questions without an order of their
/// own.
pub(super) fn settle_order(query: &Query, by_flat: bool) -> (Sort, Order) {
    let sort = query.sort.unwrap_or(if by_flat { Sort::Flat } else { Sort::Bound });
    let order = match sort {
        Sort::Bound if !by_flat => Order::Bound,
        Sort::Cum => Order::Cum,
        Sort::Bound | Sort::Delta | Sort::Flat => Order::Flat,
    };
    (sort, order)
}

/// Warns if `--own` matches no function.
pub(super) fn warn_of_own(owners: &Owners) -> Option<Warning> {
    (owners.own().is_asked() && !owners.any_own()).then(|| Warning {
        code: WarningCode::NoMatch,
        message: "--own matches no function of these profiles".to_owned(),
    })
}

pub(super) fn no_match(option: &'static str) -> Warning {
    Warning {
        code: WarningCode::NoMatch,
        message: format!("--{option} matches nothing in these profiles"),
    }
}

/// The column of a sample type by name or position; by default that of the newest profile that
/// names a default.
pub(super) fn column<'d>(
    types: &[SampleType],
    defaults: impl DoubleEndedIterator<Item = &'d str>,
    asked: Option<&str>,
) -> Result<usize, ReportError> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        let default = defaults.rev().find(|default| !default.is_empty()).unwrap_or("");
        return Ok(measures::default_position(types, default).unwrap_or_default());
    };
    position(types, asked)
}

/// Position of a sample type by name, or by position as in pprof. `inuse_space` also finds `space`.
pub fn position(types: &[SampleType], asked: &str) -> Result<usize, ReportError> {
    let by_position = asked.parse().ok().filter(|&position: &usize| position < types.len());
    let named = |name: &str| types.iter().position(|t| t.name == name);
    let short = asked.strip_prefix("inuse_").unwrap_or(asked);
    by_position.or_else(|| named(asked)).or_else(|| named(short)).ok_or_else(|| {
        let known = types.iter().zip(0..).map(|(t, i)| format!("{} ({i})", t.name));
        ReportError::SampleType {
            asked: asked.to_owned(),
            known: known.collect::<Vec<_>>().join(", "),
        }
    })
}

/// The total of a sample type, without its error.
pub(super) fn total(sample_type: &SampleType, value: Change<i64>) -> Total {
    let percent = |delta: i64, before: i64| delta as f64 / before.abs() as f64 * 100.0;
    let before = value.before.filter(|&before| before != 0);
    Total {
        sample_type: sample_type.name.clone(),
        unit: sample_type.unit.clone(),
        value,
        delta_percent: value.delta.zip(before).map(|(delta, before)| percent(delta, before)),
        error: None,
        per_second: None,
    }
}

/// Most comments of a profile that a report repeats, and most characters of each: a profile may
/// have millions.
const COMMENTS: usize = 20;
const COMMENT_LENGTH: usize = 1000;

/// The start of a text, with a mark if it was longer.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(COMMENT_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An input as the report shows it. `types` are the sample types of the series that contains the
/// snapshot, which has `samples` samples.
pub(super) fn input(
    symbols: &Symbols,
    types: &[SampleType],
    snapshot: &Snapshot,
    samples: usize,
    negative: Negative,
) -> Input {
    let header = &snapshot.header;
    let text = |id| symbols.text(id);
    let default = measures::default_position(&header.sample_types, &header.default_sample_type);
    let build_id = snapshot.main.map(|main| text(main.build_id).to_owned());
    let program = snapshot.main.map(|main| program_name(text(main.file)).to_owned());
    Input {
        name: snapshot.name.clone(),
        kind: InputKind::of(header, snapshot.is_of_references),
        time: rfc3339(header.time_nanos),
        named_with: header.named_with.clone(),
        time_source: (header.time_source != TimeSource::Profile && header.time_nanos != 0)
            .then_some(header.time_source),
        duration_nanos: header.duration_nanos,
        build_id: build_id.filter(|id| !id.is_empty()),
        program: program.filter(|program| !program.is_empty()),
        period: header.period,
        sample_types: header.sample_types.iter().map(ToString::to_string).collect(),
        default_sample_type: default.map(|position| header.sample_types[position].name.clone()),
        samples,
        comments: header.comments.iter().take(COMMENTS).map(|text| shortened(text)).collect(),
        comments_left_out: header.comments.len().saturating_sub(COMMENTS),
        doc_url: (!header.doc_url.is_empty()).then(|| shortened(&header.doc_url)),
        memory_statistics: header.memory_statistics.clone(),
        warnings: caveats::of_snapshot(types, snapshot, samples, negative),
    }
}
