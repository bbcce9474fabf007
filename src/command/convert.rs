//! `heapdiff convert INPUT... -o OUT`: a profile, or the difference of two, in the format of
//! another tool.
//!
//! A format is a variant of [`Target`] and a line in [`TARGETS`]. pprof's format is written from
//! the profile as read, so that nothing is lost; all other formats are written from a report.

use super::inputs::Beside;
use super::load::LoadError;
use super::options::{
    BaseArgs, Color, DressArgs, FileArgs, FilterArgs, GranularityArgs, Options, OutputArgs,
    ReadingArgs, SampleArgs,
};
use super::symbols::SymbolArgs;
use super::{CommandError, Console, load, request, run};
use crate::analysis::stacks::StackOrder;
use crate::filter::{Filter, Spec};
use crate::graph::trim::TrimLimits;
use crate::model::difference::{add_growth, default_column, difference};
use crate::model::merge::{Merge, Sign};
use crate::model::profile::Profile;
use crate::output::{FileNames, Format, shell};
use crate::report::{self, Question, Warning};
use crate::source;
use clap::{Args, ValueEnum};
use std::path::Path;

const FORMATS: &str = "\
Formats, and the file names that select them:
  pprof       .pb.gz, .pb (without gzip): go tool pprof
  folded      .folded, .collapsed, .txt: flamegraph.pl, inferno
  difffolded  the same names, for two profiles: before and after
  speedscope  .speedscope.json, .json: https://www.speedscope.app
  csv         .csv: one line per stack
  dot         .dot, .gv: Graphviz; the call graph within pprof's limits";

/// How a difference is written in each format, for `--help`.
const DIFFERENCE: &str = "\
The difference of two profiles:
  pprof       after - before with a sign, as with go tool pprof -base
  speedscope  four profiles in one file: what grew, what shrank, after, before
  difffolded  two numbers for each stack, since folded lines can't hold a negative value

speedscope also opens the difference in pprof's format. It doesn't accept negative values, so it \
shows the column that is added at the end: the growth of each call path (inuse_space_growth). \
pprof shows that column with -sample_index=inuse_space_growth. Folded lines can't be negative \
either: if the input is itself a difference with negative values, their stacks are left out with a \
warning.";

const EXAMPLES: &str = "\
Examples:
  heapdiff convert heap.pb.gz -o heap.speedscope.json
  heapdiff convert -focus=cache before.pb.gz after.pb.gz -o grew.pb.gz
  heapdiff convert --to folded heap.pb.gz | flamegraph.pl > heap.svg";

/// Write a profile, or the difference of two, in the format of another tool
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff convert [OPTIONS] PROFILE -o OUT\n       heapdiff convert [OPTIONS] BEFORE AFTER -o OUT",
    after_help = format!("{FORMATS}\n\n{EXAMPLES}"),
    after_long_help = format!("{FORMATS}\n\n{DIFFERENCE}\n\n{EXAMPLES}")
)]
pub(super) struct ConvertArgs {
    /// One profile, or BEFORE and AFTER. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    base: BaseArgs,
    /// Output format [default: by the extension of OUT]
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Option<Target>,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    granularity: GranularityArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    file: FileArgs,
    /// Make CSV safe for a spreadsheet: no name becomes a formula
    #[arg(long, help_heading = "Output")]
    csv_safe: bool,
    /// Remove these folders from file names; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "trim_path", help_heading = "Output")]
    trim_path: Option<String>,
}

/// A format to convert to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// A profile in pprof's format.
    Pprof,
    /// `root;leaf value`.
    Folded,
    /// `root;leaf before after`.
    Difffolded,
    /// A file of speedscope.
    Speedscope,
    /// One line per stack.
    Csv,
    /// The call graph.
    Dot,
}

/// The formats, each with the file name endings that select it.
const TARGETS: &[(Target, &[&str])] = &[
    (Target::Pprof, &[".pb.gz", ".pb"]),
    (Target::Folded, &[".folded", ".collapsed", ".txt"]),
    (Target::Difffolded, &[]),
    (Target::Speedscope, &[".speedscope.json", ".json"]),
    (Target::Csv, &[".csv"]),
    (Target::Dot, &[".dot", ".gv"]),
];

