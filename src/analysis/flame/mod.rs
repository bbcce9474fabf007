//! The frames of a flame graph: which paths there are, and how much each weighs.
//!
//! A picture has room for some thousand frames, a profile has millions of paths. So frames that are
//! too narrow are left out here, before layout, but they still count towards their parent: every
//! frame has its own sums, whatever is drawn beneath it. A frame that calls itself is one frame
//! with the length of its run. A stack that is too deep ends with a frame that counts the remaining
//! levels, because a picture can't show a recursion of thousands.
//!
//! A width is never negative and adds up: the width of a frame is the sum over all paths through it
//! of |value| (of |Δ|, if widths represent changes), so opposite changes never cancel. Paths with a
//! value but no width (gone, if widths represent the values after) are in a separate strip.

mod grow;

use super::matched_samples::SumEvidence;
use super::{Bounds, Measure, Omitted, Subject};
use crate::graph::distinct_stacks::{StackId, Stacks, TooLarge};
use crate::graph::frames::{RowId, Unsymbolized};
use crate::graph::row_table::RowTable;
use crate::graph::walk::{From, Groups, Rows, Walks};
use crate::model::change::Change;
use crate::parallel;
use crate::stats::{Garwood, LEVEL};
use grow::{Grown, Item, NONE, What, grow};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What the width of a frame represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FlameWidth {
    /// The value after, or in a single profile.
    After,
    /// The value before.
    Before,
    /// The size of the change, in either direction.
    Delta,
}

/// The frame that stacks begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FlameDirection {
    /// The outermost caller.
    RootFirst,
    /// The function that allocated.
    LeafFirst,
}

/// A part of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlamePart {
    /// The whole picture, with a strip for paths without width.
    Whole,
    /// The strip alone.
    Elided,
}

/// Options of a flame graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlameOptions {
    /// What widths represent.
    pub width: FlameWidth,
    /// The frame that stacks begin with.
    pub direction: FlameDirection,
    /// The least width of a frame, in millionths of the whole picture.
    pub min_width: u32,
    /// Which part of the picture.
    pub part: FlamePart,
}

/// A frame: one function (or file, line, …) at the end of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlameFrame {
    /// Number of frames above it; 0 for the first of a list, which represents the whole list.
    pub depth: u32,
    /// Position of its name in `names`.
    pub name: u32,
    /// How often the function repeats here in the longest run, by calling itself.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub run: u32,
    /// Present if the frame represents several that are too narrow to draw: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub several: Option<u32>,
    /// Present if the frame represents further ones that are too deep to draw: how many, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deeper: Option<u32>,
    /// Sum of |value| over the paths through it, as `width` defines.
    pub width: i64,
    /// Values of the stacks that end here (`flat`), and of all that go through here (`cum`).
    #[serde(flatten)]
    pub value: Change<Measure>,
    /// 95 % interval of Δ cum, or of cum in a single profile.
    pub error: Option<Bounds>,
}

fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_once(run: &u32) -> bool {
    *run == 1
}

/// The paths of a profile, or of two that are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Flame {
    /// What widths represent.
    pub width: FlameWidth,
    /// The frame that stacks begin with.
    pub direction: FlameDirection,
    /// Names of frames.
    pub names: Vec<String>,
    /// Frames, each directly before its children, the widest child first.
    pub frames: Vec<FlameFrame>,
    /// The same for paths without width: gone if widths represent values after, new if they
    /// represent values before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elided: Vec<FlameFrame>,
    /// Frames that are too narrow to draw under a drawn frame (without the frames under them), and
    /// the sum of their widths.
    pub narrow: Omitted,
}

/// Name of the first frame of a list.
const ALL: &str = "all";
const GONE: &str = "gone";
const NEW: &str = "new";

/// Values of each distinct stack. An empty array means zeros.
struct Values {
    before: Vec<i64>,
    after: Vec<i64>,
    width: Vec<i64>,
}

impl Values {
    fn before(&self, stack: StackId) -> i64 {
        self.before.get(stack.index()).copied().unwrap_or_default()
    }

    fn after(&self, stack: StackId) -> i64 {
        self.after.get(stack.index()).copied().unwrap_or_default()
    }

    fn width(&self, stack: StackId) -> i64 {
        self.width[stack.index()]
    }
}

