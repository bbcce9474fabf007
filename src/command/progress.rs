//! A progress bar on standard error for inputs that take longer than half a second to read. It
//! shows bytes as stored, and with several files also how many are done.

use super::CommandError;
#[cfg(feature = "http")]
use super::access::AccessArgs;
use super::known::Known;
use super::symbols::Symbolizer;
use super::times::Times;
use crate::input::Budget;
use crate::model::profile::TimeSource;
use crate::parallel;
#[cfg(feature = "http")]
use crate::source::http::{Address, Client, FetchError, Target};
use crate::source::{self, SourceError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
#[cfg(feature = "http")]
use std::io::Cursor;
use std::io::{self, Read};
use std::sync::Arc;
#[cfg(feature = "http")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Delay before the bar appears, so that it doesn't flash by on fast reads.
const DELAY: Duration = Duration::from_millis(500);

/// Inputs in memory, as stored, by their names.
pub(super) type Held = BTreeMap<String, Arc<[u8]>>;

/// Progress over all inputs, in bytes as they are stored, how much memory each may take, and what names their
/// addresses.
pub(super) struct Progress {
    budget: Budget,
    symbolizer: Symbolizer,
    /// Times from the command line.
    times: Mutex<Times>,
    /// Inputs that are in memory, as stored.
    held: Held,
    /// What was read before.
    known: Option<Arc<Known>>,
    bar: Option<ProgressBar>,
    start: Instant,
    visible: AtomicBool,
    files: AtomicUsize,
    done: AtomicUsize,
    #[cfg(feature = "http")]
    access: AccessArgs,
    /// Made for the first URL; reading the certificates of a system takes longer than most files.
    #[cfg(feature = "http")]
    client: OnceLock<Result<Client, String>>,
}

impl Progress {
    /// Makes a bar that appears after half a second, or none at all.
    pub(super) fn new(wanted: bool, budget: Budget, symbolizer: Symbolizer) -> Self {
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
            symbolizer,
            times: Mutex::default(),
            held: Held::default(),
            known: None,
            bar,
            start: Instant::now(),
            visible: AtomicBool::new(false),
            files: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            #[cfg(feature = "http")]
            access: AccessArgs::default(),
            #[cfg(feature = "http")]
            client: OnceLock::new(),
        }
    }

    /// Gives inputs without a time these times.
    pub(super) fn with_times(mut self, times: Times) -> Self {
        self.times = Mutex::new(times);
        self
    }

    /// Reads these inputs from memory.
    pub(super) fn with_held(self, held: Held) -> Self {
        Self { held, ..self }
    }

    /// Reads no input again that is known.
    #[cfg(feature = "serve")]
    pub(super) fn with_known(self, known: Arc<Known>) -> Self {
        Self { known: Some(known), ..self }
    }

    /// What was read before, if that is kept.
    pub(super) fn known(&self) -> Option<&Known> {
        self.known.as_deref()
    }

    /// An input in memory.
    pub(super) fn held(&self, name: &str) -> Option<&Arc<[u8]>> {
        self.held.get(name)
    }

    /// The time of an input that has none. Inputs have to be asked for in order.
    pub(super) fn time_of(&self, name: &str) -> Option<(i64, TimeSource)> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).of(name)
    }

    /// The error about times that no input needed.
    pub(super) fn times_left(&self) -> Result<(), CommandError> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).left()
    }

    /// How services are asked.
    #[cfg(feature = "http")]
    pub(super) fn access(&self) -> &AccessArgs {
        &self.access
    }

    /// Asks services in this way.
    #[cfg(feature = "http")]
    pub(super) fn with_access(mut self, access: AccessArgs) -> Self {
        self.access = access;
        self
    }

    /// Opens an input, and counts what is read from it. What a URL leads to is fetched first. Nothing is opened for a
    /// task that is cancelled.
    pub(super) fn open(&self, name: &str) -> Result<Box<dyn Read + Send + '_>, SourceError> {
        not_cancelled().map_err(SourceError::Io)?;
        if let Some(bytes) = self.held.get(name) {
            return Ok(Box::new(Watched { progress: self, inner: &**bytes }));
        }
        #[cfg(feature = "http")]
        if source::is_address(name) {
            return self.fetch(name);
        }
        Ok(Box::new(Watched { progress: self, inner: source::open(name)? }))
    }

    #[cfg(feature = "http")]
    fn fetch(&self, name: &str) -> Result<Box<dyn Read + Send + '_>, SourceError> {
        let client = self.client.get_or_init(|| self.access.access().and_then(Client::new));
        let client = client.as_ref().map_err(|error| SourceError::Access(error.clone()))?;
        let address = Address::parse(name).map_err(FetchError::Address)?;
        let mut body = Counted { progress: self, bytes: Vec::new() };
        client.fetch(&address, &mut body)?;
        Ok(Box::new(Cursor::new(body.bytes)))
    }

    /// How much memory each input may take.
    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// What names addresses.
    pub(super) fn symbolizer(&self) -> &Symbolizer {
        &self.symbolizer
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

/// What a service sends.
#[cfg(feature = "http")]
struct Counted<'a> {
    progress: &'a Progress,
    bytes: Vec<u8>,
}

#[cfg(feature = "http")]
impl Target for Counted<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.bytes.restart()
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.progress.advance(bytes.len() as u64);
        self.bytes.take(bytes)
    }
}

struct Watched<'a, R> {
    progress: &'a Progress,
    inner: R,
}

/// Nothing more is read for a task that is cancelled.
fn not_cancelled() -> io::Result<()> {
    if parallel::is_cancelled() { Err(io::Error::other("stopped")) } else { Ok(()) }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        not_cancelled()?;
        let n = self.inner.read(buffer)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Progress, Symbolizer};

    #[test]
    fn several_files_are_counted_and_all_bytes_known_before() {
        let progress = Progress::new(true, Budget::default(), Symbolizer::default());
        progress.expect_all([Some(10), Some(20), Some(30)].into_iter());
        progress.file_done();
        let bar = progress.bar.as_ref().unwrap();
        assert_eq!((bar.length(), bar.message().as_str()), (Some(60), " 1 of 3 files,"));
        let two = Progress::new(true, Budget::default(), Symbolizer::default());
        two.expect_all([Some(1), None].into_iter());
        let bar = two.bar.as_ref().unwrap();
        assert_eq!(
            (bar.length(), bar.message().as_str()),
            (Some(0), ""),
            "no total, nothing to count"
        );
    }
}
