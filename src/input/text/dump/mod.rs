//! Dumps of goroutines, as Go writes them with `?debug=2`, on SIGQUIT and when it panics: alone or
//! anywhere in a log.
//!
//! A dump has each goroutine by itself, with its state, how long it has waited and what started it,
//! which become labels. Goroutines that differ in nothing but arguments are one sample.
//!
//! A log may have several dumps, and stacks of single goroutines that panicked and went on. A
//! goroutine that comes again begins another dump, and the last one counts. A stack that a goroutine
//! wrote of itself isn't part of a dump.

mod digits;
mod frame;
mod goroutine;
mod header;
mod ids;
mod locks;
mod parts;
mod prefix;
mod repeats;
mod samples;
mod weight;

pub use parts::cut_dumps_at;

use super::collector::{Addresses, Collector, Unnamed};
use super::lines::{Line, Lines};
use crate::input::{Content, DUMP, Format, Holds, InputError, Meter, Sniff};
use crate::model::goroutines::{DumpEnd, DumpFacts, label};
use crate::model::profile::Profile;
use frame::Part;
use goroutine::{Called, Frame, Goroutine, labels};
use hashbrown::HashTable;
use header::Header;
use ids::Ids;
use locks::Locks;
use parts::{Extent, Parts};
use prefix::Prefix;
use repeats::Repeats;
use rustc_hash::FxBuildHasher;
use samples::Samples;
use std::borrow::Cow;
use std::hash::BuildHasher;
use std::io::Read;

/// A dump by itself.
pub(in crate::input) const FORMAT: Format = Format {
    name: DUMP,
    holds: Holds::TextProfile,
    sniff: Sniff::Start(|head| {
        let first = head.split(|&b| b == b'\n').next().unwrap_or_default();
        header::find(first).is_some_and(|(at, _)| at == 0)
    }),
    read,
};

/// A dump in a log: of a crash, or one that shows more than goroutines that run. A log in which
/// goroutines panic and go on has stacks of running ones alone.
pub(in crate::input) const IN_LOG: Format = Format {
    sniff: Sniff::Line(|text| {
        let (mut after_crash, mut wrapped) = (false, Cow::Borrowed(&b""[..]));
        text.split(|&b| b == b'\n').any(|line| {
            let line = prefix::unwrapped(line);
            let header = header::find(&line);
            let is_dump = header.is_some_and(|(at, header)| {
                // A log wraps both lines alike.
                let crash = Prefix::of(&line[..at]).strip(&wrapped).unwrap_or_default();
                header.state != RUNNING || after_crash || is_crash(crash)
            });
            let mut marks = CRASHES.iter().filter_map(|mark| memchr::memmem::find(&line, mark));
            match marks.next() {
                Some(0) => after_crash = true,
                Some(at) if line[at - 1] != b'\t' => wrapped = line,
                _ => {}
            }
            is_dump
        })
    }),
    ..FORMAT
};

/// How the runtime begins when it gives up.
const CRASHES: [&[u8]; 3] = [b"panic: ", b"fatal error: ", b"SIG"];

fn is_crash(line: &[u8]) -> bool {
    CRASHES.iter().any(|crash| line.starts_with(crash))
}

const RUNNING: &[u8] = b"running";

/// Functions that write the stack of the goroutine that calls them, in a program that goes on.
const WRITERS: [&[u8]; 2] = [b"runtime/debug.Stack", b"net/http.(*conn).serve.func1"];

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    profile(&mut Lines::new(reader, meter)).map(Content::from)
}

/// Frames of the deepest stack. The runtime elides those in the middle of a deep one.
const DEEPEST: usize = 10_000;
/// Bytes at which Go's handler for `?debug=2` stops, wherever it is.
const GO_STOPS_AT: u64 = 64 << 20;
/// Bytes of the longest goroutine that may be counted without reading its lines.
const LONG: usize = 16 * 1024;

