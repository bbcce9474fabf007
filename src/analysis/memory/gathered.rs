//! Gathers what is known of each moment, from all inputs of a recording.
//!
//! One input gives the moments: the one with the resident set, else the best there is. What others
//! say belongs to the moment nearest in time; a collection belongs to the moments after it. A log
//! of the collector without times is aligned by the numbers of its collections, which Go's
//! statistics have as well.

use crate::model::collections::{Collection, CollectorProcess, LogClock};
use crate::model::gauges::{Gauge, GaugeLog, GaugeSample, GaugeTime};
use crate::model::history::History;
use crate::model::memory_statistics::MemoryStatistics;
use crate::model::recording::{Recording, Track};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most moments: of more, some at equal distances are taken.
const MOST: usize = 4096;
/// Nanoseconds between two samples that may be of one moment, however close others are.
const NEAR: i64 = 60_000_000_000;
const MIB: u64 = 1 << 20;
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

/// The moments, and what couldn't be used.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) moments: Vec<Moment>,
    pub(super) warnings: Vec<String>,
}

/// What an input says at a time.
#[derive(Clone, Debug)]
struct Said<'a> {
    input: Arc<str>,
    time: GaugeTime,
    what: What<'a>,
}

#[derive(Clone, Debug)]
enum What<'a> {
    Sample(&'a GaugeSample),
    Profiled(Profiled),
    Goroutines(u64),
    Collected(Collected),
}

/// All that an input, or a kind of input, says, in order of time.
struct Stream<'a> {
    name: String,
    said: Vec<Said<'a>>,
}

impl Stream<'_> {
    fn has(&self, gauge: Gauge) -> bool {
        self.said
            .iter()
            .any(|said| matches!(said.what, What::Sample(sample) if sample.get(gauge).is_some()))
    }

    fn has_statistics(&self) -> bool {
        self.said
            .iter()
            .any(|said| matches!(said.what, What::Sample(sample) if sample.statistics.is_some()))
    }

    /// How well it serves to give the moments.
    fn rank(&self) -> (u8, usize) {
        let rank = match self.said.first().map(|said| &said.what) {
            None => 0,
            Some(_) if self.has(Gauge::Rss) && self.has_statistics() => 7,
            Some(_) if self.has(Gauge::Rss) => 6,
            Some(_) if self.has(Gauge::CgroupCurrent) => 5,
            Some(_) if self.has_statistics() => 4,
            Some(What::Profiled(_)) => 3,
            Some(What::Collected(_)) => 2,
            Some(What::Sample(_) | What::Goroutines(_)) => 1,
        };
        (rank, self.said.len())
    }
}

/// Gathers the moments of a recording.
pub(super) fn gather(recording: &Recording) -> Gathered {
    let mut gathered = Gathered::default();
    let names = Names::of(recording);
    let gauges = recording.gauges.iter().filter_map(|log| of_gauges(log, &names));
    let mut streams: Vec<Stream<'_>> = gauges.collect();
    streams.extend(of_profiles(&recording.profiles, &names));
    streams.extend(of_goroutines(&recording.goroutines, &names));
    streams.extend(recording.collections.iter().filter_map(|(name, log)| {
        let process = log.processes.iter().max_by_key(|process| process.collections.len())?;
        Some(of_collections(&names.short(name), process))
    }));
    // Files with one sample each of the same kind are one stream.
    streams = joined(streams);
    let best = (0..streams.len()).max_by_key(|&at| (streams[at].rank(), usize::MAX - at));
    let Some(best) = best.filter(|&at| streams[at].rank().0 > 0) else { return gathered };
    let anchor = streams.swap_remove(best);
    let said = since_restart(&anchor, &mut gathered.warnings);
    let step = said.len().div_ceil(MOST).max(1);
    let is_kept = |at: usize| at.is_multiple_of(step) || at + 1 == said.len();
    for said in (0..said.len()).filter(|&at| is_kept(at)).map(|at| &said[at]) {
        let mut moment = Moment { time: said.time, ..Moment::default() };
        moment.take(said);
        gathered.moments.push(moment);
    }
    let places = latest_first(&streams);
    for at in places {
        let stream = &streams[at];
        if !assign(&mut gathered.moments, stream) {
            gathered.warnings.push(format!(
                "{}: not used, since nothing says how its times relate to those of {}; give its time \
                 with --at FILE=TIME",
                stream.name, anchor.name
            ));
        }
    }
    gathered
}

