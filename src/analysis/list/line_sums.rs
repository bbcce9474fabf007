//! Locates the listed lines in the stacks, adds up their values, and collects the evidence.
//!
//! A line of a function is a cell. A sample counts once for each cell and each function that it
//! passes, and flat for the cell of its leaf.

use crate::analysis::matched_samples::SumEvidence;
use crate::analysis::{Measure, MeasureBounds, Subject};
use crate::graph::frames::clean_path;
use crate::model::change::Change;
use crate::model::ids::LocationId;
use crate::model::series::Snapshot;
use hashbrown::HashMap;
use regex::Regex;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// A function in a file.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) start_line: Option<i64>,
    pub(super) cells: Vec<u32>,
}

/// A line of a function.
pub(super) struct Cell {
    pub(super) function: u32,
    pub(super) line: i64,
}

/// The matching functions and cells, and where they occur in the stacks.
pub(super) struct Places {
    pub(super) functions: Vec<Function>,
    pub(super) cells: Vec<Cell>,
    /// The cells of each location.
    pub(super) of_location: Vec<(u32, u32)>,
    pub(super) flat_cells: Vec<u32>,
    /// The cell of the innermost frame of each location.
    pub(super) leaf: Vec<Option<u32>>,
}

impl Places {
    pub(super) fn new(subject: &Subject<'_>, regex: &Regex) -> Self {
        let symbols = &subject.series.symbols;
        let mut places = Self {
            functions: Vec::new(),
            cells: Vec::new(),
            of_location: Vec::with_capacity(symbols.locations.len()),
            flat_cells: Vec::new(),
            leaf: Vec::with_capacity(symbols.locations.len()),
        };
        let mut by_name: HashMap<(&str, String), u32, FxBuildHasher> = HashMap::default();
        let mut of_function: Vec<Option<u32>> = Vec::with_capacity(symbols.functions.len());
        for function in &symbols.functions {
            let name = symbols.text(function.name);
            if name.is_empty() || !regex.is_match(name) {
                of_function.push(None);
                continue;
            }
            let file = clean_path(symbols.text(function.filename));
            let functions = &mut places.functions;
            let id = *by_name.entry((name, file)).or_insert_with_key(|(name, file)| {
                functions.push(Function {
                    name: (*name).to_owned(),
                    file: file.clone(),
                    start_line: None,
                    cells: Vec::new(),
                });
                functions.len() as u32 - 1
            });
            let known = &mut functions[id as usize].start_line;
            if function.start_line > 0 {
                *known = Some(known.map_or(function.start_line, |k| k.min(function.start_line)));
            }
            of_function.push(Some(id));
        }
        let mut by_line: HashMap<(u32, i64), u32, FxBuildHasher> = HashMap::default();
        for id in symbols.locations.ids() {
            let all = symbols.locations.lines(id);
            let outermost = all.len().saturating_sub(1);
            let lines = if subject.frames.noinlines() { &all[outermost..] } else { all };
            let start = places.flat_cells.len() as u32;
            let mut leaf = None;
            for (depth, line) in lines.iter().enumerate() {
                let Some(function) = of_function[line.function.index()] else { continue };
                let number = line.line.max(0);
                let cell = *by_line.entry((function, number)).or_insert_with(|| {
                    let cell = places.cells.len() as u32;
                    places.cells.push(Cell { function, line: number });
                    places.functions[function as usize].cells.push(cell);
                    cell
                });
                places.flat_cells.push(cell);
                if depth == 0 {
                    leaf = Some(cell);
                }
            }
            places.of_location.push((start, places.flat_cells.len() as u32));
            places.leaf.push(leaf);
        }
        places
    }

    pub(super) fn of(&self, location: LocationId) -> &[u32] {
        let (start, end) = self.of_location[location.index()];
        &self.flat_cells[start as usize..end as usize]
    }
}

/// Values of a line or a function before and after; a single profile is the second.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum([Measure; 2]);

impl Sum {
    pub(super) fn is_zero(self) -> bool {
        self.0 == [Measure::default(); 2]
    }

    pub(super) fn change(self, subject: &Subject<'_>) -> Change<Measure> {
        subject.change(self.0)
    }
}

/// The cells and functions that a sample passes, each once.
pub(super) struct Passed {
    pub(super) cells: Vec<u32>,
    pub(super) functions: Vec<u32>,
    seen_cells: Vec<u32>,
    seen_functions: Vec<u32>,
    round: u32,
}

impl Passed {
    pub(super) fn new(places: &Places) -> Self {
        Self {
            cells: Vec::new(),
            functions: Vec::new(),
            seen_cells: vec![0; places.cells.len()],
            seen_functions: vec![0; places.functions.len()],
            round: 0,
        }
    }

