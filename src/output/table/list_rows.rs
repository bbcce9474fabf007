//! The lines of functions, each with its values and, if the file was found, its text.
//!
//! Lines come from untrusted files: tabs are expanded, and characters that could control a terminal
//! are escaped. A zero on a line with another value is a dot, as in pprof; a line without values
//! has none.

use super::super::{Style, Width};
use super::escape::escape;
use super::grid::Kind::{Code, Mixed, Number};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::Scale;
use super::{name, rows, wrap};
use crate::analysis::list::{Changed, List, Listing, NoSource, Source};
use crate::analysis::{Bounds, Measure, MeasureBounds};
use crate::model::change::Change;
use crate::report::Report;
use anstyle::{AnsiColor, Style as Ansi};
use std::collections::BTreeMap;
use std::io;

/// Precedes the name of a file.
const IN: &str = "in ";
/// Precedes the name under which it was found.
const FOUND: &str = "found as ";
/// Columns from one tab stop to the next.
const TAB: usize = 4;

pub(super) fn write(
    report: &Report,
    list: &List,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if list.functions.is_empty() {
        writeln!(out)?;
        let text = format!(
            "Nothing to show: the matching functions have no {}.",
            escape(&report.sample_type)
        );
        return wrap::write("", &text, Ansi::new(), style, out);
    }
    for listing in &list.functions {
        writeln!(out)?;
        heading(listing, style, out)?;
        grid(report, listing, style).write(style, 0, out)?;
    }
    let of = if report.comparison.is_some() { "sum of |Δ cum|" } else { "sum of |cum|" };
    rows::write_omitted(report, list.omitted, ("functions", of), style, out)
}

/// Writes the function, its file, and warnings about them.
fn heading(listing: &Listing, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let bold = Ansi::new().bold();
    let fit = |text: &str| match style.width {
        Width::Columns(columns) => name::fit(&escape(text), columns.saturating_sub(FOUND.len())),
        Width::Unlimited => escape(text).into_owned(),
    };
    wrap::write(&fit(&listing.function), "", bold, style, out)?;
    let file = listing.file.as_deref().map(fit);
    let yellow = AnsiColor::Yellow.on_default().bold();
    match (&listing.source, listing.no_source) {
        (Some(source), _) => {
            let found = fit(&source.path);
            if let Some(file) = file.filter(|file| *file != found) {
                wrap::write(IN, &file, Ansi::new(), style, out)?;
                wrap::write(FOUND, &found, Ansi::new(), style, out)?;
            } else {
                wrap::write(IN, &found, Ansi::new(), style, out)?;
            }
            if let Some(why) = why_changed(source) {
                wrap::write("warning: ", &why, yellow, style, out)?;
            }
        }
        (None, reason) => {
            if let Some(file) = file {
                wrap::write(IN, &file, Ansi::new(), style, out)?;
            }
            if let Some(reason) = reason {
                wrap::write("no source: ", why_missing(reason), Ansi::new().dimmed(), style, out)?;
            }
        }
    }
    Ok(())
}

fn why_changed(source: &Source) -> Option<String> {
    let reasons: Vec<&str> = source
        .changed
        .iter()
        .map(|changed| match changed {
            Changed::Newer => "it was written after the profile was taken",
            Changed::Shorter => "it ends before a line of the profile",
            Changed::Elsewhere => "the function does not start where it did",
        })
        .collect();
    (!reasons.is_empty()).then(|| {
        format!("the file may have changed since ({}); lines may be off", reasons.join("; "))
    })
}

fn why_missing(reason: NoSource) -> &'static str {
    match reason {
        NoSource::Unnamed => "the profile names no file",
        NoSource::NoSourceName => "the name isn't that of a source file; others are never opened",
        NoSource::NotFound => {
            "the file isn't where it was compiled, below the working directory or in Go's folders; \
             name its folder with -source_path"
        }
        NoSource::TooLarge => "the file is larger than 8 MiB",
        NoSource::NotText => "the file contains bytes that aren't text",
        NoSource::Unreadable => "no permission to read the file; check with ls -l",
    }
}

/// The values of a row, with their intervals.
type Row = (Change<Measure>, Option<MeasureBounds>);

/// One line of the table.
struct Shown {
    /// `None` if the line is only text.
    values: Option<Change<Measure>>,
    error: Option<MeasureBounds>,
    line: String,
    text: String,
}

