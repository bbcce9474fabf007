//! Rows with one level around them: the callers above each row, the callees beneath it.

use super::super::Style;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::words::nothing_to_show;
use super::{counted, rows, rows_word, wrap};
use crate::analysis::peek::Peek;
use crate::output::columns::View;
use crate::output::columns::peek::{PeekLine, columns};
use crate::report::Report;
use std::io;

/// Maximum number of callers, and of callees, shown per row.
const NEIGHBORS_SHOWN: usize = 20;

pub(super) fn write(
    report: &Report,
    peek: &Peek,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if peek.rows.is_empty() {
        return wrap::write("", &nothing_to_show(report), anstyle::Style::new(), style, out);
    }
    let mut grid = Grid::of(columns(View { report, style })).name_at_least(24);
    for row in &peek.rows {
        grid.gap();
        push_calls(&mut grid, report, PeekLine::callers(row));
        let change = row.value.delta.map_or(0, |delta| delta.flat);
        grid.push(&PeekLine::itself(row), rows::name(report, &row.name), Tone::of(change));
        push_calls(&mut grid, report, PeekLine::callees(row));
    }
    grid.write(style, 0, out)?;
    let omitted = (peek.omitted > 0).then(|| {
        let what = counted(peek.omitted, rows_word(report));
        ("not shown: ", format!("{what} (-n 0 shows them)"))
    });
    wrap::remarks(omitted, style, out)
}

fn push_calls<'a>(
    grid: &mut Grid<'_, PeekLine<'a>>,
    report: &Report,
    mut calls: impl Iterator<Item = PeekLine<'a>>,
) {
    for line in calls.by_ref().take(NEIGHBORS_SHOWN) {
        let Some(neighbor) = line.neighbor else { continue };
        let label = rows::name(report, &neighbor.name);
        let label = if neighbor.inline { label.remark("inline") } else { label };
        grid.push(&line, label, Tone::Plain);
    }
    let mut more = 1;
    let rest = calls.reduce(|sum, line| {
        more += 1;
        sum.plus(line)
    });
    if let Some(sum) = rest {
        grid.push(&sum, RowLabel::new(&format!("… {more} more")), Tone::Plain);
    }
}
