//! Tells whether two snapshots are of one process: by the addresses of its files, then by its
//! counters.
//!
//! A counter, such as objects allocated, never falls within a process. Those of two processes move
//! independently, so a few that all rose may have done so by chance, and many can't have. Where
//! neither addresses nor counters say enough the answer is "unknown", and the two count as
//! independent: that is right for two processes, and too careful for one.

use super::pairing::{NONE, Pairs, pairs};
use super::snapshot_pair::{Process, identical};
use super::{RawSamples, sampling};
use crate::model::address_space::Addresses;
use crate::model::measures;
use crate::model::series::{Series, Snapshot};
use crate::stats::sampling::Sampling;
use serde::{Deserialize, Serialize};

/// Whether two profiles are of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProcessVerdict {
    /// One process.
    Same,
    /// Two processes, or two runs of one program.
    Different,
    /// The profiles don't say.
    #[default]
    Unknown,
}

/// How two snapshots relate, and why it is thought so.
#[derive(Clone, Debug, Default)]
pub struct Relation {
    /// Whether they are of one process.
    pub verdict: ProcessVerdict,
    /// What speaks for it, the strongest reason first; what is missing if it is unknown.
    pub reasons: Vec<String>,
    /// How to treat their samples.
    pub process: Process,
}

/// With this many counters that all moved in one direction, two processes are ruled out: each
/// counter of a second process is as likely to lie on the other side (2⁻⁸ = .4 %).
const SURE_MOVED: usize = 8;

/// The same for counters that moved in one direction or stayed equal. A counter of a few samples is
/// equal in two processes by chance in at most two cases of five, so it is on the right side or
/// equal in seven of ten (.7²⁰ = .08 %).
const SURE_TOGETHER: usize = 20;

/// The probability up to which an object is sampled at random rather than always: counters of large
/// objects are equal in any two processes that do the same.
const RANDOM: f64 = 0.5;

const ONE_PROFILE: &str = "both hold the same data of the same time";

/// How two snapshots relate, and their samples matched if it was their counters that were asked.
pub(super) fn relation(
    series: &Series,
    before: &Snapshot,
    after: &Snapshot,
) -> (Relation, Option<Pairs>) {
    let of = |verdict, reasons: Vec<String>, process| Relation { verdict, reasons, process };
    let addresses = before.addresses.compare(&after.addresses, |id| series.symbols.text(id));
    let (is_same_by_address, reason) = match addresses {
        Addresses::Different(reason) => {
            return (of(ProcessVerdict::Different, vec![reason], Process::Different), None);
        }
        Addresses::Same(reason) => (true, reason),
        Addresses::Silent(reason) => (false, reason.to_owned()),
    };
    let time = |snapshot: &Snapshot| snapshot.header.time_nanos;
    let is_one = time(before) != 0 && time(before) == time(after) && identical(before, after);
    let mut reasons = vec![reason];
    if before.header.is_text() != after.header.is_text() {
        let verdict =
            if is_same_by_address { ProcessVerdict::Same } else { ProcessVerdict::Unknown };
        reasons.push("only one profile is in text, so their stacks can't be matched".to_owned());
        return (of(verdict, reasons, Process::Different), None);
    }
    let Some((counters, pairs)) = Counters::new(series, before, after) else {
        let verdict = if is_same_by_address {
            ProcessVerdict::Same
        } else if is_one {
            reasons = vec![ONE_PROFILE.to_owned()];
            ProcessVerdict::Same
        } else {
            reasons.push("the profiles have no counters that only rise".to_owned());
            ProcessVerdict::Unknown
        };
        return (of(verdict, reasons, Process::Different), None);
    };
    let is_in_order = time(before) != 0 && time(after) != 0 && time(before) < time(after);
    let (verdict, process) = match counters.says(is_in_order) {
        Said::Different => (ProcessVerdict::Different, Process::Different),
        Said::Same(process) => (ProcessVerdict::Same, process),
        Said::Little(process) if is_same_by_address || is_one => (ProcessVerdict::Same, process),
        Said::Little(_) => (ProcessVerdict::Unknown, Process::Different),
    };
    // Of what agrees, both are reasons; counters that contradict the addresses decide.
    if verdict == ProcessVerdict::Different
        || verdict == ProcessVerdict::Same && !is_same_by_address
    {
        reasons.clear();
    }
    if is_one {
        reasons.push(ONE_PROFILE.to_owned());
    }
    reasons.push(counters.reason(verdict));
    // Samples can be matched only if both profiles are states, sampled alike.
    let is_matched = before.header.period == after.header.period
        && !after.is_scaled
        && matches!(sampling(&before.header), Sampling::Heap { .. } | Sampling::Exact);
    let process = if is_matched { process } else { Process::Different };
    (of(verdict, reasons, process), Some(pairs))
}

