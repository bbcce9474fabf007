//! `heapdiff watch` in a real terminal, which tmux provides: what is drawn, what keys do, and how the terminal gets
//! back as it was.
//!
//! Without tmux the tests print that they are skipped, and pass. `HEAPDIFF_REQUIRE_ALL=1` makes that a failure.

#![cfg(all(feature = "watch", unix))]
#![expect(clippy::unwrap_used, reason = "a test that can't continue has failed")]

#[expect(dead_code, reason = "other targets use the rest")]
#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod tmux;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::program::folder;
use tmux::{Terminal, skip};

/// A service that runs until it is dropped.
struct Running(Child, String);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the service that leaks; `None` without Go.
fn served(home: &Path, args: &[&str]) -> Option<Running> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/programs/served");
    let program = home.join("served");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(source);
    let built = build.env("GOTOOLCHAIN", "local").output().ok()?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut child = Command::new(program).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Some(Running(child, line.trim().to_owned()))
}

/// A folder with the snapshots of a process.
fn recorded(home: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/harbor/one");
    let to = home.join("snapshots");
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// Checks that no line is wider than the terminal, and that the last one has the keys.
fn is_whole(terminal: &Terminal, columns: usize, lines: usize) {
    let screen = terminal.wait("whole screen", |screen| {
        let (first, last) = (screen.lines().next(), screen.lines().last());
        let has_keys = last.is_some_and(|line| line.starts_with("q quit") && !line.contains("j k"));
        let has_keys = has_keys || columns > 40 && screen.contains("j k select");
        screen.lines().count() == lines
            && first.is_some_and(|line| line.contains("127.0.0.1") && line.contains("next in"))
            && has_keys
    });
    assert!(screen.lines().all(|line| line.chars().count() <= columns), "{screen}");
}

#[test]
fn a_leak_appears_and_keys_lead_to_its_call_paths() {
    let Some(terminal) = Terminal::open("leak", (200, 50)) else { return };
    let home = folder("watch-leak");
    let Some(service) = served(&home, &["sessions", "audit", "subscribe"]) else {
        return skip("no Go on this machine");
    };
    let pid = service.0.id().to_string();
    terminal.run(&home, &["watch", &service.1, "--every=300ms", "--pid", &pid, "-o", "out"], "");
    for leak in ["main.login", "main.audit", "main.deliver"] {
        terminal.wait(leak, |screen| {
            screen.lines().any(|line| line.contains(leak) && line.contains("leak"))
        });
    }
    let screen = terminal.wait("the totals", |screen| screen.contains("RSS "));
    for words in ["live heap ", "goroutines ", "served", "watching for", "every 300 ms"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    terminal.key("Down");
    terminal.key("Enter");
    terminal.wait("call paths", |screen| {
        screen.contains("same process") && screen.contains(" through")
    });
    terminal.key("Escape");
    terminal.wait("the leaks", |screen| screen.contains("live heap"));
    terminal.key("g");
    terminal.wait("the goroutines", |screen| screen.contains("chan receive"));
    terminal.key("?");
    terminal.wait("the keys", |screen| screen.contains("every call path to the selected leak"));
    terminal.key("Escape");
    terminal.wait("the goroutines again", |screen| screen.contains("chan receive"));
    terminal.key("BSpace");
    terminal.wait("the leaks again", |screen| screen.contains("live heap"));
    for (columns, lines) in [(80, 24), (40, 15), (40, 10), (12, 3), (200, 50)] {
        terminal.resize(columns, lines);
        if columns >= 40 {
            is_whole(&terminal, columns, lines);
            terminal.wait("a leak", |screen| screen.contains("main.") && screen.contains("leak"));
        }
    }
    terminal.key("q");
    let screen = terminal.is_restored();
    assert!(screen.contains("to see the report again: heapdiff leaks out"), "{screen}");
    assert!(home.join("out/manifest.json").exists());
}

#[test]
fn the_terminal_is_restored_however_it_ends() {
    let Some(terminal) = Terminal::open("ends", (100, 30)) else { return };
    let home = folder("watch-ends");
    let snapshots = recorded(&home);
    let watched = ["watch", snapshots.to_str().unwrap(), "--every=200ms"];
    let ends: [(&str, &str, &dyn Fn()); 5] = [
        ("q", "", &|| terminal.key("q")),
        ("Ctrl-C", "", &|| terminal.key("C-c")),
        ("SIGTERM", "", &|| terminal.signal(&home, "TERM")),
        ("a panic while it draws", "HEAPDIFF_TEST_PANIC=draw", &|| {}),
        ("a panic in another thread", "HEAPDIFF_TEST_PANIC=shot", &|| {}),
    ];
    for (name, variable, end) in ends {
        // Only then does it panic when it is asked to.
        if !variable.is_empty() && !cfg!(debug_assertions) {
            continue;
        }
        terminal.run(&home, &watched, variable);
        if variable.is_empty() {
            terminal.wait("a leak", |screen| screen.contains(" leak "));
        }
        end();
        let screen = terminal.is_restored();
        let words = if variable.is_empty() { "12 snapshots in" } else { "asked to panic" };
        assert!(screen.contains(words), "{name}: {screen}");
        let code = if variable.is_empty() { "ended=0" } else { "ended=101" };
        assert!(screen.contains(code), "{name}: {screen}");
    }
}

#[test]
fn an_error_is_said_on_a_terminal_that_is_restored() {
    let Some(terminal) = Terminal::open("error", (100, 30)) else { return };
    let home = folder("watch-error");
    // Nobody listens there.
    let options = ["watch", "127.0.0.1:9", "--http-retries=0", "-o", "out"];
    terminal.run(&home, &options, "");
    let screen = terminal.is_restored();
    assert!(
        screen.contains("ended=2") && screen.contains("heapdiff: http://127.0.0.1:9"),
        "{screen}"
    );
    assert!(!home.join("out").exists());
}

#[test]
fn colours_come_only_if_they_may() {
    let Some(terminal) = Terminal::open("colour", (100, 30)) else { return };
    let home = folder("watch-colour");
    let snapshots = recorded(&home);
    let watched = ["watch", snapshots.to_str().unwrap(), "--every=200ms"];
    for (option, variable, is_red) in [
        ("--color=auto", "", true),
        ("--color=never", "", false),
        ("--color=auto", "NO_COLOR=1", false),
        ("--color=always", "NO_COLOR=1", true),
    ] {
        terminal.run(&home, &[&watched[..], &[option]].concat(), variable);
        terminal.wait("a leak", |screen| screen.contains(" leak "));
        // By its number, of eight or of 256.
        let has_red = ["[31m", ";31m", "38;5;1m"].iter().any(|red| terminal.styled().contains(red));
        assert_eq!(has_red, is_red, "{option} {variable}: {}", terminal.styled());
        terminal.key("q");
        terminal.is_restored();
    }
}
