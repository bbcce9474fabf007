//! Goroutines by place: where they are in code that can be changed, what they wait for, and what `go` started.

use crate::dsl::{bytes, heap, stack};
use crate::tables::plain;
use crate::{ask, corpus, program, tables};
use heapdiff::analysis::places::PlaceCounts;
use heapdiff::filter::Spec;
use heapdiff::output::Width;
use heapdiff::report::{Question, Report, analyze};
use serde_json::Value;
use std::path::Path;

/// A goroutine profile, with this many goroutines of each stack.
fn goroutines(stacks: &[(&str, i64)]) -> Vec<u8> {
    let stacks: Vec<_> =
        stacks.iter().map(|(frames, count)| stack(frames).inuse(*count, 1)).collect();
    let mut profile = heap(&stacks);
    profile.sample_type.truncate(1);
    profile.sample.iter_mut().for_each(|sample| sample.value.truncate(1));
    for text in profile.string_table.iter_mut().filter(|text| *text == b"alloc_objects") {
        *text = b"goroutine".into();
    }
    bytes(&profile)
}

const WORKER: &str =
    "runtime.goexit;main.serve.func1;main.worker;runtime.chanrecv1;runtime.chanrecv;runtime.gopark";
const WRITER: &str =
    "runtime.goexit;net/http.(*persistConn).writeLoop;runtime.selectgo;runtime.gopark";
const POLLER: &str = "runtime.goexit;main.worker;runtime.selectgo;runtime.gopark";

fn answer(question: Question, inputs: &[&[u8]]) -> Report {
    let mut query = ask::query(question, "goroutine");
    query.all = false;
    analyze(ask::series(inputs).unwrap(), &query, &Spec::default()).unwrap()
}

fn table(report: &Report) -> String {
    tables::table(report, &plain(Width::Columns(120)))
}

/// Function, reason, first function and starter, and how many there are or by how many they changed.
type Said<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, i64);

fn said(places: &PlaceCounts) -> Vec<Said<'_>> {
    let said = places.counts.iter().map(|one| {
        let at = &one.at;
        let (root, starter) = (at.root.as_deref(), at.started_by.as_deref());
        let count = one.value.delta_or_value();
        (at.place.function.as_str(), at.waits_for.as_str(), root, starter, count)
    });
    said.collect()
}

/// Counts have no sampling error, and `runtime.gopark` is nowhere that anybody could go.
fn assert_says_no_more_than_it_knows(table: &str) {
    for word in ["±", "95 %", "gopark"] {
        assert!(!table.contains(word), "{word} in\n{table}");
    }
}

#[test]
fn goroutines_are_where_they_can_be_changed() {
    let profile = goroutines(&[(WORKER, 70), (WRITER, 20), (POLLER, 10)]);
    let report = answer(Question::Top, &[&profile]);
    let top = answer!(&report.answer, Top);
    let starter = (Some("main.serve.func1"), Some("main.serve"));
    let expected = [
        ("main.worker", "chan receive", starter.0, starter.1, 70),
        ("net/http.(*persistConn).writeLoop", "select", None, None, 20),
        ("main.worker", "select", None, None, 10),
    ];
    assert_eq!(said(top.places.as_ref().unwrap()), expected);
    // The rows are pprof's.
    assert_eq!((top.rows[0].name.as_str(), top.rows[0].flat), ("runtime.gopark", 100));
    assert!(top.rows.iter().all(|row| row.error.is_none()));
    let text = table(&report);
    assert_says_no_more_than_it_knows(&text);
    assert!(text.contains("main.worker ← main.serve.func1"), "{text}");
}

#[test]
fn more_goroutines_are_more_in_a_place() {
    let before = goroutines(&[(WORKER, 70), (WRITER, 20), (POLLER, 10)]);
    let after = goroutines(&[(WORKER, 70), (WRITER, 25), (POLLER, 3)]);
    let report = answer(Question::Diff, &[&before, &after]);
    let diff = answer!(&report.answer, Diff);
    let expected = [
        ("main.worker", "select", None, None, -7),
        ("net/http.(*persistConn).writeLoop", "select", None, None, 5),
    ];
    assert_eq!(said(diff.places.as_ref().unwrap()), expected);
    let text = table(&report);
    assert_says_no_more_than_it_knows(&text);
    let at = |name: &str| text.find(name).unwrap();
    assert!(at("writeLoop") < at("main.worker"), "what grew comes first:\n{text}");
    assert!(text.contains(r"heapdiff refs '^net/http\.\(\*persistConn\)\.writeLoop$'"), "{text}");
}

#[test]
fn equal_counts_are_no_change() {
    let [before, after] = [60, 60].map(|count| goroutines(&[(WORKER, count)]));
    let report = answer(Question::Diff, &[&before, &after]);
    assert!(answer!(&report.answer, Diff).places.as_ref().unwrap().counts.is_empty());
    let text = table(&report);
    assert_says_no_more_than_it_knows(&text);
    assert!(text.contains("No change"), "{text}");
}

fn run(args: &[&str]) -> String {
    let said = program::run(Path::new("."), args);
    assert!(said.stderr.is_empty(), "{}", said.stderr);
    said.stdout
}

#[test]
fn all_commands_lead_with_places() {
    let pair = ["before", "after"].map(|name| corpus::path(&format!("goroutine/{name}.pb.gz")));
    let [before, after] = pair.each_ref().map(|path| path.to_str().unwrap());
    let timeline = run(&["timeline", "-q", before, after]);
    assert!(timeline.contains("main.waitForGate") && !timeline.contains("gopark"), "{timeline}");
    let refs = run(&["refs", "-q", "gopark", before, after]);
    let first = refs.lines().find(|line| line.contains('%') && line.contains("growth")).unwrap();
    assert!(first.contains("main.waitForGate"), "{refs}");
    assert!(!refs.contains('±'), "{refs}");
}

#[test]
fn places_add_up_to_the_rows() {
    let mut profiles = corpus::files(&corpus::path("goroutine"));
    profiles.extend(corpus::shared(&["corpus/pprof-proto-goroutine", "chatlab/recordings"]));
    let mut compared = 0;
    for path in profiles {
        let said = program::run(
            Path::new("."),
            &["top", "-q", "--format", "json", path.to_str().unwrap()],
        );
        let Ok(report) = serde_json::from_str::<Value>(&said.stdout) else { continue };
        let Some(places) = report["top"]["places"]["counts"].as_array() else { continue };
        let sum =
            |of: &[Value], key: &str| of.iter().filter_map(|one| one[key].as_i64()).sum::<i64>();
        let rows = report["top"]["rows"].as_array().unwrap();
        let no_stack = report["top"]["no_stack"]["flat"].as_i64().unwrap_or(0);
        assert_eq!(sum(places, "after"), sum(rows, "flat") + no_stack, "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 2, "{compared}");
}
