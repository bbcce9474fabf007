//! `-trim_path`: prefixes cut off the file names of a report, so that every format names files alike.

use crate::analysis::{Place, diff, top};
use crate::report::Report;
use std::sync::Arc;

/// Cuts the first of `prefixes` (each ending in a slash) that a file name starts with off that name.
pub(super) fn trim(report: &mut Report, prefixes: &[String]) {
    if prefixes.is_empty() {
        return;
    }
    // At these granularities the name of a row holds its file.
    let in_names =
        matches!(report.granularity.as_str(), "filefunctions" | "files" | "lines" | "addresses");
    let trim = Trim { prefixes, in_names };
    if let Some(diff) = &mut report.diff {
        for row in &mut diff.rows {
            trim.diff_row(row);
        }
        for site in &mut diff.sites {
            trim.place(&mut site.place);
        }
    }
    for frame in report.stacks.iter_mut().flat_map(|stacks| &mut stacks.frames) {
        trim.name_and_file(&mut frame.name, &mut frame.file);
    }
    if let Some(top) = &mut report.top {
        for row in &mut top.rows {
            trim.top_row(row);
        }
    }
    if let Some(refs) = &mut report.refs {
        for site in &mut refs.sites {
            for frame in site.lines.iter_mut().flat_map(|line| &mut line.frames) {
                trim.name(&mut frame.name);
            }
            site.dominator.iter_mut().for_each(|dominator| trim.name(&mut dominator.function));
        }
        let paths = refs.paths.iter_mut().flat_map(|path| &mut path.frames);
        paths.chain(&mut refs.more_sites).for_each(|name| trim.name(name));
    }
    for node in report.graph.iter_mut().flat_map(|graph| &mut graph.nodes) {
        trim.name_and_file(&mut node.name, &mut node.file);
    }
    for row in report.peek.iter_mut().flat_map(|peek| &mut peek.rows) {
        trim.name(&mut row.name);
        let around = row.callers.iter_mut().chain(&mut row.callees);
        around.for_each(|neighbor| trim.name(&mut neighbor.name));
    }
    if let Some(list) = &mut report.list {
        for file in list.functions.iter_mut().filter_map(|function| function.file.as_mut()) {
            *file = trim.cut(file).to_owned();
        }
    }
    if let Some(traces) = &mut report.traces {
        for frame in traces.rows.iter_mut().flat_map(|row| &mut row.frames) {
            let mut name = frame.to_string();
            trim.name(&mut name);
            if *name != **frame {
                *frame = Arc::from(name);
            }
        }
    }
    for name in report.flame.iter_mut().flat_map(|flame| &mut flame.names) {
        trim.name(name);
    }
}

struct Trim<'a> {
    prefixes: &'a [String],
    in_names: bool,
}

impl Trim<'_> {
    fn diff_row(&self, row: &mut diff::Row) {
        self.name_and_file(&mut row.name, &mut row.file);
        for name in [&mut row.moved_from, &mut row.moved_to].into_iter().flatten() {
            self.name(name);
        }
        if let Some(via) = &mut row.via {
            self.place(via);
        }
        row.addresses.iter_mut().for_each(|row| self.diff_row(row));
    }

    fn top_row(&self, row: &mut top::Row) {
        self.name_and_file(&mut row.name, &mut row.file);
        if let Some(via) = &mut row.via {
            self.place(via);
        }
        row.addresses.iter_mut().for_each(|row| self.top_row(row));
    }

    fn place(&self, place: &mut Place) {
        if let Some(file) = &mut place.file {
            *file = self.cut(file).to_owned();
        }
    }

    fn name_and_file(&self, name: &mut String, file: &mut Option<String>) {
        self.name(name);
        if let Some(file) = file {
            *file = self.cut(file).to_owned();
        }
    }

    /// A name is the file, or the function and the file after its last blank.
    fn name(&self, name: &mut String) {
        if !self.in_names {
            return;
        }
        let cut = self.cut(name);
        if cut.len() < name.len() {
            *name = cut.to_owned();
        } else if let Some((function, file)) = name.rsplit_once(' ') {
            *name = format!("{function} {}", self.cut(file));
        }
    }

    fn cut<'n>(&self, file: &'n str) -> &'n str {
        self.prefixes.iter().find_map(|prefix| file.strip_prefix(prefix.as_str())).unwrap_or(file)
    }
}

#[cfg(test)]
mod tests {
    use super::Trim;

    #[test]
    fn files_lose_a_prefix_wherever_a_name_holds_them() {
        let prefixes = ["/build/src/".to_owned(), "/go/".to_owned()];
        let trim = Trim { prefixes: &prefixes, in_names: true };
        let cases = [
            ("/build/src/a/b.go", "a/b.go"),
            ("main.f /go/a.go:12", "main.f a.go:12"),
            ("main.f /other/a.go:12", "main.f /other/a.go:12"),
            ("main.f", "main.f"),
            ("operator new(unsigned long) /go/x.cc", "operator new(unsigned long) x.cc"),
        ];
        for (name, trimmed) in cases {
            let mut name = name.to_owned();
            trim.name(&mut name);
            assert_eq!(name, trimmed);
        }
        let mut name = "/go/x".to_owned();
        Trim { prefixes: &prefixes, in_names: false }.name(&mut name);
        assert_eq!(name, "/go/x");
    }
}
