//! Chooses what a chart draws of a timeline: which rows, which snapshots, and their positions.

use super::{GREW, LEAKS, OTHER, REST};
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::timeline::{Timeline, TimelineRow};
use crate::report::{Report, Sort};
use plotters::style::RGBColor;
use std::ops::Range;

/// Columns of pixels that each keep their highest and their lowest snapshot.
const COLUMNS: usize = 300;
/// More lines would make the chart unreadable.
const RESTARTS: usize = 40;
/// Width of a single snapshot, as a part of the chart.
const ALONE: f64 = 0.006;

/// How rows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As areas on top of each other, which add up to the total.
    Stacked,
    /// As a line each.
    Lines,
}

/// A row as drawn.
pub(super) struct Band<'a> {
    /// The row; absent for rows without an area of their own.
    pub(super) row: Option<&'a TimelineRow>,
    pub(super) class: Option<Class>,
    pub(super) slope: Option<Estimate>,
    /// Its value in each snapshot that is drawn.
    pub(super) values: Vec<i64>,
    pub(super) color: RGBColor,
}

/// The contents of a chart.
pub(super) struct Picture<'a> {
    pub(super) shape: Shape,
    /// The snapshots, by their position in the timeline.
    pub(super) at: Vec<usize>,
    /// The position of each: nanoseconds since the first, or its number.
    pub(super) x: Vec<f64>,
    /// Positions in `at` of consecutive snapshots of one process.
    pub(super) runs: Vec<Range<usize>>,
    /// Where a new process begins.
    pub(super) restarts: Vec<f64>,
    /// The rows, topmost first.
    pub(super) bands: Vec<Band<'a>>,
    pub(super) total: Vec<i64>,
    /// Rows without an area of their own.
    pub(super) others: usize,
    /// The only process that is drawn, if several ran in parallel.
    pub(super) alone: Option<usize>,
    /// The first and the last snapshot of the process that is judged, by position in `at`.
    pub(super) judged: Option<(usize, usize)>,
    /// Number of processes.
    pub(super) processes: usize,
    /// The first and the last snapshot drawn, by position in the timeline.
    pub(super) ends: Option<(usize, usize)>,
}

impl<'a> Picture<'a> {
    pub(super) fn new(report: &Report, timeline: &'a Timeline, most: usize) -> Self {
        let shape = if report.sort == Sort::Cum { Shape::Lines } else { Shape::Stacked };
        let of = &timeline.processes;
        let processes = of.iter().max().map_or(0, |last| last + 1);
        let turns = 1 + of.windows(2).filter(|pair| pair[0] != pair[1]).count();
        // Replicas: their values don't form one line over time.
        let alone = (processes > 1 && turns > processes).then_some(timeline.judged);
        let all: Vec<usize> =
            (0..of.len()).filter(|&i| alone.is_none_or(|alone| of[i] == alone)).collect();
        let place = |i: usize| {
            let elapsed = timeline.elapsed_nanos.as_ref().and_then(|elapsed| elapsed.get(i));
            elapsed.map_or((i + 1) as f64, |&nanos| nanos as f64)
        };
        let total = |i: usize| timeline.total.values.get(i).copied().unwrap_or_default();
        let at = thinned(&all, place, total);
        let is_judged = |i: usize| of[at[i]] == timeline.judged;
        let x: Vec<f64> = at.iter().map(|&i| place(i)).collect();
        let mut runs: Vec<Range<usize>> = Vec::new();
        for i in 0..at.len() {
            match runs.last_mut() {
                Some(run) if of[at[i]] == of[at[run.start]] => run.end = i + 1,
                _ => runs.push(i..i + 1),
            }
        }
        let mut restarts: Vec<f64> = runs.iter().skip(1).map(|run| x[run.start]).collect();
        if restarts.len() > RESTARTS {
            restarts.clear();
        }
        let (bands, shown) = bands(timeline, &at, (shape, most));
        Self {
            shape,
            x,
            runs,
            restarts,
            bands,
            total: at.iter().map(|&i| total(i)).collect(),
            others: timeline.rows.len() - shown + timeline.omitted.rows,
            alone,
            judged: (0..at.len())
                .find(|&i| is_judged(i))
                .zip((0..at.len()).rev().find(|&i| is_judged(i))),
            processes,
            ends: all.first().copied().zip(all.last().copied()),
            at,
        }
    }

    /// The range of time.
    pub(super) fn range(&self) -> (f64, f64) {
        let (low, high) = match (self.x.first(), self.x.last()) {
            (Some(&low), Some(&high)) if low < high => (low, high),
            (Some(&low), _) => (low - 0.5, low + 0.5),
            _ => (0.0, 1.0),
        };
        let has_alone = self.runs.iter().any(|run| run.len() == 1);
        let margin = if has_alone { (high - low) * ALONE } else { 0.0 };
        (low - margin, high + margin)
    }

