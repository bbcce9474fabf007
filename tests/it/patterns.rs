//! Leak patterns: each is found in a program that leaks that way, and the command explains patterns and reports mistakes
//! in pattern files.

use crate::corpus;
use heapdiff::analysis::matches::{Match, MatchesQuery};
use heapdiff::filter::Spec;
use heapdiff::patterns::Catalog;
use heapdiff::report::{Question, analyze};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

fn matches(profile: &[u8], catalog: &Arc<Catalog>) -> Vec<Match> {
    let asked = MatchesQuery { catalog: Arc::clone(catalog) };
    let query = crate::ask::query(Question::Matches(asked), "");
    let series = crate::ask::series(&[profile]).unwrap();
    answer!(analyze(series, &query, &Spec::default()).unwrap().answer, Matches).rows
}

/// The pattern each function is expected to show first.
fn check(
    profile: &[u8],
    expected: &BTreeMap<String, String>,
    may_lack: &[&str],
    name: &str,
) -> usize {
    let found = matches(profile, &Arc::new(Catalog::builtin()));
    let mut met = 0;
    for (function, pattern) in expected {
        match found.iter().find(|row| row.function == *function) {
            Some(row) => {
                met += 1;
                assert_eq!(row.patterns.first(), Some(pattern), "{name}: {row:?}");
            }
            None => assert!(may_lack.contains(&pattern.as_str()), "{name}: no {function}"),
        }
    }
    met
}

#[test]
fn each_function_of_the_recording_shows_its_pattern() {
    let expected = [
        ("main.timerTicker", "timer-ticker"),
        ("main.timerAfterfunc", "timer-afterfunc"),
        ("main.ctxTimeout", "ctx-timeout"),
        ("main.ctxCancel", "ctx-cancel"),
        ("main.netFd", "net-fd"),
        ("main.bufioReader", "bufio"),
        ("main.bytesBuffer", "bytes-buffer"),
        ("main.syncMap", "sync-map"),
        ("main.listLru", "list-lru"),
        ("main.regexpCompile", "regexp-compile"),
        ("main.jsonChurn", "json-churn"),
        ("main.appContainer", "app-container"),
    ];
    let expected = expected.map(|(function, pattern)| (function.to_owned(), pattern.to_owned()));
    let heap = corpus::read("patterns/heap.pb.gz");
    assert_eq!(check(&heap, &expected.into(), &[], "patterns/heap.pb.gz"), 12);
    let found = matches(&heap, &Arc::new(Catalog::builtin()));
    let search = found.iter().find(|row| row.function == "main.search").unwrap();
    assert!(!search.patterns.contains(&"regexp-compile".to_owned()), "{search:?}");
    let all = found.iter().find(|row| row.function == "main.main").unwrap();
    assert!(all.patterns.len() > 12 && found[0] == *all, "{all:?}");
    assert!(found.iter().all(|row| row.inuse_space.is_some() && row.goroutines.is_none()));
    assert!(found.iter().all(|row| row.function.starts_with("main.")), "own code alone");
}

#[test]
fn the_other_patterns_are_found_and_all_of_them_on_every_version_of_go() {
    let expected = [
        ("main.ctxValue", "ctx-value"),
        ("main.timerAfter", "timer-after"),
        ("main.errorsRetain", "errors-retain"),
        ("main.slogWith", "slog-with"),
        ("main.signalNotify", "signal-notify"),
        ("main.flateWriter", "flate-writer"),
        ("main.reflectTypes", "reflect-types"),
        ("main.templateParse", "template-parse"),
        ("main.syncPool", "sync-pool"),
        ("main.stringsRetain", "strings-retain"),
        ("main.ioReadall", "io-readall"),
    ];
    let expected = expected.map(|(function, pattern)| (function.to_owned(), pattern.to_owned()));
    let heap = corpus::read("patterns/more.pb.gz");
    assert_eq!(check(&heap, &expected.into(), &[], "patterns/more.pb.gz"), 11);
    // The other versions are in the shared recordings.
    let profiles = corpus::shared(&["patterns-lab"]);
    let Some(folder) = profiles.first().and_then(|path| path.parent()) else { return };
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: BTreeMap<String, String> = serde_json::from_str(&expected).unwrap();
    let mut seen = 0;
    for path in &profiles {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("goroutine") {
            continue;
        }
        let profile = std::fs::read(path).unwrap();
        // The variant with deferred calls lacks the cases that need a network, and Go 1.27 collects
        // what time.After leaves.
        let networked =
            ["http-transport-per-request", "sql-rows", "http2-streams", "net-fd", "timer-after"];
        let may_lack: &[&str] = match name.contains("-defer") {
            true => &networked,
            false if name.contains("1.27") => &["timer-after"],
            false => &[],
        };
        let met = check(&profile, &expected, may_lack, &name);
        assert!(met > 25, "{name}: {met}");
        seen += 1;
    }
    assert!(seen >= 6, "{seen} heap profiles in {}", folder.display());
}

