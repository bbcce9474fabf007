//! Recognizes goroutines that differ from an earlier one in numbers alone.
//!
//! Most goroutines of a large dump have the text of another one, but for their number and for
//! addresses. So the text of each goroutine that was read line by line is kept as a pattern, with
//! gaps where such numbers are. What matches a pattern is one more of its sample, and needs no
//! reading but that of the numbers.
//!
//! A pattern has numbers of one length: then a text matches byte by byte. It covers a goroutine up to
//! the blank line behind it, and only in plain form, at the start of lines. What matches none is read
//! line by line, with the same result.

use super::frame::{self, Part};
use super::header;
use super::locks::{self, Call};
use crate::input::text::numbers::{Signed, decimal, hex};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::ops::Range;

/// Patterns that are kept.
const MOST: usize = 1024;
/// Bytes of all of them.
const MOST_BYTES: usize = 1 << 20;
/// Patterns of one length.
const OF_ONE_LENGTH: usize = 16;
/// Digits of the longest address.
const DIGITS: usize = 16;
/// Goroutines after which patterns that few of them matched are dropped.
const TRIED: u32 = 8 * 1024;
/// Goroutines that are then read without patterns.
const RESTED: u32 = 8 * TRIED;
/// Bytes compared before a difference is noticed.
const PIECE: usize = 64;

/// What begins a goroutine.
pub(super) const START: &[u8] = b"goroutine ";
/// What ends it.
pub(super) const END: &[u8] = b"\n\n";

/// Where the address of a call is, if it has one.
type Place = Option<Range<usize>>;

/// The text of a goroutine, with gaps for numbers.
#[derive(Debug)]
struct Pattern {
    text: Box<[u8]>,
    /// 255 for each byte of a gap, 0 for others.
    gaps: Box<[u8]>,
    /// Where the number of the goroutine is.
    id: Range<usize>,
    /// The calls on the stack that say something about locks, with their frames and the places of the
    /// addresses in them.
    calls: Box<[(Call, u32, Place)]>,
    /// Its sample.
    sample: u32,
    /// Ends of lines.
    lines: u64,
    /// The pattern that followed it last.
    next: usize,
}

/// A goroutine that matches a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    pattern: usize,
    /// Its number.
    pub(super) id: u64,
    pub(super) sample: u32,
    /// Bytes of its text.
    pub(super) bytes: usize,
    pub(super) lines: u64,
}

/// The patterns of a dump.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    patterns: Vec<Pattern>,
    by_length: HashMap<usize, Vec<usize>, FxBuildHasher>,
    bytes: usize,
    /// The last one that was found.
    last: usize,
    /// Goroutines since the last decision, and how many of them matched.
    tried: u32,
    found: u32,
    /// Goroutines to read without patterns.
    rest: u32,
}

impl Repeats {
    /// Returns the goroutine at the start of a text, if it matches a pattern.
    pub(super) fn find(&mut self, text: &[u8]) -> Option<Repeat> {
        let guess = self.patterns.get(self.last)?.next;
        let pattern = if self.is(guess, text) { guess } else { self.search(text)? };
        self.patterns[self.last].next = pattern;
        self.last = pattern;
        let Pattern { text: own, id, sample, lines, .. } = &self.patterns[pattern];
        let id = number(&text[id.clone()]).filter(|&id| id != 0)?;
        self.tried += 1;
        self.found += 1;
        Some(Repeat { pattern, id, sample: *sample, bytes: own.len(), lines: *lines })
    }

    /// The pattern of the goroutine at the start of a text.
    fn search(&self, text: &[u8]) -> Option<usize> {
        let length = memchr::memmem::find(text, END)? + END.len();
        let alike = self.by_length.get(&length)?;
        alike.iter().copied().find(|&pattern| self.is(pattern, text))
    }

    /// Whether a text begins with a pattern.
    fn is(&self, pattern: usize, text: &[u8]) -> bool {
        let Pattern { text: own, gaps, .. } = &self.patterns[pattern];
        let Some(text) = text.get(..own.len()) else { return false };
        let pieces = text.chunks(PIECE).zip(own.chunks(PIECE)).zip(gaps.chunks(PIECE));
        pieces.into_iter().all(|((text, own), gaps)| {
            let bytes = text.iter().zip(own).zip(gaps);
            bytes.fold(0, |other, ((&byte, &own), &gap)| {
                let is_digit = (byte.wrapping_sub(b'0') < 10) | (byte.wrapping_sub(b'a') < 6);
                let is_other = u8::from(is_digit).wrapping_sub(1);
                other | ((byte ^ own) & !gap) | (is_other & gap)
            }) == 0
        })
    }

