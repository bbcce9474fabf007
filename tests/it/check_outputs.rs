//! Reports of checks in every format: compared with golden files, parsed by a reader of the format, and correct
//! whatever a name contains.

use crate::{check_samples as samples, golden};
use heapdiff::analysis::check::Outcome;
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::Report;
use heapdiff::rules::Level;
use quick_xml::events::Event;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

fn plain(width: Width) -> Style {
    Style { width, color: false, unit: None, file_names: FileNames::Short }
}

fn said(format: Format, report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    output::write(format, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn written(format: Format, report: &Report) -> String {
    said(format, report, &plain(Width::Unlimited))
}

fn json(format: Format, report: &Report) -> Value {
    serde_json::from_str(&written(format, report)).unwrap()
}

fn cases() -> [(&'static str, Report); 7] {
    [
        ("failed", samples::failed()),
        ("passed", samples::passed()),
        ("inconclusive", samples::inconclusive()),
        ("without_baseline", samples::without_baseline()),
        ("leaking", samples::leaking()),
        ("without_leaks", samples::without_leaks()),
        ("hostile", samples::hostile()),
    ]
}

#[test]
fn checks_read_as_their_golden_files() {
    for (name, report) in cases() {
        for columns in [80, 200] {
            let text = said(Format::Table, &report, &plain(Width::Columns(columns)));
            golden::check(&format!("tests/golden/check_{name}_{columns}.txt"), &text);
        }
        for (format, ending) in [
            (Format::Table, "pipe.txt"),
            (Format::Csv, "csv"),
            (Format::Markdown, "md"),
            (Format::Junit, "xml"),
            (Format::Sarif, "sarif"),
            (Format::Github, "github"),
            (Format::Benchmark, "benchmark.json"),
        ] {
            let text = written(format, &report);
            golden::check(&format!("tests/golden/check_{name}.{ending}"), &text);
        }
    }
}

#[test]
fn the_last_line_is_the_outcome() {
    let last = |report: &Report| {
        let text = written(Format::Table, report);
        text.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(
        last(&samples::failed()),
        "check: FAIL (1 of 4 rules failed, 1 inconclusive, 1 warned, 1 allow-list entry expired; 4 limits \
         judged together)"
    );
    assert_eq!(last(&samples::passed()), "check: pass (2 rules; 2 limits judged together)");
    assert_eq!(
        last(&samples::inconclusive()),
        "check: inconclusive (1 of 2 rules inconclusive; 2 limits judged together)"
    );
    assert_eq!(last(&samples::leaking()), "check: FAIL (1 of 1 rule failed)");
}

#[test]
fn a_rule_with_two_demands_is_one_rule() {
    let mut budget = samples::growth("total", 1, 0, 5);
    budget.demand = heapdiff::analysis::check::Demand::Budget;
    let growth = samples::growth("total", 9, 0, 5);
    let report = samples::report(1, 1, vec![budget, growth]);
    assert!(
        written(Format::Table, &report)
            .ends_with("check: FAIL (1 of 1 rule failed; 2 limits judged together)\n")
    );
    let sarif = json(Format::Sarif, &report);
    let ids: Vec<_> = sarif["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].clone())
        .collect();
    assert_eq!(ids, ["total/budget", "total/growth"]);
    let junit = written(Format::Junit, &report);
    assert!(
        junit.contains("\"total (budget)\"") && junit.contains("\"total (growth)\""),
        "{junit}"
    );
    // Both show the value after, and the budget with its bounds.
    let points = json(Format::Benchmark, &report);
    assert_eq!(points.as_array().unwrap().len(), 1);
    assert!(points[0]["extra"].as_str().unwrap().starts_with("pass: "), "{points}");
}

#[test]
fn no_line_of_a_check_is_wider_than_the_terminal() {
    // Hostile names contain words too long for any line, and those are never cut.
    for (name, report) in cases().into_iter().take(5) {
        for columns in 60..220 {
            for line in said(Format::Table, &report, &plain(Width::Columns(columns))).lines() {
                let is_word = !line.trim_start().contains(' ');
                let command = line.contains(": heapdiff ") || line.starts_with("check: ");
                assert!(
                    command || is_word || line.width() <= columns,
                    "{name} at {columns}: {line}"
                );
            }
        }
    }
}

#[test]
fn colour_changes_no_letter_of_a_check() {
    for (name, report) in cases() {
        let style = plain(Width::Columns(100));
        let colored = said(Format::Table, &report, &Style { color: true, ..style.clone() });
        assert!(colored.contains("\u{1b}["), "{name}");
        let stripped = anstream::adapter::strip_str(&colored).to_string();
        assert_eq!(stripped, said(Format::Table, &report, &style), "{name}");
    }
}

#[test]
fn names_steer_no_terminal_and_no_parser() {
    for format in [
        Format::Table,
        Format::Csv,
        Format::Markdown,
        Format::Junit,
        Format::Sarif,
        Format::Github,
        Format::Benchmark,
    ] {
        let text = written(format, &samples::hostile());
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(harmful), "{format:?}: {text}");
        assert!(text.contains("octocat"), "{format:?}: {text}");
    }
}

#[test]
fn csv_has_a_line_for_each_rule() {
    let text = written(Format::Csv, &samples::failed());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|title| title == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let of = |name: &str| -> Vec<&str> { records.iter().map(|r| &r[column(name)]).collect() };
    assert_eq!(of("outcome"), ["fail", "pass", "inconclusive", "fail", "fail"]);
    assert_eq!(of("level"), ["fail", "fail", "fail", "warn", "fail"]);
    assert_eq!(of("demand"), ["growth", "budget", "growth", "growth", "allowance"]);
    assert_eq!(of("value")[0], "606076928");
    assert!(
        of("offenders")[0].starts_with("github.com/acme/chat/internal/limiter.windowFor internal")
    );
}

/// The test cases of a report: the name and the element with the outcome.
fn test_cases(xml: &str) -> Vec<(String, String)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut cases: Vec<(String, String)> = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return cases,
            Event::Start(tag) | Event::Empty(tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                match name.as_str() {
                    "testcase" => {
                        let own = tag.try_get_attribute("name").unwrap().unwrap();
                        let own = own
                            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                            .unwrap()
                            .into_owned();
                        cases.push((own, "passed".to_owned()));
                    }
                    "failure" | "error" | "skipped" => cases.last_mut().unwrap().1 = name,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

#[test]
fn junit_fails_what_failed_and_errs_on_what_is_open() {
    let of = |report: &Report| test_cases(&written(Format::Junit, report));
    let outcomes: Vec<String> = of(&samples::failed()).into_iter().map(|(_, own)| own).collect();
    assert_eq!(outcomes, ["failure", "passed", "error", "passed", "failure"]);
    let xml = written(Format::Junit, &samples::failed());
    assert!(xml.contains("tests=\"5\" skipped=\"0\" errors=\"1\" failures=\"2\""), "{xml}");
    assert!(xml.contains("warning: grew by 2746000"), "{xml}");
    assert!(!xml.contains("timestamp") && !xml.contains("time="), "{xml}");
    let unjudged = of(&samples::without_baseline());
    assert_eq!(unjudged[0], ("total".to_owned(), "skipped".to_owned()));
    assert_eq!(unjudged[1].1, "passed");
    assert_eq!(of(&samples::hostile()).len(), 1);
    let mut report = samples::inconclusive();
    answer!(&mut report.answer, Check).check.rules[0].level = Level::Warn;
    assert_eq!(of(&report)[0].1, "passed");
}

#[test]
fn sarif_names_the_line_and_knows_it_again() {
    let log = json(Format::Sarif, &samples::failed());
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let levels: Vec<&str> = results.iter().map(|own| own["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "note", "warning", "error"]);
    for result in results {
        let at = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
    }
    let physical = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "internal/limiter/limiter.go");
    assert_eq!(physical["artifactLocation"]["uriBaseId"], "%SRCROOT%");
    assert_eq!(physical["region"]["startLine"], 54);
    let absolute = &results[1]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(absolute["uri"], "file:///build/src/github.com/acme/chat/my%20limiter.go");
    assert!(absolute.get("uriBaseId").is_none());
    // The location of the allow-list entry.
    let entry = &results[4]["locations"][0]["physicalLocation"];
    assert_eq!(entry["artifactLocation"]["uri"], "heapdiff.toml");
    assert_eq!(entry["region"]["startLine"], 31);

    let mut moved = samples::failed();
    answer!(&mut moved.answer, Check).check.rules[0].offenders[0].place.line = Some(99);
    let moved = json(Format::Sarif, &moved);
    let fingerprints =
        |log: &Value, at: usize| log["runs"][0]["results"][at]["partialFingerprints"].clone();
    assert_eq!(fingerprints(&moved, 0), fingerprints(&log, 0));
    assert_ne!(fingerprints(&log, 1), fingerprints(&log, 0));

    let passed = json(Format::Sarif, &samples::passed());
    assert_eq!(passed["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn every_result_of_sarif_has_a_file() {
    let mut without_offenders = samples::failed();
    let mut without_files = samples::failed();
    for rule in &mut answer!(&mut without_offenders.answer, Check).check.rules {
        rule.offenders.clear();
    }
    for (at, rule) in answer!(&mut without_files.answer, Check).check.rules.iter_mut().enumerate() {
        let nameless = if at == 0 { Some(String::new()) } else { None };
        rule.offenders.iter_mut().for_each(|own| own.place.file.clone_from(&nameless));
    }
    let odd = [
        ("without offenders", without_offenders),
        ("without files", without_files),
        ("huge", samples::huge()),
        ("taken for pass", samples::taken_for(Outcome::Pass)),
    ];
    let mut results = 0;
    for (name, report) in cases().into_iter().chain(odd) {
        let log = json(Format::Sarif, &report);
        for result in log["runs"][0]["results"].as_array().unwrap() {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str();
            assert!(uri.is_some_and(|uri| !uri.is_empty()), "{name}: {result:#}");
            if name.starts_with("without ") && name != "without_baseline" {
                assert_eq!(uri, Some("heapdiff.toml"), "{name}: {result:#}");
                let is_entry = result["ruleId"] == "allow-list heapdiff.toml:31";
                assert_eq!(place["region"]["startLine"], if is_entry { 31 } else { 1 }, "{name}");
            }
            results += 1;
        }
    }
    assert!(results > 4000, "{results}");
}

#[test]
fn what_an_inconclusive_check_is_taken_for_is_said_in_every_format() {
    let says = [
        (None, "(1 of 2 rules inconclusive; 2 limits judged together)", "error", "note", "warning"),
        (Some(Outcome::Pass), "counted as pass (--on-inconclusive)", "passed", "none", "notice"),
        (Some(Outcome::Fail), "counted as fail (--on-inconclusive)", "failure", "error", "error"),
    ];
    for (taken_for, words, element, level, kind) in says {
        let report = taken_for.map_or_else(samples::inconclusive, samples::taken_for);
        let table = written(Format::Table, &report);
        let last = table.lines().last().unwrap();
        assert!(last.starts_with("check: inconclusive") && last.ends_with(words), "{last}");
        let headline = written(Format::Markdown, &report);
        let headline = headline.lines().nth(1).unwrap();
        assert!(headline.starts_with("### heapdiff check: inconclusive"), "{headline}");
        assert!(headline.ends_with(words), "{headline}");
        let junit = written(Format::Junit, &report);
        assert_eq!(test_cases(&junit)[0].1, element);
        assert!(
            taken_for != Some(Outcome::Pass) || junit.contains("<system-out>inconclusive, counted")
        );
        let sarif = json(Format::Sarif, &report);
        assert_eq!(sarif["runs"][0]["results"][0]["level"], level);
        assert!(written(Format::Github, &report).starts_with(&format!("::{kind} ")));
        // The data keep the outcome, and add what it counts as.
        let check = &json(Format::Json, &report)["check"];
        assert_eq!(check["outcome"], "inconclusive");
        let expected = taken_for.map(|own| serde_json::to_value(own).unwrap());
        assert_eq!(check.get("taken_for"), expected.as_ref());
    }
    // A rule that only warns stays a warning.
    for outcome in [Outcome::Pass, Outcome::Fail] {
        let mut report = samples::taken_for(outcome);
        answer!(&mut report.answer, Check).check.rules[0].level = Level::Warn;
        assert_eq!(test_cases(&written(Format::Junit, &report))[0].1, "passed");
        assert!(written(Format::Github, &report).starts_with("::notice "));
        assert_eq!(json(Format::Sarif, &report)["runs"][0]["results"][0]["level"], "note");
    }
}

/// The report if there is no answer.
fn failure(format: Format, message: &str) -> String {
    let mut out = Vec::new();
    output::write_failure(format, message, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_check_without_an_answer_passes_nowhere() {
    let message = format!("a.pb.gz: truncated\n{}", samples::HOSTILE);
    let junit = failure(Format::Junit, &message);
    assert_eq!(test_cases(&junit), [("heapdiff check".to_owned(), "error".to_owned())]);
    assert!(junit.contains("errors=\"1\"") && junit.contains("a.pb.gz: truncated"), "{junit}");
    let comment = failure(Format::Markdown, &message);
    assert!(comment.starts_with("<!-- heapdiff-check -->\n"), "{comment}");
    assert!(comment.contains("the check could not run: a.pb.gz: truncated<br>"), "{comment}");
    assert!(!comment.contains("<img") && !comment.contains("@octocat"), "{comment}");
    let sarif: Value = serde_json::from_str(&failure(Format::Sarif, &message)).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let told = &run["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!((&told["level"], &run["results"]), (&"error".into(), &Value::Array(Vec::new())));
    assert!(told["message"]["text"].as_str().unwrap().contains("a.pb.gz: truncated"));
    assert!(failure(Format::Github, &message).starts_with("::error title=heapdiff check::a.pb.gz"));
    for format in [Format::Junit, Format::Markdown, Format::Sarif, Format::Github] {
        let text = failure(format, &message);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{format:?}: {text}");
    }
    for format in [Format::Table, Format::Json, Format::Csv, Format::Benchmark] {
        assert_eq!(failure(format, &message), "", "{format:?}");
    }
}

/// The SARIF schema, if a crate that the tests depend on ships it. It may not be copied.
fn sarif_schema() -> Option<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let said = |arguments: &[&str]| -> Option<Vec<u8>> {
        let answer = std::process::Command::new(&cargo).args(arguments).output().ok()?;
        answer.status.success().then_some(answer.stdout)
    };
    let version = String::from_utf8(said(&["-vV"])?).ok()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "))?;
    // A build fetches only this system's crates, and cargo would ask for those of others.
    let metadata = said(&[
        "metadata",
        "--format-version=1",
        "--offline",
        "--locked",
        "--filter-platform",
        host,
        "--manifest-path",
        manifest.to_str()?,
    ])?;
    let metadata: Value = serde_json::from_slice(&metadata).ok()?;
    let package =
        metadata["packages"].as_array()?.iter().find(|own| own["name"] == "serde-sarif")?;
    let manifest = std::path::Path::new(package["manifest_path"].as_str()?);
    let text = std::fs::read_to_string(manifest.parent()?.join("src/schema.json")).ok()?;
    serde_json::from_str(&text).ok()
}

#[test]
fn sarif_is_valid() {
    let Some(schema) = sarif_schema() else {
        assert!(
            std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(),
            "HEAPDIFF_REQUIRE_ALL is set, and the schema of SARIF is not where the crate serde-sarif has it"
        );
        eprintln!(
            "skipped: cargo does not say where the crate serde-sarif is, which has the schema of SARIF"
        );
        return;
    };
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("sarif.json", schema).unwrap();
    let index = compiler.compile("sarif.json", &mut schemas).unwrap();
    let mut long = samples::huge();
    answer!(&mut long.answer, Check).check.rules.truncate(3);
    let taken = ("taken", samples::taken_for(Outcome::Pass));
    let logs = cases().into_iter().chain([("long", long), taken]);
    let logs = logs.map(|(name, report)| (name, json(Format::Sarif, &report)));
    let failed = serde_json::from_str(&failure(Format::Sarif, "a.pb: no such file")).unwrap();
    for (name, log) in logs.chain([("without an answer", failed)]) {
        if let Err(error) = schemas.validate(&log, index) {
            panic!("{name}: {error:#}");
        }
        let mut broken = log.clone();
        broken["runs"][0]["tool"]["driver"]["name"] = Value::Null;
        assert!(schemas.validate(&broken, index).is_err());
        let mut broken = log;
        broken["runs"][0]["surprise"] = Value::Bool(true);
        assert!(schemas.validate(&broken, index).is_err());
    }
}

#[test]
fn annotations_are_lines_and_at_most_ten_of_a_kind() {
    let kinds = |report: &Report| -> Vec<String> {
        let text = written(Format::Github, report);
        text.lines().map(|line| line[2..].split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&samples::failed()), ["error", "error", "error", "warning", "warning"]);
    assert_eq!(kinds(&samples::passed()), [""; 0]);
    assert_eq!(kinds(&samples::hostile()), ["error", "error"]);
    let mut report = samples::inconclusive();
    answer!(&mut report.answer, Check).check.rules[0].level = Level::Warn;
    assert_eq!(kinds(&report), ["notice"]);
    let text = written(Format::Github, &samples::hostile());
    for line in text.lines() {
        let (properties, message) = line[2..].split_once("::").unwrap();
        let properties: Vec<&str> = properties.split_once(' ').unwrap().1.split(',').collect();
        assert!(properties.iter().all(|own| own.matches('=').count() >= 1), "{line}");
        assert!(properties.len() <= 3 && !message.contains('\r'), "{line}");
    }
    let many = samples::huge();
    let text = written(Format::Github, &many);
    assert_eq!(text.lines().count(), 10);
    assert!(text.lines().last().unwrap().contains("::3991 more annotations are not shown"));
    let mut exact = samples::failed();
    let rule = answer!(&exact.answer, Check).check.rules[0].clone();
    answer!(&mut exact.answer, Check).check.rules = vec![rule; 5];
    assert_eq!(kinds(&exact), ["error"; 10], "ten fit");
}

#[test]
fn a_benchmark_is_what_after_holds() {
    let points = json(Format::Benchmark, &samples::failed());
    let points = points.as_array().unwrap();
    // An allow-list entry isn't a curve.
    assert_eq!(points.len(), 4);
    assert_eq!(points[0]["name"], "total (inuse_space in total)");
    assert_eq!(points[0]["unit"], "bytes");
    assert_eq!(points[0]["value"], 890 << 20);
    assert_eq!(points[0]["range"], "± 9437184");
    let leaks = json(Format::Benchmark, &samples::leaking());
    assert_eq!((&leaks[0]["value"], &leaks[0]["unit"]), (&Value::from(2), &Value::from("leaks")));
    let without = json(Format::Benchmark, &samples::without_baseline());
    assert!(without[0].get("range").is_none());
}

#[test]
fn a_comment_stays_below_what_github_takes() {
    for (name, report) in cases().into_iter().chain([("huge", samples::huge())]) {
        let text = written(Format::Markdown, &report);
        assert!(text.starts_with("<!-- heapdiff-check -->\n"), "{name}");
        assert!(text.len() < 65_536, "{name}: {}", text.len());
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{name}");
    }
    let text = written(Format::Markdown, &samples::huge());
    for what in ["rules left out", "places left out", "rule details left out"] {
        assert!(text.contains(what), "{what}");
    }
}

#[test]
fn a_table_of_markdown_keeps_its_columns() {
    for (name, report) in cases() {
        let text = written(Format::Markdown, &report);
        let mut columns = None;
        for line in text.lines() {
            if !line.starts_with('|') {
                columns = None;
                continue;
            }
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(*columns.get_or_insert(bars), bars, "{name}: {line}");
        }
    }
}

#[test]
fn what_is_wrong_comes_first_in_a_comment() {
    let text = written(Format::Markdown, &samples::failed());
    let rows: Vec<&str> =
        text.lines().filter(|line| line.starts_with("| ")).skip(2).take(5).collect();
    let outcomes: Vec<&str> = rows.iter().map(|row| row.split(' ').nth(1).unwrap()).collect();
    assert_eq!(outcomes, ["❌", "❌", "⚠️", "❔", "✅"]);
    let check = answer!(samples::passed().answer, Check).check;
    assert_eq!(check.outcome, Outcome::Pass);
    assert!(!written(Format::Markdown, &samples::passed()).contains("heapdiff refs"));
}
