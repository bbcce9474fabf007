//! `heapdiff check` as a CI job runs it, and what it must report about the recorded regression.

use super::program::Said;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs a check in a folder, without the environment of a GitHub job.
pub(crate) fn check(folder: &Path, args: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    let output = command.arg("check").args(args).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The answer, and the exit code.
pub(crate) fn answer(folder: &Path, args: &[&str]) -> (i32, Value) {
    let said = check(folder, &[args, &["--format", "json", "-q"]].concat());
    let json = serde_json::from_str(&said.stdout);
    let report: Value = json.unwrap_or_else(|_| panic!("{args:?}: {}", said.stderr));
    (said.code.unwrap(), report["check"].clone())
}

/// Asserts that a check names the objects that the regression forgets to free, and the line.
pub(crate) fn is_the_regression(check: &Value) {
    assert_eq!(check["outcome"], "fail");
    let rule = &check["rules"][0];
    assert_eq!((&rule["sample_type"], &rule["outcome"]), (&"inuse_space".into(), &"fail".into()));
    assert!(rule["lower"].as_i64().unwrap() > rule["limit"].as_i64().unwrap(), "{rule:#}");
    let first = &rule["offenders"][0];
    assert_eq!(first["function"], "example.org/gate.(*Gate).begin", "{rule:#}");
    assert!(first["file"].as_str().unwrap().ends_with("board.go"), "{rule:#}");
    assert_eq!(first["line"], 46, "{rule:#}");
    assert!(first["lower"].as_i64().unwrap() > 0, "{rule:#}");
}
