//! The collector as text: the verdict, the findings with what shows them and what to do, and what
//! happened when.

use super::super::{Style, Width};
use super::finding_lines::{self, INDENT};
use super::grid::Kind::{Mixed, Number, Text};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::rows::file_and_line;
use super::{escape::escape, facts, sparkline, wrap};
use crate::analysis::collector::{Allocator, CollectorFinding, CollectorRow};
use crate::output::collector_wording::{self as wording, duration, since};
use crate::output::columns::collector::{WindowLine, columns};
use crate::report::collector::{BesideCollector, CollectorReport};
use anstyle::Style as Ansi;
use std::io;

/// Most processes that a terminal shows, and most with their findings.
const PROCESSES: usize = 12;
const IN_FULL: usize = 3;
/// Most sites that allocate.
const SITES: usize = 5;
/// Width of a sparkline.
const SHAPE: usize = 48;

pub(in crate::output) fn write(
    report: &CollectorReport,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let (text, is_problem) = wording::verdict(report);
    finding_lines::verdict(&text, is_problem, style, out)?;
    if report.processes.len() > 1 {
        processes(report, style, out)?;
    }
    findings(report, style, out)?;
    if let Some(row) = wording::shown(report) {
        process(report, row, style, out)?;
    }
    if let Some(others) = &report.beside {
        beside(others, style, out)?;
    }
    finding_lines::warnings(&report.warnings, style, out)
}

/// What other inputs say of the process.
fn beside(others: &BesideCollector, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    for finding in &others.memory {
        writeln!(out)?;
        let first = format!("{} {}: ", finding.id, finding.rule.name());
        let paint = finding_lines::severity(finding.severity);
        write_hanging(&first, &finding.message, paint, style, out)?;
        finding_lines::reasons(
            (&finding.evidence, &finding.advice),
            finding.command.as_deref(),
            style,
            out,
        )?;
    }
    if let Some(text) = wording::leaks(others) {
        writeln!(out)?;
        wrap::write("", &escape(&text), Ansi::new().bold(), style, out)?;
    }
    let Some(allocated) = others.allocated.as_ref().filter(|one| !one.sites.is_empty()) else {
        return Ok(());
    };
    writeln!(out)?;
    wrap::write("", &escape(&wording::allocated(allocated)), Ansi::new().bold(), style, out)?;
    let rate = |bytes: i64| wording::rate(allocated, bytes);
    let mut grid = Grid::new()
        .column(Number, "allocated", None, move |site: &Allocator| rate(site.bytes.estimate))
        .column(Number, "± 95 %", Some(1), move |site| {
            let reach = (site.bytes.upper - site.bytes.lower) / 2;
            (reach > 0).then(|| rate(reach))
        })
        .column(Number, "share", None, |site| format!("{:.0} %", 100.0 * site.share))
        .column(Text, "where", Some(2), |site| file_and_line(&site.place, style.file_names))
        .name("function");
    for site in allocated.sites.iter().take(limit(style, SITES)) {
        grid.push(site, RowLabel::new(&site.place.function), Tone::Plain);
    }
    grid.write(style, 1, out)
}

/// A line for each process: those with findings, and the last ones.
fn processes(report: &CollectorReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let most = limit(style, PROCESSES);
    let mut kept: Vec<&CollectorRow> = report.processes.iter().collect();
    kept.sort_by_key(|row| {
        (
            row.findings.first().map_or((2, None), |one| (one.severity as u8, Some(one.rule))),
            usize::MAX - row.number,
        )
    });
    kept.truncate(most);
    kept.sort_by_key(|row| row.number);
    let mut grid = Grid::new()
        .column(Mixed, "process", None, |row: &&CollectorRow| row.number.to_string())
        .column(Number, "lasted", None, |row| duration(row.total.to_nanos - row.total.from_nanos))
        .column(Mixed, "GCs", None, |row| row.total.collections.to_string())
        .column(Number, "CPU", Some(3), |row| {
            format!("{} %", wording::short(row.total.cpu_percent))
        })
        .column(Number, "live", None, |row| wording::size(row.total.live))
        .column(Text, "started", Some(1), |row| Some(escape(row.started.as_ref()?).into_owned()))
        .column(Text, "log", Some(0), |row| Some(escape(row.inputs.first()?).into_owned()))
        .column(Text, "findings", Some(4), |row| {
            let names: Vec<&str> = row.findings.iter().map(|one| one.rule.name()).collect();
            Some(names.join(" ")).filter(|names| !names.is_empty())
        });
    for row in &kept {
        grid.push(row, RowLabel::default(), Tone::Plain);
    }
    writeln!(out)?;
    grid.write(style, 0, out)?;
    let omitted = report.processes.len() - kept.len();
    let omitted = (omitted > 0).then(|| ("not shown: ", format!("{omitted} processes (in JSON)")));
    wrap::remarks(omitted, style, out)
}

