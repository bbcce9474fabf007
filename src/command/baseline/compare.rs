//! `heapdiff baseline compare DIR PROFILE...`: `heapdiff check` against the newest baseline, and a
//! check of the last ones for drift.
//!
//! A pull request has no baselines of its own. So if its branch has none, its target branch is
//! used, with a warning. A branch that is named explicitly has no such fallback.

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

/// Check runs against the newest baseline and the drift of the last ones: for CI, with an exit code
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff baseline compare [OPTIONS] DIR PROFILE...",
    after_help = "\
Examples:
  heapdiff baseline compare --max-growth 5MiB --max-growth-percent 10 baselines/ run-*.pb.gz
  heapdiff baseline compare --base-branch release-2 baselines/ run-*.pb.gz      rules in heapdiff.toml
  heapdiff baseline compare --allow-missing-baseline baselines/ run-*.pb.gz     before the first save

Exit codes:
  0  every rule passes      1  a rule fails      3  a rule is inconclusive: the error is larger than the margin
  2  the check is impossible: no baseline, an unreadable file, a rule that matches nothing, an empty profile

The rules are those of heapdiff check. A rule that limits growth or drift (`max_drift`, \
`max_drift_percent`) is also checked for drift: the rise over the last baselines and the PROFILEs, \
which may be too slow to show from one to the next. That takes at least three baselines. If the \
drift is uncertain, a rule with a drift limit is inconclusive, and one without only warns. The \
PROFILEs are read twice, so with drift they can't come from standard input.

In CI, $GITHUB_REF_NAME or $CI_COMMIT_BRANCH names the branch, and $GITHUB_BASE_REF or \
$CI_MERGE_REQUEST_TARGET_BRANCH_NAME names the target branch of a pull request."
)]
pub(in crate::command) struct CompareArgs {
    /// The folder with the baselines
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The runs to check: files, folders or globs; `-` reads standard input
    #[arg(value_name = "PROFILE", required = true)]
    inputs: Vec<String>,
    /// Compare with this branch [default: the one of CI, else of git; if it has no baselines,
    /// --base-branch]
    #[arg(long, value_name = "NAME", value_parser = named)]
    branch: Option<String>,
    /// Compare with this branch if the other has no baselines [default: the target branch of a pull
    /// request, else main; none with --branch]
    #[arg(long, value_name = "NAME", value_parser = named)]
    base_branch: Option<String>,
    /// Platform that the program ran on [default: this machine, such as linux/amd64]
    #[arg(long, value_name = "OS/ARCH", value_parser = named)]
    platform: Option<String>,
    /// Compare with a baseline of any platform
    #[arg(long, conflicts_with = "platform")]
    any_platform: bool,
    /// Look for drift in the last N baselines [default: `window` in [baseline] of the rules, else
    /// 12]
    #[arg(long, value_name = "N", value_parser = window, allow_negative_numbers = true)]
    window: Option<usize>,
    #[command(flatten)]
    gate: GateArgs,
}

/// The command, as an annotation names it.
const NAME: &str = "heapdiff baseline compare";

/// Checks the runs and returns the exit code.
pub(super) fn compare(args: CompareArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let files = args.gate.files();
    let (typed, dir) = (args.inputs.clone(), args.dir.clone());
    let judged = judge(args, console);
    if let Err(error) = &judged {
        files.give_up(NAME, error, &typed, Some(&dir), console);
    }
    judged
}

impl CompareArgs {
    /// Writes an error to every place where a report was expected.
    pub(super) fn give_up(&self, error: &CommandError, console: &mut Console<'_>) {
        self.gate.files().give_up(NAME, error, &self.inputs, Some(&self.dir), console);
    }
}

