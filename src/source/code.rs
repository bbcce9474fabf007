//! Finds source files by the names that a profile records for them.
//!
//! A profile may be a stranger's file, so the names in it can't be trusted. A file is opened only
//! if its name, and the name of the target of a link, has the extension of a source file, if it is
//! a regular file no larger than a source file, and if it contains text: `/etc/passwd`, keys,
//! `.env` and devices are out of reach. A relative name never leads out of the folder in which it
//! is looked up.
//!
//! A profile was often taken on another machine, so a name is looked up in several places, the
//! surest first:
//!
//! 1. below the folders of `-source_path` and their parents, without the prefixes of
//!    `-trim_path`, or if there are none, without everything up to the name of the folder: pprof's
//!    rules,
//! 2. at the absolute name,
//! 3. in Go's module caches, for a name with a version, and in the source of the Go installation,
//! 4. below the working directory and its parents,
//! 5. with fewer and fewer leading folders, below the folders of `-source_path` and the working
//!    directory.
//!
//! From the third on, a name without a version may belong to a different file, so that file is used
//! only if it contains the name of the function.

use crate::model::origin;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// Extensions of source files.
const EXTENSIONS: &[&str] = &[
    "asm", "c", "cc", "clj", "cpp", "cppm", "cs", "cts", "cu", "cxx", "d", "dart", "erl", "ex",
    "exs", "f", "f90", "fs", "go", "groovy", "h", "hh", "hpp", "hrl", "hs", "hxx", "inc", "inl",
    "ipp", "java", "jl", "js", "jsx", "kt", "kts", "l", "lua", "m", "mjs", "ml", "mli", "mm",
    "mts", "nim", "php", "pl", "pm", "pxd", "py", "pyx", "r", "rb", "rs", "s", "scala", "swift",
    "ts", "tsx", "vb", "y", "zig",
];

/// Largest source file; larger ones aren't written by hand.
const SIZE_MAX: u64 = 8 << 20;
/// Longest file name; no file can have a longer one.
const NAME_MAX: usize = 4096;
/// Most leading folders of a name that are removed.
const FOLDERS_MAX: usize = 40;

/// A source file.
#[derive(Clone, Debug)]
pub struct Code {
    /// Where it was found.
    pub path: PathBuf,
    /// When it was last modified.
    pub modified: Option<SystemTime>,
    /// Its name contains its version, so it is the compiled file, whatever its time.
    pub is_versioned: bool,
    text: String,
    /// Where each line ends.
    ends: Vec<u32>,
}

impl Code {
    /// Number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no lines.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns a line by its number, from 1, without its line ending.
    pub fn line(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number.checked_sub(1)?)? as usize;
        let start = number.checked_sub(2).map_or(0, |before| self.ends[before] as usize);
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }

    /// Whether it contains a word.
    pub fn says(&self, word: &str) -> bool {
        has_word(&self.text, word)
    }
}

/// Whether `text` contains `word`, with no letter or digit on either side.
pub fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    })
}

/// Why a source file wasn't found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// No file of that name.
    NotFound,
    /// It can't be read.
    Unreadable,
    /// It is too large for a source file.
    TooLarge,
    /// It contains bytes that aren't text.
    NotText,
    /// It doesn't have the name of a source file.
    NoSourceName,
}

/// Most files that are kept for the next function.
const KEPT: usize = 64;

/// Source files that were opened, kept because a large file contains many of a profile's functions.
#[derive(Clone, Debug, Default)]
pub struct Files(HashMap<PathBuf, Result<Rc<Code>, Missing>, FxBuildHasher>);

impl Files {
    fn open(&mut self, candidate: Candidate) -> Result<Rc<Code>, Missing> {
        if self.0.len() >= KEPT && !self.0.contains_key(&candidate.path) {
            self.0.clear();
        }
        let Candidate { path, is_versioned, .. } = candidate;
        let known = self.0.entry(path);
        let opened = known.or_insert_with_key(|path| open(path, is_versioned).map(Rc::new));
        opened.clone()
    }
}

/// Where to look for source files.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The folders of `-source_path`.
    pub folders: Vec<PathBuf>,
    /// The prefixes of `-trim_path`, each with its slash.
    pub prefixes: Vec<String>,
    /// The working directory.
    pub working: Option<PathBuf>,
    /// Go's module caches.
    pub module_caches: Vec<PathBuf>,
    /// The source of Go's standard library.
    pub standard_library: Option<PathBuf>,
}

