//! Does a program keep to its rules?
//!
//! Each rule is judged on the samples that its scope holds (`scopes`), added up over the runs of both sides (`count`), and
//! against its own error (`stats::threshold`), so that there are three outcomes. Whatever is not within its limit is told
//! with the places behind it (`offenders`), and what is open with what would decide (`messages`).
//!
//! A gate that judges nothing passes always. So a rule that matches nothing is an error, and so is a profile without
//! samples, unless somebody said that this is as it should be.

mod count;
pub mod drift;
mod messages;
mod offenders;
mod reduce;
mod scopes;
mod verdicts;

pub use reduce::{Unkept, reduce, scopes, unkept};
pub use verdicts::{Missing, Unanswerable, check};

use super::estimates::Class;
use super::{Measured, Place, Process, Suspect};
use crate::model::origin::Own;
use crate::model::series::Series;
use crate::patterns::Catalog;
use crate::rules::{Level, Rules};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is within its limit.
    Pass,
    /// It is above its limit.
    Fail,
    /// Its error is larger than the margin.
    Inconclusive,
}

/// What a judgement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// How much more after has than before.
    Growth,
    /// How much after has.
    Budget,
    /// How much the last of many baselines has more than the first.
    Drift,
    /// What leaks.
    Leaks,
    /// An entry of the allow-list, which is past its date.
    Allowance,
}

/// A place behind a broken rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offender {
    /// The line of the program's own code; with other builds before and after, as it is called and where it stands after.
    #[serde(flatten)]
    pub place: Place,
    /// What stands there before: the mean of the runs.
    pub before: i64,
    /// What stands there after.
    pub after: i64,
    /// `after − before`.
    pub delta: i64,
    /// Lower 95 % bound of the growth, or of `after` where a budget is broken.
    pub lower: i64,
    /// Upper 95 % bound.
    pub upper: i64,
    /// The unit of these numbers, where it is not that of the rule: goroutines among bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it does through time, where that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Leak patterns that its stacks match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// What it does, and what to do about it; empty where no more is known than its numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub explanation: String,
}

/// What is said of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Judgement {
    /// Name of the rule; of an entry of the allow-list, where it stands.
    pub rule: String,
    /// What it is about.
    pub demand: Demand,
    /// Which samples: `total`, `function REGEX`, `package REGEX`, `file REGEX`, `pattern ID`, `class leak`.
    pub scope: String,
    /// What breaking it means.
    pub level: Level,
    /// Sample type of the numbers.
    pub sample_type: String,
    /// Their unit.
    pub unit: String,
    /// What may not be exceeded. A share of before has become a number; of several limits it is the one that decided.
    pub limit: Option<i64>,
    /// The limit in percent of before, where the rule has one.
    pub limit_percent: Option<f64>,
    /// The mean of the runs before.
    pub before: Option<i64>,
    /// The mean of the runs after.
    pub after: Option<i64>,
    /// What is held against the limit: the growth, what after has, the drift over the window, the number of leaks.
    pub value: Option<i64>,
    /// The same in percent of before.
    pub value_percent: Option<f64>,
    /// Lower bound of the value (95 %, one-sided); absent where nothing says how far it reaches.
    pub lower: Option<i64>,
    /// Upper bound of the value.
    pub upper: Option<i64>,
    /// Which of the three.
    pub outcome: Outcome,
    /// What was found, in a sentence.
    pub message: String,
    /// What would decide, or what to do next; absent where nothing has to be done.
    pub advice: Option<String>,
    /// How much growth the allow-list took out of it.
    pub allowed: i64,
    /// The places behind it, the surest first; none where it passes.
    pub offenders: Vec<Offender>,
}

impl Judgement {
    /// A judgement about no numbers of a profile.
    fn plain(rule: &str, demand: Demand, scope: String, level: Level) -> Self {
        Self {
            rule: rule.to_owned(),
            demand,
            scope,
            level,
            sample_type: String::new(),
            unit: String::new(),
            limit: None,
            limit_percent: None,
            before: None,
            after: None,
            value: None,
            value_percent: None,
            lower: None,
            upper: None,
            outcome: Outcome::Pass,
            message: String::new(),
            advice: None,
            allowed: 0,
            offenders: Vec::new(),
        }
    }
}

/// An entry of the allow-list that is not past its date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Granted {
    /// Where it stands: `heapdiff.toml:12`.
    pub place: String,
    /// What may grow.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// The last day on which it may.
    pub expires: String,
    /// Whether anything was found that it is about.
    pub is_used: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// `fail` where a rule of level `fail` failed, else `inconclusive` where one is open, else `pass`.
    pub outcome: Outcome,
    /// What an inconclusive check counts as, where somebody said so (`--on-inconclusive`); the exit code follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_for: Option<Outcome>,
    /// Number of profiles before, the first ones of `inputs`; 0 where there is no baseline.
    pub before_runs: usize,
    /// Number of profiles after, the last ones of `inputs`.
    pub after_runs: usize,
    /// What is said of each rule, in their order.
    pub rules: Vec<Judgement>,
    /// The allow-list, as far as it holds.
    pub allowances: Vec<Granted>,
}

impl Check {
    /// The outcome of rules together.
    pub fn overall<'j>(rules: impl Iterator<Item = &'j Judgement> + Clone) -> Outcome {
        let mut outcomes = rules.filter(|rule| rule.level == Level::Fail).map(|rule| rule.outcome);
        if outcomes.clone().any(|outcome| outcome == Outcome::Fail) {
            Outcome::Fail
        } else if outcomes.any(|outcome| outcome == Outcome::Inconclusive) {
            Outcome::Inconclusive
        } else {
            Outcome::Pass
        }
    }
}

/// What is judged: the runs of before, then those of after.
#[derive(Clone, Copy)]
pub struct CheckSubject<'a> {
    /// The snapshots.
    pub series: &'a Series,
    /// Count what was inlined with what it was inlined into.
    pub noinlines: bool,
    /// How two snapshots relate.
    pub process: Option<Process>,
    /// The sample type of rules that name none.
    pub column: usize,
    /// What leaks, where snapshots through time were given.
    pub leaks: Option<Leaks<'a>>,
}

/// What leaks in snapshots through time.
#[derive(Clone, Copy)]
pub struct Leaks<'a> {
    /// The suspects, of any class.
    pub suspects: &'a [Suspect],
    /// How many snapshots that differ each process has.
    pub processes: &'a [usize],
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckQuery {
    /// What is demanded.
    pub rules: Arc<Rules>,
    /// Leak patterns, for rules about them.
    pub catalog: Arc<Catalog>,
    /// Which code is the program's own.
    pub own: Own,
    /// How many of the snapshots are before; the others are after.
    pub before: usize,
    /// The day on which it is asked, for the allow-list.
    pub today: Date,
    /// What may be missing.
    pub missing: Missing,
    /// What an inconclusive check is taken for.
    pub inconclusive: Option<Outcome>,
}
