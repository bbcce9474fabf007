//! `heapdiff baseline save DIR PROFILE...`: saves the runs of one build as a baseline.

use super::{CommandError, Console, answer, branch, named, number, platform, strangers};
use crate::analysis::check::drift::DriftMeasure;
use crate::analysis::check::{self, CheckQuery, Missing};
use crate::command::gate::{read, today};
use crate::command::load::LoadError;
use crate::command::options::{OwnArgs, PatternArgs, ReadingArgs};
use crate::command::symbols::SymbolArgs;
use crate::command::{catalog, inputs, load, run};
use crate::filter::Spec;
use crate::input::pprof::encode;
use crate::model::merge::{Merge, Sign};
use crate::model::profile::Profile;
use crate::model::rebase::Rebase;
use crate::model::series::Series;
use crate::model::symbols::base_name;
use crate::patterns::Catalog;
use crate::report::baselines::BaselineTotal;
use crate::report::{Query, Question, measure};
use crate::rules::{Rule, Rules, Scope};
use crate::source;
use crate::source::baselines::{self, Baseline, Facts, Keep, SCHEMA, WriteRun};
use crate::units;
use clap::Args;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Keep the runs of one build as a baseline
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff baseline save [OPTIONS] DIR PROFILE...",
    after_help = "\
Examples:
  heapdiff baseline save baselines/ run-*.pb.gz
  heapdiff baseline save --branch main --build 1.4.2 baselines/ run-1.pb.gz run-2.pb.gz
  heapdiff baseline save --keep scopes --config heapdiff.toml baselines/ run-*.pb.gz

Nothing is ever overwritten. Profiles don't record their platform, so it is assumed to be that of \
this machine. With --keep scopes, a stack is kept in full if a function, package, file or pattern \
of the rules or the allow-list matches it; all others are reduced to their line of your own code, \
and their values are added up. A scope that is added to the rules later has no data in such a \
baseline, and compare reports that.

In CI, $GITHUB_REF_NAME or $CI_COMMIT_BRANCH names the branch, and $GITHUB_SHA or $CI_COMMIT_SHA the commit."
)]
pub(in crate::command) struct SaveArgs {
    /// The folder for the baselines; created if it doesn't exist
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The runs: files, folders or globs; `-` reads standard input
    #[arg(value_name = "PROFILE", required = true)]
    inputs: Vec<String>,
    /// The branch [default: the one of CI, else of git, else `default`]
    #[arg(long, value_name = "NAME", value_parser = named)]
    branch: Option<String>,
    /// The build [default: the build id in the profiles, else the commit of CI]
    #[arg(long, value_name = "ID", value_parser = named)]
    build: Option<String>,
    /// Platform that the program ran on [default: this machine, such as linux/amd64]
    #[arg(long, value_name = "OS/ARCH", value_parser = named)]
    platform: Option<String>,
    /// How much of the runs to keep
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Keep::Whole)]
    keep: Keep,
    /// Use the rules in FILE, for --keep scopes [default: those in ./heapdiff.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep at most N baselines per branch and platform, and delete the oldest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = number, allow_negative_numbers = true)]
    max_count: usize,
    /// Accept runs without samples
    #[arg(long)]
    allow_empty: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    symbols: SymbolArgs,
    #[command(flatten)]
    patterns: PatternArgs,
    #[command(flatten)]
    own: OwnArgs,
}

