//! The tables that several profiles share: strings, mappings, functions, locations and label sets,
//! each entry once.
//!
//! A profile's tables are translated entry by entry; samples aren't touched. Equality is pprof's:
//! mappings by rounded size, offset and build id (or file), functions by both names, file and start
//! line, locations by mapping, address relative to the mapping and lines, label sets by their
//! labels, whose order matters only for labels of the same key.

use super::ids::{FunctionId, LabelSetId, LocationId, MappingId, StringId};
use super::labels::{Label, LabelSets, LabelValue};
use super::measures::{self, Kind};
use super::names::{Demangler, bounded};
use super::profile::{Header, Profile};
use super::symbols::{Function, Line, Mapping, Symbols};
use crate::printable::escape;
use hashbrown::{HashMap, HashTable};
use rustc_hash::{FxBuildHasher, FxHasher};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The profiles have no sample type in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first} and {second} have no sample type in common: the first is a {first_kind}, the second a \
     {second_kind}; give profiles of the same kind, for example 'heap-*.pb.gz'"
)]
pub struct NoCommonSampleType {
    first: String,
    second: String,
    first_kind: String,
    second_kind: String,
}

impl NoCommonSampleType {
    /// Makes the error for two inputs, each with its name and header.
    pub fn new(first: (&str, &Header), second: (&str, &Header)) -> Self {
        Self {
            first: escape(first.0).into_owned(),
            second: escape(second.0).into_owned(),
            first_kind: escape(&kind(first.1)).into_owned(),
            second_kind: escape(&kind(second.1)).into_owned(),
        }
    }
}

/// Describes the kind of a profile and its sample types, from its header.
fn kind(header: &Header) -> String {
    let kind = match measures::kind(header) {
        Kind::Heap => "heap profile",
        Kind::Goroutine => "goroutine profile",
        Kind::Cpu => "CPU profile",
        Kind::Contention => "contention profile",
        Kind::Threads => "thread creation profile",
        Kind::Other => "profile",
    };
    match header.sample_types.as_slice() {
        [] => format!("{kind} without sample types"),
        types => {
            let types = types.iter().map(ToString::to_string).collect::<Vec<_>>();
            format!("{kind} with {}", types.join(" "))
        }
    }
}

/// Which names the functions of the shared tables have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// As shown: mangled names made readable.
    #[default]
    Shown,
    /// As in the profiles.
    Raw,
}

/// Where the entries of a profile are in the shared tables.
pub(super) struct Rows {
    /// The row of each mapping.
    pub(super) mappings: Vec<MappingId>,
    /// The row of each location.
    pub(super) locations: Vec<LocationId>,
    /// The row of each label set.
    pub(super) labels: Vec<LabelSetId>,
}

/// Where the strings of a profile are in the shared tables. Each is looked up once: it may be long, and many entries may
/// have it.
pub(super) struct Texts<'a> {
    profile: &'a Profile,
    own: Vec<Option<StringId>>,
}