/// Builds the flame graph of one snapshot, or of two.
///
/// # Errors
///
/// Fails if the stacks are too long to follow.
pub fn flame(subject: &Subject<'_>, wanted: FlameOptions) -> Result<Flame, TooLarge> {
    let Subject { series, frames, .. } = *subject;
    let rows = RowTable::new(series, frames, Unsymbolized::Address);
    let stacks = subject.stacks(&rows, Unsymbolized::Address)?;
    let from = match wanted.direction {
        FlameDirection::RootFirst => From::Root,
        FlameDirection::LeafFirst => From::Leaf,
    };
    let walks = Walks::new(&stacks, frames, Unsymbolized::Address, Rows::All, from);
    let values = values(subject, &stacks, wanted);
    let elided = elided(&values, walks.clone(), frames.len(), wanted);
    let whole = elided.as_ref().map_or(0, |elided| sum(&elided.width));
    let whole = if wanted.part == FlamePart::Elided {
        whole
    } else {
        whole.saturating_add(sum(&values.width))
    };
    let mut strip = elided.map(|elided| grow(walks.clone(), frames.len(), &elided, wanted, whole));
    let mut main = grow(walks, frames.len(), &values, wanted, whole);
    add_evidence(subject, &stacks, &mut main, strip.as_mut());
    let drawn = (wanted.part == FlamePart::Whole).then_some(&main).into_iter().chain(&strip);
    let narrow = drawn.map(Grown::narrow).fold(Omitted::default(), |sum, own| Omitted {
        rows: sum.rows + own.rows,
        sum: sum.sum + own.sum,
    });
    let mut names = Names::new(subject);
    let empty = if wanted.width == FlameWidth::Before { NEW } else { GONE };
    let frames = listed(subject, &main, ALL, &mut names);
    let strip = strip.map(|strip| listed(subject, &strip, empty, &mut names)).unwrap_or_default();
    Ok(Flame {
        width: wanted.width,
        direction: wanted.direction,
        names: names.names,
        frames: if wanted.part == FlamePart::Whole { frames } else { Vec::new() },
        elided: strip,
        narrow,
    })
}

fn sum(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum, &value| sum.saturating_add(value))
}

fn values(subject: &Subject<'_>, stacks: &Stacks<'_>, wanted: FlameOptions) -> Values {
    let of = |snapshot| stacks.sums(snapshot, subject.measured.column);
    let (before, after) = if subject.is_comparison() {
        (of(0), of(1))
    } else if subject.series.snapshots.is_empty() {
        (Vec::new(), Vec::new())
    } else {
        (Vec::new(), of(0))
    };
    let mut values = Values { before, after, width: Vec::new() };
    // The sum of all |values| was checked to fit, so no sum of widths overflows.
    let width = |stack: StackId| {
        let (before, after) = (values.before(stack), values.after(stack));
        let size = match wanted.width {
            FlameWidth::After => after.unsigned_abs(),
            FlameWidth::Before => before.unsigned_abs(),
            FlameWidth::Delta => after.wrapping_sub(before).unsigned_abs(),
        };
        i64::try_from(size).unwrap_or(i64::MAX)
    };
    values.width = stacks.ids().map(width).collect();
    values
}

/// Values of the paths without width; `None` if every path has one.
fn elided(
    values: &Values,
    mut walks: Walks<'_>,
    rows: usize,
    wanted: FlameOptions,
) -> Option<Values> {
    let other = |stack: StackId| match wanted.width {
        FlameWidth::After => values.before(stack),
        FlameWidth::Before => values.after(stack),
        FlameWidth::Delta => 0,
    };
    let has_none = |stack: StackId| values.width(stack) == 0 && other(stack) != 0;
    let n = values.width.len();
    let mut groups = Groups::new(n, rows.max(1));
    let mut found: Vec<i64> = Vec::new();
    let mut waiting: Vec<Range<usize>> = Vec::new();
    waiting.push(0..n);
    while let Some(group) = waiting.pop() {
        let all = groups.of(group.clone());
        if !all.iter().any(|&stack| has_none(stack)) {
            continue;
        }
        // Read from its root, a path exists as long as a longer one does; read from its leaf, it
        // represents only itself.
        let is_there = wanted.direction == FlameDirection::RootFirst
            && all.iter().any(|&stack| values.width(stack) != 0);
        if is_there {
            let next = groups.split(group, |stack| walks.next(stack).map(|(row, _)| row));
            waiting.extend(next.into_iter().map(|(_, group)| group));
        } else {
            found.resize(n, 0);
            for &stack in all.iter().filter(|&&stack| has_none(stack)) {
                found[stack.index()] = other(stack);
            }
        }
    }
    if found.is_empty() {
        return None;
    }
    let width = found.iter().map(|value| value.unsigned_abs() as i64).collect();
    let (before, after) = match wanted.width {
        FlameWidth::Before => (Vec::new(), found),
        FlameWidth::After | FlameWidth::Delta => (found, Vec::new()),
    };
    Some(Values { before, after, width })
}

