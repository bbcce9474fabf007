//! What `gc` and `memory` share: they answer about a process, from logs and samples as well as
//! profiles, so nothing here goes through the requests of the other commands.

use super::destination::is_html;
use super::load::{inflate, shown};
use super::options::{Color, DestinationArgs, DressArgs, ReadingArgs, width};
use super::progress::Progress;
use super::request::{self, Output};
use super::{CommandError, Console, catalog, run};
use crate::input::{Budget, Inflate};
use crate::output::{self, Format, Style};
use crate::parallel;
use crate::printable::escape;
use crate::report::page::Page;
use crate::source::expand::{Expanded, Found, expand, natural};
use crate::source::{self, STDIN};
use crate::toml_file::TomlError;
use clap::{Args, ValueEnum};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Where the thresholds come from, and how the report is written.
#[derive(Debug, Args)]
pub(super) struct ProcessArgs {
    /// Read thresholds from FILE [default: heapdiff.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: ProcessOutputArgs,
}

/// How the report is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ProcessOutputArgs {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ProcessFormat::Table)]
    format: ProcessFormat,
    #[command(flatten)]
    destination: DestinationArgs,
    /// Make CSV safe for a spreadsheet: no name becomes a formula
    #[arg(long)]
    csv_safe: bool,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
    /// Fit the text into N columns [default: the width of the terminal; no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    width: Option<usize>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProcessFormat {
    /// For people, in a terminal.
    Table,
    /// For scripts: the whole report.
    Json,
    /// For spreadsheets: raw integers.
    Csv,
    /// For a ticket.
    Markdown,
    /// For a browser: a page in one file.
    Html,
}

impl From<ProcessFormat> for Format {
    fn from(format: ProcessFormat) -> Self {
        match format {
            ProcessFormat::Table => Self::Table,
            ProcessFormat::Json => Self::Json,
            ProcessFormat::Csv => Self::Csv,
            ProcessFormat::Markdown => Self::Markdown,
            ProcessFormat::Html => Self::Html,
        }
    }
}

impl ProcessArgs {
    /// Refuses to write a page to a terminal.
    pub(super) fn check_page(
        &self,
        command: &str,
        console: &Console<'_>,
    ) -> Result<(), CommandError> {
        let has_file = self.output.destination.file().is_some();
        let is_page = self.output.format == ProcessFormat::Html;
        if is_page && !has_file { run::check_terminal(command, console) } else { Ok(()) }
    }

    /// The thresholds, and where and how the report is written.
    pub(super) fn settle<T: Default>(
        self,
        read: impl Fn(&str, &str) -> Result<T, TomlError>,
    ) -> Result<Asked<T>, CommandError> {
        let Self { config, output } = self;
        let settings = catalog::settings(config.as_deref())?;
        let limits = settings.map(|file| read(&file.name, &file.text)).transpose();
        let limits = limits.map_err(|error| CommandError::Usage(error.to_string()))?;
        let Asked { output, .. } = output.settle()?;
        Ok(Asked { limits: limits.unwrap_or_default(), config, output })
    }
}

impl ProcessOutputArgs {
    /// Where and how the report is written, of a command without thresholds.
    pub(super) fn settle(self) -> Result<Asked<()>, CommandError> {
        let Self { format, destination, csv_safe, color, width, reading } = self;
        let is_page = format == ProcessFormat::Table && destination.file().is_some_and(is_html);
        let format = if is_page { ProcessFormat::Html } else { format };
        let dress =
            DressArgs { destination, csv_safe, color, width, reading, ..DressArgs::default() };
        let output = request::dressed(format.into(), dress)?;
        Ok(Asked { limits: (), config: None, output })
    }
}

/// What a command line asks for.
pub(super) struct Asked<T> {
    pub(super) limits: T,
    config: Option<PathBuf>,
    pub(super) output: Output,
}

impl<T> Asked<T> {
    /// Expands the inputs, in the order of their names. The report may replace none of them, and none
    /// of `others`.
    pub(super) fn inputs(
        &self,
        typed: &[String],
        others: &[String],
    ) -> Result<Expanded, CommandError> {
        let mut expanded = expand(typed).map_err(|error| CommandError::Answer(Box::new(error)))?;
        expanded.inputs.sort_by(|a, b| natural(&a.name, &b.name));
        let names = expanded.inputs.iter().map(|found| &found.name).chain(others);
        let names: Vec<String> = names.cloned().collect();
        let config = self.config.iter().map(PathBuf::as_path);
        run::check_destination(self.output.file.as_deref(), self.output.force, &names, config)?;
        Ok(expanded)
    }

    /// Writes the page.
    pub(super) fn write_page(
        &self,
        page: &Page,
        console: &mut Console<'_>,
    ) -> Result<(), CommandError> {
        self.write(&[], console, |_, style, out| output::write_page(page, style, out))
    }

    /// Writes the report, and its warnings if it has no room for them.
    pub(super) fn write(
        &self,
        warnings: &[String],
        console: &mut Console<'_>,
        write: impl FnOnce(Format, &Style, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        let Output { format, .. } = self.output;
        let style = run::style(&self.output, console);
        run::write_to(self.output.file.as_deref(), console, |out| write(format, &style, out))?;
        if matches!(format, Format::Csv | Format::SafeCsv) && !self.output.reading.quiet {
            warnings.iter().for_each(|message| run::say_warning(message, console));
        }
        Ok(())
    }
}

/// The warnings about folders in folders.
pub(super) fn nested(expanded: &Expanded) -> impl Iterator<Item = String> {
    expanded.nested.iter().map(|(folder, folders)| {
        let is = if *folders == 1 { "folder" } else { "folders" };
        format!("skipped {folders} {is} in {folder}; use a ** glob to include the files there")
    })
}

/// Reads each input; `kind` is what one is called. What can't be opened is the error of that input.
pub(super) fn read_each<T: Send>(
    inputs: &[Found],
    others: &[String],
    kind: &str,
    progress: &Progress,
    read: impl Fn(Box<dyn Read + Send + '_>, Budget, Inflate) -> T + Sync,
) -> Result<Vec<Result<T, CommandError>>, CommandError> {
    let all = inputs.iter().map(|found| &found.name).chain(others);
    if all.filter(|name| *name == STDIN).count() > 1 {
        return Err(CommandError::Usage(format!(
            "standard input (-) can be read only once; give the other {kind} as a file"
        )));
    }
    progress.expect_all(inputs.iter().map(|found| source::size(&found.name)));
    let inflate = inflate(inputs.len());
    let results = parallel::map_items(inputs, 1, |Found { name, .. }| {
        let reader = progress.open(name).map_err(|error| fail(name, &error.to_string()))?;
        let content = read(reader, progress.budget(), inflate);
        progress.file_done();
        Ok(content)
    });
    progress.finish();
    Ok(results)
}

/// The error about an input.
pub(super) fn fail(name: &str, why: &str) -> CommandError {
    CommandError::Answer(format!("{}: {why}", shown(name)).into())
}

/// The name of a skipped file without its folders, as a message has it.
pub(super) fn short(name: &str) -> String {
    let file = Path::new(name).file_name().and_then(|name| name.to_str());
    escape(file.unwrap_or(name)).into_owned()
}
