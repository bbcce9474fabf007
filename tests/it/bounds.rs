//! Memory and time stay in proportion to the bytes of an input: a few bytes that claim or repeat very much are read
//! within a bound, or refused with a message that says what there is too much of.
//!
//! Peak memory is the high-water mark that Linux keeps per process, so each input is read in a process of its own: this
//! program, run again. Elsewhere these tests print that they are skipped.

use super::program::folder;
use super::wire::{Field, message, number, varint};
use super::{corpus, mutated, mutated_text};
use flate2::Compression;
use flate2::write::GzEncoder;
use heapdiff::command::{self, Console};
use heapdiff::input::InputError;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Tells this program to read inputs and report what that took.
const ROLE: &str = "HEAPDIFF_BOUNDS";

/// Peak memory of a process that reads nothing to speak of, in KiB, and what it may take more.
const LEAST: u64 = 64 << 10;
/// What each further input may take, in KiB, however small it is.
const BUDGET: u64 = 32 << 10;
/// Bytes of memory for each byte of an input.
const FACTOR: u64 = 40;
/// Longest time for an input, with `HEAPDIFF_LONG`: a busy machine says nothing about time.
const LONGEST: Duration = Duration::from_secs(1);

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A profile of two functions, `main.f` called by `main.main`, with these strings and entries as well. String 13 is the
/// first of the strings.
fn profile(strings: &[&str], entries: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, unit) in [(1, 2), (3, 4), (5, 2), (6, 4)] {
        message(&mut out, 1, &[number(1, name), number(2, unit)].concat());
    }
    for id in 1..=2 {
        let line = Field(4, &[number(1, id), number(2, 7)].concat()).bytes();
        message(&mut out, 4, &[number(1, id), number(3, 4096 * id), line].concat());
        message(&mut out, 5, &[number(1, id), number(2, 7 + id), number(4, 10)].concat());
    }
    message(&mut out, 11, &[number(1, 12), number(2, 4)].concat());
    out.extend([number(12, 524_288), number(9, 1_700_000_000_000_000_000)].concat());
    out.extend_from_slice(entries);
    let usual = [
        "",
        "alloc_objects",
        "count",
        "alloc_space",
        "bytes",
        "inuse_objects",
        "inuse_space",
        "key",
        "main.f",
        "main.main",
        "main.go",
        "value",
        "space",
    ];
    usual.iter().chain(strings).for_each(|text| message(&mut out, 6, text.as_bytes()));
    out
}

/// The fields of a sample with these locations.
fn sample(locations: &[u64], more: &[u8]) -> Vec<u8> {
    let packed = |numbers: &[u64]| numbers.iter().flat_map(|&n| varint(n)).collect::<Vec<u8>>();
    let values = Field(2, &packed(&[5, 5000, 3, 3000])).bytes();
    Field(2, &[Field(1, &packed(locations)).bytes(), values, more.to_vec()].concat()).bytes()
}

/// A kind of input that makes much of little.
struct Kind {
    name: &'static str,
    /// What the message says that there is too much of; empty if it is read at both sizes, because its memory stays in
    /// proportion.
    names: &'static str,
    /// Makes an input of a size: at 1 about as much as is read, at 8 too much.
    make: fn(usize) -> Vec<u8>,
}

/// A location with its function, each with this number, and a sample of it.
fn own_function(i: usize, name: u64) -> Vec<u8> {
    let id = i as u64 + 3;
    let line = Field(4, &[number(1, id), number(2, id)].concat()).bytes();
    let location = Field(4, &[number(1, id), number(3, 16 * id), line].concat()).bytes();
    let function = Field(5, &[number(1, id), number(2, name), number(4, 10)].concat()).bytes();
    [location, function, sample(&[1, id, 2], &[])].concat()
}

/// The first line of a heap profile in text.
const HEAP_TEXT: &[u8] = b"heap profile: 1: 1 [1: 2] @ heap/2\n";