/// Statistics before collections, which are aligned by them.
fn latest_first(streams: &[Stream<'_>]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..streams.len()).collect();
    places.sort_by_key(|&at| std::cmp::Reverse(streams[at].rank().0));
    places
}

/// How inputs are called: by their file's name if no other has it.
struct Names(BTreeMap<String, Arc<str>>);

impl Names {
    fn of(recording: &Recording) -> Self {
        let tracks = [&recording.profiles, &recording.goroutines];
        let moments = tracks.into_iter().flat_map(|track| &track.history.moments);
        let all = moments.map(|moment| &moment.name);
        let all = all.chain(recording.collections.iter().map(|(name, _)| name));
        let all: Vec<&String> = all.chain(recording.gauges.iter().map(|log| &log.name)).collect();
        let file = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
        let mut full: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for name in &all {
            full.entry(file(name)).or_default().insert(name);
        }
        let short = |name: &String| {
            let file = file(name);
            let is_alone = full.get(&file).is_none_or(|names| names.len() == 1);
            let shown = match name.as_str() {
                "-" => "standard input",
                _ if is_alone => &file,
                name => name,
            };
            (name.clone(), Arc::from(shown))
        };
        Self(all.into_iter().map(short).collect())
    }

    fn short(&self, name: &str) -> Arc<str> {
        self.0.get(name).cloned().unwrap_or_else(|| Arc::from(name))
    }
}

fn of_gauges<'a>(log: &'a GaugeLog, names: &Names) -> Option<Stream<'a>> {
    let input = names.short(&log.name);
    let said = log.samples.iter().map(|sample| Said {
        input: Arc::clone(&input),
        time: sample.time,
        what: What::Sample(sample),
    });
    let said: Vec<Said<'_>> = said.collect();
    (!said.is_empty()).then(|| Stream { name: input.to_string(), said })
}

/// Joins inputs that have one sample each, and the same gauges.
fn joined(streams: Vec<Stream<'_>>) -> Vec<Stream<'_>> {
    let shape = |stream: &Stream<'_>| match stream.said.as_slice() {
        [Said { what: What::Sample(sample), time: GaugeTime::Utc(_), .. }] => {
            let gauges: Vec<Gauge> = sample.readings.iter().map(|one| one.gauge).collect();
            Some((gauges, sample.statistics.is_some()))
        }
        _ => None,
    };
    let mut all: Vec<Stream<'_>> = Vec::new();
    for stream in streams {
        let own = shape(&stream);
        let known = all.iter_mut().find(|other| {
            own.is_some()
                && matches!(other.said.first(), Some(Said { what: What::Sample(sample), time: GaugeTime::Utc(_), .. })
                    if own == Some((
                        sample.readings.iter().map(|one| one.gauge).collect(),
                        sample.statistics.is_some(),
                    )))
        });
        match known {
            Some(other) => other.said.extend(stream.said),
            None => all.push(stream),
        }
    }
    for stream in &mut all {
        if stream.said.iter().all(|said| matches!(said.time, GaugeTime::Utc(_))) {
            stream.said.sort_by_key(|said| nanos(said.time));
        }
    }
    all
}

fn of_profiles<'a>(track: &Track, names: &Names) -> Option<Stream<'a>> {
    let history = &track.history;
    let column = history
        .sample_types
        .iter()
        .position(|one| one.name == "inuse_space" && one.unit == "bytes")?;
    let main = track.processes.get(track.main_process())?;
    let said = main.moments.iter().chain(&main.repeats).map(|&at| {
        let moment = &history.moments[at];
        let value = sane(moment.totals[column].max(0) as u64);
        // Each sample stands for the period; their number varies like a Poisson's.
        let error = 1.96 * (value as f64 * moment.header.period.max(0) as f64).sqrt();
        let input = names.short(&moment.name);
        let profiled = Profiled { value, error: error as u64, input: Arc::clone(&input) };
        Said { input, time: time_of(history, at), what: What::Profiled(profiled) }
    });
    let mut said: Vec<Said<'_>> = said.collect();
    said.sort_by_key(|said| nanos(said.time));
    (!said.is_empty()).then(|| Stream { name: "the heap profiles".to_owned(), said })
}

fn of_goroutines<'a>(track: &Track, names: &Names) -> Option<Stream<'a>> {
    let history = &track.history;
    let said = track.order.iter().map(|&at| {
        let count = history.moments[at].totals.first().map_or(0, |&count| count.max(0) as u64);
        let input = names.short(&history.moments[at].name);
        Said { input, time: time_of(history, at), what: What::Goroutines(count) }
    });
    let said: Vec<Said<'_>> = said.collect();
    (!said.is_empty()).then(|| Stream { name: "the goroutine profiles".to_owned(), said })
}

fn time_of(history: &History, at: usize) -> GaugeTime {
    match history.moments[at].header.time_nanos {
        0 => GaugeTime::Unknown,
        nanos => GaugeTime::Utc(nanos),
    }
}

