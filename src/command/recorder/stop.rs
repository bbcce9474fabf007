//! Ends a recording early: on Ctrl-C, on SIGTERM, or when it is told to.

use super::clock::Clock;
use crate::source::http::Client;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a signal is looked for.
const STEP: Duration = Duration::from_millis(20);

/// Whether to stop.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Stop {
    flag: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for Ctrl-C and for SIGTERM. The second one ends the program at once, as usual.
    pub(in crate::command) fn on_signals() -> io::Result<Self> {
        let flag = Arc::<AtomicBool>::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&flag))?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self { flag })
    }

    /// Whether to stop now.
    pub(in crate::command) fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Ends the requests of a client too.
    pub(in crate::command) fn with_client(&self, client: Client) {
        let flag = Arc::clone(&self.flag);
        // It ends with the program.
        thread::spawn(move || {
            while !flag.load(Ordering::SeqCst) {
                thread::sleep(STEP);
            }
            client.stop();
        });
    }

    /// Stops.
    #[cfg(any(feature = "serve", feature = "watch"))]
    pub(in crate::command) fn set(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    /// Waits until then, and calls `each` a few times a second. Returns whether to stop.
    pub(in crate::command) fn wait_until(
        &self,
        then: Instant,
        clock: &dyn Clock,
        mut each: impl FnMut(Duration),
    ) -> bool {
        while !self.is_set() {
            let left = then.saturating_duration_since(clock.now());
            if left.is_zero() {
                return false;
            }
            each(left);
            clock.sleep(STEP.min(left));
        }
        true
    }
}
