//! Questions: one variant per question, and the options that questions share.
//!
//! A question takes one kind of [`super::Subject`], which [`Question::subject`] names, and is
//! answered by the variant of [`super::Answer`] with the same name.

use crate::analysis::{
    check::CheckQuery, flame::FlameOptions, matches::MatchesQuery, refs::RefsQuery,
    stacks::StackOrder, suspects::LeaksQuery,
};
use crate::filter::Granularity;
use crate::graph::trim::TrimLimits;
use crate::model::origin::Own;
use serde::{Deserialize, Serialize};

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
    /// Stacks.
    Traces,
    /// Labels.
    Tags,
    /// The flame graph.
    Flame(FlameOptions),
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
            Self::Timeline | Self::Leaks(_) => SubjectKind::Recording,
            Self::Check(_) => SubjectKind::Runs,
            _ => SubjectKind::Ends,
        }
    }
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
    /// Which code is the program's own, for a question without a say in that of its own.
    pub own: Own,
    /// Scale the after side to the total of the before side first (pprof's `-normalize`).
    pub normalize: bool,
    /// Folders to cut off the names of source files, each with its slash (pprof's `-trim_path`).
    /// Filters see whole names.
    pub trim_path: Vec<String>,
}

impl Query {
    /// Which code is the program's own.
    pub(super) fn own(&self) -> &Own {
        match &self.question {
            Question::Leaks(asked) => &asked.own,
            Question::Matches(asked) => &asked.own,
            Question::Check(asked) => &asked.own,
            _ => &self.own,
        }
    }

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
