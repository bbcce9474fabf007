//! (being built)
pub mod load;
pub mod progress;
