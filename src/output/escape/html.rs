//! Text inside HTML.

/// Text whose characters all stand for themselves in HTML, in an element and in a quoted attribute.
pub(in crate::output) fn text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(
            text("</pre><a href='x' b=\"y\">&amp;"),
            "&lt;/pre&gt;&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;"
        );
    }
}
