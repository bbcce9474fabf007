//! Names that want to be something else: commands to a CI system, escapes of a terminal, markup, formulas, lines of
//! their own. Every command and every format writes them, and a parser of the format reads them back as names.

use super::dsl::{Stack, bytes, commented, heap, mapped, stack};
use super::program::{Said, folder, run};
use heapdiff::input::pprof::proto;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Names as no program should have them, and any may.
const NAMES: &[&str] = &[
    "::error file=a.go,line=1::forged",
    "   ::stop-commands::token",
    "\u{3000}\u{a0}::add-mask::x",
    ":::warning::x",
    "##[error]forged",
    "a ##vso[task.complete result=Succeeded;]x",
    "###[group]x",
    "##teamcity[buildStatus text='x']",
    "main.a\nmain.b",
    "main.a\r\n::error::forged\n##[error]x",
    "nul\0nul",
    "bell\x07\x08tab\t",
    "del\x7fdel",
    "c1\u{85}\u{9b}31m\u{9d}0;title\u{9c}",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J",
    "rtl\u{202e}gpj.exe\u{2066}x\u{2069}\u{200f}",
    "zero\u{200b}\u{feff}\u{2060}\u{ad}width",
    "lines\u{2028}and\u{2029}paragraphs",
    "tags\u{e0001}\u{e0041}",
    "fffe\u{fffe}ffff\u{ffff}\u{1fffe}",
    "broken\u{fffd}",
    "<script>alert(1)</script>",
    "]]><![CDATA[<!-- --><?xml?>",
    "&amp;&#0;&unknown;",
    "a\"b'c`d`",
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "-1+cmd",
    "@SUM(1+1)",
    "\u{ff1d}1+1",
    "  =1+1",
    "a,b;c;=1+1,\"=2\"",
    "`code` | cell | ![img](http://x) <b>",
    "[link](javascript:alert(1))",
    "@all #12 GH-1 www.x",
    "---\n# title",
    "%0A::error::x%",
    "main.f 12 34",
    "--format",
    "$(reboot) `reboot` ; reboot",
    "\\N\\l\\\"",
    "世界·größe",
];

/// A profile in which every name is that of a function with a file, of a label, its value and its unit.
fn profile(scale: i64) -> proto::Profile {
    let named = |(number, name): (usize, &&str)| -> Stack {
        let size = (number as i64 + 2) * 100_000 * scale;
        // A semicolon separates the frames of the description.
        let frame = name.replace(';', "\u{1}");
        // The program's own function is blamed if there is one, else the hostile one.
        let middle = if number % 3 == 0 { "main.listed;" } else { "" };
        let own = stack(&format!("{frame};{middle}{frame}"));
        own.inuse(size / 1000, size).label(name, name).number("size", size, name)
    };
    let stacks: Vec<Stack> = NAMES.iter().enumerate().map(named).collect();
    let mut profile = heap(&stacks);
    for text in &mut profile.string_table {
        text.iter_mut().filter(|byte| **byte == 1).for_each(|byte| *byte = b';');
    }
    let files: Vec<(&str, u64, &str)> =
        NAMES.iter().enumerate().map(|(i, name)| (*name, (i as u64 + 1) << 32, *name)).collect();
    let mut profile = commented(mapped(profile, &files), NAMES, NAMES[9]);
    for location in &mut profile.location {
        location.mapping_id = location.id % NAMES.len() as u64 + 1;
        location.address = (location.mapping_id << 32) + location.id;
    }
    profile
}

/// The same profile with hostile sample types and units.
fn odd_types(mut profile: proto::Profile) -> proto::Profile {
    for (number, own) in profile.sample_type.iter_mut().enumerate() {
        let mut position = |name: &str| {
            profile.string_table.push(name.as_bytes().to_vec());
            profile.string_table.len() as i64 - 1
        };
        own.r#type = position(NAMES[number * 7]);
        own.unit = position(NAMES[number * 7 + 1]);
    }
    profile
}

/// A name that a file may have.
const FILE: &str = "::error::x\n##[error]y\x1b[31m\u{202e}<b>&=.pb";