/// The numbers are the order in which columns make room for the source.
fn columns<'a>(report: &'a Report, style: &'a Style) -> Grid<'a, Shown> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let [main_flat, main_cum] =
        if report.comparison.is_some() { ["Δ flat", "Δ cum"] } else { ["flat", "cum"] };
    let value = move |value: i64| if value == 0 { ".".to_owned() } else { scale.value(value) };
    let main = move |values: Change<Measure>, of: fn(Measure) -> i64| match values.delta.map(of) {
        Some(0) => ".".to_owned(),
        Some(delta) => scale.change(delta),
        None => value(of(values.after)),
    };
    let margin = move |values: Change<Measure>, of: fn(Measure) -> i64, error: Bounds| {
        let values = values.map(of);
        // A value that is zero on both sides isn't an estimate.
        (!values.is_zero()).then(|| scale.error(error, values))
    };
    let flat = |measure: Measure| measure.flat;
    let cum = |measure: Measure| measure.cum;
    Grid::new()
        .column(Number, main_flat, None, move |shown: &Shown| Some(main(shown.values?, flat)))
        .column(Number, "± flat", Some(4), move |shown| {
            margin(shown.values?, flat, shown.error?.flat)
        })
        .column(Number, "before", Some(0), move |shown| Some(value(shown.values?.before?.flat)))
        .column(Number, "after", Some(1), move |shown| {
            shown
                .values
                .filter(|values| values.before.is_some())
                .map(|values| value(values.after.flat))
        })
        .column(Number, main_cum, None, move |shown| Some(main(shown.values?, cum)))
        .column(Number, "± cum", Some(5), move |shown| {
            margin(shown.values?, cum, shown.error?.cum)
        })
        .column(Number, "cum before", Some(2), move |shown| Some(value(shown.values?.before?.cum)))
        .column(Number, "cum after", Some(3), move |shown| {
            shown
                .values
                .filter(|values| values.before.is_some())
                .map(|values| value(values.after.cum))
        })
        .column(Mixed, "line", None, |shown| shown.line.clone())
        .column(Code, "", None, |shown| shown.text.clone())
}

fn grid<'a>(report: &'a Report, listing: &'a Listing, style: &'a Style) -> Grid<'a, Shown> {
    let mut grid = columns(report, style);
    let mut push = |row: Option<Row>, line: String, text: String| {
        let (values, error) = row.unzip();
        let delta = values.and_then(|values| values.delta);
        let tone = delta.map_or(Tone::Plain, |delta| {
            Tone::of(if delta.flat == 0 { delta.cum } else { delta.flat })
        });
        grid.push(&Shown { values, error: error.flatten(), line, text }, RowLabel::default(), tone);
    };
    push(Some((listing.values, listing.error)), "all".to_owned(), String::new());
    let mut by_line: BTreeMap<i64, Row> = BTreeMap::new();
    for line in &listing.lines {
        let row = (line.values, line.error);
        match line.line {
            Some(number) => _ = by_line.insert(number, row),
            None => push(Some(row), "?".to_owned(), String::new()),
        }
    }
    let mut texts: BTreeMap<i64, &str> = BTreeMap::new();
    if let Some(source) = &listing.source {
        texts.extend(source.lines.iter().map(|line| (line.line, line.text.as_str())));
    }
    let numbers: std::collections::BTreeSet<i64> =
        by_line.keys().chain(texts.keys()).copied().collect();
    let mut previous: Option<i64> = None;
    for number in numbers {
        let is_gap = previous.is_some_and(|previous| previous.saturating_add(1) < number);
        if is_gap && !texts.is_empty() {
            push(None, "…".to_owned(), String::new());
        }
        previous = Some(number);
        let text = texts.get(&number).map(|text| shown(text)).unwrap_or_default();
        push(by_line.get(&number).copied(), number.to_string(), text);
    }
    grid
}

/// A line made safe: tabs expanded, the rest escaped.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive('\t') {
        let (part, tab) = match part.strip_suffix('\t') {
            Some(part) => (part, true),
            None => (part, false),
        };
        shown.push_str(&escape(part));
        if tab {
            let used = unicode_width::UnicodeWidthStr::width(shown.as_str());
            shown.push_str(&" ".repeat(TAB - used % TAB));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn tabs_are_spread_and_the_rest_is_escaped() {
        assert_eq!(shown("\t\tx\ty"), "        x   y");
        assert_eq!(shown("a\u{1b}[31mb"), "a\\u{1b}[31mb");
    }
}
