//! Goroutines in clusters, and below them what their states mean and what usually causes them.

use super::super::Style;
use super::grid::Grid;
use super::grid::Kind::Word;
use super::{counted, number, place_rows, sparkline, timeline_rows, wrap};
use crate::analysis::Omitted;
use crate::analysis::estimates::Estimate;
use crate::analysis::goroutines::{Cluster, Clusters};
use crate::model::goroutine_states::explained;
use crate::output::columns::View;
use crate::output::columns::goroutines::columns;
use crate::report::{GoroutinesAnswer, Report};
use crate::units;
use anstyle::Style as Ansi;
use std::io;

/// States that are explained.
const EXPLAINED: usize = 4;

pub(super) fn write(
    report: &Report,
    GoroutinesAnswer { goroutines: clusters, timeline }: &GoroutinesAnswer,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if clusters.rows.is_empty() {
        let text = if clusters.unchanged.rows > 0 {
            "Every cluster is as large as before; --all shows them."
        } else {
            "Nothing to show: there are no goroutines left."
        };
        return wrap::write("", text, Ansi::new(), style, out);
    }
    let (spark, processes) = match timeline {
        Some(timeline) => (timeline_rows::spark_width(style), timeline.processes.as_slice()),
        None => (0, [].as_slice()),
    };
    let drawn = |row: &&Cluster| {
        (spark > 0).then(|| sparkline::of_processes(&row.values, processes, spark))
    };
    let grid = Grid::new().column(Word, "", Some(5), drawn);
    let mut grid = grid.and(columns(View { report, style }));
    let rows: Vec<&Cluster> = clusters.rows.iter().collect();
    place_rows::push_all(&mut grid, rows.iter(), |row| (&row.at, row.value.delta));
    grid.write(style, 0, out)?;
    let of = |Omitted { rows, sum }: Omitted| {
        let goroutines = usize::try_from(sum).unwrap_or(usize::MAX);
        format!("{}, {}", counted(rows, "clusters"), counted(goroutines, "goroutines"))
    };
    let unchanged = (clusters.unchanged.rows > 0)
        .then(|| ("unchanged: ", format!("{} (--all shows them)", of(clusters.unchanged))));
    let Estimate { estimate, lower, upper } = clusters.stack_bytes;
    let size = |bytes: i64| units::display(bytes as f64, "bytes");
    let stacks = (estimate > 0).then(|| {
        let range = number::range(&size(lower), &size(upper));
        let text = format!(
            "about {} ({range}), by the number of frames; no heap profile has them",
            size(estimate)
        );
        ("stacks of all goroutines: ", text)
    });
    let omitted = (clusters.omitted.rows > 0)
        .then(|| ("not shown: ", format!("{} (-n 0 shows them)", of(clusters.omitted))));
    wrap::remarks(stacks.into_iter().chain(unchanged).chain(omitted), style, out)?;
    if let Some(timeline) = timeline {
        let classes = clusters.rows.iter().filter_map(|row| row.class);
        timeline_rows::write_legend(timeline, classes, (spark, style), out)?;
    }
    write_locks(clusters, style, out)?;
    write_states(clusters, style, out)
}

/// Says who likely holds the locks that clusters wait for, and what that one does.
fn write_locks(clusters: &Clusters, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut held = clusters.rows.iter().filter_map(|row| Some((row, row.lock_held_in.as_ref()?)));
    let held: Vec<(&Cluster, &String)> = held.by_ref().take(EXPLAINED).collect();
    if held.is_empty() {
        return Ok(());
    }
    wrap::title("Who likely holds the locks", style, out)?;
    for (row, holder) in held {
        let is_it = |other: &&Cluster| !std::ptr::eq(*other, row) && other.stack.contains(holder);
        let state = clusters.rows.iter().find(is_it).map(|other| other.at.waits_for.as_str());
        let state = state.map_or_else(String::new, |state| format!(" ({state})"));
        let text = format!(
            "a goroutine in {holder}{state}, in the same object and not waiting for its lock"
        );
        wrap::write(&format!("{}: ", row.at.place.function), &text, Ansi::new(), style, out)?;
    }
    Ok(())
}

/// Explains the states of the clusters that grew, or are largest.
fn write_states(clusters: &Clusters, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut states: Vec<&str> = Vec::new();
    for row in clusters.rows.iter().filter(|row| row.value.delta_or_value() > 0) {
        let state = row.at.waits_for.as_str();
        if explained(state).is_some() && !states.contains(&state) && states.len() < EXPLAINED {
            states.push(state);
        }
    }
    if states.is_empty() {
        return Ok(());
    }
    wrap::title("What they wait for", style, out)?;
    for state in states {
        if let Some(known) = explained(state) {
            let text = format!("{}. {}", known.meaning, known.advice());
            wrap::write(&format!("{state}: "), &text, Ansi::new(), style, out)?;
        }
    }
    Ok(())
}
