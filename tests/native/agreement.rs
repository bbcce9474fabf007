//! What heapdiff says of each address is what `addr2line` and `llvm-symbolizer` say.

use super::tools::{PROFILERS, Profiler, Program, folder, has, heapdiff, run, text};
use heapdiff::input;
use heapdiff::model::profile::Profile;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// A frame: the function's mangled name, the file, the line.
type Frame = (String, PathBuf, i64);

/// The names of a profile's addresses, and the profile.
pub(crate) fn named(profile: &Path, exe: &[&str]) -> Profile {
    let out = profile.with_extension("pb");
    let args = [&["convert", "--quiet", "--force", text(profile), "-o", text(&out)], exe].concat();
    let (ok, _, stderr) = heapdiff(&args);
    assert!(ok, "{stderr}");
    input::read_profile(fs::read(&out).unwrap().as_slice()).unwrap()
}

/// The frames of each address of a binary, by its address in the file.
pub(crate) fn frames(
    profile: &Profile,
    recording: &Path,
    binary: &Path,
) -> BTreeMap<u64, Vec<Frame>> {
    let base = base(recording, binary);
    let symbols = &profile.symbols;
    let own = |&id: &_| Path::new(symbols.mapping_file(id)) == binary;
    symbols
        .locations
        .ids()
        .filter(own)
        .map(|id| {
            let frames = symbols.locations.lines(id).iter().map(|line| {
                let function = symbols.function(line.function);
                let name = symbols.text(function.system_name).to_owned();
                (name, plain(symbols.text(function.filename)), line.line)
            });
            (symbols.locations.address[id.index()] - base, frames.collect())
        })
        .collect()
}

/// What is added to the addresses of a binary: where its first page is, unless its type is `ET_EXEC`.
fn base(recording: &Path, binary: &Path) -> u64 {
    let recording = fs::read_to_string(recording).unwrap();
    let line = recording.lines().find(|line| line.ends_with(text(binary))).unwrap();
    let start = u64::from_str_radix(line.trim().split('-').next().unwrap(), 16).unwrap();
    if fs::read(binary).unwrap()[16] == 2 { 0 } else { start }
}

/// A path without `.` and `..`.
fn plain(path: &str) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// What another tool says of the addresses.
fn asked(
    tool: &str,
    binary: &Path,
    addresses: impl Iterator<Item = u64>,
) -> BTreeMap<u64, Vec<Frame>> {
    let addresses: Vec<String> = addresses.map(|address| format!("0x{address:x}")).collect();
    let mut command = Command::new(tool);
    match tool {
        "addr2line" => command.args(["-a", "-f", "-i", "-e"]).arg(binary),
        _ => command
            .args(["--addresses", "--inlines", "--functions=linkage", "--no-demangle"])
            .args(["--output-style=GNU", "-e"])
            .arg(binary),
    };
    let output = run(command.args(&addresses));
    let mut answers: BTreeMap<u64, Vec<Frame>> = BTreeMap::new();
    let mut address = 0;
    let mut lines = output.lines().filter(|line| !line.is_empty());
    while let Some(line) = lines.next() {
        if let Some(digits) = line.strip_prefix("0x") {
            address = u64::from_str_radix(digits, 16).unwrap();
            continue;
        }
        let place = lines.next().unwrap();
        let place = place.split(" (discriminator").next().unwrap();
        let (file, number) = place.rsplit_once(':').unwrap();
        let frame = (line.to_owned(), plain(file), number.parse().unwrap_or(0));
        answers.entry(address).or_default().push(frame);
    }
    answers
}

