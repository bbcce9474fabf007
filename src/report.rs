//! The spine: a series and a query go in, a report comes out.
//!
//! A report is plain data. Every output reads only a report, and what `--format json` prints is this
//! type, field for field; `docs/schema/report.v1.json` is made from it and a test holds the two
//! together.

mod analyze;
pub mod baselines;
mod caveats;
mod gate;
mod through_time;

pub use analyze::{Error, analyze, position};
pub(crate) use gate::in_use;
pub use gate::{analyze_check, measure_check};
pub use through_time::analyze_through_time;

use crate::analysis::flame::{self, Flame};
use crate::analysis::refs::{self, Refs};
use crate::analysis::{
    Bounds,
    call_graph::Graph,
    check::{self, Check},
    diff::Diff,
    list::List,
    matches::{self, Matches},
    peek::Peek,
    stacks::{self, Stacks},
    suspects::{self, Suspect, Verdict},
    tags::Tags,
    timeline::Timeline,
    top::Top,
    traces::Traces,
};

use crate::filter::Granularity;
use crate::graph::trim::Limits;
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "heapdiff.report/v1";

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
    /// Sum before; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Sum after, or of the single profile.
    pub after: i64,
    /// `after − before`; absent for a single profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<i64>,
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
    pub granularity: String,
    /// What the rows are sorted by: `flat`, `cum`, `delta` or `bound` (lower confidence bound).
    pub sort: String,
    /// All sample types.
    pub totals: Vec<Total>,
    /// What changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
    /// Where the memory is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<Top>,
    /// Through what memory was allocated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refs: Option<Refs>,
    /// Every distinct stack, for the formats of other tools; in no JSON of ours.
    #[serde(skip)]
    pub stacks: Option<Stacks>,
    /// The call graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    /// Rows with their callers and callees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peek: Option<Peek>,
    /// Lines of functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<List>,
    /// Stacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<Traces>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Which paths weigh how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flame: Option<Flame>,
    /// Rows through time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// What leaks, and what only looks like it; the worst first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspects: Option<Vec<Suspect>>,
    /// The verdict over all suspects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Which patterns the stacks under each own function match.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<matches::Match>>"))]
    pub matches: Option<Matches>,
    /// Whether rules are kept to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Warnings about the comparison as a whole.
    pub warnings: Vec<Warning>,
}

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
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

/// Which section is asked for. All but the first two are asked of one snapshot, or of two that are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// What changed between two snapshots.
    Diff,
    /// Where the memory is, in one snapshot (several inputs are merged into one).
    Top,
    /// Through what the functions that match were allocated.
    Refs(refs::Asked),
    /// Every distinct stack, its frames in an order.
    Stacks(stacks::Order),
    /// The call graph, within limits.
    Graph(Limits),
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
    Flame(flame::Wanted),
    /// Rows through time; asked of a [`Recording`](crate::model::recording::Recording).
    Timeline,
    /// What leaks; asked of a [`Recording`](crate::model::recording::Recording).
    Leaks(suspects::Asked),
    /// Which patterns, under which functions (several inputs are merged into one).
    Matches(matches::Asked),
    /// Whether rules are kept to; asked of runs, by [`analyze_check`].
    Check(check::Asked),
}

/// A question with everything that shapes its answer.
#[derive(Clone, Debug)]
pub struct Query {
    /// The section asked for.
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
    /// Scale the after side to the total of the before side first (pprof's `-normalize`).
    pub normalize: bool,
    /// Folders to cut off the names of source files, each with its slash (pprof's `-trim_path`). Filters see whole names.
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
            normalize: false,
            trim_path: Vec::new(),
        }
    }
}
