//! Reads the stack of a goroutine: what it waits for, and where it was started.

/// The labels of goroutines from a dump, and the names of what a dump says instead of frames.
pub mod label {
    /// What a goroutine does or waits for, in the runtime's words.
    pub const STATE: &str = "goroutine.state";
    /// Whole minutes that it has waited.
    pub const WAIT: &str = "goroutine.wait";
    /// The function with the `go` statement that started it.
    pub const CREATOR: &str = "goroutine.created_by";
    /// File and line of that statement.
    pub const CREATED_AT: &str = "goroutine.created_at";
    /// That it is locked to its thread.
    pub const LOCKED: &str = "goroutine.locked_to";
    /// That the collector found that nothing can ever wake it.
    pub const LEAKED: &str = "goroutine.leaked";
    /// A function that another goroutine is in, with the object whose lock this one waits for.
    pub const HOLDER: &str = "goroutine.lock_held_in";
    /// The frame that stands for those that the runtime left out of a deep stack.
    pub const ELIDED: &[u8] = b"(frames elided)";
    /// The frame of a goroutine that was running, so that its stack couldn't be shown.
    pub const UNAVAILABLE: &[u8] = b"(stack unavailable)";
}

/// What is known of a goroutine dump besides its goroutines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpFacts {
    /// Whether its end is missing.
    pub end: DumpEnd,
    /// How many dumps its text has; 0 if it is no dump.
    pub dumps: u64,
    /// Which of them this is, from 1.
    pub number: u64,
    /// The line in which it begins.
    pub line: u64,
}

/// How a goroutine dump ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DumpEnd {
    /// As it should, as far as can be seen.
    #[default]
    Whole,
    /// At the size at which Go's handler for `?debug=2` stops.
    AtLimit,
    /// In the middle of a goroutine.
    InGoroutine,
}

/// What each function that parks a goroutine waits for, in the runtime's own words if it has any.
const PARKED: &[(&str, &str)] = &[
    ("runtime.chanrecv", "chan receive"),
    ("runtime.chansend", "chan send"),
    ("runtime.selectgo", "select"),
    ("runtime.selectnb", "select"),
    ("runtime.block", "select (no cases)"),
    ("internal/poll.runtime_pollWait", "IO wait"),
    ("runtime.netpollblock", "IO wait"),
    ("sync.runtime_notifyListWait", "sync.Cond.Wait"),
    ("runtime.semacquire", "semacquire"),
    ("sync.runtime_Semacquire", "semacquire"),
    ("internal/sync.runtime_Semacquire", "semacquire"),
    ("sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
    ("internal/sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
    ("sync.runtime_SemacquireWaitGroup", "sync.WaitGroup.Wait"),
    ("sync.runtime_SemacquireRWMutex", "sync.RWMutex.Lock"),
    ("sync.runtime_SemacquireRWMutexR", "sync.RWMutex.RLock"),
    ("sync.(*Mutex).", "sync.Mutex.Lock"),
    ("internal/sync.(*Mutex).", "sync.Mutex.Lock"),
    ("sync.(*RWMutex).Lock", "sync.RWMutex.Lock"),
    ("sync.(*RWMutex).RLock", "sync.RWMutex.RLock"),
    ("sync.(*WaitGroup).Wait", "sync.WaitGroup.Wait"),
    ("time.Sleep", "sleep"),
    ("os/signal.signal_recv", "signal"),
    ("syscall.Syscall", "syscall"),
    ("syscall.RawSyscall", "syscall"),
    ("runtime.cgocall", "cgo call"),
    ("runtime.gopark", "waiting"),
    // Text profiles don't name the functions of the runtime at the leaf.
    ("runtime.0x", "the runtime"),
];

/// What a goroutine waits for; `running` if its stack doesn't show it. `stack` holds its functions,
/// leaf first.
pub fn state<'n>(stack: impl Iterator<Item = &'n str>) -> &'static str {
    let mut found = None;
    for name in stack {
        let Some((_, state)) =
            // The longest matching name is the most specific.
            PARKED.iter().filter(|(known, _)| name.starts_with(known)).max_by_key(|(k, _)| k.len())
        else {
            match found {
                // The frame that parks is further out than those that implement it.
                Some(state) => return state,
                None => continue,
            }
        };
        found = Some(*state);
    }
    found.unwrap_or("running")
}

/// The function that started a goroutine, from the name of the goroutine's first function:
/// `go f(x)` and `go func() {…}()` compile to functions named after the one that contains them.
/// `None` if the name doesn't show it.
pub fn starter(first: &str) -> Option<&str> {
    let mut name = first;
    // `f.func1.2` is the second function within the first one within `f`.
    while let Some((rest, number)) = name.rsplit_once('.')
        && is_number(number)
        && is_closure(rest)
    {
        name = rest;
    }
    let (starter, _) = name.rsplit_once('.').filter(|_| is_closure(name))?;
    Some(starter)
}

/// Whether a name is one that the compiler gives to a nested function.
fn is_closure(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    if is_number(last) {
        return name.rsplit_once('.').is_some_and(|(rest, _)| is_closure(rest));
    }
    ["func", "gowrap", "deferwrap"].iter().filter_map(|p| last.strip_prefix(p)).any(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_that_parks_names_the_state() {
        let cases: [(&[&str], &str); 8] = [
            (
                &[
                    "runtime.gopark",
                    "runtime.goparkunlock",
                    "runtime.semacquire1",
                    "sync.runtime_Semacquire",
                    "sync.(*WaitGroup).Wait",
                    "main.f",
                ],
                "sync.WaitGroup.Wait",
            ),
            (
                &[
                    "runtime.gopark",
                    "runtime.semacquire1",
                    "sync.runtime_SemacquireMutex",
                    "sync.(*Mutex).lockSlow",
                    "sync.(*Mutex).Lock",
                    "sync.(*RWMutex).Lock",
                    "main.f",
                ],
                "sync.RWMutex.Lock",
            ),
            (
                &["runtime.gopark", "runtime.chanrecv", "runtime.chanrecv2", "main.worker"],
                "chan receive",
            ),
            (&["runtime.gopark", "runtime.selectgo", "main.loop"], "select"),
            (
                &[
                    "runtime.gopark",
                    "runtime.netpollblock",
                    "internal/poll.runtime_pollWait",
                    "net.(*conn).Read",
                ],
                "IO wait",
            ),
            (&["runtime.goexit0", "main.spin"], "running"),
            (
                &[
                    "runtime.gopark",
                    "runtime.goparkunlock",
                    "sync.runtime_SemacquireMutex",
                    "main.f",
                ],
                "sync.Mutex.Lock",
            ),
            (&[], "running"),
        ];
        for (stack, expected) in cases {
            assert_eq!(state(stack.iter().copied()), expected, "{stack:?}");
        }
    }

    #[test]
    fn closures_are_named_after_the_function_they_stand_in() {
        let cases = [
            ("main.startWorkers.gowrap1", Some("main.startWorkers")),
            ("main.(*chatRoom).broadcast.func1", Some("main.(*chatRoom).broadcast")),
            ("main.init.3.func1.gowrap2", Some("main.init.3.func1")),
            ("main.init.3.func1.2", Some("main.init.3")),
            ("main.worker", None),
            (
                "net/http.(*Transport).startDialConnForLocked.func1",
                Some("net/http.(*Transport).startDialConnForLocked"),
            ),
            ("main.function", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(starter(name), expected, "{name}");
        }
    }
}