fn profile(lines: &mut Lines<'_>) -> Result<Profile, InputError> {
    let mut collector = Collector::new(lines.meter(), Unnamed::ByAddress);
    let of = ("goroutine", "count");
    collector.types(&[of], of, 1)?;
    let mut dump = Dump::default();
    let (mut text, mut parts) = (Vec::new(), Parts::default());
    while dump.repeat(lines)? || dump.goroutine_or_line(lines, &mut text)? {
        collector.weigh_with(lines, &dump.shares())?;
        if dump.known.len() > 1 {
            dump.earlier = None;
        }
        if parts.are_due(&dump, lines) {
            parts.read(&mut dump, lines, &collector)?;
        }
    }
    let end = match dump.last_line {
        _ if dump.earlier.is_some() => DumpEnd::Whole,
        _ if lines.bytes() == GO_STOPS_AT => DumpEnd::AtLimit,
        LastLine::InStack if lines.is_unfinished() => DumpEnd::InGoroutine,
        _ => DumpEnd::Whole,
    };
    dump.end();
    let (dumps, shown) = (dump.number + 1, *dump.earlier.take().unwrap_or_else(|| Box::new(dump)));
    let facts = DumpFacts { end, dumps, number: shown.number + 1, line: shown.line };
    let mut profile = shown.collect(collector)?;
    profile.header.dump = facts;
    Ok(profile)
}

/// What the last line was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LastLine {
    /// The whole last line of a frame, or one outside of stacks.
    #[default]
    Other,
    /// Another line of a stack, or the start of one.
    InStack,
}

/// The last dump so far.
#[derive(Default)]
struct Dump {
    prefix: Prefix,
    /// Whether the goroutines so far wrote their own stacks.
    is_of_writers: bool,
    /// Whether a process has crashed since the last goroutine.
    has_crashed: bool,
    /// Whether the lines are those of the message of a crash.
    is_in_message: bool,
    current: Goroutine,
    /// The goroutines of this dump, by number.
    known: Ids,
    frames: Vec<Frame>,
    frame_index: HashTable<u32>,
    samples: Samples,
    locks: Locks,
    repeats: Repeats,
    /// The sample of the last goroutine, if it was counted.
    last: Option<u32>,
    /// Dumps before this one.
    number: u64,
    /// The line in which it begins.
    line: u64,
    /// The line of the last header.
    header_line: u64,
    last_line: LastLine,
    /// The dump before this one, while that may be the crash of a single goroutine.
    earlier: Option<Box<Dump>>,
    extent: Extent,
}

impl Dump {
    /// Counts the goroutine that comes next, if it differs from an earlier one in numbers alone.
    fn repeat(&mut self, lines: &mut Lines<'_>) -> Result<bool, InputError> {
        if self.is_of_writers || self.has_crashed || self.current.is_open {
            return Ok(false);
        }
        let text = lines.ahead(LONG)?;
        let found = self.repeats.find(text);
        // One that comes again begins another dump.
        let Some(repeat) = found.filter(|repeat| self.known.insert(repeat.id)) else {
            return Ok(false);
        };
        (self.is_in_message, self.prefix) = (false, Prefix::default());
        let sample = self.samples.waiting(repeat.sample, repeat.minutes);
        self.samples.count(sample);
        let Self { current, samples, locks, repeats, .. } = self;
        if repeats.calls(&repeat, text, &mut current.calls).is_some() {
            locks.add(sample, &samples.key(sample).state, &current.calls);
        }
        self.last_line = LastLine::Other;
        lines.pass(repeat.bytes, repeat.lines);
        Ok(true)
    }

    /// Reads the next line, or a whole goroutine if one begins there, whose text is put into `text`.
    /// Returns whether there was one.
    fn goroutine_or_line(
        &mut self,
        lines: &mut Lines<'_>,
        text: &mut Vec<u8>,
    ) -> Result<bool, InputError> {
        let ahead = lines.ahead(LONG)?;
        let ahead = &ahead[..ahead.len().min(LONG)];
        let begins = ahead.starts_with(repeats::START) && self.repeats.learns();
        let end = begins.then(|| memchr::memmem::find(ahead, repeats::END)).flatten();
        let Some(end) = end.map(|at| at + repeats::END.len()) else {
            let Some(line) = lines.next()? else { return Ok(false) };
            return self.line(line).map(|()| true);
        };
        text.clear();
        text.extend_from_slice(&ahead[..end]);
        self.last = None;
        let count = memchr::memchr_iter(b'\n', text).count();
        for _ in 0..count {
            if let Some(line) = lines.next()? {
                self.line(line)?;
            }
        }
        if let Some(sample) = self.last.filter(|_| !self.is_of_writers) {
            self.repeats.keep(text, sample, &self.current.calls);
        }
        Ok(true)
    }

