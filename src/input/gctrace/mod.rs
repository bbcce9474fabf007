//! Reads logs with lines of Go's gctrace (`GODEBUG=gctrace=1`).
//!
//! The runtime writes these lines to standard error, among the program's other output, and log
//! collectors put a time before each. So one such line anywhere near the beginning makes a log a
//! gctrace log, and [`read_log`] finds them anywhere: `scan` searches for them, `record` reads one,
//! `time` finds its time, and `processes` sorts them by process.

mod processes;
mod record;
mod scan;
mod time;

use super::{Content, Format, Holds, InputError, Meter, Refusal, Sniff};
use crate::model::collections::CollectorLog;
use memchr::memmem;
use std::io::Read;

/// gctrace's entry in the list of formats. A program's first garbage collections come early, so one
/// of their lines is near the beginning.
pub(super) const FORMAT: Format =
    Format { name: "gctrace log", holds: Holds::GcTrace, sniff: Sniff::Line(is_gctrace), read };

/// Reads nothing: a question about profiles only has to know what it is.
#[expect(clippy::unnecessary_wraps, reason = "reading a format may fail")]
fn read(_: &mut dyn Read, _: Meter<'_>) -> Result<Content, InputError> {
    Ok(Content::GcTrace(Refusal::gctrace()))
}

/// Reads the collections in a log, which may have none.
pub(super) fn read_log(
    reader: &mut dyn Read,
    meter: Meter<'_>,
) -> Result<CollectorLog, InputError> {
    scan::read(reader, meter)
}

/// Whether a text contains a line of gctrace.
fn is_gctrace(text: &[u8]) -> bool {
    memmem::find_iter(text, "gc ").any(|at| record::begins(&text[at..]))
}

#[cfg(test)]
mod tests {
    use super::super::{self as input, Budget, Inflate, InputError};
    use super::is_gctrace;
    use crate::model::collections::{Cause, CollectorLog, LogClock, Queues};
    use std::fmt::Write as _;
    use std::io::Read;

    /// A record of a version from 1.18 on.
    fn record(number: u32, seconds: f64) -> String {
        format!(
            "gc {number} @{seconds:.3}s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, \
             4->4->2 MB, 5 MB goal, 0 MB stacks, 0 MB globals, 4 P"
        )
    }

    fn read_collections(
        reader: impl Read + Send,
        budget: Budget,
    ) -> Result<CollectorLog, InputError> {
        input::read_collections(reader, budget, Inflate::Ahead)
    }

    fn log(text: &str) -> CollectorLog {
        read_collections(text.as_bytes(), Budget::default()).unwrap()
    }

    fn numbers(log: &CollectorLog) -> Vec<Vec<u32>> {
        let of = |process: &crate::model::collections::CollectorProcess| {
            process.collections.iter().map(|collection| collection.number).collect()
        };
        log.processes.iter().map(of).collect()
    }

