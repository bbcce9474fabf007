//! What the states of goroutines mean, and what usually keeps goroutines in them.

/// A state, in the runtime's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The state, or how it begins.
    name: &'static str,
    /// What the goroutine does.
    pub meaning: &'static str,
    /// When the usual is true; empty if it always is.
    when: &'static str,
    /// What is usual then, after a colon.
    pub usual: &'static str,
}

impl State {
    /// What is usual, and when, in sentences.
    pub fn advice(&self) -> String {
        let Self { when, usual, .. } = self;
        if when.is_empty() {
            return usual[..1].to_uppercase() + &usual[1..];
        }
        format!("{when}, {usual}")
    }
}

/// The states that need an explanation. The first that matches counts.
const STATES: &[State] = &[
    State {
        name: "chan receive (nil chan)",
        meaning: "receives from a nil channel",
        when: "",
        usual: "it can never go on: the channel was never made, or was set to nil.",
    },
    State {
        name: "chan send (nil chan)",
        meaning: "sends to a nil channel",
        when: "",
        usual: "it can never go on: the channel was never made, or was set to nil.",
    },
    State {
        name: "chan receive",
        meaning: "waits for a value from a channel",
        when: "If many stay here",
        usual: "the sender has usually returned, or a channel that is read with range is never closed.",
    },
    State {
        name: "chan send",
        meaning: "waits until another goroutine takes its value",
        when: "If many stay here",
        usual: "the receiver has usually returned, often after a timeout: give the channel room for the value, or select on ctx.Done() as well.",
    },
    State {
        name: "select (no cases)",
        meaning: "waits for ever, as written: select {}",
        when: "",
        usual: "one in main is normal; others never end.",
    },
    State {
        name: "select",
        meaning: "waits for one of several channels",
        when: "If many stay here that should have ended",
        usual: "check that one case is ctx.Done() and that the context is cancelled.",
    },
    State {
        name: "IO wait",
        meaning: "waits for the network or a pipe",
        when: "Connections in use and idle ones wait here too. If their number only grows",
        usual: "look for a missing deadline, or a body or connection that is never closed.",
    },
    State {
        name: "sync.Mutex.Lock",
        meaning: "waits for a lock",
        when: "If many stay here",
        usual: "the holder usually waits itself, or returned without Unlock.",
    },
    State {
        name: "sync.RWMutex.",
        meaning: "waits for a lock",
        when: "If many stay here",
        usual: "the holder usually waits itself, or returned without unlocking. A waiting writer stops new readers.",
    },
    State {
        name: "sync.WaitGroup.Wait",
        meaning: "waits for other goroutines to finish",
        when: "If it takes too long",
        usual: "one of them is stuck in another cluster, or returned without Done.",
    },
    State {
        name: "sync.Cond.Wait",
        meaning: "waits for a signal",
        when: "If many stay here",
        usual: "look for the Signal or Broadcast that doesn't come.",
    },
    State {
        name: "semacquire",
        meaning: "waits for a lock or a WaitGroup",
        when: "If many stay here",
        usual: "the holder usually waits itself, or a goroutine returned without Unlock or Done.",
    },
    State {
        name: "sleep",
        meaning: "sleeps",
        when: "If their number grows",
        usual: "look for a loop around time.Sleep that has no way to stop.",
    },
    State {
        name: "syscall",
        meaning: "is in the system or in C code",
        when: "If many stay here",
        usual: "look for a file, a device or a C library that doesn't answer.",
    },
    State {
        name: "runnable",
        meaning: "is ready and waits for a processor",
        when: "",
        usual: "many of them mean more work than GOMAXPROCS allows.",
    },
];

/// What a state means; `None` for the runtime's own states and for goroutines that run.
pub fn explained(state: &str) -> Option<&'static State> {
    STATES.iter().find(|known| state.starts_with(known.name))
}

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn the_most_specific_state_counts() {
        let meaning = |state| explained(state).map(|state| state.meaning);
        assert_eq!(meaning("chan receive (nil chan)"), Some("receives from a nil channel"));
        assert_eq!(meaning("chan receive"), Some("waits for a value from a channel"));
        assert_eq!(meaning("select (no cases)"), Some("waits for ever, as written: select {}"));
        assert_eq!(meaning("sync.RWMutex.RLock"), Some("waits for a lock"));
        assert_eq!(meaning("running"), None);
        assert_eq!(meaning("GC worker (idle)"), None);
    }
}
