//! Joins the suspects that have one cause.
//!
//! A leaked connection shows as two goroutines, their buffers and the state of TLS, each at a line
//! of its own. There is one line to fix, so it is one entry: what one function leaks, the goroutines
//! it started, what was allocated in them, and goroutines that pile up in step with others. The part
//! that most certainly leaks represents the cause, own code before others.

use super::{Goroutines, Part, Ranked, Suspect, confidence};
use crate::analysis::Place;
use crate::analysis::entries::Entries;
use crate::analysis::estimates::{Class, Estimate};
use crate::model::goroutines::starter;
use crate::model::origin;
use crate::patterns::Confidence;
use crate::stats::trend::correlation;
use std::cmp::Reverse;

/// Goroutines pile up in step if their increases never differ by more than this share.
const IN_STEP: f64 = 0.05;

/// The count of objects differs from that of goroutines by at most this share.
const ONE_FOR_EACH: f64 = 0.3;

/// Functions are next to each other if at most this many lines of one file are between them.
const NEXT_TO: u64 = 40;

/// The correlation from which two values rise in parallel.
const PARALLEL: f64 = 0.95;

/// What is at most a fourth of something is small beside it: so few samples that its values are rough.
const SMALL: i64 = 4;

/// The correlation from which a rough value rises in parallel.
const ROUGHLY: f64 = 0.8;

/// Joins the leaks of one cause. The others stay as they are.
pub(super) fn join(found: Vec<Ranked>, entries: &Entries<'_>) -> Vec<Ranked> {
    let mut group: Vec<usize> = (0..found.len()).collect();
    for i in 0..found.len() {
        for j in 0..i {
            let (a, b) = (root(&group, i), root(&group, j));
            if a != b && has_one_cause(&found[i], &found[j], entries) {
                group[a.max(b)] = a.min(b);
            }
        }
    }
    let by_number = one_for_each(&found, &group);
    for &(memory, goroutines) in &by_number {
        let (a, b) = (root(&group, memory), root(&group, goroutines));
        group[a.max(b)] = a.min(b);
    }
    let mut causes: Vec<Vec<Ranked>> = (0..found.len()).map(|_| Vec::new()).collect();
    let roots: Vec<usize> = (0..group.len()).map(|i| root(&group, i)).collect();
    let mut functions: Vec<Option<String>> = vec![None; causes.len()];
    for &(memory, _) in &by_number {
        functions[roots[memory]].get_or_insert_with(|| found[memory].suspect.site.function.clone());
    }
    for (one, root) in found.into_iter().zip(roots) {
        causes[root].push(one);
    }
    let join = |(parts, function)| {
        let mut cause: Ranked = joined(parts)?;
        cause.suspect.one_for_each = function;
        Some(cause)
    };
    causes.into_iter().zip(functions).filter_map(join).collect()
}

/// Blames goroutines of a library on the own code whose memory they hold.
pub(super) fn blame_on_own(found: &mut [Ranked]) {
    let owners: Vec<(Goroutines, Place)> = found
        .iter()
        .filter(|one| one.is_own && one.suspect.class == Class::Leak)
        .filter(|one| !one.suspect.is_of_goroutines())
        .filter_map(|one| Some((one.suspect.goroutines.clone()?, one.suspect.site.clone())))
        .collect();
    for one in found.iter_mut().filter(|one| !one.is_own && one.suspect.is_of_goroutines()) {
        let mut of =
            owners.iter().filter(|(held, _)| one.suspect.goroutines.as_ref() == Some(held));
        // If two functions hold them, the right one is unknown.
        let Some((_, site)) = of.next() else { continue };
        if of.all(|(_, other)| other.function == site.function) {
            one.suspect.site = site.clone();
        }
    }
}

/// What a caller keeps beside something that levels off, and is small beside it, levels off with it: both
/// are entries of one container, and few samples show the smaller one.
pub(super) fn level_off_together(found: &mut [Ranked]) {
    let levels_off = |one: &&Ranked| {
        matches!(one.suspect.class, Class::GrowingDecelerating | Class::WarmUp | Class::Step)
    };
    let made: Vec<Suspect> =
        found.iter().filter(levels_off).map(|one| one.suspect.clone()).collect();
    for one in found.iter_mut().filter(|one| one.suspect.class == Class::Leak) {
        let keeper = &one.suspect;
        let is_small = |made: &&Suspect| SMALL * keeper.growth.estimate <= made.growth.estimate;
        let of_one = |made: &&Suspect| made.process == keeper.process && is_made_for(made, keeper);
        if let Some(made) = made.iter().filter(is_small).find(of_one) {
            one.suspect.class = made.class;
        }
    }
}

