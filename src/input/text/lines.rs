//! Reads text line by line, never more than one line at a time.

use crate::input::{InputError, Meter};
use crate::model::builder::Share;
use std::borrow::Cow;
use std::io::{self, Read};

/// Bytes read at a time: as many as the reader below has room for, which then copies nothing.
const CHUNK: usize = 128 * 1024;
/// Bytes after which what was made of them is weighed.
const WEIGHED: u64 = 64 * 1024;
/// Bytes of the longest line. The longest lines are deep stacks: this one has 50,000 addresses.
const LONGEST: usize = 1 << 20;
/// Bytes of the largest buffer that such lines need.
const LARGEST: usize = LONGEST + 2 * CHUNK;
/// How many bytes of text weigh one, even if they are skipped: they take time.
const SKIPPED: u64 = 4;
/// Characters of a line that an error shows.
const SHOWN: usize = 60;
/// The mark that some editors put at the start of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a text.
pub(super) struct Lines<'a> {
    /// Where the text comes from, unless all of it is there.
    reader: Option<&'a mut dyn Read>,
    meter: Meter<'a>,
    buffer: Cow<'a, [u8]>,
    /// Where the unread part of the buffer begins, and where it ends.
    rest: (usize, usize),
    /// Lines read so far.
    number: u64,
    /// Bytes read so far.
    read: u64,
    /// Bytes read that [`Lines::is_due`] has not reported.
    unweighed: u64,
    is_at_end: bool,
    /// What comes after the bytes read.
    error: Option<io::Error>,
}

/// A line, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its text.
    pub(super) text: &'t [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn new(reader: &'a mut dyn Read, meter: Meter<'a>) -> Self {
        Self {
            reader: Some(reader),
            meter,
            buffer: Cow::Owned(vec![0; CHUNK]),
            rest: (0, 0),
            number: 0,
            read: 0,
            unweighed: 0,
            is_at_end: false,
            error: None,
        }
    }

    /// The lines of a text that is there.
    pub(super) fn of(text: &'a [u8], meter: Meter<'a>) -> Self {
        Self {
            reader: None,
            meter,
            buffer: Cow::Borrowed(text),
            rest: (0, text.len()),
            number: 0,
            read: text.len() as u64,
            unweighed: 0,
            is_at_end: true,
            error: None,
        }
    }

    /// The budget of the input.
    pub(super) fn meter(&self) -> Meter<'a> {
        self.meter
    }

    /// Returns the next line; `None` at the end. Lines end as on Unix or on Windows.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, InputError> {
        let mut searched = 0;
        let (start, end, next) = loop {
            let (from, to) = self.rest;
            let found = memchr::memchr(b'\n', &self.buffer[from + searched..to]);
            if let Some(at) = found {
                let end = from + searched + at;
                break (from, end, end + 1);
            }
            if self.is_at_end {
                if from == to {
                    return Ok(None);
                }
                break (from, to, to);
            }
            searched = to - from;
            if searched > LONGEST {
                let number = self.number + 1;
                return Err(InputError::Line {
                    line: number,
                    expected: format!(
                        "expected a line of a profile, of at most {LONGEST} bytes; this one is longer"
                    ),
                });
            }
            self.fill()?;
        };
        self.rest.0 = next;
        self.number += 1;
        let mut text = &self.buffer[start..end];
        if self.number == 1 {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Ok(Some(Line { number: self.number, text }))
    }

    /// The text behind the last line, as far as it has been read: at least `least` bytes, if there are
    /// so many.
    pub(super) fn ahead(&mut self, least: usize) -> Result<&[u8], InputError> {
        while self.rest.1 - self.rest.0 < least && !self.is_at_end {
            self.fill()?;
        }
        Ok(&self.buffer[self.rest.0..self.rest.1])
    }

    /// The text behind the last line, as far as it has been read.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.rest.0..self.rest.1]
    }

    /// Passes over bytes of [`Lines::ahead`], which are so many whole lines.
    pub(super) fn pass(&mut self, bytes: usize, lines: u64) {
        self.rest.0 = (self.rest.0 + bytes).min(self.rest.1);
        self.number += lines;
    }

    /// Reads more behind the part that is left.
    fn fill(&mut self) -> Result<(), InputError> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        let Some(reader) = &mut self.reader else {
            self.is_at_end = true;
            return Ok(());
        };
        let buffer = self.buffer.to_mut();
        let (from, to) = self.rest;
        buffer.copy_within(from..to, 0);
        self.rest = (0, to - from);
        let needed = self.rest.1 + CHUNK;
        if needed > buffer.len() || buffer.len() > LARGEST {
            buffer.resize(needed, 0);
            buffer.shrink_to(LARGEST);
        }
        match reader.read(&mut buffer[self.rest.1..]) {
            Ok(0) => self.is_at_end = true,
            Ok(n) => {
                self.rest.1 += n;
                self.read += n as u64;
                self.unweighed += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    /// Takes the text behind the last line out, as far as it has been read. Returns how many bytes it has, which are
    /// the first of `into`.
    pub(super) fn take(&mut self, into: &mut Vec<u8>) -> usize {
        let (from, to) = self.rest;
        let len = to - from;
        into.resize(into.len().max(len), 0);
        into[..len].copy_from_slice(&self.buffer[from..to]);
        self.rest = (from, from);
        self.read -= len as u64;
        self.unweighed = self.unweighed.saturating_sub(len as u64);
        len
    }

    /// Reads what comes next into a buffer, which it fills unless the text ends. Returns the number of bytes. Until
    /// they are put back or passed over, they don't count as read.
    pub(super) fn read_into(&mut self, into: &mut [u8]) -> usize {
        let mut len = 0;
        let Some(reader) = &mut self.reader else { return 0 };
        while len < into.len() && !self.is_at_end && self.error.is_none() {
            match reader.read(&mut into[len..]) {
                Ok(0) => self.is_at_end = true,
                Ok(n) => len += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.error = Some(e),
            }
        }
        len
    }

    /// Puts text that was taken out, and what was read behind it, back before what comes next.
    pub(super) fn put_back(&mut self, parts: [&[u8]; 2]) {
        let buffer = self.buffer.to_mut();
        buffer.truncate(self.rest.0);
        parts.iter().for_each(|part| buffer.extend_from_slice(part));
        self.rest.1 = buffer.len();
        let len = (self.rest.1 - self.rest.0) as u64;
        self.read += len;
        self.unweighed += len;
    }

    /// Passes over bytes that were taken out, which are so many whole lines.
    pub(super) fn skip(&mut self, bytes: usize, lines: u64) {
        self.number += lines;
        self.read += bytes as u64;
        self.unweighed += bytes as u64;
    }

    /// Whole lines read or passed over so far.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Bytes of the lines so far.
    pub(super) fn passed(&self) -> u64 {
        self.read - (self.rest.1 - self.rest.0) as u64
    }

    /// Whether nothing comes behind what has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Whether so much was read since the last time that what it made should be weighed.
    pub(super) fn is_due(&mut self) -> bool {
        let is_due = self.unweighed >= WEIGHED;
        if is_due {
            self.unweighed = 0;
        }
        is_due
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.read
    }

    /// Whether the text ends within a line, at its end.
    pub(super) fn is_unfinished(&self) -> bool {
        self.rest.0.checked_sub(1).is_some_and(|last| self.buffer[last] != b'\n')
    }

    /// What the text itself weighs.
    pub(super) fn share(&self) -> Share {
        let bytes = self.read / SKIPPED + self.buffer.len().min(LARGEST) as u64;
        Share { what: "bytes of text", count: self.read, bytes }
    }
}

impl Line<'_> {
    /// Says what was expected in this line, and shows the line.
    pub(super) fn expected(self, what: &str) -> InputError {
        let text = String::from_utf8_lossy(self.text.trim_ascii());
        let start: String = text.chars().take(SHOWN).collect();
        let more = if start.len() < text.len() { "…" } else { "" };
        let expected = format!("expected {what}, found {start:?}{more}");
        InputError::Line { line: self.number, expected }
    }
}

