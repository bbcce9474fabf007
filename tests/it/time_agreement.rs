//! `leaks` and `timeline` agree about every place: rows leak where a suspect does, and nowhere else.

use crate::corpus;
use crate::program::run;
use serde_json::Value;
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
