//! Missing evidence as Markdown, for a ticket.

use super::findings;
use crate::output::doctor_wording as wording;
use crate::output::escape::markdown::{fenced, prose};
use crate::report::doctor::DoctorReport;
use std::io;

pub(in crate::output) fn write(report: &DoctorReport, out: &mut dyn io::Write) -> io::Result<()> {
    for (number, subject) in report.subjects.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        writeln!(out, "### heapdiff doctor: {}", prose(&wording::verdict(subject).0))?;
        for gap in &subject.diagnosis.gaps {
            let (severity, id) = (wording::severity(gap.severity), gap.id.name());
            writeln!(out, "\n**{severity} {id}:** {}\n", prose(&gap.message))?;
            writeln!(out, "- Effect: {}", prose(&gap.effect))?;
            writeln!(out, "- Do: {}", prose(&gap.remedy))?;
            if let Some(command) = &gap.command {
                write!(out, "\n{}", fenced(command))?;
            }
        }
        if let Some(reach) = &subject.diagnosis.reach {
            writeln!(out, "\nDetects: {}", prose(&wording::reach(reach)))?;
        }
        if !subject.diagnosis.fine.is_empty() {
            writeln!(out, "\nFine: {}", prose(&wording::names(&subject.diagnosis.fine)))?;
        }
    }
    if let Some(text) = wording::required(report) {
        writeln!(out, "\n**{}**", prose(&text))?;
    }
    findings::warnings(&report.warnings, out)
}
