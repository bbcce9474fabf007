//! Functions by their ids, so that a question about one of them needs no expression, and never a path.
//!
//! The id is what the page's addresses have: the 32-bit FNV-1a hash of the name's UTF-8 bytes, in base 36. It is the same
//! for another build and another pair. Functions that share an id are asked about together.

use crate::model::symbols::Symbols;
use crate::report::{Profiles, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// The names of the functions with each id.
#[derive(Debug, Default)]
pub(super) struct Functions(BTreeMap<u32, BTreeSet<String>>);

impl Functions {
    /// Those of what is loaded.
    pub(super) fn of<'a>(subjects: impl Iterator<Item = &'a Subject<'static>>) -> Self {
        let mut functions = Self::default();
        for subject in subjects {
            match &subject.profiles {
                Profiles::Snapshots(snapshots) => functions.add(&snapshots.series.symbols),
                Profiles::Recording(recording) => {
                    let tracks = recording.tracks();
                    tracks.for_each(|track| functions.add(&track.history.records.symbols));
                }
                Profiles::Runs(_) => {}
            }
        }
        functions
    }

    fn add(&mut self, symbols: &Symbols) {
        for function in &symbols.functions {
            let name = symbols.text(function.name);
            let names = self.0.entry(number(name)).or_default();
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    }

    /// An expression that matches the functions with this id and no other; `None` if there is none.
    pub(super) fn pattern(&self, id: &str) -> Option<String> {
        let names = self.0.get(&parse(id)?)?;
        let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
        Some(match names.as_slice() {
            [one] => format!("^{one}$"),
            many => format!("^({})$", many.join("|")),
        })
    }
}

/// The hash of a name.
fn number(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The hash that an id stands for: lower-case letters and digits alone, no more than there are in one.
fn parse(id: &str) -> Option<u32> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_id = (1..=7).contains(&id.len()) && id.bytes().all(is_plain);
    if is_id { u32::from_str_radix(id, 36).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Functions, number, parse};
    use crate::model::symbols::Symbols;

    fn functions(names: &[&str]) -> Functions {
        let mut symbols = Symbols::default();
        names.iter().for_each(|name| _ = symbols.push_name(name));
        let mut functions = Functions::default();
        functions.add(&symbols);
        functions
    }

    #[test]
    fn an_id_is_the_hash_that_the_page_has() {
        // Of web/src/tree.ts.
        for (name, id) in [("", "ztntfp"), ("main.main", "1avasd7"), ("main.f", "12pdi70")] {
            assert_eq!(parse(id), Some(number(name)), "{name}");
        }
        assert_eq!(functions(&["main.f", "x"]).pattern("12pdi70").unwrap(), "^main\\.f$");
    }

    #[test]
    fn functions_that_share_an_id_are_asked_about_together() {
        let (one, other) = ("costarring", "liquid");
        assert_eq!(number(one), number(other));
        let functions = functions(&[one, other, one]);
        let id = radix(number(one));
        assert_eq!(functions.pattern(&id).unwrap(), "^(costarring|liquid)$");
    }

    fn radix(mut number: u32) -> String {
        let mut digits = Vec::new();
        while number > 0 {
            digits.push(char::from_digit(number % 36, 36).unwrap());
            number /= 36;
        }
        digits.iter().rev().collect()
    }

    #[test]
    fn what_is_no_id_finds_nothing() {
        let functions = functions(&["main.f"]);
        for wrong in [
            "",
            "12PDI70",
            "+12pdi7",
            "/etc/passwd",
            "main.f",
            "..",
            "zzzzzzz",
            "12pdi71",
            "12pdi700",
        ] {
            assert_eq!(functions.pattern(wrong), None, "{wrong}");
        }
    }
}
