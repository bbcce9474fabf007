//! Encodes columns as bytes that [`super::decode()`] and `go tool pprof` read.
//!
//! Samples are encoded one at a time, so that writing takes no more memory than the profile. All
//! data of a profile is kept, in its order, except for the ids of the original file.

use super::proto;
use crate::model::ids::{LocationId, StringId};
use crate::model::labels::{Label, LabelValue};
use crate::model::profile::{Profile, SampleType};
use crate::model::strings::Strings;
use crate::model::symbols::Line;
use flate2::{Compression, write::GzEncoder};
use prost::Message;
use std::convert::Infallible;
use std::io::{self, Write};

/// Bytes collected before they are handed on.
const CHUNK: usize = 64 * 1024;

/// Returns the bytes of a profile, not compressed.
pub fn encode(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = fields::<Infallible>(profile, |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    });
    bytes
}

/// Writes the bytes of [`encode`], not compressed. Errors are those of the writer.
pub fn write_plain(profile: &Profile, mut out: impl Write) -> io::Result<()> {
    fields(profile, |chunk| out.write_all(chunk))?;
    out.flush()
}

/// Writes the contents of a `.pb.gz` file, compressed with gzip. Equal profiles give equal bytes.
/// Errors are those of the writer.
pub fn write(profile: &Profile, out: impl Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::default());
    fields(profile, |chunk| gzip.write_all(chunk))?;
    gzip.finish()?.flush()
}

/// Hands the fields of a profile to `sink`, piece by piece.
fn fields<E>(profile: &Profile, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut out = Out { sink, buffer: Vec::with_capacity(2 * CHUNK) };
    let mut table = Table::new(profile);
    let own_default = needs_own_default(profile);
    out.add(&header(profile, &mut table, own_default))?;
    samples(profile, &mut table, &mut out)?;
    let mut one = proto::Profile::default();
    for (id, m) in (1..).zip(&profile.symbols.mappings) {
        one.mapping = vec![proto::Mapping {
            id,
            memory_start: m.start,
            memory_limit: m.limit,
            file_offset: m.offset,
            filename: table.position(profile.text(m.file)),
            build_id: table.position(profile.text(m.build_id)),
            has_functions: m.has.functions,
            has_filenames: m.has.filenames,
            has_line_numbers: m.has.line_numbers,
            has_inline_frames: m.has.inline_frames,
        }];
        out.add(&one)?;
    }
    one.mapping.clear();
    for id in profile.symbols.locations.ids() {
        one.location = vec![location(profile, id)];
        out.add(&one)?;
    }
    one.location.clear();
    for (id, f) in (1..).zip(&profile.symbols.functions) {
        one.function = vec![proto::Function {
            id,
            name: table.position(profile.text(f.name)),
            system_name: table.position(profile.text(f.system_name)),
            filename: table.position(profile.text(f.filename)),
            start_line: f.start_line,
        }];
        out.add(&one)?;
    }
    one.function.clear();
    let mut strings = 0;
    for string in table.strings() {
        one.string_table = vec![string.as_bytes().to_vec()];
        out.add(&one)?;
        strings += 1;
    }
    if own_default {
        one.string_table = vec![profile.header.default_sample_type.as_bytes().to_vec()];
        one.default_sample_type = strings;
        out.add(&one)?;
    }
    out.flush()
}

/// Whether the default sample type is named by a second copy of its string, at the end of the
/// table.
///
/// pprof finds the type by its text and shows signed values. speedscope refuses a profile with
/// negative values in the column it shows. It finds the column by the position of the string, and
/// falls back to the last column. So with a second copy it can open a profile whose default column
/// has negative values and whose last column has none.
fn needs_own_default(profile: &Profile) -> bool {
    let width = profile.header.sample_types.len();
    let default = profile.header.position(&profile.header.default_sample_type);
    let Some(default) = default.filter(|&default| default + 1 < width) else { return false };
    let mut has_negative = false;
    for row in profile.samples.values.chunks_exact(width) {
        has_negative |= row[default] < 0;
        if row[width - 1] < 0 {
            return false;
        }
    }
    has_negative
}

