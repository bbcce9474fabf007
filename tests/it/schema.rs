//! The JSON and its schema: the output matches the schema, and the schema matches the types.

use crate::{check_samples, corpus, golden, program, samples, time_samples};
use heapdiff::analysis::memory::MemoryAsked;
use heapdiff::input;
use heapdiff::model::recording::Recording;
use heapdiff::output::{self, FileNames, Format, PatternView, Style, Width};
use heapdiff::patterns::{self, Catalog, Page};
use heapdiff::report::collector::{self, CollectorReport};
use heapdiff::report::doctor::{self, DoctorReport};
use heapdiff::report::incident::{self, IncidentReport};
use heapdiff::report::memory::{self, MemoryReport};
use heapdiff::report::{Answer, Report};
use heapdiff::rules::collector::CollectorLimits;
use heapdiff::rules::memory::MemoryLimits;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::fmt::Write as _;

const SCHEMA: &str = "docs/schema/report.v1.json";

fn style() -> Style {
    Style { width: Width::Unlimited, color: false, unit: None, file_names: FileNames::Short }
}

fn written(format: Format, report: &Report) -> String {
    let mut out = Vec::new();
    output::write(format, report, &style(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn samples() -> Vec<Report> {
    vec![
        samples::leaking(),
        samples::quiet(),
        samples::cpu(),
        samples::by_cum(),
        samples::single(),
        samples::lines(),
        samples::packages(),
        samples::empty_diff(),
        samples::peeked(),
        samples::graph(),
        samples::list(),
        samples::traces(),
        samples::tags(),
        samples::matched(),
        time_samples::leaks(),
        time_samples::timeline_restarted(),
        check_samples::failed(),
        check_samples::taken_for(heapdiff::analysis::check::Outcome::Pass),
        check_samples::without_baseline(),
        check_samples::leaking(),
    ]
}

#[test]
fn the_schema_is_that_of_the_types() {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["$id"] = "https://heapdiff.invalid/schema/report.v1.json".into();
    schema["properties"]["schema"]["const"] = heapdiff::report::SCHEMA.into();
    golden::check(SCHEMA, &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
}

#[test]
fn the_schema_of_patterns_is_that_of_their_type_and_of_what_is_written() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = serde_json::to_value(generator.into_root_schema_for::<Page>()).unwrap();
    schema["$id"] = "https://heapdiff.invalid/schema/patterns.v1.json".into();
    schema["properties"]["schema"]["const"] = patterns::SCHEMA.into();
    golden::check(
        "docs/schema/patterns.v1.json",
        &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()),
    );
    let (schemas, index) = compiled(schema);
    let page = Page::of(Catalog::builtin().patterns());
    let mut out = Vec::new();
    output::write_patterns(Format::Json, &page, PatternView::List, &style(), &mut out).unwrap();
    let mut json: Value = serde_json::from_slice(&out).unwrap();
    assert!(schemas.validate(&json, index).is_ok());
    assert_eq!(serde_json::from_slice::<Page>(&out).unwrap(), page);
    json["patterns"][0]["confidence"] = "sure".into();
    assert!(schemas.validate(&json, index).is_err());
}

#[test]
fn the_schema_of_gc_is_that_of_its_type_and_of_what_is_written() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<CollectorReport>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["$id"] = "https://heapdiff.invalid/schema/gc.v1.json".into();
    schema["properties"]["schema"]["const"] = collector::SCHEMA.into();
    golden::check(
        "docs/schema/gc.v1.json",
        &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()),
    );
    let (schemas, index) = compiled(schema);
    // A process that leaks, asks for collections and stops the world for long.
    let mut lines = String::new();
    for n in 1..40 {
        let _ = writeln!(
            lines,
            "2026-11-27T23:49:{n:02}Z gc {n} @{n}.25s 3%: 30+1.1+0.003 ms clock, 9+0.4/1/2+0.01 ms cpu, \
             {n}->{n}->{n} MB, {} MB goal, {n} MB stacks, 0 MB globals, 4 P (forced)",
            2 * n
        );
    }
    let lines = lines + "scav 8 KiB work, 9 KiB total, 9% util\ngc 41 @5.5s 3%: 1+";
    let log =
        input::read_collections(lines.as_bytes(), input::Budget::default(), input::Inflate::Here)
            .unwrap();
    let logs = vec![("app.log".to_owned(), log)];
    let report =
        CollectorReport::new(logs, &CollectorLimits::default(), vec!["careful".to_owned()]);
    assert_eq!(report.processes[0].findings.len(), 4);
    let mut out = Vec::new();
    output::write_collector(Format::Json, &report, &style(), &mut out).unwrap();
    let mut json: Value = serde_json::from_slice(&out).unwrap();
    if let Err(error) = schemas.validate(&json, index) {
        panic!("{error}\n{json:#}");
    }
    assert_eq!(serde_json::from_slice::<CollectorReport>(&out).unwrap(), report);
    json["processes"][0]["findings"][0]["severity"] = "bad".into();
    assert!(schemas.validate(&json, index).is_err());
}

