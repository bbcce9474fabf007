//! Lists the lines of the functions that a pattern matches, each with its values.
//!
//! A function is listed once for each file it is recorded in. Flat belongs to the line of the leaf
//! frame, cum to each line that a sample passes, once per sample, as in pprof. The cum of a
//! function also counts a sample once, while pprof's listing adds up the cums of its lines and
//! counts recursion twice.
//!
//! The profile doesn't contain the text of the lines. A caller that may read files adds it
//! afterwards, but only for the lines in [`Listing::ranges`]: a listing of whole files could be as
//! long as an untrusted profile demands.

mod line_sums;

use super::{Measure, MeasureBounds, NoMatch, Omitted, RowOptions, Subject};
use crate::model::change::Change;
use line_sums::{Errors, Places, Sums};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A gap of at most this many lines is shown rather than left out.
const SMALL_GAP: i64 = 2;

/// One line with a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListLine {
    /// Its number; absent if the profile doesn't record it.
    pub line: Option<i64>,
    /// Its values.
    #[serde(flatten)]
    pub values: Change<Measure>,
    /// 95 % intervals of Δ, or of the values of a single profile.
    pub error: Option<MeasureBounds>,
}

/// Why the lines of a file may differ from the profiled ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Changed {
    /// It was written after the profile was taken.
    Newer,
    /// It ends before a line of the profile.
    Shorter,
    /// The name of the function is not near its first line.
    Elsewhere,
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NoSource {
    /// The profile names no file.
    Unnamed,
    /// Its name doesn't look like a source file, and heapdiff opens no others.
    NoSourceName,
    /// The searched folders don't contain this file.
    NotFound,
    /// It is larger than any source file.
    TooLarge,
    /// It contains bytes that don't occur in text.
    NotText,
    /// It exists and can't be read.
    Unreadable,
}

/// One line of a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceLine {
    /// Its number.
    pub line: i64,
    /// Its text without the end of the line; cut off with `…` if it is very long.
    pub text: String,
}

/// The text around the lines with values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Source {
    /// The file that was found.
    pub path: String,
    /// Signs that it isn't the profiled file; empty if there are none.
    pub changed: Vec<Changed>,
    /// Its lines, without stretches that have no values.
    pub lines: Vec<SourceLine>,
}

/// One function in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listing {
    /// Name of the function.
    pub function: String,
    /// The file as the profile names it.
    pub file: Option<String>,
    /// First line of the function, if the profile records it.
    pub start_line: Option<i64>,
    /// Values of all lines together, each sample counted once.
    #[serde(flatten)]
    pub values: Change<Measure>,
    /// 95 % intervals of Δ, or of the values of a single profile.
    pub error: Option<MeasureBounds>,
    /// The lines with values, by number.
    pub lines: Vec<ListLine>,
    /// The text of the file, if it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_source: Option<NoSource>,
}

/// The answer to "which line".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List {
    /// The pattern as given.
    pub pattern: String,
    /// The matching functions that hold something, the largest |Δ cum| (|cum|) first.
    pub functions: Vec<Listing>,
    /// Further functions left out by `--nodecount`.
    pub omitted: Omitted,
}

impl Listing {
    /// The lines to show, as the first and last of each stretch: the line of the function's start,
    /// and `context` lines around each line with a value, but none before the start.
    pub fn ranges(&self, context: i64) -> Vec<(i64, i64)> {
        let start = self.start_line.unwrap_or(1);
        let around = |line: i64| {
            let from = line.saturating_sub(context);
            (
                if line >= start { from.max(start) } else { from }.max(1),
                line.saturating_add(context),
            )
        };
        let lines = self.lines.iter().filter_map(|line| line.line);
        let mut all: Vec<_> = lines.map(around).collect();
        if !all.is_empty() {
            all.extend(self.start_line.map(|start| (start.max(1), start.max(1))));
        }
        all.sort_unstable();
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for (from, to) in all {
            match ranges.last_mut() {
                Some(last) if from <= last.1.saturating_add(1 + SMALL_GAP) => {
                    last.1 = last.1.max(to);
                }
                _ => ranges.push((from, to)),
            }
        }
        ranges
    }
}

