//! Parts that several tables share: their columns, how a row is labelled, where it is in the
//! source, and which addresses a table shows instead of a row without symbols. `part_lines` splits a row by its callers.

use super::super::{FileNames, Style};
use super::grid::Grid;
use super::grid::Kind::{Number, Text};
use super::label::RowLabel;
use super::number::Scale;
use super::{counted, escape::escape, is_heap, names_functions, wrap};
use crate::analysis::{Bounds, Omitted, OmittedRows, Place};
use crate::filter::Granularity;
use crate::model::change::Change;
use crate::report::{Report, Sort};
use std::io;

/// Maximum number of addresses that a table shows instead of one row without symbols.
const ADDRESSES_SHOWN: usize = 20;

/// The title of the column of names.
pub(super) fn title(report: &Report) -> &'static str {
    match report.granularity {
        Granularity::Files => "file",
        Granularity::Packages => "package",
        _ => "function",
    }
}

/// Whether objects are counted as well.
pub(super) fn counts_objects(report: &Report) -> bool {
    is_heap(report) && !report.sample_type.ends_with("_objects")
}

/// The row itself, or the addresses behind it.
pub(super) fn shown<'a, R>(row: &'a R, addresses: &'a [R]) -> &'a [R] {
    if addresses.is_empty() {
        std::slice::from_ref(row)
    } else {
        &addresses[..addresses.len().min(ADDRESSES_SHOWN)]
    }
}

/// The columns of rows with one value each, before and after or of a single profile, and a share.
/// The numbers are the order in which columns make room for names.
pub(super) fn amount_columns<'a, R>(
    report: &'a Report,
    style: &'a Style,
    amount: impl Fn(&R) -> (Change<i64>, Option<Bounds>) + Copy + 'a,
    share_title: &'a str,
    share: impl Fn(&R) -> Option<String> + 'a,
) -> Grid<'a, R> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let value = if report.comparison.is_some() { "Δ" } else { "value" };
    Grid::new()
        .column(Number, value, None, move |row| {
            let (Change { delta, after, .. }, _) = amount(row);
            delta.map_or_else(|| scale.value(after), |delta| scale.change(delta))
        })
        .column(Number, "± 95 %", Some(4), move |row| {
            let (amount, error) = amount(row);
            error.map(|error| scale.error(error, amount))
        })
        .column(Number, share_title, Some(3), share)
        .column(Number, "before", Some(1), move |row| {
            amount(row).0.before.map(|before| scale.value(before))
        })
        .column(Number, "after", Some(2), move |row| {
            let (Change { before, after, .. }, _) = amount(row);
            before.map(|_| scale.value(after))
        })
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

/// `file.go:line` of the last name of the line: the caller if there is one, else the row itself.
pub(super) fn place(
    report: &Report,
    via: Option<&Place>,
    own: (Option<&String>, Option<i64>),
    style: &Style,
) -> String {
    match (via, own) {
        (Some(via), _) if names_functions(report) => file_and_line(via, style.file_names),
        (_, (file, line))
            if matches!(report.granularity, Granularity::Functions | Granularity::Packages) =>
        {
            in_file(file.map(String::as_str), line, style.file_names)
        }
        _ => String::new(),
    }
}

/// `limiter.go:54`.
pub(super) fn file_and_line(place: &Place, names: FileNames) -> String {
    in_file(place.file.as_deref(), place.line, names)
}

/// `limiter.go:54`, or the part of it that is known.
pub(super) fn in_file(file: Option<&str>, line: Option<i64>, names: FileNames) -> String {
    let Some(file) = file.filter(|file| !file.is_empty()) else { return String::new() };
    let file = match names {
        FileNames::Short => file.rsplit(['/', '\\']).next().unwrap_or(file),
        FileNames::Whole => file,
    };
    match line.filter(|&line| line > 0) {
        Some(line) => format!("{}:{line}", escape(file)),
        None => escape(file).into_owned(),
    }
}