/// What counters say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// One process, in this order.
    Same(Process),
    /// Too little; the order is this if it is one process.
    Little(Process),
    Different,
}

/// How the counters of two snapshots moved.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    fell: usize,
    rose: usize,
    /// Those that stayed equal although sampling is random.
    stayed: usize,
}

impl Counters {
    /// The counters and the matched samples; `None` if there are no counters that can be compared.
    fn new(series: &Series, before: &Snapshot, after: &Snapshot) -> Option<(Self, Pairs)> {
        let types = &series.sample_types;
        let rising = (0..types.len()).find(|&at| measures::is_cumulative(&types[at]))?;
        // A difference counts from a start of its own, and a scaled count is no counter.
        let (b, a) = (&before.header, &after.header);
        if b.duration_nanos > 0 || a.duration_nanos > 0 || b.period != a.period || after.is_scaled {
            return None;
        }
        let column = measures::count_of(types, rising).unwrap_or(rising);
        let width = types.len();
        let raw = RawSamples::new(series, before);
        let value =
            |snapshot: &Snapshot, sample: usize| snapshot.samples.values[sample * width + column];
        let pairs = pairs(before, after, width, rising);
        let mut counters = Self::default();
        for (sample, &earlier) in pairs.of_after.iter().enumerate() {
            let a = value(after, sample);
            let b = if earlier == NONE { 0 } else { value(before, earlier as usize) };
            let is_random = || {
                let sized = &raw.scale.sized[after.samples.labels[sample].index()];
                sized.as_ref().is_some_and(|(p, _)| *p < RANDOM)
            };
            match a.cmp(&b) {
                std::cmp::Ordering::Less => counters.fell += 1,
                std::cmp::Ordering::Greater => counters.rose += 1,
                std::cmp::Ordering::Equal => counters.stayed += usize::from(a != 0 && is_random()),
            }
        }
        for &sample in &pairs.only_before {
            match value(before, sample as usize) {
                0 => {}
                1.. => counters.fell += 1,
                _ => counters.rose += 1,
            }
        }
        Some((counters, pairs))
    }

    /// What they say; `is_in_order` if the times of the profiles say that before is the older one.
    fn says(self, is_in_order: bool) -> Said {
        let Self { fell, rose, stayed } = self;
        let is_sure = |moved: usize| moved >= SURE_MOVED || moved + stayed >= SURE_TOGETHER;
        match (fell, rose) {
            (0, _) if is_sure(rose) => Said::Same(Process::InOrder),
            (0, _) => Said::Little(Process::InOrder),
            (_, 0) if is_in_order => Said::Different,
            (_, 0) if is_sure(fell) => Said::Same(Process::Swapped),
            (_, 0) => Said::Little(Process::Swapped),
            _ => Said::Different,
        }
    }

    fn reason(self, verdict: ProcessVerdict) -> String {
        let Self { fell, rose, stayed } = self;
        let moved = match (fell, rose) {
            (0, 0) => "no counter moved".to_owned(),
            (0, rose) => format!("{} rose and none fell", counted(rose)),
            (fell, 0) => format!("{} fell and none rose", counted(fell)),
            (fell, rose) => format!("{} fell and {rose} rose", counted(fell)),
        };
        match verdict {
            ProcessVerdict::Unknown => format!("{moved}, too few to tell"),
            ProcessVerdict::Same if stayed > 0 => format!("{moved}, {stayed} stayed equal"),
            ProcessVerdict::Same | ProcessVerdict::Different => moved,
        }
    }
}

fn counted(counters: usize) -> String {
    if counters == 1 { "1 counter".to_owned() } else { format!("{counters} counters") }
}