impl Search {
    /// Makes a search from the options and the environment.
    pub fn new(source_path: Option<&str>, prefixes: &[String]) -> Self {
        let folders = source_path.map(|path| env::split_paths(path).collect()).unwrap_or_default();
        let home = || env::var_os("HOME").map(PathBuf::from);
        let cache = env::var_os("GOMODCACHE").filter(|path| !path.is_empty()).map(PathBuf::from);
        let paths = env::var_os("GOPATH").filter(|path| !path.is_empty());
        let paths: Vec<PathBuf> = match &paths {
            Some(paths) => env::split_paths(paths).collect(),
            None => home().map(|home| home.join("go")).into_iter().collect(),
        };
        let caches = paths.into_iter().map(|path| path.join("pkg/mod"));
        Self {
            folders,
            prefixes: prefixes.to_vec(),
            working: env::current_dir().ok(),
            module_caches: cache.into_iter().chain(caches).collect(),
            standard_library: go_root().map(|root| root.join("src")),
        }
    }

    /// Finds the file that a profile calls `recorded`, for `function`; `files` are those opened
    /// before.
    pub fn find(
        &self,
        recorded: &str,
        function: &str,
        files: &mut Files,
    ) -> Result<Rc<Code>, Missing> {
        if recorded.len() > NAME_MAX {
            return Err(Missing::NotFound);
        }
        let recorded = forward(recorded);
        if !is_source_name(Path::new(recorded.as_ref())) {
            return Err(Missing::NoSourceName);
        }
        let word = short_name(function);
        let mut missing = Missing::NotFound;
        for candidate in self.candidates(&recorded, function) {
            let is_sure = candidate.is_sure;
            match files.open(candidate) {
                Ok(code) => {
                    if is_sure || word.is_some_and(|word| code.says(word)) {
                        return Ok(code);
                    }
                }
                // A file that exists but is of no use is the better reason than one not found.
                Err(other) => missing = missing.max(other),
            }
        }
        Err(missing)
    }

    fn candidates(&self, recorded: &str, function: &str) -> Vec<Candidate> {
        let mut all = Vec::new();
        let trimmed = self.trim(recorded);
        let rooted = trimmed.starts_with('/');
        let parts = parts(trimmed);
        let whole: PathBuf = parts.iter().collect();
        let sure = |path: PathBuf| Candidate { path, is_sure: true, is_versioned: false };
        let guess = |path: PathBuf| Candidate { path, is_sure: false, is_versioned: false };
        if !rooted {
            let folders = self.folders.iter().flat_map(|folder| absolute(folder, self));
            all.extend(folders.map(|folder| sure(folder.join(&whole))));
        } else if !trimmed.split('/').any(|part| part == "..") {
            all.push(sure(PathBuf::from(trimmed)));
        }
        for cache in &self.module_caches {
            all.extend(in_module_cache(&parts).map(|path| Candidate {
                path: cache.join(path),
                is_sure: true,
                is_versioned: true,
            }));
        }
        if let Some(library) =
            self.standard_library.as_ref().filter(|_| origin::is_standard_library(function))
        {
            let source = parts.iter().rposition(|&part| part == "src").map_or(0, |at| at + 1);
            let path: PathBuf = parts[if rooted { source } else { 0 }..].iter().collect();
            all.push(guess(library.join(path)));
        }
        // With -trimpath, a file from a vendor folder has a version in its name that the folder
        // lacks.
        if let Some(vendored) = in_vendor(&parts) {
            let folders = self.working.iter().chain(&self.folders);
            let around = folders.flat_map(|folder| folder.ancestors());
            all.extend(around.map(|folder| guess(folder.join("vendor").join(&vendored))));
        }
        if !rooted {
            let folders = self.working.iter().flat_map(|folder| folder.ancestors());
            all.extend(folders.map(|folder| guess(folder.join(&whole))));
        }
        let first = parts.len().saturating_sub(FOLDERS_MAX);
        for folder in self.folders.iter().chain(&self.working) {
            let shorter =
                (first..parts.len()).map(|from| parts[from..].iter().collect::<PathBuf>());
            all.extend(shorter.map(|path| guess(folder.join(path))));
        }
        all
    }

