//! The columns of stacks with their labels.

use super::cells::joined;
use super::{Columns, View};
use crate::analysis::LabelValue;
use crate::analysis::traces::Trace;

pub(in crate::output) fn columns(view: View<'_>) -> Columns<'_, &Trace> {
    Columns::<&Trace>::new()
        .amount(view, |row| row.amount)
        .amount_error(view, |row| (row.amount, row.error))
        .column("unit", |_| &view.report.unit)
        .column("labels", |row| {
            joined(row.labels.iter().map(|label| match &label.value {
                LabelValue::Text { text } => format!("{}={text}", label.key),
                LabelValue::Number { number, number_unit } => {
                    format!("{}={number}{number_unit}", label.key)
                }
            }))
        })
        .column("frames", |row| joined(&row.frames))
        .label(5, "stack, the leaf first")
}
