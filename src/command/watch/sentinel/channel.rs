//! A thread that tells others about leaks, one after another, so that no snapshot waits for them.

use super::alarm::Key;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// What is told.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) key: Key,
    /// Short facts, for the environment of a command.
    pub(super) facts: Vec<(&'static str, String)>,
    /// The report, as JSON.
    pub(super) report: Vec<u8>,
}

/// How a delivery went.
pub(super) type Outcome = (Key, Result<(), String>);

/// A way to tell others.
pub(super) struct Channel {
    pub(super) name: &'static str,
    send: Sender<Arc<Alarm>>,
    done: Receiver<Outcome>,
    /// What is being told: never the same leak twice, so the queue is as long as there are leaks.
    waiting: BTreeSet<Key>,
}

impl Channel {
    /// Begins a thread that delivers. It ends with the program.
    pub(super) fn new(
        name: &'static str,
        mut deliver: impl FnMut(&Alarm) -> Result<(), String> + Send + 'static,
    ) -> Self {
        let (send, receive) = mpsc::channel::<Arc<Alarm>>();
        let (finish, done) = mpsc::channel();
        thread::spawn(move || {
            for alarm in receive {
                let result = deliver(&alarm);
                if finish.send((alarm.key.clone(), result)).is_err() {
                    return;
                }
            }
        });
        Self { name, send, done, waiting: BTreeSet::new() }
    }

    /// Whether a leak is being told.
    pub(super) fn is_waiting(&self, key: &Key) -> bool {
        self.waiting.contains(key)
    }

    /// Whether everything is done.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Tells, when what came before is done.
    pub(super) fn tell(&mut self, alarm: &Arc<Alarm>) {
        if self.send.send(Arc::clone(alarm)).is_ok() {
            self.waiting.insert(alarm.key.clone());
        }
    }

    /// What was done since the last call; waits so long for the first of it.
    pub(super) fn outcomes(&mut self, wait: Duration) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = if wait.is_zero() {
            Vec::new()
        } else {
            self.done.recv_timeout(wait).into_iter().collect()
        };
        outcomes.extend(self.done.try_iter());
        for (key, _) in &outcomes {
            self.waiting.remove(key);
        }
        outcomes
    }
}
