//! Checks a real benchmark, from `go test` to the exit code: three commits of one program, each
//! built once and run twenty times. The commit with the mistake fails at its line and the one
//! without passes, every time.
//!
//! With a fixed number of iterations, a benchmark holds the same memory in each run, whatever the
//! clock. Without Go the test prints that it is skipped; `HEAPDIFF_REQUIRE_ALL=1` makes that a
//! failure. `check` judges recordings of the same runs.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use crate::corpus;
use crate::gate::{answer, is_the_regression};
use crate::program::folder;
use std::path::{Path, PathBuf};
use std::process::Command;

const RUNS: usize = 20;

/// Whether Go is installed.
fn has_go() -> bool {
    let found = Command::new("go").arg("version").output().is_ok_and(|out| out.status.success());
    if !found {
        assert!(
            std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(),
            "HEAPDIFF_REQUIRE_ALL is set, and `go version` does not run: install Go"
        );
        println!("skipped: no Go to build the benchmark with (install Go to run this test)");
    }
    found
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// Builds a commit's benchmark and runs it, writing a profile per run.
fn record(version: &str, into: &Path) {
    let program = into.join(format!("{version}.test"));
    let source = corpus::path("programs/gate").join(version);
    let mut build = Command::new("go");
    build.args(["test", "-c", "-trimpath", "-o"]).arg(&program).arg(".").current_dir(source);
    // Independent of any enclosing workspace and of the network.
    build.env("GOWORK", "off").env("GOFLAGS", "").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    run(&mut build);
    for i in 0..RUNS {
        let profile = into.join(format!("{version}-{i:02}.pb.gz"));
        let mut benchmark = Command::new(&program);
        benchmark.args(["-test.run", "^$", "-test.bench", ".", "-test.benchtime", "2000x"]);
        benchmark.arg("-test.memprofile").arg(profile).args(["-test.memprofilerate", "4096"]);
        run(benchmark.env_remove("GODEBUG").env_remove("GOGC").current_dir(into));
    }
}

#[test]
fn the_regression_fails_and_the_unchanged_passes_every_time() {
    if !has_go() {
        return;
    }
    let folder: PathBuf = folder("gate-benchmark");
    for version in ["base", "unchanged", "regression"] {
        record(version, &folder);
    }
    let limit = ["--max-growth", "2MiB"];
    for i in 0..RUNS {
        let name = |version: &str| format!("{version}-{i:02}.pb.gz");
        let ask =
            |after: &str| answer(&folder, &[&limit[..], &[&name("base"), &name(after)]].concat());
        let (code, failed) = ask("regression");
        assert_eq!(code, 1, "run {i}: {failed:#}");
        is_the_regression(&failed);
        let (code, passed) = ask("unchanged");
        assert_eq!((code, &passed["outcome"]), (0, &"pass".into()), "run {i}: {passed:#}");
    }
    // Three runs per side.
    let rules = "[[rule]]\nname = 'gate'\npackage = '^example\\.org/gate$'\nmax_growth = '2MiB'\nmax_growth_percent = 10\n";
    std::fs::write(folder.join("heapdiff.toml"), rules).unwrap();
    for first in (0..RUNS - 2).step_by(3) {
        let runs = |version: &str| {
            (first..first + 3).map(|i| format!("{version}-{i:02}.pb.gz")).collect::<Vec<_>>()
        };
        let ask = |after: &str| {
            let (before, after) = (runs("base"), runs(after));
            let mut args = vec!["--before"];
            args.extend(before.iter().map(String::as_str));
            args.push("--after");
            args.extend(after.iter().map(String::as_str));
            answer(&folder, &args)
        };
        let (code, failed) = ask("regression");
        assert_eq!((code, &failed["rules"][0]["rule"]), (1, &"gate".into()), "{failed:#}");
        is_the_regression(&failed);
        assert_eq!(ask("unchanged").0, 0);
    }
}
