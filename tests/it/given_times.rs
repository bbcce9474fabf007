//! `--at`: inputs whose format has no time get one from the command line, on every command that looks at time.

use super::program::{folder, run};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Counts of goroutines in text, which has no time.
fn dumps(name: &str) -> std::path::PathBuf {
    let here = folder(name);
    for (number, count) in [10, 20, 30, 40, 50, 60].into_iter().enumerate() {
        let text = format!(
            "goroutine profile: total {count}\n{count} @ 0x43f716 0x4407ce\n#\t0x43f715\tmain.serve.func1+0x15\t\
             /src/main.go:30\n\n"
        );
        fs::write(here.join(format!("dump{number}.txt")), text).unwrap();
    }
    here
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let said = run(folder, &[args, &["--format", "json"]].concat());
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

/// `--at` for each dump, an hour apart, in the order of their names.
fn times() -> Vec<String> {
    (0..6).flat_map(|hour| ["--at".to_owned(), format!("2026-11-28T0{hour}:00:00Z")]).collect()
}

fn with<'a>(command: &'a str, times: &'a [String]) -> Vec<&'a str> {
    [command].into_iter().chain(times.iter().map(String::as_str)).chain(["."]).collect()
}

#[test]
fn leaks_know_how_fast_by_given_times() {
    let here = dumps("given-times");
    let without = json(&here, &["leaks", "."]);
    assert!(without["verdict"]["span_nanos"].is_null(), "{without}");
    let times = times();
    let leaks = json(&here, &with("leaks", &times));
    let leak = &leaks["suspects"][0];
    assert_eq!(leak["class"], "leak");
    assert_eq!(leak["slope_per_hour"]["estimate"], 10);
    assert!(
        leaks["inputs"].as_array().unwrap().iter().all(|input| input["time_source"] == "given")
    );
    let timeline = json(&here, &with("timeline", &times));
    assert_eq!(timeline["timeline"]["times"][0], "2026-11-28T00:00:00Z");
    let goroutines = json(&here, &with("goroutines", &times));
    assert!(goroutines.to_string().contains("\"slope_per_hour\":{\"estimate\":10"), "{goroutines}");
}

#[test]
fn a_time_belongs_to_the_file_that_it_names() {
    let here = dumps("given-times-named");
    // Backwards: what was 60 is the first.
    let times: Vec<String> = (0..6)
        .flat_map(|n| ["--at".to_owned(), format!("dump{n}.txt=2026-11-28T0{}:00:00Z", 5 - n)])
        .collect();
    let timeline = json(&here, &with("timeline", &times));
    assert_eq!(
        timeline["timeline"]["rows"][0]["flat"],
        serde_json::json!([60, 50, 40, 30, 20, 10])
    );
}

#[test]
fn a_card_has_given_times_and_names_them_again() {
    let here = dumps("given-times-card");
    let times = times();
    let card = json(&here, &with("incident", &times));
    assert_eq!(card["what"]["from"], "2026-11-28T00:00:00Z");
    assert_eq!(card["suspects"][0]["slope_per_hour"]["estimate"], 10);
    let again = card["reproduce"][0]["command"].as_str().unwrap();
    assert_eq!(again.matches("--at=2026-11-28T0").count(), 6, "{again}");
    let said = run(&here, &["incident", "--at", "2026-11-28T00:00:00Z", &corpus("harbor/one")]);
    assert!(said.stderr.contains("no input without a time of its own"), "{}", said.stderr);
}

/// A recording, by its whole path.
fn corpus(name: &str) -> String {
    super::corpus::path(name).to_string_lossy().into_owned()
}

#[test]
fn times_that_no_input_needs_are_an_error() {
    let here = dumps("given-times-left");
    for (args, expected) in [
        (vec!["leaks", "--at", "other.txt=2026-11-28T00:00:00Z", "."], "--at other.txt=TIME"),
        (vec!["timeline", "--at", "soon", "."], "expected a time such as"),
        (vec!["goroutines", "--at", "", "."], "--at"),
    ] {
        let said = run(&here, &args);
        assert_eq!(said.code, Some(2), "{args:?}");
        assert!(said.stderr.contains(expected), "{args:?}: {}", said.stderr);
    }
    let mut times = times();
    times.extend(["--at".to_owned(), "2026-11-28T06:00:00Z".to_owned()]);
    let said = run(&here, &with("leaks", &times));
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("1 of the times of --at"), "{}", said.stderr);
}
