//! Refuses empty values: `--sample-index=` is what a script writes if its variable isn't set.
//!
//! An empty value looks like a missing one, and a missing one has a default: another sample type,
//! every stack, no baseline. A check would then judge something else than its author meant. So the
//! empty value of any option and of any input of any command is an error; this file knows none of
//! them by name.

use clap::{Arg, ArgMatches, Command, parser::ValueSource};
use std::ffi::OsStr;

/// The message about the first empty value among the arguments of a command and its subcommands;
/// `None` if there is none. `command` is built.
pub(super) fn value(command: &Command, matches: &ArgMatches) -> Option<String> {
    let own = command.get_arguments().find(|arg| is_empty(arg, matches)).map(message);
    own.or_else(|| {
        let (name, matches) = matches.subcommand()?;
        value(command.find_subcommand(name)?, matches)
    })
}

/// Whether one of the values that were typed for an argument is empty.
fn is_empty(arg: &Arg, matches: &ArgMatches) -> bool {
    let id = arg.get_id().as_str();
    let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
    let values = matches.try_get_raw(id).ok().flatten();
    arg.get_action().takes_values()
        && is_typed
        && values.is_some_and(|mut values| values.any(OsStr::is_empty))
}

fn message(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).map_or("value", |name| name);
    match arg.get_long() {
        Some(name) if value == "REGEX" || value == "TAG" => format!(
            "--{name} is empty, and an empty expression matches everything: give a {value}, or leave \
             the option out"
        ),
        Some(name) => {
            format!(
                "--{name} is empty: give a {value}, or leave the option out (an unset variable?)"
            )
        }
        None => {
            format!("an argument {value} is empty: give one, or leave it out (an unset variable?)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Cli;
    use super::super::spelling;
    use super::value;
    use clap::{Command, CommandFactory};
    use std::ffi::OsString;

    /// The message about a command line, if it parses up to empty values.
    fn said(line: &[&str]) -> Option<String> {
        let args = std::iter::once("heapdiff").chain(line.iter().copied()).map(OsString::from);
        let args = spelling::normalize(args.collect(), &Cli::command());
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(args).ok()?;
        value(&command, &matches)
    }

    /// All options with values of a command and its subcommands, each with the way to it.
    fn options(command: &Command, way: &[String], found: &mut Vec<(Vec<String>, String)>) {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            found.extend(arg.get_long().map(|name| (way.to_vec(), name.to_owned())));
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            options(sub, &[way, &[sub.get_name().to_owned()]].concat(), found);
        }
    }

    #[test]
    fn an_empty_value_of_any_option_of_any_command_is_an_error() {
        let mut all = Vec::new();
        options(&Cli::command(), &[], &mut all);
        assert!(all.len() > 150, "{}", all.len());
        // Options that need another option beside them; the next test has those.
        let mut unproven = Vec::new();
        for (way, name) in all {
            let mut command = Cli::command();
            let of_way = way.iter().try_fold(&command, |at, name| at.find_subcommand(name));
            let needed = of_way.into_iter().flat_map(Command::get_positionals);
            let needed = needed.filter(|arg| arg.is_required_set()).map(|_| "x".to_owned());
            let empty = way.iter().cloned().chain([format!("--{name}=")]).chain(needed);
            let empty: Vec<String> = empty.collect();
            let args = std::iter::once("heapdiff".to_owned()).chain(empty);
            match command.try_get_matches_from_mut(args) {
                Ok(matches) => {
                    let said = value(&command, &matches);
                    assert!(
                        said.as_deref()
                            .is_some_and(|said| said.starts_with(&format!("--{name} is empty"))),
                        "{way:?} --{name}=: {said:?}"
                    );
                }
                // A file, a number, a size or a word of a list is refused as such, by its name.
                Err(error) => {
                    let error = error.to_string();
                    if !error.contains(&format!("--{name}")) {
                        unproven.push(name);
                    }
                }
            }
        }
        assert!(unproven.len() <= 6, "{unproven:?}");
    }

    #[test]
    fn what_is_empty_is_named_in_each_spelling() {
        for (line, part) in [
            (&["check", "--sample-index=", "a", "b"][..], "--sample-index is empty: give a TYPE"),
            (&["check", "-sample_index=", "a", "b"], "--sample-index is empty"),
            (&["check", "--sample-index", "", "a", "b"], "--sample-index is empty"),
            (&["check", "-focus=", "a", "b"], "an empty expression matches everything"),
            (&["a", "b", "-tagfocus="], "--tagfocus is empty"),
            (&["check", "", "b"], "an argument PROFILE is empty"),
            (&["check", "--before", "", "--after", "b"], "--before is empty: give a PROFILE"),
            (&["-base", "", "a"], "--base is empty"),
            (&["list", "", "a"], "an argument REGEX is empty"),
            (&["baseline", "compare", "d", ""], "an argument PROFILE is empty"),
        ] {
            let said = said(line).unwrap_or_default();
            assert!(said.contains(part), "{line:?}: {said}");
        }
        assert_eq!(said(&["check", "--sample-index=space", "a", "b"]), None);
    }
}
