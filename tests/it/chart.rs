//! The timeline chart: complete for any timeline, with names and totals, and of bounded size.
//! `tests/browser/chart.rs` opens one in a browser.

use super::dsl::{bytes, heap, stack};
use super::samples;
use heapdiff::analysis::estimates::{Class, Estimate};
use heapdiff::analysis::timeline::{Through, Timeline, TimelineRow};
use heapdiff::analysis::{Measure, Omitted};
use heapdiff::output::{self, FileNames, Format, Style};
use heapdiff::report::{Answer, Report, Sort};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::path::Path;
use std::process::Command;

const MIB: i64 = 1 << 20;
const MINUTE: i64 = 60_000_000_000;

fn row(name: &str, class: Class, values: &[i64]) -> TimelineRow {
    let delta = values.last().unwrap_or(&0).wrapping_sub(*values.first().unwrap_or(&0));
    let slope = Estimate { estimate: 3 * MIB, lower: 2 * MIB, upper: 4 * MIB };
    TimelineRow {
        name: name.to_owned(),
        file: Some("chat/room.go".to_owned()),
        line: Some(7),
        flat: values.to_vec(),
        cum: values.to_vec(),
        allocated_per_second: vec![None; values.len()],
        delta: Measure { flat: delta, cum: delta },
        class,
        slope_per_hour: Some(slope),
        q_value: None,
        retention: None,
    }
}

/// A timeline of one process with snapshots a minute apart. Its total is the sum of the rows plus a
/// given amount.
fn timeline(rows: Vec<TimelineRow>, beside: i64) -> Timeline {
    let n = rows.first().map_or(0, |row| row.flat.len());
    let sum = |i: usize| rows.iter().fold(beside, |sum, row| sum.wrapping_add(row.flat[i]));
    let time = |i: usize| format!("2026-01-01T{:02}:{:02}:00.5Z", i / 60 % 24, i % 60);
    Timeline {
        places: None,
        tracks: Vec::new(),
        times: (0..n).map(|i| Some(time(i))).collect(),
        elapsed_nanos: Some((0..n as i64).map(|i| i * MINUTE).collect()),
        inputs: (0..n).collect(),
        processes: vec![0; n],
        judged: 0,
        total: Through { values: (0..n).map(sum).collect(), allocated_per_second: vec![None; n] },
        rows,
        omitted: Omitted { rows: 4, sum: 0 },
    }
}

fn report(timeline: Timeline) -> Report {
    let mut report = samples::empty_diff();
    report.sort = Sort::Flat;
    report.answer = Answer::Timeline(timeline);
    report
}

fn drawn(report: &Report) -> String {
    drawn_in(report, None)
}

fn drawn_in(report: &Report, unit: Option<&str>) -> String {
    let style = Style {
        width: output::Width::Unlimited,
        color: false,
        unit: unit.map(str::to_owned),
        file_names: FileNames::Short,
    };
    let mut out = Vec::new();
    output::write(Format::Svg, report, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A parsed chart: its words, its titles, and the corners of each area.
#[derive(Debug, Default)]
struct Parts {
    words: Vec<String>,
    titles: Vec<String>,
    areas: Vec<Vec<(i32, i32)>>,
}

impl Parts {
    fn says(&self, words: &str) -> bool {
        self.words.iter().any(|text| text.contains(words))
    }
}

/// Parses a chart, all of whose positions are within it.
fn parts(svg: &str) -> Parts {
    let mut reader = Reader::from_str(svg);
    let mut parts = Parts::default();
    let mut inside = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(start) => {
                let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                if let Some(points) = start.try_get_attribute("points").unwrap() {
                    let points = String::from_utf8(points.value.to_vec()).unwrap();
                    let points = points.split_whitespace().map(|point| {
                        let (x, y) = point.split_once(',').unwrap();
                        (x.parse().unwrap(), y.parse().unwrap())
                    });
                    let points: Vec<(i32, i32)> = points.collect();
                    for (x, y) in &points {
                        assert!((0..=1200).contains(x) && (0..=700).contains(y), "{x}, {y}");
                    }
                    if name == "polygon" {
                        parts.areas.push(points);
                    }
                }
                inside.push(name);
            }
            Event::End(_) => drop(inside.pop().unwrap()),
            Event::Text(text) => {
                let text = text.decode().unwrap().trim().to_owned();
                match inside.last().map(String::as_str) {
                    Some("text") => parts.words.push(text),
                    Some("title") if inside.len() > 2 => parts.titles.push(text),
                    _ => {}
                }
            }
            Event::GeneralRef(_) | Event::Empty(_) => {}
            other => panic!("{other:?} is nothing that a picture has"),
        }
    }
    assert_eq!(inside.len(), 0, "all tags are closed");
    let illegal = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(!svg.contains(illegal), "characters that XML has not");
    for word in ["NaN", "inf ", "inf\""] {
        assert!(!svg.contains(word), "{word}");
    }
    parts
}

