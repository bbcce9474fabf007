//! `heapdiff completions SHELL`: the completion script of a shell, made from the definitions of the
//! options themselves.

use clap::{Args, Command};
use clap_complete::Shell;
use std::io::{self, Write};

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heapdiff completions bash > /etc/bash_completion.d/heapdiff
  heapdiff completions fish > ~/.config/fish/completions/heapdiff.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Writes the script for `program`.
pub(super) fn write(
    args: &CompletionsArgs,
    mut program: Command,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Through a buffer: clap_complete panics where its writer fails, as a closed pipe does.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "heapdiff", &mut script);
    out.write_all(&script)
}
