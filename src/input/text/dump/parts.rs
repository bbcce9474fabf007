//! Reads the parts of a large dump on several threads, with the same result as one thread.
//!
//! A dump is cut where a goroutine begins behind a blank line. Most parts mean the same whatever comes before them: they
//! have whole goroutines, whose numbers are new. Such a part is read as a dump by itself, and then added to the dump, in
//! the order of the text. At the first part that may mean something else behind another text, what is left goes back to
//! be read in order.
//!
//! Each reader keeps the frames, samples and patterns of its parts. It takes parts in the order of the text, so when a
//! part is added, all that its reader knew before is part of the dump: what is new comes in the order in which it is in the
//! text. So the result doesn't depend on which reader read which part, nor on how many there are.

use super::goroutine::Key;
use super::ids::Ids;
use super::locks::Locks;
use super::prefix::Prefix;
use super::repeats;
use super::samples::{Kind, Samples};
use super::{Dump, LastLine, Lines};
use crate::input::text::collector::Collector;
use crate::input::{InputError, Meter};
use crate::parallel;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of a part, or a few more: few enough for the cache.
const PART: usize = 256 * 1024;
/// Parts that are read before any is added.
const AT_ONCE: usize = 16;
/// What a reader may weigh, as the dump does, before it forgets what it knows.
const HEAVY: u64 = 32 << 20;

/// Bytes of a part in all inputs.
static BYTES: AtomicUsize = AtomicUsize::new(PART);

/// Sets how many bytes of a goroutine dump one thread reads at a time. Every size has the same result: tests cut small
/// dumps with it.
pub fn cut_dumps_at(bytes: usize) {
    BYTES.store(bytes.max(1), Ordering::Relaxed);
}

/// How much of a dump is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Extent {
    #[default]
    Whole,
    /// A part, with no knowledge of what comes before.
    Part,
    /// A part that may mean something else behind some other text.
    UnclearPart,
}

impl Dump {
    /// Whether what comes next, if it begins with a goroutine, means the same as behind other goroutines.
    fn is_plain(&self) -> bool {
        let is_open = self.current.is_open || self.is_in_message || !self.prefix.is_empty();
        let is_of_one = self.known.len() < 2 || self.earlier.is_some();
        !is_open && !is_of_one && !self.is_of_writers && !self.has_crashed
    }

    /// Says that what comes now may mean something else behind some other text.
    pub(super) fn doubt(&mut self) {
        if self.extent == Extent::Part {
            self.extent = Extent::UnclearPart;
        }
    }
}

/// What reads a dump in parts.
pub(super) struct Parts {
    /// Bytes of a part.
    bytes: usize,
    /// Bytes of the input before which it isn't done again.
    from: u64,
    /// Bytes between the last two times.
    pause: u64,
    /// Text being read in parts, and text read behind it.
    text: Vec<u8>,
    ahead: Vec<u8>,
}

impl Default for Parts {
    fn default() -> Self {
        let bytes = BYTES.load(Ordering::Relaxed);
        let pause = (bytes.saturating_mul(AT_ONCE) / 4) as u64;
        Self { bytes, from: pause, pause, text: Vec::new(), ahead: Vec::new() }
    }
}

impl Parts {
    /// Whether what comes next is worth reading in parts.
    pub(super) fn are_due(&self, dump: &Dump, lines: &Lines<'_>) -> bool {
        let is_there = !lines.is_at_end() || lines.rest().len() >= self.bytes;
        let is_due = lines.passed() >= self.from && is_there;
        is_due && dump.is_plain() && lines.rest().starts_with(repeats::START)
    }

