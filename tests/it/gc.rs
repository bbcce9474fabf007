//! `heapdiff gc`: logs in, a verdict out, in every format.

use crate::program::{Said, folder, run};
use flate2::Compression;
use flate2::write::GzEncoder;
use heapdiff::report::collector::CollectorReport;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A process whose collector is as it should be, unless something is changed: a log is written from
/// its live heap and its rate of allocation.
#[derive(Clone, Copy)]
struct Process {
    /// How long it runs.
    seconds: f64,
    /// MiB that are live at a time.
    live: fn(f64) -> f64,
    /// MiB that are allocated per second.
    rate: fn(f64) -> f64,
    gogc: f64,
    /// The largest goal in MiB.
    limit: f64,
    /// Milliseconds to mark 50 MiB.
    mark: f64,
    /// Milliseconds of a stop.
    stop: f64,
    /// Assists for each part of the background's work.
    assist: f64,
    /// Seconds between collections that the program asks for.
    forced: f64,
    /// MiB of stacks at a time.
    stacks: fn(f64) -> f64,
    /// The number of its first collection that is in the log.
    first: u32,
}

const HEALTHY: Process = Process {
    seconds: 3600.0,
    live: |_| 100.0,
    rate: |_| 40.0,
    gogc: 100.0,
    limit: f64::INFINITY,
    mark: 2.0,
    stop: 0.03,
    assist: 0.05,
    forced: f64::INFINITY,
    stacks: |_| 0.0,
    first: 1,
};

impl Process {
    fn log(&self) -> String {
        let mut log = String::new();
        let (mut at, mut number) = (0.0, 0);
        let mut heap = (self.live)(0.0).max(1.0);
        let mut goal = (heap * (1.0 + self.gogc / 100.0)).max(4.0);
        let mut forced_at = self.forced;
        loop {
            let rate = (self.rate)(at).max(1e-9);
            let (mut wait, mut end) = ((goal - heap).max(0.2) / rate, "");
            if wait > 120.0 {
                wait = 120.0;
                log.push_str("GC forced\n");
            }
            if at + wait > forced_at {
                (wait, end) = (forced_at - at, " (forced)");
                forced_at += self.forced;
            }
            at += wait;
            if at >= self.seconds {
                return log;
            }
            number += 1;
            let start = heap + rate * wait;
            // Some noise that is the same in every run.
            let live = (self.live)(at) * (1.0 + 0.03 * (f64::from(number) * 2.4).sin());
            let mark = self.mark * live / 50.0;
            let background = mark * 4.0 * 0.25;
            let stacks = (self.stacks)(at);
            if number >= self.first {
                writeln!(
                    log,
                    "gc {number} @{at:.3}s 1%: {stop:.3}+{mark:.3}+{stop:.3} ms clock, \
                     {cpu:.3}+{assist:.3}/{background:.3}/0+{cpu:.3} ms cpu, {start:.0}->{start:.0}->{live:.0} \
                     MB, {goal:.0} MB goal, {stacks:.0} MB stacks, 0 MB globals, 4 P{end}",
                    stop = self.stop,
                    cpu = 4.0 * self.stop,
                    assist = background * self.assist,
                )
                .unwrap();
            }
            at += mark / 1000.0;
            heap = live;
            let next = live + (live + stacks) * self.gogc / 100.0;
            goal = next.min(self.limit.max(live)).max(4.0 * self.gogc / 100.0);
        }
    }
}

