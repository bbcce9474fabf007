//! Rows with one level around them: the callers above each row, the callees beneath it.

use super::super::Style;
use super::grid::Kind::{Number, Text};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::words::nothing_to_show;
use super::{counted, rows, rows_word, wrap};
use crate::analysis::peek::{Neighbor, Peek, PeekRow};
use crate::model::change::Change;
use crate::report::Report;
use std::io;

/// Maximum number of callers, and of callees, shown per row.
const NEIGHBORS_SHOWN: usize = 20;

pub(super) fn write(
    report: &Report,
    peek: &Peek,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if peek.rows.is_empty() {
        return wrap::write("", &nothing_to_show(report), anstyle::Style::new(), style, out);
    }
    let mut grid = columns(report, style);
    for row in &peek.rows {
        grid.gap();
        push_calls(&mut grid, report, row, "called by", &row.callers);
        let change = row.value.delta.map_or(0, |delta| delta.flat);
        let line = Shown { row, call: None };
        grid.push(&line, rows::name(report, &row.name), Tone::of(change));
        push_calls(&mut grid, report, row, "calls", &row.callees);
    }
    grid.write(style, 0, out)?;
    let omitted = (peek.omitted > 0).then(|| {
        let what = counted(peek.omitted, rows_word(report));
        ("not shown: ", format!("{what} (-n 0 shows them)"))
    });
    wrap::remarks(omitted, style, out)
}

/// One line of the table: a row itself, or a call from or to it.
struct Shown<'a> {
    row: &'a PeekRow,
    /// Relation of the neighbor to the row, and the weight of the call.
    call: Option<(&'a str, Change<i64>)>,
}

impl Shown<'_> {
    /// Cum of the row, or the weight of the call.
    fn value(&self) -> Change<i64> {
        let cum = || self.row.value.map(|measure| measure.cum);
        self.call.map_or_else(cum, |(_, value)| value)
    }

    /// The row, on its own line.
    fn itself(&self) -> Option<&PeekRow> {
        self.call.is_none().then_some(self.row)
    }

    fn share(&self) -> Option<f64> {
        let whole = self.row.value.delta_or_value().cum;
        match self.call {
            None => self.row.cum_percent,
            Some((_, value)) => {
                (whole != 0).then(|| value.delta_or_value() as f64 / whole as f64 * 100.0)
            }
        }
    }
}

/// The numbers are the order in which columns make room for names.
fn columns<'a>(report: &'a Report, style: &'a Style) -> Grid<'a, Shown<'a>> {
    let is_comparison = report.comparison.is_some();
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let main = move |value| if is_comparison { scale.change(value) } else { scale.value(value) };
    let [flat, cum, calls] =
        if is_comparison { ["Δ flat", "Δ cum", "Δ calls"] } else { ["flat", "cum", "calls"] };
    Grid::new()
        .column(Number, flat, Some(5), move |shown: &Shown<'_>| {
            Some(main(shown.itself()?.value.delta_or_value().flat))
        })
        .column(Number, "± 95 %", Some(4), move |shown| {
            let row = shown.itself()?;
            Some(scale.error(row.error?.flat, row.value.map(|measure| measure.flat)))
        })
        .column(Number, cum, None, move |shown| {
            Some(main(shown.itself()?.value.delta_or_value().cum))
        })
        .column(Number, "cum ± 95 %", Some(0), move |shown| {
            let row = shown.itself()?;
            Some(scale.error(row.error?.cum, row.value.map(|measure| measure.cum)))
        })
        .column(Number, calls, None, move |shown| {
            shown.call.map(|(_, value)| main(value.delta_or_value()))
        })
        .column(Number, "share", Some(3), |shown| shown.share().map(number::percent_text))
        .column(Number, "before", Some(1), move |shown| {
            shown.value().before.map(|before| scale.value(before))
        })
        .column(Number, "after", Some(2), move |shown| {
            let value = shown.value();
            value.before.map(|_| scale.value(value.after))
        })
        .column(Text, "", None, |shown| shown.call.map(|(relation, _)| relation.to_owned()))
        .name(rows::title(report))
        .name_at_least(24)
}

fn push_calls<'a>(
    grid: &mut Grid<'a, Shown<'a>>,
    report: &Report,
    row: &'a PeekRow,
    relation: &'a str,
    all: &[Neighbor],
) {
    let (shown, rest) = all.split_at(all.len().min(NEIGHBORS_SHOWN));
    let mut push = |value: Change<i64>, label: RowLabel| {
        grid.push(&Shown { row, call: Some((relation, value)) }, label, Tone::Plain);
    };
    for neighbor in shown {
        let label = rows::name(report, &neighbor.name);
        push(neighbor.value, if neighbor.inline { label.remark("inline") } else { label });
    }
    if let Some(sum) = rest.iter().map(|neighbor| neighbor.value).reduce(Change::plus) {
        push(sum, RowLabel::new(&format!("… {} more", rest.len())));
    }
}
