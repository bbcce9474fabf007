//! Baselines on disk: `DIR/BRANCH/TIME-BUILD/` with `baseline.json`, which describes it, and a
//! profile per run.
//!
//! What always holds: a baseline exists in full or not at all (its folder is created under a hidden
//! name and renamed), none is ever overwritten, and files that aren't heapdiff's are never touched.
//! [`escape`] turns the names of branches and builds into folder names, so that none leads out of
//! DIR; `baseline.json` names the branch, and has to be in that branch's folder. The folder may
//! come from a CI cache, so its contents are checked like any input: no symbolic link below DIR is
//! followed, and a baseline can only name its runs as this module names them. Old baselines are
//! deleted by those names.

use crate::report::baselines::BaselineTotal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Name and version of the format of `baseline.json`.
pub const SCHEMA: &str = "heapdiff.baseline/v1";
/// The file that makes a folder a baseline.
const FACTS: &str = "baseline.json";
/// Most bytes of that file.
const FACTS_MAX: u64 = 1 << 20;
/// Most bytes of a folder name; file systems allow 255.
const NAME_MAX: usize = 180;
/// Characters of the build in the name of its folder.
const BUILD_SHOWN: usize = 12;
/// Most baselines of the same second and build.
const SAME_SECOND_MAX: usize = 10_000;
/// Most hidden folders of one process id that jobs may have left behind: in containers, process ids
/// repeat.
const LEFT_BEHIND_MAX: usize = 10_000;

/// How much of its runs a baseline keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Every distinct stack
    #[default]
    Whole,
    /// Stacks that the rules match; the rest is added up
    Scopes,
}

/// The contents of `baseline.json`. Later versions may add fields, which are ignored here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of heapdiff that wrote it.
    pub heapdiff: String,
    /// The branch.
    pub branch: String,
    /// The build, if it is known.
    #[serde(default)]
    pub build: Option<String>,
    /// Operating system and processor: `linux/amd64`.
    pub platform: String,
    /// File name of the program, if the profiles record it.
    #[serde(default)]
    pub program: Option<String>,
    /// When the newest of its profiles was taken (RFC 3339); the time of saving if none records a
    /// time.
    pub time: Timestamp,
    /// Sampling period of the profiles.
    pub period: i64,
    /// How much is kept.
    pub kept: Keep,
    /// The scopes of the rules it was saved for; empty if everything is kept.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The total of each sample type over the runs.
    pub totals: Vec<BaselineTotal>,
    /// File names of the runs.
    pub runs: Vec<String>,
}

/// A baseline on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Its folder.
    pub folder: PathBuf,
    /// The contents of its `baseline.json`.
    pub facts: Facts,
}

impl Baseline {
    /// Returns the paths of its profiles.
    pub fn runs(&self) -> Vec<String> {
        let path = |run: &String| self.folder.join(run).to_string_lossy().into_owned();
        self.facts.runs.iter().map(path).collect()
    }

    /// Returns the paths of everything that it consists of.
    pub fn files(&self) -> Vec<PathBuf> {
        let runs = self.facts.runs.iter().map(String::as_str);
        runs.chain([FACTS]).map(|name| self.folder.join(name)).collect()
    }
}

/// The contents of a folder with baselines.
#[derive(Debug, Default)]
pub struct Found {
    /// The baselines, oldest first.
    pub baselines: Vec<Baseline>,
    /// Broken baselines, each with the folder name of its branch.
    pub broken: Vec<(String, BaselineError)>,
    /// Entries that aren't heapdiff's.
    pub strangers: Vec<PathBuf>,
}

