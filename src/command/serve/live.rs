//! A service that is recorded while it is served: its snapshots go to a folder, which is looked at like any other.

use crate::analysis::suspects::LeaksQuery;
use crate::command::inputs::{address, is_url};
use crate::command::options::ReadingArgs;
use crate::command::recorder::clock::SystemClock;
use crate::command::recorder::rounds::{self, Observer, Seen};
use crate::command::recorder::service::{self, Asked, LeftOutArgs};
use crate::command::recorder::stop::Stop;
use crate::command::{CommandError, recorder};
use crate::patterns::Catalog;
use crate::printable::escape;
use crate::serve::Live;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Most snapshots that stay.
const MOST: usize = 200;

/// How long the end of a recording is waited for, and how often it is looked for.
const PATIENCE: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(10);

/// What to record.
pub(super) struct Plan<'a> {
    pub(super) service: &'a str,
    pub(super) folder: Option<&'a Path>,
    pub(super) every: Duration,
    pub(super) keep: Option<Duration>,
    pub(super) left_out: LeftOutArgs,
    pub(super) reading: &'a ReadingArgs,
}

/// The services among the inputs, and the others.
pub(super) fn split(inputs: &[String]) -> Result<(Vec<String>, Vec<String>), CommandError> {
    let (services, files): (Vec<String>, Vec<String>) =
        inputs.iter().cloned().partition(|name| is_url(name));
    for service in &services {
        address(service)?;
    }
    Ok((services, files))
}

/// A service that is being recorded.
pub(super) struct Recording {
    folder: PathBuf,
    state: Arc<Mutex<Live>>,
    stop: Stop,
    thread: JoinHandle<()>,
    said: Receiver<String>,
}

impl Recording {
    /// Takes the first snapshot, and goes on. A service that doesn't answer is an error.
    pub(super) fn begin(plan: &Plan<'_>, stop: &Stop) -> Result<Self, CommandError> {
        let service = plan.service.to_owned();
        let asked = Asked {
            services: std::slice::from_ref(&service),
            output: plan.folder,
            every: plan.every,
            pid: None,
            left_out: plan.left_out,
            reading: plan.reading,
        };
        let recorder = service::recorders(&asked, stop)?.pop();
        let recorder = recorder
            .ok_or_else(|| CommandError::Usage("there is no service to record".to_owned()))?;
        let recorder = recorder.at_most(MOST).for_so_long(plan.keep);
        let folder = recorder.folder().to_owned();
        let state = Live {
            url: recorder.manifest.target.clone(),
            every_seconds: plan.every.as_secs_f64(),
            next: None,
            failed: None,
        };
        let state = Arc::new(Mutex::new(state));
        let (begun, first) = mpsc::channel();
        let rounds = rounds::Plan {
            every: plan.every,
            count: usize::MAX,
            length: None,
            until_sure: false,
            asked: LeaksQuery { catalog: Arc::new(Catalog::builtin()), limit: None },
        };
        let (says, said) = mpsc::channel();
        let mut observer = Notes { state: Arc::clone(&state), begun: begun.clone(), says };
        let own = stop.clone();
        let thread = thread::spawn(move || {
            record(&mut [recorder], &rounds, &own, &mut observer, &begun);
        });
        match first.recv() {
            Ok(Ok(())) => Ok(Self { folder, state, stop: stop.clone(), thread, said }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(CommandError::Answer("the recording ended".into())),
        }
    }

    /// The folder with the snapshots.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it does now.
    pub(super) fn state(&self) -> Arc<Mutex<Live>> {
        Arc::clone(&self.state)
    }

    /// What it has said since the last time.
    pub(super) fn said(&self) -> impl Iterator<Item = String> {
        self.said.try_iter()
    }

    /// Ends it, and returns the folder.
    pub(super) fn end(self) -> PathBuf {
        self.stop.set();
        // A snapshot that is being taken is stopped as well; a verdict that takes long isn't waited for.
        let begin = Instant::now();
        while !self.thread.is_finished() && begin.elapsed() < PATIENCE {
            thread::sleep(STEP);
        }
        self.folder
    }
}

fn record(
    recorders: &mut [recorder::Recorder],
    plan: &rounds::Plan,
    stop: &Stop,
    observer: &mut Notes,
    begun: &Sender<Result<(), CommandError>>,
) {
    let why = match rounds::take(recorders, plan, stop, &SystemClock, observer) {
        Ok(why) => why,
        Err(error) => {
            observer.failed(error.to_string());
            // The other end is closed after the first snapshot.
            let _ = begun.send(Err(error));
            return;
        }
    };
    if let Err(error) = rounds::end(recorders, why) {
        observer.failed(error.to_string());
    }
}

/// Notes what the recording does.
struct Notes {
    state: Arc<Mutex<Live>>,
    begun: Sender<Result<(), CommandError>>,
    says: Sender<String>,
}

impl Notes {
    fn failed(&self, why: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.note(format!("the recording ended: {why}"));
        (state.failed, state.next) = (Some(why), None);
    }

    fn note(&self, message: String) {
        // There is nobody left to read it.
        let _ = self.says.send(message);
    }
}

impl Observer for Notes {
    fn seen(&mut self, seen: &Seen<'_>) {
        let failure = seen.shot().and_then(|shot| shot.failed.first());
        let failed = failure.map(|one| format!("{}: {}", one.kind, escape(&one.error)));
        let next = seen.when.checked_add(seen.next).ok().map(|next: Timestamp| next.to_string());
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            // The first snapshot is waited for, and its failure is an error.
            match (&state.failed, &failed) {
                (None, Some(why)) if state.next.is_some() => {
                    self.note(format!("no snapshot of {}: {why}", escape(&state.url)));
                }
                (Some(_), None) => {
                    self.note(format!("snapshots of {} go on", escape(&state.url)));
                }
                _ => {}
            }
            state.every_seconds = seen.every.as_secs_f64();
            (state.failed, state.next) = (failed, next);
        }
        // The other end is closed after the first snapshot.
        let _ = self.begun.send(Ok(()));
    }

    fn say(&mut self, message: &str) {
        self.note(message.to_owned());
    }

    fn waits(&mut self, _: Duration) {}
}
