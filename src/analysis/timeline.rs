//! Rows through time: the value of each in every snapshot, what it does there, and how fast it allocates.
//!
//! The values are of all snapshots. Judged is the process of which there are most: a trend across a restart is none.

use super::estimates::{Class, Estimate, Share};
use super::evolution::{Change, Evolution, Groups, Line};
use super::spans::{Span, Spans};
use super::{Context, Measure, Measured, Omitted, Order};
use crate::graph::frames::{Frames, RowId};
use crate::model::history::History;
use crate::parallel;
use crate::stats::class::{Growth, LEAST, judge};
use crate::stats::growth::Evidence;
use crate::stats::multiple::benjamini_hochberg;
use crate::stats::retention::retention;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows through time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// When each snapshot was taken (RFC 3339), where it says; in order of time.
    pub times: Vec<Option<String>>,
    /// Nanoseconds from the first snapshot to each, where all say when they were taken.
    pub elapsed_nanos: Option<Vec<i64>>,
    /// The input that each snapshot is, by its position among the inputs.
    pub inputs: Vec<usize>,
    /// The process that each snapshot is of: 0 is the first.
    pub processes: Vec<usize>,
    /// The process whose snapshots the classes and slopes are of.
    pub judged: usize,
    /// The sum over the whole profile.
    pub total: Through,
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows beyond the limit.
    pub omitted: Omitted,
}

/// A value through time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Through {
    /// Its value in each snapshot.
    pub values: Vec<i64>,
    /// What was allocated per second in the interval before each snapshot; absent for the first of a process, and where
    /// the profiles don't say.
    pub allocated_per_second: Vec<Option<i64>>,
}

/// One row through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What it stands for at the granularity asked for.
    pub name: String,
    /// Source file of its heaviest leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Value of samples whose leaf it is, in each snapshot.
    pub flat: Vec<i64>,
    /// Value of samples with it in their stack, in each snapshot.
    pub cum: Vec<i64>,
    /// What it allocated per second, as in [`Through`]: flat, or cum where the rows are sorted by that.
    pub allocated_per_second: Vec<Option<i64>>,
    /// Last − first of the process that is judged.
    pub delta: Measure,
    /// What it does.
    pub class: Class,
    /// How fast it grows; absent where the snapshots bear no times, or are too few.
    pub slope_per_hour: Option<Estimate>,
    /// Its growth, corrected for the number of rows that were tested.
    pub q_value: Option<f64>,
    /// The share that it kept of what it allocated.
    pub retention: Option<Share>,
}

/// A site or row keeps next to nothing where at most this share of what it allocates is left.
pub(super) const CHURN: f64 = 0.1;

/// Rows that one piece of work judges.
const PIECE: usize = 16;

/// A row that may be shown.
struct Candidate {
    row: RowId,
    change: Sum,
    q_value: Option<f64>,
}

/// What changed in all records of a row.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    first: i64,
    last: i64,
    kept: i64,
    allocated: i64,
    evidence: Evidence,
}

impl Sum {
    fn add(&mut self, change: &Change) {
        self.first = self.first.wrapping_add(change.first);
        self.last = self.last.wrapping_add(change.last);
        self.allocated = self.allocated.saturating_add(change.allocated);
        self.kept = self.kept.saturating_add(change.raw.1.saturating_sub(change.raw.0));
        if let Some(evidence) = &change.evidence {
            self.evidence.merge(evidence);
        }
    }

    fn delta(&self) -> i64 {
        self.last.wrapping_sub(self.first)
    }
}

