//! `heapdiff check` end to end: what passes, what fails, what is inconclusive, and what can't be judged.
//!
//! Users trust a silent gate, so most tests are about when it must not be silent: every way to judge nothing ends
//! with exit code 2, and each flag that allows one of them allows nothing else.

use crate::corpus;
use crate::dsl::{Stack, bytes, heap, of_kind, stack};
use crate::gate::{answer, check, is_the_regression};
use crate::program::folder;
use heapdiff::input::pprof::proto;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LEAK: &str = "main.(*logbook).enter";
const MIB: i64 = 1 << 20;
const FLAGS: [&str; 4] =
    ["--allow-missing-baseline", "--allow-unmatched", "--allow-empty", "--allow-delta"];

/// Each rule's name, limit and outcome.
fn outcomes(check: &Value) -> Vec<String> {
    let told = |rule: &Value| {
        let text = |key: &str| rule[key].as_str().unwrap().to_owned();
        format!("{} {} {}", text("rule"), text("demand"), text("outcome"))
    };
    check["rules"].as_array().unwrap().iter().map(told).collect()
}

fn split(args: &str) -> Vec<&str> {
    args.split(' ').collect()
}

/// Two profiles that record every allocation, and a file of rules.
fn exact(name: &str, before: &[Stack], after: &[Stack], rules: &str) -> PathBuf {
    let folder = folder(&format!("check-{name}"));
    for (file, stacks, seconds) in [("before.pb", before, 0), ("after.pb", after, 60)] {
        let mut profile = heap(stacks);
        profile.period = 1;
        profile.time_nanos += seconds * 1_000_000_000;
        fs::write(folder.join(file), bytes(&profile)).unwrap();
    }
    if !rules.is_empty() {
        fs::write(folder.join("heapdiff.toml"), rules).unwrap();
    }
    folder
}

const PAIR: [&str; 2] = ["before.pb", "after.pb"];

fn one(function: &str, bytes: i64) -> Stack {
    stack(&format!("main.main;{function}")).inuse(1, bytes).sized(bytes)
}

#[test]
fn the_recorded_regression_fails_at_its_line_and_the_unchanged_passes() {
    let folder = corpus::path("gate");
    for (before, after) in [(1, 1), (2, 2), (3, 3), (1, 3), (3, 1)] {
        let [base, bad, good] = [("base", before), ("regression", after), ("unchanged", after)]
            .map(|(version, run)| format!("{version}-{run}.pb.gz"));
        let (code, failed) = answer(&folder, &["--max-growth", "2MiB", &base, &bad]);
        assert_eq!(code, 1, "{failed:#}");
        is_the_regression(&failed);
        let (code, passed) = answer(&folder, &["--max-growth", "2MiB", &base, &good]);
        assert_eq!((code, &passed["outcome"]), (0, &"pass".into()), "{passed:#}");
        assert_eq!(passed["rules"][0]["offenders"], Value::Array(Vec::new()));
        // A value that returns to its start is no growth.
        assert_eq!(answer(&folder, &["--max-growth", "2MiB", &bad, &base]).0, 0);
    }
}

#[test]
fn several_runs_of_a_side_are_one_answer() {
    let folder = corpus::path("gate");
    let runs = |version: &str| [1, 2, 3].map(|run| format!("{version}-{run}.pb.gz"));
    let args = |after: &str| {
        let runs =
            [&["--before".to_owned()], &runs("base")[..], &["--after".to_owned()], &runs(after)];
        runs.concat()
    };
    let ask = |after: &str, limit: &str| {
        let args = args(after);
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        args.extend(["--max-growth", limit]);
        answer(&folder, &args)
    };
    let (code, failed) = ask("regression", "2MiB");
    assert_eq!((code, &failed["before_runs"], &failed["after_runs"]), (1, &3.into(), &3.into()));
    is_the_regression(&failed);
    assert_eq!(ask("unchanged", "2MiB").0, 0);
    // Globs and folders stand in for runs as well.
    let args = ["--max-growth", "2MiB", "base-*.pb.gz", "regression-*.pb.gz"];
    assert_eq!(answer(&folder, &args), (code, failed));
    // Their mean is more precise than a single run.
    let width = |check: &Value| {
        let bound = |key: &str| check["rules"][0][key].as_i64().unwrap();
        bound("upper") - bound("lower")
    };
    let alone = answer(&folder, &["--max-growth", "2MiB", "base-1.pb.gz", "unchanged-1.pb.gz"]).1;
    assert!(width(&ask("unchanged", "2MiB").1) < width(&alone));
    // A copy isn't a run, and a warning reports it.
    let said = check(
        &folder,
        &split("--max-growth 2MiB --before base-1.pb.gz ./base-1.pb.gz --after base-2.pb.gz"),
    );
    let copied = said.stderr.contains("aren't separate runs") || said.stderr.contains("twice");
    assert!(
        copied || said.stdout.contains("aren't separate runs"),
        "{}{}",
        said.stdout,
        said.stderr
    );
}

#[test]
fn a_function_that_moves_to_another_file_is_no_offender() {
    // In the unchanged commit only renamed functions look new: seatPlan is in a file of its own
    // now.
    let args = ["--max-growth", "0", "base-*.pb.gz", "unchanged-*.pb.gz"];
    let (_, check) = answer(&corpus::path("gate"), &args);
    let offenders = check["rules"][0]["offenders"].as_array().unwrap();
    let is_moved = |offender: &Value| offender["function"] == "example.org/gate.seatPlan";
    assert!(!offenders.iter().any(is_moved), "{offenders:#?}");
}

