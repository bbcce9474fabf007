//! What may be typed, and what it means: options become a [`Query`], a [`Spec`] and an [`Output`].
//!
//! The options are written once, in groups that the subcommands share. Where pprof has an option, its
//! name and its meaning are kept; `spelling.rs` sees to the single dash.

use super::{Error, completions, diff, top};
use crate::filter::{Granularity, Spec};
use crate::output::{FileNames, Format, shell};
use crate::report::{Query, Question, Sort};
use crate::units;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Rows in the table where nobody says how many. JSON and CSV have them all.
const ROWS_SHOWN: usize = 25;
/// A limit above this is a slip of the hand.
const NODECOUNT_MAX: usize = 1_000_000_000;
/// Fewer columns hold no row.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 10_000;

const EXAMPLES: &str = "\
Examples:
  heapdiff before.pb.gz after.pb.gz          what grew, and where
  heapdiff -lines -focus=cache a.pb b.pb     line by line, under functions named like cache
  heapdiff top heap.pb.gz                    where the memory is

Long options take one dash or two, as in pprof: -inuse_space, --inuse-space.";

/// Compare pprof heap profiles: what grew, how sure that is, and which line is behind it
#[derive(Debug, Parser)]
#[command(
    name = "heapdiff",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
    override_usage = "heapdiff [OPTIONS] BEFORE AFTER\n       heapdiff [OPTIONS] PROFILE\n       heapdiff COMMAND ..."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) bare: BareArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Diff(diff::DiffArgs),
    Top(top::TopArgs),
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Options without a subcommand: the number of inputs says which one is meant.
#[derive(Debug, Args)]
pub(super) struct BareArgs {
    /// Profiles: two are compared, of one the top is shown. `-` is standard input
    #[arg(value_name = "PROFILE")]
    inputs: Vec<String>,
    #[command(flatten)]
    base: BaseArgs,
    /// Scale AFTER to the total of BEFORE before comparing
    #[arg(long)]
    normalize: bool,
    #[command(flatten)]
    options: Options,
}

/// Options of every question.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    granularity: GranularityArgs,
    #[command(flatten)]
    sort: SortArgs,
    #[command(flatten)]
    rows: RowArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
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
    fn given(self) -> Option<String> {
        self.base.or(self.diff_base)
    }
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Sample type")]
#[expect(clippy::struct_excessive_bools, reason = "one per option, as typed")]
struct SampleArgs {
    /// Sample type by name or index [default: the profile's own]
    #[arg(long, value_name = "TYPE", alias = "sample_index")]
    sample_index: Option<String>,
    /// Memory in use
    #[arg(long, alias = "inuse_space")]
    inuse_space: bool,
    /// Objects in use
    #[arg(long, alias = "inuse_objects")]
    inuse_objects: bool,
    /// Memory ever allocated
    #[arg(long, alias = "alloc_space")]
    alloc_space: bool,
    /// Objects ever allocated
    #[arg(long, alias = "alloc_objects")]
    alloc_objects: bool,
}

