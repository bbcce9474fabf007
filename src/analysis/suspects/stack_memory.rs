//! The memory of goroutines' stacks, which no heap profile has: how much it is, and how fast it grows.
//!
//! Go's statistics measure it (`StackInuse`). Without them, goroutine profiles give an estimate by the
//! number of frames, and `gctrace` gives a bound: it has what the collector scanned, which is the used
//! part. Statistics of a few moments alone say how far the estimate is off.

use crate::analysis::beside::{Beside, TrackKind};
use crate::analysis::estimates::{Class, Estimate};
use crate::model::goroutine_stacks::stack_bytes;
use crate::model::recording::{Span, Track};
use crate::stats::class::{self, Growth, LEAST};
use crate::units::MIB;
use serde::{Deserialize, Serialize};

/// How many times what was scanned the stacks take: likely, and at most. A stack is at most 8 times as
/// large as its used part, since the smallest has 2 KiB.
const LIKELY: i64 = 3;
const MOST: i64 = 8;
/// Bytes of stacks from which an estimate can be held against what was measured.
const COMPARABLE: f64 = MIB;

/// How the memory of stacks is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StackBasis {
    /// Go's statistics have it.
    Measured,
    /// Go's statistics have it at some moments, and goroutine profiles have the goroutines in between.
    Scaled,
    /// By the number of goroutines and of their frames.
    Estimated,
    /// By what the collector scanned.
    Scanned,
}

/// The memory of stacks at the end, and its growth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StackMemory {
    /// How it is known.
    pub basis: StackBasis,
    /// Bytes at the end.
    pub bytes: Estimate,
    /// Bytes that the collector scans of them, which count for its goal.
    pub scanned: Estimate,
    /// Goroutines at the end, if they were counted.
    pub goroutines: Option<i64>,
    /// Growth per hour; absent if nothing shows any.
    pub slope_per_hour: Option<Estimate>,
}

/// What the goroutines of a process need for their stacks, by the number of their frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Modelled {
    /// When, in nanoseconds since the epoch, and the bytes of all stacks: an estimate, and the ends of
    /// its range.
    all: Vec<(i64, [f64; 3])>,
    goroutines: i64,
    /// How fast the stacks of goroutines that leak grow.
    slope: Option<Estimate>,
    /// The same if frames were as large as they usually are: only the number of goroutines is uncertain.
    usual: Estimate,
}

impl Modelled {
    /// Of the goroutines of a span, of which these records leak. `None` if there are none.
    pub(super) fn new(track: &Track, span: &Span, leaking: &[u32]) -> Option<Self> {
        let history = &track.history;
        let width = history.sample_types.len();
        let mut frames = vec![0; history.len()];
        let snapshot = history.records.snapshots.first()?;
        for (record, sample) in history.samples().into_iter().enumerate() {
            frames[record] = sample.map_or(0, |sample| snapshot.stack(sample).count());
        }
        let sizes: Vec<[i64; 3]> = frames.into_iter().map(stack_bytes).collect();
        let mut model = Self::default();
        let mut grown: [Vec<f64>; 3] = Default::default();
        for &at in &span.moments {
            let values = history.dense(&history.moments[at]);
            let count = |record: usize| values[record * width].max(0);
            let sum = |records: &mut dyn Iterator<Item = usize>| {
                records.fold([0.0; 3], |mut sum, record| {
                    for (sum, bytes) in sum.iter_mut().zip(sizes[record]) {
                        *sum += bytes as f64 * count(record) as f64;
                    }
                    sum
                })
            };
            model.all.push((track.time(at), sum(&mut (0..history.len()))));
            let leaks = sum(&mut leaking.iter().map(|&record| record as usize));
            grown.iter_mut().zip(leaks).for_each(|(values, bytes)| values.push(bytes));
            model.goroutines = (0..history.len()).map(count).fold(0, i64::saturating_add);
        }
        if model.all.is_empty() {
            return None;
        }
        let is_judged = track.is_timed() && span.moments.len() >= LEAST && !leaking.is_empty();
        if is_judged {
            let [usual, low, high] = grown.map(|values| {
                let judged = class::judge(&span.hours, &values, &[], Growth::Proven);
                Estimate::from(judged.late.or_whole(judged.slope))
            });
            // Larger stacks grow faster, whatever the noise does to their sums.
            let (lower, upper) = (low.lower.min(usual.lower), high.upper.max(usual.upper));
            let slope = Estimate { lower, upper, ..usual };
            (model.slope, model.usual) = (Some(slope).filter(|_| usual.lower > 0), usual);
        }
        Some(model)
    }

