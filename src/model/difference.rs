//! Two profiles as one that holds what changed between them: `after` merged with the negated
//! `before`, as in `go tool pprof -base`, and written like Go's own delta profiles (`?seconds=N`).
//!
//! It has one more column than the profiles: the growth of each stack, never negative, for readers
//! that can't handle a sign. It comes last, because such readers show the last column if they don't
//! know the default.

use super::measures;
use super::merge::{Merge, MergeError, Sign};
use super::profile::{Header, Profile, SampleType};
use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHasher};
use std::hash::{Hash, Hasher};

/// A profile with its name in errors.
pub type Named<'a> = (&'a str, &'a Profile);

/// The difference of two profiles. Values are after − before; samples that cancel are left out.
pub fn difference(before: Named<'_>, after: Named<'_>) -> Result<Profile, MergeError> {
    let mut merge = Merge::default();
    merge.add(after.0, after.1, Sign::Plus)?;
    merge.add(before.0, before.1, Sign::Minus)?;
    let mut difference = merge.finish();
    span(&mut difference.header, &before.1.header, &after.1.header);
    Ok(difference)
}

/// Appends a column with the growth of a sample type, which becomes the default. Without growth,
/// nothing changes.
pub fn add_growth(profile: &mut Profile, column: usize) {
    let header = &mut profile.header;
    let width = header.sample_types.len();
    let Some(SampleType { name, unit }) = header.sample_types.get(column).cloned() else { return };
    header.default_sample_type.clone_from(&name);
    header.sample_types.push(SampleType { name: format!("{name}_growth"), unit });
    // A path of functions can have several samples, for example of several object sizes or from two
    // builds. Its growth is their sum, recorded at the first of them that grew.
    let paths = paths(profile);
    let values = profile.samples.values.chunks_exact(width);
    let mut grown = vec![0_i64; profile.samples.len()];
    for (&path, row) in paths.iter().zip(values.clone()) {
        let sum = &mut grown[path as usize];
        *sum = sum.saturating_add(row[column]);
    }
    let mut wider = Vec::with_capacity(profile.samples.len() * (width + 1));
    for (&path, row) in paths.iter().zip(values) {
        let left = Some(&mut grown[path as usize]).filter(|left| **left > 0 && row[column] > 0);
        wider.extend_from_slice(row);
        wider.push(left.map_or(0, std::mem::take));
    }
    profile.samples.values = wider;
}

/// For each sample, the first sample with the same path: the names of its functions, ignoring lines
/// and addresses, which move between builds.
fn paths(profile: &Profile) -> Vec<u32> {
    let symbols = &profile.symbols;
    let steps = |sample: u32| {
        profile.samples.stack(sample as usize).flat_map(|location| {
            let lines = symbols.locations.lines(location);
            // An address without lines counts as itself, distinct from all names.
            let address = lines.is_empty().then_some((location.0, true));
            let names = lines.iter().map(|line| (symbols.function(line.function).name.0, false));
            names.chain(address)
        })
    };
    let mut met: HashMap<u64, u32, FxBuildHasher> = HashMap::default();
    let path = |sample: u32| {
        let mut hasher = FxHasher::default();
        steps(sample).for_each(|step| step.hash(&mut hasher));
        let mut key = hasher.finish();
        loop {
            let known = *met.entry(key).or_insert(sample);
            if known == sample || steps(known).eq(steps(sample)) {
                return known;
            }
            // Other stacks with the same hash follow it.
            key = key.wrapping_add(1);
        }
    };
    (0..profile.samples.len() as u32).map(path).collect()
}

/// Position of the default sample type of a difference.
pub fn default_column(header: &Header) -> Option<usize> {
    measures::default_position(&header.sample_types, &header.default_sample_type)
}

/// Sets the time of a difference, which is that of `after`. It covers the time between the two if
/// both are snapshots, and what they cover together if both are delta profiles.
fn span(header: &mut Header, before: &Header, after: &Header) {
    header.time_nanos = after.time_nanos;
    let states = before.duration_nanos == 0 && after.duration_nanos == 0;
    if states && before.time_nanos != 0 && after.time_nanos != 0 {
        header.duration_nanos = after.time_nanos.saturating_sub(before.time_nanos).max(0);
    }
}
