//! Runs work on several cores, scheduled by rayon.
//!
//! The tasks here take a few milliseconds, and a scheduler needs about as long to move a thread to
//! a free core. So the threads that read the inputs, including the main thread, also do the
//! analysis: by then each has its own core.

use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;
#[cfg(test)]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells tasks that their results aren't wanted any more. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: AtomicBool,
    /// How often it is still asked before it sets itself; 0 for never. And how often it was asked since it is set.
    #[cfg(test)]
    left: AtomicUsize,
    #[cfg(test)]
    asked: AtomicUsize,
}

impl Cancel {
    /// Asks the tasks to end.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::Relaxed);
    }

    /// Whether they are to end.
    pub fn is_set(&self) -> bool {
        #[cfg(test)]
        self.count();
        self.0.is_set.load(Ordering::Relaxed)
    }

    /// Sets itself when it is asked for this time.
    #[cfg(test)]
    pub(crate) fn at(time: usize) -> Self {
        let cancel = Self::default();
        cancel.0.left.store(time, Ordering::Relaxed);
        cancel
    }

    /// How often it may still be asked before it sets itself.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.0.left.load(Ordering::Relaxed)
    }

    /// How often it was asked since it is set.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    fn count(&self) {
        let Flag { is_set, left, asked } = &*self.0;
        if is_set.load(Ordering::Relaxed) {
            asked.fetch_add(1, Ordering::Relaxed);
        } else if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            == Ok(1)
        {
            self.set();
        }
    }
}

