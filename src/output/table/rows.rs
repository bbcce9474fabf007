//! Parts that several tables share: their columns, how a row is labelled, and which addresses a table shows instead of a row without symbols. `part_lines` splits a row by its callers.

use super::super::Style;
use super::grid::Grid;
use super::grid::Kind::{Number, Text};
use super::label::RowLabel;
use super::number::Scale;
use super::{counted, names_functions, wrap};
use crate::analysis::{Omitted, OmittedRows, Place};
use crate::report::{Report, Sort};
use std::io;

pub(super) use super::super::columns::cells::{file_and_line, place, title};

/// Maximum number of addresses that a table shows instead of one row without symbols.
const ADDRESSES_SHOWN: usize = 20;

/// The row itself, or the addresses behind it.
pub(super) fn shown<'a, R>(row: &'a R, addresses: &'a [R]) -> &'a [R] {
    if addresses.is_empty() {
        std::slice::from_ref(row)
    } else {
        &addresses[..addresses.len().min(ADDRESSES_SHOWN)]
    }
}

/// The columns of places to look at: how much, its error, where.
pub(super) fn place_columns(style: &Style) -> Grid<'_, ([String; 2], &Place)> {
    Grid::new()
        .column(Number, "", None, |([value, _], _): &([String; 2], &Place)| value.clone())
        .column(Number, "", Some(0), |([_, margin], _)| margin.clone())
        .column(Text, "", None, |(_, place)| file_and_line(place, style.file_names))
        .name("")
}

/// The addresses of rows that are not shown, given each row's value and those of its addresses.
pub(super) fn hidden(report: &Report, rows: impl Iterator<Item = (i64, Vec<i64>)>) -> OmittedRows {
    let mut hidden = OmittedRows::default();
    for (value, addresses) in rows.filter(|(_, addresses)| !addresses.is_empty()) {
        addresses.iter().skip(ADDRESSES_SHOWN).for_each(|value| hidden.add(*value));
        // What has a line but no name belongs to the binary and to none of its addresses. Several of them may be in
        // one stack, so cum doesn't add up.
        let rest = addresses.iter().fold(value, |rest, value| rest.wrapping_sub(*value));
        if rest != 0 && report.sort != Sort::Cum {
            hidden.add(rest);
        }
    }
    hidden
}

/// A remark on addresses that are not shown.
pub(super) fn hidden_remark(hidden: OmittedRows, sum: &str) -> Option<(&'static str, String)> {
    let what = counted(hidden.rows, "addresses");
    let text = format!("{what} more, {sum} (--format json lists them)");
    (hidden.rows > 0).then_some(("without symbols: ", text))
}

/// Writes how many rows aren't shown and their sum; `rows` and `sum_of` name both.
pub(super) fn write_omitted(
    report: &Report,
    omitted: Omitted,
    (rows, sum_of): (&str, &str),
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let sum = Scale::new(&report.unit, style.unit.as_deref()).value(omitted.sum);
    let what = format!("{}, {sum_of} {sum} (-n 0 shows them)", counted(omitted.rows, rows));
    wrap::remarks((omitted.rows > 0).then_some(("not shown: ", what)), style, out)
}

/// The name of a row: a function, or a path.
pub(super) fn name(report: &Report, name: &str) -> RowLabel {
    if names_functions(report) { RowLabel::new(name) } else { RowLabel::path(name) }
}
