//! Reads inputs. The content of an input decides its format, never its name.
//!
//! [`read`] unpacks gzip, zstd and bzip2, and hands the plain bytes to the format that recognizes them. It
//! returns a [`Content`], and the caller decides what it can use. A new format is one file here and
//! one entry in [`FORMATS`].

mod ahead;
mod budget;
mod error;
mod gauges;
mod gctrace;
pub mod pprof;
mod refusal;
mod text;
mod unpack;

pub use budget::{Budget, Meter};
pub use error::InputError;
pub use refusal::Refusal;
pub use text::dump::cut_dumps_at;

use crate::model::collections::{BrokenRecord, CollectorLog};
use crate::model::gauges::{GaugeLog, GaugeTime};
use crate::model::measures::{self, Kind};
use crate::model::profile::Profile;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use unpack::Packing;

/// What an input holds.
#[derive(Debug)]
pub enum Content {
    /// A profile of anything but goroutines, usually of the heap.
    Profile(Profile),
    /// A profile of goroutines.
    Goroutines(Profile),
    /// A log with lines of Go's gctrace, which [`read_collections`] reads. The refusal is the
    /// message if a profile is needed.
    GcTrace(Refusal),
    /// The collections in such a log, if [`read_any`] read it.
    Collections(CollectorLog),
    /// What the system or the runtime says of a process's memory.
    Gauges(GaugeLog),
    /// Something that heapdiff doesn't read.
    Other(Refusal),
}

impl Content {
    /// Returns the profile, of any kind.
    pub fn into_profile(self) -> Result<Profile, InputError> {
        match self {
            Self::Profile(profile) | Self::Goroutines(profile) => Ok(profile),
            Self::Gauges(_) => Err(InputError::Unrecognized(Refusal::gauges())),
            Self::Collections(_) => Err(InputError::Unrecognized(Refusal::gctrace())),
            Self::GcTrace(refusal) | Self::Other(refusal) => Err(InputError::Unrecognized(refusal)),
        }
    }
}

/// Sorts a profile by what it counts.
impl From<Profile> for Content {
    fn from(profile: Profile) -> Self {
        match measures::kind(&profile.header) {
            Kind::Goroutine => Self::Goroutines(profile),
            Kind::Heap | Kind::Cpu | Kind::Contention | Kind::Threads | Kind::Other => {
                Self::Profile(profile)
            }
        }
    }
}

/// An input format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Display name, without an article.
    pub name: &'static str,
    /// What its inputs hold.
    pub holds: Holds,
    /// How an input of this format is recognized.
    pub sniff: Sniff,
    /// Reads the plain content.
    pub read: fn(&mut dyn Read, Meter<'_>) -> Result<Content, InputError>,
}

/// What the inputs of a format hold, as far as is known before they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A profile of some kind.
    Profile,
    /// A profile of some kind in text, which doesn't say when it was taken.
    TextProfile,
    /// Lines of Go's gctrace.
    GcTrace,
    /// What the system or the runtime says of a process's memory.
    Gauges,
}

/// How an input of a format is recognized by its plain content.
#[derive(Clone, Copy, Debug)]
pub enum Sniff {
    /// By its first bytes: 512, or all if there are fewer.
    Start(fn(&[u8]) -> bool),
    /// By a line of text that may come after others, in the first 256 KiB of a text whose beginning
    /// no other format recognizes.
    Line(fn(&[u8]) -> bool),
}

/// The name of the format of goroutine dumps.
pub const DUMP: &str = "Go goroutine dump";

/// The formats, in the order in which they are tried: first those recognized by their first bytes.
pub const FORMATS: &[Format] = &[
    pprof::FORMAT,
    text::heap::FORMAT,
    text::jemalloc::FORMAT,
    text::count::FORMAT,
    text::threads::FORMAT,
    text::contention::FORMAT,
    text::java::FORMAT,
    text::dump::FORMAT,
    gauges::kernel::FORMAT,
    gauges::rows::FORMAT,
    text::dump::IN_LOG,
    gctrace::FORMAT,
    gauges::statistics::FORMAT,
];

/// Bytes examined to recognize the format.
const SNIFF: usize = 512;
/// Bytes after those in which a line may identify the format.
const LINES: u64 = 256 * 1024;
/// Bytes read at a time if only the beginning is needed.
const LOOK: usize = 4096;
/// Bytes read at a time: large enough that system calls are rare, small enough for the cache.
const CHUNK: usize = 128 * 1024;

/// Most decompressed bytes that are read after an error, to find a better explanation.
const DRAIN: u64 = 256 << 20;

/// Reads an input that has to be a profile, of any kind and in any known format.
pub fn read_profile(reader: impl Read + Send) -> Result<Profile, InputError> {
    read(reader, Budget::default(), Inflate::Ahead)?.into_profile()
}

