//! `heapdiff goroutines INPUT...`: what the goroutines do.

use super::CommandError;
use super::options::{ComparedArgs, CountArgs, FilterArgs, Options, OutputArgs, OwnArgs};
use super::request::{self, Request, compared};
use crate::report::Question;
use clap::Args;

/// Show what goroutines wait for, where, how long, and what started them
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff goroutines [OPTIONS] DUMP\n       heapdiff goroutines [OPTIONS] BEFORE AFTER",
    after_help = "\
Examples:
  curl -s 'http://localhost:6060/debug/pprof/goroutine?debug=2' | heapdiff goroutines -
  heapdiff goroutines before.txt after.txt     which clusters are new, grew or went
  heapdiff goroutines crash.log                the dump in a log, after SIGQUIT or a panic

An input is a dump in text (?debug=2, SIGQUIT, a panic), anywhere in a log, or a goroutine profile. \
Only dumps say how long goroutines have waited and which go statement started them."
)]
pub(super) struct GoroutinesArgs {
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn request(args: GoroutinesArgs) -> Result<Request, CommandError> {
    let GoroutinesArgs { profiles, rows, filter, own, output } = args;
    let own = own.own()?;
    let inputs = compared("goroutines", profiles)?;
    let rows = rows.into();
    let options = Options { rows, filter, output, ..Options::default() };
    Ok(request::request(Question::Goroutines, inputs, options)?.with_own(own))
}
