//! Counts what was said about simulated services against what is true.

use super::{Kind, SNAPSHOTS, Truth};
use heapdiff::analysis::estimates::Class;
use heapdiff::analysis::suspects::Suspect;
use heapdiff::patterns::Confidence;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a suspect of class leak is in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It leaks.
    Leak,
    /// It is part of a cause that a suspect before it named.
    Again,
    /// It fills something bounded that isn't full yet.
    Filling,
    /// It neither leaks nor fills anything.
    Other,
}

/// Whether a function is one of these, a closure of it, or an instance.
fn is_one_of(function: &str, names: &[String]) -> bool {
    names.iter().any(|name| {
        function.strip_prefix(name.as_str()).is_some_and(|rest| {
            rest.is_empty() || [".func", ".gowrap", "["].iter().any(|part| rest.starts_with(part))
        })
    })
}

/// The suspects of class leak: their confidence, and what they are. Each cause counts once.
pub(super) fn leaks(suspects: &[Suspect], truth: &Truth) -> Vec<(Confidence, What)> {
    let mut seen = vec![false; truth.culprits.len()];
    let leaks = suspects.iter().filter(|suspect| suspect.class == Class::Leak);
    let mut what = |suspect: &Suspect| {
        let function = suspect.site.function.as_str();
        let cause = truth.culprits.iter().position(|names| is_one_of(function, names));
        match cause {
            Some(cause) if std::mem::replace(&mut seen[cause], true) => What::Again,
            Some(_) => What::Leak,
            None if is_one_of(function, &truth.filling) => What::Filling,
            None => What::Other,
        }
    };
    leaks.map(|suspect| (suspect.confidence, what(suspect))).collect()
}

/// Counts of one kind of service and one number of snapshots.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    recordings: u32,
    /// Recordings in which a leak is the first, or among the first three.
    first: u32,
    found: u32,
    /// Recordings with a suspect that is wrong, and with one of at least medium, and of high confidence.
    alarms: [u32; 3],
    /// Suspects by confidence (high, medium, low): those that leak, and all.
    right: [u32; 3],
    said: [u32; 3],
}

const CONFIDENCES: [Confidence; 3] = [Confidence::High, Confidence::Med, Confidence::Low];

