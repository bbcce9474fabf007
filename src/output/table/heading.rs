//! The lines before the numbers: what was compared, and what might mislead about it.

use super::super::Style;
use super::{counted, escape::escape, is_heap, wrap};
use crate::analysis::ProcessVerdict;
use crate::analysis::timeline::Timeline;
use crate::model::profile::TimeSource;
use crate::model::symbols::is_build_id;
use crate::report::{Input, InputKind, Report};
use crate::units;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;
use unicode_width::UnicodeWidthStr;

/// The first characters of a build id identify it.
const BUILD_ID_SHOWN: usize = 12;

/// Writes the line that names what was compared, broken between its parts if it is too long.
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
    writeln!(out)?;
    write_comments(report, style, out)?;
    match report.comparison.as_ref().and_then(|comparison| comparison.seconds) {
        Some(_) => {
            let text = "The profiles cover different times, so they are compared per second. JSON \
                        has the whole values as well.";
            wrap::write("", text, Ansi::new(), style, out)
        }
        None => Ok(()),
    }
}

/// Most comments that the heading repeats, and most characters of each.
const COMMENTS: usize = 4;
const COMMENT_LENGTH: usize = 200;

/// Writes what the profiles say about themselves: their comments and documentation, each once.
fn write_comments(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let comments = report.inputs.iter().flat_map(|input| &input.comments);
    let docs = report.inputs.iter().filter_map(|input| input.doc_url.as_ref());
    let mut seen = std::collections::BTreeSet::new();
    let all = comments.map(|text| ("comment: ", text)).chain(docs.map(|text| ("doc: ", text)));
    let all: Vec<_> = all.filter(|(_, text)| !text.is_empty() && seen.insert(*text)).collect();
    let dim = Ansi::new().dimmed();
    for (first, text) in all.iter().take(COMMENTS) {
        let end = text.char_indices().nth(COMMENT_LENGTH).map(|(end, _)| end);
        let cut = end.map_or_else(|| (*text).clone(), |end| format!("{}…", &text[..end]));
        wrap::write(first, &escape(&cut), dim, style, out)?;
    }
    let left_out: usize =
        report.inputs.iter().map(|input| input.comments_left_out).max().unwrap_or(0);
    match all.len().saturating_sub(COMMENTS) + left_out {
        0 => Ok(()),
        more => wrap::write(
            "",
            &format!("… {more} more (--format json has the first of them)"),
            dim,
            style,
            out,
        ),
    }
}

