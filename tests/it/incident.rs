//! `heapdiff incident`: a card with the verdict and the suspects of `leaks`, and the evidence.

use super::corpus;
use super::dsl::stack;
use super::gc_program::skip;
use super::golden;
use super::histories::{KIB, answer, error, history, report, snapshot};
use super::hostile;
use super::program::{folder, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The headings of every card.
const HEADINGS: [&str; 9] = [
    "## What happened",
    "## Timeline",
    "## Verdict",
    "## Suspects",
    "## Ruled out, and why",
    "## Gaps",
    "## Who to ask",
    "## Reproduce",
    "## Inputs",
];

/// A recording of `testdata` in a folder of its own, by a name without the machine's folders.
fn recorded(test: &str, recording: &str) -> PathBuf {
    let home = folder(test);
    copy(&corpus::path(recording), &home.join("case"));
    home
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn headings(card: &str) -> Vec<&str> {
    card.lines().filter(|line| line.starts_with("## ")).collect()
}

/// A section of a card, without its heading.
fn section<'a>(card: &'a str, title: &str) -> &'a str {
    let start = card.find(&format!("## {title}\n")).unwrap();
    let rest = &card[start + 3 + title.len()..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The commands in a section, each in a block.
fn commands(text: &str) -> Vec<&str> {
    text.split("```sh\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect()
}

/// A leak, and a site that doesn't grow.
fn leaking(snapshots: i64) -> Vec<heapdiff::input::pprof::proto::Profile> {
    let at = |i: i64| {
        let objects = 1000 + 400 * i;
        let kept = stack("main.main;main.serve;main.keep").inuse(objects, objects * 32 * KIB);
        let own = stack("main.main;main.steady").inuse(500, 500 * KIB);
        snapshot(60 * i, &[kept, own])
    };
    (0..snapshots).map(at).collect()
}

#[test]
fn a_card_of_a_leak_a_cache_and_a_pair_is_as_expected() {
    for (name, recording) in [
        ("leak", "verdicts/ticker"),
        ("cache", "verdicts/cache"),
        ("pair", "chat"),
        ("goroutines", "verdicts/goroutine"),
    ] {
        let home = recorded(&format!("incident-golden-{name}"), recording);
        let card = answer(&home, &["incident", "case"]);
        golden::check(&format!("tests/golden/incident-{name}.md"), &card);
        assert_eq!(headings(&card), HEADINGS, "{name}");
    }
}

#[test]
fn the_verdict_and_the_suspects_are_those_of_leaks() {
    let mut cases = corpus::recordings();
    cases.extend(["chat", "harbor/one", "two-builds", "seconds-delta"].map(corpus::path));
    assert!(cases.len() >= 50);
    let home = folder("incident-leaks");
    for case in cases {
        let case = case.to_str().unwrap();
        let leaks = run(&home, &["leaks", "--format", "json", case]);
        let card = run(&home, &["incident", "--format", "json", case]);
        assert_eq!(leaks.code, card.code, "{case}: {}{}", leaks.stderr, card.stderr);
        if leaks.code != Some(0) {
            assert_eq!(leaks.stderr, card.stderr, "{case}");
            continue;
        }
        let [leaks, card]: [Value; 2] =
            [leaks, card].map(|said| serde_json::from_str(&said.stdout).unwrap());
        assert_eq!(card["verdict"], leaks["verdict"], "{case}");
        assert_eq!(card["suspects"], leaks["suspects"], "{case}");
        let text = answer(&home, &["incident", case]);
        assert_eq!(headings(&text), HEADINGS, "{case}");
        let table = answer(&home, &["leaks", case]);
        let sentence =
            table.lines().skip(1).find(|line| line.contains("leak") || line.contains("grow"));
        let words = |text: &str| text.replace('\\', "").split_whitespace().collect::<String>();
        let said = words(sentence.unwrap());
        assert!(words(section(&text, "Verdict")).contains(&said), "{case}: {sentence:?}");
    }
}

#[test]
fn its_commands_give_the_same_answer() {
    let home = history("incident-commands", &leaking(10));
    let odd = home.join("it's here");
    fs::create_dir(&odd).unwrap();
    for number in 0..10 {
        let name = format!("heap-{number:05}.pb");
        fs::rename(home.join(&name), odd.join(&name)).unwrap();
    }
    let options =
        ["--focus", "keep|steady", "--own", "^main\\.", "--limit", "64MiB", "--gogc", "off"];
    let args =
        [&["incident"], &options[..], &["-inuse_space", "--trim-path=/a:/b", "it's here"]].concat();
    let card = answer(&home, &args);
    let found = commands(section(&card, "Reproduce"));
    assert_eq!(found.len(), 3, "{card}");
    let shell = |command: &str| {
        let program = Path::new(env!("CARGO_BIN_EXE_heapdiff")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(program.to_owned()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(paths).unwrap();
        let output =
            Command::new("sh").args(["-c", command]).current_dir(&home).env("PATH", path).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(shell(found[0]), card);
    let leaks: Value = serde_json::from_str(&shell(found[1])).unwrap();
    let json = report(&home, &args);
    assert_eq!(leaks["suspects"], json["suspects"]);
    assert_eq!(leaks["verdict"], json["verdict"]);
    assert!(leaks["verdict"]["limit"]["limit"].is_i64());
    assert!(shell(found[2]).contains("main.keep"), "{}", found[2]);
    let of_json = &json["reproduce"][0]["command"];
    assert_eq!(serde_json::from_str::<Value>(&shell(of_json.as_str().unwrap())).unwrap(), json);
}

#[test]
fn each_file_is_there_with_its_hash() {
    let home = recorded("incident-hashes", "verdicts/ticker");
    let json = report(&home, &["incident", "case"]);
    assert_eq!(json["folder"], "case/");
    let inputs = json["inputs"].as_array().unwrap();
    let mut list = String::new();
    for input in inputs {
        let name = input["name"].as_str().unwrap();
        let bytes = fs::metadata(home.join("case").join(name)).unwrap().len();
        assert_eq!(input["bytes"].as_u64(), Some(bytes), "{name}");
        writeln!(list, "{}  {name}", input["sha256"].as_str().unwrap()).unwrap();
    }
    assert!(inputs.len() > 20);
    let mut program = Command::new("sha256sum");
    program.arg("--check").arg("--quiet").current_dir(home.join("case"));
    fs::write(home.join("list"), &list).unwrap();
    let checked = program.arg("../list").output();
    let Ok(output) = checked else { return skip("no sha256sum on this machine") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new("sha256sum").arg("list").current_dir(&home).output().unwrap();
    let together = String::from_utf8(output.stdout).unwrap();
    assert!(together.starts_with(json["inputs_sha256"].as_str().unwrap()), "{together}");
}

#[test]
fn two_hundred_snapshots_fit_an_issue_on_github() {
    let home = history("incident-many", &leaking(200));
    let long =
        home.join("a-folder-whose-name-is-rather-long-since-a-person-typed-what-it-is-about");
    fs::create_dir(&long).unwrap();
    for number in 0..200 {
        let from = home.join(format!("heap-{number:05}.pb"));
        fs::rename(from, long.join(format!("heap-of-the-service-in-the-night-{number:05}.pb")))
            .unwrap();
    }
    let card = answer(&home, &["incident", long.to_str().unwrap()]);
    assert!(card.chars().count() < 65_536 && card.len() > 20_000, "{}", card.len());
    let rows = section(&card, "Timeline").lines().filter(|line| line.starts_with("| 20")).count();
    assert!((10..=20).contains(&rows), "{rows}");
    assert!(section(&card, "Timeline").contains("of 200 snapshots are shown"), "{card}");
}

#[test]
fn names_stay_names_in_markdown() {
    let home = hostile::files("incident-hostile");
    fs::write(home.join("many/CODEOWNERS"), "* @all\n").unwrap();
    let card = answer(&home, &["incident", "many"]);
    assert!(card.chars().count() < 65_536, "{}", card.len());
    assert_eq!(headings(&card), HEADINGS);
    let mut in_block = false;
    for line in card.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            continue;
        }
        if in_block {
            continue;
        }
        // Outside of code, nothing has a meaning to GitHub.
        let outside: String = line.split('`').step_by(2).collect();
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        let html =
            outside.replace("<details><summary>Files</summary>", "").replace("</details>", "");
        assert!(!html.contains('<'), "{line}");
        let mention =
            outside.split('@').skip(1).find(|rest| rest.starts_with(char::is_alphanumeric));
        assert_eq!(mention, None, "{line}");
        if line.starts_with('|') {
            let bars = line.replace("\\|", "").matches('|').count();
            assert!((5..=7).contains(&bars), "{line}");
        }
    }
    assert!(!in_block);
}

/// A card about a leak whose code is in a checkout.
fn owned(name: &str, rules: &str) -> PathBuf {
    let home = history(name, &leaking(10));
    let checkout = home.join("checkout");
    fs::create_dir_all(checkout.join(".github")).unwrap();
    fs::create_dir(checkout.join(".git")).unwrap();
    fs::write(checkout.join(".github/CODEOWNERS"), rules).unwrap();
    // The profiles of tests name the file of a function after it.
    fs::write(checkout.join("main.keep.go"), "package main\n\nfunc keep() {}\n").unwrap();
    home
}

#[test]
fn the_owner_of_the_code_is_named_and_nobody_else() {
    let home =
        owned("incident-owners", "* @everyone\n/main.*.go @org/leak_team mail@example.com <b>@x\n");
    let args = ["incident", "--source-path", "checkout", "."];
    let card = answer(&home, &args);
    let who = section(&card, "Who to ask");
    let expected =
        "@org/leak\\_team `mail@example.com` `<b>@x` (`.github/CODEOWNERS:2`, `/main.*.go`)";
    assert!(who.contains(expected), "{who}");
    let json = report(&home, &args);
    let owner = &json["owners"][0];
    assert_eq!((&owner["path"], &owner["rule_line"]), (&"main.keep.go".into(), &2.into()));
    let card = answer(&home, &["incident", "."]);
    let who = section(&card, "Who to ask");
    assert!(who.contains("isn't in this checkout; --source-path DIR says where it is"), "{who}");
    for (rules, said) in [
        (Some("/main.keep.go\n"), "its rule names no owner"),
        (Some("/x/ @x\n"), "its CODEOWNERS has no rule for this file"),
        (None, "the checkout has no CODEOWNERS"),
    ] {
        let file = home.join("checkout/.github/CODEOWNERS");
        rules.map_or_else(|| fs::remove_file(&file), |rules| fs::write(&file, rules)).unwrap();
        let card = answer(&home, &args);
        assert!(section(&card, "Who to ask").contains(said), "{card}");
    }
}

#[test]
fn git_says_who_changed_the_line_last() {
    let home = owned("incident-author", "*.go @team\n");
    let checkout = home.join("checkout");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=Ada @all", "-c", "user.email=ada@example.com"];
        let mut command = Command::new("git");
        command.args(identity).args(args).current_dir(&checkout);
        command
            .env("GIT_AUTHOR_DATE", "2026-11-20T12:00:00Z")
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.output().is_ok_and(|output| output.status.success())
    };
    fs::write(checkout.join("main.keep.go"), "// keep\n".repeat(40)).unwrap();
    if !(git(&["init", "-q"]) && git(&["add", "-A"]) && git(&["commit", "-q", "-m", "x"])) {
        return skip("no git on this machine");
    }
    let card = answer(&home, &["incident", "--source-path", "checkout", "."]);
    let who = section(&card, "Who to ask");
    assert!(
        who.contains("@team")
            && who.contains("the line in this checkout was last changed by Ada @&#8203;all"),
        "{who}"
    );
    assert!(who.contains(" on 2026-11-20 (`"), "{who}");
}

#[test]
fn one_snapshot_says_what_it_cant_say_and_few_rule_nothing_out() {
    let home = history("incident-few", &leaking(1));
    let card = answer(&home, &["incident", "."]);
    assert_eq!(headings(&card), HEADINGS);
    assert!(section(&card, "What happened").contains("1 snapshot can't show growth"), "{card}");
    let home = history("incident-pair", &leaking(3));
    let json = report(&home, &["incident", "."]);
    let ruled_out = json["ruled_out"].as_array().unwrap();
    assert!(ruled_out.iter().all(|one| one["is_ruled_out"] == false), "{ruled_out:#?}");
}

#[test]
fn mistakes_are_named() {
    let home = history("incident-mistakes", &leaking(4));
    let cases: [(&[&str], &str); 8] = [
        (&["incident"], "incident needs inputs"),
        (&["incident", "-"], "save it to a file first"),
        (&["incident", ".", "-o", "card.pdf"], "can't tell the format; use .md, .html or .json"),
        (&["incident", ".", "--count", "3"], "leave them out"),
        (&["incident", ".", "--no-source", "-o", "card.md"], "--no-source only affects a page"),
        (&["incident", "-noinlines", "."], "leave it out"),
        (
            &["incident", "heap-00000.pb", "-o", "heap-00000.pb", "--format", "json"],
            "heap-00000.pb",
        ),
        (&["incident", "missing"], "missing"),
    ];
    for (args, part) in cases {
        let said = error(&home, args);
        assert!(said.contains(part), "{args:?}: {said}");
    }
    let written = run(&home, &["incident", ".", "-o", "card.json"]);
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""), "{}", written.stderr);
    let card = fs::read(home.join("card.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&card).unwrap()["schema"], "heapdiff.incident/v1");
}

#[cfg(all(feature = "http", unix))]
mod of_services {
    use super::*;
    use crate::capture::{heaps, serving};
    use crate::service::Reply;
    use crate::urls::run_with;

    #[test]
    fn a_service_is_recorded_beside_the_card() {
        let home = folder("incident-service");
        let service = serving(heaps("harbor/one"), |number, reply| match number {
            3 => Reply::Status(404, "gone"),
            _ => reply,
        });
        let url = service.url("");
        let args = ["incident", &url, "--every=20ms", "--count=12", "-o", "out/card.md"];
        let secret = [&args[..], &["-H", "Authorization: s3cret"]].concat();
        let said = run_with(&home, &[], &secret);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let card = fs::read_to_string(home.join("out/card.md")).unwrap();
        assert_eq!(headings(&card), HEADINGS);
        assert!(!card.contains("s3cret") && !card.contains("Authorization"), "{card}");
        assert!(
            section(&card, "Inputs").contains("12 snapshots, finished; failed once: heap: "),
            "{card}"
        );
        let found = commands(section(&card, "Reproduce"));
        assert_eq!(found[0], "heapdiff incident out/card-evidence");
        let [leaks, json] =
            ["leaks", "incident"].map(|command| report(&home, &[command, "out/card-evidence"]));
        assert_eq!(leaks["suspects"], json["suspects"]);
        assert_eq!(answer(&home, &["incident", "out/card-evidence"]), card);
    }

    #[test]
    fn a_service_is_recorded_on_its_own() {
        let home = history("incident-services", &leaking(4));
        let said = error(&home, &["incident", "localhost:1", "heap-00000.pb"]);
        assert!(said.contains("records one service, and nothing beside it"), "{said}");
        let said = error(&home, &["incident", "localhost:1", "-o", "card.pdf"]);
        assert!(said.contains("can't tell the format"), "{said}");
    }
}