/// Why baselines can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The folder doesn't exist.
    #[error(
        "{0}: there are no baselines: no such folder; check the path, or save the first one with \
         heapdiff baseline save"
    )]
    Missing(String),
    /// It isn't a folder.
    #[error("{0}: isn't a folder, and baselines are kept in one; name another")]
    NoFolder(String),
    /// It can't be read.
    #[error("{path}: can't read it: {source}")]
    Read {
        /// The file or the folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It can't be written.
    #[error("can't write {path}: {source}")]
    Write {
        /// The file or the folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Its contents make no sense.
    #[error("{place}: {message}; move its folder elsewhere, or restore it")]
    Damaged {
        /// The file, with line and column if they are known.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Another version wrote it.
    #[error(
        "{path}: has the format {found:?}, and this heapdiff reads {SCHEMA:?}; use the version of \
         heapdiff that wrote it, or a newer one"
    )]
    Version {
        /// The file.
        path: String,
        /// The format.
        found: String,
    },
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn reading(path: &Path) -> impl FnOnce(io::Error) -> BaselineError {
    let path = shown(path);
    move |source| BaselineError::Read { path, source }
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> BaselineError {
    let path = shown(path);
    move |source| BaselineError::Write { path, source }
}

/// Turns a name into a folder name that is valid on every system: letters, digits, `_`, `-`, and
/// `.` except at the start. Other characters are percent-encoded, such as `%2F`. Long names are
/// cut; `baseline.json` has the full name.
pub fn escape(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        let is_plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-')
            || (byte == b'.' && !escaped.is_empty());
        let next = if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        if escaped.len() + next.len() > NAME_MAX {
            break;
        }
        escaped.push_str(&next);
    }
    // Windows doesn't allow names that end with a dot.
    if escaped.ends_with('.') {
        escaped.pop();
        escaped.push_str("%2E");
    }
    if escaped.is_empty() { "%".to_owned() } else { escaped }
}

/// Reads all baselines in a folder.
///
/// # Errors
///
/// Fails if the folder doesn't exist or a folder can't be read. Errors of single baselines are in
/// [`Found::broken`].
pub fn read(dir: &Path) -> Result<Found, BaselineError> {
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BaselineError::Missing(shown(dir)));
        }
        Err(error) => return Err(reading(dir)(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(BaselineError::NoFolder(shown(dir))),
        Ok(_) => {}
    }
    let mut found = Found::default();
    for branch in entries(dir)? {
        if !is_own(&branch, fs::Metadata::is_dir) {
            found.strangers.push(branch);
            continue;
        }
        let name = branch.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for folder in entries(&branch)? {
            let file = folder.join(FACTS);
            if !is_own(&folder, fs::Metadata::is_dir) || !is_own(&file, fs::Metadata::is_file) {
                found.strangers.push(folder);
                continue;
            }
            match facts(&file).and_then(|facts| at_home(facts, &file, &name)) {
                Ok(facts) => found.baselines.push(Baseline { folder, facts }),
                Err(error) => found.broken.push((name.clone(), error)),
            }
        }
    }
    found.baselines.sort_by(|a, b| {
        let key = |baseline: &Baseline| (baseline.facts.time, baseline.folder.clone());
        key(a).cmp(&key(b))
    });
    Ok(found)
}

/// Whether `is` holds for the path itself, not for what it links to.
fn is_own(path: &Path, is: impl Fn(&fs::Metadata) -> bool) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| is(&metadata))
}

/// Returns the facts if they are in the folder of their branch.
fn at_home(facts: Facts, file: &Path, folder: &str) -> Result<Facts, BaselineError> {
    let home = escape(&facts.branch);
    // Some file systems don't distinguish `Fix` from `fix`.
    if home.eq_ignore_ascii_case(folder) {
        return Ok(facts);
    }
    let branch = &facts.branch;
    let message =
        format!("is of the branch {branch:?}, whose folder is {home}, but is in {folder}");
    Err(BaselineError::Damaged { place: shown(file), message })
}

/// Returns the entries of a folder in the order of their names, without hidden ones.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, BaselineError> {
    let all = fs::read_dir(folder).map_err(reading(folder))?;
    let mut paths = Vec::new();
    for entry in all {
        let entry = entry.map_err(reading(folder))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads the facts from a file.
fn facts(path: &Path) -> Result<Facts, BaselineError> {
    let mut text = String::new();
    let file = File::open(path).map_err(reading(path))?;
    let read = file.take(FACTS_MAX + 1).read_to_string(&mut text);
    let damaged = |place: String, message: String| Err(BaselineError::Damaged { place, message });
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return damaged(shown(path), "isn't text (JSON in UTF-8)".to_owned());
        }
        Err(error) => return Err(reading(path)(error)),
        Ok(read) if read as u64 > FACTS_MAX => {
            return damaged(shown(path), format!("has more than {FACTS_MAX} bytes"));
        }
        Ok(_) => {}
    }
    let wrong = |error: &serde_json::Error| {
        let text = error.to_string();
        // Line and column come first, as in other messages.
        let text = text.split(" at line ").next().unwrap_or_default().to_owned();
        let place = format!("{}:{}:{}", shown(path), error.line(), error.column());
        BaselineError::Damaged { place, message: text }
    };
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let schema = json.get("schema").and_then(serde_json::Value::as_str);
    match schema {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with("heapdiff.baseline/") => {
            return Err(BaselineError::Version { path: shown(path), found: other.to_owned() });
        }
        _ => {
            let message = format!("isn't a baseline: its `schema` isn't {SCHEMA:?}");
            return damaged(shown(path), message);
        }
    }
    // Parsed again, because a `Value` has no line numbers for errors.
    let facts: Facts = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    if facts.runs.is_empty() {
        return damaged(shown(path), "names no run".to_owned());
    }
    if let Some(run) = facts.runs.iter().find(|run| !is_run(run)) {
        let message = format!("the run {run:?} isn't named like a run, {:?}", run_name(1));
        return damaged(shown(path), message);
    }
    let mut runs: Vec<&String> = facts.runs.iter().collect();
    runs.sort_unstable();
    if let Some([run, ..]) = runs.windows(2).find(|pair| pair[0] == pair[1]) {
        return damaged(shown(path), format!("names the run {run:?} twice"));
    }
    Ok(facts)
}

