//! What can be asked: a variant for each question, and the options that questions share.
//!
//! A question is asked of one kind of [`super::Subject`], which [`Question::subject`] names, and answered by the variant
//! of [`super::Answer`] that is called after it.

use crate::analysis::{check, flame, matches, refs, stacks, suspects};
use crate::filter::Granularity;
use crate::graph::trim::TrimLimits;
use crate::model::origin::Own;
use serde::{Deserialize, Serialize};

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// The lower confidence bound of |Δ|: what surely changed most stands first (the default of `diff`).
    Bound,
    /// |Δ flat|.
    Delta,
    /// |Δ flat| for two profiles, |flat| for one (pprof's order; the default of `top`).
    Flat,
    /// |Δ cum| for two profiles, |cum| for one.
    Cum,
}

/// What is asked, with the options of that question alone. [`Question::subject`] says of what.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// What changed between two snapshots.
    Diff,
    /// Where the memory is, in one snapshot (several inputs are merged into one).
    Top,
    /// Through what the functions that match were allocated.
    Refs(refs::RefsQuery),
    /// Every distinct stack, its frames in an order.
    Stacks(stacks::StackOrder),
    /// The call graph, within limits.
    Graph(TrimLimits),
    /// Rows whose name matches a regular expression, or all of them, with their callers and callees.
    Peek(Option<String>),
    /// Which lines, of the functions whose names match.
    List {
        /// A regular expression, unanchored.
        pattern: String,
    },
    /// Which stacks.
    Traces,
    /// Which labels.
    Tags,
    /// Which paths weigh how much.
    Flame(flame::FlameOptions),
    /// Rows through time.
    Timeline,
    /// What leaks.
    Leaks(suspects::LeaksQuery),
    /// Which patterns, under which functions (several inputs are merged into one).
    Matches(matches::MatchesQuery),
    /// Whether rules are kept to.
    Check(check::CheckQuery),
}

/// What a question is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// All snapshots: two that are compared, or any number that are added up.
    Snapshots,
    /// One snapshot, or two that are compared: of more the first and the last.
    Ends,
    /// Snapshots through time.
    Recording,
    /// Runs before and after.
    Runs,
}

impl Question {
    /// What it is asked of.
    pub fn subject(&self) -> SubjectKind {
        match self {
            Self::Diff | Self::Top | Self::Matches(_) => SubjectKind::Snapshots,
            Self::Timeline | Self::Leaks(_) => SubjectKind::Recording,
            Self::Check(_) => SubjectKind::Runs,
            _ => SubjectKind::Ends,
        }
    }
}

/// A question with everything that shapes its answer.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is asked.
    pub question: Question,
    /// Sample type by name (`inuse_space`) or index as pprof takes it; the profile's own default where absent.
    pub sample_type: Option<String>,
    /// What one row stands for.
    pub granularity: Granularity,
    /// Order of the rows; the question's default where absent.
    pub sort: Option<Sort>,
    /// At most so many rows; 0 is no limit.
    pub nodecount: usize,
    /// Keep rows that are within noise and that did not change.
    pub all: bool,
    /// Which code is the program's own, for a question without a say in that of its own.
    pub own: Own,
    /// Scale the after side to the total of the before side first (pprof's `-normalize`).
    pub normalize: bool,
    /// Folders to cut off the names of source files, each with its slash (pprof's `-trim_path`). Filters see whole names.
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
