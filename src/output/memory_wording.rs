//! What the table and Markdown say of the memory in words.

use crate::analysis::estimates::{Class, Severity};
use crate::analysis::memory::{
    MemoryAnswer, MemoryBasis, MemoryLimit, MemoryOutlook, MemoryPart, MemoryRow, MemoryTotal,
    MemoryTrend,
};
use crate::model::profile::TimeSource;
use crate::report::memory::MemoryReport;
use crate::units::{Bytes, Nanoseconds};

/// Parts that the verdict names.
const NAMED: usize = 3;
/// Percent of the total below which the verdict doesn't name a part.
const LEAST: i64 = 5;

pub(super) fn total(answer: &MemoryAnswer) -> &'static str {
    match answer.total {
        MemoryTotal::Rss => "RSS",
        MemoryTotal::Cgroup => "memory.current",
        MemoryTotal::Runtime => "Go's memory",
        MemoryTotal::Heap => "the heap",
    }
}

pub(super) fn size(bytes: i64) -> String {
    Bytes(bytes as f64).to_string()
}

/// A change with its sign.
pub(super) fn change(bytes: i64) -> String {
    if bytes > 0 { format!("+{}", size(bytes)) } else { size(bytes) }
}

/// A share of the total in percent.
pub(super) fn percent(bytes: i64, total: u64) -> String {
    let share = 100.0 * bytes as f64 / (total as f64).max(1.0);
    if share != 0.0 && share.abs() < 0.95 {
        format!("{share:.1} %")
    } else {
        format!("{share:.0} %")
    }
}

/// The verdict in a sentence, and whether there is a problem.
pub(super) fn verdict(answer: &MemoryAnswer) -> (String, bool) {
    let is_problem = answer.findings.first().is_some_and(|one| one.severity == Severity::Problem);
    let total = total(answer);
    let after = answer.after as i64;
    let mut text = match answer.before.map(|before| before as i64) {
        Some(before) if (after - before).abs() * 100 >= LEAST * before.max(1) => {
            let grew = if after > before { "grew" } else { "shrank" };
            let mut changes: Vec<(i64, &MemoryRow)> = answer
                .parts
                .iter()
                .map(|row| (row.after.unwrap_or(0) - row.before.unwrap_or(0), row))
                .filter(|(by, row)| {
                    let is_along = (*by > 0) == (after > before) && *by != 0;
                    is_along && row.part != MemoryPart::NotExplained
                })
                .collect();
            changes.sort_by_key(|(by, _)| -by.abs());
            changes.retain(|(by, _)| by.abs() * 100 >= LEAST * (after - before).abs());
            let named = changes.iter().take(NAMED);
            let named: Vec<String> =
                named.map(|(by, row)| format!("{} {}", row.part.name(), change(*by))).collect();
            let by = change(after - before);
            format!(
                "{total} {grew} from {} to {} ({by}): {}",
                size(before),
                size(after),
                named.join(", ")
            )
        }
        _ => {
            let mut rows: Vec<&MemoryRow> = answer.parts.iter().collect();
            rows.sort_by_key(|row| -row.after.unwrap_or(0));
            let is_much = |row: &&&MemoryRow| row.after.unwrap_or(0) * 100 >= LEAST * after;
            let named = rows.iter().filter(is_much).take(NAMED).map(|row| {
                format!("{} {}", percent(row.after.unwrap_or(0), answer.after), row.part.name())
            });
            format!("{total} is {}: {}", size(after), named.collect::<Vec<_>>().join(", "))
        }
    };
    if let Some(finding) = answer.findings.first() {
        let more = match answer.findings.len() - 1 {
            0 => String::new(),
            1 => " and 1 more finding".to_owned(),
            more => format!(" and {more} more findings"),
        };
        text = format!("{text}; {} {}{more}", finding.id, finding.rule.name());
    }
    (text, is_problem)
}

