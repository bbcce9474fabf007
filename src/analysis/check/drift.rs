//! Judges what many baselines in a row add up to: what each rule measures in each of them, and
//! whether that drifts.
//!
//! Baselines are counted one at a time ([`measure`]), so a window of any length takes the memory of
//! one. The drift is then computed from numbers alone (`stats::drift`).
//!
//! A rule with a limit for drift demands a decision: without one it is inconclusive, like any other
//! rule. A rule that limits growth alone is held to the same limits over the window, so that a slow
//! rise fails too; but as it doesn't ask for a decision about the window, an inconclusive drift
//! only warns.

use super::messages;
use super::verdicts::{OfColumn, blank, hold, in_numbers};
use super::{CheckQuery, CheckSubject, Demand, Judgement, Outcome, Unanswerable};
use crate::analysis::amount;
use crate::rules::{Allowance, Level, Limits, Rule, Scope};
use crate::stats::drift::{self, Drift, Point};
use crate::stats::multiple;
use crate::stats::sampling::Part;
use crate::stats::threshold::{Among, Decision};

/// What a rule measures in the runs of one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftMeasure {
    /// Which rule, by its number.
    pub rule: usize,
    /// Sample type of the values.
    pub sample_type: String,
    /// Their unit.
    pub unit: String,
    /// The mean of the runs, and the known part of its variance.
    pub point: Point,
    /// Whether the profiles record how they were sampled.
    pub known: bool,
}

/// Whether a rule limits drift.
pub fn asks(rule: &Rule) -> bool {
    rule.scope != Scope::Leak && !limits(rule).is_empty()
}

/// Whether a rule has its own limit for drift, and not only one for growth.
pub fn demands(rule: &Rule) -> bool {
    asks(rule) && !rule.drift.is_empty()
}

/// The drift that a rule allows.
fn limits(rule: &Rule) -> Limits {
    if rule.drift.is_empty() { rule.growth } else { rule.drift }
}

/// Measures each rule in the snapshots of a subject, which are runs of the same program.
pub fn measure(
    subject: CheckSubject<'_>,
    asked: &CheckQuery,
    position: &dyn Fn(&str) -> Option<usize>,
) -> Result<Vec<DriftMeasure>, Unanswerable> {
    let allowances = asked.rules.allowances.iter();
    let active: Vec<&Allowance> =
        allowances.filter(|allowance| !allowance.is_expired(asked.today)).collect();
    let held = hold(subject, &CheckQuery { before: 0, ..asked.clone() }, &active, position)?;
    let mut measures = Vec::new();
    for OfColumn { column, rules, found, .. } in &held.columns {
        let sample_type = &subject.series.sample_types[*column];
        for (&rule, sum) in rules.iter().zip(&found.sums) {
            let runs: Vec<f64> = sum.values.iter().map(|&value| value as f64).collect();
            let sampling = if found.known { Part::from(&sum.held[1]).variance() } else { 0.0 };
            measures.push(DriftMeasure {
                rule,
                sample_type: sample_type.name.clone(),
                unit: sample_type.unit.clone(),
                point: Point::new(&runs, sampling, found.unit),
                known: found.known,
            });
        }
    }
    measures.sort_by_key(|measure| measure.rule);
    Ok(measures)
}

/// Judges the drift of each rule that limits it, over measurements of baselines in order of time;
/// the last one is judged. With fewer than [`drift::LEAST`] nothing is judged. The limits of all
/// rules share the probability of a wrong failure.
pub fn judge(rules: &[Rule], row: &[Vec<DriftMeasure>]) -> Vec<Judgement> {
    let asked = rules.iter().enumerate().filter(|(_, rule)| asks(rule));
    let asked = asked.filter_map(|(number, rule)| {
        let of_rule = row.iter().map(|all| all.iter().find(|measure| measure.rule == number));
        let measures: Vec<&DriftMeasure> = of_rule.collect::<Option<_>>()?;
        let points: Vec<Point> = measures.iter().map(|measure| measure.point).collect();
        Some((rule, measures, points))
    });
    let asked: Vec<(&Rule, Vec<&DriftMeasure>, Vec<Point>)> = asked.collect();
    let decide = |i: usize, n: usize| {
        let (rule, _, points) = &asked[i];
        drift::judge(points, in_numbers(&limits(rule)), Among(n))
    };
    let fails = |i, n| decide(i, n).is_some_and(|found| found.decision == Decision::Above);
    let among = multiple::holm(asked.len(), |i, most| multiple::largest(most, |n| fails(i, n)));
    let judged = asked.iter().zip(among).enumerate().filter_map(|(i, ((rule, measures, _), n))| {
        let judgement = judged(rule, limits(rule), measures, &decide(i, n)?);
        Some(Judgement { corrected_for: n, ..judgement })
    });
    judged.collect()
}

/// Judges the rules that demand drift if `baselines`, the number there are, is too small. `after`
/// is what the rules measure now. If that is allowed (`may_miss`), they pass.
pub fn too_few(
    rules: &[Rule],
    after: &[DriftMeasure],
    baselines: usize,
    may_miss: bool,
) -> Vec<Judgement> {
    let takes = drift::LEAST - 1;
    let there = match baselines {
        0 => "there is no baseline".to_owned(),
        1 => "there is 1 baseline".to_owned(),
        n => format!("there are {n} baselines"),
    };
    let say = |rule: &Rule, measure: &DriftMeasure| {
        let outcome = if may_miss { Outcome::Pass } else { Outcome::Inconclusive };
        let kind = (measure.sample_type.as_str(), measure.unit.as_str());
        let mut judgement = blank(rule, Demand::Drift, outcome, kind);
        judgement.limit = rule.drift.most.map(|most| most.value);
        judgement.limit_percent = rule.drift.percent;
        judgement.after = Some(measure.point.value.round() as i64);
        judgement.message = if may_miss {
            format!("not judged, which is allowed: {there}, and drift needs {takes}")
        } else {
            judgement.advice = Some(format!(
                "to decide: save {} more, or let it pass until then with --allow-missing-baseline",
                takes.saturating_sub(baselines)
            ));
            format!("{there}, and drift needs {takes}")
        };
        judgement
    };
    let demanded = after.iter().filter_map(|measure| {
        rules.get(measure.rule).filter(|rule| demands(rule)).map(|rule| say(rule, measure))
    });
    demanded.collect()
}

