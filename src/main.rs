//! heapdiff.
fn main() {}