    fn line(&mut self, line: Line<'_>) -> Result<(), InputError> {
        let text = prefix::unwrapped(line.text);
        if let Some((at, header)) =
            header::find(&text).filter(|(at, _)| !self.is_quoted(&text[..*at]))
        {
            (self.is_in_message, self.last_line) = (false, LastLine::InStack);
            self.end();
            self.header_line = line.number;
            self.prefix = Prefix::of(&text[..at]);
            self.begin(header);
            return Ok(());
        }
        self.last_line = LastLine::Other;
        if !self.current.is_open {
            if text.starts_with(repeats::START) {
                self.last_line = LastLine::InStack;
            }
            let own = self.prefix.strip(&text).unwrap_or_default();
            self.has_crashed |= CRASHES[..2].iter().any(|crash| own.starts_with(crash));
            if self.has_crashed {
                self.doubt();
            }
            if !text.contains(&b'\t') {
                self.is_in_message = memchr::memmem::find(&text, CRASHES[0]).is_some();
            }
            return Ok(());
        }
        let Some(text) = self.prefix.strip(&text) else { return Ok(()) };
        if text.trim_ascii().is_empty() {
            self.end();
            return Ok(());
        }
        if self.current.key.stack.len() >= DEEPEST {
            return Err(line.expected("the end of a stack, after 10000 frames"));
        }
        self.stack_line(text);
        Ok(())
    }

    fn begin(&mut self, header: Header<'_>) {
        self.last = None;
        // Threads of the runtime aren't goroutines.
        if header.id == 0 {
            return;
        }
        self.current.is_open = true;
        self.current.id = Some(header.id);
        if header.state != RUNNING {
            self.admit(b"");
        }
        self.current.is_in_ancestors = false;
        self.current.call = None;
        self.current.calls.clear();
        let key = &mut self.current.key;
        key.stack.clear();
        key.state.clear();
        key.state.extend_from_slice(header.state);
        let Header { minutes, is_locked, is_leaked, labels, .. } = header;
        (key.minutes, key.is_locked, key.is_leaked) = (minutes, is_locked, is_leaked);
        (key.creator, key.labels) = (0, labels);
        for name in frame::hidden(header.state) {
            let frame = self.frame(name.as_bytes(), b"", 0);
            self.current.key.stack.push(frame);
        }
    }

    /// Whether what stands before a header shows that it is part of the message of a panic, whose
    /// further lines the runtime indents.
    fn is_quoted(&self, before: &[u8]) -> bool {
        memchr::memmem::find(before, CRASHES[0]).is_some()
            || (self.is_in_message && before.ends_with(b"\t"))
    }

    /// Makes the current goroutine part of a dump, by the first function on its stack.
    fn admit(&mut self, leaf: &[u8]) {
        let Some(id) = self.current.id.take() else { return };
        let is_writer = WRITERS.contains(&leaf);
        if is_writer && !self.is_of_writers && !self.known.is_empty() {
            self.current.is_open = false;
            return;
        }
        let has_crashed = std::mem::take(&mut self.has_crashed) && !self.known.is_empty();
        if has_crashed || (self.is_of_writers && !is_writer) || !self.known.insert(id) {
            if self.extent != Extent::Whole {
                self.current.is_open = false;
                return self.doubt();
            }
            self.begin_another();
            self.known.insert(id);
        }
        if self.known.len() == 1 {
            self.line = self.header_line;
        }
        self.is_of_writers = is_writer;
        if is_writer {
            self.doubt();
        }
    }

    /// Begins another dump. Stacks that goroutines wrote aren't one.
    fn begin_another(&mut self) {
        let next = Self {
            prefix: self.prefix,
            current: std::mem::take(&mut self.current),
            number: self.number + u64::from(!self.is_of_writers),
            header_line: self.header_line,
            last_line: self.last_line,
            ..Self::default()
        };
        let mut previous = std::mem::replace(self, next);
        self.earlier = previous.earlier.take();
        if previous.known.len() > 1 && !previous.is_of_writers {
            self.earlier = Some(Box::new(previous));
        }
    }

