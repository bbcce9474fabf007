//! The clock that a recording follows: the system's, or in tests one on which a day passes in seconds.

use jiff::Timestamp;
use std::thread;
use std::time::{Duration, Instant};

/// What time it is, and how to let it pass.
pub(in crate::command) trait Clock: Send + Sync {
    /// For intervals.
    fn now(&self) -> Instant;
    /// The date.
    fn time(&self) -> Timestamp;
    /// Lets time pass.
    fn sleep(&self, length: Duration);
}

/// The clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::command) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn time(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, length: Duration) {
        thread::sleep(length);
    }
}

/// A clock that jumps: whoever sleeps on it wakes at once, and that much later.
#[cfg(test)]
pub(in crate::command) struct FastClock {
    begin: (Instant, Timestamp),
    passed: std::sync::Mutex<Duration>,
}

#[cfg(test)]
impl FastClock {
    pub(in crate::command) fn starting(time: Timestamp) -> Self {
        Self { begin: (Instant::now(), time), passed: std::sync::Mutex::default() }
    }

    fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

#[cfg(test)]
impl Clock for FastClock {
    fn now(&self) -> Instant {
        self.begin.0 + self.passed()
    }

    fn time(&self) -> Timestamp {
        self.begin.1 + self.passed()
    }

    fn sleep(&self, length: Duration) {
        *self.passed.lock().unwrap() += length;
    }
}
