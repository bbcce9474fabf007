//! The columns of a CSV. A column has its name and its cells in one place, so the two can't be
//! swapped.

use super::super::{escape, joinable};
use crate::analysis::{Bounds, Place};
use serde::Serialize;
use std::fmt::{Display, Write as _};
use std::io;

/// Columns of the rows `R`, in the order of the file.
pub(super) struct Columns<'a, R>(Vec<Column<'a, R>>);

struct Column<'a, R> {
    name: &'static str,
    cell: Cell<'a, R>,
}

/// Writes the cell of a row.
type Cell<'a, R> = Box<dyn Fn(R, &mut String) + 'a>;

impl<'a, R: Copy> Columns<'a, R> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a column in which every row has a value.
    pub(super) fn column<T: Display>(self, name: &'static str, cell: impl Fn(R) -> T + 'a) -> Self {
        self.optional(name, move |row| Some(cell(row)))
    }

    /// Adds a column that is empty if a row has no value.
    pub(super) fn optional<T: Display>(
        mut self,
        name: &'static str,
        cell: impl Fn(R) -> Option<T> + 'a,
    ) -> Self {
        let cell = move |row, text: &mut String| {
            if let Some(value) = cell(row) {
                // Writing to memory never fails.
                let _ = write!(text, "{value}");
            }
        };
        self.0.push(Column { name, cell: Box::new(cell) });
        self
    }

    /// Adds the two ends of an interval.
    pub(super) fn bounds(
        self,
        [lower, upper]: [&'static str; 2],
        cell: impl Fn(R) -> Option<Bounds> + Copy + 'a,
    ) -> Self {
        self.optional(lower, move |row| Some(cell(row)?.lower))
            .optional(upper, move |row| Some(cell(row)?.upper))
    }

    /// Adds the columns of the caller that a row is listed under.
    pub(super) fn via(self, cell: impl Fn(R) -> Option<&'a Place> + Copy + 'a) -> Self {
        self.optional("via_function", move |row| Some(&cell(row)?.function))
            .optional("via_file", move |row| cell(row)?.file.as_ref())
            .optional("via_line", move |row| cell(row)?.line)
    }

    /// Writes the column names and the rows. Their text can neither control a terminal nor split a
    /// line.
    pub(super) fn write(
        &self,
        rows: impl IntoIterator<Item = R>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let mut writer = ::csv::Writer::from_writer(out);
        writer.write_record(self.0.iter().map(|column| column.name)).map_err(io_error)?;
        let mut text = String::new();
        for row in rows {
            for column in &self.0 {
                text.clear();
                (column.cell)(row, &mut text);
                writer.write_field(&*escape(&text)).map_err(io_error)?;
            }
            writer.write_record(None::<&[u8]>).map_err(io_error)?;
        }
        writer.flush()
    }
}

/// Pairs each of `groups` with each of its items.
pub(super) fn pairs<'a, G, T: 'a>(
    groups: &'a [G],
    within: impl Fn(&G) -> &[T],
) -> impl Iterator<Item = (&'a G, &'a T)> {
    groups.iter().flat_map(move |group| within(group).iter().map(move |one| (group, one)))
}

/// The error of the underlying writer, whose kind callers check.
fn io_error(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A probability as spreadsheets and scripts read it, small ones as `4.5e-105`.
pub(super) fn scientific(p: f64) -> String {
    if p != 0.0 && p.abs() < 1e-4 { format!("{p:e}") } else { p.to_string() }
}

/// `None` if it isn't a number: `NaN` would turn a column into text.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Names in one cell, separated by semicolons: one in a name becomes a colon.
pub(super) fn joined(names: impl IntoIterator<Item: AsRef<str>>) -> String {
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
pub(super) fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
