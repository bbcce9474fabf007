//! The wording of a check in every format: how many rules had which outcome, values with their
//! bounds, places, the next command.
//!
//! A terminal, a comment, a test report and an annotation use the same words and numbers for a
//! rule. Nothing here is escaped: each format escapes text at the one place where it writes.

use super::{command_on, number};
use crate::analysis::Bounds;
use crate::analysis::check::{Check, Demand, Judgement, Offender, Outcome};
use crate::report::{Input, Report};
use crate::rules::Level;
use number::Scale;

/// A percentage of before and a limit are the same if they differ by no more than rounding.
const ROUNDING: f64 = 1.0;

/// Number of rules by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    rules: usize,
    failed: usize,
    open: usize,
    /// Rules of level `warn` that failed or are inconclusive.
    warned: usize,
    /// Allow-list entries that are past their date.
    expired: usize,
}

impl Tally {
    /// Counts a rule with two demands once, with the worse of their outcomes.
    fn of(check: &Check) -> Self {
        let mut tally = Self::default();
        let (mut rules, expired): (Vec<&Judgement>, Vec<&Judgement>) =
            check.rules.iter().partition(|rule| rule.demand != Demand::Allowance);
        tally.expired = expired.len();
        rules.sort_by_key(|rule| (rule.rule.as_str(), severity(rule.outcome)));
        for same in rules.chunk_by(|a, b| a.rule == b.rule) {
            tally.rules += 1;
            match same.first().map(|rule| (rule.outcome, rule.level)) {
                Some((Outcome::Fail, Level::Fail)) => tally.failed += 1,
                Some((Outcome::Inconclusive, Level::Fail)) => tally.open += 1,
                Some((Outcome::Fail | Outcome::Inconclusive, Level::Warn)) => tally.warned += 1,
                _ => {}
            }
        }
        tally
    }
}

/// Sorts outcomes, the worst first.
pub(super) fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 0,
        Outcome::Inconclusive => 1,
        Outcome::Pass => 2,
    }
}

/// The outcome in a word; a rule that only warns doesn't fail.
pub(super) fn word(judgement: &Judgement) -> &'static str {
    match (judgement.outcome, judgement.level) {
        (Outcome::Fail, Level::Fail) => "FAIL",
        (Outcome::Fail, Level::Warn) => "warn",
        (Outcome::Inconclusive, _) => "open",
        (Outcome::Pass, _) => "pass",
    }
}

/// What an inconclusive rule counts as, if `--on-inconclusive` was given. A rule that only warns
/// decides nothing, so it stays inconclusive.
pub(super) fn taken_for(check: &Check, judgement: &Judgement) -> Option<Outcome> {
    let decides = judgement.outcome == Outcome::Inconclusive && judgement.level == Level::Fail;
    check.taken_for.filter(|_| decides)
}

/// The words for it: `, counted as pass (--on-inconclusive)`.
pub(super) fn taken(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => ", counted as pass (--on-inconclusive)",
        Outcome::Fail => ", counted as fail (--on-inconclusive)",
        Outcome::Inconclusive => "",
    }
}

/// The overall outcome, with the number of rules for each, and of limits that share the probability
/// of a wrong failure: `FAIL (1 of 3 rules failed, 1 inconclusive; 3 limits judged together)`.
pub(super) fn summary(check: &Check) -> String {
    if let Some(outcome) = check.taken_for {
        return format!("inconclusive{}", taken(outcome));
    }
    let tally = Tally::of(check);
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let rules = format!("{} rule{}", tally.rules, plural(tally.rules));
    let mut parts = Vec::new();
    let mut add = |count: usize, text: &str| {
        if count > 0 {
            let of = if parts.is_empty() { format!(" of {rules}") } else { String::new() };
            parts.push(format!("{count}{of} {text}"));
        }
    };
    add(tally.failed, "failed");
    add(tally.open, "inconclusive");
    add(tally.warned, "warned");
    if parts.is_empty() {
        parts.push(rules);
    }
    if tally.expired > 0 {
        let entries = if tally.expired == 1 { "entry" } else { "entries" };
        parts.push(format!("{} allow-list {entries} expired", tally.expired));
    }
    let together = match check.limits {
        0 | 1 => String::new(),
        limits => format!("; {limits} limits judged together"),
    };
    let outcome = match check.outcome {
        Outcome::Fail => "FAIL",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Pass => "pass",
    };
    format!("{outcome} ({}{together})", parts.join(", "))
}