/// The timeline of a history; `nodecount` rows at most, 0 is no limit.
pub(crate) fn timeline(
    history: &History,
    spans: &Spans,
    frames: &Frames,
    measured: &Measured,
    order: Order,
    nodecount: usize,
) -> Timeline {
    let judged = spans.main();
    let all = spans.all();
    let of_all = Evolution { history, measured, span: &all };
    let main = spans.processes.get(judged).cloned().unwrap_or_default();
    let evolution = Evolution { history, measured, span: &main };
    let (flat, cum) = (leaves(history, frames), stacks(history, frames));
    let by = if order == Order::Cum { &cum } else { &flat };
    let changes = evolution.changes();
    let mut sums = vec![Sum::default(); frames.len()];
    for (record, change) in changes.iter().enumerate() {
        by.of(record).iter().for_each(|&row| sums[row as usize].add(change));
    }
    // What a row ever held says whether it is worth a line, also where it holds nothing now.
    let lines = of_all.lines(by);
    let held = |row: usize| lines[row].values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0);
    let mut rows: Vec<Candidate> = (0..frames.len() as u32)
        .map(RowId)
        .filter(|&row| frames.row(row).parent.is_none() && held(row.0 as usize) > 0)
        .map(|row| Candidate { row, change: sums[row.0 as usize], q_value: None })
        .collect();
    test(&mut rows);
    let size = |row: &Candidate| {
        (row.change.delta().unsigned_abs().max(held(row.row.0 as usize) / 4), row.change.last)
    };
    rows.sort_by(|a, b| {
        size(b).cmp(&size(a)).then_with(|| frames.name(a.row).cmp(frames.name(b.row)))
    });
    let mut omitted = Omitted::default();
    if nodecount > 0 && rows.len() > nodecount {
        for row in rows.drain(nodecount..) {
            omitted.rows += 1;
            omitted.sum = omitted.sum.saturating_add_unsigned(row.change.delta().unsigned_abs());
        }
    }
    let other = of_all.lines(if order == Order::Cum { &flat } else { &cum });
    let (flat, cum) = if order == Order::Cum { (&other, &lines) } else { (&lines, &other) };
    let own = evolution.lines(by);
    let context = Context::new(&history.records, frames, leaf_weights(history, &changes));
    let known = evolution.known();
    let clock = Clock::new(history, spans, &all);
    // Where the ends of the judged process stand among all snapshots.
    let place = |end: Option<&usize>| all.moments.iter().position(|moment| Some(moment) == end);
    let (first, last) = (place(main.moments.first()), place(main.moments.last()));
    let shown = parallel::map_items(&rows, PIECE, |candidate| {
        let at = candidate.row.0 as usize;
        let Sum { kept, allocated, .. } = candidate.change;
        let grew = candidate.change.delta() > 0
            && (!known || candidate.q_value.is_some_and(|q| q <= super::SIGNIFICANT));
        let growth = if grew { Growth::Proven } else { Growth::Unproven };
        let values: Vec<f64> = own[at].values.iter().map(|&value| value as f64).collect();
        let judgement = judge(&main.hours, &values, &own[at].noise, growth);
        let retention = retention(kept as f64, allocated as f64).map(Share::from);
        let churns = retention.is_some_and(|share| share.upper <= CHURN);
        let class = if !grew && churns { Class::Churn } else { judgement.class.into() };
        let (file, line) = context.place(candidate.row);
        let delta = |lines: &[Line]| {
            let value = |end: Option<usize>| end.map_or(0, |i| lines[at].values[i]);
            value(last).wrapping_sub(value(first))
        };
        Row {
            name: frames.name(candidate.row).to_owned(),
            file,
            line,
            flat: flat[at].values.clone(),
            cum: cum[at].values.clone(),
            allocated_per_second: clock.rates(&lines[at]),
            delta: Measure { flat: delta(flat), cum: delta(cum) },
            class,
            slope_per_hour: (spans.timed && main.moments.len() >= LEAST)
                .then(|| judgement.slope.into()),
            q_value: candidate.q_value,
            retention,
        }
    });
    let whole = of_all.lines(&whole(history));
    let whole = whole.into_iter().next().unwrap_or_default();
    let total = Through { allocated_per_second: clock.rates(&whole), values: whole.values };
    Timeline {
        times: clock.times,
        elapsed_nanos: clock.elapsed,
        inputs: all.moments.clone(),
        processes: clock.processes,
        judged,
        total,
        rows: shown,
        omitted,
    }
}

fn test(rows: &mut [Candidate]) {
    let asked: Vec<usize> =
        (0..rows.len()).filter(|&i| rows[i].change.evidence.testable()).collect();
    let p = parallel::map_items(&asked, PIECE, |&i| {
        let Sum { evidence, .. } = &rows[i].change;
        if rows[i].change.delta() > 0 { evidence.p_growth() } else { 1.0 }
    });
    for (i, q) in asked.into_iter().zip(benjamini_hochberg(&p)) {
        rows[i].q_value = Some(q);
    }
}

/// When the snapshots were taken, and of which process each is.
struct Clock {
    times: Vec<Option<String>>,
    elapsed: Option<Vec<i64>>,
    processes: Vec<usize>,
}

impl Clock {
    fn new(history: &History, spans: &Spans, all: &Span) -> Self {
        let time = |&i: &usize| history.moments[i].header.time_nanos;
        let first = all.moments.first().map_or(0, time);
        let elapsed = |i| time(i).saturating_sub(first);
        let processes = spans.of_moments(history.moments.len());
        Self {
            times: all.moments.iter().map(|i| super::rfc3339(time(i))).collect(),
            elapsed: spans.timed.then(|| all.moments.iter().map(elapsed).collect()),
            processes: all.moments.iter().map(|&i| processes[i]).collect(),
        }
    }

    /// What was allocated per second before each snapshot.
    fn rates(&self, line: &Line) -> Vec<Option<i64>> {
        let n = self.processes.len();
        let rate = |i: usize| {
            let elapsed = self.elapsed.as_ref()?;
            let before = (0..i).rev().find(|&b| self.processes[b] == self.processes[i])?;
            let nanos = elapsed[i].saturating_sub(elapsed[before]);
            let allocated = line.allocated.get(i)?.wrapping_sub(*line.allocated.get(before)?);
            (nanos > 0).then(|| (allocated as f64 / nanos as f64 * 1e9).round() as i64)
        };
        (0..n).map(rate).collect()
    }
}

/// The rows that get the flat value of each record.
fn leaves(history: &History, frames: &Frames) -> Groups {
    of_samples(history, frames.len(), |sample, rows| {
        let snapshot = &history.records.snapshots[0];
        if let Some(leaf) = snapshot.stack(sample).next() {
            rows.extend(frames.leaf(leaf).iter().map(|row| row.0));
        }
    })
}

/// The rows of the stack of each record, each once.
fn stacks(history: &History, frames: &Frames) -> Groups {
    let mut last = vec![usize::MAX; frames.len()];
    of_samples(history, frames.len(), |sample, rows| {
        let snapshot = &history.records.snapshots[0];
        for location in snapshot.stack(sample) {
            for row in frames.of(location) {
                if std::mem::replace(&mut last[row.0 as usize], sample) != sample {
                    rows.push(row.0);
                }
            }
        }
    })
}

/// One group of all records that a filter left.
fn whole(history: &History) -> Groups {
    of_samples(history, 1, |_, groups| groups.push(0))
}

fn of_samples(history: &History, count: usize, mut of: impl FnMut(usize, &mut Vec<u32>)) -> Groups {
    let samples = history.samples();
    Groups::new(count, history.len(), |record, groups| {
        if let Some(sample) = samples[record] {
            of(sample, groups);
        }
    })
}

/// How much each location matters as a leaf.
fn leaf_weights(
    history: &History,
    changes: &[Change],
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
