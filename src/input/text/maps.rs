//! Reads the mappings of a process as text, and finds the mapping of each address, both as pprof
//! does.
//!
//! The section follows `MAPPED_LIBRARIES:` or `--- Memory map: ---` at the end of a profile. Its
//! lines are those of `/proc/PID/maps`, or a short form with a build id. Lines that are neither are
//! skipped, as in pprof: gperftools writes remarks among them, and macOS files differ by version.

use super::lines::Line;
use super::numbers::hex;
use crate::input::InputError;
use crate::model::builder::Share;
use regex::bytes::{Captures, Regex};
use std::sync::LazyLock;

/// Most assignments of the form `name=value` in a section.
const ASSIGNMENTS: usize = 256;

/// A mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) start: u64,
    /// End address, exclusive.
    pub(super) limit: u64,
    /// Offset in the file.
    pub(super) offset: u64,
    pub(super) file: Vec<u8>,
    pub(super) build_id: Vec<u8>,
}

/// Whether a line begins the section of mappings.
pub(super) fn begins(text: &[u8]) -> bool {
    // Most lines are samples or stacks, which are long.
    if matches!(text.first(), Some(b'0'..=b'9' | b'@')) {
        return false;
    }
    let has = |mark: &[u8]| text.windows(mark.len()).any(|part| part == mark);
    has(b"--- Memory map: ---") || has(b"MAPPED_LIBRARIES:")
}

/// What a mapping weighs, with the tables that find addresses in it.
const WEIGHT: u64 = 1024;
/// What a byte of a name weighs, which is held here and several times later.
const BYTE: u64 = 8;
/// Most bytes of a line whose names were replaced by what they stand for.
const LONGEST: usize = 1 << 16;

/// Reads the section, after whatever comes before it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    is_there: bool,
    maps: Vec<Map>,
    /// Names with a `$`, and what they stand for.
    assigned: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes of names.
    bytes: usize,
}

impl Reader {
    /// `is_there` says that the first line of the section was read.
    pub(super) fn new(is_there: bool) -> Self {
        Self { is_there, ..Self::default() }
    }

    /// Takes the next line.
    pub(super) fn take(&mut self, line: Line<'_>) -> Result<(), InputError> {
        if !self.is_there {
            self.is_there = begins(line.text);
            return Ok(());
        }
        let text = replaced(without_log_prefix(line.text), &self.assigned)
            .ok_or_else(|| line.expected(&format!("a mapping of at most {LONGEST} bytes")))?;
        match entry(&text) {
            Some(None) => {}
            Some(Some(map)) => {
                self.bytes += map.file.len() + map.build_id.len();
                self.maps.push(map);
            }
            None => {
                if assign(line, &text, &mut self.assigned)? {
                    self.bytes += text.len();
                }
            }
        }
        Ok(())
    }

    /// What the mappings weigh so far.
    pub(super) fn share(&self) -> Share {
        let count = self.maps.len() as u64;
        Share { what: "mappings", count, bytes: count * WEIGHT + self.bytes as u64 * BYTE }
    }

    /// The mappings, the main binary first.
    pub(super) fn finish(self) -> Vec<Map> {
        arranged(self.maps)
    }
}

/// Keeps an assignment, `name=value`: `$name` in later lines stands for the value. Returns whether the
/// line is one.
fn assign(
    line: Line<'_>,
    text: &[u8],
    assigned: &mut Vec<(Vec<u8>, Vec<u8>)>,
) -> Result<bool, InputError> {
    let Some(at) = text.iter().position(|&b| b == b'=') else { return Ok(false) };
    if assigned.len() == ASSIGNMENTS {
        return Err(line.expected(&format!("a mapping, after {ASSIGNMENTS} lines of name=value")));
    }
    let name = [b"$", text[..at].trim_ascii()].concat();
    assigned.push((name, text[at + 1..].trim_ascii().to_owned()));
    Ok(true)
}

