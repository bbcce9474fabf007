//! Nodes and paths: which rows the frames of a stack belong to, what they weigh, and who calls whom.

pub mod call;
pub mod distinct_stacks;
pub mod dominators;
mod equal_stacks;
pub mod frames;
pub mod inverted;
pub mod neighbors;
pub mod row_table;
mod runs;
pub mod sums;
pub mod tree;
pub mod trim;
pub mod walk;
