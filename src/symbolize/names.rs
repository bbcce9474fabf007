//! Looks up addresses of a binary: in its debug information, which has files, lines and inlined functions, and
//! where that has nothing, in its table of symbols.
//!
//! Debug information is parsed as far as the addresses need it. Each address is looked up once.

use super::binary::Binary;
use super::meter::{Meter, Metered};
use super::sections::Pieces;
use super::symbol_table::SymbolTable;
use super::units::UnitRanges;
use crate::model::names::bounded;
use crate::model::naming::{MOST_INLINED, NamedFrame};
use addr2line::{Context, LookupResult};
use gimli::Dwarf;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::cell::OnceCell;
use std::sync::Arc;

/// Bytes that the names of one binary may take. Broken debug information can repeat one long name for every
/// address.
const MOST_TEXT: usize = 1 << 30;
/// Bytes of a name from which on its middle is left out. Mangled names that long aren't read anyway.
const LONGEST: usize = 4 << 10;

/// What was left out of debug information that takes more work to read than its size allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Whether all of it was: its units alone take too much.
    pub is_all: bool,
    /// Addresses that weren't looked up in it.
    pub addresses: u64,
    /// Whether functions are inlined in one another too deeply.
    pub is_deep: bool,
}

/// Names of the addresses of one binary.
pub struct Names {
    dwarf: Option<Context<Metered>>,
    units: UnitRanges,
    meter: Arc<Meter>,
    /// Addresses that weren't looked up in debug information, since that took too much work.
    unread: u64,
    /// The bytes of files that have tables of symbols, the best first.
    tables: Vec<(Arc<[u8]>, OnceCell<SymbolTable>)>,
    known: HashMap<u64, Vec<NamedFrame>, FxBuildHasher>,
    /// Bytes that the names may still take.
    left: usize,
    /// Whether debug information was moved to files of its own (`-gsplit-dwarf`).
    is_split: bool,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Names {
    /// The names of a binary, with the file that has its debug information, and the file that this
    /// shares some with.
    pub fn new(binary: &Binary, debug: Option<&Binary>, shared: Option<&Binary>) -> Self {
        let of = debug.unwrap_or(binary);
        let bytes = of.pieces.size() + shared.map_or(0, |shared| shared.pieces.size());
        let meter = Meter::new(bytes);
        meter.begin();
        let load = |pieces: &Pieces| {
            Dwarf::load(|id| Ok::<_, gimli::Error>(Metered::new(pieces.section(id), &meter)))
        };
        let mut units = UnitRanges::default();
        let dwarf = load(&of.pieces).and_then(|mut dwarf| {
            if let Some(shared) = shared {
                dwarf.set_sup(load(&shared.pieces)?);
            }
            units = UnitRanges::of(&dwarf);
            Context::from_dwarf(dwarf)
        });
        let mut files: Vec<&Binary> = debug.into_iter().chain([binary]).collect();
        files.sort_by_key(|file| !file.has_symbols);
        Self {
            dwarf: dwarf.ok().filter(|_| of.has_dwarf),
            units,
            meter,
            unread: 0,
            tables: files
                .iter()
                .map(|file| (Arc::clone(&file.pieces.bytes), OnceCell::new()))
                .collect(),
            known: HashMap::default(),
            left: MOST_TEXT,
            is_split: false,
        }
    }

    /// Whether frames are missing because their debug information is in other files.
    pub fn is_split(&self) -> bool {
        self.is_split
    }

    /// What of the debug information was left out, since reading it takes too much.
    pub fn unread(&self) -> Unread {
        let is_all = self.meter.left() == 0 && self.dwarf.is_none();
        Unread { is_all, addresses: self.unread, is_deep: self.meter.is_deep() }
    }

    /// The frames at an address of the file, innermost first; none if it isn't known.
    pub fn find(&mut self, address: u64) -> &[NamedFrame] {
        if !self.known.contains_key(&address) {
            let frames = self.look_up(address);
            self.known.insert(address, frames);
        }
        self.known.get(&address).map_or(&[], Vec::as_slice)
    }

    fn look_up(&mut self, address: u64) -> Vec<NamedFrame> {
        let mut frames = self.debug_frames(address).unwrap_or_default();
        // The outermost function is the one that the symbol is about. Of a function that is private to its file, and
        // of all if debug information is little, only the symbol has the namespace.
        match frames.last_mut() {
            Some(outer) if !is_mangled(&outer.function) => {
                let symbol = self.symbol(address).unwrap_or_default();
                let whole = symbol.split('.').next().unwrap_or_default();
                if outer.function.is_empty() {
                    outer.function = symbol;
                } else if is_mangled(whole) && is_of(whole, &outer.function) {
                    whole.clone_into(&mut outer.function);
                }
            }
            Some(_) => {}
            None => frames.extend(
                self.symbol(address)
                    .map(|function| NamedFrame { function, ..NamedFrame::default() }),
            ),
        }
        frames.retain(|frame| !frame.function.is_empty());
        let text = frames.iter().map(|frame| frame.function.len() + frame.file.len()).sum();
        match self.left.checked_sub(text) {
            Some(left) => self.left = left,
            None => frames.clear(),
        }
        frames
    }

    fn debug_frames(&mut self, address: u64) -> Result<Vec<NamedFrame>, gimli::Error> {
        // The last address is where a range can end, and never in one.
        let Some(dwarf) = self.dwarf.as_ref().filter(|_| address < u64::MAX) else {
            return Ok(Vec::new());
        };
        self.meter.begin();
        self.meter.allow_address();
        if !self.meter.take(self.units.cost(address)) {
            self.unread += 1;
            return Ok(Vec::new());
        }
        let found = dwarf.find_frames(address);
        self.is_split |= matches!(found, LookupResult::Load { .. });
        let mut found = match found.skip_all_loads() {
            Ok(found) => found,
            Err(error) => {
                self.unread += u64::from(self.meter.left() == 0);
                return Err(error);
            }
        };
        let mut frames = Vec::new();
        while let Some(frame) = found.next()? {
            if !self.meter.take(1) {
                self.unread += 1;
                return Ok(Vec::new());
            }
            let function = match &frame.function {
                Some(name) => short(&name.raw_name()?),
                None => String::new(),
            };
            let place = frame.location.as_ref();
            let number = |number: Option<u32>| number.map_or(0, i64::from);
            let named = NamedFrame {
                function,
                file: short(place.and_then(|place| place.file).unwrap_or_default()),
                line: number(place.and_then(|place| place.line)),
                column: number(place.and_then(|place| place.column)),
            };
            // The last one is the outermost, however many there are.
            if frames.len() == MOST_INLINED {
                frames.pop();
            }
            frames.push(named);
        }
        Ok(frames)
    }

    fn symbol(&self, address: u64) -> Option<String> {
        self.tables.iter().find_map(|(bytes, table)| {
            let table = table.get_or_init(|| SymbolTable::read(bytes));
            table.find(address).map(short)
        })
    }
}

fn is_mangled(name: &str) -> bool {
    name.starts_with("_Z") || name.starts_with("_R")
}

/// Whether a mangled name can be of a function that has this name in its namespace. Several functions may share an
/// address, so not every symbol is.
fn is_of(mangled: &str, name: &str) -> bool {
    let bare = name.split('<').next().unwrap_or_default();
    // `{closure#0}` is spelled differently there.
    bare.starts_with('{') || (!bare.is_empty() && mangled.contains(bare))
}

fn short(name: &str) -> String {
    if name.len() > LONGEST { bounded(name).into_owned() } else { name.to_owned() }
}