/// Adds up the evidence of the records for each drawn frame.
fn add_evidence(
    subject: &Subject<'_>,
    stacks: &Stacks<'_>,
    main: &mut Grown,
    mut strip: Option<&mut Grown>,
) {
    let matched = subject.matched();
    let Some(nothing) = matched.no_evidence() else { return };
    main.evidence = vec![nothing; main.items.len()];
    if let Some(strip) = &mut strip {
        strip.evidence = vec![nothing; strip.items.len()];
    }
    let Grown { evidence: sums, of_stack: in_main, .. } = &mut *main;
    let mut strip_parts = strip.as_mut().map(|strip| (&mut strip.evidence, &strip.of_stack));
    let in_strip = strip_parts.as_ref().map(|(_, in_strip)| *in_strip);
    let items = |stack: StackId| {
        let at = |items: &[u32]| Some(items[stack.index()]).filter(|&item| item != NONE);
        let items = (at(in_main), in_strip.and_then(|items| at(items)));
        (items != (None, None)).then_some(items)
    };
    matched.each(stacks, items, |(item, of_strip), evidence| {
        if let Some(item) = item {
            sums[*item as usize].merge(evidence);
        }
        if let (Some(item), Some((sums, _))) = (of_strip, &mut strip_parts) {
            sums[*item as usize].merge(evidence);
        }
    });
    main.cumulate();
    if let Some(strip) = strip {
        strip.cumulate();
    }
}

impl Grown {
    fn cumulate(&mut self) {
        for i in (1..self.items.len()).rev() {
            let own = self.evidence[i];
            self.evidence[self.items[i].parent as usize].merge(&own);
        }
    }
}

/// Frames whose errors are computed at once.
const PIECE: usize = 1000;

impl Grown {
    /// The error of each drawn frame; none if the profiles don't record how they were sampled.
    fn errors(&self, subject: &Subject<'_>) -> Vec<Option<Bounds>> {
        let all: Vec<(&Item, &SumEvidence)> = self.items.iter().zip(&self.evidence).collect();
        let pieces: Vec<_> = all.chunks(PIECE).collect();
        let errors = parallel::map(pieces.len(), |piece| {
            let mut limits = Garwood::new(LEVEL);
            let error = |(item, evidence): &(&Item, &SumEvidence)| {
                let value = subject.change([item.before, item.after]).delta_or_value();
                item.is_kept.then(|| evidence.bounds_of(value.cum, &mut limits))
            };
            pieces[piece].iter().map(error).collect::<Vec<_>>()
        });
        errors.concat()
    }
}

/// The names of frames, each once.
struct Names {
    names: Vec<String>,
    of_row: Vec<Option<u32>>,
}

impl Names {
    fn new(subject: &Subject<'_>) -> Self {
        Self { names: Vec::new(), of_row: vec![None; subject.frames.len()] }
    }

    fn push(&mut self, name: &str) -> u32 {
        self.names.push(name.to_owned());
        self.names.len() as u32 - 1
    }

    fn of(&mut self, row: RowId, subject: &Subject<'_>) -> u32 {
        let i = row.0 as usize;
        if let Some(known) = self.of_row[i] {
            return known;
        }
        let name = self.push(subject.frames.name(row));
        self.of_row[i] = Some(name);
        name
    }
}

/// The frames, each directly before its children.
fn listed(subject: &Subject<'_>, grown: &Grown, first: &str, names: &mut Names) -> Vec<FlameFrame> {
    let mut frames = Vec::with_capacity(grown.items.len());
    let first = names.push(first);
    let wider = |&a: &u32, &b: &u32| {
        let (a, b) = (&grown.items[a as usize], &grown.items[b as usize]);
        let name = |item: &Item| match item.what {
            What::Row(row, _) => subject.frames.name(row),
            What::Narrow(_) | What::Deeper(_) => "",
        };
        let is_row = |item: &Item| matches!(item.what, What::Row(..));
        // Frames that represent several others come last.
        let by_width = b.width.cmp(&a.width);
        is_row(b).cmp(&is_row(a)).then(by_width).then_with(|| name(a).cmp(name(b)))
    };
    let errors = grown.errors(subject);
    let mut waiting = vec![0_u32];
    let mut children = Vec::new();
    while let Some(i) = waiting.pop() {
        let item = &grown.items[i as usize];
        let value = subject.change([item.before, item.after]);
        frames.push(FlameFrame {
            depth: item.depth,
            name: match (i, item.what) {
                (0, _) => first,
                (_, What::Row(row, _)) => names.of(row, subject),
                _ => names.push("…"),
            },
            run: if let What::Row(_, run) = item.what { run } else { 1 },
            several: if let What::Narrow(frames) = item.what { Some(frames) } else { None },
            deeper: if let What::Deeper(levels) = item.what { Some(levels) } else { None },
            width: item.width,
            value,
            error: errors.get(i as usize).copied().flatten(),
        });
        children.clear();
        children.extend(item.children.clone().filter(|&child| grown.items[child as usize].is_kept));
        children.sort_by(wider);
        waiting.extend(children.iter().rev());
    }
    frames
}
