//! Applies a filter: first to the locations, which lose lines and get marks, then to each sample,
//! whose stack is cut by these marks. A regular expression runs once per name, not once per sample.

use super::cut::{Cut, Marks};
use super::{Filter, FilterError};
use crate::model::ids::StringId;
use crate::model::series::Series;
use crate::model::symbols::{Line, Locations, Symbols};
use regex::Regex;
use std::borrow::Cow;
use std::sync::Arc;

/// A filtered series.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The series after filtering.
    pub series: Series,
    /// The options that matched nothing, by name.
    pub unmatched: Vec<&'static str>,
    /// What it kept; `None` if it is empty.
    pub kept: Option<Kept>,
}

/// What a filter keeps of a series.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The numbers of the samples that each snapshot keeps, in order.
    pub samples: Arc<[Vec<u32>]>,
    /// Whether their stacks are whole, and all locations have all their lines.
    pub are_whole: bool,
    /// Whether these are all samples.
    pub are_all: bool,
}

impl Filter {
    /// Applies the filter, after the profiles' own `drop_frames`.
    pub fn apply(&self, series: Series) -> Result<Applied, FilterError> {
        let Some(newest) = series.snapshots.last() else {
            return Ok(Applied { series, unmatched: Vec::new(), kept: None });
        };
        let uninteresting = Uninteresting::new(&newest.header)?;
        if self.is_empty() && uninteresting.is_none() {
            return Ok(Applied { series, unmatched: Vec::new(), kept: None });
        }
        let mut edit = Edit::new(&series.symbols);
        if let Some(uninteresting) = &uninteresting {
            edit.drop(uninteresting);
        }
        let mut unmatched = edit.names(self);
        if let Some(regex) = &self.show_from
            && !edit.show_from(regex)
        {
            unmatched.push("show_from");
        }
        let units = super::tags::Units::new(&series);
        let mut labels = vec![true; series.label_sets.len()];
        let tags = [("tagfocus", &self.tagfocus, true), ("tagignore", &self.tagignore, false)];
        for (name, filter, wanted) in tags {
            let Some(filter) = filter else { continue };
            let mut any = false;
            for (id, keep) in series.label_sets.ids().zip(&mut labels) {
                let matches = filter.matches(&series, &units, id);
                any |= matches;
                *keep &= matches == wanted;
            }
            if !any {
                unmatched.push(name);
            }
        }
        if let Some(regex) = &self.prune_from {
            edit.prune_from(regex);
        }
        let locations = edit.changed();
        let cut = Cut {
            marks: edit.marks,
            labels,
            by_names: self.focus.is_some() || self.ignore.is_some(),
            is_focused: self.focus.is_some(),
            is_shown_from: self.show_from.is_some(),
            width: series.sample_types.len(),
        };
        let Series { mut symbols, label_sets, sample_types, snapshots } = series;
        let all: usize = snapshots.iter().map(|snapshot| snapshot.samples.len()).sum();
        let mut are_whole = locations.is_none();
        let cut = snapshots.into_iter().map(|snapshot| {
            let left = cut.snapshot(&snapshot);
            are_whole &= left.is_whole;
            (left.snapshot, left.kept)
        });
        let (snapshots, samples): (Vec<_>, Vec<_>) = cut.unzip();
        let are_all = samples.iter().map(Vec::len).sum::<usize>() == all;
        let kept = Some(Kept { samples: samples.into(), are_whole, are_all });
        if let Some(locations) = locations {
            symbols.locations = locations;
        }
        let series = Series { sample_types, symbols, label_sets, snapshots };
        Ok(Applied { series, unmatched, kept })
    }
}

/// The `drop_frames` and `keep_frames` of a profile.
struct Uninteresting {
    drop: Regex,
    keep: Option<Regex>,
}

