//! The columns of rows with one value each: that of a single profile, or before, after and Δ.

use super::Kind::Number;
use super::{Columns, View};
use crate::analysis::Bounds;
use crate::model::change::Change;
use crate::output::number::Scale;

impl<'a, R> Columns<'a, R> {
    /// Adds the value of a row.
    pub(super) fn amount(
        self,
        View { report, style }: View<'a>,
        amount: impl Fn(&R) -> Change<i64> + Copy + 'a,
    ) -> Self {
        let scale = Scale::new(&report.unit, style.unit.as_deref());
        let title = if report.comparison.is_some() { "Δ" } else { "value" };
        self.optional("before", move |row| amount(row).before)
            .column("after", move |row| amount(row).after)
            .optional("delta", move |row| amount(row).delta)
            .shown((0, Number, title, None), move |row| {
                let Change { delta, after, .. } = amount(row);
                delta.map_or_else(|| scale.value(after), |delta| scale.change(delta))
            })
            .shown((3, Number, "before", Some(1)), move |row| {
                amount(row).before.map(|before| scale.value(before))
            })
            .shown((4, Number, "after", Some(2)), move |row| {
                let Change { before, after, .. } = amount(row);
                before.map(|_| scale.value(after))
            })
    }

    /// Adds its error.
    pub(super) fn amount_error(
        self,
        View { report, style }: View<'a>,
        amount: impl Fn(&R) -> (Change<i64>, Option<Bounds>) + Copy + 'a,
    ) -> Self {
        let scale = Scale::new(&report.unit, style.unit.as_deref());
        self.bounds(["error_lower", "error_upper"], move |row| amount(row).1).shown(
            (1, Number, "± 95 %", Some(4)),
            move |row| {
                let (amount, error) = amount(row);
                Some(scale.error(error?, amount))
            },
        )
    }
}
