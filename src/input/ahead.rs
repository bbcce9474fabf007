//! Decompresses ahead: one thread inflates while another decodes.
//!
//! Inflating costs about as much as decoding, so together they keep two cores busy even if one file
//! is much larger than the other. Buffers are reused and only a few are in flight, so memory stays
//! bounded whatever the file claims to hold.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
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
            if let Some(reader) = take() {
                fill(reader, taken, &full, &emptied);
            }
        };
        let other = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, fill);
        if other.is_err()
            && let Some(mut reader) = take()
        {
            return consume(&mut reader, taken);
        }
        let of_these = AtomicU64::new(0);
        let taken = &of_these;
        consume(&mut Ahead { filled, empty, piece: Vec::new(), position: 0, taken }, taken)
    })
}

/// Bytes, and what was taken until they were complete.
type Piece = (Vec<u8>, u64);

/// Fills buffers until the end, an error, or until the other side stops.
fn fill(
    mut reader: impl Read,
    taken: &AtomicU64,
    full: &SyncSender<io::Result<Piece>>,
    emptied: &Receiver<Vec<u8>>,
) {
    loop {
        let mut piece = emptied.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let mut length = 0;
        let outcome = loop {
            match reader.read(&mut piece[length..]) {
                Ok(0) => break Ok(()),
                Ok(n) => length += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
            if length == PIECE {
                break Ok(());
            }
        };
        piece.truncate(length);
        let at_end = length < PIECE;
        let piece = (piece, taken.load(Ordering::Relaxed));
        if (length > 0 && full.send(Ok(piece)).is_err()) || at_end {
            if let Err(e) = outcome {
                // Not an error if the other side has stopped.
                let _ = full.send(Err(e));
            }
            return;
        }
    }
}

struct Ahead<'a> {
    filled: Receiver<io::Result<Piece>>,
    empty: Sender<Vec<u8>>,
    piece: Vec<u8>,
    position: usize,
    taken: &'a AtomicU64,
}

impl Read for Ahead<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.piece.len() {
            // The other side closes the channel at the end.
            let Ok(next) = self.filled.recv() else { return Ok(0) };
            let (piece, taken) = next?;
            let done = std::mem::replace(&mut self.piece, piece);
            self.taken.store(taken, Ordering::Relaxed);
            self.position = 0;
            // The other side no longer needs it once it is done.
            let _ = self.empty.send(done);
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
            let read = read_ahead(&bytes[..], &AtomicU64::new(0), |reader, _| {
                let mut read = Vec::new();
                reader.read_to_end(&mut read).map(|_| read)
            });
            assert_eq!(read.unwrap(), bytes);
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
        let mut read = Vec::new();
        let result = read_ahead(Broken(PIECE + 5), &AtomicU64::new(0), |reader, _| {
            reader.read_to_end(&mut read)
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read.len(), PIECE + 5);
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
