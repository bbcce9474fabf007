//! Names for XML: test reports, SVG, and graphs that Graphviz draws as SVG.
//!
//! The writers of XML escape markup. They don't know that XML forbids some characters even as
//! references.

use super::escape;
use std::borrow::Cow;

/// A name with only what XML allows, on one line.
pub(in crate::output) fn text(name: &str) -> Cow<'_, str> {
    // Control characters are spelled out already; of the rest, XML forbids two.
    let is_forbidden = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}');
    match escape(name) {
        safe if safe.contains(is_forbidden) => Cow::Owned(safe.replace(is_forbidden, "\u{fffd}")),
        safe => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn only_what_xml_allows_is_left() {
        assert_eq!(text("a\u{fffe}b\u{ffff}c\u{0}\u{85}"), "a\u{fffd}b\u{fffd}c\\u{0}\\u{85}");
        for c in ('\0'..=char::MAX).filter(|&c| text(&c.to_string()).chars().eq([c])) {
            let is_allowed = matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}')
                || matches!(c, '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            assert!(is_allowed, "{c:?}");
        }
    }
}
