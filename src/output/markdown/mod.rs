//! A check as Markdown, for a job summary or a comment on a pull request.
//!
//! The first line is a constant marker, by which a bot finds its own comment and replaces it. Names
//! and messages come from profiles and rules files, and a comment is posted with the rights of a
//! bot. So names are in code spans, where nothing has a meaning, and prose is escaped: neither can
//! break a table or create a link, a mention or HTML.
//!
//! GitHub refuses a comment of more than 65,536 characters. Parts that don't fit are left out and
//! counted, the least important first.

mod collector;
mod doctor;
mod findings;
mod incident;
mod memory;
mod suspects;

pub(super) use collector::write as write_collector;
pub(super) use doctor::write as write_doctor;
pub(super) use incident::write as write_incident;
pub(super) use memory::write as write_memory;

use super::check_wording as wording;
use super::escape::markdown::{cell, code, fenced, html, prose};
use crate::analysis::check::{Check, Demand, Judgement, Outcome};
use crate::report::Report;
use crate::rules::Level;
use crate::units::Bytes;
use std::io;

/// The marker by which a bot finds its comment.
const MARKER: &str = "<!-- heapdiff-check -->";

/// Maximum size in bytes: below GitHub's limit, which counts characters.
const MOST: usize = 62_000;
/// Size up to which rules are added to the table, then offenders, then details.
const RULES: usize = 20_000;
const OFFENDERS: usize = 34_000;
const DETAILS: usize = 54_000;
/// Maximum size of a command in bytes. A longer one is left out, since half of it would be wrong.
const COMMAND: usize = 4_000;

pub(super) fn write(report: &Report, check: &Check, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page =
        Page { text: format!("{MARKER}\n### heapdiff check: {}\n\n", wording::summary(check)) };
    let mut rules: Vec<(&Judgement, String)> =
        check.rules.iter().zip(wording::names(check)).collect();
    rules.sort_by_key(|(rule, _)| (wording::severity(rule.outcome), rule.level == Level::Warn));
    let broken: Vec<&(&Judgement, String)> =
        rules.iter().filter(|(rule, _)| rule.outcome != Outcome::Pass).collect();
    page.list(RULES, RULE_TITLES, rules.iter().map(rule_row), "rules");
    let offenders = broken.iter().flat_map(|(rule, name)| {
        rule.offenders.iter().map(move |offender| {
            let [weight, margin] = wording::weight_text(rule, offender, None);
            format!(
                "| {} | {} | {weight} | {margin} | {} |\n",
                cell(&wording::place(offender)),
                cell(&offender.place.function),
                cell(name)
            )
        })
    });
    page.list(OFFENDERS, OFFENDER_TITLES, offenders, "places");
    let next = wording::next_of_all(report, check).filter(|(_, command)| command.len() < COMMAND);
    if let Some((lead, command)) = next {
        page.text.extend([format!("{lead}:\n\n{}\n", fenced(&command))]);
    }
    page.list(DETAILS, "", broken.iter().map(|(rule, name)| details(rule, name)), "rule details");
    page.list(MOST, "", [context(report, check)].into_iter(), "section on the inputs");
    out.write_all(page.text.as_bytes())
}

/// Writes that the check could not run, with the marker, so that it replaces the comment of an
/// earlier run, which would look like the result of this one.
pub(super) fn write_failure(message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let message = message.lines().map(prose).collect::<Vec<_>>().join("<br>\n");
    writeln!(out, "{MARKER}\n### heapdiff check: error\n\nthe check could not run: {message}")
}

const RULE_TITLES: &str =
    "| | rule | about | value | 95 % bounds | limit |\n| --- | --- | --- | ---: | ---: | ---: |\n";

const OFFENDER_TITLES: &str =
    "| where | function | by | ± | rule |\n| --- | --- | ---: | ---: | --- |\n";

/// Text that grows up to a limit.
struct Page {
    text: String,
}

impl Page {
    /// Adds titles and the pieces under them, as far as there is room, and reports how many were
    /// left out.
    fn list(
        &mut self,
        limit: usize,
        titles: &str,
        pieces: impl Iterator<Item = String>,
        what: &str,
    ) {
        let mut titles = Some(titles);
        let mut left_out = 0;
        for piece in pieces {
            if self.text.len() + piece.len() + titles.map_or(0, str::len) > limit || left_out > 0 {
                left_out += 1;
                continue;
            }
            self.text.push_str(titles.take().unwrap_or_default());
            self.text.push_str(&piece);
        }
        if left_out > 0 {
            self.text.extend([format!(
                "\n{left_out} {what} left out: the comment has no room for more.\n"
            )]);
        }
        if self.text.ends_with("|\n") {
            self.text.push('\n');
        }
    }
}

/// The outcome, visible at a glance.
fn outcome(judgement: &Judgement) -> &'static str {
    match (judgement.outcome, judgement.level) {
        (Outcome::Fail, Level::Fail) => "❌ **FAIL**",
        (Outcome::Fail, Level::Warn) => "⚠️ **warn**",
        (Outcome::Inconclusive, Level::Fail) => "❔ **open**",
        (Outcome::Inconclusive, Level::Warn) => "❔ open (warn)",
        (Outcome::Pass, _) => "✅ pass",
    }
}

