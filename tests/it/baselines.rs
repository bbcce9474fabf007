//! Baselines end to end: what is stored, what it is compared with, what drifts, and the errors.

use crate::dsl::{Stack, bytes, heap, stack};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MIB: i64 = 1 << 20;
/// 2026-01-05, a Monday, in nanoseconds.
const MONDAY: i64 = 1_767_571_200_000_000_000;
const WEEK: i64 = 7 * 86_400 * 1_000_000_000;

/// A test's folder, empty at the start.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("baselines-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join(".git")).unwrap();
        // Nothing here depends on the current branch of the project.
        fs::write(path.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        Self(path)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        let args = line.split_whitespace();
        command.current_dir(&self.0).arg("baseline").args(args);
        for name in [
            "GITHUB_REF_NAME",
            "GITHUB_BASE_REF",
            "GITHUB_SHA",
            "GITHUB_ACTIONS",
            "GITHUB_STEP_SUMMARY",
            "CI_COMMIT_BRANCH",
            "CI_COMMIT_SHA",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The output of a command that succeeds.
    fn said(&self, line: &str) -> String {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The message of a command that fails.
    fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {error}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{line}");
        error
    }

    /// The report of a comparison, and its exit code.
    fn compare(&self, line: &str) -> (Value, i32) {
        let output = self.run(&format!("compare --format json {line}"));
        let code = output.status.code().unwrap();
        let report = serde_json::from_slice(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (report.unwrap_or_else(|_| panic!("{line}: {error}")), code)
    }

    /// A profile of these stacks, taken `weeks` weeks later.
    fn profile(&self, name: &str, week: i64, stacks: &[Stack]) {
        let mut profile = heap(stacks);
        profile.period = 4096;
        profile.time_nanos = MONDAY + week * WEEK;
        fs::write(self.0.join(name), bytes(&profile)).unwrap();
    }

    fn text(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn one_baseline(&self) -> PathBuf {
        let branch = fs::read_dir(self.0.join("store/main")).unwrap().next().unwrap();
        branch.unwrap().path()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn kept(function: &str, bytes: i64) -> Stack {
    stack(&format!("main.main;{function};fmt.Sprint")).inuse(bytes / 1024, bytes).sized(1024)
}

/// A recording of a Go benchmark.
fn gate(name: &str) -> String {
    format!("{}/testdata/gate/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn warnings(report: &Value) -> String {
    let all = report["warnings"].as_array().unwrap().iter();
    all.map(|warning| warning["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

fn judgement<'r>(report: &'r Value, rule: &str, demand: &str) -> &'r Value {
    let rules = report["check"]["rules"].as_array().unwrap().iter();
    let mut found = rules.filter(|r| r["rule"] == rule && r["demand"] == demand);
    found.next().unwrap_or_else(|| panic!("{rule}, {demand}: {}", report["check"]))
}

#[test]
fn a_benchmark_is_compared_with_its_newest_baseline() {
    let place = Place::new("benchmark");
    let said = place.said(&format!("save store {}", gate("base-*.pb.gz")));
    assert!(said.contains(": 3 runs of main on "), "{said}");
    assert!(said.contains("inuse_space 7.1 MiB ± "), "{said}");
    let (report, code) =
        place.compare(&format!("--max-growth 2MiB store {}", gate("unchanged-*.pb.gz")));
    assert_eq!((code, &report["check"]["outcome"]), (0, &Value::from("pass")));
    assert!(warnings(&report).contains("takes 2 more baselines"), "{}", warnings(&report));
    let (report, code) =
        place.compare(&format!("--max-growth 2MiB store {}", gate("regression-*.pb.gz")));
    assert_eq!(code, 1);
    let first = &judgement(&report, "total", "growth")["offenders"][0];
    assert!(first["file"].as_str().unwrap().ends_with("board.go"), "{first}");
    assert_eq!(first["line"], 46);
    assert!(warnings(&report).contains("of gate-base, and AFTER of gate-regression"));
    // The stored file is a regular profile, with its original values.
    let stored = place.one_baseline().join("run-1.pb.gz");
    let total = |file: &str| {
        let args = ["top", "--format", "json", file];
        let output = Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["totals"].clone()
    };
    assert_eq!(total(stored.to_str().unwrap()), total(&gate("base-1.pb.gz")));
}

const RULES: &str = "
[[rule]]
name = \"total\"
max_growth = \"2MiB\"
[[rule]]
name = \"begin\"
function = 'Gate..begin'
max_growth = \"1MiB\"
[[allow]]
function = 'nothing_is_called_so'
reason = \"a test\"
expires = 2999-01-01
";

#[test]
fn what_is_reduced_is_judged_as_what_is_whole() {
    let place = Place::new("reduced");
    place.text("rules.toml", RULES);
    place.said(&format!("save whole {}", gate("base-*.pb.gz")));
    place.said(&format!("save --keep scopes --config rules.toml store {}", gate("base-*.pb.gz")));
    for after in ["unchanged-*.pb.gz", "regression-*.pb.gz", "regression-1.pb.gz"] {
        let judged = |store: &str| {
            let line = format!("--config rules.toml {store} {}", gate(after));
            let (report, code) = place.compare(&line);
            (report["check"]["rules"].clone(), code)
        };
        assert_eq!(judged("store"), judged("whole"), "{after}");
    }
    let rest = fs::read(place.one_baseline().join("run-1.pb.gz")).unwrap();
    assert!(!rest.is_empty());
    let output = Command::new(env!("CARGO_BIN_EXE_heapdiff"))
        .args(["traces", "--format", "json"])
        .arg(place.one_baseline().join("run-1.pb.gz"))
        .output()
        .unwrap();
    let traces = String::from_utf8(output.stdout).unwrap();
    assert!(traces.contains("[outside the rules]"), "{traces}");
    // A function that no rule covered when it was saved matches nothing there, and that isn't a
    // pass.
    let other = RULES.replace("Gate..begin", "Gate..end");
    place.text("other.toml", &other);
    let line = format!("compare --config other.toml store {}", gate("unchanged-1.pb.gz"));
    let error = place.refused(&line);
    assert!(error.contains("before rule `begin` (function Gate..end) was in the rules"), "{error}");
    let line = format!("compare --config rules.toml --focus=x store {}", gate("unchanged-1.pb.gz"));
    assert!(place.refused(&line).contains("filters such as --focus"));
    place.text("heapdiff.toml", "");
    let error = place.refused(&format!("save --keep scopes store {}", gate("base-1.pb.gz")));
    assert!(error.contains("keeps what the rules are about, and there are none"), "{error}");
    let error = place.refused(&format!("save --config rules.toml store {}", gate("base-1.pb.gz")));
    assert!(error.contains("--config only affects --keep scopes"), "{error}");
    let error = place.refused(&format!("save --own x store {}", gate("base-1.pb.gz")));
    assert!(error.contains("--own only affects --keep scopes"), "{error}");
}

/// 100 MiB that stay, and the given amount at one site, from one week to the next.
fn weeks(place: &Place, weeks: i64, grown: impl Fn(i64) -> i64) {
    for week in 0..weeks {
        let stacks = [kept("main.load", 100 * MIB), kept("main.remember", grown(week))];
        place.profile("run.pb", week, &stacks);
        place.said("save --platform test/one store run.pb");
    }
}

const BY_DRIFT: &str = "--platform test/one --max-growth 5MiB --max-growth-percent 4 store run.pb";

#[test]
fn what_grows_by_one_percent_a_week_drifts() {
    let place = Place::new("drift");
    // Slightly up and down, as in real programs.
    let grown = |week: i64| MIB + week * MIB + (week * 7 % 3) * MIB / 8;
    weeks(&place, 12, grown);
    place.profile("run.pb", 12, &[kept("main.load", 100 * MIB), kept("main.remember", grown(12))]);
    let (report, code) = place.compare(BY_DRIFT);
    let growth = judgement(&report, "total", "growth");
    assert_eq!(growth["outcome"], "pass", "{growth}");
    let drift = judgement(&report, "total", "drift");
    assert_eq!((code, &drift["outcome"]), (1, &Value::from("fail")), "{drift}");
    let value = drift["value"].as_i64().unwrap();
    assert!((value - 12 * MIB).abs() < MIB / 2, "{drift}");
    assert!(drift["lower"].as_i64().unwrap() > 5 * MIB && drift["upper"].as_i64().unwrap() > value);
    assert_eq!(drift["offenders"][0]["function"], "main.remember", "{drift}");
    let message = drift["message"].as_str().unwrap();
    assert!(
        message.starts_with("the trend rises by 12.") && message.contains("over 12 baselines"),
        "{message}"
    );
    // Another drift limit, from a file, and a window too short for an outcome.
    place.text("rules.toml", "[[rule]]\nmax_growth = \"5MiB\"\nmax_drift = \"20MiB\"\n");
    let (report, code) = place.compare("--platform test/one --config rules.toml store run.pb");
    assert_eq!((code, &judgement(&report, "total", "drift")["outcome"]), (0, &Value::from("pass")));
    let (report, _) = place.compare(&format!("--window 4 {BY_DRIFT}"));
    let drift = judgement(&report, "total", "drift");
    assert!(drift["message"].as_str().unwrap().contains("over 4 baselines"), "{drift}");
    assert_ne!(drift["outcome"], "fail");
    let shown = place.said("show --width 80 store");
    assert!(shown.contains("drift: +11.") && shown.contains("over the last 12"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[test]
fn what_stays_does_not_drift_and_few_baselines_are_not_judged() {
    let place = Place::new("steady");
    let steady = |week: i64| MIB + (week * 7 % 3) * MIB / 8;
    weeks(&place, 2, steady);
    place.profile("run.pb", 9, &[kept("main.load", 101 * MIB)]);
    let (report, code) = place.compare(BY_DRIFT);
    assert_eq!(code, 0);
    assert_eq!(report["check"]["rules"].as_array().unwrap().len(), 1);
    assert!(warnings(&report).contains("drift isn't checked yet: that takes 1 more baseline"));
    // A required drift check doesn't pass while its outcome is inconclusive.
    for rule in ["max_drift_percent = 5", "max_growth = \"5MiB\"\nmax_drift = \"8MiB\""] {
        place.text("drift.toml", &format!("[[rule]]\n{rule}\n"));
        let alone = "--platform test/one --config drift.toml store run.pb";
        let (report, code) = place.compare(alone);
        let drift = judgement(&report, "total", "drift");
        assert_eq!((code, &drift["outcome"]), (3, &Value::from("inconclusive")), "{drift}");
        assert_eq!(drift["message"], "there are 2 baselines, and drift needs 3");
        assert!(drift["advice"].as_str().unwrap().starts_with("to decide: save 1 more"), "{drift}");
        assert_eq!(
            (&drift["after"], &drift["unit"]),
            (&Value::from(101 * MIB), &Value::from("bytes"))
        );
        assert!(!warnings(&report).contains("drift"), "{}", warnings(&report));
        let (report, code) = place.compare(&format!("--allow-missing-baseline {alone}"));
        let drift = judgement(&report, "total", "drift");
        assert_eq!((code, &drift["outcome"]), (0, &Value::from("pass")), "{drift}");
        let message = drift["message"].as_str().unwrap();
        assert!(
            message.starts_with("not judged, which is allowed: there are 2 baselines"),
            "{message}"
        );
        // Before any baseline exists.
        let (report, code) =
            place.compare(&format!("--branch new --allow-missing-baseline {alone}"));
        let drift = judgement(&report, "total", "drift");
        assert_eq!((code, &drift["outcome"]), (0, &Value::from("pass")), "{drift}");
        assert!(drift["message"].as_str().unwrap().contains("there is no baseline"), "{drift}");
    }
    // It is read twice, and that is reported before there is anything to judge.
    let error = place.refused("compare --platform test/one --max-growth 5MiB store -");
    assert!(error.contains("standard input (-) can be read only once: use files"), "{error}");
    weeks(&place, 8, steady);
    place.profile("run.pb", 9, &[kept("main.load", 101 * MIB)]);
    let (report, code) = place.compare(BY_DRIFT);
    let drift = judgement(&report, "total", "drift");
    assert_eq!((code, &drift["outcome"]), (0, &Value::from("pass")), "{drift}");
}

#[test]
fn a_step_that_was_let_pass_does_not_stop_who_never_asked_for_drift() {
    let place = Place::new("step");
    weeks(&place, 6, |week| if week < 3 { 10 * MIB } else { 40 * MIB });
    place.profile("run.pb", 6, &[kept("main.load", 140 * MIB)]);
    let (report, code) = place.compare(BY_DRIFT);
    let drift = judgement(&report, "total", "drift");
    assert_eq!((code, &drift["outcome"]), (0, &Value::from("inconclusive")), "{drift}");
    assert_eq!(drift["level"], "warn");
    assert!(drift["advice"].as_str().unwrap().contains("it only warns"), "{drift}");
    place.text("rules.toml", "[[rule]]\nmax_growth = \"5MiB\"\nmax_drift = \"5MiB\"\n");
    let (report, code) = place.compare("--platform test/one --config rules.toml store run.pb");
    let drift = judgement(&report, "total", "drift");
    assert_eq!((code, &drift["level"]), (3, &Value::from("fail")), "{drift}");
}

#[test]
fn what_no_baseline_met_is_not_known_to_be_nothing() {
    let place = Place::new("unseen");
    let stacks = [stack("main.main;main.load").inuse(80 * 1024, 80 * MIB).sized(1024)];
    for week in 0..5 {
        let mut profile = heap(&stacks);
        profile.period = 512 * 1024;
        profile.time_nanos = MONDAY + week * WEEK;
        fs::write(place.0.join("run.pb"), bytes(&profile)).unwrap();
        place.said("save --platform test/one store run.pb");
    }
    let rule = "[[rule]]\nname = \"cache\"\nfunction = \"cache\"\nallow_unmatched = true\n";
    place.text("rules.toml", &format!("{rule}max_drift = \"1KiB\"\n"));
    let (report, code) = place.compare("--platform test/one --config rules.toml store run.pb");
    let drift = judgement(&report, "cache", "drift");
    assert_eq!((code, &drift["outcome"]), (3, &Value::from("inconclusive")), "{drift}");
    assert!(drift["upper"].as_i64().unwrap() > MIB / 2, "{drift}");
    place.text("rules.toml", &format!("{rule}max_drift = \"2MiB\"\n"));
    let (_, code) = place.compare("--platform test/one --config rules.toml store run.pb");
    assert_eq!(code, 0);
}

#[test]
fn a_scope_is_kept_wherever_on_a_stack_it_stands() {
    let place = Place::new("flat");
    let rule = |value: &str| {
        let rule = "[[rule]]\nname = \"load\"\nfunction = \"main.load\"\nmax_growth = \"8MiB\"\n";
        place.text("rules.toml", &format!("{rule}value = \"{value}\"\n"));
    };
    let stacks = [
        stack("main.main;main.load").inuse(1024, MIB).sized(1024),
        kept("main.load", 64 * MIB),
        kept("main.other", 4 * MIB),
    ];
    place.profile("run.pb", 0, &stacks);
    rule("flat");
    place.said("save --keep scopes --config rules.toml store run.pb");
    for value in ["flat", "cum"] {
        rule(value);
        let (report, code) = place.compare("--config rules.toml store run.pb");
        let growth = judgement(&report, "load", "growth");
        assert_eq!((code, &growth["value"]), (0, &Value::from(0)), "{value}: {growth}");
    }
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_a_store_is_taken_away() {
    use std::os::unix::fs::symlink;
    let place = Place::new("links");
    place.profile("run.pb", 0, &[kept("main.load", MIB)]);
    place.said("save --branch main other run.pb");
    let outside = fs::read_dir(place.0.join("other/main")).unwrap().next().unwrap().unwrap().path();
    fs::create_dir_all(place.0.join("store/main")).unwrap();
    symlink(&outside, place.0.join("store/main/20000101T000000Z")).unwrap();
    symlink(place.0.join("other/main"), place.0.join("store/topic")).unwrap();
    for week in 1..4 {
        place.profile("run.pb", week, &[kept("main.load", MIB)]);
        let output = place.run("save --max-count 1 store run.pb");
        assert_eq!(output.status.code(), Some(0));
        let warned = String::from_utf8(output.stderr).unwrap();
        let links = "that aren't baselines: store/main/20000101T000000Z, store/topic";
        assert!(warned.contains(links), "{warned}");
    }
    let mut left: Vec<_> =
        fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["baseline.json", "run-1.pb.gz"]);
    let error = place.refused("save --branch topic store run.pb");
    assert!(error.contains("store/topic: is a symbolic link"), "{error}");
}

#[test]
fn a_branch_without_baselines_is_compared_with_what_it_grows_from() {
    let place = Place::new("branches");
    place.profile("run.pb", 0, &[kept("main.load", MIB)]);
    let rule = "--max-growth 5MiB store run.pb";
    let error = place.refused(&format!("compare {rule}"));
    assert!(error.contains("store: there are no baselines: no such folder"), "{error}");
    let (report, code) = place.compare(&format!("--allow-missing-baseline {rule}"));
    assert_eq!((code, &report["check"]["before_runs"]), (0, &Value::from(0)));
    fs::create_dir(place.0.join("store")).unwrap();
    let error = place.refused(&format!("compare {rule}"));
    assert!(error.contains("store: there are no baselines of main, and no others"), "{error}");
    place.said("save store run.pb");
    let on = |variables: &[(&str, &str)], line: &str| {
        let output = place.command(line).envs(variables.iter().copied()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let line = format!("compare --format json {rule}");
    let request = [("GITHUB_REF_NAME", "12/merge"), ("GITHUB_BASE_REF", "main")];
    let (code, said) = on(&request, &line);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(
        "compared with the newest baseline of main, of 2026-01-05T00:00:00Z: 12/merge has none"
    ));
    let (code, said) = on(&[("CI_COMMIT_BRANCH", "topic")], &line);
    assert!(code == 0 && said.contains("newest baseline of main"), "{said}");
    let (code, said) = on(&[("GITHUB_REF_NAME", "1/merge"), ("GITHUB_BASE_REF", "v2")], &line);
    assert!(code == 2 && said.contains("of 1/merge or v2, only of main"), "{said}");
    // An explicit branch name wins.
    let error = place.refused(&format!("compare --branch topic {rule}"));
    assert!(error.contains("there are no baselines of topic, only of main"), "{error}");
    let (_, code) = place.compare(&format!("--branch topic --base-branch main {rule}"));
    assert_eq!(code, 0);
    // Branches may have any name.
    let build = [("GITHUB_REF_NAME", "../../x y"), ("GITHUB_SHA", "0011223344556677")];
    let (code, said) = on(&build, "save store run.pb");
    assert!(
        code == 0 && said.contains("saved store/%2E.%2F..%2Fx%20y/20260105T000000Z-001122334455: "),
        "{said}"
    );
    let shown: Value = serde_json::from_str(&place.said("show --format json store")).unwrap();
    let branches = shown["branches"].as_array().unwrap();
    assert_eq!(branches.iter().map(|b| &b["branch"]).collect::<Vec<_>>(), ["../../x y", "main"]);
    let csv = place.said("show --branch main --format csv store");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let error = place.refused("show --branch nosuch store");
    assert!(error.contains("contains no such baseline, only those of ../../x y on "), "{error}");
}

#[test]
fn another_platform_is_an_error() {
    let place = Place::new("platform");
    place.profile("run.pb", 0, &[kept("main.load", MIB)]);
    place.said("save --platform plan9/mips store run.pb");
    let error = place.refused("compare --max-growth 5MiB store run.pb");
    assert!(error.contains("there is no baseline of main for "), "{error}");
    assert!(error.contains("the newest is for plan9/mips"), "{error}");
    let (_, code) = place.compare("--any-platform --max-growth 5MiB store run.pb");
    assert_eq!(code, 0);
    let (_, code) = place.compare("--platform plan9/mips --max-growth 5MiB store run.pb");
    assert_eq!(code, 0);
}

#[test]
fn what_can_not_be_compared_is_told_with_its_reason() {
    let place = Place::new("broken");
    place.profile("run.pb", 0, &[kept("main.load", MIB)]);
    let compare = "compare --max-growth 5MiB store run.pb";
    place.text("store", "a file");
    assert!(
        place.refused(compare).contains("store: isn't a folder, and baselines are kept in one")
    );
    assert!(place.refused("save store run.pb").contains("store: isn't a folder"));
    fs::remove_file(place.0.join("store")).unwrap();
    assert!(place.refused("show store").contains("there are no baselines: no such folder"));
    fs::create_dir(place.0.join("store")).unwrap();
    assert!(
        place
            .refused("show store")
            .contains("save the first one with heapdiff baseline save store")
    );
    place.said("save store run.pb");
    let folder = place.one_baseline();
    let facts = fs::read_to_string(folder.join("baseline.json")).unwrap();
    fs::write(folder.join("baseline.json"), facts.replace("\"runs\": [", "\"runs\": ")).unwrap();
    let line = facts.lines().count();
    for command in [compare, "show store"] {
        let error = place.refused(command);
        assert!(error.contains(&format!("baseline.json:{}:", line - 1)), "{error}");
    }
    // This doesn't prevent saving more.
    let output = place.run("save store run.pb");
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("baseline.json:"));
    fs::write(folder.join("baseline.json"), &facts).unwrap();
    for baseline in fs::read_dir(place.0.join("store/main")).unwrap() {
        fs::write(baseline.unwrap().path().join("run-1.pb.gz"), "no profile").unwrap();
    }
    assert!(place.refused(compare).contains("run-1.pb.gz: "));
    for baseline in fs::read_dir(place.0.join("store/main")).unwrap() {
        fs::remove_file(baseline.unwrap().path().join("run-1.pb.gz")).unwrap();
    }
    assert!(place.refused(compare).contains("its run run-1.pb.gz is missing: restore it"));
}

#[test]
fn other_sample_types_and_other_programs_are_told() {
    let place = Place::new("others");
    place.profile("run.pb", 0, &[kept("main.load", MIB)]);
    place.said("save store run.pb");
    let mut cpu = heap(&[kept("main.load", MIB)]);
    for name in &mut cpu.string_table {
        if [b"inuse_space".as_slice(), b"inuse_objects", b"alloc_space", b"alloc_objects"]
            .contains(&name.as_slice())
        {
            name.insert(0, b'x');
        }
    }
    fs::write(place.0.join("cpu.pb"), bytes(&cpu)).unwrap();
    let error = place.refused("compare --max-growth 5MiB store cpu.pb");
    assert!(error.contains("run-1.pb.gz") && error.contains("cpu.pb"), "{error}");
    place.profile("run.pb", 1, &[stack("web.main;web.serve").inuse(1024, MIB).sized(1024)]);
    let (report, _) = place.compare("--max-growth 5MiB store run.pb");
    assert!(warnings(&report).contains("share no function"), "{}", warnings(&report));
}

#[test]
fn nothing_is_written_over_and_the_oldest_go() {
    let place = Place::new("many");
    let stacks = [kept("main.load", MIB)];
    for week in [3, 3, 5] {
        place.profile("run.pb", week, &stacks);
        place.said("save store run.pb");
    }
    fs::write(place.0.join("store/notes.txt"), "mine").unwrap();
    place.profile("run.pb", 4, &stacks);
    let output = place.run("save store run.pb");
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(
        warned.contains("is of 2026-02-02T00:00:00Z, before store/main/20260209T000000Z"),
        "{warned}"
    );
    assert!(
        warned.contains("skipped entries in store that aren't baselines: store/notes.txt"),
        "{warned}"
    );
    let names = || {
        let all = fs::read_dir(place.0.join("store/main")).unwrap();
        let mut names: Vec<String> =
            all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let [a, b, c, d] =
        ["20260126T000000Z", "20260126T000000Z-2", "20260202T000000Z", "20260209T000000Z"];
    assert_eq!(names(), [a, b, c, d]);
    place.profile("run.pb", 1, &stacks);
    let said = place.said("save --max-count 3 store run.pb");
    assert!(said.contains("deleted 2 older baselines"), "{said}");
    // Not the one just saved, whatever its time.
    assert_eq!(names(), ["20260112T000000Z", c, d]);
    assert_eq!(fs::read_to_string(place.0.join("store/notes.txt")).unwrap(), "mine");
    let error = place.refused("save --max-count 0 store run.pb");
    assert!(error.contains("expected a whole number from 1"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_store_that_can_not_be_written_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("readonly");
    place.profile("run.pb", 0, &[kept("main.load", MIB)]);
    let store = place.0.join("store");
    fs::create_dir(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(store.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
    } else {
        assert!(place.refused("save store run.pb").contains("can't write store/main: "));
    }
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(place.refused("save run.pb/store run.pb").contains("can't write run.pb/store/main: "));
}
