//! `heapdiff refs REGEX INPUT...`: every call path to the functions that match.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, Options, OwnArgs, PathOptions, fraction, nodecount};
use super::request::{self, Request, check_pattern, compared};
use crate::analysis::refs::{RefsDirection, RefsQuery};
use crate::graph::trim::{Fraction, TrimLimits};
use crate::output::Format;
use crate::report::Question;
use clap::Args;

/// Functions shown in full by default.
const SITES_SHOWN: usize = 3;
/// Default lines per function in the table, and in JSON and CSV.
const LINES_SHOWN: usize = 20;
const LINES_WRITTEN: usize = 1000;
const BRANCHES_SHOWN: usize = 8;

/// Show the call paths to functions: callers, their callers, and so on to the roots
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff refs [OPTIONS] REGEX PROFILE\n       heapdiff refs [OPTIONS] REGEX BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff refs NewTicker before.pb.gz after.pb.gz
  heapdiff refs -lines 'limiter\\.windowFor' before.pb.gz after.pb.gz
  heapdiff refs --callees '^main\\.handle$' heap.pb.gz

With three or more profiles, the first and the last by their own time are compared.

The first line names the nearest function of your own code that all paths go through, apart from \
those that changed in the other direction and the lightest ones, which make up at most 5 %.

The tree shows where memory was allocated, not what holds it: a stack is recorded when an object \
is allocated. Only a reference profile records what holds memory (goref writes them), and for such \
a profile the tree shows that."
)]
pub(super) struct RefsArgs {
    /// Functions to start from: an unanchored regular expression on the names of rows
    #[arg(value_name = "REGEX")]
    pattern: String,
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    /// Show callees instead: what the functions call, down to the leaves
    #[arg(long, help_heading = "Tree")]
    callees: bool,
    /// Show one level of callers and callees, like pprof's -peek; same as heapdiff peek
    #[arg(long, conflicts_with_all = ["callees", "sites", "depth", "branches", "nodefraction", "own"], help_heading = "Tree")]
    peek: bool,
    /// Show at most N matching functions, 0 for all [default: 3]
    #[arg(long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    sites: Option<usize>,
    /// Show at most N lines of each, the heaviest, 0 for all [default: 20; 1000 with json and csv]
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    nodecount: Option<usize>,
    /// Show at most N levels, 0 for all
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    depth: usize,
    /// Show at most N branches of a line, 0 for all [default: 8; all with json and csv]
    #[arg(long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    branches: Option<usize>,
    /// Leave out branches below this fraction of their function [default: 0.005; 0 with json and
    /// csv]
    #[arg(long, value_name = "F", value_parser = fraction, help_heading = "Tree")]
    nodefraction: Option<Fraction>,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    options: PathOptions,
}

pub(super) fn request(args: RefsArgs) -> Result<Request, CommandError> {
    let RefsArgs { pattern, profiles, callees, own, options, .. } = args;
    check_pattern("refs", &pattern)?;
    if args.peek {
        let question = Question::Peek(Some(pattern));
        let inputs = compared("refs --peek REGEX", profiles)?;
        let rows = CountArgs { nodecount: args.nodecount.or(Some(0)) }.into();
        return request::request(question, inputs, Options { rows, ..options.into() });
    }
    let is_table = options.output.format == Format::Table;
    let limit = |shown: usize, written: usize| if is_table { shown } else { written };
    let asked = RefsQuery {
        pattern,
        direction: if callees { RefsDirection::Callees } else { RefsDirection::Callers },
        sites: args.sites.unwrap_or(SITES_SHOWN),
        lines: args.nodecount.unwrap_or(limit(LINES_SHOWN, LINES_WRITTEN)),
        depth: args.depth,
        branches: args.branches.unwrap_or(limit(BRANCHES_SHOWN, 0)),
        fraction: args.nodefraction.unwrap_or(if is_table {
            TrimLimits::default().nodefraction
        } else {
            Fraction::default()
        }),
    };
    let inputs = compared("refs REGEX", profiles)?;
    let request = request::request(Question::Refs(asked), inputs, options.into())?;
    Ok(request.with_own(own.own()?))
}