/// Replaces names by what they stand for; `None` if that is too long.
fn replaced(text: &[u8], assigned: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let found = (first == b'$')
            .then(|| assigned.iter().find(|(name, _)| rest.starts_with(name)))
            .flatten();
        if let Some((name, value)) = found {
            result.extend_from_slice(value);
            rest = &rest[name.len()..];
        } else {
            result.push(first);
            rest = after;
        }
        if result.len() > LONGEST {
            return None;
        }
    }
    Some(result)
}

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "the patterns are constants, and the tests use each")]
    Regex::new(pattern).unwrap()
}

/// What glog writes before each line.
fn without_log_prefix(text: &[u8]) -> &[u8] {
    static PREFIX: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)^[^\[\]]+:[0-9]+\][\t\n\f\r ]"));
    PREFIX.find(text).map_or(text, |found| &text[found.end()..])
}

/// Parses a line: `None` if it is no mapping, `Some(None)` if the mapping isn't executable.
#[expect(clippy::option_option, reason = "a line is no mapping, one to skip, or one to keep")]
fn entry(text: &[u8]) -> Option<Option<Map>> {
    const RANGE: &str =
        r"(?-u)^\s*(?:0x)?([[:xdigit:]]+)[\s-]?\s*(?:0x)?([[:xdigit:]]+):?(?:\s+([-rwxp]+))?";
    static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
        regex(&format!(
            r"{RANGE}(?:\s+([[:xdigit:]]+))?\s+[[:xdigit:]]+:[[:xdigit:]]+\s+[0-9]+(?:\s+(\S+))?"
        ))
    });
    static BRIEF: LazyLock<Regex> = LazyLock::new(|| {
        regex(&format!(r"{RANGE}(?:\s+(\S+))?(?:\s+\(@([[:xdigit:]]+)\))?(?:\s+([[:xdigit:]]+))?"))
    });
    let (found, [offset, file, build_id]) = match WHOLE.captures(text) {
        Some(found) => (found, [4, 5, usize::MAX]),
        None => (BRIEF.captures(text)?, [5, 4, 6]),
    };
    let group = |i: usize| part(&found, i);
    if !group(3).is_empty() && !group(3).contains(&b'x') {
        return Some(None);
    }
    let number = |text: &[u8]| hex(text).map(|(value, _)| value);
    let offset = match group(offset) {
        b"" => 0,
        text => number(text)?,
    };
    Some(Some(Map {
        start: number(group(1))?,
        limit: number(group(2))?,
        offset,
        file: group(file).to_owned(),
        build_id: group(build_id).to_owned(),
    }))
}

fn part<'t>(found: &Captures<'t>, group: usize) -> &'t [u8] {
    found.get(group).map(|group| group.as_bytes()).unwrap_or_default()
}

/// Joins mappings that were split, and puts the main binary first.
fn arranged(maps: Vec<Map>) -> Vec<Map> {
    let mut arranged: Vec<Map> = Vec::with_capacity(maps.len());
    for map in maps {
        match arranged.last_mut().filter(|last| is_split(last, &map)) {
            Some(last) => {
                last.limit = map.limit;
                if !map.file.is_empty() {
                    last.file = map.file;
                }
                if !map.build_id.is_empty() {
                    last.build_id = map.build_id;
                }
            }
            None => arranged.push(map),
        }
    }
    if let Some(main) = arranged.iter().position(|map| is_main(&map.file)) {
        arranged.swap(0, main);
    }
    // Huge pages at the start of the main binary are a mapping of their own.
    if let [first, second, ..] = arranged.as_slice()
        && first.file.starts_with(b"/anon_hugepage")
        && first.limit == second.start
    {
        arranged.remove(0);
    }
    // A binary whose first pages were mapped again.
    if let Some(first) = arranged.first_mut()
        && first.start.wrapping_sub(first.offset) == USUAL_START
    {
        (first.start, first.offset) = (USUAL_START, 0);
    }
    arranged
}

/// Where Linux loads a program that has a fixed address.
const USUAL_START: u64 = 0x40_0000;

fn is_split(first: &Map, second: &Map) -> bool {
    let agree = |a: &[u8], b: &[u8]| a.is_empty() || b.is_empty() || a == b;
    let offset = first.offset.wrapping_add(first.limit.wrapping_sub(first.start));
    agree(&first.file, &second.file)
        && agree(&first.build_id, &second.build_id)
        && first.limit == second.start
        && (first.offset == 0 || second.offset == 0 || offset == second.offset)
}

