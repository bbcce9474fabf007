//! The rounds of a recording: takes a shot of each process at intervals, judges all that was taken so
//! far, and tells an observer, until there is a reason to end.

use super::clock::Clock;
use super::manifest::{Manifest, Shot, Totals};
use super::so_far::{self, Settling, SoFar};
use super::stop::Stop;
use super::{Recorder, Source};
use crate::analysis::suspects::LeaksQuery;
use crate::command::CommandError;
use crate::parallel;
use crate::printable::escape;
use crate::units;
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A snapshot may cost a service this share of its time: one of ten.
const SHARE: u32 = 10;
/// Fewest snapshots that show a trend.
pub(in crate::command) const LEAST: usize = 3;

/// When a recording ends.
#[derive(Clone, Debug)]
pub(in crate::command) struct Plan {
    pub(in crate::command) every: Duration,
    pub(in crate::command) count: usize,
    pub(in crate::command) length: Option<Duration>,
    pub(in crate::command) until_sure: bool,
    /// What the verdicts are about.
    pub(in crate::command) asked: LeaksQuery,
}

/// What a round shows of one process.
pub(in crate::command) struct Seen<'a> {
    /// Its place among the processes.
    pub(in crate::command) place: usize,
    pub(in crate::command) recorder: &'a Recorder,
    /// What its snapshots show so far: `None` while there are too few.
    pub(in crate::command) so_far: Option<&'a Arc<SoFar>>,
    /// The number of the round, from 1.
    pub(in crate::command) round: usize,
    /// The most rounds; [`usize::MAX`] without a limit.
    pub(in crate::command) count: usize,
    /// When the round began.
    pub(in crate::command) when: Timestamp,
    /// How long until the next one.
    pub(in crate::command) next: Duration,
    /// The time between two rounds: longer than planned if a snapshot takes long.
    pub(in crate::command) every: Duration,
}

impl Seen<'_> {
    /// The service, without secrets, or the folder.
    pub(in crate::command) fn target(&self) -> &str {
        &self.recorder.manifest.target
    }

    /// The folder with the files.
    pub(in crate::command) fn folder(&self) -> &Path {
        self.recorder.folder()
    }

    /// The newest shot: its files, what failed, and what it adds up to.
    pub(in crate::command) fn shot(&self) -> Option<&Shot> {
        self.recorder.manifest.shots.last()
    }

    /// What the newest shot adds up to.
    pub(in crate::command) fn totals(&self) -> Totals {
        self.shot().map(|shot| shot.totals).unwrap_or_default()
    }

    /// Shots with files so far.
    pub(in crate::command) fn taken(&self) -> usize {
        self.recorder.taken
    }

    /// What could not be taken so far.
    pub(in crate::command) fn failed(&self) -> usize {
        self.recorder.failed
    }
}

/// Who is told what a recording shows.
pub(in crate::command) trait Observer {
    /// A shot was taken, or failed, and all of them were judged. A folder without anything new is no
    /// shot.
    fn seen(&mut self, seen: &Seen<'_>);

    /// Something about the recording that isn't about a shot.
    fn say(&mut self, message: &str);

    /// Time passes until the next round; called a few times a second.
    fn waits(&mut self, left: Duration);
}

/// Several observers, told one after another.
impl Observer for Vec<&mut dyn Observer> {
    fn seen(&mut self, seen: &Seen<'_>) {
        self.iter_mut().for_each(|one| one.seen(seen));
    }

    fn say(&mut self, message: &str) {
        self.iter_mut().for_each(|one| one.say(message));
    }

