//! Support that several test targets share: questions to the library, recordings, handwritten profiles, runs of the program.
//!
//! Each target's `main.rs` includes this folder with `#[path]`.

/// The answer of a report of a known kind: `answer!(&report.answer, Diff)`.
macro_rules! answer {
    ($answer:expr, $kind:ident) => {
        match $answer {
            heapdiff::report::Answer::$kind(answer) => answer,
            other => panic!("not {}: {other:?}", stringify!($kind)),
        }
    };
}

pub(crate) mod ask;
pub(crate) mod corpus;
pub(crate) mod drawings;
pub(crate) mod dsl;
pub(crate) mod gate;
pub(crate) mod histories;
pub(crate) mod pictures;
pub(crate) mod program;
pub(crate) mod wire;
