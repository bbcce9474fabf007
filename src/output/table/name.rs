//! Shortens function names and keeps their ends, which are the most specific part.
//!
//! A name loses, in this order, the leading elements of its import path
//! (`…/limiter.(*Limiter).take`), the contents of its brackets (`Map[…].Load`), and then characters
//! at its left. The tail, the type and the method, stays longest. A name that was cut always
//! contains a `…`.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `name` in at most `width` columns. Takes time in proportion to its length.
pub(in crate::output) fn fit(name: &str, width: usize) -> String {
    if name.width() <= width {
        return name.to_owned();
    }
    let words: Vec<Word<'_>> = words(name).map(Word::new).collect();
    let most = words.iter().map(|word| word.slashes.len()).max().unwrap_or(0);
    let fits = |dropped: usize| {
        let wide: usize = words.iter().map(|word| word.width(dropped)).sum();
        wide + words.len() - 1 <= width
    };
    // Every further element that is dropped makes it narrower.
    let (mut least, mut end) = (1, most + 1);
    while least < end {
        let middle = least.midpoint(end);
        if fits(middle) {
            end = middle;
        } else {
            least = middle + 1;
        }
    }
    if least <= most {
        return words.iter().map(|word| word.cut(least)).collect::<Vec<_>>().join(" ");
    }
    let short = collapse_brackets(&shortest_path(name));
    if short.width() <= width { short } else { cut_left(&short, width) }
}

/// The name with all of its import path cut.
pub(super) fn shortest_path(name: &str) -> Cow<'_, str> {
    if !name.contains(SLASHES) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len());
    for (number, word) in words(name).enumerate() {
        text.push_str(if number == 0 { "" } else { " " });
        match path(word).rfind(SLASHES) {
            Some(slash) => text.extend(["…/", &word[slash + 1..]]),
            None => text.push_str(word),
        }
    }
    Cow::Owned(text)
}

/// What separates path elements.
const SLASHES: [char; 2] = ['/', '\\'];

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

/// The part of a word whose slashes separate path elements.
fn path(word: &str) -> &str {
    word.split(['[', '(', '<', '{']).next().unwrap_or(word)
}

/// A word, and what is left of it when path elements are dropped.
struct Word<'a> {
    text: &'a str,
    /// The byte offset just after each slash that separates path elements, and the width of the text from there.
    slashes: Vec<(usize, usize)>,
}

impl<'a> Word<'a> {
    fn new(text: &'a str) -> Self {
        let mut slashes: Vec<(usize, usize)> =
            path(text).match_indices(SLASHES).map(|(at, _)| (at + 1, 0)).collect();
        let (mut end, mut width) = (text.len(), 0);
        for (at, from_there) in slashes.iter_mut().rev() {
            width += text[*at..end].width();
            (end, *from_there) = (*at, width);
        }
        Self { text, slashes }
    }

    /// The last slash of those to drop.
    fn last(&self, dropped: usize) -> Option<&(usize, usize)> {
        self.slashes.get(dropped.min(self.slashes.len()).wrapping_sub(1))
    }

    /// Its width without the first `dropped` path elements.
    fn width(&self, dropped: usize) -> usize {
        self.last(dropped).map_or_else(|| self.text.width(), |(_, width)| width + 2)
    }

    /// It without the first `dropped` path elements.
    fn cut(&self, dropped: usize) -> Cow<'a, str> {
        match self.last(dropped) {
            Some(&(at, _)) => Cow::Owned(format!("…/{}", &self.text[at..])),
            None => Cow::Borrowed(self.text),
        }
    }
}

/// `Map[go.shape.int].Load` as `Map[…].Load`, `vector<int>::push(int&&)` as `vector<…>::push(…)`. A
/// Go receiver `(*T)`, a type in front (`<Vec<…> as Clone>::clone`), a name in brackets
/// (`f.<locals>.<lambda>`) and unclosed brackets stay.
fn collapse_brackets(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut at = 0;
    for (start, end) in bracket_ends(name) {
        // Some are inside of what was left out.
        if start < at {
            continue;
        }
        text.push_str(&name[at..=start]);
        at = start + 1;
        let Some(end) = end else { break };
        let (before, inside) = (&name[..start], &name[at..end]);
        let is_name = before.is_empty()
            || before.ends_with([' ', '[', '<', '('])
            || before.ends_with('.') && name[start..].starts_with('<');
        let is_short = inside.chars().nth(2).is_none() && inside.width() <= 1;
        if !(is_short || inside.starts_with('*') || is_name) {
            text.push('…');
            at = end;
        }
    }
    text.push_str(&name[at..]);
    text
}

