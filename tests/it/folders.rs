//! Folders, globs and mixed kinds of inputs: which files are read, in which order, which are skipped, and that no
//! profile is lost.

use super::corpus;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("folders").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn heap() -> Vec<u8> {
    corpus::read("chat/before.pb.gz")
}

fn packed(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the command in a folder.
fn run(folder: &Path, args: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    let output = command.args(args).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The report as JSON.
fn report(folder: &Path, args: &[&str]) -> serde_json::Value {
    let said = run(folder, &[&["--format", "json"], args].concat());
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

/// The names of the inputs read.
fn read(folder: &Path, args: &[&str]) -> Vec<String> {
    let report = report(folder, args);
    let inputs = report["inputs"].as_array().unwrap();
    inputs.iter().map(|input| input["name"].as_str().unwrap().replace('\\', "/")).collect()
}

/// The warnings about skipped files.
fn set_aside(folder: &Path, args: &[&str]) -> Vec<String> {
    let report = report(folder, args);
    let warnings = report["warnings"].as_array().unwrap();
    let aside = warnings.iter().filter(|warning| warning["code"] == "set-aside");
    aside.map(|warning| warning["message"].as_str().unwrap().to_owned()).collect()
}

/// The single message of a command that fails.
fn error(folder: &Path, args: &[&str]) -> String {
    let said = run(folder, args);
    assert_eq!(said.code, Some(2), "{args:?}: {}", said.stdout);
    assert_eq!(said.stderr.lines().count(), 1, "{args:?}: {}", said.stderr);
    said.stderr
}

#[test]
fn a_folder_is_the_files_in_it_as_people_count() {
    let here = folder("order");
    for name in
        ["heap-10.pb.gz", "heap-2.pb.gz", "heap-1.pb.gz", ".heap-0.pb.gz", "below/heap-3.pb.gz"]
    {
        write(&here, &format!("d/{name}"), &heap());
    }
    let sorted = ["d/heap-1.pb.gz", "d/heap-2.pb.gz", "d/heap-10.pb.gz"];
    assert_eq!(read(&here, &["top", "d"]), sorted);
    assert_eq!(read(&here, &["top", "d/"]), sorted);
    // A matching folder stands for the files in it, as if a shell had expanded the glob.
    let below = "d/below/heap-3.pb.gz";
    assert_eq!(read(&here, &["top", "d/*"]), [below, sorted[0], sorted[1], sorted[2]]);
    let aside = set_aside(&here, &["top", "d"]);
    assert_eq!(
        aside,
        ["skipped 1 folder in d; name it, or use a ** glob, to include the files in it"]
    );
}

#[test]
fn patterns_are_those_of_shells() {
    let here = folder("patterns");
    for name in [
        "a/heap-1.pb",
        "a/heap-2.pb",
        "b/heap-10.pb",
        "b/deep/heap-3.pb",
        "b/.x/heap-4.pb",
        "heap-5.pb",
    ] {
        write(&here, name, &corpus::unpacked(&heap()).unwrap());
    }
    let cases: [(&str, &[&str]); 8] = [
        ("*.pb", &["heap-5.pb"]),
        ("a/heap-?.pb", &["a/heap-1.pb", "a/heap-2.pb"]),
        ("*/heap-*.pb", &["a/heap-1.pb", "a/heap-2.pb", "b/heap-10.pb"]),
        ("[b-z]/*.pb", &["b/heap-10.pb"]),
        ("{a,b/deep}/*.pb", &["a/heap-1.pb", "a/heap-2.pb", "b/deep/heap-3.pb"]),
        ("b/**/*.pb", &["b/deep/heap-3.pb", "b/heap-10.pb"]),
        ("./a/*2.pb", &["./a/heap-2.pb"]),
        ("b/.x/*", &["b/.x/heap-4.pb"]),
    ];
    for (pattern, expected) in cases {
        assert_eq!(read(&here, &["top", pattern]), expected, "{pattern}");
    }
    let all = ["a/heap-1.pb", "a/heap-2.pb", "b/deep/heap-3.pb", "b/heap-10.pb", "heap-5.pb"];
    assert_eq!(read(&here, &["top", "**/*.pb"]), all);
    assert_eq!(read(&here, &["a/*.pb"]), ["a/heap-1.pb", "a/heap-2.pb"], "two are compared");
}

#[test]
fn a_name_that_exists_is_what_bears_it() {
    let here = folder("brackets");
    for name in ["heap[1].pb.gz", "heap1.pb.gz", "d[1]/heap.pb.gz", "d1/heap.pb.gz"] {
        write(&here, name, &heap());
    }
    assert_eq!(read(&here, &["top", "heap[1].pb.gz"]), ["heap[1].pb.gz"]);
    assert_eq!(read(&here, &["top", "d[1]"]), ["d[1]/heap.pb.gz"]);
    assert_eq!(read(&here, &["top", "d[1]/*.gz"]), ["d[1]/heap.pb.gz"]);
    assert_eq!(read(&here, &["top", "heap[0-9].pb.gz"]), ["heap1.pb.gz"]);
    #[cfg(unix)]
    {
        write(&here, "*", &heap());
        assert_eq!(read(&here, &["top", "*"]), ["*"]);
    }
}

#[test]
fn a_file_found_twice_is_read_once_and_one_named_twice_is_read_twice() {
    let here = folder("twice");
    for name in ["a", "b", "c"] {
        write(&here, &format!("d/{name}.pb.gz"), &heap());
    }
    let all = ["d/a.pb.gz", "d/b.pb.gz", "d/c.pb.gz"];
    assert_eq!(read(&here, &["top", "d", "d/*.gz", "./d"]), all);
    // Profiles that are added up are in the order of their names, whatever that of the arguments.
    assert_eq!(read(&here, &["top", "d/b.pb.gz", "d"]), all);
    assert_eq!(
        read(&here, &["top", "d", "./d/b.pb.gz"]),
        ["./d/b.pb.gz", "d/a.pb.gz", "d/c.pb.gz"]
    );
    assert_eq!(read(&here, &["top", "d/a.pb.gz", "d/a.pb.gz"]), ["d/a.pb.gz", "d/a.pb.gz"]);
}

#[cfg(unix)]
#[test]
fn links_lead_to_files_once_and_never_round_in_circles() {
    use std::os::unix::fs::symlink;
    let here = folder("links");
    write(&here, "d/heap.pb.gz", &heap());
    symlink("heap.pb.gz", here.join("d/latest.pb.gz")).unwrap();
    symlink(".", here.join("d/here")).unwrap();
    symlink("..", here.join("d/up")).unwrap();
    assert_eq!(read(&here, &["top", "d"]), ["d/heap.pb.gz"]);
    assert_eq!(read(&here, &["top", "**/*.pb.gz"]), ["d/heap.pb.gz"]);
    assert!(error(&here, &["top", "d/*/*.pb.gz"]).contains("matches no file"), "back up");
    write(&here, "runs/1/heap.pb.gz", &heap());
    symlink("1", here.join("runs/current")).unwrap();
    assert_eq!(read(&here, &["top", "runs/*/heap*"]), ["runs/1/heap.pb.gz"]);
    assert_eq!(read(&here, &["top", "runs/c*/heap*"]), ["runs/current/heap.pb.gz"]);
    for (link, words) in [("gone", "no such file"), ("self", "can't open it")] {
        symlink(if link == "self" { "self" } else { "nothing" }, here.join("d").join(link))
            .unwrap();
        let said = error(&here, &["top", "d"]);
        assert!(
            said.starts_with(&format!("heapdiff: d/{link}: ")) && said.contains(words),
            "{said}"
        );
        fs::remove_file(here.join("d").join(link)).unwrap();
    }
}

#[test]
fn what_a_name_does_not_lead_to_is_an_error() {
    let here = folder("nothing");
    fs::create_dir_all(here.join("empty")).unwrap();
    write(&here, "outer/inner/heap.pb.gz", &heap());
    write(&here, "text/a.txt", b"a");
    write(&here, "text/b.json", b"{}");
    let cases: [(&[&str], &str, &str); 8] = [
        (&["top", "empty"], "empty: is a folder without files", "use the folder"),
        (
            &["top", "outer"],
            "outer: is a folder without files, only with folders (1)",
            "'outer/*/*'",
        ),
        (&["top", "*.pb"], "*.pb: matches no file", "check the glob"),
        (&["top", "no/such/**"], "no/such/**: matches no file", "check the glob"),
        (&["top", "a[b"], "a[b: no such file, and not a valid glob", "check the path"),
        (
            &["text"],
            "none of the 2 files is a profile: text/a.txt (text), text/b.json (JSON)",
            "use",
        ),
        (&["text/a*"], "text/a.txt: is text, not a profile", "check the address"),
        (&["diff", "-base", "outer", "text/a.txt"], "outer: is a folder", "use the profiles in it"),
    ];
    for (args, what, advice) in cases {
        let said = error(&here, args);
        assert!(said.starts_with(&format!("heapdiff: {what}")), "{args:?}: {said}");
        assert!(said.contains(advice), "{args:?}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_listed_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let here = folder("secret");
    write(&here, "d/heap.pb.gz", &heap());
    let mode =
        |mode| fs::set_permissions(here.join("d"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    let may_read = fs::read_dir(here.join("d")).is_ok();
    let said = [["top", "d"], ["top", "**/*.gz"]].map(|args| run(&here, &args));
    mode(0o755);
    if may_read {
        println!("skipped: this user may read everything");
        return;
    }
    for said in said {
        assert_eq!(said.code, Some(2));
        assert!(said.stderr.contains("permission denied"), "{}", said.stderr);
    }
}

#[test]
fn what_is_no_profile_is_set_aside_and_named_in_one_warning() {
    let here = folder("mixed");
    write(&here, "d/heap.pb.gz", &heap());
    assert!(set_aside(&here, &["top", "d"]).is_empty());
    write(&here, "d/memstats.json", b"{\"a\": 1}");
    let aside = set_aside(&here, &["top", "d"]);
    assert_eq!(aside, ["skipped 1 file that isn't a profile: d/memstats.json (JSON)"]);
    write(&here, "d/a.go", b"package main\n");
    write(&here, "d/heap-debug1.txt.gz", &packed("heap profile: 1: 16 [1: 16] @ heap/1048576\n"));
    write(&here, "d/nothing", b"");
    write(&here, "d/zip", b"PK\x03\x04\x14\0");
    write(&here, "d/log", b"12:00 wrote heap profile: /tmp/x\n");
    let aside = set_aside(&here, &["top", "d"]);
    let words = "skipped 5 files that aren't profiles: a.go and 4 more";
    let text = "skipped 1 profile in text next to profiles in protobuf, which are most likely of the same moments; name it \
                to use it: d/heap-debug1.txt.gz (a heap profile in text form)";
    assert_eq!(aside, [words, text]);
    assert_eq!(read(&here, &["top", "d"]), ["d/heap.pb.gz"]);
    // Two profiles and a log make a comparison.
    write(&here, "d/later.pb.gz", &corpus::read("chat/after.pb.gz"));
    assert_eq!(read(&here, &["d"]), ["d/heap.pb.gz", "d/later.pb.gz"]);
    // If the output has no place for it, it goes to standard error.
    for args in [
        ["merge", "d", "-o", "x.pb"],
        ["convert", "d", "-o", "x.pb"],
        ["flame", "d", "-o", "x.svg"],
    ] {
        let said = run(&here, &args);
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
        let warnings = format!("heapdiff: warning: {words}\nheapdiff: warning: {text}\n");
        assert_eq!(said.stderr, warnings, "{args:?}");
        let quiet = run(&here, &[args.as_slice(), &["-q"]].concat());
        assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
    assert!(run(&here, &["top", "d"]).stdout.contains(words));
    assert!(!run(&here, &["top", "-q", "d"]).stdout.contains("skipped"));
    let said = error(&here, &["top", "d/heap.pb.gz", "d/memstats.json"]);
    assert!(said.starts_with("heapdiff: d/memstats.json: is JSON"), "named outright: {said}");
}

#[test]
fn a_gctrace_log_is_known_by_its_content() {
    let here = folder("gctrace");
    let line = "gc 1 @0.012s 2%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 4 P\n";
    let log = format!("{}{line}", "2026/01/02 listening on :8080\n".repeat(200));
    write(&here, "heap.pb.gz", &heap());
    write(&here, "stderr.pb.gz", &packed(&log));
    write(&here, "stderr.txt", log.as_bytes());
    for name in ["stderr.pb.gz", "stderr.txt"] {
        let aside = set_aside(&here, &["heap.pb.gz", name]);
        let what = "a gctrace log, which this command doesn't use";
        assert_eq!(aside, [format!("skipped 1 file that isn't a profile: {name} ({what})")]);
        assert_eq!(read(&here, &["heap.pb.gz", name]), ["heap.pb.gz"]);
        let said = run(&here, &["diff", "heap.pb.gz", name]).stderr;
        assert!(said.contains("one is given") && said.contains(&aside[0]), "{said}");
        let said = error(&here, &["top", name]);
        assert!(
            said.starts_with(&format!("heapdiff: {name}: is a gctrace log, not a profile;")),
            "{said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once() {
    let here = folder("pipe");
    write(&here, "heap.pb.gz", &heap());
    assert!(Command::new("mkfifo").arg(here.join("pipe")).status().unwrap().success());
    let pipe = here.join("pipe");
    let writer = std::thread::spawn(move || fs::write(pipe, heap()));
    assert_eq!(read(&here, &["pipe"]), ["pipe"]);
    writer.join().unwrap().unwrap();
    // Nothing writes into it any more: waiting for it would take forever.
    assert_eq!(read(&here, &["top", "."]), ["./heap.pb.gz"]);
}

#[test]
fn a_damaged_profile_in_a_folder_is_never_passed_over() {
    let here = folder("damaged");
    write(&here, "d/heap-1.pb.gz", &heap());
    let (good, plain) = (heap(), corpus::unpacked(&heap()).unwrap());
    let cases = [
        good[..good.len() / 2].to_vec(),
        good[..12].to_vec(),
        good[..1].to_vec(),
        plain[..plain.len() / 2].to_vec(),
        [plain.as_slice(), &[0x22, 0]].concat(),
    ];
    for bytes in cases {
        write(&here, "d/heap-2.pb.gz", &bytes);
        if bytes.len() == 1 {
            // Half a magic number is one byte, which starts no profile.
            assert_eq!(set_aside(&here, &["top", "d"]).len(), 1);
            continue;
        }
        let said = error(&here, &["top", "d"]);
        assert!(said.starts_with("heapdiff: d/heap-2.pb.gz: "), "{} bytes: {said}", bytes.len());
    }
}

#[test]
fn profiles_of_several_kinds_are_an_error_that_says_which_is_which() {
    let here = folder("kinds");
    let goroutines = corpus::testdata();
    let goroutines = goroutines.iter().find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains("goroutine"))
    });
    let goroutines = fs::read(goroutines.unwrap()).unwrap();
    write(&here, "d/goroutine-1.pb.gz", &goroutines);
    write(&here, "d/heap-1.pb.gz", &heap());
    write(&here, "d/heap-2.pb.gz", &corpus::read("chat/after.pb.gz"));
    for args in [["top", "d"].as_slice(), &["refs", "x", "d"], &["flame", "d"], &["graph", "d"]] {
        let said = error(&here, args);
        let words = "d/goroutine-1.pb.gz and d/heap-1.pb.gz have no sample type in common: the first is a \
                     goroutine profile with goroutine/count, the second a heap profile with alloc_objects/count";
        assert!(said.contains(words) && said.contains("give profiles of the same kind"), "{said}");
    }
    let said = error(&here, &["merge", "d", "-o", "x.pb"]);
    assert!(said.contains("give profiles of the same kind"), "{said}");
    assert_eq!(read(&here, &["flame", "d/heap*"]), ["d/heap-1.pb.gz", "d/heap-2.pb.gz"]);
}

#[test]
fn of_a_folder_with_many_profiles_the_first_and_the_last_are_compared() {
    let here = folder("many");
    for i in 0..9 {
        write(
            &here,
            &format!("d/{i}.pb.gz"),
            &corpus::read(["chat/after.pb.gz", "chat/before.pb.gz"][i % 2]),
        );
    }
    let report = report(&here, &["flame", "d"]);
    let message = &report["warnings"][0]["message"];
    assert!(message.as_str().unwrap().contains("the first and last of 9 profiles"), "{message}");
    let said = run(&here, &["convert", "d", "-o", "x.pb"]).stderr;
    assert!(said.contains("heapdiff merge PROFILE... -o merged.pb.gz"), "{said}");
}

#[test]
fn whole_recordings_are_read_as_they_lie_there() {
    for case in corpus::verdicts() {
        let aside = set_aside(&case, &["top", "heap-*"]);
        assert!(aside.len() == 1 && aside[0].contains("heap-debug1.txt.gz"), "{aside:?}");
        let heaps = read(&case, &["top", "heap-*.pb.gz"]).len();
        let goroutines = read(&case, &["top", "goroutine-*"]).len();
        assert!(heaps > 5 && heaps == goroutines, "{heaps} and {goroutines}");
        let said = error(&case, &["top", "."]);
        assert!(said.contains("no sample type in common"), "only kinds are in the way: {said}");
    }
}
