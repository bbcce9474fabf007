//! The options, in groups that subcommands share.
//!
//! Each option is defined once. An option that pprof has too keeps its name and meaning: the name
//! here has dashes, pprof's spelling is an alias, and `spelling.rs` accepts a single leading dash.
//! The fields hold what was typed; `request.rs` interprets it.

use super::CommandError;
#[cfg(feature = "http")]
use super::access::AccessArgs;
use super::symbols::SymbolArgs;
use super::values::size;
use crate::filter::Granularity;
use crate::graph::trim::Fraction;
use crate::input::Budget;
use crate::model::origin::Own;
use crate::output::Format;
use crate::report::Sort;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Largest row limit; anything above it is a typing error.
const NODECOUNT_MAX: usize = 1_000_000_000;
/// Narrowest table: a row doesn't fit into fewer columns.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 10_000;

/// Options of questions. A question that supports only some of them leaves the others at their
/// defaults.
#[derive(Debug, Default, Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) sample: SampleArgs,
    #[command(flatten)]
    pub(super) granularity: GranularityArgs,
    #[command(flatten)]
    pub(super) sort: SortArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// The profiles of a question about one profile, or about two that are compared.
#[derive(Debug, Args)]
pub(super) struct ComparedArgs {
    /// One profile, or two to compare, the earlier one first; of more, the first and the last.
    /// Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    pub(super) base: BaseArgs,
}

/// Options of a question about call paths, which has no rows to sort or limit.
#[derive(Debug, Args)]
pub(super) struct PathOptions {
    #[command(flatten)]
    pub(super) sample: SampleArgs,
    #[command(flatten)]
    pub(super) granularity: GranularityArgs,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

impl From<PathOptions> for Options {
    fn from(options: PathOptions) -> Self {
        let PathOptions { sample, granularity, filter, output } = options;
        Self { sample, granularity, filter, output, ..Self::default() }
    }
}

/// The profile to compare with.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub(super) struct BaseArgs {
    /// Compare the profile with this one as BEFORE
    #[arg(long, value_name = "BEFORE")]
    pub(super) base: Option<String>,
    /// Same as --base, since heapdiff compares by function, file and line, never by address
    #[arg(long, value_name = "BEFORE", alias = "diff_base")]
    pub(super) diff_base: Option<String>,
}

impl BaseArgs {
    pub(super) fn given(self) -> Option<String> {
        self.base.or(self.diff_base)
    }

    /// Returns the profiles, with BEFORE first if a base was given.
    pub(super) fn join(self, mut inputs: Vec<String>) -> Result<Vec<String>, CommandError> {
        let Some(base) = self.given() else { return Ok(inputs) };
        if inputs.len() != 1 {
            return Err(CommandError::Usage(format!(
                "--base needs exactly one profile to compare, and {} are given",
                inputs.len()
            )));
        }
        inputs.insert(0, base);
        Ok(inputs)
    }
}

#[derive(Debug, Default, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Sample type")]
#[expect(clippy::struct_excessive_bools, reason = "one per option, as typed")]
pub(super) struct SampleArgs {
    /// Sample type by name or index [default: the profile's own]
    #[arg(long, value_name = "TYPE", alias = "sample_index")]
    pub(super) sample_index: Option<String>,
    /// Memory in use
    #[arg(long, alias = "inuse_space")]
    pub(super) inuse_space: bool,
    /// Objects in use
    #[arg(long, alias = "inuse_objects")]
    pub(super) inuse_objects: bool,
    /// Memory ever allocated
    #[arg(long, alias = "alloc_space")]
    pub(super) alloc_space: bool,
    /// Objects ever allocated
    #[arg(long, alias = "alloc_objects")]
    pub(super) alloc_objects: bool,
}

impl SampleArgs {
    pub(super) fn sample_type(self) -> Option<String> {
        let flags = [
            (self.inuse_space, "inuse_space"),
            (self.inuse_objects, "inuse_objects"),
            (self.alloc_space, "alloc_space"),
            (self.alloc_objects, "alloc_objects"),
        ];
        let flag = flags.iter().find(|(given, _)| *given).map(|(_, name)| (*name).to_owned());
        self.sample_index.or(flag)
    }
}

#[derive(Debug, Default, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Rows")]
#[expect(clippy::struct_excessive_bools, reason = "one per option, as typed")]
pub(super) struct GranularityArgs {
    /// Group rows by [default: functions]
    #[arg(long, value_enum, value_name = "G")]
    pub(super) granularity: Option<Granularity>,
    /// One row per function
    #[arg(long)]
    pub(super) functions: bool,
    /// One row per function and file
    #[arg(long)]
    pub(super) filefunctions: bool,
    /// One row per file
    #[arg(long)]
    pub(super) files: bool,
    /// One row per line
    #[arg(long)]
    pub(super) lines: bool,
    /// One row per address
    #[arg(long)]
    pub(super) addresses: bool,
    /// One row per package
    #[arg(long)]
    pub(super) packages: bool,
}

