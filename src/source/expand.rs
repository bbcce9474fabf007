//! Expands the names on the command line: a folder into its files, and a glob that the shell didn't
//! expand into the files that match.
//!
//! A folder is read one level deep, because recordings of several processes are in neighbouring
//! folders and profiles of two processes can't be compared; `x/**/*.pb.gz` reads all of them. A
//! name that exists is that file, whatever characters it has, and hidden files are skipped. The
//! files of a folder or a glob are in natural order (`heap-2` before `heap-10`), each once, however
//! many names lead to it; a file that is named twice explicitly stays twice.

use super::STDIN;
use crate::printable::escape;
use globset::{GlobBuilder, GlobMatcher};
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;
use std::cmp::Ordering;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf, is_separator};
use walkdir::WalkDir;

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name to open.
    pub name: String,
    /// How it came to be one.
    pub origin: Origin,
}

/// How a file came to be an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was named explicitly.
    Named,
    /// It is in a folder that was named, or matches a glob.
    Found,
}

/// The inputs that names expand to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The inputs, in the order of the names.
    pub inputs: Vec<Found>,
    /// Folders with subfolders that were skipped, and how many.
    pub nested: Vec<(String, usize)>,
}

/// Why a name can't be expanded.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", escape(name))]
pub struct ExpandError {
    name: String,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("is a folder without files; use the folder that contains the profiles")]
    Empty,
    #[error(
        "is a folder without files, only with folders ({0}); use one of them, or the files in all \
         of them: '{1}/*/*'"
    )]
    Nested(usize, String),
    #[error("matches no file; check the glob: * and ? stop at a /, and ** doesn't")]
    NoMatch,
    #[error("no such file, and not a valid glob: {0}; check the path")]
    NoPattern(String),
    #[error("permission denied; check who may read the folder: ls -ld {0}")]
    Permission(String),
    #[error("contains a file whose name isn't UTF-8: {0}; rename it")]
    Name(String),
    #[error(
        "more than {ENTRIES_AT_MOST} files and folders to look at; name a folder further down, or a \
         glob with fewer * and **"
    )]
    TooMany,
    #[error("can't list it: {0}")]
    Io(io::Error),
}

impl Why {
    fn io(error: io::Error, folder: &Path) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission(folder.display().to_string()),
            _ => Self::Io(error),
        }
    }
}

/// Expands names to inputs. A name that neither exists nor is a glob stays as it is; opening it
/// will fail.
pub fn expand(names: &[String]) -> Result<Expanded, ExpandError> {
    let mut expanded = Expanded::default();
    let mut identity = Identity::default();
    for name in names {
        let whole = |why| ExpandError { name: name.clone(), why };
        match kind(name) {
            Kind::Input => {
                let found = Found { name: name.clone(), origin: Origin::Named };
                expanded.inputs.push(found);
            }
            Kind::Folder => {
                let Listing { mut files, folders } =
                    list(name, &mut Left::default()).map_err(whole)?;
                if files.is_empty() {
                    let shown = trimmed(name).to_owned();
                    let why = if folders > 0 { Why::Nested(folders, shown) } else { Why::Empty };
                    return Err(whole(why));
                }
                if folders > 0 {
                    expanded.nested.push((name.clone(), folders));
                }
                files.sort_unstable_by(|a, b| natural(a, b));
                expanded.inputs.extend(files.into_iter().map(found));
            }
            Kind::Pattern => {
                let mut files = matching(name).map_err(whole)?;
                if files.is_empty() {
                    return Err(whole(Why::NoMatch));
                }
                files.sort_unstable_by(|a, b| natural(a, b));
                expanded.inputs.extend(files.into_iter().map(found));
            }
        }
    }
    if expanded.inputs.iter().any(|input| input.origin == Origin::Found) {
        let is_named = |input: &&Found| input.origin == Origin::Named;
        for input in expanded.inputs.iter().filter(is_named) {
            identity.is_new(&input.name);
        }
        expanded
            .inputs
            .retain(|input| input.origin == Origin::Named || identity.is_new(&input.name));
    }
    Ok(expanded)
}

fn found(name: String) -> Found {
    Found { name, origin: Origin::Found }
}

