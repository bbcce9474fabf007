//! `heapdiff check BEFORE AFTER`: a gate for memory. `heapdiff check --init` writes a file of rules.

use super::gate::{Gate, GateArgs, Profiles, today};
use super::inputs::{self, Inputs};
use super::request::check_stdin;
use super::{CommandError, Console, DONE, catalog, run};
use crate::report::Warning;
use crate::source::{self, STDIN};
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file that `--init` writes.
const TEMPLATE: &str = include_str!("check/heapdiff.toml");

/// Judge memory by rules: for CI, with an exit code
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff check [OPTIONS] BEFORE AFTER\n       heapdiff check [OPTIONS] --before PROFILE... --after PROFILE...\n       heapdiff check [OPTIONS] --no-leaks SNAPSHOT...\n       heapdiff check --init",
    after_help = "\
Examples:
  heapdiff check --max-growth 5MiB --max-growth-percent 10 before.pb.gz after.pb.gz
  heapdiff check before/ after/                            several runs of each, rules in heapdiff.toml
  heapdiff check --no-leaks snapshots/                     nothing leaks in snapshots through time
  heapdiff check --report junit=heap.xml --report sarif=heap.sarif before.pb.gz after.pb.gz

Exit codes:
  0  every rule passes      1  a rule fails      3  a rule is inconclusive: the error is larger than the margin
  2  it could not be judged: no baseline, an unreadable file, a rule that matches nothing, an empty profile

Where no sample type is named, memory in use is judged, also where the profile's own default is another. \
A rule fails where the lower 95 % bound of the growth is above its limit, and passes where the upper one is not. \
Of several files on a side, or of a folder or a pattern, each is a run, and the spread between runs counts as well. \
docs/ci.md shows how to use it."
)]
pub(super) struct CheckArgs {
    /// Before and after; each a profile, or a folder or a quoted pattern of several runs. With --no-leaks, or where a rule
    /// is about leaks: snapshots through time
    #[arg(value_name = "PROFILE", conflicts_with_all = ["before", "after"])]
    inputs: Vec<String>,
    /// Runs before
    #[arg(long, value_name = "PROFILE", num_args = 1.., aliases = ["base", "diff_base"], requires = "after")]
    before: Vec<String>,
    /// Runs after
    #[arg(long, value_name = "PROFILE", num_args = 1.., requires = "before")]
    after: Vec<String>,
    /// Fail where anything leaks in snapshots through time
    #[arg(long, conflicts_with_all = ["before", "after"])]
    no_leaks: bool,
    /// Write a file of rules to start from: heapdiff.toml, or what --config names
    #[arg(long, conflicts_with_all = ["inputs", "before", "after", "no_leaks"])]
    init: bool,
    #[command(flatten)]
    gate: GateArgs,
}

/// Judges, and returns the exit code.
pub(super) fn check(args: CheckArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    if args.init {
        return init(args.gate.rules.config.as_deref(), console).map(|()| DONE);
    }
    let files = args.gate.files();
    let typed = [args.inputs.as_slice(), &args.before, &args.after].concat();
    let judged = judge(args, console);
    if let Err(error) = &judged {
        files.give_up("heapdiff check", error, &typed, None, console);
    }
    judged
}

fn judge(args: CheckArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let CheckArgs { inputs, before, after, no_leaks, init: _, gate } = args;
    let gate = Gate::new(gate, no_leaks)?;
    if gate.is_about_drift_alone() {
        return Err(CommandError::Usage(
            "all rules are about drift, which two profiles do not show, so that there is nothing to check: heapdiff \
             baseline compare DIR AFTER judges them; or give a rule `max_growth` or `max`"
                .to_owned(),
        ));
    }
    let (profiles, warnings) = profiles(&inputs, before, after, no_leaks, &gate)?;
    let progress = run::progress(console, gate.output.quiet);
    let runs = gate.read(&profiles, &progress)?;
    let report = gate.judge(runs, profiles.number_before(), today(), warnings)?;
    gate.say(&report, console)
}

/// The profiles that were meant.
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
            let Inputs { names, warnings, .. } = inputs::find(inputs)?;
            check_stdin(&names)?;
            return Ok((Profiles { snapshots: names, ..Profiles::default() }, warnings));
        }
    };
    let mut warnings = Vec::new();
    let mut found = |names: &[String]| -> Result<Vec<String>, CommandError> {
        let found = inputs::find(names)?;
        // A run that broke must not go missing among those that did not.
        if let Some(aside) = found.aside {
            return Err(CommandError::Usage(format!(
                "{aside}; what stands beside the runs of a side has to be a run: take it away, or name the runs"
            )));
        }
        warnings.extend(found.warnings);
        Ok(found.names)
    };
    let after = found(&after)?;
    let before = if before.iter().all(|name| is_missing(name)) {
        if !gate.may_miss_baseline() {
            return Err(CommandError::Usage(format!(
                "{}: there is no baseline to compare with; check the path, or let growth pass where there is \
                 none with --allow-missing-baseline",
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

/// What to say where not two profiles are given, and no snapshots through time are meant.
fn many(inputs: &[String]) -> Result<String, CommandError> {
    let named = match inputs {
        [one] => format!("one profile, folder or pattern is given ({one}), and a check compares"),
        all => format!("{} profiles are given, and a check compares two sides", all.len()),
    };
    let files = inputs::find(inputs)?.names;
    let alone = match files.as_slice() {
        [one] => format!(
            "; to judge one alone by its `max`, say that there is no baseline: --before none --allow-missing-baseline \
             --after {one}"
        ),
        _ => String::new(),
    };
    Ok(format!(
        "{named}: heapdiff check BEFORE AFTER, where each may be a folder or a quoted pattern ('before-*.pb.gz') of \
         several runs; --before A B... --after C D...; or --no-leaks SNAPSHOT... for snapshots through time{alone}"
    ))
}

/// Whether a name stands for nothing: no file, an empty folder, a pattern that matches nothing.
fn is_missing(name: &str) -> bool {
    let path = Path::new(name);
    // Reading says of an address what to do with it.
    if name == STDIN || path.is_file() || name.contains("://") {
        return false;
    }
    match path.metadata() {
        Ok(metadata) => {
            metadata.is_dir() && path.read_dir().is_ok_and(|mut files| files.next().is_none())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let expanded = source::expand::expand(&[name.to_owned()]);
            // A name without a pattern stays as it is.
            expanded.map_or(true, |expanded| expanded.inputs.iter().all(|found| found.name == name))
        }
        Err(_) => false,
    }
}

/// Writes a file of rules where there is none.
fn init(config: Option<&Path>, console: &mut Console<'_>) -> Result<(), CommandError> {
    let path = config.map_or_else(|| PathBuf::from(catalog::USUAL), Path::to_owned);
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => {
            let said = writeln!(
                console.stdout,
                "{} is written; heapdiff check BEFORE AFTER judges by it",
                path.display()
            );
            said.map_err(CommandError::Stdout)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CommandError::Usage(format!(
                "{} is there already, and stays as it is; another name goes with --config FILE",
                path.display()
            )))
        }
        Err(source) => Err(CommandError::Output { path, source }),
    }
}
