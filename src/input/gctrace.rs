//! Recognizes logs with lines of Go's gctrace (`GODEBUG=gctrace=1`).
//!
//! The runtime writes these lines to standard error, among the program's other output, and log
//! collectors put a time before each. So one such line anywhere near the beginning makes a log a
//! gctrace log.

use super::{Content, Format, Holds, InputError, Meter, Refusal, Sniff};
use std::io::Read;

/// gctrace's entry in the list of formats. A program's first garbage collections come early, so one
/// of their lines is near the beginning.
pub(super) const FORMAT: Format =
    Format { name: "gctrace log", holds: Holds::GcTrace, sniff: Sniff::Line(is_gctrace), read };

/// Reads nothing: heapdiff only recognizes such a log.
#[expect(clippy::unnecessary_wraps, reason = "reading a format may fail")]
fn read(_: &mut dyn Read, _: Meter<'_>) -> Result<Content, InputError> {
    Ok(Content::GcTrace(Refusal::gctrace()))
}

/// Whether a text contains a line of gctrace.
fn is_gctrace(text: &[u8]) -> bool {
    text.split(|&b| b == b'\n').any(|line| {
        let starts = line.windows(3).enumerate().filter(|(_, word)| *word == b"gc ");
        starts
            .filter(|(at, _)| *at == 0 || matches!(line[at - 1], b' ' | b'\t'))
            .any(|(at, _)| is_record(&line[at + 3..]).is_some())
    })
}

/// Matches `12 @1.234s 3%: `, which follows `gc ` in every version of Go since 1.5.
fn is_record(rest: &[u8]) -> Option<()> {
    let rest = digits(rest)?.strip_prefix(b" @")?;
    let rest = digits(rest)?.strip_prefix(b".")?;
    let rest = digits(rest)?.strip_prefix(b"s ")?;
    digits(rest)?.strip_prefix(b"%: ").map(|_| ())
}

/// Returns what follows the digits, of which there must be at least one.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

#[cfg(test)]
mod tests {
    use super::is_gctrace;

    #[test]
    fn one_record_is_enough() {
        let record = "gc 12 @1.234s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 4 P";
        for text in [
            record.to_owned(),
            format!("listening on :80\n{record}\nbye"),
            format!("2026-01-02T03:04:05Z stderr F {record} (forced)\r\n"),
        ] {
            assert!(is_gctrace(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "gc ",
            "gc 12 @1.234s 3%",
            "gc 12 @1s 3%: x",
            "gc is on",
            "xgc 12 @1.234s 3%: ",
            "the gc 12 times\n@1.234s 3%: ",
            "scvg: 8 MB released",
        ] {
            assert!(!is_gctrace(text.as_bytes()), "{text}");
        }
    }
}