enum Kind {
    Input,
    Folder,
    Pattern,
}

fn kind(name: &str) -> Kind {
    if name == STDIN || super::is_address(name) {
        return Kind::Input;
    }
    match fs::metadata(name) {
        Ok(metadata) if metadata.is_dir() => Kind::Folder,
        Err(_) if has_wildcard(name) => Kind::Pattern,
        Ok(_) | Err(_) => Kind::Input,
    }
}

fn has_wildcard(name: &str) -> bool {
    name.contains(['*', '?', '[', '{'])
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Returns a folder's name without a trailing slash.
fn trimmed(folder: &str) -> &str {
    let trimmed = folder.trim_end_matches(is_separator);
    if trimmed.is_empty() { folder } else { trimmed }
}

/// The contents of a folder.
struct Listing {
    files: Vec<String>,
    folders: usize,
}

fn list(folder: &str, left: &mut Left) -> Result<Listing, Why> {
    let path = Path::new(folder);
    let mut listing = Listing { files: Vec::new(), folders: 0 };
    for entry in fs::read_dir(path).map_err(|e| Why::io(e, path))? {
        left.take()?;
        let entry = entry.map_err(|e| Why::io(e, path))?;
        let own = entry.file_name();
        if is_hidden(&own.to_string_lossy()) {
            continue;
        }
        match what(entry.file_type().map_err(|e| Why::io(e, path))?, &entry.path()) {
            What::Folder => listing.folders += 1,
            What::Other => {}
            What::File => listing.files.push(utf8(entry.path())?),
        }
    }
    Ok(listing)
}

enum What {
    File,
    Folder,
    /// A pipe or a device, which may never end.
    Other,
}

/// Returns what an entry of a folder, or the target of a link, is. A broken link counts as a file,
/// so that opening it reports the error.
fn what(own: FileType, path: &Path) -> What {
    let real = if own.is_symlink() { fs::metadata(path).map(|m| m.file_type()) } else { Ok(own) };
    match real {
        Ok(real) if real.is_dir() => What::Folder,
        Ok(real) if !real.is_file() => What::Other,
        _ => What::File,
    }
}

fn utf8(path: PathBuf) -> Result<String, Why> {
    path.into_os_string()
        .into_string()
        .map_err(|name| Why::Name(name.to_string_lossy().into_owned()))
}

/// A glob: a folder to start at, and what has to match below it.
struct Pattern {
    base: PathBuf,
    /// One for each level of folders before the first `**`.
    levels: Vec<GlobMatcher>,
    /// The whole path below the base.
    whole: GlobMatcher,
    is_deep: bool,
    takes_hidden: bool,
}

impl Pattern {
    fn new(name: &str) -> Result<Self, Why> {
        let mut base = PathBuf::new();
        let mut parts = name.split(is_separator).peekable();
        if name.starts_with(is_separator) {
            base.push("/");
        }
        // A folder that exists is that folder, even with a bracket in its name.
        while let Some(part) = parts.next_if(|part| !has_wildcard(part) || base.join(part).is_dir())
        {
            base.push(part);
        }
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty() && *part != ".").collect();
        let matcher = |pattern: &str| {
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            glob.map(|glob| glob.compile_matcher())
                .map_err(|e| Why::NoPattern(e.kind().to_string()))
        };
        // A part alone isn't a valid glob if a brace contains a slash.
        let whole = matcher(&parts.join("/"))?;
        let is_split = parts.iter().any(|part| matcher(part).is_err());
        let deep = parts.iter().position(|part| part.contains("**"));
        let level = if is_split { 0 } else { deep.unwrap_or(parts.len()) };
        Ok(Self {
            base,
            levels: parts[..level].iter().map(|part| matcher(part)).collect::<Result<_, _>>()?,
            whole,
            is_deep: is_split || deep.is_some(),
            takes_hidden: parts.iter().any(|part| is_hidden(part)),
        })
    }

    /// Whether an entry at this depth below the base may match, or lead to a match.
    fn leads_on(&self, depth: usize, name: &str) -> bool {
        let level = depth.checked_sub(1).and_then(|above| self.levels.get(above));
        let is_shown = depth == 0 || self.takes_hidden || !is_hidden(name);
        is_shown && level.is_none_or(|level| level.is_match(name))
    }
}

