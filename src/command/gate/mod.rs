//! What the commands that check rules share: options, reading the rules, judging profiles by them,
//! and writing the reports.
//!
//! The environment of GitHub Actions comes from the [`Console`]. All other output depends on the
//! arguments alone.

mod files;
mod options;
mod page;

use super::catalog::{self, Settings};
use super::load::{Keep, load, load_recording_and_ends, unordered};
use super::progress::Progress;
use super::request::{self, Output};
use super::{CommandError, Console, run};
use crate::analysis::check::drift::DriftMeasure;
use crate::analysis::check::{CheckQuery, Missing, Outcome};
use crate::filter::Spec;
use crate::model::origin::Own;
use crate::output::{self, Format};
use crate::patterns::Catalog;
use crate::report::{Query, Question, Report, Runs, Subject, Warning, analyze, measure};
use crate::rules::{Limits, Rule, Rules, Scope};
use files::{Also, Files};
use jiff::civil::Date;
pub(super) use options::GateArgs;
use options::{GateFormat, GateOutputArgs, Settled};
pub(super) use page::Sides;
use std::io::{self, Write};
use std::sync::Arc;

/// The check failed.
const BROKEN: u8 = 1;
/// The check is inconclusive.
const OPEN: u8 = 3;

/// A gate: its rules and its output options.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) rules: Rules,
    pub(super) output: Output,
    pub(super) missing: Missing,
    pub(super) spec: Spec,
    catalog: Arc<Catalog>,
    own: Own,
    sample_type: Option<String>,
    pub(super) files: Files,
    reports: Vec<Also>,
    csv_safe: bool,
    on_inconclusive: Option<Settled>,
    /// The command line, if it can be shown.
    command_line: Option<String>,
}

/// The profiles that are judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Profiles {
    /// Runs before; empty without a baseline.
    pub(super) before: Vec<String>,
    /// Runs after.
    pub(super) after: Vec<String>,
    /// Snapshots of one program over time; the first and the last are before and after.
    pub(super) snapshots: Vec<String>,
    /// What else is known of the process whose snapshots these are.
    pub(super) beside: Vec<String>,
}

impl Profiles {
    /// Returns how many are before, once snapshots are reduced to the first and the last.
    pub(super) fn number_before(&self) -> usize {
        if self.snapshots.is_empty() { self.before.len() } else { 1 }
    }
}

impl Gate {
    /// Makes a gate from the arguments and the rules file. Reads no profile.
    pub(super) fn new(
        mut args: GateArgs,
        no_leaks: bool,
        command_line: Option<String>,
    ) -> Result<Self, CommandError> {
        args.output.format = args.output.settled();
        let files = args.files();
        let GateArgs { rules: typed, missing, own, patterns, sample, filter, output } = args;
        let settings = catalog::settings(typed.config.as_deref())?;
        // Compiling hundreds of expressions takes as long as reading a small profile, and most
        // rules need none.
        let mentions = |word| settings.as_ref().is_some_and(|s| s.text.contains(word));
        let asks = no_leaks || !patterns.patterns.is_empty();
        let catalog = if asks || mentions("pattern") || mentions("leak") {
            catalog::catalog_with(&patterns, settings.as_ref())?
        } else {
            Catalog::default()
        };
        let mut rules = match &settings {
            Some(settings) => read(settings, &catalog)?,
            None => Rules::default(),
        };
        let names: Vec<&str> = rules.rules.iter().map(|rule| rule.name.as_str()).collect();
        let free = |name: &str| {
            let taken = names.contains(&name);
            if taken { format!("{name} (command line)") } else { name.to_owned() }
        };
        let mut added = Vec::new();
        let growth = Limits { most: typed.max_growth, percent: typed.max_growth_percent };
        if !growth.is_empty() || typed.max.is_some() {
            let rule = Rule::new(free("total"), Scope::Total);
            added.push(Rule { growth, budget: typed.max, ..rule });
        }
        if no_leaks && rules.rules.iter().all(|rule| rule.scope != Scope::Leak) {
            added.push(Rule::new(free("no leaks"), Scope::Leak));
        }
        rules.rules.extend(added);
        if rules.rules.is_empty() {
            let where_from = settings.as_ref().map_or_else(
                || format!("and there is no {}", catalog::USUAL),
                |settings| format!("and {} has no [[rule]]", settings.name),
            );
            return Err(CommandError::Usage(format!(
                "there are no rules, {where_from}; set a limit with --max-growth 5MiB or \
                 --max-growth-percent 10, or run heapdiff check --init"
            )));
        }
        let GateOutputArgs { on_inconclusive, format, report, mut dress } = output;
        let csv_safe = dress.csv_safe;
        // It may be about a report alone.
        let has_csv = report.iter().any(|also| also.format == GateFormat::Csv);
        dress.csv_safe &= format == GateFormat::Csv || !has_csv;
        // It may be about a report alone, too.
        let has_page = report.iter().any(|also| also.format == GateFormat::Html);
        let no_source = dress.no_source;
        dress.no_source &= format == GateFormat::Html || !has_page;
        if dress.unit.is_some() && format != GateFormat::Table {
            return Err(CommandError::Usage(
                "-unit only affects the table: leave it out with another --format".to_owned(),
            ));
        }
        Ok(Self {
            rules,
            catalog: Arc::new(catalog),
            own: own.own()?,
            missing: Missing {
                baseline: missing.allow_missing_baseline,
                matches: missing.allow_unmatched,
                samples: missing.allow_empty,
                states: missing.allow_delta,
            },
            spec: request::spec(filter)?,
            sample_type: sample.sample_type(),
            output: Output { no_source, ..request::dressed(format.into(), dress)? },
            files,
            reports: report,
            csv_safe,
            on_inconclusive,
            command_line,
        })
    }

