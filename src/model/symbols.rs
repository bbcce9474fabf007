//! Symbols: the meaning of addresses. Mappings, functions and locations, with the strings that name
//! them.
//!
//! A profile has its own symbols; a series has shared ones, which hold equal entries of several
//! profiles once. Both are this type. Two locations are equal if mapping, address relative to the
//! mapping's start, and lines are equal, as in pprof's merge: address randomisation doesn't matter.

use super::ids::{FunctionId, LocationId, MappingId, StringId};
use super::strings::Strings;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// A binary or library in the address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// End address, exclusive.
    pub limit: u64,
    /// Offset in the file of the first address.
    pub offset: u64,
    /// File it was loaded from.
    pub file: StringId,
    /// Build id of that file.
    pub build_id: StringId,
    /// Which of functions, files, lines and inlined frames the profile declares resolved.
    pub has: Resolved,
}

impl Mapping {
    /// Its size in whole pages of 4 KiB: linkers and kernels differ below that.
    pub fn rounded_size(&self) -> u64 {
        self.limit.wrapping_sub(self.start).wrapping_add(0xfff) & !0xfff
    }

    /// What distinguishes binaries: the build id, or the file if there is none.
    pub fn build_id_or_file(&self) -> StringId {
        if self.build_id == StringId(0) { self.file } else { self.build_id }
    }
}

/// Which symbols of a mapping its profile declares resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent flags of the wire format")]
pub struct Resolved {
    /// Function names.
    pub functions: bool,
    /// File names.
    pub filenames: bool,
    /// Line numbers.
    pub line_numbers: bool,
    /// Inlined frames.
    pub inline_frames: bool,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Name for people.
    pub name: StringId,
    /// Name in the system (mangled).
    pub system_name: StringId,
    /// Source file.
    pub filename: StringId,
    /// First line of the function; 0 if unknown.
    pub start_line: i64,
}

/// A line of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The function.
    pub function: FunctionId,
    /// Line number; 0 if unknown.
    pub line: i64,
    /// Column; 0 if unknown.
    pub column: i64,
}

/// Locations as columns. The lines of a location are ordered from the innermost (the inlined
/// callee) outwards.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    /// Mapping of each location.
    pub mapping: Vec<Option<MappingId>>,
    /// Address of each location.
    pub address: Vec<u64>,
    /// Whether the linker folded several functions into this address.
    pub is_folded: Vec<bool>,
    line_ends: Vec<u32>,
    lines: Vec<Line>,
}

impl Locations {
    /// The bytes they take.
    pub fn bytes(&self) -> usize {
        size_of_val(self.mapping.as_slice())
            + size_of_val(self.address.as_slice())
            + size_of_val(self.is_folded.as_slice())
            + size_of_val(self.line_ends.as_slice())
            + size_of_val(self.lines.as_slice())
    }

    /// Appends a location.
    pub fn push(
        &mut self,
        mapping: Option<MappingId>,
        address: u64,
        is_folded: bool,
        lines: impl IntoIterator<Item = Line>,
    ) -> LocationId {
        let id = LocationId::from_index(self.address.len());
        self.mapping.push(mapping);
        self.address.push(address);
        self.is_folded.push(is_folded);
        self.lines.extend(lines);
        self.line_ends.push(self.lines.len() as u32);
        id
    }

    /// The lines of a location, innermost first; empty if it isn't symbolized.
    pub fn lines(&self, id: LocationId) -> &[Line] {
        let i = id.index();
        let start = if i == 0 { 0 } else { self.line_ends[i - 1] as usize };
        &self.lines[start..self.line_ends[i] as usize]
    }

    /// Number of locations.
    pub fn len(&self) -> usize {
        self.address.len()
    }

    /// Whether there are no locations.
    pub fn is_empty(&self) -> bool {
        self.address.is_empty()
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = LocationId> + use<> {
        (0..self.len()).map(LocationId::from_index)
    }
}

/// The symbols of a profile or of a series.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// Strings.
    pub strings: Strings,
    /// Mappings; the first is the main binary.
    pub mappings: Vec<Mapping>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Locations.
    pub locations: Locations,
}

