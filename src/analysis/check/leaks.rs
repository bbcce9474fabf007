//! Judges a rule about leaks: whether snapshots through time pass, fail, or show too little.
//!
//! It fails on a leak that is sure enough. That nothing was found is a pass only if a leak would
//! have shown: what grew and may leak is no pass, and neither are a few snapshots in which a leak of
//! notable size leaves no trace. With few snapshots a program that gets more to do looks like one
//! that leaks, so a leak then fails only if the program allocates at an even rate.

use super::scopes::holds;
use super::{CheckSubject, Demand, Judgement, Leaks, Offender, Outcome};
use crate::analysis::estimates::Class;
use crate::analysis::{CouldShow, Suspect};
use crate::patterns::Confidence;
use crate::rules::{Allowance, LeastConfidence, Rule};
use crate::stats::class::LEAST;

/// With fewer snapshots, a trend shows only if it is large, and a ramp of the load looks like one.
const ENOUGH: usize = 8;

/// With at most this many snapshots, what may leak is no pass, however little is sure: a cache that
/// fills at an even rate looks the same for as long.
const UNDECIDED: usize = 12;

/// Fewer snapshots pass if whatever they can't show is at most this share of what is in use.
const NEGLIGIBLE: f64 = 0.01;

/// No number of snapshots passes if more than this share of what is in use could have leaked unseen.
const MOST: f64 = 0.5;

/// Judges a rule about leaks.
pub(super) fn judge(
    rule: &Rule,
    subject: CheckSubject<'_>,
    active: &[&Allowance],
    used: &mut [bool],
) -> Judgement {
    let mut judgement =
        Judgement::plain(&rule.name, Demand::Leaks, rule.scope.to_string(), rule.level);
    judgement.limit = Some(0);
    let Some(found) = subject.leaks else {
        judgement.outcome = Outcome::Inconclusive;
        "two profiles can show growth, but not a leak".clone_into(&mut judgement.message);
        judgement.advice = Some(more_snapshots());
        return judgement;
    };
    let mut is_allowed = |suspect: &&Suspect| {
        let mut active = active.iter().enumerate();
        let covers =
            active.find(|(_, entry)| entry.is_for(rule) && self::is_allowed(entry, suspect));
        covers.iter().for_each(|&(i, _)| used[i] = true);
        covers.is_some()
    };
    let of_leaks = found.suspects.iter().filter(|suspect| suspect.class == Class::Leak);
    let leaks: Vec<&Suspect> = of_leaks.filter(|suspect| !is_allowed(suspect)).collect();
    let is_enough = |suspect: &&Suspect| match rule.min_confidence {
        LeastConfidence::High => suspect.confidence == Confidence::High,
        LeastConfidence::Med => suspect.confidence != Confidence::Low,
        LeastConfidence::Low => true,
    };
    let (leaks, mut let_pass): (Vec<&Suspect>, Vec<&Suspect>) =
        leaks.into_iter().partition(is_enough);
    let is_sure = |suspect: &&Suspect| !found.may_be_load(suspect);
    let (sure, unsure): (Vec<&Suspect>, Vec<&Suspect>) = leaks.into_iter().partition(is_sure);
    let is_undecided =
        |suspect: &&Suspect| found.processes.get(suspect.process).is_some_and(|&n| n <= UNDECIDED);
    let unclear = found.suspects.iter().filter(|suspect| found.is_unclear(suspect));
    let unclear: Vec<&Suspect> = unclear.filter(|suspect| !is_allowed(suspect)).collect();
    judgement.value = Some(sure.len() as i64);
    judgement.could_show = found.could_show.cloned();
    let places = if !sure.is_empty() {
        failed(&mut judgement, &sure, found);
        sure
    } else if !unsure.is_empty() {
        ramp(&mut judgement, &unsure);
        unsure
    } else if let_pass.iter().any(is_undecided) {
        let undecided;
        (undecided, let_pass) = let_pass.into_iter().partition(is_undecided);
        too_few(&mut judgement, &undecided, &unclear, found);
        [undecided, unclear].concat()
    } else {
        without_leaks(&mut judgement, &unclear, &let_pass, found);
        if judgement.outcome == Outcome::Inconclusive { unclear } else { Vec::new() }
    };
    if let Some(remark) = not_failed(&let_pass) {
        judgement.message = format!("{}; {remark}", judgement.message);
    }
    judgement.let_pass = let_pass.into_iter().map(leak).collect();
    judgement.offenders = places.into_iter().map(leak).collect();
    judgement
}

