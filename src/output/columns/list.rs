//! The columns of the lines of functions. In the table a zero on a line with another value is a
//! dot, as in pprof; a line without values has none.

use super::Kind::{Code, Mixed, Number};
use super::{Columns, View};
use crate::analysis::list::{ListLine, Listing};
use crate::analysis::{Bounds, Measure, MeasureBounds};
use crate::model::change::Change;
use crate::output::number::Scale;

/// A line of a function, or one that the table adds.
pub(in crate::output) struct SourceLine<'a> {
    pub(in crate::output) listing: &'a Listing,
    /// The values, with their intervals; `None` if the line is only text.
    pub(in crate::output) values: Option<(Change<Measure>, Option<MeasureBounds>)>,
    pub(in crate::output) number: Option<i64>,
    /// Replaces the number.
    pub(in crate::output) mark: &'static str,
    pub(in crate::output) text: String,
}

impl<'a> SourceLine<'a> {
    pub(in crate::output) fn new(listing: &'a Listing, line: &ListLine) -> Self {
        let values = Some((line.values, line.error));
        Self { listing, values, number: line.line, mark: "?", text: String::new() }
    }

    fn of(&self, measure: fn(Measure) -> i64) -> Option<Change<i64>> {
        Some(self.values?.0.map(measure))
    }

    fn error(&self) -> Option<MeasureBounds> {
        self.values?.1
    }
}

/// Flat or cum.
struct Half {
    names: [&'static str; 5],
    /// Places in the table of Δ, its error, before and after follow each other.
    first: u8,
    titles: [&'static str; 4],
    drop_orders: [u8; 3],
    value: fn(Measure) -> i64,
    error: fn(MeasureBounds) -> Bounds,
}

pub(in crate::output) fn columns(view: View<'_>) -> Columns<'_, SourceLine<'_>> {
    let [main_flat, main_cum] =
        if view.report.comparison.is_some() { ["Δ flat", "Δ cum"] } else { ["flat", "cum"] };
    let flat = Half {
        names: ["before_flat", "after_flat", "delta_flat", "flat_error_lower", "flat_error_upper"],
        first: 0,
        titles: [main_flat, "± flat", "before", "after"],
        drop_orders: [4, 0, 1],
        value: |measure| measure.flat,
        error: |bounds| bounds.flat,
    };
    let cum = Half {
        names: ["before_cum", "after_cum", "delta_cum", "cum_error_lower", "cum_error_upper"],
        first: 4,
        titles: [main_cum, "± cum", "cum before", "cum after"],
        drop_orders: [5, 2, 3],
        value: |measure| measure.cum,
        error: |bounds| bounds.cum,
    };
    let columns = Columns::<SourceLine<'_>>::new()
        .column("function", |line| &line.listing.function)
        .optional("file", |line| line.listing.file.as_ref())
        .optional("line", |line| line.number)
        .shown((8, Mixed, "line", None), |line| {
            line.number.map_or_else(|| line.mark.to_owned(), |number| number.to_string())
        })
        .shown((9, Code, "", None), |line| line.text.clone());
    let columns = half(half(columns, view, flat), view, cum);
    columns.column("unit", |_| &view.report.unit)
}

fn half<'a>(
    columns: Columns<'a, SourceLine<'a>>,
    View { report, style }: View<'a>,
    Half { names, first, titles, drop_orders, value, error }: Half,
) -> Columns<'a, SourceLine<'a>> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let [before, after, delta, lower, upper] = names;
    let [main, margin, title_before, title_after] = titles;
    let text = move |value: i64| if value == 0 { ".".to_owned() } else { scale.value(value) };
    columns
        .both(
            before,
            (first + 2, Number, title_before, Some(drop_orders[1])),
            move |line| line.of(value)?.before,
            move |_, value| text(value),
        )
        .optional(after, move |line| Some(line.of(value)?.after))
        .shown((first + 3, Number, title_after, Some(drop_orders[2])), move |line| {
            line.of(value)?.before.and(line.of(value)).map(|of| text(of.after))
        })
        .optional(delta, move |line| line.of(value)?.delta)
        .shown((first, Number, main, None), move |line| {
            line.of(value).map(|of| match of.delta {
                Some(delta) if delta != 0 => scale.change(delta),
                _ => text(of.delta_or_value()),
            })
        })
        .bounds([lower, upper], move |line| line.error().map(error))
        .shown((first + 1, Number, margin, Some(drop_orders[0])), move |line| {
            // A value that is zero on both sides isn't an estimate.
            let of = line.of(value).filter(|of| !of.is_zero())?;
            Some(scale.error(error(line.error()?), of))
        })
}
