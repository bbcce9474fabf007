//! `heapdiff merge INPUT... -o OUT.pb.gz`: merges profiles into one, as pprof does.
//!
//! The inputs are read a few at a time and then dropped, so that memory holds only the distinct
//! stacks.

use super::load::LoadError;
use super::options::FileArgs;
use super::{CommandError, Console, load, run};
use crate::model::merge::{Merge, MergeError, Sign};
use crate::report::Warning;
use crate::source;
use clap::Args;

/// Merge profiles into one: samples with the same stack and labels are added up
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff merge [OPTIONS] PROFILE... -o OUT.pb.gz",
    after_help = "\
Examples:
  heapdiff merge replica-*.pb.gz -o all.pb.gz
  heapdiff merge day/*.pb.gz | heapdiff top -

The merged profile has the sample types that all profiles share, the earliest time, the largest period and the sum of
the durations. OUT.pb is written without gzip."
)]
pub(super) struct MergeArgs {
    /// Profiles. Files, folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    file: FileArgs,
}

pub(super) fn write(
    args: &MergeArgs,
    warnings: &[Warning],
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    if args.inputs.is_empty() {
        return Err(CommandError::Usage(
            "merge needs profiles: heapdiff merge PROFILE... -o OUT.pb.gz".to_owned(),
        ));
    }
    let file = args.file.destination.file();
    run::check_binary(file, console)?;
    run::check_destination(file, args.file.destination.force, &args.inputs, [])?;
    let mut merge = Merge::default();
    let progress = run::progress(console, &args.file.reading, &args.file.symbols)?;
    load::each(&load::unordered(&args.inputs), &progress, |name, profile| {
        merge.add(&source::shown(name), &profile, Sign::Plus).map_err(Failure::Merge)
    })
    .map_err(|failure| CommandError::Answer(Box::new(failure)))?;
    let named = run::named(&progress, &args.file.reading, console);
    for warning in warnings.iter().chain(&named).filter(|_| !args.file.reading.quiet) {
        run::say_warning(&warning.message, console);
    }
    run::write_profile(&merge.finish(), file, console)
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Merge(MergeError),
}
