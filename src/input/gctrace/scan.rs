//! Finds what the runtime wrote among the other lines of a log.
//!
//! Logs are large and hold few of these lines, so their first bytes are searched for with
//! `memchr`, in pieces that fit into the cache, and only what is found is looked at. A line of any
//! length takes no more memory than a piece.

use super::processes::{Processes, Written, writer};
use super::record::{Found, parse};
use super::time;
use crate::input::{InputError, Meter};
use crate::model::builder::Share;
use crate::model::collections::{Broken, BrokenRecord, Collection, CollectorLog, CollectorProcess};
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr};
use std::io::{self, Read};

/// Bytes searched at a time.
const PIECE: usize = 256 << 10;
/// Most bytes of a line that are kept while its end isn't known.
const LONGEST: usize = 1 << 20;
/// More bytes than any record has.
const RECORD: usize = 1 << 10;
/// Broken records that are remembered.
const REMEMBERED: usize = 5;
/// Records between two looks at what they weigh.
const WEIGHED: usize = 1 << 12;
/// What a record weighs: itself, and what judging it takes.
const WEIGHT: u64 = 2 * size_of::<Collection>() as u64 + 32;

/// Reads a log.
pub(super) fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<CollectorLog, InputError> {
    let mut scan = Scan::new(meter);
    let mut piece = vec![0; PIECE];
    let mut filled = 0;
    loop {
        let n = match reader.read(&mut piece[filled..]) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if n == 0 {
            scan.take(&piece[..filled], filled)?;
            return Ok(scan.finish(piece[..filled].last().is_some_and(|&last| last != b'\n')));
        }
        let known = filled;
        filled += n;
        let lines = memrchr(b'\n', &piece[known..filled]).map(|end| known + end + 1);
        let done = match lines {
            Some(lines) => lines,
            None if filled < piece.len() => continue,
            None if piece.len() < LONGEST => {
                piece.resize(piece.len() * 2, 0);
                continue;
            }
            // A record may continue in what isn't read yet.
            None => filled - RECORD,
        };
        scan.take(&piece[..lines.unwrap_or(filled)], done)?;
        piece.copy_within(done..filled, 0);
        filled -= done;
    }
}

/// What is searched for.
#[derive(Clone, Copy)]
enum Mark {
    Record,
    /// A line of the scavenger, by `scavtrace=1`.
    Scav,
    /// A line of the scavenger up to Go 1.13.
    Scvg,
    Periodic,
    Queues,
}