fn judge(args: CompareArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let tried = tried(&args, console);
    let CompareArgs { dir, inputs, platform: asked, any_platform, window, gate, .. } = args;
    let gate = Gate::new(gate, false, None)?;
    gate.check_page(console)?;
    let inputs::Inputs { names: after, mut warnings, .. } = inputs::find(&inputs)?;
    check_readable_twice(&gate, &after)?;
    let mut found = match baselines::read(&dir) {
        Err(BaselineError::Missing(_)) if gate.may_miss_baseline() => Found::default(),
        found => found.map_err(answer)?,
    };
    warnings.extend(strangers(&dir, &found));
    let wanted = (!any_platform).then(|| asked.unwrap_or_else(platform));
    let shelf = shelf(&dir, &mut found, &tried, wanted.as_deref(), &gate, &mut warnings)?;
    let kept = shelf.iter().flat_map(Baseline::files);
    gate.files.check(&kept.map(|file| file.to_string_lossy().into_owned()).collect::<Vec<_>>())?;
    let newest = shelf.last();
    if let Some(newest) = newest {
        check_usable(newest, &gate)?;
    }
    let progress = run::progress(console, &gate.output.reading, &gate.output.symbols)?;
    let today = today();
    let before = newest.map(Baseline::runs).unwrap_or_default();
    let profiles = Profiles { before, after, ..Profiles::default() };
    let mut runs = gate.read(&profiles, &progress)?;
    let programs = newest
        .and_then(|newest| Some((newest.facts.program.as_deref()?, last_program(&runs.series)?)));
    if let Some((before, after)) = programs.filter(|(before, after)| before != after) {
        let message = format!(
            "the baseline is of {before}, and AFTER of {after}: if these are different programs, \
             growth means nothing"
        );
        warnings.push(Warning { code: WarningCode::Other, message });
    }
    let window = window.or(gate.rules.window).unwrap_or(WINDOW);
    let drift = Drift { gate: &gate, shelf: &shelf, window, after: &profiles.after, today };
    runs.drift = drift.judge(&progress, &mut warnings)?;
    warnings.extend(run::named(&progress, &gate.output.reading, console));
    let sides = gate.sides(&runs, profiles.number_before());
    let report = gate.judge(runs, profiles.number_before(), today, warnings)?;
    gate.say(&report, sides.as_ref(), console)
}

/// Checks that AFTER can be read twice, for growth and for drift. This is an error even if there
/// are too few baselines for drift, so that a job doesn't start to fail only once there are enough.
fn check_readable_twice(gate: &Gate, after: &[String]) -> Result<(), CommandError> {
    let is_asked = gate.rules.rules.iter().any(check::drift::asks);
    if is_asked && after.iter().any(|name| name == crate::source::STDIN) {
        return Err(CommandError::Usage(
            "a drift check reads the profiles twice, and standard input (-) can be read only once: use files".to_owned(),
        ));
    }
    Ok(())
}

/// Returns the file name of the program in the last snapshot.
fn last_program(series: &Series) -> Option<&str> {
    let file = series.snapshots.last()?.main?.file;
    Some(base_name(series.symbols.text(file))).filter(|program| !program.is_empty())
}

/// Returns the branches to try; the first that has baselines is used.
fn tried(args: &CompareArgs, console: &Console<'_>) -> Vec<String> {
    let mut tried = match &args.branch {
        Some(branch) => vec![branch.clone()],
        None => vec![branch(console)],
    };
    let base = match (&args.base_branch, &args.branch) {
        (Some(base), _) => Some(base.clone()),
        // A branch that is named explicitly has no fallback.
        (None, Some(_)) => None,
        (None, None) => {
            Some(console.ci.base_branch.clone().unwrap_or_else(|| USUAL_BASE.to_owned()))
        }
    };
    tried.extend(base.filter(|base| *base != tried[0]));
    tried
}

/// Returns the baselines to compare with, oldest first: those of one platform, of the first branch
/// that has any.
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

