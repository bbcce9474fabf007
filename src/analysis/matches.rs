//! Matches leak patterns against the stacks under each function of the program's own code.
//!
//! A function answers for everything allocated below it, so every stack that contains it counts,
//! with all its frames. A stack that no longer holds memory counts as well, because past
//! allocations also reveal the mechanism. The patterns of a function are sorted by what their
//! stacks hold, since a function such as `main.main` has a few of each.

use crate::graph::distinct_stacks::Stacks;
use crate::graph::frames::{Frames, RowId, Unsymbolized};
use crate::model::goroutines;
use crate::model::ids::FunctionId;
use crate::model::measures::{self, Kind};
use crate::model::profile::SampleType;
use crate::model::series::Series;
use crate::patterns::{Catalog, Matcher, PatternId};
use crate::units;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;

/// The patterns to look for, and the functions to look under.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchesQuery {
    /// The patterns.
    pub catalog: Arc<Catalog>,
}

/// A function of the program's own code, and the patterns that its stacks match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Match {
    /// Its name.
    pub function: String,
    /// Its source file, if the profile names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Ids of the patterns, the ones whose stacks hold most first; `app-container` if only the
    /// program's own line explains a stack.
    pub patterns: Vec<String>,
    /// Bytes in use under it, in a memory profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inuse_space: Option<i64>,
    /// Bytes ever allocated under it, if the profile records that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alloc_space: Option<i64>,
    /// Goroutines whose stack contains it, in a goroutine profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goroutines: Option<i64>,
}

impl Match {
    /// The value that the rows are sorted by.
    pub fn value(&self) -> i64 {
        self.inuse_space.or(self.goroutines).or(self.alloc_space).unwrap_or_default()
    }
}

/// A pattern that comes first in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leading {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: String,
}

/// The answer. In JSON it is the list of its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Match>", into = "Vec<Match>")]
pub struct Matches {
    /// The functions, the ones that hold most first.
    pub rows: Vec<Match>,
    /// Number of further functions, left out by `--nodecount`.
    pub omitted: usize,
    /// The patterns that come first in a row or are in `elsewhere`, in the order of the catalogue.
    pub leading: Vec<Leading>,
    /// Patterns of stacks without any function of the program's own code, such as those of
    /// goroutines that a library started, with what these hold (what was allocated, if the profile
    /// records nothing else), the largest first.
    pub elsewhere: Vec<(String, i64)>,
}

impl From<Vec<Match>> for Matches {
    fn from(rows: Vec<Match>) -> Self {
        Self { rows, ..Self::default() }
    }
}

impl From<Matches> for Vec<Match> {
    fn from(matches: Matches) -> Self {
        matches.rows
    }
}

/// The columns that describe the stacks of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Memory in use, or the number of goroutines.
    pub held: Option<usize>,
    /// Memory ever allocated.
    pub allocated: Option<usize>,
    is_goroutine: bool,
}

impl Columns {
    /// Finds the columns of memory, or of goroutines; `None` if a profile has neither.
    pub fn of(series: &Series) -> Option<Self> {
        let header = &series.snapshots.first()?.header;
        let types = &series.sample_types;
        let named = |name: &str| types.iter().position(|t| t.name == name);
        let has_bytes = |t: &SampleType| units::classify(&t.unit).0 == units::Kind::Bytes;
        match measures::kind(header) {
            Kind::Goroutine => {
                let held = types.iter().position(|t| t.name.starts_with("goroutine"))?;
                Some(Self { held: Some(held), allocated: None, is_goroutine: true })
            }
            Kind::Heap => {
                let is_allocated = |t: &&SampleType| t.name.starts_with("alloc");
                let held = named("inuse_space")
                    .or_else(|| types.iter().position(|t| has_bytes(t) && !is_allocated(&t)));
                let allocated = named("alloc_space")
                    .or_else(|| types.iter().position(|t| has_bytes(t) && is_allocated(&t)));
                held.or(allocated)?;
                Some(Self { held, allocated, is_goroutine: false })
            }
            Kind::Cpu | Kind::Contention | Kind::Threads | Kind::Other => None,
        }
    }

    /// The column that the rows are sorted by.
    pub fn main(&self) -> usize {
        self.held.or(self.allocated).unwrap_or_default()
    }
}

/// What stacks hold and what was allocated in them.
type Values = [i64; 2];

fn add(sum: &mut Values, own: Values) {
    sum.iter_mut().zip(own).for_each(|(sum, own)| *sum = sum.wrapping_add(own));
}

