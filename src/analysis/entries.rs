//! Finds the own function that calls a library whose goroutines allocate.
//!
//! A library may open a connection in a goroutine of its own, with no own code on the stack. But the function
//! that requested the connection called a method of the same type: stacks of `(*Transport).dialConn` belong
//! with stacks that lead from own code into `(*Transport).roundTrip`.

use super::Measured;
use super::snapshot_pair::Process;
use crate::graph::frames::{Frames, SiteId};
use crate::model::ids::FunctionId;
use crate::model::origin::Owner;
use crate::model::series::Series;
use crate::model::site::{Frame, Owners};
use crate::model::symbols::Symbols;
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

/// A function is the caller of a type if it accounts for this share of what is allocated through the type.
const MOST: f64 = 0.8;

/// Own functions that lead into types of libraries.
pub(super) struct Entries<'a> {
    symbols: &'a Symbols,
    owners: &'a Owners,
    /// What was allocated through each own frame and each type, keyed by the type's name.
    through: HashMap<(&'a str, FunctionId), (i64, Frame), FxBuildHasher>,
    /// What was allocated in and beneath each function of a dependency: under own code, and without any.
    under: HashMap<&'a str, [i64; 2], FxBuildHasher>,
    /// The own functions above each function that starts goroutines.
    above: HashMap<&'a str, HashSet<&'a str, FxBuildHasher>, FxBuildHasher>,
}

/// The receiver type of a method: `net/http.(*Transport)`.
fn method_of(name: &str) -> Option<&str> {
    let open = name.find(".(*")?;
    let close = open + name[open..].find(')')?;
    Some(&name[..=close])
}

/// Whether a function may belong to a library whose caller should be found.
pub(super) fn is_asked(function: &str, owner: Owner) -> bool {
    owner != Owner::Own && method_of(function).is_some()
}

impl<'a> Entries<'a> {
    /// Nothing was allocated yet.
    pub(super) fn new(symbols: &'a Symbols, owners: &'a Owners) -> Self {
        Self {
            symbols,
            owners,
            through: HashMap::default(),
            under: HashMap::default(),
            above: HashMap::default(),
        }
    }

    /// Asks for the own functions above those that start goroutines.
    pub(super) fn ask_above(&mut self, starters: &HashSet<&str, FxBuildHasher>) {
        let symbols = self.symbols;
        let names = symbols.functions.iter().map(|function| symbols.text(function.name));
        self.above = names
            .filter(|name| starters.contains(name))
            .map(|name| (name, HashSet::default()))
            .collect();
    }

    /// Whether an own function is above one that starts goroutines.
    pub(super) fn is_above(&self, function: &str, starter: &str) -> bool {
        self.above.get(starter).is_some_and(|above| above.contains(function))
    }

