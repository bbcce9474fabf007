//! Runs work on several cores, scheduled by rayon.
//!
//! The tasks here take a few milliseconds, and a scheduler needs about as long to move a thread to
//! a free core. So the threads that read the inputs, including the main thread, also do the
//! analysis: by then each has its own core.

use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

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
}
