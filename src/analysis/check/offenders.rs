//! Finds the places behind a rule that doesn't pass.
//!
//! A place is a line of the program's own code. Lines move between two builds, and the report must
//! name the line that grew, not the one that now has the old number. So the lines of each function
//! are aligned in order, such that as much as possible of the values before is matched; the rest
//! was added or removed.

use super::count::{SiteSum, Sites};
use super::scopes::Scopes;
use super::{Offender, Place};
use crate::analysis::subtrees::{GrownSubtree, Start};
use crate::model::site::{Frame, Owners};
use crate::stats::sampling::Part;
use crate::stats::threshold::{Among, Blur, Growth, Limits, Verdict};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Maximum number of places reported.
pub(super) const TOLD: usize = 10;
/// Maximum number of places reported if none is certain.
const UNSURE: usize = 3;
/// A place is reported if it holds at least this share of the value that the rule judges.
const SHARE: f64 = 0.05;
/// Maximum number of pairs of lines tried per function; a function with more is represented by its
/// heaviest line.
const PAIRS_MAX: usize = 1 << 16;

/// The value that places are reported for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Their growth.
    Growth,
    /// Their value after.
    After,
}

/// The runs behind the sums, and the weight of one sample that was never seen.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) same_build: bool,
}

impl Runs {
    /// The values of a place before and after, per run.
    fn per_run(self, sum: &SiteSum) -> [f64; 2] {
        let per = |value: i64, runs: usize| (value as f64 / runs.max(1) as f64).round();
        [per(sum.values[0], self.before), per(sum.values[1], self.after)]
    }
}