#[test]
fn rules_are_about_functions_packages_files_patterns_and_totals() {
    let before = [one("shop/cache.Put", 100), one("shop/web.Serve", 1000)];
    let after = [one("shop/cache.Put", 900), one("shop/web.Serve", 1000)];
    let cases = [
        ("function = '^shop/cache'", 1),
        ("function = '^shop/web'", 0),
        ("package = '^shop/cache$'", 1),
        ("package = '^shop/web$'", 0),
        ("file = 'cache\\.Put\\.go$'", 1),
        ("file = 'web'", 0),
        ("", 1),
        // With its callees, and alone.
        ("function = '^main\\.main$'", 1),
        ("function = '^shop/cache'\nvalue = 'flat'", 1),
    ];
    for (i, (scope, code)) in cases.into_iter().enumerate() {
        let rules = format!("[[rule]]\nname = 'r'\n{scope}\nmax_growth = '500B'\n");
        let folder = exact(&format!("scope-{i}"), &before, &after, &rules);
        let (found, check) = answer(&folder, &PAIR);
        assert_eq!(found, code, "{scope}: {check:#}");
        assert_eq!(check["rules"][0]["value"], if code == 1 { 800 } else { 0 }, "{scope}");
    }
    // main.main itself allocates nothing: a rule about it has nothing to judge.
    let rules = "[[rule]]\nfunction = '^main\\.main$'\nvalue = 'flat'\nmax_growth = '500B'\n";
    let said = check(&exact("scope-flat", &before, &after, rules), &PAIR);
    assert_eq!(said.code, Some(2));
    let folder = folder("check-pattern");
    fs::write(folder.join("heap.pb.gz"), corpus::read("patterns/heap.pb.gz")).unwrap();
    for (max, code) in [("1B", 1), ("1GiB", 0)] {
        let rules = format!("[[rule]]\npattern = 'timer-ticker'\nmax = '{max}'\n");
        fs::write(folder.join("heapdiff.toml"), rules).unwrap();
        let args = split("--before none --allow-missing-baseline --after heap.pb.gz");
        let (found, check) = answer(&folder, &args);
        assert_eq!((found, outcomes(&check).len()), (code, 1), "{check:#}");
        let first = &check["rules"][0]["offenders"][0];
        assert!(code == 0 || first["function"] == "main.timerTicker", "{check:#}");
    }
}

#[test]
fn both_limits_have_to_be_exceeded() {
    let both = split("--max-growth 5MiB --max-growth-percent 1");
    let small = exact("small", &[one("a", 50)], &[one("a", 85)], "");
    let large = exact("large", &[one("a", 1024 * MIB)], &[one("a", 1044 * MIB)], "");
    let ask = |folder: &Path, limits: &[&str]| answer(folder, &[limits, &PAIR].concat()).0;
    assert_eq!(ask(&small, &both), 0, "70 % of 50 bytes");
    assert_eq!(ask(&large, &both), 1, "2 % of a GiB");
    assert_eq!(ask(&small, &both[2..]), 1, "the share alone");
    assert_eq!(ask(&large, &split("--max-growth 5MiB --max-growth-percent 10")), 0);
    assert_eq!(ask(&large, &split("--max-growth 50MiB --max-growth-percent 1%")), 0);
}

#[test]
fn rules_of_one_file_have_sample_types_levels_and_budgets_of_their_own() {
    let rules = "
        [[rule]]
        name = 'space'
        max_growth = '1MiB'
        max = '3MiB'
        [[rule]]
        name = 'objects'
        sample_type = 'inuse_objects'
        max_growth = 5
        [[rule]]
        name = 'work'
        sample_type = 'alloc_space'
        max_growth_percent = 10
        level = 'warn'
    ";
    let before = [one("a", MIB)];
    let grown = [stack("main.main;a").inuse(4, 4 * MIB).sized(MIB)];
    let (code, check) = answer(&exact("types", &before, &grown, rules), &PAIR);
    let expected =
        ["space growth fail", "space budget fail", "objects growth pass", "work growth fail"];
    assert_eq!((code, outcomes(&check)), (1, expected.map(str::to_owned).to_vec()));
    assert_eq!(check["rules"][2]["value"], 3);
    assert_eq!(check["rules"][3]["level"], "warn");
    // A warning is printed, and nothing fails.
    let worked = [one("a", MIB), stack("main.main;b").alloc(9, 9 * MIB).sized(MIB)];
    let (code, check) = answer(&exact("warned", &before, &worked, rules), &PAIR);
    let expected =
        ["space growth pass", "space budget pass", "objects growth pass", "work growth fail"];
    assert_eq!((code, outcomes(&check)), (0, expected.map(str::to_owned).to_vec()));
    assert_eq!(check["outcome"], "pass");
    // Limits from the command line are added.
    let args = split("--max-growth 9MiB --max-growth-percent 500 --max 2MiB before.pb after.pb");
    let (code, check) = answer(&exact("typed", &before, &before, rules), &args);
    assert_eq!((code, outcomes(&check).len()), (0, 6), "{check:#}");
}

#[test]
fn what_sampling_leaves_open_is_told_with_what_would_decide() {
    let folder = corpus::path("chat");
    let args = split("--max-growth 115MiB before.pb.gz after.pb.gz");
    let (code, check) = answer(&folder, &args);
    let rule = &check["rules"][0];
    assert_eq!((code, &check["outcome"]), (3, &"inconclusive".into()), "{check:#}");
    let bound = |key: &str| rule[key].as_i64().unwrap();
    assert!(bound("lower") <= 115 * MIB && 115 * MIB < bound("upper"), "{rule:#}");
    let advice = rule["advice"].as_str().unwrap();
    assert!(advice.contains("memprofilerate") && advice.contains(" runs per side"), "{advice}");
    assert!(!rule["offenders"].as_array().unwrap().is_empty());
    for (settled, expected) in [("pass", 0), ("fail", 1)] {
        let (code, check) = answer(&folder, &[&args[..], &["--on-inconclusive", settled]].concat());
        assert_eq!((code, &check["outcome"]), (expected, &"inconclusive".into()));
    }
    // A certain outcome stays certain.
    let args = split("--on-inconclusive pass --max-growth 20MiB before.pb.gz after.pb.gz");
    assert_eq!(answer(&folder, &args).0, 1);
    let args = split("--on-inconclusive fail --max-growth 900MiB before.pb.gz after.pb.gz");
    assert_eq!(answer(&folder, &args).0, 0);
}