/// Compares the frames of a recording with those of the other tools. Returns them.
fn check(program: Program, profiler: Profiler, flags: &[&str]) -> Option<Vec<Frame>> {
    let folder =
        folder(&format!("{program:?}-{profiler:?}{}", flags.concat().replace(['=', ','], "-")));
    let binary = program.build(&folder, flags);
    let recording = profiler.record(&binary)?;
    let profile = named(&recording, &["--exe", text(&binary)]);
    let own = frames(&profile, &recording, &binary);
    assert!(own.len() >= 5, "{own:?}");
    assert!(own.values().any(|frames| frames.len() > 2), "nothing is inlined: {own:?}");
    let mut compared = 0;
    for tool in ["addr2line", "llvm-symbolizer"] {
        if tool != "addr2line" && Command::new(tool).arg("--version").output().is_err() {
            println!("not compared with {tool}, which is missing");
            continue;
        }
        let mut theirs = asked(tool, &binary, own.keys().copied());
        for (address, frames) in &own {
            let mut frames = frames.clone();
            let theirs = theirs.get_mut(address).unwrap();
            // Of code without debug information, such as _start, only the function is known.
            for (_, file, line) in frames.iter_mut().chain(theirs.iter_mut()) {
                if file.as_os_str() == "??" || file.as_os_str() == "" {
                    (*file, *line) = (PathBuf::new(), 0);
                }
            }
            // llvm-symbolizer takes one of several symbols at an address. Both add what the compiler appends to the
            // names of copies, and some versions leave out the namespace of a function that is private to its file.
            if let (Some(own), Some(other)) = (frames.last_mut(), theirs.last_mut()) {
                let bare = other.0.split('.').next().unwrap();
                let is_without_debug = own.2 == 0 && other.0 == "??";
                if tool == "llvm-symbolizer" || is_without_debug || own.0.contains(bare) {
                    other.0.clone_from(&own.0);
                }
            }
            assert_eq!(&frames, theirs, "{tool} {flags:?} {address:x}");
            compared += 1;
        }
    }
    assert!(compared > 0);
    Some(own.into_values().flatten().collect())
}

#[test]
fn a_program_of_cpp_has_the_frames_that_other_tools_find() {
    if !has(&["g++", "addr2line"]) {
        return;
    }
    let variants: [&[&str]; 6] = [
        &["-O2", "-g", "-gdwarf-5"],
        &["-O2", "-g", "-gdwarf-4"],
        &["-O2", "-g", "-no-pie"],
        &["-O2", "-g", "-gz=zlib"],
        &["-O3", "-g", "-fuse-ld=bfd", "-Wl,-z,noseparate-code"],
        &["-O1", "-g", "-ffunction-sections", "-Wl,--gc-sections"],
    ];
    for (i, flags) in variants.iter().enumerate() {
        let Some(frames) = check(Program::Cpp, PROFILERS[i % 2], flags) else { return };
        let has = |function: &str, file: &str| {
            frames.iter().any(|(name, path, line)| {
                name.contains(function) && path.ends_with(file) && *line > 0
            })
        };
        for function in
            ["5Store4copyEi", "5Store3putEi", "4fillER", "buffer", "session_open", "main"]
        {
            assert!(has(function, "native/cache.cpp"), "{function}: {frames:?}");
        }
        assert!(has("_M_realloc_insert", "bits/vector.tcc"), "{frames:?}");
    }
}

#[test]
fn a_program_of_rust_has_the_frames_that_other_tools_find() {
    if !has(&["rustc", "addr2line"]) {
        return;
    }
    for (profiler, flags) in PROFILERS
        .into_iter()
        .zip([["-O", "-g", "-Crelocation-model=pic"], ["-O", "-g", "-Crelocation-model=static"]])
    {
        let Some(frames) = check(Program::Rust, profiler, &flags) else { return };
        for function in ["job", "push", "enqueue", "index", "from_elem"] {
            assert!(
                frames.iter().any(|(name, ..)| name.contains(function)),
                "{function}: {frames:?}"
            );
        }
    }
}

#[test]
fn the_line_to_blame_is_one_of_the_program() {
    if !has(&["g++", "rustc"]) {
        return;
    }
    for profiler in PROFILERS {
        for (program, flags, blamed) in [
            (Program::Cpp, ["-O2", "-g"], &["cache::Store::copy", "buffer", "session_open"][..]),
            (Program::Rust, ["-O", "-g"], &["queue::job", "queue::index::{{closure}}"]),
        ] {
            let folder = folder(&format!("blame-{program:?}-{profiler:?}"));
            let binary = program.build(&folder, &flags);
            let Some(recording) = profiler.record(&binary) else { return };
            let args = ["top", "-q", text(&recording), "--exe", text(&binary), "--format", "json"];
            let (ok, report, stderr) = heapdiff(&args);
            assert!(ok, "{stderr}");
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            let rows = report["top"]["rows"].as_array().unwrap();
            let named: BTreeSet<&str> = rows
                .iter()
                .filter(|row| row["flat"].as_i64() > Some(0))
                .flat_map(|row| {
                    let callers = row["callers"].as_array().into_iter().flatten();
                    let places = callers.map(|caller| &caller["place"]["function"]);
                    places.chain([&row["via"]["function"], &row["name"]])
                })
                .filter_map(serde_json::Value::as_str)
                .collect();
            for name in blamed {
                assert!(named.contains(name), "{profiler:?} {name}: {named:?}");
            }
        }
    }
}