    /// Reads what comes next, as far as that is clear by itself.
    pub(super) fn read(
        &mut self,
        dump: &mut Dump,
        lines: &mut Lines<'_>,
        collector: &Collector<'_>,
    ) -> Result<(), InputError> {
        let (from, size) = (lines.passed(), self.bytes * AT_ONCE);
        let mut readers: Vec<Reader> = Vec::new();
        let mut len = lines.take(&mut self.text);
        self.text.resize(self.text.len().max(size), 0);
        len += lines.read_into(&mut self.text[len..]);
        loop {
            let cuts = cuts(&self.text[..len], self.bytes);
            let end = cuts.last().map_or(0, |cut| cut.end);
            if readers.is_empty() && end > 0 {
                readers.resize_with(parallel::threads(), || Reader::of(dump));
            }
            // What is behind the last cut comes first in the next text.
            let rest = len - end;
            self.ahead.resize(self.ahead.len().max(size).max(rest), 0);
            self.ahead[..rest].copy_from_slice(&self.text[end..len]);
            let (text, ahead) = (&self.text[..end], &mut self.ahead[rest..]);
            let (next, has_unclear) = (AtomicUsize::new(0), AtomicBool::new(false));
            let meter = lines.meter();
            let read = |reader: &mut Reader| {
                while !has_unclear.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cut) = cuts.get(number) else { break };
                    let part = reader.part(&text[cut.clone()], meter);
                    has_unclear.fetch_or(part.is_none(), Ordering::Relaxed);
                    reader.parts.extend(part.map(|part| (number, part)));
                }
            };
            let more = if cuts.is_empty() {
                0
            } else {
                rest + parallel::beside(&mut readers, read, || lines.read_into(ahead))
            };
            let mut added = 0;
            for (number, cut) in cuts.iter().enumerate() {
                let Some(reader) = readers.iter_mut().find(|reader| reader.has(number)) else {
                    break;
                };
                let Some(part) = reader.parts.pop_front().filter(|_| dump.is_plain()) else {
                    break;
                };
                let count = part.1.lines;
                if !reader.add_to(dump, part.1) {
                    break;
                }
                lines.skip(cut.len(), count);
                collector.weigh_with(lines, &dump.shares())?;
                added = cut.end;
            }
            if cuts.is_empty() || added < end {
                let ahead = if cuts.is_empty() { rest } else { more };
                lines.put_back([&self.text[added..end], &self.ahead[..ahead]]);
                break;
            }
            readers.iter_mut().for_each(Reader::forget);
            std::mem::swap(&mut self.text, &mut self.ahead);
            len = more;
        }
        // Not again and again where it is of no use.
        let passed = lines.passed();
        let is_of_use = passed - from >= size as u64;
        self.pause = if is_of_use { size as u64 } else { self.pause.saturating_mul(2) };
        self.from = passed + self.pause;
        Ok(())
    }
}

/// What reads parts of a dump.
struct Reader {
    /// What it knows, and the part that it reads.
    dump: Dump,
    /// The text of a goroutine.
    text: Vec<u8>,
    /// The parts that it has read and that aren't added yet, with their numbers.
    parts: VecDeque<(usize, Part)>,
    /// The numbers that its frames and samples have in the dump.
    frames: Vec<u32>,
    samples: Vec<u32>,
}

/// A part of a dump that was read, in the numbers of its reader.
struct Part {
    /// The frames and samples that are new.
    frames: Range<usize>,
    samples: Range<usize>,
    /// Goroutines of each sample.
    counts: Vec<(u32, i64)>,
    known: Ids,
    locks: Locks,
    lines: u64,
    prefix: Prefix,
    is_in_message: bool,
}

impl Reader {
    /// One that knows what a dump has so far.
    fn of(dump: &Dump) -> Self {
        let mut samples = dump.samples.clone().of_part();
        samples.take_counts();
        Self {
            frames: (1..=dump.frames.len() as u32).collect(),
            samples: (0..samples.len() as u32).collect(),
            dump: Dump {
                frames: dump.frames.clone(),
                frame_index: dump.frame_index.clone(),
                samples,
                repeats: dump.repeats.clone(),
                extent: Extent::Part,
                ..Dump::default()
            },
            text: Vec::new(),
            parts: VecDeque::new(),
        }
    }

