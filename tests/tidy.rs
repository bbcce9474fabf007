//! Enforces the project's rules that the compiler doesn't: which module may use which, and what a file looks like.
//!
//! Modules are layered in floors and use lower floors only, so each can be read, tested and changed alone. Inside one
//! package nothing else enforces that. Each rule is a function from sources to complaints, each complaint gives the
//! rule's reason, and each rule has a test here that shows it failing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// Modules of `src/`, the lowest floor first. A module uses lower floors only.
const FLOORS: &[&[&str]] = &[
    &["parallel", "printable", "toml_file", "units"],
    &["model"],
    &["input", "filter", "symbolize"],
    &["graph", "stats", "patterns", "rules"],
    &["analysis"],
    &["report"],
    &["output"],
    &["source"],
    &["serve"],
    &["command"],
];

/// The highest floor that is a function of its arguments: no I/O, no clock, no environment.
const PURE: usize = 6;

/// A module whose files are a list of similar things, such as one format, question or subcommand
/// each. Files named here aren't entries of the list.
struct List {
    module: &'static str,
    /// Where the list itself is, in addition to `mod.rs`: it names the entries, and entries may
    /// name it.
    heads: &'static [&'static str],
    /// Code that entries share: entries use it, and it uses no entry.
    shared: &'static [&'static str],
}

const LISTS: &[List] = &[
    List { module: "input", heads: &[], shared: &["refusal"] },
    List {
        module: "analysis",
        heads: &[],
        shared: &[
            "calls",
            "could_show",
            "estimates",
            "evolution",
            "matched_samples",
            "nearest",
            "pairing",
            "parts",
            "places",
            "process",
            "rates",
            "raw_samples",
            "shared",
            "snapshot_pair",
            "beside",
            "by_site",
            "clock",
            "entries",
            "spans",
            "subtrees",
            "turnover",
        ],
    },
    List {
        module: "output",
        heads: &[],
        shared: &[
            "check_wording",
            "collector_wording",
            "columns",
            "escape",
            "doctor_wording",
            "incident_wording",
            "memory_wording",
            "number",
            "rich",
            "track_wording",
            "tree_columns",
        ],
    },
    List {
        module: "command",
        heads: &["args"],
        shared: &[
            "access",
            "advised",
            "catalog",
            "console",
            "destination",
            "facts",
            "gate",
            "gauge_logs",
            "graphviz",
            "inputs",
            "known",
            "limit",
            "load",
            "local",
            "manifests",
            "options",
            "page",
            "page_process",
            "process",
            "progress",
            "recorder",
            "request",
            "run",
            "sources",
            "spelling",
            "symbols",
            "times",
            "typed",
            "values",
            "whole",
        ],
    },
];

/// Names that reach outside of the program, by the end of their path.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "io::IsTerminal",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "terminal_size",
];

/// Lines a file may have before its tests.
const LONGEST: usize = 500;

/// A file, by its path from the root of the project.
#[derive(Clone, Debug)]
struct Source {
    path: String,
    text: String,
}

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = read(root, "src", &["rs"]);
    assert!(
        sources.len() > 5,
        "src/ has {} files: is this the root of the project?",
        sources.len()
    );
    let mut prose = sources.clone();
    for folder in ["tests", "benches", "docs", "testdata"] {
        prose.extend(read(root, folder, &["rs", "md", "go", "mod", "sh", "toml", "txt", "json"]));
    }
    for file in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml"] {
        if let Ok(text) = std::fs::read_to_string(root.join(file)) {
            prose.push(Source { path: file.to_owned(), text });
        }
    }
    let shipped = without_tests(&sources);
    let complaints: Vec<_> = [
        floors(&shipped),
        lists(&shipped),
        circles(&shipped),
        outside(&shipped),
        headers(&sources),
        declared(&sources),
        folders(&sources),
        lengths(&shipped),
        machine_paths(&prose),
        words(&prose),
    ]
    .concat();
    let list = complaints.iter().fold(String::new(), |mut list, complaint| {
        let _ = writeln!(list, "  {complaint}");
        list
    });
    assert!(complaints.is_empty(), "{} complaints:\n{list}", complaints.len());
}