impl Symbols {
    /// The bytes they take.
    pub fn bytes(&self) -> usize {
        self.strings.bytes()
            + size_of_val(self.mappings.as_slice())
            + size_of_val(self.functions.as_slice())
            + self.locations.bytes()
    }

    /// A string by id.
    pub fn text(&self, id: StringId) -> &str {
        self.strings.get(id)
    }

    /// A function by id.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// Adds a function that only has a name, and its location.
    pub fn push_name(&mut self, name: &str) -> LocationId {
        let name = self.strings.intern(name);
        let function = FunctionId::from_index(self.functions.len());
        let (filename, start_line) = (StringId(0), 0);
        self.functions.push(Function { name, system_name: name, filename, start_line });
        self.locations.push(None, 0, false, [Line { function, line: 0, column: 0 }])
    }

    /// The name of a function.
    pub fn name(&self, id: FunctionId) -> &str {
        self.text(self.function(id).name)
    }

    /// The file that a location's mapping was loaded from; empty if there is none.
    pub fn mapping_file(&self, id: LocationId) -> &str {
        match self.locations.mapping[id.index()] {
            Some(mapping) => self.text(self.mappings[mapping.index()].file),
            None => "",
        }
    }

    /// A hash of each location's meaning, independent of ids: equal locations of two profiles, by
    /// the rules of [`super::rebase::Rebase`], have equal hashes.
    pub fn location_hashes(&self) -> Vec<u64> {
        // A string may be long, and many functions may have it.
        let text: Vec<u64> =
            (0..self.strings.len()).map(|id| hash(&self.text(StringId::from_index(id)))).collect();
        let text = |id: StringId| text[id.index()];
        let mappings: Vec<u64> = self
            .mappings
            .iter()
            .map(|m| hash(&(m.rounded_size(), m.offset, text(m.build_id_or_file()))))
            .collect();
        let functions: Vec<u64> = self
            .functions
            .iter()
            .map(|f| hash(&(text(f.name), text(f.system_name), text(f.filename), f.start_line)))
            .collect();
        let one = |id: LocationId| {
            let i = id.index();
            let address = self.locations.address[i];
            let (mapping, address) = match self.locations.mapping[i] {
                Some(m) => {
                    (mappings[m.index()], address.wrapping_sub(self.mappings[m.index()].start))
                }
                None => (0, address),
            };
            let mut hasher = FxHasher::default();
            (mapping, address, self.locations.is_folded[i]).hash(&mut hasher);
            for line in self.locations.lines(id) {
                (functions[line.function.index()], line.line, line.column).hash(&mut hasher);
            }
            hasher.finish()
        };
        self.locations.ids().map(one).collect()
    }

    /// The name of an address without symbols: `mapping+0xoffset`, or the address alone.
    pub fn address_name(&self, id: LocationId) -> String {
        let address = self.locations.address[id.index()];
        let Some(mapping) = self.locations.mapping[id.index()] else {
            return format!("0x{address:x}");
        };
        let mapping = &self.mappings[mapping.index()];
        match base_name(self.text(mapping.file)) {
            "" => format!("0x{address:x}"),
            // The offset in the file: what addr2line and similar tools take for a
            // position-independent binary.
            file => {
                let offset = address.wrapping_sub(mapping.start).wrapping_add(mapping.offset);
                format!("{file}+0x{offset:x}")
            }
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Whether a build id tells builds apart. On Windows, Go writes the path and the time of the file
/// instead, which a copy doesn't keep.
pub fn is_build_id(id: &str) -> bool {
    !id.is_empty() && !id.contains(['\\', ' '])
}

/// Whether a path is one of Windows.
pub fn is_windows_path(path: &str) -> bool {
    path.starts_with("\\\\") || path.get(1..3).is_some_and(|drive| matches!(drive, ":\\" | ":/"))
}

/// The name of a program, given its path.
pub fn program_name(path: &str) -> &str {
    let name = base_name(path);
    if is_windows_path(path) { name.rsplit('\\').next().unwrap_or(name) } else { name }
}

/// The last element of a path, as pprof takes it.
pub fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or("")
}
