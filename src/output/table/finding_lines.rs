//! What the texts about a process share: the verdict, findings with what shows them and what to do,
//! and warnings.

use super::super::Style;
use super::closing::write_next;
use super::{escape::escape, wrap};
use crate::analysis::estimates::Severity;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;

/// Indent of the lines of a finding.
pub(super) const INDENT: &str = "   ";

/// The verdict, red if it is a problem.
pub(super) fn verdict(
    text: &str,
    is_problem: bool,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let paint = severity(if is_problem { Severity::Problem } else { Severity::Note });
    let text = wrap::lines(&escape(text), style);
    if style.color { writeln!(out, "{paint}{text}{paint:#}") } else { writeln!(out, "{text}") }
}

/// The style of what is so severe.
pub(super) fn severity(severity: Severity) -> Ansi {
    match severity {
        Severity::Problem => AnsiColor::Red.on_default().bold(),
        Severity::Note => Ansi::new().bold(),
    }
}

/// What is below the heading of a finding: what shows it, what to do, and the next command.
pub(super) fn reasons(
    (evidence, advice): (&[String], &str),
    command: Option<&str>,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let dim = Ansi::new().dimmed();
    for (number, evidence) in evidence.iter().enumerate() {
        let first = if number == 0 { "why   " } else { "      " };
        wrap::write(&format!("{INDENT}{first}"), &escape(evidence), dim, style, out)?;
    }
    wrap::write(&format!("{INDENT}do    "), &escape(advice), dim, style, out)?;
    match command {
        Some(command) => write_next(&format!("{INDENT}next"), command, style, out),
        None => Ok(()),
    }
}

/// Writes warnings after a blank line.
pub(super) fn warnings(
    warnings: &[String],
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for (number, warning) in warnings.iter().enumerate() {
        if number == 0 {
            writeln!(out)?;
        }
        wrap::write("warning: ", &escape(warning), AnsiColor::Yellow.on_default(), style, out)?;
    }
    Ok(())
}