/// Lists the functions whose name `pattern` matches.
pub fn list(subject: &Subject<'_>, pattern: &Regex, wanted: RowOptions) -> Result<List, NoMatch> {
    let places = Places::new(subject, pattern);
    if places.functions.is_empty() {
        let symbols = &subject.series.symbols;
        let names = symbols.functions.iter().map(|function| symbols.text(function.name));
        return Err(NoMatch::new("function", pattern.as_str(), names));
    }
    let sums = Sums::new(subject, &places);
    let mut order: Vec<u32> =
        (0..places.functions.len() as u32).filter(|&id| !sums.of_function(id).is_zero()).collect();
    order.sort_by(|&a, &b| {
        let size = |id: u32| {
            let Measure { flat, cum } = sums.of_function(id).change(subject).delta_or_value();
            std::cmp::Reverse((cum.unsigned_abs(), flat.unsigned_abs()))
        };
        let name = |id: u32| {
            let function = &places.functions[id as usize];
            (&function.name, &function.file)
        };
        size(a).cmp(&size(b)).then_with(|| name(a).cmp(&name(b)))
    });
    let shown = if wanted.nodecount == 0 { order.len() } else { wanted.nodecount };
    let (shown, rest) = order.split_at(shown.min(order.len()));
    let errors = Errors::new(subject, &places, shown);
    let functions = shown.iter().map(|&id| listing(subject, &places, &sums, &errors, id));
    let omitted = rest.iter().fold(Omitted::default(), |omitted, &id| Omitted {
        rows: omitted.rows + 1,
        sum: omitted.sum.saturating_add_unsigned(
            sums.of_function(id).change(subject).delta_or_value().cum.unsigned_abs(),
        ),
    });
    Ok(List { pattern: pattern.as_str().to_owned(), functions: functions.collect(), omitted })
}

fn listing(
    subject: &Subject<'_>,
    places: &Places,
    sums: &Sums,
    errors: &Errors,
    id: u32,
) -> Listing {
    let function = &places.functions[id as usize];
    let mut lines: Vec<u32> = function.cells.clone();
    lines.retain(|&cell| !sums.cells[cell as usize].is_zero());
    lines.sort_by_key(|&cell| places.cells[cell as usize].line);
    let line = |cell: u32| {
        let number = places.cells[cell as usize].line;
        let values = sums.cells[cell as usize].change(subject);
        let error = errors.of_cell(cell, values.delta_or_value());
        ListLine { line: (number > 0).then_some(number), values, error }
    };
    let values = sums.of_function(id).change(subject);
    Listing {
        function: function.name.clone(),
        file: (!function.file.is_empty()).then(|| function.file.clone()),
        start_line: function.start_line,
        values,
        error: errors.of_function(id, values.delta_or_value()),
        lines: lines.into_iter().map(line).collect(),
        source: None,
        no_source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(start_line: Option<i64>, lines: &[Option<i64>]) -> Listing {
        let line = |&line: &Option<i64>| ListLine { line, values: Change::default(), error: None };
        Listing {
            function: "main.f".to_owned(),
            file: None,
            start_line,
            values: Change::default(),
            error: None,
            lines: lines.iter().map(line).collect(),
            source: None,
            no_source: None,
        }
    }

    #[test]
    fn long_stretches_without_values_are_left_out() {
        let ranges = |start, lines: &[i64]| {
            let lines: Vec<_> = lines.iter().copied().map(Some).collect();
            listing(start, &lines).ranges(2)
        };
        assert_eq!(ranges(Some(10), &[11]), [(10, 13)], "nothing before the function");
        assert_eq!(ranges(Some(10), &[20]), [(10, 10), (18, 22)]);
        assert_eq!(ranges(Some(10), &[15]), [(10, 17)], "a small gap is shown");
        assert_eq!(ranges(None, &[1, 5, 30]), [(1, 7), (28, 32)]);
        assert_eq!(ranges(Some(10), &[4]), [(2, 6), (10, 10)], "a line before its function");
        assert_eq!(listing(Some(10), &[None]).ranges(2), []);
        assert_eq!(ranges(Some(1), &[i64::MAX]), [(1, 1), (i64::MAX - 2, i64::MAX)]);
    }
}
