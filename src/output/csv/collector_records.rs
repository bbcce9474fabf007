//! The windows of processes, one line each. Findings are only in JSON, Markdown and the table.

use super::{Sheet, write_rows};
use crate::output::columns::collector::{WindowLine, columns};
use crate::output::escape::csv::Cells;
use crate::report::collector::CollectorReport;
use std::io;

pub(in crate::output) fn write_collector(
    report: &CollectorReport,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let lines = report.processes.iter().flat_map(|row| {
        row.windows.iter().map(|window| WindowLine { process: row.number, window })
    });
    write_rows(columns(), lines, &mut Sheet { cells, out })
}
