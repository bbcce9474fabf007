//! Profiles for tests: the project's recordings, and more if they are available.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use std::io::Read;
use std::path::{Path, PathBuf};

/// Folders of `testdata` that aren't recordings, or are many similar ones: tests use those by name.
const APART: [&str; 3] = ["testdata/modules", "testdata/programs", "testdata/verdicts"];

/// Every file in `testdata` that is meant to be a profile, including the broken ones.
pub(crate) fn testdata() -> Vec<PathBuf> {
    let found = files(&root().join("testdata"));
    assert!(found.len() > 100, "only {} profiles in testdata", found.len());
    found
}

/// Recordings over time with a known verdict: a folder for each service, with its `truth.json`.
/// Those of `testdata`, and those in `../shared`, if any.
pub(crate) fn verdicts() -> Vec<PathBuf> {
    let shared = root().join("../shared/leakbench/recordings");
    let own = folders(&path("verdicts"));
    assert!(own.len() >= 6, "only {} recordings in testdata/verdicts", own.len());
    let more = folders(&shared);
    if more.is_empty() {
        println!("no further recordings in {}", shared.display());
    }
    [own, more].concat()
}

/// All recordings over time of services: [`verdicts`], and more in `../shared`.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let shared = ["chatlab", "publiclab"].map(|lab| root().join("../shared").join(lab));
    let more = shared.iter().flat_map(|lab| folders(&lab.join("recordings")));
    verdicts().into_iter().chain(modules()).chain(more).collect()
}

/// Recordings of services that use public modules, in pairs: NAME-bad with a version that leaks, and
/// NAME-fixed with one that doesn't.
pub(crate) fn modules() -> Vec<PathBuf> {
    let own = folders(&path("modules/recordings"));
    assert_eq!(own.len(), 40, "recordings in testdata/modules");
    own
}

/// The folders in a folder, by name; empty if it doesn't exist.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// Additional profiles in `../shared`, which tests use as well as those of `testdata`. Prints a
/// note if there are none.
pub(crate) fn shared(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        let folder = root().join("../shared").join(folder);
        let own = files(&folder);
        if own.is_empty() {
            println!("no further recordings in {}", folder.display());
        }
        found.extend(own);
    }
    found
}

/// All files of a folder in `../shared`, whatever they are called; says so where there are none.
pub(crate) fn shared_files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("../shared").join(folder);
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    if found.is_empty() {
        println!("skipped: no profiles in {}", folder.display());
    }
    found
}

/// A pair in `testdata`, by its folder.
pub(crate) fn pair(folder: &str) -> [Vec<u8>; 2] {
    ["before.pb.gz", "after.pb.gz"].map(|name| read(&format!("{folder}/{name}")))
}

/// A file of `testdata`.
pub(crate) fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

pub(crate) fn path(name: &str) -> PathBuf {
    root().join("testdata").join(name)
}

/// Unpacks gzip; other bytes stay as they are. None if the gzip is broken.
pub(crate) fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(bytes.to_vec());
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// The path, written the same on every machine.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The profiles in a folder and its subfolders, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let ends = |extension: &str| path.extension().is_some_and(|own| own == extension);
        if path.is_dir() {
            if !APART.iter().any(|apart| path.ends_with(apart)) {
                found.extend(files(&path));
            }
        } else if ["gz", "pb", "pprof", "prof", "bin", "profile", "mprof"].into_iter().any(ends) {
            found.push(path);
        }
    }
    found.sort();
    found
}
