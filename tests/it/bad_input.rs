//! Inputs that aren't profiles: one message that names the input, the problem and what to do, exit code 2, and
//! nothing on standard output.

use super::corpus;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is wrong, and what to do: the message must contain both.
type Words<'a> = [&'a str; 2];

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-input");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a file with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The command's single error message for these inputs.
fn message(args: &[&str], stdin: Stdio) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    let output = command.args(args).stdin(stdin).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}: something on standard output");
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(said.starts_with("heapdiff: ") && said.ends_with('\n'), "{args:?}: {said}");
    assert!(said.len() < 800, "{args:?}: {said}");
    said
}

/// The message about one bad input, alone and on either side of a comparison.
fn refused(name: &str, words: Words<'_>) {
    let good = corpus::path("chat/after.pb.gz");
    let good = good.to_str().unwrap();
    let alone = message(&["top", name], Stdio::null());
    for args in [["diff", name, good], ["diff", good, name]] {
        assert_eq!(message(&args, Stdio::null()), alone, "{args:?}");
    }
    assert!(alone.starts_with(&format!("heapdiff: {name}: ")), "{alone}");
    for word in words {
        assert!(alone.contains(word), "`{word}` does not stand in: {alone}");
    }
}

fn bytes_refused(name: &str, bytes: &[u8], words: Words<'_>) {
    refused(file(name, bytes).to_str().unwrap(), words);
}

#[test]
fn what_can_not_be_opened() {
    refused("no-such.pb.gz", ["no such file", "check the path"]);
    #[cfg(not(feature = "http"))]
    refused("http://localhost:6060/debug/pprof/heap", ["is a URL", "fetch it first"]);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let path = file("secret.pb.gz", b"x");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    refused(path.to_str().unwrap(), ["permission denied", "ls -l"]);
}

