//! `heapdiff baseline show DIR`: the baselines of each branch, and how they change over time.

use super::{CommandError, Console, WINDOW, answer, check_broken, named, strangers, window};
use crate::command::options::PageArgs;
use crate::command::{request, run};
use crate::output::{self, Format};
use crate::report::baselines::{BaselineRow, Branch, SCHEMA, Shelf};
use crate::source::baselines::{self, Baseline, Keep};
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Show the baselines of each branch, oldest first, and how they change over time
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff baseline show [OPTIONS] DIR",
    after_help = "\
Examples:
  heapdiff baseline show baselines/
  heapdiff baseline show --branch main --sample-index alloc_space baselines/
  heapdiff baseline show --format csv baselines/ > baselines.csv"
)]
pub(in crate::command) struct ShowArgs {
    /// The folder with the baselines
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Show only this branch
    #[arg(long, value_name = "NAME", value_parser = named)]
    branch: Option<String>,
    /// Show only this platform
    #[arg(long, value_name = "OS/ARCH", value_parser = named)]
    platform: Option<String>,
    /// Sample type of the totals [default: memory in use, if recorded]
    #[arg(long, value_name = "TYPE", alias = "sample_index")]
    sample_index: Option<String>,
    /// Look for drift in the last N baselines
    #[arg(long, value_name = "N", default_value_t = WINDOW, value_parser = window, allow_negative_numbers = true)]
    window: usize,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) fn show(args: ShowArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let mut found = baselines::read(&args.dir).map_err(answer)?;
    check_broken(&mut found, args.branch.as_deref())?;
    let warnings = strangers(&args.dir, &found).map(|warning| warning.message);
    let is_wanted = |baseline: &&Baseline| {
        let facts = &baseline.facts;
        args.branch.as_ref().is_none_or(|branch| *branch == facts.branch)
            && args.platform.as_ref().is_none_or(|platform| *platform == facts.platform)
    };
    let wanted: Vec<&Baseline> = found.baselines.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        return Err(CommandError::Usage(none(&args, &found.baselines)));
    }
    let sample_type = sample_type(args.sample_index.as_deref(), &wanted)?;
    let mut branches: BTreeMap<(&str, &str), Vec<BaselineRow>> = BTreeMap::new();
    for baseline in wanted {
        let key = (baseline.facts.branch.as_str(), baseline.facts.platform.as_str());
        branches.entry(key).or_default().push(row(baseline, &sample_type));
    }
    let branches = branches.into_iter().map(|((branch, platform), rows)| {
        Branch::new(branch.to_owned(), platform.to_owned(), rows, args.window)
    });
    let shelf = Shelf {
        schema: SCHEMA.to_owned(),
        branches: branches.collect(),
        sample_type,
        warnings: warnings.into_iter().collect(),
    };
    let (format, dress) = args.page.dress()?;
    let output = request::dressed(format, dress)?;
    let kept: Vec<PathBuf> = found.baselines.iter().flat_map(Baseline::files).collect();
    let kept = kept.iter().map(PathBuf::as_path);
    run::check_destination(output.file.as_deref(), output.force, &[], kept)?;
    let style = run::style(&output, console);
    run::write_to(output.file.as_deref(), console, |out| {
        output::write_baselines(output.format, &shelf, &style, out)
    })?;
    if matches!(output.format, Format::Csv | Format::SafeCsv) {
        shelf.warnings.iter().for_each(|message| run::say_warning(message, console));
    }
    Ok(())
}

/// Returns the message if no baseline matches, with what there is instead.
fn none(args: &ShowArgs, all: &[Baseline]) -> String {
    let dir = args.dir.display();
    if all.is_empty() {
        return format!(
            "{dir}: contains no baselines; save the first one with heapdiff baseline save {dir} \
             PROFILE..."
        );
    }
    let mut there: Vec<String> = all
        .iter()
        .map(|baseline| format!("{} on {}", baseline.facts.branch, baseline.facts.platform))
        .collect();
    there.sort();
    there.dedup();
    format!("{dir}: contains no such baseline, only those of {}", there.join(", "))
}

/// Returns the sample type to show.
fn sample_type(asked: Option<&str>, baselines: &[&Baseline]) -> Result<String, CommandError> {
    let all = baselines.iter().flat_map(|baseline| &baseline.facts.totals);
    let mut known: Vec<&str> = Vec::new();
    for total in all {
        if !known.contains(&total.sample_type.as_str()) {
            known.push(&total.sample_type);
        }
    }
    let usual = known.iter().find(|name| **name == "inuse_space").or(known.last()).copied();
    match asked {
        None => Ok(usual.unwrap_or_default().to_owned()),
        Some(asked) if known.contains(&asked) => Ok(asked.to_owned()),
        Some(asked) => Err(CommandError::Usage(format!(
            "--sample-index: there is no sample type {asked:?}; the baselines have: {}",
            known.join(", ")
        ))),
    }
}

fn row(baseline: &Baseline, sample_type: &str) -> BaselineRow {
    let facts = &baseline.facts;
    BaselineRow {
        folder: baseline.folder.to_string_lossy().into_owned(),
        time: facts.time.to_string(),
        build: facts.build.clone(),
        program: facts.program.clone(),
        runs: facts.runs.len(),
        period: facts.period,
        kept: match facts.kept {
            Keep::Whole => "whole",
            Keep::Scopes => "scopes",
        }
        .to_owned(),
        total: facts.totals.iter().find(|total| total.sample_type == sample_type).cloned(),
        change: None,
    }
}
