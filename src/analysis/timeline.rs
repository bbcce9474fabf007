//! Follows rows through time: the value of each in every snapshot, its class, and how fast it
//! allocates.
//!
//! Values cover all snapshots. Only the process with the most snapshots is judged, because a trend
//! across a restart is meaningless.

use super::beside::TimelineTrack;
use super::clock::Clock;
use super::estimates::{Class, Estimate, Share};
use super::evolution::{Evolution, GroupValues, Groups, RecordChange, Tally, leaf_weights};
use super::places::{Places, are_goroutines};
use super::turnover::{class_of, goes_on, judge_line, keeps_little, stopped};
use super::{Context, Measure, Measured, Omitted, Order, SIGNIFICANT};
use crate::graph::frames::{Frames, RowId};
use crate::model::history::History;
use crate::model::measures::{self, Kind};
use crate::model::recording::{Span, Track};
use crate::model::site::Owners;
use crate::parallel;
use crate::stats::class::{Growth, LEAST};
use crate::stats::multiple::benjamini_hochberg;
use crate::stats::trend::Slope;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// Rows through time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timeline {
    /// When each snapshot was taken (RFC 3339), if recorded; in order of time.
    pub times: Vec<Option<String>>,
    /// Nanoseconds from the first snapshot to each, if all record when they were taken.
    pub elapsed_nanos: Option<Vec<i64>>,
    /// The input of each snapshot, by its position among the inputs.
    pub inputs: Vec<usize>,
    /// The process of each snapshot: 0 is the first.
    pub processes: Vec<usize>,
    /// The process that the classes and slopes describe.
    pub judged: usize,
    /// The sum over the whole profile.
    pub total: Through,
    /// The rows.
    pub rows: Vec<TimelineRow>,
    /// Rows beyond the limit.
    pub omitted: Omitted,
    /// Goroutines by the place they are in, for goroutine profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<TimelinePlaces>,
    /// What was recorded beside the profiles, on their clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<TimelineTrack>,
}

/// Goroutines through time, by the place they are in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelinePlaces {
    /// The places. They add up to the rows.
    pub rows: Vec<TimelinePlace>,
    /// Places beyond the limit.
    pub omitted: Omitted,
}

/// One place through time: see [`crate::analysis::places::GoroutinePlace`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelinePlace {
    /// What goroutines wait for there.
    pub waits_for: String,
    /// The function that `go` started, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The function that contains the `go` statement, if the name of the first function reveals it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// The function they are in, and how many there are.
    #[serde(flatten)]
    pub row: TimelineRow,
}

/// A value through time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Through {
    /// Its value in each snapshot.
    pub values: Vec<i64>,
    /// Allocated per second in the interval before each snapshot; absent for the first of a
    /// process, and if the profiles don't record allocations.
    pub allocated_per_second: Vec<Option<i64>>,
}

/// One row through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineRow {
    /// Its name at the requested granularity.
    pub name: String,
    /// Source file of its heaviest leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Value of samples with it as their leaf, in each snapshot.
    pub flat: Vec<i64>,
    /// Value of samples with it in their stack, in each snapshot.
    pub cum: Vec<i64>,
    /// What it allocated per second, as in [`Through`]: flat, or cum if the rows are sorted by cum.
    pub allocated_per_second: Vec<Option<i64>>,
    /// Last − first of the judged process.
    pub delta: Measure,
    /// Its class: how it behaves through time.
    pub class: Class,
    /// How fast it grows; absent if the snapshots have no times, or are too few.
    pub slope_per_hour: Option<Estimate>,
    /// Its growth, corrected for the number of rows that were tested.
    pub q_value: Option<f64>,
    /// The share it kept of what it allocated.
    pub retention: Option<Share>,
}

/// Rows that one piece of work judges.
const PIECE: usize = 16;

/// A row that may be shown.
struct Candidate {
    row: RowId,
    tally: Tally,
    q_value: Option<f64>,
}

/// Which rows to show if there is a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Rows that changed most, or held most in any snapshot.
    Peak,
    /// Rows that changed most, or held most in the first or the last snapshot; no other snapshot is
    /// read.
    Ends,
}

/// What is followed through time: rows, or the places of goroutines.
struct Followed<'a> {
    names: Vec<&'a str>,
    /// Whether a row stands for itself, and not for an address of a binary.
    is_shown: Vec<bool>,
    /// What each record counts for, by the value that rows are sorted by.
    by: Groups,
}

/// A row, its values, and how it was judged.
type Line = (Candidate, GroupValues, Class, Slope);