    fn last(&self) -> Estimate {
        let [estimate, lower, upper] = self.all.last().map_or([0.0; 3], |one| one.1);
        Estimate { estimate: estimate as i64, lower: lower as i64, upper: upper as i64 }
    }

    /// The estimate at the snapshot nearest in time.
    fn at(&self, time: i64) -> Option<f64> {
        let nearest = self.all.iter().min_by_key(|one| one.0.abs_diff(time))?;
        Some(nearest.1[0])
    }

    /// How many times larger stacks are than estimated: by how both grew, else by their sizes.
    fn ratio(&self, measured: &[(i64, i64)]) -> Option<f64> {
        let (first, last) = (measured.first()?, measured.last()?);
        let (before, after) = (self.at(first.0)?, self.at(last.0)?);
        let grew = after - before;
        if grew >= COMPARABLE && last.1 - first.1 >= MIB as i64 {
            return Some((last.1 - first.1) as f64 / grew);
        }
        (after >= COMPARABLE).then(|| last.1 as f64 / after)
    }
}

/// The memory of stacks of a process.
pub(super) fn of(
    beside: &Beside,
    process: usize,
    modelled: Option<&Modelled>,
) -> Option<StackMemory> {
    let of_collector = beside.scanned_stacks(process);
    let scanned = of_collector.as_ref().map(|one| one.last);
    let measured = beside.measured_stacks(process);
    let goroutines = modelled.map(|model| model.goroutines);
    let exact = |bytes: i64| Estimate { estimate: bytes, lower: bytes, upper: bytes };
    // Of allocated bytes, the collector scans an eighth or more.
    let scanned_of = |bytes: Estimate| {
        let least = bytes.lower / MOST;
        let usual =
            Estimate { estimate: bytes.estimate / LIKELY, lower: least, upper: bytes.upper };
        scanned.map_or(usual, exact)
    };
    if let Some(&(_, last)) = measured.last() {
        let bytes = exact(last);
        let trend = beside.trend(TrackKind::Stacks, process).map(|(_, trend)| trend);
        let judged = trend.and_then(|trend| Some((trend.class?, trend.slope_per_hour?)));
        let (basis, slope) = match (judged, modelled) {
            (Some((class, slope)), _) => {
                let grows = class == Class::Leak && slope.lower > 0;
                (StackBasis::Measured, grows.then_some(slope))
            }
            (None, Some(model)) => {
                let scaled = model.ratio(&measured).map(|ratio| {
                    let scale = |bytes: i64| (bytes as f64 * ratio) as i64;
                    let Estimate { estimate, lower, upper } = model.usual;
                    Estimate { estimate: scale(estimate), lower: scale(lower), upper: scale(upper) }
                });
                let scaled = scaled.filter(|_| model.slope.is_some());
                (StackBasis::Scaled, scaled.or(model.slope))
            }
            (None, None) => (StackBasis::Measured, None),
        };
        let scanned = scanned_of(bytes);
        return Some(StackMemory { basis, bytes, scanned, goroutines, slope_per_hour: slope });
    }
    // What is used is the least that there is.
    let bounded = |estimate: Estimate, least: Option<Estimate>| match least {
        Some(Estimate { estimate: used, lower, upper }) => Estimate {
            estimate: estimate.estimate.max(used),
            lower: estimate.lower.max(lower),
            upper: estimate.upper.max(upper.saturating_mul(2)),
        },
        None => estimate,
    };
    let growth = of_collector.and_then(|one| one.slope);
    if let Some(model) = modelled {
        let bytes = bounded(model.last(), scanned.map(exact));
        let slope = model.slope.map(|slope| bounded(slope, growth));
        return Some(StackMemory {
            basis: StackBasis::Estimated,
            bytes,
            scanned: scanned_of(bytes),
            goroutines,
            slope_per_hour: slope,
        });
    }
    let allocated = |used: Estimate| Estimate {
        estimate: used.estimate.saturating_mul(LIKELY),
        lower: used.lower,
        upper: used.upper.saturating_mul(MOST),
    };
    let bytes = exact(scanned?);
    Some(StackMemory {
        basis: StackBasis::Scanned,
        bytes: allocated(bytes),
        scanned: bytes,
        goroutines,
        slope_per_hour: growth.map(allocated),
    })
}
