//! The options, in groups that the subcommands share, as they are typed.
//!
//! Each is written once. Where pprof has an option, its name and its meaning are kept: the name with a dash in
//! it, pprof's spelling as an alias, and `spelling.rs` sees to the single dash. The fields are what was
//! typed; what it means is for `request.rs` to say.

use super::CommandError;
use crate::filter::Granularity;
use crate::graph::trim::Fraction;
use crate::model::origin::Own;
use crate::output::Format;
use crate::report::Sort;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// A limit above this is a slip of the hand.
const NODECOUNT_MAX: usize = 1_000_000_000;
/// Fewer columns hold no row.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 10_000;

/// Options of questions. One that takes no more than some of them leaves the others as they are by default.
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

/// The profiles of a question about one, or about two that are compared.
#[derive(Debug, Args)]
pub(super) struct ComparedArgs {
    /// One profile, or two to compare, the earlier one first; of more, the first and the last. Files, folders,
    /// patterns; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    pub(super) base: BaseArgs,
}

/// Options of a question about call paths, which has no rows to sort or to limit.
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
    /// Compare the profile with this one, which is BEFORE
    #[arg(long, value_name = "BEFORE")]
    pub(super) base: Option<String>,
    /// The same as --base: heapdiff compares by function, file and line, never by address
    #[arg(long, value_name = "BEFORE", alias = "diff_base")]
    pub(super) diff_base: Option<String>,
}

impl BaseArgs {
    pub(super) fn given(self) -> Option<String> {
        self.base.or(self.diff_base)
    }

    /// The profiles with BEFORE in front of the one that it is the base of, where it was given.
    pub(super) fn join(self, mut inputs: Vec<String>) -> Result<Vec<String>, CommandError> {
        let Some(base) = self.given() else { return Ok(inputs) };
        if inputs.len() != 1 {
            return Err(CommandError::Usage(format!(
                "with --base exactly one profile is compared, and {} are given",
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
    /// What one row stands for [default: functions]
    #[arg(long, value_enum, value_name = "G")]
    pub(super) granularity: Option<Granularity>,
    /// A row per function
    #[arg(long)]
    pub(super) functions: bool,
    /// A row per function and file
    #[arg(long)]
    pub(super) filefunctions: bool,
    /// A row per file
    #[arg(long)]
    pub(super) files: bool,
    /// A row per line
    #[arg(long)]
    pub(super) lines: bool,
    /// A row per address
    #[arg(long)]
    pub(super) addresses: bool,
    /// A row per package
    #[arg(long)]
    pub(super) packages: bool,
}

impl From<Granularity> for GranularityArgs {
    fn from(granularity: Granularity) -> Self {
        Self { granularity: Some(granularity), ..Self::default() }
    }
}

impl GranularityArgs {
    /// Whether one was asked for.
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
    /// Order of the rows [default: bound for two profiles, flat for one]
    #[arg(long, value_enum, value_name = "ORDER")]
    pub(super) sort: Option<Sort>,
    /// The same as --sort flat
    #[arg(long)]
    pub(super) flat: bool,
    /// The same as --sort cum
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
    /// Show rows within noise and unchanged ones as well
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rows")]
pub(super) struct CountArgs {
    /// At most N rows, 0 for all [default: 25, and all with json and csv]
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
    /// Keep stacks with a frame that matches
    #[arg(long, value_name = "REGEX")]
    pub(super) focus: Option<String>,
    /// Drop stacks with a frame that matches
    #[arg(long, value_name = "REGEX")]
    pub(super) ignore: Option<String>,
    /// Take frames that match out of stacks
    #[arg(long, value_name = "REGEX")]
    pub(super) hide: Option<String>,
    /// Keep only frames that match
    #[arg(long, value_name = "REGEX")]
    pub(super) show: Option<String>,
    /// Cut what is above the highest frame that matches
    #[arg(long, value_name = "REGEX", alias = "show_from")]
    pub(super) show_from: Option<String>,
    /// Cut what is below the lowest frame that matches
    #[arg(long, value_name = "REGEX", alias = "prune_from")]
    pub(super) prune_from: Option<String>,
    /// Keep samples with a label that matches: REGEX, KEY=REGEX, or a range such as bytes=1kb:4kb
    #[arg(long, value_name = "TAG")]
    pub(super) tagfocus: Option<String>,
    /// Drop samples with a label that matches
    #[arg(long, value_name = "TAG")]
    pub(super) tagignore: Option<String>,
    /// Count inlined functions with the function they were inlined into
    #[arg(long)]
    pub(super) noinlines: bool,
}

/// Patterns besides those of heapdiff.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Patterns")]
pub(super) struct PatternArgs {
    /// Add the patterns of FILE (several times for several files); those in ./heapdiff.toml are there without
    #[arg(long, value_name = "FILE")]
    pub(super) patterns: Vec<PathBuf>,
}

/// Whose code is the program's own.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Own code")]
pub(super) struct OwnArgs {
    /// Own code is what functions of these names hold [default: the module of main: neither the standard library, nor a
    /// dependency, nor generated]
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
    /// Format of the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(super) format: Format,
    /// pprof's names of --format table
    #[arg(long, hide = true, alias = "text", conflicts_with = "format")]
    pub(super) top: bool,
    #[command(flatten)]
    pub(super) dress: DressArgs,
}

/// Where an answer goes, and how it looks there.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct DressArgs {
    /// Write to FILE instead of standard output, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Fit the table into N columns [default: the terminal's, no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    pub(super) width: Option<usize>,
    /// Print values of the table in one unit: kB, MB, GB, bytes, ms, ... [default: what fits each]
    #[arg(long, value_name = "UNIT")]
    pub(super) unit: Option<String>,
    /// Cut these folders off file names (several, separated by `:`)
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    pub(super) trim_path: Option<String>,
    /// Nothing on standard error but errors: no progress, no warnings
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// How a text is said that is no answer about profiles.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct PageArgs {
    /// Format of the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(super) format: Format,
    /// Write to FILE instead of standard output, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Fit the text into N columns [default: the terminal's, no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    pub(super) width: Option<usize>,
}

impl PageArgs {
    /// Where it goes, and how it looks there.
    pub(super) fn dress(self) -> DressArgs {
        DressArgs {
            output: self.output,
            color: self.color,
            width: self.width,
            ..DressArgs::default()
        }
    }
}

/// Where a profile is written, for commands whose output is no report.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FileArgs {
    /// Write to FILE instead of standard output, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Nothing on standard error but errors: no progress, no warnings
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl FileArgs {
    /// The file; `None` is standard output.
    pub(super) fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|file| file.as_os_str() != "-")
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    /// On a terminal, without `NO_COLOR`.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A number of rows.
pub(super) fn nodecount(text: &str) -> Result<usize, String> {
    number(text, 0, NODECOUNT_MAX).map_err(|range| format!("{range} (0 shows all rows)"))
}

/// A part of a whole.
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

/// The end of a file's name that says its format, in lower case.
pub(super) fn extension(file: &Path) -> Option<String> {
    Some(file.extension()?.to_str()?.to_ascii_lowercase())
}
