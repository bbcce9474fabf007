//! The columns of labels.

use super::Kind::Number;
use super::{Columns, View};
use crate::analysis::tags::{Tag, TagValue};
use crate::analysis::{Bounds, LabelValue};
use crate::model::change::Change;
use crate::output::number::{percent_change, percent_text};

/// A value of a label, or all of them. The table has a line for both, CSV for the values.
#[derive(Clone, Copy)]
pub(in crate::output) struct TagLine<'a> {
    key: &'a str,
    value: Option<&'a LabelValue>,
    pub(in crate::output) amount: Change<i64>,
    error: Option<Bounds>,
    percent: Option<f64>,
}

impl<'a> TagLine<'a> {
    /// All samples with the label.
    pub(in crate::output) fn whole(tag: &'a Tag) -> Self {
        let &Tag { ref key, amount, error, percent, .. } = tag;
        Self { key, value: None, amount, error, percent }
    }

    /// Those with one value.
    pub(in crate::output) fn value(tag: &'a Tag, of: &'a TagValue) -> Self {
        let &TagValue { ref value, amount, error, percent } = of;
        Self { key: &tag.key, value: Some(value), amount, error, percent }
    }
}

pub(in crate::output) fn columns(view: View<'_>) -> Columns<'_, TagLine<'_>> {
    let title = if view.report.comparison.is_some() { "Δ %" } else { "share" };
    Columns::<TagLine<'_>>::new()
        .column("key", |line| line.key)
        .label(5, "label")
        .optional("value", |line| {
            line.value.map(|value| match value {
                LabelValue::Text { text } => text.clone(),
                LabelValue::Number { number, .. } => number.to_string(),
            })
        })
        .optional("value_unit", |line| match line.value? {
            LabelValue::Text { .. } => None,
            LabelValue::Number { number_unit, .. } => Some(number_unit),
        })
        .amount(view, |line| line.amount)
        .optional("percent", |line| line.percent)
        .shown((2, Number, title, Some(3)), |line| match line.amount.before {
            Some(0) if line.amount.after != 0 => Some("new".to_owned()),
            Some(_) => line.percent.map(percent_change),
            None => line.percent.map(percent_text),
        })
        .amount_error(view, |line| (line.amount, line.error))
        .column("unit", |_| &view.report.unit)
}
