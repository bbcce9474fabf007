//! Applies a filter: first to the locations, which lose lines and get marks, then to each sample,
//! whose stack is cut by these marks. A regular expression runs once per function, not once per
//! sample.

use super::{Filter, FilterError};
use crate::model::ids::LocationId;
use crate::model::profile::Samples;
use crate::model::series::{Series, Snapshot};
use crate::model::symbols::{Line, Locations, Symbols};
use regex::Regex;

/// A filtered series.
#[derive(Debug)]
pub struct Applied {
    /// The series after filtering.
    pub series: Series,
    /// The options that matched nothing, by name.
    pub unmatched: Vec<&'static str>,
}

/// What a filter does at a location.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one mark for each filter on locations")]
struct Marks {
    /// This location and all frames below it are uninteresting.
    drop: bool,
    /// The frames below this location are uninteresting.
    drop_beneath: bool,
    focused: bool,
    ignored: bool,
    hidden: bool,
    show_from: bool,
    prune_beneath: bool,
}

impl Filter {
    /// Applies the filter, after the profiles' own `drop_frames`.
    pub fn apply(&self, series: Series) -> Result<Applied, FilterError> {
        let Some(newest) = series.snapshots.last() else {
            return Ok(Applied { series, unmatched: Vec::new() });
        };
        let uninteresting = Uninteresting::new(&newest.header)?;
        if self.is_empty() && uninteresting.is_none() {
            return Ok(Applied { series, unmatched: Vec::new() });
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
        let (locations, marks) = (edit.locations, edit.marks);
        let Series { symbols, label_sets, sample_types, snapshots } = series;
        let width = sample_types.len();
        let snapshots = snapshots
            .into_iter()
            .map(|snapshot| self.cut(snapshot, &marks, &labels, width))
            .collect();
        let mut shared = Locations::default();
        for (id, lines) in symbols.locations.ids().zip(&locations) {
            let i = id.index();
            let old = &symbols.locations;
            shared.push(old.mapping[i], old.address[i], old.is_folded[i], lines.iter().copied());
        }
        let symbols = Symbols { locations: shared, ..symbols };
        Ok(Applied { series: Series { sample_types, symbols, label_sets, snapshots }, unmatched })
    }

    /// Cuts the stacks of a snapshot by the marks and drops the samples that the filter drops.
    fn cut(&self, snapshot: Snapshot, marks: &[Marks], labels: &[bool], width: usize) -> Snapshot {
        let mut kept = Samples::default();
        let (mut whole, mut stack): (Vec<LocationId>, Vec<LocationId>) = Default::default();
        let names = self.focus.is_some() || self.ignore.is_some();
        for sample in 0..snapshot.samples.len() {
            let set = snapshot.samples.labels[sample];
            if !labels[set.index()] {
                continue;
            }
            let mark = |location: &LocationId| marks[location.index()];
            whole.clear();
            whole.extend(snapshot.stack(sample));
            let whole = &whole[interesting(&whole, marks)..];
            if names {
                let ignored = whole.iter().any(|l| mark(l).ignored);
                let focused = self.focus.is_none() || whole.iter().any(|l| mark(l).focused);
                if ignored || !focused || whole.is_empty() {
                    continue;
                }
            }
            stack.clear();
            stack.extend(whole.iter().filter(|l| !mark(l).hidden));
            if stack.is_empty() && !whole.is_empty() {
                continue;
            }
            if self.show_from.is_some() {
                match stack.iter().rposition(|l| mark(l).show_from) {
                    Some(highest) => stack.truncate(highest + 1),
                    None => continue,
                }
            }
            let leaf = stack.iter().position(|l| mark(l).prune_beneath).unwrap_or(0);
            kept.push_stack(&stack[leaf..]);
            kept.labels.push(set);
            // Records are distinguished by the stacks that the file holds.
            kept.stack_hashes.push(snapshot.samples.stack_hashes[sample]);
            kept.values.extend_from_slice(&snapshot.samples.values[sample * width..][..width]);
        }
        let locations = (0..marks.len()).map(LocationId::from_index).collect();
        Snapshot { samples: kept, locations, ..snapshot }
    }
}

/// Where the interesting part of a stack begins. From the root down, everything below the first
/// marked frame is cut, but only after the first unmarked frame, so that no stack vanishes.
fn interesting(stack: &[LocationId], marks: &[Marks]) -> usize {
    let mut found_user = false;
    for (i, location) in stack.iter().enumerate().rev() {
        let mark = marks[location.index()];
        if !mark.drop_beneath {
            found_user = true;
        } else if found_user {
            return if mark.drop { i + 1 } else { i };
        }
    }
    0
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
    locations: Vec<Vec<Line>>,
    marks: Vec<Marks>,
}

impl<'a> Edit<'a> {
    fn new(symbols: &'a Symbols) -> Self {
        let ids = symbols.locations.ids();
        let locations: Vec<_> = ids.map(|id| symbols.locations.lines(id).to_vec()).collect();
        let marks = vec![Marks::default(); locations.len()];
        Self { symbols, locations, marks }
    }

    /// Which functions match, by name or file.
    fn functions(&self, regex: &Regex) -> Vec<bool> {
        let text = |id| self.symbols.text(id);
        let functions = self.symbols.functions.iter();
        functions
            .map(|f| regex.is_match(text(f.name)) || regex.is_match(text(f.filename)))
            .collect()
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
                mark.drop_beneath = true;
                mark.drop = i + 1 == lines.len();
                if !mark.drop {
                    lines.drain(..=i);
                }
            }
        }
    }

    /// Applies focus, ignore, hide and show. Returns the options that matched nothing.
    fn names(&mut self, filter: &Filter) -> Vec<&'static str> {
        let mut unmatched = Vec::new();
        if let Some(regex) = &filter.focus {
            let (functions, mappings) = (self.functions(regex), self.mappings(regex));
            if !self.mark(&functions, &mappings, |mark| mark.focused = true) {
                unmatched.push("focus");
            }
        }
        if let Some(regex) = &filter.ignore {
            let (functions, mappings) = (self.functions(regex), self.mappings(regex));
            if !self.mark(&functions, &mappings, |mark| mark.ignored = true) {
                unmatched.push("ignore");
            }
        }
        if let Some(regex) = &filter.hide {
            let (functions, mappings) = (self.functions(regex), self.mappings(regex));
            let mut any = false;
            let locations = self.locations.iter_mut().zip(&mut self.marks);
            for ((lines, mark), &mapping) in locations.zip(&mappings) {
                if mapping || lines.iter().any(|line| functions[line.function.index()]) {
                    any = true;
                    lines.retain(|line| !mapping && !functions[line.function.index()]);
                    mark.hidden |= lines.is_empty();
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
                lines.retain(|line| mapping || functions[line.function.index()]);
                mark.hidden |= lines.is_empty();
                any |= !lines.is_empty();
            }
            if !any {
                unmatched.push("show");
            }
        }
        unmatched
    }

    /// Marks the locations that match; returns false if none does.
    fn mark(&mut self, functions: &[bool], mappings: &[bool], set: impl Fn(&mut Marks)) -> bool {
        let mut any = false;
        let locations = self.locations.iter().zip(&mut self.marks);
        for ((lines, mark), &mapping) in locations.zip(mappings) {
            if mapping || lines.iter().any(|line| functions[line.function.index()]) {
                set(mark);
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
                Some(last) => lines.truncate(last + 1),
                None => continue,
            }
            mark.show_from = true;
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
                mark.prune_beneath = true;
                lines.drain(..i);
            }
        }
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