fn of_collections<'a>(name: &Arc<str>, process: &CollectorProcess) -> Stream<'a> {
    let start = process.first.zip(process.collections.first()).and_then(|(written, first)| {
        let end = first.at.saturating_add(first.nanos());
        (written.clock != LogClock::WithoutYear)
            .then(|| written.nanos.saturating_sub(i64::try_from(end).unwrap_or(i64::MAX)))
    });
    let said = process.collections.iter().map(|one: &Collection| {
        let since = i64::try_from(one.at.saturating_add(one.nanos())).unwrap_or(i64::MAX);
        let time = match start {
            Some(start) => GaugeTime::Utc(start.saturating_add(since)),
            None => GaugeTime::SinceStart(since),
        };
        let collected = Collected {
            number: one.number,
            live: u64::from(one.kept()) * MIB,
            goal: u64::from(one.goal) * MIB,
            input: Arc::clone(name),
        };
        Said { input: Arc::clone(name), time, what: What::Collected(collected) }
    });
    let said = said.collect();
    Stream { name: name.to_string(), said }
}

/// What an input says since its process started: counters never fall.
fn since_restart<'s, 'a>(stream: &'s Stream<'a>, warnings: &mut Vec<String>) -> &'s [Said<'a>] {
    let count = |said: &Said<'_>| match said.what {
        What::Sample(sample) => {
            let numbers = &sample.statistics.as_ref()?.numbers;
            numbers.get("NumGC").or_else(|| numbers.get("TotalAlloc")).copied()
        }
        _ => None,
    };
    let falls = |pair: &[Said<'_>]| count(&pair[1]) < count(&pair[0]) && count(&pair[1]).is_some();
    let Some(at) = stream.said.windows(2).rposition(falls) else { return &stream.said };
    warnings.push(format!(
        "{}: the process was restarted, so the {} samples before that aren't used",
        stream.name,
        at + 1
    ));
    &stream.said[at + 1..]
}

fn nanos(time: GaugeTime) -> i64 {
    match time {
        GaugeTime::Unknown => 0,
        GaugeTime::Utc(nanos) | GaugeTime::SinceStart(nanos) => nanos,
    }
}

/// The distance of two times of the same clock.
fn apart(a: GaugeTime, b: GaugeTime) -> Option<i64> {
    match (a, b) {
        (GaugeTime::Utc(a), GaugeTime::Utc(b))
        | (GaugeTime::SinceStart(a), GaugeTime::SinceStart(b)) => {
            Some(i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX))
        }
        _ => None,
    }
}

/// Adds what an input says to the moments it belongs to. False if it can't be aligned.
fn assign(moments: &mut [Moment], stream: &Stream<'_>) -> bool {
    if let Some(Said { what: What::Collected(_), .. }) = stream.said.first() {
        return assign_collections(moments, stream);
    }
    let is_alone = moments.len() == 1 && stream.said.len() == 1;
    let timed = moments.iter().all(|one| one.time != GaugeTime::Unknown)
        && stream.said.iter().all(|one| one.time != GaugeTime::Unknown);
    if !timed {
        // One of each for every moment, in order.
        let fits = moments.len() == stream.said.len();
        if fits {
            for (moment, said) in moments.iter_mut().zip(&stream.said) {
                moment.take(said);
            }
        }
        return fits;
    }
    let spacing = spacing(moments);
    let near = NEAR.max(spacing / 2);
    let mut is_used = false;
    for moment in moments {
        let after = stream.said.partition_point(|said| nanos(said.time) < nanos(moment.time));
        let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let around = around.filter_map(|at| stream.said.get(at));
        let nearest = around
            .filter_map(|said| Some((apart(said.time, moment.time)?, said)))
            .min_by_key(|(apart, _)| *apart);
        if let Some((apart, said)) = nearest.filter(|(apart, _)| is_alone || *apart <= near) {
            moment.take(said);
            let most = moment.apart.as_ref().map_or(0, |(most, _)| *most);
            if apart > most {
                moment.apart = Some((apart, Arc::clone(&said.input)));
            }
            is_used = true;
        }
    }
    is_used
}

/// The usual distance of two moments.
fn spacing(moments: &[Moment]) -> i64 {
    let mut all: Vec<i64> =
        moments.windows(2).filter_map(|pair| apart(pair[0].time, pair[1].time)).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}

/// Adds the last collection before each moment: by its number if that is known, else by time.
fn assign_collections(moments: &mut [Moment], stream: &Stream<'_>) -> bool {
    let collected = |said: &Said<'_>| match &said.what {
        What::Collected(collected) => Some(collected.clone()),
        _ => None,
    };
    let mut is_used = false;
    for moment in moments {
        let by_number = moment.statistic("NumGC").and_then(|number| {
            let all = stream.said.iter().filter_map(collected);
            all.into_iter().find(|one| u64::from(one.number) == number)
        });
        let by_time = || {
            let first = stream.said.first()?;
            apart(first.time, moment.time)?;
            let after = stream.said.partition_point(|said| nanos(said.time) <= nanos(moment.time));
            collected(stream.said.get(after.checked_sub(1)?)?)
        };
        if let Some(found) = by_number.or_else(by_time) {
            moment.collected = Some(found);
            is_used = true;
        }
    }
    is_used
}

/// A value that can be added up.
fn sane(value: u64) -> u64 {
    value.min(LARGEST)
}

impl Moment {
    fn take(&mut self, said: &Said<'_>) {
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
