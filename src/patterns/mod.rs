//! Patterns: what a stack suggests about how memory leaks, and how to fix it.
//!
//! A pattern is a few regular expressions on function names, with text for the person who has to
//! act. It explains and advises, but decides nothing: statistics decide whether memory leaks. The
//! catalogue is in `builtin/`, one file per pattern, and the same reader reads users' own patterns.
//!
//! Patterns have a fixed order: high confidence before medium before low, a user's own before
//! built-in ones, and those in the order of their list, where the owner of a resource comes before
//! its parts. The last is the [`FALLBACK`], which never matches by name.

mod builtin;
mod listing;
mod matcher;
mod read;

pub use crate::toml_file::TomlError;
pub use listing::{Listing, Page, SCHEMA};
pub use matcher::{Matcher, PatternId};

use regex::Regex;
use serde::{Deserialize, Serialize};
use std::ops::Index;
use std::sync::LazyLock;

/// The id of the pattern that applies if no other does: own code allocates directly. It has no
/// regular expressions.
pub const FALLBACK: &str = "app-container";

/// Maximum number of patterns in a catalogue, so that no file makes it slow.
const PATTERNS_MAX: usize = 1000;
/// Number of ids suggested for an unknown one.
const NEAREST: usize = 3;

/// Which value of a heap profile a pattern is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Memory in use.
    #[default]
    Inuse,
    /// Memory ever allocated.
    Alloc,
}

/// The evidence for a pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PatternEvidence {
    /// Memory in use grows.
    #[default]
    Growth,
    /// A lot is allocated, but memory in use stays the same.
    Churn,
    /// A high-water mark, which never falls.
    Highwater,
}

/// How likely the pattern names the true cause if its frames match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Hardly anything else has these frames.
    High,
    /// It is the usual explanation, but not the only one.
    #[default]
    Med,
    /// It is one of several explanations.
    Low,
}

impl Confidence {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Med => "medium",
            Self::Low => "low",
        }
    }
}

/// The kind of profile of an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProfileKind {
    /// Memory.
    #[default]
    Heap,
    /// Parked goroutines.
    Goroutine,
}

/// A stack, and whether its pattern matches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The kind of profile that contains the stack.
    #[serde(default)]
    pub profile: ProfileKind,
    /// Function names, the leaf first.
    pub stack: Vec<String>,
    /// Whether the pattern matches.
    pub matches: bool,
    /// Why it doesn't match, or what it shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A pattern. Texts are single paragraphs without line breaks.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Short name: lower-case letters, digits and dashes.
    pub id: String,
    /// What it is about, in a few words.
    pub title: String,
    /// Each matches some frame of the stack. Empty: no stack of a heap profile matches.
    pub any: Vec<Regex>,
    /// None of these matches any frame.
    pub not: Vec<Regex>,
    /// Which value it is about.
    pub metric: Metric,
    /// The evidence for it.
    pub evidence: PatternEvidence,
    /// Matches some frame of a parked goroutine that belongs to it.
    pub goroutine: Option<Regex>,
    /// What such a goroutine waits for, such as `select`; any state if absent.
    pub state: Option<String>,
    /// Goroutines with such a frame contradict it, if they pile up with those that belong to it.
    pub unless: Option<Regex>,
    /// Whether its stacks are evidence even if there are no such goroutines.
    pub optional: bool,
    /// Whether goroutines that are there in most snapshots are evidence; otherwise they must pile up.
    pub present: bool,
    /// Whether nothing limits how many there can be: only a call releases one.
    pub unbounded: bool,
    /// How likely it names the true cause.
    pub confidence: Confidence,
    /// What happens.
    pub meaning: String,
    /// What to check, to be sure.
    pub look_for: String,
    /// What to do.
    pub fix: String,
    /// Versions in which its frames were seen.
    pub seen_on: String,
    /// Stacks that match, and some that almost do.
    pub examples: Vec<Example>,
    /// The file that defines it; `None` for built-in patterns.
    pub file: Option<String>,
}

impl Pattern {
    /// Whether it applies only if no other pattern does.
    pub fn is_fallback(&self) -> bool {
        self.id == FALLBACK
    }

    /// Whether its frames are hardly ever those of anything else, and nothing limits how many of its
    /// objects there can be: growth that matches it can't be a cache that fills.
    pub fn has_no_bound(&self) -> bool {
        self.unbounded && self.confidence == Confidence::High
    }

