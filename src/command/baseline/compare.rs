//! `heapdiff baseline compare DIR PROFILE...`: `heapdiff check` against the newest baseline, and whether the last ones
//! drift.
//!
//! A pull request has no baselines of its own. So where the branch has none, that which it is to be merged into is
//! taken, and a warning says so; a branch that was named is the one that is meant.

use super::{
    CommandError, Console, NAMED, USUAL_BASE, WINDOW, answer, branch, check_broken, named,
    platform, strangers, window,
};
use crate::analysis::check::{self, Demand, Judgement, Outcome};
use crate::command::gate::{Gate, GateArgs, Profiles, today};
use crate::command::progress::Progress;
use crate::command::{inputs, run};
use crate::filter::Spec;
use crate::model::series::Series;
use crate::model::symbols::base_name;
use crate::report::{Warning, WarningCode};
use crate::rules::{Amount, Limits, Rule};
use crate::source::baselines::{self, Baseline, BaselineError, Found, Keep};
use crate::stats::drift::LEAST;
use clap::Args;
use std::path::{Path, PathBuf};

/// Judge runs by rules, against the newest baseline and the drift of the last ones: for CI, with an exit code
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff baseline compare [OPTIONS] DIR PROFILE...",
    after_help = "\
Examples:
  heapdiff baseline compare --max-growth 5MiB --max-growth-percent 10 baselines/ run-*.pb.gz
  heapdiff baseline compare --base-branch release-2 baselines/ run-*.pb.gz      rules in heapdiff.toml
  heapdiff baseline compare --allow-missing-baseline baselines/ run-*.pb.gz     before there is one

Exit codes:
  0  every rule passes      1  a rule fails      3  a rule is inconclusive: the error is larger than the margin
  2  it could not be judged: no baseline, an unreadable file, a rule that matches nothing, an empty profile

Rules are those of heapdiff check. Each that limits growth, or drift (`max_drift`, `max_drift_percent`), is judged by drift as \
well: what the last baselines and the PROFILEs rise by, which no step from one to the next may show. That takes three \
baselines at least. Where drift is not sure, a rule with a limit for drift is inconclusive, and one without only warns. The \
PROFILEs are read twice, so for drift they can't be standard input.

Of CI, $GITHUB_REF_NAME or $CI_COMMIT_BRANCH names the branch, and $GITHUB_BASE_REF or \
$CI_MERGE_REQUEST_TARGET_BRANCH_NAME what a pull request is to be merged into."
)]
pub(in crate::command) struct CompareArgs {
    /// The folder of the baselines
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The runs that are judged: files, folders, patterns; `-` is standard input
    #[arg(value_name = "PROFILE", required = true)]
    inputs: Vec<String>,
    /// The branch to compare with [default: what CI says, else that of git; where it has no baselines,
    /// --base-branch]
    #[arg(long, value_name = "NAME", value_parser = named)]
    branch: Option<String>,
    /// The branch to compare with where the other has no baselines [default: what a pull request is to be merged
    /// into, else main; none where --branch is given]
    #[arg(long, value_name = "NAME", value_parser = named)]
    base_branch: Option<String>,
    /// What the program ran on [default: this machine, such as linux/amd64]
    #[arg(long, value_name = "OS/ARCH", value_parser = named)]
    platform: Option<String>,
    /// Compare with a baseline of any platform
    #[arg(long, conflicts_with = "platform")]
    any_platform: bool,
    /// Look for drift in the last N baselines [default: `window` of [baseline] in the rules, else 12]
    #[arg(long, value_name = "N", value_parser = window, allow_negative_numbers = true)]
    window: Option<usize>,
    #[command(flatten)]
    gate: GateArgs,
}

/// Judges, and returns the exit code.
pub(super) fn compare(args: CompareArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let files = args.gate.files();
    let (typed, dir) = (args.inputs.clone(), args.dir.clone());
    let judged = judge(args, console);
    if let Err(error) = &judged {
        files.give_up("heapdiff baseline compare", error, &typed, Some(&dir), console);
    }
    judged
}