/// The leak that a goroutine in a function of its package keeps: one without a better explanation
/// that has most of such growth.
pub(super) fn kept_by<'f>(found: &'f mut [Ranked], function: &str) -> Option<&'f mut Ranked> {
    let is_unexplained = |one: &&mut Ranked| {
        let suspect = &one.suspect;
        suspect.class == Class::Leak
            && !suspect.is_of_goroutines()
            && suspect.goroutines.is_none()
            && confidence::bounded_by(suspect).is_none()
            && origin::package(&suspect.site.function) == origin::package(function)
    };
    let mut all: Vec<&mut Ranked> = found.iter_mut().filter(is_unexplained).collect();
    all.sort_by_key(|one| Reverse(one.suspect.growth.estimate));
    let whole: i64 = all.iter().map(|one| one.suspect.growth.estimate).sum();
    let most = all.into_iter().next()?;
    (3 * most.suspect.growth.estimate >= 2 * whole).then_some(most)
}

fn root(group: &[usize], mut i: usize) -> usize {
    while group[i] != i {
        i = group[i];
    }
    i
}

/// The function that a closure is part of, or the function itself.
fn outermost(mut function: &str) -> &str {
    while let Some(around) = starter(function) {
        function = around;
    }
    function
}

/// Whether two functions are one, or one is a closure of the other. Those of `main.main` belong to
/// different things.
fn is_one_function(a: &str, b: &str) -> bool {
    a == b || (outermost(a) == b || a == outermost(b)) && outermost(a) != "main.main"
}

fn has_one_cause(a: &Ranked, b: &Ranked, entries: &Entries<'_>) -> bool {
    let (one, other) = (&a.suspect, &b.suspect);
    let both = [one, other];
    if both.iter().any(|s| s.class != Class::Leak) || one.process != other.process {
        return false;
    }
    if is_one_function(&one.site.function, &other.site.function) {
        return true;
    }
    match both.map(Suspect::is_of_goroutines) {
        [true, true] => are_started_together(a, b),
        [true, false] => is_held_by(b, a, entries),
        [false, true] => is_held_by(a, b, entries),
        [false, false] => {
            is_passed_on(a, b)
                || is_passed_on(b, a)
                || is_made_for(one, other)
                || is_made_for(other, one)
                || are_held_together(one, other)
                || are_of_one_dependency(one, other)
                || are_of_one_library(a, b)
        }
    }
}

/// Whether goroutines have one starter, or pile up in step and some are not own code's.
fn are_started_together(a: &Ranked, b: &Ranked) -> bool {
    let started = |one: &Ranked| {
        let by = one.suspect.goroutines.as_ref().map(|goroutines| goroutines.started_by.clone());
        by.filter(|by| !by.is_empty())
    };
    let is_one = started(a).is_some() && started(a) == started(b);
    let root = |one: &Ranked| one.suspect.path.first().map(|name| origin::package(name).to_owned());
    let is_of_one_package = !a.is_own && !b.is_own && root(a) == root(b);
    is_one
        || !(a.is_own && b.is_own) && is_in_step(&a.suspect.values, &b.suspect.values)
        || is_of_one_package && correlation(&a.suspect.values, &b.suspect.values) >= PARALLEL
}

/// Whether two counts of equal length increase alike.
fn is_in_step(a: &[i64], b: &[i64]) -> bool {
    let (Some(first), Some(last)) = (a.first().zip(b.first()), a.last().zip(b.last())) else {
        return false;
    };
    let most = (last.0 - first.0).min(last.1 - first.1) as f64;
    let differs = |(a, b): (&i64, &i64)| ((a - first.0) - (b - first.1)).unsigned_abs() as f64;
    a.len() == b.len() && most > 0.0 && a.iter().zip(b).all(|pair| differs(pair) <= IN_STEP * most)
}

