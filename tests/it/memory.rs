//! `heapdiff memory`: whatever there is in, a waterfall that adds up out.

use super::gc_program::skip;
use crate::program::{folder, run};
use heapdiff::analysis::memory::{MemoryAnswer, MemoryPart, MemoryTotal};
use heapdiff::report::memory::MemoryReport;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const MIB: i64 = 1 << 20;

fn report(folder: &Path, args: &[&str]) -> MemoryReport {
    let said = run(folder, &[&["memory", "--format", "json"], args].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{args:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

fn rules(answer: &MemoryAnswer) -> Vec<&str> {
    answer.findings.iter().map(|one| one.id.as_str()).collect()
}

/// The parts add up to the total at every moment.
fn adds_up(answer: &MemoryAnswer) {
    for moment in &answer.moments {
        assert_eq!(moment.parts.values().sum::<i64>(), moment.total as i64, "{moment:?}");
    }
    let sum: i64 = answer.parts.iter().filter_map(|row| row.after).sum();
    assert_eq!(sum, answer.after as i64);
    let negative = answer.parts.iter().find(|row| row.after.is_some_and(|bytes| bytes < 0));
    assert!(negative.is_none_or(|row| row.part == MemoryPart::NotExplained), "{negative:?}");
}

fn after(answer: &MemoryAnswer, part: MemoryPart) -> Option<i64> {
    answer.parts.iter().find(|row| row.part == part)?.after
}

/// Sizes of a moment in MiB.
#[derive(Clone, Copy)]
struct At {
    objects: i64,
    inuse: i64,
    idle: i64,
    released: i64,
    buckets: i64,
    next: i64,
    /// Anonymous memory that isn't Go's.
    outside: i64,
    lazy: i64,
}

const HEALTHY: At = At {
    objects: 150,
    inuse: 160,
    idle: 60,
    released: 10,
    buckets: 2,
    next: 200,
    outside: 0,
    lazy: 0,
};

/// Writes the files of some moments, a minute apart.
fn write(folder: &Path, moments: &[At]) {
    let (mut statistics, mut maps) = (String::new(), String::new());
    for (number, at) in moments.iter().enumerate() {
        let time = 1_795_836_379 + 60 * number as i64;
        let go = at.inuse + at.idle - at.released + 4 + 8 + at.buckets;
        let anonymous = go + at.outside + at.lazy;
        let value = serde_json::json!({
            "ts": time, "HeapAlloc": at.objects * MIB, "HeapInuse": at.inuse * MIB,
            "HeapIdle": at.idle * MIB, "HeapReleased": at.released * MIB,
            "HeapSys": (at.inuse + at.idle) * MIB, "StackSys": 4 * MIB, "StackInuse": 4 * MIB,
            "BuckHashSys": at.buckets * MIB, "NextGC": at.next * MIB,
            "Sys": (at.inuse + at.idle + 12 + at.buckets) * MIB
        });
        writeln!(statistics, "{value}").unwrap();
        writeln!(
            maps,
            "{time}\nRss: {} kB\nAnonymous: {} kB\nLazyFree: {} kB\nAnonHugePages: 0 kB",
            (anonymous + 20) * 1024,
            anonymous * 1024,
            at.lazy * 1024
        )
        .unwrap();
    }
    std::fs::write(folder.join("memstats.json"), statistics).unwrap();
    std::fs::write(folder.join("smaps.txt"), maps).unwrap();
}

#[test]
fn each_rule_finds_its_case_and_nothing_else() {
    let twenty = |of: &dyn Fn(i64) -> At| (0..20).map(of).collect::<Vec<At>>();
    let noise = |n: i64| (n * 7919) % 13;
    let cases: [(&str, Vec<At>, &[&str]); 9] = [
        ("healthy", twenty(&|n| At { objects: 100 + 5 * noise(n), ..HEALTHY }), &[]),
        ("healthy at one moment", vec![HEALTHY], &[]),
        // Right after a collection, half of the heap is free: for what comes until the next.
        (
            "after a collection",
            twenty(&|_| At { objects: 100, inuse: 110, idle: 110, ..HEALTHY }),
            &[],
        ),
        (
            "room between objects",
            twenty(&|_| At { objects: 100, inuse: 200, idle: 20, ..HEALTHY }),
            &[],
        ),
        (
            "M1",
            twenty(&|n| At {
                objects: 150 + 20 * n,
                inuse: 160 + 20 * n,
                next: 200 + 40 * n,
                ..HEALTHY
            }),
            &["M1"],
        ),
        ("M2", twenty(&|n| At { idle: 400 + noise(n), ..HEALTHY }), &["M2"]),
        (
            "M3",
            twenty(&|_| At { released: 60, lazy: 120, idle: 200, next: 350, ..HEALTHY }),
            &["M3"],
        ),
        ("M4", twenty(&|n| At { objects: 100 + noise(n), inuse: 500, ..HEALTHY }), &["M4"]),
        ("M6", twenty(&|n| At { outside: 20 + 15 * n, ..HEALTHY }), &["M6"]),
    ];
    for (name, moments, expected) in cases {
        let here = folder("memory-rules");
        write(&here, &moments);
        let report = report(&here, &["memstats.json", "smaps.txt"]);
        let answer = report.memory.unwrap();
        assert_eq!(rules(&answer), expected, "{name}: {answer:#?}");
        assert_eq!((answer.total, answer.count), (MemoryTotal::Rss, moments.len()), "{name}");
        adds_up(&answer);
    }
    let here = folder("memory-rules");
    write(&here, &[At { buckets: 40, ..HEALTHY }]);
    let limited = report(&here, &["--limit", "190MiB", "memstats.json", "smaps.txt"]);
    // Over the limit, and the goal as well; most is live, so that isn't a matter of settings.
    assert_eq!(rules(&limited.memory.unwrap()), ["M7"]);
    write(&here, &[At { objects: 190, inuse: 195, idle: 0, released: 0, next: 2000, ..HEALTHY }]);
    let log = "gc 1 @1.0s 1%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 100->100->90 MB, 2000 MB goal, 4 P\n";
    std::fs::write(here.join("app.log"), log).unwrap();
    std::fs::write(here.join("heap.json"), std::fs::read(here.join("memstats.json")).unwrap())
        .unwrap();
    let json = std::fs::read_to_string(here.join("memstats.json")).unwrap();
    std::fs::write(
        here.join("memstats.json"),
        json.replace("\"NextGC\"", "\"NumGC\":1,\"NextGC\""),
    )
    .unwrap();
    let beyond = report(&here, &["--limit", "1GiB", "memstats.json", "smaps.txt", "app.log"]);
    let answer = beyond.memory.unwrap();
    assert_eq!(after(&answer, MemoryPart::Live), Some(90 * MIB));
    assert_eq!(rules(&answer), ["M5"]);
}

#[test]
fn a_cgroup_is_divided_with_its_page_cache_and_kernel() {
    let here = folder("memory-cgroup");
    write(&here, &[HEALTHY]);
    std::fs::write(
        here.join("cgroup.txt"),
        format!(
            "2026-11-28T03:26:19Z\n/sys/fs/cgroup/memory.current:{}\n/sys/fs/cgroup/memory.max:{}\n\
             /sys/fs/cgroup/memory.stat:anon {}\n/sys/fs/cgroup/memory.stat:file {}\n\
             /sys/fs/cgroup/memory.stat:kernel {}\n",
            900 * MIB,
            1000 * MIB,
            230 * MIB,
            600 * MIB,
            60 * MIB
        ),
    )
    .unwrap();
    let report = report(&here, &["memstats.json", "smaps.txt", "cgroup.txt"]);
    let answer = report.memory.unwrap();
    adds_up(&answer);
    assert_eq!(answer.total, MemoryTotal::Cgroup);
    assert_eq!(after(&answer, MemoryPart::PageCache), Some(600 * MIB));
    assert_eq!(after(&answer, MemoryPart::Kernel), Some(60 * MIB));
    assert_eq!(after(&answer, MemoryPart::OtherProcesses), Some(6 * MIB));
    assert_eq!(after(&answer, MemoryPart::NotExplained), Some(10 * MIB));
    assert_eq!(answer.limit.as_ref().unwrap().left, 100 * MIB);
    assert_eq!(rules(&answer), ["M8"]);
}

#[test]
fn what_is_missing_is_named_with_its_command() {
    let here = folder("memory-missing");
    std::fs::write(here.join("rss.csv"), "time,rss_kb\n1795836379,102400\n").unwrap();
    let answer = report(&here, &["--rss", "rss.csv"]).memory.unwrap();
    adds_up(&answer);
    assert_eq!(answer.parts.len(), 1);
    assert_eq!(answer.parts[0].part, MemoryPart::Unknown);
    assert!(answer.parts[0].record.as_ref().unwrap().contains("debug=1"));
    let error = |args: &[&str]| {
        let said = run(&here, &[&["memory"], args].concat());
        assert_eq!(said.code, Some(2), "{args:?}");
        said.stderr
    };
    std::fs::write(here.join("notes.txt"), "nothing\n").unwrap();
    std::fs::write(here.join("number"), "123\n").unwrap();
    assert!(error(&["notes.txt"]).contains("notes.txt: is text"));
    assert!(error(&["number"]).contains("name it memory.current or memory.max"));
    assert!(error(&["--rss", "notes.txt"]).contains("malformed record of memory in line 1"));
    assert!(error(&["--at", "noon", "rss.csv"]).contains("--at noon: expected a time such as"));
    assert!(error(&["--at", "1795836379", "rss.csv"]).contains("no input without a time"));
    std::fs::write(here.join("memory.current"), "123000000\n").unwrap();
    let given = report(&here, &["--at", "memory.current=2026-11-28T03:26:19Z", "memory.current"]);
    let source = serde_json::to_value(given.inputs[0].time_source).unwrap();
    assert_eq!(
        (source, given.memory.unwrap().to.unwrap().as_str()),
        ("given".into(), "2026-11-28T03:26:19Z")
    );
}

#[test]
fn a_program_of_each_kind_is_told_apart() {
    let here = folder("memory-program");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/programs/memory");
    let found = Command::new("go").arg("version").output().is_ok_and(|out| out.status.success());
    if !found || !Path::new("/proc/self/smaps_rollup").exists() {
        skip("no Go, or no smaps_rollup, on this machine");
        return;
    }
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(here.join("program")).arg(".").current_dir(source);
    let built = build.env("GOFLAGS", "-mod=mod").env("GOTOOLCHAIN", "local").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let cases: [(&str, &[&str]); 6] = [
        ("healthy", &[]),
        ("small", &[]),
        ("idle", &["M2"]),
        ("fragmented", &["M4"]),
        ("leak", &["M1"]),
        ("mmap", &["M6"]),
    ];
    for (scenario, expected) in cases {
        let out = here.join(scenario);
        std::fs::create_dir_all(&out).unwrap();
        let mut program = Command::new(here.join("program"));
        program.args(["-for", "3s", "-o"]).arg(&out).arg(scenario);
        program.env_remove("GOGC").env_remove("GOMEMLIMIT");
        assert!(program.status().unwrap().success(), "{scenario}");
        let answer = report(&here, &[scenario]).memory.unwrap();
        assert_eq!(rules(&answer), expected, "{scenario}: {answer:#?}");
        adds_up(&answer);
    }
}