    /// The sort key of a catalogue.
    fn rank(&self) -> (bool, Confidence, bool) {
        (self.is_fallback(), self.confidence, self.file.is_none())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        Listing::of(self) == Listing::of(other)
    }
}

/// Patterns in order, with unique ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    patterns: Vec<Pattern>,
}

impl Catalog {
    /// The built-in patterns. They are read once: copies share what their expressions are compiled to, which is about
    /// a megabyte.
    pub fn builtin() -> Self {
        static BUILTIN: LazyLock<Catalog> = LazyLock::new(Catalog::read_builtin);
        BUILTIN.clone()
    }

    fn read_builtin() -> Self {
        let mut catalog = Self::default();
        for (name, text) in builtin::FILES {
            let read = read::patterns(name, text);
            debug_assert!(read.is_ok(), "{read:?}");
            let own = read.unwrap_or_default().into_iter();
            catalog.patterns.extend(own.map(|pattern| Pattern { file: None, ..pattern }));
        }
        catalog.patterns.sort_by_key(Pattern::rank);
        catalog
    }

    /// Adds the `[[pattern]]` tables of a file. A pattern with the id of an existing one replaces
    /// it.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the file, and where; nothing is added then.
    pub fn add_toml(&mut self, file_name: &str, text: &str) -> Result<(), TomlError> {
        let added = read::patterns(file_name, text)?;
        let is_kept = |pattern: &Pattern| added.iter().all(|new| new.id != pattern.id);
        let kept = self.patterns.iter().filter(|pattern| is_kept(pattern)).count();
        if kept + added.len() > PATTERNS_MAX {
            return Err(read::too_many(file_name, PATTERNS_MAX));
        }
        self.patterns.retain(is_kept);
        // The last one added comes first among equals.
        self.patterns.splice(0..0, added);
        self.patterns.sort_by_key(Pattern::rank);
        Ok(())
    }

    /// All patterns, in their order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The pattern with an id.
    pub fn find(&self, id: &str) -> Option<&Pattern> {
        self.patterns.iter().find(|pattern| pattern.id == id)
    }

    /// The pattern that applies if no other does.
    pub fn fallback(&self) -> Option<&Pattern> {
        self.patterns.last().filter(|last| last.is_fallback())
    }

    /// The ids nearest to an unknown one, the nearest first: those that contain it, then those with
    /// the fewest letters to change.
    pub fn nearest(&self, id: &str) -> Vec<&str> {
        // Ids are short; the rest of a long input is ignored.
        let id: String = id.chars().take(64).flat_map(char::to_lowercase).collect();
        let far = |known: &str| {
            if known.contains(&id) {
                return 0;
            }
            let whole = strsim::osa_distance(&id, known);
            let parts = known.split('-').map(|part| strsim::osa_distance(&id, part));
            1 + parts.fold(whole, usize::min)
        };
        let mut ids: Vec<&str> = self.patterns.iter().map(|pattern| pattern.id.as_str()).collect();
        ids.sort_by_key(|known| (far(known), known.len(), *known));
        ids.truncate(NEAREST);
        ids
    }

    /// Returns the wrong examples in users' own patterns: those whose `matches` isn't true of their
    /// stack.
    pub fn wrong_examples(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for pattern in &self.patterns {
            for (number, example) in (1..).zip(&pattern.examples) {
                if matcher::matches(pattern, example) != example.matches {
                    let (says, is) = if example.matches {
                        ("matches", "does not")
                    } else {
                        ("does not match", "does")
                    };
                    let file = pattern.file.as_deref().unwrap_or("builtin");
                    wrong.push(format!(
                        "{file}: pattern `{}`: example {number} says it {says}, but it {is}: {}",
                        pattern.id,
                        example.stack.join(" ← ")
                    ));
                }
            }
        }
        wrong
    }
}

impl Index<PatternId> for Catalog {
    type Output = Pattern;

