//! What an ELF binary says about itself: how it is loaded, its build id, and where its debug information is.

use super::sections::{Pieces, SectionError, find};
use object::read::{
    File, FileKind, Object as _, ObjectKind, ObjectSection as _, ObjectSegment as _,
};
use std::fmt::Write as _;
use std::sync::Arc;

/// Most segments of a binary. Real ones have about ten.
const MOST_SEGMENTS: usize = 4096;

/// Why a file can't name addresses. The message has no subject; the caller puts the name before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// It is a binary of another system.
    #[error(
        "is a {0} binary; --exe reads ELF binaries, as Linux has them: name the frames on the system that \
         recorded the profile, for example with pprof -proto, and give heapdiff the result"
    )]
    Foreign(&'static str),
    /// It is no binary.
    #[error(
        "isn't an ELF binary: expected 7f 45 4c 46 at its start; give the program or library that ran"
    )]
    NotElf,
    /// It is an ELF file that was never loaded.
    #[error("is {0}; expected a program or a shared library: give the linked binary that ran")]
    NotLoaded(&'static str),
    /// It is damaged.
    #[error("is a damaged ELF binary: {0}; copy it again from where the program ran")]
    Damaged(String),
}

impl From<SectionError> for BinaryError {
    fn from(SectionError(what): SectionError) -> Self {
        Self::Damaged(what)
    }
}

/// Whether a binary is loaded at the address that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is (`-no-pie`).
    Fixed,
    /// It may be loaded anywhere: a shared library or a position-independent program.
    Relocated,
}

/// A part of a binary that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where it is in the file.
    pub(super) offset: u64,
    /// Its address according to the file.
    pub(super) address: u64,
    /// Its size in memory.
    pub(super) size: u64,
    /// Its size in the file.
    pub(super) file_size: u64,
}

/// The file that debug information was moved to, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugLink {
    /// Name of the file, without a folder.
    pub file: String,
    /// CRC-32 of the file.
    pub crc: u32,
}

/// The file with debug information that several files share, as `dwz` makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AltLink {
    /// Its path.
    pub file: String,
    /// Its build id, in hexadecimal.
    pub build_id: String,
}

/// A binary, or a file with its debug information.
#[derive(Debug)]
pub struct Binary {
    pub(super) kind: Kind,
    pub(super) segments: Vec<Segment>,
    pub(super) pieces: Pieces,
    /// Its build id in hexadecimal; empty if it has none.
    pub build_id: String,
    /// The file that its debug information was moved to.
    pub debug_link: Option<DebugLink>,
    /// The file that it shares debug information with.
    pub alt_link: Option<AltLink>,
    /// Whether it has debug information.
    pub has_dwarf: bool,
    /// Whether it has a table of symbols beyond those of dynamic linking.
    pub has_symbols: bool,
    /// Whether it has code. A file with debug information alone has none.
    pub has_code: bool,
}

impl Binary {
    /// Reads a binary, or a file with its debug information.
    pub fn parse(bytes: &Arc<[u8]>) -> Result<Self, BinaryError> {
        Self::read(bytes, false)
    }

    /// Reads debug information that several files share. `dwz` writes it as an object file.
    pub fn parse_shared(bytes: &Arc<[u8]>) -> Result<Self, BinaryError> {
        Self::read(bytes, true)
    }

    fn read(bytes: &Arc<[u8]>, is_shared: bool) -> Result<Self, BinaryError> {
        check_kind(bytes)?;
        let damaged = |error: object::read::Error| BinaryError::Damaged(error.to_string());
        let file = File::parse(&**bytes).map_err(damaged)?;
        let kind = match file.kind() {
            ObjectKind::Executable => Kind::Fixed,
            ObjectKind::Dynamic => Kind::Relocated,
            ObjectKind::Relocatable if is_shared => Kind::Relocated,
            ObjectKind::Relocatable => return Err(BinaryError::NotLoaded("an object file (.o)")),
            ObjectKind::Core => return Err(BinaryError::NotLoaded("a core dump")),
            _ => return Err(BinaryError::NotLoaded("an ELF file of an unknown type")),
        };
        let segments: Vec<Segment> = file
            .segments()
            .take(MOST_SEGMENTS + 1)
            .map(|segment| {
                let (offset, file_size) = segment.file_range();
                Segment { offset, address: segment.address(), size: segment.size(), file_size }
            })
            .collect();
        if segments.len() > MOST_SEGMENTS {
            return Err(BinaryError::Damaged(format!("it has more than {MOST_SEGMENTS} segments")));
        }
        let build_id = file.build_id().ok().flatten().map_or_else(String::new, hexadecimal);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let debug_link = file.gnu_debuglink().ok().flatten();
        let alt_link = file.gnu_debugaltlink().ok().flatten();
        let has = |name| {
            find(&file, name)
                .and_then(|section| section.file_range())
                .is_some_and(|(_, size)| size > 0)
        };
        let (has_dwarf, has_symbols, has_code) = (has(".debug_info"), has(".symtab"), has(".text"));
        let pieces = Pieces::of(&file, bytes)?;
        let debug_link = debug_link.map(|(name, crc)| DebugLink { file: text(name), crc });
        let alt_link =
            alt_link.map(|(name, id)| AltLink { file: text(name), build_id: hexadecimal(id) });
        Ok(Self {
            kind,
            segments,
            pieces,
            build_id,
            debug_link,
            alt_link,
            has_dwarf,
            has_symbols,
            has_code,
        })
    }

    /// A binary of this kind without contents.
    #[cfg(test)]
    pub(super) fn empty(kind: Kind) -> Self {
        Self {
            kind,
            segments: Vec::new(),
            pieces: Pieces::default(),
            build_id: String::new(),
            debug_link: None,
            alt_link: None,
            has_dwarf: false,
            has_symbols: false,
            has_code: false,
        }
    }
}

/// Refuses what isn't ELF by its first bytes.
fn check_kind(bytes: &[u8]) -> Result<(), BinaryError> {
    let head: [u8; 4] = bytes.first_chunk().copied().unwrap_or_default();
    match head {
        [0x7f, b'E', b'L', b'F'] => {}
        [0xfe, 0xed, 0xfa, 0xce | 0xcf]
        | [0xce | 0xcf, 0xfa, 0xed, 0xfe]
        | [0xca, 0xfe, 0xba, 0xbe | 0xbf] => return Err(BinaryError::Foreign("Mach-O (macOS)")),
        [b'M', b'Z', ..] => return Err(BinaryError::Foreign("PE (Windows)")),
        [b'!', b'<', b'a', b'r'] => {
            return Err(BinaryError::NotLoaded("a library of object files (.a)"));
        }
        _ => return Err(BinaryError::NotElf),
    }
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf32 | FileKind::Elf64) => Ok(()),
        _ => Err(BinaryError::Damaged("its header is cut off or unknown".to_owned())),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused_by_name() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "isn't an ELF binary"),
            (b"#!/bin/sh\n", "isn't an ELF binary"),
            (b"\x7fELF", "is a damaged ELF binary"),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "is a Mach-O (macOS) binary"),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", "is a Mach-O (macOS) binary"),
            (b"MZ\x90\0", "is a PE (Windows) binary"),
            (b"!<arch>\n", "is a library of object files"),
        ];
        for (bytes, expected) in cases {
            let refused = Binary::parse(&bytes.into()).expect_err(expected).to_string();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
