//! Finds goroutines that pile up.
//!
//! A goroutine profile counts the goroutines of each stack exactly. They are grouped by the
//! function that started them and the one they wait in. A group whose count rises like a leak is a
//! leak, whatever the heap shows: goroutine stacks aren't in a heap profile.

use super::exchange::{LOSERS, LOSES, NOTHING, is_even, only};
use crate::analysis::estimates::Class;
use crate::analysis::evolution::{Evolution, GroupValues, Groups};
use crate::analysis::turnover::judge_line;
use crate::analysis::{Measured, frames_of};
use crate::model::goroutines::{starter, state};
use crate::model::history::History;
use crate::model::ids::FunctionId;
use crate::model::origin::{self, Owner};
use crate::model::recording::Span;
use crate::model::site::{Frame, Owners};
use crate::stats::class::{Growth, Judgement, LEAST};
use crate::stats::trend::Slope;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The least memory of a goroutine, in bytes: its first stack, and its descriptor.
pub(super) const LEAST_BYTES: i64 = 2048 + 480;

/// Standard deviations by which the number of goroutines of own code must grow.
const DEVIATIONS: f64 = 2.0;

/// Standard deviations by which the number of other goroutines must grow: those of a library, such as
/// the connections of a server, come and go with the load.
const DEVIATIONS_OF_OTHERS: f64 = 3.0;

/// Goroutines that begin and those that end together grow by less than this share of those that begin, in each part of
/// the time.
const IN_PART: f64 = 0.5;

/// Goroutines that were started in one function and wait in one function.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Name of the function that started them, or of their first function if that isn't known.
    pub(super) started: String,
    /// Whether `started` is the function that started them.
    pub(super) is_starter: bool,
    /// The frame that most of them wait in: of own code, or else the one nearest to the leaf.
    pub(super) frame: Frame,
    /// Whether that frame is own code.
    pub(super) is_own: bool,
    /// A frame that shows where they were started, and whose code it is.
    pub(super) first: Frame,
    pub(super) first_owner: Owner,
    /// What they wait for.
    pub(super) state: &'static str,
    /// The functions of the stack that grew most, leaf first.
    pub(super) stack: Vec<FunctionId>,
    pub(super) line: GroupValues,
    /// Its records.
    pub(super) records: Vec<u32>,
    pub(super) judgement: Judgement,
    pub(super) class: Class,
    /// A frame of the goroutines that these replace, and by how many both together grew.
    pub(super) replaces: Option<(Frame, i64)>,
}

impl Group {
    /// The function that started them, if the name of their first function reveals it.
    pub(super) fn started_by(&self) -> &str {
        if self.is_starter { &self.started } else { "" }
    }

    pub(super) fn before(&self) -> i64 {
        self.line.values.first().copied().unwrap_or(0)
    }

    pub(super) fn after(&self) -> i64 {
        self.line.values.last().copied().unwrap_or(0)
    }

    /// How fast it grows.
    pub(super) fn slope(&self) -> Slope {
        self.judgement.late.or_whole(self.judgement.slope)
    }

    /// Whether most snapshots have it.
    pub(super) fn is_usual(&self) -> bool {
        let present = self.line.values.iter().filter(|&&count| count > 0).count();
        2 * present > self.line.values.len()
    }

    /// Whether it piles up, and shows no sign of leveling off.
    pub(super) fn is_leak(&self) -> bool {
        self.class == Class::Leak && self.piles_up()
    }

    /// Whether it piles up: by more than a number of independent goroutines fluctuates, and with
    /// enough snapshots also by a slope that is certainly above 0.
    pub(super) fn piles_up(&self) -> bool {
        let (before, after) = (self.before().max(0) as f64, self.after().max(0) as f64);
        // The variance of a Poisson count is the count.
        let fluctuation = (before + after).sqrt();
        let is_own = self.is_own || self.first_owner == Owner::Own;
        let deviations = if is_own { DEVIATIONS } else { DEVIATIONS_OF_OTHERS };
        let rises = self.line.values.len() < LEAST || self.slope().interval.lower > 0.0;
        rises && after - before >= deviations * fluctuation
    }
}

