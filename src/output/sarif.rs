//! A check as SARIF 2.1.0, for code scanning: one SARIF rule per rule, and one result per offender.
//!
//! The types here are the few of the standard that a check needs; `tests/it/check_outputs.rs`
//! validates the output against the OASIS schema. A failed rule is an error, a rule that only warns
//! a warning, and an inconclusive one a note, unless `--on-inconclusive` decides it. GitHub refuses
//! a file in which a result has no location, so results without a source line point at the top of
//! the rules file. A result is identified by its rule and its function (`partialFingerprints`), so
//! that it stays the same alert when lines move.

use super::check_wording as wording;
use super::escape::json::write_pretty;
use crate::analysis::check::{Check, Demand, Judgement, Offender, Outcome};
use crate::report::Report;
use crate::rules::Level;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Location of results without a source line: the rules file.
const RULES_FILE: &str = "heapdiff.toml";

/// Base of relative file names: the name that GitHub and others know.
const ROOT: &str = "%SRCROOT%";

/// Name and version of the fingerprint of a result.
const FINGERPRINT: &str = "ruleAndFunction/v1";

/// Characters that appear unescaped in a path segment. A colon doesn't: in the first segment it
/// would end a scheme.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    results: Vec<Finding>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: String,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Message>,
    default_configuration: Configuration,
    help: Message,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: String,
    rule_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
    kind: &'static str,
}

pub(super) fn write(report: &Report, check: &Check, out: &mut dyn io::Write) -> io::Result<()> {
    let warnings = report
        .warnings
        .iter()
        .map(|warning| Notification { level: "warning", message: message(&warning.message) });
    let invocation =
        Invocation { execution_successful: true, tool_execution_notifications: warnings.collect() };
    let rules = check.rules.iter().map(descriptor).collect();
    let findings = check.rules.iter().enumerate().flat_map(|(at, own)| findings(check, own, at));
    write_log(rules, invocation, findings.collect(), out)
}

/// Writes that the check could not run.
pub(super) fn write_failure(text: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let invocation = Invocation {
        execution_successful: false,
        tool_execution_notifications: vec![Notification {
            level: "error",
            message: message(&format!("the check could not run: {text}")),
        }],
    };
    write_log(Vec::new(), invocation, Vec::new(), out)
}

fn write_log(
    rules: Vec<Descriptor>,
    invocation: Invocation,
    results: Vec<Finding>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let driver = Driver { name: "heapdiff", version, semantic_version: version, rules };
    let run = Run { tool: Tool { driver }, invocations: [invocation], results };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    write_pretty(&log, out)
}

/// A rule may have two demands, and each is a SARIF rule of its own: `cache/growth`,
/// `cache/budget`.
fn id(judgement: &Judgement) -> String {
    match judgement.demand {
        Demand::Allowance => judgement.rule.clone(),
        demand => format!("{}/{}", judgement.rule, wording::kind(demand)),
    }
}

fn descriptor(judgement: &Judgement) -> Descriptor {
    let limit = wording::limit(judgement, &wording::scale(judgement, None));
    let what = wording::what(judgement);
    Descriptor {
        id: id(judgement),
        short_description: message(&format!("{}: {what}", judgement.rule)),
        full_description: (!limit.is_empty()).then(|| message(&format!("{what}, at most {limit}"))),
        default_configuration: Configuration { level: failing(judgement.level) },
        help: message(match judgement.demand {
            Demand::Allowance => {
                "An allow-list entry is valid until its date; after that it fails the check."
            }
            _ => {
                "heapdiff check fails a rule if the lower 95 % bound of the measured value is above \
                 its limit. heapdiff refs shows the call paths to a function, heapdiff diff everything \
                 that changed."
            }
        }),
    }
}

fn failing(level: Level) -> &'static str {
    match level {
        Level::Fail => "error",
        Level::Warn => "warning",
    }
}

