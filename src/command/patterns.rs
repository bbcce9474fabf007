//! `heapdiff patterns [ID]...`: lists the leak patterns, or explains some of them. `heapdiff
//! patterns match INPUT...`: shows which patterns the stacks under each function of own code match.

use super::catalog::catalog;
use super::inputs::Beside;
use super::options::{CountArgs, FilterArgs, Options, OutputArgs, OwnArgs, PageArgs, PatternArgs};
use super::request::{self, Request};
use super::{CommandError, Console, run};
use crate::analysis::matches::MatchesQuery;
use crate::output::{self, PatternView, shell};
use crate::patterns::{Catalog, Page};
use crate::report::{Question, Sort, Warning};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// List leak patterns, explain one, or find those that a profile matches
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    override_usage = "heapdiff patterns [OPTIONS] [ID]...\n       heapdiff patterns match [OPTIONS] PROFILE...",
    after_help = "\
Examples:
  heapdiff patterns                        list all of them
  heapdiff patterns timer-ticker           explain one, and how to fix it
  heapdiff patterns match heap.pb.gz       find those that the stacks match
  heapdiff patterns --patterns team.toml   add your team's own, and test their examples

A pattern explains and advises. It doesn't show that memory leaks: look at what grows."
)]
pub(super) struct PatternsArgs {
    #[command(subcommand)]
    command: Option<PatternsCommand>,
    /// Patterns to explain
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    patterns: PatternArgs,
    #[command(flatten)]
    output: PageArgs,
}

impl PatternsArgs {
    /// Returns the inputs as typed, if profiles are matched.
    pub(super) fn inputs(&mut self) -> Option<&mut Vec<String>> {
        self.command.as_mut().map(|PatternsCommand::Match(args)| &mut args.inputs)
    }
}

#[derive(Debug, Subcommand)]
enum PatternsCommand {
    Match(MatchArgs),
}

/// Show which patterns the stacks under each of your functions match
#[derive(Debug, Args)]
#[command(
    name = "match",
    override_usage = "heapdiff patterns match [OPTIONS] PROFILE...",
    after_help = "\
Examples:
  heapdiff patterns match heap.pb.gz
  heapdiff patterns match -own '^github.com/acme/' -n 10 heap.pb.gz
  heapdiff patterns match --format json heap.pb.gz

Each function includes everything allocated below it. Its patterns are sorted by the value of \
their stacks. For a goroutine profile, only the patterns of parked goroutines apply."
)]
struct MatchArgs {
    /// Heap profiles or goroutine profiles; several are added up. Files, folders, globs or
    /// URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    inputs: Vec<String>,
    #[command(flatten)]
    patterns: PatternArgs,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    rows: CountArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn answer(
    args: PatternsArgs,
    warnings: &[Warning],
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let PatternsArgs { command, ids, patterns, output } = args;
    if let Some(PatternsCommand::Match(args)) = command {
        return run::run(match_request(args)?, warnings, Beside::default(), console);
    }
    let catalog = catalog(&patterns)?;
    // Test the examples here, because this is where authors of patterns look at theirs.
    let wrong = catalog.wrong_examples();
    if !wrong.is_empty() {
        return Err(CommandError::Usage(wrong.join("\n")));
    }
    let (format, dress) = output.dress()?;
    let output = request::dressed(format, dress)?;
    let read = patterns.patterns.iter().map(PathBuf::as_path);
    run::check_destination(output.file.as_deref(), output.force, &[], read)?;
    let found = ids.iter().map(|id| catalog.find(id).ok_or_else(|| unknown(&catalog, id)));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    let (page, view) = if found.is_empty() {
        (Page::of(catalog.patterns()), PatternView::List)
    } else {
        (Page::of(found), PatternView::Whole)
    };
    let style = run::style(&output, console);
    run::write_to(output.file.as_deref(), console, |out| {
        output::write_patterns(output.format, &page, view, &style, out)
    })
}

/// No pattern has this id. An argument that is a file was meant for `patterns match`.
fn unknown(catalog: &Catalog, id: &str) -> CommandError {
    CommandError::Usage(if Path::new(id).exists() {
        let file = shell::file(id);
        format!("{id} is a file, not a pattern; use heapdiff patterns match {file}")
    } else {
        let nearest = catalog.nearest(id).join(", ");
        format!(
            "there is no pattern `{id}`; the nearest are {nearest}. `heapdiff patterns` lists all \
             of them"
        )
    })
}

fn match_request(args: MatchArgs) -> Result<Request, CommandError> {
    let MatchArgs { inputs, patterns, own, rows, filter, output } = args;
    if inputs.is_empty() {
        return Err(CommandError::Usage(
            "no profile given: heapdiff patterns match PROFILE...".to_owned(),
        ));
    }
    let asked = MatchesQuery { catalog: Arc::new(catalog(&patterns)?) };
    // The sample type is memory in use, or goroutines, whatever the profile's own default is.
    let options =
        Options { sort: Sort::Cum.into(), rows: rows.into(), filter, output, ..Options::default() };
    let request = request::request(Question::Matches(asked), inputs, options)?;
    Ok(request.with_own(own.own()?).reading(patterns.patterns))
}
