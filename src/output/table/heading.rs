//! The lines before the numbers: what was compared, and what might mislead about it.

use super::super::Style;
use super::{counted, escape::escape, is_heap, wrap};
use crate::report::{Input, Report};
use crate::units;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;
use unicode_width::UnicodeWidthStr;

/// A build id is told apart by its first characters.
const BUILD_ID_SHOWN: usize = 12;

/// Writes the line that says what was compared, broken between its parts where it is too long.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let parts = parts(report);
    let room = style.width.prose();
    let bold = Ansi::new().bold();
    let mut used = 0;
    for (index, part) in parts.iter().enumerate() {
        if used > 0 && used + 2 + part.width() > room {
            write!(out, "\n  ")?;
            used = 2;
        } else if used > 0 {
            write!(out, "  ")?;
            used += 2;
        }
        if index == 0 && style.color {
            write!(out, "{bold}{part}{bold:#}")?;
        } else {
            write!(out, "{part}")?;
        }
        used += part.width();
    }
    writeln!(out)
}

fn parts(report: &Report) -> Vec<String> {
    let Some(first) = report.inputs.first() else { return vec!["no input".to_owned()] };
    let last = report.inputs.last().unwrap_or(first);
    let both = |of: fn(&Input) -> Option<String>| match (of(first), of(last)) {
        (Some(a), Some(b)) if a != b => Some(format!("{a} → {b}")),
        (a, b) => a.or(b),
    };
    let mut parts = Vec::new();
    match both(|input| input.program.clone()) {
        Some(program) => parts.push(escape(&program).into_owned()),
        None if report.comparison.is_some() => {
            parts.push(format!("{} → {}", escape(&first.name), escape(&last.name)));
        }
        None => parts.push(escape(&first.name).into_owned()),
    }
    if let Some(build) = both(short_build_id) {
        parts.push(format!("build {}", escape(&build)));
    }
    if let Some(comparison) = &report.comparison {
        if let Some(apart) = comparison.apart_nanos {
            let apart = units::Nanoseconds(apart.unsigned_abs() as f64);
            parts.push(format!("{apart} apart"));
        }
        let process = if comparison.same_process { "same process" } else { "different processes" };
        parts.push(process.to_owned());
    } else {
        if report.inputs.len() > 1 {
            parts.push(format!("sum of {}", counted(report.inputs.len(), "profiles")));
        }
        if let Some(time) = &first.time {
            parts.push(format!("taken {}", escape(time)));
        }
    }
    // A span for measurements over time; a heap profile is a state even where it says one.
    if !is_heap(report) {
        if let Some(span) = both(|input| {
            let nanos = input.duration_nanos;
            (nanos > 0).then(|| units::Nanoseconds(nanos as f64).to_string())
        }) {
            parts.push(format!("over {span}"));
        }
    } else if let Some(period) = both(|input| (input.period > 0).then(|| period(input.period))) {
        parts.push(format!("period {period}"));
    }
    parts
}

fn short_build_id(input: &Input) -> Option<String> {
    let id = input.build_id.as_deref().filter(|id| !id.is_empty())?;
    Some(id.chars().take(BUILD_ID_SHOWN).collect())
}

/// `512 KiB`, and with a decimal only where it says something.
fn period(bytes: i64) -> String {
    units::Bytes(bytes as f64).to_string().replace(".0 ", " ")
}

/// Writes the warnings: those of the comparison, then those of single inputs, each once.
pub(super) fn write_warnings(
    report: &Report,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let whose = |message: &str, name: &str| {
        let has = |input: &Input| input.warnings.iter().any(|warning| warning.message == message);
        match report.inputs.as_slice() {
            [_] => String::new(),
            [before, after] if has(before) && has(after) => "both profiles: ".to_owned(),
            inputs if inputs.iter().all(has) => "all profiles: ".to_owned(),
            _ => format!("{name}: "),
        }
    };
    let of_inputs = report.inputs.iter().flat_map(|input| {
        let whose = &whose;
        input.warnings.iter().map(move |warning| {
            format!("{}{}", whose(&warning.message, &input.name), warning.message)
        })
    });
    let of_all = report.warnings.iter().map(|warning| warning.message.clone());
    let mut messages: Vec<String> = of_all.chain(of_inputs).collect();
    let mut seen = std::collections::BTreeSet::new();
    messages.retain(|message| seen.insert(message.clone()));
    if !messages.is_empty() {
        writeln!(out)?;
    }
    let yellow = AnsiColor::Yellow.on_default().bold();
    for message in messages {
        wrap::write("warning: ", &escape(&message), yellow, style, out)?;
    }
    Ok(())
}
