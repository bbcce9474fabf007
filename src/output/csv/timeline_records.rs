//! Rows through time, a line for each row and snapshot.
//!
//! Long and not wide: the columns are the same whatever the number of snapshots, and a pivot (`row` by `time`) makes the
//! wide table of either value. What is said of a row as a whole stands on each of its lines. The whole profile comes first;
//! its lines are of the kind `total`, since a function may have any name.

use super::pattern_records::word;
use super::suspect_records::{estimate, share};
use super::{Records, cell, scientific};
use crate::analysis::timeline::{Row, Timeline};
use crate::report::Report;
use std::io;

const COLUMNS: [&str; 24] = [
    "kind",
    "name",
    "file",
    "line",
    "snapshot",
    "input",
    "time",
    "elapsed_seconds",
    "process",
    "flat",
    "cum",
    "allocated_per_second",
    "class",
    "delta_flat",
    "delta_cum",
    "slope_per_hour",
    "slope_lower",
    "slope_upper",
    "q_value",
    "retention",
    "retention_lower",
    "retention_upper",
    "judged_process",
    "unit",
];

pub(super) fn write<W: io::Write>(
    report: &Report,
    timeline: &Timeline,
    writer: &mut Records<W>,
) -> io::Result<()> {
    writer.write(COLUMNS)?;
    let total = &timeline.total;
    let of_total = Lines {
        head: ["total".to_owned(), String::new(), String::new(), String::new()],
        flat: &total.values,
        cum: &total.values,
        rates: &total.allocated_per_second,
        tail: std::array::from_fn(|_| String::new()),
    };
    of_total.write(report, timeline, writer)?;
    for row in &timeline.rows {
        let lines = Lines {
            head: ["row".to_owned(), row.name.clone(), cell(row.file.as_ref()), cell(row.line)],
            flat: &row.flat,
            cum: &row.cum,
            rates: &row.allocated_per_second,
            tail: tail(row)?,
        };
        lines.write(report, timeline, writer)?;
    }
    Ok(())
}

/// What is said of a row as a whole.
fn tail(row: &Row) -> io::Result<[String; 10]> {
    let [slope, slope_lower, slope_upper] = estimate(row.slope_per_hour);
    let [kept, kept_lower, kept_upper] = share(row.retention);
    Ok([
        word(&row.class)?,
        row.delta.flat.to_string(),
        row.delta.cum.to_string(),
        slope,
        slope_lower,
        slope_upper,
        row.q_value.filter(|q| q.is_finite()).map(scientific).unwrap_or_default(),
        kept,
        kept_lower,
        kept_upper,
    ])
}

/// The lines of a row.
struct Lines<'a> {
    head: [String; 4],
    flat: &'a [i64],
    cum: &'a [i64],
    rates: &'a [Option<i64>],
    tail: [String; 10],
}

impl Lines<'_> {
    fn write<W: io::Write>(
        &self,
        report: &Report,
        timeline: &Timeline,
        writer: &mut Records<W>,
    ) -> io::Result<()> {
        let snapshots = timeline.times.iter().zip(&timeline.inputs).zip(&timeline.processes);
        for (at, ((time, &input), &process)) in snapshots.enumerate() {
            let elapsed = timeline.elapsed_nanos.as_ref().and_then(|all| all.get(at));
            let of_snapshot = [
                at.to_string(),
                cell(report.inputs.get(input).map(|input| &input.name)),
                cell(time.as_ref()),
                elapsed.map(|&nanos| (nanos as f64 / 1e9).to_string()).unwrap_or_default(),
                process.to_string(),
                cell(self.flat.get(at)),
                cell(self.cum.get(at)),
                cell(self.rates.get(at).copied().flatten()),
            ];
            let last = [timeline.judged.to_string(), report.unit.clone()];
            let record = self.head.iter().chain(&of_snapshot).chain(&self.tail).chain(&last);
            writer.write(record)?;
        }
        Ok(())
    }
}
