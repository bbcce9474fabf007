//! Patterns as text: one line each, or one explained.
//!
//! A reader of an explanation is usually handling an alarm, so it goes from what happens to what to
//! check and what to do, and its commands can be copied.

use super::super::{PatternView, Style};
use super::closing::write_next;
use super::grid::Kind::{Code, Text, Word};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::{escape::escape, shell, wrap};
use crate::patterns::{Confidence, Example, Listing, Metric, Page, PatternEvidence, ProfileKind};
use anstyle::Style as Ansi;
use std::io;

/// Indent of the text under a heading.
const INDENT: &str = "  ";
/// Precedes the stack of an example.
const MATCHES: &str = "  matches         ";
const MATCHES_NOT: &str = "  does not match  ";

pub(in crate::output) fn write(
    page: &Page,
    view: PatternView,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match view {
        PatternView::List => list(page, style, out),
        PatternView::Whole => page.patterns.iter().enumerate().try_for_each(|(number, one)| {
            if number > 0 {
                writeln!(out)?;
            }
            explain(one, style, out)
        }),
    }
}

fn list(page: &Page, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut grid = Grid::new()
        .column(Word, "pattern", None, |pattern: &Listing| escape(&pattern.id).into_owned())
        .column(Word, "confidence", Some(1), |pattern| confidence(pattern.confidence).to_owned())
        .column(Word, "evidence", Some(0), |pattern| evidence(pattern.evidence).to_owned())
        .column(Text, "file", Some(2), |pattern| Some(escape(pattern.file.as_ref()?).into_owned()))
        .column(Code, "what it is about", None, |pattern| escape(&pattern.title).into_owned());
    for pattern in &page.patterns {
        grid.push(pattern, RowLabel::default(), Tone::Plain);
    }
    grid.write(style, 0, out)?;
    writeln!(out)?;
    write_next("Explain one", "heapdiff patterns timer-ticker", style, out)?;
    write_next("Find them", "heapdiff patterns match heap.pb.gz", style, out)
}

fn explain(pattern: &Listing, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let bold = Ansi::new().bold();
    wrap::write(&format!("{}  ", escape(&pattern.id)), &escape(&pattern.title), bold, style, out)?;
    let heading = |title: &str, out: &mut dyn io::Write| {
        writeln!(out)?;
        wrap::write(title, "", bold, style, out)
    };
    let say = |text: &str, out: &mut dyn io::Write| {
        wrap::write(INDENT, &escape(text), Ansi::new(), style, out)
    };
    for (title, text) in [
        ("What happens", &pattern.meaning),
        ("What to check", &pattern.look_for),
        ("What to do", &pattern.fix),
    ] {
        if !text.is_empty() {
            heading(title, out)?;
            say(text, out)?;
        }
    }
    heading("How it is detected", out)?;
    // An expression is never broken, so that it can be copied.
    let line =
        |text: &str, out: &mut dyn io::Write| writeln!(out, "{INDENT}{INDENT}{}", escape(text));
    if pattern.any.is_empty() && pattern.goroutine.is_none() {
        say("no other pattern matches, and the leaf is own code", out)?;
    }
    if !pattern.any.is_empty() {
        let each = if pattern.any.len() == 1 { "" } else { "each of " };
        let what = if pattern.any.len() == 1 { "this matches" } else { "these matches" };
        say(&format!("{each}{what} some function in the stack:"), out)?;
        pattern.any.iter().try_for_each(|regex| line(regex, out))?;
    }
    if !pattern.not.is_empty() {
        say(
            if pattern.not.len() == 1 {
                "and this matches none:"
            } else {
                "and none of these matches any:"
            },
            out,
        )?;
        pattern.not.iter().try_for_each(|regex| line(regex, out))?;
    }
    if let Some(regex) = &pattern.goroutine {
        say("a parked goroutine belongs to it if this matches one of its functions:", out)?;
        line(regex, out)?;
    }
    say(&format!("confidence {}", confidence_in_words(pattern.confidence)), out)?;
    say(&format!("evidence: {}", evidence_in_words(pattern.evidence, pattern.metric)), out)?;
    if !pattern.seen_on.is_empty() {
        say(&format!("seen with: {}", pattern.seen_on), out)?;
    }
    if let Some(file) = &pattern.file {
        say(&format!("defined in: {file}"), out)?;
    }
    if !pattern.examples.is_empty() {
        heading("Examples, allocating function first", out)?;
        pattern.examples.iter().try_for_each(|one| example(one, style, out))?;
    }
    writeln!(out)?;
    write_next("Where it matches", "heapdiff patterns match heap.pb.gz", style, out)?;
    // An expression that matches everything is useless in a command, and a control character has no
    // safe spelling.
    let asks = |regex: &&String| regex.as_str() != "." && escape(regex) == regex.as_str();
    if let Some(regex) = pattern.any.first().filter(asks) {
        let command = format!("heapdiff refs {} before.pb.gz after.pb.gz", shell::quote(regex));
        write_next("Call paths", &command, style, out)?;
    }
    if let Some(regex) = pattern.goroutine.as_ref().filter(asks) {
        let command = format!("heapdiff refs {} goroutine.pb.gz", shell::quote(regex));
        write_next("Its goroutines", &command, style, out)?;
    }
    Ok(())
}

fn example(example: &Example, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let first = if example.matches { MATCHES } else { MATCHES_NOT };
    let parked = match example.profile {
        ProfileKind::Heap => "",
        ProfileKind::Goroutine => "goroutine: ",
    };
    let stack = example.stack.join(" ← ");
    let text = match example.note.as_str() {
        "" => format!("{parked}{stack}"),
        note => format!("{parked}{stack} ({note})"),
    };
    wrap::write(first, &escape(&text), Ansi::new(), style, out)
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Med => "med",
        Confidence::Low => "low",
    }
}

fn confidence_in_words(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high: hardly anything else has these functions in its stacks",
        Confidence::Med => "medium: the usual explanation, but not the only one",
        Confidence::Low => "low: one of several explanations",
    }
}

fn evidence(evidence: PatternEvidence) -> &'static str {
    match evidence {
        PatternEvidence::Growth => "growth",
        PatternEvidence::Churn => "churn",
        PatternEvidence::Highwater => "highwater",
    }
}

fn evidence_in_words(evidence: PatternEvidence, metric: Metric) -> &'static str {
    match (evidence, metric) {
        (PatternEvidence::Growth, Metric::Inuse) => "memory in use grows from snapshot to snapshot",
        (PatternEvidence::Growth, Metric::Alloc) => {
            "allocated memory grows from snapshot to snapshot"
        }
        (PatternEvidence::Churn, _) => "a lot is allocated, but memory in use stays the same",
        (PatternEvidence::Highwater, _) => {
            "a high-water mark, which never falls; a goroutine profile shows what exists now"
        }
    }
}
