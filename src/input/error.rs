//! Why an input couldn't be read. The text has no subject: the caller puts the input's name before it.

use super::refusal::{self, Refusal};
use crate::model::builder::Share;
use crate::units::Bytes;
use std::io;

/// Why an input couldn't be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The bytes couldn't be read.
    #[error("can't read it: {0}")]
    Io(#[from] io::Error),
    /// There are no bytes.
    #[error("is empty (0 bytes), not a profile; did the download fail?")]
    Empty,
    /// It has no format that heapdiff reads.
    #[error("{0}")]
    Unrecognized(Refusal),
    /// A known format, but broken.
    #[error(
        "malformed profile at byte {offset}{}: {}",
        if *.unpacked { " (unpacked)" } else { "" },
        refusal::with_advice(expected)
    )]
    Malformed {
        /// Position in the decompressed bytes.
        offset: u64,
        /// What was expected there, and what was found.
        expected: String,
        /// Whether the input was packed: the offset counts unpacked bytes.
        unpacked: bool,
    },
    /// A known format in text, but with a line that isn't.
    #[error("malformed profile in line {line}: {}", refusal::with_advice(expected))]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What was expected there, and what was found.
        expected: String,
    },
    /// Samples of memory, but with a line that isn't one.
    #[error("malformed record of memory in line {line}: {expected}")]
    Record {
        /// Its number, from 1.
        line: u64,
        /// What was expected there, what was found, and what to do.
        expected: String,
    },
    /// A log without a line of gctrace.
    #[error(
        "has no line of Go's gctrace in its {lines} {}; run the program with GODEBUG=gctrace=1, \
         which makes it write them to standard error",
        if *.lines == 1 { "line" } else { "lines" }
    )]
    NoRecords {
        /// Lines that were read.
        lines: u64,
    },
    /// A log in which every line of gctrace breaks off.
    #[error(
        "has no whole line of Go's gctrace: the {count} that begin like one break off, the first in \
         line {line}, column {column}, where {expected} was expected; use the log as it was written"
    )]
    BrokenRecords {
        /// Records that break off.
        count: u64,
        /// The line of the first, from 1.
        line: u64,
        /// Its place in the line, in bytes from 1.
        column: u64,
        /// What was expected where it breaks off.
        expected: &'static str,
    },
    /// The entries don't fit together.
    #[error("malformed profile: {}", refusal::with_advice(.0))]
    Invalid(String),
    /// It takes more memory than an input of its size should.
    #[error(
        "is too large in memory: it has {} {}, which take more than {} with what else was read of its \
         {} so far; fetch it again, or use --memory-limit SIZE if it should be so large",
        .most.count, .most.what, Bytes(*.allowed as f64), Bytes(*.stored as f64)
    )]
    TooMuch {
        /// The kind of entries that weighs most.
        most: Share,
        /// Bytes as stored that were read.
        stored: u64,
        /// Bytes that they may take in memory.
        allowed: u64,
    },
    /// The bytes end too early.
    #[error("is cut off: {0}; fetch the profile again")]
    CutOff(String),
    /// The compressed bytes are damaged.
    #[error(
        "damaged {packing} data after {unpacked} unpacked bytes: {reason}; fetch the profile again"
    )]
    Damaged {
        /// What it is packed with.
        packing: &'static str,
        /// Bytes that could be decompressed.
        unpacked: u64,
        /// What the decompressor found.
        reason: String,
    },
}
