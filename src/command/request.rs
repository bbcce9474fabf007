//! Turns the command line into a [`Request`], or an error that names the mistake.
//!
//! Options are checked here before any file is opened, so that a typing error is reported at once.
//! Only what depends on the profiles (does this sample type exist?) is left to the report.

use super::CommandError;
use super::destination::is_html;
use super::options::{
    BaseArgs, Color, ComparedArgs, DressArgs, FilterArgs, Options, OutputArgs, ReadingArgs,
};
use super::sources;
use super::symbols::SymbolArgs;
use super::times::Times;
use crate::filter::{Spec, TagFilter};
use crate::model::origin::Own;
use crate::output::{FileNames, Format, shell};
use crate::report::{Query, Question, Sort};
use crate::units;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Default number of rows in the table. JSON and CSV have all rows.
pub(super) const ROWS_SHOWN: usize = 25;

/// Why an option about pages is refused.
pub(super) const NO_SOURCE: &str =
    "--no-source only affects a page: write one with -o X.html, or leave it out";

/// Most inputs that a suggested command names.
const LISTED: usize = 6;

/// Where and how the report is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) format: Format,
    /// How it is laid out before it is written.
    pub(super) layout: Layout,
    /// The file; `None` for standard output.
    pub(super) file: Option<PathBuf>,
    /// Whether a protected file may be replaced.
    pub(super) force: bool,
    pub(super) color: Color,
    pub(super) width: Option<usize>,
    pub(super) unit: Option<String>,
    /// Prefixes to remove from file names, each with its slash.
    pub(super) trim_path: Vec<String>,
    pub(super) file_names: FileNames,
    /// Whether a page has no lines of source files.
    pub(super) no_source: bool,
    pub(super) reading: ReadingArgs,
    pub(super) symbols: SymbolArgs,
}

/// How a report is laid out before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Not at all.
    None,
    /// Graphviz draws it as SVG.
    Graphviz,
}

/// A question with its options and inputs.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) query: Query,
    pub(super) spec: Spec,
    /// The inputs, in the order they are compared.
    pub(super) inputs: Vec<String>,
    /// Other files that are read.
    pub(super) read: Vec<PathBuf>,
    pub(super) output: Output,
    /// Where to find source files, if lines are listed.
    pub(super) sources: Option<sources::SourceOptions>,
    /// Times of inputs that have none.
    pub(super) times: Times,
    /// The command line, if it can be shown.
    pub(super) typed: Option<String>,
}

impl Request {
    /// Gives inputs without a time these times.
    pub(super) fn with_times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }

    /// Sets which functions are own code.
    pub(super) fn with_own(mut self, own: Own) -> Self {
        self.query.own = own;
        self
    }

    /// Adds files that are read besides the inputs.
    pub(super) fn reading(mut self, files: Vec<PathBuf>) -> Self {
        self.read.extend(files);
        self
    }
}

/// Returns the request of a comparison: BEFORE AFTER, or AFTER with `--base BEFORE`.
pub(super) fn diff_request(
    base: BaseArgs,
    inputs: Vec<String>,
    normalize: bool,
    options: Options,
) -> Result<Request, CommandError> {
    let inputs = base.join(inputs)?;
    let message = match inputs.len() {
        2 => {
            let mut request = request(Question::Diff, inputs, options)?;
            request.query.normalize = normalize;
            return Ok(request);
        }
        0 => "diff compares two profiles: heapdiff diff BEFORE AFTER".to_owned(),
        1 => "diff compares two profiles, and one is given: use heapdiff diff BEFORE AFTER, or \
                      heapdiff top PROFILE for one"
            .to_owned(),
        given => format!(
            "diff compares two profiles, and {given} are given: use heapdiff diff {} {}",
            shell::file(&inputs[0]),
            shell::file(&inputs[given - 1])
        ),
    };
    Err(CommandError::Usage(message))
}

