//! Finds the owners of a file by CODEOWNERS, as GitHub reads it, with the sections of GitLab.
//!
//! The last pattern that matches says who owns a file. Patterns are those of gitignore, with what GitHub
//! leaves out: `!` and `[ ]` mean nothing, and a `*` at the end matches what is in a folder and nothing
//! deeper. In sections, the last match of each counts.
//!
//! A checkout may be a stranger's, with a pattern on each of 300,000 lines. So patterns aren't compiled, as
//! those of globs are: a pattern is compared with a path step by step, and needs no memory.

use super::pipe;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the file may be. The first that exists counts.
const PLACES: [&str; 4] =
    [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];
/// Most bytes of it: GitHub ignores a larger file. Its last rules count most, so a part of it says nothing.
const READ_MAX: u64 = 3 << 20;
/// Longest pattern; no path is longer.
const PATTERN_MAX: usize = 4096;

/// A rule that matches a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its pattern.
    pub pattern: &'a str,
    /// Its owners, as they are written.
    pub owners: &'a [String],
}

/// The rules of a CODEOWNERS file.
#[derive(Debug)]
pub struct CodeOwners {
    /// Where it is, from the root of the checkout.
    pub place: &'static str,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    section: usize,
    line: usize,
    pattern: String,
    owners: Vec<String>,
}

/// The root of the checkout that a file is in: the folder with `.git`, or with a CODEOWNERS file.
pub fn root(file: &Path) -> Option<PathBuf> {
    let folders = || file.ancestors().skip(1);
    let has_rules = |folder: &&Path| PLACES.iter().any(|place| folder.join(place).is_file());
    folders()
        .find(|folder| folder.join(".git").exists())
        .or_else(|| folders().find(has_rules))
        .map(Path::to_owned)
}

impl CodeOwners {
    /// Reads the file of a checkout; `None` if there is none that can be read.
    pub fn find(root: &Path) -> Option<Self> {
        let place = PLACES.into_iter().find(|place| root.join(place).is_file())?;
        let mut bytes = Vec::new();
        let file = pipe::open_to_read(&root.join(place)).ok()?;
        let read = file.take(READ_MAX + 1).read_to_end(&mut bytes).ok()?;
        if read as u64 > READ_MAX {
            return None;
        }
        Some(Self { place, entries: entries(&String::from_utf8_lossy(&bytes)) })
    }

    /// The rules that say who owns a file, by its path from the root: one, or one for each section.
    pub fn of(&self, path: &str) -> Vec<Rule<'_>> {
        let parts: Vec<&str> = path.split('/').collect();
        let mut found: Vec<&Entry> = Vec::new();
        let mut sections = BTreeSet::new();
        for entry in self.entries.iter().rev() {
            if !sections.contains(&entry.section) && matches(&entry.pattern, &parts) {
                sections.insert(entry.section);
                found.push(entry);
            }
        }
        found.sort_by_key(|entry| entry.line);
        let rules = found.into_iter();
        rules
            .map(|Entry { line, pattern, owners, .. }| Rule { line: *line, pattern, owners })
            .collect()
    }
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut section = 0;
    let mut usual: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        if line.starts_with('[') || line.starts_with("^[") {
            section += 1;
            let end = line.rfind(']').map_or(line.len(), |end| end + 1);
            usual = owners(&line[end..]);
            continue;
        }
        let (pattern, rest) = first_word(line);
        let mut own = owners(rest);
        if own.is_empty() {
            own.clone_from(&usual);
        }
        if pattern.len() <= PATTERN_MAX {
            entries.push(Entry { section, line: number + 1, pattern, owners: own });
        }
    }
    entries
}

/// The pattern at the beginning of a line, and what is behind it. A backslash keeps a space.
fn first_word(line: &str) -> (String, &str) {
    let mut word = String::new();
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => word.extend(characters.next().map(|(_, c)| c)),
            c if c.is_whitespace() => return (word, &line[at..]),
            c => word.push(c),
        }
    }
    (word, "")
}

/// The owners up to a comment.
fn owners(text: &str) -> Vec<String> {
    let words = text.split_whitespace().take_while(|word| !word.starts_with('#'));
    words.filter(|word| word.contains('@')).map(str::to_owned).collect()
}

/// Whether a pattern matches a path: a file of this name, or what is in a folder of this name.
fn matches(pattern: &str, path: &[&str]) -> bool {
    let body = pattern.trim_matches('/');
    if body.is_empty() {
        return true;
    }
    let is_folder = pattern.ends_with('/');
    let is_anchored = pattern.starts_with('/') || body.contains('/');
    let is_open = body.rsplit('/').next().is_some_and(|last| last.contains('*'));
    // The numbers of parts of the path that the pattern so far matches.
    let mut matched = vec![false; path.len() + 1];
    if is_anchored {
        matched[0] = true;
    } else {
        // At any depth.
        matched[..path.len()].fill(true);
    }
    let mut parts = body.split('/').peekable();
    while let Some(part) = parts.next() {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            // Any number of folders, and at the end at least one part.
            let least = usize::from(parts.peek().is_none());
            let first = matched.iter().position(|&is| is).unwrap_or(path.len() + 1);
            next.iter_mut().skip(first + least).for_each(|is| *is = true);
        } else {
            for (at, own) in path.iter().enumerate() {
                next[at + 1] = matched[at] && is_like(part.as_bytes(), own.as_bytes());
            }
        }
        matched = next;
    }
    let (is_whole, is_below) = (matched[path.len()], matched[..path.len()].contains(&true));
    match (is_folder, is_open && is_anchored) {
        (true, _) => is_below,
        (false, true) => is_whole,
        (false, false) => is_whole || is_below,
    }
}