    /// Refuses to write a page to a terminal.
    pub(super) fn check_page(&self, console: &Console<'_>) -> Result<(), CommandError> {
        run::check_not_html_to_terminal(&self.output, "check", console)
    }

    /// Whether the baseline may be missing.
    pub(super) fn may_miss_baseline(&self) -> bool {
        self.missing.baseline
    }

    /// Whether a rule is about leaks.
    pub(super) fn asks_for_leaks(&self) -> bool {
        self.rules.rules.iter().any(|rule| rule.scope == Scope::Leak)
    }

    /// Whether all rules limit only drift.
    pub(super) fn is_about_drift_alone(&self) -> bool {
        self.rules.rules.iter().all(|rule| {
            rule.scope != Scope::Leak && rule.growth.is_empty() && rule.budget.is_none()
        })
    }

    /// Reads the profiles.
    pub(super) fn read(
        &self,
        profiles: &Profiles,
        progress: &Progress,
    ) -> Result<Runs, CommandError> {
        let Profiles { before, after, snapshots, beside } = profiles;
        self.files.check(&[before.as_slice(), after, snapshots, beside].concat())?;
        if !snapshots.is_empty() {
            return self.read_snapshots(snapshots, beside, progress);
        }
        let names = [unordered(before), unordered(after)].concat();
        let series =
            load(&names, Keep::All, progress).map_err(|e| CommandError::Answer(Box::new(e)))?;
        Ok(Runs { series, ..Runs::default() })
    }

    /// Judges the runs, the first `before` of which are before. `warnings` are those about the
    /// inputs so far.
    pub(super) fn judge(
        &self,
        runs: Runs,
        before: usize,
        today: Date,
        warnings: Vec<Warning>,
    ) -> Result<Report, CommandError> {
        let query = self.query(before, today);
        let subject = Subject { warnings, ..runs.into() };
        analyze(subject, &query, &self.spec).map_err(|e| CommandError::Answer(Box::new(e)))
    }

    /// Measures the value of each rule in the runs of one baseline.
    pub(super) fn measure(
        &self,
        runs: &[String],
        today: Date,
        progress: &Progress,
    ) -> Result<Vec<DriftMeasure>, CommandError> {
        let series = load(&unordered(runs), Keep::All, progress)
            .map_err(|e| CommandError::Answer(Box::new(e)))?;
        let query = self.query(0, today);
        measure(series, &query, &self.spec).map_err(|e| CommandError::Answer(Box::new(e)))
    }

    /// The question to the runs, of which the first `before` are before.
    fn query(&self, before: usize, today: Date) -> Query {
        let asked = CheckQuery {
            rules: Arc::new(self.rules.clone()),
            catalog: Arc::clone(&self.catalog),
            before,
            today,
            missing: self.missing,
            inconclusive: self.on_inconclusive.map(Outcome::from),
        };
        Query {
            sample_type: self.sample_type.clone(),
            own: self.own.clone(),
            trim_path: self.trim_path(),
            ..Query::new(Question::Check(asked))
        }
    }

    /// The prefixes that file names lose.
    fn trim_path(&self) -> Vec<String> {
        [self.output.trim_path.clone(), Self::here()].concat()
    }