impl Uninteresting {
    fn new(header: &crate::model::profile::Header) -> Result<Option<Self>, FilterError> {
        let compile = |option: &'static str, text: &str| {
            Regex::new(&format!("^({text})$")).map_err(|e| FilterError {
                option,
                reason: format!("the profile's own regular expression does not compile: {e}"),
            })
        };
        if header.drop_frames.is_empty() {
            return Ok(None);
        }
        let keep = match header.keep_frames.as_str() {
            "" => None,
            text => Some(compile("keep_frames", text)?),
        };
        Ok(Some(Self { drop: compile("drop_frames", &header.drop_frames)?, keep }))
    }

    fn matches(&self, function: &str) -> bool {
        let name = simplified(function);
        self.drop.is_match(name) && !self.keep.as_ref().is_some_and(|keep| keep.is_match(name))
    }
}

/// A function's name without its parameters: up to the first bracket that opens neither an anonymous namespace
/// nor a call operator, and without the dot that PowerPC puts before names.
fn simplified(name: &str) -> &str {
    const RESERVED: [&str; 2] = ["(anonymous namespace)", "operator()"];
    let name = name.strip_prefix('.').unwrap_or(name);
    let mut from = 0;
    while let Some(bracket) = name[from..].find('(').map(|at| from + at) {
        let reserved = RESERVED.iter().find_map(|reserved| {
            let inside = reserved.find('(')?;
            let start = bracket.checked_sub(inside)?;
            name.get(start..)?.starts_with(reserved).then_some(start + reserved.len())
        });
        match reserved {
            Some(end) => from = end,
            None => return &name[..bracket],
        }
    }
    name
}

/// The locations that a filter edits.
struct Edit<'a> {
    symbols: &'a Symbols,
    /// The lines of each location.
    locations: Vec<Cow<'a, [Line]>>,
    marks: Vec<Marks>,
}

impl<'a> Edit<'a> {
    fn new(symbols: &'a Symbols) -> Self {
        let ids = symbols.locations.ids();
        let lines = |id| Cow::Borrowed(symbols.locations.lines(id));
        let locations: Vec<_> = ids.map(lines).collect();
        let marks = vec![Marks::default(); locations.len()];
        Self { symbols, locations, marks }
    }

    /// The locations, if any has lost lines.
    fn changed(&self) -> Option<Locations> {
        if self.locations.iter().all(|lines| matches!(lines, Cow::Borrowed(_))) {
            return None;
        }
        let old = &self.symbols.locations;
        let mut shared = Locations::default();
        for (id, lines) in old.ids().zip(&self.locations) {
            let i = id.index();
            shared.push(old.mapping[i], old.address[i], old.is_folded[i], lines.iter().copied());
        }
        Some(shared)
    }

    /// Which functions match, by name or file.
    fn functions(&self, regex: &Regex) -> Vec<bool> {
        // Many functions have one file.
        let mut known: Vec<Option<bool>> = vec![None; self.symbols.strings.len()];
        let mut matches = |id: StringId| {
            let known = &mut known[id.index()];
            *known.get_or_insert_with(|| regex.is_match(self.symbols.text(id)))
        };
        let functions = self.symbols.functions.iter();
        functions.map(|f| matches(f.name) || matches(f.filename)).collect()
    }

    /// Which locations match, by the file of their mapping.
    fn mappings(&self, regex: &Regex) -> Vec<bool> {
        let mappings = self.symbols.mappings.iter();
        let matched: Vec<bool> =
            mappings.map(|m| regex.is_match(self.symbols.text(m.file))).collect();
        let of = self.symbols.locations.mapping.iter();
        of.map(|mapping| mapping.is_some_and(|m| matched[m.index()])).collect()
    }

    fn drop(&mut self, uninteresting: &Uninteresting) {
        let names = self.symbols.functions.iter().map(|f| self.symbols.text(f.name));
        let matched: Vec<bool> =
            names.map(|name| !name.is_empty() && uninteresting.matches(name)).collect();
        for (lines, mark) in self.locations.iter_mut().zip(&mut self.marks) {
            if let Some(i) = lines.iter().rposition(|line| matched[line.function.index()]) {
                mark.add(Marks::DROP_BENEATH);
                if i + 1 == lines.len() {
                    mark.add(Marks::DROP);
                } else {
                    lines.to_mut().drain(..=i);
                }
            }
        }
    }

