//! Rules: what a gate demands of a program's memory, and what it lets pass.
//!
//! A rule says which samples it is about (its [`Scope`]), which of their values, and what these may not exceed: a growth,
//! a budget, a drift. An allowance takes samples out of rules, with a reason and until a date. They are data, from a file
//! ([`Rules::read`]) or from options; what they mean for two profiles is for `analysis::check` to say.

mod read;

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
    /// Those with a function of such a name on their stack.
    Function(Regex),
    /// Those with a function of such a package.
    Package(Regex),
    /// Those with a function of such a source file.
    File(Regex),
    /// Those whose stack matches the pattern of this id.
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

/// Where on a stack the function of a scope has to stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Anywhere: what it allocates, and what it calls does.
    #[default]
    Cum,
    /// At the leaf: what it allocates itself.
    Flat,
}

/// What breaking a rule means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The check fails.
    #[default]
    Fail,
    /// It is said, and the check goes on.
    Warn,
}

/// An amount, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// In bytes where it is a size, else in the unit of the sample type.
    pub value: i64,
    /// It was written as a size, which only bytes have.
    pub is_size: bool,
}

impl Amount {
    /// A size such as `5MiB`, or a number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(|value| Self { value, is_size: false });
        }
        let size = text.parse::<ByteSize>().ok()?;
        i64::try_from(size.as_u64()).ok().map(|value| Self { value, is_size: true })
    }

    /// Whether it may be a limit on values of this unit.
    pub fn fits(&self, unit: &str) -> bool {
        !self.is_size || units::classify(unit).0 == units::Kind::Bytes
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_size { units::Bytes(self.value as f64).fmt(f) } else { self.value.fmt(f) }
    }
}

/// What a growth may not exceed: both of what is there, at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// An amount.
    pub most: Option<Amount>,
    /// A share of before, in percent.
    pub percent: Option<f64>,
}

impl Limits {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.most.is_none() && self.percent.is_none()
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is called; no two of a file are called the same.
    pub name: String,
    /// Which samples.
    pub scope: Scope,
    /// Where on their stacks.
    pub value: Value,
    /// Which sample type; that of the question where absent.
    pub sample_type: Option<String>,
    /// What the growth may not exceed.
    pub growth: Limits,
    /// What after may not exceed.
    pub budget: Option<Amount>,
    /// What the growth over a window of baselines may not exceed; as `growth` where empty.
    pub drift: Limits,
    /// What breaking it means.
    pub level: Level,
    /// It is no mistake that nothing matches.
    pub allow_unmatched: bool,
}

impl Rule {
    /// A rule of this name and scope that demands nothing yet.
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
        }
    }
}

/// Samples that rules pass over.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowance {
    /// Which samples, or suspects, a function of which is in it.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// The last day on which it holds; absent for ever is not allowed.
    pub expires: Date,
    /// Of which rules, by name; of all where empty.
    pub rules: Vec<String>,
    /// Where it stands: `heapdiff.toml:12`.
    pub place: String,
}

impl Allowance {
    /// Whether it is about a rule.
    pub fn is_for(&self, rule: &Rule) -> bool {
        self.rules.is_empty() || self.rules.contains(&rule.name)
    }

    /// Whether it held its last day before `today`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires < today
    }
}

/// What a gate demands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// The allow-list.
    pub allowances: Vec<Allowance>,
    /// How many baselines drift is looked for in.
    pub window: Option<usize>,
}

impl Rules {
    /// Reads the `[[rule]]` and `[[allow]]` tables of a file. `is_pattern` knows the ids of patterns; where one is not
    /// there it names those that are nearest.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, with line and column, and what is allowed there.
    pub fn read(
        file: &str,
        text: &str,
        is_pattern: &dyn Fn(&str) -> Result<(), Vec<String>>,
    ) -> Result<Self, TomlError> {
        read::rules(file, text, is_pattern)
    }
}
