//! The table for people: what was compared, what it adds up to, which rows changed and where to
//! look.
//!
//! It is read in a hurry, often over a slow connection or in a pager, so its order is that of the
//! reader's questions: is this the comparison I meant, how much is it, which function, which line,
//! what now. Numbers never wrap, and names are shortened before they do; every claim comes with its
//! error. Heap terms (objects, in use, leak) appear only for heap profiles.

mod baseline_rows;
mod chain;
mod check_rows;
pub(in crate::output) mod closing;
mod collector_text;
mod diff_rows;
mod doctor_text;
mod facts;
mod finding_lines;
mod goroutine_rows;
mod grid;
pub(in crate::output) mod heading;
mod label;
mod list_rows;
mod match_rows;
mod memory_text;
mod name;
mod packed;
mod part_lines;
mod pattern_text;
mod peek_rows;
mod place_rows;
mod refs_lines;
mod rows;
pub(crate) mod shell;
pub(in crate::output) mod shown;
mod sites;
mod sparkline;
pub(in crate::output) mod suspect_facts;
pub(in crate::output) mod suspect_lines;
pub(in crate::output) mod suspect_next;
mod suspect_path;
mod tag_rows;
mod timeline_rows;
mod top_rows;
mod totals;
mod trace_rows;
mod track_lines;
pub(in crate::output) mod verdict_line;
mod words;
mod wrap;

pub(super) use baseline_rows::write as write_baselines;
pub(super) use collector_text::write as write_collector;
pub(super) use doctor_text::write as write_doctor;
pub(super) use memory_text::write as write_memory;
pub(super) use name::fit as fit_name;
pub(super) use pattern_text::write as write_patterns;
pub(super) use sparkline::sparkline;
pub(super) use verdict_line::alone as verdict;

use super::{Style, escape, is_heap, names_functions, number};
use crate::filter::Granularity;
use crate::report::{Answer, Report};
use std::io;

pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let report = &*shown::shown(report);
    heading::write(report, style, out)?;
    match &report.answer {
        Answer::Check(answer) => check_rows::write(report, &answer.check, style, out),
        Answer::Leaks(answer) => {
            verdict_line::write(report, answer, style, out)?;
            suspect_lines::write_total(report, &answer.timeline, style, out)?;
            if !answer.timeline.tracks.is_empty() {
                writeln!(out)?;
                track_lines::write(&answer.timeline, style, out)?;
            }
            suspect_lines::write(report, answer, style, out)?;
            heading::write_warnings(report, style, out)
        }
        answer => {
            totals::write(report, style, out)?;
            heading::write_warnings(report, style, out)?;
            write_rows(report, answer, style, out)
        }
    }
}

/// Writes the rows of an answer, and the next command.
fn write_rows(
    report: &Report,
    answer: &Answer,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match answer {
        Answer::Timeline(timeline) => timeline_rows::write(report, timeline, style, out),
        Answer::Diff(diff) => {
            if let Some(places) = &diff.places {
                place_rows::write(report, places, style, out)?;
            } else {
                diff_rows::write(report, diff, style, out)?;
                sites::write(report, diff, style, out)?;
            }
            closing::write_diff(report, diff, style, out)
        }
        Answer::Top(top) => {
            match &top.places {
                Some(places) => place_rows::write(report, places, style, out)?,
                None => top_rows::write(report, top, style, out)?,
            }
            closing::write_top(report, top, style, out)
        }
        Answer::Refs(refs) => {
            refs_lines::write(report, refs, style, out)?;
            closing::write_refs(report, refs, style, out)
        }
        Answer::Peek(peek) => peek_rows::write(report, peek, style, out),
        Answer::List(list) => list_rows::write(report, list, style, out),
        Answer::Goroutines(answer) => goroutine_rows::write(report, answer, style, out),
        Answer::Traces(traces) => trace_rows::write(report, traces, style, out),
        Answer::Tags(tags) => tag_rows::write(report, tags, style, out),
        Answer::Matches(matches) => match_rows::write(report, matches, style, out),
        // Graphs and flame graphs, and answers written above.
        Answer::Graph(_)
        | Answer::Flame(_)
        | Answer::Stacks(_)
        | Answer::CutTrees(_)
        | Answer::Leaks(_)
        | Answer::Check(_) => Ok(()),
    }
}

/// What one row represents, in the plural.
fn rows_word(report: &Report) -> &'static str {
    match report.granularity {
        Granularity::Filefunctions => Granularity::Functions.name(),
        other => other.name(),
    }
}

/// `word` for one, its plural otherwise: `1 function`, `31 functions`.
fn counted(count: usize, plural: &str) -> String {
    let singular = match plural {
        "addresses" => "address",
        "branches" => "branch",
        _ => plural.strip_suffix('s').unwrap_or(plural),
    };
    let word = if count == 1 { singular } else { plural };
    format!("{} {word}", crate::units::Grouped(i64::try_from(count).unwrap_or(i64::MAX)))
}
