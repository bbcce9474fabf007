//! Binaries of native programs, and the files that their debug information was moved to.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where systems keep debug information.
pub const USUAL: &str = "/usr/lib/debug";
/// Largest binary. Those of browsers with all their debug information have a few GiB.
const LARGEST: u64 = 16 << 30;

/// Why a binary couldn't be read. The message has no subject; the caller puts the name before it.
#[derive(Debug, thiserror::Error)]
pub enum BinaryFileError {
    /// There is no such file.
    #[error("no such file; give the binary that ran, as --exe BINARY or --exe NAME=BINARY")]
    Missing,
    /// It is a folder or a device.
    #[error("isn't a file; give the binary that ran, as --exe BINARY or --exe NAME=BINARY")]
    NotAFile,
    /// It is larger than any binary.
    #[error("has more than 16 GiB; leave its debug information out with strip -d")]
    TooLarge,
    /// Anything else.
    #[error("can't read it: {0}")]
    Io(io::Error),
}

impl From<io::Error> for BinaryFileError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Missing } else { Self::Io(error) }
    }
}

/// Reads a binary as a whole: the tables in it refer to any part of it.
pub fn read(path: &Path) -> Result<Arc<[u8]>, BinaryFileError> {
    // Opening a named pipe would wait for its other end.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(BinaryFileError::NotAFile);
    }
    if metadata.len() > LARGEST {
        return Err(BinaryFileError::TooLarge);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(metadata.len() as usize).map_err(io::Error::from)?;
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// The files that may have the debug information of a binary, in the order in which debuggers look for them:
/// by its build id in these folders, then by the name that it links to, beside it and in these folders.
pub fn debug_files(
    binary: &Path,
    build_id: &str,
    link: Option<&str>,
    folders: &[PathBuf],
) -> Vec<PathBuf> {
    let mut files = by_build_id(build_id, folders);
    let own = std::fs::canonicalize(binary).unwrap_or_else(|_| binary.to_owned());
    if let (Some(link), Some(folder)) = (link.filter(|link| is_name(link)), own.parent()) {
        files.push(folder.join(link));
        files.push(folder.join(".debug").join(link));
        let below = folder.strip_prefix("/").unwrap_or(folder);
        files.extend(folders.iter().map(|debug| debug.join(below).join(link)));
    }
    files.retain(|file| std::fs::canonicalize(file).map_or(true, |file| file != own));
    files
}

/// The files that may have the debug information that `from` shares with others, by its path and its build
/// id.
pub fn shared_files(from: &Path, path: &str, build_id: &str, folders: &[PathBuf]) -> Vec<PathBuf> {
    let own = std::fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    let mut files = by_build_id(build_id, folders);
    files.insert(0, own.parent().map_or_else(|| path.into(), |folder| folder.join(path)));
    files
}

fn by_build_id(build_id: &str, folders: &[PathBuf]) -> Vec<PathBuf> {
    let Some((first, rest)) = build_id.split_at_checked(2).filter(|(_, rest)| !rest.is_empty())
    else {
        return Vec::new();
    };
    let name = format!("{rest}.debug");
    folders.iter().map(|folder| folder.join(".build-id").join(first).join(&name)).collect()
}

/// Whether a name has no folder: a binary must not choose which file of the system is read.
fn is_name(link: &str) -> bool {
    !link.is_empty() && !link.contains(['/', '\0']) && link != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_files_are_looked_for_where_debuggers_look() {
        let folders = [PathBuf::from("/usr/lib/debug"), PathBuf::from("/d")];
        let found =
            debug_files(Path::new("/nowhere/bin/app"), "abcdef", Some("app.debug"), &folders);
        let expected = [
            "/usr/lib/debug/.build-id/ab/cdef.debug",
            "/d/.build-id/ab/cdef.debug",
            "/nowhere/bin/app.debug",
            "/nowhere/bin/.debug/app.debug",
            "/usr/lib/debug/nowhere/bin/app.debug",
            "/d/nowhere/bin/app.debug",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
        for link in ["../../etc/passwd", "/etc/passwd", "", ".."] {
            assert_eq!(debug_files(Path::new("/nowhere/app"), "", Some(link), &folders).len(), 0);
        }
        let shared = shared_files(Path::new("/d/app.debug"), "../dwz/x", "12ef", &folders[..1]);
        let expected = ["/d/../dwz/x", "/usr/lib/debug/.build-id/12/ef.debug"];
        assert_eq!(shared, expected.map(PathBuf::from));
    }
}