/// Returns the files that match a glob. A folder that matches is replaced by its files, as if the
/// shell had expanded the glob. `**` follows no links, because they may form a cycle.
fn matching(name: &str) -> Result<Vec<String>, Why> {
    let pattern = Pattern::new(name)?;
    let is_here = pattern.base.as_os_str().is_empty();
    let root = if is_here { Path::new(".") } else { pattern.base.as_path() };
    if !root.is_dir() {
        return Ok(Vec::new());
    }
    let mut left = Left::default();
    let found = if pattern.is_deep {
        in_tree(&pattern, root, &mut left)?
    } else {
        in_levels(&pattern, root, &mut left)?
    };
    let mut files = Vec::new();
    for (path, own) in found {
        let path = if is_here { path.strip_prefix(root).unwrap_or(&path).to_owned() } else { path };
        match own.map_or(What::File, |own| what(own, &path)) {
            What::File => files.push(utf8(path)?),
            What::Folder => files.extend(list(&utf8(path)?, &mut left)?.files),
            What::Other => {}
        }
    }
    Ok(files)
}

/// What matches, and the type of each unless it is a broken link.
type Matches = Vec<(PathBuf, Option<FileType>)>;

/// What matches a glob with `**`, in the tree below a folder.
fn in_tree(pattern: &Pattern, root: &Path, left: &mut Left) -> Result<Matches, Why> {
    let walk = WalkDir::new(root).min_depth(1);
    let entries = walk.into_iter().filter_entry(|entry| {
        pattern.leads_on(entry.depth(), &entry.file_name().to_string_lossy())
    });
    let mut found = Vec::new();
    for entry in entries {
        left.take()?;
        let (path, own) = match entry {
            Ok(entry) => (entry.path().to_owned(), Some(entry.file_type())),
            Err(error) => match error.path().map(Path::to_owned) {
                // A broken link.
                Some(path) if path.is_symlink() => (path, None),
                path => return Err(Why::io(error.into(), path.as_deref().unwrap_or(root))),
            },
        };
        if pattern.whole.is_match(path.strip_prefix(root).unwrap_or(&path)) {
            found.push((path, own));
        }
    }
    Ok(found)
}

/// A folder on the way to what a glob matches, by its name and its real path.
struct Step {
    path: PathBuf,
    real: PathBuf,
}

/// What matches a glob without `**`, level by level. Folders may contain links to each other, so that the names of one
/// folder multiply with each level: it is read once on each, by the first of its names.
fn in_levels(pattern: &Pattern, root: &Path, left: &mut Left) -> Result<Matches, Why> {
    let real = |path: &Path| fs::canonicalize(path).map_err(|e| Why::io(e, path));
    let mut found = Vec::new();
    let mut folders = vec![Step { path: root.to_owned(), real: real(root)? }];
    for depth in 1..=pattern.levels.len() {
        let mut next = Vec::new();
        for folder in &folders {
            for entry in fs::read_dir(&folder.path).map_err(|e| Why::io(e, &folder.path))? {
                left.take()?;
                let entry = entry.map_err(|e| Why::io(e, &folder.path))?;
                if !pattern.leads_on(depth, &entry.file_name().to_string_lossy()) {
                    continue;
                }
                let path = entry.path();
                let own = entry.file_type().map_err(|e| Why::io(e, &path))?;
                let is_folder = matches!(what(own, &path), What::Folder);
                if depth < pattern.levels.len() && !is_folder {
                    continue;
                }
                let real = if is_folder { real(&path)? } else { PathBuf::new() };
                // A link back to a parent: its files have a shorter name.
                if is_folder && own.is_symlink() && folder.real.starts_with(&real) {
                    continue;
                }
                if depth < pattern.levels.len() {
                    next.push(Step { path, real });
                } else if pattern.whole.is_match(path.strip_prefix(root).unwrap_or(&path)) {
                    found.push((path, Some(own)));
                }
            }
        }
        // With the separator, names are in the same order as those of their files.
        let name = |step: &Step| format!("{}/", step.path.to_string_lossy());
        next.sort_by_cached_key(|step| Natural(name(step)));
        let mut seen: HashSet<PathBuf, FxBuildHasher> = HashSet::default();
        next.retain(|step| seen.insert(step.real.clone()));
        folders = next;
    }
    Ok(found)
}

