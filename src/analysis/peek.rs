//! Shows one level around rows: for each row whose name matches, its callers and callees, with the
//! value of each call.

use super::calls::{changes, errors, of_same_rows, sizes};
use super::{Measure, MeasureBounds, NoAnswer, NoMatch, Order, Subject, percent};
use crate::graph::distinct_stacks::Stacks;
use crate::graph::frames::{RowId, Unsymbolized};
use crate::graph::neighbors::neighbors;
use crate::graph::row_table::RowTable;
use crate::model::change::Change;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A row that calls, or is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Neighbor {
    /// Its name.
    pub name: Arc<str>,
    /// Values of samples that went along this call, each counted once.
    #[serde(flatten)]
    pub value: Change<i64>,
    /// Whether the callee was inlined into the caller wherever it was called.
    pub inline: bool,
}

/// A row and one level around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeekRow {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: Arc<str>,
    /// Flat and cum.
    #[serde(flatten)]
    pub value: Change<Measure>,
    /// Flat (its change) as a share of everything that changed, or of the total of a single
    /// profile, in percent.
    pub flat_percent: Option<f64>,
    /// Cum (its change) as a share of the same, in percent.
    pub cum_percent: Option<f64>,
    /// 95 % intervals of the sampling error.
    pub error: Option<MeasureBounds>,
    /// Rows that call it, the heaviest call first.
    pub callers: Vec<Neighbor>,
    /// Rows that it calls, the heaviest call first.
    pub callees: Vec<Neighbor>,
}

/// The answer to "which functions call it, and which does it call".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Peek {
    /// The regular expression that names match; absent if all rows were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The rows, heaviest first.
    pub rows: Vec<PeekRow>,
    /// Further rows left out by `--nodecount`.
    pub omitted: usize,
}

/// The rows that match `pattern`, or all of them; at most `nodecount`, unless that is 0.
pub fn peek(
    subject: &Subject<'_>,
    pattern: Option<&Regex>,
    order: Order,
    nodecount: usize,
) -> Result<Peek, NoAnswer> {
    let frames = subject.frames;
    let rows = (0..frames.len() as u32).map(RowId);
    let is_match = |row| pattern.is_none_or(|regex| regex.is_match(frames.name(row)));
    let is_match: Vec<bool> = rows.clone().map(is_match).collect();
    let stacks = Stacks::new(subject.series);
    let changes = changes(subject, &stacks);
    let table = RowTable::new(subject.series, frames, Unsymbolized::Binary);
    let paths = of_same_rows((&stacks, &table), &changes)?;
    let whole = sizes(&paths).iter().fold(0, |sum: i64, &size| sum.saturating_add(size));
    let found = neighbors(&stacks, frames, &changes, &is_match);
    let measures = |row: RowId| {
        let (flat, cum) = (found.flat[row.0 as usize], found.cum[row.0 as usize]);
        subject.change([Measure { flat: flat.0, cum: cum.0 }, Measure { flat: flat.1, cum: cum.1 }])
    };
    let mut matching: Vec<(RowId, Change<Measure>)> = rows
        .clone()
        .filter(|row| is_match[row.0 as usize])
        .map(|row| (row, measures(row)))
        .collect();
    // Rows that hold nothing are left out, unless only such rows match the pattern.
    if pattern.is_none() || matching.iter().any(|(_, value)| !value.is_zero()) {
        matching.retain(|(_, value)| !value.is_zero());
    }
    if let (Some(pattern), true) = (pattern, matching.is_empty()) {
        let what = if frames.by_function_name() { "function" } else { "row" };
        return Err(NoMatch::new(what, pattern.as_str(), rows.map(|row| frames.name(row))).into());
    }
    matching.sort_by(|(a, left), (b, right)| {
        let size = |value: &Change<Measure>| {
            let Measure { flat, cum } = value.delta_or_value();
            if order == Order::Cum { cum.unsigned_abs() } else { flat.unsigned_abs() }
        };
        size(right).cmp(&size(left)).then_with(|| frames.name(*a).cmp(frames.name(*b)))
    });
    let shown = if nodecount == 0 { matching.len() } else { nodecount.min(matching.len()) };
    let omitted = matching.len() - shown;
    matching.truncate(shown);
    let asked: Vec<_> =
        matching.iter().map(|(row, value)| (*row, value.delta_or_value())).collect();
    let errors = errors(subject, (&stacks, &table), &asked);
    let mut is_shown = vec![false; frames.len()];
    matching.iter().for_each(|(row, _)| is_shown[row.0 as usize] = true);
    // A row may call, and be called by, all others.
    let names: Vec<Arc<str>> = rows.clone().map(|row| frames.name(row).into()).collect();
    let name = |row: RowId| names[row.0 as usize].clone();
    // The calls of each row; each call is listed at both of its ends.
    let mut calls: Vec<(Vec<Neighbor>, Vec<Neighbor>)> = vec![Default::default(); frames.len()];
    for call in &found.calls {
        let value = subject.change(call.value.into());
        let neighbor = |row: RowId| Neighbor { name: name(row), value, inline: call.is_inlined };
        if !value.is_zero() {
            for (end, of) in [(call.callee, call.caller), (call.caller, call.callee)] {
                let (callers, callees) = &mut calls[end.0 as usize];
                if is_shown[end.0 as usize] {
                    let side = if end == call.callee { callers } else { callees };
                    side.push(neighbor(of));
                }
            }
        }
    }
    let sorted = |mut found: Vec<Neighbor>| {
        found.sort_by(|a, b| {
            let size = |neighbor: &Neighbor| neighbor.value.delta_or_value().unsigned_abs();
            size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name))
        });
        found
    };
    let rows = matching.iter().zip(errors).map(|((row, value), error)| {
        let (callers, callees) = std::mem::take(&mut calls[row.0 as usize]);
        PeekRow {
            name: name(*row),
            value: *value,
            flat_percent: percent(value.delta_or_value().flat, whole),
            cum_percent: percent(value.delta_or_value().cum, whole),
            error,
            callers: sorted(callers),
            callees: sorted(callees),
        }
    });
    Ok(Peek {
        pattern: pattern.map(|pattern| pattern.as_str().to_owned()),
        rows: rows.collect(),
        omitted,
    })
}
