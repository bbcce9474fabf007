//! What the tickets about a process share: what is below the heading of a finding, and warnings.

use crate::output::escape::markdown::{fenced, prose};
use std::io;

/// What shows a finding, what to do, and the next command.
pub(super) fn reasons(
    (evidence, advice): (&[String], &str),
    command: Option<&str>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    evidence.iter().try_for_each(|one| writeln!(out, "- {}", prose(one)))?;
    writeln!(out, "\n{}", prose(advice))?;
    match command {
        Some(command) => write!(out, "\n{}", fenced(command)),
        None => Ok(()),
    }
}

pub(super) fn warnings(warnings: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    warnings.iter().try_for_each(|warning| writeln!(out, "\n**Warning:** {}", prose(warning)))
}