impl Leaks<'_> {
    /// Whether a suspect may be load: seen in few snapshots of a process that works more and more.
    fn may_be_load(&self, suspect: &Suspect) -> bool {
        let is_few = self.processes.get(suspect.process).is_some_and(|&n| n < ENOUGH);
        is_few && self.works_more.get(suspect.process).copied().unwrap_or_default()
    }

    /// Whether a suspect grew for certain and may leak, without being called a leak: it still rises,
    /// or nothing says how it grew. A few snapshots don't tell what has come to rest either.
    fn is_unclear(&self, suspect: &Suspect) -> bool {
        let is_few = self.processes.get(suspect.process).is_some_and(|&n| n < ENOUGH);
        let may_leak = match suspect.class {
            Class::GrowingDecelerating | Class::Grew => true,
            Class::Step | Class::WarmUp => is_few,
            _ => false,
        };
        may_leak
            && suspect.growth.lower > 0
            && suspect.load_factor.is_none()
            && suspect.confidence != Confidence::Low
    }

    /// Whether a leak of notable size would not have shown: any that isn't negligible in a few
    /// snapshots, and one of most of the memory in many.
    fn hides_much(&self) -> bool {
        let is_few = self.processes.iter().all(|&n| n < ENOUGH);
        let share = if is_few { NEGLIGIBLE } else { MOST };
        match self.could_show.and_then(|could_show| could_show.growth) {
            Some(growth) => growth as f64 > share * self.in_use as f64,
            None => is_few,
        }
    }
}

fn failed(judgement: &mut Judgement, leaks: &[&Suspect], found: Leaks<'_>) {
    let Some(first) = leaks.first() else { return };
    judgement.sample_type.clone_from(&first.sample_type);
    judgement.unit.clone_from(&first.unit);
    judgement.outcome = Outcome::Fail;
    let (is, leak) = if leaks.len() == 1 { ("is", "leak") } else { ("are", "leaks") };
    judgement.message = format!(
        "there {is} {} {leak} in {} snapshots, the worst in {}",
        leaks.len(),
        found.processes.iter().sum::<usize>(),
        first.site.function
    );
    let fix = if first.fix.is_empty() { first.explanation.clone() } else { first.fix.clone() };
    judgement.advice = Some(fix);
}

/// Few snapshots show what looks like a leak, while the program gets more to do.
fn ramp(judgement: &mut Judgement, leaks: &[&Suspect]) {
    judgement.outcome = Outcome::Inconclusive;
    judgement.message = format!(
        "{} may leak, but the program allocates more and more in these few snapshots, and what \
         grows with its load looks the same",
        names(leaks)
    );
    judgement.advice = Some(format!(
        "give at least {ENOUGH} snapshots of each process, under constant load: heapdiff check \
         --no-leaks SNAPSHOT..."
    ));
}

/// Few snapshots show what may leak, and what may be a cache that fills.
fn too_few(judgement: &mut Judgement, leaks: &[&Suspect], unclear: &[&Suspect], found: Leaks<'_>) {
    let Some((confidence, option)) = how_sure(leaks) else { return };
    let sizes = leaks.iter().filter_map(|leak| found.processes.get(leak.process));
    judgement.outcome = Outcome::Inconclusive;
    judgement.message = format!(
        "{} may leak ({confidence} confidence): {} snapshots don't tell a leak from a cache that isn't \
         full yet",
        names(leaks),
        sizes.max().copied().unwrap_or_default()
    );
    if !unclear.is_empty() {
        judgement.message = format!("{}; so may {}", judgement.message, names(unclear));
    }
    let them = if leaks.len() == 1 { "it" } else { "them" };
    judgement.advice = Some(format!(
        "give more than {UNDECIDED} snapshots of each process, with warm caches; --min-confidence \
         {option} fails {them}, an entry in the allow-list accepts {them}"
    ));
}

