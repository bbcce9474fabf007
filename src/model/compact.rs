//! Removes unreferenced entries from a profile: samples that are all zero, and the locations,
//! functions, mappings, label sets and strings that no other sample needs.
//!
//! The first mapping always stays: it is the main binary.

use super::ids::{FunctionId, LabelSetId, LocationId, MappingId, StringId};
use super::labels::{Label, LabelSets, LabelValue};
use super::profile::{Profile, Samples};
use super::strings::Strings;
use super::symbols::{Function, Line, Mapping, Symbols};

/// Returns the profile without unreferenced entries. What remains keeps its order.
pub(super) fn compact(profile: Profile) -> Profile {
    let old = &profile.symbols;
    let mut new = Rows {
        profile: &profile,
        symbols: Symbols { strings: Strings::default(), ..Symbols::default() },
        label_sets: LabelSets::default(),
        mappings: vec![None; old.mappings.len()],
        functions: vec![None; old.functions.len()],
        locations: vec![None; old.locations.len()],
        sets: vec![None; profile.label_sets.len()],
    };
    if !old.mappings.is_empty() {
        new.mapping(MappingId(0));
    }
    let mut samples = Samples::default();
    let mut stack = Vec::new();
    for sample in 0..profile.samples.len() {
        let values = profile.values(sample);
        if values.iter().all(|&value| value == 0) {
            continue;
        }
        stack.clear();
        stack.extend(profile.samples.stack(sample).map(|location| new.location(location)));
        samples.push_stack(&stack);
        samples.deepest = samples.deepest.max(stack.len());
        samples.labels.push(new.label_set(profile.samples.labels[sample]));
        samples.values.extend_from_slice(values);
        samples.stack_hashes.push(profile.samples.stack_hashes[sample]);
    }
    let Rows { symbols, label_sets, .. } = new;
    Profile { header: profile.header, symbols, label_sets, samples }
}

/// The new tables, and the new row of each old one.
struct Rows<'a> {
    profile: &'a Profile,
    symbols: Symbols,
    label_sets: LabelSets,
    mappings: Vec<Option<MappingId>>,
    functions: Vec<Option<FunctionId>>,
    locations: Vec<Option<LocationId>>,
    sets: Vec<Option<LabelSetId>>,
}

impl Rows<'_> {
    fn text(&mut self, id: StringId) -> StringId {
        self.symbols.strings.intern(self.profile.text(id))
    }

    fn mapping(&mut self, id: MappingId) -> MappingId {
        if let Some(row) = self.mappings[id.index()] {
            return row;
        }
        let old = self.profile.symbols.mappings[id.index()];
        let row = MappingId::from_index(self.symbols.mappings.len());
        let mapping =
            Mapping { file: self.text(old.file), build_id: self.text(old.build_id), ..old };
        self.symbols.mappings.push(mapping);
        self.mappings[id.index()] = Some(row);
        row
    }

    fn function(&mut self, id: FunctionId) -> FunctionId {
        if let Some(row) = self.functions[id.index()] {
            return row;
        }
        let old = *self.profile.symbols.function(id);
        let row = FunctionId::from_index(self.symbols.functions.len());
        let function = Function {
            name: self.text(old.name),
            system_name: self.text(old.system_name),
            filename: self.text(old.filename),
            start_line: old.start_line,
        };
        self.symbols.functions.push(function);
        self.functions[id.index()] = Some(row);
        row
    }

    fn location(&mut self, id: LocationId) -> LocationId {
        let i = id.index();
        if let Some(row) = self.locations[i] {
            return row;
        }
        let profile = self.profile;
        let old = &profile.symbols.locations;
        let mapping = old.mapping[i].map(|mapping| self.mapping(mapping));
        let lines = old.lines(id).iter();
        let lines: Vec<Line> =
            lines.map(|line| Line { function: self.function(line.function), ..*line }).collect();
        let row = self.symbols.locations.push(mapping, old.address[i], old.is_folded[i], lines);
        self.locations[i] = Some(row);
        row
    }

    fn label_set(&mut self, id: LabelSetId) -> LabelSetId {
        if let Some(row) = self.sets[id.index()] {
            return row;
        }
        let labels = self.profile.label_sets.get(id).iter();
        let labels: Vec<Label> = labels
            .map(|label| Label {
                key: self.text(label.key),
                value: match label.value {
                    LabelValue::Text(text) => LabelValue::Text(self.text(text)),
                    LabelValue::Number(n, unit) => LabelValue::Number(n, self.text(unit)),
                },
            })
            .collect();
        let row = self.label_sets.push(labels);
        self.sets[id.index()] = Some(row);
        row
    }
}
