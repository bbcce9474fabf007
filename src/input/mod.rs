//! Bytes in, facts out. What an input is, its content says, never its name.
//!
//! [`read`] unpacks gzip where it finds it and hands the plain bytes to the format that knows them. What comes out is a
//! [`Content`], and the caller decides what it can use. A new format is one file here and one entry in [`FORMATS`].

mod ahead;
mod gctrace;
pub mod pprof;
mod refusal;

pub use refusal::Refusal;

use crate::model::measures::{self, Kind};
use crate::model::profile::Profile;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The bytes could not be fetched.
    #[error("can't read it: {0}")]
    Io(#[from] io::Error),
    /// There are no bytes.
    #[error("is empty: 0 bytes; a profile was expected (did the download fail?)")]
    Empty,
    /// No format that heapdiff reads.
    #[error("{0}")]
    Unrecognized(Refusal),
    /// A known format, but broken.
    #[error(
        "malformed profile at byte {offset}{}: {}",
        if *.unpacked { " (unpacked)" } else { "" },
        refusal::with_advice(expected)
    )]
    Malformed {
        /// Position in the bytes, after unpacking.
        offset: u64,
        /// What was expected there, and what was found.
        expected: String,
        /// Whether the input was gzip: the offset counts unpacked bytes.
        unpacked: bool,
    },
    /// The entries don't fit together.
    #[error("malformed profile: {}", refusal::with_advice(.0))]
    Invalid(String),
    /// The bytes end too early.
    #[error("is cut off: {0}; fetch the profile again")]
    CutOff(String),
    /// The packed bytes are damaged.
    #[error("damaged gzip data after {unpacked} unpacked bytes: {reason}; fetch the profile again")]
    Damaged {
        /// Bytes that could be unpacked.
        unpacked: u64,
        /// What the decompressor found.
        reason: String,
    },
}

/// What an input holds.
#[derive(Debug)]
pub enum Content {
    /// A profile of anything but goroutines: of the heap, as a rule.
    Profile(Profile),
    /// A profile of goroutines.
    Goroutines(Profile),
    /// A log with lines of Go's gctrace. Its lines are not read; this says so where a profile is needed.
    GcTrace(Refusal),
    /// Nothing that heapdiff reads.
    Other(Refusal),
}

impl Content {
    /// The profile, where one of any kind will do.
    pub fn into_profile(self) -> Result<Profile, InputError> {
        match self {
            Self::Profile(profile) | Self::Goroutines(profile) => Ok(profile),
            Self::GcTrace(refusal) | Self::Other(refusal) => Err(InputError::Unrecognized(refusal)),
        }
    }
}

/// A profile, by what it counts.
impl From<Profile> for Content {
    fn from(profile: Profile) -> Self {
        match measures::kind(&profile.header) {
            Kind::Goroutine => Self::Goroutines(profile),
            Kind::Heap | Kind::Cpu | Kind::Contention | Kind::Other => Self::Profile(profile),
        }
    }
}

/// An input format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Name for people, without an article.
    pub name: &'static str,
    /// What its inputs hold.
    pub holds: Holds,
    /// How an input of this format is known.
    pub sniff: Sniff,
    /// Reads the plain content.
    pub read: fn(&mut dyn Read) -> Result<Content, InputError>,
}

/// What the inputs of a format hold, as far as that is known before they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A profile of some kind.
    Profile,
    /// Lines of Go's gctrace.
    GcTrace,
}

/// How an input of a format is known by its plain content.
#[derive(Clone, Copy, Debug)]
pub enum Sniff {
    /// By its first bytes: 512, or all where there are fewer.
    Start(fn(&[u8]) -> bool),
    /// By a line of text that may come after others; asked of the first 256 KiB of a text that begins like nothing else.
    Line(fn(&[u8]) -> bool),
}

/// The formats, in the order in which they are asked: first those that know the first bytes.
pub const FORMATS: &[Format] = &[pprof::FORMAT, gctrace::FORMAT];

