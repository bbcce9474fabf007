//! The wrong binary, or none: what heapdiff says, and what it refuses.

use super::tools::{Program, folder, has, heapdiff, run, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A profile with an address in `fill` of the program and one in a library, with build ids.
fn profile(folder: &Path, name: &str, file: &str, build_id: &str, size: u64) -> PathBuf {
    let path = folder.join(name);
    let profile = format!(
        "heap profile: 3: {0} [3: {0}] @ heapprofile\n 2: {1} [2: {1}] @ 0x7f0000001011 0x500000001001\n \
         1: 512 [1: 512] @ 0x500000001002\n\nMAPPED_LIBRARIES:\n\
         500000000000-500000004000: {file} (@0) {build_id}\n7f0000000000-7f0000002000: /lib/libx.so.1 (@0) cafe\n",
        size + 512,
        size
    );
    fs::write(&path, profile).unwrap();
    path
}

fn build_id(binary: &Path) -> String {
    let notes = run(Command::new("readelf").args(["-n", text(binary)]));
    let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
    id.unwrap().to_owned()
}

/// Messages and tables without their line breaks.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn build_ids_decide_which_binary_is_used() {
    if !has(&["g++", "readelf"]) {
        return;
    }
    let folder = folder("build-ids");
    let build = |name: &str, flags: &[&str]| {
        let below = folder.join(name);
        fs::create_dir(&below).unwrap();
        Program::Cpp.build(&below, &[&["-Wl,--build-id", "-g"], flags].concat())
    };
    let (one, two) = (build("one", &["-O2"]), build("two", &["-O1"]));
    let (id_one, id_two) = (build_id(&one), build_id(&two));
    let before = profile(&folder, "before", "/srv/cache", &id_one, 1024);
    let after = profile(&folder, "after", "/srv/cache", &id_two, 4096);
    let [before, after, one, two] = [&before, &after, &one, &two].map(|path| text(path));

    let (ok, output, stderr) = heapdiff(&[before, after, "--exe", one, "--exe", two]);
    assert!(ok, "{stderr}");
    for exe in [one, two] {
        let note = format!("--exe {exe} (by build id) names 2 of 2 addresses of /srv/cache\n");
        assert!(stderr.contains(&note), "{stderr}");
    }
    let output = joined(&output);
    assert!(!output.contains("no build id"), "{output}");
    let next = format!("{after} --exe {one} --exe {two}");
    assert!(output.ends_with(&next), "{output}");
    assert!(
        output.contains(
            "frames without names are left in libx.so.1 (build id cafe, on stacks of 83% of space)"
        ),
        "{output}"
    );

    let (ok, _, stderr) = heapdiff(&[before, after, "--exe", one]);
    assert!(
        !ok && stderr.starts_with(&format!("heapdiff: {after}: --exe {one} is another build")),
        "{stderr}"
    );
    assert!(stderr.contains(&id_one) && stderr.contains(&id_two), "{stderr}");
    let (ok, _, stderr) = heapdiff(&[after, "--exe", &format!("cache={one}")]);
    assert!(!ok && stderr.contains("is another build than the one that ran"), "{stderr}");

    // The library has no binary, so the program's isn't it.
    let bare = profile(&folder, "bare", "/srv/cache", "", 1024);
    let (ok, output, stderr) = heapdiff(&["top", text(&bare), "--exe", one]);
    assert!(ok && stderr.contains("(by file name)"), "{stderr}");
    let warning = format!("no build id shows that {one} is the build that ran");
    assert!(joined(&output).contains(&warning), "{output}");
    let (ok, _, stderr) = heapdiff(&["top", text(&bare), "--exe", one, "--exe", two]);
    assert!(!ok && stderr.contains("has no build id that tells which of them ran"), "{stderr}");
    let renamed = profile(&folder, "renamed", "/srv/server", "", 1024);
    let (ok, _, stderr) = heapdiff(&["top", text(&renamed), "--exe", one]);
    assert!(
        ok && stderr.contains("(as the program) names 2 of 2 addresses of /srv/server"),
        "{stderr}"
    );
    // A library isn't taken for the program.
    let library = folder.join("libx.so.1");
    fs::copy(one, &library).unwrap();
    let (ok, _, stderr) = heapdiff(&["top", text(&bare), "--exe", text(&library)]);
    assert!(!ok && stderr.contains("--exe") && stderr.contains("cafe"), "{stderr}");
}

