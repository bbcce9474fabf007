//! Turns sums into judgements.

use super::count::{Counted, Pass, RuleTests, Sum};
use super::offenders::{By, Runs, TOLD, offenders};
use super::scopes::{Scopes, Test};
use super::{
    Check, CheckQuery, CheckSubject, Demand, Granted, Judgement, Measured, Offender, Outcome,
    leaks, messages,
};
use crate::analysis::subtrees;
use crate::filter::Granularity;
use crate::graph::frames::Frames;
use crate::model::profile::SampleType;
use crate::model::site::Owners;
use crate::rules::{Allowance, Amount, Limits, Rule, Scope, Value};
use crate::stats::multiple;
use crate::stats::sampling::Part;
use crate::stats::threshold::{self, Among, Blur, Decision, Verdict};

/// What may be missing without being an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a case that a flag names")]
pub struct Missing {
    /// There is no baseline.
    pub baseline: bool,
    /// Rules match nothing.
    pub matches: bool,
    /// Profiles have no samples.
    pub samples: bool,
    /// Profiles are delta profiles, not snapshots.
    pub states: bool,
}

/// Why a check has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswerable {
    /// Rules match nothing.
    #[error(
        "{} no sample after: {}; correct the scope, or allow it with \
         --allow-unmatched or `allow_unmatched = true` in the rule",
        if .0.len() == 1 { "a rule matches".to_owned() } else { format!("{} rules match", .0.len()) },
        .0.join(", ")
    )]
    Unmatched(Vec<String>),
    /// A profile has no samples.
    #[error(
        "{0} has no samples, so there is nothing to judge; profile a program that allocates, with \
         GODEBUG=memprofilerate above 0, or allow it with --allow-empty"
    )]
    Empty(String),
    /// A limit is of a different kind than the values.
    #[error(
        "rule `{rule}`: the limit {limit} is a size, but {sample_type} is measured in {unit}; \
         give a plain number"
    )]
    Unit {
        /// The rule.
        rule: String,
        /// The limit.
        limit: String,
        /// The sample type.
        sample_type: String,
        /// Its unit.
        unit: String,
    },
    /// The profiles lack the sample type of a rule.
    #[error("rule `{rule}`: there is no sample type {asked:?}; the profiles have: {known}")]
    SampleType {
        /// The rule.
        rule: String,
        /// The sample type it names.
        asked: String,
        /// The sample types of the profiles.
        known: String,
    },
    /// A file lacks the sample type of a rule.
    #[error(
        "{file}: there is no sample type {asked:?}{}, so it can't be judged; the file has: {known}. Profile \
         both sides alike, or name a sample type that all files have",
        rule.as_ref().map_or(String::new(), |rule| format!(", which rule `{rule}` is about"))
    )]
    LacksType {
        /// The file.
        file: String,
        /// The rule, if it names the type.
        rule: Option<String>,
        /// The sample type.
        asked: String,
        /// The sample types of the file.
        known: String,
    },
    /// A file has two columns of one name.
    #[error(
        "{file}: it has two sample types named {name:?}, and a rule would judge either; write the \
         profile anew, with a name for each"
    )]
    TwoColumns {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// A filter leaves nothing to judge.
    #[error(
        "--{0} matches nothing in these profiles, so there is nothing to judge; correct it, or \
         allow that with --allow-unmatched"
    )]
    Filter(&'static str),
    /// Filters match, and leave nothing to judge.
    #[error(
        "the filters leave no sample of any profile, so there is nothing to judge; correct them, \
         or allow that with --allow-unmatched"
    )]
    Filtered,
    /// The allow-list leaves nothing to judge.
    #[error(
        "rule `{0}`: the allow-list covers everything in its scope, so there is nothing to judge; \
         narrow the scope of the [[allow]] entry"
    )]
    AllAllowed(String),
    /// A profile is a delta profile.
    #[error(
        "{0} is a delta profile, not a snapshot (?seconds=N, or made with -diff_base), so limits \
         don't apply to it; fetch it without seconds=, or allow it with --allow-delta"
    )]
    Difference(String),
    /// There are no rules.
    #[error("there is no rule to check")]
    NoRules,
}

