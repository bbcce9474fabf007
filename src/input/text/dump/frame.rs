//! Parses the lines of a goroutine's stack in a dump.

use crate::input::text::numbers::hex;

/// A line of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// A function that was called, and its first argument if that is known for certain.
    Function(&'t [u8], Option<u64>),
    /// The function with the `go` statement that started the goroutine.
    Creator(&'t [u8]),
    /// Frames that the runtime left out of a deep stack.
    Elided,
    /// The goroutine was running, so its stack can't be shown.
    Unavailable,
    /// What follows is the stack of the goroutine that started this one, at that time.
    Ancestor,
}

/// Parses a line without the file of the frame; `None` if it is none of a stack.
pub(super) fn part(text: &[u8]) -> Option<Part<'_>> {
    let text = text.trim_ascii();
    if let Some(rest) = text.strip_prefix(b"created by ") {
        let end = memchr::memmem::rfind(rest, BY).unwrap_or(rest.len());
        return Some(Part::Creator(&rest[..end])).filter(|_| end > 0);
    }
    if text.starts_with(b"...") {
        return text.ends_with(b"frames elided...").then_some(Part::Elided);
    }
    if text.starts_with(b"goroutine running on other thread") {
        return Some(Part::Unavailable);
    }
    if text.starts_with(b"[originating from goroutine ") {
        return Some(Part::Ancestor);
    }
    function(text).map(|(name, first)| Part::Function(name, first))
}

/// What separates the creator from its goroutine.
pub(super) const BY: &[u8] = b" in goroutine ";

/// The name of a function before its arguments, and the first of them. A line that a log has cut off
/// may end within them.
fn function(text: &[u8]) -> Option<(&[u8], Option<u64>)> {
    let open = memchr::memrchr(b'(', text)?;
    let (name, arguments) = (&text[..open], &text[open + 1..]);
    let is_name = name.contains(&b'.') || name == b"panic";
    let is_cut_in_name = arguments.starts_with(b"*");
    let is_argument = |&b: &u8| b.is_ascii_hexdigit() || b" ,.x{}?_".contains(&b);
    // Cut off, the only argument may be cut off as well.
    let (arguments, is_whole) = match arguments.strip_suffix(b")") {
        Some(arguments) => (arguments, true),
        None => (arguments, arguments.contains(&b',')),
    };
    let is_one_word = !name.iter().any(|&b| b.is_ascii_whitespace() || b == b'"');
    let is_function = is_name && is_one_word && !is_cut_in_name;
    (is_function && arguments.iter().all(is_argument))
        .then(|| (name, first(arguments).filter(|_| is_whole)))
}

/// The first argument. A `?` behind it says that the register may have changed since.
fn first(arguments: &[u8]) -> Option<u64> {
    let (number, rest) = hex(arguments.strip_prefix(b"0x")?)?;
    (rest.is_empty() || rest.starts_with(b",")).then_some(number)
}

/// The file and line of a frame, after a tab or spaces: `/app/main.go:34 +0x5d`; `None` if the line is another.
pub(super) fn place(text: &[u8]) -> Option<(&[u8], i64)> {
    if !text.starts_with(b"\t") && !text.starts_with(b" ") {
        return None;
    }
    let mut text = text.trim_ascii();
    // The address in the function, and with GOTRACEBACK=system those of the frame.
    while let Some(at) = memchr::memrchr(b' ', text)
        && [b"+0x".as_slice(), b"fp=", b"sp=", b"pc="]
            .iter()
            .any(|mark| text[at + 1..].starts_with(mark))
    {
        text = &text[..at];
    }
    let colon = memchr::memrchr(b':', text)?;
    let line = std::str::from_utf8(&text[colon + 1..]).ok()?.parse::<u32>().ok()?;
    (colon > 0).then_some((&text[..colon], i64::from(line)))
}

/// The functions of the runtime that a goroutine in a state is in, leaf first. A dump leaves them
/// out, a profile in protobuf has them: with them, both have the same places.
pub(super) fn hidden(state: &[u8]) -> &'static [&'static str] {
    match state {
        b"chan receive" | b"chan receive (nil chan)" => &["runtime.gopark", "runtime.chanrecv"],
        b"chan send" | b"chan send (nil chan)" => &["runtime.gopark", "runtime.chansend"],
        b"select" => &["runtime.gopark", "runtime.selectgo"],
        b"select (no cases)" => &["runtime.gopark", "runtime.block"],
        b"IO wait" | b"sleep" | b"semacquire" => &["runtime.gopark"],
        state if state.starts_with(b"sync.") => &["runtime.gopark"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_stack_are_told_apart() {
        let cases: [(&str, Option<Part<'_>>); 21] = [
            (
                "main.worker(0xa0, 0x1, {0xc00, 0x5, 0x5})",
                Some(Part::Function(b"main.worker", Some(0xa0))),
            ),
            ("main.(*T).M(...)", Some(Part::Function(b"main.(*T).M", None))),
            ("main.(*T).M(0x5, 0xc0", Some(Part::Function(b"main.(*T).M", Some(5)))),
            ("main.F[...](0x0?, 0x1)", Some(Part::Function(b"main.F[...]", None))),
            ("main.main.func1.1()", Some(Part::Function(b"main.main.func1.1", None))),
            ("panic({0x4a, 0xc0_1})", Some(Part::Function(b"panic", None))),
            ("main.(*T).M(0xc00001", Some(Part::Function(b"main.(*T).M", None))),
            ("gopkg.in/yaml%2ev2.f(0x1)", Some(Part::Function(b"gopkg.in/yaml%2ev2.f", Some(1)))),
            ("main.(*T", None),
            ("handled request (12)", None),
            ("done: x.y (0x1)", None),
            ("created by main.start in goroutine 1", Some(Part::Creator(b"main.start"))),
            ("created by main.(*T).start", Some(Part::Creator(b"main.(*T).start"))),
            ("created by ", None),
            ("...23 frames elided...", Some(Part::Elided)),
            ("...additional frames elided...", Some(Part::Elided)),
            ("...", None),
            ("\tgoroutine running on other thread; stack unavailable", Some(Part::Unavailable)),
            ("[originating from goroutine 21]:", Some(Part::Ancestor)),
            ("exit status 2", None),
            ("rax    0x0", None),
        ];
        for (line, expected) in cases {
            assert_eq!(part(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_file_may_have_colons_and_spaces() {
        let is = |line: &str, expected: Option<(&[u8], i64)>| {
            assert_eq!(place(line.as_bytes()), expected, "{line}");
        };
        is("\t/app/main.go:34 +0x5d", Some((b"/app/main.go", 34)));
        is("\t/my app/main.go:34", Some((b"/my app/main.go", 34)));
        is(
            "        C:/Program Files/Go/x.go:2259 +0x259",
            Some((b"C:/Program Files/Go/x.go", 2259)),
        );
        is("\t_cgo_gotypes.go:46 +0x2c fp=0x3a sp=0x3b pc=0x4", Some((b"_cgo_gotypes.go", 46)));
        is("\t/app/a.go:7 fp=0x3a sp=0x3b pc=0x4", Some((b"/app/a.go", 7)));
        is("\t/app/main.go", None);
        is("\t:34", None);
        is("/app/main.go:34 +0x5d", None);
    }
}
