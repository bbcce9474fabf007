//! What allocates: the sites of the profiles beside a log, by what they allocated.

use crate::analysis::by_site::BySite;
use crate::analysis::estimates::Estimate;
use crate::analysis::evolution::{Evolution, GroupValues, Tally};
use crate::analysis::{Measured, Place, place_at};
use crate::model::origin::Own;
use crate::model::recording::{Recording, Span};
use crate::model::site::{Frame, Owners};
use crate::stats::{Interval, LEVEL};
use serde::{Deserialize, Serialize};

/// Most sites that are named.
const SITES: usize = 10;
/// Half the width of a 95 % interval, in standard errors.
const QUANTILE: f64 = 1.96;

/// What was allocated, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allocated {
    /// Whether this is since the start of the process: there is one snapshot of it.
    pub since_start: bool,
    /// Seconds between the first and the last snapshot, if that is known.
    pub seconds: Option<f64>,
    /// The profile with the last snapshot.
    pub input: String,
    /// All that was allocated, in bytes.
    pub bytes: i64,
    /// The sites that allocated most.
    pub sites: Vec<Allocator>,
    /// Sites beyond those.
    pub omitted: usize,
}

/// A site that allocates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allocator {
    /// The line.
    #[serde(flatten)]
    pub place: Place,
    /// Bytes that it allocated.
    pub bytes: Estimate,
    /// The share of all, from 0 to 1.
    pub share: f64,
}

/// What the profiles of a recording say was allocated: between the first snapshot of the process that has most and the
/// last, or since the start if there is one. `None` if they don't say.
pub fn allocated(recording: &Recording) -> Option<Allocated> {
    let track = &recording.profiles;
    let history = &track.history;
    let column = history.sample_types.iter().position(|of| of.name == "alloc_space")?;
    let measured = Measured::new(&history.sample_types, column);
    let span = track.processes.get(track.main_process())?;
    let last = *span.moments.last()?;
    let series = &history.records;
    let owners = Owners::new(&series.symbols, &Own::default());
    let one = Span { moments: vec![last], hours: vec![0.0], repeats: Vec::new() };
    let since_start = span.moments.len() < 2;
    let evolution =
        Evolution { history, measured: &measured, span: if since_start { &one } else { span } };
    let by_site = BySite::new(history, &owners, &evolution.changes());
    let sites = &by_site.sites;
    let groups = by_site.groups(sites.len(), Some);
    let known = evolution.known();
    let estimate = |value: i64, interval: Interval| {
        let exact = Interval { lower: value as f64, upper: value as f64 };
        Estimate::new(value, if known { interval } else { exact })
    };
    let mut all: Vec<(Frame, Estimate)> = if since_start {
        let lines = evolution.lines(&groups);
        let of = |(&(frame, _), line): (&(Frame, Tally), &GroupValues)| {
            let value = line.values.first().copied().unwrap_or_default();
            let reach = QUANTILE * line.noise.first().copied().unwrap_or_default();
            let (lower, upper) = ((value as f64 - reach).max(0.0), value as f64 + reach);
            (frame, estimate(value, Interval { lower, upper }))
        };
        sites.iter().zip(&lines).map(of).collect()
    } else {
        let of = |(frame, tally): &(Frame, Tally)| {
            let delta = tally.delta();
            (*frame, estimate(delta, tally.evidence.interval(delta as f64, LEVEL)))
        };
        sites.iter().map(of).collect()
    };
    all.retain(|(_, bytes)| bytes.estimate > 0);
    all.sort_by_key(|&(frame, bytes)| (std::cmp::Reverse(bytes.estimate), frame));
    let bytes = all.iter().fold(0_i64, |sum, (_, one)| sum.saturating_add(one.estimate));
    let omitted = all.len().saturating_sub(SITES);
    all.truncate(SITES);
    let seconds = track.is_timed().then(|| span.hours.last().map(|hours| hours * 3600.0)).flatten();
    Some(Allocated {
        since_start,
        seconds: seconds.filter(|&seconds| !since_start && seconds > 0.0),
        input: history.moments[last].name.clone(),
        bytes,
        sites: all
            .into_iter()
            .map(|(frame, one)| Allocator {
                place: place_at(series, frame),
                bytes: one,
                share: one.estimate as f64 / bytes.max(1) as f64,
            })
            .collect(),
        omitted,
    })
}
