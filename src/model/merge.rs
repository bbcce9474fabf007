//! Merges profiles into one, as pprof does: samples with equal stacks and labels are added up.
//!
//! Profiles are taken one after the other and need not be kept, so merging takes memory for the
//! distinct stacks only, however many profiles there are. The merged part always has the sample
//! types that all profiles so far have: a profile that lacks a sample type removes it from all, and
//! one with a finer unit refines the values already added. Units of one kind differ by whole
//! factors, so nothing is ever rounded.
//!
//! The sums of the absolute values added must fit in 64 bits, and then every partial sum does too;
//! otherwise it is an error.

use super::compact::compact;
use super::distinct::Distinct;
use super::profile::{Header, Profile, SampleType};
use super::shared_tables::{Names, NoCommonSampleType, Rows, SharedTables};
use crate::units;
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

/// Why profiles can't be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// They measure different things.
    #[error(transparent)]
    NoCommonSampleType(#[from] NoCommonSampleType),
    /// Their periods count different things.
    #[error(
        "{first} and {second} were sampled in different ways: the period of the first is in \
         {first_type}, the second in {second_type}; give profiles of the same kind, for \
         example 'heap-*.pb.gz'"
    )]
    Periods {
        /// Name of the first input.
        first: String,
        /// Name of the second input.
        second: String,
        /// What the period of the first counts.
        first_type: String,
        /// What the period of the second counts.
        second_type: String,
    },
    /// Sums don't fit in 64 bits.
    #[error("with {name}, the values of {what} add up to more than 64 bits hold")]
    Overflow {
        /// What is added up: a sample type, or the durations.
        what: String,
        /// The input that exceeds the limit.
        name: String,
    },
    /// More distinct stacks than can be held.
    #[error("with {name}, the distinct stacks take more than 4 GiB")]
    Stacks {
        /// The input that exceeds the limit.
        name: String,
    },
}

/// The sign that a profile's values get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is added.
    Plus,
    /// It is subtracted.
    Minus,
}

/// A merge in progress.
pub struct Merge {
    shared: SharedTables,
    /// The merged header of the profiles so far; absent before the first.
    header: Option<Header>,
    first: String,
    /// Whether some profile lacked a sample type.
    narrowed: bool,
    /// The comments in the header.
    comments: HashSet<String, FxBuildHasher>,
    distinct: Distinct,
    /// Sums of the absolute values of each sample type.
    absolute: Vec<i128>,
}

impl Default for Merge {
    fn default() -> Self {
        Self {
            shared: SharedTables::new(Names::Raw),
            header: None,
            first: String::new(),
            narrowed: false,
            comments: HashSet::default(),
            distinct: Distinct::default(),
            absolute: Vec::new(),
        }
    }
}

/// Where a value of a profile is added.
#[derive(Clone, Copy)]
struct Column {
    /// Position of the sample type in the profile.
    from: usize,
    /// Factor from the profile's unit to the merged one.
    factor: i128,
}

impl Merge {
    /// Adds (or subtracts) a profile; errors refer to it as `name`.
    pub fn add(&mut self, name: &str, profile: &Profile, sign: Sign) -> Result<(), MergeError> {
        let columns = self.combine(name, &profile.header)?;
        let rows = self.shared.add(profile);
        self.add_samples(profile, &columns, &rows, sign).map_err(|problem| match problem {
            Problem::Overflow(column) => self.overflow(column, name),
            Problem::Stacks => MergeError::Stacks { name: name.to_owned() },
        })
    }

    /// Returns the merged profile, without samples that are all zero and without entries that only
    /// those refer to.
    pub fn finish(self) -> Profile {
        let mut header = self.header.unwrap_or_default();
        let default = &header.default_sample_type;
        let known = header.sample_types.iter().any(|t| t.name == *default);
        if !known && self.narrowed {
            header.default_sample_type =
                header.sample_types.first().map_or_else(String::new, |t| t.name.clone());
        }
        let SharedTables { symbols, label_sets, .. } = self.shared;
        compact(Profile { header, symbols, label_sets, samples: self.distinct.samples })
    }

