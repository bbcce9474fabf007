//! Runs work on several cores, scheduled by rayon.
//!
//! The tasks here take a few milliseconds, and a scheduler needs about as long to move a thread to
//! a free core. So the threads that read the inputs, including the main thread, also do the
//! analysis: by then each has its own core.

use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells tasks that nobody waits for them any more. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the tasks to end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether they are to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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
    rayon::join(one, other)
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
    // Each chunk is taken once, by the thread that works on it.
    let chunks: Vec<_> = items.chunks_mut(at_once.max(1)).map(Some).map(Mutex::new).collect();
    let taken = |i: usize| {
        let mut chunk = chunks[i].lock().unwrap_or_else(PoisonError::into_inner);
        chunk.take().unwrap_or_default()
    };
    map(chunks.len(), |i| work(i, taken(i)))
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
            });
        }
        assert!(map(0, |i| i).is_empty());
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
