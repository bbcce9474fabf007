//! A history: any number of snapshots, reduced while they stream in.
//!
//! A [`Series`] keeps each snapshot with its stacks, which a comparison needs. Hundreds of
//! snapshots of one service share nearly all stacks. Here each distinct sample (a stack with its
//! labels) is kept once, as a **record**, and a snapshot is a packed column of values for its
//! records. So memory grows with the distinct stacks, plus a few bytes for each value of each
//! snapshot, never with the files.
//!
//! The records themselves form a series with one snapshot, in which the only value of each record
//! is its number. Anything that filters, cuts or groups stacks works on it as on any other series,
//! and the remaining numbers lead to the values.

use super::address_space::AddressSpace;
use super::distinct::Distinct;
use super::ids::LabelSetId;
use super::measures::{self, Negative};
use super::profile::{Header, Profile, SampleType, push_varint, varint};
use super::rebase::{Newest, NoCommonSampleType, columns_of, common_types, converted};
use super::series::{Series, Snapshot};
use super::shared_tables::{Names, SharedTables};
use super::symbols::Mapping;

/// Why a profile can't be part of a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Sums don't fit in 64 bits.
    #[error("the values of {what} add up to more than 64 bits hold; the profile is damaged")]
    Overflow {
        /// The sample type.
        what: String,
    },
    /// More distinct stacks than can be held.
    #[error("its distinct stacks and those of earlier snapshots take more than 4 GiB together")]
    Stacks,
}

/// The values of one snapshot, packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// For each record that has a value: its distance from the previous one, then its values, as
    /// varints.
    bytes: Vec<u8>,
    width: usize,
}

impl Column {
    fn push(&mut self, last: &mut usize, record: usize, values: &[i64]) {
        push_varint(&mut self.bytes, zigzag(record as i64 - *last as i64));
        *last = record;
        for &value in values {
            push_varint(&mut self.bytes, zigzag(value));
        }
    }

    /// Passes each record that has values to `take`. A record may come more than once; its values
    /// then add up.
    #[inline]
    fn each(&self, take: impl FnMut(usize, &[i64])) {
        // Go's heap profiles have this many: unrolling takes half the time.
        match self.width {
            4 => self.each_row([0; 4], take),
            2 => self.each_row([0; 2], take),
            width => self.each_row(vec![0; width], take),
        }
    }

    #[inline]
    fn each_row(&self, mut values: impl AsMut<[i64]>, mut take: impl FnMut(usize, &[i64])) {
        let mut bytes = self.bytes.iter();
        let mut record = 0_i64;
        let values = values.as_mut();
        while let Some(gap) = varint(&mut bytes) {
            record = record.wrapping_add(unzigzag(gap));
            for value in values.iter_mut() {
                *value = unzigzag(varint(&mut bytes).unwrap_or_default());
            }
            take(record as usize, values);
        }
    }
}

/// Maps small numbers of either sign to small unsigned numbers.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// One snapshot of a history.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Name of the input.
    pub name: String,
    /// The profile's header, with its own sample types in its own order.
    pub header: Header,
    /// Its main binary.
    pub main: Option<Mapping>,
    /// Where its process had the program and its libraries.
    pub addresses: AddressSpace,
    /// Number of samples.
    pub samples: usize,
    /// Which values are below zero.
    pub negative: Negative,
    /// Whether its stacks are chains of references, not calls.
    pub is_of_references: bool,
    /// Its place among the snapshots if they have no times.
    place: usize,
    /// Sums of the sample types of the history.
    pub totals: Vec<i64>,
    column: Column,
    /// For each sample type of the history, its position in the column and the factor that converts
    /// the profile's unit.
    columns: Vec<(usize, f64)>,
}

impl Moment {
    /// The snapshot as part of a series, without its samples.
    pub fn as_snapshot(&self) -> Snapshot {
        Snapshot {
            name: self.name.clone(),
            header: self.header.clone(),
            main: self.main,
            is_of_references: self.is_of_references,
            ..Snapshot::default()
        }
    }
}

/// Snapshots as columns over shared records.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The sample types that all snapshots have, in the order of the first, each in the finest unit.
    pub sample_types: Vec<SampleType>,
    /// The records, with their symbols: a series of one snapshot, in which each record's only value
    /// is its number.
    pub records: Series,
    /// The snapshots, in order of time; in order of their places if any has no time.
    pub moments: Vec<Moment>,
    /// The labels of each record, including records that a filter removed.
    labels: Vec<LabelSetId>,
}

