//! The spine: a subject and a query go in, a report comes out.
//!
//! [`analyze`] is the only way in. A [`Question`] is asked of a [`Subject`], and its [`Answer`] stands in a [`Report`] with
//! what is known of the inputs. A report is plain data. Every output reads only a report, and what `--format json` prints
//! is this type, field for field; `docs/schema/report.v1.json` is made from it and a test holds the two together.

mod answer;
pub mod baselines;
mod caveats;
mod draft;
mod gate;
mod question;
mod snapshots;
mod subject;
mod through_time;

pub use answer::{Answer, CheckAnswer, LeaksAnswer};
pub use draft::{ReportError, position};
pub use gate::measure;
pub use question::{Query, Question, Sort, SubjectKind};
pub use subject::{Profiles, Runs, Snapshots, Sources, Subject};

use crate::analysis::Bounds;
use crate::filter::{Granularity, Spec};
use crate::model::change::Change;
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.report/v1";

/// Answers a query about a subject, whose filter is `spec`.
pub fn analyze<'a>(
    subject: impl Into<Subject<'a>>,
    query: &Query,
    spec: &Spec,
) -> Result<Report, ReportError> {
    let Subject { profiles, warnings, sources } = subject.into();
    let report = match (profiles, &query.question) {
        (Profiles::Recording(recording), Question::Timeline) => {
            through_time::timeline(*recording, query, spec)
        }
        (Profiles::Recording(recording), Question::Leaks(asked)) => {
            through_time::leaks(*recording, asked, query, spec)
        }
        (Profiles::Runs(runs), Question::Check(asked)) => gate::check(*runs, asked, query, spec),
        (Profiles::Snapshots(snapshots), _) => snapshots::answer(*snapshots, sources, query, spec),
        (_, question) => Err(ReportError::OtherSubject(question.subject())),
    };
    let mut report = report?;
    report.warnings.extend(warnings);
    Ok(report)
}

/// What kind of profile an input is.
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
    /// Any other pprof profile.
    Other,
}

/// What an input might mislead about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// The two profiles come from different builds.
    DifferentBuilds,
    /// The two profiles hold the same data: no collection ended between them, or one file was given twice.
    IdenticalData,
    /// A profile holds a difference (`?seconds=N`), not a state.
    DeltaProfile,
    /// Negative values where there can be none.
    NegativeValues,
    /// The first profile is younger than the second.
    SwappedOrder,
    /// The two profiles were sampled at different rates.
    DifferentPeriods,
    /// Sample types or units differ: only what both have is compared.
    DifferentSampleTypes,
    /// A filter matched nothing.
    NoMatch,
    /// The profile does not say how it was sampled: there are no error bars.
    NoSamplingPeriod,
    /// The profile has no samples.
    EmptyProfile,
    /// Stack depth limits differ (Go up to 1.22 against 1.23 and later).
    DifferentStackDepth,
    /// The input was cut off or damaged at its end.
    Truncated,
    /// Snapshots bear no time, so their order is that of the arguments.
    NoTime,
    /// The snapshots are of several processes.
    SeveralProcesses,
    /// The source of a profile says something else that matters.
    Other,
    /// Files were left out: they are no profiles, or lie in folders within a folder.
    SetAside,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// Stable name for scripts.
    pub code: WarningCode,
    /// One or two sentences for people: what is off, and what was done about it.
    pub message: String,
}

/// One input, as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Input {
    /// Name as given: a path, or `-`.
    pub name: String,
    /// What it is, by its content.
    pub kind: InputKind,
    /// When it was taken (RFC 3339), where the profile says.
    pub time: Option<String>,
    /// The span it covers, in nanoseconds; 0 for a state.
    pub duration_nanos: i64,
    /// Build id of the main binary.
    pub build_id: Option<String>,
    /// File name of the main binary, without its folders.
    pub program: Option<String>,
    /// Sampling period (bytes between samples in a heap profile); 0 where the profile names none.
    pub period: i64,
    /// Sample types as `type/unit`.
    pub sample_types: Vec<String>,
    /// The one that is shown where nobody asks for another, by its name.
    pub default_sample_type: Option<String>,
    /// Number of samples.
    pub samples: usize,
    /// Warnings about this input alone.
    pub warnings: Vec<Warning>,
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
    /// Δ / before in percent; absent where before is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_percent: Option<f64>,
    /// 95 % interval of Δ, or of the sum of a single profile.
    pub error: Option<Bounds>,
}

/// How the two snapshots relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// Time between the two, in nanoseconds, where both say when they were taken.
    pub apart_nanos: Option<i64>,
    /// The same process at two times: survivors share their sampling decision and cancel.
    pub same_process: bool,
}

/// The report: what was asked, and the sections that answer it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The inputs, in the order they were compared.
    pub inputs: Vec<Input>,
    /// How the inputs relate, where there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Sample type the rows are about.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// What one row stands for: `functions`, `filefunctions`, `files`, `lines`, `addresses`, `packages`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub granularity: Granularity,
    /// What the rows are sorted by: `flat`, `cum`, `delta` or `bound` (lower confidence bound).
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sort: Sort,
    /// All sample types.
    pub totals: Vec<Total>,
    /// The answer, a section for each of its parts.
    #[serde(flatten)]
    pub answer: Answer,
    /// Warnings about the comparison as a whole.
    pub warnings: Vec<Warning>,
}
