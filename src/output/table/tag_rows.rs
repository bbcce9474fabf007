//! Labels, each value with what the samples that bear it hold.

use super::super::Style;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{Scale, percent_change, percent_text};
use super::{counted, wrap};
use crate::analysis::tags::{Tag, Tags};
use crate::analysis::{Amount, LabelValue};
use crate::report::Report;
use crate::units;
use anstyle::Style as Ansi;
use std::io;

/// Values of labels are short.
const NAME_AT_LEAST: usize = 20;

pub(super) fn write(
    report: &Report,
    tags: &Tags,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if tags.keys.is_empty() {
        return wrap::write("", "Nothing to show: no sample has a label.", Ansi::new(), style, out);
    }
    let is_comparison = report.comparison.is_some();
    let mut columns = vec![
        Column::number(if is_comparison { "Δ" } else { "value" }, None),
        Column::number("± 95 %", Some(3)),
        Column::number(if is_comparison { "Δ %" } else { "share" }, Some(2)),
    ];
    if is_comparison {
        columns.push(Column::number("before", Some(0)));
        columns.push(Column::number("after", Some(1)));
    }
    columns.push(Column::name("label"));
    let mut grid = Grid::new(columns, Header::Titles).name_at_least(NAME_AT_LEAST);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    for tag in &tags.keys {
        push(&mut grid, &scale, tag, is_comparison);
        grid.gap();
    }
    grid.write(style.width, style.color, 0, out)?;
    if tags.omitted.rows > 0 {
        writeln!(out)?;
        let what = counted(tags.omitted.rows, "labels");
        let of = if is_comparison { "sum of |Δ|" } else { "sum of |value|" };
        let what = format!("{what}, {of} {} (-n 0 shows them)", scale.value(tags.omitted.sum));
        wrap::write("not shown: ", &what, Ansi::new().dimmed(), style, out)?;
    }
    Ok(())
}

fn push(grid: &mut Grid, scale: &Scale<'_>, tag: &Tag, is_comparison: bool) {
    let line = |amount: &Amount, percent: Option<f64>, label: Label| {
        let tone = amount.delta.map_or(Tone::Plain, Tone::of);
        let percent = match (amount.before, percent) {
            (Some(0), _) if amount.after != 0 => "new".to_owned(),
            (Some(_), Some(percent)) => percent_change(percent),
            (None, Some(percent)) => percent_text(percent),
            (_, None) => String::new(),
        };
        let mut cells = vec![
            match amount.delta {
                Some(delta) => scale.change(delta),
                None => scale.value(amount.after),
            },
            amount.error.map(|error| scale.margin(error, amount.primary())).unwrap_or_default(),
            percent,
        ];
        if let Some(before) = amount.before {
            cells.extend([scale.value(before), scale.value(amount.after)]);
        }
        cells.push(String::new());
        Line { cells, label, tone }
    };
    grid.push(line(&tag.amount, tag.percent, Label::path(&format!("{}:", tag.key))));
    for value in &tag.values {
        let text = format!("  {}", value_text(&tag.key, &value.value));
        grid.push(line(&value.amount, value.percent, Label::path(&text)));
    }
    if tag.omitted.rows > 0 {
        let sum = scale.value(tag.omitted.sum);
        let of = if is_comparison { "Σ |Δ|" } else { "Σ" };
        let text = format!("  … {} more, {of} {sum}", units::Grouped(tag.omitted.rows as i64));
        let cells = vec![String::new(); if is_comparison { 6 } else { 4 }];
        grid.push(Line { cells, label: Label::path(&text), tone: Tone::Dim });
    }
}

/// The value of a label: a text, or a number with its unit, which for sizes is in the key where the profile names none.
pub(super) fn value_text(key: &str, value: &LabelValue) -> String {
    match value {
        LabelValue::Text { text } => text.clone(),
        LabelValue::Number { number, number_unit } => {
            let unit = match (number_unit.as_str(), key) {
                ("", "bytes" | "request" | "alignment") => "bytes",
                (unit, _) => unit,
            };
            match units::classify(unit).0 {
                units::Kind::Count if unit.is_empty() => number.to_string(),
                units::Kind::Count => format!("{number} {unit}"),
                units::Kind::Bytes | units::Kind::Time => units::display(*number as f64, unit),
            }
        }
    }
}
