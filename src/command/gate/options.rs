//! The options of commands that check rules.

use super::files::{Also, also};
use crate::analysis::check::Outcome;
use crate::command::destination::is_html;
use crate::command::options::{DressArgs, FilterArgs, OwnArgs, PatternArgs, SampleArgs};
use crate::output::Format;
use crate::rules::{Amount, MAX_PERCENT};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Rules in addition to those of the rules file.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rules")]
pub(in crate::command) struct RuleArgs {
    /// Use the rules in FILE [default: those in ./heapdiff.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(in crate::command) config: Option<PathBuf>,
    /// Let the total grow by at most SIZE: 5MiB, or a plain number
    #[arg(long, value_name = "SIZE", value_parser = amount, allow_negative_numbers = true)]
    pub(in crate::command) max_growth: Option<Amount>,
    /// Let the total grow by at most N percent; with --max-growth it fails only if both are
    /// exceeded
    #[arg(long, value_name = "N", value_parser = percent, allow_negative_numbers = true)]
    pub(in crate::command) max_growth_percent: Option<f64>,
    /// Let the total of AFTER be at most SIZE: 512MiB, or a plain number
    #[arg(long, value_name = "SIZE", value_parser = amount, allow_negative_numbers = true)]
    pub(in crate::command) max: Option<Amount>,
}

/// What may be missing.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Allowed exceptions (errors by default)")]
#[expect(clippy::struct_excessive_bools, reason = "one per option, as typed")]
pub(in crate::command) struct MissingArgs {
    /// Let growth pass if there is no baseline
    #[arg(long)]
    pub(in crate::command) allow_missing_baseline: bool,
    /// Accept rules and filters that match nothing
    #[arg(long)]
    pub(in crate::command) allow_unmatched: bool,
    /// Accept profiles without samples
    #[arg(long)]
    pub(in crate::command) allow_empty: bool,
    /// Accept delta profiles (?seconds=N), which aren't snapshots
    #[arg(long)]
    pub(in crate::command) allow_delta: bool,
}

/// Options of a command that checks rules.
#[derive(Debug, Args)]
pub(in crate::command) struct GateArgs {
    #[command(flatten)]
    pub(in crate::command) rules: RuleArgs,
    #[command(flatten)]
    pub(in crate::command) missing: MissingArgs,
    #[command(flatten)]
    pub(in crate::command) own: OwnArgs,
    #[command(flatten)]
    pub(in crate::command) patterns: PatternArgs,
    #[command(flatten)]
    pub(in crate::command) sample: SampleArgs,
    #[command(flatten)]
    pub(in crate::command) filter: FilterArgs,
    #[command(flatten)]
    pub(in crate::command) output: GateOutputArgs,
}

/// How the result is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::command) struct GateOutputArgs {
    /// Treat an inconclusive check as OUTCOME [default: neither, exit code 3]
    #[arg(long, value_enum, value_name = "OUTCOME")]
    pub(super) on_inconclusive: Option<Settled>,
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = GateFormat::Table)]
    pub(super) format: GateFormat,
    /// Also write the report to FILE in FORMAT; repeatable
    #[arg(long, value_name = "FORMAT=FILE", value_parser = also)]
    pub(super) report: Vec<Also>,
    #[command(flatten)]
    pub(super) dress: DressArgs,
}

impl GateOutputArgs {
    /// The format: that of the file's name if it has one.
    pub(super) fn settled(&self) -> GateFormat {
        let file = self.dress.destination.file();
        match self.format {
            GateFormat::Table if file.is_some_and(is_html) => GateFormat::Html,
            format => format,
        }
    }
}

/// What an inconclusive check is treated as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Settled {
    /// Exit code 0.
    Pass,
    /// Exit code 1.
    Fail,
}

impl From<Settled> for Outcome {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::Pass => Self::Pass,
            Settled::Fail => Self::Fail,
        }
    }
}

/// The output formats of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GateFormat {
    /// For people, in a terminal.
    Table,
    /// For scripts: the whole report, as docs/schema/report.v1.json describes it.
    Json,
    /// For spreadsheets: a line per rule, raw integers.
    Csv,
    /// For a browser: a page in one file.
    Html,
    /// For a job summary or a comment on a pull request.
    Markdown,
    /// For test reports: `JUnit` XML.
    Junit,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// GitHub Actions workflow commands, which annotate lines.
    Github,
    /// For github-action-benchmark: customSmallerIsBetter.
    #[value(name = "benchmark", alias = "customSmallerIsBetter")]
    Benchmark,
}

impl From<GateFormat> for Format {
    fn from(format: GateFormat) -> Self {
        match format {
            GateFormat::Table => Self::Table,
            GateFormat::Json => Self::Json,
            GateFormat::Csv => Self::Csv,
            GateFormat::Html => Self::Html,
            GateFormat::Markdown => Self::Markdown,
            GateFormat::Junit => Self::Junit,
            GateFormat::Sarif => Self::Sarif,
            GateFormat::Github => Self::Github,
            GateFormat::Benchmark => Self::Benchmark,
        }
    }
}

fn amount(text: &str) -> Result<Amount, String> {
    Amount::parse(text).ok_or_else(|| {
        "expected a size such as 5MiB or 500kB, or a number of at least 0".to_owned()
    })
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    number
        .filter(|percent| (0.0..=MAX_PERCENT).contains(percent))
        .ok_or_else(|| format!("expected a number from 0 to {MAX_PERCENT}, in percent"))
}