const KINDS: &[Kind] = &[
    Kind {
        name: "comments",
        names: "comments",
        make: |n| profile(&[], &number(13, 8).repeat(100_000 * n)),
    },
    Kind {
        name: "packed comments",
        names: "comments",
        make: |n| profile(&[], &Field(13, &vec![8; 100_000 * n]).bytes()),
    },
    Kind {
        name: "labels of one sample",
        names: "bytes in one sample",
        make: |n| profile(&[], &sample(&[1, 2], &[0x1a, 0].repeat(80_000 * n))),
    },
    Kind {
        name: "sets of labels",
        names: "labels",
        make: |n| {
            let label = |i| Field(3, &[number(1, 7), number(3, i as u64 + 1)].concat()).bytes();
            profile(
                &[],
                &(0..60_000 * n).flat_map(|i| sample(&[1, 2], &label(i))).collect::<Vec<_>>(),
            )
        },
    },
    Kind {
        name: "empty samples",
        names: "samples",
        make: |n| profile(&[], &[0x12, 0].repeat(200_000 * n)),
    },
    Kind {
        name: "equal samples",
        names: "samples",
        make: |n| profile(&[], &sample(&[1, 2], &[]).repeat(100_000 * n)),
    },
    Kind {
        name: "values of one sample",
        names: "bytes in one sample",
        make: |n| profile(&[], &Field(2, &Field(2, &vec![1; 200_000 * n]).bytes()).bytes()),
    },
    Kind {
        name: "lines of one location",
        names: "lines",
        make: |n| {
            let lines = [0x22, 0].repeat(9_000 * n);
            profile(&[], &Field(4, &[number(1, 3), lines].concat()).bytes())
        },
    },
    Kind {
        name: "lines of many locations",
        names: "lines of locations",
        make: |n| {
            let lines = Field(4, &number(1, 1)).bytes().repeat(9_000);
            let location = |i| Field(4, &[number(1, i + 3), lines.clone()].concat()).bytes();
            profile(&[], &(0..30 * n as u64).flat_map(location).collect::<Vec<_>>())
        },
    },
    Kind {
        name: "inlined frames of deep stacks",
        names: "frames",
        make: |n| {
            let lines = Field(4, &number(1, 1)).bytes().repeat(8_000);
            let location = Field(4, &[number(1, 3), lines].concat()).bytes();
            profile(&[], &[location, sample(&[3; 1500], &[]).repeat(n)].concat())
        },
    },
    Kind {
        name: "short strings",
        names: "strings",
        make: |n| profile(&vec![""; 300_000 * n], &[]),
    },
    Kind {
        name: "one long string",
        names: "bytes in one string",
        make: |n| profile(&[&"/".repeat(1_000_000 * n)], &own_function(0, 13)),
    },
    Kind {
        name: "uses of one name",
        names: "",
        make: |n| {
            let functions = (0..150 * n).flat_map(|i| own_function(i, 13)).collect::<Vec<_>>();
            profile(&[&"n".repeat(100_000)], &functions)
        },
    },
    Kind {
        name: "functions",
        names: "functions",
        make: |n| {
            let function = |i| Field(5, &[number(1, i + 3), number(2, 8)].concat()).bytes();
            profile(&[], &(0..100_000 * n as u64).flat_map(function).collect::<Vec<_>>())
        },
    },
    Kind {
        name: "locations",
        names: "",
        make: |n| {
            profile(&[], &(0..30_000 * n).flat_map(|i| own_function(i, 8)).collect::<Vec<_>>())
        },
    },
    Kind {
        name: "ids far apart",
        names: "",
        make: |n| {
            let location = |i| Field(4, &number(1, (i + 1) * 982_451_653)).bytes();
            profile(&[], &(0..80_000 * n as u64).flat_map(location).collect::<Vec<_>>())
        },
    },
    Kind {
        name: "mappings",
        names: "mappings",
        make: |n| {
            let mapping = |i| Field(3, &[number(1, i + 3), number(5, 8)].concat()).bytes();
            profile(&[], &(0..50_000 * n as u64).flat_map(mapping).collect::<Vec<_>>())
        },
    },
    Kind {
        name: "skipped fields",
        names: "unpacked bytes",
        make: |n| profile(&[], &Field(16, &vec![0; 60_000]).bytes().repeat(1_500 * n)),
    },
    Kind {
        name: "text of the header",
        names: "the strings of the header",
        make: |n| profile(&[&"c".repeat(60_000)], &number(13, 13).repeat(200 * n)),
    },
    Kind {
        name: "one deep stack",
        names: "bytes in one sample",
        make: |n| profile(&[], &sample(&[1, 2].repeat(300_000 * n), &[])),
    },
    Kind {
        name: "records in text",
        names: "samples",
        make: |n| [HEAP_TEXT, &b"1: 1 [1: 2] @ 0x1\n".repeat(60_000 * n)].concat(),
    },
    Kind {
        name: "addresses in text",
        names: "addresses",
        make: |n| {
            let address = |i| format!(" {:#x}", 4096 + i).into_bytes();
            let stack: Vec<u8> = (0..500).flat_map(|_| b" 0x7".to_vec()).collect();
            let mut text = HEAP_TEXT.to_vec();
            for line in 0..40 * n {
                text.extend([b"1: 1 [1: 2] @".as_slice(), &stack].concat());
                text.extend((line * 800..(line + 1) * 800).flat_map(address));
                text.push(b'\n');
            }
            text
        },
    },
    Kind {
        name: "labels in text",
        names: "labels",
        make: |n| {
            let one = |i| format!("1 @ 0x1\n# labels: {{\"k\":\"{i}\"}}\n").into_bytes();
            let text = b"goroutine profile: total 1\n".to_vec();
            text.into_iter().chain((0..25_000 * n).flat_map(one)).collect()
        },
    },
    Kind {
        name: "mappings in text",
        names: "mappings",
        make: |n| {
            let maps = b"MAPPED_LIBRARIES:\n1-2 a\n3-4 b\n";
            let more = b"1-2 a\n3-4 b\n".repeat(7_000 * n);
            [HEAP_TEXT, b"1: 1 [1: 2] @ 0x1\n", maps, &more].concat()
        },
    },
    Kind {
        name: "a long line of text",
        names: "a line of a profile",
        make: |n| [HEAP_TEXT, b"1: 1 [1: 2] @", &b" 0x1".repeat(200_000 * n)].concat(),
    },
];

