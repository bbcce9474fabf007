//! The time to a limit of a service whose goroutines leak with deep stacks: no heap profile has those, and they count once.

use crate::dsl::{bytes, heap, of_kind, stack};
use crate::histories::{KIB, MIB, SECOND, answer, report, snapshot, write};
use crate::program::folder;
use heapdiff::input::pprof::proto;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Snapshots, a minute apart.
const SNAPSHOTS: i64 = 10;
/// Goroutines that begin and never end, in each minute.
const LEAKED: i64 = 1000;
/// The live heap, which doesn't grow.
const HEAP: i64 = 20 * MIB;
const LIMIT: i64 = 400 * MIB;
/// Where stacks are large.
const LARGE: i64 = 2048 * MIB;

fn goroutines(minute: i64) -> proto::Profile {
    let frames: Vec<String> = (0..100).map(|depth| format!("main.visit{depth}")).collect();
    let path =
        format!("main.main;main.handle;{};runtime.chanrecv1;runtime.gopark", frames.join(";"));
    let stacks = [
        stack(&path).inuse(100 + LEAKED * minute, 1),
        stack("main.main;main.serve;runtime.gopark").inuse(20, 1),
    ];
    let mut profile =
        of_kind(heap(&stacks), &[("goroutine", "count")], (("goroutine", "count"), 1));
    profile.time_nanos += 60 * minute * SECOND;
    profile
}

/// A recording of it.
fn recorded(name: &str) -> std::path::PathBuf {
    let here = folder(name);
    let of_heap = |minute| {
        let kept = stack("main.main;main.keep").inuse_only(5000, HEAP);
        snapshot(
            60 * minute,
            &[kept, stack("main.main;main.work").alloc(1000 * (minute + 1), 64 * KIB)],
        )
    };
    write(&here, &(0..SNAPSHOTS).map(of_heap).collect::<Vec<_>>());
    for minute in 0..SNAPSHOTS {
        fs::write(here.join(format!("goroutine-{minute:02}.pb")), bytes(&goroutines(minute)))
            .unwrap();
    }
    here
}

/// When a snapshot was taken, in seconds since the epoch.
fn seconds(minute: i64) -> i64 {
    goroutines(minute).time_nanos / SECOND
}

/// Bytes of all stacks, if each of those that leak has so many.
fn stacks(minute: i64, each: i64) -> i64 {
    each * (100 + LEAKED * minute) + 20 * 2048
}

/// Hours until the limit: half of the process's heap may be live, and stacks count for the goal by their used part.
fn hours(limit: i64, each: i64, used: f64) -> f64 {
    let room = limit - 2 * HEAP;
    let left = room as f64 - (1.0 + used) * stacks(SNAPSHOTS - 1, each) as f64;
    left / ((1.0 + used) * (each * LEAKED * 60) as f64)
}

fn limit(here: &Path, limit: i64) -> Value {
    report(here, &["leaks", "--limit", &limit.to_string(), "."])["verdict"]["limit"].take()
}

fn holds(limit: &Value, hours: f64) -> bool {
    let [earliest, latest] = ["earliest_hours", "latest_hours"].map(|key| limit[key].as_f64());
    assert!(hours > 0.0 && earliest.is_some(), "{limit:#}");
    earliest.unwrap() <= hours && latest.is_none_or(|latest| hours <= latest)
}

#[test]
fn stacks_are_estimated_by_the_frames_of_goroutines() {
    let here = recorded("stack-limit");
    let limit = limit(&here, LIMIT);
    assert_eq!(
        (&limit["basis"], &limit["outcome"]),
        (&"heap".into(), &"within".into()),
        "{limit:#}"
    );
    let stacks = &limit["stack_memory"];
    assert_eq!((&stacks["basis"], &stacks["goroutines"]), (&"estimated".into(), &9120.into()));
    // Whatever such stacks have, from 4 KiB to 16 KiB, and however much of them is used.
    for (each, used) in [(4096, 0.9), (8192, 0.3), (8192, 0.7), (16384, 0.3), (16384, 0.6)] {
        assert!(
            holds(&limit, hours(LIMIT, each, used)),
            "{each} {used}: {} {limit:#}",
            hours(LIMIT, each, used)
        );
    }
    let said = answer(&here, &["leaks", "--limit", "400MiB", "."]);
    assert!(said.contains("stacks of 9 120 goroutines: "), "{said}");
    assert!(said.contains("by estimate, +"), "{said}");
    // Without goroutines, nothing grows, and the forecast says what it lacks.
    for minute in 0..SNAPSHOTS {
        fs::remove_file(here.join(format!("goroutine-{minute:02}.pb"))).unwrap();
    }
    let said = answer(&here, &["leaks", "--limit", "400MiB", "."]);
    assert!(said.contains("nothing that is known grows towards 400 MiB"), "{said}");
    assert!(said.contains("not stacks of goroutines and memory from C"), "{said}");
}

