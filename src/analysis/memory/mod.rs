//! `memory`: where the memory of a process is, as parts that add up, and what is wrong with them.
//!
//! `gathered` puts together what all inputs say of each moment (`moments`), `parts` divides a moment, `trends`
//! judges what grows, and `findings` applies the rules, with thresholds from `rules::memory`.

mod findings;
mod found;
mod gathered;
mod logs;
mod moments;
mod parts;
mod trends;

pub use found::{MemoryFinding, MemoryRule};
pub use parts::{MemoryBasis, MemoryPart, MemoryTotal};
pub use trends::MemoryTrend;

use crate::analysis::estimates::Estimate;
use crate::model::gauges::{Gauge, GaugeTime};
use crate::model::recording::Recording;
use crate::rules::memory::MemoryLimits;
use crate::stats::Interval;
use crate::stats::limit::{Memory, TimeToLimit, time_to_limit};
use crate::units::{Bytes, Nanoseconds};
use gathered::Gathered;
use jiff::Timestamp;
use moments::Moment;
use parts::{LiveSource, Part, Waterfall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most moments that a report has.
const MOMENTS: usize = 256;
/// Nanoseconds between inputs of one moment from which on they may contradict one another.
const APART: i64 = 30_000_000_000;

/// Where the memory is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryAnswer {
    /// What the parts add up to.
    pub total: MemoryTotal,
    /// Where the total comes from.
    pub source: String,
    /// When the first moment was, if there are several.
    pub from: Option<String>,
    /// When the last moment was, if that is known.
    pub to: Option<String>,
    /// Bytes at the first moment, if there are several.
    pub before: Option<u64>,
    /// Bytes at the last moment.
    pub after: u64,
    /// The parts at the first and the last moment.
    pub parts: Vec<MemoryRow>,
    /// How the total changes over time.
    pub trend: Option<MemoryTrend>,
    /// How the live heap changes over time.
    pub live: Option<MemoryTrend>,
    /// The limit, if one is known.
    pub limit: Option<MemoryLimit>,
    /// What is worth attention, the most important first.
    pub findings: Vec<MemoryFinding>,
    /// What can't be said, since data is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<MemoryLack>,
    /// Number of moments.
    pub count: usize,
    /// The moments, or some at equal distances if there are many.
    pub moments: Vec<MemoryMoment>,
}

/// A part at the first and the last moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryRow {
    /// What it is.
    pub part: MemoryPart,
    /// Bytes at the first moment, if there are several and it is known there.
    pub before: Option<i64>,
    /// Bytes at the last moment.
    pub after: Option<i64>,
    /// How it is known.
    pub basis: MemoryBasis,
    /// From what.
    pub evidence: String,
    /// A command that records what is missing to know it, or to know it better.
    pub record: Option<String>,
}

/// A limit and the distance to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryLimit {
    /// Bytes.
    pub bytes: u64,
    /// Where it comes from.
    pub source: String,
    /// Bytes until it; below 0 if it is exceeded.
    pub left: i64,
    /// Hours until it is reached: the earliest, and the latest if there is one. Absent if the trend
    /// doesn't tell.
    pub hours: Option<MemoryHours>,
    /// What the trend says of it.
    pub outlook: MemoryOutlook,
}

/// When a limit is reached, in hours from the last moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryHours {
    /// At the upper end of the slope.
    pub earliest: f64,
    /// At the lower end, if that reaches it.
    pub latest: Option<f64>,
}

/// What the trend says of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemoryOutlook {
    /// There are too few moments.
    Unknown,
    /// It is exceeded already.
    Over,
    /// It is reached within ten times the observed time.
    Within,
    /// It isn't reached within that time.
    Beyond,
    /// Nothing grows.
    Never,
}

/// A moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryMoment {
    /// When it was, if that is known: RFC 3339, or nanoseconds since the start.
    pub time: Option<String>,
    /// Bytes of the total.
    pub total: u64,
    /// Bytes of each part.
    pub parts: BTreeMap<String, i64>,
}

/// A limit that was given, and the name of what gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryAsked {
    /// `--limit`, in bytes.
    pub limit: Option<u64>,
}

/// A rule that can't be applied, since data is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryLack {
    /// Its id: M1 to M8.
    pub rule: String,
    /// What is missing, in a sentence.
    pub message: String,
    /// A command that records it.
    pub record: String,
}

/// A moment with its parts.
struct Divided<'a> {
    moment: &'a Moment,
    seconds: f64,
    waterfall: Waterfall,
}

