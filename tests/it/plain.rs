//! A profile as plain text, without the ids of its file, for comparing two readers.

use heapdiff::input::pprof::proto;
use heapdiff::model::ids::{LocationId, MappingId};
use heapdiff::model::labels::LabelValue;
use heapdiff::model::profile::{Header, Profile, SampleType};
use prost::Message;
use std::collections::BTreeMap;

/// The complete contents of a profile. Rows refer to each other by position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plain {
    pub(crate) header: Header,
    pub(crate) mappings: Vec<([u64; 3], [String; 2], [bool; 4])>,
    /// Name, system name, file; first line.
    pub(crate) functions: Vec<([String; 3], i64)>,
    pub(crate) locations: Vec<Location>,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Location {
    pub(crate) mapping: Option<usize>,
    pub(crate) address: u64,
    pub(crate) is_folded: bool,
    /// Function, line, column.
    pub(crate) lines: Vec<(usize, i64, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) stack: Vec<usize>,
    pub(crate) values: Vec<i64>,
    pub(crate) labels: Vec<(String, Label)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Label {
    Text(String),
    Number(i64, String),
}

/// The result of heapdiff's reader.
pub(crate) fn plain(profile: &Profile) -> Plain {
    let text = |id| profile.text(id).to_owned();
    let symbols = &profile.symbols;
    let location = |id: LocationId| Location {
        mapping: symbols.locations.mapping[id.index()].map(MappingId::index),
        address: symbols.locations.address[id.index()],
        is_folded: symbols.locations.is_folded[id.index()],
        lines: symbols
            .locations
            .lines(id)
            .iter()
            .map(|line| (line.function.index(), line.line, line.column))
            .collect(),
    };
    let sample = |i: usize| Sample {
        stack: profile.samples.stack(i).map(LocationId::index).collect(),
        values: profile.values(i).to_vec(),
        labels: profile
            .label_sets
            .get(profile.samples.labels[i])
            .iter()
            .map(|label| {
                let value = match label.value {
                    LabelValue::Text(id) => Label::Text(text(id)),
                    LabelValue::Number(number, unit) => Label::Number(number, text(unit)),
                };
                (text(label.key), value)
            })
            .collect(),
    };
    Plain {
        header: profile.header.clone(),
        mappings: symbols
            .mappings
            .iter()
            .map(|m| {
                let has = m.has;
                let flags = [has.functions, has.filenames, has.line_numbers, has.inline_frames];
                ([m.start, m.limit, m.offset], [text(m.file), text(m.build_id)], flags)
            })
            .collect(),
        functions: symbols
            .functions
            .iter()
            .map(|f| ([text(f.name), text(f.system_name), text(f.filename)], f.start_line))
            .collect(),
        locations: symbols.locations.ids().map(location).collect(),
        samples: (0..profile.samples.len()).map(sample).collect(),
    }
}

/// The slow reader: prost decodes the bytes (not packed), and every reference is looked up in a map.
pub(crate) fn reference(bytes: &[u8]) -> Result<Plain, String> {
    let p = proto::Profile::decode(bytes).map_err(|error| error.to_string())?;
    if p.string_table.first().is_none_or(|first| !first.is_empty()) {
        return Err("string_table[0]".to_owned());
    }
    let text = |position: i64| -> Result<String, String> {
        let found = usize::try_from(position).ok().and_then(|i| p.string_table.get(i));
        let bytes = found.ok_or_else(|| format!("string {position}"))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    let mappings = rows(p.mapping.iter().map(|m| m.id))?;
    let functions = rows(p.function.iter().map(|f| f.id))?;
    let locations = rows(p.location.iter().map(|l| l.id))?;
    let sample_type = |t: &proto::ValueType| -> Result<SampleType, String> {
        Ok(SampleType { name: text(t.r#type)?, unit: text(t.unit)? })
    };
    let location = |l: &proto::Location| -> Result<Location, String> {
        let line = |line: &proto::Line| -> Result<(usize, i64, i64), String> {
            Ok((row(&functions, line.function_id)?, line.line, line.column))
        };
        Ok(Location {
            mapping: match l.mapping_id {
                0 => None,
                _ if mappings.is_empty() => None,
                id => Some(row(&mappings, id)?),
            },
            address: l.address,
            is_folded: l.is_folded,
            lines: l.line.iter().map(line).collect::<Result<_, _>>()?,
        })
    };
    let sample = |s: &proto::Sample| -> Result<Sample, String> {
        if s.value.len() != p.sample_type.len() || s.value.is_empty() {
            return Err(format!("{} values", s.value.len()));
        }
        let mut labels = Vec::new();
        for label in &s.label {
            let value = if label.str != 0 {
                Label::Text(text(label.str)?)
            } else if label.num != 0 || label.num_unit != 0 {
                Label::Number(label.num, text(label.num_unit)?)
            } else {
                text(label.key)?;
                continue;
            };
            labels.push((text(label.key)?, value));
        }
        let stack = s.location_id.iter().map(|&id| row(&locations, id));
        Ok(Sample { stack: stack.collect::<Result<_, _>>()?, values: s.value.clone(), labels })
    };
    Ok(Plain {
        header: Header {
            sample_types: p.sample_type.iter().map(sample_type).collect::<Result<_, _>>()?,
            default_sample_type: text(p.default_sample_type)?,
            period_type: p.period_type.as_ref().map_or(Ok(SampleType::default()), sample_type)?,
            period: p.period,
            time_nanos: p.time_nanos,
            duration_nanos: p.duration_nanos,
            comments: p.comment.iter().map(|&c| text(c)).collect::<Result<_, _>>()?,
            drop_frames: text(p.drop_frames)?,
            keep_frames: text(p.keep_frames)?,
            doc_url: text(p.doc_url)?,
            ..Header::default()
        },
        mappings: p
            .mapping
            .iter()
            .map(|m| {
                let flags =
                    [m.has_functions, m.has_filenames, m.has_line_numbers, m.has_inline_frames];
                let names = [text(m.filename)?, text(m.build_id)?];
                Ok(([m.memory_start, m.memory_limit, m.file_offset], names, flags))
            })
            .collect::<Result<_, String>>()?,
        functions: p
            .function
            .iter()
            .map(|f| Ok(([text(f.name)?, text(f.system_name)?, text(f.filename)?], f.start_line)))
            .collect::<Result<_, String>>()?,
        locations: p.location.iter().map(location).collect::<Result<_, _>>()?,
        samples: p.sample.iter().map(sample).collect::<Result<_, _>>()?,
    })
}

fn rows(ids: impl Iterator<Item = u64>) -> Result<BTreeMap<u64, usize>, String> {
    let mut rows = BTreeMap::new();
    for (row, id) in ids.enumerate() {
        if id == 0 || rows.insert(id, row).is_some() {
            return Err(format!("id {id} is reserved or taken"));
        }
    }
    Ok(rows)
}

fn row(rows: &BTreeMap<u64, usize>, id: u64) -> Result<usize, String> {
    rows.get(&id).copied().ok_or_else(|| format!("no row has the id {id}"))
}