impl<'a> Texts<'a> {
    /// Those of a profile, none of them looked up yet.
    pub(super) fn of(profile: &'a Profile) -> Self {
        Self { profile, own: vec![None; profile.symbols.strings.len()] }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MappingKey {
    size: u64,
    offset: u64,
    build_id_or_file: StringId,
}

/// Shared tables. A mapping has its addresses from the first profile that contained it.
#[derive(Clone, Default)]
pub(super) struct SharedTables {
    pub(super) symbols: Symbols,
    pub(super) label_sets: LabelSets,
    names: Names,
    demangler: Demangler,
    /// What each system name is shown as. A name is read once, so it is the same in every profile.
    shown: HashMap<StringId, StringId, FxBuildHasher>,
    mapping_index: HashMap<MappingKey, MappingId, FxBuildHasher>,
    function_index: HashMap<Function, FunctionId, FxBuildHasher>,
    location_index: HashTable<u32>,
    label_index: HashMap<Vec<Label>, LabelSetId, FxBuildHasher>,
}

impl SharedTables {
    /// Empty tables.
    pub(super) fn new(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// Adds the new entries of a profile.
    pub(super) fn add(&mut self, profile: &Profile) -> Rows {
        let labels = self.labels(profile);
        let mappings = self.mappings(profile);
        let locations = self.locations(profile, &mappings, None);
        Rows { mappings: mappings.into_iter().map(|(row, _)| row).collect(), locations, labels }
    }

    /// Adds the wanted locations of a profile, and returns their rows; the entries of the others
    /// mean nothing.
    pub(super) fn add_locations(&mut self, profile: &Profile, wanted: &[bool]) -> Vec<LocationId> {
        let mappings = self.mappings(profile);
        self.locations(profile, &mappings, Some(wanted))
    }

    /// A mapping of a profile, with shared strings.
    pub(super) fn mapping(&mut self, texts: &mut Texts<'_>, m: &Mapping) -> Mapping {
        Mapping { file: self.text(texts, m.file), build_id: self.text(texts, m.build_id), ..*m }
    }

    fn text(&mut self, texts: &mut Texts<'_>, id: StringId) -> StringId {
        let Texts { profile, own } = texts;
        *own[id.index()].get_or_insert_with(|| match self.names {
            Names::Raw => self.symbols.strings.intern(profile.text(id)),
            Names::Shown => self.symbols.strings.intern(&bounded(profile.text(id))),
        })
    }

    /// The name of a function for people.
    fn name(&mut self, texts: &mut Texts<'_>, f: &Function) -> StringId {
        let (name, system_name) = (self.text(texts, f.name), self.text(texts, f.system_name));
        if self.names == Names::Raw || name != StringId(0) && name != system_name {
            return name;
        }
        *self.shown.entry(system_name).or_insert_with(|| {
            let shown = self.demangler.display_name("", texts.profile.text(f.system_name));
            self.symbols.strings.intern(&bounded(&shown))
        })
    }

    /// The shared row of each mapping.
    pub(super) fn mapping_rows(&mut self, profile: &Profile) -> Vec<MappingId> {
        self.mappings(profile).into_iter().map(|(row, _)| row).collect()
    }

    /// The shared row of each mapping, with the offset to add to its addresses.
    fn mappings(&mut self, profile: &Profile) -> Vec<(MappingId, u64)> {
        let mut rows = Vec::new();
        let mut texts = Texts::of(profile);
        for m in &profile.symbols.mappings {
            let m = self.mapping(&mut texts, m);
            let key = MappingKey {
                size: m.rounded_size(),
                offset: m.offset,
                build_id_or_file: m.build_id_or_file(),
            };
            let shared = &mut self.symbols.mappings;
            let id = *self.mapping_index.entry(key).or_insert_with(|| {
                shared.push(m);
                MappingId::from_index(shared.len() - 1)
            });
            rows.push((id, shared[id.index()].start.wrapping_sub(m.start)));
        }
        rows
    }

    /// The rows of functions; adds only the wanted ones.
    fn functions(&mut self, profile: &Profile, wanted: Option<&[bool]>) -> Vec<FunctionId> {
        let mut rows = Vec::with_capacity(profile.symbols.functions.len());
        let mut texts = Texts::of(profile);
        for (i, f) in profile.symbols.functions.iter().enumerate() {
            if wanted.is_some_and(|wanted| !wanted[i]) {
                rows.push(FunctionId::default());
                continue;
            }
            let function = Function {
                name: self.name(&mut texts, f),
                system_name: self.text(&mut texts, f.system_name),
                filename: self.text(&mut texts, f.filename),
                start_line: f.start_line,
            };
            let shared = &mut self.symbols.functions;
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
        wanted: Option<&[bool]>,
    ) -> Vec<LocationId> {
        let local = &profile.symbols.locations;
        let is_wanted = |id: LocationId| wanted.is_none_or(|wanted| wanted[id.index()]);
        let functions = wanted.map(|_| {
            let mut functions = vec![false; profile.symbols.functions.len()];
            for line in local.ids().filter(|&id| is_wanted(id)).flat_map(|id| local.lines(id)) {
                functions[line.function.index()] = true;
            }
            functions
        });
        let functions = self.functions(profile, functions.as_deref());
        let mut rows = Vec::with_capacity(local.len());
        let known = &self.symbols.locations;
        let more = local.ids().filter(|&id| is_wanted(id)).count();
        self.location_index.reserve(more, |&i| {
            let row = LocationId(i);
            location_hash(known.mapping[row.index()], known.address[row.index()], known.lines(row))
        });
        let mut lines = Vec::new();
        for id in local.ids() {
            if !is_wanted(id) {
                rows.push(LocationId::default());
                continue;
            }
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
            let shared = &mut self.symbols.locations;
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

    /// The row of each label set.
    pub(super) fn labels(&mut self, profile: &Profile) -> Vec<LabelSetId> {
        let mut rows = Vec::with_capacity(profile.label_sets.len());
        let mut texts = Texts::of(profile);
        for id in profile.label_sets.ids() {
            let mut set: Vec<Label> = profile
                .label_sets
                .get(id)
                .iter()
                .map(|label| Label {
                    key: self.text(&mut texts, label.key),
                    value: match label.value {
                        LabelValue::Text(text) => LabelValue::Text(self.text(&mut texts, text)),
                        LabelValue::Number(n, unit) => {
                            LabelValue::Number(n, self.text(&mut texts, unit))
                        }
                    },
                })
                .collect();
            // By key, and strings before numbers: the values of one key keep their order. By the text
            // of the key, since ids depend on what was added before.
            let strings = &self.symbols.strings;
            set.sort_by(|a, b| {
                let key = |label: &Label| matches!(label.value, LabelValue::Number(..));
                let by_text = || strings.get(a.key).cmp(strings.get(b.key));
                let by_key = if a.key == b.key { Ordering::Equal } else { by_text() };
                by_key.then(key(a).cmp(&key(b)))
            });
            let shared = &mut self.label_sets;
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
}

fn location_hash(mapping: Option<MappingId>, address: u64, lines: &[Line]) -> u64 {
    let mut hasher = FxHasher::default();
    mapping.hash(&mut hasher);
    address.hash(&mut hasher);
    lines.hash(&mut hasher);
    hasher.finish()
}