/// Judges all rules. `position` finds a sample type by its name.
pub fn check(
    subject: CheckSubject<'_>,
    asked: &CheckQuery,
    position: &dyn Fn(&str) -> Option<usize>,
) -> Result<Check, Unanswerable> {
    let rules = &asked.rules.rules;
    if rules.is_empty() {
        return Err(Unanswerable::NoRules);
    }
    let series = subject.series;
    let (active, expired): (Vec<&Allowance>, Vec<&Allowance>) =
        asked.rules.allowances.iter().partition(|allowance| !allowance.is_expired(asked.today));
    let mut judged: Vec<(usize, Judgement)> = Vec::new();
    let held = hold(subject, asked, &active, position)?;
    let mut used = vec![false; active.len()];
    let (mut unmatched, mut limits) = (Vec::new(), Vec::new());
    for OfColumn { column, rules: of_column, tests, found } in &held.columns {
        used.iter_mut().zip(&found.used).for_each(|(used, own)| *used |= own);
        for ((&number, tests), sum) in of_column.iter().zip(tests).zip(&found.sums) {
            let rule = &rules[number];
            let may_be =
                rule.scope == Scope::Total || rule.allow_unmatched || asked.missing.matches;
            let [before, after] = sum.samples;
            if after == 0 && !may_be {
                let gone = if before > 0 { ", which matches only before" } else { "" };
                unmatched.push(format!("`{}` ({}{gone})", rule.name, rule.scope));
                continue;
            }
            if rule.scope == Scope::Total && sum.taken > 0 && sum.taken == before + after {
                return Err(Unanswerable::AllAllowed(rule.name.clone()));
            }
            let judge = Judge { subject, asked, held: &held, found, tests, column: *column };
            judged.extend(judge.without_numbers(rule, sum).into_iter().map(|own| (number, own)));
            limits.extend(judge.limits(rule, sum).into_iter().map(|own| (number, own)));
        }
    }
    if !unmatched.is_empty() {
        return Err(Unanswerable::Unmatched(unmatched));
    }
    let fails = |i: usize, n: usize| limits[i].1.verdict(Among(n)).decision == Decision::Above;
    let among = multiple::holm(limits.len(), |i, most| multiple::largest(most, |n| fails(i, n)));
    let together = limits.len();
    let of_limits = limits.iter().zip(among);
    judged.extend(of_limits.map(|((number, limit), n)| (*number, limit.judged(Among(n)))));
    for (number, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.scope == Scope::Leak) {
        judged.push((number, leaks::judge(rule, subject, &active, &mut used)));
    }
    judged.sort_by_key(|(rule, _)| *rule);
    let mut judged: Vec<Judgement> = judged.into_iter().map(|(_, judgement)| judgement).collect();
    judged.extend(expired.into_iter().map(messages::expired));
    let granted = active.iter().zip(used).map(|(allowance, is_used)| Granted {
        place: allowance.place.clone(),
        scope: allowance.scope.to_string(),
        reason: allowance.reason.clone(),
        expires: allowance.expires.to_string(),
        is_used,
    });
    Ok(Check {
        outcome: Check::overall(judged.iter()),
        taken_for: None,
        before_runs: asked.before,
        after_runs: series.snapshots.len() - asked.before,
        limits: together,
        rules: judged,
        allowances: granted.collect(),
    })
}

/// The sums of all rules, by sample type.
pub(super) struct Held<'a> {
    scopes: Scopes<'a>,
    owners: Owners,
    /// The tests of the allow-list.
    allowances: Vec<Test>,
    pub(super) columns: Vec<OfColumn>,
}

/// The sums of the rules about one sample type.
pub(super) struct OfColumn {
    pub(super) column: usize,
    /// The numbers of the rules, in the order of the sums.
    pub(super) rules: Vec<usize>,
    /// Their tests.
    tests: Vec<RuleTests>,
    pub(super) found: Counted,
}

