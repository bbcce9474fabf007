//! Answers: one variant per question.
//!
//! In JSON an answer is a section in the flat object of the report: the variant's name and its
//! contents. An answer with several sections is a struct whose fields are the sections.

use crate::analysis::{
    Suspect, call_graph::Graph, check::Check, diff::Diff, flame::Flame, list::List,
    matches::Matches, peek::Peek, refs::Refs, stacks::ValuedStacks, suspects::Verdict, tags::Tags,
    timeline::Timeline, top::Top, traces::Traces,
};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {
    schemars::Schema,
    serde_json::{Map, Value, json},
};

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", schemars(transform = sections))]
pub enum Answer {
    /// What changed.
    Diff(Diff),
    /// Where the memory is.
    Top(Top),
    /// The call paths that allocated memory.
    Refs(Refs),
    /// The call graph.
    Graph(Graph),
    /// Rows with their callers and callees.
    Peek(Peek),
    /// Lines of functions.
    List(List),
    /// Stacks.
    Traces(Traces),
    /// Labels.
    Tags(Tags),
    /// The flame graph.
    Flame(Flame),
    /// Rows over time.
    Timeline(Timeline),
    /// The patterns that the stacks under each own function match.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::analysis::matches::Match>"))]
    Matches(Matches),
    /// Leaks.
    #[serde(untagged)]
    Leaks(LeaksAnswer),
    /// Whether the rules pass.
    #[serde(untagged)]
    Check(CheckAnswer),
    /// Every distinct stack, for the formats of other tools; never in heapdiff's JSON.
    #[serde(untagged, skip_deserializing, serialize_with = "nothing")]
    #[cfg_attr(feature = "schema", schemars(with = "()"))]
    Stacks(ValuedStacks),
}

/// Leaks, and the rows over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
pub struct LeaksAnswer {
    /// Rows over time.
    pub timeline: Timeline,
    /// Leaks, and suspects that only look like one; the worst first.
    pub suspects: Vec<Suspect>,
    /// The verdict over all suspects.
    pub verdict: Verdict,
}

/// Whether the rules pass, and the leaks if a rule is about leaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
pub struct CheckAnswer {
    /// Leaks, and suspects that only look like one; the worst first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspects: Option<Vec<Suspect>>,
    /// The verdict over all suspects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Whether the rules pass.
    pub check: Check,
}

impl Answer {
    /// The rows over time, if the answer has them.
    pub fn timeline(&self) -> Option<&Timeline> {
        match self {
            Self::Timeline(timeline) | Self::Leaks(LeaksAnswer { timeline, .. }) => Some(timeline),
            _ => None,
        }
    }

    /// Whether the rules pass, if the question was a check.
    pub fn check(&self) -> Option<&Check> {
        match self {
            Self::Check(answer) => Some(&answer.check),
            _ => None,
        }
    }
}

/// An answer without a section.
fn nothing<S: Serializer>(_: &ValuedStacks, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_struct("Stacks", 0)?.end()
}

/// Describes answers as sections of one object, each of which may be absent, whatever the variant.
#[cfg(feature = "schema")]
fn sections(schema: &mut Schema) {
    let mut sections = Map::new();
    gather(schema.as_value(), &mut sections);
    *schema = json!({ "type": "object", "properties": sections }).try_into().unwrap_or_default();
}

/// Collects the sections of a variant, or of the variants within it.
#[cfg(feature = "schema")]
fn gather(variant: &Value, sections: &mut Map<String, Value>) {
    for variants in ["anyOf", "oneOf"].iter().filter_map(|&key| variant[key].as_array()) {
        variants.iter().for_each(|variant| gather(variant, sections));
    }
    for (name, section) in variant["properties"].as_object().into_iter().flatten() {
        let described = section.get("description").or(variant.get("description"));
        let mut section = optional(section);
        section["description"] = described.cloned().unwrap_or_default();
        sections.entry(name).or_insert(section);
    }
}

/// A section that may be absent.
#[cfg(feature = "schema")]
fn optional(section: &Value) -> Value {
    if let Some(of) = section.get("$ref") {
        return json!({ "anyOf": [{ "$ref": of }, { "type": "null" }] });
    }
    let mut section = section.clone();
    if let Some(of) = section["type"].as_str().map(str::to_owned) {
        section["type"] = json!([of, "null"]);
    }
    section
}
