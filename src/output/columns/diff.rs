//! The columns of a diff. The value the rows are sorted by comes first in the table and stays.

use super::Kind::{Number, Text};
use super::cells::{counts_objects, place, scientific, title, word};
use super::{Columns, View};
use crate::analysis::diff::DiffRow;
use crate::analysis::parts::PartValue;
use crate::analysis::{Bounds, Measure, Place, Status};
use crate::output::is_heap;
use crate::output::number::{Scale, count_change, percent_change, whole_percent};
use crate::report::{Report, Sort};

/// A row, a part of it, or the two rows of a function that moved.
#[derive(Clone, Copy)]
pub(in crate::output) struct DiffLine<'a> {
    pub(in crate::output) row: &'a DiffRow,
    /// The row before, if the function moved and both are in the report.
    pub(in crate::output) moved: Option<&'a DiffRow>,
    pub(in crate::output) part: Option<&'a PartValue>,
    /// The caller that the label names.
    pub(in crate::output) place: Option<&'a Place>,
    pub(in crate::output) before: Measure,
    pub(in crate::output) after: Measure,
    pub(in crate::output) error: Option<Bounds>,
}

impl<'a> DiffLine<'a> {
    /// A row or a part of it.
    pub(in crate::output) fn new(row: &'a DiffRow, part: Option<&'a PartValue>) -> Self {
        // Rows sorted by cum are split only if both values are the same.
        let both = |value| Measure { flat: value, cum: value };
        DiffLine {
            row,
            moved: None,
            part,
            place: None,
            before: part.map_or(row.before, |part| both(part.value.before.unwrap_or_default())),
            after: part.map_or(row.after, |part| both(part.value.after)),
            error: part.map_or(row.error, |part| part.error),
        }
    }

    pub(in crate::output) fn delta(&self) -> Measure {
        Measure {
            flat: self.after.flat.saturating_sub(self.before.flat),
            cum: self.after.cum.saturating_sub(self.before.cum),
        }
    }

    pub(in crate::output) fn status(&self) -> Status {
        self.part.and_then(|part| part.status).unwrap_or(self.row.status)
    }

    /// Replaces the percentage.
    pub(in crate::output) fn status_word(&self) -> Option<&'static str> {
        match self.status() {
            _ if self.moved.is_some() => None,
            Status::New => Some("new"),
            Status::Gone => Some("gone"),
            _ => None,
        }
    }

    fn percent(&self, value: fn(Measure) -> i64) -> Option<f64> {
        if self.moved.is_none() && self.part.is_none() {
            return self.row.delta_percent;
        }
        // The percentage of the row would be that of one half of a pair, or of all parts.
        let (delta, before) = (value(self.delta()), value(self.before));
        (before != 0).then(|| delta as f64 / before.unsigned_abs() as f64 * 100.0)
    }

    fn objects_delta(&self) -> Option<i64> {
        if let Some(part) = self.part {
            return part.objects?.delta;
        }
        let after = self.row.objects?;
        match self.moved {
            None => Some(after.delta),
            Some(before) => Some(after.after.saturating_sub(before.objects?.before)),
        }
    }

    fn kept(&self) -> Option<f64> {
        self.part.map_or(self.row.kept, |part| part.kept)
    }
}

/// The value the rows are sorted by: the other one is shown next to it.
pub(in crate::output) fn main_value(report: &Report) -> fn(Measure) -> i64 {
    if report.sort == Sort::Cum { |measure| measure.cum } else { |measure| measure.flat }
}

pub(in crate::output) fn columns(view: View<'_>) -> Columns<'_, DiffLine<'_>> {
    let View { report, style } = view;
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let (is_heap, counts_objects) = (is_heap(report), counts_objects(report));
    let (value, by_cum) = (main_value(report), report.sort == Sort::Cum);
    Columns::<DiffLine<'_>>::new()
        .column("name", |line| &line.row.name)
        .label(8, title(report))
        .optional("file", |line| line.row.file.as_ref())
        .optional("line", |line| line.row.line)
        .shown((9, Text, "where", Some(5)), move |line| {
            place(view, line.place, (line.row.file.as_ref(), line.row.line))
        })
        .column("before_flat", |line| line.before.flat)
        .column("after_flat", |line| line.after.flat)
        .column("delta_flat", |line| line.row.delta.flat)
        .column("before_cum", |line| line.before.cum)
        .column("after_cum", |line| line.after.cum)
        .column("delta_cum", |line| line.row.delta.cum)
        .shown((3, Number, "before", Some(3)), move |line| scale.value(value(line.before)))
        .shown((4, Number, "after", Some(6)), move |line| scale.value(value(line.after)))
        .shown((0, Number, if by_cum { "Δ cum" } else { "Δ flat" }, None), move |line| {
            scale.change(value(line.delta()))
        })
        .shown((5, Number, "Δ flat", Some(4)), move |line| {
            by_cum.then(|| scale.change(line.delta().flat))
        })
        .optional("delta_percent", move |line| line.percent(value))
        .shown((2, Number, "Δ %", Some(0)), move |line| {
            let percent = || line.percent(value).map(percent_change);
            line.status_word().map(str::to_owned).or_else(percent)
        })
        .optional("objects_before", |line| Some(line.row.objects?.before))
        .optional("objects_after", |line| Some(line.row.objects?.after))
        .both(
            "objects_delta",
            (6, Number, "Δ objects", Some(2)),
            DiffLine::objects_delta,
            move |_, delta| counts_objects.then(|| count_change(delta)),
        )
        .both("kept", (7, Number, "kept", Some(1)), DiffLine::kept, move |_, share| {
            // Below 0 or above 1 it is sampling error, which a percentage would hide.
            is_heap.then(|| whole_percent(share.clamp(0.0, 1.0) * 100.0))
        })
        .bounds(["error_lower", "error_upper"], |line| line.error)
        .shown((1, Number, "± 95 %", Some(7)), move |line| {
            let delta = value(line.delta());
            // A function that moved is judged by its interval alone.
            let is_sure = line.moved.is_none() && line.status().is_real();
            let margin = if is_sure { Scale::sure_margin } else { Scale::change_margin };
            Some(margin(&scale, line.error?, delta))
        })
        .optional("q_value", |line| line.row.q_value.map(scientific))
        .optional("status", |line| word(line.row.status))
        .via(|line| line.row.via.as_ref())
        .optional("via_share", |line| line.row.via_share)
        .optional("moved_from", |line| line.row.moved_from.as_ref())
        .optional("moved_to", |line| line.row.moved_to.as_ref())
        .column("unit", |_| &report.unit)
}
