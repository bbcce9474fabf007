//! `heapdiff leaks` on recordings with known truth: the project's own, and those in `../shared`.

use crate::corpus;
use crate::histories::{answer, ask_everything, error, of_class, report, suspects, verdict, warns};
use crate::program::{folder, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const LEAK: &str = "main.(*logbook).enter";
const CACHE: &str = "main.(*pilotBook).soundingsOf";

fn harbor() -> PathBuf {
    corpus::path("harbor")
}

/// The files of a recording, in order.
fn files(folder: &str, begin: &str) -> Vec<String> {
    let entries = fs::read_dir(harbor().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with(begin))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    names.sort();
    names
}

fn found<'a>(report: &'a Value, function: &str) -> &'a Value {
    let is_it = |suspect: &&Value| suspect["site"]["function"] == function;
    suspects(report).iter().find(is_it).unwrap_or_else(|| panic!("no {function} in {report:#}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn holds_its_estimate(interval: &Value) -> bool {
    let [lower, estimate, upper] =
        ["lower", "estimate", "upper"].map(|part| number(&interval[part]));
    lower < estimate && estimate < upper
}

#[test]
fn the_caller_that_keeps_is_blamed_and_not_the_helper_that_others_use() {
    let report = report(&harbor(), &["leaks", "one"]);
    let first = found(&report, LEAK);
    assert_eq!(first["class"], "leak");
    // Goroutines that wait can't be a cache; a container could be one that isn't full yet.
    assert_eq!(first["rank"], 2);
    assert!(first["site"]["file"].as_str().unwrap().ends_with("harbor/harbor.go"), "{first:#}");
    assert!(first["site"]["line"].as_i64().unwrap() > 0, "{first:#}");
    assert_eq!(first["confidence"], "med");
    assert_eq!(first["sample_type"], "inuse_space");
    // It begins in main and ends in the helper, which a healthy caller uses as well.
    let path: Vec<&str> =
        first["path"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    assert!(path.contains(&"main.main"), "{path:?}");
    assert_eq!(path.last(), Some(&"main.newTrack"), "{path:?}");
    assert_eq!(of_class(&report, "leak"), ["main.(*harbor).hail", LEAK]);
    for healthy in ["main.newTrack", "main.(*radar).see"] {
        assert!(
            suspects(&report).iter().all(|s| s["site"]["function"] != healthy),
            "{healthy}: {report:#}"
        );
    }
}

#[test]
fn a_leak_comes_with_its_evidence() {
    let report = report(&harbor(), &["leaks", "one"]);
    let leak = found(&report, LEAK);
    assert!(holds_its_estimate(&leak["slope_per_hour"]), "{leak:#}");
    assert!(holds_its_estimate(&leak["growth"]), "{leak:#}");
    assert!(number(&leak["slope_per_hour"]["lower"]) > 0.0, "{leak:#}");
    assert!(number(&leak["growth"]["lower"]) > 1e6, "{leak:#}");
    assert!(number(&leak["q_value"]) < 1e-6, "{leak:#}");
    assert!(number(&leak["retention"]["lower"]) > 0.9, "{leak:#}");
    assert!(number(&leak["persistence"]) > 0.9, "{leak:#}");
    assert_eq!(leak["values"].as_array().unwrap().len(), 12);
    assert_eq!(leak["patterns"], serde_json::json!(["app-container"]));
    assert!(leak["fix"].as_str().unwrap().starts_with("Bound the container"), "{leak:#}");
    // 400 reports a round of an object of 576 bytes, kept for eleven intervals.
    let growth = number(&leak["growth"]["estimate"]);
    assert!((2.2e6..2.9e6).contains(&growth), "{growth}");
    let verdict = &report["verdict"];
    assert_eq!(verdict["leaks"], 2);
    assert!(holds_its_estimate(&verdict["slope_per_hour"]), "{verdict:#}");
    assert_eq!(verdict["needed"], Value::Null);
}

#[test]
fn the_table_says_it_at_once() {
    let table = answer(&harbor(), &["leaks", "--width", "80", "one"]);
    let said = verdict(&table);
    assert!(said.starts_with("2 leaks (1 of goroutines), ") && said.contains("GiB/h ("), "{said}");
    let block = |from: &str, to: &str| {
        let at = table.find(from).unwrap_or_else(|| panic!("no {from} in\n{table}"));
        let rest = &table[at..];
        rest[..rest.find(to).unwrap_or(rest.len())].to_owned()
    };
    let leak = block(" 2  leak  main.(*logbook).enter", "\n\n");
    for part in
        ["harbor.go:", "slope ", "growth ", " q ", "kept ", "path ", "fix ", "next: heapdiff"]
    {
        assert!(leak.contains(part), "{part} in\n{leak}");
    }
    let parked = block(" 1  goroutine leak  main.(*harbor).hail", "\n\n");
    for part in ["chan receive", "main.(*harbor).hail.func1", "20 → 130"] {
        assert!(parked.contains(part), "{part} in\n{parked}");
    }
    let churn = block("Churns: ", "\n\n");
    assert!(churn.contains("main.encode"), "{churn}");
}

#[test]
fn the_command_for_the_next_step_is_one() {
    let table = answer(&harbor(), &["leaks", "one"]);
    let commands: Vec<&str> =
        table.lines().filter_map(|line| line.trim().strip_prefix("next: heapdiff ")).collect();
    assert_eq!(commands.len(), 2, "{table}");
    for command in commands {
        let args: Vec<&str> = command.split(' ').map(|arg| arg.trim_matches('\'')).collect();
        let said = answer(&harbor(), &args);
        assert!(said.lines().count() > 3, "{command}: {said}");
    }
}

#[test]
fn a_cache_that_fills_is_no_leak_and_what_is_thrown_away_is_churn() {
    let report = report(&harbor(), &["leaks", "one"]);
    let class = found(&report, CACHE)["class"].as_str().unwrap();
    assert!(["warm-up", "step"].contains(&class), "{class}");
    let encode = found(&report, "main.encode");
    assert_eq!(encode["class"], "churn");
    assert_eq!(encode["patterns"], serde_json::json!(["json-churn"]));
    assert!(number(&encode["retention"]["upper"]) < 0.1, "{encode:#}");
}

#[test]
fn goroutines_that_pile_up_are_a_suspect_with_their_starter_and_what_they_wait_for() {
    let with = report(&harbor(), &["leaks", "one"]);
    let leak = found(&with, "main.(*harbor).hail");
    assert_eq!(leak["class"], "leak");
    assert_eq!((&leak["sample_type"], &leak["unit"]), (&"goroutine".into(), &"count".into()));
    assert_eq!(leak["growth"]["estimate"], 110);
    let goroutines = &leak["goroutines"];
    assert_eq!((&goroutines["before"], &goroutines["after"]), (&20.into(), &130.into()));
    assert_eq!(goroutines["state"], "chan receive");
    assert_eq!(goroutines["started_by"], "main.(*harbor).hail");
    assert_eq!(goroutines["parked_in"], "main.(*harbor).hail.func1");
    assert_eq!(leak["patterns"], serde_json::json!(["goroutine"]));
    // Without goroutine profiles nothing is known of goroutines, and the heap report is unchanged.
    let heaps = files("one", "heap-");
    let heaps: Vec<&str> = heaps.iter().map(String::as_str).collect();
    let without = report(&harbor(), &[&["leaks"], heaps.as_slice()].concat());
    assert_eq!(of_class(&without, "leak"), [LEAK]);
    assert_eq!(found(&without, LEAK)["values"], found(&with, LEAK)["values"]);
}

/// A report in JSON that names its inputs, as they were given, instead of counting them.
fn by_name(text: &str) -> Value {
    let mut report: Value = serde_json::from_str(text).unwrap();
    let mut inputs = std::mem::take(report["inputs"].as_array_mut().unwrap());
    for at in report["timeline"]["inputs"].as_array_mut().unwrap() {
        *at = inputs[at.as_u64().unwrap() as usize]["name"].clone();
    }
    inputs.sort_by_key(|input| input["name"].as_str().map(str::to_owned));
    report["inputs"] = Value::Array(inputs);
    report
}

#[test]
fn the_order_of_arguments_does_not_matter() {
    let mut names = [files("one", "heap-"), files("one", "goroutine-")].concat();
    let said = |names: &[String], format: &str| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        answer(&harbor(), &[&["leaks", "--format", format], names.as_slice()].concat())
    };
    let sorted = ["table", "csv"].map(|format| said(&names, format));
    let known = by_name(&said(&names, "json"));
    let mut random = crate::random::Random(4);
    for _ in 0..3 {
        random.shuffle(&mut names);
        for (format, sorted) in ["table", "csv"].into_iter().zip(&sorted) {
            assert!(said(&names, format) == *sorted, "{format} of {names:?}");
        }
        assert!(by_name(&said(&names, "json")) == known, "{names:?}");
    }
    // Neither does their spelling: a folder, or a glob.
    let by_pattern = answer(&harbor(), &["leaks", "one/*.pb.gz"]);
    assert_eq!(by_pattern, sorted[0]);
    let by_folder = answer(&harbor(), &["leaks", "--format", "csv", "one"]);
    assert_eq!(by_folder, sorted[1]);
}

#[test]
fn names_that_say_another_order_do_not_matter() {
    let here = folder("renamed");
    let names = files("one", "heap-");
    for (i, name) in names.iter().enumerate() {
        let other = here.join(format!("heap-{:02}.pb.gz", (i * 5 + 3) % names.len()));
        fs::copy(harbor().join(name), other).unwrap();
    }
    let renamed = report(&here, &["leaks", "."]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let own = report(&harbor(), &[&["leaks"], names.as_slice()].concat());
    assert_eq!(renamed["suspects"], own["suspects"]);
    assert_eq!(renamed["timeline"]["times"], own["timeline"]["times"]);
}

#[test]
fn a_gctrace_log_is_set_aside_by_questions_about_two_profiles() {
    let two = ["diff", "one/heap-00.pb.gz", "one/heap-11.pb.gz", "one/gctrace.log"];
    assert!(warns(&report(&harbor(), &two), "set-aside", "one/gctrace.log"));
    let by_folder = report(&harbor(), &["leaks", "one"]);
    assert_eq!(by_folder["warnings"], serde_json::json!([]));
    let inputs = by_folder["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 24);
    let by_pattern = report(&harbor(), &["leaks", "one/*.pb.gz"]);
    assert_eq!(by_pattern["warnings"], serde_json::json!([]));
    assert_eq!(by_pattern["suspects"], by_folder["suspects"]);
}

/// The limit of a verdict.
fn limit(args: &[&str]) -> (Value, String) {
    let args = [&["leaks", "one"], args].concat();
    let mut report = report(&harbor(), &args);
    (report["verdict"]["limit"].take(), verdict(&answer(&harbor(), &args)))
}

#[test]
fn a_limit_says_when_it_is_met() {
    let (within, said) = limit(&["--limit", "16MiB"]);
    assert_eq!(within["limit"], 16 << 20);
    assert_eq!(within["gogc"], 100.0);
    assert_eq!(within["outcome"], "within", "{within:#}");
    let hours = |limit: &Value| ["earliest_hours", "latest_hours"].map(|end| number(&limit[end]));
    let [earliest, latest] = hours(&within);
    assert!(0.0 < earliest && earliest < latest, "{within:#}");
    assert!(said.contains("OOM at 16 MiB in "), "{said}");
    // Without the collector's reserve there is twice the space.
    let (off, _) = limit(&["--limit", "16MiB", "--gogc", "off"]);
    assert_eq!((&off["outcome"], &off["gogc"]), (&"within".into(), &Value::Null));
    assert!(number(&off["live_max"]) > number(&within["live_max"]), "{off:#}");
    assert!(hours(&off)[0] > earliest, "{off:#} {within:#}");
    let (far, said) = limit(&["--limit", "64GiB"]);
    assert_eq!(far["outcome"], "beyond-horizon", "{far:#}");
    assert!(said.contains("no OOM at 64 GiB within "), "{said}");
    let (over, said) = limit(&["--limit", "3MiB"]);
    assert_eq!(over["outcome"], "already-over", "{over:#}");
    assert!(said.contains("3 MiB is already too small"), "{said}");
}

#[test]
fn a_limit_that_means_nothing_is_refused() {
    for (args, expected) in [
        (["--limit=0", "one"].as_slice(), "expected a size such as 2GiB"),
        (&["--limit=-1", "one"], "expected a size such as 2GiB"),
        (&["--limit=much", "one"], "expected a size such as 2GiB"),
        (&["--limit=1GiB", "--gogc=-1", "one"], "expected a percentage"),
        (&["--limit=1GiB", "--gogc=NaN", "one"], "expected a percentage"),
        (&["--gogc=50", "one"], "--limit"),
        (&["--own=a(b", "one"], "-own: regex parse error"),
        (&["--patterns=none.toml", "one"], "none.toml: no such file"),
        (&[], "leaks needs profiles"),
        (&["none-*.pb.gz"], "none-*.pb.gz"),
    ] {
        let said = run(&harbor(), &[&["leaks"], args].concat());
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stdout);
        assert!(said.stderr.starts_with("heapdiff: "), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(expected), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn what_is_own_code_decides_who_is_blamed() {
    // The logbook is a library now: its caller is to blame.
    let report = report(&harbor(), &["leaks", "--own", r"^main\.\(\*harbor\)|^main\.main", "one"]);
    let first = found(&report, "main.(*harbor).serve");
    assert_eq!(first["class"], "leak");
    assert_eq!(first["mechanism"], LEAK, "{first:#}");
    assert!(suspects(&report).iter().all(|s| s["site"]["function"] != LEAK), "{report:#}");
}

const PATTERN: &str = "\
[[pattern]]
id = 'ship-pages'
title = 'Pages of the logbook'
any = ['^main\\.\\(\\*logbook\\)\\.enter$']
metric = 'inuse'
evidence = 'growth'
confidence = 'high'
meaning = 'Pages of the logbook are kept for ever.'
fix = 'Close the logbook at midnight.'

[[pattern]]
id = 'soundings'
title = 'Soundings'
any = ['^main\\.\\(\\*pilotBook\\)', '^main\\.main$']
metric = 'inuse'
evidence = 'growth'
confidence = 'high'
meaning = 'Soundings are kept for ever.'
fix = 'Forget soundings.'

[[pattern]]
id = 'in-sight'
title = 'Ships in sight'
any = ['^main\\.\\(\\*radar\\)\\.see$']
metric = 'inuse'
evidence = 'growth'
confidence = 'high'
meaning = 'Ships in sight are kept for ever.'
fix = 'Look away.'
";

#[test]
fn an_own_pattern_explains_and_makes_no_leak() {
    let here = folder("own-pattern");
    fs::write(here.join("ours.toml"), PATTERN).unwrap();
    let patterns = here.join("ours.toml");
    let args = ["leaks", "--patterns", patterns.to_str().unwrap(), "one"];
    let with = report(&harbor(), &args);
    let leak = found(&with, LEAK);
    assert_eq!(leak["patterns"], serde_json::json!(["ship-pages"]), "{leak:#}");
    assert_eq!(leak["fix"], "Close the logbook at midnight.");
    let table = answer(&harbor(), &args);
    assert!(table.contains("Close the logbook at midnight."), "{table}");
    // A full cache matches a leak pattern but stays a cache; so does a site that never grew.
    let without = report(&harbor(), &["leaks", "one"]);
    assert_eq!(of_class(&with, "leak"), of_class(&without, "leak"));
    assert_eq!(found(&with, CACHE)["class"], found(&without, CACHE)["class"]);
    assert!(suspects(&with).iter().all(|s| s["site"]["function"] != "main.(*radar).see"));
    let classes =
        |report: &Value| suspects(report).iter().map(|s| s["class"].clone()).collect::<Vec<_>>();
    assert_eq!(classes(&with), classes(&without));
}

#[test]
fn a_restart_makes_two_processes_each_judged_for_itself() {
    let all = ask_everything(&harbor(), &["restarted"]);
    assert!(all.warns("several-processes", "from 2 processes"), "{}", all.leaks);
    let processes = all.report["verdict"]["processes"].as_array().unwrap();
    let sizes: Vec<&Value> = processes.iter().map(|process| &process["snapshots"]).collect();
    assert_eq!(sizes, [6, 8]);
    assert_eq!(all.of_class("leak"), [LEAK]);
    let leak = found(&all.report, LEAK);
    assert_eq!(leak["process"], 1);
    assert_eq!(leak["values"].as_array().unwrap().len(), 8);
    // The same without the restart gives the same result as the second process.
    let second: Vec<String> = files("restarted", "heap-").split_off(6);
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    let alone = report(&harbor(), &[&["leaks"], second.as_slice()].concat());
    assert_eq!(found(&alone, LEAK)["values"], leak["values"]);
    assert_eq!(found(&alone, LEAK)["slope_per_hour"], leak["slope_per_hour"]);
    assert_eq!(all.rows["timeline"]["judged"], 1);
}

/// The heap of a process that has 100 MiB, and more with each restart, but never grows while
/// running.
#[test]
fn what_grows_only_from_process_to_process_is_no_leak() {
    use crate::dsl::stack;
    use crate::histories::{MIB, history, snapshot};
    let states: Vec<_> = (0..12)
        .map(|i| {
            let (process, at) = (i / 4, i % 4);
            let held = 100 * (process + 1);
            // Its counter rises within each process, and falls with the next.
            let busy = stack("main.main;main.busy").alloc(1000 * (at + 1), 1000 * (at + 1) * MIB);
            let table = stack("main.main;main.table").inuse(held, held * MIB).sized(MIB);
            snapshot(60 * i, &[table, busy.sized(MIB)])
        })
        .collect();
    let all = ask_everything(&history("three-processes", &states), &["."]);
    assert_eq!(all.report["verdict"]["processes"].as_array().unwrap().len(), 3);
    assert!(all.of_class("leak").is_empty(), "{}", all.leaks);
    assert!(suspects(&all.report).iter().all(|s| s["class"] == "churn"), "{}", all.leaks);
    assert!(all.warns("several-processes", "3 processes"), "{}", all.leaks);
}

#[test]
fn snapshots_without_a_collection_in_between_are_no_evidence() {
    let all = ask_everything(&harbor(), &["repeated"]);
    assert!(all.warns("identical-data", "6 snapshots hold the same data"), "{}", all.leaks);
    let leak = found(&all.report, LEAK);
    assert_eq!(leak["class"], "leak");
    assert_eq!(leak["values"].as_array().unwrap().len(), 6, "{leak:#}");
    let process = &all.report["verdict"]["processes"][0];
    assert_eq!((&process["snapshots"], &process["repeats"]), (&6.into(), &6.into()));
    // Four snapshots and four repeats count as four.
    let few = files("repeated", "heap-0");
    let three: Vec<&str> = few.iter().take(6).map(String::as_str).collect();
    let three = report(&harbor(), &[&["leaks"], three.as_slice()].concat());
    assert!(of_class(&three, "leak").is_empty(), "{three:#}");
    assert_eq!(of_class(&three, "grew").len(), 2, "{three:#}");
    assert!(three["verdict"]["needed"]["snapshots"].as_i64().unwrap() > 0, "{three:#}");
}

#[test]
fn growth_of_a_helper_is_blamed_on_the_caller_that_grows() {
    let three = files("one", "heap-");
    let three: Vec<&str> = [0, 5, 11].map(|i| three[i].as_str()).to_vec();
    let three = report(&harbor(), &[&["leaks"], three.as_slice()].concat());
    assert_eq!(of_class(&three, "grew").first(), Some(&LEAK), "{three:#}");
}

#[test]
fn a_snapshot_that_is_given_twice_counts_once() {
    let here = folder("copies");
    for name in files("restarted", "heap-").split_off(6) {
        let file = Path::new(&name).file_name().unwrap().to_str().unwrap();
        fs::copy(harbor().join(&name), here.join(file)).unwrap();
    }
    let once = report(&here, &["leaks", "."]);
    for name in ["heap-06.pb.gz", "heap-09.pb.gz", "heap-13.pb.gz"] {
        fs::copy(here.join(name), here.join(format!("copy-of-{name}"))).unwrap();
    }
    let twice = ask_everything(&here, &["."]);
    assert!(twice.warns("identical-data", "3 snapshots appear twice"), "{}", twice.leaks);
    // Only the positions of the inputs differ.
    let told = |report: &Value| -> Vec<Value> {
        let mut suspects = suspects(report).to_vec();
        suspects.iter_mut().for_each(|suspect| suspect["shown_by"] = Value::Null);
        suspects
    };
    assert_eq!(told(&twice.report), told(&once));
    assert_eq!(twice.report["verdict"], once["verdict"]);
}

#[test]
fn profiles_of_another_kind_are_named() {
    let said = error(&harbor(), &["leaks", "one", "../cpu/before.pb.gz"]);
    assert!(said.contains("../cpu/before.pb.gz"), "{said}");
}
