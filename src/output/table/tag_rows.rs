//! Labels, each value with the total of its samples.

use super::super::Style;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::Scale;
use super::words::elsewhere;
use super::{rows, wrap};
use crate::analysis::LabelValue;
use crate::analysis::tags::{Tag, Tags};
use crate::output::columns::View;
use crate::output::columns::tags::{TagLine, columns};
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
        let text = elsewhere(report)
            .unwrap_or_else(|| "Nothing to show: no sample with a value has a label.".to_owned());
        return wrap::write("", &text, Ansi::new(), style, out);
    }
    let is_comparison = report.comparison.is_some();
    let mut grid = Grid::of(columns(View { report, style })).name_at_least(NAME_AT_LEAST);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    for tag in &tags.keys {
        push(&mut grid, &scale, tag, is_comparison);
        grid.gap();
    }
    grid.write(style, 0, out)?;
    let of = if is_comparison { "sum of |Δ|" } else { "sum of |value|" };
    rows::write_omitted(report, tags.omitted, ("labels", of), style, out)
}

/// Adds the total of the samples with a key, and with each of its values.
fn push<'a>(
    grid: &mut Grid<'_, TagLine<'a>>,
    scale: &Scale<'_>,
    tag: &'a Tag,
    is_comparison: bool,
) {
    let mut push = |row: TagLine<'a>, text: String| {
        let tone = row.amount.delta.map_or(Tone::Plain, Tone::of);
        grid.push(&row, RowLabel::path(&text), tone);
    };
    push(TagLine::whole(tag), format!("{}:", tag.key));
    for value in &tag.values {
        let text = format!("  {}", value_text(&tag.key, &value.value));
        push(TagLine::value(tag, value), text);
    }
    if tag.omitted.rows > 0 {
        let sum = scale.value(tag.omitted.sum);
        let of = if is_comparison { "Σ |Δ|" } else { "Σ" };
        let text = format!("  … {} more, {of} {sum}", units::Grouped(tag.omitted.rows as i64));
        grid.push_label(RowLabel::path(&text), Tone::Dim);
    }
}

/// The value of a label: a text, or a number with its unit; for sizes the key implies the unit if
/// the profile records none.
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
