//! What the table and Markdown say of the collector in words.

use crate::analysis::collector::{
    Allocated, CollectorFinding, CollectorRow, CollectorTrend, CollectorWindow, Severity,
};
use crate::analysis::estimates::Class;
use crate::report::collector::{BesideCollector, CollectorReport};
use crate::units::{Bytes, Grouped, MIB, Nanoseconds};

/// Most windows that are shown; those of the report are joined to as many.
const WINDOWS: usize = 16;

/// The most important finding, and its process.
pub(super) fn worst(report: &CollectorReport) -> Option<(&CollectorRow, &CollectorFinding)> {
    let all =
        report.processes.iter().flat_map(|row| row.findings.iter().map(move |one| (row, one)));
    all.min_by_key(|(_, finding)| (finding.severity, finding.rule))
}

/// The process to show: the one with the most important finding, else the longest.
pub(super) fn shown(report: &CollectorReport) -> Option<&CollectorRow> {
    let longest = || report.processes.iter().max_by_key(|row| row.span_nanos());
    worst(report).map(|(row, _)| row).or_else(longest)
}

/// The verdict in a sentence, and whether there is a problem.
pub(super) fn verdict(report: &CollectorReport) -> (String, bool) {
    let Some(row) = shown(report) else { return ("no collections".to_owned(), false) };
    let Some((_, finding)) = worst(report) else { return (nothing(report, row), false) };
    let of = match report.processes.len() {
        1 => String::new(),
        all => format!(" in process {} of {all}", row.number),
    };
    let all: usize = report.processes.iter().map(|row| row.findings.len()).sum();
    let more = match all - 1 {
        0 => String::new(),
        1 => "; 1 more finding".to_owned(),
        more => format!("; {more} more findings"),
    };
    let is_problem = finding.severity == Severity::Problem;
    let head = if is_problem { "" } else { "no problem, but " };
    let growth = growth(row).map_or_else(String::new, |growth| format!("; {growth}"));
    let over = match row.total.collections {
        1 => "; measured over only 1 collection".to_owned(),
        few if row.has_few() => format!("; measured over only {few} collections"),
        _ if row.is_short() => format!("; measured over only {}", duration(row.span_nanos())),
        _ => String::new(),
    };
    let name = finding.rule.name();
    (format!("{head}{name}{of}: {}{growth}{over}{more}", finding.message), is_problem)
}

/// The verdict if nothing was found.
fn nothing(report: &CollectorReport, row: &CollectorRow) -> String {
    let collections: usize = report.processes.iter().map(|row| row.total.collections).sum();
    let span = duration(row.span_nanos());
    let processes = match report.processes.len() {
        1 if row.is_short() => format!(", measured over only {span}"),
        1 => format!(" in {span}"),
        // The longest is shown.
        many if row.is_short() => {
            format!(" of {many} processes, none measured over more than {span}")
        }
        many => format!(" of {many} processes"),
    };
    let trend = match (row.live.as_ref().and_then(|live| live.class), growth(row)) {
        (None, _) => "; they are too few to tell whether the live heap grows".to_owned(),
        (_, Some(growth)) => format!(", but look again later: {growth}"),
        _ => String::new(),
    };
    let s = if collections == 1 { "" } else { "s" };
    let collections = Grouped(collections as i64);
    format!("nothing stands out in {collections} collection{s}{processes}{trend}")
}

/// A live heap that grows, and not the way a leak does.
fn growth(row: &CollectorRow) -> Option<String> {
    let live = row.live.as_ref()?;
    let how = match live.class? {
        Class::Grew => "grew, but not the way a leak does",
        Class::GrowingDecelerating => "grows more and more slowly",
        _ => return None,
    };
    Some(format!("the live heap {how}: {} → {}", size(live.before), size(live.after)))
}

/// How a size changed: `28 MiB → 31 MiB, steady`.
pub(super) fn trend(trend: &CollectorTrend) -> String {
    let change = match (size(trend.before), size(trend.after)) {
        (before, after) if before == after => after,
        (before, after) => format!("{before} → {after}"),
    };
    let class = match trend.class {
        None => "too few to judge",
        Some(Class::Leak) => "leak",
        Some(Class::GrowingDecelerating) => "grows more and more slowly",
        Some(Class::Grew) => "grew, but not the way a leak does",
        Some(Class::Step) => "grew once and stayed",
        Some(Class::WarmUp) => "grew and levelled off",
        Some(Class::Churn | Class::Steady) => "steady",
    };
    format!("{change}  {class}")
}

/// A size that records have in whole MiB.
pub(super) fn size(bytes: u64) -> String {
    let mebibytes = bytes as f64 / MIB;
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { Bytes(bytes as f64).to_string() }
}

pub(super) fn duration(nanos: u64) -> String {
    Nanoseconds(nanos as f64).to_string().replace(".00 s", " s")
}