/// Matches the stacks of a series, all snapshots added up; returns at most `nodecount` rows, 0 for
/// all.
pub fn matches(
    series: &Series,
    frames: &Frames,
    columns: Columns,
    asked: &MatchesQuery,
    nodecount: usize,
) -> Matches {
    let catalog = &asked.catalog;
    let files = own_files(series, frames);
    let names = (0..frames.len() as u32).map(|row| frames.name(RowId(row)));
    let matcher = Matcher::new(catalog, names);
    let stacks = Stacks::new(series);
    let mut rows: Vec<Option<Values>> = vec![None; frames.len()];
    let mut found: HashMap<(RowId, PatternId), Values, FxBuildHasher> = HashMap::default();
    let mut elsewhere: Vec<Values> = vec![[0; 2]; catalog.patterns().len()];
    let mut last = vec![u32::MAX; frames.len()];
    let fallback = (0..).zip(catalog.patterns()).find(|(_, pattern)| pattern.is_fallback());
    let fallback = fallback.map(|(position, _)| PatternId(position));
    let values = values(series, &stacks, columns);
    for (id, &values) in stacks.ids().zip(&values).filter(|(_, values)| **values != [0; 2]) {
        let stack = || stacks.rows(id, frames, Unsymbolized::Binary);
        let names = stack().map(|row| row.0 as usize);
        let mut hits = if columns.is_goroutine {
            let state = goroutines::state(stack().map(|row| frames.name(row)));
            matcher.parked(names, Some(state))
        } else {
            matcher.matching(names)
        };
        let is_own_leaf = stack().next().is_some_and(|leaf| files[leaf.0 as usize].is_some());
        if hits.is_empty() && is_own_leaf && !columns.is_goroutine {
            hits.extend(fallback);
        }
        let mut is_elsewhere = true;
        for row in stack().filter(|row| files[row.0 as usize].is_some()) {
            is_elsewhere = false;
            if std::mem::replace(&mut last[row.0 as usize], id.0) == id.0 {
                continue;
            }
            add(rows[row.0 as usize].get_or_insert_default(), values);
            for &pattern in &hits {
                add(found.entry((row, pattern)).or_default(), values);
            }
        }
        if is_elsewhere {
            hits.into_iter().for_each(|id| add(&mut elsewhere[id.index()], values));
        }
    }
    let mut patterns: Vec<Vec<(PatternId, Values)>> = vec![Vec::new(); frames.len()];
    for ((row, pattern), values) in found {
        patterns[row.0 as usize].push((pattern, values));
    }
    let mut ids: Vec<(usize, Values)> =
        rows.into_iter().enumerate().filter_map(|(i, sum)| Some((i, sum?))).collect();
    let size = |[held, allocated]: Values| (held.unsigned_abs(), allocated.unsigned_abs());
    ids.sort_by_key(|&(row, values)| (Reverse(size(values)), frames.name(RowId(row as u32))));
    let shown = if nodecount == 0 { ids.len() } else { nodecount.min(ids.len()) };
    let omitted = ids.len() - shown;
    ids.truncate(shown);
    let mut leading = Vec::new();
    let rows = ids.into_iter().map(|(row, values)| {
        let mut patterns = std::mem::take(&mut patterns[row]);
        // This removes the order of the hash table: no two patterns of a row are equal. The
        // fallback comes last.
        patterns.sort_by_key(|&(id, values)| (Some(id) == fallback, Reverse(size(values)), id));
        leading.extend(patterns.first().map(|&(id, _)| id));
        let column = |column: Option<usize>, value: i64| column.map(|_| value);
        let held = column(columns.held, values[0]);
        let file = files[row].filter(|file| !file.is_empty());
        Match {
            function: frames.name(RowId(row as u32)).to_owned(),
            file: file.map(str::to_owned),
            patterns: patterns.iter().map(|&(id, _)| catalog[id].id.clone()).collect(),
            inuse_space: held.filter(|_| !columns.is_goroutine),
            alloc_space: column(columns.allocated, values[1]),
            goroutines: held.filter(|_| columns.is_goroutine),
        }
    });
    let rows = rows.collect();
    let main = usize::from(columns.held.is_none());
    let mut elsewhere: Vec<(PatternId, i64)> =
        (0..).map(PatternId).zip(elsewhere.iter().map(|sum| sum[main])).collect();
    elsewhere.retain(|&(_, value)| value != 0);
    elsewhere.sort_by_key(|&(id, value)| (Reverse(value.unsigned_abs()), id));
    leading.extend(elsewhere.iter().map(|&(id, _)| id));
    leading.sort_unstable();
    leading.dedup();
    let leading = leading
        .into_iter()
        .map(|id| &catalog[id])
        .map(|pattern| Leading { id: pattern.id.clone(), title: pattern.title.clone() });
    let elsewhere = elsewhere.into_iter().map(|(id, value)| (catalog[id].id.clone(), value));
    Matches { rows, omitted, leading: leading.collect(), elsewhere: elsewhere.collect() }
}

/// Returns for each stack what it holds and what was allocated in it, over all snapshots.
fn values(series: &Series, stacks: &Stacks<'_>, columns: Columns) -> Vec<Values> {
    let mut values: Vec<Values> = vec![[0; 2]; stacks.len()];
    for snapshot in 0..series.snapshots.len() {
        for (side, column) in [columns.held, columns.allocated].into_iter().enumerate() {
            let Some(column) = column else { continue };
            for (sum, own) in values.iter_mut().zip(stacks.sums(snapshot, column)) {
                sum[side] = sum[side].wrapping_add(own);
            }
        }
    }
    values
}

/// The source file of each row that is own code, empty if it has none; `None` for other rows.
fn own_files<'a>(series: &'a Series, frames: &Frames) -> Vec<Option<&'a str>> {
    let mut files = vec![None; frames.len()];
    let rows = (0..frames.len() as u32).map(RowId);
    let named = rows.filter(|&row| frames.row(row).parent.is_none());
    let row_of: HashMap<&str, RowId, FxBuildHasher> =
        named.map(|row| (frames.name(row), row)).collect();
    let symbols = &series.symbols;
    for (id, function) in symbols.functions.iter().enumerate() {
        let (name, file) = (symbols.text(function.name), symbols.text(function.filename));
        let Some(row) = row_of.get(name) else { continue };
        let known = &mut files[row.0 as usize];
        if known.is_none() && frames.owners().is_own(FunctionId::from_index(id)) {
            *known = Some(file);
        }
    }
    files
}
