//! Lines in columns that always fit: the least important column goes first, names are shortened
//! after their import paths, and no line is ever wrapped.
//!
//! A grid has at most one column of names. The others are as wide as their widest cell, and each of
//! them has a place in the order in which columns are left out.

use super::label::RowLabel;
use super::name;
pub(super) use super::packed::Tone;
use super::packed::{Line, Lines};
pub(super) use crate::output::columns::Kind;
use crate::output::columns::{Columns, cells::cut_right};
use crate::output::{Style, Width};
use anstyle::{AnsiColor, Effects, Style as Ansi};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use std::borrow::Cow;
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
            Layout { columns: Vec::new(), lines: Lines::default(), name_at_least: NAME_AT_LEAST };
        Grid { cells: Vec::new(), layout }
    }

    /// A grid with the columns of a list.
    pub(super) fn of(columns: Columns<'a, R>) -> Self {
        Grid::new().and(columns)
    }

    /// Adds the columns of a list.
    pub(super) fn and(self, columns: Columns<'a, R>) -> Self {
        columns.of_table().into_iter().fold(self, |mut grid, column| {
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
        self.layout.lines.push(self.cells.iter().map(|cell| cell(row)), label, tone);
    }

    /// Adds a line that is only a label.
    pub(super) fn push_label(&mut self, label: RowLabel, tone: Tone) {
        self.layout.lines.push(self.cells.iter().map(|_| String::new()), label, tone);
    }

    /// Adds a blank line, unless it would be the first.
    pub(super) fn gap(&mut self) {
        self.layout.lines.push_blank();
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

/// The title and kind of a column, and how soon it may be left out.
struct Column<'a> {
    title: &'a str,
    kind: Kind,
    drop_order: Option<u8>,
}

/// The texts of a grid, and how they are laid out.
struct Layout<'a> {
    columns: Vec<Column<'a>>,
    lines: Lines,
    /// Minimum width of names: below it, another column is left out.
    name_at_least: usize,
}

/// The largest width that cells are aligned to. A line with a wider cell is as long as it needs to be, and the others
/// don't follow it.
const ALIGNED_AT_MOST: usize = 1000;
/// Number of lines laid out at a time: a table needs several times the memory of its text.
const BLOCK: usize = 256;

/// How the columns are laid out.
struct Plan {
    /// Maximum width of columns of text, and of code.
    text: usize,
    code: usize,
    /// Width of the widest unit of each column.
    units: Vec<usize>,
    /// Width of each column; 0 if all of its cells are empty.
    widths: Vec<usize>,
    /// The columns shown, from the left.
    shown: Vec<usize>,
    /// Maximum width of names.
    names: usize,
}

impl Layout<'_> {
    fn write(
        mut self,
        width: Width,
        color: bool,
        indent: usize,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        self.lines.trim();
        let plan = self.plan(width, indent);
        let first = plan.shown.first().map_or(0, |&column| plan.widths[column]);
        let mut block: Vec<(Option<Vec<String>>, Tone)> = Vec::new();
        let mut titles = self.has_titles();
        if titles {
            let titles = plan.shown.iter().map(|&column| self.columns[column].title.to_owned());
            block.push((Some(titles.collect()), Tone::Plain));
        }
        let mut lines = self.lines();
        loop {
            block.extend(lines.by_ref().take(BLOCK).map(|line| match line {
                None => (None, Tone::Plain),
                Some(line) => (Some(self.cells(&line, &plan)), line.tone),
            }));
            if block.is_empty() {
                return Ok(());
            }
            let texts = self.rendered(&plan, block.iter().map(|(cells, _)| cells.as_deref()));
            for (text, (_, tone)) in texts.zip(&block) {
                let paint = match tone {
                    _ if std::mem::take(&mut titles) => Some((Ansi::new().bold(), usize::MAX)),
                    Tone::Plain => None,
                    Tone::Growth => Some((AnsiColor::Red.on_default(), first)),
                    Tone::Shrink => Some((AnsiColor::Green.on_default(), first)),
                    Tone::Dim => Some((Ansi::new().effects(Effects::DIMMED), usize::MAX)),
                };
                write_line(&text, indent, paint.filter(|_| color), out)?;
            }
            block.clear();
        }
    }

    /// Whether there is a header line.
    fn has_titles(&self) -> bool {
        self.columns.iter().any(|column| !column.title.is_empty())
    }

    /// `None` is a blank line.
    fn lines(&self) -> impl Iterator<Item = Option<Line<'_>>> {
        self.lines.iter(self.columns.len())
    }

    fn plan(&self, width: Width, indent: usize) -> Plan {
        let text = match width {
            // Text, such as a file name with all its folders, leaves room for names.
            Width::Columns(columns) => TEXT_AT_MOST.max(columns / 3),
            Width::Unlimited => usize::MAX,
        };
        let mut plan = Plan {
            text,
            code: usize::MAX,
            units: vec![0; self.columns.len()],
            widths: vec![0; self.columns.len()],
            shown: Vec::new(),
            names: usize::MAX,
        };
        for line in self.lines().flatten() {
            for (column, cell) in line.cells.iter().enumerate() {
                if self.columns[column].kind == Kind::Number {
                    plan.units[column] = plan.units[column].max(unit(cell).width());
                }
            }
        }
        let mut names = 0;
        for line in self.lines().flatten() {
            for (column, cell) in line.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty())
            {
                let own = self.cell(&plan, column, cell).width();
                let widest = &mut plan.widths[column];
                *widest = (*widest).max(if own <= ALIGNED_AT_MOST { own } else { 1 });
            }
            names = names.max(line.label.short_width());
        }
        for (column, width) in plan.widths.iter_mut().enumerate().filter(|(_, width)| **width > 0) {
            *width = (*width).max(self.columns[column].title.width());
        }
        self.choose(&mut plan, names, width, indent);
        if let Width::Columns(columns) = width {
            let others = self.width_of_others(&plan) + indent;
            plan.code = columns.saturating_sub(others);
            plan.names = plan.code.min(NAME_AT_MOST);
        }
        // The last column needs no width.
        for &column in plan.shown.iter().rev().skip(1) {
            if self.columns[column].kind == Kind::Name {
                let label = |line: Line<'_>| self.label(&line, &plan).width();
                let widest =
                    self.lines().flatten().map(label).filter(|&own| own <= ALIGNED_AT_MOST);
                plan.widths[column] =
                    widest.max().unwrap_or(0).max(self.columns[column].title.width());
                break;
            }
        }
        plan
    }

    /// The text of a cell.
    fn cell<'a>(&self, plan: &Plan, column: usize, cell: &'a str) -> Cow<'a, str> {
        match self.columns[column].kind {
            Kind::Text if plan.text < usize::MAX => Cow::Owned(name::fit(cell, plan.text)),
            // Code is cut off where its line ends.
            Kind::Code if plan.code < usize::MAX => Cow::Owned(cut_right(cell, plan.code)),
            // Units stand under each other: `12.0 MiB` and `17   B`. A word such as "new" isn't a number: it is
            // right-aligned.
            Kind::Number if cell.contains(|c: char| c.is_ascii_digit()) => {
                let missing = plan.units[column] - unit(cell).width();
                // A number without a unit also lacks the space before it.
                let space = usize::from(unit(cell).is_empty() && plan.units[column] > 0);
                match missing + space {
                    0 => Cow::Borrowed(cell),
                    blanks => Cow::Owned(format!("{cell}{:blanks$}", "")),
                }
            }
            _ => Cow::Borrowed(cell),
        }
    }

    fn label(&self, line: &Line<'_>, plan: &Plan) -> String {
        let is_shown = |title: &str| plan.shown.iter().any(|&at| self.columns[at].title == title);
        line.label.fit(plan.names, is_shown)
    }

    /// The texts of a line in the columns shown.
    fn cells(&self, line: &Line<'_>, plan: &Plan) -> Vec<String> {
        let text = |&column: &usize| match self.columns[column].kind {
            Kind::Name => self.label(line, plan),
            _ => self.cell(plan, column, line.cells[column]).into_owned(),
        };
        plan.shown.iter().map(text).collect()
    }

    fn width_of_others(&self, Plan { shown, widths, .. }: &Plan) -> usize {
        let others = shown
            .iter()
            .filter(|&&column| !matches!(self.columns[column].kind, Kind::Name | Kind::Code));
        let gaps = shown.len().saturating_sub(1) * GAP;
        others.map(|&column| widths[column]).sum::<usize>() + gaps
    }

    /// Chooses the columns to show: those with a value, minus the least important ones if names, of which the widest
    /// would like `names` columns, would get too little room.
    fn choose(&self, plan: &mut Plan, names: usize, width: Width, indent: usize) {
        let is_name = |column: usize| self.columns[column].kind == Kind::Name;
        plan.shown = (0..plan.widths.len())
            .filter(|&column| plan.widths[column] > 0 || is_name(column))
            .collect();
        let Width::Columns(available) = width else { return };
        let code = plan.shown.iter().filter(|&&column| self.columns[column].kind == Kind::Code);
        let code = code.map(|&column| plan.widths[column].min(CODE_AT_LEAST)).sum::<usize>();
        let has_names = plan.shown.iter().any(|&column| is_name(column));
        let wanted = code + if has_names { names.min(self.name_at_least) } else { 0 };
        while self.width_of_others(plan) + indent + wanted > available {
            let droppable =
                plan.shown.iter().filter(|&&column| self.columns[column].drop_order.is_some());
            let Some(&column) = droppable.min_by_key(|&&column| self.columns[column].drop_order)
            else {
                break;
            };
            plan.shown.retain(|&other| other != column);
        }
    }

    /// Lays out lines, given the texts of their cells; `None` is a blank line.
    fn rendered<'a>(
        &self,
        plan: &Plan,
        lines: impl Iterator<Item = Option<&'a [String]>> + Clone,
    ) -> impl Iterator<Item = String> {
        let is_wide = |cells: &&[String]| {
            cells.iter().any(|cell| cell.len() > ALIGNED_AT_MOST && cell.width() > ALIGNED_AT_MOST)
        };
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        for cells in lines.clone() {
            table.add_row(match cells.filter(|cells| !is_wide(cells)) {
                Some(cells) => cells.to_vec(),
                None => vec![String::new(); plan.shown.len()],
            });
        }
        let last = plan.shown.len().saturating_sub(1);
        for (index, &column) in plan.shown.iter().enumerate() {
            if let Some(layout) = table.column_mut(index) {
                let gap = if index == last { 0 } else { GAP as u16 };
                layout.set_padding((0, gap));
                if plan.widths[column] > 0 {
                    let width = comfy_table::Width::Fixed(plan.widths[column] as u16 + gap);
                    layout.set_constraint(ColumnConstraint::Absolute(width));
                }
                if self.is_right_aligned(column) {
                    layout.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        let rows: Vec<String> = table.lines().collect();
        let wide: Vec<Option<String>> = lines
            .map(|cells| cells.filter(is_wide).map(|cells| self.unaligned(plan, cells)))
            .collect();
        rows.into_iter().zip(wide).map(|(row, wide)| wide.unwrap_or(row))
    }

    /// A line with a cell that is too wide: what follows it isn't aligned.
    fn unaligned(&self, plan: &Plan, cells: &[String]) -> String {
        let mut text = String::new();
        for (&column, cell) in plan.shown.iter().zip(cells) {
            let blanks = plan.widths[column].saturating_sub(cell.width());
            let (left, right) =
                if self.is_right_aligned(column) { (blanks, 0) } else { (0, blanks) };
            text.extend(std::iter::repeat_n(' ', left));
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', right + GAP));
        }
        text
    }

    fn is_right_aligned(&self, column: usize) -> bool {
        matches!(self.columns[column].kind, Kind::Number | Kind::Mixed)
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
