//! A reader of debug information that counts what is read.
//!
//! A few bytes can ask for much work: lists of ranges that thousands of functions share, units that read one
//! table again and again, names without an end, functions that are inlined in one another a million times.
//! So all reading of a binary is bounded in proportion to its bytes, and nesting by the stack that is there.

use gimli::{Error, Reader, ReaderOffsetId, Result};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::sections::Piece;

/// Bytes that may be read for each byte of debug information. Looking up every function of real binaries
/// takes less than 8.
const PER_BYTE: u64 = 32;
/// Bytes that may be read however small the file is, and for each address that is looked up.
const LEAST: u64 = 1 << 24;
const PER_ADDRESS: u64 = 1 << 12;
/// Bytes of a text that cost as much as one of other bytes: they are read many at a time.
const TEXT: u64 = 8;
/// Bytes of stack that reading may take. The smallest stacks have 2 MiB.
const STACK: usize = 1 << 19;

/// What may still be read.
#[derive(Debug, Default)]
pub(super) struct Meter {
    left: AtomicU64,
    /// Where the stack was when the reading began.
    stack: AtomicUsize,
    is_deep: AtomicBool,
}

impl Meter {
    /// For debug information of so many bytes.
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        let meter = Self::default();
        meter.left.store(LEAST.saturating_add(bytes.saturating_mul(PER_BYTE)), Ordering::Relaxed);
        Arc::new(meter)
    }

    /// Begins to look something up.
    pub(super) fn begin(&self) {
        self.stack.store(here(), Ordering::Relaxed);
    }

    /// Allows what an address may need.
    pub(super) fn allow_address(&self) {
        let left = self.left();
        if left > 0 {
            self.left.store(left.saturating_add(PER_ADDRESS), Ordering::Relaxed);
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether functions are nested too deeply to read.
    pub(super) fn is_deep(&self) -> bool {
        self.is_deep.load(Ordering::Relaxed)
    }

    /// Takes so much; false if there isn't as much. One thread at a time looks something up.
    pub(super) fn take(&self, amount: u64) -> bool {
        let left = self.left().checked_sub(amount);
        self.left.store(left.unwrap_or(0), Ordering::Relaxed);
        left.is_some()
    }

    fn charge(&self, amount: u64, at: ReaderOffsetId) -> Result<()> {
        if here().abs_diff(self.stack.load(Ordering::Relaxed)) > STACK {
            self.is_deep.store(true, Ordering::Relaxed);
            return Err(Error::UnexpectedEof(at));
        }
        if self.take(amount) { Ok(()) } else { Err(Error::UnexpectedEof(at)) }
    }
}

/// Where the stack is.
#[inline(never)]
fn here() -> usize {
    let own = 0_u8;
    std::hint::black_box(std::ptr::from_ref(&own)).addr()
}

/// A part of a binary whose reading is counted.
#[derive(Clone, Debug)]
pub(super) struct Metered {
    piece: Piece,
    meter: Arc<Meter>,
}

impl Metered {
    pub(super) fn new(piece: Piece, meter: &Arc<Meter>) -> Self {
        Self { piece, meter: Arc::clone(meter) }
    }

    fn charge(&self, amount: usize) -> Result<()> {
        self.meter.charge(amount as u64, self.piece.offset_id())
    }

    fn charge_text(&self) -> Result<()> {
        self.charge(1 + self.piece.len() / TEXT as usize)
    }
}

impl Reader for Metered {
    type Endian = gimli::RunTimeEndian;
    type Offset = usize;

    #[inline]
    fn endian(&self) -> Self::Endian {
        self.piece.endian()
    }

    #[inline]
    fn len(&self) -> usize {
        self.piece.len()
    }

    #[inline]
    fn empty(&mut self) {
        Reader::empty(&mut self.piece);
    }

    #[inline]
    fn truncate(&mut self, len: usize) -> Result<()> {
        Reader::truncate(&mut self.piece, len)
    }

    #[inline]
    fn offset_from(&self, base: &Self) -> usize {
        self.piece.offset_from(&base.piece)
    }

    #[inline]
    fn offset_id(&self) -> ReaderOffsetId {
        self.piece.offset_id()
    }

    #[inline]
    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        self.piece.lookup_offset_id(id)
    }

    #[inline]
    fn find(&self, byte: u8) -> Result<usize> {
        let found = Reader::find(&self.piece, byte);
        let searched = found.as_ref().map_or(self.piece.len(), |&at| at);
        self.charge(1 + searched / TEXT as usize)?;
        found
    }

    #[inline]
    fn skip(&mut self, len: usize) -> Result<()> {
        self.charge(1)?;
        Reader::skip(&mut self.piece, len)
    }

    #[inline]
    fn split(&mut self, len: usize) -> Result<Self> {
        self.charge(1)?;
        let piece = Reader::split(&mut self.piece, len)?;
        Ok(Self { piece, meter: Arc::clone(&self.meter) })
    }

    #[inline]
    fn to_slice(&self) -> Result<Cow<'_, [u8]>> {
        self.charge_text()?;
        Reader::to_slice(&self.piece)
    }

    #[inline]
    fn to_string(&self) -> Result<Cow<'_, str>> {
        self.charge_text()?;
        Reader::to_string(&self.piece)
    }

    #[inline]
    fn to_string_lossy(&self) -> Result<Cow<'_, str>> {
        self.charge_text()?;
        Reader::to_string_lossy(&self.piece)
    }

    #[inline]
    fn read_slice(&mut self, buf: &mut [u8]) -> Result<()> {
        self.charge(buf.len())?;
        self.piece.read_slice(buf)
    }
}