/// What a judgement is about, and its scope unless that is the total: `growth of inuse_space in`,
/// `function ^cache`.
pub(super) fn what_of(judgement: &Judgement) -> (String, Option<&str>) {
    let Judgement { demand, sample_type, scope, .. } = judgement;
    let scope = Some(scope.as_str()).filter(|scope| *scope != "total");
    let of = |what: &str| match scope {
        Some(_) => (format!("{what} {sample_type} in"), scope),
        None => (format!("{what} {sample_type}"), None),
    };
    match demand {
        Demand::Growth => of("growth of"),
        Demand::Budget => of("budget for"),
        Demand::Drift => of("drift of"),
        Demand::Leaks => ("suspects of class leak".to_owned(), None),
        Demand::Allowance => ("expired entry for".to_owned(), Some(judgement.scope.as_str())),
    }
}

/// The same as one text: `growth of inuse_space in function ^cache`.
pub(super) fn what(judgement: &Judgement) -> String {
    match what_of(judgement) {
        (what, Some(scope)) => format!("{what} {scope}"),
        (what, None) => what,
    }
}

/// The kind of a judgement in a word, which distinguishes two judgements of one rule.
pub(super) fn kind(demand: Demand) -> &'static str {
    match demand {
        Demand::Growth => "growth",
        Demand::Budget => "budget",
        Demand::Drift => "drift",
        Demand::Leaks => "leaks",
        Demand::Allowance => "expired",
    }
}

/// Names that distinguish judgements, in their order: the name of the rule, with its kind if the
/// rule has several.
pub(super) fn names(check: &Check) -> Vec<String> {
    let is_alone = |one: &Judgement| check.rules.iter().filter(|r| r.rule == one.rule).count() < 2;
    let name = |one: &Judgement| {
        if is_alone(one) {
            one.rule.clone()
        } else {
            format!("{} ({})", one.rule, kind(one.demand))
        }
    };
    check.rules.iter().map(name).collect()
}

/// How the values of a judgement print; `unit` is the unit given with `--unit`.
pub(super) fn scale<'a>(judgement: &'a Judgement, unit: Option<&'a str>) -> Scale<'a> {
    // A rule about leaks counts them, whatever their values are measured in.
    let own = if judgement.demand == Demand::Leaks { "count" } else { &judgement.unit };
    Scale::new(own, unit)
}

fn is_change(demand: Demand) -> bool {
    matches!(demand, Demand::Growth | Demand::Drift)
}

/// The value that is compared with the limit: `+7.9 MiB (+112 %)`; empty if there is none.
pub(super) fn value(judgement: &Judgement, scale: &Scale<'_>) -> String {
    let Some(value) = judgement.value else { return String::new() };
    if !is_change(judgement.demand) {
        return scale.exact(value);
    }
    match judgement.value_percent.map(number::percent_change) {
        Some(percent) if !percent.is_empty() => {
            format!("{} ({percent})", scale.exact_change(value))
        }
        _ => scale.exact_change(value),
    }
}

/// Its 95 % bounds: `+7.7 … +8.2 MiB`; empty if there are none, or if the value is exact.
pub(super) fn bounds(judgement: &Judgement, scale: &Scale<'_>) -> String {
    let bounds = judgement.lower.zip(judgement.upper).filter(|(lower, upper)| lower != upper);
    let Some((lower, upper)) = bounds else { return String::new() };
    let [lower, upper] = [lower, upper].map(|bound| {
        if is_change(judgement.demand) { scale.exact_change(bound) } else { scale.exact(bound) }
    });
    number::range(&lower, &upper)
}

/// The limit: `5.0 MiB (and 10 %)`, `2.1 KiB (0.1 % of before)`.
pub(super) fn limit(judgement: &Judgement, scale: &Scale<'_>) -> String {
    let percent = judgement.limit_percent;
    match (judgement.limit, percent) {
        (None, None) => String::new(),
        (None, Some(percent)) => format!("{percent} %"),
        (Some(limit), None) => scale.exact(limit),
        (Some(limit), Some(percent)) => {
            let share = judgement.before.map(|before| before as f64 * percent / 100.0);
            let text = scale.exact(limit);
            match share.filter(|share| (share - limit as f64).abs() <= ROUNDING) {
                Some(_) => format!("{text} ({percent} % of before)"),
                None => format!("{text} (and {percent} %)"),
            }
        }
    }
}