/// Whether bytes unpack to at most so many. Damaged ones do: their reader says what is wrong.
pub fn unpacks_within(bytes: &[u8], most: u64) -> bool {
    let Some(packing) = Packing::of(bytes) else { return bytes.len() as u64 <= most };
    let mut unpacked = packing.unpack(bytes).take(most.saturating_add(1));
    io::copy(&mut unpacked, &mut io::sink()).map_or(true, |length| length <= most)
}

/// Which thread inflates a long input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflate {
    /// Another one than the one that decodes.
    Ahead,
    /// The same: others are busy with other inputs.
    Here,
}

/// Reads an input, compressed or not, as long as it stays within its budget.
pub fn read(
    reader: impl Read + Send,
    budget: Budget,
    inflate: Inflate,
) -> Result<Content, InputError> {
    read_with(reader, budget, inflate, dispatch)
}

/// Reads the collections of Go's gctrace in a log, compressed or not, wherever in it they are. A log
/// without any is an error.
pub fn read_collections(
    reader: impl Read + Send,
    budget: Budget,
    inflate: Inflate,
) -> Result<CollectorLog, InputError> {
    read_with(reader, budget, inflate, |reader, meter| {
        let mut head = Vec::with_capacity(SNIFF);
        reader.take(SNIFF as u64).read_to_end(&mut head)?;
        let knows = |format: &&Format| matches!(format.sniff, Sniff::Start(knows) if knows(&head));
        if let Some(format) = FORMATS.iter().find(knows) {
            return Err(InputError::Unrecognized(Refusal::not_a_log(format.name)));
        }
        let log = gctrace::read_log(&mut head.as_slice().chain(reader), meter)?;
        match log.broken.first.first() {
            _ if !log.processes.is_empty() => Ok(log),
            Some(&BrokenRecord { line, column, expected }) => {
                Err(InputError::BrokenRecords { count: log.broken.count, line, column, expected })
            }
            None if refusal::is_known(&head) => {
                Err(InputError::Unrecognized(refusal::explain(&head)))
            }
            None => Err(InputError::NoRecords { lines: log.lines }),
        }
    })
}

/// Reads an input of any kind, with the collections of a log.
pub fn read_any(
    reader: impl Read + Send,
    budget: Budget,
    inflate: Inflate,
) -> Result<Content, InputError> {
    read_with(reader, budget, inflate, |reader, meter| {
        let mut head = Vec::with_capacity(SNIFF);
        let known = recognize(&mut head, reader)?;
        let mut whole = head.as_slice().chain(reader);
        match known {
            Beginning::Known(format) if format.holds == Holds::GcTrace => {
                Ok(Content::Collections(gctrace::read_log(&mut whole, meter)?))
            }
            Beginning::Known(format) => (format.read)(&mut whole, meter),
            // The first collection may come late.
            Beginning::Other(refusal) if refusal::is_text(&head) && !refusal::is_known(&head) => {
                let log = gctrace::read_log(&mut whole, meter)?;
                let is_log = !log.processes.is_empty();
                Ok(if is_log { Content::Collections(log) } else { Content::Other(refusal) })
            }
            Beginning::Other(refusal) => Ok(Content::Other(refusal)),
        }
    })
}

/// Reads a time as people write it, in nanoseconds since the epoch.
pub fn time(text: &str) -> Option<i64> {
    match gauges::time(text)? {
        GaugeTime::Utc(nanos) => Some(nanos),
        GaugeTime::Unknown | GaugeTime::SinceStart(_) => None,
    }
}

/// Reads a list of times and resident sets, or another input that has them, compressed or not.
pub fn read_rss(
    reader: impl Read + Send,
    budget: Budget,
    inflate: Inflate,
) -> Result<GaugeLog, InputError> {
    let content = read_with(reader, budget, inflate, |reader, meter| {
        let mut head = Vec::with_capacity(SNIFF);
        let known = recognize(&mut head, reader)?;
        let mut whole = head.as_slice().chain(reader);
        match known {
            Beginning::Known(format) if format.holds == Holds::Gauges => {
                (format.read)(&mut whole, meter)
            }
            Beginning::Known(format) => {
                Err(InputError::Unrecognized(Refusal::without_rss(format.name)))
            }
            Beginning::Other(_) if refusal::is_text(&head) && !refusal::is_known(&head) => {
                gauges::rows::read(&mut whole, meter)
            }
            Beginning::Other(refusal) => Err(InputError::Unrecognized(refusal)),
        }
    })?;
    match content {
        Content::Gauges(log) => Ok(log),
        other => other.into_profile().and(Err(InputError::Empty)),
    }
}

