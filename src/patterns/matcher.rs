//! Finds the patterns that stacks match.
//!
//! Stacks share their functions: a hundred thousand stacks use a few thousand names. So each
//! regular expression is tried once on each distinct name, and a name keeps the set of expressions
//! that match it. The set of a stack is the union of the sets of its frames, and most frames have
//! the empty set.

use super::{Catalog, Example, Pattern, ProfileKind};
use crate::model::goroutines;
use hashbrown::HashMap;
use regex::{Regex, RegexSet, RegexSetBuilder};
use rustc_hash::FxBuildHasher;

/// Maximum size in bytes of all expressions compiled as one; beyond it they are tried one by one.
const SET_LIMIT: usize = 64 << 20;

/// A pattern, by its position in its catalogue. Smaller ids come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatternId(pub u32);

impl PatternId {
    /// The id as an index into [`Catalog::patterns`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of regular expressions, a bit for each.
type Bits = Box<[u64]>;

/// The patterns of a catalogue, matched with the names of functions.
#[derive(Clone, Debug)]
pub struct Matcher {
    patterns: Vec<Condition>,
    /// The set of each name, as a position in `sets`.
    of_name: Vec<u32>,
    /// Distinct sets; the first is empty.
    sets: Vec<Bits>,
}

/// The expressions that a pattern requires.
#[derive(Clone, Debug)]
struct Condition {
    /// All of these; `None` for a pattern without any, which matches no stack.
    any: Option<Bits>,
    /// None of these.
    not: Bits,
    /// This one, for a parked goroutine,
    goroutine: Option<usize>,
    /// that waits for this; for anything if absent.
    state: Option<String>,
}

impl Matcher {
    /// Tries every regular expression of a catalogue on every name.
    pub fn new<'n>(catalog: &Catalog, names: impl Iterator<Item = &'n str>) -> Self {
        Self::within(SET_LIMIT, catalog, names)
    }

    fn within<'n>(limit: usize, catalog: &Catalog, names: impl Iterator<Item = &'n str>) -> Self {
        let mut expressions: Vec<&Regex> = Vec::new();
        let of_pattern: Vec<[usize; 4]> = catalog
            .patterns()
            .iter()
            .map(|pattern| {
                let start = expressions.len();
                expressions.extend(&pattern.any);
                let not = expressions.len();
                expressions.extend(&pattern.not);
                let goroutine = expressions.len();
                expressions.extend(&pattern.goroutine);
                [start, not, goroutine, expressions.len()]
            })
            .collect();
        let words = expressions.len().div_ceil(64);
        let conditions = of_pattern.into_iter().zip(catalog.patterns());
        let patterns = conditions.map(|([start, not, goroutine, end], pattern)| Condition {
            any: (start < not).then(|| bits(start..not, words)),
            not: bits(not..goroutine, words),
            goroutine: (goroutine < end).then_some(goroutine),
            state: pattern.state.clone(),
        });
        let patterns = patterns.collect();
        let mut sets = vec![bits(0..0, words)];
        let mut met: HashMap<Bits, u32, FxBuildHasher> = HashMap::default();
        met.insert(sets[0].clone(), 0);
        let together = together(limit, &expressions);
        let of_name = names.map(|name| {
            let own = if let Some(set) = &together {
                bits(set.matches(name).into_iter(), words)
            } else {
                let hits = expressions.iter().enumerate();
                bits(hits.filter(|(_, regex)| regex.is_match(name)).map(|(i, _)| i), words)
            };
            *met.entry(own).or_insert_with_key(|own| {
                sets.push(own.clone());
                sets.len() as u32 - 1
            })
        });
        let of_name = of_name.collect();
        Self { patterns, of_name, sets }
    }

    /// Returns the patterns that a stack of a heap profile matches, in the order of the catalogue:
    /// every expression of `any` matches some frame, and none of `not` matches one. The stack is
    /// given by the positions of its names.
    pub fn matching(&self, stack: impl Iterator<Item = usize>) -> Vec<PatternId> {
        let Some(hits) = self.union(stack) else { return Vec::new() };
        self.those(|wanted| {
            let any = wanted.any.as_ref();
            any.is_some_and(|any| holds(&hits, any)) && !meets(&hits, &wanted.not)
        })
    }

    /// Whether any expression of a pattern's `any` matches the name at this position.
    pub fn names(&self, id: PatternId, name: usize) -> bool {
        let set = self.of_name.get(name).map(|&set| &self.sets[set as usize]);
        let any = self.patterns[id.index()].any.as_ref();
        set.zip(any).is_some_and(|(set, any)| meets(set, any))
    }

    /// Returns the patterns that a parked goroutine with this stack belongs to, in the order of the
    /// catalogue; `state` is what it waits for, or `None` if that doesn't matter.
    pub fn parked(
        &self,
        stack: impl Iterator<Item = usize>,
        state: Option<&str>,
    ) -> Vec<PatternId> {
        let Some(hits) = self.union(stack) else { return Vec::new() };
        self.those(|wanted| {
            let of_state =
                state.is_none() || wanted.state.is_none() || wanted.state.as_deref() == state;
            of_state && wanted.goroutine.is_some_and(|i| hits[i / 64] >> (i % 64) & 1 == 1)
        })
    }

    /// The expressions that match some frame; `None` if there are none.
    fn union(&self, stack: impl Iterator<Item = usize>) -> Option<Bits> {
        let mut union: Option<Bits> = None;
        for name in stack {
            let set = self.of_name.get(name).copied().filter(|&set| set != 0);
            let Some(set) = set.map(|set| &self.sets[set as usize]) else { continue };
            match &mut union {
                None => union = Some(set.clone()),
                Some(union) => union.iter_mut().zip(set).for_each(|(all, own)| *all |= own),
            }
        }
        union
    }

    fn those(&self, is_one: impl Fn(&Condition) -> bool) -> Vec<PatternId> {
        let patterns = (0..).map(PatternId).zip(&self.patterns);
        patterns.filter(|(_, wanted)| is_one(wanted)).map(|(id, _)| id).collect()
    }
}

