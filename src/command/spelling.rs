//! Rewrites pprof's spellings to those that clap accepts.
//!
//! pprof accepts long options with one dash (`-inuse_space`, `-focus=x`), before and after
//! everything else. clap would read them as a group of short options. So this file rewrites the
//! arguments first: a long option with one dash gets a second one, and a subcommand that follows
//! options moves before them. The value of an option, and everything after `--`, stays as it is.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Options by name, and whether each takes a value.
struct Known {
    long: BTreeMap<String, bool>,
    short: BTreeMap<char, bool>,
}

/// Returns `args`, the first of which is the program's name, in clap's spelling.
pub(super) fn normalize(args: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let known = Known::of(command);
    let mut normal = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    normal.extend(args.next());
    let mut is_value = false;
    let mut inputs = Vec::new();
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str().filter(|_| !is_value) else {
            if !is_value {
                inputs.push(normal.len());
            }
            is_value = false;
            normal.push(arg);
            continue;
        };
        if text == "--" {
            normal.push(arg);
            normal.extend(args);
            break;
        }
        if text == "-" || !text.starts_with('-') {
            inputs.push(normal.len());
            normal.push(arg);
            continue;
        }
        let (name, value) = match text.trim_start_matches('-').split_once('=') {
            Some((name, _)) => (name, true),
            None => (text.trim_start_matches('-'), false),
        };
        let is_long = text.starts_with("--") || known.is_long(name);
        let takes_value = if is_long {
            known.long.get(name).copied()
        } else {
            let mut letters = name.chars();
            known
                .short
                .get(&letters.next().unwrap_or('-'))
                .map(|&takes| takes && letters.next().is_none())
        };
        is_value = takes_value.unwrap_or(false) && !value;
        if is_long && !text.starts_with("--") {
            normal.push(format!("-{text}").into());
        } else {
            normal.push(arg);
        }
    }
    // Subcommands come before options: the first input if it names one, then the next if it names a
    // subcommand of that.
    let mut command = command;
    for (place, &at) in (1..).zip(&inputs) {
        let name = normal[at].to_str().unwrap_or_default();
        let next = command.find_subcommand(name);
        // clap adds `help` by itself.
        if next.is_none() && (place, name) != (1, "help") {
            break;
        }
        let subcommand = normal.remove(at);
        normal.insert(place, subcommand);
        let Some(next) = next else { break };
        command = next;
    }
    normal
}

/// pprof's options that are commands in heapdiff: the option, and what to type instead.
const COMMANDS: &[(&str, &str)] = &[
    ("--peek", "heapdiff peek REGEX PROFILE..."),
    ("--tree", "heapdiff tree PROFILE..."),
    ("--list", "heapdiff list REGEX PROFILE..."),
    ("--traces", "heapdiff traces PROFILE..."),
    ("--tags", "heapdiff tags PROFILE..."),
    ("--dot", "heapdiff graph PROFILE... -o X.dot"),
    ("--svg", "heapdiff graph PROFILE... -o X.svg, or heapdiff flame PROFILE... -o X.svg"),
    ("--web", "heapdiff graph PROFILE... -o X.svg, and open X.svg in a browser"),
    ("--http", "heapdiff serve --http [HOST]:PORT PROFILE..."),
    ("--png", "heapdiff graph PROFILE... | dot -Tpng -o X.png"),
    ("--weblist", "heapdiff list REGEX PROFILE..."),
    ("--disasm", "heapdiff list REGEX PROFILE..."),
    ("--raw", "heapdiff convert PROFILE... -o X.csv"),
    (
        "--proto",
        "heapdiff merge PROFILE... -o X.pb.gz, or heapdiff convert BEFORE AFTER -o X.pb.gz",
    ),
];

/// Returns the message for an option of pprof that is a command in heapdiff.
pub(super) fn command_for(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = option.split('=').next().unwrap_or(option);
    let (name, command) = COMMANDS.iter().find(|(known, _)| *known == name)?;
    Some(format!("{name} is a command in heapdiff, not an option: use {command}\n"))
}

impl Known {
    fn of(command: &Command) -> Self {
        let mut known = Known { long: BTreeMap::new(), short: BTreeMap::new() };
        known.long.insert("help".to_owned(), false);
        known.long.insert("version".to_owned(), false);
        known.add_all(command);
        known
    }

    fn add_all(&mut self, command: &Command) {
        command.get_arguments().for_each(|arg| self.add(arg));
        command.get_subcommands().for_each(|command| self.add_all(command));
    }

    fn add(&mut self, arg: &Arg) {
        let takes_value = arg.get_action().takes_values();
        let aliases = arg.get_all_aliases().unwrap_or_default();
        for name in arg.get_long().into_iter().chain(aliases) {
            self.long.insert(name.to_owned(), takes_value);
        }
        if let Some(letter) = arg.get_short() {
            self.short.insert(letter, takes_value);
        }
    }

    /// Whether `-name` is a long option: a known one, or any of several letters that doesn't start
    /// with a short option and its value (`-n5`). An unknown one is then reported by its full name.
    fn is_long(&self, name: &str) -> bool {
        let mut letters = name.chars();
        let (Some(first), Some(_)) = (letters.next(), letters.next()) else { return false };
        self.long.contains_key(name) || self.short.get(&first) != Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Cli;
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn an_option_of_pprof_that_is_a_command_names_it() {
        for (typed, named) in [
            ("-peek=x", "heapdiff peek REGEX"),
            ("-list=x", "heapdiff list REGEX"),
            ("-http=:8080", "heapdiff serve --http"),
            ("--svg", "-o X.svg"),
            ("-traces", "heapdiff traces"),
        ] {
            let args = ["heapdiff", typed, "a.pb.gz"].map(OsString::from);
            let args = normalize(args.to_vec(), &Cli::command());
            let error = Cli::try_parse_from(args).expect_err("no such option");
            let said = command_for(&error).unwrap_or_default();
            assert!(said.contains(named), "{typed}: {said}");
        }
        let error = Cli::try_parse_from(["heapdiff", "--nosuch"]).expect_err("no such option");
        assert_eq!(command_for(&error), None);
    }
}
