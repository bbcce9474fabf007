//! The fast decoder: from the byte stream straight into columns.
//!
//! The stream is read in pieces that fit the cache, and each top-level field is decoded as soon as
//! it is complete, so that decompressed bytes are used while they are in the cache and never all
//! held in memory. Nothing is allocated per sample, location or label: ids and values go to the
//! builder's columns, and a sample's labels are looked up by their bytes, which repeat often in a
//! heap profile.

use super::wire::{Cursor, Field, malformed};
use crate::input::InputError;
use crate::model::builder::{
    Builder, Invalid, RawFunction, RawLabel, RawLine, RawLocation, RawMapping, RawType,
};
use crate::model::ids::LabelSetId;
use crate::model::profile::{Profile, varint};
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher;
use std::io::Read;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;
/// Longest field of a profile; the longest are strings and deep stacks.
const MAX_FIELD: u64 = 1 << 28;

/// Decodes a whole stream, already decompressed.
pub fn decode(reader: &mut dyn Read) -> Result<Profile, InputError> {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; CHUNK];
    let (mut filled, mut offset) = (0, 0);
    loop {
        let n = match reader.read(&mut buffer[filled..]) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e.into()),
        };
        filled += n;
        let used = decoder.fields(&buffer[..filled], offset)?;
        if n == 0 {
            if used < filled {
                return Err(InputError::CutOff(format!(
                    "the bytes end at {} within a field that begins at {}",
                    offset + filled as u64,
                    offset + used as u64
                )));
            }
            break;
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
        offset += used as u64;
        if filled == buffer.len() {
            // Grows with the bytes that arrive, whatever length the field claims.
            buffer.resize(buffer.len() * 2, 0);
        }
    }
    decoder.builder.finish().map_err(|Invalid(what)| InputError::Invalid(what))
}

#[derive(Default)]
struct Decoder {
    builder: Builder,
    labels: LabelCache,
    lines: Vec<RawLine>,
}