    fn waits(&mut self, left: Duration) {
        self.iter_mut().for_each(|one| one.waits(left));
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Answer(Box::new(error))
}

/// Takes snapshots until the plan is done or the run is stopped. Returns why it ended.
pub(in crate::command) fn take(
    recorders: &mut [Recorder],
    plan: &Plan,
    stop: &Stop,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<&'static str, CommandError> {
    let begin = clock.now();
    let mut settling: Vec<Settling> = recorders.iter().map(|_| Settling::default()).collect();
    let mut verdicts: Vec<Option<Arc<SoFar>>> = recorders.iter().map(|_| None).collect();
    let mut is_slow = false;
    for round in 1.. {
        let (started, when) = (clock.now(), clock.time());
        let results = parallel::map_chunks_mut(recorders, 1, |_, one| {
            one.iter_mut().map(|recorder| recorder.shoot(clock)).collect::<Result<Vec<_>, _>>()
        });
        let results: Result<Vec<_>, _> = results.into_iter().collect();
        let is_new = results.map_err(failed)?.concat();
        if round == 1 {
            first(recorders)?;
        }
        let judged = parallel::map(recorders.len(), |i| {
            let recorder = &recorders[i];
            let is_due = is_new[i] || matches!(recorder.source, Source::Service(_));
            let is_enough = recorder.snapshots() >= LEAST;
            is_due.then(|| {
                is_enough.then(|| so_far::judge(&recorder.recorded, &plan.asked))?.map(Arc::new)
            })
        });
        let mut is_sure = true;
        for (i, judged) in judged.into_iter().enumerate() {
            if let Some(judged) = judged {
                verdicts[i] = judged;
            }
            let so_far = verdicts[i].as_ref();
            if let Some(so_far) = so_far {
                recorders[i].manifest.faults.clone_from(&so_far.faults);
                recorders[i].recorded.answering.clone_from(&so_far.answering);
            }
            is_sure &= so_far.is_some_and(|so_far| settling[i].add(so_far));
        }
        let slowest = recorders.iter().map(Recorder::slowest).max().unwrap_or_default();
        let due = next(started, plan.every, slowest);
        let (count, next) = (plan.count, due.saturating_duration_since(clock.now()));
        for (place, recorder) in recorders.iter().enumerate() {
            if is_new[place] || matches!(recorder.source, Source::Service(_)) {
                let so_far = verdicts[place].as_ref();
                let every = due.duration_since(started);
                observer.seen(&Seen { place, recorder, so_far, round, count, when, next, every });
            }
        }
        if stop.is_set() {
            return Ok("interrupted");
        }
        if plan.until_sure && is_sure {
            return Ok("sure");
        }
        if round >= plan.count {
            return Ok("count");
        }
        if plan.length.is_some_and(|length| due.duration_since(begin) > length) {
            return Ok("for");
        }
        if due > started + plan.every && !is_slow {
            is_slow = true;
            observer.say(&format!(
                "a snapshot takes {}: one every {} instead of {}, so that this costs the service \
                 at most a tenth of its time",
                units::display(slowest.as_nanos() as f64, "nanoseconds"),
                units::display((slowest * SHARE).as_nanos() as f64, "nanoseconds"),
                units::display(plan.every.as_nanos() as f64, "nanoseconds"),
            ));
        }
        if stop.wait_until(due, clock, |left| observer.waits(left)) {
            return Ok("interrupted");
        }
    }
    Ok("count")
}

/// Notes why the recordings ended.
pub(in crate::command) fn end(
    recorders: &mut [Recorder],
    why: &'static str,
) -> Result<(), CommandError> {
    for recorder in recorders {
        recorder.manifest.ended = Some(why);
        recorder.note().map_err(failed)?;
    }
    Ok(())
}

/// When the next shot is due: after the interval, and never sooner than ten times what the slowest of the
/// latest ones took.
fn next(started: Instant, every: Duration, slowest: Duration) -> Instant {
    started + every.max(slowest * SHARE)
}

/// Nothing of the first snapshot is a mistake in the command; a part of it that is missing isn't asked
/// for again.
fn first(recorders: &mut [Recorder]) -> Result<(), CommandError> {
    for recorder in recorders {
        let Manifest { target, shots, .. } = &recorder.manifest;
        let (Source::Service(taker), Some(shot)) = (&mut recorder.source, shots.first()) else {
            continue;
        };
        if !shot.has("heap") {
            taker.store.give_up();
            let why = shot.failed.first().map_or("nothing was sent", |failure| &failure.error);
            return Err(CommandError::Answer(format!("{}: {why}", escape(target)).into()));
        }
        let has_failed =
            |kind: &str| shot.failed.iter().any(|one| one.kind == kind && one.is_refused);
        taker.wanted.goroutines &= !has_failed("goroutine");
        taker.wanted.memory_statistics &= !has_failed("memstats");
    }
    Ok(())
}