fn header(profile: &Profile, table: &mut Table, own_default: bool) -> proto::Profile {
    let header = &profile.header;
    let mut value_type = |t: &SampleType| proto::ValueType {
        r#type: table.position(&t.name),
        unit: table.position(&t.unit),
    };
    proto::Profile {
        sample_type: header.sample_types.iter().map(&mut value_type).collect(),
        period_type: (header.period_type != SampleType::default())
            .then(|| value_type(&header.period_type)),
        drop_frames: table.position(&header.drop_frames),
        keep_frames: table.position(&header.keep_frames),
        time_nanos: header.time_nanos,
        duration_nanos: header.duration_nanos,
        period: header.period,
        comment: header.comments.iter().map(|comment| table.position(comment)).collect(),
        default_sample_type: if own_default {
            0
        } else {
            table.position(&header.default_sample_type)
        },
        doc_url: table.position(&header.doc_url),
        ..proto::Profile::default()
    }
}

fn samples<E, S: FnMut(&[u8]) -> Result<(), E>>(
    profile: &Profile,
    table: &mut Table,
    out: &mut Out<S>,
) -> Result<(), E> {
    let sets = profile.label_sets.ids().map(|set| {
        profile.label_sets.get(set).iter().map(|l| table.label(profile, l)).collect::<Vec<_>>()
    });
    let sets: Vec<Vec<proto::Label>> = sets.collect();
    let mut one = proto::Profile { sample: vec![proto::Sample::default()], ..Default::default() };
    for i in 0..profile.samples.len() {
        let sample = &mut one.sample[0];
        sample.location_id.clear();
        sample.location_id.extend(profile.samples.stack(i).map(id_of));
        profile.values(i).clone_into(&mut sample.value);
        sets[profile.samples.labels[i].index()].clone_into(&mut sample.label);
        out.add(&one)?;
    }
    Ok(())
}

fn location(profile: &Profile, id: LocationId) -> proto::Location {
    let locations = &profile.symbols.locations;
    let line = |line: &Line| proto::Line {
        function_id: u64::from(line.function.0) + 1,
        line: line.line,
        column: line.column,
    };
    proto::Location {
        id: id_of(id),
        mapping_id: locations.mapping[id.index()].map_or(0, |mapping| u64::from(mapping.0) + 1),
        address: locations.address[id.index()],
        line: locations.lines(id).iter().map(line).collect(),
        is_folded: locations.is_folded[id.index()],
    }
}

fn id_of(location: LocationId) -> u64 {
    u64::from(location.0) + 1
}

/// Collects encoded fields.
struct Out<S> {
    sink: S,
    buffer: Vec<u8>,
}

impl<E, S: FnMut(&[u8]) -> Result<(), E>> Out<S> {
    /// Adds the fields of a message: consecutive messages on the wire are read as one.
    fn add(&mut self, part: &proto::Profile) -> Result<(), E> {
        // The buffer grows, so the message always fits.
        part.encode_raw(&mut self.buffer);
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), E> {
        (self.sink)(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// The string table under construction: each string once, the empty one first.
struct Table {
    strings: Strings,
    /// Position 1 holds a second empty string, for labels whose value (or unit) is empty rather
    /// than absent.
    second_empty: bool,
}

impl Table {
    fn new(profile: &Profile) -> Self {
        let sets = &profile.label_sets;
        let mut labels = sets.ids().flat_map(|set| sets.get(set));
        let second_empty = labels.any(|label| match label.value {
            LabelValue::Text(text) => profile.text(text).is_empty(),
            LabelValue::Number(number, unit) => number == 0 && profile.text(unit).is_empty(),
        });
        Self { strings: Strings::default(), second_empty }
    }

    fn position(&mut self, text: &str) -> i64 {
        match self.strings.intern(text).index() {
            0 => 0,
            row => row as i64 + i64::from(self.second_empty),
        }
    }

    /// Returns the position of a string that must not be mistaken for an absent one.
    fn present(&mut self, text: &str) -> i64 {
        self.position(text).max(1)
    }

    fn label(&mut self, profile: &Profile, label: &Label) -> proto::Label {
        let key = self.position(profile.text(label.key));
        let (str, num, num_unit) = match label.value {
            LabelValue::Text(text) => (self.present(profile.text(text)), 0, 0),
            LabelValue::Number(0, unit) => (0, 0, self.present(profile.text(unit))),
            LabelValue::Number(number, unit) => (0, number, self.position(profile.text(unit))),
        };
        proto::Label { key, str, num, num_unit }
    }

    fn strings(&self) -> impl Iterator<Item = &str> {
        let all = (0..self.strings.len()).map(StringId::from_index);
        self.second_empty.then_some("").into_iter().chain(all.map(|id| self.strings.get(id)))
    }
}