/// Returns the request for the top functions of one profile, or of several added up.
pub(super) fn top_request(inputs: Vec<String>, options: Options) -> Result<Request, CommandError> {
    if inputs.is_empty() {
        return Err(CommandError::Usage("top needs a profile: heapdiff top PROFILE...".to_owned()));
    }
    if let Some(sort) = options.sort.sort().filter(|sort| matches!(sort, Sort::Bound | Sort::Delta))
    {
        let name = if sort == Sort::Bound { "bound" } else { "delta" };
        return Err(CommandError::Usage(format!(
            "--sort {name} needs a comparison, and top shows no changes: use flat or cum"
        )));
    }
    request(Question::Top, inputs, options)
}

/// Returns the inputs of a question about one profile or two, with BEFORE first if given as
/// `--base`. `usage` is the command with its arguments before the profiles.
pub(super) fn compared(usage: &str, profiles: ComparedArgs) -> Result<Vec<String>, CommandError> {
    let inputs = profiles.base.join(profiles.inputs)?;
    if inputs.is_empty() {
        return Err(CommandError::Usage(format!(
            "no profile given: heapdiff {usage} PROFILE, or heapdiff {usage} BEFORE AFTER"
        )));
    }
    Ok(inputs)
}

/// The command of a question that has a page.
pub(super) fn with_page(question: &Question) -> Option<&'static str> {
    match question {
        Question::Diff => Some("diff"),
        Question::Top => Some("top"),
        Question::Leaks(_) => Some("leaks"),
        Question::Timeline => Some("timeline"),
        Question::Goroutines => Some("goroutines"),
        _ => None,
    }
}

/// Makes the request of a question with its options.
pub(super) fn request(
    question: Question,
    inputs: Vec<String>,
    options: Options,
) -> Result<Request, CommandError> {
    let Options { sample, granularity, sort, rows, filter, output } = options;
    check_stdin(&inputs)?;
    let mut output = output;
    let is_page = output.dress.destination.file().is_some_and(is_html);
    if is_page && output.format == Format::Table && with_page(&question).is_some() {
        output.format = Format::Html;
    }
    let output = self::output(output)?;
    let shown = if output.format == Format::Table && !rows.all { ROWS_SHOWN } else { 0 };
    let query = Query {
        sample_type: sample.sample_type(),
        granularity: granularity.granularity(),
        sort: sort.sort(),
        nodecount: rows.count.nodecount.unwrap_or(shown),
        all: rows.all,
        trim_path: output.trim_path.clone(),
        ..Query::new(question)
    };
    let (spec, read) = (spec(filter)?, Vec::new());
    Ok(Request {
        query,
        spec,
        inputs,
        read,
        output,
        sources: None,
        times: Times::default(),
        typed: None,
    })
}

