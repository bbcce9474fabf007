//! Checks that each column of a CSV holds what its name says: crafted rows in which every field has
//! a distinct value, and rows of real profiles, compared by column name with the JSON of the same
//! report.

use crate::{check_samples, samples, time_samples};
use heapdiff::analysis::stacks::{StackFrame, StackOrder, Step, ValuedStack, ValuedStacks};
use heapdiff::model::change::Change;
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::patterns::Page;
use heapdiff::report::baselines::{BaselineRow, BaselineTotal, Branch, Shelf};
use heapdiff::report::{Answer, Report};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::process::Command;

/// A column, and where the JSON of a row has its value. Text after `=` is the value itself.
type Column = (&'static str, &'static str);

const DIFF: [Column; 25] = [
    ("name", "/name"),
    ("file", "/file"),
    ("line", "/line"),
    ("before_flat", "/before/flat"),
    ("after_flat", "/after/flat"),
    ("delta_flat", "/delta/flat"),
    ("before_cum", "/before/cum"),
    ("after_cum", "/after/cum"),
    ("delta_cum", "/delta/cum"),
    ("delta_percent", "/delta_percent"),
    ("objects_before", "/objects/before"),
    ("objects_after", "/objects/after"),
    ("objects_delta", "/objects/delta"),
    ("kept", "/kept"),
    ("error_lower", "/error/lower"),
    ("error_upper", "/error/upper"),
    ("q_value", "/q_value"),
    ("status", "/status"),
    ("via_function", "/via/function"),
    ("via_file", "/via/file"),
    ("via_line", "/via/line"),
    ("via_share", "/via_share"),
    ("moved_from", "/moved_from"),
    ("moved_to", "/moved_to"),
    ("unit", "/report/unit"),
];

const TOP: [Column; 15] = [
    ("name", "/name"),
    ("file", "/file"),
    ("line", "/line"),
    ("flat", "/flat"),
    ("cum", "/cum"),
    ("flat_percent", "/flat_percent"),
    ("cum_percent", "/cum_percent"),
    ("objects", "/objects"),
    ("error_lower", "/error/lower"),
    ("error_upper", "/error/upper"),
    ("via_function", "/via/function"),
    ("via_file", "/via/file"),
    ("via_line", "/via/line"),
    ("via_share", "/via_share"),
    ("unit", "/report/unit"),
];

const SUSPECTS: [Column; 38] = [
    ("rank", "/rank"),
    ("class", "/class"),
    ("confidence", "/confidence"),
    ("function", "/site/function"),
    ("file", "/site/file"),
    ("line", "/site/line"),
    ("sample_type", "/sample_type"),
    ("unit", "/unit"),
    ("growth", "/growth/estimate"),
    ("growth_lower", "/growth/lower"),
    ("growth_upper", "/growth/upper"),
    ("slope_per_hour", "/slope_per_hour/estimate"),
    ("slope_lower", "/slope_per_hour/lower"),
    ("slope_upper", "/slope_per_hour/upper"),
    ("q_value", "/q_value"),
    ("retention", "/retention/estimate"),
    ("retention_lower", "/retention/lower"),
    ("retention_upper", "/retention/upper"),
    ("persistence", "/persistence"),
    ("load_factor", "/load_factor"),
    ("together", "/replaces/together/estimate"),
    ("together_lower", "/replaces/together/lower"),
    ("together_upper", "/replaces/together/upper"),
    ("patterns", "/patterns"),
    ("mechanism", "/mechanism"),
    ("path", "/path"),
    ("goroutines_before", "/goroutines/before"),
    ("goroutines_after", "/goroutines/after"),
    ("goroutines_state", "/goroutines/state"),
    ("goroutines_started_by", "/goroutines/started_by"),
    ("goroutines_parked_in", "/goroutines/parked_in"),
    ("explanation", "/explanation"),
    ("fix", "/fix"),
    ("process", "/process"),
    ("since", "/since"),
    ("first", "/values/0"),
    ("last", "/values/2"),
    ("values", "/values"),
];

