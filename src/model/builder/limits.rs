//! What entries weigh, and limits on what a profile may request by referring to the same few bytes
//! again and again: names and inlined functions.

use super::{Builder, Invalid, RawLine, invalid, varint};
use crate::model::ids::StringId;
use crate::model::names::LONGEST_SHOWN;
use crate::units::Bytes;

/// Bytes that the names in a profile may take at most, counting each use of what is shown of them. A
/// reference takes a few bytes in a file, and the report writes out each line's name somewhere along
/// the way.
const MAX_NAMES: u64 = 4 << 30;

/// Inlined functions in one location up to which stacks need no counting.
const USUAL_LINES: u32 = 64;

/// Frames that stacks may have beyond [`USUAL_LINES`] for each of their locations. A few kilobytes can demand billions,
/// and following those would take minutes.
const MORE_FRAMES: u64 = 1 << 22;

/// Bytes of memory that a profile is allowed for each frame on its stacks.
const FRAME: u64 = 2;

/// What the entries of one kind are called, how many there are, and how much they weigh in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Their name, in the plural.
    pub what: &'static str,
    /// Their number.
    pub count: u64,
    /// Their weight.
    pub bytes: u64,
}

impl Share {
    /// So many entries, each of which weighs so much.
    pub fn new(what: &'static str, count: usize, each: u64) -> Self {
        let count = count as u64;
        Self { what, count, bytes: count.saturating_mul(each) }
    }

    /// With more weight.
    fn and(self, more: u64) -> Self {
        Self { bytes: self.bytes.saturating_add(more), ..self }
    }
}

impl Builder {
    /// What a comment weighs.
    pub const COMMENT: u64 = 192;

    /// What the entries weigh so far, by kind: the memory that they take here, in joining profiles
    /// and in answering a question, roughly and rather more than less.
    pub fn weight(&self) -> [Share; 8] {
        let share =
            |what, count: usize, each: u64, more: u64| Share::new(what, count, each).and(more);
        let (packed, ends) = self.samples.packed();
        let (packed, values) = (packed.len() as u64, self.samples.values.len() as u64);
        [
            share("samples", ends.len(), 96, 2 * packed + 24 * values),
            share("strings", self.strings.len(), 64, 6 * self.strings.text_len() as u64),
            share("functions", self.functions.len(), 256, 0),
            share("locations", self.locations.len(), 320, 0),
            share("lines of locations", self.lines.len(), 96, 0),
            share("labels", self.labels.len() + self.label_ends.len(), 160, 0),
            share("mappings", self.mappings.len(), 512, 0),
            share("comments", self.header.comments.len(), Self::COMMENT, 0),
        ]
    }

    /// Expects about so many bytes of plain protobuf, by default very many.
    pub fn expect(&mut self, bytes: usize) {
        self.expected = bytes;
    }

    /// Allows the profile so many bytes of memory, which bounds what its entries may multiply to.
    pub fn allow(&mut self, bytes: u64) {
        self.allowed = bytes;
    }

    /// Refuses a few long strings that many rows refer to. Dangling references are found later.
    pub(super) fn check_names(&self) -> Result<(), Invalid> {
        let n = self.strings.len();
        let length = |position: i64| match usize::try_from(position) {
            Ok(i) if i < n => {
                self.strings.get(StringId::from_index(i)).len().min(LONGEST_SHOWN) as u64
            }
            _ => 0,
        };
        let functions: Vec<u64> = self
            .functions
            .iter()
            .map(|f| length(f.name) + length(f.system_name) + length(f.filename))
            .collect();
        let of_line = |line: &RawLine| {
            self.function_ids.get(line.function).map_or(0, |row| functions[row as usize])
        };
        let mappings = self.mappings.iter().map(|m| length(m.file) + length(m.build_id));
        let labels = self.labels.iter().map(|l| length(l.key) + length(l.text) + length(l.unit));
        let lines = self.lines.iter().map(of_line);
        let all = mappings.chain(labels).chain(lines).chain(functions.iter().copied());
        let most = self.allowed.min(MAX_NAMES);
        if all.sum::<u64>() > most {
            return invalid(format!(
                "its names take more than {}, counting each use",
                Bytes(most as f64)
            ));
        }
        Ok(())
    }

    /// Refuses stacks that become long only because each of their locations holds many inlined
    /// functions.
    pub(super) fn check_frames(&self) -> Result<(), Invalid> {
        let starts = std::iter::once(0).chain(self.line_ends.iter().copied());
        let lines: Vec<u32> =
            self.line_ends.iter().zip(starts).map(|(end, start)| end - start).collect();
        let (packed, _) = self.samples.packed();
        let allowed = self.allowed / FRAME;
        let longest = lines.iter().copied().max().unwrap_or(0);
        // A location takes at least a byte.
        if longest <= USUAL_LINES && packed.len() as u64 * u64::from(longest) <= allowed {
            return Ok(());
        }
        let mut rest = packed.iter();
        let (mut frames, mut most) = (0_u64, MORE_FRAMES);
        while let Some(id) = varint(&mut rest) {
            let row = usize::try_from(id).unwrap_or(0).wrapping_sub(1);
            frames += u64::from(lines.get(row).copied().unwrap_or(0));
            most += u64::from(USUAL_LINES);
        }
        let most = most.min(allowed);
        if frames > most {
            return invalid(format!(
                "its stacks have {frames} frames, most of them inlined; at most {most} are read from so \
                 few locations"
            ));
        }
        Ok(())
    }
}
