//! Names addresses of native programs: reads ELF binaries and DWARF from bytes, and turns an address of
//! a process into frames.
//!
//! Nothing here opens a file. [`Binary`] is what a binary says about itself, `base.rs` computes where it was
//! loaded, as pprof does, and [`Names`] looks up addresses. A damaged binary is an error or has
//! fewer names, never a panic, and takes memory and time in proportion to its bytes (`meter.rs`).

mod base;
mod binary;
mod meter;
mod names;
mod sections;
mod symbol_table;
mod units;

pub use base::{Loaded, Misplaced};
pub use binary::{AltLink, Binary, BinaryError, DebugLink};
pub use names::{Names, Unread};
pub use sections::crc;
