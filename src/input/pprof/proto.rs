//! The messages of the pprof format. Made by prost from `proto/profile.proto`: edit that file, then let
//! `HEAPDIFF_BLESS=1 cargo test wire_types` make this one anew.
//!
//! Field by field as they stand on the wire, with the file's own ids and string positions, and unchecked.

#![expect(clippy::struct_excessive_bools, reason = "the format has four independent flags")]

/// A profile: samples, and the tables that their ids and string positions refer to.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Profile {
    /// Types of the values of each sample, in their order.
    #[prost(message, repeated, tag = "1")]
    pub sample_type: ::prost::alloc::vec::Vec<ValueType>,
    /// Values, each set at its stack.
    #[prost(message, repeated, tag = "2")]
    pub sample: ::prost::alloc::vec::Vec<Sample>,
    /// Binaries and libraries. The first is the main binary.
    #[prost(message, repeated, tag = "3")]
    pub mapping: ::prost::alloc::vec::Vec<Mapping>,
    /// Instruction addresses.
    #[prost(message, repeated, tag = "4")]
    pub location: ::prost::alloc::vec::Vec<Location>,
    /// Functions.
    #[prost(message, repeated, tag = "5")]
    pub function: ::prost::alloc::vec::Vec<Function>,
    /// Strings, referred to by position. The first is empty. By the format they are UTF-8, and the wire is the same;
    /// here they are bytes, because there are writers that copy a name as it stands in a binary.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub string_table: ::prost::alloc::vec::Vec<::prost::alloc::vec::Vec<u8>>,
    /// Regular expression of frames that are left out (position of a string, as all signed names here).
    #[prost(int64, tag = "7")]
    pub drop_frames: i64,
    /// Regular expression of exceptions from `drop_frames`.
    #[prost(int64, tag = "8")]
    pub keep_frames: i64,
    /// When it was taken: nanoseconds since the epoch.
    #[prost(int64, tag = "9")]
    pub time_nanos: i64,
    /// The span it covers, in nanoseconds; 0 for a state.
    #[prost(int64, tag = "10")]
    pub duration_nanos: i64,
    /// What the period counts.
    #[prost(message, optional, tag = "11")]
    pub period_type: ::core::option::Option<ValueType>,
    /// Events between two samples.
    #[prost(int64, tag = "12")]
    pub period: i64,
    /// Free text (positions of strings).
    #[prost(int64, repeated, tag = "13")]
    pub comment: ::prost::alloc::vec::Vec<i64>,
    /// Name of the sample type to show first; 0 leaves it to the reader.
    #[prost(int64, tag = "14")]
    pub default_sample_type: i64,
    /// Address of the profile's documentation.
    #[prost(int64, tag = "15")]
    pub doc_url: i64,
}
/// Name and unit of a measured value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ValueType {
    /// What is measured.
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    /// In what unit.
    #[prost(int64, tag = "2")]
    pub unit: i64,
}
/// Values measured at a stack.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Sample {
    /// Ids of locations, the leaf first.
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: ::prost::alloc::vec::Vec<u64>,
    /// One value for each sample type of the profile.
    #[prost(int64, repeated, tag = "2")]
    pub value: ::prost::alloc::vec::Vec<i64>,
    /// More about it.
    #[prost(message, repeated, tag = "3")]
    pub label: ::prost::alloc::vec::Vec<Label>,
}
/// More about a sample: a string or a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Label {
    /// The key.
    #[prost(int64, tag = "1")]
    pub key: i64,
    /// A string; 0 where the label is a number.
    #[prost(int64, tag = "2")]
    pub str: i64,
    /// A number.
    #[prost(int64, tag = "3")]
    pub num: i64,
    /// The unit of the number; 0 where it has none.
    #[prost(int64, tag = "4")]
    pub num_unit: i64,
}
/// A binary or library in the address space.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Mapping {
    /// Id, not 0.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// First address.
    #[prost(uint64, tag = "2")]
    pub memory_start: u64,
    /// First address behind it.
    #[prost(uint64, tag = "3")]
    pub memory_limit: u64,
    /// Offset in the file of the first address.
    #[prost(uint64, tag = "4")]
    pub file_offset: u64,
    /// File it was loaded from.
    #[prost(int64, tag = "5")]
    pub filename: i64,
    /// Build id of that file.
    #[prost(int64, tag = "6")]
    pub build_id: i64,
    /// Function names are resolved.
    #[prost(bool, tag = "7")]
    pub has_functions: bool,
    /// File names are resolved.
    #[prost(bool, tag = "8")]
    pub has_filenames: bool,
    /// Line numbers are resolved.
    #[prost(bool, tag = "9")]
    pub has_line_numbers: bool,
    /// Inlined frames are resolved.
    #[prost(bool, tag = "10")]
    pub has_inline_frames: bool,
}
/// An instruction address and what stands there.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Location {
    /// Id, not 0.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Id of its mapping; 0 where unknown.
    #[prost(uint64, tag = "2")]
    pub mapping_id: u64,
    /// The address.
    #[prost(uint64, tag = "3")]
    pub address: u64,
    /// Its lines, the innermost inlined callee first.
    #[prost(message, repeated, tag = "4")]
    pub line: ::prost::alloc::vec::Vec<Line>,
    /// Whether the linker folded several functions into it.
    #[prost(bool, tag = "5")]
    pub is_folded: bool,
}
/// A line of a function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Line {
    /// Id of the function.
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
    /// Line number; 0 where unknown.
    #[prost(int64, tag = "2")]
    pub line: i64,
    /// Column; 0 where unknown.
    #[prost(int64, tag = "3")]
    pub column: i64,
}
/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Function {
    /// Id, not 0.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Name for people.
    #[prost(int64, tag = "2")]
    pub name: i64,
    /// Name as the system knows it (mangled).
    #[prost(int64, tag = "3")]
    pub system_name: i64,
    /// Source file.
    #[prost(int64, tag = "4")]
    pub filename: i64,
    /// Line of its start; 0 where unknown.
    #[prost(int64, tag = "5")]
    pub start_line: i64,
}