fn judge(args: CompareArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let tried = tried(&args, console);
    let CompareArgs { dir, inputs, platform: asked, any_platform, window, gate, .. } = args;
    let gate = Gate::new(gate, false)?;
    let inputs::Inputs { names: after, mut warnings, .. } = inputs::find(&inputs)?;
    check_readable_twice(&gate, &after)?;
    let mut found = match baselines::read(&dir) {
        Err(BaselineError::Missing(_)) if gate.may_miss_baseline() => Found::default(),
        found => found.map_err(answer)?,
    };
    warnings.extend(strangers(&dir, &found));
    let wanted = (!any_platform).then(|| asked.unwrap_or_else(platform));
    let shelf = shelf(&dir, &mut found, &tried, wanted.as_deref(), &gate, &mut warnings)?;
    gate.files.check(&shelf.iter().flat_map(Baseline::runs).collect::<Vec<_>>())?;
    let newest = shelf.last();
    if let Some(newest) = newest {
        check_usable(newest, &gate)?;
    }
    let progress = run::progress(console, gate.output.quiet);
    let today = today();
    let before = newest.map(Baseline::runs).unwrap_or_default();
    let profiles = Profiles { before, after, ..Profiles::default() };
    let mut runs = gate.read(&profiles, &progress)?;
    let programs = newest
        .and_then(|newest| Some((newest.facts.program.as_deref()?, last_program(&runs.series)?)));
    if let Some((before, after)) = programs.filter(|(before, after)| before != after) {
        let message = format!(
            "the baseline is of {before}, and AFTER of {after}: where these are two programs, no growth means anything"
        );
        warnings.push(Warning { code: WarningCode::Other, message });
    }
    let window = window.or(gate.rules.window).unwrap_or(WINDOW);
    let drift = Drift { gate: &gate, shelf: &shelf, window, after: &profiles.after, today };
    runs.drift = drift.judge(&progress, &mut warnings)?;
    let report = gate.judge(runs, profiles.number_before(), today, warnings)?;
    gate.say(&report, console)
}

/// That AFTER can be read for growth, and once more for drift. It is asked whether or not there are baselines enough, so
/// that no job works until there are.
fn check_readable_twice(gate: &Gate, after: &[String]) -> Result<(), CommandError> {
    let is_asked = gate.rules.rules.iter().any(check::drift::asks);
    if is_asked && after.iter().any(|name| name == crate::source::STDIN) {
        return Err(CommandError::Usage(
            "drift is judged by reading the profiles twice, which standard input (-) can't be: give files".to_owned(),
        ));
    }
    Ok(())
}

/// The program that is judged.
fn last_program(series: &Series) -> Option<&str> {
    let file = series.snapshots.last()?.main?.file;
    Some(base_name(series.symbols.text(file))).filter(|program| !program.is_empty())
}

/// The branches to look for, the first that has baselines counts.
fn tried(args: &CompareArgs, console: &Console<'_>) -> Vec<String> {
    let mut tried = match &args.branch {
        Some(branch) => vec![branch.clone()],
        None => vec![branch(console)],
    };
    let base = match (&args.base_branch, &args.branch) {
        (Some(base), _) => Some(base.clone()),
        // Who names a branch means that one.
        (None, Some(_)) => None,
        (None, None) => {
            Some(console.ci.base_branch.clone().unwrap_or_else(|| USUAL_BASE.to_owned()))
        }
    };
    tried.extend(base.filter(|base| *base != tried[0]));
    tried
}

