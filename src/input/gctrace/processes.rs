//! Sorts records into processes.
//!
//! A log may hold several processes: a service that was restarted, or containers whose lines are
//! mixed. A record continues the process whose last number it follows; where two do, what a log
//! collector wrote before the record decides. If lines were lost, a record continues a process with
//! a lower number that was written the same way. Any other record is the first of a new process.

use crate::model::collections::{
    Cause, Collection, CollectorProcess, LogClock, LogTime, Queues, Scavenger,
};

/// Processes that a record can continue: those that were written last.
const OPEN: usize = 64;
/// Nanoseconds by which two estimates of the start of one process may differ.
const SAME_START: i64 = 60_000_000_000;

/// What is known of a record besides what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// Its line, from 1.
    pub(super) line: u64,
    /// When it was written.
    pub(super) time: Option<LogTime>,
    /// What names its writer: a hash of the words before it that aren't times.
    pub(super) writer: u64,
}

/// The processes of a log so far.
#[derive(Debug, Default)]
pub(super) struct Processes {
    pub(super) all: Vec<CollectorProcess>,
    /// The last ones that were written, the latest first: their position, and their writer.
    open: Vec<(usize, u64)>,
    pub(super) repeated: u64,
    /// Records kept.
    pub(super) kept: usize,
    /// Whether the next collection is a periodic one.
    periodic: bool,
    /// What came before the first record.
    early: CollectorProcess,
}

impl Processes {
    /// Adds a record.
    pub(super) fn add(&mut self, mut record: Collection, written: Written) {
        if std::mem::take(&mut self.periodic) && record.cause == Cause::Heap {
            record.cause = Cause::Periodic;
        }
        let repeats = |&(at, writer): &(usize, u64)| {
            writer == written.writer && self.last(at).is_some_and(|last| *last == record)
        };
        if self.open.iter().any(repeats) {
            self.repeated += 1;
            return;
        }
        let place = self.successor(&record, written).or_else(|| self.later(&record, written));
        let at = match place {
            Some(place) => self.open.remove(place).0,
            None => self.begin(written),
        };
        self.open.insert(0, (at, written.writer));
        self.open.truncate(OPEN);
        let process = &mut self.all[at];
        process.collections.push(record);
        process.last = written.time.or(process.last);
        self.kept += 1;
    }

    fn begin(&mut self, written: Written) -> usize {
        let early = std::mem::take(&mut self.early);
        let (line, first) = (written.line, written.time);
        self.all.push(CollectorProcess { line, first, ..early });
        self.all.len() - 1
    }

    fn last(&self, at: usize) -> Option<&Collection> {
        self.all[at].collections.last()
    }

    /// The open process whose next collection this is.
    fn successor(&self, record: &Collection, written: Written) -> Option<usize> {
        self.best(written, |at| {
            let last = self.last(at);
            last.is_some_and(|last| record.follows(last) && last.at <= record.at)
        })
    }

    /// The open process of which this is a later collection.
    fn later(&self, record: &Collection, written: Written) -> Option<usize> {
        self.best(written, |at| {
            let last = self.last(at);
            last.is_some_and(|last| last.number < record.number && last.at <= record.at)
                && self.starts_agree(at, record, written)
        })
    }

    /// Of the open processes that fit the one that was written last, if possible by this writer.
    fn best(&self, written: Written, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let find = |of_writer: bool| {
            self.open
                .iter()
                .position(|&(at, writer)| (!of_writer || writer == written.writer) && fits(at))
        };
        find(true).or_else(|| find(false))
    }

    /// Whether a record and the last one of a process tell about the same start of the process.
    fn starts_agree(&self, at: usize, record: &Collection, written: Written) -> bool {
        let (Some(before), Some(last)) = (self.all[at].last, self.last(at)) else { return true };
        let Some(now) = written.time.filter(|now| now.clock == before.clock) else { return true };
        let start = |time: LogTime, of: &Collection| time.nanos.saturating_sub(of.at as i64);
        start(now, record).abs_diff(start(before, last)) <= SAME_START as u64
            || now.clock == LogClock::WithoutYear && now.nanos < before.nanos
    }

    /// The process that was written last.
    fn current(&mut self) -> &mut CollectorProcess {
        match self.open.first() {
            Some(&(at, _)) => &mut self.all[at],
            None => &mut self.early,
        }
    }

    /// Adds a line of the scavenger.
    pub(super) fn scavenged(&mut self, kibibytes: u64) {
        let Scavenger { lines, returned } = &mut self.current().scavenger;
        *lines += 1;
        *returned = returned.saturating_add(kibibytes);
    }

    /// Adds the lengths of the queues of finalizers and cleanups.
    pub(super) fn queued(&mut self, finalizers: u64, cleanups: u64) {
        let queues = self.current().queues.get_or_insert_default();
        let Queues { finalizers: most, cleanups: most_cleanups, last } = queues;
        *most = finalizers.max(*most);
        *most_cleanups = cleanups.max(*most_cleanups);
        *last = finalizers.saturating_add(cleanups);
    }

    /// The next collection runs because there was none for two minutes.
    pub(super) fn periodic(&mut self) {
        self.periodic = true;
    }
}

/// A hash of the words before a record that aren't times: the container, the host, the process id.
pub(super) fn writer(before: &[u8]) -> u64 {
    const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let before = &before[..before.len().min(256)];
    let words = before.split(u8::is_ascii_whitespace).filter(|word| {
        let is_time = word.first().is_some_and(u8::is_ascii_digit);
        !(word.is_empty() || is_time || WEEKDAYS.contains(word) || MONTHS.contains(word))
    });
    // FNV-1a.
    let add = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| add(word.iter().fold(hash, add), &b' '))
}