/// Whether memory belongs to goroutines: the site started them, it was allocated in them, or on the
/// way to where they wait.
fn is_held_by(memory: &Ranked, goroutines: &Ranked, entries: &Entries<'_>) -> bool {
    let Some(held) = &goroutines.suspect.goroutines else { return false };
    let path = &memory.suspect.path;
    let first = goroutines.suspect.path.first();
    // The first function of a server's goroutine begins the work of all handlers.
    let is_of_one_kind = first.is_some_and(|first| first == &goroutines.suspect.site.function);
    is_one_function(&held.started_by, &memory.suspect.site.function)
        || is_made_where_started(memory, goroutines)
        || is_made_for_method(memory, goroutines, entries)
        || memory.suspect.goroutines.as_ref() == Some(held)
        || path.first() == first && (is_of_one_kind && goroutines.is_own || !memory.is_own)
        || goroutines.is_own && path.contains(&held.parked_in)
}

/// Whether memory is allocated on the way to what started goroutines, or in the dependency that they run
/// in, and rises in parallel.
fn is_made_where_started(memory: &Ranked, goroutines: &Ranked) -> bool {
    let Some(held) = &goroutines.suspect.goroutines else { return false };
    let path = &memory.suspect.path;
    let root = goroutines.suspect.path.first().map(|name| origin::package(name));
    let is_of_package = |name: &String| root.is_some_and(|root| origin::package(name) == root);
    let leads = !held.started_by.is_empty() && path.contains(&held.started_by)
        || goroutines.is_of_dependency() && path.iter().any(is_of_package);
    leads && correlation(&memory.suspect.values, &goroutines.suspect.values) >= PARALLEL
}

/// Whether memory rises in parallel with goroutines that its function starts by way of others, or that run a
/// method of the type that it makes: newSession makes what (*Session).read holds.
fn is_made_for_method(memory: &Ranked, goroutines: &Ranked, entries: &Entries<'_>) -> bool {
    let Some(held) = &goroutines.suspect.goroutines else { return false };
    let site = &memory.suspect.site.function;
    let starts = entries.is_above(site, &held.started_by);
    let makes = [&held.started_by, &held.parked_in].into_iter().any(|of| makes(site, of));
    (starts || makes) && correlation(&memory.suspect.values, &goroutines.suspect.values) >= PARALLEL
}

/// Whether a function is named as the constructor of the type that a method belongs to.
fn makes(function: &str, method: &str) -> bool {
    let package = origin::package(function);
    let rest = method.strip_prefix(package).and_then(|rest| rest.strip_prefix(".(*"));
    let of = rest.and_then(|rest| rest.split_once(')')).map(|(of, _)| of.to_lowercase());
    let name = function.strip_prefix(package).and_then(|name| name.strip_prefix('.'));
    let made =
        name.map(str::to_lowercase).and_then(|name| Some(name.strip_prefix("new")?.to_owned()));
    package == origin::package(method) && of.is_some() && of == made
}

/// Pairs of memory and goroutines of one cause that nothing but their number connects: one object for each
/// goroutine, from a function next to the one that they run. Requests leak at one rate whatever each of them
/// leaks, so a number alone says nothing, and memory further away is a leak of its own. Goroutines whose memory
/// is known have no pair.
fn one_for_each(found: &[Ranked], group: &[usize]) -> Vec<(usize, usize)> {
    let is_leak = |one: &Ranked| one.is_own && one.suspect.class == Class::Leak;
    let (goroutines, memory): (Vec<usize>, Vec<usize>) = (0..found.len())
        .filter(|&i| is_leak(&found[i]))
        .partition(|&i| found[i].suspect.is_of_goroutines());
    let nearest = |&of: &usize| {
        let own = root(group, of);
        if memory.iter().any(|&i| root(group, i) == own) {
            return None;
        }
        let suspect = &found[of].suspect;
        let fits = |&&i: &&usize| {
            found[i].suspect.process == suspect.process && is_one_for_each(&found[i], suspect)
        };
        let distances = memory.iter().filter(fits).filter_map(|&i| {
            distance(&found[i].suspect.site, &suspect.site).map(|lines| (lines, i))
        });
        distances.min().map(|(_, i)| (i, of))
    };
    goroutines.iter().filter_map(nearest).collect()
}

