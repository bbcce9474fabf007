//! The file that a command writes: what it may replace, and how it is written in full or not at all.
//!
//! A command never replaces a file that it reads. It replaces a file that is read-only, or that a
//! link leads to which its owner could not have written, only with `--force`.

use super::CommandError;
use super::options::extension;
use crate::printable::escape;
use crate::source::{STDIN, pipe};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Most links in a row: more are a cycle.
const LINKS: usize = 40;

/// Checks that a file may be replaced: that it is none of `inputs`, and not protected.
pub(super) fn check<'a>(
    file: Option<&Path>,
    force: bool,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CommandError> {
    let Some(file) = file else { return Ok(()) };
    let usage = |why: String| CommandError::Usage(format!("-o {}: {why}", shown(file)));
    if let Some(input) = inputs.into_iter().find(|input| is_same(input, file)) {
        return Err(usage(format!("{}; name another file", overwrites(input))));
    }
    match protection(file) {
        Some(why) if !force => Err(usage(why)),
        _ => Ok(()),
    }
}

/// Says that writing would replace this input.
pub(super) fn overwrites(input: &Path) -> String {
    match input.to_str() {
        Some(STDIN) => "it would overwrite the file that is standard input".to_owned(),
        _ => format!("it would overwrite {}, which is an input", shown(input)),
    }
}

/// A file's name as a message has it.
pub(super) fn shown(file: &Path) -> String {
    escape(&file.to_string_lossy()).into_owned()
}

/// Whether an input is the regular file that an output names, under whatever name: relative, a link
/// or a hard link.
pub(super) fn is_same(input: &Path, file: &Path) -> bool {
    let input = if input.as_os_str() == STDIN { Path::new("/dev/stdin") } else { input };
    let is_file = fs::metadata(file).is_ok_and(|metadata| metadata.is_file());
    is_file && identity(file).is_some_and(|own| identity(input) == Some(own))
}

/// What all names of an existing file have in common.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// What all names of an existing file have in common, except for hard links.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// Why a file is replaced only with `--force`, if it is; a pipe or a device never is.
pub(super) fn protection(file: &Path) -> Option<String> {
    if is_stream(file) {
        return None;
    }
    if let Some(target) = strange_link(file) {
        return Some(format!(
            "it is a link to {}, in a folder of another user than the link; add --force to write \
             there, or name another file",
            shown(&target)
        ));
    }
    let metadata = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
    let is_denied = || {
        let opened = OpenOptions::new().write(true).open(file);
        opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    (metadata.permissions().readonly() || is_denied()).then(|| {
        "it exists and is read-only; add --force to replace it, or name another file".to_owned()
    })
}

/// The target of a link whose owner doesn't own the folder of the target: following it could
/// replace a file that the owner of the link may not write, or put one into a folder of others.
#[cfg(unix)]
fn strange_link(file: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let links: Vec<PathBuf> = links(file).collect();
    let target = target(file);
    let folder = fs::metadata(folder(&target)).ok()?;
    let is_strange = |link: &PathBuf| {
        fs::symlink_metadata(link).is_ok_and(|metadata| metadata.uid() != folder.uid())
    };
    links.iter().any(is_strange).then_some(target)
}

#[cfg(not(unix))]
fn strange_link(_: &Path) -> Option<PathBuf> {
    None
}

/// The folder of a file; the working directory for a bare name.
fn folder(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// The links that lead from a name to its file, each by its own name.
fn links(file: &Path) -> impl Iterator<Item = PathBuf> {
    let is_link = |path: &PathBuf| path.is_symlink();
    let first = Some(file.to_owned()).filter(is_link);
    std::iter::successors(first, move |link| next(link).filter(is_link)).take(LINKS)
}

/// Where a link leads.
fn next(link: &Path) -> Option<PathBuf> {
    let next = fs::read_link(link).ok()?;
    Some(link.parent().map_or_else(|| next.clone(), |folder| folder.join(&next)))
}

/// Follows links, even if the file they lead to doesn't exist: a link stays a link, and its target
/// is replaced.
pub(super) fn target(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| {
        links(path).last().and_then(|link| next(&link)).unwrap_or_else(|| path.to_owned())
    })
}

/// Whether a file is a pipe or a device, or the name of an open stream such as `/dev/stdout`.
fn is_stream(path: &Path) -> bool {
    let is_named = ["/dev", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder));
    is_named || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// Writes a file in full or not at all: to a temporary file next to it, which is then renamed. A
/// pipe or a device is written directly.
pub(super) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if is_stream(path) {
        // A file behind the name of a stream may hold more than this report.
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let mut options = OpenOptions::new();
        let options = if is_file { options.append(true) } else { options.write(true) };
        let mut file = BufWriter::new(pipe::open(path, options)?);
        write(&mut file)?;
        return file.flush();
    }
    let path = target(path);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it doesn't name a file"));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(beside);
    let file = File::create_new(&beside)?;
    let written = (|| {
        if let Ok(metadata) = fs::metadata(&path) {
            file.set_permissions(metadata.permissions())?;
        }
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&beside, &path)
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Whether the name of a file says that it is a page.
pub(super) fn is_html(file: &Path) -> bool {
    extension(file).is_some_and(|extension| extension == "html" || extension == "htm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("heapdiff-write-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("out.json");
        write_file(&path, |out| out.write_all(b"first")).unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk on fire"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        write_file(&path, |out| out.write_all(b"second")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
