//! What a recording shows while it goes on.

use super::Recorder;
use super::manifest::Manifest;
use super::so_far::SoFar;
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
pub(in crate::command) struct Screen {
    /// Two per service, and one for what comes next; none without a terminal.
    bars: Vec<ProgressBar>,
    is_quiet: bool,
}

impl Screen {
    pub(in crate::command) fn new(is_terminal: bool, is_quiet: bool, services: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let count = if is_terminal && !is_quiet { 2 * services + 1 } else { 0 };
        let bar = |_| {
            let bar = all.add(ProgressBar::new_spinner());
            match ProgressStyle::with_template("{wide_msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        };
        Self { bars: (0..count).map(bar).collect(), is_quiet }
    }

    pub(in crate::command) fn show(
        &mut self,
        recorders: &[Recorder],
        verdicts: &[Option<SoFar>],
        (number, count): (usize, usize),
        console: &mut Console<'_>,
    ) {
        let of = if count == usize::MAX { String::new() } else { format!(" of {count}") };
        for (place, (recorder, so_far)) in recorders.iter().zip(verdicts).enumerate() {
            let [what, verdict] = lines(recorder, so_far.as_ref());
            match self.bars.get(2 * place..2 * place + 2) {
                Some([first, second]) => {
                    first.set_message(format!("{number}{of}  {what}"));
                    second.set_message(format!("   {verdict}"));
                }
                _ if self.is_quiet => {}
                // If it can't be written, the recording is worth more.
                _ => {
                    let _ = writeln!(console.stderr, "{number}{of}  {what}  {verdict}");
                }
            }
        }
    }

    pub(in crate::command) fn wait(&self, left: Duration) {
        if let Some(bar) = self.bars.last() {
            bar.set_message(format!("next in {} s, Ctrl-C ends", left.as_secs() + 1));
        }
    }

    pub(in crate::command) fn say(&self, message: &str, console: &mut Console<'_>) {
        match self.bars.first() {
            Some(bar) => bar.println(message),
            None if self.is_quiet => {}
            None => run::say_warning(message, console),
        }
    }

    pub(in crate::command) fn clear(&self) {
        self.bars.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// A service in two lines: its memory and how it moved, and the verdict so far.
fn lines(recorder: &Recorder, so_far: Option<&SoFar>) -> [String; 2] {
    let Manifest { target, shots, .. } = &recorder.manifest;
    let mut what = escape(target).into_owned();
    let Some(shot) = shots.last() else { return [what, String::new()] };
    if let Some(failure) = shot.failed.iter().find(|failure| failure.kind == "heap") {
        return [what, format!("no snapshot: {}", failure.error)];
    }
    let heap = shot.files.iter().find(|file| file.kind == "heap");
    if let Some(report) = so_far.map(|so_far| &so_far.report) {
        if let Some(total) = report.answer.timeline().map(|timeline| &timeline.total) {
            let last = total.values.last().copied().unwrap_or_default();
            let value = units::display(last as f64, &report.unit);
            what = format!("{what}  {value} {}", output::sparkline(&total.values, SPARK));
        }
    } else if let Some(heap) = heap {
        what = format!("{what}  {} of profile", Bytes(heap.bytes as f64));
    }
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
    [what, verdict]
}
