//! Lines in columns that always fit: the least important column goes first, names are shortened
//! after their import paths, and no line is ever wrapped.
//!
//! A grid has at most one column of names. The others are as wide as their widest cell, and each of
//! them has a place in the order in which columns are left out.

use super::label::RowLabel;
use super::name;
pub(super) use crate::output::columns::Kind;
use crate::output::columns::{Columns, cells::cut_right};
use crate::output::{Style, Width};
use anstyle::{AnsiColor, Effects, Style as Ansi};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use std::io;
use unicode_width::UnicodeWidthStr;

/// Blank columns between two columns.
const GAP: usize = 2;
/// Minimum width of names: below it, another column is left out.
const NAME_AT_LEAST: usize = 44;
/// Minimum width of code: below it, another column is left out.
const CODE_AT_LEAST: usize = 36;
/// Maximum width of text other than names, or a third of the terminal if that is more.
const TEXT_AT_MOST: usize = 24;
/// Beyond this width the eye can't follow the line from a name to the values right of it.
const NAME_AT_MOST: usize = 96;

/// The meaning of a line, shown by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Plain,
    /// Grew: the first cell is red.
    Growth,
    /// Shrank: the first cell is green.
    Shrink,
    /// Unimportant: the whole line is dim.
    Dim,
}

impl Tone {
    /// The tone of a change.
    pub(super) fn of(delta: i64) -> Self {
        match delta.signum() {
            1 => Tone::Growth,
            -1 => Tone::Shrink,
            _ => Tone::Plain,
        }
    }
}

/// Columns and lines. A column has its title and its cells in one place, so the two can't be
/// swapped.
pub(super) struct Grid<'a, R> {
    cells: Vec<Cell<'a, R>>,
    layout: Layout<'a>,
}

/// The cell of a row in a column.
type Cell<'a, R> = Box<dyn Fn(&R) -> String + 'a>;

impl<'a, R> Grid<'a, R> {
    pub(super) fn new() -> Self {
        let layout =
            Layout { columns: Vec::new(), lines: Vec::new(), name_at_least: NAME_AT_LEAST };
        Grid { cells: Vec::new(), layout }
    }

    /// A grid with the columns of a list.
    pub(super) fn of(columns: Columns<'a, R>) -> Self {
        columns.of_table().into_iter().fold(Grid::new(), |mut grid, column| {
            let (_, kind, title, drop_order) = column.head;
            grid.layout.columns.push(Column { title, kind, drop_order });
            grid.cells.push(column.cell);
            grid
        })
    }

    /// Sets the minimum width of the names.
    pub(super) fn name_at_least(mut self, columns: usize) -> Self {
        self.layout.name_at_least = columns;
        self
    }

    /// Adds a column: its title, and the cell for a row. A cell that is `None` is empty, and a
    /// column with only empty cells isn't shown. If room is short, the column with the lowest
    /// `drop_order` goes first; `None` stays.
    pub(super) fn column<T: Into<Option<String>>>(
        mut self,
        kind: Kind,
        title: &'a str,
        drop_order: Option<u8>,
        cell: impl Fn(&R) -> T + 'a,
    ) -> Self {
        self.layout.columns.push(Column { title, kind, drop_order });
        self.cells.push(Box::new(move |row| cell(row).into().unwrap_or_default()));
        self
    }

    /// The column of the labels.
    pub(super) fn name(self, title: &'a str) -> Self {
        self.column(Kind::Name, title, None, |_| None)
    }

    /// Adds the line of a row.
    pub(super) fn push(&mut self, row: &R, label: RowLabel, tone: Tone) {
        let cells = self.cells.iter().map(|cell| cell(row)).collect();
        self.layout.lines.push(Some(GridLine { cells, label, tone }));
    }

    /// Adds a line that is only a label.
    pub(super) fn push_label(&mut self, label: RowLabel, tone: Tone) {
        let cells = vec![String::new(); self.cells.len()];
        self.layout.lines.push(Some(GridLine { cells, label, tone }));
    }

    /// Adds a blank line, unless it would be the first.
    pub(super) fn gap(&mut self) {
        if matches!(self.layout.lines.last(), Some(Some(_))) {
            self.layout.lines.push(None);
        }
    }