/// How many lines are between two places of one file; `None` if they aren't next to each other.
fn distance(a: &Place, b: &Place) -> Option<u64> {
    let lines = a.line?.abs_diff(b.line?);
    let is_one_file = a.file.is_some() && a.file == b.file;
    let is_one_package = origin::package(&a.function) == origin::package(&b.function);
    (is_one_file && is_one_package && lines <= NEXT_TO).then_some(lines)
}

/// Whether memory and goroutines rise in parallel, by one object for each goroutine.
fn is_one_for_each(memory: &Ranked, goroutines: &Suspect) -> bool {
    let count = goroutines.growth.estimate as f64;
    (memory.objects - count).abs() <= ONE_FOR_EACH * count
        && correlation(&memory.suspect.values, &goroutines.values) >= PARALLEL
}

/// Whether a function makes what its caller keeps in something of its own, such as the value of an entry:
/// the caller's part is no larger, and they rise in parallel, or roughly so if it is small.
fn is_made_for(made: &Suspect, keeper: &Suspect) -> bool {
    let is_small = SMALL * keeper.growth.estimate <= made.growth.estimate;
    made.caller() == Some(&keeper.site.function)
        && keeper.growth.estimate <= made.growth.estimate
        && correlation(&made.values, &keeper.values) >= if is_small { ROUGHLY } else { PARALLEL }
}

/// Whether one function calls two that leak in parallel, and goroutines hold what one of them leaks.
fn are_held_together(one: &Suspect, other: &Suspect) -> bool {
    let is_held =
        |suspect: &Suspect| suspect.confidence == Confidence::High && suspect.goroutines.is_some();
    (is_held(one) || is_held(other))
        && one.caller().is_some_and(|name| other.caller() == Some(name))
        && correlation(&one.values, &other.values) >= PARALLEL
}

/// Whether one function calls two that leak in one dependency: what one of them begins, the other goes on
/// with.
fn are_of_one_dependency<'a>(one: &'a Suspect, other: &'a Suspect) -> bool {
    let within = |suspect: &'a Suspect| suspect.caller().zip(suspect.dependency.as_ref());
    within(one).is_some() && within(one) == within(other)
}

/// Whether two rise alike in a library that allocates without own code on the stack: one is called by it
/// somewhere else, or neither is.
fn are_of_one_library(a: &Ranked, b: &Ranked) -> bool {
    let (one, other) = (&a.suspect, &b.suspect);
    let is_redirected = |suspect: &Suspect| !suspect.path.contains(&suspect.site.function);
    let is_alone = |one: &Ranked| !one.is_own || is_redirected(&one.suspect);
    let library = |one: &Ranked| {
        let name = one.suspect.mechanism.as_ref().filter(|_| one.is_own);
        origin::package(name.unwrap_or(&one.suspect.site.function)).to_owned()
    };
    let is_one = is_alone(a) && is_alone(b) && library(a) == library(b)
        || (is_redirected(one) || is_redirected(other))
            && one.dependency.is_some()
            && one.dependency == other.dependency;
    is_one && correlation(&one.values, &other.values) >= ROUGHLY
}

/// Whether one function parses or reads what another one, further down the same path, keeps.
fn is_passed_on(payload: &Ranked, keeper: &Ranked) -> bool {
    payload.is_payload
        && keeper.suspect.path.contains(&payload.suspect.site.function)
        && correlation(&payload.suspect.values, &keeper.suspect.values) >= PARALLEL
}

