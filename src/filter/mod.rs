//! Narrows a series to the samples and frames of interest, and sets how finely frames are told
//! apart. A filter is data; applying it makes a new series.
//!
//! The order is pprof's and matters: first the frames that the profile itself calls uninteresting,
//! then focus, ignore, hide and show, then `show_from`, then the labels, then `prune_from`.

mod cut;
mod frames;
mod tags;

pub use frames::{Applied, Kept};
pub use tags::TagFilter;

use crate::model::series::Series;
use clap::ValueEnum;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// How finely frames are told apart: frames that are equal at this granularity are one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
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

impl Granularity {
    /// The name as typed and as in JSON: the plural of what a row is.
    pub fn name(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Filefunctions => "filefunctions",
            Self::Files => "files",
            Self::Lines => "lines",
            Self::Addresses => "addresses",
            Self::Packages => "packages",
        }
    }
}

/// The filters as typed, under pprof's names. Regular expressions are unanchored and match the
/// function name, the file name or the mapping's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Keep samples with a matching frame.
    pub focus: Option<String>,
    /// Drop samples with a matching frame; wins over `focus`.
    pub ignore: Option<String>,
    /// Remove matching frames from stacks.
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

/// An option with an unusable value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--{option}: {reason}")]
pub struct FilterError {
    /// The option.
    pub option: &'static str,
    /// What is wrong with its value.
    pub reason: String,
}

/// Compiled filters.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    focus: Option<Regex>,
    ignore: Option<Regex>,
    hide: Option<Regex>,
    show: Option<Regex>,
    show_from: Option<Regex>,
    prune_from: Option<Regex>,
    tagfocus: Option<TagFilter>,
    tagignore: Option<TagFilter>,
}

impl Filter {
    /// Compiles the filters as typed.
    pub fn new(spec: &Spec) -> Result<Self, FilterError> {
        let regex = |option: &'static str, text: &Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => Regex::new(text)
                .map(Some)
                .map_err(|e| FilterError { option, reason: e.to_string() }),
        };
        let tag = |option: &'static str, text: &Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => {
                TagFilter::new(text).map(Some).map_err(|reason| FilterError { option, reason })
            }
        };
        Ok(Self {
            focus: regex("focus", &spec.focus)?,
            ignore: regex("ignore", &spec.ignore)?,
            hide: regex("hide", &spec.hide)?,
            show: regex("show", &spec.show)?,
            show_from: regex("show_from", &spec.show_from)?,
            prune_from: regex("prune_from", &spec.prune_from)?,
            tagfocus: tag("tagfocus", &spec.tagfocus)?,
            tagignore: tag("tagignore", &spec.tagignore)?,
        })
    }

    /// Whether applying the filter would change nothing.
    pub fn changes_nothing(&self, series: &Series) -> bool {
        let drops = series.snapshots.last().is_some_and(|s| !s.header.drop_frames.is_empty());
        self.is_empty() && !drops
    }

    fn is_empty(&self) -> bool {
        self.focus.is_none()
            && self.ignore.is_none()
            && self.hide.is_none()
            && self.show.is_none()
            && self.show_from.is_none()
            && self.prune_from.is_none()
            && self.tagfocus.is_none()
            && self.tagignore.is_none()
    }
}
