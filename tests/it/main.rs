//! One test binary, a module per thing proved.

#![expect(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod cli;
mod golden;
mod pprof_agreement;
mod samples;
mod schema;
mod table;
