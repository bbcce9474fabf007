//! The entries of a profile as in the file: rows by the file's own ids, strings by their positions.
//!
//! Nothing here is checked. [`super::builder::Builder`] takes these entries and checks every
//! reference.

use super::symbols::Resolved;

/// A value type with the positions of its strings.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawType {
    /// Position of the type's name.
    pub name: i64,
    /// Position of the unit's name.
    pub unit: i64,
}

/// A mapping with the ids of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawMapping {
    /// Id.
    pub id: u64,
    /// First address.
    pub start: u64,
    /// End address, exclusive.
    pub limit: u64,
    /// Offset in the file.
    pub offset: u64,
    /// Position of the file's name.
    pub file: i64,
    /// Position of the build id.
    pub build_id: i64,
    /// Which symbols are resolved.
    pub has: Resolved,
}

/// A function with the ids of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawFunction {
    /// Id.
    pub id: u64,
    /// Position of the name.
    pub name: i64,
    /// Position of the system name.
    pub system_name: i64,
    /// Position of the file name.
    pub filename: i64,
    /// Its first line.
    pub start_line: i64,
}

/// A line with the ids of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawLine {
    /// Id of the function.
    pub function: u64,
    /// Line number.
    pub line: i64,
    /// Column.
    pub column: i64,
}

impl RawLine {
    /// Sets a field by its number in the format; other numbers are ignored.
    #[inline]
    pub fn set(&mut self, number: u64, value: u64) {
        match number {
            1 => self.function = value,
            2 => self.line = value as i64,
            3 => self.column = value as i64,
            _ => {}
        }
    }
}

/// A location with the ids of the file; its lines are passed separately.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawLocation {
    /// Id.
    pub id: u64,
    /// Id of the mapping; 0 is none.
    pub mapping: u64,
    /// Address.
    pub address: u64,
    /// Whether several functions share it.
    pub is_folded: bool,
}

/// A label with the positions of its strings.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawLabel {
    /// Position of the key.
    pub key: i64,
    /// Position of the string value; 0 is none.
    pub text: i64,
    /// Numeric value.
    pub number: i64,
    /// Position of the number's unit; 0 is none.
    pub unit: i64,
}

/// The header with the positions of its strings.
#[derive(Clone, Debug, Default)]
pub struct RawHeader {
    /// Position of the regular expression of frames to drop.
    pub drop_frames: i64,
    /// Position of the regular expression for exceptions from that.
    pub keep_frames: i64,
    /// Nanoseconds since the epoch.
    pub time_nanos: i64,
    /// Nanoseconds.
    pub duration_nanos: i64,
    /// What the period counts.
    pub period_type: Option<RawType>,
    /// Events between samples.
    pub period: i64,
    /// Positions of the comments.
    pub comments: Vec<i64>,
    /// Position of the default sample type's name.
    pub default_sample_type: i64,
    /// Position of the documentation's address.
    pub doc_url: i64,
}