#[test]
fn the_rate_that_is_advised_does_decide() {
    // Two processes with 100 MiB each, and the expected number of samples.
    let folder = folder("check-advised");
    let ask = |period: i64| {
        let p = 1.0 - (-1024.0 / period as f64).exp();
        let held = ((102_400.0 * p).round() / p) as i64;
        for (name, seconds) in [("a.pb", 0), ("b.pb", 60)] {
            let mut profile = heap(&[stack("main.main;a").inuse(held, held * 1024).sized(1024)]);
            profile.period = period;
            profile.time_nanos += seconds * 1_000_000_000;
            // From different builds: in one process equal samples would cancel.
            profile.string_table.push(name.into());
            let build_id = profile.string_table.len() as i64 - 1;
            profile.mapping.push(proto::Mapping { id: 1, build_id, ..Default::default() });
            fs::write(folder.join(name), bytes(&profile)).unwrap();
        }
        answer(&folder, &split("--max-growth 1MiB a.pb b.pb"))
    };
    let (code, check) = ask(524_288);
    let advice = check["rules"][0]["advice"].as_str().unwrap_or_default();
    assert_eq!(code, 3, "{check:#}");
    let rate = advice.split(['=', ' ']).find_map(|word| word.parse::<i64>().ok()).unwrap();
    // T² / (12.4·B).
    assert!((750..=850).contains(&rate), "{advice}");
    assert_eq!(ask(rate).0, 0, "{advice}");
}

#[test]
fn what_is_in_no_sample_may_be_there_all_the_same() {
    let folder = folder("check-unseen");
    // One process in which no sample changed.
    let ask = |period: i64| {
        for (name, seconds) in [("a.pb", 0), ("b.pb", 60)] {
            let mut profile = heap(&[stack("main.main;a").inuse(9000, 9000 * 64).sized(64)]);
            profile.period = period;
            profile.time_nanos += seconds * 1_000_000_000;
            let profile = super::dsl::mapped(profile, &[("[vdso]", 0x7ffc_1234_5000, "")]);
            fs::write(folder.join(name), bytes(&profile)).unwrap();
        }
        answer(&folder, &split("--max-growth 1MiB a.pb b.pb"))
    };
    let (code, check) = ask(524_288);
    let advice = check["rules"][0]["advice"].as_str().unwrap_or_default();
    assert_eq!((code, &check["rules"][0]["value"]), (3, &0.into()), "{check:#}");
    let rate = advice.split(['=', ' ']).find_map(|word| word.parse::<i64>().ok()).unwrap();
    assert!((300_000..360_000).contains(&rate), "{advice}");
    assert_eq!(ask(rate).0, 0, "{advice}");
}

