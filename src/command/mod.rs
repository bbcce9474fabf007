//! The subcommands, one file each. `args.rs` and `options.rs` define the command line, `request.rs`
//! turns it into a [`crate::report::Query`], and `run.rs` runs that.
//!
//! Exit codes are defined here: 0 on success, 2 on bad usage, bad input or any other error; `gate`
//! has those of a check that fails or is inconclusive. A closed pipe isn't an error: a reader may
//! stop early.

#[cfg(feature = "http")]
mod access;
mod advised;
mod args;
mod baseline;
#[cfg(feature = "http")]
mod capture;
mod catalog;
mod check;
mod completions;
mod console;
mod convert;
mod destination;
mod diff;
mod doctor;
mod empty;
mod facts;
mod flame;
mod gate;
mod gauge_logs;
mod gc;
mod goroutines;
mod graph;
mod graphviz;
mod incident;
mod inputs;
mod known;
mod leaks;
mod limit;
mod list;
mod load;
mod local;
mod man;
mod manifests;
mod memory;
mod merge;
mod options;
mod page;
mod page_process;
mod patterns;
mod peek;
mod process;
mod progress;
#[cfg(feature = "http")]
mod recorder;
mod refs;
mod request;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod sources;
mod spelling;
mod symbols;
mod tags;
mod timeline;
mod times;
mod top;
mod traces;
mod typed;
mod values;
#[cfg(feature = "watch")]
mod watch;
mod whole;

pub use console::{Ci, Console, Github};

use crate::output::{escape, plain_line};
use crate::report::Warning;
use args::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use request::Request;
use std::ffi::OsString;
use std::io;
#[cfg(feature = "http")]
use std::path::Path;
use std::path::PathBuf;

/// Success.
const DONE: u8 = 0;
/// Something that doctor requires isn't there.
const GAPS: u8 = 1;
/// Bad usage, bad input, or any other error.
const FAILED: u8 = 2;
/// The help that is shown without arguments.
const BRIEF: &str = "\
{about}

{usage-heading} {usage}

Commands:
{subcommands}{after-help}