    fn index(&self, id: PatternId) -> &Pattern {
        &self.patterns[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(text: &str) -> Catalog {
        let mut catalog = Catalog::builtin();
        catalog.add_toml("mine.toml", text).unwrap();
        catalog
    }

    fn pattern(id: &str, confidence: &str) -> String {
        format!(
            "[[pattern]]\nid = '{id}'\ntitle = 't'\nany = ['^x$']\nmeaning = 'm'\nfix = 'f'\n\
             confidence = '{confidence}'\n"
        )
    }

    #[test]
    fn every_builtin_pattern_is_there_and_in_its_order() {
        let catalog = Catalog::builtin();
        assert_eq!(catalog.patterns().len(), builtin::FILES.len());
        assert!(catalog.patterns().is_sorted_by_key(Pattern::rank));
        assert_eq!(catalog.fallback().unwrap().id, FALLBACK);
        for (name, _) in builtin::FILES {
            let id = name.strip_suffix(".toml").unwrap();
            assert_eq!(catalog.find(id).unwrap().id, id, "a file bears the id of its pattern");
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/patterns/builtin");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, builtin::FILES.len(), "a file that is in no list");
    }

    #[test]
    fn every_example_says_what_is_so() {
        let catalog = Catalog::builtin();
        assert_eq!(catalog.wrong_examples(), [""; 0]);
        for pattern in catalog.patterns() {
            let has = |profile: ProfileKind, matches: bool| {
                let of = |e: &&Example| e.profile == profile && e.matches == matches;
                pattern.examples.iter().any(|example| of(&example))
            };
            let id = &pattern.id;
            let of_heap = !pattern.any.is_empty() || pattern.is_fallback();
            let kind = if of_heap { ProfileKind::Heap } else { ProfileKind::Goroutine };
            assert!(has(kind, false), "{id}: a near miss is missing");
            assert_eq!(has(ProfileKind::Heap, true), !pattern.any.is_empty(), "{id}");
            assert_eq!(has(ProfileKind::Goroutine, true), pattern.goroutine.is_some(), "{id}");
        }
    }

    #[test]
    fn a_users_own_come_first_and_take_the_place_of_builtin_ones() {
        let text = [pattern("mine", "low"), pattern("timer-ticker", "med")].concat();
        let catalog = catalog(&text);
        assert_eq!(catalog.patterns().len(), builtin::FILES.len() + 1);
        let first = |confidence| {
            catalog.patterns().iter().find(|p| p.confidence == confidence).unwrap().id.as_str()
        };
        assert_eq!(first(Confidence::Low), "mine");
        assert_eq!(first(Confidence::Med), "timer-ticker");
        assert_eq!(catalog.find("timer-ticker").unwrap().file.as_deref(), Some("mine.toml"));
        assert!(catalog.patterns().is_sorted_by_key(Pattern::rank));
    }

    #[test]
    fn an_example_that_is_wrong_is_told() {
        let example = |matches: bool| {
            format!(
                "{}[[pattern.example]]\nstack = ['x', 'main.f']\nmatches = {matches}\n",
                pattern("mine", "high")
            )
        };
        assert_eq!(catalog(&example(true)).wrong_examples(), [""; 0]);
        assert_eq!(
            catalog(&example(false)).wrong_examples(),
            ["mine.toml: pattern `mine`: example 1 says it does not match, but it does: \
              x ← main.f"]
        );
    }

    #[test]
    fn the_nearest_ids_are_found() {
        let catalog = Catalog::builtin();
        for (typed, nearest) in [
            ("tikcer", "timer-ticker"),
            ("ticker", "timer-ticker"),
            ("SQL", "sql-tx"),
            ("goroutines", "goroutine"),
            ("http-transport", "http-transport-per-request"),
        ] {
            assert_eq!(catalog.nearest(typed)[0], nearest, "{typed}");
        }
        assert_eq!(catalog.nearest(&"ä".repeat(1 << 20)).len(), NEAREST);
        assert_eq!(catalog.nearest("").len(), NEAREST);
        assert!(catalog.nearest("tiker").contains(&"timer-ticker"));
    }

    #[test]
    fn no_file_makes_the_catalogue_endless() {
        let file = |from: usize| -> String {
            (from..from + 400).map(|i| pattern(&format!("p{i}"), "low")).collect()
        };
        let mut catalog = catalog(&file(0));
        catalog.add_toml("more.toml", &file(400)).unwrap();
        let before = catalog.clone();
        let error = catalog.add_toml("many.toml", &file(800)).unwrap_err().to_string();
        assert_eq!(error, "many.toml: too many patterns with this file: at most 1000 are allowed");
        assert_eq!(catalog, before);
        // The same ones once more take the places of those that are there.
        catalog.add_toml("again.toml", &file(400)).unwrap();
    }
}
