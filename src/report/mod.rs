//! The spine: takes a subject and a query, returns a report.
//!
//! [`analyze`] is the only entry point. It answers a [`Question`] about a [`Subject`] with an
//! [`Answer`] in a [`Report`], together with facts about the inputs. A report is plain data. Every
//! output reads only a report, and `--format json` prints this type, field for field;
//! `docs/schema/report.v1.json` is made from it and a test keeps the two in step.

pub mod baselines;
mod caveats;
pub mod collector;
pub mod doctor;
mod draft;
mod gate;
mod gate_types;
pub mod incident;
mod incident_facts;
mod kept;
mod memo;
pub mod memory;
pub mod page;
mod question;
mod sections;
pub mod session;
mod snapshots;
mod subject;
mod through_time;

pub use draft::{ReportError, position};
pub use gate::measure;
pub use question::{Answer, Query, Question, Sort, SubjectKind};
pub use sections::{CheckAnswer, GoroutinesAnswer, LeaksAnswer};
pub use subject::{Profiles, Runs, Snapshots, Sources, Subject};

use self::memo::Memo;
use crate::analysis::rates::{PerSecond, Rates};
use crate::analysis::{Bounds, ProcessVerdict, Relation};
use crate::filter::{Granularity, Spec};
use crate::model::change::Change;
use crate::model::measures::{self, Kind};
use crate::model::memory_statistics::MemoryStatistics;
use crate::model::profile::{Header, TimeSource};
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.report/v1";

/// Answers a query about a subject, whose filter is `spec`.
pub fn analyze<'a>(
    subject: impl Into<Subject<'a>>,
    query: &Query,
    spec: &Spec,
) -> Result<Report, ReportError> {
    answer(subject.into(), query, spec, &Memo::none())
}

/// Answers a query with what `memo` has of earlier ones.
fn answer(
    subject: Subject<'_>,
    query: &Query,
    spec: &Spec,
    memo: &Memo,
) -> Result<Report, ReportError> {
    let Subject { profiles, warnings, sources } = subject;
    let report = match (profiles, &query.question) {
        (Profiles::Recording(recording), Question::Timeline) => {
            through_time::timeline(*recording, query, spec)
        }
        (Profiles::Recording(recording), Question::Goroutines) => {
            through_time::goroutines(*recording, query, spec)
        }
        (Profiles::Recording(recording), Question::Leaks(asked)) => {
            through_time::leaks(*recording, asked, query, spec)
        }
        (Profiles::Runs(runs), Question::Check(asked)) => gate::check(*runs, asked, query, spec),
        (Profiles::Snapshots(snapshots), _) => {
            snapshots::answer(*snapshots, sources, (query, spec), memo)
        }
        (_, question) => Err(ReportError::OtherSubject(question.subject())),
    };
    let mut report = report?;
    report.warnings.extend(warnings);
    Ok(report)
}

/// The kind of profile of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Measures memory.
    Heap,
    /// References: what holds the memory, not what allocated it.
    Reference,
    /// Goroutine stacks.
    Goroutine,
    /// CPU time.
    Cpu,
    /// Lock contention: mutex or block profile.
    Contention,
    /// Threads that were created, by the stack that created them.
    Threadcreate,
    /// Any other pprof profile.
    Other,
}

impl InputKind {
    /// The kind of a profile with this header, which may be of references.
    pub fn of(header: &Header, is_of_references: bool) -> Self {
        match measures::kind(header) {
            _ if is_of_references => Self::Reference,
            Kind::Heap => Self::Heap,
            Kind::Goroutine => Self::Goroutine,
            Kind::Cpu => Self::Cpu,
            Kind::Contention => Self::Contention,
            Kind::Threads => Self::Threadcreate,
            Kind::Other => Self::Other,
        }
    }
}

/// The subject of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// The two profiles come from different builds.
    DifferentBuilds,
    /// The two profiles hold the same data: no collection ended between them, or one file was given
    /// twice.
    IdenticalData,
    /// A profile is a delta profile (`?seconds=N`), not a snapshot.
    DeltaProfile,
    /// Negative values in a profile that can't have any.
    NegativeValues,
    /// The first profile is newer than the second.
    SwappedOrder,
    /// The two profiles have different sampling periods.
    DifferentPeriods,
    /// Sample types or units differ: only those in both are compared.
    DifferentSampleTypes,
    /// A filter matched nothing.
    NoMatch,
    /// The profile doesn't record its sampling period: there are no error bars.
    NoSamplingPeriod,
    /// The profile has no samples.
    EmptyProfile,
    /// Stack depth limits differ (Go up to 1.22 against 1.23 and later).
    DifferentStackDepth,
    /// The input was cut off or damaged at its end.
    Truncated,
    /// Snapshots have no time, so they are in the order of the arguments.
    NoTime,
    /// The snapshots come from several processes.
    SeveralProcesses,
    /// Anything else that matters.
    Other,
    /// Files were skipped: they aren't profiles, or are in folders within a folder.
    SetAside,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// Stable name for scripts.
    pub code: WarningCode,
    /// One or two sentences: what is wrong, and how it was handled.
    pub message: String,
}