/// Divides the memory of a recording. `None` if nothing in it says anything about that. Warnings are
/// about what couldn't be used.
pub fn judge(
    recording: &Recording,
    asked: MemoryAsked,
    limits: &MemoryLimits,
) -> (Option<MemoryAnswer>, Vec<String>) {
    let Gathered { moments, mut warnings } = gathered::gather(recording);
    let ends: Vec<&Moment> = moments.first().into_iter().chain(moments.last()).collect();
    let kind = parts::kind(&ends);
    let divided: Vec<Divided<'_>> = moments
        .iter()
        .enumerate()
        .filter_map(|(place, moment)| {
            let waterfall = parts::divide(moment, kind)?;
            Some(Divided { moment, seconds: moment.seconds(place), waterfall })
        })
        .collect();
    let Some(last) = divided.last() else { return (None, warnings) };
    let first = divided.first().filter(|_| divided.len() > 1);
    if let Some((apart, input)) = &last.moment.apart
        && *apart > APART
    {
        let apart = Nanoseconds(*apart as f64);
        warnings.push(format!(
            "{input}: {apart} apart from the rest of the last moment, so the parts may not fit together"
        ));
    }
    let trend = trends::trend(&divided, |one| Some(one.waterfall.total), limits);
    let source = usual_source(&divided);
    let live = trends::trend(&divided, |one| live_by(one, source), limits);
    let lacking = lacking(&divided, (kind, trend.as_ref(), live.as_ref()), limits);
    let limit = limit(&divided, asked, trend.as_ref());
    let findings =
        findings::find(&divided, kind, limit.as_ref(), trend.as_ref(), live.as_ref(), limits);
    let step = divided.len().div_ceil(MOMENTS).max(1);
    let answer = MemoryAnswer {
        total: kind,
        source: last.waterfall.source.clone(),
        from: first.and_then(|first| time(first.moment.time)),
        to: time(last.moment.time),
        before: first.map(|first| first.waterfall.total),
        after: last.waterfall.total,
        parts: rows(first, last),
        trend,
        live,
        limit,
        findings,
        lacking,
        count: divided.len(),
        moments: divided
            .iter()
            .enumerate()
            .filter(|(at, _)| at.is_multiple_of(step) || at + 1 == divided.len())
            .map(|(_, one)| shown(one))
            .collect(),
    };
    (Some(answer), warnings)
}

fn time(time: GaugeTime) -> Option<String> {
    match time {
        GaugeTime::Unknown => None,
        GaugeTime::Utc(nanos) => {
            let whole = i128::from(nanos) / 1_000_000 * 1_000_000;
            Timestamp::from_nanosecond(whole).ok().map(|stamp| stamp.to_string())
        }
        GaugeTime::SinceStart(nanos) => {
            Some(format!("{} after the start", Nanoseconds(nanos as f64)))
        }
    }
}

fn shown(one: &Divided<'_>) -> MemoryMoment {
    let mut parts = BTreeMap::new();
    for part in &one.waterfall.parts {
        *parts.entry(part.kind.key().to_owned()).or_insert(0) += part.bytes;
    }
    MemoryMoment { time: time(one.moment.time), total: one.waterfall.total, parts }
}

/// The parts of both ends, in their order.
fn rows(first: Option<&Divided<'_>>, last: &Divided<'_>) -> Vec<MemoryRow> {
    let of = |one: &Divided<'_>, part: MemoryPart| -> Option<Part> {
        one.waterfall.parts.iter().find(|own| own.kind == part).cloned()
    };
    let mut kinds: Vec<MemoryPart> = last.waterfall.parts.iter().map(|part| part.kind).collect();
    kinds.extend(first.iter().flat_map(|one| one.waterfall.parts.iter().map(|part| part.kind)));
    kinds.sort_unstable();
    kinds.dedup();
    let row = |kind: MemoryPart| {
        let (before, after) = (first.and_then(|one| of(one, kind)), of(last, kind));
        let shown = after.as_ref().or(before.as_ref())?;
        Some(MemoryRow {
            part: kind,
            before: first.map(|_| before.as_ref().map_or(0, |part| part.bytes)),
            after: Some(after.as_ref().map_or(0, |part| part.bytes)),
            basis: shown.basis,
            evidence: shown.evidence.clone(),
            record: shown.record.map(str::to_owned),
        })
    };
    kinds.into_iter().filter_map(row).collect()
}

