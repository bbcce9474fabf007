//! What is said of a rule, and what would decide where it is open.

use super::scopes::holds;
use super::{CheckSubject, Demand, Judgement, Leaks, Offender, Outcome};
use crate::analysis::Suspect;
use crate::analysis::estimates::Class;
use crate::rules::{Allowance, Level, Limits, Rule, Value};
use crate::stats::class::LEAST;
use crate::stats::threshold::{Growth, Needed, Verdict};
use crate::units::{self, Bytes, Kind, Nanoseconds};

/// More runs than this are no advice.
const RUNS_MAX: f64 = 1000.0;

/// A value in the unit of a sample type.
pub(super) fn amount(value: i64, unit: &str) -> String {
    let (kind, factor) = units::classify(unit);
    match kind {
        Kind::Bytes => Bytes(value as f64 * factor).to_string(),
        Kind::Time => Nanoseconds(value as f64 * factor).to_string(),
        Kind::Count => value.to_string(),
    }
}

/// What may not be exceeded; `limit` is the one that decided, as a number.
pub(super) fn allowed(limit: i64, limits: &Limits, unit: &str) -> String {
    let limit = amount(limit, unit);
    match (limits.most, limits.percent) {
        (Some(most), Some(percent)) => {
            format!("{} or {percent} %, whichever is more", amount(most.value, unit))
        }
        (None, Some(percent)) => format!("{percent} %, which is {limit}"),
        (_, None) => limit,
    }
}

/// Says what was found, and what would decide.
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
    judgement.message = match (judgement.outcome, bounds) {
        (Outcome::Fail, Some((lower, _))) => {
            format!("{did}{what}, at least {lower} with 95 % confidence; allowed is {most}")
        }
        (Outcome::Pass, Some((_, upper))) => {
            format!("{did}{what}, at most {upper} with 95 % confidence; allowed is {most}")
        }
        (_, Some((lower, upper))) => {
            format!("{did}{what}, {lower} to {upper} with the error; allowed is {most}")
        }
        (_, None) => format!("{did}{what}; how far that reaches the profiles do not say"),
    };
    judgement.advice = match (judgement.outcome, judgement.offenders.first()) {
        (Outcome::Inconclusive, _) => Some(advice(verdict.needed, growth, period, judgement)),
        (Outcome::Fail, Some(first)) => Some(format!(
            "look at {} first; heapdiff refs shows every way there",
            first.place.function
        )),
        _ => None,
    };
}

/// What would decide.
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
                "{distance}: GODEBUG=memprofilerate={rate} (now {period}); what is in no sample may be there all the \
                 same, and the less the lower the rate"
            );
        }
        return "take profiles that name their period, or several runs of each side: the spread between runs \
                decides as well"
            .to_owned();
    };
    let rate = needed.sampling.map(|share| rate(period as f64 * share));
    let rate = rate.filter(|&rate| rate < period && growth.blur.is_some());
    let runs = (needed.runs <= RUNS_MAX).then_some(needed.runs);
    let sides = if judgement.demand == Demand::Budget { "runs" } else { "runs of each side" };
    match (rate, runs) {
        (Some(rate), Some(runs)) => format!(
            "{distance}: GODEBUG=memprofilerate={rate} (now {period}), or {runs:.0} {sides}"
        ),
        (Some(rate), None) => format!("{distance}: GODEBUG=memprofilerate={rate} (now {period})"),
        (None, Some(runs)) => format!("{distance}: {runs:.0} {sides}"),
        (None, None) => {
            "it is too near to its limit to be told from it: make runs more alike, or move the limit".to_owned()
        }
    }
}

/// The rate at which what is in no sample is below the limit, where no sample says anything against it: how far the
/// value reaches is proportional to it then.
fn unseen(judgement: &Judgement, period: i64) -> Option<i64> {
    let upper = judgement.upper?.checked_sub(judgement.value?)?;
    let margin = judgement.limit?.checked_sub(judgement.value?)?;
    let is_near = period > 1 && 0 <= margin && margin < upper;
    is_near
        .then(|| rate(period as f64 * margin as f64 / upper as f64))
        .filter(|&rate| rate < period)
}

/// A distance between samples, in bytes: two digits, rounded down, at least 1, which records everything.
fn rate(bytes: f64) -> i64 {
    let bytes = bytes.max(1.0);
    let step = 10_f64.powf((bytes.log10().floor() - 1.0).max(0.0));
    ((bytes / step).floor() * step) as i64
}

