//! `heapdiff completions SHELL`: a completion script for a shell, generated from the option
//! definitions.

use clap::{Args, Command};
use clap_complete::Shell;
use std::io::{self, Write};

/// Print a completion script for a shell
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
    // Through a buffer: clap_complete panics if its writer fails, for example on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "heapdiff", &mut script);
    out.write_all(&script)
}