fn growing(n: i64) -> Timeline {
    let values = |value: &dyn Fn(i64) -> i64| (0..n).map(value).collect::<Vec<_>>();
    let rows = vec![
        row("chat.cache", Class::WarmUp, &values(&|i| (20 - 20 / (i + 1)) * MIB)),
        row("chat.(*Room).join", Class::Leak, &values(&|i| i * 3 * MIB)),
        row("bytes.growSlice", Class::Churn, &values(&|i| (i % 3) * MIB)),
    ];
    timeline(rows, 5 * MIB)
}

#[test]
fn areas_pile_up_to_the_total_and_leaks_come_first() {
    let report = report(growing(12));
    let svg = drawn(&report);
    assert_eq!(svg, drawn(&report), "equal input gives equal bytes");
    let parts = parts(&svg);
    for words in [
        "inuse_space through 12 snapshots in 11 min",
        "5.0 MiB → 59.0 MiB (+54.0 MiB)",
        "1 of the functions leaking: chat.(*Room).join +3.0 MiB/h",
        "2026-01-01T00:00:00Z to 2026-01-01T00:11:00Z",
        "33.0 MiB · leak · +3.0 MiB/h",
        "other (4 functions)",
        "10 min",
        "32 MiB",
    ] {
        assert!(parts.says(words), "{words}: {:?}", parts.words);
    }
    let names =
        ["total", "chat.(*Room).join", "chat.cache", "bytes.growSlice", "other (4 functions)"];
    let legend: Vec<&str> =
        parts.words.iter().map(String::as_str).filter(|word| names.contains(word)).collect();
    assert_eq!(legend, names, "leaks come first");
    assert_eq!(parts.areas.len(), 4);
    // Each area lies on the next, and the last on the axis.
    for pair in parts.areas.windows(2) {
        let base: Vec<_> = pair[0][12..].iter().rev().copied().collect();
        assert_eq!(base, pair[1][..12]);
    }
    let axis = parts.areas[3][12].1;
    assert!(parts.areas[3][12..].iter().all(|&(_, y)| y == axis));
    // And the heights are to scale: 54 MiB compared with 5.
    let height = |i: usize| f64::from(axis - parts.areas[0][i].1);
    assert!((height(11) / height(0) - 59.0 / 5.0).abs() < 0.2, "{} {}", height(0), height(11));
    let about = "chat.(*Room).join: 0 B → 33.0 MiB (+33.0 MiB), leak, +3.0 MiB/h (+2.0 MiB … +4.0 MiB)\n\
                 chat/room.go:7";
    assert!(parts.titles.iter().any(|title| title == about), "{:?}", parts.titles);
    assert!(parts.titles.iter().any(|title| title.starts_with("snapshot 2: 19.0 MiB\n2026-")));
    assert!(svg.contains(r#"role="img" aria-labelledby="title about""#));
}

#[test]
fn sums_that_overlap_are_lines() {
    let mut report = report(growing(12));
    report.sort = Sort::Cum;
    let parts = parts(&drawn(&report));
    assert!(parts.areas.is_empty());
    assert!(parts.says("rows overlap and do not add up"), "{:?}", parts.words);
    assert!(!parts.says("other"));
}

#[test]
fn values_are_in_the_unit_that_is_asked_for() {
    let parts = parts(&drawn_in(&report(growing(12)), Some("kB")));
    assert!(parts.says("20000 kB"), "{:?}", parts.words);
    assert!(parts.says("5120.00 kB → 60416.00 kB"), "{:?}", parts.words);
}

#[test]
fn a_restart_is_a_gap_and_replicas_are_told_apart() {
    let mut restarted = growing(12);
    restarted.processes = [0, 1].repeat(6);
    restarted.processes.sort_unstable();
    restarted.judged = 1;
    let found = parts(&drawn(&report(restarted.clone())));
    assert_eq!(found.areas.len(), 8, "each process has areas of its own");
    assert!(found.says("2 processes, dashed lines between them"), "{:?}", found.words);
    assert!(found.titles.iter().any(|title| title == "another process begins"));

    restarted.processes = [0, 1].repeat(6);
    let found = parts(&drawn(&report(restarted)));
    assert_eq!(found.areas.len(), 4);
    assert!(found.says("through 6 snapshots in 10 min"), "{:?}", found.words);
    assert!(found.says("process 2 of 2 that ran in parallel"), "{:?}", found.words);
}

#[test]
fn any_timeline_is_a_picture() {
    let no_times = |mut timeline: Timeline| {
        timeline.elapsed_nanos = None;
        timeline.times = vec![None; timeline.processes.len()];
        timeline
    };
    let one = |values: &[i64]| timeline(vec![row("main.a", Class::Steady, values)], 0);
    let mut same_time = one(&[1, 2, 3]);
    same_time.elapsed_nanos = Some(vec![0, 0, 0]);
    let mut decades = one(&[1, 2, 3]);
    decades.elapsed_nanos = Some(vec![0, 1, i64::MAX]);
    let mut alone = one(&[5 * MIB; 50]);
    alone.processes = (0..50).collect();
    let cases = [
        ("nothing", Timeline::default(), "no snapshots"),
        ("no rows", timeline(Vec::new(), 0), "no snapshots"),
        ("one", no_times(one(&[5 * MIB])), "1 snapshot"),
        ("zeros", one(&[0, 0, 0]), "0 B → 0 B"),
        ("equal", one(&[7 * MIB, 7 * MIB]), "7.0 MiB → 7.0 MiB (0 B)"),
        ("negative", one(&[-MIB, 2 * MIB, -3 * MIB]), "-1.0 MiB → -3.0 MiB"),
        ("huge", one(&[i64::MIN, i64::MAX, 0]), "-8.0 EiB → 0 B"),
        ("no times", no_times(growing(12)), "in the order given, without times"),
        ("equal times", same_time, "3 snapshots"),
        ("decades", decades, "3 snapshots in 106751 d"),
        ("restarts", alone, "50 processes"),
    ];
    for (case, timeline, words) in cases {
        for sort in [Sort::Flat, Sort::Cum] {
            let mut report = report(timeline.clone());
            report.sort = sort;
            let parts = parts(&drawn(&report));
            assert!(parts.says(words), "{case} by {sort:?}: {:?}", parts.words);
        }
    }
}

#[test]
fn the_size_is_bounded_and_spikes_are_kept() {
    let mut values = vec![MIB; 10_000];
    values[5_432] = 90 * MIB;
    let rows = (0..40).map(|i| row(&format!("main.f{i}"), Class::Steady, &values)).collect();
    let svg = drawn(&report(timeline(rows, 0)));
    assert!(svg.len() < 1_000_000, "{} bytes", svg.len());
    let parts = parts(&svg);
    assert!(parts.says("other (20 functions)"), "{:?}", parts.words);
    assert!(parts.says("of the snapshots drawn"), "{:?}", parts.words);
    let highest = parts.areas[0].iter().map(|&(_, y)| y).min().unwrap();
    assert!(highest < 120, "the spike reaches the top: {highest}");
}

#[test]
fn names_of_any_kind_stay_within_the_xml() {
    let long = "example.com/".to_owned() + &"long".repeat(5_000) + ".Name";
    let names =
        ["a<script>&'\"]]>", "esc\u{1b}[31m", "bidi\u{202e}gpj", "non\u{ffff}", &long, "世界"];
    let rows = names.map(|name| row(name, Class::Leak, &[MIB, 2 * MIB])).to_vec();
    let svg = drawn(&report(timeline(rows, 0)));
    let parts = parts(&svg);
    assert!(svg.contains("a&lt;script&gt;&amp;"), "{svg}");
    assert!(parts.says("esc\\u{1b}[31m") && parts.says("non\u{fffd}"), "{:?}", parts.words);
    assert!(parts.says("long.Name") && parts.says("…"), "{:?}", parts.words);
    assert!(svg.len() < 30_000);
}

#[test]
fn a_file_called_svg_gets_the_chart() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chart");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut files = Vec::new();
    for i in 0..6 {
        let (objects, bytes_now) = (1000 * (i + 1), MIB * (i + 1));
        let mut profile = heap(&[
            stack("main;chat.join").inuse(objects, bytes_now).alloc(objects, bytes_now),
            stack("main;chat.cache").inuse(500, 8 * MIB).alloc(500, 8 * MIB),
        ]);
        profile.time_nanos += i * MINUTE;
        let name = format!("heap-{i}.pb");
        std::fs::write(folder.join(&name), bytes(&profile)).unwrap();
        files.push(name);
    }
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        let files = files.iter().map(String::as_str);
        command.arg("timeline").args(args).args(files).current_dir(&folder).output().unwrap()
    };
    let out = run(&["-o", "x.svg"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let svg = std::fs::read_to_string(folder.join("x.svg")).unwrap();
    let found = parts(&svg);
    assert!(found.says("inuse_space through 6 snapshots in 5 min"), "{:?}", found.words);
    assert!(found.says("9.0 MiB → 14.0 MiB (+5.0 MiB)"), "{:?}", found.words);
    assert!(found.says("chat.join") && found.says("chat.cache"), "{:?}", found.words);
    // The requested format is written, and a format that a chart lacks is an error.
    assert!(run(&["-o", "y.svg", "--format", "json"]).status.success());
    assert!(std::fs::read_to_string(folder.join("y.svg")).unwrap().starts_with('{'));
    let out = run(&["-o", "z.svg", "--width", "80"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--width"));
    assert!(!folder.join("z.svg").exists());
}
