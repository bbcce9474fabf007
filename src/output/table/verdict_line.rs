//! The verdict in one line: whether something leaks, how fast, and how long the memory will last.

use super::super::{FileNames, Style, Width};
use super::number::{Scale, estimate};
use super::{counted, escape::escape, wrap};
use crate::analysis::CouldShow;
use crate::analysis::beside::KnownLimit;
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::suspects::{
    Agreement, Limit, LimitBasis, LimitOutcome, Needed, StackBasis, StackMemory, Suspect, Verdict,
    WholeProcess,
};
use crate::report::{LeaksAnswer, Report};
use crate::stats::limit::HORIZON;
use crate::units::{self, Bytes, Nanoseconds};
use anstyle::{AnsiColor, Style as Ansi};
use std::io;

/// Nanoseconds of an hour.
const HOUR_NANOS: f64 = 3.6e12;

pub(super) fn write(
    report: &Report,
    answer: &LeaksAnswer,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let LeaksAnswer { suspects, verdict, .. } = answer;
    let text = words(report, verdict, suspects, style);
    let paint = match verdict.leaks {
        0 => Ansi::new().bold(),
        _ => AnsiColor::Red.on_default().bold(),
    };
    writeln!(out)?;
    let text = wrap::lines(&text, style);
    if style.color {
        writeln!(out, "{paint}{text}{paint:#}")?;
    } else {
        writeln!(out, "{text}")?;
    }
    more(verdict).iter().try_for_each(|text| wrap::write("", text, Ansi::new(), style, out))
}

/// What the sizes of the whole process say about the leaks.
fn of_whole(verdict: &Verdict) -> Option<String> {
    let Verdict { live_heap, resident_set, .. } = verdict;
    let slope = |size: &WholeProcess| {
        let slope = size.trend.slope_per_hour?;
        Some(estimate(|value| Bytes(value as f64).to_string(), &slope, "/h"))
    };
    let range = |size: &WholeProcess| {
        let [before, after] = [size.trend.before, size.trend.after].map(|size| Bytes(size as f64));
        format!("{before} → {after}")
    };
    let about = |size: &WholeProcess| {
        let values = if size.field == "gctrace" { "collections" } else { "values" };
        format!("{}, {}", escape(&size.field), counted(size.samples, values))
    };
    Some(match (verdict.agreement?, live_heap, resident_set) {
        (Agreement::BothGrow, Some(live), _) => {
            format!("The live heap after collections grows by {} ({}).", slope(live)?, about(live))
        }
        (Agreement::NeitherGrows, Some(live), _) => format!(
            "The live heap after collections doesn't keep growing either: {} ({}).",
            range(live),
            about(live)
        ),
        (Agreement::ProfilesAlone, Some(live), _) => format!(
            "But the live heap after collections doesn't grow: {} ({}). What grows takes the place of \
             something else, or the log is of another process.",
            range(live),
            about(live)
        ),
        (Agreement::LiveHeapAlone, Some(live), _) => format!(
            "But the live heap after collections grows by {} ({}): the process does leak, in more \
             places or smaller pieces than these profiles can prove. Take more snapshots, further \
             apart, or record with a smaller runtime.MemProfileRate.",
            slope(live)?,
            about(live)
        ),
        (Agreement::ResidentSetAlone, _, Some(resident)) => format!(
            "But the resident set grows by {} ({}), and the live heap doesn't: heapdiff memory says \
             where it goes.",
            slope(resident)?,
            about(resident)
        ),
        _ => return None,
    })
}

/// The option for a limit that an input has.
fn offered(known: &KnownLimit) -> String {
    let KnownLimit { field, input, limit } = known;
    let size = match limit {
        limit if limit % (1 << 20) == 0 => format!("{}MiB", limit >> 20),
        limit => limit.to_string(),
    };
    format!(
        "{} is {} ({}): --limit {size} predicts when it is reached.",
        escape(field),
        Bytes(*limit as f64),
        escape(input)
    )
}

