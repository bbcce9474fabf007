//! `heapdiff man`: one manual page for the whole tool, made from the definitions of the options.
//!
//! `clap_mangen` makes a page per subcommand. Here each of those becomes a section of the one page, so
//! that `heapdiff man | man -l -` shows everything.

use super::args::Cli;
use clap::CommandFactory;
use clap_mangen::Man;
use std::io::{self, Write};

pub(super) fn write(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let page = Man::new(subcommand.clone());
        let mut section = Vec::new();
        page.render_description_section(&mut section)?;
        page.render_synopsis_section(&mut section)?;
        page.render_options_section(&mut section)?;
        page.render_extra_section(&mut section)?;
        writeln!(out, ".SH \"HEAPDIFF {}\"", subcommand.get_name().to_uppercase())?;
        let section = String::from_utf8_lossy(&section);
        for line in section.lines().filter(|line| *line != ".SH DESCRIPTION") {
            match line.strip_prefix(".SH ") {
                Some(title) => writeln!(out, ".SS {title}")?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    page.render_extra_section(out)?;
    writeln!(
        out,
        ".SH \"EXIT STATUS\"\n0 where the question was answered, 2 for bad usage, bad input and whatever \
         could not be done. A closed pipe is no error."
    )?;
    page.render_version_section(out)
}
