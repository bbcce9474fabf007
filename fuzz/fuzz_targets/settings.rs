//! Fuzzes the text of a heapdiff.toml: leak patterns of one's own, and the rules of a check.
//!
//! `cargo +nightly fuzz run settings`

#![no_main]

use heapdiff::patterns::Catalog;
use heapdiff::rules::Rules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut catalog = Catalog::builtin();
    let _ = catalog.add_toml("patterns.toml", text);
    let is_pattern = |id: &str| match catalog.find(id) {
        Some(_) => Ok(()),
        None => Err(catalog.nearest(id).into_iter().map(str::to_owned).collect()),
    };
    let _ = Rules::read("heapdiff.toml", text, &is_pattern);
});