/// Whether a file is neither a shared library nor memory without a file.
fn is_main(file: &[u8]) -> bool {
    static LIBRARY: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)([.]so$|[.]so[._][0-9]+)"));
    static DELETED: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)\(deleted\)"));
    let file = DELETED.replace_all(file, b"".as_slice());
    let file = file.trim_ascii();
    !file.is_empty() && !LIBRARY.is_match(file) && !file.starts_with(b"[")
}

/// Finds the mapping of each address. Addresses outside of all mappings get one that has no file and
/// holds every address.
pub(super) struct Finder {
    maps: Vec<Map>,
    /// Where ranges begin and end, in order.
    bounds: Vec<u64>,
    /// The first mapping that holds an address.
    inside: Least,
    /// The first mapping whose file holds an address, if the mapping began at its start.
    before: Least,
    /// The mapping that holds every address.
    rest: Option<usize>,
}

impl Finder {
    pub(super) fn new(maps: Vec<Map>) -> Self {
        let mut bounds: Vec<u64> =
            maps.iter().flat_map(|map| [map.start, map.limit, file_start(map)]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let count = bounds.len();
        let mut finder =
            Self { maps, bounds, inside: Least::new(count), before: Least::new(count), rest: None };
        for (i, map) in finder.maps.iter().enumerate() {
            finder.inside.set(range(&finder.bounds, map.start, map.limit), i);
            finder.before.set(range(&finder.bounds, file_start(map), map.start), i);
        }
        finder
    }

    /// The number of the mapping of an address, from 1; 0 if there is none.
    pub(super) fn find(&mut self, address: u64) -> u64 {
        if address == 0 {
            return 0;
        }
        let place = self.bounds.partition_point(|&bound| bound <= address).checked_sub(1);
        if let Some(map) = place.and_then(|place| self.inside.at(place)) {
            return map as u64 + 1;
        }
        if let Some(rest) = self.rest {
            return rest as u64 + 1;
        }
        if let Some(i) = place.and_then(|place| self.before.at(place)) {
            // Some writers leave out the first part of a binary.
            let map = &mut self.maps[i];
            self.inside.set(range(&self.bounds, file_start(map), map.start), i);
            (map.start, map.offset) = (file_start(map), 0);
            return i as u64 + 1;
        }
        self.rest = Some(self.maps.len());
        self.maps.push(Map { limit: u64::MAX, ..Map::default() });
        self.maps.len() as u64
    }

    /// The mappings, in order.
    pub(super) fn finish(self) -> Vec<Map> {
        self.maps
    }
}

/// Where a mapping would begin if it began at the start of its file.
fn file_start(map: &Map) -> u64 {
    map.start.checked_sub(map.offset).unwrap_or(map.start)
}

/// The places of the bounds from `start` to `end`, which are bounds.
fn range(bounds: &[u64], start: u64, end: u64) -> std::ops::Range<usize> {
    let place = |bound| bounds.partition_point(|&b| b < bound);
    place(start)..place(end)
}

/// The least number that was set at each place: a segment tree.
struct Least {
    places: usize,
    nodes: Vec<usize>,
}

impl Least {
    fn new(places: usize) -> Self {
        Self { places, nodes: vec![usize::MAX; 2 * places] }
    }

    fn set(&mut self, range: std::ops::Range<usize>, number: usize) {
        let (mut from, mut to) = (range.start + self.places, range.end + self.places);
        while from < to {
            if from % 2 == 1 {
                self.nodes[from] = self.nodes[from].min(number);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                self.nodes[to] = self.nodes[to].min(number);
            }
            (from, to) = (from / 2, to / 2);
        }
    }

