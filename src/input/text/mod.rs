//! Profiles in text: the formats that pprof calls legacy, with the values that pprof finds in them.
//!
//! Each file is a format; the others are what formats share. `lines` reads lines, `numbers` and
//! `frames` parse what is in them, `maps` reads mappings, `sampling` scales values, and `collector`
//! turns addresses into locations for the builder. A line that a format doesn't know is an error that
//! says what was expected, except where pprof skips such lines and programs write them.

mod collector;
pub(super) mod contention;
pub(super) mod count;
pub(super) mod dump;
mod frames;
pub(super) mod heap;
pub(super) mod java;
pub(super) mod jemalloc;
mod lines;
mod maps;
mod numbers;
mod sampling;
mod statistics;
pub(super) mod threads;
mod uninteresting;