/// Unpacks an input if it is compressed, and hands the plain bytes to `decode`.
fn read_with<T>(
    reader: impl Read + Send,
    budget: Budget,
    inflate: Inflate,
    decode: impl Fn(&mut dyn Read, Meter<'_>) -> Result<T, InputError>,
) -> Result<T, InputError> {
    let (first, packed) = begin(reader, CHUNK)?;
    let taken = AtomicU64::new(0);
    let mut packed = Counted { inner: packed, bytes: &taken };
    if let Some(packing) = first.packing {
        // A short file is decoded before a thread would have started.
        let short = first.len < CHUNK;
        let unpacked = AtomicU64::new(0);
        let mut plain = Counted { inner: packing.unpack(packed), bytes: &unpacked };
        let whole = short.then_some(first.len as u64);
        let decode = |reader: &mut dyn Read, stored: &AtomicU64| {
            decode(reader, Meter::new(budget, stored).of_whole(whole))
                .map_err(|error| damage(&error, reader).unwrap_or(error))
        };
        let result = if short {
            decode(&mut plain, &AtomicU64::new(first.len as u64))
        } else {
            match inflate {
                Inflate::Ahead => ahead::read_ahead(plain, &taken, decode),
                Inflate::Here => ahead::read_here(plain, &taken, decode),
            }
        };
        result.map_err(|error| explain_packed(error, packing, unpacked.into_inner()))
    } else {
        decode(&mut packed, Meter::new(budget, &taken))
    }
}

/// The first bytes of an input.
struct First {
    /// How many there are: as many as were wanted, or all.
    len: usize,
    packing: Option<Packing>,
}

/// Reads the first `most` bytes of an input, or all if there are fewer, and returns the input with
/// these bytes still to be read. A pipe may return as little as one byte at a time.
fn begin(mut reader: impl Read, most: usize) -> Result<(First, impl BufRead), InputError> {
    let mut head = Vec::with_capacity(most);
    reader.by_ref().take(most as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(InputError::Empty);
    }
    let first = First { len: head.len(), packing: Packing::of(&head) };
    Ok((first, Cursor::new(head).chain(BufReader::with_capacity(most, reader))))
}

fn dispatch(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    let mut head = Vec::with_capacity(SNIFF);
    match recognize(&mut head, reader)? {
        Beginning::Known(format) => (format.read)(&mut head.as_slice().chain(reader), meter),
        Beginning::Other(refusal) => Ok(Content::Other(refusal)),
    }
}

/// What an input is, judged by its beginning.
#[derive(Clone, Debug)]
pub enum Beginning {
    /// A format that heapdiff knows, if the rest is intact.
    Known(&'static Format),
    /// Something else.
    Other(Refusal),
}

/// Examines the beginning of an input, compressed or not.
pub fn look(reader: impl Read + Send) -> Result<Beginning, InputError> {
    let (first, mut packed) = begin(reader, LOOK)?;
    let mut head = Vec::with_capacity(SNIFF);
    match first.packing {
        Some(packing) => recognize(&mut head, &mut packing.unpack(packed)),
        None => recognize(&mut head, &mut packed),
    }
}

/// Recognizes plain content by its beginning, which is moved to `head`.
fn recognize(head: &mut Vec<u8>, rest: &mut dyn Read) -> Result<Beginning, InputError> {
    rest.take(SNIFF as u64).read_to_end(head)?;
    if head.is_empty() {
        return Err(InputError::Empty);
    }
    let by_start = |format: &&Format| matches!(format.sniff, Sniff::Start(knows) if knows(head));
    if let Some(format) = FORMATS.iter().find(by_start) {
        return Ok(Beginning::Known(format));
    }
    let refusal = refusal::explain(head);
    if refusal::is_text(head) && !refusal::is_known(head) {
        rest.take(LINES).read_to_end(head)?;
        let by_line = |format: &&Format| matches!(format.sniff, Sniff::Line(knows) if knows(head));
        if let Some(format) = FORMATS.iter().find(by_line) {
            return Ok(Beginning::Known(format));
        }
    }
    Ok(Beginning::Other(refusal))
}

/// Finds what is wrong with the packing around bytes that aren't a valid profile: the checksum at its
/// end distinguishes damaged bytes from bytes that never were a profile.
fn damage(error: &InputError, rest: &mut dyn Read) -> Option<InputError> {
    let is_content = matches!(
        error,
        InputError::Malformed { .. }
            | InputError::Line { .. }
            | InputError::Record { .. }
            | InputError::Invalid(_)
    );
    let drained = is_content.then(|| io::copy(&mut rest.take(DRAIN), &mut io::sink()));
    drained?.err().map(InputError::Io)
}

/// Adds to an error what the packing around the bytes explains.
fn explain_packed(error: InputError, packing: Packing, unpacked: u64) -> InputError {
    match error {
        InputError::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => InputError::CutOff(
            format!("the {} stream ends early, after {unpacked} unpacked bytes", packing.name()),
        ),
        InputError::Io(e)
            if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
        {
            InputError::Damaged { packing: packing.name(), unpacked, reason: e.to_string() }
        }
        InputError::Malformed { offset, expected, .. } => {
            InputError::Malformed { offset, expected, unpacked: true }
        }
        other => other,
    }
}

/// Counts the bytes that pass through.
struct Counted<'a, R> {
    inner: R,
    bytes: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.inner.consume(n);
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
    }
}
