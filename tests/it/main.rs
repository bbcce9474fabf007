//! One test binary, a module per thing proved.

mod cli;
mod golden;
mod samples;
mod schema;
mod table;
