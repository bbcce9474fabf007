//! Stacks, the leaf first, each with its labels and its value.

use super::super::Style;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::Scale;
use super::tag_rows::value_text;
use super::{counted, names_functions, wrap};
use crate::analysis::traces::{Trace, Traces};
use crate::report::Report;
use anstyle::Style as Ansi;
use std::io;

/// Frames of one stack that are shown: more than Go records.
const FRAMES_SHOWN: usize = 128;

pub(super) fn write(
    report: &Report,
    traces: &Traces,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if traces.rows.is_empty() {
        return wrap::write("", "Nothing to show: there are no samples.", Ansi::new(), style, out);
    }
    let is_comparison = report.comparison.is_some();
    let mut columns = vec![
        Column::number(if is_comparison { "Δ" } else { "value" }, None),
        Column::number("± 95 %", Some(2)),
    ];
    if is_comparison {
        columns.push(Column::number("before", Some(0)));
        columns.push(Column::number("after", Some(1)));
    }
    columns.push(Column::name("stack, the leaf first"));
    let mut grid = Grid::new(columns, Header::Titles);
    for trace in &traces.rows {
        push(&mut grid, report, trace, style);
        grid.gap();
    }
    grid.write(style.width, style.color, 0, out)?;
    if traces.omitted.rows > 0 {
        writeln!(out)?;
        let scale = Scale::new(&report.unit, style.unit.as_deref());
        let of = if is_comparison { "sum of |Δ|" } else { "sum of |value|" };
        let what = counted(traces.omitted.rows, "stacks");
        let what = format!("{what}, {of} {} (-n 0 shows them)", scale.value(traces.omitted.sum));
        wrap::write("not shown: ", &what, Ansi::new().dimmed(), style, out)?;
    }
    Ok(())
}

fn push(grid: &mut Grid, report: &Report, trace: &Trace, style: &Style) {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let amount = &trace.amount;
    let label = if names_functions(report) { Label::new } else { Label::path };
    let empty = vec![String::new(); if report.comparison.is_some() { 5 } else { 3 }];
    let tone = amount.delta.map_or(Tone::Plain, Tone::of);
    let mut cells = vec![
        match amount.delta {
            Some(delta) => scale.change(delta),
            None => scale.value(amount.after),
        },
        amount.error.map(|error| scale.margin(error, amount.primary())).unwrap_or_default(),
    ];
    if let Some(before) = amount.before {
        cells.extend([scale.value(before), scale.value(amount.after)]);
    }
    cells.push(String::new());
    let mut inlined = trace.inlined.iter().peekable();
    let mut frames = trace.frames.iter().enumerate().map(|(at, frame)| {
        let label = label(frame);
        if inlined.next_if_eq(&&at).is_some() { label.remark("inline") } else { label }
    });
    let first = frames.next().unwrap_or_else(|| Label::new("(no stack)"));
    grid.push(Line { cells, label: first, tone });
    for label in frames.by_ref().take(FRAMES_SHOWN - 1) {
        grid.push(Line { cells: empty.clone(), label, tone: Tone::Plain });
    }
    let left = trace.frames.len().saturating_sub(FRAMES_SHOWN);
    if left > 0 {
        let label = Label::new(&format!("… {}", counted(left, "more frames")));
        grid.push(Line { cells: empty.clone(), label, tone: Tone::Dim });
    }
    if !trace.labels.is_empty() {
        let labels = trace
            .labels
            .iter()
            .map(|label| format!("{}: {}", label.key, value_text(&label.key, &label.value)));
        let labels = labels.collect::<Vec<_>>().join("  ");
        grid.push(Line { cells: empty, label: Label::path(&labels), tone: Tone::Dim });
    }
}
