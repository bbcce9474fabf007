//! A series: one, two or many snapshots over shared symbols, stacks and label sets.
//!
//! A single profile, a comparison and a timeline are the same thing with 1, 2 and N snapshots. Made by
//! [`super::rebase::Rebase`].

use super::address_space::AddressSpace;
use super::ids::{LabelSetId, LocationId, StringId};
use super::labels::{LabelSets, LabelValue};
use super::profile::{Header, Profile, SampleType, Samples};
use super::symbols::{Mapping, Symbols};
use std::sync::Arc;

/// The frame of samples without a stack: allocators record some with labels alone.
pub const NO_STACK: &str = "(no stack)";

/// One profile of a series.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Name of the input.
    pub name: String,
    /// What the profile says about itself, with its own sample types in its own order.
    pub header: Header,
    /// Its main binary.
    pub main: Option<Mapping>,
    /// Where its process had the program and its libraries.
    pub addresses: AddressSpace,
    /// Its samples, with locations in the profile's own numbering; label sets are those of the series, values are
    /// rows of [`Series::sample_types`].
    pub samples: Samples,
    /// The shared location of each location of the profile.
    pub locations: Vec<LocationId>,
    /// The values were scaled, so they no longer tell how many samples they come from.
    pub is_scaled: bool,
    /// Stacks are chains of references, not calls: they show what holds the memory.
    pub is_of_references: bool,
}

/// Whether two main binaries, whose strings are shared, are one build of one program.
pub(crate) fn same_build(a: Option<&Mapping>, b: Option<&Mapping>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let has_id = a.build_id != StringId(0);
            a.build_id == b.build_id && (has_id || a.file == b.file)
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// A file's name without the first of `prefixes` (each ending in a slash) that it starts with.
pub(crate) fn trimmed<'n>(name: &'n str, prefixes: &[String]) -> &'n str {
    let cut = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix.as_str()));
    cut.unwrap_or(name)
}

impl Snapshot {
    /// Whether both come from one build of one program: equal build ids, or equal files where there are none.
    pub fn same_build(&self, other: &Self) -> bool {
        same_build(self.main.as_ref(), other.main.as_ref())
    }

    /// The shared locations of a sample, leaf first.
    #[inline]
    pub fn stack(&self, sample: usize) -> impl Iterator<Item = LocationId> + Clone + '_ {
        self.samples.stack(sample).map(|own| self.locations[own.index()])
    }
}

/// Snapshots over shared symbols.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The sample types that all snapshots have, in the order of the first, each in the finest unit.
    pub sample_types: Vec<SampleType>,
    /// Shared symbols.
    pub symbols: Symbols,
    /// Shared label sets.
    pub label_sets: LabelSets,
    /// The snapshots. Series with the same samples share them.
    pub snapshots: Vec<Arc<Snapshot>>,
}

impl Series {
    /// The values of a sample of a snapshot, in the order of [`Series::sample_types`].
    pub fn values<'a>(&self, snapshot: &'a Snapshot, sample: usize) -> &'a [i64] {
        let n = self.sample_types.len();
        &snapshot.samples.values[sample * n..(sample + 1) * n]
    }

    /// Removes from each source file's name the first of `prefixes` (each ending in a slash) that it starts with, so
    /// the same file in two folders is one file.
    pub fn trim_file_names(&mut self, prefixes: &[String]) {
        if prefixes.is_empty() {
            return;
        }
        let Symbols { strings, functions, .. } = &mut self.symbols;
        for function in functions {
            let name = strings.get(function.filename);
            let cut = trimmed(name, prefixes);
            if cut.len() < name.len() {
                let cut = cut.to_owned();
                function.filename = strings.intern(&cut);
            }
        }
    }

    /// Gives samples without a stack one frame of the name [`NO_STACK`], so that they have a row
    /// like all others and rows add up to totals.
    pub fn name_empty_stacks(&mut self) {
        let Self { symbols, snapshots, .. } = self;
        let mut shared = None;
        for snapshot in snapshots.iter_mut().filter(|snapshot| snapshot.samples.has_empty_stack()) {
            let snapshot = Arc::make_mut(snapshot);
            let location = *shared.get_or_insert_with(|| symbols.push_name(NO_STACK));
            snapshot.locations.push(location);
            snapshot.samples.fill_empty_stacks(snapshot.locations.len() as u64);
        }
    }

    /// Position of a sample type by name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.sample_types.iter().position(|t| t.name == name)
    }

    /// The size of the objects of a sample with these labels, in bytes. A Go heap profile stores it in the
    /// numeric label `bytes`.
    pub fn object_size(&self, labels: LabelSetId) -> Option<i64> {
        self.label_sets.get(labels).iter().find_map(|label| match label.value {
            LabelValue::Number(size, _) if self.symbols.text(label.key) == "bytes" => Some(size),
            _ => None,
        })
    }

    /// The snapshots as profiles of their own again, each with all of the shared symbols.
    pub fn into_profiles(self) -> Vec<(String, Profile)> {
        let Self { sample_types, symbols, label_sets, snapshots } = self;
        let one = |snapshot: Arc<Snapshot>| {
            let snapshot = Arc::unwrap_or_clone(snapshot);
            let mut samples = Samples::default();
            let mut stack = Vec::new();
            for sample in 0..snapshot.samples.len() {
                stack.clear();
                stack.extend(snapshot.stack(sample));
                samples.push_stack(&stack);
            }
            let Snapshot { name, header, samples: mut own, .. } = snapshot;
            own.replace_stacks(samples);
            let header = Header { sample_types: sample_types.clone(), ..header };
            let (symbols, label_sets) = (symbols.clone(), label_sets.clone());
            (name, Profile { header, symbols, label_sets, samples: own })
        };
        snapshots.into_iter().map(one).collect()
    }
}