    /// Walks a stack, and returns the cell of its leaf.
    pub(super) fn walk(
        &mut self,
        places: &Places,
        stack: impl Iterator<Item = LocationId> + Clone,
    ) -> Option<u32> {
        // A series has fewer samples than the counter has rounds.
        self.round += 1;
        self.cells.clear();
        self.functions.clear();
        for &cell in stack.clone().flat_map(|location| places.of(location)) {
            if std::mem::replace(&mut self.seen_cells[cell as usize], self.round) == self.round {
                continue;
            }
            self.cells.push(cell);
            let function = places.cells[cell as usize].function;
            let seen = &mut self.seen_functions[function as usize];
            if std::mem::replace(seen, self.round) != self.round {
                self.functions.push(function);
            }
        }
        let mut stack = stack;
        stack.next().and_then(|leaf| places.leaf[leaf.index()])
    }
}

/// The values of every cell and function.
pub(super) struct Sums {
    pub(super) cells: Vec<Sum>,
    pub(super) functions: Vec<Sum>,
}

impl Sums {
    pub(super) fn new(subject: &Subject<'_>, places: &Places) -> Self {
        let mut sums = Self {
            cells: vec![Sum::default(); places.cells.len()],
            functions: vec![Sum::default(); places.functions.len()],
        };
        let snapshots: &[Arc<Snapshot>] = &subject.series.snapshots;
        for (number, snapshot) in snapshots.iter().enumerate() {
            let side = subject.side(number);
            let mut passed = Passed::new(places);
            for sample in 0..snapshot.samples.len() {
                let value = subject.series.values(snapshot, sample)[subject.measured.column];
                if value == 0 {
                    continue;
                }
                let leaf = passed.walk(places, snapshot.stack(sample));
                for &cell in &passed.cells {
                    let cum = &mut sums.cells[cell as usize].0[side].cum;
                    *cum = cum.wrapping_add(value);
                }
                for &function in &passed.functions {
                    let cum = &mut sums.functions[function as usize].0[side].cum;
                    *cum = cum.wrapping_add(value);
                }
                if let Some(cell) = leaf {
                    let function = places.cells[cell as usize].function;
                    for sum in
                        [&mut sums.cells[cell as usize], &mut sums.functions[function as usize]]
                    {
                        sum.0[side].flat = sum.0[side].flat.wrapping_add(value);
                    }
                }
            }
        }
        sums
    }

    pub(super) fn of_function(&self, id: u32) -> Sum {
        self.functions[id as usize]
    }
}

/// Evidence about the flat and cum that are shown.
pub(super) struct Errors {
    /// Index of the evidence of each function and each cell.
    pub(super) functions: Vec<Option<u32>>,
    pub(super) cells: Vec<Option<u32>>,
    pub(super) evidence: Vec<[SumEvidence; 2]>,
}

impl Errors {
    pub(super) fn new(subject: &Subject<'_>, places: &Places, shown: &[u32]) -> Self {
        let mut errors = Self {
            functions: vec![None; places.functions.len()],
            cells: vec![None; places.cells.len()],
            evidence: Vec::new(),
        };
        let matched = subject.matched();
        let Some(none) = matched.no_evidence() else { return errors };
        for &function in shown {
            let mut next = || {
                errors.evidence.push([none; 2]);
                Some(errors.evidence.len() as u32 - 1)
            };
            errors.functions[function as usize] = next();
            for &cell in &places.functions[function as usize].cells {
                errors.cells[cell as usize] = next();
            }
        }
        let mut passed = Passed::new(places);
        for record in matched.records() {
            let Some((snapshot, sample)) = subject.sample(record) else { continue };
            let leaf = passed.walk(places, subject.series.snapshots[snapshot].stack(sample));
            let is_shown = |function: &u32| errors.functions[*function as usize].is_some();
            if !passed.functions.iter().any(is_shown) {
                continue;
            }
            let Some(own) = matched.evidence(record) else { continue };
            let leaf_function = leaf.map(|cell| places.cells[cell as usize].function);
            let cells =
                passed.cells.iter().map(|&cell| (errors.cells[cell as usize], Some(cell) == leaf));
            let functions = passed
                .functions
                .iter()
                .map(|&f| (errors.functions[f as usize], Some(f) == leaf_function));
            for (at, is_leaf) in cells.chain(functions) {
                let Some(at) = at else { continue };
                let [flat, cum] = &mut errors.evidence[at as usize];
                cum.merge(&own);
                if is_leaf {
                    flat.merge(&own);
                }
            }
        }
        errors
    }

    /// The intervals of a cell whose flat and cum, or their change, are `value`.
    pub(super) fn of_cell(&self, cell: u32, value: Measure) -> Option<MeasureBounds> {
        self.bounds(self.cells[cell as usize], value)
    }

    /// The same for a function.
    pub(super) fn of_function(&self, function: u32, value: Measure) -> Option<MeasureBounds> {
        self.bounds(self.functions[function as usize], value)
    }

    fn bounds(&self, at: Option<u32>, value: Measure) -> Option<MeasureBounds> {
        let [flat, cum] = &self.evidence[at? as usize];
        Some(MeasureBounds { flat: flat.bounds(value.flat), cum: cum.bounds(value.cum) })
    }
}