/// The commands that read an input, with `F` in its place, and another profile for `G`.
const COMMANDS: &[&str] = &[
    "top F",
    "diff G F",
    "check --max-growth 1MiB G F",
    "leaks F F F F",
    "merge F G -o OUT.pb.gz",
    "convert F -o OUT.pb.gz",
    "top --format json -n 0 F",
    "flame F",
    "tags F",
    "traces --width 80 -n 20 F",
];

fn run(args: Vec<OsString>) -> u8 {
    let (mut out, mut err) = (io::sink(), io::sink());
    let mut console = Console::of_streams(&mut out, &mut err);
    command::run(args, &mut console)
}

fn args(line: &str, file: &Path) -> Vec<OsString> {
    let known = corpus::path("chat/before.pb.gz");
    let word = |word: &str| match word {
        "F" => file.into(),
        "G" => known.clone().into_os_string(),
        word if word.starts_with("OUT") => file.with_extension(word).into_os_string(),
        word => word.into(),
    };
    std::iter::once("heapdiff".into()).chain(line.split(' ').map(word)).collect()
}

/// The peak memory of this process in KiB.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What other processes of this program run: a command on a file, or mutated inputs.
#[test]
fn in_a_process_of_its_own() {
    let Some(role) = std::env::var_os(ROLE) else {
        // Without a role it shows that memory is measured at all.
        assert!(peak().is_none_or(|kib| kib > 0));
        return;
    };
    let role = role.into_string().unwrap();
    let (slowest, largest) = match role.split_once(' ').unwrap() {
        (kind @ ("mutated" | "mutated-text"), seeds) => {
            let (first, last) = seeds.split_once("..").unwrap();
            let seeds = first.parse().unwrap()..last.parse().unwrap();
            if kind == "mutated" {
                mutated::try_protobuf(seeds)
            } else {
                mutated_text::try_text(seeds)
            }
        }
        (file, line) => {
            let start = Instant::now();
            let code = run(args(line, Path::new(file)));
            assert!(code <= 3, "exit code {code}");
            (start.elapsed(), fs::metadata(file).unwrap().len())
        }
    };
    println!("took {} {} {largest}", slowest.as_micros(), peak().unwrap_or(0));
}

/// What a process took: the time for its slowest input, its peak memory in KiB, and the bytes of its largest input.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) slowest: Duration,
    peak: u64,
    largest: u64,
}

impl Cost {
    /// Panics if more was taken than `inputs` of that size may take.
    fn is_bounded(&self, inputs: u64, what: &str) {
        let bound = LEAST + (inputs - 1) * BUDGET + inputs * FACTOR * self.largest / 1024;
        assert!(self.peak <= bound, "{what}: {self:?}, and at most {bound} KiB are allowed");
        if std::env::var_os("HEAPDIFF_LONG").is_some() {
            assert!(self.slowest <= LONGEST, "{what}: {self:?}");
        }
    }
}

