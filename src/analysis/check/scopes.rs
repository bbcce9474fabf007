//! Decides which samples are in the scope of a rule.
//!
//! Each expression is matched once per function. Each location stores one bit per expression that
//! one of its frames matches, and a stack is the union of the bits of its locations, so another
//! rule costs next to nothing per sample.

use crate::model::ids::{FunctionId, LocationId};
use crate::model::origin;
use crate::model::series::Series;
use crate::model::symbols::Line;
use crate::patterns::{Catalog, Matcher, PatternId};
use crate::rules::{Scope, Value};

/// What a stack must contain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Test {
    /// Nothing.
    All,
    /// A frame that matches the expression of this number.
    Frame(usize),
    /// A leaf that matches it.
    Leaf(usize),
    /// The pattern with this id.
    Pattern(PatternId),
    /// Never passes: not a scope of samples.
    Never,
}

/// The tests of scopes, against the symbols of a series.
pub(super) struct Scopes<'a> {
    series: &'a Series,
    noinlines: bool,
    /// Bits for each location, `words` of them, of all its frames and of its innermost one.
    frames: Vec<u64>,
    leaves: Vec<u64>,
    words: usize,
    matcher: Option<Matcher>,
}

/// The matches of one stack.
pub(super) struct Hits {
    frames: Vec<u64>,
    leaf: Vec<u64>,
    patterns: Vec<PatternId>,
}

impl<'a> Scopes<'a> {
    /// Compiles a test for each scope.
    pub(super) fn new(
        series: &'a Series,
        noinlines: bool,
        catalog: &Catalog,
        scopes: &[(&Scope, Value)],
    ) -> (Self, Vec<Test>) {
        let mut expressions: Vec<&Scope> = Vec::new();
        let tests = scopes.iter().map(|&(scope, value)| match scope {
            Scope::Total => Test::All,
            Scope::Leak => Test::Never,
            Scope::Pattern(id) => {
                let position = catalog.patterns().iter().position(|pattern| pattern.id == *id);
                position.map_or(Test::Never, |position| Test::Pattern(PatternId(position as u32)))
            }
            Scope::Function(_) | Scope::Package(_) | Scope::File(_) => {
                expressions.push(scope);
                let bit = expressions.len() - 1;
                if value == Value::Flat { Test::Leaf(bit) } else { Test::Frame(bit) }
            }
        });
        let tests: Vec<Test> = tests.collect();
        let has_patterns = tests.iter().any(|test| matches!(test, Test::Pattern(_)));
        let symbols = &series.symbols;
        let names = symbols.functions.iter().map(|function| symbols.text(function.name));
        let matcher = has_patterns.then(|| Matcher::new(catalog, names));
        let words = expressions.len().div_ceil(64);
        let of_function: Vec<Vec<u64>> = if words == 0 {
            Vec::new()
        } else {
            let functions = symbols.functions.iter();
            functions
                .map(|function| {
                    let (name, file) =
                        (symbols.text(function.name), symbols.text(function.filename));
                    let mut bits = vec![0; words];
                    for (bit, scope) in expressions.iter().enumerate() {
                        let is_hit = match scope {
                            Scope::Function(regex) => regex.is_match(name),
                            Scope::Package(regex) => regex.is_match(origin::package(name)),
                            Scope::File(regex) => regex.is_match(file),
                            Scope::Total | Scope::Pattern(_) | Scope::Leak => false,
                        };
                        bits[bit / 64] |= u64::from(is_hit) << (bit % 64);
                    }
                    bits
                })
                .collect()
        };
        let mut scopes =
            Self { series, noinlines, frames: Vec::new(), leaves: Vec::new(), words, matcher };
        if words > 0 {
            for location in symbols.locations.ids() {
                let lines = scopes.lines(location);
                let mut all = vec![0; words];
                for line in lines {
                    add(&mut all, &of_function[line.function.index()]);
                }
                scopes.frames.extend(&all);
                let leaf = lines.first().map(|line| &of_function[line.function.index()]);
                scopes.leaves.extend(leaf.map_or(vec![0; words], Clone::clone));
            }
        }
        (scopes, tests)
    }

    /// The frames of a location, innermost first.
    pub(super) fn lines(&self, location: LocationId) -> &'a [Line] {
        let lines = self.series.symbols.locations.lines(location);
        if self.noinlines { &lines[lines.len().saturating_sub(1)..] } else { lines }
    }

    /// Finds what a stack, leaf first, matches.
    pub(super) fn hits(&self, stack: impl Iterator<Item = LocationId> + Clone) -> Hits {
        let mut hits =
            Hits { frames: vec![0; self.words], leaf: vec![0; self.words], patterns: Vec::new() };
        if self.words > 0 {
            let bits = |all: &'_ [u64], location: LocationId| {
                let start = location.index() * self.words;
                all[start..start + self.words].to_vec()
            };
            for location in stack.clone() {
                let start = location.index() * self.words;
                add(&mut hits.frames, &self.frames[start..start + self.words]);
            }
            if let Some(leaf) = stack.clone().next() {
                hits.leaf = bits(&self.leaves, leaf);
            }
        }
        if let Some(matcher) = &self.matcher {
            let functions = stack.flat_map(|location| self.lines(location));
            hits.patterns = matcher.matching(functions.map(|line| line.function.index()));
        }
        hits
    }

    /// The name and the file of a function.
    pub(super) fn function(&self, id: FunctionId) -> (&'a str, &'a str) {
        let function = self.series.symbols.function(id);
        (self.series.symbols.text(function.name), self.series.symbols.text(function.filename))
    }
}

impl Hits {
    /// Whether the stack passes a test.
    pub(super) fn pass(&self, test: Test) -> bool {
        let has = |bits: &[u64], bit: usize| bits[bit / 64] >> (bit % 64) & 1 == 1;
        match test {
            Test::All => true,
            Test::Never => false,
            Test::Frame(bit) => has(&self.frames, bit),
            Test::Leaf(bit) => has(&self.leaf, bit),
            Test::Pattern(id) => self.patterns.contains(&id),
        }
    }
}

fn add(all: &mut [u64], own: &[u64]) {
    all.iter_mut().zip(own).for_each(|(all, own)| *all |= own);
}

/// Whether a scope contains a place of which only the names are known.
pub(super) fn holds(
    scope: &Scope,
    function: &str,
    file: Option<&str>,
    patterns: &[String],
) -> bool {
    match scope {
        Scope::Function(regex) => regex.is_match(function),
        Scope::Package(regex) => regex.is_match(origin::package(function)),
        Scope::File(regex) => file.is_some_and(|file| regex.is_match(file)),
        Scope::Pattern(id) => patterns.contains(id),
        Scope::Total => true,
        Scope::Leak => false,
    }
}
