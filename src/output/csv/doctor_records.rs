//! Missing evidence, one line for each gap.

use super::{Sheet, write_rows};
use crate::output::columns::doctor::{GapLine, columns};
use crate::output::escape::csv::Cells;
use crate::report::doctor::DoctorReport;
use std::io;

pub(in crate::output) fn write_doctor(
    report: &DoctorReport,
    cells: Cells,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let lines = report
        .subjects
        .iter()
        .flat_map(|subject| subject.diagnosis.gaps.iter().map(move |gap| GapLine { subject, gap }));
    write_rows(columns(), lines, &mut Sheet { cells, out })
}