pub(super) fn write(
    args: ConvertArgs,
    warnings: &[Warning],
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let inputs = inputs(args.base, args.inputs)?;
    let file = args.file.destination.file();
    let target = target(args.to, file, inputs.len())?;
    let (reading, symbols) = (args.file.reading, args.file.symbols);
    let format = match target {
        Target::Folded | Target::Difffolded => Format::Folded,
        Target::Speedscope => Format::Speedscope,
        Target::Csv => Format::Csv,
        Target::Dot => Format::Dot,
        Target::Pprof => {
            request::safe_csv(Format::Json, args.csv_safe)?;
            let spec = request::spec(args.filter)?;
            let trim_path = request::prefixes(args.trim_path.as_deref());
            let whole = [
                (args.granularity.is_given(), "keeps addresses: leave out the granularity"),
                (spec.noinlines, "keeps inlined functions: leave out -noinlines"),
                (!trim_path.is_empty(), "keeps file names whole: leave out -trim_path"),
            ];
            if let Some((_, why)) = whole.iter().find(|(given, _)| *given) {
                return Err(CommandError::Usage(format!("a profile in pprof's format {why}")));
            }
            run::check_binary(file, console)?;
            run::check_destination(file, args.file.destination.force, &inputs, [])?;
            let asked = args.sample.sample_type();
            let profile = profile(&inputs, &spec, asked.as_deref(), (&reading, &symbols), console)?;
            for warning in warnings.iter().filter(|_| !reading.quiet) {
                run::say_warning(&warning.message, console);
            }
            return run::write_profile(&profile, file, console);
        }
    };
    let question = if format == Format::Dot {
        Question::Graph(TrimLimits::default())
    } else {
        Question::Stacks(StackOrder::RootFirst)
    };
    let options = Options {
        sample: args.sample,
        granularity: args.granularity,
        filter: args.filter,
        output: OutputArgs {
            format,
            top: false,
            dress: DressArgs {
                destination: args.file.destination,
                csv_safe: args.csv_safe,
                color: Color::Never,
                trim_path: args.trim_path,
                reading,
                symbols,
                ..DressArgs::default()
            },
        },
        ..Options::default()
    };
    let mut request = request::request(question, inputs, options)?;
    request.output.file_names = FileNames::Whole;
    run::run(request, warnings, Beside::default(), console)
}

/// One profile, or before and after.
fn inputs(base: BaseArgs, inputs: Vec<String>) -> Result<Vec<String>, CommandError> {
    let inputs = base.join(inputs)?;
    match inputs.len() {
        1 | 2 => Ok(inputs),
        0 => Err(CommandError::Usage(
            "convert needs a profile: heapdiff convert PROFILE -o OUT, or heapdiff convert BEFORE \
             AFTER -o OUT for the difference"
                .to_owned(),
        )),
        given => Err(CommandError::Usage(format!(
            "convert takes one profile, or two for their difference, and {given} are given.\n\
                 Merge them first:  heapdiff merge {} -o merged.pb.gz",
            request::arguments(&inputs)
        ))),
    }
}

/// Returns the format that was named, or the one of the output's file name.
fn target(
    asked: Option<Target>,
    file: Option<&Path>,
    inputs: usize,
) -> Result<Target, CommandError> {
    let target = match (asked, file) {
        (Some(Target::Folded), _) if inputs == 2 => {
            return Err(CommandError::Usage(
                "folded lines hold one value and no sign, so they can't hold a difference: use \
                 --to difffolded"
                    .to_owned(),
            ));
        }
        (Some(asked), _) => asked,
        (None, None) => {
            return Err(CommandError::Usage(format!(
                "no output format given: name the output with -o, or a format with --to.\n{}",
                known()
            )));
        }
        (None, Some(file)) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            let by_name = |(_, ends): &&(Target, &[&str])| ends.iter().any(|&e| name.ends_with(e));
            match TARGETS.iter().find(by_name) {
                Some((Target::Folded, _)) if inputs == 2 => Target::Difffolded,
                Some(&(target, _)) => target,
                None => {
                    return Err(CommandError::Usage(format!(
                        "can't tell the format from {}: use another extension, or --to FORMAT.\n{}",
                        shell::file(&file.to_string_lossy()),
                        known()
                    )));
                }
            }
        }
    };
    if target == Target::Difffolded && inputs == 1 {
        return Err(CommandError::Usage(
            "difffolded lines hold before and after, and one profile is given: use --to folded"
                .to_owned(),
        ));
    }
    Ok(target)
}

