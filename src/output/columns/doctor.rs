//! The columns of missing evidence.

use super::Columns;
use crate::analysis::gaps::Gap;
use crate::output::columns::cells::word;
use crate::report::doctor::DoctorSubject;

/// A gap of a subject.
#[derive(Clone, Copy)]
pub(in crate::output) struct GapLine<'a> {
    pub(in crate::output) subject: &'a DoctorSubject,
    pub(in crate::output) gap: &'a Gap,
}

pub(in crate::output) fn columns<'a>() -> Columns<'a, GapLine<'a>> {
    Columns::<GapLine<'a>>::new()
        .column("subject", |line| &line.subject.name)
        .optional("severity", |line| word(line.gap.severity))
        .column("gap", |line| line.gap.id.name())
        .column("message", |line| &line.gap.message)
        .column("effect", |line| &line.gap.effect)
        .column("remedy", |line| &line.gap.remedy)
        .optional("command", |line| line.gap.command.as_ref())
}
