//! The inputs by their names: what their files looked like, the bytes that stay in memory, and what went wrong.

use crate::command::progress::Held;
use crate::source;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Most bytes of files that stay in memory, as stored. What is beyond that is read again.
const HELD: u64 = 256 << 20;
/// Most bytes of what can be read only once: a pipe.
const ONCE: u64 = 1 << 30;
/// Most inputs that are added in the browser, and most bytes of them.
const ADDED: usize = 32;
const ADDED_BYTES: u64 = 2 << 30;

/// What a file looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    bytes: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    /// Of a file; `None` if there is none.
    pub(super) fn of(name: &str) -> Option<Self> {
        let data = fs::metadata(name).ok()?;
        let changed = if data.is_file() { data.modified().ok() } else { None };
        Some(Self { bytes: data.len(), changed })
    }
}

/// An input that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    stamp: Option<Stamp>,
    pub(super) why: String,
    /// The file stayed as it was since: it is written no more.
    pub(super) is_settled: bool,
}

/// The inputs.
#[derive(Default)]
pub(super) struct Shelf {
    ids: BTreeMap<String, usize>,
    /// Ids that were given, in all.
    given: usize,
    stamps: BTreeMap<String, Stamp>,
    pub(super) held: Held,
    sizes: BTreeMap<String, u64>,
    pub(super) failures: BTreeMap<String, Failure>,
    /// Inputs that were added in the browser, in that order.
    pub(super) added: Vec<String>,
    /// Inputs of the last look that could be read, in their order.
    pub(super) names: Vec<String>,
    /// What the last look saw.
    pub(super) seen: Option<Vec<(String, Option<Stamp>)>>,
}

impl Shelf {
    /// The id of an input; the same for as long as it is here, and no other's later. Plain numbers are
    /// places in the list.
    pub(super) fn id(&mut self, name: &str) -> String {
        if let Some(own) = self.ids.get(name) {
            return id(*own);
        }
        self.given += 1;
        self.ids.insert(name.to_owned(), self.given);
        id(self.given)
    }

    /// The size of an input, as stored.
    pub(super) fn size(&self, name: &str) -> u64 {
        self.sizes.get(name).copied().unwrap_or_default()
    }

    /// Takes the bytes of a file if they are new, and there is room.
    pub(super) fn take(&mut self, name: &str) {
        if self.added.iter().any(|own| own == name) {
            return;
        }
        let stamp = Stamp::of(name);
        let is_same = stamp.is_some() && self.stamps.get(name) == stamp.as_ref();
        if is_same || stamp.is_none() && self.held.contains_key(name) {
            return;
        }
        let size = source::size(name);
        let is_once = size.is_none();
        // A pipe says everything at once.
        if is_once && self.held.contains_key(name) {
            return;
        }
        let without: u64 = self.files().filter(|(own, _)| *own != name).map(|(_, size)| size).sum();
        self.held.remove(name);
        if let Some(stamp) = stamp {
            self.stamps.insert(name.to_owned(), stamp);
        }
        self.sizes.insert(name.to_owned(), size.unwrap_or_default());
        let most = if is_once { ONCE } else { HELD.saturating_sub(without) };
        if size.is_some_and(|size| size > most) {
            return;
        }
        let mut bytes = Vec::new();
        let read = source::open(name).map(|file| file.take(most + 1).read_to_end(&mut bytes));
        // Its reader says what is wrong.
        if matches!(read, Ok(Ok(_))) && bytes.len() as u64 <= most {
            self.sizes.insert(name.to_owned(), bytes.len() as u64);
            self.held.insert(name.to_owned(), Arc::from(bytes));
        }
    }

    /// The files whose bytes are held, and their sizes.
    fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        let files = self.held.iter().filter(|(name, _)| !self.added.contains(*name));
        files.map(|(name, bytes)| (name.as_str(), bytes.len() as u64))
    }

    /// Notes that an input can't be read.
    pub(super) fn fail(&mut self, name: &str, why: String) {
        let stamp = Stamp::of(name);
        let known = self.failures.get(name);
        let is_same = known.is_some_and(|known| known.stamp == stamp);
        let is_added = self.added.iter().any(|own| own == name);
        let is_settled = is_same || is_added || self.seen.is_none();
        self.failures.insert(name.to_owned(), Failure { stamp, why, is_settled });
    }

    /// Whether a file that couldn't be read is as it was.
    pub(super) fn is_hopeless(&self, name: &str) -> bool {
        let failure = self.failures.get(name);
        failure.is_some_and(|one| one.is_settled && one.stamp == Stamp::of(name))
    }

    /// Whether a file has to be looked at again, although it is as it was.
    pub(super) fn is_unsettled(&self) -> bool {
        self.failures.values().any(|failure| !failure.is_settled)
    }

    /// Forgets failures of files that are gone, and bytes that aren't asked for.
    pub(super) fn keep(&mut self, names: &[String]) {
        let names: BTreeSet<&String> = names.iter().chain(&self.added).collect();
        self.failures.retain(|name, _| names.contains(name));
        self.held.retain(|name, _| names.contains(name));
        self.stamps.retain(|name, _| names.contains(name));
        self.sizes.retain(|name, _| names.contains(name));
        self.ids.retain(|name, _| names.contains(name));
    }

    /// Adds an input. Returns its name, which no other has.
    pub(super) fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<String, String> {
        let held = self.added.iter().filter_map(|name| self.held.get(name));
        let sum: u64 = held.map(|bytes| bytes.len() as u64).sum();
        if self.added.len() >= ADDED || sum + bytes.len() as u64 > ADDED_BYTES {
            return Err(format!(
                "{ADDED} inputs or 2 GiB is the most that can be added here: remove one, or name files on the command \
                 line of heapdiff serve"
            ));
        }
        let is_taken = |name: &String| {
            self.ids.contains_key(name) && self.names.contains(name)
                || self.added.contains(name)
                || Path::new(name).exists()
        };
        let (stem, rest) = name
            .split_once('.')
            .map_or((name, String::new()), |(stem, rest)| (stem, format!(".{rest}")));
        let others = (2..).map(|number| format!("{stem}-{number}{rest}"));
        let name = std::iter::once(name.to_owned()).chain(others).find(|name| !is_taken(name));
        let name = name.unwrap_or_default();
        self.sizes.insert(name.clone(), bytes.len() as u64);
        self.held.insert(name.clone(), Arc::from(bytes));
        self.added.push(name.clone());
        Ok(name)
    }

    /// How much is known: names with anything to them, and the bytes that are held.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let names = [self.ids.len(), self.stamps.len(), self.sizes.len(), self.held.len()];
        let bytes = self.held.values().map(|bytes| bytes.len()).sum();
        (names.into_iter().max().unwrap_or_default().max(self.failures.len()), bytes)
    }

    /// Removes an input that was added.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let is_it = |name: &&String| self.ids.get(*name).is_some_and(|own| self::id(*own) == id);
        let Some(name) = self.added.iter().find(is_it).cloned() else { return false };
        self.added.retain(|own| *own != name);
        self.held.remove(&name);
        self.sizes.remove(&name);
        // One of the same name is another input.
        self.ids.remove(&name);
        self.names.retain(|own| *own != name);
        true
    }
}

fn id(number: usize) -> String {
    format!("i{number}")
}