/// Whether a pattern matches the stack of an example.
pub(super) fn matches(pattern: &Pattern, example: &Example) -> bool {
    let stack = &example.stack;
    let meets = |regex: &Regex| stack.iter().any(|frame| regex.is_match(frame));
    match example.profile {
        ProfileKind::Heap => {
            !pattern.any.is_empty()
                && pattern.any.iter().all(meets)
                && !pattern.not.iter().any(meets)
        }
        ProfileKind::Goroutine => {
            let state = goroutines::state(stack.iter().map(String::as_str));
            let of_state = pattern.state.as_deref().is_none_or(|wanted| wanted == state);
            of_state && pattern.goroutine.iter().any(meets)
        }
    }
}

/// All expressions as one, if that takes no more than `limit` bytes.
fn together(limit: usize, expressions: &[&Regex]) -> Option<RegexSet> {
    let texts = expressions.iter().map(|regex| regex.as_str());
    RegexSetBuilder::new(texts).size_limit(limit).build().ok()
}

fn bits(set: impl Iterator<Item = usize>, words: usize) -> Bits {
    let mut bits = vec![0_u64; words].into_boxed_slice();
    set.for_each(|i| bits[i / 64] |= 1 << (i % 64));
    bits
}

fn holds(all: &Bits, part: &Bits) -> bool {
    all.iter().zip(part).all(|(all, part)| all & part == *part)
}

fn meets(a: &Bits, b: &Bits) -> bool {
    a.iter().zip(b).any(|(a, b)| a & b != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_says_of_every_example_what_its_pattern_says() {
        let catalog = Catalog::builtin();
        let examples = catalog.patterns().iter().flat_map(|pattern| {
            pattern.examples.iter().map(move |example| (pattern.id.as_str(), example))
        });
        let names: Vec<&str> = examples
            .clone()
            .flat_map(|(_, example)| example.stack.iter().map(String::as_str))
            .collect();
        // The set of all expressions, and one by one.
        for limit in [SET_LIMIT, 0] {
            let matcher = Matcher::within(limit, &catalog, names.iter().copied());
            let mut start = 0;
            for (id, example) in examples.clone() {
                let stack = start..start + example.stack.len();
                start = stack.end;
                let found = match example.profile {
                    ProfileKind::Heap => matcher.matching(stack),
                    ProfileKind::Goroutine => {
                        let names = example.stack.iter().map(String::as_str);
                        matcher.parked(stack, Some(goroutines::state(names)))
                    }
                };
                let found = found.into_iter().any(|found| catalog[found].id == id);
                assert_eq!(found, example.matches, "{id}: {example:?}");
            }
        }
    }

    #[test]
    fn any_has_to_match_somewhere_and_not_nowhere() {
        let mut catalog = Catalog::default();
        let text = "[[pattern]]\nid = 'two'\ntitle = 't'\nany = ['^a$', '^b$']\nnot = ['^c$']\n\
                    goroutine = '^g$'\nmeaning = 'm'\nfix = 'f'";
        catalog.add_toml("x.toml", text).unwrap();
        let names = ["a", "b", "c", "other", "g"];
        let matcher = Matcher::new(&catalog, names.into_iter());
        let is_match = |stack: &[usize]| !matcher.matching(stack.iter().copied()).is_empty();
        assert!(is_match(&[0, 3, 1]));
        assert!(is_match(&[1, 0]));
        for stack in [&[0][..], &[1], &[0, 1, 2], &[2], &[3], &[4], &[], &[99]] {
            assert!(!is_match(stack), "{stack:?}");
        }
        assert_eq!(matcher.parked([3, 4].into_iter(), None), [PatternId(0)]);
        assert_eq!(matcher.parked([0, 1].into_iter(), None), []);
    }

    #[test]
    fn the_fallback_and_an_empty_catalogue_match_nothing() {
        let matcher = Matcher::new(&Catalog::default(), ["main.f"].into_iter());
        assert_eq!(matcher.matching([0].into_iter()), []);
        let catalog = Catalog::builtin();
        let matcher = Matcher::new(&catalog, ["main.f"].into_iter());
        assert_eq!(matcher.matching([0].into_iter()), []);
        let parked = matcher.parked([0].into_iter(), None);
        assert_eq!(parked.iter().map(|&id| &*catalog[id].id).collect::<Vec<_>>(), ["goroutine"]);
    }
}
