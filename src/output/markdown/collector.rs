//! What the collector did as Markdown, for a ticket: the verdict, the findings, and when it was.

use super::findings;
use crate::analysis::collector::CollectorRow;
use crate::output::collector_wording::{self as wording, since};
use crate::output::columns::collector::{WindowLine, columns};
use crate::output::escape::markdown::{code, prose};
use crate::report::collector::{BesideCollector, CollectorReport};
use std::io;

/// Most processes whose findings are written: a ticket has a limit too.
const PROCESSES: usize = 20;

pub(in crate::output) fn write(
    report: &CollectorReport,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out, "### heapdiff gc: {}", prose(&wording::verdict(report).0))?;
    let rows = report.processes.iter().filter(|row| !row.findings.is_empty());
    let count = rows.clone().count();
    for row in rows.take(PROCESSES) {
        findings(report, row, out)?;
    }
    if count > PROCESSES {
        writeln!(out, "\n{} more processes have findings.", count - PROCESSES)?;
    }
    if let Some(row) = wording::shown(report) {
        writeln!(out, "\n#### Process {} of {}\n", row.number, code(&wording::logs(row)))?;
        writeln!(out, "{}", prose(&wording::facts(row).join("; ")))?;
        if let Some(live) = &row.live {
            writeln!(out, "\nLive heap: {}", prose(&wording::trend(live)))?;
        }
        windows(row, out)?;
    }
    if let Some(others) = &report.beside {
        beside(others, out)?;
    }
    findings::warnings(&report.warnings, out)
}

/// What other inputs say of the process.
fn beside(others: &BesideCollector, out: &mut dyn io::Write) -> io::Result<()> {
    for finding in &others.memory {
        let (id, name) = (&finding.id, finding.rule.name());
        writeln!(out, "\n**{id} {name}:** {}\n", prose(&finding.message))?;
        findings::reasons((&finding.evidence, &finding.advice), finding.command.as_deref(), out)?;
    }
    if let Some(text) = wording::leaks(others) {
        writeln!(out, "\n{}", prose(&text))?;
    }
    let Some(allocated) = others.allocated.as_ref().filter(|one| !one.sites.is_empty()) else {
        return Ok(());
    };
    writeln!(out, "\n{}\n", prose(&wording::allocated(allocated)))?;
    writeln!(out, "| allocated | share | function |\n| ---: | ---: | --- |")?;
    for site in &allocated.sites {
        let rate = wording::rate(allocated, site.bytes.estimate);
        let share = 100.0 * site.share;
        writeln!(out, "| {rate} | {share:.0} % | {} |", code(&site.place.function))?;
    }
    Ok(())
}

fn findings(
    report: &CollectorReport,
    row: &CollectorRow,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for finding in &row.findings {
        let of = match report.processes.len() {
            1 => String::new(),
            _ => format!(" in process {}", row.number),
        };
        let (id, name) = (&finding.id, finding.rule.name());
        writeln!(out, "\n**{id} {name}{of}:** {}\n", prose(&finding.message))?;
        let (from, to) = (since(finding.from_nanos), since(finding.to_nanos));
        writeln!(out, "- {from} to {to} after the start")?;
        findings::reasons((&finding.evidence, &finding.advice), finding.command.as_deref(), out)?;
    }
    Ok(())
}

/// The windows, with the columns in which any has a value.
fn windows(row: &CollectorRow, out: &mut dyn io::Write) -> io::Result<()> {
    let windows = wording::windows(row);
    let line = |window| WindowLine { process: row.number, window };
    let lines: Vec<WindowLine<'_>> = windows.iter().map(line).collect();
    let mut shown: Vec<(&str, Vec<String>)> = Vec::new();
    for column in columns().of_table() {
        let cells: Vec<String> = lines.iter().map(|line| (column.cell)(line)).collect();
        if cells.iter().any(|text| !text.is_empty()) {
            shown.push((column.head.2, cells));
        }
    }
    let titles: Vec<&str> = shown.iter().map(|(title, _)| *title).collect();
    writeln!(out, "\n| {} |", titles.join(" | "))?;
    writeln!(out, "|{}", " ---: |".repeat(titles.len()))?;
    for line in 0..windows.len() {
        let cells: Vec<&str> = shown.iter().map(|(_, cells)| cells[line].as_str()).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}