#[test]
fn what_is_no_profile() {
    let page = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>";
    let cases: [(&str, &[u8], Words<'_>); 17] = [
        ("empty", b"", ["is empty (0 bytes)", "did the download fail?"]),
        ("page.html", page, ["web page", "(its title: \"502 Bad Gateway\"); check the address"]),
        ("xml", b"<?xml version=\"1.0\"?><a/>", ["web page", "check the address"]),
        ("error.json", b"{\"error\": \"unauthorized\"}", ["is JSON", "check the address"]),
        ("list.json", b"\n [1, 2]", ["is JSON", "check the address"]),
        ("text", b"Unauthorized\n", ["begins with \"Unauthorized\"", "check the address"]),
        (
            "zstd",
            b"\x28\xb5\x2f\xfd\x04\x00",
            ["is cut off: the zstd stream", "fetch the profile again"],
        ),
        ("bzip2", b"BZh91AY&SY", ["is cut off: the bzip2 stream", "fetch the profile again"]),
        ("xz", b"\xfd7zXZ\0\0\x04", ["packed with xz", "`unxz`"]),
        ("zip", b"PK\x03\x04\x14\0", ["zip archive", "use the profiles in it"]),
        ("program", b"\x7fELF\x02\x01\x01", ["is a program", "reads only profiles"]),
        ("cpu", b"\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0", ["CPU profile of gperf", "-proto"]),
        ("report", b"File: app\nType: cpu\n", ["report of pprof", "it was made from"]),
        ("perf", b"PERFILE2\x68", ["recording of perf", "perf_to_profile"]),
        ("answer", b"HTTP/1.1 200 OK\r\n\r\n\x1f\x8b\x08\0", ["with its headers", "without -i"]),
        ("zeros", &[0; 100], ["begins with bytes 00 00", "use a .pb.gz file"]),
        ("spaces", b"   \n  ", ["is text", "check the address"]),
    ];
    for (name, bytes, words) in cases {
        bytes_refused(name, bytes, words);
    }
}

#[test]
fn what_is_text_with_a_line_that_is_not() {
    let heap = |line: &str| format!("heap profile: 1: 16 [2: 32] @ heap/1048576\n{line}\n");
    let cases = [
        (
            "rate",
            "heap profile: 1: 16 [1: 16] @ heapster/1\n".to_owned(),
            "line 1: expected `heap profile:",
        ),
        ("writer", "heap profile: 1: 16 [1: 16] @\n".to_owned(), "line 1: expected `heap profile:"),
        ("record", heap("1: 16 [2: 32]"), "line 2: expected `objects: bytes [objects: bytes] @"),
        ("large", heap("1: 16 [2: 99999999999999999999] @ 0x1"), "line 2: expected `objects"),
        ("address", heap("1: 16 [2: 32] @ 0x1 main.f"), "line 2: expected an address such as"),
        ("wide", heap("1: 16 [2: 32] @ 0x11112222333344445"), "line 2: expected an address"),
        ("no-objects", heap("0: 16 [2: 32] @ 0x1"), "expected 0 bytes in use for 0 objects"),
        ("jemalloc", "heap_v2/x\n".to_owned(), "line 1: expected `heap_v2/rate`"),
        (
            "thread",
            "heap_v2/1\n  t*: 1: 1 [0: 0]\n@ 0x1\n  x\n".to_owned(),
            "line 4: expected `@ 0x",
        ),
        (
            "count",
            "goroutine profile: total 1\n1 @ 0x1\nx\n".to_owned(),
            "line 3: expected `count @",
        ),
        ("cycles", "--- mutex:\ncycles/second=x\n".to_owned(), "line 2: expected a number after"),
        (
            "waits",
            "--- mutex:\ncycles/second=1\n1 @ 0x1\n".to_owned(),
            "line 3: expected `cycles count",
        ),
        (
            "unit",
            "--- heapz 1 ---\nformat = java\n1 1 @ 0x1\n".to_owned(),
            "line 3: expected `resolution",
        ),
        (
            "objects",
            "--- heapz 1 ---\nresolution = bytes\n1 0 @ 0x1\n".to_owned(),
            "a count above 0",
        ),
        (
            "title",
            "--- threadz 1 ---\n--- Thread x\n".to_owned(),
            "line 2: expected `--- Thread ID",
        ),
    ];
    for (name, text, expected) in cases {
        bytes_refused(&format!("{name}.txt"), text.as_bytes(), [expected, "fetch it again"]);
    }
    let long = heap(&"x".repeat(2 << 20));
    bytes_refused("long.txt", long.as_bytes(), ["line 2: expected a line", "of at most 1048576"]);
}

#[test]
fn what_is_damaged() {
    let good = corpus::read("chat/before.pb.gz");
    let plain = corpus::unpacked(&good).unwrap();
    let cut_off = ["is cut off: the gzip stream ends early", "fetch the profile again"];
    for n in [2, 10, 11, good.len() / 2, good.len() - 9, good.len() - 1] {
        bytes_refused("cut.pb.gz", &good[..n], cut_off);
    }
    let cut_off = ["is cut off: the bytes end at", "fetch the profile again"];
    bytes_refused("cut.pb", &plain[..plain.len() - 3], cut_off);
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 8].fill(0xff);
    bytes_refused("flipped.pb.gz", &flipped, ["damaged gzip data", "fetch the profile again"]);
    let mut wrong_sum = good.clone();
    let end = wrong_sum.len();
    wrong_sum[end - 6] ^= 1;
    bytes_refused("sum.pb.gz", &wrong_sum, ["damaged gzip data", "fetch the profile again"]);
    let glued = ["two profiles are glued together", "give them as two files"];
    bytes_refused("glued.pb.gz", &[good.as_slice(), &good].concat(), glued);
    bytes_refused("glued.pb", &[plain.as_slice(), &plain].concat(), glued);
    let no_id = [plain.as_slice(), &[0x22, 0]].concat();
    bytes_refused("id.pb", &no_id, ["a location has the reserved id 0", "fetch it again"]);
}

#[test]
fn standard_input_that_gives_nothing() {
    let good = corpus::path("chat/after.pb.gz");
    let good = good.to_str().unwrap();
    for args in [["top", "-"].as_slice(), &["-", good], &["diff", good, "-"]] {
        let said = message(args, Stdio::null());
        assert!(said.starts_with("heapdiff: standard input: is empty (0 bytes)"), "{said}");
    }
    let said = message(&["-", "-"], Stdio::null());
    assert!(said.contains("can be read only once; give the other profile as a file"), "{said}");
}

#[test]
fn every_broken_case_has_a_message() {
    // According to the README of testdata, pprof accepts these; the text of ?debug=1 is an error
    // only for readers of protobuf.
    let may_be_read = ["field-number-0.pb.gz", "unknown-mapping-id.pb.gz", "go-text-heap.txt"];
    let mut cases = 0;
    for entry in std::fs::read_dir(corpus::path("crafted/bad")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if may_be_read.contains(&name) {
            continue;
        }
        let path = path.to_str().unwrap();
        let said = message(&["top", path], Stdio::null());
        let about = said.strip_prefix(&format!("heapdiff: {path}: ")).unwrap();
        let advice = ["fetch", "check", "give", "use ", "unpack", "did the download fail?"];
        assert!(advice.iter().any(|word| about.contains(word)), "no word what to do: {said}");
        cases += 1;
    }
    assert!(cases > 35, "only {cases} cases");
}