/// No module uses one in its own floor or above.
fn floors(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let module = source.module();
        let Some(own) = module.first() else { continue };
        let Some(floor) = floor_of(own) else {
            complaints.push(format!(
                "{}: `{own}` has no floor: give it the lowest one in tests/tidy.rs that its uses \
                 allow",
                source.path
            ));
            continue;
        };
        for path in source.paths() {
            let Some(used) = path.strip_prefix("crate::").and_then(|p| p.split("::").next()) else {
                continue;
            };
            let Some(other) = floor_of(used).filter(|&other| used != own && other >= floor) else {
                continue;
            };
            let direction = if other == floor { "sideways" } else { "upward" };
            complaints.push(format!(
                "{}: uses `{path}`, {direction} from floor {floor} to floor {other}: a module uses lower \
                 floors only, so that it can be read and tested without those above it. Move the \
                 shared code down, or pass it as an argument",
                source.path
            ));
        }
    }
    complaints
}

/// Entries of a list don't name each other.
fn lists(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<String> =
        sources.iter().map(|source| source.module().join("::")).collect();
    let mut complaints = Vec::new();
    for source in sources {
        let module = source.module();
        let [list, own, ..] = module.as_slice() else { continue };
        let Some(List { heads, shared, .. }) = LISTS.iter().find(|l| l.module == list) else {
            continue;
        };
        if heads.contains(&own.as_str()) {
            continue;
        }
        for path in source.paths() {
            let parts: Vec<_> = path.split("::").collect();
            let ["crate", of, other, ..] = parts.as_slice() else { continue };
            let is_entry = modules.contains(&format!("{list}::{other}"))
                && !heads.contains(other)
                && !shared.contains(other);
            if of == list && other != own && is_entry {
                complaints.push(format!(
                    "{}: names `{path}`, another entry of the list `{list}`: entries never use \
                     each other, so that each can be added or removed alone. Shared code belongs in \
                     {list}/mod.rs or on a lower floor",
                    source.path
                ));
            }
        }
    }
    complaints
}

/// Files and folders in the same folder don't use each other in a circle. A folder counts as one
/// with its contents.
fn circles(sources: &[Source]) -> Vec<String> {
    let mut uses: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    let modules: BTreeSet<Vec<String>> = sources.iter().map(Source::module).collect();
    for source in sources {
        let module = source.module();
        for path in source.paths() {
            let Some(path) = path.strip_prefix("crate::") else { continue };
            let other: Vec<String> = path.split("::").map(str::to_owned).collect();
            let common = module.iter().zip(&other).take_while(|(own, used)| own == used).count();
            if module.len() > common && other.len() > common {
                let [own, used] = [&module, &other].map(|path| path[..=common].to_vec());
                if modules.contains(&used) {
                    uses.entry(own).or_default().insert(used);
                }
            }
        }
    }
    let reached_from = |own: &Vec<String>| {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&Vec<String>> = uses.get(own).into_iter().flatten().collect();
        while let Some(module) = next.pop() {
            if reached.insert(module) {
                next.extend(uses.get(module).into_iter().flatten());
            }
        }
        reached
    };
    let mut complaints = Vec::new();
    for own in uses.keys() {
        let reached = reached_from(own);
        let circle: Vec<_> =
            reached.into_iter().filter(|module| reached_from(module).contains(own)).collect();
        // Each circle once, by the first of its files.
        if circle.first() == Some(&own) {
            let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            complaints.push(format!(
                "src/{}: is in a circle of files that use each other ({}): files of a folder \
                 form no circle, so that each can be read after those it uses. Move the code that \
                 closes the circle into the file that uses the least, or into its own file",
                own.join("/"),
                names.join(", ")
            ));
        }
    }
    complaints
}

/// A module with files of its own is a folder that holds its `mod.rs`.
fn folders(sources: &[Source]) -> Vec<String> {
    let beside = sources.iter().filter(|source| {
        let folder = format!("{}/", source.path.trim_end_matches(".rs"));
        sources.iter().any(|other| other.path.starts_with(&folder))
    });
    beside
        .map(|source| {
            let folder = source.path.trim_end_matches(".rs");
            format!(
                "{}: is next to its folder: move it to `{folder}/mod.rs`, so that the module is in \
                 one place",
                source.path
            )
        })
        .collect()
}

