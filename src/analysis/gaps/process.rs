//! Gaps in what is known of the whole process: its statistics, its resident set, its limits, and who can
//! ask it.

use super::{Environment, Found, GapId, GapsAsked, Known, ServiceFacts, is_go, url};
use crate::analysis::estimates::Severity;
use crate::model::gauges::{Gauge, GaugeSample};
use crate::model::recording::Recording;
use crate::units::Bytes;

/// Of the limit at which the system kills a process, the share that Go's own limit may have: the rest is for memory
/// that the runtime doesn't count.
const SHARE: f64 = 0.9;

fn samples(recording: &Recording) -> impl Iterator<Item = &GaugeSample> {
    recording.gauges.iter().flat_map(|log| &log.samples)
}

/// The last value of a gauge; `None` also for one that says that there is no limit.
fn last(recording: &Recording, gauge: Gauge) -> Option<u64> {
    let readings = samples(recording).filter_map(|sample| sample.get(gauge));
    readings.map(|reading| reading.value).filter(|&value| value < u64::MAX).last()
}

/// The size at which the process is killed: what was asked about, or the least that the inputs say.
pub(super) fn limit(recording: &Recording, asked: GapsAsked) -> Option<u64> {
    asked.limit.or_else(|| last(recording, Gauge::CgroupLimit))
}

pub(super) fn check(recording: &Recording, known: &Known, limit: Option<u64>, found: &mut Found) {
    let is_go = is_go(recording);
    if is_go {
        let has_statistics = samples(recording).any(|sample| sample.statistics.is_some());
        found.check(
            GapId::Memstats,
            Severity::Note,
            (!has_statistics).then(|| {
                (
                    "there are no memory statistics of the runtime".to_owned(),
                    "hides memory of Go that isn't live heap: garbage, idle spans, stacks",
                    "save them with each heap profile",
                    Some(format!(
                        "curl -sS -o heap-$(date -u +%Y%m%dT%H%M%SZ).txt {}",
                        url(known, "/debug/pprof/heap?debug=1")
                    )),
                )
            }),
        );
        found.check(
            GapId::Gctrace,
            Severity::Note,
            recording.collections.is_empty().then(|| {
                (
                    "there is no log of the collector".to_owned(),
                    "hides the exact live heap after each collection, and what collecting costs",
                    "set this in the environment of the service, and keep its standard error",
                    Some("GODEBUG=gctrace=1".to_owned()),
                )
            }),
        );
    }
    let sizes = [Gauge::Rss, Gauge::CgroupCurrent];
    let has_size =
        sizes.iter().any(|&gauge| samples(recording).any(|sample| sample.get(gauge).is_some()));
    found.check(
        GapId::Rss,
        Severity::Note,
        (!has_size).then(|| {
            (
                "the resident set isn't known".to_owned(),
                "hides what the system counts: memory outside the heap, C, and pages that weren't given back",
                "on the machine of the process, with its PID",
                Some(match &known.service {
                    Some(ServiceFacts { address, .. }) => format!("heapdiff capture {address} --pid PID"),
                    None => "cat /proc/PID/smaps_rollup > smaps_rollup-$(date -u +%Y%m%dT%H%M%SZ).txt".to_owned(),
                }),
            )
        }),
    );
    limits(recording, known, limit, is_go, found);
    if let Some(service) = &known.service {
        found.check(GapId::Closed, Severity::Problem, open(service));
    }
}

/// Who can ask the service.
fn open(service: &ServiceFacts) -> Option<super::Texts<'static>> {
    (service.is_public && !service.is_guarded).then(|| {
        (
            "everyone on the internet can ask for the profiles: the address is public, and it wants no credentials".to_owned(),
            "it shows your code and command line to strangers, and lets them slow the service down",
            "serve net/http/pprof on an address of its own that only this machine reaches",
            Some("go func() { log.Println(http.ListenAndServe(\"localhost:6060\", nil)) }()".to_owned()),
        )
    })
}

