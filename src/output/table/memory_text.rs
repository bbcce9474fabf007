//! The memory as text: the verdict, the waterfall with what shows each part, the findings, and what to
//! record to know more.

use super::super::Style;
use super::closing::write_next;
use super::{escape::escape, facts, finding_lines, sparkline, wrap};
use crate::analysis::memory::{MemoryAnswer, MemoryFinding};
use crate::output::memory_wording as wording;
use crate::report::memory::MemoryReport;
use anstyle::Style as Ansi;
use std::io;

/// Width of the names of parts, and of sizes.
const NAME: usize = 26;
const SIZE: usize = 12;
/// Width of the bars.
const BAR: usize = 24;
/// Width of a sparkline.
const SHAPE: usize = 48;

pub(in crate::output) fn write(
    report: &MemoryReport,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if let Some(answer) = &report.memory {
        let (text, is_problem) = wording::verdict(answer);
        finding_lines::verdict(&text, is_problem, style, out)?;
        writeln!(out)?;
        waterfall(answer, style, out)?;
        notes(report, answer, style, out)?;
        for finding in &answer.findings {
            writeln!(out)?;
            write_finding(finding, style, out)?;
        }
        record(answer, style, out)?;
    }
    finding_lines::warnings(&report.warnings, style, out)
}

/// A line for each part, with its evidence below.
fn waterfall(answer: &MemoryAnswer, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let dim = Ansi::new().dimmed();
    let line = |name: &str, before: Option<i64>, after: i64, out: &mut dyn io::Write| {
        let share = wording::percent(after, answer.after);
        let size = wording::size(after);
        if let Some(before) = before {
            let change = wording::change(after - before);
            let before = wording::size(before);
            writeln!(out, "  {name:NAME$}{before:>SIZE$}{size:>SIZE$}{change:>SIZE$}{share:>7}")
        } else {
            let part = after.max(0) as f64 / (answer.after as f64).max(1.0);
            let bar = "█".repeat((part * BAR as f64).round().clamp(0.0, BAR as f64) as usize);
            let line = format!("  {name:NAME$}{size:>SIZE$}{share:>7}  {bar}");
            writeln!(out, "{}", line.trim_end())
        }
    };
    if answer.before.is_some() {
        writeln!(
            out,
            "  {:NAME$}{:>SIZE$}{:>SIZE$}{:>SIZE$}{:>7}",
            "", "first", "last", "change", "share"
        )?;
    }
    for row in &answer.parts {
        line(row.part.name(), row.before, row.after.unwrap_or(0), out)?;
        wrap::write("      ", &escape(&wording::evidence(row)), dim, style, out)?;
    }
    line(
        wording::total(answer),
        answer.before.map(|before| before as i64),
        answer.after as i64,
        out,
    )
}

/// What the total is, how it changes, and the limit.
fn notes(
    report: &MemoryReport,
    answer: &MemoryAnswer,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    let escaped = |texts: Vec<String>| -> Vec<String> {
        texts.iter().map(|text| escape(text).into_owned()).collect()
    };
    facts::write("  ", &escaped(wording::facts(answer)), style, out)?;
    let times = wording::times(report);
    if !times.is_empty() {
        facts::write("  times   ", &escaped(times), style, out)?;
    }
    if answer.count > 2 {
        let values: Vec<i64> = answer.moments.iter().map(|one| one.total as i64).collect();
        let shape = sparkline::sparkline(&values, SHAPE);
        facts::write("  shape   ", &[shape], style, out)?;
    }
    let trends = [
        answer.trend.as_ref().map(|trend| wording::trend(wording::total(answer), trend)),
        answer.live.as_ref().map(|trend| wording::trend("live heap", trend)),
    ];
    let trends: Vec<String> = trends.into_iter().flatten().collect();
    if !trends.is_empty() {
        facts::write("  trend   ", &trends, style, out)?;
    }
    match &answer.limit {
        Some(limit) => {
            wrap::write("  limit   ", &escape(&wording::limit(limit)), Ansi::new(), style, out)
        }
        None => Ok(()),
    }
}

fn write_finding(
    finding: &MemoryFinding,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let paint = finding_lines::severity(finding.severity);
    let first = format!("{} {}: ", finding.id, finding.rule.name());
    wrap::write(&first, &escape(&finding.message), paint, style, out)?;
    finding_lines::reasons(
        (&finding.evidence, &finding.advice),
        finding.command.as_deref(),
        style,
        out,
    )
}

/// What to record to know more.
fn record(answer: &MemoryAnswer, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    for (number, (command, parts)) in wording::to_record(answer).iter().enumerate() {
        if number == 0 {
            writeln!(out, "\nto know more")?;
        }
        write_next(&format!("  {}", parts.join(", ")), command, style, out)?;
    }
    Ok(())
}
