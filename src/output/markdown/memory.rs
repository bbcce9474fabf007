//! Where the memory is as Markdown, for a ticket: the verdict, the parts, the findings.

use super::findings;
use crate::output::escape::markdown::{cell, fenced, prose};
use crate::output::memory_wording as wording;
use crate::report::memory::MemoryReport;
use std::io;

pub(in crate::output) fn write(report: &MemoryReport, out: &mut dyn io::Write) -> io::Result<()> {
    if let Some(answer) = &report.memory {
        writeln!(out, "### heapdiff memory: {}\n", prose(&wording::verdict(answer).0))?;
        if answer.before.is_some() {
            writeln!(out, "| part | first | last | change | share | from |")?;
            writeln!(out, "| --- | ---: | ---: | ---: | ---: | --- |")?;
        } else {
            writeln!(out, "| part | size | share | from |")?;
            writeln!(out, "| --- | ---: | ---: | --- |")?;
        }
        let mut line = |name: &str, before: Option<i64>, after: i64, from: &str| {
            let share = wording::percent(after, answer.after);
            let after_text = wording::size(after);
            if let Some(before) = before {
                let change = wording::change(after - before);
                let before = wording::size(before);
                writeln!(out, "| {name} | {before} | {after_text} | {change} | {share} | {from} |")
            } else {
                writeln!(out, "| {name} | {after_text} | {share} | {from} |")
            }
        };
        for row in &answer.parts {
            let evidence = wording::evidence(row);
            line(row.part.name(), row.before, row.after.unwrap_or(0), &cell(&evidence))?;
        }
        let before = answer.before.map(|before| before as i64);
        let name = format!("**{}**", wording::total(answer));
        line(&name, before, answer.after as i64, &cell(&answer.source))?;
        if let Some(limit) = &answer.limit {
            writeln!(out, "\nLimit: {}", prose(&wording::limit(limit)))?;
        }
        for finding in &answer.findings {
            let (id, name) = (&finding.id, finding.rule.name());
            writeln!(out, "\n**{id} {name}:** {}\n", prose(&finding.message))?;
            findings::reasons(
                (&finding.evidence, &finding.advice),
                finding.command.as_deref(),
                out,
            )?;
        }
        for (command, parts) in wording::to_record(answer) {
            write!(
                out,
                "\nTo know more about {}:\n\n{}",
                prose(&parts.join(", ")),
                fenced(&command)
            )?;
        }
    }
    findings::warnings(&report.warnings, out)
}
