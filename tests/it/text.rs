//! Profiles in text behave like any other: in every command, next to profiles in protobuf, and through time.

use super::corpus;
use super::program::{folder, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn json(folder: &Path, args: &[&str]) -> Value {
    let said = run(folder, &[args, &["--format", "json"]].concat());
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

fn table(folder: &Path, args: &[&str]) -> String {
    let said = run(folder, &[args, &["--width", "200"]].concat());
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    said.stdout
}

fn warnings(report: &Value) -> String {
    let messages = report["warnings"].as_array().unwrap().iter();
    messages.map(|warning| warning["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A heap of Go in text: `main.keep` holds so many objects of 64 KiB, and `main.steady` a thousand of 1 KiB. The last
/// collection was so many seconds after a start.
fn heap(kept: usize, seconds: usize) -> String {
    let (objects, bytes) = (kept + 1000, kept * 65_536 + 1000 * 1024);
    let mut text = format!("heap profile: {objects}: {bytes} [2: 3] @ heap/1048576\n");
    for (count, size, address, function) in
        [(kept, 65_536, 0x40_1000, "main.keep"), (1000, 1024, 0x40_2000, "main.steady")]
    {
        let (bytes, made) = (count * size, count + kept + seconds);
        let allocated = made * size;
        let (call, main) = (address - 1, 0x40_3000 - 1);
        writeln!(
            text,
            "{count}: {bytes} [{made}: {allocated}] @ 0x400100 {address:#x} 0x403000 0x400900\n\
             #\t{call:#x}\t{function}+0x1\t\t/app/keep.go:7\n\
             #\t{main:#x}\tmain.main+0x10\t/app/main.go:9\n"
        )
        .unwrap();
    }
    let at = 1_760_000_000 + seconds;
    writeln!(
        text,
        "\n# runtime.MemStats\n# HeapInuse = {kept}\n# Stack = 3 / 4\n# LastGC = {at}000000000"
    )
    .unwrap();
    text
}

/// The goroutines of Go in text: so many wait in `main.wait`.
fn goroutines(waiting: usize) -> String {
    format!(
        "goroutine profile: total {}\n{waiting} @ 0x400100 0x400200 0x405000 0x400900\n# labels: {{\"room\":\"a, \\\"b\\\"\"}}\n\
         #\t0x404fff\tmain.wait+0x1\t/app/wait.go:3\n\n1 @ 0x400900\n",
        waiting + 1
    )
}

#[test]
fn text_has_the_rows_that_protobuf_has() {
    let here = corpus::path("");
    for sample_type in ["inuse_space", "inuse_objects", "alloc_space", "alloc_objects"] {
        let option = format!("-sample_index={sample_type}");
        for name in ["before", "after"] {
            let [text, binary] = [format!("text-heap/{name}.txt"), format!("allocs/{name}.pb.gz")]
                .map(|file| json(&here, &["top", &file, &option, "-n", "0"]));
            assert_eq!(text["top"]["rows"], binary["top"]["rows"], "{name} {sample_type}");
            assert_eq!(text["totals"], binary["totals"], "{name} {sample_type}");
        }
    }
    let pair = ["allocs/before.pb.gz", "text-heap/after.txt", "-inuse_space"];
    let report = json(&here, &[&["diff"], &pair[..]].concat());
    assert_eq!(report["comparison"]["process"], "unknown");
    assert!(report["comparison"]["process_reasons"].to_string().contains("is in text"), "{report}");
    assert!(table(&here, &pair).contains("Nothing changed."));
}

#[test]
fn every_command_reads_text() {
    let here = folder("text-commands");
    fs::write(here.join("a.txt"), heap(10, 0)).unwrap();
    fs::write(here.join("b.txt"), heap(500, 60)).unwrap();
    let both = ["a.txt", "b.txt"];
    let diff = table(&here, &both);
    assert!(
        diff.contains("1 min apart") && diff.contains("times of the last collections"),
        "{diff}"
    );
    assert!(diff.contains("main.keep"), "{diff}");
    for command in [
        &["top", "b.txt"][..],
        &["refs", "keep", "a.txt", "b.txt"],
        &["peek", "keep", "a.txt", "b.txt"],
        &["tree", "b.txt"],
        &["traces", "b.txt"],
        &["timeline", "a.txt", "b.txt"],
        &["leaks", "a.txt", "b.txt"],
        &["check", "--max-growth", "1GiB", "a.txt", "b.txt"],
    ] {
        let said = table(&here, command);
        assert!(said.contains("main.keep") || command[0] == "check", "{command:?}: {said}");
        // What Go leaves out isn't there under an address.
        assert!(!said.contains("0x400") && !said.contains("goexit"), "{command:?}: {said}");
    }
    let graph = run(&here, &["graph", "a.txt", "b.txt", "-o", "g.dot"]);
    assert_eq!(graph.code, Some(0), "{}", graph.stderr);
    assert_eq!(run(&here, &["convert", "b.txt", "-o", "b.pb"]).code, Some(0));
    assert_eq!(json(&here, &["top", "b.pb"])["top"], json(&here, &["top", "b.txt"])["top"]);
}

#[test]
fn a_heap_says_what_the_runtime_does() {
    let here = folder("text-statistics");
    fs::write(here.join("a.txt"), heap(10, 5)).unwrap();
    let report = json(&here, &["top", "a.txt"]);
    let input = &report["inputs"][0];
    assert_eq!(input["time_source"], "last-collection");
    assert_eq!(input["time"], "2025-10-09T08:53:25Z");
    let numbers = &input["memory_statistics"]["numbers"];
    assert_eq!((&numbers["HeapInuse"], &numbers["StackSys"]), (&10.into(), &4.into()));
    let said = table(&here, &["top", "a.txt"]);
    assert!(said.contains("as of the collection at 2025-10-09T08:53:25Z"), "{said}");
}

#[test]
fn a_text_without_its_end_says_so() {
    let here = folder("text-cut");
    let whole = heap(10, 5);
    let places = [
        whole.len(),
        whole.rfind("#\t").unwrap(),
        whole.rfind("1000: ").unwrap(),
        whole.find('\n').unwrap() + 1,
    ];
    for (place, is_cut) in places.into_iter().zip([false, false, true, true]) {
        fs::write(here.join("a.txt"), &whole[..place]).unwrap();
        let said = table(&here, &["top", "a.txt"]);
        assert_eq!(said.contains("its end seems to be missing"), is_cut, "{place}: {said}");
    }
    fs::write(here.join("g.txt"), "goroutine profile: total 3\n2 @ 0x10\n").unwrap();
    assert!(table(&here, &["top", "g.txt"]).contains("its end seems to be missing"));
}

#[test]
fn a_name_may_have_the_time() {
    let here = folder("text-names");
    for (minute, waiting) in [(1, 10), (2, 400), (3, 800), (4, 1200), (5, 1600)] {
        let name = format!("goroutine-20260102T03{minute:02}00Z.txt");
        fs::write(here.join(name), goroutines(waiting)).unwrap();
    }
    let said = table(&here, &["leaks", "."]);
    assert!(said.contains("2026-01-02 03:01:00 … 03:05:00 UTC"), "{said}");
    assert!(said.contains("times from the names of the files"), "{said}");
    assert!(said.contains("main.wait"), "{said}");
    let one = "goroutine-20260102T030500Z.txt";
    let report = json(&here, &["top", one]);
    assert_eq!(report["inputs"][0]["time_source"], "file-name");
    assert_eq!(report["totals"][0]["after"], 1601);
    assert_eq!(report["top"]["places"]["counts"][0]["waits_for"], "the runtime");
    // The goroutine that hasn't run yet is in runtime.goexit, and all are in a place.
    let rows = report["top"]["rows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["name"] == "runtime.goexit"), "{rows:?}");
    let tags = table(&here, &["tags", one]);
    assert!(tags.contains("room") && tags.contains("a, \"b\""), "{tags}");
    // Without a time in the name there is none.
    fs::write(here.join("other.txt"), goroutines(3)).unwrap();
    let report = json(&here, &["top", "other.txt"]);
    assert!(report["inputs"][0]["time"].is_null() && report["inputs"][0]["time_source"].is_null());
}

#[test]
fn addresses_without_names_have_rows() {
    let here = folder("text-addresses");
    let text = "goroutine profile: total 3\n2 @ 0x400100 0x405000\n1 @ 0x400200\n";
    fs::write(here.join("a.txt"), text).unwrap();
    let said = table(&here, &["top", "a.txt"]);
    assert!(said.contains("0x4000ff") && said.contains("0x4001ff"), "{said}");
    let maps = "heap profile: 1: 10 [1: 10] @ heapprofile\n1: 10 [1: 10] @ 0x400101 0x500001\n\
                MAPPED_LIBRARIES:\n00400000-00410000 r-xp 00001000 08:01 7 /opt/app\n";
    fs::write(here.join("b.heap"), maps).unwrap();
    let said = table(&here, &["top", "b.heap"]);
    assert!(said.contains("app+0x1100") && said.contains("0x500000"), "{said}");
}

#[test]
fn text_next_to_protobuf_is_not_counted_twice() {
    let here = folder("text-twice");
    let from = corpus::path("verdicts/slice");
    for name in fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().file_name()) {
        fs::copy(from.join(&name), here.join(&name)).unwrap();
    }
    fs::remove_file(here.join("truth.json")).unwrap();
    let with_text = json(&here, &["leaks", "."]);
    let aside = warnings(&with_text);
    assert!(aside.contains("and not counted twice; at most what those lack is used"), "{aside}");
    assert!(!aside.contains("only MemStats"), "goroutine dumps have none: {aside}");
    assert!(aside.contains("heap-debug1.txt.gz"), "{aside}");
    // A shell expands a glob to names.
    let names = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    let named: Vec<&str> =
        std::iter::once("leaks").chain(names.iter().map(String::as_str)).collect();
    let named = json(&here, &named);
    let aside = warnings(&named);
    assert!(aside.contains("1 snapshot is in text and left out"), "{aside}");
    fs::remove_file(here.join("heap-debug1.txt.gz")).unwrap();
    let without = json(&here, &["leaks", "."]);
    let texts = |report: &Value| {
        let suspects = report["suspects"].as_array().unwrap().iter();
        suspects.map(|one| one["explanation"].to_string()).collect::<Vec<_>>()
    };
    assert!(!texts(&without).is_empty());
    assert_eq!(texts(&with_text), texts(&without));
    assert_eq!(texts(&named), texts(&without));
    assert_eq!(named["verdict"], without["verdict"]);
}

#[test]
fn text_in_a_folder_of_its_own_is_read() {
    let here = folder("text-apart");
    fs::create_dir(here.join("text")).unwrap();
    fs::create_dir(here.join("both")).unwrap();
    fs::write(here.join("before.pb.gz"), corpus::read("allocs/before.pb.gz")).unwrap();
    fs::write(here.join("both/before.pb.gz"), corpus::read("allocs/before.pb.gz")).unwrap();
    for folder in ["text", "both"] {
        let to = here.join(folder).join("after.txt");
        fs::write(to, corpus::read("text-heap/after.txt")).unwrap();
    }
    let names = |args: &[&str]| {
        let report = json(&here, args);
        let inputs = report["inputs"].as_array().unwrap().iter();
        inputs.map(|one| one["name"].as_str().unwrap().replace('\\', "/")).collect::<Vec<_>>()
    };
    assert_eq!(names(&["before.pb.gz", "text"]), ["before.pb.gz", "text/after.txt"]);
    assert_eq!(names(&["both"]), ["both/before.pb.gz"]);
    assert_eq!(names(&["both", "both/after.txt"]), ["both/before.pb.gz", "both/after.txt"]);
}

#[test]
fn leaks_are_found_in_text_alone() {
    let here = folder("text-leaks");
    for number in 0..10 {
        let text = heap(10 + 400 * number, 60 * number);
        fs::write(here.join(format!("heap-{number}.txt")), text).unwrap();
    }
    // The same collection again: no evidence.
    fs::write(here.join("heap-9b.txt"), heap(3610, 540)).unwrap();
    let report = json(&here, &["leaks", "."]);
    let suspects = report["suspects"].as_array().unwrap();
    assert_eq!(suspects.len(), 1, "{suspects:?}");
    assert_eq!(suspects[0]["site"]["function"], "main.keep");
    assert_eq!(suspects[0]["class"], "leak");
    let said = warnings(&report);
    assert!(said.contains("1 snapshot holds the same data as the one before it"), "{said}");
}
