//! Files that a command writes: no input is ever replaced, and no protected file without `--force`; and pipes, which may
//! be slow, or have no other end.

#![cfg(unix)]

use super::corpus;
use super::program::{Said, folder, run};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder with two profiles, a copy of the first under other names, and snapshots over time.
fn profiles(name: &str) -> PathBuf {
    let folder = folder(name);
    fs::write(folder.join("a.pb.gz"), corpus::read("chat/before.pb.gz")).unwrap();
    fs::write(folder.join("b.pb.gz"), corpus::read("chat/after.pb.gz")).unwrap();
    fs::create_dir(folder.join("sub")).unwrap();
    symlink("a.pb.gz", folder.join("link.svg")).unwrap();
    symlink("link.svg", folder.join("sub/../link-to-link.svg")).unwrap();
    fs::hard_link(folder.join("a.pb.gz"), folder.join("hard.svg")).unwrap();
    folder
}

/// The commands that write with `-o`, each with its inputs; `OUT` is the name of the output.
const COMMANDS: &[&[&str]] = &[
    &["top", "a.pb.gz", "-o", "OUT"],
    &["top", "a.pb.gz", "b.pb.gz", "-o", "OUT"],
    &["a.pb.gz", "b.pb.gz", "-o", "OUT"],
    &["diff", "-base", "a.pb.gz", "b.pb.gz", "--format", "json", "-o", "OUT"],
    &["leaks", "a.pb.gz", "b.pb.gz", "-o", "OUT"],
    &["timeline", "a.pb.gz", "b.pb.gz", "-o", "OUT"],
    &["refs", ".", "a.pb.gz", "-o", "OUT"],
    &["peek", ".", "a.pb.gz", "-o", "OUT"],
    &["list", ".", "a.pb.gz", "-o", "OUT"],
    &["traces", "a.pb.gz", "-o", "OUT"],
    &["tags", "a.pb.gz", "-o", "OUT"],
    &["flame", "a.pb.gz", "--format", "svg", "-o", "OUT"],
    &["graph", "a.pb.gz", "--format", "dot", "-o", "OUT"],
    &["convert", "a.pb.gz", "--to", "folded", "-o", "OUT"],
    &["convert", "a.pb.gz", "b.pb.gz", "--to", "pprof", "-o", "OUT"],
    &["merge", "a.pb.gz", "b.pb.gz", "-o", "OUT"],
    &["patterns", "match", "a.pb.gz", "-o", "OUT"],
    &["check", "--max-growth", "1GiB", "a.pb.gz", "b.pb.gz", "-o", "OUT"],
    &["check", "--max-growth", "1GiB", "a.pb.gz", "b.pb.gz", "--report", "junit=OUT"],
    &["check", "--max-growth", "1GiB", "a.pb.gz", "b.pb.gz", "--report", "csv=OUT"],
    &["check", "--no-leaks", "a.pb.gz", "b.pb.gz", "--report", "json=OUT"],
];

fn ask(folder: &Path, command: &[&str], out: &str, more: &[&str]) -> Said {
    let args: Vec<String> = command.iter().map(|arg| arg.replace("OUT", out)).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    run(folder, &args)
}

#[test]
fn no_input_is_replaced() {
    let folder = profiles("no-input-is-replaced");
    let content = fs::read(folder.join("a.pb.gz")).unwrap();
    let whole = folder.join("a.pb.gz");
    let names = [
        "a.pb.gz",
        "./sub/../a.pb.gz",
        "link.svg",
        "link-to-link.svg",
        "hard.svg",
        whole.to_str().unwrap(),
    ];
    for command in COMMANDS {
        for out in names {
            for more in [&[][..], &["--force"]] {
                let said = ask(&folder, command, out, more);
                assert_eq!(said.code, Some(2), "{command:?} to {out}: {}", said.stdout);
                assert!(
                    said.stderr.contains("is an input"),
                    "{command:?} to {out}: {}",
                    said.stderr
                );
                assert_eq!(
                    fs::read(folder.join("a.pb.gz")).unwrap(),
                    content,
                    "{command:?} to {out}"
                );
            }
        }
    }
    // Standard input is an input too.
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.args(["top", "-", "-o", "a.pb.gz"]).current_dir(&folder);
    let output = command.stdin(File::open(folder.join("a.pb.gz")).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(folder.join("a.pb.gz")).unwrap(), content);
}