const PATTERNS: [Column; 9] = [
    ("id", "/id"),
    ("confidence", "/confidence"),
    ("evidence", "/evidence"),
    ("metric", "/metric"),
    ("title", "/title"),
    ("meaning", "/meaning"),
    ("look_for", "/look_for"),
    ("fix", "/fix"),
    ("seen_on", "/seen_on"),
];

/// The records of a CSV, each keyed by column name.
fn records(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// The CSV text of a JSON value: empty for an absent one, semicolons between several.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| text(Some(value))).collect::<Vec<_>>().join(";")
        }
        Some(Value::Number(number)) if number.is_f64() => number.as_f64().unwrap().to_string(),
        Some(other) => other.to_string(),
    }
}

/// Compares a record with the row of `json` at `root`; `/report` is all of `json`.
fn compare(record: &BTreeMap<String, String>, json: &Value, root: &str, columns: &[Column]) {
    assert!(json.pointer(root).is_some(), "{root} is not in the report");
    for &(name, place) in columns {
        let expected = match (place.strip_prefix('='), place.strip_prefix("/report")) {
            (Some(value), _) => value.to_owned(),
            (None, Some(place)) => text(json.pointer(place)),
            (None, None) => text(json.pointer(&format!("{root}{place}"))),
        };
        let cell = record.get(name).unwrap_or_else(|| panic!("{root} has no column {name}"));
        // Small probabilities are formatted differently.
        let is_same = *cell == expected
            || cell.parse::<f64>().is_ok_and(|cell| Ok(cell) == expected.parse::<f64>());
        assert!(is_same, "{root}, {name}: {cell} is not {expected}");
    }
}

