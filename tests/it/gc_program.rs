//! A program of our own, run with `GODEBUG=gctrace=1`: each way of behaving is told apart by name.
//!
//! The program takes its time from the machine, so a rule about time may find that the machine was
//! slow. What is expected doesn't depend on it: each scenario has the name that it must have, and
//! those that it must not.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use crate::program::{folder, run};
use std::path::Path;
use std::process::Command;

/// Says that a test is skipped, or fails if it must not be.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(), "{why}");
    println!("skipped: {why}");
}

/// Builds the program; `None` without Go.
fn build(folder: &Path) -> Option<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/programs/collector");
    let found = Command::new("go").arg("version").output().is_ok_and(|out| out.status.success());
    if !found {
        return None;
    }
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(folder.join("program")).arg(".").current_dir(source);
    let built = build.env("GOFLAGS", "-mod=mod").env("GOTOOLCHAIN", "local").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(())
}

#[test]
fn a_program_of_each_kind_is_told_apart() {
    let here = folder("gc-program");
    if build(&here).is_none() {
        skip("no Go on this machine");
        return;
    }
    // A machine that is busy stops the world for long and lets the program allocate in bursts.
    std::fs::write(here.join("heapdiff.toml"), "[gc]\nstop_ms = 1e6\novershoot_percent = 1e6\n")
        .unwrap();
    let causes = ["leak", "churn", "limit-thrash", "forced", "burst", "finalizers"];
    let cases = [
        ("healthy", "2s", ""),
        ("idle", "1s", ""),
        ("command", "1s", ""),
        ("churn", "2s", "churn"),
        ("forced", "2s", "forced"),
        ("spike", "3s", "burst churn"),
        ("leak", "3s", "leak"),
        ("thrash", "3s", "limit-thrash"),
        ("thrash-off", "3s", "limit-thrash"),
        ("limit", "2s", ""),
        ("finalizers", "2s", "finalizers leak"),
    ];
    for (scenario, length, expected) in cases {
        let program = Command::new(here.join("program"))
            .args(["-for", length, scenario])
            .env(
                "GODEBUG",
                if scenario == "finalizers" { "gctrace=1,checkfinalizers=1" } else { "gctrace=1" },
            )
            .env_remove("GOGC")
            .env_remove("GOMEMLIMIT")
            .output()
            .unwrap();
        assert!(program.status.success(), "{scenario}");
        let log = format!("{scenario}.log");
        std::fs::write(here.join(&log), &program.stderr).unwrap();
        let said = run(&here, &["gc", "--format", "json", &log]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{scenario}");
        let report: heapdiff::report::collector::CollectorReport =
            serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(report.processes.len(), 1, "{scenario}");
        assert_eq!((report.inputs[0].broken, report.processes[0].missing), (0, 0), "{scenario}");
        let names: Vec<String> = report.processes[0]
            .findings
            .iter()
            .map(|one| serde_json::to_value(one.rule).unwrap().as_str().unwrap().to_owned())
            .filter(|name| causes.contains(&name.as_str()))
            .collect();
        // The first name is what it is; the others may be there too.
        let mut expected = expected.split(' ');
        let first = expected.next().unwrap();
        let others: Vec<&str> = expected.collect();
        let is_expected = |name: &String| name == first || others.contains(&name.as_str());
        let said = &said.stdout;
        assert!(names.iter().all(is_expected), "{scenario}: {names:?} {said}");
        assert_eq!(names.iter().any(|name| name == first), !first.is_empty(), "{scenario}: {said}");
    }
}
