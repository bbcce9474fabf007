//! How sure it is that a suspect leaks.
//!
//! Growth that goes on is a leak, or something with a limit that isn't full yet, and a profile
//! doesn't show limits. So "high" needs more than growth: goroutines that pile up with it, or an
//! API whose objects only a call releases (a timer, a connection, a child context), and enough
//! snapshots, up to the last of which it grew as before. Without that, a container that keeps what
//! it gets is "medium"; what exchanges more than it keeps and falls at times, grows more slowly than
//! before, holds entries that grow in size and not in number, or is kept by something that is named
//! like a cache, is "low", and so is what may only replace memory that another site loses.

use super::Suspect;
use super::judged::Candidate;
use crate::analysis::estimates::{CHURN, Class};
use crate::analysis::evolution::Tally;
use crate::analysis::turnover::PERSISTS;
use crate::patterns::{Catalog, Confidence, Pattern, PatternEvidence, PatternId};

/// A site that keeps at least this share of what it allocates, with 95 % confidence, keeps; one that keeps less
/// exchanges what it holds.
const KEEPS: f64 = 0.5;

/// With fewer snapshots nothing is certain: four values rise by chance once in 24 times, six once in 720.
const ENOUGH: usize = 6;

/// In the last third of the time, a leak grows by a third. Memory that grows by less than this share of that slows down,
const SLOWER: f64 = 0.7;

/// and goroutines by less than this.
const FEWER: f64 = 0.8;

/// Entries that grow in size: their number explains at most this share of the growth, in logarithms,
const BY_NUMBER: f64 = 1.0 / 3.0;

/// which is at least by this factor,
const LARGER: f64 = 1.5;

/// and they are so many that this number of them was sampled at first: a buffer that doubles is one.
const ENTRIES: i64 = 4;

/// The goroutines of connections that a server accepts: their number is up to its clients.
const CONNECTIONS: [&str; 3] = [
    "net/http.(*conn).serve",
    "net/http.(*http2serverConn)",
    "golang.org/x/net/http2.(*serverConn)",
];

/// How many functions above the site may name what keeps it.
const NEAR: usize = 3;

/// Words in the names of types and packages that hold a bounded number of things.
const BOUNDED: [&str; 3] = ["ring", "memo", "intern"];

/// The confidence in the class of a suspect that matches these patterns. `hours` are the times of its values, and
/// `piles_up` is whether its goroutines pile up.
pub(super) fn of(
    suspect: &Suspect,
    hours: &[f64],
    candidate: &Candidate,
    patterns: &[PatternId],
    catalog: &Catalog,
    piles_up: bool,
) -> Confidence {
    let patterns = patterns.iter().map(|&id| &catalog[id]);
    let mut growing = patterns.filter(|pattern| pattern.evidence == PatternEvidence::Growth);
    let fits = growing.any(Pattern::has_no_bound);
    let keeps = suspect.retention.is_some_and(|share| share.lower >= KEEPS);
    let loses = suspect.retention.is_some_and(|share| share.upper <= CHURN);
    let exchanges = suspect.retention.is_some_and(|share| share.upper <= KEEPS);
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
        () if candidate.may_replace.is_some() => Confidence::Low,
        () if fits || piles_up => {
            if is_flat {
                Confidence::Med
            } else {
                Confidence::High
            }
        }
        () if bounded_by(suspect).is_some() => Confidence::Low,
        () if grow_in_size(&candidate.tally) => Confidence::Low,
        () if suspect.values.len() >= ENOUGH && slows(&suspect.values, hours, SLOWER) => {
            Confidence::Low
        }
        () if exchanges && falls(&suspect.values) => Confidence::Low,
        () if loses && !persists => Confidence::Low,
        () => Confidence::Med,
    }
}

/// Whether a number of objects that hardly rises accounts for the growth, since each becomes larger.
fn grow_in_size(tally: &Tally) -> bool {
    let growth = |(first, last): (i64, i64)| (last.max(1) as f64 / first.max(1) as f64).ln();
    let whole = growth((tally.first, tally.last));
    tally.raw.0 >= ENTRIES
        && tally.objects.0 > 0
        && whole >= LARGER.ln()
        && growth(tally.objects) <= BY_NUMBER * whole
}

/// The confidence in a suspect as it is shown, which may have parts. High confidence needs more than evidence of the
/// kind that has no bound: enough snapshots, and goroutines that grow in number up to the last of them, and that aren't as
/// many as a server has clients.
pub(super) fn settled(suspect: &Suspect) -> Confidence {
    let is_sure = suspect.values.len() >= ENOUGH
        && !(suspect.is_of_goroutines() && slows(&suspect.values, &[], FEWER));
    match suspect.confidence {
        confidence if suspect.class != Class::Leak => confidence,
        confidence if suspect.is_of_goroutines() && is_of_connections(suspect) => {
            // Of those that are in a handler it may be the handler that doesn't return.
            let is_in_handler = !is_connection(&suspect.site.function);
            confidence.max(if is_in_handler { Confidence::Med } else { Confidence::Low })
        }
        Confidence::High if !is_sure => Confidence::Med,
        confidence => confidence,
    }
}

/// Whether values rose by less than this share of what they rise by on average, in the last third of the
/// intervals. These take as long as the times of the values say: a service that is slow for a while is asked
/// less often. Without times all take as long.
fn slows(values: &[i64], hours: &[f64], least: f64) -> bool {
    let last = values.len().saturating_sub(1);
    let late = last.div_ceil(3);
    let (Some(first), Some(from), Some(to)) =
        (values.first(), values.get(last - late), values.get(last))
    else {
        return true;
    };
    let of_time = || {
        let (begin, from, end) = (hours.first()?, hours.get(last - late)?, hours.get(last)?);
        Some((end - from) / (end - begin)).filter(|share| share.is_finite())
    };
    let timed = (hours.len() == values.len()).then(of_time).flatten();
    let share = timed.unwrap_or(late as f64 / last.max(1) as f64);
    ((to - from) as f64) < least * share * (to - first) as f64
}

/// Whether a value ever fell.
fn falls(values: &[i64]) -> bool {
    values.windows(2).any(|pair| pair[1] < pair[0])
}

fn is_of_connections(suspect: &Suspect) -> bool {
    suspect.path.first().is_some_and(|root| is_connection(root))
}

fn is_connection(function: &str) -> bool {
    CONNECTIONS.iter().any(|name| function.starts_with(name))
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
    use super::{SLOWER, names_bound, slows};

    #[test]
    fn steady_growth_does_not_slow_down_however_often_it_is_looked_at() {
        // 10 an hour, once an hour and then every six minutes.
        let values = [0, 10, 20, 30, 40, 41, 42, 43, 44, 45];
        let hours = [0.0, 1.0, 2.0, 3.0, 4.0, 4.1, 4.2, 4.3, 4.4, 4.5];
        assert!(!slows(&values, &hours, SLOWER));
        assert!(slows(&values, &[], SLOWER), "without times");
        let even: Vec<f64> = (0..10).map(f64::from).collect();
        assert!(slows(&values, &even, SLOWER), "once an hour");
        assert!(!slows(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &even, SLOWER));
        assert!(!slows(&[0, 1, 2, 3], &[0.0; 4], SLOWER), "all at one time");
    }

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
