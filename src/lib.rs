//! heapdiff reads heap profiles in the pprof format and says what grew between them, how sure that
//! is, and which line of the program is behind it.
//!
//! One run goes like this: [`source`] fetches bytes, [`input`] turns them into a
//! [`model::profile::Profile`], rebasing puts profiles onto shared symbols as a series, [`filter`]
//! narrows it, [`report::analyze`] asks the [`analysis`] floor the question, and [`output`] says the
//! answer. The modules stand in floors, and a module uses lower floors only; `tests/tidy.rs` holds
//! them to it, and `docs/architecture.md` tells the plan.

// Floor 0
pub mod parallel;
pub mod toml_file;
pub mod units;
// Floor 1
pub mod model;
// Floor 2
pub mod filter;
pub mod input;
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
// Floor 9
pub mod command;
