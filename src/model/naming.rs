//! Names the locations of a profile that has only their addresses.
//!
//! Mappings, samples and named locations stay as they are. A location that gets lines has another
//! meaning, so the hashes of stacks are computed again.

use super::builder::{Invalid, hash_all};
use super::ids::{FunctionId, LocationId, StringId};
use super::profile::Profile;
use super::symbols::{Function, Line, Locations, Resolved};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Most functions inlined at one address, with the one that has them all. Compilers stay far below.
pub const MOST_INLINED: usize = 64;
/// Bytes that new names may take together.
const MOST_TEXT: usize = 1 << 30;

/// A frame at an address: a function, and the line in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFrame {
    /// Name of the function as the linker has it, which may be mangled.
    pub function: String,
    /// Source file; empty if unknown.
    pub file: String,
    /// Line number; 0 if unknown.
    pub line: i64,
    /// Column; 0 if unknown.
    pub column: i64,
}

impl Profile {
    /// Gives locations without lines those that `find` returns, innermost first; an empty list leaves the
    /// location as it is. Returns how many were named.
    pub fn name_locations<'f>(
        &mut self,
        mut find: impl FnMut(LocationId) -> &'f [NamedFrame],
    ) -> Result<usize, Invalid> {
        let old = std::mem::take(&mut self.symbols.locations);
        let mut functions: HashMap<(StringId, StringId), FunctionId, FxBuildHasher> =
            HashMap::default();
        let (mut named, limit) = (0, self.symbols.strings.text_len() + MOST_TEXT);
        let mut new = Locations::default();
        for id in old.ids() {
            let i = id.index();
            let frames = if old.lines(id).is_empty() { find(id) } else { &[] };
            let mut lines: Vec<Line> = old.lines(id).to_vec();
            // Of too many, the outermost is the function that the address belongs to.
            let inner = frames.len().min(MOST_INLINED) - usize::from(!frames.is_empty());
            for frame in frames[..inner].iter().chain(frames.last()) {
                lines.push(self.line(frame, &mut functions));
            }
            if let (false, Some(mapping)) = (frames.is_empty(), old.mapping[i]) {
                self.symbols.mappings[mapping.index()].has = Resolved {
                    functions: true,
                    filenames: true,
                    line_numbers: true,
                    inline_frames: true,
                };
            }
            named += usize::from(!frames.is_empty());
            new.push(old.mapping[i], old.address[i], old.is_folded[i], lines);
            if self.symbols.strings.text_len() > limit {
                return Err(Invalid("the names of its functions take more than 1 GiB".to_owned()));
            }
        }
        self.symbols.locations = new;
        if named > 0 {
            let hashes = hash_all(&self.samples, &self.symbols.location_hashes())?;
            (self.samples.stack_hashes, _) = hashes;
        }
        Ok(named)
    }

    fn line(
        &mut self,
        frame: &NamedFrame,
        functions: &mut HashMap<(StringId, StringId), FunctionId, FxBuildHasher>,
    ) -> Line {
        let symbols = &mut self.symbols;
        let name = symbols.strings.intern(&frame.function);
        let filename = symbols.strings.intern(&frame.file);
        let function = *functions.entry((name, filename)).or_insert_with(|| {
            let id = FunctionId::from_index(symbols.functions.len());
            symbols.functions.push(Function { name, system_name: name, filename, start_line: 0 });
            id
        });
        Line { function, line: frame.line, column: frame.column }
    }
}