struct Scan<'a> {
    meter: Meter<'a>,
    finders: [(Mark, Finder<'static>); 5],
    processes: Processes,
    broken: Broken,
    /// Ends of lines before the piece.
    lines: u64,
    /// What was found in a piece; kept for its memory.
    marks: Vec<(usize, Mark)>,
    /// Records when they were last weighed.
    weighed: usize,
}

impl<'a> Scan<'a> {
    fn new(meter: Meter<'a>) -> Self {
        let finders = [
            (Mark::Record, "gc "),
            (Mark::Scav, "scav "),
            (Mark::Scvg, "scvg"),
            (Mark::Periodic, "GC forced"),
            (Mark::Queues, "checkfinalizers: queue: "),
        ];
        Self {
            meter,
            finders: finders.map(|(mark, text)| (mark, Finder::new(text))),
            processes: Processes::default(),
            broken: Broken::default(),
            lines: 0,
            marks: Vec::new(),
            weighed: 0,
        }
    }

    /// Takes what begins in the first `starts` bytes of a piece.
    fn take(&mut self, piece: &[u8], starts: usize) -> Result<(), InputError> {
        let mut marks = std::mem::take(&mut self.marks);
        marks.clear();
        for (mark, finder) in &self.finders {
            let found = finder.find_iter(piece).take_while(|&at| at < starts);
            marks.extend(found.map(|at| (at, *mark)));
        }
        marks.sort_unstable_by_key(|&(at, _)| at);
        let mut counted = 0;
        let mut line_start = 0;
        for &(at, mark) in &marks {
            let passed = &piece[counted..at];
            self.lines += memchr_iter(b'\n', passed).count() as u64;
            line_start = memrchr(b'\n', passed).map_or(line_start, |end| counted + end + 1);
            counted = at;
            self.look(mark, &piece[line_start..], at - line_start);
        }
        self.lines += memchr_iter(b'\n', &piece[counted..starts]).count() as u64;
        self.marks = marks;
        if self.processes.kept >= self.weighed + WEIGHED {
            self.weigh()?;
        }
        Ok(())
    }

    fn weigh(&mut self) -> Result<(), InputError> {
        self.weighed = self.processes.kept;
        let processes = self.processes.all.len();
        let shares = [
            Share::new("collections", self.processes.kept, WEIGHT),
            Share::new("processes", processes, 4 * size_of::<CollectorProcess>() as u64),
        ];
        self.meter.weigh(shares.into_iter())
    }

    /// Looks at the byte `at` of a line, which `text` begins with.
    fn look(&mut self, mark: Mark, text: &[u8], at: usize) {
        let end = memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end);
        let (before, rest) = (&text[..at], &text[at..end]);
        match mark {
            Mark::Record => self.record(before, rest),
            Mark::Scav => {
                if let Some(kibibytes) = scav(rest) {
                    self.processes.scavenged(kibibytes);
                }
            }
            Mark::Scvg => {
                if let Some(kibibytes) = scvg(rest) {
                    self.processes.scavenged(kibibytes);
                }
            }
            // The whole line, apart from what a log collector adds.
            Mark::Periodic => {
                let next = rest.get(b"GC forced".len()).copied().unwrap_or(b'\n');
                if matches!(next, b'\n' | b'\r' | b'\\' | b'"') {
                    self.processes.periodic();
                }
            }
            Mark::Queues => {
                if let Some((finalizers, cleanups)) = queues(rest) {
                    self.processes.queued(finalizers, cleanups);
                }
            }
        }
    }

    fn record(&mut self, before: &[u8], rest: &[u8]) {
        let line = self.lines + 1;
        match parse(rest) {
            Found::Nothing => {}
            Found::Record(record, length) => {
                let time = time::of_line(before, &rest[length..]);
                self.processes.add(*record, Written { line, time, writer: writer(before) });
            }
            Found::Broken(expected) => {
                self.broken.count += 1;
                if self.broken.first.len() < REMEMBERED {
                    let column = before.len() as u64 + 1;
                    self.broken.first.push(BrokenRecord { line, column, expected });
                }
            }
        }
    }

    fn finish(self, is_open: bool) -> CollectorLog {
        let Processes { all, repeated, .. } = self.processes;
        let lines = self.lines + u64::from(is_open);
        CollectorLog { processes: all, lines, broken: self.broken, repeated }
    }
}

/// A number at the start of a text, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let value = number.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    (1..19).contains(&digits).then_some((value, rest))
}

/// KiB that a line such as `scav 8 KiB work (bg), 0 KiB work (eager), 64 KiB now, 97% util` says
/// were returned; up to Go 1.19 a number comes first.
fn scav(line: &[u8]) -> Option<u64> {
    let (first, rest) = number(line.strip_prefix(b"scav ")?)?;
    let (work, rest) = match rest.strip_prefix(b" ") {
        Some(rest) if rest.first()?.is_ascii_digit() => number(rest)?,
        _ => (first, rest),
    };
    let rest = rest.strip_prefix(b" KiB work")?;
    let eager = rest.strip_prefix(b" (bg), ").and_then(number);
    let eager = eager.filter(|(_, rest)| rest.starts_with(b" KiB work (eager)"));
    Some(work.saturating_add(eager.map_or(0, |(eager, _)| eager)))
}

/// KiB that a line such as `scvg0: 13 MB released` says were returned; 0 for the line with the
/// state of the heap.
fn scvg(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"scvg")?;
    let rest = number(rest).map_or(rest, |(_, rest)| rest).strip_prefix(b": ")?;
    if rest.starts_with(b"inuse: ") {
        return Some(0);
    }
    let (size, rest) = number(rest)?;
    if rest.starts_with(b" MB released") {
        return Some(size.saturating_mul(1024));
    }
    rest.starts_with(b" KB released").then_some(size)
}

/// The numbers of `checkfinalizers: queue: 3 finalizers + 5 cleanups`.
fn queues(line: &[u8]) -> Option<(u64, u64)> {
    let (finalizers, rest) = number(line.strip_prefix(b"checkfinalizers: queue: ")?)?;
    let (cleanups, rest) = number(rest.strip_prefix(b" finalizers + ")?)?;
    rest.starts_with(b" cleanups").then_some((finalizers, cleanups))
}