pub(super) fn save(args: SaveArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let only_scopes = [
        (args.config.is_some(), "--config"),
        (!args.patterns.patterns.is_empty(), "--patterns"),
        (args.own.own.is_some(), "--own"),
    ];
    let only_scopes: Vec<&str> =
        only_scopes.into_iter().filter(|(given, _)| *given).map(|(_, option)| option).collect();
    let own = args.own.own()?;
    let (rules, catalog) = match args.keep {
        Keep::Whole if !only_scopes.is_empty() => {
            return Err(CommandError::Usage(format!(
                "{} only affects --keep scopes, and --keep whole keeps everything: leave it out, \
                 or add --keep scopes",
                only_scopes.join(" and ")
            )));
        }
        Keep::Whole => (Rules::default(), Catalog::builtin()),
        Keep::Scopes => {
            let settings = catalog::settings(args.config.as_deref())?;
            let catalog = catalog::catalog_with(&args.patterns, settings.as_ref())?;
            let rules = settings.as_ref().map(|settings| read(settings, &catalog)).transpose()?;
            let rules = rules.filter(|rules| !rules.rules.is_empty()).ok_or_else(|| {
                CommandError::Usage(
                    "--keep scopes keeps what the rules are about, and there are none: name their \
                     file with --config, or write one with heapdiff check --init"
                        .to_owned(),
                )
            })?;
            (rules, catalog)
        }
    };
    let found = inputs::find(&args.inputs)?;
    let names = load::unordered(&found.names);
    let progress = run::progress(console, &args.reading, &args.symbols)?;
    let mut runs: Vec<Profile> = Vec::new();
    let mut rebase = Rebase::default();
    load::each(&names, &progress, |name, profile| {
        runs.push(match args.keep {
            Keep::Whole => whole(name, &profile)?,
            Keep::Scopes => {
                let mut alone = Rebase::default();
                alone.add(&source::shown(name), profile.clone());
                let series = alone.finish().map_err(answer)?;
                check::reduce(series, &rules, &catalog, &own).map_err(answer)?
            }
        });
        rebase.add(&source::shown(name), profile);
        Ok::<(), CommandError>(())
    })?;
    let series = rebase.finish().map_err(answer)?;
    let samples = args.allow_empty;
    let mut facts = facts(&series, &runs);
    facts.totals = totals(series, Missing { samples, ..Missing::default() })?;
    facts.branch = args.branch.unwrap_or_else(|| branch(console));
    facts.build = args.build.or(facts.build).or_else(|| console.ci.commit.clone());
    facts.platform = args.platform.unwrap_or_else(platform);
    facts.kept = args.keep;
    if args.keep == Keep::Scopes {
        facts.scopes = check::scopes(&rules);
    }
    let writers: Vec<_> = runs
        .iter()
        .map(|profile| move |out: &mut dyn io::Write| encode::write(profile, out))
        .collect();
    let writers: Vec<WriteRun<'_>> = writers.iter().map(|write| write as WriteRun<'_>).collect();
    let saved = baselines::save(&args.dir, facts, &writers).map_err(answer)?;
    let mut warnings: Vec<String> =
        found.warnings.into_iter().map(|warning| warning.message).collect();
    let named = run::named(&progress, &args.reading, console);
    warnings.extend(named.into_iter().map(|warning| warning.message));
    let pruned = tidy(&args.dir, &saved, args.max_count, &mut warnings)?;
    for warning in warnings.iter().filter(|_| !args.reading.quiet) {
        run::say_warning(warning, console);
    }
    tell(&saved, pruned, console).map_err(CommandError::Stdout)
}

impl From<LoadError> for CommandError {
    fn from(error: LoadError) -> Self {
        answer(error)
    }
}

/// Returns a run with each distinct stack once.
fn whole(name: &str, profile: &Profile) -> Result<Profile, CommandError> {
    let mut merge = Merge::default();
    merge.add(&source::shown(name), profile, Sign::Plus).map_err(answer)?;
    Ok(merge.finish())
}

/// Collects what the profiles record about themselves.
fn facts(series: &Series, runs: &[Profile]) -> Facts {
    let newest = series.snapshots.iter().map(|snapshot| snapshot.header.time_nanos).max();
    let time = newest
        .filter(|&nanos| nanos != 0)
        .and_then(|nanos| jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok());
    let first = runs.first();
    let main = first.and_then(|run| Some((run, run.symbols.mappings.first()?)));
    let text = |id: fn(&crate::model::symbols::Mapping) -> crate::model::ids::StringId| {
        main.map(|(run, main)| run.text(id(main)).to_owned()).filter(|text| !text.is_empty())
    };
    Facts {
        schema: SCHEMA.to_owned(),
        heapdiff: env!("CARGO_PKG_VERSION").to_owned(),
        branch: String::new(),
        build: text(|main| main.build_id),
        platform: String::new(),
        program: text(|main| main.file).map(|file| base_name(&file).to_owned()),
        time: time.unwrap_or_else(jiff::Timestamp::now),
        period: first.map_or(0, |run| run.header.period),
        kept: Keep::Whole,
        scopes: Vec::new(),
        totals: Vec::new(),
        runs: Vec::new(),
    }
}

