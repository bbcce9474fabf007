//! The columns of the rows of one profile. In the table the value they are sorted by comes first
//! and stays.

use super::Kind::{Number, Text};
use super::cells::{counts_objects, place, title};
use super::{Columns, View};
use crate::analysis::parts::PartValue;
use crate::analysis::top::TopRow;
use crate::analysis::{Bounds, Place};
use crate::output::number::{Scale, count, percent_text};
use crate::report::Sort;

/// A row, or a part of it.
#[derive(Clone, Copy)]
pub(in crate::output) struct TopLine<'a> {
    pub(in crate::output) row: &'a TopRow,
    pub(in crate::output) part: Option<&'a PartValue>,
    /// The caller that the label names.
    pub(in crate::output) place: Option<&'a Place>,
}

impl TopLine<'_> {
    /// The value of the part, or one of the row.
    pub(in crate::output) fn value(&self, of_row: i64) -> i64 {
        self.part.map_or(of_row, |part| part.value.after)
    }

    fn percent(&self, of_row: i64, percent: Option<f64>) -> Option<f64> {
        let Some(part) = self.part else { return percent };
        (of_row != 0).then_some(percent? / of_row as f64 * part.value.after as f64)
    }

    fn flat(&self) -> i64 {
        self.value(self.row.flat)
    }

    fn cum(&self) -> i64 {
        self.value(self.row.cum)
    }

    fn error(&self) -> Option<Bounds> {
        self.part.map_or(self.row.error, |part| part.error)
    }

    fn objects(&self) -> Option<i64> {
        self.part.map_or(self.row.objects, |part| Some(part.objects?.after))
    }
}

pub(in crate::output) fn columns(view: View<'_>) -> Columns<'_, TopLine<'_>> {
    let View { report, style } = view;
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let counts_objects = counts_objects(report);
    let by_cum = report.sort == Sort::Cum;
    // The places of a value and of its percentage, and when they make room.
    let (first, second) = ([(0, None), (1, Some(2))], [(3, Some(3)), (4, Some(0))]);
    let [[flat, flat_percent], [cum, cum_percent]] =
        if by_cum { [second, first] } else { [first, second] };
    // What a caller's part leads to isn't known.
    let has_cum = move |line: &TopLine<'_>| line.part.is_none() || by_cum;
    Columns::<TopLine<'_>>::new()
        .column("name", |line| &line.row.name)
        .label(6, title(report))
        .optional("file", |line| line.row.file.as_ref())
        .optional("line", |line| line.row.line)
        .shown((7, Text, "where", Some(4)), move |line| {
            place(view, line.place, (line.row.file.as_ref(), line.row.line))
        })
        .both(
            "flat",
            (flat.0, Number, "flat", flat.1),
            |line| Some(line.flat()),
            move |_, flat| scale.value(flat),
        )
        .both(
            "cum",
            (cum.0, Number, "cum", cum.1),
            |line| Some(line.cum()),
            move |line, cum| has_cum(line).then(|| scale.value(cum)),
        )
        .both(
            "flat_percent",
            (flat_percent.0, Number, "flat %", flat_percent.1),
            |line| line.percent(line.row.flat, line.row.flat_percent),
            |_, percent| percent_text(percent),
        )
        .both(
            "cum_percent",
            (cum_percent.0, Number, "cum %", cum_percent.1),
            |line| line.percent(line.row.cum, line.row.cum_percent),
            move |line, percent| has_cum(line).then(|| percent_text(percent)),
        )
        .both("objects", (5, Number, "objects", Some(1)), TopLine::objects, move |_, objects| {
            counts_objects.then(|| count(objects))
        })
        .bounds(["error_lower", "error_upper"], TopLine::error)
        .shown((2, Number, "± 95 %", Some(5)), move |line| {
            let value = if by_cum { line.cum() } else { line.flat() };
            line.error().map(|error| scale.margin(error, value))
        })
        .via(|line| line.row.via.as_ref())
        .optional("via_share", |line| line.row.via_share)
        .column("unit", |_| &report.unit)
}