/// Makes one suspect of all parts of a cause.
fn joined(mut parts: Vec<Ranked>) -> Option<Ranked> {
    parts.sort_by(|a, b| {
        let owner = |one: &Ranked| (!one.is_own, !one.is_of_dependency());
        let key = |one: &Ranked| (one.is_payload, one.suspect.confidence, owner(one));
        key(a).cmp(&key(b)).then(b.bound.total_cmp(&a.bound))
    });
    let own = parts.iter().find(|one| one.is_own).map(|one| one.suspect.site.clone());
    let mut rest = parts.into_iter();
    let mut head = rest.next()?;
    let site = own.filter(|_| !head.is_own);
    for other in rest {
        head.bound += other.bound;
        head.is_own |= other.is_own;
        head.suspect.add(&other.suspect);
        if head.suspect.sample_type == other.suspect.sample_type {
            head.trail.push(other.suspect.site.function);
            head.trail.extend(other.trail);
        }
    }
    if let Some(own) = site {
        // Own code names a cause, once its parts are named by what is surest to leak.
        head.suspect.site = own;
    }
    let parts = &mut head.suspect.parts;
    // What one place leaks is one part, memory and goroutines apart.
    let key = |part: &Part| (part.unit.clone(), part.site.function.clone(), part.site.line);
    parts.sort_by_key(key);
    parts.dedup_by(|other, part| {
        let is_same = key(other) == key(part);
        if is_same {
            part.growth = part.growth.plus(other.growth);
        }
        is_same
    });
    parts.sort_by_key(|part| (part.unit.clone(), Reverse(part.growth.estimate)));
    if parts.len() == 1 {
        parts.clear();
    }
    Some(head)
}

impl Ranked {
    /// Whether it is goroutines that run a dependency.
    fn is_of_dependency(&self) -> bool {
        self.suspect.is_of_goroutines() && self.suspect.dependency.is_some()
    }
}

impl Suspect {
    /// The function that calls the one to blame, on the stack that grew most.
    fn caller(&self) -> Option<&String> {
        let at = self.path.iter().rposition(|name| *name == self.site.function)?;
        self.path.get(at.checked_sub(1)?)
    }

    /// Adds another suspect as a part of this one.
    fn add(&mut self, other: &Self) {
        self.takes(other);
        if self.goroutines.is_none() {
            self.goroutines.clone_from(&other.goroutines);
        }
        if self.unit != other.unit || self.values.len() != other.values.len() {
            return;
        }
        if self.is_of_goroutines() {
            return;
        }
        self.values.iter_mut().zip(&other.values).for_each(|(a, b)| *a = a.saturating_add(*b));
        self.growth = self.growth.plus(other.growth);
        self.slope_per_hour = self.slope_per_hour.zip(other.slope_per_hour).map(|(a, b)| a.plus(b));
        self.q_value = match (self.q_value, other.q_value) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let rising = self.values.windows(2).filter(|pair| pair[1] > pair[0]).count();
        self.persistence = rising as f64 / self.values.len().saturating_sub(1).max(1) as f64;
        self.since = self.since.min(other.since);
    }

    /// Adds what is a part of its cause, and leaves its own numbers as they are.
    pub(super) fn takes(&mut self, other: &Self) {
        if self.parts.is_empty() {
            self.parts.push(self.part());
        }
        self.parts.push(other.part());
        for id in &other.patterns {
            if !self.patterns.contains(id) {
                self.patterns.push(id.clone());
            }
        }
    }

    pub(super) fn part(&self) -> Part {
        Part {
            site: self.site.clone(),
            sample_type: self.sample_type.clone(),
            unit: self.unit.clone(),
            growth: self.growth,
        }
    }
}