    /// Reads a part; `None` if it may mean something else behind another text.
    fn part(&mut self, text: &[u8], meter: Meter<'_>) -> Option<Part> {
        let Self { dump, text: goroutine, .. } = self;
        let (frames, samples) = (dump.frames.len(), dump.samples.len());
        let lines = &mut Lines::of(text, meter);
        (dump.prefix, dump.is_in_message) = (Prefix::default(), false);
        while dump.extent == Extent::Part
            && (dump.repeat(lines).ok()? || dump.goroutine_or_line(lines, goroutine).ok()?)
        {
        }
        (dump.extent == Extent::Part && !dump.current.is_open).then(|| Part {
            frames: frames..dump.frames.len(),
            samples: samples..dump.samples.len(),
            counts: dump.samples.take_counts(),
            known: std::mem::take(&mut dump.known),
            locks: std::mem::take(&mut dump.locks),
            lines: lines.number(),
            prefix: dump.prefix,
            is_in_message: dump.is_in_message,
        })
    }

    /// Whether it has read a part, and those before it are added.
    fn has(&self, number: usize) -> bool {
        self.parts.front().is_some_and(|(first, _)| *first == number)
    }

    /// Adds a part to the dump that comes before it, unless it has goroutines of the same numbers.
    fn add_to(&mut self, dump: &mut Dump, part: Part) -> bool {
        if !dump.known.add(&part.known) {
            return false;
        }
        for (name, file, line) in &self.dump.frames[part.frames] {
            self.frames.push(dump.frame(name, file, *line));
        }
        let frame = |own: u32| self.frames[own as usize - 1];
        for (kind, _) in &self.dump.samples.all()[part.samples] {
            let number = match kind {
                Kind::As(key) => {
                    let stack = key.stack.iter().map(|&own| frame(own)).collect();
                    let creator = if key.creator == 0 { 0 } else { frame(key.creator) };
                    dump.samples.number(&Key { stack, creator, ..key.clone() })
                }
                Kind::Like(other, minutes) => {
                    dump.samples.waiting(self.samples[*other as usize], Some(*minutes))
                }
            };
            self.samples.push(number);
        }
        let sample = |own: u32| self.samples[own as usize];
        part.counts.iter().for_each(|&(own, count)| dump.samples.add(sample(own), count));
        dump.locks.append(part.locks, frame, sample);
        (dump.prefix, dump.is_in_message) = (part.prefix, part.is_in_message);
        dump.last_line = LastLine::Other;
        true
    }

    /// Forgets what it knows if that is a lot. All parts that it has read are added.
    fn forget(&mut self) {
        if self.dump.shares().iter().map(|share| share.bytes).sum::<u64>() > HEAVY {
            let samples = Samples::default().of_part();
            self.dump = Dump { samples, extent: Extent::Part, ..Dump::default() };
            (self.frames, self.samples) = (Vec::new(), Vec::new());
        }
    }
}

