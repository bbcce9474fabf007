//! Baselines, a line for each.

use super::{Records, cell};
use crate::report::baselines::Shelf;
use std::io;

const COLUMNS: [&str; 14] = [
    "branch",
    "platform",
    "time",
    "build",
    "program",
    "runs",
    "period",
    "kept",
    "sample_type",
    "unit",
    "total",
    "standard_error",
    "change",
    "folder",
];

/// What the baselines of a branch do together is in JSON.
pub(in crate::output) fn write(shelf: &Shelf, out: &mut dyn io::Write) -> io::Result<()> {
    let mut writer = Records(::csv::Writer::from_writer(out));
    writer.write(COLUMNS)?;
    for branch in &shelf.branches {
        for row in &branch.baselines {
            let total = row.total.as_ref();
            writer.write([
                branch.branch.clone(),
                branch.platform.clone(),
                row.time.clone(),
                cell(row.build.as_ref()),
                cell(row.program.as_ref()),
                row.runs.to_string(),
                row.period.to_string(),
                row.kept.clone(),
                cell(total.map(|total| &total.sample_type)),
                cell(total.map(|total| &total.unit)),
                cell(total.map(|total| total.value)),
                cell(total.and_then(|total| total.standard_error)),
                cell(row.change),
                row.folder.clone(),
            ])?;
        }
    }
    writer.0.flush()
}