#[test]
fn goroutine_profiles_match_by_where_they_are_parked() {
    let asked = MatchesQuery { catalog: Arc::new(Catalog::builtin()) };
    let query = crate::ask::query(Question::Matches(asked), "");
    let goroutines = corpus::read("patterns/goroutine.pb.gz");
    let series = crate::ask::series(&[&goroutines, &goroutines]).unwrap();
    let report = analyze(series, &query, &Spec::default()).unwrap();
    let found = answer!(report.answer, Matches);
    let of = |id: &str| found.elsewhere.iter().find(|(own, _)| own == id).map(|(_, value)| *value);
    assert_eq!(of("ctx-cancel"), Some(100), "fifty in each of two profiles: {found:?}");
    let main = found.rows.iter().find(|row| row.function == "main.main").unwrap();
    assert_eq!((main.goroutines, main.inuse_space), (Some(2), None));
    assert_eq!(report.sample_type, "goroutine");
}

/// Creates a folder with these files.
fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("heapdiff-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder
}

fn heapdiff(folder: &PathBuf, line: &str) -> Output {
    let args = line.split_whitespace();
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const MINE: &str = "[[pattern]]\nid = 'mine'\ntitle = 'Blocks of ours'\nany = ['keepBlocks$']\n\
                    meaning = 'm'\nfix = 'f'\nconfidence = 'high'\n";

#[test]
fn the_catalogue_is_listed_and_explained() {
    let folder = folder("patterns-list", &[]);
    let list = heapdiff(&folder, "patterns --width 80");
    let list = text(&list.stdout);
    assert!(list.starts_with("pattern "), "{list}");
    for pattern in Catalog::builtin().patterns() {
        assert!(list.contains(&format!("\n{} ", pattern.id)), "{}", pattern.id);
        let line = list.lines().find(|line| line.starts_with(&format!("{} ", pattern.id)));
        assert!(line.is_some_and(|line| line.ends_with(&pattern.title)), "{line:?}");
        let one = heapdiff(&folder, &format!("patterns {} --width 80", pattern.id));
        let one = text(&one.stdout);
        for part in
            ["What happens", "What to check", "What to do", "How it is detected", "Examples"]
        {
            assert!(one.contains(&format!("\n{part}")), "{}: no {part}", pattern.id);
        }
        for line in one.lines().filter(|line| !line.contains(": heapdiff ")) {
            // Neither expressions nor names are ever wrapped.
            let is_expression = line.starts_with("    ");
            let is_name = line.split_whitespace().any(|word| word.len() > 60);
            assert!(
                is_expression || is_name || line.chars().count() <= 80,
                "{}: {line}",
                pattern.id
            );
        }
    }
    for format in ["json", "csv"] {
        let all = heapdiff(&folder, &format!("patterns --format {format}"));
        assert!(text(&all.stdout).contains("k8s-informer"), "{format}");
        let one = heapdiff(&folder, &format!("patterns --format {format} timer-ticker"));
        assert!(text(&one.stdout).contains("timer-ticker"), "{format}");
        assert!(!text(&one.stdout).contains("k8s-informer"), "{format}");
    }
    let two = heapdiff(&folder, "patterns sql-tx sql-rows");
    let two = text(&two.stdout);
    assert!(two.starts_with("sql-tx  ") && two.contains("\n\nsql-rows  "), "{two}");
    for line in ["help patterns match", "patterns match --help", "man"] {
        let help = heapdiff(&folder, line);
        let help = text(&help.stdout);
        assert!(
            help.contains("patterns match") && help.replace('\\', "").contains("--own"),
            "{line}: {help}"
        );
    }
    let unknown = heapdiff(&folder, "patterns timer-tikcer");
    assert_eq!(unknown.status.code(), Some(2));
    let said = text(&unknown.stderr);
    assert!(
        said.starts_with(
            "heapdiff: there is no pattern `timer-tikcer`; the nearest are timer-ticker, "
        ),
        "{said}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_users_patterns_come_from_files_that_are_named_and_from_the_usual_one() {
    let rate1 = corpus::read("rate1/after.pb.gz");
    let other = MINE.replace("'mine'", "'other'");
    let later = MINE.replace("Blocks of ours", "Blocks of theirs");
    let folder = folder(
        "patterns-own",
        &[
            ("heapdiff.toml", MINE.as_bytes()),
            ("other.toml", other.as_bytes()),
            ("later.toml", later.as_bytes()),
            ("heap.pb.gz", &rate1),
        ],
    );
    let first = |line: &str| -> Vec<String> {
        let output = heapdiff(&folder, line);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = json["matches"].as_array().unwrap();
        let row = rows.iter().find(|row| row["function"] == "main.keepBlocks").unwrap();
        let ids = row["patterns"].as_array().unwrap();
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(first("patterns match --format json heap.pb.gz"), ["mine"]);
    let both = "patterns --patterns other.toml match --format json heap.pb.gz";
    assert_eq!(first(both), ["other", "mine"]);
    assert_eq!(
        first("-patterns=other.toml -format json patterns match heap.pb.gz"),
        ["other", "mine"]
    );
    let said = heapdiff(&folder, "patterns mine --patterns later.toml");
    assert!(text(&said.stdout).starts_with("mine  Blocks of theirs"), "{}", text(&said.stdout));
    assert!(text(&said.stdout).contains("defined in: later.toml"));
    let own = heapdiff(&folder, "patterns match -own ^runtime\\. --format csv heap.pb.gz");
    let lines: Vec<&str> = text(&own.stdout).lines().collect();
    assert!(lines.len() > 1 && lines[1..].iter().all(|l| l.starts_with("runtime.")), "{lines:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_wrong_with_patterns_is_said_with_its_place() {
    let heap = corpus::read("rate1/after.pb.gz");
    let cpu = corpus::read("cpu/after.pb.gz");
    let goroutine = corpus::read("goroutine/after.pb.gz");
    let untrue = [MINE, "[[pattern.example]]\nstack = ['main.f']\nmatches = true\n"].concat();
    let folder = folder(
        "patterns-wrong",
        &[
            ("key.toml", b"x = 1\n"),
            ("regex.toml", MINE.replace("Blocks$", "Blocks(").as_bytes()),
            ("untrue.toml", untrue.as_bytes()),
            ("latin.toml", b"# one\n# \xe4\n"),
            ("hostile.toml", &b"[".repeat(10_000)),
            ("empty.toml", b""),
            ("heap.pb.gz", &heap),
            ("cpu.pb.gz", &cpu),
            ("goroutine.pb.gz", &goroutine),
        ],
    );
    let cases = [
        (
            "patterns --patterns key.toml",
            "key.toml:1:1: unknown field `x`, expected one of `pattern`, `",
        ),
        ("patterns match --patterns key.toml heap.pb.gz", "key.toml:1:1: unknown field `x`"),
        (
            "patterns --patterns regex.toml",
            "regex.toml:4:8: pattern `mine`: an expression of `any`",
        ),
        (
            "patterns --patterns untrue.toml",
            "untrue.toml: pattern `mine`: example 1 says it matches",
        ),
        ("patterns --patterns latin.toml", "latin.toml:2:3: byte 8 isn't UTF-8"),
        ("patterns --patterns hostile.toml", "hostile.toml:1:"),
        ("patterns --patterns none.toml", "none.toml: no such file; check the path"),
        ("patterns --patterns .", ".: is a folder; name a file"),
        ("patterns --patterns /dev/zero", "/dev/zero: a pattern file can have"),
        ("patterns --patterns heap.pb.gz", "heap.pb.gz:1:2: byte "),
        ("patterns match", "no profile given: heapdiff patterns match PROFILE..."),
        ("patterns match none.pb.gz", "none.pb.gz: no such file"),
        ("patterns match -own a(b heap.pb.gz", "-own: regex parse error"),
        ("patterns match cpu.pb.gz", "cpu.pb.gz measures neither memory nor goroutines"),
        ("patterns match heap.pb.gz goroutine.pb.gz", "have no sample type in common"),
        (
            "patterns heap.pb.gz",
            "heap.pb.gz is a file, not a pattern; use heapdiff patterns match heap.pb.gz",
        ),
        ("patterns sql-tx sql-txx", "there is no pattern `sql-txx`; the nearest are sql-tx, "),
        ("patterns --unit MB", "unexpected argument '--unit'"),
    ];
    for (line, expected) in cases {
        let output = heapdiff(&folder, line);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.starts_with("heapdiff: ") && said.contains(expected), "{line}: {said}");
        assert!(output.stdout.is_empty(), "{line}");
    }
    for line in
        ["patterns --patterns empty.toml", "patterns match --patterns untrue.toml heap.pb.gz"]
    {
        assert_eq!(heapdiff(&folder, line).status.code(), Some(0), "{line}");
    }
    std::fs::write(folder.join("heapdiff.toml"), "[check]\n").unwrap();
    let said = heapdiff(&folder, "patterns");
    assert!(
        text(&said.stderr).starts_with("heapdiff: heapdiff.toml:1:2: unknown field `check`"),
        "{}",
        text(&said.stderr)
    );
    std::fs::remove_dir_all(folder).unwrap();
}