/// The line as it is, for where there is no report around it.
pub(in crate::output) fn alone(report: &Report, answer: &LeaksAnswer) -> String {
    let style =
        Style { width: Width::Unlimited, color: false, unit: None, file_names: FileNames::Short };
    words(report, &answer.verdict, &answer.suspects, &style)
}

/// What is below that line: which leaks would not show, what the whole process says about the leaks, and a limit to
/// ask about.
pub(in crate::output) fn more(verdict: &Verdict) -> Vec<String> {
    let known = verdict.known_limits.first().filter(|_| verdict.limit.is_none());
    let forecast = verdict.limit.as_ref().and_then(of_forecast);
    let hidden = verdict.could_show.as_ref().and_then(CouldShow::hidden);
    let hidden = hidden.map(|hidden| sentence(&escape(&hidden)));
    let about_leaks = hidden.into_iter().chain(of_whole(verdict));
    about_leaks.chain(forecast).chain(known.map(offered)).collect()
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// What the prediction is made of.
fn of_forecast(limit: &Limit) -> Option<String> {
    let size = |value: i64| Bytes(value as f64).to_string();
    let growing = |slope: Option<Estimate>| match slope {
        Some(slope) if slope.upper > 0 => format!(", +{}", estimate(size, &slope, "/h")),
        _ => String::new(),
    };
    let rest = match limit.basis {
        LimitBasis::ResidentSet => {
            let set = size(limit.resident?);
            let growing = growing(limit.slope_per_hour);
            return Some(format!(
                "The forecast counts the resident set as measured ({set}{growing}); stacks are in it."
            ));
        }
        _ if limit.outcome == LimitOutcome::Unknown => return None,
        LimitBasis::Stacks => None,
        LimitBasis::LiveHeap => Some("the live heap after collections"),
        LimitBasis::Heap => Some("the live heap"),
    };
    let heap = rest.map(|heap| {
        let room = match limit.gogc {
            Some(gogc) => format!(" with room for {gogc} % of garbage"),
            None => String::new(),
        };
        format!("{heap}{room}: {}{}", size(limit.live), growing(limit.slope_per_hour))
    });
    let stacks = limit.stack_memory.map(|stacks| {
        let StackMemory { basis, bytes, goroutines, slope_per_hour, .. } = stacks;
        let of =
            goroutines.map(|count| format!(" of {}", counted(count.max(0) as usize, "goroutines")));
        let range = format!("{} to {}", size(bytes.lower), size(bytes.upper));
        let how = match basis {
            StackBasis::Measured | StackBasis::Scaled => {
                format!("{} measured", size(bytes.estimate))
            }
            StackBasis::Estimated => format!("{range} by estimate"),
            StackBasis::Scanned => format!("{range} by what gctrace scans"),
        };
        format!("stacks{}: {how}{}", of.unwrap_or_default(), growing(slope_per_hour))
    });
    let without = match (&heap, &stacks) {
        (None, _) => "the heap, which isn't recorded",
        (_, None) => "stacks of goroutines and memory from C",
        (_, Some(_)) => "memory from C",
    };
    let parts: Vec<String> = heap.into_iter().chain(stacks).collect();
    if parts.is_empty() {
        return None;
    }
    Some(format!("The forecast counts {}; not {without}.", parts.join("; ")))
}

fn words(report: &Report, verdict: &Verdict, suspects: &[Suspect], style: &Style) -> String {
    let text = if verdict.leaks > 0 {
        leaks(report, verdict, suspects, style)
    } else if let Some(needed) = verdict.needed {
        growth_only(verdict, needed, suspects)
    } else {
        no_leak(verdict, suspects)
    };
    match verdict.limit.and_then(|limit| until(&limit, verdict)) {
        Some(until) if verdict.leaks > 0 => format!("{text}, {until}"),
        Some(until) => format!("{text}; {until}"),
        None => text,
    }
}

fn leaks(report: &Report, verdict: &Verdict, suspects: &[Suspect], style: &Style) -> String {
    let mut text = counted(verdict.leaks, "leaks");
    let of_goroutines = suspects
        .iter()
        .filter(|suspect| suspect.class == Class::Leak && suspect.sample_type == "goroutine")
        .count();
    let are_all_of_goroutines = of_goroutines == verdict.leaks;
    text = match of_goroutines {
        0 => text,
        all if all == verdict.leaks => format!("{text} of goroutines"),
        some => format!("{text} ({some} of goroutines)"),
    };
    let goroutines = suspects.iter().find(|suspect| suspect.sample_type == "goroutine");
    let of_goroutines = goroutines.and_then(|suspect| suspect.slope_per_hour).map(|slope| {
        let scale = Scale::new("count", None);
        estimate(|value| scale.value(value), &slope, "/h")
    });
    let of_memory = verdict.slope_per_hour.map(|slope| {
        let scale = Scale::new(&report.unit, style.unit.as_deref());
        estimate(|value| scale.value(value), &slope, "/h")
    });
    match (of_memory, of_goroutines) {
        // What goroutines keep.
        (Some(memory), Some(_)) if are_all_of_goroutines => {
            text.extend([", with ", &memory, " of memory"]);
        }
        (Some(rate), _) | (None, Some(rate)) => text.extend([", ", &rate]),
        (None, None) => return text,
    }
    text.push_str(&measured_over(verdict));
    text
}

/// Says over what time a rate per hour was measured, if an hour is further than a prediction may reach.
fn measured_over(verdict: &Verdict) -> String {
    let is_short = |nanos: &i64| (*nanos as f64) * HORIZON < HOUR_NANOS;
    let span = verdict.latest_span_nanos.or(verdict.span_nanos).filter(is_short);
    let shown = |nanos: i64| units::display(nanos as f64, "nanoseconds");
    span.map_or_else(String::new, |nanos| format!(", measured over only {}", shown(nanos)))
}

/// Too few snapshots to tell.
fn growth_only(verdict: &Verdict, needed: Needed, suspects: &[Suspect]) -> String {
    let apart = match needed.apart_nanos {
        Some(nanos) => format!(", at least {} apart,", rounded(nanos)),
        None => String::new(),
    };
    let more = match needed.snapshots {
        1 => "1 more snapshot".to_owned(),
        n => format!("{n} more snapshots"),
    };
    let lead = match (verdict.snapshots, suspects.len()) {
        (0, _) => "nothing to judge".to_owned(),
        (1, _) => "1 snapshot can't show growth".to_owned(),
        (_, 0) => "nothing grew beyond sampling error".to_owned(),
        _ => "growth only".to_owned(),
    };
    format!("{lead}: {more} of the same process{apart} can tell a leak from a cache that fills up")
}

/// A time rounded the way people plan: two digits are more than enough.
fn rounded(nanos: i64) -> String {
    let seconds = (nanos as f64 / 1e9).ceil();
    let step = match seconds {
        ..60.0 => 1.0,
        ..3600.0 => 60.0,
        ..86_400.0 => 1800.0,
        _ => 43_200.0,
    };
    Nanoseconds((seconds / step).ceil() * step * 1e9).to_string().replace(".00 s", " s")
}

fn no_leak(verdict: &Verdict, suspects: &[Suspect]) -> String {
    let of = |class| suspects.iter().filter(|suspect| suspect.class == class).count();
    let still = of(Class::GrowingDecelerating);
    let head = if still > 0 { "no leak yet" } else { "no leak" };
    let mut parts = Vec::new();
    for (class, one, many) in [
        (Class::GrowingDecelerating, "grows more and more slowly", "grow more and more slowly"),
        (Class::Grew, "grew without the signs of a leak", "grew without the signs of a leak"),
        (Class::Step, "grew once and stayed", "grew once and stayed"),
        (Class::WarmUp, "levelled off", "levelled off"),
        (Class::Churn, "allocates without keeping", "allocate without keeping"),
    ] {
        let what = if parts.is_empty() { "sites" } else { "" };
        match of(class) {
            0 => {}
            n if what.is_empty() => parts.push(format!("{n} {}", if n == 1 { one } else { many })),
            n => parts.push(format!("{} {}", counted(n, what), if n == 1 { one } else { many })),
        }
    }
    if verdict.omitted > 0 {
        parts.push(format!("{} more", verdict.omitted));
    }
    if parts.is_empty() {
        parts.push("nothing grew beyond sampling error".to_owned());
    }
    format!("{head} in {}: {}", counted(verdict.snapshots, "snapshots"), parts.join(", "))
}

/// When the limit is reached.
fn until(limit: &Limit, verdict: &Verdict) -> Option<String> {
    let size = Bytes(limit.limit as f64).to_string().replace(".0 ", " ");
    Some(match (limit.outcome, limit.earliest_hours, limit.latest_hours) {
        (LimitOutcome::AlreadyOver, ..) if limit.basis == LimitBasis::ResidentSet => format!(
            "{size} is reached: the resident set is {}",
            Bytes(limit.resident.unwrap_or_default() as f64)
        ),
        (LimitOutcome::AlreadyOver, ..) if limit.basis == LimitBasis::Stacks => format!(
            "{size} is reached by stacks alone, {}",
            Bytes(limit.stacks.unwrap_or_default() as f64)
        ),
        (LimitOutcome::AlreadyOver, ..) => format!(
            "{size} is already too small: {} live, and the collector allows at most {} of live \
             memory within it",
            Bytes(limit.live as f64),
            Bytes(limit.live_max as f64)
        ),
        (LimitOutcome::Within, Some(earliest), Some(latest)) => {
            format!("OOM at {size} in {}", hours(earliest, Some(latest)))
        }
        (LimitOutcome::Within, Some(earliest), None) => {
            format!("OOM at {size} in {} at the earliest", hours(earliest, None))
        }
        (LimitOutcome::Within | LimitOutcome::BeyondHorizon, ..) => match verdict.span_nanos {
            Some(span) if span > 0 => format!(
                "no OOM at {size} within {}, ten times what was observed",
                Nanoseconds(span as f64 * 10.0)
            ),
            _ => return None,
        },
        (LimitOutcome::Unknown, ..) => {
            format!("can't predict when {size} is reached: that takes four snapshots with times")
        }
        (LimitOutcome::Never, ..) => format!("nothing that is known grows towards {size}"),
    })
}

/// A span of time in the unit that fits it: `14–19 h`, `3–12 min`.
fn hours(earliest: f64, latest: Option<f64>) -> String {
    let (unit, scale) = match earliest.max(0.0) {
        hours if hours < 1.0 / 60.0 => ("s", 3600.0),
        hours if hours < 2.0 => ("min", 60.0),
        hours if hours < 96.0 => ("h", 1.0),
        _ => ("d", 1.0 / 24.0),
    };
    let text = |hours: f64| {
        let value = (hours * scale).max(0.0);
        if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
    };
    let (from, to) = (text(earliest), latest.filter(|latest| latest.is_finite()).map(text));
    match to {
        Some(to) if to != from => format!("{from}–{to} {unit}"),
        _ => format!("{from} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_said_in_the_unit_that_fits() {
        let cases = [
            (14.2, Some(19.4), "14–19 h"),
            (0.5, Some(1.25), "30–75 min"),
            (0.0, Some(0.001), "0.0–3.6 s"),
            (200.0, None, "8.3 d"),
            (14.2, Some(f64::INFINITY), "14 h"),
        ];
        for (earliest, latest, expected) in cases {
            assert_eq!(hours(earliest, latest), expected);
        }
    }

    #[test]
    fn a_time_to_wait_is_rounded_up() {
        let cases = [(1, "1 s"), (61_000_000_000, "2 min"), (4_000_000_000_000, "1 h 30 min")];
        for (nanos, expected) in cases {
            assert_eq!(rounded(nanos), expected);
        }
    }
}
