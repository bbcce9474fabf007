//! Nodes: which rows the frames of a stack belong to, and what they weigh.

pub mod frames;
pub mod sums;
