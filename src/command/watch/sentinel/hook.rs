//! Runs the command of `--on-leak`: with the report on its standard input, facts in its environment,
//! and for a bounded time.

use super::channel::Alarm;
use crate::command::access::SECRETS;
use crate::printable::escape;
use crate::units;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the command is looked at.
const STEP: Duration = Duration::from_millis(20);
/// How long it has to clean up after it was told to end.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes of what it complains about that are kept.
const KEPT: usize = 4096;
/// Most characters of it that a message quotes.
const QUOTED: usize = 160;

/// A command for the shell.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) command: String,
    pub(super) timeout: Duration,
    /// Set when the watch has ended.
    pub(super) is_over: Arc<AtomicBool>,
}

impl Hook {
    /// Runs it about a leak. An error says what went wrong.
    pub(super) fn run(&self, alarm: &Alarm) -> Result<(), String> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        SECRETS.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(alarm.facts.iter().map(|(name, value)| (name, value)));
        in_group(&mut command);
        let mut child = command.spawn().map_err(|error| format!("can't run sh: {error}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            let report = alarm.report.clone();
            // It may not want to read.
            thread::spawn(move || stdin.write_all(&report));
        }
        let complaint = Arc::<Mutex<Vec<u8>>>::default();
        let reading = child.stderr.take().map(|stderr| {
            let complaint = Arc::clone(&complaint);
            thread::spawn(move || keep_end(stderr, &complaint))
        });
        let ended = self.wait(&mut child);
        let until = Instant::now() + GRACE;
        // What it left running may hold its standard error open.
        while reading.as_ref().is_some_and(|one| !one.is_finished()) && Instant::now() < until {
            thread::sleep(STEP);
        }
        let complaint = complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let quote = last_line(&complaint);
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("it ended with {status}{quote}")),
            Err(why) => Err(format!("{why}{quote}")),
        }
    }

    /// Waits until it ends, or ends it.
    fn wait(&self, child: &mut Child) -> Result<ExitStatus, String> {
        let until = Instant::now() + self.timeout;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
            let is_over = self.is_over.load(Ordering::SeqCst);
            if is_over || Instant::now() >= until {
                end(child);
                let limit = units::display(self.timeout.as_nanos() as f64, "nanoseconds");
                return Err(if is_over {
                    "it was ended with the watch".to_owned()
                } else {
                    format!("it was ended after {limit}; see --on-leak-timeout")
                });
            }
            thread::sleep(STEP);
        }
    }
}

/// Gives the command a group of its own, so that what it starts can be ended with it.
#[cfg(unix)]
fn in_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn in_group(_: &mut Command) {}

/// Ends a command and what it started: first it is asked, then it is killed.
#[cfg(unix)]
fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = Pid::from_child(child);
    // They may have ended by themselves.
    let _ = kill_process_group(group, Signal::TERM);
    let until = Instant::now() + GRACE;
    while Instant::now() < until && child.try_wait().is_ok_and(|status| status.is_none()) {
        thread::sleep(STEP);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

#[cfg(not(unix))]
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads all of it, however much, and keeps its end.
fn keep_end(mut from: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; KEPT];
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..amount]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(QUOTED).collect();
    if short.is_empty() { short } else { format!(" ({})", escape(&short)) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::Hook;
    use crate::command::watch::sentinel::alarm::Key;
    use crate::command::watch::sentinel::channel::Alarm;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    fn run(command: &str, timeout: Duration, is_over: Arc<AtomicBool>) -> Result<(), String> {
        let key = Key {
            service: "s".to_owned(),
            function: "f".to_owned(),
            file: None,
            goroutines: false,
        };
        let facts = vec![("HEAPDIFF_SITE", "main.leak".to_owned())];
        // More than a pipe holds.
        let report = vec![b'x'; 1 << 20];
        let hook = Hook { command: command.to_owned(), timeout, is_over };
        hook.run(&Alarm { key, facts, report })
    }

    const LONG: Duration = Duration::from_secs(120);

    #[test]
    fn a_command_gets_the_report_and_facts() {
        let run = |command: &str| run(command, LONG, Arc::default());
        assert_eq!(run("test $(wc -c) = 1048576 && test $HEAPDIFF_SITE = main.leak"), Ok(()));
        assert_eq!(run("true"), Ok(()), "it needn't read");
        let failed = run("echo first >&2; echo '  no such pager' >&2; exit 3").unwrap_err();
        assert_eq!(failed, "it ended with exit status: 3 (no such pager)");
        let unknown = run("heapdiff-no-such-command").unwrap_err();
        assert!(unknown.contains("127") && unknown.contains("not found"), "{unknown}");
    }

    #[test]
    fn a_command_that_floods_or_hangs_ends() {
        let flood = "yes x | head -c 20000000; yes x | head -c 20000000 >&2; exit 1";
        let failed = run(flood, LONG, Arc::default()).unwrap_err();
        assert_eq!(failed, "it ended with exit status: 1 (x)");
        let begun = Instant::now();
        // It ignores what asks it to end, and so does its child.
        let hang = "trap '' TERM; sleep 600 & wait; sleep 600";
        let failed = run(hang, Duration::from_millis(300), Arc::default()).unwrap_err();
        assert!(failed.starts_with("it was ended after 300"), "{failed}");
        assert!(begun.elapsed() < Duration::from_secs(100));
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            over.store(true, Ordering::SeqCst);
        });
        assert_eq!(run("sleep 600", LONG, is_over).unwrap_err(), "it was ended with the watch");
    }
}