impl History {
    /// Number of records. After filtering, [`History::records`] may hold fewer.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Passes the values of each record of a snapshot to `take`, one per sample type of
    /// [`History::sample_types`]. A record may come more than once; its values then add up.
    #[inline]
    pub fn each(&self, moment: &Moment, mut take: impl FnMut(usize, &[i64])) {
        let as_they_are = moment.header.sample_types == self.sample_types;
        if as_they_are {
            return moment.column.each(take);
        }
        let mut row = vec![0; moment.columns.len()];
        moment.column.each(|record, values| {
            for (value, &(at, factor)) in row.iter_mut().zip(&moment.columns) {
                *value = converted(values[at], factor);
            }
            take(record, &row);
        });
    }

    /// Whether two snapshots hold the same values, whatever the order of their samples.
    pub fn are_equal(&self, a: &Moment, b: &Moment) -> bool {
        if a.totals != b.totals {
            return false;
        }
        if a.column == b.column && a.columns == b.columns {
            return true;
        }
        self.dense(a) == self.dense(b)
    }

    /// All values of a snapshot, one row per record.
    pub fn dense(&self, moment: &Moment) -> Vec<i64> {
        let width = self.sample_types.len();
        let mut dense = vec![0_i64; self.len() * width];
        self.each(moment, |record, values| {
            for (sum, value) in dense[record * width..][..width].iter_mut().zip(values) {
                *sum = sum.wrapping_add(*value);
            }
        });
        dense
    }

    /// The label set of each record.
    pub fn labels(&self) -> &[LabelSetId] {
        &self.labels
    }

    /// For each record, its sample in [`History::records`]; `None` if a filter removed it.
    pub fn samples(&self) -> Vec<Option<usize>> {
        let mut samples = vec![None; self.len()];
        let left = self.records.snapshots.first().map_or(0, |s| s.samples.len());
        (0..left).for_each(|sample| samples[self.record(sample)] = Some(sample));
        samples
    }

    /// The record number of a sample in [`History::records`].
    #[inline]
    pub fn record(&self, sample: usize) -> usize {
        self.records.snapshots.first().map_or(0, |s| s.samples.values[sample] as usize)
    }
}

/// A history under construction. A copy can be finished while snapshots are still being added.
#[derive(Clone)]
pub struct Gather {
    shared: SharedTables,
    distinct: Distinct,
    newest: Newest,
    moments: Vec<Moment>,
}

impl Default for Gather {
    fn default() -> Self {
        Self {
            shared: SharedTables::new(Names::Shown),
            distinct: Distinct::default(),
            newest: Newest::default(),
            moments: Vec::new(),
        }
    }
}

/// The largest sum of a snapshot. It is bounded so that differences of two snapshots, and sums of
/// some of them, fit as well.
const LARGEST_SUM: i128 = i64::MAX as i128 / 4;

impl Gather {
    /// Adds a profile as the next snapshot.
    pub fn add(&mut self, name: &str, profile: &Profile) -> Result<(), HistoryError> {
        self.add_at(self.moments.len(), name, profile)
    }

    /// Adds a profile as the snapshot at a place, which decides only if some snapshot has no time.
    ///
    /// Symbols and records are numbered in the order in which they are added, and sums follow their
    /// numbers. So add in a fixed order to get the same bytes for any order of places.
    pub fn add_at(
        &mut self,
        place: usize,
        name: &str,
        profile: &Profile,
    ) -> Result<(), HistoryError> {
        let age = (profile.header.time_nanos, place);
        let mappings = self.shared.mapping_rows(profile);
        let (main, addresses) = self.newest.see(&mut self.shared, profile, &mappings, age);
        let rows = self.rows(profile).ok_or(HistoryError::Stacks)?;
        let width = profile.header.sample_types.len();
        let mut column = Column { bytes: Vec::with_capacity(rows.len() * (width + 1)), width };
        let mut sums = vec![(0_i128, 0_i128); width];
        let mut last = 0;
        for (sample, record) in rows {
            let values = profile.values(sample);
            for (sum, &value) in sums.iter_mut().zip(values) {
                sum.0 += i128::from(value);
                sum.1 += i128::from(value.unsigned_abs());
            }
            column.push(&mut last, record, values);
        }
        if let Some(i) = sums.iter().position(|sum| sum.1 > LARGEST_SUM) {
            return Err(HistoryError::Overflow {
                what: profile.header.sample_types[i].name.clone(),
            });
        }
        column.bytes.shrink_to_fit();
        self.moments.push(Moment {
            name: name.to_owned(),
            header: profile.header.clone().shown(),
            main,
            addresses,
            samples: profile.samples.len(),
            negative: measures::negative(&profile.header.sample_types, |column| {
                sums[column].0 != sums[column].1
            }),
            is_of_references: measures::is_of_references(profile),
            place,
            totals: sums.iter().map(|sum| sum.0 as i64).collect(),
            column,
            columns: Vec::new(),
        });
        Ok(())
    }

