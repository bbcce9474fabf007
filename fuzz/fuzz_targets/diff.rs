//! Fuzzes two concatenated profiles: the first two bytes give the offset of the second.
//!
//! `cargo +nightly fuzz run diff`

#![no_main]

use heapdiff::filter::Spec;
use heapdiff::input;
use heapdiff::model::rebase::Rebase;
use heapdiff::report::{Query, Question, analyze};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let before = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (before, after) = rest.split_at(before);
    let (Ok(before), Ok(after)) = (input::read_profile(before), input::read_profile(after)) else { return };
    let mut rebase = Rebase::default();
    rebase.add("before", before);
    rebase.add("after", after);
    let Ok(series) = rebase.finish() else { return };
    let query = Query::new(Question::Diff);
    let _ = analyze(series, &query, &Spec::default());
});
