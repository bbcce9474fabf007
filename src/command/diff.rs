//! `heapdiff diff BEFORE AFTER`: what changed.

use super::CommandError;
use super::options::{BaseArgs, Options, OwnArgs};
use super::request::{Request, diff_request};
use clap::Args;

/// Show what changed between two profiles
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff diff [OPTIONS] BEFORE AFTER\n       heapdiff diff [OPTIONS] -base BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff diff before.pb.gz after.pb.gz
  heapdiff diff -cum -focus='^main\\.handle$' before.pb.gz after.pb.gz
  heapdiff diff --format json -o diff.json before.pb.gz after.pb.gz"
)]
pub(super) struct DiffArgs {
    /// The two profiles, the earlier one first. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    base: BaseArgs,
    /// Scale AFTER to the total of BEFORE before comparing
    #[arg(long)]
    normalize: bool,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    options: Options,
}

pub(super) fn request(args: DiffArgs) -> Result<Request, CommandError> {
    let own = args.own.own()?;
    Ok(diff_request(args.base, args.inputs, args.normalize, args.options)?.with_own(own))
}