/// Whether a name is like a part of a pattern, in which `*` is any text and `?` is one character. After a
/// mismatch, only the last `*` takes more: an earlier one could gain nothing by that.
fn is_like(part: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star = None;
    while in_name < name.len() {
        match part.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                in_name += 1;
                // The other bytes of a character begin with 10.
                while name.get(in_name).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    in_name += 1;
                }
            }
            Some(byte) if *byte == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((of_star, taken)) = &mut star else { return false };
                *taken += 1;
                (at, in_name) = (*of_star + 1, *taken);
            }
        }
    }
    part[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn owners_of(text: &str, path: &str) -> Vec<String> {
        let rules = CodeOwners { place: "CODEOWNERS", entries: entries(text) };
        rules.of(path).iter().flat_map(|rule| rule.owners.to_vec()).collect()
    }

    /// The example of GitHub's documentation.
    const EXAMPLE: &str = "\
# A comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
";

    #[test]
    fn the_last_pattern_that_matches_says_who_owns_a_file() {
        let cases: [(&str, &[&str]); 12] = [
            ("main.rs", &["@global-owner1", "@global-owner2"]),
            ("a/b/c.rs", &["@global-owner1", "@global-owner2"]),
            ("a/x.js", &["@js-owner"]),
            ("cmd/main.go", &["docs@example.com"]),
            ("build/logs/deep/x.go", &["@octocat"]),
            ("docs/getting-started.md", &["@doctocat"]),
            ("docs/build-app/troubleshooting.md", &["@doctocat"]),
            ("x/docs/y.md", &["@global-owner1", "@global-owner2"]),
            ("x/apps/y.rs", &["@octocat"]),
            ("deeply/nested/logs/x.rs", &["@octocat"]),
            ("apps/y.rs", &["@octocat"]),
            ("apps/github/y.rs", &[]),
        ];
        for (path, expected) in cases {
            assert_eq!(owners_of(EXAMPLE, path), expected, "{path}");
        }
        let rules = CodeOwners { place: "CODEOWNERS", entries: entries(EXAMPLE) };
        let rule = &rules.of("scripts/x.sh")[0];
        assert_eq!((rule.line, rule.pattern), (10, "/scripts/"));
    }

    #[test]
    fn patterns_are_those_of_gitignore_without_what_github_leaves_out() {
        let cases = [
            ("docs/* @a", "docs/x.md", true),
            ("docs/* @a", "docs/x/y.md", false),
            ("docs/* @a", "z/docs/x.md", false),
            ("foo @a", "x/foo/y.go", true),
            ("foo/bar @a", "foo/bar/y.go", true),
            ("foo/bar @a", "x/foo/bar/y.go", false),
            ("/* @a", "x.go", true),
            ("/* @a", "x/y.go", false),
            ("/a\\ b/ @a", "a b/y.go", true),
            ("/src/**/x.go @a", "src/a/b/x.go", true),
            ("/[ab].go @a", "a.go", false),
            ("/{a,b}.go @a", "a.go", false),
            ("Foo.go @a", "foo.go", false),
            ("!x.go @a", "x.go", false),
            ("/ @a", "x/y.go", true),
            ("* @a", "x/y.go", true),
            ("** @a", "x/y.go", true),
            ("docs/** @a", "docs/x/y.md", true),
            ("docs/** @a", "docs", false),
            ("/**/x/ @a", "a/b/x/y.go", true),
            ("/**/x/ @a", "x/y.go", true),
            ("a/**/**/b.go @a", "a/b.go", true),
            ("/a*c*e.go @a", "abcde.go", true),
            ("/a*c*e.go @a", "abcd.go", false),
            ("/?.go @a", "é.go", true),
            ("/?.go @a", "ab.go", false),
            ("/a/b @a", "a", false),
        ];
        for (text, path, expected) in cases {
            assert_eq!(!owners_of(text, path).is_empty(), expected, "{text}: {path}");
        }
    }

    #[test]
    fn a_hostile_file_costs_little() {
        let mut text = String::from("*.go @all\n");
        for i in 0..60_000 {
            let _ = writeln!(text, "[s{i}]\n**/*{i}*a*b*c*.go @x");
        }
        let stars = "*a".repeat(2000);
        let (folders, long) = ("**/".repeat(1000), "*".repeat(9000));
        let _ = writeln!(text, "/{stars}b @y\n/{folders}**/x @z\n{long} @w");
        let path = format!("src/{}.go", "a".repeat(250));
        assert_eq!(owners_of(&text, &path), ["@all"]);
        let root = std::env::temp_dir().join(format!("heapdiff-owners-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("CODEOWNERS"), "* @a\n".repeat(800_000)).unwrap();
        assert!(CodeOwners::find(&root).is_none(), "its last rules count most");
        std::fs::write(root.join("CODEOWNERS"), "* @a\n").unwrap();
        assert_eq!(CodeOwners::find(&root).unwrap().of("x.go").len(), 1);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn each_section_of_gitlab_has_an_owner() {
        let text = "* @all\n[Storage][2] @storage\n/store/\n*.sql @db\n^[Docs] @writers\n*.md\n";
        assert_eq!(owners_of(text, "store/x.go"), ["@all", "@storage"]);
        assert_eq!(owners_of(text, "store/x.sql"), ["@all", "@db"]);
        assert_eq!(owners_of(text, "store/x.md"), ["@all", "@storage", "@writers"]);
    }
}
