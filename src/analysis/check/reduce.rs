//! Reduces a run to what its rules need: stacks that match a rule or an entry of the allow-list
//! stay, and all others are added up.
//!
//! Of the other stacks a check needs only their sum and its error. Values are added up by label
//! set, since the label `bytes` records how objects were sampled, and only while the sum keeps the
//! same number of raw samples: the runtime rounds each record down, so a merged sum could imply
//! fewer. The place in own code stays as well, so that a rule about the total can name it. Sums are
//! stored under [`OUTSIDE_RULES`], each on its own line, so that they are never added up again.

use super::count::Places;
use super::scopes::{Scopes, Test};
use crate::analysis::RawSamples;
use crate::analysis::raw_samples::Records;
use crate::model::ids::{FunctionId, LabelSetId};
use crate::model::merge::{self, Merge, Sign};
use crate::model::origin::{OUTSIDE_RULES, Own};
use crate::model::profile::{Profile, Samples};
use crate::model::series::Series;
use crate::model::site::{Frame, Owners};
use crate::model::symbols::{Function, Line};
use crate::patterns::Catalog;
use crate::rules::{Rules, Scope, Value};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A scope that a reduced run has no data for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unkept {
    /// What asks for it: the name of a rule, or the place of an entry of the allow-list.
    pub asks: String,
    /// The scope.
    pub scope: String,
}

/// The scopes that rules keep of a run, in a stable notation.
pub fn scopes(rules: &Rules) -> Vec<String> {
    let of_rules = rules.rules.iter().map(|rule| &rule.scope);
    let all = of_rules.chain(rules.allowances.iter().map(|allowance| &allowance.scope));
    let mut all: Vec<String> =
        all.filter(|scope| **scope != Scope::Leak).map(Scope::to_string).collect();
    all.sort();
    all.dedup();
    all
}

/// The scopes that rules need and a run reduced to `kept` lacks. The total is always kept.
pub fn unkept(rules: &Rules, kept: &[String]) -> Vec<Unkept> {
    let of_rules = rules.rules.iter().map(|rule| (format!("rule `{}`", rule.name), &rule.scope));
    let allowances = rules.allowances.iter();
    let of_list =
        allowances.map(|entry| (format!("the allow-list at {}", entry.place), &entry.scope));
    of_rules
        .chain(of_list)
        .filter(|(_, scope)| !matches!(scope, Scope::Total | Scope::Leak))
        .map(|(asks, scope)| Unkept { asks, scope: scope.to_string() })
        .filter(|unkept| !kept.contains(&unkept.scope))
        .collect()
}

/// Samples that are added up.
struct Group {
    labels: LabelSetId,
    site: Option<Frame>,
    values: Vec<i64>,
    /// Raw samples behind each group of columns.
    raw: Vec<i64>,
}

