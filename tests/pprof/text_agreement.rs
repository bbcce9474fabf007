//! Text profiles mean to heapdiff what they mean to `go tool pprof`: the same sample types, period,
//! values, addresses, labels and mappings; and what Go writes of one moment in text and in protobuf
//! is the same.

use super::pprof_agreement::{Pprof, pprof};
use super::program::folder;
use crate::ask::{ask, rows, totals};
use crate::corpus;
use heapdiff::input;
use heapdiff::input::pprof::encode;
use heapdiff::report::Question;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `pprof -raw` prints, without the numbers of locations and mappings.
#[derive(Debug, Default, PartialEq)]
struct Raw {
    /// Period and duration.
    head: Vec<String>,
    types: String,
    /// Values by the places on the stack and the labels.
    samples: BTreeMap<(Vec<String>, Vec<String>), Vec<i64>>,
    maps: Vec<String>,
}

/// Parses what `pprof -raw` prints. Samples that are zero aren't in it.
fn parse(text: &str) -> Raw {
    let mut raw = Raw::default();
    let (head, rest) = text.split_once("Samples:\n").unwrap();
    let (samples, rest) = rest.split_once("Locations\n").unwrap();
    let (locations, maps) = rest.split_once("Mappings\n").unwrap();
    let is_kept = |line: &&str| line.starts_with("Period") || line.starts_with("Duration");
    raw.head = head.lines().filter(is_kept).map(str::to_owned).collect();
    let map_of: BTreeMap<&str, String> = maps
        .lines()
        .filter_map(|line| line.split_once(": "))
        // What is resolved differs where heapdiff names addresses.
        .map(|(id, map)| (id, map.split(" [").next().unwrap().trim_end().to_owned()))
        .collect();
    raw.maps = map_of.values().cloned().collect();
    raw.maps.sort();
    let mut places: BTreeMap<&str, String> = BTreeMap::new();
    let mut last = "";
    for line in locations.lines() {
        let text = line.trim();
        match text.split_once(": 0x") {
            Some((id, place)) if id.bytes().all(|b| b.is_ascii_digit()) => {
                let (address, rest) = place.split_once(' ').unwrap_or((place, ""));
                let (map, name) = match rest.strip_prefix("M=") {
                    Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
                    None => ("", rest),
                };
                let map = map_of.get(map).map_or("", String::as_str);
                places.insert(id, format!("{address} in {map}: {name}"));
                last = id;
            }
            _ => places.get_mut(last).unwrap().push_str(text),
        }
    }
    let mut lines = samples.lines().peekable();
    lines.next().unwrap().clone_into(&mut raw.types);
    while let Some(line) = lines.next() {
        let (values, stack) = line.split_once(':').unwrap();
        let values: Vec<i64> = values.split_whitespace().map(|v| v.parse().unwrap()).collect();
        let stack = stack.split_whitespace().map(|id| places[id].clone()).collect();
        let mut labels = Vec::new();
        while let Some(label) = lines.next_if(|line| line.starts_with(&" ".repeat(16))) {
            // A number of zero is no label in protobuf.
            labels.extend((label.trim() != "bytes:[0]").then(|| label.trim().to_owned()));
        }
        if values.iter().any(|&value| value != 0) {
            let sums = raw.samples.entry((stack, labels)).or_insert_with(|| vec![0; values.len()]);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
    raw
}

impl Pprof {
    fn raw(&self, file: &Path) -> Option<Raw> {
        let options = ["-raw".to_owned(), "-symbolize=none".to_owned()];
        let output = self.run(&options, &[file.to_owned()]);
        let text = String::from_utf8_lossy(&output.stdout);
        output.status.success().then(|| parse(&text))
    }
}

/// What heapdiff reads in a text, as pprof prints it once it is protobuf.
fn ours(pprof: &Pprof, text: &[u8], folder: &Path) -> Result<Raw, String> {
    let profile = input::read_profile(text).map_err(|error| error.to_string())?;
    let file = folder.join("ours.pb.gz");
    encode::write(&profile, std::fs::File::create(&file).unwrap()).unwrap();
    Ok(pprof.raw(&file).unwrap())
}

/// Both read the text the same.
fn agree(pprof: &Pprof, name: &str, text: &[u8], folder: &Path) -> usize {
    let file = folder.join("theirs.txt");
    std::fs::write(&file, text).unwrap();
    let theirs = pprof.raw(&file).unwrap_or_else(|| panic!("{name}: pprof refuses it"));
    let ours = ours(pprof, text, folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(ours.head, theirs.head, "{name}");
    assert_eq!(ours.types, theirs.types, "{name}");
    assert_eq!(ours.maps, theirs.maps, "{name}");
    for (key, values) in &theirs.samples {
        assert_eq!(ours.samples.get(key), Some(values), "{name}: {key:?}");
    }
    assert_eq!(ours.samples.len(), theirs.samples.len(), "{name}");
    theirs.samples.len()
}

/// A text without the lines that name addresses, which pprof skips.
fn without_names(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|&b| b == b'\n');
    lines.filter(|line| !line.starts_with(b"#")).flatten().copied().collect()
}

const MAPPED: &str = "00400000-00500000 r-xp 00000000 08:01 1234   /bin/app\n\
    00500000-00600000 rw-p 00100000 08:01 1234   /bin/app\n\
    7f0000010000-7f0000020000 r-xp 00010000 08:01 77 /lib/x.so.6\n\
    7f0000020000-7f0000030000 r-xp 00020000 08:01 77 /lib/x.so.6\n\
    7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0 [vdso]\n";

fn crafted() -> Vec<(&'static str, String)> {
    let heap = |writer: &str, body: &str| {
        format!("heap profile:  12:  3456 [  78:  9012] @ {writer}\n{body}")
    };
    let records = "     1:     9216 [     3:    20000] @ 0x410001 0x7f0000010010 0x7f0000000500 0x12\n\
        \n# a comment\n\
        \x20    7:   114688 [     7:   114688] @ 0x410001\n\
        0: 0 [5: 640] @ 0x420000 0x420000 0x7ffc00000010\n\
        -2: -128 [0: 0] @ 0x430000\n\
        3: 2 [3: 2] @ 0x0 0x1 0xffffffffffffffff\n\
        1: 16 [1: 16] @\n";
    let mut cases = vec![
        ("go", heap("heap/1048576", records)),
        ("go-rate-1", heap("heap/2", records)),
        ("no-rate", heap("heap", records)),
        ("heap_v2", heap("heap_v2/524288", &format!("{records}MAPPED_LIBRARIES:\n{MAPPED}"))),
        ("heapz_v2", heap("heapz_v2/1000", records)),
        ("gperftools", heap("heapprofile", &format!("{records}MAPPED_LIBRARIES:\n{MAPPED}"))),
        ("growth", heap("growthz", records)),
        ("fragmentation", heap("fragmentation", records)),
        ("windows", heap("heap/4096", records).replace('\n', "\r\n")),
        ("same", "heap profile: 1: 16 [1: 16] @ heap/2\n1: 16 [1: 16] @ 0x1\n".to_owned()),
        ("none", "heap profile: 0: 0 [0: 0] @ heap/1048576\n".to_owned()),
        ("count", "goroutine profile: total 5\n4 @ 0x10 0x20\n1 @ 0x20\n".to_owned()),
        ("own", "# x\n\nmy.things profile: total 5\n5 @ 0x10 0x20\n---\n7 @ junk\n".to_owned()),
        (
            "block",
            "--- contention:\ncycles/second=1596785089\n2824021344 1 @ 0x10 0x20\n97 3 @ 0x20\n"
                .to_owned(),
        ),
        (
            "mutex",
            "--- mutex:\ncycles/second=2695944789\nsampling period=5\n135017496 1 @ 0x10\n".to_owned(),
        ),
        (
            "contentionz",
            format!(
                "--- contentionz 3 ---\ncycles/second = 3201000000\nsampling period = 100\n\
                 ms since reset = 16502830\ndiscarded samples = 0\n  19490304       27 @ 0x410001 0x410002\n\
                 768        1 @ 0x7f0000010010\n--- Memory map: ---\n{MAPPED}"
            ),
        ),
        (
            "threads",
            format!(
                "--- threadz 1 ---\n\n--- Thread 7f794ab90940 (name: main/14748) stack: ---\n\
                 PC: 0x00bc8f1c: helper(arg *)\n  0x0040be31: main\n  0x7f794a32bf7d: x\n\
                 --- Thread 7f794a32c700 (name: t/14751) stack: ---\n    [same as previous thread]\n\
                 --- Thread 7f794a32c701 (name: t/14752) stack: ---\n0x410002 0x410002 0x410003\n\
                 --- Memory map: ---\n{MAPPED}"
            ),
        ),
        (
            "java-heap",
            "--- heapz 1 ---\nformat = java\nresolution = bytes\n\
             7048 1 @ 0x00000003 0x00000004 0x5 0x6\n   4752 9 @ 0x5 0x9\n\
             0x00000003 com.x.A.<clinit> (A.java:42)\n0x4 com.x.B.run (/usr/lib/x/libfoo.so)\n\
             0x5 GC\n0x6 com.x.A.g (Unknown Source)\nother\n0x77 unused (x.java:1)\n"
                .to_owned(),
        ),
        (
            "java-contention",
            "--- contentionz 1 ---\nformat = java\nresolution = microseconds\nsampling period = 100\n\
             ms since reset = 6019923\n            1     14 @ 0x00000003 0x00000004\n\
             2     13 @ 0x4\n0x3 java.lang.Object.wait (Object.java:-2)\n0x4 generated stub/JIT x\n"
                .to_owned(),
        ),
        (
            "maps",
            heap(
                "heapprofile",
                "1: 1 [1: 2] @ 0x401000 0x50 0x7f0000000010 0x900000 0x6000\n\
                 MAPPED_LIBRARIES:\nbuild=/x/app\n  base=/y/libz.so\n\
                 I0102 12:00:00 a.cc:12] 7000-8000 r-xp 2000 0:0 0 $base\n\
                 0x900000-0x910000: $base.1 (@9000) abc123\n00400000-00500000: /z/main\nnothing\n",
            ),
        ),
        (
            "huge-pages",
            heap(
                "heapprofile",
                "1: 1 [1: 2] @ 0x401000 0x601000\nMAPPED_LIBRARIES:\n\
                 00400000-00600000 r-xp 00000000 00:00 0 /anon_hugepage (deleted)\n\
                 00600000-00800000 r-xp 00200000 08:01 12 /bin/app\n",
            ),
        ),
    ];
    // Every digit of many scaled values.
    let mut many = String::from("heap profile: 1: 2 [3: 4] @ heap/1048576\n");
    let mut seed = 42_u64;
    let mut random = |bits: u32| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> (64 - bits)
    };
    for i in 1..20_000 {
        let (a, b) = (1 + random(i % 24 + 1), 1 + random(i % 40 + 1));
        let (c, d) = (1 + random(i % 13 + 1), 1 + random(i % 31 + 1));
        writeln!(many, "{a}: {b} [{c}: {d}] @ {:#x}", 4096 + i).unwrap();
    }
    cases.push(("many", many));
    cases
}

#[test]
fn crafted_text_agrees() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("text-crafted");
    for (name, text) in crafted() {
        let samples = agree(pprof, name, text.as_bytes(), &folder);
        assert_eq!(samples > 0, name != "none", "{name}");
    }
}

