//! Flame graphs, call graphs and charts, opened in Chromium.
//!
//! Without Chromium the tests print that they are skipped, and pass. `HEAPDIFF_REQUIRE_ALL=1` makes that a failure.

#![expect(clippy::unwrap_used, reason = "a test that can't continue has failed")]

#[expect(dead_code, reason = "other targets use the rest")]
#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod call_graph;
mod chart;
mod chromium;
mod flame;

use support::{ask, corpus, drawings, pictures, program};
