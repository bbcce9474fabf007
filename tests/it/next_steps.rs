//! The command that `leaks` suggests for a suspect: its answer begins with the growth of that suspect.

use crate::corpus;
use crate::program::run;
use serde_json::Value;
use std::path::Path;

/// Runs a command that was printed to be pasted into a shell, and returns its report.
fn pasted(folder: &Path, command: &str) -> Value {
    let words = command.strip_prefix("heapdiff ").unwrap_or_else(|| panic!("{command}"));
    let mut args: Vec<&str> = words.split(' ').map(|word| word.trim_matches('\'')).collect();
    args.extend(["--format", "json"]);
    let said = run(folder, &args);
    assert_eq!(said.code, Some(0), "{command}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

/// The change in the first line of the answer.
fn first_line(report: &Value) -> i64 {
    let refs = &report["refs"];
    let first = [&refs["together"]["delta"], &refs["sites"][0]["lines"][0]["delta"]];
    first.into_iter().find_map(Value::as_i64).unwrap_or_else(|| panic!("{refs:#}"))
}

/// The number of suspects of a recording whose next command was checked.
fn checked(folder: &Path) -> usize {
    let report = run(folder, &["leaks", "-n", "0", "--format", "json", "."]);
    if report.code != Some(0) {
        return 0;
    }
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let is_few = !report["verdict"]["needed"].is_null();
    let in_full =
        |suspect: &&Value| suspect["class"] == "leak" || is_few && suspect["class"] == "grew";
    let suspects: Vec<&Value> =
        report["suspects"].as_array().unwrap().iter().filter(in_full).collect();
    let table = run(folder, &["leaks", "-n", "0", "."]).stdout;
    let commands: Vec<&str> =
        table.lines().filter_map(|line| line.trim().strip_prefix("next: ")).collect();
    assert_eq!(commands.len(), suspects.len(), "{table}");
    for (suspect, command) in suspects.iter().zip(&commands) {
        let growth = suspect["growth"]["estimate"].as_i64().unwrap();
        let shown = first_line(&pasted(folder, command));
        assert!(
            2 * shown >= growth,
            "{}: {} grew by {growth}, and {command} shows {shown}",
            folder.display(),
            suspect["site"]["function"]
        );
    }
    commands.len()
}

#[test]
fn the_next_command_shows_at_least_half_of_the_growth() {
    let own = ["harbor/one", "harbor/repeated", "harbor/restarted"].map(corpus::path);
    let all = own.into_iter().chain(corpus::recordings());
    let commands: usize = all.map(|folder| checked(&folder)).sum();
    assert!(commands >= 8, "only {commands} commands");
}
