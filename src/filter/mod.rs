//! Narrowing a series to what was asked for: which samples, which frames, and how finely frames are told
//! apart. A filter is data; applying it makes a new series.

use clap::ValueEnum;

/// How finely frames are told apart: frames that are equal at this granularity are one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Granularity {
    /// By function name.
    #[default]
    Functions,
    /// By function name and file.
    Filefunctions,
    /// By file.
    Files,
    /// By function, file and line.
    Lines,
    /// By instruction address (and function, file and line).
    Addresses,
    /// By package: the function name up to the last path element's first dot.
    Packages,
}

/// The filters as typed, in pprof's words. Regular expressions are unanchored and match the function
/// name, the file name or the mapping's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Keep samples with a matching frame.
    pub focus: Option<String>,
    /// Drop samples with a matching frame; wins over `focus`.
    pub ignore: Option<String>,
    /// Take matching frames out of stacks.
    pub hide: Option<String>,
    /// Keep only matching frames in stacks.
    pub show: Option<String>,
    /// Cut everything above the highest matching frame; drop samples without one.
    pub show_from: Option<String>,
    /// Cut everything below the matching frame nearest to the leaf.
    pub prune_from: Option<String>,
    /// Keep samples with a matching label: `regex`, `key=regex`, or a range such as `bytes=1kb:4kb`.
    pub tagfocus: Option<String>,
    /// Drop samples with a matching label.
    pub tagignore: Option<String>,
    /// Attribute inlined functions to the function they were inlined into.
    pub noinlines: bool,
}
