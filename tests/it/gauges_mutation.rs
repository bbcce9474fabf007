//! No sample of memory causes a panic or an absurd number: lists of times and resident sets, what Linux says of a process
//! and of a cgroup, and Go's statistics as JSON are damaged, cut, repeated and mixed, and then read or refused. The mutations
//! are the same in every run; `HEAPDIFF_LONG=1` makes a million of them.

use super::random::{Random, next_number};
use heapdiff::analysis::memory::MemoryAsked;
use heapdiff::input::{Budget, Content, Inflate, read, read_any, read_rss};
use heapdiff::model::gauges::GaugeLog;
use heapdiff::model::recording::Recording;
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::memory::MemoryReport;
use heapdiff::rules::memory::MemoryLimits;
use std::time::Duration;

/// Most bytes of an input.
const MOST: usize = 64 * 1024;

/// Samples of every form.
const TEXTS: [&str; 16] = [
    "2026-11-28T03:26:19Z\nRss: 1620 kB\nAnonymous: 116 kB\nLazyFree: 4 kB\n1795836389\nRss: 1720 kB\n",
    "55d435c6f000-7fff6888d000 ---p 00000000 00:00 0                          [rollup]\n\
     Rss:                1620 kB\nPss:                 474 kB\nShared_Clean:       1396 kB\nPrivate_Dirty:       116 kB\n\
     Anonymous:           116 kB\nLazyFree:              8 kB\nAnonHugePages:      2048 kB\nSwap:                  0 kB\n",
    "00400000-00500000 r-xp 00000000 08:01 1234   /bin/app\nSize: 1024 kB\nRss: 900 kB\nPss: 900 kB\nAnonymous: 0 kB\n\
     VmFlags: rd ex mr mw me dw sd\nc000000000-c004000000 rw-p 00000000 00:00 0 \nSize: 65536 kB\nRss: 40000 kB\n\
     Anonymous: 40000 kB\nLazyFree: 12 kB\nTHPeligible: 1\n",
    "Name:\tserver\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t7\nVmPeak:\t 1240984 kB\nVmRSS:\t    2188 kB\n\
     RssAnon:\t     148 kB\nRssFile:\t    2040 kB\nRssShmem:\t       0 kB\nVmSwap:\t       0 kB\nThreads:\t3\n",
    "anon 4096\nfile 8192\nkernel_stack 16384\nshmem 0\nsock 3\n",
    "anon 104857600\nfile 524288000\nkernel 9437184\npercpu 1000\nsock 4096\nvmalloc 0\nshmem 1048576\nfile_mapped 2048\n\
     inactive_file 400000000\nslab 300000\n",
    "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n",
    "2026-11-28T03:26:19Z\n/sys/fs/cgroup/memory.current:5000000000\n/sys/fs/cgroup/memory.max:max\n\
     /sys/fs/cgroup/memory.stat:anon 4096\n==> memory.events <==\nmax 3\n\n==> /proc/7/smaps_rollup <==\nRss: 4 kB\n",
    "1795836379\n5000000000\n1795836389\n5100000000\n1795836399\n5200000000\n",
    "00 1795720894.603631237 VmRSS:\t   16876 kB\n01 1795720897.200782365 VmRSS:\t   21428 kB\n",
    "time,rss_kb\n2026-11-28 03:26:19,16876\n2026-11-28 03:27:19,16976\n",
    "elapsed_ms;vsz;rss\n500;99;16.48MiB\n9000;99;1.7e7\n",
    "[{\"unix_nano\": 1795836379000000000, \"heap_alloc\": 7, \"heap_inuse\": 9, \"rss\": 17}]",
    "{\"HeapAlloc\": 7, \"HeapInuse\": 9, \"HeapIdle\": 5, \"HeapReleased\": 9223372036854775807, \"ts\": 1795836379}\n",
    "{\"Alloc\":3145728,\"TotalAlloc\":90000000,\"Sys\":16777216,\"HeapAlloc\":3145728,\"HeapSys\":7864320,\"HeapIdle\":3000000,\
     \"HeapInuse\":4864320,\"HeapReleased\":2000000,\"StackInuse\":524288,\"StackSys\":524288,\"MSpanSys\":65536,\
     \"BuckHashSys\":1443000,\"GCSys\":2600000,\"OtherSys\":700000,\"NextGC\":4194304,\"LastGC\":1795836379000000000,\
     \"PauseNs\":[1,2,3],\"NumGC\":12,\"BySize\":[{\"Size\":8,\"Mallocs\":2}],\"ts\":1795836379}\n",
    "{\"cmdline\":[\"/app\"],\"memstats\":{\"HeapAlloc\":3145728,\"HeapInuse\":4864320,\"HeapIdle\":3000000,\
     \"HeapReleased\":1,\"HeapSys\":7864320,\"Sys\":16777216,\"NumGC\":3,\"GCCPUFraction\":0.001},\"goroutines\":12}\n",
];