    /// Applies focus, ignore, hide and show. Returns the options that matched nothing.
    fn names(&mut self, filter: &Filter) -> Vec<&'static str> {
        let mut unmatched = Vec::new();
        if let Some(regex) = &filter.focus
            && !self.mark(regex, Marks::FOCUSED)
        {
            unmatched.push("focus");
        }
        if let Some(regex) = &filter.ignore
            && !self.mark(regex, Marks::IGNORED)
        {
            unmatched.push("ignore");
        }
        if let Some(regex) = &filter.hide {
            let (functions, mappings) = (self.functions(regex), self.mappings(regex));
            let mut any = false;
            let locations = self.locations.iter_mut().zip(&mut self.marks);
            for ((lines, mark), &mapping) in locations.zip(&mappings) {
                if mapping || lines.iter().any(|line| functions[line.function.index()]) {
                    any = true;
                    retain(lines, |line| !mapping && !functions[line.function.index()]);
                    if lines.is_empty() {
                        mark.add(Marks::HIDDEN);
                    }
                }
            }
            if !any {
                unmatched.push("hide");
            }
        }
        if let Some(regex) = &filter.show {
            let (functions, mappings) = (self.functions(regex), self.mappings(regex));
            let mut any = false;
            let locations = self.locations.iter_mut().zip(&mut self.marks);
            for ((lines, mark), &mapping) in locations.zip(&mappings) {
                retain(lines, |line| mapping || functions[line.function.index()]);
                if lines.is_empty() {
                    mark.add(Marks::HIDDEN);
                }
                any |= !lines.is_empty();
            }
            if !any {
                unmatched.push("show");
            }
        }
        unmatched
    }

    /// Marks the locations that match; returns false if none does.
    fn mark(&mut self, regex: &Regex, with: Marks) -> bool {
        let (functions, mappings) = (self.functions(regex), self.mappings(regex));
        let mut any = false;
        let locations = self.locations.iter().zip(&mut self.marks);
        for ((lines, mark), mapping) in locations.zip(mappings) {
            if mapping || lines.iter().any(|line| functions[line.function.index()]) {
                mark.add(with);
                any = true;
            }
        }
        any
    }

    fn show_from(&mut self, regex: &Regex) -> bool {
        let (functions, mappings) = (self.functions(regex), self.mappings(regex));
        let mut any = false;
        let locations = self.locations.iter_mut().zip(&mut self.marks);
        for ((lines, mark), &mapping) in locations.zip(&mappings) {
            let last = lines.iter().rposition(|line| functions[line.function.index()]);
            match last {
                _ if mapping => {}
                Some(last) if last + 1 < lines.len() => lines.to_mut().truncate(last + 1),
                Some(_) => {}
                None => continue,
            }
            mark.add(Marks::SHOW_FROM);
            any = true;
        }
        any
    }

    fn prune_from(&mut self, regex: &Regex) {
        let names = self.symbols.functions.iter().map(|f| self.symbols.text(f.name));
        let matched: Vec<bool> =
            names.map(|name| !name.is_empty() && regex.is_match(simplified(name))).collect();
        for (lines, mark) in self.locations.iter_mut().zip(&mut self.marks) {
            if let Some(i) = lines.iter().position(|line| matched[line.function.index()]) {
                mark.add(Marks::PRUNE_BENEATH);
                if i > 0 {
                    lines.to_mut().drain(..i);
                }
            }
        }
    }
}

/// Drops the lines that aren't kept.
fn retain(lines: &mut Cow<'_, [Line]>, is_kept: impl Fn(&Line) -> bool) {
    if !lines.iter().all(&is_kept) {
        lines.to_mut().retain(is_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_parameters_but_not_reserved_brackets() {
        let cases = [
            ("malloc", "malloc"),
            (".malloc", "malloc"),
            ("foo(int)", "foo"),
            ("(anonymous namespace)::f(int)", "(anonymous namespace)::f"),
            ("A::operator()(int)", "A::operator()"),
        ];
        for (name, expected) in cases {
            assert_eq!(simplified(name), expected);
        }
    }
}
