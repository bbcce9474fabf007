//! One moment of a service: its heap, its goroutines, its memory statistics, and what the system
//! says about its process.

use super::clock::Clock;
use super::manifest::{Failure, Shot, Taken, Totals};
use super::so_far::Recorded;
use super::store::{Part, Store};
use super::tail::Tail;
use crate::command::local;
use crate::input::{self, Budget, Content, Inflate};
use crate::model::memory_statistics::MemoryStatistics;
use crate::model::profile::Profile;
use crate::printable::escape;
use crate::source::http::{Address, Client, FetchError, Target as _};
use jiff::Timestamp;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Most bytes of the variables of a service: only a small part of them is kept.
const VARIABLES: u64 = 32 << 20;

/// What is taken.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Wanted {
    /// Whether to ask for a collection first.
    pub(in crate::command) gc: bool,
    pub(in crate::command) goroutines: bool,
    pub(in crate::command) memory_statistics: bool,
    /// The process on this machine.
    pub(in crate::command) pid: Option<u32>,
    pub(in crate::command) budget: Budget,
}

/// Where memory statistics come from, once it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::command) enum StatisticsSource {
    /// Not asked yet.
    #[default]
    Unknown,
    /// `/debug/vars`.
    Variables,
    /// The end of the heap profile in text.
    Text,
    /// Nowhere.
    None,
}

/// Why the recording can't go on: its folder can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write to {}: {source}", folder.display())]
pub(in crate::command) struct NoRoom {
    pub(in crate::command) folder: PathBuf,
    pub(in crate::command) source: io::Error,
}

/// A service that is asked again and again.
pub(in crate::command) struct Taker {
    pub(in crate::command) client: Client,
    pub(in crate::command) address: Address,
    pub(in crate::command) store: Store,
    pub(in crate::command) wanted: Wanted,
    statistics: StatisticsSource,
    /// When the process on this machine began, once it is known.
    began: Option<u64>,
    /// How long the service was left alone in the newest shot, before it was asked again.
    waited: Duration,
}

/// Why a part of a shot is missing.
enum Missing {
    /// The reason, and whether the service refuses it; the recording goes on.
    Reason(String, bool),
    /// The recording ends here.
    Stopped,
    NoRoom(io::Error),
}

impl From<FetchError> for Missing {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Keep(error) => Self::NoRoom(error),
            FetchError::Stopped => Self::Stopped,
            error => Self::Reason(error.to_string(), error.is_refusal()),
        }
    }
}

impl Taker {
    pub(in crate::command) fn new(
        client: Client,
        address: Address,
        store: Store,
        wanted: Wanted,
    ) -> Self {
        let began = wanted.pid.and_then(local::began);
        let statistics = StatisticsSource::default();
        Self { client, address, store, wanted, statistics, began, waited: Duration::ZERO }
    }

    /// Takes a shot. What fails is part of it; an error is that nothing can be written.
    pub(in crate::command) fn take(
        &mut self,
        number: usize,
        clock: &dyn Clock,
        recorded: &mut Recorded,
    ) -> Result<(Shot, Duration), NoRoom> {
        let now = clock.time();
        recorded.newest = Totals::default();
        let time = now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let mut shot = Shot { number, time, ..Shot::default() };
        self.waited = Duration::ZERO;
        let start = Instant::now();
        let query = if self.wanted.gc { "gc=1" } else { "" };
        self.part(&mut shot, "heap", |taker| taker.profile("heap", query, now, recorded))?;
        let has_heap = !shot.files.is_empty();
        // A service that isn't there is asked once.
        if has_heap && self.wanted.goroutines {
            self.part(&mut shot, "goroutine", |taker| {
                taker.profile("goroutine", "", now, recorded)
            })?;
        }
        if has_heap && self.wanted.memory_statistics {
            self.part(&mut shot, "memstats", |taker| taker.memory_statistics(now))?;
        }
        let took = start.elapsed().saturating_sub(self.waited);
        if let Some(pid) = self.wanted.pid {
            let is_other = local::began(pid) != self.began;
            if is_other {
                let why = format!("process {pid} has ended; its number may be another one's now");
                shot.failed.push(Failure { kind: "status", error: why, is_refused: false });
            }
            let files = if is_other { Vec::new() } else { local::memory_files(pid) };
            for (kind, file) in files {
                self.part(&mut shot, kind, |taker| {
                    let bytes = fs::read(&file).map_err(|error| {
                        let why = format!("can't read {}: {error}", file.display());
                        Missing::Reason(why, false)
                    })?;
                    taker.keep_bytes(kind, &bytes, now, "txt")
                })?;
            }
        }
        recorded.add_beside(&shot, self.store.folder(), self.wanted.budget);
        shot.totals = recorded.newest;
        Ok((shot, took))
    }