heapdiff -h lists the options.
";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line doesn't parse; also `--help` and `--version`.
    #[error("{0}")]
    Parse(#[from] clap::Error),
    /// The command line parses, but its options don't make sense.
    #[error("{0}")]
    Usage(String),
    /// The inputs couldn't be read, or the question couldn't be answered.
    #[error("{0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    /// The output file couldn't be written.
    #[error("can't write {}: {source}", escape(&path.to_string_lossy()))]
    Output {
        /// The file as given.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Standard output couldn't be written.
    #[error("can't write to standard output: {0}")]
    Stdout(io::Error),
}

/// Runs the command of `args` (the first is the program's name) and returns the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.len() < 2 {
        let help = Cli::command().help_template(BRIEF).render_help();
        complain(&help.to_string(), console);
        return FAILED;
    }
    let result = parse(args, console)
        .and_then(|(cli, typed)| dispatch(cli, typed, console))
        .and_then(|code| {
            match console.stdout.flush() {
                // A reader that closes the pipe early doesn't change the result of a check.
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
    // After a closed pipe, there is nothing more to write.
    let message = match error {
        CommandError::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe => return DONE,
        CommandError::Parse(error) if !error.use_stderr() => {
            let help = error.render();
            let help = if console.color { help.ansi().to_string() } else { help.to_string() };
            let written =
                console.stdout.write_all(help.as_bytes()).and_then(|()| console.stdout.flush());
            match written {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    format!("heapdiff: {}\n", CommandError::Stdout(error))
                }
                _ => return DONE,
            }
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

/// Writes lines to standard error and escapes control characters, since messages contain the names
/// and contents of files.
fn complain(message: &str, console: &mut Console<'_>) {
    for line in message.trim_end().lines() {
        // If even this fails, there is nowhere left to report it.
        let _ = writeln!(console.stderr, "{}", plain_line(&escape(line)));
    }
    let _ = console.stderr.flush();
}

/// Parses the arguments, in pprof's spellings or in heapdiff's own. Returns the command line as well, if
/// it can be shown.
fn parse(
    args: Vec<OsString>,
    console: &mut Console<'_>,
) -> Result<(Cli, Option<String>), CommandError> {
    let mut command = Cli::command();
    let args = spelling::normalize(args, &command);
    let matches = command.try_get_matches_from_mut(args)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let Some(message) = empty::value(&command, &matches) else {
        return Ok((cli, typed::command_line(&command, &matches)));
    };
    let error = CommandError::Usage(message);
    // Reports of an earlier run must not survive a gate that doesn't run.
    match &cli.command {
        Some(Command::Check(args)) => args.give_up(&error, console),
        Some(Command::Baseline(args)) => args.give_up(&error, console),
        _ => {}
    }
    Err(error)
}

/// Reads the question of a command line: the name of a command, and its arguments.
#[cfg(feature = "serve")]
fn parsed(words: &[String]) -> Result<Request, CommandError> {
    let words = std::iter::once("heapdiff").chain(words.iter().map(String::as_str));
    let cli = Cli::from_arg_matches(&Cli::command().try_get_matches_from(words)?)?;
    let no_question = || CommandError::Usage("this command answers no question".to_owned());
    cli.command.and_then(|command| command.request().ok()).ok_or_else(no_question)?
}

/// Whether a command has this option.
#[cfg(feature = "serve")]
fn accepts(command: &str, option: &str) -> bool {
    let cli = Cli::command();
    let command = cli.find_subcommand(command);
    command.is_some_and(|one| one.get_arguments().any(|arg| arg.get_long() == Some(option)))
}

fn dispatch(
    mut cli: Cli,
    typed: Option<String>,
    console: &mut Console<'_>,
) -> Result<u8, CommandError> {
    let mut warnings = Vec::new();
    let mut beside = inputs::Beside::default();
    let of_goroutines = matches!(cli.command, Some(Command::Goroutines(_)));
    if let Some(inputs) = cli.inputs() {
        let found =
            if of_goroutines { inputs::find_goroutines(inputs) } else { inputs::find(inputs) }?;
        (*inputs, warnings, beside) = (found.names, found.warnings, found.beside);
    }
    answer((cli, typed), &warnings, beside, console).map_err(|error| match error {
        // There may be too few or too many inputs because some were skipped.
        CommandError::Usage(message) => {
            let messages = warnings.into_iter().map(|warning| warning.message);
            CommandError::Usage(
                std::iter::once(message).chain(messages).collect::<Vec<_>>().join("\n"),
            )
        }
        error => error,
    })
}

/// Runs a command and returns the exit code; `warnings` are about its inputs, and `beside` is what was
/// found next to them.
fn answer(
    (cli, typed): (Cli, Option<String>),
    warnings: &[Warning],
    beside: inputs::Beside,
    console: &mut Console<'_>,
) -> Result<u8, CommandError> {
    let request = match cli.command.map(Command::request) {
        None => args::bare_request(cli.bare),
        Some(Ok(request)) => request,
        Some(Err(command)) => return run_command(*command, typed, warnings, console),
    };
    let request = Request { typed, ..request? };
    run::run(request, warnings, beside, console).map(|()| DONE)
}

/// Records services, and answers about each what a command line with its profiles alone would.
#[cfg(feature = "http")]
fn capture_and_judge(
    args: &capture::CaptureArgs,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let recorded = capture::capture(args, console)?;
    let is_one = recorded.len() == 1;
    for capture::Recorded { service, inputs, beside } in recorded {
        if inputs.is_empty() {
            continue;
        }
        if !is_one {
            writeln!(console.stdout, "== {}\n", escape(&service)).map_err(CommandError::Stdout)?;
        }
        let request = args::profiles_request(inputs, args.reading().clone())?;
        let beside = inputs::Beside { names: beside, warnings: Vec::new() };
        run::run(request, &[], beside, console)?;
        if !is_one {
            writeln!(console.stdout).map_err(CommandError::Stdout)?;
        }
    }
    Ok(())
}

/// Writes the card of an incident. If that is about a service, records it first.
#[cfg_attr(not(feature = "http"), expect(unused_mut, reason = "a recording replaces the input"))]
fn incident_card(
    mut args: incident::IncidentArgs,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    args.check_page(console)?;
    #[cfg(feature = "http")]
    if let Some(words) = args.recording()? {
        let recording = capture::CaptureArgs::part(&words, args.reading())?;
        let recorded = capture::capture(&recording, console)?;
        let first = recorded.iter().flat_map(|one| &one.inputs).next();
        let first = first.ok_or_else(|| CommandError::Answer(capture::NOTHING.into()))?;
        args.recorded(Path::new(first).parent().unwrap_or(Path::new(".")));
    }
    incident::answer(args, console)
}

/// Runs a command that asks no question.
fn run_command(
    command: Command,
    typed: Option<String>,
    warnings: &[Warning],
    console: &mut Console<'_>,
) -> Result<u8, CommandError> {
    let done = match command {
        Command::Check(args) => return check::check(args, typed, console),
        Command::Baseline(args) => return baseline::baseline(args, console),
        Command::Doctor(args) => return doctor::answer(*args, console),
        Command::Convert(args) => convert::write(args, warnings, console),
        Command::Merge(args) => merge::write(&args, warnings, console),
        Command::Gc(args) => gc::answer(args, typed, console),
        #[cfg(feature = "http")]
        Command::Capture(args) => capture_and_judge(&args, console),
        #[cfg(feature = "watch")]
        Command::Watch(args) => watch::watch(&args, console),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::serve(*args, console),
        Command::Memory(args) => memory::answer(args, typed, console),
        Command::Incident(args) => incident_card(*args, console),
        Command::Patterns(args) => patterns::answer(args, warnings, console),
        Command::Completions(args) => {
            completions::write(&args, Cli::command(), console.stdout).map_err(CommandError::Stdout)
        }
        _ => man::write(console.stdout).map_err(CommandError::Stdout),
    };
    done.map(|()| DONE)
}
