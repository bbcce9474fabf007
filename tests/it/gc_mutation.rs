//! No log causes a panic, and none makes the reader count what isn't there: damaged, cut and mixed logs are read or
//! refused. The mutations are the same in every run; `HEAPDIFF_MUTATIONS=N` makes more of them.

use super::random::{Random, next_number};
use heapdiff::input::{Budget, Inflate, read_collections};
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::collector::CollectorReport;
use heapdiff::rules::collector::CollectorLimits;

/// Lines of every form.
const LINES: [&str; 14] = [
    "gc 1 @0.166s 0%: 0.22+2.3+0.074+0.76+0.56 ms clock, 0.45+2.3+0+0.55/0.59/0+1.1 ms cpu, 5->5->1 MB, 4 MB goal, 4 P",
    "gc 2 @0.284s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 4 P (forced)",
    "gc 3 @1.284s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 1 MB stacks, 0 MB globals, 8 P",
    "2026-11-27T23:49:47.123456789Z stderr F gc 4 @3.2s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 0 MB stacks, 0 MB globals, 8 P",
    "Nov 27 23:49:47 host app[12]: gc 5 @4.284s 3%: 18+1100+3 ms clock, 7+4/1/2+1 ms cpu, 400->410->200 MB, 500 MB goal, 4 P",
    r#"{"log":"gc 6 @5.1s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4-\u003e4-\u003e2 MB, 5 MB goal, 4 P\n","stream":"stderr","time":"2026-11-27T23:49:47Z"}"#,
    "gc 7 @6.000s 3% (checking for goroutine leaks): 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 4 P",
    "gc 8 @7.9s 3%: 0.018+1.",
    "gc 1 @0.004s 11%: 0.014+0.39+0.018 ms clock, 0.028+0.12/0.23/0.10+0.036 ms cpu, 3->4->3 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P",
    "scav 8 KiB work (bg), 0 KiB work (eager), 64 KiB now, 97% util",
    "scvg0: inuse: 3, idle: 60, sys: 63, released: 57, consumed: 6 (MB)",
    "GC forced",
    "checkfinalizers: queue: 5 finalizers + 2 cleanups",
    "2026/11/27 23:49:47 listening on :80",
];

/// Numbers that are likely to be a mistake.
const NUMBERS: [&str; 9] = [
    "0",
    "4294967295",
    "4294967296",
    "999999999999999999",
    "9999999999999999999",
    "18446744073709551616",
    "0.000000001",
    "-1",
    "1e9",
];

fn changed(random: &mut Random, text: &mut Vec<u8>) {
    let at = random.below(text.len() + 1);
    match random.below(8) {
        0 => text.truncate(at),
        1 => text.insert(at, random.below(256) as u8),
        2 if at < text.len() => {
            text.remove(at);
        }
        3 if at < text.len() => text[at] = random.below(256) as u8,
        4 => {
            let end = (at + random.below(200)).min(text.len());
            text.drain(at..end);
        }
        5 => {
            // A number becomes another.
            let Some(number) = next_number(text, at) else { return };
            text.splice(number, random.pick(&NUMBERS).bytes());
        }
        6 => {
            let line = *random.pick(&LINES);
            text.splice(at..at, line.bytes());
        }
        _ => text.splice(at..at, b"\n".iter().copied()).for_each(drop),
    }
}

#[test]
fn no_log_is_too_strange() {
    let runs =
        std::env::var("HEAPDIFF_MUTATIONS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3000);
    let style =
        Style { width: Width::Columns(80), color: true, unit: None, file_names: FileNames::Short };
    let (mut read, mut refused, mut kept) = (0, 0, 0);
    for seed in 0..runs {
        let mut random = Random(seed);
        let mut text = Vec::new();
        for number in 0..random.below(40) {
            let line = *random.pick(&LINES);
            // Often a log that goes on.
            let line = match random.below(3) {
                0 => line.to_owned(),
                _ => line.replacen("gc 3 @1.284s", &format!("gc {number} @{number}.284s"), 1),
            };
            text.extend(line.bytes().chain(*b"\n"));
        }
        for _ in 0..random.below(12) {
            changed(&mut random, &mut text);
        }
        let log = match read_collections(text.as_slice(), Budget::default(), Inflate::Here) {
            Ok(log) => log,
            Err(error) => {
                let message = error.to_string();
                assert!(!message.is_empty() && message.len() < 1000, "seed {seed}: {message}");
                refused += 1;
                continue;
            }
        };
        read += 1;
        let records: usize = log.processes.iter().map(|one| one.collections.len()).sum();
        let marks = text.windows(3).filter(|mark| mark == b"gc ").count() as u64;
        assert!(records as u64 + log.broken.count + log.repeated <= marks, "seed {seed}");
        let ends = text.split(|&byte| byte == b'\n').count() as u64 - 1;
        let is_open = text.last().is_some_and(|&last| last != b'\n');
        assert_eq!(log.lines, ends + u64::from(is_open), "seed {seed}");
        for process in &log.processes {
            let rises = process.collections.windows(2).all(|pair| pair[0].number < pair[1].number);
            assert!(rises && !process.collections.is_empty(), "seed {seed}");
        }
        let logs = vec![("a.log".to_owned(), log.clone()), ("b.log".to_owned(), log)];
        let report = CollectorReport::new(logs, &CollectorLimits::default(), Vec::new());
        kept += report.processes.len();
        for format in [Format::Table, Format::Json, Format::Csv, Format::SafeCsv, Format::Markdown]
        {
            let mut out = Vec::new();
            output::write_collector(format, &report, &style, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(
                !text.is_empty() && !text.contains("NaN") && !text.contains("inf "),
                "seed {seed}: {text}"
            );
        }
    }
    assert!(
        read * 2 > runs && refused > 0 && kept as u64 > read,
        "{read} read, {refused} refused, {kept} kept"
    );
}
