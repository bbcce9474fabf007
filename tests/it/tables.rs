//! Reports as the table that a person reads.

use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::Report;

/// No colour, and no unit but that of each value.
pub(crate) fn plain(width: Width) -> Style {
    Style { width, color: false, unit: None, file_names: FileNames::Short }
}

pub(crate) fn table(report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    output::write(Format::Table, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