#[test]
fn nor_are_settings_patterns_sources_and_baselines() {
    let folder = profiles("nor-are-settings");
    fs::write(folder.join("heapdiff.toml"), "").unwrap();
    fs::write(folder.join("own.toml"), "").unwrap();
    // A file is only taken for the source of a function that it mentions.
    let source = "func windowFor() {}\n".repeat(500);
    let listed = run(&folder, &["list", "windowFor", "a.pb.gz", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let file = listed["list"]["functions"][0]["file"].as_str().unwrap();
    assert!(Path::new(file).is_relative(), "{file}");
    fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
    fs::write(folder.join(file), &source).unwrap();
    let saved = run(&folder, &["baseline", "save", "kept", "--branch", "main", "a.pb.gz"]);
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    let kept = corpus::files(&folder.join("kept"));
    let kept = kept[0].strip_prefix(&folder).unwrap().to_str().unwrap();
    let facts = kept.replace("run-1.pb.gz", "baseline.json");
    let compare = ["baseline", "compare", "kept", "--branch", "main", "--max", "1GiB", "b.pb.gz"];
    let report = format!("junit={kept}");
    let cases: [&[&str]; 8] = [
        &["top", "a.pb.gz", "-o", "heapdiff.toml"],
        &["leaks", "a.pb.gz", "b.pb.gz", "--patterns", "own.toml", "-o", "own.toml"],
        &["patterns", "--patterns", "own.toml", "-o", "own.toml"],
        &["list", "windowFor", "a.pb.gz", "-o", file],
        &["baseline", "show", "kept", "-o", kept],
        &["baseline", "show", "kept", "-o", &facts],
        &[&compare[..], &["-o", &facts]].concat(),
        &[&compare[..], &["--report", &report]].concat(),
    ];
    for case in cases {
        let said = run(&folder, case);
        assert_eq!(said.code, Some(2), "{case:?}: {}", said.stdout);
        assert!(said.stderr.contains("is an input"), "{case:?}: {}", said.stderr);
    }
    assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), source);
}

#[test]
fn a_read_only_file_takes_force() {
    let folder = profiles("a-read-only-file");
    let kept = folder.join("kept.json");
    let set = |mode| fs::set_permissions(&kept, fs::Permissions::from_mode(mode)).unwrap();
    for command in COMMANDS {
        fs::write(&kept, "kept").unwrap();
        set(0o444);
        let said = ask(&folder, command, "kept.json", &[]);
        assert_eq!(said.code, Some(2), "{command:?}: {}", said.stdout);
        assert!(
            said.stderr.contains("read-only") && said.stderr.contains("--force"),
            "{}",
            said.stderr
        );
        assert_eq!(fs::read(&kept).unwrap(), b"kept", "{command:?}");
        let said = ask(&folder, command, "kept.json", &["--force"]);
        assert_ne!(said.code, Some(2), "{command:?}: {}", said.stderr);
        assert_ne!(fs::read(&kept).unwrap(), b"kept", "{command:?}");
        set(0o644);
    }
}