impl SampleArgs {
    fn sample_type(self) -> Option<String> {
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

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Rows")]
#[expect(clippy::struct_excessive_bools, reason = "one per option, as typed")]
struct GranularityArgs {
    /// What one row stands for [default: functions]
    #[arg(long, value_enum, value_name = "G")]
    granularity: Option<Granularity>,
    /// A row per function
    #[arg(long)]
    functions: bool,
    /// A row per function and file
    #[arg(long)]
    filefunctions: bool,
    /// A row per file
    #[arg(long)]
    files: bool,
    /// A row per line
    #[arg(long)]
    lines: bool,
    /// A row per address
    #[arg(long)]
    addresses: bool,
    /// A row per package
    #[arg(long)]
    packages: bool,
}

impl GranularityArgs {
    fn granularity(&self) -> Granularity {
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

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Rows")]
struct SortArgs {
    /// Order of the rows [default: bound to compare, flat for one profile]
    #[arg(long, value_enum, value_name = "ORDER")]
    sort: Option<Sort>,
    /// The same as --sort flat
    #[arg(long)]
    flat: bool,
    /// The same as --sort cum
    #[arg(long)]
    cum: bool,
}

impl SortArgs {
    fn sort(&self) -> Option<Sort> {
        match (self.flat, self.cum) {
            (true, _) => Some(Sort::Flat),
            (_, true) => Some(Sort::Cum),
            _ => self.sort,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rows")]
struct RowArgs {
    /// At most N rows, 0 for all [default: 25, and all with json and csv]
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true)]
    nodecount: Option<usize>,
    /// Show rows within noise and unchanged ones as well
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Filters (regular expressions, on function, file and mapping)")]
struct FilterArgs {
    /// Keep stacks with a frame that matches
    #[arg(long, value_name = "REGEX")]
    focus: Option<String>,
    /// Drop stacks with a frame that matches
    #[arg(long, value_name = "REGEX")]
    ignore: Option<String>,
    /// Take frames that match out of stacks
    #[arg(long, value_name = "REGEX")]
    hide: Option<String>,
    /// Keep only frames that match
    #[arg(long, value_name = "REGEX")]
    show: Option<String>,
    /// Cut what is above the highest frame that matches
    #[arg(long, value_name = "REGEX", alias = "show_from")]
    show_from: Option<String>,
    /// Cut what is below the lowest frame that matches
    #[arg(long, value_name = "REGEX", alias = "prune_from")]
    prune_from: Option<String>,
    /// Keep samples with a label that matches: REGEX, KEY=REGEX, or a range such as bytes=1kb:4kb
    #[arg(long, value_name = "TAG")]
    tagfocus: Option<String>,
    /// Drop samples with a label that matches
    #[arg(long, value_name = "TAG")]
    tagignore: Option<String>,
    /// Count inlined functions with the function they were inlined into
    #[arg(long)]
    noinlines: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// How to say it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    format: Format,
    /// pprof's name of --format table
    #[arg(long, hide = true, conflicts_with = "format")]
    top: bool,
    /// Write to FILE
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
    /// Fit the table into N columns [default: the terminal's, no limit elsewhere]
    #[arg(long, value_name = "N", value_parser = width, allow_negative_numbers = true)]
    width: Option<usize>,
    /// Print values of the table in one unit: kB, MB, GB, bytes, ms, ...
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Cut these folders off file names (several, separated by `:`)
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    trim_path: Option<String>,
    /// No progress and no warnings on standard error
    #[arg(short, long)]
    quiet: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, without `NO_COLOR`.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where and how the answer is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) format: Format,
    /// Standard output where absent.
    pub(super) file: Option<PathBuf>,
    pub(super) color: Color,
    pub(super) width: Option<usize>,
    pub(super) unit: Option<String>,
    /// Prefixes to cut off file names, each with its slash.
    pub(super) trim_path: Vec<String>,
    pub(super) file_names: FileNames,
    pub(super) quiet: bool,
}

/// A question as it was meant.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) query: Query,
    pub(super) spec: Spec,
    /// In the order they are compared.
    pub(super) inputs: Vec<String>,
    pub(super) output: Output,
}

/// What was meant without a subcommand.
pub(super) fn bare_request(args: BareArgs) -> Result<Request, Error> {
    let BareArgs { inputs, base, normalize, options } = args;
    if base.base.is_some() || base.diff_base.is_some() {
        return diff_request(base, inputs, normalize, options);
    }
    match inputs.as_slice() {
        [] => Err(Error::Usage(
            "no profile given: `heapdiff BEFORE AFTER` compares two, `heapdiff PROFILE` shows one"
                .to_owned(),
        )),
        [_] if normalize => Err(Error::Usage(
            "--normalize scales one profile to another, and only one is given".to_owned(),
        )),
        [_] => top_request(inputs, options),
        [_, _] => diff_request(base, inputs, normalize, options),
        [first, .., last] => {
            let all: Vec<_> = inputs.iter().map(|input| shell::file(input)).collect();
            Err(Error::Usage(format!(
                "{} profiles given, and two are compared at a time.\n\
                 Compare the first and the last:  heapdiff diff {} {}\n\
                 Add all of them up:              heapdiff top {}",
                inputs.len(),
                shell::file(first),
                shell::file(last),
                all.join(" "),
            )))
        }
    }
}

/// A comparison: BEFORE AFTER, or AFTER with `--base BEFORE`.
pub(super) fn diff_request(
    base: BaseArgs,
    mut inputs: Vec<String>,
    normalize: bool,
    options: Options,
) -> Result<Request, Error> {
    let message = match (base.given(), inputs.len()) {
        (Some(base), 1) => {
            inputs.insert(0, base);
            return request(Question::Diff, normalize, inputs, options);
        }
        (None, 2) => return request(Question::Diff, normalize, inputs, options),
        (Some(_), given) => {
            format!("with --base exactly one profile is compared, and {given} are given")
        }
        (None, 0) => "diff compares two profiles: heapdiff diff BEFORE AFTER".to_owned(),
        (None, 1) => {
            "diff compares two profiles, and one is given: heapdiff diff BEFORE AFTER, or \
                      heapdiff top PROFILE for one"
                .to_owned()
        }
        (None, given) => format!(
            "diff compares two profiles, and {given} are given: heapdiff diff {} {}",
            shell::file(&inputs[0]),
            shell::file(&inputs[given - 1])
        ),
    };
    Err(Error::Usage(message))
}

/// The top of one profile, or of several added up.
pub(super) fn top_request(inputs: Vec<String>, options: Options) -> Result<Request, Error> {
    if inputs.is_empty() {
        return Err(Error::Usage("top needs a profile: heapdiff top PROFILE...".to_owned()));
    }
    if let Some(sort) = options.sort.sort().filter(|sort| matches!(sort, Sort::Bound | Sort::Delta))
    {
        let name = if sort == Sort::Bound { "bound" } else { "delta" };
        return Err(Error::Usage(format!(
            "--sort {name} orders changes, and top shows no changes: use flat or cum"
        )));
    }
    request(Question::Top, false, inputs, options)
}

fn request(
    question: Question,
    normalize: bool,
    inputs: Vec<String>,
    options: Options,
) -> Result<Request, Error> {
    let output = output(options.output)?;
    let rows = if output.format == Format::Table { ROWS_SHOWN } else { 0 };
    let query = Query {
        question,
        granularity: options.granularity.granularity(),
        sort: options.sort.sort(),
        sample_type: options.sample.sample_type(),
        nodecount: options.rows.nodecount.unwrap_or(rows),
        all: options.rows.all,
        normalize,
    };
    if inputs.iter().filter(|input| *input == "-").count() > 1 {
        let twice = "standard input (-) can be read only once; give the other profile as a file";
        return Err(Error::Usage(twice.to_owned()));
    }
    Ok(Request { query, spec: spec(options.filter)?, inputs, output })
}

fn spec(filter: FilterArgs) -> Result<Spec, Error> {
    let frames = [
        ("focus", &filter.focus),
        ("ignore", &filter.ignore),
        ("hide", &filter.hide),
        ("show", &filter.show),
        ("show_from", &filter.show_from),
        ("prune_from", &filter.prune_from),
    ];
    for (option, regex) in frames {
        check_regex(option, regex.as_deref())?;
    }
    for (option, tag) in [("tagfocus", &filter.tagfocus), ("tagignore", &filter.tagignore)] {
        let regex = tag.as_deref().map(|tag| tag.split_once('=').map_or(tag, |(_, regex)| regex));
        check_regex(option, regex)?;
    }
    Ok(Spec {
        focus: filter.focus,
        ignore: filter.ignore,
        hide: filter.hide,
        show: filter.show,
        show_from: filter.show_from,
        prune_from: filter.prune_from,
        tagfocus: filter.tagfocus,
        tagignore: filter.tagignore,
        noinlines: filter.noinlines,
    })
}

fn check_regex(option: &str, regex: Option<&str>) -> Result<(), Error> {
    match regex.map(regex::Regex::new) {
        Some(Err(error)) => Err(Error::Usage(format!("-{option}: {error}"))),
        _ => Ok(()),
    }
}

fn output(args: OutputArgs) -> Result<Output, Error> {
    let unit = args.unit.filter(|unit| unit != "auto" && unit != "minimum");
    if let Some(unit) = &unit {
        let kind = units::classify(unit).0;
        if kind == units::Kind::Count && unit != "count" {
            return Err(Error::Usage(format!(
                "-unit: `{unit}` is no unit: use bytes, kB, MB, GB, TB, ns, us, ms, s, min, hr, or auto"
            )));
        }
        if args.format != Format::Table {
            return Err(Error::Usage(
                "-unit changes the table only: json and csv hold raw integers".to_owned(),
            ));
        }
    }
    let trim_path: Vec<String> = args
        .trim_path
        .as_deref()
        .unwrap_or("")
        .split(':')
        .filter(|path| !path.is_empty())
        .map(|path| format!("{}/", path.trim_end_matches('/')))
        .collect();
    Ok(Output {
        format: args.format,
        file: args.output.filter(|file| file.as_os_str() != "-"),
        color: args.color,
        width: args.width,
        unit,
        file_names: if trim_path.is_empty() { FileNames::Short } else { FileNames::Whole },
        trim_path,
        quiet: args.quiet,
    })
}

fn nodecount(text: &str) -> Result<usize, String> {
    number(text, 0, NODECOUNT_MAX).map_err(|range| format!("{range} (0 shows all rows)"))
}

fn width(text: &str) -> Result<usize, String> {
    number(text, WIDTH_MIN, WIDTH_MAX)
}

fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::ffi::OsString;

    fn parse(line: &str) -> Result<Request, String> {
        let args = std::iter::once("heapdiff").chain(line.split_whitespace()).map(OsString::from);
        let args = super::super::spelling::normalize(args.collect(), &Cli::command());
        let cli = Cli::try_parse_from(args).map_err(|error| error.to_string())?;
        match cli.command {
            None => bare_request(cli.bare),
            Some(Command::Diff(args)) => diff::request(args),
            Some(Command::Top(args)) => top::request(args),
            Some(other) => panic!("{line}: {other:?}"),
        }
        .map_err(|error| error.to_string())
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_spelling_means_what_it_means_in_pprof() {
        type Check = fn(&Request) -> bool;
        let spellings: [(&[&str], Check); 30] = [
            (
                &[
                    "-sample_index=alloc_space",
                    "--sample-index alloc_space",
                    "-alloc_space",
                    "--alloc-space",
                    "-sample_index alloc_space",
                    "--sample_index=alloc_space",
                ],
                |r| r.query.sample_type.as_deref() == Some("alloc_space"),
            ),
            (&["-sample_index=2", "--sample-index=2"], |r| {
                r.query.sample_type.as_deref() == Some("2")
            }),
            (&["-inuse_space"], |r| r.query.sample_type.as_deref() == Some("inuse_space")),
            (&["-inuse_objects"], |r| r.query.sample_type.as_deref() == Some("inuse_objects")),
            (&["-alloc_objects"], |r| r.query.sample_type.as_deref() == Some("alloc_objects")),
            (&["-focus=x|y", "-focus x|y", "--focus x|y", "--focus=x|y"], |r| {
                r.spec.focus.as_deref() == Some("x|y")
            }),
            (&["-ignore=x", "--ignore x"], |r| r.spec.ignore.as_deref() == Some("x")),
            (&["-hide=x", "-hide x"], |r| r.spec.hide.as_deref() == Some("x")),
            (&["-show=x", "--show x"], |r| r.spec.show.as_deref() == Some("x")),
            (&["-show_from=x", "--show-from x"], |r| r.spec.show_from.as_deref() == Some("x")),
            (&["-prune_from=x", "--prune-from=x"], |r| r.spec.prune_from.as_deref() == Some("x")),
            (&["-tagfocus=bytes=1kb:4kb"], |r| r.spec.tagfocus.as_deref() == Some("bytes=1kb:4kb")),
            (&["-tagignore x"], |r| r.spec.tagignore.as_deref() == Some("x")),
            (&["-noinlines"], |r| r.spec.noinlines),
            (&["-flat", "--sort flat"], |r| r.query.sort == Some(Sort::Flat)),
            (&["-cum", "--cum", "-sort=cum"], |r| r.query.sort == Some(Sort::Cum)),
            (&["-nodecount=5", "-nodecount 5", "-n 5", "-n5", "-n=5", "--nodecount=5"], |r| {
                r.query.nodecount == 5
            }),
            (&["", "-top", "--format table"], |r| {
                r.query.nodecount == ROWS_SHOWN && r.output.format == Format::Table
            }),
            (&["--format json", "-format=csv"], |r| r.query.nodecount == 0),
            (&["-functions", "--granularity functions", ""], |r| {
                r.query.granularity == Granularity::Functions
            }),
            (&["-filefunctions"], |r| r.query.granularity == Granularity::Filefunctions),
            (&["-files"], |r| r.query.granularity == Granularity::Files),
            (&["-lines", "-granularity=lines"], |r| r.query.granularity == Granularity::Lines),
            (&["-addresses"], |r| r.query.granularity == Granularity::Addresses),
            (&["-packages"], |r| r.query.granularity == Granularity::Packages),
            (&["-unit=MB", "--unit MB"], |r| r.output.unit.as_deref() == Some("MB")),
            (&["-unit=auto", "-unit=minimum", ""], |r| r.output.unit.is_none()),
            (&["-trim_path=/a:/b/", "--trim-path /a:/b"], |r| r.output.trim_path == ["/a/", "/b/"]),
            (&["-o f.json", "--output=f.json", "-of.json"], |r| {
                r.output.file == Some(PathBuf::from("f.json"))
            }),
            (&["-all", "--all"], |r| r.query.all),
        ];
        for (spellings, check) in spellings {
            for options in spellings {
                let lines = [
                    format!("{options} a b"),
                    format!("a {options} b"),
                    format!("a b {options}"),
                    format!("{options} diff a b"),
                    format!("diff {options} a b"),
                    format!("diff a b {options}"),
                    format!("{options} top a b"),
                    format!("top a {options} b"),
                ];
                for line in lines {
                    let request = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                    assert!(check(&request), "{line}: {request:?}");
                    assert_eq!(request.inputs, ["a", "b"], "{line}");
                }
            }
        }
    }

    #[test]
    fn the_inputs_say_the_question() {
        let cases: [(&str, Question, &[&str]); 14] = [
            ("a b", Question::Diff, &["a", "b"]),
            ("a", Question::Top, &["a"]),
            ("-", Question::Top, &["-"]),
            ("- b", Question::Diff, &["-", "b"]),
            ("top a b c", Question::Top, &["a", "b", "c"]),
            ("-base x a", Question::Diff, &["x", "a"]),
            ("-base=x -top a", Question::Diff, &["x", "a"]),
            ("a -diff_base x", Question::Diff, &["x", "a"]),
            ("diff --diff-base=x a", Question::Diff, &["x", "a"]),
            ("-base top top", Question::Top, &[]),
            ("./top a", Question::Diff, &["./top", "a"]),
            ("-- top diff", Question::Diff, &["top", "diff"]),
            ("a top", Question::Diff, &["a", "top"]),
            ("diff top diff", Question::Diff, &["top", "diff"]),
        ];
        for (line, question, inputs) in cases {
            match parse(line) {
                Ok(request) => {
                    assert_eq!(request.query.question, question, "{line}");
                    assert_eq!(request.inputs, inputs, "{line}");
                }
                // The subcommand wins over the file of its name.
                Err(error) => assert!(inputs.is_empty(), "{line}: {error}"),
            }
        }
        assert!(parse("-normalize a b").unwrap().query.normalize);
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("-lines -files a b", "cannot be used with"),
            ("-inuse_space -sample_index=1 a b", "cannot be used with"),
            ("-inuse_space -alloc_space a b", "cannot be used with"),
            ("-flat -cum a b", "cannot be used with"),
            ("-base x -diff_base y a", "cannot be used with"),
            ("-top --format json a b", "cannot be used with"),
            ("-focus=a(b a b", "-focus: regex parse error"),
            ("-tagfocus=k=a(b a b", "-tagfocus: regex parse error"),
            ("-nodecount=-1 a b", "expected a whole number from 0 to"),
            ("-n x a b", "expected a whole number from 0 to"),
            ("--width 5 a b", "expected a whole number from 40 to 10000"),
            ("-unit=parsec a b", "`parsec` is no unit"),
            ("-unit=MB --format csv a b", "the table only"),
            ("-http=:8080 a b", "'--http'"),
            ("-nosuch a b", "expected a whole number from 0 to"),
            ("a b c", "heapdiff diff a c"),
            ("diff a", "one is given"),
            ("diff a b c", "3 are given"),
            ("diff -base x a b", "exactly one profile"),
            ("top", "top needs a profile"),
            ("top --sort delta a", "use flat or cum"),
            ("-sort=bound a", "use flat or cum"),
            ("top -base x a", "'--base'"),
            ("-normalize a", "only one is given"),
            ("- -", "only once"),
            ("-all", "no profile given"),
        ];
        for (line, part) in cases {
            let error = parse(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