fn limits(
    recording: &Recording,
    known: &Known,
    limit: Option<u64>,
    is_go: bool,
    found: &mut Found,
) {
    let Some(limit) = limit else {
        found.gap(
            GapId::Limit,
            Severity::Note,
            (
                "no limit on the memory of the process is known".to_owned(),
                "hides how long until the process is killed",
                "pass --limit SIZE, or run this inside the container and add the file to the inputs",
                Some("cat /sys/fs/cgroup/memory.max > memory.max".to_owned()),
            ),
        );
        return;
    };
    found.fine(GapId::Limit);
    if !is_go {
        return;
    }
    let bytes = Bytes(limit as f64);
    let proposed = || {
        format!("GOMEMLIMIT={:.0}MiB", (limit as f64 * SHARE / f64::from(1 << 20)).floor().max(1.0))
    };
    let of_go = go_limit(recording, known.environment.as_ref());
    match of_go {
        GoLimit::Set(own) if own > limit => found.gap(
            GapId::Gomemlimit,
            Severity::Problem,
            (
                format!(
                    "GOMEMLIMIT is {}, above the {bytes} at which the process is killed",
                    Bytes(own as f64)
                ),
                "the runtime won't collect harder before the process is killed",
                "set it to some 90 % of the limit",
                Some(proposed()),
            ),
        ),
        GoLimit::Set(_) => found.fine(GapId::Gomemlimit),
        GoLimit::Unset => found.gap(
            GapId::Gomemlimit,
            Severity::Note,
            (
                format!("GOMEMLIMIT isn't set, and the process is killed at {bytes}"),
                "garbage alone can get the process killed: the runtime doesn't know the limit",
                "set it to some 90 % of the limit",
                Some(proposed()),
            ),
        ),
        GoLimit::Unknown => {}
    }
    let goals =
        samples(recording).filter_map(|sample| sample.statistics.as_ref()?.numbers.get("NextGC"));
    let goal = goals.copied().last().filter(|&goal| goal > 0);
    if let Some(goal) = goal {
        let gogc = known.environment.as_ref().and_then(|environment| environment.gogc.as_deref());
        found.check(
            GapId::Gogc,
            Severity::Problem,
            (goal as u64 > limit).then(|| {
                (
                    format!(
                        "the next collection begins at {}, above the {bytes} at which the process is killed (GOGC {})",
                        Bytes(goal as f64),
                        gogc.unwrap_or("not set, so 100"),
                    ),
                    "the process is killed before its garbage is collected",
                    "set GOMEMLIMIT, or a lower GOGC",
                    Some(proposed()),
                )
            }),
        );
    }
}

/// The limit that the runtime keeps to.
enum GoLimit {
    /// Bytes.
    Set(u64),
    Unset,
    /// Nothing says.
    Unknown,
}

fn go_limit(recording: &Recording, environment: Option<&Environment>) -> GoLimit {
    let readings = samples(recording).filter_map(|sample| sample.get(Gauge::GoLimit));
    if let Some(reading) = readings.last() {
        return if reading.value < i64::MAX as u64 {
            GoLimit::Set(reading.value)
        } else {
            GoLimit::Unset
        };
    }
    match environment.map(|environment| environment.gomemlimit.as_deref()) {
        None => GoLimit::Unknown,
        Some(None | Some("" | "off")) => GoLimit::Unset,
        Some(Some(text)) => go_size(text).map_or(GoLimit::Unknown, GoLimit::Set),
    }
}

/// A size as `GOMEMLIMIT` has it: a number with B, KiB, MiB, GiB or TiB, or without.
fn go_size(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0), ("", 0)];
    let (number, shift) =
        units.iter().find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)))?;
    number.parse::<u64>().ok()?.checked_shl(shift)
}

#[cfg(test)]
mod tests {
    use super::go_size;

    #[test]
    fn sizes_are_read_as_go_reads_them() {
        assert_eq!(go_size("512MiB"), Some(512 << 20));
        assert_eq!(go_size("1000"), Some(1000));
        assert_eq!(go_size("7B"), Some(7));
        assert_eq!(go_size("2GiB"), Some(2 << 30));
        assert_eq!(go_size("2GB"), None);
        assert_eq!(go_size("-1"), None);
    }
}
