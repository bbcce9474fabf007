//! Takes away what a log puts before each line.

use std::borrow::Cow;

/// How a log wraps the lines of a dump, as the first line of a goroutine shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    /// Words before the text.
    words: usize,
    /// Bytes between the last of them and the text.
    gap: usize,
}

/// The beginning of a line that Docker writes as JSON.
const DOCKER: &[u8] = b"{\"log\":\"";

/// The text in a line that Docker wrote as JSON; any other line as it is.
pub(super) fn unwrapped(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.starts_with(DOCKER) {
        return Cow::Borrowed(line);
    }
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line);
    match object.ok().as_ref().and_then(|object| object.get("log")?.as_str()) {
        Some(text) => Cow::Owned(text.trim_end_matches(['\n', '\r']).as_bytes().to_vec()),
        None => Cow::Borrowed(line),
    }
}

impl Prefix {
    /// What stands before the text of a line.
    pub(super) fn of(before: &[u8]) -> Self {
        let words = words(before).count();
        Self { words, gap: before.len() - before.trim_ascii_end().len() }
    }

    /// Whether there is anything before the text.
    pub(super) fn is_empty(self) -> bool {
        self.words == 0
    }

    /// The text of a line of the same log; `None` if the line has fewer words before it.
    pub(super) fn strip(self, line: &[u8]) -> Option<&[u8]> {
        if self.is_empty() {
            return Some(line);
        }
        let last = words(line).nth(self.words - 1)?;
        // The gap may be cut off behind the last line of a goroutine, which is empty.
        line.get((last + self.gap).min(line.len())..)
    }
}

/// Where each word of a text ends.
fn words(text: &[u8]) -> impl Iterator<Item = usize> {
    let ends = |at: &usize| {
        let is_space = |at: usize| text.get(at).is_none_or(u8::is_ascii_whitespace);
        !is_space(*at) && is_space(at + 1)
    };
    (0..text.len()).filter(ends).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_loses_as_many_words_as_the_first() {
        for before in [
            "2026-01-02T03:04:05.123456789Z stderr F ",
            "Jan  2 03:04:05 host svc[123]: ",
            "web_1  | ",
            "\x1b[36mweb-1  |\x1b[0m ",
        ] {
            let prefix = Prefix::of(before.as_bytes());
            for text in ["main.f(0x1)", "\t/app/main.go:3 +0x1", "created by main.f", ""] {
                let line = format!("{}{text}", before.replace("9Z", "Z").replace("  2", " 12"));
                assert_eq!(prefix.strip(line.as_bytes()), Some(text.as_bytes()), "{line:?}");
            }
            assert_eq!(prefix.strip(before.trim_end().as_bytes()), Some(b"".as_slice()));
            assert_eq!(prefix.strip(b""), None);
        }
        assert_eq!(Prefix::of(b"").strip(b"\tx:1"), Some(b"\tx:1".as_slice()));
    }

    #[test]
    fn the_text_is_taken_out_of_json() {
        let line = br#"{"log":"\t/app/main.go:3 +0x1\n","stream":"stderr","time":"2026-01-02"}"#;
        assert_eq!(unwrapped(line).as_ref(), b"\t/app/main.go:3 +0x1");
        assert_eq!(unwrapped(b"{\"log\":\"x").as_ref(), b"{\"log\":\"x");
        assert_eq!(unwrapped(b"main.f()").as_ref(), b"main.f()");
    }
}
