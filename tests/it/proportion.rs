//! Cost in proportion to the input: names without end, names in every row, mangled names that take a parser ages, wide
//! and deep graphs, folders that link to each other. Every command and every format answers within a limit of memory
//! that is a multiple of the input, and writes no more than its rows.
//!
//! No test looks at a clock. Where cost would multiply, it multiplies what is written, what is held or what is counted.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use super::program::folder;
use super::random::Random;
use heapdiff::input::pprof::proto;
use prost::Message;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};

/// A profile under construction, each name and each frame once.
#[derive(Default)]
struct Profile {
    wire: proto::Profile,
    strings: BTreeMap<String, i64>,
    functions: BTreeMap<(String, String), u64>,
    frames: BTreeMap<(u64, i64), u64>,
}

impl Profile {
    fn new(types: [(&str, &str); 2]) -> Self {
        let mut new = Self::default();
        new.text("");
        for (name, unit) in types {
            let value_type = proto::ValueType { r#type: new.text(name), unit: new.text(unit) };
            new.wire.sample_type.push(value_type);
        }
        new.wire.period_type =
            Some(proto::ValueType { r#type: new.text("space"), unit: new.text("bytes") });
        new.wire.period = 524_288;
        new
    }

    fn heap() -> Self {
        Self::new([("inuse_objects", "count"), ("inuse_space", "bytes")])
    }

    fn text(&mut self, text: &str) -> i64 {
        let next = self.strings.len() as i64;
        *self.strings.entry(text.to_owned()).or_insert_with(|| {
            self.wire.string_table.push(text.as_bytes().to_vec());
            next
        })
    }

    /// A function in a file.
    fn frame(&mut self, name: &str, file: &str, line: i64) -> u64 {
        let key = (name.to_owned(), file.to_owned());
        let function = self.functions.get(&key).copied().unwrap_or_else(|| {
            let (id, own) = (self.functions.len() as u64 + 1, self.text(name));
            let filename = self.text(file);
            let function =
                proto::Function { id, name: own, system_name: own, filename, start_line: 0 };
            self.wire.function.push(function);
            self.functions.insert(key, id);
            id
        });
        let next = self.frames.len() as u64 + 1;
        *self.frames.entry((function, line)).or_insert_with(|| {
            self.wire.location.push(proto::Location {
                id: next,
                address: 0x40_0000 + next * 16,
                line: vec![proto::Line { function_id: function, line, column: 0 }],
                ..Default::default()
            });
            next
        })
    }

    /// A sample with frames from the leaf to the root, and a label.
    fn sample(&mut self, frames: Vec<u64>, bytes: i64, label: Option<(&str, &str)>) {
        let label = label.map(|(key, value)| proto::Label {
            key: self.text(key),
            str: self.text(value),
            ..Default::default()
        });
        self.wire.sample.push(proto::Sample {
            location_id: frames,
            value: vec![3, bytes],
            label: label.into_iter().collect(),
        });
    }

    fn bytes(&self) -> Vec<u8> {
        self.wire.encode_to_vec()
    }
}

/// Each command in each of its formats; `@` is the profile before, `%` the one after, `#` the file to write.
const COMMANDS: &[&str] = &[
    "top @",
    "top @ --width 100",
    "top -n 0 --lines @ --width 100",
    "top -n 0 @ --format json",
    "top -n 0 @ --format csv",
    "diff @ %",
    "diff -n 0 @ % --width 100",
    "diff -n 0 @ % --format json",
    "diff -n 0 @ % --format csv",
    "refs . @ --width 100",
    "refs . @ % --format json",
    "refs . @ --format csv",
    "peek . @",
    "peek . @ % --width 100",
    "peek . @ --format json",
    "tree @ --format csv",
    "list . @ %",
    "traces @",
    "traces @ % --width 100",
    "traces @ --format json",
    "traces @ --format csv",
    "tags @ --width 100",
    "tags @ % --format json",
    "graph @ % -o #.dot",
    "graph @ --format json",
    "flame @ % -o #.svg",
    "flame @ % --folded -o #.txt",
    "convert @ -o #.folded",
    "convert @ -o #.speedscope.json",
    "convert @ -o #.pb.gz",
    "merge @ % -o #.pb.gz",
    "timeline @ % --width 100",
    "timeline @ % --format csv",
    "timeline @ % -o #.svg",
    "leaks @ % --width 100",
    "leaks @ % --format json",
    "leaks @ % --format csv",
    "check @ % --max-growth-percent 10 --format markdown",
    "patterns match @",
];

/// Virtual memory a run may take, in KiB: what threads reserve, and the few megabytes that these inputs are worth.
const MEMORY: usize = 1 << 20;

/// Runs every command on two profiles, within the limit of memory, and returns how much each wrote.
fn run_all(name: &str, before: &Profile, after: &Profile) -> Vec<(String, u64)> {
    let here = folder(&format!("proportion-{name}"));
    fs::write(here.join("before.pb"), before.bytes()).unwrap();
    fs::write(here.join("after.pb"), after.bytes()).unwrap();
    let mut written = Vec::new();
    for command in COMMANDS {
        let out = here.join("out");
        let _ = fs::remove_dir_all(&out);
        fs::create_dir(&out).unwrap();
        let args = command.split(' ').map(|arg| match arg.chars().next() {
            Some('@') => "before.pb".to_owned(),
            Some('%') => "after.pb".to_owned(),
            Some('#') => format!("out/file{}", &arg[1..]),
            _ => arg.to_owned(),
        });
        let mut shell = Command::new("sh");
        let limit = format!("ulimit -v {MEMORY} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limit, env!("CARGO_BIN_EXE_heapdiff")]).args(args);
        // An allocator may reserve address space for each core.
        shell.current_dir(&here).env("MALLOC_ARENA_MAX", "1").env("RAYON_NUM_THREADS", "2");
        let stdout = File::create(out.join("stdout")).unwrap();
        let done = shell.stdin(Stdio::null()).stdout(stdout).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).chars().take(500).collect::<String>();
        // A unit that no heap profile has is refused.
        let refused = name == "unit" && *command == "patterns match @";
        let is_answered = matches!(done.status.code(), Some(0 | 1 | 3));
        assert!(
            is_answered || refused && done.status.code() == Some(2),
            "{name}: {command}: {said}"
        );
        let size = |file: fs::DirEntry| file.metadata().unwrap().len();
        let size = fs::read_dir(&out).unwrap().map(|file| size(file.unwrap())).sum();
        written.push(((*command).to_owned(), size));
    }
    written
}

/// Runs every command, and none writes more than `most` bytes.
fn within(name: &str, most: u64, build: impl Fn(i64) -> Profile) {
    if !cfg!(target_os = "linux") {
        println!("skipped: only Linux limits the memory of a program");
        return;
    }
    let mut written = run_all(name, &build(1), &build(3));
    written.retain(|(_, size)| *size > most);
    assert!(written.is_empty(), "{name}: {written:?}");
}

/// The frames of `main.main`, so that every stack has a root.
fn root(profile: &mut Profile) -> u64 {
    profile.frame("main.main", "/src/main.go", 1)
}

#[test]
fn a_name_without_end_is_repeated_by_no_format() {
    const LENGTH: usize = 400_000;
    let parts = [
        "/",
        ".",
        " ",
        "/ ",
        "[",
        "<",
        "(*",
        "e\u{301}",
        "世",
        "%41",
        "##[",
        ":",
        "aB",
        "\\",
        "\"",
        "&",
        ";",
        "=",
        "@v",
        "@v1",
        ".func1",
        "$$Lambda$1.",
        "\u{1b}",
        "_",
        "0",
    ];
    let mut random = Random(7);
    let mut names: Vec<String> =
        parts.iter().map(|part| part.repeat(LENGTH / part.len())).collect();
    for (open, close) in [("[", "]"), ("A<", ">"), ("(", ")"), ("go.shape.F[", "]")] {
        let depth = LENGTH / (open.len() + close.len());
        names.push(format!("main.F{}int{}", open.repeat(depth), close.repeat(depth)));
    }
    names.push((0..LENGTH).map(|_| char::from(b" ./[]<>(){}:*ab"[random.below(15)])).collect());
    names.push(format!("_ZN{}Ev", "1a".repeat(LENGTH / 2)));
    // All in one profile: as function, as file, and as the value of a label.
    within("long", 2 << 20, |scale| {
        let mut profile = Profile::heap();
        let main = root(&mut profile);
        for (i, name) in names.iter().enumerate() {
            let frame = profile.frame(name, if i % 4 == 0 { name } else { "a.go" }, 3);
            let label = (i % 5 == 0).then_some(("key", name.as_str()));
            profile.sample(vec![frame, main], scale << 21, label);
        }
        profile
    });
}

#[test]
fn a_long_name_in_every_row_costs_its_share_of_each() {
    // 2,000 rows beside a name of 400 kB would be 800 MB in each format.
    let long = "a/long[name]".repeat(35_000);
    within("caller", 24 << 20, |scale| {
        let mut profile = Profile::heap();
        let caller = profile.frame(&long, "a.go", 1);
        for i in 0..2000 {
            let frame = profile.frame(&format!("main.f{i}"), &long, i);
            profile.sample(vec![frame, caller], scale << 16, Some((&long, &i.to_string())));
        }
        profile
    });
    within("lines", 24 << 20, |scale| {
        let mut profile = Profile::heap();
        for i in 0..2000 {
            let frame = profile.frame(&long, "a.go", i);
            profile.sample(vec![frame], scale << 16, Some(("key", &long)));
        }
        profile
    });
    within("unit", 24 << 20, |scale| {
        let mut profile = Profile::new([("inuse_objects", &long), ("inuse_space", &long)]);
        for i in 0..2000 {
            let frame = profile.frame(&format!("main.f{i}"), "a.go", i);
            profile.sample(vec![frame], scale << 16, None);
        }
        profile
    });
}

#[test]
fn names_that_differ_in_their_middle_stay_different() {
    let here = folder("proportion-middle");
    let mut profile = Profile::heap();
    for (middle, bytes) in [("x", 1 << 22), ("y", 1 << 23)] {
        let name = format!("main.{0}{middle}{0}.end", "long".repeat(5000));
        let frame = profile.frame(&name, "a.go", 1);
        profile.sample(vec![frame], bytes, None);
    }
    fs::write(here.join("a.pb"), profile.bytes()).unwrap();
    let said = super::program::run(&here, &["top", "a.pb", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let rows = report["top"]["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    for name in &names {
        assert!(name.starts_with("main.longlong") && name.ends_with("long.end"), "{name}");
        assert!(name.contains("…") && name.len() < 2200, "{name}");
    }
    assert_ne!(names[0], names[1]);
    // What other tools read has the name in full.
    let merged = super::program::run(&here, &["merge", "a.pb", "a.pb", "-o", "b.pb"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    let merged = heapdiff::input::read_profile(&fs::read(here.join("b.pb")).unwrap()[..]).unwrap();
    let longest = merged.symbols.functions.iter().map(|f| merged.text(f.name).len()).max();
    assert_eq!(longest, Some(5 + 2 * 20_000 + 1 + 4));
}

#[test]
fn wide_and_deep_graphs_take_the_memory_of_their_edges() {
    const SIZE: usize = 20_000;
    within("hub", 20 << 20, |scale| {
        let mut profile = Profile::heap();
        let hub = profile.frame("main.hub", "a.go", 1);
        for i in 0..SIZE {
            let caller = profile.frame(&format!("main.f{i}"), "a.go", i as i64);
            profile.sample(vec![hub, caller], scale << 14, None);
        }
        profile
    });
    within("deep", 20 << 20, |scale| {
        let mut profile = Profile::heap();
        let stack = (0..SIZE).map(|i| profile.frame(&format!("main.f{i}"), "a.go", i as i64));
        let stack = stack.collect();
        profile.sample(stack, scale << 22, None);
        profile
    });
    within("recursion", 20 << 20, |scale| {
        let mut profile = Profile::heap();
        let pair = [profile.frame("main.f", "a.go", 1), profile.frame("main.g", "a.go", 2)];
        profile.sample(pair.repeat(SIZE), scale << 22, None);
        profile
    });
    within("labels", 20 << 20, |scale| {
        let mut profile = Profile::heap();
        let frame = root(&mut profile);
        for i in 0..SIZE {
            profile.sample(vec![frame], scale << 14, Some(("request", &format!("value {i}"))));
        }
        profile
    });
    within("stacks", 20 << 20, |scale| {
        let (mut profile, mut random) = (Profile::heap(), Random(3));
        for _ in 0..3000 {
            let mut frame = |_| {
                let name = format!("main.f{}", random.below(500));
                profile.frame(&name, "a.go", 1)
            };
            let stack = (0..20).map(&mut frame).collect();
            profile.sample(stack, scale << 18, None);
        }
        profile
    });
}

#[test]
fn inlined_functions_do_not_multiply_with_the_depth_of_stacks() {
    let profile = |inlined: usize, depth: usize| {
        let mut profile = Profile::heap();
        let frame = root(&mut profile);
        for i in 1..inlined {
            profile.frame(&format!("main.f{i}"), "a.go", 1);
        }
        let functions = 1..=inlined as u64;
        let line = |function_id| proto::Line { function_id, line: 1, column: 0 };
        profile.wire.location[0].line = functions.map(line).collect();
        profile.sample(vec![frame; depth], 1 << 20, None);
        profile.bytes()
    };
    let read =
        |bytes: &[u8]| heapdiff::input::read_profile(bytes).map_err(|error| error.to_string());
    // A location with many functions, and a stack with many frames, are both as usual.
    assert!(read(&profile(5000, 100)).is_ok());
    assert!(read(&profile(60, 100_000)).is_ok());
    let refused = read(&profile(5000, 20_000)).unwrap_err();
    assert!(refused.contains("100000000 frames, most of them inlined"), "{refused}");
}

#[test]
fn a_table_is_aligned_across_its_blocks_and_around_what_is_too_wide() {
    let here = folder("proportion-table");
    let mut profile = Profile::heap();
    for i in 0..1500_usize {
        let name = if i % 500 == 7 {
            format!("main.{}", "long.".repeat(380))
        } else {
            "main.f".to_owned()
        };
        let frame = profile.frame(&format!("{name}{i}"), "a.go", 1);
        profile.sample(vec![frame], 1 << (10 + i % 20), None);
    }
    fs::write(here.join("a.pb"), profile.bytes()).unwrap();
    let said = super::program::run(&here, &["top", "-n", "0", "a.pb"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let lines: Vec<&str> = said.stdout.lines().filter(|line| line.contains(" main.")).collect();
    assert_eq!(lines.len(), 1500);
    let at = lines[0].find(" main.").unwrap();
    for line in &lines {
        assert_eq!(line.find(" main."), Some(at), "{line}");
    }
    assert_eq!(lines.iter().filter(|line| line.len() > 1900).count(), 3);
}

#[cfg(unix)]
#[test]
fn folders_that_link_to_each_other_are_read_once_on_each_level() {
    use std::os::unix::fs::symlink;
    let here = folder("proportion-links");
    let heap = {
        let mut profile = Profile::heap();
        let frame = root(&mut profile);
        profile.sample(vec![frame], 1 << 20, None);
        profile.bytes()
    };
    for own in 0..12 {
        let own_folder = here.join(format!("d{own}"));
        fs::create_dir(&own_folder).unwrap();
        fs::write(own_folder.join("heap.pb"), &heap).unwrap();
        for other in (0..12).filter(|&other| other != own) {
            symlink(format!("../d{other}"), own_folder.join(format!("to{other}"))).unwrap();
        }
    }
    // Twelve folders, a hundred million names.
    for (pattern, first) in [("*/heap.pb", "d0/heap.pb"), ("*/*/*/*/*/*/*/*/heap.pb", "d0/to1/")] {
        let said = super::program::run(&here, &["top", "--format", "json", pattern]);
        assert_eq!(said.code, Some(0), "{pattern}: {}", said.stderr);
        let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        let inputs = report["inputs"].as_array().unwrap();
        assert_eq!(inputs.len(), 12, "{pattern}");
        let names: Vec<&str> = inputs.iter().map(|input| input["name"].as_str().unwrap()).collect();
        assert!(names.iter().any(|name| name.starts_with(first)), "{names:?}");
    }
}
