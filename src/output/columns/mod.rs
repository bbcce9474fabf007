//! The columns of rows: one list for each kind of row, in a file of its own. The table and CSV read
//! the same list, so what one column is stands in one place: its name in CSV, its title in the
//! table, and the cells of both.
//!
//! A list is in the order of CSV. Columns of the table carry their place, since there the order
//! depends on what is asked.

mod amounts;
pub(super) mod baselines;
pub(super) mod cells;
pub(super) mod collector;
pub(super) mod diff;
pub(super) mod doctor;
pub(super) mod goroutines;
pub(super) mod list;
pub(super) mod matches;
pub(super) mod memory;
pub(super) mod peek;
pub(super) mod refs;
pub(super) mod tags;
pub(super) mod top;
pub(super) mod traces;

use super::Style;
use crate::analysis::estimates::{Estimate, Share};
use crate::analysis::{Bounds, Place};
use crate::report::Report;
use cells::finite;
use std::fmt::{Display, Write as _};

/// What columns depend on besides their rows.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) report: &'a Report,
    pub(super) style: &'a Style,
}

/// The kind of a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers, right-aligned with their units under each other.
    Number,
    /// Numbers of several kinds: right-aligned as they are.
    Mixed,
    /// Left-aligned words to be typed again, so they are never shortened.
    Word,
    /// Left-aligned text.
    Text,
    /// The labels of the lines.
    Name,
    /// Lines of source, cut off at their ends: the last column.
    Code,
}

/// The head of a column of the table: its place from the left, its kind, its title, and when it
/// makes room if that is short: the lowest number first, `None` never.
pub(super) type Head<'a> = (u8, Kind, &'a str, Option<u8>);

/// The columns of the rows `R`.
pub(super) struct Columns<'a, R> {
    named: Vec<Named<'a, R>>,
    shown: Vec<Shown<'a, R>>,
}

/// Writes the cell of a row.
type Writer<'a, R> = Box<dyn Fn(&R, &mut String) + 'a>;

/// A column of CSV.
pub(super) struct Named<'a, R> {
    pub(super) name: &'static str,
    /// Writes the cell of a row.
    pub(super) cell: Writer<'a, R>,
}

/// A column of the table.
pub(super) struct Shown<'a, R> {
    pub(super) head: Head<'a>,
    /// The cell of a row.
    pub(super) cell: Box<dyn Fn(&R) -> String + 'a>,
}

impl<'a, R> Columns<'a, R> {
    pub(super) fn new() -> Self {
        Self { named: Vec::new(), shown: Vec::new() }
    }

    /// Adds a column of CSV in which every row has a value.
    pub(super) fn column<T: Display>(
        self,
        name: &'static str,
        cell: impl Fn(&R) -> T + 'a,
    ) -> Self {
        self.optional(name, move |row| Some(cell(row)))
    }

    /// Adds a column of CSV that is empty if a row has no value.
    pub(super) fn optional<T: Display>(
        mut self,
        name: &'static str,
        cell: impl Fn(&R) -> Option<T> + 'a,
    ) -> Self {
        let cell = move |row: &R, text: &mut String| {
            if let Some(value) = cell(row) {
                // Writing to memory never fails.
                let _ = write!(text, "{value}");
            }
        };
        self.named.push(Named { name, cell: Box::new(cell) });
        self
    }

    /// Adds a column of the table. A cell that is `None` is empty, and a column with only empty
    /// cells isn't shown.
    pub(super) fn shown<T: Into<Option<String>>>(
        mut self,
        head: Head<'a>,
        cell: impl Fn(&R) -> T + 'a,
    ) -> Self {
        let cell = move |row: &R| cell(row).into().unwrap_or_default();
        self.shown.push(Shown { head, cell: Box::new(cell) });
        self
    }

    /// Adds a column of both: its value, and what the table makes of it.
    pub(super) fn both<T: Display, U: Into<Option<String>>>(
        self,
        name: &'static str,
        head: Head<'a>,
        value: impl Fn(&R) -> Option<T> + Copy + 'a,
        text: impl Fn(&R, T) -> U + 'a,
    ) -> Self {
        self.optional(name, value).shown(head, move |row| text(row, value(row)?).into())
    }

    /// Adds the column of the labels to the table.
    pub(super) fn label(self, place: u8, title: &'a str) -> Self {
        self.shown((place, Kind::Name, title, None), |_| None)
    }

    /// Adds the two ends of an interval to CSV.
    pub(super) fn bounds(
        self,
        [lower, upper]: [&'static str; 2],
        cell: impl Fn(&R) -> Option<Bounds> + Copy + 'a,
    ) -> Self {
        self.optional(lower, move |row| Some(cell(row)?.lower))
            .optional(upper, move |row| Some(cell(row)?.upper))
    }

    /// Adds an estimate and the ends of its interval to CSV.
    pub(super) fn estimate(
        self,
        [middle, lower, upper]: [&'static str; 3],
        cell: impl Fn(&R) -> Option<Estimate> + Copy + 'a,
    ) -> Self {
        self.optional(middle, move |row| Some(cell(row)?.estimate))
            .optional(lower, move |row| Some(cell(row)?.lower))
            .optional(upper, move |row| Some(cell(row)?.upper))
    }

    /// Adds a share and the ends of its interval to CSV.
    pub(super) fn share(
        self,
        [middle, lower, upper]: [&'static str; 3],
        cell: impl Fn(&R) -> Option<Share> + Copy + 'a,
    ) -> Self {
        self.optional(middle, move |row| finite(cell(row)?.estimate))
            .optional(lower, move |row| finite(cell(row)?.lower))
            .optional(upper, move |row| finite(cell(row)?.upper))
    }

    /// Adds the columns of the caller that a row is listed under to CSV.
    pub(super) fn via(self, cell: impl Fn(&R) -> Option<&'a Place> + Copy + 'a) -> Self {
        self.optional("via_function", move |row| Some(&cell(row)?.function))
            .optional("via_file", move |row| cell(row)?.file.as_ref())
            .optional("via_line", move |row| cell(row)?.line)
    }

    /// Those of CSV, in its order.
    pub(super) fn named(self) -> Vec<Named<'a, R>> {
        self.named
    }

    /// Those of the table, from the left.
    pub(super) fn of_table(mut self) -> Vec<Shown<'a, R>> {
        self.shown.sort_by_key(|column| column.head.0);
        self.shown
    }
}