    /// Returns the name without a prefix of `-trim_path`, or without everything up to a folder of
    /// `-source_path`.
    fn trim<'a>(&self, recorded: &'a str) -> &'a str {
        let fixed = ["/proc/self/cwd/./", "/proc/self/cwd/"];
        if self.prefixes.is_empty() {
            for folder in &self.folders {
                let Some(base) = folder.file_name().and_then(|base| base.to_str()) else {
                    continue;
                };
                let base = format!("/{base}/");
                if let Some(at) = recorded.find(&base) {
                    return &recorded[at + base.len()..];
                }
            }
        }
        let prefixes = self.prefixes.iter().map(String::as_str).chain(fixed);
        prefixes.into_iter().find_map(|prefix| recorded.strip_prefix(prefix)).unwrap_or(recorded)
    }
}

/// A place where a file may be.
struct Candidate {
    path: PathBuf,
    /// If it exists, it is the right file.
    is_sure: bool,
    is_versioned: bool,
}

/// Returns a folder and its parents; a relative name starts at the working directory.
fn absolute(folder: &Path, search: &Search) -> Vec<PathBuf> {
    let whole = match &search.working {
        Some(working) if folder.is_relative() => working.join(folder),
        _ => folder.to_owned(),
    };
    whole.ancestors().map(Path::to_owned).collect()
}

/// Returns a Windows name with forward slashes and without its drive.
fn forward(name: &str) -> Cow<'_, str> {
    let drive = |c: &str| c.len() == 1 && c.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = match name.split_once(':') {
        Some((letter, rest)) if drive(letter) => rest,
        _ => name,
    };
    if name.contains('\\') && !name.contains('/') {
        return Cow::Owned(name.replace('\\', "/"));
    }
    Cow::Borrowed(name)
}

/// Returns the elements of a name; `..` never leads above the first of them.
fn parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts
}

/// Returns the path below a module cache: the module with its version, capitals escaped as in the
/// cache. A name from another machine's cache also contains the folders above that cache.
fn in_module_cache(parts: &[&str]) -> impl Iterator<Item = PathBuf> + use<> {
    let version = parts.iter().position(|part| part.contains("@v"));
    let path = version.map(|version| {
        let cache = parts[..version].windows(2).rposition(|pair| pair == ["pkg", "mod"]);
        let module = &parts[cache.map_or(0, |at| at + 2)..];
        let split = version + 1 - cache.map_or(0, |at| at + 2);
        let escaped = module[..split].iter().map(|part| Cow::Owned(escape_capitals(part)));
        let plain = module[split..].iter().map(|&part| Cow::Borrowed(part));
        escaped.chain(plain).map(|part| PathBuf::from(part.as_ref())).collect()
    });
    path.into_iter()
}

/// Returns the path below a vendor folder: the module without its version.
fn in_vendor(parts: &[&str]) -> Option<PathBuf> {
    let version = parts.iter().position(|part| part.contains("@v"))?;
    let cache = parts[..version].windows(2).rposition(|pair| pair == ["pkg", "mod"]);
    let module = &parts[cache.map_or(0, |at| at + 2)..];
    let plain = |part: &&str| part.split("@v").next().unwrap_or_default().to_owned();
    Some(module.iter().map(plain).collect())
}

/// Escapes capitals as Go's module cache does: `BurntSushi` as `!burnt!sushi`.
fn escape_capitals(part: &str) -> String {
    part.chars().fold(String::new(), |mut escaped, c| {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
        escaped
    })
}

/// Returns the Go installation: `GOROOT`, or the one that the `go` in the path belongs to.
fn go_root() -> Option<PathBuf> {
    if let Some(root) = env::var_os("GOROOT").filter(|root| !root.is_empty()) {
        return Some(PathBuf::from(root));
    }
    let path = env::var_os("PATH")?;
    let go = env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| fs::canonicalize(folder.join("go")).ok())?;
    let root = go.parent()?.parent()?.to_owned();
    root.join("src/runtime").is_dir().then_some(root)
}

fn is_source_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS.binary_search(&extension.to_ascii_lowercase().as_str()).is_ok()
    })
}

