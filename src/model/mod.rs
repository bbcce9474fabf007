//! Facts, without I/O: profiles as columns, the symbols they share, and series of snapshots.

pub mod address_space;
pub mod builder;
pub mod change;
mod compact;
pub mod difference;
mod distinct;
pub mod goroutine_states;
pub mod goroutines;
pub mod history;
mod id_map;
pub mod ids;
pub mod labels;
mod language;
pub mod measures;
pub mod memory_statistics;
pub mod merge;
pub mod names;
pub mod origin;
pub mod profile;
mod raw;
pub mod rebase;
pub mod recording;
pub mod series;
mod shared_tables;
pub mod site;
pub mod strings;
pub mod symbols;
