//! `heapdiff timeline` on a recording and on handwritten histories: rows, classes and rates over
//! time.

use crate::corpus;
use crate::dsl::stack;
use crate::histories::{
    KIB, MIB, answer, ask_everything, check_numbers, history, report, snapshot,
};
use crate::program::{folder, run};
use serde_json::Value;

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["timeline"]["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

fn numbers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

#[test]
fn rows_of_a_recording_have_their_classes() {
    let harbor = corpus::path("harbor");
    let flat = report(&harbor, &["timeline", "one"]);
    // By flat, the helper grows; its caller is another question.
    assert_eq!(row(&flat, "main.newTrack")["class"], "leak");
    let cache = row(&flat, "main.(*pilotBook).soundingsOf")["class"].as_str().unwrap();
    assert!(["warm-up", "step"].contains(&cache), "{cache}");
    let cum = report(&harbor, &["timeline", "--cum", "one"]);
    assert_eq!(cum["sort"], "cum");
    for leaking in ["main.(*logbook).enter", "main.newTrack"] {
        assert_eq!(row(&cum, leaking)["class"], "leak", "{leaking}");
    }
    let see = row(&cum, "main.(*radar).see");
    assert!(see["class"] == "churn" || see["class"] == "steady", "{see:#}");
    assert!(see["retention"]["upper"].as_f64().unwrap() < 0.1, "{see:#}");
}

#[test]
fn the_whole_is_what_its_snapshots_hold() {
    let harbor = corpus::path("harbor");
    let through = report(&harbor, &["timeline", "one/heap-*.pb.gz"]);
    let values = numbers(&through["timeline"]["total"]["values"]);
    for (i, value) in values.iter().enumerate() {
        let file = format!("one/heap-{i:02}.pb.gz");
        let top = report(&harbor, &["top", "-inuse_space", &file]);
        let totals = top["totals"].as_array().unwrap();
        let total = totals.iter().find(|total| total["sample_type"] == "inuse_space").unwrap();
        assert_eq!(total["after"], *value, "{file}");
    }
    // If all rows are shown, they add up to it in each snapshot.
    let mut sums = vec![0; values.len()];
    for row in through["timeline"]["rows"].as_array().unwrap() {
        sums.iter_mut().zip(numbers(&row["flat"])).for_each(|(sum, value)| *sum += value);
    }
    assert_eq!(sums, values);
}

#[test]
fn every_granularity_adds_up_to_the_same() {
    let harbor = corpus::path("harbor");
    for granularity in ["--functions", "--lines", "--files", "--packages", "--addresses"] {
        let through = report(&harbor, &["timeline", granularity, "restarted"]);
        let mut sums = vec![0; 14];
        for row in through["timeline"]["rows"].as_array().unwrap() {
            sums.iter_mut().zip(numbers(&row["flat"])).for_each(|(sum, value)| *sum += value);
        }
        assert_eq!(sums, numbers(&through["timeline"]["total"]["values"]), "{granularity}");
    }
}

#[test]
fn rates_are_what_was_allocated_in_each_interval() {
    // 60 s apart, then 120 s: 6 MiB and 12 MiB more are the same rate.
    let states = [(0, 10), (60, 16), (180, 28), (240, 28)].map(|(at, allocated)| {
        let busy = stack("main.main;main.busy").inuse(1, KIB).alloc(allocated, allocated * MIB);
        snapshot(at, &[busy.sized(MIB)])
    });
    let all = ask_everything(&history("rates", &states), &["."]);
    let rates = &row(&all.rows, "main.busy")["allocated_per_second"];
    let fast = 6 * MIB / 60;
    let rates: Vec<Option<i64>> = rates.as_array().unwrap().iter().map(Value::as_i64).collect();
    assert_eq!(rates.len(), 4);
    assert_eq!((rates[0], rates[3]), (None, Some(0)));
    for rate in &rates[1..3] {
        assert!((rate.unwrap() - fast).abs() <= 1, "{rates:?}");
    }
    let elapsed = numbers(&all.rows["timeline"]["elapsed_nanos"]);
    assert_eq!(elapsed, [0, 60, 180, 240].map(|s| s * 1_000_000_000));
}

#[test]
fn a_chart_is_drawn_of_each_order() {
    let harbor = corpus::path("harbor");
    let here = folder("charts");
    for (args, name) in [(vec!["one"], "flat.svg"), (vec!["--cum", "restarted"], "cum.svg")] {
        let path = here.join(name);
        let args = [vec!["timeline", "-o", path.to_str().unwrap()], args].concat();
        answer(&harbor, &args);
        let picture = std::fs::read_to_string(&path).unwrap();
        assert!(picture.contains("main.newTrack"), "{picture}");
        check_numbers(name, &picture);
    }
    let said = run(&harbor, &["timeline"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("timeline needs profiles"), "{}", said.stderr);
}
