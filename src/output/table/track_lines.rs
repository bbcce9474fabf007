//! What was recorded beside the profiles: a line for each kind, with its shape.
//!
//! These are sizes of the whole process in units of their own, so they aren't rows of the table.

use super::super::track_wording::name;
use super::super::{Style, Width};
use super::grid::Kind::{Mixed, Number, Text, Word};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::Scale;
use super::sparkline;
use crate::analysis::beside::{TimelineTrack, TrackClock};
use crate::analysis::estimates::Class;
use crate::analysis::timeline::Timeline;
use std::io;

/// A wider sparkline shows no more.
const SPARK_AT_MOST: usize = 40;

/// Writes the tracks of a timeline, if there are any.
pub(super) fn write(timeline: &Timeline, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if timeline.tracks.is_empty() {
        return Ok(());
    }
    let spark = match style.width {
        Width::Columns(columns) => (columns / 5).clamp(8, SPARK_AT_MOST),
        Width::Unlimited => SPARK_AT_MOST,
    };
    let judged = timeline.judged;
    let mut grid = Grid::new()
        .column(Word, "", None, move |track: &TimelineTrack| {
            Some(sparkline::of_processes(&track.values, &track.processes, spark))
        })
        .column(Number, "first", None, move |track| Some(unit(track).value(ends(track, judged)?.0)))
        .column(Number, "last", None, move |track| Some(unit(track).value(ends(track, judged)?.1)))
        .column(Number, "highest", Some(2), move |track| {
            let own = of_process(track, judged);
            Some(unit(track).value(own.max()?))
        })
        .column(Mixed, "slope", Some(1), move |track| {
            let trend = track.trend(judged)?;
            let slope = trend.slope_per_hour.filter(|_| trend.class == Some(Class::Leak))?;
            Some(format!("{}/h", unit(track).change(slope.estimate)))
        })
        .column(Word, "shape", Some(3), move |track| {
            let class = track.trend(judged)?.class?;
            // A leak is something that code does; this is only a sum.
            let word = match class {
                Class::Leak => "grows",
                Class::GrowingDecelerating => "slows down",
                other => other.name(),
            };
            Some(word.to_owned())
        })
        .name_at_least(18)
        .name("beside the profiles")
        .column(Text, "from", Some(0), |track| Some(source(track)));
    for track in &timeline.tracks {
        grid.push(track, RowLabel::new(name(track.kind)), Tone::Plain);
    }
    grid.write(style, 0, out)
}

fn unit(track: &TimelineTrack) -> Scale<'_> {
    Scale::new(&track.unit, None)
}

/// Where a track comes from.
fn source(track: &TimelineTrack) -> String {
    match track.clock {
        TrackClock::Unknown => format!("{}, on a clock of its own", track.field),
        _ => track.field.clone(),
    }
}

fn of_process(track: &TimelineTrack, process: usize) -> impl Iterator<Item = i64> + '_ {
    let values = track.values.iter().zip(&track.processes);
    values.filter(move |(_, of)| **of == process).map(|(value, _)| *value)
}

/// The first and the last value of the judged process.
fn ends(track: &TimelineTrack, process: usize) -> Option<(i64, i64)> {
    let mut values = of_process(track, process);
    let first = values.next()?;
    Some((first, values.last().unwrap_or(first)))
}