    /// Returns the prefixes of file names of a program that was built here: the folder, and with
    /// `-trimpath` the module. Annotations need file names relative to the repository.
    fn here() -> Vec<String> {
        let folder = std::env::current_dir().ok().map(|folder| folder.display().to_string());
        let module = std::fs::read_to_string("go.mod").ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("module "))?;
            Some(line.split_whitespace().next()?.trim_matches('"').to_owned())
        });
        let prefixes = [folder, module].into_iter().flatten().filter(|prefix| prefix.len() > 1);
        prefixes.map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).collect()
    }

    /// Reads the first and the last snapshot, and all of them if a rule is about leaks.
    fn read_snapshots(
        &self,
        names: &[String],
        beside: &[String],
        progress: &Progress,
    ) -> Result<Runs, CommandError> {
        let fail = |error| CommandError::Answer(Box::new(error));
        let snapshots = names.len();
        if !self.asks_for_leaks() {
            let series = load(names, Keep::Ends, progress).map_err(fail)?;
            return Ok(Runs { series, snapshots, ..Runs::default() });
        }
        let (recording, _, series) =
            load_recording_and_ends(names, (beside, false), progress).map_err(fail)?;
        if let [one] = recording.main().history.moments.as_slice() {
            return Err(CommandError::Usage(format!(
                "{} is one snapshot, and leaks show only in several: use at least four, or eight \
                 to be sure",
                one.name
            )));
        }
        Ok(Runs { series, recording: Some(recording), snapshots, ..Runs::default() })
    }

    /// Writes the report everywhere it is wanted, and returns the exit code. `sides` are what a page compares.
    pub(super) fn say(
        &self,
        report: &Report,
        sides: Option<&Sides>,
        console: &mut Console<'_>,
    ) -> Result<u8, CommandError> {
        // First, so that they exist even if standard output is closed early.
        for Also { format, file } in &self.reports {
            let format = Format::from(*format);
            let is_safe = self.csv_safe && format == Format::Csv;
            let output = Output {
                format: request::safe_csv(format, is_safe)?,
                file: Some(file.clone()),
                ..self.output.clone()
            };
            self.write(report, sides, &output, console)?;
        }
        // Before the main report, so that a log ends with the outcome.
        unless_closed(self.say_on_github(report, console))?;
        unless_closed(self.write(report, sides, &self.output, console))?;
        run::warn(report, &self.output, console);
        Ok(exit_code(report))
    }

    /// Writes the report in a format.
    fn write(
        &self,
        report: &Report,
        sides: Option<&Sides>,
        output: &Output,
        console: &mut Console<'_>,
    ) -> Result<(), CommandError> {
        if output.format == Format::Html {
            return self.write_page(report, sides, output, console);
        }
        run::write(report, output, console)
    }

    /// Annotates lines and appends to the job summary, in a GitHub Actions job.
    fn say_on_github(
        &self,
        report: &Report,
        console: &mut Console<'_>,
    ) -> Result<(), CommandError> {
        if !console.github.is_there {
            return Ok(());
        }
        let style = run::style(&self.output, console);
        if self.output.format != Format::Github {
            // Standard output holds nothing else if a machine may read the report there; the runner
            // reads both streams.
            let is_free = self.output.format == Format::Table || self.output.file.is_some();
            let out: &mut dyn Write =
                if is_free { &mut *console.stdout } else { &mut *console.stderr };
            output::write(Format::Github, report, &style, out).map_err(CommandError::Stdout)?;
        }
        if let Some(path) = console.github.step_summary.clone() {
            let added =
                files::append(&path, |out| output::write(Format::Markdown, report, &style, out));
            added.map_err(|source| CommandError::Output { path, source })?;
        }
        Ok(())
    }
}

/// The exit code of a check.
fn exit_code(report: &Report) -> u8 {
    let outcome = report.answer.check().map(|check| check.taken_for.unwrap_or(check.outcome));
    match outcome.unwrap_or(Outcome::Inconclusive) {
        Outcome::Pass => super::DONE,
        Outcome::Fail => BROKEN,
        Outcome::Inconclusive => OPEN,
    }
}

/// Ignores a closed pipe: a reader that closes it early doesn't change the outcome.
fn unless_closed(written: Result<(), CommandError>) -> Result<(), CommandError> {
    match written {
        Err(CommandError::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Reads the rules of a file.
pub(super) fn read(settings: &Settings, catalog: &Catalog) -> Result<Rules, CommandError> {
    let is_pattern = |id: &str| match catalog.find(id) {
        Some(pattern) if !pattern.any.is_empty() => Ok(()),
        _ => Err(catalog.nearest(id).into_iter().map(str::to_owned).collect()),
    };
    let rules = Rules::read(&settings.name, &settings.text, &is_pattern);
    rules.map_err(|error| CommandError::Usage(error.to_string()))
}

/// Returns today's date in UTC, so that it is the same everywhere.
pub(super) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