/// Returns the file name of a run; numbers start at 1.
fn run_name(number: usize) -> String {
    format!("run-{number}.pb.gz")
}

/// Whether [`run_name`] could have returned this name.
fn is_run(name: &str) -> bool {
    let number = name.strip_prefix("run-").and_then(|rest| rest.strip_suffix(".pb.gz"));
    let number = number.and_then(|number| number.parse().ok());
    number.is_some_and(|number: usize| number > 0 && run_name(number) == name)
}

/// Writes one run.
pub type WriteRun<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// Saves a baseline and returns it with its folder. This function names the runs.
///
/// # Errors
///
/// Fails if anything can't be written; then nothing of the baseline remains.
pub fn save(
    dir: &Path,
    mut facts: Facts,
    runs: &[WriteRun<'_>],
) -> Result<Baseline, BaselineError> {
    if fs::metadata(dir).is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(BaselineError::NoFolder(shown(dir)));
    }
    let branch = dir.join(escape(&facts.branch));
    if is_own(&branch, fs::Metadata::is_symlink) {
        let error = "is a symbolic link, which isn't allowed among baselines; remove it";
        return Err(writing(&branch)(io::Error::other(error)));
    }
    fs::create_dir_all(&branch).map_err(writing(&branch))?;
    let hidden = hidden(&branch)?;
    facts.runs = (1..=runs.len()).map(run_name).collect();
    let written = fill(&hidden, &facts, runs).and_then(|()| {
        let folder = settle(&hidden, &branch, &facts)?;
        Ok(Baseline { folder, facts })
    });
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_dir_all(&hidden);
    }
    written
}

