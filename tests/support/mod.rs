//! Support that several test targets share: questions to the library, recordings, handwritten profiles, runs of the program.
//!
//! Each target's `main.rs` includes this folder with `#[path]`.

pub(crate) mod ask;
pub(crate) mod corpus;
pub(crate) mod drawings;
pub(crate) mod dsl;
pub(crate) mod gate;
pub(crate) mod histories;
pub(crate) mod pictures;
pub(crate) mod program;