/// Floors up to [`PURE`] don't reach outside of the program.
fn outside(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let module = source.module();
        if module.first().and_then(|own| floor_of(own)).is_none_or(|floor| floor > PURE) {
            continue;
        }
        for path in source.paths() {
            let hit = OUTSIDE.iter().find(|banned| {
                path == **banned
                    || path.starts_with(&format!("{banned}::"))
                    || path.ends_with(&format!("::{banned}"))
            });
            if let Some(banned) = hit {
                complaints.push(format!(
                    "{}: uses `{path}`: floors 0 to {PURE} do no I/O and read neither clock nor \
                     environment ({banned}), so that equal input gives an equal report everywhere. \
                     Fetch it in `source` or `command` and pass the value",
                    source.path
                ));
            }
        }
    }
    complaints
}

/// Every file opens with a header that says what it is and why.
fn headers(sources: &[Source]) -> Vec<String> {
    let headless = sources.iter().filter(|source| !source.text.starts_with("//! "));
    headless
        .map(|source| {
            format!(
                "{}: doesn't open with `//! `: a reader first needs to know what the file is, why \
                 it is so, and what always holds in it",
                source.path
            )
        })
        .collect()
}

/// Every file is part of the program.
fn declared(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let module = source.module();
        let Some((name, parents)) = module.split_last() else { continue };
        let is_declared = sources
            .iter()
            .filter(|other| other.path != source.path && other.module() == parents)
            .filter(|other| other.path != "src/main.rs")
            .any(|other| {
                let code = code(&other.text);
                code.lines().any(|line| {
                    let line = line.trim().trim_end_matches(';').trim_end();
                    line.strip_suffix(name.as_str())
                        .is_some_and(|before| before.ends_with("mod ") && !before.contains("//"))
                })
            });
        if !is_declared {
            complaints.push(format!(
                "{}: no `mod {name};` declares it, so the compiler never checks it",
                source.path
            ));
        }
    }
    complaints
}

/// No file is too long to keep in mind.
fn lengths(sources: &[Source]) -> Vec<String> {
    let length = |source: &Source| before_tests(&source.text).lines().count();
    let long = sources.iter().filter(|source| length(source) > LONGEST);
    long.map(|source| {
        format!(
            "{}: {} lines before its tests, more than {LONGEST}: a file has one job. Split it by \
             job, not by length",
            source.path,
            length(source)
        )
    })
    .collect()
}

/// Nothing names a folder on a particular machine.
fn machine_paths(sources: &[Source]) -> Vec<String> {
    // Assembled here, so that the rule doesn't match this file.
    let folders = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    find(sources, |line| {
        folders
            .iter()
            .find(|folder| line.contains(folder.as_str()))
            .map(|folder| format!("names `{folder}`, a folder of one machine: use a relative path"))
    })
}

/// Files state facts, not who wrote them, how, or what remains to be done.
fn words(sources: &[Source]) -> Vec<String> {
    let banned: Vec<String> = [
        ["co-authored", "-by"],
        ["ai-", "generated"],
        ["ai-", "assisted"],
        ["language ", "model"],
        ["ll", "m"],
        ["to", "do:"],
        ["fix", "me"],
        ["xx", "x:"],
        ["work in ", "progress"],
    ]
    .map(|halves| halves.concat())
    .into();
    find(sources, |line| {
        let line = line.to_lowercase();
        banned.iter().find(|word| has_word(&line, word)).map(|word| {
            format!(
                "contains `{word}`: a file states facts. Authorship belongs in the commit history, \
                 and remaining work in an issue"
            )
        })
    })
}

fn find(sources: &[Source], complain: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(complaint) = complain(line) {
                complaints.push(format!("{}:{}: {complaint}", source.path, number + 1));
            }
        }
    }
    complaints
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(line[..at].chars().next_back()) && !letter(line[at + word.len()..].chars().next())
    })
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

impl Source {
    /// The module of this file, from the root: `src/input/pprof/mod.rs` is `input`, `pprof`.
    fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] || parts == ["main"] {
            parts.pop();
        }
        parts
    }

    /// Every path the file names before its tests, in full: `super` and `self` are resolved, and
    /// `use a::{b, c::d}` is `a::b` and `a::c::d`.
    fn paths(&self) -> Vec<String> {
        let code = code(before_tests(&self.text));
        let tokens = tokens(&code);
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let mut named = Vec::new();
            let starts = is_name(&tokens[at]) && (at == 0 || tokens[at - 1] != "::");
            if starts
                && (tokens[at] == "use" || tokens.get(at + 1).is_some_and(|next| next == "::"))
            {
                at = tree(&tokens, at + usize::from(tokens[at] == "use"), "", &mut named);
            } else {
                at += 1;
            }
            paths.extend(named.iter().map(|path| self.resolve(path)));
        }
        paths.sort();
        paths.dedup();
        paths
    }

    fn resolve(&self, path: &str) -> String {
        let mut module = self.module();
        let mut rest = path;
        let mut relative = false;
        while let Some((first, after)) = rest.split_once("::") {
            match first {
                "self" => {}
                "super" => _ = module.pop(),
                _ => break,
            }
            (relative, rest) = (true, after);
        }
        if !relative {
            return path.to_owned();
        }
        module.insert(0, "crate".to_owned());
        module.push(rest.to_owned());
        module.join("::")
    }
}