impl From<Granularity> for GranularityArgs {
    fn from(granularity: Granularity) -> Self {
        Self { granularity: Some(granularity), ..Self::default() }
    }
}

impl GranularityArgs {
    /// Whether a granularity was given.
    pub(super) fn is_given(&self) -> bool {
        self.granularity.is_some()
            || self.functions
            || self.filefunctions
            || self.files
            || self.lines
            || self.addresses
            || self.packages
    }

    pub(super) fn granularity(&self) -> Granularity {
        let flags = [
            (self.functions, Granularity::Functions),
            (self.filefunctions, Granularity::Filefunctions),
            (self.files, Granularity::Files),
            (self.lines, Granularity::Lines),
            (self.addresses, Granularity::Addresses),
            (self.packages, Granularity::Packages),
        ];
        let flag = flags.iter().find(|(given, _)| *given).map(|&(_, granularity)| granularity);
        self.granularity.or(flag).unwrap_or_default()
    }
}

#[derive(Debug, Default, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Rows")]
pub(super) struct SortArgs {
    /// Sort rows by [default: bound for two profiles, flat for one]
    #[arg(long, value_enum, value_name = "ORDER")]
    pub(super) sort: Option<Sort>,
    /// Same as --sort flat
    #[arg(long)]
    pub(super) flat: bool,
    /// Same as --sort cum
    #[arg(long)]
    pub(super) cum: bool,
}

impl From<Sort> for SortArgs {
    fn from(sort: Sort) -> Self {
        Self { sort: Some(sort), ..Self::default() }
    }
}

impl SortArgs {
    pub(super) fn sort(&self) -> Option<Sort> {
        match (self.flat, self.cum) {
            (true, _) => Some(Sort::Flat),
            (_, true) => Some(Sort::Cum),
            _ => self.sort,
        }
    }
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rows")]
pub(super) struct RowArgs {
    #[command(flatten)]
    pub(super) count: CountArgs,
    /// Also show unchanged rows and those within noise
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rows")]
pub(super) struct CountArgs {
    /// Show at most N rows, 0 for all [default: 25; all with json and csv]
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true)]
    pub(super) nodecount: Option<usize>,
}

impl From<CountArgs> for RowArgs {
    fn from(count: CountArgs) -> Self {
        Self { count, ..Self::default() }
    }
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (regular expressions, on function, file and mapping)")]
pub(super) struct FilterArgs {
    /// Keep stacks with a matching frame
    #[arg(long, value_name = "REGEX")]
    pub(super) focus: Option<String>,
    /// Drop stacks with a matching frame
    #[arg(long, value_name = "REGEX")]
    pub(super) ignore: Option<String>,
    /// Remove matching frames from stacks
    #[arg(long, value_name = "REGEX")]
    pub(super) hide: Option<String>,
    /// Keep only matching frames
    #[arg(long, value_name = "REGEX")]
    pub(super) show: Option<String>,
    /// Cut the frames above the topmost matching frame
    #[arg(long, value_name = "REGEX", alias = "show_from")]
    pub(super) show_from: Option<String>,
    /// Cut the frames below the lowest matching frame
    #[arg(long, value_name = "REGEX", alias = "prune_from")]
    pub(super) prune_from: Option<String>,
    /// Keep samples with a matching label: REGEX, KEY=REGEX, or a range such as bytes=1kb:4kb
    #[arg(long, value_name = "TAG")]
    pub(super) tagfocus: Option<String>,
    /// Drop samples with a matching label
    #[arg(long, value_name = "TAG")]
    pub(super) tagignore: Option<String>,
    /// Count inlined functions as part of the function they were inlined into
    #[arg(long)]
    pub(super) noinlines: bool,
}

/// Leak patterns in addition to the built-in ones.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Patterns")]
pub(super) struct PatternArgs {
    /// Add the patterns in FILE to the built-in ones and those in ./heapdiff.toml; repeatable
    #[arg(long, value_name = "FILE")]
    pub(super) patterns: Vec<PathBuf>,
}

/// Which code counts as the program's own.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Own code")]
pub(super) struct OwnArgs {
    /// Treat functions with matching names as your own code [default: the module of main, without
    /// the standard library, dependencies and generated code]
    #[arg(long, value_name = "REGEX")]
    pub(super) own: Option<String>,
}

impl OwnArgs {
    pub(super) fn own(self) -> Result<Own, CommandError> {
        let regex = self.own.as_deref().map(regex::Regex::new).transpose();
        regex.map(Own::new).map_err(|error| CommandError::Usage(format!("-own: {error}")))
    }
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(super) format: Format,
    /// pprof's names for --format table
    #[arg(long, hide = true, alias = "text", conflicts_with = "format")]
    pub(super) top: bool,
    #[command(flatten)]
    pub(super) dress: DressArgs,
}

/// The file that a command writes.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct DestinationArgs {
    /// Write to FILE instead of standard output, whole or not at all; never replaces an input
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Replace FILE even if it is read-only, or is a link into a folder of another user
    #[arg(long)]
    pub(super) force: bool,
}

