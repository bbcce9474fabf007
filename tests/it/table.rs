//! The table at several widths: compared with golden files, and properties that hold at every width.

use crate::tables::{plain, table as text};
use crate::{golden, samples};
use heapdiff::analysis::diff::Status;
use heapdiff::output::{FileNames, Style, Width};
use heapdiff::report::Report;
use unicode_width::UnicodeWidthStr;

fn cases() -> Vec<(&'static str, Report)> {
    vec![
        ("leaking", samples::leaking()),
        ("quiet", samples::quiet()),
        ("cpu", samples::cpu()),
        ("cum", samples::by_cum()),
        ("single", samples::single()),
        ("lines", samples::lines()),
        ("packages", samples::packages()),
        ("empty", samples::empty_diff()),
        ("peek", samples::peeked()),
        ("list", samples::list()),
        ("traces", samples::traces()),
        ("tags", samples::tags()),
        ("matches", samples::matched()),
    ]
}

#[test]
fn tables_read_as_their_golden_files() {
    for (name, report) in cases() {
        for columns in [80, 120, 160, 200] {
            let text = text(&report, &plain(Width::Columns(columns)));
            golden::check(&format!("tests/golden/{name}_{columns}.txt"), &text);
        }
    }
    let unlimited = text(&samples::leaking(), &plain(Width::Unlimited));
    golden::check("tests/golden/leaking_pipe.txt", &unlimited);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (name, report) in cases() {
        for columns in 45..220 {
            let file_names = if columns % 2 == 0 { FileNames::Short } else { FileNames::Whole };
            let style = Style { file_names, ..plain(Width::Columns(columns)) };
            let text = text(&report, &style);
            for line in text.lines() {
                // A command is meant to be copied, so it is never wrapped.
                let command = line.contains(": heapdiff ");
                assert!(command || line.width() <= columns, "{name} at {columns}: {line}");
            }
        }
    }
}

#[test]
fn a_pipe_gets_every_name_in_full() {
    let report = samples::leaking();
    let text = text(&report, &plain(Width::Unlimited));
    for row in &answer!(&report.answer, Diff).rows {
        let names = row.addresses.iter().chain(row.addresses.is_empty().then_some(row));
        for row in names {
            assert!(text.contains(&row.name), "{}", row.name);
        }
    }
}

#[test]
fn what_could_steer_a_terminal_is_spelled_out_everywhere() {
    let evil = "\x1b]0;owned\x07\u{202e}x\r\n\u{9b}31m";
    let mut report = samples::leaking();
    report.inputs[0].program = Some(evil.to_owned());
    report.inputs[0].build_id = Some(evil.to_owned());
    report.inputs[1].name = evil.to_owned();
    report.inputs[1].warnings = report.warnings.clone();
    report.warnings[0].message = format!("odd: {evil}");
    report.totals[0].sample_type = evil.to_owned();
    let diff = answer!(&mut report.answer, Diff);
    diff.rows[0].name = evil.to_owned();
    diff.rows[0].file = Some(evil.to_owned());
    diff.rows[1].via = Some(samples::place(evil, evil, 1));
    diff.rows[3].moved_from = Some(evil.to_owned());
    diff.sites[0].place = samples::place(evil, evil, 1);
    diff.sites[1].leaf = Some(evil.to_owned());
    for width in [Width::Columns(80), Width::Columns(300), Width::Unlimited] {
        let text = text(&report, &plain(width));
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(harmful), "{text:?}");
        assert!(text.contains("\\u{1b}]0;owned\\u{7}"), "{text}");
        // No command to paste contains such a name.
        assert!(!text.contains("Who calls it"), "{text}");
    }
}

#[test]
fn colour_changes_no_letter() {
    for (name, report) in cases() {
        let style = plain(Width::Columns(120));
        let colored = text(&report, &Style { color: true, ..style.clone() });
        assert!(colored.contains("\u{1b}["), "{name}");
        let stripped = anstream::adapter::strip_str(&colored).to_string();
        assert_eq!(stripped, text(&report, &style), "{name}");
    }
}

#[test]
fn other_profiles_hear_no_words_of_heaps() {
    for columns in [80, 200] {
        let text = text(&samples::cpu(), &plain(Width::Columns(columns)));
        for word in ["object", "kept", "leak", "in use", "inuse", "alloc_", "memory"] {
            assert!(!text.contains(word), "{word} in\n{text}");
        }
    }
}

#[test]
fn a_unit_that_was_asked_for_is_used() {
    let style = Style { unit: Some("kB".to_owned()), ..plain(Width::Columns(120)) };
    let text = text(&samples::leaking(), &style);
    assert!(text.contains("+410824.00 kB"), "{text}");
    assert!(!text.contains("MiB"), "{text}");
    assert!(text.contains("1 204 331"), "{text}");
}

#[test]
fn many_addresses_are_summed_up() {
    let mut report = samples::empty_diff();
    let mut row = samples::row("libc.so", 0, 50 * samples::MIB, samples::KIB, Status::New);
    row.addresses = (0..50)
        .map(|i| {
            samples::row(&format!("libc.so+{i:#x}"), 0, samples::MIB, samples::KIB, Status::New)
        })
        .collect();
    answer!(&mut report.answer, Diff).rows.push(row);
    let text = text(&report, &plain(Width::Columns(100)));
    assert_eq!(text.matches("libc.so+0x").count(), 20);
    assert!(text.contains("without symbols: 30 addresses more, Δ +30.0 MiB"), "{text}");
}

#[test]
fn half_a_move_stays_a_row_of_its_own() {
    let mut report = samples::leaking();
    answer!(&mut report.answer, Diff).rows.retain(|row| row.moved_to.is_none());
    let text = text(&report, &plain(Width::Columns(200)));
    let line = text.lines().find(|line| line.contains("main.serve.func3")).unwrap();
    assert!(line.contains("new") && line.contains("(was main.serve.func2)"), "{line}");
}