    /// The calls of a goroutine that say something about locks; `None` if a goroutine of its pattern
    /// says no more than the first.
    pub(super) fn calls(
        &self,
        repeat: &Repeat,
        text: &[u8],
        calls: &mut Vec<(Call, u32)>,
    ) -> Option<()> {
        let own = &self.patterns[repeat.pattern].calls;
        own.iter().find(|(_, _, address)| address.is_some())?;
        calls.clear();
        calls.extend(own.iter().map(|(call, frame, address)| {
            let address = address.clone().and_then(|place| Some(hex(&text[place])?.0));
            (call.with(address.filter(|&address| address != 0)), *frame)
        }));
        Some(())
    }

    /// Counts a goroutine that is read line by line. Returns whether its text is to be kept.
    pub(super) fn learns(&mut self) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        self.tried += 1;
        if self.tried >= TRIED {
            let is_rare = self.found < self.tried / 4;
            (self.tried, self.found) = (0, 0);
            if is_rare {
                *self = Self { rest: RESTED, ..Self::default() };
                return false;
            }
        }
        true
    }

    /// Keeps the text of a goroutine, which has been read as one of a sample with these calls.
    pub(super) fn keep(&mut self, text: &[u8], sample: u32, calls: &[(Call, u32)]) {
        let alike = self.by_length.get(&text.len()).map_or(0, Vec::len);
        let is_full = self.patterns.len() == MOST || self.bytes + text.len() > MOST_BYTES;
        if is_full || alike == OF_ONE_LENGTH {
            return;
        }
        let Some(pattern) = Pattern::of(text, sample, calls) else { return };
        let number = self.patterns.len();
        self.bytes += text.len();
        self.by_length.entry(text.len()).or_default().push(number);
        self.patterns.push(Pattern { next: number, ..pattern });
    }
}

impl Pattern {
    /// The pattern of a text; `None` unless it has the plain form.
    fn of(text: &[u8], sample: u32, calls: &[(Call, u32)]) -> Option<Self> {
        let mut gaps = Gaps { text, gaps: vec![0; text.len()] };
        let whole = text.strip_suffix(END).filter(|whole| !whole.contains(&b'\r'))?;
        let (mut start, mut own, mut lines) = (0, Vec::new(), 1);
        let mut id = 0..0;
        let mut has_place = false;
        for line in whole.split(|&byte| byte == b'\n') {
            lines += 1;
            let end = start + line.len();
            if start == 0 {
                header::find(line).filter(|&(at, _)| at == 0)?;
                id = START.len()..gaps.digits(START.len(), u8::is_ascii_digit)?;
                let open = memchr::memchr(b'[', line)?;
                gaps.addresses(id.end..open)?;
            } else if header::find(line).is_some() {
                return None;
            } else if has_place && let Some((path, _)) = frame::place(line) {
                has_place = false;
                let colon = end - line.trim_ascii_start().len() + path.len();
                let digit = |byte: &u8| !byte.is_ascii_digit();
                let behind = text[colon + 1..end].iter().position(digit);
                gaps.addresses(behind.map_or(end, |at| colon + 1 + at)..end)?;
            } else {
                has_place = true;
                match frame::part(line)? {
                    Part::Function(name, first) => {
                        let open = start + memchr::memrchr(b'(', line)?;
                        gaps.addresses(open..end)?;
                        let takes = |address| locks::call(name, address);
                        if let Some(call) = takes(None) {
                            // The address counts if another one would make another call.
                            let is_taken = first.is_some() && takes(Some(1)) != Some(call);
                            let place = open + 3;
                            let place = is_taken.then(|| place..gaps.end(place));
                            own.push((call, place));
                        }
                    }
                    Part::Creator(name) => {
                        let by = start + memchr::memmem::rfind(line, frame::BY)?;
                        let from = by + frame::BY.len();
                        (name.len() + CREATED <= by - start).then_some(())?;
                        gaps.digits(from, u8::is_ascii_digit)?;
                    }
                    Part::Elided | Part::Unavailable => has_place = false,
                    Part::Ancestor => return None,
                }
            }
            start = end + 1;
        }
        // What was read line by line confirms it.
        let is_same = |(&(call, _), (own, _)): (&(Call, u32), &(Call, _))| call.with(None) == *own;
        if own.len() != calls.len() || !calls.iter().zip(&own).all(is_same) {
            return None;
        }
        let calls = calls.iter().zip(own).map(|(&(_, frame), (call, place))| (call, frame, place));
        Some(Self {
            text: text.into(),
            gaps: gaps.gaps.into(),
            id,
            calls: calls.collect(),
            sample,
            lines,
            next: 0,
        })
    }
}

/// What precedes the name of the creator.
const CREATED: usize = "created by ".len();

/// The gaps of a text.
struct Gaps<'t> {
    text: &'t [u8],
    gaps: Vec<u8>,
}

