//! Keeps what was worked out, up to a number of bytes: the least recently used goes first. Of threads that ask for the
//! same, one works it out and the others wait.

use crate::parallel;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is kept, by key.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    state: Mutex<State<K, V>>,
    /// Something was worked out, or given up.
    done: Condvar,
    /// Most bytes to keep.
    most: usize,
}

#[derive(Debug)]
struct State<K, V> {
    entries: HashMap<K, Entry<V>, FxBuildHasher>,
    bytes: usize,
    /// Counts questions, to tell what was used last.
    clock: u64,
}

#[derive(Debug)]
enum Entry<V> {
    /// A thread works on it.
    Awaited,
    Ready {
        value: Arc<V>,
        bytes: usize,
        used: u64,
    },
}

/// How often a thread that waits looks whether its answer is still wanted.
const LOOK: Duration = Duration::from_millis(10);

impl<K: Clone + Eq + Hash + Debug, V> Kept<K, V> {
    /// Keeps up to so many bytes; with 0 nothing is kept.
    pub(super) fn new(most: usize) -> Self {
        let state = State { entries: HashMap::default(), bytes: 0, clock: 0 };
        Self { state: Mutex::new(state), done: Condvar::new(), most }
    }

    /// Whether something of so many bytes would be kept.
    pub(super) fn keeps(&self, bytes: usize) -> bool {
        self.most > 0 && bytes <= self.most
    }

    /// What is kept for a key, or what `make` returns, with its bytes. `None` if the task was cancelled.
    pub(super) fn get<E>(
        &self,
        key: &K,
        make: impl FnOnce() -> Result<(V, usize), E>,
    ) -> Result<Option<Arc<V>>, E> {
        if self.most == 0 {
            return make().map(|(value, _)| Some(Arc::new(value)));
        }
        let mut state = self.lock();
        loop {
            state.clock += 1;
            let now = state.clock;
            match state.entries.get_mut(key) {
                None => break,
                Some(Entry::Ready { value, used, .. }) => {
                    *used = now;
                    return Ok(Some(Arc::clone(value)));
                }
                Some(Entry::Awaited) if parallel::is_cancelled() => return Ok(None),
                Some(Entry::Awaited) => {
                    let waited = self.done.wait_timeout(state, LOOK);
                    (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        state.entries.insert(key.clone(), Entry::Awaited);
        drop(state);
        // Removes the entry if there is no value in the end.
        let awaited = Awaited { kept: self, key };
        let (value, bytes) = make()?;
        if parallel::is_cancelled() {
            return Ok(None);
        }
        let value = Arc::new(value);
        let mut state = self.lock();
        let used = state.clock;
        if bytes <= self.most {
            state.bytes += bytes;
            let entry = Entry::Ready { value: Arc::clone(&value), bytes, used };
            state.entries.insert(key.clone(), entry);
            state.shrink(self.most, key);
        }
        drop(state);
        drop(awaited);
        Ok(Some(value))
    }

    /// What is kept for a key, without waiting for it.
    pub(super) fn known(&self, key: &K) -> Option<Arc<V>> {
        let mut state = self.lock();
        state.clock += 1;
        let now = state.clock;
        match state.entries.get_mut(key)? {
            Entry::Ready { value, used, .. } => {
                *used = now;
                Some(Arc::clone(value))
            }
            Entry::Awaited => None,
        }
    }

    /// Changes the bytes that what is kept for a key takes.
    pub(super) fn weigh(&self, key: &K, new: usize) {
        let mut state = self.lock();
        let Some(Entry::Ready { bytes, .. }) = state.entries.get_mut(key) else { return };
        let old = std::mem::replace(bytes, new);
        state.bytes = state.bytes - old + new;
        state.shrink(self.most, key);
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

impl<K: Clone + Eq + Hash, V> State<K, V> {
    /// Drops what was used least recently, but not `newest`, until the rest fits.
    fn shrink(&mut self, most: usize, newest: &K) {
        while self.bytes > most {
            let ready = self.entries.iter().filter_map(|(key, entry)| match entry {
                Entry::Ready { used, .. } if key != newest => Some((*used, key)),
                _ => None,
            });
            let Some(oldest) = ready.min_by_key(|(used, _)| *used).map(|(_, key)| key.clone())
            else {
                break;
            };
            if let Some(Entry::Ready { bytes, .. }) = self.entries.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }
}

/// A value that a thread works on.
struct Awaited<'k, K: Clone + Eq + Hash + Debug, V> {
    kept: &'k Kept<K, V>,
    key: &'k K,
}

impl<K: Clone + Eq + Hash + Debug, V> Drop for Awaited<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.kept.lock();
        if let Some(Entry::Awaited) = state.entries.get(self.key) {
            state.entries.remove(self.key);
        }
        drop(state);
        self.kept.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn get(kept: &Kept<u32, u32>, key: u32, bytes: usize, made: &AtomicUsize) -> u32 {
        let make = || {
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>((key * 10, bytes))
        };
        *kept.get(&key, make).unwrap().unwrap()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let (kept, made) = (Kept::new(100), AtomicUsize::new(0));
        let made_for = |key, bytes| {
            let before = made.load(Ordering::Relaxed);
            assert_eq!(get(&kept, key, bytes, &made), key * 10);
            assert!(kept.bytes() <= 100);
            made.load(Ordering::Relaxed) > before
        };
        assert!(made_for(1, 40) && made_for(2, 40));
        assert!(!made_for(1, 40));
        assert!(made_for(3, 40));
        assert!(!made_for(1, 40) && made_for(2, 40) && made_for(3, 40));
        // What doesn't fit at all pushes nothing out.
        assert!(made_for(4, 101) && made_for(4, 101));
        assert!(!made_for(3, 40));
    }

    #[test]
    fn what_grows_pushes_out_others() {
        let (kept, made) = (Kept::new(100), AtomicUsize::new(0));
        for key in 1..=3 {
            get(&kept, key, 30, &made);
        }
        assert_eq!(kept.bytes(), 90);
        kept.weigh(&2, 60);
        assert_eq!(kept.bytes(), 90);
        assert!(kept.known(&1).is_none() && kept.known(&2).is_some() && kept.known(&3).is_some());
        kept.weigh(&1, 60);
        assert_eq!(kept.bytes(), 90);
    }

    #[test]
    fn threads_that_ask_for_the_same_have_it_worked_out_once() {
        let (kept, made) = (Kept::new(100), AtomicUsize::new(0));
        let together = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    let make = || {
                        made.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(30));
                        Ok::<_, Infallible>((7, 1))
                    };
                    assert_eq!(*kept.get(&1, make).unwrap().unwrap(), 7);
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn what_failed_is_tried_again() {
        let kept: Kept<u32, u32> = Kept::new(100);
        assert_eq!(kept.get(&1, || Err::<(u32, usize), _>("broken")), Err("broken"));
        let made = AtomicUsize::new(0);
        assert_eq!(get(&kept, 1, 1, &made), 10);
    }
}