/// How a part is known, and from what.
pub(super) fn evidence(row: &MemoryRow) -> String {
    let basis = match row.basis {
        MemoryBasis::Measured => "",
        MemoryBasis::Estimated => "estimate: ",
        MemoryBasis::Remainder if row.part == MemoryPart::NotExplained => "",
        MemoryBasis::Remainder => "what is left: ",
        MemoryBasis::Unknown => "can't be told apart: ",
    };
    format!("{basis}{}", row.evidence)
}

/// What the total is, when, and from how many moments.
pub(super) fn facts(answer: &MemoryAnswer) -> Vec<String> {
    let mut facts = vec![format!("total: {}", answer.source)];
    facts.extend(match (&answer.from, &answer.to) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        (None, Some(to)) => Some(format!("at {to}")),
        _ => None,
    });
    if answer.count > 1 {
        facts.push(format!("{} moments", answer.count));
    }
    facts
}

pub(super) fn trend(name: &str, trend: &MemoryTrend) -> String {
    let class = match trend.class {
        Class::Leak => "grows and doesn't stop",
        Class::GrowingDecelerating => "grows more and more slowly",
        Class::Grew => "grew",
        Class::Step => "grew once and stayed",
        Class::WarmUp => "grew and levelled off",
        Class::Churn | Class::Steady => "steady",
    };
    let slope = trend
        .slope_per_hour
        .filter(|slope| slope.lower > 0)
        .map(|slope| format!(", {} to {} per hour", size(slope.lower), size(slope.upper)));
    format!("{name} {class}{}", slope.unwrap_or_default())
}

/// How far the limit is.
pub(super) fn limit(limit: &MemoryLimit) -> String {
    let hours = |hours: f64| Nanoseconds(hours * 3.6e12).to_string();
    let outlook = match (limit.outlook, limit.hours) {
        (MemoryOutlook::Over, _) => String::new(),
        (MemoryOutlook::Within, Some(left)) => match left.latest {
            Some(latest) => {
                format!(", reached in {} to {} if it goes on", hours(left.earliest), hours(latest))
            }
            None => format!(", not reached before {} from the end", hours(left.earliest)),
        },
        (MemoryOutlook::Beyond, _) => ", not reached within ten times the observed time".to_owned(),
        (MemoryOutlook::Never, _) => ", and nothing grows".to_owned(),
        _ => ", too few moments to tell when".to_owned(),
    };
    let left = match limit.left {
        left @ 0.. => format!("{} left", size(left)),
        over => format!("exceeded by {}", size(-over)),
    };
    format!("{} ({}): {left}{outlook}", size(limit.bytes as i64), limit.source)
}

/// What to record, and what it tells: each command once.
pub(super) fn to_record(answer: &MemoryAnswer) -> Vec<(String, Vec<&str>)> {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for row in answer.parts.iter().filter(|row| row.after.unwrap_or(0) != 0) {
        let Some(command) = &row.record else { continue };
        match all.iter_mut().find(|(own, _)| own == command) {
            Some((_, parts)) => parts.push(row.part.name()),
            None => all.push((command.clone(), vec![row.part.name()])),
        }
    }
    all.extend(
        answer.lacking.iter().map(|lack| (lack.record.clone(), vec![lack.message.as_str()])),
    );
    all
}

/// Where the times of inputs come from, if not from the inputs.
pub(super) fn times(report: &MemoryReport) -> Vec<String> {
    let sources = [
        (TimeSource::LastCollection, "of the last collection"),
        (TimeSource::FileName, "from the name of the file"),
        (TimeSource::Given, "from --at"),
        (TimeSource::FileChanged, "when the file was last changed"),
    ];
    let said = sources.into_iter().filter_map(|(source, said)| {
        let of = |one: &&crate::report::memory::MemoryInput| one.time_source == Some(source);
        let names: Vec<&str> =
            report.inputs.iter().filter(of).map(|one| one.name.as_str()).collect();
        let first = names.first()?;
        let more = match names.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("{first}{more}: {said}"))
    });
    said.collect()
}