#[test]
fn an_allowance_holds_until_its_day_and_says_why() {
    let before = [one("shop/cache.Put", 100), one("shop/import.Read", 100)];
    let after = [one("shop/cache.Put", 120), one("shop/import.Read", 9000)];
    let rules = |day: &str, more: &str| {
        format!(
            "[[rule]]\nname = 'r'\nmax_growth = '500B'\n\n[[allow]]\npackage = '^shop/import$'\nreason = 'rows are \
             kept until SHOP-123'\nexpires = {day}\n{more}"
        )
    };
    let ask = |name: &str, rules: &str, after: &[Stack]| {
        let folder = exact(name, &before, after, rules);
        let said = check(&folder, &[&PAIR[..], &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&said.stdout).unwrap();
        (said.code, report)
    };
    let (code, report) = ask("allowed", &rules("2999-12-31", ""), &after);
    let check = &report["check"];
    assert_eq!((code, &check["rules"][0]["allowed"]), (Some(0), &8900.into()), "{check:#}");
    assert_eq!(check["rules"][0]["value"], 20);
    assert_eq!(check["allowances"][0]["is_used"], true);
    assert_eq!(check["allowances"][0]["expires"], "2999-12-31");
    let (code, report) = ask("expired", &rules("2020-01-31", ""), &after);
    let check = &report["check"];
    assert_eq!(code, Some(1));
    let expected = ["r growth fail", "allow-list heapdiff.toml:5 allowance fail"];
    assert_eq!(outcomes(check), expected);
    let message = check["rules"][1]["message"].as_str().unwrap();
    assert!(message.contains("expired on 2020-01-31"), "{message}");
    assert!(message.contains("rows are kept until SHOP-123"), "{message}");
    // It fails even if nothing grew: otherwise it would never be removed.
    assert_eq!(ask("expired-unused", &rules("2020-01-31", ""), &before).0, Some(1));
    let unused = "\n[[allow]]\nfunction = 'nobody'\nreason = 'r'\nexpires = 2999-12-31\n";
    let (code, report) = ask("unused", &rules("2999-12-31", unused), &after);
    assert_eq!(code, Some(0));
    let warnings = report["warnings"].as_array().unwrap().iter();
    let warning = warnings.map(|warning| warning["message"].to_string()).collect::<String>();
    assert!(
        warning
            .contains("the allow-list entry at heapdiff.toml:10 (function nobody) has no effect"),
        "{warning}"
    );
    // It has no effect on another rule.
    let other = "rules = ['other']\n[[rule]]\nname = 'other'\nfunction = 'shop'\nmax = '500B'\n";
    let (code, report) = ask("other", &rules("2999-12-31", other), &after);
    let expected = ["r growth fail", "other budget pass"];
    assert_eq!((code, outcomes(&report["check"])), (Some(1), expected.map(str::to_owned).to_vec()));
}

#[test]
fn what_can_not_be_judged_is_an_error_and_each_flag_lifts_one() {
    let folder = exact("closed", &[one("a", 100)], &[one("a", 100), one("b", 9)], "");
    let put = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    let mut empty = heap(&[]);
    empty.period = 1;
    put("empty.pb.gz", &bytes(&empty));
    put("unsampled.pb.gz", &corpus::read("empty/heap.pb.gz"));
    put("cpu.pb.gz", &corpus::read("cpu/before.pb.gz"));
    put("broken.pb.gz", &corpus::read("crafted/bad/truncated-gzip.pb.gz"));
    put("page.html", &corpus::read("crafted/bad/page.html"));
    fs::create_dir(folder.join("none-here")).unwrap();
    put("delta.pb.gz", &corpus::read("seconds-delta/delta.pb.gz"));
    put("state.pb.gz", &corpus::read("seconds-delta/state.pb.gz"));
    fs::create_dir(folder.join("mixed")).unwrap();
    put("mixed/1.pb", &fs::read(folder.join("after.pb")).unwrap());
    put("mixed/2.pb.gz", b"");
    let rule = |scope: &str| format!("[[rule]]\nname = 'mine'\n{scope}\nmax_growth = '1MiB'\n");
    for (name, scope) in [
        ("function.toml", "function = 'nobody'"),
        ("package.toml", "package = 'nobody'"),
        ("file.toml", "file = 'nobody'"),
        ("pattern.toml", "pattern = 'timer-ticker'"),
        ("gone.toml", "function = '^b$'"),
        ("may.toml", "function = 'nobody'\nallow_unmatched = true"),
        ("type.toml", "sample_type = 'in_use'"),
        ("objects.toml", "sample_type = 'inuse_objects'"),
    ] {
        put(name, rule(scope).as_bytes());
    }
    let all = "[[allow]]\nfunction = '.'\nreason = 'r'\nexpires = 2999-12-31\n";
    put("all.toml", [&rule(""), all].concat().as_bytes());
    put("drift.toml", b"[[rule]]\nmax_drift = '1MiB'\n");
    put("nothing.toml", b"# no rule\n");
    put("latin.toml", b"# one\n# \xe4\n");
    let limit = "--max-growth 1MiB";
    let cases = [
        ("before.pb after.pb", "there are no rules, and there is no heapdiff.toml", ""),
        ("--config nothing.toml before.pb after.pb", "and nothing.toml has no [[rule]]", ""),
        ("--config drift.toml before.pb after.pb", "all rules are about drift", ""),
        ("--config none.toml before.pb after.pb", "none.toml: no such file", ""),
        ("--config latin.toml before.pb after.pb", "latin.toml:2:3: byte 8 isn't UTF-8", ""),
        ("LIMIT gone.pb after.pb", "gone.pb: there is no baseline to compare with", FLAGS[0]),
        ("LIMIT none-here after.pb", "none-here: there is no baseline", FLAGS[0]),
        ("LIMIT x-*.pb after.pb", "x-*.pb: there is no baseline", FLAGS[0]),
        ("LIMIT --before gone.pb --after after.pb", "gone.pb: there is no baseline", FLAGS[0]),
        ("LIMIT --before gone.pb before.pb --after after.pb", "gone.pb: no such file", ""),
        ("LIMIT before.pb gone.pb", "gone.pb: no such file", ""),
        ("LIMIT before.pb none-here", "none-here: is a folder without files", ""),
        ("LIMIT before.pb", "check compares two sides, and only before.pb is given", ""),
        (
            "LIMIT before.pb after.pb after.pb",
            "check compares two sides, and 3 profiles are given",
            "",
        ),
        ("LIMIT before.pb http://127.0.0.1:1/heap", "http://127.0.0.1:1/heap: ", ""),
        ("LIMIT http://127.0.0.1:1/heap after.pb", "http://127.0.0.1:1/heap: ", ""),
        ("LIMIT before.pb mixed", "mixed/2.pb.gz (empty); all files on a side have to be runs", ""),
        (
            "LIMIT state.pb.gz delta.pb.gz",
            "delta.pb.gz is a delta profile, not a snapshot",
            FLAGS[3],
        ),
        (
            "--config gone.toml after.pb before.pb",
            "`mine` (function ^b$, which matches only before)",
            FLAGS[1],
        ),
        (
            "--config all.toml before.pb after.pb",
            "rule `mine`: the allow-list covers everything",
            "",
        ),
        ("LIMIT", "no profile given: heapdiff check BEFORE AFTER", ""),
        ("LIMIT broken.pb.gz after.pb", "broken.pb.gz: ", ""),
        ("LIMIT before.pb page.html", "page.html: ", ""),
        ("LIMIT - -", "standard input (-) can be read only once", ""),
        ("LIMIT empty.pb.gz after.pb", "empty.pb.gz has no samples, so there is", FLAGS[2]),
        ("LIMIT before.pb empty.pb.gz", "empty.pb.gz has no samples", FLAGS[2]),
        ("LIMIT before.pb cpu.pb.gz", "before.pb and cpu.pb.gz have no sample type in common", ""),
        (
            "LIMIT --sample-index in_use before.pb after.pb",
            "there is no sample type \"in_use\"",
            "",
        ),
        (
            "--config type.toml before.pb after.pb",
            "rule `mine`: there is no sample type \"in_use\"",
            "",
        ),
        (
            "--config objects.toml before.pb after.pb",
            "rule `mine`: the limit 1.0 MiB is a size, but inuse_objects is measured in count; give",
            "",
        ),
        (
            "--config function.toml before.pb after.pb",
            "a rule matches no sample after: `mine` (function nobody)",
            FLAGS[1],
        ),
        ("--config package.toml before.pb after.pb", "`mine` (package nobody)", FLAGS[1]),
        ("--config file.toml before.pb after.pb", "`mine` (file nobody)", FLAGS[1]),
        ("--config pattern.toml before.pb after.pb", "`mine` (pattern timer-ticker)", FLAGS[1]),
        ("LIMIT -focus nobody before.pb after.pb", "--focus matches nothing in these", FLAGS[1]),
        ("LIMIT -ignore . before.pb after.pb", "the filters leave no sample of any", FLAGS[1]),
        ("LIMIT -focus a( before.pb after.pb", "-focus: regex parse error", ""),
        ("--no-leaks before.pb", "before.pb is one snapshot", ""),
        ("--no-leaks --before before.pb --after after.pb", "cannot be used with", ""),
        ("--max-growth -5 before.pb after.pb", "expected a size such as 5MiB or 500kB", ""),
        ("--max-growth 5mb2 before.pb after.pb", "expected a size such as 5MiB or 500kB", ""),
        ("--max-growth-percent -5 before.pb after.pb", "expected a number from 0 to", ""),
        ("--max-growth-percent nan before.pb after.pb", "expected a number from 0 to", ""),
        ("--report pdf=x LIMIT before.pb after.pb", "invalid value 'pdf=x'", ""),
        ("--report json LIMIT before.pb after.pb", "expected FORMAT=FILE", ""),
    ];
    for (args, message, lifted_by) in cases {
        let args = args.replace("LIMIT", limit);
        let said = check(&folder, &split(&args));
        assert_eq!(said.code, Some(2), "{args}: {}", said.stderr);
        assert!(said.stderr.contains(message), "{args}: {}", said.stderr);
        assert!(said.stdout.is_empty(), "{args}: {}", said.stdout);
        for flag in FLAGS {
            let said = check(&folder, &split(&format!("{flag} {args}")));
            let expected = if flag == lifted_by { 0 } else { 2 };
            assert_eq!(said.code, Some(expected), "{flag} {args}: {}", said.stderr);
        }
    }
    assert_eq!(check(&folder, &split("--config may.toml before.pb after.pb")).code, Some(0));
    // Anything may be missing from the samples: the value may be empty, and still the growth is
    // unknown.
    let unsampled = "--max-growth 1MiB unsampled.pb.gz after.pb";
    assert_eq!(check(&folder, &split(unsampled)).code, Some(2));
    assert_eq!(check(&folder, &split(&format!("--allow-empty {unsampled}"))).code, Some(3));
    // A new function matches in one profile only, and has grown from nothing.
    let new = split("--max-growth 5B -focus ^b$ before.pb after.pb");
    assert_eq!(answer(&folder, &new).0, 1);
}

/// Profiles with these sample types, whose values are 100, 200, … before, and tenfold after.
fn with_types(name: &str, before: &[(&str, &str)], after: &[(&str, &str)]) -> PathBuf {
    let folder = exact(name, &[], &[], "");
    let profile = |types: &[(&str, &str)], factor: i64| {
        let stack = stack("main.main;main.f").alloc(100 * factor, 200 * factor);
        let stack = stack.inuse_only(300 * factor, 400 * factor);
        bytes(&of_kind(heap(&[stack]), types, (("space", "bytes"), 1)))
    };
    fs::write(folder.join("before.pb"), profile(before, 1)).unwrap();
    fs::write(folder.join("after.pb"), profile(after, 10)).unwrap();
    folder
}

#[test]
fn a_side_without_the_sample_type_of_a_rule_is_an_error_and_no_check_of_another() {
    const OBJECTS: (&str, &str) = ("inuse_objects", "count");
    const SPACE: (&str, &str) = ("inuse_space", "bytes");
    const ALLOCATED: (&str, &str) = ("alloc_space", "bytes");
    let both = [ALLOCATED, SPACE];
    for (case, (before, after), args, message) in [
        (1, (&both[..], &[ALLOCATED][..]), "", "after.pb: there is no sample type \"inuse_space\""),
        (
            2,
            (&[ALLOCATED][..], &both[..]),
            "",
            "before.pb: there is no sample type \"inuse_space\"",
        ),
        (3, (&[OBJECTS, ALLOCATED][..], &both[..]), "", "the file has: inuse_objects, alloc_space"),
        (
            4,
            (&both[..], &[SPACE, OBJECTS][..]),
            "-alloc_space ",
            "after.pb: there is no sample type",
        ),
        (
            5,
            (&both[..], &[SPACE, OBJECTS][..]),
            "-sample_index=0 ",
            "no sample type \"alloc_space\"",
        ),
        (6, (&both[..], &[SPACE][..]), "--config rule.toml ", "which rule `mine` is about"),
        (7, (&[SPACE, SPACE][..], &[SPACE][..]), "", "before.pb: it has two sample types named"),
        (
            8,
            (&both[..], &[SPACE, OBJECTS, OBJECTS][..]),
            "",
            "after.pb: it has two sample types named",
        ),
    ] {
        let folder = with_types(&format!("types-{case}"), before, after);
        let rule = "[[rule]]\nname = 'mine'\nsample_type = 'alloc_space'\nmax_growth = '1GiB'\n";
        fs::write(folder.join("rule.toml"), rule).unwrap();
        let said =
            check(&folder, &split(&format!("{args}--max-growth 1000000 before.pb after.pb")));
        assert_eq!(said.code, Some(2), "{case}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(message), "{case}: {}", said.stderr);
    }
    // What every file has is judged, wherever its column is.
    let folder = with_types("types-order", &[ALLOCATED, SPACE], &[SPACE, ALLOCATED]);
    let (code, check) = answer(&folder, &split("--max-growth 1B before.pb after.pb"));
    assert_eq!((code, &check["rules"][0]["value"]), (1, &800.into()));
    // Without memory in use, the default of AFTER is judged, and BEFORE has to have it.
    let folder = with_types("types-other", &[ALLOCATED, OBJECTS], &[OBJECTS, ALLOCATED]);
    let (code, check) = answer(&folder, &split("--max-growth 1B before.pb after.pb"));
    assert_eq!((code, &check["rules"][0]["sample_type"]), (1, &"alloc_space".into()));
}

#[test]
fn an_empty_value_opens_no_gate() {
    let grown = [stack("main.main;main.f").inuse_only(3, 3 * MIB).alloc(1, 1)];
    let folder = exact("empty-values", &[one("main.f", 1)], &grown, "");
    for (args, name) in [
        ("--sample-index=", "--sample-index"),
        ("-sample_index=", "--sample-index"),
        ("--focus=", "--focus"),
        ("--ignore=", "--ignore"),
        ("--tagfocus=", "--tagfocus"),
        ("--own=", "--own"),
        ("--config=", "--config"),
        ("--patterns=", "--patterns"),
        ("--report=", "--report"),
        ("--report=json=", "--report"),
        ("--max-growth-percent=", "--max-growth-percent"),
        ("--max=", "--max"),
        ("--on-inconclusive=", "--on-inconclusive"),
        ("--output=", "--output"),
        ("--unit=", "--unit"),
        ("--trim-path=", "--trim-path"),
    ] {
        let said = check(&folder, &split(&format!("{args} --max-growth 1KiB before.pb after.pb")));
        assert_eq!(said.code, Some(2), "{args}: {}", said.stdout);
        assert!(said.stderr.contains(name), "{args}: {}", said.stderr);
    }
    for args in [["--max-growth=1KiB", "", "after.pb"], ["--max-growth=1KiB", "before.pb", ""]] {
        let said = check(&folder, &[&args[..], &["--allow-missing-baseline"]].concat());
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stdout);
        assert!(said.stderr.contains("an argument PROFILE is empty"), "{}", said.stderr);
    }
    let keys = ["name", "function", "package", "file", "pattern", "sample_type", "max_growth"];
    for key in keys.into_iter().chain(["max", "max_growth_percent", "level", "min_confidence"]) {
        let limit = if key == "max_growth" { "" } else { "max_growth = '1KiB'\n" };
        fs::write(folder.join("r.toml"), format!("[[rule]]\n{limit}{key} = ''\n")).unwrap();
        let said = check(&folder, &split("--config r.toml before.pb after.pb"));
        assert_eq!(said.code, Some(2), "{key}: {}", said.stdout);
        assert!(said.stderr.contains("r.toml:"), "{key}: {}", said.stderr);
    }
}

#[test]
fn the_limits_of_a_file_are_judged_together_and_one_as_ever() {
    // Growth of ten samples of 512 KiB in each of six functions: certain alone, not among many.
    let sampled = |count: i64| -> Vec<Stack> {
        let of = |i: usize| {
            let bytes = 524_288 * count;
            stack(&format!("main.main;main.f{i}")).inuse_only(bytes / 64, bytes).sized(64)
        };
        (0..6).map(of).collect()
    };
    let folder = exact("together", &sampled(10), &sampled(10), "");
    let mut grown = heap(&sampled(24));
    grown.time_nanos += 1_000_000_000;
    fs::write(folder.join("after.pb"), bytes(&grown)).unwrap();
    fs::write(folder.join("before.pb"), bytes(&heap(&sampled(10)))).unwrap();
    let rules = |numbers: std::ops::Range<usize>| -> String {
        let rule = |i| format!("[[rule]]\nfunction = '^main.f{i}$'\nmax_growth = '1MiB'\n");
        numbers.map(rule).collect()
    };
    let ask = |rules: String| {
        fs::write(folder.join("heapdiff.toml"), rules).unwrap();
        answer(&folder, &["before.pb", "after.pb"])
    };
    let (code, alone) = ask(rules(0..1));
    assert_eq!((code, &alone["limits"]), (1, &1.into()), "{alone:#}");
    assert_eq!(alone["rules"][0]["corrected_for"], Value::Null);
    let (code, all) = ask(rules(0..6));
    assert_eq!((code, &all["limits"]), (3, &6.into()), "{all:#}");
    for rule in all["rules"].as_array().unwrap() {
        assert_eq!(rule["corrected_for"], 6);
        assert!(rule["lower"].as_i64() < alone["rules"][0]["lower"].as_i64(), "{rule:#}");
        assert_eq!(rule["upper"], alone["rules"][0]["upper"]);
    }
    let text = check(&folder, &["before.pb", "after.pb"]).stdout;
    assert!(text.contains("(the lower one over 6 limits)"), "{text}");
    assert!(
        text.trim_end().ends_with("(6 of 6 rules inconclusive; 6 limits judged together)"),
        "{text}"
    );
}

#[test]
fn without_a_baseline_a_budget_is_judged_all_the_same() {
    let folder = exact("first", &[], &[one("a", 2 * MIB)], "");
    let args = "--allow-missing-baseline --max-growth 1MiB --max MAX gone after.pb";
    for (max, code) in [("1MiB", 1), ("3MiB", 0)] {
        let (found, check) = answer(&folder, &split(&args.replace("MAX", max)));
        assert_eq!(found, code);
        assert_eq!(outcomes(&check)[0], "total growth pass");
        assert!(check["rules"][0]["message"].as_str().unwrap().contains("no baseline"));
        assert_eq!(check["before_runs"], 0);
    }
}

#[test]
fn no_leaks_fails_where_something_leaks_and_names_it() {
    let harbor = corpus::path("harbor");
    let (code, check) = answer(&harbor, &["--no-leaks", "one"]);
    assert_eq!((code, outcomes(&check)), (1, vec!["no leaks leaks fail".to_owned()]));
    let rule = &check["rules"][0];
    assert!(rule["message"].as_str().unwrap().contains("main.(*harbor).hail"), "{rule:#}");
    // What may be a container that isn't full yet passes, with a remark, unless it is asked for.
    let message = rule["message"].as_str().unwrap();
    let remark =
        format!("1 leak of medium confidence is not failed: {LEAK}; --min-confidence med fails it");
    assert!(message.ends_with(&remark), "{message}");
    assert_eq!((&rule["value"], &rule["let_pass"][0]["function"]), (&1.into(), &LEAK.into()));
    let (code, check) = answer(&harbor, &["--no-leaks", "--min-confidence", "med", "one"]);
    let rule = &check["rules"][0];
    assert_eq!((code, &rule["value"], &rule["let_pass"]), (1, &2.into(), &Value::Null));
    let offenders = rule["offenders"].as_array().unwrap();
    let offender = offenders.iter().find(|offender| offender["function"] == LEAK).unwrap();
    assert_eq!((&offender["function"], &offender["class"]), (&LEAK.into(), &"leak".into()));
    assert!(!offender["explanation"].as_str().unwrap().is_empty());
    // With a limit as well, the ends are compared too.
    let args = ["--no-leaks", "--max-growth", "1GiB", "restarted"];
    let (code, check) = answer(&harbor, &args);
    // Few snapshots don't tell a container from a cache, and a cache that is still filling may leak as well.
    assert_eq!(code, 3);
    let rule = &check["rules"][1];
    let message = rule["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("{LEAK} may leak (medium confidence): ")), "{message}");
    assert!(message.ends_with("; so may main.(*pilotBook).soundingsOf"), "{message}");
    assert_eq!(
        (&rule["let_pass"], &rule["offenders"][0]["function"]),
        (&Value::Null, &LEAK.into())
    );
    assert!(rule["advice"].as_str().unwrap().contains("--min-confidence med fails it"), "{rule:#}");
    let (code, check) = answer(&harbor, &[&args[..], &["--min-confidence", "med"]].concat());
    assert_eq!(code, 1);
    assert_eq!(outcomes(&check), ["total growth pass", "no leaks leaks fail"]);
    // The allow-list covers leaks, too.
    let folder = folder("check-allowed-leak");
    let rules = "[[rule]]\nclass = 'leak'\nmin_confidence = 'med'\n[[allow]]\nfunction = 'FUNCTION'\nreason = 'r'\nexpires = 2999-12-31\n";
    let one = harbor.join("one");
    for (function, code, left) in [("^main\\.", 0, 0), ("logbook", 1, 1)] {
        fs::write(folder.join("heapdiff.toml"), rules.replace("FUNCTION", function)).unwrap();
        let (found, check) = answer(&folder, &[&one.display().to_string()]);
        assert_eq!((found, &check["rules"][0]["value"]), (code, &left.into()), "{check:#}");
    }
}

#[test]
fn no_leaks_passes_what_is_steady_and_leaves_open_what_is_too_short() {
    let name = "check-steady";
    let profile = |i: i64| {
        let held = stack("main.main;shop/cache.Put").inuse(20_000, 20_000 * 4096).sized(4096);
        let work = stack("main.main;shop/web.Serve").alloc(i * 1000, i * 1000 * 512).sized(512);
        let mut profile = heap(&[held, work]);
        profile.time_nanos += i * 60_000_000_000;
        profile
    };
    let profiles: Vec<_> = (1..=10).map(profile).collect();
    let folder = crate::histories::history(name, &profiles);
    let (code, check) = answer(&folder, &["--no-leaks", "."]);
    assert_eq!((code, outcomes(&check)), (0, vec!["no leaks leaks pass".to_owned()]));
    // Ten snapshots, a minute apart: about ten samples of 512 KiB in nine minutes.
    let rule = &check["rules"][0];
    let message = rule["message"].as_str().unwrap();
    assert!(
        message.starts_with("nothing leaks in 10 snapshots; a leak of less than "),
        "{message}"
    );
    let shown = &rule["could_show"];
    let growth = shown["growth"].as_f64().unwrap() / 524_288.0;
    assert!((9.0..13.0).contains(&growth), "{shown:#}");
    let per_hour = shown["slope_per_hour"].as_f64().unwrap() / 524_288.0;
    assert!((per_hour - growth * 60.0 / 9.0).abs() < 0.1, "{shown:#}");
    // The same heap in fewer snapshots shows too little.
    let few: Vec<String> = (0..6).map(|i| format!("heap-{i:05}.pb")).collect();
    let args: Vec<&str> =
        std::iter::once("--no-leaks").chain(few.iter().map(String::as_str)).collect();
    let (code, check) = answer(&folder, &args);
    let message = check["rules"][0]["message"].as_str().unwrap();
    assert_eq!(code, 3);
    assert!(message.starts_with("6 snapshots show no leak, and too little"), "{message}");
    for number in [2, 3] {
        let names: Vec<String> = (0..number).map(|i| format!("heap-{i:05}.pb")).collect();
        let args: Vec<&str> =
            std::iter::once("--no-leaks").chain(names.iter().map(String::as_str)).collect();
        let (code, check) = answer(&folder, &args);
        assert_eq!((code, &check["outcome"]), (3, &"inconclusive".into()), "{number}");
        let advice = check["rules"][0]["advice"].as_str().unwrap();
        assert!(
            advice.contains("give at least 8 snapshots of each process (with fewer than 4 there"),
            "{advice}"
        );
    }
}

#[test]
fn each_snapshot_is_read_once_so_one_may_come_from_standard_input() {
    let one = corpus::path("harbor/one");
    let mut names: Vec<PathBuf> =
        fs::read_dir(&one).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let ask = |last: &str| {
        let piped = fs::File::open(&names[names.len() - 1]).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        command.args(["check", "--no-leaks", "--max-growth", "1KiB", "--format", "json", "-q"]);
        command.args(&names[..names.len() - 1]).arg(last).stdin(piped);
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report["check"].clone(), report["inputs"].as_array().unwrap().len())
    };
    let (code, check, inputs) = ask(names[names.len() - 1].to_str().unwrap());
    assert_eq!((code, inputs), (Some(1), 2), "{check:#}");
    assert_eq!(ask("-"), (code, check, inputs));
}

#[test]
fn a_process_of_which_little_is_seen_is_no_pass() {
    // A leak, split into processes of three snapshots, as from repeated crashes or several
    // replicas.
    let folder = corpus::path("harbor/restarted");
    let names = |range: std::ops::Range<usize>| {
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("heap"))
            .collect();
        names.sort();
        names[range].to_vec()
    };
    let ask = |names: Vec<String>| {
        let args: Vec<&str> = ["--no-leaks", "--min-confidence=med"]
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .collect();
        answer(&folder, &args)
    };
    // The first process has six snapshots, the second eight.
    let (code, check) = ask([names(0..3), names(6..9)].concat());
    assert_eq!(code, 3, "{check:#}");
    let message = check["rules"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("2 of 2 processes have fewer than 4 distinct snapshots"),
        "{message}"
    );
    assert_eq!(ask(names(0..14)).0, 1);
    // The same snapshot eight times counts as one.
    let (code, check) = ask(vec![names(0..1); 8].concat());
    assert_ne!(code, 0, "{check:#}");
}