/// The places behind `whole`: own code first, since you can change it, and among these the most
/// certain.
pub(super) fn offenders(
    (scopes, owners): (&Scopes<'_>, &Owners),
    sites: &Sites,
    runs: Runs,
    by: By,
    whole: i64,
) -> Vec<Offender> {
    let placed = placed(scopes, sites, runs.same_build);
    let value = |sum: &SiteSum| {
        let [before, after] = runs.per_run(sum);
        (if by == By::Growth { after - before } else { after }) as i64
    };
    // Limits are solved for only where they decide something: in a large profile, a few of thousands.
    let found = |is_wanted: &dyn Fn(i64) -> bool| {
        let wanted = placed.iter().filter(|(_, sum)| is_wanted(value(sum)));
        let mut found: Vec<Found> = wanted
            .map(|&(site, ref sum)| {
                let (bound, offender) = told(scopes, site, sum, runs, by);
                Found { is_own: owners.is_own(site.function), bound, value: value(sum), offender }
            })
            .collect();
        found.sort_by(|one, other| {
            let (place, other_place) = (&one.offender.place, &other.offender.place);
            let own_first = other.is_own.cmp(&one.is_own);
            own_first
                .then_with(|| other.bound.total_cmp(&one.bound))
                .then_with(|| place.function.cmp(&other_place.function))
                .then_with(|| place.line.cmp(&other_place.line))
        });
        found
    };
    let least = (SHARE * whole as f64).max(1.0);
    let matter = found(&|value| value as f64 >= least);
    let sure = matter.into_iter().filter(|found| found.bound > 0.0).take(TOLD);
    let sure: Vec<Offender> = sure.map(|found| found.offender).collect();
    if !sure.is_empty() {
        return sure;
    }
    let mut values: Vec<i64> = placed.iter().map(|(_, sum)| value(sum)).collect();
    values.sort_unstable_by_key(|&value| std::cmp::Reverse(value));
    let last = values.get(UNSURE - 1).copied().unwrap_or(1).max(1);
    let mut largest = found(&|value| value >= last);
    largest.sort_by_key(|found| std::cmp::Reverse(found.value));
    largest.into_iter().take(UNSURE).map(|found| found.offender).collect()
}

/// A place that may be reported.
struct Found {
    is_own: bool,
    /// What is certain of its value.
    bound: f64,
    value: i64,
    offender: Offender,
}

impl From<GrownSubtree> for Offender {
    fn from(grown: GrownSubtree) -> Self {
        let GrownSubtree { place, callee, from, value, error, .. } = grown;
        let through = callee.map_or_else(String::new, |callee| format!(" through {callee}"));
        let explanation = match from {
            Start::Root => format!(
                "no single place in what it calls{through} surely grew, but all of it together did"
            ),
            Start::Leaf => format!(
                "no single caller of what it allocates{through} surely grew, but all together did"
            ),
        };
        Self {
            place,
            before: value.before,
            after: value.after,
            delta: value.delta,
            lower: error.lower,
            upper: error.upper,
            unit: None,
            class: None,
            patterns: Vec::new(),
            explanation,
        }
    }
}

/// Converts a place to an offender, and returns the bound it is sorted by.
fn told(scopes: &Scopes<'_>, site: Frame, sum: &SiteSum, runs: Runs, by: By) -> (f64, Offender) {
    let [before, after] = runs.per_run(sum);
    let blur = Blur::new(&sum.change, Part::default(), 0.0);
    let growth = Growth { before: vec![before], after: vec![after], blur: Some(blur) };
    let Verdict { bounds, .. } = match by {
        By::Growth => growth.judge(Limits::default(), Among::ALONE),
        By::After => growth.judge_budget(0.0, Among::ALONE),
    };
    let (name, file) = scopes.function(site.function);
    let bounds = bounds.unwrap_or_default();
    let offender = Offender {
        place: Place {
            function: name.to_owned(),
            file: (!file.is_empty()).then(|| file.to_owned()),
            line: (site.line != 0).then_some(site.line),
        },
        before: before as i64,
        after: after as i64,
        delta: (after - before) as i64,
        lower: bounds.lower.round() as i64,
        upper: bounds.upper.round() as i64,
        unit: None,
        class: None,
        patterns: Vec::new(),
        explanation: String::new(),
    };
    (bounds.lower, offender)
}

/// The places, each with its value before.
fn placed(scopes: &Scopes<'_>, sites: &Sites, same_build: bool) -> Vec<(Frame, SiteSum)> {
    let mut all: Vec<(Frame, [SiteSum; 2])> =
        sites.iter().map(|(&site, &sums)| (site, sums)).collect();
    all.sort_by_key(|(site, _)| *site);
    if same_build {
        return all
            .into_iter()
            .map(|(site, [gone, came])| {
                let mut sum = gone;
                sum.merge(&came);
                (site, sum)
            })
            .collect();
    }
    // By name only: a function may move to another file, and a build in another folder has other
    // files.
    let mut functions: HashMap<&str, usize, FxBuildHasher> = HashMap::default();
    let mut lines: Vec<[Vec<(Frame, SiteSum)>; 2]> = Vec::new();
    for (site, sums) in all {
        let known = functions.entry(scopes.function(site.function).0).or_insert_with(|| {
            lines.push([Vec::new(), Vec::new()]);
            lines.len() - 1
        });
        for (side, sum) in lines[*known].iter_mut().zip(sums) {
            if sum.values != [0; 2] || sum.change != SiteSum::default().change {
                side.push((site, sum));
            }
        }
    }
    lines.into_iter().flat_map(|[before, after]| side_by_side(before, after)).collect()
}

/// The lines of a function after, each with its value before, and the lines that are gone.
fn side_by_side(
    mut before: Vec<(Frame, SiteSum)>,
    mut after: Vec<(Frame, SiteSum)>,
) -> Vec<(Frame, SiteSum)> {
    let value = |sum: &SiteSum| sum.values[0].saturating_add(sum.values[1]).unsigned_abs();
    before.sort_by_key(|(site, _)| site.line);
    after.sort_by_key(|(site, _)| site.line);
    if before.len().saturating_mul(after.len()) > PAIRS_MAX {
        let heaviest =
            after.iter().chain(&before).max_by_key(|(_, sum)| value(sum)).map(|(site, _)| *site);
        let mut whole = SiteSum::default();
        before.iter().chain(&after).for_each(|(_, sum)| whole.merge(sum));
        return heaviest.map(|site| (site, whole)).into_iter().collect();
    }
    // Lines are more likely the same the more value they share and the closer they are.
    let alike = |before: &SiteSum, after: &SiteSum| {
        let (a, b) = (value(before).min(value(after)), value(before).max(value(after)));
        (u128::from(a) * u128::from(a) / u128::from(b.max(1))) as u64
    };
    // The best total similarity of the lines from these on.
    let width = after.len() + 1;
    let mut common = vec![0_u64; (before.len() + 1) * width];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            let both = alike(&before[i].1, &after[j].1);
            let pair = common[(i + 1) * width + j + 1].saturating_add(both);
            common[i * width + j] =
                pair.max(common[(i + 1) * width + j]).max(common[i * width + j + 1]);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::with_capacity(before.len() + after.len());
    while i < before.len() || j < after.len() {
        let here = common[i * width + j];
        if i < before.len() && j < after.len() {
            let both = alike(&before[i].1, &after[j].1);
            if here == common[(i + 1) * width + j + 1].saturating_add(both) {
                let mut sum = before[i].1;
                sum.merge(&after[j].1);
                found.push((after[j].0, sum));
                (i, j) = (i + 1, j + 1);
                continue;
            }
        }
        if j < after.len() && (i == before.len() || here == common[i * width + j + 1]) {
            found.push(after[j]);
            j += 1;
        } else {
            found.push(before[i]);
            i += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::FunctionId;

    fn before(line: i64, value: i64) -> (Frame, SiteSum) {
        (
            Frame { function: FunctionId(1), line },
            SiteSum { values: [value, 0], ..SiteSum::default() },
        )
    }

    fn after(line: i64, value: i64) -> (Frame, SiteSum) {
        (
            Frame { function: FunctionId(1), line },
            SiteSum { values: [0, value], ..SiteSum::default() },
        )
    }

    /// Line after, value before, value after.
    fn laid(before: Vec<(Frame, SiteSum)>, after: Vec<(Frame, SiteSum)>) -> Vec<(i64, i64, i64)> {
        let laid = side_by_side(before, after).into_iter();
        laid.map(|(site, sum)| (site.line, sum.values[0], sum.values[1])).collect()
    }

    #[test]
    fn lines_that_moved_are_found_again_and_the_new_one_is_named() {
        // Two lines more above, and a new allocation between what was there.
        let old = vec![before(10, 100), before(20, 5000), before(30, 70)];
        let new = vec![after(12, 100), after(22, 5100), after(25, 900), after(33, 70)];
        let expected = [(12, 100, 100), (22, 5000, 5100), (25, 0, 900), (33, 70, 70)];
        assert_eq!(laid(old, new), expected);
    }

    #[test]
    fn a_new_line_with_the_number_of_an_old_one_is_not_the_old_one() {
        let laid = laid(vec![before(20, 5000)], vec![after(20, 900), after(24, 5000)]);
        assert_eq!(laid, [(20, 0, 900), (24, 5000, 5000)]);
    }

    #[test]
    fn a_line_that_is_gone_stays_a_line() {
        assert_eq!(laid(vec![before(7, 40)], Vec::new()), [(7, 40, 0)]);
        assert_eq!(laid(Vec::new(), vec![after(7, 40)]), [(7, 0, 40)]);
        assert_eq!(laid(Vec::new(), Vec::new()), []);
    }

    #[test]
    fn a_function_of_very_many_lines_is_one_place() {
        let old = (0..400).map(|line| before(line, 1)).collect();
        let new = (0..400).map(|line| after(line, if line == 9 { 50 } else { 1 })).collect();
        assert_eq!(laid(old, new), [(9, 400, 449)]);
    }
}
