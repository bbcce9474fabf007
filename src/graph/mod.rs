//! Nodes and paths: which rows the frames of a stack belong to, what they weigh, and who calls whom.

pub mod frames;
pub mod sums;
pub mod tree;
