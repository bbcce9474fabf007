//! What a rule about memory finds: its name, its severity, and what it says.

use crate::analysis::estimates::Severity;
use serde::{Deserialize, Serialize};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemoryRule {
    /// The live heap grows, and the total with it.
    LiveGrows,
    /// Memory that isn't Go's grows.
    OutsideGrows,
    /// The heap may grow beyond the limit, although little of it is live.
    GoalBeyondLimit,
    /// Go keeps memory that it doesn't need.
    IdleKept,
    /// Little of the heap in use holds objects.
    Fragmented,
    /// Go has returned memory that the system still counts.
    ReturnedLazily,
    /// Profiling takes much memory.
    ProfilerBuckets,
    /// What the cgroup is charged for is mostly page cache.
    PageCacheCounted,
}

impl MemoryRule {
    /// Its id: M1 to M8.
    pub fn id(self) -> &'static str {
        match self {
            Self::LiveGrows => "M1",
            Self::IdleKept => "M2",
            Self::ReturnedLazily => "M3",
            Self::Fragmented => "M4",
            Self::GoalBeyondLimit => "M5",
            Self::OutsideGrows => "M6",
            Self::ProfilerBuckets => "M7",
            Self::PageCacheCounted => "M8",
        }
    }

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveGrows => "live-grows",
            Self::IdleKept => "idle-kept",
            Self::ReturnedLazily => "returned-lazily",
            Self::Fragmented => "fragmented",
            Self::GoalBeyondLimit => "goal-beyond-limit",
            Self::OutsideGrows => "outside-grows",
            Self::ProfilerBuckets => "profiler-buckets",
            Self::PageCacheCounted => "page-cache-counted",
        }
    }
}

/// Something worth attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryFinding {
    /// What it is about.
    pub rule: MemoryRule,
    /// The id of the rule: `M1`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What happens, in a sentence.
    pub message: String,
    /// What shows it.
    pub evidence: Vec<String>,
    /// What to do.
    pub advice: String,
    /// The next command.
    pub command: Option<String>,
}
