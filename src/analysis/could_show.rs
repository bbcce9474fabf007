//! What a recording could have shown: the smallest leak that would have been found, and whether the
//! program had more to do.
//!
//! "Nothing leaks" means little without it. It is computed from the snapshots themselves: how they
//! were sampled, how many there are and how far apart, and how much the values of each site vary.

use super::by_site::BySite;
use super::evolution::{Evolution, GroupValues};
use super::{Measured, Place, amount, frames_of, place_at};
use crate::model::recording::{Recording, Span};
use crate::model::site::{Frame, Owners};
use crate::stats::power::{self, Noise, POWER};
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The smallest leak that snapshots would have shown, with a probability of `power`: at a site whose
/// values don't vary, and at the site whose values vary most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CouldShow {
    /// The probability with which a leak of this size is found at its site.
    pub power: f64,
    /// Number of snapshots of the process that has most of them.
    pub snapshots: usize,
    /// Nanoseconds from the first to the last; absent if they have no times.
    pub span_nanos: Option<i64>,
    /// The unit of the numbers, as of the sample type.
    pub unit: String,
    /// The smallest growth from the first snapshot to the last; absent if the profiles don't record
    /// how they were sampled.
    pub growth: Option<i64>,
    /// The same per hour.
    pub slope_per_hour: Option<i64>,
    /// The site whose values vary most, if only more shows there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noisiest: Option<Noisiest>,
    /// The smallest increase of the number of goroutines; absent without goroutine profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goroutines: Option<i64>,
    /// The same per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goroutines_per_hour: Option<i64>,
}

impl CouldShow {
    /// Says which leaks the snapshots can't show: `a leak of less than 4.0 MiB/h would not show (or
    /// of less than 40.0 MiB/h in main.traffic, whose size varies), nor fewer than 60
    /// goroutines/h`. `None` if that isn't known.
    pub fn hidden(&self) -> Option<String> {
        let unit = self.unit.as_str();
        let size = |growth: i64, slope: Option<i64>| {
            slope.map_or_else(
                || format!("{} in all", amount(growth, unit)),
                |slope| format!("{}/h", amount(slope, unit)),
            )
        };
        let goroutines = self.goroutines.map(|count| match self.goroutines_per_hour {
            Some(per_hour) => format!("fewer than {per_hour} goroutines/h"),
            None => format!("fewer than {count} goroutines in all"),
        });
        let memory = self.growth.map(|growth| {
            let least = size(growth, self.slope_per_hour);
            let noisiest = self.noisiest.as_ref().map_or_else(String::new, |site| {
                let least = size(site.growth, site.slope_per_hour);
                format!(" (or of less than {least} in {}, whose size varies)", site.place.function)
            });
            format!("a leak of less than {least} would not show{noisiest}")
        });
        match (memory, goroutines) {
            (Some(memory), Some(goroutines)) => Some(format!("{memory}, nor {goroutines}")),
            (None, Some(goroutines)) => Some(format!("{goroutines} that leak would not show")),
            (memory, None) => memory,
        }
    }
}

/// The site at which the least shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Noisiest {
    /// The line.
    #[serde(flatten)]
    pub place: Place,
    /// The smallest growth from the first snapshot to the last that would show there.
    pub growth: i64,
    /// The same per hour.
    pub slope_per_hour: Option<i64>,
}

/// What is known beside the suspects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// What the data could have shown; `None` with fewer than four snapshots.
    pub could_show: Option<CouldShow>,
    /// What the process that has most snapshots holds in its last.
    pub in_use: i64,
    /// For each process, whether it allocated more in its late half than in its early half.
    pub works_more: Vec<bool>,
}

/// A program works more if it allocates this many times as much in the same time.
const MORE: f64 = 1.1;

/// Sites whose values are followed: those with the most that came and went, and the largest.
const FOLLOWED: usize = 100;

/// Another site is named if this many times as much has to leak there.
const NOTABLE: f64 = 2.0;

/// What is known beside the suspects in the sample type `measured`.
pub(crate) fn evidence(recording: &Recording, measured: &Measured, owners: &Owners) -> Evidence {
    let track = recording.main();
    let history = &track.history;
    let main = track.main_process();
    let Some(span) = track.processes.get(main) else { return Evidence::default() };
    let last = span.moments.last().map(|&i| history.moments[i].totals[measured.column]);
    let works_more = |span: &Span| works_more(&Evolution { history, measured, span });
    Evidence {
        could_show: could_show(recording, measured, owners),
        in_use: last.unwrap_or_default(),
        works_more: track.processes.iter().map(works_more).collect(),
    }
}

/// What a leak has to add, from the first to the last of so many snapshots of a program such as that of the last snapshot,
/// at a site whose values don't vary; `None` if the profile doesn't say how it was sampled.
pub(crate) fn planned(
    recording: &Recording,
    measured: &Measured,
    owners: &Owners,
    snapshots: usize,
) -> Option<i64> {
    let track = recording.main();
    let history = &track.history;
    let last = track.order.last().copied()?;
    let span = Span { moments: vec![last], hours: vec![0.0], repeats: Vec::new() };
    let evolution = Evolution { history, measured, span: &span };
    let series = &history.records;
    let (mut frames, mut sites) = (Vec::new(), HashSet::<Frame, FxBuildHasher>::default());
    let snapshot = series.snapshots.first().filter(|_| evolution.known())?;
    for sample in 0..snapshot.samples.len() {
        frames_of(series, snapshot.stack(sample), &mut frames);
        sites.extend(owners.site(&frames));
    }
    let times: Vec<f64> = (0..snapshots).map(|i| i as f64).collect();
    let noise = Noise { sample: evolution.unit(), ..Noise::default() };
    Some(power::detectable(&times, &noise, sites.len())?.ceil().min(i64::MAX as f64) as i64)
}