/// Nothing is called a leak: whether that is a pass.
fn without_leaks(
    judgement: &mut Judgement,
    unclear: &[&Suspect],
    let_pass: &[&Suspect],
    found: Leaks<'_>,
) {
    let processes = found.processes;
    let few = processes.iter().filter(|&&snapshots| snapshots < LEAST).count();
    let snapshots: usize = processes.iter().sum();
    judgement.outcome = Outcome::Inconclusive;
    judgement.advice = Some(more_snapshots());
    let hidden = found.could_show.and_then(CouldShow::hidden);
    let beside = hidden.as_ref().map_or_else(String::new, |hidden| format!("; {hidden}"));
    if few > 0 || processes.is_empty() {
        // A service that keeps crashing or has just restarted: there isn't enough data to judge.
        judgement.message = match processes {
            [] | [1] => "one snapshot shows neither growth nor a leak".to_owned(),
            [n] => format!("{n} distinct snapshots can show growth, but not a leak"),
            all => format!(
                "{few} of {} processes have fewer than {LEAST} distinct snapshots, which can show \
                 growth, but not a leak; nothing leaks in the others",
                all.len()
            ),
        };
    } else if !unclear.is_empty() {
        judgement.message = format!(
            "{} grew and may leak: {snapshots} snapshots neither show that it does, nor that it \
             came to rest{beside}",
            names(unclear)
        );
        judgement.advice = Some(format!("{}; or accept it in the allow-list", more_snapshots()));
    } else if found.hides_much() {
        judgement.message = format!("{snapshots} snapshots show no leak, and too little{beside}");
        judgement.advice =
            Some(format!("{}; a lower memprofilerate shows smaller leaks", more_snapshots()));
    } else {
        let surely = if let_pass.is_empty() { "" } else { "surely " };
        judgement.outcome = Outcome::Pass;
        judgement.advice = None;
        judgement.message = format!("nothing {surely}leaks in {snapshots} snapshots{beside}");
    }
}

/// The advice on how to tell whether something leaks.
fn more_snapshots() -> String {
    format!(
        "give at least {ENOUGH} snapshots of each process (with fewer than {LEAST} there is no \
         trend), with a garbage collection between them (?gc=1): heapdiff check --no-leaks \
         SNAPSHOT..."
    )
}

/// The functions of suspects, the first few.
fn names(suspects: &[&Suspect]) -> String {
    let mut names: Vec<&str> =
        suspects.iter().take(NAMED).map(|suspect| suspect.site.function.as_str()).collect();
    if suspects.len() > NAMED {
        names.push("…");
    }
    names.join(", ")
}

/// How many leaks a remark names.
const NAMED: usize = 3;

/// The confidence of leaks that don't fail, in words, and the `--min-confidence` that fails all of them.
fn how_sure(leaks: &[&Suspect]) -> Option<(&'static str, &'static str)> {
    // High comes first in the order.
    let least = leaks.iter().map(|leak| leak.confidence).max()?;
    let is_mixed = leaks.iter().any(|leak| leak.confidence != least);
    Some(match least {
        Confidence::Low if is_mixed => ("medium or low", "low"),
        Confidence::Low => ("low", "low"),
        Confidence::Med | Confidence::High => ("medium", "med"),
    })
}

/// Says which leaks are not failed, and what fails them:
/// `2 leaks of medium confidence are not failed: main.a, main.b; --min-confidence med fails them`.
fn not_failed(leaks: &[&Suspect]) -> Option<String> {
    let (words, option) = how_sure(leaks)?;
    let names = names(leaks);
    let (what, them) = match leaks.len() {
        1 => ("1 leak".to_owned(), "it"),
        more => (format!("{more} leaks"), "them"),
    };
    let are = if leaks.len() == 1 { "is" } else { "are" };
    Some(format!(
        "{what} of {words} confidence {are} not failed: {names}; --min-confidence {option} fails {them}"
    ))
}

/// Whether an allow-list entry covers a suspect: its site, another of its lines, or a function on
/// its path.
fn is_allowed(allowance: &Allowance, suspect: &Suspect) -> bool {
    let files = std::iter::once(&suspect.site).chain(&suspect.places);
    files.into_iter().any(|place| {
        holds(&allowance.scope, &place.function, place.file.as_deref(), &suspect.patterns)
    }) || suspect.path.iter().any(|name| holds(&allowance.scope, name, None, &suspect.patterns))
}

/// Turns a suspect into an offender.
fn leak(suspect: &Suspect) -> Offender {
    Offender {
        place: suspect.site.clone(),
        before: suspect.values.first().copied().unwrap_or_default(),
        after: suspect.values.last().copied().unwrap_or_default(),
        delta: suspect.growth.estimate,
        lower: suspect.growth.lower,
        upper: suspect.growth.upper,
        unit: Some(suspect.unit.clone()),
        class: Some(suspect.class),
        patterns: suspect.patterns.clone(),
        explanation: [suspect.explanation.as_str(), &suspect.fix].join(" ").trim().to_owned(),
    }
}
