//! Stacks as a file of speedscope, by its
//! [format](https://www.speedscope.app/file-format-schema.json).
//!
//! It knows no negative weights, so a comparison is four profiles in one file: what grew, what
//! shrank, after and before, each named with its total. Speedscope shows the first one first.
//! Profiles without a sample are left out.

use super::escape::json::write_line;
use crate::analysis::stacks::{StackFrame, ValuedStack, ValuedStacks};
use crate::model::change::Change;
use crate::report::Report;
use crate::units::{self, Kind};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use std::io;

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: &'static str,
    name: String,
    active_profile_index: usize,
    shared: Shared<'a>,
    profiles: Vec<Profile<'a>>,
}

#[derive(Serialize)]
struct Shared<'a> {
    frames: Vec<SharedFrame<'a>>,
}

#[derive(Serialize)]
struct SharedFrame<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    unit: &'static str,
    start_value: i64,
    end_value: i64,
    samples: Paths<'a>,
    weights: Vec<i64>,
}

/// The frames of the stacks, collected while they are written.
struct Paths<'a> {
    stacks: &'a ValuedStacks,
    of: Vec<&'a ValuedStack>,
}

impl Serialize for Paths<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.of.len()))?;
        let mut path = Vec::new();
        for stack in &self.of {
            self.stacks.path(stack, &mut path);
            sequence.serialize_element(&path)?;
        }
        sequence.end()
    }
}

/// The weight of a stack in one profile of the file.
type PathWeight = fn(Change<i64, i64>) -> i64;

const COMPARISON: [(&str, PathWeight); 4] = [
    ("grew", |value| value.delta.max(0)),
    ("shrank", |value| value.delta.saturating_neg().max(0)),
    ("after", |value| value.after.max(0)),
    ("before", |value| value.before.max(0)),
];

const SINGLE: [(&str, PathWeight); 2] =
    [("", |value| value.after.max(0)), ("negative", |value| value.after.saturating_neg().max(0))];

pub(super) fn write(
    report: &Report,
    stacks: &ValuedStacks,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let (unit, factor) = unit(&report.unit);
    let weights: &[(&str, PathWeight)] = if stacks.is_comparison { &COMPARISON } else { &SINGLE };
    let mut profiles: Vec<Profile<'_>> = weights
        .iter()
        .map(|&(part, weight)| profile(report, stacks, part, unit, |v| scaled(weight(v), factor)))
        .collect();
    let is_empty = profiles.iter().all(|profile| profile.weights.is_empty());
    let mut first = is_empty;
    // A file without a profile isn't valid.
    profiles.retain(|profile| std::mem::take(&mut first) || !profile.weights.is_empty());
    let inputs: Vec<&str> = report.inputs.iter().map(|input| input.name.as_str()).collect();
    let file = File {
        schema: SCHEMA,
        exporter: "heapdiff",
        name: inputs.join(" → "),
        active_profile_index: 0,
        shared: Shared { frames: stacks.frames.iter().map(shared).collect() },
        profiles,
    };
    write_line(&file, out)?;
    out.flush()
}

fn profile<'a>(
    report: &Report,
    stacks: &'a ValuedStacks,
    part: &str,
    unit: &'static str,
    weight: impl Fn(Change<i64, i64>) -> i64,
) -> Profile<'a> {
    let of: Vec<&ValuedStack> =
        stacks.stacks.iter().filter(|stack| weight(stack.value) != 0).collect();
    let weights: Vec<i64> = of.iter().map(|stack| weight(stack.value)).collect();
    let total = weights.iter().fold(0_i64, |sum, &weight| sum.saturating_add(weight));
    let blank = if part.is_empty() { "" } else { " " };
    let shown = if unit == "none" { "count" } else { unit };
    let name =
        format!("{part}{blank}{} {}", report.sample_type, units::display(total as f64, shown));
    Profile {
        kind: "sampled",
        name,
        unit,
        start_value: 0,
        end_value: total,
        samples: Paths { stacks, of },
        weights,
    }
}

fn shared(frame: &StackFrame) -> SharedFrame<'_> {
    SharedFrame { name: &frame.name, file: frame.file.as_deref(), line: frame.line }
}

/// The speedscope unit for a profile's unit, and the factor between them.
fn unit(unit: &str) -> (&'static str, f64) {
    match units::classify(unit) {
        (Kind::Bytes, factor) => ("bytes", factor),
        (Kind::Time, factor) => ("nanoseconds", factor),
        (Kind::Count, _) => ("none", 1.0),
    }
}

/// A weight in the speedscope unit; factors are whole numbers.
fn scaled(weight: i64, factor: f64) -> i64 {
    let exact = i128::from(weight) * factor as i128;
    i64::try_from(exact).unwrap_or(i64::MAX)
}
