//! The folder of a recording: files are written beside and named once they are whole, and none is
//! ever replaced.

use super::manifest::NAME;
use crate::source::http::Target;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// What files that aren't whole yet begin with: hidden, so that no command takes them for inputs.
const UNFINISHED: &str = ".heapdiff-";
/// How old an unfinished file has to be before it counts as left by a run that was killed.
const LEFT: Duration = Duration::from_secs(3600);
/// Names that are tried for one time, in milliseconds after it.
const TRIES: u32 = 1000;

/// What they end with.
const PART: &str = ".part";

/// A folder that files are added to.
#[derive(Debug)]
pub(in crate::command) struct Store {
    folder: PathBuf,
    /// Whether it wasn't there before.
    is_new: bool,
    /// Held while this recording is the only one that writes there.
    _lock: Option<File>,
}

/// Counts unfinished files, so that each has a name of its own.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// A file that isn't whole yet. It is removed unless it is kept.
#[derive(Debug)]
pub(in crate::command) struct Part {
    path: PathBuf,
    file: File,
}

/// A moment as names of files have it: `20260102T030405Z`.
pub(in crate::command) fn stamp(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The same with milliseconds.
fn fine_stamp(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
}

impl Store {
    /// Opens a folder, and makes it if it isn't there. Removes what a run that was killed has left.
    pub(in crate::command) fn open(folder: &Path) -> io::Result<Self> {
        let is_new = !folder.exists();
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_part = name.starts_with(UNFINISHED) && name.ends_with(PART);
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            let age = changed.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
            if is_part && age.is_some_and(|age| age > LEFT) {
                // Another run may have removed it.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(Self { folder: folder.to_owned(), is_new, _lock: None })
    }

    /// Makes sure that no other recording writes into this folder: both would write the manifest. An error
    /// says that one does. A file system without locks is taken as it is.
    pub(in crate::command) fn alone(self) -> io::Result<Self> {
        let lock = lock(&self.folder)?;
        Ok(Self { _lock: lock, ..self })
    }

    /// Removes the folder if it was made for this recording, and nothing but the manifest is in it.
    pub(in crate::command) fn give_up(&self) {
        if !self.is_new {
            return;
        }
        let is_alone = |entries: fs::ReadDir| entries.flatten().count() == 1;
        let manifest = self.folder.join(NAME);
        if manifest.is_file() && fs::read_dir(&self.folder).is_ok_and(is_alone) {
            // What stays is only a manifest that says why it is alone.
            let _ = fs::remove_file(manifest);
            let _ = fs::remove_dir(&self.folder);
        }
    }

    /// The folder.
    pub(in crate::command) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a file.
    pub(in crate::command) fn begin(&self, kind: &str) -> io::Result<Part> {
        // Processes in two containers may have one number, and one folder.
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (process, nanos) = (std::process::id(), nanos.as_nanos());
        let number = BEGUN.fetch_add(1, Ordering::Relaxed);
        let name = format!("{UNFINISHED}{process}-{nanos}-{number}-{kind}{PART}");
        let path = self.folder.join(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Part { path, file })
    }

    /// Names a whole file by its kind and time. A file of that name stays, and the new one has
    /// another name.
    pub(in crate::command) fn keep(
        &self,
        part: &Part,
        kind: &str,
        time: Timestamp,
        extension: &str,
    ) -> io::Result<PathBuf> {
        part.file.sync_data()?;
        let step = Duration::from_millis(1);
        let fine = (0..TRIES).filter_map(|try_| time.checked_add(step * try_).ok()).map(fine_stamp);
        for stamp in std::iter::once(stamp(time)).chain(fine) {
            let path = self.folder.join(format!("{kind}-{stamp}.{extension}"));
            match give_name(&part.path, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result.map(|()| path),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Removes a file of this recording. It may be gone.
    pub(in crate::command) fn remove(&self, file: &str) {
        let _ = fs::remove_file(self.folder.join(file));
    }

    /// Writes a small file that changes through a recording: whole at all times.
    pub(in crate::command) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut part = self.begin(name)?;
        part.take(bytes)?;
        part.file.sync_data()?;
        fs::rename(&part.path, self.folder.join(name))
    }
}

/// Locks a folder until the file is closed; `None` where that isn't possible.
#[cfg(unix)]
fn lock(folder: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{FlockOperation, flock};
    let file = File::open(folder)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::other(
            "another heapdiff records into this folder; end it, or use a folder of its own",
        )),
        Err(_) => Ok(None),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
fn lock(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// Names a file unless there is one of that name.
fn give_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // A file system without hard links.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        result => return result,
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

impl Part {
    /// Opens what was written.
    pub(in crate::command) fn reader(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

impl Target for Part {
    fn restart(&mut self) -> io::Result<()> {
        use std::io::{Seek, SeekFrom};
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(|_| ())
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Under its name it stays; the folder may be gone.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::{Store, stamp};
    use crate::source::http::Target as _;
    use crate::source::times::in_name;
    use jiff::Timestamp;
    use std::fs;

    fn time() -> Timestamp {
        "2026-01-02T03:04:05.678Z".parse().unwrap()
    }

    #[test]
    fn files_are_whole_or_absent_and_never_replaced() {
        let folder = std::env::temp_dir().join(format!("heapdiff-store-{}", std::process::id()));
        let store = Store::open(&folder.join("deep/er")).unwrap();
        let names = || {
            let mut names: Vec<String> = fs::read_dir(store.folder())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let mut kept = Vec::new();
        for text in ["one", "two", "three"] {
            let mut part = store.begin("heap").unwrap();
            part.take(text.as_bytes()).unwrap();
            kept.push(store.keep(&part, "heap", time(), "pb.gz").unwrap());
        }
        let texts: Vec<String> = kept.iter().map(|p| fs::read_to_string(p).unwrap()).collect();
        assert_eq!(texts, ["one", "two", "three"]);
        assert_eq!(
            names(),
            [
                "heap-20260102T030405.678Z.pb.gz",
                "heap-20260102T030405.679Z.pb.gz",
                "heap-20260102T030405Z.pb.gz",
            ]
        );
        drop(store.begin("goroutine").unwrap());
        store.replace("manifest.json", b"1").unwrap();
        store.replace("manifest.json", b"2").unwrap();
        assert_eq!(names().len(), 4, "nothing is left beside");
        assert_eq!(fs::read(store.folder().join("manifest.json")).unwrap(), b"2");
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn one_recording_writes_into_a_folder() {
        let folder = std::env::temp_dir().join(format!("heapdiff-alone-{}", std::process::id()));
        let store = || Store::open(&folder).unwrap().alone();
        let first = store().unwrap();
        assert!(store().unwrap_err().to_string().contains("another heapdiff"));
        let (one, other) = (first.begin("heap").unwrap(), first.begin("heap").unwrap());
        assert_ne!(one.path, other.path);
        drop((one, other));
        drop(first);
        let again = store().unwrap();
        again.replace("manifest.json", b"{}").unwrap();
        again.give_up();
        assert!(folder.join("manifest.json").exists(), "the folder was there before");
        fs::remove_dir_all(&folder).unwrap();
        let new = store().unwrap();
        new.replace("manifest.json", b"{}").unwrap();
        new.give_up();
        assert!(!folder.exists());
    }

    #[test]
    fn names_say_when() {
        let name = format!("memstats-{}.json", stamp(time()));
        assert_eq!(in_name(&name), Some(1_767_323_045_000_000_000));
        assert_eq!(in_name("heap-20260102T030405.678Z.pb.gz"), Some(1_767_323_045_678_000_000));
    }
}