/// Reads a file, if it is a source file.
fn open(path: &Path, is_versioned: bool) -> Result<Code, Missing> {
    let real = fs::canonicalize(path).map_err(|_| Missing::NotFound)?;
    if !is_source_name(&real) {
        return Err(Missing::NoSourceName);
    }
    // Only a regular file is opened, because opening a pipe waits for its writer.
    let metadata = fs::metadata(&real).map_err(|_| Missing::Unreadable)?;
    if !metadata.is_file() {
        return Err(Missing::NotFound);
    }
    if metadata.len() > SIZE_MAX {
        return Err(Missing::TooLarge);
    }
    let file = File::open(&real).map_err(|_| Missing::Unreadable)?;
    let mut bytes = Vec::new();
    file.take(SIZE_MAX).read_to_end(&mut bytes).map_err(|_| Missing::Unreadable)?;
    if bytes.contains(&0) {
        return Err(Missing::NotText);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let breaks = text.bytes().zip(1_u32..).filter(|&(byte, _)| byte == b'\n');
    let mut ends: Vec<u32> = breaks.map(|(_, end)| end).collect();
    if ends.last().map_or(0, |&end| end as usize) < text.len() {
        ends.push(text.len() as u32);
    }
    let modified = metadata.modified().ok();
    Ok(Code { path: path.to_owned(), modified, is_versioned, text, ends })
}

/// Returns the name of a function as it appears in the source: `windowFor` for
/// `chat/limiter.(*Limiter).windowFor`, `serve` for its closure `main.serve.func2`. `None` if the
/// compiler generated the name, or if the source spells it differently.
pub fn short_name(function: &str) -> Option<&str> {
    let mut depth = 0_i32;
    let mut words: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, c) in function.char_indices().chain([(function.len(), '.')]) {
        let is_word = c.is_alphanumeric() || c == '_';
        if is_word && depth == 0 {
            continue;
        }
        if depth == 0 && start < at {
            words.push(&function[start..at]);
        }
        match c {
            '[' | '(' | '<' | '{' => depth += 1,
            ']' | ')' | '>' | '}' => depth = (depth - 1).max(0),
            _ => {}
        }
        start = at + c.len_utf8();
    }
    let numbered = |word: &str, name: &str| {
        word.strip_prefix(name).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
    };
    let made_up = |word: &&&str| {
        ["", "func", "gowrap", "deferwrap", "range", "fm"].iter().any(|name| numbered(word, name))
    };
    let written = words.iter().rev().skip_while(made_up).count();
    let word = *words.get(written.checked_sub(1)?)?;
    // A closure at package level and a package initializer have no name in the source.
    let is_package = written == 1 && words.len() > 1;
    (!is_package && !matches!(word, "init" | "glob" | "map")).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("heapdiff-code-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::canonicalize(folder).unwrap()
    }

    fn write(folder: &Path, name: &str, text: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn extensions_are_in_order() {
        assert!(EXTENSIONS.is_sorted());
    }

    #[test]
    fn the_word_of_a_function() {
        let cases = [
            ("main.main", Some("main")),
            ("chat/limiter.(*Limiter).windowFor", Some("windowFor")),
            ("example.com/a.b/c.d.F[go.shape.int]", Some("F")),
            ("main.serve.func2", Some("serve")),
            ("main.serve.func2.1", Some("serve")),
            ("main.(*T).M-fm", Some("M")),
            ("main.serve.gowrap1", Some("serve")),
            ("main.serve-range1", Some("serve")),
            ("main.init.0", None),
            ("main.init.func1", None),
            ("main.glob..func1", None),
            ("ns::Widget::paint(int, char const*)", Some("paint")),
            ("std::vector<int>::push_back", Some("push_back")),
            ("<core::Thing<T> as core::Other>::run", Some("run")),
            ("core::run::{{closure}}", Some("run")),
            ("malloc", Some("malloc")),
            ("", None),
            ("((((", None),
            ("main.func1", None),
        ];
        for (function, word) in cases {
            assert_eq!(short_name(function), word, "{function}");
        }
    }

    #[test]
    fn a_name_is_looked_for_in_the_surest_place_first() {
        let root = folder("places");
        write(&root, "home/app/server.go", b"func serve() {}\n");
        write(&root, "mod/github.com/!burnt!sushi/toml@v1.2.3/lex.go", b"func lex() {}\n");
        write(&root, "go/src/net/http/server.go", b"func Serve() {}\n");
        write(&root, "work/sub/main.go", b"func main() {}\n");
        write(&root, "work/other.go", b"func other() {}\n");
        let search = |folders: &[&str], prefixes: &[&str]| Search {
            folders: folders.iter().map(|folder| root.join(folder)).collect(),
            prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
            working: Some(root.join("work")),
            module_caches: vec![root.join("mod")],
            standard_library: Some(root.join("go/src")),
        };
        let found = |search: Search, recorded: &str, function: &str| {
            let code = search
                .find(recorded, function, &mut Files::default())
                .map(|code| code.path.clone());
            code.map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
        };
        let plain = || search(&[], &[]);
        let app = Ok("home/app/server.go".to_owned());
        assert_eq!(found(search(&["home/app"], &[]), "/ci/app/server.go", "main.serve"), app);
        assert_eq!(found(search(&["home"], &["/ci/"]), "/ci/app/server.go", "main.serve"), app);
        assert_eq!(found(search(&["home/x/y"], &[]), "app/server.go", "main.serve"), app, "above");
        assert_eq!(
            found(search(&["home"], &[]), "/ci/app/server.go", "main.serve"),
            app,
            "shorter"
        );
        assert_eq!(found(plain(), "/ci/app/server.go", "main.serve"), Err(Missing::NotFound));
        let toml = Ok("mod/github.com/!burnt!sushi/toml@v1.2.3/lex.go".to_owned());
        let lex = "github.com/BurntSushi/toml.lex";
        assert_eq!(found(plain(), "github.com/BurntSushi/toml@v1.2.3/lex.go", lex), toml);
        let other = "/other/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.3/lex.go";
        assert_eq!(found(plain(), other, lex), toml, "another machine's");
        let library = Ok("go/src/net/http/server.go".to_owned());
        let serve = "net/http.(*Server).Serve";
        assert_eq!(found(plain(), "net/http/server.go", serve), library);
        assert_eq!(found(plain(), "/opt/go1.22/src/net/http/server.go", serve), library);
        assert_eq!(found(plain(), "net/http/server.go", "main.Serve"), Err(Missing::NotFound));
        let main = Ok("work/sub/main.go".to_owned());
        assert_eq!(found(plain(), "example.com/cmd/sub/main.go", "main.main"), main);
        let other = Ok("work/other.go".to_owned());
        assert_eq!(found(plain(), "../../../other.go", "main.other"), other);
        assert_eq!(found(plain(), "C:\\src\\other.go", "main.other"), other);
        assert_eq!(found(plain(), "other.go", "main.unknown"), Err(Missing::NotFound), "no name");
        fs::remove_dir_all(&root).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nothing_but_source_is_opened() {
        let root = folder("strange");
        let inside = root.join("inside");
        write(&root, "secret.go", b"func secret() {}\n");
        write(&inside, "key.pem", b"secret\n");
        write(&inside, "binary.go", b"a\0b");
        write(&inside, "large.go", &vec![b'x'; SIZE_MAX as usize + 1]);
        write(&inside, "plain.go", b"one\r\ntwo \xff\n\nlast");
        std::os::unix::fs::symlink(inside.join("key.pem"), inside.join("link.go")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(inside.join("pipe.go")).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        let search = Search { folders: vec![inside.clone()], ..Search::default() };
        let missing = |name: &str| {
            search
                .find(name, "main.secret", &mut Files::default())
                .map(|code| code.path.clone())
                .err()
        };
        assert_eq!(missing("/etc/passwd"), Some(Missing::NoSourceName));
        assert_eq!(missing("/dev/zero"), Some(Missing::NoSourceName));
        assert_eq!(missing("key.pem"), Some(Missing::NoSourceName));
        assert_eq!(missing("link.go"), Some(Missing::NoSourceName), "a link to another kind");
        assert_eq!(missing("binary.go"), Some(Missing::NotText));
        assert_eq!(missing("large.go"), Some(Missing::TooLarge));
        assert_eq!(missing("pipe.go"), Some(Missing::NotFound), "it would wait for ever");
        assert_eq!(missing("a\0b.go"), Some(Missing::NotFound));
        assert_eq!(missing(&"a/".repeat(1 << 20)), Some(Missing::NotFound));
        assert_eq!(missing(&format!("{}x.go", "a/".repeat(2000))), Some(Missing::NotFound));
        assert_eq!(missing("/x/../../other/../../secret.go"), Some(Missing::NotFound));
        let code = search.find("plain.go", "f", &mut Files::default()).unwrap();
        let lines: Vec<_> = (0..6).map(|number| code.line(number)).collect();
        let expected = [None, Some("one"), Some("two \u{fffd}"), Some(""), Some("last"), None];
        assert_eq!(lines, expected);
        fs::remove_dir_all(&root).unwrap();
    }
}