impl Decoder {
    /// Decodes the complete fields and returns the number of bytes they take.
    fn fields(&mut self, bytes: &[u8], offset: u64) -> Result<usize, InputError> {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            let start = offset + used as u64;
            if let Some((sample, length)) = whole_sample(rest) {
                self.sample(sample, start + (length - sample.len()) as u64, start)?;
                used += length;
            } else if let Some((number, field, length)) = whole_field(rest, start)? {
                self.field(number, field, start)?;
                used += length;
            } else {
                return Ok(used);
            }
        }
    }

    fn field(&mut self, number: u64, field: Field<'_>, start: u64) -> Result<(), InputError> {
        let at = |Invalid(what): Invalid| InputError::Malformed {
            offset: start,
            expected: what,
            unpacked: false,
        };
        let header = &mut self.builder.header;
        match (number, field) {
            (2, Field::Bytes(bytes, base)) => return self.sample(bytes, base, start),
            (1, Field::Bytes(bytes, base)) => {
                self.builder.sample_type(value_type(bytes, base)?).map_err(at)?;
            }
            (3, Field::Bytes(bytes, base)) => {
                self.builder.mapping(mapping(bytes, base)?).map_err(at)?;
            }
            (4, Field::Bytes(bytes, base)) => {
                let raw = location(bytes, base, &mut self.lines)?;
                self.builder.location(raw, &self.lines).map_err(at)?;
            }
            (5, Field::Bytes(bytes, base)) => {
                self.builder.function(function(bytes, base)?).map_err(at)?;
            }
            (6, Field::Bytes(bytes, _)) => self.builder.string(bytes).map_err(at)?,
            (7, Field::Varint(v)) => header.drop_frames = v as i64,
            (8, Field::Varint(v)) => header.keep_frames = v as i64,
            (9, Field::Varint(v)) => {
                if header.time_nanos != 0 {
                    return Err(malformed(
                        start,
                        "one profile, found a second time_nanos: two profiles are glued together; \
                         give them as two files",
                    ));
                }
                header.time_nanos = v as i64;
            }
            (10, Field::Varint(v)) => header.duration_nanos = v as i64,
            (11, Field::Bytes(bytes, base)) => header.period_type = Some(value_type(bytes, base)?),
            (12, Field::Varint(v)) => header.period = v as i64,
            (13, Field::Varint(v)) => header.comments.push(v as i64),
            (13, Field::Bytes(bytes, base)) => {
                let mut cursor = Cursor::new(bytes, base);
                while !cursor.at_end() {
                    header.comments.push(cursor.varint()? as i64);
                }
            }
            (14, Field::Varint(v)) => header.default_sample_type = v as i64,
            (15, Field::Varint(v)) => header.doc_url = v as i64,
            (1..=15, _) => return Err(wrong_type("profile", number, start)),
            _ => {}
        }
        Ok(())
    }

    fn sample(&mut self, bytes: &[u8], base: u64, start: u64) -> Result<(), InputError> {
        self.labels.begin();
        if self.usual_sample(bytes).is_none() {
            self.builder.forget_sample();
            self.labels.begin();
            self.any_sample(bytes, base)?;
        }
        let labels = self.labels.end(&mut self.builder, base)?;
        self.builder.end_sample(labels).map_err(|Invalid(what)| malformed(start, &what))
    }

    /// Decodes a sample as nearly all writers encode it: packed locations, packed values, labels.
    /// `None` if it is encoded differently or broken; then the builder may contain a part of it.
    #[inline]
    fn usual_sample(&mut self, bytes: &[u8]) -> Option<()> {
        let mut rest = bytes.iter();
        while let Some(&key) = rest.next() {
            let at = bytes.len() - rest.as_slice().len() - 1;
            let length = usize::try_from(varint(&mut rest)?).ok()?;
            let content = rest.as_slice().get(..length)?;
            let behind = &rest.as_slice()[length..];
            match key {
                LOCATIONS => self.builder.sample_locations_packed(content),
                VALUES => {
                    let mut values = content.iter();
                    while let Some(value) = varint(&mut values) {
                        self.builder.sample_value(value as i64);
                        // Minus one, or a varint that is too long.
                        if value == u64::MAX {
                            return None;
                        }
                    }
                    // Cut off within a number.
                    if content.last().is_some_and(|&last| last >= 0x80) {
                        return None;
                    }
                }
                LABEL => self.labels.add(&bytes[at..bytes.len() - behind.len()]),
                _ => return None,
            }
            rest = behind.iter();
        }
        Some(())
    }

    /// Decodes any sample.
    #[cold]
    fn any_sample(&mut self, bytes: &[u8], base: u64) -> Result<(), InputError> {
        let builder = &mut self.builder;
        let mut cursor = Cursor::new(bytes, base);
        while !cursor.at_end() {
            let at = cursor.position();
            match cursor.field()? {
                (1, Field::Bytes(ids, base)) => {
                    let mut ids = Cursor::new(ids, base);
                    while !ids.at_end() {
                        builder.sample_location(ids.varint()?);
                    }
                }
                (1, Field::Varint(id)) => builder.sample_location(id),
                (2, Field::Bytes(values, base)) => {
                    let mut values = Cursor::new(values, base);
                    while !values.at_end() {
                        builder.sample_value(values.varint()? as i64);
                    }
                }
                (2, Field::Varint(value)) => builder.sample_value(value as i64),
                (3, Field::Bytes(..)) => self.labels.add(&bytes[at..cursor.position()]),
                (number @ 1..=3, _) => return Err(wrong_type("sample", number, base + at as u64)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Keys of a sample's fields, each of wire type 2.
const LOCATIONS: u8 = 1 << 3 | 2;
const VALUES: u8 = 2 << 3 | 2;
const LABEL: u8 = 3 << 3 | 2;
/// Key of a sample in a profile.
const SAMPLE: u8 = 2 << 3 | 2;

/// Returns the content of the sample at the start of the bytes and the length of the whole field;
/// `None` if there is something else, or only a part of it.
#[inline]
fn whole_sample(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut rest = bytes.iter();
    if *rest.next()? != SAMPLE {
        return None;
    }
    let length = usize::try_from(varint(&mut rest)?).ok()?;
    let content = rest.as_slice().get(..length)?;
    Some((content, bytes.len() - rest.as_slice().len() + length))
}

/// Returns the number and content of the field at the start of `bytes` and where it ends; `None` if
/// more bytes are needed.
#[inline]
fn whole_field(bytes: &[u8], offset: u64) -> Result<Option<(u64, Field<'_>, usize)>, InputError> {
    let mut cursor = Cursor::new(bytes, offset);
    // 20 bytes hold any key and length; with fewer, a number may be cut off rather than too long.
    let head = |cursor: &mut Cursor<'_>| match cursor.varint() {
        Ok(v) => Ok(Some(v)),
        Err(_) if bytes.len() < 20 => Ok(None),
        Err(e) => Err(e),
    };
    let Some(key) = head(&mut cursor)? else { return Ok(None) };
    let number = key >> 3;
    if number == 0 {
        return Err(malformed(offset, "a field of a profile, found field number 0"));
    }
    let length = match key & 7 {
        0 => {
            let value = head(&mut cursor)?;
            return Ok(value.map(|value| (number, Field::Varint(value), cursor.position())));
        }
        1 => Some(8),
        2 => head(&mut cursor)?,
        5 => Some(4),
        wire_type => {
            return Err(malformed(
                offset,
                &format!("a protobuf field of a profile, found wire type {wire_type}"),
            ));
        }
    };
    let Some(length) = length else { return Ok(None) };
    if length > MAX_FIELD {
        return Err(malformed(
            offset,
            &format!("a field of at most {MAX_FIELD} bytes, found one that claims {length}"),
        ));
    }
    let (start, end) = (cursor.position(), cursor.position() + length as usize);
    let Some(content) = bytes.get(start..end) else { return Ok(None) };
    let field = if key & 7 == 2 { Field::Bytes(content, cursor.offset()) } else { Field::Fixed };
    Ok(Some((number, field, end)))
}

fn wrong_type(message: &str, number: u64, offset: u64) -> InputError {
    malformed(offset, &format!("field {number} of a {message} in its own wire type, found another"))
}

/// Calls `set` with each varint field of a message and skips other fields. If a field is repeated,
/// the last call counts.
#[inline]
fn varints(bytes: &[u8], base: u64, mut set: impl FnMut(u64, u64)) -> Result<(), InputError> {
    if usual_varints(bytes, &mut set).is_some() {
        return Ok(());
    }
    let mut cursor = Cursor::new(bytes, base);
    while !cursor.at_end() {
        if let (number, Field::Varint(value)) = cursor.field()? {
            set(number, value);
        }
    }
    Ok(())
}

/// Like [`varints`] for a message of varints alone, as nearly all are; `None` for any other, or if
/// it is broken.
#[inline]
fn usual_varints(bytes: &[u8], set: &mut impl FnMut(u64, u64)) -> Option<()> {
    let mut rest = bytes.iter();
    while let Some(&key) = rest.next() {
        if key & 7 != 0 || !(8..0x80).contains(&key) {
            return None;
        }
        let value = varint(&mut rest)?;
        // The largest number, or a varint that is too long.
        if value == u64::MAX {
            return None;
        }
        set(u64::from(key >> 3), value);
    }
    Some(())
}

fn value_type(bytes: &[u8], base: u64) -> Result<RawType, InputError> {
    let mut raw = RawType::default();
    varints(bytes, base, |number, value| match number {
        1 => raw.name = value as i64,
        2 => raw.unit = value as i64,
        _ => {}
    })?;
    Ok(raw)
}

fn mapping(bytes: &[u8], base: u64) -> Result<RawMapping, InputError> {
    let mut raw = RawMapping::default();
    varints(bytes, base, |number, value| match number {
        1 => raw.id = value,
        2 => raw.start = value,
        3 => raw.limit = value,
        4 => raw.offset = value,
        5 => raw.file = value as i64,
        6 => raw.build_id = value as i64,
        7 => raw.has.functions = value != 0,
        8 => raw.has.filenames = value != 0,
        9 => raw.has.line_numbers = value != 0,
        10 => raw.has.inline_frames = value != 0,
        _ => {}
    })?;
    Ok(raw)
}

fn location(bytes: &[u8], base: u64, lines: &mut Vec<RawLine>) -> Result<RawLocation, InputError> {
    lines.clear();
    if let Some(raw) = usual_location(bytes, lines) {
        return Ok(raw);
    }
    lines.clear();
    let mut raw = RawLocation::default();
    let mut cursor = Cursor::new(bytes, base);
    while !cursor.at_end() {
        match cursor.field()? {
            (1, Field::Varint(v)) => raw.id = v,
            (2, Field::Varint(v)) => raw.mapping = v,
            (3, Field::Varint(v)) => raw.address = v,
            (4, Field::Bytes(bytes, base)) => {
                let mut line = RawLine::default();
                varints(bytes, base, |number, value| line.set(number, value))?;
                lines.push(line);
            }
            (5, Field::Varint(v)) => raw.is_folded = v != 0,
            (number @ 1..=5, _) => return Err(wrong_type("location", number, base)),
            _ => {}
        }
    }
    Ok(raw)
}

/// Decodes a location as nearly all writers encode it; `None` for any other, or if it is broken.
#[inline]
fn usual_location(bytes: &[u8], lines: &mut Vec<RawLine>) -> Option<RawLocation> {
    let mut raw = RawLocation::default();
    let mut rest = bytes.iter();
    while let Some(&key) = rest.next() {
        let value = varint(&mut rest).filter(|&value| value != u64::MAX)?;
        match key {
            0x08 => raw.id = value,
            0x10 => raw.mapping = value,
            0x18 => raw.address = value,
            0x22 => {
                let (content, behind) = rest.as_slice().split_at_checked(value as usize)?;
                let mut line = RawLine::default();
                usual_varints(content, &mut |number, value| line.set(number, value))?;
                lines.push(line);
                rest = behind.iter();
            }
            0x28 => raw.is_folded = value != 0,
            _ => return None,
        }
    }
    Some(raw)
}

fn function(bytes: &[u8], base: u64) -> Result<RawFunction, InputError> {
    let mut raw = RawFunction::default();
    varints(bytes, base, |number, value| match number {
        1 => raw.id = value,
        2 => raw.name = value as i64,
        3 => raw.system_name = value as i64,
        4 => raw.filename = value as i64,
        5 => raw.start_line = value as i64,
        _ => {}
    })?;
    Ok(raw)
}

/// Label sets by the bytes of their fields.
#[derive(Default)]
struct LabelCache {
    /// The label bytes of the current sample.
    current: Vec<u8>,
    known: Vec<u8>,
    ends: Vec<(usize, LabelSetId)>,
    index: HashTable<u32>,
    last: Option<u32>,
}

impl LabelCache {
    fn begin(&mut self) {
        self.current.clear();
    }

    /// Adds a label field, including its key.
    #[inline]
    fn add(&mut self, field: &[u8]) {
        self.current.extend_from_slice(field);
    }

    #[inline]
    fn bytes<'a>(known: &'a [u8], ends: &[(usize, LabelSetId)], i: u32) -> &'a [u8] {
        let start = if i == 0 { 0 } else { ends[i as usize - 1].0 };
        &known[start..ends[i as usize].0]
    }

    #[inline]
    fn end(&mut self, builder: &mut Builder, base: u64) -> Result<LabelSetId, InputError> {
        match self.last {
            Some(i) if Self::bytes(&self.known, &self.ends, i) == self.current => {
                Ok(self.ends[i as usize].1)
            }
            _ => self.look_up(builder, base),
        }
    }

    fn look_up(&mut self, builder: &mut Builder, base: u64) -> Result<LabelSetId, InputError> {
        let Self { current, known, ends, index, last } = self;
        let h = hash(current);
        if let Some(&i) = index.find(h, |&i| Self::bytes(known, ends, i) == current) {
            *last = Some(i);
            return Ok(ends[i as usize].1);
        }
        let id = builder.label_set(&labels(current, base)?);
        known.extend_from_slice(current);
        ends.push((known.len(), id));
        let i = ends.len() as u32 - 1;
        let (known, ends) = (&*known, &*ends);
        index.insert_unique(h, i, |&i| hash(Self::bytes(known, ends, i)));
        *last = Some(i);
        Ok(id)
    }
}

fn labels(fields: &[u8], base: u64) -> Result<Vec<RawLabel>, InputError> {
    let mut set = Vec::new();
    let mut cursor = Cursor::new(fields, base);
    while !cursor.at_end() {
        if let (3, Field::Bytes(bytes, base)) = cursor.field()? {
            let mut raw = RawLabel::default();
            varints(bytes, base, |number, value| match number {
                1 => raw.key = value as i64,
                2 => raw.text = value as i64,
                3 => raw.number = value as i64,
                4 => raw.unit = value as i64,
                _ => {}
            })?;
            set.push(raw);
        }
    }
    Ok(set)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}
