//! Finds who is inside the objects whose locks goroutines wait for, by the addresses in arguments.
//!
//! A goroutine that waits for a lock was called by a method, nearly always of the object that has the
//! lock. Another goroutine in a method of the same object may be past it. That is a hint, and only if
//! nothing speaks against it:
//! - The goroutine is the only one there, or the only one that is in the function where others wait,
//!   at a later line.
//! - It doesn't wait for, take or release a lock of this object itself, and isn't in `Cond.Wait`,
//!   which releases the lock.
//! - No other goroutine is in a method of the type with an object that isn't known.
//! - The lock is in the object: a waiting goroutine shows how far behind the start it is, or it is so near that
//!   the object beside it can't have it.
//!
//! The runtime shows most arguments as they were; the address of a lock that is waited for is one of
//! these.

use hashbrown::{HashMap, HashSet};
use rustc_hash::{FxBuildHasher, FxHasher};
use std::hash::{Hash, Hasher};

/// Functions that are remembered for an object, and places of locks for a type.
const REMEMBERED: usize = 4;
/// Bytes of the largest object whose lock is found in it.
const LARGEST: u64 = 4096;
/// Bytes from the start of an object in which a lock is its own: few objects with a lock are smaller.
const NEAR: u64 = 32;

/// What is in the names of calls to wait for a lock.
const MUTEX: &[u8] = b"Mutex";
const COND: &[u8] = b"sync.(*Cond).";

/// A call on a stack that says something about locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Of a lock itself, with an address in it.
    Lock(Option<u64>),
    /// Of `Cond`, which releases a lock.
    Cond,
    /// Of another part of `sync`.
    Sync,
    /// Of a method: the hash of its type's name, and the address of its object.
    Method(u64, Option<u64>),
}

impl Call {
    /// The same call with another address.
    pub(super) fn with(self, address: Option<u64>) -> Self {
        match self {
            Self::Lock(_) => Self::Lock(address),
            Self::Method(of, _) => Self::Method(of, address),
            Self::Cond | Self::Sync => self,
        }
    }
}

/// What a call says about locks, by its name and its first argument.
pub(super) fn call(name: &[u8], first: Option<u64>) -> Option<Call> {
    let first = first.filter(|&address| address != 0);
    if name.starts_with(COND) {
        return Some(Call::Cond);
    }
    if name.starts_with(b"sync.") || name.starts_with(b"internal/sync.") {
        // A WaitGroup is waited for by other means than its lock.
        let is_mutex = memchr::memmem::find(name, MUTEX).is_some();
        return Some(if is_mutex { Call::Lock(first) } else { Call::Sync });
    }
    if name.starts_with(b"runtime.") {
        return None;
    }
    let end = memchr::memmem::find(name, b").")?;
    let method = &name[end + 2..];
    // The first argument of a function in a method is any.
    let is_method = !method.contains(&b'.') && !method.ends_with(b"-fm");
    let mut of = FxHasher::default();
    name[..end].hash(&mut of);
    Some(Call::Method(of.finish(), first.filter(|_| is_method)))
}

/// Whether a goroutine in a state waits for a lock.
fn is_lock(state: &[u8]) -> bool {
    state.starts_with(b"sync.Mutex.")
        || state.starts_with(b"sync.RWMutex.")
        || state == b"semacquire"
}

/// An object, or a lock in one: the hash of its type's name, and its address.
type Object = (u64, u64);

/// The frames of the innermost and the outermost method of an object that a goroutine is in.
type Frames = (u32, u32);

/// Goroutines that wait for one lock, in one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Wait {
    sample: u32,
    /// The method that waits.
    frame: u32,
    lock: Object,
    /// The object of that method.
    object: Option<u64>,
}

/// Who waits for objects, and who is in them.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// How many goroutines wait.
    waiting: HashMap<Wait, u32, FxBuildHasher>,
    /// The objects that others are in, and where, in the order in which they came. Only those that
    /// are waited for are looked at, and they aren't known before the end.
    inside: Vec<(u64, Frames)>,
    /// The types of the methods of frames.
    types: Vec<u64>,
    /// The types that others are in a method of, with objects that aren't known.
    unknown: HashMap<u64, (), FxBuildHasher>,
    /// How far behind the start of each type its locks are.
    offsets: HashMap<u64, Vec<u64>, FxBuildHasher>,
}

/// Where goroutines are in an object: the first few places, and how many are in each. Most objects
/// have one.
#[derive(Debug)]
struct Inside {
    first: (Frames, u32),
    more: Vec<(Frames, u32)>,
}

/// Where goroutines are in objects.
type Insides = HashMap<Object, Inside, FxBuildHasher>;

impl Inside {
    fn new(place: Frames) -> Self {
        Self { first: (place, 0), more: Vec::new() }
    }

