//! Growth that is spread over many functions is found in what they have in common, and the words
//! never contradict the totals.

use crate::ask::ask;
use crate::dsl::{Stack, bytes, heap, stack};
use crate::tables::{plain, table};
use heapdiff::analysis::diff::{Diff, Status};
use heapdiff::analysis::subtrees::{GrownSubtree, Start};
use heapdiff::output::Width;
use heapdiff::report::{Question, Report};

const MIB: i64 = 1 << 20;

/// `samples` samples of objects of 1 KiB.
fn held(frames: &str, samples: i64) -> Stack {
    stack(frames).inuse(samples * 512, samples * MIB / 2).sized(1024)
}

/// What else the program holds, in both snapshots.
fn steady() -> Vec<Stack> {
    (0..30).map(|i| held(&format!("main.main;main.steady{};main.leaf{i}", i % 4), 3)).collect()
}

fn compare(before: Vec<Stack>, after: Vec<Stack>) -> Report {
    let [before, after] = [before, after]
        .map(|more| bytes(&heap(&steady().into_iter().chain(more).collect::<Vec<_>>())));
    ask(Question::Diff, &[&before, &after], "inuse_space")
}

fn diff(report: &Report) -> &Diff {
    answer!(&report.answer, Diff)
}

fn text(report: &Report) -> String {
    table(report, &plain(Width::Columns(100)))
}

fn names(report: &Report) -> Vec<&str> {
    diff(report).grown.iter().map(|grown| grown.place.function.as_str()).collect()
}

#[test]
fn the_caller_of_many_functions_that_grew_is_named() {
    let leaves = |samples: i64| -> Vec<Stack> {
        let leaf = |i: i64| held(&format!("main.main;main.serve;main.fill;main.part{i}"), samples);
        (0..20).map(leaf).collect()
    };
    let report = compare(leaves(1), leaves(3));
    assert!(diff(&report).rows.iter().all(|row| row.status != Status::Grown), "none alone");
    let [GrownSubtree { place, from, path, value, error, p_value, share, .. }] =
        diff(&report).grown.as_slice()
    else {
        panic!("{:?}", diff(&report).grown)
    };
    assert_eq!(place.function, "main.fill");
    assert_eq!((place.file.as_deref(), place.line), (Some("main.fill.go"), Some(10)));
    assert_eq!((*from, path.last().map(String::as_str)), (Start::Root, Some("main.fill")));
    assert_eq!((value.before, value.after, value.delta), (10 * MIB, 30 * MIB, 20 * MIB));
    assert!(error.lower > 0 && *p_value < 1e-6, "{error:?} {p_value}");
    assert_eq!((*share, diff(&report).explained), (Some(1.0), 20 * MIB));
    let text = text(&report);
    assert!(text.contains("Grew, and where to look\n +20.0 MiB  ±"), "{text}");
    assert!(!text.contains("Nothing grew"), "{text}");
}

#[test]
fn a_function_that_many_call_is_named_and_not_its_callers() {
    let calls = |samples: i64| -> Vec<Stack> {
        let caller = |i: i64| held(&format!("main.main;main.user{i};main.intern"), samples);
        (0..20).map(caller).collect()
    };
    let report = compare(calls(1), calls(3));
    assert_eq!(names(&report), ["main.intern"]);
}

#[test]
fn two_causes_are_two_names_though_one_function_calls_both() {
    let both = |samples: i64| -> Vec<Stack> {
        let of = |cause: &'static str| {
            (0..10).map(move |i| held(&format!("main.main;{cause};main.{i}"), samples))
        };
        of("main.cache").chain(of("main.queue")).collect()
    };
    let report = compare(both(1), both(4));
    let mut names = names(&report);
    names.sort_unstable();
    assert_eq!(names, ["main.cache", "main.queue"]);
    assert_eq!(diff(&report).explained, 30 * MIB);
}

#[test]
fn what_shrinks_elsewhere_does_not_hide_what_grew() {
    let parts = |of: &'static str, samples: i64| {
        (0..20).map(move |i| held(&format!("main.main;{of};main.part{i}"), samples))
    };
    let before = parts("main.fill", 1).chain(parts("main.drain", 3));
    let after = parts("main.fill", 3).chain(parts("main.drain", 1));
    let report = compare(before.collect(), after.collect());
    assert_eq!(diff(&report).overall, Some(Status::Same));
    assert_eq!(names(&report), ["main.fill"]);
}

#[test]
fn own_code_is_blamed_for_what_a_library_holds_on_its_behalf() {
    let calls = |samples: i64| -> Vec<Stack> {
        let inner = ["alloc", "grow", "copy", "init"];
        let library = |i: usize| {
            held(
                &format!("main.main;main.fetch;net/http.Get;net/http.{}{i}", inner[i % 4]),
                samples,
            )
        };
        (0..20).map(library).collect()
    };
    let report = compare(calls(1), calls(3));
    let [grown] = diff(&report).grown.as_slice() else { panic!("{:?}", diff(&report).grown) };
    assert_eq!(grown.place.function, "main.fetch");
    assert_eq!(grown.callee.as_deref(), Some("net/http.Get"));
}

#[test]
fn a_total_that_grew_without_a_cause_is_not_called_unchanged() {
    // Sixteen goroutines that have nothing in common.
    let report = compare(Vec::new(), (0..16).map(|i| held(&format!("main.go{i}"), 1)).collect());
    assert!(names(&report).is_empty(), "{:?}", diff(&report).grown);
    assert_eq!(diff(&report).overall, Some(Status::Grown));
    let text = text(&report);
    assert!(text.contains("The total grew, but no function or caller"), "{text}");
    assert!(!text.contains("Nothing grew"), "{text}");
    let report = compare((0..16).map(|i| held(&format!("main.go{i}"), 1)).collect(), Vec::new());
    assert_eq!(diff(&report).overall, Some(Status::Shrunk));
    assert!(!self::text(&report).contains("or shrank"), "{}", self::text(&report));
}

#[test]
fn where_nothing_changed_nothing_is_named() {
    let report = compare(Vec::new(), Vec::new());
    assert_eq!((names(&report).len(), diff(&report).overall), (0, Some(Status::Same)));
}
