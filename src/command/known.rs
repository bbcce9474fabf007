//! What was read of inputs before, so that a look at many of them reads only those that are new.
//!
//! An input is known as long as it is as it was: the same bytes in memory, or a file of the same size and date. There is
//! room for so many bytes; what is beyond that is read again.

#![cfg_attr(not(feature = "serve"), expect(dead_code, reason = "only a server looks twice"))]

use crate::input::Content;
use crate::model::collections::CollectorLog;
use crate::model::gauges::GaugeLog;
use crate::model::profile::Profile;
use crate::parallel;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Most bytes of what is kept, as read.
const MOST: usize = 256 << 20;

/// What an input beside the profiles holds.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    Collections(CollectorLog),
    Gauges(GaugeLog),
    Goroutines(Box<Profile>),
    Nothing,
}

/// What tells that an input is as it was.
#[derive(Clone, Debug)]
enum Mark {
    Bytes(Arc<[u8]>),
    File(u64, SystemTime),
}

impl Mark {
    /// Of a file; `None` if it can't be told.
    fn of(name: &str) -> Option<Self> {
        let data = std::fs::metadata(name).ok().filter(std::fs::Metadata::is_file)?;
        Some(Self::File(data.len(), data.modified().ok()?))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(own), Self::Bytes(other)) => Arc::ptr_eq(own, other),
            (Self::File(size, time), Self::File(other_size, other_time)) => {
                (size, time) == (other_size, other_time)
            }
            _ => false,
        }
    }
}

/// An input as it was read.
#[derive(Debug)]
struct Entry<T> {
    mark: Mark,
    read: Arc<T>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Shelf {
    contents: BTreeMap<String, Entry<Content>>,
    facts: BTreeMap<String, Entry<Fact>>,
    bytes: usize,
    /// Inputs that were read, in all.
    reads: usize,
}

/// What was read before.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Shelf>);

impl Known {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A profile, read from these bytes unless it is known. Without bytes it is read each time.
    pub(super) fn content<E>(
        &self,
        name: &str,
        bytes: Option<&Arc<[u8]>>,
        read: impl FnOnce() -> Result<Content, E>,
    ) -> Result<Arc<Content>, E> {
        let mark = bytes.map(|bytes| Mark::Bytes(Arc::clone(bytes)));
        let weight = |content: &Content| match content {
            Content::Profile(profile) | Content::Goroutines(profile) => Some(profile.bytes()),
            _ => None,
        };
        self.get(|shelf| &mut shelf.contents, name, mark, weight, read)
    }

    /// What is beside the profiles, read from a file unless it is known.
    pub(super) fn fact<E>(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<Fact, E>,
    ) -> Result<Arc<Fact>, E> {
        let mark = Mark::of(name);
        // What is read of a text takes no more than the text.
        let size = match mark {
            Some(Mark::File(size, _)) => usize::try_from(size).ok(),
            _ => None,
        };
        self.get(|shelf| &mut shelf.facts, name, mark, |_| size, read)
    }

    fn get<T, E>(
        &self,
        place: impl Fn(&mut Shelf) -> &mut BTreeMap<String, Entry<T>>,
        name: &str,
        mark: Option<Mark>,
        weight: impl Fn(&T) -> Option<usize>,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let Some(mark) = mark else {
            self.shelf().reads += 1;
            return read().map(Arc::new);
        };
        let mut shelf = self.shelf();
        if let Some(entry) = place(&mut shelf).get(name) {
            if entry.mark.is(&mark) {
                return Ok(Arc::clone(&entry.read));
            }
            let gone = place(&mut shelf).remove(name).map_or(0, |entry| entry.bytes);
            shelf.bytes -= gone;
        }
        shelf.reads += 1;
        drop(shelf);
        let read = Arc::new(read()?);
        let mut shelf = self.shelf();
        // What a task that is cancelled read may be a part.
        let has_room = |bytes: &usize| shelf.bytes + bytes <= MOST && !parallel::is_cancelled();
        if let Some(bytes) = weight(&read).filter(has_room) {
            let entry = Entry { mark, read: Arc::clone(&read), bytes };
            let gone = place(&mut shelf).insert(name.to_owned(), entry);
            shelf.bytes += bytes;
            shelf.bytes -= gone.map_or(0, |entry| entry.bytes);
        }
        Ok(read)
    }

    /// Forgets the other inputs.
    pub(super) fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        let shelf = &mut *self.shelf();
        shelf.contents.retain(|name, _| is_kept(name));
        shelf.facts.retain(|name, _| is_kept(name));
        let contents = shelf.contents.values().map(|entry| entry.bytes);
        let facts = shelf.facts.values().map(|entry| entry.bytes);
        shelf.bytes = contents.chain(facts).sum();
    }

    /// The inputs that are kept, their bytes, and how many were read in all.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let shelf = self.shelf();
        (shelf.contents.len() + shelf.facts.len(), shelf.bytes, shelf.reads)
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, Known, MOST};
    use crate::model::profile::Profile;
    use std::sync::Arc;

    fn read(known: &Known, name: &str, bytes: &Arc<[u8]>) -> bool {
        let mut is_read = false;
        let read = || {
            is_read = true;
            Ok::<_, ()>(Content::Profile(Profile::default()))
        };
        known.content(name, Some(bytes), read).unwrap();
        is_read
    }

    #[test]
    fn an_input_is_read_once_for_each_content() {
        let known = Known::default();
        let [one, two]: [Arc<[u8]>; 2] = ["one", "two"].map(|text| Arc::from(text.as_bytes()));
        assert!(read(&known, "a", &one) && !read(&known, "a", &one));
        assert!(read(&known, "a", &two), "it changed");
        assert!(read(&known, "b", &two), "another one");
        known.keep(|name| name == "b");
        assert!(read(&known, "a", &two) && !read(&known, "b", &two));
        known.content("c", None, || Ok::<_, ()>(Content::Profile(Profile::default()))).unwrap();
        assert_eq!((known.counts().0, known.counts().2), (2, 5));
    }

    #[test]
    fn an_error_is_not_kept_and_what_has_no_room_neither() {
        let known = Known::default();
        let bytes: Arc<[u8]> = Arc::from(&b"x"[..]);
        assert_eq!(known.content("a", Some(&bytes), || Err("broken")).unwrap_err(), "broken");
        assert!(read(&known, "a", &bytes));
        known.keep(|_| false);
        known.shelf().bytes = MOST + 1;
        assert!(read(&known, "a", &bytes) && read(&known, "a", &bytes));
    }
}
