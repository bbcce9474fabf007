//! The columns of stored baselines. The drift of a branch is only in JSON and in the table.

use super::Columns;
use super::Kind::{Mixed, Number, Text, Word};
use crate::output::number::{Scale, percent_change};
use crate::output::{Style, escape};
use crate::report::baselines::{BaselineRow, Branch};

/// Characters of a build that the table shows.
const BUILD: usize = 12;

/// A baseline of a branch, and the one before it.
#[derive(Clone, Copy)]
pub(in crate::output) struct BaselineLine<'a> {
    branch: &'a Branch,
    row: &'a BaselineRow,
    before: Option<&'a BaselineRow>,
}

/// The baselines of a branch, the oldest first.
pub(in crate::output) fn lines(branch: &Branch) -> impl Iterator<Item = BaselineLine<'_>> {
    let before = [None].into_iter().chain(branch.baselines.iter().map(Some));
    let line = move |(row, before)| BaselineLine { branch, row, before };
    branch.baselines.iter().zip(before).map(line)
}

pub(in crate::output) fn columns(style: &Style) -> Columns<'_, BaselineLine<'_>> {
    Columns::<BaselineLine<'_>>::new()
        .column("branch", |of| &of.branch.branch)
        .column("platform", |of| &of.branch.platform)
        .both(
            "time",
            (0, Word, "date (UTC)", None),
            |of| Some(&of.row.time),
            |_, time| time.get(..16).unwrap_or(time).replace('T', " "),
        )
        .both(
            "build",
            (7, Text, "build", Some(5)),
            |of| of.row.build.as_ref(),
            |_, build| escape(&build.chars().take(BUILD).collect::<String>()).into_owned(),
        )
        .optional("program", |of| of.row.program.as_ref())
        .both("runs", (5, Mixed, "runs", Some(2)), |of| Some(of.row.runs), |_, n| n.to_string())
        .both(
            "period",
            (6, Mixed, "period", Some(1)),
            |of| Some(of.row.period),
            |_, bytes| bytes.to_string(),
        )
        .both("kept", (8, Word, "kept", Some(0)), |of| Some(&of.row.kept), |_, kept| kept.clone())
        .optional("sample_type", |of| Some(&of.row.total.as_ref()?.sample_type))
        .optional("unit", |of| Some(&of.row.total.as_ref()?.unit))
        .both(
            "total",
            (1, Number, "total", None),
            |of| Some(of.row.total.as_ref()?.value),
            move |of, total| scale(style, of).value(total),
        )
        .optional("standard_error", |of| of.row.total.as_ref()?.standard_error)
        .shown((2, Number, "± 95 %", Some(4)), move |of| {
            Some(scale(style, of).value(of.row.total.as_ref()?.margin()?))
        })
        .both(
            "change",
            (3, Number, "change", None),
            |of| of.row.change,
            move |of, change| scale(style, of).change(change),
        )
        .shown((4, Mixed, "", Some(3)), |of| {
            let base = of.before?.total.as_ref()?.value;
            let percent = of.row.change? as f64 / base as f64 * 100.0;
            (base > 0).then(|| percent_change(percent))
        })
        .column("folder", |of| &of.row.folder)
}

fn scale<'a>(style: &'a Style, of: &BaselineLine<'a>) -> Scale<'a> {
    let unit = of.row.total.as_ref().map_or("", |total| &total.unit);
    Scale::new(unit, style.unit.as_deref())
}
