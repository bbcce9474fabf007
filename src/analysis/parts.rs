//! Splits a row by the callers to blame for it.
//!
//! A row has pprof's number, which is the sum over all its callers: to print all of it next to one of them would be
//! wrong. So a row lists its **parts**: what each caller is behind, with evidence of its own. Parts add up to the row.
//!
//! `choose` decides which parts are worth a line of a table, so that a table of at most N lines shows what matters
//! most: the rest of a row is one more part, [`OtherCallers`].

use super::{Bounds, Place, Status};
use crate::graph::frames::{RowId, SiteId};
use crate::model::change::Change;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// What a part of a row holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartValue {
    /// Its values. They are flat, also if the rows are sorted by cum.
    #[serde(flatten)]
    pub value: Change<i64>,
    /// Its size as a share (0 to 1) of the sizes of all parts of the row: of |Δ|, or of |value| for a single profile.
    /// Parts of opposite signs don't cancel.
    pub share: f64,
    /// Objects, if the profile counts them next to the sample type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<Change<i64>>,
    /// Share of what was allocated between the snapshots that is still in use, as for the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<f64>,
    /// 95 % interval of the value, or of its Δ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Bounds>,
    /// Benjamini–Hochberg q over the parts of a row that changed; absent if there are too few samples, and for a single
    /// profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q_value: Option<f64>,
    /// What happened to it; absent for a single profile. A part of a row within noise is within noise too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// The part of a row that one caller is behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallerPart {
    /// The caller: the nearest function in own code, or else in a dependency, with its heaviest line. Absent for the
    /// part without one, for which the row itself is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What it is behind.
    #[serde(flatten)]
    pub part: PartValue,
}

/// The parts of a row that are not listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OtherCallers {
    /// How many callers.
    pub count: usize,
    /// The caller, if there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What they are behind together.
    #[serde(flatten)]
    pub part: PartValue,
}

/// Sums by key, in the order in which the keys were met.
#[derive(Debug)]
pub(super) struct Keyed<K, T> {
    numbers: HashMap<K, u32, FxBuildHasher>,
    met: Vec<(K, T)>,
}

impl<K, T> Default for Keyed<K, T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), met: Vec::new() }
    }
}

impl<K: Copy + Eq + Hash, T: Default> Keyed<K, T> {
    /// No sums.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The number of a key, in the order in which they were met.
    #[inline]
    pub(super) fn number(&mut self, key: K) -> u32 {
        match self.numbers.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.met.push((key, T::default()));
                *new.insert(self.met.len() as u32 - 1)
            }
        }
    }

    /// The sum of a key.
    #[inline]
    pub(super) fn at(&mut self, key: K) -> &mut T {
        let number = self.number(key);
        &mut self.met[number as usize].1
    }

    /// The keys that were met, with their sums.
    pub(super) fn met(&self) -> &[(K, T)] {
        &self.met
    }
}

/// What a part adds up.
pub(super) trait PartSum: Copy + Default {
    /// Adds another part.
    fn merge(&mut self, other: &Self);

    /// Δ, or the value of a single profile.
    fn delta(&self) -> i64;
}

/// Sums per leaf row and site of its stacks; `None` if the site is the leaf itself, or if no frame can be blamed.
pub(super) type Parts<T> = Keyed<(RowId, Option<SiteId>), T>;

/// The part of one row that one caller is behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<T> {
    pub(super) site: Option<SiteId>,
    pub(super) sum: T,
}

impl<T: PartSum> Part<T> {
    /// The size of its value or its change.
    pub(super) fn size(&self) -> u64 {
        self.sum.delta().unsigned_abs()
    }
}

impl<T: PartSum> Parts<T> {
    /// The parts of some rows, by site.
    pub(super) fn of_rows(
        &self,
        rows: impl Iterator<Item = RowId>,
    ) -> HashMap<RowId, Vec<Part<T>>, FxBuildHasher> {
        let mut found: HashMap<RowId, Vec<Part<T>>, FxBuildHasher> =
            rows.map(|row| (row, Vec::new())).collect();
        for &((row, site), sum) in &self.met {
            if let Some(parts) = found.get_mut(&row) {
                parts.push(Part { site, sum });
            }
        }
        found
    }
}

/// Joins parts of one row whose callers have equal names, each under the line with the most `weight`. Those in the
/// direction of the row come first, the largest first.
pub(super) fn joined<'n, T: PartSum>(
    parts: &[Part<T>],
    name: impl Fn(SiteId) -> &'n str,
    weight: impl Fn(&T) -> u64,
) -> Vec<Part<T>> {
    let mut by_name: Keyed<Option<&str>, (Part<T>, u64)> = Keyed::new();
    for part in parts {
        let (joined, most) = by_name.at(part.site.map(&name));
        let weight = weight(&part.sum);
        if joined.site.is_none() || weight > *most {
            (joined.site, *most) = (part.site, weight);
        }
        joined.sum.merge(&part.sum);
    }
    let falls = parts.iter().map(|part| part.sum.delta()).fold(0, i64::wrapping_add) < 0;
    let mut joined = by_name.met;
    joined.sort_by_key(|(name, (part, _))| {
        let delta = part.sum.delta();
        let along = delta != 0 && (delta < 0) == falls;
        (!along, std::cmp::Reverse(part.size()), *name)
    });
    joined.into_iter().map(|(_, (part, _))| part).collect()
}

impl<T: Default> Default for Part<T> {
    fn default() -> Self {
        Self { site: None, sum: T::default() }
    }
}

