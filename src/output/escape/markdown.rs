//! Makes text safe in Markdown: no markup, no HTML, no mention, no reference to an issue.
//!
//! GitHub and GitLab look for mentions and references in the rendered text, where escapes are gone,
//! but not inside code. So names are code spans. In prose, an invisible character separates the
//! sign from the word after it.
//!
//! Each text has a maximum length, so that one absurdly long name doesn't crowd out the rest.

use super::escape;

/// Maximum length of a name, and of a sentence, in characters.
const NAME_MOST: usize = 300;
const PROSE_MOST: usize = 900;

/// Signs that turn the word after them into a reference on GitHub or GitLab.
const SIGNS: &str = "@#!$~%&";
/// Separates a sign from its word: a zero-width space.
const APART: &str = "&#8203;";

/// The first `most` characters of a text, on one line.
fn cut(text: &str, most: usize) -> String {
    let text = escape(text);
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

/// A name as a code span; empty for an empty name.
pub(in crate::output) fn code(name: &str) -> String {
    // A backtick would end the span.
    span(&cut(name, NAME_MOST).replace('`', "\\u{60}"))
}

/// A name as a code span in a table.
pub(in crate::output) fn cell(name: &str) -> String {
    // A backslash before the escape of a bar would cancel it.
    let text = cut(name, NAME_MOST).replace('`', "\\u{60}").replace("\\|", "\\u{5c}|");
    span(&text.replace('|', "\\|"))
}

fn span(text: &str) -> String {
    let text = text.trim();
    match text.strip_suffix('\\') {
        _ if text.is_empty() => String::new(),
        // Some Markdown renderers treat a backslash in code as an escape.
        Some(rest) => format!("`{rest}\\u{{5c}}`"),
        None => format!("`{text}`"),
    }
}

/// A sentence; it is safe in a table too.
pub(in crate::output) fn prose(text: &str) -> String {
    let text = cut(text.trim(), PROSE_MOST);
    let mut safe = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '\\' | '`' | '"' => safe.extend([format!("&#{};", c as u32)]),
            '*' | '_' | '[' | ']' | '~' | '$' | '!' | '#' => safe.extend(['\\', c]),
            _ => safe.push(c),
        }
        let is_word =
            characters.peek().is_some_and(|next| next.is_alphanumeric() || "_-\"".contains(*next));
        // GH-12 is an issue; a scheme or www. becomes a link.
        let rest = |word: &str| {
            let mut ahead = characters.clone();
            word.chars().all(|expected| ahead.next() == Some(expected))
        };
        let is_reference = (SIGNS.contains(c) && is_word)
            || (c == ':' && rest("//"))
            || (matches!(c, 'h' | 'H') && matches!(before, 'g' | 'G') && rest("-"))
            || (matches!(c, 'w' | 'W') && matches!(before, 'w' | 'W') && rest("."));
        if is_reference {
            safe.push_str(APART);
        }
        before = c;
    }
    safe
}

/// A name inside HTML.
pub(in crate::output) fn html(name: &str) -> String {
    let text = cut(name, NAME_MOST);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A command to copy, in a block whose fence is longer than any in it.
pub(in crate::output) fn fenced(command: &str) -> String {
    let runs = command.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    format!("{fence}sh\n{command}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_span() {
        let cases = [
            ("main.(*Gate).begin", "`main.(*Gate).begin`"),
            ("a|b", "`a\\|b`"),
            ("a\\|b", "`a\\u{5c}\\|b`"),
            ("a`b", "`a\\u{60}b`"),
            ("a\nb", "`a\\u{a}b`"),
            ("a\\", "`a\\u{5c}`"),
            (" x ", "`x`"),
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(cell(name), expected, "{name:?}");
        }
        assert_eq!(code("a\\|b|c`"), "`a\\|b|c\\u{60}`", "outside of a table a bar is a bar");
        assert_eq!(code(&"x".repeat(1000)).chars().count(), NAME_MOST + 3);
    }

    #[test]
    fn prose_means_nothing() {
        let cases = [
            ("grew by 7.9 MiB (+112.0 %)", "grew by 7.9 MiB (+112.0 %)"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("@all see #12, a|b", "@&#8203;all see \\#&#8203;12, a&#124;b"),
            ("*b* _i_ [l](u)", "\\*b\\* \\_i\\_ \\[l\\](u)"),
            ("https://x www.x GH-1", "https:&#8203;//x www&#8203;.x GH&#8203;-1"),
            ("&lt; \\ `", "&amp;&#8203;lt; &#92; &#96;"),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("heapdiff x"), "```sh\nheapdiff x\n```\n");
        assert_eq!(fenced("a ```` b"), "`````sh\na ```` b\n`````\n");
    }
}
