//! Holds memory for a heap profiler to see: in vectors that an inlined method fills, and in strings of a map. Nothing is
//! freed, so that a profile at the end has all of it.

use std::collections::HashMap;

pub struct Queue {
    jobs: Vec<Vec<u8>>,
}

impl Queue {
    #[inline(always)]
    fn push(&mut self, i: usize) {
        self.jobs.push(job(i));
    }
}

#[inline(always)]
fn job(i: usize) -> Vec<u8> {
    vec![i as u8 | 1; 64 * 1024]
}

#[inline(never)]
fn enqueue(queue: &mut Queue, n: usize) {
    for i in 0..n {
        queue.push(i);
    }
}

#[inline(never)]
fn index(n: usize) -> HashMap<usize, String> {
    (0..n).map(|i| (i, "x".repeat(8000 + i))).collect()
}

fn main() {
    let n = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut queue = Queue { jobs: Vec::new() };
    enqueue(&mut queue, n);
    let index = index(n);
    println!("{} {}", queue.jobs.len(), index.len());
    std::mem::forget((queue, index));
}
