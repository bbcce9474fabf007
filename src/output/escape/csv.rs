//! Cells of CSV: as they are for scripts, or safe for a spreadsheet.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, which can fetch a
//! page or start a program. An apostrophe before it makes it text; this is what OWASP recommends
//! against CSV injection. It changes the name, so it is only done when asked for.

use super::escape;
use std::borrow::Cow;

/// What cells are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::output) enum Cells {
    /// For scripts, which get every name as it is.
    Exact,
    /// For spreadsheets, which take no name for a formula.
    Safe,
}

impl Cells {
    /// A cell on one line.
    pub(in crate::output) fn cell(self, text: &str) -> Cow<'_, str> {
        let text = escape(text);
        match self {
            Cells::Safe if parts(&text).any(|(_, part)| is_formula(part)) => {
                Cow::Owned(apostrophes(&text))
            }
            Cells::Exact | Cells::Safe => text,
        }
    }
}

/// The parts of a cell that may become cells of their own, each with its start: a spreadsheet may
/// separate at a semicolon or a comma, whatever the quotes say.
fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split([';', ',', '"']).map(move |part| {
        let at = start;
        start += part.len() + 1;
        (at, part)
    })
}

/// Whether a spreadsheet may take it for a formula. A number is none, although it may have a sign.
fn is_formula(part: &str) -> bool {
    let part = part.trim_start();
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    let begins = part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    begins
        && !(part.contains(|c: char| c.is_ascii_digit())
            && part.chars().all(is_number)
            && part.parse::<f64>().is_ok())
}

fn apostrophes(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 4);
    for (at, part) in parts(text) {
        safe.push_str(text.get(at.saturating_sub(1)..at).unwrap_or_default());
        if is_formula(part) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::Cells;

    #[test]
    fn no_cell_is_a_formula() {
        let cases = [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1+2", "'+1+2"),
            ("-2+3+cmd", "'-2+3+cmd"),
            ("@SUM(1)", "'@SUM(1)"),
            ("  =1", "'  =1"),
            ("＝1", "'＝1"),
            ("\t=1", "\\u{9}=1"),
            ("main.f;=1;-2;a", "main.f;'=1;-2;a"),
            ("a,\"@x\"", "a,\"'@x\""),
            ("-inf", "'-inf"),
            ("-", "'-"),
            // Numbers and ordinary names.
            ("-42", "-42"),
            ("-1.5e-7", "-1.5e-7"),
            ("1;-2;+3", "1;-2;+3"),
            ("main.(*T[go.shape.int]).f-fm", "main.(*T[go.shape.int]).f-fm"),
            ("a=b", "a=b"),
            ("", ""),
        ];
        for (raw, safe) in cases {
            assert_eq!(Cells::Safe.cell(raw), safe, "{raw:?}");
        }
        assert_eq!(Cells::Exact.cell("=cmd"), "=cmd");
        assert_eq!(Cells::Exact.cell("a\nb"), "a\\u{a}b");
    }
}
