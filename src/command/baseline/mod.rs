//! `heapdiff baseline save|show|compare DIR`: what was kept of earlier builds, and a gate that compares with it.
//!
//! Each of the three is a file. They share which branch and which platform is meant where nobody says.

mod compare;
mod save;
mod show;

use super::{CommandError, Console, DONE};
use crate::report::{Warning, WarningCode};
use crate::source::baselines::{self, Found};
use crate::source::git;
use clap::{Args, Subcommand};
use std::path::Path;

/// The branch where nothing says which.
const NO_BRANCH: &str = "default";
/// The branch that others grow from, where nothing says which.
const USUAL_BASE: &str = "main";
/// Baselines that drift is looked for in, where nobody says.
const WINDOW: usize = 12;
/// Strangers that a warning names.
const NAMED: usize = 3;

/// Keep runs of each build, compare with the newest, and see what drifts
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  heapdiff baseline save baselines/ run-1.pb.gz run-2.pb.gz run-3.pb.gz    on main, after a merge
  heapdiff baseline compare baselines/ --max-growth 5MiB pr-*.pb.gz        on a pull request
  heapdiff baseline show baselines/                                        what is there, and what it does

docs/baselines.md tells how they are stored and when they drift."
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

/// Does what was asked, and returns the exit code.
pub(super) fn baseline(args: BaselineArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    match args.command {
        BaselineCommand::Save(args) => save::save(args, console).map(|()| DONE),
        BaselineCommand::Show(args) => show::show(args, console).map(|()| DONE),
        BaselineCommand::Compare(args) => compare::compare(*args, console),
    }
}

/// The branch of this build: what CI says, else what git has checked out.
fn branch(console: &Console<'_>) -> String {
    let of_ci = console.ci.branch.clone();
    of_ci.or_else(|| git::branch(Path::new("."))).unwrap_or_else(|| NO_BRANCH.to_owned())
}

/// This machine, in the words of Go: `linux/amd64`.
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

/// A number of baselines.
fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.ok_or_else(|| "expected a whole number from 1 to 100000".to_owned())
}

/// A window that drift may be looked for in, as in the file of rules.
fn window(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (4..=1000).contains(number));
    number.ok_or_else(|| "expected a whole number from 4 to 1000".to_owned())
}

/// A name that says something.
fn named(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        Err("is empty: leave it out, or say it".to_owned())
    } else {
        Ok(name.to_owned())
    }
}

fn answer(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Answer(Box::new(error))
}

/// What lies in a store and is none of ours.
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
            "{} holds what is no baseline, and stays as it is: {names}{more}",
            dir.display()
        ),
    })
}

/// The first of what is broken, of one branch or of all.
fn check_broken(found: &mut Found, branch: Option<&str>) -> Result<(), CommandError> {
    let folder = branch.map(baselines::escape);
    let broken =
        found.broken.iter().position(|(name, _)| folder.as_ref().is_none_or(|f| f == name));
    broken.map_or(Ok(()), |at| Err(answer(found.broken.swap_remove(at).1)))
}
