//! Opens inputs: files and standard input here; folders and globs in `expand.rs`, source files in
//! `code.rs`, binaries of native programs in `binaries.rs`, runs of earlier builds in `baselines.rs`, named pipes in
//! `pipe.rs`, times in names in `times.rs`, what services serve in `http`.

pub mod baselines;
pub mod binaries;
pub mod code;
pub mod codeowners;
pub mod digest;
pub mod expand;
pub mod git;
#[cfg(feature = "http")]
pub mod http;
pub mod pipe;
pub mod times;

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

/// Name of standard input.
pub const STDIN: &str = "-";

/// Why an input couldn't be opened. The message has no subject; the caller puts the name before it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("no such file; check the path (relative paths start at the working directory)")]
    Missing,
    /// It is a folder.
    #[error("is a folder; use the profiles in it, for example {0}/*.pb.gz")]
    Folder(String),
    /// It may not be read.
    #[error("permission denied; check who may read it: ls -l {0}")]
    Permission(String),
    /// It is a named pipe that no process writes to.
    #[error("{0}")]
    NoPeer(io::Error),
    /// It is a URL, and this program is built without what fetches.
    #[error(
        "is a URL, and this heapdiff is built without the feature `http`; fetch it first: curl -sS \
         -o heap.pb.gz '{0}'"
    )]
    Address(String),
    /// It is a URL, and couldn't be fetched.
    #[cfg(feature = "http")]
    #[error(transparent)]
    Fetch(#[from] http::FetchError),
    /// Options or variables about URLs are wrong.
    #[cfg(feature = "http")]
    #[error("{0}")]
    Access(String),
    /// Anything else.
    #[error("can't open it: {0}")]
    Io(io::Error),
}

/// Opens an input.
pub fn open(name: &str) -> Result<Box<dyn Read + Send>, SourceError> {
    if name == STDIN {
        return Ok(Box::new(io::stdin()));
    }
    let file = pipe::open_to_read(Path::new(name)).map_err(|e| match e.kind() {
        _ if is_address(name) => SourceError::Address(name.to_owned()),
        io::ErrorKind::NotFound => SourceError::Missing,
        io::ErrorKind::PermissionDenied => SourceError::Permission(name.to_owned()),
        io::ErrorKind::IsADirectory => SourceError::Folder(name.trim_end_matches('/').to_owned()),
        io::ErrorKind::TimedOut => SourceError::NoPeer(e),
        _ => SourceError::Io(e),
    })?;
    let metadata = file.metadata().map_err(SourceError::Io)?;
    if metadata.is_dir() {
        return Err(SourceError::Folder(name.trim_end_matches('/').to_owned()));
    }
    Ok(Box::new(file))
}

/// Whether a name is a URL.
pub fn is_address(name: &str) -> bool {
    ["http://", "https://", "https+insecure://", "unix://"].iter().any(|s| name.starts_with(s))
}

/// The name as it is shown: a URL without what it has of secrets.
pub fn shown(name: &str) -> Cow<'_, str> {
    #[cfg(feature = "http")]
    if is_address(name)
        && let Ok(address) = http::Address::parse(name)
    {
        return Cow::Owned(address.to_string());
    }
    Cow::Borrowed(name)
}

/// Returns the size of a regular file in bytes; `None` for anything else, or if it can't be
/// determined.
pub fn size(name: &str) -> Option<u64> {
    let metadata = std::fs::metadata(name).ok().filter(|_| name != STDIN)?;
    metadata.is_file().then_some(metadata.len())
}

/// Returns when a regular file was last changed, in nanoseconds since the epoch; `None` for anything
/// else, or if it can't be determined.
pub fn changed(name: &str) -> Option<i64> {
    let metadata = std::fs::metadata(name).ok().filter(|data| name != STDIN && data.is_file())?;
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}
