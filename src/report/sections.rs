//! The shape of answers in JSON.
//!
//! An answer is a section in the flat object of the report: the variant's name and its contents. An
//! answer with several sections is a struct whose fields are the sections.

use crate::analysis::{
    Suspect, check::Check, goroutines::Clusters, suspects::Verdict, timeline::Timeline,
};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {
    schemars::Schema,
    serde_json::{Map, Value, json},
};

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

/// Goroutines in clusters, and of more than two inputs the rows over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
pub struct GoroutinesAnswer {
    /// The clusters.
    pub goroutines: Clusters,
    /// Rows over time, of more than two inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
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

/// An answer without a section.
pub(super) fn nothing<T, S: Serializer>(_: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_struct("Nothing", 0)?.end()
}

/// Describes answers as sections of one object, each of which may be absent, whatever the variant.
#[cfg(feature = "schema")]
pub(super) fn describe(schema: &mut Schema) {
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