    fn at(&self, place: usize) -> Option<usize> {
        let mut node = place + self.places;
        let mut least = usize::MAX;
        while node > 0 {
            least = least.min(self.nodes[node]);
            node /= 2;
        }
        Some(least).filter(|&least| least != usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(start: u64, limit: u64, offset: u64, file: &str) -> Map {
        Map { start, limit, offset, file: file.into(), build_id: Vec::new() }
    }

    #[test]
    fn both_forms_of_a_line_are_read() {
        let one = |text: &str| entry(text.as_bytes());
        assert_eq!(
            one("00400000-00500000 r-xp 00001000 08:01 1234   /bin/app"),
            Some(Some(map(0x40_0000, 0x50_0000, 0x1000, "/bin/app")))
        );
        assert_eq!(one("00400000-00500000 r--p 00001000 08:01 1234   /bin/app"), Some(None));
        assert_eq!(
            one("0x40000-0x80000 /bin/app (@FF00) abc123"),
            Some(Some(Map {
                build_id: b"abc123".to_vec(),
                ..map(0x4_0000, 0x8_0000, 0xff00, "/bin/app")
            }))
        );
        assert_eq!(
            one("  40000-80000: /bin/app"),
            Some(Some(map(0x4_0000, 0x8_0000, 0, "/bin/app")))
        );
        assert_eq!(one("build=/bin/app"), None);
        assert_eq!(one(""), None);
        assert_eq!(one("11112222333344445-80000 r-xp 0 0:0 0"), None);
    }

    #[test]
    fn assignments_and_log_prefixes_are_resolved() {
        let text = b"MAPPED_LIBRARIES:\n  build=/bin/app\nI0102 12:00 x.cc:7] 40000-80000 r-xp 0 0:0 0 $build\n";
        let mut reader = Reader::default();
        for (text, number) in text.split(|&b| b == b'\n').zip(1..) {
            reader.take(Line { number, text }).unwrap();
        }
        let maps = reader.finish();
        assert_eq!(maps, [map(0x4_0000, 0x8_0000, 0, "/bin/app")]);
    }

    #[test]
    fn split_mappings_are_joined_and_the_program_is_first() {
        let maps = vec![
            map(0x1000, 0x2000, 0, "/lib/libc.so.6"),
            map(0x5000, 0x6000, 0x1000, "/bin/app"),
            map(0x6000, 0x7000, 0x2000, "/bin/app"),
            map(0x8000, 0x9000, 0, "[vdso]"),
        ];
        let arranged = arranged(maps);
        let shown: Vec<_> = arranged.iter().map(|m| (m.start, m.limit)).collect();
        assert_eq!(shown, [(0x5000, 0x7000), (0x1000, 0x2000), (0x8000, 0x9000)]);
        assert!(!is_main(b"/lib/x.so (deleted)") && is_main(b"/bin/x (deleted)"));
    }

    /// pprof's own rule, address by address.
    fn slowly(maps: &mut Vec<Map>, rest: &mut Option<usize>, address: u64) -> u64 {
        if address == 0 {
            return 0;
        }
        let holds = |m: &Map| m.start <= address && address < m.limit;
        if let Some(i) = maps.iter().position(holds) {
            return i as u64 + 1;
        }
        let found = maps.iter().position(|m| {
            m.offset != 0 && m.start.wrapping_sub(m.offset) <= address && address < m.start
        });
        if let Some(i) = found {
            maps[i].start = maps[i].start.wrapping_sub(maps[i].offset);
            maps[i].offset = 0;
            return i as u64 + 1;
        }
        let i = *rest.get_or_insert_with(|| {
            maps.push(map(0, u64::MAX, 0, ""));
            maps.len() - 1
        });
        i as u64 + 1
    }

    #[test]
    fn addresses_are_found_as_pprof_finds_them() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..2000 {
            let count = random(6);
            let mut maps: Vec<Map> = (0..count)
                .map(|_| {
                    let start = random(60);
                    map(start, start + random(20), random(30), "x")
                })
                .collect();
            let mut finder = Finder::new(maps.clone());
            let mut rest = None;
            for _ in 0..20 {
                let address = if random(50) == 0 { u64::MAX } else { random(90) };
                let expected = slowly(&mut maps, &mut rest, address);
                assert_eq!(finder.find(address), expected, "{address}: {maps:?}");
            }
            assert_eq!(finder.finish(), maps);
        }
    }
}
