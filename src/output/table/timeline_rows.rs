//! Rows over time: the shape of each, its size, its slope, and its class.
//!
//! The whole profile comes first: a row that grows while the total doesn't takes from another row.
//! The classes that occur are explained below the table.

use super::super::{Style, Width};
use super::grid::Kind::{Number, Text, Word};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::words::nothing_to_show;
use super::{counted, place_rows, rows, rows_word, sparkline, track_lines, wrap};
use crate::analysis::estimates::Class;
use crate::analysis::timeline::{Timeline, TimelinePlace, TimelineRow};
use crate::output::columns::View;
use crate::output::columns::cells::short_class;
use crate::report::{Report, Sort};
use anstyle::Style as Ansi;
use std::io;

/// From this width of a terminal on, sparklines get a larger share of it.
const WIDE: usize = 100;

/// Width of a sparkline if nothing limits the line.
const SPARK_AT_MOST: usize = 60;

pub(super) fn write(
    report: &Report,
    timeline: &Timeline,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let spark = spark_width(style);
    writeln!(out)?;
    grid(report, timeline, spark, style).write(style, 0, out)?;
    writeln!(out)?;
    if !timeline.tracks.is_empty() {
        track_lines::write(timeline, style, out)?;
        writeln!(out)?;
    }
    let say = |what: &str, text: &str, out: &mut dyn io::Write| {
        wrap::write(what, text, Ansi::new().dimmed(), style, out)
    };
    let (omitted, word) = match &timeline.places {
        Some(places) => (places.omitted, "places"),
        None => (timeline.omitted, rows_word(report)),
    };
    if omitted.rows > 0 {
        let scale = Scale::new(&report.unit, style.unit.as_deref());
        let what = counted(omitted.rows, word);
        let sum = scale.value(omitted.sum);
        say("not shown: ", &format!("{what}, sum of |Δ| {sum} (-n 0 shows them)"), out)?;
    }
    write_legend(timeline, lines(timeline).map(|(row, _)| row.class), (spark, style), out)?;
    if timeline.rows.is_empty() {
        return wrap::write("", &nothing_to_show(report), Ansi::new(), style, out);
    }
    // Where leaks can be asked for, rows have such classes.
    let is_judged = |row: &TimelineRow| {
        use Class::{GrowingDecelerating, Leak, Step, WarmUp};
        matches!(row.class, Leak | GrowingDecelerating | Step | WarmUp)
    };
    if lines(timeline).any(|(row, _)| is_judged(row)) {
        let text = "Another class than leak describes all values of a row together, from all its callers. \
                    heapdiff leaks judges callers one by one, and says which code is to blame and \
                    what to do.";
        wrap::write("", text, Ansi::new(), style, out)?;
    }
    Ok(())
}

/// The columns that a sparkline takes.
pub(super) fn spark_width(style: &Style) -> usize {
    match style.width {
        // A narrow terminal has to hold names, files and lines as well.
        Width::Columns(columns) if columns < WIDE => (columns / 8).max(8),
        Width::Columns(columns) => (columns / 5).clamp(8, SPARK_AT_MOST),
        Width::Unlimited => SPARK_AT_MOST,
    }
}

/// Says how to read sparklines, of which process the changes are, and what the classes mean.
pub(super) fn write_legend(
    timeline: &Timeline,
    classes: impl Iterator<Item = Class>,
    (spark, style): (usize, &Style),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let say = |text: &str, out: &mut dyn io::Write| {
        wrap::write("", text, Ansi::new().dimmed(), style, out)
    };
    let processes = timeline.processes.iter().max().map_or(1, |last| last + 1);
    if let Some(text) = sparkline::legend(timeline.times.len(), processes, spark) {
        say(&text, out)?;
    }
    if processes > 1 {
        let judged = timeline.judged + 1;
        say(&format!("Δ, slope and class are for process {judged} only"), out)?;
    }
    let classes: Vec<Class> = classes.collect();
    let meanings: Vec<&str> = MEANINGS
        .iter()
        .filter(|(class, _)| classes.contains(class))
        .map(|(_, meaning)| *meaning)
        .collect();
    if meanings.is_empty() { Ok(()) } else { say(&meanings.join("; "), out) }
}

/// The rows; of goroutines the places, which say more.
fn lines(timeline: &Timeline) -> impl Iterator<Item = (&TimelineRow, Option<&TimelinePlace>)> {
    let places = timeline.places.as_ref().map(|places| places.rows.as_slice());
    let rows = timeline.rows.iter().filter(move |_| places.is_none()).map(|row| (row, None));
    rows.chain(places.into_iter().flatten().map(|place| (&place.row, Some(place))))
}

