//! `heapdiff peek REGEX INPUT...`: callers and callees of matching functions. `heapdiff tree
//! INPUT...`: of all.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, Options, PathOptions, SortArgs, nodecount};
use super::request::{self, Request, check_pattern, compared};
use crate::report::Question;
use clap::Args;

/// Show the callers and callees of matching functions
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff peek [OPTIONS] REGEX PROFILE\n       heapdiff peek [OPTIONS] REGEX BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff peek 'NewTicker$' heap.pb.gz
  heapdiff peek windowFor before.pb.gz after.pb.gz
  heapdiff peek -lines -alloc_space 'limiter\\.' before.pb.gz after.pb.gz

Callers are above a function, callees below it. The share of a call is relative to the function's \
cum; the share of a function is relative to all changes, or to the total of a single profile."
)]
pub(super) struct PeekArgs {
    /// Functions to show: an unanchored regular expression on their names
    #[arg(value_name = "REGEX")]
    pattern: String,
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    rows: PeekRows,
    #[command(flatten)]
    options: PathOptions,
}

/// Show every function with its callers and callees
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
    /// Sort rows by |cum|, or by |Δ cum| for two profiles [default: by flat]
    #[arg(long)]
    cum: bool,
    /// Show at most N rows, 0 for all [default: all with peek, json and csv; 25 with tree]
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true)]
    nodecount: Option<usize>,
}

pub(super) fn peek_request(args: PeekArgs) -> Result<Request, CommandError> {
    let PeekArgs { pattern, profiles, rows, options } = args;
    check_pattern("peek", &pattern)?;
    let inputs = compared("peek REGEX", profiles)?;
    // By default show every match.
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