pub(crate) fn files(name: &str) -> std::path::PathBuf {
    let folder = folder(name);
    let at = |minutes: i64, scale| {
        let mut profile = profile(scale);
        profile.time_nanos += minutes * 600_000_000_000;
        profile
    };
    fs::write(folder.join(FILE), bytes(&at(0, 1))).unwrap();
    fs::write(folder.join("b.pb"), bytes(&at(10, 8))).unwrap();
    fs::write(folder.join("odd.pb"), bytes(&odd_types(at(0, 1)))).unwrap();
    fs::write(folder.join("odd-b.pb"), bytes(&odd_types(at(10, 8)))).unwrap();
    fs::create_dir(folder.join("many")).unwrap();
    for number in 0..8 {
        let name = format!("many/{number}{}", FILE.replace('/', ""));
        fs::write(folder.join(name), bytes(&at(number, number + 1))).unwrap();
    }
    let lines: Vec<String> = NAMES.iter().map(|name| name.replace('\n', " ")).collect();
    fs::write(folder.join("main.listed.go"), lines.join("\n")).unwrap();
    folder
}

/// Characters that neither a terminal nor the log of a CI system may get.
fn assert_printable(text: &str, what: &str) {
    for line in text.split('\n') {
        let hidden = |c: char| {
            c.is_control()
                || ('\u{200b}'..='\u{200f}').contains(&c)
                || ('\u{2028}'..='\u{202e}').contains(&c)
                || ('\u{2060}'..='\u{206f}').contains(&c)
                || ('\u{e0000}'..='\u{e007f}').contains(&c)
                || matches!(c, '\u{feff}' | '\u{ad}')
        };
        assert!(!line.contains(hidden), "{what}: {line:?}");
        let lower = line.to_ascii_lowercase();
        let mark = ["##[", "##vso[", "##teamcity["].into_iter().find(|mark| lower.contains(mark));
        assert_eq!(mark, None, "{what}: {line:?}");
    }
}

/// No line is a command to a CI system.
fn assert_no_command(text: &str, what: &str) {
    let command = text.lines().find(|line| line.trim_start().starts_with("::"));
    assert_eq!(command, None, "{what}");
}

fn assert_lines(text: &str, what: &str) {
    assert_printable(text, what);
    assert_no_command(text, what);
}

fn assert_xml<'a>(text: &'a str, what: &str) -> roxmltree::Document<'a> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(text, options)
        .unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn assert_csv(text: &str, what: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let records = reader.records().map(|record| {
        let record = record.unwrap_or_else(|error| panic!("{what}: {error}"));
        record.iter().map(str::to_owned).collect()
    });
    let records: Vec<Vec<String>> = records.collect();
    assert_eq!(text.lines().count(), records.len(), "{what}: a record is one line");
    records
}

/// Whether a spreadsheet takes a cell, or what it may split off it, for a formula.
fn is_formula(cell: &str) -> bool {
    cell.split([';', ',', '"']).any(|part| {
        let part = part.trim_start();
        part.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
            && !part.parse::<f64>().is_ok_and(f64::is_finite)
    })
}

/// Holds the output of a command in a format to what the format promises.
fn check(said: &Said, format: &str, what: &str) {
    assert!(said.code.is_some_and(|code| code != 2), "{what}: {}", said.stderr);
    assert_lines(&said.stderr, &format!("{what}, standard error"));
    let text = said.stdout.as_str();
    assert!(!text.is_empty(), "{what}");
    assert_printable(text, what);
    match format {
        "github" => {
            let kinds = ["::error ", "::warning ", "::notice "];
            let is_own = |line: &str| kinds.iter().any(|kind| line.starts_with(kind));
            assert!(text.lines().all(is_own), "{what}: {text}");
        }
        _ => assert_no_command(text, what),
    }
    match format {
        "json" | "sarif" | "benchmark" | "speedscope" => {
            let json: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}"));
            // Names are exact: what is escaped in the text is itself in the value.
            if format == "json" && text.contains("error file=a.go") {
                let mut found = Vec::new();
                strings(&json, &mut found);
                assert!(found.iter().any(|own| own.contains(NAMES[0])), "{what}");
            }
        }
        "csv" => _ = assert_csv(text, what),
        "csv-safe" => {
            for cell in assert_csv(text, what).iter().flatten() {
                assert!(!is_formula(cell), "{what}: {cell:?}");
            }
        }
        "junit" | "svg" => _ = assert_xml(text, what),
        "folded" => assert!(
            text.lines().all(|line| line
                .rsplit_once(' ')
                .is_some_and(|(stack, value)| !stack.is_empty() && value.parse::<u64>().is_ok())),
            "{what}: {text}"
        ),
        "dot" => {
            if let Some(svg) = drawn(text) {
                assert_xml(&svg, what);
            }
        }
        _ => {}
    }
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|value| strings(value, found)),
        Value::Object(all) => all.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