impl Counts {
    fn add(&mut self, leaks: &[(Confidence, What)]) {
        let is_leak = |(_, what): &(Confidence, What)| *what == What::Leak;
        self.recordings += 1;
        self.first += u32::from(leaks.first().is_some_and(is_leak));
        self.found += u32::from(leaks.iter().take(3).any(is_leak));
        for (i, least) in CONFIDENCES.into_iter().rev().enumerate() {
            let is_alarm = |&(confidence, what): &(Confidence, What)| {
                confidence <= least && matches!(what, What::Filling | What::Other)
            };
            self.alarms[i] += u32::from(leaks.iter().any(is_alarm));
        }
        for (i, of) in CONFIDENCES.into_iter().enumerate() {
            let said = leaks.iter().filter(|(c, what)| *c == of && *what != What::Again);
            self.said[i] += said.clone().count() as u32;
            self.right[i] += said.filter(|leak| is_leak(leak)).count() as u32;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.recordings += other.recordings;
        self.first += other.first;
        self.found += other.found;
        for i in 0..3 {
            self.alarms[i] += other.alarms[i];
            self.right[i] += other.right[i];
            self.said[i] += other.said[i];
        }
    }
}

/// All counts, by kind and number of snapshots.
#[derive(Clone, Debug, Default)]
pub(super) struct Score(BTreeMap<(&'static str, Group, usize), Counts>);

/// What the kinds have in common that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Leaking,
    Filling,
    Healthy,
}

impl Score {
    pub(super) fn add(&mut self, kind: Kind, snapshots: usize, leaks: &[(Confidence, What)]) {
        let group = match () {
            () if kind.is_leak => Group::Leaking,
            () if kind.name.contains("not full") => Group::Filling,
            () => Group::Healthy,
        };
        self.0.entry((kind.name, group, snapshots)).or_default().add(leaks);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (key, counts) in other.0 {
            self.0.entry(key).or_default().merge(&counts);
        }
    }

    fn sum(&self, wanted: impl Fn(&str, Group, usize) -> bool) -> Counts {
        let mut sum = Counts::default();
        let found = self.0.iter().filter(|((name, group, n), _)| wanted(name, *group, *n));
        found.for_each(|(_, counts)| sum.merge(counts));
        sum
    }

    /// The tables: by number of snapshots, and by kind.
    pub(super) fn tables(&self) -> String {
        let mut text = String::from(
            "| snapshots | alarms, any / medium / high | filling, any / high | found in 3 / first | right of high | of medium | of low |\n",
        );
        let mut rows: Vec<(String, Option<usize>)> =
            SNAPSHOTS.iter().map(|&n| (n.to_string(), Some(n))).collect();
        rows.push(("all".to_owned(), None));
        for (name, n) in rows {
            let of = |group| self.sum(|_, g, m| g == group && n.is_none_or(|n| n == m));
            let (healthy, filling, leaking) =
                (of(Group::Healthy), of(Group::Filling), of(Group::Leaking));
            let all = self.sum(|_, _, m| n.is_none_or(|n| n == m));
            if all.recordings == 0 {
                continue;
            }
            let [any, medium, high] = healthy.alarms.map(|n| share(n, healthy.recordings));
            let [soft, _, hard] = filling.alarms.map(|n| share(n, filling.recordings));
            let found = share(leaking.found, leaking.recordings);
            let first = share(leaking.first, leaking.recordings);
            let right: Vec<String> = (0..3).map(|i| known(all.right[i], all.said[i])).collect();
            let _ = writeln!(
                text,
                "| {name} | {any:.3} / {medium:.3} / {high:.3} | {soft:.2} / {hard:.2} | {found:.2} / {first:.2} | {} |",
                right.join(" | ")
            );
        }
        text.push_str("\n| kind | found in 3, or alarms | right of high | of medium | of low |\n");
        let kinds: std::collections::BTreeSet<_> =
            self.0.keys().map(|(name, group, _)| (*group, *name)).collect();
        for (group, name) in kinds {
            let of = self.sum(|other, _, _| other == name);
            let shown = if group == Group::Leaking { of.found } else { of.alarms[0] };
            let right: Vec<String> = (0..3).map(|i| known(of.right[i], of.said[i])).collect();
            let shown = share(shown, of.recordings);
            let _ = writeln!(text, "| {name} | {shown:.2} | {} |", right.join(" | "));
        }
        text
    }

    /// Asserts what `docs/statistics.md` promises: shares, within their 95 % intervals.
    pub(super) fn check(&self) {
        let all = self.sum(|_, _, _| true);
        let leaking = self.sum(|_, group, _| group == Group::Leaking);
        let healthy = self.sum(|_, group, _| group == Group::Healthy);
        assert!(all.said[0] >= 10 && all.said[1] >= 30, "{all:?}");
        let [(_, high), (_, medium)] = [0, 1].map(|i| wilson(all.right[i], all.said[i]));
        assert!(high >= 0.95, "high: {} of {}", all.right[0], all.said[0]);
        assert!(medium >= 0.75, "medium: {} of {}", all.right[1], all.said[1]);
        let (_, found) = wilson(leaking.found, leaking.recordings);
        assert!(found >= 0.77, "found {} of {}", leaking.found, leaking.recordings);
        for (alarms, most) in healthy.alarms.into_iter().zip([0.12, 0.05, 0.01]) {
            let (least, _) = wilson(alarms, healthy.recordings);
            assert!(least <= most, "{alarms} alarms of {}, above {most}", healthy.recordings);
        }
    }
}

fn share(part: u32, of: u32) -> f64 {
    f64::from(part) / f64::from(of.max(1))
}

/// Wilson's 95 % interval of a share.
fn wilson(part: u32, of: u32) -> (f64, f64) {
    let (n, p) = (f64::from(of.max(1)), share(part, of));
    let z = 1.96_f64;
    let scale = 1.0 + z * z / n;
    let middle = (p + z * z / (2.0 * n)) / scale;
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt() / scale;
    ((middle - reach).max(0.0), (middle + reach).min(1.0))
}

/// A share with its interval.
fn known(part: u32, of: u32) -> String {
    if of == 0 {
        return String::new();
    }
    let (lower, upper) = wilson(part, of);
    format!("{:.2} ({lower:.2}–{upper:.2}) of {of}", share(part, of))
}