/// Adds up the samples of all rules; rules about leaks have none. `active` are the entries of the
/// allow-list that are in force.
pub(super) fn hold<'a>(
    subject: CheckSubject<'a>,
    asked: &CheckQuery,
    active: &[&Allowance],
    position: &dyn Fn(&str) -> Option<usize>,
) -> Result<Held<'a>, Unanswerable> {
    let (series, rules) = (subject.series, &asked.rules.rules);
    let counted: Vec<usize> =
        (0..rules.len()).filter(|&rule| rules[rule].scope != Scope::Leak).collect();
    let scopes_of = counted.iter().map(|&rule| (&rules[rule].scope, rules[rule].value));
    let scopes_of: Vec<(&Scope, Value)> =
        scopes_of.chain(active.iter().map(|allowance| (&allowance.scope, Value::Cum))).collect();
    let (scopes, mut tests) = Scopes::new(series, subject.noinlines, &asked.catalog, &scopes_of);
    let allowances: Vec<Test> = tests.split_off(counted.len());
    let owners = Owners::new(&series.symbols, subject.own);
    let mut columns: Vec<(usize, Vec<usize>)> = Vec::new();
    for (test, &rule) in counted.iter().enumerate() {
        let column = column(&rules[rule], subject, position)?;
        check_amounts(&rules[rule], &series.sample_types[column])?;
        match columns.iter_mut().find(|(known, _)| *known == column) {
            Some((_, tests)) => tests.push(test),
            None => columns.push((column, vec![test])),
        }
    }
    let columns = columns.into_iter().map(|(column, of_column)| {
        let wanted = of_column.iter().map(|&test| {
            let rule = &rules[counted[test]];
            let allowed = (0..active.len()).filter(|&i| active[i].is_for(rule)).collect();
            RuleTests { test: tests[test], allowed }
        });
        let wanted: Vec<RuleTests> = wanted.collect();
        let pass = Pass {
            series,
            scopes: &scopes,
            before: asked.before,
            process: subject.process,
            measured: Measured::new(&series.sample_types, column),
            rules: &wanted,
            allowances: &allowances,
            owners: &owners,
        };
        let rules = of_column.iter().map(|&test| counted[test]).collect();
        let found = pass.run();
        OfColumn { column, rules, tests: wanted, found }
    });
    let columns = columns.collect();
    Ok(Held { scopes, owners, allowances, columns })
}

/// The column of a rule's sample type.
fn column(
    rule: &Rule,
    subject: CheckSubject<'_>,
    position: &dyn Fn(&str) -> Option<usize>,
) -> Result<usize, Unanswerable> {
    let Some(asked) = &rule.sample_type else { return Ok(subject.column) };
    position(asked).ok_or_else(|| {
        let known = subject.series.sample_types.iter().map(|t| t.name.clone());
        Unanswerable::SampleType {
            rule: rule.name.clone(),
            asked: asked.clone(),
            known: known.collect::<Vec<_>>().join(", "),
        }
    })
}

/// Checks that limits are of the same kind as the values.
fn check_amounts(rule: &Rule, sample_type: &SampleType) -> Result<(), Unanswerable> {
    let amounts = [rule.growth.most, rule.budget, rule.drift.most];
    match amounts.into_iter().flatten().find(|amount: &Amount| !amount.fits(&sample_type.unit)) {
        None => Ok(()),
        Some(amount) => Err(Unanswerable::Unit {
            rule: rule.name.clone(),
            limit: amount.to_string(),
            sample_type: sample_type.name.clone(),
            unit: sample_type.unit.clone(),
        }),
    }
}

/// Judges the rules of one sample type.
#[derive(Clone, Copy)]
struct Judge<'a> {
    subject: CheckSubject<'a>,
    asked: &'a CheckQuery,
    held: &'a Held<'a>,
    found: &'a Counted,
    /// The tests of the rule.
    tests: &'a RuleTests,
    column: usize,
}

/// A limit of a rule, and the values that are compared with it.
struct Limit<'a> {
    judge: Judge<'a>,
    rule: &'a Rule,
    demand: Demand,
    sum: &'a Sum,
    growth: threshold::Growth,
}

