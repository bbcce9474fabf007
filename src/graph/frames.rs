//! Maps locations to rows at a granularity, and stacks to their sites.
//!
//! A row has the name that pprof prints at the same granularity; frames with equal names are one row.
//! An address without symbols belongs to the row of its binary, as in pprof, and to a row of its own
//! beneath it, because the binary's name alone says too little.

use crate::filter::Granularity;
use crate::model::ids::{LocationId, StringId};
use crate::model::origin::{self, Owner};
use crate::model::series::Series;
use crate::model::site::{self, Claim, Frame, Owners};
use crate::model::strings::Strings;
use crate::model::symbols::{Line, Symbols, base_name};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub u32);

/// The place to blame for a stack: a function and a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// Which row represents an address without symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsymbolized {
    /// The row of its binary, as in pprof.
    Binary,
    /// A row of its own.
    Address,
}

/// The site of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SiteOf {
    /// The site.
    pub site: SiteId,
    /// Whether it is the innermost frame of the stack.
    pub is_leaf: bool,
}

/// A function, file, line, address or package, depending on the granularity.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    name: StringId,
    /// The row of the binary, for an address without symbols.
    pub parent: Option<RowId>,
    /// Whose code it is; unknown for what has no symbols.
    pub owner: Owner,
}

/// No row, or several.
const NOT_ONE: u32 = u32::MAX;

/// The rows of all locations of a series.
#[derive(Clone, Debug)]
pub struct Frames {
    noinlines: bool,
    by_function_name: bool,
    owners: Owners,
    names: Strings,
    rows: Vec<Row>,
    /// Rows of each location, innermost frame first.
    of_location: Vec<(u32, u32)>,
    flat_rows: Vec<RowId>,
    /// The row of each location that has one row, else [`NOT_ONE`].
    only_row: Vec<u32>,
    /// Number of rows of the innermost frame: two for an address without symbols.
    leaf_rows: Vec<u8>,
    sites: Vec<Frame>,
    /// Which site each location proposes for the stacks it is in.
    claims: Vec<Option<(SiteId, Claim)>>,
    /// Whether the site of a location is its innermost frame.
    is_innermost: Vec<bool>,
}

impl Frames {
    /// The rows of a series at a granularity, given the owners of its functions. With `noinlines`, inlined
    /// functions count as part of the function they were inlined into.
    pub fn new(
        series: &Series,
        owners: &Owners,
        granularity: Granularity,
        noinlines: bool,
    ) -> Self {
        let symbols = &series.symbols;
        let locations = &symbols.locations;
        let mut frames = Self {
            noinlines,
            by_function_name: granularity == Granularity::Functions,
            owners: owners.clone(),
            names: Strings::default(),
            rows: Vec::new(),
            of_location: Vec::with_capacity(locations.len()),
            flat_rows: Vec::with_capacity(locations.len()),
            only_row: Vec::with_capacity(locations.len()),
            leaf_rows: Vec::with_capacity(locations.len()),
            sites: Vec::new(),
            claims: Vec::with_capacity(locations.len()),
            is_innermost: Vec::with_capacity(locations.len()),
        };
        let mut add = Rows::default();
        let mut site_index: HashMap<Frame, SiteId, FxBuildHasher> =
            HashMap::with_capacity_and_hasher(locations.len(), FxBuildHasher);
        // At the coarser granularities a named function is always the same row.
        let by_function = !matches!(granularity, Granularity::Lines | Granularity::Addresses);
        let mut row_of: Vec<Option<RowId>> = vec![None; symbols.functions.len()];
        for id in locations.ids() {
            let all = locations.lines(id);
            let lines = if noinlines { &all[all.len().saturating_sub(1)..] } else { all };
            let start = frames.flat_rows.len() as u32;
            if lines.is_empty() {
                let parent = add.row(
                    &mut frames,
                    &unsymbolized(symbols, id, granularity),
                    None,
                    Owner::Unknown,
                );
                frames.flat_rows.push(parent);
                if granularity != Granularity::Addresses {
                    let row = add.row(
                        &mut frames,
                        &symbols.address_name(id),
                        Some(parent),
                        Owner::Unknown,
                    );
                    frames.flat_rows.push(row);
                }
            }
            for line in lines {
                let known = &mut row_of[line.function.index()];
                let row = known.unwrap_or_else(|| {
                    let name = row_name(symbols, id, line, granularity, !noinlines);
                    let row = add.row(&mut frames, &name, None, owners.of(line.function));
                    if by_function && !symbols.name(line.function).is_empty() {
                        *known = Some(row);
                    }
                    row
                });
                frames.flat_rows.push(row);
            }
            let end = frames.flat_rows.len() as u32;
            frames.of_location.push((start, end));
            let only = (end - start == 1).then(|| frames.flat_rows[start as usize].0);
            frames.only_row.push(only.unwrap_or(NOT_ONE));
            frames.leaf_rows.push(if lines.is_empty() { (end - start) as u8 } else { 1 });
            let sites = &mut frames.sites;
            let claim = owners.claim(lines.iter().map(Frame::from));
            frames.is_innermost.push(lines.first().map(Frame::from) == claim.map(|(site, _)| site));
            frames.claims.push(claim.map(|(site, claim)| {
                let id = *site_index.entry(site).or_insert_with(|| {
                    sites.push(site);
                    SiteId(sites.len() as u32 - 1)
                });
                (id, claim)
            }));
        }
        frames
    }

