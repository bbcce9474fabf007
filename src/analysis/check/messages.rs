//! Messages about limits, and advice on what would decide an inconclusive one.

use super::{Demand, Judgement, Outcome};
use crate::analysis::amount;
use crate::rules::{Allowance, Level, Limits, Rule, Value};
use crate::stats::threshold::{Growth, Needed, Verdict};

/// Advice never asks for more runs than this.
const RUNS_MAX: f64 = 1000.0;

/// Formats a limit; `limit` is the number that decided.
pub(super) fn allowed(limit: i64, limits: &Limits, unit: &str) -> String {
    let limit = amount(limit, unit);
    match (limits.most, limits.percent) {
        (Some(most), Some(percent)) => {
            format!("{} or {percent} %, whichever is larger", amount(most.value, unit))
        }
        (None, Some(percent)) => format!("{percent} %, which is {limit}"),
        (_, None) => limit,
    }
}

/// Fills in the message of a judgement, and the advice on what to do next.
pub(super) fn fill(
    judgement: &mut Judgement,
    rule: &Rule,
    verdict: &Verdict,
    growth: &Growth,
    period: i64,
) {
    let unit = judgement.unit.clone();
    let value = judgement.value.unwrap_or_default();
    let told = amount(value, &unit);
    let is_budget = judgement.demand == Demand::Budget;
    let limits = if is_budget { Limits::default() } else { rule.growth };
    let most = allowed(judgement.limit.unwrap_or_default(), &limits, &unit);
    let percent =
        judgement.value_percent.map_or(String::new(), |percent| format!(" ({percent:+.1} %)"));
    let did = match (is_budget, value < 0) {
        (true, _) => format!("holds {told}"),
        (false, true) => format!("shrank by {}{percent}", amount(-value, &unit)),
        (false, false) => format!("grew by {told}{percent}"),
    };
    let bounds = judgement.lower.zip(judgement.upper);
    let bounds = bounds.map(|(lower, upper)| (amount(lower, &unit), amount(upper, &unit)));
    let what = if rule.value == Value::Flat { " at the leaf" } else { "" };
    let over = match judgement.corrected_for {
        0 | 1 => String::new(),
        limits => format!(" over {limits} limits"),
    };
    let among = match judgement.corrected_for {
        0 | 1 => String::new(),
        limits => format!(" (the lower one over {limits} limits)"),
    };
    // What is counted, and not sampled, has no bounds beside its value.
    let is_exact = judgement.lower.is_some() && judgement.lower == judgement.upper;
    judgement.message = match (judgement.outcome, bounds) {
        _ if is_exact => format!("{did}{what}; the limit is {most}"),
        (Outcome::Fail, Some((lower, _))) => {
            format!("{did}{what}, at least {lower} with 95 % confidence{over}; the limit is {most}")
        }
        (Outcome::Pass, Some((_, upper))) => {
            format!("{did}{what}, at most {upper} with 95 % confidence; the limit is {most}")
        }
        (_, Some((lower, upper))) => {
            format!("{did}{what}, bounds {lower} to {upper}{among}; the limit is {most}")
        }
        (_, None) => {
            format!("{did}{what}; the profiles record no sampling period, so there is no interval")
        }
    };
    judgement.advice = match (judgement.outcome, judgement.offenders.first()) {
        (Outcome::Inconclusive, _) => Some(advice(verdict.needed, growth, period, judgement)),
        (Outcome::Fail, Some(first)) => Some(format!(
            "look at {} first; heapdiff refs shows every path to it",
            first.place.function
        )),
        _ => None,
    };
}

/// Returns the advice on an inconclusive rule: what would decide it.
fn advice(needed: Option<Needed>, growth: &Growth, period: i64, judgement: &Judgement) -> String {
    let distance = match judgement.demand {
        Demand::Growth if needed.is_none_or(|needed| needed.from_none) => {
            "to tell growth of that size from none"
        }
        _ => "to tell it from the limit",
    };
    let Some(needed) = needed else {
        if let Some(rate) = unseen(judgement, period).filter(|_| growth.blur.is_some()) {
            return format!(
                "{distance}: GODEBUG=memprofilerate={rate} (now {period}); memory that no \
                 sample recorded may still be in use: the lower the rate, the less of it"
            );
        }
        return "use profiles that record their sampling period, or several runs per side, so that \
                the spread between runs decides"
            .to_owned();
    };
    let rate = needed.sampling.map(|share| rate(period as f64 * share));
    let rate = rate.filter(|&rate| rate < period && growth.blur.is_some());
    let runs = (needed.runs <= RUNS_MAX).then_some(needed.runs);
    let sides = if judgement.demand == Demand::Budget { "runs" } else { "runs per side" };
    match (rate, runs) {
        (Some(rate), Some(runs)) => format!(
            "{distance}: GODEBUG=memprofilerate={rate} (now {period}), or {runs:.0} {sides}"
        ),
        (Some(rate), None) => format!("{distance}: GODEBUG=memprofilerate={rate} (now {period})"),
        (None, Some(runs)) => format!("{distance}: {runs:.0} {sides}"),
        (None, None) => {
            "the value is too close to the limit to tell them apart: make the runs more alike, or \
             move the limit"
                .to_owned()
        }
    }
}

/// Returns the rate at which memory that no sample recorded stays below the limit. Applies if the
/// samples themselves are below it: the upper bound is then proportional to the rate.
fn unseen(judgement: &Judgement, period: i64) -> Option<i64> {
    let upper = judgement.upper?.checked_sub(judgement.value?)?;
    let margin = judgement.limit?.checked_sub(judgement.value?)?;
    let is_near = period > 1 && 0 <= margin && margin < upper;
    is_near
        .then(|| rate(period as f64 * margin as f64 / upper as f64))
        .filter(|&rate| rate < period)
}

/// Rounds a sampling period in bytes down to two digits; at least 1, which records everything.
fn rate(bytes: f64) -> i64 {
    let bytes = bytes.max(1.0);
    let step = 10_f64.powf((bytes.log10().floor() - 1.0).max(0.0));
    ((bytes / step).floor() * step) as i64
}

/// Returns the failure for an allow-list entry that is past its date.
pub(super) fn expired(allowance: &Allowance) -> Judgement {
    let name = format!("allow-list {}", allowance.place);
    let mut judgement =
        Judgement::plain(&name, Demand::Allowance, allowance.scope.to_string(), Level::Fail);
    judgement.outcome = Outcome::Fail;
    judgement.message =
        format!("expired on {}; it was allowed because: {}", allowance.expires, allowance.reason);
    judgement.advice = Some(
        "fix the cause and remove the entry, or extend the date and update the reason".to_owned(),
    );
    judgement
}
