//! `heapdiff capture` on a Go service that leaks while it is recorded.

use super::gc_program::skip;
use super::program::{Said, folder};
use super::urls::run_with;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A service that runs until it is dropped.
pub(super) struct Running(Child, pub(super) String);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Builds the service; `None` without Go.
pub(super) fn build(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/programs/served");
    let program = folder.join("served");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(source);
    match build.env("GOTOOLCHAIN", "local").output() {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => None,
    }
}

pub(super) fn start(program: &Path, args: &[&str]) -> Running {
    let mut child = Command::new(program).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Running(child, line.trim().to_owned())
}

/// The snapshots that were taken.
fn shots(said: &Said) -> usize {
    said.stderr.lines().filter(|line| line.contains(" of 30  http")).count()
}

#[test]
fn all_leaks_of_a_service_are_named_and_nothing_healthy_is() {
    let home = folder("capture-program");
    let Some(program) = build(&home) else { return skip("no Go on this machine") };
    let service = start(&program, &["sessions", "audit", "subscribe"]);
    let args = ["capture", &service.1, "--every=300ms", "--count=14", "-o", "out"];
    let said = run_with(&home, &[], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let leaks: Vec<&str> =
        said.stdout.lines().filter(|line| line.contains("  confidence ")).collect();
    for place in ["main.login", "main.audit", "main.deliver"] {
        assert!(leaks.iter().any(|line| line.contains(place)), "{place}: {}", said.stdout);
    }
    for healthy in ["main.fill", "main.lookUp", "main.report"] {
        assert!(!leaks.iter().any(|line| line.contains(healthy)), "{healthy}: {}", said.stdout);
    }
}

#[test]
fn until_sure_ends_sooner_on_a_loud_leak_and_at_its_bound_without_one() {
    let home = folder("capture-sure");
    let Some(program) = build(&home) else { return skip("no Go on this machine") };
    let taken = |name: &str, args: &[&str]| {
        let service = start(&program, args);
        let args =
            ["capture", &service.1, "--every=100ms", "--count=30", "--until-sure", "-o", name];
        let said = run_with(&home, &[], &args);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        shots(&said)
    };
    let loud = taken("loud", &["-size=65536", "-rate=4096", "audit"]);
    let quiet = taken("quiet", &["-size=2048", "-every=40ms", "-rate=524288", "audit"]);
    let none = taken("none", &["none"]);
    assert!(loud < quiet && loud < 25, "loud {loud}, quiet {quiet}");
    assert_eq!(none, 30, "nothing leaks");
}