/// Words that are likely to be a mistake.
const WORDS: [&str; 16] = [
    "0",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e308",
    "1e-308",
    "NaN",
    "max",
    "null",
    "9007199254740993",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "[[[[[[[[{\"a\":",
];

fn changed(random: &mut Random, text: &mut Vec<u8>) {
    let at = random.below(text.len() + 1);
    match random.below(12) {
        0 => text.truncate(at),
        1 => text.insert(at, random.below(256) as u8),
        2 if at < text.len() => text[at] = random.below(256) as u8,
        3 if at < text.len() => text[at] = b'9',
        4 => {
            let end = (at + random.below(200)).min(text.len());
            text.drain(at..end);
        }
        5 => drop(text.splice(at..at, random.pick(&TEXTS).bytes())),
        6 => {
            // A line, many times.
            let end = text[at..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(text.len(), |end| at + end + 1);
            let line = text[at..end].to_vec();
            let size = 1 << random.below(10);
            let times = random.below(size).min(MOST / (line.len() + 1));
            text.splice(at..at, line.repeat(times));
        }
        7 => {
            // The whole text again.
            let times = random.below(20).min(MOST / (text.len() + 1));
            *text = text.repeat(times + 1);
        }
        _ => {
            // A number becomes another.
            let Some(number) = next_number(text, at) else { return };
            let word = match random.below(3) {
                0 => random.number().to_string(),
                _ => (*random.pick(&WORDS)).to_owned(),
            };
            text.splice(number, word.bytes());
        }
    }
    text.truncate(MOST);
}

fn input(random: &mut Random) -> Vec<u8> {
    let mut text = random.pick(&TEXTS).as_bytes().to_vec();
    for _ in 0..random.below(7) {
        changed(random, &mut text);
    }
    text
}

/// What is read of a text, in the way that the command or its option reads it.
fn gauges(text: &[u8], way: usize, seed: u64) -> Option<Result<GaugeLog, ()>> {
    let read = match way {
        0 => read(text, Budget::default(), Inflate::Here),
        1 => read_any(text, Budget::default(), Inflate::Here),
        _ => read_rss(text, Budget::default(), Inflate::Here).map(Content::Gauges),
    };
    match read {
        Ok(Content::Gauges(log)) => {
            assert!(!log.samples.is_empty() && log.samples.len() <= text.len(), "seed {seed}");
            Some(Ok(log))
        }
        Ok(_) => None,
        Err(error) => {
            assert!(error.to_string().len() < 1000, "seed {seed}: {error}");
            Some(Err(()))
        }
    }
}

/// The most memory that this process has had, in KiB, where the system says so.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// For how long this thread has run, where the system says so: the machine may be busy with something else.
fn busy() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

#[test]
fn no_sample_is_too_strange() {
    let is_long = std::env::var_os("HEAPDIFF_LONG").is_some_and(|long| long == "1");
    let runs = if is_long { 1_000_000 } else { 3000 };
    let style =
        Style { width: Width::Columns(80), color: true, unit: None, file_names: FileNames::Short };
    let (mut used, mut refused) = (0_u64, 0_u64);
    let mut slowest = Duration::ZERO;
    let before = most_memory();
    for seed in 0..runs {
        let mut random = Random(seed);
        let start = busy();
        let texts: Vec<Vec<u8>> = (0..=random.below(3)).map(|_| input(&mut random)).collect();
        let mut logs = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            match gauges(text, random.below(3), seed) {
                Some(Ok(log)) => logs.push(GaugeLog { name: format!("{number}.txt"), ..log }),
                Some(Err(())) => refused += 1,
                None => {}
            }
        }
        if logs.is_empty() {
            continue;
        }
        let recording = Recording { gauges: logs, ..Recording::default() };
        let limit = random.one_in(2).then(|| random.number());
        let limits = MemoryLimits::default();
        let report =
            MemoryReport::new(&recording, Vec::new(), MemoryAsked { limit }, &limits, Vec::new());
        used += 1;
        for format in [Format::Table, Format::Json, Format::Csv, Format::Markdown] {
            let mut out = Vec::new();
            output::write_memory(format, &report, &style, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(!text.contains("NaN") && !text.contains("inf "), "seed {seed}: {text}");
            if format == Format::Json {
                let again: MemoryReport = serde_json::from_str(&text).unwrap();
                assert_eq!(again.memory, report.memory, "seed {seed}");
            }
        }
        let took = busy().saturating_sub(start);
        if took > slowest {
            slowest = took;
            let bytes: usize = texts.iter().map(Vec::len).sum();
            println!("seed {seed}: {took:?} for {bytes} bytes");
        }
    }
    println!(
        "{used} of {runs} used, {refused} texts refused, memory {before:?} to {:?} KiB",
        most_memory()
    );
    assert!(used * 2 > runs && refused > 0, "{used} used, {refused} refused");
}
