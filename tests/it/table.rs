//! The table at several widths, held against golden files, and what must hold at every width.

use crate::{golden, samples};
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::Report;

fn plain(width: Width) -> Style {
    Style { width, color: false, unit: None, file_names: FileNames::Short }
}

fn text(report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    output::write(Format::Table, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn cases() -> [(&'static str, Report); 6] {
    [
        ("leaking", samples::leaking()),
        ("quiet", samples::quiet()),
        ("cpu", samples::cpu()),
        ("cum", samples::by_cum()),
        ("single", samples::single()),
        ("empty", samples::empty_diff()),
    ]
}

#[test]
fn tables_read_as_their_golden_files() {
    for (name, report) in cases() {
        for columns in [80, 120, 200] {
            let text = text(&report, &plain(Width::Columns(columns)));
            golden::check(&format!("tests/golden/{name}_{columns}.txt"), &text);
        }
    }
    let unlimited = text(&samples::leaking(), &plain(Width::Unlimited));
    golden::check("tests/golden/leaking_pipe.txt", &unlimited);
}
