//! `heapdiff timeline INPUT...`: rows over time.

use super::CommandError;
use super::options::{
    CountArgs, FilterArgs, GranularityArgs, Options, OutputArgs, SampleArgs, SortArgs, extension,
};
use super::request::{self, Request};
use super::times::AtArgs;
use crate::output::Format;
use crate::report::Question;
use clap::Args;

/// Show rows over time: how each one grows, how fast, and how fast it allocates
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff timeline [OPTIONS] PROFILE...",
    after_help = "\
Examples:
  heapdiff timeline heap-*.pb.gz
  heapdiff timeline snapshots/ -o growth.svg
  heapdiff timeline -cum -packages --format csv snapshots/ > matrix.csv

Snapshots are sorted by their own time, not by name. With -o FILE.svg it draws a chart: rows \
stacked up to the total, or a line per row with --cum; below it are goroutines, collections and the \
resident set if goroutine profiles, a gctrace log or memory samples are next to the profiles."
)]
pub(super) struct TimelineArgs {
    /// Profiles, in any order. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    granularity: GranularityArgs,
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Values")]
struct OrderArgs {
    /// Classify and sort by flat: what functions allocate themselves [default]
    #[arg(long)]
    flat: bool,
    /// Classify and sort by cum: what functions and their callees allocate
    #[arg(long)]
    cum: bool,
}

/// Default number of rows in a chart.
const AREAS: usize = 10;

pub(super) fn request(args: TimelineArgs) -> Result<Request, CommandError> {
    let TimelineArgs { inputs, at, sample, granularity, order, mut rows, filter, mut output } =
        args;
    if inputs.is_empty() {
        return Err(CommandError::Usage(
            "timeline needs profiles: heapdiff timeline PROFILE...".to_owned(),
        ));
    }
    let file = output.dress.destination.file();
    let is_chart = file.and_then(extension).is_some_and(|extension| extension == "svg");
    if is_chart && output.format == Format::Table {
        if output.dress.width.is_some() {
            return Err(CommandError::Usage(
                "--width only affects the table, and a chart fits any window: leave it out"
                    .to_owned(),
            ));
        }
        output.format = Format::Svg;
        rows.nodecount = rows.nodecount.or(Some(AREAS));
    }
    let sort = SortArgs { sort: None, flat: order.flat, cum: order.cum };
    let options = Options { sample, granularity, sort, rows: rows.into(), filter, output };
    Ok(request::request(Question::Timeline, inputs, options)?.with_times(at.times()?))
}