/// What the process that has most snapshots could have shown in the sample type `measured`; `None` with fewer
/// than four of them.
pub(crate) fn could_show(
    recording: &Recording,
    measured: &Measured,
    owners: &Owners,
) -> Option<CouldShow> {
    let track = recording.main();
    let span = track.processes.get(track.main_process())?;
    let hours = span.hours.last().copied().filter(|&hours| track.is_timed() && hours > 0.0);
    let per_hour = |growth: i64| hours.map(|hours| (growth as f64 / hours).ceil() as i64);
    let is_of_goroutines = recording.is_of_goroutines();
    let evolution = Evolution { history: &track.history, measured, span };
    let known = !is_of_goroutines && evolution.known();
    let sites = if known { sites(&evolution, owners) } else { Sites::default() };
    let sample = if known { evolution.unit() } else { 0.0 };
    let least = |noise: &Noise| {
        let growth = power::detectable(&span.hours, noise, sites.tests)?;
        Some(growth.ceil().min(i64::MAX as f64) as i64)
    };
    let quiet = least(&Noise { sample, ..Noise::default() })?;
    let loud = sites
        .all
        .iter()
        .filter_map(|(frame, noise)| Some((least(&Noise { sample, ..*noise })?, *frame)));
    let loudest = loud.max().filter(|&(growth, _)| growth as f64 > NOTABLE * quiet as f64);
    let span_of_goroutines = (!recording.goroutines.is_empty()).then(|| {
        let counted = recording.goroutines.sizes().max().unwrap_or_default();
        power::detectable_count(counted.min(span.moments.len()), 0.0) as i64
    });
    let nanos = hours.map(|hours| (hours * 3.6e12) as i64);
    Some(CouldShow {
        power: POWER,
        snapshots: span.moments.len(),
        span_nanos: nanos,
        unit: track.history.sample_types[measured.column].unit.clone(),
        growth: known.then_some(quiet),
        slope_per_hour: per_hour(quiet).filter(|_| known),
        noisiest: loudest.map(|(growth, frame)| Noisiest {
            place: place_at(&track.history.records, frame),
            growth,
            slope_per_hour: per_hour(growth),
        }),
        goroutines: span_of_goroutines,
        goroutines_per_hour: span_of_goroutines.and_then(per_hour),
    })
}

/// The sites that are tested, and the noise of the ones that vary most.
#[derive(Default)]
struct Sites {
    tests: usize,
    all: Vec<(Frame, Noise)>,
}

fn sites(evolution: &Evolution<'_>, owners: &Owners) -> Sites {
    let by_site = BySite::new(evolution.history, owners, &evolution.changes());
    let tallies = &by_site.sites;
    let tests = tallies.iter().filter(|(_, tally)| tally.evidence.testable()).count();
    let mut order: Vec<u32> = (0..tallies.len() as u32).collect();
    let variance = |&i: &u32| tallies[i as usize].1.evidence.variance();
    order.sort_by(|a, b| variance(b).total_cmp(&variance(a)).then(a.cmp(b)));
    let mut followed: Vec<u32> = order.iter().take(FOLLOWED).copied().collect();
    order.sort_by_key(|&i| (Reverse(tallies[i as usize].1.last), i));
    followed.extend(order.iter().take(FOLLOWED));
    followed.sort_unstable();
    followed.dedup();
    let place: HashMap<u32, u32, FxBuildHasher> =
        followed.iter().zip(0..).map(|(&number, place)| (number, place)).collect();
    let groups = by_site.groups(followed.len(), |number| place.get(&number).copied());
    let noise = |(&number, line): (&u32, GroupValues)| {
        let (frame, tally) = &tallies[number as usize];
        let variance = tally.evidence.variance();
        (*frame, Noise { sample: 0.0, variance, scatter: scatter(&line.values) })
    };
    Sites { tests, all: followed.iter().zip(evolution.lines(&groups)).map(noise).collect() }
}

/// The standard deviation of values around their trend, from the differences of neighbours: their
/// variance is twice that of the values (von Neumann 1941).
fn scatter(values: &[i64]) -> f64 {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] as f64 - pair[0] as f64).collect();
    if steps.len() < 2 {
        return 0.0;
    }
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    let squares: f64 = steps.iter().map(|step| (step - mean) * (step - mean)).sum();
    (squares / (2.0 * (steps.len() - 1) as f64)).sqrt()
}

/// Whether a process allocates notably more in its late half than in its early half.
fn works_more(evolution: &Evolution<'_>) -> bool {
    let Some(last) = evolution.span.moments.len().checked_sub(1) else { return false };
    let half = last / 2;
    let rates = evolution.rate(0, half).zip(evolution.rate(last - half, last));
    last >= 2 && rates.is_some_and(|(early, late)| late > MORE * early)
}

#[cfg(test)]
mod tests {
    use super::scatter;

    #[test]
    fn a_line_does_not_scatter() {
        assert!(scatter(&[0, 10, 20, 30]) <= 0.0);
        assert!(scatter(&[1]) <= 0.0);
        // ±10 around a line: differences of ±20 around their mean.
        let found = scatter(&[10, -10, 10, -10, 10, -10, 10, -10]);
        assert!((found - 14.9).abs() < 1.0, "{found}");
    }
}
