//! Baselines, one line each.

use super::columns::{Columns, pairs};
use crate::report::baselines::{BaselineRow, Branch, Shelf};
use std::io;

/// The drift of a branch is only in JSON.
pub(in crate::output) fn write(shelf: &Shelf, out: &mut dyn io::Write) -> io::Result<()> {
    Columns::<(&Branch, &BaselineRow)>::new()
        .column("branch", |(branch, _)| &branch.branch)
        .column("platform", |(branch, _)| &branch.platform)
        .column("time", |(_, row)| &row.time)
        .optional("build", |(_, row)| row.build.as_ref())
        .optional("program", |(_, row)| row.program.as_ref())
        .column("runs", |(_, row)| row.runs)
        .column("period", |(_, row)| row.period)
        .column("kept", |(_, row)| &row.kept)
        .optional("sample_type", |(_, row)| Some(&row.total.as_ref()?.sample_type))
        .optional("unit", |(_, row)| Some(&row.total.as_ref()?.unit))
        .optional("total", |(_, row)| Some(row.total.as_ref()?.value))
        .optional("standard_error", |(_, row)| row.total.as_ref()?.standard_error)
        .optional("change", |(_, row)| row.change)
        .column("folder", |(_, row)| &row.folder)
        .write(pairs(&shelf.branches, |branch| &branch.baselines), out)
}