fn findings(check: &Check, judgement: &Judgement, rule_index: usize) -> Vec<Finding> {
    let taken_for = wording::taken_for(check, judgement);
    // A result that isn't a failure has no severity and is of another kind.
    let (kind, level) = match (taken_for, judgement.outcome) {
        (_, Outcome::Pass) => return Vec::new(),
        (Some(Outcome::Fail), _) | (_, Outcome::Fail) => (None, failing(judgement.level)),
        (Some(Outcome::Pass), _) => (Some("open"), "none"),
        (_, Outcome::Inconclusive) => (None, "note"),
    };
    let taken = taken_for.map_or("", wording::taken);
    let finding = |lead: Option<String>, location: Location, name: &str| {
        let of_rule = format!("{}: {}{taken}", judgement.rule, judgement.message);
        let parts = lead.into_iter().chain([of_rule]).chain(judgement.advice.clone());
        Finding {
            rule_id: id(judgement),
            rule_index,
            kind,
            level,
            message: message(&parts.collect::<Vec<_>>().join("\n")),
            locations: [location],
            partial_fingerprints: BTreeMap::from([(
                FINGERPRINT,
                format!("{}:{name}", id(judgement)),
            )]),
        }
    };
    if judgement.offenders.is_empty() {
        let (file, line) = wording::allowance_place(judgement).unwrap_or((RULES_FILE, 1));
        let physical_location = physical(file, Some(line));
        return vec![finding(
            None,
            Location { physical_location, logical_locations: Vec::new() },
            "",
        )];
    }
    let of_offender = |offender: &Offender| {
        let lead = wording::sentence(judgement, offender);
        finding(Some(lead), location(offender), &offender.place.function)
    };
    judgement.offenders.iter().map(of_offender).collect()
}

fn location(offender: &Offender) -> Location {
    let place = &offender.place;
    let file = place.file.as_deref().filter(|file| !file.is_empty());
    Location {
        physical_location: file
            .map_or_else(|| physical(RULES_FILE, Some(1)), |file| physical(file, place.line)),
        logical_locations: vec![Logical {
            fully_qualified_name: place.function.clone(),
            kind: "function",
        }],
    }
}

fn physical(file: &str, line: Option<i64>) -> Physical {
    let (uri, uri_base_id) = uri(file);
    let line = line.filter(|&line| line > 0);
    Physical {
        artifact_location: Artifact { uri, uri_base_id },
        region: line.map(|start_line| Region { start_line }),
    }
}

/// A file name as a URI: relative to the root of the sources, or absolute.
fn uri(file: &str) -> (String, Option<&'static str>) {
    let is_drive =
        matches!(file.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    // Only Windows uses a backslash to separate folders.
    let file = if is_drive { file.replace('\\', "/") } else { file.to_owned() };
    let encoded = |path: &str| {
        let segments = path.split('/').map(|s| utf8_percent_encode(s, SEGMENT).to_string());
        segments.collect::<Vec<_>>().join("/")
    };
    if is_drive {
        let (drive, path) = file.split_at(2);
        (format!("file:///{drive}{}", encoded(path)), None)
    } else if let Some(path) = file.strip_prefix('/') {
        // After two slashes, the first element of a path would be a host.
        (format!("file:///{}", encoded(path.trim_start_matches('/'))), None)
    } else {
        (encoded(file.strip_prefix("./").unwrap_or(&file)), Some(ROOT))
    }
}

/// Escapes text so that a name such as `f[int](x)` isn't read as a link.
fn message(text: &str) -> Message {
    let text = if text.contains("](") {
        text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
    } else {
        text.to_owned()
    };
    Message { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_become_uris() {
        let cases = [
            ("internal/board.go", "internal/board.go", true),
            ("./a.go", "a.go", true),
            ("a b/ö%.go", "a%20b/%C3%B6%25.go", true),
            ("x:y/#?.go", "x%3Ay/%23%3F.go", true),
            ("/go/src/map.go", "file:///go/src/map.go", false),
            ("//host/x.go", "file:///host/x.go", false),
            ("C:\\src\\a b.go", "file:///C:/src/a%20b.go", false),
            ("a\\b.go", "a%5Cb.go", true),
        ];
        for (file, expected, is_relative) in cases {
            assert_eq!(uri(file), (expected.to_owned(), is_relative.then_some(ROOT)), "{file}");
        }
    }

    #[test]
    fn a_name_is_no_link() {
        assert_eq!(message("f[int](x)").text, "f\\[int\\](x)");
        assert_eq!(message("f[int]").text, "f[int]");
    }
}
