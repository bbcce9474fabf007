//! What a log says of Go's garbage collector: the collections of each process, in their order.
//!
//! The runtime prints one line per collection (`GODEBUG=gctrace=1`). This file has what such lines
//! say, in units of their own: sizes are whole MiB, rounded down, and times count from the start of
//! the process. So nothing here is more precise than it was printed; `analysis::collector` decides
//! what it means.

/// The collections in some logs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CollectorLog {
    /// The processes, in the order in which they appear.
    pub processes: Vec<CollectorProcess>,
    /// Lines read, of any kind.
    pub lines: u64,
    /// Records that couldn't be read.
    pub broken: Broken,
    /// Records that repeat the one before.
    pub repeated: u64,
}

/// Records that begin as one of the collector's and don't go on like it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Their number.
    pub count: u64,
    /// The first few of them.
    pub first: Vec<BrokenRecord>,
}

/// A record that couldn't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRecord {
    /// Its line, from 1.
    pub line: u64,
    /// Its place in the line in bytes, from 1.
    pub column: u64,
    /// What was expected where it breaks.
    pub expected: &'static str,
}

/// The collections of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CollectorProcess {
    /// Its collections, in order of their numbers.
    pub collections: Vec<Collection>,
    /// The line of its first record, from 1.
    pub line: u64,
    /// When its first record was written, by the clock of the log.
    pub first: Option<LogTime>,
    /// When its last record was written.
    pub last: Option<LogTime>,
    /// What the scavenger returned to the system.
    pub scavenger: Scavenger,
    /// The longest queues of `checkfinalizers=1`.
    pub queues: Option<Queues>,
}

/// A collection, as its line has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// Its number in the process, from 1.
    pub number: u32,
    /// Processors that the program may use (`GOMAXPROCS`).
    pub procs: u32,
    /// Nanoseconds from the start of the process to the start of the collection.
    pub at: u64,
    /// CPU share of all collections so far, in percent.
    pub percent: u32,
    /// Milliseconds for which the world stood still: to finish the last sweep, to install write
    /// barriers (Go 1.5 alone), and to end marking.
    pub stops: [f32; 3],
    /// Milliseconds of marking beside the program.
    pub concurrent: f32,
    /// Milliseconds of CPU time while the world stood still, of all processors.
    pub cpu_stops: f32,
    /// Milliseconds of CPU time in which goroutines that allocate had to mark.
    pub assist: f32,
    /// Milliseconds of CPU time of the collector's own workers.
    pub background: f32,
    /// Milliseconds of CPU time that would have been idle.
    pub idle: f32,
    /// MiB of heap when it began.
    pub heap_start: u32,
    /// MiB of heap when marking ended.
    pub heap_end: u32,
    /// MiB of heap that is marked, which is live.
    pub live: u32,
    /// MiB of heap at which it was meant to end.
    pub goal: u32,
    /// MiB of stacks that were scanned; since Go 1.18.
    pub stacks: Option<u32>,
    /// MiB of global variables that were scanned; since Go 1.18.
    pub globals: Option<u32>,
    /// Why it ran.
    pub cause: Cause,
}

/// Why a collection ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The heap reached its trigger.
    #[default]
    Heap,
    /// The program asked for it: `(forced)`.
    Forced,
    /// There was none for two minutes: `GC forced` in the line before.
    Periodic,
}

impl Collection {
    /// Whether its number is the next one after that of another.
    pub fn follows(&self, other: &Self) -> bool {
        other.number.checked_add(1) == Some(self.number)
    }

    /// The longest time for which the world stood still, in milliseconds.
    pub fn longest_stop(&self) -> f64 {
        self.stops.iter().fold(0.0, |most: f64, &stop| most.max(f64::from(stop)))
    }

    /// MiB that were allocated before it and are live. What is allocated while it marks counts as
    /// live too, even if it is garbage by then: a busy program on a busy machine has much of that.
    pub fn kept(&self) -> u32 {
        self.live.saturating_sub(self.heap_end.saturating_sub(self.heap_start))
    }

    /// How long it took, in nanoseconds.
    pub fn nanos(&self) -> u64 {
        let milliseconds: f64 = self.stops.iter().map(|&stop| f64::from(stop)).sum();
        ((milliseconds + f64::from(self.concurrent)) * 1e6).round() as u64
    }

    /// Milliseconds of CPU time that the program could have used.
    pub fn cpu(&self) -> f64 {
        [self.cpu_stops, self.assist, self.background].iter().map(|&part| f64::from(part)).sum()
    }
}

/// A time as a log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTime {
    /// Nanoseconds since the epoch, as if the clock showed UTC.
    pub nanos: i64,
    /// What the log leaves open.
    pub clock: LogClock,
}

/// What is known of a time in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogClock {
    /// Everything.
    Utc,
    /// The date and the time, but not the time zone.
    Local,
    /// Not even the year, as in `Nov 27 23:49:47`; 1972 stands for it.
    WithoutYear,
}

/// What lines of the scavenger (`scavtrace=1`, and `gctrace=1` up to Go 1.13) add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scavenger {
    /// Number of its lines.
    pub lines: u64,
    /// KiB that it returned to the system, as far as the lines say.
    pub returned: u64,
}

/// Objects that wait for their finalizer or cleanup (`checkfinalizers=1`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Most finalizers that waited.
    pub finalizers: u64,
    /// Most cleanups that waited.
    pub cleanups: u64,
    /// Finalizers and cleanups that waited at the end.
    pub last: u64,
}
