//! What a recording shows while it goes on.

use super::rounds::{Observer, Seen};
use crate::command::{Console, run};
use crate::output;
use crate::printable::escape;
use crate::units::{self, Bytes};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Columns of the sparkline of a service.
const SPARK: usize = 16;

/// What is shown while a recording goes on: two lines per service that are drawn again on a terminal,
/// and a line per service and snapshot elsewhere.
pub(in crate::command) struct Screen<'a, 'b> {
    /// Two per service, and one for what comes next; none without a terminal.
    bars: Vec<ProgressBar>,
    is_quiet: bool,
    console: &'a mut Console<'b>,
}

impl<'a, 'b> Screen<'a, 'b> {
    pub(in crate::command) fn new(
        console: &'a mut Console<'b>,
        is_quiet: bool,
        services: usize,
    ) -> Self {
        let is_terminal = console.stderr_is_terminal;
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let count = if is_terminal && !is_quiet { 2 * services + 1 } else { 0 };
        let bar = |_| {
            let bar = all.add(ProgressBar::new_spinner());
            match ProgressStyle::with_template("{wide_msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        };
        Self { bars: (0..count).map(bar).collect(), is_quiet, console }
    }

    /// Removes the lines that are drawn again.
    pub(in crate::command) fn clear(&self) {
        self.bars.iter().for_each(ProgressBar::finish_and_clear);
    }
}

impl Observer for Screen<'_, '_> {
    fn seen(&mut self, seen: &Seen<'_>) {
        let Seen { place, round, count, .. } = *seen;
        let of = if count == usize::MAX { String::new() } else { format!(" of {count}") };
        let [what, verdict] = lines(seen);
        match self.bars.get(2 * place..2 * place + 2) {
            Some([first, second]) => {
                first.set_message(format!("{round}{of}  {what}"));
                second.set_message(format!("   {verdict}"));
            }
            _ if self.is_quiet => {}
            // If it can't be written, the recording is worth more.
            _ => {
                let _ = writeln!(self.console.stderr, "{round}{of}  {what}  {verdict}");
            }
        }
    }

    fn say(&mut self, message: &str) {
        match self.bars.first() {
            Some(bar) => bar.println(message),
            None if self.is_quiet => {}
            None => run::say_warning(message, self.console),
        }
    }

    fn waits(&mut self, left: Duration) {
        if let Some(bar) = self.bars.last() {
            bar.set_message(format!("next in {} s, Ctrl-C ends", left.as_secs() + 1));
        }
    }
}

/// A service in two lines: its memory and how it moved, and the verdict so far.
fn lines(seen: &Seen<'_>) -> [String; 2] {
    let what = escape(seen.target());
    let (is_whole, verdict) = verdict(seen);
    match memory(seen).filter(|_| is_whole) {
        Some(memory) => [format!("{what}  {memory}"), verdict],
        None => [what.into_owned(), verdict],
    }
}

/// Its memory and how it moved.
pub(in crate::command) fn memory(seen: &Seen<'_>) -> Option<String> {
    let shot = seen.shot()?;
    let heap = shot.files.iter().find(|file| file.kind == "heap");
    let Some(so_far) = seen.so_far else {
        return heap.map(|heap| format!("{} of profile", Bytes(heap.bytes as f64)));
    };
    let report = &so_far.report;
    let total = report.answer.timeline().map(|timeline| &timeline.total)?;
    let last = total.values.last().copied().unwrap_or_default();
    let value = units::display(last as f64, &report.unit);
    Some(format!("{value} {}", output::sparkline(&total.values, SPARK)))
}

/// The verdict so far, and whether there is a snapshot of the heap.
pub(in crate::command) fn verdict(seen: &Seen<'_>) -> (bool, String) {
    let Some(shot) = seen.shot() else { return (false, String::new()) };
    if let Some(failure) = shot.failed.iter().find(|failure| failure.kind == "heap") {
        return (false, format!("no snapshot: {}", failure.error));
    }
    let so_far = seen.so_far;
    let mut verdict = match so_far.and_then(|so_far| Some((so_far, so_far.leaks()?))) {
        Some((so_far, leaks)) => {
            let verdict = output::verdict(&so_far.report, leaks);
            let worst = leaks.suspects.first().filter(|_| leaks.verdict.leaks > 0);
            worst.map_or(verdict.clone(), |worst| {
                format!("{verdict}: {}", escape(&worst.site.function))
            })
        }
        None => "too early for a verdict".to_owned(),
    };
    for fault in so_far.map(|so_far| so_far.faults.as_slice()).unwrap_or_default() {
        verdict = format!("{verdict}; {fault}");
    }
    for failure in &shot.failed {
        verdict = format!("{verdict}; no {}: {}", failure.kind, failure.error);
    }
    (true, verdict)
}
