//! The panels below a chart: goroutines, collections, stops, and the memory of the process, over the
//! same time. What wasn't recorded has no panel.

use super::axis::Axis;
use super::{GRID, INK, LEGEND, PALE, entry, mark, text};
use crate::analysis::beside::{TimelineTrack, TrackClock, TrackKind};
use crate::analysis::timeline::Timeline;
use crate::output::number::Scale;
use crate::output::track_wording::name;
use crate::units::Nanoseconds;
use plotters::prelude::{ChartBuilder, Circle, PathElement, Rectangle};
use plotters::style::{Color as _, FontStyle, RGBAColor, RGBColor};

/// Height of a panel.
pub(super) const HEIGHT: u32 = 132;
/// Height of the labels below the last one.
pub(super) const LABELS: u32 = 46;
/// Values are also drawn as dots, up to this number.
const DOTS: usize = 80;
/// A limit that is more than so many times the highest value isn't drawn: it would make that flat.
const FAR: i64 = 4;
/// Part of the time of the snapshots by which the chart may begin earlier or end later.
const AROUND: f64 = 0.05;
/// Dashes of a line that isn't a value.
const DASHES: u32 = 60;

/// What shares a panel.
const PANELS: [(&str, &[TrackKind]); 4] = [
    ("goroutines", &[TrackKind::Goroutines]),
    ("heap after each collection", &[TrackKind::LiveHeap, TrackKind::HeapAlloc]),
    ("longest stop of the world", &[TrackKind::Stops]),
    (
        "memory of the process",
        &[
            TrackKind::ResidentSet,
            TrackKind::Cgroup,
            TrackKind::Stacks,
            TrackKind::CgroupLimit,
            TrackKind::GoLimit,
        ],
    ),
];

/// A panel with what it shows.
pub(super) struct Panel<'a> {
    title: &'static str,
    tracks: Vec<&'a TimelineTrack>,
}

fn color(kind: TrackKind) -> RGBColor {
    match kind {
        TrackKind::Goroutines => RGBColor(104, 68, 168),
        TrackKind::LiveHeap => RGBColor(16, 112, 80),
        TrackKind::HeapAlloc => RGBColor(140, 190, 160),
        TrackKind::Stops => RGBColor(200, 116, 20),
        TrackKind::Stacks => RGBColor(150, 120, 190),
        TrackKind::ResidentSet => RGBColor(28, 88, 168),
        TrackKind::Cgroup => RGBColor(110, 164, 214),
        TrackKind::CgroupLimit | TrackKind::GoLimit => RGBColor(179, 30, 20),
    }
}

fn is_limit(kind: TrackKind) -> bool {
    matches!(kind, TrackKind::CgroupLimit | TrackKind::GoLimit)
}

/// The panels of a timeline. Of replicas only one is drawn, and nothing tells which of them a sample is
/// of.
pub(super) fn of(timeline: &Timeline, are_replicas: bool) -> Vec<Panel<'_>> {
    let is_placed = |track: &&TimelineTrack| track.clock != TrackClock::Unknown && !are_replicas;
    let panels = PANELS.iter().map(|&(title, kinds)| {
        let of_kind = |kind| timeline.tracks.iter().filter(is_placed).find(|one| one.kind == kind);
        Panel { title, tracks: kinds.iter().filter_map(|&kind| of_kind(kind)).collect() }
    });
    // A limit alone has nothing to be compared with.
    panels.filter(|panel| panel.tracks.iter().any(|track| !is_limit(track.kind))).collect()
}