/// Where each opening bracket is, and where it is closed; `None` if it isn't, or by another kind of
/// bracket.
fn bracket_ends(name: &str) -> Vec<(usize, Option<usize>)> {
    let mut found: Vec<(usize, Option<usize>)> = Vec::new();
    let mut open: Vec<(usize, char)> = Vec::new();
    for (at, c) in name.char_indices() {
        let closes = match c {
            '[' => ']',
            '<' => '>',
            '(' => ')',
            ']' | '>' | ')' => {
                match open.pop() {
                    Some((bracket, expected)) if expected == c => found[bracket].1 = Some(at),
                    // Nothing around it is balanced either.
                    _ => open.clear(),
                }
                continue;
            }
            _ => continue,
        };
        open.push((found.len(), closes));
        found.push((at, None));
    }
    found
}

/// The tail of `name` that fits, after a `…`: from the beginning of a word or from the separator
/// before it, unless its last word alone is too wide. Then a part of that word that begins with an
/// upper case letter is the next best.
fn cut_left(name: &str, width: usize) -> String {
    const SEPARATORS: [char; 10] = ['.', '/', '\\', ':', '$', '#', '(', '[', ' ', '*'];
    let mut room = width.saturating_sub(1);
    let (mut start, mut word, mut part) = (name.len(), None, None);
    for (at, c) in name.char_indices().rev() {
        let columns = c.width().unwrap_or(0);
        if columns > room {
            break;
        }
        room -= columns;
        start = at;
        let before = name[..at].chars().next_back();
        let is_tail = at + c.len_utf8() < name.len();
        let is_separator = |c: Option<char>| c.is_some_and(|c| SEPARATORS.contains(&c));
        let begins = is_separator(before) || is_separator(Some(c)) && before != Some(c) && c != ' ';
        if begins && (is_tail || !is_separator(Some(c))) {
            word = Some(at);
        }
        if c.is_uppercase() && before.is_some_and(char::is_lowercase) {
            part = Some(at);
        }
    }
    if width == 0 {
        String::new()
    } else {
        format!("…{}", &name[word.or(part).unwrap_or(start)..])
    }
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
            (go, 20, "….windowFor.func1"),
            (go, 8, "….func1"),
            (go, 4, "…nc1"),
            ("app.views.load.<locals>.<listcomp>", 24, "….<locals>.<listcomp>"),
            ("<module>", 9, "<module>"),
            ("lib.Cache<int, std::pair<A, B>>.Get.<lambda>", 32, "lib.Cache<…>.Get.<lambda>"),
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
            ("f(a[b)c]", 6, "…[b)c]"),
            ("encoding/json.objectInterface", 15, "…Interface"),
            ("chat/limiter.New", 12, "…limiter.New"),
        ];
        for (name, width, expected) in cases {
            let got = fit(name, width);
            assert_eq!(got, expected, "{name} in {width}");
            assert!(got.width() <= width);
        }
    }

    #[test]
    fn every_width_gets_the_longest_path_that_fits() {
        let mut names = vec![
            "a/b/c/d.(*T[x/y]).f /srv/世界/x/y.go:12".to_owned(),
            "/a//b/ c/d/e /".to_owned(),
            "e\u{301}/x\\y\\z w".to_owned(),
        ];
        names.extend(["a/", "/ ", "(*", "<", "[]", ". "].map(|part| part.repeat(300)));
        for name in names {
            let short: Vec<String> = (0..=300)
                .map(|dropped| {
                    let words: Vec<_> =
                        words(&name).map(|word| Word::new(word).cut(dropped)).collect();
                    words.join(" ")
                })
                .collect();
            for width in 0..name.width() {
                let expected = short.iter().find(|short| short.width() <= width);
                let got = fit(&name, width);
                assert!(got.width() <= width, "{name} in {width}");
                if let Some(expected) = expected {
                    assert_eq!(&got, expected, "{name} in {width}");
                }
            }
            assert_eq!(shortest_path(&name), *short.last().unwrap());
        }
    }
}
