//! Subcommands: one file each. `args.rs` and `options.rs` hold what may be typed, `request.rs` makes a
//! [`crate::report::Query`] of it, and `run.rs` has it answered.
//!
//! Exit codes live here: 0 where the question was answered, 2 for bad usage, bad input and whatever
//! could not be done; `gate.rs` has those of a check that failed or is open. A closed pipe is no error: who reads decides how much.

mod args;
mod baseline;
mod catalog;
mod check;
mod completions;
mod console;
mod convert;
mod diff;
mod flame;
mod gate;
mod graph;
mod graphviz;
mod inputs;
mod leaks;
mod list;
mod load;
mod man;
mod merge;
mod options;
mod patterns;
mod peek;
mod progress;
mod refs;
mod request;
mod run;
mod sources;
mod spelling;
mod tags;
mod timeline;
mod top;
mod traces;

pub use console::{Ci, Console, Github};

use crate::output::escape;
use crate::report::Warning;
use args::Cli;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// The question was answered.
const DONE: u8 = 0;
/// Bad usage, bad input, or something that could not be done.
const FAILED: u8 = 2;
/// What is shown where nothing was asked.
const BRIEF: &str = "\
{about}

{usage-heading} {usage}

Commands:
{subcommands}{after-help}

heapdiff -h lists the options.
";

/// What kept a command from its end.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line does not parse; also `--help` and `--version`.
    #[error("{0}")]
    Parse(#[from] clap::Error),
    /// The command line parses and makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The inputs could not be read, or the question could not be answered.
    #[error("{0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    /// The output file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Output {
        /// The file as given.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Standard output could not be written.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
}

/// Runs the command `args` ask for (the first is the program's name) and returns the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.len() < 2 {
        let help = Cli::command().help_template(BRIEF).render_help();
        complain(&help.to_string(), console);
        return FAILED;
    }
    let result = parse(args)
        .map_err(CommandError::from)
        .and_then(|cli| dispatch(cli, console))
        .and_then(|code| {
            match console.stdout.flush() {
                // Whoever stops to read does not change what a check found.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(CommandError::Stdout(error))
                }
                _ => Ok(code),
            }
        });
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    // What was written before the error, and nothing more where nobody reads it.
    let message = match error {
        CommandError::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe => return DONE,
        CommandError::Parse(error) if !error.use_stderr() => {
            let help = error.render();
            let help = if console.color { help.ansi().to_string() } else { help.to_string() };
            let written =
                console.stdout.write_all(help.as_bytes()).and_then(|()| console.stdout.flush());
            return match written {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => FAILED,
                _ => DONE,
            };
        }
        CommandError::Parse(error) => {
            let text = spelling::command_for(&error)
                .map_or_else(|| error.render().to_string(), |command| format!("error: {command}"));
            text.strip_prefix("error: ").map_or(text.clone(), |text| format!("heapdiff: {text}"))
        }
        error => format!("heapdiff: {error}\n"),
    };
    complain(&message, console);
    FAILED
}

/// Writes lines to standard error, what could steer a terminal spelled out: messages name files and
/// what stands in them.
fn complain(message: &str, console: &mut Console<'_>) {
    for line in message.trim_end().lines() {
        // What a profile or a file is called must not be read as a command by who runs the job.
        let is_command = ["::", "##["].iter().any(|mark| line.trim_start().starts_with(mark));
        let lead = if is_command { "heapdiff: " } else { "" };
        // Nobody is left to tell where even this fails.
        let _ = writeln!(console.stderr, "{lead}{}", escape(line));
    }
    let _ = console.stderr.flush();
}

/// What was typed, in pprof's spellings or in ours.
fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(spelling::normalize(args, &Cli::command()))
}

fn dispatch(mut cli: Cli, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let mut warnings = Vec::new();
    if let Some(inputs) = cli.inputs() {
        let found = inputs::find(inputs)?;
        (*inputs, warnings) = (found.names, found.warnings);
    }
    answer(cli, &warnings, console).map_err(|error| match error {
        // Too few or too many, perhaps since some are set aside.
        CommandError::Usage(message) => {
            let messages = warnings.into_iter().map(|warning| warning.message);
            CommandError::Usage(
                std::iter::once(message).chain(messages).collect::<Vec<_>>().join("\n"),
            )
        }
        error => error,
    })
}

/// Does what a command is for, and returns the exit code; `warnings` are about its inputs.
fn answer(cli: Cli, warnings: &[Warning], console: &mut Console<'_>) -> Result<u8, CommandError> {
    let mut answer = |request| run::run(request, warnings, console);
    let answered = match cli.command {
        Some(args::Command::Check(args)) => return check::check(args, console),
        Some(args::Command::Baseline(args)) => return baseline::baseline(args, console),
        Some(args::Command::Diff(args)) => answer(diff::request(args)?),
        Some(args::Command::Top(args)) => answer(top::request(args)?),
        Some(args::Command::Refs(args)) => answer(refs::request(args)?),
        Some(args::Command::Convert(args)) => convert::write(args, warnings, console),
        Some(args::Command::Merge(args)) => merge::write(&args, warnings, console),
        Some(args::Command::Graph(args)) => answer(graph::request(args)?),
        Some(args::Command::Peek(args)) => answer(peek::peek_request(args)?),
        Some(args::Command::Tree(args)) => answer(peek::tree_request(args)?),
        Some(args::Command::List(args)) => answer(list::request(args)?),
        Some(args::Command::Traces(args)) => answer(traces::request(args)?),
        Some(args::Command::Tags(args)) => answer(tags::request(args)?),
        Some(args::Command::Flame(args)) => answer(flame::request(args)?),
        Some(args::Command::Timeline(args)) => answer(timeline::request(args)?),
        Some(args::Command::Leaks(args)) => answer(leaks::request(args)?),
        Some(args::Command::Patterns(args)) => patterns::answer(args, warnings, console),
        Some(args::Command::Completions(args)) => {
            completions::write(&args, Cli::command(), console.stdout).map_err(CommandError::Stdout)
        }
        Some(args::Command::Man) => man::write(console.stdout).map_err(CommandError::Stdout),
        None => answer(args::bare_request(cli.bare)?),
    };
    answered.map(|()| DONE)
}