/// What was compared: the program, its build, the snapshots and their times.
pub(in crate::output) fn parts(report: &Report) -> Vec<String> {
    let ends = report.answer.timeline().map(|timeline| &timeline.inputs);
    let at = |end: Option<&usize>| end.and_then(|&at| report.inputs.get(at));
    let first = ends.and_then(|all| at(all.first())).or(report.inputs.first());
    let last = ends.and_then(|all| at(all.last())).or(report.inputs.last());
    let (Some(first), Some(last)) = (first, last) else { return vec!["no input".to_owned()] };
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
    if let Some(timeline) = report.answer.timeline() {
        parts.extend(through_time(report, timeline));
    } else if let Some(comparison) = &report.comparison {
        if let Some(apart) = comparison.apart_nanos {
            let apart = units::Nanoseconds(apart.unsigned_abs() as f64);
            parts.push(format!("{apart} apart"));
        }
        // Only in heap profiles does the error depend on it, so only there is it worth a remark
        // that it is unknown.
        parts.extend(match comparison.process {
            ProcessVerdict::Same => Some("same process".to_owned()),
            ProcessVerdict::Different => Some("different processes".to_owned()),
            ProcessVerdict::Unknown => {
                is_heap(report).then(|| "unknown whether one process".to_owned())
            }
        });
    } else if let Some(check) = report.answer.check() {
        let runs = counted(check.after_runs, "runs");
        parts.push(match check.before_runs {
            0 => format!("no baseline, {runs} after"),
            before => format!("{} before, {} after", counted(before, "runs"), check.after_runs),
        });
    } else {
        if report.inputs.len() > 1 {
            parts.push(format!("sum of {}", counted(report.inputs.len(), "profiles")));
        }
        if let Some(time) = &first.time {
            parts.push(match first.time_source {
                Some(TimeSource::LastCollection) => {
                    format!("as of the collection at {}", escape(time))
                }
                Some(TimeSource::FileName) => format!("taken {} by its name", escape(time)),
                Some(TimeSource::Given) => format!("taken {} by --at", escape(time)),
                _ => format!("taken {}", escape(time)),
            });
        }
    }
    if report.inputs.len() > 1 {
        let has = |source| report.inputs.iter().any(|input| input.time_source == Some(source));
        if has(TimeSource::LastCollection) {
            parts.push("times of the last collections".to_owned());
        }
        if has(TimeSource::FileName) {
            parts.push("times from the names of the files".to_owned());
        }
        if has(TimeSource::Given) {
            parts.push("times from --at".to_owned());
        }
    }
    // Only for measurements over time; a heap profile is a snapshot even if it records a duration.
    let measures_time = match report.answer.timeline() {
        Some(_) => first.kind != InputKind::Heap,
        None => !is_heap(report),
    };
    if measures_time {
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

/// The number of snapshots and processes, the time span, and other profiles read with them.
fn through_time(report: &Report, timeline: &Timeline) -> Vec<String> {
    let mut parts = Vec::new();
    let snapshots = counted(timeline.times.len(), "snapshots");
    let processes = timeline.processes.iter().max().map_or(0, |last| last + 1);
    let of = if processes > 1 {
        format!(" of {}", counted(processes, "processes"))
    } else {
        String::new()
    };
    let span = timeline.elapsed_nanos.as_ref().and_then(|all| Some(*all.last()? - *all.first()?));
    let over = match span {
        Some(nanos) if nanos > 0 => format!(" over {}", units::Nanoseconds(nanos as f64)),
        _ => String::new(),
    };
    parts.push(format!("{snapshots}{of}{over}"));
    let ends = (timeline.times.first(), timeline.times.last());
    if let (Some(Some(first)), Some(Some(last))) = ends {
        parts.push(from_to(&seconds(&escape(first)), &seconds(&escape(last))));
    }
    let goroutines = report.inputs.iter().filter(|input| input.kind == InputKind::Goroutine);
    let of_goroutines = timeline.inputs.iter().filter_map(|&at| report.inputs.get(at));
    let is_about = |kind| of_goroutines.clone().any(|input| input.kind == kind);
    match goroutines.count() {
        0 => {}
        _ if is_about(InputKind::Goroutine) => {}
        count => parts.push(counted(count, "goroutine profiles")),
    }
    parts
}

/// `2025-05-01 10:00:00` from a time in RFC 3339, without the fraction.
pub(in crate::output) fn seconds(time: &str) -> String {
    let whole = time.split_once('.').map_or(time, |(whole, _)| whole);
    whole.trim_end_matches('Z').replacen('T', " ", 1)
}

/// From one time to another, with the day only once if it is the same.
fn from_to(first: &str, last: &str) -> String {
    match (first.split_once(' '), last.split_once(' ')) {
        _ if first == last => format!("{first} UTC"),
        (Some((day, _)), Some((other, time))) if day == other => format!("{first} … {time} UTC"),
        _ => format!("{first} … {last} UTC"),
    }
}

fn short_build_id(input: &Input) -> Option<String> {
    let id = input.build_id.as_deref().filter(|id| is_build_id(id))?;
    Some(id.chars().take(BUILD_ID_SHOWN).collect())
}

/// `512 KiB`, with a decimal only if it isn't zero.
fn period(bytes: i64) -> String {
    units::Bytes(bytes as f64).to_string().replace(".0 ", " ")
}

/// The warnings: those of the comparison, then those of single inputs, each once.
pub(in crate::output) fn warnings(report: &Report) -> Vec<String> {
    let whose = |message: &str| {
        let has = |input: &&Input| input.warnings.iter().any(|warning| warning.message == message);
        let bearers: Vec<&Input> = report.inputs.iter().filter(has).collect();
        match (bearers.as_slice(), report.inputs.len()) {
            (_, 1) => String::new(),
            ([_, _], 2) => "both profiles: ".to_owned(),
            (all, inputs) if all.len() == inputs => "all profiles: ".to_owned(),
            ([one], _) => format!("{}: ", one.name),
            ([first, ..], inputs) => {
                let count = bearers.len();
                format!("{count} of {} ({}, …): ", counted(inputs, "profiles"), first.name)
            }
            ([], _) => String::new(),
        }
    };
    let of_inputs = report.inputs.iter().flat_map(|input| {
        input
            .warnings
            .iter()
            .map(|warning| format!("{}{}", whose(&warning.message), warning.message))
    });
    let of_all = report.warnings.iter().map(|warning| warning.message.clone());
    let mut messages: Vec<String> = of_all.chain(of_inputs).collect();
    let mut seen = std::collections::BTreeSet::new();
    messages.retain(|message| seen.insert(message.clone()));
    messages
}

/// Writes the warnings.
pub(super) fn write_warnings(
    report: &Report,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let messages = warnings(report);
    if !messages.is_empty() {
        writeln!(out)?;
    }
    let yellow = AnsiColor::Yellow.on_default().bold();
    for message in messages {
        wrap::write("warning: ", &escape(&message), yellow, style, out)?;
    }
    Ok(())
}
