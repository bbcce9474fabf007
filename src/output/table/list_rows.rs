//! The lines of functions, each with its values and, if the file was found, its text.
//!
//! Lines come from untrusted files: tabs are expanded, and characters that could control a terminal
//! are escaped.

use super::super::{Style, Width};
use super::escape::escape;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::{name, rows, wrap};
use crate::analysis::list::{Changed, List, Listing, NoSource, Source};
use crate::analysis::{Measure, MeasureBounds};
use crate::model::change::Change;
use crate::output::columns::View;
use crate::output::columns::list::{SourceLine, columns};
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

fn grid<'a>(
    report: &'a Report,
    listing: &'a Listing,
    style: &'a Style,
) -> Grid<'a, SourceLine<'a>> {
    let mut grid = Grid::of(columns(View { report, style }));
    let mut push = |values: Option<Row>, number: Option<i64>, mark: &'static str, text: String| {
        let delta = values.and_then(|(values, _)| values.delta);
        let tone = delta.map_or(Tone::Plain, |delta| {
            Tone::of(if delta.flat == 0 { delta.cum } else { delta.flat })
        });
        let line = SourceLine { listing, values, number, mark, text };
        grid.push(&line, RowLabel::default(), tone);
    };
    push(Some((listing.values, listing.error)), None, "all", String::new());
    let mut by_line: BTreeMap<i64, Row> = BTreeMap::new();
    for line in &listing.lines {
        let row = (line.values, line.error);
        match line.line {
            Some(number) => _ = by_line.insert(number, row),
            None => push(Some(row), None, "?", String::new()),
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
            push(None, None, "…", String::new());
        }
        previous = Some(number);
        let text = texts.get(&number).map(|text| shown(text)).unwrap_or_default();
        push(by_line.get(&number).copied(), Some(number), "", text);
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
