//! A check as a `JUnit` test report, which GitLab, Jenkins and most other CI systems show: a test case for each rule.
//!
//! Which outcome is which element follows from what these systems do with it. What fails is a `failure`. What is inconclusive is an
//! `error`: a report is often all that decides whether a build is red, and a gate that could not judge must not let it be green,
//! while `skipped` would; an error is also told apart from a failure. Where somebody said what it counts as
//! (`--on-inconclusive`), it passes or is a failure as they said. What only warns passes, and says so in `system-out`.
//! `skipped` is a rule that nobody could judge and that nobody had to: a growth without a baseline, where that was
//! allowed. There are no times: a report is the same for the same profiles.

use super::{check_words as words, escape};
use crate::analysis::check::{Check, Demand, Judgement, Outcome};
use crate::report::{Input, Report};
use crate::rules::Level;
use quick_junit::{
    NonSuccessKind, Report as Tests, TestCase, TestCaseStatus, TestSuite, XmlString,
};
use std::io;

const NAME: &str = "heapdiff check";

pub(super) fn write(report: &Report, check: &Check, out: &mut dyn io::Write) -> io::Result<()> {
    let mut suite = TestSuite::new(NAME);
    let (before, after) = words::runs(report, check);
    for (name, inputs) in [("before", before), ("after", after)] {
        let names: Vec<&str> = inputs.iter().map(|input: &Input| input.name.as_str()).collect();
        if !names.is_empty() {
            suite.add_property((text("profiles ".to_owned() + name), text(names.join(" "))));
        }
    }
    for (judgement, name) in check.rules.iter().zip(words::names(check)) {
        suite.add_test_case(test_case(check, judgement, name));
    }
    let warnings: Vec<String> =
        report.warnings.iter().map(|own| format!("warning: {}", escape(&own.message))).collect();
    if !warnings.is_empty() {
        suite.set_system_err(warnings.join("\n"));
    }
    let mut tests = Tests::new(NAME);
    tests.add_test_suite(suite);
    out.write_all(tests.to_string().map_err(io::Error::other)?.as_bytes())
}

/// That there is no answer: one test case, which is an error.
pub(super) fn write_failure(message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(text(format!("could not be judged: {message}")));
    status.set_type("error");
    let lines: Vec<_> = message.lines().map(escape).collect();
    status.set_description(lines.join("\n"));
    let mut case = TestCase::new(NAME, status);
    case.set_classname(NAME);
    let mut suite = TestSuite::new(NAME);
    suite.add_test_case(case);
    let mut tests = Tests::new(NAME);
    tests.add_test_suite(suite);
    out.write_all(tests.to_string().map_err(io::Error::other)?.as_bytes())
}

/// Text that XML can hold, on one line. Two characters of Unicode are none of XML's.
fn text(text: impl AsRef<str>) -> XmlString {
    XmlString::new(escape(text.as_ref()).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
}

fn test_case(check: &Check, judgement: &Judgement, name: String) -> TestCase {
    let taken_for = words::taken_for(check, judgement);
    let outcome = taken_for.unwrap_or(judgement.outcome);
    let told = told(judgement, taken_for);
    let status = match (outcome, judgement.level) {
        (Outcome::Fail, Level::Fail) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (Outcome::Inconclusive, Level::Fail) => TestCaseStatus::non_success(NonSuccessKind::Error),
        (Outcome::Pass, _) if taken_for.is_none() && is_unjudged(judgement) => {
            TestCaseStatus::skipped()
        }
        _ => TestCaseStatus::success(),
    };
    let is_success = matches!(status, TestCaseStatus::Success { .. });
    let is_skipped = matches!(status, TestCaseStatus::Skipped { .. });
    let mut case = TestCase::new(text(name), status);
    case.set_classname(NAME);
    if is_success {
        case.set_system_out(told);
    } else {
        case.status.set_message(text(&judgement.message));
        if !is_skipped {
            case.status.set_type(words::kind(judgement.demand));
            case.status.set_description(told);
        }
    }
    let place = judgement.offenders.first().and_then(|offender| offender.place.file.as_deref());
    let place = place.or(words::allowance_place(judgement).map(|(file, _)| file));
    if let Some(file) = place {
        case.extra.insert("file".into(), text(file));
    }
    case
}

/// Whether nothing was held against the limit.
fn is_unjudged(judgement: &Judgement) -> bool {
    judgement.demand == Demand::Growth && judgement.value.is_none()
}

/// All that is said of a rule.
fn told(judgement: &Judgement, taken_for: Option<Outcome>) -> String {
    let scale = words::scale(judgement, None);
    let mut lines = vec![match (judgement.outcome, judgement.level) {
        (Outcome::Pass, _) => judgement.message.clone(),
        (Outcome::Fail, Level::Warn) => format!("warning: {}", judgement.message),
        (Outcome::Inconclusive, Level::Warn) => {
            format!("warning: inconclusive: {}", judgement.message)
        }
        (Outcome::Fail, _) => format!("fail: {}", judgement.message),
        (Outcome::Inconclusive, _) => {
            let taken = taken_for.map_or("", words::taken);
            format!("inconclusive{taken}: {}", judgement.message)
        }
    }];
    lines.push(words::what(judgement));
    for (what, text) in [
        ("value", words::value(judgement, &scale)),
        ("95 % bounds", words::bounds(judgement, &scale)),
        ("limit", words::limit(judgement, &scale)),
    ] {
        if !text.is_empty() {
            lines.push(format!("{what}: {text}"));
        }
    }
    for offender in &judgement.offenders {
        let place = words::place(offender);
        let place = if place.is_empty() { place } else { format!("{place}: ") };
        lines.push(format!("{place}{}", words::sentence(judgement, offender)));
        if !offender.explanation.is_empty() {
            lines.push(format!("  {}", offender.explanation));
        }
    }
    lines.extend(judgement.advice.clone());
    let lines: Vec<_> = lines.iter().map(|line| escape(line)).collect();
    lines.join("\n")
}
