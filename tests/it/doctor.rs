//! `heapdiff doctor`: what is missing is named, and what is there isn't.

use super::corpus;
use super::golden;
use super::program::{Said, folder, run};
use super::service::{Reply, Service};
use super::urls;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn doctor(folder: &Path, args: &[&str]) -> Value {
    let said = run(folder, &[&["doctor", "--format", "json", "--quiet"], args].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{args:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

fn ids(list: &Value) -> BTreeSet<String> {
    let id = |one: &Value| one["id"].as_str().or(one.as_str()).unwrap().to_owned();
    list.as_array().unwrap().iter().map(id).collect()
}

/// The gaps of the only subject, and what is fine.
fn found(folder: &Path, args: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let report = doctor(folder, args);
    let [subject] = report["subjects"].as_array().unwrap().as_slice() else { panic!("{report}") };
    let (gaps, fine) = (ids(&subject["gaps"]), ids(&subject["fine"]));
    assert!(gaps.is_disjoint(&fine), "{gaps:?} {fine:?}");
    (gaps, fine)
}

/// Copies files into a new folder, under new names.
fn with(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
    let here = folder(name);
    for (from, to) in files {
        fs::write(here.join(to), corpus::read(from)).unwrap();
    }
    here
}

/// Each gap with inputs that have it, and with inputs that don't.
#[test]
fn each_gap_is_where_it_is_and_nowhere_else() {
    let here = corpus::path("");
    let harbor = "harbor/one";
    let twelve = "verdicts/slice";
    for (id, missing, there) in [
        ("heap", vec!["chat/goroutine-after.pb.gz"], vec!["chat/after.pb.gz"]),
        (
            "rate",
            vec!["--leak", "1KiB", "chat/after.pb.gz"],
            vec!["--leak", "64MiB", "chat/after.pb.gz"],
        ),
        ("whole", vec!["seconds-delta/delta.pb.gz"], vec!["seconds-delta/state.pb.gz"]),
        ("times", vec!["crafted/no-time"], vec![harbor]),
        ("gc", vec!["harbor/repeated"], vec![harbor]),
        ("snapshots", vec!["chat/before.pb.gz", "chat/after.pb.gz"], vec![twelve]),
        ("span", vec!["--leak", "1MiB", harbor], vec!["--leak", "1GiB", harbor]),
        ("one-process", vec!["harbor/restarted"], vec![harbor]),
        ("names", vec!["crafted/no-symbols.pb.gz"], vec!["chat/after.pb.gz"]),
        ("goroutines", vec!["chat/after.pb.gz"], vec![harbor]),
        ("memstats", vec![harbor], vec![harbor, "text-heap/after.txt"]),
        ("gctrace", vec!["chat/after.pb.gz"], vec![harbor]),
        ("limit", vec![harbor], vec!["--limit", "1GiB", harbor]),
        ("paths", vec![harbor], vec![]),
        ("labels", vec![harbor], vec!["goroutine/after.pb.gz"]),
        ("rss", vec![harbor], vec![]),
    ] {
        let (gaps, fine) = found(&here, &missing);
        assert!(gaps.contains(id) && !fine.contains(id), "{id} in {missing:?}: {gaps:?}");
        if !there.is_empty() {
            let (gaps, fine) = found(&here, &there);
            assert!(!gaps.contains(id) && fine.contains(id), "{id} in {there:?}: {gaps:?}");
        }
    }
}

#[test]
fn what_the_system_says_closes_gaps_and_opens_others() {
    let here = with(
        "doctor-system",
        &[("chat/after.pb.gz", "heap.pb.gz"), ("text-heap/after.txt", "heap.txt")],
    );
    fs::write(here.join("rss.csv"), "time,rss\n1795836379,200000000\n").unwrap();
    let (gaps, fine) = found(&here, &["--rss", "rss.csv", "heap.pb.gz"]);
    assert!(fine.contains("rss") && !gaps.contains("rss"), "{gaps:?}");
    // The next collection begins above the limit.
    fs::write(here.join("memory.max"), "1048576\n").unwrap();
    let (gaps, fine) = found(&here, &["heap.txt", "memory.max"]);
    assert!(gaps.contains("gogc") && fine.contains("limit"), "{gaps:?} {fine:?}");
    // Nothing says whether GOMEMLIMIT is set.
    assert!(!gaps.contains("gomemlimit") && !fine.contains("gomemlimit"));
    fs::write(here.join("memory.max"), "17179869184\n").unwrap();
    let (gaps, fine) = found(&here, &["heap.txt", "memory.max"]);
    assert!(!gaps.contains("gogc") && fine.contains("gogc"), "{gaps:?} {fine:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_of_this_machine_is_asked_for_its_limits() {
    let here = corpus::path("");
    let mut sleep = std::process::Command::new("sleep")
        .arg("600")
        .env("GOMEMLIMIT", "3GiB")
        .env("GOGC", "50")
        .spawn()
        .unwrap();
    let pid = sleep.id().to_string();
    let set = found(&here, &["--limit", "2GiB", "--pid", &pid, "chat/after.pb.gz"]);
    let enough = found(&here, &["--limit", "4GiB", "--pid", &pid, "chat/after.pb.gz"]);
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert!(set.0.contains("gomemlimit") && set.1.contains("rss"), "{set:?}");
    assert!(enough.1.contains("gomemlimit"), "{enough:?}");
}

#[test]
fn no_advice_for_go_where_there_is_none() {
    let here = corpus::path("");
    for input in ["crafted/jemalloc", "crafted/java", "crafted/node"] {
        let report = doctor(&here, &[input]);
        let text = report["subjects"][0]["gaps"].to_string();
        for word in ["GODEBUG", "GOMEMLIMIT", "debug/pprof/goroutine", "go build", "pprof.Do"] {
            assert!(!text.contains(word), "{input}: {word} in {text}");
        }
    }
}

#[test]
fn a_contract_that_is_not_met_is_exit_code_1() {
    let here = corpus::path("");
    let ask = |args: &[&str]| run(&here, &[&["doctor"], args].concat());
    let met = ask(&["--require", "heap,goroutines", "harbor/one"]);
    assert_eq!(met.code, Some(0), "{}", met.stderr);
    assert!(met.stdout.contains("required, and there: heap, goroutines"), "{}", met.stdout);
    let broken = ask(&["--require", "heap,labels", "harbor/one"]);
    assert_eq!(broken.code, Some(1));
    assert!(broken.stdout.contains("harbor/one lacks labels"), "{}", broken.stdout);
    // What isn't known to be there isn't there.
    assert_eq!(ask(&["--require", "gomemlimit", "harbor/one"]).code, Some(1));
    assert_eq!(ask(&["--require", "all", "harbor/one"]).code, Some(1));
    let unknown = ask(&["--require", "heaps", "harbor/one"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("expected `all` or some of heap, rate,"), "{}", unknown.stderr);
    let nothing = ask(&[]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("doctor needs a service or inputs"), "{}", nothing.stderr);
}

/// A service that serves what the names say, and nothing else.
fn serving(parts: &'static [(&'static str, &'static str)]) -> Service {
    Service::new(move |_, request| {
        let found = parts.iter().find(|(path, _)| request.starts_with(&format!("GET {path} ")));
        match found {
            Some((_, file)) => Reply::Body(corpus::read(file)),
            None => Reply::Status(404, "Unknown profile"),
        }
    })
}

const HEAP: (&str, &str) = ("/debug/pprof/heap?gc=1", "chat/after.pb.gz");
const GOROUTINES: (&str, &str) = ("/debug/pprof/goroutine", "chat/goroutine-after.pb.gz");
const TEXT: (&str, &str) = ("/debug/pprof/heap?debug=1", "text-heap/after.txt");

fn ask(args: &[&str]) -> Said {
    urls::run_with(&folder("doctor-urls"), &[], &[&["doctor", "--format", "json"], args].concat())
}

#[test]
fn a_service_is_asked_for_its_parts() {
    let whole = serving(&[HEAP, GOROUTINES, TEXT]);
    let said = ask(&[&whole.url("")]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let fine = ids(&report["subjects"][0]["fine"]);
    for id in ["heap", "goroutines", "memstats", "closed", "build"] {
        assert!(fine.contains(id), "{id}: {fine:?}");
    }
    // One moment of it is no recording.
    let gaps = ids(&report["subjects"][0]["gaps"]);
    assert!(!gaps.contains("snapshots") && !gaps.contains("times"), "{gaps:?}");
    assert_eq!(whole.requests().len(), 3);
    let bare = serving(&[HEAP]);
    let said = ask(&[&whole.url(""), &bare.url("/debug/pprof/")]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["subjects"].as_array().unwrap().len(), 2);
    let gaps = report["subjects"][1]["gaps"].as_array().unwrap();
    let of = |id: &str| gaps.iter().find(|gap| gap["id"] == id).unwrap();
    assert!(of("goroutines")["message"].as_str().unwrap().contains("404"), "{gaps:?}");
    assert!(
        of("goroutines")["command"].as_str().unwrap().contains(&bare.url("/debug/pprof/goroutine")),
        "{gaps:?}"
    );
    let none = serving(&[GOROUTINES]);
    let said = ask(&[&none.url("")]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("404"), "{}", said.stderr);
}

#[test]
fn files_beside_one_service_are_about_it() {
    let service = serving(&[HEAP, GOROUTINES, TEXT]);
    let log = corpus::path("collector/healthy.log");
    let said = ask(&[&service.url(""), log.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["subjects"].as_array().unwrap().len(), 1);
    assert!(ids(&report["subjects"][0]["fine"]).contains("gctrace"));
}

#[test]
fn secrets_are_in_no_answer() {
    let service = serving(&[HEAP]);
    let here = folder("doctor-secrets");
    for format in ["table", "json", "csv", "markdown"] {
        let url = service.url("/?token=hunter2");
        let said = urls::run_with(
            &here,
            &[("HEAPDIFF_TOKEN", "swordfish")],
            &["doctor", "--format", format, &url],
        );
        for secret in ["hunter2", "swordfish"] {
            assert!(
                !said.stdout.contains(secret) && !said.stderr.contains(secret),
                "{format}: {}{}",
                said.stdout,
                said.stderr
            );
        }
    }
}

/// A leak of the size that a single snapshot promises to show is found in recordings of that rate.
#[test]
fn the_reach_of_one_snapshot_is_that_of_a_recording() {
    let here = corpus::path("");
    let growth = |args: &[&str]| {
        let report = doctor(&here, args);
        report["subjects"][0]["reach"]["growth"].as_f64().unwrap()
    };
    let planned = growth(&["verdicts/slice/heap-11.pb.gz"]);
    let seen = growth(&["verdicts/slice"]);
    assert!((0.5..=2.0).contains(&(planned / seen)), "{planned} {seen}");
}

#[test]
fn the_text_is_as_it_was() {
    let here = corpus::path("");
    for (name, args) in [
        ("doctor_recording", vec!["--width", "80", "--leak", "1MiB", "harbor/one"]),
        ("doctor_profile", vec!["--width", "100", "--limit", "256MiB", "chat/after.pb.gz"]),
        ("doctor_markdown", vec!["--format", "markdown", "--require", "rss", "harbor/one"]),
    ] {
        let said = run(&here, &[&["doctor"][..], &args].concat());
        golden::check(&format!("tests/golden/{name}.txt"), &said.stdout);
    }
}

/// A contract that can't be met holds nobody to anything.
#[test]
fn all_is_what_can_be_known_and_can_be_had() {
    let here = corpus::path("");
    let require = |ids: &str, inputs: &[&str]| {
        let options = ["doctor", "--format=json", "--quiet", "--require", ids];
        let said = run(&here, &[&options[..], inputs].concat());
        let report: Value = serde_json::from_str(&said.stdout).unwrap();
        (said.code, report)
    };
    let (code, report) = require("all", &["harbor/one"]);
    let subject = &report["subjects"][0];
    assert_eq!((code, ids(&subject["lacking"])), (Some(1), ids(&subject["gaps"])));
    let known: BTreeSet<String> =
        ids(&subject["gaps"]).union(&ids(&subject["fine"])).cloned().collect();
    assert_eq!(ids(&report["required"]), known);
    assert!(!known.contains("closed"), "no service was asked");
    // What isn't known is missing if it is named.
    let (code, report) = require("all,closed", &["harbor/one"]);
    assert!(code == Some(1) && ids(&report["subjects"][0]["lacking"]).contains("closed"));
    let said = run(&here, &["doctor", "--require", "rate,speed", "harbor/one"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("speed") && said.stderr.contains("heap, rate"), "{}", said.stderr);
}
