//! `heapdiff gc LOG INPUT...`: what other inputs of the process say beside its log.

use super::corpus;
use super::program::{folder, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn json(folder: &Path, args: &[&str]) -> Value {
    let said = run(folder, &[args, &["--format", "json", "--quiet"]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{args:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

fn findings(report: &Value) -> Vec<&Value> {
    let processes = report["processes"].as_array().unwrap().iter();
    processes.flat_map(|process| process["findings"].as_array().unwrap()).collect()
}

fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    findings(report).into_iter().find(|one| one["id"] == id).unwrap()
}

fn bytes(allocated: &Value) -> i64 {
    allocated["bytes"].as_i64().unwrap()
}

/// What was allocated is what `diff` says, and the shares add up.
#[test]
fn what_allocates_adds_up_to_what_was_allocated() {
    let here = corpus::path("");
    let log = "collector/churn-tree.log";
    let mut folders = 0;
    for folder in [
        "harbor/one",
        "verdicts/churn",
        "verdicts/slice",
        "verdicts/cache",
        "verdicts/ticker",
        "verdicts/sessions",
        "moves/renew",
        "moves/users",
        "moves/tickers",
        "moves/drop-late",
        "moves/writers",
    ] {
        let heaps: Vec<String> = corpus::files(&here.join(folder))
            .iter()
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("heap-") && name.ends_with(".pb.gz"))
            .map(|name| format!("{folder}/{name}"))
            .collect();
        let (first, last) = (heaps.first().unwrap().as_str(), heaps.last().unwrap().as_str());
        let report = json(&here, &["gc", log, first, last]);
        let allocated = &report["beside"]["allocated"];
        let diff = json(&here, &["diff", first, last]);
        let totals = diff["totals"].as_array().unwrap();
        let total = totals.iter().find(|total| total["sample_type"] == "alloc_space").unwrap();
        // Less what the profiler itself allocated.
        let whole = total["delta"].as_i64().unwrap();
        assert!(bytes(allocated) <= whole, "{folder}: {allocated} of {whole}");
        let by_cum = json(
            &here,
            &["diff", "-sample_index=alloc_space", "-cum", "-n", "0", "--all", first, last],
        );
        let rows = by_cum["diff"]["rows"].as_array().unwrap();
        let most = &allocated["sites"][0];
        let row = rows.iter().find(|row| row["name"] == most["function"]).unwrap();
        assert!(most["bytes"]["estimate"].as_i64() <= row["delta"]["cum"].as_i64(), "{most} {row}");
        let sites = allocated["sites"].as_array().unwrap();
        let values: Vec<i64> =
            sites.iter().map(|site| site["bytes"]["estimate"].as_i64().unwrap()).collect();
        assert!(values.is_sorted_by(|a, b| a >= b) && !values.is_empty(), "{folder}: {values:?}");
        assert!(values.iter().sum::<i64>() <= bytes(allocated));
        for site in sites {
            let bytes = &site["bytes"];
            assert!(
                bytes["lower"].as_i64() <= bytes["estimate"].as_i64()
                    && bytes["estimate"].as_i64() <= bytes["upper"].as_i64()
            );
        }
        assert_eq!(allocated["since_start"], false);
        folders += 1;
    }
    assert_eq!(folders, 11);
}

#[test]
fn one_profile_says_what_was_allocated_since_the_start() {
    let here = corpus::path("");
    let report = json(&here, &["gc", "collector/churn-tree.log", "verdicts/churn/heap-11.pb.gz"]);
    let allocated = &report["beside"]["allocated"];
    assert_eq!(allocated["since_start"], true);
    assert!(allocated["seconds"].is_null() && report["beside"]["leaks"].is_null());
    let top = json(&here, &["top", "verdicts/churn/heap-11.pb.gz"]);
    let totals = top["totals"].as_array().unwrap();
    let whole = totals.iter().find(|total| total["sample_type"] == "alloc_space").unwrap();
    let whole = whole["after"].as_i64().unwrap();
    assert!(bytes(allocated) <= whole && bytes(allocated) > 0, "{allocated} of {whole}");
}

#[test]
fn findings_name_the_code() {
    let here = corpus::path("");
    let churn = json(&here, &["gc", "collector/churn-tree.log", "verdicts/churn"]);
    let first = &churn["beside"]["allocated"]["sites"][0];
    let evidence = finding(&churn, "G2")["evidence"].to_string();
    assert!(evidence.contains(first["function"].as_str().unwrap()), "{evidence}");
    assert!(evidence.contains("allocates"), "{evidence}");
    let leak = json(&here, &["gc", "collector/leak.log", "verdicts/slice"]);
    let evidence = finding(&leak, "G1")["evidence"].to_string();
    let named = leak["beside"]["leaks"][0]["function"].as_str().unwrap();
    assert!(evidence.contains(named), "{named}: {evidence}");
    let said = run(&here, &["gc", "collector/churn-tree.log", "verdicts/churn"]);
    assert!(
        said.stdout.contains("Allocated in 5.")
            && said.stdout.contains("By the profiles, nothing leaks."),
        "{}",
        said.stdout
    );
    let said =
        run(&here, &["gc", "--format", "markdown", "collector/churn-tree.log", "verdicts/churn"]);
    assert!(said.stdout.contains("| allocated | share | function |"), "{}", said.stdout);
}

/// What leaks is what `leaks` says, in all recordings.
#[test]
fn the_leaks_are_those_of_leaks() {
    let mut seen = 0;
    let log = corpus::path("collector/healthy.log");
    let here = folder("gc-beside-leaks");
    for recording in corpus::recordings().into_iter().step_by(5) {
        let Some(recording) = recording.to_str().map(str::to_owned) else { continue };
        let report = json(&here, &["gc", log.to_str().unwrap(), &recording]);
        let said = json(&here, &["leaks", "-n", "0", &recording, log.to_str().unwrap()]);
        let of = |list: &Value, is_leak: bool| -> Vec<String> {
            let all =
                list.as_array().unwrap().iter().filter(|one| !is_leak || one["class"] == "leak");
            all.map(|one| {
                let site = if is_leak { &one["site"] } else { one };
                format!("{}:{}", site["function"], site["line"])
            })
            .collect()
        };
        assert_eq!(
            of(&report["beside"]["leaks"], false),
            of(&said["suspects"], true),
            "{recording}"
        );
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn samples_of_memory_bring_their_rules() {
    let here = folder("gc-beside-memory");
    let mut rows = "time,rss,anon\n".to_owned();
    for n in 0..20 {
        let (time, rss) = (1_795_836_379 + 60 * n, 20_000_000 + 10_000_000 * n);
        let _ = writeln!(rows, "{time},{rss},19000000");
    }
    fs::write(here.join("rss.csv"), rows).unwrap();
    let log = corpus::path("collector/healthy.log");
    let log = log.to_str().unwrap();
    for args in [&["gc", log, "rss.csv"][..], &["gc", "--rss", "rss.csv", log]] {
        let report = json(&here, args);
        let beside = &report["beside"];
        assert_eq!(beside["inputs"][0]["name"], "rss.csv", "{beside}");
        assert!(beside["allocated"].is_null() && beside["leaks"].is_null());
    }
    // The same rules as memory's.
    let alone = json(&here, &["memory", log, "rss.csv"]);
    let both = json(&here, &["gc", log, "rss.csv"]);
    assert_eq!(alone["memory"]["findings"], both["beside"]["memory"]);
}

#[test]
fn inputs_without_a_log_are_an_error() {
    let here = corpus::path("");
    let said = run(&here, &["gc", "chat/after.pb.gz"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("chat/after.pb.gz"), "{}", said.stderr);
    let said = run(&here, &["gc", "--at", "2026-11-28T00:00:00Z", "collector/healthy.log"]);
    assert_eq!(said.code, Some(2), "{}", said.stdout);
}

/// A service that churns: what allocates most is what its truth names.
#[test]
fn what_a_recorded_service_churns_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/leakbench/recordings/json-deep-copy-churn");
    if !folder.exists() {
        println!("skipped: no recordings in ../shared");
        return;
    }
    let truth: Value =
        serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let report = json(&folder, &["gc", "."]);
    let sites = report["beside"]["allocated"]["sites"].as_array().unwrap();
    assert!(!sites.is_empty(), "{truth} {report}");
    assert!(
        report["beside"]["leaks"].as_array().is_some_and(Vec::is_empty),
        "{}",
        report["beside"]["leaks"]
    );
}
