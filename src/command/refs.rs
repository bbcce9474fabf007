//! `heapdiff refs REGEX INPUT...`: every way in to the functions that match.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, Options, OwnArgs, PathOptions, fraction, nodecount};
use super::request::{self, Request, check_pattern, compared};
use crate::analysis::refs::{RefsDirection, RefsQuery};
use crate::graph::trim::{Fraction, TrimLimits};
use crate::output::Format;
use crate::report::Question;
use clap::Args;

/// Functions shown in full where nobody says how many.
const SITES_SHOWN: usize = 3;
/// Lines of each in the table, and in JSON and CSV.
const LINES_SHOWN: usize = 20;
const LINES_WRITTEN: usize = 1000;
const BRANCHES_SHOWN: usize = 8;

/// Show through which calls functions were reached: callers, their callers, and so on to the roots
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff refs [OPTIONS] REGEX PROFILE\n       heapdiff refs [OPTIONS] REGEX BEFORE AFTER",
    after_help = "\
Examples:
  heapdiff refs NewTicker before.pb.gz after.pb.gz
  heapdiff refs -lines 'limiter\\.windowFor' before.pb.gz after.pb.gz
  heapdiff refs --callees '^main\\.handle$' heap.pb.gz

Of three or more profiles the first and the last by their own time are compared.

The first line names the nearest function of the program's own that all paths pass, those that go the other way and the \
lightest ones left out, which make up 5 % at most.

The tree says where memory was allocated, not what holds it: a stack is recorded when an object is \
made. What holds it only a profile of references says (goref writes them), and of such a profile the \
tree says that."
)]
pub(super) struct RefsArgs {
    /// Functions to start from: a regular expression on the names of rows, unanchored
    #[arg(value_name = "REGEX")]
    pattern: String,
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    /// Turn the tree round: what the functions call, down to the leaves
    #[arg(long, help_heading = "Tree")]
    callees: bool,
    /// One level of callers and one of callees, as pprof's -peek: the same as heapdiff peek
    #[arg(long, conflicts_with_all = ["callees", "sites", "depth", "branches", "nodefraction", "own"], help_heading = "Tree")]
    peek: bool,
    /// At most N functions that match, 0 for all [default: 3]
    #[arg(long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    sites: Option<usize>,
    /// At most N lines of each, the heaviest, 0 for all [default: 20, and 1000 with json and csv]
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    nodecount: Option<usize>,
    /// At most N lines deep, 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    depth: usize,
    /// At most N branches of a line, 0 for all [default: 8, and all with json and csv]
    #[arg(long, value_name = "N", value_parser = nodecount, allow_negative_numbers = true, help_heading = "Tree")]
    branches: Option<usize>,
    /// No branch below this share of its function, 0 to 1 [default: 0.005, and 0 with json and csv]
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
