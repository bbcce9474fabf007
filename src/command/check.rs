//! `heapdiff check BEFORE AFTER`: a memory gate for CI. `heapdiff check --init` writes a rules
//! file.

use super::gate::{Gate, GateArgs, Profiles, today};
use super::inputs::{self, Beside, Inputs};
use super::request::check_stdin;
use super::{CommandError, Console, DONE, catalog, run};
use crate::report::Warning;
use crate::rules::LeastConfidence;
use crate::source::{self, STDIN};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The command, as an annotation names it.
const NAME: &str = "heapdiff check";
/// The file that `--init` writes.
const TEMPLATE: &str = include_str!("check/heapdiff.toml");

/// Check memory against rules: for CI, with an exit code
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff check [OPTIONS] BEFORE AFTER\n       heapdiff check [OPTIONS] --before PROFILE... --after PROFILE...\n       heapdiff check [OPTIONS] --no-leaks SNAPSHOT...\n       heapdiff check --init",
    after_help = "\
Examples:
  heapdiff check --max-growth 5MiB --max-growth-percent 10 before.pb.gz after.pb.gz
  heapdiff check before/ after/                            several runs per side, rules in heapdiff.toml
  heapdiff check --no-leaks snapshots/                     fail if snapshots over time show a leak
  heapdiff check --report junit=heap.xml --report sarif=heap.sarif before.pb.gz after.pb.gz

Exit codes:
  0  every rule passes      1  a rule fails      3  a rule is inconclusive: the error is larger than the margin
  2  the check is impossible: no baseline, an unreadable file, a rule that matches nothing, an empty profile

If you don't name a sample type, memory in use is checked, even if the profile's own default is \
another. A rule fails if the lower 95 % bound of the growth is above its limit, and passes if the \
upper bound isn't. If a side has several files, or is a folder or a glob, each file is a run, and \
the spread between runs adds to the error. See docs/ci.md for how to use it."
)]
pub(super) struct CheckArgs {
    /// Before and after; each a profile, or a folder or quoted glob with several runs. With
    /// --no-leaks or a rule about leaks: snapshots over time
    #[arg(value_name = "PROFILE", conflicts_with_all = ["before", "after"])]
    inputs: Vec<String>,
    /// Runs before
    #[arg(long, value_name = "PROFILE", num_args = 1.., aliases = ["base", "diff_base"], requires = "after")]
    before: Vec<String>,
    /// Runs after
    #[arg(long, value_name = "PROFILE", num_args = 1.., requires = "before")]
    after: Vec<String>,
    /// Fail if something leaks in snapshots over time, with high confidence or --min-confidence
    #[arg(long, conflicts_with_all = ["before", "after"])]
    no_leaks: bool,
    /// Fail on leaks of at least this confidence [default: high, or what the rule says]
    #[arg(long, value_name = "CONFIDENCE", conflicts_with_all = ["before", "after"],
          value_parser = confidence())]
    min_confidence: Option<LeastConfidence>,
    /// Write a rules file to start from: heapdiff.toml, or the file that --config names
    #[arg(long, conflicts_with_all = ["inputs", "before", "after", "no_leaks"])]
    init: bool,
    #[command(flatten)]
    gate: GateArgs,
}

/// Reads a confidence.
fn confidence() -> impl TypedValueParser<Value = LeastConfidence> {
    PossibleValuesParser::new(["high", "med", "low"]).map(|word| match word.as_str() {
        "low" => LeastConfidence::Low,
        "med" => LeastConfidence::Med,
        _ => LeastConfidence::High,
    })
}

/// Checks the profiles and returns the exit code.
pub(super) fn check(
    args: CheckArgs,
    command_line: Option<String>,
    console: &mut Console<'_>,
) -> Result<u8, CommandError> {
    if args.init {
        return init(args.gate.rules.config.as_deref(), console).map(|()| DONE);
    }
    let files = args.gate.files();
    let typed = args.typed();
    let judged = judge(args, command_line, console);
    if let Err(error) = &judged {
        files.give_up(NAME, error, &typed, None, console);
    }
    judged
}

impl CheckArgs {
    /// The profiles as they were named.
    fn typed(&self) -> Vec<String> {
        [self.inputs.as_slice(), &self.before, &self.after].concat()
    }

    /// Writes an error to every place where a report was expected.
    pub(super) fn give_up(&self, error: &CommandError, console: &mut Console<'_>) {
        self.gate.files().give_up(NAME, error, &self.typed(), None, console);
    }
}

