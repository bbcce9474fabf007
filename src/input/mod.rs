//! Bytes in, facts out. What an input is, its content says, never its name.
//!
//! [`read`] unpacks gzip where it finds it and hands the plain bytes to the format that knows them. A new
//! format is one file here and one entry in [`FORMATS`].

mod ahead;
mod gctrace;
pub mod pprof;
mod refusal;

pub use refusal::Refusal;

use crate::model::profile::Profile;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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

/// An input format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Name for people.
    pub name: &'static str,
    /// Whether the first bytes of the plain content look like this format.
    pub sniff: fn(&[u8]) -> bool,
    /// Reads it.
    pub read: fn(&mut dyn Read) -> Result<Profile, Error>,
}

/// The formats, in the order in which they are asked.
pub const FORMATS: &[Format] = &[pprof::FORMAT];

/// Bytes that are looked at to tell the format.
const SNIFF: usize = 512;
/// Bytes that are read at once where only the beginning is wanted.
const LOOK: usize = 4096;
/// Large enough that a system call is rare, small enough to stay in the cache.
const CHUNK: usize = 128 * 1024;

/// Unpacked bytes that are read on behind an error, in search of a better explanation.
const DRAIN: u64 = 256 << 20;

/// Reads a profile of any known format.
pub fn read(reader: impl Read + Send) -> Result<Profile, Error> {
    let mut packed = BufReader::with_capacity(CHUNK, reader);
    let magic = packed.fill_buf()?;
    if magic.is_empty() {
        return Err(Error::Empty);
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

fn dispatch(reader: &mut dyn Read) -> Result<Profile, Error> {
    let mut head = Vec::with_capacity(SNIFF);
    reader.take(SNIFF as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(Error::Empty);
    }
    let known = FORMATS.iter().find(|format| (format.sniff)(&head));
    match known {
        Some(format) => (format.read)(&mut head.as_slice().chain(reader)),
        None => match unknown(head, reader)? {
            Content::Other(refusal) => Err(Error::Unrecognized(refusal)),
            _ => Err(Error::Unrecognized(refusal::gctrace())),
        },
    }
}

/// What an input is, as far as its beginning says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A profile, or the beginning of one.
    Profile,
    /// A log with lines of Go's gctrace.
    GcTrace,
    /// Something else.
    Other(Refusal),
}

/// Looks at the beginning of an input, packed or not.
pub fn look(reader: impl Read) -> Result<Content, Error> {
    let mut packed = BufReader::with_capacity(LOOK, reader);
    let magic = packed.fill_buf()?;
    if magic.is_empty() {
        return Err(Error::Empty);
    }
    if magic.starts_with(&[0x1f, 0x8b]) {
        look_plain(&mut flate2::bufread::MultiGzDecoder::new(packed))
    } else {
        look_plain(&mut packed)
    }
}

fn look_plain(reader: &mut dyn Read) -> Result<Content, Error> {
    let mut head = Vec::with_capacity(SNIFF);
    reader.take(SNIFF as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(Error::Empty);
    }
    if FORMATS.iter().any(|format| (format.sniff)(&head)) {
        return Ok(Content::Profile);
    }
    unknown(head, reader)
}

/// What an input is that no format knows.
fn unknown(mut head: Vec<u8>, rest: &mut dyn Read) -> Result<Content, Error> {
    let refusal = refusal::explain(&head);
    if refusal::is_text(&head) && !refusal::is_known(&head) {
        rest.take(gctrace::LOOK).read_to_end(&mut head)?;
        if gctrace::is_gctrace(&head) {
            return Ok(Content::GcTrace);
        }
    }
    Ok(Content::Other(refusal))
}

/// What is wrong with the gzip around bytes that make no profile: its checksum, at its end, tells bytes that were
/// damaged on the way from those that never were a profile.
fn damage(error: &Error, rest: &mut dyn Read) -> Option<Error> {
    let is_content = matches!(error, Error::Malformed { .. } | Error::Invalid(_));
    let drained = is_content.then(|| io::copy(&mut rest.take(DRAIN), &mut io::sink()));
    drained?.err().map(Error::Io)
}

/// Says of an error what the gzip around the bytes adds to it.
fn explain_packed(error: Error, unpacked: u64) -> Error {
    match error {
        Error::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Error::CutOff(format!("the gzip stream ends early, after {unpacked} unpacked bytes"))
        }
        Error::Io(e)
            if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
        {
            Error::Damaged { unpacked, reason: e.to_string() }
        }
        Error::Malformed { offset, expected, .. } => {
            Error::Malformed { offset, expected, unpacked: true }
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