/// Cuts a text into parts. What is left at its end is none.
fn cuts(text: &[u8], bytes: usize) -> Vec<Range<usize>> {
    let begins = |at: &usize| text[at + repeats::END.len()..].starts_with(repeats::START);
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    if !text.starts_with(repeats::START) {
        return cuts;
    }
    while text.len() - from >= bytes {
        let behind = from + bytes - 1;
        let mut ends =
            memchr::memmem::find_iter(&text[behind..], repeats::END).map(|at| behind + at);
        let Some(end) = ends.find(begins) else { break };
        let end = end + repeats::END.len();
        cuts.push(from..end);
        from = end;
    }
    // The last one, which is short.
    let mut ends = memchr::memmem::rfind_iter(&text[from..], repeats::END).map(|at| from + at);
    if let Some(end) = ends.find(begins) {
        cuts.push(from..end + repeats::END.len());
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Budget;
    use crate::input::text::collector::Unnamed;
    use std::sync::atomic::AtomicU64;

    const BYTES: usize = 300;

    /// A goroutine that waits for a lock, or is in an object.
    fn goroutine(id: usize) -> String {
        let (state, frame) =
            [("select", "main.(*till).run"), ("semacquire", "sync.(*Mutex).Lock")][id % 2];
        format!(
            "goroutine {id} [{state}, {} minutes]:\n{frame}(0x{:x})\n\t/go/a.go:{} +0x1d\nmain.(*till).pay(0x{:x})\n\t/a.go:7\n\n",
            2 + id % 5,
            id * 8,
            1 + id % 3,
            id * 16
        )
    }

    fn text(ids: impl Iterator<Item = usize>) -> String {
        ids.map(goroutine).collect()
    }

    /// Reads a text, in parts if `is_cut`. Returns the profile, and how many bytes were read in parts.
    fn read(text: &str, is_cut: bool) -> (String, u64) {
        let stored = AtomicU64::new(0);
        let meter = Meter::new(Budget::default(), &stored);
        let mut reader = text.as_bytes();
        let mut lines = Lines::new(&mut reader, meter);
        let mut collector = Collector::new(meter, Unnamed::ByAddress);
        let of = ("goroutine", "count");
        collector.types(&[of], of, 1).unwrap();
        let mut parts = Parts { bytes: BYTES, from: 0, pause: 1, ..Parts::default() };
        let (mut dump, mut goroutine, mut in_parts) = (Dump::default(), Vec::new(), 0);
        while dump.repeat(&mut lines).unwrap()
            || dump.goroutine_or_line(&mut lines, &mut goroutine).unwrap()
        {
            if dump.known.len() > 1 {
                dump.earlier = None;
            }
            if is_cut && parts.are_due(&dump, &lines) {
                let from = lines.passed();
                parts.read(&mut dump, &mut lines, &collector).unwrap();
                in_parts += lines.passed() - from;
            }
        }
        dump.end();
        assert_eq!((lines.bytes(), lines.passed()), (text.len() as u64, text.len() as u64));
        let what =
            format!("{} {} {} {:?}", lines.number(), dump.number, dump.known.len(), dump.last_line);
        (format!("{what} {:?}", dump.collect(collector).unwrap()), in_parts)
    }

    #[test]
    fn parts_are_the_same_as_the_whole() {
        let plain = text(1..999);
        let again = text(1..500) + &text(1..500);
        let crash = text(1..300) + "panic: x\n\n" + &text(300..999);
        let log =
            text(1..300) + "a line\n\n\n" + &text(300..600) + "  indented\n" + &text(600..999);
        let odd = text(1..300) + "goroutine 5x [select]:\n\n" + &text(300..999);
        for (text, least) in [(&plain, 9), (&again, 4), (&crash, 4), (&log, 4), (&odd, 4)] {
            let (whole, none) = read(text, false);
            for threads in [1, 2, 7] {
                let (parts, bytes) = parallel::limited(threads, || read(text, true));
                assert_eq!(whole, parts);
                assert_eq!(none, 0);
                assert!(bytes > text.len() as u64 * least / 10, "{bytes} of {}", text.len());
            }
        }
    }

    #[test]
    fn cuts_are_where_goroutines_begin() {
        let plain = text(1..99);
        let found = cuts(plain.as_bytes(), BYTES);
        assert!(found.windows(2).all(|two| two[0].end == two[1].start));
        assert!(found.iter().all(|cut| plain[cut.end..].starts_with("goroutine ")));
        assert!(found[..found.len() - 1].iter().all(|cut| (BYTES..2 * BYTES).contains(&cut.len())));
        assert_eq!(
            (found[0].start, found.last().map(|cut| cut.end)),
            (0, plain.rfind("goroutine "))
        );
        for other in [
            "",
            "goroutine 1 [select]:\n\n",
            "x\n\ngoroutine 1 [select]:\n\ngoroutine 2",
            "goroutine 1\n\n\n",
        ] {
            assert!(cuts(other.as_bytes(), 1).is_empty(), "{other}");
        }
    }
}
