//! A check as GitHub Actions workflow commands, which annotate source lines in the diff of a pull
//! request.
//!
//! A command is one line, so its text is escaped the way the runner unescapes it: a name can
//! neither end a command nor begin another. GitHub shows ten annotations of each kind per step and
//! drops the rest silently, so the tenth reports how many more there are.
//!
//! A failed rule is an error; a rule that only warns or is inconclusive is a warning; an
//! inconclusive rule that only warns is a notice. With `--on-inconclusive`, an inconclusive rule
//! that counts as fail is an error, and one that counts as pass is a notice.

use super::{check_wording as wording, escape};
use crate::analysis::check::{Check, Judgement, Outcome};
use crate::report::Report;
use crate::rules::Level;
use std::io;

/// Annotations of one kind that GitHub shows per step.
const SHOWN: usize = 10;

/// The prefix of each title.
const TITLE: &str = "heapdiff check";

/// Severity of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Warning => "warning",
            Kind::Notice => "notice",
        }
    }

    fn of(judgement: &Judgement, taken_for: Option<Outcome>) -> Option<Self> {
        match (taken_for, judgement.outcome, judgement.level) {
            (Some(Outcome::Fail), _, _) | (_, Outcome::Fail, Level::Fail) => Some(Kind::Error),
            (Some(Outcome::Pass), _, _) | (_, Outcome::Inconclusive, Level::Warn) => {
                Some(Kind::Notice)
            }
            (_, Outcome::Fail, Level::Warn) | (_, Outcome::Inconclusive, Level::Fail) => {
                Some(Kind::Warning)
            }
            (_, Outcome::Pass, _) => None,
        }
    }
}

/// One command.
struct Annotation {
    kind: Kind,
    title: String,
    place: Option<(String, Option<i64>)>,
    message: String,
}

pub(super) fn write(_: &Report, check: &Check, out: &mut dyn io::Write) -> io::Result<()> {
    let names = wording::names(check);
    let all: Vec<Annotation> = check
        .rules
        .iter()
        .zip(&names)
        .flat_map(|(rule, name)| of_rule(check, rule, name))
        .collect();
    for kind in [Kind::Error, Kind::Warning, Kind::Notice] {
        let of_kind: Vec<&Annotation> = all.iter().filter(|own| own.kind == kind).collect();
        let shown = if of_kind.len() > SHOWN { SHOWN - 1 } else { SHOWN };
        for annotation in of_kind.iter().take(shown) {
            writeln!(out, "{}", annotation.command())?;
        }
        if of_kind.len() > SHOWN {
            let rest = Annotation {
                kind,
                title: TITLE.to_owned(),
                place: None,
                message: format!(
                    "{} more annotations are not shown: GitHub shows {SHOWN} of each kind per \
                     step; the log has all of them",
                    of_kind.len() - shown
                ),
            };
            writeln!(out, "{}", rest.command())?;
        }
    }
    Ok(())
}

/// Writes that the check could not run.
pub(super) fn write_failure(message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}", error(TITLE, message))
}

/// A command for an error that happened before there was a report.
pub(crate) fn error(title: &str, message: &str) -> String {
    let (title, message) = (title.to_owned(), message.to_owned());
    Annotation { kind: Kind::Error, title, place: None, message }.command()
}

/// Returns an annotation for each offender of a rule, or one without a place.
fn of_rule(check: &Check, judgement: &Judgement, name: &str) -> Vec<Annotation> {
    let taken_for = wording::taken_for(check, judgement);
    let Some(kind) = Kind::of(judgement, taken_for) else { return Vec::new() };
    let taken = taken_for.map_or("", wording::taken);
    let title = format!("{TITLE}: {name}");
    let of_rule = |lead: Option<String>| {
        let lines = lead.into_iter().chain([format!("{name}: {}{taken}", judgement.message)]);
        lines.chain(judgement.advice.clone()).collect::<Vec<_>>().join("\n")
    };
    if judgement.offenders.is_empty() {
        let place = wording::allowance_place(judgement);
        let place = place.map(|(file, line)| (file.to_owned(), Some(line)));
        return vec![Annotation { kind, title, place, message: of_rule(None) }];
    }
    let of_offender = |offender| Annotation {
        kind,
        title: title.clone(),
        place: None,
        message: of_rule(Some(wording::sentence(judgement, offender))),
    };
    let offenders = judgement.offenders.iter().map(|offender| {
        let place = &offender.place;
        let line = place.line.filter(|&line| line > 0);
        let file = place.file.clone().filter(|file| !file.is_empty());
        Annotation { place: file.map(|file| (file, line)), ..of_offender(offender) }
    });
    offenders.collect()
}

impl Annotation {
    fn command(&self) -> String {
        let mut properties = Vec::new();
        if let Some((file, line)) = &self.place {
            properties.push(format!("file={}", property(file)));
            properties.extend(line.map(|line| format!("line={line}")));
        }
        properties.push(format!("title={}", property(&self.title)));
        let message: Vec<String> = self.message.lines().map(|line| data(&escape(line))).collect();
        format!("::{} {}::{}", self.kind.word(), properties.join(","), message.join("%0A"))
    }
}

/// The message, after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, in which commas and colons are escaped.
fn property(text: &str) -> String {
    data(&escape(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_or_begins_another() {
        assert_eq!(data("100 %\r\n::x"), "100 %25%0D%0A::x");
        assert_eq!(property("C:\\a,b.go"), "C%3A\\a%2Cb.go");
        assert_eq!(
            error("heapdiff check", "a: 5 %\n::stop-commands::x\u{1b}[m"),
            "::error title=heapdiff check::a: 5 %25%0A::stop-commands::x\\u{1b}[m"
        );
    }
}
