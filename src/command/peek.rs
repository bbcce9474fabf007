//! `heapdiff peek REGEX INPUT...`, the callers and callees of some rows, and `heapdiff tree INPUT...`, of all.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, Options, PathOptions, SortArgs, nodecount};
use super::request::{self, Request, check_pattern, compared};
use crate::report::Question;
use clap::Args;

/// Show who calls the functions that match, and whom they call
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff peek [OPTIONS] REGEX PROFILE\n       heapdiff peek [OPTIONS] REGEX BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff peek 'NewTicker$' heap.pb.gz
  heapdiff peek windowFor before.pb.gz after.pb.gz
  heapdiff peek -lines -alloc_space 'limiter\\.' before.pb.gz after.pb.gz

Callers stand above a function, callees beneath it. The share of a call is that of the function's cum; the share of a \
function is that of all that changed, or of the total of one profile."
)]
pub(super) struct PeekArgs {
    /// Regular expression that the names of the rows match, not anchored
    #[arg(value_name = "REGEX")]
    pattern: String,
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    rows: PeekRows,
    #[command(flatten)]
    options: PathOptions,
}

/// Show every function between those that call it and those that it calls
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff tree [OPTIONS] PROFILE\n       heapdiff tree [OPTIONS] BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff tree heap.pb.gz
  heapdiff tree -cum -n 10 before.pb.gz after.pb.gz"
)]
pub(super) struct TreeArgs {
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    rows: PeekRows,
    #[command(flatten)]
    options: PathOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rows")]
struct PeekRows {
    /// Sort rows by |cum|, or by |Δ cum| of two profiles [default: by flat]
    #[arg(long)]
    cum: bool,
    /// At most N rows, 0 for all [default: all with peek, json and csv; 25 with tree]
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true)]
    nodecount: Option<usize>,
}

pub(super) fn peek_request(args: PeekArgs) -> Result<Request, CommandError> {
    let PeekArgs { pattern, profiles, rows, options } = args;
    check_pattern("peek", &pattern)?;
    let inputs = compared("peek REGEX", profiles)?;
    // All that match.
    let options = with_rows(options, &PeekRows { nodecount: rows.nodecount.or(Some(0)), ..rows });
    request::request(Question::Peek(Some(pattern)), inputs, options)
}

pub(super) fn tree_request(args: TreeArgs) -> Result<Request, CommandError> {
    let TreeArgs { profiles, rows, options } = args;
    let inputs = compared("tree", profiles)?;
    request::request(Question::Peek(None), inputs, with_rows(options, &rows))
}

fn with_rows(options: PathOptions, rows: &PeekRows) -> Options {
    Options {
        sort: SortArgs { cum: rows.cum, ..SortArgs::default() },
        rows: CountArgs { nodecount: rows.nodecount }.into(),
        ..options.into()
    }
}
