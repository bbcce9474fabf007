//! Follows rows through time: the value of each in every snapshot, its class, and how fast it
//! allocates.
//!
//! Values cover all snapshots. Only the process with the most snapshots is judged, because a trend
//! across a restart is meaningless.

use super::estimates::{Class, Estimate, Share};
use super::evolution::{Evolution, GroupValues, Groups, RecordChange, Tally};
use super::turnover::{class_of, goes_on, judge_line, keeps_little, stopped};
use super::{Context, Measure, Measured, Omitted, Order, SIGNIFICANT};
use crate::graph::frames::{Frames, RowId};
use crate::model::history::History;
use crate::model::measures::{self, Kind};
use crate::model::recording::Track;
use crate::parallel;
use crate::stats::class::{Growth, LEAST};
use crate::stats::multiple::benjamini_hochberg;
use crate::stats::trend::Slope;
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

/// Builds the timeline of a track, with at most `nodecount` rows; 0 is no limit.
pub(crate) fn timeline(
    track: &Track,
    frames: &Frames,
    measured: &Measured,
    order: Order,
    choice: Choice,
    nodecount: usize,
) -> Timeline {
    let history = &track.history;
    let judged = track.main_process();
    let all = track.all();
    let of_all = Evolution { history, measured, span: &all };
    let main = track.processes.get(judged).cloned().unwrap_or_default();
    let evolution = Evolution { history, measured, span: &main };
    let by = groups(history, frames, order);
    let changes = evolution.changes();
    let mut tallies = vec![Tally::default(); frames.len()];
    for (record, change) in changes.iter().enumerate() {
        by.of(record).iter().for_each(|&row| tallies[row as usize].add(change));
    }
    // Rank a row by what it ever held, even if it holds nothing now.
    let peaks: Option<Vec<u64>> = (choice == Choice::Peak).then(|| of_all.peaks(&by));
    let held = |row: RowId| {
        let tally = &tallies[row.0 as usize];
        let ends = tally.first.unsigned_abs().max(tally.last.unsigned_abs());
        peaks.as_ref().map_or(ends, |peaks| peaks[row.0 as usize])
    };
    let mut rows: Vec<Candidate> = (0..frames.len() as u32)
        .map(RowId)
        .filter(|&row| frames.row(row).parent.is_none() && held(row) > 0)
        .map(|row| Candidate { row, tally: tallies[row.0 as usize], q_value: None })
        .collect();
    test(&mut rows);
    let size =
        |row: &Candidate| (row.tally.delta().unsigned_abs().max(held(row.row) / 4), row.tally.last);
    rows.sort_by(|a, b| {
        size(b).cmp(&size(a)).then_with(|| frames.name(a.row).cmp(frames.name(b.row)))
    });
    let mut omitted = Omitted::default();
    if nodecount > 0 && rows.len() > nodecount {
        for row in rows.drain(nodecount..) {
            omitted.rows += 1;
            omitted.sum = omitted.sum.saturating_add_unsigned(row.tally.delta().unsigned_abs());
        }
    }
    let other = groups(history, frames, if order == Order::Cum { Order::Flat } else { Order::Cum });
    let lines = of_all.lines(&by.only(&rows, frames.len()));
    let other = of_all.values(&other.only(&rows, frames.len()));
    let clock = Clock::new(track);
    let place = |moment: &usize| all.moments.iter().position(|other| other == moment);
    let of_main: Vec<usize> = if main.moments.len() == all.moments.len() {
        (0..all.moments.len()).collect()
    } else {
        main.moments.iter().filter_map(place).collect()
    };
    let own: Vec<GroupValues> = lines.iter().map(|line| line.at(&of_main)).collect();
    let known = evolution.known();
    let classes = classes(&evolution, &rows, &own, &by, known);
    let context = Context::new(&history.records, frames, leaf_weights(history, &changes));
    let ends = (of_main.first().copied(), of_main.last().copied());
    let delta = |values: &[i64]| {
        let value = |end: Option<usize>| end.map_or(0, |i| values[i]);
        value(ends.1).wrapping_sub(value(ends.0))
    };
    let shown = rows.iter().zip(&lines).zip(other).zip(classes);
    let shown = shown.map(|(((candidate, line), other), (class, slope))| {
        let (file, place) = context.place(candidate.row);
        let (flat, cum) = match order {
            Order::Cum => (other, line.values.clone()),
            Order::Bound | Order::Flat => (line.values.clone(), other),
        };
        TimelineRow {
            name: frames.name(candidate.row).to_owned(),
            file,
            line: place,
            delta: Measure { flat: delta(&flat), cum: delta(&cum) },
            flat,
            cum,
            allocated_per_second: clock.rates(&line.allocated),
            class,
            slope_per_hour: (track.is_timed() && main.moments.len() >= LEAST).then(|| slope.into()),
            q_value: candidate.q_value,
            retention: candidate.tally.retention().map(Share::from),
        }
    });
    let shown = shown.collect();
    let total = whole(&of_all);
    let allocated_per_second = clock.rates(&total.allocated);
    Timeline {
        times: clock.times,
        elapsed_nanos: clock.elapsed,
        inputs: all.moments.clone(),
        processes: clock.processes,
        judged,
        total: Through { allocated_per_second, values: total.values },
        rows: shown,
        omitted,
    }
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
        let slope = if class == Class::Leak { judgement.late } else { judgement.slope };
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

/// When the snapshots were taken, and which process each belongs to.
struct Clock {
    times: Vec<Option<String>>,
    elapsed: Option<Vec<i64>>,
    processes: Vec<usize>,
    /// The previous snapshot of the same process.
    before: Vec<Option<usize>>,
}

impl Clock {
    fn new(track: &Track) -> Self {
        let time = |&i: &usize| track.time(i);
        let first = track.order.first().map_or(0, time);
        let elapsed = |i| time(i).saturating_sub(first);
        let processes = track.process_of_each();
        let processes: Vec<usize> = track.order.iter().map(|&i| processes[i]).collect();
        let mut last = vec![None; track.processes.len()];
        let before = processes.iter().enumerate();
        let before = before.map(|(i, &process)| last.get_mut(process)?.replace(i)).collect();
        Self {
            times: track.order.iter().map(|i| super::rfc3339(time(i))).collect(),
            elapsed: track.is_timed().then(|| track.order.iter().map(elapsed).collect()),
            processes,
            before,
        }
    }

    /// Allocated per second before each snapshot.
    fn rates(&self, allocated: &[i64]) -> Vec<Option<i64>> {
        let n = self.processes.len();
        let rate = |i: usize| {
            let elapsed = self.elapsed.as_ref()?;
            let before = self.before[i]?;
            let nanos = elapsed[i].saturating_sub(elapsed[before]);
            let risen = allocated.get(i)?.wrapping_sub(*allocated.get(before)?);
            (nanos > 0).then(|| (risen as f64 / nanos as f64 * 1e9).round() as i64)
        };
        (0..n).map(rate).collect()
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
    fn only(&self, rows: &[Candidate], of: usize) -> Self {
        let mut wanted = vec![None; of];
        rows.iter().zip(0..).for_each(|(row, i)| wanted[row.row.0 as usize] = Some(i));
        Self::new(rows.len(), self.records(), |record, groups| {
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

/// How much each location matters as a leaf.
fn leaf_weights(
    history: &History,
    changes: &[RecordChange],
) -> impl Fn(crate::model::ids::LocationId) -> u64 + use<> {
    let mut weights = vec![0_u64; history.records.symbols.locations.len()];
    for (record, sample) in history.samples().into_iter().enumerate() {
        let leaf = sample.and_then(|sample| history.records.snapshots[0].stack(sample).next());
        if let Some(leaf) = leaf {
            let change = &changes[record];
            let weight = &mut weights[leaf.index()];
            *weight = weight
                .saturating_add(change.delta().unsigned_abs().saturating_mul(4))
                .saturating_add(change.last.unsigned_abs().max(change.first.unsigned_abs()) / 4);
        }
    }
    move |location| weights[location.index()]
}