/// Builds the timeline of a track, with at most `nodecount` rows; 0 is no limit. `suspected` is the class
/// of the suspect that each record is part of; empty if suspects weren't asked for.
pub(crate) fn timeline(
    track: &Track,
    frames: &Frames,
    measured: &Measured,
    (order, choice, nodecount): (Order, Choice, usize),
    suspected: &[Option<Class>],
) -> Timeline {
    let history = &track.history;
    let all = track.all();
    let of_all = Evolution { history, measured, span: &all };
    let clock = Clock::new(track);
    let rows = (0..frames.len() as u32).map(RowId);
    let followed = Followed {
        names: rows.clone().map(|row| frames.name(row)).collect(),
        is_shown: rows.map(|row| frames.row(row).parent.is_none()).collect(),
        by: groups(history, frames, order),
    };
    let spans = Spans::new(track, &all);
    let evolution = Evolution { history, measured, span: &spans.main };
    let changes = evolution.changes();
    let of_main = &spans.of_main;
    let followable = Followable { of_all, evolution, changes: &changes, of_main, suspected };
    let (lines, omitted) = followable.follow(&followed, choice, nodecount);
    let other = groups(history, frames, if order == Order::Cum { Order::Flat } else { Order::Cum });
    let candidates = lines.iter().map(|(candidate, ..)| candidate);
    let other = of_all.values(&other.only(candidates, frames.len()));
    let context = Context::new(&history.records, frames, leaf_weights(history, &changes));
    let rows = lines.iter().zip(other).map(|(line, other)| {
        let (file, place) = context.place(line.0.row);
        let own = line.1.values.clone();
        let (flat, cum) = if order == Order::Cum { (other, own) } else { (own, other) };
        let name = frames.name(line.0.row);
        TimelineRow { file, line: place, ..spans.row(track, &clock, (name, flat, cum), line) }
    });
    let rows = rows.collect();
    let is_by_place = choice == Choice::Peak && order != Order::Cum && frames.by_function_name();
    let places = (is_by_place
        && are_goroutines(history.moments.iter().map(|moment| &moment.header)))
    .then(|| of_places((track, frames.owners()), &followable, &spans, &clock, nodecount));
    let total = whole(&of_all);
    let allocated_per_second = clock.rates(&total.allocated);
    Timeline {
        times: clock.times,
        elapsed_nanos: clock.elapsed,
        inputs: all.moments.clone(),
        processes: clock.processes,
        judged: track.main_process(),
        total: Through { allocated_per_second, values: total.values },
        rows,
        omitted,
        places,
        tracks: Vec::new(),
    }
}

/// The snapshots to judge.
struct Spans {
    main: Span,
    /// The positions of those to judge among those to show.
    of_main: Vec<usize>,
}

impl Spans {
    fn new(track: &Track, all: &Span) -> Self {
        let main = track.processes.get(track.main_process()).cloned().unwrap_or_default();
        let place = |moment: &usize| all.moments.iter().position(|other| other == moment);
        let of_main = if main.moments.len() == all.moments.len() {
            (0..all.moments.len()).collect()
        } else {
            main.moments.iter().filter_map(place).collect()
        };
        Self { main, of_main }
    }

    /// Last − first of those to judge.
    fn delta(&self, values: &[i64]) -> i64 {
        let value = |end: Option<&usize>| end.map_or(0, |&i| values[i]);
        value(self.of_main.last()).wrapping_sub(value(self.of_main.first()))
    }

    /// A row with its name, flat and cum; its place is added by the caller.
    fn row(
        &self,
        track: &Track,
        clock: &Clock,
        (name, flat, cum): (&str, Vec<i64>, Vec<i64>),
        (candidate, line, class, slope): &Line,
    ) -> TimelineRow {
        TimelineRow {
            name: name.to_owned(),
            file: None,
            line: None,
            delta: Measure { flat: self.delta(&flat), cum: self.delta(&cum) },
            flat,
            cum,
            allocated_per_second: clock.rates(&line.allocated),
            class: *class,
            slope_per_hour: (track.is_timed() && self.main.moments.len() >= LEAST)
                .then(|| (*slope).into()),
            q_value: candidate.q_value,
            retention: candidate.tally.retention().map(Share::from),
        }
    }
}

/// The values of all snapshots, and the changes of those to judge.
#[derive(Clone, Copy)]
struct Followable<'a> {
    of_all: Evolution<'a>,
    evolution: Evolution<'a>,
    changes: &'a [RecordChange],
    of_main: &'a [usize],
    suspected: &'a [Option<Class>],
}