/// One input, as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Input {
    /// Name as given: a path, or `-`.
    pub name: String,
    /// Its kind, from its content.
    pub kind: InputKind,
    /// When it was taken (RFC 3339), if that is known.
    pub time: Option<String>,
    /// Where the time comes from, unless the profile says when it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_source: Option<TimeSource>,
    /// The options that its addresses were named with, `--exe BINARY`, word by word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named_with: Vec<String>,
    /// The time it covers, in nanoseconds; 0 for a snapshot.
    pub duration_nanos: i64,
    /// Build id of the main binary.
    pub build_id: Option<String>,
    /// File name of the main binary, without its folders.
    pub program: Option<String>,
    /// Sampling period (bytes between samples in a heap profile); 0 if the profile records none.
    pub period: i64,
    /// Sample types as `type/unit`.
    pub sample_types: Vec<String>,
    /// The default sample type, by its name.
    pub default_sample_type: Option<String>,
    /// Number of samples.
    pub samples: usize,
    /// Comments in the profile: the first of them, each cut if it is long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<String>,
    /// Number of further comments.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub comments_left_out: usize,
    /// Address of the profile's documentation, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc_url: Option<String>,
    /// What the runtime says about its memory: `runtime.MemStats`, with which Go ends heap profiles in
    /// text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_statistics: Option<MemoryStatistics>,
    /// Warnings about this input alone.
    pub warnings: Vec<Warning>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// One sample type over the whole profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Total {
    /// Sample type: `inuse_space`.
    pub sample_type: String,
    /// Its unit: `bytes`.
    pub unit: String,
    /// The sum over all samples.
    #[serde(flatten)]
    pub value: Change<i64>,
    /// Δ / before in percent; absent if before is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_percent: Option<f64>,
    /// 95 % interval of Δ, or of the sum of a single profile; absent if two are compared per second.
    pub error: Option<Bounds>,
    /// The sum per second, if two profiles cover different times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<PerSecond>,
}

/// How the two snapshots relate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// Time between the two, in nanoseconds, if both record when they were taken.
    pub apart_nanos: Option<i64>,
    /// True unless they are of different processes; [`Comparison::process`] says more.
    pub same_process: bool,
    /// Whether they are of one process: then samples of a heap profile that are in both add no
    /// error. If that is unknown, their errors are those of two processes.
    #[serde(default)]
    pub process: ProcessVerdict,
    /// Why; what is missing if it is unknown.
    #[serde(default)]
    pub process_reasons: Vec<String>,
    /// Seconds that before and after cover, if the profiles are compared per second because these
    /// differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<[f64; 2]>,
}

impl Comparison {
    /// Two snapshots that are `apart_nanos` apart and relate like this; with `rates` they are
    /// compared per second.
    fn new(apart_nanos: Option<i64>, relation: &Relation, rates: Option<Rates>) -> Self {
        Self {
            apart_nanos,
            same_process: relation.verdict != ProcessVerdict::Different,
            process: relation.verdict,
            process_reasons: relation.reasons.clone(),
            seconds: rates.map(|rates| rates.seconds),
        }
    }
}

/// The report: the query, and the sections that answer it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The inputs, in the order they were compared.
    pub inputs: Vec<Input>,
    /// How the inputs relate, if there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Sample type the rows are about.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// What rows are grouped by: `functions`, `filefunctions`, `files`, `lines`, `addresses`,
    /// `packages`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub granularity: Granularity,
    /// Order of the rows: `flat`, `cum`, `delta` or `bound` (lower confidence bound).
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sort: Sort,
    /// All sample types.
    pub totals: Vec<Total>,
    /// The answer, one section for each of its parts.
    #[serde(flatten)]
    pub answer: Answer,
    /// Warnings about the comparison as a whole.
    pub warnings: Vec<Warning>,
}