impl Gaps<'_> {
    /// Makes a gap of the digits at a place, and returns where they end.
    fn digits(&mut self, from: usize, is_digit: impl Fn(&u8) -> bool) -> Option<usize> {
        let length = self.text[from..].iter().take_while(|&byte| is_digit(byte)).count();
        let end = from + length;
        // A digit in capitals, or a letter, would make it another word.
        let is_word = self.text.get(end).is_some_and(u8::is_ascii_alphanumeric);
        if length == 0 || length > DIGITS || is_word {
            return None;
        }
        self.gaps[from..end].fill(u8::MAX);
        Some(end)
    }

    /// Makes a gap of each address in a part of the text.
    fn addresses(&mut self, part: Range<usize>) -> Option<()> {
        let text = self.text;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        for at in memchr::memmem::find_iter(&text[part.clone()], b"0x") {
            self.digits(part.start + at + 2, is_digit)?;
        }
        Some(())
    }

    /// Where the gap ends that begins at a place.
    fn end(&self, from: usize) -> usize {
        from + self.gaps[from..].iter().take_while(|&&gap| gap != 0).count()
    }
}

/// The number of a goroutine.
fn number(digits: &[u8]) -> Option<u64> {
    let (number, rest) = decimal(digits, Signed::Never)?;
    u64::try_from(number).ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "goroutine 12 gp=0xc0a [chan send, 5 minutes]:\nmain.(*hub).send(0xc00001, 0x2?)\n\
        \t/app/0x12/main.go:9 +0x1d fp=0xc1\n...4 frames elided...\nmain.run({0x1, 0xc2})\n\t/app/main.go:7 +0x2\n\
        created by main.start in goroutine 1\n\t/app/main.go:3 +0x1a\n\n";

    /// The patterns of a text whose only call has frame 7.
    fn of(text: &str) -> Repeats {
        let mut repeats = Repeats::default();
        let call = locks::call(b"main.(*hub).send", Some(0x00c0_0001)).unwrap();
        repeats.keep(text.as_bytes(), 3, &[(call, 7)]);
        repeats
    }

    #[test]
    fn numbers_and_addresses_may_differ() {
        let mut repeats = of(ONE);
        let other = ONE
            .replace("goroutine 12 gp=0xc0a", "goroutine 34 gp=0xfff")
            .replace("0xc00001", "0xabcdef")
            .replace("+0x1d fp=0xc1", "+0x2e fp=0xd2")
            .replace("goroutine 1\n", "goroutine 9\n");
        let found = repeats.find(other.as_bytes()).unwrap();
        assert_eq!((found.id, found.sample, found.bytes, found.lines), (34, 3, ONE.len(), 9));
        let mut calls = Vec::new();
        repeats.calls(&found, other.as_bytes(), &mut calls).unwrap();
        assert_eq!(calls, [(locks::call(b"main.(*hub).send", Some(0x00ab_cdef)).unwrap(), 7)]);
        let zero = other.replace("0xabcdef", "0x000000");
        let found = repeats.find(zero.as_bytes()).unwrap();
        repeats.calls(&found, zero.as_bytes(), &mut calls).unwrap();
        assert_eq!(calls, [(locks::call(b"main.(*hub).send", None).unwrap(), 7)]);
    }

    #[test]
    fn nothing_else_may() {
        for (from, to) in [
            ("goroutine 12", "goroutine 0"),
            ("goroutine 12", "goroutine 1a"),
            ("goroutine 12", "goroutine 123"),
            ("goroutine 12", "goroutine 00"),
            ("5 minutes", "6 minutes"),
            ("0xc00001,", "0xc0000G,"),
            ("0xc00001,", "0xC00001,"),
            ("0x2?", "0x2 "),
            ("/app/0x12/", "/app/0x13/"),
            ("main.go:9", "main.go:8"),
            ("...4 frames", "...5 frames"),
            ("by main.start", "by main.stare"),
        ] {
            let other = ONE.replacen(from, to, 1);
            assert_ne!(other, ONE);
            assert!(of(ONE).find(other.as_bytes()).is_none(), "{other}");
        }
        assert!(of(ONE).find(&ONE.as_bytes()[..ONE.len() - 1]).is_none());
    }

    #[test]
    fn only_the_plain_form_is_kept() {
        for (from, to) in [
            ("goroutine 12", "x goroutine 12"),
            ("\n...4", "\r\n...4"),
            ("...4 frames elided...", "lost"),
            ("...4 frames elided...", "[originating from goroutine 5]:"),
            ("0xc00001", "0xC00001"),
            ("0xc00001", "0x123456789abcdef01"),
            ("(*hub)", "(*till)"),
        ] {
            let other = ONE.replacen(from, to, 1);
            assert!(of(&other).patterns.is_empty(), "{other}");
        }
    }
}