/// What each class means.
const MEANINGS: [(Class, &str); 7] = [
    (Class::Leak, "leak: at least half of its growth is a leak that heapdiff leaks names"),
    (Class::GrowingDecelerating, "slowing (growing-decelerating): rises more and more slowly"),
    (Class::Grew, "grew: is larger than at the start"),
    (Class::Step, "step: rose once and stayed"),
    (Class::WarmUp, "warm-up: rose and levelled off"),
    (Class::Churn, "churn: allocates without keeping"),
    (Class::Steady, "steady: did not certainly grow"),
];

/// One line of the table: a row, or the whole profile.
struct Shown<'a> {
    /// Flat or cum, whichever the rows are sorted by.
    values: &'a [i64],
    /// The last value minus the first, of the judged process.
    change: i64,
    rates: &'a [Option<i64>],
    row: Option<&'a TimelineRow>,
    /// What goroutines wait for.
    waits_for: Option<&'a str>,
}

/// The numbers are the order in which columns make room for names.
fn columns<'a>(
    report: &'a Report,
    timeline: &'a Timeline,
    spark: usize,
    style: &'a Style,
) -> Grid<'a, Shown<'a>> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let [first, last] = ends(timeline);
    let change = if report.sort == Sort::Cum { "Δ cum" } else { "Δ flat" };
    Grid::new()
        .column(Word, "", None, move |shown: &Shown<'_>| {
            sparkline::of_processes(shown.values, &timeline.processes, spark)
        })
        .column(Number, "first", Some(2), move |shown| scale.value(at(shown.values, first)))
        .column(Number, "last", Some(3), move |shown| scale.value(at(shown.values, last)))
        .column(Number, change, None, move |shown| scale.change(shown.change))
        .column(Number, "slope", Some(4), move |shown| {
            Some(format!("{}/h", scale.change(shown.row?.slope_per_hour?.estimate)))
        })
        .column(Text, "95 % interval", Some(0), move |shown| {
            let slope = shown.row?.slope_per_hour?;
            Some(number::range(&scale.change(slope.lower), &scale.change(slope.upper)))
        })
        .column(Number, "allocates", Some(1), move |shown| {
            let rate = shown.rates.iter().rev().flatten().next()?;
            Some(format!("{}/s", scale.value(*rate)))
        })
        .column(Word, "in", Some(5), |shown| shown.waits_for.map(str::to_owned))
        .column(Word, "class", Some(6), |shown| Some(short_class(shown.row?.class).to_owned()))
        .name(if timeline.places.is_some() { "goroutines at" } else { rows::title(report) })
        .column(Text, "where", Some(7), move |shown| {
            let row = shown.row?;
            Some(rows::place(View { report, style }, None, (row.file.as_ref(), row.line)))
        })
        .name_at_least(18)
}

/// The first and last snapshot of the judged process, between which Δ is.
fn ends(timeline: &Timeline) -> [Option<usize>; 2] {
    let is_judged = |&at: &usize| timeline.processes.get(at) == Some(&timeline.judged);
    let mut judged = (0..timeline.processes.len()).filter(is_judged);
    [judged.clone().next(), judged.next_back()]
}

fn at(values: &[i64], end: Option<usize>) -> i64 {
    end.and_then(|end| values.get(end)).copied().unwrap_or_default()
}

fn grid<'a>(
    report: &'a Report,
    timeline: &'a Timeline,
    spark: usize,
    style: &'a Style,
) -> Grid<'a, Shown<'a>> {
    let mut grid = columns(report, timeline, spark, style);
    let total = &timeline.total;
    let [from, to] = ends(timeline).map(|end| at(&total.values, end));
    let whole = Shown {
        values: &total.values,
        change: to.wrapping_sub(from),
        rates: &total.allocated_per_second,
        row: None,
        waits_for: None,
    };
    grid.push(&whole, RowLabel::new("(the whole profile)"), Tone::Plain);
    grid.gap();
    for (row, place) in lines(timeline) {
        let (values, change) = match report.sort {
            Sort::Cum => (&row.cum, row.delta.cum),
            _ => (&row.flat, row.delta.flat),
        };
        let tone = match row.class {
            Class::Leak => Tone::Growth,
            Class::Steady => Tone::Dim,
            _ => Tone::Plain,
        };
        let shown = Shown {
            values,
            change,
            rates: &row.allocated_per_second,
            row: Some(row),
            waits_for: place.map(|place| place.waits_for.as_str()),
        };
        let label = match place {
            Some(place) => place_rows::label(&row.name, place.root.as_deref()),
            None => rows::name(report, &row.name),
        };
        grid.push(&shown, label, tone);
    }
    grid
}
