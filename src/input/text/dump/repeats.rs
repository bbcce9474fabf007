//! Recognizes goroutines that differ from an earlier one in numbers alone.
//!
//! Most goroutines of a large dump have the text of another one, but for their number, the minutes that
//! they have waited, and addresses. So the text of each goroutine that was read line by line is kept as
//! a pattern, with gaps where such numbers are. What matches a pattern needs no reading but that of the
//! numbers.
//!
//! A pattern has a few forms, each with numbers of some lengths: texts with numbers of the same lengths
//! match byte by byte, which is quickest. In other texts each number is passed over. A pattern covers a
//! goroutine up to the blank line behind it, and only as a dump has it by itself, at the start of lines.
//! What matches none is read line by line, with the same result.

use super::digits::{DIGITS, address, beyond_digits, digits};
use super::frame::{self, Part};
use super::header;
use super::locks::{self, Call};
use crate::input::text::numbers::{Signed, decimal};
use hashbrown::HashMap;
use memchr::memmem::Finder;
use rustc_hash::{FxBuildHasher, FxHasher};
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

/// Bytes of all patterns.
const MOST_BYTES: usize = 16 << 20;
/// Patterns that begin alike, and forms of one length that do.
const ALIKE: usize = 64;
/// Forms of a pattern.
const FORMS: usize = 32;
/// Texts without a form of which each becomes one, and how often one does later.
const TAKEN: u32 = 64;
/// Functions of a stack by which patterns are found.
const FUNCTIONS: usize = 3;
/// Goroutines after which patterns that few of them matched are dropped.
const TRIED: u32 = 8 * 1024;
/// Goroutines that are then read without patterns.
const RESTED: u32 = 8 * TRIED;
/// Bytes compared before a difference is noticed.
const PIECE: usize = 32;

/// What begins a goroutine.
pub(super) const START: &[u8] = b"goroutine ";
/// What ends it.
pub(super) const END: &[u8] = b"\n\n";
static END_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));
/// What follows the minutes that it has waited.
const MINUTES: &[u8] = b" minutes";

/// Goroutines with the same text, but for numbers.
#[derive(Clone, Debug)]
struct Pattern {
    /// The text with numbers of some lengths. There is at least one.
    forms: Vec<Form>,
    /// The gap of the minutes that they have waited.
    minutes: Option<usize>,
    /// The calls on the stack that say something about locks, with their frames, and the gaps of the
    /// addresses that matter.
    calls: Box<[(Call, u32, Option<usize>)]>,
    /// Their sample.
    sample: u32,
    /// Ends of lines.
    lines: u64,
    /// What followed it last: a pattern, and a form of it.
    next: (usize, usize),
    /// Texts that had none of the forms.
    others: u32,
    /// The form to replace when there are too many.
    oldest: usize,
}

/// The text of a goroutine, with gaps for numbers.
#[derive(Clone, Debug)]
struct Form {
    text: Box<[u8]>,
    /// 255 for each byte of a gap, 0 for others.
    mask: Box<[u8]>,
    /// The gaps, in order. The first is the number of the goroutine.
    gaps: Box<[Range<usize>]>,
}

/// A goroutine that matches a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    pattern: usize,
    /// The form that it has.
    form: Option<usize>,
    /// Its number.
    pub(super) id: u64,
    /// The sample of the pattern.
    pub(super) sample: u32,
    /// How long it has waited, if that may be another time than that of the sample.
    pub(super) minutes: Option<i64>,
    /// Bytes of its text.
    pub(super) bytes: usize,
    pub(super) lines: u64,
}

/// The patterns of a dump.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    patterns: Vec<Pattern>,
    /// Patterns by what they begin with.
    by_start: HashMap<u64, Vec<usize>, FxBuildHasher>,
    /// Patterns and their forms by the bytes of these and the first function.
    by_length: HashMap<(usize, u64), Vec<(usize, usize)>, FxBuildHasher>,
    bytes: usize,
    /// The last one that was found.
    last: usize,
    /// The numbers of the last text that has no form.
    gaps: Vec<Range<usize>>,
    /// Goroutines since the last decision, and how many of them matched.
    tried: u32,
    found: u32,
    /// Goroutines to read without patterns.
    rest: u32,
}

