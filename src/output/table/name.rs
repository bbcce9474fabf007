//! Function names that fit: shortened where the end of a name says most.
//!
//! A name loses, in this order, the leading elements of its import path (`…/limiter.(*Limiter).take`),
//! what stands in its brackets (`Map[…].Load`), and then characters at its left. The tail, the type and
//! the method, stays to the last. A name that was cut always bears a `…`.

use super::chain::Chain;
use super::escape::escape;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Before the caller of a row.
const CALLER: &str = " ← ";
/// Before the callee of a site.
const CALLEE: &str = " → ";

/// What stands in the function column of one line.
#[derive(Clone, Debug, Default)]
pub(super) struct RowLabel {
    /// The name of the row.
    name: String,
    /// A second name and the arrow before it: the caller (` ← `) or the callee (` → `).
    second: Option<(&'static str, String)>,
    /// A remark after the names: ` (was main.foo.func2)`.
    remark: String,
    /// The line of a tree, in the place of all of that.
    chain: Option<Chain>,
    /// Whether the path is what the name is about: that of a package or a file.
    path_matters: bool,
    /// A word said after the names where none of the columns of these titles, which say it, is shown.
    pub(super) status: Option<(&'static str, [&'static str; 2])>,
}

impl RowLabel {
    /// A name alone.
    pub(super) fn new(name: &str) -> Self {
        RowLabel { name: escape(name).into_owned(), ..RowLabel::default() }
    }

    /// The name of a package or a file, whose path is cut only where nothing else can go.
    pub(super) fn path(name: &str) -> Self {
        RowLabel { path_matters: true, ..RowLabel::new(name) }
    }

    /// The line of a tree.
    pub(super) fn chain(chain: Chain) -> Self {
        RowLabel { chain: Some(chain), ..RowLabel::default() }
    }

    /// With the caller under which it stands.
    pub(super) fn under(mut self, caller: &str) -> Self {
        self.second = Some((CALLER, escape(caller).into_owned()));
        self
    }

    /// With the function it calls into.
    pub(super) fn into_callee(mut self, callee: &str) -> Self {
        self.second = Some((CALLEE, escape(callee).into_owned()));
        self
    }

    /// With a remark.
    pub(super) fn remark(mut self, remark: &str) -> Self {
        self.remark = format!(" ({})", escape(remark));
        self
    }

    /// Columns the whole text takes, without the status.
    fn width(&self) -> usize {
        let second = self.second.as_ref().map_or(0, |(arrow, name)| arrow.width() + name.width());
        self.name.width() + second + self.remark.width()
    }

    /// Columns it takes with import paths cut and nothing else: what it should get.
    pub(super) fn short_width(&self) -> usize {
        if let Some(chain) = &self.chain {
            return chain.short_width();
        }
        if self.path_matters {
            return self.width();
        }
        let second = self.second.as_ref().map_or(0, |(_, name)| 3 + shortest_path(name).width());
        shortest_path(&self.name).width() + second + self.remark.width()
    }

    /// The text in at most `width` columns, in a table whose columns `is_shown` knows by title.
    pub(super) fn fit(&self, width: usize, is_shown: impl Fn(&str) -> bool) -> String {
        if let Some(chain) = &self.chain {
            return chain.fit(width);
        }
        let status = match self.status {
            Some((word, columns)) if !columns.into_iter().any(is_shown) => format!("  [{word}]"),
            _ => String::new(),
        };
        if self.width() + status.width() <= width {
            let (arrow, second) = self.second.as_ref().map_or(("", ""), |(a, s)| (*a, s.as_str()));
            return format!("{}{arrow}{second}{}{status}", self.name, self.remark);
        }
        let room = width.saturating_sub(status.width());
        // A remark that would leave its name no room says the least; a name stays.
        let remark = if self.remark.width() + shortest_path(&self.name).width().min(24) <= room {
            self.remark.as_str()
        } else {
            ""
        };
        let room = room - remark.width();
        let Some((arrow, second)) = self.second.as_ref().filter(|_| room >= 20) else {
            return format!("{}{remark}{status}", fit(&self.name, room));
        };
        let room = room - arrow.width();
        let (least, least_second) =
            (shortest_path(&self.name).width(), shortest_path(second).width());
        // The program's own code is what one looks for: it may take two thirds where both are long.
        let own =
            |least: usize, other: usize| least.min((room * 2 / 3).max(room.saturating_sub(other)));
        let for_second = if least + least_second <= room {
            (room - least).min(second.width())
        } else if *arrow == CALLER {
            own(least_second, least)
        } else {
            room - own(least, least_second)
        };
        let for_first = room - for_second;
        format!("{}{arrow}{}{remark}{status}", fit(&self.name, for_first), fit(second, for_second))
    }
}

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

/// `Map[go.shape.int].Load` as `Map[…].Load`, `vector<int>::push(int&&)` as `vector<…>::push(…)`. A Go
/// receiver `(*T)`, a type in front (`<Vec<…> as Clone>::clone`) and what has no closing bracket stay.
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

    #[test]
    fn own_code_is_seen_in_the_narrowest_label() {
        let label = RowLabel::new("encoding/json.(*decodeState).objectInterface")
            .under("github.com/acme/session.(*Store).Load");
        assert_eq!(
            label.fit(200, |_| true),
            "encoding/json.(*decodeState).objectInterface ← github.com/acme/session.(*Store).Load"
        );
        for width in 0..120 {
            let text = label.fit(width, |_| true);
            assert!(text.width() <= width, "{text} in {width}");
            assert!(width < 48 || text.ends_with("session.(*Store).Load"), "{text} in {width}");
        }
    }

    #[test]
    fn a_status_without_a_column_is_said_by_the_label() {
        let mut label = RowLabel::new("main.f");
        label.status = Some(("new", ["Δ %", "before"]));
        assert_eq!(label.fit(40, |title| title == "after"), "main.f  [new]");
        assert_eq!(label.fit(40, |title| title == "before"), "main.f");
    }
}
