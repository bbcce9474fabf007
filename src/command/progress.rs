//! A progress bar on standard error for inputs that take longer than half a second to read.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A reader that answers sooner is not worth a bar that flashes by.
const DELAY: Duration = Duration::from_millis(500);

/// Progress over all inputs, in bytes as they are stored.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    visible: AtomicBool,
}

impl Progress {
    /// A bar that shows itself after half a second, or none at all.
    pub(super) fn new(wanted: bool) -> Self {
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
            let template = "reading {bar:30} {binary_bytes} of {binary_total_bytes}, {eta} left";
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { bar, start: Instant::now(), visible: AtomicBool::new(false) }
    }

    /// Says that an input of this size follows.
    pub(super) fn expect(&self, size: Option<u64>) {
        match (&self.bar, size) {
            (Some(bar), Some(size)) => bar.inc_length(size),
            // Without a total there is nothing to be near the end of.
            (Some(bar), None) => {
                if let Ok(style) = ProgressStyle::with_template("reading {binary_bytes}") {
                    bar.set_style(style);
                }
            }
            (None, _) => {}
        }
    }

    /// Counts what is read from `reader`.
    pub(super) fn watch<R: Read + Send>(&self, reader: R) -> impl Read + Send + use<'_, R> {
        Watched { progress: self, inner: reader }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn advance(&self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        bar.inc(bytes);
        if self.start.elapsed() > DELAY && !self.visible.swap(true, Ordering::Relaxed) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

struct Watched<'a, R> {
    progress: &'a Progress,
    inner: R,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}
