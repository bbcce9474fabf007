//! `heapdiff tags INPUT...`: the totals of each label.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, FilterArgs, Options, OutputArgs, SampleArgs};
use super::request::{self, Request, compared};
use crate::report::Question;
use clap::Args;

/// Show labels, such as object sizes, and the total for each value
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff tags [OPTIONS] PROFILE\n       heapdiff tags [OPTIONS] BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff tags before.pb.gz after.pb.gz
  heapdiff tags -focus=NewTicker -n 5 heap.pb.gz"
)]
pub(super) struct TagsArgs {
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn request(args: TagsArgs) -> Result<Request, CommandError> {
    let TagsArgs { profiles, sample, rows, filter, output } = args;
    let without_effect =
        [(filter.noinlines, "-noinlines"), (output.dress.trim_path.is_some(), "-trim_path")];
    if let Some((_, option)) = without_effect.iter().find(|(given, _)| *given) {
        return Err(CommandError::Usage(format!(
            "{option} only affects functions and files, and tags shows none: leave it out"
        )));
    }
    let inputs = compared("tags", profiles)?;
    let options = Options { sample, rows: rows.into(), filter, output, ..Options::default() };
    request::request(Question::Tags, inputs, options)
}
