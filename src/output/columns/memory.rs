//! The columns of parts of the memory at a moment.

use super::Columns;
use crate::analysis::memory::MemoryMoment;

/// A part at a moment.
#[derive(Clone, Copy)]
pub(in crate::output) struct MomentLine<'a> {
    pub(in crate::output) moment: &'a MemoryMoment,
    pub(in crate::output) part: &'a str,
    pub(in crate::output) bytes: i64,
}

pub(in crate::output) fn columns<'a>() -> Columns<'a, MomentLine<'a>> {
    Columns::<MomentLine<'a>>::new()
        .optional("time", |line| line.moment.time.clone())
        .column("total", |line| line.moment.total)
        .column("part", |line| line.part)
        .column("bytes", |line| line.bytes)
}
