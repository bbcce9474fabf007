//! `heapdiff baseline save|show|compare DIR`: keeps runs of earlier builds, and a gate that
//! compares with them.
//!
//! Each of the three has its own file. This one has what they share, such as the default branch and
//! platform.

mod compare;
mod save;
mod show;

use super::{CommandError, Console, DONE};
use crate::report::{Warning, WarningCode};
use crate::source::baselines::{self, Found};
use crate::source::git;
use clap::{Args, Subcommand};
use std::path::Path;

/// The branch if neither CI nor git names one.
const NO_BRANCH: &str = "default";
/// The default base branch.
const USUAL_BASE: &str = "main";
/// Default number of baselines in which to look for drift.
const WINDOW: usize = 12;
/// Most unknown files that a warning names.
const NAMED: usize = 3;

/// Keep runs of each build, compare with the newest, and find drift
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  heapdiff baseline save baselines/ run-1.pb.gz run-2.pb.gz run-3.pb.gz    on main, after a merge
  heapdiff baseline compare baselines/ --max-growth 5MiB pr-*.pb.gz        on a pull request
  heapdiff baseline show baselines/                                        list baselines and their drift

docs/baselines.md describes how they are stored and when they drift."
)]
pub(super) struct BaselineArgs {
    #[command(subcommand)]
    command: BaselineCommand,
}

#[derive(Debug, Subcommand)]
enum BaselineCommand {
    Save(save::SaveArgs),
    Show(show::ShowArgs),
    Compare(Box<compare::CompareArgs>),
}

impl BaselineArgs {
    /// Writes an error to every place where a report was expected.
    pub(super) fn give_up(&self, error: &CommandError, console: &mut Console<'_>) {
        if let BaselineCommand::Compare(args) = &self.command {
            args.give_up(error, console);
        }
    }
}

/// Runs the subcommand and returns the exit code.
pub(super) fn baseline(args: BaselineArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    match args.command {
        BaselineCommand::Save(args) => save::save(args, console).map(|()| DONE),
        BaselineCommand::Show(args) => show::show(args, console).map(|()| DONE),
        BaselineCommand::Compare(args) => compare::compare(*args, console),
    }
}

/// Returns the branch of this build: the one CI reports, else the one git has checked out.
fn branch(console: &Console<'_>) -> String {
    let of_ci = console.ci.branch.clone();
    of_ci.or_else(|| git::branch(Path::new("."))).unwrap_or_else(|| NO_BRANCH.to_owned())
}

/// Returns the platform of this machine in Go's terms: `linux/amd64`.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}/{processor}")
}

/// Parses a number of baselines.
fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.ok_or_else(|| "expected a whole number from 1 to 100000".to_owned())
}

/// Parses the window for drift, with the same range as in the rules file.
fn window(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (4..=1000).contains(number));
    number.ok_or_else(|| "expected a whole number from 4 to 1000".to_owned())
}

/// Parses a name that isn't empty.
fn named(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        Err("is empty: leave it out, or give a name".to_owned())
    } else {
        Ok(name.to_owned())
    }
}

fn answer(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Answer(Box::new(error))
}

/// Returns a warning about files that don't belong to the baselines.
fn strangers(dir: &Path, found: &Found) -> Option<Warning> {
    let all = &found.strangers;
    let names = all.iter().take(NAMED).map(|path| path.display().to_string());
    let names = names.collect::<Vec<_>>().join(", ");
    let more = match all.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!all.is_empty()).then(|| Warning {
        code: WarningCode::SetAside,
        message: format!(
            "skipped entries in {} that aren't baselines: {names}{more}",
            dir.display()
        ),
    })
}

/// Fails with the first broken baseline, of one branch or of all.
fn check_broken(found: &mut Found, branch: Option<&str>) -> Result<(), CommandError> {
    let folder = branch.map(baselines::escape);
    let broken =
        found.broken.iter().position(|(name, _)| folder.as_ref().is_none_or(|f| f == name));
    broken.map_or(Ok(()), |at| Err(answer(found.broken.swap_remove(at).1)))
}
