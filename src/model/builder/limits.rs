//! Limits on what a profile may request by referring to the same few bytes again and again: names
//! and inlined functions.

use super::{Builder, Invalid, RawLine, invalid, varint};
use crate::model::ids::StringId;

/// Bytes that the names in a profile may take, counting each use. A reference takes a few bytes in
/// a file, and the report writes out each line's name in full somewhere along the way.
const MAX_NAMES: u64 = 4 << 30;

/// Inlined functions in one location up to which stacks need no counting.
const USUAL_LINES: u32 = 64;

/// No real program has more frames on all stacks than this, and following them would take minutes.
const MAX_FRAMES: u64 = 1 << 30;

impl Builder {
    /// Refuses a few long strings that many rows refer to. Dangling references are found later.
    pub(super) fn check_names(&self) -> Result<(), Invalid> {
        let n = self.strings.len();
        let length = |position: i64| match usize::try_from(position) {
            Ok(i) if i < n => self.strings.get(StringId::from_index(i)).len() as u64,
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
        if all.sum::<u64>() > MAX_NAMES {
            return invalid("its names take more than 4 GiB, counting each use");
        }
        Ok(())
    }

    /// Refuses stacks that become long only because each of their locations holds many inlined
    /// functions.
    pub(super) fn check_frames(&self) -> Result<(), Invalid> {
        let starts = std::iter::once(0).chain(self.line_ends.iter().copied());
        let lines: Vec<u32> =
            self.line_ends.iter().zip(starts).map(|(end, start)| end - start).collect();
        if lines.iter().all(|&lines| lines <= USUAL_LINES) {
            return Ok(());
        }
        let (packed, _) = self.samples.packed();
        let mut rest = packed.iter();
        let mut frames = 0_u64;
        while let Some(id) = varint(&mut rest) {
            let row = usize::try_from(id).unwrap_or(0).wrapping_sub(1);
            frames += u64::from(lines.get(row).copied().unwrap_or(0));
        }
        if frames > MAX_FRAMES {
            return invalid(format!(
                "its stacks have {frames} frames; at most {MAX_FRAMES} are read"
            ));
        }
        Ok(())
    }
}
