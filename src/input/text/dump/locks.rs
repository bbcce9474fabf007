//! Finds who is inside the objects whose locks goroutines wait for, by the addresses in arguments.
//!
//! A goroutine that waits for a lock was called by a method, nearly always of the object that has the
//! lock. Another goroutine in a method of the same object that doesn't wait for this lock is past it.
//! The runtime shows most arguments as they were; the address of a lock that is waited for is one of
//! these.

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHasher};
use std::hash::{Hash, Hasher};

/// Functions that are remembered for an object.
const REMEMBERED: usize = 4;
/// Bytes of the largest object whose lock is found in it.
const LARGEST: u64 = 4096;

/// What is in the names of calls to wait for a lock.
const MUTEX: &[u8] = b"Mutex";

/// A call on a stack that says something about locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Of a lock itself, with an address in it.
    Lock(Option<u64>),
    /// Of a method: the hash of its type's name, and the address of its object.
    Method(u64, Option<u64>),
}

/// What a call says about locks, by its name and its first argument.
pub(super) fn call(name: &[u8], first: Option<u64>) -> Option<Call> {
    let first = first.filter(|&address| address != 0);
    if name.starts_with(b"sync.") || name.starts_with(b"internal/sync.") {
        // A WaitGroup is waited for by other means than its lock.
        let is_mutex = name.windows(MUTEX.len()).any(|part| part == MUTEX);
        return Some(Call::Lock(first.filter(|_| is_mutex)));
    }
    let end = name.windows(2).position(|part| part == b").")?;
    let mut of = FxHasher::default();
    name[..end].hash(&mut of);
    Some(Call::Method(of.finish(), first))
}

/// Whether a goroutine in a state waits for a lock.
fn is_lock(state: &[u8]) -> bool {
    state.starts_with(b"sync.Mutex.")
        || state.starts_with(b"sync.RWMutex.")
        || state == b"semacquire"
}

/// An object, or a lock in one: the hash of its type's name, and its address.
type Object = (u64, u64);

/// Who waits for objects, and who is in them.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// How many goroutines of a sample wait for a lock.
    waiting: HashMap<(u32, Object), u32, FxBuildHasher>,
    /// The frames of the methods that others are in.
    inside: HashMap<Object, Vec<u32>, FxBuildHasher>,
}

