//! Decompresses ahead: one thread inflates while another decodes.
//!
//! Inflating costs about as much as decoding, so together they keep two cores busy even if one file
//! is much larger than the other. Buffers are reused and only a few are in flight, so memory stays
//! bounded whatever the file claims to hold.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Bytes handed over at a time: small enough for the cache, large enough that handing over is
/// cheap.
const PIECE: usize = 64 * 1024;
/// Bytes of the stack of the thread that decompresses, which calls little.
const STACK: usize = 256 * 1024;
/// Buffers in flight.
const AHEAD: usize = 2;

/// Calls `consume` with a reader of the same bytes as `reader`, which another thread reads ahead.
/// `taken` is what that thread has taken to make the bytes; `consume` gets what was taken to make the
/// bytes that it has read, so that what it does with it doesn't depend on how far ahead the other is.
/// Where the system has no thread to spare, `consume` reads for itself.
pub(super) fn read_ahead<T>(
    reader: impl Read + Send,
    taken: &AtomicU64,
    consume: impl FnOnce(&mut dyn Read, &AtomicU64) -> T,
) -> T {
    let source = Mutex::new(Some(reader));
    let take = || source.lock().unwrap_or_else(PoisonError::into_inner).take();
    thread::scope(|scope| {
        let (full, filled) = sync_channel(AHEAD);
        let (empty, emptied) = channel();
        let fill = move || {
            let Some(reader) = take() else { return };
            let mut pieces = Pieces::of(reader, taken);
            while let Some(piece) = pieces.next(emptied.try_recv().unwrap_or_default()) {
                // The other side may have stopped.
                if full.send(piece).is_err() {
                    return;
                }
            }
        };
        let other = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, fill);
        if other.is_err()
            && let Some(reader) = take()
        {
            return read_here(reader, taken, consume);
        }
        read_pieces(
            |done| {
                // The other side no longer needs it once it is done.
                let _ = empty.send(done);
                // It closes the channel at the end.
                filled.recv().ok()
            },
            consume,
        )
    })
}

/// The same as [`read_ahead`], but `consume` reads for itself.
pub(super) fn read_here<T>(
    reader: impl Read,
    taken: &AtomicU64,
    consume: impl FnOnce(&mut dyn Read, &AtomicU64) -> T,
) -> T {
    let mut pieces = Pieces::of(reader, taken);
    read_pieces(|done| pieces.next(done), consume)
}

fn read_pieces<T>(
    next: impl FnMut(Vec<u8>) -> Option<io::Result<Piece>>,
    consume: impl FnOnce(&mut dyn Read, &AtomicU64) -> T,
) -> T {
    let taken = AtomicU64::new(0);
    consume(&mut Joined { next, piece: Vec::new(), position: 0, taken: &taken }, &taken)
}

/// Bytes, and what was taken until they were complete.
type Piece = (Vec<u8>, u64);

/// The bytes of a reader in pieces of one size, whatever it returns at a time.
struct Pieces<'a, R> {
    reader: R,
    taken: &'a AtomicU64,
    at_end: bool,
    /// What comes after the bytes before it.
    error: Option<io::Error>,
}

impl<'a, R: Read> Pieces<'a, R> {
    fn of(reader: R, taken: &'a AtomicU64) -> Self {
        Self { reader, taken, at_end: false, error: None }
    }

    /// Returns the next piece in the buffer; `None` after the end and after an error.
    fn next(&mut self, mut piece: Vec<u8>) -> Option<io::Result<Piece>> {
        if self.at_end {
            return self.error.take().map(Err);
        }
        piece.resize(PIECE, 0);
        let mut length = 0;
        while length < PIECE && !self.at_end {
            match self.reader.read(&mut piece[length..]) {
                Ok(0) => self.at_end = true,
                Ok(n) => length += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => (self.at_end, self.error) = (true, Some(e)),
            }
        }
        if length == 0 {
            return self.error.take().map(Err);
        }
        piece.truncate(length);
        Some(Ok((piece, self.taken.load(Ordering::Relaxed))))
    }
}

/// Pieces as one stream.
struct Joined<'a, N> {
    /// Takes back a piece and returns the next.
    next: N,
    piece: Vec<u8>,
    position: usize,
    taken: &'a AtomicU64,
}

impl<N: FnMut(Vec<u8>) -> Option<io::Result<Piece>>> Read for Joined<'_, N> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.piece.len() {
            self.position = 0;
            let Some(next) = (self.next)(std::mem::take(&mut self.piece)) else { return Ok(0) };
            let (piece, taken) = next?;
            self.piece = piece;
            self.taken.store(taken, Ordering::Relaxed);
        }
        let rest = &self.piece[self.position..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.position += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE + 17] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let all = |reader: &mut dyn Read, _: &AtomicU64| {
                let mut read = Vec::new();
                reader.read_to_end(&mut read).map(|_| read)
            };
            assert_eq!(read_ahead(&bytes[..], &AtomicU64::new(0), all).unwrap(), bytes);
            assert_eq!(read_here(&bytes[..], &AtomicU64::new(0), all).unwrap(), bytes);
        }
    }

    #[test]
    fn an_error_comes_after_the_bytes_before_it() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0 == 0 {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                let n = self.0.min(buffer.len());
                self.0 -= n;
                Ok(n)
            }
        }
        let all = |reader: &mut dyn Read, _: &AtomicU64| {
            let mut read = Vec::new();
            let error = reader.read_to_end(&mut read).unwrap_err();
            (read.len(), error.kind(), reader.read(&mut [0]).unwrap())
        };
        let expected = (PIECE + 5, io::ErrorKind::InvalidData, 0);
        assert_eq!(read_ahead(Broken(PIECE + 5), &AtomicU64::new(0), all), expected);
        assert_eq!(read_here(Broken(PIECE + 5), &AtomicU64::new(0), all), expected);
    }

    #[test]
    fn who_stops_reading_does_not_wait_for_the_end() {
        let first = read_ahead(io::repeat(7), &AtomicU64::new(0), |reader, _| {
            let mut byte = [0];
            reader.read(&mut byte).map(|_| byte[0])
        });
        assert_eq!(first.unwrap(), 7);
    }
}