impl<'a> Judge<'a> {
    /// Judges what needs no numbers: a rule that nothing matches, growth without a baseline.
    fn without_numbers(&self, rule: &Rule, sum: &Sum) -> Vec<Judgement> {
        if is_unmatched(rule, sum) {
            return self.unmatched(rule);
        }
        let is_alone = self.asked.before == 0 && !rule.growth.is_empty();
        is_alone.then(|| self.unjudged(rule, &self.growth(sum))).into_iter().collect()
    }

    /// The limits of a rule that its numbers are compared with.
    fn limits(&self, rule: &'a Rule, sum: &'a Sum) -> Vec<Limit<'a>> {
        if is_unmatched(rule, sum) {
            return Vec::new();
        }
        let growth = self.growth(sum);
        let part = Part::from(&sum.held[1]);
        let unit = growth.blur.map_or(0.0, |blur| blur.unit);
        let blur = growth.blur.map(|_| Blur { came: part, unit, ..Blur::default() });
        let of = |demand, growth| Limit { judge: *self, rule, demand, sum, growth };
        let grows = !rule.growth.is_empty() && self.asked.before > 0;
        let held =
            rule.budget.map(|_| of(Demand::Budget, threshold::Growth { blur, ..growth.clone() }));
        grows.then(|| of(Demand::Growth, growth)).into_iter().chain(held).collect()
    }

    fn growth(&self, sum: &Sum) -> threshold::Growth {
        let (before, after) = sum.values.split_at(self.asked.before);
        let floats = |values: &[i64]| values.iter().map(|&value| value as f64).collect::<Vec<_>>();
        let least = before.len().min(after.len()).max(1);
        let unit = self.found.unit / least as f64;
        let blur = Blur::new(&sum.change, Part::from(&sum.held[0]), unit);
        let blur = self.found.known.then_some(blur);
        threshold::Growth { before: floats(before), after: floats(after), blur }
    }

    /// Judges a rule that nothing matches, if that is allowed.
    fn unmatched(&self, rule: &Rule) -> Vec<Judgement> {
        let demands =
            [(Demand::Growth, !rule.growth.is_empty()), (Demand::Budget, rule.budget.is_some())];
        let asked = demands.into_iter().filter(|(_, asked)| *asked);
        asked
            .map(|(demand, _)| {
                let mut judgement = self.blank(rule, demand, Outcome::Pass);
                "nothing matches, which was allowed".clone_into(&mut judgement.message);
                judgement
            })
            .collect()
    }

    /// Judges growth without a baseline, if that is allowed.
    fn unjudged(&self, rule: &Rule, growth: &threshold::Growth) -> Judgement {
        let mut judgement = self.blank(rule, Demand::Growth, Outcome::Pass);
        judgement.after = Some(threshold::mean(&growth.after).round() as i64);
        judgement.limit = rule.growth.most.map(|most| most.value);
        "there is no baseline to compare with, which was allowed"
            .clone_into(&mut judgement.message);
        judgement
    }

    fn blank(&self, rule: &Rule, demand: Demand, outcome: Outcome) -> Judgement {
        let sample_type = &self.subject.series.sample_types[self.column];
        let blank = blank(rule, demand, outcome, (&sample_type.name, &sample_type.unit));
        let percent = if demand == Demand::Growth { rule.growth.percent } else { None };
        Judgement { limit_percent: percent, ..blank }
    }

    /// The judgement on a limit with this verdict.
    fn judged(&self, limit: &Limit<'_>, verdict: &Verdict, Among(among): Among) -> Judgement {
        let Limit { rule, demand, sum, ref growth, .. } = *limit;
        let outcome = match verdict.decision {
            Decision::Above => Outcome::Fail,
            Decision::Within => Outcome::Pass,
            Decision::Open => Outcome::Inconclusive,
        };
        let mut judgement = self.blank(rule, demand, outcome);
        judgement.corrected_for = among;
        let round = |value: f64| value.round() as i64;
        let (before, after) = (threshold::mean(&growth.before), threshold::mean(&growth.after));
        judgement.before = (!growth.before.is_empty()).then(|| round(before));
        judgement.after = Some(round(after));
        judgement.limit = Some(round(verdict.limit));
        judgement.value = Some(round(verdict.value));
        judgement.value_percent =
            (demand == Demand::Growth && before != 0.0).then(|| verdict.value / before * 100.0);
        judgement.lower = verdict.bounds.map(|bounds| round(bounds.lower));
        judgement.upper = verdict.bounds.map(|bounds| round(bounds.upper));
        let mean = |value: i64, runs: usize| round(value as f64 / runs.max(1) as f64);
        let runs = Runs {
            before: self.asked.before,
            after: growth.after.len(),
            same_build: self.same_build(),
        };
        judgement.allowed = mean(sum.allowed[1], runs.after) - mean(sum.allowed[0], runs.before);
        if outcome != Outcome::Pass {
            let by = if demand == Demand::Budget { By::After } else { By::Growth };
            let whole = judgement.value.unwrap_or_default();
            judgement.offenders =
                offenders((&self.held.scopes, &self.held.owners), &sum.sites, runs, by, whole);
            let is_sure = judgement.offenders.iter().any(|offender| offender.lower > 0);
            if by == By::Growth && !is_sure {
                let spread = self.spread();
                if !spread.is_empty() {
                    judgement.offenders = spread;
                }
            }
        }
        let period = self.subject.series.snapshots.iter().map(|s| s.header.period).max();
        messages::fill(&mut judgement, rule, verdict, growth, period.unwrap_or_default());
        judgement
    }

    /// The subtrees that grew as a whole, if growth is spread over places none of which surely grew.
    /// Several runs of a side also differ by more than sampling, which subtrees aren't tested for.
    fn spread(&self) -> Vec<Offender> {
        let CheckSubject { series, noinlines, process, .. } = self.subject;
        let (Held { scopes, owners, allowances, .. }, tests) = (self.held, self.tests);
        let Some(process) =
            process.filter(|_| self.asked.before == 1 && series.snapshots.len() == 2)
        else {
            return Vec::new();
        };
        let frames = Frames::new(series, owners, Granularity::Functions, noinlines);
        let measured = Measured::new(&series.sample_types, self.column);
        let is_wanted = |(snapshot, sample): (usize, usize)| {
            let hits = scopes.hits(series.snapshots[snapshot].stack(sample));
            let is_allowed = |allowance: &usize| hits.pass(allowances[*allowance]);
            hits.pass(tests.test) && !tests.allowed.iter().any(is_allowed)
        };
        let grown = subtrees::grown_among(series, &frames, &measured, process, is_wanted);
        grown.into_iter().take(TOLD).map(Offender::from).collect()
    }

    /// Whether all profiles are of the same build.
    fn same_build(&self) -> bool {
        let snapshots = &self.subject.series.snapshots;
        snapshots.iter().all(|snapshot| snapshot.same_build(&snapshots[0]))
    }
}

