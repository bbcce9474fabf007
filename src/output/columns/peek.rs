//! The columns of rows with their callers and callees.

use super::Kind::{Number, Text};
use super::cells::title;
use super::{Columns, View};
use crate::analysis::peek::{Neighbor, PeekRow};
use crate::model::change::Change;
use crate::output::number::{Scale, percent_text};

/// The words for a row itself, in CSV and in the table.
const ITSELF: [&str; 2] = ["self", ""];
const CALLER: [&str; 2] = ["caller", "called by"];
const CALLEE: [&str; 2] = ["callee", "calls"];

/// A row itself, or a call from or to it.
#[derive(Clone, Copy)]
pub(in crate::output) struct PeekLine<'a> {
    row: &'a PeekRow,
    relation: [&'static str; 2],
    pub(in crate::output) neighbor: Option<&'a Neighbor>,
    /// Weight of the call, or cum of the row.
    pub(in crate::output) value: Change<i64>,
}

impl<'a> PeekLine<'a> {
    pub(in crate::output) fn itself(row: &'a PeekRow) -> Self {
        let value = row.value.map(|measure| measure.cum);
        Self { row, relation: ITSELF, neighbor: None, value }
    }

    pub(in crate::output) fn callers(row: &'a PeekRow) -> impl Iterator<Item = Self> {
        Self::calls(row, CALLER, &row.callers)
    }

    pub(in crate::output) fn callees(row: &'a PeekRow) -> impl Iterator<Item = Self> {
        Self::calls(row, CALLEE, &row.callees)
    }

    /// The sum of two calls.
    pub(in crate::output) fn plus(self, other: Self) -> Self {
        Self { neighbor: None, value: self.value.plus(other.value), ..self }
    }

    fn calls(
        row: &'a PeekRow,
        relation: [&'static str; 2],
        neighbors: &'a [Neighbor],
    ) -> impl Iterator<Item = Self> {
        let itself = Self { relation, ..Self::itself(row) };
        let of = move |one: &'a Neighbor| Self { neighbor: Some(one), value: one.value, ..itself };
        neighbors.iter().map(of)
    }

    /// The row, on its own line.
    fn own(&self) -> Option<&'a PeekRow> {
        (self.relation == ITSELF).then_some(self.row)
    }

    fn share(&self) -> Option<f64> {
        let whole = self.row.value.delta_or_value().cum;
        match self.own() {
            Some(row) => row.cum_percent,
            None => (whole != 0).then(|| self.value.delta_or_value() as f64 / whole as f64 * 100.0),
        }
    }
}

pub(in crate::output) fn columns(view: View<'_>) -> Columns<'_, PeekLine<'_>> {
    let View { report, style } = view;
    let is_comparison = report.comparison.is_some();
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let main = move |value| if is_comparison { scale.change(value) } else { scale.value(value) };
    let [flat, cum, calls] =
        if is_comparison { ["Δ flat", "Δ cum", "Δ calls"] } else { ["flat", "cum", "calls"] };
    Columns::<PeekLine<'_>>::new()
        .column("row", |line| &line.row.name)
        .column("relation", |line| line.relation[0])
        .shown((8, Text, "", None), |line| line.relation[1].to_owned())
        .column("name", |line| line.neighbor.map_or(&line.row.name, |neighbor| &neighbor.name))
        .label(9, title(report))
        .optional("before", |line| line.value.before)
        .shown((6, Number, "before", Some(1)), move |line| {
            line.value.before.map(|v| scale.value(v))
        })
        .column("after", |line| line.value.after)
        .shown((7, Number, "after", Some(2)), move |line| {
            line.value.before.map(|_| scale.value(line.value.after))
        })
        .optional("delta", |line| line.value.delta)
        .shown((2, Number, cum, None), move |line| {
            line.own().map(|_| main(line.value.delta_or_value()))
        })
        .shown((4, Number, calls, None), move |line| {
            line.own().is_none().then(|| main(line.value.delta_or_value()))
        })
        .shown((5, Number, "share", Some(3)), |line| line.share().map(percent_text))
        .optional("before_flat", |line| Some(line.own()?.value.before?.flat))
        .optional("after_flat", |line| Some(line.own()?.value.after.flat))
        .optional("delta_flat", |line| Some(line.own()?.value.delta?.flat))
        .shown((0, Number, flat, Some(5)), move |line| {
            Some(main(line.own()?.value.delta_or_value().flat))
        })
        .shown((1, Number, "± 95 %", Some(4)), move |line| {
            let row = line.own()?;
            Some(scale.error(row.error?.flat, row.value.map(|measure| measure.flat)))
        })
        .bounds(["error_lower", "error_upper"], |line| Some(line.own()?.error?.cum))
        .shown((3, Number, "cum ± 95 %", Some(0)), move |line| {
            Some(scale.error(line.own()?.error?.cum, line.value))
        })
        .optional("inline", |line| Some(line.neighbor?.inline))
        .column("unit", |_| &report.unit)
}