/// Statistics of these minutes.
fn statistics(here: &Path, minutes: &[i64], each: i64) {
    let mut text = String::new();
    for &minute in minutes {
        let bytes = stacks(minute, each);
        let (at, sys) = (seconds(minute), 2 * HEAP + bytes);
        writeln!(
            text,
            "{{\"ts\":{at},\"HeapAlloc\":{HEAP},\"HeapInuse\":{HEAP},\"StackInuse\":{bytes},\"Sys\":{sys}}}"
        )
        .unwrap();
    }
    fs::write(here.join("memstats.json"), text).unwrap();
}

#[test]
fn what_was_measured_counts_more_than_an_estimate() {
    let here = recorded("stack-limit-measured");
    // Of large frames: 32 KiB each, four times what the frames let expect.
    let each = 32_768;
    let estimated = limit(&here, LARGE);
    statistics(&here, &(0..SNAPSHOTS).collect::<Vec<_>>(), each);
    let measured = limit(&here, LARGE);
    let stacks = &measured["stack_memory"];
    assert_eq!(stacks["basis"], "measured", "{measured:#}");
    assert_eq!(stacks["bytes"]["estimate"], self::stacks(9, each), "{measured:#}");
    for used in [0.3, 0.7, 0.9] {
        assert!(
            holds(&measured, hours(LARGE, each, used)),
            "{used}: {} {measured:#}",
            hours(LARGE, each, used)
        );
    }
    let width = |limit: &Value| {
        limit["latest_hours"].as_f64().unwrap_or(f64::INFINITY)
            / limit["earliest_hours"].as_f64().unwrap().max(1e-3)
    };
    assert!(width(&measured) < width(&estimated), "{measured:#} {estimated:#}");
    // At two moments: the goroutines in between have the shape, and these the size.
    statistics(&here, &[0, 9], each);
    let scaled = limit(&here, LARGE);
    assert_eq!(scaled["stack_memory"]["basis"], "scaled", "{scaled:#}");
    let slope = scaled["stack_memory"]["slope_per_hour"]["estimate"].as_f64().unwrap();
    let truth = (each * LEAKED * 60) as f64;
    assert!((slope / truth - 1.0).abs() < 0.1, "{slope} {truth}");
    for used in [0.3, 0.7, 0.9] {
        assert!(
            holds(&scaled, hours(LARGE, each, used)),
            "{used}: {} {scaled:#}",
            hours(LARGE, each, used)
        );
    }
}

#[test]
fn stacks_count_once_if_the_resident_set_is_measured() {
    let here = recorded("stack-limit-rss");
    let each = 8192;
    let mut rows = "time,rss\n".to_owned();
    for minute in 0..SNAPSHOTS {
        writeln!(rows, "{},{}", seconds(minute), 60 * MIB + stacks(minute, each)).unwrap();
    }
    fs::write(here.join("rss.csv"), rows).unwrap();
    let limit = limit(&here, LIMIT);
    assert_eq!(
        limit["basis"], "resident-set",
        "leaking stacks are a reason to believe it: {limit:#}"
    );
    let truth = (LIMIT - 60 * MIB - stacks(9, each)) as f64 / (each * LEAKED * 60) as f64;
    // Its level is the median of the last moments.
    let earliest = limit["earliest_hours"].as_f64().unwrap();
    assert!((0.8 * truth..1.05 * truth).contains(&earliest), "{truth} {limit:#}");
    let said = answer(&here, &["leaks", "--limit", "400MiB", "."]);
    assert!(
        said.contains("counts the resident set as measured (") && said.contains("stacks are in it"),
        "{said}"
    );
}
