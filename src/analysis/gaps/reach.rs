//! Which leaks heap profiles show, and after which time: what the sampling rate and the number of
//! snapshots allow.

use super::{Found, GapId, GapsAsked, Known};
use crate::analysis::Measured;
use crate::analysis::could_show;
use crate::analysis::estimates::Severity;
use crate::analysis::raw_samples::sampling;
use crate::model::history::History;
use crate::model::measures;
use crate::model::origin::Own;
use crate::model::recording::Recording;
use crate::model::site::Owners;
use crate::stats::sampling::Sampling;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// Snapshots of a recording that is planned.
const PLANNED: usize = 12;
/// Hours for which the reach is stated.
const HOURS: [f64; 4] = [0.25, 1.0, 8.0, 24.0];
/// Hours after which a process that leaks is killed, if the question names no leak but a limit is known.
const DAY: f64 = 24.0;
/// The usual period, in bytes.
const USUAL: f64 = 524_288.0;
/// The least period that a remedy proposes, in bytes: with less, sampling costs a program too much time.
const LEAST: f64 = 8192.0;

/// Which leaks show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reach {
    /// The sampling period, in bytes.
    pub period: i64,
    /// The probability with which a leak of the stated size is found.
    pub power: f64,
    /// Snapshots that this is about: those there are, or those that are planned.
    pub snapshots: usize,
    /// Whether they are planned: there are too few.
    pub is_planned: bool,
    /// The hours from the first to the last of those there are.
    pub hours: Option<f64>,
    /// What a leak has to add at its site to show, in bytes: from the first snapshot to the last, however far apart.
    pub growth: i64,
    /// The smallest leak that shows in some times.
    pub after: Vec<ReachAfter>,
    /// The leak that was asked about, in bytes per hour.
    pub leak: Option<f64>,
    /// The hours after which it shows.
    pub leak_shows_after: Option<f64>,
}

/// The smallest leak that shows in some time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReachAfter {
    /// Hours from the first snapshot to the last.
    pub hours: f64,
    /// Bytes per hour.
    pub slope_per_hour: i64,
}

/// Judges the sampling, and says which leaks show.
pub(super) fn of(
    recording: &Recording,
    known: &Known,
    asked: GapsAsked,
    limit: Option<u64>,
    found: &mut Found,
) -> Option<Reach> {
    let history = &recording.profiles.history;
    let heaps = heaps(history);
    let Some((column, last)) = in_use(history).zip(heaps.last()) else {
        let remedy = super::url(known, "/debug/pprof/heap?gc=1");
        found.gap(
            GapId::Heap,
            Severity::Problem,
            (
                "there is no heap profile".to_owned(),
                "hides which code holds the memory",
                "import net/http/pprof in the service, and save its heap",
                Some(format!("curl -sS -o heap.pb.gz {remedy}")),
            ),
        );
        return None;
    };
    found.fine(GapId::Heap);
    let moment = &history.moments[*last];
    let Sampling::Heap { period } = sampling(&moment.header) else {
        if sampling(&moment.header) == Sampling::Exact {
            found.fine(GapId::Rate);
        } else {
            found.gap(GapId::Rate, Severity::Problem, unknown(moment.header.period));
        }
        return None;
    };
    if moment.samples == 0 {
        found.gap(
            GapId::Rate,
            Severity::Problem,
            (
                "the heap profile has no samples: sampling is off, or nothing was allocated yet"
                    .to_owned(),
                "hides everything",
                "leave runtime.MemProfileRate alone, and set no GODEBUG=memprofilerate=0",
                None,
            ),
        );
        return None;
    }
    let measured = Measured::new(&history.sample_types, column);
    let owners = Owners::new(&history.records.symbols, &Own::default());
    let seen = could_show::could_show(recording, &measured, &owners);
    let seen = seen.filter(|_| known.service.is_none());
    let planned = could_show::planned(recording, &measured, &owners, PLANNED);
    let growth = seen.as_ref().and_then(|seen| seen.growth).or(planned)?;
    let hours = seen.as_ref().and_then(|seen| Some(seen.span_nanos? as f64 / 3.6e12));
    let in_use = moment.totals[column].max(0) as f64;
    let by_limit = limit.map(|limit| (limit as f64 - in_use).max(1.0) / DAY);
    let leak = asked.leak.or(by_limit);
    let reach = Reach {
        period: period as i64,
        power: crate::stats::power::POWER,
        snapshots: seen.as_ref().map_or(PLANNED, |seen| seen.snapshots),
        is_planned: seen.is_none(),
        hours,
        growth,
        after: HOURS
            .map(|hours| ReachAfter {
                hours,
                slope_per_hour: (growth as f64 / hours).ceil() as i64,
            })
            .to_vec(),
        leak,
        leak_shows_after: leak.map(|leak| growth as f64 / leak),
    };
    rate(&reach, asked, found);
    if let (Some(hours), Some(leak)) = (hours, leak) {
        found.check(GapId::Span, Severity::Problem, too_short(&reach, hours, leak));
    }
    Some(reach)
}

