//! Looks up the label set of a sample by its bytes, which repeat often in a heap profile.

use super::wire::{Cursor, Field, varints};
use crate::input::InputError;
use crate::model::builder::{Builder, RawLabel};
use crate::model::ids::LabelSetId;
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// Label sets by the bytes of their fields.
#[derive(Default)]
pub(super) struct LabelCache {
    /// The label bytes of the current sample.
    current: Vec<u8>,
    known: Vec<u8>,
    ends: Vec<(usize, LabelSetId)>,
    index: HashTable<u32>,
    last: Option<u32>,
}

impl LabelCache {
    pub(super) fn begin(&mut self) {
        self.current.clear();
    }

    /// Adds a label field, including its key.
    #[inline]
    pub(super) fn add(&mut self, field: &[u8]) {
        self.current.extend_from_slice(field);
    }

    /// The label fields of the current sample so far.
    #[inline]
    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }

    #[inline]
    fn bytes<'a>(known: &'a [u8], ends: &[(usize, LabelSetId)], i: u32) -> &'a [u8] {
        let start = if i == 0 { 0 } else { ends[i as usize - 1].0 };
        &known[start..ends[i as usize].0]
    }

    #[inline]
    pub(super) fn end(
        &mut self,
        builder: &mut Builder,
        base: u64,
    ) -> Result<LabelSetId, InputError> {
        match self.last {
            Some(i) if Self::bytes(&self.known, &self.ends, i) == self.current => {
                Ok(self.ends[i as usize].1)
            }
            _ => self.look_up(builder, base),
        }
    }

    fn look_up(&mut self, builder: &mut Builder, base: u64) -> Result<LabelSetId, InputError> {
        let Self { current, known, ends, index, last } = self;
        let h = hash(current);
        if let Some(&i) = index.find(h, |&i| Self::bytes(known, ends, i) == current) {
            *last = Some(i);
            return Ok(ends[i as usize].1);
        }
        let id = builder.label_set(&labels(current, base)?);
        known.extend_from_slice(current);
        ends.push((known.len(), id));
        let i = ends.len() as u32 - 1;
        let (known, ends) = (&*known, &*ends);
        index.insert_unique(h, i, |&i| hash(Self::bytes(known, ends, i)));
        *last = Some(i);
        Ok(id)
    }
}

fn labels(fields: &[u8], base: u64) -> Result<Vec<RawLabel>, InputError> {
    let mut set = Vec::new();
    let mut cursor = Cursor::new(fields, base);
    while !cursor.at_end() {
        if let (3, Field::Bytes(bytes, base)) = cursor.field()? {
            let mut raw = RawLabel::default();
            varints(bytes, base, |number, value| match number {
                1 => raw.key = value as i64,
                2 => raw.text = value as i64,
                3 => raw.number = value as i64,
                4 => raw.unit = value as i64,
                _ => {}
            })?;
            set.push(raw);
        }
    }
    Ok(set)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}
