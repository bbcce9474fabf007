//! `heapdiff list REGEX INPUT...`: the lines of the functions that match, each with its values.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, FilterArgs, Options, OutputArgs, SampleArgs};
use super::request::{self, Request, check_pattern, compared};
use super::sources::SourceOptions;
use crate::filter::Granularity;
use crate::output::FileNames;
use crate::report::{Question, Sort};
use clap::Args;

/// Show the source of functions, line by line with values
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff list [OPTIONS] REGEX PROFILE\n       heapdiff list [OPTIONS] REGEX BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff list windowFor before.pb.gz after.pb.gz
  heapdiff list '^main\\.' -source_path=/src/chat -trim_path=/build/chat heap.pb.gz

heapdiff looks for the files below --source-path, where they were compiled, in Go's module cache and
installation, and below the working directory. It opens only files with the name of a source file."
)]
pub(super) struct ListArgs {
    /// List the functions whose names match
    #[arg(value_name = "REGEX")]
    pattern: String,
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
struct SourceArgs {
    /// Look for source files below these folders and in their parents; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "source_path")]
    source_path: Option<String>,
    /// Show N lines around each line with a value
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(..=10_000))]
    context: u16,
}

pub(super) fn request(args: ListArgs) -> Result<Request, CommandError> {
    let ListArgs { pattern, profiles, sample, source, rows, filter, output } = args;
    check_pattern("list", &pattern)?;
    let inputs = compared("list REGEX", profiles)?;
    let question = Question::List { pattern };
    let options = Options {
        sample,
        granularity: Granularity::Lines.into(),
        sort: Sort::Cum.into(),
        rows: rows.into(),
        filter,
        output,
    };
    let mut request = request::request(question, inputs, options)?;
    request.output.file_names = FileNames::Whole;
    request.sources = Some(SourceOptions {
        source_path: source.source_path,
        trim_path: request.output.trim_path.clone(),
        context: i64::from(source.context),
        roots: None,
    });
    Ok(request)
}