impl Repeats {
    /// Returns the goroutine at the start of a text, if it matches a pattern.
    pub(super) fn find(&mut self, text: &[u8]) -> Option<Repeat> {
        let (pattern, form) = self.patterns.get(self.last)?.next;
        let is_next = self.patterns[pattern].forms[form].is(text);
        let (pattern, form) = if is_next { (pattern, Some(form)) } else { self.search(text)? };
        let own = &self.patterns[pattern];
        let gaps = self.gaps(pattern, form);
        let number_in = |gap: usize| number(&text[gaps[gap].clone()]);
        let id = number_in(0).filter(|&id| id != 0)?;
        let minutes = match own.minutes {
            Some(gap) => Some(i64::try_from(number_in(gap)?).ok()?),
            None => None,
        };
        let bytes = own.forms[0].bytes_with(gaps);
        let Pattern { sample, lines, .. } = *own;
        self.patterns[self.last].next = (pattern, form.unwrap_or(0));
        self.last = pattern;
        self.tried += 1;
        self.found += 1;
        if form.is_none() {
            self.take_form(pattern, &text[..bytes]);
        }
        Some(Repeat { pattern, form, id, sample, minutes, bytes, lines })
    }

    /// The pattern of the goroutine at the start of a text, and its form if it has one.
    fn search(&mut self, text: &[u8]) -> Option<(usize, Option<usize>)> {
        let Self { patterns, by_start, by_length, gaps, .. } = self;
        let text = &text[..END_FINDER.find(text)? + END.len()];
        let of_length = by_length.get(&length(text)?).into_iter().flatten();
        let is_form = |&&(pattern, form): &&(usize, usize)| patterns[pattern].forms[form].is(text);
        if let Some(&(pattern, form)) = of_length.into_iter().find(is_form) {
            return Some((pattern, Some(form)));
        }
        let alike = by_start.get(&start(text, FUNCTIONS)?)?;
        let lines = memchr::memchr_iter(b'\n', text).count() as u64;
        let without_form = alike.iter().find(|&&pattern| {
            let own = &patterns[pattern];
            own.lines == lines && own.forms[0].is_but_for_lengths(text, gaps).is_some()
        });
        Some((*without_form?, None))
    }

    /// The numbers of a text that was found.
    fn gaps(&self, pattern: usize, form: Option<usize>) -> &[Range<usize>] {
        form.map_or(&self.gaps, |form| &self.patterns[pattern].forms[form].gaps)
    }

    /// Makes a form of a text that has none, now and then.
    fn take_form(&mut self, pattern: usize, text: &[u8]) {
        let own = &mut self.patterns[pattern];
        own.others = own.others.wrapping_add(1);
        let is_taken = own.others <= TAKEN || own.others.is_multiple_of(TAKEN);
        if !is_taken || self.bytes + text.len() > MOST_BYTES {
            return;
        }
        let form = Form::new(text, &self.gaps);
        self.bytes += text.len();
        let number = if own.forms.len() < FORMS {
            own.forms.push(form);
            own.forms.len() - 1
        } else {
            let oldest = own.oldest;
            let old = std::mem::replace(&mut own.forms[oldest], form).text;
            self.bytes -= old.len();
            let length = length(&old);
            if let Some(of_length) = length.and_then(|length| self.by_length.get_mut(&length)) {
                of_length.retain(|&other| other != (pattern, oldest));
            }
            own.oldest = (oldest + 1) % FORMS;
            oldest
        };
        self.find_by_length(text, pattern, number);
    }

    /// Lets a form be found by its length, unless many others of that length begin alike.
    fn find_by_length(&mut self, text: &[u8], pattern: usize, form: usize) {
        let Some(length) = length(text) else { return };
        let of_length = self.by_length.entry(length).or_default();
        if of_length.len() < ALIKE {
            of_length.push((pattern, form));
        }
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
        own.iter().find(|(_, _, gap)| gap.is_some())?;
        let gaps = self.gaps(repeat.pattern, repeat.form);
        calls.clear();
        calls.extend(own.iter().map(|&(call, frame, gap)| {
            let address = gap.map(|gap| address(text, gaps[gap].clone()));
            (call.with(address.filter(|&address| address != 0)), frame)
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
        let is_full = self.bytes + text.len() > MOST_BYTES;
        let Some(start) = start(text, FUNCTIONS).filter(|_| !is_full) else { return };
        let alike = self.by_start.entry(start).or_default();
        if alike.len() == ALIKE {
            return;
        }
        let number = self.patterns.len();
        let Some(pattern) = Pattern::of(text, sample, calls) else { return };
        self.bytes += text.len();
        alike.push(number);
        self.find_by_length(text, number, 0);
        self.patterns.push(Pattern { next: (number, 0), ..pattern });
    }
}

/// The bytes of a goroutine and its first function, by which its forms are found.
fn length(text: &[u8]) -> Option<(usize, u64)> {
    Some((text.len(), start(text, 1)?))
}

/// The first functions of a goroutine as one number, by which its patterns are found.
fn start(text: &[u8], functions: usize) -> Option<u64> {
    let mut hasher = FxHasher::default();
    let mut lines = Lines(text);
    lines.next()?;
    for _ in 0..functions {
        let Some(line) = lines.next().filter(|line| !line.starts_with(CREATED)) else { break };
        let Some(open) = memchr::memrchr(b'(', line) else { break };
        line[..open].hash(&mut hasher);
        lines.next();
    }
    Some(hasher.finish())
}

/// The whole lines of a text.
struct Lines<'t>(&'t [u8]);

impl<'t> Iterator for Lines<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let end = memchr::memchr(b'\n', self.0)?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(line)
    }
}