pub(super) fn spec(filter: FilterArgs) -> Result<Spec, CommandError> {
    let frames = [
        ("focus", &filter.focus),
        ("ignore", &filter.ignore),
        ("hide", &filter.hide),
        ("show", &filter.show),
        ("show_from", &filter.show_from),
        ("prune_from", &filter.prune_from),
    ];
    for (option, regex) in frames {
        if let Some(regex) = regex {
            check_regex(&format!("-{option}"), regex)?;
        }
    }
    for (option, tag) in [("tagfocus", &filter.tagfocus), ("tagignore", &filter.tagignore)] {
        if let Some(tag) = tag.as_deref().filter(|tag| !tag.is_empty()) {
            TagFilter::new(tag)
                .map_err(|error| CommandError::Usage(format!("-{option}: {error}")))?;
        }
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

/// Checks that standard input is named at most once.
pub(super) fn check_stdin(inputs: &[String]) -> Result<(), CommandError> {
    if inputs.iter().filter(|input| *input == "-").count() > 1 {
        return Err(CommandError::Usage(
            "standard input (-) can be read only once; give the other profile as a file".to_owned(),
        ));
    }
    Ok(())
}

/// Checks the regular expression that comes before the profiles. If it names a gzipped file, the
/// arguments are swapped.
pub(super) fn check_pattern(command: &str, pattern: &str) -> Result<(), CommandError> {
    if is_packed(pattern) {
        return Err(CommandError::Usage(format!(
            "{pattern} is a file, and the regular expression comes first: use heapdiff {command} \
             REGEX PROFILE..."
        )));
    }
    check_regex("REGEX", pattern)
}

/// Whether a file of this name begins like gzip.
fn is_packed(name: &str) -> bool {
    let mut magic = [0; 2];
    let is_file = std::fs::metadata(name).is_ok_and(|metadata| metadata.is_file());
    let read = is_file.then(|| File::open(name)?.read_exact(&mut magic));
    read.is_some_and(|read| read.is_ok()) && magic == [0x1f, 0x8b]
}

/// Checks a regular expression; `what` names it as typed: `-focus`, `REGEX`.
pub(super) fn check_regex(what: &str, regex: &str) -> Result<(), CommandError> {
    match regex::Regex::new(regex) {
        Err(error) => Err(CommandError::Usage(format!("{what}: {error}"))),
        Ok(_) => Ok(()),
    }
}

pub(super) fn output(args: OutputArgs) -> Result<Output, CommandError> {
    dressed(args.format, args.dress)
}

/// Returns how and where a report in this format is written.
pub(super) fn dressed(format: Format, args: DressArgs) -> Result<Output, CommandError> {
    let format = safe_csv(format, args.csv_safe)?;
    let unit = args.unit.filter(|unit| unit != "auto" && unit != "minimum");
    if let Some(unit) = &unit {
        let kind = units::classify(unit).0;
        if kind == units::Kind::Count && unit != "count" {
            return Err(CommandError::Usage(format!(
                "-unit: `{unit}` isn't a unit; use bytes, kB, MB, GB, TB, ns, us, ms, s, min, hr, \
                 or auto"
            )));
        }
        if matches!(format, Format::Json | Format::Csv | Format::SafeCsv | Format::Html) {
            let why = if format == Format::Html {
                "a page has a unit that fits each value"
            } else {
                "json and csv hold raw integers"
            };
            return Err(CommandError::Usage(format!(
                "-unit only affects the table, and {why}: leave it out"
            )));
        }
    }
    if args.no_source && format != Format::Html {
        return Err(CommandError::Usage(NO_SOURCE.to_owned()));
    }
    let trim_path = prefixes(args.trim_path.as_deref());
    Ok(Output {
        format,
        layout: Layout::None,
        file: args.destination.file().map(Path::to_owned),
        force: args.destination.force,
        color: args.color,
        width: args.width,
        unit,
        file_names: if trim_path.is_empty() { FileNames::Short } else { FileNames::Whole },
        trim_path,
        no_source: args.no_source,
        reading: args.reading,
        symbols: args.symbols,
    })
}

/// Returns CSV for spreadsheets if it is asked for.
pub(super) fn safe_csv(format: Format, is_safe: bool) -> Result<Format, CommandError> {
    match format {
        Format::Csv if is_safe => Ok(Format::SafeCsv),
        _ if is_safe => Err(CommandError::Usage(
            "--csv-safe only affects csv: add --format csv, or leave it out".to_owned(),
        )),
        other => Ok(other),
    }
}

/// Returns the inputs as arguments of a suggested command, or `PROFILE...` if there are too many.
pub(super) fn arguments(inputs: &[String]) -> String {
    if inputs.len() > LISTED {
        return "PROFILE...".to_owned();
    }
    inputs.iter().map(|input| shell::file(input)).collect::<Vec<_>>().join(" ")
}

/// Returns the folders of `-trim_path`, each with its slash.
pub(super) fn prefixes(trim_path: Option<&str>) -> Vec<String> {
    let paths = trim_path.unwrap_or("").split(':').filter(|path| !path.is_empty());
    paths.map(|path| format!("{}/", path.trim_end_matches('/'))).collect()
}
