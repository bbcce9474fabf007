//! `heapdiff leaks INPUT...`: ranked suspects with evidence.

use super::CommandError;
use super::catalog::catalog;
use super::limit::LimitArgs;
use super::options::{
    CountArgs, FilterArgs, Options, OutputArgs, OwnArgs, PatternArgs, SampleArgs,
};
use super::request::{self, Request};
use crate::analysis::suspects::LeaksQuery;
use crate::filter::Granularity;
use crate::report::Question;
use clap::Args;
use std::sync::Arc;

/// Find leaks: ranked suspects with evidence
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff leaks [OPTIONS] PROFILE...",
    after_help = "\
Examples:
  heapdiff leaks heap-*.pb.gz goroutine-*.pb.gz
  heapdiff leaks --limit 2GiB snapshots/
  heapdiff leaks --own '^myservice/' --patterns ours.toml snapshots/

Four snapshots can distinguish a leak from a cache that fills, and eight do so reliably; fewer \
only show growth. Goroutine profiles among the inputs are used as evidence, and goroutines that \
pile up are suspects themselves. Other files in a folder are used as well: logs with gctrace lines, MemStats as \
JSON, samples of the resident set, smaps_rollup, and memory.max."
)]
pub(super) struct LeaksArgs {
    /// Profiles, in any order: heap and goroutine profiles. Files, folders or globs; `-` reads
    /// standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    patterns: PatternArgs,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Returns the request for more than two profiles without a subcommand.
pub(super) fn plain_request(
    inputs: Vec<String>,
    own: OwnArgs,
    options: Options,
) -> Result<Request, CommandError> {
    let Options { sample, granularity, sort, rows, filter, output } = options;
    let without_effect = [
        (granularity.granularity() != Granularity::Functions, "another granularity"),
        (sort.sort().is_some(), "a sort order"),
        (rows.all, "--all"),
    ];
    if let Some((_, option)) = without_effect.iter().find(|(given, _)| *given) {
        return Err(CommandError::Usage(format!(
            "{option} has no effect on leaks, which is what heapdiff looks for in {} profiles; use \
             heapdiff timeline, or heapdiff diff with two of them",
            inputs.len()
        )));
    }
    let patterns = PatternArgs::default();
    let limit = LimitArgs::default();
    let rows = rows.count;
    request(LeaksArgs { inputs, own, patterns, limit, sample, rows, filter, output })
}

pub(super) fn request(args: LeaksArgs) -> Result<Request, CommandError> {
    let LeaksArgs { inputs, own, patterns, limit, sample, rows, filter, output } = args;
    if inputs.is_empty() {
        return Err(CommandError::Usage(
            "leaks needs profiles: heapdiff leaks PROFILE...".to_owned(),
        ));
    }
    if filter.noinlines {
        return Err(CommandError::Usage(
            "-noinlines changes which function a line belongs to, and leaks has to know that: \
             leave it out"
                .to_owned(),
        ));
    }
    let asked = LeaksQuery { catalog: Arc::new(catalog(&patterns)?), limit: limit.query() };
    let options = Options { sample, rows: rows.into(), filter, output, ..Options::default() };
    let request = request::request(Question::Leaks(asked), inputs, options)?;
    Ok(request.with_own(own.own()?).reading(patterns.patterns))
}
