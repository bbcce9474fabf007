//! A check: the profiles, a block for each rule, the allow-list, and the outcome on the very last
//! line.
//!
//! CI logs are read from the end. So the outcome comes last, the next command right above it, and
//! the rules above that, each with its outcome in front so that `grep FAIL` finds what broke.

use super::super::{Style, Width};
use super::closing::write_next;
use super::grid::Tone;
use super::label::RowLabel;
use super::{escape::escape, facts, heading, rows, wrap};
use crate::analysis::check::{Check, Demand, Judgement, Outcome};
use crate::output::check_wording as wording;
use crate::report::{Input, Report};
use crate::rules::Level;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;

/// Profiles per side that a terminal names.
const NAMES_SHOWN: usize = 6;
/// Indent of the text of a rule: the width of its outcome.
const INDENT: usize = 6;

pub(super) fn write(
    report: &Report,
    check: &Check,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let (before, after) = wording::runs(report, check);
    write_names("before  ", before, style, out)?;
    write_names("after   ", after, style, out)?;
    for judgement in &check.rules {
        writeln!(out)?;
        write_rule(judgement, style, out)?;
    }
    write_allowances(check, style, out)?;
    heading::write_warnings(report, style, out)?;
    writeln!(out)?;
    if let Some((lead, command)) = wording::next_of_all(report, check) {
        write_next(lead, &command, style, out)?;
    }
    let paint = match check.outcome {
        _ if check.taken_for == Some(Outcome::Fail) => AnsiColor::Red.on_default().bold(),
        Outcome::Fail => AnsiColor::Red.on_default().bold(),
        Outcome::Inconclusive => AnsiColor::Yellow.on_default().bold(),
        Outcome::Pass => AnsiColor::Green.on_default().bold(),
    };
    // On one line, however long: the log ends with it.
    let text = format!("check: {}", wording::summary(check));
    if style.color { writeln!(out, "{paint}{text}{paint:#}") } else { writeln!(out, "{text}") }
}

/// Which profiles are on a side.
fn write_names(
    word: &str,
    inputs: &[Input],
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if inputs.is_empty() {
        return Ok(());
    }
    let shown = match style.width {
        Width::Columns(_) => NAMES_SHOWN,
        Width::Unlimited => usize::MAX,
    };
    let mut names: Vec<String> =
        inputs.iter().take(shown).map(|input| escape(&input.name).into_owned()).collect();
    if inputs.len() > shown {
        names.push(format!("and {} more", inputs.len() - shown));
    }
    facts::write(word, &names, style, out)
}

/// Writes the outcome, the rule, the finding, its values, the offenders, and what would decide an
/// inconclusive rule.
fn write_rule(judgement: &Judgement, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let word = wording::word(judgement);
    let paint = match (judgement.outcome, judgement.level) {
        (Outcome::Fail, Level::Fail) => AnsiColor::Red.on_default().bold(),
        (Outcome::Fail, Level::Warn) | (Outcome::Inconclusive, _) => {
            AnsiColor::Yellow.on_default().bold()
        }
        (Outcome::Pass, _) => AnsiColor::Green.on_default().bold(),
    };
    let level = if judgement.level == Level::Warn { " (level warn)" } else { "" };
    let title =
        format!("{}: {}{level}", escape(&judgement.rule), escape(&wording::what(judgement)));
    wrap::write(&format!("{word:INDENT$}"), &title, paint, style, out)?;
    let indent = " ".repeat(INDENT);
    let say = |text: &str, out: &mut dyn io::Write| {
        wrap::write(&indent, &escape(text), Ansi::new(), style, out)
    };
    say(&judgement.message, out)?;
    let numbers = numbers(judgement, style);
    if !numbers.is_empty() {
        facts::write(&indent, &numbers, style, out)?;
    }
    write_offenders(judgement, style, out)?;
    let explained = judgement.offenders.iter().filter(|offender| !offender.explanation.is_empty());
    for offender in explained.clone() {
        say(&format!("{}: {}", offender.place.function, offender.explanation), out)?;
        if !offender.patterns.is_empty() {
            say(&format!("for more, see heapdiff patterns {}", offender.patterns[0]), out)?;
        }
    }
    match &judgement.advice {
        // The advice for a leak is part of its explanation.
        Some(advice)
            if !explained.clone().any(|offender| offender.explanation.contains(advice)) =>
        {
            wrap::write(&format!("{indent}→ "), &escape(advice), Ansi::new(), style, out)
        }
        _ => Ok(()),
    }
}

/// The measured value, its bounds and the limit.
fn numbers(judgement: &Judgement, style: &Style) -> Vec<String> {
    let scale = wording::scale(judgement, style.unit.as_deref());
    let mut facts = Vec::new();
    let mut add = |what: &str, text: String| {
        if !text.is_empty() {
            facts.push(format!("{what} {text}"));
        }
    };
    let value = match judgement.demand {
        Demand::Growth => "growth",
        Demand::Budget => "holds",
        Demand::Drift => "drift",
        Demand::Leaks | Demand::Allowance => return facts,
    };
    add(value, wording::value(judgement, &scale));
    add("95 % bounds", wording::bounds(judgement, &scale));
    add("limit", wording::limit(judgement, &scale));
    if let (Some(before), Some(after)) = (judgement.before, judgement.after) {
        add("from", format!("{} to {}", scale.exact(before), scale.exact(after)));
    }
    if judgement.allowed != 0 {
        add("covered by the allow-list", scale.exact_change(judgement.allowed));
    }
    facts
}

/// The offenders.
fn write_offenders(
    judgement: &Judgement,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if judgement.offenders.is_empty() {
        return Ok(());
    }
    let mut grid = rows::place_columns(style).name_at_least(28);
    for offender in &judgement.offenders {
        let weight = wording::weight_text(judgement, offender, style.unit.as_deref());
        let label = RowLabel::new(&offender.place.function);
        grid.push(
            &(weight, &offender.place),
            label,
            Tone::of(wording::weight(judgement, offender)),
        );
    }
    grid.write(style, INDENT + 2, out)
}

/// The allow-list.
fn write_allowances(check: &Check, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if check.allowances.is_empty() {
        return Ok(());
    }
    wrap::title("allow-list", style, out)?;
    for granted in &check.allowances {
        let use_of_it = if granted.is_used { "" } else { "unused" };
        let facts = [
            escape(&granted.scope).into_owned(),
            format!("until {}", escape(&granted.expires)),
            use_of_it.to_owned(),
            format!("({})", escape(&granted.place)),
        ];
        facts::write("  ", &facts, style, out)?;
        wrap::write(&" ".repeat(INDENT), &escape(&granted.reason), Ansi::new(), style, out)?;
    }
    Ok(())
}