/// A time since the start of a process, all in the same unit below a minute.
pub(super) fn since(nanos: u64) -> String {
    match nanos as f64 / 1e9 {
        seconds @ ..59.95 => format!("{seconds:.1} s"),
        _ => duration(nanos),
    }
}

/// A number with as many decimals as help.
pub(super) fn short(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// The names of the logs of a process.
pub(super) fn logs(row: &CollectorRow) -> String {
    let name = |name: &String| if name == "-" { "standard input" } else { name }.to_owned();
    row.inputs.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The facts about a process.
pub(super) fn facts(row: &CollectorRow) -> Vec<String> {
    let CollectorWindow { collections, from_nanos, to_nanos, cpu_percent, .. } = row.total;
    let s = if collections == 1 { "" } else { "s" };
    let span = duration(to_nanos - from_nanos);
    let mut facts = vec![
        format!("{} collection{s} in {span}", Grouped(collections as i64)),
        format!("{} % of CPU time", short(cpu_percent)),
        format!("{} P", row.procs),
    ];
    facts.extend(row.gogc.map(|gogc| format!("GOGC {gogc}")));
    // A few small heaps don't follow the formula.
    let limited = if row.limited * 10 >= collections.max(20) { row.limited } else { 0 };
    let counts = [
        (row.total.forced, "forced"),
        (row.periodic, "periodic"),
        (limited, "with a limited goal"),
    ];
    let counts = counts.into_iter().filter(|&(count, _)| count > 0);
    facts.extend(counts.map(|(count, what)| format!("{} {what}", Grouped(count as i64))));
    facts.extend(row.returned.map(|bytes| format!("{} returned", Bytes(bytes as f64))));
    facts.extend(row.started.as_ref().map(|started| format!("started {started}")));
    facts
}

/// The windows of a process, joined so that they fit on a page.
pub(super) fn windows(row: &CollectorRow) -> Vec<CollectorWindow> {
    let together = row.windows.len().div_ceil(WINDOWS).max(1);
    row.windows.chunks(together).map(joined).collect()
}

/// Windows of equal length as one.
fn joined(windows: &[CollectorWindow]) -> CollectorWindow {
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else {
        return CollectorWindow::default();
    };
    let seconds = (last.to_nanos - first.from_nanos) as f64 / 1e9;
    let mean = |of: fn(&CollectorWindow) -> f64| {
        windows.iter().map(of).sum::<f64>() / windows.len() as f64
    };
    let collections = windows.iter().map(|one| one.collections).sum();
    // Where the collector did more, more was marked.
    let cpu = windows.iter().map(|one| one.cpu_percent).sum::<f64>();
    let assists = windows.iter().map(|one| one.assist_percent * one.cpu_percent).sum::<f64>();
    let known = windows.iter().filter_map(|one| one.allocated_per_second);
    let (count, sum) = known.fold((0, 0), |(count, sum), rate| (count + 1, sum + rate));
    CollectorWindow {
        from_nanos: first.from_nanos,
        to_nanos: last.to_nanos,
        collections,
        forced: windows.iter().map(|one| one.forced).sum(),
        per_second: if seconds > 0.0 { collections as f64 / seconds } else { 0.0 },
        cpu_percent: mean(|one| one.cpu_percent),
        assist_percent: if cpu > 0.0 { assists / cpu } else { 0.0 },
        live: last.live,
        goal: last.goal,
        peak: windows.iter().map(|one| one.peak).max().unwrap_or(0),
        allocated_per_second: (count > 0).then(|| sum / count),
        longest_stop_nanos: windows.iter().map(|one| one.longest_stop_nanos).max().unwrap_or(0),
    }
}

/// What leaks by the profiles; `None` if they can't tell.
pub(super) fn leaks(others: &BesideCollector) -> Option<String> {
    let leaks = others.leaks.as_ref()?;
    let Some(first) = leaks.first() else {
        return Some("By the profiles, nothing leaks.".to_owned());
    };
    let more = match leaks.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    Some(format!(
        "By the profiles, {} leaks{more}: heapdiff leaks has the details.",
        first.place.function
    ))
}

/// What the table of what allocates is about.
pub(super) fn allocated(allocated: &Allocated) -> String {
    let bytes = Bytes(allocated.bytes as f64);
    match allocated.seconds {
        _ if allocated.since_start => format!("Allocated since the start: {bytes}"),
        Some(seconds) => {
            format!("Allocated in {} between the profiles: {bytes}", Nanoseconds(seconds * 1e9))
        }
        None => format!("Allocated between the profiles: {bytes}"),
    }
}

/// An amount per second, or in all.
pub(super) fn rate(allocated: &Allocated, bytes: i64) -> String {
    match allocated.seconds {
        Some(seconds) => format!("{}/s", Bytes(bytes as f64 / seconds)),
        None => Bytes(bytes as f64).to_string(),
    }
}