/// The baselines to compare with, oldest first: those of the first branch that has some, of one platform.
fn shelf(
    dir: &Path,
    found: &mut Found,
    tried: &[String],
    platform: Option<&str>,
    gate: &Gate,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Baseline>, CommandError> {
    for (number, name) in tried.iter().enumerate() {
        check_broken(found, Some(name))?;
        let of_branch = found.baselines.iter().filter(|baseline| baseline.facts.branch == *name);
        let mut fitting = of_branch
            .clone()
            .filter(|baseline| platform.is_none_or(|platform| baseline.facts.platform == platform));
        let Some(newest) = fitting.next_back() else { continue };
        if number > 0 {
            let message = format!(
                "compared with the newest baseline of {name}, of {}: {} has none{}",
                newest.facts.time,
                tried[0],
                platform.map_or(String::new(), |platform| format!(" for {platform}"))
            );
            warnings.push(Warning { code: WarningCode::Other, message });
        }
        let same = of_branch.filter(|baseline| baseline.facts.platform == newest.facts.platform);
        return Ok(same.cloned().collect());
    }
    if gate.may_miss_baseline() {
        return Ok(Vec::new());
    }
    Err(CommandError::Usage(missing(dir, found, tried, platform)))
}

/// What there is instead of a baseline to compare with.
fn missing(dir: &Path, found: &Found, tried: &[String], platform: Option<&str>) -> String {
    let dir = dir.display();
    let names = tried.join(" and of ");
    let of_others: Vec<&str> = found
        .baselines
        .iter()
        .filter(|baseline| tried.contains(&baseline.facts.branch))
        .map(|baseline| baseline.facts.platform.as_str())
        .collect();
    if let (Some(platform), Some(newest)) = (platform, of_others.last()) {
        return format!(
            "{dir}: the baselines of {names} are of another platform: there is none of {platform}, the newest is of \
             {newest}; save one there, name the platform with --platform, or compare all the same with --any-platform"
        );
    }
    let mut branches: Vec<&str> =
        found.baselines.iter().map(|baseline| baseline.facts.branch.as_str()).collect();
    branches.sort_unstable();
    branches.dedup();
    let there = match branches.len() {
        0 => "it holds none at all".to_owned(),
        n => {
            let more = n.saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let some = branches.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            format!("it holds those of {some}{more}")
        }
    };
    format!(
        "{dir}: there is no baseline of {names}, {there}; save one with heapdiff baseline save, name another branch with \
         --branch, or let growth pass where there is none with --allow-missing-baseline"
    )
}

/// That a baseline has its files, and what the rules ask for.
fn check_usable(baseline: &Baseline, gate: &Gate) -> Result<(), CommandError> {
    check_files(baseline)?;
    if baseline.facts.kept == Keep::Whole {
        return Ok(());
    }
    let folder = baseline.folder.display();
    let lost = check::unkept(&gate.rules, &baseline.facts.scopes);
    if let Some(first) = lost.first() {
        return Err(CommandError::Usage(format!(
            "{folder}: was saved with --keep scopes when {} ({}) was not among the rules, so that nothing of it was kept: \
             save a baseline with the rules of today, or compare by those of then",
            first.asks, first.scope
        )));
    }
    if gate.spec != Spec::default() {
        return Err(CommandError::Usage(format!(
            "{folder}: was saved with --keep scopes, and most of its stacks are added up: filters such as --focus would find \
             other samples there than in AFTER; leave them out, or save baselines with --keep whole"
        )));
    }
    Ok(())
}

fn check_files(baseline: &Baseline) -> Result<(), CommandError> {
    // A link may lead anywhere; what was saved is a file.
    let is_there = |run: &&String| {
        let metadata = std::fs::symlink_metadata(baseline.folder.join(run));
        metadata.is_ok_and(|metadata| metadata.is_file())
    };
    let lost = baseline.facts.runs.iter().find(|run| !is_there(run));
    lost.map_or(Ok(()), |run| {
        Err(CommandError::Usage(format!(
            "{}: its run {run} is not there: restore it, or take the folder of the baseline out of the way",
            baseline.folder.display()
        )))
    })
}

/// What drifts.
struct Drift<'a> {
    gate: &'a Gate,
    /// The baselines, oldest first.
    shelf: &'a [Baseline],
    window: usize,
    after: &'a [String],
    today: jiff::civil::Date,
}