    #[test]
    fn one_record_is_enough() {
        let record = "gc 12 @1.234s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 4 P";
        for text in [
            record.to_owned(),
            format!("listening on :80\n{record}\nbye"),
            format!("2026-01-02T03:04:05Z stderr F {record} (forced)\r\n"),
            format!("loading 50%{record}\n"),
        ] {
            assert!(is_gctrace(text.as_bytes()), "{text}");
            assert_eq!(numbers(&log(&text)), [[12]], "{text}");
        }
        for text in [
            "",
            "gc ",
            "gc 12 @1.234s 3%",
            "gc 12 @1s 3%: x",
            "gc is on",
            "the gc 12 times\n@1.234s 3%: ",
            "scvg: 8 MB released",
        ] {
            assert!(!is_gctrace(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn records_are_found_behind_every_prefix() {
        for (before, after) in [
            ("", ""),
            ("2026-11-27T23:49:47.123456789Z stderr F ", ""),
            ("Nov 27 23:49:47 host app[123]: ", ""),
            ("web-1  | ", "\r"),
            ("[pod/web-abc/app] ", ""),
            ("{\"log\":\"", "\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-27T23:49:47Z\"}"),
            ("request 12 took 3 ms", ""),
            ("\u{1b}[31m", "\u{1b}[0m"),
        ] {
            let mut text = String::new();
            for i in 1..=3 {
                let record = record(i, f64::from(i)).replace("->", "-\\u003e");
                writeln!(text, "listening on :{i}\n{before}{record}{after}").unwrap();
            }
            let log = log(&text);
            assert_eq!(numbers(&log), [[1, 2, 3]], "{text}");
            assert_eq!((log.lines, log.broken.count), (6, 0), "{text}");
            assert_eq!(log.processes[0].line, 2);
        }
        // Lines that lost their ends.
        let joined = format!("{}{}", record(1, 1.0), record(2, 2.0));
        assert_eq!(numbers(&log(&joined)), [[1, 2]]);
    }

    #[test]
    fn broken_records_are_counted_and_named() {
        let whole = record(2, 2.0);
        let text = format!("{}\nx {}\ngc 3 @oops\ngc 3 @3.1s", record(1, 1.0), &whole[..60]);
        let log = log(&text);
        assert_eq!(numbers(&log), [[1]]);
        assert_eq!((log.lines, log.broken.count), (4, 2));
        let places: Vec<_> = log.broken.first.iter().map(|one| (one.line, one.column)).collect();
        assert_eq!(places, [(2, 3), (4, 1)]);
        let error = |text: &str| read_collections(text.as_bytes(), Budget::default()).unwrap_err();
        let broken = error("a\n gc 7 @1.0s 3%: 1+x").to_string();
        assert!(
            broken.contains("in line 2, column 2, where milliseconds of clock time"),
            "{broken}"
        );
        let none = error("a\nb\n").to_string();
        assert!(none.starts_with("has no line of Go's gctrace in its 2 lines; run"), "{none}");
        assert!(error("<html>").to_string().starts_with("has no line"));
        assert!(error("heap_v2/524288\n").to_string().starts_with("is a jemalloc heap dump"));
    }

    /// What it is, the lines, and the numbers of the records of each process.
    type Case<'a> = (&'a str, Vec<String>, &'a [&'a [u32]]);

    #[test]
    fn processes_are_told_apart() {
        let line = |before: &str, number: u32, seconds: f64| {
            format!("{before}{}\n", record(number, seconds))
        };
        let cases: [Case<'_>; 7] = [
            (
                "restarted",
                vec![line("", 1, 0.1), line("", 2, 0.2), line("", 1, 0.1)],
                &[&[1, 2], &[1]],
            ),
            ("lost lines", vec![line("", 1, 0.1), line("", 9, 0.2)], &[&[1, 9]]),
            ("earlier by its time", vec![line("", 1, 5.0), line("", 2, 0.2)], &[&[1], &[2]]),
            (
                "mixed",
                vec![
                    line("a | ", 1, 0.1),
                    line("b | ", 1, 0.1),
                    line("b | ", 2, 0.2),
                    line("a | ", 2, 0.2),
                    line("a | ", 3, 0.3),
                ],
                &[&[1, 2, 3], &[1, 2]],
            ),
            (
                "mixed without names",
                vec![line("", 1, 0.1), line("", 2, 0.2), line("", 1, 0.1), line("", 3, 0.3)],
                &[&[1, 2, 3], &[1]],
            ),
            ("repeated", vec![line("", 1, 0.1), line("", 1, 0.1), line("", 2, 0.2)], &[&[1, 2]]),
            (
                "hours later",
                vec![line("2026-11-27T03:00:00Z ", 7, 0.1), line("2026-11-27T09:00:00Z ", 9, 0.2)],
                &[&[7], &[9]],
            ),
        ];
        for (name, lines, expected) in cases {
            let log = log(&lines.concat());
            assert_eq!(numbers(&log), expected, "{name}");
            assert_eq!(log.repeated, u64::from(name == "repeated"), "{name}");
        }
    }

    #[test]
    fn what_else_the_runtime_writes_is_read() {
        let text = format!(
            "scvg0: 13 MB released\nscvg0: inuse: 3, idle: 60, sys: 63, released: 57, consumed: 6 (MB)\n\
             GC forced\n2026/11/27 23:49:47 {}\nscvg: 8 KB released\nscav 1 8 KiB work, 20 KiB total, 9% util\n\
             scav 16 KiB work (bg), 4 KiB work (eager), 64 KiB now, 97% util\nscav 3 of it\n\
             checkfinalizers: queue: 5 finalizers + 2 cleanups\ncheckfinalizers: queue: 1 finalizers + 3 cleanups\n\
             2026/11/27 23:49:48 {}\n",
            record(1, 120.0),
            record(2, 121.0)
        );
        let log = log(&text);
        let process = &log.processes[0];
        assert_eq!(
            (process.scavenger.lines, process.scavenger.returned),
            (5, 13 * 1024 + 8 + 8 + 20)
        );
        assert_eq!(process.queues, Some(Queues { finalizers: 5, cleanups: 3, last: 4 }));
        let causes: Vec<_> = process.collections.iter().map(|one| one.cause).collect();
        assert_eq!(causes, [Cause::Periodic, Cause::Heap]);
        let (first, last) = (process.first.unwrap(), process.last.unwrap());
        assert_eq!((last.nanos - first.nanos, first.clock), (1_000_000_000, LogClock::Local));
    }

    /// Returns as many bytes at a time as it is told to.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = self.1.min(buffer.len());
            (&mut self.0).take(most as u64).read(buffer)
        }
    }

    #[test]
    fn pieces_and_long_lines_lose_nothing() {
        let mut text = String::new();
        for i in 1..=40 {
            // Some lines are longer than everything that is kept of them.
            text.push_str(&"x".repeat(if i % 10 == 0 { 1_300_000 + i as usize } else { 7_000 }));
            writeln!(text, "{}", record(i, f64::from(i))).unwrap();
        }
        let whole = log(&text);
        assert_eq!(numbers(&whole)[0].len(), 40);
        assert_eq!((whole.lines, whole.broken.count), (40, 0));
        for most in [977, 65_536, 1 << 20] {
            let read = read_collections(Trickle(text.as_bytes(), most), Budget::default()).unwrap();
            assert_eq!((numbers(&read), read.lines), (numbers(&whole), 40), "{most}");
        }
    }

    #[test]
    fn a_log_of_small_bytes_and_many_records_is_refused() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for i in 1..200_000 {
            std::io::Write::write_all(&mut packer, (record(i, 1.0) + "\n").as_bytes()).unwrap();
        }
        let packed = packer.finish().unwrap();
        let read = |budget| read_collections(packed.as_slice(), budget);
        assert_eq!(read(Budget::exactly(1 << 30)).unwrap().processes.len(), 1);
        let error = read(Budget::exactly(1 << 20)).unwrap_err().to_string();
        assert!(error.contains("collections, which take more than 1.0 MiB"), "{error}");
    }
}