#[test]
fn the_schema_of_incident_is_that_of_its_type_and_of_what_is_written() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<IncidentReport>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["$id"] = "https://heapdiff.invalid/schema/incident.v1.json".into();
    schema["properties"]["schema"]["const"] = incident::SCHEMA.into();
    golden::check(
        "docs/schema/incident.v1.json",
        &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()),
    );
    let (schemas, index) = compiled(schema);
    let home = program::folder("incident-schema");
    for case in ["verdicts/ticker", "verdicts/goroutine", "chat", "harbor/one"] {
        let case = corpus::path(case);
        let said = program::run(&home, &["incident", "--format=json", case.to_str().unwrap()]);
        let mut json: Value = serde_json::from_str(&said.stdout).unwrap();
        if let Err(error) = schemas.validate(&json, index) {
            panic!("{error}\n{json:#}");
        }
        let card: IncidentReport = serde_json::from_str(&said.stdout).unwrap();
        let mut out = Vec::new();
        let (report, answer) = (time_samples::leaks(), time_samples::leaks());
        let Answer::Leaks(answer) = answer.answer else { panic!("not leaks") };
        output::write_incident(Format::Json, &card, (&report, &answer), &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), json);
        json["inputs"][0]["bytes"] = "many".into();
        assert!(schemas.validate(&json, index).is_err());
    }
}

#[test]
fn the_schema_of_memory_is_that_of_its_type_and_of_what_is_written() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<MemoryReport>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["$id"] = "https://heapdiff.invalid/schema/memory.v1.json".into();
    schema["properties"]["schema"]["const"] = memory::SCHEMA.into();
    golden::check(
        "docs/schema/memory.v1.json",
        &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()),
    );
    let (schemas, index) = compiled(schema);
    // A resident set that grows beside a heap that doesn't.
    let mut lines = String::new();
    for n in 0..20 {
        let _ = writeln!(
            lines,
            "{{\"ts\": {}, \"HeapAlloc\": 9000000, \"HeapInuse\": 10000000, \"HeapIdle\": 3000000, \
             \"HeapReleased\": 1000000, \"HeapSys\": 13000000, \"StackSys\": 400000, \"Sys\": 17000000, \
             \"NextGC\": 16000000, \"rss\": {}, \"gomemlimit\": 900000000}}",
            1_795_836_379 + 60 * n,
            20_000_000 + 10_000_000 * n
        );
    }
    let read =
        input::read(lines.as_bytes(), input::Budget::default(), input::Inflate::Here).unwrap();
    let input::Content::Gauges(log) = read else { panic!("{lines}") };
    let recording = Recording { gauges: vec![log], ..Recording::default() };
    let limits = MemoryLimits::default();
    let (asked, warnings) = (MemoryAsked::default(), vec!["careful".to_owned()]);
    let report = MemoryReport::new(&recording, Vec::new(), asked, &limits, warnings);
    assert_eq!(report.memory.as_ref().unwrap().findings.len(), 1);
    let mut out = Vec::new();
    output::write_memory(Format::Json, &report, &style(), &mut out).unwrap();
    let mut json: Value = serde_json::from_slice(&out).unwrap();
    if let Err(error) = schemas.validate(&json, index) {
        panic!("{error}\n{json:#}");
    }
    assert_eq!(serde_json::from_slice::<MemoryReport>(&out).unwrap(), report);
    json["memory"]["parts"][0]["basis"] = "guessed".into();
    assert!(schemas.validate(&json, index).is_err());
}

