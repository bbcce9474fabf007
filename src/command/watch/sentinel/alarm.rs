//! Which leaks have been told to whom: each once, over restarts of the service, and over those of the
//! watch if its folder is the same.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

/// The file in the folder. It is hidden, so that no command takes it for an input.
pub(super) const FILE: &str = ".alarms.json";
const SCHEMA: &str = "heapdiff.alarms/v1";
/// A leak that wasn't seen for so long counts as a new one when it comes back.
const GONE: SignedDuration = SignedDuration::from_hours(24);
/// How old the file's "last seen" may be.
const STALE: SignedDuration = SignedDuration::from_mins(10);
/// The wait after a delivery that failed; twice that after the next one, and so on.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// The longest of these waits.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// Most leaks that are remembered.
const MOST: usize = 1000;
/// Most bytes of the file that are read.
const LARGEST: u64 = 8 << 20;

/// What makes a leak the same one: its place, but not the line, which moves with each build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) service: String,
    pub(super) function: String,
    pub(super) file: Option<String>,
    pub(super) goroutines: bool,
}

/// A leak that was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    #[serde(flatten)]
    key: Key,
    first: Timestamp,
    last: Timestamp,
    /// When each channel was told.
    told: BTreeMap<String, Timestamp>,
    /// Deliveries that failed, and when to try again.
    #[serde(skip)]
    failed: BTreeMap<&'static str, (u32, Timestamp)>,
    /// "Last seen" as the file has it.
    #[serde(skip)]
    written: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Written {
    schema: String,
    leaks: Vec<Known>,
}

/// All leaks that were seen.
#[derive(Debug, Default)]
pub(super) struct Log {
    known: BTreeMap<Key, Known>,
    is_changed: bool,
}

impl Log {
    /// Reads the file of an earlier run. An error says why it is of no use.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error.to_string()),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let written: Written = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if written.schema != SCHEMA {
            return Err(format!("expected the schema {SCHEMA}"));
        }
        let entries = written.leaks.into_iter().take(MOST);
        let entries = entries.map(|one| (one.key.clone(), Known { written: one.last, ..one }));
        Ok(Self { known: entries.collect(), is_changed: false })
    }

    /// A leak is there now.
    pub(super) fn seen(&mut self, key: &Key, now: Timestamp) {
        let is_new = !self.known.contains_key(key);
        let known = self.known.entry(key.clone()).or_insert_with(|| Known {
            key: key.clone(),
            first: now,
            last: now,
            told: BTreeMap::new(),
            failed: BTreeMap::new(),
            written: now,
        });
        known.last = now;
        self.is_changed |= is_new || now.duration_since(known.written) > STALE;
        if self.known.len() > MOST
            && let Some(oldest) = self.known.values().min_by_key(|one| one.last)
        {
            let oldest = oldest.key.clone();
            self.known.remove(&oldest);
        }
    }

    /// Forgets leaks that have gone.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let before = self.known.len();
        self.known.retain(|_, one| now.duration_since(one.last) <= GONE);
        self.is_changed |= self.known.len() < before;
    }

    /// Whether to tell a channel about a leak now.
    pub(super) fn is_due(&self, key: &Key, channel: &'static str, now: Timestamp) -> bool {
        self.known.get(key).is_some_and(|one| {
            !one.told.contains_key(channel)
                && one.failed.get(channel).is_none_or(|&(_, again)| now >= again)
        })
    }

    /// A channel was told, or couldn't be.
    pub(super) fn told(&mut self, key: &Key, channel: &'static str, is_done: bool, now: Timestamp) {
        let Some(known) = self.known.get_mut(key) else { return };
        if is_done {
            known.told.insert(channel.to_owned(), now);
            self.is_changed = true;
        } else {
            let times = known.failed.get(channel).map_or(0, |&(times, _)| times);
            let wait = FIRST_WAIT.saturating_mul(1 << times.min(10)).min(LONGEST_WAIT);
            let again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
            known.failed.insert(channel, (times + 1, again));
        }
    }

    /// The text of the file, if it is another one than last time.
    pub(super) fn changed(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        self.known.values_mut().for_each(|one| one.written = one.last);
        let leaks = self.known.values().cloned().collect();
        let written = Written { schema: SCHEMA.to_owned(), leaks };
        let mut text = serde_json::to_vec_pretty(&written).unwrap_or_default();
        text.push(b'\n');
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE, Key, Log, MOST};
    use jiff::{SignedDuration, Timestamp};
    use std::fs;

    fn key(function: &str) -> Key {
        Key {
            service: "http://h:1".to_owned(),
            function: function.to_owned(),
            file: None,
            goroutines: false,
        }
    }

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        start.checked_add(SignedDuration::from_mins(minutes)).unwrap()
    }

    #[test]
    fn a_leak_is_told_once_until_it_is_gone_for_a_day() {
        let mut log = Log::default();
        let is_due = |log: &Log, now| log.is_due(&key("f"), "webhook", at(now));
        assert!(!is_due(&log, 0), "it wasn't seen");
        log.seen(&key("f"), at(0));
        assert!(is_due(&log, 0));
        log.told(&key("f"), "webhook", true, at(1));
        assert!(!is_due(&log, 1) && log.is_due(&key("f"), "command", at(1)));
        // It comes and goes, as over restarts of the service.
        for now in [600, 1500, 2900] {
            log.forget(at(now));
            log.seen(&key("f"), at(now));
            assert!(!is_due(&log, now));
        }
        log.forget(at(2900 + 24 * 60 + 1));
        log.seen(&key("f"), at(2900 + 24 * 60 + 1));
        assert!(is_due(&log, 9999));
    }

    #[test]
    fn what_failed_is_tried_again_later_and_later() {
        let mut log = Log::default();
        log.seen(&key("f"), at(0));
        let mut tries = Vec::new();
        for now in 0..300 {
            if log.is_due(&key("f"), "webhook", at(now)) {
                tries.push(now);
                log.told(&key("f"), "webhook", false, at(now));
            }
        }
        assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    }

    #[test]
    fn the_file_brings_back_what_was_told_and_stays_small() {
        let folder = std::env::temp_dir().join(format!("heapdiff-alarms-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut log = Log::read(&folder).unwrap();
        log.seen(&key("f\"\u{fffd}\n"), at(0));
        log.told(&key("f\"\u{fffd}\n"), "webhook", true, at(0));
        fs::write(folder.join(FILE), log.changed().unwrap()).unwrap();
        assert!(log.changed().is_none(), "nothing is new");
        let mut again = Log::read(&folder).unwrap();
        again.seen(&key("f\"\u{fffd}\n"), at(5));
        assert!(!again.is_due(&key("f\"\u{fffd}\n"), "webhook", at(5)));
        assert!(again.changed().is_none(), "not each snapshot writes");
        for i in 0..2 * MOST {
            again.seen(&key(&format!("g{i}")), at(6 + i as i64));
        }
        assert_eq!(again.known.len(), MOST);
        for wrong in ["", "{", "[]", "{\"schema\": \"other\", \"leaks\": []}"] {
            fs::write(folder.join(FILE), wrong).unwrap();
            assert!(Log::read(&folder).is_err(), "{wrong}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