#[test]
fn addresses_that_another_build_has_are_left_alone() {
    if !has(&["g++"]) {
        return;
    }
    let folder = folder("misplaced");
    let binary = Program::Cpp.build(&folder, &["-O2", "-g"]);
    let path = folder.join("profile");
    // Code is mapped from a place in the file that this binary doesn't have.
    let text_of = "heap profile: 1: 512 [1: 512] @ heapprofile\n 1: 512 [1: 512] @ 0x500000001002\n\n\
                   MAPPED_LIBRARIES:\n500000000000-500000002000 r-xp 10000000 08:01 1 /srv/cache\n";
    fs::write(&path, text_of).unwrap();
    let (ok, output, stderr) = heapdiff(&["top", text(&path), "--exe", text(&binary)]);
    assert!(ok && stderr.contains("names 0 of 1 addresses"), "{stderr}");
    assert!(joined(&output).contains("1 of 1 addresses of cache aren't in"), "{output}");
}

#[test]
fn a_profile_without_mappings_says_why_nothing_is_named() {
    if !has(&["g++"]) {
        return;
    }
    let folder = folder("no-mappings");
    let binary = Program::Cpp.build(&folder, &["-O2", "-g"]);
    let path = folder.join("profile");
    let cut = "heap profile: 1: 512 [1: 512] @ heapprofile\n 1: 512 [1: 512] @ 0x500000001002\n";
    fs::write(&path, cut).unwrap();
    let (ok, output, stderr) = heapdiff(&["top", text(&path), "--exe", text(&binary)]);
    assert!(ok && stderr.contains("names 0 of 1 addresses of the program"), "{stderr}");
    assert!(
        joined(&output).contains("none of 1 addresses of the program is in a function of"),
        "{output}"
    );
}

#[test]
fn files_that_are_no_binary_are_refused_with_what_to_do() {
    if !has(&["g++", "objcopy"]) {
        return;
    }
    let folder = folder("refused");
    let binary = Program::Cpp.build(&folder, &["-O1", "-g"]);
    let profile = profile(&folder, "profile", "/srv/cache", "", 1024);
    let bytes = fs::read(&binary).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        folder.join(name)
    };
    let debug = folder.join("cache.debug");
    run(Command::new("objcopy").arg("--only-keep-debug").args([&binary, &debug]));
    let cases = [
        (write("script", b"#!/bin/sh\n"), "isn't an ELF binary"),
        (write("empty", b""), "isn't an ELF binary"),
        (write("mac", b"\xcf\xfa\xed\xfe\x07\x00\x00\x01"), "is a Mach-O (macOS) binary"),
        (write("win.exe", b"MZ\x90\x00\x03"), "is a PE (Windows) binary"),
        (write("head", &bytes[..40]), "is a damaged ELF binary"),
        (write("half", &bytes[..bytes.len() / 2]), "is a damaged ELF binary"),
        (folder.join("nowhere"), "no such file"),
        (folder.clone(), "isn't a file"),
        (debug, "holds debug information alone"),
    ];
    for (path, expected) in cases {
        let path = text(&path);
        let (ok, _, stderr) = heapdiff(&["top", text(&profile), "--exe", path]);
        assert!(
            !ok && stderr.starts_with(&format!("heapdiff: --exe {path}: {expected}")),
            "{stderr}"
        );
    }
    let (ok, _, stderr) = heapdiff(&["top", text(&profile), "--debug-dir", "/x"]);
    assert!(!ok && stderr.contains("--exe"), "{stderr}");
}

#[test]
fn a_binary_that_isn_t_needed_is_said_to_be() {
    if !has(&["g++"]) {
        return;
    }
    let folder = folder("unused");
    let binary = Program::Cpp.build(&folder, &["-O1", "-g"]);
    let go = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rate1");
    let go = fs::read_dir(go).unwrap().map(|entry| entry.unwrap().path());
    let go = go.filter(|path| text(path).ends_with(".pb.gz")).min().unwrap();
    let (ok, output, stderr) = heapdiff(&["top", text(&go), "--exe", text(&binary)]);
    assert!(ok, "{stderr}");
    assert!(
        joined(&output).contains("--exe has no effect: the profile names all frames already"),
        "{output}"
    );
    let profile = profile(&folder, "profile", "/srv/server", "", 1024);
    let other = format!("liby.so={}", text(&binary));
    let (ok, output, stderr) = heapdiff(&["top", text(&profile), "--exe", &other]);
    assert!(ok, "{stderr}");
    assert!(
        joined(&output)
            .contains("is of no mapping without names: without names are libx.so.1, server"),
        "{output}"
    );
}
