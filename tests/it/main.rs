//! The library and the program, with a module per topic.
//!
//! Tests that need another program are targets of their own and share `tests/support`: `tests/pprof` needs Go,
//! `tests/browser` needs Chromium.

#![expect(clippy::unwrap_used, reason = "a test that can't continue has failed")]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod baselines;
mod beside;
mod blame;
mod bounds;
mod call_graph;
#[cfg(all(feature = "http", unix))]
mod capture;
#[cfg(all(feature = "http", unix))]
mod capture_hostile;
#[cfg(all(feature = "http", unix))]
mod capture_program;
mod chart;
mod check;
mod check_files;
mod check_outputs;
mod check_samples;
mod cli;
mod convert;
mod csv_columns;
mod cut_trees;
mod decoder;
mod destination;
#[cfg(feature = "http")]
mod doctor;
mod documented;
mod dump_mutation;
mod flame;
mod folders;
mod gate_truth;
mod gauges_mutation;
mod gc;
mod gc_beside;
mod gc_mutation;
mod gc_program;
mod given_times;
mod golden;
mod goroutines;
mod hostile;
mod incident;
mod judgement;
mod kinds;
mod leak_windows;
mod leaks;
mod memory;
mod memory_rules;
mod modules;
mod mutated;
mod mutated_text;
mod mutation;
mod next_steps;
mod odd_histories;
mod order;
mod page;
mod parts;
mod patterns;
mod places;
mod plain;
mod planted_leaks;
mod properties;
mod proportion;
mod random;
mod recordings;
mod refs;
mod samples;
mod schema;
#[cfg(all(feature = "watch", unix))]
mod sentinel;
#[cfg(all(feature = "watch", unix))]
mod sentinel_rules;
#[cfg(feature = "http")]
mod service;
mod session;
mod simulated;
mod stack_limit;
mod subtrees;
mod table;
mod tables;
mod text;
mod time_agreement;
mod time_samples;
mod time_tables;
mod timeline;
#[cfg(feature = "http")]
mod tls;
#[cfg(feature = "http")]
mod urls;
#[cfg(all(feature = "watch", unix))]
mod watch;
mod wire_types;

use support::{ask, corpus, drawings, dsl, gate, histories, pictures, program, wire};