    fn part(
        &mut self,
        shot: &mut Shot,
        kind: &'static str,
        take: impl FnOnce(&mut Self) -> Result<Option<Taken>, Missing>,
    ) -> Result<(), NoRoom> {
        match take(self) {
            Ok(taken) => shot.files.extend(taken),
            Err(Missing::Stopped) => {}
            Err(Missing::Reason(error, is_refused)) => {
                // It may quote names from a profile.
                let error = escape(&error).into_owned();
                shot.failed.push(Failure { kind, error, is_refused });
            }
            Err(Missing::NoRoom(source)) => {
                return Err(NoRoom { folder: self.store.folder().to_owned(), source });
            }
        }
        Ok(())
    }

    /// Fetches a profile, and keeps it if it can be read.
    fn profile(
        &mut self,
        kind: &'static str,
        query: &str,
        now: Timestamp,
        recorded: &mut Recorded,
    ) -> Result<Option<Taken>, Missing> {
        let address = self.address.profile(kind, query);
        let mut retries = Vec::new();
        loop {
            let mut part = self.store.begin(kind).map_err(Missing::NoRoom)?;
            let fetched = self.client.fetch(&address, &mut part)?;
            self.waited += fetched.waited;
            let mut failed = fetched.failed;
            retries.append(&mut failed);
            match self.check(&part, kind)? {
                // A body can end early without HTTP noticing it.
                Err(error) if retries.is_empty() => retries.push(error),
                Err(error) => return Err(Missing::Reason(error, false)),
                Ok(profile) => {
                    let path = self.store.keep(&part, kind, now, "pb.gz");
                    let path = path.map_err(Missing::NoRoom)?;
                    if let Err(why) = recorded.add(&path, kind, &profile) {
                        // Beside the others it would make all of them unusable.
                        let _ = fs::remove_file(&path);
                        return Err(Missing::Reason(why, false));
                    }
                    return Ok(Some(taken(kind, &path, fetched.bytes, fetched.took, retries)));
                }
            }
        }
    }

    /// Reads what was fetched.
    fn check(&self, part: &Part, kind: &str) -> Result<Result<Profile, String>, Missing> {
        let file = part.reader().map_err(Missing::NoRoom)?;
        let content = input::read(file, self.wanted.budget, Inflate::Here);
        let is_goroutine = matches!(content, Ok(Content::Goroutines(_)));
        Ok(match content.and_then(Content::into_profile) {
            Err(error) => Err(error.to_string()),
            Ok(profile) if is_goroutine != (kind == "goroutine") => {
                let types: Vec<&str> =
                    profile.header.sample_types.iter().map(|t| t.name.as_str()).collect();
                Err(format!("it serves a profile of {} instead", types.join(", ")))
            }
            Ok(profile) if profile.header.duration_nanos > 0 && kind == "heap" => {
                Err("it serves the difference of two moments instead of a snapshot".to_owned())
            }
            Ok(profile) => Ok(profile),
        })
    }