impl Locks {
    /// Number of objects remembered.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.inside.len()
    }

    /// Adds a goroutine of a sample, with the calls on its stack and their frames, leaf first.
    pub(super) fn add(&mut self, sample: u32, state: &[u8], calls: &[(Call, u32)]) {
        let mut calls = calls;
        if is_lock(state) {
            let is_lock = |(call, _): &&(Call, u32)| matches!(call, Call::Lock(_));
            let locks = calls.iter().take_while(is_lock).count();
            let address = calls[..locks].iter().find_map(|(call, _)| match call {
                Call::Lock(address) => *address,
                Call::Method(..) => None,
            });
            let of = calls.get(locks).map(|(call, _)| *call);
            if let (Some(address), Some(Call::Method(of, _))) = (address, of) {
                *self.waiting.entry((sample, (of, address))).or_default() += 1;
            }
            calls = calls.get(locks + 1..).unwrap_or_default();
        }
        for &(call, frame) in calls {
            let Call::Method(of, Some(address)) = call else { continue };
            let inside = self.inside.entry((of, address)).or_default();
            if inside.len() < REMEMBERED && !inside.contains(&frame) {
                inside.push(frame);
            }
        }
    }

    /// For each sample that waits, the frame that most of what it waits for has in common, if that
    /// is at least half of it.
    pub(super) fn holders(&self) -> HashMap<u32, u32, FxBuildHasher> {
        let mut objects: Vec<Object> = self.inside.keys().copied().collect();
        objects.sort_unstable();
        // Waiting goroutines of each sample: all, and those beside each frame.
        let mut all: HashMap<u32, u64, FxBuildHasher> = HashMap::default();
        let mut beside: HashMap<(u32, u32), u64, FxBuildHasher> = HashMap::default();
        for (&(sample, lock), &count) in &self.waiting {
            *all.entry(sample).or_default() += u64::from(count);
            // Objects don't overlap: the lock is in the one that begins last before it.
            let end = objects.partition_point(|&object| object <= lock);
            let object = end.checked_sub(1).map(|at| objects[at]);
            let object = object.filter(|object| object.0 == lock.0 && lock.1 - object.1 < LARGEST);
            for &frame in object.and_then(|object| self.inside.get(&object)).into_iter().flatten() {
                *beside.entry((sample, frame)).or_default() += u64::from(count);
            }
        }
        let mut found: HashMap<u32, (u64, u32), FxBuildHasher> = HashMap::default();
        for ((sample, frame), count) in beside {
            let is_usual = all.get(&sample).is_some_and(|&all| 2 * count >= all);
            let best = found.entry(sample).or_insert((0, u32::MAX));
            // On a tie, the frame that came first.
            if is_usual && (count, u32::MAX - frame) > (best.0, u32::MAX - best.1) {
                *best = (count, frame);
            }
        }
        found.retain(|_, (count, _)| *count > 0);
        found.into_iter().map(|(sample, (_, frame))| (sample, frame)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "internal/sync.(*Mutex).lockSlow";

    /// The calls of a stack; 0 is no address.
    fn stack(calls: &[(&str, u64, u32)]) -> Vec<(Call, u32)> {
        calls.iter().map(|&(name, at, n)| (call(name.as_bytes(), Some(at)).unwrap(), n)).collect()
    }

    #[test]
    fn the_holder_is_in_the_same_object_and_waits_for_something_else() {
        let (pay, close) = ("main.(*till).pay", "main.(*till).close");
        let mut locks = Locks::default();
        let mutex = b"sync.Mutex.Lock";
        // The lock is 8 bytes behind the start of the till; what pay has is no longer known.
        locks.add(0, mutex, &stack(&[(LOCK, 1008, 9), (pay, 0, 1)]));
        locks.add(0, mutex, &stack(&[("sync.runtime_x", 0, 8), (LOCK, 1008, 9), (pay, 0, 1)]));
        locks.add(0, mutex, &stack(&[(LOCK, 90_008, 9), (pay, 0, 1)]));
        locks.add(1, b"chan receive", &stack(&[(close, 1000, 2)]));
        locks.add(2, b"chan receive", &stack(&[(close, 2000, 3), (close, 500, 4)]));
        // Another type.
        locks.add(3, b"select", &stack(&[("main.(*shop).open", 1004, 5)]));
        assert_eq!(locks.holders().into_iter().collect::<Vec<_>>(), [(0, 2)]);
        // Two that wait for each other.
        let mut locks = Locks::default();
        let (a, b) = ("main.(*a).f", "main.(*b).g");
        locks.add(0, mutex, &stack(&[(LOCK, 100, 9), (b, 100, 10), (a, 200, 11)]));
        locks.add(1, b"semacquire", &stack(&[(LOCK, 200, 9), (a, 0, 20), (b, 100, 21)]));
        let mut holders: Vec<_> = locks.holders().into_iter().collect();
        holders.sort_unstable();
        assert_eq!(holders, [(0, 21), (1, 11)]);
    }

    #[test]
    fn functions_say_nothing_about_locks() {
        assert_eq!(call(b"main.f", Some(1)), None);
        assert_eq!(call(b"sync.(*Mutex).Lock", None), Some(Call::Lock(None)));
        assert_eq!(call(b"sync.(*RWMutex).RLock", Some(1)), Some(Call::Lock(Some(1))));
        assert_eq!(call(b"sync.(*WaitGroup).Wait", Some(1)), Some(Call::Lock(None)));
        let one = call(b"main.(*till).pay", Some(0));
        assert!(matches!(one, Some(Call::Method(_, None))));
        assert_ne!(one, call(b"main.(*shop).pay", Some(0)));
        assert_eq!(one, call(b"main.(*till).close", None));
    }
}