    /// Uses a line of the current goroutine. Any other line ends it.
    fn stack_line(&mut self, text: &[u8]) {
        if self.current.function.is_some() {
            let place = frame::place(text);
            self.add_called(place.unwrap_or_default());
            if place.is_some() {
                return;
            }
        }
        self.last_line = LastLine::InStack;
        let part = frame::part(text);
        // Frames are numbered by the dump that the goroutine is part of.
        match part {
            Some(Part::Function(name, _)) => self.admit(name),
            Some(_) => self.admit(b""),
            None => {}
        }
        if !self.current.is_open {
            return;
        }
        match part {
            Some(Part::Function(name, first)) => {
                self.call(name, Called::Here);
                self.current.call = locks::call(name, first);
            }
            Some(Part::Creator(name)) => self.call(name, Called::Creator),
            Some(Part::Elided) => self.add(label::ELIDED, Default::default(), Called::Here),
            Some(Part::Unavailable) => {
                self.add(label::UNAVAILABLE, Default::default(), Called::Here);
            }
            Some(Part::Ancestor) => self.current.is_in_ancestors = true,
            None => self.end(),
        }
    }

    /// Remembers a function until its file is known.
    fn call(&mut self, name: &[u8], called: Called) {
        self.current.function = Some(called);
        self.current.name.clear();
        self.current.name.extend_from_slice(name);
    }

    /// Adds the function that was remembered.
    fn add_called(&mut self, place: (&[u8], i64)) {
        let Some(called) = self.current.function.take() else { return };
        let name = std::mem::take(&mut self.current.name);
        self.add(&name, place, called);
        self.current.name = name;
    }

    /// Adds a frame to the current goroutine.
    fn add(&mut self, name: &[u8], (file, line): (&[u8], i64), called: Called) {
        // Go leaves out of protobuf what every stack ends with.
        if self.current.is_in_ancestors || name == b"runtime.goexit" {
            return;
        }
        // A dump leaves out what the runtime calls the function.
        let name = if name == b"panic" { b"runtime.gopanic" } else { name };
        let frame = self.frame(name, file, line);
        let call = self.current.call.take().filter(|_| called == Called::Here);
        self.current.calls.extend(call.map(|call| (call, frame)));
        let key = &mut self.current.key;
        if called == Called::Creator {
            key.creator = frame;
            return;
        }
        // With GOTRACEBACK=system a dump has the functions of the runtime.
        if name == b"runtime.gopark" {
            key.stack.clear();
        }
        key.stack.push(frame);
    }

    /// The number of a frame.
    fn frame(&mut self, name: &[u8], file: &[u8], line: i64) -> u32 {
        let Self { frames, frame_index, .. } = self;
        let hash = FxBuildHasher.hash_one((name, file, line));
        let is_same = |&number: &u32| {
            let (own, own_file, own_line) = &frames[number as usize - 1];
            *own_line == line && **own == *name && **own_file == *file
        };
        if let Some(&number) = frame_index.find(hash, is_same) {
            return number;
        }
        frames.push((name.into(), file.into(), line));
        let number = frames.len() as u32;
        let rehash = |&number: &u32| {
            let (name, file, line) = &frames[number as usize - 1];
            FxBuildHasher.hash_one((&**name, &**file, *line))
        };
        frame_index.insert_unique(hash, number, rehash);
        number
    }

    /// Counts the current goroutine.
    fn end(&mut self) {
        if !self.current.is_open {
            return;
        }
        self.admit(b"");
        self.add_called(Default::default());
        self.current.is_open = false;
        let Goroutine { key, calls, .. } = &self.current;
        let sample = self.samples.number(key);
        self.last = Some(sample);
        self.samples.count(sample);
        self.locks.add(sample, &key.state, calls);
    }

    /// Makes the samples, in the order in which their stacks came.
    fn collect(self, mut collector: Collector<'_>) -> Result<Profile, InputError> {
        let mut stack = Vec::new();
        let holders = self.locks.holders(|frame| {
            let (function, _, line) = &self.frames[frame as usize - 1];
            (function, *line)
        });
        for (number, (_, count)) in (0..).zip(self.samples.all()) {
            let key = self.samples.key(number);
            stack.clear();
            stack.extend(key.stack.iter().map(|&frame| u64::from(frame)));
            let mut labels = labels(&mut collector, key, &self.frames)?;
            if let Some(&holder) = holders.get(&number) {
                let (function, ..) = &self.frames[holder as usize - 1];
                let function = String::from_utf8_lossy(function);
                labels.push(collector.text_label(label::HOLDER, &function)?);
            }
            collector.sample(&stack, &[*count], &labels)?;
        }
        for (number, (function, file, line)) in (1..).zip(&self.frames) {
            collector.name_address(number, function, file, *line)?;
        }
        collector.finish(Vec::new(), Addresses::Numbers)
    }
}