/// Compares crafted rows with their JSON. Each column has a value, and no two are equal, so that
/// swapped columns differ; every column of the file is checked.
fn check(csv: &str, json: &Value, rows: &[(usize, &str, &[Column])]) {
    let records = records(csv);
    for &(record, root, columns) in rows {
        compare(&records[record], json, root, columns);
    }
    let mut seen: BTreeMap<Vec<&str>, &str> = BTreeMap::new();
    for name in records[0].keys() {
        let is_compared = rows.iter().any(|(_, _, columns)| columns.iter().any(|of| of.0 == name));
        assert!(is_compared, "{name} is not compared");
        let cells: Vec<&str> = rows.iter().map(|&(at, ..)| records[at][name].as_str()).collect();
        assert!(cells.iter().any(|cell| !cell.is_empty()), "{name} is empty");
        if let Some(other) = seen.insert(cells, name) {
            panic!("{name} and {other} are the same");
        }
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn style() -> Style {
    Style { width: Width::Unlimited, color: false, unit: None, file_names: FileNames::Short }
}

/// A report with only `answer`, as CSV and as JSON.
fn said(section: &str, answer: Value) -> (String, Value) {
    let mut report = serde_json::to_value(samples::leaking()).unwrap();
    report.as_object_mut().unwrap().remove("diff");
    report[section] = answer;
    said_by(report)
}

/// A report given as JSON, as CSV and as JSON.
fn said_by(report: Value) -> (String, Value) {
    let report: Report = serde_json::from_value(report).unwrap();
    let of = |format| written(|out| output::write(format, &report, &style(), out));
    (of(Format::Csv), serde_json::from_str(&of(Format::Json)).unwrap())
}

fn place() -> Value {
    json!({ "function": "main.under", "file": "under.go", "line": 902 })
}

#[test]
fn rows_of_a_diff() {
    let row = json!({
        "name": "main.f", "file": "f.go", "line": 901,
        "before": { "flat": 11, "cum": 12 }, "after": { "flat": 13, "cum": 14 },
        "delta": { "flat": 15, "cum": 16 }, "delta_percent": 17.5,
        "objects": { "before": 18, "after": 19, "delta": 20 }, "kept": 0.5,
        "error": { "lower": 21, "upper": 22 }, "q_value": 0.00001, "status": "grown",
        "via": place(), "via_share": 0.75,
        "moved_from": "main.left", "moved_to": "main.arrived",
    });
    let omitted = json!({ "rows": 0, "sum": 0 });
    let diff = json!({ "rows": [row], "within_noise": omitted, "omitted": omitted, "sites": [] });
    let (csv, json) = said("diff", diff);
    check(&csv, &json, &[(0, "/diff/rows/0", &DIFF)]);
}

#[test]
fn rows_of_a_profile() {
    let row = json!({
        "name": "main.f", "file": "f.go", "line": 901, "flat": 11, "cum": 12,
        "flat_percent": 13.5, "cum_percent": 14.5, "objects": 15,
        "error": { "lower": 16, "upper": 17 }, "via": place(), "via_share": 0.75,
        "addresses": [],
    });
    let (csv, json) = said("top", json!({ "rows": [row], "omitted": { "rows": 0, "sum": 0 } }));
    check(&csv, &json, &[(0, "/top/rows/0", &TOP)]);
}

#[test]
fn lines_of_a_tree() {
    let frame = |name: &str| json!({ "name": name, "own": true });
    let first = json!({ "depth": 0, "frames": [frame("main.site")], "after": 1 });
    let line = json!({
        "depth": 1, "frames": [frame("main.f"), frame("main.g"), frame("main.h")],
        "before": 11, "after": 12, "delta": 13, "share": 14.5,
        "objects": { "before": 15, "after": 16, "delta": 17 }, "error": { "lower": 18, "upper": 19 },
        "ends": { "before": 20, "after": 21, "delta": 22 },
        "omitted": { "count": 23, "before": 24, "after": 25, "delta": 26 },
    });
    let refs = json!({
        "pattern": "main", "relation": "held-by", "direction": "callers",
        "sites": [{ "lines": [first, line] }], "paths": [],
    });
    let (csv, json) = said("refs", refs);
    let columns = [
        ("site", "=main.site"),
        ("depth", "/depth"),
        ("function", "/frames/0/name"),
        ("folded", "=main.g;main.h"),
        ("before", "/before"),
        ("after", "/after"),
        ("delta", "/delta"),
        ("share_percent", "/share"),
        ("objects_before", "/objects/before"),
        ("objects_after", "/objects/after"),
        ("objects_delta", "/objects/delta"),
        ("error_lower", "/error/lower"),
        ("error_upper", "/error/upper"),
        ("ends", "/ends/delta"),
        ("omitted_branches", "/omitted/count"),
        ("omitted", "/omitted/delta"),
        ("unit", "/report/unit"),
    ];
    check(&csv, &json, &[(1, "/refs/sites/0/lines/1", &columns)]);
}

/// No JSON contains stacks.
#[test]
fn stacks() {
    let frame = |name: &str| StackFrame { name: name.to_owned(), file: None, line: None };
    let mut report = samples::leaking();
    for is_comparison in [true, false] {
        report.answer = Answer::Stacks(ValuedStacks {
            is_comparison,
            order: StackOrder::RootFirst,
            frames: vec![frame("main.main"), frame("main.f;g")],
            steps: vec![Step { parent: None, frame: 0 }, Step { parent: Some(0), frame: 1 }],
            stacks: vec![ValuedStack {
                leaf: Some(1),
                value: Change::new(11, 13),
                objects: Some(Change::new(21, 24)),
            }],
        });
        let csv = written(|out| output::write(Format::Csv, &report, &style(), out));
        let (stack, unit) = (("stack", "=main.main;main.f:g"), ("unit", "=bytes"));
        let compared = [
            ("before", "=11"),
            ("after", "=13"),
            ("delta", "=2"),
            ("objects_before", "=21"),
            ("objects_after", "=24"),
            ("objects_delta", "=3"),
        ];
        let single = [("value", "=13"), ("objects", "=24")];
        let values = if is_comparison { &compared[..] } else { &single };
        check(&csv, &json!({}), &[(0, "", &[&[stack], values, &[unit]].concat())]);
    }
}

#[test]
fn rows_with_their_callers_and_callees() {
    let call = |name: &str, value: i64, inline: bool| {
        json!({
            "name": name, "before": value, "after": value + 1, "delta": value + 2, "inline": inline,
        })
    };
    let row = json!({
        "name": "main.f",
        "before": { "flat": 11, "cum": 12 }, "after": { "flat": 13, "cum": 14 },
        "delta": { "flat": 15, "cum": 16 }, "flat_percent": 17.5, "cum_percent": 18.5,
        "error": { "flat": { "lower": 19, "upper": 20 }, "cum": { "lower": 21, "upper": 22 } },
        "callers": [call("main.caller", 31, true)], "callees": [call("main.callee", 41, false)],
    });
    let (csv, json) = said("peek", json!({ "rows": [row], "omitted": 0 }));
    let itself = [
        ("row", "/name"),
        ("relation", "=self"),
        ("name", "/name"),
        ("before", "/before/cum"),
        ("after", "/after/cum"),
        ("delta", "/delta/cum"),
        ("before_flat", "/before/flat"),
        ("after_flat", "/after/flat"),
        ("delta_flat", "/delta/flat"),
        ("error_lower", "/error/cum/lower"),
        ("error_upper", "/error/cum/upper"),
        ("inline", "="),
        ("unit", "/report/unit"),
    ];
    let neighbor = |relation| {
        [
            ("row", "/report/peek/rows/0/name"),
            ("relation", relation),
            ("name", "/name"),
            ("before", "/before"),
            ("after", "/after"),
            ("delta", "/delta"),
            ("before_flat", "="),
            ("after_flat", "="),
            ("delta_flat", "="),
            ("error_lower", "="),
            ("error_upper", "="),
            ("inline", "/inline"),
            ("unit", "/report/unit"),
        ]
    };
    let rows: [(usize, &str, &[Column]); 3] = [
        (0, "/peek/rows/0/callers/0", &neighbor("=caller")),
        (1, "/peek/rows/0", &itself),
        (2, "/peek/rows/0/callees/0", &neighbor("=callee")),
    ];
    check(&csv, &json, &rows);
}

#[test]
fn lines_of_functions() {
    let line = json!({
        "line": 901,
        "before": { "flat": 11, "cum": 12 }, "after": { "flat": 13, "cum": 14 },
        "delta": { "flat": 15, "cum": 16 },
        "error": { "flat": { "lower": 19, "upper": 20 }, "cum": { "lower": 21, "upper": 22 } },
    });
    let function = json!({
        "function": "main.f", "file": "f.go", "start_line": 31,
        "after": { "flat": 32, "cum": 33 }, "lines": [line],
    });
    let list = json!({
        "pattern": "f", "functions": [function], "omitted": { "rows": 0, "sum": 0 },
    });
    let (csv, json) = said("list", list);
    let columns = [
        ("function", "/report/list/functions/0/function"),
        ("file", "/report/list/functions/0/file"),
        ("line", "/line"),
        ("before_flat", "/before/flat"),
        ("after_flat", "/after/flat"),
        ("delta_flat", "/delta/flat"),
        ("flat_error_lower", "/error/flat/lower"),
        ("flat_error_upper", "/error/flat/upper"),
        ("before_cum", "/before/cum"),
        ("after_cum", "/after/cum"),
        ("delta_cum", "/delta/cum"),
        ("cum_error_lower", "/error/cum/lower"),
        ("cum_error_upper", "/error/cum/upper"),
        ("unit", "/report/unit"),
    ];
    check(&csv, &json, &[(0, "/list/functions/0/lines/0", &columns)]);
}

#[test]
fn stacks_with_their_labels() {
    let row = json!({
        "before": 11, "after": 12, "delta": 13, "error": { "lower": 14, "upper": 15 },
        "labels": [
            { "key": "tenant", "text": "acme" },
            { "key": "size", "number": 64, "number_unit": "bytes" },
        ],
        "frames": ["main.f", "main.main"], "inlined": [],
    });
    let (csv, json) = said("traces", json!({ "rows": [row], "omitted": { "rows": 0, "sum": 0 } }));
    let columns = [
        ("before", "/before"),
        ("after", "/after"),
        ("delta", "/delta"),
        ("error_lower", "/error/lower"),
        ("error_upper", "/error/upper"),
        ("unit", "/report/unit"),
        ("labels", "=tenant=acme;size=64bytes"),
        ("frames", "/frames"),
    ];
    check(&csv, &json, &[(0, "/traces/rows/0", &columns)]);
}

#[test]
fn labels() {
    let value = json!({
        "number": 64, "number_unit": "seconds",
        "before": 11, "after": 12, "delta": 13, "error": { "lower": 14, "upper": 15 }, "percent": 16.5,
    });
    let key = json!({
        "key": "wait", "before": 21, "after": 22, "delta": 23, "percent": 24.5, "values": [value],
        "omitted": { "rows": 0, "sum": 0 },
    });
    let (csv, json) = said("tags", json!({ "keys": [key], "omitted": { "rows": 0, "sum": 0 } }));
    let columns = [
        ("key", "/report/tags/keys/0/key"),
        ("value", "/number"),
        ("value_unit", "/number_unit"),
        ("before", "/before"),
        ("after", "/after"),
        ("delta", "/delta"),
        ("percent", "/percent"),
        ("error_lower", "/error/lower"),
        ("error_upper", "/error/upper"),
        ("unit", "/report/unit"),
    ];
    check(&csv, &json, &[(0, "/tags/keys/0/values/0", &columns)]);
}

#[test]
fn functions_that_match_patterns() {
    let row = json!({
        "function": "main.f", "file": "f.go", "patterns": ["timer-ticker", "tls-conns"],
        "inuse_space": 11, "alloc_space": 12, "goroutines": 13,
    });
    let (csv, json) = said("matches", json!([row]));
    let columns = [
        ("function", "/function"),
        ("file", "/file"),
        ("patterns", "/patterns"),
        ("inuse_space", "/inuse_space"),
        ("alloc_space", "/alloc_space"),
        ("goroutines", "/goroutines"),
    ];
    check(&csv, &json, &[(0, "/matches/0", &columns)]);
}

#[test]
fn rows_through_time() {
    let row = json!({
        "name": "main.f", "file": "f.go", "line": 901, "flat": [11, 12], "cum": [13, 14],
        "allocated_per_second": [null, 15], "delta": { "flat": 16, "cum": 17 }, "class": "leak",
        "slope_per_hour": { "estimate": 18, "lower": 19, "upper": 20 }, "q_value": 0.0625,
        "retention": { "estimate": 0.5, "lower": 0.25, "upper": 0.75 },
    });
    let timeline = json!({
        "times": ["2025-05-01T10:00:00Z", "2025-05-01T10:00:01Z"], "elapsed_nanos": [0, 1_500_000_000],
        "inputs": [1, 0], "processes": [21, 22], "judged": 23,
        "total": { "values": [24, 25], "allocated_per_second": [null, 26] },
        "rows": [row], "omitted": { "rows": 0, "sum": 0 },
    });
    let (csv, json) = said("timeline", timeline);
    let of_snapshot = [
        ("snapshot", "=1"),
        ("input", "/report/inputs/0/name"),
        ("time", "/report/timeline/times/1"),
        ("elapsed_seconds", "=1.5"),
        ("process", "/report/timeline/processes/1"),
        ("allocated_per_second", "/allocated_per_second/1"),
        ("judged_process", "/report/timeline/judged"),
        ("unit", "/report/unit"),
    ];
    let of_total = [("kind", "=total"), ("name", "="), ("flat", "/values/1"), ("cum", "/values/1")];
    let of_row = [
        ("kind", "=row"),
        ("name", "/name"),
        ("file", "/file"),
        ("line", "/line"),
        ("flat", "/flat/1"),
        ("cum", "/cum/1"),
        ("class", "/class"),
        ("delta_flat", "/delta/flat"),
        ("delta_cum", "/delta/cum"),
        ("slope_per_hour", "/slope_per_hour/estimate"),
        ("slope_lower", "/slope_per_hour/lower"),
        ("slope_upper", "/slope_per_hour/upper"),
        ("q_value", "/q_value"),
        ("retention", "/retention/estimate"),
        ("retention_lower", "/retention/lower"),
        ("retention_upper", "/retention/upper"),
    ];
    let rows: [(usize, &str, &[Column]); 2] = [
        (1, "/timeline/total", &[&of_snapshot[..], &of_total].concat()),
        (3, "/timeline/rows/0", &[&of_snapshot[..], &of_row].concat()),
    ];
    check(&csv, &json, &rows);
}

#[test]
fn suspects() {
    let suspect = json!({
        "rank": 1, "site": { "function": "main.f", "file": "f.go", "line": 901 }, "class": "leak",
        "confidence": "high", "sample_type": "inuse_space", "unit": "bytes",
        "patterns": ["timer-ticker", "tls-conns"],
        "growth": { "estimate": 11, "lower": 12, "upper": 13 },
        "slope_per_hour": { "estimate": 14, "lower": 15, "upper": 16 }, "q_value": 0.0625,
        "retention": { "estimate": 0.5, "lower": 0.25, "upper": 0.75 }, "persistence": 0.875,
        "path": ["main.main", "main.f"], "mechanism": "time.NewTicker", "places": [place()],
        "parts": [{ "site": place(), "sample_type": "inuse_space", "unit": "bytes",
            "growth": { "estimate": 903, "lower": 1, "upper": 2 } }],
        "load_factor": 1.5,
        "replaces": {
            "site": { "function": "main.old", "file": "old.go", "line": 904 },
            "together": { "estimate": 24, "lower": 25, "upper": 26 },
        },
        "goroutines": {
            "before": 17, "after": 18, "state": "select", "started_by": "main.start",
            "parked_in": "main.wait",
        },
        "explanation": "it grows", "fix": "stop it", "process": 19, "since": 20,
        "values": [21, 22, 23],
    });
    let mut report = serde_json::to_value(time_samples::leaks()).unwrap();
    report["suspects"] = json!([suspect]);
    let (csv, json) = said_by(report);
    let columns = [
        &SUSPECTS[..],
        &[
            ("places", "=main.under under.go:902"),
            ("parts", "=main.under under.go:902 903 bytes"),
            ("replaces", "=main.old old.go:904"),
        ],
    ]
    .concat();
    check(&csv, &json, &[(0, "/suspects/0", &columns)]);
}

#[test]
fn rules() {
    let offender = json!({
        "function": "main.under", "file": "under.go", "line": 902,
        "before": 21, "after": 22, "delta": 23, "lower": 24, "upper": 25,
    });
    let rule = json!({
        "rule": "heap", "demand": "growth", "scope": "total", "level": "warn",
        "sample_type": "inuse_space", "unit": "bytes", "limit": 11, "limit_percent": 12.5,
        "before": 13, "after": 14, "value": 15, "value_percent": 16.5, "lower": 17, "upper": 18,
        "outcome": "fail", "message": "it grew", "advice": "look at it", "allowed": 19,
        "offenders": [offender], "corrected_for": 26,
        "let_pass": [{
            "function": "main.later", "file": "later.go", "line": 903,
            "before": 31, "after": 32, "delta": 33, "lower": 34, "upper": 35,
        }],
        "could_show": {
            "power": 0.8, "snapshots": 36, "span_nanos": 37, "unit": "bytes", "growth": 38,
            "slope_per_hour": 39, "goroutines": 40, "goroutines_per_hour": 41,
        },
    });
    let mut check_of = serde_json::to_value(check_samples::failed()).unwrap()["check"].take();
    check_of["rules"] = json!([rule]);
    let (csv, json) = said("check", check_of);
    let columns = [
        ("rule", "/rule"),
        ("outcome", "/outcome"),
        ("level", "/level"),
        ("demand", "/demand"),
        ("scope", "/scope"),
        ("sample_type", "/sample_type"),
        ("unit", "/unit"),
        ("limit", "/limit"),
        ("limit_percent", "/limit_percent"),
        ("before", "/before"),
        ("after", "/after"),
        ("value", "/value"),
        ("value_percent", "/value_percent"),
        ("lower", "/lower"),
        ("upper", "/upper"),
        ("allowed", "/allowed"),
        ("message", "/message"),
        ("advice", "/advice"),
        ("offenders", "=main.under under.go:902"),
        ("corrected_for", "/corrected_for"),
        ("let_pass", "=main.later later.go:903"),
        ("could_show_growth", "/could_show/growth"),
        ("could_show_per_hour", "/could_show/slope_per_hour"),
        ("could_show_goroutines_per_hour", "/could_show/goroutines_per_hour"),
    ];
    check(&csv, &json, &[(0, "/check/rules/0", &columns)]);
}

#[test]
fn stored_baselines() {
    let row = BaselineRow {
        folder: "store/main/1".to_owned(),
        time: "2025-05-01T10:00:00Z".to_owned(),
        build: Some("9f3c".to_owned()),
        program: Some("chat".to_owned()),
        runs: 11,
        period: 12,
        kept: "whole".to_owned(),
        total: Some(BaselineTotal {
            sample_type: "inuse_space".to_owned(),
            unit: "bytes".to_owned(),
            value: 13,
            standard_error: Some(14.5),
        }),
        change: Some(15),
    };
    let shelf = Shelf {
        schema: String::new(),
        sample_type: "inuse_space".to_owned(),
        branches: vec![Branch {
            branch: "main".to_owned(),
            platform: "linux/amd64".to_owned(),
            baselines: vec![row],
            drift: None,
        }],
        warnings: Vec::new(),
    };
    let csv = written(|out| output::write_baselines(Format::Csv, &shelf, &style(), out));
    let columns = [
        ("branch", "/report/branches/0/branch"),
        ("platform", "/report/branches/0/platform"),
        ("time", "/time"),
        ("build", "/build"),
        ("program", "/program"),
        ("runs", "/runs"),
        ("period", "/period"),
        ("kept", "/kept"),
        ("sample_type", "/total/sample_type"),
        ("unit", "/total/unit"),
        ("total", "/total/value"),
        ("standard_error", "/total/standard_error"),
        ("change", "/change"),
        ("folder", "/folder"),
    ];
    let json = serde_json::to_value(&shelf).unwrap();
    check(&csv, &json, &[(0, "/branches/0/baselines/0", &columns)]);
}

#[test]
fn a_pattern() {
    let pattern = json!({
        "id": "one", "title": "a title", "confidence": "high", "evidence": "growth", "metric": "alloc",
        "any": [], "not": [], "goroutine": null, "meaning": "a meaning", "look_for": "a look",
        "fix": "a fix", "seen_on": "go1.24", "examples": [],
    });
    let page: Page =
        serde_json::from_value(json!({ "schema": "", "patterns": [pattern] })).unwrap();
    let write = |out: &mut Vec<u8>| {
        output::write_patterns(Format::Csv, &page, output::PatternView::List, &style(), out)
    };
    let json = serde_json::to_value(&page).unwrap();
    check(&written(write), &json, &[(0, "/patterns/0", &PATTERNS)]);
}

#[test]
fn rows_of_real_profiles() {
    let said = |args: &str, format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata"));
        let answer = command.args(args.split(' ')).args(["--format", format]).output().unwrap();
        String::from_utf8(answer.stdout).unwrap()
    };
    let suspects: Vec<Column> = SUSPECTS.into_iter().filter(|(name, _)| *name != "last").collect();
    let cases: [(&str, &str, &[Column]); 6] = [
        ("diff chat/before.pb.gz chat/after.pb.gz --all -n 0", "/diff/rows", &DIFF),
        ("diff two-builds/v1.pb.gz two-builds/v2.pb.gz --all --cum", "/diff/rows", &DIFF),
        ("top chat/after.pb.gz -n 0", "/top/rows", &TOP),
        ("top cpu/after.pb.gz -n 0", "/top/rows", &TOP),
        ("leaks harbor/one", "/suspects", &suspects),
        ("patterns", "/patterns", &PATTERNS),
    ];
    for (args, rows, columns) in cases {
        let json: Value = serde_json::from_str(&said(args, "json")).unwrap();
        let records = records(&said(args, "csv"));
        let all = json.pointer(rows).and_then(Value::as_array).unwrap();
        assert!(!all.is_empty() && all.len() == records.len(), "{args}");
        for (at, record) in records.iter().enumerate() {
            compare(record, &json, &format!("{rows}/{at}"), columns);
        }
    }
}