/// The report on logs, which are files of a folder.
fn report(folder: &Path, args: &[&str]) -> CollectorReport {
    let said = run(folder, &[&["gc", "--format", "json"], args].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{args:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

/// The names of what is found in each process of a log.
fn found(folder: &Path, log: &str) -> Vec<String> {
    std::fs::write(folder.join("app.log"), log).unwrap();
    let of = |row: &heapdiff::analysis::collector::CollectorRow| {
        let names = row.findings.iter().map(|one| serde_json::to_value(one.rule).unwrap());
        names.map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    report(folder, &["app.log"]).processes.iter().map(of).collect()
}

#[test]
fn every_rule_finds_what_it_is_about_and_nothing_else() {
    let here = folder("gc-rules");
    let hour = HEALTHY;
    let cases: [(&str, Process); 26] = [
        ("", hour),
        ("", Process { live: |_| 3.0, rate: |_| 1.0, ..hour }),
        ("", Process { live: |_| 4000.0, rate: |_| 300.0, ..hour }),
        ("", Process { live: |_| 20.0, rate: |_| 0.001, ..hour }),
        ("", Process { first: 200, ..hour }),
        ("", Process { live: |at| 100.0 + 60.0 * (at / 600.0).sin(), ..hour }),
        ("", Process { live: |at| 200.0 - 150.0 * (-at / 300.0).exp(), ..hour }),
        ("", Process { live: |at| if at < 1500.0 { 80.0 } else { 160.0 }, ..hour }),
        (
            "",
            Process {
                live: |at| (4.0 + 40.0 * at).min(200.0),
                rate: |at| if at < 5.0 { 300.0 } else { 5.0 },
                ..hour
            },
        ),
        (
            "",
            Process {
                live: |at| (4.0 + 10.0 * at).min(300.0),
                rate: |at| if at < 30.0 { 900.0 } else { 5.0 },
                mark: 80.0,
                seconds: 600.0,
                ..hour
            },
        ),
        ("", Process { live: |at| 4.0 + at * 9000.0, rate: |_| 20_000.0, seconds: 0.4, ..hour }),
        ("", Process { gogc: 1000.0, limit: 400.0, ..hour }),
        ("", Process { live: |_| 20.0, rate: |_| 0.001, forced: 119.0, ..hour }),
        ("", Process { forced: 300.0, ..hour }),
        ("leak", Process { live: |at| 50.0 + at / 30.0, ..hour }),
        ("leak", Process { live: |at| 10.0 + at / 4.0, rate: |_| 0.3, ..hour }),
        ("leak", Process { live: |at| 100.0 + (at - 1800.0).max(0.0) / 30.0, ..hour }),
        ("churn", Process { live: |_| 5.0, rate: |_| 800.0, seconds: 60.0, ..hour }),
        (
            "churn",
            Process { rate: |at| if at < 2400.0 { 10.0 } else { 2000.0 }, mark: 30.0, ..hour },
        ),
        (
            "limit-thrash",
            Process {
                live: |at| (50.0 + at / 2.0).min(230.0),
                rate: |_| 200.0,
                limit: 250.0,
                mark: 80.0,
                seconds: 900.0,
                ..hour
            },
        ),
        (
            "leak limit-thrash",
            Process {
                live: |at| 50.0 + at / 20.0,
                rate: |_| 100.0,
                limit: 232.0,
                mark: 80.0,
                ..hour
            },
        ),
        ("forced", Process { live: |_| 50.0, rate: |_| 10.0, forced: 5.0, ..hour }),
        ("assists", Process { rate: |_| 150.0, assist: 0.9, mark: 60.0, ..hour }),
        ("long-stops", Process { stop: 16.0, ..hour }),
        ("stacks-grow", Process { stacks: |at| at / 200.0, ..hour }),
        (
            "burst",
            Process {
                live: |at| if (1500.0..1700.0).contains(&at) { 400.0 } else { 50.0 },
                ..hour
            },
        ),
    ];
    for (number, (expected, process)) in cases.iter().enumerate() {
        let log = process.log();
        let mut all = found(&here, &log);
        let mut names: Vec<&str> = all[0].split(' ').collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), *expected, "case {number}");
        assert_eq!(all.len(), 1, "case {number}");
        all.clear();
    }
}

/// What programs of our own wrote, see testdata/README.md.
#[test]
fn recorded_programs_are_told_apart() {
    let here = folder("gc-recorded");
    let cases = [
        ("healthy", &[""][..]),
        ("limit", &[""]),
        ("step", &[""]),
        ("churn-tree", &["churn assists"]),
        ("forced", &["forced"]),
        ("leak", &["leak"]),
        ("spike", &["burst"]),
        ("thrash", &["limit-thrash"]),
        ("finalizers", &["leak finalizers"]),
    ];
    for (name, expected) in cases {
        let log = crate::corpus::read(&format!("collector/{name}.log"));
        assert_eq!(found(&here, &String::from_utf8(log).unwrap()), expected, "{name}");
    }
}

#[test]
fn a_record_of_the_queues_names_finalizers() {
    let here = folder("gc-finalizers");
    let queues = "checkfinalizers: queue: 25000 finalizers + 3 cleanups\n";
    assert_eq!(found(&here, &(HEALTHY.log() + queues)), ["finalizers"]);
    assert_eq!(found(&here, &(HEALTHY.log() + &queues.replace("25000", "250"))), [""]);
}

#[test]
fn thresholds_are_settings() {
    let here = folder("gc-settings");
    std::fs::write(here.join("heapdiff.toml"), "[gc]\nstop_ms = 0.01\n").unwrap();
    assert_eq!(found(&here, &HEALTHY.log()), ["long-stops"]);
    std::fs::write(here.join("other.toml"), "[gc]\nstop_ms = 20\n").unwrap();
    let other = report(&here, &["--config", "other.toml", "app.log"]);
    assert_eq!(other.processes[0].findings, []);
    std::fs::write(here.join("heapdiff.toml"), "[gc]\nstop_ms = 'long'\n").unwrap();
    let said = run(&here, &["gc", "app.log"]);
    let error = "heapdiff: heapdiff.toml:2:11: `stop_ms` should be a number of at least 0\n";
    assert_eq!((said.code, said.stderr.as_str()), (Some(2), error));
    // The other commands accept the table, and have no use for it.
    let said = run(&here, &["patterns"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

/// Trends and rates of a few seconds mean little, and so do those of a few collections.
#[test]
fn a_short_log_is_said_to_be_short() {
    let here = folder("gc-short");
    let said = |log: &str| {
        std::fs::write(here.join("app.log"), log).unwrap();
        run(&here, &["gc", "app.log"]).stdout.lines().next().unwrap().to_owned()
    };
    let recorded = |name: &str| {
        said(std::str::from_utf8(&crate::corpus::read(&format!("collector/{name}.log"))).unwrap())
    };
    let healthy = "nothing stands out in 15 collections, measured over only 11.19 s";
    assert_eq!(recorded("healthy"), healthy);
    let churn = recorded("churn-tree");
    assert!(churn.ends_with("; measured over only 2.99 s; 1 more finding"), "{churn}");
    let forced = recorded("forced");
    assert!(forced.ends_with(" 28 of 30 collections; measured over only 2.97 s"), "{forced}");
    let few = Process { seconds: 20.0, rate: |_| 1.0, forced: 5.0, ..HEALTHY };
    let few = said(&few.log());
    assert!(few.ends_with("; measured over only 3 collections"), "{few}");
    let two = said(&(Process { seconds: 20.0, ..HEALTHY }.log()).repeat(2));
    assert!(two.contains(" of 2 processes, none measured over more than "), "{two}");
    for process in [HEALTHY, Process { rate: |_| 150.0, assist: 0.9, mark: 60.0, ..HEALTHY }] {
        let said = said(&process.log());
        assert!(!said.contains("measured"), "{said}");
    }
}

fn lines(prefix: &str, log: &str) -> String {
    log.lines().fold(String::new(), |all, line| all + prefix + line + "\n")
}

#[test]
fn logs_of_several_processes_name_the_one_that_matters() {
    let here = folder("gc-processes");
    let leak = Process { live: |at| 50.0 + at / 30.0, ..HEALTHY };
    let log = HEALTHY.log() + &leak.log() + &HEALTHY.log();
    assert_eq!(found(&here, &log), ["", "leak", ""]);
    let said = run(&here, &["gc", "--width", "80", "app.log"]).stdout;
    assert!(said.starts_with("leak in process 2 of 3: the live heap grows"), "{said}");
    assert!(said.contains("\nprocess 2 (app.log, line "), "{said}");
    // Containers whose lines are mixed.
    let (a, b) = (lines("web-1  | ", &HEALTHY.log()), lines("web-2  | ", &leak.log()));
    let (mut a, mut b) = (a.lines(), b.lines());
    let mut mixed = String::new();
    while let (Some(a), Some(b)) = (a.next(), b.next()) {
        writeln!(mixed, "{a}\n{b}").unwrap();
    }
    assert_eq!(found(&here, &mixed), ["", "leak"]);
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn rotated_logs_are_one_log() {
    let here = folder("gc-rotated");
    let log = Process { live: |at| 50.0 + at / 30.0, ..HEALTHY }.log();
    let middle = log[log.len() / 2..].find('\n').unwrap() + log.len() / 2 + 1;
    std::fs::write(here.join("app.log"), &log[middle..]).unwrap();
    std::fs::write(here.join("app.log.1.gz"), packed(&log[..middle])).unwrap();
    std::fs::write(here.join("notes.txt"), "nothing\n").unwrap();
    std::fs::write(here.join("whole.txt"), &log).unwrap();
    let both = report(&here, &["app.log", "app.log.1.gz"]);
    let whole = report(&here, &["whole.txt"]);
    assert_eq!(both.processes.len(), 1);
    assert_eq!(both.processes[0].total, whole.processes[0].total);
    assert_eq!(both.processes[0].findings, whole.processes[0].findings);
    std::fs::remove_file(here.join("whole.txt")).unwrap();
    let folder = report(&here, &["."]);
    assert_eq!(folder.processes.len(), 1);
    assert_eq!(folder.warnings, ["skipped 1 file without gctrace lines: notes.txt"]);
    assert_eq!(report(&here, &["-q", "."]).warnings, [""; 0]);
}

#[test]
fn standard_input_is_read() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    let command = command.args(["gc", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(HEALTHY.log().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("nothing stands out in 1 437 collections in 59 min 5"), "{said}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let here = folder("gc-bad");
    let fails = |args: &[&str]| {
        let Said { code, stderr, stdout } = run(&here, &[&["gc"], args].concat());
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}");
        stderr
    };
    std::fs::write(here.join("app.log"), "started\nstopped\n").unwrap();
    std::fs::write(here.join("cut.log"), "started\ngc 1 @0.5s 3%: 0.1+").unwrap();
    std::fs::write(here.join("empty.log"), "").unwrap();
    std::fs::write(here.join("heap.pb.gz"), crate::corpus::read("chat/before.pb.gz")).unwrap();
    let cases = [
        (&[][..], "heapdiff: gc needs logs: "),
        (&["app.log"], "heapdiff: app.log: has no line of Go's gctrace in its 2 lines; run the"),
        (&["cut.log"], "heapdiff: cut.log: has no whole line of Go's gctrace: the 1 that begin"),
        (&["empty.log"], "heapdiff: empty.log: is empty"),
        (&["heap.pb.gz"], "heapdiff: heap.pb.gz: is a pprof profile, not a log; "),
        (&["none.log"], "heapdiff: none.log: "),
        (&["."], "heapdiff: "),
        (&["-", "-"], "heapdiff: "),
        (&["app.log", "-o", "app.log"], "heapdiff: "),
        (&["app.log", "--csv-safe"], "heapdiff: --csv-safe only affects csv"),
        (&["app.log", "--format", "svg"], "heapdiff: "),
    ];
    for (args, expected) in cases {
        let said = fails(args);
        assert!(said.starts_with(expected), "{args:?}: {said}");
    }
    // Where some lines can be read, the others are warned about.
    let log = HEALTHY.log();
    let lost = log.lines().enumerate().filter(|&(at, _)| at != 3).map(|(_, line)| line);
    let mut log = lost.collect::<Vec<_>>().join("\n");
    log.push_str("\ngc 77 @9999.5s 3%: 0.1+");
    std::fs::write(here.join("app.log"), log).unwrap();
    let warnings = report(&here, &["app.log"]).warnings;
    let broken = "app.log: 1 record of gctrace breaks off and isn't counted: it is in line 1437, column 1, where \
                  milliseconds of clock time, as in `0.018+1.1+0.003` was expected";
    assert_eq!(warnings, [broken, "1 collection has no record: lines of the log are lost"]);
}

#[test]
fn the_text_fits_and_the_formats_agree() {
    let here = folder("gc-formats");
    let thrash = Process {
        live: |at| 50.0 + at / 20.0,
        rate: |_| 100.0,
        limit: 232.0,
        mark: 80.0,
        stacks: |at| at / 200.0,
        ..HEALTHY
    };
    std::fs::write(here.join("app.log"), thrash.log() + &HEALTHY.log()).unwrap();
    for width in [80, 120, 200] {
        let said = run(&here, &["gc", "--width", &width.to_string(), "app.log"]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        for line in said.stdout.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        let first = said.stdout.lines().next().unwrap();
        assert!(first.starts_with("limit-thrash in process 1 of 2: the memory limit is too"));
    }
    let whole = report(&here, &["app.log"]);
    let text = run(&here, &["gc", "app.log"]).stdout;
    let markdown = run(&here, &["gc", "--format", "markdown", "app.log"]).stdout;
    assert!(
        markdown.starts_with("### heapdiff gc: limit-thrash in process 1 of 2: "),
        "{markdown}"
    );
    for finding in &whole.processes[0].findings {
        let words: String = finding.message.chars().take(60).collect();
        assert!(text.replace("\n   ", " ").contains(&words), "{words}\n{text}");
        assert!(markdown.contains(&format!("**{} ", finding.id)), "{markdown}");
    }
    let csv = run(&here, &["gc", "--format", "csv", "app.log"]).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let windows =
        whole.processes.iter().flat_map(|row| row.windows.iter().map(move |one| (row, one)));
    let windows: Vec<_> = windows.collect();
    assert_eq!(records.len(), windows.len());
    for (record, (row, window)) in records.iter().zip(windows) {
        let json = serde_json::to_value(window).unwrap();
        assert_eq!(record[0], row.number.to_string());
        for (column, cell) in header.iter().zip(record).skip(1) {
            let expected = match &json[column] {
                Value::Null => String::new(),
                Value::Number(number) if number.is_f64() => number.as_f64().unwrap().to_string(),
                other => other.to_string(),
            };
            assert_eq!(cell, expected, "{column}");
        }
    }
}

/// Names of logs are shown as they are, and can do no harm.
#[test]
fn hostile_names_and_lines_are_harmless() {
    let here = folder("gc-hostile");
    let name = "a\u{1b}[31m`|<b>@x\n.log";
    std::fs::write(here.join(name), HEALTHY.log() + "\u{1b}]0;gc 9 @9999.1s x\n").unwrap();
    for format in ["table", "markdown", "csv"] {
        let said = run(&here, &["gc", "--format", format, name]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(!said.stdout.contains('\u{1b}') && !said.stderr.contains('\u{1b}'), "{format}");
    }
    assert_eq!(report(&here, &[name]).inputs[0].name, name);
}

/// Logs of programs outside of this project.
#[test]
fn recorded_logs_are_read_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let mut logs: Vec<PathBuf> = Vec::new();
    let mut add = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        logs.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.contains("gctrace") || name.contains("go15_stderr")
        }));
    };
    add(&root.join("corpus/gctrace-log"));
    let recordings = std::fs::read_dir(root.join("leakbench/recordings")).into_iter().flatten();
    recordings.for_each(|entry| add(&entry.unwrap().path()));
    if logs.is_empty() {
        crate::gc_program::skip("no recorded logs in ../shared");
        return;
    }
    for log in logs {
        let bytes = std::fs::read(&log).unwrap();
        let text = crate::corpus::unpacked(&bytes).unwrap_or(bytes);
        let records =
            String::from_utf8_lossy(&text).lines().filter(|line| line.starts_with("gc ")).count();
        let report = report(&root, &[log.to_str().unwrap()]);
        let input = &report.inputs[0];
        assert_eq!((input.collections, input.broken), (records, 0), "{}", log.display());
        let all = report.processes.iter().map(|row| row.total.collections).sum::<usize>();
        assert_eq!(all, records, "{}", log.display());
        // A file with the verdict is beside the recordings.
        let Ok(truth) = std::fs::read_to_string(log.with_file_name("truth.json")) else { continue };
        let truth: Value = serde_json::from_str(&truth).unwrap();
        let rules = report.processes[0].findings.iter();
        let is_leak = rules.clone().any(|one| one.id == "G1");
        let name = log.display();
        match truth["verdict"].as_str().unwrap() {
            "healthy" | "step" | "warmup" => assert_eq!(rules.count(), 0, "{name}"),
            "churn" => assert!(rules.clone().any(|one| one.id == "G2") && !is_leak, "{name}"),
            // Not every leak rises in the trace alone; what rises is none of the others.
            _ => assert!(is_leak || rules.clone().all(|one| one.id != "G2"), "{name}"),
        }
    }
}
