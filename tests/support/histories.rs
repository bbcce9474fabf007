//! Histories on disk, end to end: folders of snapshots, handwritten or recorded.

use super::dsl::{Stack, bytes, heap};
use super::program::{folder, run};
use heapdiff::input::pprof::proto;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const KIB: i64 = 1 << 10;
pub(crate) const MIB: i64 = 1 << 20;

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A snapshot of the heap, this many seconds after the first.
pub(crate) fn snapshot(seconds: i64, stacks: &[Stack]) -> proto::Profile {
    let mut profile = heap(stacks);
    profile.time_nanos += seconds * SECOND;
    profile
}

/// Writes the profiles of a history, with names in their order.
pub(crate) fn write(folder: &Path, profiles: &[proto::Profile]) {
    for (i, profile) in profiles.iter().enumerate() {
        fs::write(folder.join(format!("heap-{i:05}.pb")), bytes(profile)).unwrap();
    }
}

/// Creates a folder with a history.
pub(crate) fn history(name: &str, profiles: &[proto::Profile]) -> PathBuf {
    let folder = folder(name);
    write(&folder, profiles);
    folder
}

/// The output of a command that must succeed.
pub(crate) fn answer(folder: &Path, args: &[&str]) -> String {
    let said = run(folder, args);
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    said.stdout
}

/// The answer as JSON.
pub(crate) fn report(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&answer(folder, &[args, &["--format", "json"]].concat())).unwrap()
}

/// The one-line message of a command that must fail.
pub(crate) fn error(folder: &Path, args: &[&str]) -> String {
    let said = run(folder, args);
    assert_eq!(said.code, Some(2), "{args:?}: {}", said.stdout);
    assert!(said.stdout.is_empty(), "{args:?}: {}", said.stdout);
    assert_eq!(said.stderr.lines().count(), 1, "{args:?}: {}", said.stderr);
    said.stderr
}

/// Every report on a history.
pub(crate) struct Everything {
    /// The table of `leaks`.
    pub(crate) leaks: String,
    /// Its report.
    pub(crate) report: Value,
    /// The table of `timeline`.
    pub(crate) timeline: String,
    /// Its report.
    pub(crate) rows: Value,
}

impl Everything {
    /// The verdict: the first line of `leaks`.
    pub(crate) fn verdict(&self) -> String {
        verdict(&self.leaks)
    }

    /// Suspects of a class, by function, the worst first.
    pub(crate) fn of_class(&self, class: &str) -> Vec<&str> {
        of_class(&self.report, class)
    }

    /// Whether there is a warning with this code and text.
    pub(crate) fn warns(&self, code: &str, words: &str) -> bool {
        warns(&self.report, code, words) && warns(&self.rows, code, words)
    }
}

/// Number of charts drawn: tests run at the same time, and each needs its own file.
static CHARTS: AtomicUsize = AtomicUsize::new(0);

/// Runs `leaks` and `timeline` in each of their formats, with these arguments, which both accept.
/// Checks that no number is NaN and that nothing printed could control a terminal.
pub(crate) fn ask_everything(folder: &Path, args: &[&str]) -> Everything {
    let said = |command: &str, more: &[&str]| {
        let args = [&[command], args, more].concat();
        let said = answer(folder, &args);
        check_numbers(&format!("{args:?}"), &said);
        said
    };
    let table = |command: &str| {
        let table = said(command, &[]);
        let is_control = |c: char| c.is_control() && c != '\n';
        assert!(!table.contains(is_control), "{args:?}: {table:?}");
        table
    };
    let json = |command: &str| serde_json::from_str(&said(command, &["--format", "json"])).unwrap();
    for command in ["leaks", "timeline"] {
        let text = said(command, &["--format", "csv"]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert!(reader.headers().unwrap().len() > 5, "{text}");
        reader.records().for_each(|record| drop(record.unwrap()));
    }
    let number = CHARTS.fetch_add(1, Ordering::Relaxed);
    let chart = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("histories-{number}.svg"));
    said("timeline", &["-o", chart.to_str().unwrap()]);
    let picture = fs::read_to_string(&chart).unwrap();
    fs::remove_file(&chart).unwrap();
    assert!(picture.contains("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
    check_numbers("chart", &picture);
    Everything {
        leaks: table("leaks"),
        report: json("leaks"),
        timeline: table("timeline"),
        rows: json("timeline"),
    }
}

/// Asserts that no text contains the result of a division by zero.
pub(crate) fn check_numbers(what: &str, text: &str) {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    for word in words {
        let is_number = !["nan", "inf", "infinity"].iter().any(|no| word.eq_ignore_ascii_case(no));
        assert!(is_number, "{what}: {word} in\n{text}");
    }
}

/// The first part of a `leaks` table, on one line.
pub(crate) fn verdict(table: &str) -> String {
    let paragraph = table.split("\n\n").nth(1).unwrap_or_default();
    let lines = paragraph.lines().take_while(|line| !line.contains(" → "));
    lines.collect::<Vec<_>>().join(" ")
}

pub(crate) fn suspects(report: &Value) -> &[Value] {
    report["suspects"].as_array().unwrap()
}

/// Suspects of a class, by function, the worst first.
pub(crate) fn of_class<'a>(report: &'a Value, class: &str) -> Vec<&'a str> {
    let of_class = suspects(report).iter().filter(|suspect| suspect["class"] == class);
    of_class.map(|suspect| suspect["site"]["function"].as_str().unwrap()).collect()
}

/// Whether there is a warning with this code and text.
pub(crate) fn warns(report: &Value, code: &str, words: &str) -> bool {
    let warnings = report["warnings"].as_array().unwrap();
    let says = |w: &Value| w["code"] == code && w["message"].as_str().unwrap().contains(words);
    warnings.iter().any(says)
}