/// The groups of one process.
pub(super) fn groups(history: &History, owners: &Owners, span: &Span) -> Vec<Group> {
    let series = &history.records;
    let Some(snapshot) = series.snapshots.first() else { return Vec::new() };
    let measured = Measured::new(&history.sample_types, 0);
    let evolution = Evolution { history, measured: &measured, span };
    let changes = evolution.changes();
    let mut keys: HashMap<(String, FunctionId), u32, FxBuildHasher> = HashMap::default();
    let mut of_record: Vec<Option<u32>> = vec![None; history.len()];
    // For each group, the sample that grew most.
    let mut best: Vec<(i64, usize)> = Vec::new();
    let mut frames = Vec::new();
    for sample in 0..snapshot.samples.len() {
        frames_of(series, snapshot.stack(sample), &mut frames);
        let (Some(parked), Some(first)) = (parked(&frames, owners), frames.last()) else {
            continue;
        };
        if owners.is_profiler(&frames) {
            continue;
        }
        let name = series.symbols.name(first.function);
        let started = starter(name).unwrap_or(name).to_owned();
        let next = keys.len() as u32;
        let key = *keys.entry((started, parked.function)).or_insert(next);
        let record = history.record(sample);
        let delta = changes[record].delta();
        match best.get_mut(key as usize) {
            None => best.push((delta, sample)),
            Some(best) if delta > best.0 => *best = (delta, sample),
            Some(_) => {}
        }
        of_record[record] = Some(key);
    }
    let groups = Groups::new(keys.len(), history.len(), |record, groups| {
        groups.extend(of_record[record]);
    });
    let lines = evolution.lines(&groups);
    let mut names: Vec<(u32, String)> =
        keys.into_iter().map(|((name, _), key)| (key, name)).collect();
    names.sort_unstable();
    let mut records: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    for (record, group) in of_record.iter().enumerate() {
        if let Some(group) = group {
            records[*group as usize].push(record as u32);
        }
    }
    let all =
        names.into_iter().zip(lines).zip(best).map(|(((key, started), line), (_, sample))| {
            frames_of(series, snapshot.stack(sample), &mut frames);
            let judgement = judge_line(&evolution, &line, Growth::Proven);
            let stack: Vec<FunctionId> = frames.iter().map(|frame| frame.function).collect();
            let (leaf, root) = (frames[0], frames[frames.len() - 1]);
            let frame = parked(&frames, owners).unwrap_or(leaf);
            Group {
                is_starter: series.symbols.name(root.function) != started,
                started,
                is_own: owners.is_own(frame.function),
                frame,
                first: root,
                first_owner: owners.of(root.function),
                state: state(stack.iter().map(|&function| series.symbols.name(function))),
                stack,
                line,
                records: std::mem::take(&mut records[key as usize]),
                class: judgement.class.into(),
                judgement,
                replaces: None,
            }
        });
    let mut groups = all.collect::<Vec<_>>();
    replace(&mut groups, |function| origin::package(series.symbols.name(function)));
    groups
}

/// Finds leaks that only replace other goroutines: as many of another group of the same package end as begin here, or
/// all goroutines together don't grow. Numbers of goroutines are exact.
fn replace<'n>(groups: &mut [Group], package: impl Fn(FunctionId) -> &'n str) {
    let rising: Vec<usize> = (0..groups.len()).filter(|&i| groups[i].is_leak()).collect();
    let mut falling: Vec<usize> =
        (0..groups.len()).filter(|&i| groups[i].after() < groups[i].before()).collect();
    if rising.is_empty() || falling.is_empty() {
        return;
    }
    let gained = |i: usize| groups[i].after().saturating_sub(groups[i].before());
    falling.sort_by_key(|&i| (gained(i), i));
    falling.truncate(LOSERS);
    let mut all = groups[0].line.clone();
    groups[1..].iter().for_each(|group| all.add(&group.line));
    // By how many a rising group and others grew together, if that is next to nothing beside its own growth.
    let stays = |new: usize, together: &GroupValues| {
        let grew = together.values.last()?.saturating_sub(*together.values.first()?);
        let is_even = is_even(&groups[new].line, together, IN_PART);
        (is_even && grew as f64 <= NOTHING * gained(new) as f64).then_some(grew)
    };
    let with = |new: usize, old: usize| {
        let package = |i: usize| package(groups[i].first.function);
        let is_one = -(gained(old) as f64) <= LOSES * gained(new) as f64;
        let mut both = groups[new].line.clone();
        both.add(&groups[old].line);
        stays(new, &both).filter(|_| is_one && package(new) == package(old))
    };
    let pairs = rising.iter().flat_map(|&new| falling.iter().map(move |&old| (new, old)));
    let pairs: Vec<(usize, usize)> = pairs.filter(|&(new, old)| with(new, old).is_some()).collect();
    let partner: HashMap<usize, usize, FxBuildHasher> = only(&pairs).collect();
    let replaced = |new: usize| {
        let pair = partner.get(&new).and_then(|&old| Some((old, with(new, old)?)));
        let (old, grew) = pair.or_else(|| Some((falling[0], stays(new, &all)?)))?;
        Some((groups[old].frame, grew))
    };
    let found: Vec<_> = rising.iter().map(|&new| (new, replaced(new))).collect();
    for (new, replaced) in found.into_iter().filter(|(_, replaced)| replaced.is_some()) {
        groups[new].class = Class::Grew;
        groups[new].replaces = replaced;
    }
}

/// The frame that a goroutine waits in: of own code if there is one, else the outermost.
fn parked(frames: &[Frame], owners: &Owners) -> Option<Frame> {
    frames.iter().find(|frame| owners.is_own(frame.function)).or(frames.last()).copied()
}
