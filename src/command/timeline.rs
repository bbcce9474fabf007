//! `heapdiff timeline INPUT...`: rows through time.

use super::Error;
use super::options::Options;
use super::request::Request;
use crate::report::{Question, Sort};
use clap::Args;

/// Show rows through time: how each grows, how fast, and how fast it allocates
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff timeline [OPTIONS] PROFILE...",
    after_help = "\
Examples:
  heapdiff timeline heap-*.pb.gz
  heapdiff timeline snapshots/ -o growth.svg
  heapdiff timeline -cum -packages --format csv snapshots/ > matrix.csv

Snapshots are taken in the order of their own time, whatever the order of their names."
)]
pub(super) struct TimelineArgs {
    /// Profiles, in any order. Files, folders, patterns; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    options: Options,
}

pub(super) fn request(args: TimelineArgs) -> Result<Request, Error> {
    let TimelineArgs { inputs, options } = args;
    if inputs.is_empty() {
        return Err(Error::Usage(
            "timeline needs profiles: heapdiff timeline PROFILE...".to_owned(),
        ));
    }
    if let Some(sort @ (Sort::Bound | Sort::Delta)) = options.sort.sort() {
        let name = if sort == Sort::Bound { "bound" } else { "delta" };
        return Err(Error::Usage(format!(
            "--sort {name} is for two profiles, and a timeline puts what changed most first: use flat or cum"
        )));
    }
    super::request::request(Question::Timeline, false, inputs, options)
}