/// Reduces the one snapshot of a series to what the rules need.
pub fn reduce(
    series: Series,
    rules: &Rules,
    catalog: &Catalog,
    own: &Own,
) -> Result<Profile, merge::MergeError> {
    let all = rules.rules.iter().map(|rule| (&rule.scope, Value::Cum));
    let all = all.chain(rules.allowances.iter().map(|entry| (&entry.scope, Value::Cum)));
    let kept: Vec<(&Scope, Value)> =
        all.filter(|(scope, _)| !matches!(scope, Scope::Total | Scope::Leak)).collect();
    let (whole, groups) = sort_out(&series, &kept, catalog, own);
    let Some((name, mut profile)) = series.into_profiles().pop() else {
        return Ok(Profile::default());
    };
    let samples = std::mem::take(&mut profile.samples);
    let width = profile.header.sample_types.len();
    let mut reduced = Samples::default();
    let mut stack = Vec::new();
    for sample in whole {
        stack.clear();
        stack.extend(samples.stack(sample));
        reduced.push_stack(&stack);
        reduced.deepest = reduced.deepest.max(stack.len());
        reduced.labels.push(samples.labels[sample]);
        reduced.stack_hashes.push(samples.stack_hashes[sample]);
        reduced.values.extend_from_slice(&samples.values[sample * width..(sample + 1) * width]);
    }
    let symbols = &mut profile.symbols;
    let name_id = symbols.strings.intern(OUTSIDE_RULES);
    let empty = symbols.strings.intern("");
    let outside = FunctionId::from_index(symbols.functions.len());
    symbols.functions.push(Function {
        name: name_id,
        system_name: name_id,
        filename: empty,
        start_line: 0,
    });
    let mut sites = HashMap::with_hasher(FxBuildHasher);
    for (number, group) in groups.into_iter().enumerate() {
        stack.clear();
        if let Some(site) = group.site {
            stack.push(*sites.entry(site).or_insert_with(|| {
                let line = Line { function: site.function, line: site.line, column: 0 };
                symbols.locations.push(None, 0, false, [line])
            }));
        }
        let line = Line { function: outside, line: number as i64 + 1, column: 0 };
        stack.push(symbols.locations.push(None, 0, false, [line]));
        reduced.push_stack(&stack);
        reduced.deepest = reduced.deepest.max(stack.len());
        reduced.labels.push(group.labels);
        // Hashes only serve to find equal stacks, and no two of these are equal.
        reduced.stack_hashes.push(number as u64);
        reduced.values.extend(group.values);
    }
    profile.samples = reduced;
    let mut merge = Merge::default();
    merge.add(&name, &profile, Sign::Plus)?;
    Ok(merge.finish())
}

/// Separates the samples that stay from the others, which are added up.
fn sort_out(
    series: &Series,
    kept: &[(&Scope, Value)],
    catalog: &Catalog,
    own: &Own,
) -> (Vec<usize>, Vec<Group>) {
    let (mut whole, mut groups) = (Vec::new(), Vec::<Group>::new());
    let Some(snapshot) = series.snapshots.first() else { return (whole, groups) };
    let (scopes, tests) = Scopes::new(series, false, catalog, kept);
    let owners = Owners::new(&series.symbols, own);
    let places = Places::new(series, &scopes, &owners);
    let raw = RawSamples::new(series, snapshot);
    let mut columns: Vec<Records> = Vec::new();
    for column in 0..series.sample_types.len() {
        let records = Records::new(&series.sample_types, column);
        if columns.iter().all(|known| known.size != records.size) {
            columns.push(records);
        }
    }
    let count = |set: LabelSetId, values: &[i64]| -> Vec<i64> {
        columns.iter().map(|records| raw.scale.raw(set, values, records)).collect()
    };
    // The group that the next sample with the same place and label set may join.
    let mut open: HashMap<(Option<Frame>, LabelSetId), usize, FxBuildHasher> = HashMap::default();
    for sample in 0..raw.len() {
        let hits = scopes.hits(raw.stack(sample));
        if tests.iter().any(|&test: &Test| hits.pass(test)) {
            whole.push(sample);
            continue;
        }
        let (labels, values) = (raw.set(sample), raw.values(sample));
        let site = places.site(&raw.stack(sample));
        let own = count(labels, values);
        // Without a size, a sum would be treated as objects of their mean size.
        let may_join = raw.scale.sized[labels.index()].is_some() || raw.exact() || !raw.known();
        let group = open.get(&(site, labels)).copied().filter(|_| may_join);
        let joined = group.and_then(|group| {
            let pairs = groups[group].values.iter().zip(values);
            let sum = pairs.map(|(a, b)| a.checked_add(*b)).collect::<Option<Vec<i64>>>()?;
            let together = count(labels, &sum);
            let parts = groups[group].raw.iter().zip(&own).map(|(a, b)| a.wrapping_add(*b));
            together.iter().copied().eq(parts).then_some((group, sum, together))
        });
        if let Some((group, sum, raw)) = joined {
            (groups[group].values, groups[group].raw) = (sum, raw);
        } else {
            open.insert((site, labels), groups.len());
            groups.push(Group { labels, site, values: values.to_vec(), raw: own });
        }
    }
    (whole, groups)
}