impl Pattern {
    /// The pattern of a text; `None` unless it has the plain form.
    fn of(text: &[u8], sample: u32, calls: &[(Call, u32)]) -> Option<Self> {
        let mut gaps = Gaps { text, gaps: Vec::new() };
        let whole = text.strip_suffix(END).filter(|whole| !whole.contains(&b'\r'))?;
        let (mut start, mut own, mut lines) = (0, Vec::new(), 1);
        let mut minutes = None;
        let mut has_place = false;
        for line in whole.split(|&byte| byte == b'\n') {
            lines += 1;
            let end = start + line.len();
            if start == 0 {
                let (_, header) = header::find(line).filter(|&(at, _)| at == 0)?;
                let id = gaps.digits(START.len(), u8::is_ascii_digit)?;
                let open = memchr::memchr(b'[', line)?;
                gaps.addresses(id..open)?;
                if header.labels.is_empty() && header.minutes > 0 {
                    minutes = gaps.minutes(open..end);
                }
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
                        let gap = gaps.gaps.len();
                        gaps.addresses(open..end)?;
                        let takes = |address| locks::call(name, address);
                        if let Some(call) = takes(None) {
                            // The address counts if another one would make another call. It comes
                            // first.
                            let is_taken = first.is_some() && takes(Some(1)) != Some(call);
                            own.push((call, is_taken.then_some(gap)));
                        }
                    }
                    Part::Creator(name) => {
                        let by = start + memchr::memmem::rfind(line, frame::BY)?;
                        let from = by + frame::BY.len();
                        (name.len() + CREATED.len() <= by - start).then_some(())?;
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
        let calls = calls.iter().zip(own).map(|(&(_, frame), (call, gap))| (call, frame, gap));
        Some(Self {
            forms: vec![Form::new(text, &gaps.gaps)],
            minutes,
            calls: calls.collect(),
            sample,
            lines,
            next: (0, 0),
            others: 0,
            oldest: 0,
        })
    }
}

impl Form {
    fn new(text: &[u8], gaps: &[Range<usize>]) -> Self {
        let mut mask = vec![0; text.len()];
        gaps.iter().for_each(|gap| mask[gap.clone()].fill(u8::MAX));
        Self { text: text.into(), mask: mask.into(), gaps: gaps.into() }
    }

    /// Whether a text begins with it.
    fn is(&self, text: &[u8]) -> bool {
        let Some(text) = text.get(..self.text.len()) else { return false };
        let (text, own, mask) = (
            text.as_chunks::<PIECE>(),
            self.text.as_chunks::<PIECE>(),
            self.mask.as_chunks::<PIECE>(),
        );
        let mut pieces = text.0.iter().zip(own.0).zip(mask.0);
        pieces.all(|((text, own), mask)| is_alike(text, own, mask))
            && is_alike(text.1, own.1, mask.1)
    }

    /// Finds the numbers of a text that begins with it, but for their lengths.
    fn is_but_for_lengths(&self, text: &[u8], gaps: &mut Vec<Range<usize>>) -> Option<()> {
        gaps.clear();
        let (mut at, mut own) = (0, 0);
        for gap in &self.gaps {
            let between = &self.text[own..gap.start];
            let start = at + between.len();
            if text.get(at..start)? != between {
                return None;
            }
            let length = digits(&text[start..]);
            if length == 0 || length > DIGITS {
                return None;
            }
            (at, own) = (start + length, gap.end);
            gaps.push(start..at);
        }
        text[at..].starts_with(&self.text[own..]).then_some(())
    }

    /// Bytes of such a text with these numbers.
    fn bytes_with(&self, gaps: &[Range<usize>]) -> usize {
        let end = |gaps: &[Range<usize>]| gaps.last().map_or(0, |gap| gap.end);
        end(gaps) + self.text.len() - end(&self.gaps)
    }
}

/// What precedes the name of the creator.
const CREATED: &[u8] = b"created by ";

/// The gaps of a text, in order.
struct Gaps<'t> {
    text: &'t [u8],
    gaps: Vec<Range<usize>>,
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
        self.gaps.push(from..end);
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

    /// Makes a gap of the only minutes in a part of the text, and returns its place among the gaps.
    fn minutes(&mut self, part: Range<usize>) -> Option<usize> {
        let text = &self.text[part.clone()];
        let mut all = memchr::memmem::find_iter(text, MINUTES);
        let (end, None) = (all.next()?, all.next()) else { return None };
        let digits = text[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let gap = self.gaps.len();
        self.digits(part.start + end - digits, u8::is_ascii_digit)?;
        Some(gap)
    }
}

/// Whether a piece of text is that of a pattern, with digits in its gaps. This is most of the work on a
/// large dump, so it has no branches and few steps, each of which is one of vectors.
#[inline]
fn is_alike(text: &[u8], own: &[u8], mask: &[u8]) -> bool {
    let bytes = text.iter().zip(own).zip(mask);
    bytes.fold(0, |other, ((&byte, &own), &mask)| {
        other | ((byte ^ own) & !mask) | (beyond_digits(byte) & mask)
    }) == 0
}

/// A decimal number.
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
        assert_eq!((found.minutes, found.form), (Some(5), Some(0)));
        let mut calls = Vec::new();
        repeats.calls(&found, other.as_bytes(), &mut calls).unwrap();
        assert_eq!(calls, [(locks::call(b"main.(*hub).send", Some(0x00ab_cdef)).unwrap(), 7)]);
        let zero = other.replace("0xabcdef", "0x000000");
        let found = repeats.find(zero.as_bytes()).unwrap();
        repeats.calls(&found, zero.as_bytes(), &mut calls).unwrap();
        assert_eq!(calls, [(locks::call(b"main.(*hub).send", None).unwrap(), 7)]);
    }

