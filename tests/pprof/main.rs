//! Comparisons with `go tool pprof`: numbers, graphs, lines and written profiles; and `check` on a
//! real Go benchmark.
//!
//! Without Go the tests print that they are skipped, and pass. `HEAPDIFF_REQUIRE_ALL=1` makes that a failure.

#![expect(clippy::unwrap_used, reason = "a test that can't continue has failed")]

#[expect(dead_code, reason = "other targets use the rest")]
#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod gate_benchmark;
mod graph_agreement;
mod list_agreement;
mod pprof_agreement;
mod pprof_reads;
mod text_agreement;

use support::{ask, corpus, gate, program};
