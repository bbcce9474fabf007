//! The places of the program's own code that grew: the lines to open in an editor.

use super::super::Style;
use super::closing::is_allocation;
use super::diff_rows::file_and_line;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::Scale;
use crate::analysis::diff::Diff;
use crate::report::Report;
use std::io;

/// More than a handful is no longer a place to look at.
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
    let columns = vec![
        Column::number("", None),
        Column::number("", Some(0)),
        Column::text("", None),
        Column::name(""),
    ];
    let mut grid = Grid::new(columns, Header::None).name_at_least(36);
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    for site in diff.sites.iter().take(SITES_SHOWN) {
        let place = &site.place;
        let mut label = Label::new(&place.function);
        if let Some(leaf) = site.leaf.as_ref().filter(|leaf| **leaf != place.function) {
            label = label.into_callee(leaf);
        }
        grid.push(Line {
            cells: vec![
                scale.change(site.delta),
                scale.margin(site.error, site.delta),
                file_and_line(place.file.as_deref(), place.line, style.file_names),
                String::new(),
            ],
            label,
            tone: Tone::Growth,
        });
    }
    let title = if is_allocation(report) {
        "Allocated more, and where to look"
    } else {
        "Grew, and where to look"
    };
    let bold = anstyle::Style::new().bold();
    writeln!(out)?;
    if style.color {
        writeln!(out, "{bold}{title}{bold:#}")?;
    } else {
        writeln!(out, "{title}")?;
    }
    grid.write(style.width, style.color, 1, out)
}