impl Estimate {
    /// The sum of two independent estimates.
    fn plus(self, other: Self) -> Self {
        let estimate = self.estimate.saturating_add(other.estimate);
        let reach = |a: i64, b: i64| (a as f64).hypot(b as f64) as i64;
        let down = reach(self.estimate - self.lower, other.estimate - other.lower);
        let up = reach(self.upper - self.estimate, other.upper - other.estimate);
        Self { estimate, lower: estimate.saturating_sub(down), upper: estimate.saturating_add(up) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted::{leak, parked};
    use super::*;
    use crate::model::origin::Own;
    use crate::model::site::Owners;
    use crate::model::symbols::Symbols;

    fn one_by_cause(found: Vec<Ranked>) -> Vec<Ranked> {
        let symbols = Symbols::default();
        let owners = Owners::new(&symbols, &Own::default());
        join(found, &Entries::new(&symbols, &owners))
    }

    /// The function that each cause is told by, and how many parts it has.
    fn causes(found: Vec<Ranked>) -> Vec<(String, usize)> {
        let joined = one_by_cause(found).into_iter();
        joined.map(|one| (one.suspect.site.function, one.suspect.parts.len())).collect()
    }

    fn is(name: &str, parts: usize) -> (String, usize) {
        (name.to_owned(), parts)
    }

    #[test]
    fn goroutines_and_the_memory_of_their_starter_are_one_cause() {
        let found = vec![
            leak(&["main.main", "main.start"], &[10, 20, 30, 40]),
            parked(&["main.start.func1"], "main.start", &[1, 2, 3, 4]),
            leak(&["main.main", "main.remember"], &[5, 6, 9, 12]),
        ];
        assert_eq!(causes(found), [is("main.start.func1", 2), is("main.remember", 0)]);
    }

    #[test]
    fn one_object_for_each_goroutine_is_held_by_it() {
        let stack = ["main.main", "main.submit"];
        for (objects, expected) in [(103.0, 1), (40.0, 2)] {
            let memory = counted(&stack, "main.go", 20, objects);
            let found = vec![memory, at(parked(&["main.worker"], "", RISING), "main.go", 30)];
            assert_eq!(causes(found).len(), expected, "{objects} objects, 100 goroutines");
        }
    }

    const RISING: &[i64] = &[1, 35, 68, 101];

    fn at(mut one: Ranked, file: &str, line: i64) -> Ranked {
        (one.suspect.site.file, one.suspect.site.line) = (Some(file.to_owned()), Some(line));
        one
    }

    fn counted(stack: &[&str], file: &str, line: i64, objects: f64) -> Ranked {
        let mut memory = at(leak(stack, &[0, 4000, 8000, 12_000]), file, line);
        memory.objects = objects;
        memory
    }

    #[test]
    fn equal_numbers_alone_connect_nothing() {
        let worker = || at(parked(&["main.worker"], "", RISING), "main.go", 100);
        let of = |function: &str, file: &str, line: i64| {
            counted(&["net/http.(*conn).serve", function], file, line, 100.0)
        };
        let alone = |one: Ranked| causes(vec![worker(), one]).len() == 2;
        assert!(!alone(of("main.submit", "main.go", 90)));
        assert!(alone(of("main.submit", "main.go", 20)), "far away");
        assert!(alone(of("main.submit", "other.go", 90)), "another file");
        assert!(alone(of("example.com/b.submit", "main.go", 90)), "another package");
        // Of several, the nearest belongs to the goroutines, and the others are leaks of their own.
        let found = vec![
            worker(),
            of("main.login", "main.go", 70),
            of("main.submit", "main.go", 94),
            of("main.audit", "main.go", 118),
        ];
        let expected = [is("main.worker", 2), is("main.login", 0), is("main.audit", 0)];
        assert_eq!(causes(found), expected);
        // What the goroutines hold is known, so the neighbor is another leak.
        let started = at(parked(&["main.worker"], "main.start", RISING), "main.go", 100);
        let start = counted(&["main.main", "main.start"], "main.go", 50, 40.0);
        let found = vec![started, start, of("main.submit", "main.go", 98)];
        assert_eq!(causes(found), [is("main.worker", 2), is("main.submit", 0)]);
    }

    #[test]
    fn what_a_parser_made_belongs_to_what_keeps_it() {
        let mut payload = leak(&["main.main", "main.handle"], &[100, 210, 290, 400]);
        payload.is_payload = true;
        let keeper = || leak(&["main.main", "main.handle", "main.enqueue"], &[10, 21, 29, 40]);
        assert_eq!(causes(vec![payload, keeper()]), [is("main.enqueue", 2)]);
        // What the caller allocates itself is a leak of its own.
        let own = leak(&["main.main", "main.handle"], &[100, 210, 290, 400]);
        assert_eq!(causes(vec![own, keeper()]).len(), 2);
    }

    #[test]
    fn a_librarys_goroutines_in_step_are_one_cause_and_own_ones_are_two() {
        let pair = |is_own: bool| {
            let mut reader = parked(&["lib.read"], "", &[10, 110, 210, 310]);
            let mut writer = parked(&["lib.write"], "", &[11, 111, 212, 311]);
            (reader.is_own, writer.is_own) = (is_own, is_own);
            causes(vec![reader, writer]).len()
        };
        assert_eq!((pair(false), pair(true)), (1, 2));
    }

    #[test]
    fn parts_of_one_place_are_added_up() {
        let found = vec![
            leak(&["main.dial"], &[0, 3, 6]),
            leak(&["main.dial"], &[0, 4, 8]),
            parked(&["main.dial"], "", &[0, 5, 10]),
        ];
        let joined = one_by_cause(found);
        let parts: Vec<_> = joined[0].suspect.parts.iter().map(|p| p.growth.estimate).collect();
        assert_eq!((joined.len(), parts), (1, vec![14, 10]));
    }

    #[test]
    fn a_constructor_makes_what_methods_of_its_type_hold() {
        let room = || leak(&["main.main", "main.send", "main.newRoom"], &[0, 100, 210, 300]);
        let send = || parked(&["main.(*room).send.func1"], "main.(*room).send", &[1, 5, 9, 13]);
        assert_eq!(causes(vec![room(), send()]), [is("main.(*room).send.func1", 2)]);
        let other = parked(&["main.(*hall).send.func1"], "main.(*hall).send", &[1, 5, 9, 13]);
        assert_eq!(causes(vec![room(), other]).len(), 2);
        assert!(makes("example.com/a.NewSession", "example.com/a.(*Session).read"));
        for (function, method) in [
            ("example.com/a.NewSession", "example.com/b.(*Session).read"),
            ("main.newsletter", "main.(*session).read"),
            ("main.session", "main.(*session).read"),
            ("main.newSession", "main.read"),
        ] {
            assert!(!makes(function, method), "{function} {method}");
        }
    }

    #[test]
    fn what_a_caller_keeps_in_entries_is_one_cause_with_the_entries() {
        let page = || leak(&["main.get", "main.render"], &[0, 800, 1600, 2400]);
        let entry = |values: &[i64]| leak(&["main.get"], values);
        // Few samples show the small part.
        assert_eq!(causes(vec![page(), entry(&[0, 64, 64, 128])]), [is("main.render", 2)]);
        // A large part must rise in parallel.
        assert_eq!(causes(vec![page(), entry(&[0, 700, 700, 1400])]).len(), 2);
    }

    #[test]
    fn a_small_part_of_a_container_levels_off_with_it() {
        let render = || leak(&["main.get", "main.render"], &[0, 1600, 2300, 2400]);
        for (class, expected) in [
            (Class::WarmUp, Class::WarmUp),
            (Class::GrowingDecelerating, Class::GrowingDecelerating),
            (Class::Grew, Class::Leak),
        ] {
            let mut found = vec![leak(&["main.get"], &[0, 64, 64, 128]), render()];
            found[1].suspect.class = class;
            level_off_together(&mut found);
            assert_eq!(found[0].suspect.class, expected, "{class:?}");
        }
    }

    #[test]
    fn goroutines_of_one_package_are_one_cause_with_what_is_made_for_them() {
        let of_dependency = |path: &[&str], values: &[i64]| {
            let mut one = parked(path, "", values);
            one.is_own = false;
            one.suspect.dependency = Some("example.com/stats".to_owned());
            one
        };
        let watch = of_dependency(&["example.com/stats.(*Client).watch"], &[1, 11, 19, 31]);
        let send = of_dependency(&["example.com/stats.(*Client).send"], &[1, 15, 31, 46]);
        let mut memory = leak(&["main.open", "example.com/stats.New"], &[0, 1000, 2050, 3000]);
        memory.suspect.site.function = "main.open".to_owned();
        // Own code names the cause.
        assert_eq!(causes(vec![watch, send, memory]), [is("main.open", 3)]);
    }

    #[test]
    fn a_dependency_below_one_caller_is_one_cause() {
        let below = |function: &str, dependency: Option<&str>| {
            let mut one = leak(&["main.visit", function], &[0, 10, 15, 40]);
            one.suspect.dependency = dependency.map(str::to_owned);
            one
        };
        for (dependency, entries) in
            [(Some("example.com/tally"), 1), (Some("example.com/other"), 2), (None, 2)]
        {
            let found = vec![
                below("main.session", Some("example.com/tally")),
                below("main.order", dependency),
            ];
            assert_eq!(causes(found).len(), entries, "{dependency:?}");
        }
    }
}
