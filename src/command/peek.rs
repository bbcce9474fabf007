//! `heapdiff peek REGEX INPUT...`, the callers and callees of some rows, and `heapdiff tree INPUT...`, of all.

use super::Error;
use super::options::{ComparedArgs, PathOptions, nodecount};
use super::request::{ROWS_SHOWN, Request, check_pattern, path_request};
use crate::output::Format;
use crate::report::{Question, Sort};
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

pub(super) fn peek_request(args: PeekArgs) -> Result<Request, Error> {
    let PeekArgs { pattern, profiles, rows, options } = args;
    check_pattern("peek", &pattern)?;
    let question = Question::Peek(Some(pattern));
    let request = path_request("peek REGEX", question, profiles, options)?;
    Ok(with_rows(request, &rows, 0))
}

pub(super) fn tree_request(args: TreeArgs) -> Result<Request, Error> {
    let TreeArgs { profiles, rows, options } = args;
    let request = path_request("tree", Question::Peek(None), profiles, options)?;
    let shown = if request.output.format == Format::Table { ROWS_SHOWN } else { 0 };
    Ok(with_rows(request, &rows, shown))
}

fn with_rows(mut request: Request, rows: &PeekRows, shown: usize) -> Request {
    request.query.nodecount = rows.nodecount.unwrap_or(shown);
    request.query.sort = rows.cum.then_some(Sort::Cum);
    request
}
