//! Where the memory is in one snapshot.

use super::{Bounds, Omitted, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One function (or file, line, package, address) in one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Source file of the heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Allocated by the function itself.
    pub flat: i64,
    /// Allocated by the function or by what it calls.
    pub cum: i64,
    /// Flat as a share of the total, in percent; absent where the total is 0.
    pub flat_percent: Option<f64>,
    /// Cum as a share of the total, in percent; absent where the total is 0.
    pub cum_percent: Option<f64>,
    /// Objects, where the profile counts them beside the sample type.
    pub objects: Option<i64>,
    /// 95 % interval of flat (of cum where the rows are sorted by cum).
    pub error: Option<Bounds>,
    /// Own-code caller under which most of this row stands, where the row itself is not own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Place>,
    /// The addresses behind a row without symbols, each named `mapping+0xaddr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Row>,
}

/// The answer to "where is the memory".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Top {
    /// Rows, heaviest first.
    pub rows: Vec<Row>,
    /// Further rows left out by `--nodecount`.
    pub omitted: Omitted,
}
