//! Maps profiles onto shared symbols, one after the other, and makes a [`Series`] of them.
//!
//! Only tables are translated, by `shared_tables`. Samples stay as they are, and the snapshot
//! records the shared location of each of its own.

use super::address_space::AddressSpace;
use super::ids::MappingId;
use super::measures;
use super::profile::{Header, Profile, SampleType};
use super::series::{Series, Snapshot};
pub use super::shared_tables::NoCommonSampleType;
use super::shared_tables::{Names, Rows, SharedTables, Texts};
use super::symbols::{Mapping, Symbols};
use crate::units;
use std::sync::Arc;

/// A series under construction.
pub struct Rebase {
    shared: SharedTables,
    snapshots: Vec<Snapshot>,
    newest: Newest,
}

impl Default for Rebase {
    fn default() -> Self {
        let shared = SharedTables::new(Names::Shown);
        Self { shared, snapshots: Vec::new(), newest: Newest::default() }
    }
}

impl Rebase {
    /// Adds a profile as the next snapshot.
    pub fn add(&mut self, name: &str, profile: Profile) {
        let rows = self.shared.add(&profile);
        let age = (0, self.snapshots.len());
        let (main, addresses) = self.newest.see(&mut self.shared, &profile, &rows.mappings, age);
        let Rows { locations, labels, .. } = rows;
        let is_of_references = measures::is_of_references(&profile);
        let Profile { header, mut samples, .. } = profile;
        if labels.iter().enumerate().any(|(i, id)| id.index() != i) {
            samples.labels.iter_mut().for_each(|set| *set = labels[set.index()]);
        }
        self.snapshots.push(Snapshot {
            name: name.to_owned(),
            header: header.shown(),
            main,
            addresses,
            samples,
            locations,
            is_scaled: false,
            is_of_references,
        });
    }

    /// Reduces the snapshots to the sample types they have in common, each in the finest unit, and
    /// moves addresses to where the newest snapshot has them.
    pub fn finish(mut self) -> Result<Series, NoCommonSampleType> {
        self.newest.move_there(&mut self.shared.symbols);
        let headers = self.snapshots.iter().map(|s| (s.name.as_str(), &s.header));
        let sample_types = common_types(&headers.collect::<Vec<_>>())?;
        for snapshot in &mut self.snapshots {
            snapshot.align(&sample_types);
        }
        let SharedTables { symbols, label_sets, .. } = self.shared;
        let snapshots = self.snapshots.into_iter().map(Arc::new).collect();
        Ok(Series { sample_types, symbols, label_sets, snapshots })
    }
}

/// Each shared mapping as the newest snapshot has it.
#[derive(Clone, Default)]
pub(super) struct Newest(Vec<(Age, Mapping)>);

/// Orders snapshots, the newest last: by time in nanoseconds, then by place.
pub(super) type Age = (i64, usize);

impl Newest {
    /// Takes the mappings of a snapshot, and returns the first, its main binary, and all of them.
    pub(super) fn see(
        &mut self,
        shared: &mut SharedTables,
        profile: &Profile,
        rows: &[MappingId],
        age: Age,
    ) -> (Option<Mapping>, AddressSpace) {
        let (mut main, mut addresses) = (None, AddressSpace::default());
        let mut texts = Texts::of(profile);
        for (row, m) in rows.iter().zip(&profile.symbols.mappings) {
            let m = shared.mapping(&mut texts, m);
            main.get_or_insert(m);
            addresses.push(m, shared.symbols.text(m.file));
            match self.0.get_mut(row.index()) {
                None => self.0.push((age, m)),
                Some((known, newest)) if *known <= age => (*known, *newest) = (age, m),
                Some(_) => {}
            }
        }
        (main, addresses)
    }

    /// Moves addresses to where the newest snapshot has them.
    pub(super) fn move_there(&self, symbols: &mut Symbols) {
        for (mapping, address) in
            symbols.locations.mapping.iter().zip(&mut symbols.locations.address)
        {
            if let Some(mapping) = mapping.map(MappingId::index) {
                let shift = self.0[mapping].1.start.wrapping_sub(symbols.mappings[mapping].start);
                *address = address.wrapping_add(shift);
            }
        }
        for (mapping, (_, newest)) in symbols.mappings.iter_mut().zip(&self.0) {
            (mapping.start, mapping.limit) = (newest.start, newest.limit);
        }
    }
}

/// The sample types that all profiles have, in the order of the first, each in the finest unit.
pub(super) fn common_types(
    headers: &[(&str, &Header)],
) -> Result<Vec<SampleType>, NoCommonSampleType> {
    let Some((_, first)) = headers.first() else { return Ok(Vec::new()) };
    let mut common: Vec<SampleType> = Vec::new();
    for t in &first.sample_types {
        let mut finest = t.clone();
        let in_all = headers.iter().all(|(_, header)| {
            let Some(position) = header.position(&t.name) else { return false };
            let unit = &header.sample_types[position].unit;
            let Some(factor) = units::conversion(unit, &finest.unit) else { return false };
            if factor < 1.0 {
                finest.unit.clone_from(unit);
            }
            true
        });
        if in_all && common.iter().all(|c| c.name != t.name) {
            common.push(finest);
        }
    }
    if common.is_empty() && !first.sample_types.is_empty() {
        let strange = |(_, h): &&(&str, &Header)| !h.shares_type(first);
        let differs = |(_, h): &&(&str, &Header)| h.sample_types != first.sample_types;
        let others = || headers[1..].iter();
        // Prefer one that shares no sample type: small differences aren't the problem.
        let other = others().find(strange).or_else(|| others().find(differs));
        return Err(NoCommonSampleType::new(headers[0], *other.unwrap_or(&headers[0])));
    }
    Ok(common)
}

/// For some sample types, their positions in a profile and the factors from the profile's units to
/// theirs.
pub(super) fn columns_of(own: &Header, types: &[SampleType]) -> Vec<(usize, f64)> {
    let column = |t: &SampleType| {
        let position = own.position(&t.name).unwrap_or_default();
        let unit = own.sample_types.get(position).map_or("", |own| own.unit.as_str());
        (position, units::conversion(unit, &t.unit).unwrap_or(1.0))
    };
    types.iter().map(column).collect()
}

/// Converts a value to another unit by `factor`.
#[inline]
pub(super) fn converted(value: i64, factor: f64) -> i64 {
    // Exact if no unit changes: a factor of 1 must not round through f64.
    #[expect(clippy::float_cmp, reason = "equal units give exactly 1.0")]
    if factor == 1.0 { value } else { (value as f64 * factor).round() as i64 }
}

impl Snapshot {
    /// Picks the values of the common sample types and scales them.
    fn align(&mut self, common: &[SampleType]) {
        let own = &self.header.sample_types;
        if own == common {
            return;
        }
        let columns = columns_of(&self.header, common);
        let mut values = Vec::with_capacity(self.samples.len() * common.len());
        for row in self.samples.values.chunks_exact(own.len().max(1)) {
            values.extend(columns.iter().map(|&(at, factor)| converted(row[at], factor)));
        }
        self.samples.values = values;
    }
}
