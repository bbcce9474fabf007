//! `leaks`, `timeline` and `goroutines` agree about every place: rows leak where a suspect does, and nowhere else.

use crate::corpus;
use crate::program::run;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn json(folder: &Path, command: &str) -> Option<Value> {
    let said = run(folder, &[command, "-n", "0", "--format", "json", "."]);
    (said.code == Some(0)).then(|| serde_json::from_str(&said.stdout).unwrap())
}

/// The classes of all rows; of goroutines those of their places as well.
fn classes(report: &Value) -> Vec<&str> {
    let timeline = &report["timeline"];
    let rows = [&timeline["rows"], &timeline["places"]["rows"]];
    let all = rows.into_iter().filter_map(Value::as_array).flatten();
    all.map(|row| row["class"].as_str().unwrap()).collect()
}

#[test]
fn rows_leak_where_suspects_do() {
    let own = ["harbor/one", "harbor/repeated", "harbor/restarted"].map(corpus::path);
    let (mut leaking, mut others) = (0, 0);
    for folder in own.into_iter().chain(corpus::recordings()) {
        let (Some(leaks), Some(timeline)) = (json(&folder, "leaks"), json(&folder, "timeline"))
        else {
            continue;
        };
        let judged = &timeline["timeline"]["judged"];
        let of_memory = leaks["suspects"].as_array().unwrap().iter().filter(|suspect| {
            suspect["class"] == "leak"
                && suspect["process"] == *judged
                && suspect["sample_type"] == timeline["sample_type"]
        });
        let expected = of_memory.count();
        let rows = classes(&timeline).into_iter().filter(|class| *class == "leak").count();
        // A suspect of goroutines may have memory as a part.
        let has_parts = leaks["suspects"].as_array().unwrap().iter().any(|suspect| {
            suspect["class"] == "leak" && suspect["parts"].as_array().is_some_and(|p| !p.is_empty())
        });
        let name = folder.display();
        assert!(expected == 0 || rows > 0, "{name}: {expected} leaks and no row");
        assert!(rows == 0 || expected > 0 || has_parts, "{name}: {rows} rows and no leak");
        leaking += usize::from(rows > 0);
        others += usize::from(rows == 0);
    }
    assert!(leaking >= 15 && others >= 15, "{leaking} recordings leak, {others} don't");
}

/// What goroutines wait for, where, and what `go` started.
fn place<'r>(row: &'r Value, function: &str) -> (&'r str, &'r str, &'r str) {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    (text(function), text("waits_for"), text("root"))
}

#[test]
fn clusters_have_the_classes_of_places_and_suspects() {
    let (mut clusters, mut suspected, mut leaking) = (0, 0, 0);
    for folder in corpus::recordings() {
        let name = folder.display();
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name());
        let files: Vec<String> = files.map(|file| file.into_string().unwrap()).collect();
        let is_profile =
            |file: &&String| file.starts_with("goroutine-") && file.ends_with(".pb.gz");
        let files: Vec<&str> = files.iter().filter(is_profile).map(String::as_str).collect();
        if files.len() < 3 {
            continue;
        }
        let asked = |options: &[&str], inputs: &[&str]| -> Value {
            let said = run(&folder, &[options, &["--format", "json"], inputs].concat());
            assert_eq!(said.code, Some(0), "{name}: {}", said.stderr);
            serde_json::from_str(&said.stdout).unwrap()
        };
        let alone = asked(&["goroutines", "--all"], &files);
        let timeline = asked(&["timeline"], &files);
        let places = timeline["timeline"]["places"]["rows"].as_array().unwrap();
        let of_places: BTreeMap<_, _> = places
            .iter()
            .map(|row| (place(row, "name"), (&row["class"], &row["slope_per_hour"], &row["flat"])))
            .collect();
        let rows = alone["goroutines"]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), of_places.len(), "{name}");
        for row in rows {
            let own = (&row["class"], &row["slope_per_hour"], &row["values"]);
            assert_eq!(of_places.get(&place(row, "function")), Some(&own), "{name}: {row}");
        }
        clusters += rows.len();
        // With the heap beside them, which tells processes apart.
        let beside = asked(&["goroutines", "--all"], &["."]);
        let rows = beside["goroutines"]["rows"].as_array().unwrap();
        let leaks = asked(&["leaks"], &["."]);
        let of_process = |suspect: &&Value| suspect["process"] == beside["timeline"]["judged"];
        let suspects: Vec<&Value> =
            leaks["suspects"].as_array().unwrap().iter().filter(of_process).collect();
        for suspect in suspects.iter().filter(|one| one["sample_type"] == "goroutine") {
            let mut path = suspect["path"].as_array().unwrap().clone();
            path.reverse();
            let parked = &suspect["goroutines"]["parked_in"];
            let is_here = |row: &&Value| {
                let stack = row["stack"].as_array().unwrap();
                *stack == path || stack.contains(parked)
            };
            let mut here = rows.iter().filter(is_here);
            assert!(here.any(|row| row["class"] == suspect["class"]), "{name}: {suspect}");
            suspected += 1;
        }
        for row in rows.iter().filter(|row| row["class"] == "leak") {
            let is_leak = |one: &&&Value| one["class"] == "leak";
            assert!(suspects.iter().any(|one| is_leak(&one)), "{name}: {row}");
            leaking += 1;
        }
    }
    assert!(clusters > 100 && suspected > 3 && leaking > 3, "{clusters} {suspected} {leaking}");
}