fn rule_row((judgement, name): &(&Judgement, String)) -> String {
    let scale = wording::scale(judgement, None);
    let (what, scope) = wording::what_of(judgement);
    let about = format!("{} {}", prose(&what), scope.map(cell).unwrap_or_default());
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        outcome(judgement),
        cell(name),
        about.trim_end(),
        wording::value(judgement, &scale),
        wording::bounds(judgement, &scale),
        wording::limit(judgement, &scale),
    )
}

/// A section that unfolds: its summary and its contents.
fn folded(summary: &str, below: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{below}\n</details>\n\n")
}

/// The details of a rule that failed or is inconclusive.
fn details(judgement: &Judgement, name: &str) -> String {
    let mut below = format!("Result: {}\n", prose(&judgement.message));
    if let (Some(before), Some(after)) = (judgement.before, judgement.after) {
        let scale = wording::scale(judgement, None);
        let (before, after) = (scale.exact(before), scale.exact(after));
        below.extend([format!("\nBefore {before}, after {after}.\n")]);
    }
    if judgement.allowed != 0 {
        let allowed = wording::scale(judgement, None).exact_change(judgement.allowed);
        below.extend([format!("\nThe allow-list covers {allowed} of it.\n")]);
    }
    if !judgement.offenders.is_empty() {
        below.push('\n');
    }
    for offender in &judgement.offenders {
        let [weight, margin] = wording::weight_text(judgement, offender, None);
        let place = code(&wording::place(offender));
        let function = code(&offender.place.function);
        below.extend([format!("- {weight} {margin} in {function} {place}\n")]);
        if !offender.explanation.is_empty() {
            below.extend([format!("  <br>Why: {}\n", prose(&offender.explanation))]);
        }
        if !offender.patterns.is_empty() {
            let patterns: Vec<String> = offender.patterns.iter().map(|id| code(id)).collect();
            below.extend([format!("  <br>Patterns: {}\n", patterns.join(", "))]);
        }
    }
    if let Some(advice) = &judgement.advice {
        below.extend([format!("\nWhat to do: {}\n", prose(advice))]);
    }
    let word = match (judgement.outcome, judgement.level, judgement.demand) {
        (Outcome::Fail, _, Demand::Allowance) => "has expired",
        (Outcome::Fail, Level::Fail, _) => "failed",
        (Outcome::Fail, Level::Warn, _) => "is above its limit (warning only)",
        _ => "is inconclusive",
    };
    folded(&format!("<code>{}</code> {word}", html(name)), &below)
}

/// Runs, allow-list, warnings.
fn context(report: &Report, check: &Check) -> String {
    let mut below = String::new();
    let (before, after) = wording::runs(report, check);
    for (word, inputs) in [("Before", before), ("After", after)] {
        let runs = wording::counted_runs(inputs.len());
        below.extend([format!("- {word}: {runs}\n")]);
        let shown = inputs.iter().take(NAMES_SHOWN).map(|input| {
            let build = input.build_id.as_deref().unwrap_or_default();
            let build =
                if build.is_empty() { String::new() } else { format!(", build {}", code(build)) };
            let taken = input.time.as_deref().map(|time| format!(", taken {}", prose(time)));
            let period =
                (input.period > 0).then(|| format!(", period {}", Bytes(input.period as f64)));
            let (taken, period) = (taken.unwrap_or_default(), period.unwrap_or_default());
            format!("  - {}{taken}{build}{period}\n", code(&input.name))
        });
        below.extend(shown);
        if inputs.len() > NAMES_SHOWN {
            below.extend([format!("  - and {} more\n", inputs.len() - NAMES_SHOWN)]);
        }
    }
    for granted in check.allowances.iter().take(NAMES_SHOWN) {
        let unused = if granted.is_used { "" } else { ", **unused**" };
        below.extend([format!(
            "- Allowed until {}{unused}: {} ({}), because: {}\n",
            prose(&granted.expires),
            code(&granted.scope),
            code(&granted.place),
            prose(&granted.reason)
        )]);
    }
    if check.allowances.len() > NAMES_SHOWN {
        below.extend([format!("- and {} more entries\n", check.allowances.len() - NAMES_SHOWN)]);
    }
    let of_inputs = report.inputs.iter().flat_map(|input| &input.warnings);
    let mut seen = std::collections::BTreeSet::new();
    let warnings: Vec<&str> =
        report.warnings.iter().chain(of_inputs).map(|w| w.message.as_str()).collect();
    for warning in warnings.into_iter().filter(|own| seen.insert(*own)).take(NAMES_SHOWN) {
        below.extend([format!("- Warning: {}\n", prose(warning))]);
    }
    folded("What was judged", &below)
}

/// Maximum number of profiles per side, allow-list entries and warnings that are named.
const NAMES_SHOWN: usize = 8;