    fn all(&self) -> impl Iterator<Item = (Frames, u32)> + '_ {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// Whether there may be more than are remembered.
    fn is_full(&self) -> bool {
        self.more.len() + 1 >= REMEMBERED
    }

    fn add(&mut self, place: Frames) {
        let mut all = std::iter::once(&mut self.first).chain(&mut self.more);
        if let Some((_, count)) = all.find(|(other, _)| *other == place) {
            *count = count.saturating_add(1);
        } else if !self.is_full() {
            self.more.push((place, 1));
        }
    }
}

impl Locks {
    /// Number of locks that are waited for, and of types.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.unknown.len() + self.offsets.len()
    }

    /// Number of times that a goroutine is in an object.
    pub(super) fn inside(&self) -> usize {
        self.inside.len()
    }

    /// Adds a goroutine of a sample, with the calls on its stack and their frames, leaf first.
    pub(super) fn add(&mut self, sample: u32, state: &[u8], calls: &[(Call, u32)]) {
        let is_sync = |(call, _): &&(Call, u32)| !matches!(call, Call::Method(..));
        let own = calls.iter().take_while(is_sync).count();
        let (own, calls) = calls.split_at(own);
        let is_at_lock = own.iter().any(|(call, _)| matches!(call, Call::Lock(_)));
        let is_at_cond = own.iter().any(|(call, _)| *call == Call::Cond);
        let lock = own.iter().find_map(|(call, _)| match call {
            Call::Lock(address) => *address,
            _ => None,
        });
        let caller = calls.first().copied();
        if let (Some(lock), Some((Call::Method(of, object), frame))) = (lock, caller) {
            let object = object.filter(|&object| is_within(lock, object));
            if let Some(object) = object {
                remember(self.offsets.entry(of).or_default(), lock - object);
            }
            if is_lock(state) {
                let wait = Wait { sample, frame, lock: (of, lock), object };
                *self.waiting.entry(wait).or_default() += 1;
            }
        }
        // A lock that isn't known may be any.
        if is_at_lock && lock.is_none() {
            return;
        }
        let released = caller.filter(|_| is_at_cond).map(|(call, _)| call);
        for (at, &(call, frame)) in calls.iter().enumerate() {
            let Call::Method(of, object) = call else { continue };
            if matches!(released, Some(Call::Method(other, _)) if other == of) {
                continue;
            }
            let Some(object) = object else {
                // The goroutine may show the object in another call.
                let is_known = |(call, _): &(Call, u32)| matches!(call, Call::Method(other, Some(_)) if *other == of);
                if !(calls.iter().any(is_known) || is_at_lock && at == 0) {
                    self.unknown.insert(of, ());
                }
                continue;
            };
            let is_same = |(call, _): &&(Call, u32)| *call == Call::Method(of, Some(object));
            let is_again = calls[..at].iter().any(|call| is_same(&call));
            if is_again || lock.is_some_and(|lock| is_within(lock, object)) {
                continue;
            }
            let outermost = calls.iter().rfind(is_same).map_or(frame, |(_, frame)| *frame);
            self.set_type(frame, of);
            self.inside.push((object, (frame, outermost)));
        }
    }

    /// Adds what follows in the same dump, with other numbers for frames and samples.
    pub(super) fn append(
        &mut self,
        other: Self,
        frame: impl Fn(u32) -> u32,
        sample: impl Fn(u32) -> u32,
    ) {
        for (wait, count) in other.waiting {
            let wait = Wait { sample: sample(wait.sample), frame: frame(wait.frame), ..wait };
            *self.waiting.entry(wait).or_default() += count;
        }
        for &(object, (inner, outer)) in &other.inside {
            let own = frame(inner);
            self.set_type(own, other.types[inner as usize]);
            self.inside.push((object, (own, frame(outer))));
        }
        self.unknown.extend(other.unknown);
        for (of, offsets) in other.offsets {
            let own = self.offsets.entry(of).or_default();
            offsets.into_iter().for_each(|offset| remember(own, offset));
        }
    }

    fn set_type(&mut self, frame: u32, of: u64) {
        let frame = frame as usize;
        if frame >= self.types.len() {
            self.types.resize(frame + 1, 0);
        }
        self.types[frame] = of;
    }

    /// Where goroutines are in the objects that may have a lock that is waited for.
    fn insides(&self) -> Insides {
        // An object is found by what is near it: most locks may be in several objects.
        let near = |(of, object): Object| (of, object / NEAR);
        let waited: HashSet<Object, FxBuildHasher> =
            self.waiting.keys().flat_map(|wait| self.objects(wait)).map(near).collect();
        let mut insides = Insides::default();
        for &(object, place) in self.inside.iter().filter(|_| !waited.is_empty()) {
            let object = (self.types[place.0 as usize], object);
            if waited.contains(&near(object)) {
                insides.entry(object).or_insert_with(|| Inside::new(place)).add(place);
            }
        }
        insides
    }

    /// For each sample that waits, the frame that most of what it waits for has in common, if that
    /// is at least half of it. `place` has the function of a frame and its line.
    pub(super) fn holders<'f>(
        &self,
        place: impl Fn(u32) -> (&'f [u8], i64),
    ) -> HashMap<u32, u32, FxBuildHasher> {
        // The first line of each function that others wait in.
        let mut waits: HashMap<&[u8], i64, FxBuildHasher> = HashMap::default();
        for wait in self.waiting.keys() {
            let (function, line) = place(wait.frame);
            let first = waits.entry(function).or_insert(line);
            *first = line.min(*first);
        }
        let is_past = |frame: u32| {
            let (function, line) = place(frame);
            waits.get(function).is_some_and(|&first| line > first)
        };
        // Waiting goroutines of each sample: all, and those beside each frame.
        let mut all: HashMap<u32, u64, FxBuildHasher> = HashMap::default();
        let mut beside: HashMap<(u32, u32), u64, FxBuildHasher> = HashMap::default();
        let insides = self.insides();
        for (wait, &count) in &self.waiting {
            *all.entry(wait.sample).or_default() += u64::from(count);
            if let Some(frame) = self.only(self.object(wait, &insides), &insides, is_past) {
                *beside.entry((wait.sample, frame)).or_default() += u64::from(count);
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

    /// The objects that may have a lock, the likeliest first.
    fn objects(&self, wait: &Wait) -> Vec<Object> {
        let (of, lock) = wait.lock;
        if let Some(object) = wait.object {
            return vec![(of, object)];
        }
        let at = |offset: u64| lock.checked_sub(offset).map(|object| (of, object));
        match self.offsets.get(&of) {
            Some(offsets) => offsets.iter().filter_map(|&offset| at(offset)).collect(),
            None => (0..NEAR).step_by(4).filter_map(at).collect(),
        }
    }

    /// The object that has a lock, as far as it is certain.
    fn object(&self, wait: &Wait, insides: &Insides) -> Option<Object> {
        self.objects(wait).into_iter().find(|object| insides.contains_key(object))
    }

    /// The frame of the only goroutine that can have the lock of an object.
    fn only(
        &self,
        object: Option<Object>,
        insides: &Insides,
        is_past: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let object = object?;
        let inside = insides.get(&object)?;
        let past = |((inner, outer), count): (Frames, u32)| {
            [outer, inner].into_iter().find(|&frame| is_past(frame)).map(|frame| (frame, count))
        };
        let mut past = inside.all().filter_map(past);
        match (past.next(), past.next(), inside.first) {
            (Some((frame, 1)), None, _) if !inside.is_full() => Some(frame),
            (None, _, ((frame, _), 1))
                if inside.more.is_empty() && !self.unknown.contains_key(&object.0) =>
            {
                Some(frame)
            }
            _ => None,
        }
    }
}

/// Remembers the first few places of locks.
fn remember(offsets: &mut Vec<u64>, offset: u64) {
    if offsets.len() < REMEMBERED && !offsets.contains(&offset) {
        offsets.push(offset);
    }
}

/// Whether a lock may be in an object.
fn is_within(lock: u64, object: u64) -> bool {
    lock.checked_sub(object).is_some_and(|offset| offset < LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "internal/sync.(*Mutex).lockSlow";
    const MUTEX: &[u8] = b"sync.Mutex.Lock";
    const PAY: &str = "main.(*till).pay";
    const CLOSE: &str = "main.(*till).close";

    /// A state, and the calls of a stack.
    type Goroutine<'t> = (&'t [u8], &'t [(&'t str, u64, u32)]);

    /// The calls of a stack; 0 is no address.
    fn stack(calls: &[(&str, u64, u32)]) -> Vec<(Call, u32)> {
        calls.iter().map(|&(name, at, n)| (call(name.as_bytes(), Some(at)).unwrap(), n)).collect()
    }

    /// The frame of the holder that each sample waits for; each frame is a function of its own.
    fn holders(stacks: &[Goroutine<'_>]) -> Vec<(u32, u32)> {
        let mut locks = Locks::default();
        for (sample, (state, calls)) in (0..).zip(stacks) {
            locks.add(sample, state, &stack(calls));
        }
        let names: Vec<String> = (0..99).map(|number: u32| number.to_string()).collect();
        let found = locks.holders(|frame| (names[frame as usize].as_bytes(), 1));
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn the_holder_is_in_the_same_object_and_waits_for_something_else() {
        // The lock is 8 bytes behind the start of the till; what pay has is no longer known.
        let waiting: Goroutine<'_> =
            (MUTEX, &[("sync.runtime_x", 0, 8), (LOCK, 1008, 9), (PAY, 0, 1)]);
        let holder: Goroutine<'_> = (b"chan receive", &[(CLOSE, 1000, 2)]);
        let others: Goroutine<'_> =
            (b"chan receive", &[(CLOSE, 2000, 3), ("main.(*shop).open", 1004, 5)]);
        assert_eq!(holders(&[waiting, holder, others]), [(0, 2)]);
        // Two that wait for each other.
        let (a, b) = ("main.(*a).f", "main.(*b).g");
        let found = holders(&[
            (MUTEX, &[(LOCK, 100, 9), (b, 100, 10), (a, 9200, 11)]),
            (b"semacquire", &[(LOCK, 9200, 9), (a, 0, 20), (b, 100, 21)]),
        ]);
        assert_eq!(found, [(0, 21), (1, 11)]);
    }

    #[test]
    fn who_may_be_another_is_not_named() {
        let waiting: Goroutine<'_> = (MUTEX, &[(LOCK, 1000, 9), (PAY, 0, 1)]);
        let others: [&[Goroutine<'_>]; 8] = [
            // Waits for the same lock, further out or in another state.
            &[(MUTEX, &[(LOCK, 1000, 9), (PAY, 0, 1), (CLOSE, 1000, 2)])],
            &[(b"runnable", &[(LOCK, 1000, 9), (PAY, 1000, 2)])],
            &[(b"running", &[("sync.(*Mutex).Unlock", 0, 9), (PAY, 1000, 2)])],
            // Has released it.
            &[(b"sync.Cond.Wait", &[("sync.(*Cond).Wait", 5000, 9), (CLOSE, 1000, 2)])],
            // Two, of which one can have it.
            &[(b"select", &[(CLOSE, 1000, 2)]), (b"select", &[(CLOSE, 1000, 2)])],
            &[(b"select", &[(CLOSE, 1000, 2)]), (b"select", &[("main.(*till).run", 0, 3)])],
            // The argument of a function in a method isn't its object.
            &[(b"select", &[("main.(*till).run.func1", 1000, 2)])],
            // Another till beside it.
            &[(b"select", &[(CLOSE, 1000 - 56, 2)])],
        ];
        for other in others {
            assert_eq!(holders(&[&[waiting], other].concat()), [], "{other:?}");
        }
        // A WaitGroup isn't the lock.
        let group: Goroutine<'_> =
            (b"semacquire", &[("sync.(*WaitGroup).Wait", 5000, 9), (CLOSE, 1000, 2)]);
        assert_eq!(holders(&[waiting, group]), [(0, 2)]);
        // One is known to be there by its object.
        let far: Goroutine<'_> = (MUTEX, &[(LOCK, 9200, 9), (PAY, 9000, 1)]);
        let near: Goroutine<'_> = (b"select", &[(CLOSE, 1000, 2)]);
        assert_eq!(holders(&[waiting, far, near]), []);
        let behind: Goroutine<'_> = (MUTEX, &[(LOCK, 1200, 9), (PAY, 0, 1)]);
        assert_eq!(holders(&[behind, far, near]), [(0, 2)]);
    }

    #[test]
    fn the_only_one_past_the_line_where_others_wait_is_named() {
        let mut locks = Locks::default();
        locks.add(0, MUTEX, &stack(&[(LOCK, 1000, 9), (PAY, 0, 1)]));
        locks.add(1, b"select", &stack(&[(PAY, 1000, 2)]));
        locks.add(2, b"select", &stack(&[("main.(*till).run", 1000, 3)]));
        let place = |later| {
            move |frame| {
                if frame == 3 {
                    (&b"run"[..], 9)
                } else {
                    (&b"pay"[..], [5, later][usize::from(frame == 2)])
                }
            }
        };
        assert_eq!(locks.holders(place(7)).into_iter().collect::<Vec<_>>(), [(0, 2)]);
        assert!(locks.holders(place(5)).is_empty());
    }

    #[test]
    fn functions_say_nothing_about_locks() {
        assert_eq!(call(b"main.f", Some(1)), None);
        assert_eq!(call(b"runtime.(*timer).f", Some(1)), None);
        assert_eq!(call(b"sync.(*Mutex).Lock", None), Some(Call::Lock(None)));
        assert_eq!(call(b"sync.(*RWMutex).RLock", Some(1)), Some(Call::Lock(Some(1))));
        assert_eq!(call(b"sync.(*WaitGroup).Wait", Some(1)), Some(Call::Sync));
        let one = call(b"main.(*till).pay", Some(0));
        assert!(matches!(one, Some(Call::Method(_, None))));
        assert_ne!(one, call(b"main.(*shop).pay", Some(0)));
        assert_eq!(one, call(b"main.(*till).close", None));
        assert_eq!(one, call(b"main.(*till).close-fm", Some(1)));
    }
}
