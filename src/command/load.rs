//! From names to a series: opens the inputs, reads several at the same time, and puts each onto the shared
//! symbols.

use super::progress::Progress;
use crate::input;
use crate::model::profile::Profile;
use crate::model::rebase::{NoCommonSampleType, Rebase};
use crate::model::series::Series;
use crate::parallel;
use crate::source;

/// Why a series could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// An input could not be opened.
    #[error("{name}: {error}")]
    Open {
        /// Name of the input.
        name: String,
        /// What is wrong.
        error: source::Error,
    },
    /// An input could not be read.
    #[error("{name}: {error}")]
    Read {
        /// Name of the input.
        name: String,
        /// What is wrong.
        error: input::Error,
    },
    /// The inputs can't be compared.
    #[error(transparent)]
    NoCommonSampleType(#[from] NoCommonSampleType),
    /// Standard input was named twice.
    #[error("standard input (-) can be read only once; give the other profile as a file")]
    StdinTwice,
}

/// Inputs that are read before the first of them is let go.
const AT_ONCE: usize = 8;

/// Reads the inputs, in their order.
pub(super) fn load(names: &[String], progress: &Progress) -> Result<Series, Error> {
    if names.iter().filter(|name| *name == source::STDIN).count() > 1 {
        return Err(Error::StdinTwice);
    }
    // A few at a time: whoever has read one puts it onto the shared symbols before the next are unpacked.
    let mut rebase = Rebase::default();
    for batch in names.chunks(AT_ONCE) {
        let profiles = parallel::map(batch.len(), |i| read(&batch[i], progress));
        for (name, profile) in batch.iter().zip(profiles) {
            rebase.add(name, profile?);
        }
    }
    progress.finish();
    Ok(rebase.finish()?)
}

fn read(name: &str, progress: &Progress) -> Result<Profile, Error> {
    let source = source::open(name).map_err(|error| Error::Open { name: shown(name), error })?;
    progress.expect(source.size);
    input::read(progress.watch(source.reader))
        .map_err(|error| Error::Read { name: shown(name), error })
}

fn shown(name: &str) -> String {
    if name == source::STDIN { "standard input".to_owned() } else { name.to_owned() }
}
