//! What the system and the runtime say of a process's memory, as samples over time.
//!
//! A gauge is one number of one moment: the resident set, a line of `smaps_rollup`, of a cgroup's
//! `memory.stat`. A sample has all gauges of a moment, and Go's own statistics if they are known. This
//! file holds facts only: `analysis::memory` decides which of them add up.

use super::memory_statistics::MemoryStatistics;
use super::profile::TimeSource;

/// A number that was read about a process or its cgroup. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gauge {
    /// Pages of the process that are in memory.
    Rss,
    /// Those that belong to no file: heap, stacks, memory from `mmap` and `malloc`.
    Anonymous,
    /// Those of files: the program, libraries, mapped files.
    File,
    /// Those of shared memory.
    Shared,
    /// The resident set with shared pages divided among those who share them.
    Pss,
    /// Pages that no other process uses, and that are as in their file.
    PrivateClean,
    /// Pages that no other process uses, and that changed.
    PrivateDirty,
    /// Pages that were given back with `MADV_FREE` and that the system has not taken yet.
    LazyFree,
    /// Anonymous pages in huge pages.
    HugePages,
    /// Pages that were moved to the swap.
    Swap,
    /// All that a cgroup is charged for.
    CgroupCurrent,
    /// The most that a cgroup may use; [`u64::MAX`] if there is no limit.
    CgroupLimit,
    /// Its anonymous memory.
    CgroupAnonymous,
    /// Its pages of files, with shared memory.
    CgroupFile,
    /// The part of those that processes have mapped.
    CgroupMapped,
    /// The part of those that wasn't used lately.
    CgroupInactive,
    /// Its shared memory and files in memory.
    CgroupShared,
    /// Its memory in the kernel, without sockets.
    CgroupKernel,
    /// Its memory in sockets.
    CgroupSockets,
    /// Times that it was at its limit.
    CgroupLimitHits,
    /// Processes in it that were killed for lack of memory.
    CgroupKills,
    /// The memory limit of Go's runtime (`GOMEMLIMIT`); [`u64::MAX`] if there is no limit.
    GoLimit,
    /// Goroutines.
    Goroutines,
    /// The only number of a file, which its name alone explains: `memory.current`, `memory.max`.
    Unnamed,
}

/// A gauge, what its source calls it, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it is.
    pub gauge: Gauge,
    /// Its name where it was read: `VmRSS`, `anon`.
    pub field: &'static str,
    /// Its value.
    pub value: u64,
}

/// When something was sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GaugeTime {
    /// Nothing says when.
    #[default]
    Unknown,
    /// In nanoseconds since the epoch.
    Utc(i64),
    /// In nanoseconds since the process started, or since the sampling did.
    SinceStart(i64),
}

/// What was read at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GaugeSample {
    /// When that was.
    pub time: GaugeTime,
    /// Its gauges, each once.
    pub readings: Vec<Reading>,
    /// What Go's runtime says about its memory.
    pub statistics: Option<MemoryStatistics>,
}

/// The samples of one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GaugeLog {
    /// The input's name.
    pub name: String,
    /// The samples: in order of time if they have times, else as they were read.
    pub samples: Vec<GaugeSample>,
    /// Where the times come from, if the samples themselves don't have any.
    pub time_source: TimeSource,
    /// Lines that belong to no sample: text of other programs.
    pub skipped: u64,
}

impl GaugeSample {
    /// The value of a gauge, and what its source calls it.
    pub fn get(&self, gauge: Gauge) -> Option<Reading> {
        self.readings.iter().copied().find(|reading| reading.gauge == gauge)
    }

    /// Adds a reading. A gauge that is there already keeps its value.
    pub fn add(&mut self, gauge: Gauge, field: &'static str, value: u64) {
        if self.get(gauge).is_none() {
            self.readings.push(Reading { gauge, field, value });
        }
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty() && self.statistics.is_none()
    }
}

impl GaugeLog {
    /// Whether none of the samples has a time.
    pub fn is_untimed(&self) -> bool {
        self.samples.iter().all(|sample| sample.time == GaugeTime::Unknown)
    }

    /// Gives a time to samples without one. Only an input with a single sample has such a time.
    pub fn taken(&mut self, nanos: i64, source: TimeSource) {
        if let [only] = self.samples.as_mut_slice() {
            only.time = GaugeTime::Utc(nanos);
            self.time_source = source;
        }
    }
}
