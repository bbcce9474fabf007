//! A progress bar on standard error for inputs that take longer than half a second to read. It
//! shows bytes as stored, and with several files also how many are done.

use crate::input::Budget;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Delay before the bar appears, so that it doesn't flash by on fast reads.
const DELAY: Duration = Duration::from_millis(500);

/// Progress over all inputs, in bytes as they are stored, and how much memory each may take.
pub(super) struct Progress {
    budget: Budget,
    bar: Option<ProgressBar>,
    start: Instant,
    visible: AtomicBool,
    files: AtomicUsize,
    done: AtomicUsize,
}

impl Progress {
    /// Makes a bar that appears after half a second, or none at all.
    pub(super) fn new(wanted: bool, budget: Budget) -> Self {
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
            let template =
                "reading{msg} {bar:30} {binary_bytes} of {binary_total_bytes}, {eta} left";
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self {
            budget,
            bar,
            start: Instant::now(),
            visible: AtomicBool::new(false),
            files: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        }
    }

    /// How much memory each input may take.
    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// Announces inputs of these sizes. The sizes are only looked up if there is a bar.
    pub(super) fn expect_all(&self, sizes: impl ExactSizeIterator<Item = Option<u64>>) {
        let Some(bar) = &self.bar else { return };
        self.files.store(sizes.len(), Ordering::Relaxed);
        self.count(bar);
        match sizes.sum::<Option<u64>>() {
            Some(all) => bar.inc_length(all),
            // Without a total the bar can't show how much is left.
            None => {
                if let Ok(style) = ProgressStyle::with_template("reading{msg} {binary_bytes}") {
                    bar.set_style(style);
                }
            }
        }
    }

    /// Counts one file as done.
    pub(super) fn file_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            self.count(bar);
        }
    }

    /// Shows how many of the files are done.
    fn count(&self, bar: &ProgressBar) {
        let files = self.files.load(Ordering::Relaxed);
        if files > 2 {
            bar.set_message(format!(" {} of {files} files,", self.done.load(Ordering::Relaxed)));
        }
    }

    /// Counts what is read from `reader`.
    pub(super) fn watch<R: Read + Send>(&self, reader: R) -> impl Read + Send + use<'_, R> {
        Watched { progress: self, inner: reader }
    }

    /// Removes the bar.
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

#[cfg(test)]
mod tests {
    use super::{Budget, Progress};

    #[test]
    fn several_files_are_counted_and_all_bytes_known_before() {
        let progress = Progress::new(true, Budget::default());
        progress.expect_all([Some(10), Some(20), Some(30)].into_iter());
        progress.file_done();
        let bar = progress.bar.as_ref().unwrap();
        assert_eq!((bar.length(), bar.message().as_str()), (Some(60), " 1 of 3 files,"));
        let two = Progress::new(true, Budget::default());
        two.expect_all([Some(1), None].into_iter());
        let bar = two.bar.as_ref().unwrap();
        assert_eq!(
            (bar.length(), bar.message().as_str()),
            (Some(0), ""),
            "no total, nothing to count"
        );
    }
}
