//! What was recorded beside the profiles says about the whole process: whether its live heap grows at
//! all, and its resident set.
//!
//! Profiles sample; the live heap after a collection is exact, to a MiB. So it decides how fast the
//! process grows as a whole, and a contradiction with the suspects is worth a sentence. It never
//! changes what a suspect is: the one is about the sum, the other about its parts.

use crate::analysis::beside::{Beside, TrackClock, TrackKind, TrackTrend};
use crate::analysis::estimates::{Class, Estimate};
use serde::{Deserialize, Serialize};

/// Growth in bytes below which a live heap in whole MiB says nothing.
const LEAST: f64 = 4.0 * 1_048_576.0;

/// How a size of the whole process changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WholeProcess {
    /// What it is called where it comes from: `gctrace`, `VmRSS`.
    pub field: String,
    /// The first input that it comes from.
    pub input: String,
    /// How its times are known.
    pub clock: TrackClock,
    /// Number of values.
    pub samples: usize,
    /// How it changes.
    #[serde(flatten)]
    pub trend: TrackTrend,
}

/// How the live heap and the profiles agree about growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Both grow.
    BothGrow,
    /// Neither does.
    NeitherGrows,
    /// Leaks grow in the profiles, and the live heap doesn't.
    ProfilesAlone,
    /// The live heap grows, and no leak was found.
    LiveHeapAlone,
    /// The resident set grows, and neither the live heap nor a leak does.
    ResidentSetAlone,
}

/// The size of this kind of the process.
pub(super) fn of(beside: &Beside, kind: TrackKind, process: usize) -> Option<WholeProcess> {
    let (track, trend) = beside.trend(kind, process)?;
    Some(WholeProcess {
        field: track.field.clone(),
        input: track.inputs.first().cloned().unwrap_or_default(),
        clock: track.clock,
        samples: track.samples,
        trend: trend.clone(),
    })
}

impl WholeProcess {
    /// How fast it grows, if it has not stopped.
    pub(super) fn growth(&self) -> Option<Estimate> {
        let slope = self.trend.slope_per_hour?;
        (self.trend.class == Some(Class::Leak) && slope.lower > 0).then_some(slope)
    }

    /// Whether it certainly doesn't grow.
    fn is_level(&self) -> bool {
        matches!(self.trend.class, Some(Class::Steady | Class::WarmUp | Class::Step))
    }

    /// The most that it grows by in an hour, if it is level.
    fn most(&self) -> Option<f64> {
        let slope = self.trend.slope_per_hour.filter(|_| self.is_level())?;
        Some(slope.upper.max(0) as f64)
    }
}

/// How the sizes agree with the leaks of memory, which grow by `leaks` in an hour. `total` is how fast
/// the profiles' total grows, and `hours` is how long they cover. `None` if that is open.
pub(super) fn agreement(
    (live, resident): (Option<&WholeProcess>, Option<&WholeProcess>),
    leaks: Option<Estimate>,
    total: Option<Estimate>,
    hours: f64,
) -> Option<Agreement> {
    let grows = |slope: Option<Estimate>| slope.filter(|slope| slope.lower as f64 * hours >= LEAST);
    let total_most = total.map(|total| total.upper as f64);
    if let Some(live) = live {
        let leaking = leaks.is_some_and(|leaks| leaks.lower > 0);
        match (live.growth(), grows(leaks)) {
            (Some(_), _) if leaking => return Some(Agreement::BothGrow),
            (Some(slope), _) if total_most.is_some_and(|most| most < slope.lower as f64) => {
                return Some(Agreement::LiveHeapAlone);
            }
            // The profile grows as well: it doesn't contradict.
            (Some(_), _) => return None,
            (None, Some(leaks)) => {
                let is_less = live.most().is_some_and(|most| 2.0 * most < leaks.lower as f64);
                return is_less.then_some(Agreement::ProfilesAlone);
            }
            (None, None) if leaking || !live.is_level() => return None,
            (None, None) => {}
        }
    } else if leaks.is_some() {
        return None;
    }
    let heap_most = live.and_then(WholeProcess::most).or(total_most);
    match (resident.and_then(WholeProcess::growth), heap_most) {
        (Some(slope), Some(most)) if 2.0 * most < slope.lower as f64 => {
            Some(Agreement::ResidentSetAlone)
        }
        (Some(_), _) => None,
        (None, _) => live.map(|_| Agreement::NeitherGrows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: i64 = 1 << 20;

    fn size(class: Class, lower: i64, upper: i64) -> WholeProcess {
        let slope = Estimate {
            estimate: i64::midpoint(lower, upper) * MIB,
            lower: lower * MIB,
            upper: upper * MIB,
        };
        WholeProcess {
            field: "gctrace".to_owned(),
            input: "app.log".to_owned(),
            clock: TrackClock::Own,
            samples: 40,
            trend: TrackTrend {
                process: 0,
                before: 20 * MIB,
                after: 30 * MIB,
                class: Some(class),
                slope_per_hour: Some(slope),
                points: 40,
            },
        }
    }

    fn slope(lower: i64, upper: i64) -> Option<Estimate> {
        size(Class::Leak, lower, upper).trend.slope_per_hour
    }

    #[test]
    fn contradictions_are_only_those_that_the_resolution_shows() {
        let grows = size(Class::Leak, 8, 12);
        let level = size(Class::Steady, -1, 1);
        let live =
            |live: &WholeProcess, leaks, total| agreement((Some(live), None), leaks, total, 1.0);
        assert_eq!(live(&grows, slope(7, 11), slope(7, 12)), Some(Agreement::BothGrow));
        assert_eq!(live(&level, None, slope(-1, 1)), Some(Agreement::NeitherGrows));
        assert_eq!(live(&level, slope(7, 11), slope(7, 12)), Some(Agreement::ProfilesAlone));
        assert_eq!(live(&grows, None, slope(-2, 2)), Some(Agreement::LiveHeapAlone));
        // The profiles grow as well, and nothing is proven about any site.
        assert_eq!(live(&grows, None, slope(-2, 20)), None);
        // A leak of 2 MiB isn't seen in whole MiB.
        assert_eq!(live(&level, slope(2, 3), slope(2, 3)), None);
        // A cache that fills is neither.
        let fills = size(Class::GrowingDecelerating, 1, 9);
        assert_eq!(live(&fills, None, slope(-1, 9)), None);
        assert_eq!(live(&fills, slope(7, 11), slope(7, 11)), None);
    }

    #[test]
    fn a_resident_set_grows_alone_only_if_the_heap_is_known() {
        let grows = size(Class::Leak, 8, 12);
        let level = size(Class::Steady, -1, 1);
        let resident = |live, leaks, total| agreement((live, Some(&grows)), leaks, total, 1.0);
        assert_eq!(resident(Some(&level), None, None), Some(Agreement::ResidentSetAlone));
        assert_eq!(resident(None, None, slope(-1, 1)), Some(Agreement::ResidentSetAlone));
        assert_eq!(resident(None, None, slope(-1, 9)), None);
        assert_eq!(resident(None, None, None), None);
        assert_eq!(resident(None, slope(1, 2), slope(1, 2)), None);
    }
}