    /// Whether a row is a function, by its name alone.
    pub fn by_function_name(&self) -> bool {
        self.by_function_name
    }

    /// Whether inlined functions count as part of the function they were inlined into.
    pub fn noinlines(&self) -> bool {
        self.noinlines
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A row.
    pub fn row(&self, id: RowId) -> &Row {
        &self.rows[id.0 as usize]
    }

    /// The name of a row.
    pub fn name(&self, id: RowId) -> &str {
        self.names.get(self.row(id).name)
    }

    /// The rows of a location, innermost frame first.
    #[inline]
    pub fn of(&self, location: LocationId) -> &[RowId] {
        let (start, end) = self.of_location[location.index()];
        &self.flat_rows[start as usize..end as usize]
    }

    /// One row for each frame of a location, innermost first; an address without symbols as `unsymbolized` says.
    #[inline]
    pub fn frames_of(&self, location: LocationId, unsymbolized: Unsymbolized) -> &[RowId] {
        let rows = self.of(location);
        match (self.leaf_rows[location.index()], unsymbolized) {
            (2, Unsymbolized::Binary) => &rows[..1],
            (2, Unsymbolized::Address) => &rows[1..],
            _ => rows,
        }
    }

    /// The row of a location that has only one, else a number that is no row's.
    #[inline]
    pub fn only(&self, location: LocationId) -> u32 {
        self.only_row[location.index()]
    }

    /// The rows that get the flat value of a stack with this leaf: one, or an address and its binary.
    #[inline]
    pub fn leaf(&self, location: LocationId) -> &[RowId] {
        let (start, _) = self.of_location[location.index()];
        let n = usize::from(self.leaf_rows[location.index()]);
        &self.flat_rows[start as usize..start as usize + n]
    }

    /// Number of sites.
    pub fn site_count(&self) -> usize {
        self.sites.len()
    }

    /// The frame of a site.
    pub fn site(&self, id: SiteId) -> Frame {
        self.sites[id.0 as usize]
    }

    /// The site of a frame, if any location has it.
    pub fn find_site(&self, frame: Frame) -> Option<SiteId> {
        let at = self.sites.iter().position(|site| *site == frame)?;
        Some(SiteId(at as u32))
    }

    /// Whose code each function is.
    pub fn owners(&self) -> &Owners {
        &self.owners
    }

    /// The site of every stack with this leaf, if the leaf is the program's own.
    #[inline]
    pub fn own_site(&self, leaf: LocationId) -> Option<SiteId> {
        match self.claims[leaf.index()] {
            Some((site, Claim::Own)) => Some(site),
            _ => None,
        }
    }

    /// The site of a stack, leaf first; `None` where no frame has a claim, and for what serves profiles.
    #[inline]
    pub fn site_of(&self, stack: impl Iterator<Item = LocationId>) -> Option<SiteOf> {
        let mut place = 0_usize;
        let claims = stack.filter_map(|location| {
            place += 1;
            let (site, claim) = self.claims[location.index()]?;
            let is_leaf = place == 1 && self.is_innermost[location.index()];
            Some((SiteOf { site, is_leaf }, claim))
        });
        site::answer(claims)
            .filter(|(_, claim)| *claim != Claim::ProfileServer)
            .map(|(site, _)| site)
    }
}

/// Rows by name, for building [`Frames`]; an address never shares the row of a function.
#[derive(Default)]
struct Rows(HashMap<(StringId, bool), RowId, FxBuildHasher>);

impl Rows {
    fn row(
        &mut self,
        frames: &mut Frames,
        name: &str,
        parent: Option<RowId>,
        owner: Owner,
    ) -> RowId {
        let name = frames.names.intern(name);
        *self.0.entry((name, parent.is_some())).or_insert_with(|| {
            frames.rows.push(Row { name, parent, owner });
            RowId(frames.rows.len() as u32 - 1)
        })
    }
}

/// The name of an address without symbols at a granularity.
fn unsymbolized(symbols: &Symbols, id: LocationId, granularity: Granularity) -> String {
    let binary = match base_name(symbols.mapping_file(id)) {
        "" => "<unknown>".to_owned(),
        file => format!("[{file}]"),
    };
    let address = symbols.locations.address[id.index()];
    if granularity == Granularity::Addresses && address != 0 {
        format!("{address:016x} {binary}")
    } else {
        binary
    }
}

/// The name of a row. `columns` matter for addresses only, and not if inlined frames are folded.
fn row_name(
    symbols: &Symbols,
    id: LocationId,
    line: &Line,
    granularity: Granularity,
    columns: bool,
) -> String {
    let function = symbols.function(line.function);
    let name = symbols.text(function.name);
    let file = || clean_path(symbols.text(function.filename));
    let unnamed = || unsymbolized(symbols, id, Granularity::Functions);
    let joined = |parts: [&str; 3]| {
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { unnamed() } else { parts.join(" ") }
    };
    let at = || match (line.line, line.column) {
        (0, _) => file(),
        (line, column) if columns && column != 0 && granularity == Granularity::Addresses => {
            format!("{}:{line}:{column}", file())
        }
        (line, _) => format!("{}:{line}", file()),
    };
    match granularity {
        Granularity::Functions => joined([name, "", ""]),
        Granularity::Filefunctions => joined([name, &file(), ""]),
        Granularity::Files => joined([&file(), "", ""]),
        Granularity::Lines => joined([name, &at(), ""]),
        Granularity::Packages => match origin::package(name) {
            "" => joined([name, "", ""]),
            package => package.to_owned(),
        },
        Granularity::Addresses => match symbols.locations.address[id.index()] {
            0 => joined([name, &at(), ""]),
            address => {
                let at = at();
                let named = if name.is_empty() && at.is_empty() { unnamed() } else { at };
                joined([&format!("{address:016x}"), name, &named])
            }
        },
    }
}

/// A path without `.` and `..` elements and doubled slashes; empty stays empty.
pub(crate) fn clean_path(path: &str) -> String {
    if path.is_empty()
        || !(path.contains("//") || path.contains("./") || path.ends_with(['/', '.']))
    {
        return path.to_owned();
    }
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does_it() {
        let cases = [
            ("/a/b/../c.go", "/a/c.go"),
            ("./x.go", "x.go"),
            ("a//b.go", "a/b.go"),
            ("../x.go", "../x.go"),
            ("/..", "/"),
            ("", ""),
        ];
        for (path, cleaned) in cases {
            assert_eq!(clean_path(path), cleaned);
        }
    }
}
