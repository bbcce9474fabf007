//! Strings, each held once, in one buffer.
//!
//! A profile names its functions and files by index into a table. Here that table is one `String`
//! with offsets, without an allocation per string. The same type interns, so that equal strings of
//! two profiles get one id; the hash table holds only ids and compares strings in the buffer.

use super::ids::StringId;
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// A table of strings; id 0 is always the empty string.
#[derive(Clone, Debug)]
pub struct Strings {
    text: String,
    ends: Vec<usize>,
    index: HashTable<u32>,
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Self { text: String::new(), ends: Vec::new(), index: HashTable::new() };
        strings.intern("");
        strings
    }
}

impl Strings {
    /// The bytes they take.
    pub fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.ends.as_slice())
    }

    /// A table with the strings as they are in a profile: ids are positions, and equal strings may
    /// occur several times. [`Strings::intern`] finds none of those that [`Strings::push_bytes`] appended.
    pub fn positional() -> Self {
        Self { text: String::new(), ends: Vec::new(), index: HashTable::new() }
    }

    /// Appends a string without looking for an equal one. Bytes that aren't UTF-8 become U+FFFD.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        self.ends.push(self.text.len());
    }

    /// The id of a string, new or known.
    pub fn intern(&mut self, s: &str) -> StringId {
        let (text, ends) = (&mut self.text, &mut self.ends);
        let found = self.index.find(hash(s), |&i| slice(text, ends, i as usize) == s);
        if let Some(&i) = found {
            return StringId(i);
        }
        let id = ends.len() as u32;
        text.push_str(s);
        ends.push(text.len());
        let (text, ends) = (&*text, &*ends);
        self.index.insert_unique(hash(s), id, |&i| hash(slice(text, ends, i as usize)));
        StringId(id)
    }

    /// The string of an id of this table.
    pub fn get(&self, id: StringId) -> &str {
        slice(&self.text, &self.ends, id.index())
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all strings together.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], i: usize) -> &'a str {
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &text[start..ends[i]]
}

fn hash(s: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(s.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_share_an_id() {
        let mut strings = Strings::default();
        let a = strings.intern("main.main");
        let b = strings.intern("main.serve");
        assert_eq!(strings.intern("main.main"), a);
        assert_ne!(a, b);
        assert_eq!(strings.get(b), "main.serve");
        assert_eq!(strings.intern(""), StringId(0));
        assert_eq!(strings.len(), 3);
    }

    #[test]
    fn broken_utf8_is_kept_readable() {
        let mut strings = Strings::positional();
        strings.push_bytes(b"");
        strings.push_bytes(b"caf\xe9.go");
        assert_eq!(strings.get(StringId(1)), "caf\u{fffd}.go");
    }
}
