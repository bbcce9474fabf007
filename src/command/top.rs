//! `heapdiff top PROFILE...`: where the memory is. Several profiles are added up, as pprof does.

use super::CommandError;
use super::options::{Options, OwnArgs};
use super::request::{Request, top_request};
use clap::Args;

/// Show where the memory is, in one profile or in the sum of several
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff top [OPTIONS] PROFILE...",
    after_help = "\
Examples:
  heapdiff top heap.pb.gz
  heapdiff top -cum -n 10 heap.pb.gz
  heapdiff top -alloc_space -packages replica1.pb.gz replica2.pb.gz"
)]
pub(super) struct TopArgs {
    /// Profiles; several are added up. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    options: Options,
}

pub(super) fn request(args: TopArgs) -> Result<Request, CommandError> {
    let own = args.own.own()?;
    Ok(top_request(args.inputs, args.options)?.with_own(own))
}
