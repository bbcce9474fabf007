//! The sites that grew: the lines of own code to open in an editor.

use super::super::Style;
use super::grid::Tone;
use super::label::RowLabel;
use super::number::Scale;
use super::words::words;
use super::{rows, wrap};
use crate::analysis::diff::Diff;
use crate::report::Report;
use std::io;

/// More than a handful is no longer a list to act on.
const SITES_SHOWN: usize = 5;

pub(super) fn write(
    report: &Report,
    diff: &Diff,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if diff.sites.is_empty() {
        return Ok(());
    }
    let mut grid = rows::place_columns(style).name_at_least(36);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    for site in diff.sites.iter().take(SITES_SHOWN) {
        let place = &site.place;
        let mut label = RowLabel::new(&place.function);
        if let Some(leaf) = site.leaf.as_ref().filter(|leaf| **leaf != place.function) {
            label = label.into_callee(leaf);
        }
        if let Some(name) = &site.moved_from {
            label = label.remark(&format!("was {name}"));
        }
        let change = [scale.change(site.delta), scale.margin(site.error, site.delta)];
        grid.push(&(change, place), label, Tone::Growth);
    }
    wrap::title(words(report).title, style, out)?;
    grid.write(style, 1, out)
}
