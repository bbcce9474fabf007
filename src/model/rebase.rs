//! Puts profiles onto shared symbols, one after the other, and makes a [`Series`] of them.
//!
//! Only tables are translated, by `shared`. Samples stay as they are, and the snapshot remembers which shared
//! location each of its own is.

use super::ids::MappingId;
use super::measures;
use super::profile::{Profile, SampleType};
use super::series::{Series, Snapshot};
pub use super::shared::NoCommonSampleType;
use super::shared::{Names, Rows, Shared};
use super::symbols::Mapping;
use crate::units;

/// A series under construction.
pub struct Rebase {
    shared: Shared,
    snapshots: Vec<Snapshot>,
    /// Each shared mapping as the newest snapshot has it.
    newest: Vec<Mapping>,
}

impl Default for Rebase {
    fn default() -> Self {
        Self { shared: Shared::new(Names::Shown), snapshots: Vec::new(), newest: Vec::new() }
    }
}

impl Rebase {
    /// Adds a profile as the next snapshot.
    pub fn add(&mut self, name: &str, profile: Profile) {
        let Rows { mappings, locations, labels } = self.shared.add(&profile);
        let mut main = None;
        for (row, m) in mappings.into_iter().zip(&profile.symbols.mappings) {
            let m = self.shared.mapping(&profile, m);
            main.get_or_insert(m);
            if row.index() == self.newest.len() {
                self.newest.push(m);
            } else {
                self.newest[row.index()] = m;
            }
        }
        let is_of_references = measures::is_of_references(&profile);
        let Profile { header, mut samples, .. } = profile;
        if labels.iter().enumerate().any(|(i, id)| id.index() != i) {
            samples.labels.iter_mut().for_each(|set| *set = labels[set.index()]);
        }
        self.snapshots.push(Snapshot {
            name: name.to_owned(),
            header,
            main,
            samples,
            locations,
            is_scaled: false,
            is_of_references,
        });
    }

    /// Brings the snapshots to the sample types they have in common, each in the finest unit, and addresses to
    /// where the newest snapshot has them.
    pub fn finish(mut self) -> Result<Series, NoCommonSampleType> {
        self.move_to_newest();
        let sample_types = align(&mut self.snapshots)?;
        let Shared { symbols, label_sets, .. } = self.shared;
        Ok(Series { sample_types, symbols, label_sets, snapshots: self.snapshots })
    }

    fn move_to_newest(&mut self) {
        let Self { shared: Shared { symbols, .. }, newest, .. } = self;
        for (mapping, address) in
            symbols.locations.mapping.iter().zip(&mut symbols.locations.address)
        {
            if let Some(mapping) = mapping.map(MappingId::index) {
                let shift = newest[mapping].start.wrapping_sub(symbols.mappings[mapping].start);
                *address = address.wrapping_add(shift);
            }
        }
        for (mapping, newest) in symbols.mappings.iter_mut().zip(newest) {
            (mapping.start, mapping.limit) = (newest.start, newest.limit);
        }
    }
}

/// Brings snapshots to the sample types they have in common, and names these.
fn align(snapshots: &mut [Snapshot]) -> Result<Vec<SampleType>, NoCommonSampleType> {
    let Some(first) = snapshots.first() else { return Ok(Vec::new()) };
    let mut common: Vec<SampleType> = Vec::new();
    for t in &first.header.sample_types {
        let mut finest = t.clone();
        let in_all = snapshots.iter().all(|s| {
            let Some(position) = s.header.position(&t.name) else { return false };
            let unit = &s.header.sample_types[position].unit;
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
    if common.is_empty() && !first.header.sample_types.is_empty() {
        return Err(no_common(snapshots));
    }
    for snapshot in snapshots.iter_mut() {
        snapshot.align(&common);
    }
    Ok(common)
}

fn no_common(snapshots: &[Snapshot]) -> NoCommonSampleType {
    let first = &snapshots[0];
    let differs = |s: &&Snapshot| s.header.sample_types != first.header.sample_types;
    let other = snapshots[1..].iter().find(differs).unwrap_or(first);
    NoCommonSampleType::new(
        (&first.name, &first.header.sample_types),
        (&other.name, &other.header.sample_types),
    )
}

impl Snapshot {
    /// Picks and scales the values of the common sample types.
    fn align(&mut self, common: &[SampleType]) {
        let own = &self.header.sample_types;
        if own == common {
            return;
        }
        let columns: Vec<(usize, f64)> = common
            .iter()
            .map(|t| {
                let position = self.header.position(&t.name).unwrap_or_default();
                (position, units::conversion(&own[position].unit, &t.unit).unwrap_or(1.0))
            })
            .collect();
        let mut values = Vec::with_capacity(self.samples.len() * common.len());
        for row in self.samples.values.chunks_exact(own.len().max(1)) {
            values.extend(columns.iter().map(|&(position, factor)| {
                // Exact where no unit changes: a factor of 1 must not round through f64.
                #[expect(clippy::float_cmp, reason = "1.0 is what equal units give, exactly")]
                if factor == 1.0 {
                    row[position]
                } else {
                    (row[position] as f64 * factor).round() as i64
                }
            }));
        }
        self.samples.values = values;
    }
}