/// Returns the total of each sample type over the runs, with its error.
fn totals(series: Series, missing: Missing) -> Result<Vec<BaselineTotal>, CommandError> {
    let rules = series.sample_types.iter().map(|sample_type| Rule {
        sample_type: Some(sample_type.name.clone()),
        ..Rule::new(sample_type.name.clone(), Scope::Total)
    });
    let rules = Rules { rules: rules.collect(), ..Rules::default() };
    let runs = series.snapshots.len();
    let asked = CheckQuery {
        rules: Arc::new(rules),
        // Rules about totals need no patterns.
        catalog: Arc::new(Catalog::default()),
        before: 0,
        today: today(),
        missing,
        inconclusive: None,
    };
    let measures =
        measure(series, &Query::new(Question::Check(asked)), &Spec::default()).map_err(answer)?;
    let total = |measure: DriftMeasure| BaselineTotal {
        standard_error: (measure.known || runs > 1).then(|| measure.point.variance.sqrt()),
        value: measure.point.value.round() as i64,
        sample_type: measure.sample_type,
        unit: measure.unit,
    };
    Ok(measures.into_iter().map(total).collect())
}

/// Deletes the oldest baselines beyond the maximum, and adds warnings about the folder. Returns how
/// many were deleted.
fn tidy(
    dir: &std::path::Path,
    saved: &Baseline,
    max_count: usize,
    warnings: &mut Vec<String>,
) -> Result<usize, CommandError> {
    let found = baselines::read(dir).map_err(answer)?;
    warnings.extend(strangers(dir, &found).map(|warning| warning.message));
    warnings.extend(found.broken.iter().map(|(_, error)| error.to_string()));
    let same: Vec<Baseline> = found
        .baselines
        .into_iter()
        .filter(|other| {
            other.facts.branch == saved.facts.branch && other.facts.platform == saved.facts.platform
        })
        .collect();
    let newer = same.iter().rev().find(|other| other.facts.time > saved.facts.time);
    if let Some(newer) = newer {
        warnings.push(format!(
            "{} is of {}, before {}, which is of {}: baselines are ordered by time, so compare \
             keeps using the latter",
            saved.folder.display(),
            saved.facts.time,
            newer.folder.display(),
            newer.facts.time
        ));
    }
    let more = same.len().saturating_sub(max_count);
    let oldest = same.iter().filter(|other| other.folder != saved.folder).take(more);
    let mut pruned = 0;
    for old in oldest {
        match baselines::remove(old) {
            Ok(()) => pruned += 1,
            // Not an error: the new baseline is saved.
            Err(error) => warnings.push(format!("can't delete an old baseline: {error}")),
        }
    }
    Ok(pruned)
}

fn tell(saved: &Baseline, pruned: usize, console: &mut Console<'_>) -> io::Result<()> {
    let Baseline { folder, facts } = saved;
    let runs = match facts.runs.len() {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    let shown = facts.totals.iter().find(|total| total.sample_type == "inuse_space");
    let holds = shown.or(facts.totals.first()).map_or(String::new(), |total| {
        let margin = total.margin().map(|margin| units::display(margin as f64, &total.unit));
        let margin = margin.map_or(String::new(), |margin| format!(" ± {margin}"));
        format!(
            ", {} {}{margin}",
            total.sample_type,
            units::display(total.value as f64, &total.unit)
        )
    });
    writeln!(
        console.stdout,
        "saved {}: {runs} of {} on {}{holds}",
        crate::output::escape(&folder.to_string_lossy()),
        crate::output::escape(&facts.branch),
        crate::output::escape(&facts.platform)
    )?;
    if pruned > 0 {
        let them =
            if pruned == 1 { "1 older baseline" } else { &format!("{pruned} older baselines") };
        writeln!(console.stdout, "deleted {them}")?;
    }
    Ok(())
}