    fn overflow(&self, column: usize, name: &str) -> MergeError {
        let types = self.header.iter().flat_map(|header| &header.sample_types);
        let what = types.map(|t| t.name.clone()).nth(column).unwrap_or_default();
        MergeError::Overflow { what, name: name.to_owned() }
    }

    /// Merges the headers, and reduces the merged part to the sample types that the profile also
    /// has.
    fn combine(&mut self, name: &str, own: &Header) -> Result<Vec<Column>, MergeError> {
        let Some(header) = &mut self.header else {
            name.clone_into(&mut self.first);
            let header = self.header.insert(own.clone());
            // The first of several equal names counts, as in a series.
            let mut seen: Vec<String> = Vec::new();
            header.sample_types.retain(|t| {
                let is_new = !seen.contains(&t.name);
                seen.push(t.name.clone());
                is_new
            });
            header.comments.retain(|comment| self.comments.insert(comment.clone()));
            self.absolute = vec![0; header.sample_types.len()];
            let columns = header.sample_types.iter();
            let from = |t: &SampleType| own.position(&t.name).unwrap_or_default();
            return Ok(columns.map(|t| Column { from: from(t), factor: 1 }).collect());
        };
        combine_facts(header, own, &self.first, name)?;
        let comments = own.comments.iter();
        let new = comments.filter(|comment| self.comments.insert((*comment).clone()));
        header.comments.extend(new.cloned());
        self.align(name, own)
    }

    /// Returns where the values of a profile go, after removing the sample types that it lacks and
    /// converting the others to its units if these are finer.
    fn align(&mut self, name: &str, own: &Header) -> Result<Vec<Column>, MergeError> {
        let Some(header) = &mut self.header else { return Ok(Vec::new()) };
        let mut kept = Vec::new();
        let mut columns = Vec::new();
        for (i, t) in header.sample_types.iter().enumerate() {
            let Some(from) = own.position(&t.name) else { continue };
            let unit = &own.sample_types[from].unit;
            let Some(factor) = units::conversion(unit, &t.unit) else { continue };
            // The merged unit has to become finer by this factor.
            let refined = if factor < 1.0 { (1.0 / factor).round() as i128 } else { 1 };
            let unit = if factor < 1.0 { unit.clone() } else { t.unit.clone() };
            kept.push((i, refined, SampleType { name: t.name.clone(), unit }));
            columns.push(Column { from, factor: factor.max(1.0).round() as i128 });
        }
        let width = header.sample_types.len();
        if kept.is_empty() && (width > 0 || !own.sample_types.is_empty()) {
            return Err(NoCommonSampleType::new((&self.first, header), (name, own)).into());
        }
        self.narrowed |= kept.len() < own.sample_types.len() || kept.len() < width;
        if kept.len() == width && kept.iter().all(|&(_, refined, _)| refined == 1) {
            return Ok(columns);
        }
        for (i, refined, t) in &kept {
            fits(self.absolute[*i] * refined).ok_or_else(|| MergeError::Overflow {
                what: t.name.clone(),
                name: name.to_owned(),
            })?;
        }
        self.absolute = kept.iter().map(|&(i, refined, _)| self.absolute[i] * refined).collect();
        let rows = self.distinct.samples.values.chunks_exact(width);
        let values = rows.flat_map(|row| {
            kept.iter().map(|&(i, refined, _)| (i128::from(row[i]) * refined) as i64)
        });
        self.distinct.samples.values = values.collect();
        header.sample_types = kept.into_iter().map(|(_, _, t)| t).collect();
        Ok(columns)
    }

