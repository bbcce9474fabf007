//! The rows of one profile: where the memory, or the time, is.

use super::super::Style;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::Scale;
use super::part_lines::{self, PartLine, Parts};
use super::{counted, rows, rows_word, wrap};
use crate::analysis::OmittedRows;
use crate::analysis::top::{Top, TopRow};
use crate::output::columns::View;
use crate::output::columns::top::{TopLine, columns};
use crate::report::{Report, Sort};
use std::cmp::Reverse;
use std::io;

pub(super) fn write(
    report: &Report,
    top: &Top,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if top.rows.is_empty() {
        return Ok(());
    }
    let by_cum = report.sort == Sort::Cum;
    let value: Value = if by_cum { |row| row.cum } else { |row| row.flat };
    // Lines of callers take the place of the last rows, as the analysis chose them.
    let limit = if top.omitted.rows > 0 { top.rows.len() } else { usize::MAX };
    let counts = top.rows.iter().map(|row| parts(row).count(report));
    let (shown, cut) = top.rows.split_at(part_lines::fitting(counts, limit));
    let mut omitted = top.omitted;
    cut.iter().for_each(|row| omitted.add(value(row)));
    let mut others = OmittedRows::default();
    let lines = lines(report, shown, value, &mut others);
    writeln!(out)?;
    let mut grid = Grid::of(columns(View { report, style }));
    for Line { of, label, .. } in lines {
        grid.push(&of, label, Tone::Plain);
    }
    grid.write(style, 0, out)?;
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let sum = |omitted: OmittedRows| scale.omitted(omitted, if by_cum { "cum" } else { "flat" });
    let not_shown = (omitted.rows > 0).then(|| {
        let what = counted(omitted.rows, rows_word(report));
        ("not shown: ", format!("{what}, {} (-n 0 shows them)", sum(omitted)))
    });
    let beneath = |row: &TopRow| row.addresses.iter().map(value).collect();
    let hidden = rows::hidden(report, shown.iter().map(|row| (value(row), beneath(row))));
    let hidden = rows::hidden_remark(hidden, &sum(hidden));
    let others = part_lines::remark(others, &sum(others));
    wrap::remarks(hidden.into_iter().chain(others).chain(not_shown), style, out)
}

/// The value the rows are sorted by.
type Value = fn(&TopRow) -> i64;

/// One line of the table.
struct Line<'a> {
    of: TopLine<'a>,
    label: RowLabel,
    at_most: u64,
}

impl<'a> Line<'a> {
    fn new(row: &'a TopRow, of: PartLine<'a>) -> Self {
        let PartLine { part, place, label, at_most } = of;
        Self { of: TopLine { row, part, place }, label, at_most }
    }
}

fn parts(row: &TopRow) -> Parts<'_> {
    let TopRow { name, via, via_share, callers, others, .. } = row;
    Parts { name, via: via.as_ref(), via_share: *via_share, callers, others: others.as_ref() }
}

/// The lines of rows, the largest first. Others without a line are added to `hidden`.
fn lines<'a>(
    report: &Report,
    rows: &'a [TopRow],
    value: Value,
    hidden: &mut OmittedRows,
) -> Vec<Line<'a>> {
    let least = rows.iter().map(|row| value(row).unsigned_abs()).min().unwrap_or(0);
    let mut lines: Vec<Line<'a>> = Vec::new();
    for row in rows {
        if row.addresses.is_empty() {
            let of_row = parts(row).lines(report, least, hidden).into_iter();
            lines.extend(of_row.map(|of| Line::new(row, of)));
        } else {
            let shown = rows::shown(row, &row.addresses).iter();
            lines.extend(shown.map(|row| Line::new(row, parts(row).whole(report))));
        }
    }
    let has_parts = lines.iter().any(|line| line.of.part.is_some());
    if has_parts {
        let size = |line: TopLine<'_>| line.value(value(line.row)).unsigned_abs();
        lines.sort_by_key(|line| Reverse(size(line.of).min(line.at_most)));
    }
    lines
}
