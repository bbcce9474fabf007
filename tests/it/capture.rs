//! `heapdiff capture` against services that answer as told: what is kept, what the manifest says, and how each fault is
//! named.

use super::corpus;
use super::program::folder;
use super::random::Random;
use super::service::{Reply, Service};
use super::urls::{program, run_with};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Snapshots of a process, in order.
pub(crate) fn heaps(process: &str) -> Vec<Vec<u8>> {
    (0..12).map(|i| corpus::read(&format!("{process}/heap-{i:02}.pb.gz"))).collect()
}

/// Memory statistics as a service has them.
const STATISTICS: &str = r#"{"Alloc":4000000,"HeapAlloc":4000000,"HeapIdle":2000000,"HeapInuse":5000000,
    "HeapReleased":1000000,"HeapSys":7000000,"NumGC":9,"StackInuse":300000,"Sys":12000000}"#;

/// A service that serves snapshots one after another, as `change` has them.
pub(crate) fn serving(
    heaps: Vec<Vec<u8>>,
    change: impl Fn(usize, Reply) -> Reply + Send + 'static,
) -> Service {
    let taken = AtomicUsize::new(0);
    let goroutines = corpus::read("goroutine/after.pb.gz");
    Service::new(move |_, request| {
        let path = request.split_whitespace().nth(1).unwrap();
        match path.split('?').next().unwrap() {
            "/debug/pprof/heap" if path.ends_with("debug=1") => Reply::Status(404, "no text"),
            "/debug/pprof/heap" => {
                let number = taken.fetch_add(1, Ordering::SeqCst);
                change(number, Reply::Body(heaps[number % heaps.len()].clone()))
            }
            "/debug/pprof/goroutine" => Reply::Body(goroutines.clone()),
            "/debug/vars" => {
                Reply::Body(format!(r#"{{"cmdline":["x"],"memstats":{STATISTICS}}}"#).into_bytes())
            }
            _ => Reply::Status(404, "not here"),
        }
    })
}

/// The files of a folder that aren't hidden, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// Names and sizes of the files that a manifest lists.
fn listed(manifest: &Value, kind: &str) -> Vec<(String, u64)> {
    let shots = manifest["shots"].as_array().unwrap();
    let files = shots.iter().flat_map(|shot| shot["files"].as_array().unwrap());
    files
        .filter(|file| file["kind"] == kind)
        .map(|f| (f["file"].as_str().unwrap().to_owned(), f["bytes"].as_u64().unwrap()))
        .collect()
}

/// Checks that the files of a folder are those of its manifest, whole.
fn is_true(folder: &Path) {
    let manifest = manifest(folder);
    let mut there = files(folder);
    assert!(there.remove("manifest.json").is_some());
    for kind in ["heap", "goroutine", "memstats"] {
        for (name, bytes) in listed(&manifest, kind) {
            let file = there.remove(&name).unwrap_or_else(|| panic!("{name} isn't there"));
            assert_eq!(file.len() as u64, bytes, "{name}");
        }
    }
    assert!(there.is_empty(), "not in the manifest: {:?}", there.keys());
}

#[test]
fn snapshots_are_kept_as_they_come_and_judged_as_leaks_does() {
    let home = folder("capture");
    let service = serving(heaps("harbor/one"), |_, reply| reply);
    let args = ["capture", &service.url(""), "--every=20ms", "--count=12", "-o", "out"];
    let said = run_with(&home, &[], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let out = home.join("out");
    is_true(&out);
    let manifest = manifest(&out);
    assert_eq!(
        (&manifest["schema"], &manifest["ended"]),
        (&"heapdiff.capture/v1".into(), &"count".into())
    );
    let names = listed(&manifest, "heap");
    let kept: Vec<Vec<u8>> = names.iter().map(|(n, _)| fs::read(out.join(n)).unwrap()).collect();
    assert_eq!(kept, heaps("harbor/one"));
    let there = files(&out);
    let statistics = there.iter().find(|(name, _)| name.starts_with("memstats-")).unwrap();
    let statistics: Value = serde_json::from_slice(statistics.1).unwrap();
    let expected: Value = serde_json::from_str(STATISTICS).unwrap();
    assert_eq!(statistics, expected, "the command line stays there");
    assert_eq!(said.stdout, run_with(&home, &[], &["leaks", "out"]).stdout);
    let lines = said.stderr.lines().filter(|line| !line.contains("one every"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines[0].starts_with("1 of 12  http://127.0.0.1:"), "{}", said.stderr);
    assert!(lines.iter().any(|line| line.contains("leak")), "{}", said.stderr);
    assert!(lines[12].contains(": 12 snapshots, "), "{}", said.stderr);
    // Once more into the same folder: nothing is replaced.
    let before = files(&out);
    assert_eq!(run_with(&home, &[], &args).code, Some(0));
    let after = files(&out);
    for (name, bytes) in before.iter().filter(|(name, _)| *name != "manifest.json") {
        assert_eq!(after.get(name), Some(bytes), "{name}");
    }
    assert_eq!(after.len(), 2 * before.len() - 1);
}

#[test]
fn each_fault_is_named_and_nothing_is_lost() {
    let home = folder("capture-faults");
    let heap = corpus::read("rate1/before.pb.gz");
    let half = heap.len() / 2;
    let service = serving(heaps("harbor/one"), move |number, reply| match number {
        1 => Reply::Status(500, "out of order"),
        2 => Reply::Cut(heap.clone(), half),
        3 => Reply::CutChunk(heap.clone(), half),
        4 => Reply::Redirect("https://login.example.com/".to_owned()),
        5 => Reply::Typed("text/html", b"<html><title>Sign in</title>".to_vec()),
        6 => Reply::Close,
        7 => Reply::Stall(heap.clone(), half),
        8 => Reply::Status(400, "profile duration exceeds server's WriteTimeout"),
        // What can't be read is asked for once more.
        9 | 10 => Reply::Body(corpus::read("goroutine/after.pb.gz")),
        11..=13 => Reply::Body(heap[..half].to_vec()),
        15 => Reply::Late(Duration::from_millis(100), heap.clone()),
        _ => reply,
    });
    let url = service.url("");
    let options = ["--every=10ms", "--count=13", "--http-retries=0", "--http-timeout=500ms"];
    let said =
        run_with(&home, &[], &[&["capture", &url, "-o=out", "--no-report"], &options[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    is_true(&home.join("out"));
    let manifest = manifest(&home.join("out"));
    let shots = manifest["shots"].as_array().unwrap();
    assert_eq!(shots.len(), 13);
    let error =
        |shot: usize| shots[shot]["failed"][0]["error"].as_str().unwrap_or("none").to_owned();
    for (shot, words) in [
        (1, "500 Internal Server Error (out of order)"),
        (2, "the connection broke after"),
        (3, "the connection broke after"),
        (4, "redirects to https://login.example.com/"),
        (5, "an HTML page (Sign in)"),
        (6, "the connection broke after 0 bytes"),
        (7, "it stalls"),
        (8, "exceeds server's WriteTimeout"),
        (9, "a profile of goroutine instead"),
        (10, "cut off"),
    ] {
        assert!(error(shot).contains(words), "shot {shot}: {}", error(shot));
        assert_eq!(listed_in(&shots[shot]), 0, "what failed is no file");
        assert!(said.stderr.contains(words), "`{words}` is not said: {}", said.stderr);
    }
    assert!([0, 11, 12].into_iter().all(|shot| error(shot) == "none"), "{manifest}");
    let retries = shots[11]["files"][0]["retries"].to_string();
    assert!(retries.contains("cut off"), "a second try helped: {retries}");
}

fn listed_in(shot: &Value) -> usize {
    shot["files"].as_array().unwrap().len()
}

#[test]
fn restarts_and_load_balancers_are_told_apart() {
    let home = folder("capture-processes");
    let (one, two) = (heaps("harbor/one"), heaps("harbor/restarted"));
    let turns: Vec<_> = one.iter().zip(&two).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let restart = [&one[..5], &two[..5]].concat();
    for (name, heaps, count, expected) in [
        ("turns", turns, "8", "2 processes answer in turns"),
        ("restart", restart, "10", "the service was restarted 1 time"),
        ("one", one, "10", ""),
    ] {
        let service = serving(heaps, |_, reply| reply);
        let count = format!("--count={count}");
        let args = ["capture", &service.url(""), "--every=10ms", &count, "-o", name, "--no-report"];
        let said = run_with(&home, &[], &args);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let faults = manifest(&home.join(name))["faults"].clone();
        let faults = faults.as_array().unwrap();
        assert_eq!(faults.len(), usize::from(!expected.is_empty()), "{name}: {faults:?}");
        if let [fault] = faults.as_slice() {
            let fault = fault.as_str().unwrap();
            assert!(fault.contains(expected) && said.stderr.contains(fault), "{name}: {fault}");
        }
    }
}

#[test]
fn mistakes_are_refused_before_anything_is_kept() {
    let home = folder("capture-mistakes");
    let refuses = Service::new(|_, _| Reply::Status(404, "not here"));
    let url = refuses.url("");
    for (args, words) in [
        (&["capture"][..], "capture needs a service"),
        (&["capture", &url, "-o", "out"], "404 Not Found (not here); check the path"),
        (&["capture", "http://h:1/debug/pprof/heap?seconds=5"], "asks for the difference"),
        (&["capture", "http://me:pw@h:1/"], "a user name or password"),
        (&["capture", &url, "--every=0s"], "expected a time such as 30s"),
        (&["capture", &url, "--count=0"], "0 is not in 1.."),
        (&["capture", &url, "--pid=999999999"], "no such process"),
        (&["capture", &url, &url, "--pid=1"], "one service"),
        (&["capture", &url, "-o", "taken"], "taken"),
    ] {
        fs::write(home.join("taken"), "a file").unwrap();
        let said = run_with(&home, &[], args);
        assert_eq!(said.code, Some(2), "{args:?}");
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
        assert!(said.stdout.is_empty());
        let there: Vec<String> = files(&home).into_keys().collect();
        assert_eq!(there, ["taken"], "{args:?}");
    }
}

#[test]
fn whenever_it_ends_files_are_whole_or_absent() {
    let home = folder("capture-signals");
    let service = serving(heaps("harbor/one"), |number, reply| match (number % 3, reply) {
        (1, Reply::Body(body)) => Reply::Late(Duration::from_millis(15), body),
        (_, reply) => reply,
    });
    let url = service.url("");
    let mut random = Random(18);
    for (number, signal) in ["INT", "TERM", "KILL"].into_iter().cycle().take(30).enumerate() {
        let name = format!("{number}-{signal}");
        let args = ["capture", &url, "--every=5ms", "--count=1000", "--no-report", "-o", &name];
        let mut child = program(&home, &args).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(20 + random.below(300) as u64));
        let id = child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap();
        assert!(sent.success());
        let ended = child.wait().unwrap();
        let out = home.join(&name);
        if !out.exists() {
            continue;
        }
        if signal == "KILL" {
            // What isn't whole has a hidden name, and what is whole may be missing in the manifest.
            let there = files(&out);
            let visible = there.iter().filter(|(name, _)| name.ends_with(".pb.gz"));
            for (name, bytes) in visible.filter(|(name, _)| !name.starts_with('.')) {
                assert!(heapdiff::input::read_profile(&bytes[..]).is_ok(), "{name}");
            }
            if let Some(text) = there.get("manifest.json") {
                assert!(serde_json::from_slice::<Value>(text).is_ok());
            }
            continue;
        }
        // A signal before the handler is there ends it as usual.
        if ended.code() == Some(0) {
            is_true(&out);
            assert_eq!(manifest(&out)["ended"], "interrupted");
        } else {
            assert_eq!(ended.code(), None, "{name}");
        }
    }
}

#[test]
fn a_folder_that_goes_away_is_named() {
    let home = folder("capture-gone");
    let out = home.join("out");
    let service = serving(heaps("harbor/one"), move |number, reply| {
        if number == 2 {
            fs::remove_dir_all(&out).unwrap();
        }
        reply
    });
    let args = ["capture", &service.url(""), "--every=10ms", "--count=9", "-o", "out"];
    let said = run_with(&home, &[], &args);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("can't write to out: No such file"), "{}", said.stderr);
}

#[test]
fn a_disk_that_is_full_is_named() {
    let home = folder("capture-full");
    let disk = home.join("disk");
    fs::create_dir(&disk).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&disk).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        println!("skipped: this user can't mount a small disk");
        return;
    }
    let service = serving(heaps("harbor/one"), |_, reply| reply);
    let args = ["capture", &service.url(""), "--every=10ms", "--count=99", "-o", "disk/out"];
    let said = run_with(&home, &[], &args);
    let there = files(&disk.join("out"));
    Command::new("umount").arg(&disk).status().unwrap();
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("can't write to disk/out: No space left"), "{}", said.stderr);
    let profiles = there.iter().filter(|(name, _)| name.ends_with(".pb.gz"));
    assert!(
        there.len() > 2 && there.keys().all(|name| !name.starts_with('.')),
        "{:?}",
        there.keys()
    );
    for (name, bytes) in profiles {
        assert!(heapdiff::input::read_profile(&bytes[..]).is_ok(), "{name}");
    }
}

#[test]
fn secrets_are_in_no_file() {
    let home = folder("capture-secrets");
    let inner = heaps("harbor/one");
    let service = Service::new(move |number, request| {
        if request.to_ascii_lowercase().contains("authorization: bearer s3cret") {
            Reply::Body(inner[number % 12].clone())
        } else {
            Reply::Status(401, "no")
        }
    });
    let url = service.url("/debug/pprof/heap?token=s3cret");
    let args = ["capture", &url, "--every=10ms", "--count=3", "--no-goroutines", "--no-memstats"];
    let said = run_with(&home, &[("HEAPDIFF_TOKEN", "s3cret")], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!said.stdout.contains("s3cret") && !said.stderr.contains("s3cret"), "{}", said.stderr);
    let folders: Vec<_> = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1);
    assert!(!folders[0].to_string_lossy().contains("s3cret"));
    for (name, bytes) in files(&folders[0]) {
        let has = bytes.windows(6).any(|window| window == b"s3cret");
        assert!(!has && !name.contains("s3cret"), "{name}");
    }
}
