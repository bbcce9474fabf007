//! Lists every distinct stack with its value, for export to other tools.
//!
//! Stacks are distinct at the requested granularity, so samples that differ only in labels,
//! addresses or lines are added up. They are sorted by the names of their frames from the root on,
//! a stack before the ones that continue it.

use super::Subject;
use crate::filter::Granularity;
use crate::graph::distinct_stacks::TooLarge;
use crate::graph::frames::{Frames, RowId, Unsymbolized};
use crate::graph::tree::{NodeId, Tree};
use crate::model::change::Change;
use crate::model::series::Series;
use crate::model::symbols::Line;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackFrame {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Source file, or the binary of an address without symbols.
    pub file: Option<String>,
    /// The line of the frame if frames are told apart by line, else the start line of the function.
    pub line: Option<i64>,
}

/// A path from a root: the path without its last frame, and that frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The step before; `None` for a root.
    pub parent: Option<u32>,
    /// The frame, by its position in [`ValuedStacks::frames`].
    pub frame: u32,
}

/// A distinct stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuedStack {
    /// Its last step, by position in [`ValuedStacks::steps`]; `None` for samples without any frame.
    pub leaf: Option<u32>,
    /// Its values, in the unit of the sample type; before is 0 for a single snapshot.
    pub value: Change<i64, i64>,
    /// Objects, if the profile counts them next to the sample type.
    pub objects: Option<Change<i64, i64>>,
}

/// Which frame of a stack comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StackOrder {
    /// The outermost caller.
    #[default]
    RootFirst,
    /// The function that allocated.
    LeafFirst,
}

/// The stacks of one snapshot, or of two that are compared. Stacks that are zero on every side are
/// left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValuedStacks {
    /// Whether there is a before.
    pub is_comparison: bool,
    /// The order of the frames of a path.
    pub order: StackOrder,
    /// Distinct frames.
    pub frames: Vec<StackFrame>,
    /// Distinct paths, each after the path it continues.
    pub steps: Vec<Step>,
    /// Distinct stacks.
    pub stacks: Vec<ValuedStack>,
}

impl ValuedStacks {
    /// Writes the positions of the frames of a stack into `path`, in order, replacing its contents.
    pub fn path(&self, stack: &ValuedStack, path: &mut Vec<u32>) {
        path.clear();
        let mut next = stack.leaf;
        while let Some(step) = next.map(|step| self.steps[step as usize]) {
            path.push(step.frame);
            next = step.parent;
        }
        if self.order == StackOrder::RootFirst {
            path.reverse();
        }
    }

    /// Number of stacks with a negative value.
    pub fn negative(&self) -> usize {
        let values = self.stacks.iter().map(|stack| stack.value);
        values.filter(|value| value.before < 0 || value.after < 0).count()
    }
}

/// Lists the stacks of a subject, whose frames are told apart by `granularity`.
pub fn stacks(
    subject: &Subject<'_>,
    granularity: Granularity,
    order: StackOrder,
) -> Result<ValuedStacks, TooLarge> {
    let Subject { series, frames, measured, .. } = *subject;
    let tree = Tree::new(series, frames, Unsymbolized::Address)?;
    let sides = |column: usize| {
        let of = |snapshot| tree.flat(series, snapshot, column);
        if subject.is_comparison() { (of(0), of(1)) } else { (vec![0; tree.len()], of(0)) }
    };
    let values = sides(measured.column);
    let objects = measured.count.filter(|_| !measured.is_count()).map(sides);
    let at = |(before, after): &(Vec<i64>, Vec<i64>), node: NodeId| {
        Change::new(before[node.index()], after[node.index()])
    };
    let mut answer =
        ValuedStacks { is_comparison: subject.is_comparison(), order, ..ValuedStacks::default() };
    let mut positions = vec![None; frames.len()];
    let children = tree.children();
    let ranks = ranks(frames);
    // Work still to do, the next item last: recursion could overflow on a deep stack.
    let mut todo = vec![(NodeId::ROOT, None)];
    while let Some((node, step)) = todo.pop() {
        let (value, objects) = (at(&values, node), objects.as_ref().map(|sides| at(sides, node)));
        if !value.is_zero() || objects.is_some_and(|objects| !objects.is_zero()) {
            answer.stacks.push(ValuedStack { leaf: step, value, objects });
        }
        let mut next = children.of(node).to_vec();
        next.sort_by_key(|&child| ranks[tree.node(child).row.0 as usize]);
        let first = todo.len();
        for child in next {
            let row = tree.node(child).row;
            let known = positions[row.0 as usize];
            let frame = known.unwrap_or_else(|| {
                answer.frames.push(StackFrame {
                    name: frames.name(row).to_owned(),
                    file: None,
                    line: None,
                });
                answer.frames.len() as u32 - 1
            });
            positions[row.0 as usize] = Some(frame);
            answer.steps.push(Step { parent: step, frame });
            todo.push((child, Some(answer.steps.len() as u32 - 1)));
        }
        todo[first..].reverse();
    }
    place(&mut answer.frames, &positions, series, frames, granularity);
    Ok(answer)
}

/// The rank of each row by its name.
fn ranks(frames: &Frames) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..frames.len() as u32).collect();
    rows.sort_by_key(|&row| frames.name(RowId(row)));
    let mut ranks = vec![0; rows.len()];
    for (rank, row) in (0..).zip(rows) {
        ranks[row as usize] = rank;
    }
    ranks
}

/// Records the file and line of each frame, taken from the first location it represents.
fn place(
    placed: &mut [StackFrame],
    positions: &[Option<u32>],
    series: &Series,
    frames: &Frames,
    granularity: Granularity,
) {
    let symbols = &series.symbols;
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for id in symbols.locations.ids() {
        let all = symbols.locations.lines(id);
        let lines = if frames.noinlines() { &all[all.len().saturating_sub(1)..] } else { all };
        let rows = frames.frames_of(id, Unsymbolized::Address);
        let lines: Vec<Option<&Line>> = match lines {
            [] => vec![None],
            lines => lines.iter().map(Some).collect(),
        };
        for (row, line) in rows.iter().zip(lines) {
            let Some(position) = positions[row.0 as usize] else { continue };
            let frame = &mut placed[position as usize];
            if frame.file.is_some() || granularity == Granularity::Packages {
                continue;
            }
            let Some(line) = line else {
                frame.file = text(symbols.mapping_file(id));
                continue;
            };
            let function = symbols.function(line.function);
            frame.file = text(symbols.text(function.filename));
            let number = match granularity {
                Granularity::Lines | Granularity::Addresses => line.line,
                Granularity::Functions | Granularity::Filefunctions => function.start_line,
                Granularity::Files | Granularity::Packages => 0,
            };
            frame.line = (number > 0).then_some(number);
        }
    }
}
