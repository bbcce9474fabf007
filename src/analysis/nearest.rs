//! Finds the names nearest to a pattern that matches none, so that a typo is easy to correct.
//!
//! A name is near for one of two reasons: it contains the letters of the pattern in one piece,
//! ignoring case and anything between letters (`gatewayhandle` finds `main.(*Gateway).handle`), or
//! few letters of its last parts would have to change. Only a bounded part of a name is compared,
//! because names come from files.

use crate::printable::escape;
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;
use std::fmt;

/// Maximum number of names reported.
const TOLD: usize = 5;
/// Maximum number of letters compared, of a pattern and of a part of a name.
const COMPARED: usize = 64;
/// Number of parts of a name that are compared, from its end.
const PARTS: usize = 4;

/// A pattern matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NoMatch {
    /// What was looked for, in the singular: `function`.
    pub what: String,
    /// The regular expression as given.
    pub pattern: String,
    /// The names nearest to it, the nearest first.
    pub nearest: Vec<String>,
}

impl NoMatch {
    /// Builds the error for a pattern that matches none of the candidates.
    pub(super) fn new<'a>(
        what: &str,
        pattern: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            what: what.to_owned(),
            pattern: pattern.to_owned(),
            nearest: nearest(pattern, candidates),
        }
    }
}

impl fmt::Display for NoMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, pattern, nearest } = self;
        match nearest.as_slice() {
            [] => write!(f, "no {what} matches `{pattern}`; there are none"),
            [one] => {
                write!(f, "no {what} matches `{pattern}`; the nearest is {}", escape(one))
            }
            several => {
                write!(f, "no {what} matches `{pattern}`; the nearest are:")?;
                several.iter().try_for_each(|name| write!(f, "\n  {}", escape(name)))
            }
        }
    }
}

/// Up to five distinct candidates, the nearest to the regular expression `pattern` first; on a tie
/// the shorter first, then by name.
pub(super) fn nearest<'a>(
    pattern: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let wanted: Vec<String> = alternatives(pattern);
    let mut met: HashSet<&str, FxBuildHasher> = HashSet::default();
    let mut best: Vec<((usize, usize), &str)> = Vec::new();
    for name in candidates.into_iter().filter(|name| !name.is_empty()) {
        let far = distance(&wanted, name);
        let is_near = best.len() < TOLD || best.last().is_some_and(|last| (far, name) < *last);
        if is_near && met.insert(name) {
            let at = best.partition_point(|other| *other < (far, name));
            best.insert(at, (far, name));
            best.truncate(TOLD);
        }
    }
    best.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// How far a name is from the nearest of several words, and how long it is.
fn distance(wanted: &[String], name: &str) -> (usize, usize) {
    let own = letters(name);
    if wanted.iter().any(|word| own.contains(word.as_str())) {
        return (0, name.len());
    }
    let base = name.rsplit('/').next().unwrap_or(name);
    // The last parts, one by one and together: a method, its type and the method, and so on.
    let parts: Vec<String> =
        base.rsplit(['.', ' ', ':']).map(letters).filter(|part| !part.is_empty()).collect();
    let mut together = String::new();
    let mut least = usize::MAX;
    for part in parts.iter().take(PARTS) {
        together.insert_str(0, part);
        for word in wanted {
            least = least.min(apart(word, part)).min(apart(word, &together));
        }
    }
    // A name that contains the letters is the nearest.
    (least.saturating_add(1), name.len())
}

/// Number of letters to change, add, remove or swap.
fn apart(a: &str, b: &str) -> usize {
    let cut = |text: &str| text.chars().take(COMPARED).collect::<String>();
    strsim::osa_distance(&cut(a), &cut(b))
}

/// Letters and digits in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The letters of each alternative of a regular expression, without its classes (`\b`) and flags (`(?i)`).
fn alternatives(pattern: &str) -> Vec<String> {
    let mut plain = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next().filter(|c| !c.is_alphanumeric())),
            '(' if chars.peek() == Some(&'?') => {
                chars.by_ref().find(|c| matches!(c, ')' | ':' | '>'));
            }
            c => plain.push(c),
        }
    }
    plain.split('|').map(letters).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = [
        "runtime.main",
        "main.(*Gateway).handle",
        "main.(*Gateway).handleAll",
        "github.com/acme/chat/limiter.windowFor",
        "time.NewTicker",
        "net/http.HandlerFunc.ServeHTTP",
        "main.(*Gateway).handle",
    ];

    #[test]
    fn the_letters_in_one_piece_come_first_then_few_changes() {
        let cases = [
            ("gatewayHandle$x{0}?", "main.(*Gateway).handle"),
            ("main.*gateway.handle", "main.(*Gateway).handle"),
            ("(?i:)\\bGATEWAY\\b.handle", "main.(*Gateway).handle"),
            ("windwoFor", "github.com/acme/chat/limiter.windowFor"),
            ("limiter\\.widowfor", "github.com/acme/chat/limiter.windowFor"),
            ("^NewTikcer$|qqqqqqqqqq", "time.NewTicker"),
            ("servehttps", "net/http.HandlerFunc.ServeHTTP"),
        ];
        for (pattern, first) in cases {
            let found = nearest(pattern, NAMES);
            assert_eq!(found.len(), TOLD, "{pattern}");
            assert_eq!(found[0], first, "{pattern}: {found:?}");
            let mut once = found.clone();
            once.dedup();
            assert_eq!(once, found);
        }
    }

    #[test]
    fn it_reads_well_and_survives_anything() {
        let said =
            |names: &[&str]| NoMatch::new("function", "handel", names.iter().copied()).to_string();
        assert_eq!(said(&[]), "no function matches `handel`; there are none");
        assert_eq!(
            said(&["main.handle"]),
            "no function matches `handel`; the nearest is main.handle"
        );
        assert_eq!(
            said(&["main.other", "main.handle"]),
            "no function matches `handel`; the nearest are:\n  main.handle\n  main.other"
        );
        let long = "ä".repeat(1 << 20);
        for pattern in ["", "(?", "\\", "|", "(((", "[^", long.as_str()] {
            assert_eq!(nearest(pattern, [long.as_str(), "", "a"]).len(), 2, "{pattern:.9}");
        }
    }
}
