//! `heapdiff traces INPUT...`: every distinct stack.

use super::CommandError;
use super::options::{
    ComparedArgs, CountArgs, FilterArgs, GranularityArgs, Options, OutputArgs, SampleArgs,
};
use super::request::{self, Request, compared};
use crate::filter::Granularity;
use crate::report::Question;
use clap::Args;

/// Show the stacks with their labels
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff traces [OPTIONS] PROFILE\n       heapdiff traces [OPTIONS] BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff traces -n 5 before.pb.gz after.pb.gz
  heapdiff traces -lines -focus=NewTicker heap.pb.gz"
)]
pub(super) struct TracesArgs {
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    granularity: GranularityArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn request(args: TracesArgs) -> Result<Request, CommandError> {
    let TracesArgs { profiles, sample, granularity, rows, filter, output } = args;
    if output.dress.trim_path.is_some()
        && matches!(granularity.granularity(), Granularity::Functions | Granularity::Packages)
    {
        return Err(CommandError::Usage(
            "-trim_path only affects file names, and these stacks name none: add -lines or -files"
                .to_owned(),
        ));
    }
    let inputs = compared("traces", profiles)?;
    let rows = rows.into();
    let options = Options { sample, granularity, rows, filter, output, ..Options::default() };
    request::request(Question::Traces, inputs, options)
}
