//! `--at`: times from the command line, for inputs whose format has none.

use super::CommandError;
use crate::input;
use crate::model::profile::TimeSource;
use crate::printable::escape;
use crate::source::times;
use clap::Args;
use std::path::Path;

/// When inputs were taken.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Inputs")]
pub(super) struct AtArgs {
    /// Set the time of an input that has none: FILE=TIME, or TIME once per input, in order
    #[arg(long, value_name = "TIME")]
    at: Vec<String>,
}

/// Times from the command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    named: Vec<(String, i64)>,
    others: Vec<i64>,
}

impl AtArgs {
    /// The times as they were typed.
    pub(super) fn words(&self) -> &[String] {
        &self.at
    }

    /// Reads the times.
    pub(super) fn times(&self) -> Result<Times, CommandError> {
        let mut times = Times::default();
        for text in &self.at {
            let (name, time) = match text.rsplit_once('=') {
                Some((name, time)) => (Some(name), time),
                None => (None, text.as_str()),
            };
            let nanos = input::time(time).ok_or_else(|| {
                CommandError::Usage(format!(
                    "--at {}: expected a time such as 2026-11-28T03:26:19Z or 1795836379, or \
                     FILE=TIME",
                    escape(text)
                ))
            })?;
            match name {
                Some(name) => times.named.push((name.to_owned(), nanos)),
                None => times.others.push(nanos),
            }
        }
        times.others.reverse();
        Ok(times)
    }
}

impl Times {
    /// The time of an input that has none: the one that was given for it, else the one in the name of its file.
    pub(super) fn of(&mut self, name: &str) -> Option<(i64, TimeSource)> {
        let given = self.take(name).map(|nanos| (nanos, TimeSource::Given));
        given.or_else(|| Some((times::in_name(name)?, TimeSource::FileName)))
    }

    /// The time that was given for an input.
    fn take(&mut self, name: &str) -> Option<i64> {
        let is_file =
            |own: &str| own == name || Path::new(name).file_name().is_some_and(|file| file == own);
        let at = self.named.iter().position(|(own, _)| is_file(own));
        at.map(|at| self.named.remove(at).1).or_else(|| self.others.pop())
    }

    /// The error about times that no input needs.
    pub(super) fn left(&self) -> Result<(), CommandError> {
        let unused = match (self.named.first(), self.others.len()) {
            (Some((name, _)), _) => format!("--at {}=TIME", escape(name)),
            (None, 0) => return Ok(()),
            (None, count) => format!("{count} of the times of --at"),
        };
        Err(CommandError::Usage(format!(
            "{unused}: no input without a time of its own is left for it; leave it out"
        )))
    }
}
