//! Names of functions for display. Mangled names are made readable, and names that look like C++
//! lose parameters and template arguments, under pprof's conditions, so that both tools use the
//! same name for a function.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Length in bytes above which a demangled name isn't used; the mangled one is shown instead. A
/// mangled name refers back to its own parts, so three hundred bytes of it can demand more text
/// than fits in memory.
const LONGEST: usize = 64 * 1024;

/// The display name of a function, given both names in the profile.
pub fn display_name<'a>(name: &'a str, system_name: &'a str) -> Cow<'a, str> {
    if !name.is_empty() && name != system_name {
        return Cow::Borrowed(name);
    }
    if let Some(readable) = demangle(system_name) {
        return Cow::Owned(readable);
    }
    if looks_like_cpp(system_name) {
        let bare = without_matching(system_name, '(', ')');
        let bare = without_matching(&bare, '<', '>');
        // Of Python's `<module>` nothing would be left, and pprof says `<unknown>`.
        if !bare.is_empty() {
            return Cow::Owned(bare);
        }
    }
    Cow::Borrowed(system_name)
}

fn demangle(symbol: &str) -> Option<String> {
    // macOS prefixes every symbol with another underscore.
    let symbol = if symbol.starts_with("__Z") || symbol.starts_with("__R") {
        &symbol[1..]
    } else if symbol.starts_with("_Z") || symbol.starts_with("_R") {
        symbol
    } else {
        return None;
    };
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        let mut readable = Bounded::default();
        return write!(readable, "{rust:#}").ok().map(|()| readable.0);
    }
    demangle_cpp(symbol)
}

/// A symbol of C++ without parameters and template arguments.
#[cfg(feature = "cpp")]
fn demangle_cpp(symbol: &str) -> Option<String> {
    let options = cpp_demangle::DemangleOptions::new().no_params().no_return_type();
    let mut readable = Bounded::default();
    cpp_demangle::Symbol::new(symbol).ok()?.structured_demangle(&mut readable, &options).ok()?;
    Some(without_matching(&readable.0, '<', '>'))
}

/// Built without the feature `cpp`: the symbol stays as it is.
#[cfg(not(feature = "cpp"))]
fn demangle_cpp(_: &str) -> Option<String> {
    None
}

/// Text up to [`LONGEST`].
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.0.len() + s.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(s);
        Ok(())
    }
}

/// Whether a name has any of the marks of C++. Almost no Go name has one, and every name is
/// checked.
fn has_marks(name: &str) -> bool {
    name.bytes().any(|b| matches!(b, b'<' | b'>' | b'[' | b']' | b':'))
}

/// Java's `Class.<init>` and Go's `T[...]).Method` also have brackets and are left alone.
fn looks_like_cpp(name: &str) -> bool {
    has_marks(name)
        && !name.contains(".<")
        && !name.contains("]).")
        && (name.contains(['<', '>', '[', ']']) || name.contains("::"))
}

/// Returns `name` without the text between matching brackets; unchanged from the point where they
/// don't match.
fn without_matching(name: &str, open: char, close: char) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut depth = 0;
    let mut opened_at = 0;
    for (i, c) in name.char_indices() {
        if c == open {
            if depth == 0 {
                opened_at = i;
            }
            depth += 1;
        } else if c == close {
            if depth == 0 {
                kept.push_str(&name[i..]);
                return kept;
            }
            depth -= 1;
        } else if depth == 0 {
            kept.push(c);
        }
    }
    if depth > 0 {
        kept.push_str(&name[opened_at..]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_pprof_shows_them() {
        let cases = [
            ("main.main", "main.main", "main.main"),
            ("shown", "_Zsystem", "shown"),
            ("main.(*T[...]).Get", "main.(*T[...]).Get", "main.(*T[...]).Get"),
            ("main.Map[...]", "main.Map[...]", "main.Map[...]"),
            ("Foo.<init>", "Foo.<init>", "Foo.<init>"),
            ("std::vector<int>::push(int)", "std::vector<int>::push(int)", "std::vector::push"),
            ("f<a(b", "f<a(b", "f<a(b"),
            ("_ZN3foo3barEi", "_ZN3foo3barEi", "foo::bar"),
            ("", "main.f", "main.f"),
            ("", "", ""),
            ("<module>", "<module>", "<module>"),
            ("", "<listcomp>", "<listcomp>"),
            ("f.<locals>.<lambda>", "f.<locals>.<lambda>", "f.<locals>.<lambda>"),
        ];
        for (name, system, shown) in cases {
            assert_eq!(display_name(name, system), shown);
        }
    }
}