impl Drift<'_> {
    fn judge(
        &self,
        progress: &Progress,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Judgement>, CommandError> {
        let rules = &self.gate.rules.rules;
        if !rules.iter().any(check::drift::asks) {
            return Ok(Vec::new());
        }
        let mut warn = |message| warnings.push(Warning { code: WarningCode::Other, message });
        let (usable, older): (Vec<&Baseline>, Vec<&Baseline>) =
            self.shelf.iter().partition(|baseline| self.is_comparable(baseline));
        if !older.is_empty() {
            warn(format!(
                "{} of {} baselines are left out of the drift: they were saved with --keep scopes and other rules",
                older.len(),
                self.shelf.len()
            ));
        }
        let window = &usable[usable.len().saturating_sub(self.window)..];
        let missing = LEAST.saturating_sub(window.len() + 1);
        if missing > 0 {
            // Who demands drift is told with the rule.
            let is_demanded = rules.iter().any(check::drift::demands);
            let is_alone =
                rules.iter().all(|rule| check::drift::demands(rule) || !check::drift::asks(rule));
            if !is_alone && !self.shelf.is_empty() {
                let more = if missing == 1 {
                    "1 more baseline".to_owned()
                } else {
                    format!("{missing} more baselines")
                };
                warn(format!("drift is not judged yet: that takes {more}"));
            }
            if !is_demanded {
                return Ok(Vec::new());
            }
            let after = self.gate.measure(self.after, self.today, progress)?;
            let may_miss = self.gate.may_miss_baseline();
            return Ok(check::drift::too_few(rules, &after, window.len(), may_miss));
        }
        let mut row = Vec::new();
        for baseline in window {
            check_files(baseline)?;
            row.push(self.gate.measure(&baseline.runs(), self.today, progress)?);
        }
        row.push(self.gate.measure(self.after, self.today, progress)?);
        let mut judged = check::drift::judge(rules, &row);
        if judged.iter().any(|judgement| judgement.outcome == Outcome::Fail) {
            let oldest = window.first().map(|baseline| baseline.runs()).unwrap_or_default();
            self.blame(&mut judged, oldest, progress)?;
        }
        Ok(judged)
    }

    /// Whether a baseline has what the rules ask for.
    fn is_comparable(&self, baseline: &Baseline) -> bool {
        let is_whole = baseline.facts.kept == Keep::Whole;
        let kept = &baseline.facts.scopes;
        is_whole
            || (check::unkept(&self.gate.rules, kept).is_empty()
                && self.gate.spec == Spec::default())
    }

    /// Names what grew from the oldest baseline of the window on, for the rules that drift.
    fn blame(
        &self,
        judged: &mut [Judgement],
        oldest: Vec<String>,
        progress: &Progress,
    ) -> Result<(), CommandError> {
        let mut gate = self.gate.clone();
        let drifts = |rule: &Rule| {
            let is_it = |judgement: &Judgement| {
                judgement.rule == rule.name && judgement.outcome == Outcome::Fail
            };
            judged.iter().any(is_it)
        };
        gate.rules.rules.retain(drifts);
        for rule in &mut gate.rules.rules {
            // Any growth at all is looked into.
            let none = Amount { value: 0, is_size: false };
            rule.growth = Limits { most: Some(none), percent: None };
            (rule.budget, rule.drift) = (None, Limits::default());
        }
        gate.missing.matches = true;
        let profiles =
            Profiles { before: oldest, after: self.after.to_vec(), ..Profiles::default() };
        let runs = gate.read(&profiles, progress)?;
        let report = gate.judge(runs, profiles.number_before(), self.today, Vec::new())?;
        let grown = report.answer.check().map(|check| check.rules.as_slice()).unwrap_or_default();
        for judgement in judged.iter_mut().filter(|judged| judged.outcome == Outcome::Fail) {
            let same = grown
                .iter()
                .find(|grown| grown.rule == judgement.rule && grown.demand == Demand::Growth);
            judgement.offenders = same.map(|grown| grown.offenders.clone()).unwrap_or_default();
            judgement.advice = judgement.offenders.first().map(|first| {
                format!(
                    "look at {} first, which grew most since the oldest of these baselines; heapdiff baseline show \
                     has them all",
                    first.place.function
                )
            });
        }
        Ok(())
    }
}