/// The time that the panels and the chart above them cover: that of the snapshots, and a little more if
/// something is known there.
pub(super) fn range(panels: &[Panel<'_>], (low, high): (f64, f64)) -> (f64, f64) {
    let reach = (high - low) * AROUND;
    let tracks = panels.iter().flat_map(|panel| &panel.tracks);
    let times = tracks.flat_map(|track| &track.elapsed_nanos).map(|&nanos| nanos as f64);
    let near = times.filter(|&at| at >= low - reach && at <= high + reach);
    near.fold((low, high), |(low, high), at| (low.min(at), high.max(at)))
}

/// A value at a time, in nanoseconds since the first snapshot.
type Point = (f64, f64);

impl Panel<'_> {
    /// Draws the panel and its legend. `x` is the range of time; only the last panel has labels of it.
    pub(super) fn draw(
        &self,
        (area, root): (&super::Area<'_>, &super::Area<'_>),
        (x, is_last, top): ((f64, f64), Option<&str>, i32),
        restarts: &[f64],
        titles: &mut Vec<String>,
    ) -> Result<(), super::Failed> {
        let shown: Vec<(&TimelineTrack, Vec<Vec<Point>>)> =
            self.tracks.iter().map(|track| (*track, pieces(track, x))).collect();
        let highest = |limits: bool| {
            let own = shown.iter().filter(move |(track, _)| limits || !is_limit(track.kind));
            let values = own.flat_map(|(_, pieces)| pieces.iter().flatten().map(|point| point.1));
            values.fold(0.0, f64::max)
        };
        let high = highest(true).min(highest(false) * FAR as f64);
        let unit = self.tracks.first().map_or("count", |track| track.unit.as_str());
        let y = Axis::values((0.0, high), unit, None);
        let (ceiling, label_area) = (y.high, if is_last.is_some() { LABELS } else { 0 });
        let mut chart = ChartBuilder::on(area)
            .margin_top(22)
            .margin_right(8)
            .margin_left(6)
            .x_label_area_size(label_area)
            .y_label_area_size(84)
            .build_cartesian_2d(Axis::time(x), y)?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(RGBAColor(0, 0, 0, 0.0))
            .axis_style(PALE)
            .y_labels(4)
            .label_style(text(11.0, FontStyle::Normal, INK))
            .axis_desc_style(text(12.0, FontStyle::Normal, PALE));
        if let Some(words) = is_last {
            mesh.x_desc(words);
        }
        mesh.draw()?;
        area.draw_text(self.title, &text(12.0, FontStyle::Bold, INK), (90, 3))?;
        for &at in restarts {
            for line in dashes((at, 0.0), (at, ceiling), DASHES / 4) {
                chart.plotting_area().draw(&PathElement::new(line, mark(PALE)))?;
                titles.push("another process begins".to_owned());
            }
        }
        for (track, pieces) in shown.iter().rev() {
            let scale = Scale::new(&track.unit, None);
            let ink = color(track.kind);
            let about = course(track, &scale);
            let count: usize = pieces.iter().map(Vec::len).sum();
            for piece in pieces {
                match track.kind {
                    TrackKind::Stops => {
                        for &(at, value) in piece {
                            let line = vec![(at, 0.0), (at, value)];
                            let line = PathElement::new(line, mark(ink).stroke_width(2));
                            chart.plotting_area().draw(&line)?;
                            titles.push(one(track, &scale, (at, value)));
                        }
                        continue;
                    }
                    kind if is_limit(kind) => {
                        let ends = piece.first().zip(piece.last());
                        let Some((&(_, value), &(_, _))) = ends.filter(|(one, _)| one.1 <= high)
                        else {
                            continue;
                        };
                        // A limit holds before and after it was read.
                        for line in dashes((x.0, value), (x.1, value), DASHES) {
                            let line = PathElement::new(line, mark(ink).stroke_width(2));
                            chart.plotting_area().draw(&line)?;
                            titles.push(about.clone());
                        }
                        continue;
                    }
                    _ => {}
                }
                let line = PathElement::new(piece.clone(), mark(ink).stroke_width(2));
                chart.plotting_area().draw(&line)?;
                titles.push(about.clone());
                if count <= DOTS || piece.len() == 1 {
                    for &point in piece {
                        chart.plotting_area().draw(&Circle::new(point, 2, mark(ink).filled()))?;
                        titles.push(one(track, &scale, point));
                    }
                }
            }
        }
        let room = HEIGHT as i32 - 24;
        let height = (room / self.tracks.len().max(1) as i32).min(40);
        for ((track, _), place) in shown.iter().zip(0..) {
            let top = top + 20 + place * height;
            let corners = [(LEGEND, top + 6), (LEGEND + 13, top + 9)];
            root.draw(&Rectangle::new(corners, mark(color(track.kind)).filled()))?;
            let scale = Scale::new(&track.unit, None);
            titles.push(course(track, &scale));
            let is_far =
                is_limit(track.kind) && track.values.iter().all(|&value| value as f64 > high);
            let far = if is_far { ", above this chart" } else { "" };
            let words = (format!("{} ({})", name(track.kind), track.field), values(track, &scale));
            entry(root, top, height, (&words.0, &format!("{}{far}", words.1)), FontStyle::Normal)?;
        }
        Ok(())
    }
}

/// The values of each process within the time that is drawn.
fn pieces(track: &TimelineTrack, (low, high): (f64, f64)) -> Vec<Vec<Point>> {
    let times = track.elapsed_nanos.iter().zip(&track.values).zip(&track.processes);
    let all: Vec<(Point, usize)> =
        times.map(|((&at, &value), &process)| ((at as f64, value as f64), process)).collect();
    let inside: Vec<(Point, usize)> =
        all.into_iter().filter(|one| (low..=high).contains(&one.0.0)).collect();
    let pieces = inside.chunk_by(|a, b| a.1 == b.1);
    pieces.map(|piece| piece.iter().map(|one| one.0).collect()).collect()
}

/// Every other part of a line.
fn dashes(from: Point, to: Point, count: u32) -> impl Iterator<Item = Vec<Point>> {
    let at = move |part: u32| {
        let share = f64::from(part) / f64::from(count);
        (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
    };
    (0..count).step_by(2).map(move |part| vec![at(part), at(part + 1)])
}

/// The first and the last value, or the highest stop.
fn values(track: &TimelineTrack, scale: &Scale<'_>) -> String {
    let value = |value: Option<&i64>| value.map(|&value| scale.value(value)).unwrap_or_default();
    match track.kind {
        TrackKind::Stops => format!("at most {}", value(track.values.iter().max())),
        kind if is_limit(kind) => value(track.values.last()),
        _ => format!("{} → {}", value(track.values.first()), value(track.values.last())),
    }
}

/// All details of a track.
pub(super) fn course(track: &TimelineTrack, scale: &Scale<'_>) -> String {
    format!("{} ({}): {}", name(track.kind), track.field, values(track, scale))
}

/// All details of a value.
fn one(track: &TimelineTrack, scale: &Scale<'_>, (at, value): Point) -> String {
    format!("{}: {}\n{}", name(track.kind), scale.value(value as i64), Nanoseconds(at))
}

/// What the panels show, for screen readers.
pub(super) fn description(panels: &[Panel<'_>]) -> String {
    let tracks = panels.iter().flat_map(|panel| &panel.tracks);
    let lines = tracks.map(|track| format!("\n{}", course(track, &Scale::new(&track.unit, None))));
    lines.collect()
}
