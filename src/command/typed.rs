//! The command line as it was typed, without what names the output and without secrets: what a page
//! shows as the command that makes it again.

use crate::output::shell;
use crate::printable::escape;
use crate::source;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Options about the output, by their ids.
const OUTPUT: [&str; 10] = [
    "output",
    "force",
    "format",
    "top",
    "csv_safe",
    "color",
    "width",
    "quiet",
    "report",
    "no_source",
];

/// The command line; `None` if a word has characters that don't print.
pub(super) fn command_line(command: &Command, matches: &ArgMatches) -> Option<String> {
    let (name, command, matches) = match matches.subcommand() {
        Some((name, matches)) => (Some(name), command.find_subcommand(name)?, matches),
        None => (None, command, matches),
    };
    let access = about_access();
    let is_shown = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        !OUTPUT.contains(&id)
            && !access.contains(id)
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(is_shown).partition(|arg| arg.is_positional());
    let mut words: Vec<String> =
        std::iter::once("heapdiff").chain(name).map(str::to_owned).collect();
    for arg in options {
        let Some(long) = arg.get_long() else { continue };
        let values = values(matches, arg);
        let takes_many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        if !arg.get_action().takes_values() {
            words.push(format!("--{long}"));
        } else if takes_many {
            words.push(format!("--{long}"));
            words.extend(values.iter().map(|value| shell::file(value).into_owned()));
        } else {
            let option = |value: &String| shell::quote(&format!("--{long}={value}")).into_owned();
            words.extend(values.iter().map(option));
        }
    }
    for arg in positional {
        let shown = |value: &String| shell::file(&source::shown(value)).into_owned();
        words.extend(values(matches, arg).iter().map(shown));
    }
    let line = words.join(" ");
    matches!(escape(&line), Cow::Borrowed(_)).then_some(line)
}

/// The values of an argument that were typed.
fn values(matches: &ArgMatches, arg: &Arg) -> Vec<String> {
    let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    raw.map(|value| value.to_string_lossy().into_owned()).collect()
}

/// The ids of the options about how services are asked.
#[cfg(feature = "http")]
fn about_access() -> BTreeSet<String> {
    use clap::Args;
    let access = super::access::AccessArgs::augment_args(Command::new("access"));
    access.get_arguments().map(|arg| arg.get_id().to_string()).collect()
}

#[cfg(not(feature = "http"))]
fn about_access() -> BTreeSet<String> {
    BTreeSet::new()
}
