//! A check for github-action-benchmark, which plots values over the history of a repository:
//! `customSmallerIsBetter`, a list of objects with `name`, `unit`, `value`, `range` and `extra`.
//!
//! The value is the after value, since a curve of growths would show nothing; for a rule about
//! leaks it is their number. Each name is a curve, so a name contains nothing that changes from run
//! to run.

use super::check_wording as wording;
use super::escape::json::write_pretty;
use super::number::half_width;
use crate::analysis::Bounds;
use crate::analysis::check::{Check, Demand, Judgement};
use crate::report::Report;
use serde::Serialize;
use std::io;

/// One point of a curve.
#[derive(Serialize)]
struct Point<'a> {
    name: String,
    unit: &'a str,
    value: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

pub(super) fn write(_: &Report, check: &Check, out: &mut dyn io::Write) -> io::Result<()> {
    let points: Vec<Point<'_>> =
        (0..check.rules.len()).filter_map(|at| point(&check.rules, at)).collect();
    write_pretty(&points, out)
}

/// Returns the point of a judgement; `None` if it has no value, or if another demand of its rule
/// shows the same value better.
fn point(all: &[Judgement], at: usize) -> Option<Point<'_>> {
    let judgement = &all[at];
    let same = |other: &&Judgement| {
        other.rule == judgement.rule && other.sample_type == judgement.sample_type
    };
    // A budget's bounds are those of the value itself; a growth's are those of the difference.
    let mut siblings =
        all.iter().enumerate().filter(|(_, other)| same(other) && other.after.is_some());
    let best = siblings.clone().find(|(_, other)| other.demand == Demand::Budget);
    let best = best.or_else(|| siblings.next()).map(|(best, _)| best);
    let bounds = judgement.lower.zip(judgement.upper);
    let range = bounds.map(|(lower, upper)| half_width(Bounds { lower, upper }));
    let range = range.map(|half| format!("± {half}"));
    let range = range.filter(|_| judgement.demand != Demand::Leaks);
    let extra = format!("{}: {}", wording::word(judgement), judgement.message);
    match judgement.demand {
        Demand::Leaks => Some(Point {
            name: judgement.rule.clone(),
            unit: "leaks",
            value: judgement.value?,
            range,
            extra,
        }),
        Demand::Allowance => None,
        _ if best != Some(at) => None,
        _ => Some(Point {
            name: format!("{} ({} in {})", judgement.rule, judgement.sample_type, judgement.scope),
            unit: &judgement.unit,
            value: judgement.after?,
            range,
            extra,
        }),
    }
}
