//! Questions and answers: for each question a variant of [`Question`], a variant of [`Answer`] with
//! the same name, and how the one leads to the other; and the options that questions share.
//!
//! A question takes one kind of [`super::Subject`], which [`Question::subject`] names.

use super::draft::ReportError;
use super::sections::{self, CheckAnswer, GoroutinesAnswer, LeaksAnswer};
use crate::analysis::rates::Rates;
use crate::analysis::{
    Order, RowOptions, Subject,
    call_graph::{self, Graph},
    check::{Check, CheckQuery},
    cut_trees::{CutTrees, CutTreesQuery},
    diff::{self, Diff},
    flame::{self, Flame, FlameOptions},
    goroutines,
    list::{self, List},
    matches::{self, Matches, MatchesQuery},
    peek::{self, Peek},
    refs::{self, Refs, RefsQuery},
    stacks::{self, StackOrder, ValuedStacks},
    suspects::LeaksQuery,
    tags::{self, Tags},
    timeline::Timeline,
    top::{self, Top},
    traces::{self, Traces},
};
use crate::filter::Granularity;
use crate::graph::trim::TrimLimits;
use crate::model::measures::{Kind, kind};
use crate::model::origin::Own;
use crate::model::series::{Series, Snapshot};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// The lower confidence bound of |Δ|: the largest certain change comes first (the default of
    /// `diff`).
    Bound,
    /// |Δ flat|.
    Delta,
    /// |Δ flat| for two profiles, |flat| for one (pprof's order; the default of `top`).
    Flat,
    /// |Δ cum| for two profiles, |cum| for one.
    Cum,
}

/// A question, with its own options. [`Question::subject`] names its subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// What changed between two snapshots.
    Diff,
    /// Where the memory is, in one snapshot (several inputs are merged into one).
    Top,
    /// The call paths that allocate in the matching functions.
    Refs(RefsQuery),
    /// Every distinct stack, with its frames in an order.
    Stacks(StackOrder),
    /// The call graph, within limits.
    Graph(TrimLimits),
    /// Rows whose name matches a regular expression, or all rows, with their callers and callees.
    Peek(Option<String>),
    /// The lines of functions whose names match.
    List {
        /// A regular expression, unanchored.
        pattern: String,
    },
    /// What the goroutines do: in one snapshot or two, or over time.
    Goroutines,
    /// Stacks.
    Traces,
    /// Labels.
    Tags,
    /// The flame graph.
    Flame(FlameOptions),
    /// The paths as trees, for a page.
    CutTrees(CutTreesQuery),
    /// Rows over time.
    Timeline,
    /// Leaks.
    Leaks(LeaksQuery),
    /// Patterns, by own function (several inputs are merged into one).
    Matches(MatchesQuery),
    /// Whether the rules pass.
    Check(CheckQuery),
}

/// The kind of subject that a question takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// All snapshots: two that are compared, or any number that are added up.
    Snapshots,
    /// One snapshot, or two that are compared: the first and the last if there are more.
    Ends,
    /// Snapshots over time.
    Recording,
    /// Runs before and after.
    Runs,
}

impl Question {
    /// The kind of subject it takes.
    pub fn subject(&self) -> SubjectKind {
        match self {
            Self::Diff | Self::Top | Self::Matches(_) => SubjectKind::Snapshots,
            Self::CutTrees(asked) if !asked.is_comparison => SubjectKind::Snapshots,
            Self::Timeline | Self::Leaks(_) => SubjectKind::Recording,
            Self::Check(_) => SubjectKind::Runs,
            _ => SubjectKind::Ends,
        }
    }
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", schemars(transform = sections::describe))]
pub enum Answer {
    /// What changed.
    Diff(Diff),
    /// Where the memory is.
    Top(Top),
    /// The call paths that allocated memory.
    Refs(Refs),
    /// The call graph.
    Graph(Graph),
    /// Rows with their callers and callees.
    Peek(Peek),
    /// Lines of functions.
    List(List),
    /// Stacks.
    Traces(Traces),
    /// Labels.
    Tags(Tags),
    /// The flame graph.
    Flame(Flame),
    /// Rows over time.
    Timeline(Timeline),
    /// The patterns that the stacks under each own function match.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::analysis::matches::Match>"))]
    Matches(Matches),
    /// Leaks.
    #[serde(untagged)]
    Leaks(LeaksAnswer),
    /// Goroutines in clusters.
    #[serde(untagged)]
    Goroutines(GoroutinesAnswer),
    /// Whether the rules pass.
    #[serde(untagged)]
    Check(CheckAnswer),
    /// Every distinct stack, for the formats of other tools; never in heapdiff's JSON.
    #[serde(untagged, skip_deserializing, serialize_with = "sections::nothing")]
    #[cfg_attr(feature = "schema", schemars(with = "()"))]
    Stacks(ValuedStacks),
    /// The paths as trees for a page, which has a format of its own for them; never in heapdiff's JSON.
    #[serde(untagged, skip_deserializing, serialize_with = "sections::nothing")]
    #[cfg_attr(feature = "schema", schemars(with = "()"))]
    CutTrees(CutTrees),
}

impl Answer {
    /// The rows over time, if the answer has them.
    pub fn timeline(&self) -> Option<&Timeline> {
        match self {
            Self::Timeline(timeline) | Self::Leaks(LeaksAnswer { timeline, .. }) => Some(timeline),
            Self::Goroutines(GoroutinesAnswer { timeline, .. }) => timeline.as_ref(),
            _ => None,
        }
    }

