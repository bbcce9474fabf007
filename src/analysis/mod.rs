//! Answers: one question per file, each a function of a series that returns plain data.
//!
//! What stands here is what several answers share: the words of a row. Every number is in the unit
//! of the sample type it belongs to; every interval is a 95 % interval of the sampling error.

pub mod diff;
pub mod top;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A 95 % interval, in the unit of the value it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// Lower end.
    pub lower: i64,
    /// Upper end.
    pub upper: i64,
}

/// A flat and a cumulative value of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// Allocated by the function itself (it is the leaf of the stack).
    pub flat: i64,
    /// Allocated by the function or by what it calls, each sample counted once.
    pub cum: i64,
}

/// A place in the profiled program's own code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Function name.
    pub function: String,
    /// Source file, where the profile names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
}

/// Rows that were left out of a list, and what they add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Omitted {
    /// Number of rows.
    pub rows: usize,
    /// Sum over these rows of |flat| (`top`) or |Δ flat| (`diff`).
    pub sum: i64,
}
