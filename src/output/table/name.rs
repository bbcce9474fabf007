//! Shortens function names and keeps their ends, which are the most specific part.
//!
//! A name loses, in this order, the leading elements of its import path
//! (`…/limiter.(*Limiter).take`), the contents of its brackets (`Map[…].Load`), and then characters
//! at its left. The tail, the type and the method, stays longest. A name that was cut always
//! contains a `…`.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `name` in at most `width` columns.
pub(super) fn fit(name: &str, width: usize) -> String {
    if name.width() <= width {
        return name.to_owned();
    }
    for dropped in 1..=path_elements(name) {
        let cut = cut_path(name, dropped);
        if cut.width() <= width {
            return cut;
        }
    }
    let short = collapse_brackets(&shortest_path(name));
    if short.width() <= width { short } else { cut_left(&short, width) }
}

/// The name with all of its import path cut.
pub(super) fn shortest_path(name: &str) -> String {
    match path_elements(name) {
        0 => name.to_owned(),
        elements => cut_path(name, elements),
    }
}

/// The words of a name: a function, and at finer granularities its file.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    name.split(move |c| {
        match c {
            '[' | '(' | '<' | '{' => depth += 1,
            ']' | ')' | '>' | '}' => depth -= 1,
            _ => {}
        }
        c == ' ' && depth <= 0
    })
}

/// Byte offsets just after each slash that separates path elements.
fn slashes(word: &str) -> Vec<usize> {
    let end = word.find(['[', '(', '<', '{']).unwrap_or(word.len());
    word[..end].match_indices(['/', '\\']).map(|(at, _)| at + 1).collect()
}

fn path_elements(name: &str) -> usize {
    words(name).map(|word| slashes(word).len()).max().unwrap_or(0)
}

/// The name without the first `dropped` path elements of each word.
fn cut_path(name: &str, dropped: usize) -> String {
    let cut = |word: &str| {
        let slashes = slashes(word);
        match slashes.get(dropped.min(slashes.len()).wrapping_sub(1)) {
            Some(&at) => format!("…/{}", &word[at..]),
            None => word.to_owned(),
        }
    };
    words(name).map(cut).collect::<Vec<_>>().join(" ")
}

/// `Map[go.shape.int].Load` as `Map[…].Load`, `vector<int>::push(int&&)` as `vector<…>::push(…)`. A
/// Go receiver `(*T)`, a type in front (`<Vec<…> as Clone>::clone`) and unclosed brackets stay.
fn collapse_brackets(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(start) = rest.find(['[', '<', '(']) {
        let Some(length) = bracketed(&rest[start..]) else { break };
        let inside = &rest[start + 1..start + length - 1];
        text.push_str(&rest[..=start]);
        let before = &text[..text.len() - 1];
        if inside.width() <= 1 {
            text.push_str(inside);
        } else if inside.starts_with('*') || before.is_empty() || before.ends_with(' ') {
            text.push_str(&collapse_brackets(inside));
        } else {
            text.push('…');
        }
        text.push_str(&rest[start + length - 1..start + length]);
        rest = &rest[start + length..];
    }
    text.push_str(rest);
    text
}

/// Length in bytes of the balanced brackets `text` starts with.
fn bracketed(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '[' => open.push(']'),
            '<' => open.push('>'),
            '(' => open.push(')'),
            ']' | '>' | ')' => {
                if open.pop() != Some(c) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The tail of `name` that fits, after a `…`.
fn cut_left(name: &str, width: usize) -> String {
    let mut room = width.saturating_sub(1);
    let mut start = name.len();
    for (at, c) in name.char_indices().rev() {
        let columns = c.width().unwrap_or(0);
        if columns > room {
            break;
        }
        room -= columns;
        start = at;
    }
    if width == 0 { String::new() } else { format!("…{}", &name[start..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_tail() {
        let go = "github.com/acme/chat/internal/limiter.(*Limiter).windowFor.func1";
        let generic = "main.(*Map[go.shape.struct { github.com/acme/x.Key }]).Load";
        let cpp = "std::vector<std::pair<int, long>>::push_back(std::pair<int, long>&&)";
        let line = "github.com/acme/chat.serve /build/src/chat/server.go:120";
        let cases = [
            (go, 80, go),
            (go, 60, "…/acme/chat/internal/limiter.(*Limiter).windowFor.func1"),
            (go, 48, "…/internal/limiter.(*Limiter).windowFor.func1"),
            (go, 36, "…/limiter.(*Limiter).windowFor.func1"),
            (go, 20, "…er).windowFor.func1"),
            (generic, 30, "main.(*Map[…]).Load"),
            (cpp, 40, "std::vector<…>::push_back(…)"),
            (line, 40, "…/chat.serve …/src/chat/server.go:120"),
            (
                "<alloc::vec::Vec<T, A> as core::Clone>::clone",
                42,
                "<alloc::vec::Vec<…> as core::Clone>::clone",
            ),
            ("operator<", 5, "…tor<"),
            ("世界世界", 5, "…世界"),
            ("main", 0, ""),
        ];
        for (name, width, expected) in cases {
            let got = fit(name, width);
            assert_eq!(got, expected, "{name} in {width}");
            assert!(got.width() <= width);
        }
    }
}