    fn memory_statistics(&mut self, now: Timestamp) -> Result<Option<Taken>, Missing> {
        if matches!(self.statistics, StatisticsSource::Unknown | StatisticsSource::Variables) {
            let mut body = Vec::new();
            let client = self.client.limited(VARIABLES);
            let fetched = client.fetch(&self.address.variables(), &mut body);
            match fetched.map(|fetched| (fetched, of_variables(&body))) {
                Ok((fetched, Some(text))) => {
                    self.statistics = StatisticsSource::Variables;
                    self.waited += fetched.waited;
                    let taken = self.keep_bytes("memstats", text.as_bytes(), now, "json")?;
                    let seconds = fetched.took.as_secs_f64();
                    return Ok(taken.map(|taken| Taken { seconds, ..taken }));
                }
                Err(error) if self.statistics == StatisticsSource::Variables => {
                    return Err(error.into());
                }
                _ => self.statistics = StatisticsSource::Text,
            }
        }
        if self.statistics == StatisticsSource::None {
            return Ok(None);
        }
        // Without expvar, the text of the heap ends with them.
        let mut tail = Tail::default();
        let fetched = self.client.fetch(&self.address.profile("heap", "debug=1"), &mut tail)?;
        self.waited += fetched.waited;
        let profile = input::read(tail.text().as_slice(), self.wanted.budget, Inflate::Here)
            .and_then(Content::into_profile);
        let found = profile.ok().and_then(|profile| profile.header.memory_statistics);
        let Some(found) = found else {
            self.statistics = StatisticsSource::None;
            let why = "neither /debug/vars nor the heap in text has them";
            return Err(Missing::Reason(why.to_owned(), false));
        };
        let taken = self.keep_bytes("memstats", of_text(&found).as_bytes(), now, "json")?;
        Ok(taken.map(|taken| Taken { seconds: fetched.took.as_secs_f64(), ..taken }))
    }

    fn keep_bytes(
        &mut self,
        kind: &'static str,
        bytes: &[u8],
        now: Timestamp,
        extension: &str,
    ) -> Result<Option<Taken>, Missing> {
        let mut part = self.store.begin(kind).map_err(Missing::NoRoom)?;
        part.take(bytes).map_err(Missing::NoRoom)?;
        let path = self.store.keep(&part, kind, now, extension).map_err(Missing::NoRoom)?;
        Ok(Some(taken(kind, &path, bytes.len() as u64, Duration::ZERO, Vec::new())))
    }
}

fn taken(
    kind: &'static str,
    path: &std::path::Path,
    bytes: u64,
    took: Duration,
    retries: Vec<String>,
) -> Taken {
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    Taken { kind, file, bytes, seconds: took.as_secs_f64(), retries }
}

/// The memory statistics among the variables of a service. The rest of them stays there: command
/// lines hold secrets at times.
fn of_variables(body: &[u8]) -> Option<String> {
    let Value::Object(mut variables) = serde_json::from_slice(body).ok()? else { return None };
    let Value::Object(mut statistics) = variables.remove("memstats")? else { return None };
    // Long lists that say nothing about where memory is.
    for list in ["PauseNs", "PauseEnd", "BySize"] {
        statistics.remove(list);
    }
    serde_json::to_string_pretty(&statistics).ok().map(|text| text + "\n")
}

fn of_text(found: &MemoryStatistics) -> String {
    let mut statistics: serde_json::Map<String, Value> =
        found.numbers.iter().map(|(name, &value)| (name.clone(), value.into())).collect();
    statistics.insert("LastGC".to_owned(), found.last_collection.into());
    if let Some(share) = found.collector_share {
        statistics.insert("GCCPUFraction".to_owned(), share.into());
    }
    serde_json::to_string_pretty(&statistics).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::of_variables;

    #[test]
    fn only_memory_statistics_are_kept_of_variables() {
        let body = br#"{"cmdline": ["./app", "--password=s3cret"],
            "memstats": {"Alloc": 5, "HeapIdle": 7, "PauseNs": [1, 2], "BySize": [{"Size": 8}]}}"#;
        let text = of_variables(body).unwrap();
        assert_eq!(text, "{\n  \"Alloc\": 5,\n  \"HeapIdle\": 7\n}\n");
        assert_eq!(of_variables(b"{}"), None);
        assert_eq!(of_variables(b"<html>"), None);
    }
}