/// Returns the message if there is no baseline to compare with, with what there is instead.
fn missing(dir: &Path, found: &Found, tried: &[String], platform: Option<&str>) -> String {
    let dir = dir.display();
    let names = tried.join(" or ");
    let of_others: Vec<&str> = found
        .baselines
        .iter()
        .filter(|baseline| tried.contains(&baseline.facts.branch))
        .map(|baseline| baseline.facts.platform.as_str())
        .collect();
    if let (Some(platform), Some(newest)) = (platform, of_others.last()) {
        return format!(
            "{dir}: there is no baseline of {names} for {platform}, the newest is for {newest}; \
             save one on {platform}, name the platform with --platform, or compare anyway with \
             --any-platform"
        );
    }
    let mut branches: Vec<&str> =
        found.baselines.iter().map(|baseline| baseline.facts.branch.as_str()).collect();
    branches.sort_unstable();
    branches.dedup();
    let there = match branches.len() {
        0 => "and no others".to_owned(),
        n => {
            let more = n.saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let some = branches.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            format!("only of {some}{more}")
        }
    };
    format!(
        "{dir}: there are no baselines of {names}, {there}; save one with heapdiff baseline save, \
         name another branch with --branch, or let growth pass without a baseline with \
         --allow-missing-baseline"
    )
}

/// Checks that a baseline has its files and everything that the rules need.
fn check_usable(baseline: &Baseline, gate: &Gate) -> Result<(), CommandError> {
    check_files(baseline)?;
    if baseline.facts.kept == Keep::Whole {
        return Ok(());
    }
    let folder = baseline.folder.display();
    let lost = check::unkept(&gate.rules, &baseline.facts.scopes);
    if let Some(first) = lost.first() {
        return Err(CommandError::Usage(format!(
            "{folder}: was saved with --keep scopes before {} ({}) was in the rules, so nothing \
             was kept for it: save a new baseline with today's rules, or use the old rules",
            first.asks, first.scope
        )));
    }
    if gate.spec != Spec::default() {
        return Err(CommandError::Usage(format!(
            "{folder}: was saved with --keep scopes, which adds up most stacks, so filters such as \
             --focus would match other samples there than in AFTER; leave them out, or save \
             baselines with --keep whole"
        )));
    }
    Ok(())
}

fn check_files(baseline: &Baseline) -> Result<(), CommandError> {
    // A link could lead anywhere; a saved run is always a file.
    let is_there = |run: &&String| {
        let metadata = std::fs::symlink_metadata(baseline.folder.join(run));
        metadata.is_ok_and(|metadata| metadata.is_file())
    };
    let lost = baseline.facts.runs.iter().find(|run| !is_there(run));
    lost.map_or(Ok(()), |run| {
        Err(CommandError::Usage(format!(
            "{}: its run {run} is missing: restore it, or move the baseline's folder elsewhere",
            baseline.folder.display()
        )))
    })
}

/// Checks rules for drift.
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
                "left {} of {} baselines out of the drift check: they were saved with --keep \
                 scopes and other rules",
                older.len(),
                self.shelf.len()
            ));
        }
        let window = &usable[usable.len().saturating_sub(self.window)..];
        let missing = LEAST.saturating_sub(window.len() + 1);
        if missing > 0 {
            // A rule with a drift limit reports this itself.
            let is_demanded = rules.iter().any(check::drift::demands);
            let is_alone =
                rules.iter().all(|rule| check::drift::demands(rule) || !check::drift::asks(rule));
            if !is_alone && !self.shelf.is_empty() {
                let more = if missing == 1 {
                    "1 more baseline".to_owned()
                } else {
                    format!("{missing} more baselines")
                };
                warn(format!("drift isn't checked yet: that takes {more}"));
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

    /// Whether a baseline has everything that the rules need.
    fn is_comparable(&self, baseline: &Baseline) -> bool {
        let is_whole = baseline.facts.kept == Keep::Whole;
        let kept = &baseline.facts.scopes;
        is_whole
            || (check::unkept(&self.gate.rules, kept).is_empty()
                && self.gate.spec == Spec::default())
    }

    /// Names the functions that grew since the oldest baseline of the window, for the rules that
    /// drift.
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
            // Allow no growth, so that every function that grew is reported.
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
                    "start with {}, which grew most since the oldest of these baselines; heapdiff \
                     baseline show lists them all",
                    first.place.function
                )
            });
        }
        Ok(())
    }
}