    /// What was allocated through the types of `functions`: between the snapshots of one process, or else in the
    /// snapshots after the first `before`.
    pub(super) fn of_runs<'f>(
        series: &'a Series,
        owners: &'a Owners,
        measured: &Measured,
        (before, process): (usize, Option<Process>),
        functions: impl IntoIterator<Item = &'f str>,
    ) -> Self {
        let symbols = &series.symbols;
        let mut entries = Self::new(symbols, owners);
        let asked: HashSet<&str, FxBuildHasher> =
            functions.into_iter().filter_map(method_of).collect();
        let asked_type = |name| method_of(name).filter(|of| asked.contains(of));
        let type_of: Vec<Option<&str>> =
            symbols.functions.iter().map(|f| asked_type(symbols.text(f.name))).collect();
        let column = measured.allocated.unwrap_or(measured.column);
        let width = series.sample_types.len();
        let is_one_process = process.is_some_and(|process| process != Process::Different);
        let mut types = Vec::new();
        for (i, snapshot) in series.snapshots.iter().enumerate() {
            if i < before && !is_one_process {
                continue;
            }
            for sample in 0..snapshot.samples.len() {
                types.clear();
                let mut lines =
                    snapshot.stack(sample).flat_map(|location| symbols.locations.lines(location));
                let own = lines.find(|line| {
                    types.extend(type_of[line.function.index()]);
                    owners.is_own(line.function)
                });
                if let Some(own) = own.filter(|_| !types.is_empty()) {
                    let value = snapshot.samples.values[sample * width + column];
                    let value = if i < before { value.saturating_neg() } else { value };
                    entries.add_types(&mut types, own.into(), value);
                }
            }
        }
        entries
    }

    /// Adds what was allocated in a stack, leaf first.
    pub(super) fn add(&mut self, frames: &[Frame], allocated: i64) {
        let (symbols, owners) = (self.symbols, self.owners);
        let at = frames.iter().position(|frame| owners.is_own(frame.function));
        for frame in &frames[..at.unwrap_or(frames.len())] {
            if owners.of(frame.function) == Owner::Dependency {
                let sums = self.under.entry(symbols.name(frame.function)).or_default();
                let sum = &mut sums[usize::from(at.is_none())];
                *sum = sum.saturating_add(allocated);
            }
        }
        let starts = |frame: &Frame| self.above.contains_key(symbols.name(frame.function));
        if let Some(start) = frames.iter().position(starts).filter(|_| !self.above.is_empty()) {
            let starter = symbols.name(frames[start].function);
            let own = frames[start + 1..].iter().filter(|frame| owners.is_own(frame.function));
            let own = own.map(|frame| symbols.name(frame.function));
            self.above.entry(starter).or_default().extend(own);
        }
        let Some(at) = at else { return };
        let types = frames[..at].iter().filter_map(|f| method_of(symbols.name(f.function)));
        self.add_types(&mut types.collect(), frames[at], allocated);
    }

    fn add_types(&mut self, types: &mut Vec<&'a str>, own: Frame, allocated: i64) {
        types.sort_unstable();
        types.dedup();
        for &of in &*types {
            let sum = self.through.entry((of, own.function)).or_insert((0, own));
            sum.0 = sum.0.saturating_add(allocated);
        }
    }

    /// Whether a function of a dependency runs mostly without own code on its stack, by what it
    /// allocates.
    pub(super) fn is_alone(&self, function: &str) -> bool {
        self.under.get(function).is_some_and(|[under_own, alone]| alone > under_own)
    }

    /// The own frame that calls the receiver type of a function, if one frame accounts for nearly all calls.
    pub(super) fn of(&self, function: &str) -> Option<Frame> {
        let wanted = method_of(function)?;
        let found = self.through.iter().filter(|((of, _), _)| *of == wanted);
        let mut all: Vec<(i64, Frame)> =
            found.map(|(_, &(sum, frame))| (sum.max(0), frame)).collect();
        all.sort_unstable();
        let whole: i64 = all.iter().map(|(sum, _)| *sum).fold(0, i64::saturating_add);
        let &(most, frame) = all.last()?;
        (most as f64 >= MOST * whole as f64 && most > 0).then_some(frame)
    }
}

/// Blames the callers of libraries instead of these sites, for what the libraries allocate in goroutines
/// of their own. `runs` are those of [`Entries::of_runs`].
pub(super) fn redirect<'s>(
    (series, frames): (&Series, &Frames),
    measured: &Measured,
    runs: (usize, Option<Process>),
    sites: impl Iterator<Item = &'s mut SiteId>,
) {
    let owners = frames.owners();
    let function = |site: SiteId| frames.site(site).function;
    let name = |site: SiteId| series.symbols.name(function(site));
    let is_asked = |site: &SiteId| is_asked(name(*site), owners.of(function(*site)));
    let mut asked: Vec<&mut SiteId> = sites.filter(|site| is_asked(site)).collect();
    if asked.is_empty() {
        return;
    }
    let names: Vec<&str> = asked.iter().map(|site| name(**site)).collect();
    let entries = Entries::of_runs(series, owners, measured, runs, names.iter().copied());
    for (site, name) in asked.iter_mut().zip(names) {
        let entry = entries.of(name).and_then(|frame| frames.find_site(frame));
        **site = entry.unwrap_or(**site);
    }
}

#[cfg(test)]
mod tests {
    use super::method_of;

    #[test]
    fn methods_belong_to_types() {
        let of = "net/http.(*Transport)";
        assert_eq!(method_of("net/http.(*Transport).startDialConnForLocked.func1"), Some(of));
        assert_eq!(method_of("net/http.Get"), None);
        assert_eq!(method_of("main.(*room"), None);
    }
}
