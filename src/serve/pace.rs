//! How long a connection may wait for the head of a request: a while before it begins, and less once it has, or if the
//! connection is new. hyper has one limit for both; it asks its timer for each head, and this is that timer.

use hyper::rt::{Sleep, Timer};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection waits for.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    head: Duration,
    idle: Duration,
    /// When the head that is waited for began; `None` if nothing of it is here.
    begun: Arc<Mutex<Option<Instant>>>,
    /// Whether a head was waited for before.
    is_used: Arc<Mutex<bool>>,
}

impl Pace {
    pub(super) fn new(head: Duration, idle: Duration) -> Self {
        Self { head, idle, begun: Arc::default(), is_used: Arc::default() }
    }

    fn begun(&self) -> MutexGuard<'_, Option<Instant>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something came.
    fn came(&self) {
        self.begun().get_or_insert_with(Instant::now);
    }

    /// The next head is waited for from now on.
    fn wait(&self) -> Waiting {
        let now = Instant::now();
        let mut is_used = self.is_used.lock().unwrap_or_else(PoisonError::into_inner);
        // The first is due at once.
        *self.begun() = (!*is_used).then_some(now);
        *is_used = true;
        let until = tokio::time::Instant::from_std(now) + self.idle;
        Waiting { pace: self.clone(), since: now, sleep: Box::pin(tokio::time::sleep_until(until)) }
    }
}

impl Timer for Pace {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.wait())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.wait())
    }
}

/// Ends when the head that is waited for is late.
struct Waiting {
    pace: Pace,
    since: Instant,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let begun = *self.pace.begun();
        let due = begun.map_or(self.since + self.pace.idle, |begun| begun + self.pace.head);
        let due = tokio::time::Instant::from_std(due);
        if self.sleep.deadline() != due {
            self.sleep.as_mut().reset(due);
        }
        self.sleep.as_mut().poll(context)
    }
}

/// A stream that says when something comes.
pub(super) struct Paced<S> {
    stream: S,
    pace: Pace,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pace.came();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
