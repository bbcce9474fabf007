//! Where to look: the subtrees of calls that explain what surely grew, and the lines of own code that
//! did besides.

use super::super::Style;
use super::grid::Tone;
use super::label::RowLabel;
use super::number::{self, Scale};
use super::words::words;
use super::{rows, wrap};
use crate::analysis::diff::{Diff, DiffSite};
use crate::analysis::subtrees::GrownSubtree;
use crate::analysis::{Bounds, Place};
use crate::report::Report;
use std::io;

/// More than a handful is no longer a list to act on.
const SITES_SHOWN: usize = 5;
/// If subtrees carry this share of the growth, no other place is needed.
const EXPLAINED: f64 = 0.9;

pub(super) fn write(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut places: Vec<Looked<'_>> = diff.grown.iter().map(Looked::from).collect();
    if !is_explained(diff) {
        let is_named = |site: &&DiffSite| diff.grown.iter().any(|one| one.names(&site.place));
        places.extend(diff.sites.iter().filter(|site| !is_named(site)).map(Looked::from));
    }
    if places.is_empty() {
        return Ok(());
    }
    let mut grid = rows::place_columns(style).name_at_least(36);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    // Counts have none.
    let has_errors = diff.places.is_none();
    for looked in places.into_iter().take(SITES_SHOWN) {
        let Looked { place, callee, caller, was, share, delta, error } = looked;
        let mut label = RowLabel::new(&place.function);
        if let Some(name) = was {
            label = label.remark(&format!("was {name}"));
        }
        if let Some(callee) = callee.filter(|callee| *callee != place.function) {
            label = label.into_callee(callee);
            if let Some(share) = share.filter(|share| *share < 1.0) {
                label = label.remark(&number::part_text(share * 100.0));
            }
        } else if let Some(caller) = caller {
            label = label.under(caller);
        }
        let margin = if has_errors { scale.sure_margin(error, delta) } else { String::new() };
        let change = [scale.change(delta), margin];
        grid.push(&(change, place), label, Tone::Growth);
    }
    wrap::title(words(report).title, style, out)?;
    grid.write(style, 1, out)
}

/// A place to look at.
struct Looked<'a> {
    place: &'a Place,
    callee: Option<&'a str>,
    caller: Option<&'a str>,
    /// The name of its function before.
    was: Option<&'a str>,
    /// The share of it that its callee is behind.
    share: Option<f64>,
    delta: i64,
    error: Bounds,
}

impl<'a> From<&'a GrownSubtree> for Looked<'a> {
    fn from(grown: &'a GrownSubtree) -> Self {
        let GrownSubtree { place, callee, caller, value, error, .. } = grown;
        let [callee, caller] = [callee, caller].map(Option::as_deref);
        Self { place, callee, caller, was: None, share: None, delta: value.delta, error: *error }
    }
}

impl<'a> From<&'a DiffSite> for Looked<'a> {
    fn from(site: &'a DiffSite) -> Self {
        let DiffSite { place, leaf, leaf_share, moved_from, value, error, .. } = site;
        let callee = leaf.as_deref();
        let was = moved_from.as_deref();
        let (share, delta, error) = (*leaf_share, value.delta, *error);
        Self { place, callee, caller: None, was, share, delta, error }
    }
}

/// Whether the subtrees leave hardly anything of the growth to explain.
fn is_explained(diff: &Diff) -> bool {
    let share = diff
        .grown
        .first()
        .and_then(|first| Some(first.share? * diff.explained as f64 / first.value.delta as f64));
    share.is_some_and(|share| share >= EXPLAINED)
}
