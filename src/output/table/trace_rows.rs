//! Stacks, the leaf first, each with its labels and its value.

use super::super::Style;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::tag_rows::value_text;
use super::words::nothing_to_show;
use super::{counted, rows, wrap};
use crate::analysis::traces::{Trace, Traces};
use crate::output::columns::View;
use crate::output::columns::traces::columns;
use crate::report::Report;
use anstyle::Style as Ansi;
use std::io;

/// Maximum number of frames shown per stack: more than Go records.
const FRAMES_SHOWN: usize = 128;

pub(super) fn write(
    report: &Report,
    traces: &Traces,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if traces.rows.is_empty() {
        return wrap::write("", &nothing_to_show(report), Ansi::new(), style, out);
    }
    let mut grid = Grid::of(columns(View { report, style }));
    for trace in &traces.rows {
        push(&mut grid, report, trace);
        grid.gap();
    }
    grid.write(style, 0, out)?;
    let of = if report.comparison.is_some() { "sum of |Δ|" } else { "sum of |value|" };
    rows::write_omitted(report, traces.omitted, ("stacks", of), style, out)
}

fn push<'a>(grid: &mut Grid<'_, &'a Trace>, report: &Report, trace: &'a Trace) {
    let mut inlined = trace.inlined.iter().peekable();
    let mut frames = trace.frames.iter().enumerate().map(|(at, frame)| {
        let label = rows::name(report, frame);
        if inlined.next_if_eq(&&at).is_some() { label.remark("inline") } else { label }
    });
    let first = frames.next().unwrap_or_else(|| RowLabel::new("(no stack)"));
    let tone = trace.amount.delta.map_or(Tone::Plain, Tone::of);
    grid.push(&trace, first, tone);
    for label in frames.by_ref().take(FRAMES_SHOWN - 1) {
        grid.push_label(label, Tone::Plain);
    }
    let left = trace.frames.len().saturating_sub(FRAMES_SHOWN);
    if left > 0 {
        let label = RowLabel::new(&format!("… {}", counted(left, "more frames")));
        grid.push_label(label, Tone::Dim);
    }
    if !trace.labels.is_empty() {
        let labels = trace
            .labels
            .iter()
            .map(|label| format!("{}: {}", label.key, value_text(&label.key, &label.value)));
        let labels = labels.collect::<Vec<_>>().join("  ");
        grid.push_label(RowLabel::path(&labels), Tone::Dim);
    }
}