/// The heap profiles, in order of time.
fn heaps(history: &History) -> Vec<usize> {
    let is_heap = |i: &usize| measures::kind(&history.moments[*i].header) == measures::Kind::Heap;
    let mut heaps: Vec<usize> = (0..history.moments.len()).filter(is_heap).collect();
    heaps.sort_by_key(|&i| (history.moments[i].header.time_nanos, i));
    heaps
}

fn in_use(history: &History) -> Option<usize> {
    history.sample_types.iter().position(|of| of.name == "inuse_space")
}

fn unknown(period: i64) -> super::Texts<'static> {
    (
        format!("the profile doesn't say how it was sampled (period {period})"),
        "hides how far its numbers are off, and so whether a difference is more than chance",
        "take the profile with a tool that records the period",
        None,
    )
}

/// Whether the leak shows in time, by the rate.
fn rate(reach: &Reach, asked: GapsAsked, found: &mut Found) {
    let period = reach.period as f64;
    let shows = reach.leak_shows_after.filter(|&hours| hours > asked.within).zip(reach.leak);
    let texts = if let Some((hours, leak)) = shows {
        // What has to be added is proportional to the period.
        let needed = period * asked.within / hours;
        let proposed = 2_f64.powf(needed.max(1.0).log2().floor()).max(LEAST);
        let (remedy, command) = if proposed >= period {
            (
                "record for longer: sampling more densely than this costs the program too much time",
                None,
            )
        } else if proposed > needed {
            (
                "sample as densely as a program can bear, and record for longer",
                Some(format!("GODEBUG=memprofilerate={proposed}")),
            )
        } else {
            (
                "set this in the environment of the service",
                Some(format!("GODEBUG=memprofilerate={proposed}")),
            )
        };
        let question =
            if asked.leak.is_some() { "" } else { ", which reaches the limit in a day," };
        Some((
            format!(
                "a leak of {}/h{question} shows after {}, not within {}: one sample stands for {}",
                Bytes(leak),
                hours_text(hours),
                hours_text(asked.within),
                Bytes(period),
            ),
            "hides leaks that kill the process before they show",
            remedy,
            command,
        ))
    } else if reach.leak.is_none() && period > USUAL {
        Some((
            format!(
                "one sample stands for {}, which is coarser than Go's {}",
                Bytes(period),
                Bytes(USUAL)
            ),
            "hides small leaks, and leaks of small services",
            "leave runtime.MemProfileRate alone, or set this in the environment of the service",
            Some(format!("GODEBUG=memprofilerate={USUAL}")),
        ))
    } else {
        None
    };
    let severity = if asked.leak.is_some() { Severity::Problem } else { Severity::Note };
    found.check(GapId::Rate, severity, texts);
}

fn too_short(reach: &Reach, hours: f64, leak: f64) -> Option<super::Texts<'static>> {
    let needed = reach.leak_shows_after.filter(|&needed| needed > hours)?;
    let every = needed * 60.0 / PLANNED as f64;
    Some((
        format!(
            "{} snapshots in {} show a leak of {}/h or more, and a leak of {}/h shows after {}",
            reach.snapshots,
            hours_text(hours),
            Bytes(reach.growth as f64 / hours),
            Bytes(leak),
            hours_text(needed),
        ),
        "hides slower leaks",
        "record for longer",
        Some(format!(
            "heapdiff capture http://HOST:6060 --every {:.0}m --count {PLANNED}",
            every.max(1.0).ceil()
        )),
    ))
}

/// `2.5 h`, `12 min`.
pub(super) fn hours_text(hours: f64) -> String {
    crate::units::display(hours * 3.6e12, "nanoseconds")
}