#[test]
fn recorded_text_agrees() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("text-recorded");
    let mut files: Vec<PathBuf> =
        ["text-heap/before.txt", "text-heap/after.txt"].map(corpus::path).into();
    for kind in ["legacy-go-heap", "legacy-gperftools-heap", "legacy-java-heapz"] {
        files.extend(corpus::shared_files(&format!("corpus/{kind}")));
    }
    files.extend(corpus::shared_files("found/text"));
    let mut samples = 0;
    for file in files {
        let text = std::fs::read(&file).unwrap();
        let name = corpus::shown(&file);
        if pprof.raw(&file).is_none() {
            let error = ours(pprof, &text, &folder).expect_err(&name);
            assert!(error.contains("in line 2: expected"), "{name}: {error}");
            continue;
        }
        samples += agree(pprof, &name, &without_names(&text), &folder);
    }
    assert!(samples > 100, "only {samples} samples");
}

#[test]
fn a_dump_of_jemalloc_is_what_pprof_read() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("text-jemalloc");
    let dumps = corpus::shared_files("corpus/legacy-jemalloc-heap_v2");
    let oracle = corpus::shared_files("corpus/oracle-pprof-string");
    let is_it = |path: &&PathBuf| path.to_string_lossy().contains("jemalloc.heap.string");
    let (Some(dump), Some(expected)) = (dumps.first(), oracle.iter().find(is_it)) else { return };
    let mut ours = ours(pprof, &std::fs::read(dump).unwrap(), &folder).unwrap();
    let theirs = parse(&std::fs::read_to_string(expected).unwrap());
    assert_eq!((ours.head, ours.types, ours.maps), (theirs.head, theirs.types, theirs.maps));
    for (key, values) in &theirs.samples {
        assert_eq!(ours.samples.remove(key).as_ref(), Some(values), "{key:?}");
    }
    // That version of pprof lost the last stack of the file.
    assert_eq!(ours.samples.len(), 1, "{:?}", ours.samples);
}

