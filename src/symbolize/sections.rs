//! The sections of a binary that names come from, unpacked if they are compressed.
//!
//! Sections stay where they are in the bytes of the file, and only compressed ones take more memory: no
//! more than their method of compression can reach, so a claimed size alone demands nothing.

use gimli::{EndianArcSlice, Reader as _, RunTimeEndian, SectionId};
use object::read::{CompressionFormat, File, Object as _, ObjectSection as _, Section};
use std::io::Read as _;
use std::sync::Arc;

/// A part of a binary, as the DWARF reader takes it.
pub(super) type Piece = EndianArcSlice<RunTimeEndian>;

/// How many bytes one byte can stand for: the most that deflate reaches, which no debug information of zstd
/// exceeds.
const MOST_PER_BYTE: u64 = 1032;
/// Bytes that the unpacked sections of one file may take together.
const MOST_UNPACKED: u64 = 8 << 30;

/// What is wrong with a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SectionError(pub(super) String);

/// The sections of a file, and the file itself.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    pub(super) bytes: Arc<[u8]>,
    endian: RunTimeEndian,
    sections: Vec<(SectionId, Piece)>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { bytes: Arc::from([]), endian: RunTimeEndian::Little, sections: Vec::new() }
    }
}

/// The sections that frames come from.
const WANTED: [SectionId; 14] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
    SectionId::DebugCuIndex,
];

impl Pieces {
    pub(super) fn of(file: &File<'_>, bytes: &Arc<[u8]>) -> Result<Self, SectionError> {
        let endian =
            if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let whole = Piece::new(Arc::clone(bytes), endian);
        let mut sections = Vec::new();
        let mut unpacked = 0;
        for id in WANTED {
            let Some(section) = find(file, id.name()) else { continue };
            let wrong = |what: &str| SectionError(format!("section {} {what}", id.name()));
            let range = section
                .compressed_file_range()
                .map_err(|_| wrong("has a broken header of compression"))?;
            let end = range.offset.checked_add(range.compressed_size);
            let end = end.filter(|&end| end <= bytes.len() as u64);
            let Some(end) = end else { return Err(wrong("ends behind the end of the file")) };
            let packed = range.offset as usize..end as usize;
            let piece = match range.format {
                CompressionFormat::None => whole.range(packed),
                format => {
                    let size = range.uncompressed_size;
                    unpacked += size;
                    let most = range.compressed_size.saturating_mul(MOST_PER_BYTE);
                    if size > most || unpacked > MOST_UNPACKED {
                        return Err(wrong(&format!("claims to unpack to {size} bytes")));
                    }
                    let text = unpack(format, &bytes[packed], size)
                        .ok_or_else(|| wrong("can't be unpacked"))?;
                    Piece::new(text.into(), endian)
                }
            };
            sections.push((id, piece));
        }
        Ok(Self { bytes: Arc::clone(bytes), endian, sections })
    }

    /// Bytes of all these sections.
    pub(super) fn size(&self) -> u64 {
        self.sections.iter().map(|(_, piece)| piece.len() as u64).sum()
    }

    /// A section; empty if there is none.
    pub(super) fn section(&self, id: SectionId) -> Piece {
        let found = self.sections.iter().find(|(own, _)| *own == id);
        found.map_or_else(|| Piece::new(Arc::from([]), self.endian), |(_, piece)| piece.clone())
    }
}

/// A section of debug information: by its name, or by the one that older tools give it once it is compressed.
pub(super) fn find<'d, 'f>(file: &'f File<'d>, name: &str) -> Option<Section<'d, 'f>> {
    let packed = || Some(format!(".z{}", name.strip_prefix(".debug_").map(|_| &name[1..])?));
    file.section_by_name(name).or_else(|| file.section_by_name(&packed()?))
}

/// Unpacks a section to exactly this size.
fn unpack(format: CompressionFormat, packed: &[u8], size: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    match format {
        CompressionFormat::Zlib => {
            flate2::read::ZlibDecoder::new(packed).take(size).read_to_end(&mut text).ok()?;
        }
        CompressionFormat::Zstandard => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed).ok()?;
            decoder.take(size).read_to_end(&mut text).ok()?;
        }
        _ => return None,
    }
    (text.len() as u64 == size).then_some(text)
}

/// The checksum of a file with debug information, as `.gnu_debuglink` has it: CRC-32 as in gzip.
pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn both_methods_of_compression_are_unpacked() {
        let text = b"debug information ".repeat(50);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(&text).unwrap();
        let zlib = zlib.finish().unwrap();
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let zstd = ruzstd::encoding::compress_to_vec(text.as_slice(), level);
        let size = text.len() as u64;
        for (format, packed) in
            [(CompressionFormat::Zlib, &zlib), (CompressionFormat::Zstandard, &zstd)]
        {
            assert_eq!(unpack(format, packed, size).as_deref(), Some(text.as_slice()));
            assert_eq!(unpack(format, packed, size + 1), None, "too short");
            assert_eq!(unpack(format, &packed[..packed.len() / 2], size), None, "cut off");
        }
        assert_eq!(unpack(CompressionFormat::Unknown, &zlib, size), None);
    }

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }
}