/// Bytes that are looked at to tell the format.
const SNIFF: usize = 512;
/// Bytes after those in which a line may tell it.
const LINES: u64 = 256 * 1024;
/// Bytes that are read at once where only the beginning is wanted.
const LOOK: usize = 4096;
/// Large enough that a system call is rare, small enough to stay in the cache.
const CHUNK: usize = 128 * 1024;

/// Unpacked bytes that are read on behind an error, in search of a better explanation.
const DRAIN: u64 = 256 << 20;

/// Reads an input that has to be a profile, of any kind and in any known format.
pub fn read_profile(reader: impl Read + Send) -> Result<Profile, InputError> {
    read(reader)?.into_profile()
}

/// Reads an input, packed or not.
pub fn read(reader: impl Read + Send) -> Result<Content, InputError> {
    let mut packed = BufReader::with_capacity(CHUNK, reader);
    let magic = packed.fill_buf()?;
    if magic.is_empty() {
        return Err(InputError::Empty);
    }
    if magic.starts_with(&[0x1f, 0x8b]) {
        // What a short file holds is decoded before a thread has started.
        let short = magic.len() < CHUNK;
        let unpacked = AtomicU64::new(0);
        let mut plain =
            Counted { inner: flate2::bufread::MultiGzDecoder::new(packed), bytes: &unpacked };
        let decode = |reader: &mut dyn Read| {
            dispatch(reader).map_err(|error| damage(&error, reader).unwrap_or(error))
        };
        let result = if short { decode(&mut plain) } else { ahead::read_ahead(plain, decode) };
        result.map_err(|error| explain_packed(error, unpacked.into_inner()))
    } else {
        dispatch(&mut packed)
    }
}

fn dispatch(reader: &mut dyn Read) -> Result<Content, InputError> {
    let mut head = Vec::with_capacity(SNIFF);
    match recognize(&mut head, reader)? {
        Beginning::Known(format) => (format.read)(&mut head.as_slice().chain(reader)),
        Beginning::Other(refusal) => Ok(Content::Other(refusal)),
    }
}

/// What an input is, as far as its beginning says.
#[derive(Clone, Debug)]
pub enum Beginning {
    /// Of a format that heapdiff knows, if it is whole.
    Known(&'static Format),
    /// Something else.
    Other(Refusal),
}

/// Looks at the beginning of an input, packed or not.
pub fn look(reader: impl Read) -> Result<Beginning, InputError> {
    let mut packed = BufReader::with_capacity(LOOK, reader);
    let magic = packed.fill_buf()?;
    if magic.is_empty() {
        return Err(InputError::Empty);
    }
    let mut head = Vec::with_capacity(SNIFF);
    if magic.starts_with(&[0x1f, 0x8b]) {
        recognize(&mut head, &mut flate2::bufread::MultiGzDecoder::new(packed))
    } else {
        recognize(&mut head, &mut packed)
    }
}

/// What plain content is by its beginning, which is moved to `head`.
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

/// What is wrong with the gzip around bytes that make no profile: its checksum, at its end, tells bytes that were
/// damaged on the way from those that never were a profile.
fn damage(error: &InputError, rest: &mut dyn Read) -> Option<InputError> {
    let is_content = matches!(error, InputError::Malformed { .. } | InputError::Invalid(_));
    let drained = is_content.then(|| io::copy(&mut rest.take(DRAIN), &mut io::sink()));
    drained?.err().map(InputError::Io)
}

/// Says of an error what the gzip around the bytes adds to it.
fn explain_packed(error: InputError, unpacked: u64) -> InputError {
    match error {
        InputError::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => InputError::CutOff(
            format!("the gzip stream ends early, after {unpacked} unpacked bytes"),
        ),
        InputError::Io(e)
            if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
        {
            InputError::Damaged { unpacked, reason: e.to_string() }
        }
        InputError::Malformed { offset, expected, .. } => {
            InputError::Malformed { offset, expected, unpacked: true }
        }
        other => other,
    }
}

/// Counts what passes through.
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