    /// The record of each sample of a profile that isn't all zero. Only the entries that new stacks
    /// need are translated. `None` if the stacks take more than 4 GiB.
    fn rows(&mut self, profile: &Profile) -> Option<Vec<(usize, usize)>> {
        const NEW: usize = usize::MAX;
        let labels = self.shared.labels(profile);
        let key = |sample: usize| {
            let labels = labels[profile.samples.labels[sample].index()];
            (profile.samples.stack_hashes[sample], labels)
        };
        let mut rows = Vec::with_capacity(profile.samples.len());
        let mut wanted = Vec::new();
        for sample in 0..profile.samples.len() {
            if profile.values(sample).iter().all(|&value| value == 0) {
                continue;
            }
            let (meaning, labels) = key(sample);
            let known = self.distinct.known(meaning, labels);
            if known.is_none() {
                wanted.resize(profile.symbols.locations.len(), false);
                profile.samples.stack(sample).for_each(|at| wanted[at.index()] = true);
            }
            rows.push((sample, known.unwrap_or(NEW)));
        }
        if rows.iter().all(|&(_, row)| row != NEW) {
            return Some(rows);
        }
        wanted.resize(profile.symbols.locations.len(), false);
        let locations = self.shared.add_locations(profile, &wanted);
        for (sample, row) in rows.iter_mut().filter(|(_, row)| *row == NEW) {
            let (meaning, labels) = key(*sample);
            let stack = profile.samples.stack(*sample).map(|at| locations[at.index()]);
            // A profile may contain a sample twice.
            let known = self.distinct.known(meaning, labels);
            *row = match known {
                Some(known) => known,
                None => self.distinct.push(meaning, labels, stack)?,
            };
        }
        Some(rows)
    }

    /// Drops the other snapshots. Their records stay: they have no values then.
    pub fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.moments.retain(|moment| is_kept(&moment.name));
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// Reduces the snapshots to the sample types they have in common, each in the finest unit, and
    /// moves addresses to where the newest snapshot has them.
    pub fn finish(mut self) -> Result<History, NoCommonSampleType> {
        self.newest.move_there(&mut self.shared.symbols);
        // By time, whatever the order of the arguments, if the snapshots have times.
        if self.moments.iter().all(|moment| moment.header.time_nanos != 0) {
            self.moments.sort_by_key(|moment| moment.header.time_nanos);
        } else {
            self.moments.sort_by_key(|moment| moment.place);
        }
        let headers = self.moments.iter().map(|m| (m.name.as_str(), &m.header));
        let sample_types = common_types(&headers.collect::<Vec<_>>())?;
        for moment in &mut self.moments {
            moment.columns = columns_of(&moment.header, &sample_types);
            let columns = moment.columns.iter();
            moment.totals =
                columns.map(|&(at, factor)| converted(moment.totals[at], factor)).collect();
        }
        let SharedTables { symbols, label_sets, .. } = self.shared;
        let mut samples = self.distinct.samples;
        let labels = samples.labels.clone();
        samples.values = (0..labels.len() as i64).collect();
        let locations = symbols.locations.ids().collect();
        let last = self.moments.last();
        let snapshot = Snapshot {
            header: last.map(|moment| moment.header.clone()).unwrap_or_default(),
            main: last.and_then(|moment| moment.main),
            samples,
            locations,
            ..Snapshot::default()
        };
        let records = Series {
            sample_types: vec![SampleType::new("record", "")],
            symbols,
            label_sets,
            snapshots: vec![snapshot.into()],
        };
        Ok(History { sample_types, records, moments: self.moments, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_give_back_what_was_put_in() {
        let mut column = Column { bytes: Vec::new(), width: 2 };
        let mut last = 0;
        let entries = [(3, [1, -1]), (1, [i64::MAX, i64::MIN]), (1, [0, 7]), (70_000, [300, 0])];
        for (record, values) in &entries {
            column.push(&mut last, *record, values);
        }
        let mut found = Vec::new();
        column.each(|record, values| found.push((record, [values[0], values[1]])));
        assert_eq!(found, entries);
    }
}
