//! A check as a `JUnit` test report, which GitLab, Jenkins and most other CI systems show: a test
//! case for each rule.
//!
//! The element for each outcome follows from what these systems do with it. A failed rule is a
//! `failure`. An inconclusive rule is an `error`: a report often decides alone whether a build is
//! red, and a check that could not judge must not look green, as `skipped` would; an error also
//! differs visibly from a failure. With `--on-inconclusive`, the rule passes or fails accordingly.
//! A rule that only warns passes, with the warning in `system-out`. `skipped` is a growth rule
//! without a baseline, if that was allowed. There are no times: the same profiles give the same
//! report.

use super::check_wording as wording;
use super::escape::xml;
use crate::analysis::check::{Check, Demand, Judgement, Outcome};
use crate::report::{Input, Report};
use crate::rules::Level;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

const NAME: &str = "heapdiff check";

pub(super) fn write(report: &Report, check: &Check, out: &mut dyn io::Write) -> io::Result<()> {
    let (before, after) = wording::runs(report, check);
    let properties: Vec<(String, String)> = [("before", before), ("after", after)]
        .into_iter()
        .filter(|(_, inputs)| !inputs.is_empty())
        .map(|(name, inputs)| {
            let names: Vec<&str> = inputs.iter().map(|input: &Input| input.name.as_str()).collect();
            (text(format!("profiles {name}")), text(names.join(" ")))
        })
        .collect();
    let cases = check.rules.iter().zip(wording::names(check));
    let cases: Vec<Case> =
        cases.map(|(judgement, name)| test_case(check, judgement, name)).collect();
    let warnings: Vec<String> =
        report.warnings.iter().map(|own| format!("warning: {}", own.message)).collect();
    write_suite(&properties, &cases, &lines(warnings.iter().map(String::as_str)), out)
}

/// Writes that the check could not run: one test case, which is an error.
pub(super) fn write_failure(message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let status = Status::Error(Reason {
        message: text(format!("the check could not run: {message}")),
        kind: "error",
        description: lines(message.lines()),
    });
    let case = Case { name: NAME.to_owned(), file: None, status };
    write_suite(&[], &[case], "", out)
}

/// Text that XML allows, on one line.
fn text(text: impl AsRef<str>) -> String {
    xml::text(text.as_ref()).into_owned()
}

/// Lines of text that XML allows.
fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    lines.into_iter().map(text).collect::<Vec<_>>().join("\n")
}

/// A test case. Its texts contain only what XML allows.
struct Case {
    name: String,
    file: Option<String>,
    status: Status,
}

enum Status {
    /// With the whole text of the rule.
    Passed(String),
    Failed(Reason),
    Error(Reason),
    /// With the reason.
    Skipped(String),
}

struct Reason {
    message: String,
    kind: &'static str,
    description: String,
}

fn test_case(check: &Check, judgement: &Judgement, name: String) -> Case {
    let taken_for = wording::taken_for(check, judgement);
    let outcome = taken_for.unwrap_or(judgement.outcome);
    let told = told(judgement, taken_for);
    let message = text(&judgement.message);
    let kind = wording::kind(judgement.demand);
    let status = match (outcome, judgement.level) {
        (Outcome::Fail, Level::Fail) => Status::Failed(Reason { message, kind, description: told }),
        (Outcome::Inconclusive, Level::Fail) => {
            Status::Error(Reason { message, kind, description: told })
        }
        (Outcome::Pass, _) if taken_for.is_none() && is_unjudged(judgement) => {
            Status::Skipped(message)
        }
        _ => Status::Passed(told),
    };
    let place = judgement.offenders.first().and_then(|offender| offender.place.file.as_deref());
    let place = place.or(wording::allowance_place(judgement).map(|(file, _)| file));
    Case { name: text(name), file: place.map(text), status }
}

