//! Rows with one level around them: the callers above each row, the callees beneath it.

use super::super::Style;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{self, Scale};
use super::{counted, name_title, names_functions, rows_word, wrap};
use crate::analysis::calls::Weight;
use crate::analysis::peek::{Neighbor, Peek, Row};
use crate::report::Report;
use std::io;

/// Callers of a row, and callees, that are shown.
const NEIGHBORS_SHOWN: usize = 20;

pub(super) fn write(
    report: &Report,
    peek: &Peek,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if peek.rows.is_empty() {
        writeln!(out)?;
        let text = "Nothing to show: there are no samples.";
        return wrap::write("", text, anstyle::Style::new(), style, out);
    }
    writeln!(out)?;
    let blocks = Blocks {
        is_comparison: report.comparison.is_some(),
        scale: Scale::new(&report.unit, style.unit.as_deref()),
        names_paths: !names_functions(report),
    };
    let mut grid = blocks.grid(report);
    for row in &peek.rows {
        grid.gap();
        blocks.neighbors("called by", &row.callers, row, &mut grid);
        grid.push(blocks.row(row));
        blocks.neighbors("calls", &row.callees, row, &mut grid);
    }
    grid.write(style.width, style.color, 0, out)?;
    if peek.omitted > 0 {
        writeln!(out)?;
        let what = counted(peek.omitted, rows_word(report));
        let what = format!("{what} (-n 0 shows them)");
        wrap::write("not shown: ", &what, anstyle::Style::new().dimmed(), style, out)?;
    }
    Ok(())
}

struct Blocks<'a> {
    is_comparison: bool,
    scale: Scale<'a>,
    names_paths: bool,
}

impl Blocks<'_> {
    fn grid(&self, report: &Report) -> Grid {
        let titles = if self.is_comparison {
            ["Δ flat", "Δ cum", "Δ calls"]
        } else {
            ["flat", "cum", "calls"]
        };
        let columns = vec![
            Column::number(titles[0], Some(5)),
            Column::number("± 95 %", Some(4)),
            Column::number(titles[1], None),
            Column::number("cum ± 95 %", Some(0)),
            Column::number(titles[2], None),
            Column::number("share", Some(3)),
            Column::number("before", Some(1)),
            Column::number("after", Some(2)),
            Column::text("", None),
            Column::name(name_title(report)),
        ];
        Grid::new(columns, Header::Titles).name_at_least(24)
    }

    fn row(&self, row: &Row) -> Line {
        let main = row.value.main();
        let of_cum = Weight {
            before: row.value.before.map(|measure| measure.cum),
            after: row.value.after.cum,
            delta: row.value.delta.map(|measure| measure.cum),
        };
        let [before, after] = self.both_sides(&of_cum);
        let margin = |bounds, value| self.scale.margin(bounds, value);
        let error = row.error.as_ref();
        Line {
            cells: vec![
                self.main(main.flat),
                error.map(|error| margin(error.flat, main.flat)).unwrap_or_default(),
                self.main(main.cum),
                error.map(|error| margin(error.cum, main.cum)).unwrap_or_default(),
                String::new(),
                row.cum_percent.map(number::percent_text).unwrap_or_default(),
                before,
                after,
                String::new(),
                String::new(),
            ],
            label: self.label(&row.name),
            tone: match main.flat {
                _ if !self.is_comparison => Tone::Plain,
                0 => Tone::Plain,
                flat if flat > 0 => Tone::Growth,
                _ => Tone::Shrink,
            },
        }
    }

    fn neighbors(&self, relation: &str, all: &[Neighbor], row: &Row, grid: &mut Grid) {
        let (shown, rest) = all.split_at(all.len().min(NEIGHBORS_SHOWN));
        let whole = row.value.main().cum;
        for neighbor in shown {
            let remark = neighbor.inline.then_some("inline");
            let label = self.label(&neighbor.name);
            let label = remark.map_or(label.clone(), |remark| label.remark(remark));
            grid.push(self.call(relation, &neighbor.weight, whole, label));
        }
        if !rest.is_empty() {
            let sum = |of: fn(&Weight) -> Option<i64>| {
                rest.iter().map(|neighbor| of(&neighbor.weight)).sum::<Option<i64>>()
            };
            let weight = Weight {
                before: sum(|weight| weight.before),
                after: sum(|weight| Some(weight.after)).unwrap_or_default(),
                delta: sum(|weight| weight.delta),
            };
            let label = Label::new(&format!("… {} more", rest.len()));
            grid.push(self.call(relation, &weight, whole, label));
        }
    }

    fn call(&self, relation: &str, weight: &Weight, whole: i64, label: Label) -> Line {
        let main = weight.main();
        let share = (whole != 0).then(|| main as f64 / whole as f64 * 100.0);
        let [before, after] = self.both_sides(weight);
        let empty = String::new;
        let share = share.map(number::percent_text).unwrap_or_default();
        let relation = relation.to_owned();
        Line {
            cells: vec![
                empty(),
                empty(),
                empty(),
                empty(),
                self.main(main),
                share,
                before,
                after,
                relation,
                empty(),
            ],
            label,
            tone: Tone::Plain,
        }
    }

    fn label(&self, name: &str) -> Label {
        if self.names_paths { Label::path(name) } else { Label::new(name) }
    }

    fn main(&self, value: i64) -> String {
        if self.is_comparison { self.scale.change(value) } else { self.scale.value(value) }
    }

    fn both_sides(&self, weight: &Weight) -> [String; 2] {
        weight.before.map_or_else(Default::default, |before| {
            [self.scale.value(before), self.scale.value(weight.after)]
        })
    }
}