/// Creates a hidden folder that no other job uses. Folders left behind by killed jobs stay, because
/// a job in another container may still be writing to them.
fn hidden(branch: &Path) -> Result<PathBuf, BaselineError> {
    let id = std::process::id();
    let mut number = 1;
    loop {
        let folder = branch.join(format!(".new-{id}-{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && number < LEFT_BEHIND_MAX =>
            {
                number += 1;
            }
            Err(error) => return Err(writing(&folder)(error)),
        }
    }
}

/// Writes the files of a baseline.
fn fill(folder: &Path, facts: &Facts, runs: &[WriteRun<'_>]) -> Result<(), BaselineError> {
    let write = |name: &str, write: WriteRun<'_>| {
        let path = folder.join(name);
        let mut file = BufWriter::new(File::create_new(&path).map_err(writing(&path))?);
        let written = write(&mut file).and_then(|()| file.into_inner()?.sync_all());
        written.map_err(writing(&path))
    };
    for (name, run) in facts.runs.iter().zip(runs) {
        write(name, run)?;
    }
    write(FACTS, &|out| {
        serde_json::to_writer_pretty(&mut *out, facts)?;
        out.write_all(b"\n")
    })
}

/// Renames a finished folder to a name that is still free.
fn settle(hidden: &Path, branch: &Path, facts: &Facts) -> Result<PathBuf, BaselineError> {
    let time = facts.time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let build: String =
        facts.build.iter().flat_map(|build| build.chars()).take(BUILD_SHOWN).collect();
    let name = if build.is_empty() { time } else { format!("{time}-{}", escape(&build)) };
    for number in 1..=SAME_SECOND_MAX {
        let name = if number == 1 { name.clone() } else { format!("{name}-{number}") };
        let folder = branch.join(name);
        if fs::symlink_metadata(&folder).is_ok() {
            continue;
        }
        match fs::rename(hidden, &folder) {
            Ok(()) => return Ok(folder),
            // Another job took the name first.
            Err(_) if fs::symlink_metadata(&folder).is_ok() => {}
            Err(error) => return Err(writing(&folder)(error)),
        }
    }
    let error = io::Error::new(io::ErrorKind::AlreadyExists, "too many baselines with this time");
    Err(writing(&branch.join(name))(error))
}

/// Deletes a baseline: its own files, and its folder if that is empty then.
///
/// # Errors
///
/// Fails if a file or the folder can't be deleted.
pub fn remove(baseline: &Baseline) -> Result<(), BaselineError> {
    // `baseline.json` first: without it, the rest is no longer a baseline.
    let files = std::iter::once(FACTS).chain(baseline.facts.runs.iter().map(String::as_str));
    for file in files {
        let path = baseline.folder.join(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(writing(&path)(error));
            }
            _ => {}
        }
    }
    fs::remove_dir(&baseline.folder).map_err(writing(&baseline.folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(branch: &str, time: &str) -> Facts {
        Facts {
            schema: SCHEMA.to_owned(),
            heapdiff: "0.1.0".to_owned(),
            branch: branch.to_owned(),
            build: Some("0123456789abcdef".to_owned()),
            platform: "linux/amd64".to_owned(),
            program: None,
            time: time.parse().unwrap(),
            period: 4096,
            kept: Keep::Whole,
            scopes: Vec::new(),
            totals: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("heapdiff-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    fn run(out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"a run")
    }

    #[test]
    fn no_branch_leads_out_of_the_store() {
        for (branch, folder) in [
            ("main", "main"),
            ("feature/x y", "feature%2Fx%20y"),
            ("..", "%2E%2E"),
            ("../../etc", "%2E.%2F..%2Fetc"),
            (".git", "%2Egit"),
            ("a%2Fb", "a%252Fb"),
            ("C:\\x", "C%3A%5Cx"),
            ("", "%"),
            ("ü", "%C3%BC"),
        ] {
            let escaped = escape(branch);
            assert_eq!(Path::new(&escaped).components().count(), 1, "{escaped}");
            assert!(!escaped.starts_with('.') && !escaped.contains(['/', '\\', ':']), "{escaped}");
            assert_eq!(escaped, folder, "{branch}");
        }
        assert!(escape(&"/".repeat(1000)).len() <= NAME_MAX);
    }

    #[test]
    fn what_is_saved_is_found_again_in_the_order_of_its_time() {
        let dir = folder("baselines");
        let (late, early) = ("2026-11-02T10:00:00Z", "2026-11-01T10:00:00Z");
        let saved = [
            save(&dir, facts("a/b", late), &[&run, &run]).unwrap(),
            save(&dir, facts("a/b", early), &[&run]).unwrap(),
            // Of the same second and the same build.
            save(&dir, facts("a/b", late), &[&run]).unwrap(),
        ];
        assert!(saved[2].folder.ends_with("a%2Fb/20261102T100000Z-0123456789ab-2"));
        fs::write(dir.join("notes.txt"), "mine").unwrap();
        fs::write(dir.join(".gitignore"), "").unwrap();
        let found = read(&dir).unwrap();
        assert_eq!(found.baselines, [1, 0, 2].map(|i: usize| saved[i].clone()));
        assert_eq!(found.strangers, [dir.join("notes.txt")]);
        assert!(found.broken.is_empty());
        assert_eq!(saved[0].runs().len(), 2);
        // A file that is not ours keeps its folder.
        fs::write(saved[0].folder.join("mine"), "mine").unwrap();
        remove(&saved[0]).unwrap_err();
        remove(&saved[1]).unwrap();
        let found = read(&dir).unwrap();
        assert_eq!(found.baselines, [saved[2].clone()]);
        assert_eq!(found.strangers, [saved[0].folder.clone(), dir.join("notes.txt")]);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_failed_save_leaves_nothing() {
        let dir = folder("half");
        let broken = |out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk on fire"))
        };
        let error = save(&dir, facts("main", "2026-11-01T10:00:00Z"), &[&run, &broken]);
        assert!(error.unwrap_err().to_string().ends_with("disk on fire"));
        assert_eq!(fs::read_dir(dir.join("main")).unwrap().count(), 0);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_is_damaged_is_told_with_its_place() {
        let dir = folder("damaged");
        let baseline = save(&dir, facts("main", "2026-11-01T10:00:00Z"), &[&run]).unwrap();
        let file = baseline.folder.join(FACTS);
        let text = fs::read_to_string(&file).unwrap();
        let cases = [
            (text.replace("\"runs\"", "runs"), ":13:3: key must be a string"),
            (text.replace("4096", "\"often\""), "invalid type: string \"often\""),
            (text.replace("2026-11-01", "yesterday"), ":8:"),
            (text.replace("run-1", "../../run-1"), "isn't named like a run, \"run-1.pb.gz\""),
            (text.replace("run-1.pb.gz", "baseline.json"), "isn't named like a run"),
            (text.replace("run-1", "run-01"), "isn't named like a run"),
            (text.replace("run-1", "run-0"), "isn't named like a run"),
            (
                text.replace(
                    "\"run-1.pb.gz\"",
                    "\"run-1.pb.gz\", \"run-2.pb.gz\", \"run-1.pb.gz\"",
                ),
                "names the run \"run-1.pb.gz\" twice",
            ),
            (
                text.replace("\"main\"", "\"a/b\""),
                "is of the branch \"a/b\", whose folder is a%2Fb, but is in main",
            ),
            (text.replace("/v1", "/v2"), "this heapdiff reads \"heapdiff.baseline/v1\""),
            ("{}".to_owned(), "isn't a baseline"),
            (String::new(), ":1:0: EOF"),
            (text[..40].to_owned(), "EOF"),
        ];
        for (text, expected) in cases {
            fs::write(&file, &text).unwrap();
            let found = read(&dir).unwrap();
            let [(branch, error)] = found.broken.as_slice() else { panic!("{text}") };
            assert_eq!(branch, "main");
            assert!(error.to_string().starts_with(&shown(&file)), "{error}");
            assert!(error.to_string().contains(expected), "{expected}: {error}");
        }
        // What a later version adds is passed over.
        fs::write(&file, text.replacen('{', "{\"later\": 1,", 1)).unwrap();
        assert_eq!(read(&dir).unwrap().baselines, [baseline]);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_a_killed_job_left_behind_is_in_nobodys_way() {
        let dir = folder("killed");
        let branch = dir.join("main");
        // As in containers, where each job has the same process id.
        let left = [1, 2].map(|n| branch.join(format!(".new-{}-{n}", std::process::id())));
        for left in &left {
            fs::create_dir_all(left).unwrap();
            fs::write(left.join("run-1.pb.gz"), "half").unwrap();
        }
        let saved = save(&dir, facts("main", "2026-11-01T10:00:00Z"), &[&run]).unwrap();
        let broken = |_: &mut dyn Write| Err(io::Error::other("disk on fire"));
        save(&dir, facts("main", "2026-11-01T10:00:00Z"), &[&broken]).unwrap_err();
        assert_eq!(read(&dir).unwrap().baselines, [saved]);
        assert_eq!(fs::read_dir(&branch).unwrap().count(), 3);
        for left in &left {
            assert_eq!(fs::read_to_string(left.join("run-1.pb.gz")).unwrap(), "half");
        }
        fs::remove_dir_all(&dir).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out_of_the_store() {
        use std::os::unix::fs::symlink;
        let (dir, outside) = (folder("links"), folder("outside"));
        let own = save(&dir, facts("main", "2026-11-02T10:00:00Z"), &[&run]).unwrap();
        let other = save(&outside, facts("main", "2026-11-01T10:00:00Z"), &[&run]).unwrap();
        // A whole branch, a baseline, and what makes a folder one.
        let links = [dir.join("linked"), dir.join("main/linked"), dir.join("main/third")];
        symlink(outside.join("main"), &links[0]).unwrap();
        symlink(&other.folder, &links[1]).unwrap();
        fs::create_dir(&links[2]).unwrap();
        symlink(other.folder.join(FACTS), links[2].join(FACTS)).unwrap();
        let found = read(&dir).unwrap();
        assert_eq!(found.baselines, [own]);
        assert_eq!(found.strangers, links);
        assert!(found.broken.is_empty());
        let error = save(&dir, facts("linked", "2026-11-01T10:00:00Z"), &[&run]).unwrap_err();
        assert!(error.to_string().contains("linked: is a symbolic link"), "{error}");
        assert_eq!(read(&outside).unwrap().baselines, [other]);
        // DIR itself may be one: who names it means what it leads to.
        let named = folder("named");
        let _ = fs::remove_file(&named);
        symlink(&dir, &named).unwrap();
        assert_eq!(read(&named).unwrap().baselines.len(), 1);
        fs::remove_file(&named).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        fs::remove_dir_all(&outside).unwrap();
    }

    #[test]
    fn a_store_has_to_be_a_folder() {
        let dir = folder("none");
        assert!(matches!(read(&dir), Err(BaselineError::Missing(_))));
        fs::write(&dir, "a file").unwrap();
        assert!(matches!(read(&dir), Err(BaselineError::NoFolder(_))));
        let saved = save(&dir, facts("main", "2026-11-01T10:00:00Z"), &[&run]);
        assert!(matches!(saved, Err(BaselineError::NoFolder(_))));
        fs::remove_file(&dir).unwrap();
    }
}