/// The whole file: one suite with these properties, cases and errors.
fn write_suite(
    properties: &[(String, String)],
    cases: &[Case],
    errors: &str,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 4);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count =
        |of: fn(&Status) -> bool| cases.iter().filter(|case| of(&case.status)).count().to_string();
    let tests = ("tests", cases.len().to_string());
    let skipped = ("skipped", count(|status| matches!(status, Status::Skipped(_))));
    let failures = ("failures", count(|status| matches!(status, Status::Failed(_))));
    let errored = ("errors", count(|status| matches!(status, Status::Error(_))));
    let [tests, skipped, failures, errored] =
        [&tests, &skipped, &failures, &errored].map(|(name, count)| (*name, count.as_str()));
    xml.create_element("testsuites")
        .with_attributes([("name", NAME), tests, skipped, failures, errored])
        .write_inner_content(|xml| {
            xml.create_element("testsuite")
                .with_attributes([("name", NAME), tests, skipped, errored, failures])
                .write_inner_content(|xml| write_content(xml, properties, cases, errors))?;
            Ok(())
        })?;
    xml.write_indent()
}

/// Writes the contents of a suite.
fn write_content<W: io::Write>(
    xml: &mut Writer<W>,
    properties: &[(String, String)],
    cases: &[Case],
    errors: &str,
) -> io::Result<()> {
    if !properties.is_empty() {
        xml.create_element("properties").write_inner_content(|xml| {
            properties.iter().try_for_each(|(name, value)| {
                let attributes = [("name", name.as_str()), ("value", value.as_str())];
                xml.create_element("property").with_attributes(attributes).write_empty().map(drop)
            })
        })?;
    }
    for case in cases {
        let file = case.file.as_deref().map(|file| ("file", file));
        let named = [("name", case.name.as_str()), ("classname", NAME)];
        xml.create_element("testcase")
            .with_attributes(named.into_iter().chain(file))
            .write_inner_content(|xml| write_status(xml, &case.status))?;
    }
    if !errors.is_empty() {
        xml.create_element("system-err").write_text_content(BytesText::new(errors))?;
    }
    Ok(())
}

fn write_status<W: io::Write>(xml: &mut Writer<W>, status: &Status) -> io::Result<()> {
    let (tag, reason) = match status {
        Status::Passed(told) => {
            xml.create_element("system-out").write_text_content(BytesText::new(told))?;
            return Ok(());
        }
        Status::Skipped(message) => {
            let message = ("message", message.as_str());
            xml.create_element("skipped").with_attribute(message).write_empty()?;
            return Ok(());
        }
        Status::Failed(reason) => ("failure", reason),
        Status::Error(reason) => ("error", reason),
    };
    xml.create_element(tag)
        .with_attributes([("message", reason.message.as_str()), ("type", reason.kind)])
        .write_text_content(BytesText::new(&reason.description))?;
    Ok(())
}

/// Whether no value was compared with a limit.
fn is_unjudged(judgement: &Judgement) -> bool {
    judgement.demand == Demand::Growth && judgement.value.is_none()
}

/// The whole text of a rule.
fn told(judgement: &Judgement, taken_for: Option<Outcome>) -> String {
    let scale = wording::scale(judgement, None);
    let mut lines = vec![match (judgement.outcome, judgement.level) {
        (Outcome::Pass, _) => judgement.message.clone(),
        (Outcome::Fail, Level::Warn) => format!("warning: {}", judgement.message),
        (Outcome::Inconclusive, Level::Warn) => {
            format!("warning: inconclusive: {}", judgement.message)
        }
        (Outcome::Fail, _) => format!("fail: {}", judgement.message),
        (Outcome::Inconclusive, _) => {
            let taken = taken_for.map_or("", wording::taken);
            format!("inconclusive{taken}: {}", judgement.message)
        }
    }];
    lines.push(wording::what(judgement));
    for (what, text) in [
        ("value", wording::value(judgement, &scale)),
        ("95 % bounds", wording::bounds(judgement, &scale)),
        ("limit", wording::limit(judgement, &scale)),
    ] {
        if !text.is_empty() {
            lines.push(format!("{what}: {text}"));
        }
    }
    for offender in &judgement.offenders {
        let place = wording::place(offender);
        let place = if place.is_empty() { place } else { format!("{place}: ") };
        lines.push(format!("{place}{}", wording::sentence(judgement, offender)));
        if !offender.explanation.is_empty() {
            lines.push(format!("  {}", offender.explanation));
        }
    }
    lines.extend(judgement.advice.clone());
    self::lines(lines.iter().map(String::as_str))
}
