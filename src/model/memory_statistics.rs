//! What the runtime says about its memory: Go's `runtime.MemStats`, as heap profiles in text end
//! with it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Memory statistics of a process, at the time when a profile was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryStatistics {
    /// When the last collection ended, in nanoseconds since the epoch; 0 if there was none.
    pub last_collection: i64,
    /// The share of the CPU that the collector has taken since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector_share: Option<f64>,
    /// The other numbers by Go's own names; sizes in bytes.
    pub numbers: BTreeMap<String, i64>,
}

impl MemoryStatistics {
    /// Most numbers that are kept: Go writes less than 30.
    const NUMBERS: usize = 64;

    /// Sets a number. Those that Go doesn't write don't grow without bound.
    pub fn set(&mut self, name: &str, value: i64) {
        if name == "LastGC" {
            self.last_collection = value;
        } else if self.numbers.len() < Self::NUMBERS && name.len() <= Self::NUMBERS {
            self.numbers.insert(name.to_owned(), value);
        }
    }
}
