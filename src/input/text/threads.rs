//! Stacks of threads, as C++ servers write them: `--- threadz N ---`, then `--- Thread …` before each
//! stack.
//!
//! The lines of a stack may be names with addresses in them, so every address in a line counts. The
//! leaf is where the thread is, not where a call returns to.

use super::collector::{Addresses, Collector, Unnamed};
use super::lines::{Lines, first, is_blank};
use super::numbers::hex;
use super::{maps, uninteresting};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::profile::Profile;
use regex::bytes::Regex;
use std::io::Read;
use std::sync::LazyLock;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "list of threads in text form",
    holds: Holds::TextProfile,
    sniff: Sniff::Start(|head| LIST.is_match(first(head)) || THREAD.is_match(first(head))),
    read,
};

static LIST: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)--- threadz \d+ ---"));
static THREAD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?-u)--- Thread ([[:xdigit:]]+) \(name: (.*)/(\d+)\) stack: ---"));

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "the patterns are constants, and the tests use each")]
    Regex::new(pattern).unwrap()
}

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    profile(&mut Lines::new(reader, meter)).map(Content::from)
}

fn profile(lines: &mut Lines<'_>) -> Result<Profile, InputError> {
    let mut collector = Collector::new(lines.meter(), Unnamed::ByAddress);
    collector.types(&[("thread", "count")], ("thread", "count"), 1)?;
    // The stack of the current thread; none before the first.
    let mut stack: Option<Stack> = None;
    let mut is_at_list = true;
    let mut has_maps = false;
    while let Some(line) = lines.next()? {
        let text = line.text.trim_ascii();
        has_maps = maps::begins(text);
        if has_maps || text.starts_with(b"---- no stack trace for") {
            break;
        }
        if text.starts_with(b"---") && THREAD.is_match(text) {
            add(&mut collector, stack.replace(Stack::default()))?;
        } else if let Some(stack) = stack.as_mut().filter(|_| !text.starts_with(b"---")) {
            stack.take(text).ok_or_else(|| line.expected("addresses of at most 64 bits"))?;
        } else if !is_at_list || text.starts_with(b"-") && !LIST.is_match(text) {
            return Err(line.expected("`--- Thread ID (name: NAME/ID) stack: ---`"));
        }
        // Remarks follow the title of the list, up to the first thread.
        is_at_list = stack.is_none() && (is_at_list || is_blank(text));
        collector.weigh(lines)?;
    }
    add(&mut collector, stack)?;
    let maps = collector.maps(lines, has_maps)?;
    collector.drop_frames(uninteresting::INTERRUPT, "")?;
    collector.finish(maps, Addresses::Kept)
}

/// The stack of a thread.
#[derive(Debug, Default)]
struct Stack {
    addresses: Vec<u64>,
    is_same_as_before: bool,
}

impl Stack {
    /// Takes the addresses in a line; `None` if one has more than 64 bits.
    fn take(&mut self, text: &[u8]) -> Option<()> {
        const SAME: &[u8] = b"same as previous thread";
        if text.windows(SAME.len()).any(|part| part == SAME) {
            self.is_same_as_before = true;
            return Some(());
        }
        let mut rest = text;
        while let Some(at) = rest.windows(2).position(|part| part == b"0x") {
            rest = &rest[at + 2..];
            if rest.first().is_some_and(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                let (address, after) = hex(rest)?;
                self.addresses.push(address);
                rest = after;
            }
        }
        Some(())
    }
}

fn add(collector: &mut Collector<'_>, stack: Option<Stack>) -> Result<(), InputError> {
    let Some(Stack { mut addresses, is_same_as_before }) = stack else { return Ok(()) };
    if is_same_as_before || addresses.is_empty() {
        collector.change_last(|values| values[0] += 1);
        return Ok(());
    }
    addresses.iter_mut().skip(1).for_each(|address| *address = address.wrapping_sub(1));
    // The leaf may be there twice, the second time as if a call returned to it.
    if let [leaf, next, ..] = addresses[..]
        && leaf == next.wrapping_add(1)
    {
        addresses.remove(1);
    }
    collector.sample(&addresses, &[1], &[])
}
