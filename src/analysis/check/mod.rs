//! Checks whether a program keeps to its rules.
//!
//! Each rule is judged on the samples in its scope (`scopes`), added up over the runs before and
//! after (`count`), against its own error (`stats::threshold`); hence the three outcomes. All limits share
//! the probability of a wrong failure (`stats::multiple::holm`). Rules about leaks are in `leaks`. If a rule
//! doesn't pass, `offenders` finds the places behind it; `messages` explains what would decide an
//! inconclusive rule.
//!
//! A check that judges nothing always passes. So a rule that matches nothing is an error, and so is
//! a profile without samples, unless explicitly allowed.

mod count;
pub mod drift;
mod leaks;
mod messages;
mod offenders;
mod reduce;
mod scopes;
mod verdicts;

pub use reduce::{Unkept, reduce, scopes, unkept};
pub use verdicts::{Missing, Unanswerable, check};

use super::estimates::Class;
use super::{CouldShow, Measured, Place, Process, Suspect};
use crate::model::origin::Own;
use crate::model::series::Series;
use crate::patterns::Catalog;
use crate::rules::{Level, Rules};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The outcome of a rule or of a whole check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is within its limit.
    Pass,
    /// It is above its limit.
    Fail,
    /// Its error is larger than its distance from the limit.
    Inconclusive,
}

/// What a judgement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// How much the value grew from before to after.
    Growth,
    /// How large the value is after.
    Budget,
    /// How much the value grew from the first to the last of many baselines.
    Drift,
    /// Leaks.
    Leaks,
    /// An entry of the allow-list that is past its date.
    Allowance,
}

/// A place behind a broken rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offender {
    /// The line of the program's own code; if the builds differ, its name and line after.
    #[serde(flatten)]
    pub place: Place,
    /// Its value before: the mean of the runs.
    pub before: i64,
    /// Its value after.
    pub after: i64,
    /// `after − before`.
    pub delta: i64,
    /// Lower 95 % bound of the growth, or of `after` if a budget is exceeded.
    pub lower: i64,
    /// Upper 95 % bound.
    pub upper: i64,
    /// The unit of these numbers if it differs from the rule's: goroutines among bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How it behaves through time, if that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Leak patterns that its stacks match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// What it does, and what to do about it; empty if only its numbers are known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub explanation: String,
}

/// The judgement on one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Judgement {
    /// Name of the rule; for an entry of the allow-list, its place in the file.
    pub rule: String,
    /// What is judged.
    pub demand: Demand,
    /// Which samples: `total`, `function REGEX`, `package REGEX`, `file REGEX`, `pattern ID`, `class leak`.
    pub scope: String,
    /// What breaking it means.
    pub level: Level,
    /// Sample type of the numbers.
    pub sample_type: String,
    /// Their unit.
    pub unit: String,
    /// The limit. A share of before has been converted to a number; of several limits it is the
    /// deciding one.
    pub limit: Option<i64>,
    /// The limit in percent of before, if the rule has one.
    pub limit_percent: Option<f64>,
    /// The mean of the runs before.
    pub before: Option<i64>,
    /// The mean of the runs after.
    pub after: Option<i64>,
    /// The value compared with the limit: the growth, the value after, the drift over the window,
    /// the number of leaks.
    pub value: Option<i64>,
    /// The same in percent of before.
    pub value_percent: Option<f64>,
    /// Lower bound of the value (95 %, one-sided); absent if its error is unknown.
    pub lower: Option<i64>,
    /// Upper bound of the value.
    pub upper: Option<i64>,
    /// The outcome.
    pub outcome: Outcome,
    /// What was found, in a sentence.
    pub message: String,
    /// What would decide, or what to do next; absent if no action is needed.
    pub advice: Option<String>,
    /// How much growth the allow-list removed from it.
    pub allowed: i64,
    /// The places behind it, the most certain first; empty if the rule passes.
    pub offenders: Vec<Offender>,
    /// Leaks of less confidence than the rule is about: it doesn't fail because of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub let_pass: Vec<Offender>,
    /// For how many limits, this one included, its lower bound is corrected (Holm); 1 if it is
    /// judged alone or isn't compared with a limit.
    #[serde(default = "alone", skip_serializing_if = "is_alone")]
    pub corrected_for: usize,
    /// What snapshots could have shown, if the rule is about leaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub could_show: Option<CouldShow>,
}

fn alone() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_alone(limits: &usize) -> bool {
    *limits <= 1
}

impl Judgement {
    /// A judgement without numbers from a profile.
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
            let_pass: Vec::new(),
            corrected_for: alone(),
            could_show: None,
        }
    }
}

/// An entry of the allow-list that is not past its date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Granted {
    /// Its place: `heapdiff.toml:12`.
    pub place: String,
    /// What may grow.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// The last day on which it applies.
    pub expires: String,
    /// Whether it matched anything.
    pub is_used: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// `fail` if a rule of level `fail` failed, else `inconclusive` if one is, else `pass`.
    pub outcome: Outcome,
    /// What an inconclusive check counts as, if set with `--on-inconclusive`; the exit code follows
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_for: Option<Outcome>,
    /// Number of profiles before, the first ones of `inputs`; 0 if there is no baseline.
    pub before_runs: usize,
    /// Number of profiles after, the last ones of `inputs`.
    pub after_runs: usize,
    /// How many limits were judged together: a wrong `fail` of any of them has a probability of at
    /// most 5 %.
    #[serde(default)]
    pub limits: usize,
    /// The judgements of the rules, in their order.
    pub rules: Vec<Judgement>,
    /// The allow-list entries that are in force.
    pub allowances: Vec<Granted>,
}

impl Check {
    /// The combined outcome of rules.
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

/// The subject of a check: the runs before, then the runs after.
#[derive(Clone, Copy)]
pub struct CheckSubject<'a> {
    /// The snapshots.
    pub series: &'a Series,
    /// Which code is the program's own.
    pub own: &'a Own,
    /// Whether inlined functions count as part of the function they were inlined into.
    pub noinlines: bool,
    /// How two snapshots relate.
    pub process: Option<Process>,
    /// The sample type of rules that name none.
    pub column: usize,
    /// Leaks, if snapshots through time were given.
    pub leaks: Option<Leaks<'a>>,
}

/// Leaks in snapshots through time.
#[derive(Clone, Copy)]
pub struct Leaks<'a> {
    /// The suspects, of any class.
    pub suspects: &'a [Suspect],
    /// How many distinct snapshots each process has.
    pub processes: &'a [usize],
    /// For each process, whether it allocates more and more.
    pub works_more: &'a [bool],
    /// What the snapshots could have shown.
    pub could_show: Option<&'a CouldShow>,
    /// What is in use in the last of them, in the unit of the suspects.
    pub in_use: i64,
}

/// A question about rules.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckQuery {
    /// The rules.
    pub rules: Arc<Rules>,
    /// Leak patterns, for rules about them.
    pub catalog: Arc<Catalog>,
    /// How many of the snapshots are before; the others are after.
    pub before: usize,
    /// Today's date, for the allow-list.
    pub today: Date,
    /// What may be missing without being an error.
    pub missing: Missing,
    /// What an inconclusive check counts as.
    pub inconclusive: Option<Outcome>,
}
