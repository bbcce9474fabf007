//! `--exe`: names the addresses of native profiles from the binaries that ran.
//!
//! A binary belongs to a mapping by the name given with it, by its build id, by its file name, or because it
//! is the only one and the mapping is the program's. A build id that contradicts is an error: names of another
//! build would be wrong, and look right.

#[cfg(feature = "symbolize")]
mod choice;
#[cfg(feature = "symbolize")]
mod exe;
#[cfg(feature = "symbolize")]
mod found;
#[cfg(feature = "symbolize")]
mod symbolizer;

#[cfg(feature = "symbolize")]
pub(super) use symbolizer::Symbolizer;

use clap::Args;
use std::path::PathBuf;

/// Binaries that name addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Native programs")]
pub(super) struct SymbolArgs {
    /// Name addresses of native code (C, C++, Rust) from this ELF binary and its debug information; of
    /// the mapping NAME, else of the one with its build id, else with its file name, else of the program;
    /// repeatable, for libraries
    #[arg(long, value_name = "[NAME=]BINARY")]
    pub(super) exe: Vec<String>,
    /// Look here for debug information that is in files of its own, by build id and by debug link;
    /// repeatable [default: /usr/lib/debug]
    #[arg(long, value_name = "DIR", alias = "debug_dir", requires = "exe")]
    pub(super) debug_dir: Vec<PathBuf>,
}

/// Names no addresses: this build can't.
#[cfg(not(feature = "symbolize"))]
#[derive(Debug, Default)]
pub(super) struct Symbolizer {}

#[cfg(not(feature = "symbolize"))]
impl Symbolizer {
    /// Refuses binaries.
    pub(super) fn new(args: &SymbolArgs) -> Result<Self, super::CommandError> {
        match args.exe.first() {
            None => Ok(Self {}),
            Some(_) => Err(super::CommandError::Usage(
                "--exe: this heapdiff was built without the feature `symbolize`: build it with cargo \
                 build --release --features symbolize, or leave --exe out"
                    .to_owned(),
            )),
        }
    }

    /// Leaves a profile as it is.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "with the feature, a binary can contradict the profile"
    )]
    pub(super) fn name(&self, _: &mut crate::model::profile::Profile) -> Result<(), String> {
        let Self {} = self;
        Ok(())
    }

    /// What to say: nothing.
    pub(super) fn notes(&self) -> Vec<String> {
        let Self {} = self;
        Vec::new()
    }

    /// What may mislead: nothing.
    pub(super) fn warnings(&self) -> Vec<crate::report::Warning> {
        let Self {} = self;
        Vec::new()
    }
}
