//! Names of functions for display. Mangled names are made readable, and names that look like C++
//! lose parameters and template arguments, under pprof's conditions, so that both tools use the
//! same name for a function.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Length in bytes above which the middle of a string isn't shown.
pub const LONGEST_SHOWN: usize = 2048;

/// A string of a profile as it is shown. One that is longer than [`LONGEST_SHOWN`] has its middle replaced by the number
/// of bytes left out and a hash of all of it, so that different strings stay different. An input of a few bytes may hold
/// a name of megabytes, which every row and every format would repeat.
pub fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_SHOWN {
        return Cow::Borrowed(text);
    }
    let half = LONGEST_SHOWN / 2;
    let (mut head, mut tail) = (half, text.len() - half);
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let (left_out, hash) = (tail - head, fnv(text));
    Cow::Owned(format!("{}…{left_out}-bytes-{hash:016x}…{}", &text[..head], &text[tail..]))
}

/// The FNV-1a hash of a text: the same on every machine and in every version.
pub fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Makes mangled names readable, and bounds the time this takes.
///
/// A parser of C++ names tries one reading after the other. For a name made for it, each level of nesting doubles the
/// time, and such names end as errors. So a name is first read to a depth that the names of a library rarely exceed, and
/// then to one that they never do, as long as few names were read in vain. The others keep their mangled names.
#[cfg_attr(not(feature = "cpp"), expect(dead_code, reason = "only names of C++ are slow to read"))]
#[derive(Clone)]
pub struct Demangler {
    /// Bytes of names that may still be read in vain.
    shallow: usize,
    /// The same for those nested deeply.
    deep: usize,
}

impl Default for Demangler {
    fn default() -> Self {
        Self { shallow: 256 << 10, deep: 4 << 10 }
    }
}

/// Length in bytes above which a mangled name stays as it is. The longest in libLLVM has 490.
const LONGEST_MANGLED: usize = 4 << 10;

/// Length in bytes above which a readable name isn't used. A mangled name refers back to its own parts, so three hundred
/// bytes of it can demand more text than fits in memory.
const LONGEST_READABLE: usize = 16 << 10;

impl Demangler {
    /// The display name of a function, given both names in the profile.
    pub fn display_name<'a>(&mut self, name: &'a str, system_name: &'a str) -> Cow<'a, str> {
        if !name.is_empty() && name != system_name {
            return Cow::Borrowed(name);
        }
        if let Some(readable) = self.demangle(system_name) {
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

    fn demangle(&mut self, symbol: &str) -> Option<String> {
        // macOS prefixes every symbol with another underscore.
        let symbol = if symbol.starts_with("__Z") || symbol.starts_with("__R") {
            &symbol[1..]
        } else if symbol.starts_with("_Z") || symbol.starts_with("_R") {
            symbol
        } else {
            return None;
        };
        if symbol.len() > LONGEST_MANGLED {
            return None;
        }
        if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
            let mut readable = Bounded::default();
            return write!(readable, "{rust:#}").ok().map(|()| readable.0);
        }
        self.demangle_cpp(symbol)
    }

    /// A symbol of C++ without parameters and template arguments.
    #[cfg(feature = "cpp")]
    fn demangle_cpp(&mut self, symbol: &str) -> Option<String> {
        // 97 % of the names of libLLVM are nested less deeply than the first, and all less than the second.
        let (in_vain, mut readable) = (symbol.len(), None);
        if self.shallow > 0 {
            readable = read_cpp(symbol, 28);
        }
        if readable.is_none() && self.shallow > 0 && self.deep > 0 {
            readable = read_cpp(symbol, 64);
            self.deep = self.deep.saturating_sub(if readable.is_some() { 0 } else { in_vain });
        }
        self.shallow = self.shallow.saturating_sub(if readable.is_some() { 0 } else { in_vain });
        readable
    }

    /// Built without the feature `cpp`: the symbol stays as it is.
    #[cfg(not(feature = "cpp"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn demangle_cpp(&mut self, _: &str) -> Option<String> {
        None
    }
}

#[cfg(feature = "cpp")]
fn read_cpp(symbol: &str, depth: u32) -> Option<String> {
    let parsing = cpp_demangle::ParseOptions::default().recursion_limit(depth);
    let options = cpp_demangle::DemangleOptions::new().no_params().no_return_type();
    let mut readable = Bounded::default();
    cpp_demangle::Symbol::new_with_options(symbol, &parsing)
        .ok()?
        .structured_demangle(&mut readable, &options)
        .ok()?;
    Some(without_matching(&readable.0, '<', '>'))
}

/// Text up to [`LONGEST_READABLE`].
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.0.len() + s.len() > LONGEST_READABLE {
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
            assert_eq!(Demangler::default().display_name(name, system), shown);
        }
    }

    #[test]
    fn long_strings_lose_their_middle_and_stay_different() {
        let short = "é".repeat(LONGEST_SHOWN / 2);
        assert_eq!(bounded(&short), short);
        let long = |middle: &str| format!("a{}{middle}{}z", "é".repeat(3000), "世".repeat(3000));
        let (one, other) = (bounded(&long("x")).into_owned(), bounded(&long("y")).into_owned());
        assert_ne!(one, other);
        assert!(one.len() < LONGEST_SHOWN + 64);
        assert!(one.starts_with("aéé") && one.ends_with("世z") && one.contains("-bytes-"), "{one}");
    }

    #[cfg(feature = "cpp")]
    #[test]
    fn names_made_to_be_slow_stay_mangled_and_the_others_are_read() {
        let mut names = Demangler::default();
        let deep = format!("_ZN1a{}3fooE{}v", "I1bIiE".repeat(5), "i");
        let slow = |i: usize| {
            format!("_ZcvquS_cvquS_oncvquS_cvquB3abicvquS_PcvS_S_{}{i}", "cvquS_".repeat(200))
        };
        for i in 0..10_000 {
            let slow = slow(i);
            assert_eq!(names.display_name("", &slow), slow);
        }
        assert_eq!((names.shallow, names.deep), (0, 0));
        assert_eq!(names.display_name("", "_ZN3foo3barEi"), "_ZN3foo3barEi");
        let mut names = Demangler::default();
        assert_eq!(names.display_name("", &deep), deep);
        assert_eq!(names.display_name("", "_ZN3foo3barEi"), "foo::bar");
        // Nested deeply, as types of types are.
        let nested = format!("_Z1fPFv{}i{}E", "PFv".repeat(12), "E".repeat(12));
        assert_eq!(names.display_name("", &nested), "f");
        let back = format!("_ZN1aI{}E1fEv", "N1bIS_S_E1cE".repeat(3));
        assert!(names.display_name("", &back).len() <= LONGEST_READABLE);
    }
}