thread_local! {
    /// The flag of the task that the thread works on.
    static CANCEL: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

/// Runs `work` and all tasks that it starts; they end early once `cancel` is set, and what `work` returns then means
/// nothing.
pub fn cancellable<T>(cancel: Option<Cancel>, work: impl FnOnce() -> T) -> T {
    let outer = CANCEL.replace(cancel);
    let done = work();
    CANCEL.set(outer);
    done
}

/// Whether the task that this thread works on is to end. Loops that take longer than some milliseconds ask this every
/// few thousand rounds and end early, with a result that isn't used.
pub fn is_cancelled() -> bool {
    CANCEL.with_borrow(|cancel| cancel.as_ref().is_some_and(Cancel::is_set))
}

/// The flag of the task that this thread works on.
fn current() -> Option<Cancel> {
    CANCEL.with_borrow(Clone::clone)
}

/// Makes the calling thread one of the worker threads. The program calls this once; without it,
/// tasks run on other threads than the caller.
pub fn join_in() {
    // Fails if tasks have run already, which does no harm.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}

/// Runs `work` with its tasks on at most this many threads.
pub fn limited<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// Returns the results of `work` on 0, 1, ... `pieces` − 1, in that order, whichever thread did
/// which.
pub fn map<T: Send>(pieces: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    if pieces <= 1 {
        return (0..pieces).map(work).collect();
    }
    let cancel = current();
    let work = |piece| cancellable(cancel.clone(), || work(piece));
    (0..pieces).into_par_iter().with_max_len(1).map(work).collect()
}

/// Passes the results of `work` on 0, 1, ... `pieces` − 1 to `take`, in that order, and stops at its
/// first error. While it takes some, the next `ahead` are worked on by the threads that are free, so
/// no more than twice as many results are held.
pub fn ahead<T: Send, E: Send>(
    (pieces, ahead): (usize, usize),
    work: impl Fn(usize) -> T + Sync + Send,
    mut take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let round =
        |start: usize| map(pieces.saturating_sub(start).min(ahead), |piece| work(start + piece));
    let mut ready = round(0);
    let mut next = ahead;
    while !ready.is_empty() {
        let take_all = || ready.into_iter().try_for_each(&mut take);
        // The thread that finishes taking first helps to work.
        let (taken, found) = join(take_all, || round(next));
        taken?;
        ready = found;
        next += ahead;
    }
    Ok(())
}

/// Runs `work` on each of some items while this thread runs `here`, and then helps. Returns what `here` does.
pub fn beside<I: Send, T>(
    items: &mut [I],
    work: impl Fn(&mut I) + Sync,
    here: impl FnOnce() -> T,
) -> T {
    let (cancel, work) = (current(), &work);
    rayon::in_place_scope(|scope| {
        for item in items {
            let cancel = cancel.clone();
            scope.spawn(move |_| cancellable(cancel, || work(item)));
        }
        here()
    })
}

/// With fewer pieces that take some nanoseconds each, threads cost more than they save.
pub const WORTH: usize = 16 * 1024;

/// Returns the number of worker threads.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs both, in parallel if a thread is free.
pub fn join<A: Send, B: Send>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (cancel, same) = (current(), current());
    rayon::join(|| cancellable(cancel, one), || cancellable(same, other))
}

/// Returns the results of `work` on each item, in order. A thread takes `at_once` items at a time.
pub fn map_items<I: Sync, T: Send>(
    items: &[I],
    at_once: usize,
    work: impl Fn(&I) -> T + Sync + Send,
) -> Vec<T> {
    let chunks: Vec<&[I]> = items.chunks(at_once.max(1)).collect();
    let results = map(chunks.len(), |i| chunks[i].iter().map(&work).collect::<Vec<_>>());
    results.into_iter().flatten().collect()
}

/// Returns the results of `work` on each chunk of `at_once` items, with the chunk's number, in
/// order.
pub fn map_chunks_mut<I: Send, T: Send>(
    items: &mut [I],
    at_once: usize,
    work: impl Fn(usize, &mut [I]) -> T + Sync + Send,
) -> Vec<T> {
    map_mut(items.chunks_mut(at_once.max(1)), work)
}

/// Returns the results of `work` on ranges of items, with the number of each, in order. A range begins no earlier than
/// the one before it ends.
pub fn map_ranges_mut<I: Send, T: Send>(
    items: &mut [I],
    ranges: &[Range<usize>],
    work: impl Fn(usize, &mut [I]) -> T + Sync + Send,
) -> Vec<T> {
    let (mut left, mut done) = (items, 0);
    let parts = ranges.iter().map(|range| {
        let (_, rest) = std::mem::take(&mut left).split_at_mut(range.start - done);
        let (part, rest) = rest.split_at_mut(range.len());
        (left, done) = (rest, range.end);
        part
    });
    map_mut(parts, work)
}

/// Returns the results of `work` on each part, with its number, in order.
fn map_mut<'i, I: Send + 'i, T: Send>(
    parts: impl Iterator<Item = &'i mut [I]>,
    work: impl Fn(usize, &mut [I]) -> T + Sync + Send,
) -> Vec<T> {
    // Each part is taken once, by the thread that works on it.
    let parts: Vec<_> = parts.map(Some).map(Mutex::new).collect();
    let taken = |i: usize| {
        let mut part = parts[i].lock().unwrap_or_else(PoisonError::into_inner);
        part.take().unwrap_or_default()
    };
    map(parts.len(), |i| work(i, taken(i)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        let squares: Vec<usize> = (0..1000).map(|i| i * i).collect();
        for threads in [1, 2, 7] {
            limited(threads, || {
                assert_eq!(map(1000, |i| i * i), squares);
                let items: Vec<usize> = (0..1000).collect();
                assert_eq!(map_items(&items, 64, |i| i * i), squares);
                let mut items = items;
                let sizes = map_chunks_mut(&mut items, 300, |chunk, items| {
                    items.iter_mut().for_each(|i| *i *= *i);
                    (chunk, items.len())
                });
                assert_eq!(items, squares);
                assert_eq!(sizes, [(0, 300), (1, 300), (2, 300), (3, 100)]);
                let ranges = [0..1, 1..1, 3..7, 999..1000];
                let sums = map_ranges_mut(&mut items, &ranges, |number, items| {
                    items.iter_mut().for_each(|i| *i += 1);
                    (number, items.iter().sum::<usize>())
                });
                let expected = [(0, 1), (1, 0), (2, 9 + 16 + 25 + 36 + 4), (3, 999 * 999 + 1)];
                assert_eq!(sums, expected);
            });
        }
        assert!(map(0, |i| i).is_empty());
    }

    #[test]
    fn work_goes_on_beside_the_caller() {
        for threads in [1, 2, 7] {
            limited(threads, || {
                let mut items: Vec<usize> = (0..100).collect();
                let here = beside(&mut items, |i| *i *= 2, || "here");
                assert_eq!((here, items.iter().sum::<usize>()), ("here", 9900));
            });
        }
    }

    #[test]
    fn what_is_done_ahead_is_taken_in_order_up_to_the_first_error() {
        for (pieces, at_once) in [(0, 3), (1, 3), (3, 3), (100, 7)] {
            let mut taken = Vec::new();
            let all = ahead(
                (pieces, at_once),
                |i| i * i,
                |square| {
                    taken.push(square);
                    Ok::<(), ()>(())
                },
            );
            assert!(all.is_ok());
            assert_eq!(taken, (0..pieces).map(|i| i * i).collect::<Vec<_>>());
        }
        let mut taken = 0;
        let stopped = ahead(
            (100, 7),
            |i| i,
            |i| {
                taken += 1;
                if i == 20 { Err(i) } else { Ok(()) }
            },
        );
        assert_eq!((stopped, taken), (Err(20), 21));
    }
}