impl Followable<'_> {
    /// Follows rows or places: those that changed or held most, in order.
    fn follow(
        &self,
        Followed { names, is_shown, by }: &Followed<'_>,
        choice: Choice,
        nodecount: usize,
    ) -> (Vec<Line>, Omitted) {
        let Self { of_all, evolution, changes, of_main, suspected } = self;
        let mut tallies = vec![Tally::default(); names.len()];
        for (record, change) in changes.iter().enumerate() {
            by.of(record).iter().for_each(|&row| tallies[row as usize].add(change));
        }
        // Rank a row by what it ever held, even if it holds nothing now.
        let peaks: Option<Vec<u64>> = (choice == Choice::Peak).then(|| of_all.peaks(by));
        let held = |row: RowId| {
            let tally = &tallies[row.0 as usize];
            let ends = tally.first.unsigned_abs().max(tally.last.unsigned_abs());
            peaks.as_ref().map_or(ends, |peaks| peaks[row.0 as usize])
        };
        let mut rows: Vec<Candidate> = (0..names.len() as u32)
            .map(RowId)
            .filter(|&row| is_shown[row.0 as usize] && held(row) > 0)
            .map(|row| Candidate { row, tally: tallies[row.0 as usize], q_value: None })
            .collect();
        test(&mut rows);
        let size = |row: &Candidate| {
            (row.tally.delta().unsigned_abs().max(held(row.row) / 4), row.tally.last)
        };
        let name = |row: &Candidate| names[row.row.0 as usize];
        rows.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| name(a).cmp(name(b))));
        let mut omitted = Omitted::default();
        if nodecount > 0 && rows.len() > nodecount {
            for row in rows.drain(nodecount..) {
                omitted.rows += 1;
                omitted.sum = omitted.sum.saturating_add_unsigned(row.tally.delta().unsigned_abs());
            }
        }
        let lines = of_all.lines(&by.only(rows.iter(), names.len()));
        let own: Vec<GroupValues> = lines.iter().map(|line| line.at(of_main)).collect();
        let mut classes = classes(evolution, &rows, &own, by, evolution.known());
        if !suspected.is_empty() {
            let leaking = leaking(&rows, by, changes, suspected);
            for (((class, _), row), leaking) in classes.iter_mut().zip(&rows).zip(leaking) {
                let is_part = leaking > 0 && 2 * leaking >= row.tally.delta();
                match *class {
                    _ if is_part => *class = Class::Leak,
                    Class::Leak => *class = Class::Grew,
                    _ => {}
                }
            }
        }
        let judged = rows.into_iter().zip(lines).zip(classes);
        let judged = judged.map(|((row, line), (class, slope))| (row, line, class, slope));
        (judged.collect(), omitted)
    }
}

/// How much of each row is part of a suspect that leaks: last − first.
fn leaking(
    rows: &[Candidate],
    by: &Groups,
    changes: &[RecordChange],
    suspected: &[Option<Class>],
) -> Vec<i64> {
    let position: HashMap<u32, usize, FxBuildHasher> =
        rows.iter().zip(0..).map(|(row, i)| (row.row.0, i)).collect();
    let mut sums = vec![0_i64; rows.len()];
    for (record, change) in changes.iter().enumerate() {
        if suspected.get(record).copied().flatten() == Some(Class::Leak) {
            for &i in by.of(record).iter().filter_map(|row| position.get(row)) {
                sums[i] = sums[i].saturating_add(change.delta());
            }
        }
    }
    sums
}

/// Follows the places of goroutines.
fn of_places(
    (track, owners): (&Track, &Owners),
    followable: &Followable<'_>,
    spans: &Spans,
    clock: &Clock,
    nodecount: usize,
) -> TimelinePlaces {
    let history = &track.history;
    let snapshot = &history.records.snapshots[0];
    let samples = history.samples();
    let mut places = Places::new(&history.records.symbols, owners);
    let by_record: Vec<Option<u32>> =
        samples.iter().map(|sample| places.add(snapshot.stack((*sample)?), [0, 1])).collect();
    let named = places.named();
    let by = Groups::new(named.len(), history.len(), |record, groups| {
        groups.extend(by_record[record]);
    });
    let followed = Followed {
        names: named.iter().map(|at| at.place.function.as_str()).collect(),
        is_shown: vec![true; named.len()],
        by,
    };
    let (lines, omitted) = followable.follow(&followed, Choice::Peak, nodecount);
    let rows = lines.iter().map(|line| {
        let at = named[line.0.row.0 as usize].clone();
        let values = line.1.values.clone();
        let name = (at.place.function.as_str(), values.clone(), values);
        let row = spans.row(track, clock, name, line);
        let row = TimelineRow { file: at.place.file.clone(), line: at.place.line, ..row };
        TimelinePlace { waits_for: at.waits_for, root: at.root, started_by: at.started_by, row }
    });
    TimelinePlaces { rows: rows.collect(), omitted }
}