    /// The range of values.
    pub(super) fn values(&self) -> (f64, f64) {
        let mut ends = (0.0_f64, 0.0_f64);
        let mut see = |value: f64| ends = (ends.0.min(value), ends.1.max(value));
        self.total.iter().for_each(|&value| see(value as f64));
        for i in 0..self.at.len() {
            let (mut up, mut down) = (0.0, 0.0);
            for value in self.bands.iter().map(|band| band.values[i] as f64) {
                match self.shape {
                    Shape::Lines => see(value),
                    Shape::Stacked if value > 0.0 => up += value,
                    Shape::Stacked => down += value,
                }
            }
            see(up);
            see(down);
        }
        ends
    }

    /// The outline of each band in a run: positive values stack up from zero, negative values stack
    /// down.
    pub(super) fn stacked(&self, run: &Range<usize>) -> Vec<Vec<(f64, f64)>> {
        let mut up = vec![0.0; run.len()];
        let mut down = up.clone();
        let mut outlines: Vec<_> = self
            .bands
            .iter()
            .rev()
            .map(|band| {
                let mut edges = Vec::with_capacity(run.len() * 2);
                let mut base = Vec::with_capacity(run.len());
                for (at, i) in run.clone().enumerate() {
                    let value = band.values[i] as f64;
                    let pile = if value < 0.0 { &mut down[at] } else { &mut up[at] };
                    base.push((self.x[i], *pile));
                    *pile += value;
                    edges.push((self.x[i], *pile));
                }
                self.widen(&mut edges);
                self.widen(&mut base);
                edges.extend(base.into_iter().rev());
                edges
            })
            .collect();
        outlines.reverse();
        outlines
    }

    /// A line in a run.
    pub(super) fn line(&self, run: &Range<usize>, values: &[i64]) -> Vec<(f64, f64)> {
        let mut line: Vec<_> = run.clone().map(|i| (self.x[i], values[i] as f64)).collect();
        self.widen(&mut line);
        line
    }

    /// Makes a single point a short line.
    fn widen(&self, line: &mut Vec<(f64, f64)>) {
        if let [(x, y)] = line[..] {
            let (low, high) = self.range();
            // A single snapshot gets a broad bar.
            let half = (high - low) * if self.at.len() == 1 { 0.2 } else { ALONE / 2.0 };
            *line = vec![(x - half, y), (x + half, y)];
        }
    }
}

/// The rows that are drawn, leaks first, and their number. The rest of the total is a band as well.
fn bands<'a>(
    timeline: &'a Timeline,
    at: &[usize],
    (shape, most): (Shape, usize),
) -> (Vec<Band<'a>>, usize) {
    let mut rows: Vec<&TimelineRow> = timeline.rows.iter().take(most).collect();
    rows.sort_by_key(|row| kind(row.class));
    let shown = rows.len();
    let mut counts = [0; 3];
    let mut bands: Vec<Band<'_>> = rows
        .into_iter()
        .map(|row| {
            let values = if shape == Shape::Lines { &row.cum } else { &row.flat };
            let count = &mut counts[kind(row.class)];
            *count += 1;
            let palette = [LEAKS, GREW, REST][kind(row.class)];
            Band {
                row: Some(row),
                class: Some(row.class),
                slope: row.slope_per_hour,
                values: at.iter().map(|&i| values.get(i).copied().unwrap_or_default()).collect(),
                color: palette[(*count - 1) % palette.len()],
            }
        })
        .collect();
    let rest: Vec<i64> = at
        .iter()
        .enumerate()
        .map(|(place, &i)| {
            let total = timeline.total.values.get(i).copied().unwrap_or_default();
            bands.iter().fold(total, |rest, band| rest.wrapping_sub(band.values[place]))
        })
        .collect();
    if shape == Shape::Stacked && rest.iter().any(|&value| value != 0) {
        bands.push(Band { row: None, class: None, slope: None, values: rest, color: OTHER });
    }
    (bands, shown)
}

/// Classes of one kind share a palette; the worst come first.
fn kind(class: Class) -> usize {
    match class {
        Class::Leak => 0,
        Class::Grew | Class::GrowingDecelerating | Class::Step => 1,
        Class::WarmUp | Class::Churn | Class::Steady => 2,
    }
}

/// The two ends, and for each column of pixels the snapshots with the highest and the lowest total.
fn thinned(
    all: &[usize],
    place: impl Fn(usize) -> f64,
    total: impl Fn(usize) -> i64,
) -> Vec<usize> {
    let (Some(&first), Some(&last)) = (all.first(), all.last()) else { return Vec::new() };
    if all.len() <= 2 * COLUMNS {
        return all.to_vec();
    }
    let (from, span) = (place(first), (place(last) - place(first)).max(1.0));
    let column = |i: usize| ((place(i) - from) / span * COLUMNS as f64) as usize;
    let mut kept = Vec::new();
    for of_column in all.chunk_by(|&a, &b| column(a) == column(b)) {
        let low = of_column.iter().copied().min_by_key(|&i| total(i));
        let high = of_column.iter().copied().max_by_key(|&i| total(i));
        kept.extend(low.into_iter().chain(high));
    }
    kept.extend([first, last]);
    kept.sort_unstable();
    kept.dedup();
    kept
}
