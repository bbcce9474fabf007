//! Where a binary was loaded: turns an address of a process into an address of its file, exactly as pprof
//! does (`internal/elfexec` and `internal/binutils`), without its cases for kernels.

use super::binary::{Binary, Kind, Segment};

/// The page size that pprof assumes.
const PAGE: u64 = 4096;
/// Addresses from here on belong to the kernel.
const KERNEL: u64 = 1 << 63;

/// The mapping of a binary in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// First address.
    pub start: u64,
    /// End address, exclusive.
    pub limit: u64,
    /// Offset in the file of the first address.
    pub offset: u64,
}

/// Why an address isn't one of a binary: most likely, another build of it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced;

impl Loaded {
    /// The mapping of a process whose mappings aren't known: every address is as in the file.
    pub const EVERYTHING: Self = Self { start: 0, limit: u64::MAX, offset: 0 };

    fn is_everything(self) -> bool {
        self.start == 0 && self.offset == 0 && matches!(self.limit, 0 | u64::MAX)
    }

    /// The address in the binary's file of an address of the process.
    pub fn file_address(self, binary: &Binary, address: u64) -> Result<u64, Misplaced> {
        if self.is_everything() {
            return Ok(address);
        }
        if address < self.start || address >= self.limit {
            return Err(Misplaced);
        }
        let segment = self.segment(&binary.segments, address)?;
        let base = match (binary.kind, segment) {
            (Kind::Fixed, None) => 0,
            (Kind::Fixed, Some(_)) if self.start == 0 || self.start >= KERNEL => {
                return Err(Misplaced);
            }
            (Kind::Relocated, None) => self.start.wrapping_sub(self.offset),
            (_, Some(segment)) => self
                .start
                .wrapping_sub(self.offset)
                .wrapping_add(segment.offset)
                .wrapping_sub(segment.address),
        };
        Ok(address.wrapping_sub(base))
    }

    /// The segment that an address is in; `None` if the binary has none to load.
    fn segment(self, segments: &[Segment], address: u64) -> Result<Option<Segment>, Misplaced> {
        if self.limit <= self.start || self.limit >= KERNEL || segments.is_empty() {
            return Ok(None);
        }
        let size = self.limit - self.start;
        let mut fitting = segments.iter().filter(|segment| self.overlaps(segment, size));
        let (first, second) = (fitting.next().ok_or(Misplaced)?, fitting.next());
        if second.is_none() {
            return Ok(Some(*first));
        }
        let at = address.wrapping_sub(self.start).wrapping_add(self.offset);
        let mut holding = segments.iter().filter(|segment| {
            self.overlaps(segment, size)
                && at >= segment.offset
                && at < segment.offset.saturating_add(segment.size)
        });
        match (holding.next(), holding.next()) {
            (Some(segment), None) => Ok(Some(*segment)),
            _ => Err(Misplaced),
        }
    }

    /// Whether this mapping of so many bytes is of a segment.
    fn overlaps(self, segment: &Segment, size: u64) -> bool {
        let limit = self.offset.saturating_add(size);
        let segment_limit = segment.offset.saturating_add(segment.size);
        if segment.file_size == 0 || self.offset >= segment_limit || segment.offset >= limit {
            return false;
        }
        // A mapping that begins before the segment's first page is of an earlier segment.
        let in_page = segment.address & (PAGE - 1);
        if self.offset < segment.offset.saturating_sub(in_page) {
            return false;
        }
        // A mapping that begins in the segment's last page and goes on behind it is of a later one.
        let begins_late =
            self.offset > segment.offset && segment_limit < self.offset.saturating_add(PAGE);
        !(begins_late && limit >= segment_limit.saturating_add(PAGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(offset: u64, address: u64, size: u64) -> Segment {
        Segment { offset, address, size, file_size: size }
    }

    fn binary(kind: Kind, segments: &[Segment]) -> Binary {
        Binary { segments: segments.to_vec(), ..Binary::empty(kind) }
    }

    fn at(start: u64, limit: u64, offset: u64) -> Loaded {
        Loaded { start, limit, offset }
    }

    #[test]
    fn addresses_are_found_as_pprof_finds_them() {
        // As `readelf -lW` shows them for programs linked by GNU ld and by lld.
        let pie = binary(
            Kind::Relocated,
            &[segment(0, 0, 0x628), segment(0x1000, 0x1000, 0x1b5), segment(0x2db8, 0x3db8, 0x258)],
        );
        let shifted =
            binary(Kind::Relocated, &[segment(0, 0, 0x8c0), segment(0x8c0, 0x18c0, 0x1f0)]);
        let fixed =
            binary(Kind::Fixed, &[segment(0, 0x40_0000, 0x500), segment(0x1000, 0x40_1000, 0x200)]);
        let prelinked = binary(Kind::Relocated, &[segment(0, 0x34_0000_0000, 0x20_0000)]);
        let bare = binary(Kind::Fixed, &[]);
        let cases = [
            (&pie, at(0x5500_0000_1000, 0x5500_0000_2000, 0x1000), 0x5500_0000_1139, Ok(0x1139)),
            // One mapping for the whole file, as jemalloc's and gperftools' readers join them.
            (&pie, at(0x5500_0000_0000, 0x5500_0000_4000, 0), 0x5500_0000_1139, Ok(0x1139)),
            (&shifted, at(0x7f00_0000_1000, 0x7f00_0000_2000, 0), 0x7f00_0000_19c0, Ok(0x19c0)),
            (&fixed, at(0x40_1000, 0x40_2000, 0x1000), 0x40_1136, Ok(0x40_1136)),
            (&fixed, at(0x40_0000, 0x40_2000, 0), 0x40_1136, Ok(0x40_1136)),
            (
                &prelinked,
                at(0x7f00_0000_0000, 0x7f00_0020_0000, 0),
                0x7f00_0001_0000,
                Ok(0x34_0001_0000),
            ),
            (&bare, at(0x40_0000, 0x40_1000, 0), 0x40_0136, Ok(0x40_0136)),
            (&pie, Loaded::EVERYTHING, 0x1139, Ok(0x1139)),
            (&pie, at(0, 0, 0), 0x1139, Ok(0x1139)),
            (
                &pie,
                at(0x5500_0000_1000, 0x5500_0000_2000, 0x1000),
                0x5500_0000_2000,
                Err(Misplaced),
            ),
            // No segment is so far back in the file: another binary was mapped.
            (
                &pie,
                at(0x5500_0000_1000, 0x5500_0000_2000, 0x9000),
                0x5500_0000_1139,
                Err(Misplaced),
            ),
            (&fixed, at(KERNEL, KERNEL + 0x2000, 0), KERNEL + 8, Ok(KERNEL + 8)),
        ];
        for (binary, mapping, address, expected) in cases {
            assert_eq!(mapping.file_address(binary, address), expected, "{mapping:x?} {address:x}");
        }
    }

    #[test]
    fn numbers_at_the_end_of_their_range_do_no_harm() {
        let huge = binary(Kind::Relocated, &[segment(u64::MAX, u64::MAX, u64::MAX)]);
        for mapping in [at(1, u64::MAX, u64::MAX), at(u64::MAX, 0, 1), at(1, KERNEL - 1, u64::MAX)]
        {
            let _ = mapping.file_address(&huge, u64::MAX);
            let _ = mapping.file_address(&huge, 1);
        }
    }
}