    #[test]
    fn numbers_may_have_other_lengths() {
        let mut repeats = of(ONE);
        let other = ONE
            .replace("goroutine 12 ", "goroutine 123456 ")
            .replace("5 minutes", "125 minutes")
            .replace("0xc00001, 0x2?", "0xabc, 0xffffffffffffffff?")
            .replace("goroutine 1\n", "goroutine 99\n");
        // The first becomes a form.
        for form in [None, Some(1)] {
            let found = repeats.find(other.as_bytes()).unwrap();
            assert_eq!((found.id, found.minutes, found.bytes), (123_456, Some(125), other.len()));
            assert_eq!((found.sample, found.lines, found.form), (3, 9, form));
            let mut calls = Vec::new();
            repeats.calls(&found, other.as_bytes(), &mut calls).unwrap();
            assert_eq!(calls, [(locks::call(b"main.(*hub).send", Some(0xabc)).unwrap(), 7)]);
        }
        assert_eq!(repeats.find(ONE.as_bytes()).unwrap().form, Some(0));
        assert_eq!((repeats.patterns.len(), repeats.bytes), (1, ONE.len() + other.len()));
    }

    #[test]
    fn forms_are_bounded() {
        let mut repeats = of(ONE);
        for number in 0..100_000_u64 {
            let [id, address] =
                [1, 2].map(|n| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n * number % 60));
            let other = ONE
                .replace("goroutine 12 ", &format!("goroutine {} ", id % 1_000_000 + 1))
                .replace("0xc00001", &format!("{address:#x}"));
            let found = repeats.find(other.as_bytes()).unwrap();
            assert_eq!((found.id, found.bytes), (id % 1_000_000 + 1, other.len()));
        }
        let own = &repeats.patterns[0];
        assert_eq!(own.forms.len(), FORMS);
        assert_eq!(repeats.bytes, own.forms.iter().map(|form| form.text.len()).sum::<usize>());
    }

    #[test]
    fn nothing_else_may() {
        for (from, to) in [
            ("goroutine 12", "goroutine 0"),
            ("goroutine 12", "goroutine 1a"),
            ("goroutine 12", "goroutine 00"),
            ("goroutine 12", "goroutine 12345678901234567890"),
            ("5 minutes", "a minutes"),
            ("0xc00001,", "0x,"),
            ("0xc00001,", "0x0123456789abcdef0,"),
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
