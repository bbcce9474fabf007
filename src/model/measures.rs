//! Relates sample types by name, in any order: the count for a size, allocated memory for memory in
//! use, and the kind of profile they make.

use super::profile::{Header, Profile, SampleType};
use crate::units::{self, Kind as UnitKind};

/// The kind of profile that an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Measures memory.
    Heap,
    /// Goroutine stacks.
    Goroutine,
    /// CPU time.
    Cpu,
    /// Lock contention.
    Contention,
    /// Threads that were created.
    Threads,
    /// Anything else.
    Other,
}

/// The kind of a profile, by its sample types.
pub fn kind(header: &Header) -> Kind {
    let has = |name: &str| header.position(name).is_some();
    let bytes = |t: &SampleType| units::classify(&t.unit).0 == UnitKind::Bytes;
    if has("goroutine") || has("goroutines") || has("goroutineleak") {
        Kind::Goroutine
    } else if has("cpu") || header.period_type.name == "cpu" {
        Kind::Cpu
    } else if has("contentions") || has("delay") {
        Kind::Contention
    } else if has("threadcreate") {
        Kind::Threads
    } else if header.sample_types.iter().any(bytes) {
        Kind::Heap
    } else {
        Kind::Other
    }
}

/// Whether the stacks of a profile are chains of references, as goref writes them: only objects and
/// bytes in use, no period, no address, no source file, and frames that name a field and its type,
/// `main.cache. (*main.Cache)`.
pub fn is_of_references(profile: &Profile) -> bool {
    let Profile { header, symbols, .. } = profile;
    let types: Vec<&str> = header.sample_types.iter().map(|t| t.name.as_str()).collect();
    let names_field = |name: &str| name.ends_with(')') && name.contains(". (");
    types == ["inuse_objects", "inuse_space"]
        && header.period == 0
        && symbols.locations.address.iter().all(|&address| address == 0)
        && symbols.functions.iter().all(|f| symbols.text(f.filename).is_empty())
        && symbols.functions.iter().any(|f| names_field(symbols.text(f.name)))
}

/// Position of the sample type to show by default: the profile's own default, otherwise the last.
pub fn default_position(types: &[SampleType], default: &str) -> Option<usize> {
    let own = types.iter().position(|t| !default.is_empty() && t.name == default);
    own.or(types.len().checked_sub(1))
}

fn find(types: &[SampleType], name: &str) -> Option<usize> {
    types.iter().position(|t| t.name == name)
}

/// Position of the count that belongs to a sample type: objects for a size, samples for CPU time. A
/// count's own position if the sample type is one.
pub fn count_of(types: &[SampleType], position: usize) -> Option<usize> {
    let own = &types[position];
    if units::classify(&own.unit).0 == UnitKind::Count {
        return Some(position);
    }
    let name = own.name.as_str();
    let by_suffix = ["space", "bytes", "size"].iter().find_map(|suffix| {
        let stem = name.strip_suffix(suffix)?;
        ["objects", "allocations", "count", "samples"]
            .iter()
            .find_map(|counted| find(types, &format!("{stem}{counted}")))
    });
    let by_name = || match name {
        "cpu" | "wall" => find(types, "samples").or_else(|| find(types, "sample")),
        "delay" => find(types, "contentions"),
        _ => None,
    };
    let counts = |p: &usize| units::classify(&types[*p].unit).0 == UnitKind::Count;
    by_suffix.or_else(by_name).filter(counts)
}

/// Which values of a profile are below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negative {
    /// None.
    #[default]
    None,
    /// Sizes alone: objects without a known size, which count as −1 byte.
    Sizes,
    /// Counts, or sizes without a count: it is a difference of two profiles.
    Counts,
}

/// Which values are below zero, given the columns in which some are.
pub fn negative(types: &[SampleType], is_negative: impl Fn(usize) -> bool) -> Negative {
    let is_size_alone = |column: usize| {
        count_of(types, column).is_some_and(|count| count != column && !is_negative(count))
    };
    let mut columns = (0..types.len()).filter(|&column| is_negative(column));
    match columns.clone().next() {
        None => Negative::None,
        Some(_) if columns.all(is_size_alone) => Negative::Sizes,
        Some(_) => Negative::Counts,
    }
}

/// Position of the size that belongs to a count of objects; a size's own position if the sample
/// type is one.
pub fn size_of(types: &[SampleType], position: usize) -> Option<usize> {
    let own = &types[position];
    if units::classify(&own.unit).0 != UnitKind::Count {
        return Some(position);
    }
    (0..types.len()).find(|&p| p != position && count_of(types, p) == Some(position))
}

/// Position of the allocated counterpart of a sample type of memory in use; its own position if it
/// measures allocated memory.
pub fn allocated(types: &[SampleType], position: usize) -> Option<usize> {
    let name = &types[position].name;
    if name.starts_with("alloc") {
        return Some(position);
    }
    find(types, &format!("alloc_{}", name.strip_prefix("inuse_")?))
}

/// Whether the values of a sample type only ever rise within a process.
pub fn is_cumulative(sample_type: &SampleType) -> bool {
    sample_type.name.starts_with("alloc_") || sample_type.name == "contentions"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Vec<SampleType> {
        let one = |t: &str| t.split_once('/').map(|(name, unit)| SampleType::new(name, unit));
        text.split(' ').filter_map(one).collect()
    }

    #[test]
    fn companions_are_found_by_name_in_any_order() {
        let go =
            types("alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes");
        assert_eq!(count_of(&go, 3), Some(2));
        assert_eq!(count_of(&go, 2), Some(2));
        assert_eq!(size_of(&go, 2), Some(3));
        assert_eq!(allocated(&go, 3), Some(1));
        assert_eq!(allocated(&go, 2), Some(0));
        let java =
            types("inuse_space/bytes alloc_space/bytes inuse_objects/count alloc_objects/count");
        assert_eq!((count_of(&java, 0), allocated(&java, 2)), (Some(2), Some(3)));
        let jax = types("allocations/count space/bytes");
        assert_eq!((count_of(&jax, 1), allocated(&jax, 1)), (Some(0), None));
        let node = types("objects/count space/bytes");
        assert_eq!((count_of(&node, 1), size_of(&node, 0)), (Some(0), Some(1)));
        let jemalloc = types("inuse_space/bytes");
        assert_eq!(count_of(&jemalloc, 0), None);
        let cpu = types("samples/count cpu/nanoseconds");
        assert_eq!(count_of(&cpu, 1), Some(0));
    }
}
