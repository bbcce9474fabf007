//! The rows of one profile: where the memory, or the time, is.

use super::super::Style;
use super::diff_rows::file_and_line;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{self, Scale};
use super::{counted, is_heap, name_title, names_functions, rows_word, wrap};
use crate::analysis::top::{Row, Top};
use crate::filter::Granularity;
use crate::report::{Report, Sort};
use std::io;

/// At most so many addresses are shown in the place of one row without symbols.
const ADDRESSES_SHOWN: usize = 20;

pub(super) fn write(
    report: &Report,
    top: &Top,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if top.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let objects = is_heap(report) && !report.sample_type.ends_with("_objects");
    let by_cum = report.sort == Sort::Cum;
    // The value the rows are sorted by stands first and stays.
    let (flat, cum) =
        (("flat", "flat %", (!by_cum).then_some(())), ("cum", "cum %", by_cum.then_some(())));
    let value = |(title, percent, stays): (&str, &str, Option<()>)| {
        let drop_order = if stays.is_some() { None } else { Some(3) };
        [
            Column::number(title, drop_order),
            Column::number(percent, Some(if stays.is_some() { 2 } else { 0 })),
        ]
    };
    let (first, second) = if by_cum { (cum, flat) } else { (flat, cum) };
    let mut columns = Vec::from(value(first));
    columns.push(Column::number("± 95 %", Some(5)));
    columns.extend(value(second));
    columns.push(Column::number("objects", Some(1)));
    columns.push(Column::name(name_title(report)));
    columns.push(Column::text("where", Some(4)));
    let mut grid = Grid::new(columns, Header::Titles);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    for row in shown(top) {
        let value = |value: i64, percent: Option<f64>| {
            [scale.value(value), percent.map(number::percent_text).unwrap_or_default()]
        };
        let (flat, cum) = (value(row.flat, row.flat_percent), value(row.cum, row.cum_percent));
        let (first, second) = if by_cum { (cum, flat) } else { (flat, cum) };
        let mut cells = Vec::from(first);
        cells.push(
            row.error
                .map(|error| scale.margin(error, if by_cum { row.cum } else { row.flat }))
                .unwrap_or_default(),
        );
        cells.extend(second);
        cells.push(row.objects.filter(|_| objects).map(number::count).unwrap_or_default());
        cells.push(String::new());
        cells.push(place(report, row, style));
        grid.push(Line { cells, label: label(report, row), tone: Tone::Plain });
    }
    grid.write(style.width, style.color, 0, out)?;
    let hidden: usize =
        top.rows.iter().map(|row| row.addresses.len().saturating_sub(ADDRESSES_SHOWN)).sum();
    let dim = anstyle::Style::new().dimmed();
    if hidden > 0 || top.omitted.rows > 0 {
        writeln!(out)?;
    }
    if hidden > 0 {
        let what = counted(hidden, "addresses");
        let what = format!("{what} more (--format json lists them)");
        wrap::write("without symbols: ", &what, dim, style, out)?;
    }
    if top.omitted.rows > 0 {
        let what = counted(top.omitted.rows, rows_word(report));
        let what = format!("{what}, flat {} (-n 0 shows them)", scale.value(top.omitted.sum));
        wrap::write("not shown: ", &what, dim, style, out)?;
    }
    Ok(())
}

/// The rows, those without symbols as the addresses behind them.
fn shown(top: &Top) -> impl Iterator<Item = &Row> {
    top.rows.iter().flat_map(|row| {
        if row.addresses.is_empty() {
            std::slice::from_ref(row)
        } else {
            &row.addresses[..row.addresses.len().min(ADDRESSES_SHOWN)]
        }
    })
}

fn label(report: &Report, row: &Row) -> Label {
    if !names_functions(report) {
        return Label::path(&row.name);
    }
    let label = Label::new(&row.name);
    match &row.via {
        Some(via) => label.under(&via.function),
        None => label,
    }
}

fn place(report: &Report, row: &Row, style: &Style) -> String {
    match &row.via {
        Some(via) if names_functions(report) => {
            file_and_line(via.file.as_deref(), via.line, style.file_names)
        }
        _ if matches!(report.granularity, Granularity::Functions | Granularity::Packages) => {
            file_and_line(row.file.as_deref(), row.line, style.file_names)
        }
        _ => String::new(),
    }
}
