//! The functions in a binary's table of symbols: where each begins and ends, and its name.

use object::elf;
use object::read::{File, Object as _, ObjectSection as _, ObjectSymbol, SectionFlags, SymbolKind};
use std::sync::Arc;

/// Bytes of names that are read for each byte of a file. Symbols can share parts of one long text, and each
/// is read to its end.
const PER_BYTE: usize = 4;

/// The functions of a binary, by address.
#[derive(Debug)]
pub(super) struct SymbolTable {
    bytes: Arc<[u8]>,
    functions: Vec<Function>,
}

/// A function. Its name stays where it is in the file: many symbols can share one long name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    start: u64,
    /// Its size; 0 if unknown, then it ends where the next one begins.
    size: u64,
    /// Where the code that it is in ends.
    limit: u64,
    name: (usize, usize),
}

impl SymbolTable {
    /// Reads the table of symbols, or the one of dynamic linking if there is no other.
    pub(super) fn read(bytes: &Arc<[u8]>) -> Self {
        let mut functions = Vec::new();
        if let Ok(file) = File::parse(&**bytes) {
            functions = functions_of(bytes, &file, file.symbols());
            if functions.is_empty() {
                functions = functions_of(bytes, &file, file.dynamic_symbols());
            }
        }
        // Of several names for one function, a symbol with a size and then the first is taken.
        functions.sort_by(|a, b| {
            (a.start, a.size == 0, a.name.0).cmp(&(b.start, b.size == 0, b.name.0))
        });
        functions.dedup_by_key(|function| function.start);
        Self { bytes: Arc::clone(bytes), functions }
    }

    /// The name of the function that an address of the file is in.
    pub(super) fn find(&self, address: u64) -> Option<&str> {
        let next = self.functions.partition_point(|function| function.start <= address);
        let function = &self.functions[next.checked_sub(1)?];
        let is_behind = function.size != 0 && address - function.start >= function.size;
        if is_behind || address >= function.limit {
            return None;
        }
        std::str::from_utf8(self.bytes.get(function.name.0..function.name.1)?).ok()
    }
}

/// The symbols of functions: those in sections of code, and those without a section in a file that has none.
fn functions_of<'d>(
    bytes: &[u8],
    file: &File<'d>,
    symbols: impl Iterator<Item: ObjectSymbol<'d>>,
) -> Vec<Function> {
    let base = bytes.as_ptr().addr();
    let mut left = bytes.len().saturating_mul(PER_BYTE);
    let limit = |symbol: &dyn Fn() -> Option<object::SectionIndex>| match symbol() {
        Some(index) => {
            let section = file.section_by_index(index).ok()?;
            // In a file of debug information alone, the section is empty and keeps its flags.
            let is_code = matches!(
                section.flags(),
                SectionFlags::Elf { sh_flags, .. } if sh_flags.contains(elf::SHF_EXECINSTR)
            );
            is_code.then(|| section.address().saturating_add(section.size()))
        }
        None => Some(u64::MAX),
    };
    symbols
        .filter(|symbol| {
            symbol.is_definition()
                && matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown)
        })
        .map_while(|symbol| {
            let name = symbol.name_bytes().unwrap_or_default();
            left = left.checked_sub(name.len())?;
            Some((symbol, name))
        })
        .filter_map(|(symbol, name)| {
            let name = Some(name).filter(|name| !name.is_empty())?;
            let start = name.as_ptr().addr().checked_sub(base)?;
            let name = (start, start + name.len());
            let limit = limit(&|| symbol.section_index())?;
            Some(Function { start: symbol.address(), size: symbol.size(), limit, name })
        })
        .collect()
}