fn limit(style: &Style, most: usize) -> usize {
    if matches!(style.width, Width::Columns(_)) { most } else { usize::MAX }
}

fn findings(report: &CollectorReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut rows: Vec<&CollectorRow> =
        report.processes.iter().filter(|row| !row.findings.is_empty()).collect();
    rows.sort_by_key(|row| row.findings.first().map(|one| (one.severity, one.rule)));
    let shown = rows.len().min(limit(style, IN_FULL));
    for row in &rows[..shown] {
        let of = match report.processes.len() {
            1 => String::new(),
            _ => format!(" in process {}", row.number),
        };
        for finding in &row.findings {
            writeln!(out)?;
            write_finding(finding, &of, style, out)?;
        }
    }
    let rest = rows.len() - shown;
    let rest =
        (rest > 0).then(|| ("not shown: ", format!("the findings of {rest} processes (in JSON)")));
    wrap::remarks(rest, style, out)
}

fn write_finding(
    finding: &CollectorFinding,
    of: &str,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let paint = finding_lines::severity(finding.severity);
    let first = format!("{} {}{of}: ", finding.id, finding.rule.name());
    write_hanging(&first, &finding.message, paint, style, out)?;
    let time =
        format!("{} to {} after the start", since(finding.from_nanos), since(finding.to_nanos));
    let dim = Ansi::new().dimmed();
    wrap::write(&format!("{INDENT}when  "), &time, dim, style, out)?;
    finding_lines::reasons(
        (&finding.evidence, &finding.advice),
        finding.command.as_deref(),
        style,
        out,
    )
}

/// Writes a heading and its text, later lines indented as what is below it.
fn write_hanging(
    first: &str,
    text: &str,
    paint: Ansi,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let whole = wrap::lines(&escape(&format!("{first}{text}")), style);
    let lines = whole.lines().enumerate();
    lines.into_iter().try_for_each(|(number, line)| {
        let indent = if number == 0 { "" } else { INDENT };
        match line.strip_prefix(first.trim_end()) {
            Some(rest) if style.color && number == 0 => {
                writeln!(out, "{paint}{}{paint:#}{rest}", first.trim_end())
            }
            _ => writeln!(out, "{indent}{line}"),
        }
    })
}

/// A process through time.
fn process(
    report: &CollectorReport,
    row: &CollectorRow,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let title = match report.processes.len() {
        1 => wording::logs(row),
        _ => format!("process {} ({}, line {})", row.number, wording::logs(row), row.line),
    };
    wrap::title(&escape(&title), style, out)?;
    facts::write("  ", &escaped(&wording::facts(row)), style, out)?;
    let room = match style.width {
        Width::Columns(columns) => SHAPE.min(columns.saturating_sub(14).max(8)),
        Width::Unlimited => SHAPE,
    };
    let shape = |of: fn(&crate::analysis::collector::CollectorWindow) -> i64| {
        let values: Vec<i64> = row.windows.iter().map(of).collect();
        sparkline::sparkline(&values, room)
    };
    if let Some(live) = &row.live {
        facts::write(
            "  live heap ",
            &[shape(|one| one.live as i64), wording::trend(live)],
            style,
            out,
        )?;
    }
    let cpu = format!("{} % at most", wording::short(most(row)));
    facts::write(
        "  GC CPU    ",
        &[shape(|one| (one.cpu_percent * 1000.0) as i64), cpu],
        style,
        out,
    )?;
    if let Some(stacks) = row.stacks.as_ref().filter(|stacks| stacks.after > 0) {
        facts::write("  stacks    ", &[wording::trend(stacks)], style, out)?;
    }
    writeln!(out)?;
    let windows = wording::windows(row);
    let mut grid = Grid::of(columns());
    for window in &windows {
        let line = WindowLine { process: row.number, window };
        grid.push(&line, RowLabel::default(), Tone::Plain);
    }
    grid.write(style, 2, out)
}

/// The largest CPU share of a window.
fn most(row: &CollectorRow) -> f64 {
    row.windows.iter().fold(0.0, |most: f64, one| most.max(one.cpu_percent))
}

fn escaped(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| escape(text).into_owned()).collect()
}
