//! Finds the owners of a file by CODEOWNERS, as GitHub reads it, with the sections of GitLab.
//!
//! The last pattern that matches says who owns a file. Patterns are those of gitignore, with what GitHub
//! leaves out: `!` and `[ ]` mean nothing, and a `*` at the end matches what is in a folder and nothing
//! deeper. In sections, the last match of each counts.

use super::pipe;
use globset::{GlobBuilder, GlobMatcher};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the file may be. The first that exists counts.
const PLACES: [&str; 4] =
    [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];
/// Most bytes of it that are read: GitHub ignores a larger file.
const READ_MAX: u64 = 3 << 20;

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
    globs: Vec<GlobMatcher>,
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
        file.take(READ_MAX).read_to_end(&mut bytes).ok()?;
        Some(Self { place, entries: entries(&String::from_utf8_lossy(&bytes)) })
    }

    /// The rules that say who owns a file, by its path from the root: one, or one for each section.
    pub fn of(&self, path: &str) -> Vec<Rule<'_>> {
        let mut found: Vec<&Entry> = Vec::new();
        for entry in self.entries.iter().rev() {
            let is_known = found.iter().any(|other| other.section == entry.section);
            if !is_known && entry.globs.iter().any(|glob| glob.is_match(path)) {
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
        let globs = globs(&pattern);
        entries.push(Entry { section, line: number + 1, pattern, owners: own, globs });
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

/// What a pattern matches: files of this name, and what is in folders of this name.
fn globs(pattern: &str) -> Vec<GlobMatcher> {
    let body = pattern.trim_matches('/');
    let is_folder = pattern.ends_with('/');
    let is_anchored = pattern.starts_with('/') || body.contains('/');
    let mut escaped = String::new();
    for c in body.chars() {
        if matches!(c, '[' | ']' | '{' | '}' | '\\' | '!') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    let own = if is_anchored { escaped } else { format!("**/{escaped}") };
    let is_open = body.rsplit('/').next().is_some_and(|last| last.contains('*'));
    let below = format!("{own}/**");
    let texts = match (is_folder, is_open && is_anchored) {
        _ if body.is_empty() => vec!["**".to_owned()],
        (true, _) => vec![below],
        (false, true) => vec![own],
        (false, false) => vec![own, below],
    };
    let glob = |text: &String| {
        let mut builder = GlobBuilder::new(text);
        builder.literal_separator(true).backslash_escape(true);
        builder.build().ok().map(|glob| glob.compile_matcher())
    };
    texts.iter().filter_map(glob).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (text, path, expected) in cases {
            assert_eq!(!owners_of(text, path).is_empty(), expected, "{text}: {path}");
        }
    }

    #[test]
    fn each_section_of_gitlab_has_an_owner() {
        let text = "* @all\n[Storage][2] @storage\n/store/\n*.sql @db\n^[Docs] @writers\n*.md\n";
        assert_eq!(owners_of(text, "store/x.go"), ["@all", "@storage"]);
        assert_eq!(owners_of(text, "store/x.sql"), ["@all", "@db"]);
        assert_eq!(owners_of(text, "store/x.md"), ["@all", "@storage", "@writers"]);
    }
}
