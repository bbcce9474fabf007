//! Puts profiles onto shared symbols, one after the other, and makes a [`Series`] of them.
//!
//! Only tables are translated, entry by entry: strings, functions, locations. Samples stay as they are, and the
//! snapshot remembers which shared location each of its own is. Equality is pprof's: mappings by rounded size, offset and build id (or
//! file), functions by both names, file and start line, locations by mapping, address relative to the
//! mapping and lines.

use super::ids::{FunctionId, LabelSetId, LocationId, MappingId, StringId};
use super::labels::{Label, LabelValue};
use super::measures;
use super::names::display_name;
use super::profile::{Profile, SampleType};
use super::series::{Series, Snapshot};
use super::symbols::{Function, Line, Mapping};
use crate::units;
use hashbrown::{HashMap, HashTable};
use rustc_hash::{FxBuildHasher, FxHasher};
use std::hash::{Hash, Hasher};

/// The profiles have no sample type in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first} and {second} have no sample type in common: {first} has {first_types}, {second} has \
     {second_types}; compare profiles of the same kind"
)]
pub struct NoCommonSampleType {
    first: String,
    second: String,
    first_types: String,
    second_types: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MappingKey {
    size: u64,
    offset: u64,
    build_id_or_file: StringId,
}

/// A series under construction.
#[derive(Default)]
pub struct Rebase {
    series: Series,
    /// Each shared mapping as the newest snapshot has it.
    newest: Vec<Mapping>,
    mapping_index: HashMap<MappingKey, MappingId, FxBuildHasher>,
    function_index: HashMap<Function, FunctionId, FxBuildHasher>,
    location_index: HashTable<u32>,
    label_index: HashMap<Vec<Label>, LabelSetId, FxBuildHasher>,
}

impl Rebase {
    /// Adds a profile as the next snapshot.
    pub fn add(&mut self, name: &str, profile: Profile) {
        let mappings = self.mappings(&profile);
        let functions = self.functions(&profile);
        let locations = self.locations(&profile, &mappings, &functions);
        let labels = self.labels(&profile);
        let main = profile.symbols.mappings.first().map(|m| self.mapping(&profile, m));
        let is_of_references = measures::is_of_references(&profile);
        let Profile { header, mut samples, .. } = profile;
        if labels.iter().enumerate().any(|(i, id)| id.index() != i) {
            samples.labels.iter_mut().for_each(|set| *set = labels[set.index()]);
        }
        self.series.snapshots.push(Snapshot {
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
        self.align()?;
        Ok(self.series)
    }

    fn move_to_newest(&mut self) {
        let Self { series: Series { symbols, .. }, newest, .. } = self;
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

    fn text(&mut self, profile: &Profile, id: StringId) -> StringId {
        self.series.symbols.strings.intern(profile.text(id))
    }

    fn mapping(&mut self, profile: &Profile, m: &Mapping) -> Mapping {
        Mapping { file: self.text(profile, m.file), build_id: self.text(profile, m.build_id), ..*m }
    }

    /// Row of each mapping among the shared ones, with what to add to its addresses.
    fn mappings(&mut self, profile: &Profile) -> Vec<(MappingId, u64)> {
        let mut rows = Vec::new();
        for m in &profile.symbols.mappings {
            let m = self.mapping(profile, m);
            let key = MappingKey {
                size: m.rounded_size(),
                offset: m.offset,
                build_id_or_file: m.build_id_or_file(),
            };
            let shared = &mut self.series.symbols.mappings;
            let id = *self.mapping_index.entry(key).or_insert_with(|| {
                shared.push(m);
                MappingId::from_index(shared.len() - 1)
            });
            if self.newest.len() < shared.len() {
                self.newest.push(m);
            } else {
                self.newest[id.index()] = m;
            }
            rows.push((id, shared[id.index()].start.wrapping_sub(m.start)));
        }
        rows
    }

    fn functions(&mut self, profile: &Profile) -> Vec<FunctionId> {
        let mut rows = Vec::with_capacity(profile.symbols.functions.len());
        for f in &profile.symbols.functions {
            let name = display_name(profile.text(f.name), profile.text(f.system_name));
            let function = Function {
                name: self.series.symbols.strings.intern(&name),
                system_name: self.text(profile, f.system_name),
                filename: self.text(profile, f.filename),
                start_line: f.start_line,
            };
            let shared = &mut self.series.symbols.functions;
            rows.push(*self.function_index.entry(function).or_insert_with(|| {
                shared.push(function);
                FunctionId::from_index(shared.len() - 1)
            }));
        }
        rows
    }

    fn locations(
        &mut self,
        profile: &Profile,
        mappings: &[(MappingId, u64)],
        functions: &[FunctionId],
    ) -> Vec<LocationId> {
        let local = &profile.symbols.locations;
        let mut rows = Vec::with_capacity(local.len());
        let known = &self.series.symbols.locations;
        self.location_index.reserve(local.len(), |&i| {
            let row = LocationId(i);
            location_hash(known.mapping[row.index()], known.address[row.index()], known.lines(row))
        });
        let mut lines = Vec::new();
        for id in local.ids() {
            lines.clear();
            lines.extend(
                local
                    .lines(id)
                    .iter()
                    .map(|l| Line { function: functions[l.function.index()], ..*l }),
            );
            let (mapping, shift) = match local.mapping[id.index()] {
                Some(mapping) => (Some(mappings[mapping.index()].0), mappings[mapping.index()].1),
                None => (None, 0),
            };
            let address = local.address[id.index()].wrapping_add(shift);
            let is_folded = local.is_folded[id.index()];
            let shared = &mut self.series.symbols.locations;
            let h = location_hash(mapping, address, &lines);
            let found = self.location_index.find(h, |&i| {
                let (i, row) = (i as usize, LocationId(i));
                shared.address[i] == address
                    && shared.mapping[i] == mapping
                    && shared.is_folded[i] == is_folded
                    && shared.lines(row) == lines
            });
            rows.push(if let Some(&row) = found {
                LocationId(row)
            } else {
                let row = shared.push(mapping, address, is_folded, lines.iter().copied());
                let shared = &*shared;
                self.location_index.insert_unique(h, row.0, |&i| {
                    let row = LocationId(i);
                    location_hash(
                        shared.mapping[row.index()],
                        shared.address[row.index()],
                        shared.lines(row),
                    )
                });
                row
            });
        }
        rows
    }

    fn labels(&mut self, profile: &Profile) -> Vec<LabelSetId> {
        let mut rows = Vec::with_capacity(profile.label_sets.len());
        for id in profile.label_sets.ids() {
            let mut set: Vec<Label> = profile
                .label_sets
                .get(id)
                .iter()
                .map(|label| Label {
                    key: self.text(profile, label.key),
                    value: match label.value {
                        LabelValue::Text(text) => LabelValue::Text(self.text(profile, text)),
                        LabelValue::Number(n, unit) => {
                            LabelValue::Number(n, self.text(profile, unit))
                        }
                    },
                })
                .collect();
            // By key only: the values of one key keep their order.
            set.sort_by_key(|label| label.key);
            let shared = &mut self.series.label_sets;
            rows.push(if let Some(&row) = self.label_index.get(&set) {
                row
            } else {
                let row = shared.push(set.iter().copied());
                self.label_index.insert(set, row);
                row
            });
        }
        rows
    }

    fn align(&mut self) -> Result<(), NoCommonSampleType> {
        let snapshots = &mut self.series.snapshots;
        let Some(first) = snapshots.first() else { return Ok(()) };
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
        self.series.sample_types = common;
        Ok(())
    }
}

fn no_common(snapshots: &[Snapshot]) -> NoCommonSampleType {
    let types = |s: &Snapshot| {
        s.header.sample_types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let first = &snapshots[0];
    let other = snapshots[1..].iter().find(|s| types(s) != types(first)).unwrap_or(first);
    NoCommonSampleType {
        first: first.name.clone(),
        second: other.name.clone(),
        first_types: types(first),
        second_types: types(other),
    }
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

fn location_hash(mapping: Option<MappingId>, address: u64, lines: &[Line]) -> u64 {
    let mut hasher = FxHasher::default();
    mapping.hash(&mut hasher);
    address.hash(&mut hasher);
    lines.hash(&mut hasher);
    hasher.finish()
}
