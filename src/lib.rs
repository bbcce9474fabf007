//! heapdiff reads heap profiles in the pprof format and shows what grew between them, with which
//! sampling error, and which line of the program is to blame.
//!
//! A run has these steps: [`source`] opens the inputs, [`input`] turns bytes into a
//! [`model::profile::Profile`], rebasing moves profiles onto the shared symbols of a series,
//! [`filter`] narrows it, [`report::analyze`] runs the [`analysis`] that the question needs, and
//! [`output`] writes the report. The modules form layers, called floors, and a module uses only
//! modules on lower floors; `tests/tidy.rs` checks this, and `docs/architecture.md` explains it.

// Floor 0
pub mod parallel;
pub mod printable;
pub mod toml_file;
pub mod units;
// Floor 1
pub mod model;
// Floor 2
pub mod filter;
pub mod input;
#[cfg(feature = "symbolize")]
pub mod symbolize;
// Floor 3
pub mod graph;
pub mod patterns;
pub mod rules;
pub mod stats;
// Floor 4
pub mod analysis;
// Floor 5
pub mod report;
// Floor 6
pub mod output;
// Floor 7
pub mod source;
// Floor 8
#[cfg(feature = "serve")]
pub mod serve;
// Floor 9
pub mod command;
