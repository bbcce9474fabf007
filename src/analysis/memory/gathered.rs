//! Gathers what is known of each moment, from all inputs of a recording.
//!
//! One input gives the moments: the one with the resident set, else the best there is. What others
//! say belongs to the moment nearest in time; a collection belongs to the moments after it (`logs`).

use super::logs;
use super::moments::{Moment, Profiled, Said, Stream, What, apart, nanos, sane};
use crate::model::gauges::{Gauge, GaugeLog, GaugeTime};
use crate::model::history::History;
use crate::model::recording::{Recording, Track};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most moments: of more, some at equal distances are taken.
const MOST: usize = 4096;
/// Nanoseconds between two samples that may be of one moment, however close others are.
const NEAR: i64 = 60_000_000_000;

/// The moments, and what couldn't be used.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) moments: Vec<Moment>,
    pub(super) warnings: Vec<String>,
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
    let span = span(&streams);
    streams.extend(logs::streams(recording, span, |name| names.short(name)));
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

/// The first and the last time of anything.
fn span(streams: &[Stream<'_>]) -> Option<(i64, i64)> {
    let times = || {
        let said = streams.iter().flat_map(|stream| &stream.said);
        said.filter_map(|said| match said.time {
            GaugeTime::Utc(nanos) => Some(nanos),
            GaugeTime::Unknown | GaugeTime::SinceStart(_) => None,
        })
    };
    times().min().zip(times().max())
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

/// Adds what an input says to the moments it belongs to. False if it can't be aligned.
fn assign(moments: &mut [Moment], stream: &Stream<'_>) -> bool {
    if let Some(Said { what: What::Collected(_), .. }) = stream.said.first() {
        return logs::assign(moments, stream);
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
    let times: Vec<GaugeTime> = moments.iter().map(|moment| moment.time).collect();
    let close = spacing(moments) / 2;
    let near = NEAR.max(close);
    let mut is_used = false;
    for (place, moment) in moments.iter_mut().enumerate() {
        let after = stream.said.partition_point(|said| nanos(said.time) < nanos(moment.time));
        let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let around = around.filter_map(|at| stream.said.get(at));
        let nearest = around
            .filter_map(|said| Some((apart(said.time, moment.time)?, said)))
            .min_by_key(|(apart, _)| *apart);
        // What belongs to another moment would only look as if nothing had changed since. The ends are
        // shown in full, so they take what is near.
        let is_end = place == 0 || place + 1 == times.len();
        let is_own = |(apart, said): &(i64, &Said<'_>)| {
            is_alone
                || *apart <= close
                || *apart <= near && (is_end || place_of(&times, said) == place)
        };
        if let Some((apart, said)) = nearest.filter(is_own) {
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

/// The moment nearest to what an input says.
fn place_of(times: &[GaugeTime], said: &Said<'_>) -> usize {
    let after = times.partition_point(|&time| nanos(time) < nanos(said.time));
    let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
    let timed = around.filter_map(|at| Some((apart(*times.get(at)?, said.time)?, at)));
    timed.min().map_or(0, |(_, at)| at)
}

/// The usual distance of two moments.
fn spacing(moments: &[Moment]) -> i64 {
    let mut all: Vec<i64> =
        moments.windows(2).filter_map(|pair| apart(pair[0].time, pair[1].time)).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}
