//! The whole way of a native profile: a program is compiled, runs under a heap profiler and leaves a profile behind, whose
//! addresses heapdiff names with `--exe`. The names, files, lines and inlined functions are those of `addr2line`
//! and `llvm-symbolizer`.
//!
//! Without a compiler, a profiler or another tool that it needs, a test prints that it is skipped, and passes.
//! `HEAPDIFF_REQUIRE_ALL=1` makes that a failure.

#![cfg(all(feature = "symbolize", target_os = "linux"))]
#![expect(clippy::print_stdout, reason = "a test says that it is skipped")]
#![expect(clippy::unwrap_used, reason = "a test that can't continue has failed")]

mod agreement;
mod debug_files;
mod hostile_dwarf;
mod mistakes;
mod mutated_elf;
mod tools;
