//! The rules of a gate: limits on a program's memory, and exceptions from them.
//!
//! A rule selects samples (its [`Scope`]) and which of their values count, and limits growth, the
//! total or drift. An allow-list entry exempts samples from rules, with a reason and until a date.
//! Rules are data, from a file ([`Rules::read`]) or from options; `analysis::check` applies them to
//! profiles.

pub mod collector;
pub mod memory;
mod read;
mod thresholds;

pub use crate::toml_file::TomlError;
pub use read::MAX_PERCENT;

use crate::units;
use bytesize::ByteSize;
use jiff::civil::Date;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which samples a rule is about.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All of them.
    Total,
    /// Those with a function on their stack whose name matches.
    Function(Regex),
    /// Those with a function whose package matches.
    Package(Regex),
    /// Those with a function whose source file matches.
    File(Regex),
    /// Those whose stack matches the leak pattern with this id.
    Pattern(String),
    /// Not samples: suspects of class `leak`.
    Leak,
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("total"),
            Self::Function(regex) => write!(f, "function {regex}"),
            Self::Package(regex) => write!(f, "package {regex}"),
            Self::File(regex) => write!(f, "file {regex}"),
            Self::Pattern(id) => write!(f, "pattern {id}"),
            Self::Leak => f.write_str("class leak"),
        }
    }
}

/// Where on a stack the function of a scope has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Anywhere: counts what it and its callees allocate.
    #[default]
    Cum,
    /// At the leaf: counts what it allocates itself.
    Flat,
}

/// What happens if a rule is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The check fails.
    #[default]
    Fail,
    /// It is reported, and the check goes on.
    Warn,
}

/// The least confidence with which a suspect must be a leak to break a rule about leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeastConfidence {
    /// Only what can hardly be anything else.
    #[default]
    High,
    /// What may also be a container that isn't full yet.
    Med,
    /// Every suspect of class `leak`.
    Low,
}

/// An amount, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// In bytes if it is a size, else in the unit of the sample type.
    pub value: i64,
    /// It was written as a size, which only makes sense for bytes.
    pub is_size: bool,
}

impl Amount {
    /// Parses a size such as `5MiB`, or a number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(|value| Self { value, is_size: false });
        }
        let size = text.parse::<ByteSize>().ok()?;
        i64::try_from(size.as_u64()).ok().map(|value| Self { value, is_size: true })
    }

    /// Whether it can limit values of this unit.
    pub fn fits(&self, unit: &str) -> bool {
        !self.is_size || units::classify(unit).0 == units::Kind::Bytes
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_size { units::Bytes(self.value as f64).fmt(f) } else { self.value.fmt(f) }
    }
}

/// The limits of a growth. It is too large only if it exceeds every limit that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// An amount.
    pub most: Option<Amount>,
    /// A share of before, in percent.
    pub percent: Option<f64>,
}

impl Limits {
    /// Whether no limit is set.
    pub fn is_empty(&self) -> bool {
        self.most.is_none() && self.percent.is_none()
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique within a file.
    pub name: String,
    /// Which samples.
    pub scope: Scope,
    /// Where on their stacks.
    pub value: Value,
    /// The sample type; `None` for the one of the check.
    pub sample_type: Option<String>,
    /// The limits of the growth.
    pub growth: Limits,
    /// The limit of the value after.
    pub budget: Option<Amount>,
    /// The limits of the growth over a window of baselines; those of `growth` if empty.
    pub drift: Limits,
    /// What happens if it is broken.
    pub level: Level,
    /// It may match nothing.
    pub allow_unmatched: bool,
    /// Which leaks break it, if it is about leaks.
    pub min_confidence: LeastConfidence,
}

impl Rule {
    /// Makes a rule with this name and scope, without limits.
    pub fn new(name: impl Into<String>, scope: Scope) -> Self {
        Self {
            name: name.into(),
            scope,
            value: Value::Cum,
            sample_type: None,
            growth: Limits::default(),
            budget: None,
            drift: Limits::default(),
            level: Level::Fail,
            allow_unmatched: false,
            min_confidence: LeastConfidence::High,
        }
    }
}

/// An allow-list entry: samples that are exempt from rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowance {
    /// The samples, or the suspects with a function in this scope.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// The last day on which it is valid; every entry has to expire.
    pub expires: Date,
    /// The names of the rules it applies to; all rules if empty.
    pub rules: Vec<String>,
    /// Its place in the file: `heapdiff.toml:12`.
    pub place: String,
}

impl Allowance {
    /// Whether it applies to a rule.
    pub fn is_for(&self, rule: &Rule) -> bool {
        self.rules.is_empty() || self.rules.contains(&rule.name)
    }

    /// Whether its last day was before `today`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires < today
    }
}

/// The rules and the allow-list of a gate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// The allow-list.
    pub allowances: Vec<Allowance>,
    /// Number of baselines in which to look for drift.
    pub window: Option<usize>,
}

impl Rules {
    /// Reads the `[[rule]]` and `[[allow]]` tables of a file. `is_pattern` checks the id of a leak
    /// pattern, and returns the nearest ids if there is none.
    ///
    /// # Errors
    ///
    /// Describes what is wrong with the file, with line and column, and what is allowed there.
    pub fn read(
        file: &str,
        text: &str,
        is_pattern: &dyn Fn(&str) -> Result<(), Vec<String>>,
    ) -> Result<Self, TomlError> {
        read::rules(file, text, is_pattern)
    }
}