impl DestinationArgs {
    /// The file; `None` for standard output.
    pub(super) fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|file| file.as_os_str() != "-")
    }
}

/// How much is read, and whether that is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct ReadingArgs {
    /// Print only errors to standard error: no progress, no warnings
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Refuse a profile that takes more than SIZE of memory [default: 32MiB and 64 times the size of
    /// its file, at most 16GiB]
    #[arg(long, value_name = "SIZE", value_parser = size::<u64>, allow_negative_numbers = true, help_heading = "Inputs")]
    memory_limit: Option<u64>,
    #[cfg(feature = "http")]
    #[command(flatten)]
    pub(super) access: Box<AccessArgs>,
}

impl ReadingArgs {
    /// Returns what each input may take.
    pub(super) fn budget(&self) -> Budget {
        self.memory_limit.map_or_else(Budget::default, Budget::exactly)
    }

    /// The option about that, as it is typed.
    pub(super) fn words(&self) -> Vec<String> {
        self.memory_limit.iter().map(|limit| format!("--memory-limit={limit}")).collect()
    }
}

/// Where a report is written, and how it looks there.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct DressArgs {
    #[command(flatten)]
    pub(super) destination: DestinationArgs,
    /// Make CSV safe for a spreadsheet: no name becomes a formula
    #[arg(long)]
    pub(super) csv_safe: bool,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Fit the table into N columns [default: the width of the terminal; no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    pub(super) width: Option<usize>,
    /// Print values of the table in one unit: kB, MB, GB, bytes, ms, ... [default: one that fits
    /// each value]
    #[arg(long, value_name = "UNIT")]
    pub(super) unit: Option<String>,
    /// Remove these folders from file names; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    pub(super) trim_path: Option<String>,
    /// Leave the lines of source files out of a page
    #[arg(long, alias = "no_source")]
    pub(super) no_source: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
    #[command(flatten)]
    pub(super) symbols: SymbolArgs,
}

/// Why a command has no page.
pub(super) const NO_PAGE: &str = "there is no page about this: --format html is for diff, top, leaks, \
                                  timeline, goroutines, gc, memory, incident and check";

/// Output options of a text that isn't a report about profiles.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct PageArgs {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) destination: DestinationArgs,
    /// Make CSV safe for a spreadsheet: no name becomes a formula
    #[arg(long)]
    pub(super) csv_safe: bool,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Fit the text into N columns [default: the width of the terminal; no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    pub(super) width: Option<usize>,
}

impl PageArgs {
    /// Returns the format, where the text is written, and how it looks there.
    pub(super) fn dress(self) -> Result<(Format, DressArgs), CommandError> {
        if self.format == Format::Html {
            return Err(CommandError::Usage(NO_PAGE.to_owned()));
        }
        let dress = DressArgs {
            destination: self.destination,
            csv_safe: self.csv_safe,
            color: self.color,
            width: self.width,
            ..DressArgs::default()
        };
        Ok((self.format, dress))
    }
}

/// Where a profile is written, for commands whose output isn't a report.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FileArgs {
    #[command(flatten)]
    pub(super) destination: DestinationArgs,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
    #[command(flatten)]
    pub(super) symbols: SymbolArgs,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Parses a number of rows.
pub(super) fn nodecount(text: &str) -> Result<usize, String> {
    number(text, 0, NODECOUNT_MAX).map_err(|range| format!("{range} (0 shows all rows)"))
}

/// Parses a fraction, from 0 to 1.
pub(super) fn fraction(text: &str) -> Result<Fraction, String> {
    let fraction = text.parse().ok().and_then(Fraction::new);
    fraction.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

pub(super) fn width(text: &str) -> Result<usize, String> {
    number(text, WIDTH_MIN, WIDTH_MAX)
}

fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
}

/// Returns a file's extension in lower case.
pub(super) fn extension(file: &Path) -> Option<String> {
    Some(file.extension()?.to_str()?.to_ascii_lowercase())
}
