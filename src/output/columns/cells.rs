//! What the cells of several lists hold: words and numbers of CSV, places of the table.

use super::View;
use crate::analysis::Place;
use crate::analysis::estimates::Class;
use crate::filter::Granularity;
use crate::output::{FileNames, escape, is_heap, joinable, names_functions};
use crate::report::Report;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A probability as spreadsheets and scripts read it, small ones as `4.5e-105`.
pub(in crate::output) fn scientific(p: f64) -> String {
    if p != 0.0 && p.abs() < 1e-4 { format!("{p:e}") } else { p.to_string() }
}

/// `None` if it isn't a number: `NaN` would turn a column into text.
pub(in crate::output) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Names in one cell, separated by semicolons: one in a name becomes a colon.
pub(in crate::output) fn joined(names: impl IntoIterator<Item: AsRef<str>>) -> String {
    let mut text = String::new();
    for (number, name) in names.into_iter().enumerate() {
        if number > 0 {
            text.push(';');
        }
        text.push_str(&joinable(name.as_ref()));
    }
    text
}

/// The word for a value, as JSON has it.
pub(in crate::output) fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// The class in a few columns of a table.
pub(in crate::output) fn short_class(class: Class) -> &'static str {
    match class {
        Class::Leak => "leak",
        Class::GrowingDecelerating => "slowing",
        Class::Grew => "grew",
        Class::Step => "step",
        Class::WarmUp => "warm-up",
        Class::Churn => "churn",
        Class::Steady => "steady",
    }
}

/// The title of the column of names.
pub(in crate::output) fn title(report: &Report) -> &'static str {
    match report.granularity {
        Granularity::Files => "file",
        Granularity::Packages => "package",
        _ => "function",
    }
}

/// Whether objects are counted as well.
pub(in crate::output) fn counts_objects(report: &Report) -> bool {
    is_heap(report) && !report.sample_type.ends_with("_objects")
}

/// `file.go:line` of the last name of the line: the caller if there is one, else the row itself.
pub(in crate::output) fn place(
    View { report, style }: View<'_>,
    via: Option<&Place>,
    own: (Option<&String>, Option<i64>),
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
pub(in crate::output) fn file_and_line(place: &Place, names: FileNames) -> String {
    in_file(place.file.as_deref(), place.line, names)
}

/// `limiter.go:54`, or the part of it that is known.
pub(in crate::output) fn in_file(
    file: Option<&str>,
    line: Option<i64>,
    names: FileNames,
) -> String {
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

/// The start of `text` in at most `width` columns.
pub(in crate::output) fn cut_right(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).chain(['…']).collect()
}