/// Judges the class of each row, and how fast it grows.
fn classes(
    evolution: &Evolution<'_>,
    rows: &[Candidate],
    lines: &[GroupValues],
    by: &Groups,
    known: bool,
) -> Vec<(Class, Slope)> {
    let numbers: Vec<usize> = (0..rows.len()).collect();
    let kind = evolution.history.moments.last().map(|moment| measures::kind(&moment.header));
    let holds = !matches!(kind, Some(Kind::Cpu | Kind::Contention | Kind::Threads));
    let mut classes = parallel::map_items(&numbers, PIECE, |&i| {
        let Candidate { tally, q_value, .. } = &rows[i];
        let grew = tally.delta() > 0 && (!known || q_value.is_some_and(|q| q <= SIGNIFICANT));
        let growth = if grew { Growth::Proven } else { Growth::Unproven };
        let judgement = judge_line(evolution, &lines[i], growth);
        let class = match grew {
            // A counter that only ever rises can't leak, and neither can time.
            true if evolution.measured.records.cumulative || !holds => Class::Grew,
            true => class_of(evolution, tally, &lines[i], &judgement),
            false if keeps_little(tally) => Class::Churn,
            false => Class::Steady,
        };
        // A leak that began late grows at its late rate.
        let slope = if class == Class::Leak {
            judgement.late.or_whole(judgement.slope)
        } else {
            judgement.slope
        };
        (class, slope, goes_on(&judgement, &lines[i].values))
    });
    let leaks = rows.iter().zip(&classes);
    let leaks = leaks.filter(|(_, (class, _, goes_on))| *class == Class::Leak && !goes_on);
    let leaks = leaks.map(|(candidate, _)| (candidate.row.0, candidate.tally));
    let stopped = stopped(evolution, leaks, |record| by.of(record).iter().copied());
    for (candidate, (class, ..)) in rows.iter().zip(&mut classes) {
        if stopped.contains(&candidate.row.0) {
            *class = Class::Grew;
        }
    }
    classes.into_iter().map(|(class, slope, _)| (class, slope)).collect()
}

fn test(rows: &mut [Candidate]) {
    let asked: Vec<usize> =
        (0..rows.len()).filter(|&i| rows[i].tally.evidence.testable()).collect();
    let p = parallel::map_items(&asked, PIECE, |&i| rows[i].tally.p_growth());
    for (i, q) in asked.into_iter().zip(benjamini_hochberg(&p)) {
        rows[i].q_value = Some(q);
    }
}

/// The rows of each record: the row of its leaf, or each row of its stack once.
fn groups(history: &History, frames: &Frames, order: Order) -> Groups {
    let snapshot = &history.records.snapshots[0];
    let samples = history.samples();
    let mut last = vec![usize::MAX; frames.len()];
    Groups::new(frames.len(), history.len(), |record, rows| {
        let Some(sample) = samples[record] else { return };
        if order != Order::Cum {
            let leaf = snapshot.stack(sample).next();
            rows.extend(leaf.iter().flat_map(|&leaf| frames.leaf(leaf)).map(|row| row.0));
            return;
        }
        for row in snapshot.stack(sample).flat_map(|location| frames.of(location)) {
            if std::mem::replace(&mut last[row.0 as usize], sample) != sample {
                rows.push(row.0);
            }
        }
    })
}

impl Groups {
    /// Restricts the groups to the rows of some candidates, in their order.
    fn only<'c>(&self, rows: impl Iterator<Item = &'c Candidate>, of: usize) -> Self {
        let mut wanted = vec![None; of];
        let mut count = 0;
        for row in rows {
            wanted[row.row.0 as usize] = Some(count);
            count += 1;
        }
        Self::new(count as usize, self.records(), |record, groups| {
            groups.extend(self.of(record).iter().filter_map(|&row| wanted[row as usize]));
        })
    }
}

/// Values and allocations of the whole profile, regardless of filters.
fn whole(evolution: &Evolution<'_>) -> GroupValues {
    let Evolution { history, measured, span } = evolution;
    let totals = |column: usize| {
        let of = |&i: &usize| history.moments[i].totals[column];
        span.moments.iter().map(of).collect()
    };
    GroupValues {
        values: totals(measured.column),
        allocated: measured.allocated.map(totals).unwrap_or_default(),
        ..GroupValues::default()
    }
}