impl Limit<'_> {
    /// The verdict if the limit is one of several.
    fn verdict(&self, among: Among) -> Verdict {
        match (self.demand, self.rule.budget) {
            (Demand::Budget, Some(budget)) => self.growth.judge_budget(budget.value as f64, among),
            _ => self.growth.judge(in_numbers(&self.rule.growth), among),
        }
    }

    fn judged(&self, among: Among) -> Judgement {
        self.judge.judged(self, &self.verdict(among), among)
    }
}

/// Whether a rule is about samples that aren't there.
fn is_unmatched(rule: &Rule, sum: &Sum) -> bool {
    sum.samples == [0; 2] && rule.scope != Scope::Total
}

/// Converts limits for the statistics, in the unit of the values.
pub(super) fn in_numbers(limits: &Limits) -> threshold::Limits {
    threshold::Limits { most: limits.most.map(|most| most.value as f64), percent: limits.percent }
}

/// A judgement of a rule about a sample type and a unit, without values yet.
pub(super) fn blank(
    rule: &Rule,
    demand: Demand,
    outcome: Outcome,
    (sample_type, unit): (&str, &str),
) -> Judgement {
    let plain = Judgement::plain(&rule.name, demand, rule.scope.to_string(), rule.level);
    Judgement { sample_type: sample_type.to_owned(), unit: unit.to_owned(), outcome, ..plain }
}