fn judge(
    args: CheckArgs,
    command_line: Option<String>,
    console: &mut Console<'_>,
) -> Result<u8, CommandError> {
    let CheckArgs { inputs, before, after, no_leaks, min_confidence, init: _, gate } = args;
    let mut gate = Gate::new(gate, no_leaks, command_line)?;
    gate.check_page(console)?;
    if let Some(confidence) = min_confidence {
        if !gate.asks_for_leaks() {
            return Err(CommandError::Usage(
                "--min-confidence is about leaks: use it with --no-leaks".to_owned(),
            ));
        }
        gate.rules.rules.iter_mut().for_each(|rule| rule.min_confidence = confidence);
    }
    if gate.is_about_drift_alone() {
        return Err(CommandError::Usage(
            "all rules are about drift, which two profiles can't show; use heapdiff baseline \
             compare DIR AFTER, or give a rule `max_growth` or `max`"
                .to_owned(),
        ));
    }
    let (profiles, warnings) = profiles(&inputs, before, after, no_leaks, &gate)?;
    let progress = run::progress(console, &gate.output.reading, &gate.output.symbols)?;
    let runs = gate.read(&profiles, &progress)?;
    let named = run::named(&progress, &gate.output.reading, console);
    let warnings = [warnings, named].concat();
    let before = profiles.number_before();
    let sides = gate.sides(&runs, before);
    let report = gate.judge(runs, before, today(), run::heard(warnings, &gate.output))?;
    gate.say(&report, sides.as_ref(), console)
}

/// Returns the profiles to check.
fn profiles(
    inputs: &[String],
    before: Vec<String>,
    after: Vec<String>,
    no_leaks: bool,
    gate: &Gate,
) -> Result<(Profiles, Vec<Warning>), CommandError> {
    let (before, after) = match inputs {
        [] if after.is_empty() => {
            return Err(CommandError::Usage(
                "no profile given: heapdiff check BEFORE AFTER compares two".to_owned(),
            ));
        }
        [] => (before, after),
        [one, other] if !no_leaks => (vec![one.clone()], vec![other.clone()]),
        _ => {
            if !no_leaks && !gate.asks_for_leaks() {
                return Err(CommandError::Usage(many(inputs)?));
            }
            let Inputs { names, warnings, beside, .. } = inputs::find(inputs)?;
            check_stdin(&names)?;
            let (beside, warnings) = match beside {
                Beside { names, warnings } if gate.asks_for_leaks() => (names, warnings),
                _ => (Vec::new(), warnings),
            };
            return Ok((Profiles { snapshots: names, beside, ..Profiles::default() }, warnings));
        }
    };
    let mut warnings = Vec::new();
    let mut found = |names: &[String]| -> Result<Vec<String>, CommandError> {
        let found = inputs::find(names)?;
        // Don't skip a broken run: the side would silently have one run fewer.
        if let Some(aside) = found.aside {
            return Err(CommandError::Usage(format!(
                "{aside}; all files on a side have to be runs: move it elsewhere, or name the runs"
            )));
        }
        warnings.extend(found.warnings);
        Ok(found.names)
    };
    let after = found(&after)?;
    let before = if before.iter().all(|name| is_missing(name)) {
        if !gate.may_miss_baseline() {
            return Err(CommandError::Usage(format!(
                "{}: there is no baseline to compare with; check the path, or let growth pass \
                 without a baseline with --allow-missing-baseline",
                before.join(", ")
            )));
        }
        Vec::new()
    } else {
        found(&before)?
    };
    check_stdin(&[before.as_slice(), after.as_slice()].concat())?;
    Ok((Profiles { before, after, ..Profiles::default() }, warnings))
}

/// Returns the message if neither two profiles nor snapshots over time are given.
fn many(inputs: &[String]) -> Result<String, CommandError> {
    let named = match inputs {
        [one] => format!("check compares two sides, and only {one} is given"),
        all => format!("check compares two sides, and {} profiles are given", all.len()),
    };
    let files = inputs::find(inputs)?.names;
    let alone = match files.as_slice() {
        [one] => format!(
            "; to check one profile against `max` alone, use --before none \
             --allow-missing-baseline --after {one}"
        ),
        _ => String::new(),
    };
    Ok(format!(
        "{named}: use heapdiff check BEFORE AFTER, where each may be a folder or a quoted glob \
         ('before-*.pb.gz') with several runs; --before A B... --after C D...; or --no-leaks \
         SNAPSHOT... for snapshots over time{alone}"
    ))
}

/// Whether a name leads to no input: no such file, an empty folder, a glob that matches nothing.
fn is_missing(name: &str) -> bool {
    let path = Path::new(name);
    // An address gets a better error when it is read.
    if name == STDIN || path.is_file() || name.contains("://") {
        return false;
    }
    match path.metadata() {
        Ok(metadata) => {
            metadata.is_dir() && path.read_dir().is_ok_and(|mut files| files.next().is_none())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let expanded = source::expand::expand(&[name.to_owned()]);
            // Expanding leaves a name that is no glob as it is.
            expanded.map_or(true, |expanded| expanded.inputs.iter().all(|found| found.name == name))
        }
        Err(_) => false,
    }
}

/// Writes a rules file unless one exists.
fn init(config: Option<&Path>, console: &mut Console<'_>) -> Result<(), CommandError> {
    let path = config.map_or_else(|| PathBuf::from(catalog::USUAL), Path::to_owned);
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => {
            let said = writeln!(
                console.stdout,
                "wrote {}; heapdiff check BEFORE AFTER uses its rules",
                crate::output::escape(&path.to_string_lossy())
            );
            said.map_err(CommandError::Stdout)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CommandError::Usage(format!(
                "{} exists and was not changed; use another name with --config FILE",
                path.display()
            )))
        }
        Err(source) => Err(CommandError::Output { path, source }),
    }
}