/// What leaks, and is not allowed to.
pub(super) fn leaks(
    rule: &Rule,
    subject: CheckSubject<'_>,
    active: &[&Allowance],
    used: &mut [bool],
) -> Judgement {
    let mut judgement =
        Judgement::plain(&rule.name, Demand::Leaks, rule.scope.to_string(), rule.level);
    judgement.limit = Some(0);
    let Some(Leaks { suspects, processes }) = subject.leaks else {
        judgement.outcome = Outcome::Inconclusive;
        "two profiles show growth, and never a leak".clone_into(&mut judgement.message);
        judgement.advice = Some(more_snapshots());
        return judgement;
    };
    let few = processes.iter().filter(|&&snapshots| snapshots < LEAST).count();
    let snapshots: usize = processes.iter().sum();
    let leaks = suspects.iter().filter(|suspect| suspect.class == Class::Leak);
    let leaks: Vec<&Suspect> = leaks
        .filter(|suspect| {
            let allowed = (0..active.len())
                .find(|&i| active[i].is_for(rule) && is_allowed(active[i], suspect));
            allowed.iter().for_each(|&i| used[i] = true);
            allowed.is_none()
        })
        .collect();
    judgement.value = Some(leaks.len() as i64);
    if let Some(first) = leaks.first() {
        judgement.sample_type.clone_from(&first.sample_type);
        judgement.unit.clone_from(&first.unit);
        judgement.outcome = Outcome::Fail;
        let (is, leak) = if leaks.len() == 1 { ("is", "leak") } else { ("are", "leaks") };
        judgement.message = format!(
            "there {is} {} {leak} in {} snapshots, the worst in {}",
            leaks.len(),
            snapshots,
            first.site.function
        );
        let fix = if first.fix.is_empty() { first.explanation.clone() } else { first.fix.clone() };
        judgement.advice = Some(fix);
    } else if few > 0 || processes.is_empty() {
        // A service that crashes again and again, or was restarted just now: nobody knows.
        judgement.outcome = Outcome::Inconclusive;
        judgement.message = match processes {
            [] | [1] => "one snapshot shows neither growth nor a leak".to_owned(),
            [n] => format!("{n} snapshots that differ show growth, and never a leak"),
            all => format!(
                "{few} of {} processes have fewer than {LEAST} snapshots that differ, which show growth, and never a \
                 leak; nothing leaks in the others",
                all.len()
            ),
        };
        judgement.advice = Some(more_snapshots());
    } else {
        judgement.message = format!("nothing leaks in {snapshots} snapshots");
    }
    judgement.offenders = leaks.into_iter().map(leak).collect();
    judgement
}

/// What would tell a leak.
fn more_snapshots() -> String {
    format!(
        "give {LEAST} snapshots of each process at least, with a collection between them (?gc=1), eight to be sure: \
         heapdiff check --no-leaks SNAPSHOT..."
    )
}

/// Whether an entry of the allow-list is about a suspect: about its place, or about a function on its way there.
fn is_allowed(allowance: &Allowance, suspect: &Suspect) -> bool {
    let files = std::iter::once(&suspect.site).chain(&suspect.places);
    files.into_iter().any(|place| {
        holds(&allowance.scope, &place.function, place.file.as_deref(), &suspect.patterns)
    }) || suspect.path.iter().any(|name| holds(&allowance.scope, name, None, &suspect.patterns))
}

/// A suspect as an offender.
fn leak(suspect: &Suspect) -> Offender {
    Offender {
        place: suspect.site.clone(),
        before: suspect.values.first().copied().unwrap_or_default(),
        after: suspect.values.last().copied().unwrap_or_default(),
        delta: suspect.growth.estimate,
        lower: suspect.growth.lower,
        upper: suspect.growth.upper,
        unit: Some(suspect.unit.clone()),
        class: Some(suspect.class),
        patterns: suspect.patterns.clone(),
        explanation: [suspect.explanation.as_str(), &suspect.fix].join(" ").trim().to_owned(),
    }
}

/// An entry of the allow-list that is past its date.
pub(super) fn expired(allowance: &Allowance) -> Judgement {
    let name = format!("allow-list {}", allowance.place);
    let mut judgement =
        Judgement::plain(&name, Demand::Allowance, allowance.scope.to_string(), Level::Fail);
    judgement.outcome = Outcome::Fail;
    judgement.message =
        format!("expired on {}; it was allowed because: {}", allowance.expires, allowance.reason);
    judgement.advice = Some(
        "mend what it stands for and take the entry out, or give it a new date and say why"
            .to_owned(),
    );
    judgement
}
