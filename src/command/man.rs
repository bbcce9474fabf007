//! `heapdiff man`: one manual page for the whole tool, generated from the option definitions.
//!
//! `clap_mangen` makes a page per subcommand. Here each of them becomes a section of a single page,
//! so that `heapdiff man | man -l -` shows everything.

use super::args::Cli;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io::{self, Write};

/// The first lines of each page, kept only once.
const PREAMBLE: [&str; 2] = [r".ie \n(.g .ds Aq \(aq", ".el .ds Aq '"];

pub(super) fn write(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = Man::new(command.clone());
    let mut whole = Vec::new();
    page.render_title(&mut whole)?;
    page.render_name_section(&mut whole)?;
    page.render_synopsis_section(&mut whole)?;
    page.render_description_section(&mut whole)?;
    page.render_options_section(&mut whole)?;
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        section(subcommand, subcommand.get_name(), &mut whole)?;
        for nested in subcommand.get_subcommands().filter(|nested| nested.get_name() != "help") {
            let name = format!("{} {}", subcommand.get_name(), nested.get_name());
            section(nested, &name, &mut whole)?;
        }
    }
    page.render_extra_section(&mut whole)?;
    writeln!(
        whole,
        ".SH \"EXIT STATUS\"\n0 on success, 2 on bad usage, bad input or any other error. \
         A closed pipe isn't an error."
    )?;
    page.render_version_section(&mut whole)?;
    let whole = String::from_utf8_lossy(&whole);
    for line in PREAMBLE.into_iter().chain(whole.lines().filter(|line| !PREAMBLE.contains(line))) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Writes the subcommand `name` as a section, with the sections of its own page as subsections.
fn section(command: &Command, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let page = Man::new(command.clone());
    let mut section = Vec::new();
    page.render_description_section(&mut section)?;
    page.render_synopsis_section(&mut section)?;
    page.render_options_section(&mut section)?;
    page.render_extra_section(&mut section)?;
    writeln!(out, ".SH \"HEAPDIFF {}\"", name.to_uppercase())?;
    for line in String::from_utf8_lossy(&section).lines().filter(|line| *line != ".SH DESCRIPTION")
    {
        match line.strip_prefix(".SH ") {
            Some(title) => writeln!(out, ".SS {title}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}