/// What Graphviz draws, if it is installed.
fn drawn(graph: &str) -> Option<String> {
    use std::io::Write as _;
    let mut command = Command::new("dot");
    command.arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(graph.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// A question in each of the formats.
fn ask(folder: &Path, args: &[&str], formats: &[&str]) {
    for &format in formats {
        let option: &[&str] = match format {
            "csv-safe" => &["--format", "csv", "--csv-safe"],
            "narrow" => &["--width", "60"],
            format => &["--format", format],
        };
        let args = [args, option].concat();
        check(&run(folder, &args), format, &format!("{args:?}"));
    }
}

const ROWS: &[&str] = &["table", "narrow", "json", "csv", "csv-safe"];

#[test]
fn names_stay_names_in_every_question() {
    let folder = files("names-stay-names");
    for (one, other) in [(FILE, "b.pb"), ("odd.pb", "odd-b.pb")] {
        for granularity in ["functions", "lines", "files", "packages", "addresses"] {
            ask(&folder, &["diff", "--granularity", granularity, one, other], ROWS);
            ask(&folder, &["top", "--granularity", granularity, other], ROWS);
        }
        for command in ["refs", "peek", "list"] {
            ask(&folder, &[command, ".", one, other], ROWS);
        }
        for command in ["traces", "tags"] {
            ask(&folder, &[command, other], ROWS);
        }
        ask(&folder, &["tags", one, other], ROWS);
        ask(&folder, &["flame", one, other], &["svg", "json"]);
        ask(&folder, &["flame", other], &["svg", "folded", "json"]);
        ask(&folder, &["graph", one, other], &["dot", "json"]);
        ask(&folder, &["graph", "--nodefraction", "0", "--edgefraction", "0", other], &["dot"]);
    }
    ask(&folder, &["patterns", "match", "b.pb"], ROWS);
}

#[test]
fn names_stay_names_over_time_and_in_a_check() {
    let folder = files("names-stay-names-over-time");
    ask(&folder, &["timeline", "many"], ROWS);
    ask(&folder, &["leaks", "many"], ROWS);
    ask(&folder, &["incident", "many"], &["markdown", "json"]);
    let svg = run(&folder, &["timeline", "many", "-o", "chart.svg"]);
    assert_eq!(svg.code, Some(0), "{}", svg.stderr);
    let svg = fs::read_to_string(folder.join("chart.svg")).unwrap();
    assert_xml(&svg, "chart");
    assert_lines(&svg, "chart");
    let formats = ["junit", "sarif", "github", "markdown", "benchmark"];
    let formats = [ROWS, &formats[..]].concat();
    let limit = ["check", "--max-growth", "1", "--max", "1"];
    ask(&folder, &[&limit[..], &[FILE, "b.pb"]].concat(), &formats);
    ask(&folder, &[&limit[..], &["odd.pb", "odd-b.pb", "--sample-index", "0"]].concat(), &formats);
    ask(&folder, &["check", "--no-leaks", "--min-confidence", "low", "many"], &formats);
}

#[test]
fn names_stay_names_in_rules() {
    let folder = files("names-stay-names-in-rules");
    // TOML takes neither NUL nor DEL, and every rule has a name of its own.
    let names = NAMES.iter().enumerate().filter(|(_, name)| !name.contains(['\0', '\x7f']));
    let rules: Vec<String> = names
        .map(|(number, name)| {
            let name = Value::from(format!("{name}{number}")).to_string();
            format!("[[rule]]\nname = {name}\nfunction = 'error|main'\nmax_growth = \"1B\"\n")
        })
        .collect();
    fs::write(folder.join("rules.toml"), rules.concat()).unwrap();
    let formats = ["table", "json", "csv", "csv-safe", "junit", "sarif", "github", "markdown"];
    let said = run(&folder, &["check", "--config", "rules.toml", FILE, "b.pb"]);
    assert!(said.code.is_some_and(|code| code != 2), "{}", said.stderr);
    ask(&folder, &["check", "--config", "rules.toml", FILE, "b.pb"], &formats);
}

#[test]
fn names_stay_names_in_other_formats_and_baselines() {
    let folder = files("names-stay-names-in-other-formats");
    for (format, parsed) in
        [("folded", "folded"), ("speedscope", "speedscope"), ("csv", "csv"), ("dot", "dot")]
    {
        let args = ["convert", "--to", format, "b.pb"];
        check(&run(&folder, &args), parsed, &format!("{args:?}"));
    }
    let args = ["convert", "--to", "csv", "--csv-safe", FILE, "b.pb"];
    check(&run(&folder, &args), "csv-safe", &format!("{args:?}"));
    let said = run(&folder, &["top", "--csv-safe", "b.pb"]);
    assert_eq!(said.code, Some(2), "an option without effect is an error");
    assert!(said.stderr.contains("--csv-safe only affects csv"), "{}", said.stderr);
    let report =
        ["check", "--max-growth", "1", "--csv-safe", "--report", "csv=x.csv", FILE, "b.pb"];
    let said = run(&folder, &report);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let report = fs::read_to_string(folder.join("x.csv")).unwrap();
    let cells = assert_csv(&report, "a report").concat();
    assert!(cells.iter().all(|cell| !is_formula(cell)), "{report}");
    let said = run(&folder, &["top", "--format", "csv", "--csv-safe", "b.pb"]);
    assert!(said.stdout.contains("'=cmd"), "{}", said.stdout);
    let args = ["convert", "--to", "difffolded", FILE, "b.pb"];
    check(&run(&folder, &args), "table", &format!("{args:?}"));
    // A profile keeps its names to the byte.
    let merged = run(&folder, &["merge", FILE, "b.pb", "-o", "merged.pb"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    let direct = run(&folder, &["top", "--format", "json", FILE, "b.pb"]);
    let merged = run(&folder, &["top", "--format", "json", "merged.pb"]);
    let [direct, merged]: [Value; 2] =
        [direct, merged].map(|said| serde_json::from_str(&said.stdout).unwrap());
    assert_eq!(direct["top"]["rows"], merged["top"]["rows"]);
    for name in NAMES.iter().filter(|name| !name.contains(['/', '\0'])) {
        let branch = format!("--branch={name}");
        let save = run(&folder, &["baseline", "save", "kept", &branch, "b.pb"]);
        assert_eq!(save.code, Some(0), "{name:?}: {}", save.stderr);
        assert_lines(&format!("{}{}", save.stdout, save.stderr), "baseline save");
    }
    ask(&folder, &["baseline", "show", "kept"], ROWS);
}

#[test]
fn errors_and_warnings_are_lines_of_text() {
    let folder = files("errors-and-warnings");
    fs::write(folder.join(format!("not-a-profile{FILE}")), "text").unwrap();
    let missing = format!("missing{FILE}");
    let text = format!("not-a-profile{FILE}");
    let cases: [&[&str]; 9] = [
        &["top", &missing],
        &["top", &text],
        &["diff", &text, "b.pb"],
        &["refs", "::erro", "b.pb"],
        &["refs", "no such name", "b.pb"],
        &["top", "--sample-index", "::error::x\n##[error]", "b.pb"],
        &["top", "b.pb", "-o", "no/such\n::error::x/out"],
        &["top", "--::error::x\n", "b.pb"],
        &["check", "--max-growth", "1", "--format", "junit", &missing, "b.pb"],
    ];
    for args in cases {
        let said = run(&folder, args);
        assert_lines(&said.stderr, &format!("{args:?}"));
        assert!(
            said.stderr.starts_with("heapdiff: ") || said.code == Some(0),
            "{args:?}: {}",
            said.stderr
        );
        assert_lines(&said.stdout, &format!("{args:?}"));
    }
    // A file that is skipped gives a warning.
    fs::write(folder.join("many").join(format!("x{FILE}")), "text").unwrap();
    for format in ["table", "csv", "json"] {
        let said = run(&folder, &["leaks", "--format", format, "many"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert_lines(&format!("{}{}", said.stdout, said.stderr), format);
    }
}

#[test]
fn a_job_of_github_gets_only_own_commands() {
    let folder = files("a-job-of-github");
    for (args, is_bad) in [
        (vec!["check", "--max-growth", "1", FILE, "b.pb"], false),
        (vec!["check", "--max-growth", "1", "missing\n::error::x", "b.pb"], true),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        command.args(&args).current_dir(&folder).env("GITHUB_ACTIONS", "true");
        let output =
            command.env("GITHUB_STEP_SUMMARY", folder.join("summary.md")).output().unwrap();
        assert_eq!(output.status.code() == Some(2), is_bad);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_printable(&text, "a job");
        let commands = text.lines().filter(|line| line.trim_start().starts_with("::"));
        let own = |line: &str| {
            line.starts_with("::error title=heapdiff check") || line.starts_with("::error file=")
        };
        let commands: Vec<&str> = commands.collect();
        assert!(!commands.is_empty() && commands.iter().all(|line| own(line)), "{commands:?}");
        let summary = fs::read_to_string(folder.join("summary.md")).unwrap();
        assert_lines(&summary, "summary");
    }
}
