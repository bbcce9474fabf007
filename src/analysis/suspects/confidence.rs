//! How sure it is that a suspect leaks.
//!
//! Growth that goes on is a leak, or something with a limit that isn't full yet, and a profile
//! doesn't show limits. So "high" needs more than growth: goroutines that pile up with it, or an
//! API whose objects only a call releases (a timer, a connection, a child context). Without that, a
//! container that keeps what it gets is "medium"; what also loses memory, or is kept by something
//! that is named like a cache, is "low".

use super::Suspect;
use crate::analysis::estimates::{CHURN, Class};
use crate::analysis::turnover::PERSISTS;
use crate::patterns::{Catalog, Confidence, Pattern, PatternEvidence, PatternId};

/// A site that keeps at least this share of what it allocates, with 95 % confidence, keeps.
const KEEPS: f64 = 0.5;

/// How many functions above the site may name what keeps it.
const NEAR: usize = 3;

/// Words in the names of types and packages that hold a bounded number of things.
const BOUNDED: [&str; 3] = ["ring", "memo", "intern"];

/// The confidence in the class of a suspect that matches these patterns. `piles_up` is whether its
/// goroutines pile up.
pub(super) fn of(
    suspect: &Suspect,
    patterns: &[PatternId],
    catalog: &Catalog,
    piles_up: bool,
) -> Confidence {
    let patterns = patterns.iter().map(|&id| &catalog[id]);
    let mut growing = patterns.filter(|pattern| pattern.evidence == PatternEvidence::Growth);
    let fits = growing.any(Pattern::has_no_bound);
    let keeps = suspect.retention.is_some_and(|share| share.lower >= KEEPS);
    let loses = suspect.retention.is_some_and(|share| share.upper <= CHURN);
    let persists = suspect.persistence >= PERSISTS;
    let is_flat = suspect.slope_per_hour.is_some_and(|slope| slope.lower <= 0);
    if suspect.class != Class::Leak {
        return match (keeps || fits || piles_up, loses) {
            (true, false) => Confidence::High,
            (false, true) => Confidence::Low,
            _ => Confidence::Med,
        };
    }
    match () {
        () if is_flat && !persists => Confidence::Low,
        () if fits || piles_up => {
            if is_flat {
                Confidence::Med
            } else {
                Confidence::High
            }
        }
        () if bounded_by(suspect).is_some() => Confidence::Low,
        () if loses && !persists => Confidence::Low,
        () => Confidence::Med,
    }
}

/// The function near the site whose name says that it keeps a bounded number of things.
pub(super) fn bounded_by(suspect: &Suspect) -> Option<&str> {
    let path = &suspect.path;
    let at = path.iter().rposition(|name| *name == suspect.site.function)?;
    let near = path[at.saturating_sub(NEAR)..].iter().rev();
    near.map(String::as_str).find(|name| names_bound(name))
}

/// Whether the type or the package of a function is named like a container with a limit.
fn names_bound(function: &str) -> bool {
    let mut parts: Vec<&str> = function.rsplit('/').next().unwrap_or(function).split('.').collect();
    parts.pop();
    let is_cache = |part: &str| ["cache", "lru"].iter().any(|word| part.contains(word));
    parts.into_iter().any(|part| {
        is_cache(&part.to_lowercase()) || words(part).any(|word| BOUNDED.contains(&word.as_str()))
    })
}

/// The words of a name in camel or snake case, in lower case.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for c in name.chars() {
        if c.is_uppercase() && previous.is_lowercase() || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::names_bound;

    #[test]
    fn a_type_or_a_package_names_a_bound() {
        for name in [
            "main.(*pageCache).get",
            "github.com/hashicorp/golang-lru/v2/simplelru.(*LRU[...]).Add",
            "example.com/app/internal/cache.Put",
            "main.(*LRUCache).put",
            "main.(*ring_buffer).push",
        ] {
            assert!(names_bound(name), "{name}");
        }
        for name in [
            "main.cachePage",
            "main.(*stringer).add",
            "main.(*spring).add",
            "example.com/cache/server.(*conn).serve",
            "strings.(*Builder).grow",
        ] {
            assert!(!names_bound(name), "{name}");
        }
    }
}
