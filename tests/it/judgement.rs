//! Comparisons of cases with known truth.

use crate::ask::{ask, query, series};
use crate::dsl::{Stack, bytes, heap, stack};
use heapdiff::analysis::diff::Status;
use heapdiff::filter::Spec;
use heapdiff::report::{Question, Report, WarningCode, analyze};

const MIB: i64 = 1 << 20;

/// `bytes` of objects of 1 KiB in one function.
fn kept(function: &str, bytes: i64) -> Stack {
    stack(&format!("main.main;{function}")).inuse(bytes / 1024, bytes).sized(1024)
}

/// The comparison of two profiles, each with its own period.
fn compare(before: (i64, &[Stack]), after: (i64, &[Stack])) -> Report {
    let [before, after] = [before, after].map(|(period, stacks)| {
        let mut profile = heap(stacks);
        profile.period = period;
        bytes(&profile)
    });
    ask(Question::Diff, &[&before, &after], "inuse_space")
}

fn status(report: &Report, name: &str) -> Status {
    let rows = &answer!(&report.answer, Diff).rows;
    rows.iter().find(|row| row.name == name).unwrap().status
}

#[test]
fn the_same_heap_at_another_period_has_not_grown() {
    // 128 samples of 512 KiB before, 1024 of 64 KiB after: 64 MiB, ± 5.6.
    let before = [kept("main.f", 64 * MIB)];
    let report = compare((512 << 10, &before), (64 << 10, &[kept("main.f", 68 * MIB)]));
    assert_eq!(status(&report, "main.f"), Status::WithinNoise);
    let total = report.totals.iter().find(|t| t.sample_type == "inuse_space").unwrap();
    let error = total.error.unwrap();
    assert!(error.lower < -5 * MIB && error.upper > 13 * MIB, "{error:?}");
    let report = compare((512 << 10, &before), (64 << 10, &[kept("main.f", 90 * MIB)]));
    assert_eq!(status(&report, "main.f"), Status::Grown);
    let report = compare((64 << 10, &before), (512 << 10, &[kept("main.f", 38 * MIB)]));
    assert_eq!(status(&report, "main.f"), Status::Shrunk);
}

#[test]
fn different_periods_are_said_also_where_one_records_everything() {
    let heap = [kept("main.f", MIB)];
    let warned = |a: i64, b: i64| {
        let report = compare((a, &heap), (b, &heap));
        report.warnings.iter().any(|w| w.code == WarningCode::DifferentPeriods)
    };
    assert!(warned(1, 512 << 10) && warned(512 << 10, 64 << 10));
    assert!(!warned(512 << 10, 512 << 10) && !warned(1, 1));
}

#[test]
fn every_change_of_a_whole_record_is_certain() {
    let one = |bytes: i64| [stack("main.main;main.f").inuse(1, bytes)];
    let report = compare((1, &one(1000)), (1, &one(1001)));
    assert_eq!(status(&report, "main.f"), Status::Grown);
}

#[test]
fn what_is_sampled_once_is_no_growth() {
    let report = compare((512 << 10, &[]), (512 << 10, &[kept("main.f", MIB / 2)]));
    assert_eq!(status(&report, "main.f"), Status::WithinNoise);
    assert!(answer!(report.answer, Diff).sites.is_empty());
}

#[test]
fn scaled_values_have_no_errors_and_do_not_overflow() {
    let profile = |stacks: &[Stack]| bytes(&heap(stacks));
    let before = profile(&[kept("main.f", 64 * MIB), kept("main.g", 64 * MIB)]);
    let after = profile(&[kept("main.f", 64 * MIB), kept("main.g", 192 * MIB)]);
    let mut query = query(Question::Diff, "inuse_space");
    query.normalize = true;
    let ask = |before: &[u8], after: &[u8]| {
        analyze(series(&[before, after]).unwrap(), &query, &Spec::default())
    };
    let report = ask(&before, &after).unwrap();
    assert!(report.totals.iter().all(|t| t.value.delta == Some(0) && t.error.is_none()));
    assert_eq!(status(&report, "main.f"), Status::Shrunk);
    let huge = [stack("a").inuse(1, 1 << 50), stack("b").inuse(1, 1 - (1 << 50))];
    let refused = ask(&profile(&[stack("a").inuse(1, 1 << 30)]), &profile(&huge)).unwrap_err();
    assert!(refused.to_string().contains("add up to more than 64 bits"), "{refused}");
}

#[test]
fn one_process_is_one_where_it_has_several_records_of_a_stack() {
    // Go has a record for each stack of addresses, and writes them in no particular order.
    let record = |alloc: i64, kept: i64| {
        let record = stack("main.main;main.f").inuse(kept, kept * 1024);
        record.alloc(alloc, alloc * 1024).sized(1024)
    };
    let before = [record(19_000, 5_000)];
    let after = [record(59_000, 0), record(19_500, 6_000)];
    let report = compare((512 << 10, &before), (512 << 10, &after));
    assert!(report.comparison.unwrap().same_process);
    let before = [record(19_000, 5_000), record(40_000, 0)];
    let report = compare((512 << 10, &before), (512 << 10, &after));
    assert!(report.comparison.unwrap().same_process);
    let report = compare((512 << 10, &after), (512 << 10, &[record(60_000, 0)]));
    assert!(!report.comparison.unwrap().same_process, "a counter fell");
}

#[test]
fn one_file_in_two_folders_is_one_where_both_are_trimmed() {
    let at = |folder: &str, bytes: i64| {
        let mut profile = heap(&[kept("main.f", bytes)]);
        let (old, new) = (b"main.f.go".to_vec(), format!("/{folder}/main.f.go").into_bytes());
        let name = profile.string_table.iter_mut().find(|name| **name == old).unwrap();
        *name = new;
        crate::dsl::bytes(&profile)
    };
    let mut query = query(Question::Diff, "inuse_space");
    query.granularity = heapdiff::filter::Granularity::Lines;
    let names = |query: &heapdiff::report::Query| {
        let series = series(&[&at("b1", MIB), &at("b2", 3 * MIB)]).unwrap();
        let report = analyze(series, query, &Spec::default()).unwrap();
        let rows = answer!(report.answer, Diff).rows.into_iter().filter(|row| row.delta.flat != 0);
        rows.map(|row| (row.name, row.delta.flat)).collect::<Vec<_>>()
    };
    assert_eq!(names(&query).len(), 2);
    query.trim_path = vec!["/b1/".to_owned(), "/b2/".to_owned()];
    assert_eq!(names(&query), [("main.f main.f.go:10".to_owned(), 2 * MIB)]);
}