#[test]
fn a_link_of_one_user_into_a_folder_of_another_takes_force() {
    let folder = profiles("a-link-of-one-user");
    let theirs = folder.join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("out.json"), "theirs").unwrap();
    symlink("theirs/out.json", folder.join("out.json")).unwrap();
    let same = run(&folder, &["top", "a.pb.gz", "-o", "out.json"]);
    assert_eq!(same.code, Some(0), "of one user: {}", same.stderr);
    assert!(folder.join("out.json").is_symlink(), "a link stays a link");
    // Only root may give a folder away.
    if chown(&theirs, Some(65_534), None).is_err() {
        assert!(!is_root(), "root may give a folder away");
        return;
    }
    fs::write(theirs.join("out.json"), "theirs").unwrap();
    symlink("theirs/new.json", folder.join("new.json")).unwrap();
    for out in ["out.json", "new.json"] {
        for command in COMMANDS {
            let said = ask(&folder, command, out, &[]);
            assert_eq!(said.code, Some(2), "{command:?}: {}", said.stdout);
            assert!(said.stderr.contains("another user"), "{command:?}: {}", said.stderr);
        }
    }
    assert_eq!(fs::read(theirs.join("out.json")).unwrap(), b"theirs");
    let said = run(&folder, &["top", "a.pb.gz", "-o", "out.json", "--force"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_ne!(fs::read(theirs.join("out.json")).unwrap(), b"theirs");
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// Runs the program with the bytes on a pipe, so many at a time.
fn piped(args: &[&str], bytes: &[u8], at_once: usize) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (number, part) in bytes.chunks(at_once).enumerate() {
        stdin.write_all(part).unwrap();
        if number < 3 {
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_pipe_may_give_one_byte_at_a_time() {
    let packed = corpus::read("chat/before.pb.gz");
    let plain = corpus::unpacked(&packed).unwrap();
    for bytes in [&packed, &plain] {
        let whole = piped(&["top", "-"], bytes, bytes.len());
        assert_eq!(whole.0, Some(0));
        for at_once in [1, 2, 3] {
            assert!(piped(&["top", "-"], bytes, at_once) == whole, "{at_once} at a time");
        }
    }
}

#[test]
fn a_pipe_without_another_end_is_an_error_in_time() {
    let folder = profiles("a-pipe-without");
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let cases: [&[&str]; 7] = [
        &["top", "pipe"],
        &["a.pb.gz", "pipe"],
        &["leaks", "a.pb.gz", "pipe", "b.pb.gz"],
        &["patterns", "--patterns", "pipe"],
        &["check", "--config", "pipe", "a.pb.gz", "b.pb.gz"],
        &["top", "a.pb.gz", "-o", "pipe"],
        &["check", "--max-growth", "1GiB", "a.pb.gz", "b.pb.gz", "--report", "junit=pipe"],
    ];
    for args in cases {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        command.args(args).current_dir(&folder).env("HEAPDIFF_PIPE_TIMEOUT", "1");
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(started.elapsed() < Duration::from_secs(60), "{args:?}");
        let words = ["pipe", "no process opened its other end within 1 s", "HEAPDIFF_PIPE_TIMEOUT"];
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    }
}

#[test]
fn a_pipe_that_is_open_is_read_however_slow() {
    let folder = profiles("a-pipe-that-is-open");
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let mut command = Command::new("sh");
    let script = "(exec >pipe; sleep 3; cat a.pb.gz) & exec \"$HEAPDIFF\" top pipe";
    command
        .args(["-c", script])
        .current_dir(&folder)
        .env("HEAPDIFF", env!("CARGO_BIN_EXE_heapdiff"));
    let output = command.env("HEAPDIFF_PIPE_TIMEOUT", "2").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let direct = run(&folder, &["top", "a.pb.gz"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), direct.stdout.lines().count());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let before = corpus::path("chat/before.pb.gz");
    let before = before.to_str().unwrap();
    let cases: [&[&str]; 8] = [
        &["--version"],
        &["--help"],
        &["-h"],
        &["top", "--help"],
        &["help", "check"],
        &["completions", "bash"],
        &["top", before],
        &["merge", before],
    ];
    for args in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        let output = command.args(args).stdout(full.try_clone().unwrap()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.starts_with("heapdiff: can't write to standard output: "), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    }
}
