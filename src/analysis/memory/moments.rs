//! What is known of a moment, and what inputs say before it is assigned to one.

use crate::model::gauges::{Gauge, GaugeSample, GaugeTime};
use crate::model::memory_statistics::MemoryStatistics;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Larger sizes can't be true; sums of this many bytes don't overflow.
pub(super) const LARGEST: u64 = 1 << 53;

/// A value, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) value: u64,
    /// What its source calls it: `VmRSS`.
    pub(super) field: Arc<str>,
    /// The input.
    pub(super) input: Arc<str>,
}

/// The live heap that a profile shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Profiled {
    pub(super) value: u64,
    /// How far it is off at most, in 95 of 100 cases.
    pub(super) error: u64,
    pub(super) input: Arc<str>,
}

/// The last collection before a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Collected {
    pub(super) number: u32,
    pub(super) live: u64,
    pub(super) goal: u64,
    pub(super) input: Arc<str>,
}

/// Go's statistics by their names.
pub(super) type Statistics = BTreeMap<String, Known>;

/// What is known of a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    pub(super) time: GaugeTime,
    pub(super) gauges: BTreeMap<Gauge, Known>,
    /// Go's statistics of one input. Numbers of another input are of another moment, so differences
    /// of both mean nothing.
    pub(super) statistics: Statistics,
    /// Those of further inputs.
    pub(super) others: Vec<Statistics>,
    pub(super) profiled: Option<Profiled>,
    pub(super) collected: Option<Collected>,
    /// The most that another input was apart from it, in nanoseconds, and that input.
    pub(super) apart: Option<(i64, Arc<str>)>,
}

impl Moment {
    pub(super) fn gauge(&self, gauge: Gauge) -> Option<u64> {
        self.gauges.get(&gauge).map(|known| known.value)
    }

    pub(super) fn statistic(&self, name: &str) -> Option<u64> {
        self.statistics.get(name).map(|known| known.value)
    }

    /// All sets of statistics, the one that the heap is divided by first.
    pub(super) fn sets(&self) -> impl Iterator<Item = &Statistics> {
        std::iter::once(&self.statistics).chain(&self.others).filter(|set| !set.is_empty())
    }

    /// Seconds since the epoch or since the start; its place if it has no time.
    pub(super) fn seconds(&self, place: usize) -> f64 {
        match self.time {
            GaugeTime::Unknown => place as f64,
            GaugeTime::Utc(nanos) | GaugeTime::SinceStart(nanos) => nanos as f64 / 1e9,
        }
    }
}

/// What an input says at a time.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    pub(super) input: Arc<str>,
    pub(super) time: GaugeTime,
    pub(super) what: What<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum What<'a> {
    Sample(&'a GaugeSample),
    Profiled(Profiled),
    Goroutines(u64),
    Collected(Collected),
}

/// All that an input, or a kind of input, says, in order of time.
pub(super) struct Stream<'a> {
    pub(super) name: String,
    pub(super) said: Vec<Said<'a>>,
}

pub(super) fn nanos(time: GaugeTime) -> i64 {
    match time {
        GaugeTime::Unknown => 0,
        GaugeTime::Utc(nanos) | GaugeTime::SinceStart(nanos) => nanos,
    }
}

/// The distance of two times of the same clock.
pub(super) fn apart(a: GaugeTime, b: GaugeTime) -> Option<i64> {
    match (a, b) {
        (GaugeTime::Utc(a), GaugeTime::Utc(b))
        | (GaugeTime::SinceStart(a), GaugeTime::SinceStart(b)) => {
            Some(i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX))
        }
        _ => None,
    }
}

/// A value that can be added up.
pub(super) fn sane(value: u64) -> u64 {
    value.min(LARGEST)
}

impl Moment {
    pub(super) fn take(&mut self, said: &Said<'_>) {
        match &said.what {
            What::Sample(sample) => {
                for reading in &sample.readings {
                    self.gauges.entry(reading.gauge).or_insert_with(|| Known {
                        value: match reading.gauge {
                            Gauge::CgroupLimit | Gauge::GoLimit => reading.value,
                            _ => sane(reading.value),
                        },
                        field: Arc::from(reading.field),
                        input: Arc::clone(&said.input),
                    });
                }
                if let Some(statistics) = &sample.statistics {
                    self.take_statistics(statistics, &said.input);
                }
            }
            What::Profiled(profiled) => self.profiled = Some(profiled.clone()),
            What::Goroutines(count) => {
                self.gauges.entry(Gauge::Goroutines).or_insert_with(|| Known {
                    value: sane(*count),
                    field: Arc::from("goroutines"),
                    input: Arc::clone(&said.input),
                });
            }
            What::Collected(collected) => self.collected = Some(collected.clone()),
        }
    }

    fn take_statistics(&mut self, statistics: &MemoryStatistics, input: &Arc<str>) {
        let numbers = statistics.numbers.iter().filter_map(|(name, &value)| {
            let value = sane(u64::try_from(value).ok()?);
            let field = Arc::from(name.as_str());
            Some((name.clone(), Known { value, field, input: Arc::clone(input) }))
        });
        let set: Statistics = numbers.collect();
        if self.statistics.is_empty() { self.statistics = set } else { self.others.push(set) }
    }
}
