//! Fuzzes one profile: reads it, puts it onto shared symbols, runs `top`, and writes it again.
//!
//! `cargo +nightly fuzz run read`, best from a corpus of `testdata/**/*.pb.gz`.

#![no_main]

use heapdiff::filter::{Granularity, Spec};
use heapdiff::input::{self, pprof::encode};
use heapdiff::model::rebase::Rebase;
use heapdiff::report::{Query, Question, analyze};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(profile) = input::read_profile(bytes) else { return };
    let written = encode::encode(&profile);
    let again = input::read_profile(written.as_slice()).expect("what is written can be read");
    assert_eq!(encode::encode(&again), written);
    let mut rebase = Rebase::default();
    rebase.add("input", profile);
    let Ok(series) = rebase.finish() else { return };
    let query = Query { granularity: Granularity::Lines, ..Query::new(Question::Top) };
    let _ = analyze(series, &query, &Spec::default());
});
