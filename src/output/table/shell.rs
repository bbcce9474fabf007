//! Commands to type: words quoted for a POSIX shell, names made literal for a regular expression.
//!
//! A suggested command must work when it is pasted, whatever the file or the function is called.
//! Names with control characters have no safe form to paste, and then no command is suggested.

use std::borrow::Cow;

/// `word` as one shell word; single quotes only if needed.
pub(crate) fn quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// A file name as an argument: one that starts with a dash must not be taken for an option.
pub(crate) fn file(name: &str) -> Cow<'_, str> {
    if name.len() > 1 && name.starts_with('-') {
        return Cow::Owned(quote(&format!("./{name}")).into_owned());
    }
    quote(name)
}

/// A regular expression that matches exactly `name`.
pub(crate) fn exactly(name: &str) -> String {
    format!("^{}$", regex::escape(name))
}

/// A regular expression that matches exactly these names.
pub(crate) fn exactly_one_of(names: &[&str]) -> String {
    if let [name] = names {
        return exactly(name);
    }
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    format!("^({})$", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        let cases = [
            ("before.pb.gz", "before.pb.gz"),
            ("", "''"),
            ("my heap.pb", "'my heap.pb'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -rf)", "'$(rm -rf)'"),
        ];
        for (word, quoted) in cases {
            assert_eq!(quote(word), quoted);
        }
        assert_eq!(file("-n"), "./-n");
        assert_eq!(file("-"), "-");
    }

    #[test]
    fn names_match_themselves_only() {
        let name = "main.(*T[go.shape.int]).f+g";
        let pattern = exactly(name);
        assert_eq!(pattern, r"^main\.\(\*T\[go\.shape\.int\]\)\.f\+g$");
        assert!(regex::Regex::new(&pattern).unwrap().is_match(name));
    }
}
