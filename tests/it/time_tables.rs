//! Reports of leaks and timelines: tables at several widths, compared with golden files, and CSV.

use crate::tables::{plain, table as text};
use crate::{golden, samples, time_samples};
use heapdiff::analysis::estimates::Class;
use heapdiff::analysis::suspects::{Limit, LimitOutcome, Needed, Verdict};
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::{Report, Warning, WarningCode};
use unicode_width::UnicodeWidthStr;

fn said(format: Format, report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    output::write(format, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(report: &Report, columns: usize) -> String {
    text(report, &plain(Width::Columns(columns)))
}

fn cases() -> [(&'static str, Report); 5] {
    [
        ("leaks", time_samples::leaks()),
        ("growth_only", time_samples::growth_only()),
        ("no_leak", time_samples::no_leak()),
        ("timeline", time_samples::timeline()),
        ("timeline_restarted", time_samples::timeline_restarted()),
    ]
}

#[test]
fn tables_of_time_read_as_their_golden_files() {
    for (name, report) in cases() {
        for columns in [80, 120, 200] {
            golden::check(&format!("tests/golden/{name}_{columns}.txt"), &at(&report, columns));
        }
        let unlimited = text(&report, &plain(Width::Unlimited));
        golden::check(&format!("tests/golden/{name}_pipe.txt"), &unlimited);
    }
}

#[test]
fn no_line_about_time_is_wider_than_the_terminal() {
    for (name, report) in cases() {
        for columns in 45..220 {
            let file_names = if columns % 2 == 0 { FileNames::Short } else { FileNames::Whole };
            let style = Style { file_names, ..plain(Width::Columns(columns)) };
            for line in text(&report, &style).lines() {
                // A command is meant to be copied, so it is never wrapped.
                let command = line.contains(": heapdiff ");
                assert!(command || line.width() <= columns, "{name} at {columns}: {line}");
            }
        }
    }
}

#[test]
fn the_first_ten_lines_name_the_worst_leak_and_its_rate() {
    let text = at(&time_samples::leaks(), 80);
    let first: Vec<&str> = text.lines().take(10).collect();
    let first = first.join(" ");
    for word in
        ["3 leaks", "437.0 MiB/h", "OOM at 2 GiB in 16–21 min", "windowFor", "limiter.go:54"]
    {
        assert!(first.contains(word), "{word} in\n{first}");
    }
}

#[test]
fn names_about_time_can_not_steer_a_terminal() {
    let evil = "\x1b]0;owned\x07\u{202e}x\r\n\u{9b}31m";
    let mut report = time_samples::leaks();
    report.inputs[0].program = Some(evil.to_owned());
    report.inputs[0].name = evil.to_owned();
    time_samples::timeline_mut(&mut report).times[0] = Some(evil.to_owned());
    let first = &mut answer!(&mut report.answer, Leaks).suspects[0];
    first.site.function = evil.to_owned();
    first.site.file = Some(evil.to_owned());
    first.path[1] = evil.to_owned();
    first.mechanism = Some(evil.to_owned());
    first.places[0].function = evil.to_owned();
    (first.explanation, first.fix) = (evil.to_owned(), evil.to_owned());
    first.patterns = vec![evil.to_owned()];
    let goroutines = first.goroutines.as_mut().unwrap();
    goroutines.state = evil.to_owned();
    goroutines.started_by = evil.to_owned();
    goroutines.parked_in = evil.to_owned();
    let mut rows = time_samples::timeline();
    time_samples::timeline_mut(&mut rows).rows[0].name = evil.to_owned();
    time_samples::timeline_mut(&mut rows).rows[0].file = Some(evil.to_owned());
    for report in [report, rows] {
        for format in [Format::Table, Format::Csv] {
            for width in [Width::Columns(80), Width::Columns(300), Width::Unlimited] {
                let text = said(format, &report, &plain(width));
                let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert!(!text.contains(harmful), "{text:?}");
                assert!(
                    text.contains("\\u{1b}]0;owned\\u{7}") || width == Width::Columns(80),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn colour_changes_no_letter_about_time() {
    for (name, report) in cases() {
        let style = plain(Width::Columns(120));
        let colored = text(&report, &Style { color: true, ..style.clone() });
        assert!(colored.contains("\u{1b}["), "{name}");
        let stripped = anstream::adapter::strip_str(&colored).to_string();
        assert_eq!(stripped, text(&report, &style), "{name}");
    }
}

#[test]
fn a_pipe_gets_every_leak_in_full() {
    let mut report = time_samples::leaks();
    let suspects = &mut answer!(&mut report.answer, Leaks).suspects;
    let leak = suspects[0].clone();
    *suspects = (1..=30)
        .map(|rank| heapdiff::analysis::suspects::Suspect { rank, ..leak.clone() })
        .collect();
    assert_eq!(text(&report, &plain(Width::Unlimited)).matches("    fix ").count(), 30);
    let narrow = at(&report, 100);
    assert_eq!(narrow.matches("    fix ").count(), 10);
    assert!(narrow.contains("Further leaks"), "{narrow}");
}

#[test]
fn two_hundred_inputs_are_counted_and_not_listed() {
    let mut report = time_samples::timeline();
    let warning = Warning {
        code: WarningCode::NoSamplingPeriod,
        message: "does not say how it was sampled".to_owned(),
    };
    for input in report.inputs.iter_mut().skip(2) {
        input.warnings = vec![warning.clone()];
    }
    report.inputs[0].warnings =
        vec![Warning { message: "has no samples".to_owned(), ..warning.clone() }];
    let text = at(&report, 100);
    let expected = "58 of 60 profiles (heap-02.pb.gz, …): does not say how it was sampled";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("heap-00.pb.gz: has no samples"), "{text}");
    assert_eq!(text.matches("warning:").count(), 2);
    assert!(
        text.starts_with("chat-server  build 9f3c21aa5d0e  60 snapshots over 4 h 55 min"),
        "{text}"
    );
}

#[test]
fn numbers_that_are_none_are_nowhere() {
    let mut report = time_samples::leaks();
    for suspect in &mut answer!(&mut report.answer, Leaks).suspects {
        suspect.q_value = Some(f64::NAN);
        suspect.persistence = f64::NAN;
        suspect.retention.as_mut().into_iter().for_each(|share| share.upper = f64::INFINITY);
        suspect.values = vec![i64::MIN, i64::MAX];
        suspect.growth.lower = i64::MIN;
    }
    let limit = answer!(&mut report.answer, Leaks).verdict.limit.as_mut().unwrap();
    limit.latest_hours = Some(f64::INFINITY);
    for format in [Format::Table, Format::Csv] {
        let text = said(format, &report, &plain(Width::Columns(120))).to_lowercase();
        assert!(
            !text.contains("nan") && !text.contains("inf ") && !text.contains("inf,"),
            "{text}"
        );
    }
}

#[test]
fn csv_of_suspects_has_a_line_for_each() {
    let report = time_samples::leaks();
    let text = said(Format::Csv, &report, &plain(Width::Unlimited));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let column = |name: &str, reader: &mut csv::Reader<&[u8]>| {
        reader.headers().unwrap().iter().position(|header| header == name).unwrap()
    };
    let [class, slope, values, after] = ["class", "slope_per_hour", "values", "goroutines_after"]
        .map(|name| column(name, &mut reader));
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), answer!(&report.answer, Leaks).suspects.len());
    assert_eq!(&records[0][class], "leak");
    assert_eq!(&records[3][class], "growing-decelerating");
    assert_eq!(&records[0][slope], (401 << 20).to_string());
    assert_eq!(records[0][values].split(';').count(), 12);
    assert_eq!(&records[0][after], "1204331");
    assert_eq!(&records[3][after], "");
}

#[test]
fn csv_of_a_timeline_has_a_line_for_each_row_and_snapshot() {
    let report = time_samples::timeline();
    let timeline = report.answer.timeline().unwrap();
    let text = said(Format::Csv, &report, &plain(Width::Unlimited));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let at = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), (timeline.rows.len() + 1) * timeline.times.len());
    for (record, value) in records.iter().zip(&timeline.total.values) {
        assert_eq!((&record[at("kind")], &record[at("flat")]), ("total", &*value.to_string()));
    }
    let row = &timeline.rows[1];
    let of_row = records.iter().filter(|record| record[at("name")] == row.name);
    for (i, record) in of_row.enumerate() {
        assert_eq!(&record[at("cum")], row.cum[i].to_string());
        assert_eq!(&record[at("elapsed_seconds")], (i * 300).to_string());
        assert_eq!(&record[at("input")], format!("heap-{i:02}.pb.gz"));
        assert_eq!(&record[at("class")], "growing-decelerating");
    }
}

#[test]
fn a_leak_is_red_and_what_is_steady_is_dim() {
    let report = time_samples::timeline();
    let style = Style { color: true, ..plain(Width::Columns(120)) };
    let text = text(&report, &style);
    let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap();
    assert!(line("windowFor").starts_with("\u{1b}[31m▁"), "{text}");
    assert!(line("main.gone").starts_with("\u{1b}[2m"), "{text}");
    let rows = &report.answer.timeline().unwrap().rows;
    assert_eq!((rows[0].class, rows[4].class), (Class::Leak, Class::Steady));
}

/// The verdict, on one line.
fn verdict_of(report: &Report) -> String {
    let text = at(report, 100);
    let lines = text.lines().skip_while(|line| !line.is_empty()).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("inuse_space")).collect();
    lines.join(" ")
}

#[test]
fn too_few_snapshots_are_told_how_many_more_would_do() {
    let words = |n: usize, needed: Option<Needed>| {
        let mut report = time_samples::of_snapshots(n);
        let verdict = Verdict { needed, ..time_samples::verdict(&report) };
        time_samples::add_suspects(&mut report, Vec::new(), verdict);
        verdict_of(&report)
    };
    let needed = |snapshots| Some(Needed { snapshots, apart_nanos: None });
    let would = "of the same process can tell a leak from a cache that fills up";
    assert_eq!(words(0, needed(8)), format!("nothing to judge: 8 more snapshots {would}"));
    let one = format!("1 snapshot can't show growth: 7 more snapshots {would}");
    assert_eq!(words(1, needed(7)), one);
    let two = format!("nothing grew beyond sampling error: 6 more snapshots {would}");
    assert_eq!(words(2, needed(6)), two);
    assert_eq!(words(4, None), "no leak in 4 snapshots: nothing grew beyond sampling error");
}

#[test]
fn ten_thousand_snapshots_and_as_many_processes_fit() {
    let n = 10_000;
    let mut report = time_samples::of_snapshots(n);
    let timeline = time_samples::timeline_mut(&mut report);
    let values = time_samples::curve(n, 0, samples::MIB, |x| x);
    timeline.rows = vec![time_samples::row("main.f", Class::Leak, values)];
    let text = at(&report, 80);
    assert!(text.contains("▂▂▃▄▄▅▆▇▇█"), "{text}");
    assert!(text.contains("the highest of about 1000 snapshots"), "{text}");
    time_samples::timeline_mut(&mut report).processes = (0..n).collect();
    let text = at(&report, 80);
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    assert!(text.contains("10 000 snapshots of 10 000 processes"), "{text}");
}

#[test]
fn how_the_limit_is_met_is_said_in_words() {
    let words = |outcome, earliest_hours, latest_hours| {
        let mut report = time_samples::leaks();
        let limit = answer!(&mut report.answer, Leaks).verdict.limit.as_mut().unwrap();
        *limit = Limit { outcome, earliest_hours, latest_hours, ..*limit };
        verdict_of(&report)
    };
    let lead = "3 leaks (1 of goroutines), 437.0 MiB/h (385.0 … 489.0), ";
    for (said, expected) in [
        (words(LimitOutcome::Within, Some(14.2), Some(19.4)), "OOM at 2 GiB in 14–19 h"),
        (words(LimitOutcome::Within, Some(14.2), None), "OOM at 2 GiB in 14 h at the earliest"),
        (
            words(LimitOutcome::BeyondHorizon, None, None),
            "no OOM at 2 GiB within 9 h 10 min, ten times what was observed",
        ),
        (
            words(LimitOutcome::AlreadyOver, None, None),
            "2 GiB is already too small: 890.0 MiB live, and the collector allows at most 1.0 GiB of live \
             memory within it",
        ),
        (words(LimitOutcome::Never, None, None), "nothing that is known grows towards 2 GiB"),
    ] {
        let counts = "The forecast counts the live heap with room for 100 % of garbage: 890.0 MiB; not stacks \
                      of goroutines and memory from C.";
        assert_eq!(said, format!("{lead}{expected} {counts}"));
    }
}
