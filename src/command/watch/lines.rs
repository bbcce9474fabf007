//! Watching without a terminal: a line for each snapshot.

use crate::command::Console;
use crate::command::recorder::manifest::Totals;
use crate::command::recorder::rounds::{Observer, Seen};
use crate::command::recorder::screen;
use crate::command::run;
use crate::units::Bytes;
use std::time::Duration;

/// Writes the lines.
pub(super) struct Lines<'a, 'b> {
    console: &'a mut Console<'b>,
    is_quiet: bool,
}

impl<'a, 'b> Lines<'a, 'b> {
    pub(super) fn new(console: &'a mut Console<'b>, is_quiet: bool) -> Self {
        Self { console, is_quiet }
    }
}

impl Observer for Lines<'_, '_> {
    fn seen(&mut self, seen: &Seen<'_>) {
        let when = seen.when.strftime("%Y-%m-%dT%H:%M:%SZ");
        let (is_whole, verdict) = screen::verdict(seen);
        let mut parts = Vec::new();
        if is_whole {
            let Totals { goroutines, resident, .. } = seen.totals();
            parts.extend(screen::memory(seen));
            parts.extend(goroutines.map(|count| format!("{count} goroutines")));
            parts.extend(resident.map(|bytes| format!("RSS {}", Bytes(bytes as f64))));
        }
        parts.push(verdict);
        // If it can't be written, watching is worth more.
        let _ = writeln!(self.console.stdout, "{when}  {}  {}", seen.taken(), parts.join("  "));
        let _ = self.console.stdout.flush();
    }

    fn say(&mut self, message: &str) {
        if !self.is_quiet {
            run::say_warning(message, self.console);
        }
    }

    fn waits(&mut self, _: Duration) {}
}