/// What Go writes in text for the types of a generic function.
fn without_types(name: &str) -> String {
    let (mut short, mut depth) = (String::new(), 0);
    for c in name.chars() {
        match c {
            '[' => {
                depth += 1;
                short.push_str(if depth == 1 { "[...]" } else { "" });
            }
            ']' => depth -= 1,
            c if depth == 0 => short.push(c),
            _ => {}
        }
    }
    short
}

#[test]
fn go_writes_the_same_in_text_and_in_protobuf() {
    let Some(pprof) = pprof() else { return };
    let here = folder("text-of-go");
    let program = here.join("texts");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(corpus::path("programs/texts"));
    build.env("GOWORK", "off").env("GOFLAGS", "").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    for command in [&mut build, Command::new(&program).arg(&here).env_remove("GODEBUG")] {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {text}");
    }
    for kind in ["heap", "goroutine", "block", "mutex", "threadcreate"] {
        let read = |end: &str| std::fs::read(here.join(format!("{kind}.{end}"))).unwrap();
        let (text, binary) = (read("txt"), read("pb"));
        agree(pprof, kind, &without_names(&text), &here);
        let types: &[&str] = match kind {
            "heap" => &["inuse_space", "inuse_objects", "alloc_space", "alloc_objects"],
            "block" | "mutex" => &["contentions"],
            _ => &[kind],
        };
        for sample_type in types {
            let [text, binary] =
                [&text, &binary].map(|bytes| ask(Question::Top, &[bytes], sample_type));
            assert_eq!(totals(&text)[*sample_type], totals(&binary)[*sample_type], "{kind}");
            let [text, binary] = [text, binary].map(|report| {
                let mut sums: BTreeMap<String, [i64; 3]> = BTreeMap::new();
                for (name, values) in rows(&report) {
                    // Go doesn't name the functions of the runtime at the leaf of a goroutine.
                    if kind != "goroutine" || !name.starts_with("runtime.") {
                        let sum = sums.entry(without_types(&name)).or_default();
                        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                    }
                }
                sums
            });
            assert!(!text.is_empty(), "{kind}");
            assert_eq!(text, binary, "{kind} {sample_type}");
        }
    }
    let text = std::fs::read_to_string(here.join("heap.txt")).unwrap();
    let profile = input::read_profile(text.as_bytes()).unwrap();
    let statistics = profile.header.memory_statistics.unwrap();
    let line = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(&format!("# {name} = ")));
        found.unwrap().parse::<i64>().unwrap()
    };
    for name in ["HeapInuse", "HeapIdle", "HeapReleased", "Sys", "NumGC", "BuckHashSys"] {
        assert_eq!(statistics.numbers[name], line(name), "{name}");
    }
    assert_eq!(profile.header.time_nanos, line("LastGC"));
}