    fn add_samples(
        &mut self,
        profile: &Profile,
        columns: &[Column],
        rows: &Rows,
        sign: Sign,
    ) -> Result<(), Problem> {
        let Self { distinct, absolute, .. } = self;
        let mut values = vec![0; columns.len()];
        for sample in 0..profile.samples.len() {
            let own = profile.values(sample);
            for (i, column) in columns.iter().enumerate() {
                let value = i128::from(own[column.from]) * column.factor;
                absolute[i] += value.abs();
                fits(absolute[i]).ok_or(Problem::Overflow(i))?;
                values[i] = if sign == Sign::Plus { value as i64 } else { -value as i64 };
            }
            if values.iter().all(|&value| value == 0) {
                continue;
            }
            let row = distinct.row(profile, sample, rows).ok_or(Problem::Stacks)?;
            let sums = &mut distinct.samples.values;
            if sums.len() == row * columns.len() {
                sums.extend_from_slice(&values);
                continue;
            }
            for (sum, value) in sums[row * columns.len()..].iter_mut().zip(&values) {
                *sum += value;
            }
        }
        Ok(())
    }
}

/// Why samples can't be added.
enum Problem {
    /// The sums of this column don't fit.
    Overflow(usize),
    /// The stacks take too much memory.
    Stacks,
}

/// Converts a sum of absolute values, if it fits in 64 bits.
fn fits(sum: i128) -> Option<i64> {
    i64::try_from(sum).ok()
}

/// Merges everything in a header except its sample types and comments: the earliest time, the
/// largest period, the sum of the durations, and for the rest the first value present.
fn combine_facts(
    header: &mut Header,
    own: &Header,
    first: &str,
    name: &str,
) -> Result<(), MergeError> {
    combine_periods(header, own, first, name)?;
    if header.time_nanos == 0 || (own.time_nanos != 0 && own.time_nanos < header.time_nanos) {
        header.time_nanos = own.time_nanos;
    }
    let durations = header.duration_nanos.checked_add(own.duration_nanos);
    header.duration_nanos = durations.ok_or_else(|| MergeError::Overflow {
        what: "the durations".to_owned(),
        name: name.to_owned(),
    })?;
    if header.default_sample_type.is_empty() {
        header.default_sample_type.clone_from(&own.default_sample_type);
    }
    if header.doc_url.is_empty() {
        header.doc_url.clone_from(&own.doc_url);
    }
    Ok(())
}

/// The larger of the periods, in the finer of the units. A profile without a period agrees with
/// any.
fn combine_periods(
    header: &mut Header,
    own: &Header,
    first: &str,
    name: &str,
) -> Result<(), MergeError> {
    let none = SampleType::default();
    if own.period_type == none && own.period == 0 {
        return Ok(());
    }
    if header.period_type == none && header.period == 0 {
        header.period_type.clone_from(&own.period_type);
        header.period = own.period;
        return Ok(());
    }
    let differ = || MergeError::Periods {
        first: first.to_owned(),
        second: name.to_owned(),
        first_type: header.period_type.to_string(),
        second_type: own.period_type.to_string(),
    };
    let (ours, theirs) = (&header.period_type, &own.period_type);
    let factor = units::conversion(&theirs.unit, &ours.unit).filter(|_| ours.name == theirs.name);
    let factor = factor.ok_or_else(differ)?;
    let scaled = |period: i64, factor: f64| {
        let exact = i128::from(period) * factor.round() as i128;
        i64::try_from(exact).map_err(|_| MergeError::Overflow {
            what: "the period".to_owned(),
            name: name.to_owned(),
        })
    };
    let (ours, theirs) = if factor < 1.0 {
        (scaled(header.period, 1.0 / factor)?, own.period)
    } else {
        (header.period, scaled(own.period, factor)?)
    };
    if factor < 1.0 {
        header.period_type.unit.clone_from(&own.period_type.unit);
    }
    header.period = if ours == 0 { theirs } else { ours.max(theirs) };
    Ok(())
}
