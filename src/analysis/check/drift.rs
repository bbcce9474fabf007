//! What many baselines, one after the other, add up to: what each rule holds in each of them, and whether that drifts.
//!
//! Baselines are counted one at a time ([`measure`]), so that a window of any length takes the memory of one. What
//! drifts is then a question about numbers alone (`stats::drift`).

use super::verdicts::{OfColumn, blank, hold};
use super::words::{self, amount};
use super::{Asked, Demand, Judgement, Outcome, Subject, Unanswerable};
use crate::rules::{Allowance, Limits, Rule, Scope};
use crate::stats::drift::{self, Drift, Point};
use crate::stats::threshold::{self, Decision, Part};

/// What a rule holds in the runs of one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Which rule, by its number.
    pub rule: usize,
    /// Sample type of the values.
    pub sample_type: String,
    /// Their unit.
    pub unit: String,
    /// The mean of the runs, and what is known of its variance.
    pub point: Point,
    /// Whether the profiles say how they were sampled.
    pub known: bool,
}

/// Whether a rule asks for drift.
pub fn asks(rule: &Rule) -> bool {
    rule.scope != Scope::Leak && !limits(rule).is_empty()
}

/// What a rule allows a drift to be.
fn limits(rule: &Rule) -> Limits {
    if rule.drift.is_empty() { rule.growth } else { rule.drift }
}

/// What each rule holds in the snapshots of a subject, which are runs of one thing.
pub fn measure(
    subject: Subject<'_>,
    asked: &Asked,
    position: &dyn Fn(&str) -> Option<usize>,
) -> Result<Vec<Measure>, Unanswerable> {
    let allowances = asked.rules.allowances.iter();
    let active: Vec<&Allowance> =
        allowances.filter(|allowance| !allowance.is_expired(asked.today)).collect();
    let held = hold(subject, &Asked { before: 0, ..asked.clone() }, &active, position)?;
    let mut measures = Vec::new();
    for OfColumn { column, rules, found } in &held.columns {
        let sample_type = &subject.series.sample_types[*column];
        for (&rule, sum) in rules.iter().zip(&found.sums) {
            let runs: Vec<f64> = sum.values.iter().map(|&value| value as f64).collect();
            let sampling = if found.known { Part::from(&sum.held[1]).variance() } else { 0.0 };
            measures.push(Measure {
                rule,
                sample_type: sample_type.name.clone(),
                unit: sample_type.unit.clone(),
                point: Point::new(&runs, sampling),
                known: found.known,
            });
        }
    }
    measures.sort_by_key(|measure| measure.rule);
    Ok(measures)
}

/// Judges the drift of each rule that asks for it, over what was measured of baselines in order of their time, the one that is judged last. With fewer
/// than [`drift::LEAST`] nothing is judged.
pub fn judge(rules: &[Rule], row: &[Vec<Measure>]) -> Vec<Judgement> {
    let asked = rules.iter().enumerate().filter(|(_, rule)| asks(rule));
    asked
        .filter_map(|(number, rule)| {
            let of_rule = row.iter().map(|all| all.iter().find(|measure| measure.rule == number));
            let measures: Vec<&Measure> = of_rule.collect::<Option<_>>()?;
            let points: Vec<Point> = measures.iter().map(|measure| measure.point).collect();
            let allowed = limits(rule);
            let found = drift::judge(
                &points,
                threshold::Limits {
                    most: allowed.most.map(|most| most.value as f64),
                    percent: allowed.percent,
                },
            )?;
            Some(judged(rule, allowed, &measures, &found))
        })
        .collect()
}

fn judged(rule: &Rule, allowed: Limits, measures: &[&Measure], found: &Drift) -> Judgement {
    let outcome = match found.decision {
        Decision::Above => Outcome::Fail,
        Decision::Within => Outcome::Pass,
        Decision::Open => Outcome::Inconclusive,
    };
    let [first, .., last] = measures else { return blank(rule, Demand::Drift, outcome, ("", "")) };
    let mut judgement = blank(rule, Demand::Drift, outcome, (&last.sample_type, &last.unit));
    let round = |value: f64| value.round() as i64;
    judgement.limit = Some(round(found.limit));
    judgement.limit_percent = allowed.percent;
    judgement.before = Some(round(first.point.value));
    judgement.after = Some(round(last.point.value));
    judgement.value = Some(round(found.value));
    judgement.value_percent = (found.start > 0.0).then(|| found.value / found.start * 100.0);
    judgement.lower = Some(round(found.bounds.lower));
    judgement.upper = Some(round(found.bounds.upper));
    let told = |value: f64| amount(round(value), &last.unit);
    let percent =
        judgement.value_percent.map_or(String::new(), |percent| format!(" ({percent:+.1} %)"));
    let did = if found.value < 0.0 {
        format!("falls by {}{percent}", told(-found.value))
    } else {
        format!("rises by {}{percent}", told(found.value))
    };
    let (lower, upper) = (told(found.bounds.lower), told(found.bounds.upper));
    let baselines = measures.len() - 1;
    let over = format!(
        "{did} over {baselines} baselines and AFTER, from {} to {}",
        told(first.point.value),
        told(last.point.value)
    );
    let most = words::allowed(round(found.limit), &allowed, &last.unit);
    judgement.message = match outcome {
        Outcome::Fail => {
            format!("{over}: at least {lower} with 95 % confidence; allowed is {most}")
        }
        Outcome::Pass => format!("{over}: at most {upper} with 95 % confidence; allowed is {most}"),
        Outcome::Inconclusive if found.bounds.lower > found.limit => format!(
            "{over}: at least {lower}, more than the {most} that is allowed, and too unsteadily to be called a \
             drift (p = {:.2})",
            found.p
        ),
        Outcome::Inconclusive => {
            format!("{over}, {lower} to {upper} with the error; allowed is {most}")
        }
    };
    judgement.advice = match outcome {
        Outcome::Inconclusive => Some(
            "to decide: more baselines (--window), more runs in each, or a lower memprofilerate when they are \
             recorded"
                .to_owned(),
        ),
        _ => None,
    };
    judgement
}