/// Runs this program again with a role.
fn cost(role: &str) -> Cost {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "bounds::in_a_process_of_its_own", "--nocapture"]).env(ROLE, role);
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{role}: {text}{error}");
    let numbers = text.split_once("took ").unwrap().1;
    let numbers: Vec<u64> =
        numbers.split_whitespace().take(3).map(|n| n.parse().unwrap()).collect();
    let [micros, peak, largest] = numbers[..] else { panic!("{role}: {text}") };
    Cost { slowest: Duration::from_micros(micros), peak, largest }
}

#[test]
fn few_bytes_never_take_much_memory() {
    if peak().is_none() {
        println!("skipped: this system has no /proc/self/status");
        return;
    }
    let folder = folder("bounds");
    // All commands in the long run, and two of them in turn otherwise.
    let is_long = std::env::var_os("HEAPDIFF_LONG").is_some();
    for (number, kind) in KINDS.iter().enumerate() {
        for size in [1, 8] {
            let file = folder.join(format!("{number}-{size}.pb.gz"));
            fs::write(&file, gzip(&(kind.make)(size))).unwrap();
            for (i, line) in COMMANDS.iter().enumerate() {
                if is_long || i == 0 || i == 1 + (number + size) % (COMMANDS.len() - 1) {
                    let what = format!("{}, {size}: {line}", kind.name);
                    let inputs = line.split(' ').filter(|&word| word == "F").count();
                    cost(&format!("{} {line}", file.display())).is_bounded(inputs as u64, &what);
                }
            }
        }
    }
}

#[test]
fn too_much_is_refused_with_what_there_is_too_much_of() {
    for kind in KINDS {
        let few = heapdiff::input::read_profile(gzip(&(kind.make)(1)).as_slice()).map(drop);
        assert!(!matches!(few, Err(InputError::TooMuch { .. })), "{}: {few:?}", kind.name);
        let bytes = gzip(&(kind.make)(8));
        let error = heapdiff::input::read_profile(bytes.as_slice()).map(drop);
        if kind.names.is_empty() {
            assert!(error.is_ok(), "{}: {error:?}", kind.name);
            continue;
        }
        let Err(error) = error else { panic!("{} are read", kind.name) };
        let error = error.to_string();
        assert!(error.contains(kind.names), "{}: {error}", kind.name);
    }
}

#[test]
fn a_limit_can_be_lifted_and_lowered() {
    let folder = folder("bounds-limit");
    let file = folder.join("many.pb.gz");
    fs::write(&file, gzip(&profile(&[], &sample(&[1, 2], &[]).repeat(400_000)))).unwrap();
    let file = file.to_str().unwrap();
    let of = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = of(&["top", file]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains(file) && error.contains("--memory-limit"), "{error}");
    assert!(error.contains(" samples, which take more than "), "{error}");
    assert_eq!(of(&["top", "--memory-limit", "1GiB", file]).0, Some(0));
    let small = corpus::path("chat/before.pb.gz");
    let small = small.to_str().unwrap();
    assert_eq!(of(&["top", small]).0, Some(0));
    let (code, error) = of(&["top", "--memory-limit=4kB", small]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("which take more than 3.9 KiB"), "{error}");
    let (code, error) = of(&["top", "--memory-limit=0", small]);
    assert_eq!(code, Some(2), "{error}");
}

#[test]
fn mutated_profiles_never_take_much_memory() {
    mutated_inputs_are_bounded("mutated");
}

#[test]
fn mutated_text_never_takes_much_memory() {
    mutated_inputs_are_bounded("mutated-text");
}

#[expect(clippy::print_stdout, reason = "a skipped test prints a note, and a long one its figures")]
fn mutated_inputs_are_bounded(kind: &str) {
    if peak().is_none() {
        println!("skipped: this system has no /proc/self/status");
        return;
    }
    let number = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
    };
    let is_long = std::env::var_os("HEAPDIFF_LONG").is_some();
    let all = number("HEAPDIFF_INPUTS", if is_long { 10_000_000 } else { 3000 });
    let first = number("HEAPDIFF_SEED", 0);
    let batch = if is_long { 20_000 } else { 1500 };
    let mut worst = (Duration::ZERO, 0);
    for start in (first..first + all).step_by(batch as usize) {
        let end = (start + batch).min(first + all);
        let cost = cost(&format!("{kind} {start}..{end}"));
        cost.is_bounded(1, &format!("{kind}: inputs {start} to {end}"));
        worst = (worst.0.max(cost.slowest), worst.1.max(cost.peak));
        if is_long {
            println!("{} inputs: slowest {:?}, at most {} KiB", end - first, worst.0, worst.1);
        }
    }
}
