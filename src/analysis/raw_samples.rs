//! Raw samples: how many are behind the values of a profile, and what each of them represents.

use super::Measured;
use crate::model::ids::{LabelSetId, LocationId};
use crate::model::measures::{self, Kind};
use crate::model::profile::{Header, SampleType};
use crate::model::series::{Series, Snapshot};
use crate::stats::sampling::{
    Bucket, Sampling, SamplingWeight, inclusion_probability, raw_samples,
};
use crate::units;

/// Largest plausible period, in bytes: with a larger one no object would ever be sampled, so a
/// profile that records one is wrong.
const LARGEST_PERIOD: f64 = 1e15;
/// Bytes of the smallest objects of a Go program that matter.
const SMALLEST: f64 = 16.0;

/// Columns that come from the same raw samples: a size and its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) size: usize,
    pub(super) count: Option<usize>,
    /// Whether values only ever rise within a process.
    pub(super) cumulative: bool,
}

impl Records {
    pub(super) fn new(types: &[SampleType], column: usize) -> Self {
        Self {
            size: measures::size_of(types, column).unwrap_or(column),
            count: measures::count_of(types, column),
            cumulative: measures::is_cumulative(&types[column]),
        }
    }
}

/// How the values of a snapshot were sampled; scaled values no longer reveal it.
pub(crate) fn sampling_of(snapshot: &Snapshot) -> Sampling {
    match snapshot {
        _ if snapshot.is_scaled => Sampling::Unknown,
        // A profile of references covers every object.
        _ if snapshot.is_of_references => Sampling::Exact,
        _ => sampling(&snapshot.header),
    }
}

/// How a profile was sampled, according to its header.
pub(crate) fn sampling(header: &Header) -> Sampling {
    match measures::kind(header) {
        Kind::Heap => {
            let (kind, factor) = units::classify(&header.period_type.unit);
            let in_bytes = kind == units::Kind::Bytes || header.period_type.unit.is_empty();
            let factor = if kind == units::Kind::Bytes { factor } else { 1.0 };
            let period = header.period as f64 * factor;
            if in_bytes && period <= LARGEST_PERIOD {
                Sampling::heap(period)
            } else {
                Sampling::Unknown
            }
        }
        Kind::Cpu => Sampling::Poisson,
        Kind::Goroutine | Kind::Threads => Sampling::Exact,
        Kind::Contention | Kind::Other => Sampling::Unknown,
    }
}

/// The weights of a snapshot's raw samples: values that all samples of a label set share are
/// computed once.
pub(super) struct Scale<'a> {
    /// The series that holds the labels.
    labels: &'a Series,
    /// The types of the values.
    types: &'a [SampleType],
    sampling: Sampling,
    /// Inclusion probability and weights of each label set that names the size of its objects.
    pub(super) sized: Vec<Option<(f64, Bucket)>>,
}

impl<'a> Scale<'a> {
    pub(super) fn new(labels: &'a Series, types: &'a [SampleType], sampling: Sampling) -> Self {
        let sized = labels.label_sets.ids().map(|set| {
            let (Sampling::Heap { period }, Some(size)) = (sampling, labels.object_size(set))
            else {
                return None;
            };
            let bucket = sampling.bucket(Some(1), size, Some(size)).filter(|_| size > 0)?;
            Some((inclusion_probability(size as f64, period), bucket))
        });
        Self { labels, types, sampling, sized: sized.collect() }
    }

    pub(super) fn known(&self) -> bool {
        self.sampling != Sampling::Unknown
    }

    pub(super) fn exact(&self) -> bool {
        self.sampling == Sampling::Exact
    }

    /// What a sample that was never seen would represent, in the unit of `measured`: for small
    /// objects the period, and the number of Go's smallest objects that fill it.
    pub(super) fn unit(&self, measured: &Measured) -> f64 {
        match self.sampling {
            Sampling::Heap { period } if measured.is_count() => period / SMALLEST,
            Sampling::Heap { period } => period / self.scale(&measured.records).0,
            Sampling::Poisson | Sampling::Exact | Sampling::Unknown => 0.0,
        }
    }

