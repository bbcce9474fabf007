//! Rows over time, one line per row and snapshot.
//!
//! Long, not wide: the columns are the same for any number of snapshots, and a pivot (`row` by
//! `time`) gives the wide table of either value. Values of a row as a whole are repeated on each of
//! its lines. The whole profile comes first; its lines have the kind `total`, since a function may
//! have any name.

use super::{Sheet, write_rows};
use crate::analysis::timeline::{Timeline, TimelineRow};
use crate::output::columns::Columns;
use crate::output::columns::cells::{finite, scientific, word};
use crate::report::Report;
use std::io;

/// A snapshot of a row, or of the whole profile.
#[derive(Clone, Copy)]
struct Snapshot<'a> {
    at: usize,
    row: Option<&'a TimelineRow>,
}

pub(super) fn write(report: &Report, timeline: &Timeline, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let rows = [None].into_iter().chain(timeline.rows.iter().map(Some));
    let snapshots =
        rows.flat_map(|row| (0..timeline.times.len()).map(move |at| Snapshot { at, row }));
    write_rows(columns(report, timeline), snapshots, sheet)
}

fn columns<'a>(report: &'a Report, timeline: &'a Timeline) -> Columns<'a, Snapshot<'a>> {
    let total = &timeline.total;
    Columns::<Snapshot<'a>>::new()
        .column("kind", |of| if of.row.is_some() { "row" } else { "total" })
        .optional("name", |of| Some(&of.row?.name))
        .optional("file", |of| of.row?.file.as_ref())
        .optional("line", |of| of.row?.line)
        .column("snapshot", |of| of.at)
        .optional("input", |of| Some(&report.inputs.get(*timeline.inputs.get(of.at)?)?.name))
        .optional("time", |of| timeline.times.get(of.at)?.as_ref())
        .optional("elapsed_seconds", |of| {
            Some(*timeline.elapsed_nanos.as_ref()?.get(of.at)? as f64 / 1e9)
        })
        .optional("process", |of| timeline.processes.get(of.at))
        .optional("flat", |of| of.row.map_or(&total.values, |row| &row.flat).get(of.at))
        .optional("cum", |of| of.row.map_or(&total.values, |row| &row.cum).get(of.at))
        .optional("allocated_per_second", |of| {
            let rates = of.row.map_or(&total.allocated_per_second, |row| &row.allocated_per_second);
            *rates.get(of.at)?
        })
        .optional("class", |of| word(of.row?.class))
        .optional("delta_flat", |of| Some(of.row?.delta.flat))
        .optional("delta_cum", |of| Some(of.row?.delta.cum))
        .estimate(["slope_per_hour", "slope_lower", "slope_upper"], |of| of.row?.slope_per_hour)
        .optional("q_value", |of| of.row?.q_value.and_then(finite).map(scientific))
        .share(["retention", "retention_lower", "retention_upper"], |of| of.row?.retention)
        .column("judged_process", |_| timeline.judged)
        .column("unit", |_| &report.unit)
}
