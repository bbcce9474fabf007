//! Labels of samples. Millions of samples have few distinct sets of labels (a Go heap profile one
//! per object size), so a sample holds the id of its set, and a set is decoded once.

use super::ids::{LabelSetId, StringId};

/// The value of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelValue {
    /// A string.
    Text(StringId),
    /// A number with its unit (empty if it has none).
    Number(i64, StringId),
}

/// A label: a key and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The key.
    pub key: StringId,
    /// The value.
    pub value: LabelValue,
}

/// Distinct sets of labels.
#[derive(Clone, Debug, Default)]
pub struct LabelSets {
    ends: Vec<u32>,
    labels: Vec<Label>,
}

impl LabelSets {
    /// The bytes they take.
    pub fn bytes(&self) -> usize {
        size_of_val(self.ends.as_slice()) + size_of_val(self.labels.as_slice())
    }

    /// Appends a set.
    pub fn push(&mut self, labels: impl IntoIterator<Item = Label>) -> LabelSetId {
        let id = LabelSetId::from_index(self.ends.len());
        self.labels.extend(labels);
        self.ends.push(self.labels.len() as u32);
        id
    }

    /// The labels of a set.
    pub fn get(&self, id: LabelSetId) -> &[Label] {
        let i = id.index();
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.labels[start..self.ends[i] as usize]
    }

    /// Number of sets.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no sets.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = LabelSetId> + use<> {
        (0..self.len()).map(LabelSetId::from_index)
    }
}