/// A name in natural order.
#[derive(PartialEq, Eq)]
struct Natural(String);

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        natural(&self.0, &other.0)
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The entries of folders that may still be looked at for a name.
struct Left(usize);

/// Entries to look at for a name. Looking at so many takes seconds.
const ENTRIES_AT_MOST: usize = 1 << 20;

impl Default for Left {
    fn default() -> Self {
        Self(ENTRIES_AT_MOST)
    }
}

impl Left {
    fn take(&mut self) -> Result<(), Why> {
        self.0 = self.0.checked_sub(1).ok_or(Why::TooMany)?;
        Ok(())
    }
}

/// The files seen so far, by their real paths.
#[derive(Default)]
struct Identity {
    seen: HashSet<PathBuf, FxBuildHasher>,
    /// The folder of the last one, as named and its real path: files of one folder follow each
    /// other.
    folder: Option<(PathBuf, PathBuf)>,
}

impl Identity {
    fn is_new(&mut self, name: &str) -> bool {
        let path = Path::new(name);
        self.real(path).is_none_or(|real| self.seen.insert(real))
    }

    fn real(&mut self, path: &Path) -> Option<PathBuf> {
        let (Some(parent), Some(own)) = (path.parent(), path.file_name()) else {
            return fs::canonicalize(path).ok();
        };
        if path.is_symlink() {
            return fs::canonicalize(path).ok();
        }
        if self.folder.as_ref().is_none_or(|(folder, _)| folder != parent) {
            let here = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.folder = Some((parent.to_owned(), fs::canonicalize(here).ok()?));
        }
        self.folder.as_ref().map(|(_, real)| real.join(own))
    }
}

/// Compares in natural order: numbers by their value, the rest by its characters.
pub fn natural(a: &str, b: &str) -> Ordering {
    parts(a).cmp(parts(b)).then_with(|| a.cmp(b))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// Number of digits, and the digits without leading zeros: a number of any length.
    Number(usize, &'a str),
    Text(&'a str),
}

fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let is_number = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        let digits = part.trim_start_matches('0');
        Some(if is_number { Part::Number(digits.len(), digits) } else { Part::Text(part) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_as_people_count() {
        let mut names = [
            "b1",
            "a10",
            "a2",
            "a",
            "a02",
            "a2b10",
            "a2b9",
            "1",
            "a18446744073709551616",
            "a/2",
            "a.1",
        ];
        names.sort_by(|a, b| natural(a, b));
        let sorted = [
            "1",
            "a",
            "a02",
            "a2",
            "a2b9",
            "a2b10",
            "a10",
            "a18446744073709551616",
            "a.1",
            "a/2",
            "b1",
        ];
        assert_eq!(names, sorted);
    }

    #[test]
    fn a_pattern_begins_where_its_wildcards_do() {
        let base = |name: &str| Pattern::new(name).unwrap().base;
        assert_eq!(base("*.pb"), Path::new(""));
        assert_eq!(base("no/such/*/x?.pb"), Path::new("no/such"));
        assert_eq!(base("/no-such*"), Path::new("/"));
        let pattern = Pattern::new("day*/{heap,x}-[0-9].pb").unwrap();
        assert_eq!(pattern.levels.len(), 2);
        assert!(pattern.leads_on(1, "day3") && !pattern.leads_on(1, "night"));
        assert!(pattern.whole.is_match("day3/heap-1.pb"));
        assert!(!pattern.whole.is_match("day3/x/heap-1.pb"), "* stops at a slash");
        let deep = Pattern::new("**/*.pb").unwrap();
        assert!(deep.whole.is_match("a/b/c.pb") && deep.whole.is_match("c.pb"));
        assert!(!deep.leads_on(1, ".git"), "hidden");
        assert!(Pattern::new("{a/b,c}/*.pb").unwrap().whole.is_match("a/b/x.pb"));
        assert!(Pattern::new("a[").is_err());
    }
}