fn judged(rule: &Rule, allowed: Limits, measures: &[&DriftMeasure], found: &Drift) -> Judgement {
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
        format!("the trend falls by {}{percent}", told(-found.value))
    } else {
        format!("the trend rises by {}{percent}", told(found.value))
    };
    let (lower, upper) = (told(found.bounds.lower), told(found.bounds.upper));
    let baselines = measures.len() - 1;
    let over = format!("{did} over {baselines} baselines and AFTER");
    let ends = ends(found, first.point, last.point, &told);
    let most = messages::allowed(round(found.limit), &allowed, &last.unit);
    let message = match outcome {
        Outcome::Fail => {
            format!("{over}: at least {lower} with 95 % confidence; the limit is {most}")
        }
        Outcome::Pass => {
            format!("{over}: at most {upper} with 95 % confidence; the limit is {most}")
        }
        Outcome::Inconclusive if found.bounds.lower > found.limit => format!(
            "{over}: at least {lower}, above the limit of {most}, but too unsteady to be \
             called a drift (p = {:.2})",
            found.p
        ),
        Outcome::Inconclusive => {
            format!("{over}, bounds {lower} to {upper}; the limit is {most}")
        }
    };
    judgement.message = format!("{message}; {ends}");
    if outcome == Outcome::Inconclusive {
        let decide = "to decide: more baselines (--window), more runs in each, or a lower \
                      memprofilerate when they are recorded";
        judgement.advice = Some(if demands(rule) {
            decide.to_owned()
        } else {
            judgement.level = Level::Warn;
            format!("{decide}; it only warns because the rule has no max_drift of its own")
        });
    }
    judgement
}

/// Describes the first and the last value, and whether their difference is far from the trend: by
/// more than the limit, and by more than noise.
fn ends(found: &Drift, first: Point, last: Point, told: &dyn Fn(f64) -> String) -> String {
    let apart = last.value - first.value;
    let beside = (apart - found.value).abs();
    let noise = 2.0 * (first.variance + last.variance).sqrt();
    let is_far = beside > found.limit.max(noise)
        && beside > 0.5 * apart.abs().max(found.value.abs())
        && found.decision != Decision::Above;
    let held =
        format!("the first baseline holds {} and AFTER {}", told(first.value), told(last.value));
    match is_far {
        false => held,
        true if apart < 0.0 => format!("{held}, which isn't a steady fall"),
        true => format!("{held}, which isn't a steady rise"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Amount;

    const MIB: f64 = 1024.0 * 1024.0;

    fn row(values: impl IntoIterator<Item = f64>) -> Vec<Vec<DriftMeasure>> {
        let measure = |value: f64| DriftMeasure {
            rule: 0,
            sample_type: "inuse_space".to_owned(),
            unit: "bytes".to_owned(),
            point: Point { value: value * MIB, variance: 0.0 },
            known: true,
        };
        values.into_iter().map(|value| vec![measure(value)]).collect()
    }

    fn limits(mib: i64) -> Limits {
        let most = Amount { value: mib << 20, is_size: true };
        Limits { most: Some(most), percent: None }
    }

    fn by_growth() -> Rule {
        Rule { growth: limits(5), ..Rule::new("total", Scope::Total) }
    }

    #[test]
    fn a_step_is_told_as_what_it_is() {
        let step = row([10.0, 10.1, 10.0, 10.2, 10.1, 30.0]);
        let judged = judge(&[by_growth()], &step);
        let message = &judged[0].message;
        assert!(message.starts_with("the trend rises by "), "{message}");
        let ends =
            "the first baseline holds 10.0 MiB and AFTER 30.0 MiB, which isn't a steady rise";
        assert!(message.ends_with(ends), "{message}");
        let down = row([30.0, 30.1, 30.0, 30.2, 30.1, 10.0]);
        let message = &judge(&[by_growth()], &down)[0].message;
        assert!(message.ends_with("which isn't a steady fall"), "{message}");
        // A steady rise is one.
        for rise in [0.5, 3.0] {
            let steady = row((0..6).map(|i| 10.0 + rise * f64::from(i)));
            let message = &judge(&[by_growth()], &steady)[0].message;
            let end = format!("and AFTER {:.1} MiB", 10.0 + 5.0 * rise);
            assert!(message.ends_with(&end), "{message}");
        }
    }

    #[test]
    fn what_nobody_demanded_and_nothing_decides_only_warns() {
        let unsteady = row([10.0, 30.0, 12.0, 33.0, 11.0, 35.0]);
        let explicit = Rule { drift: limits(5), ..by_growth() };
        for (rule, level) in [(by_growth(), Level::Warn), (explicit, Level::Fail)] {
            let judged = judge(std::slice::from_ref(&rule), &unsteady);
            assert_eq!((judged[0].outcome, judged[0].level), (Outcome::Inconclusive, level));
            // A certain drift counts in either case.
            let steady = row((0..6).map(|i| 10.0 + 3.0 * f64::from(i)));
            let judged = judge(&[rule], &steady);
            assert_eq!((judged[0].outcome, judged[0].level), (Outcome::Fail, Level::Fail));
        }
    }
}
