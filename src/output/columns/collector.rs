//! The columns of windows of a collector's time.

use super::Columns;
use super::Kind::{Mixed, Number};
use crate::analysis::collector::CollectorWindow;
use crate::output::collector_wording::{short, since, size};
use crate::units::{Bytes, Nanoseconds};

/// A window of a process.
#[derive(Clone, Copy)]
pub(in crate::output) struct WindowLine<'a> {
    /// The number of the process.
    pub(in crate::output) process: usize,
    pub(in crate::output) window: &'a CollectorWindow,
}

pub(in crate::output) fn columns<'a>() -> Columns<'a, WindowLine<'a>> {
    let size = |bytes: u64| (bytes > 0).then(|| size(bytes));
    let percent = |value: f64| (value > 0.0).then(|| format!("{} %", short(value)));
    Columns::<WindowLine<'a>>::new()
        .column("process", |line| line.process)
        .both(
            "from_nanos",
            (0, Mixed, "from", None),
            |line| Some(line.window.from_nanos),
            |_, nanos| since(nanos),
        )
        .column("to_nanos", |line| line.window.to_nanos)
        .column("collections", |line| line.window.collections)
        .both(
            "forced",
            (9, Mixed, "forced", Some(1)),
            |line| Some(line.window.forced),
            |_, forced| (forced > 0).then(|| forced.to_string()),
        )
        .both(
            "per_second",
            (2, Mixed, "GC/s", None),
            |line| Some(line.window.per_second),
            |line, rate| (line.window.collections > 0).then(|| per_second(rate)),
        )
        .both(
            "cpu_percent",
            (3, Number, "CPU", None),
            |line| Some(line.window.cpu_percent),
            move |_, value| percent(value),
        )
        .both(
            "assist_percent",
            (7, Number, "assists", Some(3)),
            |line| Some(line.window.assist_percent),
            move |_, value| percent(value),
        )
        .both(
            "live",
            (1, Number, "live", None),
            |line| Some(line.window.live),
            move |_, bytes| size(bytes),
        )
        .both(
            "goal",
            (4, Number, "goal", Some(4)),
            |line| Some(line.window.goal),
            move |_, bytes| size(bytes),
        )
        .both(
            "peak",
            (5, Number, "peak", Some(2)),
            |line| Some(line.window.peak),
            move |_, bytes| size(bytes),
        )
        .both(
            "allocated_per_second",
            (6, Number, "allocated", Some(5)),
            |line| line.window.allocated_per_second,
            |_, rate| format!("{}/s", Bytes(rate as f64)),
        )
        .both(
            "longest_stop_nanos",
            (8, Number, "stop", Some(6)),
            |line| Some(line.window.longest_stop_nanos),
            |line, nanos| {
                (line.window.collections > 0).then(|| Nanoseconds(nanos as f64).to_string())
            },
        )
}

/// Collections per second; rare ones are rounded less.
fn per_second(rate: f64) -> String {
    if rate < 0.095 { format!("{rate:.3}") } else { short(rate) }
}
