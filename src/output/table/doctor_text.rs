//! Missing evidence as text: the worst gap first, each with its effect and how to close it.

use super::super::Style;
use super::{escape::escape, finding_lines, wrap};
use crate::output::doctor_wording as wording;
use crate::report::doctor::DoctorReport;
use anstyle::Style as Ansi;
use std::io;

/// Indent of the lines of a gap.
const INDENT: &str = "  ";

pub(in crate::output) fn write(
    report: &DoctorReport,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let dim = Ansi::new().dimmed();
    for (number, subject) in report.subjects.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let (text, is_problem) = wording::verdict(subject);
        finding_lines::verdict(&text, is_problem, style, out)?;
        for gap in &subject.diagnosis.gaps {
            writeln!(out)?;
            let head = format!("{} {}: ", wording::severity(gap.severity), gap.id.name());
            wrap::write(
                &head,
                &escape(&gap.message),
                finding_lines::severity(gap.severity),
                style,
                out,
            )?;
            wrap::write(&format!("{INDENT}effect  "), &escape(&gap.effect), dim, style, out)?;
            wrap::write(&format!("{INDENT}do      "), &escape(&gap.remedy), dim, style, out)?;
            if let Some(command) = &gap.command {
                // A command that is broken over lines can't be copied.
                writeln!(out, "{INDENT}        {}", escape(command))?;
            }
        }
        writeln!(out)?;
        if let Some(reach) = &subject.diagnosis.reach {
            wrap::write("detects  ", &escape(&wording::reach(reach)), dim, style, out)?;
        }
        if !subject.diagnosis.fine.is_empty() {
            wrap::write("fine     ", &wording::names(&subject.diagnosis.fine), dim, style, out)?;
        }
    }
    if let Some(text) = wording::required(report) {
        writeln!(out)?;
        finding_lines::verdict(&text, !report.is_met, style, out)?;
    }
    finding_lines::warnings(&report.warnings, style, out)
}
