//! What a rule finds: its name, its severity, and the numbers that `wording` turns into sentences.

use super::goal::Goals;
use super::trends::CollectorTrend;
use super::windows::{Sums, Windows};
pub use crate::analysis::estimates::Severity;
use crate::model::collections::{Collection, CollectorProcess, Queues};
use crate::units::MIB;
use serde::{Deserialize, Serialize};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CollectorRule {
    /// Goals are below the formula and the heap fills them, so the collector hardly stops.
    LimitThrash,
    /// The live heap grows and doesn't stop.
    Leak,
    /// Stacks grow and don't stop.
    StacksGrow,
    /// Many objects wait for their finalizers.
    Finalizers,
    /// The world stands still for long.
    LongStops,
    /// The live heap was much larger for some time.
    Burst,
    /// The program asks for many of the collections.
    Forced,
    /// Much is allocated and little kept.
    Churn,
    /// Goroutines that allocate have to mark, or the heap exceeds its goal.
    Assists,
}

impl CollectorRule {
    /// Its id: G1 to G8, and F1.
    pub fn id(self) -> &'static str {
        match self {
            Self::Leak => "G1",
            Self::Churn => "G2",
            Self::LimitThrash => "G3",
            Self::Forced => "G4",
            Self::Assists => "G5",
            Self::LongStops => "G6",
            Self::StacksGrow => "G7",
            Self::Burst => "G8",
            Self::Finalizers => "F1",
        }
    }

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Churn => "churn",
            Self::LimitThrash => "limit-thrash",
            Self::Forced => "forced",
            Self::Assists => "assists",
            Self::LongStops => "long-stops",
            Self::StacksGrow => "stacks-grow",
            Self::Burst => "burst",
            Self::Finalizers => "finalizers",
        }
    }
}

/// Something worth attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CollectorFinding {
    /// What it is about.
    pub rule: CollectorRule,
    /// The id of the rule: `G1`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it began, in nanoseconds since the start of the process.
    pub from_nanos: u64,
    /// When it ended.
    pub to_nanos: u64,
    /// What happens, in a sentence.
    pub message: String,
    /// What shows it.
    pub evidence: Vec<String>,
    /// What to do.
    pub advice: String,
    /// The command to run next, if there is one.
    pub command: Option<String>,
}

/// What is known of a process.
pub(super) struct Seen<'a> {
    pub(super) process: &'a CollectorProcess,
    pub(super) goals: &'a Goals,
    pub(super) windows: &'a Windows,
    pub(super) live: &'a Option<CollectorTrend>,
    pub(super) stacks: &'a Option<CollectorTrend>,
}

/// A time in which the live heap was much larger than usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Burst {
    /// Seconds since the start of the process.
    pub(super) from: f64,
    pub(super) to: f64,
    /// MiB of live heap at its peak, and usually.
    pub(super) peak: f64,
    pub(super) usual: f64,
    /// Number of bursts.
    pub(super) count: usize,
}

/// What a rule found, in numbers. `wording` turns it into sentences.
pub(super) enum Fact<'a> {
    Leak(&'a CollectorTrend),
    Stacks(&'a CollectorTrend),
    Churn(Sums),
    Thrash(Sums),
    /// Collections that were forced, all of them, and the usual seconds between the forced ones.
    Forced(usize, usize, f64),
    Assists(Sums),
    /// Collections in which the heap exceeded its goal, all of them, and the worst one.
    Overshoot(usize, usize, &'a Collection),
    /// Long stops, all collections, and the longest one.
    Stops(usize, usize, &'a Collection),
    Burst(Burst),
    Finalizers(Queues),
}

/// The sizes of a trend in MiB.
pub(super) fn mebibytes(trend: &CollectorTrend) -> (f64, f64) {
    (trend.before as f64 / MIB, trend.after as f64 / MIB)
}

#[cfg(test)]
mod tests {
    use super::CollectorRule::{
        self, Assists, Burst, Churn, Finalizers, Forced, Leak, LimitThrash, LongStops, StacksGrow,
    };

    #[test]
    fn a_rule_has_one_name() {
        let all: [CollectorRule; 9] =
            [Leak, Churn, LimitThrash, Forced, Assists, LongStops, StacksGrow, Burst, Finalizers];
        for rule in all {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
        let mut ids = all.map(CollectorRule::id);
        ids.sort_unstable();
        assert_eq!(ids, ["F1", "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8"]);
    }
}
