//! What is beside the profiles in a folder: on their clock, in every output, and never a reason to
//! judge a suspect differently.

use crate::corpus;
use crate::dsl::stack;
use crate::histories::{answer, history, report, snapshot, warns};
use crate::program::{folder, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of a recording with heap and goroutine profiles, and a log of the collector.
fn copy(name: &str) -> PathBuf {
    let here = folder(name);
    for entry in fs::read_dir(corpus::path("harbor/one")).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), here.join(file.file_name())).unwrap();
    }
    here
}

fn track<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let tracks = report["timeline"]["tracks"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let found = tracks.iter().find(|track| track["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {tracks:#?}"))
}

/// The times of the snapshots.
fn times(here: &Path) -> Vec<String> {
    let times = report(here, &["timeline", "."])["timeline"]["times"].take();
    times.as_array().unwrap().iter().map(|time| time.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_log_without_times_is_placed_by_its_forced_collections() {
    let here = copy("beside-log");
    let with = report(&here, &["leaks", "."]);
    let live = track(&with, "live-heap");
    assert_eq!(live["clock"], "forced-collections");
    assert_eq!(live["field"], "gctrace");
    // The last collection was forced by the last snapshot.
    let last = |of: &Value| of.as_array().unwrap().last().unwrap().as_i64().unwrap();
    let apart = last(&with["timeline"]["elapsed_nanos"]) - last(&live["elapsed_nanos"]);
    assert!((0..50_000_000).contains(&apart), "{apart}");
    let goroutines = track(&with, "goroutines");
    assert_eq!(goroutines["values"].as_array().unwrap().len(), 12);
    assert!(!warns(&with, "set-aside", "gctrace.log"), "{with:#}");
    fs::remove_file(here.join("gctrace.log")).unwrap();
    let without = report(&here, &["leaks", "."]);
    assert_eq!(with["suspects"], without["suspects"], "it judges no suspect");
}

#[test]
fn a_log_that_nothing_places_is_said_to_be_so() {
    let here = copy("beside-lost");
    let log = fs::read_to_string(here.join("gctrace.log")).unwrap();
    fs::write(here.join("gctrace.log"), log.replace(" (forced)", "")).unwrap();
    let lost = report(&here, &["leaks", "."]);
    assert!(warns(&lost, "no-time", "gctrace.log"), "{lost:#}");
    assert_eq!(track(&lost, "live-heap")["clock"], "unknown");
    let text = answer(&here, &["timeline", "."]);
    assert!(text.contains("on a clock of its own"), "{text}");
}

#[test]
fn samples_of_memory_are_tracks_and_limits_are_offered() {
    let here = copy("beside-rss");
    let times = times(&here);
    let mut rows = "time,rss_bytes\n".to_owned();
    for (time, size) in times.iter().zip(0_u64..) {
        writeln!(rows, "{time},{}", (60 + 4 * size) << 20).unwrap();
    }
    fs::write(here.join("rss.csv"), rows).unwrap();
    fs::write(here.join("memory.max-20261122T062751Z.txt"), "268435456\n").unwrap();
    fs::write(here.join("manifest.json"), "{\"schema\": \"heapdiff.capture/v1\"}\n").unwrap();
    let all = report(&here, &["leaks", "."]);
    assert_eq!(all["warnings"], serde_json::json!([]), "nothing is left over");
    let resident = track(&all, "resident-set");
    assert_eq!(resident["values"].as_array().unwrap().len(), 12);
    assert_eq!(resident["trends"][0]["class"], "leak", "{resident:#}");
    assert_eq!(track(&all, "cgroup-limit")["values"], serde_json::json!([256 << 20]));
    let offered = answer(&here, &["leaks", "."]);
    assert!(offered.contains("--limit 256MiB predicts"), "{offered}");
    // A leak makes the resident set grow, so it counts as measured.
    let limited = report(&here, &["leaks", "--limit", "256MiB", "."]);
    let limit = &limited["verdict"]["limit"];
    assert_eq!((&limit["basis"], &limit["outcome"]), (&"resident-set".into(), &"within".into()));
    let over = report(&here, &["leaks", "--limit", "64MiB", "."]);
    assert_eq!(over["verdict"]["limit"]["outcome"], "already-over");
    let said = answer(&here, &["leaks", "--limit", "64MiB", "."]);
    assert!(said.contains("64 MiB is reached: the resident set is"), "{said}");
}

#[test]
fn a_chart_has_a_panel_for_what_is_there() {
    let here = copy("beside-chart");
    let draw = |name: &str| {
        let said = run(&here, &["timeline", "-o", name, "."]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        fs::read_to_string(here.join(name)).unwrap()
    };
    let panels = ["heap after each collection", "longest stop of the world"];
    let with = draw("with.svg");
    assert!(panels.iter().all(|panel| with.contains(panel)), "{with}");
    assert!(!with.contains("memory of the process"), "there is no panel for what isn't there");
    assert!(with.contains("live heap (gctrace)") && with.contains("goroutines"), "{with}");
    fs::remove_file(here.join("gctrace.log")).unwrap();
    let without = draw("without.svg");
    assert!(panels.iter().all(|panel| !without.contains(panel)), "{without}");
}

#[test]
fn collections_say_why_a_snapshot_shows_nothing_new() {
    let snapshots: Vec<_> = [0, 0, 1, 2, 3]
        .into_iter()
        .zip(0..)
        .map(|(size, minute)| {
            let kept =
                stack("main.keep < main.main").inuse(100 + size * 100, 4096 * (100 + size * 100));
            snapshot(minute * 60, &[kept])
        })
        .collect();
    let here = history("beside-repeat", &snapshots);
    let times = report(&here, &["timeline", "."])["timeline"]["times"].take();
    let time = |at: usize| times[at].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // When something was written in a log, in minutes since the first snapshot.
    let written = |minutes: i64| (time(0) + jiff::SignedDuration::from_mins(minutes)).to_string();
    let between = (time(0) + jiff::SignedDuration::from_secs(30)).to_string();
    let log = |lines: &[(&str, u32)]| {
        let mut text = String::new();
        for ((time, at), number) in lines.iter().zip(1..) {
            writeln!(
                text,
                "{time} gc {number} @{at}.000s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, \
                 4->4->2 MB, 5 MB goal, 0 MB stacks, 0 MB globals, 4 P"
            )
            .unwrap();
        }
        fs::write(here.join("gctrace.log"), text).unwrap();
        report(&here, &["leaks", "."])
    };
    let (before, after) = (written(-30), written(30));
    let idle = log(&[(&before, 1), (&after, 3601)]);
    assert!(
        warns(&idle, "identical-data", "no collection ended between"),
        "{:#}",
        idle["warnings"]
    );
    let busy = log(&[(&before, 1), (&between, 1831), (&after, 3601)]);
    assert!(warns(&busy, "identical-data", "1 collection ended"), "{:#}", busy["warnings"]);
    fs::remove_file(here.join("gctrace.log")).unwrap();
    let unknown = report(&here, &["leaks", "."]);
    assert!(warns(&unknown, "identical-data", "no garbage collection ended in between"));
}
