//! Patterns as plain data for output. JSON is this type.

use super::{Confidence, Example, Metric, Pattern, PatternEvidence};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// Name and version of the JSON form of a list of patterns.
pub const SCHEMA: &str = "heapdiff.patterns/v1";

/// Patterns, as in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The patterns, in the order of the catalogue.
    pub patterns: Vec<Listing>,
}

impl Page {
    /// Converts patterns.
    pub fn of<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        let patterns = patterns.into_iter().map(Listing::of).collect();
        Self { schema: SCHEMA.to_owned(), patterns }
    }
}

/// A pattern in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listing {
    /// Short name.
    pub id: String,
    /// What it is about, in a few words.
    pub title: String,
    /// How likely it names the true cause if its frames match.
    pub confidence: Confidence,
    /// The evidence for it.
    pub evidence: PatternEvidence,
    /// Which value of a heap profile it is about.
    pub metric: Metric,
    /// Regular expressions on function names, each of which matches some frame of the stack.
    pub any: Vec<String>,
    /// Regular expressions that must not match any frame.
    pub not: Vec<String>,
    /// Regular expression that matches some frame of a parked goroutine that belongs to it.
    pub goroutine: Option<String>,
    /// What happens.
    pub meaning: String,
    /// What to check, to be sure.
    pub look_for: String,
    /// What to do.
    pub fix: String,
    /// Versions in which its frames were seen.
    pub seen_on: String,
    /// The file that defines it; absent for built-in patterns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Stacks that match, and some that almost do.
    pub examples: Vec<Example>,
}

impl Listing {
    /// A pattern in words.
    pub fn of(pattern: &Pattern) -> Self {
        let texts = |regexes: &[Regex]| regexes.iter().map(ToString::to_string).collect();
        Self {
            id: pattern.id.clone(),
            title: pattern.title.clone(),
            confidence: pattern.confidence,
            evidence: pattern.evidence,
            metric: pattern.metric,
            any: texts(&pattern.any),
            not: texts(&pattern.not),
            goroutine: pattern.goroutine.as_ref().map(ToString::to_string),
            meaning: pattern.meaning.clone(),
            look_for: pattern.look_for.clone(),
            fix: pattern.fix.clone(),
            seen_on: pattern.seen_on.clone(),
            file: pattern.file.clone(),
            examples: pattern.examples.clone(),
        }
    }
}
