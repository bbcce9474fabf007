//! The parts of the memory at each moment, one line each. Findings are only in JSON, Markdown and the
//! table.

use super::{Sheet, write_rows};
use crate::output::columns::memory::{MomentLine, columns};
use crate::output::escape::csv::Cells;
use crate::report::memory::MemoryReport;
use std::io;

pub(in crate::output) fn write_memory(
    report: &MemoryReport,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let moments = report.memory.iter().flat_map(|answer| &answer.moments);
    let lines = moments.flat_map(|moment| {
        moment.parts.iter().map(|(part, bytes)| MomentLine { moment, part, bytes: *bytes })
    });
    write_rows(columns(), lines, &mut Sheet { cells, out })
}