/// The limit that matters: the one that was given, else the smallest that the inputs have.
fn limit(
    divided: &[Divided<'_>],
    asked: MemoryAsked,
    trend: Option<&MemoryTrend>,
) -> Option<MemoryLimit> {
    let last = divided.last()?;
    let known = |gauge: Gauge| {
        let of = |one: &Divided<'_>| one.moment.gauges.get(&gauge).cloned();
        divided.iter().rev().find_map(of).filter(|limit| limit.value != u64::MAX)
    };
    let total = last.waterfall.total;
    let of_inputs = [
        (known(Gauge::CgroupLimit), total),
        (known(Gauge::GoLimit), last.waterfall.go.unwrap_or(total)),
    ];
    let of_inputs = of_inputs
        .into_iter()
        .filter_map(|(limit, used)| limit.map(|limit| (limit, used)))
        .min_by_key(|(limit, used)| limit.value.min(moments::LARGEST) as i64 - *used as i64)
        .map(|(limit, used)| {
            (limit.value.min(moments::LARGEST), format!("{} of {}", limit.field, limit.input), used)
        });
    let (bytes, source, used) = asked
        .limit
        .map(|limit| (limit.min(moments::LARGEST), "--limit".to_owned(), total))
        .or(of_inputs)?;
    let slope = trend.and_then(|trend| trend.slope_per_hour);
    let span = (last.seconds - divided.first()?.seconds) / 3600.0;
    let memory = Memory { limit: bytes as f64, live: used as f64, ..Memory::default() };
    let (hours, outlook) = match slope {
        _ if used > bytes => (None, MemoryOutlook::Over),
        None => (None, MemoryOutlook::Unknown),
        Some(Estimate { lower, upper, .. }) => {
            let slope = Interval { lower: lower as f64, upper: upper as f64 };
            match time_to_limit(&memory, slope, span) {
                TimeToLimit::AlreadyOver => (None, MemoryOutlook::Over),
                TimeToLimit::Within { earliest, latest } => {
                    (Some(MemoryHours { earliest, latest }), MemoryOutlook::Within)
                }
                TimeToLimit::BeyondHorizon => (None, MemoryOutlook::Beyond),
                TimeToLimit::Never => (None, MemoryOutlook::Never),
            }
        }
    };
    Some(MemoryLimit { bytes, source, left: bytes as i64 - used as i64, hours, outlook })
}

/// The source of the live heap that most moments have; of several, the most exact.
fn usual_source(divided: &[Divided<'_>]) -> Option<LiveSource> {
    let count = |source: LiveSource| {
        let has = |one: &&Divided<'_>| live_by(one, Some(source)).is_some();
        divided.iter().filter(has).count()
    };
    let all = [LiveSource::Profile, LiveSource::Goal, LiveSource::Collected];
    all.into_iter().max_by_key(|&source| count(source)).filter(|&source| count(source) > 0)
}

/// The live heap, if this source says it.
fn live_by(one: &Divided<'_>, source: Option<LiveSource>) -> Option<u64> {
    let (live, of) = one.waterfall.live?;
    (Some(of) == source).then_some(live)
}

/// What is missing to say why the total grows.
fn lacking(
    divided: &[Divided<'_>],
    (kind, total, live): (MemoryTotal, Option<&MemoryTrend>, Option<&MemoryTrend>),
    limits: &MemoryLimits,
) -> Vec<MemoryLack> {
    let least = trends::least(limits);
    let lack = |rule: MemoryRule, message: String, record: &str| MemoryLack {
        rule: rule.id().to_owned(),
        message,
        record: record.to_owned(),
    };
    let of = |has: &dyn Fn(&Divided<'_>) -> bool| divided.iter().filter(|one| has(one)).count();
    let count = divided.len();
    let Some(total) = total else {
        let ends = divided.first().zip(divided.last());
        let total = |one: &Divided<'_>| one.waterfall.total as f64;
        let grew =
            ends.is_some_and(|(first, last)| trends::is_growth(total(first), total(last), limits));
        let message =
            format!("whether it keeps growing: that takes {least} moments, and there are {count}");
        let record = "heapdiff capture HOST:6060 --every 30s --count 12";
        return if grew { vec![lack(MemoryRule::LiveGrows, message, record)] } else { Vec::new() };
    };
    if !total.grew() {
        return Vec::new();
    }
    let mut lacking = Vec::new();
    if live.is_none() {
        let known = of(&|one| live_by(one, usual_source(divided)).is_some());
        let message = format!(
            "whether the live heap grows with it: that is known at {known} of {count} moments, and takes \
             {least}"
        );
        lacking.push(lack(MemoryRule::LiveGrows, message, parts::GCTRACE));
    }
    let known = of(&|one| one.waterfall.outside.is_some());
    if known < least
        && !live.is_some_and(MemoryTrend::grows)
        && matches!(kind, MemoryTotal::Rss | MemoryTotal::Cgroup)
    {
        let needs_go = of(&|one| one.waterfall.is_whole) < least;
        let (what, record) = if needs_go {
            ("Go's statistics", parts::STATISTICS)
        } else {
            ("anonymous memory", parts::ROLLUP)
        };
        let message = format!(
            "whether memory that isn't Go's grows: {what} would tell, at {least} moments or more"
        );
        lacking.push(lack(MemoryRule::OutsideGrows, message, record));
    }
    lacking
}

/// A size in a sentence.
fn size(bytes: impl Into<f64>) -> String {
    Bytes(bytes.into()).to_string()
}