#[test]
fn the_schema_of_doctor_is_that_of_its_type_and_of_what_is_written() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<DoctorReport>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["$id"] = "https://heapdiff.invalid/schema/doctor.v1.json".into();
    schema["properties"]["schema"]["const"] = doctor::SCHEMA.into();
    golden::check(
        "docs/schema/doctor.v1.json",
        &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()),
    );
    let (schemas, index) = compiled(schema);
    let here = corpus::path("");
    for input in ["harbor/one", "chat/after.pb.gz", "collector/healthy.log"] {
        let said = program::run(&here, &["doctor", "--format", "json", "--leak", "1MiB", input]);
        let json: Value = serde_json::from_str(&said.stdout).unwrap();
        if let Err(error) = schemas.validate(&json, index) {
            panic!("{error}\n{json:#}");
        }
        let report: DoctorReport = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(report).unwrap(), json);
    }
}

fn compiled(schema: Value) -> (boon::Schemas, boon::SchemaIndex) {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("report.json", schema).unwrap();
    let index = compiler.compile("report.json", &mut schemas).unwrap();
    (schemas, index)
}

#[test]
fn what_is_written_is_valid() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (schemas, index) = compiled(schema);
    for report in samples() {
        let text = written(Format::Json, &report);
        let json: Value = serde_json::from_str(&text).unwrap();
        if let Err(error) = schemas.validate(&json, index) {
            panic!("{error}\n{text}");
        }
        let mut broken = json.clone();
        broken["totals"] = Value::String("many".to_owned());
        assert!(schemas.validate(&broken, index).is_err());
    }
}

#[test]
fn json_comes_back_as_it_was() {
    for mut report in samples() {
        // For matches, JSON contains the rows.
        if let Answer::Matches(matches) = &mut report.answer {
            *matches = std::mem::take(&mut matches.rows).into();
        }
        let text = written(Format::Json, &report);
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}

#[test]
fn json_keeps_names_and_no_raw_control_characters() {
    let mut report = samples::leaking();
    let name = "main.\u{1b}[31m\u{202e}x\n\u{fffd}";
    answer!(&mut report.answer, Diff).rows[0].name = name.to_owned();
    let text = written(Format::Json, &report);
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
    let back: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(answer!(back.answer, Diff).rows[0].name, name);
}

#[test]
fn csv_has_a_line_per_row_and_raw_values() {
    let mut report = samples::leaking();
    let names = ["=cmd()", "+1", "-1", "@x", "a,\"b\"\nc"];
    for (row, name) in answer!(&mut report.answer, Diff).rows.iter_mut().zip(names) {
        row.name = name.to_owned();
    }
    let text = written(Format::Csv, &report);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|title| title == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let rows = &answer!(&report.answer, Diff).rows;
    assert_eq!(records.len(), rows.len());
    for (record, row) in records.iter().zip(rows) {
        // Characters that would break the line are escaped.
        assert_eq!(record[column("name")], row.name.replace('\n', "\\u{a}"));
        assert_eq!(record[column("delta_flat")], row.delta.flat.to_string());
        assert_eq!(record[column("error_lower")], row.error.unwrap().lower.to_string());
        assert_eq!(record[column("moved_to")], *row.moved_to.clone().unwrap_or_default());
        let status = serde_json::to_value(row.status).unwrap();
        assert_eq!(record[column("status")], *status.as_str().unwrap());
    }
    let peek = written(Format::Csv, &samples::peeked());
    assert_eq!(peek.lines().count(), 1 + 23 + 1 + 1 + 1 + 1);
    let call = "main.rebuildCache,caller,main.main,41943040,29360128,-12582912,,,,,,false,bytes";
    assert!(peek.lines().any(|line| line == call), "{peek}");
    let matched = written(Format::Csv, &samples::matched());
    let line = "main.newClient,/build/src/github.com/acme/chat/internal/client.go,\
                http-transport-per-request;tls-conns,0,12288,";
    assert!(matched.lines().count() == 5 && matched.lines().any(|own| own == line), "{matched}");
    let top = written(Format::Csv, &samples::single());
    assert_eq!(top.lines().count(), 4);
    assert!(top.starts_with("name,file,line,flat,cum,"));
}
