//! `heapdiff goroutines INPUT...`: what the goroutines do, and which of them pile up.

use super::CommandError;
use super::options::{BaseArgs, ComparedArgs, FilterArgs, Options, OutputArgs, OwnArgs, RowArgs};
use super::request::{self, Request, compared};
use super::times::AtArgs;
use crate::report::Question;
use clap::Args;

/// Show what goroutines wait for, where, how long, what started them, and which pile up
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff goroutines [OPTIONS] DUMP\n       heapdiff goroutines [OPTIONS] BEFORE AFTER\n       heapdiff goroutines [OPTIONS] INPUT...",
    after_help = "\
Examples:
  curl -s 'http://localhost:6060/debug/pprof/goroutine?debug=2' | heapdiff goroutines -
  heapdiff goroutines before.txt after.txt     which clusters are new, grew or went
  heapdiff goroutines snapshots/               which clusters leak, and how fast
  heapdiff goroutines crash.log                the dump in a log, after SIGQUIT or a panic

An input is a dump in text (?debug=2, SIGQUIT, a panic), anywhere in a log, or a goroutine profile. \
Only dumps say how long goroutines have waited and which go statement started them. \
More than two inputs show each cluster over time, with its class and slope as in leaks and \
timeline; heap profiles among them tell processes apart."
)]
pub(super) struct GoroutinesArgs {
    /// Dumps or goroutine profiles: one, two to compare, the earlier one first, or more in any order.
    /// Files, folders or globs; `-` reads standard input
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    base: BaseArgs,
    #[command(flatten)]
    rows: RowArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn request(args: GoroutinesArgs) -> Result<Request, CommandError> {
    let GoroutinesArgs { inputs, at, base, rows, filter, own, output } = args;
    let own = own.own()?;
    let inputs = compared("goroutines", ComparedArgs { inputs, base })?;
    let options = Options { rows, filter, output, ..Options::default() };
    let request = request::request(Question::Goroutines, inputs, options)?.with_own(own);
    Ok(request.with_times(at.times()?))
}
