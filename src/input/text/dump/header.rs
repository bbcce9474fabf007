//! Parses the line that begins a goroutine in a dump.

use crate::input::text::frames;
use crate::input::text::numbers::{Signed, decimal};

/// What the line says, such as `goroutine 7 [chan receive, 5 minutes, locked to thread]:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'t> {
    /// Its number; 0 for the stack of a thread of the runtime.
    pub(super) id: u64,
    /// What it does or waits for, in the runtime's words.
    pub(super) state: &'t [u8],
    /// Whole minutes that it has waited.
    pub(super) minutes: i64,
    pub(super) is_locked: bool,
    /// Whether the collector found that nothing can ever wake it.
    pub(super) is_leaked: bool,
    /// Its pprof labels.
    pub(super) labels: Vec<(String, String)>,
}

/// Finds such a line, behind what a log puts before it. Returns where it begins as well.
pub(super) fn find(line: &[u8]) -> Option<(usize, Header<'_>)> {
    let end = line.trim_ascii_end();
    if !end.ends_with(b"]:") {
        return None;
    }
    let at = memchr::memmem::rfind(end, START)?;
    let is_word = at == 0 || !line[at - 1].is_ascii_alphanumeric();
    parse(&end[at..]).filter(|_| is_word).map(|header| (at, header))
}

/// How the line begins.
const START: &[u8] = b"goroutine ";

/// What follows a state that isn't part of it.
const MARKS: [&[u8]; 3] = [b" (scan)", b" (durable)", LEAKED];
const LEAKED: &[u8] = b" (leaked)";

fn parse(text: &[u8]) -> Option<Header<'_>> {
    let (id, rest) = decimal(text.strip_prefix(START)?, Signed::Never)?;
    // With GOTRACEBACK=system the addresses of the goroutine and its thread come first.
    let open = rest.iter().position(|&b| b == b'[')?;
    let is_between = |word: &[u8]| word.is_empty() || word.contains(&b'=');
    if !rest.starts_with(b" ") || !rest[..open].split(|&b| b == b' ').all(is_between) {
        return None;
    }
    let mut inner = rest[open + 1..].strip_suffix(b"]:")?;
    let mut header = Header { id: u64::try_from(id).ok()?, ..Header::default() };
    if let Some(at) = memchr::memmem::find(inner, LABELS) {
        header.labels = frames::quoted_pairs(inner[at + LABELS.len()..].strip_suffix(b"}")?)?;
        inner = &inner[..at];
    }
    let mut parts = split(inner);
    let mut state = parts.next().unwrap_or_default();
    while let Some((mark, rest)) =
        MARKS.iter().find_map(|mark| Some((mark, state.strip_suffix(*mark)?)))
    {
        header.is_leaked |= *mark == LEAKED;
        state = rest;
    }
    header.state = state;
    for part in parts {
        if let Some((minutes, b" minutes")) = decimal(part, Signed::Never) {
            header.minutes = minutes;
        }
        header.is_locked |= part == b"locked to thread";
    }
    Some(header)
}

/// What begins the labels.
const LABELS: &[u8] = b" labels:{";

/// The parts between commas.
fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_versions_are_read() {
        let header = |line: &'static str| find(line.as_bytes()).map(|(_, header)| header).unwrap();
        let one = header("goroutine 7 [chan receive, 5 minutes, locked to thread]:");
        assert_eq!((one.id, one.state, one.minutes), (7, b"chan receive".as_slice(), 5));
        assert!(one.is_locked && !one.is_leaked);
        let one = header("goroutine 1 gp=0xc0000061c0 m=0 mp=0x5a2f40 [select (no cases)]:");
        assert_eq!((one.id, one.state), (1, b"select (no cases)".as_slice()));
        assert_eq!(header("goroutine 9 gp=0xc0 m=nil [GC worker (idle), 2 minutes]:").minutes, 2);
        let one = header("goroutine 5 [chan send (nil chan) (leaked) (scan), 12 minutes]:\r");
        assert_eq!((one.state, one.minutes), (b"chan send (nil chan)".as_slice(), 12));
        assert!(one.is_leaked);
        let one = header(r#"goroutine 3 [select, 1 minutes labels:{"a, b": "1", "c": "]:"}]:"#);
        let labels = [("a, b", "1"), ("c", "]:")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!((one.minutes, one.labels.as_slice()), (1, labels.as_slice()));
        let one = header("goroutine 4 [chan receive (durable), synctest bubble 3]:");
        assert_eq!(one.state, b"chan receive");
        let (at, one) = find(b"2026-01-02T03:04:05Z stderr F goroutine 8 [running]:").unwrap();
        assert_eq!((at, one.id), (30, 8));
        for other in [
            "",
            "goroutine 7 [running]",
            "goroutine x [running]:",
            "goroutine 7 was [running]:",
            "[originating from goroutine 7]:",
            "mygoroutine 7 [running]:",
            "goroutine 7[running]:",
        ] {
            assert_eq!(find(other.as_bytes()), None, "{other}");
        }
    }
}
