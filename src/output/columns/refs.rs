//! The columns of the lines of a tree. In CSV, `ends` and `omitted` are changes in a comparison,
//! values in a single profile; the table has lines for them.

use super::Kind::Number;
use super::cells::{counts_objects, joined};
use super::{Columns, View};
use crate::analysis::refs::{RefsLine, RefsSite};
use crate::model::change::Change;
use crate::output::number::{count, count_change, percent_text};

/// The values of a line, and the line of the tree if it is one.
#[derive(Clone, Copy)]
pub(in crate::output) struct TreeLine<'a> {
    pub(in crate::output) site: &'a RefsSite,
    pub(in crate::output) values: Change<i64>,
    pub(in crate::output) line: Option<&'a RefsLine>,
}

/// `title` is that of the tree in the table.
pub(in crate::output) fn columns<'a>(
    view: View<'a>,
    title: &'static str,
) -> Columns<'a, TreeLine<'a>> {
    let counts_objects = counts_objects(view.report);
    let objects = if view.report.comparison.is_some() { "Δ objects" } else { "objects" };
    Columns::<TreeLine<'_>>::new()
        .optional("site", |of| Some(&of.site.lines.first()?.frames.first()?.name))
        .optional("depth", |of| Some(of.line?.depth))
        .optional("function", |of| Some(&of.line?.frames.first()?.name))
        .optional("folded", |of| {
            Some(joined(of.line?.frames.iter().skip(1).map(|frame| &frame.name)))
        })
        .label(6, title)
        .amount(view, |of| of.values)
        .both(
            "share_percent",
            (2, Number, "share", Some(3)),
            |of| of.line?.share,
            |_, share| percent_text(share),
        )
        .optional("objects_before", |of| of.line?.objects?.before)
        .optional("objects_after", |of| Some(of.line?.objects?.after))
        .optional("objects_delta", |of| of.line?.objects?.delta)
        .shown((5, Number, objects, Some(0)), move |of| {
            let objects = of.line?.objects.filter(|_| counts_objects)?;
            Some(objects.delta.map_or_else(|| count(objects.after), count_change))
        })
        .amount_error(view, |of| (of.values, of.line.and_then(|line| line.error)))
        .optional("ends", |of| Some(of.line?.ends?.delta_or_value()))
        .optional("omitted_branches", |of| Some(of.line?.omitted?.count))
        .optional("omitted", |of| Some(of.line?.omitted?.values.delta_or_value()))
        .column("unit", |_| &view.report.unit)
}