/// Parses one use tree that starts at `at`, adds its paths and returns where it ends.
fn tree(tokens: &[String], mut at: usize, prefix: &str, paths: &mut Vec<String>) -> usize {
    let mut path = prefix.to_owned();
    while let Some(token) = tokens.get(at) {
        let may_go_on = path.is_empty() || path.ends_with("::");
        if token == "{" && may_go_on {
            at += 1;
            while tokens.get(at).is_some_and(|token| token != "}") {
                let before = at;
                at = tree(tokens, at, &path, paths);
                if tokens.get(at).is_some_and(|token| token == "as") {
                    at += 2;
                }
                if tokens.get(at).is_some_and(|token| token == ",") || at == before {
                    at += 1;
                }
            }
            return at + 1;
        }
        if token == "::" {
            if !path.is_empty() {
                path.push_str("::");
            }
        } else if is_name(token) && may_go_on {
            path.push_str(token);
        } else {
            break;
        }
        at += 1;
    }
    if path.len() > prefix.len() {
        paths.push(path.trim_end_matches("::self").trim_end_matches("::").to_owned());
    }
    at
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token.to_owned());
        rest = after.trim_start();
    }
    tokens
}

/// The text before the module of tests.
fn before_tests(text: &str) -> &str {
    let mut from = 0;
    while let Some(found) = text[from..].find("#[cfg(test)]") {
        let at = from + found;
        let after = text[at + "#[cfg(test)]".len()..].trim_start();
        let is_own_line = at == 0 || text[..at].ends_with('\n');
        let opens = after.lines().next().is_some_and(|line| !line.ends_with(';'));
        if is_own_line && opens && after.starts_with("mod ") {
            return &text[..at];
        }
        from = at + 1;
    }
    text
}

/// The files that are part of the tool: a test may be long, and may use and read anything.
fn without_tests(sources: &[Source]) -> Vec<Source> {
    let is_test = |source: &&Source| {
        let module = source.module();
        let Some((name, parents)) = module.split_last() else { return false };
        let declaration = format!("#[cfg(test)]\nmod {name};");
        sources.iter().any(|other| other.module() == parents && other.text.contains(&declaration))
    };
    sources.iter().filter(|source| !is_test(source)).cloned().collect()
}

