//! Reads the lines with which Go says what the addresses of a stack are.
//!
//! Below each stack stand lines that begin with `#`: address, function and offset, file and line.
//! Inlined functions have addresses of their own. Go leaves out `runtime.goexit`, and the functions
//! of the runtime at the leaf, unless the stack has no others.

use super::numbers::{hex, whole};

/// What a line says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'t> {
    /// The address of the call, or where it returns to (in old versions of Go).
    pub(super) address: u64,
    /// The rest of the line.
    rest: &'t [u8],
}

/// The name of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'t> {
    /// Function; empty if Go knows none.
    pub(super) function: &'t [u8],
    pub(super) file: &'t [u8],
    pub(super) line: i64,
}

/// Parses `#  0x4a2f0f  main.worker+0x4f  /app/main.go:34`; `None` if the line is another comment.
pub(super) fn parse(text: &[u8]) -> Option<Frame<'_>> {
    let text = text.strip_prefix(b"#")?.trim_ascii_start();
    let (address, rest) = hex(text.strip_prefix(b"0x")?)?;
    (rest.is_empty() || rest.starts_with(b"\t")).then_some(Frame { address, rest })
}

impl<'t> Frame<'t> {
    /// The name in the line. Most addresses have a name already, so it is parsed apart.
    pub(super) fn name(&self) -> Name<'t> {
        let mut fields = self.rest.split(|&b| b == b'\t').map(<[u8]>::trim_ascii);
        let mut field = || fields.find(|field| !field.is_empty()).unwrap_or_default();
        let (function, place) = (without_offset(field()), field());
        let colon = place.iter().rposition(|&b| b == b':');
        let split = colon.and_then(|at| Some((&place[..at], whole(&place[at + 1..])?)));
        let (file, line) = split.unwrap_or((place, 0));
        Name { function, file, line }
    }
}

/// The name of a function, without the offset of the address in it.
fn without_offset(text: &[u8]) -> &[u8] {
    let plus = text.iter().rposition(|&b| b == b'+');
    let is_offset = |at: &usize| text[at + 1..].starts_with(b"0x");
    plus.filter(is_offset).map_or(text, |at| &text[..at])
}

/// Parses `# labels: {"key":"value", "key2":"value2"}`, with strings as Go quotes them. `None` if the
/// line is another comment.
pub(super) fn labels(text: &[u8]) -> Option<Vec<(String, String)>> {
    quoted_pairs(text.strip_prefix(b"# labels: {")?.trim_ascii_end().strip_suffix(b"}")?)
}

/// Parses `"key":"value", "key2": "value2"`.
pub(super) fn quoted_pairs(text: &[u8]) -> Option<Vec<(String, String)>> {
    let mut rest = std::str::from_utf8(text).ok()?;
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let (value, after) = quoted(after.strip_prefix(':')?.trim_start_matches(' '))?;
        labels.push((key, value));
        rest = match after.strip_prefix(", ") {
            Some(more) => more,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(labels)
}

/// Returns the text that a quoted string at the start stands for, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.strip_prefix('"')?.chars();
    loop {
        let digits = |rest: &mut std::str::Chars<'_>, count: usize, base: u32| {
            let digits = rest.as_str().get(..count)?;
            *rest = rest.as_str()[count..].chars();
            u32::from_str_radix(digits, base).ok()
        };
        let mut push = |c: char| bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        match rest.next()? {
            '"' => return Some((String::from_utf8_lossy(&bytes).into_owned(), rest.as_str())),
            '\\' => match rest.next()? {
                'a' => push('\x07'),
                'b' => push('\x08'),
                'f' => push('\x0c'),
                'n' => push('\n'),
                'r' => push('\r'),
                't' => push('\t'),
                'v' => push('\x0b'),
                'x' => bytes.push(u8::try_from(digits(&mut rest, 2, 16)?).ok()?),
                'u' => push(char::from_u32(digits(&mut rest, 4, 16)?)?),
                'U' => push(char::from_u32(digits(&mut rest, 8, 16)?)?),
                other => push(other),
            },
            other => push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_an_address() {
        let frame = |address, function: &'static str, file: &'static str, line| {
            let (function, file) = (function.as_bytes(), file.as_bytes());
            Some((address, Name { function, file, line }))
        };
        for (text, expected) in [
            (
                "#\t0x6d97e4\tmain.worker+0x44\t\t\t/src/chat server/chat.go:34",
                frame(0x6d_97e4, "main.worker", "/src/chat server/chat.go", 34),
            ),
            (
                "#\t0x10\tmain.f[go.shape.struct { A int }]+0x1\tC:/x.go:7",
                frame(16, "main.f[go.shape.struct { A int }]", "C:/x.go", 7),
            ),
            ("#\t0x0", frame(0, "", "", 0)),
            ("#\t0x10\tmain.f", frame(16, "main.f", "", 0)),
            ("#\t0x10\tmain.f+0x1\tx.go", frame(16, "main.f", "x.go", 0)),
            ("# Alloc = 5", None),
            ("#\t10\tmain.f+0x1\tx.go:1", None),
            ("#", None),
        ] {
            let found = parse(text.as_bytes()).map(|frame| (frame.address, frame.name()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn labels_are_unquoted() {
        let pairs = |text: &str| labels(text.as_bytes());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            pairs(r#"# labels: {"handler":"/a, \"b\"", "k":"\x00\u00e9\n"}"#),
            Some(vec![pair("handler", "/a, \"b\""), pair("k", "\0é\n")])
        );
        assert_eq!(pairs("# labels: {}"), Some(vec![]));
        for bad in ["# labels: {\"a\"}", "# labels: {\"a\":\"b\" }", "# labels: {\"a\":\"\\x4\"}"] {
            assert_eq!(pairs(bad), None, "{bad}");
        }
    }
}
