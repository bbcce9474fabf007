//! Manifests of recordings, as other commands than `capture` and `watch` read them.

use super::inputs::CAPTURE;
use crate::source;
use serde_json::Value;
use std::io::{BufReader, Read};

/// Most bytes of a manifest that are read.
pub(super) const LARGEST: u64 = 64 << 20;

/// Reads a manifest; `None` if the file is none.
pub(super) fn read(name: &str) -> Option<Value> {
    source::size(name)?;
    let reader = source::open(name).ok()?.take(LARGEST);
    let value: Value = serde_json::from_reader(BufReader::new(reader)).ok()?;
    (value["schema"] == CAPTURE).then_some(value)
}

/// Whether recordings asked for a collection before each snapshot; `None` if they don't agree, or there is
/// none.
pub(super) fn collects<'m>(manifests: impl IntoIterator<Item = &'m Value>) -> Option<bool> {
    let mut all = manifests.into_iter().filter_map(|manifest| manifest["gc"].as_bool());
    let first = all.next()?;
    all.all(|one| one == first).then_some(first)
}