/// The value shown for an offender: its growth, or its size if the rule is a budget.
pub(super) fn weight(judgement: &Judgement, offender: &Offender) -> i64 {
    if judgement.demand == Demand::Budget { offender.after } else { offender.delta }
}

/// The same as text, with its error: `+7.9 MiB`, `±0.1 MiB`, which is empty if the value is exact.
pub(super) fn weight_text(
    judgement: &Judgement,
    offender: &Offender,
    unit: Option<&str>,
) -> [String; 2] {
    let own = offender.unit.as_deref().unwrap_or(&judgement.unit);
    let scale = Scale::new(own, unit);
    let value = weight(judgement, offender);
    let error = Bounds { lower: offender.lower, upper: offender.upper };
    let text = if judgement.demand == Demand::Budget {
        scale.exact(value)
    } else {
        scale.exact_change(value)
    };
    let is_exact = error.lower == error.upper;
    [text, if is_exact { String::new() } else { scale.margin(error, value) }]
}

/// An offender in a sentence: `main.begin grew by 7.9 MiB ±0.1 MiB`.
pub(super) fn sentence(judgement: &Judgement, offender: &Offender) -> String {
    let [weight, margin] = weight_text(judgement, offender, None);
    let verb = match judgement.demand {
        Demand::Budget => "holds",
        Demand::Leaks => "leaks and grew by",
        _ => "grew by",
    };
    let weight = weight.trim_start_matches('+');
    format!("{} {verb} {weight} {margin}", offender.place.function).trim_end().to_owned()
}

/// Where an offender is: `internal/board.go:46`; empty if the profile doesn't record it.
pub(super) fn place(offender: &Offender) -> String {
    let file = offender.place.file.as_deref().unwrap_or_default();
    match offender.place.line.filter(|&line| line > 0 && !file.is_empty()) {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

/// File and line of an expired allow-list entry.
pub(super) fn allowance_place(judgement: &Judgement) -> Option<(&str, i64)> {
    let place = judgement.rule.strip_prefix("allow-list ")?;
    let (file, line) = place.rsplit_once(':').filter(|_| judgement.demand == Demand::Allowance)?;
    Some((file, line.parse().ok().filter(|&line| line > 0)?))
}

/// The runs before, and the runs after.
pub(super) fn runs<'a>(report: &'a Report, check: &Check) -> (&'a [Input], &'a [Input]) {
    report.inputs.split_at(check.before_runs.min(report.inputs.len()))
}

/// `1 run`, `3 runs`.
pub(super) fn counted_runs(count: usize) -> String {
    format!("{count} run{}", if count == 1 { "" } else { "s" })
}

/// The next command for a judgement: the call paths to its first offender, or all changes. With
/// several runs it takes one per side, since these commands would add them up.
pub(super) fn next(
    report: &Report,
    check: &Check,
    judgement: &Judgement,
) -> Option<(&'static str, String)> {
    let (before, after) = runs(report, check);
    let pair: Vec<&Input> = before.first().into_iter().chain(after.first()).collect();
    let sample_type = judgement.sample_type.as_str();
    // Heap profiles contain no leaking goroutines.
    let has = |input: &&Input| {
        let mut names = input.sample_types.iter().map(|name| name.split_once('/'));
        names.any(|name| name.is_some_and(|(name, _)| name == sample_type))
    };
    if pair.is_empty() || !pair.iter().all(has) {
        return None;
    }
    let first = judgement.offenders.first().map(|offender| offender.place.function.as_str());
    let ways = first.and_then(|name| command_on(sample_type, "refs", &[name], &pair));
    let changed =
        || command_on(sample_type, if pair.len() > 1 { "diff" } else { "top" }, &[], &pair);
    ways.map(|command| ("Call paths", command))
        .or_else(|| changed().map(|command| ("All rows", command)))
}

/// The next command: for the first rule that failed, or else the first inconclusive one.
pub(super) fn next_of_all(report: &Report, check: &Check) -> Option<(&'static str, String)> {
    let mut told: Vec<&Judgement> =
        check.rules.iter().filter(|rule| rule.outcome != Outcome::Pass).collect();
    told.sort_by_key(|rule| (rule.level == Level::Warn, severity(rule.outcome)));
    told.into_iter().find_map(|rule| next(report, check, rule))
}