#[test]
fn a_run_that_is_given_twice_is_one_run() {
    let folder = corpus::path("gate");
    let bounds = |args: &[&str]| {
        let (_, check) = answer(&folder, args);
        let rule = &check["rules"][0];
        (rule["lower"].clone(), rule["upper"].clone(), check["after_runs"].clone())
    };
    let once = ["--max-growth", "1MiB", "--before", "base-1.pb.gz", "--after", "unchanged-1.pb.gz"];
    let twice = [&once[..], &["./unchanged-1.pb.gz"]].concat();
    assert_eq!(bounds(&once), bounds(&twice));
}

#[test]
fn leaks_are_looked_for_in_what_is_in_use_whatever_the_default() {
    // Profiles of go test default to alloc_space, which never falls.
    let args = ["--no-leaks", "base-1.pb.gz", "base-2.pb.gz", "base-3.pb.gz", "unchanged-1.pb.gz"];
    let said = check(&corpus::path("gate"), &args);
    assert!(matches!(said.code, Some(0 | 3)), "{:?}: {}", said.code, said.stderr);
}

#[test]
fn init_writes_rules_that_can_be_read_also_those_in_comments() {
    let folder = exact("init", &[one("a", 100)], &[one("a", 100)], "");
    let said = check(&folder, &["--init"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("wrote heapdiff.toml"), "{}", said.stdout);
    assert_eq!(check(&folder, &PAIR).code, Some(0));
    // Existing lines stay.
    let again = check(&folder, &["--init"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("heapdiff.toml exists and was not changed"), "{}", again.stderr);
    assert_eq!(check(&folder, &["--init", "--config", "other.toml"]).code, Some(0));
    let text = fs::read_to_string(folder.join("heapdiff.toml")).unwrap();
    assert_eq!(fs::read_to_string(folder.join("other.toml")).unwrap(), text);
    // A `#` without a space marks a line to be uncommented.
    let open: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .collect();
    let open = open.join("\n");
    assert_eq!(open.matches("\n[[rule]]").count(), 6, "{open}");
    fs::write(folder.join("heapdiff.toml"), &open).unwrap();
    let (code, check) = answer(&folder, &[&["--allow-unmatched"], &PAIR[..]].concat());
    // Two profiles never show a leak, so this one rule is left out.
    assert_eq!((code, &check["outcome"]), (0, &"pass".into()), "{check:#}");
    let expected = [
        "total growth pass",
        "cache budget pass",
        "allocations growth pass",
        "pattern timer-ticker growth pass",
    ];
    assert_eq!(outcomes(&check), expected);
    assert_eq!(check["allowances"][0]["is_used"], false);
}

#[test]
fn answers_do_not_depend_on_threads() {
    let folder = corpus::path("gate");
    let ask = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        let args = "check -q --format json --max-growth 1MiB base-*.pb.gz regression-*.pb.gz";
        let command = command.args(split(args)).current_dir(&folder);
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
        command.env("RAYON_NUM_THREADS", threads).output().unwrap().stdout
    };
    assert!(ask("1").len() > 1000);
    assert_eq!(ask("1"), ask("4"));
}

#[test]
fn growth_that_is_spread_is_blamed_on_what_calls_it() {
    let parts = |samples: i64| -> Vec<Stack> {
        let held = |frames: &str, samples: i64| {
            stack(frames).inuse(samples * 512, samples * MIB / 2).sized(1024)
        };
        let part = |i: i64| held(&format!("main.main;main.serve;main.fill;main.part{i}"), samples);
        let steady = |i: i64| held(&format!("main.main;main.idle;main.steady{i}"), 3);
        (0..20).map(part).chain((0..20).map(steady)).collect()
    };
    let folder = folder("check-spread");
    for (file, samples, seconds) in [("before.pb", 1, 0), ("after.pb", 3, 60)] {
        let mut profile = heap(&parts(samples));
        profile.time_nanos += seconds * 1_000_000_000;
        fs::write(folder.join(file), bytes(&profile)).unwrap();
    }
    let (_, check) = answer(&folder, &[&PAIR[..], &["--max-growth", "4MiB"]].concat());
    let rule = &check["rules"][0];
    assert_eq!(rule["outcome"], "fail", "{rule}");
    let offender = &rule["offenders"][0];
    assert_eq!(offender["function"], "main.fill", "{offender}");
    assert!(offender["lower"].as_i64().unwrap() > 0, "{offender}");
    let why = offender["explanation"].as_str().unwrap();
    assert!(why.starts_with("no single place in what it calls"), "{why}");
}
