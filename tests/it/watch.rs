//! `heapdiff watch` without a terminal: its lines, its files, and that its verdict is that of `heapdiff leaks`.

use super::capture;
use super::corpus;
use super::program::folder;
use super::service::{Reply, Service};
use super::urls::{program, run_with};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A service that serves twelve snapshots of a process, and the last of them from then on.
fn serving() -> Service {
    let heap = |i: usize| corpus::read(&format!("harbor/one/heap-{i:02}.pb.gz"));
    let heaps: Vec<Vec<u8>> = (0..12).map(heap).collect();
    let last = heaps[11].clone();
    capture::serving(heaps, move |number, reply| match number {
        5 => Reply::Status(500, "out of order"),
        // Asked again, it serves the next one.
        0..12 => reply,
        _ => Reply::Body(last.clone()),
    })
}

fn verdict(home: &Path, what: &str) -> String {
    let said = run_with(home, &[], &["leaks", what]);
    let words = ["leak", "nothing grew"];
    let line = said.stdout.lines().find(|line| words.iter().any(|word| line.contains(word)));
    line.unwrap().to_owned()
}

#[test]
fn a_service_has_a_line_for_each_snapshot_and_the_verdict_of_leaks() {
    let home = folder("watch-lines");
    let service = serving();
    let options = ["--every=20ms", "--count=12", "--http-retries=0", "-o", "out"];
    let url = service.url("");
    let args = [&["watch", &url[..], "--limit=1GiB"], &options[..]].concat();
    let said = run_with(&home, &[], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 13, "{}", said.stdout);
    assert!(lines[0].contains("Z  1  ") && lines[0].contains("too early"), "{}", lines[0]);
    assert!(lines[1].contains(" goroutines  "), "{}", lines[1]);
    assert!(
        lines[5].contains("no snapshot: ") && lines[5].contains("out of order"),
        "{}",
        lines[5]
    );
    let limited = run_with(&home, &[], &["leaks", "--limit=1GiB", "out"]).stdout;
    let last = lines[11].split("  ").last().unwrap();
    let last = last.rsplit_once(": ").map_or(last, |(verdict, _)| verdict);
    assert!(limited.contains(last), "`{last}` is not in {limited}");
    let closing = "11 snapshots in out; to see the report again: heapdiff leaks out";
    assert_eq!(lines[12], closing);
    let manifest = fs::read_to_string(home.join("out/manifest.json")).unwrap();
    assert!(manifest.contains("\"ended\": \"count\""), "{manifest}");
}

#[test]
fn a_folder_is_watched_until_it_is_stopped() {
    let home = folder("watch-folder");
    let filled = home.join("filled");
    fs::create_dir(&filled).unwrap();
    let out = fs::File::create(home.join("lines")).unwrap();
    let mut watch = program(&home, &["watch", "filled", "--every=20ms"]);
    let mut watch = watch.stdout(out).stderr(Stdio::null()).spawn().unwrap();
    let lines = |count: usize| {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(home.join("lines")).unwrap();
            if text.lines().count() >= count {
                return text;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{text}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    for i in 0..12 {
        for kind in ["heap", "goroutine"] {
            let name = format!("{kind}-{i:02}.pb.gz");
            let bytes = corpus::read(&format!("harbor/one/{name}"));
            fs::write(filled.join(format!(".{name}")), bytes).unwrap();
            fs::rename(filled.join(format!(".{name}")), filled.join(&name)).unwrap();
        }
        lines(i + 1);
    }
    // The goroutines of the last moment may come a look later.
    thread::sleep(Duration::from_millis(200));
    let stopped = Command::new("kill").arg("-TERM").arg(watch.id().to_string()).status();
    assert!(stopped.unwrap().success());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    let text = lines(13);
    let all: Vec<&str> = text.lines().collect();
    let verdict = verdict(&home, "filled");
    assert!(all[all.len() - 2].contains(&verdict), "{verdict}: {text}");
    assert!(all[all.len() - 1].starts_with("12 snapshots in filled; "), "{text}");
    assert!(!filled.join("manifest.json").exists());
}

#[test]
fn mistakes_are_refused() {
    let home = folder("watch-mistakes");
    fs::create_dir(home.join("filled")).unwrap();
    fs::write(home.join("file"), "text").unwrap();
    for (args, words) in [
        (&["watch"][..], "<URL|DIR>"),
        (&["watch", "filled", "-o", "out"], "-o is about the snapshots of a service"),
        (&["watch", "filled", "--pid=1"], "--pid is about"),
        (&["watch", "http://me:pw@h:1/"], "a user name or password"),
        (&["watch", "filled", "--every=0s"], "expected a time such as 30s"),
        (&["watch", "missing/"], "missing/: no such folder"),
        (&["watch", "file"], "file: no such folder"),
    ] {
        let said = run_with(&home, &[], args);
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stdout);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
        assert!(!home.join("out").exists());
    }
}
