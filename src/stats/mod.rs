//! The statistics of a sampled heap: pure numbers in, numbers out.