/// Whether a line is empty or a comment.
pub(super) fn is_blank(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), None | Some(b'#'))
}

/// The first line of a text that is neither empty nor a comment, as far as `head` holds it.
pub(super) fn first(head: &[u8]) -> &[u8] {
    let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let mut lines = head.split(|&b| b == b'\n');
    let line = lines.find(|line| !is_blank(line)).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Budget;
    use std::io;
    use std::sync::atomic::AtomicU64;

    fn all(mut reader: impl Read) -> Result<Vec<String>, InputError> {
        let read = AtomicU64::new(0);
        let mut lines = Lines::new(&mut reader, Meter::new(Budget::default(), &read));
        let mut found = Vec::new();
        while let Some(line) = lines.next()? {
            found.push(format!("{}:{}", line.number, String::from_utf8_lossy(line.text)));
        }
        Ok(found)
    }

    #[test]
    fn lines_end_as_on_unix_or_on_windows() {
        assert_eq!(all(&b"\xef\xbb\xbfa\r\n\nb\n"[..]).unwrap(), ["1:a", "2:", "3:b"]);
        assert_eq!(all(&b"a"[..]).unwrap(), ["1:a"]);
        assert_eq!(all(&b""[..]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_line_may_be_longer_than_a_piece_but_not_endless() {
        let long = vec![b'x'; LONGEST - 1];
        let text = [b"a\n".as_slice(), &long, b"\nb"].concat();
        assert_eq!(all(text.as_slice()).unwrap().len(), 3);
        let error = all(b"a\n".chain(io::repeat(b'x'))).unwrap_err().to_string();
        assert!(error.contains("in line 2: expected a line"), "{error}");
    }
}