/// The code without comments and quoted text; lines keep their positions.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest),
            'r' if !code.ends_with(|c: char| c.is_alphanumeric() && c != 'b') => raw(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    for (at, _) in rest.char_indices() {
        if rest[at..].starts_with("/*") {
            depth += 1;
        } else if at > 0 && rest[..=at].is_char_boundary(at) && rest[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a raw string that starts here with `r`, or 0 if there is none.
fn raw(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|&c| c == '#').count();
    if !rest[1 + hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    rest[body..].find(&close).map_or(rest.len(), |at| body + at + close.len())
}

/// The length of a character literal that starts here with a quote, or 0 if it is a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(0, |at| at + 4),
        Some(_) => chars.next().filter(|&(_, c)| c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// The files with one of these extensions in a folder and its subfolders, by path.
fn read(root: &Path, folder: &str, extensions: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten() {
        let entry = entry.expect("a readable folder");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            sources.extend(read(root, &path, extensions));
        } else if extensions.iter().any(|&e| entry.path().extension().is_some_and(|own| own == e)) {
            let text = std::fs::read(entry.path()).expect("a readable file");
            sources.push(Source { path, text: String::from_utf8_lossy(&text).into_owned() });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

mod rules {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source { path: format!("src/{path}"), text: text.to_owned() }
    }

    /// The only complaint of a rule, or none.
    fn complaint(rule: fn(&[Source]) -> Vec<String>, sources: &[Source]) -> Option<String> {
        let mut complaints = rule(sources);
        assert!(complaints.len() < 2, "more than expected: {complaints:?}");
        complaints.pop()
    }

    #[test]
    fn a_module_uses_lower_floors_only() {
        let at = |path, text| complaint(floors, &[file(path, text)]);
        assert!(
            at("stats/mod.rs", "use crate::report::Query;").expect("upward").contains("upward")
        );
        assert!(at("filter/mod.rs", "use crate::input;").expect("sideways").contains("sideways"));
        assert!(at("model/ids.rs", "use crate::{units, output::json};").is_some(), "in braces");
        assert!(
            at("model/ids.rs", "pub use crate::input::InputError as E;").is_some(),
            "passed on"
        );
        assert!(at("units.rs", "fn f() { let _ = crate::model::ids(); }").is_some(), "without use");
        assert!(at("input/pprof/wire.rs", "use super::super::super::filter::Spec;").is_some());
        assert!(at("novelty.rs", "").expect("no floor").contains("no floor"));
        assert!(
            at("report.rs", "use crate::analysis::{diff::Diff, Bounds};").is_none(),
            "downward"
        );
        assert!(at("input/mod.rs", "use crate::input::pprof;").is_none(), "itself");
        assert!(
            at("units.rs", "// use crate::report;\nconst S: &str = \"crate::model\";").is_none()
        );
        assert!(at("units.rs", "#[cfg(test)]\nmod tests { use crate::report::Query; }").is_none());
        assert!(at("main.rs", "use crate::command;").is_none(), "the root");
    }

    #[test]
    fn entries_of_a_list_do_not_name_each_other() {
        let with = |path: &str, text: &str| {
            let names =
                ["output/mod.rs", "output/csv.rs", "output/table/mod.rs", "output/table/grid.rs"];
            let mut all: Vec<_> = names.iter().map(|name| file(name, "")).collect();
            all.extend(["command/load.rs", "command/top.rs"].map(|name| file(name, "")));
            all.retain(|other| other.path != format!("src/{path}"));
            all.push(file(path, text));
            complaint(lists, &all)
        };
        assert!(with("output/json.rs", "use super::csv::write;").is_some());
        assert!(with("output/json.rs", "use crate::output::{Style, table::Grid};").is_some());
        assert!(with("output/table/name.rs", "use super::super::csv;").is_some(), "from a folder");
        assert!(with("command/diff.rs", "use crate::command::top;").is_some());
        assert!(with("command/load.rs", "use super::top;").is_some(), "shared code uses no entry");
        assert!(with("command/diff.rs", "use super::load::load;").is_none(), "shared code");
        assert!(with("command/args.rs", "use super::top;").is_none(), "where the list is");
        assert!(with("output/json.rs", "use super::Style;").is_none(), "no entry");
        assert!(with("output/table/name.rs", "use super::grid::Grid;").is_none(), "one entry");
        assert!(
            with("output/mod.rs", "pub mod csv; use csv::write; use self::table::Grid;").is_none()
        );
    }

    #[test]
    fn low_floors_do_not_reach_outside() {
        let at = |path, text| complaint(outside, &[file(path, text)]);
        assert!(at("input/mod.rs", "use std::fs::File;").is_some());
        assert!(at("input/mod.rs", "use std::{fs, fmt};").is_some());
        assert!(at("output/csv.rs", "fn f() { std::env::var(\"NO_COLOR\"); }").is_some());
        assert!(at("stats/mod.rs", "use std::time::{Duration, Instant};").is_some());
        assert!(at("output/mod.rs", "use std::io; fn f() { io::stdout(); }").is_some());
        assert!(at("report.rs", "fn f() { let _ = jiff::Timestamp::now(); }").is_some());
        assert!(at("source/mod.rs", "use std::fs::File;").is_none(), "its job");
        assert!(
            at("output/mod.rs", "use std::io::{self, Write}; use std::time::Duration;").is_none()
        );
        assert!(at("model/mod.rs", "/// [`std::fs`] is for `source`.\nfn f() {}").is_none());
    }

    #[test]
    fn a_file_opens_with_what_it_is() {
        assert!(complaint(headers, &[file("units.rs", "use std::fmt;\n")]).is_some());
        assert!(complaint(headers, &[file("units.rs", "/// Bytes.\nstruct B;\n")]).is_some());
        assert!(complaint(headers, &[file("units.rs", "//! Bytes.\n")]).is_none());
    }

    #[test]
    fn a_file_is_declared() {
        let with = |parent: &str| {
            complaint(
                declared,
                &[
                    file("lib.rs", "pub mod model;"),
                    file("model/mod.rs", parent),
                    file("model/ids.rs", ""),
                ],
            )
        };
        assert!(with("").is_some());
        assert!(with("// mod ids;").is_some(), "in a comment");
        assert!(with("mod grids;").is_some(), "another");
        assert!(with("mod ids;").is_none());
        assert!(with("pub(crate) mod ids;").is_none());
        let folder = [file("lib.rs", "mod a;"), file("a.rs", "pub mod b;"), file("a/b.rs", "")];
        assert!(complaint(declared, &folder).is_none(), "a file next to its folder");
    }

    #[test]
    fn files_of_a_folder_form_no_circle() {
        let with = |a: &str, b: &str, c: &str| {
            let files = [("graph/a.rs", a), ("graph/b/mod.rs", b), ("graph/b/c.rs", c)];
            let files = files.map(|(path, text)| file(path, text));
            complaint(circles, &[&[file("graph/mod.rs", "use a::A;")], &files[..]].concat())
        };
        let (of_a, of_b) = ("use super::b::B;", "use super::a::A;");
        assert!(with(of_a, of_b, "").expect("a circle of two").contains("src/graph/a"));
        assert!(
            with(of_a, "", "use crate::graph::a::A;").is_some(),
            "by way of a file in a folder"
        );
        assert!(with(of_a, "", "").is_none());
        assert!(with("use super::Shared;", "use super::Shared;", "use super::B;").is_none());
    }

    #[test]
    fn a_module_with_files_is_a_folder() {
        let with = |path: &str| complaint(folders, &[file(path, ""), file("model/ids.rs", "")]);
        assert!(with("model.rs").is_some());
        assert!(with("model/mod.rs").is_none());
        assert!(with("models.rs").is_none());
    }

    #[test]
    fn a_file_is_short() {
        let lines = |n: usize, tests: usize| {
            let text = format!(
                "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
                "x\n".repeat(n),
                "x\n".repeat(tests)
            );
            complaint(lengths, &[file("units.rs", &text)])
        };
        assert!(lines(501, 0).expect("too long").contains("501 lines"));
        assert!(lines(500, 900).is_none(), "tests may be long");
    }

    #[test]
    fn no_folder_of_one_machine() {
        let folder = ["/ho", "me/somebody"].concat();
        assert!(complaint(machine_paths, &[file("units.rs", &folder)]).is_some());
        assert!(complaint(machine_paths, &[file("units.rs", "homework/x network/y")]).is_none());
    }

    #[test]
    fn no_word_of_who_or_when() {
        let says = |halves: [&str; 2]| complaint(words, &[file("units.rs", &halves.concat())]);
        assert!(says(["// TO", "DO: later"]).is_some());
        assert!(says(["//! by an L", "LM"]).is_some());
        assert!(says(["Co-Author", "ed-By: somebody"]).is_some());
        assert!(says(["// to be mis", "fixmed"]).is_none(), "inside a word");
    }

    #[test]
    fn paths_are_read_in_full() {
        let text = "use a::{b::{self, c}, d as e, f::*};\nimpl g::H for super::I { fn j() -> k::L<m::N> {} }";
        assert_eq!(
            file("input/x.rs", text).paths(),
            ["a::b", "a::b::c", "a::d", "a::f", "crate::input::I", "g::H", "k::L", "m::N"]
        );
    }

    #[test]
    fn files_of_tests_are_told_apart() {
        let stats = "pub mod growth;\n#[cfg(test)]\nmod simulation;\nuse crate::report::Query;";
        let files = ["stats/growth.rs", "stats/simulation.rs"].map(|path| file(path, ""));
        let all = [vec![file("stats/mod.rs", stats)], files.to_vec()].concat();
        let shipped: Vec<_> = without_tests(&all).into_iter().map(|source| source.path).collect();
        assert_eq!(shipped, ["src/stats/mod.rs", "src/stats/growth.rs"]);
        assert!(complaint(floors, &all).is_some(), "what follows the declaration is no test");
    }

    #[test]
    fn comments_and_quotes_are_no_code() {
        let text = "a /* b /* c */ d */ 'x' '\\'' '\\u{1F600}' &'e f r#\"g\"h\"# b\"i\\\"\" \"j\" k // l\nm";
        let words: Vec<_> =
            tokens(&code(text)).into_iter().filter(|token| is_name(token)).collect();
        assert_eq!(words, ["a", "e", "f", "b", "k", "m"]);
    }
}