    /// Writes the grid, each line indented by `indent` columns.
    pub(super) fn write(
        self,
        style: &Style,
        indent: usize,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        self.layout.write(style.width, style.color, indent, out)
    }
}

/// One line: a cell per column (that of the names is empty), and its name.
struct GridLine {
    cells: Vec<String>,
    label: RowLabel,
    tone: Tone,
}

/// The title and kind of a column, and how soon it may be left out.
struct Column<'a> {
    title: &'a str,
    kind: Kind,
    drop_order: Option<u8>,
}

/// The texts of a grid, and how they are laid out.
struct Layout<'a> {
    columns: Vec<Column<'a>>,
    /// `None` is a blank line.
    lines: Vec<Option<GridLine>>,
    /// Minimum width of names: below it, another column is left out.
    name_at_least: usize,
}

impl Layout<'_> {
    fn write(
        mut self,
        width: Width,
        color: bool,
        indent: usize,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        while matches!(self.lines.last(), Some(None)) {
            self.lines.pop();
        }
        if let Width::Columns(columns) = width {
            self.shorten_text(TEXT_AT_MOST.max(columns / 3));
        }
        self.align_units();
        let widths = self.content_widths();
        let shown = self.choose(&widths, width, indent);
        if let Width::Columns(columns) = width {
            self.cut_code(columns.saturating_sub(self.width_of_others(&shown, &widths) + indent));
        }
        let others = self.width_of_others(&shown, &widths) + indent;
        let room = match width {
            Width::Columns(columns) => columns.saturating_sub(others).min(NAME_AT_MOST),
            Width::Unlimited => usize::MAX,
        };
        let table = self.table(&shown, room);
        let first = shown.first().map_or(0, |&column| widths[column]);
        let bold = Ansi::new().bold();
        let mut lines = table.lines();
        let titles = self.has_titles().then(|| lines.next()).flatten();
        if let Some(line) = titles {
            write_line(&line, indent, color.then_some((bold, usize::MAX)), out)?;
        }
        for (line, text) in self.lines.iter().zip(lines) {
            let tone = line.as_ref().map_or(Tone::Plain, |line| line.tone);
            let paint = match tone {
                Tone::Plain => None,
                Tone::Growth => Some((AnsiColor::Red.on_default(), first)),
                Tone::Shrink => Some((AnsiColor::Green.on_default(), first)),
                Tone::Dim => Some((Ansi::new().effects(Effects::DIMMED), usize::MAX)),
            };
            write_line(&text, indent, paint.filter(|_| color), out)?;
        }
        Ok(())
    }

    /// Whether there is a header line.
    fn has_titles(&self) -> bool {
        self.columns.iter().any(|column| !column.title.is_empty())
    }

    fn rows(&self) -> impl Iterator<Item = &GridLine> {
        self.lines.iter().flatten()
    }

    /// Shortens text, such as a file name with all its folders, to a width that leaves room for
    /// names.
    fn shorten_text(&mut self, width: usize) {
        for column in 0..self.columns.len() {
            if self.columns[column].kind == Kind::Text {
                for line in self.lines.iter_mut().flatten() {
                    line.cells[column] = name::fit(&line.cells[column], width);
                }
            }
        }
    }

    /// Cuts code off where its line ends.
    fn cut_code(&mut self, width: usize) {
        for column in 0..self.columns.len() {
            if self.columns[column].kind == Kind::Code {
                for line in self.lines.iter_mut().flatten() {
                    line.cells[column] = cut_right(&line.cells[column], width);
                }
            }
        }
    }

    /// Aligns the units of a column: `12.0 MiB` and `17   B`.
    fn align_units(&mut self) {
        for column in 0..self.columns.len() {
            if self.columns[column].kind != Kind::Number {
                continue;
            }
            let widest = self.rows().map(|line| unit(&line.cells[column]).width()).max();
            for line in self.lines.iter_mut().flatten() {
                let cell = &mut line.cells[column];
                // A word such as "new" isn't a number: it is right-aligned.
                if cell.contains(|c: char| c.is_ascii_digit()) {
                    let missing = widest.unwrap_or(0) - unit(cell).width();
                    // A number without a unit also lacks the space before it.
                    let space = usize::from(unit(cell).is_empty() && widest > Some(0));
                    cell.push_str(&" ".repeat(missing + space));
                }
            }
        }
    }

    fn content_widths(&self) -> Vec<usize> {
        let of = |column: usize| {
            let cells = self.rows().map(|line| line.cells[column].width()).max().unwrap_or(0);
            if cells > 0 { cells.max(self.columns[column].title.width()) } else { 0 }
        };
        (0..self.columns.len()).map(of).collect()
    }

    fn width_of_others(&self, shown: &[usize], widths: &[usize]) -> usize {
        let others = shown
            .iter()
            .filter(|&&column| !matches!(self.columns[column].kind, Kind::Name | Kind::Code));
        let gaps = shown.len().saturating_sub(1) * GAP;
        others.map(|&column| widths[column]).sum::<usize>() + gaps
    }

    /// The columns to show: those with a value, minus the least important ones if names would get
    /// too little room.
    fn choose(&self, widths: &[usize], width: Width, indent: usize) -> Vec<usize> {
        let is_name = |column: usize| self.columns[column].kind == Kind::Name;
        let mut shown: Vec<usize> =
            (0..widths.len()).filter(|&column| widths[column] > 0 || is_name(column)).collect();
        let Width::Columns(available) = width else { return shown };
        let code = shown.iter().filter(|&&column| self.columns[column].kind == Kind::Code);
        let code = code.map(|&column| widths[column].min(CODE_AT_LEAST)).sum::<usize>();
        let wanted = code
            + if shown.iter().any(|&column| is_name(column)) {
                self.rows()
                    .map(|line| line.label.short_width())
                    .max()
                    .unwrap_or(0)
                    .min(self.name_at_least)
            } else {
                0
            };
        while self.width_of_others(&shown, widths) + indent + wanted > available {
            let droppable =
                shown.iter().filter(|&&column| self.columns[column].drop_order.is_some());
            let Some(&column) = droppable.min_by_key(|&&column| self.columns[column].drop_order)
            else {
                break;
            };
            shown.retain(|&other| other != column);
        }
        shown
    }

    fn table(&self, shown: &[usize], room: usize) -> Table {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        if self.has_titles() {
            table.set_header(shown.iter().map(|&column| self.columns[column].title));
        }
        let is_shown =
            |title: &str| shown.iter().any(|&column| self.columns[column].title == title);
        for line in &self.lines {
            table.add_row(shown.iter().map(|&column| match line {
                None => String::new(),
                Some(line) if self.columns[column].kind == Kind::Name => {
                    line.label.fit(room, is_shown)
                }
                Some(line) => line.cells[column].clone(),
            }));
        }
        for (index, &column) in shown.iter().enumerate() {
            if let Some(layout) = table.column_mut(index) {
                let last = index + 1 == shown.len();
                layout.set_padding((0, if last { 0 } else { GAP as u16 }));
                if matches!(self.columns[column].kind, Kind::Number | Kind::Mixed) {
                    layout.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        table
    }
}

/// The unit at the end of a number: the text after the last space, unless that is a digit group.
fn unit(cell: &str) -> &str {
    match cell.rsplit_once(' ') {
        Some((_, unit)) if !unit.starts_with(|c: char| c.is_ascii_digit()) => unit,
        _ => "",
    }
}

/// Writes one line without the blanks at its end, its first `painted` columns in a style.
fn write_line(
    text: &str,
    indent: usize,
    paint: Option<(Ansi, usize)>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let text = text.trim_end();
    if text.is_empty() {
        return out.write_all(b"\n");
    }
    write!(out, "{:indent$}", "")?;
    match paint {
        None => writeln!(out, "{text}"),
        Some((style, painted)) => {
            // The painted cell holds numbers only, one column per character.
            let end = text.char_indices().nth(painted).map_or(text.len(), |(at, _)| at);
            let (head, tail) = text.split_at(end);
            writeln!(out, "{style}{head}{style:#}{tail}")
        }
    }
}