    /// Whether the rules pass, if the question was a check.
    pub fn check(&self) -> Option<&Check> {
        match self {
            Self::Check(answer) => Some(&answer.check),
            _ => None,
        }
    }
}

/// Answers a question about snapshots, one line per question.
pub(super) fn ask(
    subject: &Subject<'_>,
    order: Order,
    query: &Query,
    rates: Option<Rates>,
) -> Result<Answer, ReportError> {
    let Query { granularity, nodecount, .. } = *query;
    let &Subject { series, frames, measured, process, shared, .. } = subject;
    let wanted = RowOptions { nodecount, all: query.all };
    Ok(match &query.question {
        Question::Diff => {
            let known = process.map(|process| (process, &shared.pairs));
            let part = diff::Comparison::new(series, Some(frames), measured, order, known, rates);
            Answer::Diff(part.diff(frames, wanted))
        }
        Question::Top => Answer::Top(top::top(subject, order, wanted)),
        Question::Refs(asked) => {
            Answer::Refs(refs::refs(subject, asked, &Regex::new(&asked.pattern)?)?)
        }
        Question::Stacks(order) => Answer::Stacks(stacks::stacks(subject, granularity, *order)?),
        Question::Graph(limits) => Answer::Graph(call_graph::graph(subject, *limits)?),
        Question::Peek(pattern) => {
            let regex = pattern.as_deref().map(Regex::new).transpose()?;
            Answer::Peek(peek::peek(subject, regex.as_ref(), order, nodecount)?)
        }
        Question::List { pattern } => {
            Answer::List(list::list(subject, &Regex::new(pattern)?, wanted)?)
        }
        Question::Goroutines => {
            require_goroutines(series)?;
            let goroutines = goroutines::goroutines(subject, wanted);
            Answer::Goroutines(GoroutinesAnswer { goroutines, timeline: None })
        }
        Question::Traces => Answer::Traces(traces::traces(subject, wanted)?),
        Question::Tags => Answer::Tags(tags::tags(subject, wanted)),
        Question::Matches(asked) => {
            let columns = pattern_columns(series)?;
            Answer::Matches(matches::matches(series, frames, columns, asked, nodecount))
        }
        Question::Flame(wanted) => Answer::Flame(flame::flame(subject, *wanted)?),
        // Trees are kept between questions.
        Question::CutTrees(_) | Question::Timeline | Question::Leaks(_) | Question::Check(_) => {
            return Err(ReportError::OtherSubject(query.question.subject()));
        }
    })
}

/// Refuses snapshots of anything but goroutines.
fn require_goroutines(series: &Series) -> Result<(), ReportError> {
    let is_other = |snapshot: &&Arc<Snapshot>| kind(&snapshot.header) != Kind::Goroutine;
    match series.snapshots.iter().find(is_other) {
        Some(snapshot) => Err(ReportError::NotGoroutines(snapshot.name.clone())),
        None => Ok(()),
    }
}

/// The columns that patterns are matched with.
pub(super) fn pattern_columns(series: &Series) -> Result<matches::Columns, ReportError> {
    let name = || series.snapshots.first().map_or_else(String::new, |s| s.name.clone());
    matches::Columns::of(series).ok_or_else(|| ReportError::NoPatterns(name()))
}

/// A question with all options that shape its answer.
#[derive(Clone, Debug)]
pub struct Query {
    /// The question.
    pub question: Question,
    /// Sample type by name (`inuse_space`) or index as in pprof; the profile's own default if
    /// absent.
    pub sample_type: Option<String>,
    /// What rows are grouped by.
    pub granularity: Granularity,
    /// Order of the rows; the question's default if absent.
    pub sort: Option<Sort>,
    /// Maximum number of rows; 0 means no limit.
    pub nodecount: usize,
    /// Keep rows that are within noise or didn't change.
    pub all: bool,
    /// Which code is the program's own.
    pub own: Own,
    /// Scale the after side to the total of the before side first (pprof's `-normalize`).
    pub normalize: bool,
    /// Folders to cut off the names of source files, each with its slash (pprof's `-trim_path`).
    /// Filters see whole names.
    pub trim_path: Vec<String>,
}

impl Query {
    /// A question about all functions, in the profile's own sample type.
    pub fn new(question: Question) -> Self {
        Self {
            question,
            sample_type: None,
            granularity: Granularity::Functions,
            sort: None,
            nodecount: 0,
            all: true,
            own: Own::default(),
            normalize: false,
            trim_path: Vec::new(),
        }
    }
}