    /// Number of raw samples behind values with these labels.
    #[inline]
    pub(super) fn raw(&self, set: LabelSetId, values: &[i64], records: &Records) -> i64 {
        if let (Some((p, _)), Some(count)) = (&self.sized[set.index()], records.count) {
            return raw_samples(values[count], *p);
        }
        self.bucket(set, values, records).map_or(0, |bucket| bucket.raw)
    }

    /// What one raw sample with these labels and values represents, in the unit of `measured`. The
    /// sample may belong to another snapshot: then this is what it would weigh here.
    #[inline]
    pub(super) fn weight(
        &self,
        set: LabelSetId,
        values: &[i64],
        measured: &Measured,
    ) -> SamplingWeight {
        let records = &measured.records;
        let bucket = match &self.sized[set.index()] {
            Some((_, bucket)) if records.count.is_some() => Some(*bucket),
            _ => self.bucket(set, values, records),
        };
        match bucket {
            None => SamplingWeight::default(),
            Some(bucket) if measured.is_count() => bucket.objects,
            // Weights come in bytes; the values may be in another unit.
            Some(bucket) => match self.scale(records) {
                (_, 1) => bucket.value,
                (factor, _) => bucket.value.scaled(1.0 / factor),
            },
        }
    }

    /// The number of bytes in a unit of the size, also as a whole number.
    fn scale(&self, records: &Records) -> (f64, u64) {
        let unit = &self.types[records.size].unit;
        if unit == "bytes" {
            return (1.0, 1);
        }
        let (_, factor) = units::classify(unit);
        (factor, factor as u64)
    }

    #[cold]
    fn bucket(&self, set: LabelSetId, values: &[i64], records: &Records) -> Option<Bucket> {
        let counted = records.count.map(|count| values[count]);
        let bytes = (values[records.size] as f64 * self.scale(records).0) as i64;
        self.sampling.bucket(counted, bytes, self.labels.object_size(set))
    }
}

/// Raw samples of a snapshot.
pub(super) struct RawSamples<'a> {
    pub(super) series: &'a Series,
    snapshot: &'a Snapshot,
    pub(super) scale: Scale<'a>,
}

impl<'a> RawSamples<'a> {
    pub(super) fn new(series: &'a Series, snapshot: &'a Snapshot) -> Self {
        let scale = Scale::new(series, &series.sample_types, sampling_of(snapshot));
        Self { series, snapshot, scale }
    }

    pub(super) fn len(&self) -> usize {
        self.snapshot.samples.len()
    }

    pub(super) fn known(&self) -> bool {
        self.scale.known()
    }

    pub(super) fn exact(&self) -> bool {
        self.scale.exact()
    }

    /// Whether a sum of its values has an error worth stating: goroutines are counted, not sampled.
    pub(super) fn has_error(&self) -> bool {
        self.known() && measures::kind(&self.snapshot.header) != Kind::Goroutine
    }

    /// The same as [`Scale::unit`].
    pub(super) fn unit(&self, measured: &Measured) -> f64 {
        self.scale.unit(measured)
    }

    /// Number of raw samples behind the values of a sample.
    #[inline]
    pub(super) fn raw(&self, sample: usize, records: &Records) -> i64 {
        self.scale.raw(self.set(sample), self.values(sample), records)
    }

    /// The same as [`Scale::weight`].
    #[inline]
    pub(super) fn weight(
        &self,
        set: LabelSetId,
        values: &[i64],
        measured: &Measured,
    ) -> SamplingWeight {
        self.scale.weight(set, values, measured)
    }

    #[inline]
    pub(super) fn values(&self, sample: usize) -> &'a [i64] {
        self.series.values(self.snapshot, sample)
    }

    pub(super) fn stack(
        &self,
        sample: usize,
    ) -> impl Iterator<Item = LocationId> + Clone + use<'a> {
        self.snapshot.stack(sample)
    }

    #[inline]
    pub(super) fn set(&self, sample: usize) -> LabelSetId {
        self.snapshot.samples.labels[sample]
    }
}