/// Lists the formats, for error messages.
fn known() -> String {
    let one = |(target, ends): &(Target, &[&str])| {
        let value = target.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name());
        if ends.is_empty() { name.to_owned() } else { format!("{name} ({})", ends.join(", ")) }
    };
    let all: Vec<String> = TARGETS.iter().map(one).collect();
    format!("Formats: {}", all.join("; "))
}

/// Reads the one profile, or the difference of the two.
fn profile(
    inputs: &[String],
    spec: &Spec,
    asked: Option<&str>,
    (reading, symbols): (&ReadingArgs, &SymbolArgs),
    console: &mut Console<'_>,
) -> Result<Profile, CommandError> {
    let progress = run::progress(console, reading, symbols)?;
    let is_filtered = *spec != Spec::default();
    let mut profiles = Vec::new();
    if is_filtered {
        let series = load::load(inputs, load::Keep::All, &progress).map_err(answer)?;
        let applied = Filter::new(spec).and_then(|f| f.apply(series)).map_err(answer)?;
        for option in applied.unmatched.iter().filter(|_| !reading.quiet) {
            run::say_warning(&format!("--{option} matches nothing in these profiles"), console);
        }
        profiles = applied.series.into_profiles();
    } else {
        load::each(inputs, &progress, |name, profile| {
            profiles.push((name.to_owned(), profile));
            Ok::<(), LoadError>(())
        })
        .map_err(answer)?;
    }
    for warning in run::named(&progress, reading, console).iter().filter(|_| !reading.quiet) {
        run::say_warning(&warning.message, console);
    }
    let mut profile = match profiles.as_slice() {
        [(before, before_profile), (after, after_profile)] => {
            difference((before, before_profile), (after, after_profile)).map_err(answer)?
        }
        [(name, one)] if is_filtered => {
            let mut merge = Merge::default();
            merge.add(&source::shown(name), one, Sign::Plus).map_err(answer)?;
            merge.finish()
        }
        _ => profiles.pop().map(|(_, profile)| profile).unwrap_or_default(),
    };
    let types = &profile.header.sample_types;
    let asked = asked.map(|asked| report::position(types, asked)).transpose().map_err(answer)?;
    if let Some(column) = asked {
        types[column].name.clone_into(&mut profile.header.default_sample_type);
    }
    if inputs.len() == 2
        && let Some(column) = default_column(&profile.header)
    {
        add_growth(&mut profile, column);
    }
    Ok(profile)
}

fn answer(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Answer(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_output_says_the_format() {
        let cases = [
            ("a.pb.gz", 1, Target::Pprof),
            ("a.PB", 2, Target::Pprof),
            ("a.folded", 1, Target::Folded),
            ("a.collapsed", 2, Target::Difffolded),
            ("x/a.txt", 2, Target::Difffolded),
            ("a.speedscope.json", 1, Target::Speedscope),
            ("a.json", 2, Target::Speedscope),
            ("a.csv", 1, Target::Csv),
        ];
        for (name, inputs, expected) in cases {
            assert_eq!(target(None, Some(Path::new(name)), inputs).unwrap(), expected, "{name}");
        }
        let unknown = target(None, Some(Path::new("a.svg")), 1).unwrap_err().to_string();
        for (target, _) in TARGETS {
            let value = target.to_possible_value().unwrap();
            assert!(unknown.contains(value.get_name()), "{unknown}");
        }
    }

    #[test]
    fn every_format_is_in_the_list() {
        for variant in Target::value_variants() {
            assert!(TARGETS.iter().any(|(target, _)| target == variant), "{variant:?}");
        }
    }
}