/// The sum of the sizes of parts.
pub(super) fn gross<T: PartSum>(parts: &[Part<T>]) -> u64 {
    parts.iter().map(Part::size).fold(0, u64::saturating_add)
}

/// `size` as a share of `gross`.
pub(super) fn share(size: u64, gross: u64) -> f64 {
    if gross == 0 { 0.0 } else { size as f64 / gross as f64 }
}

/// The caller behind the largest part in the direction of the row, and its share; `None` if that part
/// has no caller. Parts are in the order of [`joined`].
pub(super) fn main_caller<T: PartSum>(parts: &[Part<T>]) -> Option<(SiteId, f64)> {
    let first = parts.first().filter(|part| part.sum.delta() != 0)?;
    Some((first.site?, share(first.size(), gross(parts))))
}

/// The parts of a row, by their positions.
pub(super) struct Division<T> {
    /// Those that are listed.
    pub(super) listed: Vec<usize>,
    /// The others,
    pub(super) left: Vec<usize>,
    /// what they add up to,
    pub(super) rest: T,
    /// and the sum of their sizes.
    pub(super) size: u64,
}

/// Separates the parts that are listed, which are the chosen ones, from the others. One part is the whole
/// row: it is listed if it has a caller.
pub(super) fn divide<T: PartSum>(parts: &[Part<T>], chosen: &[usize]) -> Division<T> {
    let only = parts.len() == 1 && parts[0].site.is_some();
    let (listed, others): (Vec<usize>, Vec<usize>) =
        (0..parts.len()).partition(|i| chosen.contains(i) || only);
    let left = if parts.len() > 1 { others } else { Vec::new() };
    let mut rest = T::default();
    left.iter().for_each(|&i| rest.merge(&parts[i].sum));
    let size = left.iter().map(|&i| parts[i].size()).fold(0, u64::saturating_add);
    Division { listed, left, rest, size }
}

/// The site of the only part that is left.
pub(super) fn only_site<T>(parts: &[Part<T>], left: &[usize]) -> Option<SiteId> {
    let &[only] = left else { return None };
    parts[only].site
}

/// A row whose parts may have lines of their own.
#[derive(Debug)]
pub(super) struct Splittable {
    /// The size that the rows are sorted by.
    pub(super) size: u64,
    /// The size of each part, and whether it may have a line of its own.
    pub(super) parts: Vec<(u64, bool)>,
}

/// A part with at least one in this many of its row may have a line.
const LEAST: u64 = 10;

/// Chooses the parts that get lines of their own, for each row, so that a table of the rows has at most `limit` lines;
/// 0 is no limit. Returns their positions.
///
/// Every row has a line, and a row with chosen parts one for each of them and one for its other parts. A part is worth
/// a line if it is at least a tenth of its row, or as large as the smallest row shown. The largest parts are chosen
/// first; if there are too many lines, they take the place of the last rows, as far as those are smaller.
pub(super) fn choose(rows: &[Splittable], limit: usize) -> Vec<Vec<usize>> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut chosen: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut candidates = Vec::new();
    for (i, row) in rows.iter().enumerate().filter(|(_, row)| row.parts.len() > 1) {
        let gross = row.parts.iter().map(|(size, _)| *size).fold(0, u64::saturating_add);
        for (j, &(size, _)) in row.parts.iter().enumerate().filter(|(_, (_, may))| *may) {
            candidates.push((std::cmp::Reverse(size), i, j, size.saturating_mul(LEAST) >= gross));
        }
    }
    candidates.sort_unstable();
    // The smallest of the first rows.
    let mut smallest: Vec<u64> = rows.iter().map(|row| row.size).collect();
    (1..smallest.len()).for_each(|i| smallest[i] = smallest[i].min(smallest[i - 1]));
    let (mut shown, mut lines) = (rows.len(), rows.len());
    for (std::cmp::Reverse(size), row, part, is_major) in candidates {
        let is_unlimited = limit == usize::MAX;
        if row >= shown || !(is_unlimited || is_major || size >= smallest[shown - 1]) {
            continue;
        }
        // The last part takes the line that was for the others.
        let more = usize::from(rows[row].parts.len() - chosen[row].len() > 1);
        if lines + more > limit {
            let last = shown - 1;
            if last == row || !chosen[last].is_empty() || rows[last].size >= size {
                continue;
            }
            (shown, lines) = (last, lines - 1);
        }
        lines += more;
        chosen[row].push(part);
    }
    chosen.iter_mut().for_each(|parts| parts.sort_unstable());
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size: u64, parts: &[u64]) -> Splittable {
        Splittable { size, parts: parts.iter().map(|&size| (size, true)).collect() }
    }

    #[test]
    fn large_parts_take_the_place_of_small_rows() {
        let rows = || vec![row(100, &[60, 30, 8, 2]), row(40, &[40]), row(5, &[5]), row(1, &[1])];
        let cases: [(usize, &[usize]); 6] = [
            (1, &[]),
            (2, &[0]),
            (4, &[0, 1]),
            (5, &[0, 1, 2]),
            (6, &[0, 1, 2]),
            (0, &[0, 1, 2, 3]),
        ];
        for (limit, expected) in cases {
            let mut rows = rows();
            rows.truncate(if limit == 0 { rows.len() } else { limit });
            assert_eq!(choose(&rows, limit)[0], expected, "{limit}");
        }
    }

    #[test]
    fn a_small_part_of_a_small_row_has_no_line() {
        let mut parts = vec![90];
        parts.extend([1; 10]);
        let rows = [row(100, &parts), row(50, &[50])];
        assert_eq!(choose(&rows, 25), [vec![0], vec![]]);
    }
}
